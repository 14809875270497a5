/*
 * What the answers about a domain mean: a result and notes for each host and test, facts for the
 * rules, a check for each result. A run that was cut is unknown where it was not asked to the end.
 */
#include <stdarg.h>
#include <stdio.h>

#include "health_private.h"

struct judge {
    mr_health *h;
    mr_diag *diag;
    mr_health_host *host;
    enum mr_health_test test;
    const char *check;
};

__attribute__((format(printf, 3, 4)))
static void note(struct judge *j, enum mr_health_result result, const char *fmt, ...) {
    mr_health_note *n = MR_ARENA_NEW(j->h->arena, mr_health_note), **tail = &j->host->notes;
    char text[600];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (result > j->host->results[j->test])
        j->host->results[j->test] = result;
    if (!n)
        return;
    *n = (mr_health_note){.test = j->test, .result = result,
                          .text = mr_arena_add_str(j->h->arena, mr_slice_str(text))};
    while (*tail)
        tail = &(*tail)->next;
    if (n->text)
        *tail = n;
}

static const char *text_of(struct judge *j, const mr_addr *addr) {
    char text[MR_ADDR_TEXT];
    mr_addr bare = *addr;

    if (bare.port == 53)
        bare.port = 0;
    const char *copy = mr_arena_add_str(j->h->arena, mr_slice_str(
        bare.port ? mr_addr_port_text(&bare, text) : mr_addr_text(&bare, text)));
    return copy ? copy : "";
}

/* This machine would not send: it says nothing of the peer. */
static bool is_local(const struct health_query *q) {
    const mr_dns_answer *a = &q->query.answer;

    return health_outcome(q) == MR_DNS_OUTCOME_FAILED ||
           (a->outcome == MR_DNS_OUTCOME_UNREACHABLE && a->os_error && !a->icmp.present);
}

static bool is_silent(const struct health_query *q) {
    enum mr_dns_outcome outcome = health_outcome(q);

    return outcome == MR_DNS_OUTCOME_TIMEOUT || outcome == MR_DNS_OUTCOME_UNREACHABLE;
}

static unsigned rcode_of(const struct health_query *q) {
    return health_answered(q) ? q->query.answer.message->rcode : 0;
}

/* "SERVFAIL", or "timeout" where no answer came. */
static const char *said(const struct health_query *q, char out[16]) {
    return health_answered(q) && rcode_of(q) ? mr_dns_rcode_name((uint16_t)rcode_of(q), out)
                                             : mr_dns_outcome_name(health_outcome(q));
}

/* ---- Basc ---- */

static void judge_ping(struct judge *j, const mr_health_addr *a) {
    const mr_dc_ping *ping = &a->ping;
    const char *address = text_of(j, &a->addr);

    if (!a->pinged || ping->outcome == MR_DC_PENDING || ping->attempt.reach == MR_REACH_LOCAL)
        return;
    if (mr_dc_is_of_domain(ping->outcome)) {
        if (ping->outcome == MR_DC_PAUSED) {
            note(j, MR_HEALTH_WARN, "Netlogon is paused at %s", address);
            mr_fact_add(j->diag, MR_FACT_LOCATOR_PAUSED, j->check, .name = j->host->name,
                        .address = address);
        }
        return;
    }
    if (ping->outcome == MR_DC_OTHER || ping->outcome == MR_DC_FOREIGN) {
        note(j, MR_HEALTH_FAIL, "%s is no domain controller of %s", address, j->h->domain);
        mr_fact_add(j->diag, MR_FACT_LOCATOR_OTHER_DOMAIN, j->check, .name = j->host->name,
                    .address = address, .domain = j->h->domain);
        return;
    }
    bool tcp = ping->has_answer || ping->root_dse || ping->tcp == MR_REACH_OPEN;
    if (j->host->answers && !tcp)
        return; /* an address that is not its own: RReg */
    note(j, MR_HEALTH_FAIL, "%s does not answer the locator's ping (UDP port 389)%s", address,
         tcp ? ", over TCP it answers" : "");
    mr_fact_add(j->diag, MR_FACT_LOCATOR_UNANSWERED, j->check, .name = j->host->name,
                .address = address, .port = 389, .domain = j->h->domain,
                .tries = ping->attempt.sent, .reason = ping->outcome != MR_DC_SILENT);
    if (tcp)
        mr_fact_add(j->diag, MR_FACT_LOCATOR_TCP_ANSWERS, j->check, .name = j->host->name,
                    .address = address, .port = 389);
}

