/*
 * The client face (MS-RPCE 3.3.2): one connection to one endpoint. It connects, binds to one or
 * more interfaces and makes calls; each of the three may be waited for or answered by a callback.
 * Whatever goes wrong is kept in the report: which stage, what the network, the kernel and the
 * peer said, so that a diagnosis needs no second attempt.
 *
 * A client belongs to one mr_loop and its thread. Callbacks come from inside mr_loop_run; a client
 * may be freed inside any of them.
 */
#ifndef MSRPC_RPC_CLIENT_H
#define MSRPC_RPC_CLIENT_H

#include <msrpc/engine.h>
#include <msrpc/io.h>
#include <msrpc/ndr.h>

typedef struct mr_client mr_client;
typedef struct mr_call mr_call;

/* How far a client came. */
enum mr_stage {
    MR_STAGE_IDLE,
    MR_STAGE_CONNECT, /* TCP */
    MR_STAGE_BIND,    /* the bind, or an alter_context, is unanswered */
    MR_STAGE_READY,   /* bound, no call in flight */
    MR_STAGE_CALL,    /* calls are in flight */
    MR_STAGE_CLOSED,  /* ended by either side */
};

/* How the bind is worded. */
enum mr_bind_style {
    MR_BIND_PLAIN,   /* NDR20 only: the shortest bind, and what every server understands */
    MR_BIND_WINDOWS, /* NDR20, NDR64 and bind-time features, as Windows asks (MS-RPCE 3.3.1.5.3);
                      * some RPC-aware firewalls stumble over it */
};

/* What becomes of a provider that a worker still has: @free, with @user, in the worker's thread. */
typedef struct mr_security_release {
    void (*free)(void *user, mr_security *security);
    void *user;
} mr_security_release;

/* Who makes the security of connections, and how they are to be protected. Each connection needs a
 * provider of its own: @make gives one for every connection that begins, and gets it back when the
 * client is freed or, if @make is NULL, @provider serves the only connection there is. */
typedef struct mr_client_security {
    mr_security *provider;      /* an initiator, *borrowed* until the client is freed */
    /* Called by mr_client_start and its like. 0, or a negative result, which they return. */
    int (*make)(void *user, mr_security **securityp, mr_error *err);
    void (*give)(void *user, mr_security *security); /* may be NULL */
    /* Takes a provider out of @user's hands that cannot be given back yet: its step is with
     * @workers. NULL: @give is called once it is through, in the worker's thread. */
    mr_security_release (*detach)(void *user, mr_security *security);
    void *user;
    uint8_t level;              /* enum mr_auth_level that the provider was made for; 0 is for no
                                 * provider; MR_AUTH_LEVEL_NONE: no security at all; CALL goes out
                                 * as PACKET (MS-RPCE 2.2.1.1.8) */
    bool no_header_sign;        /* do not ask for header signing (MS-RPCE 3.3.1.5.2.2) */
    bool no_verification;       /* append no verification trailers (MS-RPCE 2.2.2.13) */
    mr_workers *workers;        /* take the steps of its negotiation, which may wait for somebody;
                                 * *borrowed*, may be NULL: the loop does */
} mr_client_security;

typedef struct mr_client_options {
    mr_connect_options connect; /* remote with its port, source, connect timeout, tries; or the
                                 * path of a local socket: ncalrpc */
    mr_nsec timeout;            /* for the answer to a bind, and to a call without one; 0: 3 s */
    enum mr_bind_style bind;
    bool ndr64;                 /* with WINDOWS: use NDR64 where the server accepts it */
    uint16_t frag;              /* largest fragment offered, octets; 0: MR_ASSOC_FRAG_DEFAULT */
    uint32_t assoc_group;       /* join this association group; 0: a new one */
    size_t stub_cap;            /* octets of one reply stub at most; 0: 64 MiB */
    mr_client_security security; /* zeroed: anonymous */
    /* The connection has ended, for whatever reason; comes last, also when nothing was in flight.
     * May be NULL; it may free the client. */
    void (*closed)(void *user, mr_client *client, int result, const mr_error *err);
    void *closed_user;
} mr_client_options;

/* What became of a presentation context. */
typedef struct mr_client_context {
    mr_syntax abstract;
    uint16_t id;
    bool answered;
    bool accepted;
    uint16_t result;            /* enum mr_context_result */
    uint16_t reason;
    enum mr_ndr_syntax syntax;  /* when accepted */
    bool verified;              /* private: the server has seen it in a verification trailer */
} mr_client_context;

