/*
 * The screens of msrpc trace: what was read, the four phases, a table of conversations by who
 * spoke with whom, the verdict with its remedy, then the other findings; each with the packets
 * that prove it and the display filters that show them.
 */
#include "trace.h"

#include <msrpc/ifaces/names.h>

#include "findings.h"
#include "session.h"

#define ROWS 40        /* of the table of conversations, without --verbose */
#define PHASE_LINES 3  /* of findings under a phase */
#define PACKETS 12     /* cited of a finding */

/* ---- words ---- */

const char *trace_place(const struct trace *t) {
    uint64_t most = t->place.client;

    if (!t->paths)
        return "on this machine";
    if (most < t->place.server)
        most = t->place.server;
    if (most < t->place.both)
        most = t->place.both;
    if (most < t->place.between)
        most = t->place.between;
    if (most == 0)
        return NULL;
    return most == t->place.client   ? "on the client's side"
           : most == t->place.server ? "on the server's side"
           : most == t->place.both   ? "where client and server share a network"
                                     : "between client and server";
}

const char *trace_via(enum mr_trace_transport transport) {
    switch (transport) {
    case MR_TRACE_TCP_OTHER: return "-";
    case MR_TRACE_IP_TCP: return "tcp";
    case MR_TRACE_NP: return "np";
    case MR_TRACE_HTTP: return "http";
    case MR_TRACE_KERBEROS: return "krb";
    case MR_TRACE_NAMES: return "dns";
    case MR_TRACE_LDAP: return "ldap";
    }
    return "-";
}

const char *trace_auth(app *a, uint8_t type, uint8_t level) {
    static const char *const levels[] = {"", "none", "connect", "call", "pkt", "sign", "seal"};
    const char *name = type == MR_AUTH_NTLM   ? "ntlm"
                       : type == MR_AUTH_KRB5 ? "krb5"
                                              : mr_auth_type_name(type);

    if (!type)
        return "-";
    const char *text = level && level < MR_COUNT(levels)
                           ? mr_arena_add_fmt(&a->arena, "%s %s", name, levels[level])
                           : mr_arena_add_fmt(&a->arena, "%s", name);
    return text ? text : "-";
}

const char *trace_time(uint32_t us, char out[TRACE_TIME]) {
    if (us < 100)
        snprintf(out, TRACE_TIME, "%.2f ms", us / 1e3);
    else if (us < 100000)
        snprintf(out, TRACE_TIME, "%.1f ms", us / 1e3);
    else if (us < 10000000)
        snprintf(out, TRACE_TIME, "%u ms", us / 1000);
    else
        snprintf(out, TRACE_TIME, "%u s", us / 1000000);
    return out;
}

static const char *filter_text(app *a, mr_buf *buf) {
    const char *text = mr_arena_add_str(&a->arena, mr_buf_slice(buf));

    mr_buf_deinit(buf);
    return text ? text : "";
}

const char *trace_talk_filter(app *a, const mr_trace_talk *talk, enum mr_trace_viewer viewer) {
    mr_buf buf;

    mr_buf_init(&buf, NULL, 0, 65536);
    mr_trace_write_talk_filter(talk, viewer, &buf);
    return filter_text(a, &buf);
}

const char *trace_finding_filter(struct trace *t, const mr_trace_finding *finding,
                                 enum mr_trace_viewer viewer) {
    mr_buf buf;

    mr_buf_init(&buf, NULL, 0, 65536);
    mr_trace_write_finding_filter(t->story, finding, viewer, &buf);
    return filter_text(t->a, &buf);
}

const char *trace_method(mr_arena *arena, const mr_uuid *interface, uint16_t version,
                         uint16_t opnum) {
    const mr_iface_name *known = mr_name_find(interface);
    char uuid[MR_UUID_TEXT];
    const char *op = known ? mr_op_find(known, opnum) : NULL, *text;

    if (mr_uuid_is_nil(interface))
        text = mr_arena_add_fmt(arena, "(bind not captured) opnum %u", opnum);
    else if (op)
        text = mr_arena_add_fmt(arena, "%s.%s", mr_name_text(known), op);
    else if (known)
        text = mr_arena_add_fmt(arena, "%s opnum %u", mr_name_text(known), opnum);
    else
        text = mr_arena_add_fmt(arena, "%s v%u opnum %u", mr_uuid_text(interface, uuid),
                                version, opnum);
    return text ? text : "";
}

