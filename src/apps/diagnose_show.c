/*
 * The screen and the JSON of msrpc diagnose: a phase a block, what is fine gathered on one line,
 * what is not on a line of its own; the verdict last, the remedy under it with its command alone
 * on a line, then the next test.
 */
#include "diagnose.h"

#include "findings.h"


static const char *const phase_heads[] = {"", "1 NAMES", "2 TCP", "3 DISCOVER", "4 CALL"};

static enum app_mark status_mark(enum mr_status status) {
    switch (status) {
    case MR_STATUS_PASS: return APP_MARK_OK;
    case MR_STATUS_WARN: return APP_MARK_WARN;
    case MR_STATUS_FAIL: return APP_MARK_FAIL;
    case MR_STATUS_UNKNOWN:
    case MR_STATUS_SKIP: return APP_MARK_SKIP;
    }
    return APP_MARK_SKIP;
}

/* One line of a phase's block: the head on the first, blanks on the others. */
static void line(app *a, enum mr_phase phase, bool *headp, enum app_mark mark, const char *text) {
    char first[64];

    snprintf(first, sizeof first, " %-10s %s ", *headp ? "" : phase_heads[phase],
             app_mark(a, mark));
    *headp = true;
    /* colour takes no columns: wrap by hand from the plain width */
    if (a->out_color) {
        fprintf(a->out, "%s%s\n", first, text);
        return;
    }
    app_wrap(a->out, first, 17, text);
}

static bool is_port_check(const mr_check *check) {
    return strncmp(check->id, "TCP.", 4) == 0;
}

/* "135 445 88 LISTENING": the open ports on one line. */
static void open_ports(app *a, const struct diagnose_run *run, bool *headp) {
    const mr_check *check;
    char text[600];
    size_t at = 0, shown = 0, more = 0;

    for (size_t i = 0; (check = mr_diag_get_check(&run->diag, i)) != NULL; i++) {
        if (check->phase != MR_PHASE_TCP || check->status != MR_STATUS_PASS ||
            !is_port_check(check))
            continue;
        const char *port = check->id + 4;
        if (shown >= 16 || at + strlen(port) + 2 >= sizeof text) {
            more++;
            continue;
        }
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", shown ? " " : "", port);
        shown++;
    }
    if (!shown)
        return;
    if (more)
        snprintf(text + at, sizeof text - at, " and %zu more LISTENING", more);
    else
        snprintf(text + at, sizeof text - at, " LISTENING");
    line(a, MR_PHASE_TCP, headp, APP_MARK_OK, text);
}

static bool is_auth_check(const mr_check *check) {
    return strncmp(check->id, "AUTH.", 5) == 0;
}

static bool has_finding(const mr_diag *diag, const char *id) {
    const mr_finding *finding;

    for (size_t i = 0; (finding = mr_diag_get_finding(diag, i)) != NULL; i++)
        if (strcmp(finding->id, id) == 0)
            return true;
    return false;
}

/* What is to be said beside endpoints that answer. */
static const char *welcome(const mr_diag *diag) {
    bool yes = has_finding(diag, "RPC.ADMITTED"), no = has_finding(diag, "RPC.NOT_ADMITTED");

    if (yes && no)
        return "; what refuses anonymous calls admits the account in part (-v)";
    if (yes)
        return "; what refuses anonymous calls admits the account";
    if (no)
        return "; some refuse anonymous calls, and the account (-v)";
    return has_finding(diag, "RPC.ANONYMOUS_DENIED") ? "; some refuse anonymous calls (-v)" : "";
}

/* "12 interfaces on 3 ports bind and answer": what worked, on one line. */
static void answered(app *a, const struct diagnose_run *run, bool *headp) {
    const mr_check *check, *only = NULL;
    size_t checks = 0, ports = 0;
    char text[300];

    for (size_t i = 0; (check = mr_diag_get_check(&run->diag, i)) != NULL; i++) {
        if (check->phase != MR_PHASE_COMMUNICATION || check->status != MR_STATUS_PASS ||
            is_auth_check(check) || check->aside)
            continue;
        only = check;
        checks++;
        /* "RPC.49153" is a port, "RPC.49153.samr" one of its interfaces asked alone */
        ports += !strchr(check->id + 4, '.');
    }
    if (checks == 1)
        line(a, MR_PHASE_COMMUNICATION, headp, APP_MARK_OK, only->summary);
    if (checks < 2)
        return;
    snprintf(text, sizeof text, "%zu endpoint%s bind%s and answer%s%s", ports,
             ports == 1 ? "" : "s", ports == 1 ? "s" : "", ports == 1 ? "s" : "",
             welcome(&run->diag));
    line(a, MR_PHASE_COMMUNICATION, headp, APP_MARK_OK, text);
}

