/*
 * TCP as facts: how each connection began and ended (RFC 9293), who reset it, what was lost. A
 * connection is judged when it is over. Silence counts only where the client asked again and the
 * capture went on; a reset is called forged only where it differs from what the host sends
 * otherwise.
 */
#include "trace_private.h"

#define PATIENCE (2 * MR_SEC) /* since the first SYN of two or more, before silence is said, */
#define SILENCE MR_SEC        /* and since the second, where it is the last */
#define RETRANSMITS_MIN 3
#define PMTU_MIN 1200         /* octets of a segment that is called large */

void trace_take_begin(mr_trace *trace, const mr_seen *seen) {
    trace_live *live = trace_live_get(trace, seen, true);
    if (!live)
        return;
    trace_tell(trace, live, seen, false, "connection to port %u", seen->server_port);
    if (live->expected)
        trace_rpc_followed(trace, live, seen);
}

/* Ports that RPC and what it rests on use, beside the dynamic ranges (MS "Service overview and
 * network port requirements for Windows"). */
static bool is_windows_port(uint16_t port) {
    static const uint16_t ports[] = {80, 88, 135, 139, 389, 443, 445, 464, 593, 636,
                                     3268, 3269, 6001, 6002, 6004, 9389};
    for (size_t i = 0; i < MR_COUNT(ports); i++) {
        if (ports[i] == port)
            return true;
    }
    return port >= 49152;
}

/* Web traffic that is not seen to be RPC. */
bool trace_is_web(const trace_live *live) {
    return (live->talk.server_port == 80 || live->talk.server_port == 443) && !live->http;
}

enum mr_fact_role trace_role(const trace_live *live) {
    const mr_trace_talk *talk = &live->talk;
    if (talk->server_port == 135)
        return MR_ROLE_MAPPER;
    if (talk->mapped || live->service == MR_SEEN_RPC || live->bound_count ||
        is_windows_port(talk->server_port))
        return MR_ROLE_ENDPOINT;
    return MR_ROLE_NEIGHBOUR;
}

static mr_seen at_packet(const mr_seen *seen, uint64_t packet, mr_nsec time, bool to_client) {
    mr_seen at = *seen;
    at.packet = packet ? packet : seen->packet;
    at.time = time ? time : seen->time;
    at.to_client = to_client;
    return at;
}

/* Whether a TTL can be that of the same host on the same path, begun from another of the usual
 * initial values (32, 64, 128, 255). */
static unsigned hops(uint8_t ttl) {
    unsigned from = ttl <= 32 ? 32 : ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255;
    return from - ttl;
}

/* Signs that are no proof: the host went on as if it had not sent the reset, or a volley of resets
 * misses the sequence number that a host's own reset has (RFC 9293 3.10.7). IP id and window say
 * nothing: hosts send their own resets with 0 in them. */
static bool is_unlikely(const mr_flow_side_seen *server) {
    const mr_flow_reset *reset = &server->reset;
    return server->went_on || (reset->count > 1 && reset->known_seq && !reset->exact);
}

/* What betrays a reset of the server's address that another device sent; UNKNOWN: nothing does. A
 * hardware address counts where the server's other packets, the SYN-ACK and one more at least, had
 * all the same. */
static enum mr_proof proof_of(const trace_live *live, const mr_flow_side_seen *server) {
    const mr_flow_reset *reset = &server->reset;
    const trace_relation *r = live->relation;
    uint8_t low = 0, high = 0;

    if (!reset->packet)
        return MR_PROOF_UNKNOWN;
    if (reset->other_mac && server->syn_packet && server->packets > reset->count + 1)
        return MR_PROOF_MAC;
    if (reset->usual_ttl) {
        low = server->ttl_min;
        high = server->ttl_max;
    } else if (r && r->ttl_min) {
        low = r->ttl_min;
        high = r->ttl_max;
    }
    if (!low || (reset->ttl >= low && reset->ttl <= high) || hops(reset->ttl) == hops(low) ||
        hops(reset->ttl) == hops(high))
        return is_unlikely(server) ? MR_PROOF_TRAITS : MR_PROOF_UNKNOWN;
    return MR_PROOF_TTL;
}

