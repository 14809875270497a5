/*
 * msrpc explain -: pasted text from standard input: what was recognised and where, the findings by
 * phase, the verdict and the command to run next. Reading stops at the end, at an interrupt (what
 * came until then is judged) or at a limit.
 */
#include "explain.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "report.h"

#define INPUT_MOST ((size_t)64 << 20)
#define ITEMS_SHOWN 16 /* without -v */
#define GOOD_SHOWN 4

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

/* 0, or the exit code that reading ended with; *@lenp is how much came. */
static int read_all(app *a, mr_paste *paste, size_t *lenp) {
    struct sigaction action = {.sa_handler = on_interrupt}, old;
    static char piece[65536];
    int code = APP_OK;

    *lenp = 0;
    if (isatty(STDIN_FILENO))
        fputs("paste the text, then Ctrl-D on a line of its own\n", stderr);
    sigaction(SIGINT, &action, &old);
    while (!interrupted && code == APP_OK) {
        ssize_t n = read(STDIN_FILENO, piece, sizeof piece);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            code = app_refuse(a, APP_UNREADABLE, "standard input: %s", strerror(errno));
        else if ((*lenp += (size_t)n) > INPUT_MOST)
            code = app_refuse(a, APP_UNREADABLE, "standard input: more than %zu MiB; give the "
                              "part that matters", INPUT_MOST >> 20);
        else if (mr_paste_feed(paste, mr_slice_of(piece, (size_t)n)))
            code = app_refuse(a, APP_MISSING, "out of memory");
    }
    sigaction(SIGINT, &old, NULL);
    return interrupted && code == APP_OK ? APP_INTERRUPTED : code;
}

/* ---- screen ---- */

static enum app_mark mark_of(const mr_paste_item *item) {
    switch (item->kind) {
    case MR_PHRASE_CAUSE: return APP_MARK_FAIL;
    case MR_PHRASE_SYMPTOM:
    case MR_PHRASE_CODE: return APP_MARK_WARN;
    case MR_PHRASE_GOOD: return APP_MARK_OK;
    case MR_PHRASE_NOTE:
    case MR_PHRASE_MARK: return APP_MARK_SKIP;
    }
    return APP_MARK_SKIP;
}

static void show_item(app *a, const mr_paste_item *item) {
    const char *text = app_safe(a, mr_slice_str(item->text));
    char first[64], again[40] = "";

    snprintf(first, sizeof first, " %s line %-6zu ", app_mark(a, mark_of(item)), item->line);
    if (item->count > 1)
        snprintf(again, sizeof again, " (%zu times)", item->count);
    const char *full = mr_arena_add_fmt(&a->arena, "%s%s", text, again);
    app_wrap(a->out, first, 18, full ? full : text);
    if (item->kind == MR_PHRASE_GOOD || !item->meaning || !*item->meaning)
        return;
    full = item->meaning;
    if (item->code)
        full = mr_arena_add_fmt(&a->arena,
                                item->code->value < 65536 ? "%s (%u %s)" : "%s (0x%x %s)",
                                item->meaning, item->code->value, mr_code_symbol(item->code));
    app_wrap(a->out, "                  = ", 20, full ? full : item->meaning);
}

static void show_items(app *a, const mr_paste_result *r) {
    size_t shown = 0, good = 0, left = 0;

    fprintf(a->out, " RECOGNISED\n");
    for (size_t i = 0; i < r->item_count; i++) {
        const mr_paste_item *item = &r->items[i];
        size_t *n = item->kind == MR_PHRASE_GOOD ? &good : &shown;
        if (!a->set.verbose &&
            *n >= (item->kind == MR_PHRASE_GOOD ? (size_t)GOOD_SHOWN : (size_t)ITEMS_SHOWN)) {
            left++;
            continue;
        }
        ++*n;
        show_item(a, item);
    }
    left += r->more_items;
    if (left)
        fprintf(a->out, "      ... and %zu more%s\n", left,
                a->set.verbose ? "" : " (-v shows them)");
    fputc('\n', a->out);
}

