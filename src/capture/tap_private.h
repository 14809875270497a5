/*
 * Between the files of the taps and the analysis that runs them.
 */
#ifndef MSRPC_CAPTURE_TAP_PRIVATE_H
#define MSRPC_CAPTURE_TAP_PRIVATE_H

#include "tap.h"

#define MR_TAP_EVENTS 16 /* in mr_tap_ctx.ring */

/* Frees what a flow's sink hung on it, for flows that are given up without an end. */
void mr_tap_drop(mr_flow *flow);

#endif
