/* From what a client reports to checks and facts: one reading for the mapper and for services. */
#include "probe_private.h"

#include <stdarg.h>
#include <stdio.h>

static enum mr_connect_end connect_end(const mr_attempt *attempt) {
    switch (attempt->reach) {
    case MR_REACH_OPEN: return MR_CONNECT_OPEN;
    case MR_REACH_REFUSED: return MR_CONNECT_REFUSED;
    case MR_REACH_UNREACHABLE:
        return mr_icmp_is_port(&attempt->icmp) ? MR_CONNECT_REFUSED : MR_CONNECT_UNREACHABLE;
    case MR_REACH_PENDING:
    case MR_REACH_SILENT: return MR_CONNECT_SILENT;
    case MR_REACH_LOCAL: return MR_CONNECT_LOCAL;
    }
    return MR_CONNECT_SILENT;
}

static void connect_check(struct probe_op *op, const mr_connect_seen *s, const mr_attempt *attempt,
                          const char *id) {
    const mr_evidence evidence[] = {
        {"address", {.kind = MR_VALUE_STRING, .u.string = mr_slice_str(s->address)}},
        {"port", {.kind = MR_VALUE_UINT, .u.uinteger = s->port}},
        {"tries", {.kind = MR_VALUE_UINT, .u.uinteger = s->tries}},
        {"sender", {.kind = MR_VALUE_STRING, .u.string = mr_slice_str(s->sender)}},
    };
    double ms = attempt->ended > attempt->started
                    ? (double)(attempt->ended - attempt->started) / MR_MSEC : -1;
    size_t count = s->sender ? 4 : 3;

    switch (s->end) {
    case MR_CONNECT_OPEN:
        probe_check_as(op, id, MR_PHASE_TCP, ms, MR_STATUS_PASS, evidence, count,
                       "%u LISTENING", s->port);
        break;
    case MR_CONNECT_REFUSED:
        probe_check_as(op, id, MR_PHASE_TCP, ms, MR_STATUS_FAIL, evidence, count,
                       s->icmp ? "%u NOT LISTENING (ICMP port unreachable from %s)"
                               : "%u NOT LISTENING (reset)", s->port, s->sender);
        break;
    case MR_CONNECT_SILENT:
        probe_check_as(op, id, MR_PHASE_TCP, ms, MR_STATUS_FAIL, evidence, count,
                       "%u FILTERED (%u %s, no answer)", s->port, s->tries,
                       s->tries == 1 ? "try" : "tries");
        break;
    case MR_CONNECT_UNREACHABLE:
        probe_check_as(op, id, MR_PHASE_TCP, ms, MR_STATUS_FAIL, evidence, count,
                       "%u unreachable (%s says: %s)", s->port, s->sender ? s->sender : "ICMP",
                       mr_icmp_text(&attempt->icmp));
        break;
    case MR_CONNECT_LOCAL:
        probe_check_as(op, id, MR_PHASE_TCP, ms, MR_STATUS_FAIL, evidence, count,
                       "%u: this machine did not send", s->port);
        break;
    }
}

void probe_add_loss(mr_probe *p, const char *check, const mr_addr *addr, uint16_t port,
                    enum mr_fact_role role, uint32_t segments, uint32_t syns) {
    if (segments < 2 && syns < 2)
        return;
    p->losses++;
    if (!probe_wants(p, MR_PHASE_TCP))
        return;
    const char *address = probe_addr_text(p, addr);
    mr_fact_add(p->diag, MR_FACT_TCP_RETRANSMITS, check, .address = address, .port = port,
                .role = role, .count = segments, .tries = syns);
    for (size_t i = 0; i < p->addr_count; i++)
        if (mr_addr_same_host(&p->addrs[i].addr, addr) && ++p->losses_at[i] == 2)
            mr_fact_add(p->diag, MR_FACT_TCP_LOSSY, check, .address = address, .count = 2);
}

void probe_add_syn_loss(mr_probe *p, const char *check, const mr_addr *addr, uint16_t port,
                        enum mr_fact_role role, const mr_attempt *attempt) {
    if (attempt->sent > 1)
        probe_add_loss(p, check, addr, port, role, attempt->sent - 1, attempt->sent);
}

