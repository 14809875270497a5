/*
 * RPC over HTTP (MS-RPCH) and TLS as facts. Web traffic that is not RPC is not judged, but for TLS
 * itself on the ports where RPC travels inside it. Silent: the first 401, which asks for
 * credentials, and warnings of TLS.
 */
#include "trace_private.h"

#include <strings.h>

#define CONN_C2 7
#define IDLE_MIN 60
#define PATIENCE (3 * MR_SEC)
#define SHORTLY (2 * MR_SEC)

void trace_take_http(mr_trace *trace, const mr_seen *seen) {
    const mr_seen_http *http = &seen->u.http;
    trace_live *live = trace_live_get(trace, seen, true);
    trace_relation *r = live ? live->relation : NULL;

    if (!live)
        return;
    if (http->banner_missing) {
        trace_tell(trace, live, seen, true, "no ncacn_http/1.0");
        TRACE_BAD(trace, live, seen, .kind = MR_FACT_HTTP_NO_BANNER,
                  .address = trace_intern_ip(trace, &live->talk.server),
                  .port = live->talk.server_port);
        return;
    }
    if (!http->rpc_in && !http->rpc_out)
        return;
    live->http = true;
    live->http_in = live->http_in || http->rpc_in;
    live->http_out = live->http_out || http->rpc_out;
    live->talk.transport = MR_TRACE_HTTP;
    trace_tell(trace, live, seen, http->status >= 400 && http->status != 401, "%s %s: %u %s",
               http->rpc_in ? "RPC_IN_DATA" : "RPC_OUT_DATA", http->target ? http->target : "",
               http->status, http->reason ? http->reason : "");
    if (http->status == live->http_status)
        live->http_tries++;
    else
        live->http_tries = 1;
    live->http_status = http->status;
    live->http_error = http->rpc_error;
    live->http_packet = seen->packet;
    if (r && (http->status == 200 || http->status == 0)) {
        r->http_in = r->http_in || http->rpc_in;
        r->http_out = r->http_out || http->rpc_out;
        r->http_packet = seen->packet;
        r->http_time = seen->time;
        r->http_file = seen->file;
    }
}

void trace_take_rts(mr_trace *trace, const mr_seen *seen) {
    trace_live *live = trace_live_get(trace, seen, true);

    if (!live)
        return;
    live->http = true;
    live->talk.transport = MR_TRACE_HTTP;
    if (seen->u.rts.conn == CONN_C2 && live->relation) {
        live->relation->http_c2 = true;
        trace_reach(live, MR_PHASE_DISCOVERY);
        TRACE_GOOD(trace, live, seen, .kind = MR_FACT_HTTP_CONNECTED,
                   .address = trace_intern_ip(trace, &live->talk.server),
                   .port = live->talk.server_port, .name = live->talk.name);
    }
}

/* RFC 6125 6.4: exactly, or with * for the leftmost label. */
static bool name_fits(const char *pattern, const char *name) {
    if (pattern[0] == '*' && pattern[1] == '.') {
        const char *dot = strchr(name, '.');
        return dot && strcasecmp(pattern + 1, dot) == 0;
    }
    return strcasecmp(pattern, name) == 0;
}

/* What a client may refuse a certificate for. */
static void take_certificate(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_seen_tls *tls = &seen->u.tls;
    bool fits = !live->sni || !tls->name_count;

    if (!tls->from_server || live->tls_fault)
        return;
    for (uint32_t i = 0; i < tls->name_count && !fits; i++)
        fits = name_fits(tls->names[i], live->sni);
    live->tls_other = tls->subject && *tls->subject ? trace_intern(trace, tls->subject) : NULL;
    live->tls_fault_packet = seen->packet;
    live->tls_fault_time = seen->time;
    live->tls_fault = MR_FACT_TLS_OUTDATED;
    if (seen->time && tls->not_after && seen->time > tls->not_after) {
        live->tls_seconds = (uint32_t)((seen->time - tls->not_after) / MR_SEC);
    } else if (seen->time && tls->not_before && seen->time < tls->not_before) {
        live->tls_seconds = (uint32_t)((tls->not_before - seen->time) / MR_SEC);
        live->tls_clock = MR_CLOCK_BEHIND;
    } else if (!fits) {
        live->tls_fault = MR_FACT_TLS_OTHER_NAME;
        live->tls_other = trace_intern(trace, tls->names[0]);
    } else {
        live->tls_fault = MR_FACT_NONE;
    }
}

/* Without an alert: the client got the certificate and went away, with nothing said inside. */
static bool has_left(const trace_live *live, const mr_seen *seen) {
    const mr_flow_side_seen *client = &seen->u.end.tcp->side[MR_FROM_CLIENT];
    const mr_flow_side_seen *server = &seen->u.end.tcp->side[MR_FROM_SERVER];
    uint64_t left = client->fin_packet ? client->fin_packet : client->reset.packet;
    mr_nsec time = client->fin_packet ? client->fin_time : client->reset.time;

    return !live->tls_alert && !live->tls_data && left && !client->missing && !server->missing &&
           !trace_left_first(server, client) && !server->reset.packet &&
           time < live->tls_fault_time + SHORTLY;
}

static void judge_certificate(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    mr_seen at = *seen;
    mr_fact fact = {.kind = live->tls_fault,
                    .address = trace_intern_ip(trace, &live->talk.server),
                    .port = live->talk.server_port,
                    .name = live->sni,
                    .other = live->tls_other,
                    .seconds = live->tls_seconds,
                    .clock = live->tls_clock};
    if (live->tls_fault == MR_FACT_NONE || (!live->tls_refused && !has_left(live, seen)))
        return;
    at.packet = live->tls_fault_packet;
    at.to_client = true;
    trace_bad(trace, live, &at, &fact);
}

