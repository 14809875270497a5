/* RC4, as NTLM and the older encryption types of Kerberos have it (RFC 6229 has test vectors). The
 * state is of 32-bit words, which processors load and store faster than octets, and the key stream
 * is combined eight octets at a time. */
#include <msrpc/crypto.h>

void mr_rc4_init(mr_rc4 *rc4, mr_slice key) {
    uint32_t y = 0;

    for (uint32_t i = 0; i < 256; i++)
        rc4->s[i] = i;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t v = rc4->s[i];
        y = (y + v + key.data[i % key.len]) & 0xff;
        rc4->s[i] = rc4->s[y];
        rc4->s[y] = v;
    }
    rc4->x = rc4->y = 0;
}

/* The next octet of the key stream. */
static inline uint32_t next(uint32_t *s, uint32_t *x, uint32_t *y) {
    uint32_t a, b;

    *x = (*x + 1) & 0xff;
    a = s[*x];
    *y = (*y + a) & 0xff;
    b = s[*y];
    s[*y] = a;
    s[*x] = b;
    return s[(a + b) & 0xff];
}

void mr_rc4_crypt(mr_rc4 *rc4, const uint8_t *in, uint8_t *out, size_t n) {
    uint32_t *s = rc4->s, x = rc4->x, y = rc4->y;

    for (; n >= 8; n -= 8, in += 8, out += 8) {
        uint64_t v, k = 0;
        for (unsigned i = 0; i < 8; i++)
            k |= (uint64_t)next(s, &x, &y) << 8 * i;
        if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
            k = __builtin_bswap64(k);
        memcpy(&v, in, 8);
        v ^= k;
        memcpy(out, &v, 8);
    }
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(in[i] ^ next(s, &x, &y));
    rc4->x = x;
    rc4->y = y;
}
