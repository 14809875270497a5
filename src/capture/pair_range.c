/*
 * The octets of one direction as a short list of ranges, and a sum over each that does not depend
 * on packets: the polynomial of the octets in PAIR_ROOT, odd, modulo 2^64. A range that another
 * capture holds at other positions (rewritten sequence numbers) has its sum multiplied by a power.
 */
#include "pair_private.h"

#include <stdlib.h>

#define PAIR_ROOT 0x9e3779b97f4a7c15u

uint64_t mr_pair_power(uint64_t exponent) {
    uint64_t power = 1;

    for (uint64_t root = PAIR_ROOT; exponent != 0; exponent >>= 1, root *= root)
        if (exponent & 1)
            power *= root;
    return power;
}

uint64_t mr_pair_sum(mr_slice octets, uint64_t position) {
    uint64_t sum = 0;

    for (size_t i = octets.len; i > 0; i--)
        sum = sum * PAIR_ROOT + octets.data[i - 1] + 1;
    return sum * mr_pair_power(position);
}

static int insert(pair_lane *lane, pair_range **place, const pair_range *range) {
    pair_range *fresh;

    if (lane->range_count == 0) {
        fresh = &lane->first;
    } else {
        fresh = malloc(sizeof *fresh);
        if (fresh == NULL)
            return MR_ERR_MEMORY;
    }
    *fresh = *range;
    fresh->next = *place;
    *place = fresh;
    lane->range_count++;
    return 0;
}

static void drop(pair_lane *lane, pair_range *before) {
    pair_range *gone = before->next;

    before->next = gone->next;
    lane->range_count--;
    if (gone != &lane->first)
        free(gone);
}

/* What of [from, to) lies before, between and behind the ranges, one piece at a time. */
int mr_pair_range_add(pair_lane *lane, uint64_t position, uint32_t len, mr_slice octets,
                      uint64_t packet, mr_nsec time, uint64_t *newp) {
    uint64_t end = position + len, at = position, fresh = 0;
    pair_range **place = &lane->ranges;

    while (at < end) {
        pair_range *range = *place;
        if (range != NULL && range->to < at) {
            place = &range->next;
            continue;
        }
        if (range != NULL && range->from <= at && at < range->to) {
            at = range->to;
            continue;
        }
        if (range != NULL && range->to == at) { /* grows, as far as the next one */
            uint64_t stop = range->next && range->next->from < end ? range->next->from : end;
            range->sum += mr_pair_sum(mr_slice_sub(octets, at - position, stop - at), at);
            fresh += stop - at;
            at = range->to = stop;
            if (range->next != NULL && range->next->from == stop) {
                range->sum += range->next->sum;
                at = range->to = range->next->to;
                drop(lane, range);
            }
            continue;
        }
        uint64_t stop = range && range->from < end ? range->from : end;
        uint64_t sum = mr_pair_sum(mr_slice_sub(octets, at - position, stop - at), at);
        fresh += stop - at;
        if (range != NULL && range->from == stop) { /* grows to the front */
            range->sum += sum;
            range->from = at;
            range->packet = packet;
            range->time = time;
            at = range->to;
            continue;
        }
        if (lane->range_count >= PAIR_RANGES) {
            lane->overflow = true;
            break;
        }
        pair_range piece = {.from = at, .to = stop, .sum = sum, .packet = packet, .time = time};
        if (insert(lane, place, &piece) != 0)
            return MR_ERR_MEMORY;
        at = stop;
    }
    *newp = fresh;
    return 0;
}

void mr_pair_range_free(pair_lane *lane) {
    for (pair_range *range = lane->ranges, *next; range != NULL; range = next) {
        next = range->next;
        if (range != &lane->first)
            free(range);
    }
    lane->ranges = NULL;
    lane->range_count = 0;
}

uint32_t mr_pair_range_missing(const pair_lane *a, const pair_lane *b, int64_t shift,
                               uint64_t (*out)[2], uint32_t room) {
    const pair_range *have = b->ranges;
    uint32_t count = 0;

    for (const pair_range *range = a->ranges; range != NULL; range = range->next) {
        uint64_t at = range->from;
        while (at < range->to && count < room) {
            while (have != NULL && have->to - (uint64_t)shift <= at)
                have = have->next;
            uint64_t stop = range->to;
            if (have != NULL && have->from - (uint64_t)shift <= at) {
                at = have->to - (uint64_t)shift;
                continue;
            }
            if (have != NULL && have->from - (uint64_t)shift < stop)
                stop = have->from - (uint64_t)shift;
            out[count][0] = at;
            out[count++][1] = stop;
            at = stop;
        }
    }
    return count;
}

uint64_t mr_pair_range_octets(const pair_lane *lane) {
    uint64_t octets = 0;

    for (const pair_range *range = lane->ranges; range != NULL; range = range->next)
        octets += range->to - range->from;
    return octets;
}
