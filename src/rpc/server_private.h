/*
 * The server's inside, shared by server.c (endpoints and the whole), server_conn.c (one
 * connection), server_turn.c (when it is read), server_call.c (its calls), server_work.c (who runs
 * their bodies, and when), server_limit.c (its client) and server_group.c (association groups and
 * their context handles).
 *
 * A connection is freed only from its own callbacks (stream, timer) and by mr_server_free, never
 * while one of its bodies runs in the loop: everything else marks it and sets its timer.
 *
 * All of this belongs to the loop's thread but for: what a slot's comments give to the body's
 * thread or to the mail's lock, and a group's handles, which have the group's lock.
 */
#ifndef MSRPC_SERVER_PRIVATE_H
#define MSRPC_SERVER_PRIVATE_H

#include <msrpc/rpc/server.h>

#include "offload.h"

#include <sys/queue.h>

#define MR_SERVER_SPARE_CALLS 64              /* ended calls kept for reuse */
#define MR_SERVER_SPARE_MAX ((size_t)32 << 10) /* octets of one's buffers and arena */
#define MR_SERVER_LARGE_MAX ((size_t)8 << 20) /* of those of the one that may be larger */
#define MR_SERVER_LARGE_TIME MR_SEC           /* that it is kept */
#define MR_SERVER_HANDLES 4                   /* context handles of one call that are looked at */
#define MR_SERVER_GROUPS_MAX 0xfffffu         /* 20 bits of an association group's number */
#define MR_SERVER_CLIENT_BUCKETS 1024
#define MR_SERVER_PDU_COST ((size_t)1 << 10) /* what one counts for in its client's turn */

struct mr_server_conn;

/* A slot of a group's table of context handles. */
struct mr_server_handle {
    const mr_server_handle_type *type; /* NULL: free */
    void *object;
    uint32_t generation; /* how often the slot was used */
    uint32_t next_free;  /* index + 1 */
    uint64_t serial;     /* in the order of adding */
};

TAILQ_HEAD(mr_server_slots, mr_server_slot);
TAILQ_HEAD(mr_server_conns, mr_server_conn);
TAILQ_HEAD(mr_server_clients, mr_server_client);

/* Whose connections share one turn and one place in the limits: an IPv4 address, of IPv6 what a
 * site gives to one link, a local process. */
struct mr_server_client {
    struct mr_server_client *next; /* of its bucket */
    enum mr_family family;
    uint8_t key[8];
    bool counted;                  /* max_per_client holds */
    uint32_t conns;
    size_t held;                   /* octets of its calls */
    uint64_t turn;                 /* of the loop, when it last got credit */
    size_t spent;                  /* of that; what exceeds it is owed */
    struct mr_server_conns waiting; /* to be read */
    TAILQ_ENTRY(mr_server_client) in_turns;
    struct mr_server_conns asking; /* with calls for the workers */
    TAILQ_ENTRY(mr_server_client) in_ring;
};

struct mr_server_group {
    uint32_t id;
    uint32_t conns;      /* connections; without one it cannot be joined any more */
    struct mr_server_slots calls; /* those that carry handles, as they came */
    mr_lock lock;        /* of everything below */
    mr_server *server;   /* NULL once it is freed */
    uint32_t refs;       /* connections and calls */
    size_t held;         /* octets of its calls */
    mr_credentials cred; /* of the local process that made it */
    uint8_t secret[8];   /* part of every handle's UUID */
    struct mr_server_handle *handles;
    uint32_t handle_size, handle_used, handle_free;
    uint32_t handle_most; /* max_handles when it was made: options are the loop's */
    uint64_t handle_serial;
};

/* Where a call stands. */
enum mr_server_phase {
    MR_SERVER_COLLECTING, /* its request is coming */
    MR_SERVER_QUEUED,     /* decoded; waits for a context handle or a worker */
    MR_SERVER_RUNNING,    /* its body runs, or is with the workers */
    MR_SERVER_WAITING,    /* to be answered later */
    MR_SERVER_FAULTING,   /* a fault is to be written when there is room for it */
    MR_SERVER_REPLYING,   /* its reply is being sent */
};

enum mr_server_answer { MR_SERVER_NO_ANSWER, MR_SERVER_REPLY, MR_SERVER_FAULT };

