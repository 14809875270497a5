/*
 * IP fragments put together (RFC 791 3.2, RFC 8200 4.5). A datagram is a buffer and one bit per
 * eight octets; the first octets that came win, and different octets later are noted. Datagrams
 * are kept oldest first under three caps: count, octets, time. One that leaves incomplete is
 * reported; one that was completed stays a little while, so that fragments captured twice do not
 * pass for the beginning of another.
 */
#include "decap_private.h"

#include <msrpc/base/result.h>

#include <stdlib.h>

#define TOTAL_MAX 65535u
#define BLOCKS (TOTAL_MAX / 8 + 1)
#define DONE_TIME (100 * MR_MSEC)
#define GROW 4096u

typedef struct datagram {
    mr_fragments_lost seen; /* what is reported if nothing more comes */
    uint8_t *data;
    uint32_t size;          /* of @data */
    uint32_t blocks;        /* bits set */
    uint32_t top;           /* behind the last octet that came */
    uint32_t cut;           /* octets from here on were not all captured */
    bool overlap;
    bool done;
    uint64_t have[(BLOCKS + 63) / 64];
} datagram;

struct mr_fragment_set {
    uint32_t count;
    uint32_t octets;
    uint8_t *whole; /* the datagram handed out last */
    struct {
        uint64_t key;
        datagram *it;
    } list[];
};

static uint64_t key_of(const mr_segment *seg, uint32_t id) {
    uint64_t key = id, word;

    for (int i = 0; i < 16; i += 8) {
        memcpy(&word, seg->src.octets + i, 8);
        key = (key ^ word) * 0x9e3779b97f4a7c15u;
        memcpy(&word, seg->dst.octets + i, 8);
        key = (key ^ word ^ key >> 29) * 0xbf58476d1ce4e5b9u;
    }
    return key ^ key >> 32;
}

/* IPv6 leaves the protocol out: it stands in the first fragment only (RFC 8200 4.5). */
static bool same(const datagram *d, const mr_segment *seg, uint32_t id) {
    return d->seen.id == id && d->seen.family == seg->family &&
           (seg->family == 6 || d->seen.proto == seg->proto) &&
           memcmp(&d->seen.src, &seg->src, sizeof seg->src) == 0 &&
           memcmp(&d->seen.dst, &seg->dst, sizeof seg->dst) == 0;
}

/* Forgets the datagram at @at of the list; reports it when it is incomplete. */
static void drop(mr_decap *decap, uint32_t at, bool timed_out) {
    mr_fragment_set *set = decap->fragments;
    datagram *d = set->list[at].it;

    if (!d->done && decap->config.lost) {
        mr_fragments_lost *lost = &d->seen;
        if ((d->have[0] & 1) && d->cut >= 4 && d->size >= 4 &&
            (lost->proto == MR_IP_TCP || lost->proto == MR_IP_UDP)) {
            lost->has_ports = true;
            lost->sport = be16(d->data);
            lost->dport = be16(d->data + 2);
        }
        lost->timed_out = timed_out;
        decap->config.lost(decap->config.ctx, lost);
    }
    set->octets -= d->size + (uint32_t)sizeof *d;
    free(d->data);
    free(d);
    set->count--;
    memmove(&set->list[at], &set->list[at + 1], (set->count - at) * sizeof set->list[0]);
}

static bool waited(const mr_decap *decap, const datagram *d, mr_nsec now) {
    mr_nsec limit = d->done ? DONE_TIME : decap->config.fragment_time;
    mr_nsec then = d->done ? d->seen.last : d->seen.first;
    return now > then && now - then > limit;
}

void mr_decap_expire(mr_decap *decap, mr_nsec now) {
    mr_fragment_set *set = decap->fragments;

    for (uint32_t i = set ? set->count : 0; i > 0; i--)
        if (waited(decap, set->list[i - 1].it, now))
            drop(decap, i - 1, true);
}

void mr_decap_end(mr_decap *decap) {
    while (decap->fragments && decap->fragments->count > 0)
        drop(decap, 0, false);
}

void mr_fragments_free(mr_fragment_set *set) {
    if (!set)
        return;
    for (uint32_t i = 0; i < set->count; i++) {
        free(set->list[i].it->data);
        free(set->list[i].it);
    }
    free(set->whole);
    free(set);
}

/* The datagram of @seg, or a new one at the end of the list; NULL without memory. */
static datagram *find(mr_decap *decap, const mr_segment *seg, uint32_t id, uint32_t *atp) {
    mr_fragment_set *set = decap->fragments;
    uint64_t key = key_of(seg, id);
    const mr_packet *packet = seg->packet;

    for (uint32_t i = 0; i < set->count; i++) {
        if (set->list[i].key != key || !same(set->list[i].it, seg, id))
            continue;
        if (!waited(decap, set->list[i].it, packet->time)) {
            *atp = i;
            return set->list[i].it;
        }
        drop(decap, i, true); /* the sender counted round */
        break;
    }
    if (set->count == decap->config.datagrams)
        drop(decap, 0, waited(decap, set->list[0].it, packet->time));
    datagram *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->cut = UINT32_MAX;
    d->seen = (mr_fragments_lost){.first_packet = packet->number, .first = packet->time,
                                  .family = seg->family, .proto = seg->proto, .id = id,
                                  .src = seg->src, .dst = seg->dst};
    set->octets += (uint32_t)sizeof *d;
    *atp = set->count;
    set->list[set->count].key = key;
    set->list[set->count++].it = d;
    return d;
}

