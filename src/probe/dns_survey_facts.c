/*
 * The survey of a name: what its answers mean. Records as text (RFC 1035 5.1, RFC 3597 5), which
 * of them every server has, and the facts and checks that rules judge. Comparing leaves out TTLs,
 * the order of records and the serials of a zone: those differ on healthy servers as well.
 */
#include "dns_survey_private.h"

#include <stdio.h>

#include "name_facts.h"

#define LIST_MAX 32 /* addresses of one name at one server */

/* ---- records as text ---- */

/* Appends one character-string in quotes; false when the data ends within it. */
static bool put_string(mr_buf *out, mr_cursor *c) {
    uint8_t len = mr_cursor_read_u8(c);
    const uint8_t *octets = mr_cursor_take(c, len);
    char escape[5];

    if (!mr_cursor_ok(c))
        return false;
    mr_buf_write(out, MR_SLICE_LIT("\""));
    for (size_t i = 0; i < len; i++) {
        if (octets[i] == '"' || octets[i] == '\\')
            snprintf(escape, sizeof escape, "\\%c", octets[i]);
        else if (octets[i] < ' ' || octets[i] > '~')
            snprintf(escape, sizeof escape, "\\%03u", octets[i]);
        else
            snprintf(escape, sizeof escape, "%c", octets[i]);
        mr_buf_write(out, mr_slice_str(escape));
    }
    mr_buf_write(out, MR_SLICE_LIT("\""));
    return true;
}

static const char *raw_text(const mr_dns_record *record, mr_arena *arena) {
    char *text = mr_arena_get_raw(arena, record->data.len * 2 + 16, 1);

    if (!text)
        return NULL;
    size_t at = (size_t)snprintf(text, 16, "\\# %zu ", record->data.len);
    for (size_t i = 0; i < record->data.len; i++)
        at += (size_t)snprintf(text + at, 3, "%02x", record->data.data[i]);
    return text;
}

static const char *txt_text(const mr_dns_record *record, mr_arena *arena) {
    size_t most = record->data.len * 4 + 3 * record->data.len + 1;
    uint8_t *room = mr_arena_get_raw(arena, most, 1);
    mr_cursor c = mr_cursor_of(record->data);
    mr_buf out;
    bool whole = record->data.len > 0;

    if (!room)
        return NULL;
    mr_buf_init(&out, room, most, most);
    while (whole && mr_cursor_left(&c)) {
        if (out.len)
            mr_buf_write(&out, MR_SLICE_LIT(" "));
        whole = put_string(&out, &c);
    }
    if (!whole || mr_buf_error(&out))
        return raw_text(record, arena);
    return mr_arena_add_str(arena, mr_slice_of(room, out.len));
}

const char *mr_dns_survey_record_text(const mr_dns_record *record, mr_arena *arena) {
    char text[MR_ADDR_TEXT];
    mr_addr addr;

    if (survey_read_addr(record, &addr))
        return mr_arena_add_str(arena, mr_slice_str(mr_addr_text(&addr, text)));
    if (record->class != MR_DNS_CLASS_IN)
        return raw_text(record, arena);
    switch (record->type) {
    case MR_DNS_NS:
    case MR_DNS_CNAME:
    case MR_DNS_PTR:
        return record->u.target;
    case MR_DNS_MX:
        return mr_arena_add_fmt(arena, "%u %s", record->u.mx.preference, record->u.mx.target);
    case MR_DNS_SRV:
        return mr_arena_add_fmt(arena, "%u %u %u %s", record->u.srv.priority,
                                record->u.srv.weight, record->u.srv.port, record->u.srv.target);
    case MR_DNS_SOA:
        return mr_arena_add_fmt(arena, "%s %s %u %u %u %u %u", record->u.soa.primary,
                                record->u.soa.mailbox, record->u.soa.serial,
                                record->u.soa.refresh, record->u.soa.retry,
                                record->u.soa.expire, record->u.soa.minimum);
    case MR_DNS_TXT:
        return txt_text(record, arena);
    default: /* a type off the wire that we do not read */
        return raw_text(record, arena);
    }
}

