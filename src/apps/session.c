/*
 * One host at a time: resolve, connect, bind, ask the mapper. Every failure becomes one line that
 * names what was tried, and the exit code of the phase it belongs to.
 */
#include "session.h"

#include <msrpc/ifaces.h>
#include <msrpc/ifaces/epmapper.h>
#include <msrpc/ifaces/mgmt.h>
#include <msrpc/ifaces/names.h>

#include "jobs.h"
#include "verdict.h"

int app_session_open(app *a, app_session *s) {
    *s = (app_session){.a = a, .error = MR_ERROR_INIT};
    int r = mr_loop_init(&s->loop, &s->error);
    if (!r && !a->worker)
        r = mr_loop_add_signals(&s->loop, &s->error);
    if (r) {
        mr_loop_deinit(&s->loop);
        return app_refuse(a, APP_MISSING, "%s", s->error.text);
    }
    if (!app_worker_enter(a->worker, &s->loop)) {
        mr_loop_deinit(&s->loop);
        return APP_INTERRUPTED;
    }
    mr_resolver_init(&s->resolver, &s->loop);
    s->alone.interval = app_pace_interval(a);
    s->pace = a->pace ? a->pace : &s->alone;
    s->started = mr_clock_now();
    s->deadline = a->deadline ? a->deadline : s->started + a->set.deadline;
    mr_loop_set_deadline(&s->loop, s->deadline);
    if (a->set.dns_server) {
        mr_addr server;
        if (mr_addr_decode_port(mr_slice_str(a->set.dns_server), 53, &server) != 0) {
            app_session_close(s);
            return app_refuse(a, APP_USAGE, "--dns-server %s: an address is wanted, such as "
                              "10.0.0.1 or 10.0.0.1:53", a->set.dns_server);
        }
        if (mr_resolver_set_server(&s->resolver, &server, &s->error) != 0) {
            app_session_close(s);
            return app_refuse(a, APP_MISSING, "%s", s->error.text);
        }
    }
    return 0;
}

void app_session_close(app_session *s) {
    app_worker_leave(s->a->worker);
    app_logon_deinit(&s->logon);
    mr_resolver_deinit(&s->resolver);
    mr_loop_deinit(&s->loop);
}

double app_session_ms(const app_session *s) {
    return (double)(mr_clock_now() - s->started) / (double)MR_MSEC;
}

const char *app_took_text(mr_nsec took, char out[32]) {
    double ms = (double)took / (double)MR_MSEC;

    if (ms < 999.5)
        snprintf(out, 32, "%.*f ms", ms < 10 ? 1 : 0, ms);
    else
        snprintf(out, 32, "%.1f s", ms / 1000);
    return out;
}

/* ---- waiting within the deadline ---- */

int app_session_cancelled(const app_session *s) {
    int code = mr_clock_now() >= s->deadline ? APP_INCOMPLETE : APP_INTERRUPTED;

    if (s->a->worker) /* told once for all targets */
        return code;
    return app_refuse(s->a, code, code == APP_INCOMPLETE ? "the deadline of the run has passed"
                                                         : "interrupted");
}

int app_session_wait(app_session *s, const size_t *open) {
    while (*open) {
        int r = mr_loop_run(&s->loop, s->deadline);
        if (r == MR_LOOP_INTERRUPTED || (r == MR_LOOP_DEADLINE && *open))
            return app_session_cancelled(s);
        if ((r < 0 || r == MR_LOOP_IDLE) && *open)
            return app_refuse(s->a, APP_BUG, "nothing to wait for");
    }
    return 0;
}

struct wait {
    app_session *s;
    size_t open;
    int result;
    mr_error err;
};

static void wait_over(struct wait *wait, int result, const mr_error *err) {
    wait->open = 0;
    wait->result = result;
    if (result)
        wait->err = *err;
    mr_loop_stop(&wait->s->loop);
}

/* ---- names ---- */

static void on_lookup(void *user, int result, const mr_error *err) {
    wait_over(user, result, err);
}

/* Where more is to be learnt about a failure to reach the target. */
static void hint(const app_session *s, const app_target *target) {
    fprintf(app_err(s->a), "(msrpc diagnose %s tells why)\n",
            s->subject ? s->subject : target->input);
}

