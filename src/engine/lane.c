/*
 * Lanes cut the octets of one direction into PDUs (C706 12.6.3.1: frag_length). A PDU that lies
 * whole in the octets fed is handed on in place; else its parts are put together in a buffer of at
 * most one fragment. A tap that lost octets drops the rest of the damaged PDU when its length is
 * known, else searches for the next plausible header. Invariant: @offset counts every octet read
 * or missing; when @hold is not empty its first octet lies at offset - hold.len.
 */
#include "state.h"

#define VERSION 5 /* C706 12.6.3.1 */
#define AT_DREP 4
#define AT_CALL_ID 12
#define DREP_LITTLE 0x10

void mr_lane_init(mr_lane *lane, enum mr_lane_phase phase) {
    *lane = (mr_lane){.phase = phase};
    mr_buf_init(&lane->hold, NULL, 0, MR_PDU_FRAG_MAX);
}

static mr_event lane_event(const mr_assoc_state *s, enum mr_event_kind kind, enum mr_dir dir) {
    const mr_lane *lane = &s->lane[dir];
    mr_event event = mr_state_event(s, kind, dir);

    if (lane->hold.len > 0)
        event.time_first = lane->first;
    event.offset = lane->offset - lane->hold.len;
    return event;
}

static void search(mr_lane *lane) {
    lane->phase = MR_LANE_SEARCH;
    lane->skipped = 0;
    lane->need = 0;
}

/* @head, at the lane's present place, cannot begin a PDU. In a live role that ends the
 * association, in a tap it starts the search. @err is wire's, its offset that of the PDU. */
static int damaged(mr_assoc_state *s, enum mr_dir dir, const mr_event *at, mr_error *err) {
    if (err->offset != MR_ERROR_NO_OFFSET)
        err->offset += (size_t)at->offset;
    if (!mr_state_is_tap(s))
        return mr_state_fail(s, at, err);
    search(&s->lane[dir]);
    return mr_state_push_note(s, at, err);
}

/* A server's answer to first octets that begin no PDU: to another version which one it speaks (C706
 * 12.6.4.5, as Windows does to whatever comes), else what it says to every damaged PDU. The call id
 * is where and in the byte order in which a header would have it. */
static void refuse_foreign(mr_assoc_state *s, mr_slice head) {
    mr_cursor c = mr_cursor_of(head);
    bool version = head.data[0] != VERSION;

    if (s->config.role != MR_ROLE_SERVER || head.len < MR_PDU_HEADER_SIZE)
        return;
    mr_cursor_skip(&c, AT_CALL_ID);
    c.big = !(head.data[AT_DREP] & DREP_LITTLE);
    uint32_t call_id = mr_cursor_read_u32(&c);
    if (version)
        mr_send_bind_nak(s, call_id, MR_NAK_PROTOCOL_VERSION, MR_SLICE_NULL);
    else
        mr_send_fault(s, call_id, 0, MR_FAULT_PROTO_ERROR, MR_PFC_DID_NOT_EXECUTE,
                      MR_SLICE_NULL);
}

/* The stream does not begin as DCE/RPC does: say what it seems to be. */
static int foreign(mr_assoc_state *s, enum mr_dir dir, const mr_event *at, mr_slice head) {
    mr_lane *lane = &s->lane[dir];
    mr_event event = *at;
    mr_error err = MR_ERROR_INIT;

    event.kind = MR_EVENT_FOREIGN;
    event.u.foreign = (mr_event_foreign){.guess = mr_foreign_guess(head)};
    event.u.foreign.len = (uint8_t)(head.len < MR_EVENT_FOREIGN_LEN ? head.len
                                                                    : MR_EVENT_FOREIGN_LEN);
    memcpy(event.u.foreign.bytes, head.data, event.u.foreign.len);
    mr_state_push(s, &event);
    if (mr_state_is_tap(s)) {
        search(lane);
        if (event.u.foreign.guess != MR_FOREIGN_UNKNOWN)
            lane->phase = MR_LANE_DEAD;
        return 0;
    }
    refuse_foreign(s, head);
    mr_fail(&err, MR_ERR_PROTOCOL, MR_FLOOR_ENGINE, (size_t)at->offset,
            "the peer does not speak DCE/RPC but %s", mr_foreign_name(event.u.foreign.guess));
    return mr_state_fail(s, at, &err);
}

/* The largest PDU taken: security tokens may swell bind and its kin beyond what was agreed, and a
 * server takes what it has room for, whatever was agreed, as Windows does. */