static void show_finding(app *a, const mr_paste_finding *f, bool first) {
    static const char *const heads[] = {"", "1 NAMES", "2 TCP", "3 DISCOVER", "4 CALL"};
    enum app_mark mark = f->explained_by ? APP_MARK_SKIP
                         : f->confidence == MR_CONFIDENCE_POSSIBLE ? APP_MARK_WARN : APP_MARK_FAIL;
    char head[64], text[1200];

    snprintf(text, sizeof text, "%s%s%s: %s%s%s", mr_text_get(f->rule->id),
             f->subject ? " " : "", f->subject ? f->subject : "", mr_text_get(f->rule->summary),
             f->explained_by ? "; follows from " : f->confidence == MR_CONFIDENCE_POSSIBLE
                                                       ? " (possible)" : "",
             f->explained_by ? mr_text_get(f->explained_by->rule->id) : "");
    snprintf(head, sizeof head, " %-10s %s ", first ? heads[f->rule->phase] : "",
             app_mark(a, mark));
    app_wrap(a->out, head, 17, app_safe(a, mr_slice_str(text)));
}

static void show_findings(app *a, const mr_paste_result *r) {
    for (int phase = 1; phase <= MR_PHASE_COUNT; phase++) {
        bool first = true;
        for (size_t i = 0; i < r->finding_count; i++) {
            const mr_paste_finding *f = &r->findings[i];
            /* an alternative of what is certain enough is noise */
            if ((int)f->rule->phase != phase ||
                (f->explained_by && !f->named && !a->set.verbose))
                continue;
            show_finding(a, f, first);
            first = false;
        }
    }
    if (r->finding_count)
        fputc('\n', a->out);
}

static void show_verdict(app *a, const mr_paste_result *r) {
    const mr_paste_finding *v = r->verdict;
    char head[40], text[400];

    snprintf(head, sizeof head, " %sVERDICT%s  ", app_style(a, APP_BOLD),
             app_style(a, APP_PLAIN));
    if (!v && !r->symptom) {
        fprintf(a->out, "%snothing wrong seen\n", head);
        return;
    }
    if (!v) {
        snprintf(text, sizeof text, "%s: something failed, its cause is not in the text",
                 explain_phase_text((unsigned)r->symptom->phase));
        app_wrap(a->out, head, 10, text);
        return;
    }
    bool possible = v->confidence == MR_CONFIDENCE_POSSIBLE;
    snprintf(text, sizeof text, "phase %d: %s%s", (int)v->rule->phase,
             mr_text_get(v->rule->summary),
             possible ? ", or another of the findings above: the text alone does not tell" : "");
    app_wrap(a->out, head, 10, text);
    if (!possible) {
        const char *cause = mr_rule_outline(&a->arena, mr_text_get(v->rule->cause), v->subject);
        if (cause)
            app_wrap(a->out, " CAUSE    ", 10, app_safe(a, mr_slice_str(cause)));
        if (v->confidence != MR_CONFIDENCE_CERTAIN)
            fprintf(a->out, "          (%s)\n", mr_confidence_name(v->confidence));
        explain_remedies(a, v->rule, v->subject ? app_safe(a, mr_slice_str(v->subject)) : NULL,
                         a->set.verbose ? SIZE_MAX : 2);
    }
}

/* "dcdiag, event log": whose words they are. */
static const char *tools_text(const mr_paste_result *r, char *out, size_t size) {
    size_t at = 0;
    *out = '\0';
    for (int tool = 1; tool < MR_TOOLS; tool++)
        if (r->tools[tool] && at < size - 1)
            at += (size_t)snprintf(out + at, size - at, "%s%s", at ? ", " : "",
                                   mr_tool_name((enum mr_tool)tool));
    return out;
}

static void show(app *a, const mr_paste_result *r, int code) {
    char tools[160], right[200];

    if (a->set.quiet) {
        fprintf(a->out, "%s%s%s\n", r->verdict ? mr_text_get(r->verdict->rule->summary)
                                    : r->symptom ? "something failed" : "nothing wrong seen",
                r->verdict ? " " : "", r->verdict ? mr_text_get(r->verdict->rule->id) : "");
        return;
    }
    tools_text(r, tools, sizeof tools);
    snprintf(right, sizeof right, "%zu line%s%s%s", r->lines, r->lines == 1 ? "" : "s",
             *tools ? ", " : "", tools);
    fprintf(a->out, "msrpc explain -%*s\n\n", 80 - 15, right);
    show_items(a, r);
    show_findings(a, r);
    show_verdict(a, r);
    if (r->next)
        fprintf(a->out, " NEXT     %s\n", app_safe(a, mr_slice_str(r->next)));
    fprintf(a->out, " exit %d\n", code);
}