static const char *plural(uint64_t n, const char *one) {
    return n == 1 || !*one ? "" : "s";
}

static const char *count(app *a, uint64_t n, const char *what) {
    const char *text = mr_arena_add_fmt(&a->arena, "%llu %s%s", (unsigned long long)n, what,
                                        plural(n, what));
    return text ? text : "";
}

/* ---- head ---- */

static const char *octets_text(uint64_t octets, char out[24]) {
    if (octets < 10000)
        snprintf(out, 24, "%llu octets", (unsigned long long)octets);
    else if (octets < 10000000)
        snprintf(out, 24, "%.0f kB", (double)octets / 1e3);
    else if (octets < UINT64_C(10000000000))
        snprintf(out, 24, "%.0f MB", (double)octets / 1e6);
    else
        snprintf(out, 24, "%.1f GB", (double)octets / 1e9);
    return out;
}

static const char *when_text(mr_nsec at, char out[MR_TIME_TEXT]) {
    return at ? mr_time_text((int64_t)(at / MR_SEC), (uint32_t)(at % MR_SEC), out) : "no time";
}

static void show_head(struct trace *t) {
    app *a = t->a;
    const mr_totals *n = &t->totals;
    const char *first = !t->paths ? t->o->interface : t->paths[0], *place = trace_place(t);
    char title[512], right[80], octets[24], took[32], begin[MR_TIME_TEXT];

    first = app_safe(a, mr_slice_str(first));
    if (t->path_count > 1)
        snprintf(title, sizeof title, "msrpc trace %s and %zu more", first, t->path_count - 1);
    else
        snprintf(title, sizeof title, "msrpc trace %s%s", t->paths ? "" : "-i ", first);
    snprintf(right, sizeof right, "%s, %s, %s", count(a, n->packets, "packet"),
             octets_text(n->octets, octets),
             app_took_text(n->last > n->first ? n->last - n->first : 0, took));
    if (strlen(title) + strlen(right) + 2 > APP_COLUMNS) {
        app_wrap(a->out, "", 1, title);
        title[0] = '\0';
    }
    app_edges(a->out, title, right);
    if (n->packets)
        fprintf(a->out, " from %s%s%s\n", when_text(n->first, begin), place ? ", captured " : "",
                place ? place : "");
    if (t->dropped)
        fprintf(a->out, " %s dropped while listening: a silence may be ours\n",
                count(a, t->dropped, "packet"));
    if (n->cut)
        fprintf(a->out, " %s cut short when captured: a snap length hides their ends\n",
                count(a, n->cut, "packet"));
    if (t->partial)
        fputs(" not everything was read: what follows is about what was\n", a->out);
    fputc('\n', a->out);
}

/* ---- phases ---- */

static const char *const phase_heads[] = {"", "1 NAMES", "2 TCP", "3 DISCOVER", "4 CALL"};

static enum app_mark phase_mark(enum mr_status status) {
    switch (status) {
    case MR_STATUS_PASS: return APP_MARK_OK;
    case MR_STATUS_WARN: return APP_MARK_WARN;
    case MR_STATUS_FAIL: return APP_MARK_FAIL;
    case MR_STATUS_UNKNOWN:
    case MR_STATUS_SKIP: return APP_MARK_SKIP;
    }
    return APP_MARK_SKIP;
}

static void phase_line(app *a, const char *head, enum app_mark mark, const char *text) {
    char first[64];

    snprintf(first, sizeof first, " %-10s %s ", head, app_mark(a, mark));
    app_wrap(a->out, first, 17, text);
}

/* Connections that failed in @phase, and those to mappers that opened. */
static void tally(const struct trace *t, enum mr_phase phase, uint64_t *failedp,
                  uint64_t *mappersp) {
    const mr_trace_talk *talk;

    *failedp = *mappersp = 0;
    for (size_t i = 0; (talk = mr_trace_get_talk(t->story, i)) != NULL; i++) {
        bool mapper = talk->mapper && talk->reached >= MR_PHASE_TCP;
        bool broken = phase == MR_PHASE_DISCOVERY && mapper && talk->outcome == MR_TRACE_FAILED;
        *failedp += talk->failed == phase || broken ? talk->count : 0;
        *mappersp += mapper ? talk->count : 0;
    }
}

