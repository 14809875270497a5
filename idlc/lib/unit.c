/*
 * The unit: memory, messages, names and the files read. Invariants: everything lies in the unit's
 * arena; exhaustion and nesting too deep leave through mr_idl_abort to mr_idl_compile; a message
 * names file, line and column (both from 1) and shows the line.
 */
#include "ast.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

void *mr_idl_new(mr_idl_unit *unit, size_t size) {
    void *p = mr_arena_get(unit->arena, 1, size);
    if (!p)
        mr_idl_abort(unit, MR_ERR_MEMORY);
    return p;
}

const char *mr_idl_text(mr_idl_unit *unit, const char *fmt, ...) {
    va_list ap, again;

    va_start(ap, fmt);
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (len < 0) {
        va_end(again);
        mr_idl_abort(unit, MR_ERR_LIMIT);
    }
    char *text = mr_arena_get(unit->arena, (size_t)len + 1, 1);
    if (text)
        vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    if (!text)
        mr_idl_abort(unit, MR_ERR_MEMORY);
    return text;
}

_Noreturn void mr_idl_abort(mr_idl_unit *unit, int code) {
    longjmp(unit->abort, -code);
}

/* Line and column (from 1) of @loc, and the line itself without its end. */
static mr_slice line_of(mr_idl_loc loc, uint32_t *linep, uint32_t *columnp) {
    const char *text = (const char *)loc.source->text.data;
    size_t len = loc.source->text.len, start = 0, end;

    *linep = 1;
    for (size_t i = 0; i < loc.offset && i < len; i++)
        if (text[i] == '\n') {
            ++*linep;
            start = i + 1;
        }
    for (end = start; end < len && text[end] != '\n' && text[end] != '\r'; end++)
        ;
    *columnp = loc.offset - (uint32_t)start + 1;
    return mr_slice_of(text + start, end - start);
}

static void say(mr_idl_unit *unit, mr_idl_loc loc, const char *severity, const char *text) {
    mr_buf *out = unit->messages;
    uint32_t line, column;
    mr_slice shown = line_of(loc, &line, &column);

    mr_buf_write_fmt(out, "%s:%u:%u: %s: %s\n", loc.source->path, line, column, severity, text);
    if (shown.len == 0 || shown.len > 400)
        return;
    mr_buf_write_str(out, "    ");
    for (size_t i = 0; i < shown.len; i++) {
        uint8_t c = shown.data[i];
        mr_buf_write_u8(out, c < 0x20 && c != '\t' ? '?' : c);
    }
    mr_buf_write_str(out, "\n    ");
    for (uint32_t i = 1; i < column; i++)
        mr_buf_write_u8(out, i <= shown.len && shown.data[i - 1] == '\t' ? '\t' : ' ');
    mr_buf_write_u8(out, '^');
    for (uint32_t i = 1; i < loc.len && column + i <= shown.len; i++)
        mr_buf_write_u8(out, '~');
    mr_buf_write_u8(out, '\n');
}

#define FORMAT(fmt, text)                                                                          \
    char text[300];                                                                                \
    va_list ap;                                                                                    \
    va_start(ap, fmt);                                                                             \
    vsnprintf(text, sizeof text, fmt, ap);                                                         \
    va_end(ap)

void mr_idl_error(mr_idl_unit *unit, mr_idl_loc loc, const char *fmt, ...) {
    FORMAT(fmt, text);
    say(unit, loc, "error", text);
    if (++unit->errors >= unit->max_errors) {
        mr_buf_write_fmt(unit->messages, "%s: stopped after %u errors\n", loc.source->path,
                         unit->errors);
        mr_idl_abort(unit, MR_ERR_SYNTAX);
    }
}

void mr_idl_warn(mr_idl_unit *unit, mr_idl_loc loc, const char *fmt, ...) {
    FORMAT(fmt, text);
    say(unit, loc, "warning", text);
}

