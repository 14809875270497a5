/*
 * msrpc ping: binds to an interface and times harmless calls on the one connection: AddOne of
 * rpcecho; of any other interface is_server_listening of mgmt, which every RPC server answers
 * (C706 appendix Q), or, where mgmt is not served beside it, a call whose number no interface has.
 * A fault is an answer too: the time it took is what was asked.
 */
#include "ping.h"

#include <stdlib.h>

#include <msrpc/ifaces.h>
#include <msrpc/ifaces/epmapper.h>

#include "jobs.h"
#include "report.h"

static const app_option options[] = {
    {"interface", 'i', APP_TEXT, "NAME|UUID[:VER]", offsetof(struct ping_options, interface), 0, 0,
     "bind to this interface (the endpoint mapper itself)"},
    {"object", 0, APP_TEXT, "UUID", offsetof(struct ping_options, object), 0, 0,
     "object UUID of the calls"},
    {"count", 0, APP_NUMBER, "N", offsetof(struct ping_options, count), 1, PING_COUNT_MAX,
     "make N calls (4)"},
    {"interval", 0, APP_SECONDS, "S", offsetof(struct ping_options, interval), 0, 0,
     "wait S seconds between calls (0)"},
    {"matrix", 0, APP_FLAG, NULL, offsetof(struct ping_options, matrix), 0, 0,
     "bind to every TCP endpoint the mapper names, plainly and as Windows does, then try every "
     "mechanism at every level on the first that answers"},
    {"stats", 0, APP_FLAG, NULL, offsetof(struct ping_options, stats), 0, 0,
     "also read the server's counters of calls and packets (mgmt inq_stats)"},
    {"mapper-port", 0, APP_NUMBER, "N", offsetof(struct ping_options, mapper_port), 1, 65535,
     "the endpoint mapper's port (135)"},
    {0},
};

/* ---- what is called ---- */

/* A method without parameters whose number is beyond every interface: the server answers with the
 * fault nca_s_op_rng_error and executes nothing. */
static const mr_type no_args = {.kind = MR_NDR_STRUCT, .align20 = 1, .align64 = 1, .csize = 1};
static const mr_proc no_proc = {.name = "an opnum out of range", .args = &no_args, .opnum = 0xfff0};

struct wait {
    mr_loop *loop;
    size_t open;
    int result;
};

static void on_contexts(void *user, mr_client *client, int result, const mr_error *err) {
    struct wait *wait = user;
    (void)client;
    (void)err;
    wait->open = 0;
    wait->result = result;
    mr_loop_stop(wait->loop);
}

/* Whether mgmt is served on the connection too; asked by alter_context. Negative: it broke;
 * positive: an exit code. */
static int add_mgmt(struct ping *p, mr_client *client) {
    struct wait wait = {.loop = &p->s->loop, .open = 1};
    int r = mr_client_add_contexts(client, &mr_mgmt_iface.syntax, 1, on_contexts, &wait,
                                   &p->s->error);
    if (!r)
        r = app_session_wait(p->s, &wait.open);
    return r ? r : wait.result;
}

void ping_choose_nothing(struct ping *p, struct ping_method *m) {
    *m = (struct ping_method){
        .nothing = {.format = MR_NDR_FORMAT, .name = "interface", .syntax = p->interface,
                    .proc_count = 1, .procs = &no_proc},
        .iface = &m->nothing,
    };
    p->method = no_proc.name;
}

