/*
 * Layout: alignment and least size on the wire in NDR20 (C706 14.2, 14.3) and NDR64 (MS-RPCE
 * 2.2.5), and the C layout of an LP64 system, from which follows whether a structure is flat: its
 * octets in memory are its octets on the wire. Generated code guards every such claim with
 * static assertions. Padding makes a structure not flat, for it would leak memory.
 */
#include "ast.h"

typedef struct sizes {
    uint8_t align20, align64, calign;
    uint8_t wire20, wire64, csize;
} sizes;

static const sizes scalars[] = {
    [MR_NDR_U8] = {1, 1, 1, 1, 1, 1},     [MR_NDR_I8] = {1, 1, 1, 1, 1, 1},
    [MR_NDR_CHAR] = {1, 1, 1, 1, 1, 1},   [MR_NDR_BOOLEAN] = {1, 1, 1, 1, 1, 1},
    [MR_NDR_U16] = {2, 2, 2, 2, 2, 2},    [MR_NDR_I16] = {2, 2, 2, 2, 2, 2},
    [MR_NDR_WCHAR] = {2, 2, 2, 2, 2, 2},  [MR_NDR_U32] = {4, 4, 4, 4, 4, 4},
    [MR_NDR_I32] = {4, 4, 4, 4, 4, 4},    [MR_NDR_U64] = {8, 8, 8, 8, 8, 8},
    [MR_NDR_I64] = {8, 8, 8, 8, 8, 8},    [MR_NDR_F32] = {4, 4, 4, 4, 4, 4},
    [MR_NDR_F64] = {8, 8, 8, 8, 8, 8},    [MR_NDR_U3264] = {4, 8, 8, 4, 8, 8},
    [MR_NDR_I3264] = {4, 8, 8, 4, 8, 8},  [MR_NDR_ENUM16] = {2, 4, 4, 2, 4, 4},
    [MR_NDR_ENUM32] = {4, 4, 4, 4, 4, 4}, [MR_NDR_UUID] = {4, 4, 4, 16, 16, 16},
    [MR_NDR_CONTEXT] = {4, 4, 4, 20, 20, 20},
};

static uint32_t round_up(uint32_t n, uint32_t align) {
    return (uint32_t)(((uint64_t)n + align - 1) / align * align);
}

static uint32_t max(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

static uint32_t cap(uint64_t n) {
    return n > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)n;
}

/* @count values of @size octets in a row, each on its alignment. */
static uint32_t row(uint32_t count, uint32_t size, uint32_t align) {
    return count ? cap((uint64_t)round_up(size, align) * (count - 1) + size) : 0;
}

/* Where a value may begin: the least that aligns it, which may be less than it counts for in the
 * structure around it. NDR20 aligns a union's discriminant and arm each on its own; the counts of
 * an array lead its elements, and there may be none. */
static uint32_t place(const mr_idl_desc *d, bool wide) {
    while (d->kind == MR_NDR_ARRAY && !d->array_flags)
        d = d->element;
    if (d->kind == MR_NDR_UNION && !wide)
        return d->element->align20;
    if (d->kind == MR_NDR_ARRAY && (d->array_flags & MR_ARRAY_CONFORMANT))
        return 1;
    if (d->kind == MR_NDR_ARRAY)
        return wide ? 8 : 4;
    return wide ? d->align64 : d->align20;
}

static void layout_array(mr_idl_desc *d) {
    const mr_idl_desc *e = d->element;
    bool conformant = d->array_flags & MR_ARRAY_CONFORMANT;
    bool varying = d->array_flags & MR_ARRAY_VARYING;

    /* inside a structure max_count has moved to its front, the other counts stay in place */
    d->align20 = (uint8_t)max(e->align20, varying ? 4 : 1);
    d->align64 = (uint8_t)max(e->align64, varying ? 8 : 1);
    d->flags |= e->flags & (MR_TYPE_POINTERS | MR_TYPE_RANGES);
    if (d->array_flags) {
        d->wire20 = (conformant ? 4 : 0) + (varying ? 8 : 0);
        d->wire64 = (conformant ? 8 : 0) + (varying ? 16 : 0);
        d->csize = d->calign = sizeof(void *);
        return;
    }
    d->wire20 = row(d->count, e->wire20, place(e, false));
    d->wire64 = row(d->count, e->wire64, place(e, true));
    d->csize = cap((uint64_t)e->csize * d->count);
    d->calign = e->calign;
    d->flags |= e->flags & (MR_TYPE_FLAT20 | MR_TYPE_FLAT64);
}

