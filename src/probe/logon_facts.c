/*
 * What a logon brought to light, as facts: the KDCs' answers and silences, the server's, and a
 * fallback. A failure on the way that was mended is none: where NTLM was accepted in place of
 * Kerberos, only the fallback is told.
 */
#include "logon_private.h"

#define KDC_ERR_S_PRINCIPAL_UNKNOWN 7

static const mr_logon_report *report_of(const struct probe_logon *l) {
    return mr_logon_get_report(l->raised ? l->raised : l->logon);
}

static mr_logon_provider provider_of(const struct probe_logon *l) {
    mr_logon_provider provider = {0};

    if (mr_logon_find(l->raised ? l->raised : l->logon, NULL, &provider) != 0)
        provider = (mr_logon_provider){0};
    return provider;
}

static bool by_kerberos(const struct probe_logon *l, const mr_logon_provider *provider) {
    mr_spnego_info info;

    if (!provider->spnego)
        return provider->krb5 || (!provider->ntlm && report_of(l)->kerberos);
    mr_spnego_get_info(provider->spnego, &info);
    return provider->krb5 && info.chosen != MR_MECH_NTLM;
}

const char *probe_logon_mechanism(struct probe_logon *l) {
    mr_logon_provider provider = provider_of(l);

    if (by_kerberos(l, &provider) ||
        (!provider.security && l->options.mechanism != MR_LOGON_NTLM && !report_of(l)->fallback))
        return "Kerberos";
    return "NTLM";
}

bool probe_logon_is_proven(const struct probe_logon *l) {
    mr_logon_provider provider = provider_of(l);
    mr_spnego_info negotiated;
    mr_krb5_info ticket;

    if (provider.spnego) {
        mr_spnego_get_info(provider.spnego, &negotiated);
        return negotiated.complete;
    }
    if (!provider.krb5)
        return false;
    mr_krb5_get_info(provider.krb5, &ticket);
    return ticket.complete;
}

mr_talk_seen probe_logon_talk(struct probe_logon *l, const char *check) {
    mr_probe *p = l->op.probe;
    const mr_client_report *report = mr_client_get_report(l->client);

    return (mr_talk_seen){
        .check = check,
        .at = mr_clock_now(),
        .address = probe_addr_text(p, l->addr),
        .port = l->port,
        .interface = probe_iface(p, &l->iface),
        .service = probe_service(&l->iface),
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

/* A KRB-ERROR of a KDC or of the server. */
static void add_krb_error(struct probe_logon *l, enum mr_exchange exchange, const mr_addr *addr,
                          uint16_t port, const mr_krb5_failure *failure) {
    mr_probe *p = l->op.probe;
    mr_fact fact = {.kind = MR_FACT_KRB_ERROR, .check = l->op.check,
                    .address = probe_addr_text(p, addr), .port = port, .exchange = exchange,
                    .krb = failure->code, .user = l->who, .domain = known(failure->realm),
                    .spn = exchange == MR_EXCHANGE_AS ? NULL : known(l->spn),
                    .ntstatus = failure->has_status ? failure->status : 0};

    if (failure->server_time && failure->skew)
        mr_facts_set_clock(&fact, failure->skew);
    mr_diag_add_fact(p->diag, &fact);
}

static const char *code_text(mr_probe *p, const mr_krb5_failure *failure) {
    const mr_code_info *code = mr_code_find(MR_SPACE_KRB, failure->code);
    const mr_code_info *status =
        failure->has_status ? mr_code_find(MR_SPACE_NTSTATUS, failure->status) : NULL;

    return probe_text(p, "%s%s%s", code ? mr_code_symbol(code) : "an unknown error",
                      status ? ", " : "", status ? mr_code_symbol(status) : "");
}

/* What became of one KDC, over all that it was asked. */
struct kdc_asked {
    uint32_t tries;      /* in vain */
    bool udp, tcp;       /* over which, in vain */
    uint32_t answers;    /* over UDP */
    bool tcp_answers;
    const mr_logon_try *lost; /* the last over TCP in vain */
};

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
        if (t->tcp)
            k.lost = t;
    }
    return k;
}