static void judge_service(struct judge *j) {
    const mr_health_host *host = j->host;
    const char *address = host->serves ? text_of(j, &host->serves->addr) : NULL;
    const mr_dns_message *soa = host->serves ? health_records_of(host->serves->soa) : NULL;

    if (!host->serves) {
        if (!host->is_ns)
            note(j, MR_HEALTH_NA, "no DNS answers there");
        for (size_t k = 0; host->is_ns && k < host->addr_count; k++) {
            if (!is_silent(host->addrs[k].soa) || is_local(host->addrs[k].soa))
                continue;
            address = text_of(j, &host->addrs[k].addr);
            note(j, MR_HEALTH_FAIL, "DNS at %s does not answer (%s)", address,
                 mr_dns_outcome_name(health_outcome(host->addrs[k].soa)));
            mr_fact_add(j->diag, MR_FACT_DNS_SERVER_DOWN, j->check, .server = address,
                        .name = host->name, .domain = j->h->domain);
        }
        return;
    }
    if (host->authoritative && soa && soa->answer_count)
        note(j, MR_HEALTH_PASS, "DNS at %s holds %s (serial %u)", address, j->h->domain,
             soa->answers[0].type == MR_DNS_SOA ? soa->answers[0].u.soa.serial : 0);
    else
        note(j, host->is_ns ? MR_HEALTH_FAIL : MR_HEALTH_PASS,
             "DNS at %s answers, and does not hold %s", address, j->h->domain);
    if (host->serves->tcp.result.state != MR_PORT_LISTENING) {
        note(j, MR_HEALTH_WARN, "DNS at %s over TCP: %s", address,
             mr_port_state_name(host->serves->tcp.result.state));
        mr_fact_add(j->diag, MR_FACT_DNS_NO_TCP, j->check, .server = address, .name = host->name);
    }
}

static void judge_basic(struct judge *j) {
    const mr_health_host *host = j->host;

    if (host->addr_count == 0) {
        note(j, MR_HEALTH_FAIL, "no address in DNS");
        if (!host->is_dc)
            return;
        mr_fact_add(j->diag, MR_FACT_LOCATOR_NO_ADDRESS, j->check, .name = host->name,
                    .domain = j->h->domain);
        if (host->registered)
            mr_fact_add(j->diag, MR_FACT_DNS_DC_UNUSABLE, j->check, .name = host->name,
                        .domain = j->h->domain);
        return;
    }
    if (host->answers)
        note(j, MR_HEALTH_PASS, "answers the locator%s at %s, site %s",
             host->answers->ping.over_tcp ? " over TCP only" : "",
             text_of(j, &host->answers->addr), host->answers->ping.answer.dc_site);
    for (size_t k = 0; host->is_dc && k < host->addr_count; k++)
        judge_ping(j, &host->addrs[k]);
    if (host->registered && !host->answers && host->results[MR_HEALTH_BASC] == MR_HEALTH_FAIL)
        mr_fact_add(j->diag, MR_FACT_DNS_DC_UNUSABLE, j->check, .name = host->name,
                    .domain = j->h->domain);
    judge_service(j);
}

/* ---- Forw, Ext ---- */

static void judge_forwarders(struct judge *j) {
    const mr_health_host *host = j->host;
    char word[16];

    if (!host->serves) {
        note(j, MR_HEALTH_NA, "no DNS answers there");
        return;
    }
    const char *address = text_of(j, &host->serves->addr);
    if (!host->recursion) {
        note(j, MR_HEALTH_NA, "recursion is off: it resolves its own zones only");
        mr_fact_add(j->diag, MR_FACT_DNS_NO_RECURSION, j->check, .server = address,
                    .name = host->name);
        return;
    }
    const struct health_query *root = health_find(j->h, &host->serves->addr, ".", MR_DNS_NS);
    const struct health_query *ext =
        j->h->options.external ? health_find(j->h, &host->serves->addr, j->h->options.external,
                                             MR_DNS_A) : NULL;
    if (health_records_of(root) || health_records_of(ext)) {
        const struct health_query *q = health_records_of(root) ? root : ext;
        note(j, MR_HEALTH_PASS, "resolves %s in %.0f ms", q == root ? "the root" : q->name,
             (double)q->query.answer.elapsed / MR_MSEC);
        return;
    }
    note(j, MR_HEALTH_WARN, "recursion is on, but the root does not resolve (%s)",
         said(root, word));
    mr_fact_add(j->diag, MR_FACT_DNS_FORWARDER_FAILS, j->check, .name = ".", .server = address,
                .rcode = rcode_of(root));
}