/* Where other threads leave word for the loop. It outlives the server while calls that are to be
 * answered later hold it. */
struct mr_server_mail {
    mr_lock lock;      /* of everything here and of the slots' post */
    mr_waker *waker;   /* NULL once the server is freed */
    mr_loop *loop;
    struct mr_server_slots slots;
    unsigned refs;     /* the server and calls that outlive it */
};

struct mr_server_slot {
    mr_server_call call;          /* what bodies see; first */
    mr_server *server;            /* NULL once it is freed */
    struct mr_server_conn *conn;  /* NULL once nobody waits for the answer */
    struct mr_server_group *group;
    struct mr_server_badge *badge; /* of its caller; NULL: nobody */
    struct mr_server_slot *next, *prev; /* of the connection, the detached or the spare ones */
    enum mr_server_phase phase;
    uint32_t id;
    uint16_t opnum;
    uint16_t context;             /* presentation context */
    mr_nsec began;
    uint32_t status;              /* of the fault */
    bool did_not_execute;
    bool denied;                  /* mr_server_may_call said no */
    size_t held;                  /* octets counted in server->held */
    const mr_server_row *row;
    mr_arena arena;
    mr_stub stub;
    mr_buf reply;
    mr_slice octets;              /* of the reply: @reply, or what the memo lent */
    void *lent;                   /* to be given back to it */
    mr_timer limit;               /* its time is over */
    struct mr_server_slots *queue; /* that it stands in: its connection's, or the ready ones */
    TAILQ_ENTRY(mr_server_slot) in_queue, in_group;
    mr_uuid handles[MR_SERVER_HANDLES]; /* that it carries */
    unsigned handle_count;        /* 0: it is not in the group's list */
    bool shares;                  /* them with others that do; its interface is concurrent */
    bool handed;                  /* to the workers, and not back yet */
    bool forgone;                 /* likewise, and its worker is not counted on */
    bool deserted;                /* nobody waits: to be told when the body is back */
    bool cancelled;               /* for the body to see; atomic */
    /* the body's thread, while it runs */
    uintptr_t runner;             /* which that is; atomic */
    enum mr_server_answer inside; /* the body answered before it returned */
    bool encoded;                 /* its answer is in @reply */
    /* under the mail's lock */
    struct mr_server_mail *mail;
    mr_job job;
    TAILQ_ENTRY(mr_server_slot) in_mail;
    struct {
        bool lies;                /* it is in the mail */
        bool returned;            /* the body did, with @outcome */
        int outcome;
        enum mr_server_answer answer; /* from outside the body */
        uint32_t status;
    } post;
    void (*gone)(void *user, mr_server_call *call);
    void *gone_user;
};

/* Who a security context's client is: the connection's and, while they last, its calls'. */
struct mr_server_badge {
    unsigned refs;           /* atomic: a call may end in another thread */
    mr_server_caller caller;
    mr_arena arena;          /* what it points to */
};

/* A security context of a connection. */
struct mr_server_guard {
    struct mr_server_conn *conn;
    mr_server_acceptor acceptor;
    void *login;                /* the acceptor's */
    mr_security *security;
    struct mr_offload *offload; /* stands for it at the association; NULL: it does itself */
    uint32_t id;
    struct mr_server_badge *badge; /* when it stands */
    bool told;                  /* that it was refused */
};

struct mr_server_conn {
    mr_server *server;
    mr_server_endpoint *endpoint;
    struct mr_server_conn *next, *prev;
    struct mr_server_group *group;
    mr_stream stream;
    mr_assoc assoc;
    mr_timer timer;
    mr_addr peer, local;
    mr_credentials cred;
    struct mr_server_client *client;
    struct mr_server_guard *guards[MR_ASSOC_AUTH_MAX]; /* as they began */
    unsigned guard_count;
    struct mr_server_slot *calls;
    struct mr_server_slots queue; /* wait for a worker */
    TAILQ_ENTRY(mr_server_conn) in_asking, in_waiting;
    size_t held;          /* octets of its calls */
    mr_buf unread;        /* came, and is not fed yet, from octet @unread_at on */
    size_t unread_at;
    size_t share;         /* its turn is over when its client has spent as much */
    bool waiting;         /* for its turn to be read */
    mr_nsec leave;        /* when the client was asked to go; 0: not yet */
    mr_nsec accepted;
    mr_nsec progress;     /* when something last went forward */
    uint64_t pdu_end;     /* offset behind the last whole PDU */
    bool blocked;         /* reading rests until something frees */
    bool pending;         /* a step of a security context is under way elsewhere */
    bool busy;            /* inside feeding: no flush from below */
    bool closing;         /* what is queued is sent, nothing is read any more */
    bool shut;            /* likewise, and our side of the stream is closed */
    bool told;            /* its end was noticed */
};