/* What became of the security that was wanted. */
enum mr_auth_trouble {
    MR_AUTH_TROUBLE_NONE,
    MR_AUTH_TROUBLE_NAK,      /* the bind was refused, see nak_reason; with reason 8 or 9 for the
                               * mechanism or its token, else for anything */
    MR_AUTH_TROUBLE_FAULT,    /* a later leg or the first call was refused, see @fault */
    MR_AUTH_TROUBLE_NO_TOKEN, /* the server went on without the token that was its turn */
    MR_AUTH_TROUBLE_PROVIDER, /* our provider gave up, see the report's error and its own info */
    MR_AUTH_TROUBLE_VERIFIER, /* a PDU of the server's was changed, or is not its own */
    MR_AUTH_TROUBLE_CLOSED,   /* the connection ended before the security context stood */
};

typedef struct mr_client_auth {
    bool asked;
    const char *mechanism;    /* the provider's name */
    uint8_t type;             /* enum mr_auth_type */
    uint8_t level;            /* enum mr_auth_level, as it was sent */
    bool complete;            /* our side is content; a refusal of the last leg comes with the
                               * first call */
    bool proven;              /* a call was answered under it */
    bool header_sign;         /* was agreed */
    enum mr_auth_trouble trouble;
    uint32_t fault;           /* status of MR_AUTH_TROUBLE_FAULT: 5 (access denied), 0x721 (security
                               * package) ... */
} mr_client_auth;

/* Everything known about the last attempt; filled as things happen, never reset by an error. */
typedef struct mr_client_report {
    enum mr_stage stage;        /* where it stands, or stood when it failed */
    int result;                 /* 0, or the failure that ended the connection */
    mr_error error;             /* its detail */
    mr_attempt attempt;         /* of the TCP connect */
    bool has_tcp;
    mr_tcp_info tcp;            /* taken when it failed, or at the last mr_client_get_report */
    bool all_acked;             /* the peer's TCP acknowledged everything we sent */
    uint64_t sent, received;    /* octets of RPC */
    mr_nsec started, connected, bound; /* 0: did not happen */
    bool has_nak;
    uint16_t nak_reason;
    bool has_foreign;
    mr_event_foreign foreign;   /* what spoke instead of DCE/RPC */
    uint16_t max_xmit, max_recv; /* of the server's bind_ack */
    uint32_t assoc_group;
    uint16_t features;
    char sec_addr[64];          /* secondary address of the bind_ack */
    mr_client_auth auth;        /* of the first security context */
} mr_client_report;

/* Makes an unconnected client on @loop (borrowed). Returns 0, MR_ERR_MEMORY, MR_ERR_UNSUPPORTED. */
int mr_client_new(mr_loop *loop, const mr_client_options *options, mr_client **clientp,
                  mr_error *err);
/* Ends the connection without waiting for anybody; calls in flight end without their callback.
 * NULL is allowed. */
void mr_client_free(mr_client *client);

typedef void (*mr_client_done)(void *user, mr_client *client, int result, const mr_error *err);

/* Connects and binds to @syntax; @done (may be NULL) tells the outcome: 0, or what connecting gave
 * (see mr_stream_events.opened), MR_ERR_TIMEOUT, MR_ERR_RESET, MR_ERR_CLOSED,
 * MR_ERR_BIND_REJECTED, MR_ERR_CONTEXT_REJECTED, MR_ERR_PROTOCOL (not DCE/RPC, or broken),
 * MR_ERR_AUTH (see report.auth).
 * A rejected context leaves the connection open: another interface may be asked for. Returns at
 * once MR_ERR_ARGUMENT where the security has a provider without a level, or a level without a
 * provider; what security.make gives; MR_ERR_STATE when it was started before. */
int mr_client_start(mr_client *client, const mr_syntax *syntax, mr_client_done done, void *user,
                    mr_error *err);
/* The same with several interfaces in one bind; done is 0 when at least one was accepted, see
 * mr_client_get_context. At most MR_ASSOC_CONTEXT_MAX at once, those accepted before included. */
int mr_client_start_many(mr_client *client, const mr_syntax *syntaxes, size_t count,
                         mr_client_done done, void *user, mr_error *err);
/* Asks for more interfaces on the bound connection (alter_context). */
int mr_client_add_contexts(mr_client *client, const mr_syntax *syntaxes, size_t count,
                           mr_client_done done, void *user, mr_error *err);
