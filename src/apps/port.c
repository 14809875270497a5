/*
 * msrpc port: is anything listening, who says so, and what answers. Several targets are asked at
 * once and shown in the order they were given.
 */
#include "port.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "report.h"

struct port_options {
    const char *ports, *protocol;
    bool no_probe;
};

static const app_option options[] = {
    {"ports", 0, APP_TEXT, "LIST", offsetof(struct port_options, ports), 0, 0,
     "ports and ranges: 135,445,49664-49670 (default: what RPC and a domain need)"},
    {"protocol", 0, APP_TEXT, "tcp|udp|both", offsetof(struct port_options, protocol), 0, 0,
     "tcp (default with --ports), udp or both (default without)"},
    {"no-probe", 0, APP_FLAG, NULL, offsetof(struct port_options, no_probe), 0, 0,
     "TCP: only connect, say nothing to what answers"},
    {0},
};

/* What every target of the run has in common. */
struct port_run {
    app *a;
    app_session s;
    unsigned protocols;      /* MR_PORT_TCP | MR_PORT_UDP */
    bool has_list;
    mr_port_set list;
    mr_port_pace pace;
    app_target *targets;
    size_t target_count;
    struct port_target **jobs; /* of the targets head..next, by number modulo job_count */
    size_t job_count, head, next;
};

/* ---- taking results ---- */

static mr_port_field *copy_fields(struct port_target *t, const mr_port_field *f) {
    mr_port_field *first = NULL, **tail = &first;

    for (; f; f = f->next) {
        mr_port_field *copy = MR_ARENA_NEW(&t->arena, mr_port_field);
        if (!copy)
            break;
        *copy = *f;
        copy->next = NULL;
        if (f->value.kind == MR_VALUE_STRING)
            copy->value.u.string.data =
                (const uint8_t *)mr_arena_add_str(&t->arena, f->value.u.string);
        if (f->value.kind == MR_VALUE_STRING && !copy->value.u.string.data)
            break;
        *tail = copy;
        tail = &copy->next;
    }
    return first;
}

static const char *copy_text(struct port_target *t, mr_slice s) {
    const char *copy = mr_arena_add_str(&t->arena, s);

    return copy ? copy : "";
}

static void copy_map(struct port_target *t, const mr_mapper *map, struct port_extra *x) {
    x->endpoints = mr_arena_get(&t->arena, map->count, sizeof *x->endpoints);
    x->has_endpoints = x->endpoints != NULL;
    for (size_t i = 0; x->endpoints && i < map->count; i++) {
        const mr_mapper_entry *e = &map->entries[i];
        if (e->tower_bad)
            continue;
        x->endpoints[x->endpoint_count++] = (struct port_endpoint){
            .interface = e->interface,
            .protseq = copy_text(t, e->protseq_text),
            .host = copy_text(t, e->host),
            .endpoint = copy_text(t, e->endpoint),
            .annotation = copy_text(t, e->annotation),
        };
    }
}

/* Neighbours often share the same ICMP error: then they share the extra as well. */
static const struct port_extra *keep_extra(struct port_target *t, const mr_port_result *result) {
    const mr_icmp *icmp = mr_port_result_icmp(result);
    bool unknown = result->state == MR_PORT_UNKNOWN;

    if (!icmp && !unknown && !result->asked && !result->detail)
        return NULL;
    const struct port_extra *last = t->count ? t->rows[t->count - 1].extra : NULL;
    if (icmp && !result->detail && last && last->icmp.present && !last->detail &&
        last->icmp.type == icmp->type && last->icmp.code == icmp->code &&
        mr_addr_same_host(&last->icmp.sender, &icmp->sender))
        return last;
    struct port_extra *x = MR_ARENA_NEW(&t->arena, struct port_extra);
    if (!x)
        return NULL;
    x->asked = result->asked;
    x->talk = result->talk;
    x->detail = result->detail ? copy_text(t, mr_slice_str(result->detail)) : NULL;
    x->fields = copy_fields(t, result->fields);
    x->no_neighbour = mr_attempt_no_neighbour(&result->attempt);
    x->os_error = result->attempt.os_error;
    if (icmp)
        x->icmp = *icmp;
    if (result->map)
        copy_map(t, result->map, x);
    return x;
}

static void on_found(void *user, const mr_port_result *result) {
    struct port_target *t = user;
    unsigned sent = result->attempt.sent;

    if (result->attempt.local.family != MR_FAMILY_ANY)
        t->vantage = result->attempt.local;
    const struct port_extra *extra = keep_extra(t, result);
    t->rows[t->count++] = (struct port_row){
        .port = result->port,
        .protocol = result->protocol,
        .state = (uint8_t)result->state,
        .sent = (uint8_t)(sent < 255 ? sent : 255),
        .ms = (float)mr_port_result_ms(result),
        .extra = extra,
    };
}

