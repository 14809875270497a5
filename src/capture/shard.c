/*
 * One worker's way through the capture: every packet is read and taken apart, the flows that fall
 * to this shard are followed, and what the taps say is handed over in batches. A batch ends between
 * two packets, or where many flows end at once between two of them; records are in order of
 * (order, flow) from the first batch to the last, which the merge of shards relies on.
 *
 * Flows end at moments that depend on the capture alone, and so do all records.
 */
#include "shard.h"

#include <time.h>

#define BATCH_TEXTS ((size_t)1 << 30) /* a batch is handed over long before */
#define HAND_OVER_PACKETS 4096
#define HAND_OVER_OCTETS ((size_t)512 << 10)
#define HAND_OVER_RECORDS 1024
#define EXPIRE_PACKETS 65536
#define EXPIRE_TIME (2 * MR_SEC)
#define LINGERING 2048 /* closed flows that wait for stragglers, about */
#define LINGER_LEAST MR_SEC

static bool is_full(const mr_seen_batch *batch) {
    return batch->count >= HAND_OVER_RECORDS || batch->arena.used >= HAND_OVER_OCTETS;
}

static int hand_over(mr_shard *s) {
    int r = s->hand_over(s->hand_over_ctx, s);

    s->handed = s->taps.order;
    return r;
}

/* Flows end, one after the other. */
static int on_more(mr_tap_ctx *taps) {
    mr_shard *s = taps->owner;

    return s->ending && is_full(taps->batch) ? hand_over(s) : 0;
}

int mr_shard_init(mr_shard *s, const mr_analysis_config *config, const uint64_t key[2],
                  uint32_t index, uint32_t count, mr_error *err) {
    mr_decap_config decap = {.checksums = config->checksums, .lost = mr_flows_lost,
                             .ctx = &s->flows};
    mr_flows_config flows = {.key = {key[0], key[1]}, .shard = index, .shards = count,
                             .manual = true};
    mr_flow_sink sink;

    *s = (mr_shard){.config = config, .index = index};
    mr_decap_init(&s->decap, &decap);
    int r = mr_tap_ctx_init(&s->taps);
    s->taps.totals = &s->totals;
    s->taps.flows = &s->flows;
    s->taps.stubs = config->stubs;
    s->taps.watch = config->watch;
    s->taps.more = on_more;
    s->taps.owner = s;
    mr_tap_sink(&s->taps, &sink);
    if (r < 0 || mr_flows_init(&s->flows, &flows, &sink) < 0)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET, "out of memory");
    s->flowing = true;
    s->linger = s->flows.config.linger;
    if (config->filter && (r = mr_capture_filter_init(&s->filter, config->filter, err)) != 0)
        return r;
    if (config->read)
        return 0;
    return mr_capture_merge_init(&s->merge, config->paths, config->count, config->order, err);
}

static int drop(void *ctx, mr_flow *flow, const mr_flow_seen *seen) {
    (void)ctx;
    (void)seen;
    mr_tap_drop(flow);
    return 0;
}

void mr_shard_deinit(mr_shard *s) {
    if (s->flowing) {
        s->flows.sink = (mr_flow_sink){.end = drop};
        mr_flows_end(&s->flows);
        mr_flows_deinit(&s->flows);
    }
    mr_decap_deinit(&s->decap);
    mr_capture_merge_deinit(&s->merge);
    mr_capture_filter_deinit(&s->filter);
    mr_tap_ctx_deinit(&s->taps);
    mr_totals_deinit(&s->totals);
}

/* What can be said of a packet without looking into it. */
static void count_packet(mr_totals *t, const mr_packet *packet) {
    t->packets++;
    t->octets += packet->len;
    t->captured += packet->bytes.len;
    if (packet->bytes.len < packet->len)
        t->cut++;
    if (!packet->timed) {
        t->untimed++;
        return;
    }
    if (t->first == 0 || packet->time < t->first)
        t->first = packet->time;
    if (packet->time > t->last)
        t->last = packet->time;
}

/* Where connections come quickly, closed ones wait less: they outnumber those that are open, and
 * memory is to depend on these. The rate is that of the whole capture, for every shard. */
static void set_linger(mr_shard *s) {
    uint64_t begun = s->syns - s->expired_syns;
    mr_nsec span = s->flows.now - s->expired_time;
    mr_nsec each = begun ? span / begun : span, linger = s->linger;

    if (each < linger / LINGERING)
        linger = each * LINGERING < LINGER_LEAST ? LINGER_LEAST : each * LINGERING;
    s->flows.config.linger = linger;
    s->expired_syns = s->syns;
}

