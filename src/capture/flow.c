/*
 * The face of flows: which segment belongs to which flow, flows that begin and end, and the
 * datagrams that go by. Whether a flow is over is decided by its own packets' times, when the next
 * one comes or when the sweep passes by, so that shards agree.
 */
#include "flow_private.h"

#include <stdlib.h>

#define SWEEP 2      /* flows looked at for each one that begins */
#define EVICT_LOOK 64
#define FILE_SHIFT 48 /* of the file's index in a flow's id */

int mr_flows_init(mr_flows *flows, const mr_flows_config *config, const mr_flow_sink *sink) {
    mr_flows_config c = config ? *config : (mr_flows_config){0};

    c.shards = c.shards ? c.shards : 1;
    c.flows = c.flows ? c.flows : 4u << 20;
    c.lane_octets = c.lane_octets ? c.lane_octets : 512u << 10;
    c.all_octets = c.all_octets ? c.all_octets : 16u << 20;
    c.idle = c.idle ? c.idle : 4 * 3600 * MR_SEC;
    c.idle_opening = c.idle_opening ? c.idle_opening : 180 * MR_SEC;
    c.linger = c.linger ? c.linger : 10 * MR_SEC;
    *flows = (mr_flows){.config = c, .sink = *sink};
    return mr_flow_table_init(flows);
}

void mr_flows_deinit(mr_flows *flows) {
    uint32_t indices = flows->chunk_count << CHUNK_BITS;

    for (uint32_t i = 0; i < indices; i++) {
        mr_flow *flow = flow_at(flows, i);
        if (!flow->used)
            continue;
        mr_flow_free_held(flows, flow, 0);
        mr_flow_free_held(flows, flow, 1);
    }
    mr_flow_table_deinit(flows);
}

uint64_t mr_flows_get_id(const mr_flows *flows, const mr_flow *flow) {
    return cold_of(flows, flow)->id;
}

const mr_flow_seen *mr_flows_get_seen(mr_flows *flows, mr_flow *flow) {
    mr_flow_tell(flows, flow, &flows->told);
    return &flows->told;
}

static int end_flow(mr_flows *flows, mr_flow *flow, enum mr_flow_end why) {
    int r = mr_flow_flush_all(flows, flow);

    cold_of(flows, flow)->end = (uint8_t)why;
    if (r == 0 && flows->sink.end)
        r = flows->sink.end(flows->sink.ctx, flow, mr_flows_get_seen(flows, flow));
    mr_flow_free_held(flows, flow, 0);
    mr_flow_free_held(flows, flow, 1);
    mr_flow_remove(flows, flow);
    return r < 0 ? r : 0;
}

/* Whether @flow is over at @now. */
static bool is_over(const mr_flows *flows, const mr_flow *flow, mr_nsec now,
                    enum mr_flow_end *whyp) {
    mr_nsec limit = flows->config.idle_opening;
    enum mr_flow_end why = MR_FLOW_END_IDLE;

    switch ((enum mr_flow_state)flow->state) {
    case MR_FLOW_OPEN:
        limit = flows->config.idle;
        break;
    case MR_FLOW_CLOSED:
    case MR_FLOW_RESET:
        limit = flows->config.linger;
        why = MR_FLOW_END_CLOSED;
        break;
    case MR_FLOW_SYN:
    case MR_FLOW_SYN_ACK:
    case MR_FLOW_CLOSING:
        break;
    }
    if (since(now, flow->last) <= limit)
        return false;
    *whyp = why;
    return true;
}

/* Looks at the next @count flows under the hand. */
static int sweep(mr_flows *flows, uint32_t count) {
    uint32_t indices = flows->chunk_count << CHUNK_BITS;
    enum mr_flow_end why;

    while (count-- > 0 && indices > 0) {
        if (flows->hand >= indices)
            flows->hand = 0;
        mr_flow *flow = flow_at(flows, flows->hand++);
        if (!flow->used || !is_over(flows, flow, flows->now, &why))
            continue;
        int r = end_flow(flows, flow, why);
        if (r != 0)
            return r;
    }
    return 0;
}

/* The cap is reached: of the flows next under the hand the one that is silent longest goes. */
static int evict(mr_flows *flows) {
    uint32_t indices = flows->chunk_count << CHUNK_BITS;
    mr_flow *oldest = NULL;

    for (uint32_t looked = 0, steps = 0; looked < EVICT_LOOK && steps < indices; steps++) {
        if (flows->hand >= indices)
            flows->hand = 0;
        mr_flow *flow = flow_at(flows, flows->hand++);
        if (!flow->used)
            continue;
        looked++;
        if (!oldest || flow->last < oldest->last)
            oldest = flow;
    }
    return oldest ? end_flow(flows, oldest, MR_FLOW_END_LIMIT) : 0;
}