void mr_idl_note(mr_idl_unit *unit, mr_idl_loc loc, const char *fmt, ...) {
    FORMAT(fmt, text);
    say(unit, loc, "note", text);
}

/* Edits that turn one name into the other, case-insensitively; at most 63 characters count. */
static uint32_t edit_distance(const char *a, const char *b) {
    uint32_t row[64];
    size_t alen = strlen(a), blen = strlen(b);

    if (alen > 63 || blen > 63)
        return UINT32_MAX;
    for (uint32_t j = 0; j <= blen; j++)
        row[j] = j;
    for (uint32_t i = 1; i <= alen; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t j = 1; j <= blen; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            uint32_t best = diagonal + !same;
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[blen];
}

void mr_idl_near_offer(mr_idl_near *near, const char *name) {
    if (!name)
        return;
    uint32_t distance = edit_distance(near->wanted, name);
    uint32_t most = (uint32_t)strlen(near->wanted) / 3 + 1;
    if (distance <= most && (!near->best || distance < near->distance)) {
        near->best = name;
        near->distance = distance;
    }
}

static uint32_t bucket_of(const char *name) {
    uint32_t h = 2166136261u;
    while (*name)
        h = (h ^ (uint8_t)*name++) * 16777619u;
    return h % MR_IDL_BUCKETS;
}

mr_idl_symbol *mr_idl_find(mr_idl_unit *unit, const char *name, bool tag) {
    for (mr_idl_symbol *s = unit->buckets[bucket_of(name)]; s; s = s->chain)
        if ((s->kind == MR_IDL_SYM_TAG) == tag && strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

mr_idl_symbol *mr_idl_add(mr_idl_unit *unit, enum mr_idl_symbol_kind kind, const char *name,
                          mr_idl_loc loc) {
    uint32_t bucket = bucket_of(name);
    mr_idl_symbol *s = mr_idl_new(unit, sizeof *s);

    s->kind = kind;
    s->name = name;
    s->loc = loc;
    s->chain = unit->buckets[bucket];
    unit->buckets[bucket] = s;
    *unit->symbol_tail = s;
    unit->symbol_tail = &s->next;
    return s;
}

const mr_idl_attr *mr_idl_attr_find(const mr_idl_attr *attrs, enum mr_idl_attr_id id) {
    for (; attrs; attrs = attrs->next)
        if (attrs->id == id)
            return attrs;
    return NULL;
}

const char *mr_idl_c_name(mr_idl_unit *unit, const char *name) {
    static const char *const taken[] = {
        "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else",
        "enum", "extern", "float", "for", "goto", "if", "inline", "int", "long", "register",
        "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef",
        "union", "unsigned", "void", "volatile", "while", "asm", "typeof", "bool", "true", "false",
        "class", "new", "delete", "this", "private", "public", "protected", "template", "operator",
        "namespace", "virtual", "friend", "try", "catch", "throw", "unix", "linux", "errno",
        "stdin", "stdout", "stderr", "NULL", "EOF", "assert", "offsetof",
    };

    for (size_t i = 0; i < MR_COUNT(taken); i++)
        if (strcmp(taken[i], name) == 0)
            return mr_idl_text(unit, "%s_", name);
    return name;
}

/* The file's name without folders and ending. */
static void stem_of(mr_idl_unit *unit, mr_idl_source *source) {
    const char *slash = strrchr(source->path, '/');
    const char *name = slash ? slash + 1 : source->path;
    const char *dot = strrchr(name, '.');
    int len = dot && dot != name ? (int)(dot - name) : (int)strlen(name);

    source->file_stem = mr_idl_text(unit, "%.*s", len, name);
    char *stem = (char *)mr_idl_text(unit, "%s%.*s", isdigit((unsigned char)*name) ? "_" : "", len,
                                     name);
    for (char *p = stem; *p; p++)
        if (!isalnum((unsigned char)*p))
            *p = '_';
    source->stem = stem;

    const char *prefix = unit->options->prefix ? unit->options->prefix : "STEM_";
    const char *mark = strstr(prefix, "STEM");
    source->prefix = mark ? mr_idl_text(unit, "%.*s%s%s", (int)(mark - prefix), prefix, stem,
                                        mark + 4)
                          : prefix;
}

static mr_idl_source *add_source(mr_idl_unit *unit, const char *path, mr_slice text) {
    mr_idl_source *source = mr_idl_new(unit, sizeof *source);
    mr_idl_source **tail = &unit->sources;

    source->path = path;
    source->text = text;
    source->main = !unit->sources;
    stem_of(unit, source);
    while (*tail)
        tail = &(*tail)->next;
    *tail = source;
    return source;
}

/* Parses the file @name that the import at @loc asks for, unless it was read before. */
int mr_idl_read_source(mr_idl_unit *unit, const char *name, mr_idl_loc loc) {
    const mr_idl_loader *loader = unit->options->loader;
    const char *path;
    mr_slice text;

    if (!loader) {
        mr_idl_error(unit, loc, "\"%s\" cannot be imported here", name);
        return MR_ERR_NOT_FOUND;
    }
    int r = loader->load(loader->user, name, loc.source->path, unit->arena, &path, &text);
    if (r == MR_ERR_MEMORY)
        mr_idl_abort(unit, r);
    if (r != 0) {
        mr_idl_error(unit, loc, "cannot read \"%s\"", name);
        return r;
    }
    for (mr_idl_source *s = unit->sources; s; s = s->next)
        if (strcmp(s->path, path) == 0)
            return 0;
    mr_idl_source *before = unit->source;
    mr_idl_source *source = add_source(unit, path, text);
    unit->source = source;
    mr_idl_parse(unit, source);
    unit->source = before;
    return 0;
}

int mr_idl_compile(const char *path, mr_slice text, const mr_idl_options *options,
                   mr_arena *arena, mr_buf *messages, mr_idl_unit **unitp) {
    mr_idl_unit *unit = MR_ARENA_NEW(arena, mr_idl_unit);

    if (!unit)
        return MR_ERR_MEMORY;
    unit->arena = arena;
    unit->options = options;
    unit->messages = messages;
    unit->max_errors = options->max_errors ? options->max_errors : 20;
    unit->symbol_tail = &unit->symbols;
    unit->compound_tail = &unit->compounds;
    unit->done_tail = &unit->done;
    unit->iface_tail = &unit->ifaces;
    unit->anonymous_tail = &unit->anonymous;
    int code = setjmp(unit->abort);
    if (code != 0)
        return -code;
    unit->source = add_source(unit, path, text);
    mr_idl_parse(unit, unit->source);
    mr_idl_check(unit);
    if (unit->errors)
        return MR_ERR_SYNTAX;
    *unitp = unit;
    return 0;
}

int mr_idl_emit(mr_idl_unit *unit, enum mr_idl_output output, mr_buf *out) {
    int code = setjmp(unit->abort);

    if (code != 0)
        return -code;
    switch (output) {
    case MR_IDL_HEADER:
        mr_idl_emit_header(unit, out);
        break;
    case MR_IDL_TABLES:
        mr_idl_emit_tables(unit, out);
        break;
    case MR_IDL_CLIENT:
        mr_idl_emit_client(unit, out);
        break;
    case MR_IDL_SERVER:
        mr_idl_emit_server(unit, out);
        break;
    case MR_IDL_DUMP:
        mr_idl_emit_dump(unit, out);
        break;
    }
    return mr_buf_error(out);
}

const char *mr_idl_unit_stem(const mr_idl_unit *unit) {
    return unit->sources->file_stem;
}

const char *mr_idl_unit_file(const mr_idl_unit *unit, size_t index) {
    const mr_idl_source *s = unit->sources;
    while (s && index--)
        s = s->next;
    return s ? s->path : NULL;
}
