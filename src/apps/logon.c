/*
 * A session's logon: the account's turn is taken, tickets are fetched, connections get providers,
 * and their outcomes are judged. An outcome is good once the server has proven that it knows the
 * session's key: a call was answered, or the mechanism's own exchange was completed by the server
 * (Kerberos always, NTLM inside Negotiate by the signed list). It is a refusal only when the
 * account itself was judged: a KDC did, or a server that was shown the answer to its challenge.
 */
#include "logon.h"

#include <stdarg.h>

#include "jobs.h"
#include "verdict.h"

#define TURN_POLL (20 * MR_MSEC)

static const char *sentence(app *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static const char *sentence(app *a, const char *fmt, ...) {
    char text[768];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const char *kept = mr_arena_add_str(&a->arena, mr_slice_str(text));
    return kept ? kept : "out of memory";
}

/* ---- the logon ---- */

static void give_turn_back(app_logon *l, enum app_verdict verdict) {
    if (!l->turn)
        return;
    l->turn = false;
    app_worker_end(l->worker, l->account, verdict);
}

static int end_logon(app_logon *l, int code) {
    l->over = true;
    l->code = code;
    if (code)
        give_turn_back(l, APP_VERDICT_NONE);
    return code;
}

static int tell_never(app_session *s) {
    app_session_add_untried(s);
    return app_refuse(s->a, APP_COMMUNICATION, "%s: %s", s->target->host,
                      app_error(s->a, &s->error));
}

static int wait_turn(app_session *s) {
    app_logon *l = &s->logon;
    enum app_turn turn;
    int code = 0;

    if (l->account->who != APP_WHO_USER && l->account->who != APP_WHO_TICKET)
        return 0; /* nobody can be locked out */
    l->worker = s->a->worker;
    while (!code && (turn = app_worker_begin(l->worker, l->account)) != APP_TURN_YES) {
        if (turn == APP_TURN_NEVER)
            return tell_never(s);
        code = app_session_sleep(s, TURN_POLL);
    }
    l->turn = code == 0;
    return code;
}

struct wait {
    app_session *s;
    size_t open;
    int result;
    mr_error err;
};

static void on_logon(void *user, mr_logon *logon, int result, const mr_error *err) {
    struct wait *wait = user;

    (void)logon;
    wait->open = 0;
    wait->result = result;
    if (result)
        wait->err = *err;
    mr_loop_stop(&wait->s->loop);
}

/* A controller that is not reached, or is none, has judged nobody. */
static int exit_of(const app_logon *l, int result) {
    const mr_logon_report *report = mr_logon_get_report(l->logon);

    if (report->mechanism != MR_LOGON_NETLOGON)
        return APP_COMMUNICATION;
    return !report->channel.reached           ? APP_TCP
           : result == MR_ERR_NOT_REGISTERED ? APP_DISCOVERY : APP_COMMUNICATION;
}

static int tell_failed(app_session *s, int result, const mr_error *err) {
    app_logon *l = &s->logon;
    const char *why = app_session_add_refused(s, result, err);
    bool refused = mr_logon_get_report(l->logon)->refused;
    bool no_ticket = l->account->who == APP_WHO_TICKET &&
                     mr_logon_get_report(l->logon)->tickets.requests == 0 && result != MR_ERR_NAME;

    s->error = *err;
    if (result == MR_ERR_MISSING)
        return app_refuse(s->a, APP_MISSING, "%s: %s", s->target->host, why);
    const mr_krb5_kdc_info *tickets = &mr_logon_get_report(l->logon)->tickets;
    bool cached = l->account->who == APP_WHO_TICKET && tickets->client[0];
    const char *who = cached ? sentence(s->a, "%s (%s)", tickets->client, l->account->name)
                             : l->account->name;
    if (no_ticket && !cached) {
        app_session_forget(s); /* an input that is missing; nobody has refused anything */
        return app_refuse(s->a, APP_UNREADABLE, "%s: %s (kinit USER gets one)",
                          l->account->name, why);
    }
    mr_fail(&s->error, err->code, MR_FLOOR_APP, MR_ERROR_NO_OFFSET, "%s is not logged on: %s%s",
            who, why, refused ? "; not tried again" : "");
    int code = app_refuse(s->a, exit_of(l, result), "%s: %s", s->target->host, s->error.text);
    if (refused) {
        l->verdict = APP_VERDICT_REFUSED;
        give_turn_back(l, APP_VERDICT_REFUSED);
    }
    return code;
}

int app_account_check_owner(const app *a, const app_account *account, const char *client) {
    const char *at = strrchr(client, '@');
    mr_slice user = mr_slice_of(client, at ? (size_t)(at - client) : strlen(client));
    bool his = account->expected && mr_slice_eq_nocase(user, mr_slice_str(account->expected));
    bool there = !account->expected_realm || !at ||
                 mr_str_eq_nocase(at + 1, account->expected_realm);

    if (account->who != APP_WHO_TICKET || !client[0] || !account->expected || (his && there))
        return 0;
    return app_refuse(a, APP_USAGE, "the ticket at hand is that of %s, not of %s", client,
                      account->name);
}

static int check_owner(const app_session *s) {
    return app_account_check_owner(s->a, s->logon.account,
                                   mr_logon_get_report(s->logon.logon)->tickets.client);
}

static int run_logon(app_session *s) {
    app_logon *l = &s->logon;
    mr_logon_options options = app_logon_options(s->a, s->target, 0);
    struct wait wait = {.s = s, .open = 1};

    options.full_name = s->full_name;
    options.servers = s->addrs;
    options.server_count = s->addr_count;
    options.mapper_port = s->mapper_port;
    int r = mr_logon_new(&s->loop, &s->resolver, &options, &l->logon, &s->error);
    if (r)
        return app_refuse(s->a, r == MR_ERR_ARGUMENT ? APP_USAGE
                                : r == MR_ERR_MISSING ? APP_MISSING : APP_BUG, "%s: %s",
                          s->target->host, s->error.text);
    r = mr_logon_start(l->logon, on_logon, &wait, &s->error);
    if (r)
        return app_refuse(s->a, APP_BUG, "%s", s->error.text);
    int code = app_session_wait(s, &wait.open);
    if (!code && wait.result)
        code = tell_failed(s, wait.result, &wait.err);
    return code ? code : check_owner(s);
}

int app_session_logon(app_session *s) {
    app_logon *l = &s->logon;

    l->account = s->target->account;
    if (!app_account_logs_on(l->account))
        return 0;
    if (l->over)
        return l->code;
    int code = wait_turn(s);
    if (!code)
        code = run_logon(s);
    return end_logon(l, code);
}

void app_logon_deinit(app_logon *l) {
    give_turn_back(l, APP_VERDICT_NONE);
    mr_logon_free(l->logon);
    *l = (app_logon){0};
}

/* ---- connections ---- */

static int make(void *user, mr_security **securityp, mr_error *err) {
    const struct app_logon_level *at = user;
    app_logon *l = at->logon;

    if (app_account_is_refused(l->account))
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_APP, MR_ERROR_NO_OFFSET,
                       "%.80s was refused and is not tried again", l->account->name);
    int r = mr_logon_set_level(l->logon, at->level, err);
    return r ? r : mr_logon_make(l->logon, securityp, err);
}