/* Calls but those to mappers, which are discovery. */
static const char *calls_text(struct trace *t) {
    uint64_t calls = 0, faults = 0, unanswered = 0, mapper = 0;
    app *a = t->a;

    for (size_t i = 0; i < t->totals.method_count; i++) {
        const mr_method_calls *m = &t->totals.methods[i];
        const mr_iface_name *known = mr_name_find(&m->interface);
        if (known && strcmp(mr_name_text(known), "epmapper") == 0) {
            mapper += m->calls;
            continue;
        }
        calls += m->calls;
        faults += m->faults;
        unanswered += m->unanswered;
    }
    if (calls == 0)
        return mapper ? "no call but those to endpoint mappers" : NULL;
    const char *rest = t->totals.cut ? "not seen answered" : "unanswered";
    return mr_arena_add_fmt(&a->arena, "%s, %llu answered, %s, %llu %s",
                            count(a, calls, "call"),
                            (unsigned long long)(calls > unanswered ? calls - unanswered : 0),
                            count(a, faults, "fault"), (unsigned long long)unanswered, rest);
}

/* NULL: nothing of that phase is in the capture. */
static const char *phase_text(struct trace *t, enum mr_phase phase) {
    const mr_trace_totals *n = mr_trace_get_totals(t->story);
    app *a = t->a;
    uint64_t failed, mappers;
    const char *text = NULL;

    tally(t, phase, &failed, &mappers);
    switch (phase) {
    case MR_PHASE_NONE:
        break;
    case MR_PHASE_NAMES:
        if (n->names)
            text = mr_arena_add_fmt(&a->arena, "%s asked for, %llu without an answer",
                                    count(a, n->names, "name"),
                                    (unsigned long long)n->names_failed);
        break;
    case MR_PHASE_TCP:
        if (n->talks)
            text = mr_arena_add_fmt(&a->arena, "%s, %llu failed", count(a, n->talks, "connection"),
                                    (unsigned long long)failed);
        break;
    case MR_PHASE_DISCOVERY:
        if (mappers)
            text = mr_arena_add_fmt(&a->arena, "%s with an endpoint mapper, %llu failed",
                                    count(a, mappers, "conversation"),
                                    (unsigned long long)failed);
        else if (mr_trace_get_phase(t->story, phase) == MR_STATUS_PASS)
            text = "no endpoint mapper was asked, and none was needed";
        break;
    case MR_PHASE_COMMUNICATION:
        text = calls_text(t);
        break;
    }
    return text;
}

static void show_phase(struct trace *t, enum mr_phase phase) {
    const mr_trace_finding *f;
    enum mr_status status = mr_trace_get_phase(t->story, phase);
    const char *text = phase_text(t, phase);
    size_t shown = 0, more = 0;

    bool headed = text || status < MR_STATUS_WARN || status == MR_STATUS_SKIP;
    if (headed)
        phase_line(t->a, phase_heads[phase], phase_mark(status), text ? text
                                                                      : "not in this capture");
    for (size_t i = 0; (f = mr_trace_get_finding(t->story, i)) != NULL; i++) {
        const mr_finding *finding = f->finding;
        if (finding->phase != phase || f->explained_by != SIZE_MAX ||
            finding->severity == MR_SEVERITY_INFO)
            continue;
        if (shown++ >= PHASE_LINES) {
            more++;
            continue;
        }
        const char *line = mr_arena_add_fmt(&t->a->arena, "%s: %s%s",
                                            f->name ? f->name : f->server, finding->summary,
                                            f->past ? " (past)" : "");
        phase_line(t->a, headed ? "" : phase_heads[phase],
                   f->past ? APP_MARK_WARN : app_finding_mark(finding),
                   line ? app_safe(t->a, mr_slice_str(line)) : finding->summary);
        headed = true;
    }
    if (!headed)
        phase_line(t->a, phase_heads[phase], phase_mark(status), "see the findings below");
    if (more)
        fprintf(t->a->out, "%17sand %zu more\n", "", more);
}

/* ---- conversations ---- */