static bool is_logon_refused(const mr_diag *diag) {
    const mr_check *check;

    for (size_t i = 0; (check = mr_diag_get_check(diag, i)) != NULL; i++)
        if (strcmp(check->id, "AUTH.LOGON") == 0)
            return check->status == MR_STATUS_FAIL;
    return false;
}

/* Whether a check is worth a line of its own on an ordinary screen. */
static bool shows(const app *a, const struct diagnose_run *run, const mr_check *check) {
    const mr_diag *diag = &run->diag;

    if (a->set.verbose)
        return true;
    if (strcmp(check->id, "AUTH.CHALLENGE") == 0) /* who refuses is worth knowing */
        return check->status == MR_STATUS_WARN || is_logon_refused(diag);
    if (check->aside && check->status == MR_STATUS_FAIL && strncmp(check->id, "TCP.88", 6) == 0)
        return mr_probe_get_logon(run->probe)->kdc_silent;
    if (check->aside)
        return check->phase == MR_PHASE_TCP && check->status == MR_STATUS_UNKNOWN;
    if (check->status == MR_STATUS_PASS)
        return check->phase == MR_PHASE_DISCOVERY || strcmp(check->id, "AUTH.LOGON") == 0 ||
               (check->phase == MR_PHASE_NAMES && strcmp(check->id, "NAME.RESOLVE") == 0);
    return true;
}

static const char *why_nothing(const struct diagnose_run *run, enum mr_phase phase) {
    if (mr_diag_get_phase(&run->diag, phase) == MR_STATUS_SKIP)
        return "left out";
    return run->partial ? "not reached in time" : "not reached";
}

static void show_phase(app *a, const struct diagnose_run *run, enum mr_phase phase) {
    const mr_check *check;
    char text[MR_DIAG_TEXT_MAX + 24];
    bool head = false;

    if (phase == MR_PHASE_TCP && !a->set.verbose)
        open_ports(a, run, &head);
    if (phase == MR_PHASE_COMMUNICATION && !a->set.verbose)
        answered(a, run, &head);
    for (size_t i = 0; (check = mr_diag_get_check(&run->diag, i)) != NULL; i++) {
        if (check->phase != phase || !shows(a, run, check))
            continue;
        if (is_auth_check(check) && check->status == MR_STATUS_PASS && !a->set.verbose)
            snprintf(text, sizeof text, "%s %.0f ms", check->summary, check->ms);
        else
            snprintf(text, sizeof text, "%s", check->summary);
        line(a, phase, &head, status_mark(check->status), text);
    }
    if (!head)
        line(a, phase, &head, APP_MARK_SKIP, why_nothing(run, phase));
}

/* ---- against a saved result ---- */

static void write_members(const struct diagnose_run *run, mr_writer *w);

/* What changed since run->saved; false without memory. */
static bool compare(struct diagnose_run *run, app_changes *changesp) {
    mr_buf buf;
    mr_writer w;

    mr_buf_init(&buf, NULL, 0, (size_t)64 << 20);
    mr_writer_init_json(&w, mr_sink_buf, &buf, false);
    mr_writer_open(&w, NULL, MR_SHAPE_OBJECT);
    write_members(run, &w);
    mr_writer_close(&w);
    int r = mr_writer_flush(&w);
    if (!r)
        r = app_saved_compare(run->saved, run->target->input, mr_buf_slice(&buf), &run->s.a->arena,
                              changesp);
    mr_writer_deinit(&w);
    mr_buf_deinit(&buf);
    return r >= 0;
}

static size_t check_count(const mr_diag *diag) {
    size_t n = 0;
    while (mr_diag_get_check(diag, n))
        n++;
    return n;
}

