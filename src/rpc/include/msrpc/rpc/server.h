/*
 * The server face (MS-RPCE 3.3.3, C706 9.3): endpoints that listen, interfaces that are reached
 * through them, and calls that bodies answer at once or later.
 *
 * A server belongs to one mr_loop and its thread. Bodies run inside mr_loop_run and must not
 * block it; one that needs time returns MR_SERVER_LATER and is answered later, from any thread.
 * Bodies that do block belong to an interface that is `threaded`, and run in the server's workers.
 * Calls that carry the same context handle run one after the other, as they came; those of
 * `concurrent` interfaces run together, as readers of the handle beside writers.
 * Whatever a client does costs at most what the options say and never ends the server.
 *
 * From foo.idl idlc makes foo_server.h: a struct of typed bodies, one member per method, and a row
 * per method that calls it:
 *
 *   struct P_server { int (*Method)(mr_server_call *call, struct P_Method *args); };
 *   static const mr_server_row P_rows[] = {{0, P_Method_serve}};
 *
 * A body returns 0 (answer with the [out] parameters in @args now), one of enum mr_server_outcome,
 * or a negative result, which becomes a fault: MR_ERR_NOT_FOUND nca_s_op_rng_error (there is no
 * body), MR_ERR_MEMORY and MR_ERR_LIMIT nca_s_fault_remote_no_memory, any other nca_s_fault_unspec.
 */
#ifndef MSRPC_RPC_SERVER_H
#define MSRPC_RPC_SERVER_H

#include <msrpc/engine.h>
#include <msrpc/io.h>
#include <msrpc/ndr.h>
#include <msrpc/wire/pac.h>

typedef struct mr_server mr_server;
typedef struct mr_server_endpoint mr_server_endpoint;
typedef struct mr_server_call mr_server_call;

enum mr_server_outcome {
    MR_SERVER_LATER = 1,   /* mr_server_reply or mr_server_fault follows from elsewhere */
    MR_SERVER_FAULTED = 2, /* mr_server_fault was called: return mr_server_fault(call, ...) */
};

/* A method that is served. */
typedef struct mr_server_row {
    uint16_t opnum;
    int (*serve)(const void *bodies, mr_server_call *call, void *args);
} mr_server_row;

/* Fault statuses a server gives (C706 appendix E, MS-RPCE 2.2.2.8). */
enum mr_fault_status {
    MR_FAULT_ACCESS_DENIED = 0x00000005,
    MR_FAULT_NDR = 0x000006f7,              /* RPC_X_BAD_STUB_DATA */
    MR_FAULT_OP_RNG_ERROR = 0x1c010002,
    MR_FAULT_UNK_IF = 0x1c010003,
    MR_FAULT_PROTO_ERROR = 0x1c01000b,
    MR_FAULT_SERVER_TOO_BUSY = 0x1c010014,
    MR_FAULT_CANCEL = 0x1c00000d,           /* it took too long */
    MR_FAULT_UNSPEC = 0x1c000012,
    MR_FAULT_CONTEXT_MISMATCH = 0x1c00001a, /* no such context handle */
    MR_FAULT_REMOTE_NO_MEMORY = 0x1c00001b,
};

/* Who calls, as the security context of the call proved it. Strings are UTF-8, never NULL, "" when
 * not told. What a Kerberos client is called stands in @principal and @realm; its account, domain
 * and SIDs are the KDC's word (MS-PAC), verified with the server's key. */
typedef struct mr_server_caller {
    const char *mechanism;  /* "" without a security context */
    uint8_t type;           /* enum mr_auth_type */
    uint8_t level;          /* enum mr_auth_level; CALL counts as PACKET */
    bool anonymous;         /* nobody: no security context, or a null session */
    bool header_sign;       /* was agreed */
    const char *user, *domain;      /* account, and its NetBIOS domain where that is known */
    const char *principal, *realm;  /* "alice@LAB.TEST", "LAB.TEST" */
    const mr_sid *sids;             /* its own, then those of its groups */
    size_t sid_count;               /* 0: nobody who may say so told them */
} mr_server_caller;

/* Makes the acceptors of one authentication type, one for every security context that a client
 * begins. Called in the loop's thread, but for the steps of those it makes when @blocking. */
typedef struct mr_server_acceptor {
    uint8_t type;           /* enum mr_auth_type */
    bool blocking;          /* its steps may wait for somebody: threads beside the loop take them;
                             * @give may come from there, too */
    /* Makes a provider, and with it @loginp, which the functions below are given. 0, or a negative
     * result: the client is refused. */
    int (*make)(void *user, uint8_t level, void **loginp, mr_security **securityp, mr_error *err);
    /* Frees both; may be NULL. */
    void (*give)(void *user, void *login);
    /* The context stands: fills anonymous, the names and the SIDs, all *borrowed* until the next
     * call with @login; may be NULL. */
    void (*describe)(void *user, void *login, mr_server_caller *callerp);
    /* Why it does not stand; "" when nothing failed; may be NULL. */
    const char *(*why)(void *user, void *login);
    void *user;
} mr_server_acceptor;

