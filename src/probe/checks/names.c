/*
 * Phase 1: the target's addresses (RFC 1034, 1035; resolver(5)). Every name server is asked for A
 * and AAAA at the same time, each walking the search list for itself; the addresses are those of
 * the hosts file, else of the first server in the system's order that has any. Each outcome is a
 * fact of its own, so that "no such name", "no such record", "refused", "failing", "silent" and
 * "lame" stay apart, and servers that contradict each other show.
 */
#include "name_facts.h"
#include "probe_private.h"

#define HOSTS_MAX 16

struct server {
    struct probe_op op;
    struct names *all;
    mr_addr addr;
    bool addr_given;              /* else: whatever the system has, asked as one */
    mr_dns_query a, aaaa;
    unsigned open;
    size_t candidate;
    char name[MR_DNS_NAME_TEXT];
    mr_addr found[MR_PROBE_ADDRS];
    size_t found_count;
    uint32_t ttl;
    bool over;
    enum mr_dns_outcome outcome_a, outcome_aaaa;
    /* of the candidate that says most when none has an address: one that exists without an
     * address before one that does not exist, the name as it was given before longer ones */
    bool told;
    struct told {
        char name[MR_DNS_NAME_TEXT];
        enum mr_dns_outcome a, aaaa;
    } best;
};

struct names {
    struct probe_op op;           /* the check itself: open until the addresses are known */
    mr_probe *p;
    const mr_dns_config *config;
    struct server servers[MR_DNS_SERVERS];
    size_t server_count;
    mr_addr hosts[HOSTS_MAX];
    size_t hosts_count;
    bool settled;
};

static const char *host(const mr_probe *p) {
    return p->options.host;
}

static void add_addr(mr_probe *p, const mr_addr *addr) {
    enum mr_family only = p->options.family;

    if (only != MR_FAMILY_ANY && addr->family != only)
        return;
    for (size_t i = 0; i < p->addr_count; i++)
        if (mr_addr_same_host(&p->addrs[i].addr, addr))
            return;
    if (p->addr_count < MR_PROBE_ADDRS)
        p->addrs[p->addr_count++] = (mr_probe_addr){.addr = *addr, .reach = MR_REACH_PENDING};
}

static void resolved_fact(mr_probe *p, const char *check, const mr_addr *addr,
                          enum mr_source source, const char *server, uint32_t ttl, double ms) {
    if (probe_wants(p, MR_PHASE_NAMES))
        mr_fact_add(p->diag, MR_FACT_NAME_RESOLVED, check, .name = host(p),
                    .address = probe_addr_text(p, addr), .family = addr->family, .source = source,
                    .server = server, .ttl = ttl, .ms = (uint32_t)ms);
}

/* "10.0.0.1, fd00::1" */
static const char *addr_list(mr_probe *p, const mr_addr *addrs, size_t count) {
    const char *text = "";
    for (size_t i = 0; i < count; i++)
        text = probe_text(p, "%s%s%s", text, i ? ", " : "", probe_addr_text(p, &addrs[i]));
    return text;
}

/* ---- comparing ---- */

static bool has(const mr_addr *addrs, size_t count, const mr_addr *addr) {
    for (size_t i = 0; i < count; i++)
        if (mr_addr_same_host(&addrs[i], addr))
            return true;
    return false;
}

/* The hosts file against DNS, for each family both have: only when they share no address. */
static void compare_hosts(struct names *n, const struct server *s) {
    for (size_t i = 0; i < n->hosts_count; i++) {
        const mr_addr *other = NULL;
        bool shared = false;
        for (size_t k = 0; k < s->found_count; k++) {
            if (s->found[k].family != n->hosts[i].family)
                continue;
            other = &s->found[k];
            shared |= has(n->hosts, n->hosts_count, other);
        }
        if (!other || shared || !probe_wants(n->p, MR_PHASE_NAMES))
            continue;
        mr_fact_add(n->p->diag, MR_FACT_NAME_HOSTS_DIFFERS, n->op.check, .name = host(n->p),
                    .address = probe_addr_text(n->p, &n->hosts[i]),
                    .other = probe_addr_text(n->p, other));
        return;
    }
}

