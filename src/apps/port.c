/* msrpc port: is anything listening, who says so, and what answers. */
#include "port.h"

#include <stdlib.h>

#include "jobs.h"
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
    unsigned protocols;      /* MR_PORT_TCP | MR_PORT_UDP */
    bool has_list;
    mr_port_set list;
};

/* ---- taking results ---- */

static mr_port_field *copy_fields(struct port_target *t, const mr_port_field *f) {
    mr_port_field *first = NULL, **tail = &first;

    for (; f; f = f->next) {
        mr_port_field *copy = MR_ARENA_NEW(&t->a->arena, mr_port_field);
        if (!copy)
            break;
        *copy = *f;
        copy->next = NULL;
        if (f->value.kind == MR_VALUE_STRING)
            copy->value.u.string.data =
                (const uint8_t *)mr_arena_add_str(&t->a->arena, f->value.u.string);
        if (f->value.kind == MR_VALUE_STRING && !copy->value.u.string.data)
            break;
        *tail = copy;
        tail = &copy->next;
    }
    return first;
}

static const char *copy_text(struct port_target *t, mr_slice s) {
    const char *copy = mr_arena_add_str(&t->a->arena, s);

    return copy ? copy : "";
}

static void copy_map(struct port_target *t, const mr_mapper *map, struct port_extra *x) {
    x->endpoints = mr_arena_get(&t->a->arena, map->count, sizeof *x->endpoints);
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
    struct port_extra *x = MR_ARENA_NEW(&t->a->arena, struct port_extra);
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

static void on_done(void *user, mr_port_scan *scan) {
    struct port_target *t = user;

    t->open = 0;
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
        .pace = t->s.pace,
    };

    return mr_port_scan_start(&t->scan, &scan, &t->tcp, &t->udp, &t->s.error);
}

/* For the closing line of a sweep: a port that is open, one that is closed, or nothing at all. */
static void set_outcome(struct port_target *t) {
    enum app_outcome outcome = APP_SILENT;

    for (size_t i = 0; i < t->count && outcome != APP_ANSWERED; i++) {
        if (t->rows[i].state == MR_PORT_LISTENING)
            outcome = APP_ANSWERED;
        else if (t->rows[i].state == MR_PORT_NOT_LISTENING)
            outcome = APP_REFUSED;
    }
    if (t->count)
        t->a->outcome = outcome;
}

/* Resolves, asks and waits; a failure is the target's outcome. */
static int ask(struct port_run *run, struct port_target *t) {
    app_session *s = &t->s;
    int code = app_session_resolve(s, t->target);

    if (code) {
        t->error = copy_text(t, mr_slice_str(s->error.text));
        return code;
    }
    t->address = s->addrs[0];
    t->rows = mr_arena_get_raw(&t->a->arena, t->total + 1, sizeof *t->rows);
    if (!t->rows || start_scan(run, t) != 0)
        return app_refuse(t->a, APP_BUG, "%s: out of memory", t->target->host);
    code = app_session_wait(s, &t->open);
    qsort(t->rows, t->count, sizeof *t->rows, compare);
    set_outcome(t);
    for (size_t i = 0; i < t->count && !code; i++)
        if (t->rows[i].state != MR_PORT_LISTENING)
            code = APP_TCP;
    return code;
}

static int port_target(app *a, const app_target *target, void *user) {
    struct port_run *run = user;
    struct port_target *t = MR_ARENA_NEW(&a->arena, struct port_target);
    mr_writer w;

    if (!t)
        return app_refuse(a, APP_BUG, "out of memory");
    t->a = a;
    t->target = target;
    t->open = 1;
    int code = app_session_open(a, &t->s);
    if (code)
        return code;
    t->started = mr_clock_now();
    get_sets(run, target, &t->tcp, &t->udp);
    t->total = mr_port_set_count(&t->tcp) + mr_port_set_count(&t->udp);
    mr_port_scan_init(&t->scan, &t->s.loop, on_found, on_done, t);
    code = ask(run, t);
    t->ended = mr_clock_now();
    if (a->set.json || a->set.jsonl) {
        app_report_open(a, &w);
        port_json(t, &w);
        code = app_report_close(a, &w, code);
    } else if (!target->swept || a->set.verbose || code != APP_TCP ||
               a->outcome == APP_ANSWERED) {
        port_show(t); /* of a block only where somebody lives: the closing line counts the rest */
    }
    mr_port_scan_deinit(&t->scan);
    app_session_close(&t->s);
    return code;
}

/* ---- the run ---- */

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
    return 0;
}

static int run(app *a) {
    struct port_run run = {.a = a};
    app_target *targets;
    size_t count;
    int code = read_options(&run);

    if (!code)
        code = app_targets_read(a, 0, &targets, &count);
    return code ? code : app_jobs_run(a, targets, count, port_target, &run);
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
        "Desktop, WinRM, SNMP, IKE, L2TP, the browser of SQL Server, the greetings of FTP and "
        "mail. Nobody logs on and nothing is changed.",
    .examples = {"msrpc port dc01.corp.example",
                 "the ports a domain controller needs, TCP and UDP",
                 "msrpc port dc01 --ports 135,445,49664-49670",
                 "where in the dynamic range a firewall begins"},
    .exits = {"0", "all ports are LISTENING",
              "10", "the name cannot be resolved",
              "20", "a port is not LISTENING, or nothing tells"},
    .groups = APP_GROUP_TARGET | APP_GROUP_LIMITS | APP_GROUP_OUTPUT,
    .options = options,
    .own_size = sizeof(struct port_options),
    .run = run,
};
