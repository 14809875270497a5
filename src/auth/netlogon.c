/*
 * Netlogon's secure channel (MS-NRPC 3.3.4.2). A signature (2.2.1.3.2, 2.2.1.3.3) is a head that
 * names the algorithms, the sealed sequence number, eight octets of checksum, at privacy a sealed
 * confounder, and with AES room that Windows leaves empty: it keeps the old places of both.
 */
#include <stdlib.h>

#include <msrpc/auth/netlogon.h>
#include <msrpc/crypto.h>
#include <msrpc/wire/nl_auth.h>

enum {
    HEAD = 8, /* octets of each of the four parts */
    SEQ_AT = 8,
    SUM_AT = 16,
    CONFOUNDER_AT = 24,
    SIZE_RC4 = 32,
    SIZE_AES = 56,
    SHORT = 8, /* octets that a peer may leave out when there is no confounder */
};

struct mr_netlogon {
    mr_security base;
    mr_netlogon_key key;
    uint8_t entropy[MR_NETLOGON_ENTROPY];
    mr_netlogon_find *find;
    void *user;
    mr_aes seal, number; /* AES: for stubs, and for sequence numbers */
    bool begun, failed;
    uint32_t seq;        /* of both directions */
    mr_netlogon_info info;
};

static int broken(mr_netlogon *n, mr_error *err, int code, const char *text) {
    n->failed = true;
    return mr_fail(err, code, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "Netlogon: %s", text);
}

/* ---- a fragment's parts ---- */

static void make_head(const mr_netlogon *n, bool sealed, uint8_t head[HEAD]) {
    static const uint8_t heads[2][2][HEAD] = {
        {{0x77, 0, 0xff, 0xff, 0xff, 0xff}, {0x77, 0, 0x7a, 0, 0xff, 0xff}},
        {{0x13, 0, 0xff, 0xff, 0xff, 0xff}, {0x13, 0, 0x1a, 0, 0xff, 0xff}},
    };

    memcpy(head, heads[n->key.aes][sealed], HEAD);
}

/* The number as it is sealed: big-endian, then who sent it (3.3.4.2.1). */
static void make_number(const mr_netlogon *n, enum mr_dir dir, uint8_t number[8]) {
    for (unsigned i = 0; i < 4; i++)
        number[i] = (uint8_t)(n->seq >> 8 * (3 - i));
    memset(number + 4, 0, 4);
    number[4] = dir == MR_DIR_TO_SERVER ? 0x80 : 0;
}

/* The checksum over the plain @body and, where header signing was agreed, what is around it. */
static int get_sum(const mr_netlogon *n, const mr_security_frag *frag, const uint8_t head[HEAD],
                   mr_slice confounder, mr_slice body, uint8_t sum[8], mr_error *err) {
    static const uint8_t zeros[4];
    mr_slice key = mr_slice_of(n->key.key, MR_NETLOGON_KEY);
    const mr_slice parts[] = {{zeros, sizeof zeros},
                              {head, HEAD},
                              confounder,
                              frag->sign_header ? frag->header : MR_SLICE_NULL,
                              body,
                              frag->sign_header ? frag->trailer : MR_SLICE_NULL};
    uint8_t digest[16], mac[32];
    int rc;

    if (n->key.aes) {
        rc = mr_hmac_once(MR_HASH_SHA256, key, parts + 1, MR_COUNT(parts) - 1, mac, err);
    } else {
        const mr_slice inner = {digest, sizeof digest};
        rc = mr_hash_once(MR_HASH_MD5, parts, MR_COUNT(parts), digest, err);
        if (rc == 0)
            rc = mr_hmac_once(MR_HASH_MD5, key, &inner, 1, mac, err);
    }
    if (rc == 0)
        memcpy(sum, mac, 8);
    return rc;
}

/* The RC4 key for something: of the session key (each octet combined with @mask), then of eight
 * octets that go with the fragment. */
