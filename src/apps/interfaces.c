/*
 * msrpc interfaces: what is behind the TCP endpoints of a host, each asked by a survey (mgmt, then
 * many presentation contexts at once on one connection), all endpoints together.
 */
#include "interfaces.h"

#include <stdlib.h>

#include <msrpc/ifaces/names.h>

#include "input.h"
#include "jobs.h"
#include "report.h"
#include "verdict.h"

#define AT_ONCE 64
#define GUESSES_MAX 65536

static const app_option options[] = {
    {"method", 0, APP_CHOICE, "auto|mgmt|probe", offsetof(struct ifs_options, method), 0, 0,
     "how to learn them: mgmt, and probing where it refuses (auto; with -v both)"},
    {"uuid", 0, APP_LIST, "UUID[:VER]", offsetof(struct ifs_options, uuids), 0, 0,
     "also probe for this interface"},
    {"guess", 0, APP_TEXT, "FILE", offsetof(struct ifs_options, guess), 0, 0,
     "also probe for the interfaces of FILE, a UUID[:VER] a line"},
    {"only-guesses", 0, APP_FLAG, NULL, offsetof(struct ifs_options, only), 0, 0,
     "probe for those of --uuid and --guess alone"},
    {"batch", 0, APP_NUMBER, "N", offsetof(struct ifs_options, batch), 1, MR_ASSOC_CONTEXT_MAX,
     "probe for at most N interfaces in one PDU (as many as fit)"},
    {"mapper-port", 0, APP_NUMBER, "N", offsetof(struct ifs_options, mapper_port), 1, 65535,
     "the endpoint mapper's port (135)"},
    {0},
};

/* ---- what to probe for ---- */

static int compare_syntax(const void *pa, const void *pb) {
    const mr_syntax *a = pa, *b = pb;
    int order = mr_uuid_cmp(&a->uuid, &b->uuid);

    if (!order)
        order = (a->major > b->major) - (a->major < b->major);
    return order ? order : (a->minor > b->minor) - (a->minor < b->minor);
}

static int add_guess(const app *a, struct ifs_guesses *g, const mr_syntax *syntax) {
    if (g->count == GUESSES_MAX)
        return app_refuse(a, APP_USAGE, "more than %d interfaces to probe for", GUESSES_MAX);
    g->items[g->count++] = *syntax;
    return 0;
}

static int read_guess_file(app *a, const char *path, struct ifs_guesses *g) {
    app_lines lines;
    mr_syntax syntax;
    char *word;
    int code = app_lines_open(a, path, &lines);

    if (code)
        return code;
    while (!(code = app_lines_next(&lines, &word)) && word) {
        word[strcspn(word, " \t")] = '\0'; /* what follows is a remark */
        if (app_iface_read(a, word, &syntax) != 0)
            code = app_refuse(a, APP_UNREADABLE, "--guess %s: line %u", path, lines.number);
        else
            code = add_guess(a, g, &syntax);
        if (code)
            break;
    }
    app_lines_close(&lines);
    return code;
}

static void drop_doubles(struct ifs_guesses *g) {
    size_t n = 0;

    qsort(g->items, g->count, sizeof *g->items, compare_syntax);
    for (size_t i = 0; i < g->count; i++)
        if (n == 0 || compare_syntax(&g->items[n - 1], &g->items[i]) != 0)
            g->items[n++] = g->items[i];
    g->count = n;
}

static int read_guesses(app *a, struct ifs_guesses *g) {
    const struct ifs_options *o = a->own;
    bool more = o->uuids.count || o->guess;
    size_t n;
    int code = 0;

    if (o->only && !more)
        return app_refuse(a, APP_USAGE, "--only-guesses: --uuid or --guess is wanted with it");
    const mr_iface_name *names = mr_name_all(&n);
    g->items = mr_arena_get_raw(&a->arena, more ? GUESSES_MAX : n, sizeof *g->items);
    if (!g->items)
        return app_refuse(a, APP_BUG, "out of memory");
    for (size_t i = 0; !o->only && i < n; i++) /* sorted, and each once */
        if (!(names[i].flags & (MR_IFACE_TRANSFER | MR_IFACE_TYPES | MR_IFACE_OBJECT)))
            g->items[g->count++] = (mr_syntax){names[i].uuid, names[i].major, names[i].minor};
    for (uint32_t i = 0; !code && i < o->uuids.count; i++) {
        mr_syntax syntax;
        const char *text = mr_arena_add_str(&a->arena, o->uuids.items[i]);
        code = text ? app_iface_read(a, text, &syntax) : app_refuse(a, APP_BUG, "out of memory");
        if (!code)
            code = add_guess(a, g, &syntax);
    }
    if (!code && o->guess)
        code = read_guess_file(a, o->guess, g);
    if (!code && more)
        drop_doubles(g);
    return code;
}

