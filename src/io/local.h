/* Private: sockets of the local family (unix(7)), which carry ncalrpc here. */
#ifndef MSRPC_IO_PRIVATE_LOCAL_H
#define MSRPC_IO_PRIVATE_LOCAL_H

#include <msrpc/io/addr.h>

/* Takes the lock beside @path, removes what a process that died left there, binds and listens with
 * file mode @mode. Returns the descriptor, the lock's in *@lockp, or -1 with errno: EADDRINUSE when
 * another process holds the lock. */
int mr_local_listen(const char *path, unsigned mode, int backlog, int *lockp);
/* Removes the socket's file and gives the lock back. */
void mr_local_unlisten(const char *path, int lock);
/* Connects at once or not at all. Returns the non-blocking descriptor, or -1 with errno: EAGAIN
 * when the listener's backlog is full. */
int mr_local_connect(const char *path);
/* The process that connected, or listened (SO_PEERCRED); zeroed when the kernel does not tell. */
mr_credentials mr_local_get_credentials(int fd);

#endif
