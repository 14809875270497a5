/*
 * What a logon brought to light, as facts: the KDCs' answers and silences, the server's, and a
 * fallback. A failure on the way that was mended is none: where NTLM was accepted in place of
 * Kerberos, only the fallback is told.
 */
#include <msrpc/probe/logon.h>

#include <stdarg.h>
#include <stdio.h>

#include <msrpc/wire/krb.h>

#include "probe_private.h"

#define RPC_S_SEC_PKG_ERROR 1825 /* MS-ERREF 2.2 */

static const char *text(const mr_logon_seen *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static const char *text(const mr_logon_seen *l, const char *fmt, ...) {
    char room[MR_DIAG_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(room, sizeof room, fmt, args);
    va_end(args);
    const char *kept = mr_arena_add_str(l->diag->arena, mr_slice_str(room));
    if (!kept && !l->diag->error)
        l->diag->error = MR_ERR_MEMORY;
    return kept ? kept : "";
}

static const char *addr_text(const mr_logon_seen *l, const mr_addr *addr) {
    char room[MR_ADDR_TEXT];

    return text(l, "%s", mr_addr_text(addr, room));
}

static const mr_logon_report *report_of(const mr_logon_seen *l) {
    return mr_logon_get_report(l->logon);
}

static mr_logon_provider provider_of(const mr_logon_seen *l) {
    mr_logon_provider provider = {0};

    if (mr_logon_find(l->logon, NULL, &provider) != 0)
        provider = (mr_logon_provider){0};
    return provider;
}

static bool by_kerberos(const mr_logon_seen *l, const mr_logon_provider *provider) {
    mr_spnego_info info;

    if (!provider->spnego)
        return provider->krb5 || (!provider->ntlm && report_of(l)->kerberos);
    mr_spnego_get_info(provider->spnego, &info);
    return provider->krb5 && info.chosen != MR_MECH_NTLM;
}

const char *mr_logon_seen_mechanism(const mr_logon_seen *l) {
    mr_logon_provider provider = provider_of(l);

    if (report_of(l)->mechanism == MR_LOGON_NETLOGON)
        return "Netlogon";
    if (by_kerberos(l, &provider) ||
        (!provider.security && report_of(l)->mechanism != MR_LOGON_NTLM &&
         (report_of(l)->kerberos || !report_of(l)->ntlm)))
        return "Kerberos";
    return "NTLM";
}

/* Whether the last word of the negotiation was the server's, and good. */
static bool is_accepted(const mr_logon_seen *l) {
    mr_logon_provider provider = provider_of(l);
    mr_spnego_info negotiated;
    mr_netlogon_info channel;
    mr_krb5_info ticket;

    if (provider.netlogon) { /* the account proved itself as the channel was set up */
        mr_netlogon_get_info(provider.netlogon, &channel);
        return channel.complete;
    }
    if (provider.spnego) {
        mr_spnego_get_info(provider.spnego, &negotiated);
        return negotiated.complete;
    }
    if (!provider.krb5)
        return false;
    mr_krb5_get_info(provider.krb5, &ticket);
    return ticket.complete;
}

/* At connect an answer carries no proof: a server may go on with a client whose password was wrong
 * as with a stranger. */
bool mr_logon_seen_is_proven(const mr_logon_seen *l) {
    const mr_client_auth *auth = &mr_client_get_report(l->client)->auth;

    return is_accepted(l) || (auth->proven && auth->level > MR_AUTH_LEVEL_CONNECT);
}

/* Whether the server has seen an answer to its challenge and turned it down. */
static bool is_turned_down(const mr_logon_seen *l) {
    const mr_client_auth *auth = &mr_client_get_report(l->client)->auth;
    mr_logon_provider provider = provider_of(l);
    mr_ntlm_info info;

    if (auth->proven || !provider.ntlm || is_accepted(l))
        return false;
    mr_ntlm_get_info(provider.ntlm, &info);
    return info.complete && auth->trouble != MR_AUTH_TROUBLE_NONE &&
           auth->trouble != MR_AUTH_TROUBLE_VERIFIER;
}

bool mr_logon_seen_is_refused(const mr_logon_seen *l) {
    return report_of(l)->refused || (l->client && is_turned_down(l));
}

/* A session that did not stand before may end so because the server never held its key. */
bool mr_logon_seen_is_tampered(const mr_logon_seen *l, int result, const mr_error *err) {
    const mr_client_auth *auth = &mr_client_get_report(l->client)->auth;
    bool unread = result == MR_ERR_FAULT && err->peer == RPC_S_SEC_PKG_ERROR;

    return auth->complete && auth->level > MR_AUTH_LEVEL_CONNECT &&
           (auth->proven || is_accepted(l)) && (result == MR_ERR_AUTH || unread);
}

static const char *add_tampered(const mr_logon_seen *l, int result, const mr_error *err) {
    const char *how = result == MR_ERR_AUTH ? text(l, "%s", err->text)
                                            : "the server cannot verify what it was sent "
                                              "(fault 0x00000721 nca_s_fault_sec_pkg_error)";

    mr_fact_add(l->diag, MR_FACT_AUTH_TAMPERED, l->check, .address = addr_text(l, l->addr),
                .port = l->port, .other = how, .user = l->who);
    return how;
}

/* A server that knows the client, and to which its bind came without the offer to sign headers,
 * denies the first request, whose verification trailer says that there was one (MS-RPCE
 * 2.2.2.13.2). */
void mr_logon_seen_add_unsigned(const mr_logon_seen *l) {
    const mr_client_auth *auth = &mr_client_get_report(l->client)->auth;

    if (auth->complete && !auth->proven && !auth->header_sign &&
        auth->level >= MR_AUTH_LEVEL_INTEGRITY && is_accepted(l))
        mr_fact_add(l->diag, MR_FACT_AUTH_UNSIGNED, l->check, .address = addr_text(l, l->addr),
                    .port = l->port, .user = l->who);
}

mr_talk_seen mr_logon_seen_talk(const mr_logon_seen *l) {
    const mr_client_report *report = mr_client_get_report(l->client);

    return (mr_talk_seen){
        .check = l->check,
        .at = mr_clock_now(),
        .address = addr_text(l, l->addr),
        .port = l->port,
        .interface = l->interface,
        .service = l->service,
        .opnum = l->opnum,
        .auth = report->auth.level,
        .ssp = report->auth.type,
        .user = l->who,
        .ms = (uint32_t)((mr_clock_now() - report->connected) / MR_MSEC),
    };
}

/* ---- KDCs ---- */

static const char *known(const char *text) {
    return text && *text ? text : NULL;
}

/* What the user's realm was guessed from, where that may be why his KDC is of no use; NULL: he
 * named it, or his domain is its first label. */
static const char *doubtful(const mr_logon_report *r) {
    bool own = r->realm_count == 1 && r->tickets.stage == MR_KRB5_STAGE_AS;

    return own && !r->guess_fits ? r->guess : NULL;
}

/* "as alice@LAB.TEST, whose realm was guessed from ...", NULL: nothing is in doubt. */
static const char *asked_as(const mr_logon_seen *l) {
    const mr_logon_report *r = report_of(l);
    const char *domain_end = strchr(l->who, '\\'), *user = domain_end ? domain_end + 1 : l->who;

    return doubtful(r) ? text(l, "as %.*s@%s, whose realm was guessed from %s",
                              (int)strcspn(user, "@"), user, r->realms[0].name, r->guess) : NULL;
}

/* A KRB-ERROR of a KDC or of the server. */
static void add_krb_error(const mr_logon_seen *l, enum mr_exchange exchange, const mr_addr *addr,
                          uint16_t port, const mr_krb5_failure *failure) {
    mr_fact fact = {.kind = MR_FACT_KRB_ERROR, .check = l->check,
                    .address = addr_text(l, addr), .port = port, .exchange = exchange,
                    .krb = failure->code, .user = l->who, .domain = known(failure->realm),
                    .spn = exchange == MR_EXCHANGE_AS ? NULL : known(l->spn),
                    .ntstatus = failure->has_status ? failure->status : 0,
                    .other = exchange == MR_EXCHANGE_AS ? asked_as(l) : NULL};

    if (failure->server_time && failure->skew)
        mr_facts_set_clock(&fact, failure->skew);
    mr_diag_add_fact(l->diag, &fact);
}

static const char *code_text(const mr_logon_seen *l, const mr_krb5_failure *failure) {
    const mr_code_info *code = mr_code_find(MR_SPACE_KRB, failure->code);
    const mr_code_info *status =
        failure->has_status ? mr_code_find(MR_SPACE_NTSTATUS, failure->status) : NULL;

    return text(l, "%s%s%s", code ? mr_code_symbol(code) : "an unknown error",
                status ? ", " : "", status ? mr_code_symbol(status) : "");
}

/* What became of one KDC, over all that it was asked. */
struct kdc_asked {
    uint32_t tries;      /* in vain */
    bool udp, tcp;       /* over which, in vain */
    uint32_t answers;    /* over UDP */
    bool tcp_answers;
    bool refused;        /* nobody listens */
    bool garbled;        /* somebody answers who is no KDC */
    const mr_logon_try *lost; /* the last over TCP in vain */
    enum mr_fact_icmp icmp; /* the network's last word, where it was asked in vain */
};

static bool is_refused(const mr_logon_try *t) {
    return t->attempt.reach == MR_REACH_REFUSED || mr_icmp_is_port(&t->attempt.icmp);
}

static bool is_garbled(const mr_logon_try *t) {
    return t->result == MR_ERR_PROTOCOL ||
           (t->tcp && t->attempt.reach == MR_REACH_OPEN &&
            (t->result == MR_ERR_CLOSED || t->result == MR_ERR_RESET));
}

static enum mr_fact_icmp said_of(const mr_attempt *attempt) {
    const mr_icmp *icmp = &attempt->icmp;

    return attempt->reach == MR_REACH_UNREACHABLE && icmp->present
               ? mr_icmp_class(icmp->version, icmp->type, icmp->code)
               : MR_ICMP_UNKNOWN;
}

static struct kdc_asked look_at(const mr_logon_report *r, const mr_addr *addr) {
    struct kdc_asked k = {0};

    for (size_t i = 0; i < r->try_count; i++) {
        const mr_logon_try *t = &r->tries[i];
        if (!mr_addr_same_host(&t->addr, addr))
            continue;
        if (t->result == 0) {
            k.answers += !t->tcp;
            k.tcp_answers = k.tcp_answers || t->tcp;
            continue;
        }
        k.tries++;
        k.udp = k.udp || !t->tcp;
        k.tcp = k.tcp || t->tcp;
        k.refused = k.refused || is_refused(t);
        k.garbled = k.garbled || is_garbled(t);
        k.icmp = said_of(&t->attempt);
        if (t->tcp)
            k.lost = t;
    }
    return k;
}

/* "over UDP: silent; over TCP: refused", each once. */
static const char *ways_of(const mr_logon_seen *l, const mr_logon_report *r, const mr_addr *addr) {
    char room[MR_LOGON_TRY_TEXT];
    const char *list = "";

    for (size_t i = 0; i < r->try_count; i++) {
        const mr_logon_try *t = &r->tries[i];
        if (t->result == 0 || !mr_addr_same_host(&t->addr, addr))
            continue;
        const char *way = strstr(mr_logon_try_text(t, room), "over ");
        if (way && !strstr(list, way))
            list = text(l, "%s%s%s", list, *list ? "; " : "", way);
    }
    return list;
}

/* A guess led to it twice: nobody named the realm, and DNS names no KDC of it. */
static bool is_guessed_kdc(const mr_logon_report *r) {
    return doubtful(r) && !r->answered && r->realms[0].source == MR_LOGON_SOURCE_REALM;
}

bool mr_logon_is_kdc_silent(const mr_logon *logon, const mr_addr *host) {
    const mr_logon_report *r = mr_logon_get_report(logon);
    struct kdc_asked k = look_at(r, host);

    return k.tcp && !k.tcp_answers && !is_guessed_kdc(r);
}

static bool is_repeated(const mr_logon_report *r, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (mr_addr_same_host(&r->tries[k].addr, &r->tries[i].addr))
            return true;
    return false;
}

/* That its TCP port did not open, as whoever tries the port sees it. */
static void add_kdc_connect(const mr_logon_seen *l, const mr_logon_try *t, const char *address,
                            uint16_t port) {
    mr_connect_seen seen = {.check = l->check, .at = t->attempt.ended, .address = address,
                            .port = port, .role = MR_ROLE_NEIGHBOUR, .end = MR_CONNECT_SILENT,
                            .tries = t->attempt.sent};

    if (t->attempt.reach == MR_REACH_REFUSED)
        seen.end = MR_CONNECT_REFUSED;
    else if (t->attempt.reach != MR_REACH_SILENT && t->attempt.reach != MR_REACH_PENDING)
        return;
    mr_facts_add_connect(l->diag, &seen);
}

static void add_one_unanswered(const mr_logon_seen *l, const mr_logon_report *r,
                               const mr_logon_try *t, const struct kdc_asked *k) {
    mr_fact fact = {.kind = MR_FACT_KRB_UNANSWERED, .check = l->check,
                    .address = addr_text(l, &t->addr),
                    .port = t->addr.port ? t->addr.port : MR_KDC_PORT,
                    .domain = r->realms[t->realm].name, .user = l->who,
                    .other = ways_of(l, r, &t->addr)};

    if (k->garbled) {
        fact.kind = MR_FACT_KRB_GARBLED;
    } else if (k->refused && !k->answers) {
        fact.kind = MR_FACT_KRB_CLOSED;
    } else {
        fact.tries = k->tries;
        fact.count = k->answers;
        fact.icmp = k->icmp;
        fact.protseq = !k->tcp ? "UDP" : k->udp ? "UDP and TCP"
                       : k->answers ? "TCP" : "TCP (UDP was not asked)";
        if (k->answers && k->lost)
            add_kdc_connect(l, k->lost, fact.address, fact.port);
    }
    mr_diag_add_fact(l->diag, &fact);
}

/* Every KDC that was asked and did not answer, over UDP or where it had to be TCP, once. Returns
 * their addresses, NULL for none; nothing is added where @tell is not set. */
static const char *add_unanswered(const mr_logon_seen *l, const mr_logon_report *r, bool tell) {
    const char *list = NULL;

    for (size_t i = 0; i < r->try_count; i++) {
        const mr_logon_try *t = &r->tries[i];
        struct kdc_asked k = look_at(r, &t->addr);
        if (!k.tries || k.tcp_answers || (k.answers && !k.tcp) || is_repeated(r, i))
            continue;
        const char *address = addr_text(l, &t->addr);
        if (tell)
            add_one_unanswered(l, r, t, &k);
        const char *said = k.answers ? text(l, "%s over TCP; over UDP it answers", address)
                           : k.tcp && !k.udp ? text(l, "%s over TCP", address) : address;
        list = list ? text(l, "%s, %s", list, said) : said;
    }
    return list;
}

/* The KDC of the last try that came to nothing. */
static const mr_addr *silent_kdc(const mr_logon_report *r) {
    for (size_t i = r->try_count; i--;)
        if (r->tries[i].result)
            return &r->tries[i].addr;
    return &r->kdc;
}

static bool is_nowhere(enum mr_dns_outcome outcome) {
    return outcome == MR_DNS_OUTCOME_NXDOMAIN || outcome == MR_DNS_OUTCOME_NODATA;
}

/* A ticket is over or not valid yet: which way this machine's clock would be wrong, if it is. */
static enum mr_clock blamed_clock(const mr_krb5_failure *failure) {
    return failure->from_peer ? MR_CLOCK_UNKNOWN
           : failure->code == MR_KRB_TICKET_EXPIRED ? MR_CLOCK_AHEAD
           : failure->code == MR_KRB_TICKET_EARLY ? MR_CLOCK_BEHIND : MR_CLOCK_UNKNOWN;
}

/* A token that no PDU can hold: the ticket was had. */
static bool add_too_large(const mr_logon_seen *l, const mr_error *err) {
    mr_logon_provider provider = provider_of(l);
    mr_krb5_info info;

    if (err->code != MR_ERR_LIMIT || !provider.krb5)
        return false;
    mr_krb5_get_info(provider.krb5, &info);
    if (info.complete || info.token_len < MR_ASSOC_TOKEN_MAX)
        return false;
    mr_fact_add(l->diag, MR_FACT_KRB_TOO_LARGE, l->check, .bytes = (uint32_t)info.token_len,
                .user = l->who, .spn = known(l->spn));
    return true;
}

static const char *add_local(const mr_logon_seen *l, const mr_error *err) {
    const mr_krb5_kdc_info *tickets = &report_of(l)->tickets;
    enum mr_clock clock = blamed_clock(&tickets->failure);

    if (err->code == MR_ERR_MISSING) {
        mr_fact_add(l->diag, MR_FACT_AUTH_MISSING, l->check, .other = err->text, .user = l->who);
        return text(l, "%s", err->text);
    }
    if (add_too_large(l, err))
        return text(l, "%s", err->text);
    mr_fact_add(l->diag, MR_FACT_AUTH_LOCAL, l->check, .other = err->text, .user = l->who,
                .clock = clock);
    if (clock != MR_CLOCK_UNKNOWN && report_of(l)->answered && tickets->server_time)
        mr_facts_add_clock(l->diag, l->check, addr_text(l, &report_of(l)->kdc), tickets->skew);
    return text(l, "%s", err->text);
}

/* What a KDC sent in place of a ticket that can be used. */
static const char *add_bad_reply(const mr_logon_seen *l, const mr_logon_report *r,
                                 const mr_error *err) {
    mr_fact_add(l->diag, MR_FACT_KRB_BAD_REPLY, l->check, .address = addr_text(l, &r->kdc),
                .port = r->kdc.port ? r->kdc.port : MR_KDC_PORT,
                .exchange = r->tickets.stage == MR_KRB5_STAGE_TGS ? MR_EXCHANGE_TGS
                                                                  : MR_EXCHANGE_AS,
                .other = err->text, .user = l->who, .domain = known(r->tickets.realm));
    return text(l, "the reply of the KDC %s cannot be used: %s", addr_text(l, &r->kdc), err->text);
}

static const char *add_no_kdc(const mr_logon_seen *l, const mr_logon_report *r,
                              const mr_error *err) {
    const mr_logon_realm *realm = r->realm_count ? &r->realms[r->realm_count - 1] : NULL;

    if (!realm || !realm->asked || !is_nowhere(realm->udp_records) ||
        !is_nowhere(realm->tcp_records))
        return add_local(l, err);
    const char *guess = r->realm_count == 1 && r->tickets.stage == MR_KRB5_STAGE_AS ? r->guess
                                                                                    : NULL;
    mr_fact_add(l->diag, MR_FACT_KRB_NO_KDC, l->check, .domain = realm->name, .user = l->who,
                .rcode = realm->udp_records == MR_DNS_OUTCOME_NXDOMAIN ? 3 : 0,
                .server = addr_text(l, &realm->dns_server), .other = guess);
    return guess ? text(l, "DNS names no KDC for the realm %s, which was guessed from %s "
                        "(--realm names the right one)", realm->name, guess)
                 : text(l, "DNS names no KDC for the realm %s", realm->name);
}

static const char *add_endless(const mr_logon_seen *l, const mr_logon_report *r) {
    const mr_krb5_kdc_info *tickets = &r->tickets;
    bool as = tickets->stage == MR_KRB5_STAGE_AS;
    const char *address = addr_text(l, &r->kdc);

    mr_fact_add(l->diag, MR_FACT_KRB_ENDLESS, l->check, .address = address,
                .port = r->kdc.port ? r->kdc.port : MR_KDC_PORT,
                .exchange = as ? MR_EXCHANGE_AS : MR_EXCHANGE_TGS,
                .tries = MR_KRB5_KDC_REQUESTS, .user = l->who, .spn = as ? NULL : known(l->spn),
                .krb = tickets->failure.from_peer ? tickets->failure.code : 0);
    return text(l, "the KDC %s keeps asking: %d answers, and no ticket", address,
                MR_KRB5_KDC_REQUESTS);
}

/* The text alone, or with its facts. */
static const char *tell_kdcs(const mr_logon_seen *l, const mr_logon_report *r, int result,
                             const mr_error *err) {
    const mr_krb5_failure *failure = &r->tickets.failure;
    const char *silent;

    if (result == MR_ERR_AUTH && failure->from_peer && failure->code != MR_KRB5_NO_CODE) {
        add_krb_error(l, r->tickets.stage == MR_KRB5_STAGE_TGS ? MR_EXCHANGE_TGS : MR_EXCHANGE_AS,
                      &r->kdc, r->kdc.port ? r->kdc.port : MR_KDC_PORT, failure);
        const char *as = asked_as(l);
        return text(l, "the KDC %s says %s%s%s%s", addr_text(l, &r->kdc), code_text(l, failure),
                    as ? ", asked " : "", as ? as : "",
                    as ? " (--realm names the right one)" : "");
    }
    if (r->tickets.endless)
        return add_endless(l, r);
    if (result == MR_ERR_AUTH && r->tickets.bad_reply)
        return add_bad_reply(l, r, err);
    if (result == MR_ERR_NAME || (result != MR_ERR_AUTH && is_guessed_kdc(r)))
        return add_no_kdc(l, r, err);
    if (result == MR_ERR_MISSING || result == MR_ERR_LIMIT)
        return add_local(l, err);
    silent = r->try_count && result != MR_ERR_AUTH ? add_unanswered(l, r, true) : NULL;
    return silent ? text(l, "no KDC answers (%s)", silent) : add_local(l, err);
}

/* Whatever else is found, that nobody is logged on is. */
static const char *add_failed(const mr_logon_seen *l, const mr_addr *by, uint32_t krb,
                              const char *told) {
    mr_fact_add(l->diag, MR_FACT_AUTH_FAILED, l->check, .other = told, .user = l->who,
                .address = by ? addr_text(l, by) : NULL, .krb = krb);
    return told;
}

const char *mr_logon_seen_add_refused(const mr_logon_seen *l, int result, const mr_error *err) {
    const mr_logon_report *r = report_of(l);
    const mr_krb5_failure *failure = &r->tickets.failure;
    bool refused = result == MR_ERR_AUTH && failure->from_peer && failure->code != MR_KRB5_NO_CODE;
    const char *told = r->mechanism == MR_LOGON_NETLOGON ? probe_add_channel(l, result, err)
                                                         : tell_kdcs(l, r, result, err);

    return add_failed(l, refused ? &r->kdc : NULL, refused ? failure->code : 0, told);
}

void mr_logon_seen_add_granted(const mr_logon_seen *l) {
    const mr_logon_report *r = report_of(l);

    if (!r->answered)
        return;
    const char *kdc = addr_text(l, &r->kdc);
    if (r->kerberos) {
        mr_fact_add(l->diag, MR_FACT_KRB_GRANTED, l->check, .address = kdc,
                    .port = r->kdc.port ? r->kdc.port : MR_KDC_PORT, .exchange = MR_EXCHANGE_TGS,
                    .user = l->who, .spn = known(l->spn));
    }
    if (r->tickets.server_time)
        mr_facts_add_clock(l->diag, l->check, kdc, r->tickets.skew);
}

/* ---- the server ---- */

/* After the tickets were had: by the initiator, or by the server. */
static bool by_negotiation(const mr_logon_seen *l, const char **whyp) {
    mr_logon_provider provider = provider_of(l);
    mr_spnego_info info;

    if (!provider.spnego)
        return false;
    mr_spnego_get_info(provider.spnego, &info);
    *whyp = info.why;
    return info.fallback != MR_SPNEGO_NO_FALLBACK;
}

/* A server outside of any domain knows its own accounts alone: no KDC has a say in that. */
static bool is_standalone(const mr_logon_seen *l) {
    mr_logon_provider provider = provider_of(l);
    mr_ntlm_info info;

    if (!provider.ntlm)
        return false;
    mr_ntlm_get_info(provider.ntlm, &info);
    return *info.computer &&
           mr_slice_eq_nocase(mr_slice_str(info.domain), mr_slice_str(info.computer));
}

/* Whether what stood in the way of Kerberos is a failure by itself. */
static bool lacks_kerberos(const mr_logon_seen *l, const mr_logon_report *r) {
    return r->fallback && r->why.code != MR_ERR_ARGUMENT && r->why.code != MR_ERR_NOT_FOUND &&
           !is_standalone(l);
}

/* The service's name; nobody registers one with an address in it. */
static const char *registered_spn(const mr_logon_seen *l) {
    const char *host = l->spn ? strchr(l->spn, '/') : NULL;
    mr_addr addr;

    return host && mr_addr_decode(mr_slice_str(host + 1), 0, &addr) == 0 ? NULL : known(l->spn);
}

const char *mr_logon_seen_add_fallback(const mr_logon_seen *l, bool accepted, uint32_t status) {
    const mr_logon_report *r = report_of(l);
    const mr_krb5_failure *failure = &r->tickets.failure;
    bool refused = r->fallback && r->why.code == MR_ERR_AUTH && failure->from_peer &&
                   failure->code != MR_KRB5_NO_CODE;
    const char *why = r->why.text;

    if (!r->fallback && !by_negotiation(l, &why))
        return NULL;
    if (!accepted && r->fallback) {
        mr_error err = r->why;
        if (lacks_kerberos(l, r))
            why = tell_kdcs(l, r, err.code, &err);
        if (refused && failure->code == MR_KRB_S_PRINCIPAL_UNKNOWN && status)
            mr_fact_add(l->diag, MR_FACT_NTLM_FALLBACK, l->check,
                        .address = addr_text(l, l->addr), .port = l->port, .spn = known(l->spn),
                        .user = l->who, .krb = failure->code, .status = status);
        return text(l, "%s", why); /* ours, where it was the logon's */
    }
    if (refused)
        why = text(l, "the KDC %s says %s", addr_text(l, &r->kdc), code_text(l, failure));
    const char *silent = r->fallback && !refused ? add_unanswered(l, r, false) : NULL;
    if (accepted)
        mr_fact_add(l->diag, MR_FACT_AUTH_FALLBACK, l->check,
                    .address = addr_text(l, l->addr), .port = l->port, .other = why,
                    .spn = registered_spn(l), .krb = refused ? failure->code : 0, .user = l->who,
                    .server = silent ? addr_text(l, silent_kdc(r)) : NULL);
    return text(l, "%s", why);
}

/* The ticket as the server sees it: the KRB-ERROR inside its answer. */
static const char *add_ap_error(const mr_logon_seen *l) {
    mr_logon_provider provider = provider_of(l);
    mr_krb5_info info;

    if (!provider.krb5)
        return NULL;
    mr_krb5_get_info(provider.krb5, &info);
    if (!info.failure.from_peer || info.failure.code == MR_KRB5_NO_CODE)
        return NULL;
    add_krb_error(l, MR_EXCHANGE_AP, l->addr, l->port, &info.failure);
    return text(l, "the server says %s", code_text(l, &info.failure));
}

static bool is_rejected(const mr_logon_seen *l) {
    mr_logon_provider provider = provider_of(l);
    mr_spnego_info info;

    if (!provider.spnego)
        return false;
    mr_spnego_get_info(provider.spnego, &info);
    return info.rejected;
}

/* Whether the answer that refused came where an auth3 has none: to the first call. */
static bool after_auth3(const mr_logon_seen *l, int result) {
    const mr_client_report *report = mr_client_get_report(l->client);

    return result == MR_ERR_FAULT && report->bound && !report->auth.proven && !is_accepted(l);
}

static const char *tell_server(const mr_logon_seen *l, int result, const mr_error *err) {
    mr_talk_seen talk = mr_logon_seen_talk(l);
    const char *told = add_ap_error(l);

    if (is_rejected(l))
        mr_fact_add(l->diag, MR_FACT_RPC_TOKEN_REFUSED, l->check, .interface = talk.interface,
                    .address = talk.address, .port = talk.port, .ssp = talk.ssp,
                    .auth = talk.auth, .service = talk.service);
    probe_read_talk(mr_client_get_report(l->client), result, err, &talk);
    talk.after_auth3 = after_auth3(l, result);
    if (result == MR_ERR_TIMEOUT && err->floor == MR_FLOOR_AUTH)
        return add_local(l, err);
    if (mr_logon_seen_is_tampered(l, result, err))
        return add_tampered(l, result, err);
    if (result == MR_ERR_AUTH || err->floor == MR_FLOOR_AUTH) {
        if (!told && !is_rejected(l))
            mr_fact_add(l->diag, MR_FACT_AUTH_UNVERIFIED, l->check, .address = talk.address,
                        .port = talk.port, .other = err->text, .user = l->who);
        return told ? told : text(l, "%s", err->text);
    }
    if (talk.end != MR_TALK_NAK || !lacks_kerberos(l, report_of(l))) /* a server without NTLM */
        mr_facts_add_talk(l->diag, &talk);
    return told ? told : probe_talk_words(l->diag->arena, &talk, err);
}

const char *mr_logon_seen_add_failed(const mr_logon_seen *l, int result, const mr_error *err) {
    return add_failed(l, l->addr, 0, tell_server(l, result, err));
}
