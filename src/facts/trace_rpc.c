/*
 * DCE/RPC as facts: binds and their results, faults, calls without an answer (C706 12, MS-RPCE),
 * and the endpoint mapper's answers, each of which makes an endpoint expected (C706 appendix O).
 * Normal and silent: NDR64 refused beside an accepted NDR, negotiations of features, the end of a
 * listing, an operation that a server lacks and a client probes for.
 */
#include "trace_private.h"

#define EPT_S_NOT_REGISTERED 0x16c9a0d6u
#define NCA_OP_RNG_ERROR 0x1c010002u
#define NCA_PROTO_ERROR 0x1c01000bu
#define NCA_UNSUPPORTED_AUTHN_LEVEL 0x1c00001du
#define PATIENCE (3 * MR_SEC)
#define OVERDUE MR_SEC /* what was sent again for so long will not come */
#define LARGE 1200 /* octets: more than one small packet */
#define UNFOLLOWED 5 /* seconds */
#define MAPS 3
#define REMARKS 8 /* of answers that nobody followed: a capture of port 135 alone is full of them */

static mr_talk_seen talk_of(mr_trace *trace, const trace_live *live, bool mapper,
                            const char *interface) {
    return (mr_talk_seen){.mapper = mapper,
                          .address = trace_intern_ip(trace, &live->talk.server),
                          .port = live->talk.server_port,
                          .interface = interface ? interface : "an interface not observed",
                          .service = NULL};
}

static void add(mr_trace *trace, trace_live *live, const mr_seen *seen, bool bad,
                const mr_talk_seen *talk, uint8_t level, uint8_t type) {
    mr_fact fact = mr_facts_of_talk(talk);
    mr_fields fields = mr_fact_fields(fact.kind);
    if (fact.kind == MR_FACT_NONE)
        return;
    if (fields & MR_F(AUTH))
        fact.auth = level;
    if (fields & MR_F(SSP))
        fact.ssp = type;
    if (bad)
        trace_bad(trace, live, seen, &fact);
    else
        trace_add(trace, live->relation, seen, live->talk.id, false, &fact);
}

static const mr_seen_context *wanted_context(const mr_seen_bind *bind) {
    for (uint16_t i = 0; i < bind->count; i++) {
        if (!bind->contexts[i].features && !mr_uuid_is_nil(&bind->contexts[i].abstract.uuid))
            return &bind->contexts[i];
    }
    return NULL;
}

static void set_transport(trace_live *live, const mr_seen *seen) {
    switch (seen->via) {
    case MR_SEEN_PIPE: live->talk.transport = MR_TRACE_NP; break;
    case MR_SEEN_HTTP_RPC: live->talk.transport = MR_TRACE_HTTP; break;
    case MR_SEEN_UDP:
    case MR_SEEN_TCP: live->talk.transport = MR_TRACE_IP_TCP; break;
    }
}

static void take_bind(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_seen_bind *bind = &seen->u.bind;
    const mr_seen_context *context = wanted_context(bind);

    set_transport(live, seen);
    live->service = live->service ? live->service : MR_SEEN_RPC;
    live->bind = (trace_pending){.packet = seen->packet,
                                 .time = seen->time,
                                 .bytes = bind->size,
                                 .contexts = bind->count,
                                 .open = true};
    if (context) {
        live->bind.interface = trace_interface(trace, &context->abstract.uuid);
        live->bind.mapper = trace_is_mapper(&context->abstract.uuid);
        live->talk.uuid = context->abstract.uuid;
        live->talk.version = context->abstract.major;
        live->talk.interface = live->bind.interface;
        live->talk.mapper = live->bind.mapper;
        live->bound_count = 1;
    } else {
        live->bind.interface = live->talk.interface;
        live->bind.mapper = live->talk.mapper;
    }
    if (bind->auth_type) {
        live->talk.auth_type = bind->auth_type;
        live->talk.auth_level = bind->auth_level;
    }
    trace_tell(trace, live, seen, false, "%s %s", bind->alter ? "alter_context" : "bind",
               live->bind.interface ? live->bind.interface : "");
}

