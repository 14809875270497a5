/*
 * The inside of a live diagnosis: the run, its operations, and what checks offer each other. A
 * check is a const row; its start function begins operations. An operation is what can be waited
 * for: it is deciding or aside, and knows how to be cut.
 */
#ifndef MSRPC_PROBE_PRIVATE_H
#define MSRPC_PROBE_PRIVATE_H

#include <msrpc/facts.h>
#include <msrpc/ifaces/names.h>
#include <msrpc/probe.h>

/* What a check waits for before it starts. */
enum probe_signal {
    PROBE_START,     /* at once */
    PROBE_ADDRESSED, /* the target's addresses are known */
    PROBE_BOUND,     /* the mapper answered a bind: probe->mapper_client */
    PROBE_ENDPOINTS, /* endpoints to probe are known */
    PROBE_KNOWN,     /* the account is known to be good, and nobody logs on any more */
    PROBE_SIGNALS,
};

struct mr_probe_check {
    const char *id;
    enum mr_phase phase;
    const char *line;
    enum probe_signal needs;
    enum probe_signal gives;   /* what others may wait for; PROBE_START: nothing */
    void (*start)(mr_probe *probe);
};

/* One thing in flight. The owner embeds it first. */
struct probe_op {
    struct probe_op *next, *prev;
    mr_probe *probe;
    const char *check;         /* id of the check it will add; in the arena */
    enum mr_phase phase;
    bool aside;
    bool remark;          /* waited for, but what it finds decides no phase */
    mr_nsec started;
    void (*cut)(struct probe_op *op); /* frees what the operation holds; no callbacks follow */
    void (*leave)(struct probe_op *op); /* an aside that the run ends without: says so. Or NULL */
    /* while its turn to connect has not come (--rate) */
    struct probe_op *next_turn;
    mr_nsec turn;
    void (*connect)(struct probe_op *op);
};

#define PROBE_IFACES 31 /* interfaces asked for in one bind; mgmt comes on top */

/* An endpoint to connect to: one TCP port with the interfaces that should answer there. */
struct probe_endpoint {
    uint16_t port;
    size_t count;
    mr_syntax ifaces[PROBE_IFACES];
};

/*
 * The account that was given. Once per run somebody logs on: whoever asks the mapper, where that
 * refuses strangers, else AUTH.LOGON. Until that ends nobody else uses the account; where it ends
 * well the logon serves every later connection, else the account is not touched again.
 */
struct probe_account {
    bool begun;
    bool asking;           /* for the mapper's sake, and nobody was told yet */
    bool refused;          /* somewhere on the host, whoever else there knows it */
    mr_logon *logon;       /* stands and was accepted; owned here */
    uint8_t mapper_level;  /* at which the mapper is asked in its name; 0: anonymously */
    uint16_t port;         /* where AUTH.LOGON tried it, and ... */
    mr_syntax iface;       /* ... what, which tells whether it is admitted there */
};

/* Who wants to ask the mapper in the account's name is told once it is known whether that may be:
 * @why NULL: p->account.mapper_level; else @status refused the account, which is known to be good,
 * or (0) it could not be used at all. */
struct probe_asker {
    void (*told)(void *user, uint32_t status, const char *why);
    void *user;
};

/* Interfaces of one port that refused a stranger, to be asked in the account's name. */
struct probe_refusal {
    struct probe_refusal *next;
    uint16_t port;
    size_t count;
    mr_syntax ifaces[PROBE_IFACES];
};

struct mr_probe {
    mr_loop *loop;
    mr_resolver *resolver;
    mr_diag *diag;
    mr_arena *arena;
    mr_probe_options options;
    enum mr_phase last_phase;      /* nothing beyond is walked */
    void (*done)(void *user, mr_probe *probe);
    void *user;
    struct probe_op *ops;
    unsigned deciding, asides;
    bool evidence;                 /* of asides is needed: something failed, or only they run */
    bool started, over;
    bool signalled[PROBE_SIGNALS];
    mr_timer finish;               /* done is told from the loop */
    mr_timer pace;                 /* due at the turn of the first in line */
    struct probe_op *turns, **turns_end;
    mr_nsec phase_start[MR_PHASE_COUNT + 1], phase_end[MR_PHASE_COUNT + 1];

    mr_probe_addr addrs[MR_PROBE_ADDRS];
    size_t addr_count;
    const char *full_name;         /* that the addresses were found under in DNS, or NULL */
    const char *dns_domain;        /* the host's, as it says itself, or NULL: or it is in none */
    const char *computer;          /* its NetBIOS name, as it says itself, or NULL */
    bool challenging;              /* it is about to say so */
    char vantage[MR_ADDR_TEXT];
    mr_client *mapper_client;      /* bound; owned here */
    size_t mapper_addr;            /* index of the address it is connected to */
    struct probe_path *mapper_refused; /* to an address where strangers may not bind, or NULL */
    unsigned mappers_open;         /* connections to it that strangers try */
    unsigned losses;               /* connections that got through because TCP repeated itself */
    unsigned losses_at[MR_PROBE_ADDRS];
    struct probe_endpoint *endpoints;
    size_t endpoint_count, next_endpoint, open_endpoints;
    struct probe_again *again, **again_end; /* interfaces to be asked for alone */
    struct probe_refusal *refusals, **refusals_end; /* not asked yet */
    unsigned admissions_open;
    struct probe_account account;
    bool starting_endpoints;
    size_t listed;
    const char *logon_who;         /* as whom it was asked; NULL: anonymous */
    mr_probe_logon logon;
};

