/*
 * msrpc serve: the endpoint mapper and the built-in interfaces on listeners of this machine, until
 * SIGINT or SIGTERM drains them. SIGHUP reads the settings anew.
 */
#include "serve.h"

#include <stdlib.h>
#include <unistd.h>

#include "session.h"

static const app_option options[] = {
    {"config", 0, APP_TEXT, "FILE", offsetof(struct serve_switches, config), 0, 0,
     "settings, which the other switches override; read again after SIGHUP"},
    {"check-config", 0, APP_FLAG, NULL, offsetof(struct serve_switches, check_config), 0, 0,
     "say whether the settings are good, and end"},
    {"mapper", 0, APP_TEXT, "[ADDR:]PORT", offsetof(struct serve_switches, mapper), 0, 0,
     "where the endpoint mapper listens (135 of every address, which needs root)"},
    {"socket", 0, APP_TEXT, "PATH", offsetof(struct serve_switches, socket), 0, 0,
     "the mapper for processes of this machine, which register here: a local socket "
     "(" MR_MAPPER_SOCKET " is where they look)"},
    {"bind", 0, APP_LIST, "ADDR", offsetof(struct serve_switches, bind), 0, 0,
     "listen on this address only (repeatable)"},
    {"ports", 0, APP_LIST, "RANGE,RANGE", offsetof(struct serve_switches, ports), 0, 0,
     "dynamic ports: each interface without @PORT takes one of them (those of --era)"},
    {"era", 0, APP_TEXT, "2008|2003", offsetof(struct serve_switches, era), 0, 0,
     "dynamic ports as Windows has them since 2008 (49152-65535) or had before (1024-5000)"},
    {"interface", 0, APP_LIST, "NAME[@PORT]", offsetof(struct serve_switches, interfaces), 0, 0,
     "offer this built-in interface, on PORT if given (rpcecho, netlogon; repeatable)"},
    {"mock", 0, APP_LIST, "FILE[@PORT]", offsetof(struct serve_switches, mocks), 0, 0,
     "offer an interface whose replies stand in a JSON file (repeatable)"},
    {"register", 0, APP_LIST, "NAME|UUID[:VER]@PORT",
     offsetof(struct serve_switches, registered), 0, 0,
     "tell the mapper of an endpoint that is not served here (repeatable)"},
    {"threads", 0, APP_NUMBER, "N", offsetof(struct serve_switches, threads), 1, 256,
     "workers for calls that may take long (none: one thread does everything)"},
    {"call-timeout", 0, APP_NUMBER, "SECONDS", offsetof(struct serve_switches, call_timeout), 1,
     86400, "answer calls that take longer with a fault (they may take for ever)"},
    {"users", 0, APP_TEXT, "FILE|winbind:", offsetof(struct serve_switches, users), 0, 0,
     "who may log on by NTLM: lines DOMAIN\\user:NT-HASH or user:PASSWORD; or whom the domain "
     "lets in by this machine's winbindd (nobody)"},
    {"keytab", 0, APP_TEXT, "FILE", offsetof(struct serve_switches, keytab), 0, 0,
     "let clients log on by Kerberos, with tickets for the services that have keys here"},
    {"metrics", 0, APP_TEXT, "[ADDR:]PORT", offsetof(struct serve_switches, metrics), 0, 0,
     "give numbers to Prometheus: GET /metrics (of 127.0.0.1 without an address)"},
    {"log", 0, APP_TEXT, SERVE_LEVELS, offsetof(struct serve_switches, log), 0, 0,
     "what is told on standard error, a line for each event (notice); info: connections too, "
     "debug: calls"},
    {"ready-fd", 0, APP_NUMBER, "N", offsetof(struct serve_switches, ready_fd), 1, 1023,
     "write one line to descriptor N once every listener stands"},
    {"verbose", 'v', APP_COUNTER, NULL, offsetof(struct serve_switches, verbose), 0, 0,
     "tell every call of a mock, with its parameters"},
    {0},
};

/* ---- what is told ---- */

/* ", as LAB\alice S-1-5-... by kerberos"; nothing of nobody. In @arena. */
static const char *tell_caller(const struct serve *s, mr_arena *arena, const mr_server_caller *c) {
    char sid[MR_SID_TEXT] = "";
    app safe = *s->a;

    if (!*c->mechanism)
        return "";
    if (c->sid_count)
        mr_sid_text(&c->sids[0], sid);
    safe.arena = *arena;
    const char *user = app_safe(&safe, mr_slice_str(c->anonymous ? "nobody" : c->user));
    const char *domain = app_safe(&safe, mr_slice_str(c->domain));
    *arena = safe.arena;
    const char *text = mr_arena_add_fmt(arena, ", as %s%s%s%s%s by %s", domain,
                                        *domain ? "\\" : "", user, *sid ? " " : "", sid,
                                        c->mechanism);
    return text ? text : "";
}

