/*
 * BER elements over sticky cursors (X.690 8.1). Invariant: a window handed out never reaches past
 * the element's own length, and no length is believed before the octets are there.
 */
#include <msrpc/wire/ber.h>

/* Tag and length of the next element. False when there is no whole header, or one of a form that
 * is not read here: then *@morep tells which. */
static bool read_header(mr_cursor *c, uint8_t *tagp, uint64_t *lenp, bool *morep) {
    uint8_t tag = mr_cursor_read_u8(c), first = mr_cursor_read_u8(c);
    uint64_t len = first;

    *morep = !mr_cursor_ok(c);
    if (*morep || (tag & 0x1f) == 0x1f)
        return false;
    if (first & 0x80) {
        unsigned n = first & 0x7f;
        if (n == 0 || n > 4)
            return false;
        len = 0;
        while (n-- > 0)
            len = len << 8 | mr_cursor_read_u8(c);
        *morep = !mr_cursor_ok(c);
    }
    *tagp = tag;
    *lenp = len;
    return !*morep;
}

uint8_t mr_ber_peek(const mr_cursor *c) {
    return mr_cursor_left(c) ? c->base[c->pos] : 0;
}

static mr_cursor read_any(mr_cursor *c, uint8_t *tagp) {
    size_t at = c->pos;
    uint64_t len = 0;
    bool more;

    *tagp = 0;
    if (!read_header(c, tagp, &len, &more) || len > mr_cursor_left(c)) {
        if (!c->bad)
            c->pos = at;
        mr_cursor_poison(c);
        return *c;
    }
    return mr_cursor_window(c, (size_t)len);
}

mr_cursor mr_ber_read(mr_cursor *c, uint8_t tag) {
    uint8_t found;

    if (mr_ber_peek(c) != tag) {
        mr_cursor_poison(c);
        return *c;
    }
    return read_any(c, &found);
}

void mr_ber_skip(mr_cursor *c) {
    uint8_t tag;

    (void)read_any(c, &tag);
}

mr_slice mr_ber_read_octets(mr_cursor *c, uint8_t tag) {
    mr_cursor body = mr_ber_read(c, tag);

    return mr_cursor_read(&body, mr_cursor_left(&body));
}

int64_t mr_ber_read_int(mr_cursor *c, uint8_t tag) {
    mr_slice s = mr_ber_read_octets(c, tag);

    if (s.len == 0 || s.len > 8) {
        mr_cursor_poison(c);
        return 0;
    }
    uint64_t v = s.data[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < s.len; i++)
        v = v << 8 | s.data[i];
    return (int64_t)v;
}

static unsigned digits(mr_cursor *c, unsigned n) {
    unsigned v = 0;

    while (n-- > 0) {
        uint8_t d = mr_cursor_read_u8(c);
        if (d < '0' || d > '9') {
            mr_cursor_poison(c);
            return 0;
        }
        v = v * 10 + (d - '0');
    }
    return v;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar: the year is taken to begin in March,
 * so that the leap day is its last. */
static int64_t days_of(unsigned year, unsigned month, unsigned day) {
    int64_t y = (int64_t)year - (month <= 2);
    int64_t m = month > 2 ? month - 3 : month + 9;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

int64_t mr_ber_read_time(mr_cursor *c, uint8_t tag) {
    mr_cursor t = mr_cursor_of(mr_ber_read_octets(c, tag));
    unsigned year = digits(&t, tag == MR_BER_UTC_TIME ? 2 : 4);

    if (tag == MR_BER_UTC_TIME)
        year += year < 50 ? 2000 : 1900;
    unsigned month = digits(&t, 2), day = digits(&t, 2);
    unsigned hour = digits(&t, 2), minute = digits(&t, 2), second = digits(&t, 2);
    if (!mr_cursor_ok(&t) || month < 1 || month > 12 ||
        (tag != MR_BER_UTC_TIME && tag != MR_BER_GENERALIZED_TIME)) {
        mr_cursor_poison(c);
        return 0;
    }
    return days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}

int mr_ber_get_size(mr_slice bytes, size_t *lenp) {
    mr_cursor c = mr_cursor_of(bytes);
    uint8_t tag;
    uint64_t len;
    bool more;

    if (!read_header(&c, &tag, &len, &more))
        return more ? 1 : MR_ERR_MALFORMED;
    *lenp = c.pos + (size_t)len;
    return 0;
}

size_t mr_ber_open(mr_buf *buf, uint8_t tag) {
    mr_buf_write_u8(buf, tag);
    mr_buf_write_u8(buf, 0);
    return buf->len;
}

void mr_ber_close(mr_buf *buf, size_t place) {
    if (mr_buf_error(buf))
        return;
    size_t len = buf->len - place;
    unsigned extra = len < 0x80 ? 0 : len < 0x100 ? 1 : len < 0x10000 ? 2 : 3;
    if (extra == 0) {
        buf->data[place - 1] = (uint8_t)len;
        return;
    }
    if (!mr_buf_add(buf, extra))
        return;
    memmove(buf->data + place + extra, buf->data + place, len);
    buf->data[place - 1] = (uint8_t)(0x80 | extra);
    for (unsigned i = 0; i < extra; i++)
        buf->data[place + i] = (uint8_t)(len >> 8 * (extra - 1 - i));
}

void mr_ber_write(mr_buf *buf, uint8_t tag, mr_slice contents) {
    size_t place = mr_ber_open(buf, tag);

    mr_buf_write(buf, contents);
    mr_ber_close(buf, place);
}

void mr_ber_write_str(mr_buf *buf, uint8_t tag, const char *text) {
    mr_ber_write(buf, tag, mr_slice_str(text));
}

void mr_ber_write_int(mr_buf *buf, uint8_t tag, int32_t value) {
    uint8_t octets[4];
    unsigned skip = 0;

    for (unsigned i = 0; i < 4; i++)
        octets[i] = (uint8_t)((uint32_t)value >> 8 * (3 - i));
    /* the shortest form: drop leading octets that only repeat the sign */
    while (skip < 3 && octets[skip] == (octets[skip + 1] & 0x80 ? 0xff : 0))
        skip++;
    mr_ber_write(buf, tag, mr_slice_of(octets + skip, 4 - skip));
}
