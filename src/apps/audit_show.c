/*
 * The screen and the JSON of msrpc audit. A category a block; a fact that leaks has a line with
 * what it told, what was refused or not reached is gathered by its reason. [x] is what leaks, [ok]
 * what is denied.
 */
#include "audit.h"

#include "findings.h"

#define ITEMS_SHOWN 10
#define VALUES_COLUMN 17

static enum app_mark state_mark(enum mr_audit_state state) {
    switch (state) {
    case MR_AUDIT_LEAKS: return APP_MARK_FAIL;
    case MR_AUDIT_DENIED: return APP_MARK_OK;
    case MR_AUDIT_NOT_REACHABLE:
    case MR_AUDIT_UNKNOWN: return APP_MARK_SKIP;
    }
    return APP_MARK_SKIP;
}

/* ---- text ---- */

/* One line of a block: the head on the first, blanks on the others. */
static void line(app *a, const char *head, bool *headp, enum app_mark mark, const char *text) {
    char first[64];

    snprintf(first, sizeof first, " %-10s %s ", *headp ? "" : head, app_mark(a, mark));
    *headp = true;
    app_wrap(a->out, first, VALUES_COLUMN, text);
}

static void line_buf(app *a, const char *head, bool *headp, enum app_mark mark, mr_buf *buf) {
    const char *text = mr_arena_add_str(&a->arena, mr_buf_slice(buf));

    line(a, head, headp, mark, text ? text : "out of memory");
    mr_buf_deinit(buf);
}

/* What a peer sent, made safe for a terminal and of any length. */
static void say_safe(app *a, mr_buf *buf, const char *text) {
    mr_buf_write(buf, mr_slice_str(app_safe(a, mr_slice_str(text))));
}

