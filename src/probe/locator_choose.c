/*
 * Which domain controller a client would take (MS-NRPC 3.5.4.3.1): of those that answer for the
 * domain and have what is wanted, one in the client's site before others, then in the order of the
 * SRV records (RFC 2782).
 */
#include <stdio.h>

#include "locator_private.h"

/* The words of nltest's switches; @any: one of these flags is what is wanted. */
static const struct want {
    const char *word;
    uint32_t want, any;
} wants[] = {
    {"pdc", MR_LOCATOR_PDC, MR_DS_PDC},
    {"gc", MR_LOCATOR_GC, MR_DS_GC},
    {"kdc", MR_LOCATOR_KDC, MR_DS_KDC},
    {"timeserv", MR_LOCATOR_TIMESERV, MR_DS_TIMESERV},
    {"gtimeserv", MR_LOCATOR_GTIMESERV, MR_DS_GOOD_TIMESERV},
    {"writable", MR_LOCATOR_WRITABLE, MR_DS_WRITABLE},
    {"ds", MR_LOCATOR_DS, MR_DS_DS},
    {"ldaponly", MR_LOCATOR_LDAP_ONLY, MR_DS_LDAP},
    {"ws", MR_LOCATOR_WS, MR_DS_WS},
    {"ds6", MR_LOCATOR_DS_6, MR_DS_FULL_SECRET | MR_DS_RODC},
    {"ds8", MR_LOCATOR_DS_8, MR_DS_DS_8},
    {"ds9", MR_LOCATOR_DS_9, MR_DS_DS_9},
    {"ds10", MR_LOCATOR_DS_10, MR_DS_DS_10},
    {"keylist", MR_LOCATOR_KEY_LIST, MR_DS_KEY_LIST},
    {"ds13", MR_LOCATOR_DS_13, MR_DS_DS_13},
    {"avoidself", MR_LOCATOR_AVOID_SELF, 0},
};

const char *mr_locator_want_get(size_t i, uint32_t *wantp) {
    if (i >= MR_COUNT(wants))
        return NULL;
    *wantp = wants[i].want;
    return wants[i].word;
}

void locator_note_answer(mr_locator *l, mr_locator_address *address) {
    mr_locator_host *host = address->host;

    if (!address->ping.has_answer)
        return;
    for (size_t i = 0; i < MR_COUNT(wants); i++)
        if (l->options.want & wants[i].want && wants[i].any &&
            !(address->ping.answer.flags & wants[i].any))
            host->lacks |= wants[i].want;
    host->skipped_self = l->options.want & MR_LOCATOR_AVOID_SELF && l->options.self &&
                         mr_dns_same_name(address->ping.answer.host, l->options.self);
}

/* Hosts of the site first, each part in the order of its records. */
static void order_hosts(mr_locator *l) {
    mr_locator_host *sorted[MR_LOCATOR_HOSTS];
    mr_dns_rank ranks[MR_LOCATOR_HOSTS];
    uint32_t random[MR_LOCATOR_HOSTS];
    size_t order[MR_LOCATOR_HOSTS], index[MR_LOCATOR_HOSTS], done = 0;

    if (mr_entropy_get(random, sizeof random) != 0)
        memset(random, 0, sizeof random);
    for (int in_site = 1; in_site >= 0; in_site--) {
        size_t count = 0;
        for (size_t i = 0; i < l->host_count; i++) {
            if (l->hosts[i]->in_site != in_site)
                continue;
            index[count] = i;
            ranks[count++] = (mr_dns_rank){l->hosts[i]->priority, l->hosts[i]->weight};
        }
        mr_dns_order(ranks, count, random + done, order);
        for (size_t i = 0; i < count; i++)
            sorted[done++] = l->hosts[index[order[i]]];
    }
    memcpy(l->hosts, sorted, done * sizeof *sorted);
}

static bool is_close(const mr_locator *l, const mr_locator_host *host,
                     const mr_netlogon_answer *answer) {
    return l->site ? mr_str_eq_nocase(answer->dc_site, l->site)
                   : host->in_site || answer->flags & MR_DS_CLOSEST;
}

/* The address of @host that makes it eligible, or NULL. */
static const mr_locator_address *eligible(const mr_locator_host *host) {
    if (host->lacks & ~(uint32_t)MR_LOCATOR_GTIMESERV || host->skipped_self)
        return NULL;
    for (size_t i = 0; i < host->addr_count; i++)
        if (host->addrs[i].ping.outcome == MR_DC_ANSWERED)
            return &host->addrs[i];
    return NULL;
}

static const char *why(mr_locator *l, bool close, bool good_time, size_t others) {
    const char *time = l->options.want & MR_LOCATOR_GTIMESERV
                           ? good_time ? ", a good time server" : ", no good time server answered"
                           : "";

    if (others == 0)
        return mr_arena_add_fmt(l->arena, "the only one that answers and has what is wanted%s%s",
                                close ? "; it is in our site" : "", time);
    const mr_locator_host *host = l->chosen->host;
    return mr_arena_add_fmt(l->arena, "%s; first of %zu by priority %u and weight %u%s",
                            close ? "in our site" : l->site ? "none of our site answers"
                                                             : "our site is not known",
                            others + 1, host->priority, host->weight, time);
}

void locator_choose(mr_locator *l) {
    int best = -1;
    size_t fit = 0;

    order_hosts(l);
    for (size_t i = 0; i < l->host_count; i++) {
        const mr_locator_address *address = eligible(l->hosts[i]);
        if (!address)
            continue;
        fit++;
        int score = is_close(l, l->hosts[i], &address->ping.answer) * 2 +
                    !(l->hosts[i]->lacks & MR_LOCATOR_GTIMESERV);
        if (score > best) {
            best = score;
            l->chosen = address;
        }
    }
    if (!l->chosen)
        return;
    const mr_netlogon_answer *a = &l->chosen->ping.answer;
    l->flags = a->flags | (a->host[0] ? MR_DS_DNS_CONTROLLER : 0u) |
               (a->domain[0] ? MR_DS_DNS_DOMAIN : 0u) | (a->forest[0] ? MR_DS_DNS_FOREST : 0u);
    l->why = why(l, best >= 2, best & 1, fit - 1);
}