/* ---- the endpoints ---- */

static int compare_port(const void *a, const void *b) {
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static int set_endpoints(struct ifs *all, const uint16_t *ports, size_t count,
                         const mr_addr *addr) {
    all->items = mr_arena_get(&all->s->a->arena, count + 1, sizeof *all->items);
    if (!all->items)
        return app_refuse(all->s->a, APP_BUG, "out of memory");
    for (size_t i = 0; i < count; i++) {
        all->items[i].all = all;
        all->items[i].addr = *addr;
        all->items[i].addr.port = ports[i];
    }
    all->count = all->left = count;
    return 0;
}

/* Every distinct TCP port of the mapper's list, and the mapper's own. */
static int take_ports(struct ifs *all, const mr_mapper *mapper) {
    uint16_t *ports = mr_arena_get(&all->s->a->arena, mapper->count + 1, sizeof *ports);
    size_t n = 0, distinct = 0;

    if (!ports)
        return app_refuse(all->s->a, APP_BUG, "out of memory");
    ports[n++] = all->remote->port;
    for (size_t i = 0; i < mapper->count; i++) {
        const mr_mapper_entry *e = &mapper->entries[i];
        if (e->protseq == MR_PROTSEQ_NCACN_IP_TCP && e->port && !e->tower_bad)
            ports[n++] = e->port;
    }
    qsort(ports, n, sizeof *ports, compare_port);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || ports[i] != ports[i - 1])
            ports[distinct++] = ports[i];
    return set_endpoints(all, ports, distinct, all->remote);
}

static int find_endpoints(struct ifs *all, mr_client **clientp, mr_mapper *mapper) {
    const struct ifs_options *o = all->s->a->own;
    uint16_t port = (uint16_t)all->target->port;

    all->remote = &all->s->addrs[0];
    all->s->mapper_port = (uint16_t)o->mapper_port;
    if (port)
        return set_endpoints(all, &port, 1, all->remote);
    int code = app_session_ask(all->s, all->target, (uint16_t)o->mapper_port, NULL, clientp,
                               mapper);
    all->mapper = mapper;
    if (*clientp)
        all->remote = &mr_client_get_report(*clientp)->attempt.remote;
    return code ? code : take_ports(all, mapper);
}

/* ---- the surveys ---- */

static enum ifs_state state_of(const mr_survey *survey, int result) {
    if (!result)
        return IFS_ANSWERED;
    if (survey->connected) {
        bool rpc = result == MR_ERR_CONTEXT_REJECTED || result == MR_ERR_FAULT;
        return rpc ? IFS_ANSWERED : result == MR_ERR_TIMEOUT ? IFS_SILENT : IFS_FAILED;
    }
    switch (survey->attempt.reach) {
    case MR_REACH_REFUSED: return IFS_REFUSED;
    case MR_REACH_SILENT: return IFS_FILTERED;
    case MR_REACH_UNREACHABLE:
        return mr_icmp_is_port(&survey->attempt.icmp) ? IFS_REFUSED : IFS_UNREACHABLE;
    case MR_REACH_PENDING:
    case MR_REACH_OPEN:
    case MR_REACH_LOCAL: return IFS_FAILED;
    }
    return IFS_FAILED;
}

static void start_more(struct ifs *all);

/* A target that names its port may have more addresses. */
static bool try_next_address(struct ifs_endpoint *e) {
    const app_session *s = e->all->s;

    if (!e->all->target->port || e->survey.connected || e->addr_at + 1 >= s->addr_count)
        return false;
    uint16_t port = e->addr.port;
    e->addr = s->addrs[++e->addr_at];
    e->addr.port = port;
    e->all->remote = &s->addrs[e->addr_at];
    return true;
}

