/*
 * Which tap a connection gets, and what all taps share. A stream is judged by the first octets that
 * either side sent, with the ports as a help; where the capture begins inside a connection, by the
 * beginnings of some segments. A flow that nobody knows is let go: it costs its headers only.
 *
 * flow->user is NULL until octets come, then a tap_look (class NULL) while they are judged, then
 * the tap, or @stranger.
 */
#include "tap_private.h"

#include <stdlib.h>

#define SCRATCH_MAX ((size_t)16 << 20)
#define LOOK_OCTETS 64
#define LOOK_TRIES 48                    /* segments of a direction looked at in the midst */
#define LOOK_FAR ((uint64_t)256 << 10)   /* octets of a direction let pass unknown */

static const mr_tap_class *const classes[] = {
    &mr_tap_http, &mr_tap_rpc, &mr_tap_smb, &mr_tap_names, &mr_tap_krb, &mr_tap_tls,
};

/* A flow that nobody knows. */
static mr_tap stranger;

/* One direction of a stream that is being judged. */
typedef struct look_side {
    uint8_t octets[LOOK_OCTETS]; /* the first ones */
    uint8_t len;
    uint8_t tries;
    bool begun;
    bool refused;      /* no class wants it */
    uint64_t packet;   /* of the first octet */
    mr_nsec time;
    uint64_t position; /* of the first octet */
    uint64_t next;     /* behind the last one */
} look_side;

typedef struct tap_look {
    mr_tap tap;        /* class NULL */
    bool midstream;    /* the beginning is not in the capture, or has holes */
    look_side side[2];
} tap_look;

/* ---- records ---- */

static mr_ip ip_of(const mr_flow *flow, int side) {
    return (mr_ip){.host = flow->host[side], .family = flow->family};
}

static mr_seen *add(mr_tap_ctx *ctx, const mr_seen *seen) {
    if (mr_seen_add(ctx->batch, seen) != 0) {
        ctx->failed = MR_ERR_MEMORY;
        return NULL;
    }
    return &ctx->batch->seen[ctx->batch->count - 1];
}

static mr_seen *add_flow(mr_tap_ctx *ctx, const mr_flow *flow, uint64_t id,
                         enum mr_seen_kind kind) {
    int client = flow->turned ? MR_FROM_SERVER : MR_FROM_CLIENT;

    return add(ctx, &(mr_seen){
        .kind = kind,
        .via = MR_SEEN_TCP,
        .file = ctx->file,
        .order = ctx->order,
        .flow = id,
        .client = ip_of(flow, client),
        .server = ip_of(flow, !client),
        .client_port = flow->port[client],
        .server_port = flow->port[!client],
    });
}

mr_seen *mr_tap_add(mr_tap *tap, enum mr_seen_kind kind, enum mr_dir dir, uint64_t packet,
                    mr_nsec time) {
    mr_seen *seen = add_flow(tap->ctx, tap->flow, tap->id, kind);

    if (!seen)
        return NULL;
    seen->via = tap->via;
    seen->to_client = dir == MR_DIR_TO_CLIENT;
    seen->packet = packet;
    seen->time = time;
    seen->pipe = mr_tap_str(tap->ctx, tap->pipe);
    return seen;
}

mr_seen *mr_tap_add_datagram(mr_tap_ctx *ctx, enum mr_seen_kind kind, const mr_segment *segment) {
    return add(ctx, &(mr_seen){
        .kind = kind,
        .via = MR_SEEN_UDP,
        .file = segment->packet->file,
        .packet = segment->packet->number,
        .time = segment->packet->time,
        .order = ctx->order,
        .ttl = segment->ttl,
        .client = {.host = segment->src, .family = segment->family},
        .server = {.host = segment->dst, .family = segment->family},
        .client_port = segment->sport,
        .server_port = segment->dport,
    });
}

const char *mr_tap_text(mr_tap_ctx *ctx, mr_slice text) {
    char *copy = mr_arena_add_str(&ctx->batch->arena, text);

    if (!copy)
        return "";
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)copy[i] < ' ' || copy[i] == 0x7f)
            copy[i] = '?';
    if (mr_utf8_ok_len(text) == text.len)
        return copy;
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)copy[i] > 0x7e)
            copy[i] = '?';
    return copy;
}

const char *mr_tap_str(mr_tap_ctx *ctx, const char *text) {
    return text ? mr_tap_text(ctx, mr_slice_str(text)) : NULL;
}

void *mr_tap_alloc(mr_tap_ctx *ctx, size_t count, size_t size) {
    return mr_arena_get(&ctx->batch->arena, count, size);
}

/* ---- taps ---- */