/* bad_certificate to unknown_ca (RFC 8446 6.2), but for illegal_parameter. */
static bool is_of_certificates(uint8_t alert) {
    return alert >= 42 && alert <= 48 && alert != 47;
}

static bool is_web_port(uint16_t port) {
    return port == 80 || port == 443 || port == 593;
}

static bool is_rpc_port(uint16_t port) {
    return port == 443 || port == 593 || port == 636 || port == 3269;
}

void trace_take_tls(mr_trace *trace, const mr_seen *seen) {
    const mr_seen_tls *tls = &seen->u.tls;
    trace_live *live = trace_live_get(trace, seen, true);
    bool judged = is_rpc_port(seen->server_port);

    if (!live)
        return;
    switch (tls->kind) {
    case MR_SEEN_TLS_HELLO:
        live->tls_packet = seen->packet;
        live->sni = tls->sni && *tls->sni ? trace_intern(trace, tls->sni) : NULL;
        break;
    case MR_SEEN_TLS_SERVER:
        live->tls_server = true;
        if (judged)
            TRACE_GOOD(trace, live, seen, .kind = MR_FACT_TLS_OPENED,
                       .address = trace_intern_ip(trace, &live->talk.server),
                       .port = live->talk.server_port, .name = live->sni);
        break;
    case MR_SEEN_TLS_ALERT:
        trace_tell(trace, live, seen, tls->level == 2, "TLS alert %u", tls->alert);
        live->tls_alert = true;
        if (!tls->from_server && tls->level == 2 && is_of_certificates(tls->alert))
            live->tls_refused = true;
        if (judged && tls->level == 2)
            TRACE_BAD(trace, live, seen, .kind = MR_FACT_TLS_ALERT,
                      .address = trace_intern_ip(trace, &live->talk.server),
                      .port = live->talk.server_port, .alert = tls->alert, .name = live->sni,
                      .sender = trace_intern_ip(trace, tls->from_server ? &live->talk.server
                                                                        : &live->talk.client));
        break;
    case MR_SEEN_TLS_CERTIFICATE:
        if (judged)
            take_certificate(trace, live, seen);
        break;
    case MR_SEEN_TLS_DATA:
        live->tls_data = true;
        break;
    }
}

static void judge_channel(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_flow_side_seen *client = &seen->u.end.tcp->side[MR_FROM_CLIENT];
    const mr_flow_side_seen *server = &seen->u.end.tcp->side[MR_FROM_SERVER];
    mr_fact fact = {.kind = MR_FACT_HTTP_REFUSED,
                    .address = trace_intern_ip(trace, &live->talk.server),
                    .port = live->talk.server_port,
                    .http = live->http_status,
                    .channel = live->http_in ? MR_CHANNEL_IN : MR_CHANNEL_OUT,
                    .win32 = live->http_error,
                    .tries = live->http_tries,
                    .name = live->talk.name};
    mr_seen at = *seen;

    at.to_client = true;
    if (live->http_status >= 300 && (live->http_status != 401 || live->http_tries > 1)) {
        at.packet = live->http_packet;
        trace_bad(trace, live, &at, &fact);
        return;
    }
    uint64_t idle = (uint64_t)(seen->u.end.tcp->idle_last / MR_SEC);
    bool by_server = trace_left_first(server, client) ||
                     (server->reset.packet && !client->fin_packet);
    if (live->http_status != 200 || !by_server || idle < IDLE_MIN)
        return;
    fact = (mr_fact){.kind = MR_FACT_HTTP_IDLE_CLOSED,
                     .address = fact.address,
                     .port = fact.port,
                     .channel = fact.channel,
                     .seconds = (uint32_t)idle};
    trace_bad(trace, live, seen, &fact);
}

void trace_web_ended(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_flow_side_seen *client = &seen->u.end.tcp->side[MR_FROM_CLIENT];
    const mr_flow_side_seen *server = &seen->u.end.tcp->side[MR_FROM_SERVER];
    bool by_server = trace_left_first(server, client) ||
                     (server->reset.packet && !client->fin_packet);

    if (live->relation && live->talk.midstream && is_web_port(live->talk.server_port))
        live->relation->web_before = true;
    judge_certificate(trace, live, seen);
    if (live->http)
        judge_channel(trace, live, seen);
    if (live->tls_packet && !live->tls_server && !live->tls_alert && by_server &&
        !server->missing && is_rpc_port(live->talk.server_port)) {
        mr_seen at = *seen;
        at.packet = live->tls_packet;
        TRACE_BAD(trace, live, &at, .kind = MR_FACT_TLS_ENDED,
                  .address = trace_intern_ip(trace, &live->talk.server),
                  .port = live->talk.server_port, .name = live->sni);
    }
}

void trace_web_end(mr_trace *trace) {
    for (trace_relation *r = trace->relations; r; r = r->list_next) {
        if (r->http_c2 || r->web_before || (!r->http_in && !r->http_out) ||
            trace->totals.last - r->http_time < PATIENCE)
            continue;
        mr_seen at = {.packet = r->http_packet, .file = r->http_file,
                      .time = trace->totals.last};
        mr_fact fact = {.kind = MR_FACT_HTTP_HALF,
                        .address = trace_intern_ip(trace, &r->server),
                        .port = 443};
        if (!r->http_in || !r->http_out)
            fact.channel = r->http_in ? MR_CHANNEL_IN : MR_CHANNEL_OUT;
        for (const trace_fact *f = r->facts; f; f = f->next) {
            if (f->fact->kind == MR_FACT_TCP_OPEN)
                fact.port = f->fact->port;
        }
        trace_add(trace, r, &at, 0, true, &fact);
    }
}
