/*
 * msrpc diagnose: walks the four phases against one or many targets and names the failing one, its
 * cause and the remedy. This file runs the probes, --jobs targets at a time on one loop; what they
 * find is judged by the rules and shown by diagnose_show.c.
 */
#include "diagnose.h"

#include <unistd.h>

#include "findings.h"
#include "report.h"

#define ARENA_CAP ((size_t)256 << 20)

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

struct diagnose {
    app *a;
    app_session s;
    mr_probe_options options;
    struct diagnose_run *runs;
    size_t count, next, open;
    mr_nsec next_turn;    /* --rate holds for all targets together */
    bool broken;          /* a probe could not be made */
    app_saved saved;      /* --against */
    mr_timer progress;    /* set only where standard error is a terminal */
    bool shown;
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
        .rate = a->set.rate,
        .next_turn = &d->next_turn,
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

/* ---- runs ---- */

static void conclude(struct diagnose_run *run) {
    run->over = true;
    run->ended = mr_clock_now();
    run->diag.from = mr_arena_add_str(&run->arena,
                                      mr_slice_str(mr_probe_get_vantage(run->probe)));
    int r = mr_diag_run(&run->diag);
    run->code = r ? app_refuse(run->all->a, APP_BUG, "%s: %s", run->target->host,
                               mr_result_text(r))
                  : app_findings_exit(run->all->a, &run->diag);
}

static void start_more(struct diagnose *d);

static void on_done(void *user, mr_probe *probe) {
    struct diagnose_run *run = user;
    (void)probe;

    conclude(run);
    run->all->open--;
    start_more(run->all);
    if (run->all->open == 0)
        mr_loop_stop(&run->all->s.loop);
}

static int start_run(struct diagnose *d, struct diagnose_run *run) {
    mr_probe_options o = d->options;
    const app_target *t = run->target;
    mr_error err = MR_ERROR_INIT;

    run->all = d;
    run->saved = d->saved.file ? &d->saved : NULL;
    run->began = mr_clock_now();
    mr_clock_get_wall(&run->started_sec, &run->started_nsec);
    mr_arena_init(&run->arena, ARENA_CAP);
    run->started = true;
    o.host = t->host;
    if (t->has_binding && t->binding.endpoint.len) {
        o.has_endpoint = true;
        o.endpoint = (uint16_t)t->port;
    } else {
        o.mapper_port = (uint16_t)t->port;
    }
    if (o.has_endpoint && !o.has_interface)
        return app_refuse(d->a, APP_USAGE, "%s: an endpoint wants --interface too", t->input);
    /* commands that are suggested must reach the same mapper */
    bool other_mapper = o.mapper_port && o.mapper_port != MR_MAPPER_PORT;
    int r = mr_diag_init(&run->diag, &run->arena, other_mapper ? t->input : t->host, NULL);
    if (!r)
        r = mr_probe_new(&d->s.loop, &d->s.resolver, &run->diag, &o, &run->probe, &err);
    if (!r)
        r = mr_probe_start(run->probe, on_done, run, &err);
    return r ? app_refuse(d->a, APP_BUG, "%s: %s", t->input, err.text) : 0;
}

static void start_more(struct diagnose *d) {
    while (!d->broken && d->open < d->a->set.jobs && d->next < d->count) {
        struct diagnose_run *run = &d->runs[d->next++];
        int code = start_run(d, run);
        if (code) {
            run->code = code;
            d->broken = true;
        } else {
            d->open++;
        }
    }
}

/* What still runs is cut: what is known is judged and shown. */
static void cut(struct diagnose *d, int code, const char *why) {
    for (size_t i = 0; i < d->count; i++) {
        struct diagnose_run *run = &d->runs[i];
        if (!run->started || run->over || !run->probe)
            continue;
        mr_probe_cut(run->probe, why);
        conclude(run);
        run->partial = true;
        run->code = code;
    }
}

/* A line that says what is still open, for runs longer than a second. */
static void on_progress(void *user) {
    struct diagnose *d = user;
    size_t over = 0;

    for (size_t i = 0; i < d->count; i++)
        over += d->runs[i].over;
    fprintf(stderr, "\r\033[K%zu of %zu target%s done, %.0f s", over, d->count,
            d->count == 1 ? "" : "s", app_session_ms(&d->s) / 1000);
    fflush(stderr);
    d->shown = true;
    mr_timer_set(&d->progress, mr_clock_now() + 500 * MR_MSEC);
}

static void end_progress(struct diagnose *d) {
    mr_timer_deinit(&d->progress);
    if (d->shown)
        fputs("\r\033[K", stderr);
}

static int wait_all(struct diagnose *d) {
    if (isatty(STDERR_FILENO) && !d->a->set.quiet) {
        mr_timer_init(&d->progress, &d->s.loop, on_progress, d);
        mr_timer_set(&d->progress, mr_clock_now() + MR_SEC);
    }
    while (d->open) {
        int r = mr_loop_run(&d->s.loop, d->s.deadline);
        if (r == MR_LOOP_INTERRUPTED) {
            cut(d, APP_INTERRUPTED, "interrupted");
            return APP_INTERRUPTED;
        }
        if (r == MR_LOOP_DEADLINE && d->open) {
            cut(d, APP_INCOMPLETE, "the deadline of the run passed first");
            return APP_INCOMPLETE;
        }
        if (r < 0 || (r == MR_LOOP_IDLE && d->open))
            return app_refuse(d->a, APP_BUG, "nothing to wait for");
    }
    return 0;
}

/* ---- showing ---- */

static int show_json(struct diagnose *d, int code) {
    app *a = d->a;
    mr_writer w;

    if (d->count == 1 || a->set.jsonl) {
        for (size_t i = 0; i < d->count; i++) {
            if (!d->runs[i].over)
                continue;
            app_report_open(a, &w);
            diagnose_json(&d->runs[i], &w);
            int r = app_report_close(a, &w, d->runs[i].code);
            if (r == APP_UNWRITABLE)
                return r;
        }
        return code;
    }
    mr_writer_init_json(&w, app_sink_file, a->out, true);
    mr_writer_open(&w, NULL, MR_SHAPE_OBJECT);
    mr_writer_int(&w, "schema", APP_SCHEMA);
    mr_writer_open(&w, "results", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < d->count; i++) {
        if (!d->runs[i].over)
            continue;
        mr_writer_open(&w, NULL, MR_SHAPE_OBJECT);
        mr_writer_int(&w, "schema", APP_SCHEMA);
        mr_writer_str(&w, "tool", "msrpc");
        mr_writer_str(&w, "version", MSRPC_VERSION);
        mr_writer_str(&w, "command", "diagnose");
        diagnose_json(&d->runs[i], &w);
        mr_writer_int(&w, "exit", d->runs[i].code);
        mr_writer_close(&w);
    }
    mr_writer_close(&w);
    return app_report_close(a, &w, code);
}

static int show(struct diagnose *d, int code) {
    app *a = d->a;

    for (size_t i = 0; i < d->count; i++)
        code = d->runs[i].code > code ? d->runs[i].code : code;
    if (a->set.json || a->set.jsonl)
        return show_json(d, code);
    bool first = true;
    for (size_t i = 0; i < d->count; i++) {
        if (!d->runs[i].over)
            continue;
        if (!first && !a->set.quiet)
            fputc('\n', a->out);
        diagnose_show(a, &d->runs[i]);
        first = false;
    }
    return code;
}

static int list_checks(app *a) {
    const mr_probe_check *check;

    for (size_t i = 0; (check = mr_probe_check_at(i)) != NULL; i++)
        fprintf(a->out, "%-16s phase %d  %s\n", mr_probe_check_id(check),
                (int)mr_probe_check_phase(check), mr_probe_check_line(check));
    return APP_OK;
}

static int check_target(const struct diagnose *d, const app_target *t) {
    mr_addr literal;

    if (t->has_binding && t->binding.protseq != MR_PROTSEQ_NCACN_IP_TCP)
        return app_refuse(d->a, APP_USAGE, "%s: diagnose walks ncacn_ip_tcp", t->input);
    if (t->user)
        return app_refuse(d->a, APP_MISSING, "%s: this version speaks anonymously only; leave the "
                          "account out", t->input);
    if (d->options.family != MR_FAMILY_ANY &&
        mr_addr_decode(mr_slice_str(t->host), 0, &literal) == 0 &&
        literal.family != d->options.family)
        return app_refuse(d->a, APP_USAGE, "%s is no IPv%d address", t->host,
                          (int)d->options.family);
    return 0;
}

/* Reads --against; a file that knows none of the targets is the wrong one. */
static int read_against(struct diagnose *d, const app_target *targets) {
    const char *file = ((const struct diagnose_options *)d->a->own)->against;

    if (!file)
        return 0;
    int code = app_saved_read(d->a, file, &d->saved);
    for (size_t i = 0; !code && i < d->count; i++)
        if (app_saved_has(&d->saved, targets[i].input))
            return 0;
    return code ? code : app_refuse(d->a, APP_UNREADABLE, "%s: holds no diagnosis of %s", file,
                                    targets[0].input);
}

static int run(app *a) {
    struct diagnose d = {.a = a};
    app_target *targets;

    if (a->set.list_checks)
        return list_checks(a);
    int code = read_options(&d);
    if (!code)
        code = app_targets_read(a, 0, &targets, &d.count);
    for (size_t i = 0; !code && i < d.count; i++)
        code = check_target(&d, &targets[i]);
    if (!code)
        code = read_against(&d, targets);
    if (code)
        return code;
    d.runs = mr_arena_get(&a->arena, d.count, sizeof *d.runs);
    if (!d.runs)
        return app_refuse(a, APP_BUG, "out of memory");
    for (size_t i = 0; i < d.count; i++)
        d.runs[i].target = &targets[i];
    code = app_session_open(a, &d.s);
    if (code)
        return code;
    start_more(&d);
    code = wait_all(&d);
    end_progress(&d);
    code = show(&d, code);
    for (size_t i = 0; i < d.count; i++) {
        mr_probe_free(d.runs[i].probe);
        mr_arena_deinit(&d.runs[i].arena);
    }
    app_session_close(&d.s);
    return code;
}

const app_command app_diagnose = {
    .name = "diagnose",
    .line = "walk the four phases, name the failing one, its cause and the remedy",
    .synopsis = "TARGET...",
    .about =
        "Walks name resolution, TCP, discovery and communication against a host and says which "
        "phase fails, why, how sure that is, what to do about it, and which one test tells the "
        "remaining causes apart. TARGET:PORT names the endpoint mapper's port; a string binding "
        "with an endpoint and --interface leaves the mapper out. Everything is anonymous and reads "
        "only.",
    .examples = {"msrpc diagnose dc01.corp.example", "why do the tools say RPC server unavailable?",
                 "msrpc diagnose dc01 --interface drsuapi --json",
                 "replication only, for a script"},
    .groups = APP_GROUP_TARGET | APP_GROUP_LIMITS | APP_GROUP_CHECKS | APP_GROUP_OUTPUT,
    .options = options,
    .own_size = sizeof(struct diagnose_options),
    .run = run,
};
