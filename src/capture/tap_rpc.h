/*
 * Inside the tap of DCE/RPC: what its files share.
 */
#ifndef MSRPC_CAPTURE_TAP_RPC_H
#define MSRPC_CAPTURE_TAP_RPC_H

#include "tap_private.h"

#include <msrpc/ifaces.h>

#define MR_RPC_CALLS_MAX 256 /* in flight at once, of one association */
#define MR_RPC_FLOW_TIMES 64 /* classes, two for each doubling */
#define MR_RPC_FIRST_TIMES 16 /* answers before there is a table of them */

/* A call in flight. */
typedef struct rpc_call {
    uint32_t id;
    uint32_t method;     /* row of the totals; NO_METHOD */
    uint64_t packet;     /* of the request's first octet */
    mr_nsec time;
    uint64_t end;        /* behind the request's last octet, in the stream fed */
    uint32_t sent;       /* octets of the request's stub */
    uint16_t context;
    uint16_t opnum;
    uint16_t asked_version;
    uint8_t auth_type, auth_level;
    bool asked;          /* an ept_map whose question was read */
    bool whole;          /* the request's last fragment came */
    bool begun;          /* part of the answer came */
    uint8_t seal[2];     /* enum mr_seen_seal per direction: the highest of its fragments */
    mr_uuid asked_interface;
    mr_stub *stub[2];    /* per direction; where they are wanted */
} rpc_call;

/* What a presentation context means. */
typedef struct rpc_context {
    const mr_iface *iface; /* compiled in; NULL */
    mr_uuid interface;
    uint16_t id;
    uint16_t version;
    bool valid;
    bool known;
    bool ndr64;
    bool dcom;             /* one of DCOM's that name endpoints */
} rpc_context;

typedef struct rpc_tap {
    mr_tap tap;
    mr_assoc assoc;
    uint64_t base;       /* position of the client's first octet fed */
    /* per direction, as the association counts: */
    uint64_t fed[2];
    uint64_t next[2];    /* where the next PDU begins */
    uint64_t packet[2];  /* of the first octet of the PDU that is not complete */
    rpc_call *calls;
    uint16_t call_count, call_room;
    uint32_t method;     /* the last one used, of opnum @method_opnum in @context */
    rpc_context context; /* the last one used */
    rpc_context most;    /* called most, by majority vote */
    struct rpc_keys *keys; /* of its security contexts; NULL without keys */
    mr_nsec bind_time;
    mr_uuid bind_interface; /* the first one asked for */
    uint64_t sent, received;
    uint32_t call_total, faults, unanswered, votes;
    uint32_t max_us;
    uint16_t method_opnum;
    bool method_valid;
    bool made;           /* assoc is */
    bool started;        /* the first octets came: midstream is decided */
    bool midstream;      /* in a pipe: it was opened before the capture */
    bool foreign;        /* told */
    uint8_t damages;     /* told */
    uint8_t auth_type, auth_level;
    uint8_t bind_auth_type, bind_auth_level;
    uint8_t first_count;
    uint8_t first_times[MR_RPC_FIRST_TIMES]; /* the classes of the first answers; of more: */
    uint16_t *times;     /* how many of each class; NULL: none */
} rpc_tap;