/* ---- agreement ---- */

/* What @server was asked and answered to the same question: for candidates, each server's own
 * that settled it. NULL: not asked, or no answer that says something. */
static const mr_dns_survey_query *same_question(const mr_dns_survey *s,
                                                const mr_dns_survey_query *q, size_t server) {
    const mr_dns_survey_query *found = NULL;

    for (size_t i = 0; i < s->query_count && !found; i++) {
        const mr_dns_survey_query *other = s->queries[i];
        if (other->server != server || other->role != q->role || other->type != q->type)
            continue;
        bool same = q->role == MR_DNS_SURVEY_ASKED ? other->candidate == s->servers[server].best
                                               : mr_dns_same_name(other->name, q->name);
        if (same)
            found = other;
    }
    if (!found || !found->answer ||
        (survey_outcome(found) != MR_DNS_OUTCOME_ANSWER && !survey_says_no(found)))
        return NULL;
    return found;
}

static bool has_record(const mr_dns_survey_query *q, const mr_dns_record *record) {
    const mr_dns_record *other;

    for (size_t at = 0; (other = survey_next_record(q, &at)) != NULL;)
        if (survey_same_record(record, other))
            return true;
    return false;
}

bool mr_dns_survey_is_agreed(const mr_dns_survey *s, const mr_dns_survey_query *q,
                             const mr_dns_record *record) {
    for (size_t i = 0; i < s->server_count; i++) {
        const mr_dns_survey_query *other = i == q->server ? NULL : same_question(s, q, i);
        if (other && !has_record(other, record))
            return false;
    }
    return true;
}

/* ---- facts ---- */

struct say {
    const mr_dns_survey *s;
    mr_diag *diag;
    const char *checks[MR_DNS_SURVEY_SERVERS]; /* ids */
    int error;
};

static const char *fmt_text(struct say *y, const char *text, const char *more) {
    const char *both = mr_arena_add_fmt(y->s->arena, "%s%s%s", text, *text ? ", " : "", more);

    if (!both)
        y->error = MR_ERR_MEMORY;
    return both ? both : "";
}

static const char *addr_str(struct say *y, const mr_addr *addr) {
    char text[MR_ADDR_TEXT];

    return fmt_text(y, "", mr_addr_text(addr, text));
}

/* "10.0.0.1, 10.0.0.2" */
static const char *records_text(struct say *y, const mr_dns_survey_query *q) {
    const mr_dns_record *record;
    const char *list = "";

    for (size_t at = 0, n = 0; n < LIST_MAX && (record = survey_next_record(q, &at)); n++) {
        const char *text = mr_dns_survey_record_text(record, y->s->arena);
        list = fmt_text(y, list, text ? text : "");
    }
    return list;
}

static const char *type_text(struct say *y, uint16_t type) {
    char out[16];

    return fmt_text(y, "", mr_dns_type_name(type, out));
}

static const char *alias_of(const mr_dns_message *m, const char *name) {
    for (size_t i = 0; i < m->answer_count; i++)
        if (m->answers[i].type == MR_DNS_CNAME && mr_dns_same_name(m->answers[i].name, name))
            return m->answers[i].u.target;
    return NULL;
}

/* The last name of a chain of aliases in an answer that ends in nothing; NULL without one. Of a
 * chain that never ends, the name behind the first alias. */
static const char *dangling(const mr_dns_survey_query *q, bool *loopp) {
    const mr_dns_message *m = survey_says_no(q) ? q->answer->message : NULL;
    const char *first = m && m->question ? alias_of(m, m->question) : NULL;
    const char *last = first, *next = first;

    for (size_t i = 0; next && i < m->answer_count; i++) {
        last = next;
        next = alias_of(m, last);
    }
    *loopp = next != NULL;
    return next ? first : last;
}

