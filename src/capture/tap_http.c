/*
 * HTTP/1 (RFC 9112) as RPC over HTTP uses it (MS-RPCH 2.1.2): requests with their answers, the
 * security tokens in their heads, and behind RPC_IN_DATA, RPC_OUT_DATA and RPC_CONNECT the PDUs of
 * a tunnel. Port 593 has no HTTP: the server says "ncacn_http/1.0", then PDUs go both ways. Of
 * requests that have nothing to do with RPC the first one and failures are told, the rest is
 * stepped over, and after many of them the connection is let go.
 */
#include "tap_http.h"

#include <stdlib.h>

#define PORT_DIRECT 593
#define BANNER MR_SLICE_LIT("ncacn_http/1.0")
#define ERRORS_TOLD 16
#define OTHERS_MAX 32       /* requests without RPC */
#define BODY_PDUS 20        /* octets: the least that can be a PDU; an echo request is shorter */
#define TOKEN_MAX (3 * (MR_HTTP_HEAD_MAX / 4))

/* ---- records ---- */

static uint32_t ms_between(mr_nsec from, mr_nsec to) {
    uint64_t ms = to > from ? (to - from) / MR_MSEC : 0;

    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

/* Whether a request is worth a record: those of RPC, the first of others, and failures. */
static bool is_told(tap_http *http, const http_request *request, uint16_t status) {
    bool failed = status == 0 || status >= 400;

    if (request && (request->rpc_in || request->rpc_out || request->rpc_connect))
        return true;
    if (http->others == 0)
        return true;
    return failed && http->errors++ < ERRORS_TOLD;
}

static int add_exchange(tap_http *http, const http_request *request, const tap_place *place,
                        const mr_http_head *answer) {
    mr_tap_ctx *ctx = http->tap.ctx;
    mr_seen_http seen = {.status = answer ? answer->status : 0};

    if (!is_told(http, request, seen.status))
        return 0;
    if (request) {
        seen.method = mr_tap_str(ctx, request->method);
        seen.target = mr_tap_str(ctx, request->target);
        seen.agent = request->agent[0] ? mr_tap_str(ctx, request->agent) : NULL;
        seen.rpc_in = request->rpc_in;
        seen.rpc_out = request->rpc_out;
        seen.credentials = request->credentials;
        seen.ms = ms_between(request->time, place->time);
    }
    if (answer) {
        seen.reason = mr_tap_text(ctx, answer->reason);
        seen.rpc_error = answer->rpc_error;
        seen.challenge = mr_http_find_header(answer, "WWW-Authenticate", 0).len > 0 ||
                         mr_http_find_header(answer, "Proxy-Authenticate", 0).len > 0;
    }
    mr_seen *record = mr_tap_place_add(place, MR_SEEN_HTTP);
    if (!record)
        return MR_ERR_MEMORY;
    record->u.http = seen;
    return 0;
}

static int add_no_banner(tap_http *http, const tap_place *place) {
    http->banner = true;
    mr_seen *record = mr_tap_place_add(place, MR_SEEN_HTTP);
    if (!record)
        return MR_ERR_MEMORY;
    record->u.http.banner_missing = true;
    return 0;
}

/* ---- tokens ---- */

static int base64_value(uint8_t c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The octets of @text (RFC 4648 4) up to the first character that is none, at most @room. */
static size_t base64_decode(mr_slice text, uint8_t *out, size_t room) {
    uint32_t bits = 0;
    unsigned count = 0;
    size_t len = 0;

    for (size_t i = 0; i < text.len && len < room; i++) {
        int value = base64_value(text.data[i]);
        if (value < 0)
            break;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        out[len++] = (uint8_t)(bits >> count);
    }
    return len;
}

/* "NTLM TlRM...", "Negotiate YII..." (RFC 4559, MS-NTHT). */
static int read_token(tap_http *http, const tap_place *place, mr_slice value) {
    struct mr_tap_net *net = mr_tap_net_get(http->tap.ctx);
    const uint8_t *space = value.len ? memchr(value.data, ' ', value.len) : NULL;

    if (!space)
        return 0;
    mr_slice scheme = mr_slice_of(value.data, (size_t)(space - value.data));
    if (!mr_slice_eq_nocase(scheme, MR_SLICE_LIT("NTLM")) &&
        !mr_slice_eq_nocase(scheme, MR_SLICE_LIT("Negotiate")))
        return 0;
    if (!net)
        return MR_ERR_MEMORY;
    mr_arena_reset(&net->scratch);
    uint8_t *token = mr_arena_get_raw(&net->scratch, TOKEN_MAX, 1);
    if (!token)
        return MR_ERR_MEMORY;
    size_t len = base64_decode(mr_slice_sub(value, scheme.len + 1, SIZE_MAX), token, TOKEN_MAX);
    return mr_tap_token(&http->tap, place->dir, MR_AUTH_SPNEGO, mr_slice_of(token, len),
                        place->packet, place->time);
}

static int read_tokens(tap_http *http, const tap_place *place, const mr_http_head *head) {
    static const char *const names[2][2] = {
        {"Authorization", "Proxy-Authorization"},
        {"WWW-Authenticate", "Proxy-Authenticate"},
    };
    int r = 0;

    for (size_t i = 0; i < 2; i++) {
        mr_slice value;
        for (size_t nth = 0; r == 0; nth++) {
            value = mr_http_find_header(head, names[head->response][i], nth);
            if (value.len == 0)
                break;
            r = read_token(http, place, value);
        }
    }
    return r;
}

/* ---- requests and answers ---- */

static char *put(char *to, mr_slice text) {
    if (text.len)
        memcpy(to, text.data, text.len);
    to[text.len] = '\0';
    return to + text.len + 1;
}

/* Keeps a request until its answer; beyond HTTP_WAITING the oldest is forgotten. */
static int keep_request(tap_http *http, const tap_place *place, const mr_http_head *head) {
    mr_slice agent = mr_http_find_header(head, "User-Agent", 0);
    mr_slice target = mr_slice_sub(head->target, 0, 512);
    mr_slice method = mr_slice_sub(head->method, 0, 32);
    http_request *request;

    agent = mr_slice_sub(agent, 0, 256);
    char *text = malloc(method.len + target.len + agent.len + 3);
    if (!text)
        return MR_ERR_MEMORY;
    if (http->waiting_count == HTTP_WAITING) {
        free(http->waiting[0].method);
        memmove(http->waiting, http->waiting + 1, sizeof http->waiting[0] * (HTTP_WAITING - 1));
        http->waiting_count--;
    }
    request = &http->waiting[http->waiting_count++];
    *request = (http_request){
        .packet = place->packet, .time = place->time, .method = text,
        .rpc_in = mr_slice_eq(head->method, MR_SLICE_LIT("RPC_IN_DATA")),
        .rpc_out = mr_slice_eq(head->method, MR_SLICE_LIT("RPC_OUT_DATA")),
        .rpc_connect = mr_slice_eq(head->method, MR_SLICE_LIT("RPC_CONNECT")),
        .head = mr_slice_eq(head->method, MR_SLICE_LIT("HEAD")),
        .credentials = mr_http_find_header(head, "Authorization", 0).len > 0 ||
                       mr_http_find_header(head, "Proxy-Authorization", 0).len > 0,
    };
    char *next = put(text, method);
    request->target = next;
    next = put(next, target);
    request->agent = next;
    put(next, agent);
    return 0;
}

static void body_follows(http_side *side, const mr_http_head *head, bool pdus, bool until_end) {
    if (head->chunked) {
        side->part = HTTP_CHUNKS;
        side->chunk = CHUNK_SIZE;
        side->size = 0;
        return;
    }
    side->left = head->has_length ? head->length : until_end ? UINT64_MAX : 0;
    side->part = side->left == 0 ? HTTP_HEAD : pdus ? HTTP_PDUS : HTTP_BODY;
}

static int on_request(tap_http *http, const tap_place *place, const mr_http_head *head) {
    http_side *side = &http->side[MR_DIR_TO_SERVER];
    int r = keep_request(http, place, head);

    if (r < 0)
        return r;
    const http_request *request = &http->waiting[http->waiting_count - 1];
    http->rpc_in = request->rpc_in;
    http->rpc_out = request->rpc_out;
    bool rpc = request->rpc_in || request->rpc_out;
    body_follows(side, head, rpc && (!head->has_length || head->length >= BODY_PDUS), rpc);
    if (request->rpc_connect) {
        side->part = HTTP_PDUS;
        side->left = UINT64_MAX;
    }
    return read_tokens(http, place, head);
}

static bool has_no_body(const mr_http_head *head, const http_request *request) {
    return head->status < 200 || head->status == 204 || head->status == 304 ||
           (request && request->head);
}

static int on_answer(tap_http *http, const tap_place *place, const mr_http_head *head) {
    http_side *side = &http->side[MR_DIR_TO_CLIENT];
    http_request request = {.packet = 0};
    bool known = http->waiting_count > 0;

    side->part = HTTP_HEAD;
    if (head->status < 200 && head->status != 101)
        return 0;
    if (known) {
        request = http->waiting[0];
        http->waiting_count--;
        memmove(http->waiting, http->waiting + 1, sizeof request * http->waiting_count);
    }
    int r = add_exchange(http, known ? &request : NULL, place, head);
    if (!request.rpc_in && !request.rpc_out && !request.rpc_connect)
        http->others++;
    bool rpc = head->status == 200 &&
               (request.rpc_out || request.rpc_connect ||
                mr_slice_eq_nocase(mr_http_find_header(head, "Content-Type", 0),
                                   MR_SLICE_LIT("application/rpc")));
    free(request.method);
    if (head->status == 101 || http->others > OTHERS_MAX)
        side->part = HTTP_OVER;
    else if (!has_no_body(head, known ? &request : NULL))
        body_follows(side, head, rpc, true);
    if (rpc && request.rpc_connect)
        side->left = UINT64_MAX;
    return r != 0 ? r : read_tokens(http, place, head);
}

/* ---- octets ---- */

static int hold(http_side *side, mr_slice octets) {
    size_t need = side->len + octets.len;

    if (need > side->room) {
        size_t room = need < 1024 ? 1024 : need + need / 2;
        uint8_t *grown = realloc(side->held, room);
        if (!grown)
            return MR_ERR_MEMORY;
        side->held = grown;
        side->room = (uint32_t)room;
    }
    memcpy(side->held + side->len, octets.data, octets.len);
    side->len = (uint32_t)need;
    return 0;
}

/* Whether an empty line can end in @bytes from @from on: only then is a head read. */
static bool may_end(mr_slice bytes, size_t from) {
    for (size_t i = from > 0 ? from : 1; i < bytes.len; i++) {
        if (bytes.data[i] != '\n')
            continue;
        if (bytes.data[i - 1] == '\n' ||
            (i > 1 && bytes.data[i - 1] == '\r' && bytes.data[i - 2] == '\n'))
            return true;
    }
    return false;
}

static int on_head(tap_http *http, const tap_place *place, const mr_http_head *head) {
    bool answer = place->dir == MR_DIR_TO_CLIENT;

    if (head->response != answer) { /* nobody speaks like that */
        http->side[place->dir].part = HTTP_LOST;
        return 0;
    }
    return answer ? on_answer(http, place, head) : on_request(http, place, head);
}

/* A head, from what is held and what came; *@octetsp loses what belongs to it. */
static int take_head(tap_http *http, enum mr_dir dir, mr_slice *octetsp, const mr_flow_at *at) {
    http_side *side = &http->side[dir];
    uint32_t before = side->len;
    mr_slice all = *octetsp;
    mr_http_head head;
    int r;

    if (before == 0) {
        while (octetsp->len && (octetsp->data[0] == '\r' || octetsp->data[0] == '\n'))
            *octetsp = mr_slice_sub(*octetsp, 1, SIZE_MAX); /* RFC 9112 2.2 */
        all = *octetsp;
        side->packet = at->packet;
        side->time = at->time;
    } else {
        mr_slice part = mr_slice_sub(*octetsp, 0, MR_HTTP_HEAD_MAX + 1 - before);
        if ((r = hold(side, part)) != 0)
            return r;
        all = mr_slice_of(side->held, side->len);
    }
    if (all.len == 0)
        return 0;
    r = may_end(all, before) ? mr_http_head_decode(all, &head, NULL)
        : all.len > MR_HTTP_HEAD_MAX || !mr_http_is_head(all) ? MR_ERR_MALFORMED : 1;
    if (r == 1) {
        r = before == 0 ? hold(side, all) : 0;
        *octetsp = MR_SLICE_NULL;
        return r;
    }
    side->len = 0;
    if (r != 0) {
        side->part = HTTP_LOST;
        *octetsp = MR_SLICE_NULL;
        return 0;
    }
    const tap_place place = {.ctx = http->tap.ctx, .tap = &http->tap, .dir = dir,
                             .packet = side->packet, .time = side->time};
    *octetsp = mr_slice_sub(*octetsp, head.size > before ? head.size - before : 0, SIZE_MAX);
    return on_head(http, &place, &head);
}

/* An octet of the lines between chunks. */
static void take_chunk_octet(http_side *side, uint8_t c) {
    int digit = mr_hex_digit(c);

    switch ((enum http_chunk)side->chunk) {
    case CHUNK_SIZE:
        if (digit >= 0 && side->size >> 56 == 0) {
            side->size = side->size << 4 | (uint64_t)digit;
            return;
        }
        side->chunk = CHUNK_EXTENSION;
        __attribute__((fallthrough));
    case CHUNK_EXTENSION:
        if (c != '\n')
            return;
        side->chunk = side->size > 0 ? CHUNK_DATA : CHUNK_TRAILER;
        side->left = side->size + 2;
        side->line = false;
        return;
    case CHUNK_TRAILER:
        if (c == '\n' && !side->line)
            side->part = HTTP_HEAD;
        side->line = c != '\n' && (side->line || c != '\r');
        return;
    case CHUNK_DATA:
        return;
    }
}

/* Steps over octets of a chunked body. */
static void take_chunks(http_side *side, mr_slice *octetsp) {
    while (octetsp->len && side->part == HTTP_CHUNKS) {
        if (side->chunk != CHUNK_DATA) {
            take_chunk_octet(side, octetsp->data[0]);
            *octetsp = mr_slice_sub(*octetsp, 1, SIZE_MAX);
            continue;
        }
        size_t n = side->left < octetsp->len ? (size_t)side->left : octetsp->len;
        side->left -= n;
        *octetsp = mr_slice_sub(*octetsp, n, SIZE_MAX);
        if (side->left == 0) {
            side->chunk = CHUNK_SIZE;
            side->size = 0;
        }
    }
}

static void take_body(http_side *side, mr_slice *octetsp) {
    size_t n = side->left < octetsp->len ? (size_t)side->left : octetsp->len;

    *octetsp = mr_slice_sub(*octetsp, n, SIZE_MAX);
    if (side->left != UINT64_MAX)
        side->left -= n;
    if (side->left == 0)
        side->part = HTTP_HEAD;
}

/* PDUs; or a head where a PDU would begin: a channel that was refused has no body after all. */
static int take_pdus(tap_http *http, enum mr_dir dir, mr_slice *octetsp, const mr_flow_at *at) {
    http_side *side = &http->side[dir];

    if (!http->direct && side->pdus.len == 0 && side->pdus.skip == 0 &&
        mr_http_is_head(*octetsp)) {
        side->part = HTTP_HEAD;
        return 0;
    }
    size_t n = side->left < octetsp->len ? (size_t)side->left : octetsp->len;
    mr_slice part = mr_slice_sub(*octetsp, 0, n);

    *octetsp = mr_slice_sub(*octetsp, n, SIZE_MAX);
    if (side->left != UINT64_MAX)
        side->left -= n;
    if (side->left == 0)
        side->part = HTTP_HEAD;
    return mr_tap_frames_feed(&side->pdus, &mr_tap_http_pdus, &http->tap, dir, part, at);
}

/* The banner of port 593, and what comes instead. */
static int take_banner(tap_http *http, enum mr_dir dir, mr_slice *octetsp, const mr_flow_at *at) {
    const tap_place place = {.ctx = http->tap.ctx, .tap = &http->tap, .dir = dir,
                             .packet = at->packet, .time = at->time};
    http_side *side = &http->side[dir];
    mr_slice banner = BANNER;

    while (octetsp->len && side->len < banner.len && octetsp->data[0] == banner.data[side->len]) {
        *octetsp = mr_slice_sub(*octetsp, 1, SIZE_MAX);
        side->len++;
    }
    if (side->len < banner.len && octetsp->len == 0)
        return 0;
    http->banner = side->len == banner.len;
    side->len = 0;
    side->left = UINT64_MAX;
    side->part = http->banner || !mr_http_is_head(*octetsp) ? HTTP_PDUS : HTTP_HEAD;
    return http->banner ? 0 : add_no_banner(http, &place);
}

/* The next head, at the beginning of a segment. */
static void find_head(http_side *side, mr_slice *octetsp) {
    mr_http_head head;

    if (mr_http_head_decode(*octetsp, &head, NULL) == 0)
        side->part = HTTP_HEAD;
    else
        *octetsp = MR_SLICE_NULL;
}

/* ---- the class ---- */

static enum mr_tap_verdict recognise(const mr_tap_head *head, bool *turnedp) {
    mr_slice h = head->head, answer = MR_SLICE_LIT("HTTP/1.");
    const uint8_t *space = h.len ? memchr(h.data, ' ', h.len) : NULL;

    if (head->server_port == PORT_DIRECT && !head->midstream)
        return MR_TAP_YES;
    if (!mr_http_is_head(h))
        return MR_TAP_NO;
    if (mr_slice_eq(mr_slice_sub(h, 0, answer.len), answer)) {
        *turnedp = head->dir == MR_DIR_TO_SERVER;
        return MR_TAP_YES;
    }
    if (!space || space + 1 == h.data + h.len)
        return MR_TAP_MORE;
    bool connect = space - h.data >= 7 && memcmp(space - 7, "CONNECT", 7) == 0;
    if (space[1] != '/' && space[1] != '*' && space[1] != 'h' && !connect)
        return MR_TAP_NO;
    *turnedp = head->dir == MR_DIR_TO_CLIENT;
    return MR_TAP_YES;
}

static int init(mr_tap *tap) {
    tap_http *http = (tap_http *)tap;

    if (tap->flow->port[MR_FROM_SERVER] != PORT_DIRECT || tap->flow->midstream)
        return 0;
    http->direct = true;
    http->side[MR_DIR_TO_CLIENT].part = HTTP_BANNER;
    http->side[MR_DIR_TO_SERVER].part = HTTP_PDUS;
    http->side[MR_DIR_TO_SERVER].left = UINT64_MAX;
    return 0;
}

static int feed(mr_tap *tap, enum mr_dir dir, mr_slice octets, const mr_flow_at *at) {
    tap_http *http = (tap_http *)tap;
    http_side *side = &http->side[dir];
    int r = 0;

    if (http->direct && dir == MR_DIR_TO_SERVER && at->position == 0 && mr_http_is_head(octets))
        side->part = HTTP_HEAD;
    while (r == 0 && octets.len > 0) {
        switch ((enum http_part)side->part) {
        case HTTP_HEAD:
            r = take_head(http, dir, &octets, at);
            break;
        case HTTP_BODY:
            take_body(side, &octets);
            break;
        case HTTP_CHUNKS:
            take_chunks(side, &octets);
            break;
        case HTTP_PDUS:
            r = take_pdus(http, dir, &octets, at);
            break;
        case HTTP_BANNER:
            r = take_banner(http, dir, &octets, at);
            break;
        case HTTP_LOST:
            find_head(side, &octets);
            break;
        case HTTP_OVER:
            return MR_FLOW_IGNORE;
        }
    }
    return r;
}

static int gap(mr_tap *tap, enum mr_dir dir, uint64_t len, const mr_flow_at *at) {
    tap_http *http = (tap_http *)tap;
    http_side *side = &http->side[dir];

    if (side->part == HTTP_PDUS) {
        bool over = len >= side->left && side->left != UINT64_MAX;
        if (over)
            side->part = HTTP_LOST;
        else if (side->left != UINT64_MAX)
            side->left -= len;
        return mr_tap_tunnel_gap(http, dir, len, at);
    }
    bool inside = side->part == HTTP_BODY || (side->part == HTTP_CHUNKS &&
                                              side->chunk == CHUNK_DATA);
    if (inside && len < side->left) {
        side->left -= side->left != UINT64_MAX ? len : 0;
        return 0;
    }
    side->len = 0;
    side->part = side->part == HTTP_OVER ? HTTP_OVER : HTTP_LOST;
    return 0;
}

/* An IN channel is answered when it ends; whether the proxy is silent the OUT channel tells. */
static bool is_open_channel(const tap_http *http, const http_request *request) {
    return request->rpc_in && http->tunnel != NULL;
}

static int end(mr_tap *tap, const mr_flow_seen *seen, mr_seen_end *endp) {
    tap_http *http = (tap_http *)tap;
    tap_place place = {.ctx = tap->ctx, .tap = tap, .dir = MR_DIR_TO_CLIENT,
                       .packet = seen->last_packet, .time = seen->last};
    bool rpc = http->rpc_in || http->rpc_out || http->direct || http->tunnel;
    int r = 0;

    for (uint8_t i = 0; i < http->waiting_count && r == 0; i++)
        if (!is_open_channel(http, &http->waiting[i]))
            r = add_exchange(http, &http->waiting[i], &place, NULL);
    if (r == 0 && http->direct && !http->banner)
        r = add_no_banner(http, &place);
    uint16_t service = endp->service;
    if (r == 0)
        r = mr_tap_tunnel_leave(http, seen, endp);
    endp->service = service;
    endp->via = rpc ? MR_SEEN_HTTP_RPC : MR_SEEN_TCP;
    return r;
}

static void deinit(mr_tap *tap) {
    tap_http *http = (tap_http *)tap;

    mr_tap_tunnel_drop(http);
    for (uint8_t i = 0; i < http->waiting_count; i++)
        free(http->waiting[i].method);
    for (int i = 0; i < 2; i++) {
        free(http->side[i].held);
        mr_tap_frames_deinit(&http->side[i].pdus);
    }
}

const mr_tap_class mr_tap_http = {
    .name = "http",
    .service = MR_SEEN_IS_HTTP,
    .size = sizeof(tap_http),
    .recognise = recognise,
    .init = init,
    .feed = feed,
    .gap = gap,
    .end = end,
    .deinit = deinit,
};