int ping_choose_method(struct ping *p, mr_client *client, struct ping_method *m) {
    bool is_mgmt = mr_syntax_eq(&p->interface, &mr_mgmt_iface.syntax);

    *m = (struct ping_method){.iface = &mr_mgmt_iface, .opnum = 2};
    p->method = "mgmt.is_server_listening";
    if (mr_syntax_eq(&p->interface, &mr_rpcecho_iface.syntax)) {
        m->iface = &mr_rpcecho_iface;
        m->opnum = 0;
        p->method = "rpcecho.echo_AddOne";
        if (!p->options->stats)
            return 0;
    }
    int r = is_mgmt ? 0 : add_mgmt(p, client);
    if (r == MR_ERR_CONTEXT_REJECTED && m->iface == &mr_mgmt_iface)
        ping_choose_nothing(p, m);
    if (r == MR_ERR_CONTEXT_REJECTED) {
        p->stats_error = "the endpoint does not serve mgmt";
        return 0;
    }
    if (r > 0)
        return r;
    return r ? app_refuse(p->s->a, APP_COMMUNICATION, "%s: the connection broke as mgmt was asked "
                          "for: %s", p->target->host, mr_result_text(r)) : 0;
}

/* ---- calls ---- */

/* What the outcome of a call says of the logon: 0, or APP_COMMUNICATION, told, where it was about
 * that and is no answer; or what ends the run. */
static int judge_call(struct ping *p, mr_client *client, const mr_syntax *called, int r,
                      const mr_error *err) {
    app_session *s = p->s;

    if (r)
        s->error = *err;
    int code = app_session_after(s, client, called, r, 0);
    return code == APP_COMMUNICATION ? app_refuse(s->a, code, "%s: %s", p->target->host,
                                                  app_error(s->a, &s->error)) : code;
}

/* Makes one call; 0 when an answer came, else an exit code that ends the run. */
static int call_once(struct ping *p, mr_client *client, struct ping_method *m) {
    struct ping_call *result = &p->calls[p->count++];
    mr_error err = MR_ERROR_INIT;
    mr_call call = {0};

    result->ms = -1;
    int r = mr_call_init(&call, m->iface, m->opnum, &m->args, &err);
    call.object = p->object;
    if (!r)
        r = mr_call_run(&call, client, &err);
    int code = judge_call(p, client, &m->iface->syntax, r, &err);
    if (code == APP_COMMUNICATION) {
        result->error = app_error(p->s->a, &p->s->error);
        p->lost++;
    } else if (!r || r == MR_ERR_FAULT) {
        result->ms = (double)(call.answered - call.sent) / MR_MSEC;
        result->fault = r ? call.fault : 0;
    } else {
        result->error = app_error(p->s->a, &err);
        p->lost++;
        code = code ? code : r != MR_ERR_TIMEOUT ? APP_COMMUNICATION : 0;
    }
    mr_call_deinit(&call);
    return code;
}

static int make_calls(struct ping *p, mr_client *client, struct ping_method *m) {
    for (uint32_t i = 0; i < p->options->count; i++) {
        int code = i && p->options->interval ? app_session_sleep(p->s, p->options->interval) : 0;
        if (!code && mr_clock_now() >= p->s->deadline)
            code = app_refuse(p->s->a, APP_INCOMPLETE, "the deadline of the run has passed");
        if (!code)
            code = call_once(p, client, m);
        if (code)
            return code;
    }
    /* some answers lost: a warning; all of them: the call phase failed */
    return p->lost == 0 ? APP_OK : p->lost == p->count ? APP_COMMUNICATION : APP_WARNINGS;
}

static int read_stats(struct ping *p, mr_client *client) {
    uint32_t zero[PING_STATS] = {0};
    struct mr_mgmt_inq_stats args = {.count = PING_STATS, .statistics = zero};
    mr_error err = MR_ERROR_INIT;

    if (p->stats_error)
        return 0;
    int r = mr_client_call(client, &mr_mgmt_iface, 1, &args, &err);
    if (!r && args.status)
        p->stats_error = mr_arena_add_fmt(&p->s->a->arena, "mgmt answers with status %u",
                                          args.status);
    else if (r)
        p->stats_error = app_error(p->s->a, &err);
    if (!p->stats_error) {
        p->stat_count = args.count < PING_STATS ? args.count : PING_STATS;
        memcpy(p->stats, args.statistics, p->stat_count * sizeof *p->stats);
    }
    mr_client_release(client);
    return r == MR_ERR_CANCELLED ? app_session_cancelled(p->s) : 0;
}