static enum app_mark outcome_mark(enum mr_trace_outcome outcome) {
    switch (outcome) {
    case MR_TRACE_WELL: return APP_MARK_OK;
    case MR_TRACE_UNKNOWN: return APP_MARK_SKIP;
    case MR_TRACE_UNUSUAL: return APP_MARK_WARN;
    case MR_TRACE_FAILED: return APP_MARK_FAIL;
    }
    return APP_MARK_SKIP;
}

/* "-" for none, so that the eye meets the others. */
static const char *number(app *a, uint64_t n) {
    const char *text = n ? mr_arena_add_fmt(&a->arena, "%llu", (unsigned long long)n) : "-";

    return text ? text : "";
}

static const char *what(app *a, const mr_trace_talk *talk) {
    if (talk->interface)
        return app_safe(a, mr_slice_str(talk->interface));
    return talk->pipe ? app_safe(a, mr_slice_str(talk->pipe)) : "-";
}

static void show_talk(struct trace *t, const mr_trace_talk *talk) {
    app *a = t->a;
    char time[TRACE_TIME] = "-";
    const char *iface = what(a, talk);

    if (talk->calls > talk->unanswered)
        trace_time(talk->median_us, time);
    fprintf(a->out, " %s %5u %5u %5s %-12.12s %-4s %-13.13s %6s %6s %8s\n",
            app_mark(a, outcome_mark(talk->outcome)), talk->id, talk->server_port,
            number(a, talk->count), iface, trace_via(talk->transport),
            trace_auth(a, talk->auth_type, talk->auth_level), number(a, talk->calls),
            number(a, talk->faults), time);
    if (talk->outcome < MR_TRACE_UNUSUAL && !a->set.verbose)
        return;
    if (strlen(iface) > 12)
        fprintf(a->out, "%24s%s\n", "", iface);
    if (talk->unanswered)
        fprintf(a->out, "%24s%s unanswered\n", "", count(a, talk->unanswered, "call"));
    fprintf(a->out, "   %s\n   %s\n", trace_talk_filter(a, talk, MR_TRACE_WIRESHARK),
            trace_talk_filter(a, talk, MR_TRACE_NETMON));
}

static bool same_pair(const mr_trace_talk *x, const mr_trace_talk *y) {
    return x->client.family == y->client.family && x->server.family == y->server.family &&
           memcmp(&x->client.host, &y->client.host, sizeof x->client.host) == 0 &&
           memcmp(&x->server.host, &y->server.host, sizeof x->server.host) == 0;
}

static void show_pair(app *a, const mr_trace_talk *talk) {
    char client[MR_IP_TEXT], server[MR_IP_TEXT];
    const char *text;

    mr_ip_text(&talk->client, client);
    mr_ip_text(&talk->server, server);
    if (talk->name)
        text = mr_arena_add_fmt(&a->arena, "%s > %s (%s)", client,
                                app_safe(a, mr_slice_str(talk->name)), server);
    else
        text = mr_arena_add_fmt(&a->arena, "%s > %s", client, server);
    app_wrap(a->out, " ", 3, text ? text : client);
}

/* Those of one client and server together, where the first of them stands. */
static void show_talks(struct trace *t) {
    app *a = t->a;
    size_t total = mr_trace_talk_count(t->story), shown = 0, left = 0;
    size_t most = a->set.verbose ? total : total < ROWS ? total : ROWS;
    bool *done = mr_arena_get(&a->arena, total + 1, sizeof *done), filters = false;

    if (!total || !done)
        return;
    fprintf(a->out, "\n      %5s %5s %5s %-12s %-4s %-13s %6s %6s %8s\n", "ID", "PORT", "COUNT",
            "INTERFACE", "VIA", "AUTH", "CALLS", "FAULTS", "MEDIAN");
    for (size_t i = 0; i < most && shown < most; i++) {
        const mr_trace_talk *head = mr_trace_get_talk(t->story, i), *talk;
        if (done[i])
            continue;
        show_pair(a, head);
        for (size_t k = i; (talk = mr_trace_get_talk(t->story, k)) != NULL && shown < most; k++)
            if (!done[k] && same_pair(head, talk)) {
                show_talk(t, talk);
                filters |= talk->outcome >= MR_TRACE_UNUSUAL;
                done[k] = true;
                shown++;
            }
    }
    left = total - shown;
    if (left)
        fprintf(a->out, " and %zu more without a place here (-v shows them)\n", left);
    if (mr_trace_get_totals(t->story)->left_out)
        fprintf(a->out, " %llu more were counted only\n",
                (unsigned long long)mr_trace_get_totals(t->story)->left_out);
    if (filters && !a->set.verbose)
        fputs(" under a conversation: its display filter for Wireshark, and for Network "
              "Monitor\n", a->out);
}