static size_t frag_limit(const mr_assoc_state *s, uint8_t ptype) {
    size_t room = s->config.role == MR_ROLE_SERVER ? s->config.max_recv : s->recv_frag;

    if (mr_state_is_tap(s) || (ptype >= MR_PTYPE_BIND && ptype <= MR_PTYPE_AUTH3))
        return MR_PDU_FRAG_MAX;
    return room > MR_ASSOC_FRAG_WINDOWS ? room : MR_ASSOC_FRAG_WINDOWS;
}

/* A server tells the client that its PDU is too large; the peer's octets need not be there yet. */
static void refuse_large(mr_assoc_state *s, mr_slice head) {
    mr_pdu_header h;
    unsigned odd;

    if (s->config.role == MR_ROLE_SERVER && s->is_bound &&
        mr_pdu_decode_header(head, &h, &odd, NULL) == 0)
        mr_send_fault(s, h.call_id, 0, MR_FAULT_PROTO_ERROR, 0, MR_SLICE_NULL);
}

/* Learns the length of the PDU that begins with @head (16 octets or more). */
static int frame(mr_assoc_state *s, enum mr_dir dir, mr_slice head, size_t *lengthp) {
    mr_lane *lane = &s->lane[dir];
    mr_event at = lane_event(s, MR_EVENT_ERROR, dir);
    mr_error err = MR_ERROR_INIT;
    int rc = mr_pdu_frag_length(head, lengthp, &err);

    if (rc != 0)
        return lane->phase == MR_LANE_START ? foreign(s, dir, &at, head)
                                            : damaged(s, dir, &at, &err);
    if (*lengthp > frag_limit(s, head.data[2])) {
        mr_fail(&err, MR_ERR_PROTOCOL, MR_FLOOR_ENGINE, 8,
                "a fragment of %zu octets is larger than the %zu agreed", *lengthp,
                frag_limit(s, head.data[2]));
        refuse_large(s, head);
        return damaged(s, dir, &at, &err);
    }
    lane->phase = MR_LANE_SYNC;
    lane->need = (uint32_t)*lengthp;
    return 0;
}

/* Whether reading must stop before the PDU that begins with @head. */
static bool blocked(const mr_assoc_state *s, mr_slice head) {
    if (mr_state_is_tap(s))
        return false;
    if (s->round.waits || s->pending || s->held >= s->config.budget ||
        (s->side && s->side->out.len >= MR_OUT_HIGH))
        return true;
    return s->config.role == MR_ROLE_SERVER && head.data[2] == MR_PTYPE_REQUEST &&
           (head.data[3] & MR_PFC_FIRST_FRAG) && mr_call_full(s);
}

/* Adds octets to @hold until it has @want. */
static int hold_more(mr_assoc_state *s, mr_lane *lane, mr_slice bytes, size_t want,
                     size_t *usedp) {
    size_t n = want - lane->hold.len;
    mr_slice part = mr_slice_sub(bytes, *usedp, n);

    if (lane->hold.len == 0)
        lane->first = s->now;
    mr_buf_write(&lane->hold, part);
    if (mr_buf_error(&lane->hold))
        return mr_state_fail_code(s, mr_buf_error(&lane->hold), "no memory for a fragment");
    lane->offset += part.len;
    *usedp += part.len;
    return 0;
}

/* One PDU, or a part of one, at a known boundary. */
static int read_pdu(mr_assoc_state *s, enum mr_dir dir, mr_slice bytes, size_t *usedp) {
    mr_lane *lane = &s->lane[dir];
    mr_slice rest = mr_slice_sub(bytes, *usedp, SIZE_MAX);
    mr_slice head = lane->hold.len > 0 ? mr_buf_slice(&lane->hold) : rest;
    int rc;

    if (head.len < MR_PDU_HEADER_SIZE) {
        rc = hold_more(s, lane, bytes, MR_PDU_HEADER_SIZE, usedp);
        if (rc < 0 || lane->hold.len < MR_PDU_HEADER_SIZE)
            return rc;
        head = mr_buf_slice(&lane->hold);
        rest = mr_slice_sub(bytes, *usedp, SIZE_MAX);
    }
    if (lane->need == 0) {
        size_t length;
        rc = frame(s, dir, head, &length);
        if (rc < 0 || lane->need == 0)
            return rc;
    }
    if (lane->hold.len + rest.len < lane->need)
        return hold_more(s, lane, bytes, lane->need, usedp);
    /* a bare header has no stub, needs no answer, and may end the octets fed: never held back */
    if (lane->need > MR_PDU_HEADER_SIZE && blocked(s, head)) {
        if (lane->hold.len == 0)
            lane->need = 0;
        return MR_ASSOC_BLOCKED;
    }
    if (lane->hold.len == 0) {
        size_t length = lane->need;
        uint64_t at = lane->offset;
        lane->need = 0;
        lane->offset += length;
        *usedp += length;
        return mr_receive(s, dir, mr_slice_sub(rest, 0, length), at, s->now);
    }
    rc = hold_more(s, lane, bytes, lane->need, usedp);
    if (rc < 0)
        return rc;
    lane->need = 0;
    rc = mr_receive(s, dir, mr_buf_slice(&lane->hold), lane->offset - lane->hold.len,
                    lane->first);
    s->busy = true; /* its events point into @hold */
    lane->hold.len = 0;
    return rc;
}