static void take_bound(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_seen_bind *bind = &seen->u.bind;
    const mr_seen_context *refused = NULL;
    bool accepted = bind->count == 0; /* an alter_context may carry a token alone */
    const char *interface = live->bind.interface ? live->bind.interface : live->talk.interface;
    bool mapper = live->bind.packet ? live->bind.mapper : live->talk.mapper;

    live->bind.open = false;
    for (uint16_t i = 0; i < bind->count; i++) {
        const mr_seen_context *c = &bind->contexts[i];
        if (c->features || c->result == 3) /* negotiate_ack, MS-RPCE 2.2.2.4 */
            continue;
        accepted = accepted || c->result == 0;
        /* of several refusals that of the interface says more than that of a syntax */
        if (c->result && (!refused || c->reason == 1))
            refused = c;
    }
    mr_talk_seen talk = talk_of(trace, live, mapper, interface);
    talk.contexts = live->bind.contexts;
    talk.ms = bind->ms;
    if (accepted || !refused) {
        talk.end = MR_TALK_BOUND;
        trace_reach(live, mapper ? MR_PHASE_TCP : MR_PHASE_DISCOVERY);
        trace_tell(trace, live, seen, false, "%s, accepted",
                   bind->alter ? "alter_context_resp" : "bind_ack");
        add(trace, live, seen, false, &talk, live->talk.auth_level, live->talk.auth_type);
        return;
    }
    talk.mapper = mapper && live->bound_count; /* what was refused is known */
    /* Asked for NDR64 alone, a mapper tells a client whether its host has 64 bits; and of an offer
     * that is not in the capture nobody knows what else was in it. */
    if (refused->reason == 2 && (talk.mapper || !live->bound_count))
        return;
    talk.end = MR_TALK_REJECTED;
    talk.result = refused->result;
    talk.reason = refused->reason;
    trace_tell(trace, live, seen, true, "%s, no context accepted: result %u, reason %u",
               bind->alter ? "alter_context_resp" : "bind_ack", refused->result, refused->reason);
    add(trace, live, seen, true, &talk, 0, 0);
}

static void take_nak(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_seen_nak *nak = &seen->u.nak;
    const char *interface = mr_uuid_is_nil(&nak->interface)
                                ? live->bind.interface : trace_interface(trace, &nak->interface);
    bool mapper = live->bind.packet ? live->bind.mapper : live->talk.mapper;
    mr_talk_seen talk = talk_of(trace, live, mapper, interface);

    live->bind.open = false;
    talk.end = MR_TALK_NAK;
    talk.reason = nak->reason;
    mr_fact fact = mr_facts_of_talk(&talk);
    if (fact.kind == MR_FACT_RPC_NAK) {
        fact.auth = nak->auth_level;
        fact.ssp = nak->auth_type;
        if (nak->eerr_count) {
            const mr_seen_eerr *last = &nak->eerr[nak->eerr_count - 1];
            fact.name = last->computer && *last->computer ? last->computer : NULL;
            fact.status = last->status;
            fact.location = last->location;
        }
    }
    trace_tell(trace, live, seen, true, "bind_nak, reason %u", nak->reason);
    trace_bad(trace, live, seen, &fact);
}

/* MS-RPCE 2.2.1.3.4: afa8bd80-7d8a-11c9-bef4-08002b102989, whose operations servers lack freely. */
static bool is_mgmt(const mr_uuid *uuid) {
    static const mr_uuid mgmt = {0xafa8bd80, 0x7d8a, 0x11c9,
                                 {0xbe, 0xf4, 0x08, 0x00, 0x2b, 0x10, 0x29, 0x89}};
    return mr_uuid_eq(uuid, &mgmt);
}

