/*
 * Diagnosis: facts go in, findings and a verdict come out. A set (mr_diag) holds what is known of
 * one target. Producers add checks and facts in any order; mr_diag_run applies every rule of
 * rules.list and the same facts give the same findings whatever their order was.
 *
 * Memory: everything lives *in @arena*, which the caller gives and which must outlive the set; all
 * texts passed in are copied. Errors are sticky: the first failed add is remembered and mr_diag_run
 * returns it, so a producer may ignore the results of its adds.
 */
#ifndef MSRPC_DIAG_H
#define MSRPC_DIAG_H

#include <msrpc/base/arena.h>
#include <msrpc/base/writer.h>
#include <msrpc/diag/fact.h>

#define MR_DIAG_FACTS_MAX 16384
#define MR_DIAG_CHECKS_MAX 16384
#define MR_DIAG_FINDINGS_MAX 1024
#define MR_DIAG_TEXT_MAX 1024 /* octets of one text; longer ones are cut */

enum mr_status { /* of a check or a phase */
    MR_STATUS_UNKNOWN,
    MR_STATUS_PASS,
    MR_STATUS_WARN,
    MR_STATUS_FAIL,
    MR_STATUS_SKIP,
};

enum mr_severity { MR_SEVERITY_INFO, MR_SEVERITY_WARNING, MR_SEVERITY_ERROR };
enum mr_confidence { MR_CONFIDENCE_POSSIBLE, MR_CONFIDENCE_LIKELY, MR_CONFIDENCE_CERTAIN };

enum mr_place { /* where a remedy is carried out */
    MR_PLACE_CLIENT,
    MR_PLACE_SERVER,
    MR_PLACE_DC,
    MR_PLACE_DNS,
    MR_PLACE_FIREWALL,
    MR_PLACE_NETWORK,
};
enum mr_shell { MR_SHELL_NONE, MR_SHELL_CMD, MR_SHELL_POWERSHELL, MR_SHELL_SH };

/* One remedy, ready to show. @command and @undo are NULL when it is not a command. */
typedef struct mr_remedy {
    const char *text;
    enum mr_place run_on;
    enum mr_shell shell;
    const char *command;
    const char *risk;   /* NULL: none worth naming */
    const char *undo;   /* never NULL where @risk is given */
    const char *verify; /* "msrpc ..." */
} mr_remedy;

/* The one test that tells the remaining causes apart, and how to read its result. */
typedef struct mr_branch {
    const char *result;
    const char *then;
} mr_branch;
typedef struct mr_next {
    const char *command; /* NULL: nothing to try */
    const mr_branch *branches;
    size_t branch_count;
} mr_next;

typedef struct mr_rule mr_rule; /* msrpc/diag/rule.h */
typedef struct mr_finding mr_finding;
struct mr_finding {
    const char *id; /* "TCP.DYNAMIC_FILTERED" */
    enum mr_phase phase;
    enum mr_severity severity;
    enum mr_confidence confidence;
    uint32_t win32;       /* what Windows would show; 0: nothing */
    const char *summary;  /* a few words: "a dynamic RPC port is blocked" */
    const char *cause;    /* sentences */
    const char *reference;
    const char *const *evidence; /* ids of checks or packets, sorted */
    size_t evidence_count;
    const mr_remedy *remedies;
    size_t remedy_count;
    mr_next next;
    const mr_finding *explained_by; /* the cause it folds under; NULL: stands for itself */
    const mr_rule *rule;
    size_t order;         /* of its rule in rules.list */
    mr_fact subject;      /* the fields that tell this finding from others of its rule */
};

typedef struct mr_verdict {
    const mr_finding *finding; /* NULL: no error */
    enum mr_phase phase;       /* MR_PHASE_NONE without a finding */
    const char *summary;
    int exit;                  /* 0, 1, 10, 20, 30 or 40 */
} mr_verdict;

/* One thing that was tried. */
typedef struct mr_evidence {
    const char *key;
    mr_value value; /* texts are copied by mr_diag_add_check */
} mr_evidence;
typedef struct mr_check {
    const char *id; /* "TCP.135" */
    enum mr_phase phase;
    enum mr_status status;
    bool aside;     /* evidence only (a neighbour port, a PTR): never decides its phase */
    double ms;      /* negative: not measured */
    const char *summary;
    const mr_evidence *evidence;
    size_t evidence_count;
} mr_check;

