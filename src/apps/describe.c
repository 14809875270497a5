/*
 * msrpc describe: what is known of interfaces, from the compiled descriptors and, beyond them, from
 * the table of names. An example request comes from the same generator that tests use, so that
 * msrpc call accepts it.
 */
#include <stdlib.h>

#include <msrpc/ifaces.h>
#include <msrpc/ifaces/names.h>

#include "describe_idl.h"
#include "report.h"
#include "session.h"

#define TEXT_CAP ((size_t)16 << 20)

struct subject {
    mr_syntax syntax;
    const mr_iface *iface;        /* NULL: not compiled */
    const mr_iface_name *known;   /* NULL: no name */
    const mr_proc *proc;          /* of a compiled method asked for */
    const char *op;               /* name of the method asked for, or NULL: the whole interface */
    uint16_t opnum;
};

/* ---- what is asked ---- */

/* Text before and after the last dot, unless @text is an interface as it stands. */
static bool split(app *a, const char *text, const char **ifacep, const char **methodp) {
    const char *dot = strrchr(text, '.');
    mr_syntax syntax;
    bool has_version;

    *ifacep = text;
    *methodp = NULL;
    if (!dot || mr_syntax_decode(mr_slice_str(text), &syntax, &has_version) == 0)
        return true;
    *ifacep = mr_arena_add_str(&a->arena, mr_slice_of(text, (size_t)(dot - text)));
    *methodp = dot + 1;
    return *ifacep != NULL;
}

static int find_method(const app *a, struct subject *s, const char *method) {
    const char *iface = s->iface ? s->iface->name : mr_name_text(s->known);
    uint64_t n;

    if (s->iface) {
        s->proc = mr_iface_find_proc(s->iface, method);
        if (!s->proc && mr_slice_get_number(mr_slice_str(method), UINT16_MAX, &n) == 0)
            s->proc = mr_iface_get_proc(s->iface, (uint32_t)n);
        if (s->proc) {
            s->op = s->proc->name ? s->proc->name : "";
            s->opnum = s->proc->opnum;
            if (!s->proc->args)
                s->proc = NULL;
            return 0;
        }
    }
    if (s->known && mr_op_find_text(s->known, method, &s->opnum) != 0 &&
        mr_slice_get_number(mr_slice_str(method), UINT16_MAX, &n) == 0)
        s->opnum = (uint16_t)n;
    if (s->known)
        s->op = mr_op_find(s->known, s->opnum);
    bool by_name = s->op && mr_str_eq_nocase(s->op, method);
    bool by_number = s->op && mr_slice_get_number(mr_slice_str(method), UINT16_MAX, &n) == 0;
    if (by_name || by_number)
        return 0;
    return app_refuse(a, APP_USAGE, "%s: %s has no method of that name (msrpc describe %s lists "
                      "them)", method, iface, iface);
}

static int find_subject(app *a, const char *text, struct subject *s) {
    const char *iface, *method;

    *s = (struct subject){0};
    if (!split(a, text, &iface, &method))
        return app_refuse(a, APP_BUG, "out of memory");
    int code = app_iface_read(a, iface, &s->syntax);
    if (code)
        return code;
    s->iface = mr_ifaces_find(&s->syntax);
    s->known = mr_name_find(&s->syntax.uuid);
    if (!s->iface && !s->known)
        return app_refuse(a, APP_USAGE, "nothing is known of %s", iface);
    if (s->iface)
        s->syntax = s->iface->syntax;
    return method ? find_method(a, s, method) : 0;
}

static const char *name_of(const struct subject *s) {
    return s->iface ? s->iface->name : mr_name_text(s->known);
}
static const char *doc_of(const struct subject *s) {
    const char *doc = s->known ? mr_name_doc(s->known) : "";
    return s->iface && s->iface->source ? s->iface->source : doc;
}

