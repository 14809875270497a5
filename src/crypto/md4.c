/* MD4 (RFC 1320), for NT hashes: the words of a block in three rounds of sixteen steps. */
#include <msrpc/crypto.h>

#define BLOCK 64

static uint32_t rotate(uint32_t v, unsigned n) {
    return v << n | v >> (32 - n);
}

static uint32_t load(const uint8_t *p) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void store(uint8_t *p, uint32_t v) {
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static void add_block(uint32_t state[4], const uint8_t *in) {
    static const uint8_t order[3][16] = { /* which word comes when, 3.4 */
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
        {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15},
        {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15}};
    static const uint8_t shift[3][4] = {{3, 7, 11, 19}, {3, 5, 9, 13}, {3, 9, 11, 15}};
    static const uint32_t constant[3] = {0, 0x5a827999, 0x6ed9eba1};
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];

    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < 16; i++) {
            uint32_t f = round == 0   ? (b & c) | (~b & d)
                         : round == 1 ? (b & c) | (b & d) | (c & d)
                                      : b ^ c ^ d;
            uint32_t sum = a + f + load(in + 4 * order[round][i]) + constant[round];
            a = d;
            d = c;
            c = b;
            b = rotate(sum, shift[round][i % 4]);
        }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

void mr_md4(mr_slice in, uint8_t out[MR_MD4_SIZE]) {
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    uint8_t last[2 * BLOCK] = {0};
    size_t whole = in.len - in.len % BLOCK, rest = in.len - whole;
    size_t padded = rest < BLOCK - 8 ? BLOCK : 2 * BLOCK;

    for (size_t at = 0; at < whole; at += BLOCK)
        add_block(state, in.data + at);
    if (rest > 0)
        memcpy(last, in.data + whole, rest);
    last[rest] = 0x80;
    store(last + padded - 8, (uint32_t)(in.len << 3));
    store(last + padded - 4, (uint32_t)((uint64_t)in.len >> 29));
    for (size_t at = 0; at < padded; at += BLOCK)
        add_block(state, last + at);
    for (unsigned i = 0; i < 4; i++)
        store(out + 4 * i, state[i]);
    mr_wipe(last, sizeof last);
    mr_wipe(state, sizeof state);
}