static void say_reset(mr_trace *trace, trace_live *live, const mr_seen *seen,
                      const mr_flow_side_seen *server) {
    mr_seen at = at_packet(seen, server->reset.packet, server->reset.time, true);
    mr_fact fact = {.kind = MR_FACT_TCP_FORGED,
                    .address = trace_intern_ip(trace, &live->talk.server),
                    .port = live->talk.server_port,
                    .role = trace_role(live),
                    .proof = proof_of(live, server)};
    trace_tell(trace, live, &at, true, "RST%s; TTL %u, window %u, sequence number %s",
               server->reset.answers_syn ? ", refused" : "", server->reset.ttl,
               server->reset.window,
               server->reset.exact        ? "as expected"
               : !server->reset.known_seq ? "unknown"
               : server->reset.in_window  ? "in the window"
                                          : "out of the window");
    if (fact.role == MR_ROLE_NEIGHBOUR || fact.proof == MR_PROOF_UNKNOWN)
        return;
    if (fact.proof == MR_PROOF_MAC)
        trace_tell(trace, live, &at, true, "the reset has another hardware address");
    else if (fact.proof == MR_PROOF_TRAITS)
        trace_tell(trace, live, &at, true, "the host went on, or the reset misses its place");
    else
        trace_tell(trace, live, &at, true, "the reset has TTL %u, the host's packets have %u",
                   server->reset.ttl,
                   server->reset.usual_ttl ? server->reset.usual_ttl : live->relation->ttl_min);
    trace_bad(trace, live, &at, &fact);
}

static void count_failure(mr_trace *trace, const trace_live *live) {
    trace_client *client = trace_client_get(trace, &live->talk.client);
    if (client && client->last_port != live->talk.server_port) {
        client->failed_connects++;
        client->last_port = live->talk.server_port;
    }
}

static mr_connect_seen connect_of(mr_trace *trace, const trace_live *live) {
    return (mr_connect_seen){.address = trace_intern_ip(trace, &live->talk.server),
                             .port = live->talk.server_port,
                             .role = trace_role(live)};
}

static mr_nsec last_syn(const mr_flow_side_seen *side) {
    uint32_t most = 0;
    for (size_t i = 0; i < MR_FLOW_TIMES; i++)
        most = side->syn_delay[i] > most ? side->syn_delay[i] : most;
    return side->syn_time + (mr_nsec)most * 1000;
}

/* The client's SYNs got no answer from the host. */
static void judge_unopened(mr_trace *trace, trace_live *live, const mr_seen *seen,
                           const mr_flow_seen *tcp, const mr_flow_side_seen *client) {
    mr_connect_seen c = connect_of(trace, live);
    mr_seen at = at_packet(seen, client->syn_packet, client->syn_time, false);

    if (tcp->icmp) {
        unsigned version = live->talk.server.family;
        at = at_packet(seen, tcp->icmp_packet, 0, true);
        c.icmp = true;
        c.icmp_version = (uint8_t)version;
        c.icmp_type = tcp->icmp_type;
        c.icmp_code = tcp->icmp_code;
        c.mtu = tcp->icmp_mtu;
        c.end = mr_icmp_class(version, tcp->icmp_type, tcp->icmp_code) == MR_ICMP_PORT
                    ? MR_CONNECT_REFUSED : MR_CONNECT_UNREACHABLE;
        c.sender = live->relation ? live->relation->icmp_sender : NULL;
        trace_tell(trace, live, &at, true, "ICMP type %u code %u", c.icmp_type, c.icmp_code);
        trace_add_connect(trace, live, &at, c.role != MR_ROLE_NEIGHBOUR, &c);
        return;
    }
    mr_nsec until = trace->totals.last > tcp->last ? trace->totals.last : tcp->last;
    mr_nsec last = last_syn(client);
    bool sure = (client->syns >= 3 || (client->syns == 2 && until - last >= SILENCE)) &&
                until - client->syn_time >= PATIENCE;
    live->talk.outcome = sure ? MR_TRACE_FAILED : MR_TRACE_UNKNOWN;
    if (!sure)
        return;
    c.end = MR_CONNECT_SILENT;
    c.tries = client->syns;
    live->talk.failed = MR_PHASE_TCP;
    count_failure(trace, live);
    trace_tell(trace, live, &at, true, "SYN, sent %u times, no answer", client->syns);
    trace_add_connect(trace, live, &at, c.role != MR_ROLE_NEIGHBOUR, &c);
}

