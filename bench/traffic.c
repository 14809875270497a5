/*
 * A large capture from small ones: traffic OUT OCTETS RECORDING...
 * One of connections that never end: traffic --open FLOWS FRAMES OUT RECORDING
 *
 * Every recording is a visit of one client. Visits are played again and again, hundreds at a time
 * and slower than they were, each with a client, servers, ports and a beginning of its own, and
 * their packets are written in the order of time. A server's address is also changed where DNS and
 * the endpoint mapper name it, so that a visit stays true. Recordings are chosen so that packets
 * average AVERAGE octets. The same arguments give the same file. Checksums of TCP are left as they
 * were; cards make those, and captures of senders have them wrong as well.
 *
 * With --open as many connections begin as the first one of the recording does, each with the first
 * FRAMES packets of it, and stay open: 3 are the handshake.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msrpc/capture.h>

#define VISITS 512
#define AVERAGE 500
#define SERVERS 256
#define CHOICES 4
#define RECORDINGS_MAX 256
#define FRAME_MAX 65536
#define FRAMES_OPEN 16
#define PORTS_OPEN 32768 /* of a client, with --open */
#define PAUSE_MSEC 1000 /* at most, between two visits */
#define SLOWER 10       /* pauses inside a visit, but for those that are long already */
#define LONG (100 * MR_MSEC)

typedef struct frame {
    size_t at;
    uint32_t len;
    mr_nsec after; /* the beginning of its recording */
} frame;

typedef struct recording {
    uint8_t *octets;
    size_t size, room;
    frame *frames;
    size_t count, frames_room;
} recording;

typedef struct visit {
    const recording *of;
    size_t next;
    mr_nsec begin, due;
    uint32_t client, server; /* the last three octets of the client, the last two of the servers */
    uint16_t ports;          /* added to the client's */
} visit;

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint32_t chance(uint32_t below) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 16) % below);
}

static void *grown(void *memory, size_t *room, size_t need, size_t size) {
    if (need <= *room)
        return memory;
    *room = need * 2;
    memory = realloc(memory, *room * size);
    if (memory == NULL) {
        fputs("traffic: no memory\n", stderr);
        exit(1);
    }
    return memory;
}

/* IPv4 over Ethernet, without ARP and IPv6. */
static bool usable(const mr_packet *p) {
    return p->link == MR_LINK_ETHERNET && p->bytes.len >= 34 && p->bytes.len == p->len &&
           p->len <= FRAME_MAX && p->bytes.data[12] == 8 && p->bytes.data[13] == 0;
}

static bool load(recording *r, const char *path) {
    mr_capture_file file;
    mr_error err = {0};
    mr_packet p;
    mr_nsec before = 0, after = 0;
    int rc = mr_capture_file_init(&file, path, NULL, &err);

    while (rc == 0 && (rc = mr_capture_file_read(&file, &p, &err)) == 0) {
        if (!usable(&p))
            continue;
        mr_nsec pause = r->count == 0 || p.time < before ? 0 : p.time - before;

        before = p.time;
        after += pause < LONG ? pause * SLOWER : pause;
        r->octets = grown(r->octets, &r->room, r->size + p.len, 1);
        r->frames = grown(r->frames, &r->frames_room, r->count + 1, sizeof(frame));
        memcpy(r->octets + r->size, p.bytes.data, p.len);
        r->frames[r->count++] = (frame){r->size, p.len, after};
        r->size += p.len;
    }
    if (rc < 0)
        fprintf(stderr, "traffic: %s: %s\n", path, err.text);
    mr_capture_file_deinit(&file);
    return rc >= 0 && r->count > 0;
}

static bool is_client(const uint8_t *ip) {
    return ip[0] == 10 && ip[1] == 88 && ip[2] == 1;
}

static bool is_server(const uint8_t *ip) {
    return ip[0] == 10 && ip[1] == 88 && ip[2] == 2;
}

static void move_host(const visit *v, uint8_t *ip) {
    if (is_client(ip)) {
        ip[1] = (uint8_t)(v->client >> 16);
        ip[2] = (uint8_t)(v->client >> 8);
        ip[3] = (uint8_t)v->client;
    } else if (is_server(ip)) {
        ip[0] = 172;
        ip[1] = 16;
        ip[2] = (uint8_t)v->server;
    }
}

