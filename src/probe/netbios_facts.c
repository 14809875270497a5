/*
 * What a NetBIOS survey saw, as checks and facts: a check for every question, a fact for every
 * address and refusal, and where two answers contradict each other, that too.
 */
#include <msrpc/probe/netbios.h>

#include <stdio.h>

#define ADDRS 64
#define LIST 512 /* octets of a list of addresses */
#define NO_NAME "that the name does not exist"

struct telling {
    const mr_netbios_survey *s;
    mr_diag *diag;
};

struct labels { /* of one question */
    char check[MR_ADDR_TEXT + 16];
    char name[MR_NBT_NAME];
    char suffix[3];
    char remote[MR_ADDR_TEXT];
};

static void text_of(mr_slice s, char *out, size_t size) {
    snprintf(out, size, "%.*s", (int)s.len, s.len ? (const char *)s.data : "");
}

static void label(const mr_netbios *q, struct labels *l) {
    uint8_t suffix = q->options.name[MR_NBT_NAME - 1];

    if (q->options.remote.port == MR_NBT_PORT)
        mr_addr_text(&q->options.remote, l->remote);
    else
        mr_addr_port_text(&q->options.remote, l->remote);
    text_of(mr_nbt_name_trim(q->options.name), l->name, sizeof l->name);
    snprintf(l->suffix, sizeof l->suffix, "%02X", suffix);
    if (q->options.status)
        snprintf(l->check, sizeof l->check, "NBSTAT@%s", l->remote);
    else
        snprintf(l->check, sizeof l->check, "NBNS.%02X@%s", suffix, l->remote);
}

/* The hosts a question's answers name, in text order of their octets, each once. */
static size_t addrs_of(const mr_netbios *q, mr_addr addrs[ADDRS]) {
    size_t count = 0;

    for (const mr_netbios_reply *r = q->replies; r; r = r->next) {
        for (size_t i = 0; i < r->answer.addr_count && count < ADDRS; i++) {
            const mr_nbt_addr *a = &r->answer.addrs[i];
            size_t at = 0;
            if (mr_netbios_is_placeholder(a))
                continue;
            while (at < count && memcmp(addrs[at].ip, a->ip, 4) < 0)
                at++;
            if (at < count && memcmp(addrs[at].ip, a->ip, 4) == 0)
                continue;
            memmove(&addrs[at + 1 < ADDRS ? at + 1 : at], &addrs[at],
                    (count - at - (count == ADDRS)) * sizeof *addrs);
            addrs[at] = (mr_addr){.family = MR_FAMILY_IPV4};
            memcpy(addrs[at].ip, a->ip, 4);
            count++;
        }
    }
    return count;
}

static const char *list_of(const mr_netbios *q, char out[LIST]) {
    mr_addr addrs[ADDRS];
    char text[MR_ADDR_TEXT];
    size_t count = addrs_of(q, addrs), used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < count && used < LIST - MR_ADDR_TEXT; i++)
        used += (size_t)snprintf(out + used, LIST - used, "%s%s", i ? ", " : "",
                                 mr_addr_text(&addrs[i], text));
    if (count == 0)
        snprintf(out, LIST, "%s", q->state == MR_NETBIOS_NEGATIVE ? NO_NAME
                                                                   : "a group without addresses");
    return out;
}

/* ---- one question ---- */

static void tell_reply(const struct telling *t, const mr_netbios *q, const struct labels *l,
                       const mr_netbios_reply *r) {
    char address[MR_ADDR_TEXT], sender[MR_ADDR_TEXT];
    const char *server = q->options.broadcast ? NULL : l->remote;
    const char *from = q->options.broadcast ? mr_addr_text(&r->sender, sender) : NULL;
    uint32_t ms = (uint32_t)((r->at - q->started) / MR_MSEC);

    for (size_t i = 0; i < r->answer.addr_count; i++) {
        mr_addr addr = {.family = MR_FAMILY_IPV4};
        memcpy(addr.ip, r->answer.addrs[i].ip, 4);
        if (mr_netbios_is_placeholder(&r->answer.addrs[i])) {
            mr_fact_add(t->diag, MR_FACT_NETBIOS_GROUP, l->check, .name = l->name,
                        .suffix = l->suffix, .server = server, .sender = from);
            continue;
        }
        mr_fact_add(t->diag, MR_FACT_NETBIOS_RESOLVED, l->check, .name = l->name,
                    .suffix = l->suffix, .address = mr_addr_text(&addr, address),
                    .server = server, .sender = from, .ttl = r->answer.ttl, .ms = ms);
    }
}