static void give(void *user, mr_security *security) {
    const struct app_logon_level *at = user;

    mr_logon_give(at->logon->logon, security);
}

static mr_security_release detach(void *user, mr_security *security) {
    const struct app_logon_level *at = user;

    return mr_logon_detach(at->logon->logon, security);
}

mr_client_options app_client_options(app_session *s, uint8_t level) {
    const struct app_settings *set = &s->a->set;
    mr_client_options options = {
        .connect = {
            .source = {.port = (uint16_t)set->source_port},
            .timeout = set->timeout,
            .tries = set->retries == APP_RETRIES_DEFAULT ? 3 : set->retries,
        },
        .timeout = set->timeout,
    };

    if (s->logon.logon && level > MR_AUTH_LEVEL_NONE && level <= MR_AUTH_LEVEL_PRIVACY) {
        struct app_logon_level *at = &s->logon.levels[level];
        *at = (struct app_logon_level){&s->logon, level};
        options.security = (mr_client_security){.make = make, .give = give, .detach = detach,
                                                .user = at, .level = level};
        if (s->logon.account->id.delegate) /* the library asks a KDC by itself */
            options.security.workers = s->a->workers;
    }
    return options;
}

uint8_t app_session_level(const app_session *s) {
    const app_account *account = s->target ? s->target->account : NULL;

    return account ? account->level : MR_AUTH_LEVEL_NONE;
}