static void move_port(const visit *v, uint8_t *port, bool client) {
    uint32_t n = (uint32_t)port[0] << 8 | port[1];

    if (!client || n < 1024)
        return;
    n = 1024 + (n - 1024 + v->ports) % (65536 - 1024);
    port[0] = (uint8_t)(n >> 8);
    port[1] = (uint8_t)n;
}

static void checksum(uint8_t *ip, size_t len) {
    uint32_t sum = 0;

    ip[10] = ip[11] = 0;
    for (size_t i = 0; i < len; i += 2)
        sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~(sum + (sum >> 16)) & 0xffff;
    ip[10] = (uint8_t)(sum >> 8);
    ip[11] = (uint8_t)sum;
}

/* Gives the frame to the visit's hosts. */
static void move(const visit *v, uint8_t *octets, uint32_t len) {
    uint8_t *ip = octets + 14, *above;
    size_t header = (size_t)(ip[0] & 15) * 4;
    bool from_client = is_client(ip + 12);

    move_host(v, ip + 12);
    move_host(v, ip + 16);
    if (header < 20 || 14 + header + 8 > len)
        return;
    checksum(ip, header);
    if (ip[9] != 6 && ip[9] != 17)
        return;
    above = ip + header;
    uint32_t served = from_client ? (uint32_t)above[2] << 8 | above[3]
                                  : (uint32_t)above[0] << 8 | above[1];
    move_port(v, above, from_client);
    move_port(v, above + 2, !from_client);
    if (ip[9] == 17)
        above[6] = above[7] = 0; /* a UDP checksum of 0 is none (RFC 768) */
    if (served != 53 && served != 135)
        return;
    for (uint8_t *at = above + 8; at + 4 <= octets + len; at++)
        if (is_server(at))
            move_host(v, at);
}

static void start(visit *v, const recording *of, mr_nsec now) {
    now += chance(PAUSE_MSEC) * MR_MSEC;
    *v = (visit){.of = of, .begin = now, .due = now,
                 .client = chance(0xfffffe) + 1, .server = chance(SERVERS),
                 .ports = (uint16_t)chance(60000)};
}

/* visits[] is a heap, the one that is due first at its top. */
static void sink(visit *visits, size_t at) {
    for (;;) {
        size_t least = at, left = 2 * at + 1;

        for (size_t i = left; i < left + 2 && i < VISITS; i++)
            if (visits[i].due < visits[least].due)
                least = i;
        if (least == at)
            return;
        visit kept = visits[at];
        visits[at] = visits[least];
        visits[least] = kept;
        at = least;
    }
}

/* The next recording: of a few by chance the one that brings the average nearest. */
static const recording *choose(const recording *all, size_t count, uint64_t octets,
                               uint64_t packets) {
    bool low = octets < packets * AVERAGE;
    const recording *best = NULL;

    for (int i = 0; i < CHOICES; i++) {
        const recording *r = &all[chance((uint32_t)count)];

        if (best == NULL || (r->size / r->count > best->size / best->count) == low)
            best = r;
    }
    return best;
}

static void put32(uint8_t *to, uint32_t n) {
    memcpy(to, &n, sizeof(n));
}

static bool write_head(FILE *out) {
    uint8_t head[24] = {0};

    put32(head, 0xa1b23c4d); /* nanoseconds, in this machine's byte order */
    head[4] = 2;
    head[6] = 4;
    put32(head + 16, 262144);
    put32(head + 20, MR_LINK_ETHERNET);
    return fwrite(head, sizeof(head), 1, out) == 1;
}

/* A frame of a visit, @after the beginning of the capture. */
static bool write_frame(FILE *out, const visit *v, const frame *f, mr_nsec after) {
    static uint8_t octets[FRAME_MAX];
    mr_nsec time = after + 1700000000 * MR_SEC;
    uint8_t head[16];

    memcpy(octets, v->of->octets + f->at, f->len);
    move(v, octets, f->len);
    put32(head, (uint32_t)(time / MR_SEC));
    put32(head + 4, (uint32_t)(time % MR_SEC));
    put32(head + 8, f->len);
    put32(head + 12, f->len);
    return fwrite(head, sizeof(head), 1, out) == 1 && fwrite(octets, f->len, 1, out) == 1;
}