/* RestrictRemoteClients: which anonymous calls that come by network are refused with
 * MR_FAULT_ACCESS_DENIED. Callers on a local socket always authenticate. */
enum mr_restrict {
    MR_RESTRICT_NONE = 0,    /* none */
    MR_RESTRICT_DEFAULT = 1, /* those to interfaces that do not ask for them */
    MR_RESTRICT_HIGH = 2,    /* all */
};

/* Who may call an interface. */
typedef struct mr_server_access {
    bool anonymous;    /* also strangers, under MR_RESTRICT_DEFAULT
                        * (RPC_IF_ALLOW_CALLBACKS_WITH_NO_AUTH) */
    uint8_t min_level; /* MR_AUTH_LEVEL_*: calls below are refused; 0: none */
} mr_server_access;

/* Something that a server's keeper may want to read of. */
enum mr_server_notice {
    MR_NOTICE_CONNECTED,
    MR_NOTICE_CLOSED,         /* by the client, or by us when all was said */
    MR_NOTICE_BROKE,          /* the connection broke */
    MR_NOTICE_REFUSED,        /* max_connections */
    MR_NOTICE_REFUSED_CLIENT, /* max_per_client */
    MR_NOTICE_NO_ASSOCIATION, /* max_groups, or an association group that is not there */
    MR_NOTICE_PROTOCOL,       /* not what the protocol allows: closed */
    MR_NOTICE_SLOW,           /* bind_timeout or stall_timeout: closed */
    MR_NOTICE_IDLE,           /* idle_timeout: closed */
    MR_NOTICE_LOGON,          /* a client did not prove who it is */
    MR_NOTICE_ACCEPT,         /* a connection cannot be accepted, out of descriptors or memory */
};

/* A call that was answered. */
typedef struct mr_server_record {
    const struct mr_server_iface *served; /* NULL: no such interface */
    uint16_t opnum;
    uint32_t status;       /* of the fault; 0: a reply */
    bool denied;           /* for want of authentication: no body saw it */
    size_t in, out;        /* octets of the stubs */
    mr_nsec time;          /* from its first fragment to the answer */
    const mr_addr *peer;
    const mr_server_caller *caller;
} mr_server_record;

/* Told what happens; members may be NULL. Neither may free or drain the server. */
typedef struct mr_server_watcher {
    void (*answered)(void *user, const mr_server_record *record);
    /* @text says more, or is empty. */
    void (*noticed)(void *user, enum mr_server_notice what, const mr_server_endpoint *endpoint,
                    const mr_addr *peer, const char *text);
} mr_server_watcher;

/* Limits; a zero means the default in brackets. */
typedef struct mr_server_options {
    uint32_t max_connections; /* [4096] more are closed as they come */
    uint32_t max_per_client;  /* [a quarter of max_connections] of one IPv4 address or IPv6 /64;
                               * those from loopback are not counted */
    uint32_t max_groups;      /* [max_connections] association groups */
    uint16_t max_calls;       /* [64] in flight on one connection */
    uint16_t max_handles;     /* [256] context handles of one association group */
    uint16_t frag;            /* octets of a fragment; [MR_ASSOC_FRAG_DEFAULT] */
    size_t stub_cap;          /* octets of a request stub [4 MiB, MS-RPCE 3.3.3.5] */
    size_t reply_cap;         /* octets of a reply stub [16 MiB] */
    size_t budget;            /* octets of stubs held for one connection [16 MiB] */
    size_t group_budget;      /* octets of stubs held for one association group [32 MiB] */
    size_t total;             /* octets of stubs held for all of them [256 MiB] */
    size_t client_budget;     /* octets of stubs held for one client [half of total] */
    size_t quantum;           /* what one client gets done before it is the others' turn: octets of
                               * requests and replies, 1 KiB more per PDU, 4 KiB per
                               * read [256 KiB] */
    mr_nsec bind_timeout;     /* from accepting to the bind's answer [10 s] */
    mr_nsec stall_timeout;    /* a begun PDU or request, or a reply nobody reads, stands [30 s] */
    mr_nsec idle_timeout;     /* bound, no call in flight [15 min]; MR_NSEC_NEVER: for ever */
    mr_nsec call_timeout;     /* from a request's end to its answer [none]: then the client hears
                               * MR_FAULT_CANCEL, or MR_FAULT_SERVER_TOO_BUSY when its body was not
                               * even begun; a body that runs goes on unheard */
    unsigned threads;         /* workers for the bodies of threaded interfaces; [none: the loop runs
                               * them]. While one overruns its call's time, another thread takes
                               * its place, up to as many again. Fixed from mr_server_new on */
    /* A client that may asks for the end (stop_server_listening); NULL: mr_server_drain. From a
     * body. */
    void (*stop)(void *user, mr_server *server);
    void *stop_user;
    enum mr_restrict restrict_remote;
    const mr_server_acceptor *acceptors; /* borrowed; the first of a type counts */
    size_t acceptor_count;    /* [none: clients that authenticate are refused] */
    const mr_server_watcher *watcher; /* borrowed; may be NULL */
    void *watcher_user;
} mr_server_options;

