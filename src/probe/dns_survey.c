/*
 * The survey of a name: asking. Servers do not wait for one another within a stage; the next stage
 * begins when nothing is open any more. Questions are never asked twice of the same server.
 */
#include "dns_survey_private.h"

#define FOLLOWED 8 /* most addresses or names of one answer that are followed */

enum { RANK_NONE, RANK_NXDOMAIN, RANK_SERVFAIL, RANK_NODATA, RANK_STOPPED, RANK_ANSWER };

static void stage_over(mr_dns_survey *s);
static void start_walk(mr_dns_survey *s, size_t server);

/* ---- reading answers ---- */

enum mr_dns_outcome survey_outcome(const mr_dns_survey_query *q) {
    return q->answer->outcome;
}

bool survey_says_no(const mr_dns_survey_query *q) {
    return q->answer && (survey_outcome(q) == MR_DNS_OUTCOME_NXDOMAIN ||
                         survey_outcome(q) == MR_DNS_OUTCOME_NODATA);
}

bool survey_read_addr(const mr_dns_record *record, mr_addr *addrp) {
    mr_addr addr = {0};

    if (record->type == MR_DNS_A && record->class == MR_DNS_CLASS_IN) {
        addr.family = MR_FAMILY_IPV4;
        memcpy(addr.ip, record->u.ipv4, sizeof record->u.ipv4);
    } else if (record->type == MR_DNS_AAAA && record->class == MR_DNS_CLASS_IN) {
        addr.family = MR_FAMILY_IPV6;
        memcpy(addr.ip, record->u.ipv6, sizeof record->u.ipv6);
    } else {
        return false;
    }
    *addrp = addr;
    return true;
}

const mr_dns_record *survey_next_record(const mr_dns_survey_query *q, size_t *atp) {
    const mr_dns_message *m = q->answer ? q->answer->message : NULL;

    if (!m || survey_outcome(q) != MR_DNS_OUTCOME_ANSWER)
        return NULL;
    while (*atp < m->answer_count) {
        const mr_dns_record *record = &m->answers[(*atp)++];
        if (record->type == q->type || q->type == MR_DNS_ANY)
            return record;
    }
    return NULL;
}

bool survey_same_record(const mr_dns_record *a, const mr_dns_record *b) {
    if (a->type != b->type || a->class != b->class)
        return false;
    if (a->class != MR_DNS_CLASS_IN)
        return mr_slice_eq(a->data, b->data);
    switch (a->type) {
    case MR_DNS_NS:
    case MR_DNS_CNAME:
    case MR_DNS_PTR:
        return mr_dns_same_name(a->u.target, b->u.target);
    case MR_DNS_MX:
        return a->u.mx.preference == b->u.mx.preference &&
               mr_dns_same_name(a->u.mx.target, b->u.mx.target);
    case MR_DNS_SRV:
        return a->u.srv.priority == b->u.srv.priority && a->u.srv.weight == b->u.srv.weight &&
               a->u.srv.port == b->u.srv.port &&
               mr_dns_same_name(a->u.srv.target, b->u.srv.target);
    case MR_DNS_SOA: /* serials differ from server to server while a zone replicates */
        return mr_dns_same_name(a->name, b->name);
    default: /* raw octets */
        return mr_slice_eq(a->data, b->data);
    }
}

/* ---- asking ---- */

static bool was_asked(const mr_dns_survey *s, size_t server, const char *name, uint16_t type) {
    for (size_t i = 0; i < s->query_count; i++)
        if (s->queries[i]->server == server && s->queries[i]->type == type &&
            mr_dns_same_name(s->queries[i]->name, name))
            return true;
    return false;
}

static void on_answer(void *user, const mr_dns_answer *answer);