/* ---- the search for a header ---- */

static bool travels(uint8_t ptype, enum mr_dir dir) {
    switch (ptype) {
    case MR_PTYPE_REQUEST:
    case MR_PTYPE_BIND:
    case MR_PTYPE_ALTER_CONTEXT:
    case MR_PTYPE_AUTH3:
    case MR_PTYPE_CO_CANCEL:
    case MR_PTYPE_ORPHANED:
        return dir == MR_DIR_TO_SERVER;
    case MR_PTYPE_RESPONSE:
    case MR_PTYPE_FAULT:
    case MR_PTYPE_BIND_ACK:
    case MR_PTYPE_BIND_NAK:
    case MR_PTYPE_ALTER_CONTEXT_RESP:
    case MR_PTYPE_SHUTDOWN:
        return dir == MR_DIR_TO_CLIENT;
    case MR_PTYPE_RTS:
        return true;
    }
    return false;
}

/* Whether @head (16 octets or more; what follows may be seen too) looks like a header. */
static bool plausible(mr_slice head, enum mr_dir dir) {
    mr_pdu_header h;
    unsigned odd;
    size_t length;

    if (mr_pdu_frag_length(head, &length, NULL) != 0 ||
        mr_pdu_decode_header(head, &h, &odd, NULL) != 0 || odd != 0 || !travels(h.ptype, dir))
        return false;
    if (length < mr_pdu_stub_offset(h.ptype, h.flags))
        return false;
    if (h.auth_length > 0 && h.auth_length + MR_PDU_AUTH_SIZE + MR_PDU_HEADER_SIZE > (int)length)
        return false;
    return head.len <= length || head.data[length] == 5;
}

static void found(mr_assoc_state *s, enum mr_dir dir) {
    mr_lane *lane = &s->lane[dir];
    mr_event event = lane_event(s, MR_EVENT_RESYNC, dir);

    event.u.resync.skipped = lane->skipped;
    lane->phase = MR_LANE_SYNC;
    lane->need = 0;
    if (lane->skipped > 0)
        mr_state_push(s, &event);
}

/* Drops octets of @hold up to the next one that may begin a header. */
static void shift_hold(mr_lane *lane) {
    const uint8_t *next = memchr(lane->hold.data + 1, 5, lane->hold.len - 1);
    size_t n = next ? (size_t)(next - lane->hold.data) : lane->hold.len;

    memmove(lane->hold.data, lane->hold.data + n, lane->hold.len - n);
    lane->hold.len -= n;
    lane->skipped += n;
}

static int search_header(mr_assoc_state *s, enum mr_dir dir, mr_slice bytes, size_t *usedp) {
    mr_lane *lane = &s->lane[dir];

    while (lane->hold.len > 0) {
        int rc = 0;
        if (lane->hold.len < MR_PDU_HEADER_SIZE)
            rc = hold_more(s, lane, bytes, MR_PDU_HEADER_SIZE, usedp);
        if (rc < 0 || lane->hold.len < MR_PDU_HEADER_SIZE)
            return rc;
        if (plausible(mr_buf_slice(&lane->hold), dir)) {
            found(s, dir);
            return 0;
        }
        shift_hold(lane);
    }
    while (*usedp < bytes.len) {
        mr_slice rest = mr_slice_sub(bytes, *usedp, SIZE_MAX);
        const uint8_t *next = memchr(rest.data, 5, rest.len);
        size_t n = next ? (size_t)(next - rest.data) : rest.len;
        if (n == 0 && rest.len < MR_PDU_HEADER_SIZE)
            return hold_more(s, lane, bytes, MR_PDU_HEADER_SIZE, usedp);
        if (n == 0) {
            if (plausible(rest, dir)) {
                found(s, dir);
                return 0;
            }
            n = 1;
        }
        lane->offset += n;
        lane->skipped += n;
        *usedp += n;
    }
    return 0;
}

