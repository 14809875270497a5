/*
 * msrpc explain: what a number, UUID, port, event or name means, from the compiled tables alone. A
 * number that means several things is explained in all its meanings; a prefix (win32:5, tcp/135,
 * "event 5719") narrows it down. Negative decimals and HRESULT- or NTSTATUS-wrapped numbers are
 * unwrapped and both layers shown.
 */
#include "app.h"

#include <msrpc/ifaces/names.h>

#include "report.h"

struct explain {
    app *a;
    mr_writer *w;   /* NULL: text */
    size_t meanings;
};

static const char *phase_text(unsigned phase) {
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

static void head(struct explain *e, const char *first, const char *kind, const char *name,
                 unsigned phase) {
    app *a = e->a;
    if (e->meanings++)
        fputc('\n', a->out);
    fprintf(a->out, "%s%s%s  %s%s%s", app_style(a, APP_BOLD), first, app_style(a, APP_PLAIN), kind,
            *name ? "  " : "", name);
    /* a line of its own where it would not fit behind */
    size_t width = strlen(first) + strlen(kind) + strlen(name) + strlen(phase_text(phase)) + 8;
    if (phase)
        fprintf(a->out, "%s%s", width > 80 ? "\n            " : "  - ", phase_text(phase));
    fputc('\n', a->out);
}

static void para(struct explain *e, const char *label, const char *text) {
    char first[32];
    if (!text || !*text)
        return;
    snprintf(first, sizeof first, "  %-9s ", label);
    app_wrap(e->a->out, first, 12, text);
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
    head(e, first, mr_code_space_title(c->space), mr_code_symbol(c), c->phase);
    para(e, "screen", mr_code_shown(c));
    para(e, "says", mr_code_text(c));
    para(e, "means", mr_code_meaning(c));
    also[0] = '\0';
    while ((same = mr_code_same_next(c, &iter)) != NULL && at < sizeof also - 100)
        at += (size_t)snprintf(also + at, sizeof also - at, "%s%s 0x%x %s", at ? "; " : "",
                               mr_code_space_title(same->space), same->value,
                               mr_code_symbol(same));
    para(e, "same as", also);
    para(e, "try", usable(mr_code_try(c)));
}

static void show_code(struct explain *e, const mr_code_info *c) {
    if (e->w)
        code_json(e, c);
    else
        code_text(e, c);
}

static void show_port(struct explain *e, const mr_port_info *p) {
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
    head(e, first, p->protocols == MR_PORT_UDP ? "UDP port" : "port", mr_port_name(p), 0);
    para(e, "over", protocols);
    para(e, "service", mr_port_service(p));
    para(e, "needed", mr_port_use(p));
    para(e, "note", mr_port_note(p));
}

static void show_event(struct explain *e, const mr_winevent_info *v) {
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
        mr_writer_close(e->w);
        e->meanings++;
        return;
    }
    snprintf(first, sizeof first, "%u", v->id);
    head(e, first, "Windows event", mr_winevent_source(v), v->phase);
    para(e, "log", mr_winevent_log(v));
    para(e, "says", mr_winevent_text(v));
    para(e, "try", usable(mr_winevent_try(v)));
}

/* ---- numbers ---- */

static void explain_code(struct explain *e, uint32_t value, int space) {
    for (const mr_code_info *c = mr_code_next(value, NULL); c; c = mr_code_next(value, c))
        if (space < 0 || c->space == (unsigned)space)
            show_code(e, c);
    /* what is wrapped inside */
    uint32_t inside = mr_code_split_hresult(value);
    if (inside && space < 0 && mr_code_find(MR_SPACE_WIN32, inside))
        show_code(e, mr_code_find(MR_SPACE_WIN32, inside));
    if ((value & 0xf0000000) == 0xd0000000 && space < 0 &&
        mr_code_find(MR_SPACE_NTSTATUS, value & ~0x10000000u))
        show_code(e, mr_code_find(MR_SPACE_NTSTATUS, value & ~0x10000000u));
}

