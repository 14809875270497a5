/* Sets of ports: one bit each, so that any list of ranges costs 8 KiB and is walked in order. */
#include "port_private.h"

void mr_port_set_add(mr_port_set *set, uint16_t first, uint16_t last) {
    for (uint32_t port = first; port <= last; port++)
        set->bits[port / 64] |= (uint64_t)1 << port % 64;
}

size_t mr_port_set_count(const mr_port_set *set) {
    size_t n = 0;

    for (size_t i = 0; i < MR_PORT_SET_WORDS; i++)
        n += (size_t)__builtin_popcountll(set->bits[i]);
    return n;
}

int mr_port_set_next(const mr_port_set *set, uint32_t from) {
    for (uint32_t i = from / 64; i < MR_PORT_SET_WORDS; i++) {
        uint64_t word = set->bits[i];
        if (i == from / 64)
            word &= ~(uint64_t)0 << from % 64;
        if (word)
            return (int)(i * 64 + (uint32_t)__builtin_ctzll(word));
    }
    return -1;
}

/* One decimal port without the blanks around it. */
static bool read_port(mr_slice s, uint16_t *portp) {
    uint64_t v;

    while (s.len && s.data[0] == ' ')
        s = mr_slice_sub(s, 1, s.len - 1);
    while (s.len && s.data[s.len - 1] == ' ')
        s.len--;
    if (mr_slice_get_number(s, 65535, &v) != 0 || v == 0)
        return false;
    *portp = (uint16_t)v;
    return true;
}

static size_t find(mr_slice s, uint8_t c) {
    size_t i = 0;

    while (i < s.len && s.data[i] != c)
        i++;
    return i;
}

int mr_port_set_decode(mr_slice text, mr_port_set *setp, mr_error *err) {
    mr_port_set set = {0};
    mr_slice rest = text;

    for (;;) {
        mr_slice item = mr_slice_sub(rest, 0, find(rest, ','));
        size_t dash = find(item, '-');
        uint16_t first = 0, last;
        bool ok = read_port(mr_slice_sub(item, 0, dash), &first);
        last = first;
        if (dash < item.len)
            ok = ok && read_port(mr_slice_sub(item, dash + 1, item.len), &last) && last >= first;
        if (!ok)
            return mr_fail(err, MR_ERR_SYNTAX, MR_FLOOR_PROBE, (size_t)(rest.data - text.data),
                           "\"%.*s\" is no port from 1 to 65535 and no range of them",
                           (int)(item.len < 40 ? item.len : 40), (const char *)item.data);
        mr_port_set_add(&set, first, last);
        if (item.len == rest.len)
            break;
        rest = mr_slice_sub(rest, item.len + 1, rest.len);
    }
    *setp = set;
    return 0;
}
