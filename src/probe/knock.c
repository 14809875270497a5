/* Knocks at interfaces: whether they admit a caller. */
#include "knock.h"

enum { MGMT_IS_SERVER_LISTENING = 2 }; /* opnum */
#define FAULT_OP_RNG 0x1c010002 /* nca_s_op_rng_error */

bool probe_knock_start(mr_probe *p, struct probe_knock *k, mr_client *client,
                       const mr_syntax *iface,
                       void (*done)(void *knock, mr_call *call, int result, const mr_error *err)) {
    mr_error err = MR_ERROR_INIT;

    probe_knock_deinit(k);
    k->proc = mr_mgmt_iface.procs[MGMT_IS_SERVER_LISTENING]; /* which sends no parameters */
    k->proc.opnum = MR_TRIAL_OPNUM;
    k->iface = (mr_iface){.name = probe_iface(p, iface), .syntax = *iface, .proc_count = 1,
                          .procs = &k->proc};
    if (mr_call_init(&k->call, &k->iface, 0, &k->args, &err) != 0)
        return false;
    k->calling = true;
    k->call.done = done;
    k->call.user = k;
    return mr_call_start(&k->call, client, &err) == 0;
}

void probe_knock_deinit(struct probe_knock *k) {
    if (k->calling)
        mr_call_deinit(&k->call);
    k->calling = false;
    k->call = (mr_call){0};
}

/* Reason 0 of a bind_nak says nothing, 8 and 9 speak of authentication (C706 12.6.3.1; MS-RPCE
 * 2.2.2.5); so may a provider that rejects the interface without a reason. */
bool probe_is_refusal(const mr_talk_seen *talk) {
    if (talk->end == MR_TALK_NAK)
        return talk->reason == MR_NAK_NOT_SPECIFIED || talk->reason == MR_NAK_AUTH_TYPE ||
               talk->reason == MR_NAK_INVALID_CHECKSUM;
    if (talk->end == MR_TALK_REJECTED)
        return talk->result == MR_CONTEXT_PROVIDER_REJECT && talk->reason == 0;
    return talk->end == MR_TALK_FAULT && mr_fault_is_denial(talk->status);
}

enum probe_welcome probe_knock_read(const mr_call *call, int result) {
    if (result == 0 || (result == MR_ERR_FAULT && call->fault == FAULT_OP_RNG))
        return PROBE_ADMITTED;
    if (result == MR_ERR_FAULT && mr_fault_is_denial(call->fault))
        return PROBE_DENIED;
    return PROBE_WELCOME_UNKNOWN;
}