static void explain_port(struct explain *e, uint32_t value, unsigned protocols, bool ranges) {
    for (const mr_port_info *p = mr_port_next((uint16_t)value, NULL); p && value <= 65535;
         p = mr_port_next((uint16_t)value, p))
        if ((p->protocols & protocols) && (ranges || p->first == p->last))
            show_port(e, p);
}

static void explain_event(struct explain *e, uint32_t value) {
    for (const mr_winevent_info *v = mr_winevent_find(value); v; v = mr_winevent_next(value, v))
        show_event(e, v);
}

/* Decimal, negative decimal, 0x hexadecimal, or eight hexadecimal digits. */
static bool read_number(const char *text, uint32_t *valuep) {
    uint64_t n;
    mr_slice s = mr_slice_str(text);
    char hex[16];

    if (*text == '-') {
        if (mr_slice_get_number(mr_slice_sub(s, 1, s.len), 0x80000000u, &n) != 0)
            return false;
        *valuep = (uint32_t)(0 - n);
        return true;
    }
    if (mr_slice_get_number(s, UINT32_MAX, &n) == 0) {
        *valuep = (uint32_t)n;
        return true;
    }
    if (s.len == 8) {
        snprintf(hex, sizeof hex, "0x%s", text);
        if (mr_slice_get_number(mr_slice_str(hex), UINT32_MAX, &n) == 0) {
            *valuep = (uint32_t)n;
            return true;
        }
    }
    return false;
}

static void explain_number(struct explain *e, uint32_t value) {
    size_t before = e->meanings;

    explain_code(e, value, -1);
    explain_event(e, value);
    /* that a number lies in the dynamic range says little when it has a meaning of its own */
    explain_port(e, value, MR_PORT_TCP | MR_PORT_UDP, e->meanings == before);
}

/* "event 5719", "tcp/135", "krb:37": which space, and the rest of the text. */
static bool explain_prefixed(struct explain *e, const char *text) {
    size_t len = strcspn(text, ":/ ");
    char word[24];
    uint32_t value;

    if (!text[len] || len >= sizeof word || !read_number(text + len + 1, &value))
        return false;
    memcpy(word, text, len);
    word[len] = '\0';
    if (mr_str_eq_nocase(word, "event")) {
        explain_event(e, value);
        return true;
    }
    unsigned protocols = mr_str_eq_nocase(word, "tcp")    ? MR_PORT_TCP
                         : mr_str_eq_nocase(word, "udp")  ? MR_PORT_UDP
                         : mr_str_eq_nocase(word, "port") ? MR_PORT_TCP | MR_PORT_UDP : 0;
    if (protocols) {
        explain_port(e, value, protocols, true);
        return true;
    }
    for (int space = 0; space <= MR_SPACE_ERRNO; space++) {
        if (!mr_str_eq_nocase(word, mr_code_space_name(space)))
            continue;
        explain_code(e, value, space);
        return true;
    }
    return false;
}

/* ---- names and UUIDs ---- */

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
    head(e, first, n->flags & MR_IFACE_TRANSFER ? "transfer syntax" : "interface",
         mr_name_text(n), 0);
    para(e, "document", mr_name_doc(n));
    para(e, "service", mr_name_service(n));
    para(e, "pipes", mr_name_pipes(n));
    para(e, "module", mr_name_module(n));
    para(e, "exposure", mr_name_exposure(n));
    for (size_t i = 0; i < mr_op_count(n) && i < most; i++) {
        const char *name = mr_op_get(n, i, &opnum);
        fprintf(e->a->out, "  %-9s %3u %s\n", i ? "" : "calls", opnum, name);
    }
    if (mr_op_count(n) > most)
        fprintf(e->a->out, "  %-9s ... and %zu more (-v shows all)\n", "",
                mr_op_count(n) - most);
}

