/*
 * A survey of one endpoint: which interfaces are behind it. The server may tell itself (mgmt
 * inq_if_ids, C706 appendix Q); where it does not, interfaces are asked for one by one, as many
 * presentation contexts in one bind and in each alter_context as the server takes, all on one
 * connection (C706 12.6.4.1, MS-RPCE 3.3.1.5.3).
 *
 * Only "abstract syntax not supported" means that an interface is absent. Any other rejection is
 * asked again, in smaller company and at last alone: some servers accept one context of a PDU and
 * answer "transfer syntaxes not supported" to the other interfaces they have. What is still
 * rejected then is unknown. An interface that nobody has is asked for too: where it is accepted,
 * being accepted tells nothing, and probing is given up. A server that breaks off is asked again
 * with fewer contexts on a new connection, from where it stopped.
 */
#ifndef MSRPC_RPC_SURVEY_H
#define MSRPC_RPC_SURVEY_H

#include <msrpc/rpc/client.h>

#define MR_SURVEY_LISTED_MAX 4096 /* interfaces taken from one inq_if_ids */
#define MR_SURVEY_STATS 4         /* RPC_C_STATS_* of inq_stats */
#define MR_SURVEY_PRINCS 3

enum mr_survey_method {
    MR_SURVEY_AUTO,  /* mgmt; probing where mgmt does not tell */
    MR_SURVEY_MGMT,  /* mgmt alone */
    MR_SURVEY_PROBE, /* probing alone */
    MR_SURVEY_BOTH,  /* both, so that they can be compared */
};

/* What probing told of an interface. */
enum mr_survey_answer {
    MR_SURVEY_NOT_ASKED,
    MR_SURVEY_PRESENT, /* accepted */
    MR_SURVEY_ABSENT,  /* abstract syntax not supported */
    MR_SURVEY_UNKNOWN, /* rejected otherwise, or the server broke off */
};

typedef struct mr_survey_iface {
    mr_syntax syntax;      /* as mgmt lists it, else as it was asked for last */
    bool listed;           /* by mgmt */
    enum mr_survey_answer probe;
    bool answered;         /* UNKNOWN: rejected with @result and @reason; false: never answered */
    uint16_t result;       /* enum mr_context_result of the last answer */
    uint16_t reason;
    uint16_t minor;        /* private: asked for after minor 0 was */
} mr_survey_iface;

/* What mgmt told. */
enum mr_survey_mgmt {
    MR_SURVEY_MGMT_NOT_ASKED,
    MR_SURVEY_MGMT_LISTED,
    MR_SURVEY_MGMT_REJECTED, /* the bind to mgmt was rejected */
    MR_SURVEY_MGMT_REFUSED,  /* inq_if_ids gave a fault or a status, see mgmt_error */
    MR_SURVEY_MGMT_FAILED,   /* the call was not answered properly, see mgmt_error */
};

typedef struct mr_survey_princ {
    uint32_t authn;          /* RPC_C_AUTHN_*: 9 SPNEGO, 10 NTLM, 16 Kerberos */
    const char *name;        /* in the survey's arena */
} mr_survey_princ;

typedef struct mr_survey_options {
    mr_client_options client;   /* where; its assoc_group and bind style are not used */
    enum mr_survey_method method;
    const mr_syntax *guesses;   /* to probe for: distinct; *borrowed* until the outcome */
    size_t guess_count;
    uint32_t batch;             /* contexts in one PDU at most; 0: as many as fit */
    bool details;               /* also inq_stats and inq_princ_name where mgmt answers */
} mr_survey_options;

/* Caller-owned. Above "private" its fields may be read at any time, also before the outcome. */
typedef struct mr_survey mr_survey;
struct mr_survey {
    mr_survey_iface *ifaces;   /* mgmt first, then the guesses in their order, then what only
                                * inq_if_ids named; in the survey's arena */
    size_t count;
    enum mr_survey_mgmt mgmt;
    mr_error mgmt_error;
    bool indiscriminate;       /* accepts whatever is asked for; cut is set too */
    bool cut;                  /* gave up before everything was asked, see cut_error */
    mr_error cut_error;
    unsigned connections, pdus; /* binds and alter_contexts sent */
    bool connected;            /* TCP stood at least once */
    mr_attempt attempt;        /* the last TCP connect */
    uint32_t stats[MR_SURVEY_STATS];
    uint32_t stat_count;
    mr_survey_princ princs[MR_SURVEY_PRINCS];
    size_t princ_count;
    void (*done)(void *user, mr_survey *survey, int result, const mr_error *err);
    void *user;
    struct mr_survey_state *state; /* private */
};

/* Prepares a survey on @loop (borrowed); @options is copied, its guesses are not. Returns 0 or
 * MR_ERR_MEMORY. */
int mr_survey_init(mr_survey *survey, mr_loop *loop, const mr_survey_options *options,
                   mr_error *err);
/* Ends it, under way or not; no callback follows. A zeroed survey may be deinitialised. */
void mr_survey_deinit(mr_survey *survey);
/* Begins; survey->done tells the outcome once: 0, also when mgmt refused and probing found
 * nothing; what mr_client_start gives when the endpoint does not answer as RPC at all; with
 * MR_SURVEY_MGMT what mgmt_error holds when it does not tell. An error returned here is the only
 * word. */
int mr_survey_start(mr_survey *survey, mr_error *err);

#endif