int app_session_resolve(app_session *s, const app_target *target) {
    app *a = s->a;
    struct wait wait = {.s = s, .open = 1};
    const char *host = a->set.target_ip ? a->set.target_ip : target->host;
    mr_lookup lookup;

    s->target = target;
    int code = app_account_check(a, target);
    if (code)
        return code;
    if (a->set.target_ip && mr_addr_decode(mr_slice_str(host), 0, &s->addrs[0]) != 0)
        return app_refuse(a, APP_USAGE, "--target-ip %s: an address is wanted", host);
    const mr_lookup_options options = {
        .host = host,
        .family = a->set.ipv4 ? MR_FAMILY_IPV4 : a->set.ipv6 ? MR_FAMILY_IPV6 : MR_FAMILY_ANY,
        .timeout = a->set.timeout,
    };
    mr_lookup_init(&lookup, &s->resolver, on_lookup, &wait);
    int r = mr_lookup_start(&lookup, &options, &s->error);
    if (r) {
        mr_lookup_deinit(&lookup);
        return app_refuse(a, APP_USAGE, "%s: %s", host, s->error.text);
    }
    code = app_session_wait(s, &wait.open);
    if (!code && wait.result) {
        s->error = wait.err;
        /* the lookup's sentence begins with the host */
        code = app_refuse(a, APP_NAMES, "%s", wait.err.text);
        hint(s, target);
    }
    if (!code) {
        memcpy(s->addrs, lookup.addrs, sizeof s->addrs);
        s->addr_count = lookup.count;
        s->source = lookup.source;
        s->full_name = s->source == MR_LOOKUP_DNS
                           ? mr_arena_add_str(&a->arena, mr_slice_str(lookup.name)) : NULL;
    }
    mr_lookup_deinit(&lookup);
    return code;
}

/* ---- connecting ---- */

static void on_bound(void *user, mr_client *client, int result, const mr_error *err) {
    (void)client;
    wait_over(user, result, err);
}

/* What became of the target's first address that decides: one that answers does. */
static void set_outcome(app *a, const mr_client_report *report) {
    if (report->connected)
        a->outcome = APP_ANSWERED;
    else if (a->outcome == APP_ANSWERED)
        return;
    else if (report->attempt.reach == MR_REACH_REFUSED || mr_icmp_is_port(&report->attempt.icmp))
        a->outcome = APP_REFUSED;
    else if (report->attempt.reach == MR_REACH_SILENT ||
             mr_attempt_no_neighbour(&report->attempt))
        a->outcome = APP_SILENT;
    else
        a->outcome = APP_UNREACHED;
}

/* What a failed connection is to be said of, and its exit code. */
static int fail_one(app_session *s, mr_client *client, int bind_code, const mr_error *err) {
    const mr_client_report *report = mr_client_get_report(client);

    s->error = *err;
    if (!report->connected)
        return APP_TCP;
    if (!report->auth.asked || report->auth.trouble == MR_AUTH_TROUBLE_NONE)
        return bind_code;
    app_session_fail(s, client, err);
    return APP_COMMUNICATION;
}

/* No provider could be made: nothing was sent. */
static int fail_before(app_session *s, int result) {
    if (app_account_is_refused(s->target->account))
        app_session_add_untried(s);
    else
        (void)app_session_add_refused(s, result, &s->error);
    return APP_COMMUNICATION;
}

static int connect_one(app_session *s, const mr_addr *remote, const mr_syntax *syntax,
                       uint8_t level, int bind_code, mr_client **clientp) {
    mr_client_options options = app_client_options(s, level);
    struct wait wait = {.s = s, .open = 1};
    mr_client *client;

    int code = app_session_pace(s);
    if (code)
        return code;
    options.connect.remote = *remote;
    if (mr_client_new(&s->loop, &options, &client, &s->error) != 0)
        return app_refuse(s->a, APP_BUG, "%s", s->error.text);
    int r = mr_client_start(client, syntax, on_bound, &wait, &s->error);
    if (r == MR_ERR_MEMORY || (r && r != MR_ERR_AUTH && s->error.floor != MR_FLOOR_AUTH))
        code = app_refuse(s->a, APP_BUG, "%s", s->error.text);
    else if (r == MR_ERR_MISSING)
        code = app_refuse(s->a, APP_MISSING, "%s: %s", s->target->host,
                          app_session_add_refused(s, r, &s->error));
    else if (r)
        code = fail_before(s, r);
    else
        code = app_session_wait(s, &wait.open);
    if (!code) {
        set_outcome(s->a, mr_client_get_report(client));
        s->local = mr_client_get_report(client)->attempt.local;
        app_session_judge(s, client, wait.result);
    }
    if (!code && wait.result)
        code = fail_one(s, client, bind_code, &wait.err);
    if (code)
        mr_client_free(client);
    else
        *clientp = client;
    return code;
}

