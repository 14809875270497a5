/* Slices: comparison without case, and the one reader of numbers in text. */
#include <msrpc/base/result.h>
#include <msrpc/base/slice.h>

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool mr_slice_eq_nocase(mr_slice a, mr_slice b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

bool mr_str_eq_nocase(const char *a, const char *b) {
    return mr_slice_eq_nocase(mr_slice_str(a), mr_slice_str(b));
}

int mr_hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int mr_slice_get_number(mr_slice s, uint64_t max, uint64_t *valuep) {
    uint64_t base = 10, value = 0;
    size_t i = 0;

    if (s.len > 2 && s.data[0] == '0' && lower(s.data[1]) == 'x') {
        base = 16;
        i = 2;
    }
    if (i == s.len)
        return MR_ERR_SYNTAX;
    for (; i < s.len; i++) {
        uint64_t d = (uint64_t)mr_hex_digit(s.data[i]); /* none: the largest */
        if (d >= base || value > (UINT64_MAX - d) / base)
            return MR_ERR_SYNTAX;
        value = value * base + d;
    }
    if (value > max)
        return MR_ERR_SYNTAX;
    *valuep = value;
    return 0;
}
