/*
 * The other clock. Packets that both captures hold, known by what no device between changes, give
 * differences of time stamps: of a packet from A to B the clocks' difference plus its delay, of one
 * from B to A the difference minus its delay. Delays are not negative, so the line "offset plus
 * drift" lies below every difference of the one kind and above every one of the other: the slopes
 * and offsets that are possible at all are the answer's bounds (the convex hull method of Moon,
 * Skelly and Towsley, 1999, for both directions at once). The middle is the estimate, and nothing
 * measured at two places can do better without assuming that both ways take equally long.
 *
 * Packets are chosen by a hash of their contents, so that both captures choose the same ones.
 */
#include "pair_private.h"

#include <stdlib.h>

#define BINS 64
#define WINDOW ((int64_t)10 * (int64_t)MR_SEC) /* differences farther off than this are mistakes */
#define STEPS 64
#define COPY (2 * MR_MSEC)
#define JITTER 5e3       /* of time stamps, nanoseconds: tried first, and */
#define MOST_JITTER 3e6  /* at most */
#define MAX_DRIFT 5e-4 /* the most that a computer's clock is corrected by */

static uint64_t mix(uint64_t h, uint64_t word) {
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 31;
}

static uint64_t key_of(const mr_segment *seg) {
    uint64_t key;

    if (seg->kind == MR_SEGMENT_TCP) {
        key = mix(1 + (seg->tcp.flags & (MR_TCP_SYN | MR_TCP_FIN)), seg->tcp.seq);
        key = mix(key, (uint64_t)seg->tcp.ts_value << 32 | seg->tcp.ts_echo);
        return mix(key, (seg->tcp.flags & MR_TCP_ACK) != 0);
    }
    key = mix(2, seg->payload_len);
    return mix(key, mr_pair_sum(mr_slice_sub(seg->payload, 0, 128), 0));
}

void mr_pair_anchor_add(pair_view *view, const mr_segment *seg, bool from_client, bool sure) {
    uint64_t key;

    if (!seg->packet->timed || seg->fragments)
        return;
    if (seg->kind == MR_SEGMENT_TCP &&
        !(seg->tcp.flags & (MR_TCP_SYN | MR_TCP_FIN)) && seg->payload_len == 0)
        return;
    key = key_of(seg);
    if (key & view->anchor_mask)
        return;
    while (view->anchor_count == PAIR_ANCHORS) { /* every other one goes */
        uint32_t kept = 0;
        view->anchor_mask = view->anchor_mask << 1 | 1;
        for (uint32_t i = 0; i < view->anchor_count; i++)
            if ((view->anchors[i].key & view->anchor_mask) == 0)
                view->anchors[kept++] = view->anchors[i];
        view->anchor_count = kept;
        if (view->anchor_mask == UINT64_MAX || (key & view->anchor_mask))
            return;
    }
    view->anchors[view->anchor_count++] = (pair_anchor){
        .key = key,
        .time = seg->packet->time,
        .ttl = seg->ttl,
        .from_client = from_client,
        .sure = sure,
    };
}

typedef struct difference {
    mr_nsec at; /* A's clock */
    int64_t by; /* B's minus A's */
    bool back;  /* from B to A */
} difference;

static int by_key(const void *x, const void *y) {
    const pair_anchor *a = x, *b = y;

    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->time < b->time ? -1 : a->time > b->time;
}

static int by_difference(const void *x, const void *y) {
    const difference *a = x, *b = y;

    return a->by < b->by ? -1 : a->by > b->by;
}

/* The anchors of a view that are there once (or captured twice), sorted. */
static uint32_t unique(pair_anchor *anchors, uint32_t count) {
    uint32_t kept = 0;

    qsort(anchors, count, sizeof *anchors, by_key);
    for (uint32_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && anchors[next].key == anchors[i].key; next++)
            ;
        if (anchors[next - 1].time - anchors[i].time < COPY)
            anchors[kept++] = anchors[i];
    }
    return kept;
}