/* Whether anybody knows the name, under any of its suffixes. */
static bool is_known(const mr_netbios_survey *s) {
    for (size_t i = 0; i < s->query_count; i++)
        if (!s->queries[i].options.status && s->queries[i].state == MR_NETBIOS_ANSWERED)
            return true;
    return false;
}

static void tell_failure(const struct telling *t, const mr_netbios *q, const struct labels *l) {
    char sender[MR_ADDR_TEXT];
    const char *from = q->attempt.icmp.present ? mr_addr_text(&q->attempt.icmp.sender, sender)
                                               : NULL;
    bool status = q->options.status;

    if (q->state == MR_NETBIOS_LOCAL)
        mr_fact_add(t->diag, MR_FACT_NETBIOS_UNSENT, l->check, .address = l->remote);
    else if (!status && !q->options.broadcast && is_known(t->s) && q->state == MR_NETBIOS_CLOSED)
        mr_fact_add(t->diag, MR_FACT_NETBIOS_WINS_REJECTS, l->check, .name = l->name,
                    .server = l->remote, .sender = from);
    else if (!status && !q->options.broadcast && is_known(t->s))
        mr_fact_add(t->diag, MR_FACT_NETBIOS_WINS_DEAD, l->check, .name = l->name,
                    .server = l->remote);
    else if (q->state == MR_NETBIOS_CLOSED && status)
        mr_fact_add(t->diag, MR_FACT_NETBIOS_NODE_CLOSED, l->check, .address = l->remote,
                    .sender = from);
    else if (q->state == MR_NETBIOS_CLOSED)
        mr_fact_add(t->diag, MR_FACT_NETBIOS_WINS_CLOSED, l->check, .server = l->remote,
                    .sender = from);
    else if (status)
        mr_fact_add(t->diag, MR_FACT_NETBIOS_NODE_SILENT, l->check, .address = l->remote,
                    .tries = q->sent);
    else if (q->options.broadcast)
        mr_fact_add(t->diag, MR_FACT_NETBIOS_NO_ANSWER, l->check, .name = l->name,
                    .suffix = l->suffix, .address = l->remote, .tries = q->sent);
    else
        mr_fact_add(t->diag, MR_FACT_NETBIOS_WINS_SILENT, l->check, .server = l->remote,
                    .tries = q->sent);
}

bool mr_netbios_survey_is_aside(const mr_netbios_survey *s, const mr_netbios *q) {
    if (s->options.aside)
        return true;
    if (q->options.status ||
        (q->state != MR_NETBIOS_NEGATIVE &&
         !(q->options.broadcast && q->state == MR_NETBIOS_SILENT)))
        return false;
    for (size_t i = 0; i < s->query_count; i++)
        if (s->queries[i].state == MR_NETBIOS_ANSWERED)
            return true;
    return false;
}

static enum mr_status status_of(const mr_netbios *q, bool aside) {
    switch (q->state) {
    case MR_NETBIOS_ANSWERED: return MR_STATUS_PASS;
    case MR_NETBIOS_NEGATIVE:
    case MR_NETBIOS_REDIRECT: return aside ? MR_STATUS_UNKNOWN : MR_STATUS_WARN;
    case MR_NETBIOS_SILENT: return aside ? MR_STATUS_UNKNOWN : MR_STATUS_FAIL;
    case MR_NETBIOS_CLOSED: return MR_STATUS_FAIL;
    case MR_NETBIOS_LOCAL:
    case MR_NETBIOS_ASKING: break;
    }
    return MR_STATUS_UNKNOWN;
}

/* What came of a question in a few words. */
static void summary_of(const mr_netbios *q, const struct labels *l, char *out, size_t size) {
    char list[LIST], text[MR_ADDR_TEXT];
    const mr_netbios_reply *r = q->replies;
    mr_addr server = {.family = MR_FAMILY_IPV4};

    switch (q->state) {
    case MR_NETBIOS_ANSWERED:
        if (q->options.status)
            snprintf(out, size, "%zu names", r->status.count);
        else
            snprintf(out, size, "%s<%s> %s", l->name, l->suffix, list_of(q, list));
        return;
    case MR_NETBIOS_NEGATIVE:
        snprintf(out, size, "%s", mr_nbt_rcode_text(q->options.status ? r->status.rcode
                                                                      : r->answer.rcode));
        return;
    case MR_NETBIOS_REDIRECT:
        memcpy(server.ip, r->answer.server, 4);
        snprintf(out, size, "another name server is to be asked: %s", mr_addr_text(&server, text));
        return;
    case MR_NETBIOS_SILENT:
    case MR_NETBIOS_CLOSED:
    case MR_NETBIOS_LOCAL: snprintf(out, size, "%s", q->error.text); return;
    case MR_NETBIOS_ASKING: break;
    }
    snprintf(out, size, "no answer yet");
}

