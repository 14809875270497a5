/*
 * Load for endpoint mappers from one process over epoll, the same for every server: octets that
 * were written down beforehand, and of the answers nothing is decoded but what is needed to ask on.
 *
 *     load calls HOST PORT WHAT N CONNECTIONS DEPTH   DEPTH questions in flight on each connection
 *     load once  HOST PORT WHAT N                     connect, bind, one question, close
 *     load echo  ADDRESS PORT                         the limit, below
 *
 * WHAT is map (lsarpc over TCP), lookup (the whole listing, page by page: one question here), or
 * for the limit the sizes of its messages, "REQUEST:REPLY[,REQUEST:REPLY...]", which are exchanged
 * one after the other. Prints the number of questions, nanoseconds of the whole, the median and the
 * 99th percentile of one; the sizes of the last question's messages.
 *
 * The limit is a bare server: epoll, read, write, nothing between. A request begins with its own
 * length and that of the reply it wants, four octets each.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LOOKUP = 2, MAP = 3, HANDLE = 20, HEADER = 16, REPLY = 24, STEPS = 8, EVENTS = 64 };
enum { BUFFER = 1 << 18, ASK_MAX = 4096, DEPTH_MAX = 64, CONNS_MAX = 4096 };

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

static struct {
    bool limit;                 /* against the limit's server */
    int opnum;
    uint32_t asks[STEPS], replies[STEPS], steps;
    uint32_t bind_reply;        /* size of the limit's answer to the bind */
} plan;

static struct conn {
    int fd;
    uint32_t step;              /* exchange of the question under way */
    uint32_t len;               /* octets in @buffer */
    uint32_t got;               /* octets of the present reply */
    bool inside;                /* behind the first fragment of the present reply */
    uint8_t handle[HANDLE];
    uint32_t id;
    int64_t started[DEPTH_MAX]; /* a ring: replies come in order */
    unsigned first, flying;
    uint32_t out;               /* octets in @asks */
    uint8_t *buffer;
    uint8_t asks[ASK_MAX * 4];
} conns[CONNS_MAX];

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static struct sockaddr_in address(const char *host, const char *port) {
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    if (inet_pton(AF_INET, host, &sa.sin_addr) != 1)
        fail(host);
    return sa;
}

static void send_all(int fd, const uint8_t *octets, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, octets, len);
        if (n < 0 && errno == EAGAIN)
            continue;
        if (n <= 0)
            fail("write");
        octets += n;
        len -= (size_t)n;
    }
}

/* ---- asking ---- */

/* Adds the next request to what the connection sends. */
static void ask(struct conn *c) {
    uint8_t *to = c->asks + c->out;

    if (plan.limit) {
        memset(to, 0, plan.asks[c->step]);
        memcpy(to, &plan.asks[c->step], 4);
        memcpy(to + 4, &plan.replies[c->step], 4);
        c->out += plan.asks[c->step];
        return;
    }
    const uint8_t *stub = plan.opnum == MAP ? map_stub : lookup_stub;
    size_t len = plan.opnum == MAP ? sizeof map_stub : sizeof lookup_stub;
    const uint8_t head[REPLY] = {5, 0, 0, 3, 0x10, [8] = (uint8_t)(REPLY + len),
                                 [16] = (uint8_t)len, [22] = (uint8_t)plan.opnum};
    memcpy(to, head, sizeof head);
    c->id++;
    memcpy(to + 12, &c->id, 4);
    memcpy(to + REPLY, stub, len);
    if (plan.opnum == LOOKUP)
        memcpy(to + REPLY + 16, c->handle, HANDLE);
    c->out += (uint32_t)(REPLY + len);
}

static void ask_anew(struct conn *c) {
    c->step = 0;
    memset(c->handle, 0, sizeof c->handle);
    c->started[(c->first + c->flying++) % DEPTH_MAX] = now();
    ask(c);
}

static void flush(struct conn *c) {
    if (c->out)
        send_all(c->fd, c->asks, c->out);
    c->out = 0;
}

/* ---- answers ---- */

/* Looks at the octets from @at on: 0 while a reply goes on, else the reply is over and the octets
 * that were its are told. */