/* ---- outcomes ---- */

/* Once the account is known to be good, a connection stands as soon as its negotiation is over. */
static bool is_good(const app_logon *l, const mr_logon_seen *seen, const mr_client_auth *auth) {
    return mr_logon_seen_is_proven(seen) ||
           (l->verdict == APP_VERDICT_GOOD && auth->complete &&
            auth->trouble == MR_AUTH_TROUBLE_NONE);
}

void app_session_tell_fallback(app_session *s) {
    app_logon *l = &s->logon;

    if (!l->fallback || l->fallback_told || s->quiet)
        return;
    l->fallback_told = true;
    fprintf(app_err(s->a), "(%s: NTLM in place of Kerberos: %s)\n", s->target->host,
            app_safe(s->a, mr_slice_str(l->fallback)));
}

static void take_good(app_session *s, mr_client *client, const mr_logon_seen *seen) {
    app_logon *l = &s->logon;

    l->level = mr_client_get_report(client)->auth.level;
    l->negotiated = mr_logon_get_report(l->logon)->mechanism == MR_LOGON_NEGOTIATE;
    l->mechanism = mr_logon_seen_mechanism(seen);
    if (l->verdict != APP_VERDICT_GOOD) {
        const char *why = app_session_add_accepted(s, client);
        l->fallback = why ? why : l->fallback;
        app_session_tell_fallback(s);
    }
    l->verdict = APP_VERDICT_GOOD;
    give_turn_back(l, APP_VERDICT_GOOD);
}

void app_session_judge(app_session *s, mr_client *client, int result) {
    app_logon *l = &s->logon;
    const mr_client_auth *auth = &mr_client_get_report(client)->auth;
    const mr_logon_seen seen = {.logon = l->logon, .client = client};

    if (!l->logon || !auth->asked)
        return;
    if (is_good(l, &seen, auth)) {
        take_good(s, client, &seen);
    } else if (l->verdict == APP_VERDICT_NONE && mr_logon_seen_is_refused(&seen)) {
        l->verdict = APP_VERDICT_REFUSED;
        give_turn_back(l, APP_VERDICT_REFUSED);
    } else if (result && result != MR_ERR_FAULT) {
        give_turn_back(l, APP_VERDICT_NONE);
    }
}

void app_session_fail(app_session *s, mr_client *client, const mr_error *err) {
    const mr_error cause = *err; /* may be s->error */

    mr_fail(&s->error, cause.code, MR_FLOOR_APP, MR_ERROR_NO_OFFSET, "%.60s is not logged on: %s%s",
            s->logon.account->name, app_session_add_failed(s, client, &cause),
            app_session_is_refused(s) ? "; not tried again" : "");
    s->error.peer_kind = cause.peer_kind;
    s->error.peer = cause.peer;
}

/* Told as what it is, whatever else a fault may mean. */
static bool is_tampered(app_session *s, mr_client *client, int r) {
    const mr_error cause = s->error;
    const char *how = NULL;

    if ((r == MR_ERR_AUTH || r == MR_ERR_FAULT) && s->logon.logon)
        how = app_session_add_tampered(s, client, r, &cause);
    if (how)
        mr_fail(&s->error, MR_ERR_AUTH, MR_FLOOR_APP, MR_ERROR_NO_OFFSET, "the session is not "
                "intact: %s", how);
    return how;
}