static int compare_ms(const void *pa, const void *pb) {
    double a = *(const double *)pa, b = *(const double *)pb;
    return (a > b) - (a < b);
}

/* Percentiles by nearest rank. */
static int summarize(struct ping *p) {
    double *ms = mr_arena_get(&p->s->a->arena, p->count + 1, sizeof *ms);
    uint32_t n = 0;

    if (!ms)
        return app_refuse(p->s->a, APP_BUG, "out of memory");
    for (uint32_t i = 0; i < p->count; i++)
        if (p->calls[i].ms >= 0)
            ms[n++] = p->calls[i].ms;
    if (n == 0)
        return 0;
    qsort(ms, n, sizeof *ms, compare_ms);
    p->min = ms[0];
    p->median = n % 2 ? ms[n / 2] : (ms[n / 2 - 1] + ms[n / 2]) / 2;
    p->p99 = ms[(n * 99 + 99) / 100 - 1];
    p->max = ms[n - 1];
    return 0;
}

/* ---- one target ---- */

/* A denial is a fault, and faults carry no verifier (MS-RPCE 3.3.1.5.2.2): where nothing else came
 * in a session whose answers were to be signed, nobody knows who said it. */
static bool is_unsigned(const struct ping *p, mr_client *client) {
    const mr_client_auth *auth = &mr_client_get_report(client)->auth;
    bool denied = false;

    for (uint32_t i = 0; i < p->count; i++)
        denied = denied || (p->calls[i].ms >= 0 && mr_fault_is_denial(p->calls[i].fault));
    return denied && auth->asked && !auth->proven && auth->level > MR_AUTH_LEVEL_CONNECT &&
           p->target->account->who != APP_WHO_ANONYMOUS;
}

static int ping_connected(struct ping *p, mr_client *client) {
    const mr_client_report *report = mr_client_get_report(client);
    struct ping_method method;

    p->bound = true;
    p->remote = report->attempt.remote;
    p->connect_ms = (double)(report->connected - report->started) / MR_MSEC;
    p->bind_ms = (double)(report->bound - report->connected) / MR_MSEC;
    int code = ping_choose_method(p, client, &method);
    if (code)
        return code;
    p->calls = mr_arena_get(&p->s->a->arena, p->options->count, sizeof *p->calls);
    if (!p->calls)
        return app_refuse(p->s->a, APP_BUG, "out of memory");
    code = make_calls(p, client, &method);
    p->unsigned_faults = is_unsigned(p, client);
    if (p->unsigned_faults)
        code = app_worse(code, APP_WARNINGS);
    int worse = summarize(p);
    if (!code && p->options->stats)
        worse = app_worse(worse, read_stats(p, client));
    return app_worse(code, worse);
}

/* Where a port was named and a mapper listens there, it may have been meant to be asked. */
static void hint_at_mapper(const struct ping *p, uint16_t port) {
    const app_session *s = p->s;
    char name[64];

    if (p->target->port && !p->target->swept && !s->quiet &&
        s->error.code == MR_ERR_CONTEXT_REJECTED &&
        (s->error.peer & 0xffff) == MR_REASON_ABSTRACT_SYNTAX)
        fprintf(app_err(s->a), "(asks port %u itself; to ask a mapper there for the port: "
                "msrpc ping %s --mapper-port %u --interface %s)\n", port, p->target->host, port,
                app_iface_name(&p->interface, name));
}

static int ping_calls(struct ping *p) {
    app_session *s = p->s;
    mr_client *client = NULL;
    uint16_t port;

    int code = app_session_port(s, p->target, (uint16_t)p->options->mapper_port, &p->interface,
                                &port);
    if (!code)
        code = app_session_connect(s, p->target, port, &p->interface, APP_COMMUNICATION, &client);
    if (code == APP_COMMUNICATION)
        hint_at_mapper(p, port);
    if (!code)
        code = ping_connected(p, client);
    mr_client_free(client);
    return code;
}