static uint32_t take(struct conn *c, uint32_t at) {
    if (plan.limit) {
        uint32_t left = c->len - at, wanted = plan.replies[c->step] - c->got;
        uint32_t n = left < wanted ? left : wanted;
        c->got += n;
        return n;
    }
    const uint8_t *pdu = c->buffer + at;
    if (c->len - at < HEADER || c->len - at < (uint32_t)(pdu[8] | pdu[9] << 8))
        return 0;
    uint32_t frag = (uint32_t)(pdu[8] | pdu[9] << 8);
    if (pdu[2] != 2 || frag < REPLY + 4)
        fail("no response");
    if (!c->inside && plan.opnum == LOOKUP)
        memcpy(c->handle, pdu + REPLY, HANDLE);
    c->inside = !(pdu[3] & 2);
    if (!c->inside && plan.opnum == MAP && memcmp(pdu + frag - 4, (uint8_t[4]){0}, 4) != 0)
        fail("lsarpc is not registered");
    c->got += frag;
    return frag;
}

/* Whether the reply that @take has seen is whole; then whether the question is answered. */
static bool is_whole(const struct conn *c) {
    return plan.limit ? c->got == plan.replies[c->step] : !c->inside;
}

static bool is_answered(struct conn *c) {
    static const uint8_t null[HANDLE];

    if (!plan.limit) {
        plan.asks[c->step] =
            REPLY + (uint32_t)(plan.opnum == MAP ? sizeof map_stub : sizeof lookup_stub);
        plan.replies[c->step] = c->got;
        plan.steps = c->step + 1;
        c->step++;
        if (c->step == STEPS)
            fail("too many pages");
        return plan.opnum == MAP || memcmp(c->handle, null, HANDLE) == 0;
    }
    return ++c->step == plan.steps;
}

/* Reads once and handles whole replies; the times of answered questions go to @times. */
static size_t receive(struct conn *c, int64_t *times, size_t *toask) {
    ssize_t n = read(c->fd, c->buffer + c->len, BUFFER - c->len);
    uint32_t at = 0, used;
    size_t count = 0;

    if (n <= 0)
        fail("read");
    c->len += (uint32_t)n;
    while (at < c->len && (used = take(c, at)) > 0) {
        at += used;
        if (!is_whole(c))
            continue;
        bool answered = is_answered(c);
        c->got = 0;
        if (!answered) {
            ask(c);
            continue;
        }
        times[count++] = now() - c->started[c->first];
        c->first = (c->first + 1) % DEPTH_MAX;
        c->flying--;
        c->step = 0;
        if (*toask > 0) {
            --*toask;
            ask_anew(c);
        }
    }
    c->len -= at;
    memmove(c->buffer, c->buffer + at, c->len);
    flush(c);
    return count;
}

static void open_conn(struct conn *c, const struct sockaddr_in *to) {
    uint8_t answer[512];
    uint32_t head[2] = {sizeof bind_pdu, plan.bind_reply};
    uint8_t octets[sizeof bind_pdu];
    int one = 1;
    size_t got = 0, want = HEADER;

    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
        connect(c->fd, (const struct sockaddr *)to, sizeof *to) != 0)
        fail("connect");
    memcpy(octets, bind_pdu, sizeof octets);
    if (plan.limit)
        memcpy(octets, head, sizeof head);
    send_all(c->fd, octets, sizeof octets);
    for (want = plan.limit ? plan.bind_reply : HEADER; got < want;) {
        ssize_t n = read(c->fd, answer + got, sizeof answer - got);
        if (n <= 0)
            fail("bind");
        got += (size_t)n;
        if (!plan.limit && got >= HEADER)
            want = answer[8] | (size_t)answer[9] << 8;
    }
    if (!plan.limit && answer[2] != 12)
        fail("no bind_ack");
    plan.bind_reply = (uint32_t)want;
}

