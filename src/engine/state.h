/*
 * The inside of an association, shared by the files of this folder: lane.c cuts octets into PDUs,
 * receive.c (bind.c for negotiation) turns PDUs into events, send.c makes fragments and control
 * PDUs, security.c runs the provider, assoc.c holds the rest. Invariant: an event that borrows
 * engine memory sets @busy, and nothing is read while events wait.
 */
#ifndef MSRPC_ENGINE_STATE_H
#define MSRPC_ENGINE_STATE_H

#include <msrpc/engine/assoc.h>

#define MR_FOREIGN_NEED MR_EVENT_FOREIGN_LEN /* octets looked at before a stream is judged */
#define MR_EVENTS_PER_PDU 4u       /* events one PDU, or one command, can cause at most */
#define MR_OUT_HIGH ((size_t)64 << 10)  /* waiting output that stops reading */
#define MR_PULL_TARGET ((size_t)64 << 10) /* fragments are batched up to this */

/* Fault statuses an association sends of its own accord (C706 appendix E, MS-RPCE 2.2.2.8). */
#define MR_FAULT_ACCESS_DENIED 0x00000005u
#define MR_FAULT_NO_CALL_ACTIVE 0x000006bdu
#define MR_FAULT_SEC_PKG_ERROR 0x00000721u
#define MR_FAULT_UNKNOWN_IF 0x1c010003u   /* nca_s_unk_if */
#define MR_FAULT_PROTO_ERROR 0x1c01000bu  /* nca_s_proto_error */
#define MR_FAULT_NO_MEMORY 0x1c00001bu    /* nca_s_fault_remote_no_memory */

enum mr_lane_phase {
    MR_LANE_START,  /* nothing recognised yet */
    MR_LANE_SYNC,   /* at, or inside, a PDU */
    MR_LANE_SKIP,   /* inside the rest of a damaged PDU whose length is known */
    MR_LANE_SEARCH, /* looking for a plausible header */
    MR_LANE_DEAD,   /* another protocol: octets are counted and dropped */
};

/* One direction of the stream. */
typedef struct mr_lane {
    mr_buf hold;      /* the beginning of a PDU whose rest has not come */
    uint64_t offset;  /* octets read, gaps included */
    uint64_t skip;    /* MR_LANE_SKIP: octets still to drop */
    uint64_t skipped; /* MR_LANE_SEARCH: octets dropped so far */
    mr_nsec first;    /* when the first octet of @hold came */
    uint32_t need;    /* length of the PDU in @hold once known, else 0 */
    bool ended;
    uint8_t phase;    /* enum mr_lane_phase */
} mr_lane;

/* One direction of a call's stub. */
typedef struct mr_way {
    uint64_t at; /* octets seen */
    bool begun;
    bool done;
    bool damaged;
} mr_way;

typedef struct mr_call mr_call;
struct mr_call {
    mr_call *next;      /* in the list of calls, oldest first, or in the list of spare ones */
    mr_call *out_next;  /* in the list of calls with something to send */
    mr_event_call info;
    mr_way way[2];      /* incoming stubs, per enum mr_dir */
    size_t held;        /* octets counted against the budget */
    mr_slice stub;      /* outgoing octets not sent yet, borrowed */
    uint32_t auth;      /* auth_context_id */
    uint32_t alloc_hint;
    bool secured;       /* @auth names a security context */
    bool queued;        /* in the list of calls with something to send */
    bool out_begun;     /* a fragment was pulled */
    bool out_more;      /* the stub goes on after @stub */
    bool out_done;      /* the last fragment was pulled */
    bool cancelled;     /* client: cancelled before the first fragment was sent */
    bool orphaned;      /* server: the reply is dropped */
    bool refused;       /* server: a fault was sent, the rest of the request is dropped */
};

/* An accepted presentation context. */
typedef struct mr_bound mr_bound;
struct mr_bound {
    mr_bound *next;
    uint16_t id;
    uint8_t proposed; /* server: how many transfer syntaxes it was asked with */
    mr_syntax abstract;
    mr_syntax transfer;
};

enum mr_slot_phase {
    MR_SLOT_SET,    /* no token exchanged yet */
    MR_SLOT_BUSY,   /* waits for the peer's token */
    MR_SLOT_DONE,
    MR_SLOT_FAILED,
};

/* A security context. */
typedef struct mr_slot {
    mr_security *sec;
    uint32_t id;
    uint8_t level;
    enum mr_slot_phase phase;
} mr_slot;

/* What a security step is part of. */
enum mr_step {
    MR_STEP_NONE,
    MR_STEP_ASK,    /* client: the draft, a bind or alter_context, wants its token */
    MR_STEP_DIGEST, /* client: the server's token is being read */
    MR_STEP_ANSWER, /* server: the draft, an answer, wants its token */
    MR_STEP_AUTH3,  /* server: the client's last token is being read */
};

