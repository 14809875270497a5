/*
 * Per-message tokens of Kerberos (RFC 4121 4.2, RFC 4757 7; MS-KILE 3.4.5.4): one implementation
 * over libcrypto, because an RPC server spends its time here. Ciphers and MACs are made once per
 * key; a fragment costs no allocation and its stub is encrypted where it lies.
 *
 * The token of RFC 4121 at privacy, with the rotation that DCE style and its extra count of one
 * block give (n octets of checksum):
 *
 *     header 16 | E(filler) 16 | E(header) 16 | checksum n | E(confounder) 16      and the stub
 *
 * which is one message: E(confounder | stub | filler | header), its checksum taken over the plain
 * text (RFC 3962) or over the ciphertext (RFC 8009), with the PDU's header and sec_trailer beside
 * the stub when header signing was agreed. At the lower levels: header 16 | checksum n.
 */
#include "krb5_flow.h"

enum {
    TOKEN_HEADER = 16,
    BLOCK = MR_AES_BLOCK,
    TOKEN_SEALED = TOKEN_HEADER + 3 * BLOCK, /* and the checksum */
    FROM_ACCEPTOR = 1,  /* flags of RFC 4121 4.2.2 */
    CONFIDENTIAL = 2,
    ACCEPTOR_SUBKEY = 4,
    RC4_MIC = 37,       /* with its frame (RFC 1964 1.1) */
    RC4_SEALED = 45,
};

struct mr_krb5_profile {
    int32_t etype;
    uint8_t key_len;
    uint8_t mac_key_len; /* of Ki and Kc */
    uint8_t mac_len;     /* as it is cut */
    enum mr_hash hash;
    bool mac_over_cipher;
};

static const mr_krb5_profile profiles[] = {
    {MR_KRB5_AES128_SHA1, 16, 16, 12, MR_HASH_SHA1, false},
    {MR_KRB5_AES256_SHA1, 32, 32, 12, MR_HASH_SHA1, false},
    {MR_KRB5_AES128_SHA2, 16, 16, 16, MR_HASH_SHA256, true},
    {MR_KRB5_AES256_SHA2, 32, 24, 24, MR_HASH_SHA384, true},
    {MR_KRB5_RC4, 16, 16, 8, MR_HASH_MD5, false},
};

static const mr_krb5_profile *profile_of(int32_t etype) {
    for (size_t i = 0; i < MR_COUNT(profiles); i++)
        if (profiles[i].etype == etype)
            return &profiles[i];
    return NULL;
}

uint16_t mr_krb5_token_size(int32_t etype, uint8_t level) {
    const mr_krb5_profile *p = profile_of(etype);

    if (!p)
        return 0;
    if (etype == MR_KRB5_RC4)
        return level == MR_AUTH_LEVEL_PRIVACY ? RC4_SEALED : RC4_MIC;
    return (uint16_t)((level == MR_AUTH_LEVEL_PRIVACY ? TOKEN_SEALED : TOKEN_HEADER) + p->mac_len);
}

static int wrong(mr_error *err, const char *text) {
    return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "Kerberos: %s", text);
}

static void put_be32(uint8_t *at, uint32_t v) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void put_be64(uint8_t *at, uint64_t v) {
    put_be32(at, (uint32_t)(v >> 32));
    put_be32(at + 4, (uint32_t)v);
}

static uint32_t get_be32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Whether @seq is the number that is due; 0 or MR_ERR_AUTH. */
static int check_order(mr_krb5_flow *flow, uint64_t seq, mr_error *err) {
    if (flow->any_order)
        flow->seq = seq;
    if (seq == flow->seq)
        return 0;
    return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "Kerberos: message %llu came where %llu was due (replayed, reordered or lost)",
                   (unsigned long long)seq, (unsigned long long)flow->seq);
}

/* ---- keys ---- */

/* The 128-fold of usage and @tag (RFC 3961 5.1): the five octets again and again, each time turned
 * 13 bits to the right, added up in ones' complement 16 octets at a time. */
