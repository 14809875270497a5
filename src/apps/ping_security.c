/*
 * msrpc ping --matrix: which security an endpoint accepts, mechanism by level. Each cell is a
 * connection of its own that binds to the interface and calls an opnum that no interface has: the
 * server judges the caller before it looks for the method, so nca_s_op_rng_error says that he is
 * let in, and nothing is executed. A call of mgmt would say nothing about the interface. With an
 * account that is known to be good these are real logons; without one NTLM is tried by an
 * anonymous logon, and Kerberos, which knows no such thing, is not. The level call travels as
 * packet (MS-RPCE 3.3.1.5.2.2) and has no column.
 */
#include "ping.h"

#include <msrpc/base/codes.h>

#define FAULT_OP_RNG 0x1c010002      /* nca_s_op_rng_error */

static const uint8_t levels[PING_LEVELS] = {MR_AUTH_LEVEL_CONNECT, MR_AUTH_LEVEL_PACKET,
                                            MR_AUTH_LEVEL_INTEGRITY, MR_AUTH_LEVEL_PRIVACY};

static const struct {
    const char *mechanism, *inner, *title;
    enum mr_logon_mechanism wanted;
    bool secure;
} mechanisms[PING_MECHANISMS] = {
    {"none", NULL, "none", MR_LOGON_NTLM, false},
    {"ntlm", NULL, "NTLM", MR_LOGON_NTLM, true},
    {"kerberos", NULL, "Kerberos", MR_LOGON_KERBEROS, true},
    {"negotiate", "ntlm", "Negotiate (NTLM)", MR_LOGON_NEGOTIATE, true},
    {"negotiate", "kerberos", "Negotiate (Kerberos)", MR_LOGON_NEGOTIATE, true},
    {"netlogon", NULL, "Netlogon's channel", MR_LOGON_NETLOGON, true},
};

uint8_t ping_secure_level(unsigned column) {
    return levels[column];
}

const char *ping_secure_title(unsigned row) {
    return mechanisms[row].title;
}

const char *ping_secure_mechanism(unsigned row, const char **innerp) {
    *innerp = mechanisms[row].inner;
    return mechanisms[row].mechanism;
}

const char *ping_secure_name(enum ping_secure_result result) {
    switch (result) {
    case PING_SECURE_NOT_TRIED: return "untried";
    case PING_SECURE_ACCEPTED: return "accepted";
    case PING_SECURE_REFUSED: return "refused";
    case PING_SECURE_FAILED: return "failed";
    }
    return "";
}

/* ---- one cell ---- */

struct maker {
    mr_logon *logon;
    uint8_t level;
};

static int make(void *user, mr_security **securityp, mr_error *err) {
    const struct maker *maker = user;
    int r = mr_logon_set_level(maker->logon, maker->level, err);

    return r ? r : mr_logon_make(maker->logon, securityp, err);
}

static void give(void *user, mr_security *security) {
    const struct maker *maker = user;

    mr_logon_give(maker->logon, security);
}

/* Whether Negotiate chose what the row is about. */
static bool is_chosen(const struct maker *maker, unsigned row) {
    bool kerberos = mechanisms[row].inner && mechanisms[row].inner[0] == 'k';
    mr_logon_provider p;
    mr_spnego_info info;

    if (!mechanisms[row].inner || mr_logon_find(maker->logon, NULL, &p) != 0 || !p.spnego)
        return true;
    mr_spnego_get_info(p.spnego, &info);
    return info.chosen == MR_MECH_UNKNOWN || (info.chosen != MR_MECH_NTLM) == kerberos;
}

/* What was found of one cell or row, apart from what the session has met. */
struct meaning {
    mr_diag diag, *kept;
};

static void open_meaning(app_session *s, struct meaning *m) {
    m->kept = s->diag;
    const char *host = s->subject ? s->subject : s->target->host;
    (void)mr_diag_init(&m->diag, &s->a->arena, host, NULL); /* its error is sticky */
    s->diag = &m->diag;
}

static const mr_finding *close_meaning(app_session *s, struct meaning *m) {
    s->diag = m->kept;
    return mr_diag_run(&m->diag) == 0 ? mr_diag_get_finding(&m->diag, 0) : NULL;
}

/* What a refusal means. The cells of a row know of one another: privacy came first. */
static const mr_finding *find_meaning(struct ping *p, unsigned row, const struct maker *maker,
                                      mr_client *client, int r, const mr_error *err) {
    app_session *s = p->s;
    uint8_t level = mr_client_get_report(client)->auth.level;
    bool served = p->secure[row * PING_LEVELS + PING_LEVELS - 1].result == PING_SECURE_ACCEPTED;
    mr_trial trial = {.level = level, .denied = r == MR_ERR_FAULT ? err->peer : 0,
                      .denied_at = level, .end = served ? MR_TRIAL_LOW : MR_TRIAL_DENIED};
    bool stranger = !maker->logon || !app_account_logs_on(p->target->account);
    struct meaning meaning;

    open_meaning(s, &meaning);
    mr_logon_seen seen = app_session_seen(s, maker->logon, client, &p->interface);
    bool low = served && maker->logon; /* the same caller, be it nobody, is let in at privacy */
    if (stranger && !low && mr_fault_is_denial(trial.denied))
        app_session_add_stranger(s, client, &p->interface, trial.denied);
    else if (mr_fault_is_denial(trial.denied)) /* the account is known to be good, or low */
        mr_trial_add_facts(&trial, &seen);
    else if (maker->logon)
        mr_logon_seen_add_failed(&seen, r, err);
    return close_meaning(s, &meaning);
}