/* A bind or alter_context that is not answered yet. */
typedef struct mr_round {
    bool open;
    bool alter;
    bool waits;        /* server: the caller has not decided yet */
    bool has_auth;     /* server: a trailer came, its token is in token_in */
    uint8_t flags;     /* server: of the peer's PDU */
    uint8_t auth_type;
    uint8_t auth_level;
    uint32_t auth_id;
    uint32_t call_id;
    uint32_t assoc_group;
    uint16_t max_xmit;
    uint16_t max_recv;
    mr_event_context *contexts; /* among the lists to the server */
    uint16_t count;
    mr_slot *slot;     /* client: the security context it carries */
} mr_round;

/* Lists in events, per direction; reset by the next list. There while a bind is in hand. */
typedef struct mr_lists {
    mr_arena arena[2];
} mr_lists;

/* Security contexts, once there is one. */
typedef struct mr_guard {
    mr_slot slots[MR_ASSOC_AUTH_MAX];
    mr_buf token_out;
    mr_buf plain;         /* the opened body of a sealed fragment */
} mr_guard;

/* What only a client or a server has: a tap sends nothing and waits for nobody. */
typedef struct mr_side {
    mr_buf out;           /* control PDUs, before any fragment */
    mr_buf wire;          /* what the caller writes now */
    mr_buf draft;         /* a bind, alter_context or answer that waits for its token */
    mr_buf token_in;      /* server */
    mr_call *out_first;   /* calls with something to send */
    mr_call *out_last;
    uint64_t sent;
    mr_nsec deadline[2];
    uint32_t next_call;   /* client */
    bool orphans;         /* client: replies to calls nobody waits for may come */
    mr_error error;       /* what @failure of the state points to */
} mr_side;

/* Of a tap there are hundreds of thousands at rest: what is not always needed stands apart. */
typedef struct mr_assoc_state {
    mr_assoc_config config;
    mr_arena *arena;
    mr_side *side;        /* NULL: a tap */
    mr_guard *guard;      /* NULL: slot_count is 0 */
    mr_lists *lists;      /* NULL: none */
    mr_lane lane[2];

    mr_event *events;     /* ring; NULL while the association rests */
    uint16_t event_first;
    uint16_t event_count;
    bool busy;            /* the events that wait borrow engine memory: read no further */
    bool is_bound;
    bool bare;            /* server: the bind began no security context */
    bool ready;
    bool multiplex;
    bool header_sign;
    bool ended;
    bool shut;            /* client: the server sent a shutdown */
    uint8_t slot_count;

    mr_call *calls;       /* oldest first */
    mr_call *spare;
    uint32_t call_count;
    uint32_t bound_count;
    size_t held;          /* octets counted against the budget */

    mr_bound *bound;
    mr_round round;
    uint32_t assoc_group;
    uint16_t xmit_frag;
    uint16_t recv_frag;
    uint16_t features;
    uint8_t step;         /* enum mr_step of the provider that said pending */
    mr_slot *pending;

    mr_nsec now;          /* what the caller said last */
    int failed;           /* sticky, and */
    const mr_error *failure; /* its words */
    mr_error *note;       /* tap: of the ERROR event that waits; NULL: none */
} mr_assoc_state;

/* A PDU on its way through receive.c. */
typedef struct mr_in {
    mr_assoc_state *s;
    enum mr_dir dir;
    const mr_pdu *pdu;
    mr_event event;  /* common part filled, kind and union not */
    mr_slice stub;   /* request, response, fault: opened, without padding */
    bool sealed;     /* @stub could not be opened */
} mr_in;