static uint32_t join(pair_anchor *a, uint32_t a_count, pair_anchor *b, uint32_t b_count,
                     difference *out) {
    uint32_t count = 0;

    a_count = unique(a, a_count);
    b_count = unique(b, b_count);
    for (uint32_t i = 0, j = 0; i < a_count && j < b_count;) {
        if (a[i].key != b[j].key) {
            if (a[i].key < b[j].key)
                i++;
            else
                j++;
            continue;
        }
        bool back = a[i].ttl != b[j].ttl ? a[i].ttl < b[j].ttl : !a[i].from_client;
        if (a[i].ttl != b[j].ttl || (a[i].sure && b[j].sure))
            out[count++] = (difference){a[i].time, (int64_t)(b[j].time - a[i].time), back};
        i++;
        j++;
    }
    return count;
}

/* Keeps those differences that lie in the densest window: others are mistaken packets. */
static uint32_t keep_dense(difference *all, uint32_t count) {
    uint32_t best = 0, most = 0;

    qsort(all, count, sizeof *all, by_difference);
    for (uint32_t from = 0, to = 0; from < count; from++) {
        while (to < count && all[to].by - all[from].by <= WINDOW)
            to++;
        if (to - from > most) {
            most = to - from;
            best = from;
        }
    }
    memmove(all, all + best, most * sizeof *all);
    return most;
}

/* The tightest differences of each stretch of time, relative to the first of all. */
typedef struct bounds {
    double at[2][BINS];
    double by[2][BINS]; /* [0]: not less than the line; [1]: not more */
    bool have[2][BINS];
    double middle;
    int64_t zero;       /* of @by */
    mr_nsec first;
} bounds;

static void fill(bounds *b, const difference *all, uint32_t count) {
    mr_nsec last = all[0].at;

    *b = (bounds){.zero = all[count / 2].by, .first = all[0].at};
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].at < b->first)
            b->first = all[i].at;
        if (all[i].at > last)
            last = all[i].at;
    }
    double span = (double)(last - b->first) + 1;
    b->middle = span / 2;
    for (uint32_t i = 0; i < count; i++) {
        double at = (double)(all[i].at - b->first), by = (double)(all[i].by - b->zero);
        int side = all[i].back, bin = (int)(at / span * BINS);
        bool tighter = side ? by > b->by[side][bin] : by < b->by[side][bin];
        if (!b->have[side][bin] || tighter) {
            b->have[side][bin] = true;
            b->at[side][bin] = at;
            b->by[side][bin] = by;
        }
    }
}

/* The slopes a line between both kinds may have: every pair of one point above and one below
 * limits it on one side. */
static bool slopes(const bounds *b, double *minp, double *maxp) {
    double min = -MAX_DRIFT, max = MAX_DRIFT;

    for (int i = 0; i < BINS; i++) {
        for (int j = 0; b->have[0][i] && j < BINS; j++) {
            double over = b->at[0][i] - b->at[1][j], by = b->by[0][i] - b->by[1][j];
            if (!b->have[1][j])
                continue;
            if (over > 0 && by / over < max)
                max = by / over;
            else if (over < 0 && by / over > min)
                min = by / over;
            else if (over == 0 && by < 0)
                return false;
        }
    }
    *minp = min;
    *maxp = max;
    return min <= max;
}

/* The offsets a line of this slope may have, at time 0. */
static void offsets(const bounds *b, double slope, double *lowp, double *highp) {
    double low = -1e300, high = 1e300;

    for (int i = 0; i < BINS; i++) {
        double above = b->by[0][i] - slope * b->at[0][i];
        double below = b->by[1][i] - slope * b->at[1][i];
        if (b->have[0][i] && above < high)
            high = above;
        if (b->have[1][i] && below > low)
            low = below;
    }
    *lowp = low;
    *highp = high;
}

static int by_value(const void *x, const void *y) {
    const double *a = x, *b = y;

    return *a < *b ? -1 : *a > *b;
}

/* The slope that most pairs of stretches agree on (Theil and Sen's median), of one kind alone. */
static double usual_slope(const bounds *b) {
    double list[BINS * (BINS - 1)];
    size_t count = 0;

    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < BINS; i++)
            for (int j = i + 1; j < BINS; j++)
                if (b->have[side][i] && b->have[side][j] && b->at[side][j] > b->at[side][i])
                    list[count++] = (b->by[side][j] - b->by[side][i]) /
                                    (b->at[side][j] - b->at[side][i]);
    }
    if (count == 0)
        return 0;
    qsort(list, count, sizeof *list, by_value);
    return list[count / 2];
}