static void judge_external(struct judge *j) {
    const mr_health_host *host = j->host;
    const char *name = j->h->options.external;
    char word[16];

    if (!name || !host->serves) {
        note(j, MR_HEALTH_NA, "%s", name ? "no DNS answers there" : "not asked for");
        return;
    }
    const struct health_query *q = health_find(j->h, &host->serves->addr, name, MR_DNS_A);
    /* a name without an A record is a name all the same */
    if (health_records_of(q) || health_outcome(q) == MR_DNS_OUTCOME_NODATA) {
        note(j, MR_HEALTH_PASS, "%s resolves", name);
        return;
    }
    note(j, MR_HEALTH_FAIL, "%s does not resolve (%s)", name, said(q, word));
    mr_fact_add(j->diag, MR_FACT_DNS_EXTERNAL_FAILS, j->check, .name = name,
                .server = text_of(j, &host->serves->addr), .rcode = rcode_of(q));
}

/* ---- Del ---- */

static bool holds(const struct health_query *soa) {
    return health_records_of(soa) && soa->query.answer.message->authoritative;
}

/* At how many of its addresses @holder holds the zone. */
static size_t count_holding(const mr_health *h, const mr_health_host *holder, const char *zone) {
    size_t good = 0;

    for (size_t k = 0; k < holder->addr_count; k++)
        good += holds(health_find(h, &holder->addrs[k].addr, zone, MR_DNS_SOA));
    return good;
}

/* One name server of @zone as @server names it. True when it holds the zone. */
static bool judge_holder(struct judge *j, const mr_addr *server, const char *zone,
                         const char *name) {
    static const uint16_t types[] = {MR_DNS_A, MR_DNS_AAAA};
    mr_health_host holder = {.health = j->h, .name = name};
    char word[16];

    for (size_t i = 0; i < MR_COUNT(types); i++)
        health_add_addrs(j->h, &holder, health_find(j->h, server, name, types[i]));
    if (holder.addr_count == 0) {
        note(j, MR_HEALTH_FAIL, "%s: name server %s has no address", zone, name);
        mr_fact_add(j->diag, MR_FACT_DNS_NS_WITHOUT_ADDRESS, j->check, .domain = zone,
                    .name = name, .server = text_of(j, server));
        return false;
    }
    size_t good = count_holding(j->h, &holder, zone);
    for (size_t k = 0; k < holder.addr_count; k++) {
        const struct health_query *q = health_find(j->h, &holder.addrs[k].addr, zone, MR_DNS_SOA);
        const char *address = text_of(j, &holder.addrs[k].addr);
        if (!q || is_local(q) || holds(q))
            continue;
        note(j, good ? MR_HEALTH_WARN : MR_HEALTH_FAIL, "%s: name server %s (%s) %s (%s)", zone,
             name, address, is_silent(q) ? "does not answer" : "does not hold it", said(q, word));
        if (is_silent(q) && good)
            mr_fact_add(j->diag, MR_FACT_DNS_DEAD_ADDRESS, j->check, .name = name,
                        .address = address, .server = text_of(j, server));
        else if (is_silent(q))
            mr_fact_add(j->diag, MR_FACT_DNS_SERVER_DOWN, j->check, .server = address,
                        .name = name, .domain = zone);
        else
            mr_fact_add(j->diag, MR_FACT_DNS_LAME, j->check, .domain = zone, .name = name,
                        .server = address, .rcode = rcode_of(q));
    }
    return good > 0;
}

static void judge_zone(struct judge *j, const mr_addr *server, const char *zone) {
    const mr_dns_message *m = health_records_of(health_find(j->h, server, zone, MR_DNS_NS));
    size_t count = 0, good = 0;

    for (size_t i = 0; m && i < m->answer_count; i++) {
        if (m->answers[i].type != MR_DNS_NS)
            continue;
        count++;
        good += judge_holder(j, server, zone, m->answers[i].u.target);
    }
    if (count)
        note(j, good == count ? MR_HEALTH_PASS : MR_HEALTH_FAIL, "%s: %zu of %zu name servers "
             "hold it", zone, good, count);
}