static void tell_call(struct serve *s, enum serve_level level, const mr_server_record *record) {
    const char *name = record->served ? record->served->iface->name : "unknown interface";
    char peer[MR_ADDR_TEXT];
    mr_arena arena;

    mr_arena_init(&arena, 16384);
    const char *as = tell_caller(s, &arena, record->caller);
    mr_addr_port_text(record->peer, peer);
    if (record->status)
        serve_log(&s->log, record->denied ? SERVE_DENIED : SERVE_CALL, level,
                  "%s: %s opnum %u: fault 0x%08x%s", peer, name, record->opnum, record->status,
                  as);
    else
        serve_log(&s->log, SERVE_CALL, level,
                  "%s: %s opnum %u: %zu octets in, %zu out, %.3f ms%s", peer, name,
                  record->opnum, record->in, record->out, (double)record->time / MR_MSEC, as);
    mr_arena_deinit(&arena);
}

static void on_answered(void *user, const mr_server_record *record) {
    struct serve *s = user;

    serve_metrics_count(&s->metrics, record);
    enum serve_level level = record->denied ? SERVE_NOTICE : SERVE_DEBUG;
    if (serve_log_wants(&s->log, level))
        tell_call(s, level, record);
}

static const struct {
    enum serve_kind kind;
    enum serve_level level;
    const char *text;
} notices[] = {
    [MR_NOTICE_CONNECTED] = {SERVE_CONNECTION, SERVE_INFO, "connected"},
    [MR_NOTICE_CLOSED] = {SERVE_CONNECTION, SERVE_INFO, "closed"},
    [MR_NOTICE_BROKE] = {SERVE_CONNECTION, SERVE_INFO, "broke"},
    [MR_NOTICE_REFUSED] = {SERVE_REFUSED, SERVE_WARNING, "refused: too many connections"},
    [MR_NOTICE_REFUSED_CLIENT] = {SERVE_REFUSED, SERVE_WARNING,
                                  "refused: too many connections of this client"},
    [MR_NOTICE_NO_ASSOCIATION] = {SERVE_REFUSED, SERVE_WARNING,
                                  "bind refused: too many associations, or none of that number"},
    [MR_NOTICE_PROTOCOL] = {SERVE_PROTOCOL, SERVE_NOTICE, "closed: protocol error"},
    [MR_NOTICE_SLOW] = {SERVE_SLOW, SERVE_NOTICE, "closed: too slow"},
    [MR_NOTICE_IDLE] = {SERVE_SLOW, SERVE_INFO, "closed: idle"},
    [MR_NOTICE_LOGON] = {SERVE_DENIED, SERVE_NOTICE, "not logged on"},
    [MR_NOTICE_ACCEPT] = {SERVE_ACCEPT, SERVE_ERROR, "nobody is accepted"},
};

static void on_noticed(void *user, enum mr_server_notice what, const mr_server_endpoint *endpoint,
                       const mr_addr *peer, const char *text) {
    struct serve *s = user;
    char from[MR_ADDR_TEXT], at[MR_ADDR_TEXT];
    const char *path = mr_server_endpoint_get_path(endpoint);

    if (!serve_log_wants(&s->log, notices[what].level))
        return;
    if (!path)
        path = mr_addr_port_text(mr_server_endpoint_get_local(endpoint), at);
    bool known = peer->family != MR_FAMILY_ANY; /* who could not be accepted is not */
    serve_log(&s->log, notices[what].kind, notices[what].level, "%s%s%s: %s%s%s",
              known ? mr_addr_port_text(peer, from) : "", known ? " at " : "", path,
              notices[what].text, *text ? ": " : "", text);
}

static const mr_server_watcher watcher = {on_answered, on_noticed};

/* ---- settings ---- */

static void on_stop(void *user, mr_server *server);

/* The limits go to the server, the rest to the log. */
static mr_server_options apply(struct serve *s) {
    mr_server_options o = s->settings.limits;

    s->log.level = (enum serve_level)s->settings.log_level;
    s->log.rate = s->settings.log_rate;
    o.watcher = &watcher;
    o.watcher_user = s;
    o.stop = on_stop;
    o.stop_user = &s->loop;
    mr_channels_set_accounts(s->channels,
                             s->users.gate ? mr_gate_get_accounts(s->users.gate) : NULL);
    if (s->users.gate)
        o.acceptors = mr_gate_get_acceptors(s->users.gate, &o.acceptor_count);
    return o;
}

