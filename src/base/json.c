/*
 * The JSON writer (RFC 8259): UTF-8 out, whatever came in. Integers wider than 53 bits leave as
 * strings, ill-formed UTF-16 as {"utf16":"hex"} (big-endian units), ill-formed UTF-8 with U+FFFD.
 */
#include "writer_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void newline(mr_writer *w, size_t depth) {
    if (!w->pretty)
        return;
    mr_buf_write_u8(&w->buf, '\n');
    for (size_t i = 0; i < depth * 2; i++)
        mr_buf_write_u8(&w->buf, ' ');
}

/* One character past what JSON lets through unescaped. */
static void escape(mr_buf *buf, uint8_t c) {
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (size_t i = 0; i + 1 < sizeof shorts; i += 2) {
        if (c == (uint8_t)shorts[i]) {
            mr_buf_write_u8(buf, '\\');
            mr_buf_write_u8(buf, (uint8_t)shorts[i + 1]);
            return;
        }
    }
    mr_buf_write_fmt(buf, "\\u%04x", c);
}

/* Well-formed UTF-8, quoted; runs without escapes go in one copy. */
static void quote_ok(mr_buf *buf, mr_slice s) {
    size_t from = 0;

    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        mr_buf_write(buf, mr_slice_sub(s, from, i - from));
        escape(buf, c);
        from = i + 1;
    }
    mr_buf_write(buf, mr_slice_sub(s, from, s.len));
}

static void quote(mr_buf *buf, mr_slice s) {
    mr_buf_write_u8(buf, '"');
    while (s.len) {
        size_t ok = mr_utf8_ok_len(s);
        quote_ok(buf, mr_slice_sub(s, 0, ok));
        if (ok < s.len) {
            mr_buf_write_str(buf, "\xef\xbf\xbd");
            ok++;
        }
        s = mr_slice_sub(s, ok, s.len);
    }
    mr_buf_write_u8(buf, '"');
}

static void prefix(mr_writer *w, const char *key) {
    if (w->depth == 0)
        return;
    if (w->count[w->depth - 1])
        mr_buf_write_u8(&w->buf, ',');
    newline(w, w->depth);
    if (key) {
        quote(&w->buf, mr_slice_str(key));
        mr_buf_write_str(&w->buf, w->pretty ? ": " : ":");
    }
}

static void json_open(mr_writer *w, const char *key, enum mr_shape shape) {
    prefix(w, key);
    mr_buf_write_u8(&w->buf, shape == MR_SHAPE_OBJECT ? '{' : '[');
}

static void json_close(mr_writer *w) {
    if (w->count[w->depth])
        newline(w, w->depth);
    mr_buf_write_u8(&w->buf, w->shape[w->depth] == MR_SHAPE_OBJECT ? '}' : ']');
}

static void utf16(mr_buf *buf, const uint16_t *units, size_t count) {
    if (!mr_utf16_ok(units, count)) {
        mr_buf_write_str(buf, "{\"utf16\":\"");
        for (size_t i = 0; i < count; i++)
            mr_buf_write_fmt(buf, "%04x", units[i]);
        mr_buf_write_str(buf, "\"}");
        return;
    }
    mr_buf text;
    uint8_t small[512];
    mr_buf_init(&text, small, sizeof small, count * 3 + 1);
    mr_utf16_decode(units, count, &text);
    if (mr_buf_error(&text))
        buf->error = mr_buf_error(&text);
    else
        quote(buf, mr_buf_slice(&text));
    mr_buf_deinit(&text);
}

/* The shorter of the two precisions that reads back as the same double. */
static void real(mr_buf *buf, double v) {
    char text[32];
    if (!isfinite(v)) { /* JSON has no form for these */
        mr_buf_write_str(buf, "null");
        return;
    }
    snprintf(text, sizeof text, "%.15g", v);
    if (strtod(text, NULL) != v)
        snprintf(text, sizeof text, "%.17g", v);
    mr_buf_write_str(buf, text);
}

static void json_value(mr_writer *w, const char *key, const mr_value *v) {
    mr_buf *buf = &w->buf;
    char uuid[MR_UUID_TEXT];

    prefix(w, key);
    switch (v->kind) {
    case MR_VALUE_NULL:
        mr_buf_write_str(buf, "null");
        break;
    case MR_VALUE_BOOL:
        mr_buf_write_str(buf, v->u.boolean ? "true" : "false");
        break;
    case MR_VALUE_INT:
        mr_buf_write_fmt(buf, "%lld", (long long)v->u.integer);
        break;
    case MR_VALUE_UINT:
        mr_buf_write_fmt(buf, "%llu", (unsigned long long)v->u.uinteger);
        break;
    case MR_VALUE_INT64:
        mr_buf_write_fmt(buf, "\"%lld\"", (long long)v->u.integer);
        break;
    case MR_VALUE_UINT64:
        mr_buf_write_fmt(buf, "\"%llu\"", (unsigned long long)v->u.uinteger);
        break;
    case MR_VALUE_REAL:
        real(buf, v->u.real);
        break;
    case MR_VALUE_STRING:
        quote(buf, v->u.string);
        break;
    case MR_VALUE_UTF16:
        utf16(buf, v->u.utf16.units, v->u.utf16.count);
        break;
    case MR_VALUE_HEX:
        mr_buf_write_u8(buf, '"');
        mr_buf_write_hex(buf, v->u.string);
        mr_buf_write_u8(buf, '"');
        break;
    case MR_VALUE_UUID:
        mr_buf_write_fmt(buf, "\"%s\"", mr_uuid_text(&v->u.uuid, uuid));
        break;
    }
}

static void json_text(mr_writer *w, const char *line) {
    (void)w; /* a line for a person is no data */
    (void)line;
}

static int json_flush(mr_writer *w) {
    mr_buf_write_u8(&w->buf, '\n');
    return mr_buf_error(&w->buf);
}

static const mr_writer_class json_class = {
    "json", json_open, json_value, json_text, json_close, json_flush,
};

void mr_writer_init_json(mr_writer *w, mr_sink sink, void *user, bool pretty) {
    mr_writer_start(w, &json_class, sink, user);
    w->pretty = pretty;
}
