/*
 * Compares a diagnosis with a saved one. Both are read as JSON, so that a result of any version of
 * the schema serves; what neither report says is not compared. Times and latencies are not: they
 * differ in every run.
 */
#include "against.h"

#include "input.h"
#include "tokens.h"

#define FILE_MAX ((size_t)256 << 20)

/* ---- reading ---- */

static mr_slice string_of(const mr_token *object, const char *key) {
    const mr_token *t = object ? mr_token_find(object, key) : NULL;
    return t && t->kind == MR_TOKEN_STRING ? t->string : MR_SLICE_LIT("");
}

static bool is_report(const mr_token *t) {
    return t->kind == MR_TOKEN_OBJECT &&
           mr_slice_eq(string_of(t, "command"), MR_SLICE_LIT("diagnose"));
}

static void add_report(app_saved *saved, const mr_token *t) {
    const mr_token *results = t->kind == MR_TOKEN_OBJECT ? mr_token_find(t, "results") : NULL;

    if (is_report(t))
        saved->reports[saved->count++] = t;
    if (results && results->kind == MR_TOKEN_ARRAY)
        for (const mr_token *each = results->child; each; each = each->next)
            if (is_report(each))
                saved->reports[saved->count++] = each;
}

static size_t count_lines(mr_slice text) {
    size_t n = 1;
    for (size_t i = 0; i < text.len; i++)
        n += text.data[i] == '\n';
    return n;
}

/* One value, or a value a line as --jsonl writes them. */
static int read_reports(app *a, mr_slice text, app_saved *saved) {
    mr_error err = MR_ERROR_INIT;
    const mr_token *t;
    size_t line = 0;

    if (app_tokens_decode(text, &a->arena, &t, &err) == 0) {
        size_t most = 1 + (t->kind == MR_TOKEN_OBJECT && mr_token_find(t, "results")
                               ? mr_token_find(t, "results")->count : 0);
        saved->reports = mr_arena_get(&a->arena, most, sizeof *saved->reports);
        if (!saved->reports)
            return app_refuse(a, APP_BUG, "out of memory");
        add_report(saved, t);
        return 0;
    }
    const uint8_t *end = memchr(text.data, '\n', text.len);
    mr_slice first = mr_slice_of(text.data, end ? (size_t)(end - text.data) : text.len);
    mr_error line_err = MR_ERROR_INIT;
    if (app_tokens_decode(first, &a->arena, &t, &line_err) != 0 || t->kind != MR_TOKEN_OBJECT)
        return app_refuse(a, APP_UNREADABLE, "%s: %s", saved->file, app_error(a, &err));
    saved->reports = mr_arena_get(&a->arena, count_lines(text), sizeof *saved->reports);
    if (!saved->reports)
        return app_refuse(a, APP_BUG, "out of memory");
    while (text.len) {
        end = memchr(text.data, '\n', text.len);
        size_t len = end ? (size_t)(end - text.data) : text.len;
        line++;
        if (len && app_tokens_decode(mr_slice_of(text.data, len), &a->arena, &t, &err) != 0)
            return app_refuse(a, APP_UNREADABLE, "%s: line %zu: %s", saved->file, line,
                              app_error(a, &err));
        if (len && is_report(t))
            saved->reports[saved->count++] = t;
        text = mr_slice_sub(text, end ? len + 1 : len, text.len);
    }
    return 0;
}

int app_saved_read(app *a, const char *file, app_saved *savedp) {
    app_saved saved = {.file = file};
    mr_slice text;
    int code = app_input_read(a, file, FILE_MAX, &text);

    if (!code)
        code = read_reports(a, text, &saved);
    if (!code && saved.count == 0)
        code = app_refuse(a, APP_UNREADABLE, "%s: holds no report of msrpc diagnose --json", file);
    if (!code)
        *savedp = saved;
    return code;
}

/* The last report of a target: of several runs in one file the newest counts. */
static const mr_token *find_report(const app_saved *saved, const char *input) {
    for (size_t i = saved->count; i > 0; i--) {
        const mr_token *target = mr_token_find(saved->reports[i - 1], "target");
        if (mr_slice_eq_nocase(string_of(target, "input"), mr_slice_str(input)))
            return saved->reports[i - 1];
    }
    return NULL;
}

