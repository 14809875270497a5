/*
 * msrpc diagnose: walks the four phases against one or many targets and names the failing one, its
 * cause and the remedy. This file runs the probe of a target; what it finds is judged by the rules
 * and shown by diagnose_show.c.
 */
#include "diagnose.h"

#include "findings.h"
#include "jobs.h"
#include "report.h"

struct diagnose_options {
    const char *interface, *against;
};

static const app_option options[] = {
    {"interface", 'i', APP_TEXT, "NAME|UUID[:VER]", offsetof(struct diagnose_options, interface), 0,
     0, "diagnose this interface (default: everything the host registers)"},
    {"against", 0, APP_TEXT, "FILE", offsetof(struct diagnose_options, against), 0, 0,
     "also show what changed since the result that --json saved in FILE"},
    {0},
};

/* What all targets have in common. */
struct diagnose {
    app *a;
    mr_probe_options options;
    app_saved saved;      /* --against */
};

/* ---- settings ---- */

static int add_list(app *a, const struct app_list *from, mr_slice *to, size_t *countp) {
    for (uint32_t i = 0; i < from->count; i++) {
        bool known = false;
        const mr_probe_check *check;
        for (size_t k = 0; (check = mr_probe_check_at(k)) != NULL; k++)
            known |= mr_slice_eq_nocase(from->items[i], mr_slice_str(mr_probe_check_id(check)));
        if (!known)
            return app_refuse(a, APP_USAGE, "no check %.*s (--list-checks shows them)",
                              (int)from->items[i].len, (const char *)from->items[i].data);
        to[(*countp)++] = from->items[i];
    }
    return 0;
}

static int read_phases(app *a, bool phases[MR_PHASE_COUNT + 1]) {
    for (uint32_t i = 0; i < a->set.phases.count; i++) {
        uint64_t n;
        if (mr_slice_get_number(a->set.phases.items[i], MR_PHASE_COUNT, &n) != 0 || n == 0)
            return app_refuse(a, APP_USAGE, "--phase: numbers from 1 to %d are wanted",
                              MR_PHASE_COUNT);
        phases[n] = true;
    }
    return 0;
}

static int read_options(struct diagnose *d) {
    app *a = d->a;
    const struct diagnose_options *own = a->own;
    mr_probe_options *o = &d->options;
    mr_addr ip;

    *o = (mr_probe_options){
        .target_ip = a->set.target_ip,
        .family = a->set.ipv4 ? MR_FAMILY_IPV4 : a->set.ipv6 ? MR_FAMILY_IPV6 : MR_FAMILY_ANY,
        .source_port = (uint16_t)a->set.source_port,
        .timeout = a->set.timeout,
        .tries = a->set.retries == APP_RETRIES_DEFAULT ? 3 : a->set.retries,
        .dns_server_given = a->set.dns_server != NULL,
    };
    if (a->set.target_ip && mr_addr_decode(mr_slice_str(a->set.target_ip), 0, &ip) != 0)
        return app_refuse(a, APP_USAGE, "--target-ip %s: an address is wanted", a->set.target_ip);
    if (own->interface) {
        int code = app_iface_read(a, own->interface, &o->interface);
        if (code)
            return code;
        o->has_interface = true;
    }
    int code = add_list(a, &a->set.skip, o->skip, &o->skip_count);
    if (!code)
        code = add_list(a, &a->set.only, o->only, &o->only_count);
    return code ? code : read_phases(a, o->phases);
}

/* ---- one target ---- */

static void conclude(app *a, struct diagnose_run *run) {
    run->over = true;
    run->ended = mr_clock_now();
    run->diag.from = mr_arena_add_str(&a->arena, mr_slice_str(mr_probe_get_vantage(run->probe)));
    int r = mr_diag_run(&run->diag);
    run->code = r ? app_refuse(a, APP_BUG, "%s: %s", run->target->host, mr_result_text(r))
                  : app_findings_exit(a, &run->diag);
}

static void on_done(void *user, mr_probe *probe) {
    struct diagnose_run *run = user;
    (void)probe;

    run->open = 0;
    mr_loop_stop(&run->s.loop);
}

/* ---- the account, which several targets may share ---- */

static enum mr_probe_gate may_log_on(void *user) {
    struct diagnose_run *run = user;

    switch (app_worker_begin(run->s.a->worker, run->target->account)) {
    case APP_TURN_YES:
        run->trying = true;
        return MR_PROBE_GATE_OPEN;
    case APP_TURN_WAIT: return MR_PROBE_GATE_WAIT;
    case APP_TURN_NEVER: break;
    }
    return MR_PROBE_GATE_CLOSED;
}

