/*
 * Sockets: conversion of addresses, opening, and the error queue (ip(7) IP_RECVERR, ipv6(7)
 * IPV6_RECVERR), from which an ICMP error comes with its type, its code and its sender. For a
 * connecting TCP socket too: that is how a firewall's "port unreachable" is told from a reset.
 */
#include "socket.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

socklen_t mr_addr_to_sockaddr(const mr_addr *addr, enum mr_family family,
                              struct sockaddr_storage *outp) {
    memset(outp, 0, sizeof *outp);
    if (addr->family != MR_FAMILY_ANY)
        family = addr->family;
    if (family == MR_FAMILY_IPV6) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port),
                                   .sin6_scope_id = addr->scope};
        memcpy(&in6.sin6_addr, addr->ip, 16);
        memcpy(outp, &in6, sizeof in6);
        return sizeof in6;
    }
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
    memcpy(&in.sin_addr, addr->ip, 4);
    memcpy(outp, &in, sizeof in);
    return sizeof in;
}

mr_addr mr_addr_of_sockaddr(const struct sockaddr *sa) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    mr_addr addr = {0};

    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof in);
        addr.family = MR_FAMILY_IPV4;
        addr.port = ntohs(in.sin_port);
        memcpy(addr.ip, &in.sin_addr, 4);
    } else if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof in6);
        addr.port = ntohs(in6.sin6_port);
        if (memcmp(&in6.sin6_addr, mapped, sizeof mapped) == 0) {
            addr.family = MR_FAMILY_IPV4;
            memcpy(addr.ip, in6.sin6_addr.s6_addr + 12, 4);
        } else {
            addr.family = MR_FAMILY_IPV6;
            addr.scope = in6.sin6_scope_id;
            memcpy(addr.ip, &in6.sin6_addr, 16);
        }
    } else if (sa->sa_family == AF_UNIX) {
        addr.family = MR_FAMILY_UNIX;
    }
    return addr;
}

mr_addr mr_socket_local(int fd) {
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof sa;

    if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
        return (mr_addr){0};
    return mr_addr_of_sockaddr((struct sockaddr *)&sa);
}