struct mr_server_endpoint {
    mr_server_endpoint *next;
    mr_server *server;
    mr_listener listener;
    struct mr_server_offer *offers, *last_offer;
    char name[MR_LOCAL_PATH_MAX + 1]; /* port or path: the secondary address */
};

/* An interface offered at an endpoint. */
struct mr_server_offer {
    struct mr_server_offer *next;
    mr_server_iface served;
    const mr_server_row **rows; /* by opnum; NULL where none */
};

struct mr_server {
    mr_loop *loop;
    mr_server_options options;
    mr_server_endpoint *endpoints;
    mr_server_endpoint *last_endpoint;
    struct mr_server_conn *conns;
    struct mr_server_slot *detached; /* nobody waits for their answer, but it is not given yet */
    struct mr_server_slot *spare;
    unsigned spare_count;
    struct mr_server_slot *large; /* a spare one that has grown; NULL: none */
    mr_timer large_timer;         /* frees it */
    struct mr_server_group **groups;
    uint32_t group_size;
    uint32_t group_next;  /* where the search for a free place begins */
    uint32_t generation;  /* of group numbers */
    struct mr_server_client *clients[MR_SERVER_CLIENT_BUCKETS];
    uint64_t client_seed;
    mr_server_stats stats;
    struct mr_server_mail *mail;
    mr_workers *workers;  /* NULL: bodies run in the loop */
    mr_workers *doormen;  /* take steps that may block; NULL until there is one */
    unsigned working;     /* calls with them, the forgone not counted */
    struct mr_server_slots ready; /* they have what they waited for */
    struct mr_server_clients ring; /* with calls for the workers, in turn */
    struct mr_server_clients turns; /* with connections to be read, in turn */
    unsigned turn_count;
    mr_timer turn_timer;
    bool *freed;          /* to be told, in a turn */
    bool draining;
    void (*drained)(void *user);
    void *drained_user;
};

/* server.c */
const struct mr_server_offer *mr_server_find_offer(const mr_server_endpoint *endpoint,
                                                   const mr_syntax *syntax, bool any_minor);
void mr_server_conn_ended(mr_server *server);

/* server_conn.c */
void mr_server_conn_accept(mr_server_endpoint *endpoint, mr_accepted *accepted);
void mr_server_conn_free(struct mr_server_conn *conn);
/* Sends what the association yields, unless the connection is being fed: then that follows. */
void mr_server_conn_flush(struct mr_server_conn *conn);
/* Ends the connection once what is queued is sent. */
void mr_server_conn_close(struct mr_server_conn *conn);
void mr_server_conn_set_timer(struct mr_server_conn *conn);
/* Its turn has come, which may end it. */
void mr_server_conn_go_on(struct mr_server_conn *conn);

/* A step that was under way elsewhere is over. */
void mr_server_conn_resume(struct mr_server_conn *conn);

/* server_security.c */
/* A BIND asks for a level that is not spoken over connections. */
bool mr_server_guard_is_wrong(const struct mr_server_conn *conn, const mr_event_auth *auth);
/* A BIND or ALTER asks for a security context: its acceptor is set, if there is one. */
void mr_server_guard_begin(struct mr_server_conn *conn, const mr_event_auth *auth);
/* One stands. */
void mr_server_guard_ready(struct mr_server_conn *conn, const mr_event_auth *auth);
/* After the association, which borrows them, is deinitialised. */
void mr_server_guard_free_all(struct mr_server_conn *conn);
/* The connection ends: what did not stand is told, once. Whether a logon was refused. */
bool mr_server_guard_tell(struct mr_server_conn *conn);
/* The caller of a request whose trailer is @auth, to be given back with _unref; NULL: nobody. */
struct mr_server_badge *mr_server_badge_find(const struct mr_server_conn *conn,
                                             const mr_event_auth *auth);
