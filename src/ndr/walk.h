/*
 * What the walkers share. A walker stands at a place: the structure around it (what correlation
 * expressions see), the member it came through (whose switch_is and range apply) and the step that
 * led there (for messages). Embedded types are walked by recursion, which the nesting of the type
 * bounds; referents of embedded pointers wait as items on an explicit stack, so that the data's
 * own depth costs no C stack. Popping the newest item after turning each construct's run of items
 * round walks referents depth first, left to right (C706 14.3.12.3).
 *
 * Invariants: places live on the C stack or, for items, in the walk's arena; an item's slot is the
 * C place of its pointer and stays where it is until the walk ends.
 */
#ifndef MSRPC_NDR_WALK_H
#define MSRPC_NDR_WALK_H

#include <msrpc/ndr.h>

#define MR_NDR_DEPTH 1024
#define MR_NDR_NO_INDEX UINT64_MAX
#define MR_NDR_SETTLED UINT32_MAX
#define MR_NDR_NATIVE_BIG (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

typedef struct mr_ndr_place {
    const struct mr_ndr_place *up; /* towards the root */
    const char *name;              /* the member that was taken, or NULL */
    uint64_t index;                /* the element that was taken, or MR_NDR_NO_INDEX */
    const mr_ndr_member *member;   /* whose switch_is and range apply; NULL: none */
    const void *own;               /* MR_SCOPE_STRUCT */
    const void *enclosing;         /* MR_SCOPE_ENCLOSING */
    uint32_t reached;              /* members of @own below this C offset have their values */
    bool kept;                     /* lives in the arena, as does everything above it */
} mr_ndr_place;

#define MR_NDR_PLACE_ROOT ((mr_ndr_place){.index = MR_NDR_NO_INDEX})

/* The place below @at that a structure's (or union's) members stand at. */
static inline mr_ndr_place mr_ndr_place_inside(const mr_ndr_place *at, const void *own) {
    return (mr_ndr_place){.up = at, .index = MR_NDR_NO_INDEX, .own = own, .enclosing = at->own};
}
/* The place below @at that an array's elements stand at. */
static inline mr_ndr_place mr_ndr_place_element(const mr_ndr_place *at) {
    mr_ndr_place p = *at;
    p.up = at;
    p.name = NULL;
    p.index = MR_NDR_NO_INDEX;
    p.kept = false;
    return p;
}

/* Copies the path of @at into @arena, down to the steps that are there already: 0 or
 * MR_ERR_MEMORY. */
int mr_ndr_place_keep(const mr_ndr_place *at, mr_arena *arena, const mr_ndr_place **keptp);

/* A referent that waits for its turn. */
typedef struct mr_ndr_item {
    const mr_type *type;         /* the pointer's */
    void *slot;                  /* the pointer's C place */
    const mr_ndr_member *member;
    const void *own;
    const void *enclosing;
    const mr_ndr_place *trail;   /* in the arena; NULL unless the walk traces */
    uint64_t id;                 /* referent id, full pointers only */
    uint32_t depth;
} mr_ndr_item;

#define MR_NDR_STACK_FIRST 32

typedef struct mr_ndr_stack {
    mr_ndr_item *items;
    size_t count;
    size_t size;
    mr_arena *arena;             /* where it grows */
    bool trace;                  /* keep the path of every item, for messages */
    mr_ndr_item first[MR_NDR_STACK_FIRST];
} mr_ndr_stack;

static inline void mr_ndr_stack_init(mr_ndr_stack *s, mr_arena *arena, bool trace) {
    s->items = s->first;
    s->count = 0;
    s->size = MR_NDR_STACK_FIRST;
    s->arena = arena;
    s->trace = trace;
}
/* Makes room for one more item. 0 or MR_ERR_MEMORY. */
int mr_ndr_stack_grow(mr_ndr_stack *s);
/* Adds the referent of the pointer at @slot; 0 or MR_ERR_MEMORY. */
static inline int mr_ndr_stack_push(mr_ndr_stack *s, const mr_type *type, void *slot,
                                    const mr_ndr_place *at, uint64_t id, uint32_t depth) {
    if (s->count == s->size && mr_ndr_stack_grow(s) != 0)
        return MR_ERR_MEMORY;
    mr_ndr_item *i = &s->items[s->count];
    i->type = type;
    i->slot = slot;
    i->member = at->member;
    i->own = at->own;
    i->enclosing = at->enclosing;
    i->trail = NULL;
    i->id = id;
    i->depth = depth;
    if (s->trace && mr_ndr_place_keep(at, s->arena, &i->trail) != 0)
        return MR_ERR_MEMORY;
    s->count++;
    return 0;
}
/* Turns the items from @mark on round, so that the leftmost is popped first. */
static inline void mr_ndr_stack_turn(mr_ndr_stack *s, size_t mark) {
    if (s->count < mark + 2)
        return;
    for (mr_ndr_item *a = s->items + mark, *b = s->items + s->count - 1; a < b; a++, b--) {
        mr_ndr_item t = *a;
        *a = *b;
        *b = t;
    }
}
/* The root place of a popped item's referent: everything in its structures has its value. */
static inline mr_ndr_place mr_ndr_item_place(const mr_ndr_item *i) {
    return (mr_ndr_place){.up = i->trail, .index = MR_NDR_NO_INDEX, .member = i->member,
                          .own = i->own, .enclosing = i->enclosing, .reached = MR_NDR_SETTLED};
}

