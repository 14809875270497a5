/*
 * The decoder: octets to C structs, NDR20 (C706 14) and NDR64 (MS-RPCE 2.2.5), both byte orders.
 *
 * Flat types move in one copy or are borrowed from the stub. Correlations are compared at once
 * where every member they name has its value already, else after the last parameter. A failed
 * decode is walked a second time with paths kept, so that the message can name the parameter and
 * the good case pays nothing for it.
 */
#include "walk.h"

typedef struct mr_ndr_check {
    const mr_expr *expr;
    const char *what;
    int64_t value;
    unsigned kind;          /* the scalar that holds the value */
    size_t offset;
    mr_ndr_place at;
} mr_ndr_check;

typedef struct decoder {
    mr_cursor in;
    bool native;            /* the stub has this machine's byte order */
    bool wide;              /* NDR64 */
    bool has_max;           /* @max waits for the conformant array it belongs to */
    bool no_request;
    uint8_t flat;           /* MR_TYPE_FLAT20 or MR_TYPE_FLAT64 */
    uint32_t depth;
    uint32_t depth_most;
    uint32_t param;         /* C offset of the parameter being decoded */
    uint64_t max;
    enum mr_ndr_side side;
    const mr_type *args_type;
    uint8_t *args;
    mr_arena *arena;
    mr_error *err;
    mr_ndr_check *checks;
    size_t check_count;
    size_t check_size;
    mr_ndr_map full;
    mr_ndr_stack stack;
} decoder;

static int decode_value(decoder *d, const mr_type *t, uint8_t *c, const mr_ndr_place *at);

static int fail_memory(decoder *d, const mr_ndr_place *at) {
    return mr_ndr_fail(d->err, MR_ERR_MEMORY, d->in.pos, at, "no memory is left for it");
}

static int fail_truncated(decoder *d, const mr_ndr_place *at) {
    return mr_ndr_fail(d->err, MR_ERR_TRUNCATED, d->in.bad ? d->in.bad_at : d->in.pos, at,
                       "the stub of %zu octets ends too early", d->in.end);
}

static inline void align(decoder *d, const mr_type *t) {
    mr_cursor_align(&d->in, 0, d->wide ? t->align64 : t->align20);
}

/* A max_count, offset, actual_count or referent id: 4 octets in NDR20, 8 in NDR64. */
static inline uint64_t read_count(decoder *d) {
    if (d->wide) {
        mr_cursor_align(&d->in, 0, 8);
        return mr_cursor_read_u64(&d->in);
    }
    mr_cursor_align(&d->in, 0, 4);
    return mr_cursor_read_u32(&d->in);
}

static inline bool is_flat(const decoder *d, const mr_type *t) {
    return (t->flags & d->flat) && !(t->flags & MR_TYPE_RANGES) &&
           (d->native || t->csize == 1);
}

/* Whether the parameter at that C offset has the value the check needs. */
static bool param_settled(const decoder *d, uint32_t offset) {
    for (unsigned i = 0; i < d->args_type->count; i++) {
        const mr_ndr_member *m = &d->args_type->u.members[i];
        if (m->offset == offset)
            return mr_ndr_member_travels(m, d->side) ? offset < d->param : !d->no_request;
    }
    return false;
}

static bool is_settled(const decoder *d, const mr_expr *e, const mr_ndr_place *at) {
    for (uint32_t i = 0; i < e->count; i++) {
        const mr_expr_op *op = &e->ops[i];
        if (op->code != MR_EXPR_FIELD && op->code != MR_EXPR_IS_SET)
            continue;
        const uint8_t *scope = mr_ndr_scope(op, at, d->args);
        if (op->deref || !scope || op->code == MR_EXPR_IS_SET)
            return false;
        if (scope == d->args) {
            if (!d->args_type || !param_settled(d, (uint32_t)op->value))
                return false;
        } else if (op->scope == MR_SCOPE_STRUCT ? op->value >= at->reached
                                                : at->reached != MR_NDR_SETTLED) {
            return false;
        }
    }
    return true;
}

