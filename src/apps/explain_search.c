/* msrpc explain --search: codes, events, ports, interfaces, operations, findings, checks and
 * sentences by the meaning of words. */
#include "explain.h"

#include <msrpc/diag/search.h>
#include <msrpc/probe.h>

#include "report.h"

#define SHOWN 10

enum kind { FINDING, CODE, INTERFACE, PORT, EVENT, SENTENCE, OPERATION, CHECK };

/* What a hit is about, in the arena. */
struct entry {
    enum kind kind;
    const char *id;   /* what msrpc explain takes */
    const char *name;
    const char *text;
};

struct hunt {
    app *a;
    mr_search search;
    bool scoring; /* the second pass */
};

static const char *kind_text(enum kind kind) {
    switch (kind) {
    case FINDING: return "finding";
    case CODE: return "code";
    case INTERFACE: return "interface";
    case PORT: return "port";
    case EVENT: return "event";
    case SENTENCE: return "sentence";
    case OPERATION: return "operation";
    case CHECK: return "check";
    }
    return "";
}

/* Offers a document; @row finds it again when it is among the best. */
static void offer(struct hunt *h, enum kind kind, unsigned weight, const void *row,
                  const char *const fields[MR_SEARCH_FIELDS]) {
    mr_search_doc doc = {.weight = weight, .kind = (unsigned)kind, .user = row};

    for (size_t i = 0, n = 0; i < MR_SEARCH_FIELDS; i++)
        if (fields[i] && *fields[i])
            doc.fields[n++] = fields[i];
    if (h->scoring)
        mr_search_add(&h->search, &doc);
    else
        mr_search_count(&h->search, &doc);
}

static void offer_codes(struct hunt *h) {
    size_t count;
    const mr_code_info *codes = mr_code_all(&count);

    for (size_t i = 0; i < count; i++) {
        const mr_code_info *c = &codes[i];
        unsigned weight = (*mr_code_meaning(c) ? 130 : 90) - (c->space != MR_SPACE_WIN32) * 10;
        offer(h, CODE, weight, c,
              (const char *const[]){mr_code_symbol(c), mr_code_shown(c), mr_code_text(c),
                                    mr_code_meaning(c)});
    }
}

static void offer_events(struct hunt *h) {
    size_t count;
    const mr_winevent_info *events = mr_winevent_all(&count);

    for (size_t i = 0; i < count; i++)
        offer(h, EVENT, 70, &events[i],
              (const char *const[]){mr_winevent_source(&events[i]), mr_winevent_text(&events[i]),
                                    mr_winevent_try(&events[i]), ""});
}

static void offer_ports(struct hunt *h) {
    size_t count;
    const mr_port_info *ports = mr_port_all(&count);
    char name[160];

    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s port %u", mr_port_name(&ports[i]), ports[i].first);
        offer(h, PORT, ports[i].first == ports[i].last ? 130 : 90, &ports[i],
              (const char *const[]){name, mr_port_service(&ports[i]), mr_port_use(&ports[i]),
                                    mr_port_note(&ports[i])});
    }
}

/* What the best known interfaces serve, which their short names do not say. */
static const char *purpose(const char *name) {
    static const struct {
        char name[12], text[60];
    } rows[] = {
        {"BackupKey", "data protection backup keys"},
        {"atsvc", "at jobs, task scheduler"},
        {"dnsserver", "management of a DNS server"},
        {"drsuapi", "directory replication"},
        {"dssetup", "role of a machine in its domain"},
        {"epmapper", "endpoint mapper"},
        {"eventlog", "event log"},
        {"initshutdown", "shutdown and restart"},
        {"lsarpc", "security policy, SIDs, trusts, rights"},
        {"mgmt", "management of an RPC server, its interfaces"},
        {"netdfs", "DFS namespaces"},
        {"netlogon", "secure channel, logons, domain controllers"},
        {"samr", "users, groups, accounts, password policy"},
        {"spoolss", "printing, print spooler"},
        {"srvsvc", "shares, sessions, open files"},
        {"svcctl", "service control manager"},
        {"winreg", "remote registry"},
        {"wkssvc", "workstation service, domain membership"},
    };
    for (size_t i = 0; i < MR_COUNT(rows); i++)
        if (!strcmp(rows[i].name, name))
            return rows[i].text;
    return "";
}

