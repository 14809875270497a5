/*
 * The encoder: C structs to octets, NDR20 (C706 14) and NDR64 (MS-RPCE 2.2.5), both byte orders.
 * The mirror of decode.c: constructs in place, referents after the outermost construct, depth
 * first and left to right. Padding is always zero. Referent ids count up by four from 0x20000.
 * The output is sticky; its error is looked at once per referent and at the end.
 */
#include "walk.h"

#define STACK_MOST (64u << 20) /* octets of waiting referents and full pointers */

typedef struct encoder {
    mr_buf *out;
    size_t start;     /* alignment counts from here */
    bool native;
    bool wide;
    bool has_max;     /* the embedded conformant array's max_count is written already */
    uint8_t flat;
    uint32_t ids;     /* referent ids given */
    const void *args;
    mr_error *err;
    mr_arena arena;
    mr_ndr_map full;  /* (address, type) -> id; noted once the referent is out */
    mr_ndr_stack stack;
} encoder;

static int encode_value(encoder *n, const mr_type *t, const uint8_t *c, const mr_ndr_place *at);

/* Room for @size octets; NULL once the output is poisoned. */
static inline uint8_t *add(encoder *n, size_t size) {
    mr_buf *out = n->out;
    if (size <= out->size - out->len && !out->error) {
        uint8_t *p = out->data + out->len;
        out->len += size;
        return p;
    }
    return mr_buf_add(out, size);
}

static inline void align(encoder *n, unsigned octets) {
    size_t pad = (0 - (n->out->len - n->start)) & (octets - 1);
    if (pad) {
        uint8_t *p = add(n, pad);
        if (p)
            memset(p, 0, pad);
    }
}

static inline void align_type(encoder *n, const mr_type *t) {
    align(n, n->wide ? t->align64 : t->align20);
}

static inline void write_u16(encoder *n, uint16_t v) {
    uint8_t *p = add(n, 2);
    v = n->native ? v : __builtin_bswap16(v);
    if (p)
        memcpy(p, &v, 2);
}
static inline void write_u32(encoder *n, uint32_t v) {
    uint8_t *p = add(n, 4);
    v = n->native ? v : __builtin_bswap32(v);
    if (p)
        memcpy(p, &v, 4);
}
static inline void write_u64(encoder *n, uint64_t v) {
    uint8_t *p = add(n, 8);
    v = n->native ? v : __builtin_bswap64(v);
    if (p)
        memcpy(p, &v, 8);
}

/* A max_count, offset, actual_count or referent id. */
static inline void write_count(encoder *n, uint64_t v) {
    if (n->wide) {
        align(n, 8);
        write_u64(n, v);
    } else {
        align(n, 4);
        write_u32(n, (uint32_t)v);
    }
}

static int fail_argument(encoder *n, const mr_ndr_place *at, const char *what) {
    return mr_ndr_fail(n->err, MR_ERR_ARGUMENT, n->out->len - n->start, at, "%s", what);
}

static inline bool is_flat(const encoder *n, const mr_type *t) {
    return (t->flags & n->flat) && (n->native || t->csize == 1);
}

static int check_range(encoder *n, const mr_type *t, const uint8_t *c, const mr_ndr_place *at) {
    const mr_ndr_range *range = at->member->range;
    int64_t v = mr_ndr_load(t->kind, c);
    if (v < range->low || v > range->high)
        return mr_ndr_fail(n->err, MR_ERR_RANGE, n->out->len - n->start, at,
                           "%lld lies outside the range %lld to %lld", (long long)v,
                           (long long)range->low, (long long)range->high);
    return 0;
}