/* What only a new start can change. */
static void tell_fixed(struct serve *s, const struct serve_settings *old) {
    const struct {
        const char *name, *was, *is;
    } rows[] = {
        {"the mapper's address", old->mapper, s->settings.mapper},
        {"the mapper's socket", old->socket, s->settings.socket},
        {"the address of the metrics", old->metrics, s->settings.metrics},
    };
    const struct app_list *was = &old->bind, *is = &s->settings.bind;
    bool moved = was->count != is->count;

    for (size_t i = 0; i < MR_COUNT(rows); i++)
        if (!mr_slice_eq(mr_slice_str(rows[i].was), mr_slice_str(rows[i].is)))
            serve_log(&s->log, SERVE_RELOAD, SERVE_WARNING, "%s changes with a restart",
                      rows[i].name);
    for (uint32_t i = 0; !moved && i < was->count; i++)
        moved = !mr_slice_eq(was->items[i], is->items[i]);
    if (old->limits.threads != s->settings.limits.threads)
        serve_log(&s->log, SERVE_RELOAD, SERVE_WARNING, "the number of threads changes with a "
                  "restart");
    if (moved)
        serve_log(&s->log, SERVE_RELOAD, SERVE_WARNING, "the addresses to listen on change with a "
                  "restart");
}

/* The settings and the files they name. 0 or an exit code, told. */
static int read_all(app *a, struct serve *s, struct serve_settings *settings,
                    struct serve_mocks *mocks, struct serve_users *users) {
    int code = serve_settings_read(a, s->switches, settings);

    if (!code)
        code = serve_mocks_read(a, settings, s->switches->verbose ? &s->log : NULL, mocks);
    if (!code)
        code = serve_open_know(a, settings, mocks);
    if (!code)
        code = serve_users_read(a, settings, s->channels, users);
    if (!code)
        code = serve_open_check(a, settings, mocks, users);
    return code;
}

/* The same once the server runs: what is wrong goes into the log. */
static int read_again(struct serve *s, struct serve_settings *settings,
                      struct serve_mocks *mocks, struct serve_users *users) {
    static const char prefix[] = "msrpc serve: ";
    char *text = NULL;
    size_t len = 0;
    app quiet = *s->a;

    quiet.err = open_memstream(&text, &len);
    if (!quiet.err)
        return APP_BUG;
    mr_arena_init(&quiet.arena, (size_t)16 << 20);
    int code = read_all(&quiet, s, settings, mocks, users);
    fclose(quiet.err);
    mr_arena_deinit(&quiet.arena);
    size_t skip = strncmp(text, prefix, sizeof prefix - 1) ? 0 : sizeof prefix - 1;
    if (code)
        serve_log(&s->log, SERVE_NOT_RELOADED, SERVE_ERROR, "not reloaded: %.*s",
                  (int)strcspn(text + skip, "\n"), text + skip);
    free(text);
    return code;
}

/* A descriptor for each connection, and some for the rest, as far as the system lets us; too few
 * are told of once. */
static void raise_files(struct serve *s) {
    rlim_t wanted = (rlim_t)s->settings.limits.max_connections + SERVE_PLACES_MAX + 64;
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted)
        return;
    files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        (void)getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur >= wanted || s->files_told == wanted)
        return;
    s->files_told = wanted;
    serve_log(&s->log, SERVE_LIFE, SERVE_WARNING, "%llu open files are allowed: %u connections "
              "need %llu (ulimit -Hn, LimitNOFILE=)", (unsigned long long)files.rlim_cur,
              s->settings.limits.max_connections, (unsigned long long)wanted);
}

/* All of the new settings, or none. */
static void on_hangup(void *user) {
    struct serve *s = user;
    struct serve_settings *settings = calloc(1, sizeof *settings), *old = malloc(sizeof *old);
    struct serve_users users = {.gate = NULL}, left;
    struct serve_mocks mocks = {.count = 0};

    if (settings && old && read_again(s, settings, &mocks, &users) == 0) {
        serve_manager_tell("RELOADING=1");
        *old = s->settings;
        s->settings = *settings;
        left = s->users;
        s->users = users;
        serve_mocks_take(&s->mocks, &mocks);
        mr_server_options o = apply(s);
        mr_server_set_options(s->server, &o);
        serve_users_deinit(&left);
        raise_files(s);
        tell_fixed(s, old);
        serve_open_again(s);
        s->metrics.reloads++;
        serve_log(&s->log, SERVE_RELOAD, SERVE_NOTICE, "reloaded: %u listeners, %zu endpoints",
                  serve_open_count(s), s->db.count);
        serve_settings_deinit(old);
        serve_manager_tell("READY=1");
    } else {
        s->metrics.reload_failures++;
        if (settings)
            serve_settings_deinit(settings);
    }
    serve_mocks_deinit(&mocks);
    free(settings);
    free(old);
}

