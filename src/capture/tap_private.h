/*
 * Between the files of the taps and the analysis that runs them.
 */
#ifndef MSRPC_CAPTURE_TAP_PRIVATE_H
#define MSRPC_CAPTURE_TAP_PRIVATE_H

#include <msrpc/capture/tap.h>

#define MR_TAP_EVENTS 16 /* in mr_tap_ctx.ring */

/* Frees what a flow's sink hung on it, for flows that are given up without an end. */
void mr_tap_drop(mr_flow *flow);

/* totals.c */
/* The row of a method, made when there is none: 0, MR_ERR_MEMORY, MR_ERR_LIMIT beyond the cap. */
int mr_totals_find_method(mr_totals *totals, const mr_uuid *interface, uint16_t version,
                          uint16_t opnum, uint32_t *rowp);
/* Adds what a shard counted. 0 or MR_ERR_MEMORY. */
int mr_totals_merge(mr_totals *into, const mr_totals *from);
/* Puts rows in order; nothing can be added any more. */
void mr_totals_sort(mr_totals *totals);

#endif