/* Counted since the server began (rpc_mgmt statistics, C706 appendix Q). */
typedef struct mr_server_stats {
    uint64_t calls_in;
    uint64_t calls_out;
    uint64_t pdus_in;
    uint64_t pdus_out;
    uint64_t octets_in;
    uint64_t octets_out;
    uint64_t faults;
    uint64_t expired;             /* calls that call_timeout ended */
    uint64_t denied;              /* faults for want of authentication */
    uint64_t connections;         /* accepted */
    uint64_t refused;             /* closed for max_connections, or without memory */
    uint64_t refused_client;      /* closed for max_per_client */
    uint64_t timeouts;            /* closed for slowness or idleness */
    uint64_t protocol_errors;     /* closed for what the protocol does not allow */
    uint32_t connections_now;
    uint32_t calls_now;           /* begun and not answered */
    uint32_t groups_now;
    size_t held;                  /* octets of stubs */
} mr_server_stats;

/* Replies kept as octets, for an interface that is asked the same again and again. @stub is the
 * request's; together with the call's procedure, format, object and local address it is all that a
 * kept reply may depend on. */
typedef struct mr_server_memo {
    /* Whether the reply is known: the request is not even decoded then. @replyp is lent and stays
     * as it is until @lentp is given back. */
    bool (*find)(void *user, mr_server_call *call, mr_slice stub, mr_slice *replyp, void **lentp);
    /* The call that it was lent to is over. @lent may outlive @user. */
    void (*give)(void *lent);
    /* A body has answered at once with @reply, which may be kept (a copy of it, that is). */
    void (*add)(void *user, mr_server_call *call, mr_slice stub, mr_slice reply);
} mr_server_memo;

/* An interface as an endpoint offers it. */
typedef struct mr_server_iface {
    const mr_iface *iface;     /* borrowed, as rows and bodies */
    const mr_server_row *rows; /* in order of their opnums */
    size_t row_count;
    const void *bodies;        /* struct P_server */
    void *user;                /* handed on as call->user */
    const mr_server_memo *memo; /* may be NULL; borrowed */
    mr_server_access access;
    bool threaded;             /* bodies may run in any thread, several at a time */
    uint64_t in_loop;          /* but not these: bit N is opnum N */
    bool concurrent;           /* its calls share a context handle with each other */
} mr_server_iface;

/* A call as its body sees it; read only. It lives until it is answered. */
struct mr_server_call {
    const mr_server_iface *served;
    const mr_proc *proc;
    void *user;               /* of the interface */
    void *args;               /* zeroed before the [in] parameters were decoded into it */
    mr_arena *arena;          /* lives as long as the call; for the [out] parameters */
    mr_server_endpoint *endpoint; /* NULL once the client or the server is gone: after the body,
                                   * this and @served are for the loop's thread */
    mr_ndr_format format;     /* of the request */
    bool has_object;
    mr_uuid object;           /* nil without one */
    mr_addr peer, local;      /* the connection's ends; MR_FAMILY_UNIX for ncalrpc */
    mr_credentials cred;      /* of an ncalrpc peer */
    mr_server_caller caller;  /* as long as @arena */
    uint32_t assoc_group;
};

/* Makes a server without endpoints on @loop (*borrowed*); @options is copied. 0, MR_ERR_MEMORY, or
 * MR_ERR_SYSTEM without randomness or threads. */
int mr_server_new(mr_loop *loop, const mr_server_options *options, mr_server **serverp,
                  mr_error *err);
/* Closes everything. Calls that are to be answered later are told to be gone; bodies that run in
 * workers are cancelled and waited for. Not from a body.
 * NULL is allowed. */
void mr_server_free(mr_server *server);

/* Listens on one more TCP address, or with options->path on a local socket (ncalrpc), whose
 * connections may be idle for ever; *@endpointp lives as long as the server. What
 * mr_listener_open returns, or MR_ERR_MEMORY. */
int mr_server_add_endpoint(mr_server *server, const mr_listen_options *options,
                           mr_server_endpoint **endpointp, mr_error *err);
/* Offers an interface on @endpoint (@served is copied). One with the same UUID and major version
 * that is there already is MR_ERR_ARGUMENT. */
int mr_server_add_iface(mr_server_endpoint *endpoint, const mr_server_iface *served,
                        mr_error *err);