/* Who called can be told from the call, or from a bind that the capture has. */
static bool is_caller_known(const trace_live *live, const mr_seen_call *call) {
    return live->bound_count || call->auth_level;
}

/* Said at the end, if the capture then has all of the connection: Samba refuses credentials with
 * the status of a broken PDU, and an answer to what was not captured looks like one. */
static void doubt(mr_trace *trace, trace_live *live, const mr_seen *seen, const mr_fact *fact) {
    if (live->doubt)
        return;
    live->doubt = MR_ARENA_NEW(&trace->arena, trace_doubt);
    if (live->doubt)
        *live->doubt = (trace_doubt){.fact = *fact, .packet = seen->packet, .time = seen->time};
}

static void take_fault(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_seen_call *call = &seen->u.call;
    const char *interface = call->known ? trace_interface(trace, &call->interface)
                                        : live->talk.interface;
    bool mapper = call->known ? trace_is_mapper(&call->interface)
                              : live->bound_count && live->talk.mapper;
    mr_talk_seen talk = talk_of(trace, live, mapper, interface);
    bool after_auth3 = live->auth3;

    live->auth3 = false;
    if (after_auth3 && live->fallback)
        live->fallback_status = call->status;
    trace_tell(trace, live, seen, true, "fault 0x%x, %s opnum %u", call->status,
               interface ? interface : "", call->opnum);
    if (call->known && is_mgmt(&call->interface))
        return;
    if (!call->request && call->status == NCA_OP_RNG_ERROR)
        return; /* its request is not in the capture: nobody knows which operation that was */
    if (call->status == NCA_OP_RNG_ERROR) {
        if (!live->op_range) {
            live->op_range = seen->packet;
            live->op_range_opnum = call->opnum;
            live->op_range_interface = interface;
        }
        return;
    }
    if ((call->status == 5 || call->status == NCA_UNSUPPORTED_AUTHN_LEVEL) &&
        !is_caller_known(live, call)) {
        if (live->talk.outcome == MR_TRACE_WELL)
            live->talk.outcome = MR_TRACE_UNUSUAL;
        return;
    }
    talk.end = MR_TALK_FAULT;
    talk.status = call->status;
    talk.opnum = call->opnum;
    mr_fact fact = mr_facts_of_talk(&talk);
    if (fact.kind == MR_FACT_RPC_FAULT) {
        fact.auth = call->auth_level ? call->auth_level : live->talk.auth_level;
        fact.ssp = call->auth_type ? call->auth_type : live->talk.auth_type;
        fact.when = after_auth3 ? MR_WHEN_AFTER_AUTH3 : MR_WHEN_UNKNOWN;
    }
    if (call->status == NCA_PROTO_ERROR && !after_auth3)
        doubt(trace, live, seen, &fact);
    else
        trace_bad(trace, live, seen, &fact);
}

/* Statuses by which a service says that the caller may not: Win32, NTSTATUS, HRESULT. */
static bool is_denial(uint32_t status) {
    return status == 5 || status == 0xc0000022 || status == 0x80070005 || status == 8453 ||
           status == 0xc000018b || status == 0xc0000061;
}

/* An OXID that is not known, as the call returns it or as COM shows it (MS-DCOM 3.1.2.5.1). */
static bool is_oxid_gone(uint32_t status) {
    return status == 1910 || status == 0x80070776;
}