static void tell_one(app_session *s, const app_target *target, const mr_addr *remote, int code) {
    char text[MR_ADDR_TEXT];
    const char *why = app_error(s->a, &s->error);

    mr_addr_port_text(remote, text);
    if (strstr(why, text) || strcmp(target->host, text) == 0)
        app_refuse(s->a, code, "%s: %s", target->host, why);
    else
        app_refuse(s->a, code, "%s %s: %s", target->host, text, why);
}

/* The address answered, but takes no logon of this kind: it can be asked without. */
static bool may_do_without(const app_session *s, uint8_t level, const mr_syntax *syntax) {
    const struct app_settings *set = &s->a->set;

    return level > MR_AUTH_LEVEL_NONE && mr_syntax_eq(syntax, &mr_epmapper_iface.syntax) &&
           s->error.peer_kind == MR_PEER_BIND_NAK && !set->no_null &&
           ((set->auth == APP_CHOICE_NONE && set->auth_level == APP_CHOICE_NONE) ||
            s->target->account->mechanism == MR_LOGON_NETLOGON); /* the mapper's is another host */
}

/* Nothing that a server says at connect proves NTLM's last message, which has no answer of its own:
 * the account is proven by a call of mgmt at privacy, before it is shown anywhere else. */
static int prove_first(app_session *s, const mr_addr *remote) {
    struct mr_mgmt_is_server_listening listening = {0};
    const app_account *account = s->target->account;
    mr_client *client = NULL;

    if (!account || account->who != APP_WHO_USER || account->level != MR_AUTH_LEVEL_CONNECT ||
        account->mechanism != MR_LOGON_NTLM || app_account_is_good(account))
        return 0;
    int code = connect_one(s, remote, &mr_mgmt_iface.syntax, MR_AUTH_LEVEL_PRIVACY, 0, &client);
    if (!code && client) {
        int r = mr_client_call(client, &mr_mgmt_iface, 2, &listening, &s->error);
        code = app_session_after(s, client, NULL, r, 0);
    }
    mr_client_free(client);
    return code;
}

static int connect_addr(app_session *s, const mr_addr *remote, const mr_syntax *syntax,
                        int bind_code, mr_client **clientp) {
    uint8_t level = app_session_level(s);
    int code = level > MR_AUTH_LEVEL_NONE ? app_session_logon(s) : 0;

    if (code)
        return code;
    code = prove_first(s, remote);
    if (!code)
        code = connect_one(s, remote, syntax, level, bind_code, clientp);
    if (code != APP_COMMUNICATION || !may_do_without(s, level, syntax))
        return code;
    if (!s->logon.anonymous_mapper && !s->quiet)
        fprintf(app_err(s->a), "(%s: the endpoint mapper takes no logon: %s; asked without)\n",
                s->target->host, app_error(s->a, &s->error));
    s->logon.anonymous_mapper = true;
    app_session_forget(s);
    return connect_one(s, remote, syntax, MR_AUTH_LEVEL_NONE, bind_code, clientp);
}

int app_session_connect(app_session *s, const app_target *target, uint16_t port,
                        const mr_syntax *syntax, int bind_code, mr_client **clientp) {
    int code = APP_TCP;

    if (mr_syntax_eq(syntax, &mr_epmapper_iface.syntax))
        s->mapper_port = port;
    for (size_t i = 0; i < s->addr_count; i++) {
        mr_addr remote = s->addrs[i];
        remote.port = port;
        code = connect_addr(s, &remote, syntax, bind_code, clientp);
        if (!code || code >= APP_USAGE || s->logon.code)
            return code;
        bool untold = s->quiet || (target->swept && code == APP_TCP && !s->a->set.verbose);
        if (!untold)
            tell_one(s, target, &remote, code);
        if (s->logon.logon && code != APP_TCP)
            break; /* one address is enough for an account to be refused at */
    }
    if (!target->swept && !s->quiet && !s->diag) /* whose findings say more */
        hint(s, target);
    return code;
}