static void tell_check(const struct telling *t, const mr_netbios *q, const struct labels *l) {
    char summary[LIST + 64];
    mr_nsec ended = q->replies ? q->replies->at : q->ended;
    bool aside = mr_netbios_survey_is_aside(t->s, q);
    mr_check check = {.id = l->check, .phase = MR_PHASE_NAMES, .status = status_of(q, aside),
                      .aside = aside, .summary = summary,
                      .ms = ended ? (double)(ended - q->started) / MR_MSEC : -1};

    summary_of(q, l, summary, sizeof summary);
    (void)mr_diag_add_check(t->diag, &check);
}

static void tell_question(const struct telling *t, const mr_netbios *q) {
    struct labels l;

    label(q, &l);
    tell_check(t, q, &l);
    switch (q->state) {
    case MR_NETBIOS_ANSWERED:
        for (const mr_netbios_reply *r = q->replies; r; r = r->next)
            tell_reply(t, q, &l, r);
        break;
    case MR_NETBIOS_NEGATIVE:
        if (!t->s->options.aside && !q->options.status && !q->options.broadcast)
            mr_fact_add(t->diag, MR_FACT_NETBIOS_NEGATIVE, l.check, .name = l.name,
                        .suffix = l.suffix, .rcode = q->replies->answer.rcode,
                        .server = l.remote);
        break;
    case MR_NETBIOS_SILENT:
    case MR_NETBIOS_CLOSED:
    case MR_NETBIOS_LOCAL:
        if (!t->s->options.aside)
            tell_failure(t, q, &l);
        break;
    case MR_NETBIOS_REDIRECT:
    case MR_NETBIOS_ASKING: break;
    }
}

/* ---- contradictions ---- */

static bool is_unique(const mr_netbios_reply *r) {
    return r->answer.kind == MR_NBT_ANSWER_POSITIVE && r->answer.addr_count &&
           !(r->answer.addrs[0].flags & MR_NBT_GROUP);
}

/* Two owners of a unique name on one link: other senders, and no address in common. A name server
 * or a proxy that answers for the owner gives the owner's address. */
static void find_conflict(const struct telling *t, const mr_netbios *q) {
    const mr_netbios_reply *first = q->replies;
    char one[MR_ADDR_TEXT], other[MR_ADDR_TEXT];
    struct labels l;

    while (first && !is_unique(first))
        first = first->next;
    for (const mr_netbios_reply *r = first ? first->next : NULL; r; r = r->next) {
        bool common = !is_unique(r);
        for (size_t i = 0; i < first->answer.addr_count; i++)
            for (size_t k = 0; k < r->answer.addr_count; k++)
                common |= memcmp(first->answer.addrs[i].ip, r->answer.addrs[k].ip, 4) == 0;
        if (common)
            continue;
        mr_addr a = {.family = MR_FAMILY_IPV4}, b = a;
        memcpy(a.ip, first->answer.addrs[0].ip, 4);
        memcpy(b.ip, r->answer.addrs[0].ip, 4);
        label(q, &l);
        mr_fact_add(t->diag, MR_FACT_NETBIOS_CONFLICT, l.check, .name = l.name, .suffix = l.suffix,
                    .address = mr_addr_text(&a, one), .other = mr_addr_text(&b, other));
    }
}

static bool has_spoken(const mr_netbios *q) {
    return q->state == MR_NETBIOS_ANSWERED || q->state == MR_NETBIOS_NEGATIVE;
}

