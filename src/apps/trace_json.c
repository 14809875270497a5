/*
 * The reports of msrpc trace (doc/cli.md, "JSON"): one object, or with --jsonl a line for each
 * conversation when it ends, then the findings, then a summary.
 */
#include "trace.h"

#include "report.h"

static void write_ip(mr_writer *w, const char *key, const mr_ip *ip) {
    char text[MR_IP_TEXT];

    mr_writer_str(w, key, ip->family ? mr_ip_text(ip, text) : NULL);
}

static void write_time(mr_writer *w, const char *key, mr_nsec at) {
    char text[MR_TIME_TEXT];

    mr_writer_str(w, key, at ? mr_time_text((int64_t)(at / MR_SEC), (uint32_t)(at % MR_SEC), text)
                             : NULL);
}

static void write_phase(mr_writer *w, const char *key, enum mr_phase phase) {
    if (phase == MR_PHASE_NONE)
        mr_writer_null(w, key);
    else
        mr_writer_int(w, key, phase);
}

static void write_ms(mr_writer *w, const char *key, bool known, uint32_t us) {
    if (known)
        mr_writer_real(w, key, us / 1e3);
    else
        mr_writer_null(w, key);
}

static void write_interface(mr_writer *w, const mr_uuid *uuid, uint16_t version) {
    const mr_syntax syntax = {.uuid = *uuid, .major = version};

    if (mr_uuid_is_nil(uuid))
        mr_writer_null(w, "interface");
    else
        app_report_iface(w, "interface", &syntax);
}

static void write_port(mr_writer *w, const char *key, uint16_t port) {
    if (port)
        mr_writer_uint(w, key, port);
    else
        mr_writer_null(w, key);
}

static void write_filters(mr_writer *w, const char *wireshark, const char *netmon) {
    mr_writer_open(w, "filter", MR_SHAPE_OBJECT);
    mr_writer_str(w, "wireshark", wireshark);
    mr_writer_str(w, "netmon", netmon);
    mr_writer_close(w);
}

/* ---- conversations ---- */

void trace_write_auth(mr_writer *w, uint8_t type, uint8_t level) {
    if (!type) {
        mr_writer_null(w, "auth");
        return;
    }
    mr_writer_open(w, "auth", MR_SHAPE_OBJECT);
    mr_writer_str(w, "type", mr_auth_type_name(type));
    mr_writer_str(w, "level", mr_auth_level_name(level));
    mr_writer_close(w);
}

/* The members of a conversation, into the object that is open. */
static void write_talk(app *a, const mr_trace_talk *talk, mr_writer *w) {
    bool answered = talk->calls > talk->unanswered;

    mr_writer_uint(w, "id", talk->id);
    mr_writer_uint(w, "count", talk->count);
    mr_writer_uint(w, "file", talk->file + 1u);
    write_ip(w, "client", &talk->client);
    write_port(w, "client_port", talk->client_port);
    write_ip(w, "server", &talk->server);
    write_port(w, "server_port", talk->server_port);
    mr_writer_str(w, "name", talk->name);
    mr_writer_str(w, "transport", mr_trace_transport_name(talk->transport));
    write_interface(w, &talk->uuid, talk->version);
    mr_writer_str(w, "pipe", talk->pipe);
    mr_writer_bool(w, "mapper", talk->mapper);
    mr_writer_bool(w, "mapped", talk->mapped);
    mr_writer_bool(w, "midstream", talk->midstream);
    trace_write_auth(w, talk->auth_type, talk->auth_level);
    mr_writer_uint(w, "calls", talk->calls);
    mr_writer_uint(w, "faults", talk->faults);
    mr_writer_uint(w, "unanswered", talk->unanswered);
    write_ms(w, "median", answered, talk->median_us);
    write_ms(w, "p99", answered, talk->p99_us);
    write_ms(w, "max", answered, talk->max_us);
    mr_writer_str(w, "outcome", mr_trace_outcome_name(talk->outcome));
    write_phase(w, "phase", talk->failed);
    write_phase(w, "reached", talk->reached);
    mr_writer_uint(w, "first_packet", talk->first);
    mr_writer_uint(w, "last_packet", talk->last);
    write_time(w, "begin", talk->begin);
    write_time(w, "end", talk->end);
    mr_writer_uint(w, "sent", talk->octets[MR_FROM_CLIENT]);
    mr_writer_uint(w, "received", talk->octets[MR_FROM_SERVER]);
    write_filters(w, trace_talk_filter(a, talk, MR_TRACE_WIRESHARK),
                  trace_talk_filter(a, talk, MR_TRACE_NETMON));
}