/* ---- findings ---- */

/* "#17", "2#17" of several files. */
static const char *packet_text(struct trace *t, uint16_t file, uint64_t packet) {
    const char *text = t->several ? mr_arena_add_fmt(&t->a->arena, "%u#%llu", file + 1u,
                                                     (unsigned long long)packet)
                                  : mr_arena_add_fmt(&t->a->arena, "%llu",
                                                     (unsigned long long)packet);
    return text ? text : "";
}

static const char *again_text(struct trace *t, const mr_trace_finding *f) {
    char when[MR_TIME_TEXT];
    const char *text = mr_arena_add_fmt(&t->a->arena, "it works again since packet %s, %s",
                                        packet_text(t, f->again_file, f->again_packet),
                                        when_text(f->again, when));
    return text ? text : "it works again";
}

/* What failed and works again is no error any more. */
static void past_title(struct trace *t, const mr_trace_finding *f) {
    const mr_finding *finding = f->finding;
    size_t width = 6 + strlen("past, phase 1: ") + strlen(finding->summary) + 4 +
                   strlen(finding->id);

    fprintf(t->a->out, "\n %s past, phase %d: %s%s(%s)\n", app_mark(t->a, APP_MARK_WARN),
            (int)finding->phase, finding->summary, width <= APP_COLUMNS ? "  " : "\n      ",
            finding->id);
    app_wrap(t->a->out, " NOW      ", 10, again_text(t, f));
}

/* The conversation of the packet that is cited first; 0: of none that is told. */
static uint32_t first_talk(const struct trace *t, const mr_trace_finding *f) {
    for (size_t i = 0; i < f->talk_count && f->packet_count; i++) {
        const mr_trace_talk *talk = mr_trace_find_talk(t->story, f->talks[i]);
        if (talk && talk->file == f->files[0] && talk->first <= f->packets[0] &&
            talk->last >= f->packets[0])
            return f->talks[i];
    }
    return f->talk_count ? f->talks[0] : 0;
}

static void show_proof(struct trace *t, const mr_trace_finding *f) {
    app *a = t->a;
    char text[1024];
    size_t at = 0, most = a->set.verbose ? f->packet_count : PACKETS;

    text[0] = '\0';
    for (size_t i = 0; i < f->packet_count && i < most && at + 64 < sizeof text; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%s ",
                               packet_text(t, f->files[i], f->packets[i]));
    }
    if (f->packet_count > most)
        at += (size_t)snprintf(text + at, sizeof text - at, "and %zu more ",
                               f->packet_count - most);
    if (f->talk_count)
        at += (size_t)snprintf(text + at, sizeof text - at, "(conversation %u%s)", first_talk(t, f),
                               f->talk_count > 1 ? " and others" : "");
    if (at)
        app_wrap(a->out, " PACKETS  ", 10, text);
    snprintf(text, sizeof text, "%s > %s%s%s", f->client ? f->client : "?",
             f->server ? f->server : "?", f->relations > 1 ? ", and between others: " : "",
             f->relations > 1 ? count(a, f->relations - 1, "pair") : "");
    app_wrap(a->out, " BETWEEN  ", 10, app_safe(a, mr_slice_str(text)));
    fprintf(a->out, " FILTER   for Wireshark, and for Network Monitor\n   %s\n   %s\n",
            trace_finding_filter(t, f, MR_TRACE_WIRESHARK),
            trace_finding_filter(t, f, MR_TRACE_NETMON));
}