static void take_call(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_seen_call *call = &seen->u.call;
    const char *interface = call->known ? trace_interface(trace, &call->interface)
                                        : live->talk.interface;
    mr_fact fact = {.interface = interface ? interface : "an interface not observed",
                    .address = trace_intern_ip(trace, &live->talk.server),
                    .port = live->talk.server_port,
                    .opnum = call->opnum};

    if (seen->kind == MR_SEEN_RETURNED) {
        if ((!is_denial(call->status) && !is_oxid_gone(call->status)) ||
            (call->known && trace_is_mapper(&call->interface)))
            return;
        fact.auth = call->auth_level ? call->auth_level : live->talk.auth_level;
        fact.ssp = call->auth_type ? call->auth_type : live->talk.auth_type;
        fact.kind = MR_FACT_RPC_RETURNED;
        fact.status = call->status;
        trace_tell(trace, live, seen, true, "opnum %u returned 0x%x", call->opnum, call->status);
    } else if (seen->kind == MR_SEEN_SLOW) {
        fact.kind = MR_FACT_RPC_SLOW;
        fact.ms = call->ms;
        trace_tell(trace, live, seen, false, "opnum %u answered after %u ms", call->opnum,
                   call->ms);
    } else {
        fact.kind = MR_FACT_RPC_CANCELLED;
        fact.ms = call->ms;
        trace_tell(trace, live, seen, false, "opnum %u cancelled by the client", call->opnum);
    }
    if (live->talk.outcome == MR_TRACE_WELL)
        live->talk.outcome = MR_TRACE_UNUSUAL;
    trace_add(trace, live->relation, seen, live->talk.id, true, &fact);
}

static void take_unanswered(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_seen_call *call = &seen->u.call;
    if (live->call.open)
        return; /* the first tells */
    live->call = (trace_pending){.packet = call->request ? call->request : seen->packet,
                                 .time = seen->time,
                                 .bytes = call->bytes,
                                 .interface = call->known
                                                  ? trace_interface(trace, &call->interface)
                                                  : live->talk.interface,
                                 .mapper = call->known ? trace_is_mapper(&call->interface)
                                                       : live->talk.mapper,
                                 .open = true,
                                 .acked = call->acked,
                                 .partial = call->partial};
}

static void take_foreign(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    bool mapper = live->bind.packet ? live->bind.mapper : live->talk.mapper;
    mr_talk_seen talk = talk_of(trace, live, mapper,
                                live->bind.interface ? live->bind.interface
                                                     : live->talk.interface);
    if (!seen->to_client || live->talk.midstream || live->bind.packet == 0)
        return; /* what was begun before the capture cannot be read with certainty */
    if (seen->kind == MR_SEEN_DAMAGE && seen->u.foreign.text &&
        strncmp(seen->u.foreign.text, "the stream ends", 15) == 0)
        return; /* how it ended says more */
    talk.end = MR_TALK_PROTOCOL;
    talk.foreign = seen->u.foreign.guess;
    talk.first = seen->kind == MR_SEEN_FOREIGN ? mr_slice_str(seen->u.foreign.text)
                                               : MR_SLICE_NULL;
    trace_tell(trace, live, seen, true, "%s: %s",
               seen->kind == MR_SEEN_FOREIGN ? "not DCE/RPC" : "a broken PDU",
               seen->u.foreign.text ? seen->u.foreign.text : "");
    if (live->foreign)
        return;
    live->foreign = true;
    live->bind.open = false;
    if (seen->kind == MR_SEEN_FOREIGN) {
        add(trace, live, seen, true, &talk, 0, 0);
        return;
    }
    mr_fact fact = mr_facts_of_talk(&talk);
    if (fact.kind != MR_FACT_NONE)
        doubt(trace, live, seen, &fact); /* the capture may lack what it answers */
}

/* ---- the endpoint mapper ---- */