static void judge_refused(mr_trace *trace, trace_live *live, const mr_seen *seen,
                          const mr_flow_side_seen *server) {
    mr_seen at = at_packet(seen, server->reset.packet, server->reset.time, true);
    mr_connect_seen c = connect_of(trace, live);

    c.end = MR_CONNECT_REFUSED;
    live->talk.failed = MR_PHASE_TCP;
    live->talk.outcome = MR_TRACE_FAILED;
    count_failure(trace, live);
    say_reset(trace, live, seen, server);
    trace_add_connect(trace, live, &at, c.role != MR_ROLE_NEIGHBOUR, &c);
}

/* Segments near the MSS are stuck while smaller ones pass. */
static bool is_pmtu_hole(const mr_flow_side_seen *side) {
    if (side->retransmit_last_time - side->stuck_time < SILENCE)
        return false;
    return side->stuck && side->stuck_times >= 3 && side->stuck_len >= PMTU_MIN &&
           side->through < side->stuck_len;
}

static void judge_loss(mr_trace *trace, trace_live *live, const mr_seen *seen,
                       const mr_flow_seen *tcp, const mr_flow_side_seen *client,
                       const mr_flow_side_seen *server) {
    uint32_t lost = client->retransmits - client->spurious + server->retransmits -
                    server->spurious;
    uint32_t syns = client->syns > 1 ? client->syns - 1u : 0;

    if (tcp->one_way || trace_role(live) == MR_ROLE_NEIGHBOUR || !live->relation ||
        trace_is_web(live))
        return;
    if (is_pmtu_hole(client) || is_pmtu_hole(server) || server->reset.packet)
        return;
    /* a tail that is sent again because the other side is gone is no loss on the path */
    uint32_t tail = (client->stuck ? client->stuck_times : 0) +
                    (server->stuck ? server->stuck_times : 0);
    trace_relation *r = live->relation;
    r->packets += client->packets + server->packets;
    if (lost + syns <= tail)
        return;
    uint64_t first = client->retransmit_packet ? client->retransmit_packet
                     : server->retransmit_packet ? server->retransmit_packet
                                                 : client->syn_last_packet;
    mr_seen at = at_packet(seen, first, 0, false);
    trace_tell(trace, live, &at, false, "%u segments sent again", lost + syns - tail);
    if (!r->lossy++) {
        r->lossy_packet = first;
        r->lossy_file = seen->file;
        r->lossy_port = live->talk.server_port;
    }
    r->lost += lost + syns - tail;
}

/* Opened, and left again before anything was said. */
static void judge_empty(mr_trace *trace, trace_live *live, const mr_seen *seen,
                        const mr_flow_side_seen *client, const mr_flow_side_seen *server) {
    mr_fact fact = {.address = trace_intern_ip(trace, &live->talk.server),
                    .port = live->talk.server_port,
                    .role = trace_role(live)};
    bool early = server->fin_packet && !client->fin_packet && !server->octets &&
                 live->bind.packet > server->fin_packet; /* what the client said came too late */
    if (early)
        live->bind.open = live->call.open = false;
    if (trace_is_web(live))
        return; /* browsers connect in advance, servers do not wait for them */
    if (server->octets || (client->octets && !early) || fact.role == MR_ROLE_NEIGHBOUR)
        return;
    bool left_first = trace_left_first(client, server);
    if (!early && server->reset.packet && !client->fin_packet && !client->reset.packet) {
        mr_seen at = at_packet(seen, server->reset.packet, server->reset.time, true);
        fact.kind = MR_FACT_TCP_RESET;
        trace_bad(trace, live, &at, &fact);
    } else if (server->fin_packet && !left_first && !client->reset.packet) {
        mr_seen at = at_packet(seen, server->fin_packet, server->fin_time, true);
        fact.kind = MR_FACT_TCP_CLOSED;
        trace_tell(trace, live, &at, true, "closed by the server before anything was said");
        trace_bad(trace, live, &at, &fact);
    }
}