static mr_tap *new_tap(const mr_tap_class *class, const mr_tap *like) {
    mr_tap *tap = calloc(1, class->size);

    if (!tap)
        return NULL;
    *tap = *like;
    tap->class = class;
    if (class->init == NULL || class->init(tap) == 0)
        return tap;
    mr_tap_free(tap);
    return NULL;
}

mr_tap *mr_tap_new(const mr_tap_class *class, const mr_tap *outer, enum mr_seen_via via,
                   const char *pipe) {
    mr_tap like = *outer;

    like.via = via;
    like.pipe = pipe;
    return new_tap(class, &like);
}

void mr_tap_free(mr_tap *tap) {
    if (!tap)
        return;
    if (tap->class && tap->class->deinit)
        tap->class->deinit(tap);
    free(tap);
}

static enum mr_dir dir_of(const mr_flow *flow, enum mr_flow_side from) {
    return (enum mr_dir)(from ^ (flow->turned ? 1 : 0));
}

/* ---- recognition ---- */

/* The class of a stream of which @head shows the beginning of one direction; NULL: none. *@morep:
 * one of them wants to see more. */
static const mr_tap_class *recognise(const mr_tap_head *head, bool *turnedp, bool *morep) {
    *morep = false;
    for (size_t i = 0; i < MR_COUNT(classes); i++) {
        bool turned = false;
        enum mr_tap_verdict verdict = classes[i]->recognise(head, &turned);
        if (verdict == MR_TAP_MORE)
            *morep = true;
        if (verdict != MR_TAP_YES)
            continue;
        *turnedp = turned;
        return classes[i];
    }
    return NULL;
}

static mr_tap_head head_of(const mr_flow *flow, enum mr_flow_side from, mr_slice octets,
                           bool midstream) {
    return (mr_tap_head){
        .head = octets,
        .dir = (enum mr_dir)from,
        .client_port = flow->port[MR_FROM_CLIENT],
        .server_port = flow->port[MR_FROM_SERVER],
        .midstream = midstream,
    };
}

/* A fresh place to judge the flow in. */
static tap_look *look_at(mr_tap_ctx *ctx, mr_flow *flow) {
    tap_look *look = calloc(1, sizeof *look);

    if (!look)
        return NULL;
    look->tap = (mr_tap){.ctx = ctx, .flow = flow, .via = MR_SEEN_TCP,
                         .id = mr_flows_get_id(ctx->flows, flow)};
    flow->user = look;
    return look;
}

/* Hands over the beginning of a direction, and that the rest up to @upto went by unread. */
static int replay(mr_tap *tap, const look_side *side, enum mr_flow_side from, uint64_t upto) {
    mr_flow_at at = {.position = side->position, .packet = side->packet, .time = side->time,
                     .now = side->time};
    enum mr_dir dir = dir_of(tap->flow, from);
    int r = 0;

    if (side->len == 0)
        return 0;
    r = tap->class->feed(tap, dir, mr_slice_of(side->octets, side->len), &at);
    at.position += side->len;
    if (r == 0 && upto > at.position)
        r = tap->class->gap(tap, dir, upto - at.position, &at);
    return r < 0 ? r : 0;
}

/* The flow is of @class: its tap takes the place of @look, which may be NULL. @position is how far
 * side @from came. */
static int settle(mr_tap_ctx *ctx, mr_flow *flow, tap_look *look, const mr_tap_class *class,
                  enum mr_flow_side from, uint64_t position) {
    mr_tap like = {.ctx = ctx, .flow = flow, .via = MR_SEEN_TCP,
                   .id = look ? look->tap.id : mr_flows_get_id(ctx->flows, flow)};
    mr_tap *tap = new_tap(class, &like);
    int r = 0;

    if (!tap)
        return MR_ERR_MEMORY;
    flow->user = tap;
    if (!look)
        return 0;
    int first = look->side[0].packet <= look->side[1].packet ? 0 : 1;
    for (int i = 0; i < 2 && r == 0 && !look->midstream; i++) {
        enum mr_flow_side side = (enum mr_flow_side)(i ^ first);
        r = replay(tap, &look->side[side], side,
                   side == from ? position : look->side[side].next);
    }
    free(look);
    return r;
}