static void say_answer(struct say *y, const mr_dns_survey_query *q) {
    const mr_dns_survey_server *server = &y->s->servers[q->server];
    uint32_t ms = (uint32_t)(q->answer->elapsed / MR_MSEC), ttl = 0;
    const mr_dns_record *record;
    mr_addr addr;
    bool other = false;

    for (size_t at = 0, n = 0; n < LIST_MAX && (record = survey_next_record(q, &at)); n++) {
        ttl = record->ttl;
        if (!survey_read_addr(record, &addr))
            other = true;
        else
            mr_fact_add(y->diag, MR_FACT_NAME_RESOLVED, y->checks[q->server],
                        .name = y->s->options.name, .address = addr_str(y, &addr),
                        .family = addr.family, .source = MR_SOURCE_DNS, .server = server->text,
                        .ttl = ttl, .ms = ms);
    }
    if (other)
        mr_fact_add(y->diag, MR_FACT_NAME_ANSWERED, y->checks[q->server],
                    .name = y->s->options.name, .record = type_text(y, q->type),
                    .server = server->text, .ttl = ttl, .ms = ms);
}

/* Whether we could not ask @server something of its best candidate: then what it lacks is not
 * known. */
static bool was_unable(const mr_dns_survey *s, size_t server) {
    for (size_t i = 0; i < s->type_count; i++) {
        const mr_dns_survey_query *q = mr_dns_survey_find_query(s, server, s->servers[server].best,
                                                                s->types[i]);
        if (!q || !q->answer || survey_outcome(q) == MR_DNS_OUTCOME_FAILED)
            return true;
    }
    return false;
}

/* One answer of the candidate that says most. That one type is missing is worth a fact only where
 * the name has none of the asked ones. */
static void say_query(struct say *y, const mr_dns_survey_query *q) {
    const mr_dns_survey *s = y->s;
    const mr_dns_survey_server *server = &s->servers[q->server];
    bool settled = server->settled != MR_DNS_SURVEY_NONE, loop;

    if (survey_outcome(q) == MR_DNS_OUTCOME_ANSWER) {
        say_answer(y, q);
        return;
    }
    if (survey_says_no(q) && (settled || was_unable(s, q->server)))
        return;
    if (survey_says_no(q) && s->is_literal) {
        mr_fact_add(y->diag, MR_FACT_NAME_PTR_NONE, y->checks[q->server],
                    .address = s->options.name, .server = server->text);
        return;
    }
    const char *target = dangling(q, &loop);
    if (target) {
        mr_fact_add(y->diag, loop ? MR_FACT_NAME_ALIAS_LOOP : MR_FACT_NAME_ALIAS_DANGLING,
                    y->checks[q->server], .name = s->options.name, .other = target,
                    .server = server->text);
        return;
    }
    mr_fact fact = {.check = y->checks[q->server], .name = s->options.name,
                    .server = server->text, .record = type_text(y, q->type)};
    bool nobody = server->origin == MR_DNS_SURVEY_SYSTEM && s->config->servers_default;
    if (name_outcome_fact(q->answer, nobody, &fact))
        mr_diag_add_fact(y->diag, &fact);
}

/* ---- reverse and forward ---- */

/* @name is the one that was asked for, an alias it leads through, or the target of one. */
static bool is_ours(const mr_dns_survey *s, size_t server, const char *name) {
    if (mr_dns_same_name(name, s->options.name))
        return true;
    for (size_t i = 0; i < s->query_count; i++) {
        const mr_dns_survey_query *q = s->queries[i];
        if (q->role != MR_DNS_SURVEY_ASKED || q->server != server || !q->answer ||
            !q->answer->message)
            continue;
        if (mr_dns_same_name(name, q->name))
            return true;
        const mr_dns_message *m = q->answer->message;
        for (size_t k = 0; k < m->answer_count; k++)
            if (m->answers[k].type == MR_DNS_CNAME &&
                mr_dns_same_name(name, m->answers[k].u.target))
                return true;
    }
    return false;
}