/* "10.0.0.1, 10.0.0.2": what @s found of that family. */
static const char *family_list(const struct server *s, enum mr_family family) {
    mr_addr found[MR_PROBE_ADDRS];
    size_t count = 0;

    for (size_t i = 0; i < s->found_count; i++)
        if (s->found[i].family == family && !has(found, count, &s->found[i]))
            found[count++] = s->found[i];
    return addr_list(s->op.probe, found, count);
}

/* Whether @a has an address of that family that @b lacks. */
static bool has_more(const struct server *a, const struct server *b, enum mr_family family) {
    for (size_t i = 0; i < a->found_count; i++)
        if (a->found[i].family == family && !has(b->found, b->found_count, &a->found[i]))
            return true;
    return false;
}

/* Two servers that both know addresses of a family, and not the same ones: order and TTL do not
 * count, and a family that one lacks altogether is told by its outcome. */
static bool compare_family(struct names *n, const struct server *s, const struct server *other,
                           enum mr_family family) {
    const char *mine = family_list(s, family), *theirs = family_list(other, family);

    if (!*mine || !*theirs || !(has_more(s, other, family) || has_more(other, s, family)))
        return false;
    mr_fact_add(n->p->diag, MR_FACT_NAME_SERVERS_DIFFER, s->op.check, .name = host(n->p),
                .address = mine, .other = theirs, .server = probe_addr_text(n->p, &s->addr),
                .sender = probe_addr_text(n->p, &other->addr));
    return true;
}

static void compare_servers(struct names *n, const struct server *s) {
    for (size_t i = 0; i < n->server_count; i++) {
        const struct server *other = &n->servers[i];
        if (other != s && other->over && probe_wants(n->p, MR_PHASE_NAMES) &&
            (compare_family(n, s, other, MR_FAMILY_IPV4) ||
             compare_family(n, s, other, MR_FAMILY_IPV6)))
            return;
    }
}

/* ---- settling on addresses ---- */

static void finish(struct names *n) {
    mr_probe *p = n->p;

    n->settled = true;
    for (size_t i = 0; i < n->server_count; i++)
        if (!n->servers[i].over && !n->hosts_count)
            probe_op_set_aside(&n->servers[i].op);
    if (p->addr_count)
        probe_check(&n->op, MR_STATUS_PASS, NULL, 0, "%s -> %s", host(p),
                    addr_list(p, &p->addrs[0].addr, 1));
    else if (n->server_count == 0 || !strchr(host(p), '.'))
        /* else no finding leans on this check: the servers' say why */
        probe_check(&n->op, MR_STATUS_FAIL, NULL, 0, "%s has no address", host(p));
    if (p->addr_count)
        probe_signal(p, PROBE_ADDRESSED);
    probe_op_end(&n->op);
}

/* The addresses are known once the hosts file has some, or a server answers and every server
 * before it in the system's order is through, or all are through. */
static void settle(struct names *n) {
    if (n->settled)
        return;
    if (n->hosts_count) {
        for (size_t i = 0; i < n->hosts_count; i++)
            add_addr(n->p, &n->hosts[i]);
        finish(n);
        return;
    }
    for (size_t i = 0; i < n->server_count; i++) {
        struct server *s = &n->servers[i];
        if (!s->over)
            return;
        if (!s->found_count)
            continue;
        for (size_t k = 0; k < s->found_count; k++)
            add_addr(n->p, &s->found[k]);
        n->p->full_name = probe_text(n->p, "%s", s->name);
        finish(n);
        return;
    }
    finish(n);
}

/* ---- one server ---- */

static void cut_server(struct probe_op *op) {
    struct server *s = (struct server *)op;
    mr_dns_query_deinit(&s->a);
    mr_dns_query_deinit(&s->aaaa);
}

