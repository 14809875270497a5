/*
 * The lanes of an SMB connection: frames of direct TCP (MS-SMB2 2.1) or of a NetBIOS session
 * (RFC 1002 4.3.1) are cut into commands; of each command as many octets are gathered as have to
 * be seen together, then those of a pipe are handed on as they come and the rest is stepped over.
 * Invariant: events wait only between two steps, and nothing is written into @hold while they do.
 */
#include "smb_state.h"

#include <stdlib.h>

#include <msrpc/wire/nbt.h>

#define FRAME 4
#define NAMES_MAX 128    /* octets of a session request that are kept */
#define PROBE 8          /* octets that the search judges: a frame and a magic */
#define PTYPE_MAX 20

enum step {
    STEP_ON,   /* go on */
    STEP_MORE, /* more octets are needed */
};

int mr_smb_init(mr_smb *smb, const mr_smb_config *config, mr_error *err) {
    mr_smb_state *s = calloc(1, sizeof *s);

    if (!s)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "no memory for an SMB connection");
    s->config = *config;
    for (int dir = 0; dir < 2; dir++)
        mr_buf_init(&s->lane[dir].hold, NULL, 0, MR_SMB_HOLD_MAX + 2 * PROBE);
    smb->state = s;
    return 0;
}

void mr_smb_deinit(mr_smb *smb) {
    mr_smb_state *s = smb->state;

    if (!s)
        return;
    mr_smb_free_spent(s);
    for (size_t i = 0; i < s->pending_count; i++)
        free(s->pending[i].name);
    for (size_t i = 0; i < s->pipe_count; i++)
        free(s->pipes[i].name);
    free(s->pending);
    free(s->pipes);
    free(s->trees);
    mr_buf_deinit(&s->lane[0].hold);
    mr_buf_deinit(&s->lane[1].hold);
    free(s);
    smb->state = NULL;
}

/* ---- events ---- */

mr_smb_event mr_smb_add_event(const mr_smb_state *s, enum mr_smb_event_kind kind, enum mr_dir dir) {
    return (mr_smb_event){
        .kind = kind,
        .dir = dir,
        .time = s->lane[dir].first,
        .offset = s->lane[dir].at,
        .name = "",
    };
}

void mr_smb_push(mr_smb_state *s, const mr_smb_event *event) {
    if (s->event_count < SMB_EVENTS)
        s->events[(s->event_first + s->event_count++) % SMB_EVENTS] = *event;
}

bool mr_smb_pull_event(mr_smb *smb, mr_smb_event *eventp) {
    mr_smb_state *s = smb->state;

    if (s->event_count == 0)
        return false;
    *eventp = s->events[s->event_first];
    s->event_first = (s->event_first + 1) % SMB_EVENTS;
    s->event_count--;
    return true;
}

void mr_smb_damaged(mr_smb_state *s, const mr_smb_event *at, const mr_error *err) {
    mr_smb_event e = *at;

    e.kind = MR_SMB_EVENT_DAMAGED;
    e.name = "";
    s->note = *err;
    e.u.error = &s->note;
    mr_smb_push(s, &e);
}

/* Whether octets may begin a connection-oriented PDU (C706 12.6.3.1). */
static bool looks_rpc(mr_slice b) {
    return b.len >= 4 && b.data[0] == 5 && b.data[1] <= 1 && b.data[2] <= PTYPE_MAX;
}

void mr_smb_push_data(mr_smb_state *s, const mr_smb_event *at, uint32_t key, mr_slice bytes) {
    smb_pipe *pipe = mr_smb_pipe_find(s, key);
    mr_smb_event e = *at;

    e.kind = MR_SMB_EVENT_DATA;
    e.pipe = key;
    if (pipe && pipe->sure == SMB_UNSURE) {
        pipe->sure = looks_rpc(bytes) ? SMB_PIPE : SMB_FILE;
        if (pipe->sure == SMB_PIPE) {
            mr_smb_event open = e;
            open.kind = MR_SMB_EVENT_OPEN;
            open.late = true;
            open.status = 0;
            open.fid = pipe->fid;
            open.name = mr_smb_pipe_name(pipe->name);
            mr_smb_push(s, &open);
        }
    }
    if (pipe && pipe->sure == SMB_FILE)
        return;
    e.name = "";
    e.u.data = (mr_smb_data){.bytes = bytes, .damaged = pipe && pipe->damaged[e.dir]};
    if (pipe)
        pipe->damaged[e.dir] = false;
    mr_smb_push(s, &e);
}