/* Asks @server; NULL when it was asked already or cannot be (memory, too many questions). */
static mr_dns_survey_query *ask(mr_dns_survey *s, size_t server, size_t candidate,
                                enum mr_dns_survey_role role, const char *name, uint16_t type) {
    const mr_dns_survey_server *to = &s->servers[server];
    mr_error err = MR_ERROR_INIT;

    if (was_asked(s, server, name, type))
        return NULL;
    if (s->query_count == MR_DNS_SURVEY_QUERIES) {
        s->cut = true;
        return NULL;
    }
    mr_dns_survey_query *q = MR_ARENA_NEW(s->arena, mr_dns_survey_query);
    const char *copy = q ? mr_arena_add_str(s->arena, mr_slice_str(name)) : NULL;
    if (!copy) {
        s->error = MR_ERR_MEMORY;
        return NULL;
    }
    *q = (mr_dns_survey_query){.survey = s, .role = role, .name = copy, .type = type,
                           .server = server, .candidate = candidate};
    const mr_dns_ask question = {
        .name = copy,
        .type = type,
        .server = to->addr,
        .timeout = s->options.timeout,
        .tries = s->options.tries,
        .no_recursion = to->origin == MR_DNS_SURVEY_ZONE,
    };
    mr_dns_query_init(&q->dns, s->resolver, on_answer, q);
    int r = mr_dns_query_ask(&q->dns, &question, &err);
    if (r != 0) {
        s->error = r;
        mr_dns_query_deinit(&q->dns);
        return NULL;
    }
    s->queries[s->query_count++] = q;
    s->open++;
    return q;
}

static void ask_addresses(mr_dns_survey *s, const mr_dns_survey_query *because,
                          enum mr_dns_survey_role role, const char *name) {
    static const uint16_t types[] = {MR_DNS_A, MR_DNS_AAAA};

    for (size_t i = 0; i < MR_COUNT(types); i++) {
        if (s->options.family == (i ? MR_FAMILY_IPV4 : MR_FAMILY_IPV6))
            continue;
        mr_dns_survey_query *q = ask(s, because->server, because->candidate, role, name, types[i]);
        if (q && s->is_literal)
            q->about = s->literal;
    }
}

/* ---- following what was found ---- */

static void follow(mr_dns_survey *s, const mr_dns_survey_query *q) {
    const mr_dns_record *record;
    char reverse[MR_DNS_NAME_TEXT];
    mr_addr addr;

    if (s->servers[q->server].origin == MR_DNS_SURVEY_ZONE)
        return; /* knows its zone, and nothing of what lies beyond it */
    for (size_t at = 0, n = 0; n < FOLLOWED && (record = survey_next_record(q, &at)); n++) {
        if (!s->is_literal && survey_read_addr(record, &addr)) {
            mr_slice ip = mr_slice_of(addr.ip, addr.family == MR_FAMILY_IPV4 ? 4 : 16);
            mr_dns_survey_query *back = ask(s, q->server, q->candidate, MR_DNS_SURVEY_REVERSE,
                                            mr_dns_reverse_name(ip, reverse), MR_DNS_PTR);
            if (back)
                back->about = addr;
        } else if (record->type == MR_DNS_PTR) {
            ask_addresses(s, q, MR_DNS_SURVEY_FORWARD, record->u.target);
        } else if (record->type == MR_DNS_SRV && strcmp(record->u.srv.target, ".") != 0) {
            ask_addresses(s, q, MR_DNS_SURVEY_FORWARD, record->u.srv.target);
        }
    }
}

/* ---- the walk through the search list ---- */

static int rank_of(const mr_dns_survey_query *q) {
    if (survey_outcome(q) == MR_DNS_OUTCOME_ANSWER)
        return RANK_ANSWER;
    if (survey_outcome(q) == MR_DNS_OUTCOME_NXDOMAIN)
        return RANK_NXDOMAIN;
    if (survey_outcome(q) == MR_DNS_OUTCOME_NODATA)
        return RANK_NODATA;
    return survey_outcome(q) == MR_DNS_OUTCOME_SERVFAIL ? RANK_SERVFAIL : RANK_STOPPED;
}