/* The text that @write makes of @what, in the app's arena. */
static const char *made(app *a, void (*write)(mr_buf *, const void *), const void *what) {
    mr_buf buf;

    mr_buf_init(&buf, NULL, 0, TEXT_CAP);
    write(&buf, what);
    const char *text = mr_buf_error(&buf) ? NULL
                                          : mr_arena_add_str(&a->arena, mr_buf_slice(&buf));
    mr_buf_deinit(&buf);
    return text ? text : "(out of memory)";
}
static void make_signature(mr_buf *out, const void *proc) {
    idl_signature(out, proc);
}
static void make_proc(mr_buf *out, const void *proc) {
    idl_proc(out, proc);
}
static void make_type(mr_buf *out, const void *type) {
    idl_type(out, type);
}
static void make_member(mr_buf *out, const void *member) {
    idl_member(out, member);
}

/* ---- an example ---- */

static void *example(app *a, const mr_proc *proc) {
    mr_random random = {.plain = true};
    void *args = mr_arena_get(&a->arena, 1, proc->args->csize);

    if (!args || mr_ndr_generate(proc, MR_NDR_REQUEST, &random, &a->arena, args, NULL) != 0)
        return NULL;
    return args;
}

/* A writer before a writer: made-up text becomes text of the same length that a person can read. */
struct readable {
    mr_writer w;
    mr_writer *to;
};

static mr_writer *behind(mr_writer *w) {
    return ((struct readable *)w)->to;
}
static void readable_open(mr_writer *w, const char *key, enum mr_shape shape) {
    mr_writer_open(behind(w), key, shape);
}
static void readable_value(mr_writer *w, const char *key, const mr_value *v) {
    static const char words[] = "example-of-text-";
    size_t len = v->kind == MR_VALUE_UTF16 ? v->u.utf16.count : 0;
    char text[128];

    if (len == 0 || len > sizeof text) {
        mr_writer_value(behind(w), key, v);
        return;
    }
    for (size_t i = 0; i < len; i++)
        text[i] = words[i % (sizeof words - 1)];
    mr_writer_slice(behind(w), key, mr_slice_of(text, len));
}
static void readable_text(mr_writer *w, const char *line) {
    mr_writer_text(behind(w), line);
}
static void readable_close(mr_writer *w) {
    mr_writer_close(behind(w));
}
static int readable_flush(mr_writer *w) {
    return mr_writer_flush(behind(w));
}

/* The members of the example request on @w; a writer that failed says so when it is flushed. */
static void print_example(const mr_proc *proc, void *args, mr_writer *w) {
    static const mr_writer_class class = {"readable",     readable_open,  readable_value,
                                          readable_text,  readable_close, readable_flush};
    struct readable r = {.w = {.class = &class}, .to = w};

    mr_ndr_print(proc, MR_NDR_REQUEST, args, &r.w);
}

/* The example in a shell's single quotes: an apostrophe stands only inside JSON strings, where
 * \u0027 means the same. */
static void show_example(app *a, const struct subject *s) {
    void *args = example(a, s->proc);
    mr_buf text;
    mr_writer w;

    if (!args)
        return;
    mr_buf_init(&text, NULL, 0, TEXT_CAP);
    mr_writer_init_json(&w, mr_sink_buf, &text, false);
    mr_writer_open(&w, NULL, MR_SHAPE_OBJECT);
    print_example(s->proc, args, &w);
    mr_writer_close(&w);
    if (mr_writer_flush(&w) == 0) {
        fprintf(a->out, "\n An example; sizes, lengths and cases may be left out:\n\n"
                        "  msrpc call HOST %s.%s '", name_of(s), s->op);
        for (size_t i = 0; i < text.len && text.data[i] != '\n'; i++) {
            if (text.data[i] == '\'')
                fputs("\\u0027", a->out);
            else
                fputc(text.data[i], a->out);
        }
        fputs("'\n", a->out);
    }
    mr_writer_deinit(&w);
    mr_buf_deinit(&text);
}

/* ---- screens ---- */

static void show_head(app *a, const struct subject *s) {
    char uuid[MR_UUID_TEXT];
    const char *service = s->known ? mr_name_service(s->known) : "";

    fprintf(a->out, "%s%s%s %u.%u  %s%s%s%s%s\n", app_style(a, APP_BOLD), name_of(s),
            app_style(a, APP_PLAIN), s->syntax.major, s->syntax.minor,
            mr_uuid_text(&s->syntax.uuid, uuid), *doc_of(s) ? "  " : "", doc_of(s),
            *service ? "  " : "", service);
}