/* ---- running ---- */

static int tell_ready(struct serve *s) {
    char line[64];

    serve_log(&s->log, SERVE_LIFE, SERVE_INFO, "ready: %u listeners, %zu endpoints",
              serve_open_count(s), s->db.count);
    serve_manager_tell("READY=1");
    if (!s->switches->ready_fd)
        return 0;
    int len = snprintf(line, sizeof line, "ready: %u listeners\n", serve_open_count(s));
    if (write((int)s->switches->ready_fd, line, (size_t)len) != len)
        return app_refuse(s->a, APP_UNWRITABLE, "--ready-fd %u cannot be written",
                          s->switches->ready_fd);
    return 0;
}

static void on_drained(void *user) {
    mr_loop_stop(user);
}

/* Somebody who may (mgmt stop_server_listening) asks for the end. */
static void on_stop(void *user, mr_server *server) {
    (void)server;
    mr_loop_stop(user);
}

static void drain(struct serve *s) {
    mr_server_stats stats;

    mr_server_get_stats(s->server, &stats);
    serve_manager_tell("STOPPING=1");
    serve_log(&s->log, SERVE_LIFE, SERVE_INFO, "draining: %u connections, %u calls",
              stats.connections_now, stats.calls_now);
    mr_server_drain(s->server, on_drained, &s->loop);
    mr_loop_run(&s->loop, mr_clock_now() + s->settings.drain_time);
    mr_server_get_stats(s->server, &stats);
    if (stats.connections_now)
        serve_log(&s->log, SERVE_LIFE, SERVE_WARNING, "ended with %u connections and %u calls",
                  stats.connections_now, stats.calls_now);
}

/* Serves until a signal, then lets calls in flight finish; a second signal cuts that short. */
static int run_server(struct serve *s) {
    mr_error err = MR_ERROR_INIT;

    if (mr_loop_add_signals(&s->loop, &err) != 0 ||
        mr_loop_add_hangup(&s->loop, on_hangup, s, &err) != 0)
        return app_refuse(s->a, APP_MISSING, "%s", err.text);
    s->running = true;
    int code = tell_ready(s);
    if (code)
        return code;
    if (s->listing)
        fflush(s->a->out);
    s->listing = false;
    int r = mr_loop_run(&s->loop, MR_NSEC_NEVER);
    if (r != 0 && r != MR_LOOP_INTERRUPTED)
        return app_refuse(s->a, APP_BUG, "the event loop ended by itself");
    drain(s);
    return APP_OK;
}

/* Ports that are meant to be listened on, not chosen from, look like this. */
static void tell_low_ports(const struct serve *s, const mr_ranges *pool, FILE *out) {
    if (pool->count && pool->items[0].first < MR_PORT_DYNAMIC_MIN)
        fprintf(out, "%s interfaces may get ports below 1024, which are known services' and "
                     "root's;\n     --interface NAME@PORT gives one a port of its own\n",
                app_mark(s->a, APP_MARK_WARN));
}

/* --check-config: with what a client would meet under such a policy. */
static int tell_check(struct serve *s) {
    const struct serve_settings *set = &s->settings;
    FILE *out = s->a->out;
    mr_ranges pool;

    (void)mr_port_pool(&set->rules, MR_PORT_USE_DEFAULT, &pool, NULL);
    fprintf(out, "%s good: %u dynamic ports", app_mark(s->a, APP_MARK_OK),
            mr_ranges_count(&pool));
    for (size_t i = 0; i < pool.count && i < 8; i++) {
        fprintf(out, "%s%u", i ? "," : ", ", pool.items[i].first);
        if (pool.items[i].last != pool.items[i].first)
            fprintf(out, "-%u", pool.items[i].last);
    }
    fputs(pool.count > 8 ? ", ...\n" : "\n", out);
    tell_low_ports(s, &pool, out);
    if (set->restrict_remote == MR_RESTRICT_HIGH && !set->client_resolution)
        fprintf(out, "%s RestrictRemoteClients = 2 without EnableAuthEpResolution = 1: clients "
                     "ask the\n     mapper anonymously and are refused\n",
                app_mark(s->a, APP_MARK_WARN));
    return APP_OK;
}

