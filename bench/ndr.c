/*
 * What one ept_lookup reply of 500 entries costs to decode and to encode, here and in Samba's own
 * NDR library on the same octets (C706 appendix O). The two are run in turn in one process, and
 * before anything is timed it is checked that each reads the octets and writes the same reply.
 *
 * Everything a caller pays is inside the clock: memory taken and given back, on both sides. Samba's
 * IDL takes the protocol towers apart into floors, ours leaves them octets, as C706 does; so the
 * decoding is also timed with mr_tower_decode run over every tower.
 *
 * Prints one line per figure: name, nanoseconds of the fastest batch, of the median batch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <msrpc/ifaces/epmapper.h>
#include <msrpc/wire.h>

#include "ndr_samba.h"

#define ENTRIES 500
#define BATCH 20
#define ROUNDS 40
#define CAP ((size_t)4 << 20)
#define EPT_LOOKUP 2

static const mr_ndr_format ndr20 = {.syntax = MR_NDR20};
static const mr_ndr_format ndr64 = {.syntax = MR_NDR64};

static struct mr_epmapper_ept_lookup question = {
    .vers_option = 1,
    .max_ents = ENTRIES,
};
static struct mr_epmapper_ept_lookup answer;
static const mr_proc *proc;
static mr_slice request, reply20, reply64;

static void fail(const char *what, const mr_error *err) {
    fprintf(stderr, "ndr: %s%s%s\n", what, err ? ": " : "", err ? err->text : "");
    exit(1);
}

/* ---- the reply ---- */

/* What a server registers: annotations as long and protocols as mixed as in a real listing. */
static const struct registration {
    mr_syntax interface;
    const char *annotation;
} registrations[] = {
    {{{0x12345778, 0x1234, 0xabcd, {0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xac}}, 1, 0}, ""},
    {{{0xe3514235, 0x4b06, 0x11d1, {0xab, 0x04, 0x00, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2}}, 4, 0},
     "MS NT Directory DRS Interface"},
    {{{0x367abb81, 0x9844, 0x35f1, {0xad, 0x32, 0x98, 0xf0, 0x38, 0x00, 0x10, 0x03}}, 2, 0}, ""},
    {{{0x12345678, 0x1234, 0xabcd, {0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0xcf, 0xfb}}, 1, 0},
     "Net Logon Service"},
    {{{0xf6beaff7, 0x1e19, 0x4fbb, {0x9f, 0x8f, 0xb8, 0x9e, 0x20, 0x18, 0x33, 0x7c}}, 1, 0},
     "Event log TCPIP"},
    {{{0x76f03f96, 0xcdfd, 0x44fc, {0xa2, 0x2c, 0x64, 0x95, 0x0a, 0x00, 0x12, 0x09}}, 1, 0},
     "Spooler remote interface"},
    {{{0x3c4728c5, 0xf0ab, 0x448b, {0xbd, 0xa1, 0x6c, 0xe0, 0x1e, 0xb0, 0xa6, 0xd5}}, 1, 0},
     "DHCP Client LRPC Endpoint"},
    {{{0x50abc2a4, 0x574d, 0x40b3, {0x9d, 0x66, 0xee, 0x4f, 0xd5, 0xfb, 0xa0, 0x76}}, 5, 0},
     "DNS Server"},
};

static void make_tower(mr_arena *arena, unsigned i, mr_epmapper_twr_t *twr) {
    static const uint8_t address[4] = {10, 88, 2, 10};
    mr_tower tower = {
        .interface = registrations[i % MR_COUNT(registrations)].interface,
        .transfer = mr_syntax_ndr20,
        .has_port = true,
        .port = (uint16_t)(49152 + i),
    };
    mr_buf octets;

    tower.interface.uuid.time_low += i / MR_COUNT(registrations);
    switch (i % 3) {
    case 0:
        tower.protseq = MR_PROTSEQ_NCACN_IP_TCP;
        tower.host_kind = MR_TOWER_HOST_IPV4;
        tower.host = mr_slice_of(address, sizeof address);
        break;
    case 1:
        tower.protseq = MR_PROTSEQ_NCACN_NP;
        tower.has_port = false;
        tower.endpoint = mr_slice_str("\\pipe\\lsass");
        tower.host_kind = MR_TOWER_HOST_NAME;
        tower.host = mr_slice_str("\\\\DC01");
        break;
    default:
        tower.protseq = MR_PROTSEQ_NCALRPC;
        tower.has_port = false;
        tower.endpoint = mr_slice_str("LRPC-8b3a1f0e6c2d4b5a7f");
        break;
    }
    twr->tower_octet_string = mr_arena_get(arena, 256, 1);
    if (!twr->tower_octet_string)
        fail("out of memory", NULL);
    mr_buf_init(&octets, twr->tower_octet_string, 256, 256);
    if (mr_tower_encode(&tower, &octets) != 0)
        fail("a tower cannot be made", NULL);
    twr->tower_length = (uint32_t)octets.len;
}

static mr_slice encode(enum mr_ndr_side side, mr_ndr_format format, const void *args) {
    mr_error err = MR_ERROR_INIT;
    mr_buf out;

    mr_buf_init(&out, NULL, 0, CAP);
    if (mr_ndr_encode(proc, side, format, args, &out, &err) != 0)
        fail("encode", &err);
    return mr_buf_slice(&out);
}