static void judge_pmtu(mr_trace *trace, trace_live *live, const mr_seen *seen,
                       const mr_flow_seen *tcp, const mr_flow_side_seen *side, bool to_client) {
    if (!is_pmtu_hole(side))
        return;
    mr_seen at = at_packet(seen, side->retransmit_last_packet, side->retransmit_last_time,
                           to_client);
    trace_tell(trace, live, &at, true, "%u octets sent %u times, never acknowledged",
               side->stuck_len, side->stuck_times + 1);
    if (tcp->icmp && mr_icmp_class(live->talk.server.family, tcp->icmp_type, tcp->icmp_code) ==
                         MR_ICMP_FRAG) {
        mr_connect_seen c = connect_of(trace, live);
        mr_seen icmp = at_packet(seen, tcp->icmp_packet, 0, true);
        c.end = MR_CONNECT_UNREACHABLE;
        c.icmp = true;
        c.icmp_version = live->talk.server.family;
        c.icmp_type = tcp->icmp_type;
        c.icmp_code = tcp->icmp_code;
        c.mtu = tcp->icmp_mtu;
        trace_add_connect(trace, live, &icmp, true, &c);
    }
}

static void note_ttls(trace_live *live, const mr_flow_side_seen *server) {
    trace_relation *r = live->relation;
    if (!r || !server->packets || !server->ttl_min ||
        (server->reset.packet && server->packets <= server->reset.count))
        return;
    r->ttl_min = !r->ttl_min || server->ttl_min < r->ttl_min ? server->ttl_min : r->ttl_min;
    r->ttl_max = server->ttl_max > r->ttl_max ? server->ttl_max : r->ttl_max;
}

/* Whether a side that the other one is not seen to answer was answered all the same: it opened the
 * connection, or acknowledged octets that the capture does not have. */
static bool is_half_of(const mr_flow_side_seen *side) {
    return side->octets && (side->syn_packet || side->acked_unseen);
}

static void note_direction(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_flow_side_seen *client = &seen->u.end.tcp->side[MR_FROM_CLIENT];
    const mr_flow_side_seen *server = &seen->u.end.tcp->side[MR_FROM_SERVER];
    trace_relation *r = live->relation;

    if (client->packets && server->packets) {
        trace->other_way = true;
        if (r)
            r->two_way = true;
        return;
    }
    if (!client->octets && !server->packets)
        return;
    trace->one_way = true; /* a conversation of which one side is missing */
    live->talk.outcome = MR_TRACE_UNKNOWN;
    const mr_flow_side_seen *side = client->packets ? client : server;
    if (r && !r->one_way && is_half_of(side) && trace_role(live) != MR_ROLE_NEIGHBOUR &&
        !trace_is_web(live)) {
        r->one_way = true;
        r->lacks_server = side == client;
        r->one_way_packet = side->first_packet;
        r->one_way_file = seen->file;
        r->one_way_port = live->talk.server_port;
    }
}