static void fold(uint32_t usage, uint8_t tag, uint8_t out[BLOCK]) {
    const uint64_t word = (uint64_t)usage << 8 | tag, mask = ((uint64_t)1 << 40) - 1;
    uint8_t all[5 * BLOCK];

    for (unsigned i = 0; i < BLOCK; i++) {
        unsigned turn = 13 * i % 40;
        uint64_t v = (word >> turn | word << (40 - turn)) & mask;
        for (unsigned k = 0; k < 5; k++)
            all[5 * i + k] = (uint8_t)(v >> (32 - 8 * k));
    }
    memset(out, 0, BLOCK);
    for (unsigned part = 0; part < 5; part++) {
        unsigned carry = 0;
        for (int i = BLOCK; i-- > 0; carry >>= 8)
            out[i] = (uint8_t)(carry += out[i] + all[part * BLOCK + (unsigned)i]);
        for (int i = BLOCK; carry && i-- > 0; carry >>= 8)
            out[i] = (uint8_t)(carry += out[i]);
    }
}

/* DK of RFC 3961 5.3 with AES (RFC 3962 4). */
static int derive_folded(const mr_krb5_profile *p, const uint8_t *key, uint32_t usage, uint8_t tag,
                         size_t len, uint8_t *out, mr_error *err) {
    mr_aes aes = {0};
    uint8_t block[BLOCK];
    int rc = mr_aes_init(&aes, MR_AES_ECB, mr_slice_of(key, p->key_len), err);

    fold(usage, tag, block);
    for (size_t at = 0; rc == 0 && at < len; at += BLOCK) {
        rc = mr_aes_encrypt(&aes, NULL, block, block, BLOCK, err);
        memcpy(out + at, block, BLOCK);
    }
    mr_wipe(block, sizeof block);
    mr_aes_deinit(&aes);
    return rc;
}

/* KDF-HMAC-SHA2 of RFC 8009 3. */
static int derive_hashed(const mr_krb5_profile *p, const uint8_t *key, uint32_t usage, uint8_t tag,
                         size_t len, uint8_t *out, mr_error *err) {
    uint8_t text[4 + 5 + 1 + 4] = {0, 0, 0, 1}, mac[MR_HASH_MAX];
    mr_slice part = {text, sizeof text};

    put_be32(text + 4, usage);
    text[8] = tag;
    put_be32(text + 10, (uint32_t)len * 8);
    int rc = mr_hmac_once(p->hash, mr_slice_of(key, p->key_len), &part, 1, mac, err);
    if (rc == 0)
        memcpy(out, mac, len);
    mr_wipe(mac, sizeof mac);
    return rc;
}

int mr_krb5_derive(int32_t etype, const uint8_t *key, uint32_t usage, uint8_t tag,
                   uint8_t out[MR_KRB5_KEY_MAX], size_t *lenp, mr_error *err) {
    const mr_krb5_profile *p = profile_of(etype);

    if (!p || etype == MR_KRB5_RC4)
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Kerberos: encryption type %d derives no keys", (int)etype);
    *lenp = tag == MR_KRB5_KE ? p->key_len : p->mac_key_len;
    return p->mac_over_cipher ? derive_hashed(p, key, usage, tag, *lenp, out, err)
                              : derive_folded(p, key, usage, tag, *lenp, out, err);
}