void mr_server_badge_ref(struct mr_server_badge *badge);
/* NULL is allowed in both. */
void mr_server_badge_unref(struct mr_server_badge *badge);

/* server_turn.c */
void mr_server_turn_init(mr_server *server);
/* Whether the connection may be read now; else it waits for its turn. */
bool mr_server_turn_take(struct mr_server_conn *conn);
/* Whether its turn is over. */
bool mr_server_turn_is_over(const struct mr_server_conn *conn);
void mr_server_turn_wait(struct mr_server_conn *conn);
void mr_server_turn_leave(struct mr_server_conn *conn);

/* server_call.c */
/* A chunk of a request. */
void mr_server_call_feed(struct mr_server_conn *conn, const mr_event *event);
void mr_server_call_sent(struct mr_server_conn *conn, uint32_t id);
void mr_server_call_orphaned(struct mr_server_conn *conn, uint32_t id);
/* Writes faults that found no room before. */
void mr_server_call_retry(struct mr_server_conn *conn);
/* The connection ends: nobody waits for its calls any more. */
void mr_server_call_detach_all(struct mr_server_conn *conn);
/* The server ends: frees spare calls, lets go of detached ones. */
void mr_server_call_let_go(mr_server *server);
/* The large timer's callback. */
void mr_server_call_free_large(void *server);
void mr_server_call_cancel(struct mr_server_conn *conn, uint32_t id);
/* The body of a call returned @outcome; false when it is to be answered later. */
bool mr_server_call_returned(struct mr_server_slot *slot, int outcome);
/* Answers a call that was to be answered later, or lets it end when nobody waits. */
void mr_server_call_answer(struct mr_server_slot *slot, enum mr_server_answer answer,
                           uint32_t status);
/* Its time is over: the client hears so, and if its body was begun it goes on unheard. */
void mr_server_call_expire(struct mr_server_slot *slot);

/* server_work.c */
int mr_server_work_init(mr_server *server, mr_error *err);
/* Waits for the bodies that run; those that wait run no more. */
void mr_server_work_stop(mr_server *server);
/* A request is decoded: its body runs now, or once its handles are free. */
void mr_server_work_add(struct mr_server_slot *slot);
/* Takes a call out of its queue, or back from the workers; false when its body runs. */
bool mr_server_work_remove(struct mr_server_slot *slot);
/* The call is through with its context handles. */
void mr_server_work_end(struct mr_server_slot *slot);
void mr_server_mail_unref(struct mr_server_mail *mail);

/* server_limit.c */
/* Counts one more connection of @peer's. 0, MR_ERR_LIMIT, MR_ERR_MEMORY. */
int mr_server_client_join(mr_server *server, const mr_addr *peer, const mr_credentials *cred,
                          struct mr_server_client **clientp);
/* NULL is allowed. */
void mr_server_client_leave(mr_server *server, struct mr_server_client *client);
/* Whether a call of the connection's is let through to the interface. */
bool mr_server_may_call(const struct mr_server_conn *conn, const mr_server_caller *caller,
                        const struct mr_server_offer *offer);
/* Tell the watcher; @text may be empty. */
void mr_server_notice_conn(struct mr_server_conn *conn, enum mr_server_notice what,
                           const char *text);
void mr_server_notice_peer(mr_server_endpoint *endpoint, const mr_addr *peer,
                           enum mr_server_notice what, const char *text);

/* server_group.c */
/* A new group, or with @id the group of that number; NULL when there is none, no room, or it
 * belongs to another local user than @cred or to one where @cred came by network. */
struct mr_server_group *mr_server_group_join(mr_server *server, uint32_t id,
                                             const mr_credentials *cred);
void mr_server_group_leave(struct mr_server_group *group);
void mr_server_group_ref(struct mr_server_group *group);
void mr_server_group_unref(struct mr_server_group *group);
/* The server ends before the group does. */
void mr_server_group_let_go(struct mr_server_group *group);

#endif
