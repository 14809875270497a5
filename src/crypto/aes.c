/*
 * AES (FIPS 197) over libcrypto. CTS is composed here from CBC (RFC 3962 5, RFC 2040 8): CBC over
 * the message padded with zeros, then the last two blocks change places and the end is cut off.
 */
#include "evp.h"

static const char *const names[][2] = {
    [MR_AES_ECB] = {"AES-128-ECB", "AES-256-ECB"},
    [MR_AES_CBC] = {"AES-128-CBC", "AES-256-CBC"},
    [MR_AES_CTS] = {"AES-128-CBC", "AES-256-CBC"},
    [MR_AES_CFB8] = {"AES-128-CFB8", "AES-256-CFB8"},
};

static const uint8_t zero_iv[MR_AES_BLOCK];

int mr_aes_init(mr_aes *aes, enum mr_aes_mode mode, mr_slice key, mr_error *err) {
    memset(aes, 0, sizeof *aes);
    aes->mode = mode;
    if (key.len != 16 && key.len != 32)
        return mr_evp_argument(err, "an AES key has 16 or 32 octets");
    int rc = mr_evp_load(err);
    if (rc < 0)
        return rc;
    const char *name = names[mode][key.len == 32];
    aes->cipher = evp->CIPHER_fetch(NULL, name, NULL);
    if (!aes->cipher)
        return mr_evp_missing(err, name);
    aes->encrypt = evp->CIPHER_CTX_new();
    aes->decrypt = evp->CIPHER_CTX_new();
    if (!aes->encrypt || !aes->decrypt ||
        evp->EncryptInit_ex2(aes->encrypt, aes->cipher, key.data, zero_iv, NULL) != 1 ||
        evp->DecryptInit_ex2(aes->decrypt, aes->cipher, key.data, zero_iv, NULL) != 1 ||
        evp->CIPHER_CTX_set_padding(aes->encrypt, 0) != 1 ||
        evp->CIPHER_CTX_set_padding(aes->decrypt, 0) != 1) {
        mr_aes_deinit(aes);
        return mr_evp_failed(err, name);
    }
    return 0;
}

void mr_aes_deinit(mr_aes *aes) {
    if (!aes->cipher)
        return;
    evp->CIPHER_CTX_free(aes->encrypt);
    evp->CIPHER_CTX_free(aes->decrypt);
    evp->CIPHER_free(aes->cipher);
    memset(aes, 0, sizeof *aes);
}

static int begin(EVP_CIPHER_CTX *ctx, const uint8_t *iv, mr_error *err) {
    if (evp->CipherInit_ex2(ctx, NULL, NULL, iv ? iv : zero_iv, -1, NULL) != 1)
        return mr_evp_failed(err, "AES");
    return 0;
}

/* The cipher over @n octets, in pieces that an int counts. */
static int run(EVP_CIPHER_CTX *ctx, const uint8_t *in, uint8_t *out, size_t n, mr_error *err) {
    while (n > 0) {
        int piece = n < (1 << 30) ? (int)n : 1 << 30, done = 0;
        if (evp->CipherUpdate(ctx, out, &done, in, piece) != 1 || done != piece)
            return mr_evp_failed(err, "AES");
        in += piece;
        out += piece;
        n -= (size_t)piece;
    }
    return 0;
}

static int check_length(enum mr_aes_mode mode, size_t n, mr_error *err) {
    switch (mode) {
    case MR_AES_ECB:
    case MR_AES_CBC:
        if (n % MR_AES_BLOCK != 0)
            return mr_evp_argument(err, "this mode of AES takes whole blocks");
        break;
    case MR_AES_CTS:
        if (n < MR_AES_BLOCK)
            return mr_evp_argument(err, "this mode of AES takes at least one block");
        break;
    case MR_AES_CFB8:
        break;
    }
    return 0;
}

/* Octets before the last two blocks, the second of which may be short. */
static size_t before_last_two(size_t n) {
    return (n - 1) / MR_AES_BLOCK * MR_AES_BLOCK - MR_AES_BLOCK;
}

static int encrypt_cts(EVP_CIPHER_CTX *ctx, const uint8_t *in, uint8_t *out, size_t n,
                       mr_error *err) {
    size_t at = before_last_two(n), tail = n - at - MR_AES_BLOCK;
    uint8_t last[2 * MR_AES_BLOCK] = {0};
    int rc = run(ctx, in, out, at, err);

    if (rc < 0)
        return rc;
    memcpy(last, in + at, n - at);
    rc = run(ctx, last, last, sizeof last, err);
    if (rc == 0) {
        memcpy(out + at, last + MR_AES_BLOCK, MR_AES_BLOCK);
        memcpy(out + at + MR_AES_BLOCK, last, tail);
    }
    mr_wipe(last, sizeof last);
    return rc;
}

/* The block before the last two is the vector that the first of them was combined with: CBC goes on
 * over (first, second) in their old order once the cut end of the second is known, which is what
 * decrypting the swapped block gives under a vector of zeros. */
static int decrypt_cts(EVP_CIPHER_CTX *ctx, const uint8_t *iv, const uint8_t *in, uint8_t *out,
                       size_t n, mr_error *err) {
    size_t at = before_last_two(n), tail = n - at - MR_AES_BLOCK;
    uint8_t last[2 * MR_AES_BLOCK], plain[MR_AES_BLOCK], before[MR_AES_BLOCK];
    int rc;

    memcpy(before, at > 0 ? in + at - MR_AES_BLOCK : iv ? iv : zero_iv, sizeof before);
    memcpy(last + MR_AES_BLOCK, in + at, MR_AES_BLOCK);
    memcpy(last, in + at + MR_AES_BLOCK, tail);
    rc = run(ctx, in, out, at, err);
    if (rc == 0)
        rc = begin(ctx, zero_iv, err);
    if (rc == 0)
        rc = run(ctx, last + MR_AES_BLOCK, plain, MR_AES_BLOCK, err);
    if (rc == 0) {
        memcpy(last + tail, plain + tail, MR_AES_BLOCK - tail);
        rc = begin(ctx, before, err);
    }
    if (rc == 0)
        rc = run(ctx, last, last, sizeof last, err);
    if (rc == 0)
        memcpy(out + at, last, n - at);
    mr_wipe(last, sizeof last);
    mr_wipe(plain, sizeof plain);
    return rc;
}

int mr_aes_encrypt(mr_aes *aes, const uint8_t iv[MR_AES_BLOCK], const uint8_t *in, uint8_t *out,
                   size_t n, mr_error *err) {
    int rc = check_length(aes->mode, n, err);

    if (rc == 0)
        rc = begin(aes->encrypt, iv, err);
    if (rc < 0)
        return rc;
    if (aes->mode == MR_AES_CTS && n > MR_AES_BLOCK)
        return encrypt_cts(aes->encrypt, in, out, n, err);
    return run(aes->encrypt, in, out, n, err);
}

int mr_aes_decrypt(mr_aes *aes, const uint8_t iv[MR_AES_BLOCK], const uint8_t *in, uint8_t *out,
                   size_t n, mr_error *err) {
    int rc = check_length(aes->mode, n, err);

    if (rc == 0)
        rc = begin(aes->decrypt, iv, err);
    if (rc < 0)
        return rc;
    if (aes->mode == MR_AES_CTS && n > MR_AES_BLOCK)
        return decrypt_cts(aes->decrypt, iv, in, out, n, err);
    return run(aes->decrypt, in, out, n, err);
}