static void expect(mr_trace *trace, trace_live *live, const mr_seen *seen,
                   const mr_seen_endpoint *e) {
    bool elsewhere = e->address.family && !trace_ip_eq(&e->address, &seen->server);
    trace_expected expected = {.client = seen->client,
                               .server = seen->server,
                               .port = e->port,
                               .interface = e->interface,
                               .version = e->version,
                               .packet = seen->packet,
                               .time = seen->time,
                               .file = seen->file,
                               .begin_packet = live->talk.first,
                               .begin = live->talk.begin,
                               .talk = live->talk.id,
                               .mapper_port = live->talk.server_port,
                               .map = !seen->u.map.lookup,
                               .relation = live->relation};
    trace_expected_add(trace, &expected);
    if (elsewhere) {
        expected.server = e->address;
        trace_expected_add(trace, &expected);
    }
    if (seen->u.map.lookup)
        return;
    const char *interface = trace_interface(trace, &e->interface);
    if (live->relation) {
        trace_relation *r = live->relation;
        r->map.count += r->map.packet != seen->packet;
        r->map.packet = seen->packet;
        r->map.time = seen->time;
        r->map.file = seen->file;
        r->map.talk = live->talk.id;
        r->map.port = e->port;
        r->map.interface = interface;
    }
    TRACE_GOOD(trace, live, seen, .kind = MR_FACT_EPM_MAPPED,
               .interface = interface ? interface : "an interface not observed",
               .address = trace_intern_ip(trace, &seen->server), .port = e->port,
               .service = trace_service(&e->interface));
    if (elsewhere)
        TRACE_GOOD(trace, live, seen, .kind = MR_FACT_EPM_ADDRESS_DIFFERS,
                   .address = trace_intern_ip(trace, &seen->server),
                   .other = trace_intern_ip(trace, &e->address), .interface = interface,
                   .port = e->port);
}

/* DCOM names endpoints by name too; then the host that was asked is the one to go to. */
static void take_oxid(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_seen_map *map = &seen->u.map;

    for (uint32_t i = 0; i < map->count; i++) {
        const mr_seen_endpoint *e = &map->endpoints[i];
        trace_expected expected = {.client = seen->client,
                                   .server = e->address.family ? e->address : seen->server,
                                   .port = e->port,
                                   .packet = seen->packet,
                                   .time = seen->time,
                                   .file = seen->file,
                                   .begin_packet = live->talk.first,
                                   .begin = live->talk.begin,
                                   .talk = live->talk.id,
                                   .mapper_port = live->talk.server_port,
                                   .oxid = true,
                                   .relation = live->relation};
        trace_tell(trace, live, seen, false, "an object is served at %s, port %u",
                   e->host ? e->host : "?", e->port);
        trace_expected_add(trace, &expected);
    }
}

void trace_rpc_followed(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const trace_expected *e = live->expected;
    trace_relation *by = e->relation;

    if (!by || (!e->map && !e->oxid))
        return;
    by->map_followed = by->map_followed || e->map;
    mr_fact fact = {.kind = e->oxid ? MR_FACT_RPC_OXID_FOLLOWED : MR_FACT_EPM_TOWER_FOLLOWED,
                    .address = trace_intern_ip(trace, &seen->server),
                    .port = seen->server_port,
                    .other = trace_intern_ip(trace, &by->server)};
    if (!e->oxid && by == live->relation)
        return; /* the mapper's own host */
    if (!e->oxid)
        fact.interface = live->talk.interface;
    trace_add(trace, live->relation, seen, live->talk.id, false, &fact);
    trace_join(by, live->relation);
}

