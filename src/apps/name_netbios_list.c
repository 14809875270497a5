/*
 * msrpc name --list FILE: the query lists that nblookup knew. A line is a name, then in any order
 * a suffix and the WINS server to ask for this one name; blanks, tabs or commas stand between them,
 * quotes around a name with blanks. What a line leaves out comes from --suffix (20 by default) and
 * --wins (a broadcast without it). Comments begin with '#' or ';'.
 */
#include "name_netbios.h"

#include "input.h"

#define AT_ONCE 32 /* names asked for together */

struct entry {
    unsigned line;
    mr_netbios_survey_options options;
    mr_netbios_survey survey;
    bool begun, over;
};

struct name_netbios_list {
    struct name_run *run;
    struct entry *entries;
    size_t count, next, running;
};

static bool wanted(const struct name_options *o) {
    return o->list;
}

/* ---- the file ---- */

/* The next field of @restp: up to a separator, or what stands in quotes; false at the end. */
static bool next_field(mr_slice *restp, mr_slice *fieldp) {
    mr_slice rest = *restp;
    size_t len = 0;

    while (rest.len && strchr(" \t\r\n,", rest.data[0]))
        rest = mr_slice_sub(rest, 1, SIZE_MAX);
    if (!rest.len || rest.data[0] == ';')
        return false;
    bool quoted = rest.data[0] == '"';
    if (quoted)
        rest = mr_slice_sub(rest, 1, SIZE_MAX);
    while (len < rest.len && (quoted ? rest.data[len] != '"' : !strchr(" \t\r\n,", rest.data[len])))
        len++;
    *fieldp = mr_slice_sub(rest, 0, len);
    *restp = mr_slice_sub(rest, quoted ? len + 1 : len, SIZE_MAX);
    return true;
}

/* Reads a line into @e, which has the switches already: 0; 1 when it holds no name; APP_USAGE,
 * told. */
static int read_line(app *a, const char *path, mr_slice line, struct entry *e) {
    mr_error err = MR_ERROR_INIT;
    mr_slice field;
    mr_addr server;
    uint8_t octet;
    int suffix;

    if (!next_field(&line, &field))
        return 1;
    if (mr_nbt_name_decode(field, e->options.name, &suffix, &err) != 0)
        return app_refuse(a, APP_USAGE, "%s, line %u: %s", path, e->line,
                          app_safe(a, mr_slice_str(err.text)));
    e->options.has_name = true;
    if (suffix != MR_NBT_NO_SUFFIX) {
        e->options.suffixes[0] = (uint8_t)suffix;
        e->options.suffix_count = 1;
    }
    while (next_field(&line, &field)) {
        if (mr_addr_decode_port(field, MR_NBT_PORT, &server) == 0 &&
            server.family == MR_FAMILY_IPV4) {
            e->options.servers[0] = server;
            e->options.server_count = 1;
            e->options.link_count = 0;
        } else if (mr_nbt_suffix_decode(field, &octet) == 0) {
            e->options.suffixes[0] = octet;
            e->options.suffix_count = 1;
        } else {
            return app_refuse(a, APP_USAGE, "%s, line %u: \"%s\" is neither a suffix nor the IPv4 "
                              "address of a WINS server", path, e->line, app_safe(a, field));
        }
    }
    return 0;
}

static int read_lines(app *a, app_lines *lines, const mr_netbios_survey_options *so,
                      struct entry *entries, size_t *countp) {
    size_t count = 0;
    char *line;
    int code;

    while (!(code = app_lines_next(lines, &line)) && line) {
        struct entry e = {.line = lines->number, .options = *so};
        code = read_line(a, lines->path, mr_slice_str(line), &e);
        if (code == 1)
            continue;
        if (code)
            return code;
        if (count == NETBIOS_LIST_MAX)
            return app_refuse(a, APP_USAGE, "%s: more than %d names", lines->path,
                              NETBIOS_LIST_MAX);
        if (e.options.server_count + e.options.link_count == 0)
            return app_refuse(a, APP_MISSING, "%s, line %u: no interface of this machine can "
                              "broadcast; name a server: --wins IP", lines->path, e.line);
        entries[count++] = e;
    }
    if (!code && count == 0)
        code = app_refuse(a, APP_USAGE, "%s: no name in it", lines->path);
    *countp = count;
    return code;
}

