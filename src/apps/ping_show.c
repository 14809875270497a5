/* The forms of msrpc ping: the screen and the members of the JSON report. */
#include "ping.h"

#include "report.h"

#include <msrpc/ifaces/names.h>

static const char *const stat_names[PING_STATS] = {"calls_in", "calls_out", "packets_in",
                                                   "packets_out"};

/* ---- screen ---- */

static const char *fault_name(uint32_t fault) {
    const mr_code_info *code = mr_code_find_fault(fault);
    return code ? mr_code_symbol(code) : "";
}

static void show_calls(const struct ping *p) {
    app *a = p->s->a;

    for (uint32_t i = 0; i < p->count; i++) {
        const struct ping_call *c = &p->calls[i];
        if (c->ms < 0)
            fprintf(a->out, " %s %3u  no answer: %s\n", app_mark(a, APP_MARK_FAIL), i + 1,
                    c->error ? c->error : "");
        else if (c->fault)
            fprintf(a->out, " %s %3u  %.2f ms  fault 0x%08x %s, %s\n",
                    app_mark(a, p->unsigned_faults ? APP_MARK_WARN : APP_MARK_OK), i + 1, c->ms,
                    c->fault, fault_name(c->fault),
                    p->unsigned_faults ? "unsigned" : "an answer too");
        else
            fprintf(a->out, " %s %3u  %.2f ms\n", app_mark(a, APP_MARK_OK), i + 1, c->ms);
    }
}

static void show_times(const struct ping *p) {
    app *a = p->s->a;

    fprintf(a->out, "\n %u call%s of %s, %u lost\n", p->count, p->count == 1 ? "" : "s", p->method,
            p->lost);
    if (p->lost < p->count)
        fprintf(a->out, " min %.2f  median %.2f  p99 %.2f  max %.2f ms\n", p->min, p->median,
                p->p99, p->max);
    if (p->unsigned_faults)
        fputs(" nothing that came was signed: a fault never is, anybody on the way could\n"
              " have sent it\n", a->out);
}

static void show_stats(const struct ping *p) {
    app *a = p->s->a;

    if (!p->options->stats || (!p->stat_count && !p->stats_error))
        return;
    if (p->stats_error) {
        fprintf(a->out, " %s statistics: %s\n", app_mark(a, APP_MARK_SKIP), p->stats_error);
        return;
    }
    fputs(" the server counts", a->out);
    for (uint32_t i = 0; i < p->stat_count; i++) {
        static const char *const words[] = {"calls in", "calls out", "packets in", "packets out"};
        fprintf(a->out, "%s %u %s", i ? "," : "", p->stats[i], words[i]);
    }
    fputc('\n', a->out);
}

static enum app_mark cell_mark(const struct ping_cell *c) {
    switch (c->bind) {
    case PING_BIND_UNKNOWN: return APP_MARK_SKIP;
    case PING_BIND_BOUND: return APP_MARK_OK;
    case PING_BIND_REJECTED:
    case PING_BIND_MUTE:
    case PING_BIND_FAILED: return APP_MARK_WARN;
    case PING_BIND_REFUSED:
    case PING_BIND_FILTERED:
    case PING_BIND_UNREACHABLE: return APP_MARK_FAIL;
    }
    return APP_MARK_SKIP;
}

static const char *cell_extra(const struct ping_cell *c, char out[64]) {
    snprintf(out, 64, "%s%s", c->ndr64 ? ", NDR64" : "", c->features ? ", features" : "");
    return out;
}

static void show_matrix(const struct ping *p) {
    app *a = p->s->a;
    char address[MR_ADDR_TEXT], extra[64];

    for (size_t i = 0; i < p->cell_count; i += PING_STYLES) {
        const struct ping_cell *plain = &p->cells[i], *windows = plain + 1;
        if (i == 0)
            fprintf(a->out, "\n %-25s %-25s %s\n", "endpoint", "plain bind", "Windows bind");
        fprintf(a->out, " %-25s %s %-20s %s %s%s\n", mr_addr_port_text(&plain->remote, address),
                app_mark(a, cell_mark(plain)), ping_bind_name(plain->bind),
                app_mark(a, cell_mark(windows)), ping_bind_name(windows->bind),
                cell_extra(windows, extra));
        for (unsigned k = 0; k < PING_STYLES; k++) {
            const struct ping_cell *c = plain + k;
            if (c->reason && (k == 0 || !plain->reason || strcmp(c->reason, plain->reason) != 0))
                app_wrap(a->out, k ? "     Windows bind: " : "     ", 5, c->reason);
        }
    }
}

