/*
 * msrpc explain: what a number, UUID, port, event, name or sentence means, from the compiled tables
 * alone. A number that means several things is explained in all its meanings; a prefix (win32:5,
 * tcp/135, "event 5719") narrows it down. Negative decimals and HRESULT- or NTSTATUS-wrapped
 * numbers are unwrapped and both layers shown.
 */
#include "explain.h"

#include "report.h"

/* ---- numbers ---- */

static void explain_code(struct explain *e, uint32_t value, int space) {
    for (const mr_code_info *c = mr_code_next(value, NULL); c; c = mr_code_next(value, c))
        if (space < 0 || c->space == (unsigned)space)
            explain_show_code(e, c);
    /* what is wrapped inside */
    uint32_t inside = mr_code_split_hresult(value);
    if (inside && space < 0 && mr_code_find(MR_SPACE_WIN32, inside))
        explain_show_code(e, mr_code_find(MR_SPACE_WIN32, inside));
    if ((value & 0xf0000000) == 0xd0000000 && space < 0 &&
        mr_code_find(MR_SPACE_NTSTATUS, value & ~0x10000000u))
        explain_show_code(e, mr_code_find(MR_SPACE_NTSTATUS, value & ~0x10000000u));
}

static void explain_port(struct explain *e, uint32_t value, unsigned protocols, bool ranges) {
    for (const mr_port_info *p = mr_port_next((uint16_t)value, NULL); p && value <= 65535;
         p = mr_port_next((uint16_t)value, p))
        if ((p->protocols & protocols) && (ranges || p->first == p->last))
            explain_show_port(e, p);
}

static void explain_event(struct explain *e, uint32_t value) {
    for (const mr_winevent_info *v = mr_winevent_find(value); v; v = mr_winevent_next(value, v))
        explain_show_event(e, v);
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

/* Whether @word stands in the name of an event's source: Kerberos, NETLOGON, DCOM. */
static bool is_source(const char *source, const char *word) {
    size_t len = strlen(word);

    for (; *source; source++)
        if (mr_slice_eq_nocase(mr_slice_sub(mr_slice_str(source), 0, len), mr_slice_str(word)))
            return true;
    return false;
}

/* "event 5719", "Kerberos 10", "tcp/135", "krb:37": which space, and the rest of the text. */
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
    size_t before = e->meanings;
    for (const mr_winevent_info *v = mr_winevent_find(value); v; v = mr_winevent_next(value, v))
        if (len >= 3 && is_source(mr_winevent_source(v), word))
            explain_show_event(e, v);
    if (e->meanings != before)
        return true;
    for (int space = 0; space <= MR_SPACE_ERRNO; space++) {
        if (!mr_str_eq_nocase(word, mr_code_space_name(space)))
            continue;
        explain_code(e, value, space);
        return true;
    }
    return false;
}

/* ---- names and UUIDs ---- */

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
            explain_show_iface(e, n);
        return;
    }
    if (explain_prefixed(e, text))
        return;
    for (c = mr_code_find_symbol(text, NULL); c; c = mr_code_find_symbol(text, c))
        explain_show_code(e, c);
    if ((n = mr_name_find_text(text)) != NULL)
        explain_show_iface(e, n);
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
    if (e->meanings == before)
        explain_rule(e, text);
    if (e->meanings == before && strchr(text, ' '))
        explain_sentence(e, a->args[index]);
    return 1;
}

/* The arguments with a space between them, *in the arena*. */
static const char *joined(app *a, const char *first) {
    const char *all = first;
    for (size_t i = 0; i < a->arg_count && all; i++)
        all = *all ? mr_arena_add_fmt(&a->arena, "%s %s", all, a->args[i])
                   : mr_arena_add_str(&a->arena, mr_slice_str(a->args[i]));
    return all ? all : "";
}

/* How many arguments nothing is known of when each stands for itself. */
static size_t count_unknown(struct explain *e) {
    struct explain dry = {.a = e->a, .w = e->w, .dry = true};
    size_t unknown = 0;

    for (size_t i = 0, used; i < e->a->arg_count; i += used) {
        size_t before = dry.meanings;
        used = explain_one(&dry, i);
        unknown += dry.meanings == before;
    }
    return unknown;
}

