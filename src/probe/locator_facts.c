/*
 * What the locator saw, as checks and facts. Also of a locator that was cut: what is not known is
 * an unknown check and no fact.
 */
#include <stdio.h>

#include "locator_private.h"

#define LDAP_PORT 389

static const char *addr_text(const mr_addr *addr, char out[MR_ADDR_TEXT]) {
    if (addr->family == MR_FAMILY_ANY)
        return NULL;
    return addr->port == 0 || addr->port == 53 ? mr_addr_text(addr, out)
                                               : mr_addr_port_text(addr, out);
}

bool probe_add_dns_failure(mr_diag *diag, const char *check, const char *name, const char *record,
                           enum mr_dns_outcome outcome, unsigned rcode, const mr_addr *server) {
    char text[MR_ADDR_TEXT];
    const char *known = addr_text(server, text), *asked = known ? known : "0.0.0.0";

    switch (outcome) {
    case MR_DNS_OUTCOME_ANSWER:
    case MR_DNS_OUTCOME_NODATA:
    case MR_DNS_OUTCOME_NXDOMAIN:
        return false;
    case MR_DNS_OUTCOME_SERVFAIL:
    case MR_DNS_OUTCOME_REFUSED:
    case MR_DNS_OUTCOME_RCODE:
        mr_fact_add(diag, MR_FACT_NAME_RCODE, check, .name = name, .server = asked,
                    .rcode = rcode ? rcode : MR_DNS_SERVFAIL, .record = record);
        return true;
    case MR_DNS_OUTCOME_MALFORMED:
        mr_fact_add(diag, MR_FACT_NAME_MALFORMED, check, .name = name, .server = asked,
                    .record = record);
        return true;
    case MR_DNS_OUTCOME_LAME:
        mr_fact_add(diag, MR_FACT_NAME_LAME, check, .name = name, .server = asked,
                    .record = record);
        return true;
    case MR_DNS_OUTCOME_TIMEOUT:
        mr_fact_add(diag, MR_FACT_NAME_TIMEOUT, check, .name = name, .server = asked,
                    .record = record);
        return true;
    case MR_DNS_OUTCOME_UNREACHABLE:
        mr_fact_add(diag, MR_FACT_NAME_NO_SERVICE, check, .server = asked);
        return true;
    case MR_DNS_OUTCOME_NAME:
        mr_fact_add(diag, MR_FACT_NAME_INVALID, check, .name = name);
        return true;
    case MR_DNS_OUTCOME_NO_SERVER:
        mr_fact_add(diag, MR_FACT_NAME_NO_SERVER, check);
        return true;
    case MR_DNS_OUTCOME_FAILED:
        return true; /* this machine's own trouble says nothing of DNS */
    }
    return false;
}

/* ---- questions ---- */

static void add_query(const mr_locator *l, mr_diag *diag, const mr_locator_query *q) {
    const char *check = mr_arena_add_fmt(l->arena, "LOCATOR.SRV.%s", q->name);
    char text[MR_ADDR_TEXT], summary[256];
    const char *server = addr_text(&q->server, text);
    bool known = l->over || q->elapsed;

    snprintf(summary, sizeof summary, "%zu record%s (%s)", q->count, q->count == 1 ? "" : "s",
             known ? mr_dns_outcome_name(q->outcome) : "not asked to the end");
    mr_diag_add_check(diag, &(mr_check){
        .id = check, .phase = MR_PHASE_NAMES, .ms = known ? (double)q->elapsed / MR_MSEC : -1,
        .status = !known ? MR_STATUS_UNKNOWN : q->count ? MR_STATUS_PASS
                  : q->site ? MR_STATUS_WARN : MR_STATUS_FAIL,
        .summary = summary, .aside = q->site != NULL});
    if (!known || q->count ||
        probe_add_dns_failure(diag, check, q->name, "SRV", q->outcome, q->rcode, &q->server))
        return;
    if (q->site)
        mr_fact_add(diag, MR_FACT_LOCATOR_NO_SITE_SRV, check, .name = q->name, .site = q->site,
                    .domain = l->options.domain, .server = server);
    else
        mr_fact_add(diag, MR_FACT_LOCATOR_NO_SRV, check, .name = q->name,
                    .domain = l->options.domain, .rcode = q->rcode, .server = server);
}

