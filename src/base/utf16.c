/* UTF-16 and UTF-8 (RFC 3629, Unicode 3.9): strict both ways, and exact about what was not. */
#include <msrpc/base/result.h>
#include <msrpc/base/utf16.h>

/* The code point at @i, and how many units it takes; an unpaired surrogate gives UINT32_MAX. */
static uint32_t point_at(const uint16_t *s, size_t count, size_t i, size_t *unitsp) {
    uint32_t u = s[i];

    *unitsp = 1;
    if (u < 0xd800 || u > 0xdfff)
        return u;
    if (u > 0xdbff || i + 1 == count || s[i + 1] < 0xdc00 || s[i + 1] > 0xdfff)
        return UINT32_MAX;
    *unitsp = 2;
    return 0x10000 + ((u - 0xd800) << 10) + (s[i + 1] - 0xdc00u);
}

static void write_point(mr_buf *out, uint32_t p) {
    uint8_t o[4];
    size_t n;

    if (p < 0x80) {
        o[0] = (uint8_t)p;
        n = 1;
    } else if (p < 0x800) {
        o[0] = (uint8_t)(0xc0 | p >> 6);
        n = 2;
    } else if (p < 0x10000) {
        o[0] = (uint8_t)(0xe0 | p >> 12);
        n = 3;
    } else {
        o[0] = (uint8_t)(0xf0 | p >> 18);
        n = 4;
    }
    for (size_t i = 1; i < n; i++)
        o[i] = (uint8_t)(0x80 | (p >> (6 * (n - 1 - i)) & 0x3f));
    mr_buf_write(out, mr_slice_of(o, n));
}

size_t mr_utf16_decode(const uint16_t *s, size_t count, mr_buf *utf8) {
    size_t bad = 0, units;

    for (size_t i = 0; i < count; i += units) {
        uint32_t p = point_at(s, count, i, &units);
        if (p == UINT32_MAX) {
            bad++;
            p = 0xfffd;
        }
        write_point(utf8, p);
    }
    return bad;
}

size_t mr_utf16le_decode(mr_slice octets, mr_buf *utf8) {
    size_t bad = 0, units;

    for (size_t i = 0; i + 1 < octets.len; i += 2 * units) {
        const uint8_t *p = octets.data + i;
        uint16_t pair[2] = {(uint16_t)(p[0] | p[1] << 8), 0};
        size_t have = 1;
        if (i + 3 < octets.len) {
            pair[1] = (uint16_t)(p[2] | p[3] << 8);
            have = 2;
        }
        uint32_t point = point_at(pair, have, 0, &units);
        if (point == UINT32_MAX) {
            bad++;
            point = 0xfffd;
        }
        write_point(utf8, point);
    }
    return bad;
}

bool mr_utf16_ok(const uint16_t *s, size_t count) {
    size_t units;
    for (size_t i = 0; i < count; i += units)
        if (point_at(s, count, i, &units) == UINT32_MAX)
            return false;
    return true;
}

/* Length of the well-formed sequence at the start of @s and its code point; 0 when ill-formed. */
static size_t utf8_point(mr_slice s, uint32_t *pointp) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t c = s.data[0];
    size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3
               : c >= 0xf0 && c < 0xf5 ? 4 : 0;
    if (n == 0 || n > s.len)
        return 0;
    uint32_t p = n == 1 ? c : c & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s.data[i] & 0xc0) != 0x80)
            return 0;
        p = p << 6 | (s.data[i] & 0x3f);
    }
    if (p < least[n] || p > 0x10ffff || (p >= 0xd800 && p <= 0xdfff))
        return 0;
    *pointp = p;
    return n;
}

size_t mr_utf8_ok_len(mr_slice s) {
    size_t i = 0, n;
    uint32_t p;

    while (i < s.len) {
        n = utf8_point(mr_slice_sub(s, i, s.len), &p);
        if (n == 0)
            break;
        i += n;
    }
    return i;
}

int mr_utf16_encode(mr_slice utf8, mr_arena *arena, uint16_t **unitsp, size_t *countp) {
    /* never more units than octets */
    uint16_t *out = utf8.len == SIZE_MAX ? NULL : mr_arena_get(arena, utf8.len + 1, sizeof *out);
    size_t count = 0;

    if (!out)
        return MR_ERR_MEMORY;
    for (size_t i = 0; i < utf8.len;) {
        uint32_t p;
        size_t n = utf8_point(mr_slice_sub(utf8, i, utf8.len), &p);
        if (n == 0)
            return MR_ERR_SYNTAX;
        i += n;
        if (p < 0x10000) {
            out[count++] = (uint16_t)p;
        } else {
            out[count++] = (uint16_t)(0xd800 + ((p - 0x10000) >> 10));
            out[count++] = (uint16_t)(0xdc00 + ((p - 0x10000) & 0x3ff));
        }
    }
    *unitsp = out;
    *countp = count;
    return 0;
}
