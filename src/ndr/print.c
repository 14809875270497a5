/*
 * The printer: C structs to writer events. Structures are objects by member name; 64-bit integers
 * and UUIDs strings, other integers numbers; fractions that JSON would lose (not finite, minus
 * zero) a string of their bits ("0x7f800000"); octet arrays hex strings; char and wchar_t arrays
 * strings; enums their name where they have one; unions {"case", "value"}; null pointers null;
 * context handles {"handle": 20 octets in hex, little-endian as on the usual wire}. Full pointers
 * met again are {"referent": n}, the n-th full pointer printed, so that a value that aliases or
 * turns in a circle ends; a pointer to a null pointer is {"pointer": null}.
 */
#include "walk.h"

#define MAP_MOST (16u << 20)

typedef struct printer {
    mr_writer *w;
    const void *args;
    uint32_t depth;
    uint64_t full_count;
    mr_ndr_map full; /* (address, type) -> ordinal */
    mr_arena arena;
} printer;

static int print_value(printer *p, const char *key, const mr_type *t, const uint8_t *c,
                       const mr_ndr_place *at);

static void print_integer(mr_writer *w, const char *key, const mr_type *t, int64_t v) {
    if (t->kind == MR_NDR_U64 || t->kind == MR_NDR_U3264)
        mr_writer_value(w, key, &(mr_value){.kind = MR_VALUE_UINT64, .u.uinteger = (uint64_t)v});
    else if (t->kind == MR_NDR_I64 || t->kind == MR_NDR_I3264)
        mr_writer_value(w, key, &(mr_value){.kind = MR_VALUE_INT64, .u.integer = v});
    else
        mr_writer_int(w, key, v);
}

/* An enum's name, or its number where it has none. */
static void print_tag(mr_writer *w, const char *key, const mr_type *t, int64_t v) {
    if (t->kind == MR_NDR_ENUM16 || t->kind == MR_NDR_ENUM32) {
        for (unsigned i = 0; i < t->count; i++) {
            if (mr_ndr_wrap(t->kind, t->u.enumerators[i].value) == v) {
                mr_writer_str(w, key, t->u.enumerators[i].name);
                return;
            }
        }
    }
    if (t->kind == MR_NDR_BOOLEAN && (v == 0 || v == 1))
        mr_writer_bool(w, key, v != 0);
    else
        print_integer(w, key, t, v);
}

static void print_real(mr_writer *w, const char *key, const mr_type *t, const uint8_t *c) {
    float single;
    double real;
    if (t->kind == MR_NDR_F32) {
        memcpy(&single, c, sizeof single);
        real = single;
    } else {
        memcpy(&real, c, sizeof real);
    }
    if (__builtin_isfinite(real) && (real != 0 || !__builtin_signbit(real))) {
        mr_writer_real(w, key, real);
    } else if (t->kind == MR_NDR_F32) {
        uint32_t bits;
        memcpy(&bits, c, sizeof bits);
        mr_writer_fmt(w, key, "0x%08x", bits);
    } else {
        uint64_t bits;
        memcpy(&bits, c, sizeof bits);
        mr_writer_fmt(w, key, "0x%016llx", (unsigned long long)bits);
    }
}

static void print_hex(mr_writer *w, const char *key, const void *data, size_t len) {
    mr_writer_value(w, key, &(mr_value){.kind = MR_VALUE_HEX, .u.string = mr_slice_of(data, len)});
}

static void print_context(mr_writer *w, const char *key, const uint8_t *c) {
    mr_ndr_context context;
    uint8_t octets[sizeof context];
    mr_buf b;

    memcpy(&context, c, sizeof context);
    mr_buf_init(&b, octets, sizeof octets, sizeof octets);
    mr_buf_write_u32(&b, context.attributes);
    mr_buf_write_uuid(&b, &context.uuid);
    mr_writer_open(w, key, MR_SHAPE_OBJECT);
    print_hex(w, "handle", octets, sizeof octets);
    mr_writer_close(w);
}

static void print_chars(mr_writer *w, const char *key, mr_slice s) {
    if (mr_utf8_ok_len(s) == s.len) {
        mr_writer_slice(w, key, s);
        return;
    }
    mr_writer_open(w, key, MR_SHAPE_OBJECT);
    print_hex(w, "hex", s.data, s.len);
    mr_writer_close(w);
}

