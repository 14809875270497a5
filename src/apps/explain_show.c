/* msrpc explain: codes, ports, events and interfaces as a screen and as JSON. */
#include "explain.h"

const char *explain_phase_text(unsigned phase) {
    static const char *const names[] = {"", "phase 1: names", "phase 2: TCP",
                                        "phase 3: discovery", "phase 4: communication"};
    return phase < MR_COUNT(names) ? names[phase] : "";
}

/* An advice of the tables, or "" when it names a command or switch that this version lacks: the
 * tables know the whole contract. */
static const char *usable(const char *advice) {
    const app_command *command = NULL;
    const char *at = strstr(advice, "msrpc ");
    char word[32];

    for (at = at ? at + 6 : ""; *at; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");
        snprintf(word, sizeof word, "%.*s", (int)(len < 31 ? len : 31), at);
        if (!command && (command = app_find_command(word)) == NULL)
            return "";
        if (word[0] == '-' && !app_knows_switch(command, word))
            return "";
        at += len;
    }
    return advice;
}

void explain_head(struct explain *e, const char *first, const char *kind, const char *name,
                 unsigned phase) {
    app *a = e->a;
    if (e->meanings++)
        fputc('\n', a->out);
    fprintf(a->out, "%s%s%s  %s%s%s", app_style(a, APP_BOLD), first, app_style(a, APP_PLAIN), kind,
            *name ? "  " : "", name);
    /* a line of its own where it would not fit behind */
    const char *where = explain_phase_text(phase);
    size_t width = strlen(first) + strlen(kind) + strlen(name) + strlen(where) + 8;
    if (phase)
        fprintf(a->out, "%s%s", width > 80 ? "\n            " : "  - ", where);
    fputc('\n', a->out);
}

void explain_para(struct explain *e, const char *label, const char *text) {
    char first[32];
    if (!text || !*text)
        return;
    snprintf(first, sizeof first, "  %-9s ", label);
    app_wrap(e->a->out, first, 12, text);
}

void explain_ids_json(mr_writer *w, const char *list) {
    mr_slice id;

    mr_writer_open(w, "findings", MR_SHAPE_ARRAY);
    while (mr_finding_list_next(&list, &id))
        mr_writer_str(w, NULL, mr_text_get(mr_rule_find(id)->id));
    mr_writer_close(w);
}

/* The findings of diagnose that a code or an event points to. */
static void points_to(struct explain *e, const mr_phrase *row) {
    const char *list = row ? mr_phrase_findings(row) : "";
    char text[400];
    size_t at = 0;
    mr_slice id;

    for (text[0] = '\0'; at < sizeof text - 1 && mr_finding_list_next(&list, &id);)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%.*s", at ? ", " : "",
                               (int)id.len, (const char *)id.data);
    explain_para(e, "points to", text);
}

static const mr_phrase *row_of_code(const mr_code_info *c) {
    return c->value ? mr_phrase_find_code((enum mr_code_space)c->space, c->value) : NULL;
}

static const mr_phrase *row_of_event(const mr_winevent_info *v) {
    return mr_phrase_find_event(v->id, mr_slice_str(mr_winevent_source(v)));
}

static void code_json(struct explain *e, const mr_code_info *c) {
    mr_writer *w = e->w;
    const mr_code_info *same;
    size_t iter = 0;

    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "kind", "code");
    mr_writer_str(w, "space", mr_code_space_name(c->space));
    mr_writer_uint(w, "value", c->value);
    mr_writer_fmt(w, "hex", "0x%08x", c->value);
    mr_writer_str(w, "symbol", mr_code_symbol(c));
    mr_writer_str(w, "text", mr_code_text(c));
    if (*mr_code_shown(c))
        mr_writer_str(w, "shown", mr_code_shown(c));
    if (*mr_code_meaning(c))
        mr_writer_str(w, "meaning", mr_code_meaning(c));
    if (*usable(mr_code_try(c)))
        mr_writer_str(w, "try", mr_code_try(c));
    mr_writer_uint(w, "phase", c->phase);
    mr_writer_uint(w, "win32", c->space == MR_SPACE_WIN32 ? c->value
                                                          : mr_code_win32(c->space, c->value));
    explain_ids_json(w, row_of_code(c) ? mr_phrase_findings(row_of_code(c)) : "");
    mr_writer_open(w, "same", MR_SHAPE_ARRAY);
    while ((same = mr_code_same_next(c, &iter)) != NULL) {
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "space", mr_code_space_name(same->space));
        mr_writer_uint(w, "value", same->value);
        mr_writer_str(w, "symbol", mr_code_symbol(same));
        mr_writer_close(w);
    }
    mr_writer_close(w);
    mr_writer_close(w);
    e->meanings++;
}

static void code_text(struct explain *e, const mr_code_info *c) {
    const mr_code_info *same;
    char first[64], also[600];
    size_t iter = 0, at = 0;

    if (c->value < 65536)
        snprintf(first, sizeof first, "%u (0x%x)", c->value, c->value);
    else
        snprintf(first, sizeof first, "0x%08x (%d)", c->value, (int32_t)c->value);
    explain_head(e, first, mr_code_space_title(c->space), mr_code_symbol(c), c->phase);
    explain_para(e, "screen", mr_code_shown(c));
    explain_para(e, "says", mr_code_text(c));
    explain_para(e, "means", mr_code_meaning(c));
    also[0] = '\0';
    while ((same = mr_code_same_next(c, &iter)) != NULL && at < sizeof also - 100)
        at += (size_t)snprintf(also + at, sizeof also - at, "%s%s 0x%x %s", at ? "; " : "",
                               mr_code_space_title(same->space), same->value,
                               mr_code_symbol(same));
    explain_para(e, "same as", also);
    points_to(e, row_of_code(c));
    explain_para(e, "try", usable(mr_code_try(c)));
}

