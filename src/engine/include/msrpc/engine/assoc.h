/*
 * One association (C706 9.3, 12.6; MS-RPCE 3.3): one connection-oriented DCE/RPC connection as
 * client, server or tap, without I/O. The loop around it:
 *
 *   bytes came:  while bytes are left
 *                    mr_assoc_feed(a, dir, bytes, now, &used, &err)
 *                    while mr_assoc_pull_event(a, &event): handle it
 *                    MR_ASSOC_BLOCKED: stop reading; go on after output was pulled, a call
 *                    ended, octets were released, a bind was answered or a step resumed
 *   can write:   mr_assoc_pull(a, now, &out): write all of @out, pull again until it is empty
 *   timer:       at mr_assoc_deadline(a): mr_assoc_expire(a, now), then pull events
 *
 * Errors are sticky: after a fatal error feed and every command return it, while events and
 * output that wait (a fault, a bind_nak) can still be pulled. An mr_error of this floor carries
 * the octet offset in the stream of its direction. A tap has no fatal errors but MR_ERR_MEMORY:
 * it reports damage and searches for the next plausible header.
 *
 * Memory: the struct is the caller's; an arena for contexts, calls and the event queue, and four
 * buffers of at most one fragment or MR_ASSOC_OUT_MAX octets. A warm association allocates
 * nothing per call. Stubs are never collected here (see stub.h): outgoing stubs are borrowed,
 * incoming ones handed on chunk by chunk and counted against the budget until they are released.
 */
#ifndef MSRPC_ENGINE_ASSOC_H
#define MSRPC_ENGINE_ASSOC_H

#include <msrpc/base/arena.h>
#include <msrpc/engine/event.h>

enum mr_role {
    MR_ROLE_CLIENT,
    MR_ROLE_SERVER,
    MR_ROLE_TAP,
};

/* Limits that hold for every association. */
#define MR_ASSOC_FRAG_MIN 256      /* smallest fragment size this side sends, octets */
#define MR_ASSOC_FRAG_WINDOWS 2048 /* fragments up to this are taken whatever was agreed */
#define MR_ASSOC_FRAG_DEFAULT 5840 /* what Windows offers over TCP (MS-RPCE 3.3.2.1.2) */
#define MR_ASSOC_CONTEXT_MAX 128   /* accepted presentation contexts */
#define MR_ASSOC_AUTH_MAX 4        /* security contexts */
#define MR_ASSOC_CALL_MAX 1024     /* most that max_calls may ask for */
#define MR_ASSOC_OUT_MAX ((size_t)256 << 10) /* octets of output that wait, stubs not counted */
#define MR_ASSOC_TOKEN_MAX 65000   /* octets of one security token */

typedef struct mr_assoc_config {
    enum mr_role role;
    uint16_t max_xmit;      /* octets; MR_ASSOC_FRAG_MIN..; 0 = MR_ASSOC_FRAG_DEFAULT */
    uint16_t max_recv;      /* octets; MR_PDU_FRAG_MUST..; 0 = MR_ASSOC_FRAG_DEFAULT */
    uint16_t max_calls;     /* in flight at once; 0 = 64 */
    uint16_t max_events;    /* events that wait; 0 = 16, at least 8 */
    size_t budget;          /* octets of incoming stubs handed on and not released;
                             * 0 = 16 MiB; not enforced by a tap */
    bool no_multiplex;      /* do not offer or grant PFC_CONC_MPX */
    bool no_header_sign;    /* do not offer or grant header signing */
    uint16_t features;      /* bind-time feature bits offered or granted (MS-RPCE 2.2.2.14);
                             * 0 = the pseudo context is not sent, and refused */
    bool midstream;         /* tap: the capture may begin inside the connection */
    mr_event *ring;         /* tap: room for max_events events, *borrowed* and shared with other
                             * taps whose events are all pulled before another one is fed; NULL:
                             * room of its own */
    struct mr_call **spare; /* tap: calls that ended, a list that is empty at first, *borrowed* and
                             * shared as @ring is; NULL: a list of its own */
} mr_assoc_config;

/* Positive outcomes of mr_assoc_feed. */
enum mr_assoc_outcome {
    MR_ASSOC_DRAIN = 1,   /* not all was read: pull the events, then feed the rest */
    MR_ASSOC_BLOCKED = 2, /* not all was read: stop reading until something frees (see above) */
};

/* A presentation context to ask for. */
typedef struct mr_assoc_context {
    uint16_t id;
    mr_syntax abstract;
    const mr_syntax *transfer; /* proposed, best first; borrowed during the call */
    uint8_t transfer_count;    /* 1 to 255 */
} mr_assoc_context;

/* A server's answer to one context of a BIND or ALTER, in its order. Entries for the feature
 * pseudo context are ignored: the association answers it. */
typedef struct mr_assoc_answer {
    uint16_t result;     /* enum mr_context_result: accepted, or a rejection */
    uint16_t reason;
    uint8_t transfer;    /* index into the proposed ones, when accepted */
} mr_assoc_answer;