/* @outcome is the most telling one of all candidates, @last the answer to the last of them. */
static void outcome_fact(struct server *s, enum mr_dns_outcome outcome, const mr_dns_answer *last,
                         const char *record) {
    mr_probe *p = s->op.probe;
    mr_dns_answer answer = *last;
    const char *server = probe_addr_text(p, &answer.server);
    mr_fact fact = {.check = s->op.check, .name = host(p), .server = server, .record = record};

    answer.outcome = outcome;
    if (name_outcome_fact(&answer, s->all->config->servers_default, &fact) &&
        probe_wants(p, MR_PHASE_NAMES))
        mr_diag_add_fact(p->diag, &fact);
}

static bool says_no_such_name(enum mr_dns_outcome outcome) {
    return outcome == MR_DNS_OUTCOME_NXDOMAIN || outcome == MR_DNS_OUTCOME_NODATA;
}

static bool ask_candidate(struct server *s);

static void end_server(struct server *s) {
    struct names *n = s->all;
    mr_probe *p = n->p;
    const mr_dns_query *asked = p->options.family == MR_FAMILY_IPV6 ? &s->aaaa : &s->a;
    const char *server = probe_addr_text(p, &asked->answer.server);
    const mr_evidence evidence[] = {
        {"server", {.kind = MR_VALUE_STRING, .u.string = mr_slice_str(server)}},
        {"name", {.kind = MR_VALUE_STRING, .u.string = mr_slice_str(s->name)}},
        {"a", {.kind = MR_VALUE_STRING,
               .u.string = mr_slice_str(mr_dns_outcome_name(s->outcome_a))}},
        {"aaaa", {.kind = MR_VALUE_STRING,
                  .u.string = mr_slice_str(mr_dns_outcome_name(s->outcome_aaaa))}},
    };

    s->over = true;
    for (size_t i = 0; i < s->found_count; i++)
        resolved_fact(p, s->op.check, &s->found[i], MR_SOURCE_DNS, server, s->ttl,
                      probe_op_ms(&s->op));
    /* what the hosts file names, DNS need not know */
    if (n->hosts_count && !s->found_count)
        probe_op_set_aside(&s->op);
    if (s->found_count)
        probe_check(&s->op, MR_STATUS_PASS, evidence, MR_COUNT(evidence), "%s -> %s (DNS %s)",
                    s->name, addr_list(p, s->found, s->found_count), server);
    else
        probe_check(&s->op,
                    s->outcome_a == MR_DNS_OUTCOME_FAILED && s->outcome_aaaa == s->outcome_a
                        ? MR_STATUS_UNKNOWN : MR_STATUS_FAIL, evidence, MR_COUNT(evidence),
                    "%s: A %s, AAAA %s (DNS %s)", s->name, mr_dns_outcome_name(s->outcome_a),
                    mr_dns_outcome_name(s->outcome_aaaa), server);
    compare_hosts(n, s);
    compare_servers(n, s);
    cut_server(&s->op);
    settle(n);
    probe_op_end(&s->op);
}

static bool exists(const struct server *s) {
    return s->outcome_a == MR_DNS_OUTCOME_NODATA || s->outcome_aaaa == MR_DNS_OUTCOME_NODATA;
}

static void remember(struct server *s) {
    bool better = !s->told || (exists(s) && s->best.a == MR_DNS_OUTCOME_NXDOMAIN &&
                               s->best.aaaa == MR_DNS_OUTCOME_NXDOMAIN);
    if (!better)
        return;
    s->told = true;
    s->best.a = s->outcome_a;
    s->best.aaaa = s->outcome_aaaa;
    memcpy(s->best.name, s->name, sizeof s->best.name);
}