static void make_reply(mr_arena *arena) {
    mr_epmapper_ept_entry_t *entries = mr_arena_get(arena, ENTRIES, sizeof *entries);
    mr_epmapper_twr_t *towers = mr_arena_get(arena, ENTRIES, sizeof *towers);

    if (!entries || !towers)
        fail("out of memory", NULL);
    for (unsigned i = 0; i < ENTRIES; i++) {
        const char *annotation = registrations[i % MR_COUNT(registrations)].annotation;
        make_tower(arena, i, &towers[i]);
        entries[i].tower = &towers[i];
        entries[i].annotation = (uint8_t *)mr_arena_add_str(arena, mr_slice_str(annotation));
    }
    answer = question;
    answer.num_ents = ENTRIES;
    answer.entries = entries;
    request = encode(MR_NDR_REQUEST, ndr20, &question);
    reply20 = encode(MR_NDR_RESPONSE, ndr20, &answer);
    reply64 = encode(MR_NDR_RESPONSE, ndr64, &answer);
}

/* ---- what is timed ---- */

static void decode_one(mr_slice reply, mr_ndr_format format, bool towers) {
    struct mr_epmapper_ept_lookup args = question;
    mr_error err = MR_ERROR_INIT;
    mr_arena arena;
    mr_tower tower;

    mr_arena_init(&arena, CAP);
    if (mr_ndr_decode(proc, MR_NDR_RESPONSE, format, reply, NULL, &arena, &args, NULL, &err) != 0)
        fail("decode", &err);
    for (uint32_t i = 0; towers && i < args.num_ents; i++) {
        const mr_epmapper_twr_t *twr = args.entries[i].tower;
        if (mr_tower_decode(mr_slice_of(twr->tower_octet_string, twr->tower_length), &tower,
                            &err) != 0)
            fail("tower", &err);
    }
    mr_arena_deinit(&arena);
}

static void encode_one(mr_ndr_format format) {
    mr_buf out;

    mr_buf_init(&out, NULL, 0, CAP);
    if (mr_ndr_encode(proc, MR_NDR_RESPONSE, format, &answer, &out, NULL) != 0)
        fail("encode", NULL);
    mr_buf_deinit(&out);
}

static void ours_decode20(void) {
    decode_one(reply20, ndr20, false);
}
static void ours_decode20_towers(void) {
    decode_one(reply20, ndr20, true);
}
static void ours_decode64(void) {
    decode_one(reply64, ndr64, false);
}
static void ours_encode20(void) {
    encode_one(ndr20);
}
static void ours_encode64(void) {
    encode_one(ndr64);
}
static void samba_decode20(void) {
    if (samba_decode(reply20.data, reply20.len) != 0)
        fail("Samba cannot decode the reply", NULL);
}
static void samba_encode20(void) {
    if (samba_encode() != 0)
        fail("Samba cannot encode the reply", NULL);
}

static struct figure {
    const char *name;
    void (*run)(void);
    double batches[ROUNDS];
} figures[] = {
    {.name = "ours_decode20", .run = ours_decode20},
    {.name = "ours_decode20_towers", .run = ours_decode20_towers},
    {.name = "samba_decode20", .run = samba_decode20},
    {.name = "ours_encode20", .run = ours_encode20},
    {.name = "samba_encode20", .run = samba_encode20},
    {.name = "ours_decode64", .run = ours_decode64},
    {.name = "ours_encode64", .run = ours_encode64},
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Decoding @octets and encoding what they say must give the reply. */
static void check_same(const uint8_t *octets, size_t len, const char *whose) {
    struct mr_epmapper_ept_lookup args = question;
    mr_error err = MR_ERROR_INIT;
    mr_arena arena;

    mr_arena_init(&arena, CAP);
    if (mr_ndr_decode(proc, MR_NDR_RESPONSE, ndr20, mr_slice_of(octets, len), NULL, &arena, &args,
                      NULL, &err) != 0)
        fail(whose, &err);
    mr_slice out = encode(MR_NDR_RESPONSE, ndr20, &args);
    if (out.len != reply20.len || memcmp(out.data, reply20.data, out.len) != 0)
        fail(whose, NULL);
    free((void *)(uintptr_t)out.data);
    mr_arena_deinit(&arena);
}

/* Both sides read the same octets and write the same reply. Samba chooses other referent ids, so
 * what it wrote is compared after being read. */
static void check(void) {
    const uint8_t *again;
    size_t len;

    check_same(reply20.data, reply20.len, "the reply is not what was decoded");
    if (samba_open(request.data, request.len, reply20.data, reply20.len) != 0)
        fail(samba_problem(), NULL);
    if (samba_again(&again, &len) != 0 || len != reply20.len)
        fail("Samba writes another reply than it read", NULL);
    check_same(again, len, "Samba writes another reply than it read");
}

int main(void) {
    mr_arena arena;

    proc = mr_iface_get_proc(&mr_epmapper_iface, EPT_LOOKUP);
    mr_arena_init(&arena, CAP);
    make_reply(&arena);
    check();
    for (int round = -1; round < ROUNDS; round++) {
        for (size_t f = 0; f < MR_COUNT(figures); f++) {
            double start = now();
            for (int i = 0; i < BATCH; i++)
                figures[f].run();
            if (round >= 0)
                figures[f].batches[round] = (now() - start) / BATCH;
        }
    }
    printf("octets20 %zu %zu\noctets64 %zu %zu\n", reply20.len, reply20.len, reply64.len,
           reply64.len);
    for (size_t f = 0; f < MR_COUNT(figures); f++) {
        qsort(figures[f].batches, ROUNDS, sizeof figures[f].batches[0], ascending);
        printf("%s %.0f %.0f\n", figures[f].name, figures[f].batches[0],
               figures[f].batches[ROUNDS / 2]);
    }
    free((void *)(uintptr_t)request.data);
    free((void *)(uintptr_t)reply20.data);
    free((void *)(uintptr_t)reply64.data);
    mr_arena_deinit(&arena);
    samba_close();
    return 0;
}