static void write_talks(struct trace *t, mr_writer *w) {
    const mr_trace_talk *talk;

    mr_writer_open(w, "conversations", MR_SHAPE_ARRAY);
    for (size_t i = 0; (talk = mr_trace_get_talk(t->story, i)) != NULL; i++) {
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        write_talk(t->a, talk, w);
        mr_writer_close(w);
    }
    mr_writer_close(w);
    mr_writer_uint(w, "left_out", mr_trace_get_totals(t->story)->left_out);
}

/* ---- findings ---- */

static void write_finding(struct trace *t, const mr_trace_finding *f, mr_writer *w) {
    mr_finding_write(f->finding, w);
    mr_writer_str(w, "client", f->client);
    mr_writer_str(w, "server", f->server);
    mr_writer_str(w, "name", f->name);
    mr_writer_uint(w, "relations", f->relations);
    mr_writer_open(w, "conversations", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < f->talk_count; i++)
        mr_writer_uint(w, NULL, f->talks[i]);
    mr_writer_close(w);
    mr_writer_open(w, "packets", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < f->packet_count; i++) {
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_uint(w, "file", f->files[i] + 1u);
        mr_writer_uint(w, "number", f->packets[i]);
        mr_writer_close(w);
    }
    mr_writer_close(w);
    if (f->past) {
        mr_writer_open(w, "works_again", MR_SHAPE_OBJECT);
        mr_writer_uint(w, "file", f->again_file + 1u);
        mr_writer_uint(w, "number", f->again_packet);
        write_time(w, "time", f->again);
        mr_writer_close(w);
    }
    write_filters(w, trace_finding_filter(t, f, MR_TRACE_WIRESHARK),
                  trace_finding_filter(t, f, MR_TRACE_NETMON));
}