static void take_map(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_seen_map *map = &seen->u.map;
    const mr_uuid *asked = map->request_known ? &map->asked
                           : map->count       ? &map->endpoints[0].interface : NULL;
    const char *interface = asked ? trace_interface(trace, asked) : NULL;

    live->talk.mapper = true;
    trace_reach(live, MR_PHASE_DISCOVERY);
    for (uint32_t i = 0; i < map->count; i++) {
        if (map->endpoints[i].protseq == MR_PROTSEQ_NCACN_IP_TCP && map->endpoints[i].port)
            expect(trace, live, seen, &map->endpoints[i]);
    }
    if (map->lookup) {
        live->listed = live->listed || map->count;
        live->asked_all = live->asked_all || map->all;
        if (map->count == 0 && (map->status == 0 || map->status == EPT_S_NOT_REGISTERED))
            live->listed_nothing = live->listed_nothing ? live->listed_nothing : seen->packet;
        else if (map->status == 0 || map->status == EPT_S_NOT_REGISTERED)
            TRACE_GOOD(trace, live, seen, .kind = MR_FACT_EPM_LISTED,
                       .address = trace_intern_ip(trace, &seen->server), .count = map->count,
                       .port = seen->server_port);
        else
            TRACE_BAD(trace, live, seen, .kind = MR_FACT_EPM_LOOKUP_FAILED,
                      .address = trace_intern_ip(trace, &seen->server), .status = map->status,
                      .port = seen->server_port);
        return;
    }
    trace_tell(trace, live, seen, map->status != 0, "ept_map %s: %u endpoints, status 0x%x",
               interface ? interface : "", map->count, map->status);
    if (!interface || (map->status == 0 && map->count))
        return;
    if (map->status == EPT_S_NOT_REGISTERED || map->status == 0)
        TRACE_BAD(trace, live, seen, .kind = MR_FACT_EPM_NOT_REGISTERED, .interface = interface,
                  .address = trace_intern_ip(trace, &seen->server),
                  .service = trace_service(asked));
    else
        TRACE_BAD(trace, live, seen, .kind = MR_FACT_EPM_MAP_FAILED, .interface = interface,
                  .address = trace_intern_ip(trace, &seen->server), .status = map->status,
                  .port = seen->server_port);
}

void trace_take_rpc(mr_trace *trace, const mr_seen *seen) {
    trace_live *live = trace_live_get(trace, seen, true);
    if (!live)
        return;
    if (seen->kind == MR_SEEN_MAP)
        take_map(trace, live, seen);
    else if (seen->kind == MR_SEEN_OXID)
        take_oxid(trace, live, seen);
    else if (seen->kind == MR_SEEN_BIND)
        take_bind(trace, live, seen);
    else if (seen->kind == MR_SEEN_BOUND)
        take_bound(trace, live, seen);
    else if (seen->kind == MR_SEEN_NAK)
        take_nak(trace, live, seen);
    else if (seen->kind == MR_SEEN_AUTH3)
        live->auth3 = true;
    else if (seen->kind == MR_SEEN_FAULT)
        take_fault(trace, live, seen);
    else if (seen->kind == MR_SEEN_UNANSWERED)
        take_unanswered(trace, live, seen);
    else if (seen->kind == MR_SEEN_FOREIGN || seen->kind == MR_SEEN_DAMAGE)
        take_foreign(trace, live, seen);
    else if (seen->kind == MR_SEEN_SHUTDOWN)
        trace_tell(trace, live, seen, false, "shutdown");
    else
        take_call(trace, live, seen);
}

/* ---- the end of a connection ---- */

static enum mr_acked acked_of(const mr_flow_side_seen *client) {
    if (client->stuck || client->unacked)
        return MR_ACKED_NO;
    return MR_ACKED_YES;
}

/* How long the client waited for an answer to what it sent at @since. */
static mr_nsec waited(const mr_trace *trace, const mr_flow_seen *tcp, mr_nsec since) {
    const mr_flow_side_seen *client = &tcp->side[MR_FROM_CLIENT];
    mr_nsec until = trace->totals.last > tcp->last ? trace->totals.last : tcp->last;
    if (client->fin_packet)
        until = client->fin_time;
    else if (client->reset.packet)
        until = client->reset.time;
    return until > since ? until - since : 0;
}

/* The server sent, as its later sequence numbers show, and the client never acknowledged it: the
 * answer was lost, which no hole in a capture can do. */