static int serve(struct serve *s) {
    mr_error err = MR_ERROR_INIT;
    mr_server_options o = apply(s);
    mr_ranges pool;

    (void)mr_port_pool(&s->settings.rules, MR_PORT_USE_DEFAULT, &pool, NULL);
    tell_low_ports(s, &pool, app_err(s->a));
    raise_files(s);
    if (mr_mapper_db_init(&s->db) != 0 || mr_server_new(&s->loop, &o, &s->server, &err) != 0)
        return app_refuse(s->a, APP_MISSING, "%s", err.text);
    serve_metrics_init(&s->metrics, &s->loop, s->server, &s->db);
    int code = serve_open_all(s);
    if (!code && s->settings.metrics)
        code = serve_metrics_open(&s->metrics, s->a, s->settings.metrics, 0);
    return code ? code : run_server(s);
}

static int run(app *a) {
    struct serve *s = mr_arena_get(&a->arena, 1, sizeof *s);
    mr_error err = MR_ERROR_INIT;

    if (!s)
        return app_refuse(a, APP_BUG, "out of memory");
    if (a->arg_count)
        return app_refuse(a, APP_USAGE, "%s: no target is wanted", a->args[0]);
    s->a = a;
    s->switches = a->own;
    s->listing = isatty(fileno(a->out)) != 0;
    if (mr_channels_new(&s->channels, &err) != 0)
        return app_refuse(a, APP_BUG, "%s", err.text);
    int code = read_all(a, s, &s->settings, &s->mocks, &s->users);
    if (!code)
        code = serve_open_bind(s);
    if (!code && s->switches->check_config) {
        code = tell_check(s);
    } else if (!code && mr_loop_init(&s->loop, &err) != 0) {
        code = app_refuse(a, APP_MISSING, "%s", err.text);
    } else if (!code) {
        serve_log_init(&s->log, &s->loop, stderr);
        code = serve(s);
        mr_server_free(s->server);
        serve_metrics_deinit(&s->metrics);
        serve_log_deinit(&s->log);
        mr_mapper_db_deinit(&s->db);
        mr_loop_deinit(&s->loop);
    }
    mr_channels_free(s->channels);
    serve_users_deinit(&s->users);
    serve_mocks_deinit(&s->mocks);
    serve_settings_deinit(&s->settings);
    return code;
}

const app_command app_serve = {
    .name = "serve",
    .line = "run an endpoint mapper and the built-in interfaces",
    .synopsis = "",
    .about =
        "Runs an endpoint mapper and offers the built-in interfaces, each on a port of its own "
        "that the mapper knows; the management interface answers on every port. It serves "
        "anonymously and keeps nothing on disk; with --users also those who log on by NTLM, "
        "with --keytab by Kerberos, with either by Negotiate, with the protection they ask "
        "for. --interface netlogon lets machines with an account (HOST$) in --users set up "
        "sealed secure channels. "
        "With --socket, processes of root's and of its own user register their endpoints, "
        "which are forgotten when they end. --mock FILE offers any compiled interface with "
        "replies from a JSON file, so that a client can be tried without the real service: "
        "{\"interface\":\"netlogon\",\"replies\":{METHOD:REPLY}}, a REPLY being what msrpc "
        "call prints of the method, a fault status, or an array of these given in turn; "
        "\"default\" is the fault status of the other methods. --config FILE has the same "
        "settings and more: ports as Rpc\\Internet has them, who may call, limits. SIGHUP "
        "reads it again and drops no connection. SIGTERM or SIGINT let the calls in flight "
        "finish and end it.",
    .examples = {"msrpc serve --mapper 127.0.0.1:10135 --bind 127.0.0.1",
                 "no root; ask: msrpc ping 127.0.0.1 --interface rpcecho --mapper-port 10135",
                 "msrpc serve --interface rpcecho@49152 --threads 4 --call-timeout 10",
                 "on port 135; rpcecho on its own port, four workers, ten seconds a call"},
    .exits = {"0", "ended by SIGTERM or SIGINT, or by the management interface",
              "66", "the file of --mock, --users, --keytab or --config cannot be read",
              "69", "an address or port cannot be had; winbindd does not answer",
              "73", "--ready-fd cannot be written"},
    .options = options,
    .own_size = sizeof(struct serve_switches),
    .run = run,
};