static int get_rc4(const mr_netlogon *n, uint8_t mask, const uint8_t with[8], mr_rc4 *rc4p,
                   mr_error *err) {
    static const uint8_t zeros[4];
    const mr_slice nothing = {zeros, sizeof zeros}, last = {with, 8};
    uint8_t key[MR_NETLOGON_KEY], digest[16];
    int rc;

    for (size_t i = 0; i < sizeof key; i++)
        key[i] = n->key.key[i] ^ mask;
    rc = mr_hmac_once(MR_HASH_MD5, mr_slice_of(key, sizeof key), &nothing, 1, digest, err);
    if (rc == 0)
        rc = mr_hmac_once(MR_HASH_MD5, mr_slice_of(digest, sizeof digest), &last, 1, key, err);
    if (rc == 0)
        mr_rc4_init(rc4p, mr_slice_of(key, sizeof key));
    mr_wipe(key, sizeof key);
    mr_wipe(digest, sizeof digest);
    return rc;
}

static void twice(const uint8_t eight[8], uint8_t iv[MR_AES_BLOCK]) {
    memcpy(iv, eight, 8);
    memcpy(iv + 8, eight, 8);
}

/* Seals a sequence number with the checksum. */
static int seal_number(mr_netlogon *n, const uint8_t sum[8], const uint8_t plain[8],
                       uint8_t sealed[8], mr_error *err) {
    uint8_t iv[MR_AES_BLOCK];
    mr_rc4 rc4;
    int rc;

    if (n->key.aes) {
        twice(sum, iv);
        return mr_aes_encrypt(&n->number, iv, plain, sealed, 8, err);
    }
    rc = get_rc4(n, 0, sum, &rc4, err);
    if (rc == 0)
        mr_rc4_crypt(&rc4, plain, sealed, 8);
    mr_wipe(&rc4, sizeof rc4);
    return rc;
}

/* AES covers confounder and body as one message: the octets of CFB8 that come before are the
 * vector of what follows, so the confounder's cipher text makes the body's. */
static void next_iv(const uint8_t number[8], const uint8_t sealed_confounder[8],
                    uint8_t iv[MR_AES_BLOCK]) {
    memcpy(iv, number, 8);
    memcpy(iv + 8, sealed_confounder, 8);
}

static int seal(mr_netlogon *n, const uint8_t number[8], uint8_t *confounder, uint8_t *body,
                size_t len, mr_error *err) {
    uint8_t iv[MR_AES_BLOCK];
    mr_rc4 rc4, again;
    int rc;

    if (n->key.aes) {
        twice(number, iv);
        rc = mr_aes_encrypt(&n->seal, iv, confounder, confounder, 8, err);
        next_iv(number, confounder, iv);
        return rc < 0 ? rc : mr_aes_encrypt(&n->seal, iv, body, body, len, err);
    }
    rc = get_rc4(n, 0xf0, number, &rc4, err);
    if (rc == 0) {
        again = rc4; /* either begins with the key's first octets */
        mr_rc4_crypt(&rc4, confounder, confounder, 8);
        mr_rc4_crypt(&again, body, body, len);
        mr_wipe(&again, sizeof again);
    }
    mr_wipe(&rc4, sizeof rc4);
    return rc;
}

static int open_sealed(mr_netlogon *n, const uint8_t number[8], const uint8_t sealed[8],
                       mr_slice from, uint8_t confounder[8], uint8_t *body, mr_error *err) {
    uint8_t iv[MR_AES_BLOCK];
    int rc;

    if (n->key.aes) {
        twice(number, iv);
        rc = mr_aes_decrypt(&n->seal, iv, sealed, confounder, 8, err);
        next_iv(number, sealed, iv);
        return rc < 0 ? rc : mr_aes_decrypt(&n->seal, iv, from.data, body, from.len, err);
    }
    memcpy(confounder, sealed, 8);
    if (from.len > 0)
        memcpy(body, from.data, from.len);
    return seal(n, number, confounder, body, from.len, err); /* RC4 undoes itself */
}

/* ---- the class: fragments ---- */

static uint16_t sizes(mr_security *sec, uint8_t level) {
    (void)level;
    return ((const mr_netlogon *)sec)->key.aes ? SIZE_AES : SIZE_RC4;
}

static int incomplete(mr_error *err) {
    return mr_fail(err, MR_ERR_STATE, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "Netlogon: the secure channel is not complete");
}

/* Confounders need only differ: a MAC of the sequence number under the caller's entropy. */
static int make_confounder(const mr_netlogon *n, const uint8_t number[8], uint8_t out[8],
                           mr_error *err) {
    const mr_slice part = {number, 8};
    uint8_t mac[32];
    int rc = mr_hmac_once(MR_HASH_SHA256, mr_slice_of(n->entropy, sizeof n->entropy), &part, 1,
                          mac, err);

    if (rc == 0)
        memcpy(out, mac, 8);
    return rc;
}

