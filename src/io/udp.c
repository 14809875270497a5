/*
 * An unconnected UDP socket, and the links of this machine (getifaddrs). ICMP errors for what was
 * sent are taken off the error queue and dropped: they belong to no one answer.
 */
#include "loop.h"
#include "socket.h"

#include <msrpc/io/udp.h>

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#define BATCH 64 /* datagrams taken in one turn */

static void udp_ready(void *user, unsigned ready) {
    mr_udp *udp = user;
    mr_watch *watch = udp->watch;
    uint8_t *scratch = udp->loop->state->scratch;
    int fd = mr_watch_fd(watch), os_error;
    mr_icmp icmp;

    if (ready & MR_READY_ERROR)
        (void)mr_socket_take_icmp(fd, &icmp, &os_error);
    for (int i = 0; i < BATCH; i++) {
        struct sockaddr_storage from;
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(fd, scratch, MR_SCRATCH, 0, (struct sockaddr *)&from, &len);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) {
            (void)mr_socket_take_icmp(fd, &icmp, &os_error);
            continue;
        }
        mr_addr sender = mr_addr_of_sockaddr((struct sockaddr *)&from);
        udp->received(udp->user, &sender, mr_slice_of(scratch, (size_t)n));
        if (watch->closed)
            return;
    }
}

static int system_error(mr_error *err, const char *what, const mr_addr *addr) {
    uint32_t os_error = (uint32_t)errno;
    char text[MR_ADDR_TEXT];

    return mr_fail_peer(err, MR_ERR_SYSTEM, MR_FLOOR_IO, MR_PEER_ERRNO, os_error, "%s %s: %s",
                        what, mr_addr_port_text(addr, text), strerror((int)os_error));
}

int mr_udp_init(mr_udp *udp, mr_loop *loop, const mr_addr *source,
                void (*received)(void *user, const mr_addr *sender, mr_slice bytes), void *user,
                mr_error *err) {
    struct sockaddr_storage sa;
    int one = 1;

    *udp = (mr_udp){.loop = loop, .received = received, .user = user};
    if (source->family == MR_FAMILY_ANY)
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_IO, MR_ERROR_NO_OFFSET,
                       "a UDP socket needs a family");
    int fd = mr_socket_open(SOCK_DGRAM, source, &(mr_addr){0});
    if (fd < 0)
        return system_error(err, "cannot open a UDP socket at", source);
    socklen_t len = mr_addr_to_sockaddr(source, source->family, &sa);
    if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof one) != 0 ||
        bind(fd, (struct sockaddr *)&sa, len) != 0) {
        int r = system_error(err, "cannot open a UDP socket at", source);
        close(fd);
        return r;
    }
    udp->local = mr_socket_local(fd);
    int r = mr_watch_add(loop, fd, udp_ready, udp, &udp->watch);
    if (r != 0) {
        close(fd);
        return mr_fail(err, r, MR_FLOOR_IO, MR_ERROR_NO_OFFSET, "cannot watch a UDP socket");
    }
    mr_watch_set(udp->watch, MR_READY_READ);
    return 0;
}

int mr_udp_send(mr_udp *udp, const mr_addr *remote, mr_slice bytes, mr_error *err) {
    struct sockaddr_storage sa;
    socklen_t len = mr_addr_to_sockaddr(remote, udp->local.family, &sa);
    int fd = mr_watch_fd(udp->watch);

    for (int tries = 2; tries; tries--) {
        ssize_t n = sendto(fd, bytes.data, bytes.len, MSG_NOSIGNAL, (struct sockaddr *)&sa, len);
        if (n >= 0 || errno == EAGAIN || errno == ENOBUFS)
            return 0;
        /* the kernel may report an earlier datagram's ICMP error here, once */
        mr_icmp icmp;
        int os_error, saved = errno;
        bool stale = mr_socket_take_icmp(fd, &icmp, &os_error);
        errno = saved;
        if (!stale && saved != EINTR)
            break;
    }
    return system_error(err, "cannot send to", remote);
}

void mr_udp_deinit(mr_udp *udp) {
    mr_watch_close(udp->watch);
    udp->watch = NULL;
}

int mr_link_get_all(mr_link *links, size_t max, size_t *countp, mr_error *err) {
    struct ifaddrs *all;
    size_t count = 0;

    if (getifaddrs(&all) != 0)
        return mr_fail_peer(err, MR_ERR_SYSTEM, MR_FLOOR_IO, MR_PEER_ERRNO, (uint32_t)errno,
                            "the interfaces of this machine cannot be listed: %s",
                            strerror(errno));
    for (struct ifaddrs *i = all; i && count < max; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_UP) ||
            !(i->ifa_flags & IFF_BROADCAST) || (i->ifa_flags & IFF_LOOPBACK) || !i->ifa_netmask)
            continue;
        mr_link *link = &links[count];
        /* not every interface is told its broadcast address; the mask says it too */
        mr_addr mask = mr_addr_of_sockaddr(i->ifa_netmask);
        *link = (mr_link){.address = mr_addr_of_sockaddr(i->ifa_addr)};
        link->broadcast = link->address;
        for (int k = 0; k < 4; k++)
            link->broadcast.ip[k] |= (uint8_t)~mask.ip[k];
        if (mask.ip[3] >= 254) /* two hosts or one: nobody to broadcast to */
            continue;
        memcpy(link->name, i->ifa_name, strnlen(i->ifa_name, sizeof link->name - 1));
        count++;
    }
    freeifaddrs(all);
    *countp = count;
    return 0;
}
