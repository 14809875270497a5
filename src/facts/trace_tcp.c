/*
 * What an opened connection tells of the path and of the hosts beside the messages on it
 * (RFC 9293): handshakes that the host did not see completed, ports of an older connection, windows
 * that stay closed, data that is never acknowledged, connections that were forgotten while they lay
 * idle. Each is said only where it cost the conversation something.
 */
#include "trace_private.h"

#define WINDOW_CLOSED (10 * MR_SEC)
#define IDLE (60 * MR_SEC)
#define PROMPT (5 * MR_SEC) /* between what was sent and its reset */
#define STUCK MR_SEC        /* from the first to the last copy, at least */
#define TRIES 3             /* of a segment, before it is called stuck */
#define REPEATED 500000     /* microseconds, the least before a SYN-ACK is sent again */

static mr_fact fact_of(mr_trace *trace, const trace_live *live, enum mr_fact_kind kind) {
    return (mr_fact){.kind = kind,
                     .address = trace_intern_ip(trace, &live->talk.server),
                     .port = live->talk.server_port,
                     .role = trace_role(live)};
}

/* Sooner than a host repeats it, it is a copy of the same. */
static bool is_repeated(const mr_flow_side_seen *side) {
    for (size_t i = 0; i < MR_FLOW_TIMES; i++) {
        if (side->syn_delay[i] >= REPEATED)
            return true;
    }
    return false;
}

/* The host repeats its SYN-ACK after the client has confirmed it, and hears nothing. */
static void judge_half_open(mr_trace *trace, trace_live *live, const mr_seen *seen,
                            const mr_flow_seen *tcp) {
    const mr_flow_side_seen *client = &tcp->side[MR_FROM_CLIENT];
    const mr_flow_side_seen *server = &tcp->side[MR_FROM_SERVER];

    if (server->syns < 2 || !tcp->opened || server->syn_last_packet < tcp->opened_packet ||
        server->octets || !client->octets || !client->unacked || !is_repeated(server))
        return;
    mr_fact fact = fact_of(trace, live, MR_FACT_TCP_HALF_OPEN);
    mr_seen at = trace_at(seen, server->syn_last_packet, true);
    fact.tries = server->syns - 1u;
    trace_tell(trace, live, &at, true, "SYN-ACK again, %u times", fact.tries);
    trace_bad(trace, live, &at, &fact);
}

/* A SYN on the ports of a connection that the other side still has. */
static void judge_reuse(mr_trace *trace, trace_live *live, const mr_seen *seen,
                        const mr_flow_seen *tcp) {
    const mr_flow_side_seen *client = &tcp->side[MR_FROM_CLIENT];
    const mr_flow_side_seen *server = &tcp->side[MR_FROM_SERVER];

    if (!server->challenge_acks || !client->syn_packet || !client->reset.packet)
        return;
    mr_fact fact = fact_of(trace, live, MR_FACT_TCP_CHALLENGED);
    mr_seen at = trace_at(seen, client->reset.packet, false);
    fact.tries = server->challenge_acks;
    trace_tell(trace, live, &at, true, "reset: the answer to the SYN is of another connection");
    trace_add(trace, live->relation, &at, live->talk.id, true, &fact);
}

static void judge_window(mr_trace *trace, trace_live *live, const mr_seen *seen,
                         const mr_flow_seen *tcp, enum mr_flow_side from) {
    const mr_flow_side_seen *side = &tcp->side[from];

    if (side->zero_longest < WINDOW_CLOSED || side->reset.packet)
        return;
    mr_fact fact = fact_of(trace, live, MR_FACT_TCP_ZERO_WINDOW);
    mr_seen at = trace_at(seen, side->zero_packet, from == MR_FROM_SERVER);
    fact.ms = (uint32_t)(side->zero_longest / 1000000);
    fact.acked = side->zero_open ? MR_ACKED_NO : MR_ACKED_YES;
    fact.sender = trace_intern_ip(trace, from == MR_FROM_SERVER ? &live->talk.server
                                                                 : &live->talk.client);
    trace_tell(trace, live, &at, true, "window closed for %u ms", fact.ms);
    trace_add(trace, live->relation, &at, live->talk.id, true, &fact);
}

/* The packet that ended the longest silence is the call that nobody answered. Whether it was reset
 * or ignored: the connection was not known any more. */
static void judge_idle(mr_trace *trace, trace_live *live, const mr_seen *seen,
                       const mr_flow_seen *tcp) {
    const mr_flow_side_seen *client = &tcp->side[MR_FROM_CLIENT];
    const mr_flow_side_seen *server = &tcp->side[MR_FROM_SERVER];
    const trace_pending *call = &live->call;

    if (tcp->idle_longest < IDLE || !call->open || call->packet != tcp->idle_packet ||
        !server->octets || server->fin_packet || client->fin_packet)
        return;
    bool reset = server->reset.packet > call->packet &&
                 server->reset.time - call->time < PROMPT;
    bool ignored = !server->reset.packet && client->stuck && client->stuck_times >= TRIES &&
                   client->stuck_time >= call->time;
    if (!reset && !ignored)
        return;
    mr_fact fact = fact_of(trace, live, MR_FACT_TCP_IDLE_LOST);
    mr_seen at = trace_at(seen, call->packet, false);
    fact.seconds = (uint32_t)(tcp->idle_longest / MR_SEC);
    fact.acked = ignored ? MR_ACKED_NO : MR_ACKED_UNKNOWN;
    trace_tell(trace, live, &at, true, "after %u s of silence", fact.seconds);
    trace_bad(trace, live, &at, &fact);
}

/* Data of the client that is never acknowledged, where no message is known to wait: what waits is
 * told with the message. */
static void judge_stuck(mr_trace *trace, trace_live *live, const mr_seen *seen,
                        const mr_flow_seen *tcp) {
    const mr_flow_side_seen *client = &tcp->side[MR_FROM_CLIENT];
    const mr_flow_side_seen *server = &tcp->side[MR_FROM_SERVER];

    if (!client->stuck || client->stuck_times < TRIES || live->bind.open || live->call.open ||
        live->smb_step || server->reset.packet || server->fin_packet ||
        client->retransmit_last_time - client->stuck_time < STUCK)
        return;
    mr_fact fact = fact_of(trace, live, MR_FACT_TCP_STUCK);
    mr_seen at = trace_at(seen, client->retransmit_last_packet, false);
    fact.bytes = client->stuck_len;
    fact.tries = client->stuck_times;
    fact.count = client->through;
    fact.sender = trace_intern_ip(trace, &live->talk.client);
    trace_tell(trace, live, &at, true, "%u octets sent again %u times", fact.bytes, fact.tries);
    trace_bad(trace, live, &at, &fact);
}

void trace_judge_tcp(mr_trace *trace, trace_live *live, const mr_seen *seen,
                     const mr_flow_seen *tcp) {
    if (tcp->one_way || !live->relation || trace_role(live) == MR_ROLE_NEIGHBOUR ||
        trace_is_web(live))
        return;
    judge_reuse(trace, live, seen, tcp);
    judge_half_open(trace, live, seen, tcp);
    judge_window(trace, live, seen, tcp, MR_FROM_CLIENT);
    judge_window(trace, live, seen, tcp, MR_FROM_SERVER);
    judge_idle(trace, live, seen, tcp);
    judge_stuck(trace, live, seen, tcp);
}