static int fail_check(decoder *d, const char *what, int64_t wire, int64_t value, size_t offset,
                      const mr_ndr_place *at) {
    return mr_ndr_fail(d->err, MR_ERR_MALFORMED, offset, at,
                       "%s %lld on the wire, but its IDL says %lld", what, (long long)wire,
                       (long long)value);
}

/* The wire says @value where the IDL says @e: they must agree, now or in the end. */
static int add_check(decoder *d, const mr_expr *e, const char *what, unsigned kind, int64_t value,
                     size_t offset, const mr_ndr_place *at) {
    int64_t v;
    if (is_settled(d, e, at) && mr_ndr_eval(e, at, d->args, &v)) {
        if (mr_ndr_wrap(kind, v) != value)
            return fail_check(d, what, value, v, offset, at);
        return 0;
    }
    if (d->check_count == d->check_size) {
        size_t size = d->check_size ? d->check_size * 2 : 8;
        mr_ndr_check *checks = mr_arena_get_raw(d->arena, size, sizeof *checks);
        if (!checks)
            return fail_memory(d, at);
        if (d->check_count)
            memcpy(checks, d->checks, d->check_count * sizeof *checks);
        d->checks = checks;
        d->check_size = size;
    }
    mr_ndr_check *check = &d->checks[d->check_count++];
    *check = (mr_ndr_check){.expr = e, .what = what, .value = value, .kind = kind,
                            .offset = offset, .at = *at};
    check->at.up = NULL;
    check->at.name = NULL;
    check->at.index = MR_NDR_NO_INDEX;
    if (d->stack.trace && mr_ndr_place_keep(at, d->arena, &check->at.up) != 0)
        return fail_memory(d, at);
    return 0;
}

/* Without the request, the [in] parameter that a size names learns its value from the wire. */
static void fill_request(decoder *d, const mr_ndr_check *check) {
    const mr_expr_op *op;
    int64_t v;
    if (!d->no_request || !mr_ndr_invert(check->expr, check->value, &op, &v) || op->deref ||
        mr_ndr_scope(op, &check->at, d->args) != d->args)
        return;
    for (unsigned i = 0; i < d->args_type->count; i++) {
        const mr_ndr_member *m = &d->args_type->u.members[i];
        if (m->offset == op->value && !mr_ndr_member_travels(m, d->side))
            mr_ndr_store(op->kind, d->args + m->offset, v);
    }
}

static int run_checks(decoder *d) {
    for (size_t i = 0; i < d->check_count; i++)
        fill_request(d, &d->checks[i]);
    for (size_t i = 0; i < d->check_count; i++) {
        const mr_ndr_check *check = &d->checks[i];
        int64_t v;
        if (!mr_ndr_eval(check->expr, &check->at, d->args, &v)) {
            if (d->no_request)
                continue;
            return mr_ndr_fail(d->err, MR_ERR_MALFORMED, check->offset, &check->at,
                               "%s cannot be worked out", check->what);
        }
        if (mr_ndr_wrap(check->kind, v) != check->value)
            return fail_check(d, check->what, check->value, v, check->offset, &check->at);
    }
    return 0;
}

static int check_range(decoder *d, const mr_type *t, const uint8_t *c, const mr_ndr_place *at) {
    const mr_ndr_range *range = at->member->range;
    int64_t v = mr_ndr_load(t->kind, c);
    if (v < range->low || v > range->high)
        return mr_ndr_fail(d->err, MR_ERR_RANGE, d->in.pos, at,
                           "%lld lies outside the range %lld to %lld", (long long)v,
                           (long long)range->low, (long long)range->high);
    return 0;
}