static void say_reverse(struct say *y, const mr_dns_survey_query *q) {
    const char *address = addr_str(y, &q->about), *server = y->s->servers[q->server].text;
    const char *check = y->checks[q->server], *name = y->s->options.name, *foreign = NULL;
    const mr_dns_record *record;

    for (size_t at = 0; (record = survey_next_record(q, &at)) != NULL;) {
        if (is_ours(y->s, q->server, record->u.target)) {
            mr_fact_add(y->diag, MR_FACT_NAME_PTR, check, .address = address,
                        .name = record->u.target, .server = server);
            return;
        }
        foreign = record->u.target;
    }
    if (foreign)
        mr_fact_add(y->diag, MR_FACT_NAME_PTR_MISMATCH, check, .address = address, .name = name,
                    .other = foreign, .server = server);
    else if (survey_says_no(q))
        mr_fact_add(y->diag, MR_FACT_NAME_PTR_NONE, check, .address = address, .server = server);
}

struct forward {
    bool asked, failed; /* failed: no answer that says something */
    bool has_literal;
    mr_addr first;
};

/* What @server says where @name is: its own answers, and what came beside a service. */
static void read_forward(const mr_dns_survey *s, size_t server, const char *name,
                         struct forward *f) {
    for (size_t i = 0; i < s->query_count; i++) {
        const mr_dns_survey_query *q = s->queries[i];
        const mr_dns_message *m = q->answer ? q->answer->message : NULL;
        bool own = mr_dns_same_name(q->name, name) &&
                   (q->type == MR_DNS_A || q->type == MR_DNS_AAAA);
        if (q->server != server)
            continue;
        f->asked |= own;
        f->failed |= own && (!q->answer || (survey_outcome(q) != MR_DNS_OUTCOME_ANSWER &&
                                            !survey_says_no(q)));
        for (size_t k = 0; m && k < m->answer_count + m->additional_count; k++) {
            const mr_dns_record *record = k < m->answer_count
                                              ? &m->answers[k]
                                              : &m->additional[k - m->answer_count];
            mr_addr addr;
            if (!survey_read_addr(record, &addr) ||
                !(own || mr_dns_same_name(record->name, name)))
                continue;
            if (f->first.family == MR_FAMILY_ANY)
                f->first = addr;
            f->has_literal |= s->is_literal && mr_addr_same_host(&addr, &s->literal);
        }
    }
}

/* An address' names must lead back to it; a service's targets must lead somewhere. */
static void say_targets(struct say *y, const mr_dns_survey_query *q) {
    const mr_dns_survey *s = y->s;
    const mr_dns_survey_server *server = &s->servers[q->server];
    const mr_dns_record *record;

    for (size_t at = 0; (record = survey_next_record(q, &at)) != NULL;) {
        bool back = s->is_literal && record->type == MR_DNS_PTR;
        bool target = record->type == MR_DNS_SRV || record->type == MR_DNS_NS;
        struct forward f = {0};
        if (!back && !target)
            continue;
        const char *name = record->type == MR_DNS_SRV ? record->u.srv.target : record->u.target;
        read_forward(s, q->server, name, &f);
        if (!f.asked || f.failed || f.has_literal)
            continue;
        bool nowhere = f.first.family == MR_FAMILY_ANY;
        if (back && s->options.family == MR_FAMILY_ANY)
            mr_fact_add(y->diag, MR_FACT_NAME_FORWARD_DIFFERS, y->checks[q->server],
                        .address = s->options.name, .name = name, .server = server->text,
                        .other = nowhere ? "no address" : addr_str(y, &f.first));
        else if (target && nowhere)
            mr_fact_add(y->diag, MR_FACT_NAME_TARGET_NOWHERE, y->checks[q->server],
                        .name = q->name, .other = name, .server = server->text,
                        .record = type_text(y, q->type));
    }
}

/* ---- servers against each other ---- */

/* A record that only @mine has, NULL when there is none. */
static const mr_dns_record *odd_record(const mr_dns_survey_query *mine,
                                       const mr_dns_survey_query *theirs) {
    const mr_dns_record *record;

    for (size_t at = 0; (record = survey_next_record(mine, &at)) != NULL;)
        if (!has_record(theirs, record))
            return record;
    return NULL;
}