/* Without a SYN only the ports tell: services listen on the lower one, nearly always, for clients
 * take theirs from the top (RFC 6335 6). */
static bool is_server(uint16_t mine, uint16_t other) {
    return mine < other;
}

static int new_flow(mr_flows *flows, uint64_t hash, const mr_segment *seg, bool reuse,
                    mr_flow **flowp, int *fromp) {
    uint16_t flags = seg->tcp.flags & (MR_TCP_SYN | MR_TCP_ACK);
    int r = flows->count >= flows->config.flows ? evict(flows)
            : flows->config.manual ? 0 : sweep(flows, SWEEP);

    if (r != 0)
        return r;
    mr_flow *flow = mr_flow_add(flows, hash);
    if (!flow)
        return MR_ERR_MEMORY;
    int from = MR_FROM_CLIENT;
    if (flags == (MR_TCP_SYN | MR_TCP_ACK) ||
        (!(flags & MR_TCP_SYN) && is_server(seg->sport, seg->dport)))
        from = MR_FROM_SERVER;
    flow->host[from] = seg->src;
    flow->host[!from] = seg->dst;
    flow->port[from] = seg->sport;
    flow->port[!from] = seg->dport;
    flow->vlan = seg->vlan;
    flow->family = seg->family;
    flow->midstream = flags != MR_TCP_SYN;
    flow->state = flags == MR_TCP_SYN ? MR_FLOW_SYN
                  : flags & MR_TCP_SYN ? MR_FLOW_SYN_ACK : MR_FLOW_OPEN;
    flow->last = seg->packet->time;
    flow_cold *cold = cold_of(flows, flow);
    cold->id = (uint64_t)seg->packet->file << FILE_SHIFT | seg->first;
    cold->first = seg->packet->time;
    cold->reuse = reuse;
    cold->side[0].wscale = cold->side[1].wscale = MR_TCP_NO_SCALE;
    *flowp = flow;
    *fromp = from;
    if (!flows->sink.open)
        return 0;
    r = flows->sink.open(flows->sink.ctx, flow, seg);
    if (r == MR_FLOW_IGNORE)
        flow->lane[0].flags = flow->lane[1].flags = LANE_QUIET;
    return r < 0 ? r : 0;
}

/* The endpoints whose shard a datagram falls to: an ICMP error goes where its cause went. */
static bool is_mine(const mr_flows *flows, const mr_segment *seg) {
    const mr_quote *quote = &seg->icmp.quote;
    uint64_t hash;

    if (flows->config.shards == 1)
        return true;
    if (seg->kind == MR_SEGMENT_ICMP && quote->family != 0)
        hash = mr_flow_hash(flows->config.key, quote->family, &quote->src, quote->sport,
                            &quote->dst, quote->dport);
    else
        hash = mr_flow_hash(flows->config.key, seg->family, &seg->src, seg->sport, &seg->dst,
                            seg->dport);
    return mr_flow_shard_of(hash, flows->config.shards) == flows->config.shard;
}

/* An ICMP error about a flow is noted there. */
static void note_icmp(mr_flows *flows, const mr_segment *seg) {
    const mr_quote *quote = &seg->icmp.quote;
    int from;

    if (quote->proto != MR_IP_TCP || !quote->has_ports)
        return;
    uint64_t hash = mr_flow_hash(flows->config.key, quote->family, &quote->src, quote->sport,
                                 &quote->dst, quote->dport);
    mr_flow *flow = mr_flow_find(flows, hash, quote->family, seg->vlan, &quote->src,
                                 quote->sport, &quote->dst, quote->dport, &from);
    if (!flow)
        return;
    flow_cold *cold = cold_of(flows, flow);
    if (cold->icmp++ > 0)
        return;
    cold->icmp_packet = seg->packet->number;
    cold->icmp_type = seg->icmp.type;
    cold->icmp_code = seg->icmp.code;
    cold->icmp_mtu = seg->icmp.mtu;
}

static int feed_datagram(mr_flows *flows, const mr_segment *seg) {
    if (!is_mine(flows, seg))
        return 0;
    if (seg->kind == MR_SEGMENT_ICMP && seg->icmp.quote.family != 0)
        note_icmp(flows, seg);
    if (!flows->sink.datagram)
        return 0;
    int r = flows->sink.datagram(flows->sink.ctx, seg);
    return r < 0 ? r : 0;
}