static void show_iface(struct explain *e, const mr_iface_name *n) {
    if (e->w)
        iface_json(e, n);
    else
        iface_text(e, n);
}

static void explain_text(struct explain *e, const char *text) {
    const mr_code_info *c;
    const mr_iface_name *n;
    mr_uuid uuid;
    uint32_t value;
    char hex[16];
    size_t before = e->meanings;

    if (read_number(text, &value)) {
        explain_number(e, value);
        return;
    }
    if (mr_uuid_decode(mr_slice_str(text), &uuid) == 0) {
        if ((n = mr_name_find(&uuid)) != NULL)
            show_iface(e, n);
        return;
    }
    if (explain_prefixed(e, text))
        return;
    for (c = mr_code_find_symbol(text, NULL); c; c = mr_code_find_symbol(text, c))
        show_code(e, c);
    if ((n = mr_name_find_text(text)) != NULL)
        show_iface(e, n);
    /* a short hexadecimal number without its 0x, when it is no name */
    snprintf(hex, sizeof hex, "0x%.10s", text);
    if (e->meanings == before && strlen(text) <= 8 && read_number(hex, &value))
        explain_number(e, value);
}

/* The @index-th argument, which "event 5719" as two of them makes one; how many were used. */
static size_t explain_one(struct explain *e, size_t index) {
    app *a = e->a;
    char *text = mr_arena_add_str(&a->arena, mr_slice_str(a->args[index]));
    const char *next = index + 1 < a->arg_count ? a->args[index + 1] : NULL;
    size_t before = e->meanings, len = text ? strlen(text) : 0;
    uint32_t value;

    if (!text)
        return 1;
    if (len && (text[len - 1] == ',' || text[len - 1] == '.')) /* pasted from a sentence */
        text[len - 1] = '\0';
    if (next && read_number(next, &value) && !read_number(text, &value)) {
        const char *both = mr_arena_add_fmt(&a->arena, "%s:%s", text, next);
        if (both && explain_prefixed(e, both) && e->meanings != before)
            return 2;
    }
    explain_text(e, text);
    return 1;
}

static int run(app *a) {
    struct explain e = {.a = a};
    mr_writer w;
    size_t unknown = 0;

    if (a->arg_count == 0)
        return app_refuse(a, APP_USAGE, "a code, UUID, event, port or name is wanted");
    if (a->set.json || a->set.jsonl) {
        app_report_open(a, &w);
        mr_writer_open(&w, "meanings", MR_SHAPE_ARRAY);
        e.w = &w;
    }
    for (size_t i = 0, used; i < a->arg_count; i += used) {
        size_t before = e.meanings;
        used = explain_one(&e, i);
        if (e.meanings != before)
            continue;
        unknown++;
        app_refuse(a, APP_USAGE, "nothing is known of %s", a->args[i]);
    }
    int code = unknown ? APP_USAGE : APP_OK;
    if (e.w) {
        mr_writer_close(&w);
        return app_report_close(a, &w, code);
    }
    return code;
}

const app_command app_explain = {
    .name = "explain",
    .line = "what a code, UUID, port, event or interface name means",
    .synopsis = "CODE|UUID|PORT|EVENT|NAME...",
    .about =
        "Explains numbers and names of the field offline: Win32, NTSTATUS, HRESULT, RPC fault, "
        "bind_nak, Kerberos, DNS, NetBIOS, TLS, LDAP and Winsock codes, Windows event ids, TCP and "
        "UDP ports, RPC interfaces. A number that means several things is explained in all its "
        "meanings; win32:5, event:1219 or tcp/135 narrow it down. Negative decimals and "
        "HRESULT-wrapped numbers are unwrapped.",
    .examples = {"msrpc explain 1722", "the RPC server is unavailable: what it means, what to try",
                 "msrpc explain 12345778-1234-abcd-ef00-0123456789ac",
                 "which interface, service and document stand behind a UUID"},
    .groups = APP_GROUP_OUTPUT,
    .run = run,
};
