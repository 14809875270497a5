/*
 * The DC locator's steps (MS-ADTS 6.3.6, 6.3.7): SRV records, addresses, the ping to each address
 * at once, then the question again in the site that the answers say is ours. Unlike Windows it does
 * not stop at the first that answers: what is wrong with the others is what it is asked for. Who a
 * client would have taken is said by locator_choose.c. Invariant: @open counts what can still call
 * back; settle runs when it is zero, and decides what is asked next.
 */
#include <stdio.h>

#include "locator_private.h"

/* ---- the end of a step ---- */

static void ask(mr_locator *l, const char *site, bool domain_only);

/* The first that answered, in the order in which hosts became known. */
static const mr_netlogon_answer *first_answer(const mr_locator *l) {
    for (size_t i = 0; i < l->host_count; i++)
        for (size_t k = 0; k < l->hosts[i]->addr_count; k++)
            if (l->hosts[i]->addrs[k].ping.has_answer)
                return &l->hosts[i]->addrs[k].ping.answer;
    return NULL;
}

/* What else there is to ask, now that everything asked is known. */
static bool ask_more(mr_locator *l) {
    const mr_netlogon_answer *a = first_answer(l);

    if (a && !l->site && a->client_site[0]) {
        l->site = a->client_site;
        l->site_told = true;
    }
    /* a global catalogue is registered in the forest, which an ordinary DC tells */
    if (l->options.want & MR_LOCATOR_GC && !l->forest) {
        if (a && a->forest[0] && !mr_dns_same_name(a->forest, l->options.domain)) {
            l->forest = a->forest;
            ask(l, NULL, false);
            return true;
        }
        if (!a && l->host_count == 0 && !l->forest_asked) {
            l->forest_asked = true;
            ask(l, NULL, true);
            return true;
        }
    }
    if (l->site && l->site_told && !l->site_asked && !(l->options.want & MR_LOCATOR_PDC)) {
        l->site_asked = true;
        ask(l, l->site, false);
        return true;
    }
    return false;
}

static void settle(mr_locator *l) {
    if (l->open > 0 || l->over)
        return;
    if (!l->failed && ask_more(l) && l->open > 0)
        return;
    locator_choose(l);
    l->over = true;
    l->done(l->user, l);
}

static void end_one(mr_locator *l) {
    l->open--;
    settle(l);
}

/* ---- pings ---- */

static void on_ping(void *user, mr_dc_ping *ping) {
    mr_locator_address *address = user;

    address->host->locator->failed |= ping->failed;
    locator_note_answer(address->host->locator, address);
    end_one(address->host->locator);
}

static void start_ping(mr_locator *l, mr_locator_address *address) {
    const char *account = l->options.account;
    size_t len = account ? strlen(account) : 0;
    const mr_dc_ping_options options = {
        .remote = address->addr,
        .domain = l->options.domain,
        .account = account,
        .account_control = !account ? 0
                           : account[len - 1] == '$' ? MR_ACCOUNT_WORKSTATION | MR_ACCOUNT_SERVER
                                                     : MR_ACCOUNT_NORMAL,
        .timeout = l->options.timeout,
        .tries = l->options.tries,
    };

    mr_dc_ping_init(&address->ping, l->loop, l->arena, on_ping, address);
    if (mr_dc_ping_start(&address->ping, &options, NULL) == 0)
        l->open++;
    else
        l->failed = true;
}

/* ---- addresses ---- */

static void on_looked_up(void *user, int result, const mr_error *err) {
    mr_locator_host *host = user;
    mr_locator *l = host->locator;
    mr_lookup *lookup = &host->lookup;

    (void)err;
    host->outcome = result == 0 ? MR_DNS_OUTCOME_ANSWER
                    : lookup->outcome_a == MR_DNS_OUTCOME_ANSWER ? lookup->outcome_aaaa
                                                                 : lookup->outcome_a;
    l->failed |= host->outcome == MR_DNS_OUTCOME_FAILED;
    size_t count = result != 0 ? 0
                   : lookup->count < MR_LOCATOR_ADDRS ? lookup->count : MR_LOCATOR_ADDRS;
    host->addrs = mr_arena_get(l->arena, count, sizeof *host->addrs);
    if (!host->addrs)
        l->failed = true;
    for (size_t i = 0; host->addrs && i < count; i++) {
        host->addrs[i].addr = lookup->addrs[i];
        host->addrs[i].host = host;
        host->addr_count++;
        start_ping(l, &host->addrs[i]);
    }
    end_one(l);
}

static void start_lookup(mr_locator *l, mr_locator_host *host) {
    char name[MR_DNS_NAME_TEXT + 1];
    const mr_lookup_options options = {
        .host = name,
        .family = l->options.family,
        .server = l->options.server,
        .timeout = l->options.timeout,
    };

    snprintf(name, sizeof name, "%s.", host->name); /* absolute: no search list */
    mr_lookup_init(&host->lookup, l->resolver, on_looked_up, host);
    host->looking = true;
    if (mr_lookup_start(&host->lookup, &options, NULL) == 0)
        l->open++;
    else
        host->outcome = MR_DNS_OUTCOME_NAME;
}

/* ---- SRV records ---- */