int app_session_prove(app_session *s, const app_target *target, uint16_t port) {
    struct mr_mgmt_is_server_listening listening = {0};
    bool quiet = s->quiet;
    mr_client *client = NULL;

    if (!app_account_logs_on(target->account) || app_account_is_good(target->account))
        return app_account_logs_on(target->account) ? app_session_logon(s) : 0;
    s->quiet = true; /* what else is wrong is for others to find */
    int code = app_session_connect(s, target, port, &mr_mgmt_iface.syntax, APP_DISCOVERY, &client);
    s->quiet = quiet;
    app_session_tell_fallback(s);
    if (!code) {
        int r = mr_client_call(client, &mr_mgmt_iface, 2, &listening, &s->error);
        code = app_session_after(s, client, NULL, r, APP_DISCOVERY);
    }
    mr_client_free(client);
    if (s->logon.code || code >= APP_USAGE)
        return code;
    return code == APP_COMMUNICATION ? app_refuse(s->a, code, "%s: %s", target->host,
                                                  app_error(s->a, &s->error)) : 0;
}

/* ---- the mapper ---- */

void app_session_blame_mapper(app_session *s) {
    const mr_error cause = s->error;
    bool stranger = cause.peer_kind == MR_PEER_FAULT && mr_fault_is_denial(cause.peer) &&
                    s->target->account->who <= APP_WHO_ANONYMOUS;

    mr_fail(&s->error, cause.code, cause.floor, cause.offset, "the endpoint mapper: %s%s",
            cause.text, stranger ? " (access denied; -u asks in the name of an account)" : "");
    s->error.peer_kind = cause.peer_kind;
    s->error.peer = cause.peer;
}

void app_session_at_mapper(app_session *s, const app_target *target, uint32_t port) {
    bool v6 = strchr(target->host, ':') != NULL;

    if (port && port != MR_MAPPER_PORT)
        s->subject = mr_arena_add_fmt(&s->a->arena, "%s%s%s:%u", v6 ? "[" : "", target->host,
                                      v6 ? "]" : "", port);
}

int app_session_ask(app_session *s, const app_target *target, uint16_t port,
                    const mr_syntax *interface, mr_client **clientp, mr_mapper *mapper) {
    char name[64];

    app_session_at_mapper(s, target, port);
    int code = app_session_connect(s, target, port ? port : MR_MAPPER_PORT,
                                   &mr_epmapper_iface.syntax, APP_DISCOVERY, clientp);
    if (code)
        return code;
    int r = mr_mapper_init(mapper, *clientp, mr_slice_str(target->host), &s->error);
    if (!r && interface)
        r = mr_mapper_map_run(mapper, interface, NULL, MR_PROTSEQ_NCACN_IP_TCP, &s->error);
    else if (!r) /* whole, because mappers disagree about their own filters */
        r = mr_mapper_lookup_run(mapper, &(mr_mapper_query){0}, &s->error);
    code = app_session_after(s, *clientp, NULL, r, APP_DISCOVERY);
    if (code == APP_DISCOVERY)
        app_session_blame_mapper(s);
    if (code && code < APP_USAGE && !s->quiet)
        app_refuse(s->a, code, "%s: %s%s%s", target->host,
                   interface ? app_iface_name(interface, name) : "", interface ? ": " : "",
                   app_error(s->a, &s->error));
    return code;
}

/* Where @interface listens over TCP, as the mapper on @mapper_port says. */
static int find_port(app_session *s, const app_target *target, uint16_t mapper_port,
                     const mr_syntax *interface, uint16_t *portp) {
    mr_client *client = NULL;
    mr_mapper mapper = {0};
    char name[64];
    int code = app_session_ask(s, target, mapper_port, interface, &client, &mapper);

    *portp = 0;
    for (size_t i = 0; !code && !*portp && i < mapper.count; i++)
        *portp = mapper.entries[i].port;
    if (!code && !*portp)
        code = app_refuse(s->a, APP_DISCOVERY, "%s: %s: the endpoint mapper names no TCP port",
                          target->host, app_iface_name(interface, name));
    mr_mapper_deinit(&mapper);
    mr_client_free(client);
    return code;
}