/* Writes "entries[3].tower" into @out, the middle left out where it does not fit; "value" for the
 * root. */
#define MR_NDR_PATH 96
/* mr_fail with the path put in front of the sentence. */
int mr_ndr_fail(mr_error *err, int code, size_t offset, const mr_ndr_place *at, const char *fmt,
                ...) __attribute__((format(printf, 5, 6)));

/* A hash map keyed by a number and a type, for full pointers and marks; grows in @arena. */
typedef struct mr_ndr_entry {
    uint64_t key;
    const void *type;
    const void *value; /* NULL: free */
    const void *note;
} mr_ndr_entry;
typedef struct mr_ndr_map {
    mr_ndr_entry *entries;
    size_t count;
    size_t size; /* a power of two, or 0 */
} mr_ndr_map;
/* The entry of @key and @type, or NULL. Entries move when one is added. */
mr_ndr_entry *mr_ndr_map_find(const mr_ndr_map *map, uint64_t key, const void *type);
/* The same, or a new one whose value the caller sets at once; NULL on exhaustion. */
mr_ndr_entry *mr_ndr_map_add(mr_ndr_map *map, mr_arena *arena, uint64_t key, const void *type);

/* Scalars by kind: the C value as a 64-bit integer and back (floats are not integers: 0). */
int64_t mr_ndr_load(unsigned kind, const void *c);
void mr_ndr_store(unsigned kind, void *c, int64_t v);
/* What @v becomes when a scalar of @kind holds it. */
int64_t mr_ndr_wrap(unsigned kind, int64_t v);

/* Evaluates @e; false when a scope is missing or a division is by zero. */
bool mr_ndr_eval_program(const mr_expr *e, const mr_ndr_place *at, const void *args,
                         int64_t *valuep);
static inline bool mr_ndr_eval(const mr_expr *e, const mr_ndr_place *at, const void *args,
                               int64_t *valuep) {
    const mr_expr_op *op = e->ops;
    if (e->count == 1 && op->code == MR_EXPR_FIELD && op->kind == MR_NDR_U32 && op->deref == 0 &&
        op->scope == MR_SCOPE_STRUCT && at->own) {
        uint32_t v;
        memcpy(&v, (const uint8_t *)at->own + op->value, sizeof v);
        *valuep = v;
        return true;
    }
    return mr_ndr_eval_program(e, at, args, valuep);
}
/* The C place of the one member that @e names, and the value it needs for @e to yield @want.
 * False when @e names none or several, or no value does. *@opp is the reference. */
bool mr_ndr_invert(const mr_expr *e, int64_t want, const mr_expr_op **opp, int64_t *valuep);
/* The scope's structure that @op looks into, NULL when there is none. */
const uint8_t *mr_ndr_scope(const mr_expr_op *op, const mr_ndr_place *at, const void *args);

/* How many elements an array in C memory has. */
typedef struct mr_ndr_extent {
    uint64_t size;   /* max_count */
    uint64_t first;
    uint64_t length; /* elements that travel */
    const uint8_t *data;
} mr_ndr_extent;
int mr_ndr_get_extent(const mr_type *array, const void *c, const mr_ndr_place *at,
                      const void *args, mr_ndr_extent *extentp, mr_error *err);

static inline bool mr_ndr_array_is_inline(const mr_type *t) {
    return (t->u.array->flags & (MR_ARRAY_CONFORMANT | MR_ARRAY_VARYING)) == 0;
}
/* Whether a pointer to @t and the array share one C pointer. */
static inline bool mr_ndr_is_collapsed(const mr_type *t) {
    return t->kind == MR_NDR_ARRAY && !mr_ndr_array_is_inline(t);
}
/* Whether the parameter is on the wire in that half of the call. */
static inline bool mr_ndr_member_travels(const mr_ndr_member *m, enum mr_ndr_side side) {
    unsigned want = side == MR_NDR_REQUEST ? MR_MEMBER_IN : MR_MEMBER_OUT;
    return (m->flags & want) != 0 && (m->flags & MR_MEMBER_HIDDEN) == 0;
}
/* How an array looks in JSON. */
enum mr_ndr_text {
    MR_NDR_TEXT_NONE,   /* an array of values */
    MR_NDR_TEXT_OCTETS, /* a hex string */
    MR_NDR_TEXT_CHARS,  /* a string; {"hex":".."} where it is not UTF-8 */
    MR_NDR_TEXT_WIDE,   /* a string; {"utf16":".."} where it is not UTF-16 */
};
enum mr_ndr_text mr_ndr_get_text(const mr_type *array);
/* The keys of the special forms: a full pointer met again, a pointer to a null pointer. */
#define MR_NDR_KEY_REFERENT "referent"
#define MR_NDR_KEY_POINTER "pointer"
/* Whether a pointer's referent is itself a pointer that may be null. */
static inline bool mr_ndr_is_nested(const mr_type *pointer) {
    return pointer->element->kind == MR_NDR_POINTER;
}

const mr_ndr_arm *mr_ndr_find_arm(const mr_type *u, int64_t value);

/* mr_ndr_decode_type from a cursor's position on; alignment counts from its base. */
int mr_ndr_decode_at(const mr_type *type, mr_ndr_format format, mr_cursor in,
                     const mr_ndr_limits *limits, mr_arena *arena, void *value, size_t *restp,
                     mr_error *err);

/* Octets an empty array's or string's C pointer leads to; nobody writes there. */
extern const uint64_t mr_ndr_nothing[2];

#endif