static int compare(const void *pa, const void *pb) {
    const struct port_row *a = pa, *b = pb;

    if (a->protocol != b->protocol)
        return a->protocol - b->protocol;
    return a->port - b->port;
}

/* The target is over, or is ended early with what is known. */
static void conclude(struct port_target *t) {
    t->over = true;
    t->ended = mr_clock_now();
    qsort(t->rows, t->count, sizeof *t->rows, compare);
    for (size_t i = 0; i < t->count && !t->code; i++)
        if (t->rows[i].state != MR_PORT_LISTENING)
            t->code = APP_TCP;
}

static void on_done(void *user, mr_port_scan *scan) {
    struct port_target *t = user;

    conclude(t);
    mr_loop_stop(scan->loop);
}

/* ---- one target ---- */

static void get_sets(const struct port_run *run, const app_target *target, mr_port_set *tcpp,
                     mr_port_set *udpp) {
    mr_port_set list = run->list;
    bool named = run->has_list;

    if (!named && target->port) {
        list = (mr_port_set){0};
        mr_port_set_add(&list, (uint16_t)target->port, (uint16_t)target->port);
        named = true;
    }
    *tcpp = *udpp = (mr_port_set){0};
    unsigned protocols = run->protocols ? run->protocols
                         : named        ? MR_PORT_TCP
                                        : MR_PORT_TCP | MR_PORT_UDP;
    if (named && protocols & MR_PORT_TCP)
        *tcpp = list;
    else if (protocols & MR_PORT_TCP)
        mr_port_set_get_default(MR_PORT_TCP, tcpp);
    if (named && protocols & MR_PORT_UDP)
        *udpp = list;
    else if (protocols & MR_PORT_UDP)
        mr_port_set_get_default(MR_PORT_UDP, udpp);
}

static int start_scan(struct port_run *run, struct port_target *t) {
    const struct app_settings *set = &run->a->set;
    const struct port_options *o = run->a->own;
    bool given = set->retries != APP_RETRIES_DEFAULT;
    const mr_port_scan_options scan = {
        .remote = t->address,
        .source = {.port = (uint16_t)set->source_port},
        .timeout = set->timeout,
        .tcp_tries = given && set->retries ? set->retries : given ? 1 : 3,
        .udp_tries = given ? set->retries + 1 : 2, /* the first is no retry */
        .host = t->target->host,
        .quiet = o->no_probe,
        .pace = &run->pace,
    };

    return mr_port_scan_start(&t->scan, &scan, &t->tcp, &t->udp, &run->s.error);
}

/* Resolves and begins; a failure is the target's outcome. APP_INCOMPLETE and APP_INTERRUPTED end
 * the run. */
static int start_target(struct port_run *run, struct port_target *t) {
    app_session *s = &run->s;

    mr_arena_init(&t->arena, (size_t)64 << 20);
    t->started = t->ended = mr_clock_now();
    get_sets(run, t->target, &t->tcp, &t->udp);
    t->total = mr_port_set_count(&t->tcp) + mr_port_set_count(&t->udp);
    mr_port_scan_init(&t->scan, &s->loop, on_found, on_done, t);
    int code = app_session_resolve(s, t->target);
    if (code) {
        t->code = code;
        t->over = true;
        t->ended = mr_clock_now();
        t->error = copy_text(t, mr_slice_str(s->error.text));
        return code >= APP_INCOMPLETE ? code : 0;
    }
    t->address = s->addrs[0];
    t->rows = mr_arena_get_raw(&t->arena, t->total + 1, sizeof *t->rows);
    if (!t->rows || start_scan(run, t) != 0)
        return app_refuse(run->a, APP_BUG, "%s: out of memory", t->target->host);
    return 0;
}

/* Shows the target and forgets it. */
static void show_target(struct port_run *run, struct port_target *t) {
    app *a = run->a;
    mr_writer w;

    if (a->set.json || a->set.jsonl) {
        app_report_open(a, &w);
        port_json(t, &w);
        t->code = app_report_close(a, &w, t->code);
    } else {
        if (run->head)
            fputc('\n', a->out);
        port_show(t);
    }
}

static void free_target(struct port_target *t) {
    if (!t)
        return;
    mr_port_scan_deinit(&t->scan);
    mr_arena_deinit(&t->arena);
    free(t);
}

/* ---- the run ---- */

static struct port_target **job(struct port_run *run, size_t number) {
    return &run->jobs[number % run->job_count];
}

static int start_more(struct port_run *run) {
    while (run->next < run->target_count && run->next - run->head < run->job_count) {
        struct port_target *t = calloc(1, sizeof *t);
        if (!t)
            return app_refuse(run->a, APP_BUG, "out of memory");
        t->a = run->a;
        t->target = &run->targets[run->next];
        *job(run, run->next++) = t;
        int code = start_target(run, t);
        if (code)
            return code;
    }
    return 0;
}