/* Whether facts and checks of that phase are wanted. */
bool probe_wants(const mr_probe *p, enum mr_phase phase);
/* Tells that something is known: starts the checks that need it. Once per signal. */
void probe_signal(mr_probe *p, enum probe_signal signal);

/* Whether a check runs as the user has it, and whether he left it out by its name. */
bool probe_wants_check(const mr_probe *p, const char *id);
bool probe_skips_check(const mr_probe *p, const char *id);

/* The mapper refused a stranger at @addr (index): logs on and tries the account there; @asker is
 * told. False where there is no account to do so with, or no more. */
bool probe_account_ask_mapper(mr_probe *p, size_t addr, const struct probe_asker *asker);
/* The fact that the mapper denies the account (@status), or (0) could not be asked in its name. */
void probe_account_add_unanswered(mr_probe *p, const char *check, uint32_t status,
                                  const char *why);
/* The security of a connection in the name of the account, which is good; to be started at once. */
mr_client_security probe_account_security(mr_probe *p, uint8_t level);
/* The options for another client to the mapper at @addr (index): with a plain bind, in the name of
 * the account where strangers are refused. To be started at once. */
mr_client_options probe_mapper_options(mr_probe *p, size_t addr);
/* As whom that is, "LAB\\alice". */
const char *probe_account_name(const mr_probe *p);
/* The principal that tickets are for, "" where Kerberos is not wanted. */
const char *probe_account_spn(mr_probe *p);
/* Whether a connection came to nothing since the service has no key for the ticket; *@krbp is its
 * error, 0 where it told none. */
bool probe_has_other_key(const mr_logon_provider *provider, const mr_client_report *report,
                         uint32_t *krbp);
/* The fact of that, at a host that takes the ticket elsewhere. */
void probe_add_other_key(mr_probe *p, const char *check, const mr_addr *addr, uint16_t port,
                         const mr_syntax *iface, uint32_t krb);
/* checks/admitted.c: these interfaces of @port refuse strangers. They are asked in the account's
 * name once it is known to be good, if ever. */
void probe_account_ask_admission(mr_probe *p, uint16_t port, const mr_syntax *ifaces,
                                 size_t count);

/* Begins an operation of check @id (copied into the arena). */
void probe_op_begin(mr_probe *p, struct probe_op *op, const char *id, enum mr_phase phase,
                    bool aside, void (*cut)(struct probe_op *op));
/* Its outcome decides no longer: evidence only from now on. */
void probe_op_set_aside(struct probe_op *op);
/* Calls @connect at once, or when --rate allows one more connection. */
void probe_op_connect(struct probe_op *op, void (*connect)(struct probe_op *op));
/* It is over; what it holds was freed. May end the run (told later, from the loop). */
void probe_op_end(struct probe_op *op);
/* Milliseconds since it began. */
double probe_op_ms(const struct probe_op *op);

/* Adds the check of an operation: status, time and a formatted summary, with @evidence pairs. */
void probe_check(struct probe_op *op, enum mr_status status, const mr_evidence *evidence,
                 size_t evidence_count, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* The same under another id and phase, with its own time. */
void probe_check_as(struct probe_op *op, const char *id, enum mr_phase phase, double ms,
                    enum mr_status status, const mr_evidence *evidence, size_t evidence_count,
                    const char *fmt, ...) __attribute__((format(printf, 8, 9)));

/* Memory is out: the run goes on with what it has, and its diag says so when it is run. */
void probe_no_memory(mr_probe *p);
/* Whether @result is a failure of ours, which says nothing about the peer; notes it likewise. */
bool probe_own_failure(mr_probe *p, int result);

/* Text in the arena; "" when memory is out. */
const char *probe_text(mr_probe *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *probe_addr_text(mr_probe *p, const mr_addr *addr);
/* "samr", or the UUID; and the Windows service behind it that can be restarted, NULL when none is
 * known. */
const char *probe_iface(mr_probe *p, const mr_syntax *syntax);
const char *probe_service(const mr_syntax *syntax);

/* Notes the local address that talks to @remote, if none is noted yet. */
void probe_set_vantage(mr_probe *p, const mr_addr *remote);
/* The options for a client to @addr:@port. */
mr_client_options probe_client_options(const mr_probe *p, const mr_addr *addr, uint16_t port);
/* report.c: facts of how a client's connect went, and the check "TCP.port". True when open. */
bool probe_add_connect(struct probe_op *op, const mr_client_report *report, const mr_addr *addr,
                       uint16_t port, enum mr_fact_role role);
/* What TCP had to send again to get through, as a fact: the path loses packets. A single segment is
 * no evidence, since TCP also repeats what was merely acknowledged late. */
void probe_add_loss(mr_probe *p, const char *check, const mr_addr *addr, uint16_t port,
                    enum mr_fact_role role, uint32_t segments, uint32_t syns);
/* The same of the SYNs of a connection that opened. */
void probe_add_syn_loss(mr_probe *p, const char *check, const mr_addr *addr, uint16_t port,
                        enum mr_fact_role role, const mr_attempt *attempt);
/* Facts of a secure channel that was not to be had, and how it is told. */
struct mr_logon_seen;
const char *probe_add_channel(const struct mr_logon_seen *seen, int result, const mr_error *err);
/* A conversation as @report and @result tell it: fills @talk's end, when, acked, reason, ... */
void probe_read_talk(const mr_client_report *report, int result, const mr_error *err,
                     mr_talk_seen *talk);
/* A few words for people about how a talk ended: "reset after the bind". In the arena. */
const char *probe_talk_text(mr_probe *p, const mr_talk_seen *talk, const mr_error *err);
/* The same without a run; "" without memory. */
const char *probe_talk_words(mr_arena *arena, const mr_talk_seen *talk, const mr_error *err);

#endif