static void judge_delegations(struct judge *j) {
    const mr_health_host *host = j->host;
    char zone[MR_DNS_NAME_TEXT], word[16];

    if (!host->serves) {
        note(j, MR_HEALTH_NA, "no DNS answers there");
        return;
    }
    const mr_addr *server = &host->serves->addr;
    const struct health_query *ns = health_find(j->h, server, j->h->domain, MR_DNS_NS);
    if (!health_records_of(ns))
        note(j, MR_HEALTH_UNKNOWN, "%s: it gives no name servers (%s)", j->h->domain,
             said(ns, word));
    judge_zone(j, server, j->h->domain);
    snprintf(zone, sizeof zone, "_msdcs.%s", j->h->forest);
    judge_zone(j, server, zone);
}

/* ---- Dyn ---- */

static void judge_updates(struct judge *j) {
    const struct health_update *u = j->h->updates;
    char word[16];

    while (u && u->host != j->host)
        u = u->next;
    if (!u) {
        note(j, MR_HEALTH_NA, "%s",
             j->host->serves ? "does not hold the zone" : "no DNS answers there");
        return;
    }
    const char *address = text_of(j, &j->host->serves->addr);
    if (!u->over || u->result != 0) {
        note(j, MR_HEALTH_UNKNOWN, "no answer to an update that changes nothing");
    } else if (u->rcode == MR_DNS_NOERROR) {
        note(j, MR_HEALTH_WARN, "%s takes updates of strangers", j->h->domain);
        mr_fact_add(j->diag, MR_FACT_DNS_INSECURE_UPDATES, j->check, .domain = j->h->domain,
                    .server = address);
    } else if (u->rcode == MR_DNS_REFUSED) {
        note(j, MR_HEALTH_PASS, "refuses updates of strangers (whether it takes secure ones, only "
             "an account can tell)");
    } else if (u->rcode == MR_DNS_NOTIMP || u->rcode == MR_DNS_NOTAUTH ||
               u->rcode == MR_DNS_FORMERR) {
        note(j, MR_HEALTH_WARN, "takes no updates (%s)", mr_dns_rcode_name(u->rcode, word));
        mr_fact_add(j->diag, MR_FACT_DNS_NO_UPDATES, j->check, .domain = j->h->domain,
                    .server = address, .rcode = u->rcode);
    } else {
        note(j, MR_HEALTH_UNKNOWN, "answers an update with %s",
             mr_dns_rcode_name(u->rcode, word));
    }
}

/* ---- RReg ---- */

/* Whoever gives @addr for the name of the host that is judged, as facts of @kind. */
static void add_address_facts(struct judge *j, enum mr_fact_kind kind, const mr_addr *addr,
                              const char *other) {
    const mr_health *h = j->h;
    uint16_t type = addr->family == MR_FAMILY_IPV4 ? MR_DNS_A : MR_DNS_AAAA;
    const char *address = text_of(j, addr);

    for (const struct health_query *q = h->queries; q; q = q->next) {
        mr_health_host only = {.health = j->h};
        if (q->type != type || !mr_dns_same_name(q->name, j->host->name))
            continue;
        health_add_addrs(j->h, &only, q);
        for (size_t k = 0; k < only.addr_count; k++)
            if (mr_addr_same_host(&only.addrs[k].addr, addr))
                mr_fact_add(j->diag, kind, j->check, .name = j->host->name, .address = address,
                            .other = other, .server = text_of(j, &q->query.answer.server));
    }
}

/* The NetBIOS name of a host is the first label of its DNS name, of which it has 15 octets. */
static bool is_node_of(const char *node, const char *host) {
    size_t label = strcspn(host, ".");

    return mr_slice_eq_nocase(mr_slice_str(node),
                              mr_slice_sub(mr_slice_str(host), 0, label < 15 ? label : 15));
}