static void say_span(mr_buf *buf, uint64_t seconds) {
    static const struct { uint64_t s; const char *name; } units[] = {
        {86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    bool first = true;

    if (seconds == MR_AUDIT_NEVER || seconds == 0) {
        mr_buf_write_str(buf, seconds ? "never" : "none");
        return;
    }
    for (size_t i = 0; i < MR_COUNT(units); i++) {
        uint64_t n = seconds / units[i].s;
        seconds %= units[i].s;
        if (n) {
            mr_buf_write_fmt(buf, "%s%llu %s%s", first ? "" : " ", (unsigned long long)n,
                             units[i].name, n == 1 ? "" : "s");
            first = false;
        }
    }
}

static void say_values(app *a, mr_buf *buf, const mr_audit_fact *fact) {
    for (size_t i = 0; i < fact->value_count; i++) {
        const mr_audit_value *v = &fact->values[i];
        mr_buf_write_fmt(buf, "%s%s ", i ? ", " : "", v->title);
        switch (v->kind) {
        case MR_AUDIT_TEXT:
            say_safe(a, buf, v->text);
            break;
        case MR_AUDIT_NUMBER:
            mr_buf_write_fmt(buf, "%llu", (unsigned long long)v->number);
            break;
        case MR_AUDIT_LIMIT:
            if (v->number)
                mr_buf_write_fmt(buf, "%llu", (unsigned long long)v->number);
            else
                mr_buf_write_str(buf, "without limit");
            break;
        case MR_AUDIT_SECONDS:
            say_span(buf, v->number);
            break;
        }
    }
}

/* What account control bits are worth telling (MS-SAMR 2.2.1.12). */
static void say_flags(mr_buf *buf, uint32_t flags) {
    static const struct { uint32_t bit; const char *word; } words[] = {
        {0x00000001, "disabled"}, {0x00000004, "no password needed"},
        {0x00000200, "password never expires"}, {0x00000400, "locked out"},
        {0x00010000, "no pre-authentication"}};

    for (size_t i = 0; i < MR_COUNT(words); i++)
        if (flags & words[i].bit)
            mr_buf_write_fmt(buf, ", %s", words[i].word);
}

static void say_item(app *a, mr_buf *buf, const mr_audit_item *item, bool descriptions) {
    const char *name = item->name ? item->name : item->sid ? item->sid : NULL;

    if (item->domain) {
        say_safe(a, buf, item->domain);
        mr_buf_write_str(buf, "\\");
    }
    if (name)
        say_safe(a, buf, name);
    else
        mr_buf_write_fmt(buf, "RID %u", item->rid);
    if (a->set.verbose && name && (item->has_rid || (item->sid && item->name))) {
        mr_buf_write_str(buf, " (");
        if (item->has_rid)
            mr_buf_write_fmt(buf, "%u", item->rid);
        else
            say_safe(a, buf, item->sid);
        if (item->has_flags)
            say_flags(buf, item->flags);
        mr_buf_write_str(buf, ")");
    }
    if (item->full_name) {
        mr_buf_write_str(buf, " \"");
        say_safe(a, buf, item->full_name);
        mr_buf_write_str(buf, "\"");
    }
    if (item->description && descriptions) {
        mr_buf_write_str(buf, " [");
        say_safe(a, buf, item->description);
        mr_buf_write_str(buf, "]");
    }
}

static void say_items(const struct audit_run *run, mr_buf *buf, const mr_audit_fact *fact) {
    app *a = run->s->a;
    size_t most = a->set.verbose ? fact->item_count : ITEMS_SHOWN, masked = 0;
    const char *of = NULL;

    for (size_t i = 0; i < fact->item_count; i++) {
        const mr_audit_item *item = &fact->items[i];
        masked += item->description != NULL;
        if (i >= most)
            continue;
        bool same = item->of && of && strcmp(item->of, of) == 0;
        mr_buf_write_str(buf, i == 0 ? "" : item->of && !same ? "; " : ", ");
        if (item->of && !same) {
            say_safe(a, buf, item->of);
            mr_buf_write_str(buf, ": ");
        }
        of = item->of;
        say_item(a, buf, item, run->o->show_descriptions);
    }
    if (fact->item_count > most)
        mr_buf_write_fmt(buf, " and %zu more (-v)", fact->item_count - most);
    if (fact->cut)
        mr_buf_write_str(buf, "; the list goes on");
    if (masked && !run->o->show_descriptions)
        mr_buf_write_fmt(buf, "; %zu description%s masked (--show-descriptions)", masked,
                         masked == 1 ? "" : "s");
}

static void show_leak(const struct audit_run *run, const mr_audit_fact *fact, const char *head,
                      bool *headp) {
    app *a = run->s->a;
    mr_buf buf;

    mr_buf_init(&buf, NULL, 0, 16 << 20);
    mr_buf_write_str(&buf, fact->title);
    if (fact->item_count)
        mr_buf_write_fmt(&buf, " (%zu)", fact->item_count);
    mr_buf_write_str(&buf, ": ");
    say_values(a, &buf, fact);
    if (fact->value_count && fact->item_count)
        mr_buf_write_str(&buf, "; ");
    say_items(run, &buf, fact);
    if (!fact->value_count && !fact->item_count)
        mr_buf_write_str(&buf, "answered, none");
    if (a->set.verbose)
        mr_buf_write_fmt(&buf, "  (%s: %s)", fact->id, fact->chain);
    line_buf(a, head, headp, APP_MARK_FAIL, &buf);
}

static void say_why(app *a, mr_buf *buf, const mr_audit_outcome *o) {
    mr_buf_write_str(buf, mr_audit_state_name(o->state));
    if (o->state != MR_AUDIT_UNKNOWN || o->call)
        mr_buf_write_fmt(buf, " at %s", mr_audit_rung_name(o->rung));
    if (o->call)
        mr_buf_write_fmt(buf, ", %s", o->call);
    if (o->why)
        mr_buf_write_fmt(buf, " (%s)", app_safe(a, mr_slice_str(o->why)));
}

static bool same_end(const mr_audit_outcome *a, const mr_audit_outcome *b) {
    return a->state == b->state && a->rung == b->rung && (a->call == b->call) &&
           (a->why == b->why || (a->why && b->why && strcmp(a->why, b->why) == 0));
}

/* The facts of the category that ended as the one at @first did, once. */
static void show_ended(const struct audit_run *run, size_t first, const char *head, bool *headp) {
    const mr_audit *audit = run->audit;
    const mr_audit_fact *leader = &audit->facts[first];
    app *a = run->s->a;
    bool any = false;
    mr_buf buf;

    for (size_t i = 0; i < first; i++)
        if (audit->facts[i].category == leader->category &&
            same_end(&audit->facts[i].outcome, &leader->outcome))
            return;
    mr_buf_init(&buf, NULL, 0, 64 << 10);
    for (size_t i = first; i < audit->fact_count; i++) {
        if (audit->facts[i].category != leader->category ||
            !same_end(&audit->facts[i].outcome, &leader->outcome))
            continue;
        mr_buf_write_fmt(&buf, "%s%s", any ? "; " : "", audit->facts[i].title);
        any = true;
    }
    mr_buf_write_str(&buf, ": ");
    mr_audit_outcome end = leader->outcome;
    if (end.state == MR_AUDIT_UNKNOWN && end.rung == MR_AUDIT_MAP &&
        same_end(&end, &audit->gates[leader->door].outcome))
        end.why = NULL; /* it stands under RUNGS */
    say_why(a, &buf, &end);
    line_buf(a, head, headp, state_mark(leader->outcome.state), &buf);
}

static void show_category(const struct audit_run *run, enum mr_audit_category category) {
    const mr_audit *audit = run->audit;
    char head[16];
    bool shown = false;

    snprintf(head, sizeof head, "%s", mr_audit_category_name(category));
    for (char *p = head; *p; p++)
        *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
    if (category == MR_AUDIT_TRANSLATION)
        snprintf(head, sizeof head, "TRANSLATE");
    for (size_t i = 0; i < audit->fact_count; i++)
        if (audit->facts[i].category == category &&
            audit->facts[i].outcome.state == MR_AUDIT_LEAKS)
            show_leak(run, &audit->facts[i], head, &shown);
    for (size_t i = 0; i < audit->fact_count; i++)
        if (audit->facts[i].category == category &&
            audit->facts[i].outcome.state != MR_AUDIT_LEAKS)
            show_ended(run, i, head, &shown);
}

static void show_doors(const struct audit_run *run) {
    bool shown = false;

    for (size_t d = 0; d < MR_AUDIT_DOORS; d++) {
        const mr_audit_gate *gate = &run->audit->gates[d];
        char port[8] = "";
        mr_buf buf;
        if (gate->port)
            snprintf(port, sizeof port, "%u", gate->port);
        mr_buf_init(&buf, NULL, 0, 4096);
        mr_buf_write_fmt(&buf, "%-9s %-5s ", gate->name, port);
        if (gate->outcome.state == MR_AUDIT_LEAKS)
            mr_buf_write_str(&buf, "answers strangers");
        else
            say_why(run->s->a, &buf, &gate->outcome);
        line_buf(run->s->a, "RUNGS", &shown, state_mark(gate->outcome.state), &buf);
    }
}

static const char *hardening_word(enum mr_status status) {
    return status == MR_STATUS_FAIL || status == MR_STATUS_WARN ? "open to strangers"
           : status == MR_STATUS_PASS ? "closed to strangers" : "unknown";
}

static enum app_mark hardening_mark(enum mr_status status) {
    return status == MR_STATUS_FAIL ? APP_MARK_FAIL
           : status == MR_STATUS_WARN ? APP_MARK_WARN
           : status == MR_STATUS_PASS ? APP_MARK_OK : APP_MARK_SKIP;
}

static void show_hardening(const struct audit_run *run) {
    app *a = run->s->a;
    bool shown = false;

    for (size_t i = 0; i < run->audit->hardening_count; i++) {
        const mr_audit_hardening *h = &run->audit->hardening[i];
        mr_buf buf;
        if (h->status == MR_STATUS_UNKNOWN && !a->set.verbose)
            continue;
        mr_buf_init(&buf, NULL, 0, 4096);
        mr_buf_write_fmt(&buf, "%s: %s", h->title, hardening_word(h->status));
        if (a->set.verbose)
            mr_buf_write_fmt(&buf, "; %s, wanted: %s", h->setting, h->wanted);
        line_buf(a, "HARDENING", &shown, hardening_mark(h->status), &buf);
    }
}

static void show_verdict(const struct audit_run *run) {
    app *a = run->s->a;
    const mr_finding *worst = audit_finding(&run->diag), *finding;
    size_t unknown = mr_audit_count(run->audit, MR_AUDIT_UNKNOWN);

    fprintf(a->out, "\n %sVERDICT%s  ", app_style(a, APP_BOLD), app_style(a, APP_PLAIN));
    if (worst)
        fprintf(a->out, "%s  (%s)\n", worst->summary, worst->id);
    else if (run->code >= APP_INCOMPLETE)
        fputs("incomplete: what was asked told nothing\n", a->out);
    else if (unknown && run->audit->gates[MR_AUDIT_EPM].outcome.state == MR_AUDIT_DENIED)
        fprintf(a->out, "the endpoint mapper refuses strangers; %zu question%s stay open\n",
                unknown, unknown == 1 ? "" : "s");
    else if (!unknown)
        fputs("no account, policy or domain is told to strangers over TCP\n", a->out);
    else
        fprintf(a->out, "no leak was seen, but %zu question%s stayed open\n", unknown,
                unknown == 1 ? "" : "s");
    if (worst)
        app_finding_show(a, worst);
    bool first = true;
    for (size_t i = 0; (finding = mr_diag_get_finding(&run->diag, i)) != NULL; i++) {
        if (finding == worst || finding->explained_by)
            continue;
        fprintf(a->out, "%s %s %s  (%s)\n", first || a->set.verbose ? "\n" : "",
                app_mark(a, app_finding_mark(finding)), finding->summary, finding->id);
        first = false;
        if (a->set.verbose)
            app_finding_show(a, finding);
    }
    if (!first && !a->set.verbose)
        fputs("          (-v tells their causes and remedies)\n", a->out);
}

void audit_show(const struct audit_run *run) {
    app *a = run->s->a;
    const mr_audit *audit = run->audit;
    char left[200], right[160], address[MR_ADDR_TEXT] = "here";

    if (audit->local.family)
        mr_addr_text(&audit->local, address);
    const mr_finding *worst = audit_finding(&run->diag);
    if (a->set.quiet) {
        fprintf(a->out, "%s: %zu leak, %zu denied, %zu not reachable, %zu unknown%s%s\n",
                run->target->host, mr_audit_count(audit, MR_AUDIT_LEAKS),
                mr_audit_count(audit, MR_AUDIT_DENIED),
                mr_audit_count(audit, MR_AUDIT_NOT_REACHABLE),
                mr_audit_count(audit, MR_AUDIT_UNKNOWN), worst ? " " : "",
                worst ? worst->id : "");
        return;
    }
    snprintf(left, sizeof left, "msrpc audit %s", run->target->input);
    const char *who = app_session_who(run->s);
    snprintf(right, sizeof right, "from %s, %s, over TCP", address, who);
    app_edges(a->out, left, right);
    fputc('\n', a->out);
    show_doors(run);
    for (int category = 0; category < MR_AUDIT_CATEGORIES; category++)
        show_category(run, (enum mr_audit_category)category);
    show_hardening(run);
    show_verdict(run);
    snprintf(left, sizeof left, " exit %-4d %zu leak, %zu denied, %zu not reachable, %zu unknown",
             run->code, mr_audit_count(audit, MR_AUDIT_LEAKS),
             mr_audit_count(audit, MR_AUDIT_DENIED),
             mr_audit_count(audit, MR_AUDIT_NOT_REACHABLE),
             mr_audit_count(audit, MR_AUDIT_UNKNOWN));
    snprintf(right, sizeof right, "%.0f ms, %zu calls", app_session_ms(run->s), audit->calls);
    app_edges(a->out, left, right);
}

/* ---- JSON ---- */

static const char *code_kind_name(enum mr_peer_kind kind) {
    switch (kind) {
    case MR_PEER_FAULT: return "fault";
    case MR_PEER_BIND_NAK: return "bind_nak";
    case MR_PEER_CONTEXT: return "context";
    case MR_PEER_WIN32: return "win32";
    case MR_PEER_NTSTATUS: return "ntstatus";
    case MR_PEER_ERRNO: return "errno";
    case MR_PEER_DNS_RCODE: return "dns_rcode";
    case MR_PEER_NONE: return NULL;
    }
    return NULL;
}

static void outcome_json(const mr_audit_outcome *o, mr_writer *w) {
    mr_writer_str(w, "state", mr_audit_state_name(o->state));
    mr_writer_str(w, "rung", mr_audit_rung_name(o->rung));
    mr_writer_str(w, "call", o->call);
    if (o->code_kind != MR_PEER_NONE && code_kind_name(o->code_kind)) {
        mr_writer_open(w, "code", MR_SHAPE_OBJECT);
        mr_writer_str(w, "kind", code_kind_name(o->code_kind));
        mr_writer_fmt(w, "value", "0x%08x", o->code);
        mr_writer_close(w);
    }
    mr_writer_str(w, "why", o->why);
}

static void optional(mr_writer *w, const char *key, const char *text) {
    if (text)
        mr_writer_str(w, key, text);
}

static void item_json(const struct audit_run *run, const mr_audit_item *item, mr_writer *w) {
    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "name", item->name);
    optional(w, "kind", item->kind);
    optional(w, "domain", item->domain);
    optional(w, "of", item->of);
    optional(w, "sid", item->sid);
    optional(w, "full_name", item->full_name);
    if (item->has_rid)
        mr_writer_uint(w, "rid", item->rid);
    if (item->has_flags)
        mr_writer_uint(w, "flags", item->flags);
    if (item->description && run->o->show_descriptions)
        mr_writer_str(w, "description", item->description);
    else if (item->description)
        mr_writer_bool(w, "description_masked", true);
    mr_writer_close(w);
}

static void values_json(const mr_audit_fact *fact, mr_writer *w) {
    mr_writer_open(w, "values", MR_SHAPE_OBJECT);
    for (size_t i = 0; i < fact->value_count; i++) {
        const mr_audit_value *v = &fact->values[i];
        if (v->kind == MR_AUDIT_TEXT)
            mr_writer_str(w, v->key, v->text);
        else if (v->kind == MR_AUDIT_SECONDS && v->number == MR_AUDIT_NEVER)
            mr_writer_null(w, v->key);
        else
            mr_writer_uint(w, v->key, v->number);
    }
    mr_writer_close(w);
}

static void fact_json(const struct audit_run *run, const mr_audit_fact *fact, mr_writer *w) {
    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "id", fact->id);
    mr_writer_str(w, "title", fact->title);
    mr_writer_str(w, "category", mr_audit_category_name(fact->category));
    mr_writer_str(w, "interface", run->audit->gates[fact->door].name);
    mr_writer_str(w, "calls", fact->chain);
    outcome_json(&fact->outcome, w);
    if (fact->outcome.state == MR_AUDIT_LEAKS) {
        values_json(fact, w);
        mr_writer_open(w, "items", MR_SHAPE_ARRAY);
        for (size_t i = 0; i < fact->item_count; i++)
            item_json(run, &fact->items[i], w);
        mr_writer_close(w);
        mr_writer_bool(w, "cut", fact->cut);
    }
    mr_writer_close(w);
}