/* Notes octets that no class took. *@lookp is made when there is none. */
static int remember(mr_tap_ctx *ctx, mr_flow *flow, enum mr_flow_side from, mr_slice octets,
                    const mr_flow_at *at, bool more) {
    tap_look *look = flow->user ? flow->user : look_at(ctx, flow);

    if (!look)
        return MR_ERR_MEMORY;
    look_side *side = &look->side[from];
    if (!side->begun) {
        side->begun = true;
        side->position = at->position;
        side->packet = at->packet;
        side->time = at->time;
        look->midstream |= flow->midstream || at->position > 0;
    }
    side->next = at->position + octets.len;
    if (!side->refused) {
        mr_slice part = mr_slice_sub(octets, 0, LOOK_OCTETS - side->len);
        memcpy(side->octets + side->len, part.data, part.len);
        side->len = (uint8_t)(side->len + part.len);
    }
    side->refused = !more;
    side->tries += side->tries < LOOK_TRIES;
    return 0;
}

/* Whether nothing that may still come would tell what the flow is. */
static bool is_hopeless(const tap_look *look, enum mr_flow_side from) {
    const look_side *side = &look->side[from], *other = &look->side[!from];

    if (side->tries == LOOK_TRIES || side->next - side->position > LOOK_FAR)
        return true;
    return !look->midstream && side->refused && other->refused;
}

/* Octets of a flow that is still being judged. 0, MR_FLOW_IGNORE, negative, or FEED: a tap is
 * there now and takes them. */
#define FEED 2
static int judge(mr_tap_ctx *ctx, mr_flow *flow, enum mr_flow_side from, mr_slice octets,
                 const mr_flow_at *at) {
    const tap_look *look = flow->user;
    const look_side *side = look ? &look->side[from] : NULL;
    bool midstream = flow->midstream || (look ? look->midstream : at->position > 0);
    bool turned = false, more = false;
    uint8_t joined[LOOK_OCTETS];
    mr_slice head = octets;

    if (!midstream && side && side->refused) {
        head = MR_SLICE_NULL;
    } else if (!midstream && side && side->len > 0) {
        mr_slice part = mr_slice_sub(octets, 0, LOOK_OCTETS - side->len);
        memcpy(joined, side->octets, side->len);
        memcpy(joined + side->len, part.data, part.len);
        head = mr_slice_of(joined, side->len + part.len);
    }
    if (head.len > 0) {
        mr_tap_head h = head_of(flow, from, head, midstream);
        const mr_tap_class *class = recognise(&h, &turned, &more);
        if (class) {
            flow->turned = flow->midstream && turned;
            int r = settle(ctx, flow, flow->user, class, from, at->position);
            return r < 0 ? r : FEED;
        }
    }
    int r = remember(ctx, flow, from, octets, at, more && head.len < LOOK_OCTETS);
    if (r < 0 || !is_hopeless(flow->user, from))
        return r;
    free(flow->user);
    flow->user = &stranger;
    return MR_FLOW_IGNORE;
}

/* ---- the sink ---- */

static int on_open(void *user, mr_flow *flow, const mr_segment *segment) {
    mr_tap_ctx *ctx = user;
    mr_seen *seen = add_flow(ctx, flow, mr_flows_get_id(ctx->flows, flow), MR_SEEN_BEGIN);

    ctx->totals->flows++;
    if (!seen)
        return ctx->failed;
    seen->packet = segment->packet->number;
    seen->time = segment->packet->time;
    return 0;
}

static int on_data(void *user, mr_flow *flow, enum mr_flow_side from, mr_slice octets,
                   const mr_flow_at *at) {
    mr_tap_ctx *ctx = user;
    mr_tap *tap = flow->user;

    if (tap == &stranger)
        return MR_FLOW_IGNORE;
    if (!tap || !tap->class) {
        int r = judge(ctx, flow, from, octets, at);
        if (r != FEED)
            return r;
        tap = flow->user;
    }
    int r = tap->class->feed(tap, dir_of(flow, from), octets, at);
    return r != 0 ? r : ctx->failed;
}

static int on_gap(void *user, mr_flow *flow, enum mr_flow_side from, uint64_t len,
                  const mr_flow_at *at) {
    mr_tap_ctx *ctx = user;
    mr_tap *tap = flow->user;

    if (tap == &stranger)
        return MR_FLOW_IGNORE;
    if (!tap)
        return 0;
    if (!tap->class) {
        ((tap_look *)tap)->midstream = true;
        return 0;
    }
    ctx->totals->gaps++;
    ctx->totals->missing += len;
    mr_seen *seen = mr_tap_add(tap, MR_SEEN_GAP, dir_of(flow, from), at->packet, at->time);
    if (!seen)
        return ctx->failed;
    seen->u.gap.missing = len;
    int r = tap->class->gap(tap, dir_of(flow, from), len, at);
    return r != 0 ? r : ctx->failed;
}