/* assoc.c: events and errors */
mr_event mr_state_event(const mr_assoc_state *s, enum mr_event_kind kind, enum mr_dir dir);
void mr_state_push(mr_assoc_state *s, const mr_event *event);
/* Makes the ring of events if there is none. 0 or the sticky error. */
int mr_state_need_events(mr_assoc_state *s);
static inline bool mr_state_is_tap(const mr_assoc_state *s) {
    return s->config.role == MR_ROLE_TAP;
}
static inline uint32_t mr_state_event_room(const mr_assoc_state *s) {
    return s->config.max_events - s->event_count;
}
/* Ends the association for good with a sticky code, which it returns; no event. */
int mr_state_end(mr_assoc_state *s, const mr_error *err);
/* The same with an ERROR event in the place of @at (may be NULL). */
int mr_state_fail(mr_assoc_state *s, const mr_event *at, const mr_error *err);
/* A tap goes on behind damage: @event as an ERROR event with the words of @err. 0 or negative. */
int mr_state_push_note(mr_assoc_state *s, const mr_event *event, const mr_error *err);
/* The PDU of @in breaks the protocol at octet @pdu_offset: fatal, but for a tap an event. */
int mr_state_violation(mr_in *in, int code, size_t pdu_offset, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Out of memory or a poisoned buffer. */
int mr_state_fail_code(mr_assoc_state *s, int code, const char *what);
/* Copies the sticky error to @err and returns its code, 0 when nothing failed. */
int mr_state_failed(const mr_assoc_state *s, mr_error *err);
/* The arena for the next list of @dir, empty; NULL without memory. */
mr_arena *mr_state_list_arena(mr_assoc_state *s, enum mr_dir dir);
static inline void mr_state_clear_deadline(mr_assoc_state *s, enum mr_deadline what) {
    if (s->side)
        s->side->deadline[what] = MR_NSEC_NEVER;
}
mr_bound *mr_state_find_bound(const mr_assoc_state *s, uint16_t id);
/* Remembers an accepted context; MR_ERR_LIMIT at MR_ASSOC_CONTEXT_MAX. */
int mr_state_add_bound(mr_assoc_state *s, uint16_t id, const mr_syntax *abstract,
                       const mr_syntax *transfer);

/* call.c */
mr_call *mr_call_find(const mr_assoc_state *s, uint32_t id);
/* A zeroed call at the end of the list; a tap drops its oldest call when it has max_calls, other
 * roles get NULL. NULL too when memory is out. */
mr_call *mr_call_add(mr_assoc_state *s, uint32_t id);
void mr_call_end(mr_assoc_state *s, mr_call *call);
void mr_call_queue(mr_assoc_state *s, mr_call *call);
void mr_call_unqueue(mr_assoc_state *s, mr_call *call);
bool mr_call_full(const mr_assoc_state *s);

/* lane.c */
void mr_lane_init(mr_lane *lane, enum mr_lane_phase phase);
int mr_lane_feed(mr_assoc_state *s, enum mr_dir dir, mr_slice bytes, size_t *usedp);
int mr_lane_end(mr_assoc_state *s, enum mr_dir dir);
void mr_lane_gap(mr_assoc_state *s, enum mr_dir dir, uint64_t missing);
/* Judges a stream of which fewer than MR_FOREIGN_NEED octets came; 0 when it looks well. */
int mr_lane_judge(mr_assoc_state *s, enum mr_dir dir);
enum mr_foreign mr_foreign_guess(mr_slice head);

/* receive.c and bind.c */
int mr_receive(mr_assoc_state *s, enum mr_dir dir, mr_slice bytes, uint64_t offset,
               mr_nsec first);
int mr_receive_bind(mr_in *in);
int mr_receive_bind_ack(mr_in *in);
int mr_receive_bind_nak(mr_in *in);
int mr_receive_auth3(mr_in *in);
/* The round is over for the client: nothing to wait for any more. */
void mr_round_close(mr_assoc_state *s);

/* security.c */
mr_slot *mr_slot_find(mr_assoc_state *s, uint32_t id);
/* Verifies and opens the stub of a request, response or fault into @in->stub. @required: a
 * fragment without a trailer is refused. A fragment that goes on with @begun, a secured call (NULL:
 * none), belongs to that call's security context whatever its trailer names, as on Windows. Returns
 * 0, or MR_ERR_AUTH with @err filled. */
int mr_fragment_open(mr_in *in, const mr_call *begun, bool required, mr_error *err);
/* Ends the fragment that began at @at and ends @buf with a verifier. */
int mr_fragment_protect(mr_assoc_state *s, mr_slot *slot, mr_buf *buf, size_t at, uint8_t ptype,
                        uint8_t flags, enum mr_dir dir, mr_error *err);
/* Takes a step for @slot; what follows depends on @step. 0, or the sticky error. */
int mr_step_run(mr_assoc_state *s, mr_slot *slot, enum mr_step step, enum mr_dir dir,
                mr_slice token);
int mr_step_resume(mr_assoc_state *s);
/* Puts the draft on the way, with a trailer for @slot and the token in token_out unless NULL. */
int mr_draft_send(mr_assoc_state *s, mr_slot *slot);

/* send.c */
int mr_send_fault(mr_assoc_state *s, uint32_t call_id, uint16_t context, uint32_t status,
                  uint8_t flags, mr_slice eerr);
int mr_send_bind_nak(mr_assoc_state *s, uint32_t call_id, uint16_t reason, mr_slice eerr);
int mr_send_control(mr_assoc_state *s, uint8_t ptype, uint32_t call_id);
mr_pdu_header mr_send_header(uint32_t call_id, uint8_t flags);

#endif
