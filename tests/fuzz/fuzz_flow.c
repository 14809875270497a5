/* Records of seven octets as segments between a few endpoints, many sequence numbers near each
 * other. What always holds: positions of a direction grow without a break, octets and gaps add up
 * to what is reported at the end, and what waits stays under its cap. */
#include <msrpc/base/result.h>
#include <msrpc/capture/flow.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CAP = 4000, PLACES = 4096, QUIET = 2 };

typedef struct oracle {
    uint64_t place[PLACES][2];
    uint64_t missing[PLACES][2];
    uint32_t opened, ended;
    mr_nsec now;
} oracle;

static int on_open(void *ctx, mr_flow *flow, const mr_segment *seg) {
    oracle *o = ctx;
    if (o->opened == PLACES)
        return MR_ERR_LIMIT;
    flow->user = o->place[o->opened++];
    return seg->tcp.seq == 13 ? MR_FLOW_IGNORE : 0;
}

static int on_data(void *ctx, mr_flow *flow, enum mr_flow_side from, mr_slice octets,
                   const mr_flow_at *at) {
    oracle *o = ctx;
    uint64_t *place = (uint64_t *)flow->user + from;
    if (octets.len == 0 || at->position != *place || at->now < o->now)
        abort();
    o->now = at->now;
    *place += octets.len;
    return *place == 77 ? MR_FLOW_IGNORE : 0;
}

static int on_gap(void *ctx, mr_flow *flow, enum mr_flow_side from, uint64_t len,
                  const mr_flow_at *at) {
    oracle *o = ctx;
    uint64_t *place = (uint64_t *)flow->user + from;
    if (len == 0 || len > UINT32_MAX || at->position != *place || at->now < o->now)
        abort();
    o->now = at->now;
    *place += len;
    o->missing[(uint64_t(*)[2])flow->user - o->place][from] += len;
    return *place == 78 ? MR_FLOW_IGNORE : 0;
}

static int on_end(void *ctx, mr_flow *flow, const mr_flow_seen *seen) {
    oracle *o = ctx;
    size_t at = (size_t)((uint64_t(*)[2])flow->user - o->place);

    o->ended++;
    for (int from = 0; from < 2; from++) {
        if (flow->lane[from].flags & QUIET)
            continue;
        if (seen->side[from].octets != o->place[at][from] ||
            seen->side[from].missing != o->missing[at][from])
            abort();
    }
    return 0;
}

/* A record: endpoints and flags, two octets of sequence, one of acknowledgement, then length, cut
 * and time. */
static void fill(const uint8_t *r, mr_packet *packet, mr_segment *seg) {
    static const uint16_t flags[8] = {MR_TCP_ACK, MR_TCP_ACK, MR_TCP_ACK | MR_TCP_PSH, MR_TCP_SYN,
                                      MR_TCP_SYN | MR_TCP_ACK, MR_TCP_FIN | MR_TCP_ACK,
                                      MR_TCP_RST, MR_TCP_RST | MR_TCP_ACK};
    static const uint8_t octets[256];
    bool back = r[0] & 1;
    uint32_t base = r[0] & 0x40 ? 0xffffff80u : 0;

    packet->number++;
    packet->time += (uint64_t)r[6] * r[6] * r[6] * 1000;
    packet->timed = true;
    *seg = (mr_segment){.packet = packet, .first = packet->number, .kind = MR_SEGMENT_TCP,
                        .family = 4, .proto = MR_IP_TCP, .ttl = 64, .ip_id = r[5] & 7};
    seg->src.octets[3] = back ? 2 : 1;
    seg->dst.octets[3] = back ? 1 : 2;
    seg->sport = back ? 135 : r[0] >> 1 & 3;
    seg->dport = back ? r[0] >> 1 & 3 : 135;
    seg->tcp.flags = flags[r[0] >> 3 & 7];
    seg->tcp.wscale = MR_TCP_NO_SCALE;
    seg->tcp.seq = base + (r[0] & 0x80 ? (uint32_t)r[1] << 24 | r[2] : r[1]);
    seg->tcp.ack = base + r[3];
    seg->tcp.window = r[5] >> 4;
    seg->payload_len = r[4] & 0x7f;
    size_t cut = r[4] & 0x80 ? r[5] : 0;
    seg->payload = mr_slice_of(octets, cut < seg->payload_len ? seg->payload_len - cut : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    oracle *o = calloc(1, sizeof *o);
    mr_flow_sink sink = {.ctx = o, .open = on_open, .data = on_data, .gap = on_gap,
                         .end = on_end};
    mr_flows_config config = {.lane_octets = CAP / 2, .all_octets = CAP, .flows = 5};
    mr_flows flows;
    mr_packet packet = {0};
    mr_segment seg;
    int r = 0;

    if (!o || mr_flows_init(&flows, &config, &sink) != 0) {
        free(o);
        return 0;
    }
    for (size_t at = 0; at + 7 <= size && r == 0; at += 7) {
        fill(data + at, &packet, &seg);
        r = mr_flows_feed(&flows, &seg);
        if (flows.waiting > CAP || flows.count > 5)
            abort();
    }
    if (r == 0)
        r = mr_flows_end(&flows);
    if (r != 0 && r != MR_ERR_LIMIT)
        abort();
    if (r == 0 && (flows.count != 0 || flows.waiting != 0 || o->opened != o->ended))
        abort();
    mr_flows_deinit(&flows);
    free(o);
    return 0;
}
