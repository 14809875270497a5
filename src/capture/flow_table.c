/*
 * Where flows are kept: an open-addressed table of eight-octet slots, linear probing, deletion by
 * shifting back, over chunks of flows that never move. The hash is SipHash-1-3 over the two
 * endpoints in order, under the caller's key, so that nobody can build a capture whose flows
 * collide.
 */
#include "flow_private.h"

#include <stdlib.h>

#define SLOTS_FIRST 1024u

struct mr_flow_slot {
    uint32_t tag; /* low half of the hash */
    uint32_t ref; /* index + 1, 0: free */
};

_Static_assert(sizeof(mr_flow) == 128, "two cache lines");
_Static_assert(sizeof(mr_flow) + sizeof(flow_cold) <= 448, "what every flow costs");
_Static_assert(sizeof(flow_rare) <= 512, "what a disturbed direction costs besides");

static inline uint64_t rotl(uint64_t x, int n) {
    return x << n | x >> (64 - n);
}

static inline void sip_round(uint64_t v[4]) {
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word) {
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

static inline uint64_t endpoint4(const mr_host *host, uint16_t port) {
    uint32_t ip;
    memcpy(&ip, host->octets, 4);
    return (uint64_t)ip << 16 | port;
}

static void sip_host(uint64_t v[4], const mr_host *host) {
    uint64_t word[2];
    memcpy(word, host->octets, sizeof word);
    sip_word(v, word[0]);
    sip_word(v, word[1]);
}

static uint64_t hash_of(const uint64_t key[2], uint8_t family, const mr_host *a, uint16_t a_port,
                        const mr_host *b, uint16_t b_port) {
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                     key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};

    if (family == 4) {
        uint64_t x = endpoint4(a, a_port), y = endpoint4(b, b_port);
        sip_word(v, x < y ? x : y);
        sip_word(v, x < y ? y : x);
    } else {
        int order = memcmp(a, b, sizeof *a);
        if (order > 0 || (order == 0 && a_port > b_port)) {
            const mr_host *host = a;
            uint16_t port = a_port;
            a = b;
            b = host;
            a_port = b_port;
            b_port = port;
        }
        sip_host(v, a);
        sip_host(v, b);
        sip_word(v, (uint64_t)a_port << 16 | b_port);
    }
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Ports on which two connections make one association (RPC over HTTP in clear). */
static bool is_tunnel(uint16_t port) {
    return port == 80 || port == 593 || port == 8080;
}

/* The lower half finds the flow, the upper one its shard. */
uint64_t mr_flow_hash(const uint64_t key[2], uint8_t family, const mr_host *a, uint16_t a_port,
                      const mr_host *b, uint16_t b_port) {
    uint64_t hash = hash_of(key, family, a, a_port, b, b_port);

    if (!is_tunnel(a_port) && !is_tunnel(b_port))
        return hash;
    return (hash_of(key, family, a, 0, b, 0) >> 32 << 32) | (uint32_t)hash;
}

uint32_t mr_flow_shard_of(uint64_t hash, uint32_t shards) {
    return (uint32_t)((hash >> 32) * shards >> 32);
}

uint32_t mr_flow_shard(const uint64_t key[2], uint32_t shards, const mr_host *a, uint16_t a_port,
                       const mr_host *b, uint16_t b_port) {
    static const uint8_t zero[12];
    bool four = memcmp(a->octets + 4, zero, 12) == 0 && memcmp(b->octets + 4, zero, 12) == 0;
    return mr_flow_shard_of(mr_flow_hash(key, four ? 4 : 6, a, a_port, b, b_port), shards);
}

static inline bool host_eq(const mr_host *a, const mr_host *b) {
    uint64_t x[2], y[2];
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    return x[0] == y[0] && x[1] == y[1];
}

mr_flow *mr_flow_find(const mr_flows *flows, uint64_t hash, uint8_t family, uint16_t vlan,
                      const mr_host *a, uint16_t a_port, const mr_host *b, uint16_t b_port,
                      int *fromp) {
    uint32_t tag = (uint32_t)hash;

    for (uint32_t i = tag & flows->mask; flows->slots[i].ref; i = (i + 1) & flows->mask) {
        if (flows->slots[i].tag != tag)
            continue;
        mr_flow *flow = flow_at(flows, flows->slots[i].ref - 1);
        if (flow->family != family || (flows->config.vlans && flow->vlan != vlan))
            continue;
        if (flow->port[0] == a_port && flow->port[1] == b_port && host_eq(&flow->host[0], a) &&
            host_eq(&flow->host[1], b)) {
            *fromp = MR_FROM_CLIENT;
            return flow;
        }
        if (flow->port[1] == a_port && flow->port[0] == b_port && host_eq(&flow->host[1], a) &&
            host_eq(&flow->host[0], b)) {
            *fromp = MR_FROM_SERVER;
            return flow;
        }
    }
    return NULL;
}

static void put_slot(mr_flow_slot *slots, uint32_t mask, mr_flow_slot slot) {
    uint32_t i = slot.tag & mask;
    while (slots[i].ref)
        i = (i + 1) & mask;
    slots[i] = slot;
}

static int grow_slots(mr_flows *flows) {
    uint32_t count = flows->slots ? (flows->mask + 1) * 2 : SLOTS_FIRST;
    mr_flow_slot *slots = count ? calloc(count, sizeof *slots) : NULL;

    if (!slots)
        return MR_ERR_MEMORY;
    for (uint32_t i = 0; flows->slots && i <= flows->mask; i++)
        if (flows->slots[i].ref)
            put_slot(slots, count - 1, flows->slots[i]);
    free(flows->slots);
    flows->slots = slots;
    flows->mask = count - 1;
    return 0;
}

int mr_flow_table_init(mr_flows *flows) {
    flows->spare = calloc(1, sizeof *flows->spare);
    if (flows->spare && grow_slots(flows) == 0)
        return 0;
    free(flows->spare);
    flows->spare = NULL;
    return MR_ERR_MEMORY;
}

/* One more chunk, all of whose flows are free. A free flow's index is the next free one's + 1. */
static int grow_chunks(mr_flows *flows) {
    if (flows->chunk_count == flows->chunk_size) {
        uint32_t size = flows->chunk_size ? flows->chunk_size * 2 : 16;
        mr_flow_chunk **chunks = realloc(flows->chunks, size * sizeof *chunks);
        if (!chunks)
            return MR_ERR_MEMORY;
        flows->chunks = chunks;
        flows->chunk_size = size;
    }
    mr_flow_chunk *chunk = aligned_alloc(64, (sizeof *chunk + 63) / 64 * 64);
    if (!chunk)
        return MR_ERR_MEMORY;
    uint32_t first = flows->chunk_count << CHUNK_BITS;
    for (uint32_t i = 0; i < CHUNK_FLOWS; i++) {
        chunk->hot[i].used = false;
        chunk->hot[i].index = i + 1 < CHUNK_FLOWS ? first + i + 2 : 0;
    }
    flows->chunks[flows->chunk_count++] = chunk;
    flows->free_index = first + 1;
    return 0;
}

mr_flow *mr_flow_add(mr_flows *flows, uint64_t hash) {
    if (flows->count >= flows->mask / 4 * 3)
        if (grow_slots(flows) != 0)
            return NULL;
    if (!flows->free_index && grow_chunks(flows) != 0)
        return NULL;
    uint32_t index = flows->free_index - 1;
    mr_flow *flow = flow_at(flows, index);
    flows->free_index = flow->index;
    memset(flow, 0, sizeof *flow);
    flow->index = index;
    flow->used = true;
    memset(cold_of(flows, flow), 0, sizeof(flow_cold));
    put_slot(flows->slots, flows->mask, (mr_flow_slot){(uint32_t)hash, index + 1});
    flows->count++;
    flows->total++;
    if (flows->count > flows->peak)
        flows->peak = flows->count;
    return flow;
}

flow_rare *mr_flow_rare(mr_flows *flows, const mr_flow *flow, int from) {
    flow_side *side = &cold_of(flows, flow)->side[from];

    if (side->rare)
        return side->rare;
    side->rare = calloc(1, sizeof *side->rare);
    if (!side->rare) {
        flows->failed = MR_ERR_MEMORY;
        *flows->spare = (flow_rare){.wait.hole_acked = MR_NSEC_NEVER};
        return flows->spare;
    }
    side->rare->wait.hole_acked = MR_NSEC_NEVER;
    flows->rare_count++;
    return side->rare;
}

static void free_rare(mr_flows *flows, flow_side *side) {
    if (!side->rare)
        return;
    free(side->rare);
    side->rare = NULL;
    flows->rare_count--;
}

void mr_flow_remove(mr_flows *flows, mr_flow *flow) {
    uint64_t hash = mr_flow_hash(flows->config.key, flow->family, &flow->host[0], flow->port[0],
                                 &flow->host[1], flow->port[1]);
    uint32_t mask = flows->mask, hole = (uint32_t)hash & mask;

    while (flows->slots[hole].ref != flow->index + 1)
        hole = (hole + 1) & mask;
    for (uint32_t i = (hole + 1) & mask; flows->slots[i].ref; i = (i + 1) & mask) {
        uint32_t home = flows->slots[i].tag & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) { /* may stand at the hole */
            flows->slots[hole] = flows->slots[i];
            hole = i;
        }
    }
    flows->slots[hole].ref = 0;
    uint32_t index = flow->index;
    free_rare(flows, &cold_of(flows, flow)->side[0]);
    free_rare(flows, &cold_of(flows, flow)->side[1]);
    flow->used = false;
    flow->index = flows->free_index;
    flows->free_index = index + 1;
    flows->count--;
}

void mr_flow_table_deinit(mr_flows *flows) {
    for (uint32_t i = 0; i < flows->chunk_count << CHUNK_BITS; i++) {
        const mr_flow *flow = flow_at(flows, i);
        for (int side = 0; side < 2 && flow->used; side++)
            free_rare(flows, &cold_of(flows, flow)->side[side]);
    }
    for (uint32_t i = 0; i < flows->chunk_count; i++)
        free(flows->chunks[i]);
    free(flows->spare);
    flows->spare = NULL;
    free(flows->chunks);
    free(flows->slots);
    flows->chunks = NULL;
    flows->slots = NULL;
    flows->chunk_count = flows->chunk_size = flows->count = 0;
}

size_t mr_flows_memory(const mr_flows *flows) {
    return (size_t)flows->chunk_count * sizeof(mr_flow_chunk) +
           flows->chunk_size * sizeof(mr_flow_chunk *) +
           flows->rare_count * sizeof(flow_rare) +
           ((size_t)flows->mask + 1) * sizeof(mr_flow_slot) + (size_t)flows->waiting;
}