static inline int encode_scalar(encoder *n, const mr_type *t, const uint8_t *c,
                                const mr_ndr_place *at) {
    union { uint16_t u16; uint32_t u32; uint64_t u64; } v;
    uint8_t *p;
    align_type(n, t);
    switch ((enum mr_ndr_kind)t->kind) {
    case MR_NDR_U8:
    case MR_NDR_I8:
    case MR_NDR_CHAR:
    case MR_NDR_BOOLEAN:
        if ((p = add(n, 1)) != NULL)
            *p = *c;
        break;
    case MR_NDR_U16:
    case MR_NDR_I16:
    case MR_NDR_WCHAR:
        memcpy(&v.u16, c, 2);
        write_u16(n, v.u16);
        break;
    case MR_NDR_ENUM16:
        memcpy(&v.u32, c, 4);
        if (n->wide) {
            write_u32(n, v.u32);
        } else {
            if (v.u32 != (uint16_t)v.u32)
                return fail_argument(n, at, "the value does not fit a 16-bit enum");
            write_u16(n, (uint16_t)v.u32);
        }
        break;
    case MR_NDR_U32:
    case MR_NDR_I32:
    case MR_NDR_F32:
    case MR_NDR_ENUM32:
        memcpy(&v.u32, c, 4);
        write_u32(n, v.u32);
        break;
    case MR_NDR_U3264:
    case MR_NDR_I3264:
        memcpy(&v.u64, c, 8);
        if (n->wide) {
            write_u64(n, v.u64);
        } else {
            if (t->kind == MR_NDR_U3264 ? v.u64 > UINT32_MAX
                                        : (int64_t)v.u64 != (int32_t)(uint32_t)v.u64)
                return fail_argument(n, at, "the value does not fit the 32 bits of NDR20");
            write_u32(n, (uint32_t)v.u64);
        }
        break;
    case MR_NDR_U64:
    case MR_NDR_I64:
    case MR_NDR_F64:
        memcpy(&v.u64, c, 8);
        write_u64(n, v.u64);
        break;
    case MR_NDR_UUID:
    case MR_NDR_CONTEXT:
    case MR_NDR_STRUCT:
    case MR_NDR_UNION:
    case MR_NDR_POINTER:
    case MR_NDR_ARRAY:
    case MR_NDR_PIPE:
        break;
    }
    return at->member && at->member->range ? check_range(n, t, c, at) : 0;
}

static void encode_uuid(encoder *n, const uint8_t *c) {
    uint8_t *p;
    align(n, 4);
    if ((p = add(n, sizeof(mr_uuid))) == NULL)
        return;
    mr_uuid uuid;
    memcpy(&uuid, c, sizeof uuid);
    if (!n->native) {
        uuid.time_low = __builtin_bswap32(uuid.time_low);
        uuid.time_mid = __builtin_bswap16(uuid.time_mid);
        uuid.time_hi = __builtin_bswap16(uuid.time_hi);
    }
    memcpy(p, &uuid, sizeof uuid);
}

static void encode_context(encoder *n, const uint8_t *c) {
    mr_ndr_context context;
    memcpy(&context, c, sizeof context);
    align(n, 4);
    write_u32(n, context.attributes);
    encode_uuid(n, (const uint8_t *)&context.uuid);
}

static int encode_elements(encoder *n, const mr_type *e, const uint8_t *c, uint64_t count,
                           const mr_ndr_place *at) {
    mr_ndr_place p = mr_ndr_place_element(at);
    int r = 0;

    if (count == 0)
        return 0;
    if (is_flat(n, e) && !(e->flags & MR_TYPE_RANGES) && !(at->member && at->member->range)) {
        align_type(n, e);
        size_t size;
        uint8_t *to = NULL;
        if (__builtin_mul_overflow(count, e->csize, &size))
            return fail_argument(n, at, "the array is too large");
        if ((to = add(n, size)) != NULL)
            memcpy(to, c, size);
        return 0;
    }
    for (uint64_t i = 0; i < count && r == 0 && !n->out->error; i++, c += e->csize) {
        p.index = i;
        r = encode_value(n, e, c, &p);
    }
    return r;
}

static int encode_array(encoder *n, const mr_type *t, const uint8_t *c, const mr_ndr_place *at) {
    const mr_ndr_array *a = t->u.array;
    mr_ndr_extent x;
    int r;

    if (mr_ndr_array_is_inline(t))
        return encode_elements(n, t->element, c, a->count, at);
    if ((r = mr_ndr_get_extent(t, c, at, n->args, &x, n->err)) != 0)
        return r;
    if (a->flags & MR_ARRAY_CONFORMANT) {
        if (!n->has_max)
            return mr_ndr_fail(n->err, MR_ERR_UNSUPPORTED, MR_ERROR_NO_OFFSET, at,
                               "a conformant array may only end a structure");
        n->has_max = false;
    }
    if (a->flags & MR_ARRAY_VARYING) {
        if (!n->wide && x.first + x.length > UINT32_MAX)
            return fail_argument(n, at, "the array is too large for NDR20");
        write_count(n, x.first);
        write_count(n, x.length);
    }
    return encode_elements(n, t->element, x.data, x.length, at);
}