bool app_saved_has(const app_saved *saved, const char *input) {
    return find_report(saved, input) != NULL;
}

/* ---- comparing ---- */

struct compare {
    const mr_token *before, *now;
    mr_arena *arena;
    app_changes changes;
    size_t size;
    bool failed; /* out of memory */
    app_change lost; /* what had no room */
};

static const char *keep(struct compare *c, mr_slice s) {
    const char *text = mr_arena_add_str(c->arena, s);

    c->failed |= !text;
    return text ? text : "";
}

static app_change *add_change(struct compare *c, const char *kind, mr_slice id,
                              const mr_slice *before, const mr_slice *after) {
    app_changes *all = &c->changes;

    if (all->count == c->size) {
        size_t size = c->size ? c->size * 2 : 32;
        app_change *more = mr_arena_get(c->arena, size, sizeof *more);
        if (!more) {
            c->failed = true;
            return &c->lost;
        }
        if (all->count)
            memcpy(more, all->items, all->count * sizeof *more);
        all->items = more;
        c->size = size;
    }
    app_change *change = &all->items[all->count++];
    *change = (app_change){.kind = kind, .id = keep(c, id),
                           .before = before ? keep(c, *before) : NULL,
                           .after = after ? keep(c, *after) : NULL};
    return change;
}

static const mr_token *first_of(const mr_token *report, const char *key) {
    const mr_token *array = mr_token_find(report, key);
    return array && array->kind == MR_TOKEN_ARRAY ? array->child : NULL;
}

/* The @nth item of the list @key with that id. */
static const mr_token *find_id(const mr_token *report, const char *key, mr_slice id, size_t nth) {
    for (const mr_token *t = first_of(report, key); t; t = t->next)
        if (mr_slice_eq(string_of(t, "id"), id) && nth-- == 0)
            return t;
    return NULL;
}

/* How many items before @item in its list have its id. */
static size_t place_of(const mr_token *report, const char *key, const mr_token *item) {
    size_t n = 0;
    for (const mr_token *t = first_of(report, key); t && t != item; t = t->next)
        n += mr_slice_eq(string_of(t, "id"), string_of(item, "id"));
    return n;
}

static const mr_token *find_same(const mr_token *report, const char *key, const mr_token *from,
                                 const mr_token *item) {
    return find_id(report, key, string_of(item, "id"), place_of(from, key, item));
}

static bool is_pass(const mr_token *check) {
    return check && mr_slice_eq(string_of(check, "status"), MR_SLICE_LIT("pass"));
}

/* The port of "TCP.49664", "RPC.49664" and "RPC.49664.samr" when it may be a dynamic one. */
static bool dynamic_port(mr_slice id, uint64_t *portp) {
    size_t len = 0;

    if (id.len < 5 || (memcmp(id.data, "TCP.", 4) && memcmp(id.data, "RPC.", 4)))
        return false;
    while (4 + len < id.len && id.data[4 + len] >= '0' && id.data[4 + len] <= '9')
        len++;
    return len && mr_slice_get_number(mr_slice_sub(id, 4, 4 + len), 65535, portp) == 0 &&
           *portp >= MR_PORT_DYNAMIC_MIN;
}

/* What passed in one run and was not looked at in the other tells of no change: optional checks
 * are left out where nothing else has to be waited for, and dynamic ports move. */
static bool unseen(const mr_token *check, const mr_token *other) {
    return !other && is_pass(check);
}

/* Likewise an info of @report whose checks @other does not have. */
static bool unasked(const mr_token *finding, const mr_token *other) {
    if (!mr_slice_eq(string_of(finding, "severity"), MR_SLICE_LIT("info")))
        return false;
    for (const mr_token *t = first_of(finding, "evidence"); t; t = t->next)
        if (find_id(other, "checks", t->string, 0))
            return false;
    return true;
}

