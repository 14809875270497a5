/* Digests and HMAC (RFC 2104) over libcrypto. HMAC is composed here from the digest: EVP_MAC costs
 * several allocations for each message, this none. */
#include "evp.h"

typedef struct hash_row {
    const char *name;
    uint8_t size, block;
} hash_row;

static const hash_row rows[] = {
    [MR_HASH_MD5] = {"MD5", 16, 64},
    [MR_HASH_SHA1] = {"SHA1", 20, 64},
    [MR_HASH_SHA256] = {"SHA2-256", 32, 64},
    [MR_HASH_SHA384] = {"SHA2-384", 48, 128},
};

size_t mr_hash_size(enum mr_hash hash) {
    return rows[hash].size;
}

int mr_digest_init(mr_digest *d, enum mr_hash hash, mr_error *err) {
    int rc = mr_evp_load(err);

    *d = (mr_digest){.hash = hash};
    if (rc < 0)
        return rc;
    d->md = evp->MD_fetch(NULL, rows[hash].name, NULL);
    if (!d->md)
        return mr_evp_missing(err, rows[hash].name);
    d->ctx = evp->MD_CTX_new();
    if (!d->ctx || evp->DigestInit_ex2(d->ctx, d->md, NULL) != 1) {
        mr_digest_deinit(d);
        return mr_evp_failed(err, rows[hash].name);
    }
    return 0;
}

void mr_digest_deinit(mr_digest *d) {
    if (!d->md)
        return;
    evp->MD_CTX_free(d->ctx);
    evp->MD_free(d->md);
    d->ctx = d->md = NULL;
}

/* The digest of @first and @parts. */
static int run(mr_digest *d, mr_slice first, const mr_slice *parts, size_t count, uint8_t *out,
               mr_error *err) {
    int ok = evp->DigestInit_ex2(d->ctx, NULL, NULL);

    if (ok == 1 && first.len > 0)
        ok = evp->DigestUpdate(d->ctx, first.data, first.len);
    for (size_t i = 0; ok == 1 && i < count; i++)
        if (parts[i].len > 0)
            ok = evp->DigestUpdate(d->ctx, parts[i].data, parts[i].len);
    if (ok == 1)
        ok = evp->DigestFinal_ex(d->ctx, out, NULL);
    return ok == 1 ? 0 : mr_evp_failed(err, rows[d->hash].name);
}

int mr_digest_get(mr_digest *d, const mr_slice *parts, size_t count, uint8_t *out,
                  mr_error *err) {
    return run(d, MR_SLICE_NULL, parts, count, out, err);
}

int mr_hmac_init(mr_hmac *h, enum mr_hash hash, mr_slice key, mr_error *err) {
    memset(h, 0, sizeof *h);
    int rc = mr_digest_init(&h->digest, hash, err);
    return rc < 0 ? rc : mr_hmac_set_key(h, key, err);
}

void mr_hmac_deinit(mr_hmac *h) {
    mr_digest_deinit(&h->digest);
    mr_wipe(h, sizeof *h);
}

int mr_hmac_set_key(mr_hmac *h, mr_slice key, mr_error *err) {
    const hash_row *row = &rows[h->digest.hash];
    uint8_t block[MR_HASH_BLOCK_MAX] = {0};
    int rc = 0;

    if (key.len > row->block)
        rc = mr_digest_get(&h->digest, &key, 1, block, err);
    else if (key.len > 0)
        memcpy(block, key.data, key.len);
    for (size_t i = 0; i < row->block; i++) {
        h->inner[i] = block[i] ^ 0x36;
        h->outer[i] = block[i] ^ 0x5c;
    }
    mr_wipe(block, sizeof block);
    return rc;
}

int mr_hmac_get(mr_hmac *h, const mr_slice *parts, size_t count, uint8_t *out, mr_error *err) {
    const hash_row *row = &rows[h->digest.hash];
    uint8_t inner[MR_HASH_MAX];
    mr_slice part = {inner, row->size};
    int rc = run(&h->digest, mr_slice_of(h->inner, row->block), parts, count, inner, err);

    if (rc == 0)
        rc = run(&h->digest, mr_slice_of(h->outer, row->block), &part, 1, out, err);
    return rc;
}

int mr_hash_once(enum mr_hash hash, const mr_slice *parts, size_t count, uint8_t *out,
                 mr_error *err) {
    mr_digest d;
    int rc = mr_digest_init(&d, hash, err);

    if (rc == 0)
        rc = mr_digest_get(&d, parts, count, out, err);
    mr_digest_deinit(&d);
    return rc;
}

int mr_hmac_once(enum mr_hash hash, mr_slice key, const mr_slice *parts, size_t count,
                 uint8_t *out, mr_error *err) {
    mr_hmac h;
    int rc = mr_hmac_init(&h, hash, key, err);

    if (rc == 0)
        rc = mr_hmac_get(&h, parts, count, out, err);
    mr_hmac_deinit(&h);
    return rc;
}