/* Fields are the set's own; use the functions. */
typedef struct mr_diag {
    mr_arena *arena;
    int error;
    const char *host;
    const char *from;
    struct mr_diag_fact *facts;
    struct mr_diag_check *checks, **checks_end;
    size_t fact_count, check_count;
    double phase_ms[MR_PHASE_COUNT + 1];
    bool phase_skip[MR_PHASE_COUNT + 1];
    const mr_fact **sorted;
    size_t sorted_count;
    size_t kind_start[MR_FACT_KINDS + 1];
    mr_finding *findings;
    size_t finding_count, finding_capacity;
    mr_verdict verdict;
    bool ran;
} mr_diag;

/* Starts an empty set *in @arena* about target @host, as seen from address @from (NULL: unknown).
 * There is nothing to deinitialise: the arena's end is the set's end. */
int mr_diag_init(mr_diag *diag, mr_arena *arena, const char *host, const char *from);

/* Adds a copy of @fact. 0; MR_ERR_ARGUMENT when a field is missing or does not belong to its kind,
 * MR_ERR_LIMIT, MR_ERR_MEMORY. Control characters in texts become '?'. */
int mr_diag_add_fact(mr_diag *diag, const mr_fact *fact);
/* The pleasant form:
 *   mr_fact_add(diag, MR_FACT_TCP_SILENT, "TCP.135", .address = a, .port = 135,
 *               .role = MR_ROLE_MAPPER, .tries = 3); */
#define mr_fact_add(diag, fact_kind, check_id, ...) \
    mr_diag_add_fact((diag), &(mr_fact){.kind = (fact_kind), .check = (check_id), ##__VA_ARGS__})

/* Adds the fact that one line of text holds (the form mr_fact_write writes); an empty line and
 * one that starts with '#' add nothing. 0; MR_ERR_SYNTAX with the octet offset in @err; or as
 * mr_diag_add_fact. A syntax error is not sticky. */
int mr_diag_add_text(mr_diag *diag, mr_slice line, mr_error *err);

/* Adds a copy of @check; checks keep their order. 0, MR_ERR_ARGUMENT, MR_ERR_LIMIT,
 * MR_ERR_MEMORY. */
int mr_diag_add_check(mr_diag *diag, const mr_check *check);
/* How long a phase took, in milliseconds; and that it was left out on purpose. */
void mr_diag_set_phase_ms(mr_diag *diag, enum mr_phase phase, double ms);
void mr_diag_set_phase_skipped(mr_diag *diag, enum mr_phase phase);

/* Applies the rules. May be called again after more facts came. 0 or the sticky error. */
int mr_diag_run(mr_diag *diag);

/* What mr_diag_run found: unexplained findings first, the worst and earliest leading, then the
 * folded ones. NULL past the end. */
size_t mr_diag_finding_count(const mr_diag *diag);
const mr_finding *mr_diag_get_finding(const mr_diag *diag, size_t i);
/* The verdict: the unexplained error of the lowest phase, then the highest confidence, then the
 * order of rules.list. */
const mr_verdict *mr_diag_get_verdict(const mr_diag *diag);
/* fail: an error of that phase stands; warn: a warning, or a check failed that no rule explains;
 * pass: every check that decides passed; skip; else unknown. */
enum mr_status mr_diag_get_phase(const mr_diag *diag, enum mr_phase phase);
double mr_diag_get_phase_ms(const mr_diag *diag, enum mr_phase phase);

/* Checks in their order; NULL past the end. The pointers hold as long as the arena. */
const mr_check *mr_diag_get_check(const mr_diag *diag, size_t i);

/* Writes the members "phases", "checks", "findings" and "verdict" into the object that is open.
 * Errors are the writer's (mr_writer_flush). */
void mr_diag_write_json(const mr_diag *diag, mr_writer *w);
/* The last two of them only. */
void mr_diag_write_findings(const mr_diag *diag, mr_writer *w);
/* The members of one finding, into the object that is open; the member "verdict". */
void mr_finding_write(const mr_finding *finding, mr_writer *w);
void mr_verdict_write(const mr_verdict *verdict, mr_writer *w);

const char *mr_status_name(enum mr_status status);         /* "pass" ... */
const char *mr_severity_name(enum mr_severity severity);   /* "error" ... */
const char *mr_confidence_name(enum mr_confidence confidence);
const char *mr_place_name(enum mr_place place);            /* "client" ... */
const char *mr_shell_name(enum mr_shell shell);            /* "cmd" ... */

#endif
