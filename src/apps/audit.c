/*
 * msrpc audit: what a host tells a stranger over TCP, and the countermeasures. The questions and
 * their answers are probe's (msrpc/probe/audit.h), what they mean is for the rules to say; this
 * file runs them and chooses the exit code.
 */
#include "audit.h"

#include "jobs.h"
#include "report.h"
#include "verdict.h"

static const app_option options[] = {
    {"rids", 0, APP_TEXT, "LO-HI", offsetof(struct audit_options, rids), 0, 0,
     "also translate these RIDs of the domain to names (default: 500-502, 512-516)"},
    {"show-descriptions", 0, APP_FLAG, NULL, offsetof(struct audit_options, show_descriptions), 0,
     0, "show the descriptions of accounts, which may hold passwords"},
    {"mapper-port", 0, APP_NUMBER, "N", offsetof(struct audit_options, mapper_port), 1, 65535,
     "the endpoint mapper's port (135)"},
    {0},
};

const mr_finding *audit_finding(const mr_diag *diag) {
    const mr_finding *finding = mr_diag_get_verdict(diag)->finding;

    for (size_t i = 0; !finding && mr_diag_get_finding(diag, i); i++) {
        const mr_finding *next = mr_diag_get_finding(diag, i);
        if (next->severity >= MR_SEVERITY_WARNING && !next->explained_by)
            finding = next;
    }
    return finding;
}

/* Whether a service behind the mapper answered, be it with a refusal; @code: of the furthest rung
 * where one did not. */
static bool reached_any(const mr_audit *audit, int *codep) {
    for (size_t d = MR_AUDIT_DSSETUP; d < MR_AUDIT_DOORS; d++) {
        const mr_audit_gate *gate = &audit->gates[d];
        if (gate->outcome.state == MR_AUDIT_LEAKS || gate->outcome.state == MR_AUDIT_DENIED)
            return true;
        bool shut = gate->outcome.state == MR_AUDIT_NOT_REACHABLE &&
                    gate->outcome.rung == MR_AUDIT_CONNECT;
        bool mute = gate->outcome.state == MR_AUDIT_UNKNOWN && gate->outcome.rung > MR_AUDIT_MAP;
        int code = shut ? APP_TCP : mute ? APP_COMMUNICATION : APP_OK;
        *codep = app_worse(*codep, code);
    }
    return false;
}

static int exit_code(const struct audit_run *run) {
    const mr_audit *audit = run->audit;
    const mr_finding *finding = audit_finding(&run->diag);
    int code = APP_OK;

    if (audit->reach && audit->gates[MR_AUDIT_EPM].passed <= MR_AUDIT_CONNECT)
        return APP_TCP;
    enum mr_audit_state mapper = audit->gates[MR_AUDIT_EPM].outcome.state;
    if (mapper == MR_AUDIT_UNKNOWN || mapper == MR_AUDIT_NOT_REACHABLE)
        return APP_DISCOVERY;
    if (finding && finding->severity == MR_SEVERITY_ERROR)
        return APP_HIGH;
    if (!reached_any(audit, &code) && code)
        return code;
    return finding || mr_audit_count(audit, MR_AUDIT_UNKNOWN) ? APP_WARNINGS : APP_OK;
}

/* ---- one target ---- */

static int pace(void *user) {
    return app_session_pace(user) ? MR_ERR_CANCELLED : 0;
}

static void set_outcome(app *a, const mr_audit *audit) {
    bool connected = audit->gates[MR_AUDIT_EPM].passed > MR_AUDIT_CONNECT;

    a->outcome = connected ? APP_ANSWERED
                 : audit->reach == MR_ERR_REFUSED ? APP_REFUSED
                 : audit->reach == MR_ERR_TIMEOUT ? APP_SILENT : APP_UNREACHED;
}

static int ask(struct audit_run *run) {
    app_session *s = run->s;
    app *a = s->a;
    const mr_audit_options questions = {
        .addrs = s->addrs,
        .addr_count = s->addr_count,
        .host = run->target->host,
        .mapper_port = (uint16_t)(run->target->port ? run->target->port : run->o->mapper_port),
        .client = app_client_options(s, app_session_level(s)),
        .rid_low = run->o->rid_low,
        .rid_high = run->o->rid_high,
        .pace = pace,
        .user = s,
    };
    mr_error err = MR_ERROR_INIT;

    int r = mr_audit_run(&s->loop, &questions, &a->arena, run->audit, &err);
    set_outcome(a, run->audit);
    if (!r || r == MR_ERR_CANCELLED) {
        int added = mr_audit_add_facts(run->audit, &run->diag);
        if (!added)
            added = mr_diag_run(&run->diag);
        if (added)
            return app_refuse(a, APP_BUG, "%s", mr_result_text(added));
    }
    if (r == MR_ERR_CANCELLED)
        return app_session_cancelled(s);
    if (r)
        return app_refuse(a, APP_BUG, "%s", err.text);
    if (run->audit->reach)
        s->error = run->audit->error;
    return exit_code(run);
}

/* What cannot be reached is said as every command says it. */
static void tell_unreached(const struct audit_run *run) {
    app *a = run->s->a;
    bool quiet = run->target->swept && !a->set.verbose && run->code == APP_TCP;

    if (run->code < APP_NAMES || run->code >= APP_USAGE || !run->audit->reach || quiet)
        return;
    app_refuse(a, run->code, "%s: %s", run->target->host, app_error(a, &run->audit->error));
    if (!run->target->swept)
        fprintf(app_err(a), "(msrpc diagnose %s tells why)\n",
                run->s->subject ? run->s->subject : run->target->input);
}