/* ---- hosts ---- */

static void add_lacks(mr_diag *diag, const char *check, const mr_locator_host *host,
                      const char *address) {
    const char *word;
    uint32_t want;

    for (size_t i = 0; (word = mr_locator_want_get(i, &want)) != NULL; i++)
        if (host->lacks & want)
            mr_fact_add(diag, MR_FACT_LOCATOR_LACKS, check, .name = host->name,
                        .address = address, .other = word);
}

static void add_unanswered(const mr_locator *l, mr_diag *diag, const char *check,
                           const mr_locator_host *host, const mr_dc_ping *ping,
                           const char *address) {
    const mr_icmp *icmp = &ping->attempt.icmp;
    char sender[MR_ADDR_TEXT];

    mr_fact_add(diag, MR_FACT_LOCATOR_UNANSWERED, check, .name = host->name, .address = address,
                .port = LDAP_PORT, .domain = l->options.domain, .tries = ping->attempt.sent,
                .reason = ping->outcome != MR_DC_SILENT,
                .sender = icmp->present ? addr_text(&icmp->sender, sender) : NULL);
    if (ping->has_answer || ping->root_dse || ping->tcp == MR_REACH_OPEN)
        mr_fact_add(diag, MR_FACT_LOCATOR_TCP_ANSWERS, check, .name = host->name,
                    .address = address, .port = LDAP_PORT);
}

static void add_answer(const mr_locator *l, mr_diag *diag, const char *check,
                       const mr_locator_host *host, const mr_dc_ping *ping, const char *address) {
    if (ping->answer.host[0] && !mr_dns_same_name(ping->answer.host, host->name))
        mr_fact_add(diag, MR_FACT_DNS_FOREIGN_ADDRESS, check, .name = host->name,
                    .address = address, .other = ping->answer.host);
    if (ping->outcome == MR_DC_PAUSED)
        mr_fact_add(diag, MR_FACT_LOCATOR_PAUSED, check, .name = host->name, .address = address);
    if (ping->outcome == MR_DC_NO_ACCOUNT)
        mr_fact_add(diag, MR_FACT_LOCATOR_NO_ACCOUNT, check, .name = host->name,
                    .address = address, .other = l->options.account);
    add_lacks(diag, check, host, address);
}

static void add_address(const mr_locator *l, mr_diag *diag, const mr_locator_address *a) {
    const mr_dc_ping *ping = &a->ping;
    const mr_locator_host *host = a->host;
    char text[MR_ADDR_TEXT], summary[300];
    const char *address = mr_addr_text(&a->addr, text);
    const char *check = mr_arena_add_fmt(l->arena, "LOCATOR.PING.%s", address);

    snprintf(summary, sizeof summary, "%s: %s%s", host->name, mr_dc_outcome_name(ping->outcome),
             ping->over_tcp ? ", but over TCP it answers" : "");
    mr_diag_add_check(diag, &(mr_check){
        .id = check, .phase = MR_PHASE_NAMES,
        .ms = ping->outcome == MR_DC_PENDING ? -1 : (double)ping->elapsed / MR_MSEC,
        .status = ping->outcome == MR_DC_PENDING ? MR_STATUS_UNKNOWN
                  : ping->outcome == MR_DC_ANSWERED ? MR_STATUS_PASS
                  : l->chosen ? MR_STATUS_WARN : MR_STATUS_FAIL,
        .summary = summary, .aside = l->chosen && l->chosen != a});
    switch (ping->outcome) {
    case MR_DC_PENDING:
        break;
    case MR_DC_ANSWERED:
    case MR_DC_PAUSED:
    case MR_DC_NO_ACCOUNT:
        add_answer(l, diag, check, host, ping, address);
        break;
    case MR_DC_OTHER:
    case MR_DC_FOREIGN:
        mr_fact_add(diag, MR_FACT_LOCATOR_OTHER_DOMAIN, check, .name = host->name,
                    .address = address, .domain = l->options.domain);
        break;
    case MR_DC_SILENT:
    case MR_DC_REFUSED:
    case MR_DC_UNREACHABLE:
        add_unanswered(l, diag, check, host, ping, address);
        break;
    }
}