/* ---- JSON ---- */

static void items_json(mr_writer *w, const mr_paste_result *r) {
    mr_writer_open(w, "recognised", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < r->item_count; i++) {
        const mr_paste_item *item = &r->items[i];
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_uint(w, "line", item->line);
        mr_writer_uint(w, "count", item->count);
        mr_writer_str(w, "text", item->text);
        mr_writer_str(w, "tool", mr_tool_name(item->tool));
        mr_writer_str(w, "kind", mr_phrase_kind_name(item->kind));
        mr_writer_str(w, "meaning", item->meaning);
        mr_writer_uint(w, "phase", (unsigned)item->phase);
        explain_ids_json(w, item->kind == MR_PHRASE_GOOD ? "" : item->findings);
        mr_writer_uint(w, "win32", item->win32);
        mr_writer_str(w, "subject", item->subject);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static void findings_json(mr_writer *w, const mr_paste_result *r) {
    mr_writer_open(w, "findings", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < r->finding_count; i++) {
        const mr_paste_finding *f = &r->findings[i];
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        explain_rule_members(w, f->rule);
        mr_writer_str(w, "confidence", mr_confidence_name(f->confidence));
        mr_writer_str(w, "subject", f->subject);
        mr_writer_uint(w, "line", f->item->line);
        mr_writer_str(w, "explained_by",
                      f->explained_by ? mr_text_get(f->explained_by->rule->id) : NULL);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static int json(app *a, const mr_paste_result *r, int code) {
    mr_writer w;

    app_report_open(a, &w);
    mr_writer_uint(&w, "lines", r->lines);
    mr_writer_bool(&w, "partial", code == APP_INTERRUPTED);
    mr_writer_open(&w, "tools", MR_SHAPE_ARRAY);
    for (int tool = 1; tool < MR_TOOLS; tool++)
        if (r->tools[tool])
            mr_writer_str(&w, NULL, mr_tool_name((enum mr_tool)tool));
    mr_writer_close(&w);
    items_json(&w, r);
    findings_json(&w, r);
    mr_writer_open(&w, "verdict", MR_SHAPE_OBJECT);
    mr_writer_uint(&w, "phase", r->verdict   ? (unsigned)r->verdict->rule->phase
                                : r->symptom ? (unsigned)r->symptom->phase : 0);
    mr_writer_str(&w, "finding", r->verdict ? mr_text_get(r->verdict->rule->id) : NULL);
    mr_writer_str(&w, "summary", r->verdict   ? mr_text_get(r->verdict->rule->summary)
                                 : r->symptom ? "something failed, its cause is not in the text"
                                 : r->item_count ? "nothing wrong seen" : "nothing known of this");
    mr_writer_close(&w);
    mr_writer_str(&w, "next", r->next);
    return app_report_close(a, &w, code);
}

int explain_paste(app *a) {
    mr_paste_result result;
    mr_paste *paste;
    size_t len;
    int code;

    if (mr_paste_new(&a->arena, &paste))
        return app_refuse(a, APP_MISSING, "out of memory");
    code = read_all(a, paste, &len);
    if (code != APP_OK && code != APP_INTERRUPTED)
        return code;
    if (len == 0 && code == APP_OK)
        return app_refuse(a, APP_UNREADABLE, "standard input is empty");
    if (mr_paste_end(paste, &result))
        return app_refuse(a, APP_MISSING, "out of memory");
    if (code == APP_OK)
        code = result.item_count ? result.exit : APP_USAGE;
    if (a->set.json || a->set.jsonl)
        return json(a, &result, code);
    if (!result.item_count)
        return code == APP_USAGE
                   ? app_refuse(a, code, "nothing is known of this text (%zu line%s)",
                                result.lines, result.lines == 1 ? "" : "s")
                   : code;
    show(a, &result, code);
    return code;
}