static void write_findings(struct trace *t, mr_writer *w) {
    const mr_trace_finding *f;

    mr_writer_open(w, "findings", MR_SHAPE_ARRAY);
    for (size_t i = 0; (f = mr_trace_get_finding(t->story, i)) != NULL; i++) {
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        write_finding(t, f, w);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

/* ---- counts ---- */

static void write_codes(mr_writer *w, const char *key, const mr_codes *codes) {
    mr_writer_open(w, key, MR_SHAPE_ARRAY);
    for (uint32_t i = 0; i < codes->count; i++) {
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_uint(w, "code", codes->rows[i].code);
        mr_writer_uint(w, "count", codes->rows[i].count);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static void write_errors(const mr_totals *n, mr_writer *w) {
    mr_writer_open(w, "errors", MR_SHAPE_OBJECT);
    write_codes(w, "faults", &n->faults);
    write_codes(w, "naks", &n->naks);
    write_codes(w, "rejections", &n->rejections);
    write_codes(w, "smb1", &n->smb1);
    write_codes(w, "smb2", &n->smb2);
    write_codes(w, "nbss", &n->nbss);
    write_codes(w, "kerberos", &n->kerberos);
    mr_writer_close(w);
}

static void write_pdus(const mr_totals *n, mr_writer *w) {
    static const struct { uint8_t ptype; const char *name; } rows[] = {
        {MR_PTYPE_REQUEST, "request"}, {MR_PTYPE_RESPONSE, "response"}, {MR_PTYPE_FAULT, "fault"},
        {MR_PTYPE_BIND, "bind"}, {MR_PTYPE_BIND_ACK, "bind_ack"}, {MR_PTYPE_BIND_NAK, "bind_nak"},
        {MR_PTYPE_ALTER_CONTEXT, "alter_context"},
        {MR_PTYPE_ALTER_CONTEXT_RESP, "alter_context_resp"}, {MR_PTYPE_AUTH3, "auth3"},
        {MR_PTYPE_SHUTDOWN, "shutdown"}, {MR_PTYPE_CO_CANCEL, "co_cancel"},
        {MR_PTYPE_ORPHANED, "orphaned"}, {MR_PTYPE_RTS, "rts"},
    };

    mr_writer_open(w, "pdus", MR_SHAPE_OBJECT);
    for (size_t i = 0; i < MR_COUNT(rows); i++)
        mr_writer_uint(w, rows[i].name, n->pdus[rows[i].ptype]);
    mr_writer_close(w);
}

static void write_counts(struct trace *t, mr_writer *w) {
    const mr_totals *n = &t->totals;

    mr_writer_uint(w, "packets", n->packets);
    mr_writer_uint(w, "bytes", n->octets);
    mr_writer_uint(w, "cut_packets", n->cut);
    mr_writer_uint(w, "dropped", t->dropped);
    mr_writer_uint(w, "connections", n->flows);
    mr_writer_uint(w, "gaps", n->gaps);
    mr_writer_uint(w, "damaged", n->damaged);
    write_pdus(n, w);
    write_errors(n, w);
}

static void write_calls(struct trace *t, mr_writer *w) {
    mr_writer_open(w, "calls", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < t->totals.method_count; i++) {
        const mr_method_calls *m = &t->totals.methods[i];
        bool timed = m->times.count != 0;
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "method", trace_method(&t->a->arena, &m->interface,
                                                m->version, m->opnum));
        write_interface(w, &m->interface, m->version);
        mr_writer_uint(w, "opnum", m->opnum);
        mr_writer_uint(w, "count", m->calls);
        write_ms(w, "min", timed, m->times.min_us);
        write_ms(w, "median", timed, mr_times_get(&m->times, 500));
        write_ms(w, "p99", timed, mr_times_get(&m->times, 990));
        write_ms(w, "max", timed, m->times.max_us);
        mr_writer_uint(w, "faults", m->faults);
        mr_writer_uint(w, "unanswered", m->unanswered);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static void write_phases(struct trace *t, mr_writer *w) {
    mr_writer_open(w, "phases", MR_SHAPE_ARRAY);
    for (int i = MR_PHASE_NAMES; i <= MR_PHASE_COMMUNICATION; i++) {
        enum mr_phase phase = (enum mr_phase)i;
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_int(w, "id", i);
        mr_writer_str(w, "name", mr_phase_name(phase));
        mr_writer_str(w, "status", mr_status_name(mr_trace_get_phase(t->story, phase)));
        mr_writer_null(w, "ms");
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

/* ---- reports ---- */

static void write_files(struct trace *t, mr_writer *w) {
    mr_writer_open(w, "files", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < t->path_count; i++)
        mr_writer_str(w, NULL, t->paths[i]);
    if (t->o->server)
        mr_writer_str(w, NULL, t->o->server);
    mr_writer_close(w);
    mr_writer_str(w, "listened", t->paths ? NULL : t->o->interface);
}

/* What stands beside conversations and findings. */
static void write_summary(struct trace *t, mr_writer *w) {
    write_files(t, w);
    write_time(w, "started", t->totals.first);
    write_time(w, "last", t->totals.last);
    mr_writer_str(w, "place", trace_place(t));
    mr_writer_real(w, "ms", (double)(t->ended - t->began) / MR_MSEC);
    mr_writer_bool(w, "partial", t->partial);
    if (t->error.code)
        mr_writer_str(w, "error", app_error(t->a, &t->error));
    write_counts(t, w);
    write_phases(t, w);
    trace_keys_json(t, w);
    trace_pair_json(t, w);
}

void trace_json_open(struct trace *t, mr_writer *w) {
    app_report_open(t->a, w);
    mr_writer_open(w, "stubs", MR_SHAPE_ARRAY);
}

int trace_json(struct trace *t, mr_writer *w) {
    mr_writer own;

    if (w)
        mr_writer_close(w);
    else
        app_report_open(t->a, w = &own);
    write_summary(t, w);
    write_talks(t, w);
    write_calls(t, w);
    write_findings(t, w);
    mr_verdict_write(mr_trace_get_verdict(t->story), w);
    return app_report_close(t->a, w, t->code);
}

static int close_line(mr_writer *w) {
    mr_writer_close(w);
    int r = mr_writer_flush(w);
    mr_writer_deinit(w);
    return r;
}

int trace_jsonl_talk(struct trace *t, const mr_trace_talk *talk) {
    mr_arena outer = t->a->arena; /* a line's texts go when it is written */
    mr_writer w;

    mr_arena_init(&t->a->arena, (size_t)1 << 20);
    app_report_open(t->a, &w);
    mr_writer_open(&w, "conversation", MR_SHAPE_OBJECT);
    write_talk(t->a, talk, &w);
    mr_writer_close(&w);
    int r = close_line(&w);
    mr_arena_deinit(&t->a->arena);
    t->a->arena = outer;
    if (!r && !t->paths)
        r = fflush(t->a->out) == 0 ? 0 : MR_ERR_OUTPUT;
    return r;
}

int trace_jsonl(struct trace *t) {
    const mr_trace_finding *f;
    mr_writer w;

    for (size_t i = 0; (f = mr_trace_get_finding(t->story, i)) != NULL; i++) {
        app_report_open(t->a, &w);
        mr_writer_open(&w, "finding", MR_SHAPE_OBJECT);
        write_finding(t, f, &w);
        mr_writer_close(&w);
        close_line(&w);
    }
    app_report_open(t->a, &w);
    write_summary(t, &w);
    write_calls(t, &w);
    mr_verdict_write(mr_trace_get_verdict(t->story), &w);
    return app_report_close(t->a, &w, t->code);
}
