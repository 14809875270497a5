/*
 * Logging on: what is wished, the exchange with the KDCs, and the outcome (MS-KILE 3.2.5; MS-SPNG
 * 3.1).
 * Negotiate goes without Kerberos when there is no ticket to be had, but not when a KDC has judged
 * the password: NTLM would only offer the same one again, and count towards a lockout.
 */
#include "client_private.h"
#include "logon_private.h"

#include <stdio.h>
#include <stdlib.h>

#include <msrpc/wire/krb.h>

#define TIMEOUT (30 * MR_SEC)
#define KDC_TIMEOUT (2 * MR_SEC)
#define NETBIOS_NAME 15 /* characters, MS-NBTE 2.2.1 */

static const mr_krb5_kdc_info no_tickets = {
    .client = "", .service = "", .ccache = "", .realm = "",
    .failure = {.code = MR_KRB5_NO_CODE, .text = "", .realm = ""}};

int mr_logon_no_memory(mr_error *err) {
    return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "out of memory");
}

static int wrong_argument(mr_error *err, const char *text) {
    return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "%s", text);
}

/* ---- what is wished ---- */

/* NTLM hands nothing over by which a server could act for us. */
static bool has_ntlm(const mr_identity *id) {
    return !id->delegate && (id->anonymous || id->has_password || id->has_nt_hash);
}

static bool is_literal(const char *host) {
    mr_addr addr;

    return mr_addr_decode(mr_slice_str(host), 0, &addr) == 0;
}

/* Why Kerberos is out of the question, or NULL. */
static const char *against_kerberos(const mr_logon *l) {
    if (l->options.identity->anonymous)
        return "Kerberos knows no anonymous users";
    if (!l->spn)
        return "Kerberos needs the server's name";
    if (!l->options.spn && is_literal(l->options.host))
        return "Kerberos needs the server's name in place of its address";
    return l->itself;
}

/* @text without a final dot in capitals, *in the arena*. */
static const char *copy_realm(mr_logon *l, const char *text) {
    size_t len = strlen(text);
    char *realm = mr_arena_add_str(&l->arena, mr_slice_of(text, len));

    for (size_t i = 0; realm && i < len; i++)
        if (realm[i] >= 'a' && realm[i] <= 'z')
            realm[i] = (char)(realm[i] - 'a' + 'A');
    return realm;
}

/* The domain of a host's DNS name, NULL for other names. */
static const char *domain_of(const char *host) {
    const char *dot = host && !is_literal(host) ? strchr(host, '.') : NULL;

    return dot && dot[1] ? dot + 1 : NULL;
}

/* ---- whose account it is ---- */

/* Whether @label is the first of @name. */
static bool is_label(const char *label, const char *name) {
    size_t len = strlen(label);

    return len && mr_slice_eq_nocase(mr_slice_of(name, strcspn(name, ".")),
                                     mr_slice_of(label, len));
}

/* Whether @computer is the NetBIOS name that goes with @name: its first label, cut. */
static bool is_computer(const char *computer, const char *name) {
    size_t len = strcspn(name, ".");

    return mr_slice_eq_nocase(mr_slice_of(name, len < NETBIOS_NAME ? len : NETBIOS_NAME),
                              mr_slice_str(computer));
}

/* "SRV\games" at srv.example.org: the domain of a server's own accounts is its computer's name,
 * and ".\games" says so of any server. A domain may have the first label of its DNS name, so what
 * the server says of itself goes first. */
static bool is_itself(const mr_logon_options *o) {
    const char *domain = o->identity->domain, *names[] = {o->host, o->full_name};

    if (!*domain || o->realm || o->identity->principal || o->identity->anonymous)
        return false;
    if (strcmp(domain, ".") == 0 || (o->computer && mr_str_eq_nocase(domain, o->computer)))
        return true;
    for (size_t i = 0; i < MR_COUNT(names); i++)
        if (names[i] && !is_literal(names[i]) &&
            (!o->computer || is_computer(o->computer, names[i])) &&
            (is_label(domain, names[i]) || mr_str_eq_nocase(domain, names[i])))
            return true;
    return false;
}

/* ---- the realm ---- */

/* A NetBIOS name of a domain leads to no KDC, the domain of the server may. Anything but what the
 * user said is a guess. */