/* Time stamps are taken a little early or late: lets every packet be this far off. */
static void loosen(bounds *b, double by) {
    for (int i = 0; i < BINS; i++) {
        b->by[0][i] += by;
        b->by[1][i] -= by;
    }
}

static void settle(bounds *b, mr_pair_clock *clock) {
    double min, max, low, high, slope = usual_slope(b);
    double least = 1e300, most = -1e300;

    clock->steady = slopes(b, &min, &max);
    for (double jitter = JITTER; !clock->steady && jitter <= MOST_JITTER; jitter *= 8) {
        loosen(b, jitter);
        clock->steady = slopes(b, &min, &max);
    }
    if (!clock->steady) {
        min = max = slope = 0;
    } else if (slope < min || slope > max) {
        slope = (min + max) / 2;
    }
    if (min <= 0 && max >= 0)
        slope = 0; /* no drift explains everything as well */
    for (int i = 0; i <= STEPS; i++) {
        double s = min + (max - min) * i / STEPS;
        offsets(b, s, &low, &high);
        if (low + s * b->middle < least)
            least = low + s * b->middle;
        if (high + s * b->middle > most)
            most = high + s * b->middle;
    }
    if (least > most) { /* a clock that was set: the spread is what is known */
        double swap = least;
        least = most;
        most = swap;
    }
    offsets(b, slope, &low, &high);
    double offset = clock->steady ? (low + high) / 2 + slope * b->middle : (least + most) / 2;
    clock->offset = b->zero + (int64_t)offset;
    clock->err = (int64_t)(most - offset > offset - least ? most - offset : offset - least) + 1;
    clock->drift = (int64_t)(slope * 1e9);
    clock->drift_err = (int64_t)((max - slope > slope - min ? max - slope : slope - min) * 1e9) + 1;
    clock->at = b->first + (mr_nsec)b->middle;
}

int mr_pair_clock_estimate(const pair_view *a, const pair_view *b, mr_pair_clock *clockp) {
    uint32_t room = a->anchor_count < b->anchor_count ? a->anchor_count : b->anchor_count;
    difference *all = calloc((size_t)room + 1, sizeof *all);
    mr_pair_clock clock = {.err = (int64_t)MR_SEC};
    bounds limits;

    if (all == NULL)
        return MR_ERR_MEMORY;
    uint32_t count = join(a->anchors, a->anchor_count, b->anchors, b->anchor_count, all);
    count = count ? keep_dense(all, count) : 0;
    for (uint32_t i = 0; i < count; i++)
        clock.samples[all[i].back]++;
    if (count != 0) {
        clock.known = true;
        clock.both_ways = clock.samples[0] != 0 && clock.samples[1] != 0;
        fill(&limits, all, count);
        if (clock.both_ways) {
            settle(&limits, &clock);
        } else { /* one bound only: the delay is taken for none, and nothing said of the drift */
            double low, high;
            offsets(&limits, 0, &low, &high);
            clock.offset = limits.zero + (int64_t)(clock.samples[0] ? high : low);
            clock.err = (int64_t)MR_SEC;
            clock.at = limits.first + (mr_nsec)limits.middle;
            clock.steady = true;
        }
    }
    *clockp = clock;
    free(all);
    return 0;
}

static int64_t drifted(const mr_pair_clock *clock, mr_nsec a) {
    return clock->offset + (int64_t)((double)(int64_t)(a - clock->at) * (double)clock->drift / 1e9);
}

mr_nsec mr_pair_clock_to_b(const mr_pair_clock *clock, mr_nsec a) {
    return clock->known ? a + (mr_nsec)drifted(clock, a) : a;
}

mr_nsec mr_pair_clock_to_a(const mr_pair_clock *clock, mr_nsec b) {
    return clock->known ? b - (mr_nsec)drifted(clock, b - (mr_nsec)clock->offset) : b;
}
