/*
 * The mutator of fuzz_server: libFuzzer changes the octets of a record, this changes which records
 * there are. New ones are such that a server goes far with them: connections that bind, requests
 * with valid parameters, answers to calls that wait.
 */
#include "server_script.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 400

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
                                 size_t size2, uint8_t *out, size_t max_size, unsigned seed);

typedef struct list {
    struct {
        size_t at, len; /* of the record with its three octets */
    } items[RECORDS_MAX];
    size_t count;
} list;

static uint32_t state;

static uint32_t dice(uint32_t sides) {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % sides;
}

static void find_records(const uint8_t *data, size_t size, list *l) {
    size_t at = 1;

    l->count = 0;
    while (at + 3 <= size && l->count < RECORDS_MAX) {
        size_t len = 3u + (size_t)(data[at + 1] | data[at + 2] << 8);
        if (len > size - at)
            len = size - at;
        l->items[l->count].at = at;
        l->items[l->count++].len = len;
        at += len;
    }
}

static uint8_t any(void) {
    return (uint8_t)dice(256);
}

static size_t make_bind(uint8_t *p) {
    size_t n = 0;
    unsigned contexts = 1 + dice(3);
    p[n++] = (uint8_t)dice(4);
    p[n++] = dice(4) ? 0x13 : 0x03;
    p[n++] = (uint8_t)dice(6);
    p[n++] = (uint8_t)((dice(4) == 0) * SCRIPT_ALTER | (dice(8) == 0) * SCRIPT_BIG |
                       (dice(3) == 0) * SCRIPT_JOIN | (dice(16) == 0) * SCRIPT_TRAILER);
    p[n++] = (uint8_t)dice(4);
    for (int i = 0; i < 2; i++) {
        uint16_t frag = (uint16_t)(dice(3) ? 5840 : dice(2) ? 2048 : dice(65536));
        p[n++] = (uint8_t)frag;
        p[n++] = (uint8_t)(frag >> 8);
    }
    for (unsigned i = 0; i < contexts; i++) {
        uint8_t iface = (uint8_t)dice(6);
        p[n++] = dice(8) ? iface : any();
        p[n++] = iface;
        p[n++] = dice(4) ? SCRIPT_NDR20 : any();
    }
    return n;
}

static size_t make_request(uint8_t *p) {
    uint8_t iface = (uint8_t)dice(6);
    size_t n = 0;

    p[n++] = (uint8_t)dice(4);
    p[n++] = dice(6) ? 0x03 : any();
    p[n++] = (uint8_t)dice(12);
    p[n++] = dice(12) ? iface : any();
    p[n++] = (uint8_t)dice(iface == 0 ? 5 : iface == 2 ? 10 : 7);
    p[n++] = (uint8_t)(SCRIPT_MADE | (dice(2) == 0) * SCRIPT_HANDLE |
                       (dice(12) == 0) * SCRIPT_OPEN | (dice(12) == 0) * SCRIPT_OBJECT |
                       (dice(30) == 0) * SCRIPT_HUGE | (dice(12) == 0) * SCRIPT_IN_NDR64);
    p[n++] = iface;
    p[n++] = dice(4) ? 0 : (uint8_t)(1 + dice(20));
    p[n++] = any();
    unsigned tweaks = dice(4);
    p[n++] = (uint8_t)tweaks;
    for (unsigned i = 0; i < tweaks; i++) {
        p[n++] = (uint8_t)(dice(3) ? "\0\4\12"[dice(3)] : (char)dice(16));
        p[n++] = dice(6) ? (uint8_t)dice(12) : any();
    }
    return n;
}