/* Changes who may call an interface offered there. 0 or MR_ERR_NOT_FOUND. */
int mr_server_set_access(mr_server_endpoint *endpoint, const mr_syntax *interface,
                         const mr_server_access *access);
/* Stops listening there; connections that stand live on. */
void mr_server_endpoint_close(mr_server_endpoint *endpoint);
/* Changes the limits, for what comes from now on, and restrict_remote; @options says them all
 * and is copied, but for its threads. max_handles holds for new association groups. */
void mr_server_set_options(mr_server *server, const mr_server_options *options);

/* Where it listens; the port is the bound one. */
const mr_addr *mr_server_endpoint_get_local(const mr_server_endpoint *endpoint);
/* The path of a local socket; NULL for TCP. */
const char *mr_server_endpoint_get_path(const mr_server_endpoint *endpoint);
/* The interface with that index, in the order they were added; NULL past the end. */
const mr_server_iface *mr_server_endpoint_get_iface(const mr_server_endpoint *endpoint,
                                                    size_t index);
mr_server *mr_server_endpoint_get_server(const mr_server_endpoint *endpoint);
void mr_server_get_stats(const mr_server *server, mr_server_stats *statsp);

/* Ends the server as mr_server_options.stop wants it; false when it is ending already. */
bool mr_server_stop(mr_server *server);
/* Stops listening and taking new calls (a fault, not executed: too busy) and binds (temporary
 * congestion), lets calls in flight be answered, asks each client that has none left to go (a
 * shutdown PDU, C706 12.6.4.11) and closes its connection; @done (may be NULL)
 * is called when the last one is closed. */
void mr_server_drain(mr_server *server, void (*done)(void *user), void *user);

/*
 * What a call's body and whoever answers it may use from any thread, as the context handles below:
 * its arena and args are that thread's alone until it is answered. Everything else of the server
 * belongs to the loop's thread.
 */

/* Answers a call that was to be answered later, with the [out] parameters in its args. The call
 * has ended, and is freed, when either returns; when the client is gone that is all that happens.
 * May come before the body has returned MR_SERVER_LATER. Inside a body mr_server_fault returns
 * MR_SERVER_FAULTED for the body to return, and the call lives until then. */
void mr_server_reply(mr_server_call *call);
int mr_server_fault(mr_server_call *call, uint32_t status);
/* The client has asked to cancel the call, or nobody waits for its answer any more: a body that
 * takes long asks at times, and answers with what it has. */
bool mr_server_is_cancelled(const mr_server_call *call);
/* @gone is called when nobody waits for the answer any more: the connection ended, the client
 * orphaned the call, its time is over, or the server is being freed. The call must still be
 * answered, which may happen inside. It comes in the loop's thread, once, and not while the body
 * runs; an answer that is given by another thread before it spares it. */
void mr_server_set_gone(mr_server_call *call, void (*gone)(void *user, mr_server_call *call),
                        void *user);

/*
 * Context handles (C706 6.1.6): names for objects of the server's, valid in one association group.
 * When its last connection and call are over, every handle left is run down, once.
 */
typedef struct mr_server_handle_type {
    const char *name;
    void (*rundown)(void *object);
} mr_server_handle_type;

/* Who calls: MR_PROTSEQ_NCACN_IP_TCP with an address, or MR_PROTSEQ_NCALRPC with the process. */
typedef struct mr_server_peer {
    enum mr_protseq protseq;
    mr_addr addr, local;
    mr_credentials cred;
} mr_server_peer;

void mr_server_call_get_peer(const mr_server_call *call, mr_server_peer *peerp);

/* Names @object (*takes* it until it is removed or run down). 0, MR_ERR_LIMIT, MR_ERR_MEMORY,
 * MR_ERR_STATE once the server is freed; after an error the object is the caller's. */
int mr_server_add_handle(mr_server_call *call, const mr_server_handle_type *type, void *object,
                         mr_ndr_context *handlep);
/* The object behind @handle; NULL when this group has no such handle of @type. */
void *mr_server_find_handle(const mr_server_call *call, const mr_server_handle_type *type,
                            const mr_ndr_context *handle);
/* Forgets the handle, sets *@handle to null and returns its object, which is the caller's again and
 * not run down; NULL as above. */
void *mr_server_remove_handle(mr_server_call *call, const mr_server_handle_type *type,
                              mr_ndr_context *handle);
/* As above, for the handle of @type that this group has had longest; NULL when it has none. */
void *mr_server_remove_oldest_handle(mr_server_call *call, const mr_server_handle_type *type);
/* The first object of @type that this group has a handle for, whatever its name; NULL when there
 * is none. So a server keeps something with the group that no client can name. */
void *mr_server_find_object(const mr_server_call *call, const mr_server_handle_type *type);

#endif
