/*
 * A knock: a call of a method that no interface has. A server refuses a caller before it looks for
 * the method, so the answer tells whether this caller is admitted, and nothing is done.
 */
#ifndef MSRPC_PROBE_KNOCK_H
#define MSRPC_PROBE_KNOCK_H

#include <msrpc/probe/trial.h>

#include "probe_private.h"

struct probe_knock {
    mr_call call;
    bool calling;
    void *owner;
    mr_iface iface;
    mr_proc proc;
    struct mr_mgmt_is_server_listening args;
};

enum probe_welcome {
    PROBE_WELCOME_UNKNOWN,
    PROBE_ADMITTED,
    PROBE_DENIED,   /* call->fault says how */
};

/* Calls @iface on @client, @done with the knock as its user; false where no call can be made. */
bool probe_knock_start(mr_probe *p, struct probe_knock *knock, mr_client *client,
                       const mr_syntax *iface,
                       void (*done)(void *knock, mr_call *call, int result, const mr_error *err));
void probe_knock_deinit(struct probe_knock *knock);
/* What a call that ended with @result says of the caller. */
enum probe_welcome probe_knock_read(const mr_call *call, int result);

/* Whether a bind that ended so may have been refused for want of credentials. */
bool probe_is_refusal(const mr_talk_seen *talk);

#endif