static void rung_json(const mr_audit_gate *gate, mr_writer *w) {
    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "interface", gate->name);
    if (gate->port)
        mr_writer_uint(w, "port", gate->port);
    else
        mr_writer_null(w, "port");
    mr_writer_open(w, "passed", MR_SHAPE_ARRAY);
    for (unsigned i = 0; i < gate->passed && i < MR_AUDIT_RUNGS; i++)
        mr_writer_str(w, NULL, mr_audit_rung_name((enum mr_audit_rung)i));
    mr_writer_close(w);
    outcome_json(&gate->outcome, w);
    mr_writer_close(w);
}

void audit_json(const struct audit_run *run, mr_writer *w) {
    const mr_audit *audit = run->audit;

    app_report_vantage(run->s, w, &audit->local);
    mr_writer_open(w, "rungs", MR_SHAPE_ARRAY);
    for (size_t d = 0; d < MR_AUDIT_DOORS && audit->fact_count; d++)
        rung_json(&audit->gates[d], w);
    mr_writer_close(w);
    mr_writer_open(w, "facts", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < audit->fact_count; i++)
        fact_json(run, &audit->facts[i], w);
    mr_writer_close(w);
    mr_writer_open(w, "hardening", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < audit->hardening_count; i++) {
        const mr_audit_hardening *h = &audit->hardening[i];
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "id", h->id);
        mr_writer_str(w, "title", h->title);
        mr_writer_str(w, "status", mr_status_name(h->status));
        mr_writer_str(w, "setting", h->setting);
        mr_writer_str(w, "wanted", h->wanted);
        mr_writer_str(w, "fact", h->fact);
        mr_writer_close(w);
    }
    mr_writer_close(w);
    mr_diag_write_findings(&run->diag, w);
    mr_writer_uint(w, "calls", audit->calls);
}
