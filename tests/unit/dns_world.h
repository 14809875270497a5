/*
 * DNS servers of our own for tests, on loopback over UDP: a thread that answers from a table. A
 * name with no row on a server is NXDOMAIN there, one with rows of other types NODATA; both come
 * with the SOA of the last two labels. The thread allocates nothing.
 */
#ifndef MSRPC_TEST_DNS_WORLD_H
#define MSRPC_TEST_DNS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/io.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define DNS_WORLD_SERVERS 3
#define DNS_WORLD_LAME 0x100 /* as rcode: neither answer nor authority, recursion or SOA */

/* What the servers of the mask @on answer. */
struct dns_row {
    unsigned on;
    const char *name;
    uint16_t type;     /* 0: every type is answered with @rcode; MR_DNS_ANY: with silence */
    uint32_t ttl;
    const char *data;  /* an address, a name, "priority weight port target", a text */
    unsigned rcode;
    const char *owner; /* of the record, where it is not the name that was asked for */
};

struct dns_world {
    pthread_t thread;
    int quit[2], udp[DNS_WORLD_SERVERS];
    mr_addr addrs[DNS_WORLD_SERVERS];
    const struct dns_row *rows;
    size_t count;
};

static inline uint8_t *dw_16(uint8_t *p, unsigned v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
    return p + 2;
}

static inline uint8_t *dw_name(uint8_t *p, const char *name) {
    while (*name) {
        size_t n = strcspn(name, ".");
        *p++ = (uint8_t)n;
        memcpy(p, name, n);
        p += n;
        name += n + (name[n] == '.');
    }
    *p++ = 0;
    return p;
}

static inline uint8_t *dw_data(uint8_t *p, const struct dns_row *row) {
    unsigned a, b, c;
    char target[128] = "";

    switch (row->type) {
    case MR_DNS_A:
        return p + (inet_pton(AF_INET, row->data, p) == 1 ? 4 : 0);
    case MR_DNS_AAAA:
        return p + (inet_pton(AF_INET6, row->data, p) == 1 ? 16 : 0);
    case MR_DNS_SRV:
        if (sscanf(row->data, "%u %u %u %127s", &a, &b, &c, target) != 4)
            return p;
        return dw_name(dw_16(dw_16(dw_16(p, a), b), c), target);
    case MR_DNS_TXT:
        *p = (uint8_t)strlen(row->data);
        memcpy(p + 1, row->data, *p);
        return p + 1 + *p;
    default:
        return dw_name(p, row->data);
    }
}

static inline uint8_t *dw_head(uint8_t *p, const char *owner, unsigned type, uint32_t ttl) {
    p = dw_16(dw_16(dw_name(p, owner), type), 1);
    return dw_16(dw_16(dw_16(p, ttl >> 16), ttl & 0xffff), 0);
}

static inline uint8_t *dw_soa(uint8_t *p, const char *name) {
    const char *zone = name, *dot;
    static const uint8_t numbers[20] = {0, 0, 0, 7};

    while ((dot = strchr(zone, '.')) != NULL && strchr(dot + 1, '.'))
        zone = dot + 1;
    p = dw_head(p, zone, MR_DNS_SOA, 60);
    uint8_t *start = p;
    p = dw_name(dw_name(p, "ns"), "root");
    memcpy(p, numbers, sizeof numbers);
    p += sizeof numbers;
    dw_16(start - 2, (unsigned)(p - start));
    return p;
}

/* The answer of server @which to the question @q, behind it; 0: silence. */
static inline size_t dw_answer(const struct dns_world *w, unsigned which, uint8_t *q, size_t len) {
    char name[256];
    const uint8_t *at = q + 12;
    unsigned type, rcode = MR_DNS_NXDOMAIN, answers = 0;
    size_t n = 0;

    for (; *at && n + *at + 1 < sizeof name; at += *at + 1) {
        n += (size_t)snprintf(name + n, sizeof name - n, "%s%.*s", n ? "." : "", *at,
                              (const char *)at + 1);
    }
    name[n] = '\0';
    type = (unsigned)at[1] << 8 | at[2];
    uint8_t *p = q + len;
    for (size_t i = 0; i < w->count; i++) {
        const struct dns_row *row = &w->rows[i];
        if (!(row->on >> which & 1) || strcmp(row->name, name) != 0)
            continue;
        if (row->type == MR_DNS_ANY)
            return 0;
        rcode = row->rcode;
        if (row->type != type && row->type != MR_DNS_CNAME)
            continue;
        uint8_t *start = dw_head(p, row->owner ? row->owner : name, row->type, row->ttl);
        p = dw_data(start, row);
        dw_16(start - 2, (unsigned)(p - start));
        answers++;
    }
    if (!answers && (rcode == MR_DNS_NXDOMAIN || rcode == MR_DNS_NOERROR))
        p = dw_soa(p, name);
    dw_16(q + 2, rcode == DNS_WORLD_LAME ? 0x8000 : 0x8480 | rcode);
    dw_16(q + 6, answers);
    dw_16(q + 8, !answers && (rcode == MR_DNS_NXDOMAIN || rcode == MR_DNS_NOERROR));
    dw_16(q + 10, 0);
    return (size_t)(p - q);
}

static inline void *dw_serve(void *arg) {
    const struct dns_world *w = arg;

    for (;;) {
        struct pollfd fds[DNS_WORLD_SERVERS + 1] = {{w->quit[0], POLLIN, 0}};
        for (unsigned i = 0; i < DNS_WORLD_SERVERS; i++)
            fds[i + 1] = (struct pollfd){w->udp[i], POLLIN, 0};
        if (poll(fds, DNS_WORLD_SERVERS + 1, -1) < 0 || fds[0].revents)
            return NULL;
        for (unsigned i = 0; i < DNS_WORLD_SERVERS; i++) {
            uint8_t q[4096];
            struct sockaddr_in from;
            socklen_t from_len = sizeof from;
            if (!fds[i + 1].revents)
                continue;
            ssize_t n = recvfrom(w->udp[i], q, 512, 0, (struct sockaddr *)&from, &from_len);
            size_t len = n >= 17 ? dw_answer(w, i, q, (size_t)n) : 0;
            if (len)
                sendto(w->udp[i], q, len, 0, (struct sockaddr *)&from, from_len);
        }
    }
}

static inline void dns_world_open(struct dns_world *w, const struct dns_row *rows, size_t count) {
    *w = (struct dns_world){.rows = rows, .count = count};
    for (size_t i = 0; i < DNS_WORLD_SERVERS; i++) {
        struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t len = sizeof sa;
        w->udp[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(w->udp[i], (struct sockaddr *)&sa, sizeof sa), 0);
        assert_int_equal(getsockname(w->udp[i], (struct sockaddr *)&sa, &len), 0);
        w->addrs[i] = (mr_addr){.family = MR_FAMILY_IPV4, .port = ntohs(sa.sin_port),
                                .ip = {127, 0, 0, 1}};
    }
    assert_int_equal(pipe(w->quit), 0);
    assert_int_equal(pthread_create(&w->thread, NULL, dw_serve, w), 0);
}

static inline void dns_world_close(struct dns_world *w) {
    close(w->quit[1]);
    pthread_join(w->thread, NULL);
    close(w->quit[0]);
    for (size_t i = 0; i < DNS_WORLD_SERVERS; i++)
        close(w->udp[i]);
}

#endif