static void judge_cell(struct ping *p, struct ping_secure *cell, mr_client *client, int r,
                       const mr_error *err) {
    const mr_client_report *report = mr_client_get_report(client);
    bool fault = r == MR_ERR_FAULT, nak = report->has_nak;
    bool denied = fault && mr_fault_is_denial(err->peer);
    bool answered = r == 0 || (fault && (err->peer == FAULT_OP_RNG || report->auth.proven ||
                                         !report->auth.asked));
    const mr_code_info *code = fault ? mr_code_find_fault(err->peer) : NULL;

    if (answered && !denied) {
        cell->result = PING_SECURE_ACCEPTED;
        return;
    }
    cell->result = fault || nak || (r == MR_ERR_AUTH && report->connected) ? PING_SECURE_REFUSED
                                                                           : PING_SECURE_FAILED;
    cell->fault = fault ? err->peer : 0;
    const char *text = app_error(p->s->a, err);
    cell->reason = code ? mr_arena_add_fmt(&p->s->a->arena, "%s, %s", text, mr_code_symbol(code))
                        : text;
}

struct wait {
    mr_loop *loop;
    size_t open;
    int result;
    mr_error err;
};

static void on_bound(void *user, mr_client *client, int result, const mr_error *err) {
    struct wait *wait = user;

    (void)client;
    wait->open = 0;
    wait->result = result;
    if (result)
        wait->err = *err;
    mr_loop_stop(wait->loop);
}

static int call_once(struct ping *p, mr_client *client, mr_error *err) {
    struct ping_method method;
    mr_call call = {0};

    ping_choose_nothing(p, &method);
    int r = mr_call_init(&call, method.iface, method.opnum, &method.args, err);
    call.object = p->object;
    if (!r)
        r = mr_call_run(&call, client, err);
    mr_call_deinit(&call);
    return r;
}

static int try_cell(struct ping *p, unsigned row, struct maker *maker, struct ping_secure *cell) {
    app_session *s = p->s;
    mr_client_options options = app_client_options(s, MR_AUTH_LEVEL_NONE);
    struct wait wait = {.loop = &s->loop, .open = 1, .err = MR_ERROR_INIT};
    mr_client *client = NULL;
    int code = app_session_pace(s);

    if (code)
        return code;
    options.connect.remote = p->secure_at;
    options.connect.source.port = 0;
    if (maker->logon)
        options.security = (mr_client_security){.make = make, .give = give, .user = maker,
                                                .level = maker->level};
    int r = mr_client_new(&s->loop, &options, &client, &wait.err);
    if (!r)
        r = mr_client_start(client, &p->interface, on_bound, &wait, &wait.err);
    if (r) {
        mr_client_free(client);
        return app_refuse(s->a, APP_BUG, "%s", wait.err.text);
    }
    code = app_session_wait(s, &wait.open);
    r = wait.result;
    if (!code && !r)
        r = call_once(p, client, &wait.err);
    if (r == MR_ERR_CANCELLED)
        code = app_session_cancelled(s);
    if (!code)
        judge_cell(p, cell, client, r, &wait.err);
    if (!code && cell->result == PING_SECURE_REFUSED)
        cell->finding = find_meaning(p, row, maker, client, r, &wait.err);
    if (!code && cell->result == PING_SECURE_ACCEPTED && maker->logon && !is_chosen(maker, row)) {
        cell->result = PING_SECURE_REFUSED;
        cell->reason = "the server chose another mechanism";
    }
    mr_client_free(client);
    return code;
}

/* ---- one row ---- */

static void leave_out(struct ping *p, unsigned row, const char *why, const mr_finding *finding) {
    for (unsigned i = 0; i < PING_LEVELS; i++) {
        p->secure[row * PING_LEVELS + i].reason = why;
        p->secure[row * PING_LEVELS + i].finding = finding;
    }
}

/* Logs on for the row: a provider's maker. 0 with no logon and the row left out where that cannot
 * be. */