static void judge(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_flow_seen *tcp = seen->u.end.tcp;
    const mr_flow_side_seen *client = &tcp->side[MR_FROM_CLIENT];
    const mr_flow_side_seen *server = &tcp->side[MR_FROM_SERVER];

    live->talk.midstream = !client->syn_packet && !server->syn_packet;
    live->talk.octets[MR_FROM_CLIENT] = client->octets;
    live->talk.octets[MR_FROM_SERVER] = server->octets;
    note_direction(trace, live, seen);
    note_ttls(live, server);
    if (server->reset.answers_syn && !tcp->opened) {
        judge_refused(trace, live, seen, server);
        return;
    }
    if (!server->packets) {
        if (client->syn_packet && !client->octets && !client->fin_packet)
            judge_unopened(trace, live, seen, tcp, client);
        return;
    }
    bool open = live->talk.midstream || tcp->opened || client->octets || server->octets;
    if (!open) {
        live->talk.outcome = MR_TRACE_UNKNOWN;
        return;
    }
    mr_connect_seen c = connect_of(trace, live);
    mr_seen at = at_packet(seen, server->syn_packet ? server->syn_packet : server->first_packet,
                           server->syn_packet ? server->syn_time : tcp->first, true);
    c.end = MR_CONNECT_OPEN;
    trace_reach(live, MR_PHASE_TCP);
    if (live->relation && tcp->truncated && server->octets && c.role != MR_ROLE_NEIGHBOUR)
        live->relation->unread = true;
    if (c.role != MR_ROLE_NEIGHBOUR || (live->relation && live->relation->bad))
        trace_add_connect(trace, live, &at, false, &c);
    if (!live->talk.midstream)
        judge_empty(trace, live, seen, client, server);
    if (server->reset.packet &&
        (live->bind.open || live->call.open || server->octets == 0 || server->went_on))
        say_reset(trace, live, seen, server);
    trace_judge_tcp(trace, live, seen, tcp);
    judge_pmtu(trace, live, seen, tcp, client, false);
    judge_pmtu(trace, live, seen, tcp, server, true);
    judge_loss(trace, live, seen, tcp, client, server);
}

/* ---- what stays of a conversation ---- */

static bool same_sum(const mr_trace_talk *a, const mr_trace_talk *b) {
    return a->server_port == b->server_port && a->transport == b->transport &&
           a->outcome == b->outcome && a->interface == b->interface && a->pipe == b->pipe &&
           a->file == b->file && trace_ip_eq(&a->client, &b->client) &&
           trace_ip_eq(&a->server, &b->server);
}

static void sum_up(mr_trace_talk *sum, const mr_trace_talk *talk) {
    if (sum->client_port != talk->client_port)
        sum->client_port = 0;
    sum->count += talk->count;
    sum->calls += talk->calls;
    sum->faults += talk->faults;
    sum->unanswered += talk->unanswered;
    sum->octets[0] += talk->octets[0];
    sum->octets[1] += talk->octets[1];
    sum->median_us = talk->median_us > sum->median_us ? talk->median_us : sum->median_us;
    sum->p99_us = talk->p99_us > sum->p99_us ? talk->p99_us : sum->p99_us;
    sum->max_us = talk->max_us > sum->max_us ? talk->max_us : sum->max_us;
    sum->auth_type = talk->auth_type ? talk->auth_type : sum->auth_type;
    sum->auth_level = talk->auth_level > sum->auth_level ? talk->auth_level : sum->auth_level;
    sum->reached = talk->reached > sum->reached ? talk->reached : sum->reached;
    sum->first = talk->first < sum->first ? talk->first : sum->first;
    sum->last = talk->last > sum->last ? talk->last : sum->last;
    sum->begin = talk->begin < sum->begin ? talk->begin : sum->begin;
    sum->end = talk->end > sum->end ? talk->end : sum->end;
    sum->mapped = sum->mapped || talk->mapped;
    sum->midstream = sum->midstream && talk->midstream;
    sum->name = sum->name ? sum->name : talk->name;
}

static uint32_t sum_slot(const mr_trace_talk *talk) {
    uint32_t h = trace_hash(talk->client.host.octets, 16, talk->server_port);
    return trace_hash(talk->server.host.octets, 16, h) % TRACE_SLOTS;
}

