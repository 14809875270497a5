/*
 * Kerberos as a stranger reads it (RFC 4120): what was asked of a KDC and what it said, over UDP
 * and TCP (7.2), changes of passwords (RFC 3244), and the messages that travel in security tokens.
 */
#include "tap_net.h"
#include "totals.h"

#define KEPT 65536        /* octets of a message over TCP that are kept */
#define PORT_KDC 88
#define PORT_PASSWORD 464
#define TCP_HEAD 4
#define PASSWORD_HEAD 6   /* length, version, length of the AP-REQ or AP-REP */

static const char *join(mr_tap_ctx *ctx, const mr_krb_name *name) {
    char text[512];
    size_t len = 0;

    for (uint8_t i = 0; i < name->count; i++) {
        mr_slice part = name->parts[i];

        if (part.len + 1 > sizeof text - len)
            break;
        if (i > 0)
            text[len++] = '/';
        if (part.len > 0)
            memcpy(text + len, part.data, part.len);
        len += part.len;
    }
    return len > 0 ? mr_tap_text(ctx, mr_slice_of(text, len)) : NULL;
}

static const char *text_of(mr_tap_ctx *ctx, mr_slice text) {
    return text.len > 0 ? mr_tap_text(ctx, text) : NULL;
}

/* Whether a pre-authentication proves something: a time stamp, a key, a certificate (RFC 4120 7.5,
 * RFC 4556, SPAKE). Others only say what a client can do. */
static bool proves(int32_t type) {
    return type == 2 || (type >= 14 && type <= 17) || type == 138 || type == 151;
}

static int read_request(mr_tap_ctx *ctx, mr_slice bytes, mr_seen_krb *krb) {
    mr_krb_request request;
    mr_error err;

    int rc = mr_krb_request_decode(bytes, &request, &err);
    if (rc != 0)
        return rc;
    krb->realm = text_of(ctx, request.realm);
    krb->client = join(ctx, &request.client);
    krb->server = join(ctx, &request.server);
    for (uint8_t i = 0; i < request.etype_count && i < MR_COUNT(krb->etypes); i++)
        krb->etypes[krb->etype_count++] = (uint32_t)request.etypes[i];
    for (uint8_t i = 0; krb->kind == MR_SEEN_AS_REQ && i < request.padata_count; i++)
        krb->preauth = krb->preauth || proves(request.padata[i]);
    return 0;
}

static int read_reply(mr_tap_ctx *ctx, mr_slice bytes, mr_seen_krb *krb) {
    mr_krb_reply reply;
    mr_error err;

    int rc = mr_krb_reply_decode(bytes, &reply, &err);
    if (rc != 0)
        return rc;
    krb->realm = text_of(ctx, reply.ticket.realm);
    krb->client = join(ctx, &reply.client);
    krb->server = join(ctx, &reply.ticket.server);
    krb->etypes[krb->etype_count++] = (uint32_t)reply.etype;
    return 0;
}

static int read_ap(mr_tap_ctx *ctx, mr_slice bytes, mr_seen_krb *krb) {
    mr_krb_ap ap;
    mr_error err;

    int rc = mr_krb_ap_decode(bytes, &ap, &err);
    if (rc != 0)
        return rc;
    krb->realm = text_of(ctx, ap.ticket.realm);
    krb->server = join(ctx, &ap.ticket.server);
    krb->etypes[krb->etype_count++] = (uint32_t)ap.ticket.etype;
    return 0;
}

static int read_error(mr_tap_ctx *ctx, mr_slice bytes, mr_seen_krb *krb) {
    mr_krb_error error;
    mr_krb_error_data data;
    mr_error err;

    int rc = bytes.len < krb->size ? mr_krb_error_peek(bytes, &error)
                                   : mr_krb_error_decode(bytes, &error, &err);
    if (rc != 0)
        return rc;
    krb->error = (int32_t)error.code;
    krb->server_time = mr_tap_clock(error.server_time, error.server_usec < 1000000
                                    ? error.server_usec * 1000 : 0);
    krb->client_time = mr_tap_clock(error.client_time, error.client_usec < 1000000
                                    ? error.client_usec * 1000 : 0);
    krb->realm = text_of(ctx, error.realm);
    krb->client = join(ctx, &error.client);
    krb->server = join(ctx, &error.server);
    mr_krb_error_data_decode(error.data, &data);
    krb->ntstatus = data.has_status ? data.status : 0;
    mr_codes_add(&ctx->totals->kerberos, error.code);
    return 0;
}

/* What the message says; one that is cut or damaged is known by its first octet and no more. */
static bool read_message(mr_tap_ctx *ctx, mr_slice bytes, mr_seen_krb *krb) {
    switch (mr_krb_get_type(bytes)) {
    case MR_KRB_AS_REQ: krb->kind = MR_SEEN_AS_REQ; break;
    case MR_KRB_AS_REP: krb->kind = MR_SEEN_AS_REP; break;
    case MR_KRB_TGS_REQ: krb->kind = MR_SEEN_TGS_REQ; break;
    case MR_KRB_TGS_REP: krb->kind = MR_SEEN_TGS_REP; break;
    case MR_KRB_AP_REQ: krb->kind = MR_SEEN_AP_REQ; break;
    case MR_KRB_AP_REP: krb->kind = MR_SEEN_AP_REP; break;
    case MR_KRB_ERROR: krb->kind = MR_SEEN_KRB_ERROR; break;
    default: return false; /* a number, not an enum: other messages say nothing here */
    }
    switch (krb->kind) {
    case MR_SEEN_AS_REQ:
    case MR_SEEN_TGS_REQ:
        (void)read_request(ctx, bytes, krb);
        return true;
    case MR_SEEN_AS_REP:
    case MR_SEEN_TGS_REP:
        (void)read_reply(ctx, bytes, krb);
        return true;
    case MR_SEEN_AP_REQ:
        (void)read_ap(ctx, bytes, krb);
        return true;
    case MR_SEEN_AP_REP:
        return true;
    case MR_SEEN_KRB_ERROR: /* without its code it says nothing, but that there is one */
        return read_error(ctx, bytes, krb) == 0 || bytes.len < krb->size;
    }
    return false;
}