/* The max_count of the conformant array that @t is or ends in. */
static int encode_max(encoder *n, const mr_type *t, const uint8_t *c, const mr_ndr_place *at) {
    if (t->kind == MR_NDR_STRUCT) {
        mr_ndr_place p = mr_ndr_place_inside(at, c);
        p.reached = MR_NDR_SETTLED;
        for (unsigned i = t->count; i-- > 0;) {
            const mr_ndr_member *m = &t->u.members[i];
            if (m->flags & MR_MEMBER_HIDDEN)
                continue;
            p.name = m->name;
            p.member = m;
            return encode_max(n, m->type, c + m->offset, &p);
        }
    } else if (t->kind == MR_NDR_ARRAY && (t->u.array->flags & MR_ARRAY_CONFORMANT)) {
        mr_ndr_extent x;
        int r = mr_ndr_get_extent(t, c, at, n->args, &x, n->err);
        if (r != 0)
            return r;
        if (!n->wide && x.size > UINT32_MAX)
            return fail_argument(n, at, "the array is too large for NDR20");
        write_count(n, x.size);
        n->has_max = true;
        return 0;
    }
    return mr_ndr_fail(n->err, MR_ERR_UNSUPPORTED, MR_ERROR_NO_OFFSET, at,
                       "the structure does not end in a conformant array");
}

static int encode_struct(encoder *n, const mr_type *t, const uint8_t *c, const mr_ndr_place *at) {
    mr_ndr_place p = mr_ndr_place_inside(at, c);
    int r;

    align_type(n, t);
    if (is_flat(n, t) && !(t->flags & MR_TYPE_RANGES)) {
        uint8_t *to = add(n, t->csize);
        if (to)
            memcpy(to, c, t->csize);
        return 0;
    }
    p.reached = MR_NDR_SETTLED;
    for (unsigned i = 0; i < t->count; i++) {
        const mr_ndr_member *m = &t->u.members[i];
        if (m->flags & MR_MEMBER_HIDDEN) {
            if (m->type->kind == MR_NDR_POINTER)
                write_count(n, 0);
            continue;
        }
        p.name = m->name;
        p.member = m;
        if ((r = encode_value(n, m->type, c + m->offset, &p)) != 0)
            return r;
    }
    if (n->wide)
        align(n, t->align64);
    return 0;
}

static int encode_union(encoder *n, const mr_type *t, const uint8_t *c, const mr_ndr_place *at) {
    mr_ndr_place p = mr_ndr_place_inside(at, c);
    uint64_t room = 0;
    int64_t value;
    int r;

    if (t->flags & MR_TYPE_ENCAPSULATED) {
        value = mr_ndr_load(t->element->kind, c);
    } else if (!at->member || !at->member->switch_is) {
        return mr_ndr_fail(n->err, MR_ERR_UNSUPPORTED, MR_ERROR_NO_OFFSET, at,
                           "the union has no discriminant");
    } else if (!mr_ndr_eval(at->member->switch_is, at, n->args, &value)) {
        return fail_argument(n, at, "its case cannot be worked out");
    }
    value = mr_ndr_wrap(t->element->kind, value);
    mr_ndr_store(t->element->kind, &room, value);
    const mr_ndr_arm *arm = mr_ndr_find_arm(t, value);
    if (!arm)
        return mr_ndr_fail(n->err, MR_ERR_ARGUMENT, n->out->len - n->start, at,
                           "the union has no case %lld", (long long)value);
    if (n->wide)
        align(n, t->align64);
    if ((r = encode_scalar(n, t->element, (uint8_t *)&room, &MR_NDR_PLACE_ROOT)) != 0)
        return r;
    if (n->wide)
        align(n, t->align64);
    if (!arm->type)
        return 0;
    p.name = arm->name;
    p.reached = MR_NDR_SETTLED;
    return encode_value(n, arm->type, c + arm->offset, &p);
}