/* Usage numbers of RFC 4121 2. */
static int derive_keys(mr_krb5_flow *flow, mr_error *err) {
    const mr_krb5_profile *p = flow->profile;
    uint32_t seal = flow->dir == MR_DIR_TO_SERVER ? 24 : 22;
    uint32_t sign = flow->dir == MR_DIR_TO_SERVER ? 25 : 23;
    uint8_t key[MR_KRB5_KEY_MAX];
    size_t len;

    int rc = mr_krb5_derive(p->etype, flow->key, seal, MR_KRB5_KE, key, &len, err);
    if (rc == 0)
        rc = mr_aes_init(&flow->cbc, MR_AES_CBC, mr_slice_of(key, len), err);
    if (rc == 0)
        rc = mr_aes_init(&flow->cts, MR_AES_CTS, mr_slice_of(key, len), err);
    if (rc == 0)
        rc = mr_krb5_derive(p->etype, flow->key, seal, MR_KRB5_KI, key, &len, err);
    if (rc == 0)
        rc = mr_hmac_init(&flow->seal, p->hash, mr_slice_of(key, len), err);
    if (rc == 0)
        rc = mr_krb5_derive(p->etype, flow->key, sign, MR_KRB5_KC, key, &len, err);
    if (rc == 0)
        rc = mr_hmac_init(&flow->sign, p->hash, mr_slice_of(key, len), err);
    mr_wipe(key, sizeof key);
    return rc;
}

int mr_krb5_flow_init(mr_krb5_flow *flow, const mr_krb5_secret *secret, enum mr_dir dir,
                      const uint8_t *entropy, mr_error *err) {
    const mr_krb5_profile *p = profile_of(secret->etype);
    int rc;

    memset(flow, 0, sizeof *flow);
    mr_buf_init(&flow->flat, NULL, 0, (size_t)1 << 17);
    if (!p || secret->len != p->key_len)
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Kerberos: session keys of encryption type %d are not supported",
                       (int)secret->etype);
    flow->profile = p;
    flow->dir = dir;
    flow->acceptor_subkey = secret->acceptor_subkey;
    flow->seq = secret->seq[dir];
    memcpy(flow->key, secret->key, p->key_len);
    if (p->etype == MR_KRB5_RC4)
        rc = mr_hmac_init(&flow->sign, MR_HASH_MD5, mr_slice_of(flow->key, p->key_len), err);
    else
        rc = derive_keys(flow, err);
    if (rc == 0 && p->etype == MR_KRB5_RC4)
        rc = mr_digest_init(&flow->seal.digest, MR_HASH_MD5, err);
    if (rc == 0 && entropy)
        rc = mr_aes_init(&flow->noise, MR_AES_ECB, mr_slice_of(entropy, MR_KRB5_ENTROPY), err);
    return rc;
}

void mr_krb5_flow_deinit(mr_krb5_flow *flow) {
    mr_aes_deinit(&flow->cbc);
    mr_aes_deinit(&flow->cts);
    mr_aes_deinit(&flow->noise);
    mr_hmac_deinit(&flow->seal);
    mr_hmac_deinit(&flow->sign);
    if (flow->flat.data)
        mr_wipe(flow->flat.data, flow->flat.size);
    mr_buf_deinit(&flow->flat);
    mr_wipe(flow, sizeof *flow);
}

/* The next confounder: the caller's entropy as a key, a counter as the text. */
static int draw(mr_krb5_flow *flow, uint8_t out[BLOCK], mr_error *err) {
    uint8_t count[BLOCK] = {(uint8_t)flow->dir};

    if (!flow->noise.cipher)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Kerberos: nothing is sent this way");
    put_be64(count + 8, flow->drawn++);
    return mr_aes_encrypt(&flow->noise, NULL, count, out, BLOCK, err);
}

/* ---- what a checksum covers ---- */

typedef struct cover {
    mr_slice parts[8];
    size_t count;
} cover;

static void cover_add(cover *c, mr_slice part) {
    c->parts[c->count++] = part;
}

/* The fragment, with @body for its body. */
static void cover_add_frag(cover *c, const mr_security_frag *frag, const uint8_t *body) {
    if (frag->sign_header)
        cover_add(c, frag->header);
    cover_add(c, mr_slice_of(body, frag->body.len));
    if (frag->sign_header)
        cover_add(c, frag->trailer);
}

/* ---- RFC 4121: signed ---- */