void mr_idl_layout_desc(mr_idl_desc *d) {
    if (d->laid)
        return;
    if (d->kind < MR_COUNT(scalars)) {
        const sizes *s = &scalars[d->kind];
        d->align20 = s->align20;
        d->align64 = s->align64;
        d->calign = s->calign;
        d->wire20 = s->wire20;
        d->wire64 = s->wire64;
        d->csize = s->csize;
        d->flags |= (s->wire20 == s->csize ? MR_TYPE_FLAT20 : 0) |
                    (s->wire64 == s->csize ? MR_TYPE_FLAT64 : 0);
    } else if (d->kind == MR_NDR_POINTER && (d->flags & MR_TYPE_POINTER_INLINE)) {
        mr_idl_desc *e = d->element;
        mr_idl_layout_desc(e);
        d->align20 = e->align20;
        d->align64 = e->align64;
        d->calign = e->calign;
        d->wire20 = e->wire20;
        d->wire64 = e->wire64;
        d->csize = e->csize;
        d->flags |= e->flags & (MR_TYPE_POINTERS | MR_TYPE_RANGES);
    } else if (d->kind == MR_NDR_POINTER) {
        d->align20 = 4;
        d->align64 = 8;
        d->wire20 = 4;
        d->wire64 = 8;
        d->csize = d->calign = sizeof(void *);
        d->flags |= MR_TYPE_POINTERS;
    } else if (d->kind == MR_NDR_ARRAY) {
        mr_idl_layout_desc(d->element);
        layout_array(d);
    } else {
        return; /* compounds are laid when they are checked */
    }
    d->laid = true;
}

static bool conformant(const mr_idl_desc *d) {
    return (d->kind == MR_NDR_ARRAY && (d->array_flags & MR_ARRAY_CONFORMANT)) ||
           (d->kind == MR_NDR_STRUCT && (d->flags & MR_TYPE_CONFORMANT));
}

static void layout_struct(mr_idl_type *type) {
    mr_idl_desc *d = type->desc;
    uint8_t flat = type->fields ? MR_TYPE_FLAT20 | MR_TYPE_FLAT64 : 0;

    d->align20 = d->align64 = 1;
    d->calign = 1;
    for (mr_idl_field *f = type->fields; f; f = f->next) {
        mr_idl_desc *m = f->desc;
        if (!m)
            continue;
        mr_idl_layout_desc(m);
        uint32_t at = round_up(d->csize, m->calign);
        uint32_t at20 = round_up(d->wire20, place(m, false));
        uint32_t at64 = round_up(d->wire64, place(m, true));
        if (at != d->csize || at20 != at || (f->flags & (MR_MEMBER_IN | MR_MEMBER_OUT)))
            flat &= (uint8_t)~MR_TYPE_FLAT20;
        if (at != d->csize || at64 != at || (f->flags & (MR_MEMBER_IN | MR_MEMBER_OUT)))
            flat &= (uint8_t)~MR_TYPE_FLAT64;
        flat &= m->flags;
        d->csize = cap((uint64_t)at + m->csize);
        d->wire20 = cap((uint64_t)at20 + m->wire20);
        d->wire64 = cap((uint64_t)at64 + m->wire64);
        d->align20 = (uint8_t)max(d->align20, m->align20);
        d->align64 = (uint8_t)max(d->align64, m->align64);
        d->calign = max(d->calign, m->calign);
        d->flags |= m->flags & (MR_TYPE_POINTERS | MR_TYPE_RANGES);
        if (f->has_range)
            d->flags |= MR_TYPE_RANGES;
        if (conformant(m) && !f->flags)
            d->flags |= MR_TYPE_CONFORMANT;
    }
    if (round_up(d->csize, d->calign) != d->csize)
        flat = 0;
    d->csize = round_up(d->csize, d->calign);
    if (!(d->flags & MR_TYPE_CONFORMANT))
        d->wire64 = round_up(d->wire64, d->align64); /* the trailing gap of MS-RPCE 2.2.5.3.4.1 */
    d->flags |= flat;
}

static void layout_union(mr_idl_type *type) {
    mr_idl_desc *d = type->desc;
    uint32_t least20 = UINT32_MAX, least64 = UINT32_MAX; /* of the arms */

    mr_idl_layout_desc(d->element);
    d->align20 = d->element->align20;
    d->align64 = d->element->align64;
    d->calign = type->encapsulated ? d->element->calign : 1;
    if (type->encapsulated)
        d->flags |= MR_TYPE_ENCAPSULATED;
    for (mr_idl_field *f = type->fields; f; f = f->next) {
        mr_idl_desc *m = f->desc;
        if (!m) {
            least20 = least64 = 0;
            continue;
        }
        mr_idl_layout_desc(m);
        d->align20 = (uint8_t)max(d->align20, m->align20);
        d->align64 = (uint8_t)max(d->align64, m->align64);
        d->calign = max(d->calign, m->calign);
        d->csize = max(d->csize, m->csize);
        d->flags |= m->flags & (MR_TYPE_POINTERS | MR_TYPE_RANGES);
        if (f->has_range)
            d->flags |= MR_TYPE_RANGES;
        uint32_t at20 = round_up(d->element->wire20, place(m, false)) - d->element->wire20;
        least20 = at20 + m->wire20 < least20 ? at20 + m->wire20 : least20;
        least64 = m->wire64 < least64 ? m->wire64 : least64;
    }
    d->wire20 = d->element->wire20 + (least20 == UINT32_MAX ? 0 : least20);
    d->wire64 = round_up(d->element->wire64, d->align64) + (least64 == UINT32_MAX ? 0 : least64);
    d->csize = round_up(d->csize, d->calign);
    if (type->encapsulated)
        d->csize = cap((uint64_t)round_up(d->element->csize, d->calign) + d->csize);
}

void mr_idl_layout_compound(mr_idl_type *type) {
    if (type->kind == MR_IDL_STRUCT)
        layout_struct(type);
    else if (type->kind == MR_IDL_UNION)
        layout_union(type);
    else
        mr_idl_layout_desc(type->desc);
    type->desc->laid = true;
}
