/*
 * NTLM messages (MS-NLMP 2.2.1): a fixed part with (length, offset) fields into a payload. Fields
 * that older clients leave out (version, MIC) are told by where the payload begins. Invariant: a
 * field is followed only when it lies whole inside the message.
 */
#include "ntlmssp_private.h"

#define SIGNATURE MR_SLICE_LIT(MR_NTLM_SIGNATURE_TEXT)
#define NEGOTIATE_SHORT 16   /* octets without names: signature, type, flags */
#define AUTHENTICATE_FIXED 64
#define V2_BLOB 16           /* where NTLMv2_CLIENT_CHALLENGE begins in the answer, 2.2.2.8 */
#define V2_PAIRS 28          /* and where in it the AV pairs begin, 2.2.2.7 */

unsigned mr_ntlm_get_type(mr_slice bytes) {
    mr_cursor c = mr_cursor_of(bytes);
    mr_slice signature = mr_cursor_read(&c, 8);
    uint32_t type = mr_cursor_read_u32(&c);

    if (!mr_cursor_ok(&c) || !mr_slice_eq(signature, SIGNATURE) || type > MR_NTLM_AUTHENTICATE)
        return 0;
    return type;
}

static int open_message(mr_slice bytes, unsigned type, mr_cursor *cp, mr_error *err) {
    mr_cursor c = mr_cursor_of(bytes);

    mr_cursor_skip(&c, 12);
    if (!mr_cursor_ok(&c))
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, bytes.len,
                       "NTLM: a message ends too early");
    if (mr_ntlm_get_type(bytes) != type)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 0,
                       "this is no NTLM message of type %u", type);
    *cp = c;
    return 0;
}

static int cut_short(mr_error *err, const mr_cursor *c) {
    return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, c->bad_at,
                   "NTLM: a field of a message lies outside of it");
}

/* One field; *@lowestp becomes the least offset of a field that is not empty. */
static mr_slice read_field(mr_cursor *c, size_t *lowestp) {
    size_t len = mr_cursor_read_u16(c);
    mr_cursor_skip(c, 2); /* most octets */
    size_t at = mr_cursor_read_u32(c);
    mr_cursor whole = *c;

    if (len == 0 || !mr_cursor_ok(c))
        return MR_SLICE_NULL;
    whole.pos = 0;
    mr_cursor_skip(&whole, at);
    mr_slice field = mr_cursor_read(&whole, len);
    if (!mr_cursor_ok(&whole)) {
        mr_cursor_poison(c);
        return MR_SLICE_NULL;
    }
    if (at < *lowestp)
        *lowestp = at;
    return field;
}

static mr_ntlm_version read_version(mr_cursor *c) {
    mr_ntlm_version v;

    v.major = mr_cursor_read_u8(c);
    v.minor = mr_cursor_read_u8(c);
    v.build = mr_cursor_read_u16(c);
    mr_cursor_skip(c, 4);
    return v;
}

/* A list that breaks off gives what stood before: some clients leave out its end. */
mr_ntlm_target mr_ntlm_target_decode(mr_slice pairs) {
    mr_cursor c = mr_cursor_of(pairs);
    mr_ntlm_target t = {0};

    while (mr_cursor_left(&c) >= 4) {
        uint16_t id = mr_cursor_read_u16(&c), len = mr_cursor_read_u16(&c);
        mr_cursor body = mr_cursor_window(&c, len);
        if (id == MR_AV_EOL || !mr_cursor_ok(&c)) {
            t.complete = id == MR_AV_EOL && mr_cursor_ok(&c);
            break;
        }
        if (id == MR_AV_FLAGS)
            t.flags = mr_cursor_read_u32(&body);
        else if (id == MR_AV_TIME)
            t.time = mr_cursor_read_u64(&body);
        mr_slice value = mr_cursor_read(&body, mr_cursor_left(&body));
        switch (id) {
        case MR_AV_COMPUTER: t.computer = value; break;
        case MR_AV_DOMAIN: t.domain = value; break;
        case MR_AV_DNS_COMPUTER: t.dns_computer = value; break;
        case MR_AV_DNS_DOMAIN: t.dns_domain = value; break;
        case MR_AV_DNS_FOREST: t.dns_forest = value; break;
        case MR_AV_SPN: t.spn = value; break;
        case MR_AV_BINDINGS: t.channel_bindings = value; break;
        default: break; /* single host, and what is to come */
        }
    }
    return t;
}

