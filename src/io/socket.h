/* Private: socket addresses, sockets as this floor wants them, what the kernel says of errors. */
#ifndef MSRPC_IO_PRIVATE_SOCKET_H
#define MSRPC_IO_PRIVATE_SOCKET_H

#include <msrpc/io/addr.h>
#include <sys/socket.h>

/* Fills @outp; returns its length. An address of no family becomes the any-address of @family. */
socklen_t mr_addr_to_sockaddr(const mr_addr *addr, enum mr_family family,
                              struct sockaddr_storage *outp);
/* IPv4-mapped addresses become IPv4; families that have no mr_family become none. */
mr_addr mr_addr_of_sockaddr(const struct sockaddr *sa);
mr_addr mr_socket_local(int fd);

/* A non-blocking socket of @type to reach @remote, bound to @source when that names an address or
 * a port, with ICMP errors queued for mr_socket_take_icmp. Returns the descriptor, or -1 with
 * errno. */
int mr_socket_open(int type, const mr_addr *remote, const mr_addr *source);

/* Takes everything from the socket's error queue. Returns true when an ICMP error was there; then
 * the last one is in @icmpp and its errno in @os_errorp. The kernel forgets its pending error for
 * what was taken. */
bool mr_socket_take_icmp(int fd, mr_icmp *icmpp, int *os_errorp);
/* The socket's pending error, which the kernel forgets. */
int mr_socket_take_error(int fd);

/* One sentence into @err and the result for an attempt that ended without opening. */
int mr_attempt_fail(const mr_attempt *attempt, const char *protocol, mr_error *err);

#endif
