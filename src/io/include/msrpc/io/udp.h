/*
 * A UDP socket that is connected to nobody: it sends to any address, also to the broadcast
 * addresses of a link, and hears whoever answers. Beside it, the links this machine has.
 */
#ifndef MSRPC_IO_UDP_H
#define MSRPC_IO_UDP_H

#include <msrpc/io/addr.h>
#include <msrpc/io/loop.h>

typedef struct mr_udp mr_udp;
struct mr_udp {
    mr_loop *loop;
    /* A datagram of @sender. The udp may be deinitialised here. */
    void (*received)(void *user, const mr_addr *sender, mr_slice bytes);
    void *user;
    mr_addr local;          /* read only; no address: any of this machine */
    struct mr_watch *watch; /* private */
};

/* Opens a socket bound to @source (its family, address and port; a port of 0: any) that may send
 * to broadcast addresses. MR_ERR_SYSTEM, MR_ERR_MEMORY, MR_ERR_ARGUMENT without a family. */
int mr_udp_init(mr_udp *udp, mr_loop *loop, const mr_addr *source,
                void (*received)(void *user, const mr_addr *sender, mr_slice bytes), void *user,
                mr_error *err);
/* Sends one datagram now; what the socket cannot take at once is lost, as datagrams are. 0, or
 * MR_ERR_SYSTEM with the errno in @err: no route, not permitted. */
int mr_udp_send(mr_udp *udp, const mr_addr *remote, mr_slice bytes, mr_error *err);
/* Closes it without a callback. A zeroed udp may be deinitialised. */
void mr_udp_deinit(mr_udp *udp);

/* One IPv4 address of an interface that is up and can broadcast. */
typedef struct mr_link {
    char name[16];
    mr_addr address;
    mr_addr broadcast;
} mr_link;

/* Fills @links with at most @max links and says how many. Loopback is none. MR_ERR_SYSTEM. */
int mr_link_get_all(mr_link *links, size_t max, size_t *countp, mr_error *err);

#endif