/* What goes with a call. Zeroed: no object, waits for its reply, first security context. */
typedef struct mr_assoc_call {
    uint16_t context;
    uint16_t opnum;
    const mr_uuid *object; /* NULL: none; borrowed during the call */
    bool maybe;            /* PFC_MAYBE: no reply comes; the call ends when it is sent */
    bool more;             /* the stub goes on: mr_assoc_add_stub */
    uint32_t auth;         /* auth_context_id, when security was set */
    uint32_t alloc_hint;   /* octets of the whole stub; 0 = what @stub holds */
} mr_assoc_call;

/* Its fields are the engine's own; it stays where it was initialised. */
typedef struct mr_assoc {
    struct mr_assoc_state *state; /* in @arena */
    mr_arena arena;
} mr_assoc;

/* Starts an association. @config is copied. Returns 0, MR_ERR_ARGUMENT or MR_ERR_MEMORY. */
int mr_assoc_init(mr_assoc *a, const mr_assoc_config *config, mr_error *err);
/* Frees everything. A zeroed association may be deinitialised. */
void mr_assoc_deinit(mr_assoc *a);

/* Frees the calls that ended in a list that associations shared, after the last of them. */
void mr_assoc_free_spare(struct mr_call **spare);

/* ---- bytes in ---- */

/* Reads octets that travelled @dir at @now. @bytes are *borrowed* until the next feed (events
 * point into them); @usedp says how many were read. Returns 0 (all read), MR_ASSOC_DRAIN,
 * MR_ASSOC_BLOCKED, or the sticky error. A client takes MR_DIR_TO_CLIENT only, a server
 * MR_DIR_TO_SERVER only. */
int mr_assoc_feed(mr_assoc *a, enum mr_dir dir, mr_slice bytes, mr_nsec now, size_t *usedp,
                  mr_error *err);
/* The stream of @dir ended in order (FIN). Returns 0, MR_ASSOC_DRAIN (pull events, repeat), or
 * MR_ERR_TRUNCATED when it ended inside a PDU. */
int mr_assoc_feed_end(mr_assoc *a, enum mr_dir dir, mr_nsec now, mr_error *err);
/* Tap: @missing octets of @dir are not in the capture (0: unknown how many). Returns 0,
 * MR_ASSOC_DRAIN or MR_ERR_ARGUMENT for other roles. */
int mr_assoc_feed_gap(mr_assoc *a, enum mr_dir dir, uint64_t missing, mr_nsec now,
                      mr_error *err);

/* ---- events and bytes out ---- */

/* The next event into @eventp; false when none waits. */
bool mr_assoc_pull_event(mr_assoc *a, mr_event *eventp);
/* The octets to write now, empty when there are none. @outp holds until the next pull, which
 * takes them as written. Fragments are cut and protected here. Returns 0, or a negative result
 * when protecting failed (sticky); output made before it is still yielded first. */
int mr_assoc_pull(mr_assoc *a, mr_nsec now, mr_slice *outp, mr_error *err);
/* Gives back what an association does not need while it rests: memory of binds, of large output
 * and of a tap's fragments. What pull gave last ends with it; while events wait it does nothing. */
void mr_assoc_trim(mr_assoc *a);
/* Whether pull would yield octets. Fragments also need room in the event queue for their SENT:
 * pull the events first. */
bool mr_assoc_has_output(const mr_assoc *a);

/* ---- time ---- */

/* Sets or clears (MR_NSEC_NEVER) a deadline. BIND is cleared by the answer to the bind or
 * alter_context, CALL when no call is in flight. */
void mr_assoc_set_deadline(mr_assoc *a, enum mr_deadline what, mr_nsec at);
/* The next moment expire has something to do; MR_NSEC_NEVER when there is none. */
mr_nsec mr_assoc_deadline(const mr_assoc *a);
/* Turns deadlines at or before @now into TIMEOUT events. Returns 0 or MR_ERR_TIMEOUT (sticky)
 * when a bind stayed unanswered. */
int mr_assoc_expire(mr_assoc *a, mr_nsec now, mr_error *err);

/* ---- client ---- */

/* Gives the association a security provider, *borrowed* until deinit, for auth_context_id @id at
 * @level. A client sets it before the bind or alter_context that begins it. A server sets it
 * while it handles the BIND or ALTER whose trailer asks for it. A tap sets it while it handles
 * the event that showed the first token, having stepped it with that token; later tokens are
 * stepped here. Returns 0, MR_ERR_STATE or MR_ERR_LIMIT. */
int mr_assoc_set_security(mr_assoc *a, mr_security *sec, uint32_t id, uint8_t level,
                          mr_error *err);