int app_session_port(app_session *s, const app_target *target, uint16_t mapper_port,
                     const mr_syntax *interface, uint16_t *portp) {
    bool mapper = mr_syntax_eq(interface, &mr_epmapper_iface.syntax) ||
                  mr_syntax_eq(interface, &mr_mgmt_iface.syntax);

    s->mapper_port = mapper_port;
    if (target->port || mapper) {
        *portp = (uint16_t)(target->port ? target->port
                            : mapper_port ? mapper_port : MR_MAPPER_PORT);
        return 0;
    }
    return find_port(s, target, mapper_port, interface, portp);
}

struct nap {
    mr_loop *loop;
    size_t open;
};

static void on_awake(void *user) {
    struct nap *nap = user;

    nap->open = 0;
    mr_loop_stop(nap->loop);
}

int app_session_sleep(app_session *s, mr_nsec time) {
    struct nap nap = {.loop = &s->loop, .open = 1};
    mr_timer timer; /* keeps a loop with nothing else to do waiting */

    mr_timer_init(&timer, &s->loop, on_awake, &nap);
    mr_timer_set(&timer, mr_clock_now() + time);
    int code = app_session_wait(s, &nap.open);
    mr_timer_deinit(&timer);
    return code;
}

mr_nsec app_pace_interval(const app *a) {
    return a->set.rate ? MR_SEC / a->set.rate : 0;
}

int app_session_pace(app_session *s) {
    mr_nsec turn = mr_pace_get(s->pace), now = mr_clock_now();
    return turn > now ? app_session_sleep(s, turn - now) : 0;
}

void app_pace_init(app_pace *pace, app_session *s, void (*on_turn)(void *user), void *user) {
    pace->s = s;
    pace->turn = 0;
    mr_timer_init(&pace->timer, &s->loop, on_turn, user);
}

void app_pace_deinit(app_pace *pace) {
    mr_timer_deinit(&pace->timer);
}

bool app_pace_take(app_pace *pace) {
    if (!pace->turn)
        pace->turn = mr_pace_get(pace->s->pace);
    if (pace->turn > mr_clock_now()) {
        mr_timer_set(&pace->timer, pace->turn);
        return false;
    }
    pace->turn = 0;
    return true;
}

int app_worse(int a, int b) {
    return a > b ? a : b;
}

/* ---- interfaces ---- */

const char *app_iface_name(const mr_syntax *syntax, char out[64]) {
    const mr_iface_name *known = mr_name_find(&syntax->uuid);
    char uuid[MR_UUID_TEXT];

    if (known && mr_name_is_known(known))
        snprintf(out, 64, "%s", mr_name_text(known));
    else
        snprintf(out, 64, "%s %u.%u", mr_uuid_text(&syntax->uuid, uuid), syntax->major,
                 syntax->minor);
    return out;
}

bool app_iface_find(const char *text, mr_syntax *syntaxp) {
    const mr_iface_name *known;
    mr_syntax syntax;
    bool has_version;

    if (mr_syntax_decode(mr_slice_str(text), &syntax, &has_version) == 0) {
        known = mr_name_find(&syntax.uuid);
        if (!has_version) {
            syntax.major = known ? known->major : 1;
            syntax.minor = known ? known->minor : 0;
        }
        *syntaxp = syntax;
        return true;
    }
    const mr_iface *compiled = mr_ifaces_find_name(mr_slice_str(text));
    known = mr_name_find_text(text);
    if (compiled)
        *syntaxp = compiled->syntax;
    else if (known)
        *syntaxp = (mr_syntax){known->uuid, known->major, known->minor};
    return compiled || known;
}

int app_iface_read(const app *a, const char *text, mr_syntax *syntaxp) {
    return app_iface_find(text, syntaxp)
               ? 0 : app_refuse(a, APP_USAGE, "%s: " APP_NO_IFACE, text);
}