static void keep_talk(mr_trace *trace, trace_live *live) {
    const mr_trace_talk *talk = &live->talk;
    bool sum = !trace->config.each &&
               (talk->outcome == MR_TRACE_WELL || talk->outcome == MR_TRACE_UNKNOWN);
    uint32_t slot = sum_slot(talk);

    if (sum) {
        for (trace_kept *k = trace->sum_slots[slot]; k; k = k->hash_next) {
            if (!same_sum(&k->talk, talk))
                continue;
            sum_up(&k->talk, talk);
            return;
        }
    }
    uint32_t *count = sum ? &trace->sum_count : &trace->kept_count;
    trace_kept *kept = NULL;
    if (*count < (sum ? trace->config.sums : trace->config.talks))
        kept = MR_ARENA_NEW(&trace->arena, trace_kept);
    if (!kept) {
        trace->totals.left_out++;
        return;
    }
    ++*count;
    if (!sum)
        trace_tell_before(trace, live);
    kept->talk = *talk;
    kept->talk.file = trace_file_at(trace, talk->file, talk->begin);
    kept->events = live->events; /* of a sum: those of its first connection */
    kept->event_count = live->event_count;
    live->events = NULL;
    live->event_count = 0;
    trace_kept **at = sum ? &trace->sum_slots[slot] : &trace->kept_slots[talk->id % TRACE_SLOTS];
    kept->hash_next = *at;
    *at = kept;
    *trace->kept_end = kept;
    trace->kept_end = &kept->list_next;
}

static void fill_transport(mr_trace *trace, trace_live *live, const mr_seen_end *end) {
    mr_trace_talk *talk = &live->talk;

    switch ((enum mr_seen_service)end->service) {
    case MR_SEEN_RPC: talk->transport = MR_TRACE_IP_TCP; break;
    case MR_SEEN_IS_SMB: talk->transport = MR_TRACE_NP; break;
    case MR_SEEN_IS_HTTP:
        talk->transport = live->http ? MR_TRACE_HTTP : MR_TRACE_TCP_OTHER;
        break;
    case MR_SEEN_IS_TLS: talk->transport = MR_TRACE_TCP_OTHER; break;
    case MR_SEEN_IS_KRB: talk->transport = MR_TRACE_KERBEROS; break;
    case MR_SEEN_IS_DNS: talk->transport = MR_TRACE_NAMES; break;
    case MR_SEEN_IS_LDAP: talk->transport = MR_TRACE_LDAP; break;
    case MR_SEEN_UNKNOWN:
        if (talk->server_port == 445 || talk->server_port == 139)
            talk->transport = MR_TRACE_NP;
        else if (talk->server_port == 88)
            talk->transport = MR_TRACE_KERBEROS;
        break;
    case MR_SEEN_OTHER: break;
    }
    talk->calls = end->calls;
    talk->faults = end->faults;
    talk->unanswered = end->unanswered;
    talk->median_us = end->median_us;
    talk->p99_us = end->p99_us;
    talk->max_us = end->max_us;
    if (end->auth_type) {
        talk->auth_type = end->auth_type;
        talk->auth_level = end->auth_level;
    }
    if (!mr_uuid_is_nil(&end->interface)) {
        talk->uuid = end->interface;
        talk->version = end->interface_version;
        talk->interface = trace_interface(trace, &end->interface);
    }
    if (end->pipe && *end->pipe)
        talk->pipe = trace_intern(trace, end->pipe);
}

int trace_take_end(mr_trace *trace, const mr_seen *seen) {
    trace_live *live = trace_live_get(trace, seen, true);
    if (!live || !seen->u.end.tcp)
        return 0;
    live->service = (uint8_t)seen->u.end.service;
    live->talk.last = seen->packet;
    live->talk.end = seen->time;
    fill_transport(trace, live, &seen->u.end);
    judge(trace, live, seen);
    trace_rpc_ended(trace, live, seen);
    trace_smb_ended(trace, live, seen);
    trace_krb_ended(trace, live, seen);
    trace_web_ended(trace, live, seen);
    trace_note_host(live, seen->u.end.tcp);
    if (live->talk.calls > live->talk.unanswered + live->talk.faults)
        trace_reach(live, MR_PHASE_COMMUNICATION);
    switch (live->talk.outcome) {
    case MR_TRACE_FAILED: trace->totals.failed++; break;
    case MR_TRACE_UNUSUAL: trace->totals.unusual++; break;
    case MR_TRACE_UNKNOWN: trace->totals.unknown++; break;
    case MR_TRACE_WELL: break;
    }
    int rc = trace->config.talk ? trace->config.talk(trace->config.ctx, &live->talk) : 0;
    keep_talk(trace, live);
    trace_live_drop(trace, live);
    return rc;
}