/* ---- octets ---- */

static size_t held(const smb_lane *lane) {
    return lane->hold.len - lane->hold_at;
}

/* The next @want octets in one piece, not consumed; false when they are not there yet, and then
 * all that was there is held. */
static bool peek(mr_smb_state *s, smb_lane *lane, mr_slice bytes, size_t *usedp, size_t want,
                 mr_slice *headp) {
    mr_slice rest = mr_slice_sub(bytes, *usedp, SIZE_MAX);

    if (held(lane) == 0 && rest.len >= want) {
        *headp = mr_slice_sub(rest, 0, want);
        return true;
    }
    if (held(lane) < want) {
        if (lane->hold_at) {
            memmove(lane->hold.data, lane->hold.data + lane->hold_at, held(lane));
            lane->hold.len -= lane->hold_at;
            lane->hold_at = 0;
        }
        mr_slice part = mr_slice_sub(rest, 0, want - held(lane));
        mr_buf_write(&lane->hold, part);
        if (mr_buf_error(&lane->hold))
            s->error = MR_ERR_MEMORY;
        *usedp += part.len;
        lane->offset += part.len;
    }
    if (lane->hold.len == 0) /* there may be no memory yet to point into */
        return false;
    *headp = mr_slice_of(lane->hold.data + lane->hold_at, want);
    return !s->error && held(lane) >= want;
}

/* Steps over what peek gave. */
static void consume(smb_lane *lane, size_t *usedp, size_t n) {
    if (held(lane) == 0) {
        *usedp += n;
        lane->offset += n;
        return;
    }
    lane->hold_at += n;
    if (lane->hold_at == lane->hold.len) {
        lane->hold.len = 0;
        lane->hold_at = 0;
    }
}

/* Up to @n of the octets that are there, consumed; of one piece. */
static mr_slice take(smb_lane *lane, mr_slice bytes, size_t *usedp, size_t n) {
    mr_slice part;

    if (held(lane))
        part = mr_slice_sub(mr_slice_of(lane->hold.data + lane->hold_at, held(lane)), 0, n);
    else
        part = mr_slice_sub(bytes, *usedp, n);
    if (part.len)
        consume(lane, usedp, part.len);
    return part;
}

/* ---- frames ---- */

static void search(smb_lane *lane) {
    lane->phase = SMB_SEARCH;
    lane->skipped = 0;
    lane->frame = lane->command = lane->lead = lane->data = 0;
}

static void broken(mr_smb_state *s, enum mr_dir dir, const char *what) {
    smb_lane *lane = &s->lane[dir];
    mr_smb_event e = mr_smb_add_event(s, MR_SMB_EVENT_DAMAGED, dir);
    mr_error err = MR_ERROR_INIT;

    mr_fail(&err, MR_ERR_MALFORMED, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET, "SMB: %s", what);
    if (lane->began || !s->config.midstream)
        mr_smb_damaged(s, &e, &err);
    search(lane);
}

static enum step read_frame(mr_smb_state *s, enum mr_dir dir, mr_slice bytes, size_t *usedp) {
    smb_lane *lane = &s->lane[dir];
    mr_slice head;

    if (held(lane) == 0) {
        lane->first = s->now;
        lane->at = lane->offset;
    }
    if (!peek(s, lane, bytes, usedp, FRAME, &head))
        return STEP_MORE;
    lane->type = head.data[0];
    lane->frame = (size_t)head.data[1] << 16 | (size_t)head.data[2] << 8 | head.data[3];
    switch (lane->type) {
    case MR_NBT_MESSAGE: lane->phase = SMB_HEAD; break;
    case MR_NBT_REQUEST:
    case MR_NBT_POSITIVE:
    case MR_NBT_NEGATIVE:
    case MR_NBT_RETARGET: lane->phase = SMB_NAMES; break;
    case MR_NBT_KEEPALIVE: break;
    default: broken(s, dir, "octets that begin no message"); return STEP_ON;
    }
    if (lane->type != MR_NBT_MESSAGE && lane->frame > NAMES_MAX) {
        broken(s, dir, "a session packet without end");
        return STEP_ON;
    }
    consume(lane, usedp, FRAME);
    if (lane->frame == 0 && lane->phase == SMB_HEAD)
        lane->phase = SMB_FRAME;
    return STEP_ON;
}