static void judge_lost(mr_trace *trace, trace_live *live, const mr_seen *seen,
                       const trace_pending *pending, const mr_flow_side_seen *server) {
    mr_talk_seen talk = talk_of(trace, live, pending->mapper, pending->interface);
    mr_seen at = *seen;

    at.packet = pending->packet;
    at.time = pending->time;
    at.to_client = false;
    talk.end = MR_TALK_SILENT;
    talk.when = pending == &live->bind ? MR_WHEN_AFTER_BIND : MR_WHEN_AFTER_REQUEST;
    talk.tries = pending->mapper && live->relation ? ++live->relation->mapper_silent : 1;
    talk.acked = MR_ACKED_YES;
    trace_tell(trace, live, &at, true, "%u octets of the answer never arrived", server->unacked);
    if (pending->mapper && server->unacked >= LARGE && !live->bind.open) {
        TRACE_GOOD(trace, live, &at, .kind = MR_FACT_EPM_ANSWERS_SMALL,
                   .address = talk.address, .port = talk.port);
    } else if (server->unacked >= LARGE) {
        talk.acked = MR_ACKED_NO;
        talk.bytes = server->unacked;
    } else {
        TRACE_BAD(trace, live, &at, .kind = MR_FACT_TCP_LOST_BACK, .address = talk.address,
                  .port = talk.port, .tries = 1, .bytes = server->unacked,
                  .role = pending->mapper ? MR_ROLE_MAPPER : MR_ROLE_ENDPOINT);
    }
    add(trace, live, &at, true, &talk, live->talk.auth_level, live->talk.auth_type);
}

static void judge_pending(mr_trace *trace, trace_live *live, const mr_seen *seen,
                          const trace_pending *pending, enum mr_when when) {
    const mr_flow_seen *tcp = seen->u.end.tcp;
    const mr_flow_side_seen *client = &tcp->side[MR_FROM_CLIENT];
    const mr_flow_side_seen *server = &tcp->side[MR_FROM_SERVER];
    mr_talk_seen talk = talk_of(trace, live, pending->mapper, pending->interface);
    mr_seen at = *seen;

    at.packet = pending->packet;
    at.time = pending->time;
    at.to_client = false;
    talk.when = when;
    talk.acked = acked_of(client);
    talk.contexts = live->bind.contexts;
    talk.bytes = client->stuck && client->stuck_len > pending->bytes ? client->stuck_len
                                                                     : pending->bytes;
    if (live->talk.transport == MR_TRACE_NP && live->relation && live->relation->smb_count > 1) {
        live->talk.outcome = MR_TRACE_UNKNOWN;
        return; /* SMB 3 may answer on another channel */
    }
    bool lost = server->missing ? server->unacked >= server->missing
                                : !server->octets && server->unacked;
    if (lost && !server->stuck && client->packets && !tcp->truncated &&
        waited(trace, tcp, pending->time) >= OVERDUE) {
        judge_lost(trace, live, seen, pending, server);
        return;
    }
    /* a SYN-ACK that comes late is one sent again: the host does not know the connection */
    bool half_open = !client->syn_packet && server->syn_packet > pending->packet;
    bool holes = server->missing || client->missing > client->unacked || tcp->truncated;
    if (holes || tcp->one_way || live->talk.midstream || half_open) {
        if (live->talk.outcome == MR_TRACE_WELL)
            live->talk.outcome = MR_TRACE_UNKNOWN;
        return; /* the answer may be where the capture has a hole */
    }
    bool client_left = trace_left_first(client, server) || client->reset.packet;
    if (server->reset.packet && (!client_left || client->reset.packet)) {
        at.packet = server->reset.packet;
        at.time = server->reset.time;
        at.to_client = true;
        talk.end = MR_TALK_RESET;
    } else if (server->fin_packet && !client_left) {
        at.packet = server->fin_packet;
        at.time = server->fin_time;
        at.to_client = true;
        talk.end = MR_TALK_CLOSED;
        trace_tell(trace, live, &at, true, "closed by the server");
    } else if (waited(trace, tcp, pending->time) < PATIENCE) {
        if (live->talk.outcome == MR_TRACE_WELL)
            live->talk.outcome = MR_TRACE_UNKNOWN;
        return;
    } else {
        talk.end = MR_TALK_SILENT;
        talk.tries = pending->mapper && live->relation ? ++live->relation->mapper_silent : 1;
        trace_tell(trace, live, &at, true, "no answer%s",
                   talk.acked == MR_ACKED_NO ? ", and it was not acknowledged" : "");
    }
    add(trace, live, &at, true, &talk, live->talk.auth_level, live->talk.auth_type);
}

