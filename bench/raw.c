/*
 * The floor: an endpoint mapper asked with octets that were written down beforehand, over a
 * blocking socket. Nothing is decoded but what is needed to ask on. What this costs, the network
 * and the server cost; what a client costs more is its own.
 *
 *     raw HOST PORT map|lookup N    N calls on one connection, then their time; N 0: list once
 *
 * Prints the number of calls and nanoseconds of the whole and of the median call.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LOOKUP = 2, MAP = 3, HANDLE = 20, HEADER = 16, REPLY = 24 };

static const uint8_t bind_pdu[72] = {
    5, 0, 11, 3, 0x10, 0, 0, 0, 72, 0, 0, 0, 1, 0, 0, 0, /* header */
    0xd0, 0x16, 0xd0, 0x16, 0, 0, 0, 0, 1, 0, 0, 0,      /* fragments, group, one context */
    0, 0, 1, 0, 0x08, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91, 0xa4, 0x08, 0x00, 0x2b,
    0x14, 0xa0, 0xfa, 3, 0, 0, 0, 0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8,
    0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 2, 0, 0, 0};
/* ept_lookup: everything, all versions, a null handle (at 16), 500 entries */
static const uint8_t lookup_stub[40] = {[12] = 1, [36] = 0xf4, [37] = 1};
/* ept_map: lsarpc 0.0 over ncacn_ip_tcp, a null handle, 4 towers */
static const uint8_t map_stub[132] = {
    1, 0, 0, 0, [20] = 2, [24] = 75, [28] = 75, /* null object; the tower's size twice */
    [32] = 5, 0, 19, 0, 13, 0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0, 1, 0x23, 0x45,
    0x67, 0x89, 0xab, 0, 0, 2, 0, 0, 0, 19, 0, 13, 0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11,
    0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 2, 0, 2, 0, 0, 0, 1, 0, 11, 2, 0, 0, 0, 1, 0, 7,
    2, 0, 0, 135, 1, 0, 9, 4, [128] = 4};

static _Noreturn void fail(const char *what) {
    perror(what);
    exit(1);
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int open_mapper(const char *host, const char *port) {
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || inet_pton(AF_INET, host, &to.sin_addr) != 1 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        fail("connect");
    return fd;
}

static void send_all(int fd, const uint8_t *octets, size_t len) {
    if (write(fd, octets, len) != (ssize_t)len)
        fail("write");
}

static void take(int fd, uint8_t *to, size_t len) {
    while (len > 0) {
        ssize_t got = read(fd, to, len);
        if (got <= 0)
            fail("read");
        to += got;
        len -= (size_t)got;
    }
}

/* The whole reply's stub in @stub; returns its length, the type of its PDUs in *@typep. */
static size_t receive(int fd, uint8_t *stub, size_t size, int *typep) {
    uint8_t pdu[65536];
    size_t len = 0;

    do {
        take(fd, pdu, HEADER);
        size_t frag = pdu[8] | (size_t)pdu[9] << 8;
        if (frag < REPLY)
            fail("fragment");
        take(fd, pdu + HEADER, frag - HEADER);
        if (frag - REPLY > size - len)
            fail("reply too large");
        memcpy(stub + len, pdu + REPLY, frag - REPLY);
        len += frag - REPLY;
    } while (!(pdu[3] & 2));
    *typep = pdu[2];
    return len;
}

static size_t call(int fd, int opnum, const uint8_t *stub, size_t len, uint8_t *reply,
                   size_t size) {
    static uint32_t id = 1;
    uint8_t pdu[REPLY + 256] = {5, 0, 0, 3, 0x10};
    int type;

    id++;
    pdu[8] = (uint8_t)(REPLY + len);
    memcpy(pdu + 12, &id, 4);
    pdu[16] = (uint8_t)len;
    pdu[22] = (uint8_t)opnum;
    memcpy(pdu + REPLY, stub, len);
    send_all(fd, pdu, REPLY + len);
    len = receive(fd, reply, size, &type);
    if (type != 2 || len < HANDLE)
        fail("no response");
    return len;
}

/* Everything, page by page; the number of calls. */
static long list(int fd, uint8_t *reply, size_t size) {
    static const uint8_t null[HANDLE];
    uint8_t stub[sizeof lookup_stub];
    uint32_t status;
    long calls = 0;

    memcpy(stub, lookup_stub, sizeof stub);
    do {
        size_t len = call(fd, LOOKUP, stub, sizeof stub, reply, size);
        memcpy(stub + 16, reply, HANDLE);
        memcpy(&status, reply + len - 4, 4);
        calls++;
    } while (status == 0 && memcmp(stub + 16, null, HANDLE) != 0);
    return calls;
}

static int ascending(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    static uint8_t reply[1 << 20];
    int type;

    if (argc != 5) {
        fputs("usage: raw HOST PORT map|lookup N\n", stderr);
        return 64;
    }
    const int map = strcmp(argv[3], "map") == 0;
    const long n = strtol(argv[4], NULL, 10);
    int64_t *times = calloc((size_t)n + 1, sizeof *times);
    int fd = open_mapper(argv[1], argv[2]);
    send_all(fd, bind_pdu, sizeof bind_pdu);
    receive(fd, reply, sizeof reply, &type);
    if (type != 12 || !times)
        fail("bind");
    if (n == 0)
        list(fd, reply, sizeof reply);
    int64_t start = now(), last = start;
    for (long i = 0; i < n; i++) {
        if (map) {
            size_t len = call(fd, MAP, map_stub, sizeof map_stub, reply, sizeof reply);
            if (memcmp(reply + len - 4, (uint8_t[4]){0}, 4) != 0)
                fail("lsarpc is not registered");
        } else {
            list(fd, reply, sizeof reply);
        }
        int64_t t = now();
        times[i] = t - last;
        last = t;
    }
    if (n > 0) {
        qsort(times, (size_t)n, sizeof *times, ascending);
        printf("%ld %" PRId64 " %" PRId64 "\n", n, last - start, times[n / 2]);
    }
    free(times);
    close(fd);
    return 0;
}
