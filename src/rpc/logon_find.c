/*
 * Whom to ask for tickets: the KDCs of a realm by its SRV records (RFC 4120 7.2.3.2), for UDP and
 * TCP at the same time, else the addresses of the realm's own name, as Active Directory's domains
 * have them. A host's addresses are looked up when its turn comes, so that one whose name leads
 * nowhere costs nothing while another answers.
 */
#include "logon_private.h"

#include <stdio.h>

enum { UDP, TCP };

static void add_host(mr_logon_realm *realm, const char *name, uint16_t port) {
    size_t len = strlen(name);

    if (len == 0 || len >= MR_LOGON_NAME || realm->host_count == MR_LOGON_HOSTS ||
        strcmp(name, ".") == 0) /* RFC 2782: decidedly not available */
        return;
    for (size_t i = 0; i < realm->host_count; i++)
        if (mr_dns_same_name(realm->hosts[i].name, name) && realm->hosts[i].port == port)
            return;
    mr_logon_host *host = &realm->hosts[realm->host_count++];
    *host = (mr_logon_host){.port = port};
    memcpy(host->name, name, len + 1);
}

/* The hosts of an answer in the order of RFC 2782. */
static void add_hosts(mr_logon_realm *realm, const mr_dns_answer *answer) {
    const mr_dns_record *records[MR_LOGON_HOSTS];
    mr_dns_rank ranks[MR_LOGON_HOSTS];
    uint32_t random[MR_LOGON_HOSTS] = {0};
    size_t order[MR_LOGON_HOSTS], count = 0;

    if (answer->outcome != MR_DNS_OUTCOME_ANSWER)
        return;
    for (size_t i = 0; i < answer->message->answer_count && count < MR_LOGON_HOSTS; i++) {
        const mr_dns_record *r = &answer->message->answers[i];
        if (r->type != MR_DNS_SRV)
            continue;
        ranks[count] = (mr_dns_rank){r->u.srv.priority, r->u.srv.weight};
        records[count++] = r;
    }
    if (mr_entropy_get(random, sizeof random) != 0)
        random[0] = 0; /* any order will do */
    mr_dns_order(ranks, count, random, order);
    for (size_t i = 0; i < count; i++)
        add_host(realm, records[order[i]]->u.srv.target, records[order[i]]->u.srv.port);
}

static void on_records(mr_logon *l, const mr_dns_answer *answer) {
    mr_logon_realm *realm = l->ask.realm;

    realm->dns_server = answer->server;
    if (--l->srv_open > 0)
        return;
    realm->udp_records = l->srv[UDP].answer.outcome;
    realm->tcp_records = l->srv[TCP].answer.outcome;
    add_hosts(realm, &l->srv[UDP].answer);
    realm->tcp_only = realm->host_count == 0;
    add_hosts(realm, &l->srv[TCP].answer);
    if (realm->host_count > 0) {
        realm->source = MR_LOGON_SOURCE_SRV;
    } else {
        realm->tcp_only = false;
        add_host(realm, realm->name, MR_KDC_PORT);
    }
    mr_logon_found(l);
}

static void on_srv(void *user, const mr_dns_answer *answer) {
    on_records(user, answer);
}

static int ask_records(mr_logon *l, mr_logon_realm *realm, mr_error *err) {
    static const char *const protocols[] = {[UDP] = "_udp", [TCP] = "_tcp"};
    char name[MR_LOGON_NAME + 32];
    mr_dns_ask ask = {.name = name, .type = MR_DNS_SRV, .server = l->options.dns_server};
    int r = 0;

    realm->asked = true;
    for (int i = UDP; r == 0 && i <= TCP; i++) {
        (void)snprintf(name, sizeof name, "_kerberos.%s.%s", protocols[i], realm->name);
        mr_dns_query_deinit(&l->srv[i]); /* of the realm before */
        mr_dns_query_init(&l->srv[i], l->resolver, on_srv, l);
        r = mr_dns_query_ask(&l->srv[i], &ask, err);
    }
    l->srv_open = 2;
    return r;
}

