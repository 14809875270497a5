/*
 * How totals are filled (totals.c): by the taps of a shard, then by the analysis, which adds the
 * shards up.
 */
#ifndef MSRPC_CAPTURE_TOTALS_H
#define MSRPC_CAPTURE_TOTALS_H

#include <msrpc/capture/analyse.h>

/* The row of a method, made when there is none: 0, MR_ERR_MEMORY, MR_ERR_LIMIT beyond the cap. */
int mr_totals_find_method(mr_totals *totals, const mr_uuid *interface, uint16_t version,
                          uint16_t opnum, uint32_t *rowp);
/* One more @code. */
void mr_codes_add(mr_codes *codes, uint32_t code);
/* Adds what a shard counted. 0 or MR_ERR_MEMORY. */
int mr_totals_merge(mr_totals *into, const mr_totals *from);
/* Puts rows in order; nothing can be added any more. */
void mr_totals_sort(mr_totals *totals);

#endif