/* What a question is about: the name as it was given for all of its candidates. */
static const char *subject(const struct say *y, const mr_dns_survey_query *q) {
    return q->role == MR_DNS_SURVEY_ASKED ? y->s->options.name : q->name;
}

static void say_missing(struct say *y, const mr_dns_survey_query *mine,
                        const mr_dns_survey_query *theirs) {
    const mr_dns_record *odd = odd_record(mine, theirs);
    const char *text = odd ? mr_dns_survey_record_text(odd, y->s->arena) : NULL;

    if (text)
        mr_fact_add(y->diag, MR_FACT_NAME_RECORDS_DIFFER, y->checks[mine->server],
                    .name = subject(y, mine), .record = type_text(y, mine->type),
                    .other = text, .server = y->s->servers[mine->server].text,
                    .sender = y->s->servers[theirs->server].text);
}

/* Both servers know the name; one of them may lack a type. */
static void compare(struct say *y, const mr_dns_survey_query *a, const mr_dns_survey_query *b) {
    bool addresses = a->type == MR_DNS_A || a->type == MR_DNS_AAAA;
    bool both = survey_outcome(a) == MR_DNS_OUTCOME_ANSWER &&
                survey_outcome(b) == MR_DNS_OUTCOME_ANSWER;

    if (!odd_record(a, b) && !odd_record(b, a))
        return;
    if (!addresses || !both) {
        say_missing(y, a, b);
        say_missing(y, b, a);
        return;
    }
    mr_fact_add(y->diag, MR_FACT_NAME_SERVERS_DIFFER, y->checks[a->server],
                .name = subject(y, a), .address = records_text(y, a),
                .other = records_text(y, b), .server = y->s->servers[a->server].text,
                .sender = y->s->servers[b->server].text);
}

/* @q against the first server before its own that answers otherwise; a server that lacks the name
 * as a whole is told by its outcome. */
static void say_difference(struct say *y, const mr_dns_survey_query *q) {
    const mr_dns_survey *s = y->s;
    const mr_dns_survey_server *servers = s->servers;

    if (!q->answer || (survey_outcome(q) != MR_DNS_OUTCOME_ANSWER && !survey_says_no(q)))
        return;
    bool walked = q->role == MR_DNS_SURVEY_ASKED && !s->is_literal;
    if (walked && q->candidate != servers[q->server].settled)
        return;
    for (size_t i = 0; i < q->server; i++) {
        const mr_dns_survey_query *other = same_question(s, q, i);
        if (!other || (walked && servers[i].settled == MR_DNS_SURVEY_NONE))
            continue;
        if (odd_record(other, q) || odd_record(q, other)) {
            compare(y, other, q);
            return;
        }
    }
}

/* The hosts file against DNS, for each family both have: only when they share no address. */
static void say_hosts_differ(struct say *y, size_t server, enum mr_family family) {
    const mr_dns_survey *s = y->s;
    const mr_dns_record *record;
    const mr_hosts_entry *first = NULL;
    mr_addr addr, other = {0};
    bool shared = false;

    if (s->servers[server].settled == MR_DNS_SURVEY_NONE)
        return;
    const mr_dns_survey_query *q = mr_dns_survey_find_query(s, server, s->servers[server].settled,
                                                            family == MR_FAMILY_IPV4 ? MR_DNS_A
                                                                             : MR_DNS_AAAA);
    for (size_t at = 0; q && (record = survey_next_record(q, &at)) != NULL;) {
        if (!survey_read_addr(record, &addr))
            continue;
        other = addr;
        for (size_t i = 0; i < s->hosts_count; i++)
            shared |= mr_addr_same_host(&s->hosts[i].addr, &addr);
    }
    for (size_t i = 0; i < s->hosts_count && !first; i++)
        if (s->hosts[i].addr.family == family)
            first = &s->hosts[i];
    if (first && other.family != MR_FAMILY_ANY && !shared)
        mr_fact_add(y->diag, MR_FACT_NAME_HOSTS_DIFFERS, y->checks[server],
                    .name = s->options.name, .address = addr_str(y, &first->addr),
                    .other = addr_str(y, &other));
}