static void on_done(void *user, mr_survey *survey, int result, const mr_error *err) {
    struct ifs_endpoint *e = user;
    struct ifs *all = e->all;

    e->under_way = false;
    all->open--;
    if (result && try_next_address(e)) {
        mr_survey_deinit(survey);
        all->next--;
    } else {
        e->result = result;
        e->state = state_of(survey, result);
        if (result) {
            all->s->error = *err;
            e->error = app_error(all->s->a, err);
        }
        all->left--;
    }
    start_more(all);
    if (all->left == 0)
        mr_loop_stop(&all->s->loop);
}

static int start_one(struct ifs_endpoint *e) {
    app *a = e->all->s->a;
    const struct ifs_options *o = a->own;
    mr_survey_options so = {
        .client = app_client_options(e->all->s, app_session_level(e->all->s)),
        .method = (enum mr_survey_method)o->method,
        .guesses = e->all->guesses->items,
        .guess_count = e->all->guesses->count,
        .batch = o->batch,
        .details = a->set.verbose != 0,
    };
    mr_error err = MR_ERROR_INIT;

    if (a->set.verbose && so.method == MR_SURVEY_AUTO)
        so.method = MR_SURVEY_BOTH;
    so.client.connect.remote = e->addr;
    if (e->all->count > 1)
        so.client.connect.source.port = 0; /* one source port cannot serve many connections */
    int r = mr_survey_init(&e->survey, &e->all->s->loop, &so, &err);
    e->survey.done = on_done;
    e->survey.user = e;
    if (!r)
        r = mr_survey_start(&e->survey, &err);
    e->under_way = r == 0;
    return r ? app_refuse(a, APP_MISSING, "port %u: %s", e->addr.port, err.text) : 0;
}

static void on_turn(void *user) {
    struct ifs *all = user;

    start_more(all);
    if (all->left == 0)
        mr_loop_stop(&all->s->loop);
}

static void start_more(struct ifs *all) {
    size_t most = app_session_at_once(all->s, AT_ONCE);

    while (all->open < most && all->next < all->count && app_pace_take(&all->pace)) {
        struct ifs_endpoint *e = &all->items[all->next++];
        int code = start_one(e);
        if (code) {
            e->state = IFS_FAILED;
            all->code = code;
            all->left--;
            continue;
        }
        all->open++;
    }
}

static int ask_endpoints(struct ifs *all) {
    int told = app_session_prove(all->s, all->target, all->items[0].addr.port);
    if (told)
        return told;
    app_pace_init(&all->pace, all->s, on_turn, all);
    start_more(all);
    int code = app_session_wait(all->s, &all->left);
    app_pace_deinit(&all->pace);
    if (all->count && !all->s->local.family)
        all->s->local = all->items[0].survey.attempt.local;
    return code;
}

/* ---- judging ---- */

bool ifs_is_there(const mr_survey_iface *iface) {
    return iface->listed || iface->probe == MR_SURVEY_PRESENT;
}

void ifs_count(const mr_survey *survey, size_t *askedp, size_t *unknownp) {
    size_t asked = 0, unknown = 0;

    for (size_t i = 0; i < survey->count; i++) {
        asked += survey->ifaces[i].probe != MR_SURVEY_NOT_ASKED;
        unknown += survey->ifaces[i].probe == MR_SURVEY_UNKNOWN;
    }
    *askedp = asked;
    *unknownp = unknown;
}

/* The first failing phase of any endpoint; a warning where not all could be learnt. */
static int judge(const struct ifs *all) {
    int code = APP_OK;

    for (size_t i = 0; i < all->count; i++) {
        const struct ifs_endpoint *e = &all->items[i];
        size_t asked, unknown, there = 0;
        switch (e->state) {
        case IFS_REFUSED:
        case IFS_FILTERED:
        case IFS_UNREACHABLE:
            return APP_TCP;
        case IFS_WAITING:
        case IFS_SILENT:
        case IFS_FAILED:
            code = APP_COMMUNICATION;
            break;
        case IFS_ANSWERED:
            ifs_count(&e->survey, &asked, &unknown);
            for (size_t k = 0; k < e->survey.count; k++)
                there += ifs_is_there(&e->survey.ifaces[k]);
            if (e->result)
                code = APP_COMMUNICATION;
            else if ((unknown || e->survey.cut || there == 0) && code == APP_OK)
                code = APP_WARNINGS;
            break;
        }
    }
    return code;
}

