/*
 * The name that DNS gives back for each address (PTR, RFC 1035 3.5): evidence of a stale or foreign
 * record. Never waited for.
 */
#include "probe_private.h"

#define PTR_MAX 4 /* addresses looked up */

struct ptr {
    struct probe_op op;
    mr_dns_query query;
    const mr_addr *addr;
};

static void cut(struct probe_op *op) {
    mr_dns_query_deinit(&((struct ptr *)op)->query);
}

/* The name is the host's, or the host's short name with a domain, or the host is a literal. */
static bool fits(const char *host, const char *name) {
    mr_addr literal;
    size_t len = strlen(host);

    if (mr_addr_decode(mr_slice_str(host), 0, &literal) == 0 || mr_dns_same_name(host, name))
        return true;
    return !strchr(host, '.') && strlen(name) > len && name[len] == '.' &&
           mr_slice_eq_nocase(mr_slice_of(name, len), mr_slice_str(host));
}

static const char *first_name(const mr_dns_answer *answer) {
    for (size_t i = 0; answer->message && i < answer->message->answer_count; i++)
        if (answer->message->answers[i].type == MR_DNS_PTR)
            return answer->message->answers[i].u.target;
    return NULL;
}

static void on_answer(void *user, const mr_dns_answer *answer) {
    struct ptr *t = user;
    mr_probe *p = t->op.probe;
    const char *host = p->options.host, *address = probe_addr_text(p, t->addr);
    const char *server = probe_addr_text(p, &answer->server);
    const char *name = answer->outcome == MR_DNS_OUTCOME_ANSWER ? first_name(answer) : NULL;
    bool wanted = probe_wants(p, MR_PHASE_NAMES);

    if (name) {
        probe_check(&t->op, MR_STATUS_PASS, NULL, 0, "%s -> %s", address, name);
        if (wanted && fits(host, name))
            mr_fact_add(p->diag, MR_FACT_NAME_PTR, t->op.check, .address = address, .name = name,
                        .server = server);
        else if (wanted)
            mr_fact_add(p->diag, MR_FACT_NAME_PTR_MISMATCH, t->op.check, .address = address,
                        .name = host, .other = name, .server = server);
    } else if (answer->outcome == MR_DNS_OUTCOME_NXDOMAIN ||
               answer->outcome == MR_DNS_OUTCOME_NODATA) {
        probe_check(&t->op, MR_STATUS_PASS, NULL, 0, "%s has no name in reverse", address);
        if (wanted)
            mr_fact_add(p->diag, MR_FACT_NAME_PTR_NONE, t->op.check, .address = address,
                        .server = server);
    } else {
        probe_check(&t->op, MR_STATUS_UNKNOWN, NULL, 0, "%s: PTR %s", address,
                    mr_dns_outcome_name(answer->outcome));
    }
    cut(&t->op);
    probe_op_end(&t->op);
}

static void start(mr_probe *p) {
    for (size_t i = 0; i < p->addr_count && i < PTR_MAX; i++) {
        struct ptr *t = MR_ARENA_NEW(p->arena, struct ptr);
        char name[MR_DNS_NAME_TEXT];
        mr_error err = MR_ERROR_INIT;
        if (!t) {
            probe_no_memory(p);
            return;
        }
        t->addr = &p->addrs[i].addr;
        mr_slice octets = mr_slice_of(t->addr->ip, t->addr->family == MR_FAMILY_IPV4 ? 4 : 16);
        const mr_dns_ask ask = {.name = mr_dns_reverse_name(octets, name), .type = MR_DNS_PTR,
                                .timeout = p->options.timeout};
        mr_dns_query_init(&t->query, p->resolver, on_answer, t);
        if (mr_dns_query_ask(&t->query, &ask, &err) != 0) {
            mr_dns_query_deinit(&t->query);
            continue;
        }
        probe_op_begin(p, &t->op, "NAME.PTR", MR_PHASE_NAMES, true, cut);
    }
}

const mr_probe_check probe_check_ptr = {
    .id = "NAME.PTR",
    .phase = MR_PHASE_NAMES,
    .line = "the name DNS gives back for the address (evidence)",
    .needs = PROBE_ADDRESSED,
    .start = start,
};