static int add_end(mr_tap_ctx *ctx, mr_flow *flow, const mr_flow_seen *seen, mr_tap *tap) {
    mr_seen_end end = {.turned = flow->turned, .via = MR_SEEN_TCP};
    mr_flow_seen *copy = mr_tap_alloc(ctx, 1, sizeof *copy);
    int r = 0;

    if (!copy)
        return MR_ERR_MEMORY;
    *copy = *seen;
    end.tcp = copy;
    if (flow->turned) {
        copy->side[0] = seen->side[1];
        copy->side[1] = seen->side[0];
    }
    if (tap) {
        end.service = tap->class->service;
        if (tap->class->end)
            r = tap->class->end(tap, seen, &end);
    }
    mr_seen *record = add_flow(ctx, flow, seen->id, MR_SEEN_END);
    if (!record || r < 0)
        return r < 0 ? r : ctx->failed;
    record->packet = seen->last_packet;
    record->time = seen->last;
    record->via = end.via;
    record->pipe = end.pipe;
    record->u.end = end;
    return 0;
}

/* Too little came to be sure: what there is decides. */
static int judge_short(mr_tap_ctx *ctx, mr_flow *flow) {
    tap_look *look = flow->user;
    bool turned = false, more;

    for (int from = 0; from < 2; from++) {
        const look_side *side = &look->side[from];
        if (side->len == 0 || side->refused || look->midstream)
            continue;
        mr_tap_head head = head_of(flow, (enum mr_flow_side)from,
                                   mr_slice_of(side->octets, side->len), flow->midstream);
        head.last = true;
        const mr_tap_class *class = recognise(&head, &turned, &more);
        if (class)
            return settle(ctx, flow, look, class, (enum mr_flow_side)from, side->next);
    }
    free(look);
    flow->user = NULL;
    return 0;
}

static int on_end(void *user, mr_flow *flow, const mr_flow_seen *seen) {
    mr_tap_ctx *ctx = user;
    mr_tap *tap = flow->user;
    int r = 0;

    if (tap == &stranger)
        tap = flow->user = NULL;
    if (tap && !tap->class) {
        r = judge_short(ctx, flow);
        tap = flow->user;
    }
    if (r >= 0)
        r = add_end(ctx, flow, seen, tap);
    mr_tap_free(tap);
    flow->user = NULL;
    if (r >= 0)
        r = ctx->failed;
    return r == 0 && ctx->more ? ctx->more(ctx) : r;
}

static int on_datagram(void *user, const mr_segment *segment) {
    mr_tap_ctx *ctx = user;

    ctx->totals->datagrams++;
    int r = mr_tap_datagram(ctx, segment);
    return r < 0 ? r : ctx->failed;
}

static int on_lost(void *user, const mr_fragments_lost *lost) {
    mr_tap_ctx *ctx = user;
    mr_seen *seen = add(ctx, &(mr_seen){
        .kind = MR_SEEN_FRAGMENTS,
        .via = MR_SEEN_UDP,
        .file = ctx->file,
        .packet = lost->first_packet,
        .time = lost->first,
        .order = ctx->order,
        .client = {.host = lost->src, .family = lost->family},
        .server = {.host = lost->dst, .family = lost->family},
        .client_port = lost->sport,
        .server_port = lost->dport,
    });

    if (!seen)
        return ctx->failed;
    seen->u.fragments.protocol = lost->proto;
    seen->u.fragments.have = lost->octets;
    seen->u.fragments.want = lost->total;
    return 0;
}

void mr_tap_sink(mr_tap_ctx *ctx, mr_flow_sink *sinkp) {
    *sinkp = (mr_flow_sink){
        .ctx = ctx,
        .open = on_open,
        .data = on_data,
        .gap = on_gap,
        .end = on_end,
        .datagram = on_datagram,
        .lost = on_lost,
    };
}

void mr_tap_drop(mr_flow *flow) {
    mr_tap *tap = flow->user;

    if (tap && tap != &stranger)
        mr_tap_free(tap);
    flow->user = NULL;
}

int mr_tap_ctx_init(mr_tap_ctx *ctx) {
    *ctx = (mr_tap_ctx){.ring = malloc(MR_TAP_EVENTS * sizeof *ctx->ring)};
    mr_arena_init(&ctx->scratch, SCRATCH_MAX);
    return ctx->ring ? 0 : MR_ERR_MEMORY;
}

void mr_tap_ctx_deinit(mr_tap_ctx *ctx) {
    mr_tap_net_free(ctx);
    mr_arena_deinit(&ctx->scratch);
    free(ctx->ring);
    ctx->ring = NULL;
    mr_assoc_free_spare(&ctx->spare);
    free(ctx->calls);
    ctx->calls = NULL;
}