static const char *choose_realm(mr_logon *l) {
    const mr_logon_options *o = &l->options;
    const char *domain = o->identity->domain, *by_host = domain_of(o->host);
    const char *by_full = domain_of(o->full_name);
    const char *found = by_host ? by_host : by_full ? by_full : o->dns_domain;

    if (o->realm)
        return o->realm;
    if (strchr(domain, '.') || (!found && (!*domain || o->identity->principal)))
        return copy_realm(l, domain);
    l->report.guess = by_host || by_full
        ? mr_arena_add_fmt(&l->arena, "the server's name %s", by_host ? o->host : o->full_name)
        : mr_arena_add_fmt(&l->arena, "the domain %s%s", found ? found : domain,
                           found ? ", which the server names" : "");
    l->report.guess_fits = found && *domain && is_label(domain, found);
    return copy_realm(l, found ? found : domain);
}

static int copy_text(mr_logon *l, const char **textp, mr_error *err) {
    if (!*textp)
        return 0;
    size_t len = strlen(*textp);
    if (len == 0 || len >= MR_LOGON_NAME)
        return wrong_argument(err, len ? "a name of the logon is too long"
                                       : "a name of the logon is empty");
    *textp = mr_arena_add_str(&l->arena, mr_slice_of(*textp, len));
    return *textp ? 0 : mr_logon_no_memory(err);
}

static int copy_options(mr_logon *l, const mr_logon_options *options, mr_error *err) {
    mr_logon_options *o = &l->options;
    const char **texts[] = {&o->host, &o->service, &o->spn, &o->realm, &o->workstation,
                            &o->full_name, &o->dns_domain, &o->computer};
    mr_addr *kdcs;
    int r = 0;

    *o = *options;
    if (!o->timeout)
        o->timeout = TIMEOUT;
    if (!o->kdc_timeout)
        o->kdc_timeout = KDC_TIMEOUT;
    if (o->kdc_count > MR_LOGON_KDCS)
        o->kdc_count = MR_LOGON_KDCS;
    kdcs = mr_arena_get(&l->arena, o->kdc_count, sizeof *kdcs);
    if (!kdcs)
        return mr_logon_no_memory(err);
    for (size_t i = 0; i < o->kdc_count; i++)
        kdcs[i] = options->kdcs[i];
    o->kdcs = kdcs;
    if (o->server_count > MR_LOOKUP_ADDRS)
        o->server_count = MR_LOOKUP_ADDRS;
    mr_addr *servers = mr_arena_get(&l->arena, o->server_count, sizeof *servers);
    if (!servers)
        return mr_logon_no_memory(err);
    for (size_t i = 0; i < o->server_count; i++)
        servers[i] = options->servers[i];
    o->servers = servers;
    for (size_t i = 0; r == 0 && i < MR_COUNT(texts); i++)
        r = copy_text(l, texts[i], err);
    if (r)
        return r;
    if (o->bindings.len) {
        const char *octets = mr_arena_add_str(&l->arena, o->bindings);
        if (!octets)
            return mr_logon_no_memory(err);
        o->bindings.data = (const uint8_t *)octets;
    }
    if (o->host && o->host[strlen(o->host) - 1] == '.')
        o->host = mr_arena_add_str(&l->arena, mr_slice_of(o->host, strlen(o->host) - 1));
    l->spn = o->spn;
    if (!l->spn && o->host)
        l->spn = mr_arena_add_fmt(&l->arena, "%s/%s", o->service ? o->service : "host", o->host);
    if (o->full_name && o->full_name[strlen(o->full_name) - 1] == '.')
        o->full_name = mr_arena_add_str(&l->arena, mr_slice_of(o->full_name,
                                                               strlen(o->full_name) - 1));
    l->realm = choose_realm(l);
    if (is_itself(o)) {
        l->itself = mr_arena_add_fmt(&l->arena, "%.64s is the server itself, whose own accounts no "
                                     "KDC knows", o->identity->domain);
        if (!l->itself)
            return mr_logon_no_memory(err);
    }
    return (options->host && (!o->host || !l->spn)) || !l->realm ? mr_logon_no_memory(err) : 0;
}

#define NO_LEVEL "a logon needs an authentication level"

static bool is_level(uint8_t level) {
    return level > MR_AUTH_LEVEL_NONE && level <= MR_AUTH_LEVEL_PRIVACY;
}

int mr_logon_set_level(mr_logon *l, uint8_t level, mr_error *err) {
    if (!is_level(level))
        return wrong_argument(err, NO_LEVEL);
    l->options.level = level;
    return 0;
}