static enum app_mark secure_mark(enum ping_secure_result result) {
    switch (result) {
    case PING_SECURE_NOT_TRIED: return APP_MARK_SKIP;
    case PING_SECURE_ACCEPTED: return APP_MARK_OK;
    case PING_SECURE_REFUSED: return APP_MARK_FAIL;
    case PING_SECURE_FAILED: return APP_MARK_WARN;
    }
    return APP_MARK_SKIP;
}

/* With the id of what it means. */
static const char *reason_text(const struct ping *p, const struct ping_secure *cell) {
    app *a = p->s->a;
    const char *reason = app_safe(a, mr_slice_str(cell->reason));
    const char *text = cell->finding
                           ? mr_arena_add_fmt(&a->arena, "%s (%s)", reason, cell->finding->id)
                           : reason;

    return text ? text : "out of memory";
}

/* Why cells of a row are not accepted, each reason once with the levels it is for. */
static void show_reasons(const struct ping *p, unsigned row) {
    const struct ping_secure *cells = &p->secure[row * PING_LEVELS];
    unsigned columns = row ? PING_LEVELS : 1;

    for (unsigned i = 0; i < columns; i++) {
        const char *reason = cells[i].reason;
        char first[96] = "";
        bool told = !reason;
        unsigned same = 0;
        for (unsigned k = 0; k < columns && !told; k++)
            same += cells[k].reason && strcmp(cells[k].reason, reason) == 0;
        if (same == columns) {
            app_wrap(p->s->a->out, "     ", 7, reason_text(p, &cells[i]));
            return;
        }
        for (unsigned k = 0; k < i && !told; k++)
            told = cells[k].reason && strcmp(cells[k].reason, reason) == 0;
        for (unsigned k = i; k < columns && !told; k++) {
            size_t len = strlen(first);
            if (cells[k].reason && strcmp(cells[k].reason, reason) == 0)
                snprintf(first + len, sizeof first - len, "%s%s", len ? ", " : "     ",
                         app_level_name(ping_secure_level(k)));
        }
        if (!told) {
            size_t len = strlen(first);
            snprintf(first + len, sizeof first - len, ": ");
            app_wrap(p->s->a->out, first, 7, reason_text(p, &cells[i]));
        }
    }
}

/* The reasons that have a name, each once. */
static void show_meanings(const struct ping *p) {
    for (size_t i = 0; i < p->secure_rows * PING_LEVELS; i++) {
        if (!ping_is_first(p, i))
            continue;
        fputc('\n', p->s->a->out);
        app_finding_tell(p->s->a->out, p->secure[i].finding, p->s->a->set.verbose);
    }
}

static void show_security(const struct ping *p) {
    app *a = p->s->a;
    char address[MR_ADDR_TEXT];
    bool account = app_account_logs_on(p->target->account);

    fprintf(a->out, "\n what %s accepts%s\n\n %-20s", mr_addr_port_text(&p->secure_at, address),
            account ? "" : ", by anonymous logons", "security");
    for (unsigned i = 0; i < PING_LEVELS; i++)
        fprintf(a->out, i + 1 < PING_LEVELS ? " %-13s" : " %s",
                app_level_name(ping_secure_level(i)));
    fputc('\n', a->out);
    for (unsigned row = 0; row < p->secure_rows; row++) {
        fprintf(a->out, " %-20s", ping_secure_title(row));
        for (unsigned i = 0; i < (row ? PING_LEVELS : 1); i++) {
            const struct ping_secure *c = &p->secure[row * PING_LEVELS + i];
            bool last = !row || i + 1 == PING_LEVELS; /* no blanks at the end */
            fprintf(a->out, last ? " %s %s" : " %s %-8s", app_mark(a, secure_mark(c->result)),
                    ping_secure_name(c->result));
        }
        fputc('\n', a->out);
        show_reasons(p, row);
    }
    show_meanings(p);
    fputc('\n', a->out);
    app_wrap(a->out, " ", 1, "Each is one call of the interface itself, of an opnum that it does "
             "not have: a server judges the caller first. What single methods ask beyond that is "
             "not seen here.");
}

void ping_show(const struct ping *p) {
    app *a = p->s->a;
    char name[64], address[MR_ADDR_TEXT];

    if (p->cell_count) {
        fprintf(a->out, "msrpc ping %s   %s\n", p->target->input,
                app_iface_name(&p->interface, name));
        app_session_show_who(p->s);
        show_matrix(p);
        if (p->secure)
            show_security(p);
        return;
    }
    if (!p->bound)
        return;
    fprintf(a->out, "msrpc ping %s   %s at %s\n", p->target->input,
            app_iface_name(&p->interface, name), mr_addr_port_text(&p->remote, address));
    app_session_show_who(p->s);
    if (!a->set.quiet) {
        fprintf(a->out, "\n connect %.2f ms, bind %.2f ms\n", p->connect_ms, p->bind_ms);
        show_calls(p);
    }
    if (p->count)
        show_times(p);
    show_stats(p);
}

