/*
 * msrpc name, DNS: the survey of a name (msrpc/probe/dns_survey.h) as a part of the command. What
 * is no name is refused here, with its place; the screen is name_dns_show.c.
 */
#include "name_dns.h"

#include <ctype.h>

/* ---- names that are none ---- */

static int refuse_at(app *a, const char *name, size_t at, const char *why) {
    bool is_long = strlen(name) > 60;

    return app_refuse(a, APP_USAGE, "%s%s: octet %zu: %s",
                      app_safe(a, mr_slice_of((const uint8_t *)name, is_long ? 60 : strlen(name))),
                      is_long ? "..." : "", at + 1, why);
}

/* What stands in the way before DNS rules are looked at: octets that come from pasted text. */
static const char *odd_octet(unsigned char c) {
    if (c >= 0x80)
        return "an octet that is not ASCII (an international name is written as DNS has it, "
               "xn--..., RFC 3492; other octets as \\DDD)";
    if (c <= ' ' || c == 0x7f)
        return c == ' ' ? "a space" : "a control character";
    if (c == '/')
        return "a slash (a name is wanted, no URL and no path)";
    if (c == ':')
        return "a colon (a name is wanted without a port)";
    if (c == '@')
        return "an at sign (a name is wanted without an account)";
    return NULL;
}

static int check(app *a, const struct name_options *o, const char *name, const char **subjectp) {
    mr_error err = MR_ERROR_INIT;
    mr_addr literal;
    uint16_t type;

    (void)subjectp;
    if (o->types.count > MR_DNS_SURVEY_TYPES)
        return app_refuse(a, APP_USAGE, "--type: more than %d types", MR_DNS_SURVEY_TYPES);
    bool is_literal = mr_addr_decode(mr_slice_str(name), 0, &literal) == 0;
    for (uint32_t i = 0; i < o->types.count; i++) {
        if (mr_dns_type_decode(o->types.items[i], &type) != 0)
            return app_refuse(a, APP_USAGE, "--type %.*s: a record type is wanted, such as A, "
                              "AAAA, SRV, SOA or TYPE65", (int)o->types.items[i].len,
                              (const char *)o->types.items[i].data);
        if (is_literal && type != MR_DNS_PTR)
            return app_refuse(a, APP_USAGE, "%s is an address: it has PTR records only", name);
    }
    for (const char *at = name; *at && !is_literal; at++)
        if (odd_octet((unsigned char)*at))
            return refuse_at(a, name, (size_t)(at - name), odd_octet((unsigned char)*at));
    if (!is_literal && mr_dns_check_name(name, &err) != 0)
        return *name ? refuse_at(a, name, err.offset, err.text)
                     : app_refuse(a, APP_USAGE, "an empty name");
    return 0;
}

/* ---- the part ---- */

/* "NAME#1C" and "NAME<1C>" are how NetBIOS names are written: nothing that DNS knows. */
static bool is_netbios(const char *name) {
    size_t at = strcspn(name, "#<");

    return name[at] && isxdigit((unsigned char)name[at + 1]) &&
           isxdigit((unsigned char)name[at + 2]) &&
           strcmp(name + at + 3, name[at] == '<' ? ">" : "") == 0;
}

static void on_done(void *user) {
    name_part_over(user);
}

static int start(struct name_run *run) {
    const struct name_options *o = run->o;
    const struct app_settings *set = &run->a->set;
    struct name_dns *d = MR_ARENA_NEW(&run->arena, struct name_dns);
    uint16_t types[MR_DNS_SURVEY_TYPES];
    mr_error err = MR_ERROR_INIT;
    mr_dns_survey_options options = {
        .name = run->name,
        .family = run->family,
        .servers = run->servers,
        .server_count = run->server_count,
        .no_system = o->no_system,
        .types = types,
        .authoritative = o->authoritative || set->verbose,
        .timeout = set->timeout,
        .tries = name_tries(run->a),
    };

    if (is_netbios(run->name))
        return 0;
    if (!d)
        return app_refuse(run->a, APP_BUG, "out of memory");
    d->run = run;
    for (; options.type_count < o->types.count; options.type_count++)
        mr_dns_type_decode(o->types.items[options.type_count], &types[options.type_count]);
    int r = mr_dns_survey_new(&run->s.resolver, &run->arena, &options, &d->survey, &err);
    if (r == 0) {
        run->dns = d;
        r = mr_dns_survey_start(d->survey, on_done, run, &err);
    }
    return name_part_began(run, r, &err);
}

static bool from(struct name_run *run, mr_addr *localp) {
    struct name_dns *d = run->dns;
    const mr_dns_survey_server *first = d ? mr_dns_survey_get_server(d->survey, 0) : NULL;

    return first && mr_addr_find_source(&first->addr, localp) == 0;
}

static void conclude(struct name_run *run) {
    struct name_dns *d = run->dns;

    if (d && mr_dns_survey_add_facts(d->survey, &run->diag) != 0)
        run->code = app_refuse(run->a, APP_BUG, "%s: not everything could be asked: out of memory "
                               "or of descriptors", run->name);
}

static void free_dns(struct name_run *run) {
    struct name_dns *d = run->dns;

    if (d)
        mr_dns_survey_free(d->survey);
}

/* ---- JSON ---- */

static const char *origin_name(enum mr_dns_survey_origin origin) {
    switch (origin) {
    case MR_DNS_SURVEY_SYSTEM: return "system";
    case MR_DNS_SURVEY_GIVEN: return "given";
    case MR_DNS_SURVEY_ZONE: return "zone";
    }
    return "";
}

