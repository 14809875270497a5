/*
 * What all writers share: the stack of open objects and arrays, the sink behind a bounded buffer,
 * the sticky error, and the shorthands. A class sees balanced calls only.
 */
#include "writer_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FLUSH_AT (32 * 1024)
#define BUF_CAP (16 * 1024 * 1024) /* one value never needs more than this at once */

void mr_writer_start(mr_writer *w, const mr_writer_class *class, mr_sink sink, void *user) {
    *w = (mr_writer){.class = class, .sink = sink, .user = user};
    mr_buf_init(&w->buf, NULL, 0, BUF_CAP);
}

void mr_writer_deinit(mr_writer *w) {
    mr_buf_deinit(&w->buf);
}

int mr_sink_buf(void *user, mr_slice s) {
    mr_buf *buf = user;
    mr_buf_write(buf, s);
    return mr_buf_error(buf);
}

static void drain(mr_writer *w, size_t at_least) {
    if (!w->error)
        w->error = mr_buf_error(&w->buf);
    if (w->error || w->buf.len < at_least || w->buf.len == 0)
        return;
    w->error = w->sink(w->user, mr_buf_slice(&w->buf));
    mr_buf_reset(&w->buf);
}

void mr_writer_open(mr_writer *w, const char *key, enum mr_shape shape) {
    if (w->error)
        return;
    if (w->depth == MR_WRITER_DEPTH) {
        w->error = MR_ERR_LIMIT;
        return;
    }
    w->class->open(w, key, shape);
    if (w->depth)
        w->count[w->depth - 1]++;
    w->shape[w->depth] = (uint8_t)shape;
    w->count[w->depth] = 0;
    w->depth++;
    drain(w, FLUSH_AT);
}

void mr_writer_value(mr_writer *w, const char *key, const mr_value *v) {
    if (w->error)
        return;
    w->class->value(w, key, v);
    if (w->depth)
        w->count[w->depth - 1]++;
    drain(w, FLUSH_AT);
}

void mr_writer_text(mr_writer *w, const char *line) {
    if (w->error)
        return;
    w->class->text(w, line);
    drain(w, FLUSH_AT);
}

void mr_writer_close(mr_writer *w) {
    if (w->error)
        return;
    if (w->depth == 0) {
        w->error = MR_ERR_STATE;
        return;
    }
    w->depth--;
    w->class->close(w);
    drain(w, FLUSH_AT);
}

int mr_writer_flush(mr_writer *w) {
    if (!w->error && w->depth)
        w->error = MR_ERR_STATE;
    if (!w->error)
        w->error = w->class->flush(w);
    drain(w, 0);
    return w->error;
}

void mr_writer_null(mr_writer *w, const char *key) {
    mr_writer_value(w, key, &(mr_value){.kind = MR_VALUE_NULL});
}
void mr_writer_bool(mr_writer *w, const char *key, bool v) {
    mr_writer_value(w, key, &(mr_value){.kind = MR_VALUE_BOOL, .u.boolean = v});
}
void mr_writer_int(mr_writer *w, const char *key, int64_t v) {
    mr_writer_value(w, key, &(mr_value){.kind = MR_VALUE_INT, .u.integer = v});
}
void mr_writer_uint(mr_writer *w, const char *key, uint64_t v) {
    mr_writer_value(w, key, &(mr_value){.kind = MR_VALUE_UINT, .u.uinteger = v});
}
void mr_writer_real(mr_writer *w, const char *key, double v) {
    mr_writer_value(w, key, &(mr_value){.kind = MR_VALUE_REAL, .u.real = v});
}
void mr_writer_slice(mr_writer *w, const char *key, mr_slice s) {
    mr_writer_value(w, key, &(mr_value){.kind = MR_VALUE_STRING, .u.string = s});
}
void mr_writer_str(mr_writer *w, const char *key, const char *s) {
    if (s)
        mr_writer_slice(w, key, mr_slice_str(s));
    else
        mr_writer_null(w, key);
}
void mr_writer_uuid(mr_writer *w, const char *key, const mr_uuid *uuid) {
    mr_writer_value(w, key, &(mr_value){.kind = MR_VALUE_UUID, .u.uuid = *uuid});
}

void mr_writer_fmt(mr_writer *w, const char *key, const char *fmt, ...) {
    char small[256], *text = small;
    va_list ap, again;

    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n >= (int)sizeof small) {
        text = malloc((size_t)n + 1);
        if (text)
            vsnprintf(text, (size_t)n + 1, fmt, again);
        else if (!w->error)
            w->error = MR_ERR_MEMORY;
    }
    va_end(again);
    if (n >= 0 && text)
        mr_writer_slice(w, key, mr_slice_of(text, (size_t)n));
    if (text != small)
        free(text);
}

void mr_buf_write_hex(mr_buf *buf, mr_slice s) {
    static const char digits[] = "0123456789abcdef";
    uint8_t *p = s.len > SIZE_MAX / 2 ? NULL : mr_buf_add(buf, s.len * 2);
    for (size_t i = 0; p && i < s.len; i++) {
        p[2 * i] = (uint8_t)digits[s.data[i] >> 4];
        p[2 * i + 1] = (uint8_t)digits[s.data[i] & 15];
    }
}
