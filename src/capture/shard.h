/*
 * A shard: what one worker of an analysis has. See shard.c.
 */
#ifndef MSRPC_CAPTURE_SHARD_H
#define MSRPC_CAPTURE_SHARD_H

#include <msrpc/capture/live.h>

#include "tap_private.h"

typedef struct mr_shard mr_shard;
struct mr_shard {
    const mr_analysis_config *config;
    uint32_t index;
    mr_tap_ctx taps;      /* its batch is set before the run, and may change at a hand-over */
    mr_totals totals;
    mr_decap decap;
    mr_flows flows;
    mr_capture_merge merge;
    mr_capture_filter filter;
    bool flowing;         /* flows are made */
    bool ending;          /* many flows end between two packets */
    size_t at_file;
    uint64_t handed;      /* order at the last hand-over */
    uint64_t syns;        /* in all shards */
    uint64_t expired;     /* order at the last expiry */
    mr_nsec expired_time;
    uint64_t expired_syns; /* and SYNs then */
    mr_nsec linger;       /* at most */
    int outcome;          /* of reading, the one to tell */
    mr_error err;
    /* Takes taps.batch and leaves an empty one there. Everything up to the present (order, flow) is
     * in it. A result other than 0 ends the run. */
    int (*hand_over)(void *ctx, mr_shard *shard);
    void *hand_over_ctx;
};

int mr_shard_init(mr_shard *shard, const mr_analysis_config *config, const uint64_t key[2],
                  uint32_t index, uint32_t count, mr_error *err);
void mr_shard_deinit(mr_shard *shard);
/* Reads to the end: 0, MR_CAPTURE_CUT, what hand_over said, or an error, told in shard->err. */
int mr_shard_run(mr_shard *shard);

#endif