/* A record of the association. */
static inline mr_seen *rpc_add(rpc_tap *t, enum mr_seen_kind kind, enum mr_dir dir,
                               const mr_flow_at *at) {
    return mr_tap_add(&t->tap, kind, dir, at->packet, at->time);
}
static inline uint32_t rpc_ms_since(mr_nsec now, mr_nsec then) {
    uint64_t ms = now > then ? (now - then) / MR_MSEC : 0;
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

/* tap_rpc_call.c: events of calls. 0 or MR_ERR_MEMORY. */
int mr_rpc_on_request(rpc_tap *t, const mr_event *e, const mr_flow_at *at);
int mr_rpc_on_response(rpc_tap *t, const mr_event *e, const mr_flow_at *at);
int mr_rpc_on_fault(rpc_tap *t, const mr_event *e, const mr_flow_at *at);
int mr_rpc_on_cancel(rpc_tap *t, const mr_event *e, const mr_flow_at *at);
/* The connection is over: tells of every call that still waits. 0 or MR_ERR_MEMORY. */
int mr_rpc_tell_unanswered(rpc_tap *t, mr_nsec until);
void mr_rpc_free_calls(rpc_tap *t);
/* The answer time, in microseconds, that @permille of the answers did not exceed. */
uint32_t mr_rpc_flow_time(const rpc_tap *t, uint32_t permille);
/* What a record says of a call; @call is NULL when its request was not captured. */
mr_seen_call mr_rpc_seen_call(rpc_tap *t, const rpc_call *call, uint16_t context_id,
                              uint16_t opnum, uint32_t id);
int mr_rpc_add_call_record(rpc_tap *t, enum mr_seen_kind kind, enum mr_dir dir,
                           const mr_flow_at *at, const mr_seen_call *c);

/* tap_rpc_stub.c. Takes a chunk; *@wholep when the stub is complete, which then is *@stubp. 0 or
 * MR_ERR_MEMORY. */
int mr_rpc_collect(rpc_call *call, const mr_event *e, bool *wholep, mr_slice *stubp);
/* Puts a call's stub, or what came of it, among the records. 0 or MR_ERR_MEMORY. */
int mr_rpc_tell_stub(rpc_tap *t, const rpc_call *call, const mr_event *e,
                     const rpc_context *context, bool whole, mr_slice stub, const mr_flow_at *at);
/* What the whole reply of a call says; @call may be NULL. 0 or MR_ERR_MEMORY. */
int mr_rpc_read_reply(rpc_tap *t, const rpc_call *call, const mr_event *e,
                      const rpc_context *context, mr_slice stub, const mr_flow_at *at);

/* tap_seal.c, where keys were given. Shows an observer the token of an event and notes how its
 * fragment's verifier fared. 0 or MR_ERR_MEMORY. */
int mr_rpc_watch(rpc_tap *t, const mr_event *e, const mr_flow_at *at);
/* Whether the stubs of a call tell keys, and telling them. */
bool mr_rpc_tells_keys(const rpc_tap *t, const rpc_context *context, uint16_t opnum);
void mr_rpc_tell_keys(rpc_tap *t, const rpc_call *call, const mr_event *e,
                      const rpc_context *context, mr_slice stub);
/* What seals a fragment of a request or response, also without keys. */
enum mr_seen_seal mr_rpc_seal(const rpc_tap *t, const mr_event *e);
/* After the association is gone. */
void mr_rpc_free_keys(rpc_tap *t);

/* tap_epm.c */
bool mr_epm_is(const rpc_context *context);
/* The request of an ept_map or ept_lookup: what it asks for goes into @call. */
void mr_epm_question(rpc_tap *t, rpc_call *call, const rpc_context *context, mr_slice stub,
                     bool big);
/* The answer becomes an observation; @call is NULL when the question was not captured. */
int mr_epm_answer(rpc_tap *t, const rpc_call *call, const mr_event *event,
                  const rpc_context *context, uint16_t opnum, mr_slice stub,
                  const mr_flow_at *at);

/* tap_dcom.c: whether the interface activates objects or resolves them. */
bool mr_dcom_is(const mr_uuid *interface);
/* The endpoints that a reply's string bindings name become an observation. 0 or MR_ERR_MEMORY. */
int mr_dcom_answer(rpc_tap *t, const mr_event *event, mr_slice stub, const mr_flow_at *at);

/* tap_eerr.c: the records of @blob, at most 16, in the batch; 0 when it holds none. */
uint32_t mr_eerr_read(mr_tap_ctx *ctx, mr_slice blob, const mr_seen_eerr **listp);

/* An answer of the mapper that cannot be read; a response to a call that nobody made, while others
 * wait for theirs and no request can be where the capture has a hole. 0 or MR_ERR_MEMORY. */
int mr_rpc_tell_unread(rpc_tap *t, const mr_flow_at *at);
int mr_rpc_tell_stray(rpc_tap *t, const mr_flow_at *at);

#endif