static void on_judged(void *user, enum mr_probe_verdict verdict) {
    struct diagnose_run *run = user;
    enum app_verdict told = APP_VERDICT_NONE;

    switch (verdict) {
    case MR_PROBE_VERDICT_NONE: break;
    case MR_PROBE_VERDICT_GOOD: told = APP_VERDICT_GOOD; break;
    case MR_PROBE_VERDICT_REFUSED: told = APP_VERDICT_REFUSED; break;
    }
    if (run->trying)
        app_worker_end(run->s.a->worker, run->target->account, told);
    run->trying = false;
}

/* A mistake in the arguments, as everywhere; no diagnosis comes of it. */
static bool is_wanted(void *user, const char *client) {
    struct diagnose_run *run = user;

    run->refused = app_account_check_owner(run->s.a, run->target->account, client);
    if (run->refused) {
        run->open = 0;
        mr_loop_stop(&run->s.loop);
    }
    return run->refused == 0;
}

static void set_account(const app *a, struct diagnose_run *run, mr_probe_options *o) {
    const app_account *account = run->target->account;

    o->no_null = a->set.no_null;
    if (!account || !app_account_logs_on(account))
        return;
    run->logon = app_logon_options(a, run->target, 0);
    o->logon = &run->logon;
    o->identity = account->name;
    o->may_log_on = may_log_on;
    o->judged = on_judged;
    o->is_wanted = is_wanted;
    o->judged_user = run;
}

static int start_run(const struct diagnose *d, struct diagnose_run *run) {
    app_session *s = &run->s;
    mr_probe_options o = d->options;
    const app_target *t = run->target;
    mr_error err = MR_ERROR_INIT;

    run->saved = d->saved.file ? &d->saved : NULL;
    run->began = mr_clock_now();
    mr_clock_get_wall(&run->started_sec, &run->started_nsec);
    o.host = t->host;
    o.pace = s->pace;
    set_account(s->a, run, &o);
    if (t->binding && t->binding->endpoint.len) {
        o.has_endpoint = true;
        o.endpoint = (uint16_t)t->port;
    } else {
        o.mapper_port = (uint16_t)t->port;
        run->logon.mapper_port = o.mapper_port;
    }
    /* commands that are suggested must reach the same mapper */
    bool other_mapper = o.mapper_port && o.mapper_port != MR_MAPPER_PORT;
    int r = mr_diag_init(&run->diag, &s->a->arena, other_mapper ? t->input : t->host, NULL);
    if (!r)
        r = mr_probe_new(&s->loop, &s->resolver, &run->diag, &o, &run->probe, &err);
    if (!r)
        r = mr_probe_start(run->probe, on_done, run, &err);
    return r ? app_refuse(s->a, APP_BUG, "%s: %s", t->input, err.text) : 0;
}

/* Waits for the end; what is cut is judged and shown as far as it is known. */
static int finish_run(struct diagnose_run *run) {
    int code = app_session_wait(&run->s, &run->open);

    if (run->refused)
        return run->refused;
    if (code == APP_INTERRUPTED || code == APP_INCOMPLETE)
        mr_probe_cut(run->probe, code == APP_INTERRUPTED ? "interrupted"
                                 : "the deadline of the run passed first");
    else if (code)
        return code;
    conclude(run->s.a, run);
    run->partial = code != 0;
    if (code)
        run->code = code;
    return run->code;
}

/* For the closing line of a sweep: how the mapper's port answered at the most telling address. */
static void set_outcome(app *a, const struct diagnose_run *run) {
    size_t count;
    const mr_probe_addr *addrs = mr_probe_get_addrs(run->probe, &count);

    for (size_t i = 0; i < count && a->outcome != APP_ANSWERED; i++) {
        switch (addrs[i].reach) {
        case MR_REACH_OPEN: a->outcome = APP_ANSWERED; break;
        case MR_REACH_REFUSED: a->outcome = APP_REFUSED; break;
        case MR_REACH_SILENT: a->outcome = APP_SILENT; break;
        case MR_REACH_UNREACHABLE: a->outcome = APP_UNREACHED; break;
        case MR_REACH_PENDING:
        case MR_REACH_LOCAL: break;
        }
    }
}

/* An address of a block where no port answers at all: most are nobody's, and the closing line
 * counts them. */
static bool is_nobodys(const app *a, const struct diagnose_run *run) {
    const mr_check *check;

    if (!run->target->swept || a->set.verbose || run->code != APP_TCP)
        return false;
    for (size_t i = 0; (check = mr_diag_get_check(&run->diag, i)) != NULL; i++)
        if (check->phase == MR_PHASE_TCP && check->status == MR_STATUS_PASS)
            return false;
    return true;
}