static int print_wide(printer *p, const char *key, const uint8_t *data, uint64_t n) {
    const uint16_t *units = (const void *)data;
    if ((uintptr_t)data & 1) { /* units want their alignment */
        uint16_t *copy = mr_arena_get_raw(&p->arena, n, sizeof *copy);
        if (!copy)
            return MR_ERR_MEMORY;
        memcpy(copy, data, n * sizeof *copy);
        units = copy;
    }
    mr_writer_value(p->w, key, &(mr_value){.kind = MR_VALUE_UTF16,
                                           .u.utf16 = {.units = units, .count = n}});
    return 0;
}

static int print_text(printer *p, const char *key, const mr_type *t, enum mr_ndr_text text,
                      const mr_ndr_extent *x) {
    const uint32_t width = t->element->csize;
    uint64_t n = x->length;

    if (t->u.array->flags & MR_ARRAY_STRING) {
        n -= n > 0;
    } else if (mr_ndr_array_is_inline(t) && text != MR_NDR_TEXT_OCTETS) {
        while (n > 0 && memcmp(x->data + (n - 1) * width, mr_ndr_nothing, width) == 0)
            n--;
    }
    const uint8_t *data = n ? x->data : (const uint8_t *)mr_ndr_nothing;
    if (text == MR_NDR_TEXT_WIDE)
        return print_wide(p, key, data, n);
    if (text == MR_NDR_TEXT_CHARS)
        print_chars(p->w, key, mr_slice_of(data, n));
    else
        print_hex(p->w, key, data, n);
    return 0;
}

static int print_array(printer *p, const char *key, const mr_type *t, const uint8_t *c,
                       const mr_ndr_place *at) {
    const enum mr_ndr_text text = mr_ndr_get_text(t);
    mr_ndr_place in = mr_ndr_place_element(at);
    mr_ndr_extent x;
    int r = mr_ndr_get_extent(t, c, at, p->args, &x, NULL);

    if (r != 0)
        return r;
    if (text != MR_NDR_TEXT_NONE)
        return print_text(p, key, t, text, &x);
    mr_writer_open(p->w, key, MR_SHAPE_ARRAY);
    for (uint64_t i = 0; i < x.length && r == 0 && !p->w->error; i++) {
        in.index = i;
        r = print_value(p, NULL, t->element, x.data + i * t->element->csize, &in);
    }
    mr_writer_close(p->w);
    return r;
}

static int print_struct(printer *p, const char *key, const mr_type *t, const uint8_t *c,
                        const mr_ndr_place *at) {
    mr_ndr_place in = mr_ndr_place_inside(at, c);
    int r = 0;

    mr_writer_open(p->w, key, MR_SHAPE_OBJECT);
    for (unsigned i = 0; i < t->count && r == 0; i++) {
        const mr_ndr_member *m = &t->u.members[i];
        if (m->flags & MR_MEMBER_HIDDEN)
            continue;
        in.name = m->name;
        in.member = m;
        r = print_value(p, m->name, m->type, c + m->offset, &in);
    }
    mr_writer_close(p->w);
    return r;
}

static int print_union(printer *p, const char *key, const mr_type *t, const uint8_t *c,
                       const mr_ndr_place *at) {
    mr_ndr_place in = mr_ndr_place_inside(at, c);
    int64_t v;
    int r = 0;

    if (t->flags & MR_TYPE_ENCAPSULATED)
        v = mr_ndr_load(t->element->kind, c);
    else if (!at->member || !at->member->switch_is ||
             !mr_ndr_eval(at->member->switch_is, at, p->args, &v))
        return MR_ERR_ARGUMENT;
    v = mr_ndr_wrap(t->element->kind, v);
    const mr_ndr_arm *arm = mr_ndr_find_arm(t, v);
    mr_writer_open(p->w, key, MR_SHAPE_OBJECT);
    print_tag(p->w, "case", t->element, v);
    if (arm && arm->type)
        r = print_value(p, "value", arm->type, c + arm->offset, &in);
    else
        mr_writer_null(p->w, "value");
    mr_writer_close(p->w);
    return r;
}

/* A full pointer met again: says so and returns 1. */
static int print_again(printer *p, const char *key, const mr_type *t, const void *c) {
    mr_ndr_entry *e = mr_ndr_map_add(&p->full, &p->arena, (uintptr_t)c, t->element);
    if (!e)
        return MR_ERR_MEMORY;
    if (!e->value) {
        e->value = (const void *)(uintptr_t)++p->full_count;
        return 0;
    }
    mr_writer_open(p->w, key, MR_SHAPE_OBJECT);
    mr_writer_uint(p->w, MR_NDR_KEY_REFERENT, (uintptr_t)e->value);
    mr_writer_close(p->w);
    return 1;
}

