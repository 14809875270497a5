/*
 * TLS as far as it is in clear (RFC 8446, RFC 5246): who was asked for, which version was agreed,
 * the server's certificate up to TLS 1.2, and alerts. When a direction is encrypted the tap lets go
 * of it: what follows says nothing to a stranger.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tap_net.h"

#define RECORD_HEAD 5
#define RECORD_MAX (RECORD_HEAD + 16384 + 2048) /* RFC 5246 6.2.3 */
#define JOINED_MAX 65536u                       /* octets of handshake messages that are joined */
#define ALERT_CLEAR 2                           /* octets of an alert that is not encrypted */

struct tls_side {
    tap_frames frames;
    uint8_t *joined; /* handshake messages that have begun */
    uint32_t len, room;
    bool sealed;     /* handshake messages and alerts are encrypted from here on */
    bool over;       /* nothing to read comes any more, or nothing to be understood */
};

struct tls {
    mr_tap tap;
    struct tls_side side[2];
};

/* ---- records ---- */

static mr_seen *add(const tap_place *place, const mr_seen_tls *tls) {
    mr_seen *seen = mr_tap_place_add(place, MR_SEEN_TLS);

    if (seen != NULL) {
        seen->u.tls = *tls;
        seen->u.tls.from_server = place->dir == MR_DIR_TO_CLIENT;
    }
    return seen;
}

static int add_client_hello(const tap_place *place, mr_slice body) {
    mr_seen_tls tls = {.kind = MR_SEEN_TLS_HELLO};
    mr_tls_client_hello hello;
    mr_error err;

    if (mr_tls_client_hello_decode(body, &hello, &err) != 0)
        return 0;
    tls.version = hello.version;
    tls.sni = hello.server_name.len > 0 ? mr_tap_text(place->ctx, hello.server_name) : NULL;
    return add(place, &tls) != NULL ? 0 : MR_ERR_MEMORY;
}

static int add_server_hello(const tap_place *place, mr_slice body) {
    mr_seen_tls tls = {.kind = MR_SEEN_TLS_SERVER};
    mr_tls_server_hello hello;
    mr_error err;

    if (mr_tls_server_hello_decode(body, &hello, &err) != 0 || hello.retry)
        return 0;
    tls.version = hello.version;
    return add(place, &tls) != NULL ? 0 : MR_ERR_MEMORY;
}

static const char *address_text(mr_tap_ctx *ctx, mr_slice ip) {
    char text[64];
    size_t len = 0;

    for (size_t i = 0; ip.len == 4 && i < 4; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, i ? ".%u" : "%u", ip.data[i]);
    for (size_t i = 0; ip.len == 16 && i < 16; i += 2)
        len += (size_t)snprintf(text + len, sizeof text - len, i ? ":%x" : "%x",
                                ip.data[i] << 8 | ip.data[i + 1]);
    return mr_tap_text(ctx, mr_slice_of(text, len));
}

/* Both sides may send one; a client's is told too, for its dates end connections as well. */
static int add_certificate(const tap_place *place, mr_slice body) {
    mr_seen_tls tls = {.kind = MR_SEEN_TLS_CERTIFICATE};
    mr_tap_ctx *ctx = place->ctx;
    mr_x509 cert;
    mr_slice der;
    mr_error err;

    if (mr_tls_certificate_decode(body, &der, &err) != 0 || mr_x509_decode(der, &cert, &err) != 0)
        return 0;
    uint32_t count = (uint32_t)cert.dns_count + cert.ip_count;
    const char **names = mr_tap_alloc(ctx, count, sizeof *names);
    if (names == NULL)
        return MR_ERR_MEMORY;
    for (uint8_t i = 0; i < cert.dns_count; i++)
        names[tls.name_count++] = mr_tap_text(ctx, cert.dns[i]);
    for (uint8_t i = 0; i < cert.ip_count; i++)
        names[tls.name_count++] = address_text(ctx, cert.ip[i]);
    tls.names = names;
    tls.subject = mr_tap_text(ctx, cert.subject);
    tls.not_before = mr_tap_clock(cert.not_before, 0);
    tls.not_after = mr_tap_clock(cert.not_after, 0);
    return add(place, &tls) != NULL ? 0 : MR_ERR_MEMORY;
}

static int add_alert(const tap_place *place, mr_slice body) {
    mr_seen_tls tls = {.kind = MR_SEEN_TLS_ALERT};

    if (mr_tls_alert_decode(body, &tls.level, &tls.alert) != 0)
        return 0;
    place->ctx->totals->tls_alerts++;
    return add(place, &tls) != NULL ? 0 : MR_ERR_MEMORY;
}

/* ---- handshake messages ---- */

static int message(const tap_place *place, uint8_t type, mr_slice body) {
    switch (type) {
    case MR_TLS_CLIENT_HELLO: return add_client_hello(place, body);
    case MR_TLS_SERVER_HELLO: return add_server_hello(place, body);
    case MR_TLS_CERTIFICATE: return add_certificate(place, body);
    default: return 0; /* a number of the registry: nothing to tell */
    }
}

/* The whole messages at the beginning of @octets; *@usedp of them were read. */
static int messages(const tap_place *place, mr_slice octets, size_t *usedp) {
    mr_cursor c = mr_cursor_of(octets);
    uint8_t type;
    mr_slice body;
    int rc = 0;

    *usedp = 0;
    c.big = true;
    while (rc == 0 && mr_tls_read_handshake(&c, &type, &body) == 0) {
        *usedp = c.pos;
        rc = message(place, type, body);
    }
    return rc;
}