int mr_flows_feed(mr_flows *flows, const mr_segment *seg) {
    mr_flow *flow;
    int from, r = 0;
    enum mr_flow_end why = MR_FLOW_END_REUSED;
    bool reuse = false;

    if (flows->failed != 0)
        return flows->failed;
    if (seg->packet->time > flows->now)
        flows->now = seg->packet->time;
    if (seg->kind != MR_SEGMENT_TCP)
        return feed_datagram(flows, seg);
    uint64_t hash = mr_flow_hash(flows->config.key, seg->family, &seg->src, seg->sport,
                                 &seg->dst, seg->dport);
    if (flows->config.shards > 1 &&
        mr_flow_shard_of(hash, flows->config.shards) != flows->config.shard)
        return 0;
    flow = mr_flow_find(flows, hash, seg->family, seg->vlan, &seg->src, seg->sport, &seg->dst,
                        seg->dport, &from);
    if (flow) {
        if (seg->tcp.flags & MR_TCP_SYN)
            reuse = mr_flow_is_reuse(flows, flow, from, seg);
        if (reuse || is_over(flows, flow, seg->packet->time, &why)) {
            r = end_flow(flows, flow, why);
            flow = NULL;
        }
    }
    if (!flow && r == 0)
        r = new_flow(flows, hash, seg, reuse, &flow, &from);
    if (r == 0)
        r = mr_flow_track(flows, flow, from, seg);
    return r != 0 ? r : flows->failed;
}

void mr_flows_lost(void *ctx, const mr_fragments_lost *lost) {
    mr_flows *flows = ctx;
    uint64_t hash = mr_flow_hash(flows->config.key, lost->family, &lost->src, lost->sport,
                                 &lost->dst, lost->dport);

    if (!flows->sink.lost || flows->failed != 0 ||
        mr_flow_shard_of(hash, flows->config.shards) != flows->config.shard)
        return;
    int r = flows->sink.lost(flows->sink.ctx, lost);
    flows->failed = r < 0 ? r : 0;
}

typedef struct in_order {
    uint64_t id;
    uint32_t index;
    enum mr_flow_end why;
} in_order;

static int by_id(const void *a, const void *b) {
    const in_order *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Ends the flows of @list, oldest first. */
static int end_list(mr_flows *flows, in_order *list, uint32_t count) {
    int r = 0;

    if (count > 1)
        qsort(list, count, sizeof *list, by_id);
    for (uint32_t i = 0; i < count && r == 0; i++)
        r = end_flow(flows, flow_at(flows, list[i].index), list[i].why);
    return r;
}

int mr_flows_expire(mr_flows *flows, mr_nsec now) {
    uint32_t indices = flows->chunk_count << CHUNK_BITS, count = 0, room = 0;
    in_order *list = NULL;

    if (now > flows->now)
        flows->now = now;
    for (uint32_t i = 0; i < indices; i++) {
        const mr_flow *flow = flow_at(flows, i);
        enum mr_flow_end why;
        if (!flow->used || !is_over(flows, flow, flows->now, &why))
            continue;
        if (count == room) {
            room = room ? room * 2 : 256;
            in_order *grown = reallocarray(list, room, sizeof *list);
            if (!grown) {
                free(list);
                return MR_ERR_MEMORY;
            }
            list = grown;
        }
        list[count++] = (in_order){cold_of(flows, flow)->id, i, why};
    }
    int r = end_list(flows, list, count);
    free(list);
    return r;
}

int mr_flows_end(mr_flows *flows) {
    uint32_t indices = flows->chunk_count << CHUNK_BITS, count = 0;
    in_order *list = flows->count ? malloc(flows->count * sizeof *list) : NULL;
    int r = flows->failed;

    if (!list)
        return r != 0 || !flows->count ? r : MR_ERR_MEMORY;
    for (uint32_t i = 0; i < indices; i++) {
        const mr_flow *flow = flow_at(flows, i);
        enum mr_flow_end why = MR_FLOW_END_CAPTURE;
        if (!flow->used)
            continue;
        if (!is_over(flows, flow, flows->now, &why) &&
            (flow->state == MR_FLOW_CLOSED || flow->state == MR_FLOW_RESET))
            why = MR_FLOW_END_CLOSED;
        list[count++] = (in_order){cold_of(flows, flow)->id, i, why};
    }
    int ended = end_list(flows, list, count); /* what failed before keeps nothing from ending */
    free(list);
    return r != 0 ? r : ended;
}