static void judge_address(struct judge *j, const mr_health_addr *a) {
    const mr_dc_ping *ping = &a->ping;
    const char *other = ping->has_answer ? ping->answer.host : ping->dns_host;

    if (!other && a->node_name && !is_node_of(a->node_name, j->host->name))
        other = a->node_name;
    if (a->own_name || !a->pinged || ping->outcome == MR_DC_PENDING ||
        ping->attempt.reach == MR_REACH_LOCAL)
        return;
    if (other && *other) {
        note(j, MR_HEALTH_WARN, "%s is an address of %s", text_of(j, &a->addr), other);
        add_address_facts(j, MR_FACT_DNS_FOREIGN_ADDRESS, &a->addr, other);
    } else if (j->host->answers && health_is_dead(a)) {
        note(j, MR_HEALTH_WARN, "%s is none of its addresses: nothing answers there",
             text_of(j, &a->addr));
        add_address_facts(j, MR_FACT_DNS_DEAD_ADDRESS, &a->addr, NULL);
    }
}

/* A record that some server lacks: facts for all, so that rules see who has it. */
static void judge_missing(struct judge *j, const mr_health_record *record, const char *lacking) {
    const mr_health *h = j->h;
    char type[16];
    const char *word = mr_dns_type_name(record->type, type);

    for (size_t i = 0; i < h->host_count; i++) {
        if (record->states[i] == MR_HEALTH_RECORD_UNKNOWN)
            continue;
        enum mr_fact_kind kind = record->states[i] != MR_HEALTH_RECORD_MISSING
                                     ? MR_FACT_DNS_RECORD_FOUND
                                 : record->critical ? MR_FACT_DNS_RECORD_MISSING
                                                    : MR_FACT_DNS_MINOR_MISSING;
        mr_fact_add(j->diag, kind, j->check, .name = record->name, .record = word,
                    .server = text_of(j, &h->hosts[i]->serves->addr), .other = j->host->name);
    }
    note(j, record->critical ? MR_HEALTH_FAIL : MR_HEALTH_WARN, "missing at %s: %s %s", lacking,
         word, record->name);
}

/* True when every server that could be asked has it. */
static bool judge_record(struct judge *j, const mr_health_record *record) {
    const mr_health *h = j->h;
    char lacking[400] = "";
    size_t at = 0;
    bool good = true;

    for (size_t i = 0; i < h->host_count; i++) {
        if (!h->hosts[i]->knows)
            continue;
        const char *server = text_of(j, &h->hosts[i]->serves->addr);
        if (record->states[i] == MR_HEALTH_RECORD_MISSING && at + MR_ADDR_TEXT < sizeof lacking)
            at += (size_t)snprintf(lacking + at, sizeof lacking - at, "%s%s", at ? ", " : "",
                                   server);
        if (record->states[i] == MR_HEALTH_RECORD_OTHER_PORT) {
            note(j, MR_HEALTH_WARN, "not with port %u at %s: %s", record->port, server,
                 record->name);
            mr_fact_add(j->diag, MR_FACT_DNS_OTHER_PORT, j->check, .name = record->name,
                        .server = server, .other = j->host->name, .port = record->port);
        }
        if (record->states[i] == MR_HEALTH_RECORD_UNKNOWN)
            note(j, MR_HEALTH_UNKNOWN, "not answered by %s: %s", server, record->name);
        good &= record->states[i] == MR_HEALTH_RECORD_FOUND;
    }
    if (at)
        judge_missing(j, record, lacking);
    return good;
}

static void judge_registration(struct judge *j) {
    const mr_health *h = j->h;
    mr_health_host *host = j->host;
    size_t count = 0, good = 0, servers = 0;

    if (!host->is_dc) {
        note(j, MR_HEALTH_NA, "is no domain controller");
        return;
    }
    for (size_t i = 0; i < h->host_count; i++)
        servers += h->hosts[i]->knows;
    health_read_records(j->h, host);
    for (const mr_health_record *r = host->records; servers && r; r = r->next, count++)
        good += judge_record(j, r);
    if (servers)
        note(j, MR_HEALTH_PASS, "%zu of %zu records at %s%zu DNS server%s", good, count,
             servers > 1 ? "each of " : "", servers, servers == 1 ? "" : "s");
    else
        note(j, MR_HEALTH_UNKNOWN, "no DNS server of the domain could be asked");
    if (!host->answers)
        note(j, MR_HEALTH_UNKNOWN, "its site and roles are not known: those records were not "
             "asked for");
    else if (host->dsa_unknown)
        note(j, MR_HEALTH_UNKNOWN, "its CNAME under _msdcs.%s is unknown: the GUID in it is not "
             "told to strangers", h->forest);
    for (size_t k = 0; k < host->addr_count; k++)
        judge_address(j, &host->addrs[k]);
}