static void show_endpoints(app *a, const struct subject *s) {
    const char *text = "";

    for (uint32_t i = 0; text && s->iface && i < s->iface->endpoint_count; i++)
        text = mr_arena_add_fmt(&a->arena, "%s%s%s", text, *text ? " " : "",
                                s->iface->endpoints[i]);
    if (text && *text)
        app_wrap(a->out, " at    ", 7, text);
    else if (s->known && *mr_name_pipes(s->known))
        app_wrap(a->out, " pipes ", 7, mr_name_pipes(s->known));
}

static void show_known_ops(app *a, const struct subject *s) {
    uint16_t opnum;

    fprintf(a->out, "\n Known by name only, not compiled: %zu operation%s\n\n",
            mr_op_count(s->known), mr_op_count(s->known) == 1 ? "" : "s");
    for (size_t i = 0; i < mr_op_count(s->known); i++) {
        const char *name = mr_op_get(s->known, i, &opnum);
        fprintf(a->out, " %3u  %s\n", opnum, name);
    }
}

static void show_iface(app *a, const struct subject *s) {
    char first[16];
    unsigned compiled = 0;

    show_head(a, s);
    show_endpoints(a, s);
    if (!s->iface) {
        show_known_ops(a, s);
        return;
    }
    fputc('\n', a->out);
    for (uint32_t i = 0; i < s->iface->proc_count; i++) {
        const mr_proc *proc = &s->iface->procs[i];
        if (!proc->name && !proc->args)
            continue;
        compiled += proc->args != NULL;
        snprintf(first, sizeof first, " %3u  ", proc->opnum);
        const char *text = proc->args ? made(a, make_signature, proc) : " (name only)";
        app_wrap(a->out, first, 8, mr_arena_add_fmt(&a->arena, "%s%s", proc->name, text));
    }
    if (compiled)
        fprintf(a->out, "\n %u of %u methods can be called; msrpc describe %s.METHOD shows one.\n",
                compiled, s->iface->proc_count, s->iface->name);
    else
        fprintf(a->out, " %u types, no methods.\n", s->iface->type_count);
}