int mr_ntlm_negotiate_decode(mr_slice bytes, mr_ntlm_negotiate *negotiatep, mr_error *err) {
    mr_ntlm_negotiate n = {0};
    size_t lowest = SIZE_MAX;
    mr_cursor c = {0};
    int r = open_message(bytes, MR_NTLM_NEGOTIATE, &c, err);

    if (r < 0)
        return r;
    n.flags = mr_cursor_read_u32(&c);
    if (bytes.len > NEGOTIATE_SHORT) {
        n.domain = read_field(&c, &lowest);
        n.workstation = read_field(&c, &lowest);
    }
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c);
    if (n.flags & MR_NTLM_VERSION && mr_cursor_left(&c) >= 8 && lowest >= c.pos + 8)
        n.version = read_version(&c);
    *negotiatep = n;
    return 0;
}

int mr_ntlm_challenge_decode(mr_slice bytes, mr_ntlm_challenge *challengep, mr_error *err) {
    mr_ntlm_challenge m = {0};
    size_t lowest = SIZE_MAX;
    mr_cursor c = {0};
    int r = open_message(bytes, MR_NTLM_CHALLENGE, &c, err);

    if (r < 0)
        return r;
    m.target_name = read_field(&c, &lowest);
    m.flags = mr_cursor_read_u32(&c);
    m.unicode = m.flags & MR_NTLM_UNICODE;
    m.challenge = mr_cursor_read(&c, 8);
    if (mr_cursor_left(&c) >= 16 && lowest >= c.pos + 16) { /* the oldest servers end here */
        mr_cursor_skip(&c, 8);
        m.target_info = read_field(&c, &lowest);
    }
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c);
    if (m.flags & MR_NTLM_VERSION && mr_cursor_left(&c) >= 8 && lowest >= c.pos + 8)
        m.version = read_version(&c);
    m.target = mr_ntlm_target_decode(m.target_info);
    *challengep = m;
    return 0;
}

/* The longer form of an answer is NTLMv2's, and its first octets are 1 (2.2.2.8). */
static void read_answer(mr_ntlm_authenticate *m) {
    mr_slice blob = mr_slice_sub(m->nt, V2_BLOB, SIZE_MAX);
    mr_cursor c = mr_cursor_of(blob);

    if (m->nt.len <= 24 || blob.len < V2_PAIRS)
        return;
    m->v2 = mr_cursor_read_u8(&c) == 1;
    mr_cursor_skip(&c, 7);
    if (!m->v2)
        return;
    m->time = mr_cursor_read_u64(&c);
    m->target = mr_ntlm_target_decode(mr_slice_sub(blob, V2_PAIRS, SIZE_MAX));
}

int mr_ntlm_authenticate_decode(mr_slice bytes, mr_ntlm_authenticate *authenticatep,
                                mr_error *err) {
    mr_ntlm_authenticate m = {0};
    size_t lowest = bytes.len;
    mr_cursor c = {0};
    int r = open_message(bytes, MR_NTLM_AUTHENTICATE, &c, err);

    if (r < 0)
        return r;
    m.lm = read_field(&c, &lowest);
    m.nt = read_field(&c, &lowest);
    m.domain = read_field(&c, &lowest);
    m.user = read_field(&c, &lowest);
    m.workstation = read_field(&c, &lowest);
    if (mr_cursor_left(&c) >= 12 && lowest >= AUTHENTICATE_FIXED) { /* NT 3 has no more */
        m.session_key = read_field(&c, &lowest);
        m.flags = mr_cursor_read_u32(&c);
    }
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c);
    if (m.flags & MR_NTLM_VERSION && lowest >= MR_NTLM_MIC_OFFSET && mr_cursor_left(&c) >= 8)
        m.version = read_version(&c);
    m.unicode = m.flags & MR_NTLM_UNICODE;
    m.mic = lowest >= MR_NTLM_MIC_OFFSET + 16;
    m.anonymous = m.user.len == 0 && m.nt.len == 0 && m.lm.len <= 1;
    read_answer(&m);
    *authenticatep = m;
    return 0;
}