static void say_hosts(struct say *y) {
    const mr_dns_survey *s = y->s;
    const char *list = "";

    for (size_t i = 0; i < s->hosts_count; i++) {
        const char *address = addr_str(y, &s->hosts[i].addr);
        list = fmt_text(y, list, address);
        if (!s->hosts_late)
            mr_fact_add(y->diag, MR_FACT_NAME_RESOLVED, "HOSTS", .name = s->options.name,
                        .address = address, .family = s->hosts[i].addr.family,
                        .source = MR_SOURCE_HOSTS);
    }
    if (!s->hosts_count)
        return;
    const char *summary = mr_arena_add_fmt(s->arena, "%s -> %s (hosts file)", s->options.name,
                                           list);
    const mr_check check = {.id = "HOSTS", .phase = MR_PHASE_NAMES, .status = MR_STATUS_PASS,
                            .aside = true, .ms = -1, .summary = summary ? summary : ""};
    mr_diag_add_check(y->diag, &check);
    for (size_t i = 0; i < s->server_count && !s->hosts_late; i++) {
        say_hosts_differ(y, i, MR_FAMILY_IPV4);
        say_hosts_differ(y, i, MR_FAMILY_IPV6);
    }
}

/* ---- the zone ---- */

static void say_zone_server(struct say *y, size_t server) {
    const mr_dns_survey *s = y->s;
    const mr_dns_survey_server *it = &s->servers[server];

    if (!it->host || !s->zone)
        return;
    if (it->lame)
        mr_fact_add(y->diag, MR_FACT_NAME_ZONE_LAME, y->checks[server], .name = s->zone,
                    .server = it->text, .other = it->host);
    for (size_t i = 0; i < s->query_count; i++) {
        const mr_dns_survey_query *q = s->queries[i];
        const mr_dns_answer *answer = q->answer;
        if (q->server != server || q->type != MR_DNS_SOA || !answer || answer->message ||
            !mr_dns_same_name(q->name, s->zone) ||
            (answer->os_error && !answer->icmp.present) ||
            answer->outcome == MR_DNS_OUTCOME_FAILED)
            continue;
        mr_fact_add(y->diag, MR_FACT_NAME_ZONE_SILENT, y->checks[server], .name = s->zone,
                    .server = it->text, .other = it->host);
        return;
    }
}

/* The zone is a domain of one label, and somebody here serves it: no top-level domain. */
static void say_zone(struct say *y) {
    const mr_dns_survey *s = y->s;
    bool own = false;

    for (size_t i = 0; i < s->server_count; i++)
        say_zone_server(y, i);
    for (size_t i = 0; i < s->query_count; i++) {
        const mr_dns_survey_query *q = s->queries[i];
        if (q->role == MR_DNS_SURVEY_OF_ZONE && q->type == MR_DNS_NS)
            say_targets(y, q);
        own |= q->answer && q->answer->message && q->answer->message->authoritative &&
               q->candidate == s->zone_candidate && q->role == MR_DNS_SURVEY_ASKED;
    }
    if (own && s->zone && !s->is_literal && !strchr(s->zone, '.') &&
        !mr_dns_same_name(s->zone, "localhost"))
        mr_fact_add(y->diag, MR_FACT_NAME_SINGLE_LABEL_DOMAIN, y->checks[s->zone_server],
                    .name = s->zone);
}

/* ---- checks ---- */

/* The words for all types of a candidate: "A nodata, AAAA timeout". */
static const char *outcomes_text(struct say *y, size_t server, size_t candidate) {
    const char *list = "";

    for (size_t i = 0; i < y->s->type_count; i++) {
        const mr_dns_survey_query *q = mr_dns_survey_find_query(y->s, server, candidate,
                                                                y->s->types[i]);
        char type[16];
        if (!q || !q->answer)
            continue;
        const char *text = mr_arena_add_fmt(y->s->arena, "%s %s",
                                            mr_dns_type_name(q->type, type),
                                            mr_dns_outcome_name(survey_outcome(q)));
        list = fmt_text(y, list, text ? text : "");
    }
    return list;
}

