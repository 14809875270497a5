/* msrpc ping, inside: calls timed on one connection, and the matrix of endpoints and binds. */
#ifndef MSRPC_APP_PING_H
#define MSRPC_APP_PING_H

#include "verdict.h"

#include <msrpc/ifaces/mgmt.h>
#include <msrpc/ifaces/rpcecho.h>

struct ping_options {
    const char *interface, *object;
    uint32_t count, mapper_port;
    mr_nsec interval;
    bool matrix, stats;
};

#define PING_COUNT_DEFAULT 4
#define PING_COUNT_MAX 1000000
#define PING_STATS 4 /* calls in, calls out, packets in, packets out (C706 appendix Q) */

/* One call that was tried. */
struct ping_call {
    double ms;         /* < 0: no answer */
    uint32_t fault;    /* the answer was this fault */
    const char *error; /* why there was no answer */
};

/* How a bind went, for --matrix. */
enum ping_bind {
    PING_BIND_UNKNOWN, /* not tried */
    PING_BIND_BOUND,
    PING_BIND_REJECTED,
    PING_BIND_REFUSED,
    PING_BIND_FILTERED,
    PING_BIND_UNREACHABLE,
    PING_BIND_MUTE,
    PING_BIND_FAILED,
};

struct ping;

/* One bind of the matrix. */
struct ping_cell {
    struct ping *ping;
    mr_addr remote;
    enum mr_bind_style style;
    mr_client *client;
    enum ping_bind bind;
    bool ndr64;          /* bound, and NDR64 was accepted */
    uint16_t features;   /* bound, and these bind-time features were */
    const char *reason;  /* in the app's arena, or NULL */
};
#define PING_STYLES 2    /* of each endpoint: plain, then Windows */

/* How one mechanism at one level went. */
enum ping_secure_result {
    PING_SECURE_NOT_TRIED,
    PING_SECURE_ACCEPTED, /* a call was answered */
    PING_SECURE_REFUSED,  /* the server said no, or the peers did not come to terms */
    PING_SECURE_FAILED,   /* anything else */
};
struct ping_secure {
    enum ping_secure_result result;
    uint32_t fault;       /* it was refused by this one, or 0 */
    const char *reason;   /* why not, in the app's arena, or NULL */
    const mr_finding *finding; /* what that means, or NULL */
};
#define PING_MECHANISMS 6 /* rows; the first, no security at all, has its result in column 0 */
#define PING_LEVELS 4     /* columns */

struct ping {
    app_session *s;
    const struct ping_options *options;
    const app_target *target;
    mr_syntax interface;
    const mr_uuid *object;     /* NULL: none */
    /* what was found */
    bool bound;
    mr_addr remote;
    double connect_ms, bind_ms;
    const char *method;        /* what was called, NULL: nothing */
    struct ping_call *calls;
    uint32_t count, lost;      /* calls tried; of them without an answer */
    bool unsigned_faults;      /* the only answers of a session that was to be signed */
    double min, median, p99, max;
    uint32_t stats[PING_STATS], stat_count;
    const char *stats_error;
    struct ping_cell *cells;   /* PING_STYLES for each endpoint */
    size_t cell_count;
    mr_addr secure_at;         /* the endpoint whose security was tried */
    struct ping_secure *secure; /* secure_rows * PING_LEVELS; NULL: none was */
    unsigned secure_rows;       /* the last of PING_MECHANISMS is for machine accounts */
};

/* What is called, see ping_choose_method. */
struct ping_method {
    mr_iface nothing;      /* for the last resort: one method, whose number no interface has */
    const mr_iface *iface;
    uint32_t opnum;
    union {
        struct mr_mgmt_is_server_listening listening;
        struct mr_rpcecho_echo_AddOne add_one;
        uint8_t none;
    } args;
};

/* Chooses the harmless call for ping->interface, to which @client is bound; may ask the server for
 * mgmt beside it. Sets ping->method. 0 or an exit code, told. */
int ping_choose_method(struct ping *ping, mr_client *client, struct ping_method *method);

/* Chooses a call of ping->interface itself by an opnum that no interface has: a server judges the
 * caller first and answers who may call with nca_s_op_rng_error. @m must stay where it is. */
void ping_choose_nothing(struct ping *ping, struct ping_method *m);

/* Finds the endpoints and binds to each in both styles, all at once. 0 or an exit code. */
int ping_matrix(struct ping *ping);
const char *ping_bind_name(enum ping_bind bind);

/* ping_security.c: tries what the first endpoint that was bound to accepts. 0 or an exit code. */
int ping_security(struct ping *ping);
uint8_t ping_secure_level(unsigned column);
const char *ping_secure_title(unsigned row);
/* "none", "ntlm", "kerberos", "negotiate" and in *@innerp what is inside that one, or NULL. */
const char *ping_secure_mechanism(unsigned row, const char **innerp);
const char *ping_secure_name(enum ping_secure_result result);
/* Whether the finding of that one of ping->secure is the first of its id. */
bool ping_is_first(const struct ping *ping, size_t cell);

/* ping_show.c */
void ping_show(const struct ping *ping);
void ping_json(const struct ping *ping, mr_writer *w);

#endif
