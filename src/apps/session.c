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

mr_client_options app_client_options(const app *a) {
    uint32_t tries = a->set.retries == APP_RETRIES_DEFAULT ? 3 : a->set.retries;
    return (mr_client_options){
        .connect = {
            .source = {.port = (uint16_t)a->set.source_port},
            .timeout = a->set.timeout,
            .tries = tries,
        },
        .timeout = a->set.timeout,
    };
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
static void hint(const app *a, const app_target *target) {
    fprintf(app_err(a), "(msrpc diagnose %s tells why)\n", target->input);
}

int app_session_resolve(app_session *s, const app_target *target) {
    app *a = s->a;
    struct wait wait = {.s = s, .open = 1};
    const char *host = a->set.target_ip ? a->set.target_ip : target->host;
    mr_lookup lookup;

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
    int code = app_session_wait(s, &wait.open);
    if (!code && wait.result) {
        s->error = wait.err;
        /* the lookup's sentence begins with the host */
        code = app_refuse(a, APP_NAMES, "%s", wait.err.text);
        hint(a, target);
    }
    if (!code) {
        memcpy(s->addrs, lookup.addrs, sizeof s->addrs);
        s->addr_count = lookup.count;
        s->source = lookup.source;
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

static int connect_one(app_session *s, const mr_addr *remote, const mr_syntax *syntax,
                       int bind_code, mr_client **clientp) {
    mr_client_options options = app_client_options(s->a);
    struct wait wait = {.s = s, .open = 1};
    mr_client *client;

    int code = app_session_pace(s);
    if (code)
        return code;
    options.connect.remote = *remote;
    if (mr_client_new(&s->loop, &options, &client, &s->error) != 0)
        return app_refuse(s->a, APP_BUG, "%s", s->error.text);
    int r = mr_client_start(client, syntax, on_bound, &wait, &s->error);
    if (r)
        code = app_refuse(s->a, APP_BUG, "%s", s->error.text);
    else
        code = app_session_wait(s, &wait.open);
    if (!code)
        set_outcome(s->a, mr_client_get_report(client));
    if (!code && wait.result) {
        s->error = wait.err;
        code = mr_client_get_report(client)->connected ? bind_code : APP_TCP;
    }
    if (code)
        mr_client_free(client);
    else
        *clientp = client;
    return code;
}

int app_session_connect(app_session *s, const app_target *target, uint16_t port,
                        const mr_syntax *syntax, int bind_code, mr_client **clientp) {
    char text[MR_ADDR_TEXT];
    int code = APP_TCP;

    for (size_t i = 0; i < s->addr_count; i++) {
        mr_addr remote = s->addrs[i];
        remote.port = port;
        code = connect_one(s, &remote, syntax, bind_code, clientp);
        if (!code || code >= APP_USAGE)
            return code;
        if (s->quiet || (target->swept && code == APP_TCP && !s->a->set.verbose))
            continue;
        const char *why = app_error(s->a, &s->error);
        mr_addr_port_text(&remote, text);
        if (strstr(why, text) || strcmp(target->host, text) == 0)
            app_refuse(s->a, code, "%s: %s", target->host, why);
        else
            app_refuse(s->a, code, "%s %s: %s", target->host, text, why);
    }
    if (!target->swept && !s->quiet)
        hint(s->a, target);
    return code;
}

/* ---- the mapper ---- */

/* Asks the target's mapper on @mapper_port (0: 135) where @interface listens over TCP and gives the
 * port. 0 or the exit code of the phase that failed. */
static int find_port(app_session *s, const app_target *target, uint16_t mapper_port,
                    const mr_syntax *interface, uint16_t *portp) {
    mr_client *client;
    mr_mapper mapper;
    char name[64];
    int code = app_session_connect(s, target, mapper_port ? mapper_port : MR_MAPPER_PORT,
                                   &mr_epmapper_iface.syntax, APP_DISCOVERY, &client);
    if (code)
        return code;
    int r = mr_mapper_init(&mapper, client, mr_slice_str(target->host), &s->error);
    if (!r)
        r = mr_mapper_map_run(&mapper, interface, NULL, MR_PROTSEQ_NCACN_IP_TCP, &s->error);
    *portp = 0;
    for (size_t i = 0; !r && !*portp && i < mapper.count; i++)
        *portp = mapper.entries[i].port;
    if (!r && !*portp)
        r = mr_fail(&s->error, MR_ERR_PROTOCOL, MR_FLOOR_APP, MR_ERROR_NO_OFFSET,
                    "the endpoint mapper names no TCP port");
    if (r == MR_ERR_CANCELLED)
        code = app_session_cancelled(s);
    else if (r)
        code = app_refuse(s->a, APP_DISCOVERY, "%s: %s: %s", target->host,
                          app_iface_name(interface, name), app_error(s->a, &s->error));
    mr_mapper_deinit(&mapper);
    mr_client_free(client);
    return code;
}

int app_session_port(app_session *s, const app_target *target, uint16_t mapper_port,
                     const mr_syntax *interface, uint16_t *portp) {
    bool mapper = mr_syntax_eq(interface, &mr_epmapper_iface.syntax) ||
                  mr_syntax_eq(interface, &mr_mgmt_iface.syntax);

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