static void write_header(const mr_krb5_flow *flow, bool sealed, uint16_t ec, uint16_t rrc,
                         uint8_t out[TOKEN_HEADER]) {
    out[0] = sealed ? 5 : 4;
    out[1] = 4;
    out[2] = (uint8_t)((flow->dir == MR_DIR_TO_CLIENT ? FROM_ACCEPTOR : 0) |
                       (sealed ? CONFIDENTIAL : 0) | (flow->acceptor_subkey ? ACCEPTOR_SUBKEY : 0));
    out[3] = 0xff;
    out[4] = (uint8_t)(ec >> 8);
    out[5] = (uint8_t)ec;
    out[6] = (uint8_t)(rrc >> 8);
    out[7] = (uint8_t)rrc;
    put_be64(out + 8, flow->seq);
}

static int sign(mr_krb5_flow *flow, const mr_security_frag *frag, const uint8_t *body,
                const uint8_t header[TOKEN_HEADER], uint8_t mac[MR_HASH_MAX], mr_error *err) {
    cover c = {0};

    cover_add_frag(&c, frag, body);
    cover_add(&c, mr_slice_of(header, TOKEN_HEADER));
    return mr_hmac_get(&flow->sign, c.parts, c.count, mac, err);
}

static int protect_signed(mr_krb5_flow *flow, const mr_security_frag *frag, uint8_t *value,
                          mr_error *err) {
    uint8_t mac[MR_HASH_MAX];

    write_header(flow, false, 0xffff, 0xffff, value);
    int rc = sign(flow, frag, frag->body.data, value, mac, err);
    if (rc == 0)
        memcpy(value + TOKEN_HEADER, mac, flow->profile->mac_len);
    return rc;
}

/* The sequence number of a token whose other fields must be as @want; 0 or MR_ERR_AUTH. */
static int read_header(mr_krb5_flow *flow, const uint8_t *token, const uint8_t *want,
                       mr_error *err) {
    if (token[0] != want[0] || token[1] != want[1] || token[3] != want[3])
        return wrong(err, "the verifier is no token of this level");
    if ((token[2] ^ want[2]) & FROM_ACCEPTOR)
        return wrong(err, "the verifier was made for the other direction");
    if (memcmp(token + 2, want + 2, 6) != 0)
        return wrong(err, "the verifier does not have the form of DCE style");
    return check_order(flow, (uint64_t)get_be32(token + 8) << 32 | get_be32(token + 12), err);
}

static int unprotect_signed(mr_krb5_flow *flow, const mr_security_frag *frag, mr_error *err) {
    uint8_t want[TOKEN_HEADER], mac[MR_HASH_MAX];
    const uint8_t *value = frag->value.data;

    write_header(flow, false, 0xffff, 0xffff, want);
    int rc = read_header(flow, value, want, err);
    if (rc == 0)
        rc = sign(flow, frag, frag->body.data, value, mac, err);
    if (rc == 0 && !mr_secret_eq(mac, value + TOKEN_HEADER, flow->profile->mac_len))
        return wrong(err, "the checksum of a fragment is wrong");
    return rc;
}

/* ---- RFC 4121: sealed ---- */

/* Where the pieces of a sealed token stand. */
typedef struct sealed_token {
    uint8_t *header;
    uint8_t *tail;       /* filler and header, encrypted */
    size_t tail_len;
    uint8_t *mac;
    uint8_t *confounder;
} sealed_token;

static sealed_token view_sealed(uint8_t *value, size_t ec, size_t mac_len) {
    size_t tail = ec + TOKEN_HEADER;

    return (sealed_token){value, value + TOKEN_HEADER, tail, value + TOKEN_HEADER + tail,
                    value + TOKEN_HEADER + tail + mac_len};
}

static int seal_mac(mr_krb5_flow *flow, const mr_security_frag *frag, const uint8_t *confounder,
                    const uint8_t *body, mr_slice tail, uint8_t mac[MR_HASH_MAX], mr_error *err) {
    static const uint8_t iv[BLOCK];
    cover c = {0};

    if (flow->profile->mac_over_cipher)
        cover_add(&c, mr_slice_of(iv, BLOCK));
    cover_add(&c, mr_slice_of(confounder, BLOCK));
    cover_add_frag(&c, frag, body);
    cover_add(&c, tail);
    return mr_hmac_get(&flow->seal, c.parts, c.count, mac, err);
}