/* A name of RFC 1001 14.1: each octet is two letters. */
static void read_name(mr_cursor *c, char out[20]) {
    size_t n = 0;

    out[0] = 0;
    if (mr_cursor_read_u8(c) != 32)
        return;
    for (size_t i = 0; i < 16; i++) {
        uint8_t high = mr_cursor_read_u8(c), low = mr_cursor_read_u8(c);
        uint8_t octet = (uint8_t)((unsigned)(high - 'A') << 4 | ((unsigned)(low - 'A') & 15));
        if (i < 15 && octet >= ' ')
            out[n++] = (char)octet;
    }
    while (n && out[n - 1] == ' ')
        n--;
    out[n] = 0;
    while (mr_cursor_left(c) && mr_cursor_read_u8(c))
        ; /* the scope */
}

static enum step read_names(mr_smb_state *s, enum mr_dir dir, mr_slice bytes, size_t *usedp) {
    smb_lane *lane = &s->lane[dir];
    mr_smb_event e = mr_smb_add_event(s, MR_SMB_EVENT_NBSS_REQUEST, dir);
    mr_slice head;

    if (!peek(s, lane, bytes, usedp, lane->frame, &head))
        return STEP_MORE;
    mr_cursor c = mr_cursor_of(head);
    lane->phase = SMB_FRAME;
    if (lane->type == MR_NBT_REQUEST) {
        read_name(&c, s->called);
        read_name(&c, s->caller);
        e.name = s->called;
        e.u.caller = s->caller;
    } else {
        e.kind = lane->type == MR_NBT_POSITIVE ? MR_SMB_EVENT_NBSS_POSITIVE
                                               : MR_SMB_EVENT_NBSS_NEGATIVE;
        e.code = lane->type == MR_NBT_NEGATIVE ? mr_cursor_read_u8(&c) : 0;
    }
    consume(lane, usedp, lane->frame);
    mr_smb_push(s, &e);
    return STEP_ON;
}

/* ---- commands ---- */

static enum step sealed(mr_smb_state *s, enum mr_dir dir, mr_slice head,
                        enum mr_smb_event_kind kind, bool *saidp) {
    mr_smb_event e = mr_smb_add_event(s, kind, dir);
    mr_smb2_transform transform;
    smb_lane *lane = &s->lane[dir];

    if (kind == MR_SMB_EVENT_ENCRYPTED && mr_smb2_transform_decode(head, &transform, NULL) == 0)
        e.session = transform.session_id;
    if (!*saidp)
        mr_smb_push(s, &e);
    *saidp = true;
    lane->began = true;
    lane->command = lane->frame;
    lane->frame = 0;
    lane->phase = SMB_SKIP;
    return STEP_ON;
}

static enum step read_command(mr_smb_state *s, enum mr_dir dir, mr_slice bytes, size_t *usedp,
                              mr_slice head, bool smb1) {
    smb_lane *lane = &s->lane[dir];
    size_t len = lane->frame, want;

    if (smb1) {
        want = mr_smb1_want(head, len);
    } else {
        mr_smb2_header h;
        if (mr_smb2_header_decode(head, &h, NULL) < 0 || h.next > len) {
            broken(s, dir, "a command that breaks its form");
            return STEP_ON;
        }
        len = h.next ? h.next : len;
        want = mr_smb2_want(head, len);
    }
    if (!peek(s, lane, bytes, usedp, want, &head))
        return STEP_MORE;
    lane->began = true;
    lane->pipe = 0;
    lane->lead = lane->data = 0;
    if (smb1)
        mr_smb1_handle(s, dir, head);
    else
        mr_smb2_handle(s, dir, head);
    consume(lane, usedp, want);
    lane->frame -= len;
    lane->command = len - want;
    if (lane->lead > lane->command)
        lane->lead = lane->command;
    if (lane->data > lane->command - lane->lead)
        lane->data = lane->command - lane->lead;
    lane->phase = lane->pipe && lane->data ? SMB_DATA : SMB_SKIP;
    return STEP_ON;
}