/* Of several endpoints each stands on the screen with its own. */
static void tell_failure(const struct ifs *all) {
    const struct ifs_endpoint *e = &all->items[0];
    char text[MR_ADDR_TEXT];

    if (all->count == 1 && e->error)
        app_refuse(all->s->a, APP_COMMUNICATION, "%s: %s", mr_addr_port_text(&e->addr, text),
                   e->error);
}

/* ---- one target ---- */

static void write_json(struct ifs *all, int code) {
    app *a = all->s->a;
    mr_writer w;

    app_report_open(a, &w);
    app_report_target(&w, all->target, all->remote);
    app_report_vantage(all->s, &w, NULL);
    mr_writer_real(&w, "ms", app_session_ms(all->s));
    mr_writer_bool(&w, "partial", code >= APP_INCOMPLETE);
    if (code > APP_WARNINGS && all->s->error.text[0])
        mr_writer_str(&w, "error", app_error(a, &all->s->error));
    ifs_json(all, &w);
    app_report_findings(all->s, &w);
    app_report_close(a, &w, code);
}

static int interfaces_target(app *a, const app_target *target, void *user) {
    app_session s;
    struct ifs all = {.s = &s, .target = target, .guesses = user};
    mr_mapper mapper = {0};
    mr_client *client = NULL;

    int code = app_session_open(a, &s);
    if (code)
        return code;
    code = app_session_resolve(&s, target);
    if (!code)
        code = find_endpoints(&all, &client, &mapper);
    if (!code)
        code = ask_endpoints(&all);
    if (all.count && code < APP_INCOMPLETE) {
        tell_failure(&all);
        code = app_worse(code ? code : all.code, judge(&all));
    }
    if (mapper.cut && code < APP_INCOMPLETE)
        code = app_refuse(a, APP_INCOMPLETE, "%s: the mapper's list has no end", target->host);
    if (a->set.json || a->set.jsonl)
        write_json(&all, code);
    else if (all.count)
        ifs_show(&all);
    app_session_tell_findings(&s);
    for (size_t i = 0; i < all.count; i++)
        mr_survey_deinit(&all.items[i].survey);
    mr_mapper_deinit(&mapper);
    mr_client_free(client);
    app_session_close(&s);
    return code;
}

static int check_bindings(const app *a, const app_target *targets, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (targets[i].binding && targets[i].binding->protseq != MR_PROTSEQ_NCACN_IP_TCP)
            return app_refuse(a, APP_USAGE, "%s: endpoints are asked over ncacn_ip_tcp",
                              targets[i].input);
    return 0;
}

static int run(app *a) {
    struct ifs_guesses guesses = {0};
    app_target *targets;
    size_t count;

    int code = read_guesses(a, &guesses);
    if (!code)
        code = app_targets_read(a, 0, &targets, &count);
    if (!code)
        code = check_bindings(a, targets, count);
    return code ? code : app_jobs_run(a, targets, count, interfaces_target, &guesses);
}

const app_command app_interfaces = {
    .name = "interfaces",
    .line = "the interfaces behind an endpoint, also those no mapper knows",
    .synopsis = "TARGET[:PORT]...",
    .about =
        "Asks the server behind a TCP endpoint which interfaces it has: mgmt inq_if_ids, and where "
        "that is refused, every interface known by name is bound to, more than a hundred in one "
        "PDU and all on one connection. Without a port the mapper is asked for all TCP endpoints "
        "and each is examined, all at once. With -v both ways are tried and compared. An interface "
        "is called absent only when the server says that it does not know it; what is rejected "
        "otherwise is counted as unknown.",
    .examples = {"msrpc interfaces dc01:49664", "what is behind that port",
                 "msrpc interfaces dc01 -v --method probe",
                 "every TCP endpoint, by binding alone, with what was not clear"},
    .exits = {"0", "every endpoint told its interfaces",
              "1", "something stayed unknown, or nothing was found",
              "10 20 30 40", "the first failing phase of any endpoint"},
    .groups = APP_GROUP_TARGET | APP_GROUP_IDENTITY | APP_GROUP_LIMITS | APP_GROUP_OUTPUT,
    .options = options,
    .own_size = sizeof(struct ifs_options),
    .run = run,
};