static inline int decode_scalar(decoder *d, const mr_type *t, uint8_t *c,
                                const mr_ndr_place *at) {
    union { uint16_t u16; uint32_t u32; uint64_t u64; } v;
    align(d, t);
    switch ((enum mr_ndr_kind)t->kind) {
    case MR_NDR_U8:
    case MR_NDR_I8:
    case MR_NDR_CHAR:
    case MR_NDR_BOOLEAN:
        *c = mr_cursor_read_u8(&d->in);
        break;
    case MR_NDR_U16:
    case MR_NDR_I16:
    case MR_NDR_WCHAR:
        v.u16 = mr_cursor_read_u16(&d->in);
        memcpy(c, &v.u16, 2);
        break;
    case MR_NDR_ENUM16:
        v.u32 = d->wide ? mr_cursor_read_u32(&d->in) : mr_cursor_read_u16(&d->in);
        memcpy(c, &v.u32, 4);
        break;
    case MR_NDR_U32:
    case MR_NDR_I32:
    case MR_NDR_F32:
    case MR_NDR_ENUM32:
        v.u32 = mr_cursor_read_u32(&d->in);
        memcpy(c, &v.u32, 4);
        break;
    case MR_NDR_U3264:
        v.u64 = d->wide ? mr_cursor_read_u64(&d->in) : mr_cursor_read_u32(&d->in);
        memcpy(c, &v.u64, 8);
        break;
    case MR_NDR_I3264:
        v.u64 = d->wide ? mr_cursor_read_u64(&d->in)
                        : (uint64_t)(int64_t)(int32_t)mr_cursor_read_u32(&d->in);
        memcpy(c, &v.u64, 8);
        break;
    case MR_NDR_U64:
    case MR_NDR_I64:
    case MR_NDR_F64:
        v.u64 = mr_cursor_read_u64(&d->in);
        memcpy(c, &v.u64, 8);
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
    return at->member && at->member->range && !d->in.bad ? check_range(d, t, c, at) : 0;
}

static void decode_uuid(decoder *d, uint8_t *c) {
    mr_cursor_align(&d->in, 0, 4);
    if (d->native) {
        const uint8_t *p = mr_cursor_take(&d->in, sizeof(mr_uuid));
        if (p)
            memcpy(c, p, sizeof(mr_uuid));
    } else {
        mr_uuid uuid = mr_cursor_read_uuid(&d->in);
        memcpy(c, &uuid, sizeof uuid);
    }
}

static void decode_context(decoder *d, uint8_t *c) {
    mr_ndr_context context;
    mr_cursor_align(&d->in, 0, 4);
    context.attributes = mr_cursor_read_u32(&d->in);
    context.uuid = mr_cursor_read_uuid(&d->in);
    memcpy(c, &context, sizeof context);
}

/* Turns @n plain scalars that were copied from a stub of the other byte order. */
static void swap_scalars(uint8_t *c, size_t n, uint32_t width) {
    for (size_t i = 0; i < n; i++, c += width) {
        union { uint16_t u16; uint32_t u32; uint64_t u64; } v;
        memcpy(&v, c, width);
        if (width == 2)
            v.u16 = __builtin_bswap16(v.u16);
        else if (width == 4)
            v.u32 = __builtin_bswap32(v.u32);
        else if (width == 8)
            v.u64 = __builtin_bswap64(v.u64);
        memcpy(c, &v, width);
    }
}

/* Elements whose wire form is their C form, or is but for the byte order. */
static inline bool is_bulk(const decoder *d, const mr_type *e, const mr_ndr_place *at) {
    if (at->member && at->member->range)
        return false;
    return is_flat(d, e) || (MR_NDR_IS_SCALAR(e->kind) && (e->flags & d->flat));
}

static int decode_elements(decoder *d, const mr_type *e, uint8_t *c, uint64_t n,
                           const mr_ndr_place *at) {
    mr_ndr_place p = mr_ndr_place_element(at);
    int r = 0;

    if (is_bulk(d, e, at)) {
        align(d, e);
        const uint8_t *from = mr_cursor_take(&d->in, n * e->csize);
        if (!from)
            return fail_truncated(d, at);
        memcpy(c, from, n * e->csize);
        if (!is_flat(d, e))
            swap_scalars(c, n, e->csize);
        return 0;
    }
    for (uint64_t i = 0; i < n && r == 0; i++, c += e->csize) {
        p.index = i;
        r = decode_value(d, e, c, &p);
        if (r == 0 && d->in.bad)
            r = fail_truncated(d, &p);
    }
    return r;
}

/* Finds or makes the memory for the @n elements and fills it. */
static int decode_referred(decoder *d, const mr_type *e, uint64_t n, const mr_ndr_place *at,
                           void **datap) {
    const uint32_t least = d->wide ? e->wire64 : e->wire20;
    if (n > mr_cursor_left(&d->in) / (least ? least : 1))
        return mr_ndr_fail(d->err, MR_ERR_TRUNCATED, d->in.pos, at,
                           "%llu elements of at least %u octets, %zu octets are left",
                           (unsigned long long)n, least, mr_cursor_left(&d->in));
    bool flat = is_flat(d, e) && !(at->member && at->member->range);
    if (flat) {
        uint8_t octets = d->wide ? e->align64 : e->align20;
        mr_cursor_align(&d->in, 0, octets);
        const uint8_t *p = d->in.base + d->in.pos;
        if (octets == 1 || ((uintptr_t)p & (octets - 1u)) == 0) {
            p = mr_cursor_take(&d->in, n * e->csize);
            if (!p)
                return fail_truncated(d, at);
            *datap = (void *)(uintptr_t)p;
            return 0;
        }
    }
    void *data = is_bulk(d, e, at) ? mr_arena_get_raw(d->arena, n, e->csize)
                                   : mr_arena_get(d->arena, n, e->csize);
    if (!data)
        return fail_memory(d, at);
    *datap = data;
    return decode_elements(d, e, data, n, at);
}

static bool ends_in_zero(const uint8_t *data, uint64_t n, uint32_t width) {
    const uint8_t *last = data + (n - 1) * width;
    return last[0] == 0 && memcmp(last, mr_ndr_nothing, width) == 0;
}

/* max_count, offset and actual_count against size_is, first_is and length_is. */
static inline int check_array(decoder *d, const mr_ndr_array *a, uint64_t max, uint64_t first,
                              uint64_t n, size_t offset, const mr_ndr_place *at) {
    int r = 0;
    if (a->size_is && (a->flags & MR_ARRAY_CONFORMANT))
        r = add_check(d, a->size_is, "its size is", MR_NDR_U64, (int64_t)max, offset, at);
    if (r == 0 && a->first_is && (a->flags & MR_ARRAY_VARYING))
        r = add_check(d, a->first_is, "its first index is", MR_NDR_U64, (int64_t)first, offset,
                      at);
    if (r == 0 && a->length_is && (a->flags & (MR_ARRAY_VARYING | MR_ARRAY_STRING)) ==
                                      MR_ARRAY_VARYING)
        r = add_check(d, a->length_is, "its length is", MR_NDR_U64, (int64_t)n, offset, at);
    return r;
}

static int decode_array(decoder *d, const mr_type *t, uint8_t *c, const mr_ndr_place *at) {
    const mr_ndr_array *a = t->u.array;
    const mr_type *e = t->element;
    uint64_t max = a->count ? a->count : UINT64_MAX, first = 0, n;
    size_t offset = d->in.pos;
    int r;

    if (mr_ndr_array_is_inline(t))
        return decode_elements(d, e, c, a->count, at);
    if (a->flags & MR_ARRAY_CONFORMANT) {
        if (!d->has_max)
            return mr_ndr_fail(d->err, MR_ERR_UNSUPPORTED, offset, at,
                               "a conformant array may only end a structure");
        max = d->max;
        d->has_max = false;
    }
    n = max;
    if (a->flags & MR_ARRAY_VARYING) {
        first = read_count(d);
        n = read_count(d);
    }
    if (d->in.bad)
        return fail_truncated(d, at);
    if (first > max || n > max - first || n > INT64_MAX || (first && !a->first_is))
        return mr_ndr_fail(d->err, MR_ERR_MALFORMED, offset, at,
                           "%llu elements from %llu on do not fit its size %llu",
                           (unsigned long long)n, (unsigned long long)first,
                           (unsigned long long)max);
    if ((r = check_array(d, a, max, first, n, offset, at)) != 0)
        return r;
    void *data = (void *)(uintptr_t)mr_ndr_nothing;
    if (n > 0 && (r = decode_referred(d, e, n, at, &data)) != 0)
        return r;
    if (n > 0 && (a->flags & MR_ARRAY_STRING) && !ends_in_zero(data, n, e->csize))
        return mr_ndr_fail(d->err, MR_ERR_MALFORMED, d->in.pos, at,
                           "the string does not end in a zero");
    memcpy(c, &data, sizeof data);
    return 0;
}

static int decode_struct(decoder *d, const mr_type *t, uint8_t *c, const mr_ndr_place *at) {
    mr_ndr_place p = mr_ndr_place_inside(at, c);
    int r;

    align(d, t);
    if (is_flat(d, t)) {
        const uint8_t *from = mr_cursor_take(&d->in, t->csize);
        if (from)
            memcpy(c, from, t->csize);
        return 0;
    }
    for (unsigned i = 0; i < t->count; i++) {
        const mr_ndr_member *m = &t->u.members[i];
        if (m->flags & MR_MEMBER_HIDDEN) {
            if (m->type->kind == MR_NDR_POINTER)
                (void)read_count(d);
            continue;
        }
        p.name = m->name;
        p.member = m;
        p.reached = m->offset;
        if ((r = decode_value(d, m->type, c + m->offset, &p)) != 0)
            return r;
        if (d->in.bad)
            return fail_truncated(d, &p);
    }
    if (d->wide)
        mr_cursor_align(&d->in, 0, t->align64);
    return 0;
}

static int decode_union(decoder *d, const mr_type *t, uint8_t *c, const mr_ndr_place *at) {
    mr_ndr_place p = mr_ndr_place_inside(at, c);
    uint64_t room = 0;
    void *tag = t->flags & MR_TYPE_ENCAPSULATED ? (void *)c : (void *)&room;
    size_t offset = d->in.pos;
    int r;

    if (d->wide)
        mr_cursor_align(&d->in, 0, t->align64);
    if ((r = decode_scalar(d, t->element, tag, &MR_NDR_PLACE_ROOT)) != 0)
        return r;
    if (d->in.bad)
        return fail_truncated(d, at);
    int64_t value = mr_ndr_load(t->element->kind, tag);
    if (!(t->flags & MR_TYPE_ENCAPSULATED)) {
        if (!at->member || !at->member->switch_is)
            return mr_ndr_fail(d->err, MR_ERR_UNSUPPORTED, offset, at,
                               "the union has no discriminant");
        r = add_check(d, at->member->switch_is, "its case is", t->element->kind, value, offset,
                      at);
        if (r != 0)
            return r;
    }
    const mr_ndr_arm *arm = mr_ndr_find_arm(t, value);
    if (!arm)
        return mr_ndr_fail(d->err, MR_ERR_MALFORMED, offset, at, "the union has no case %lld",
                           (long long)value);
    if (d->wide)
        mr_cursor_align(&d->in, 0, t->align64);
    if (!arm->type)
        return 0;
    p.name = arm->name;
    p.reached = arm->offset;
    return decode_value(d, arm->type, c + arm->offset, &p);
}

/* What stands where no structure or array is around it: conformance comes first (C706 14.3.7.2). */
static int decode_outer(decoder *d, const mr_type *t, uint8_t *c, const mr_ndr_place *at) {
    if ((t->kind == MR_NDR_STRUCT && (t->flags & MR_TYPE_CONFORMANT)) ||
        (t->kind == MR_NDR_ARRAY && (t->u.array->flags & MR_ARRAY_CONFORMANT))) {
        d->max = read_count(d);
        d->has_max = true;
        if (d->in.bad)
            return fail_truncated(d, at);
    }
    return decode_value(d, t, c, at);
}

/* An embedded pointer: its referent id now, its referent later. */
static int decode_pointer(decoder *d, const mr_type *t, uint8_t *c, const mr_ndr_place *at) {
    size_t offset = d->in.pos;
    uint64_t id = read_count(d);
    void *null = NULL;

    memcpy(c, &null, sizeof null);
    if (id != 0) {
        if (mr_ndr_stack_push(&d->stack, t, c, at, id, d->depth + 1) != 0)
            return fail_memory(d, at);
        return 0;
    }
    if (d->in.bad)
        return fail_truncated(d, at);
    if (t->pointer_class == MR_POINTER_REF)
        return mr_ndr_fail(d->err, MR_ERR_MALFORMED, offset, at, "a reference pointer is null");
    return 0;
}

static int decode_value(decoder *d, const mr_type *t, uint8_t *c, const mr_ndr_place *at) {
    switch ((enum mr_ndr_kind)t->kind) {
    case MR_NDR_STRUCT:
        return decode_struct(d, t, c, at);
    case MR_NDR_POINTER:
        return decode_pointer(d, t, c, at);
    case MR_NDR_ARRAY:
        return decode_array(d, t, c, at);
    case MR_NDR_UNION:
        return decode_union(d, t, c, at);
    case MR_NDR_UUID:
        decode_uuid(d, c);
        return 0;
    case MR_NDR_CONTEXT:
        decode_context(d, c);
        return 0;
    case MR_NDR_PIPE:
        return mr_ndr_fail(d->err, MR_ERR_UNSUPPORTED, d->in.pos, at,
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
    return decode_scalar(d, t, c, at);
}

/* The referent of the pointer at @slot: memory for it, then its construct. */
static int decode_referent(decoder *d, const mr_type *pointer, void *slot,
                           const mr_ndr_place *at) {
    const mr_type *e = pointer->element;
    if (mr_ndr_is_collapsed(e))
        return decode_outer(d, e, slot, at);
    uint8_t *c = mr_arena_get(d->arena, 1, e->csize);
    if (!c)
        return fail_memory(d, at);
    memcpy(slot, &c, sizeof c);
    return decode_outer(d, e, c, at);
}

/* A full pointer: one referent per id, met again it is the same C pointer. */
static int decode_full(decoder *d, const mr_ndr_item *i, const mr_ndr_place *at) {
    mr_ndr_entry *known = mr_ndr_map_add(&d->full, d->arena, i->id, NULL);
    if (!known)
        return fail_memory(d, at);
    if (known->value) {
        if (known->note != i->type->element)
            return mr_ndr_fail(d->err, MR_ERR_MALFORMED, d->in.pos, at,
                               "referent id 0x%llx already names a value of another type",
                               (unsigned long long)i->id);
        memcpy(i->slot, &known->value, sizeof known->value);
        return 0;
    }
    /* what the referent's own pointers lead to comes later: the map does not change meanwhile */
    int r = decode_referent(d, i->type, i->slot, at);
    memcpy(&known->value, i->slot, sizeof known->value);
    known->note = i->type->element;
    return r;
}

static int decode_items(decoder *d) {
    while (d->stack.count > 0) {
        mr_ndr_item i = d->stack.items[--d->stack.count];
        mr_ndr_place at = mr_ndr_item_place(&i);
        size_t mark = d->stack.count;

        if (i.depth > d->depth_most)
            return mr_ndr_fail(d->err, MR_ERR_LIMIT, d->in.pos, &at,
                               "more than %u pointers deep", d->depth_most);
        d->depth = i.depth;
        int r = i.type->pointer_class == MR_POINTER_FULL
                    ? decode_full(d, &i, &at)
                    : decode_referent(d, i.type, i.slot, &at);
        if (r != 0)
            return r;
        if (d->in.bad)
            return fail_truncated(d, &at);
        mr_ndr_stack_turn(&d->stack, mark);
    }
    return 0;
}

/* A parameter (or a lone value): a top-level reference pointer is not on the wire
 * (C706 14.3.12.1). */
static int decode_top(decoder *d, const mr_type *t, uint8_t *c, const mr_ndr_place *at) {
    int r;
    d->depth = 0;
    if (t->kind != MR_NDR_POINTER || t->pointer_class != MR_POINTER_REF)
        r = decode_outer(d, t, c, at);
    else if (t->flags & MR_TYPE_POINTER_INLINE)
        r = decode_outer(d, t->element, c, at);
    else
        r = decode_referent(d, t, c, at);
    if (r == 0 && d->in.bad)
        r = fail_truncated(d, at);
    if (r != 0)
        return r;
    mr_ndr_stack_turn(&d->stack, 0);
    return decode_items(d);
}

static int decode_args(decoder *d) {
    mr_ndr_place p = MR_NDR_PLACE_ROOT;
    p.own = d->args;
    for (unsigned i = 0; i < d->args_type->count; i++) {
        const mr_ndr_member *m = &d->args_type->u.members[i];
        if (!mr_ndr_member_travels(m, d->side))
            continue;
        p.name = m->name;
        p.member = m;
        p.reached = d->param = m->offset;
        int r = decode_top(d, m->type, d->args + m->offset, &p);
        if (r != 0)
            return r;
    }
    return 0;
}

/* What is to be decoded: @proc's parameters, or one value of @type. */
typedef struct job {
    const mr_type *args_type;
    const mr_type *type;
    enum mr_ndr_side side;
    mr_ndr_format format;
    mr_cursor in;
    const mr_ndr_limits *limits;
    mr_arena *arena;
    void *value;
} job;

static int run_job(const job *j, bool trace, size_t *restp, mr_error *err) {
    decoder d;
    int r;

    d.in = j->in;
    if (!d.in.base) /* an empty stub has an address too */
        d.in.base = (const uint8_t *)mr_ndr_nothing;
    d.in.big = j->format.big;
    d.native = j->format.big == MR_NDR_NATIVE_BIG;
    d.wide = j->format.syntax == MR_NDR64;
    d.has_max = false;
    d.no_request = j->limits && j->limits->no_request;
    d.flat = d.wide ? MR_TYPE_FLAT64 : MR_TYPE_FLAT20;
    d.depth = d.param = 0;
    d.depth_most = j->limits && j->limits->depth ? j->limits->depth : MR_NDR_DEPTH;
    d.side = j->side;
    d.args_type = j->args_type;
    d.args = j->args_type ? j->value : NULL;
    d.arena = j->arena;
    d.err = err;
    d.checks = NULL;
    d.check_count = d.check_size = 0;
    d.full = (mr_ndr_map){0};
    mr_ndr_stack_init(&d.stack, j->arena, trace);
    r = d.args_type ? decode_args(&d) : decode_top(&d, j->type, j->value, &MR_NDR_PLACE_ROOT);
    if (r == 0)
        r = run_checks(&d);
    if (r == 0 && restp)
        *restp = mr_cursor_left(&d.in);
    return r;
}

static int decode_job(const job *j, size_t *restp, mr_error *err) {
    mr_error first = MR_ERROR_INIT, again = MR_ERROR_INIT;
    int r = run_job(j, false, restp, &first);
    if (r == 0 || !err)
        return r;
    *err = run_job(j, true, NULL, &again) == r && again.offset == first.offset ? again : first;
    return r;
}

int mr_ndr_decode(const mr_proc *proc, enum mr_ndr_side side, mr_ndr_format format, mr_slice stub,
                  const mr_ndr_limits *limits, mr_arena *arena, void *args, size_t *restp,
                  mr_error *err) {
    if (!proc->args)
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_NDR, MR_ERROR_NO_OFFSET,
                       "the parameters of %s are not known", proc->name ? proc->name : "it");
    return decode_job(&(job){.args_type = proc->args, .side = side, .format = format,
                             .in = mr_cursor_of(stub), .limits = limits, .arena = arena,
                             .value = args},
                      restp, err);
}

int mr_ndr_decode_at(const mr_type *type, mr_ndr_format format, mr_cursor in,
                     const mr_ndr_limits *limits, mr_arena *arena, void *value, size_t *restp,
                     mr_error *err) {
    return decode_job(&(job){.type = type, .format = format, .in = in, .limits = limits,
                             .arena = arena, .value = value},
                      restp, err);
}

int mr_ndr_decode_type(const mr_type *type, mr_ndr_format format, mr_slice in,
                       const mr_ndr_limits *limits, mr_arena *arena, void *value, size_t *restp,
                       mr_error *err) {
    return mr_ndr_decode_at(type, format, mr_cursor_of(in), limits, arena, value, restp, err);
}