static void offer_ifaces(struct hunt *h) {
    size_t count;
    uint16_t opnum;
    const mr_iface_name *names = mr_name_all(&count);

    for (size_t i = 0; i < count; i++) {
        const mr_iface_name *n = &names[i];
        const char *use = purpose(mr_name_text(n));
        char about[240];
        snprintf(about, sizeof about, "%s %s, interface", mr_name_doc(n), mr_name_exposure(n));
        offer(h, INTERFACE, *use ? 140 : 90, n,
              (const char *const[]){mr_name_text(n), use, mr_name_service(n), about});
        for (size_t op = 0; op < mr_op_count(n); op++) {
            const char *name = mr_op_get(n, op, &opnum);
            offer(h, OPERATION, 80, name, (const char *const[]){name, "", "", ""});
        }
    }
}

static void offer_diag(struct hunt *h) {
    const mr_rule *rule;
    const mr_probe_check *check;
    size_t count;
    const mr_phrase *rows = mr_phrase_all(&count);

    for (size_t i = 0; (rule = mr_rule_get(i)) != NULL; i++)
        offer(h, FINDING, 140, rule,
              (const char *const[]){mr_text_get(rule->id), mr_text_get(rule->summary),
                                    mr_text_get(rule->cause), ""});
    for (size_t i = 0; (check = mr_probe_check_at(i)) != NULL; i++)
        offer(h, CHECK, 90, check,
              (const char *const[]){mr_probe_check_id(check), mr_probe_check_line(check), "", ""});
    for (size_t i = 0; i < count; i++)
        if (rows[i].kind != MR_PHRASE_MARK && rows[i].kind != MR_PHRASE_GOOD)
            offer(h, SENTENCE, 60, &rows[i],
                  (const char *const[]){mr_phrase_pattern(&rows[i]), mr_phrase_meaning(&rows[i]),
                                        "", ""});
}

static void offer_all(struct hunt *h) {
    offer_diag(h);
    offer_codes(h);
    offer_ifaces(h);
    offer_ports(h);
    offer_events(h);
}

/* ---- hits ---- */

static const char *fmt(app *a, const char *text) {
    return text ? text : (app_refuse(a, APP_MISSING, "out of memory"), "");
}

/* The interface whose table holds the name of an operation at that very address. */
static const mr_iface_name *operation_of(const char *op, uint16_t *opnump) {
    size_t count;
    const mr_iface_name *names = mr_name_all(&count);

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < mr_op_count(&names[i]); k++)
            if (mr_op_get(&names[i], k, opnump) == op)
                return &names[i];
    return NULL;
}

/* A pattern as a person reads it: without wildcards. */
static const char *readable(app *a, const char *pattern) {
    char *out = mr_arena_add_str(&a->arena, mr_slice_str(pattern + strspn(pattern, "<")));
    for (char *p = out; p && *p; p++) {
        if (*p == '%' && p[1]) {
            *p = '.';
            p[1] = '.';
        } else if (*p == '+' || *p == '*' || *p == '~') {
            *p = *p == '~' ? ' ' : '.';
        }
    }
    return fmt(a, out);
}

static struct entry code_entry(app *a, const mr_code_info *c) {
    const char *text = *mr_code_shown(c) ? mr_code_shown(c) : mr_code_text(c);
    return (struct entry){CODE,
                          fmt(a, mr_arena_add_fmt(&a->arena, c->value < 65536 ? "%s:%u" : "%s:0x%x",
                                                  mr_code_space_name(c->space), c->value)),
                          mr_code_symbol(c), text};
}

static struct entry entry_of(app *a, const mr_search_hit *hit) {
    const void *row = hit->user;
    uint16_t opnum = 0;