int app_session_after(app_session *s, mr_client *client, const mr_syntax *interface, int r,
                      int code) {
    const mr_client_auth *auth = &mr_client_get_report(client)->auth;
    uint32_t fault = r == MR_ERR_FAULT ? s->error.peer : 0;

    if (r == MR_ERR_CANCELLED)
        return app_session_cancelled(s);
    int cut = app_session_prove_denied(s, client, fault);
    if (cut)
        return cut;
    bool denied = mr_fault_is_denial(fault);
    bool stranger = !auth->asked || s->target->account->who == APP_WHO_ANONYMOUS;
    if (!denied || !stranger)
        app_session_judge(s, client, r);
    bool known = s->logon.verdict == APP_VERDICT_GOOD || (denied && stranger);
    if (is_tampered(s, client, r))
        return APP_COMMUNICATION;
    if (r && auth->asked && !auth->proven && auth->trouble != MR_AUTH_TROUBLE_NONE && !known) {
        app_session_fail(s, client, &s->error);
        return APP_COMMUNICATION;
    }
    if (denied && known)
        cut = app_session_add_denied(s, client, interface, fault);
    return cut ? cut : r ? code : 0;
}

bool app_session_is_refused(const app_session *s) {
    return s->logon.verdict == APP_VERDICT_REFUSED;
}

size_t app_session_at_once(const app_session *s, size_t most) {
    const app_logon *l = &s->logon;

    return l->logon && !app_account_is_good(l->account) ? 1 : most;
}

/* ---- who asks ---- */

static const char *identity_of(const app_session *s) {
    const app_logon *l = &s->logon;
    const app_account *account = s->target ? s->target->account : NULL;

    if (!account)
        return "anonymous";
    const char *principal = l->logon ? mr_logon_get_report(l->logon)->tickets.client : "";
    bool kerberos = l->mechanism && strcmp(l->mechanism, "Kerberos") == 0;
    return principal[0] && (kerberos || account->who == APP_WHO_TICKET) ? principal
                                                                        : account->name;
}

const char *app_session_who(const app_session *s) {
    const app_logon *l = &s->logon;

    const char *as = l->account && l->account->who > APP_WHO_ANONYMOUS ? "as " : "";
    if (!l->logon || !l->mechanism)
        return sentence(s->a, "%s%s", as, identity_of(s));
    return sentence(s->a, "%s%s (%s, %s)", as, identity_of(s), l->mechanism,
                    app_level_name(l->level));
}

void app_session_show_who(const app_session *s) {
    char text[MR_ADDR_TEXT];

    if (s->logon.logon)
        fprintf(s->a->out, " from %s, %s\n", mr_addr_text(&s->local, text),
                app_safe(s->a, mr_slice_str(app_session_who(s))));
    else if (s->target)
        app_show_unused_ticket(s->a, s->target);
}

void app_report_vantage(const app_session *s, mr_writer *w, const mr_addr *local) {
    const app_logon *l = &s->logon;
    char text[MR_ADDR_TEXT];

    local = local ? local : &s->local;

    mr_writer_open(w, "vantage", MR_SHAPE_OBJECT);
    mr_writer_str(w, "address", local->family ? mr_addr_text(local, text) : NULL);
    mr_writer_str(w, "identity", identity_of(s));
    const char *ticket = s->target ? app_unused_ticket(s->a, s->target) : NULL;
    if (ticket)
        mr_writer_str(w, "unused_ticket", ticket);
    if (l->logon) {
        const mr_logon_report *report = mr_logon_get_report(l->logon);
        mr_writer_open(w, "auth", MR_SHAPE_OBJECT);
        mr_writer_str(w, "mechanism", l->mechanism);
        mr_writer_bool(w, "negotiated", l->negotiated);
        mr_writer_str(w, "level", l->mechanism ? app_level_name(l->level) : NULL);
        mr_writer_str(w, "fallback", l->fallback          ? l->fallback
                                       : report->fallback ? app_error(s->a, &report->why)
                                                          : NULL);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}