static int ascending(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print(int64_t *times, size_t n, int64_t whole) {
    qsort(times, n, sizeof *times, ascending);
    printf("%zu %" PRId64 " %" PRId64 " %" PRId64 " ", n, whole, times[n / 2],
           times[n * 99 / 100]);
    for (uint32_t i = 0; i < plan.steps; i++)
        printf("%s%u:%u", i ? "," : "", plan.asks[i], plan.replies[i]);
    printf(" %u\n", plan.bind_reply);
}

static void run_calls(const struct sockaddr_in *to, size_t n, size_t count, size_t depth) {
    struct epoll_event events[EVENTS];
    int64_t *times = calloc(n + DEPTH_MAX, sizeof *times);
    int ep = epoll_create1(0);
    size_t done = 0, toask = n;

    if (!times || count > CONNS_MAX || depth > DEPTH_MAX || count * depth > n)
        fail("calls, connections or depth");
    for (size_t i = 0; i < count; i++) {
        struct conn *c = &conns[i];
        c->buffer = malloc(BUFFER);
        open_conn(c, to);
        if (!c->buffer ||
            epoll_ctl(ep, EPOLL_CTL_ADD, c->fd,
                      &(struct epoll_event){.events = EPOLLIN, .data.ptr = c}) != 0)
            fail("epoll");
    }
    int64_t start = now();
    for (size_t i = 0; i < count; i++) {
        for (size_t d = 0; d < depth; d++, toask--)
            ask_anew(&conns[i]);
        flush(&conns[i]);
    }
    while (done < n) {
        int ready = epoll_wait(ep, events, EVENTS, 10000);
        if (ready <= 0)
            fail("no answer");
        for (int i = 0; i < ready; i++)
            done += receive(events[i].data.ptr, times + done, &toask);
    }
    print(times, n, now() - start);
}

static void run_once(const struct sockaddr_in *to, size_t n) {
    int64_t *times = calloc(n + 1, sizeof *times), start = now();
    struct conn *c = &conns[0];
    size_t none = 0;

    c->buffer = malloc(BUFFER);
    if (!times || !c->buffer)
        fail("memory");
    for (size_t i = 0; i < n; i++) {
        int64_t begun = now();
        open_conn(c, to);
        ask_anew(c);
        flush(c);
        while (receive(c, times + i, &none) == 0)
            ;
        close(c->fd);
        times[i] = now() - begun;
    }
    print(times, n, now() - start);
}

/* ---- the limit ---- */

static void answer(struct conn *c) {
    static uint8_t zeros[BUFFER];
    ssize_t n = read(c->fd, c->buffer + c->len, BUFFER - c->len);
    uint32_t at = 0, head[2], out = 0;

    if (n <= 0) {
        close(c->fd);
        free(c->buffer);
        free(c);
        return;
    }
    c->len += (uint32_t)n;
    while (c->len - at >= sizeof head) {
        memcpy(head, c->buffer + at, sizeof head);
        if (head[0] < sizeof head || head[0] > c->len - at || head[1] > sizeof zeros - out)
            break;
        at += head[0];
        out += head[1];
    }
    send_all(c->fd, zeros, out);
    c->len -= at;
    memmove(c->buffer, c->buffer + at, c->len);
}

static _Noreturn void run_echo(const struct sockaddr_in *at) {
    struct epoll_event events[EVENTS];
    int fd = socket(AF_INET, SOCK_STREAM, 0), ep = epoll_create1(0), one = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)at, sizeof *at) != 0 || listen(fd, 1024) != 0 ||
        epoll_ctl(ep, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN}) != 0)
        fail("listen");
    puts("ready");
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(ep, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr) {
                answer(events[i].data.ptr);
                continue;
            }
            struct conn *c = calloc(1, sizeof *c);
            c->fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
            c->buffer = malloc(BUFFER);
            setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            epoll_ctl(ep, EPOLL_CTL_ADD, c->fd,
                      &(struct epoll_event){.events = EPOLLIN, .data.ptr = c});
        }
    }
}

/* WHAT; false when it says nothing. */
static bool read_plan(const char *what) {
    plan.opnum = strcmp(what, "map") == 0 ? MAP : strcmp(what, "lookup") == 0 ? LOOKUP : 0;
    plan.limit = plan.opnum == 0;
    plan.bind_reply = 60;
    for (char *at = (char *)what; plan.limit && plan.steps < STEPS; at++) {
        plan.asks[plan.steps] = (uint32_t)strtoul(at, &at, 10);
        if (*at != ':' || plan.asks[plan.steps] < 8 || plan.asks[plan.steps] > ASK_MAX)
            return false;
        plan.replies[plan.steps++] = (uint32_t)strtoul(at + 1, &at, 10);
        if (*at != ',')
            return *at == '\0';
    }
    return true;
}

int main(int argc, char **argv) {
    struct rlimit files = {65536, 65536};
    struct sockaddr_in serve;

    (void)setrlimit(RLIMIT_NOFILE, &files);
    if (argc == 4 && strcmp(argv[1], "echo") == 0)
        serve = address(argv[2], argv[3]), run_echo(&serve);
    if (argc < 6 || !read_plan(argv[4])) {
        fputs("usage: load calls HOST PORT WHAT N CONNECTIONS DEPTH | load once HOST PORT WHAT N\n"
              "       load echo ADDRESS PORT\n", stderr);
        return 64;
    }
    const struct sockaddr_in to = address(argv[2], argv[3]);
    size_t n = strtoul(argv[5], NULL, 10);
    if (strcmp(argv[1], "once") == 0)
        run_once(&to, n);
    else if (argc == 8)
        run_calls(&to, n, strtoul(argv[6], NULL, 10), strtoul(argv[7], NULL, 10));
    return 0;
}