/* Asks for @count contexts. The first is a bind, later ones are alter_contexts (as many as
 * MR_ASSOC_CONTEXT_MAX less those accepted so far); one may be unanswered at a time. @assoc_group
 * 0 asks for a new association group. Events: BIND_ACK (ALTER_RESP) then READY once a context is
 * accepted, or BIND_NAK (FAULT). Returns 0, MR_ERR_STATE, MR_ERR_LIMIT, MR_ERR_ARGUMENT, or what
 * the security step returned. */
int mr_assoc_bind(mr_assoc *a, const mr_assoc_context *contexts, size_t count,
                  uint32_t assoc_group, mr_error *err);
/* Goes on after AUTH_PENDING. */
int mr_assoc_resume(mr_assoc *a, mr_nsec now, mr_error *err);

/* Starts a call; @stub is *borrowed* until its SENT event or the call's end. Without agreed
 * multiplexing one call is in flight at a time (MR_ERR_BUSY). Returns 0, MR_ERR_BUSY (also when
 * max_calls are in flight), MR_ERR_STATE before READY, MR_ERR_ARGUMENT for a context that was
 * not accepted. */
int mr_assoc_request(mr_assoc *a, const mr_assoc_call *call, mr_slice stub, uint32_t *call_idp,
                     mr_error *err);
/* Cancels a call; its reply or fault is still to come (C706 12.6.4.6). The co_cancel follows the
 * call's first fragment and carries no verifier. */
int mr_assoc_cancel(mr_assoc *a, uint32_t call_id, mr_error *err);
/* Stops caring: nothing of the call is sent any more and its reply is dropped unseen. */
int mr_assoc_orphan(mr_assoc *a, uint32_t call_id, mr_error *err);

/* ---- server ---- */

/* The BIND or ALTER that waits for an answer is accepted: @count answers in the order of its
 * contexts. @sec_addr is the secondary address (a port as text), copied; @assoc_group not 0.
 * With a trailer and no security set, the bind is rejected with "authentication type not
 * recognized" (MS-RPCE 2.2.2.5). Returns 0, MR_ERR_STATE, MR_ERR_ARGUMENT, MR_ERR_PROTOCOL for an
 * answer that would change a context that stands, or a failed step's result (the peer gets a
 * bind_nak or fault). */
int mr_assoc_accept(mr_assoc *a, const mr_assoc_answer *answers, size_t count,
                    uint32_t assoc_group, mr_slice sec_addr, mr_error *err);
/* The BIND that waits is refused with a bind_nak (an ALTER with a fault): @reason is a
 * p_reject_reason_t; @eerr extended error information or empty, copied. */
int mr_assoc_reject(mr_assoc *a, uint16_t reason, mr_slice eerr, mr_error *err);
/* Replies; @stub is *borrowed* until its SENT event. With @more the stub goes on. Replies to
 * orphaned and maybe calls are dropped and SENT follows. The call ends when its last octet is
 * pulled. Returns 0, MR_ERR_NOT_FOUND, MR_ERR_STATE. */
int mr_assoc_reply(mr_assoc *a, uint32_t call_id, mr_slice stub, bool more, mr_error *err);
/* Ends a call with a fault; @eerr is copied. */
int mr_assoc_fault(mr_assoc *a, uint32_t call_id, uint32_t status, bool did_not_execute,
                   mr_slice eerr, mr_error *err);
/* Asks the client to close the connection (C706 12.6.4.11). */
int mr_assoc_shutdown(mr_assoc *a, mr_error *err);

/* ---- both ---- */

/* Goes on with a stub begun with @more, after its SENT event; the same borrowing. Returns 0,
 * MR_ERR_NOT_FOUND, MR_ERR_BUSY when the last part is not sent yet. */
int mr_assoc_add_stub(mr_assoc *a, uint32_t call_id, mr_slice stub, bool more, mr_error *err);
/* @octets of the call's incoming stub need no memory any more: the budget gets them back. The
 * end of a call releases the rest. */
void mr_assoc_release(mr_assoc *a, uint32_t call_id, size_t octets);

/* What was agreed and where things stand. */
typedef struct mr_assoc_info {
    bool bound;             /* a bind was acknowledged */
    bool ready;             /* calls may begin */
    bool ended;             /* nothing more will be read: error, bind_nak, shutdown of the peer */
    bool multiplex;
    bool header_sign;
    uint16_t features;
    uint16_t xmit_frag;     /* largest fragment this side sends, octets */
    uint16_t recv_frag;     /* largest fragment that was agreed for what this side takes */
    uint32_t assoc_group;
    uint32_t calls;         /* in flight */
    size_t held;            /* octets counted against the budget */
    uint64_t received[2];   /* octets read, per enum mr_dir */
    uint64_t sent;          /* octets pulled */
} mr_assoc_info;

void mr_assoc_get_info(const mr_assoc *a, mr_assoc_info *infop);
/* The accepted context with @id; false when there is none. */
bool mr_assoc_find_context(const mr_assoc *a, uint16_t id, mr_event_context *contextp);
/* The sticky error; NULL when nothing failed. */
const mr_error *mr_assoc_get_error(const mr_assoc *a);

#endif