/* What a capture with all messages shows only: of another one nobody knows what came before. */
static void judge_doubts(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_flow_seen *tcp = seen->u.end.tcp;
    mr_seen at = *seen;

    if (tcp->truncated || live->talk.midstream || tcp->side[MR_FROM_CLIENT].missing ||
        tcp->side[MR_FROM_SERVER].missing)
        return;
    at.to_client = true;
    if (live->doubt) {
        at.packet = live->doubt->packet;
        at.time = live->doubt->time;
        trace_bad(trace, live, &at, &live->doubt->fact);
    }
    if (live->listed_nothing) {
        mr_fact fact = {.kind = MR_FACT_EPM_LISTED,
                        .address = trace_intern_ip(trace, &live->talk.server),
                        .port = live->talk.server_port};
        at.packet = live->listed_nothing;
        if (live->asked_all && !live->listed)
            trace_bad(trace, live, &at, &fact);
        else
            trace_add(trace, live->relation, &at, live->talk.id, false, &fact);
    }
}

void trace_rpc_ended(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    mr_trace_talk *talk = &live->talk;
    uint64_t answered = talk->calls > talk->unanswered + talk->faults
                            ? talk->calls - talk->unanswered - talk->faults : 0;
    const mr_flow_seen *tcp = seen->u.end.tcp;
    bool whole = !talk->midstream && !tcp->side[MR_FROM_CLIENT].missing &&
                 !tcp->side[MR_FROM_SERVER].missing;

    if (live->op_range && !answered && whole) {
        mr_seen at = *seen;
        at.packet = live->op_range;
        at.to_client = true;
        const char *interface = live->op_range_interface;
        TRACE_BAD(trace, live, &at, .kind = MR_FACT_RPC_FAULT,
                  .interface = interface ? interface : "an interface not observed",
                  .address = trace_intern_ip(trace, &talk->server), .port = talk->server_port,
                  .status = NCA_OP_RNG_ERROR, .opnum = live->op_range_opnum);
    }
    judge_doubts(trace, live, seen);
    if (live->bind.open)
        judge_pending(trace, live, seen, &live->bind, MR_WHEN_AFTER_BIND);
    else if (live->call.open && !live->foreign)
        judge_pending(trace, live, seen, &live->call,
                      live->call.partial ? MR_WHEN_MID_RESPONSE : MR_WHEN_AFTER_REQUEST);
    if (answered && !talk->mapper && talk->interface) {
        mr_talk_seen called = talk_of(trace, live, false, talk->interface);
        called.end = MR_TALK_CALLED;
        called.ms = talk->median_us / 1000;
        add(trace, live, seen, false, &called, talk->auth_level, 0);
    }
}

/* Asked, told, and left at that. Clients that ask for many things one after the other list what is
 * there. */
void trace_rpc_end(mr_trace *trace) {
    uint32_t told = 0;

    for (trace_relation *r = trace->relations; r && told < REMARKS; r = r->list_next) {
        mr_nsec seconds = trace->totals.last > r->map.time
                              ? (trace->totals.last - r->map.time) / MR_SEC : 0;
        if (!r->map.packet || r->map_followed || r->map.count > MAPS || seconds < UNFOLLOWED)
            continue;
        told++;
        mr_seen at = {.packet = r->map.packet, .file = r->map.file, .time = r->map.time};
        trace_add(trace, r, &at, r->map.talk, true,
                  &(mr_fact){.kind = MR_FACT_EPM_NOT_FOLLOWED,
                             .interface = r->map.interface ? r->map.interface
                                                           : "an interface not observed",
                             .address = trace_intern_ip(trace, &r->server),
                             .port = r->map.port,
                             .seconds = (uint32_t)seconds});
    }
}