void trace_take_closed(mr_trace *trace, const mr_seen *seen) {
    const mr_seen_end *end = &seen->u.end;
    trace_live *live = trace_live_get(trace, seen, false);
    mr_trace_talk *talk = live ? &live->talk : NULL;

    if (!live || end->calls < live->pipe_calls || mr_uuid_is_nil(&end->interface))
        return;
    live->pipe_calls = end->calls;
    talk->uuid = end->interface;
    talk->version = end->interface_version;
    talk->interface = trace_interface(trace, &end->interface);
    talk->pipe = trace_intern(trace, seen->pipe ? seen->pipe : end->pipe);
    if (end->auth_type) {
        talk->auth_type = end->auth_type;
        talk->auth_level = end->auth_level;
    }
}

bool trace_is_one_way(const trace_relation *r) {
    if (!r->one_way || r->two_way)
        return false;
    for (const trace_fact *f = r->facts; f && r->lacks_server; f = f->next) {
        if (f->fact->kind == MR_FACT_HOST_ECHO)
            return false;
    }
    return true;
}

static void say_one_way(mr_trace *trace, trace_relation *r) {
    mr_seen at = {.packet = r->one_way_packet, .file = r->one_way_file,
                  .time = trace->totals.last};
    mr_fact fact = {.kind = MR_FACT_TCP_ONE_WAY, .address = trace_intern_ip(trace, &r->server)};
    trace_add(trace, r, &at, 0, true, &fact);
}

/* Beside a translator of addresses a capture has what comes from a client under one address, and
 * the answers under another: halves of the same, to the same port. */
#define HALVES 4096
static uint8_t *half_of(uint8_t *halves, const trace_relation *r) {
    return &halves[trace_hash(r->server.host.octets, 16, r->one_way_port) % HALVES];
}

static void say_one_ways(mr_trace *trace) {
    uint8_t halves[HALVES] = {0};

    for (const trace_relation *r = trace->relations; r; r = r->list_next) {
        if (trace_is_one_way(r))
            *half_of(halves, r) |= r->lacks_server ? 1 : 2;
    }
    for (trace_relation *r = trace->relations; r; r = r->list_next) {
        if (trace_is_one_way(r) && *half_of(halves, r) != 3)
            say_one_way(trace, r);
    }
}

/* A path is called lossy for what happened on several connections to a host. */
void trace_flows_end(mr_trace *trace) {
    say_one_ways(trace);
    for (trace_relation *r = trace->relations; r; r = r->list_next) {
        if (r->lossy < 2 || r->lost < RETRANSMITS_MIN || r->lost * 100 < r->packets * 2)
            continue;
        mr_seen at = {.packet = r->lossy_packet, .file = r->lossy_file,
                      .time = trace->totals.last};
        mr_fact fact = {.kind = MR_FACT_TCP_RETRANSMITS,
                        .address = trace_intern_ip(trace, &r->server),
                        .port = r->lossy_port,
                        .count = r->lost};
        trace_add(trace, r, &at, 0, true, &fact);
        fact.kind = MR_FACT_TCP_LOSSY;
        fact.port = 0;
        fact.count = r->lossy;
        trace_add(trace, r, &at, 0, true, &fact);
        fact.kind = MR_FACT_TCP_LOSSY_FLOWS;
        trace_add(trace, r, &at, 0, true, &fact);
    }
}

void trace_take_icmp(mr_trace *trace, const mr_seen *seen) {
    const mr_seen_icmp *icmp = &seen->u.icmp;
    /* what it says of a connection comes with the connection's end; who says it is known here */
    trace_relation *r = icmp->to.family
                            ? trace_relation_get(trace, &icmp->from, &icmp->to, NULL) : NULL;
    if (r)
        r->icmp_sender = trace_intern_ip(trace, &seen->client);
    if (icmp->protocol == 17 && icmp->to_port == 53)
        trace_names_refused(trace, seen);
    trace_answer_refused(trace, seen);
}