static int begin_row(struct ping *p, unsigned row, const mr_identity *identity,
                     mr_logon **logonp) {
    app_session *s = p->s;
    app *a = s->a;
    mr_logon_options options = app_logon_options(a, p->target, MR_AUTH_LEVEL_PRIVACY);
    mr_error err = MR_ERROR_INIT;

    options.full_name = s->full_name;
    options.identity = identity;
    options.mechanism = mechanisms[row].wanted;
    if (mechanisms[row].inner && mechanisms[row].inner[0] == 'n')
        options.host = NULL; /* no name, no ticket: NTLM is offered alone */
    options.servers = s->addrs;
    options.server_count = s->addr_count;
    options.mapper_port = s->mapper_port;
    int r = mr_logon_new(&s->loop, &s->resolver, &options, logonp, &err);
    if (!r)
        r = mr_logon_run(*logonp, &err);
    if (r == MR_ERR_CANCELLED)
        return app_session_cancelled(s);
    const mr_logon_report *report = *logonp ? mr_logon_get_report(*logonp) : NULL;
    bool kerberos = mechanisms[row].inner && mechanisms[row].inner[0] == 'k';
    if (!r && kerberos && !report->kerberos) {
        r = MR_ERR_AUTH;
        err = report->why;
    }
    if (r) {
        const mr_finding *finding = NULL;
        if (report && err.code != MR_ERR_ARGUMENT) {
            struct meaning meaning;
            open_meaning(s, &meaning);
            mr_logon_seen seen = app_session_seen(s, *logonp, NULL, NULL);
            mr_logon_seen_add_refused(&seen, r, &err);
            finding = close_meaning(s, &meaning);
        }
        leave_out(p, row, app_error(a, &err), finding);
        mr_logon_free(*logonp);
        *logonp = NULL;
    }
    return 0;
}

/* The strongest level first: it proves an account at once. */
static int try_row(struct ping *p, unsigned row, const mr_identity *identity) {
    struct maker maker = {0};
    int code = mechanisms[row].secure ? begin_row(p, row, identity, &maker.logon) : 0;

    if (!code && !mechanisms[row].secure)
        code = try_cell(p, row, &maker, &p->secure[row * PING_LEVELS]);
    for (unsigned i = PING_LEVELS; !code && maker.logon && i-- > 0;) {
        maker.level = levels[i];
        if (mechanisms[row].wanted == MR_LOGON_NETLOGON && levels[i] < MR_AUTH_LEVEL_INTEGRITY) {
            p->secure[row * PING_LEVELS + i].reason = "a secure channel signs or seals";
            continue;
        }
        code = try_cell(p, row, &maker, &p->secure[row * PING_LEVELS + i]);
    }
    mr_logon_free(maker.logon);
    return code;
}

static const char *against_row(const struct ping *p, unsigned row, const mr_identity *identity) {
    bool kerberos = row == 2 || row == 4, ntlm = row == 1 || row == 3, channel = row == 5;
    bool has_ntlm = identity->anonymous || identity->has_password || identity->has_nt_hash;

    if (kerberos && identity->anonymous)
        return "Kerberos wants an account (-u, -k)";
    if (ntlm && identity->anonymous && p->s->a->set.no_null)
        return "--no-null: no anonymous logon";
    if (channel && !has_ntlm)
        return "a secure channel wants a password or a hash";
    return ntlm && !has_ntlm ? "NTLM wants a password or a hash" : NULL;
}

/* The first endpoint that was bound to. */
static bool find_endpoint(struct ping *p) {
    for (size_t i = 0; i < p->cell_count; i++)
        if (p->cells[i].bind == PING_BIND_BOUND) {
            p->secure_at = p->cells[i].remote;
            return true;
        }
    return false;
}

int ping_security(struct ping *p) {
    const app_account *account = p->target->account;
    mr_identity nobody = {.user = "", .domain = "", .password = "", .ccache = "", .keytab = "",
                          .anonymous = true};
    const mr_identity *identity = app_account_logs_on(account) ? &account->id : &nobody;

    if (!find_endpoint(p))
        return 0;
    int code = app_session_prove(p->s, p->target, p->secure_at.port);
    p->secure_rows = identity->anonymous || mr_logon_why_no_machine(identity)
                         ? PING_MECHANISMS - 1 : PING_MECHANISMS;
    p->secure = mr_arena_get(&p->s->a->arena, PING_MECHANISMS * PING_LEVELS, sizeof *p->secure);
    if (!p->secure)
        return app_refuse(p->s->a, APP_BUG, "out of memory");
    bool good = identity->anonymous || account->who == APP_WHO_GUEST ||
                app_account_is_good(account);
    for (unsigned row = 0; row < p->secure_rows && code < APP_USAGE; row++) {
        const char *against = mechanisms[row].secure ? against_row(p, row, identity) : NULL;
        if (mechanisms[row].secure && (code || !good))
            against = "the account is not known to be good";
        if (against) {
            leave_out(p, row, against, NULL);
            continue;
        }
        int worse = try_row(p, row, identity);
        code = app_worse(code, worse);
    }
    return code;
}

bool ping_is_first(const struct ping *p, size_t cell) {
    const mr_finding *finding = p->secure[cell].finding;

    for (size_t i = 0; finding && i < cell; i++)
        if (p->secure[i].finding && strcmp(p->secure[i].finding->id, finding->id) == 0)
            return false;
    return finding != NULL;
}
