/*
 * Octets of unknown encoding into the normalised window. Invalid UTF-8 is read as Windows-1252
 * octet by octet, so that nothing is refused; other code pages lose their accents and nothing else,
 * since every word that is looked for is ASCII.
 */
#include "paste_private.h"

#include <msrpc/base/utf16.h>

static void put(mr_paste *paste, char c) {
    if (paste->len == PASTE_WINDOW)
        paste_scan(paste, false);
    paste->window[paste->len++] = c;
}

static void put_newline(mr_paste *paste) {
    put(paste, '\n');
    paste->last_width = paste->space ? 0 : paste->column; /* a space at the end: no word is cut */
    paste->column = 0;
    paste->space = false;
    paste->quoting = true;
}

/* A printing character of @len octets. */
static void put_text(mr_paste *paste, const char *text, size_t len) {
    if (paste->quoting) {
        if (*text == '>' || *text == '|') {
            paste->column++;
            return;
        }
        if (paste->column == 0 && paste->last_width >= 76 && paste->len &&
            paste->window[paste->len - 1] == '\n')
            paste->window[paste->len - 1] = PASTE_BREAK;
        paste->quoting = false;
    }
    if (paste->space)
        put(paste, ' ');
    paste->space = false;
    for (size_t i = 0; i < len; i++)
        put(paste, text[i]);
    paste->column++;
}

/* The plain character that a typographic one stands for, or 0. */
static char plain(uint32_t c) {
    if (c == 0x60 || c == 0xb4 || (c >= 0x2018 && c <= 0x201b) || c == 0x2032)
        return '\'';
    if ((c >= 0x201c && c <= 0x201f) || c == 0xab || c == 0xbb || c == 0x2033)
        return '"';
    if ((c >= 0x2010 && c <= 0x2015) || c == 0x2212)
        return '-';
    if (c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x3000)
        return ' ';
    return 0;
}

static void put_utf8(mr_paste *paste, uint32_t c) {
    char text[4];
    size_t len = 0;

    if (c < 0x80) {
        text[len++] = (char)c;
    } else if (c < 0x800) {
        text[len++] = (char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        text[len++] = (char)(0xe0 | c >> 12);
        text[len++] = (char)(0x80 | (c >> 6 & 0x3f));
    } else {
        text[len++] = (char)(0xf0 | c >> 18);
        text[len++] = (char)(0x80 | (c >> 12 & 0x3f));
        text[len++] = (char)(0x80 | (c >> 6 & 0x3f));
    }
    if (c >= 0x80)
        text[len++] = (char)(0x80 | (c & 0x3f));
    put_text(paste, text, len);
}

static void put_char(mr_paste *paste, uint32_t c) {
    bool after_cr = paste->after_cr;

    paste->after_cr = c == '\r';
    if (c == '\n' && after_cr)
        return;
    if (plain(c))
        c = (uint8_t)plain(c);
    if (c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029) {
        put_newline(paste);
    } else if (c == 0 || c == 0xfeff || c == 0xad || (c >= 0x200b && c <= 0x200f)) {
        return; /* invisible */
    } else if (c <= 0x20 || (c >= 0x7f && c < 0xa0)) {
        paste->space = !paste->quoting;
        paste->column++;
    } else if (c == 0x2026) {
        put_text(paste, "...", 3);
    } else {
        put_utf8(paste, c);
    }
}

/* Windows-1252 where it differs from Latin-1 and matters here. */
static uint32_t from_1252(uint8_t octet) {
    switch (octet) {
    case 0x85: return 0x2026;
    case 0x91: return 0x2018;
    case 0x92: return 0x2019;
    case 0x93: return 0x201c;
    case 0x94: return 0x201d;
    case 0x96: return 0x2013;
    case 0x97: return 0x2014;
    }
    return octet;
}

/* One character from the front of @s; 0 when it is cut and more may come. */
static size_t get_utf8(mr_slice s, bool last, uint32_t *charp) {
    uint8_t first = s.data[0];
    size_t len = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;

    if (s.len < len && !last) {
        size_t i = 1;
        while (i < s.len && (s.data[i] & 0xc0) == 0x80)
            i++;
        if (i == s.len)
            return 0;
    }
    if (first < 0x80 || s.len < len || mr_utf8_ok_len(mr_slice_sub(s, 0, len)) != len) {
        *charp = from_1252(first);
        return 1;
    }
    uint32_t c = first & (0xff >> (len + 1));
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (s.data[i] & 0x3f);
    *charp = c;
    return len;
}

static void put_unit(mr_paste *paste, uint32_t unit) {
    uint32_t high = paste->high;

    paste->high = 0;
    if (unit >= 0xd800 && unit < 0xdc00)
        paste->high = unit;
    else if (unit >= 0xdc00 && unit < 0xe000)
        put_char(paste, high ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00) : '?');
    else
        put_char(paste, unit);
}

/* Decodes what is whole; returns how much. */
static size_t decode(mr_paste *paste, mr_slice s, bool last) {
    size_t at = 0;

    if (paste->encoding == PASTE_UTF8) {
        while (at < s.len) {
            uint32_t c = 0;
            size_t len = get_utf8(mr_slice_sub(s, at, SIZE_MAX), last, &c);
            if (!len)
                break;
            put_char(paste, c);
            at += len;
        }
        return at;
    }
    for (; at + 2 <= s.len; at += 2) {
        const uint8_t *p = s.data + at;
        put_unit(paste, paste->encoding == PASTE_UTF16LE ? (uint32_t)p[0] | (uint32_t)p[1] << 8
                                                         : (uint32_t)p[1] | (uint32_t)p[0] << 8);
    }
    return last ? s.len : at;
}

/* By the byte order mark, else by where the zeros of ASCII in UTF-16 are. */
static enum paste_encoding guess(mr_slice s) {
    size_t zeros[2] = {0, 0};

    if (s.len >= 2 && s.data[0] == 0xff && s.data[1] == 0xfe)
        return PASTE_UTF16LE;
    if (s.len >= 2 && s.data[0] == 0xfe && s.data[1] == 0xff)
        return PASTE_UTF16BE;
    for (size_t i = 0; i < s.len; i++)
        zeros[i & 1] += s.data[i] == 0;
    if (s.len >= 4 && zeros[1] > s.len / 4 && zeros[0] < s.len / 16 + 1)
        return PASTE_UTF16LE;
    if (s.len >= 4 && zeros[0] > s.len / 4 && zeros[1] < s.len / 16 + 1)
        return PASTE_UTF16BE;
    return PASTE_UTF8;
}

void paste_decode(mr_paste *paste, mr_slice octets, bool last) {
    for (;;) {
        size_t room = sizeof paste->head - paste->head_len;
        size_t take = octets.len < room ? octets.len : room;
        if (take)
            memcpy(paste->head + paste->head_len, octets.data, take);
        paste->head_len += take;
        octets = mr_slice_sub(octets, take, SIZE_MAX);
        if (paste->encoding == PASTE_UNDECIDED) {
            if (paste->head_len < sizeof paste->head && !last)
                return;
            paste->encoding = guess(mr_slice_of(paste->head, paste->head_len));
        }
        size_t used = decode(paste, mr_slice_of(paste->head, paste->head_len),
                             last && octets.len == 0);
        paste->head_len -= used;
        memmove(paste->head, paste->head + used, paste->head_len);
        if (octets.len == 0)
            return;
    }
}
