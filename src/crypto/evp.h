/* How failures of libcrypto become ours. */
#ifndef MR_CRYPTO_EVP_H
#define MR_CRYPTO_EVP_H

#include <openssl/err.h>
#include <openssl/evp.h>

#include <msrpc/crypto.h>

/* The floor that speaks is who asked: nobody calls crypto but authentication. */
static inline int mr_evp_missing(mr_error *err, const char *name) {
    ERR_clear_error();
    return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "the system's libcrypto offers no %s", name);
}
static inline int mr_evp_failed(mr_error *err, const char *name) {
    ERR_clear_error();
    return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "libcrypto's %s failed", name);
}
static inline int mr_evp_argument(mr_error *err, const char *text) {
    return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "%s", text);
}

#endif
