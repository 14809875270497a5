/*
 * What a domain controller registers in DNS (MS-ADTS 6.3.2; the list of netlogon.dns), asked of
 * every DNS server of the domain. One answer holds the records of all domain controllers, so each
 * question is asked once per server.
 */
#include <stdio.h>

#include "health_private.h"

enum {
    SITE = 1,   /* once for its site */
    PDC = 2,    /* of the PDC emulator only */
    GC = 4,     /* of global catalogues */
    KDC = 8,
    GUID = 16,  /* named after the domain's GUID */
};

/* %d domain, %f forest, %s site, %g GUID */
static const struct row {
    const char *form;
    uint16_t port;
    bool critical;
    unsigned when;
} rows[] = {
    {"_ldap._tcp.%d", 389, true, 0},
    {"_ldap._tcp.%s._sites.%d", 389, false, SITE},
    {"_ldap._tcp.dc._msdcs.%d", 389, true, 0},
    {"_ldap._tcp.%s._sites.dc._msdcs.%d", 389, false, SITE},
    {"_ldap._tcp.%g.domains._msdcs.%f", 389, false, GUID},
    {"_ldap._tcp.pdc._msdcs.%d", 389, true, PDC},
    {"_ldap._tcp.gc._msdcs.%f", 3268, true, GC},
    {"_ldap._tcp.%s._sites.gc._msdcs.%f", 3268, false, GC | SITE},
    {"_gc._tcp.%f", 3268, false, GC},
    {"_gc._tcp.%s._sites.%f", 3268, false, GC | SITE},
    {"_kerberos._tcp.%d", 88, true, KDC},
    {"_kerberos._udp.%d", 88, false, KDC},
    {"_kerberos._tcp.%s._sites.%d", 88, false, KDC | SITE},
    {"_kerberos._tcp.dc._msdcs.%d", 88, true, KDC},
    {"_kerberos._tcp.%s._sites.dc._msdcs.%d", 88, false, KDC | SITE},
    {"_kpasswd._tcp.%d", 464, false, KDC},
    {"_kpasswd._udp.%d", 464, false, KDC},
};

static const char *expand(const mr_health *h, const mr_netlogon_answer *a, const char *form) {
    char guid[MR_UUID_TEXT], text[MR_DNS_NAME_TEXT];
    size_t len = 0;

    for (; *form && len + 1 < sizeof text; form++) {
        const char *part = NULL;
        if (*form == '%')
            switch (*++form) {
            case 'd': part = h->domain; break;
            case 'f': part = h->forest; break;
            case 's': part = a->dc_site; break;
            case 'g': part = mr_uuid_text(&h->guid, guid); break;
            }
        if (!part)
            text[len++] = *form;
        else
            len += (size_t)snprintf(text + len, sizeof text - len, "%s", part);
        if (len >= sizeof text)
            return NULL;
    }
    return mr_arena_add_str(h->arena, mr_slice_of(text, len));
}

/* A read-only one registers nothing that leads clients of other sites to it. */
static bool applies(const mr_health *h, const struct row *row, const mr_netlogon_answer *a) {
    if (!(a->flags & MR_DS_WRITABLE) && !(row->when & SITE))
        return false;
    return !(row->when & SITE && !a->dc_site[0]) && !(row->when & PDC && !(a->flags & MR_DS_PDC)) &&
           !(row->when & GC && !(a->flags & MR_DS_GC)) &&
           !(row->when & KDC && !(a->flags & MR_DS_KDC)) && !(row->when & GUID && !h->has_guid);
}

/* ---- asking ---- */

static void ask_record(mr_health *h, mr_health_host *dc, const char *name, uint16_t type,
                       uint16_t port, bool critical) {
    mr_health_record *record = MR_ARENA_NEW(h->arena, mr_health_record), **tail = &dc->records;

    if (!record || !name) {
        h->failed = true;
        return;
    }
    *record = (mr_health_record){.name = name, .type = type, .port = port, .critical = critical};
    while (*tail)
        tail = &(*tail)->next;
    *tail = record;
    for (size_t i = 0; i < h->host_count; i++)
        if (h->hosts[i]->knows)
            record->queries[i] = health_ask(h, &h->hosts[i]->serves->addr, name, type);
}