static int check_wish(const mr_logon *l, mr_error *err) {
    const mr_logon_options *o = &l->options;
    const char *against = against_kerberos(l);
    bool ntlm = has_ntlm(o->identity);

    if (!is_level(o->level))
        return wrong_argument(err, NO_LEVEL);
    switch (o->mechanism) {
    case MR_LOGON_KERBEROS:
        return !against          ? 0
               : against == l->itself
                   ? mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "%s: NTLM "
                             "does (where a realm is meant, --realm names it)", against)
                   : wrong_argument(err, against);
    case MR_LOGON_NTLM:
        return ntlm ? 0 : wrong_argument(err, o->identity->delegate
                                             ? "NTLM hands over no ticket to act for a user"
                                             : "NTLM needs a password or an NT hash");
    case MR_LOGON_NEGOTIATE:
        return against && !ntlm ? wrong_argument(err, against) : 0;
    case MR_LOGON_NETLOGON:
        against = mr_logon_channel_against(o);
        return against ? wrong_argument(err, against) : 0;
    }
    return wrong_argument(err, "no such mechanism");
}

int mr_logon_new(mr_loop *loop, mr_resolver *resolver, const mr_logon_options *options,
                 mr_logon **logonp, mr_error *err) {
    mr_logon *l = calloc(1, sizeof *l);

    if (!l)
        return mr_logon_no_memory(err);
    l->loop = loop;
    l->resolver = resolver ? resolver : &l->own;
    if (!resolver)
        mr_resolver_init(&l->own, loop);
    mr_arena_init(&l->arena, MR_LOGON_ARENA);
    mr_logon_find_init(l);
    mr_logon_ask_init(l);
    l->report.mechanism = options->mechanism;
    l->report.why = MR_ERROR_INIT;
    l->report.tickets = no_tickets;
    int r = copy_options(l, options, err);
    if (r == 0)
        r = check_wish(l, err);
    if (r) {
        mr_logon_free(l);
        return r;
    }
    *logonp = l;
    return 0;
}

void mr_logon_free(mr_logon *l) {
    if (!l)
        return;
    while (l->made) {
        struct mr_logon_made *made = l->made;
        l->made = made->next;
        mr_logon_made_free(made);
    }
    mr_logon_made_free(l->kept);
    mr_timer_deinit(&l->timer);
    mr_logon_find_deinit(l);
    mr_logon_ask_deinit(l);
    mr_logon_work_free(l->work);
    mr_logon_channel_free(l);
    if (l->resolver == &l->own)
        mr_resolver_deinit(&l->own);
    mr_arena_deinit(&l->arena);
    free(l);
}

/* ---- the outcome ---- */

/* A KDC knows the user, and will not have him with this secret, or not now (RFC 4120 7.5.9). */
static bool is_judged(const mr_krb5_failure *failure) {
    return failure->from_peer &&
           ((failure->code == MR_KRB_POLICY && failure->has_status) ||
            failure->code == MR_KRB_CLIENT_REVOKED || failure->code == MR_KRB_KEY_EXPIRED ||
            failure->code == MR_KRB_PREAUTH_FAILED);
}

static bool may_fall_back(const mr_logon *l, int result) {
    return l->options.mechanism == MR_LOGON_NEGOTIATE && has_ntlm(l->options.identity) &&
           result != MR_ERR_MEMORY && mr_clock_now() < l->deadline && !l->report.refused;
}

static bool wants_kerberos(const mr_logon *l) {
    return l->options.mechanism == MR_LOGON_KERBEROS || l->options.mechanism == MR_LOGON_NEGOTIATE;
}

static bool wants_ntlm(const mr_logon *l) {
    return l->options.mechanism == MR_LOGON_NTLM || l->options.mechanism == MR_LOGON_NEGOTIATE;
}