    switch ((enum kind)hit->kind) {
    case FINDING:
        return (struct entry){FINDING, mr_text_get(((const mr_rule *)row)->id), "",
                              mr_text_get(((const mr_rule *)row)->summary)};
    case CODE:
        return code_entry(a, row);
    case INTERFACE: {
        const mr_iface_name *n = row;
        char *uuid = mr_arena_get(&a->arena, MR_UUID_TEXT, 1);
        const char *id = mr_name_is_known(n) ? mr_name_text(n)
                         : uuid ? mr_uuid_text(&n->uuid, uuid) : "";
        return (struct entry){INTERFACE, id, mr_name_service(n), mr_name_exposure(n)};
    }
    case PORT: {
        const mr_port_info *p = row;
        const char *over = p->protocols == MR_PORT_UDP ? "udp" : p->protocols == MR_PORT_TCP
                                                                       ? "tcp" : "port";
        return (struct entry){PORT,
                              fmt(a, mr_arena_add_fmt(&a->arena, "%s/%u", over, p->first)),
                              mr_port_name(p), mr_port_use(p)};
    }
    case EVENT: {
        const mr_winevent_info *v = row;
        return (struct entry){EVENT, fmt(a, mr_arena_add_fmt(&a->arena, "event:%u", v->id)),
                              mr_winevent_source(v), mr_winevent_text(v)};
    }
    case SENTENCE:
        return (struct entry){SENTENCE, readable(a, mr_phrase_pattern(row)), "",
                              mr_phrase_meaning(row)};
    case OPERATION: {
        const mr_iface_name *n = operation_of(row, &opnum);
        return (struct entry){OPERATION,
                              fmt(a, mr_arena_add_fmt(&a->arena, "%s.%s",
                                                      n ? mr_name_text(n) : "", (const char *)row)),
                              "", n ? mr_name_exposure(n) : ""};
    }
    case CHECK:
        return (struct entry){CHECK, mr_probe_check_id(row), "", mr_probe_check_line(row)};
    }
    return (struct entry){0};
}

static void show_hit(app *a, const struct entry *entry) {
    fprintf(a->out, "%-10s %s%s%s%s%s\n", kind_text(entry->kind), app_style(a, APP_BOLD), entry->id,
            app_style(a, APP_PLAIN), *entry->name ? "  " : "", entry->name);
    if (entry->text && *entry->text)
        app_wrap(a->out, "           ", 11, entry->text);
}

static void hit_json(mr_writer *w, const struct entry *entry, const mr_search_hit *hit) {
    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "kind", kind_text(entry->kind));
    mr_writer_str(w, "id", entry->id);
    mr_writer_str(w, "name", entry->name);
    mr_writer_str(w, "text", entry->text);
    mr_writer_uint(w, "score", hit->score > UINT32_MAX ? UINT32_MAX : (uint32_t)hit->score);
    mr_writer_close(w);
}

int explain_search(app *a, const char *words) {
    bool as_json = a->set.json || a->set.jsonl;
    struct hunt h = {.a = a};
    const mr_search_hit *hit;
    size_t most = a->set.verbose ? MR_SEARCH_HITS : SHOWN;
    mr_writer w;

    if (mr_search_init(&h.search, words))
        return app_refuse(a, APP_USAGE, "--search: there is no word in \"%s\"", words);
    offer_all(&h);
    h.scoring = true;
    offer_all(&h);
    int code = mr_search_get(&h.search, 0) ? APP_OK : APP_USAGE;
    if (as_json) {
        app_report_open(a, &w);
        mr_writer_str(&w, "search", words);
        mr_writer_open(&w, "hits", MR_SHAPE_ARRAY);
    }
    for (size_t i = 0; i < most && (hit = mr_search_get(&h.search, i)) != NULL; i++) {
        struct entry entry = entry_of(a, hit);
        if (as_json)
            hit_json(&w, &entry, hit);
        else
            show_hit(a, &entry);
    }
    if (code == APP_USAGE && !as_json)
        app_refuse(a, code, "nothing is known of \"%s\"", words);
    if (!as_json)
        return code;
    mr_writer_close(&w);
    return app_report_close(a, &w, code);
}