void explain_show_code(struct explain *e, const mr_code_info *c) {
    if (e->dry) {
        e->meanings++;
        return;
    }
    if (e->w)
        code_json(e, c);
    else
        code_text(e, c);
}

void explain_show_port(struct explain *e, const mr_port_info *p) {
    if (e->dry) {
        e->meanings++;
        return;
    }
    const char *protocols = p->protocols == (MR_PORT_TCP | MR_PORT_UDP) ? "tcp, udp"
                            : p->protocols == MR_PORT_TCP ? "tcp" : "udp";
    char first[32];

    if (e->w) {
        mr_writer_open(e->w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(e->w, "kind", "port");
        mr_writer_uint(e->w, "first", p->first);
        mr_writer_uint(e->w, "last", p->last);
        mr_writer_str(e->w, "protocols", protocols);
        mr_writer_str(e->w, "name", mr_port_name(p));
        mr_writer_str(e->w, "service", mr_port_service(p));
        mr_writer_str(e->w, "use", mr_port_use(p));
        mr_writer_str(e->w, "note", mr_port_note(p));
        mr_writer_close(e->w);
        e->meanings++;
        return;
    }
    if (p->first == p->last)
        snprintf(first, sizeof first, "%u", p->first);
    else
        snprintf(first, sizeof first, "%u-%u", p->first, p->last);
    explain_head(e, first, p->protocols == MR_PORT_UDP ? "UDP port" : "port", mr_port_name(p), 0);
    explain_para(e, "over", protocols);
    explain_para(e, "service", mr_port_service(p));
    explain_para(e, "needed", mr_port_use(p));
    explain_para(e, "note", mr_port_note(p));
}

void explain_show_event(struct explain *e, const mr_winevent_info *v) {
    if (e->dry) {
        e->meanings++;
        return;
    }
    char first[32];

    if (e->w) {
        mr_writer_open(e->w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(e->w, "kind", "event");
        mr_writer_uint(e->w, "id", v->id);
        mr_writer_str(e->w, "source", mr_winevent_source(v));
        mr_writer_str(e->w, "log", mr_winevent_log(v));
        mr_writer_str(e->w, "text", mr_winevent_text(v));
        mr_writer_str(e->w, "try", usable(mr_winevent_try(v)));
        mr_writer_uint(e->w, "phase", v->phase);
        explain_ids_json(e->w, row_of_event(v) ? mr_phrase_findings(row_of_event(v)) : "");
        mr_writer_close(e->w);
        e->meanings++;
        return;
    }
    snprintf(first, sizeof first, "%u", v->id);
    explain_head(e, first, "Windows event", mr_winevent_source(v), v->phase);
    explain_para(e, "log", mr_winevent_log(v));
    explain_para(e, "says", mr_winevent_text(v));
    points_to(e, row_of_event(v));
    explain_para(e, "try", usable(mr_winevent_try(v)));
}

static void iface_json(struct explain *e, const mr_iface_name *n) {
    mr_writer *w = e->w;
    uint16_t opnum;

    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "kind", n->flags & MR_IFACE_TRANSFER ? "transfer syntax" : "interface");
    mr_writer_uuid(w, "uuid", &n->uuid);
    mr_writer_fmt(w, "version", "%u.%u", n->major, n->minor);
    mr_writer_str(w, "name", mr_name_text(n));
    mr_writer_str(w, "service", mr_name_service(n));
    mr_writer_str(w, "document", mr_name_doc(n));
    mr_writer_str(w, "pipes", mr_name_pipes(n));
    mr_writer_str(w, "module", mr_name_module(n));
    mr_writer_str(w, "exposure", mr_name_exposure(n));
    mr_writer_open(w, "operations", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < mr_op_count(n); i++) {
        const char *name = mr_op_get(n, i, &opnum);
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_uint(w, "opnum", opnum);
        mr_writer_str(w, "name", name);
        mr_writer_close(w);
    }
    mr_writer_close(w);
    mr_writer_close(w);
    e->meanings++;
}

static void iface_text(struct explain *e, const mr_iface_name *n) {
    char uuid[MR_UUID_TEXT], first[64];
    uint16_t opnum;
    size_t most = e->a->set.verbose ? SIZE_MAX : 12;

    snprintf(first, sizeof first, "%s %u.%u", mr_uuid_text(&n->uuid, uuid), n->major, n->minor);
    explain_head(e, first, n->flags & MR_IFACE_TRANSFER ? "transfer syntax" : "interface",
         mr_name_text(n), 0);
    explain_para(e, "document", mr_name_doc(n));
    explain_para(e, "service", mr_name_service(n));
    explain_para(e, "pipes", mr_name_pipes(n));
    explain_para(e, "module", mr_name_module(n));
    explain_para(e, "exposure", mr_name_exposure(n));
    for (size_t i = 0; i < mr_op_count(n) && i < most; i++) {
        const char *name = mr_op_get(n, i, &opnum);
        fprintf(e->a->out, "  %-9s %3u %s\n", i ? "" : "calls", opnum, name);
    }
    if (mr_op_count(n) > most)
        fprintf(e->a->out, "  %-9s ... and %zu more (-v shows all)\n", "",
                mr_op_count(n) - most);
}

void explain_show_iface(struct explain *e, const mr_iface_name *n) {
    if (e->dry) {
        e->meanings++;
        return;
    }
    if (e->w)
        iface_json(e, n);
    else
        iface_text(e, n);
}
