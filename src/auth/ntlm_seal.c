/*
 * Signing and sealing (MS-NLMP 3.4.3, 3.4.4) as RPC uses them: the signature covers the whole PDU
 * up to the auth_value, the plain stub included; privacy seals the stub and its padding. One key
 * stream per direction seals the stub first, then the signature's checksum. Without extended
 * session security the signature covers header and trailer only where header signing was agreed
 * (3.4.9.1).
 */
#include "ntlm_private.h"

#define PARTS 3 /* of a PDU: header, body, trailer */
#define BODY 1

static mr_ntlm_way *way_of(mr_ntlm *n, enum mr_dir dir) {
    return &n->way[n->flags & MR_NTLM_EXTENDED ? dir : 0];
}

static void begin_stream(mr_ntlm_way *way) {
    mr_rc4_init(&way->rc4, mr_slice_of(way->seal_key, way->seal_len));
}

int mr_ntlm_set_keys(mr_ntlm *n, mr_error *err) {
    for (int dir = 0; dir < 2; dir++) {
        mr_ntlm_way *way = &n->way[dir];
        uint8_t key[MR_NTLM_KEY];
        int rc = mr_ntlm_sign_key(n->flags, n->key, (enum mr_dir)dir, key, err);
        if (rc == 0)
            rc = mr_hmac_set_key(&way->sign, mr_slice_of(key, sizeof key), err);
        mr_wipe(key, sizeof key);
        if (rc == 0)
            rc = mr_ntlm_seal_key(n->flags, n->key, (enum mr_dir)dir, way->seal_key,
                                  &way->seal_len, err);
        if (rc < 0)
            return rc;
        begin_stream(way);
        way->seq = 0;
    }
    n->stage = MR_NTLM_COMPLETE;
    n->info.complete = true;
    n->info.key_bits = mr_ntlm_key_bits(n->flags);
    n->info.flags = n->flags;
    return 0;
}

void mr_ntlm_reset_for_spnego(mr_ntlm *n, bool from_zero) {
    for (int dir = 0; dir < 2; dir++) {
        if (n->stage == MR_NTLM_COMPLETE)
            begin_stream(&n->way[dir]);
        if (from_zero)
            n->way[dir].seq = 0;
    }
}

static void store(uint8_t *p, uint32_t v) {
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t load(const uint8_t *p) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The checksum of a message before it is sealed: 8 octets, or 4 without extended session
 * security. */
static int get_checksum(const mr_ntlm *n, mr_ntlm_way *way, const mr_slice parts[PARTS],
                        bool sign_header, uint8_t out[8], mr_error *err) {
    mr_slice all[PARTS + 1];
    uint8_t seq[4], mac[16];
    uint32_t crc = 0;

    if (!(n->flags & MR_NTLM_EXTENDED)) {
        for (size_t i = 0; i < PARTS; i++)
            if (i == BODY || sign_header)
                crc = mr_crc32(crc, parts[i]);
        store(out, crc);
        return 0;
    }
    store(seq, way->seq);
    all[0] = mr_slice_of(seq, sizeof seq);
    memcpy(all + 1, parts, PARTS * sizeof parts[0]);
    int rc = mr_hmac_get(&way->sign, all, PARTS + 1, mac, err);
    if (rc == 0)
        memcpy(out, mac, 8);
    return rc;
}

/* The signature (2.2.2.9) around a checksum; it counts the message. Without extended session
 * security the stream also covers four octets of nothing and the sequence number (3.4.4.1). */
static void finish(const mr_ntlm *n, mr_ntlm_way *way, const uint8_t checksum[8],
                   uint8_t out[MR_NTLM_SIGNATURE]) {
    uint8_t sealed[12] = {0};

    store(out, 1);
    if (n->flags & MR_NTLM_EXTENDED) {
        memcpy(out + 4, checksum, 8);
        if (n->flags & MR_NTLM_KEY_EXCH)
            mr_rc4_crypt(&way->rc4, out + 4, out + 4, 8);
        store(out + 12, way->seq);
    } else {
        memcpy(sealed + 4, checksum, 4);
        store(sealed + 8, way->seq);
        mr_rc4_crypt(&way->rc4, sealed, sealed, sizeof sealed);
        memset(out + 4, 0, 4);
        memcpy(out + 8, sealed + 4, 8);
    }
    way->seq++;
}

/* Holds a signature that came against the one that should have come. */
static int compare(const mr_ntlm *n, const mr_ntlm_way *way, mr_slice came,
                   const uint8_t want[MR_NTLM_SIGNATURE], mr_error *err) {
    uint32_t expected = way->seq - 1, number = load(came.data + 12);
    /* four octets without extended session security are random */
    size_t from = n->flags & MR_NTLM_EXTENDED ? 4 : 8;

    if (load(came.data) == 1 &&
        mr_secret_eq(came.data + from, want + from, MR_NTLM_SIGNATURE - from))
        return 0;
    if (n->flags & MR_NTLM_EXTENDED && number != expected)
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "NTLM: signature number %u came where %u was due: a fragment was lost, "
                       "repeated or forged", number, expected);
    return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "NTLM: a signature is wrong: the fragment was changed on its way, or the ends "
                   "have different session keys");
}