/* Begins one more security context on the bound connection, by an alter_context that asks for its
 * first interface again (MS-RPCE 3.3.1.5.2). *@authp goes into mr_call.auth of the calls that are
 * to use it. The server must have granted MR_FEATURE_SECURITY_MULTIPLEXING (MR_BIND_WINDOWS asks
 * for it) and the first context must have a level of its own: MR_ERR_STATE, MR_ERR_LIMIT;
 * MR_ERR_ARGUMENT as mr_client_start gives it. */
int mr_client_add_security(mr_client *client, const mr_client_security *security,
                           mr_client_done done, void *user, uint32_t *authp, mr_error *err);
/* A step of a provider that said MR_SECURITY_PENDING can go on. */
void mr_client_resume(mr_client *client);
/* Start, and run the loop until the outcome. */
int mr_client_open(mr_client *client, const mr_syntax *syntax, mr_error *err);

/* A bound client by string binding, "ncacn_ip_tcp:host[49664]" or "ncalrpc:[/path]": resolves the
 * host and, where the binding names no endpoint, asks the host's endpoint mapper for @iface.
 * @options (may be NULL) is copied, its remote address is filled here. Runs the loop until the
 * outcome, which is the error of the first step that failed at the last address; MR_ERR_NAME,
 * MR_ERR_NOT_REGISTERED, MR_ERR_UNSUPPORTED (protocol sequence) and MR_ERR_SYNTAX among them. */
int mr_client_open_binding(mr_loop *loop, const char *binding, const mr_iface *iface,
                           const mr_client_options *options, mr_client **clientp, mr_error *err);

/* The answer to the @index-th interface asked for; NULL past the end. Borrowed. */
const mr_client_context *mr_client_get_context(const mr_client *client, size_t index);
/* Refreshes the kernel's part of the report and shows it; borrowed until the client is freed. */
const mr_client_report *mr_client_get_report(mr_client *client);

/* One call. Caller-owned; zero it, then mr_call_init. Its reply borrows from the call until the
 * next start or deinit. */
struct mr_call {
    const mr_iface *iface;
    const mr_proc *proc;
    void *args;              /* the struct @proc->args describes */
    const mr_uuid *object;   /* borrowed, may be NULL */
    mr_nsec timeout;         /* 0: the client's */
    uint32_t auth;           /* which security context; 0: the first */
    mr_arena arena;          /* referents of the reply */
    uint32_t fault;          /* status of a fault (result MR_ERR_FAULT) */
    bool did_not_execute;    /* the server says so of a fault */
    mr_slice eerr;           /* extended error information of a fault (MS-EERR), in @arena */
    size_t rest;             /* octets of the reply stub after the last parameter */
    mr_nsec sent, answered;  /* when it left and when its last fragment came; 0: did not */
    void (*done)(void *user, mr_call *call, int result, const mr_error *err);
    void *user;
    /* private */
    mr_client *client;
    mr_call *next, *prev;
    uint32_t id;
    uint16_t context;
    size_t verified;         /* place of the call id in its verification trailer; 0: none */
    bool in_flight;
    bool over;               /* a maybe call that was sent: there is no reply */
    int failed;
    mr_nsec deadline;
    mr_ndr_format format;
    mr_buf request;
    mr_stub reply;
};

/* Prepares a call of method @opnum; @iface, @args and @object are borrowed until deinit. Returns
 * 0, or MR_ERR_NOT_FOUND when the interface has no such method compiled. */
int mr_call_init(mr_call *call, const mr_iface *iface, uint32_t opnum, void *args, mr_error *err);
/* Forgets the call, in flight or not (it is orphaned then, C706 12.6.4.8); no callback follows. */
void mr_call_deinit(mr_call *call);
/* Encodes and sends; the outcome comes as call->done: 0, MR_ERR_FAULT (call->fault),
 * MR_ERR_TIMEOUT, MR_ERR_RESET, MR_ERR_CLOSED, or a decoding error. Calls beyond what the
 * connection takes at once wait their turn. On a connection that has ended it returns what ended
 * it. */
int mr_call_start(mr_call *call, mr_client *client, mr_error *err);
/* Start, and run the loop until the outcome. */
int mr_call_run(mr_call *call, mr_client *client, mr_error *err);

/* The typed face's one callee: calls method @opnum of @iface on a bound client and waits. Referents
 * of the reply live in the client's own arena until mr_client_release. */
int mr_client_call(mr_client *client, const mr_iface *iface, uint32_t opnum, void *args,
                   mr_error *err);
/* Frees the replies of all finished mr_client_call. The memory of one, 8 MiB at most, stays for the
 * next call: until the loop has run a second without one, or the connection ends. */
void mr_client_release(mr_client *client);

#endif
