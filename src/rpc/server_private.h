/*
 * The server's inside, shared by server.c (endpoints and the whole), server_conn.c (one
 * connection), server_call.c (its calls) and server_group.c (association groups and their context
 * handles).
 *
 * A connection is freed only from its own callbacks (stream, timer) and by mr_server_free, never
 * while one of its bodies runs: everything else marks it and sets its timer.
 */
#ifndef MSRPC_SERVER_PRIVATE_H
#define MSRPC_SERVER_PRIVATE_H

#include <msrpc/rpc/server.h>

#define MR_SERVER_SPARE_CALLS 64              /* ended calls kept for reuse */
#define MR_SERVER_SPARE_MAX ((size_t)32 << 10) /* octets of one's buffers and arena */
#define MR_SERVER_GROUPS_MAX 0xfffffu         /* 20 bits of an association group's number */
#define MR_SERVER_CLIENT_BUCKETS 1024

struct mr_server_conn;
struct mr_server_client;

/* A slot of a group's table of context handles. */
struct mr_server_handle {
    const mr_server_handle_type *type; /* NULL: free */
    void *object;
    uint32_t generation; /* how often the slot was used */
    uint32_t next_free;  /* index + 1 */
    uint64_t serial;     /* in the order of adding */
};

struct mr_server_group {
    mr_server *server;   /* NULL once it is freed */
    uint32_t id;
    uint32_t conns;      /* connections; without one it cannot be joined any more */
    uint32_t refs;       /* connections and calls */
    size_t held;         /* octets of its calls */
    mr_credentials cred; /* of the local process that made it */
    uint8_t secret[8];   /* part of every handle's UUID */
    struct mr_server_handle *handles;
    uint32_t handle_size, handle_used, handle_free;
    uint64_t handle_serial;
};

/* Where a call stands. */
enum mr_server_phase {
    MR_SERVER_COLLECTING, /* its request is coming */
    MR_SERVER_RUNNING,    /* its body runs */
    MR_SERVER_ANSWERED,   /* its body has answered and is about to return */
    MR_SERVER_FAILED,     /* likewise, with a fault */
    MR_SERVER_WAITING,    /* to be answered later */
    MR_SERVER_FAULTING,   /* a fault is to be written when there is room for it */
    MR_SERVER_REPLYING,   /* its reply is being sent */
};

struct mr_server_slot {
    mr_server_call call;          /* what bodies see; first */
    mr_server *server;            /* NULL once it is freed */
    struct mr_server_conn *conn;  /* NULL once nobody waits for the answer */
    struct mr_server_group *group;
    struct mr_server_slot *next, *prev; /* of the connection, the detached or the spare ones */
    enum mr_server_phase phase;
    uint32_t id;
    uint16_t opnum;
    mr_nsec began;
    uint32_t status;              /* of the fault */
    bool did_not_execute;
    size_t held;                  /* octets counted in server->held */
    const mr_server_row *row;
    mr_arena arena;
    mr_stub stub;
    mr_buf reply;
    void (*gone)(void *user, mr_server_call *call);
    void *gone_user;
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
    struct mr_server_client *client; /* NULL: not counted */
    struct mr_server_slot *calls;
    size_t held;          /* octets of its calls */
    mr_buf unread;        /* came while the association was blocked */
    mr_nsec accepted;
    mr_nsec progress;     /* when something last went forward */
    uint64_t pdu_end;     /* offset behind the last whole PDU */
    bool blocked;         /* reading rests until something frees */
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
    struct mr_server_group **groups;
    uint32_t group_size;
    uint32_t group_next;  /* where the search for a free place begins */
    uint32_t generation;  /* of group numbers */
    struct mr_server_client *clients[MR_SERVER_CLIENT_BUCKETS];
    uint64_t client_seed;
    mr_server_stats stats;
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

/* server_limit.c */
/* Counts one more connection of @peer's; *@clientp is NULL for peers that are not counted. 0,
 * MR_ERR_LIMIT, MR_ERR_MEMORY. */
int mr_server_client_join(mr_server *server, const mr_addr *peer,
                          struct mr_server_client **clientp);
void mr_server_client_leave(mr_server *server, struct mr_server_client *client);
/* Whether a call of the connection's is let through to the interface. */
bool mr_server_may_call(const struct mr_server_conn *conn, const struct mr_server_offer *offer);
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

#endif