static void swap_blocks(uint8_t *two) {
    uint8_t kept[BLOCK];

    memcpy(kept, two, BLOCK);
    memcpy(two, two + BLOCK, BLOCK);
    memcpy(two + BLOCK, kept, BLOCK);
}

/* Whether the three pieces are whole blocks of which the tail has the last two: then ciphertext
 * stealing is CBC with these two exchanged (RFC 3962 5), and the pieces need not be adjacent. */
static bool is_plain_cbc(size_t body_len, size_t tail_len) {
    return body_len % BLOCK == 0 && tail_len == 2 * BLOCK;
}

/* Octets of the three pieces one after the other, in memory that is kept; NULL and @err. */
static uint8_t *flatten(mr_krb5_flow *flow, const uint8_t *confounder, mr_slice body,
                        mr_slice tail, mr_error *err) {
    mr_buf_reset(&flow->flat);
    mr_buf_write(&flow->flat, mr_slice_of(confounder, BLOCK));
    mr_buf_write(&flow->flat, body);
    mr_buf_write(&flow->flat, tail);
    if (mr_buf_error(&flow->flat) == 0)
        return flow->flat.data;
    mr_fail(err, mr_buf_error(&flow->flat), MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
            "Kerberos: no memory to turn a fragment");
    return NULL;
}

static void unflatten(mr_krb5_flow *flow, uint8_t *confounder, uint8_t *body, size_t body_len,
                      uint8_t *tail, size_t tail_len) {
    memcpy(confounder, flow->flat.data, BLOCK);
    if (body_len > 0)
        memcpy(body, flow->flat.data + BLOCK, body_len);
    memcpy(tail, flow->flat.data + BLOCK + body_len, tail_len);
}

/* Encrypts the three pieces in place. */
static int encrypt(mr_krb5_flow *flow, const sealed_token *s, uint8_t *body, size_t len,
                   mr_error *err) {
    if (!is_plain_cbc(len, s->tail_len)) {
        uint8_t *flat = flatten(flow, s->confounder, mr_slice_of(body, len),
                                mr_slice_of(s->tail, s->tail_len), err);
        int rc = flat ? mr_aes_encrypt(&flow->cts, NULL, flat, flat, flow->flat.len, err)
                      : mr_buf_error(&flow->flat);
        if (rc == 0)
            unflatten(flow, s->confounder, body, len, s->tail, s->tail_len);
        return rc;
    }
    int rc = mr_aes_encrypt(&flow->cbc, NULL, s->confounder, s->confounder, BLOCK, err);
    if (rc == 0 && len > 0)
        rc = mr_aes_encrypt(&flow->cbc, s->confounder, body, body, len, err);
    if (rc == 0)
        rc = mr_aes_encrypt(&flow->cbc, len > 0 ? body + len - BLOCK : s->confounder, s->tail,
                            s->tail, s->tail_len, err);
    if (rc == 0)
        swap_blocks(s->tail);
    return rc;
}

/* Decrypts to @body; confounder and tail in place, in the copy @s shows. */
static int decrypt(mr_krb5_flow *flow, const sealed_token *s, mr_slice from, uint8_t *body,
                   mr_error *err) {
    uint8_t first[BLOCK];
    size_t len = from.len;

    if (!is_plain_cbc(len, s->tail_len)) {
        uint8_t *flat = flatten(flow, s->confounder, from, mr_slice_of(s->tail, s->tail_len), err);
        int rc = flat ? mr_aes_decrypt(&flow->cts, NULL, flat, flat, flow->flat.len, err)
                      : mr_buf_error(&flow->flat);
        if (rc == 0)
            unflatten(flow, s->confounder, body, len, s->tail, s->tail_len);
        return rc;
    }
    memcpy(first, s->confounder, BLOCK);
    swap_blocks(s->tail);
    int rc = mr_aes_decrypt(&flow->cbc, len > 0 ? from.data + len - BLOCK : first, s->tail,
                            s->tail, s->tail_len, err);
    if (rc == 0 && len > 0)
        rc = mr_aes_decrypt(&flow->cbc, first, from.data, body, len, err);
    if (rc == 0)
        rc = mr_aes_decrypt(&flow->cbc, NULL, s->confounder, s->confounder, BLOCK, err);
    return rc;
}

