/*
 * The generator: valid random C structs for tests and fuzzing. Sizes, lengths and discriminants
 * are chosen where the array or union stands and written into the members they depend on, which
 * are settled from then on; everything else is free. The same random stream gives the same value.
 */
#include "walk.h"

#define COUNT_MOST 5      /* elements of an array, where nothing forces more */
#define PLAIN_TEXT 7 /* characters of an example's text */
#define FORCED_MOST 4096
#define DEPTH_MOST 6      /* referents below one another, where they may be null */
#define REFERENTS_MOST 400

typedef struct generator {
    mr_random *random;
    mr_arena *arena;
    mr_error *err;
    uint8_t *args;
    uint32_t depth;
    uint32_t referents;
    mr_ndr_map settled; /* C place -> itself: has its final value */
    mr_ndr_map ranges;  /* C place -> mr_ndr_range */
    mr_ndr_map full;    /* ordinal -> referent of a full pointer, noted with its type */
    uint64_t full_count;
} generator;

static int generate_value(generator *g, const mr_type *t, uint8_t *c, const mr_ndr_place *at);

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t mr_random_get(mr_random *random) {
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t below(generator *g, uint64_t n) {
    if (g->random->plain)
        return n > 1;
    return n ? mr_random_get(g->random) % n : 0;
}

static int fail_memory(generator *g, const mr_ndr_place *at) {
    return mr_ndr_fail(g->err, MR_ERR_MEMORY, MR_ERROR_NO_OFFSET, at, "no memory is left for it");
}

static bool is_settled(const generator *g, const uint8_t *c) {
    return mr_ndr_map_find(&g->settled, (uintptr_t)c, NULL) != NULL;
}

static int settle(generator *g, const uint8_t *c, const mr_ndr_place *at) {
    mr_ndr_entry *e = mr_ndr_map_add(&g->settled, g->arena, (uintptr_t)c, NULL);
    if (!e)
        return fail_memory(g, at);
    e->value = c;
    return 0;
}

/* Settles the member that @expr depends on so that it yields about *@valuep; the value it really
 * yields goes there. */
static int choose(generator *g, const mr_expr *expr, int64_t *valuep, const mr_ndr_place *at) {
    const mr_expr_op *op;
    int64_t v, got = *valuep;
    bool can = false;
    int r;

    for (int64_t more = 0; more < COUNT_MOST && !can; more++)
        can = mr_ndr_invert(expr, got + more, &op, &v);
    if (can) {
        uint8_t *c = (uint8_t *)(uintptr_t)mr_ndr_scope(op, at, g->args);
        if (!c)
            return mr_ndr_fail(g->err, MR_ERR_UNSUPPORTED, MR_ERROR_NO_OFFSET, at,
                               "what its size or case depends on is not here");
        c += op->value;
        if (!is_settled(g, c)) {
            const mr_ndr_entry *e = mr_ndr_map_find(&g->ranges, (uintptr_t)c, NULL);
            const mr_ndr_range *range = e ? e->value : NULL;
            if ((r = settle(g, c, at)) != 0)
                return r;
            for (unsigned i = 0; i < op->deref; i++) {
                uint8_t *to = mr_arena_get(g->arena, 1, sizeof(uint64_t));
                if (!to)
                    return fail_memory(g, at);
                memcpy(c, &to, sizeof to);
                c = to;
            }
            if (range && v < range->low)
                v = range->low;
            if (range && v > range->high)
                v = range->high;
            mr_ndr_store(op->kind, c, v);
        }
    }
    if (!mr_ndr_eval(expr, at, g->args, &got))
        return mr_ndr_fail(g->err, MR_ERR_UNSUPPORTED, MR_ERROR_NO_OFFSET, at,
                           "its size or case cannot be worked out");
    *valuep = got;
    return 0;
}

static int choose_count(generator *g, const mr_expr *expr, uint64_t *countp,
                        const mr_ndr_place *at) {
    int64_t v = (int64_t)*countp;
    int r = choose(g, expr, &v, at);
    if (r != 0)
        return r;
    if (v < 0 || v > FORCED_MOST)
        return mr_ndr_fail(g->err, MR_ERR_UNSUPPORTED, MR_ERROR_NO_OFFSET, at,
                           "%lld elements are not for a test", (long long)v);
    *countp = (uint64_t)v;
    return 0;
}

static int64_t random_enum(generator *g, const mr_type *t) {
    if (t->count && g->random->plain)
        return t->u.enumerators[0].value;
    if (t->count && below(g, 8))
        return t->u.enumerators[below(g, t->count)].value;
    return (int64_t)below(g, 0x10000);
}

static void generate_scalar(generator *g, const mr_type *t, uint8_t *c, const mr_ndr_place *at) {
    const mr_ndr_range *range = at->member ? at->member->range : NULL;
    int64_t v = g->random->plain ? 0 : (int64_t)mr_random_get(g->random);

    if (below(g, 4) == 0)
        v = (int64_t)below(g, 4);
    if (t->kind == MR_NDR_F32) {
        float f = (float)(int32_t)v / 256;
        memcpy(c, &f, sizeof f);
        return;
    }
    if (t->kind == MR_NDR_F64) {
        double d = (double)v / 65536;
        memcpy(c, &d, sizeof d);
        return;
    }
    if (t->kind == MR_NDR_BOOLEAN)
        v &= 1;
    else if (t->kind == MR_NDR_ENUM16 || t->kind == MR_NDR_ENUM32)
        v = random_enum(g, t);
    else if (t->kind == MR_NDR_U3264)
        v = (uint32_t)v;
    else if (t->kind == MR_NDR_I3264)
        v = (int32_t)v;
    if (range) {
        uint64_t span = (uint64_t)range->high - (uint64_t)range->low + 1;
        v = (int64_t)((uint64_t)range->low + (span ? (uint64_t)v % span : (uint64_t)v));
    }
    mr_ndr_store(t->kind, c, v);
}

static void generate_octets(generator *g, uint8_t *c, size_t n) {
    for (size_t i = 0; i < n; i++)
        c[i] = g->random->plain ? 0 : (uint8_t)mr_random_get(g->random);
}

/* @n - 1 characters and a zero; now and then one that no UTF knows. */
static void generate_string(generator *g, const mr_type *e, uint8_t *c, uint64_t n) {
    const bool odd = below(g, 6) == 0;
    for (uint64_t i = 0; i + 1 < n; i++, c += e->csize) {
        uint64_t v = odd ? 0x80 + below(g, 0xff00 >> (e->csize == 1 ? 9 : 0))
                         : 32 + below(g, 95);
        if (g->random->plain)
            v = 'a' + i;
        memset(c, 0, e->csize);
        if (e->csize == 1)
            *c = (uint8_t)v;
        else
            memcpy(c, &(uint16_t){(uint16_t)v}, 2);
    }
    memset(c, 0, e->csize);
}

static int generate_array(generator *g, const mr_type *t, uint8_t *c, const mr_ndr_place *at) {
    const mr_ndr_array *a = t->u.array;
    const mr_type *e = t->element;
    mr_ndr_place in = mr_ndr_place_element(at);
    const bool string = (a->flags & MR_ARRAY_STRING) != 0;
    uint64_t n = a->count, size, first = 0;
    int r = 0;

    if (!mr_ndr_array_is_inline(t)) {
        n = string + (g->referents < REFERENTS_MOST ? below(g, COUNT_MOST) : 0);
        if (string && g->random->plain)
            n = PLAIN_TEXT + 1;
        if (a->count && n > a->count)
            n = a->count;
        size = a->size_is ? n + (string || a->length_is ? below(g, 3) : 0) : a->count;
        if (a->size_is && (r = choose_count(g, a->size_is, &size, at)) != 0)
            return r;
        if (a->first_is && (r = choose_count(g, a->first_is, &first, at)) != 0)
            return r;
        if ((a->size_is || a->count) && n > size - (first < size ? first : size))
            n = size - (first < size ? first : size);
        if (!string && a->length_is)
            r = choose_count(g, a->length_is, &n, at);
        else if (!string)
            n = size - (first < size ? first : size);
        if (r != 0)
            return r;
        if ((a->size_is || a->count) && (first > size || n > size - first))
            return mr_ndr_fail(g->err, MR_ERR_UNSUPPORTED, MR_ERROR_NO_OFFSET, at,
                               "its size and length are tied to other arrays");
        uint8_t *data = mr_arena_get(g->arena, n ? n : 1, e->csize);
        if (!data)
            return fail_memory(g, at);
        memcpy(c, &data, sizeof data);
        c = data;
    }
    if (string && n > 0) {
        generate_string(g, e, c, n);
        return 0;
    }
    for (uint64_t i = 0; i < n && r == 0; i++, c += e->csize) {
        in.index = i;
        r = generate_value(g, e, c, &in);
    }
    return r;
}

static int generate_members(generator *g, const mr_type *t, uint8_t *c, mr_ndr_place *in,
                            unsigned wanted) {
    int r = 0;
    for (unsigned i = 0; i < t->count; i++) {
        const mr_ndr_member *m = &t->u.members[i];
        if (!m->range)
            continue;
        mr_ndr_entry *e = mr_ndr_map_add(&g->ranges, g->arena, (uintptr_t)(c + m->offset), NULL);
        if (!e)
            return fail_memory(g, in);
        e->value = m->range;
    }
    for (unsigned i = 0; i < t->count && r == 0; i++) {
        const mr_ndr_member *m = &t->u.members[i];
        if ((m->flags & MR_MEMBER_HIDDEN) || (wanted && !(m->flags & wanted)))
            continue;
        in->name = m->name;
        in->member = m;
        r = generate_value(g, m->type, c + m->offset, in);
    }
    return r;
}

/* The label of a random arm; for the default arm a value that no label has. */
static int64_t random_case(generator *g, const mr_type *t) {
    const mr_ndr_arm *arm = &t->u.arms[below(g, t->count)];
    int64_t v = arm->value;
    if (!arm->is_default)
        return mr_ndr_wrap(t->element->kind, v);
    for (v = 0; v < t->count; v++) {
        const mr_ndr_arm *found = mr_ndr_find_arm(t, mr_ndr_wrap(t->element->kind, v));
        if (found && found->is_default)
            break;
    }
    return mr_ndr_wrap(t->element->kind, v);
}

static int generate_union(generator *g, const mr_type *t, uint8_t *c, const mr_ndr_place *at) {
    const mr_expr *expr = at->member ? at->member->switch_is : NULL;
    mr_ndr_place in = mr_ndr_place_inside(at, c);
    int64_t v = random_case(g, t);
    int r;

    if (t->flags & MR_TYPE_ENCAPSULATED)
        mr_ndr_store(t->element->kind, c, v);
    else if (!expr)
        return mr_ndr_fail(g->err, MR_ERR_UNSUPPORTED, MR_ERROR_NO_OFFSET, at,
                           "the union has no discriminant");
    else if ((r = choose(g, expr, &v, at)) != 0)
        return r;
    const mr_ndr_arm *arm = mr_ndr_find_arm(t, mr_ndr_wrap(t->element->kind, v));
    if (!arm)
        return mr_ndr_fail(g->err, MR_ERR_UNSUPPORTED, MR_ERROR_NO_OFFSET, at,
                           "the union has no case %lld", (long long)v);
    in.name = arm->name;
    return arm->type ? generate_value(g, arm->type, c + arm->offset, &in) : 0;
}

/* A full pointer may lead where another of its type leads already: then 1. */
static int generate_alias(generator *g, const mr_type *t, uint8_t *c) {
    if (!g->full_count || below(g, 3))
        return 0;
    const mr_ndr_entry *e = mr_ndr_map_find(&g->full, 1 + below(g, g->full_count), NULL);
    if (!e || e->note != t->element)
        return 0;
    memcpy(c, &e->value, sizeof e->value);
    return 1;
}

static int generate_pointer(generator *g, const mr_type *t, uint8_t *c, const mr_ndr_place *at) {
    const bool full = t->pointer_class == MR_POINTER_FULL;
    int r;

    if (t->flags & MR_TYPE_POINTER_INLINE)
        return generate_value(g, t->element, c, at);
    if (is_settled(g, c))
        return 0;
    if (t->pointer_class != MR_POINTER_REF &&
        (g->depth >= DEPTH_MOST || g->referents >= REFERENTS_MOST || below(g, 4) == 0)) {
        memset(c, 0, sizeof(void *));
        return 0;
    }
    g->referents++;
    if (mr_ndr_is_collapsed(t->element)) {
        g->depth++;
        r = generate_value(g, t->element, c, at);
        g->depth--;
        return r;
    }
    if (full && generate_alias(g, t, c))
        return 0;
    uint8_t *to = mr_arena_get(g->arena, 1, t->element->csize);
    if (!to)
        return fail_memory(g, at);
    memcpy(c, &to, sizeof to);
    if (full) {
        mr_ndr_entry *e = mr_ndr_map_add(&g->full, g->arena, ++g->full_count, NULL);
        if (!e)
            return fail_memory(g, at);
        e->value = to;
        e->note = t->element;
    }
    g->depth++;
    r = generate_value(g, t->element, to, at);
    g->depth--;
    return r;
}

static int generate_value(generator *g, const mr_type *t, uint8_t *c, const mr_ndr_place *at) {
    mr_ndr_place in;
    switch ((enum mr_ndr_kind)t->kind) {
    case MR_NDR_STRUCT:
        in = mr_ndr_place_inside(at, c);
        return generate_members(g, t, c, &in, 0);
    case MR_NDR_UNION:
        return generate_union(g, t, c, at);
    case MR_NDR_POINTER:
        return generate_pointer(g, t, c, at);
    case MR_NDR_ARRAY:
        return generate_array(g, t, c, at);
    case MR_NDR_UUID:
    case MR_NDR_CONTEXT:
        generate_octets(g, c, t->csize);
        return 0;
    case MR_NDR_PIPE:
        return mr_ndr_fail(g->err, MR_ERR_UNSUPPORTED, MR_ERROR_NO_OFFSET, at,
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
    if (!is_settled(g, c))
        generate_scalar(g, t, c, at);
    return 0;
}

/* What the other half of the call carried, and is not zero, stays. */
static int settle_others(generator *g, const mr_type *t, enum mr_ndr_side side) {
    for (unsigned i = 0; i < t->count; i++) {
        const mr_ndr_member *m = &t->u.members[i];
        const uint8_t *c = g->args + m->offset;
        int r = 0;
        if (!mr_ndr_member_travels(m, side) && MR_NDR_IS_SCALAR(m->type->kind) &&
            mr_ndr_load(m->type->kind, c) != 0)
            r = settle(g, c, &MR_NDR_PLACE_ROOT);
        if (r != 0)
            return r;
    }
    return 0;
}

int mr_ndr_generate(const mr_proc *proc, enum mr_ndr_side side, mr_random *random,
                    mr_arena *arena, void *args, mr_error *err) {
    generator g = {.random = random, .arena = arena, .err = err, .args = args};
    mr_ndr_place at = MR_NDR_PLACE_ROOT;
    int r;

    if (!proc->args)
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_NDR, MR_ERROR_NO_OFFSET,
                       "the parameters of %s are not known", proc->name ? proc->name : "it");
    at.own = args;
    if ((r = settle_others(&g, proc->args, side)) != 0)
        return r;
    return generate_members(&g, proc->args, args, &at,
                            side == MR_NDR_REQUEST ? MR_MEMBER_IN : MR_MEMBER_OUT);
}

int mr_ndr_generate_type(const mr_type *type, mr_random *random, mr_arena *arena, void *value,
                         mr_error *err) {
    generator g = {.random = random, .arena = arena, .err = err};
    return generate_value(&g, type, value, &MR_NDR_PLACE_ROOT);
}