static void show_foot(app *a, const struct diagnose_run *run) {
    char left[24], right[80];
    char took[32];
    size_t checks = check_count(&run->diag);

    snprintf(right, sizeof right, "%s, %zu check%s", app_took_text(run->ended - run->began, took),
             checks, checks == 1 ? "" : "s");
    snprintf(left, sizeof left, " exit %d", run->code);
    app_edges(a->out, left, right);
}

void diagnose_show(app *a, struct diagnose_run *run) {
    app_changes changes;
    char title[200], from[120];
    const char *vantage = mr_probe_get_vantage(run->probe);
    const char *identity = mr_probe_get_identity(run->probe);

    if (a->set.quiet) {
        const mr_verdict *verdict = mr_diag_get_verdict(&run->diag);
        fprintf(a->out, "%s: %s%s%s\n", run->target->host, verdict->summary,
                verdict->finding ? " " : "", verdict->finding ? verdict->finding->id : "");
        return;
    }
    snprintf(title, sizeof title, "msrpc diagnose %s", run->target->input);
    snprintf(from, sizeof from, "from %s, %s%s", *vantage ? vantage : "here",
             identity ? "as " : "anonymous", identity ? app_safe(a, mr_slice_str(identity)) : "");
    app_edges(a->out, title, from);
    if (!identity)
        app_show_unused_ticket(a, run->target);
    fputc('\n', a->out);
    for (int phase = 1; phase <= MR_PHASE_COUNT; phase++)
        show_phase(a, run, (enum mr_phase)phase);
    fputc('\n', a->out);
    app_findings_show(a, &run->diag, run->partial);
    if (run->saved && compare(run, &changes))
        app_changes_show(a, &changes);
    show_foot(a, run);
}

/* ---- JSON ---- */

static void write_members(const struct diagnose_run *run, mr_writer *w) {
    char text[MR_TIME_TEXT > MR_ADDR_TEXT ? MR_TIME_TEXT : MR_ADDR_TEXT];
    size_t count;
    const mr_probe_addr *addrs = mr_probe_get_addrs(run->probe, &count);
    const char *vantage = mr_probe_get_vantage(run->probe);
    const char *identity = mr_probe_get_identity(run->probe);
    const mr_probe_logon *logon = mr_probe_get_logon(run->probe);

    mr_writer_open(w, "target", MR_SHAPE_OBJECT);
    mr_writer_str(w, "input", run->target->input);
    mr_writer_str(w, "host", run->target->host);
    mr_writer_open(w, "addresses", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < count; i++) {
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "address", mr_addr_text(&addrs[i].addr, text));
        mr_writer_str(w, "status", mr_reach_name(addrs[i].reach));
        mr_writer_close(w);
    }
    mr_writer_close(w);
    mr_writer_close(w);
    mr_writer_open(w, "vantage", MR_SHAPE_OBJECT);
    mr_writer_str(w, "address", *vantage ? vantage : NULL);
    mr_writer_str(w, "identity", identity ? identity : "anonymous");
    const char *ticket = identity ? NULL : app_unused_ticket(run->s.a, run->target);
    if (ticket)
        mr_writer_str(w, "unused_ticket", ticket);
    if (logon->made) {
        mr_writer_open(w, "auth", MR_SHAPE_OBJECT);
        mr_writer_str(w, "mechanism", logon->mechanism);
        mr_writer_bool(w, "negotiated", logon->negotiated);
        mr_writer_str(w, "level", logon->mechanism ? app_level_name(logon->level) : NULL);
        mr_writer_str(w, "fallback", logon->fallback);
        mr_writer_close(w);
    }
    mr_writer_close(w);
    mr_writer_str(w, "started", mr_time_text(run->started_sec, run->started_nsec, text));
    mr_writer_real(w, "ms", (double)(run->ended - run->began) / MR_MSEC);
    mr_writer_bool(w, "partial", run->partial);
    mr_diag_write_json(&run->diag, w);
}

void diagnose_json(struct diagnose_run *run, mr_writer *w) {
    app_changes changes;

    write_members(run, w);
    if (run->saved && compare(run, &changes))
        app_changes_json(&changes, w);
}