static int worse(int a, int b) {
    return a > b ? a : b;
}

/* Asks and shows all targets in their order; the worst code of them. */
static int run_targets(struct port_run *run) {
    int code = 0, worst = 0;

    while (!code && run->head < run->target_count) {
        code = start_more(run);
        struct port_target *t = *job(run, run->head);
        if (code)
            break;
        if (t->over) {
            show_target(run, t);
            worst = worse(worst, t->code);
            free_target(t);
            *job(run, run->head++) = NULL;
            continue;
        }
        int r = mr_loop_run(&run->s.loop, run->s.deadline);
        if (r == MR_LOOP_INTERRUPTED)
            code = app_refuse(run->a, APP_INTERRUPTED, "interrupted");
        else if (r == MR_LOOP_DEADLINE)
            code = app_refuse(run->a, APP_INCOMPLETE, "the deadline of the run has passed");
        else if (r < 0 || (r == MR_LOOP_IDLE && !t->over))
            code = app_refuse(run->a, APP_BUG, "nothing to wait for");
    }
    /* what is known is shown, however it ended */
    for (; run->head < run->next; run->head++) {
        struct port_target *t = *job(run, run->head);
        if (!t->over && t->rows)
            conclude(t);
        if (code >= APP_INCOMPLETE) {
            t->code = code;
            show_target(run, t);
        }
        free_target(t);
    }
    return worse(worst, code);
}

static int read_options(struct port_run *run) {
    const app *a = run->a;
    const struct port_options *o = a->own;
    mr_error err = MR_ERROR_INIT;

    if (o->protocol && !strcmp(o->protocol, "tcp"))
        run->protocols = MR_PORT_TCP;
    else if (o->protocol && !strcmp(o->protocol, "udp"))
        run->protocols = MR_PORT_UDP;
    else if (o->protocol && !strcmp(o->protocol, "both"))
        run->protocols = MR_PORT_TCP | MR_PORT_UDP;
    else if (o->protocol)
        return app_refuse(a, APP_USAGE, "--protocol %s: tcp, udp or both is wanted", o->protocol);
    run->has_list = o->ports != NULL;
    if (o->ports && mr_port_set_decode(mr_slice_str(o->ports), &run->list, &err) != 0)
        return app_refuse(a, APP_USAGE, "--ports: %s", err.text);
    if (a->set.rate)
        run->pace.interval = MR_SEC / a->set.rate;
    return 0;
}

/* Many hosts times many ports want many descriptors: as many as this machine allows. */
static void raise_descriptors(void) {
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int run(app *a) {
    struct port_run *run = MR_ARENA_NEW(&a->arena, struct port_run);

    if (!run)
        return app_refuse(a, APP_BUG, "out of memory");
    run->a = a;
    int code = read_options(run);
    if (!code)
        code = app_targets_read(a, 0, &run->targets, &run->target_count);
    if (code)
        return code;
    run->job_count = a->set.jobs;
    run->jobs = mr_arena_get(&a->arena, run->job_count, sizeof(struct port_target *));
    if (!run->jobs)
        return app_refuse(a, APP_BUG, "out of memory");
    code = app_session_open(a, &run->s);
    if (code)
        return code;
    raise_descriptors();
    app_reports_open(a, run->target_count);
    code = app_reports_close(a, run_targets(run));
    app_session_close(&run->s);
    return code;
}

const app_command app_port = {
    .name = "port",
    .line = "is anything listening, who says so, and what answers",
    .synopsis = "TARGET[:PORT]...",
    .about =
        "Tells LISTENING, NOT LISTENING (a reset, or ICMP port unreachable from the host itself), "
        "FILTERED (silence over TCP, or another ICMP error, whose sender is shown) and LISTENING "
        "or FILTERED (silence over UDP) apart. Ports whose protocol is known are asked a question "
        "any stranger may ask and the answer is shown: DNS, Kerberos, NTP, the endpoint mapper's "
        "list, NetBIOS names, LDAP and the locator's ping, SMB, RPC over HTTP, TLS, Remote "
        "Desktop, WinRM. Nobody logs on and nothing is changed. Exit code 0 when all ports are "
        "LISTENING, else 20.",
    .examples = {"msrpc port dc01.corp.example",
                 "the ports a domain controller needs, TCP and UDP",
                 "msrpc port dc01 --ports 135,445,49664-49670",
                 "where in the dynamic range a firewall begins"},
    .groups = APP_GROUP_TARGET | APP_GROUP_LIMITS | APP_GROUP_OUTPUT,
    .options = options,
    .own_size = sizeof(struct port_options),
    .run = run,
};