bool probe_add_connect(struct probe_op *op, const mr_client_report *report, const mr_addr *addr,
                       uint16_t port, enum mr_fact_role role) {
    mr_probe *p = op->probe;
    const mr_attempt *attempt = &report->attempt;
    const char *address = probe_addr_text(p, addr);
    const char *id = p->addr_count > 1 && role != MR_ROLE_ENDPOINT
                         ? probe_text(p, "TCP.%u@%s", port, address)
                         : probe_text(p, "TCP.%u", port);
    mr_connect_seen seen = {
        .check = id,
        .at = attempt->ended,
        .address = address,
        .port = port,
        .role = role,
        .end = report->connected ? MR_CONNECT_OPEN : connect_end(attempt),
        .tries = attempt->sent,
        .ms = attempt->ended > attempt->started
                  ? (uint32_t)((attempt->ended - attempt->started) / MR_MSEC) : 0,
        .os_error = attempt->os_error,
    };
    /* an ICMP error that came before the connection opened all the same decided nothing */
    if (attempt->icmp.present && seen.end != MR_CONNECT_OPEN) {
        seen.icmp = true;
        seen.icmp_version = attempt->icmp.version;
        seen.icmp_type = attempt->icmp.type;
        seen.icmp_code = attempt->icmp.code;
        seen.mtu = attempt->icmp.mtu;
        seen.sender = probe_addr_text(p, &attempt->icmp.sender);
    }
    /* the address that talked to the target, rather than the one that asked for its name */
    if (attempt->local.family != MR_FAMILY_ANY)
        mr_addr_text(&attempt->local, p->vantage);
    else
        probe_set_vantage(p, addr);
    if (probe_wants(p, MR_PHASE_TCP)) {
        connect_check(op, &seen, attempt, id);
        mr_facts_add_connect(p->diag, &seen);
    }
    if (seen.end == MR_CONNECT_OPEN || attempt->reach == MR_REACH_REFUSED)
        probe_add_syn_loss(p, id, addr, port, role, attempt);
    return seen.end == MR_CONNECT_OPEN;
}

void probe_read_talk(const mr_client_report *report, int result, const mr_error *err,
                     mr_talk_seen *talk) {
    talk->when = report->stage == MR_STAGE_CALL ? MR_WHEN_AFTER_REQUEST : MR_WHEN_AFTER_BIND;
    talk->acked = !report->has_tcp ? MR_ACKED_UNKNOWN
                  : report->all_acked ? MR_ACKED_YES : MR_ACKED_NO;
    talk->bytes = (uint32_t)report->sent;
    switch (result) {
    case 0:
        talk->end = MR_TALK_BOUND;
        break;
    case MR_ERR_TIMEOUT:
    case MR_ERR_UNREACHABLE:
        talk->end = MR_TALK_SILENT;
        break;
    case MR_ERR_RESET:
        talk->end = MR_TALK_RESET;
        break;
    case MR_ERR_CLOSED:
        talk->end = MR_TALK_CLOSED;
        break;
    case MR_ERR_BIND_REJECTED:
        talk->end = MR_TALK_NAK;
        talk->reason = report->nak_reason;
        break;
    case MR_ERR_CONTEXT_REJECTED:
        talk->end = MR_TALK_REJECTED;
        talk->result = err->peer >> 16;
        talk->reason = err->peer & 0xffff;
        break;
    case MR_ERR_FAULT:
        talk->end = MR_TALK_FAULT;
        talk->status = err->peer;
        break;
    default:
        talk->end = MR_TALK_PROTOCOL;
        if (report->has_foreign) {
            talk->foreign = report->foreign.guess;
            talk->first = mr_slice_of(report->foreign.bytes, report->foreign.len);
        }
        break;
    }
}

static const char *words(mr_arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static const char *words(mr_arena *arena, const char *fmt, ...) {
    char text[MR_DIAG_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const char *kept = mr_arena_add_str(arena, mr_slice_str(text));
    return kept ? kept : "";
}

const char *probe_talk_words(mr_arena *arena, const mr_talk_seen *talk,
                             const mr_error *err) {
    const char *after = talk->when == MR_WHEN_AFTER_REQUEST ? "the request" : "the bind";
    const mr_code_info *code;

    switch (talk->end) {
    case MR_TALK_BOUND:
        return "bound";
    case MR_TALK_CALLED:
        return "bound, a call was answered";
    case MR_TALK_SILENT:
        return words(arena, "%s was %s, and not answered", after,
                          talk->acked == MR_ACKED_YES ? "acknowledged"
                          : talk->acked == MR_ACKED_NO ? "never acknowledged" : "sent");
    case MR_TALK_RESET:
        return words(arena, "the connection was reset after %s", after);
    case MR_TALK_CLOSED:
        return words(arena, "the connection was closed after %s", after);
    case MR_TALK_NAK:
        code = mr_code_find(MR_SPACE_BIND_NAK, talk->reason);
        return words(arena, "the bind was refused: reason %u %s", talk->reason,
                          code ? mr_code_symbol(code) : "");
    case MR_TALK_REJECTED:
        code = mr_code_find(MR_SPACE_CONTEXT_REASON, talk->reason);
        return words(arena, "the interface was rejected: reason %u %s", talk->reason,
                          code ? mr_code_symbol(code) : "");
    case MR_TALK_FAULT:
        code = mr_code_find_fault(talk->status);
        return words(arena, "fault 0x%08x %s", talk->status, code ? mr_code_symbol(code) : "");
    case MR_TALK_PROTOCOL:
        if (err->offset == MR_ERROR_NO_OFFSET)
            return words(arena, "%s", err->text);
        return words(arena, "%s (%s, octet %zu)", err->text, mr_floor_name(err->floor),
                          err->offset);
    }
    return "";
}

const char *probe_talk_text(mr_probe *p, const mr_talk_seen *talk, const mr_error *err) {
    return probe_talk_words(p->arena, talk, err);
}