static int grow(mr_fragment_set *set, datagram *d, uint32_t end) {
    uint32_t size = (end + GROW - 1) / GROW * GROW;

    if (end <= d->size && d->data)
        return 0;
    size = size ? size : GROW;
    uint8_t *data = realloc(d->data, size);
    if (!data)
        return MR_ERR_MEMORY;
    memset(data + d->size, 0, size - d->size);
    set->octets += size - d->size;
    d->data = data;
    d->size = size;
    return 0;
}

/* The octets of @f into @d, block by block; those that are there already stay. */
static void fill(mr_decap *decap, datagram *d, const mr_fragment *f) {
    bool differs = false;

    for (uint32_t at = 0; at < f->len; at += 8) {
        uint32_t block = (f->offset + at) / 8;
        uint32_t len = f->len - at < 8 ? f->len - at : 8;
        uint32_t there = at >= f->bytes.len ? 0 : (uint32_t)(f->bytes.len - at);
        uint8_t *place = d->data + f->offset + at;

        there = there < len ? there : len;
        if (d->have[block / 64] >> (block % 64) & 1) {
            if (there > 0 && f->offset + at + there <= d->cut &&
                memcmp(place, f->bytes.data + at, there) != 0)
                differs = true;
            continue;
        }
        if (there > 0)
            memcpy(place, f->bytes.data + at, there);
        d->have[block / 64] |= (uint64_t)1 << (block % 64);
        d->blocks++;
        d->seen.octets += len;
    }
    if (f->bytes.len < f->len && f->offset + f->bytes.len < d->cut)
        d->cut = f->offset + (uint32_t)f->bytes.len;
    if (differs) {
        d->overlap = true;
        decap->overlaps++;
    }
}

/* Room for @f under the cap of octets: older datagrams make way. */
static int make_room(mr_decap *decap, datagram *d, uint32_t end, uint32_t *atp) {
    mr_fragment_set *set = decap->fragments;
    int r = grow(set, d, end);

    while (r == 0 && set->octets > decap->config.octets && set->count > 1) {
        uint32_t oldest = *atp == 0 ? 1 : 0;
        drop(decap, oldest, false);
        if (oldest < *atp)
            --*atp;
    }
    return r;
}

static int open_set(mr_decap *decap) {
    if (decap->fragments)
        return 0;
    decap->fragments = calloc(1, sizeof *decap->fragments + decap->config.datagrams *
                                     sizeof decap->fragments->list[0]);
    return decap->fragments ? 0 : MR_ERR_MEMORY;
}

int mr_fragments_feed(mr_decap *decap, const mr_fragment *f, mr_segment *seg,
                      mr_slice *bytesp, uint32_t *lenp) {
    uint32_t end = f->offset + f->len, at;

    if (end > TOTAL_MAX || (f->more && (f->len & 7)) || f->len == 0)
        return MR_DECAP_MALFORMED;
    if (open_set(decap) != 0)
        return MR_ERR_MEMORY;
    datagram *d = find(decap, seg, f->id, &at);
    if (!d)
        return MR_ERR_MEMORY;
    if (d->done) /* captured twice */
        return MR_DECAP_HELD;
    mr_fragments_lost *seen = &d->seen;
    if (seen->total ? end > seen->total || (!f->more && end != seen->total)
                    : !f->more && end < d->top)
        return MR_DECAP_MALFORMED; /* two different ends */
    int r = make_room(decap, d, end, &at);
    if (r != 0)
        return r;
    if (!f->more)
        seen->total = end;
    d->top = end > d->top ? end : d->top;
    if (f->offset == 0)
        seen->proto = seg->proto;
    seen->fragments++;
    seen->last = seg->packet->time;
    seen->last_packet = seg->packet->number;
    fill(decap, d, f);
    if (!seen->total || d->blocks < (seen->total + 7) / 8)
        return MR_DECAP_HELD;
    mr_fragment_set *set = decap->fragments;
    free(set->whole);
    set->whole = d->data;
    set->octets -= d->size;
    *lenp = seen->total;
    *bytesp = mr_slice_of(d->data, d->cut < seen->total ? d->cut : seen->total);
    d->data = NULL;
    d->size = 0;
    d->done = true;
    seg->first = seen->first_packet;
    seg->proto = seen->proto;
    seg->fragments = true;
    seg->overlap = d->overlap;
    return 0;
}