/* What stands where no structure or array is around it: conformance comes first (C706 14.3.7.2). */
static int encode_outer(encoder *n, const mr_type *t, const uint8_t *c, const mr_ndr_place *at) {
    if ((t->kind == MR_NDR_STRUCT && (t->flags & MR_TYPE_CONFORMANT)) ||
        (t->kind == MR_NDR_ARRAY && (t->u.array->flags & MR_ARRAY_CONFORMANT))) {
        int r = encode_max(n, t, c, at);
        if (r != 0)
            return r;
    }
    return encode_value(n, t, c, at);
}

static inline uint64_t new_id(encoder *n) {
    return 0x20000 + 4 * (uint64_t)n->ids++;
}

/* The id of a full pointer: the same address and type have the same id in one stream. */
static int full_id(encoder *n, const mr_type *t, const void *p, uint64_t *idp) {
    mr_ndr_entry *e = mr_ndr_map_add(&n->full, &n->arena, (uintptr_t)p, t->element);
    if (!e)
        return MR_ERR_MEMORY;
    if (!e->value)
        e->value = (const void *)(uintptr_t)new_id(n);
    *idp = (uintptr_t)e->value;
    return 0;
}

/* Whether the referent of the full pointer at @slot is in the stream; from now on it is. */
static bool full_is_out(encoder *n, const mr_type *t, const void *slot) {
    const void *p;
    memcpy(&p, slot, sizeof p);
    mr_ndr_entry *e = mr_ndr_map_find(&n->full, (uintptr_t)p, t->element);
    bool out = e->note != NULL;
    e->note = n;
    return out;
}

/* An embedded pointer: its referent id now, its referent later. */
static int encode_pointer(encoder *n, const mr_type *t, const uint8_t *c,
                          const mr_ndr_place *at) {
    uint64_t id = 0;
    const void *p;

    memcpy(&p, c, sizeof p);
    if (!p && t->pointer_class == MR_POINTER_REF && !mr_ndr_is_collapsed(t->element))
        return fail_argument(n, at, "a reference pointer is null");
    if (p || t->pointer_class == MR_POINTER_REF) {
        int r = 0;
        if (t->pointer_class == MR_POINTER_FULL)
            r = full_id(n, t, p, &id);
        else
            id = new_id(n);
        if (r != 0 || mr_ndr_stack_push(&n->stack, t, (void *)(uintptr_t)c, at, id, 0) != 0)
            return mr_ndr_fail(n->err, MR_ERR_MEMORY, n->out->len - n->start, at,
                               "no memory is left for it");
    }
    write_count(n, id);
    return 0;
}

static int encode_value(encoder *n, const mr_type *t, const uint8_t *c, const mr_ndr_place *at) {
    switch ((enum mr_ndr_kind)t->kind) {
    case MR_NDR_STRUCT:
        return encode_struct(n, t, c, at);
    case MR_NDR_POINTER:
        return encode_pointer(n, t, c, at);
    case MR_NDR_ARRAY:
        return encode_array(n, t, c, at);
    case MR_NDR_UNION:
        return encode_union(n, t, c, at);
    case MR_NDR_UUID:
        encode_uuid(n, c);
        return 0;
    case MR_NDR_CONTEXT:
        encode_context(n, c);
        return 0;
    case MR_NDR_PIPE:
        return mr_ndr_fail(n->err, MR_ERR_UNSUPPORTED, MR_ERROR_NO_OFFSET, at,
                           "a pipe travels in chunks of its own");
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
    case MR_NDR_F32:
    case MR_NDR_F64:
    case MR_NDR_U3264:
    case MR_NDR_I3264:
    case MR_NDR_ENUM16:
    case MR_NDR_ENUM32:
        break;
    }
    return encode_scalar(n, t, c, at);
}

static int encode_referent(encoder *n, const mr_type *pointer, const void *slot,
                           const mr_ndr_place *at) {
    const void *c = slot;
    if (!mr_ndr_is_collapsed(pointer->element)) {
        memcpy(&c, slot, sizeof c);
        if (!c)
            return fail_argument(n, at, "a reference pointer is null");
    }
    return encode_outer(n, pointer->element, c, at);
}

