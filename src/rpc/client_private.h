/* The client's inside, shared by client.c (the connection) and call.c (calls on it). */
#ifndef MSRPC_CLIENT_PRIVATE_H
#define MSRPC_CLIENT_PRIVATE_H

#include <msrpc/rpc/client.h>

#include "offload.h"

/* One level of "a callback may free the client". */
struct mr_client_frame {
    struct mr_client_frame *outer;
    bool gone;
};

struct mr_client_kept; /* a finished call of mr_client_call */

/* A security context of the connection; its place is its auth_context_id. */
struct mr_client_guard {
    mr_client_security security;
    mr_security *provider;
    struct mr_offload *offload; /* stands for @provider at the association; NULL: it does itself */
};

struct mr_client {
    mr_loop *loop;
    mr_client_options options;
    mr_stream stream;
    mr_assoc assoc;
    mr_timer timer;
    mr_nsec bind_deadline;
    struct mr_client_frame *frame;
    mr_client_context *contexts;
    size_t context_count;
    size_t accepted;       /* of them, so far */
    size_t asked_from;     /* contexts from here on belong to the unanswered bind */
    bool ndr64_offered;    /* each interface has two context ids: NDR20 and, one higher, NDR64 */
    struct mr_client_guard guards[MR_ASSOC_AUTH_MAX];
    uint32_t guard_count;
    bool guarding;         /* the unanswered alter_context begins a security context */
    bool bitmask_seen;     /* the server has answered a call with rpc_sec_vt_bitmask */
    bool starting;
    bool draining;         /* the association's events are being handled */
    bool ended;
    int broken;            /* sending failed; told from the timer */
    mr_client_done start_done;
    void *start_user;
    mr_call *calls;        /* in flight or waiting, oldest first */
    mr_call *last_call;
    struct mr_client_kept *kept;
    struct mr_client_kept *spare; /* a released one, for its memory; NULL: none */
    mr_timer spare_timer;         /* frees it */
    mr_client_report report;
};

void mr_client_enter(mr_client *c, struct mr_client_frame *frame);
bool mr_client_leave(mr_client *c, struct mr_client_frame *frame);
/* Sends what the association yields; runs no callback. */
void mr_client_flush(mr_client *c);
/* What an open connection is doing now, into the report. */
void mr_client_set_stage(mr_client *c);
/* Waiting for an outcome that a callback tells: the callback calls mr_wait_end; mr_wait_run gives
 * @started when it is no 0, else runs the loop and gives the outcome, or MR_ERR_CANCELLED. */
typedef struct mr_wait {
    mr_loop *loop;
    bool over;
    int result;
    mr_error *err; /* may be NULL */
} mr_wait;
void mr_wait_end(mr_wait *wait, int result, const mr_error *err);
int mr_wait_run(mr_wait *wait, int started);

/* client_security.c */
/* Gets the provider of a new security context and gives it to the association. */
int mr_client_add_guard(mr_client *c, const mr_client_security *security, mr_error *err);
/* After the association, which borrows them, is deinitialised. */
void mr_client_free_guards(mr_client *c);
/* Whether a worker has a step of the negotiation still; the failure that this is, into @err. */
bool mr_client_waits_for_worker(const mr_client *c, mr_error *err);
/* What became of the security, into the report: the connection ends with @result. */
void mr_client_judge_auth(mr_client *c, int result, const mr_error *err);
/* Appends what the call's request is to be verified by. */
int mr_client_add_verification(mr_client *c, mr_call *call, mr_error *err);
/* The call has been answered. */
void mr_client_take_verified(mr_client *c, const mr_call *call);
/* A fault may mean the security context. */
void mr_client_take_auth_fault(mr_client *c, uint32_t status);

/* call.c */
/* The released call whose memory waits for the next; the spare timer's callback. */
void mr_client_free_spare(void *user);
mr_call *mr_client_find_call(mr_client *c, uint32_t id);
/* A chunk of a reply; false when the client is gone. */
bool mr_client_feed_call(mr_client *c, const mr_event *event);
void mr_client_call_sent(mr_client *c, uint32_t id, mr_nsec now);
/* Takes the call out of the client and tells its outcome; false when the client is gone. */
bool mr_client_finish_call(mr_call *call, int result, const mr_error *err);

#endif