void mr_logon_end(mr_logon *l, int result, const mr_error *err) {
    static const mr_error none;
    mr_logon_report *r = &l->report;
    mr_error detail = err ? *err : none;

    mr_timer_deinit(&l->timer);
    mr_logon_find_deinit(l);
    mr_logon_ask_stop(l);
    mr_logon_channel_stop(l);
    r->refused = result == MR_ERR_AUTH && (is_judged(&r->tickets.failure) || r->channel.refused);
    if (result == 0) {
        r->kerberos = wants_kerberos(l);
        r->netlogon = l->options.mechanism == MR_LOGON_NETLOGON;
    } else if (may_fall_back(l, result)) {
        r->fallback = !l->options.identity->anonymous; /* nobody has no tickets to be missed */
        r->why = r->fallback ? detail : r->why;
        result = 0;
    }
    r->ntlm = result == 0 && wants_ntlm(l) && has_ntlm(l->options.identity);
    r->stage = result ? MR_LOGON_FAILED : MR_LOGON_DONE;
    r->elapsed = mr_clock_now() - l->started;
    if (l->done)
        l->done(l->user, l, result, &detail);
}

/* ---- the exchange ---- */

void mr_logon_stepped(mr_logon *l, int result, const mr_error *err) {
    mr_error detail = *err;

    if (result == MR_KRB5_KDC_SEND)
        result = mr_logon_ask_start(l, &l->work->request, &detail);
    else if (result == 0)
        result = 1;
    if (result != 0)
        mr_logon_end(l, result < 0 ? result : 0, &detail);
}

void mr_logon_take_reply(mr_logon *l, mr_slice reply) {
    mr_logon_work_step(l->work, reply);
}

/* What is not over yet, as text. */
static const char *what_lasts(mr_logon *l, char text[MR_LOGON_TRY_TEXT]) {
    const mr_identity *id = l->options.identity;

    if (l->ask.trying)
        return mr_logon_try_text(&l->ask.now, text);
    if (!l->work || !mr_logon_work_is_busy(l->work))
        return "KDCs were still being looked for";
    (void)snprintf(text, MR_LOGON_TRY_TEXT, "%.100s was still being waited for",
                   l->report.tickets.requests ? "the Kerberos library" : id->ccache[0] ? id->ccache
                   : id->keytab[0] ? id->keytab : "the ticket cache");
    return text;
}

static void on_deadline(void *user) {
    mr_logon *l = user;
    mr_error err = MR_ERROR_INIT;
    char text[MR_LOGON_TRY_TEXT];
    bool trying = l->ask.trying;

    mr_logon_ask_stop(l);
    l->ask.trying = trying; /* for its text */
    mr_fail(&err, MR_ERR_TIMEOUT, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
            l->channel ? "no secure channel within the time allowed"
                       : "no Kerberos ticket within the time allowed; %s", what_lasts(l, text));
    l->ask.trying = false;
    mr_logon_end(l, MR_ERR_TIMEOUT, &err);
}

static void on_begin(void *user) {
    mr_logon *l = user;
    mr_error err = MR_ERROR_INIT;
    int r;

    if (l->options.mechanism == MR_LOGON_NTLM) {
        mr_logon_end(l, 0, NULL);
        return;
    }
    mr_timer_init(&l->timer, l->loop, on_deadline, l);
    mr_timer_set(&l->timer, l->deadline);
    if (l->options.mechanism == MR_LOGON_NETLOGON) {
        r = mr_logon_channel_start(l, &err);
        if (r)
            mr_logon_end(l, r, &err);
        return;
    }
    const char *against = against_kerberos(l);
    r = against ? wrong_argument(&err, against) : mr_logon_work_new(l, &err);
    if (r)
        mr_logon_end(l, r, &err);
    else
        mr_logon_work_step(l->work, MR_SLICE_NULL);
}

int mr_logon_start(mr_logon *l, mr_logon_done done, void *user, mr_error *err) {
    if (l->started)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "the logon was begun before");
    l->started = mr_clock_now();
    l->deadline = l->started + l->options.timeout;
    l->done = done;
    l->user = user;
    mr_timer_init(&l->timer, l->loop, on_begin, l);
    mr_timer_set(&l->timer, l->started);
    return 0;
}

static void on_waited(void *user, mr_logon *logon, int result, const mr_error *err) {
    (void)logon;
    mr_wait_end(user, result, err);
}

int mr_logon_run(mr_logon *l, mr_error *err) {
    mr_wait wait = {.loop = l->loop, .err = err};
    int r = mr_wait_run(&wait, mr_logon_start(l, on_waited, &wait, err));

    if (r && !wait.over && l->user == &wait)
        l->done = NULL; /* interrupted: nobody is there to be told */
    return r;
}

const mr_logon_report *mr_logon_get_report(const mr_logon *l) {
    return &l->report;
}
