/*
 * Live diagnosis of one target: the checks of checks.list, run as soon as what they need is known
 * and as many at once as sense allows. Checks add what they see to an mr_diag as checks and facts;
 * what it means is for the rules to say.
 *
 *   names -> addresses -> mapper's port and neighbours -> mapper -> every endpoint: connect, bind,
 *   one harmless call
 *
 * Who refuses strangers is asked again in the name of the account, if one was given.
 *
 * A probe of something that only serves as evidence (a neighbouring port, a PTR record) is not
 * waited for unless a failure makes its evidence needed.
 */
#ifndef MSRPC_PROBE_H
#define MSRPC_PROBE_H

#include <msrpc/diag.h>
#include <msrpc/rpc.h>

#define MR_PROBE_ADDRS 32
#define MR_PROBE_AT_ONCE 64 /* endpoints probed together */
#define MR_PROBE_LIST 64

typedef struct mr_probe mr_probe;

/* What became of a logon. */
enum mr_probe_verdict {
    MR_PROBE_VERDICT_NONE,    /* none was made, or nobody judged it */
    MR_PROBE_VERDICT_GOOD,
    MR_PROBE_VERDICT_REFUSED,
};
/* Whether an account that several targets share may be tried. */
enum mr_probe_gate {
    MR_PROBE_GATE_OPEN,
    MR_PROBE_GATE_WAIT,       /* not yet: ask again */
    MR_PROBE_GATE_CLOSED,     /* it was refused before */
};

typedef struct mr_probe_options {
    const char *host;          /* name or literal; *borrowed*, like everything here */
    const char *target_ip;     /* connect here instead, NULL: resolve the host */
    uint16_t mapper_port;      /* 0: 135 */
    enum mr_family family;     /* ANY: both */
    bool has_interface;        /* diagnose this interface only */
    mr_syntax interface;
    bool has_endpoint;         /* do not ask the mapper: the interface listens at this port */
    uint16_t endpoint;
    uint16_t source_port;
    mr_nsec timeout;           /* one probe with its retries */
    unsigned tries;            /* SYNs */
    bool dns_server_given;     /* the resolver was set to one server by the user */
    mr_pace *pace;             /* of new connections; *borrowed*; NULL: no limit */
    mr_slice skip[MR_PROBE_LIST], only[MR_PROBE_LIST];
    size_t skip_count, only_count;
    bool phases[MR_PHASE_COUNT + 1]; /* phases to walk; all false: all */
    /* The account, and how and whom it is logged on to; NULL: anonymous. One logon is made, at the
     * mapper where that refuses strangers, else once there is an endpoint to try it at; a refusal
     * is the end of it. Where it is good it is used wherever strangers are refused. */
    const mr_logon_options *logon;
    const char *identity;      /* its name for people, "LAB\\alice" */
    bool no_null;              /* nothing is called anonymously */
    /* May be NULL: asked before the logon, and told what came of it, once for each OPEN, but not
     * when the probe is freed before. */
    enum mr_probe_gate (*may_log_on)(void *user);
    void (*judged)(void *user, enum mr_probe_verdict verdict);
    /* May be NULL: told whose tickets there are ("alice@LAB.TEST") before a server sees them; false
     * ends the logon, with nobody judged. */
    bool (*is_wanted)(void *user, const char *client);
    void *judged_user;
} mr_probe_options;

/* A live check, one file each. */
typedef struct mr_probe_check mr_probe_check;

/* The checks in the order of checks.list: id, phase and one line for --list-checks; NULL past the
 * end. */
const mr_probe_check *mr_probe_check_at(size_t i);
const char *mr_probe_check_id(const mr_probe_check *check);
enum mr_phase mr_probe_check_phase(const mr_probe_check *check);
const char *mr_probe_check_line(const mr_probe_check *check);

/* What became of an address of the target. */
typedef struct mr_probe_addr {
    mr_addr addr;
    enum mr_reach reach; /* of the mapper's port */
} mr_probe_addr;

/* Makes a probe on @loop with @resolver (both borrowed); @options is copied, what it points to
 * borrowed; facts go into @diag, memory comes from @diag's arena. 0, MR_ERR_MEMORY or
 * MR_ERR_ARGUMENT. */
int mr_probe_new(mr_loop *loop, mr_resolver *resolver, mr_diag *diag,
                 const mr_probe_options *options, mr_probe **probep, mr_error *err);
/* Begins; @done comes once everything that decides is known. */
int mr_probe_start(mr_probe *probe, void (*done)(void *user, mr_probe *probe), void *user,
                   mr_error *err);
/* Cuts what still runs; what is known stays in the diag. NULL is allowed. */
void mr_probe_free(mr_probe *probe);

/* Adds checks that never came to an end as unknown; before the diag is run on a cut probe. */
void mr_probe_cut(mr_probe *probe, const char *why);

const mr_probe_addr *mr_probe_get_addrs(const mr_probe *probe, size_t *countp);
/* The local address that was used, "" before one was. */
const char *mr_probe_get_vantage(const mr_probe *probe);

/* As whom it was asked: what the KDC calls the account, else the name given with it; NULL:
 * anonymous, also where it did not come to a logon. */
const char *mr_probe_get_identity(const mr_probe *probe);

/* The logon: @made once it was begun. Strings are *borrowed* until the probe is freed. */
typedef struct mr_probe_logon {
    bool made;
    enum mr_probe_verdict verdict;
    const char *mechanism;   /* that stood in the end: "Kerberos", "NTLM"; NULL: none did */
    bool negotiated;         /* by SPNEGO */
    uint8_t level;           /* enum mr_auth_level */
    const char *fallback;    /* why it was not Kerberos; NULL: no fallback */
    bool kdc_silent;         /* the target itself was asked as KDC over TCP, in vain */
} mr_probe_logon;
const mr_probe_logon *mr_probe_get_logon(const mr_probe *probe);

#endif