static int write_json(struct audit_run *run) {
    app *a = run->s->a;
    mr_writer w;

    app_report_open(a, &w);
    app_report_target(&w, run->target, run->audit->remote.family ? &run->audit->remote : NULL);
    mr_writer_real(&w, "ms", app_session_ms(run->s));
    mr_writer_bool(&w, "partial", run->code >= APP_INCOMPLETE);
    if (run->code >= APP_NAMES && run->s->error.text[0])
        mr_writer_str(&w, "error", app_error(a, &run->s->error));
    audit_json(run, &w);
    return app_report_close(a, &w, run->code);
}

static int audit_target(app *a, const app_target *target, void *user) {
    app_session s;
    struct audit_run run = {.s = &s, .target = target, .o = user};

    int code = app_session_open(a, &s);
    if (code)
        return code;
    run.audit = MR_ARENA_NEW(&a->arena, mr_audit);
    app_session_at_mapper(&s, target, target->port ? target->port : run.o->mapper_port);
    const char *host = s.subject ? s.subject : target->host;
    if (!run.audit || mr_diag_init(&run.diag, &a->arena, host, NULL) != 0 ||
        mr_diag_run(&run.diag) != 0) {
        app_session_close(&s);
        return app_refuse(a, APP_BUG, "out of memory");
    }
    s.diag = &run.diag;
    run.code = app_session_resolve(&s, target);
    if (!run.code)
        run.code = app_session_prove(&s, target, (uint16_t)(target->port ? target->port
                                                            : run.o->mapper_port
                                                              ? run.o->mapper_port
                                                              : MR_MAPPER_PORT));
    if (!run.code)
        run.code = ask(&run);
    else if (mr_diag_run(&run.diag) == 0)
        app_session_tell_findings(&s);
    tell_unreached(&run);
    if (a->set.json || a->set.jsonl)
        run.code = write_json(&run);
    else if (run.audit->gates[MR_AUDIT_EPM].passed > MR_AUDIT_CONNECT)
        audit_show(&run);
    app_session_close(&s);
    return run.code;
}

/* ---- the command ---- */

static int read_rids(app *a, struct audit_options *o) {
    mr_slice text = mr_slice_str(o->rids ? o->rids : "");
    uint64_t low, high;
    size_t dash = 0;

    if (!o->rids)
        return 0;
    while (dash < text.len && text.data[dash] != '-')
        dash++;
    mr_slice last = dash < text.len ? mr_slice_sub(text, dash + 1, text.len) : text;
    if (mr_slice_get_number(mr_slice_sub(text, 0, dash), UINT32_MAX, &low) != 0 ||
        mr_slice_get_number(last, UINT32_MAX, &high) != 0 || low == 0 || low > high)
        return app_refuse(a, APP_USAGE, "--rids %s: a range such as 1000-1200 is wanted", o->rids);
    if (high - low >= MR_AUDIT_RIDS_MAX)
        return app_refuse(a, APP_USAGE, "--rids %s: at most %d RIDs in one run", o->rids,
                          MR_AUDIT_RIDS_MAX);
    o->rid_low = (uint32_t)low;
    o->rid_high = (uint32_t)high;
    return 0;
}

static int run(app *a) {
    struct audit_options *o = a->own;
    app_target *targets;
    size_t count;

    int code = read_rids(a, o);
    if (!code)
        code = app_targets_read(a, 0, &targets, &count);
    for (size_t i = 0; !code && i < count; i++)
        if (targets[i].account->who == APP_WHO_USER || targets[i].account->who == APP_WHO_TICKET)
            code = app_refuse(a, APP_USAGE, "%s: an audit asks as a stranger: without an account, "
                              "with --guest, or by an anonymous logon (-N --auth ntlm)",
                              targets[i].account->name);
    for (size_t i = 0; !code && i < count; i++)
        if (targets[i].binding && targets[i].binding->protseq != MR_PROTSEQ_NCACN_IP_TCP)
            code = app_refuse(a, APP_USAGE, "%s: the audit goes over ncacn_ip_tcp",
                              targets[i].input);
    a->tight = a->set.quiet; /* a line each */
    return code ? code : app_jobs_run(a, targets, count, audit_target, o);
}

const app_command app_audit = {
    .name = "audit",
    .line = "what a host tells a stranger, and the countermeasures",
    .synopsis = "TARGET...",
    .about =
        "Asks samr, lsarpc, dssetup and netlogon over TCP, without logging on (or as a guest: "
        "--guest, or by an anonymous logon: -N --auth ntlm), what they tell a stranger: users, "
        "groups and who is in them, password and lockout policy, domains, SIDs, role. Each fact "
        "leaks, is denied, is not reachable or unknown, with the rung where it stopped: map, "
        "connect, bind, call. Everything asked only reads; no password is tried. "
        "Restricting anonymous access on named pipes does not always close this door: that is what "
        "to look for.",
    .examples = {"msrpc audit dc01.corp.example", "everything a stranger learns there",
                 "msrpc audit 10.0.0.0/24 --jsonl",
                 "a network, an object a line, for a script to sort"},
    .exits = {"0", "nothing leaks",
              "1", "lesser leaks, or something stayed unknown",
              "2", "something grave leaks",
              "10 20 30 40", "nothing could be asked: the phase that failed"},
    .groups = APP_GROUP_TARGET | APP_GROUP_IDENTITY | APP_GROUP_LIMITS | APP_GROUP_OUTPUT,
    .stranger = true,
    .options = options,
    .own_size = sizeof(struct audit_options),
    .run = run,
};