static int protect_sealed(mr_krb5_flow *flow, const mr_security_frag *frag, uint8_t *body,
                          uint8_t *value, mr_error *err) {
    const mr_krb5_profile *p = flow->profile;
    sealed_token s = view_sealed(value, BLOCK, p->mac_len);
    mr_slice tail = {s.tail, s.tail_len};
    uint8_t mac[MR_HASH_MAX];
    int rc = draw(flow, s.confounder, err);

    /* the encrypted copy has no rotation yet */
    write_header(flow, true, BLOCK, 0, s.header);
    memset(s.tail, 0xff, BLOCK);
    memcpy(s.tail + BLOCK, s.header, TOKEN_HEADER);
    s.header[7] = (uint8_t)(TOKEN_HEADER + p->mac_len);
    if (rc == 0 && !p->mac_over_cipher)
        rc = seal_mac(flow, frag, s.confounder, body, tail, mac, err);
    if (rc == 0)
        rc = encrypt(flow, &s, body, frag->body.len, err);
    if (rc == 0 && p->mac_over_cipher)
        rc = seal_mac(flow, frag, s.confounder, body, tail, mac, err);
    if (rc == 0)
        memcpy(s.mac, mac, p->mac_len);
    return rc;
}

static int unprotect_sealed(mr_krb5_flow *flow, const mr_security_frag *frag, uint8_t *body,
                            mr_error *err) {
    const mr_krb5_profile *p = flow->profile;
    const uint8_t *got = frag->value.data;
    uint16_t ec = (uint16_t)(got[4] << 8 | got[5]), rrc = (uint16_t)(TOKEN_HEADER + p->mac_len);
    uint8_t want[TOKEN_HEADER], mac[MR_HASH_MAX], value[TOKEN_SEALED + MR_HASH_MAX];

    /* a peer may add no filler where ours adds a block */
    if (ec > BLOCK || frag->value.len != (size_t)TOKEN_SEALED - BLOCK + ec + p->mac_len)
        return wrong(err, "the verifier does not have the form of DCE style");
    write_header(flow, true, ec, rrc, want);
    int rc = read_header(flow, got, want, err);
    memcpy(value, got, frag->value.len);
    sealed_token s = view_sealed(value, ec, p->mac_len);
    mr_slice tail = {s.tail, s.tail_len};
    if (rc == 0 && p->mac_over_cipher)
        rc = seal_mac(flow, frag, s.confounder, frag->body.data, tail, mac, err);
    if (rc == 0 && p->mac_over_cipher && !mr_secret_eq(mac, s.mac, p->mac_len))
        return wrong(err, "the checksum of a fragment is wrong");
    if (rc == 0)
        rc = decrypt(flow, &s, frag->body, body, err);
    if (rc == 0 && !p->mac_over_cipher) {
        rc = seal_mac(flow, frag, s.confounder, body, tail, mac, err);
        if (rc == 0 && !mr_secret_eq(mac, s.mac, p->mac_len))
            rc = wrong(err, "the checksum of a fragment is wrong");
    }
    /* the rotation is no part of what is sealed */
    if (rc == 0 && (memcmp(s.tail + ec, got, 6) != 0 || memcmp(s.tail + ec + 8, got + 8, 8) != 0))
        rc = wrong(err, "the sealed header differs from the open one");
    mr_wipe(value, sizeof value);
    return rc;
}

/* ---- RC4 (RFC 4757 7) ---- */

static const uint8_t rc4_frame[13] = {0x60, 0, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2};