/* Two answers for the same name: from two servers, or from a link and a server. */
static void compare(const struct telling *t, const mr_netbios *a, const mr_netbios *b) {
    char one[LIST], other[LIST];
    mr_addr x[ADDRS], y[ADDRS];
    struct labels la, lb;

    if (a->options.name[MR_NBT_NAME - 1] != b->options.name[MR_NBT_NAME - 1] ||
        a->options.broadcast || !has_spoken(a) || !has_spoken(b))
        return;
    label(a, &la);
    label(b, &lb);
    if (!b->options.broadcast) {
        if (strcmp(list_of(a, one), list_of(b, other)) != 0)
            mr_fact_add(t->diag, MR_FACT_NETBIOS_WINS_DIFFER, lb.check, .name = lb.name,
                        .suffix = lb.suffix, .address = one, .other = other,
                        .server = la.remote, .sender = lb.remote);
        return;
    }
    if (a->state != MR_NETBIOS_ANSWERED || b->state != MR_NETBIOS_ANSWERED ||
        !is_unique(a->replies) || !is_unique(b->replies))
        return;
    size_t n = addrs_of(a, x), m = addrs_of(b, y);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++)
            if (mr_addr_same_host(&x[i], &y[k]))
                return;
    mr_fact_add(t->diag, MR_FACT_NETBIOS_STALE, la.check, .name = la.name, .suffix = la.suffix,
                .address = list_of(b, one), .other = list_of(a, other), .server = la.remote);
}

/* ---- node status ---- */

static bool node_has(const mr_nbt_status *status, const uint8_t name[MR_NBT_NAME]) {
    mr_slice wanted = mr_nbt_name_trim(name);

    for (size_t i = 0; i < status->count; i++)
        if (status->names[i].suffix == name[MR_NBT_NAME - 1] &&
            mr_slice_eq_nocase(status->names[i].name, wanted))
            return true;
    return false;
}

/* A question whose answer led to the node, although the node does not have the name. */
static void find_strangers(const struct telling *t, const mr_netbios *node,
                           const mr_nbt_status *status, const char *own, const struct labels *at) {
    mr_addr addrs[ADDRS];
    struct labels l;

    for (size_t i = 0; i < t->s->query_count; i++) {
        const mr_netbios *q = &t->s->queries[i];
        size_t count = q->state == MR_NETBIOS_ANSWERED ? addrs_of(q, addrs) : 0;
        for (size_t k = 0; k < count; k++) {
            if (!mr_addr_same_host(&addrs[k], &node->options.remote) ||
                node_has(status, q->options.name))
                continue;
            label(q, &l);
            mr_fact_add(t->diag, MR_FACT_NETBIOS_NOT_OWNER, at->check, .name = l.name,
                        .suffix = l.suffix, .address = at->remote, .other = own);
        }
    }
}

static void tell_node(const struct telling *t, const mr_netbios *node) {
    char own[MR_NBT_NAME], name[MR_NBT_NAME], suffix[3];
    struct labels l;

    tell_question(t, node);
    if (node->state != MR_NETBIOS_ANSWERED)
        return;
    const mr_nbt_status *status = &node->replies->status;
    label(node, &l);
    text_of(mr_netbios_node_name(status), own, sizeof own);
    mr_fact_add(t->diag, MR_FACT_NETBIOS_NODE, l.check, .address = l.remote,
                .name = own[0] ? own : NULL, .count = (uint32_t)status->count,
                .ms = (uint32_t)((node->replies->at - node->started) / MR_MSEC));
    for (size_t i = 0; i < status->count; i++) {
        if (!(status->names[i].flags & MR_NBT_CONFLICT) || status->names[i].name.len == 0)
            continue;
        text_of(status->names[i].name, name, sizeof name);
        snprintf(suffix, sizeof suffix, "%02X", status->names[i].suffix);
        mr_fact_add(t->diag, MR_FACT_NETBIOS_NODE_CONFLICT, l.check, .address = l.remote,
                    .name = name, .suffix = suffix);
    }
    find_strangers(t, node, status, own[0] ? own : "nothing", &l);
}

void mr_netbios_survey_add_facts(const mr_netbios_survey *s, mr_diag *diag) {
    struct telling t = {s, diag};

    for (size_t i = 0; i < s->query_count; i++) {
        tell_question(&t, &s->queries[i]);
        if (s->queries[i].options.broadcast)
            find_conflict(&t, &s->queries[i]);
        /* servers stand before links, so a server is always the first of the two */
        for (size_t k = 0; k < i; k++)
            compare(&t, &s->queries[k], &s->queries[i]);
    }
    for (size_t i = 0; i < s->node_count; i++)
        tell_node(&t, &s->nodes[i]);
}