static int keep(struct tls_side *side, mr_slice octets) {
    size_t need = side->len + octets.len;

    if (need > JOINED_MAX) { /* no handshake is that long */
        side->over = true;
        return 0;
    }
    if (need > side->room) {
        uint8_t *grown = realloc(side->joined, need);
        if (grown == NULL)
            return MR_ERR_MEMORY;
        side->joined = grown;
        side->room = (uint32_t)need;
    }
    if (octets.len > 0)
        memcpy(side->joined + side->len, octets.data, octets.len);
    side->len = (uint32_t)need;
    return 0;
}

static int handshake(const tap_place *place, struct tls_side *side, mr_slice body) {
    size_t used = 0;
    int rc;

    if (side->len == 0) {
        rc = messages(place, body, &used);
        return rc != 0 ? rc : keep(side, mr_slice_sub(body, used, SIZE_MAX));
    }
    rc = keep(side, body);
    if (rc == 0 && !side->over)
        rc = messages(place, mr_slice_of(side->joined, side->len), &used);
    if (used > 0) {
        memmove(side->joined, side->joined + used, side->len - used);
        side->len -= (uint32_t)used;
    }
    return rc;
}

static int tls_measure(mr_slice head, size_t *lenp) {
    size_t len = (size_t)head.data[3] << 8 | head.data[4];

    if (head.data[0] < MR_TLS_CHANGE_CIPHER || head.data[0] > MR_TLS_DATA || head.data[1] != 3 ||
        head.data[2] > 4 || len > RECORD_MAX - RECORD_HEAD)
        return MR_ERR_MALFORMED;
    *lenp = RECORD_HEAD + len;
    return 0;
}

static int add_data(const tap_place *place) {
    mr_seen_tls tls = {.kind = MR_SEEN_TLS_DATA};

    if (place->dir != MR_DIR_TO_SERVER)
        return 0;
    return add(place, &tls) != NULL ? 0 : MR_ERR_MEMORY;
}

/* Up to TLS 1.2 ChangeCipherSpec begins the encryption of a direction. In TLS 1.3 it means nothing,
 * but whoever sends it will encrypt what is left. */
static int tls_frame(mr_tap *tap, const tap_place *place, mr_slice octets, size_t len) {
    struct tls_side *side = &((struct tls *)tap)->side[place->dir];
    mr_slice body = mr_slice_sub(octets, RECORD_HEAD, SIZE_MAX);
    int rc = 0;

    if (octets.len < len)
        return 0;
    switch ((enum mr_tls_content)octets.data[0]) {
    case MR_TLS_CHANGE_CIPHER:
        side->sealed = true;
        break;
    case MR_TLS_DATA:
        side->over = true;
        rc = add_data(place);
        break;
    case MR_TLS_ALERT:
        rc = body.len == ALERT_CLEAR && !side->sealed ? add_alert(place, body) : 0;
        break;
    case MR_TLS_HANDSHAKE:
        rc = side->sealed ? 0 : handshake(place, side, body);
        break;
    }
    return rc != 0 ? rc : side->over ? MR_FLOW_IGNORE : 0;
}

static const tap_framing tls_framing = {RECORD_HEAD, RECORD_MAX, tls_measure, tls_frame};

/* ---- the class ---- */

/* A hello tells for sure; in the midst of a stream data may, where their length agrees. */
static enum mr_tap_verdict tls_recognise(const mr_tap_head *head, bool *turnedp) {
    const uint8_t *o = head->head.data;
    size_t len;

    if (head->head.len > 0 && (o[0] < MR_TLS_CHANGE_CIPHER || o[0] > MR_TLS_DATA))
        return MR_TAP_NO;
    if (head->head.len <= RECORD_HEAD)
        return MR_TAP_MORE;
    if (tls_measure(head->head, &len) != 0)
        return MR_TAP_NO;
    if (o[0] == MR_TLS_HANDSHAKE && (o[5] == MR_TLS_CLIENT_HELLO || o[5] == MR_TLS_SERVER_HELLO)) {
        *turnedp = (o[5] == MR_TLS_CLIENT_HELLO) != (head->dir == MR_DIR_TO_SERVER);
        return MR_TAP_YES;
    }
    if (o[0] == MR_TLS_ALERT && len == RECORD_HEAD + ALERT_CLEAR && o[5] >= 1 && o[5] <= 2)
        return MR_TAP_YES;
    return head->midstream && o[0] == MR_TLS_DATA && (head->client_port == 443 ||
                                                      head->server_port == 443)
        ? MR_TAP_YES : MR_TAP_NO;
}

static int tls_feed(mr_tap *tap, enum mr_dir dir, mr_slice octets, const mr_flow_at *at) {
    struct tls_side *side = &((struct tls *)tap)->side[dir];

    if (side->over)
        return MR_FLOW_IGNORE;
    return mr_tap_frames_feed(&side->frames, &tls_framing, tap, dir, octets, at);
}

static int tls_gap(mr_tap *tap, enum mr_dir dir, uint64_t len, const mr_flow_at *at) {
    struct tls_side *side = &((struct tls *)tap)->side[dir];

    (void)at;
    side->len = 0; /* a message that has begun will never be whole */
    mr_tap_frames_gap(&side->frames, &tls_framing, len);
    return side->over ? MR_FLOW_IGNORE : 0;
}

static void tls_deinit(mr_tap *tap) {
    struct tls *tls = (struct tls *)tap;

    for (int i = 0; i < 2; i++) {
        mr_tap_frames_deinit(&tls->side[i].frames);
        free(tls->side[i].joined);
    }
}

const mr_tap_class mr_tap_tls = {
    .name = "tls",
    .service = MR_SEEN_IS_TLS,
    .size = sizeof(struct tls),
    .recognise = tls_recognise,
    .feed = tls_feed,
    .gap = tls_gap,
    .deinit = tls_deinit,
};