/* All types of a candidate are answered: the end, or the next candidate. What the C library goes
 * on after is no such name, no such record and SERVFAIL. */
static void candidate_over(mr_dns_survey *s, size_t server) {
    struct survey_walk *walk = &s->walks[server];
    mr_dns_survey_server *to = &s->servers[server];
    int rank = RANK_NONE;

    for (size_t i = 0; i < s->query_count; i++) {
        const mr_dns_survey_query *q = s->queries[i];
        if (q->role == MR_DNS_SURVEY_ASKED && q->server == server &&
            q->candidate == walk->candidate && q->answer && rank_of(q) > rank)
            rank = rank_of(q);
    }
    if (rank > walk->rank) {
        walk->rank = rank;
        to->best = walk->candidate;
    }
    if (rank == RANK_ANSWER) {
        to->settled = walk->candidate;
        if (!s->is_literal || s->options.authoritative)
            ask(s, server, walk->candidate, MR_DNS_SURVEY_OF_ZONE,
                s->candidates[walk->candidate].name, MR_DNS_SOA);
    } else if (rank < RANK_STOPPED && s->stage == SURVEY_NAME && to->origin != MR_DNS_SURVEY_ZONE &&
               ++walk->candidate < s->candidate_count) {
        start_walk(s, server);
    }
}

static void start_walk(mr_dns_survey *s, size_t server) {
    struct survey_walk *walk = &s->walks[server];
    const char *name = s->candidates[walk->candidate].name;

    s->candidates[walk->candidate].asked = true;
    for (size_t i = 0; i < s->type_count; i++)
        if (ask(s, server, walk->candidate, MR_DNS_SURVEY_ASKED, name, s->types[i]))
            walk->open++;
}

static void on_answer(void *user, const mr_dns_answer *answer) {
    mr_dns_survey_query *q = user;
    mr_dns_survey *s = q->survey;

    q->answer = answer;
    s->open--;
    if (q->role == MR_DNS_SURVEY_ASKED) {
        follow(s, q);
        if (--s->walks[q->server].open == 0)
            candidate_over(s, q->server);
    }
    if (s->open == 0)
        stage_over(s);
}

/* ---- the zone ---- */

/* The SOA that an answer tells, of @zone or (NULL) of any. */
static const mr_dns_record *find_soa(const mr_dns_survey_query *q, const char *zone) {
    const mr_dns_message *m = q->answer ? q->answer->message : NULL;

    for (size_t i = 0; m && i < m->answer_count + m->authority_count; i++) {
        const mr_dns_record *record = i < m->answer_count ? &m->answers[i]
                                                          : &m->authority[i - m->answer_count];
        if (record->type == MR_DNS_SOA && (!zone || mr_dns_same_name(record->name, zone)))
            return record;
    }
    return NULL;
}

/* The zone of the name at @server's best candidate; its own SOA question is asked last. */
static const mr_dns_record *zone_at(const mr_dns_survey *s, size_t server, const char *zone) {
    const mr_dns_record *found = NULL;

    for (size_t i = 0; i < s->query_count; i++) {
        const mr_dns_survey_query *q = s->queries[i];
        bool counts = q->role == MR_DNS_SURVEY_ASKED || q->role == MR_DNS_SURVEY_OF_ZONE;
        if (counts && q->server == server && q->candidate == s->servers[server].best &&
            find_soa(q, zone))
            found = find_soa(q, zone);
    }
    return found;
}

static void find_zone(mr_dns_survey *s) {
    for (int settled = 1; settled >= 0 && !s->zone; settled--)
        for (size_t i = 0; i < s->server_count && !s->zone; i++) {
            if (s->servers[i].best == MR_DNS_SURVEY_NONE ||
                (settled && s->servers[i].settled == MR_DNS_SURVEY_NONE))
                continue;
            const mr_dns_record *soa = zone_at(s, i, NULL);
            if (!soa)
                continue;
            s->zone = soa->name;
            s->zone_server = i;
            s->zone_candidate = s->servers[i].best;
        }
}

