/*
 * One address, several machines: what accepts a connection to an endpoint is compared with what
 * accepted the one to the mapper that named it. The TTL and the options of the SYN-ACK (RFC 9293
 * 3.2) are a host's own; one of them alone may be the path's doing, so both must differ, and a
 * mapper that is itself several machines tells nothing.
 */
#include "trace_private.h"

#include <stdio.h>

static trace_traits traits_of(const trace_live *live, const mr_flow_seen *tcp) {
    const mr_flow_side_seen *client = &tcp->side[MR_FROM_CLIENT];
    const mr_flow_side_seen *server = &tcp->side[MR_FROM_SERVER];

    return (trace_traits){.packet = server->syn_packet,
                          .talk = live->talk.id,
                          .file = live->talk.file,
                          .port = live->talk.server_port,
                          .mss = server->mss,
                          .ttl = server->ttl_min,
                          .sack = server->sack_ok,
                          .stamped = server->stamped,
                          .scaled = server->wscale != MR_TCP_NO_SCALE,
                          .asked_sack = client->sack_ok,
                          .asked_stamped = client->stamped,
                          .asked_scaled = client->wscale != MR_TCP_NO_SCALE};
}

/* Options that one of the two uses though both were offered them. */
static bool is_other_host(const trace_traits *a, const trace_traits *b) {
    bool options = (a->asked_sack && b->asked_sack && a->sack != b->sack) ||
                   (a->asked_stamped && b->asked_stamped && a->stamped != b->stamped) ||
                   (a->asked_scaled && b->asked_scaled && a->scaled != b->scaled);

    return a->ttl != b->ttl && (options || a->mss != b->mss);
}

void trace_note_host(trace_live *live, const mr_flow_seen *tcp) {
    const mr_flow_side_seen *server = &tcp->side[MR_FROM_SERVER];
    trace_relation *r = live->relation;

    if (!r || !tcp->opened || !server->syn_packet || !server->ttl_min ||
        server->ttl_min != server->ttl_max)
        return;
    trace_traits traits = traits_of(live, tcp);
    if (trace_role(live) == MR_ROLE_MAPPER) {
        r->mapper_mixed = r->mapper_mixed ||
                          (r->mapper.packet && is_other_host(&r->mapper, &traits));
        r->mapper = traits;
    } else if (live->talk.mapped && !r->endpoint.packet &&
               !(r->mapper.packet && !is_other_host(&r->mapper, &traits))) {
        r->endpoint = traits;
    }
}

void trace_hosts_end(mr_trace *trace) {
    char text[96];

    for (trace_relation *r = trace->relations; r; r = r->list_next) {
        const trace_traits *e = &r->endpoint;
        if (!r->bad || !r->mapper.packet || !e->packet || r->mapper_mixed ||
            !is_other_host(&r->mapper, e))
            continue;
        snprintf(text, sizeof text, "its packets have TTL %u and TCP options that are not the "
                 "mapper's (TTL %u)", e->ttl, r->mapper.ttl);
        mr_seen at = {.packet = e->packet, .file = e->file, .time = trace->totals.last};
        mr_fact fact = {.kind = MR_FACT_TCP_OTHER_HOST,
                        .address = trace_intern_ip(trace, &r->server),
                        .port = e->port,
                        .role = MR_ROLE_ENDPOINT,
                        .other = text};
        trace_add(trace, r, &at, e->talk, true, &fact);
    }
}