static int diagnose_target(app *a, const app_target *target, void *user) {
    struct diagnose_run run = {.target = target, .open = 1};
    mr_writer w;
    int code = app_account_check(a, target);

    if (!code)
        code = app_session_open(a, &run.s);
    if (code)
        return code;
    code = start_run(user, &run);
    if (!code)
        code = finish_run(&run);
    if (run.over)
        set_outcome(a, &run);
    if (run.over && (a->set.json || a->set.jsonl)) {
        app_report_open(a, &w);
        diagnose_json(&run, &w);
        code = app_report_close(a, &w, code);
    } else if (run.over && !is_nobodys(a, &run)) {
        diagnose_show(a, &run);
    }
    mr_probe_free(run.probe);
    on_judged(&run, MR_PROBE_VERDICT_NONE); /* where the run was cut before */
    app_session_close(&run.s);
    return code;
}

/* ---- the run ---- */

static int list_checks(app *a) {
    const mr_probe_check *check;

    for (size_t i = 0; (check = mr_probe_check_at(i)) != NULL; i++)
        fprintf(a->out, "%-16s phase %d  %s\n", mr_probe_check_id(check),
                (int)mr_probe_check_phase(check), mr_probe_check_line(check));
    return APP_OK;
}

static int check_target(const struct diagnose *d, const app_target *t) {
    mr_addr literal;

    if (t->binding && t->binding->protseq != MR_PROTSEQ_NCACN_IP_TCP)
        return app_refuse(d->a, APP_USAGE, "%s: diagnose walks ncacn_ip_tcp", t->input);
    if (t->binding && t->binding->endpoint.len && !d->options.has_interface)
        return app_refuse(d->a, APP_USAGE, "%s: an endpoint wants --interface too", t->input);
    if (d->options.family != MR_FAMILY_ANY &&
        mr_addr_decode(mr_slice_str(t->host), 0, &literal) == 0 &&
        literal.family != d->options.family)
        return app_refuse(d->a, APP_USAGE, "%s is no IPv%d address", t->host,
                          (int)d->options.family);
    return 0;
}

/* Reads --against; a file that knows none of the targets is the wrong one. */
static int read_against(struct diagnose *d, const app_target *targets, size_t count) {
    const char *file = ((const struct diagnose_options *)d->a->own)->against;

    if (!file)
        return 0;
    int code = app_saved_read(d->a, file, &d->saved);
    for (size_t i = 0; !code && i < count; i++)
        if (app_saved_has(&d->saved, targets[i].input))
            return 0;
    return code ? code : app_refuse(d->a, APP_UNREADABLE, "%s: holds no diagnosis of %s", file,
                                    targets[0].input);
}

static int run(app *a) {
    struct diagnose d = {.a = a};
    app_target *targets;
    size_t count;

    if (a->set.list_checks)
        return list_checks(a);
    int code = read_options(&d);
    if (!code)
        code = app_targets_read(a, 0, &targets, &count);
    for (size_t i = 0; !code && i < count; i++)
        code = check_target(&d, &targets[i]);
    if (!code)
        code = read_against(&d, targets, count);
    if (code)
        return code;
    a->tight = a->set.quiet; /* a line for each */
    return app_jobs_run(a, targets, count, diagnose_target, &d);
}

const app_command app_diagnose = {
    .name = "diagnose",
    .line = "walk the four phases, name the failing one, its cause and remedy",
    .synopsis = "TARGET...",
    .about =
        "Walks name resolution, TCP, discovery and communication against a host and says which "
        "phase fails, why, how sure that is, what to do about it, and which one test tells the "
        "remaining causes apart. TARGET:PORT names the endpoint mapper's port; a string binding "
        "with an endpoint and --interface leaves the mapper out. With an account it logs on once, "
        "tells what a refusal means, and never tries a refused account again; once it is good it "
        "is also used where strangers are refused, at the endpoint mapper first of all. The rest "
        "is anonymous, and all of it reads only.",
    .examples = {"msrpc diagnose dc01.corp.example", "why do the tools say RPC server unavailable?",
                 "msrpc diagnose dc01 --interface drsuapi --json",
                 "replication only, for a script",
                 "msrpc diagnose dc01.corp.example -u 'CORP\\alice'",
                 "whether she can log on, and why not; her password is asked for"},
    .groups = APP_GROUP_TARGET | APP_GROUP_IDENTITY | APP_GROUP_LIMITS |
              APP_GROUP_CHECKS | APP_GROUP_OUTPUT,
    .options = options,
    .own_size = sizeof(struct diagnose_options),
    .run = run,
};