static void find_serials(mr_dns_survey *s) {
    for (size_t i = 0; s->zone && i < s->server_count; i++) {
        const mr_dns_record *soa = zone_at(s, i, s->zone);
        if (!soa)
            continue;
        s->servers[i].has_serial = true;
        s->servers[i].serial = soa->u.soa.serial;
    }
}

/* Finds the answer to the question who serves the zone. */
static const mr_dns_survey_query *find_ns(const mr_dns_survey *s) {
    for (size_t i = 0; i < s->query_count; i++)
        if (s->queries[i]->role == MR_DNS_SURVEY_OF_ZONE && s->queries[i]->type == MR_DNS_NS)
            return s->queries[i];
    return NULL;
}

/* Whether the additional section already tells an address of @name. */
static bool has_glue(const mr_dns_message *m, const char *name) {
    mr_addr addr;

    for (size_t i = 0; i < m->additional_count; i++)
        if (survey_read_addr(&m->additional[i], &addr) &&
            mr_dns_same_name(m->additional[i].name, name))
            return true;
    return false;
}

static void ask_ns_addresses(mr_dns_survey *s) {
    const mr_dns_survey_query *ns = find_ns(s);
    const mr_dns_record *record;

    for (size_t at = 0, n = 0; ns && n < FOLLOWED && (record = survey_next_record(ns, &at)); n++)
        if (record->type == MR_DNS_NS && !has_glue(ns->answer->message, record->u.target))
            ask_addresses(s, ns, MR_DNS_SURVEY_OF_ZONE, record->u.target);
}

static void add_server(mr_dns_survey *s, const mr_addr *addr, enum mr_dns_survey_origin origin,
                       const char *host) {
    char text[MR_ADDR_TEXT];
    mr_dns_survey_server server = {.addr = *addr, .origin = origin, .host = host,
                               .settled = MR_DNS_SURVEY_NONE, .best = MR_DNS_SURVEY_NONE};

    if (server.addr.port == 0)
        server.addr.port = 53;
    for (size_t i = 0; i < s->server_count; i++)
        if (mr_addr_same_host(&s->servers[i].addr, &server.addr) &&
            s->servers[i].addr.port == server.addr.port) {
            if (host)
                s->servers[i].host = host;
            return;
        }
    if (s->server_count == MR_DNS_SURVEY_SERVERS) {
        s->cut = true;
        return;
    }
    server.text = mr_arena_add_str(s->arena, mr_slice_str(server.addr.port == 53
                                                     ? mr_addr_text(&server.addr, text)
                                                     : mr_addr_port_text(&server.addr, text)));
    if (!server.text) {
        s->error = MR_ERR_MEMORY;
        return;
    }
    s->servers[s->server_count++] = server;
}

static void add_zone_server(mr_dns_survey *s, const mr_dns_survey_query *ns, const char *host) {
    mr_addr addr;

    for (size_t i = 0; i < ns->answer->message->additional_count; i++) {
        const mr_dns_record *record = &ns->answer->message->additional[i];
        if (mr_dns_same_name(record->name, host) && survey_read_addr(record, &addr) &&
            (s->options.family == MR_FAMILY_ANY || addr.family == s->options.family))
            add_server(s, &addr, MR_DNS_SURVEY_ZONE, host);
    }
    for (size_t i = 0; i < s->query_count; i++) {
        const mr_dns_survey_query *q = s->queries[i];
        const mr_dns_record *record;
        if (q->server != ns->server || !mr_dns_same_name(q->name, host))
            continue;
        for (size_t at = 0; (record = survey_next_record(q, &at)) != NULL;)
            if (survey_read_addr(record, &addr))
                add_server(s, &addr, MR_DNS_SURVEY_ZONE, host);
    }
}