static bool write_all(FILE *out, uint64_t wanted, const recording *all, size_t count) {
    static visit visits[VISITS];
    uint64_t written = 0, packets = 0;

    if (!write_head(out))
        return false;
    for (size_t i = 0; i < VISITS; i++)
        start(&visits[i], choose(all, count, written, packets), 0);
    for (size_t i = VISITS; i-- > 0;)
        sink(visits, i);
    while (written < wanted) {
        visit *v = visits;
        const frame *f = &v->of->frames[v->next];

        if (!write_frame(out, v, f, v->begin + f->after))
            return false;
        written += 16 + f->len;
        packets++;
        if (++v->next < v->of->count)
            v->due = v->begin + v->of->frames[v->next].after;
        else
            start(v, choose(all, count, written, packets), v->due);
        sink(visits, 0);
    }
    printf("%llu packets, %llu octets each\n", (unsigned long long)packets,
           (unsigned long long)(written / packets - 16));
    return true;
}

/* ---- connections that stay open ---- */

/* Both ports of a frame over TCP, 0: another protocol. */
static uint32_t ports_of(const recording *r, const frame *f) {
    const uint8_t *ip = r->octets + f->at + 14;
    const uint8_t *tcp = ip + (size_t)(ip[0] & 15) * 4;
    uint32_t from, to;

    if (ip[9] != 6 || f->len < 14 + 20 + 20)
        return 0;
    from = (uint32_t)tcp[0] << 8 | tcp[1];
    to = (uint32_t)tcp[2] << 8 | tcp[3];
    return from < to ? from << 16 | to : to << 16 | from;
}

static bool write_open(FILE *out, uint64_t flows, uint64_t wanted, const recording *r) {
    frame first[FRAMES_OPEN];
    size_t count = 0;
    uint32_t ports = 0;
    uint64_t packets = 0;

    for (size_t i = 0; i < r->count && count < wanted && count < FRAMES_OPEN; i++) {
        uint32_t of = ports_of(r, &r->frames[i]);
        if (of == 0 || (ports != 0 && of != ports))
            continue;
        ports = of;
        first[count++] = r->frames[i];
    }
    if (!write_head(out))
        return false;
    for (uint64_t i = 0; i < flows; i++) {
        visit v = {.of = r, .client = (uint32_t)(i / PORTS_OPEN) + 1, .server = i % SERVERS,
                   .ports = (uint16_t)(i % PORTS_OPEN)};
        for (size_t f = 0; f < count; f++, packets++)
            if (!write_frame(out, &v, &first[f], (mr_nsec)packets * 1000))
                return false;
    }
    printf("%llu packets of %llu connections\n", (unsigned long long)packets,
           (unsigned long long)flows);
    return true;
}

static int main_open(char **argv) {
    static recording r;

    if (!load(&r, argv[5]))
        return 66;
    FILE *out = fopen(argv[4], "wb");
    bool done = out != NULL && write_open(out, strtoull(argv[2], NULL, 10),
                                          strtoull(argv[3], NULL, 10), &r);
    if (out == NULL || fclose(out) != 0 || !done) {
        perror(argv[4]);
        return 73;
    }
    return 0;
}

int main(int argc, char **argv) {
    static recording all[RECORDINGS_MAX];
    size_t count = 0;

    if (argc == 6 && strcmp(argv[1], "--open") == 0)
        return main_open(argv);
    if (argc < 4 || argc - 3 > RECORDINGS_MAX) {
        fputs("usage: traffic OUT OCTETS RECORDING...\n"
              "       traffic --open FLOWS FRAMES OUT RECORDING\n", stderr);
        return 64;
    }
    for (int i = 3; i < argc; i++, count++)
        if (!load(&all[count], argv[i]))
            return 66;
    FILE *out = fopen(argv[1], "wb");
    bool done = out != NULL && write_all(out, strtoull(argv[2], NULL, 10), all, count);

    if (out == NULL || fclose(out) != 0 || !done) {
        perror(argv[1]);
        return 73;
    }
    return 0;
}
