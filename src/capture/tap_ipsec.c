/*
 * IPsec as it shows from outside: messages of the key exchange (IKE, RFC 2408 and RFC 7296), with
 * what they say in clear, and packets of ESP (RFC 4303, in UDP RFC 3948), of which only direction,
 * length and time can be seen. ESP is told twice for each direction between two hosts, so that a
 * tunnel costs no record per packet; of so many pairs of hosts, later ones are left out.
 */
#include <stdlib.h>

#include "tap_net.h"

#define PORT_NAT 4500
#define HEAD 28
#define PAYLOADS 32
#define PAIRS 1024      /* slots, a power of two; three quarters are filled at most */
#define TOLD 4

enum { EXCHANGE_SA_INIT = 34 };
enum { V1_SEALED = 0x01, V2_ANSWER = 0x20 };
enum { V1_SA = 1, V1_NOTIFY = 11, V2_SA = 33, V2_NOTIFY = 41, V2_SEALED = 46, V2_SEALED_PART = 53 };
enum { STATUS_V1 = 16384, STATUS_V2 = 16384, WRONG_GROUP = 17 };

/* The notification of a payload's body; 0 where it is no error. IKEv2's "take another group" is a
 * step of the exchange (RFC 7296 1.2). */
static uint16_t error_of(mr_slice body, bool v2) {
    size_t at = v2 ? 2 : 6;

    if (body.len < at + 2)
        return 0;
    uint16_t type = (uint16_t)(body.data[at] << 8 | body.data[at + 1]);
    if (v2)
        return type < STATUS_V2 && type != WRONG_GROUP ? type : 0;
    return type < STATUS_V1 ? type : 0;
}

/* The payloads that are in clear. */
static void read_payloads(mr_slice bytes, uint8_t next, bool v2, mr_seen_ike *ike) {
    for (int i = 0; i < PAYLOADS && next != 0 && bytes.len >= 4; i++) {
        size_t len = (size_t)bytes.data[2] << 8 | bytes.data[3];

        if (v2 && (next == V2_SEALED || next == V2_SEALED_PART)) {
            ike->sealed = true;
            return;
        }
        if (len < 4 || len > bytes.len)
            return;
        mr_slice body = mr_slice_sub(bytes, 4, len - 4);
        if (next == (v2 ? V2_SA : V1_SA))
            ike->agreed = ike->answer;
        else if (next == (v2 ? V2_NOTIFY : V1_NOTIFY) && !ike->error)
            ike->error = error_of(body, v2);
        next = bytes.data[0];
        bytes = mr_slice_sub(bytes, len, SIZE_MAX);
    }
}

static bool is_zero(const uint8_t *octets, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (octets[i])
            return false;
    return true;
}

static int ike_message(mr_tap_ctx *ctx, const mr_segment *segment, mr_slice bytes) {
    mr_seen_ike ike = {0};

    if (bytes.len < HEAD || is_zero(bytes.data, 8))
        return 0;
    ike.version = bytes.data[17] >> 4;
    ike.exchange = bytes.data[18];
    bool v2 = ike.version == 2;
    if (ike.version != 1 && !v2)
        return 0;
    uint8_t flags = bytes.data[19];
    /* the first answer brings the responder's SPI; a refusal may leave it out */
    ike.answer = v2 ? flags & V2_ANSWER : !is_zero(bytes.data + 8, 8);
    if (!v2 && (flags & V1_SEALED))
        ike.sealed = true;
    else
        read_payloads(mr_slice_sub(bytes, HEAD, SIZE_MAX), bytes.data[16], v2, &ike);
    mr_seen *seen = mr_tap_add_datagram(ctx, MR_SEEN_IKE, segment);
    if (seen == NULL)
        return MR_ERR_MEMORY;
    seen->u.ike = ike;
    return 0;
}

int mr_tap_ike_datagram(mr_tap_ctx *ctx, const mr_segment *segment) {
    mr_slice bytes = segment->payload;

    if (segment->sport != PORT_NAT && segment->dport != PORT_NAT)
        return ike_message(ctx, segment, bytes);
    if (bytes.len < 8) /* what keeps a translation alive is one octet */
        return 0;
    if (is_zero(bytes.data, 4))
        return ike_message(ctx, segment, mr_slice_sub(bytes, 4, SIZE_MAX));
    return mr_tap_esp_datagram(ctx, segment);
}

/* ---- ESP ---- */

struct mr_tap_esp {
    uint32_t used;
    struct esp_pair {
        mr_host src, dst;
        uint8_t family;     /* 0: free */
        bool repeats;
        uint32_t count;
        uint32_t len;
        mr_nsec last, pause;
    } pairs[PAIRS];
};

static uint32_t hash_of(const mr_segment *segment) {
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < sizeof segment->src.octets; i++)
        h = (h ^ segment->src.octets[i]) * 16777619u;
    for (size_t i = 0; i < sizeof segment->dst.octets; i++)
        h = (h ^ segment->dst.octets[i]) * 16777619u;
    return h ^ h >> 15;
}

static struct esp_pair *pair_of(struct mr_tap_esp *esp, const mr_segment *segment) {
    struct esp_pair *pair = &esp->pairs[hash_of(segment) % PAIRS];

    for (; pair->family; pair = pair == &esp->pairs[PAIRS - 1] ? esp->pairs : pair + 1) {
        if (pair->family == segment->family &&
            memcmp(&pair->src, &segment->src, sizeof pair->src) == 0 &&
            memcmp(&pair->dst, &segment->dst, sizeof pair->dst) == 0)
            return pair;
    }
    if (esp->used == PAIRS / 4 * 3)
        return NULL;
    esp->used++;
    pair->family = segment->family;
    pair->src = segment->src;
    pair->dst = segment->dst;
    pair->repeats = true;
    return pair;
}

/* Whether the packets so far are one that is sent again, after pauses that grow (RFC 6298 5.5). */
static void follow(struct esp_pair *pair, const mr_segment *segment) {
    mr_nsec now = segment->packet->time, pause = now > pair->last ? now - pair->last : 0;

    if (pair->count > 0 && (segment->payload_len != pair->len || pause < MR_SEC / 2 ||
                            pause < pair->pause + pair->pause / 2))
        pair->repeats = false;
    pair->pause = pair->count > 0 ? pause : 0;
    pair->last = now;
    pair->len = segment->payload_len;
    pair->count++;
}

int mr_tap_esp_datagram(mr_tap_ctx *ctx, const mr_segment *segment) {
    struct mr_tap_net *net = mr_tap_net_get(ctx);

    if (net != NULL && net->esp == NULL)
        net->esp = calloc(1, sizeof *net->esp);
    if (net == NULL || net->esp == NULL)
        return MR_ERR_MEMORY;
    struct esp_pair *pair = pair_of(net->esp, segment);
    if (pair == NULL || pair->count == TOLD)
        return 0;
    follow(pair, segment);
    if (pair->count != 1 && pair->count != TOLD)
        return 0;
    mr_seen *seen = mr_tap_add_datagram(ctx, MR_SEEN_ESP, segment);
    if (seen == NULL)
        return MR_ERR_MEMORY;
    seen->u.esp = (mr_seen_esp){.count = pair->count, .repeats = pair->repeats && pair->count > 1};
    return 0;
}