/* Asks the zone's own servers what the others were asked, and whether they hold the zone. */
static void ask_zone_servers(mr_dns_survey *s) {
    const mr_dns_survey_query *ns = find_ns(s);
    const mr_dns_record *record;
    size_t first = s->server_count;

    for (size_t at = 0, n = 0; ns && n < FOLLOWED && (record = survey_next_record(ns, &at)); n++)
        if (record->type == MR_DNS_NS)
            add_zone_server(s, ns, record->u.target);
    for (size_t i = first; i < s->server_count; i++) {
        s->walks[i].candidate = s->zone_candidate;
        start_walk(s, i);
    }
    for (size_t i = 0; i < s->server_count; i++)
        if (s->servers[i].host)
            ask(s, i, s->zone_candidate, MR_DNS_SURVEY_OF_ZONE, s->zone, MR_DNS_SOA);
}

/* A server that the zone names holds it when it answers for it with authority. */
static void find_lame(mr_dns_survey *s) {
    for (size_t i = 0; i < s->query_count; i++) {
        const mr_dns_survey_query *q = s->queries[i];
        mr_dns_survey_server *server = &s->servers[q->server];
        if (server->host && q->answer && q->answer->message && q->type == MR_DNS_SOA &&
            s->zone && mr_dns_same_name(q->name, s->zone))
            server->lame = !q->answer->message->authoritative;
    }
}

/* ---- stages ---- */

/* Whether the server said anything at all to its last candidate. */
static bool speaks(const mr_dns_survey *s, size_t server) {
    for (size_t i = 0; i < s->query_count; i++)
        if (s->queries[i]->server == server && s->queries[i]->answer &&
            s->queries[i]->answer->message)
            return true;
    return false;
}

/* The candidate that the first server settled on is what all are compared about: a server that
 * has nothing there, or stopped before it came there, is asked for it as well. */
static void ask_the_rest(mr_dns_survey *s) {
    size_t candidate = MR_DNS_SURVEY_NONE;

    for (size_t i = 0; i < s->server_count && candidate == MR_DNS_SURVEY_NONE; i++)
        candidate = s->servers[i].settled;
    for (size_t i = 0; i < s->server_count && candidate != MR_DNS_SURVEY_NONE; i++) {
        mr_dns_survey_server *server = &s->servers[i];
        bool asked = mr_dns_survey_find_query(s, i, candidate, s->types[0]) != NULL;
        if (server->settled != MR_DNS_SURVEY_NONE || !(asked || speaks(s, i)))
            continue;
        server->best = candidate;
        s->walks[i] = (struct survey_walk){.candidate = candidate};
        if (!asked)
            start_walk(s, i);
    }
}

static void stage_over(mr_dns_survey *s) {
    while (s->open == 0 && s->stage != SURVEY_OVER) {
        s->stage++;
        switch (s->stage) {
        case SURVEY_NAME:
            break;
        case SURVEY_REST:
            ask_the_rest(s);
            break;
        case SURVEY_NAMESERVERS:
            find_zone(s);
            /* the root and its servers are nobody's own zone */
            if (!s->zone || !s->options.authoritative || strcmp(s->zone, ".") == 0)
                s->stage = SURVEY_OVER;
            else
                ask(s, s->zone_server, s->zone_candidate, MR_DNS_SURVEY_OF_ZONE, s->zone,
                    MR_DNS_NS);
            break;
        case SURVEY_ADDRESSES:
            ask_ns_addresses(s);
            break;
        case SURVEY_ZONE:
            ask_zone_servers(s);
            break;
        case SURVEY_OVER:
            break;
        }
    }
    if (s->stage != SURVEY_OVER)
        return;
    find_serials(s);
    find_lame(s);
    s->done(s->user);
}

static void on_timer(void *user) {
    stage_over(user);
}

/* ---- the public side ---- */