static int read_list(app *a, const struct name_options *o, mr_arena *arena,
                     struct entry **entriesp, size_t *countp) {
    mr_netbios_survey_options so;
    app_lines lines;
    int code = netbios_read_options(a, o, !o->wins.count || o->netbios || o->broadcast, &so);

    if (code)
        return code;
    if (o->status)
        return app_refuse(a, APP_USAGE, "--status and --list exclude each other");
    if (so.suffix_count == 0)
        so.suffixes[so.suffix_count++] = 0x20;
    struct entry *entries = mr_arena_get(arena, NETBIOS_LIST_MAX, sizeof *entries);
    if (!entries)
        return app_refuse(a, APP_BUG, "out of memory");
    code = app_lines_open(a, o->list, &lines);
    if (code)
        return code;
    code = read_lines(a, &lines, &so, entries, countp);
    app_lines_close(&lines);
    *entriesp = entries;
    return code;
}

/* The file is read once, by start: it may be standard input. */
static int check(app *a, const struct name_options *o, const char *name, const char **subjectp) {
    (void)a;
    (void)name;
    *subjectp = o->list;
    return 0;
}

/* ---- asking ---- */

static void ask_more(struct name_netbios_list *l);

static void on_survey(void *user, mr_netbios_survey *survey) {
    struct name_netbios_list *l = user;

    for (size_t i = 0; i < l->next; i++)
        if (&l->entries[i].survey == survey)
            l->entries[i].over = true;
    l->running--;
    ask_more(l);
    if (l->running == 0)
        name_part_over(l->run);
}

static void ask_more(struct name_netbios_list *l) {
    mr_error err = MR_ERROR_INIT;

    while (l->running < AT_ONCE && l->next < l->count) {
        struct entry *e = &l->entries[l->next++];
        e->begun = mr_netbios_survey_start(&e->survey, &l->run->s.loop, &l->run->arena,
                                           &e->options, on_survey, l, &err) == 0;
        l->running += e->begun;
    }
}

static int start(struct name_run *run) {
    struct name_netbios_list *l = MR_ARENA_NEW(&run->arena, struct name_netbios_list);

    if (!l)
        return app_refuse(run->a, APP_BUG, "out of memory");
    l->run = run;
    int code = read_list(run->a, run->o, &run->arena, &l->entries, &l->count);
    if (code)
        return code;
    run->netbios_list = l;
    ask_more(l);
    if (l->running)
        run->open++;
    return 0;
}

static bool from(struct name_run *run, mr_addr *localp) {
    struct name_netbios_list *l = run->netbios_list;

    return l && l->count && l->entries[0].begun && netbios_from(&l->entries[0].survey, localp);
}

static void conclude(struct name_run *run) {
    struct name_netbios_list *l = run->netbios_list;

    for (size_t i = 0; l && i < l->count; i++)
        if (l->entries[i].begun)
            mr_netbios_survey_add_facts(&l->entries[i].survey, &run->diag);
}

/* ---- showing ---- */

struct tally {
    size_t found, unknown, silent;
};

enum found { FOUND, UNKNOWN, SILENT };

/* What came of one name under one suffix, and the question whose answer it is. */
static enum found result_of(const struct entry *e, uint8_t suffix, const mr_netbios **queryp) {
    enum found best = SILENT;

    *queryp = NULL;
    for (size_t i = 0; i < e->survey.query_count; i++) {
        const mr_netbios *q = &e->survey.queries[i];
        if (q->options.name[MR_NBT_NAME - 1] != suffix)
            continue;
        enum found f = q->state == MR_NETBIOS_ANSWERED   ? FOUND
                       : q->state == MR_NETBIOS_NEGATIVE ? UNKNOWN
                                                         : SILENT;
        if (!*queryp || f < best) {
            *queryp = q;
            best = f;
        }
    }
    return best;
}

static void count_one(struct tally *t, enum found f) {
    t->found += f == FOUND;
    t->unknown += f == UNKNOWN;
    t->silent += f == SILENT;
}

