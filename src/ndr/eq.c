/*
 * Equality of two values, referents included: the two are walked side by side, each with the
 * places its own correlations look at. Order does not matter, so referents are simply popped.
 * Memory for waiting referents running out makes the answer false.
 */
#include "walk.h"

#define STACK_MOST (256u << 20)

typedef struct comparer {
    const void *args_a;
    const void *args_b;
    mr_arena arena;
    mr_ndr_map full; /* (address in a, type) -> address in b */
    mr_ndr_stack a;
    mr_ndr_stack b;
} comparer;

static bool eq_value(comparer *q, const mr_type *t, const uint8_t *a, const uint8_t *b,
                     const mr_ndr_place *at_a, const mr_ndr_place *at_b);

static bool eq_elements(comparer *q, const mr_type *e, const uint8_t *a, const uint8_t *b,
                        uint64_t n, const mr_ndr_place *at_a, const mr_ndr_place *at_b) {
    for (uint64_t i = 0; i < n; i++) {
        if (!eq_value(q, e, a + i * e->csize, b + i * e->csize, at_a, at_b))
            return false;
    }
    return true;
}

static bool eq_array(comparer *q, const mr_type *t, const uint8_t *a, const uint8_t *b,
                     const mr_ndr_place *at_a, const mr_ndr_place *at_b) {
    mr_ndr_extent x, y;
    if (mr_ndr_get_extent(t, a, at_a, q->args_a, &x, NULL) != 0 ||
        mr_ndr_get_extent(t, b, at_b, q->args_b, &y, NULL) != 0)
        return false;
    if ((t->u.array->flags & MR_ARRAY_STRING) && x.length <= 1 && y.length <= 1)
        return true; /* an empty string with or without its terminator */
    return x.length == y.length && x.first == y.first &&
           eq_elements(q, t->element, x.data, y.data, x.length, at_a, at_b);
}

static bool eq_struct(comparer *q, const mr_type *t, const uint8_t *a, const uint8_t *b,
                      const mr_ndr_place *at_a, const mr_ndr_place *at_b) {
    mr_ndr_place in_a = mr_ndr_place_inside(at_a, a), in_b = mr_ndr_place_inside(at_b, b);
    for (unsigned i = 0; i < t->count; i++) {
        const mr_ndr_member *m = &t->u.members[i];
        if (m->flags & MR_MEMBER_HIDDEN)
            continue;
        in_a.member = in_b.member = m;
        if (!eq_value(q, m->type, a + m->offset, b + m->offset, &in_a, &in_b))
            return false;
    }
    return true;
}

static bool eq_union(comparer *q, const mr_type *t, const uint8_t *a, const uint8_t *b,
                     const mr_ndr_place *at_a, const mr_ndr_place *at_b) {
    mr_ndr_place in_a = mr_ndr_place_inside(at_a, a), in_b = mr_ndr_place_inside(at_b, b);
    int64_t x, y;

    if (t->flags & MR_TYPE_ENCAPSULATED) {
        x = mr_ndr_load(t->element->kind, a);
        y = mr_ndr_load(t->element->kind, b);
    } else if (!at_a->member || !at_a->member->switch_is ||
               !mr_ndr_eval(at_a->member->switch_is, at_a, q->args_a, &x) ||
               !mr_ndr_eval(at_a->member->switch_is, at_b, q->args_b, &y)) {
        return false;
    }
    const mr_ndr_arm *arm = mr_ndr_find_arm(t, mr_ndr_wrap(t->element->kind, x));
    if (x != y || !arm)
        return false;
    return !arm->type ||
           eq_value(q, arm->type, a + arm->offset, b + arm->offset, &in_a, &in_b);
}