/* @user: the struct ping with what all targets have in common. */
static int ping_target(app *a, const app_target *target, void *user) {
    struct ping ping = *(const struct ping *)user, *p = &ping;
    app_session s;
    mr_writer w;

    int code = app_session_open(a, &s);
    if (code)
        return code;
    p->s = &s;
    p->target = target;
    if (!p->object && target->binding && target->binding->has_object)
        p->object = &target->binding->object;
    code = app_session_resolve(&s, p->target);
    if (!code)
        code = p->options->matrix ? ping_matrix(p) : ping_calls(p);
    if (a->set.json || a->set.jsonl) {
        app_report_open(a, &w);
        app_report_target(&w, p->target, p->remote.family ? &p->remote : NULL);
        app_report_vantage(&s, &w, NULL);
        mr_writer_real(&w, "ms", app_session_ms(&s));
        mr_writer_bool(&w, "partial", code >= APP_INCOMPLETE);
        if (code && s.error.text[0])
            mr_writer_str(&w, "error", app_error(a, &s.error));
        ping_json(p, &w);
        code = app_report_close(a, &w, code);
    } else {
        ping_show(p);
        app_session_tell_findings(&s);
    }
    app_session_close(&s);
    return code;
}

static int run(app *a) {
    struct ping_options *o = a->own;
    struct ping common = {.options = o};
    app_target *targets;
    mr_uuid object;
    size_t count;

    if (!o->count)
        o->count = PING_COUNT_DEFAULT;
    int code = app_targets_read(a, 0, &targets, &count);
    common.interface = mr_epmapper_iface.syntax;
    if (!code && o->interface)
        code = app_iface_read(a, o->interface, &common.interface);
    if (!code && o->object && mr_uuid_decode(mr_slice_str(o->object), &object) != 0)
        code = app_refuse(a, APP_USAGE, "--object %s: a UUID is wanted", o->object);
    for (size_t i = 0; !code && i < count; i++)
        if (targets[i].binding && targets[i].binding->protseq != MR_PROTSEQ_NCACN_IP_TCP)
            code = app_refuse(a, APP_USAGE, "%s: calls go over ncacn_ip_tcp", targets[i].input);
    if (code)
        return code;
    if (o->object)
        common.object = &object;
    return app_jobs_run(a, targets, count, ping_target, &common);
}

const app_command app_ping = {
    .name = "ping",
    .line = "bind to an interface and time calls",
    .synopsis = "TARGET[:PORT]...",
    .about =
        "Finds the endpoint of an interface through the endpoint mapper (or takes TARGET:PORT, or "
        "a string binding), binds and times harmless calls: AddOne of rpcecho, of any other "
        "interface is_server_listening of mgmt. A fault such as access denied is an answer too and "
        "is said. With an account (-u, -k) the calls are made in its name, at level privacy unless "
        "--auth-level says otherwise. --matrix shows which endpoints and which kinds of bind "
        "succeed, and which mechanisms at which levels: with an account by real logons, without "
        "one by anonymous ones.",
    .examples = {"msrpc ping dc01", "time the endpoint mapper",
                 "msrpc ping dc01 --interface drsuapi --matrix",
                 "where replication listens, and which binds a firewall lets through",
                 "msrpc ping dc01 --interface samr -u 'CORP\\alice' --matrix",
                 "which mechanisms and levels take her; her password is asked for"},
    .exits = {"0", "every call was answered; a fault is an answer",
              "1", "some calls were not answered, or only by faults that nobody signed",
              "10 20 30 40", "the failing phase; with --matrix the first of any endpoint"},
    .groups = APP_GROUP_TARGET | APP_GROUP_IDENTITY | APP_GROUP_LIMITS | APP_GROUP_OUTPUT,
    .options = options,
    .own_size = sizeof(struct ping_options),
    .run = run,
};
