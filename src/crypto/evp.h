/*
 * libcrypto, loaded when the first object is made: linked to the program it would be half of what
 * starting it costs, also where nobody logs on. The table is written once, before the first call
 * that finds it, and never again; the library stays loaded.
 */
#ifndef MR_CRYPTO_EVP_H
#define MR_CRYPTO_EVP_H

#include <openssl/err.h>
#include <openssl/evp.h>

#include <msrpc/crypto.h>

/* What is called, by the names of <openssl/evp.h> and <openssl/err.h>: F(prefix, the rest). */
#define EVP_FUNCTIONS(F)            \
    F(EVP_, CIPHER_CTX_free)        \
    F(EVP_, CIPHER_CTX_new)         \
    F(EVP_, CIPHER_CTX_set_padding) \
    F(EVP_, CIPHER_fetch)           \
    F(EVP_, CIPHER_free)            \
    F(EVP_, CipherInit_ex2)         \
    F(EVP_, CipherUpdate)           \
    F(EVP_, DecryptInit_ex2)        \
    F(EVP_, DigestFinal_ex)         \
    F(EVP_, DigestInit_ex2)         \
    F(EVP_, DigestUpdate)           \
    F(EVP_, EncryptInit_ex2)        \
    F(EVP_, EncryptUpdate)          \
    F(EVP_, MD_CTX_free)            \
    F(EVP_, MD_CTX_new)             \
    F(EVP_, MD_fetch)               \
    F(EVP_, MD_free)                \
    F(ERR_, clear_error)

typedef struct mr_evp_functions {
#define F(prefix, name) typeof(&prefix##name) name;
    EVP_FUNCTIONS(F)
#undef F
} mr_evp_functions;

extern mr_evp_functions mr_evp;
static const mr_evp_functions *const evp = &mr_evp;

/* Loads the library unless that is done: 0, or MR_ERR_UNSUPPORTED where it is missing. Whoever
 * makes an object calls this first; an object that exists needs it no more. */
int mr_evp_load(mr_error *err);

/* The floor that speaks is who asked: nobody calls crypto but authentication. */
static inline int mr_evp_missing(mr_error *err, const char *name) {
    evp->clear_error();
    return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "the system's libcrypto offers no %s", name);
}
static inline int mr_evp_failed(mr_error *err, const char *name) {
    evp->clear_error();
    return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "libcrypto's %s failed", name);
}
static inline int mr_evp_argument(mr_error *err, const char *text) {
    return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "%s", text);
}

#endif