/* ---- the whole ---- */

static void judge_authentication(struct judge *j) {
    note(j, MR_HEALTH_NA, "asked as a stranger");
}

static void (*const tests[MR_HEALTH_TESTS])(struct judge *j) = {
    judge_authentication, judge_basic, judge_forwarders, judge_delegations,
    judge_updates, judge_registration, judge_external,
};

static enum mr_status status_of(enum mr_health_result result) {
    switch (result) {
    case MR_HEALTH_NA: return MR_STATUS_SKIP;
    case MR_HEALTH_PASS: return MR_STATUS_PASS;
    case MR_HEALTH_UNKNOWN: return MR_STATUS_UNKNOWN;
    case MR_HEALTH_WARN: return MR_STATUS_WARN;
    case MR_HEALTH_FAIL: return MR_STATUS_FAIL;
    }
    return MR_STATUS_UNKNOWN;
}

/* The first note that gave the test its result. */
static const char *summary_of(const struct judge *j) {
    for (const mr_health_note *n = j->host->notes; n; n = n->next)
        if (n->test == j->test && n->result == j->host->results[j->test])
            return n->text;
    return "";
}

static void judge_host(struct judge *j) {
    for (unsigned t = 0; t < MR_HEALTH_TESTS; t++) {
        j->test = (enum mr_health_test)t;
        j->check = mr_arena_add_fmt(j->h->arena, "HEALTH.%s.%s", mr_health_test_name(j->test),
                                    j->host->name);
        if ((j->h->over && !j->h->failed) || j->test == MR_HEALTH_AUTH)
            tests[t](j);
        else
            note(j, MR_HEALTH_UNKNOWN, "not asked to the end");
        enum mr_status status = status_of(j->host->results[t]);
        mr_diag_add_check(j->diag, &(mr_check){
            .id = j->check, .phase = MR_PHASE_NAMES, .status = status, .ms = -1,
            .summary = summary_of(j), .aside = status == MR_STATUS_SKIP});
    }
}

static void add_domain_facts(mr_health *h, mr_diag *diag) {
    static const char check[] = "HEALTH.SRV";
    size_t controllers = 0, answering = 0;
    char text[MR_ADDR_TEXT];

    if (!strchr(h->domain, '.'))
        mr_fact_add(diag, MR_FACT_LOCATOR_SINGLE_LABEL, check, .domain = h->domain);
    for (size_t i = 0; i < h->host_count; i++) {
        controllers += h->hosts[i]->is_dc;
        for (size_t k = 0; k < h->hosts[i]->addr_count; k++)
            answering += h->hosts[i]->addrs[k].ping.outcome == MR_DC_ANSWERED;
    }
    const mr_dns_answer *a = h->srv ? &h->srv->query.answer : NULL;
    bool found = health_records_of(h->srv) != NULL;
    if (!h->srv || !h->srv->over)
        return;
    mr_diag_add_check(diag, &(mr_check){
        .id = check, .phase = MR_PHASE_NAMES, .ms = (double)a->elapsed / MR_MSEC,
        .status = found ? MR_STATUS_PASS : MR_STATUS_FAIL,
        .summary = mr_dns_outcome_name(a->outcome)});
    if (!found && !probe_add_dns_failure(diag, check, h->srv->name, "SRV", a->outcome,
                                         rcode_of(h->srv), &a->server))
        mr_fact_add(diag, MR_FACT_LOCATOR_NO_SRV, check, .name = h->srv->name,
                    .domain = h->domain, .rcode = rcode_of(h->srv),
                    .server = a->server.family ? mr_addr_text(&a->server, text) : NULL);
    if (h->over && controllers && !answering)
        mr_fact_add(diag, MR_FACT_LOCATOR_NO_DC, check, .domain = h->domain,
                    .count = (uint32_t)controllers);
}

void mr_health_judge(mr_health *h, mr_diag *diag) {
    add_domain_facts(h, diag);
    for (size_t i = 0; i < h->host_count; i++) {
        struct judge j = {.h = h, .diag = diag, .host = h->hosts[i]};
        if (j.host->chosen)
            judge_host(&j);
    }
}