static void drop(mr_lane *lane, uint64_t n, size_t *usedp) {
    lane->offset += n;
    *usedp += (size_t)n;
}

int mr_lane_feed(mr_assoc_state *s, enum mr_dir dir, mr_slice bytes, size_t *usedp) {
    mr_lane *lane = &s->lane[dir];

    while (*usedp < bytes.len) {
        uint64_t n = bytes.len - *usedp;
        int rc = 0;
        if (s->busy || mr_state_event_room(s) < MR_EVENTS_PER_PDU)
            return MR_ASSOC_DRAIN;
        switch ((enum mr_lane_phase)lane->phase) {
        case MR_LANE_START:
        case MR_LANE_SYNC:
            rc = read_pdu(s, dir, bytes, usedp);
            break;
        case MR_LANE_SKIP:
            n = n < lane->skip ? n : lane->skip;
            drop(lane, n, usedp);
            lane->skip -= n;
            if (lane->skip == 0)
                lane->phase = MR_LANE_SYNC;
            break;
        case MR_LANE_SEARCH:
            rc = search_header(s, dir, bytes, usedp);
            break;
        case MR_LANE_DEAD:
            drop(lane, n, usedp);
            break;
        }
        if (rc != 0)
            return rc;
    }
    return 0;
}

int mr_lane_judge(mr_assoc_state *s, enum mr_dir dir) {
    mr_lane *lane = &s->lane[dir];
    mr_event at = lane_event(s, MR_EVENT_ERROR, dir);
    mr_slice head = mr_buf_slice(&lane->hold);
    size_t length;

    if (lane->phase != MR_LANE_START || head.len == 0 ||
        mr_pdu_frag_length(head, &length, NULL) >= 0)
        return 0;
    return foreign(s, dir, &at, head);
}

int mr_lane_end(mr_assoc_state *s, enum mr_dir dir) {
    mr_lane *lane = &s->lane[dir];
    mr_event at = lane_event(s, MR_EVENT_ERROR, dir);
    mr_error err = MR_ERROR_INIT;
    int rc;

    if (lane->ended)
        return 0;
    lane->ended = true;
    rc = mr_lane_judge(s, dir);
    if (rc < 0 || s->event_count > 0)
        return rc;
    if ((lane->phase == MR_LANE_START || lane->phase == MR_LANE_SYNC) && lane->hold.len > 0) {
        mr_fail(&err, MR_ERR_TRUNCATED, MR_FLOOR_ENGINE, lane->hold.len,
                "the stream ends inside a PDU, after %zu of its octets", lane->hold.len);
        rc = damaged(s, dir, &at, &err);
    }
    return rc;
}

/* ---- gaps ---- */

void mr_lane_gap(mr_assoc_state *s, enum mr_dir dir, uint64_t missing) {
    mr_lane *lane = &s->lane[dir];
    mr_event event = lane_event(s, MR_EVENT_GAP, dir);
    uint64_t left = lane->need > 0 ? lane->need - lane->hold.len : 0;

    event.offset = lane->offset;
    event.u.gap.missing = missing;
    lane->offset += missing;
    for (mr_call *call = s->calls; call; call = call->next)
        if (call->way[dir].begun && !call->way[dir].done)
            call->way[dir].damaged = true;
    switch ((enum mr_lane_phase)lane->phase) {
    case MR_LANE_START:
    case MR_LANE_SYNC:
        search(lane);
        if (missing > 0 && missing <= left) {
            lane->skip = left - missing;
            lane->phase = lane->skip > 0 ? MR_LANE_SKIP : MR_LANE_SYNC;
        }
        break;
    case MR_LANE_SKIP:
        if (missing > 0 && missing <= lane->skip)
            lane->skip -= missing;
        else
            search(lane);
        if (lane->phase == MR_LANE_SKIP && lane->skip == 0)
            lane->phase = MR_LANE_SYNC;
        break;
    case MR_LANE_SEARCH:
        lane->skipped += lane->hold.len;
        break;
    case MR_LANE_DEAD:
        break;
    }
    lane->hold.len = 0;
    mr_state_push(s, &event);
}