void health_ask_records(mr_health *h, mr_health_host *dc) {
    const mr_netlogon_answer *a = dc->answers ? &dc->answers->ping.answer : NULL;
    const mr_netlogon_answer plain = {.flags = MR_DS_WRITABLE | MR_DS_KDC, .dc_site = ""};
    bool ipv6 = false, ipv4 = false;
    char name[MR_DNS_NAME_TEXT], guid[MR_UUID_TEXT];

    for (size_t k = 0; k < dc->addr_count; k++) {
        ipv4 |= dc->addrs[k].addr.family == MR_FAMILY_IPV4;
        ipv6 |= dc->addrs[k].addr.family == MR_FAMILY_IPV6;
    }
    if (ipv4 || !ipv6)
        ask_record(h, dc, dc->name, MR_DNS_A, 0, true);
    if (ipv6)
        ask_record(h, dc, dc->name, MR_DNS_AAAA, 0, true);
    const mr_dc_ping *ping = dc->answers ? &dc->answers->ping : NULL;
    dc->dsa_unknown = !ping || !ping->has_dsa_guid;
    if (!dc->dsa_unknown) {
        snprintf(name, sizeof name, "%s._msdcs.%s", mr_uuid_text(&ping->dsa_guid, guid),
                 h->forest);
        ask_record(h, dc, mr_arena_add_str(h->arena, mr_slice_str(name)), MR_DNS_CNAME, 0, true);
    }
    for (size_t i = 0; i < MR_COUNT(rows); i++)
        if (applies(h, &rows[i], a ? a : &plain))
            ask_record(h, dc, expand(h, a ? a : &plain, rows[i].form), MR_DNS_SRV, rows[i].port,
                       rows[i].critical);
    if (!a || a->flags & MR_DS_WRITABLE)
        ask_record(h, dc, h->domain, ipv4 || !ipv6 ? MR_DNS_A : MR_DNS_AAAA, 0, false);
    if (a && a->flags & MR_DS_GC && a->flags & MR_DS_WRITABLE)
        ask_record(h, dc, mr_arena_add_fmt(h->arena, "gc._msdcs.%s", h->forest),
                   ipv4 || !ipv6 ? MR_DNS_A : MR_DNS_AAAA, 0, false);
}

/* ---- reading ---- */

static bool is_address_of(const mr_health_host *dc, const mr_dns_record *record) {
    for (size_t k = 0; k < dc->addr_count; k++) {
        const mr_addr *addr = &dc->addrs[k].addr;
        if (record->type == MR_DNS_A && addr->family == MR_FAMILY_IPV4 &&
            memcmp(addr->ip, record->u.ipv4, 4) == 0)
            return true;
        if (record->type == MR_DNS_AAAA && addr->family == MR_FAMILY_IPV6 &&
            memcmp(addr->ip, record->u.ipv6, 16) == 0)
            return true;
    }
    return false;
}

static enum mr_health_state read_record(const mr_health_host *dc, const mr_health_record *record,
                                        const struct health_query *q) {
    enum mr_dns_outcome outcome = health_outcome(q);
    enum mr_health_state state = MR_HEALTH_RECORD_MISSING;

    if (outcome == MR_DNS_OUTCOME_NXDOMAIN || outcome == MR_DNS_OUTCOME_NODATA)
        return state;
    const mr_dns_message *m = health_records_of(q);
    if (!m)
        return MR_HEALTH_RECORD_UNKNOWN;
    for (size_t i = 0; i < m->answer_count; i++) {
        const mr_dns_record *r = &m->answers[i];
        if (r->type != record->type)
            continue;
        if (r->type == MR_DNS_SRV && mr_dns_same_name(r->u.srv.target, dc->name)) {
            if (r->u.srv.port == record->port)
                return MR_HEALTH_RECORD_FOUND;
            state = MR_HEALTH_RECORD_OTHER_PORT;
        }
        if (r->type == MR_DNS_CNAME && mr_dns_same_name(r->u.target, dc->name))
            return MR_HEALTH_RECORD_FOUND;
        /* of its own name any address counts: whose it is, is another question */
        if ((r->type == MR_DNS_A || r->type == MR_DNS_AAAA) &&
            (mr_dns_same_name(record->name, dc->name) || is_address_of(dc, r)))
            return MR_HEALTH_RECORD_FOUND;
    }
    return state;
}

void health_read_records(mr_health *h, mr_health_host *dc) {
    for (mr_health_record *record = dc->records; record; record = record->next)
        for (size_t i = 0; i < h->host_count; i++)
            record->states[i] = read_record(dc, record, record->queries[i]);
}