static int encode_items(encoder *n) {
    while (n->stack.count > 0 && !n->out->error) {
        mr_ndr_item i = n->stack.items[--n->stack.count];
        mr_ndr_place at = mr_ndr_item_place(&i);
        size_t mark = n->stack.count;

        if (i.type->pointer_class == MR_POINTER_FULL && full_is_out(n, i.type, i.slot))
            continue;
        int r = encode_referent(n, i.type, i.slot, &at);
        if (r != 0)
            return r;
        mr_ndr_stack_turn(&n->stack, mark);
    }
    return 0;
}

static int encode_top(encoder *n, const mr_type *t, const uint8_t *c, const mr_ndr_place *at) {
    int r;
    if (t->kind != MR_NDR_POINTER || t->pointer_class != MR_POINTER_REF)
        r = encode_outer(n, t, c, at);
    else if (t->flags & MR_TYPE_POINTER_INLINE)
        r = encode_outer(n, t->element, c, at);
    else
        r = encode_referent(n, t, c, at);
    if (r != 0)
        return r;
    mr_ndr_stack_turn(&n->stack, 0);
    return encode_items(n);
}

static int encode_args(encoder *n, const mr_type *args_type, enum mr_ndr_side side) {
    mr_ndr_place p = MR_NDR_PLACE_ROOT;
    p.own = n->args;
    for (unsigned i = 0; i < args_type->count; i++) {
        const mr_ndr_member *m = &args_type->u.members[i];
        if (!mr_ndr_member_travels(m, side))
            continue;
        p.name = m->name;
        p.member = m;
        int r = encode_top(n, m->type, (const uint8_t *)n->args + m->offset, &p);
        if (r != 0)
            return r;
    }
    return 0;
}

/* What is to be encoded: parameters, or one value of @type. */
typedef struct job {
    const mr_type *args_type;
    const mr_type *type;
    enum mr_ndr_side side;
    mr_ndr_format format;
    const void *value;
} job;

static int run_job(const job *j, bool trace, mr_buf *out, mr_error *err) {
    encoder n;
    int r;

    n.out = out;
    n.start = out->len;
    n.native = j->format.big == MR_NDR_NATIVE_BIG;
    n.wide = j->format.syntax == MR_NDR64;
    n.has_max = false;
    n.flat = n.wide ? MR_TYPE_FLAT64 : MR_TYPE_FLAT20;
    n.ids = 0;
    n.args = j->args_type ? j->value : NULL;
    n.err = err;
    n.full = (mr_ndr_map){0};
    mr_arena_init(&n.arena, STACK_MOST);
    mr_ndr_stack_init(&n.stack, &n.arena, trace);
    r = j->args_type ? encode_args(&n, j->args_type, j->side)
                     : encode_top(&n, j->type, j->value, &MR_NDR_PLACE_ROOT);
    if (r == 0 && out->error)
        r = mr_fail(err, out->error, MR_FLOOR_NDR, out->len - n.start,
                    "the stub does not fit its buffer");
    mr_arena_deinit(&n.arena);
    return r;
}

static int encode_job(const job *j, mr_buf *out, mr_error *err) {
    mr_error first = MR_ERROR_INIT, again = MR_ERROR_INIT;
    size_t start = out->len;
    int r = run_job(j, false, out, &first);
    if (r == 0)
        return 0;
    if (!err) {
        out->len = start;
        return r;
    }
    *err = first;
    if (!out->error) {
        out->len = start;
        if (run_job(j, true, out, &again) == r && again.offset == first.offset)
            *err = again;
        out->len = start;
    }
    return r;
}

int mr_ndr_encode(const mr_proc *proc, enum mr_ndr_side side, mr_ndr_format format,
                  const void *args, mr_buf *out, mr_error *err) {
    if (!proc->args)
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_NDR, MR_ERROR_NO_OFFSET,
                       "the parameters of %s are not known", proc->name ? proc->name : "it");
    return encode_job(&(job){.args_type = proc->args, .side = side, .format = format,
                             .value = args},
                      out, err);
}

int mr_ndr_encode_type(const mr_type *type, mr_ndr_format format, const void *value, mr_buf *out,
                       mr_error *err) {
    return encode_job(&(job){.type = type, .format = format, .value = value}, out, err);
}