/* The host whose addresses are to be looked up next, or NULL. */
static mr_logon_host *next_host(mr_logon_realm *realm) {
    for (size_t i = 0; i < realm->host_count; i++)
        if (!realm->hosts[i].looked_up)
            return &realm->hosts[i];
    return NULL;
}

static void add_addr(mr_logon_realm *realm, const mr_addr *addr) {
    for (size_t i = 0; i < realm->kdc_count; i++)
        if (mr_addr_same_host(&realm->kdcs[i], addr) && realm->kdcs[i].port == addr->port)
            return;
    if (realm->kdc_count < MR_LOGON_KDCS)
        realm->kdcs[realm->kdc_count++] = *addr;
}

static void on_lookup(void *user, int result, const mr_error *err) {
    mr_logon *l = user;
    mr_logon_realm *realm = l->ask.realm;
    mr_logon_host *host = next_host(realm);

    (void)err;
    l->looking_up = false;
    host->looked_up = true;
    host->result = result;
    for (size_t i = 0; result == 0 && i < l->lookup.count; i++)
        add_addr(realm, &l->lookup.addrs[i]);
    if (realm->kdc_count > 0 && realm->source == MR_LOGON_SOURCE_NONE)
        realm->source = MR_LOGON_SOURCE_REALM;
    mr_logon_found(l);
}

bool mr_logon_can_find(const mr_logon *l, const mr_logon_realm *realm) {
    (void)l;
    if (realm->source == MR_LOGON_SOURCE_NONE && !realm->asked)
        return true;
    for (size_t i = 0; i < realm->host_count; i++)
        if (!realm->hosts[i].looked_up)
            return true;
    return false;
}

int mr_logon_find_more(mr_logon *l, mr_logon_realm *realm, mr_error *err) {
    l->report.stage = MR_LOGON_FINDING;
    if (realm->source == MR_LOGON_SOURCE_NONE && !realm->asked)
        return ask_records(l, realm, err);
    const mr_logon_host *host = next_host(realm);
    const mr_lookup_options ask = {.host = host->name, .port = host->port,
                                   .server = l->options.dns_server};
    mr_lookup_deinit(&l->lookup);
    mr_lookup_init(&l->lookup, l->resolver, on_lookup, l);
    l->looking_up = true;
    return mr_lookup_start(&l->lookup, &ask, err);
}

int mr_logon_fail_found(const mr_logon *l, const mr_logon_realm *realm, mr_error *err) {
    if (realm->source == MR_LOGON_SOURCE_SRV)
        return mr_fail(err, MR_ERR_NAME, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "no KDC of %.60s has an address: %.80s%s cannot be resolved", realm->name,
                       realm->hosts[0].name, realm->host_count > 1 ? " and others" : "");
    if (l->report.guess && realm == l->report.realms)
        return mr_fail(err, MR_ERR_NAME, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "no KDC of %.60s is known, which was guessed from %.80s (--realm names the "
                       "right one)", realm->name, l->report.guess);
    return mr_fail(err, MR_ERR_NAME, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                   "no KDC of %.80s is known: DNS has no _kerberos._tcp records of it (%s), and "
                   "the name has no address", realm->name,
                   mr_dns_outcome_name(realm->tcp_records));
}

void mr_logon_find_init(mr_logon *l) {
    mr_dns_query_init(&l->srv[UDP], l->resolver, on_srv, l);
    mr_dns_query_init(&l->srv[TCP], l->resolver, on_srv, l);
    mr_lookup_init(&l->lookup, l->resolver, on_lookup, l);
}

void mr_logon_find_deinit(mr_logon *l) {
    mr_dns_query_deinit(&l->srv[UDP]);
    mr_dns_query_deinit(&l->srv[TCP]);
    mr_lookup_deinit(&l->lookup);
    l->looking_up = false;
}
