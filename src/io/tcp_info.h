/* Private: reading the kernel's view of a TCP connection, and the TCP options of a socket. */
#ifndef MSRPC_IO_PRIVATE_TCP_INFO_H
#define MSRPC_IO_PRIVATE_TCP_INFO_H

#include <msrpc/io/stream.h>

/* 0, or MR_ERR_NOT_FOUND when the kernel has nothing to tell. */
int mr_tcp_info_get(int fd, mr_tcp_info *infop);
/* No delay for small segments; with @tries > 0 at most that many SYNs. */
void mr_tcp_set_options(int fd, unsigned tries);

#endif
