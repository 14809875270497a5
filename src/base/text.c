/*
 * The text writer: "key: value" lines, two spaces a level, "- " before array elements. Control
 * characters of a peer's strings never reach the terminal: they are shown as \xNN.
 */
#include "writer_private.h"

static void indent(mr_writer *w) {
    for (uint32_t i = 1; i < w->depth; i++)
        mr_buf_write_str(&w->buf, "  ");
}

static bool in_array(const mr_writer *w) {
    return w->depth && w->shape[w->depth - 1] == MR_SHAPE_ARRAY;
}

static void label(mr_writer *w, const char *key) {
    indent(w);
    if (in_array(w))
        mr_buf_write_str(&w->buf, "-");
    if (key)
        mr_buf_write_fmt(&w->buf, "%s:", key);
}

static void text_open(mr_writer *w, const char *key, enum mr_shape shape) {
    (void)shape;
    if (w->depth == 0)
        return;
    label(w, key);
    mr_buf_write_u8(&w->buf, '\n');
}

static void printable(mr_buf *buf, mr_slice s) {
    while (s.len) {
        size_t ok = mr_utf8_ok_len(s), from = 0;
        for (size_t i = 0; i < ok; i++) {
            uint8_t c = s.data[i];
            /* C0, DEL, and C1 in its UTF-8 form C2 80..9F */
            bool c1 = c == 0xc2 && i + 1 < ok && s.data[i + 1] < 0xa0;
            if (c >= 0x20 && c != 0x7f && !c1)
                continue;
            mr_buf_write(buf, mr_slice_sub(s, from, i - from));
            mr_buf_write_fmt(buf, "\\x%02x", c1 ? s.data[++i] : c);
            from = i + 1;
        }
        mr_buf_write(buf, mr_slice_sub(s, from, ok - from));
        if (ok < s.len)
            mr_buf_write_fmt(buf, "\\x%02x", s.data[ok++]);
        s = mr_slice_sub(s, ok, s.len);
    }
}

static void utf16(mr_buf *buf, const uint16_t *units, size_t count) {
    mr_buf text;
    uint8_t small[512];

    mr_buf_init(&text, small, sizeof small, count * 3 + 1);
    mr_utf16_decode(units, count, &text);
    if (mr_buf_error(&text))
        buf->error = mr_buf_error(&text);
    else
        printable(buf, mr_buf_slice(&text));
    mr_buf_deinit(&text);
}

static void text_value(mr_writer *w, const char *key, const mr_value *v) {
    mr_buf *buf = &w->buf;
    char uuid[MR_UUID_TEXT];

    label(w, key);
    if (key || in_array(w))
        mr_buf_write_u8(buf, ' ');
    switch (v->kind) {
    case MR_VALUE_NULL:
        mr_buf_write_str(buf, "(none)");
        break;
    case MR_VALUE_BOOL:
        mr_buf_write_str(buf, v->u.boolean ? "yes" : "no");
        break;
    case MR_VALUE_INT:
    case MR_VALUE_INT64:
        mr_buf_write_fmt(buf, "%lld", (long long)v->u.integer);
        break;
    case MR_VALUE_UINT:
    case MR_VALUE_UINT64:
        mr_buf_write_fmt(buf, "%llu", (unsigned long long)v->u.uinteger);
        break;
    case MR_VALUE_REAL:
        mr_buf_write_fmt(buf, "%g", v->u.real);
        break;
    case MR_VALUE_STRING:
        printable(buf, v->u.string);
        break;
    case MR_VALUE_UTF16:
        utf16(buf, v->u.utf16.units, v->u.utf16.count);
        break;
    case MR_VALUE_HEX:
        mr_buf_write_hex(buf, v->u.string);
        break;
    case MR_VALUE_UUID:
        mr_buf_write_str(buf, mr_uuid_text(&v->u.uuid, uuid));
        break;
    }
    mr_buf_write_u8(buf, '\n');
}

static void text_text(mr_writer *w, const char *line) {
    indent(w);
    mr_buf_write_str(&w->buf, line);
    mr_buf_write_u8(&w->buf, '\n');
}

static void text_close(mr_writer *w) {
    (void)w;
}

static int text_flush(mr_writer *w) {
    return mr_buf_error(&w->buf);
}

static const mr_writer_class text_class = {
    "text", text_open, text_value, text_text, text_close, text_flush,
};

void mr_writer_init_text(mr_writer *w, mr_sink sink, void *user) {
    mr_writer_start(w, &text_class, sink, user);
}
