/*
 * The writer: one result, many forms. Whoever has something to tell calls five functions; which
 * form comes out (JSON, indented text, ...) is the writer's business:
 *
 *   open(key, shape)   begin an object, or an array, under @key
 *   value(key, v)      a scalar under @key
 *   text(line)         a line for a person only; JSON leaves it out
 *   close()            end the innermost object or array
 *   flush()            hand everything to the sink and report the first error
 *
 * @key is NULL inside an array and at the root. Writers are sticky: after an error nothing more is
 * written and flush returns it. Unbalanced calls are the caller's bug and flush says MR_ERR_STATE.
 */
#ifndef MSRPC_BASE_WRITER_H
#define MSRPC_BASE_WRITER_H

#include <msrpc/base/buf.h>
#include <msrpc/base/uuid.h>

enum mr_shape { MR_SHAPE_OBJECT, MR_SHAPE_ARRAY };

enum mr_value_kind {
    MR_VALUE_NULL,
    MR_VALUE_BOOL,
    MR_VALUE_INT,    /* number */
    MR_VALUE_UINT,   /* number */
    MR_VALUE_UINT64, /* decimal string in JSON: wider than a double keeps */
    MR_VALUE_INT64,
    MR_VALUE_REAL,
    MR_VALUE_STRING, /* UTF-8; ill-formed octets become U+FFFD */
    MR_VALUE_UTF16,  /* ill-formed units survive: {"utf16":"hex"} in JSON */
    MR_VALUE_HEX,    /* octets as a hex string */
    MR_VALUE_UUID,
};

typedef struct mr_value {
    enum mr_value_kind kind;
    union {
        bool boolean;
        int64_t integer;
        uint64_t uinteger;
        double real;
        mr_slice string;
        struct { const uint16_t *units; size_t count; } utf16;
        mr_uuid uuid;
    } u;
} mr_value;

typedef struct mr_writer mr_writer;

typedef struct mr_writer_class {
    const char *name;
    void (*open)(mr_writer *w, const char *key, enum mr_shape shape);
    void (*value)(mr_writer *w, const char *key, const mr_value *v);
    void (*text)(mr_writer *w, const char *line);
    void (*close)(mr_writer *w);
    int (*flush)(mr_writer *w);
} mr_writer_class;

/* Where finished octets go: returns 0 or a negative result. */
typedef int (*mr_sink)(void *user, mr_slice s);

#define MR_WRITER_DEPTH 128

/* Caller-owned; its fields are for writers only. Memory is bounded: output leaves through the sink
 * whenever the buffer is half full. */
struct mr_writer {
    const mr_writer_class *class;
    mr_sink sink;
    void *user;
    mr_buf buf;
    int error;
    bool pretty;             /* JSON: indent; text: unused */
    uint32_t depth;
    uint8_t shape[MR_WRITER_DEPTH];
    uint32_t count[MR_WRITER_DEPTH]; /* members so far */
};

/* JSON in UTF-8; @pretty indents by two. */
void mr_writer_init_json(mr_writer *w, mr_sink sink, void *user, bool pretty);
/* Indented "key: value" text. */
void mr_writer_init_text(mr_writer *w, mr_sink sink, void *user);
void mr_writer_deinit(mr_writer *w);
/* A sink that appends to an mr_buf given as @user. */
int mr_sink_buf(void *user, mr_slice s);

/* The five functions. */
void mr_writer_open(mr_writer *w, const char *key, enum mr_shape shape);
void mr_writer_value(mr_writer *w, const char *key, const mr_value *v);
void mr_writer_text(mr_writer *w, const char *line);
void mr_writer_close(mr_writer *w);
int mr_writer_flush(mr_writer *w);

/* Shorthands over value(). */
void mr_writer_null(mr_writer *w, const char *key);
void mr_writer_bool(mr_writer *w, const char *key, bool v);
void mr_writer_int(mr_writer *w, const char *key, int64_t v);
void mr_writer_uint(mr_writer *w, const char *key, uint64_t v);
void mr_writer_real(mr_writer *w, const char *key, double v);
void mr_writer_str(mr_writer *w, const char *key, const char *s); /* NULL writes null */
void mr_writer_slice(mr_writer *w, const char *key, mr_slice s);
void mr_writer_uuid(mr_writer *w, const char *key, const mr_uuid *uuid);
void mr_writer_fmt(mr_writer *w, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