static int socket_bind(int fd, const mr_addr *source, enum mr_family family) {
    struct sockaddr_storage sa;
    int one = 1;

    if (source->port == 0 && mr_addr_is_any(source))
        return 0;
    /* a port of ours may still be in TIME_WAIT; without a port the kernel chooses at connect */
    if (source->port)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    else
        (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    socklen_t len = mr_addr_to_sockaddr(source, family, &sa);
    return bind(fd, (struct sockaddr *)&sa, len);
}

int mr_socket_open(int type, const mr_addr *remote, const mr_addr *source) {
    int one = 1;

    if (remote->family == MR_FAMILY_ANY) {
        errno = EDESTADDRREQ;
        return -1;
    }
    bool v6 = remote->family == MR_FAMILY_IPV6;
    int fd = socket(v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (v6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof one);
    else
        (void)setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof one);
    if (socket_bind(fd, source, remote->family) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static bool take_extended(struct cmsghdr *cmsg, mr_icmp *icmpp, int *os_errorp) {
    struct {
        struct sock_extended_err ee;
        struct sockaddr_in6 offender;
    } info = {0};
    size_t len = cmsg->cmsg_len - CMSG_LEN(0);

    if (!(cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_RECVERR) &&
        !(cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_RECVERR))
        return false;
    if (len < sizeof info.ee)
        return false;
    memcpy(&info, CMSG_DATA(cmsg), len < sizeof info ? len : sizeof info);
    if (info.ee.ee_origin != SO_EE_ORIGIN_ICMP && info.ee.ee_origin != SO_EE_ORIGIN_ICMP6)
        return false;
    *icmpp = (mr_icmp){
        .present = true,
        .version = info.ee.ee_origin == SO_EE_ORIGIN_ICMP ? 4 : 6,
        .type = info.ee.ee_type,
        .code = info.ee.ee_code,
        .mtu = info.ee.ee_errno == EMSGSIZE ? info.ee.ee_info : 0,
        .sender = mr_addr_of_sockaddr((struct sockaddr *)&info.offender),
    };
    icmpp->sender.port = 0;
    *os_errorp = (int)info.ee.ee_errno;
    return true;
}

bool mr_socket_take_icmp(int fd, mr_icmp *icmpp, int *os_errorp) {
    bool found = false;

    for (;;) {
        union {
            char octets[512];
            struct cmsghdr align;
        } control;
        uint8_t data[64];
        struct iovec iov = {data, sizeof data};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.octets,
                             .msg_controllen = sizeof control.octets};

        if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return found;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
            found |= take_extended(c, icmpp, os_errorp);
    }
}

int mr_socket_take_error(int fd) {
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        return errno;
    return error;
}

int mr_attempt_fail(const mr_attempt *attempt, const char *protocol, mr_error *err) {
    char remote[MR_ADDR_TEXT], sender[MR_ADDR_TEXT];
    uint32_t os_error = (uint32_t)attempt->os_error;

    mr_addr_port_text(&attempt->remote, remote);
    mr_addr_text(&attempt->icmp.sender, sender);
    switch (attempt->reach) {
    case MR_REACH_REFUSED:
        if (attempt->icmp.present)
            return mr_fail_peer(err, MR_ERR_REFUSED, MR_FLOOR_IO, MR_PEER_ERRNO, os_error,
                                "%s %s is refused: ICMP %s from %s", protocol, remote,
                                mr_icmp_text(&attempt->icmp), sender);
        return mr_fail_peer(err, MR_ERR_REFUSED, MR_FLOOR_IO, MR_PEER_ERRNO, os_error,
                            "%s %s is refused by a reset", protocol, remote);
    case MR_REACH_UNREACHABLE:
        if (mr_attempt_no_neighbour(attempt))
            return mr_fail_peer(err, MR_ERR_UNREACHABLE, MR_FLOOR_IO, MR_PEER_ERRNO, os_error,
                                "%s %s: nobody on the local link answers for the next hop",
                                protocol, remote);
        if (attempt->icmp.present)
            return mr_fail_peer(err, MR_ERR_UNREACHABLE, MR_FLOOR_IO, MR_PEER_ERRNO, os_error,
                                "%s %s is unreachable: ICMP %s from %s", protocol, remote,
                                mr_icmp_text(&attempt->icmp), sender);
        return mr_fail_peer(err, MR_ERR_UNREACHABLE, MR_FLOOR_IO, MR_PEER_ERRNO, os_error,
                            "%s %s is unreachable: %s", protocol, remote,
                            strerror(attempt->os_error));
    case MR_REACH_LOCAL:
        return mr_fail_peer(err, MR_ERR_SYSTEM, MR_FLOOR_IO, MR_PEER_ERRNO, os_error,
                            "this machine cannot send to %s %s: %s", protocol, remote,
                            strerror(attempt->os_error));
    case MR_REACH_PENDING:
    case MR_REACH_OPEN:
    case MR_REACH_SILENT:
        break;
    }
    return mr_fail_peer(err, MR_ERR_TIMEOUT, MR_FLOOR_IO, MR_PEER_ERRNO, os_error,
                        "%s %s is silent: %u sent, no answer", protocol, remote, attempt->sent);
}

int mr_addr_find_source(const mr_addr *remote, mr_addr *localp) {
    struct sockaddr_storage to;
    mr_addr target = *remote;
    int fd = mr_socket_open(SOCK_DGRAM, remote, &(mr_addr){0});

    if (fd < 0)
        return MR_ERR_SYSTEM;
    if (!target.port)
        target.port = 9; /* connecting a datagram socket sends nothing; any port but 0 */
    int r = connect(fd, (struct sockaddr *)&to, mr_addr_to_sockaddr(&target, remote->family, &to));
    mr_addr local = mr_socket_local(fd);
    close(fd);
    if (r != 0 || local.family == MR_FAMILY_ANY)
        return MR_ERR_SYSTEM;
    local.port = 0;
    *localp = local;
    return 0;
}