static enum step read_head(mr_smb_state *s, enum mr_dir dir, mr_slice bytes, size_t *usedp) {
    smb_lane *lane = &s->lane[dir];
    mr_slice head;
    size_t want = lane->frame < MR_SMB2_HEADER ? lane->frame : MR_SMB2_HEADER;

    if (!peek(s, lane, bytes, usedp, want, &head))
        return STEP_MORE;
    switch (mr_smb_get_magic(head)) {
    case MR_SMB_MAGIC_SMB1: return read_command(s, dir, bytes, usedp, head, true);
    case MR_SMB_MAGIC_SMB2: return read_command(s, dir, bytes, usedp, head, false);
    case MR_SMB_MAGIC_TRANSFORM:
        return sealed(s, dir, head, MR_SMB_EVENT_ENCRYPTED, &lane->sealed);
    case MR_SMB_MAGIC_COMPRESSED:
        return sealed(s, dir, head, MR_SMB_EVENT_COMPRESSED, &lane->compressed);
    case MR_SMB_MAGIC_NONE: break;
    }
    broken(s, dir, "a message that is not SMB");
    return STEP_ON;
}

static enum step read_data(mr_smb_state *s, enum mr_dir dir, mr_slice bytes, size_t *usedp) {
    smb_lane *lane = &s->lane[dir];
    size_t *leftp = lane->lead ? &lane->lead : &lane->data;
    mr_slice part = take(lane, bytes, usedp, *leftp);

    if (part.len == 0)
        return STEP_MORE;
    if (leftp == &lane->data)
        mr_smb_push_data(s, &lane->data_event, lane->pipe, part);
    *leftp -= part.len;
    lane->command -= part.len;
    if (lane->data == 0)
        lane->phase = SMB_SKIP;
    return STEP_ON;
}

static enum step skip(smb_lane *lane, mr_slice bytes, size_t *usedp) {
    size_t n = take(lane, bytes, usedp, lane->command).len; /* what is held, or what came */

    lane->command -= n;
    if (lane->command)
        return n ? STEP_ON : STEP_MORE;
    lane->phase = lane->frame ? SMB_HEAD : SMB_FRAME;
    return STEP_ON;
}

/* ---- the search ---- */

static bool plausible(const uint8_t *p) {
    size_t len = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];

    return p[0] == 0 && len >= MR_SMB1_HEADER &&
           mr_smb_get_magic(mr_slice_of(p + FRAME, 4)) != MR_SMB_MAGIC_NONE;
}

/* Where the next header begins, or the first place that could still become one. */
static size_t find_header(mr_slice s, bool *foundp) {
    size_t i = 0;

    *foundp = false;
    while (i + PROBE <= s.len) {
        const uint8_t *hit = memchr(s.data + i + 5, 'S', s.len - i - 7);
        if (!hit)
            break;
        i = (size_t)(hit - s.data) - 5;
        *foundp = plausible(s.data + i);
        if (*foundp)
            return i;
        i++;
    }
    return s.len < PROBE ? 0 : s.len - PROBE + 1;
}

static void found(mr_smb_state *s, enum mr_dir dir) {
    smb_lane *lane = &s->lane[dir];
    mr_smb_event e;

    lane->phase = SMB_FRAME;
    lane->first = s->now;
    lane->at = lane->offset - held(lane);
    e = mr_smb_add_event(s, MR_SMB_EVENT_RESYNC, dir);
    e.u.skipped = lane->skipped;
    if (lane->began || lane->skipped)
        mr_smb_push(s, &e);
}

static enum step look(mr_smb_state *s, enum mr_dir dir, mr_slice bytes, size_t *usedp) {
    smb_lane *lane = &s->lane[dir];
    mr_slice rest;
    bool hit;

