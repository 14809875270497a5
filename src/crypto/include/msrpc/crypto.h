/*
 * The floor `crypto`: what authentication needs of cryptography. MD4 and RC4 are our own, since
 * OpenSSL 3 has retired them; everything else is libcrypto's behind a face that shows none of its
 * types and loads it when the first object is made. Algorithms are fetched when an object is
 * initialised, never per message. Nothing here keeps state outside of the caller's objects; those
 * that hold keys are wiped by their deinit. All lengths are octets. What can fail returns 0,
 * MR_ERR_MEMORY, MR_ERR_ARGUMENT (a key of an impossible length), MR_ERR_MISSING (this system has
 * no libcrypto) or MR_ERR_UNSUPPORTED (it has one without that algorithm, as in FIPS mode). Objects
 * whose init failed, and zeroed ones, may be deinitialised.
 */
#ifndef MSRPC_CRYPTO_H
#define MSRPC_CRYPTO_H

#include <msrpc/base.h>

/* ---- secrets ---- */

/* Overwrites @n octets in a way no compiler leaves out. */
void mr_wipe(void *data, size_t n);
/* Whether @n octets are equal, in a time that does not depend on where they differ. */
bool mr_secret_eq(const void *a, const void *b, size_t n);

/* ---- our own ---- */

#define MR_MD4_SIZE 16

/* MD4 (RFC 1320) of @in. */
void mr_md4(mr_slice in, uint8_t out[MR_MD4_SIZE]);

typedef struct mr_rc4 {
    uint32_t s[256];
    uint32_t x, y;
} mr_rc4;

/* Begins RC4 with a key of 1 to 256 octets (RFC 6229 has its vectors). */
void mr_rc4_init(mr_rc4 *rc4, mr_slice key);
/* Writes @n octets of @in, combined with the next ones of the key stream, to @out, which may be
 * @in itself. */
void mr_rc4_crypt(mr_rc4 *rc4, const uint8_t *in, uint8_t *out, size_t n);

/* CRC-32 (ISO 3309, as in Ethernet) of what @crc is the CRC of, followed by @in; begin with 0. */
uint32_t mr_crc32(uint32_t crc, mr_slice in);

/* ---- digests ---- */

enum mr_hash {
    MR_HASH_MD5,
    MR_HASH_SHA1,
    MR_HASH_SHA256,
    MR_HASH_SHA384,
};

#define MR_HASH_MAX 48       /* octets of the largest digest */
#define MR_HASH_BLOCK_MAX 128

/* Octets of a digest. */
size_t mr_hash_size(enum mr_hash hash);

/* A digest that is computed again and again. */
typedef struct mr_digest {
    void *ctx; /* libcrypto's */
    void *md;
    enum mr_hash hash;
} mr_digest;

int mr_digest_init(mr_digest *d, enum mr_hash hash, mr_error *err);
void mr_digest_deinit(mr_digest *d);
/* The digest of @count slices, one after the other, into @out (mr_hash_size octets). */
int mr_digest_get(mr_digest *d, const mr_slice *parts, size_t count, uint8_t *out, mr_error *err);

/* HMAC (RFC 2104) under one key, computed again and again. */
typedef struct mr_hmac {
    mr_digest digest;
    uint8_t inner[MR_HASH_BLOCK_MAX]; /* the key combined with ipad, and with opad */
    uint8_t outer[MR_HASH_BLOCK_MAX];
} mr_hmac;

int mr_hmac_init(mr_hmac *h, enum mr_hash hash, mr_slice key, mr_error *err);
void mr_hmac_deinit(mr_hmac *h);
/* Another key from now on. */
int mr_hmac_set_key(mr_hmac *h, mr_slice key, mr_error *err);
int mr_hmac_get(mr_hmac *h, const mr_slice *parts, size_t count, uint8_t *out, mr_error *err);

/* The same for once. */
int mr_hash_once(enum mr_hash hash, const mr_slice *parts, size_t count, uint8_t *out,
                 mr_error *err);
int mr_hmac_once(enum mr_hash hash, mr_slice key, const mr_slice *parts, size_t count,
                 uint8_t *out, mr_error *err);

/* ---- ciphers ---- */

/* One block of DES (FIPS 46-3) in ECB under a key of 7 octets, as NTLM and LM spread it over
 * eight (MS-NLMP 6, "DES"). */
int mr_des_block(const uint8_t key[7], const uint8_t in[8], uint8_t out[8], mr_error *err);

enum mr_aes_mode {
    MR_AES_ECB,  /* whole blocks; the initial vector is not looked at */
    MR_AES_CBC,  /* whole blocks */
    MR_AES_CTS,  /* at least one block; CBC-CS3 as Kerberos has it (RFC 3962 5) */
    MR_AES_CFB8, /* any length (MS-NRPC 3.1.4.4.1) */
};

#define MR_AES_BLOCK 16

/* AES under one key of 16 or 32 octets. */
typedef struct mr_aes {
    void *encrypt; /* libcrypto's */
    void *decrypt;
    void *cipher;
    enum mr_aes_mode mode;
} mr_aes;

int mr_aes_init(mr_aes *aes, enum mr_aes_mode mode, mr_slice key, mr_error *err);
void mr_aes_deinit(mr_aes *aes);
/* @n octets from @in to @out, which may be @in itself, beginning with the initial vector @iv (NULL:
 * zeros). Each call is a message of its own. MR_ERR_ARGUMENT: @n does not fit the mode. */
int mr_aes_encrypt(mr_aes *aes, const uint8_t iv[MR_AES_BLOCK], const uint8_t *in, uint8_t *out,
                   size_t n, mr_error *err);
int mr_aes_decrypt(mr_aes *aes, const uint8_t iv[MR_AES_BLOCK], const uint8_t *in, uint8_t *out,
                   size_t n, mr_error *err);

#endif