/* @text, each line indented. */
static void show_block(app *a, const char *text) {
    while (*text) {
        size_t len = strcspn(text, "\n");
        fprintf(a->out, "%s%.*s\n", len ? "  " : "", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

static void show_method(app *a, const struct subject *s) {
    const mr_type *types[IDL_TYPES_MAX];

    show_head(a, s);
    fprintf(a->out, " opnum %u\n", s->opnum);
    if (!s->proc) {
        fprintf(a->out, "\n  %s: known by name only, it cannot be called\n", s->op);
        return;
    }
    fputc('\n', a->out);
    show_block(a, made(a, make_proc, s->proc));
    size_t n = idl_types(s->proc, types);
    for (size_t i = 0; i < n; i++) {
        fputc('\n', a->out);
        show_block(a, made(a, make_type, types[i]));
    }
    show_example(a, s);
}

static int compare_names(const void *pa, const void *pb) {
    const mr_iface_name *a = *(const mr_iface_name *const *)pa;
    const mr_iface_name *b = *(const mr_iface_name *const *)pb;
    int order = strcasecmp(mr_name_text(a), mr_name_text(b));

    return order ? order : mr_uuid_cmp(&a->uuid, &b->uuid);
}

/* The interfaces known by name only, sorted by name, in the app's arena. */
static size_t named_only(app *a, const mr_iface_name ***rowsp) {
    size_t count, n = 0;
    const mr_iface_name *all = mr_name_all(&count);
    const mr_iface_name **rows = mr_arena_get(&a->arena, count, sizeof *rows);

    for (size_t i = 0; rows && i < count; i++) {
        mr_syntax syntax = {all[i].uuid, all[i].major, all[i].minor};
        if (!(all[i].flags & (MR_IFACE_TRANSFER | MR_IFACE_OBJECT)) && !mr_ifaces_find(&syntax))
            rows[n++] = &all[i];
    }
    if (n)
        qsort(rows, n, sizeof *rows, compare_names);
    *rowsp = rows;
    return n;
}

static uint32_t callable(const mr_iface *iface) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < iface->proc_count; i++)
        n += iface->procs[i].args != NULL;
    return n;
}

static void show_list(app *a) {
    const mr_iface_name **rows;
    char uuid[MR_UUID_TEXT];

    fputs("Compiled interfaces: their methods can be called\n\n", a->out);
    for (const mr_iface *const *i = mr_ifaces; *i; i++)
        fprintf(a->out, "  %-16s %2u.%-3u %s %4u methods  %s\n", (*i)->name, (*i)->syntax.major,
                (*i)->syntax.minor, mr_uuid_text(&(*i)->syntax.uuid, uuid), callable(*i),
                (*i)->source ? (*i)->source : "");
    size_t n = named_only(a, &rows);
    if (!a->set.verbose) {
        fprintf(a->out, "\n%zu more are known by name (-v lists them).\n", n);
        return;
    }
    fputs("\nKnown by name\n\n", a->out);
    for (size_t i = 0; i < n; i++)
        fprintf(a->out, "  %-30s %2u.%-3u %s  %s\n", mr_name_text(rows[i]), rows[i]->major,
                rows[i]->minor, mr_uuid_text(&rows[i]->uuid, uuid), mr_name_doc(rows[i]));
}

/* ---- JSON ---- */

static void json_head(mr_writer *w, const struct subject *s) {
    mr_writer_str(w, "name", name_of(s));
    mr_writer_uuid(w, "uuid", &s->syntax.uuid);
    mr_writer_fmt(w, "version", "%u.%u", s->syntax.major, s->syntax.minor);
    mr_writer_str(w, "document", doc_of(s));
    mr_writer_str(w, "service", s->known ? mr_name_service(s->known) : "");
    mr_writer_bool(w, "compiled", s->iface != NULL);
}

static void json_op(app *a, mr_writer *w, uint16_t opnum, const char *name, const mr_proc *proc) {
    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_uint(w, "opnum", opnum);
    mr_writer_str(w, "name", name);
    mr_writer_bool(w, "compiled", proc && proc->args);
    mr_writer_str(w, "signature", proc && proc->args ? made(a, make_signature, proc) : NULL);
    mr_writer_close(w);
}

static void json_iface(app *a, mr_writer *w, const struct subject *s, const char *key) {
    uint16_t opnum;

    mr_writer_open(w, key, MR_SHAPE_OBJECT);
    json_head(w, s);
    mr_writer_open(w, "endpoints", MR_SHAPE_ARRAY);
    for (uint32_t i = 0; s->iface && i < s->iface->endpoint_count; i++)
        mr_writer_str(w, NULL, s->iface->endpoints[i]);
    mr_writer_close(w);
    mr_writer_open(w, "methods", MR_SHAPE_ARRAY);
    for (uint32_t i = 0; s->iface && i < s->iface->proc_count; i++)
        if (s->iface->procs[i].name)
            json_op(a, w, s->iface->procs[i].opnum, s->iface->procs[i].name, &s->iface->procs[i]);
    for (size_t i = 0; !s->iface && i < mr_op_count(s->known); i++) {
        const char *name = mr_op_get(s->known, i, &opnum);
        json_op(a, w, opnum, name, NULL);
    }
    mr_writer_close(w);
    mr_writer_close(w);
}

static void json_parameters(app *a, mr_writer *w, const mr_proc *proc) {
    mr_writer_open(w, "parameters", MR_SHAPE_ARRAY);
    for (unsigned i = 0; i < proc->args->count; i++) {
        const mr_ndr_member *m = &proc->args->u.members[i];
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "name", m->name);
        mr_writer_bool(w, "in", m->flags & MR_MEMBER_IN);
        mr_writer_bool(w, "out", m->flags & MR_MEMBER_OUT);
        mr_writer_bool(w, "return", m->flags & MR_MEMBER_RETURN);
        mr_writer_str(w, "declaration", made(a, make_member, m));
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static void json_method(app *a, mr_writer *w, const struct subject *s) {
    const mr_type *types[IDL_TYPES_MAX];

    mr_writer_open(w, "method", MR_SHAPE_OBJECT);
    mr_writer_open(w, "interface", MR_SHAPE_OBJECT);
    json_head(w, s);
    mr_writer_close(w);
    mr_writer_uint(w, "opnum", s->opnum);
    mr_writer_str(w, "name", s->op);
    mr_writer_bool(w, "compiled", s->proc != NULL);
    if (s->proc) {
        mr_writer_str(w, "declaration", made(a, make_proc, s->proc));
        json_parameters(a, w, s->proc);
        mr_writer_open(w, "types", MR_SHAPE_ARRAY);
        size_t n = idl_types(s->proc, types);
        for (size_t i = 0; i < n; i++) {
            mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
            mr_writer_str(w, "name", types[i]->name);
            mr_writer_str(w, "kind", idl_kind(types[i]));
            mr_writer_str(w, "declaration", made(a, make_type, types[i]));
            mr_writer_close(w);
        }
        mr_writer_close(w);
        void *args = example(a, s->proc);
        if (args) {
            mr_writer_open(w, "example", MR_SHAPE_OBJECT);
            print_example(s->proc, args, w);
            mr_writer_close(w);
        }
    }
    mr_writer_close(w);
}

static void json_list(app *a, mr_writer *w) {
    const mr_iface_name **rows;
    struct subject s;

    mr_writer_open(w, "interfaces", MR_SHAPE_ARRAY);
    for (const mr_iface *const *i = mr_ifaces; *i; i++) {
        s = (struct subject){
            .syntax = (*i)->syntax, .iface = *i, .known = mr_name_find(&(*i)->syntax.uuid)};
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        json_head(w, &s);
        mr_writer_uint(w, "methods", callable(*i));
        mr_writer_close(w);
    }
    size_t n = a->set.verbose ? named_only(a, &rows) : 0;
    for (size_t i = 0; i < n; i++) {
        s = (struct subject){
            .syntax = {rows[i]->uuid, rows[i]->major, rows[i]->minor}, .known = rows[i]};
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        json_head(w, &s);
        mr_writer_uint(w, "methods", mr_op_count(rows[i]));
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

/* ---- the command ---- */

static int run(app *a) {
    struct subject s;
    mr_writer w;

    if (a->arg_count > 1)
        return app_refuse(a, APP_USAGE, "one INTERFACE or INTERFACE.METHOD is wanted");
    int code = a->arg_count ? find_subject(a, a->args[0], &s) : 0;
    if (code)
        return code;
    if (a->set.json || a->set.jsonl) {
        app_report_open(a, &w);
        if (!a->arg_count)
            json_list(a, &w);
        else if (s.op)
            json_method(a, &w, &s);
        else
            json_iface(a, &w, &s, "interface");
        return app_report_close(a, &w, APP_OK);
    }
    if (!a->arg_count)
        show_list(a);
    else if (s.op)
        show_method(a, &s);
    else
        show_iface(a, &s);
    return APP_OK;
}

const app_command app_describe = {
    .name = "describe",
    .line = "what is known of an interface: methods, types, an example request",
    .synopsis = "[INTERFACE[.METHOD]]",
    .about =
        "Without an argument lists the compiled interfaces; -v adds all that are known by name. "
        "With an interface (name or UUID[:VERSION]) lists its methods, what goes in and what "
        "comes out. With a method shows its parameters and every type they reach, in the words of "
        "IDL, and an example request that msrpc call accepts.",
    .examples = {"msrpc describe samr", "the methods of samr",
                 "msrpc describe epmapper.ept_lookup",
                 "its parameters, their types and a request to start from"},
    .exits = {"0", "described",
              "64", "usage, or no such interface or method"},
    .groups = APP_GROUP_OUTPUT,
    .run = run,
};