int mr_tap_krb_message(const tap_place *place, mr_slice bytes, size_t len, bool in_rpc) {
    mr_seen_krb krb = {.in_rpc = in_rpc, .size = (uint32_t)len};

    if (!read_message(place->ctx, bytes, &krb))
        return 0;
    mr_seen *seen = mr_tap_place_add(place, MR_SEEN_KERBEROS);
    if (seen == NULL)
        return MR_ERR_MEMORY;
    seen->u.krb = krb;
    return 0;
}

int mr_tap_krb_password(const tap_place *place, mr_slice bytes, size_t len) {
    mr_slice ap = mr_slice_sub(bytes, PASSWORD_HEAD, SIZE_MAX);

    if (bytes.len <= PASSWORD_HEAD)
        return 0;
    size_t ap_len = (size_t)bytes.data[4] << 8 | bytes.data[5];
    if (ap_len == 0) /* an answer that is a KRB-ERROR */
        ap_len = len - PASSWORD_HEAD;
    return mr_tap_krb_message(place, mr_slice_sub(ap, 0, ap_len), ap_len, false);
}

/* ---- over TCP ---- */

struct krb {
    mr_tap tap;
    bool password;
    tap_frames frames[2];
};

static bool is_password(uint16_t client_port, uint16_t server_port) {
    return client_port == PORT_PASSWORD || server_port == PORT_PASSWORD;
}

/* A frame begins with four octets of length and the tag of a message (RFC 4120 7.2.2); of the
 * password service with its own length instead of a tag. */
static int krb_measure(mr_slice head, size_t *lenp) {
    size_t len;

    if (mr_krb_get_size(head, &len) != 0 || len <= TCP_HEAD)
        return MR_ERR_MALFORMED;
    mr_slice body = mr_slice_sub(head, TCP_HEAD, SIZE_MAX);
    bool message = body.data[0] >= 0x60 && body.data[0] <= 0x7e;
    bool password = (size_t)(body.data[0] << 8 | body.data[1]) == len - TCP_HEAD;
    if (!message && !password)
        return MR_ERR_MALFORMED;
    *lenp = len;
    return 0;
}

static int krb_frame(mr_tap *tap, const tap_place *place, mr_slice octets, size_t len) {
    mr_slice body = mr_slice_sub(octets, TCP_HEAD, SIZE_MAX);

    if (((struct krb *)tap)->password)
        return mr_tap_krb_password(place, body, len - TCP_HEAD);
    return mr_tap_krb_message(place, body, len - TCP_HEAD, false);
}

static const tap_framing krb_framing = {TCP_HEAD + 2, KEPT, krb_measure, krb_frame};

static enum mr_tap_verdict krb_recognise(const mr_tap_head *head, bool *turnedp) {
    bool password = is_password(head->client_port, head->server_port);
    size_t len;

    if (!password && head->client_port != PORT_KDC && head->server_port != PORT_KDC)
        return MR_TAP_NO;
    if (head->head.len < krb_framing.head)
        return MR_TAP_MORE;
    if (krb_measure(head->head, &len) != 0)
        return MR_TAP_NO;
    if (password)
        return MR_TAP_YES;
    unsigned type = mr_krb_get_type(mr_slice_sub(head->head, TCP_HEAD, SIZE_MAX));
    bool request = type == MR_KRB_AS_REQ || type == MR_KRB_TGS_REQ;
    if (type == 0)
        return MR_TAP_NO;
    *turnedp = request != (head->dir == MR_DIR_TO_SERVER);
    return MR_TAP_YES;
}

static int krb_init(mr_tap *tap) {
    ((struct krb *)tap)->password = is_password(tap->flow->port[0], tap->flow->port[1]);
    return 0;
}

static int krb_feed(mr_tap *tap, enum mr_dir dir, mr_slice octets, const mr_flow_at *at) {
    struct krb *krb = (struct krb *)tap;

    return mr_tap_frames_feed(&krb->frames[dir], &krb_framing, tap, dir, octets, at);
}

static int krb_gap(mr_tap *tap, enum mr_dir dir, uint64_t len, const mr_flow_at *at) {
    struct krb *krb = (struct krb *)tap;

    (void)at;
    int rc = mr_tap_frames_cut(&krb->frames[dir], &krb_framing, tap, dir);
    mr_tap_frames_gap(&krb->frames[dir], &krb_framing, len);
    return rc;
}

static void krb_deinit(mr_tap *tap) {
    struct krb *krb = (struct krb *)tap;

    mr_tap_frames_deinit(&krb->frames[0]);
    mr_tap_frames_deinit(&krb->frames[1]);
}

const mr_tap_class mr_tap_krb = {
    .name = "krb",
    .service = MR_SEEN_IS_KRB,
    .size = sizeof(struct krb),
    .recognise = krb_recognise,
    .init = krb_init,
    .feed = krb_feed,
    .gap = krb_gap,
    .deinit = krb_deinit,
};
