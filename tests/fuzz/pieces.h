/* An input as pieces: what one is (an octet), how long (two, big-endian), and that many octets,
 * which lie in memory of their own, so that a step beyond them is seen. */
#ifndef PIECES_H
#define PIECES_H

#include <stdlib.h>
#include <string.h>

#include <msrpc/base.h>

struct piece {
    uint8_t what;
    uint8_t *octets;
    size_t len;
};

/* The next one, whose octets are the caller's to free; false: there is none. */
static inline bool take_piece(mr_cursor *c, struct piece *p) {
    c->big = true;
    if (mr_cursor_left(c) < 3)
        return false;
    p->what = mr_cursor_read_u8(c);
    size_t n = mr_cursor_read_u16(c);
    mr_slice octets = mr_cursor_read(c, n < mr_cursor_left(c) ? n : mr_cursor_left(c));
    p->len = octets.len;
    p->octets = malloc(octets.len ? octets.len : 1);
    if (!p->octets)
        return false;
    if (octets.len > 0)
        memcpy(p->octets, octets.data, octets.len);
    return true;
}

#endif