static int add_candidates(mr_dns_survey *s, mr_error *err) {
    const mr_dns_survey_options *o = &s->options;
    char name[MR_DNS_NAME_TEXT];

    if (s->is_literal) {
        mr_slice ip = mr_slice_of(s->literal.ip, s->literal.family == MR_FAMILY_IPV4 ? 4 : 16);
        s->candidates[0].name = mr_arena_add_str(s->arena,
                                                 mr_slice_str(mr_dns_reverse_name(ip, name)));
        s->candidate_count = 1;
        return s->candidates[0].name ? 0 : MR_ERR_MEMORY;
    }
    size_t len = strlen(o->name) - (strlen(o->name) > 1 && o->name[strlen(o->name) - 1] == '.');
    for (size_t i = 0; s->candidate_count < SURVEY_CANDIDATES &&
                       mr_dns_config_get_candidate(s->config, o->name, i, name) == 0; i++) {
        bool known = mr_dns_check_name(name, NULL) != 0; /* too long with that suffix */
        for (size_t k = 0; k < s->candidate_count; k++)
            known |= mr_dns_same_name(s->candidates[k].name, name);
        if (known)
            continue;
        const char *copy = mr_arena_add_str(s->arena, mr_slice_str(name));
        if (!copy)
            return MR_ERR_MEMORY;
        s->candidates[s->candidate_count++] = (mr_dns_survey_candidate){
            .name = copy,
            .searched = strlen(name) != len,
        };
    }
    return s->candidate_count ? 0 : mr_dns_check_name(o->name, err);
}

/* Whether "files" stands behind "dns", or nowhere, in the order of sources. */
static void read_sources(mr_dns_survey *s) {
    const char *word = s->sources;
    int at = 0, files = 0, dns = 0;

    s->has_sources = mr_nsswitch_find(s->resolver->nsswitch_path, "hosts", s->sources,
                                      sizeof s->sources) == 0;
    while (s->has_sources && *word) {
        size_t len = strcspn(word, " ");
        at++;
        if (len == 5 && strncmp(word, "files", len) == 0)
            files = at;
        if (len == 3 && strncmp(word, "dns", len) == 0)
            dns = at;
        word += len + (word[len] == ' ');
    }
    s->hosts_late = s->has_sources && dns && (!files || files > dns);
}

static void set_types(mr_dns_survey *s) {
    const mr_dns_survey_options *o = &s->options;

    if (o->type_count) {
        memcpy(s->types, o->types, o->type_count * sizeof *o->types);
        s->type_count = o->type_count;
    } else if (s->is_literal) {
        s->types[s->type_count++] = MR_DNS_PTR;
    } else if (o->name[0] == '_') {
        s->types[s->type_count++] = MR_DNS_SRV;
    } else {
        if (o->family != MR_FAMILY_IPV6)
            s->types[s->type_count++] = MR_DNS_A;
        if (o->family != MR_FAMILY_IPV4)
            s->types[s->type_count++] = MR_DNS_AAAA;
    }
}

static int prepare(mr_dns_survey *s, mr_error *err) {
    const mr_dns_survey_options *o = &s->options;

    int r = mr_resolver_get_config(s->resolver, &s->config, err);
    if (r == 0)
        r = s->is_literal ? 0 : mr_dns_check_name(o->name, err);
    if (r == 0)
        r = add_candidates(s, err);
    if (r != 0)
        return r;
    set_types(s);
    read_sources(s);
    if (!o->no_system) {
        /* that nobody is named, and this machine stands in, matters without a given one only */
        bool named = !s->config->servers_default || !o->server_count;
        for (size_t i = 0; named && i < s->config->server_count; i++)
            add_server(s, &s->config->servers[i], MR_DNS_SURVEY_SYSTEM, NULL);
        if (!s->is_literal)
            mr_hosts_find_lines(s->resolver->hosts_path, o->name, o->family, s->hosts,
                                MR_DNS_SURVEY_HOSTS, &s->hosts_count);
    }
    for (size_t i = 0; i < o->server_count; i++)
        add_server(s, &o->servers[i], MR_DNS_SURVEY_GIVEN, NULL);
    return s->error;
}