/* Both questions of a candidate are answered: the next candidate, or the end. */
static void candidate_over(struct server *s) {
    bool unknown = says_no_such_name(s->outcome_a) && says_no_such_name(s->outcome_aaaa);

    if (!s->found_count && unknown) {
        remember(s);
        s->candidate++;
        if (ask_candidate(s))
            return;
        s->outcome_a = s->best.a;
        s->outcome_aaaa = s->best.aaaa;
        memcpy(s->name, s->best.name, sizeof s->name);
    }
    if (s->all->hosts_count && !s->found_count) { /* the hosts file answers: nothing to explain */
        end_server(s);
        return;
    }
    /* that one family is missing matters only when the other is too */
    enum mr_family only = s->op.probe->options.family;
    if (only != MR_FAMILY_IPV6 && (!s->found_count || !says_no_such_name(s->outcome_a)))
        outcome_fact(s, s->outcome_a, &s->a.answer, "A");
    if (only != MR_FAMILY_IPV4 && (!s->found_count || !says_no_such_name(s->outcome_aaaa)))
        outcome_fact(s, s->outcome_aaaa, &s->aaaa.answer, "AAAA");
    end_server(s);
}

/* The addresses among the answers, whatever names a chain of CNAMEs led through. */
static size_t read_addrs(const mr_dns_message *message, mr_addr *addrs, size_t max,
                         uint32_t *ttlp) {
    size_t count = 0;

    for (size_t i = 0; message && i < message->answer_count && count < max; i++) {
        const mr_dns_record *record = &message->answers[i];
        mr_addr addr = {0};
        if (record->type == MR_DNS_A) {
            addr.family = MR_FAMILY_IPV4;
            memcpy(addr.ip, record->u.ipv4, sizeof record->u.ipv4);
        } else if (record->type == MR_DNS_AAAA) {
            addr.family = MR_FAMILY_IPV6;
            memcpy(addr.ip, record->u.ipv6, sizeof record->u.ipv6);
        } else {
            continue;
        }
        addrs[count++] = addr;
        *ttlp = record->ttl;
    }
    return count;
}

static void take_answer(struct server *s, const mr_dns_answer *answer) {
    mr_addr found[MR_PROBE_ADDRS];
    size_t count = 0;

    if (answer->outcome == MR_DNS_OUTCOME_ANSWER)
        count = read_addrs(answer->message, found, MR_COUNT(found), &s->ttl);
    for (size_t i = 0; i < count && s->found_count < MR_PROBE_ADDRS; i++)
        s->found[s->found_count++] = found[i];
    if (--s->open)
        return;
    /* a family that was not asked for has nothing to say of its own */
    if (s->op.probe->options.family == MR_FAMILY_IPV6)
        s->outcome_a = s->outcome_aaaa;
    if (s->op.probe->options.family == MR_FAMILY_IPV4)
        s->outcome_aaaa = s->outcome_a;
    candidate_over(s);
}

static void on_a(void *user, const mr_dns_answer *answer) {
    struct server *s = user;
    s->outcome_a = answer->outcome;
    take_answer(s, answer);
}

static void on_aaaa(void *user, const mr_dns_answer *answer) {
    struct server *s = user;
    s->outcome_aaaa = answer->outcome;
    take_answer(s, answer);
}

static void ask_for(struct server *s, mr_dns_query *query, uint16_t type) {
    mr_dns_ask ask = {.name = s->name, .type = type, .timeout = s->op.probe->options.timeout};
    mr_error err = MR_ERROR_INIT;

    if (s->addr_given)
        ask.server = s->addr;
    int r = mr_dns_query_ask(query, &ask, &err);
    if (r == MR_ERR_MEMORY)
        probe_no_memory(s->op.probe);
    s->open += r == 0;
}

/* Asks for the present candidate of the search list; false past the last. */
static bool ask_candidate(struct server *s) {
    mr_probe *p = s->op.probe;
    char name[MR_DNS_NAME_TEXT];

    if (mr_dns_config_get_candidate(s->all->config, host(p), s->candidate, name) != 0)
        return false;
    memcpy(s->name, name, sizeof s->name);
    s->open = 0;
    if (p->options.family != MR_FAMILY_IPV6)
        ask_for(s, &s->a, MR_DNS_A);
    if (p->options.family != MR_FAMILY_IPV4)
        ask_for(s, &s->aaaa, MR_DNS_AAAA);
    return s->open > 0;
}