/* ---- JSON ---- */

static void json_calls(const struct ping *p, mr_writer *w) {
    bool timed = p->lost < p->count;
    const struct { const char *key; double ms; } times[] = {
        {"min", p->min}, {"median", p->median}, {"p99", p->p99}, {"max", p->max}};

    mr_writer_open(w, "calls", MR_SHAPE_ARRAY);
    for (uint32_t i = 0; i < p->count; i++) {
        const struct ping_call *c = &p->calls[i];
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        if (c->ms < 0)
            mr_writer_null(w, "ms");
        else
            mr_writer_real(w, "ms", c->ms);
        if (c->fault)
            mr_writer_fmt(w, "fault", "0x%08x", c->fault);
        if (c->error)
            mr_writer_str(w, "error", c->error);
        mr_writer_close(w);
    }
    mr_writer_close(w);
    for (size_t i = 0; i < MR_COUNT(times); i++) {
        if (timed)
            mr_writer_real(w, times[i].key, times[i].ms);
        else
            mr_writer_null(w, times[i].key);
    }
    mr_writer_uint(w, "lost", p->lost);
    mr_writer_bool(w, "unsigned", p->unsigned_faults);
}

static void json_cells(const struct ping *p, mr_writer *w) {
    char address[MR_ADDR_TEXT];

    mr_writer_open(w, "matrix", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < p->cell_count; i++) {
        const struct ping_cell *c = &p->cells[i];
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "endpoint", mr_addr_port_text(&c->remote, address));
        mr_writer_str(w, "bind", c->style == MR_BIND_PLAIN ? "plain" : "windows");
        mr_writer_str(w, "result", ping_bind_name(c->bind));
        if (c->bind == PING_BIND_BOUND) {
            mr_writer_str(w, "syntax", c->ndr64 ? "NDR64" : "NDR20");
            mr_writer_uint(w, "features", c->features);
        }
        if (c->reason)
            mr_writer_str(w, "reason", c->reason);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static void json_security(const struct ping *p, mr_writer *w) {
    char address[MR_ADDR_TEXT];

    mr_writer_open(w, "security", MR_SHAPE_ARRAY);
    for (unsigned i = 0; p->secure && i < p->secure_rows * PING_LEVELS; i++) {
        const struct ping_secure *c = &p->secure[i];
        unsigned row = i / PING_LEVELS, column = i % PING_LEVELS;
        const char *inner, *mechanism = ping_secure_mechanism(row, &inner);
        if (!row && column)
            continue;
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "endpoint", mr_addr_port_text(&p->secure_at, address));
        mr_writer_str(w, "mechanism", mechanism);
        mr_writer_str(w, "inner", inner);
        mr_writer_str(w, "level", row ? app_level_name(ping_secure_level(column)) : "none");
        mr_writer_str(w, "result", ping_secure_name(c->result));
        if (c->fault)
            mr_writer_fmt(w, "fault", "0x%08x", c->fault);
        if (c->reason)
            mr_writer_str(w, "reason", c->reason);
        if (c->finding)
            mr_writer_str(w, "finding", c->finding->id);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static void json_findings(const struct ping *p, mr_writer *w) {
    mr_writer_open(w, "findings", MR_SHAPE_ARRAY);
    app_report_met(p->s, w);
    for (size_t i = 0; p->secure && i < p->secure_rows * PING_LEVELS; i++)
        if (ping_is_first(p, i))
            app_report_finding(p->secure[i].finding, w);
    mr_writer_close(w);
}

void ping_json(const struct ping *p, mr_writer *w) {
    json_findings(p, w);
    app_report_iface(w, "interface", &p->interface);
    if (p->options->matrix) {
        if (p->secure && p->method)
            mr_writer_str(w, "method", p->method);
        json_cells(p, w);
        json_security(p, w);
        return;
    }
    mr_writer_str(w, "method", p->method);
    if (p->bound) {
        mr_writer_uint(w, "port", p->remote.port);
        mr_writer_real(w, "connect_ms", p->connect_ms);
        mr_writer_real(w, "bind_ms", p->bind_ms);
    }
    json_calls(p, w);
    if (!p->options->stats)
        return;
    mr_writer_open(w, "stats", MR_SHAPE_OBJECT);
    for (uint32_t i = 0; i < p->stat_count; i++)
        mr_writer_uint(w, stat_names[i], p->stats[i]);
    if (p->stats_error)
        mr_writer_str(w, "error", p->stats_error);
    mr_writer_close(w);
}