static enum mr_status server_status(const struct say *y, size_t server) {
    const mr_dns_survey *s = y->s;
    const mr_dns_survey_server *it = &s->servers[server];

    if (it->settled != MR_DNS_SURVEY_NONE)
        return MR_STATUS_PASS;
    if (it->best == MR_DNS_SURVEY_NONE || was_unable(s, server))
        return MR_STATUS_UNKNOWN;
    const mr_dns_survey_query *q = mr_dns_survey_find_query(s, server, it->best, s->types[0]);
    /* that an address has no name is no fault */
    return s->is_literal && survey_says_no(q) ? MR_STATUS_PASS : MR_STATUS_FAIL;
}

static void say_check(struct say *y, size_t server) {
    const mr_dns_survey *s = y->s;
    const mr_dns_survey_server *it = &s->servers[server];
    const char *summary, *name = it->best == MR_DNS_SURVEY_NONE ? s->options.name
                                                            : s->candidates[it->best].name;
    const char *outcomes = it->best == MR_DNS_SURVEY_NONE ? ""
                                                      : outcomes_text(y, server, it->best);
    const mr_evidence evidence[] = {
        {"server", {.kind = MR_VALUE_STRING, .u.string = mr_slice_str(it->text)}},
        {"name", {.kind = MR_VALUE_STRING, .u.string = mr_slice_str(name)}},
    };
    double ms = -1;

    for (size_t i = 0; i < s->query_count; i++) {
        const mr_dns_survey_query *q = s->queries[i];
        if (q->server == server && q->role == MR_DNS_SURVEY_ASKED && q->candidate == it->best &&
            q->answer && (double)q->answer->elapsed / MR_MSEC > ms)
            ms = (double)q->answer->elapsed / MR_MSEC;
    }
    summary = mr_arena_add_fmt(s->arena, "%s: %s (DNS %s)", name,
                               *outcomes ? outcomes : "no answer yet", it->text);
    const mr_check check = {
        .id = y->checks[server],
        .phase = MR_PHASE_NAMES,
        .status = server_status(y, server),
        .aside = it->origin == MR_DNS_SURVEY_ZONE || s->hosts_count > 0,
        .ms = ms,
        .summary = summary ? summary : "",
        .evidence = evidence,
        .evidence_count = MR_COUNT(evidence),
    };
    mr_diag_add_check(y->diag, &check);
}

int mr_dns_survey_add_facts(const mr_dns_survey *s, mr_diag *diag) {
    struct say y = {.s = s, .diag = diag};

    if (!s->is_literal && !strchr(s->options.name, '.'))
        mr_fact_add(diag, MR_FACT_NAME_SINGLE_LABEL, "NAME", .name = s->options.name);
    if (s->server_count == 0)
        mr_fact_add(diag, MR_FACT_NAME_NO_SERVER, "NAME");
    for (size_t i = 0; i < s->server_count; i++) {
        y.checks[i] = mr_arena_add_fmt(s->arena, "DNS.%s", s->servers[i].text);
        if (!y.checks[i])
            return MR_ERR_MEMORY;
        say_check(&y, i);
    }
    for (size_t i = 0; i < s->query_count; i++) {
        const mr_dns_survey_query *q = s->queries[i];
        const mr_dns_survey_server *server = &s->servers[q->server];
        if (!q->answer || server->origin == MR_DNS_SURVEY_ZONE)
            continue;
        if (q->role == MR_DNS_SURVEY_ASKED && q->candidate == server->best)
            say_query(&y, q);
        if (q->role == MR_DNS_SURVEY_ASKED)
            say_targets(&y, q);
        if (q->role == MR_DNS_SURVEY_REVERSE)
            say_reverse(&y, q);
    }
    for (size_t i = 0; i < s->query_count; i++)
        if (s->queries[i]->role == MR_DNS_SURVEY_ASKED ||
            s->queries[i]->role == MR_DNS_SURVEY_FORWARD)
            say_difference(&y, s->queries[i]);
    say_hosts(&y);
    say_zone(&y);
    return y.error ? y.error : s->error;
}