/* Ends flows that were silent for long. How often is so chosen that looking at all of them costs
 * little beside the packets, and depends on nothing but the capture. */
static int expire(mr_shard *s) {
    uint64_t since = s->taps.order - s->expired;
    int r;

    if (since < EXPIRE_PACKETS || since < s->syns / 4 ||
        s->flows.now < s->expired_time + EXPIRE_TIME)
        return 0;
    set_linger(s);
    s->expired = s->taps.order;
    s->expired_time = s->flows.now;
    s->ending = true;
    r = mr_flows_expire(&s->flows, s->flows.now);
    s->ending = false;
    return r;
}

static int feed(mr_shard *s, const mr_packet *packet) {
    mr_segment segment;

    s->taps.order++;
    s->taps.file = packet->file;
    count_packet(&s->totals, packet);
    int r = mr_decap_feed(&s->decap, packet, &segment);
    if (r == 0) {
        if (segment.kind == MR_SEGMENT_TCP && (segment.tcp.flags & MR_TCP_SYN))
            s->syns++;
        r = mr_flows_feed(&s->flows, &segment);
    } else if (r > 0) {
        if (r == MR_DECAP_FOREIGN)
            s->totals.foreign++;
        else if (r != MR_DECAP_HELD)
            s->totals.malformed++;
        r = 0;
    }
    return r < 0 ? r : expire(s);
}

static int read_packet(mr_shard *s, mr_packet *packetp, mr_error *err) {
    if (s->config->read)
        return s->config->read(s->config->ctx, packetp, err);
    return mr_capture_merge_read(&s->merge, packetp, &s->at_file, err);
}

/* Nothing comes for the moment (live): what there is goes out, silent flows end. */
static int rest(mr_shard *s) {
    struct timespec now;
    int r = 0;

    if (clock_gettime(CLOCK_REALTIME, &now) == 0)
        r = mr_flows_expire(&s->flows, (mr_nsec)now.tv_sec * MR_SEC + (mr_nsec)now.tv_nsec);
    return r < 0 ? r : hand_over(s);
}

/* The capture is over: every flow ends. */
static int finish(mr_shard *s) {
    s->taps.order++;
    mr_decap_end(&s->decap);
    s->ending = true;
    int r = mr_flows_end(&s->flows);
    s->ending = false;
    for (size_t i = 0; i < s->config->count && !s->config->read; i++) {
        const mr_capture_file *file = mr_capture_merge_get_file(&s->merge, i);
        if (file)
            s->totals.skipped += mr_capture_file_get_stats(file)->skipped;
    }
    return r < 0 ? r : hand_over(s);
}

/* The first outcome that is not 0 is the one to tell. */
static void note(mr_shard *s, int outcome, const mr_error *err) {
    const mr_capture_file *file = NULL;

    if (outcome == MR_CAPTURE_CUT) {
        s->totals.file_cut = true;
        file = s->config->read ? NULL : mr_capture_merge_get_file(&s->merge, s->at_file);
    }
    if (s->outcome != 0 && (s->outcome < 0 || outcome > 0))
        return;
    s->outcome = outcome;
    s->err = *err;
    if (file)
        mr_fail(&s->err, MR_ERR_TRUNCATED, MR_FLOOR_CAPTURE,
                (size_t)mr_capture_file_get_stats(file)->cut_at,
                "%s: ends in the midst of a record", mr_capture_file_get_name(file));
}

static int no_memory(mr_shard *s, int r) {
    if (r == MR_ERR_MEMORY)
        mr_fail(&s->err, r, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET, "out of memory");
    return r;
}

int mr_shard_run(mr_shard *s) {
    mr_packet packet;
    mr_error err = MR_ERROR_INIT;
    int outcome, r = 0;

    while (r == 0 && (outcome = read_packet(s, &packet, &err)) != MR_CAPTURE_END) {
        bool pass = true;
        if (outcome == 0 && s->config->filter)
            r = mr_capture_filter_match(&s->filter, &packet, &pass, &s->err);
        if (r != 0 || !pass)
            continue;
        if (outcome == 0) {
            r = feed(s, &packet);
            if (r == 0 && (s->taps.order - s->handed >= HAND_OVER_PACKETS ||
                           is_full(s->taps.batch)))
                r = hand_over(s);
        } else if (outcome == MR_CAPTURE_WAIT) {
            r = rest(s);
        } else {
            note(s, outcome, &err);
            err = (mr_error)MR_ERROR_INIT;
            if (s->config->read)
                break;
        }
    }
    if (r == 0)
        r = finish(s);
    return r != 0 ? no_memory(s, r) : s->outcome;
}