static void start_server(struct names *n, const mr_addr *addr) {
    mr_probe *p = n->p;
    struct server *s = &n->servers[n->server_count];
    char text[MR_ADDR_TEXT];

    s->all = n;
    if (addr) {
        s->addr = *addr;
        s->addr_given = true;
    }
    mr_dns_query_init(&s->a, p->resolver, on_a, s);
    mr_dns_query_init(&s->aaaa, p->resolver, on_aaaa, s);
    probe_op_begin(p, &s->op, probe_text(p, "DNS.%s", addr ? mr_addr_text(addr, text) : "system"),
                   MR_PHASE_NAMES, false, cut_server);
    n->server_count++;
}

/* ---- the check ---- */

static void cut_names(struct probe_op *op) {
    (void)op;
}

static void start_dns(struct names *n) {
    mr_probe *p = n->p;
    mr_error err = MR_ERROR_INIT;

    if (mr_resolver_get_config(p->resolver, &n->config, &err) != 0) {
        probe_check(&n->op, MR_STATUS_UNKNOWN, NULL, 0, "%s", err.text);
        finish(n);
        return;
    }
    if (n->config->server_count == 0) {
        if (probe_wants(p, MR_PHASE_NAMES))
            mr_fact_add(p->diag, MR_FACT_NAME_NO_SERVER, n->op.check);
        settle(n);
        return;
    }
    probe_set_vantage(p, &n->config->servers[0]);
    for (size_t i = 0; i < n->config->server_count && i < MR_DNS_SERVERS; i++)
        start_server(n, &n->config->servers[i]);
    for (size_t i = 0; i < n->server_count; i++) {
        struct server *s = &n->servers[i];
        if (!ask_candidate(s)) {
            if (probe_wants(p, MR_PHASE_NAMES))
                mr_fact_add(p->diag, MR_FACT_NAME_INVALID, s->op.check, .name = host(p));
            s->outcome_a = s->outcome_aaaa = MR_DNS_OUTCOME_NAME;
            end_server(s);
        }
    }
    if (n->hosts_count)
        settle(n);
}

static void start(mr_probe *p) {
    struct names *n = MR_ARENA_NEW(p->arena, struct names);
    const char *given = p->options.target_ip ? p->options.target_ip : host(p);
    mr_addr literal;

    if (!n) {
        probe_no_memory(p);
        return;
    }
    n->p = p;
    probe_op_begin(p, &n->op, "NAME.RESOLVE", MR_PHASE_NAMES, false, cut_names);
    if (mr_addr_decode(mr_slice_str(given), 0, &literal) == 0) {
        add_addr(p, &literal);
        n->settled = true;
        if (!p->addr_count) {
            probe_check(&n->op, MR_STATUS_FAIL, NULL, 0, "%s is no IPv%d address", given,
                        (int)p->options.family);
            probe_op_end(&n->op);
            return;
        }
        resolved_fact(p, n->op.check, &literal, MR_SOURCE_LITERAL, NULL, 0, 0);
        probe_check(&n->op, MR_STATUS_PASS, NULL, 0,
                    p->options.target_ip ? "%s is taken to be %s" : "%s is an address", host(p),
                    given);
        probe_signal(p, PROBE_ADDRESSED);
        probe_op_end(&n->op);
        return;
    }
    if (!strchr(host(p), '.') && probe_wants(p, MR_PHASE_NAMES))
        mr_fact_add(p->diag, MR_FACT_NAME_SINGLE_LABEL, n->op.check, .name = host(p));
    if (!p->options.dns_server_given)
        mr_hosts_find(p->resolver->hosts_path, host(p), p->options.family, n->hosts, HOSTS_MAX,
                      &n->hosts_count);
    for (size_t i = 0; i < n->hosts_count; i++)
        resolved_fact(p, n->op.check, &n->hosts[i], MR_SOURCE_HOSTS, NULL, 0, 0);
    start_dns(n);
}

const mr_probe_check probe_check_names = {
    .id = "NAME.RESOLVE",
    .phase = MR_PHASE_NAMES,
    .line = "A and AAAA from the hosts file and every DNS server, search list included",
    .needs = PROBE_START,
    .gives = PROBE_ADDRESSED,
    .start = start,
};