static void add_host(const mr_locator *l, mr_diag *diag, const mr_locator_host *host) {
    if (host->outcome != MR_DNS_OUTCOME_ANSWER && (l->over || host->outcome)) {
        const char *check = mr_arena_add_fmt(l->arena, "LOCATOR.ADDRESS.%s", host->name);
        mr_diag_add_check(diag, &(mr_check){
            .id = check, .phase = MR_PHASE_NAMES, .ms = -1,
            .status = l->chosen ? MR_STATUS_WARN : MR_STATUS_FAIL, .aside = l->chosen != NULL,
            .summary = mr_dns_outcome_name(host->outcome)});
        if (!probe_add_dns_failure(diag, check, host->name, "A", host->outcome, 0,
                                   &host->query->server))
            mr_fact_add(diag, MR_FACT_LOCATOR_NO_ADDRESS, check, .name = host->name,
                        .domain = l->options.domain);
    }
    for (size_t i = 0; i < host->addr_count; i++)
        add_address(l, diag, &host->addrs[i]);
}

/* ---- the choice ---- */

static void add_chosen(const mr_locator *l, mr_diag *diag) {
    const mr_locator_address *c = l->chosen;
    const mr_netlogon_answer *answer = &c->ping.answer;
    char text[MR_ADDR_TEXT], own[MR_ADDR_TEXT];
    const char *address = mr_addr_text(&c->addr, text);
    const char *check = mr_arena_add_fmt(l->arena, "LOCATOR.PING.%s", address);

    mr_fact_add(diag, MR_FACT_LOCATOR_FOUND, check, .name = c->host->name, .address = address,
                .domain = l->options.domain, .site = answer->dc_site[0] ? answer->dc_site : NULL,
                .ms = (uint32_t)(c->ping.elapsed / MR_MSEC));
    if (!answer->client_site[0] && !l->options.site) {
        mr_addr local = c->ping.attempt.local;
        local.port = 0;
        mr_fact_add(diag, MR_FACT_LOCATOR_NO_SUBNET, check, .name = c->host->name,
                    .domain = l->options.domain, .address = addr_text(&local, own));
    }
    if (l->site && answer->dc_site[0] && !mr_str_eq_nocase(answer->dc_site, l->site))
        mr_fact_add(diag, MR_FACT_LOCATOR_OTHER_SITE, check, .name = c->host->name,
                    .other = answer->dc_site, .site = l->site, .domain = l->options.domain);
}

void mr_locator_add_facts(mr_locator *l, mr_diag *diag) {
    if (!strchr(l->options.domain, '.'))
        mr_fact_add(diag, MR_FACT_LOCATOR_SINGLE_LABEL, "LOCATOR",
                    .domain = l->options.domain);
    for (const mr_locator_query *q = l->queries; q; q = q->next)
        add_query(l, diag, q);
    for (size_t i = 0; i < l->host_count; i++)
        add_host(l, diag, l->hosts[i]);
    if (l->chosen)
        add_chosen(l, diag);
    else if (l->over && l->host_count)
        mr_fact_add(diag, MR_FACT_LOCATOR_NO_DC, "LOCATOR", .domain = l->options.domain,
                    .count = (uint32_t)l->host_count);
}
