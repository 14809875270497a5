/* One block of DES. libcrypto keeps single DES in a provider that is not loaded by itself, but
 * triple DES under three equal keys is DES. */
#include "evp.h"

/* 56 bits of key spread over eight octets, whose lowest bits (parity) nobody looks at. */
static void spread(const uint8_t key[7], uint8_t out[8]) {
    uint64_t bits = 0;

    for (unsigned i = 0; i < 7; i++)
        bits = bits << 8 | key[i];
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)((bits >> (49 - 7 * i) & 0x7f) << 1);
}

int mr_des_block(const uint8_t key[7], const uint8_t in[8], uint8_t out[8], mr_error *err) {
    uint8_t keys[24];
    int n = 0, rc = mr_evp_load(err);

    if (rc < 0)
        return rc;
    EVP_CIPHER *cipher = evp->CIPHER_fetch(NULL, "DES-EDE3-ECB", NULL);
    EVP_CIPHER_CTX *ctx = evp->CIPHER_CTX_new();
    spread(key, keys);
    memcpy(keys + 8, keys, 8);
    memcpy(keys + 16, keys, 8);
    if (!cipher)
        rc = mr_evp_missing(err, "DES");
    else if (!ctx || evp->EncryptInit_ex2(ctx, cipher, keys, NULL, NULL) != 1 ||
             evp->CIPHER_CTX_set_padding(ctx, 0) != 1 ||
             evp->EncryptUpdate(ctx, out, &n, in, 8) != 1 || n != 8)
        rc = mr_evp_failed(err, "DES");
    mr_wipe(keys, sizeof keys);
    evp->CIPHER_CTX_free(ctx);
    evp->CIPHER_free(cipher);
    return rc;
}
