/*
 * Answers that are sound as PDUs and yet cannot be what was asked for: told as damage, as a PDU
 * that breaks its format is.
 */
#include "tap_rpc.h"

#define DAMAGES_TOLD 4

static int tell(rpc_tap *t, const char *text, const mr_flow_at *at) {
    if (t->damages == DAMAGES_TOLD)
        return 0;
    t->damages++;
    mr_seen *seen = mr_tap_add(&t->tap, MR_SEEN_DAMAGE, MR_DIR_TO_CLIENT, at->packet, at->time);
    if (!seen)
        return MR_ERR_MEMORY;
    seen->u.foreign = (mr_seen_foreign){.text = text};
    return 0;
}

int mr_rpc_tell_unread(rpc_tap *t, const mr_flow_at *at) {
    return tell(t, "an answer of the endpoint mapper breaks its format", at);
}

int mr_rpc_tell_stray(rpc_tap *t, const mr_flow_at *at) {
    const mr_flow_seen *seen = mr_flows_get_seen(t->tap.ctx->flows, t->tap.flow);

    if (t->midstream || t->tap.flow->midstream || t->tap.via != MR_SEEN_TCP ||
        t->call_count == 0 || seen->side[MR_FROM_CLIENT].gaps > 0)
        return 0;
    return tell(t, "a response to a call that is not in flight", at);
}