static void compare_verdict(struct compare *c) {
    const mr_token *before = mr_token_find(c->before, "verdict");
    const mr_token *now = mr_token_find(c->now, "verdict");

    if (!before || !now)
        return;
    mr_slice was = string_of(before, "summary"), is = string_of(now, "summary");
    mr_slice was_id = string_of(before, "finding"), is_id = string_of(now, "finding");
    if (mr_slice_eq(was, is) && mr_slice_eq(was_id, is_id))
        return;
    app_change *change = add_change(c, "verdict", is_id.len ? is_id : was_id, &was, &is);
    change->worse = !was_id.len && is_id.len;
    change->better = was_id.len && !is_id.len;
}

static const mr_token *find_address(const mr_token *report, mr_slice address) {
    const mr_token *target = mr_token_find(report, "target");
    for (const mr_token *t = target ? first_of(target, "addresses") : NULL; t; t = t->next)
        if (mr_slice_eq(string_of(t, "address"), address))
            return t;
    return NULL;
}

static void compare_addresses(struct compare *c) {
    const mr_token *before = mr_token_find(c->before, "target");
    const mr_token *now = mr_token_find(c->now, "target");

    for (const mr_token *t = before ? first_of(before, "addresses") : NULL; t; t = t->next) {
        mr_slice address = string_of(t, "address");
        if (!find_address(c->now, address))
            add_change(c, "address", MR_SLICE_LIT(""), &address, NULL);
    }
    for (const mr_token *t = now ? first_of(now, "addresses") : NULL; t; t = t->next) {
        mr_slice address = string_of(t, "address");
        if (!find_address(c->before, address))
            add_change(c, "address", MR_SLICE_LIT(""), NULL, &address);
    }
    mr_slice was = string_of(mr_token_find(c->before, "vantage"), "address");
    mr_slice is = string_of(mr_token_find(c->now, "vantage"), "address");
    if (was.len && is.len && !mr_slice_eq(was, is))
        add_change(c, "vantage", MR_SLICE_LIT(""), &was, &is);
}

static void compare_checks(struct compare *c) {
    for (const mr_token *t = first_of(c->before, "checks"); t; t = t->next) {
        const mr_token *now = find_same(c->now, "checks", c->before, t);
        mr_slice was = string_of(t, "summary"), is = string_of(now, "summary");
        if (unseen(t, now) || (now && mr_slice_eq(was, is) && is_pass(t) == is_pass(now)))
            continue;
        app_change *change = add_change(c, "check", string_of(t, "id"), &was, now ? &is : NULL);
        change->worse = now && is_pass(t) && !is_pass(now);
        change->better = now && !is_pass(t) && is_pass(now);
    }
    for (const mr_token *t = first_of(c->now, "checks"); t; t = t->next) {
        const mr_token *before = find_same(c->before, "checks", c->now, t);
        mr_slice is = string_of(t, "summary");
        if (before || unseen(t, before))
            continue;
        add_change(c, "check", string_of(t, "id"), NULL, &is)->worse = !is_pass(t);
    }
}

/* The dynamic ports only @from has, as "49153 49154"; "" for none. */
static mr_slice ports_of(struct compare *c, const mr_token *from, const mr_token *other) {
    char text[200] = "";
    size_t at = 0, more = 0;

    for (const mr_token *t = first_of(from, "checks"); t; t = t->next) {
        uint64_t port;
        mr_slice id = string_of(t, "id");
        if (id.data[0] != 'T' || !unseen(t, find_same(other, "checks", from, t)) ||
            !dynamic_port(id, &port))
            continue;
        if (at > sizeof text - 24)
            more++;
        else
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%u", at ? " " : "",
                                   (unsigned)port);
    }
    if (more)
        snprintf(text + at, sizeof text - at, " and %zu more", more);
    return mr_slice_str(keep(c, mr_slice_str(text)));
}

static void compare_ports(struct compare *c) {
    mr_slice gone = ports_of(c, c->before, c->now), new = ports_of(c, c->now, c->before);

    if (gone.len || new.len)
        add_change(c, "ports", MR_SLICE_LIT(""), gone.len ? &gone : NULL, new.len ? &new : NULL);
}