    if (held(lane)) { /* join the end of the last octets with the first of these */
        mr_slice joined;
        size_t want = held(lane) + PROBE - 1, before = held(lane);
        bool all = peek(s, lane, bytes, usedp, want, &joined);
        joined.len = held(lane);
        size_t at = find_header(joined, &hit);
        if (hit || !all) {
            lane->skipped += at;
            consume(lane, usedp, at);
            if (hit)
                found(s, dir);
            return hit ? STEP_ON : STEP_MORE;
        }
        size_t again = joined.len - before; /* those are looked at in place */
        lane->hold.len = lane->hold_at = 0;
        lane->skipped += before;
        *usedp -= again;
        lane->offset -= again;
    }
    rest = mr_slice_sub(bytes, *usedp, SIZE_MAX);
    size_t at = find_header(rest, &hit);
    lane->skipped += at;
    consume(lane, usedp, at);
    if (hit) {
        found(s, dir);
        return STEP_ON;
    }
    (void)peek(s, lane, bytes, usedp, rest.len - at + 1, &rest);
    return STEP_MORE;
}

/* ---- feeding ---- */

static enum step step(mr_smb_state *s, enum mr_dir dir, mr_slice bytes, size_t *usedp) {
    switch (s->lane[dir].phase) {
    case SMB_FRAME: return read_frame(s, dir, bytes, usedp);
    case SMB_NAMES: return read_names(s, dir, bytes, usedp);
    case SMB_HEAD: return read_head(s, dir, bytes, usedp);
    case SMB_DATA: return read_data(s, dir, bytes, usedp);
    case SMB_SKIP: return skip(&s->lane[dir], bytes, usedp);
    case SMB_SEARCH: return look(s, dir, bytes, usedp);
    }
    return STEP_MORE;
}

static int check(mr_smb_state *s, mr_error *err) {
    if (s->error)
        return mr_fail(err, s->error, MR_FLOOR_ENGINE, MR_ERROR_NO_OFFSET,
                       "no memory for an SMB connection");
    return s->event_count ? MR_SMB_DRAIN : 0;
}

int mr_smb_feed(mr_smb *smb, enum mr_dir dir, mr_slice bytes, mr_nsec now, size_t *usedp,
                mr_error *err) {
    mr_smb_state *s = smb->state;
    size_t used = 0;
    int rc = check(s, err);

    *usedp = 0;
    if (rc != 0)
        return rc;
    mr_smb_free_spent(s);
    s->now = now;
    do {
        enum step next = step(s, dir, bytes, &used);
        rc = check(s, err);
        if (next == STEP_MORE)
            break;
    } while (rc == 0);
    *usedp = used;
    return rc;
}

int mr_smb_feed_gap(mr_smb *smb, enum mr_dir dir, uint64_t missing, mr_error *err) {
    mr_smb_state *s = smb->state;
    smb_lane *lane = &s->lane[dir];
    int rc = check(s, err);

    if (rc != 0)
        return rc;
    /* a lost request hides both what it carried and whose answer comes */
    for (size_t i = 0; i < s->pipe_count; i++) {
        s->pipes[i].damaged[MR_DIR_TO_CLIENT] = true;
        if (dir == MR_DIR_TO_SERVER)
            s->pipes[i].damaged[MR_DIR_TO_SERVER] = true;
    }
    lane->offset += missing;
    bool inside = lane->phase == SMB_DATA || lane->phase == SMB_SKIP;
    if (inside && missing && missing <= lane->command && held(lane) == 0) {
        size_t lead = lane->lead < missing ? lane->lead : (size_t)missing;
        size_t data = lane->data < missing - lead ? lane->data : (size_t)missing - lead;
        lane->lead -= lead;
        lane->data -= data;
        lane->command -= (size_t)missing;
        if (lane->data == 0)
            lane->phase = SMB_SKIP;
        return 0;
    }
    lane->hold.len = lane->hold_at = 0;
    search(lane);
    return 0;
}

void mr_smb_get_info(const mr_smb *smb, mr_smb_info *infop) {
    const mr_smb_state *s = smb->state;
    mr_smb_info info = {
        .dialect = s->dialect,
        .pending = (uint32_t)s->pending_count,
        .oldest = MR_NSEC_NEVER,
        .encrypted = s->lane[0].sealed || s->lane[1].sealed,
    };

    if (s->pending_count) {
        info.oldest = s->pending[0].time;
        info.oldest_command = s->pending[0].command;
    }
    for (size_t i = 0; i < s->pipe_count; i++)
        info.pipes += s->pipes[i].sure == SMB_PIPE;
    *infop = info;
}
