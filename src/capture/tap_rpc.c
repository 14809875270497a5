/*
 * DCE/RPC watched (C706 12.6, MS-RPCE 3.3): an association as tap reads the PDUs, here they become
 * observations. What repeats on a healthy connection is only counted.
 */
#include "tap_private.h"

#include <stdlib.h>

typedef struct rpc_tap {
    mr_tap tap;
    mr_assoc assoc;
} rpc_tap;

static enum mr_tap_verdict recognise(const mr_tap_head *h, bool *turnedp) {
    size_t length;

    (void)turnedp;
    if (h->head.len < MR_PDU_HEADER_SIZE && !h->last)
        return h->head.data[0] == 5 ? MR_TAP_MORE : MR_TAP_NO;
    return mr_pdu_frag_length(h->head, &length, NULL) == 0 ? MR_TAP_YES : MR_TAP_NO;
}

static int init(mr_tap *tap) {
    rpc_tap *t = (rpc_tap *)tap;

    return mr_assoc_init(&t->assoc, &(mr_assoc_config){.role = MR_ROLE_TAP}, NULL);
}

static int feed(mr_tap *tap, enum mr_dir dir, mr_slice octets, const mr_flow_at *at) {
    rpc_tap *t = (rpc_tap *)tap;
    mr_event event;
    size_t used;
    int r;

    do {
        r = mr_assoc_feed(&t->assoc, dir, octets, at->time, &used, NULL);
        octets = mr_slice_sub(octets, used, octets.len);
        while (mr_assoc_pull_event(&t->assoc, &event))
            if (event.size > 0 && event.ptype < MR_PTYPES)
                tap->ctx->totals->pdus[event.ptype]++;
    } while (r == MR_ASSOC_DRAIN);
    return r < 0 ? r : 0;
}

static int gap(mr_tap *tap, enum mr_dir dir, uint64_t len, const mr_flow_at *at) {
    rpc_tap *t = (rpc_tap *)tap;
    mr_event event;
    int r = mr_assoc_feed_gap(&t->assoc, dir, len, at->time, NULL);

    while (mr_assoc_pull_event(&t->assoc, &event))
        ;
    return r < 0 ? r : 0;
}

static void deinit(mr_tap *tap) {
    mr_assoc_deinit(&((rpc_tap *)tap)->assoc);
}

const mr_tap_class mr_tap_rpc = {
    .name = "rpc",
    .service = MR_SEEN_RPC,
    .size = sizeof(rpc_tap),
    .recognise = recognise,
    .init = init,
    .feed = feed,
    .gap = gap,
    .deinit = deinit,
};