static int protect(mr_security *sec, const mr_security_frag *frag, uint8_t *body, uint8_t *value,
                   mr_error *err) {
    mr_netlogon *n = (mr_netlogon *)sec;
    bool sealed = frag->level == MR_AUTH_LEVEL_PRIVACY;
    mr_slice confounder = {value + CONFOUNDER_AT, sealed ? 8 : 0};
    uint8_t number[8];
    int rc = 0;

    if (!n->info.complete)
        return incomplete(err);
    memset(value, 0, frag->value.len);
    make_head(n, sealed, value);
    make_number(n, frag->dir, number);
    if (sealed)
        rc = make_confounder(n, number, value + CONFOUNDER_AT, err);
    if (rc == 0)
        rc = get_sum(n, frag, value, confounder, frag->body, value + SUM_AT, err);
    if (rc == 0 && sealed)
        rc = seal(n, number, value + CONFOUNDER_AT, body, frag->body.len, err);
    if (rc == 0)
        rc = seal_number(n, value + SUM_AT, number, value + SEQ_AT, err);
    if (rc == 0)
        n->seq++;
    return rc;
}

static int unprotect(mr_security *sec, const mr_security_frag *frag, uint8_t *body,
                     mr_error *err) {
    mr_netlogon *n = (mr_netlogon *)sec;
    bool sealed = frag->level == MR_AUTH_LEVEL_PRIVACY;
    size_t full = sizes(sec, frag->level);
    const uint8_t *value = frag->value.data;
    uint8_t head[HEAD], number[8], sealed_number[8], confounder[8], sum[8];
    int rc;

    if (!n->info.complete)
        return incomplete(err);
    if (frag->value.len != full && (sealed || frag->value.len != full - SHORT))
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Netlogon: a signature has %zu octets", frag->value.len);
    make_head(n, sealed, head);
    make_number(n, frag->dir, number);
    rc = seal_number(n, value + SUM_AT, number, sealed_number, err);
    if (rc < 0)
        return rc;
    if (!mr_secret_eq(head, value, HEAD) || !mr_secret_eq(sealed_number, value + SEQ_AT, 8))
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Netlogon: a signature is not number %u: a fragment was lost, repeated or "
                       "forged", n->seq);
    if (sealed)
        rc = open_sealed(n, number, value + CONFOUNDER_AT, frag->body, confounder, body, err);
    if (rc == 0)
        rc = get_sum(n, frag, head, mr_slice_of(confounder, sealed ? 8 : 0),
                     sealed ? mr_slice_of(body, frag->body.len) : frag->body, sum, err);
    if (rc < 0)
        return rc;
    n->seq++;
    return mr_secret_eq(sum, value + SUM_AT, 8)
               ? 0 : mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                             "Netlogon: a signature is wrong: the fragment was changed on its way");
}

/* ---- the class: tokens ---- */

static int set_key(mr_netlogon *n, const mr_netlogon_key *key, mr_error *err) {
    uint8_t other[MR_NETLOGON_KEY];
    int rc;

    n->key = *key;
    n->info.aes = key->aes;
    if (!key->aes)
        return 0;
    for (size_t i = 0; i < sizeof other; i++)
        other[i] = key->key[i] ^ 0xf0;
    rc = mr_aes_init(&n->seal, MR_AES_CFB8, mr_slice_of(other, sizeof other), err);
    mr_wipe(other, sizeof other);
    if (rc == 0)
        rc = mr_aes_init(&n->number, MR_AES_CFB8, mr_slice_of(n->key.key, MR_NETLOGON_KEY), err);
    return rc;
}

static void keep_name(mr_slice name, char out[16]) {
    out[0] = '\0';
    if (name.len >= 16)
        return;
    memcpy(out, name.len ? name.data : (const uint8_t *)"", name.len);
    out[name.len] = '\0';
}