/* HMAC-MD5 under @key of one short part. */
static int rc4_mac(mr_krb5_flow *flow, const uint8_t key[16], const void *text, size_t len,
                   uint8_t out[16], mr_error *err) {
    mr_slice part = mr_slice_of(text, len);
    int rc = mr_hmac_set_key(&flow->sign, mr_slice_of(key, 16), err);

    return rc == 0 ? mr_hmac_get(&flow->sign, &part, 1, out, err) : rc;
}

/* The checksum of 7.2 (sealed: 7.3): HMAC under Ksign of the MD5 of it all. */
static int rc4_sum(mr_krb5_flow *flow, const mr_security_frag *frag, const uint8_t *body,
                   const uint8_t *token, mr_slice confounder, uint8_t out[16], mr_error *err) {
    const uint8_t usage[4] = {confounder.len ? 13 : 15};
    uint8_t key[16], digest[16];
    cover c = {0};

    cover_add(&c, mr_slice_of(usage, 4));
    cover_add(&c, mr_slice_of(token, 8));
    if (confounder.len)
        cover_add(&c, confounder);
    cover_add_frag(&c, frag, body);
    int rc = mr_digest_get(&flow->seal.digest, c.parts, c.count, digest, err);
    if (rc == 0)
        rc = rc4_mac(flow, flow->key, "signaturekey", 13, key, err);
    if (rc == 0)
        rc = rc4_mac(flow, key, digest, 16, out, err);
    mr_wipe(key, sizeof key);
    return rc;
}

/* Encrypts or decrypts under HMAC(HMAC(key ^ mask, zeros), salt): the sequence number under its
 * checksum, the text under the sequence number. */
static int rc4_open(mr_krb5_flow *flow, uint8_t mask, const uint8_t *salt, size_t len,
                    mr_rc4 *rc4, mr_error *err) {
    uint8_t key[16];

    for (int i = 0; i < 16; i++)
        key[i] = flow->key[i] ^ mask;
    int rc = rc4_mac(flow, key, "\0\0\0", 4, key, err);
    if (rc == 0)
        rc = rc4_mac(flow, key, salt, len, key, err);
    if (rc == 0)
        mr_rc4_init(rc4, mr_slice_of(key, 16));
    mr_wipe(key, sizeof key);
    return rc;
}

/* The frame and the open part of a token. */
static void rc4_header(bool sealed, uint8_t out[21]) {
    memcpy(out, rc4_frame, sizeof rc4_frame);
    out[1] = (uint8_t)((sealed ? RC4_SEALED : RC4_MIC) - 2);
    memcpy(out + 13, sealed ? "\2\1\x11\0\x10\0\xff\xff" : "\1\1\x11\0\xff\xff\xff\xff", 8);
}

static int protect_rc4(mr_krb5_flow *flow, const mr_security_frag *frag, uint8_t *body,
                       uint8_t *value, mr_error *err) {
    bool sealed = frag->level == MR_AUTH_LEVEL_PRIVACY;
    uint8_t *seq = value + 21, *sum = value + 29, *confounder = value + 37;
    uint8_t noise[BLOCK], digest[16], be[4];
    mr_rc4 rc4;
    int rc = 0;

    rc4_header(sealed, value);
    put_be32(be, (uint32_t)flow->seq);
    memcpy(seq, be, 4);
    memset(seq + 4, flow->dir == MR_DIR_TO_CLIENT ? 0xff : 0, 4);
    if (sealed && (rc = draw(flow, noise, err)) == 0)
        memcpy(confounder, noise, 8);
    if (rc == 0)
        rc = rc4_sum(flow, frag, sealed ? body : frag->body.data, value + 13,
                     mr_slice_of(confounder, sealed ? 8 : 0), digest, err);
    if (rc == 0) {
        memcpy(sum, digest, 8);
        rc = rc4_open(flow, 0, sum, 8, &rc4, err);
    }
    if (rc == 0) {
        mr_rc4_crypt(&rc4, seq, seq, 8);
        rc = sealed ? rc4_open(flow, 0xf0, be, 4, &rc4, err) : 0;
    }
    if (rc == 0 && sealed) {
        mr_rc4_crypt(&rc4, confounder, confounder, 8);
        mr_rc4_crypt(&rc4, body, body, frag->body.len);
    }
    mr_wipe(&rc4, sizeof rc4);
    return rc;
}