/* Each argument for itself; a sentence without quotes when that leaves some unknown. How many are
 * unknown in the end. */
static size_t explain_args(struct explain *e) {
    app *a = e->a;
    size_t unknown = 0;

    if (a->arg_count > 1 && count_unknown(e)) {
        explain_sentence(e, joined(a, ""));
        if (e->meanings)
            return 0;
    }
    for (size_t i = 0, used; i < a->arg_count; i += used) {
        size_t before = e->meanings;
        used = explain_one(e, i);
        if (e->meanings != before)
            continue;
        unknown++;
        app_refuse(a, APP_USAGE, "nothing is known of %s (msrpc explain --search %s looks for "
                   "words)", a->args[i], strchr(a->args[i], ' ') ? "WORDS" : a->args[i]);
    }
    return unknown;
}

struct explain_options {
    const char *search;
};

static const app_option options[] = {
    {"search", 0, APP_TEXT, "WORDS", offsetof(struct explain_options, search), 0, 0,
     "find codes, findings, interfaces, ports, events and sentences by meaning"},
    {0},
};

static int run(app *a) {
    const struct explain_options *own = a->own;
    struct explain e = {.a = a};
    mr_writer w;

    if (own->search)
        return explain_search(a, joined(a, own->search));
    if (a->arg_count == 0)
        return app_refuse(a, APP_USAGE, "a code, UUID, event, port, name or sentence is wanted, "
                          "or - for a text on standard input");
    for (size_t i = 0; i < a->arg_count; i++)
        if (!strcmp(a->args[i], "-"))
            return a->arg_count == 1 ? explain_paste(a)
                                     : app_refuse(a, APP_USAGE, "- (standard input) stands alone");
    if (a->set.json || a->set.jsonl) {
        app_report_open(a, &w);
        mr_writer_open(&w, "meanings", MR_SHAPE_ARRAY);
        e.w = &w;
    }
    int code = explain_args(&e) ? APP_USAGE : APP_OK;
    if (e.w) {
        mr_writer_close(&w);
        return app_report_close(a, &w, code);
    }
    return code;
}

const app_command app_explain = {
    .name = "explain",
    .line = "what a code, UUID, port, event, sentence or pasted log means",
    .synopsis = "CODE|UUID|PORT|EVENT|NAME|SENTENCE... | -",
    .about =
        "Explains numbers and words of the field offline: Win32, NTSTATUS, HRESULT, RPC fault, "
        "bind_nak, Kerberos, DNS, NetBIOS, TLS, LDAP and Winsock codes, Windows event ids, TCP and "
        "UDP ports, RPC interfaces, findings of diagnose, error messages. A number that means "
        "several things is explained in all its meanings; win32:5, event:1219 or tcp/135 narrow it "
        "down. Negative decimals and HRESULT-wrapped numbers are unwrapped.\n"
        "With - it reads pasted text: what dcdiag, repadmin, netdiag, nltest, portqry, rpcping, "
        "nslookup, a dialog or the event log said, in any encoding. It names the lines it "
        "recognised, the findings of diagnose they point to, the phase, and the command to run "
        "next.",
    .examples = {"msrpc explain 1722", "the RPC server is unavailable: what it means, what to try",
                 "msrpc explain - < dcdiag.txt",
                 "what a pasted log says, in which phase, and what to run next"},
    .exits = {"0", "everything has a meaning; of a text: nothing wrong seen",
              "1", "of a text: warnings only",
              "10 20 30 40", "of a text: the phase of its verdict",
              "64", "usage, or nothing is known of an argument or of the text",
              "66", "standard input is empty, too long or cannot be read",
              "130", "interrupted; what came until then was judged"},
    .groups = APP_GROUP_OUTPUT,
    .options = options,
    .own_size = sizeof(struct explain_options),
    .run = run,
};