/* A client's token, to an acceptor or an observer. */
static int take_request(mr_netlogon *n, const mr_nl_auth *m, mr_error *err) {
    mr_netlogon_key key = {0};
    int rc;

    n->begun = true;
    keep_name(m->domain, n->info.domain);
    keep_name(m->computer, n->info.computer);
    rc = n->find(n->user, m->domain, m->computer, &key, err);
    if (rc == MR_ERR_NOT_FOUND)
        rc = broken(n, err, n->base.role == MR_SECURITY_ACCEPTOR ? MR_ERR_AUTH : rc,
                    "there is no session key of this computer");
    else if (rc == 0)
        rc = set_key(n, &key, err);
    mr_wipe(&key, sizeof key);
    return rc;
}

static int reply(mr_netlogon *n, const mr_nl_auth *m, mr_buf *out, mr_error *err) {
    int rc = mr_nl_auth_encode(m, out);

    return rc < 0 ? broken(n, err, rc, "no room for a token") : 0;
}

static int step(mr_security *sec, enum mr_dir dir, mr_slice token, mr_buf *out, mr_error *err) {
    mr_netlogon *n = (mr_netlogon *)sec;
    bool initiates = sec->role == MR_SECURITY_INITIATOR;
    mr_nl_auth m = {.domain = mr_slice_str(n->info.domain),
                    .computer = mr_slice_str(n->info.computer)};
    int rc;

    if (n->failed || n->info.complete)
        return broken(n, err, MR_ERR_PROTOCOL, "a token came after the exchange");
    if (initiates && !n->begun) {
        n->begun = true;
        rc = reply(n, &m, out, err);
        return rc < 0 ? rc : MR_SECURITY_CONTINUE;
    }
    rc = mr_nl_auth_decode(token, &m, err);
    if (rc < 0) {
        n->failed = true;
        return rc;
    }
    if (m.response != n->begun || (sec->role == MR_SECURITY_OBSERVER &&
                                   m.response != (dir == MR_DIR_TO_CLIENT)))
        return broken(n, err, MR_ERR_PROTOCOL, "a token came that was not due");
    if (!n->begun) {
        rc = take_request(n, &m, err);
        if (rc == 0 && sec->role == MR_SECURITY_OBSERVER)
            return MR_SECURITY_CONTINUE;
        if (rc == 0)
            rc = reply(n, &(mr_nl_auth){.response = true}, out, err);
    }
    n->failed = rc < 0;
    n->info.complete = rc == 0;
    return rc;
}

static const mr_security_class netlogon_class = {
    .name = "Netlogon",
    .auth_type = MR_AUTH_NETLOGON,
    .step = step,
    .sizes = sizes,
    .protect = protect,
    .unprotect = unprotect,
};

/* ---- its life ---- */

static int check_options(const mr_netlogon_options *o, mr_error *err) {
    const char *what = NULL;

    if (o->role != MR_SECURITY_INITIATOR)
        what = o->find ? NULL : "Netlogon's acceptor and observer need keys";
    else if (!o->domain || !o->computer || !*o->computer)
        what = "Netlogon needs the names of a domain and a computer";
    else if (strlen(o->domain) > 15 || strlen(o->computer) > 15)
        what = "Netlogon: a NetBIOS name has 15 octets at most";
    return what ? mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "%s", what) : 0;
}

int mr_netlogon_new(const mr_netlogon_options *options, mr_netlogon **netlogonp, mr_error *err) {
    int rc = check_options(options, err);
    mr_netlogon *n = rc < 0 ? NULL : calloc(1, sizeof *n);

    if (rc < 0)
        return rc;
    if (!n)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "no memory for a secure channel");
    n->base = (mr_security){&netlogon_class, options->role};
    memcpy(n->entropy, options->entropy, sizeof n->entropy);
    n->find = options->find;
    n->user = options->user;
    if (options->role == MR_SECURITY_INITIATOR) {
        keep_name(mr_slice_str(options->domain), n->info.domain);
        keep_name(mr_slice_str(options->computer), n->info.computer);
        rc = set_key(n, &options->key, err);
    }
    if (rc < 0) {
        mr_netlogon_free(n);
        return rc;
    }
    *netlogonp = n;
    return 0;
}

void mr_netlogon_free(mr_netlogon *n) {
    if (!n)
        return;
    mr_aes_deinit(&n->seal);
    mr_aes_deinit(&n->number);
    mr_wipe(n, sizeof *n);
    free(n);
}

mr_security *mr_netlogon_get_security(mr_netlogon *n) {
    return &n->base;
}

void mr_netlogon_get_info(const mr_netlogon *n, mr_netlogon_info *infop) {
    *infop = n->info;
}