static void add_host(mr_locator *l, const mr_locator_query *query, const mr_dns_record *record) {
    bool in_site = query->site && l->site && mr_str_eq_nocase(query->site, l->site);

    for (size_t i = 0; i < l->host_count; i++) {
        mr_locator_host *host = l->hosts[i];
        if (mr_dns_same_name(host->name, record->u.srv.target)) {
            host->in_site |= in_site;
            return;
        }
    }
    if (l->host_count == MR_LOCATOR_HOSTS) {
        l->more = true;
        return;
    }
    mr_locator_host *host = MR_ARENA_NEW(l->arena, mr_locator_host);
    if (host)
        host->name = mr_arena_add_str(l->arena, mr_slice_str(record->u.srv.target));
    if (!host || !host->name) {
        l->failed = true;
        return;
    }
    host->locator = l;
    host->priority = record->u.srv.priority;
    host->weight = record->u.srv.weight;
    host->port = record->u.srv.port;
    host->query = query;
    host->in_site = in_site;
    l->hosts[l->host_count++] = host;
    start_lookup(l, host);
}

static void on_answered(void *user, const mr_dns_answer *answer) {
    struct locator_ask *a = user;
    mr_locator *l = a->locator;
    mr_locator_query *query = a->query;
    const mr_dns_message *m = answer->message;

    query->outcome = answer->outcome;
    l->failed |= answer->outcome == MR_DNS_OUTCOME_FAILED;
    query->rcode = m ? m->rcode : 0;
    query->server = answer->server;
    query->elapsed = answer->elapsed;
    for (size_t i = 0; m && answer->outcome == MR_DNS_OUTCOME_ANSWER && i < m->answer_count; i++) {
        const mr_dns_record *record = &m->answers[i];
        /* the target "." says that the service is not there (RFC 2782) */
        if (record->type != MR_DNS_SRV || strcmp(record->u.srv.target, ".") == 0)
            continue;
        query->count++;
        add_host(l, query, record);
    }
    end_one(l);
}

/* The name to ask for (MS-ADTS 6.3.2.3): what is wanted decides the service and the place. */
static const char *srv_name(mr_locator *l, const char *site, bool domain_only) {
    uint32_t want = domain_only ? 0 : l->options.want;
    const char *service = want & MR_LOCATOR_KDC && !(want & (MR_LOCATOR_PDC | MR_LOCATOR_GC))
                              ? "_kerberos" : "_ldap";
    const char *place = want & MR_LOCATOR_PDC ? "pdc._msdcs."
                        : want & MR_LOCATOR_GC ? "gc._msdcs."
                        : want & MR_LOCATOR_LDAP_ONLY ? "" : "dc._msdcs.";
    const char *zone = want & MR_LOCATOR_GC && !(want & MR_LOCATOR_PDC) && l->forest
                           ? l->forest : l->options.domain;

    return mr_arena_add_fmt(l->arena, "%s._tcp.%s%s%s%s", service, site ? site : "",
                            site ? "._sites." : "", place, zone);
}

static void ask(mr_locator *l, const char *site, bool domain_only) {
    struct locator_ask *a = MR_ARENA_NEW(l->arena, struct locator_ask);
    mr_locator_query *query = MR_ARENA_NEW(l->arena, mr_locator_query), **tail = &l->queries;

    if (query)
        query->name = srv_name(l, site, domain_only);
    if (!a || !query || !query->name) {
        l->failed = true;
        return;
    }
    query->site = site;
    while (*tail)
        tail = &(*tail)->next;
    *tail = query;
    *a = (struct locator_ask){.locator = l, .query = query, .next = l->asks};
    l->asks = a;
    const mr_dns_ask options = {.name = query->name, .type = MR_DNS_SRV,
                                .server = l->options.server, .timeout = l->options.timeout};
    mr_dns_query_init(&a->question, l->resolver, on_answered, a);
    query->outcome = MR_DNS_OUTCOME_FAILED;
    if (mr_dns_query_ask(&a->question, &options, NULL) == 0)
        l->open++;
    else
        l->failed = true;
}

/* ---- the whole ---- */

int mr_locator_new(mr_loop *loop, mr_resolver *resolver, mr_arena *arena,
                   const mr_locator_options *options, mr_locator **locatorp) {
    mr_locator *l = MR_ARENA_NEW(arena, mr_locator);

    if (!l)
        return MR_ERR_MEMORY;
    l->loop = loop;
    l->resolver = resolver;
    l->arena = arena;
    l->options = *options;
    l->site = options->site;
    *locatorp = l;
    return 0;
}

int mr_locator_start(mr_locator *l, void (*done)(void *user, mr_locator *locator), void *user,
                     mr_error *err) {
    l->done = done;
    l->user = user;
    if (l->site && !(l->options.want & MR_LOCATOR_PDC)) {
        l->site_asked = true;
        ask(l, l->site, false);
    }
    ask(l, NULL, false);
    if (l->open == 0)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET,
                       "no memory for the locator");
    return 0;
}

void mr_locator_free(mr_locator *l) {
    if (!l)
        return;
    for (size_t i = 0; i < l->host_count; i++) {
        mr_locator_host *host = l->hosts[i];
        if (host->looking)
            mr_lookup_deinit(&host->lookup);
        host->looking = false;
        for (size_t k = 0; k < host->addr_count; k++)
            mr_dc_ping_deinit(&host->addrs[k].ping);
    }
    for (struct locator_ask *a = l->asks; a; a = a->next)
        mr_dns_query_deinit(&a->question);
    l->asks = NULL;
}