static void show_row(struct name_run *run, const struct entry *e, uint8_t suffix,
                     struct tally *t) {
    const mr_netbios *q;
    enum found f = result_of(e, suffix, &q);
    mr_addr addrs[8];
    char text[MR_ADDR_TEXT];
    size_t count = mr_netbios_survey_get_addrs(&e->survey, suffix, addrs, MR_COUNT(addrs));
    const char *name = app_safe(run->a, mr_nbt_name_trim(e->options.name));

    count_one(t, f);
    fprintf(run->a->out, "          %s %-15s <%02X>  ",
            app_mark(run->a, f == FOUND     ? APP_MARK_OK
                             : f == UNKNOWN ? APP_MARK_WARN
                                            : APP_MARK_SKIP), name, suffix);
    if (f != FOUND)
        fprintf(run->a->out, "%-24s", f == UNKNOWN ? "no such name" : "no answer");
    else if (count == 0)
        fprintf(run->a->out, "%-24s", "a group");
    for (size_t i = 0; i < count; i++)
        fprintf(run->a->out, "%s%-*s", i ? "\n                                  " : "",
                i ? 0 : 24, mr_addr_text(&addrs[i], text));
    if (q && count < 2)
        fprintf(run->a->out, "%s", netbios_asked(run, &e->survey, q));
    fputc('\n', run->a->out);
}

static void show(struct name_run *run) {
    struct name_netbios_list *l = run->netbios_list;
    struct tally t = {0};

    if (!l)
        return;
    fprintf(run->a->out, "\n LIST     %zu names\n", l->count);
    for (size_t i = 0; i < l->count; i++)
        for (size_t k = 0; k < l->entries[i].options.suffix_count; k++)
            show_row(run, &l->entries[i], l->entries[i].options.suffixes[k], &t);
    fprintf(run->a->out, "          found %zu, no such name %zu, no answer %zu\n", t.found,
            t.unknown, t.silent);
}

static void json_row(mr_writer *w, const struct entry *e, uint8_t suffix, struct tally *t) {
    static const char *const words[] = {"found", "unknown", "silent"};
    mr_addr addrs[MR_NETBIOS_NODES];
    const mr_netbios *q;
    char text[MR_ADDR_TEXT];
    enum found f = result_of(e, suffix, &q);
    size_t count = mr_netbios_survey_get_addrs(&e->survey, suffix, addrs, MR_COUNT(addrs));

    count_one(t, f);
    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_uint(w, "line", e->line);
    mr_writer_slice(w, "name", mr_nbt_name_trim(e->options.name));
    mr_writer_fmt(w, "suffix", "%02X", suffix);
    mr_writer_str(w, "result", words[f]);
    mr_writer_str(w, "asked", !q ? NULL : q->options.broadcast ? "broadcast" : "wins");
    mr_writer_str(w, "server", q ? mr_addr_text(&q->options.remote, text) : NULL);
    mr_writer_open(w, "addresses", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < count; i++)
        mr_writer_str(w, NULL, mr_addr_text(&addrs[i], text));
    mr_writer_close(w);
    mr_writer_close(w);
}

static void json(struct name_run *run, mr_writer *w) {
    struct name_netbios_list *l = run->netbios_list;
    struct tally t = {0};

    if (!l)
        return;
    mr_writer_open(w, "netbios", MR_SHAPE_OBJECT);
    mr_writer_open(w, "list", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < l->count; i++)
        for (size_t k = 0; k < l->entries[i].options.suffix_count; k++)
            json_row(w, &l->entries[i], l->entries[i].options.suffixes[k], &t);
    mr_writer_close(w);
    mr_writer_open(w, "summary", MR_SHAPE_OBJECT);
    mr_writer_uint(w, "found", t.found);
    mr_writer_uint(w, "unknown", t.unknown);
    mr_writer_uint(w, "silent", t.silent);
    mr_writer_close(w);
    mr_writer_close(w);
}

static void free_list(struct name_run *run) {
    struct name_netbios_list *l = run->netbios_list;

    for (size_t i = 0; l && i < l->count; i++)
        if (l->entries[i].begun)
            mr_netbios_survey_deinit(&l->entries[i].survey);
}

const struct name_part name_part_netbios_list = {
    .wanted = wanted,
    .option = "--list ",
    .check = check,
    .start = start,
    .from = from,
    .conclude = conclude,
    .show = show,
    .json = json,
    .free = free_list,
};