static bool is_repeated(const mr_logon_report *r, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (mr_addr_same_host(&r->tries[k].addr, &r->tries[i].addr))
            return true;
    return false;
}

/* That its TCP port did not open, as whoever tries the port sees it. */
static void add_kdc_connect(struct probe_logon *l, const mr_logon_try *t, const char *address,
                            uint16_t port) {
    mr_connect_seen seen = {.check = l->op.check, .at = t->attempt.ended, .address = address,
                            .port = port, .role = MR_ROLE_NEIGHBOUR, .end = MR_CONNECT_SILENT,
                            .tries = t->attempt.sent};

    if (t->attempt.reach == MR_REACH_REFUSED)
        seen.end = MR_CONNECT_REFUSED;
    else if (t->attempt.reach != MR_REACH_SILENT && t->attempt.reach != MR_REACH_PENDING)
        return;
    mr_facts_add_connect(l->op.probe->diag, &seen);
}

/* Every KDC that was asked and did not answer, over UDP or where it had to be TCP, once. Returns
 * their addresses, NULL for none; nothing is added where @tell is not set. */
static const char *add_unanswered(struct probe_logon *l, const mr_logon_report *r, bool tell) {
    mr_probe *p = l->op.probe;
    const char *list = NULL;

    for (size_t i = 0; i < r->try_count; i++) {
        const mr_logon_try *t = &r->tries[i];
        struct kdc_asked k = look_at(r, &t->addr);
        if (!k.tries || k.tcp_answers || (k.answers && !k.tcp) || is_repeated(r, i))
            continue;
        const char *address = probe_addr_text(p, &t->addr);
        uint16_t port = t->addr.port ? t->addr.port : MR_KDC_PORT;
        if (tell) {
            mr_fact_add(p->diag, MR_FACT_KRB_UNANSWERED, l->op.check, .address = address,
                        .port = port, .tries = k.tries, .count = k.answers,
                        .domain = r->realms[t->realm].name, .user = l->who,
                        .protseq = !k.tcp ? "UDP" : k.udp ? "UDP and TCP"
                                   : k.answers ? "TCP" : "TCP (UDP was not asked)");
            if (k.answers && k.lost)
                add_kdc_connect(l, k.lost, address, port);
        }
        for (size_t a = 0; a < p->addr_count; a++)
            p->logon.kdc_silent |= k.tcp && mr_addr_same_host(&p->addrs[a].addr, &t->addr);
        const char *said = k.answers ? probe_text(p, "%s over TCP; over UDP it answers", address)
                           : k.tcp && !k.udp ? probe_text(p, "%s over TCP", address) : address;
        list = list ? probe_text(p, "%s, %s", list, said) : said;
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

static const char *add_local(struct probe_logon *l, const mr_error *err) {
    mr_fact_add(l->op.probe->diag, MR_FACT_AUTH_LOCAL, l->op.check, .other = err->text,
                .user = l->who);
    return probe_text(l->op.probe, "%s", err->text);
}

static const char *add_no_kdc(struct probe_logon *l, const mr_logon_report *r,
                              const mr_error *err) {
    mr_probe *p = l->op.probe;
    const mr_logon_realm *realm = r->realm_count ? &r->realms[r->realm_count - 1] : NULL;

    if (!realm || !realm->asked || !is_nowhere(realm->udp_records) ||
        !is_nowhere(realm->tcp_records))
        return add_local(l, err);
    mr_fact_add(p->diag, MR_FACT_KRB_NO_KDC, l->op.check, .domain = realm->name, .user = l->who,
                .rcode = realm->udp_records == MR_DNS_OUTCOME_NXDOMAIN ? 3 : 0,
                .server = probe_addr_text(p, &realm->dns_server));
    return probe_text(p, "DNS names no KDC for the realm %s", realm->name);
}

/* The text alone, or with its facts. */
static const char *tell_kdcs(struct probe_logon *l, const mr_logon_report *r, int result,
                             const mr_error *err) {
    mr_probe *p = l->op.probe;
    const mr_krb5_failure *failure = &r->tickets.failure;
    const char *silent;

    if (result == MR_ERR_AUTH && failure->from_peer && failure->code != MR_KRB5_NO_CODE) {
        add_krb_error(l, r->tickets.stage == MR_KRB5_STAGE_TGS ? MR_EXCHANGE_TGS : MR_EXCHANGE_AS,
                      &r->kdc, r->kdc.port ? r->kdc.port : MR_KDC_PORT, failure);
        return probe_text(p, "the KDC %s says %s", probe_addr_text(p, &r->kdc),
                          code_text(p, failure));
    }
    if (result == MR_ERR_NAME)
        return add_no_kdc(l, r, err);
    silent = r->try_count && result != MR_ERR_AUTH ? add_unanswered(l, r, true) : NULL;
    return silent ? probe_text(p, "no KDC answers (%s)", silent) : add_local(l, err);
}

const char *probe_logon_add_refused(struct probe_logon *l, int result, const mr_error *err) {
    return tell_kdcs(l, mr_logon_get_report(l->logon), result, err);
}

void probe_logon_add_granted(struct probe_logon *l) {
    mr_probe *p = l->op.probe;
    const mr_logon_report *r = mr_logon_get_report(l->logon);

    if (!r->answered)
        return;
    const char *kdc = probe_addr_text(p, &r->kdc);
    if (r->kerberos) {
        mr_fact_add(p->diag, MR_FACT_KRB_GRANTED, l->op.check, .address = kdc,
                    .port = r->kdc.port ? r->kdc.port : MR_KDC_PORT, .exchange = MR_EXCHANGE_TGS,
                    .user = l->who, .spn = known(l->spn));
    }
    if (r->tickets.server_time)
        mr_facts_add_clock(p->diag, l->op.check, kdc, r->tickets.skew);
}

/* ---- the server ---- */

static bool by_acceptor(const struct probe_logon *l, const char **whyp) {
    mr_logon_provider provider = provider_of(l);
    mr_spnego_info info;

    if (!provider.spnego)
        return false;
    mr_spnego_get_info(provider.spnego, &info);
    *whyp = info.why;
    return info.fallback == MR_SPNEGO_FALLBACK_ACCEPTOR;
}

/* A server outside of any domain knows its own accounts alone: no KDC has a say in that. */
static bool is_standalone(const struct probe_logon *l) {
    mr_logon_provider provider = provider_of(l);
    mr_ntlm_info info;

    if (!provider.ntlm)
        return false;
    mr_ntlm_get_info(provider.ntlm, &info);
    return *info.computer &&
           mr_slice_eq_nocase(mr_slice_str(info.domain), mr_slice_str(info.computer));
}

const char *probe_logon_add_fallback(struct probe_logon *l, bool accepted, uint32_t status) {
    mr_probe *p = l->op.probe;
    const mr_logon_report *r = mr_logon_get_report(l->logon);
    const mr_krb5_failure *failure = &r->tickets.failure;
    bool refused = r->fallback && r->why.code == MR_ERR_AUTH && failure->from_peer &&
                   failure->code != MR_KRB5_NO_CODE;
    const char *why = r->why.text;

    if (!r->fallback && !by_acceptor(l, &why))
        return NULL;
    if (!accepted && r->fallback) { /* what stood in the way of Kerberos is a failure as well */
        mr_error err = r->why;
        if (err.code != MR_ERR_ARGUMENT && err.code != MR_ERR_NOT_FOUND && !is_standalone(l))
            why = tell_kdcs(l, r, err.code, &err);
        if (refused && failure->code == KDC_ERR_S_PRINCIPAL_UNKNOWN && status)
            mr_fact_add(p->diag, MR_FACT_NTLM_FALLBACK, l->op.check,
                        .address = probe_addr_text(p, l->addr), .port = l->port,
                        .spn = known(l->spn), .user = l->who, .krb = failure->code,
                        .status = status);
        return probe_text(p, "%s", why); /* ours, where it was the logon's */
    }
    if (refused)
        why = probe_text(p, "the KDC %s says %s", probe_addr_text(p, &r->kdc),
                         code_text(p, failure));
    const char *silent = refused ? NULL : add_unanswered(l, r, false);
    if (accepted)
        mr_fact_add(p->diag, MR_FACT_AUTH_FALLBACK, l->op.check,
                    .address = probe_addr_text(p, l->addr), .port = l->port, .other = why,
                    .spn = known(l->spn), .krb = refused ? failure->code : 0, .user = l->who,
                    .server = silent ? probe_addr_text(p, silent_kdc(r)) : NULL);
    return probe_text(p, "%s", why);
}

/* The ticket as the server sees it: the KRB-ERROR inside its answer. */
static const char *add_ap_error(struct probe_logon *l) {
    mr_probe *p = l->op.probe;
    mr_logon_provider provider = provider_of(l);
    mr_krb5_info info;

    if (!provider.krb5)
        return NULL;
    mr_krb5_get_info(provider.krb5, &info);
    if (!info.failure.from_peer || info.failure.code == MR_KRB5_NO_CODE)
        return NULL;
    add_krb_error(l, MR_EXCHANGE_AP, l->addr, l->port, &info.failure);
    return probe_text(p, "the server says %s", code_text(p, &info.failure));
}

static bool is_rejected(const struct probe_logon *l) {
    mr_logon_provider provider = provider_of(l);
    mr_spnego_info info;

    if (!provider.spnego)
        return false;
    mr_spnego_get_info(provider.spnego, &info);
    return info.rejected;
}

/* Whether the answer that refused came where an auth3 has none: to the first call. */
static bool after_auth3(const struct probe_logon *l, int result) {
    const mr_client_report *report = mr_client_get_report(l->client);

    return result == MR_ERR_FAULT && report->bound && !report->auth.proven &&
           !probe_logon_is_proven(l);
}

bool probe_logon_is_refused(const struct probe_logon *l, int result) {
    const mr_client_report *report = mr_client_get_report(l->client);

    return after_auth3(l, result) || is_rejected(l) ||
           (report->auth.trouble != MR_AUTH_TROUBLE_NONE &&
            report->auth.trouble != MR_AUTH_TROUBLE_CLOSED);
}

const char *probe_logon_add_failed(struct probe_logon *l, int result, const mr_error *err) {
    mr_probe *p = l->op.probe;
    const mr_client_report *report = mr_client_get_report(l->client);
    mr_talk_seen talk = probe_logon_talk(l, l->op.check);
    const char *told = add_ap_error(l);

    if (is_rejected(l))
        mr_fact_add(p->diag, MR_FACT_RPC_TOKEN_REFUSED, l->op.check, .interface = talk.interface,
                    .address = talk.address, .port = talk.port, .ssp = talk.ssp,
                    .auth = talk.auth, .service = talk.service);
    probe_read_talk(report, result, err, &talk);
    talk.opnum = l->opnum;
    talk.after_auth3 = after_auth3(l, result);
    if (result == MR_ERR_AUTH || err->floor == MR_FLOOR_AUTH) {
        if (!told && !is_rejected(l))
            mr_fact_add(p->diag, MR_FACT_AUTH_UNVERIFIED, l->op.check, .address = talk.address,
                        .port = talk.port, .other = err->text, .user = l->who);
        return told ? told : probe_text(p, "%s", err->text);
    }
    mr_facts_add_talk(p->diag, &talk);
    return told ? told : probe_talk_text(p, &talk, err);
}