static int check_ready(const mr_ntlm *n, size_t signature, mr_error *err) {
    if (n->stage != MR_NTLM_COMPLETE)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "NTLM: the security context is not complete");
    if (signature != MR_NTLM_SIGNATURE)
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "NTLM: a signature has %zu octets where 16 are due", signature);
    return 0;
}

int mr_ntlm_protect(mr_security *sec, const mr_security_frag *frag, uint8_t *body, uint8_t *value,
                    mr_error *err) {
    mr_ntlm *n = (mr_ntlm *)sec;
    mr_ntlm_way *way = way_of(n, frag->dir);
    const mr_slice parts[PARTS] = {frag->header, frag->body, frag->trailer};
    uint8_t checksum[8];
    int rc = check_ready(n, frag->value.len, err);

    if (rc == 0)
        rc = get_checksum(n, way, parts, frag->sign_header, checksum, err);
    if (rc < 0)
        return rc;
    if (frag->level == MR_AUTH_LEVEL_PRIVACY)
        mr_rc4_crypt(&way->rc4, body, body, frag->body.len);
    finish(n, way, checksum, value);
    return 0;
}

int mr_ntlm_unprotect(mr_security *sec, const mr_security_frag *frag, uint8_t *body,
                      mr_error *err) {
    mr_ntlm *n = (mr_ntlm *)sec;
    mr_ntlm_way *way = way_of(n, frag->dir);
    mr_slice parts[PARTS] = {frag->header, frag->body, frag->trailer};
    uint8_t checksum[8], want[MR_NTLM_SIGNATURE];
    int rc = check_ready(n, frag->value.len, err);

    if (rc < 0)
        return rc;
    if (frag->level == MR_AUTH_LEVEL_PRIVACY && frag->body.len > 0) {
        mr_rc4_crypt(&way->rc4, frag->body.data, body, frag->body.len);
        parts[BODY] = mr_slice_of(body, frag->body.len);
    }
    rc = get_checksum(n, way, parts, frag->sign_header, checksum, err);
    if (rc < 0)
        return rc;
    finish(n, way, checksum, want);
    return compare(n, way, frag->value, want, err);
}

int mr_ntlm_get_mic(mr_ntlm *n, enum mr_dir dir, mr_slice octets, uint8_t micp[MR_NTLM_SIGNATURE],
                    mr_error *err) {
    mr_ntlm_way *way = way_of(n, dir);
    const mr_slice parts[PARTS] = {[BODY] = octets};
    uint8_t checksum[8];
    int rc = check_ready(n, MR_NTLM_SIGNATURE, err);

    if (rc == 0)
        rc = get_checksum(n, way, parts, false, checksum, err);
    if (rc == 0)
        finish(n, way, checksum, micp);
    return rc;
}

int mr_ntlm_verify_mic(mr_ntlm *n, enum mr_dir dir, mr_slice octets, mr_slice mic,
                       mr_error *err) {
    uint8_t want[MR_NTLM_SIGNATURE];
    int rc = check_ready(n, mic.len, err);

    if (rc == 0)
        rc = mr_ntlm_get_mic(n, dir, octets, want, err);
    return rc < 0 ? rc : compare(n, way_of(n, dir), mic, want, err);
}

int mr_ntlm_compute_mic(mr_ntlm *n, uint8_t out[16], mr_error *err) {
    static const uint8_t zeros[16];
    mr_slice last = mr_ntlm_kept(n, MR_NTLM_AUTHENTICATE);
    const mr_slice parts[] = {
        mr_ntlm_kept(n, MR_NTLM_NEGOTIATE),
        mr_ntlm_kept(n, MR_NTLM_CHALLENGE),
        mr_slice_sub(last, 0, MR_NTLM_MIC_OFFSET),
        {zeros, sizeof zeros},
        mr_slice_sub(last, MR_NTLM_MIC_OFFSET + sizeof zeros, SIZE_MAX),
    };

    return mr_hmac_once(MR_HASH_MD5, mr_slice_of(n->key, sizeof n->key), parts, MR_COUNT(parts),
                        out, err);
}