/* What is no failure, a line each: -v shows the whole. And what there was no room to judge. */
static void show_remarks(struct trace *t) {
    uint64_t left_out = mr_trace_get_totals(t->story)->left_out;
    const mr_trace_finding *f;
    app *a = t->a;
    size_t more = 0, shown = 0;

    for (size_t i = 0; !a->set.verbose && (f = mr_trace_get_finding(t->story, i)) != NULL; i++) {
        if (f->explained_by != SIZE_MAX || f->finding->severity != MR_SEVERITY_INFO)
            continue;
        if (shown++ >= PHASE_LINES) {
            more++;
            continue;
        }
        const char *line = mr_arena_add_fmt(&a->arena, "%s: %s (%s)", f->name ? f->name : f->server,
                                            f->finding->summary, f->finding->id);
        app_wrap(a->out, " NOTE     ", 10, line ? app_safe(a, mr_slice_str(line)) : "");
    }
    if (more)
        fprintf(a->out, " and %zu more such remarks (-v shows them)\n", more);
    if (left_out) {
        const char *line = mr_arena_add_fmt(
            &a->arena, "%llu conversations, pairs of hosts or names found no room and are not "
            "judged: give parts of the capture, or one host's packets (--extract, tcpdump -r)",
            (unsigned long long)left_out);
        app_wrap(a->out, " NOTE     ", 10, line ? line : "");
    }
}

static void show_findings(struct trace *t) {
    size_t first = mr_trace_verdict_index(t->story);
    const mr_trace_finding *f;

    app_verdict_show(t->a, mr_trace_get_verdict(t->story), t->partial);
    if (first != SIZE_MAX)
        show_proof(t, mr_trace_get_finding(t->story, first));
    for (size_t i = 0; (f = mr_trace_get_finding(t->story, i)) != NULL; i++) {
        if (i == first || f->explained_by != SIZE_MAX ||
            (f->finding->severity == MR_SEVERITY_INFO && !t->a->set.verbose))
            continue;
        if (f->past)
            past_title(t, f);
        else
            app_finding_title(t->a, f->finding);
        app_finding_show(t->a, f->finding);
        show_proof(t, f);
    }
}

void trace_show(struct trace *t) {
    app *a = t->a;
    char left[24], right[64], took[32];

    if (a->set.quiet) {
        const mr_verdict *verdict = mr_trace_get_verdict(t->story);
        fprintf(a->out, "%s%s%s\n", verdict->summary, verdict->finding ? " " : "",
                verdict->finding ? verdict->finding->id : "");
        return;
    }
    show_head(t);
    for (int phase = 1; phase <= MR_PHASE_COUNT; phase++)
        show_phase(t, (enum mr_phase)phase);
    show_talks(t);
    trace_keys_show(t);
    trace_pair_show(t);
    fputc('\n', a->out);
    show_findings(t);
    show_remarks(t);
    snprintf(left, sizeof left, " exit %d", t->code);
    snprintf(right, sizeof right, "read in %s", app_took_text(t->ended - t->began, took));
    app_edges(a->out, left, right);
}

/* ---- calls ---- */

void trace_show_no_calls(struct trace *t) {
    fputs(t->smb_encrypted
              ? "no calls to be seen in this capture: SMB 3 encrypts what pipes carry\n"
              : "no calls in this capture\n", t->a->out);
}

void trace_show_calls(struct trace *t) {
    app *a = t->a;
    char times[4][TRACE_TIME];

    if (t->totals.method_count == 0) {
        trace_show_no_calls(t);
        return;
    }
    fprintf(a->out, "%-27s %6s %8s %8s %8s %8s %4s %4s\n", "METHOD", "CALLS", "MIN", "MEDIAN",
            "P99", "MAX", "FLTS", "LOST");
    for (size_t i = 0; i < t->totals.method_count; i++) {
        const mr_method_calls *m = &t->totals.methods[i];
        const char *name = trace_method(&a->arena, &m->interface, m->version, m->opnum);
        if (strlen(name) > 27) /* a line of its own */
            fprintf(a->out, "%s\n", name);
        const uint32_t us[4] = {m->times.min_us, mr_times_get(&m->times, 500),
                                mr_times_get(&m->times, 990), m->times.max_us};
        for (int k = 0; k < 4; k++)
            if (m->times.count)
                trace_time(us[k], times[k]);
            else
                snprintf(times[k], TRACE_TIME, "-");
        fprintf(a->out, "%-27s %6s %8s %8s %8s %8s %4s %4s\n", strlen(name) > 27 ? "" : name,
                number(a, m->calls), times[0], times[1], times[2], times[3],
                number(a, m->faults), number(a, m->unanswered));
    }
    fputs("FLTS: answered by a fault; LOST: never answered\n", a->out);
}