static const char *role_name(enum mr_dns_survey_role role) {
    switch (role) {
    case MR_DNS_SURVEY_ASKED: return "name";
    case MR_DNS_SURVEY_REVERSE: return "reverse";
    case MR_DNS_SURVEY_FORWARD: return "forward";
    case MR_DNS_SURVEY_OF_ZONE: return "zone";
    }
    return "";
}

static void json_servers(const mr_dns_survey *s, mr_writer *w) {
    const mr_dns_survey_server *server;

    mr_writer_open(w, "servers", MR_SHAPE_ARRAY);
    for (size_t i = 0; (server = mr_dns_survey_get_server(s, i)) != NULL; i++) {
        const mr_dns_survey_candidate *c = mr_dns_survey_get_candidate(s, server->settled);
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "address", server->text);
        mr_writer_str(w, "origin", origin_name(server->origin));
        mr_writer_str(w, "host", server->host);
        mr_writer_str(w, "settled", c ? c->name : NULL);
        if (server->has_serial)
            mr_writer_uint(w, "serial", server->serial);
        else
            mr_writer_null(w, "serial");
        mr_writer_bool(w, "lame", server->lame);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static void json_context(const mr_dns_survey *s, mr_writer *w) {
    const mr_dns_config *config = mr_dns_survey_get_config(s);
    const mr_dns_survey_candidate *c;
    const mr_hosts_entry *entry;
    char text[MR_ADDR_TEXT];

    mr_writer_open(w, "search", MR_SHAPE_OBJECT);
    mr_writer_open(w, "domains", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < config->search_count; i++)
        mr_writer_str(w, NULL, config->search[i]);
    mr_writer_close(w);
    mr_writer_uint(w, "ndots", config->ndots);
    mr_writer_close(w);
    mr_writer_str(w, "sources", mr_dns_survey_get_sources(s));
    mr_writer_open(w, "hosts", MR_SHAPE_ARRAY);
    for (size_t i = 0; (entry = mr_dns_survey_get_hosts(s, i)) != NULL; i++) {
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_uint(w, "line", entry->line);
        mr_writer_str(w, "address", mr_addr_text(&entry->addr, text));
        mr_writer_close(w);
    }
    mr_writer_close(w);
    mr_writer_open(w, "candidates", MR_SHAPE_ARRAY);
    for (size_t i = 0; (c = mr_dns_survey_get_candidate(s, i)) != NULL; i++) {
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "name", c->name);
        mr_writer_bool(w, "searched", c->searched);
        mr_writer_bool(w, "asked", c->asked);
        mr_writer_close(w);
    }
    mr_writer_close(w);
    mr_writer_str(w, "zone", mr_dns_survey_get_zone(s));
}

static void json_records(struct name_run *run, const mr_dns_survey *s, const mr_dns_survey_query *q,
                         mr_writer *w) {
    const mr_dns_message *m = q->answer ? q->answer->message : NULL;
    char type[16];

    mr_writer_open(w, "records", MR_SHAPE_ARRAY);
    for (size_t i = 0; m && i < m->answer_count; i++) {
        const mr_dns_record *record = &m->answers[i];
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "name", record->name);
        mr_writer_str(w, "type", mr_dns_type_name(record->type, type));
        mr_writer_uint(w, "ttl", record->ttl);
        mr_writer_str(w, "data", mr_dns_survey_record_text(record, &run->arena));
        mr_writer_bool(w, "agreed", record->type != q->type ||
                                        mr_dns_survey_is_agreed(s, q, record));
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static void json_query(struct name_run *run, const mr_dns_survey *s, const mr_dns_survey_query *q,
                       mr_writer *w) {
    const mr_dns_answer *answer = q->answer;
    const mr_dns_message *m = answer ? answer->message : NULL;
    char text[MR_ADDR_TEXT];

    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "name", q->name);
    mr_writer_str(w, "type", mr_dns_type_name(q->type, text));
    mr_writer_str(w, "server", mr_dns_survey_get_server(s, q->server)->text);
    mr_writer_str(w, "purpose", role_name(q->role));
    mr_writer_str(w, "outcome", answer ? mr_dns_outcome_name(answer->outcome) : NULL);
    mr_writer_str(w, "rcode", m ? mr_dns_rcode_name(m->rcode, text) : NULL);
    if (answer) {
        mr_writer_real(w, "ms", (double)answer->elapsed / MR_MSEC);
        mr_writer_uint(w, "tries", answer->sent);
        mr_writer_bool(w, "tcp", answer->tcp);
    }
    if (m) {
        mr_writer_bool(w, "authoritative", m->authoritative);
        mr_writer_bool(w, "recursion_available", m->recursion_available);
    }
    if (answer && answer->icmp.present) {
        mr_writer_str(w, "icmp", mr_icmp_text(&answer->icmp));
        mr_writer_str(w, "icmp_sender", mr_addr_text(&answer->icmp.sender, text));
    }
    json_records(run, s, q, w);
    mr_writer_close(w);
}

static void json(struct name_run *run, mr_writer *w) {
    struct name_dns *d = run->dns;
    const mr_dns_survey_query *q;

    if (!d)
        return;
    json_context(d->survey, w);
    json_servers(d->survey, w);
    mr_writer_open(w, "queries", MR_SHAPE_ARRAY);
    for (size_t i = 0; (q = mr_dns_survey_get_query(d->survey, i)) != NULL; i++)
        json_query(run, d->survey, q, w);
    mr_writer_close(w);
}

const struct name_part name_part_dns = {
    .beside = true,
    .check = check,
    .start = start,
    .from = from,
    .conclude = conclude,
    .show = name_dns_show,
    .json = json,
    .free = free_dns,
};