int mr_dns_survey_new(mr_resolver *resolver, mr_arena *arena, const mr_dns_survey_options *options,
                      mr_dns_survey **surveyp, mr_error *err) {
    if (options->type_count > MR_DNS_SURVEY_TYPES || options->server_count > MR_DNS_SURVEY_SERVERS)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET,
                       "more than %d types or %d servers", MR_DNS_SURVEY_TYPES,
                       MR_DNS_SURVEY_SERVERS);
    mr_dns_survey *s = MR_ARENA_NEW(arena, mr_dns_survey);
    const char *name = s ? mr_arena_add_str(arena, mr_slice_str(options->name)) : NULL;
    if (!name)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET, "out of memory");
    s->resolver = resolver;
    s->arena = arena;
    s->options = *options;
    s->options.name = name;
    s->is_literal = mr_addr_decode(mr_slice_str(name), 0, &s->literal) == 0;
    mr_timer_init(&s->timer, resolver->loop, on_timer, s);
    int r = prepare(s, err);
    if (r != 0) {
        mr_dns_survey_free(s);
        if (r == MR_ERR_MEMORY)
            mr_fail(err, r, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET, "out of memory");
        return r;
    }
    *surveyp = s;
    return 0;
}

int mr_dns_survey_start(mr_dns_survey *s, void (*done)(void *user), void *user, mr_error *err) {
    s->done = done;
    s->user = user;
    for (size_t i = 0; i < s->server_count; i++)
        start_walk(s, i);
    if (s->open == 0 && s->error)
        return mr_fail(err, s->error, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET,
                       "nothing could be asked: %s", mr_result_text(s->error));
    if (s->open == 0)
        mr_timer_set(&s->timer, 0);
    return 0;
}

void mr_dns_survey_free(mr_dns_survey *s) {
    if (!s)
        return;
    mr_timer_deinit(&s->timer);
    for (size_t i = 0; i < s->query_count; i++)
        mr_dns_query_deinit(&s->queries[i]->dns);
    s->query_count = 0;
}

const mr_dns_survey_server *mr_dns_survey_get_server(const mr_dns_survey *s, size_t i) {
    return i < s->server_count ? &s->servers[i] : NULL;
}

const mr_dns_survey_candidate *mr_dns_survey_get_candidate(const mr_dns_survey *s, size_t i) {
    return i < s->candidate_count ? &s->candidates[i] : NULL;
}

const mr_dns_survey_query *mr_dns_survey_get_query(const mr_dns_survey *s, size_t i) {
    return i < s->query_count ? s->queries[i] : NULL;
}

const mr_hosts_entry *mr_dns_survey_get_hosts(const mr_dns_survey *s, size_t i) {
    return i < s->hosts_count ? &s->hosts[i] : NULL;
}

const mr_dns_survey_query *mr_dns_survey_find_query(const mr_dns_survey *s, size_t server,
                                                    size_t candidate, uint16_t type) {
    for (size_t i = 0; i < s->query_count; i++)
        if (s->queries[i]->role == MR_DNS_SURVEY_ASKED && s->queries[i]->server == server &&
            s->queries[i]->candidate == candidate && s->queries[i]->type == type)
            return s->queries[i];
    return NULL;
}

const uint16_t *mr_dns_survey_get_types(const mr_dns_survey *s, size_t *countp) {
    *countp = s->type_count;
    return s->types;
}

const mr_dns_config *mr_dns_survey_get_config(const mr_dns_survey *s) {
    return s->config;
}

const char *mr_dns_survey_get_sources(const mr_dns_survey *s) {
    return s->has_sources ? s->sources : NULL;
}

bool mr_dns_survey_hosts_late(const mr_dns_survey *s) {
    return s->hosts_late;
}

const mr_addr *mr_dns_survey_get_literal(const mr_dns_survey *s) {
    return s->is_literal ? &s->literal : NULL;
}

const char *mr_dns_survey_get_zone(const mr_dns_survey *s) {
    return s->zone;
}

bool mr_dns_survey_is_cut(const mr_dns_survey *s) {
    return s->cut;
}
