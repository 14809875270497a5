/* Secrets: wiping, and comparing without telling where. */
#include <msrpc/crypto.h>

void mr_wipe(void *data, size_t n) {
    if (n > 0)
        explicit_bzero(data, n);
}

bool mr_secret_eq(const void *a, const void *b, size_t n) {
    const volatile uint8_t *p = a, *q = b;
    uint8_t differ = 0;

    for (size_t i = 0; i < n; i++)
        differ |= p[i] ^ q[i];
    return differ == 0;
}