static bool eq_pointer(comparer *q, const mr_type *t, const uint8_t *a, const uint8_t *b,
                       const mr_ndr_place *at_a, const mr_ndr_place *at_b) {
    const void *x, *y;
    if (t->flags & MR_TYPE_POINTER_INLINE)
        return eq_value(q, t->element, a, b, at_a, at_b);
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    if (!x || !y) /* no elements may be a null reference or not */
        return x == y || (t->pointer_class == MR_POINTER_REF && mr_ndr_is_collapsed(t->element) &&
                          eq_value(q, t->element, a, b, at_a, at_b));
    if (t->pointer_class == MR_POINTER_FULL) {
        mr_ndr_entry *e = mr_ndr_map_add(&q->full, &q->arena, (uintptr_t)x, t->element);
        if (!e)
            return false;
        if (e->value)
            return e->value == y;
        e->value = y;
    }
    return mr_ndr_stack_push(&q->a, t, (void *)(uintptr_t)a, at_a, 0, 0) == 0 &&
           mr_ndr_stack_push(&q->b, t, (void *)(uintptr_t)b, at_b, 0, 0) == 0;
}

static bool eq_value(comparer *q, const mr_type *t, const uint8_t *a, const uint8_t *b,
                     const mr_ndr_place *at_a, const mr_ndr_place *at_b) {
    if (t->kind == MR_NDR_STRUCT)
        return eq_struct(q, t, a, b, at_a, at_b);
    if (t->kind == MR_NDR_ARRAY)
        return eq_array(q, t, a, b, at_a, at_b);
    if (t->kind == MR_NDR_UNION)
        return eq_union(q, t, a, b, at_a, at_b);
    if (t->kind == MR_NDR_POINTER)
        return eq_pointer(q, t, a, b, at_a, at_b);
    return memcmp(a, b, t->csize) == 0;
}

static bool eq_items(comparer *q) {
    while (q->a.count > 0) {
        mr_ndr_item a = q->a.items[--q->a.count], b = q->b.items[--q->b.count];
        mr_ndr_place at_a = mr_ndr_item_place(&a), at_b = mr_ndr_item_place(&b);
        const void *x = a.slot, *y = b.slot;
        if (!mr_ndr_is_collapsed(a.type->element)) {
            memcpy(&x, a.slot, sizeof x);
            memcpy(&y, b.slot, sizeof y);
        }
        if (!eq_value(q, a.type->element, x, y, &at_a, &at_b))
            return false;
    }
    return true;
}

static void comparer_init(comparer *q, const void *args_a, const void *args_b) {
    q->args_a = args_a;
    q->args_b = args_b;
    q->full = (mr_ndr_map){0};
    mr_arena_init(&q->arena, STACK_MOST);
    mr_ndr_stack_init(&q->a, &q->arena, false);
    mr_ndr_stack_init(&q->b, &q->arena, false);
}

bool mr_ndr_eq_type(const mr_type *type, const void *a, const void *b) {
    comparer q;
    comparer_init(&q, NULL, NULL);
    bool eq = eq_value(&q, type, a, b, &MR_NDR_PLACE_ROOT, &MR_NDR_PLACE_ROOT) && eq_items(&q);
    mr_arena_deinit(&q.arena);
    return eq;
}

bool mr_ndr_eq(const mr_proc *proc, enum mr_ndr_side side, const void *a, const void *b) {
    mr_ndr_place at_a = MR_NDR_PLACE_ROOT, at_b = MR_NDR_PLACE_ROOT;
    comparer q;
    bool eq = proc->args != NULL;

    comparer_init(&q, a, b);
    at_a.own = a;
    at_b.own = b;
    for (unsigned i = 0; eq && i < proc->args->count; i++) {
        const mr_ndr_member *m = &proc->args->u.members[i];
        if (!mr_ndr_member_travels(m, side))
            continue;
        at_a.member = at_b.member = m;
        eq = eq_value(&q, m->type, (const uint8_t *)a + m->offset, (const uint8_t *)b + m->offset,
                      &at_a, &at_b) &&
             eq_items(&q);
    }
    mr_arena_deinit(&q.arena);
    return eq;
}