/* A record at @to; its length. */
static size_t make_record(uint8_t *to) {
    static const uint8_t often[] = {SCRIPT_CONNECT, SCRIPT_BIND, SCRIPT_BIND, SCRIPT_REQUEST,
                                    SCRIPT_REQUEST, SCRIPT_REQUEST, SCRIPT_REQUEST,
                                    SCRIPT_REQUEST, SCRIPT_ANSWER, SCRIPT_WORK, SCRIPT_WORK,
                                    SCRIPT_TIME, SCRIPT_PDU};
    static const uint8_t ptypes[] = {18, 19, 18, 19, 17, 16, 11, 14, 0, 2};
    uint8_t op = dice(3) ? often[dice(sizeof often)] : (uint8_t)dice(SCRIPT_OPS);
    uint8_t *p = to + 3;
    size_t n;

    if (op == SCRIPT_BIND) {
        n = make_bind(p);
    } else if (op == SCRIPT_REQUEST) {
        n = make_request(p);
    } else if (op == SCRIPT_PDU) {
        p[0] = (uint8_t)dice(4);
        p[1] = ptypes[dice(sizeof ptypes)];
        p[2] = 3;
        p[3] = (uint8_t)dice(12);
        n = 4;
    } else if (op == SCRIPT_SERVER) {
        p[0] = dice(6) ? 1 : any();
        p[1] = any();
        n = 2;
    } else {
        n = op == SCRIPT_LIMITS ? 14 : 4;
        for (size_t i = 0; i < n; i++)
            p[i] = dice(3) ? (uint8_t)dice(12) : any();
    }
    to[0] = (uint8_t)(op | (dice(6) ? 0 : SCRIPT_NO_TURN));
    to[1] = (uint8_t)n;
    to[2] = 0;
    return n + 3;
}

static size_t insert(uint8_t *data, size_t size, size_t max_size, size_t at, const uint8_t *what,
                     size_t len) {
    if (size + len > max_size)
        return size;
    memmove(data + at + len, data + at, size - at);
    memcpy(data + at, what, len);
    return size + len;
}

static size_t cut_out(uint8_t *data, size_t size, size_t at, size_t len) {
    memmove(data + at, data + at + len, size - at - len);
    return size - len;
}

/* libFuzzer's own changes inside the record, whose length then follows. */
static size_t change(uint8_t *data, size_t size, size_t max_size, size_t at, size_t len) {
    uint8_t copy[4096];
    size_t room = sizeof copy, n = len - 3;

    if (len < 3 || n > sizeof copy / 2 || size >= max_size)
        return size;
    if (room > max_size - size + n)
        room = max_size - size + n;
    memcpy(copy, data + at + 3, n);
    n = LLVMFuzzerMutate(copy, n, room);
    size = cut_out(data, size, at + 3, len - 3);
    data[at + 1] = (uint8_t)n;
    data[at + 2] = (uint8_t)(n >> 8);
    return insert(data, size, max_size, at + 3, copy, n);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    uint8_t record[64], *copy;
    list l;

    state = seed;
    if (size == 0)
        data[size++] = (uint8_t)dice(4);
    for (unsigned rounds = 1 + dice(4); rounds > 0; rounds--) {
        find_records(data, size, &l);
        size_t i = l.count ? dice((uint32_t)l.count) : 0;
        size_t at = l.count ? l.items[i].at : size, len = l.count ? l.items[i].len : 0;
        switch (l.count ? dice(8) : 0) {
        case 0:
        case 1:
        case 2:
            size = insert(data, size, max_size, dice(3) ? at : size, record, make_record(record));
            break;
        case 3:
            size = cut_out(data, size, at, len);
            break;
        case 4: /* once more, elsewhere */
            copy = malloc(len);
            if (copy) {
                memcpy(copy, data + at, len);
                size = insert(data, size, max_size, l.items[dice((uint32_t)l.count)].at, copy, len);
            }
            free(copy);
            break;
        case 5:
            data[at] ^= SCRIPT_NO_TURN;
            break;
        default:
            size = change(data, size, max_size, at, len);
        }
        if (dice(40) == 0)
            data[0] = (uint8_t)dice(4);
    }
    return size;
}

/* The beginning of one and the end of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
                                 size_t size2, uint8_t *out, size_t max_size, unsigned seed) {
    list a, b;

    state = seed;
    find_records(data1, size1, &a);
    find_records(data2, size2, &b);
    if (!a.count || !b.count)
        return 0;
    size_t head = a.items[dice((uint32_t)a.count)].at, tail = b.items[dice((uint32_t)b.count)].at;
    if (head + size2 - tail > max_size)
        return 0;
    memcpy(out, data1, head);
    memcpy(out + head, data2 + tail, size2 - tail);
    return head + size2 - tail;
}