static void compare_findings(struct compare *c) {
    for (const mr_token *t = first_of(c->before, "findings"); t; t = t->next) {
        const mr_token *now = find_same(c->now, "findings", c->before, t);
        mr_slice was = string_of(t, "summary"), was_cause = string_of(t, "cause");
        mr_slice is_cause = string_of(now, "cause");
        if (!now && unasked(t, c->now))
            continue;
        if (!now)
            add_change(c, "finding", string_of(t, "id"), &was, NULL)->better = true;
        else if (!mr_slice_eq(was_cause, is_cause))
            add_change(c, "finding", string_of(t, "id"), &was_cause, &is_cause);
    }
    for (const mr_token *t = first_of(c->now, "findings"); t; t = t->next) {
        mr_slice is = string_of(t, "summary");
        if (!find_same(c->before, "findings", c->now, t) && !unasked(t, c->before))
            add_change(c, "finding", string_of(t, "id"), NULL, &is)->worse = true;
    }
}

int app_saved_compare(const app_saved *saved, const char *input, mr_slice now, mr_arena *arena,
                      app_changes *changesp) {
    struct compare c = {.before = find_report(saved, input), .arena = arena};
    mr_error err = MR_ERROR_INIT;

    c.changes.file = saved->file;
    if (!c.before) {
        *changesp = c.changes;
        return 1;
    }
    int r = app_tokens_decode(now, arena, &c.now, &err);
    if (r)
        return r;
    c.changes.started = keep(&c, string_of(c.before, "started"));
    compare_verdict(&c);
    compare_findings(&c);
    compare_addresses(&c);
    compare_checks(&c);
    compare_ports(&c);
    if (c.failed)
        return MR_ERR_MEMORY;
    *changesp = c.changes;
    return 0;
}

/* ---- showing ---- */

static const char *text_of(app *a, const char *text) {
    return app_safe(a, mr_slice_str(text));
}

void app_changes_show(app *a, const app_changes *changes) {
    if (!changes->started) {
        fprintf(a->out, " SINCE    %s holds no diagnosis of this target\n",
                text_of(a, changes->file));
        return;
    }
    fprintf(a->out, " SINCE    %s (%s)%s\n", text_of(a, changes->started),
            text_of(a, changes->file), changes->count ? "" : ": nothing changed");
    for (size_t i = 0; i < changes->count; i++) {
        const app_change *c = &changes->items[i];
        enum app_mark mark = c->worse ? APP_MARK_FAIL : c->better ? APP_MARK_OK : APP_MARK_SKIP;
        bool verdict = strcmp(c->kind, "verdict") == 0;
        const char *what = *c->id && !verdict ? text_of(a, c->id) : c->kind;
        const char *line =
            !c->before   ? mr_arena_add_fmt(&a->arena, "%s new: %s", what, text_of(a, c->after))
            : !c->after  ? mr_arena_add_fmt(&a->arena, "%s gone: %s", what, text_of(a, c->before))
                         : mr_arena_add_fmt(&a->arena, "%s %s -> %s", what, text_of(a, c->before),
                                            text_of(a, c->after));
        char first[64];
        snprintf(first, sizeof first, "          %s ", app_mark(a, mark));
        if (a->out_color) /* colour takes no columns */
            fprintf(a->out, "%s%s\n", first, line ? line : "");
        else
            app_wrap(a->out, first, 17, line ? line : "");
    }
}

void app_changes_json(const app_changes *changes, mr_writer *w) {
    mr_writer_open(w, "against", MR_SHAPE_OBJECT);
    mr_writer_str(w, "file", changes->file);
    mr_writer_str(w, "started", changes->started);
    mr_writer_open(w, "changes", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < changes->count; i++) {
        const app_change *c = &changes->items[i];
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "kind", c->kind);
        mr_writer_str(w, "id", *c->id ? c->id : NULL);
        mr_writer_str(w, "before", c->before);
        mr_writer_str(w, "after", c->after);
        mr_writer_str(w, "trend", c->worse ? "worse" : c->better ? "better" : "other");
        mr_writer_close(w);
    }
    mr_writer_close(w);
    mr_writer_close(w);
}