/* Reads the sequence number and checks the direction. */
static int rc4_order(mr_krb5_flow *flow, const uint8_t *value, uint8_t be[4], mr_error *err) {
    uint8_t seq[8];
    mr_rc4 rc4;
    int rc = rc4_open(flow, 0, value + 29, 8, &rc4, err);

    if (rc < 0)
        return rc;
    mr_rc4_crypt(&rc4, value + 21, seq, 8);
    mr_wipe(&rc4, sizeof rc4);
    memcpy(be, seq, 4);
    for (int i = 4; i < 8; i++)
        if (seq[i] != (flow->dir == MR_DIR_TO_CLIENT ? 0xff : 0))
            return wrong(err, "the checksum of a fragment is wrong, or of the other direction");
    flow->seq &= UINT32_MAX;
    return check_order(flow, get_be32(be), err);
}

static int unprotect_rc4(mr_krb5_flow *flow, const mr_security_frag *frag, uint8_t *body,
                         mr_error *err) {
    bool sealed = frag->level == MR_AUTH_LEVEL_PRIVACY;
    const uint8_t *value = frag->value.data;
    uint8_t want[21], confounder[8], digest[16], be[4];
    mr_rc4 rc4;

    rc4_header(sealed, want);
    if (memcmp(value, want, sizeof want) != 0)
        return wrong(err, "the verifier is no token of this level");
    int rc = rc4_order(flow, value, be, err);
    if (rc == 0 && sealed && (rc = rc4_open(flow, 0xf0, be, 4, &rc4, err)) == 0) {
        mr_rc4_crypt(&rc4, value + 37, confounder, 8);
        mr_rc4_crypt(&rc4, frag->body.data, body, frag->body.len);
        mr_wipe(&rc4, sizeof rc4);
    }
    if (rc == 0)
        rc = rc4_sum(flow, frag, sealed ? body : frag->body.data, value + 13,
                     mr_slice_of(confounder, sealed ? 8 : 0), digest, err);
    if (rc == 0 && !mr_secret_eq(digest, value + 29, 8))
        rc = wrong(err, "the checksum of a fragment is wrong");
    return rc;
}

/* ---- the face ---- */

int mr_krb5_flow_protect(mr_krb5_flow *flow, const mr_security_frag *frag, uint8_t *body,
                         uint8_t *value, mr_error *err) {
    int rc;

    if (frag->value.len != mr_krb5_token_size(flow->profile->etype, frag->level))
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Kerberos: %zu octets are not the room of a verifier", frag->value.len);
    if (flow->profile->etype == MR_KRB5_RC4)
        rc = protect_rc4(flow, frag, body, value, err);
    else if (frag->level == MR_AUTH_LEVEL_PRIVACY)
        rc = protect_sealed(flow, frag, body, value, err);
    else
        rc = protect_signed(flow, frag, value, err);
    if (rc == 0)
        flow->seq++;
    return rc;
}

int mr_krb5_flow_unprotect(mr_krb5_flow *flow, const mr_security_frag *frag, uint8_t *body,
                           mr_error *err) {
    bool sealed = frag->level == MR_AUTH_LEVEL_PRIVACY, rc4 = flow->profile->etype == MR_KRB5_RC4;
    size_t size = mr_krb5_token_size(flow->profile->etype, frag->level);
    int rc;

    /* of a sealed token of RFC 4121 the filler may be shorter */
    if (frag->value.len > size || frag->value.len < size - (sealed && !rc4 ? BLOCK : 0))
        return wrong(err, "the verifier has another length than its level gives it");
    if (rc4)
        rc = unprotect_rc4(flow, frag, body, err);
    else if (sealed)
        rc = unprotect_sealed(flow, frag, body, err);
    else
        rc = unprotect_signed(flow, frag, err);
    if (rc == 0)
        flow->seq++;
    return rc;
}