static int print_pointer(printer *p, const char *key, const mr_type *t, const uint8_t *c,
                         const mr_ndr_place *at) {
    const uint8_t *to, *inner;
    int r;

    if (t->flags & MR_TYPE_POINTER_INLINE)
        return print_value(p, key, t->element, c, at);
    memcpy(&to, c, sizeof to);
    if (!to && t->pointer_class != MR_POINTER_REF) {
        mr_writer_null(p->w, key);
        return 0;
    }
    if (t->pointer_class == MR_POINTER_FULL && (r = print_again(p, key, t, to)) != 0)
        return r > 0 ? 0 : r;
    if (mr_ndr_is_collapsed(t->element)) {
        to = c;
    } else if (!to) {
        return MR_ERR_ARGUMENT;
    } else if (mr_ndr_is_nested(t)) {
        memcpy(&inner, to, sizeof inner);
        if (!inner) {
            mr_writer_open(p->w, key, MR_SHAPE_OBJECT);
            mr_writer_null(p->w, MR_NDR_KEY_POINTER);
            mr_writer_close(p->w);
            return 0;
        }
    }
    if (p->depth >= MR_WRITER_DEPTH)
        return MR_ERR_LIMIT;
    p->depth++;
    r = print_value(p, key, t->element, to, at);
    p->depth--;
    return r;
}

static int print_value(printer *p, const char *key, const mr_type *t, const uint8_t *c,
                       const mr_ndr_place *at) {
    mr_uuid uuid;
    switch ((enum mr_ndr_kind)t->kind) {
    case MR_NDR_STRUCT:
        return print_struct(p, key, t, c, at);
    case MR_NDR_UNION:
        return print_union(p, key, t, c, at);
    case MR_NDR_POINTER:
        return print_pointer(p, key, t, c, at);
    case MR_NDR_ARRAY:
        return print_array(p, key, t, c, at);
    case MR_NDR_UUID:
        memcpy(&uuid, c, sizeof uuid);
        mr_writer_uuid(p->w, key, &uuid);
        return 0;
    case MR_NDR_CONTEXT:
        print_context(p->w, key, c);
        return 0;
    case MR_NDR_F32:
    case MR_NDR_F64:
        print_real(p->w, key, t, c);
        return 0;
    case MR_NDR_PIPE:
        mr_writer_null(p->w, key);
        return 0;
    case MR_NDR_U8:
    case MR_NDR_I8:
    case MR_NDR_CHAR:
    case MR_NDR_BOOLEAN:
    case MR_NDR_U16:
    case MR_NDR_I16:
    case MR_NDR_WCHAR:
    case MR_NDR_U32:
    case MR_NDR_I32:
    case MR_NDR_U64:
    case MR_NDR_I64:
    case MR_NDR_U3264:
    case MR_NDR_I3264:
    case MR_NDR_ENUM16:
    case MR_NDR_ENUM32:
        break;
    }
    print_tag(p->w, key, t, mr_ndr_load(t->kind, c));
    return 0;
}

int mr_ndr_print(const mr_proc *proc, enum mr_ndr_side side, const void *args, mr_writer *w) {
    printer p = {.w = w, .args = args};
    mr_ndr_place at = MR_NDR_PLACE_ROOT;
    int r = proc->args ? 0 : MR_ERR_UNSUPPORTED;

    mr_arena_init(&p.arena, MAP_MOST);
    at.own = args;
    for (unsigned i = 0; r == 0 && i < proc->args->count; i++) {
        const mr_ndr_member *m = &proc->args->u.members[i];
        if (!mr_ndr_member_travels(m, side))
            continue;
        at.name = m->name;
        at.member = m;
        r = print_value(&p, m->name, m->type, (const uint8_t *)args + m->offset, &at);
    }
    mr_arena_deinit(&p.arena);
    return r ? r : w->error;
}

int mr_ndr_print_type(const mr_type *type, const char *key, const void *value, mr_writer *w) {
    printer p = {.w = w};
    mr_arena_init(&p.arena, MAP_MOST);
    int r = print_value(&p, key, type, value, &MR_NDR_PLACE_ROOT);
    mr_arena_deinit(&p.arena);
    return r ? r : w->error;
}
