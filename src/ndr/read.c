/*
 * The reader: JSON tokens to C structs, the inverse of print.c. Numbers may be decimal or "0x.."
 * strings. What a caller leaves out: pointers are null; sizes, lengths and discriminants are
 * derived from the arrays and unions they describe, once everything has been read; anything else
 * is an error that names the member.
 *
 * Invariant: when a read succeeds every correlation holds, so that no walker runs past an array
 * because of what a caller wrote.
 */
#include "walk.h"

#define READ_DEPTH 256

enum relation {
    RELATION_SIZE,
    RELATION_ROOM,   /* a size that the length must fit */
    RELATION_STRING, /* a size that the string must fit; an empty one fits no room at all */
    RELATION_LENGTH,
    RELATION_FIRST,
    RELATION_CASE,
};

typedef struct mr_ndr_relation {
    struct mr_ndr_relation *next;
    enum relation relation;
    unsigned kind;  /* RELATION_CASE: the discriminant's */
    const mr_expr *expr;
    int64_t value;
    mr_ndr_place at;
} mr_ndr_relation;

/* A scalar (or a pointer to one) that the caller left out. */
typedef struct mr_ndr_missing {
    struct mr_ndr_missing *next;
    bool optional;
    bool filled;
    const mr_ndr_place *at;
} mr_ndr_missing;

typedef struct reader {
    mr_arena *arena;
    mr_error *err;
    uint8_t *args;
    uint32_t depth;
    mr_ndr_relation *relations, **relations_end;
    mr_ndr_missing *missing, **missing_end;
    mr_ndr_map missing_map; /* C place -> mr_ndr_missing */
    mr_ndr_map full;        /* ordinal -> slot of the pointer; noted with the referent's type */
    uint64_t full_count;
} reader;

static int read_value(reader *r, const mr_type *t, const mr_token *token, uint8_t *c,
                      const mr_ndr_place *at);

static int fail_shape(reader *r, const mr_token *token, const char *want,
                      const mr_ndr_place *at) {
    return mr_ndr_fail(r->err, MR_ERR_SYNTAX, MR_ERROR_NO_OFFSET, at, "%s is wanted, not %s", want,
                       mr_token_kind_name(token->kind));
}

static int fail_memory(reader *r, const mr_ndr_place *at) {
    return mr_ndr_fail(r->err, MR_ERR_MEMORY, MR_ERROR_NO_OFFSET, at, "no memory is left for it");
}

/* The token as 64 bits; *@negativep tells how to understand them. */
static int get_number(const mr_token *token, uint64_t *bitsp, bool *negativep) {
    if (token->kind == MR_TOKEN_INT) {
        *bitsp = (uint64_t)token->integer;
        *negativep = token->integer < 0;
        return 0;
    }
    if (token->kind == MR_TOKEN_BOOL) {
        *bitsp = token->boolean;
        *negativep = false;
        return 0;
    }
    if (token->kind != MR_TOKEN_STRING)
        return MR_ERR_SYNTAX;
    mr_slice s = token->string;
    bool negative = s.len > 0 && s.data[0] == '-';
    uint64_t v;
    int r = mr_slice_get_number(mr_slice_sub(s, negative, s.len),
                                negative ? (uint64_t)INT64_MAX + 1 : UINT64_MAX, &v);
    if (r != 0)
        return r;
    *bitsp = negative ? 0 - v : v;
    *negativep = negative && v != 0;
    return 0;
}

static const mr_ndr_enumerator *find_enumerator(const mr_type *t, const mr_token *token) {
    if ((t->kind != MR_NDR_ENUM16 && t->kind != MR_NDR_ENUM32) || token->kind != MR_TOKEN_STRING)
        return NULL;
    for (unsigned i = 0; i < t->count; i++) {
        if (mr_slice_eq(token->string, mr_slice_str(t->u.enumerators[i].name)))
            return &t->u.enumerators[i];
    }
    return NULL;
}

/* An integer or enumerator that fits @t. */
static int get_integer(reader *r, const mr_type *t, const mr_token *token, int64_t *valuep,
                       const mr_ndr_place *at) {
    const mr_ndr_enumerator *e = find_enumerator(t, token);
    uint64_t bits;
    bool negative;

    if (e) {
        *valuep = mr_ndr_wrap(t->kind, e->value);
        return 0;
    }
    if (get_number(token, &bits, &negative) != 0)
        return fail_shape(r, token, t->u.enumerators && t->count ? "a name or number" : "a number",
                          at);
    int64_t v = mr_ndr_wrap(t->kind, (int64_t)bits);
    bool is_enum = t->kind == MR_NDR_ENUM16 || t->kind == MR_NDR_ENUM32;
    bool wide = t->kind == MR_NDR_U64 || t->kind == MR_NDR_U3264;
    bool fits = wide                       ? !negative
                : is_enum && !negative     ? bits <= UINT32_MAX
                                           : v == (int64_t)bits && (v < 0) == negative;
    if (!fits)
        return mr_ndr_fail(r->err, MR_ERR_RANGE, MR_ERROR_NO_OFFSET, at,
                           "the number does not fit %s", t->name ? t->name : "its type");
    *valuep = v;
    return 0;
}

static int read_real(reader *r, const mr_type *t, const mr_token *token, uint8_t *c,
                     const mr_ndr_place *at) {
    uint64_t bits;
    bool negative;
    double v;

    if (token->kind == MR_TOKEN_STRING) { /* the bits of one that is not finite */
        uint64_t most = t->kind == MR_NDR_F32 ? UINT32_MAX : UINT64_MAX;
        if (get_number(token, &bits, &negative) != 0 || negative || bits > most)
            return fail_shape(r, token, "a number", at);
        mr_ndr_store(t->kind == MR_NDR_F32 ? MR_NDR_U32 : MR_NDR_U64, c, (int64_t)bits);
        return 0;
    }
    if (token->kind != MR_TOKEN_REAL && token->kind != MR_TOKEN_INT)
        return fail_shape(r, token, "a number", at);
    v = token->kind == MR_TOKEN_REAL ? token->real : (double)token->integer;
    if (t->kind == MR_NDR_F32) {
        float single = (float)v;
        memcpy(c, &single, sizeof single);
    } else {
        memcpy(c, &v, sizeof v);
    }
    return 0;
}

static int read_scalar(reader *r, const mr_type *t, const mr_token *token, uint8_t *c,
                       const mr_ndr_place *at) {
    const mr_ndr_range *range = at->member ? at->member->range : NULL;
    int64_t v;
    int e;

    if (t->kind == MR_NDR_F32 || t->kind == MR_NDR_F64)
        return read_real(r, t, token, c, at);
    if ((e = get_integer(r, t, token, &v, at)) != 0)
        return e;
    if (range && (v < range->low || v > range->high))
        return mr_ndr_fail(r->err, MR_ERR_RANGE, MR_ERROR_NO_OFFSET, at,
                           "%lld lies outside the range %lld to %lld", (long long)v,
                           (long long)range->low, (long long)range->high);
    mr_ndr_store(t->kind, c, v);
    return 0;
}

/* The octets of a hex string, in the arena. */
static int get_hex(reader *r, const mr_token *token, mr_slice *octetsp, const mr_ndr_place *at) {
    if (token->kind != MR_TOKEN_STRING || token->string.len % 2)
        return fail_shape(r, token, "a string of pairs of hex digits", at);
    uint8_t *octets = mr_arena_get_raw(r->arena, token->string.len / 2, 1);
    if (!octets)
        return fail_memory(r, at);
    for (size_t i = 0; i < token->string.len / 2; i++) {
        int high = mr_hex_digit(token->string.data[2 * i]);
        int low = mr_hex_digit(token->string.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return fail_shape(r, token, "a string of pairs of hex digits", at);
        octets[i] = (uint8_t)(high << 4 | low);
    }
    *octetsp = mr_slice_of(octets, token->string.len / 2);
    return 0;
}

static int read_uuid(reader *r, const mr_token *token, uint8_t *c, const mr_ndr_place *at) {
    mr_uuid uuid;
    if (token->kind != MR_TOKEN_STRING || mr_uuid_decode(token->string, &uuid) != 0)
        return fail_shape(r, token, "a UUID", at);
    memcpy(c, &uuid, sizeof uuid);
    return 0;
}

static int read_context(reader *r, const mr_token *token, uint8_t *c, const mr_ndr_place *at) {
    const mr_token *hex = mr_token_find(token, "handle");
    mr_ndr_context context = {0};
    mr_slice octets;
    int e;

    if (token->kind != MR_TOKEN_NULL) {
        if (token->kind != MR_TOKEN_OBJECT || !hex)
            return fail_shape(r, token, "{\"handle\": \"..\"}", at);
        if ((e = get_hex(r, hex, &octets, at)) != 0)
            return e;
        if (octets.len != sizeof context)
            return mr_ndr_fail(r->err, MR_ERR_SYNTAX, MR_ERROR_NO_OFFSET, at,
                               "a context handle has 20 octets, not %zu", octets.len);
        mr_cursor cur = mr_cursor_of(octets);
        context.attributes = mr_cursor_read_u32(&cur);
        context.uuid = mr_cursor_read_uuid(&cur);
    }
    memcpy(c, &context, sizeof context);
    return 0;
}

/* What a scalar the caller left out is called, for the end. */
static int add_missing(reader *r, const uint8_t *c, bool optional, const mr_ndr_place *at) {
    mr_ndr_missing *m = MR_ARENA_NEW(r->arena, mr_ndr_missing);
    mr_ndr_entry *e = mr_ndr_map_add(&r->missing_map, r->arena, (uintptr_t)c, NULL);
    if (!m || !e || mr_ndr_place_keep(at, r->arena, &m->at) != 0)
        return fail_memory(r, at);
    m->optional = optional;
    e->value = m;
    *r->missing_end = m;
    r->missing_end = &m->next;
    return 0;
}

static mr_ndr_missing *find_missing(const reader *r, const uint8_t *c) {
    mr_ndr_entry *e = mr_ndr_map_find(&r->missing_map, (uintptr_t)c, NULL);
    mr_ndr_missing *m = e ? (mr_ndr_missing *)(uintptr_t)e->value : NULL;
    return m && !m->filled ? m : NULL;
}

static int add_relation(reader *r, const mr_expr *expr, enum relation relation, unsigned kind,
                        int64_t value, const mr_ndr_place *at) {
    if (!expr)
        return 0;
    mr_ndr_relation *n = MR_ARENA_NEW(r->arena, mr_ndr_relation);
    if (!n)
        return fail_memory(r, at);
    *n = (mr_ndr_relation){.relation = relation, .kind = kind, .expr = expr, .value = value,
                           .at = *at};
    n->at.name = NULL;
    n->at.index = MR_NDR_NO_INDEX;
    n->at.kept = false;
    if (mr_ndr_place_keep(at, r->arena, &n->at.up) != 0)
        return fail_memory(r, at);
    *r->relations_end = n;
    r->relations_end = &n->next;
    return 0;
}

/* Gives the member that a relation's expression names its value, where the caller left it out. */
static int fill_relation(reader *r, const mr_ndr_relation *n) {
    const mr_expr_op *op;
    int64_t v;
    if (!mr_ndr_invert(n->expr, n->value, &op, &v))
        return 0;
    uint8_t *c = (uint8_t *)(uintptr_t)mr_ndr_scope(op, &n->at, r->args);
    if (!c)
        return 0;
    c += op->value;
    mr_ndr_missing *m = find_missing(r, c);
    for (unsigned i = 0; m && i < op->deref; i++) {
        uint8_t *to = mr_arena_get(r->arena, 1, sizeof(uint64_t));
        if (!to)
            return fail_memory(r, &n->at);
        memcpy(c, &to, sizeof to);
        c = to;
    }
    if (!m)
        return 0;
    mr_ndr_store(op->kind, c, v);
    m->filled = true;
    return 0;
}

static int check_relation(reader *r, const mr_ndr_relation *n) {
    int64_t v;
    bool ok = mr_ndr_eval(n->expr, &n->at, r->args, &v);
    const char *what = "its length";

    if (!ok)
        return mr_ndr_fail(r->err, MR_ERR_ARGUMENT, MR_ERROR_NO_OFFSET, &n->at,
                           "what its size or case depends on cannot be worked out");
    switch (n->relation) {
    case RELATION_SIZE:
        ok = v == n->value;
        what = "its size";
        break;
    case RELATION_ROOM:
        ok = v >= n->value;
        what = "its size";
        break;
    case RELATION_STRING:
        ok = v >= n->value || (v == 0 && n->value == 1);
        what = "its size";
        break;
    case RELATION_LENGTH:
        ok = v == n->value;
        break;
    case RELATION_FIRST:
        ok = v >= 0;
        what = "its first index";
        break;
    case RELATION_CASE:
        ok = mr_ndr_wrap(n->kind, v) == n->value;
        what = "its case";
        break;
    }
    if (!ok)
        return mr_ndr_fail(r->err, MR_ERR_ARGUMENT, MR_ERROR_NO_OFFSET, &n->at,
                           "%s is given as %lld, but it is %lld", what, (long long)v,
                           (long long)n->value);
    return 0;
}

/* Derives what was left out, then looks whether everything agrees. */
static int finish(reader *r) {
    int e;
    for (const mr_ndr_relation *n = r->relations; n; n = n->next) {
        if ((e = fill_relation(r, n)) != 0)
            return e;
    }
    for (const mr_ndr_missing *m = r->missing; m; m = m->next) {
        if (!m->filled && !m->optional)
            return mr_ndr_fail(r->err, MR_ERR_ARGUMENT, MR_ERROR_NO_OFFSET, m->at,
                               "the member is missing");
    }
    for (const mr_ndr_relation *n = r->relations; n; n = n->next) {
        if ((e = check_relation(r, n)) != 0)
            return e;
    }
    return 0;
}

static int relate_array(reader *r, const mr_type *t, uint64_t n, const mr_ndr_place *at) {
    const mr_ndr_array *a = t->u.array;
    const bool string = (a->flags & MR_ARRAY_STRING) != 0;
    int e;

    if (a->count && n > a->count)
        return mr_ndr_fail(r->err, MR_ERR_RANGE, MR_ERROR_NO_OFFSET, at,
                           "%llu elements, at most %u fit", (unsigned long long)n, a->count);
    if (!string && !a->size_is && !a->length_is && a->count == 0)
        return mr_ndr_fail(r->err, MR_ERR_UNSUPPORTED, MR_ERROR_NO_OFFSET, at,
                           "nothing says how many elements the array has");
    if (!string && !a->length_is && !a->size_is && n != a->count)
        return mr_ndr_fail(r->err, MR_ERR_RANGE, MR_ERROR_NO_OFFSET, at,
                           "%llu elements, %u are wanted", (unsigned long long)n, a->count);
    e = add_relation(r, a->size_is,
                     string         ? RELATION_STRING
                     : a->length_is ? RELATION_ROOM
                                    : RELATION_SIZE,
                     MR_NDR_I64, (int64_t)n, at);
    if (e == 0 && !string)
        e = add_relation(r, a->length_is, RELATION_LENGTH, MR_NDR_I64, (int64_t)n, at);
    if (e == 0)
        e = add_relation(r, a->first_is, RELATION_FIRST, MR_NDR_I64, 0, at);
    return e;
}

/* The octets or units of a text token, without a terminator. */
static int get_text(reader *r, enum mr_ndr_text text, const mr_token *token, mr_slice *rawp,
                    const mr_ndr_place *at) {
    const mr_token *hex = mr_token_find(token, text == MR_NDR_TEXT_WIDE ? "utf16" : "hex");
    uint16_t *units;
    size_t n;
    int e;

    if (token->kind == MR_TOKEN_OBJECT && hex && text != MR_NDR_TEXT_OCTETS) {
        if ((e = get_hex(r, hex, rawp, at)) != 0 || text != MR_NDR_TEXT_WIDE)
            return e;
        mr_cursor c = mr_cursor_of(*rawp);
        c.big = true; /* "d83d": four digits are one unit */
        n = rawp->len / 2;
        if (!(units = mr_arena_get(r->arena, n, sizeof *units)))
            return fail_memory(r, at);
        for (size_t i = 0; i < n; i++)
            units[i] = mr_cursor_read_u16(&c);
        *rawp = mr_slice_of(units, n * sizeof *units);
        return 0;
    }
    if (token->kind != MR_TOKEN_STRING)
        return fail_shape(r, token, text == MR_NDR_TEXT_OCTETS ? "a hex string" : "a string", at);
    if (text == MR_NDR_TEXT_OCTETS)
        return get_hex(r, token, rawp, at);
    *rawp = token->string;
    if (text == MR_NDR_TEXT_WIDE) {
        if ((e = mr_utf16_encode(token->string, r->arena, &units, &n)) != 0)
            return mr_ndr_fail(r->err, e, MR_ERROR_NO_OFFSET, at, "the string is not UTF-8");
        *rawp = mr_slice_of(units, n * sizeof *units);
    }
    return 0;
}

static int read_text(reader *r, const mr_type *t, enum mr_ndr_text text, const mr_token *token,
                     uint8_t *c, const mr_ndr_place *at) {
    const bool string = (t->u.array->flags & MR_ARRAY_STRING) != 0;
    const uint32_t width = t->element->csize;
    mr_slice raw;
    int e = get_text(r, text, token, &raw, at);

    if (e != 0)
        return e;
    uint64_t n = raw.len / width;
    if (mr_ndr_array_is_inline(t)) {
        if (n > t->u.array->count || (text == MR_NDR_TEXT_OCTETS && n != t->u.array->count))
            return mr_ndr_fail(r->err, MR_ERR_RANGE, MR_ERROR_NO_OFFSET, at,
                               "%llu elements, %u fit", (unsigned long long)n,
                               t->u.array->count);
        memset(c, 0, t->csize);
        if (raw.len)
            memcpy(c, raw.data, n * width);
        return 0;
    }
    uint8_t *data = mr_arena_get(r->arena, n + 1, width);
    if (!data)
        return fail_memory(r, at);
    if (raw.len)
        memcpy(data, raw.data, n * width);
    for (uint64_t i = 0; string && i < n; i++) {
        if (memcmp(data + i * width, mr_ndr_nothing, width) == 0)
            return mr_ndr_fail(r->err, MR_ERR_SYNTAX, MR_ERROR_NO_OFFSET, at,
                               "a string cannot hold a zero");
    }
    memcpy(c, &data, sizeof data);
    return relate_array(r, t, n + string, at);
}

static int read_array(reader *r, const mr_type *t, const mr_token *token, uint8_t *c,
                      const mr_ndr_place *at) {
    const enum mr_ndr_text text = mr_ndr_get_text(t);
    mr_ndr_place in = mr_ndr_place_element(at);
    uint8_t *data = c;
    int e = 0;

    if (text != MR_NDR_TEXT_NONE && token->kind != MR_TOKEN_ARRAY)
        return read_text(r, t, text, token, c, at);
    if (token->kind != MR_TOKEN_ARRAY || (t->u.array->flags & MR_ARRAY_STRING))
        return fail_shape(r, token, text ? "a string" : "an array", at);
    if (!mr_ndr_array_is_inline(t)) {
        if (!(data = mr_arena_get(r->arena, token->count, t->element->csize)))
            return fail_memory(r, at);
        memcpy(c, &data, sizeof data);
        e = relate_array(r, t, token->count, at);
    } else if (token->count != t->u.array->count) {
        e = mr_ndr_fail(r->err, MR_ERR_RANGE, MR_ERROR_NO_OFFSET, at,
                        "%u elements, %u are wanted", token->count, t->u.array->count);
    }
    in.index = 0;
    for (const mr_token *k = token->child; k && e == 0; k = k->next) {
        e = read_value(r, t->element, k, data + in.index * t->element->csize, &in);
        in.index++;
    }
    return e;
}

static bool may_be_missing(const mr_type *t) {
    return MR_NDR_IS_SCALAR(t->kind) ||
           (t->kind == MR_NDR_POINTER && (t->flags & MR_TYPE_POINTER_INLINE) &&
            MR_NDR_IS_SCALAR(t->element->kind));
}

static int read_member(reader *r, const mr_ndr_member *m, const mr_token *object, uint8_t *c,
                       const mr_ndr_place *at) {
    const mr_token *token = mr_token_find(object, m->name);
    if (token)
        return read_value(r, m->type, token, c, at);
    if (may_be_missing(m->type))
        return add_missing(r, c, false, at);
    if (m->type->kind == MR_NDR_POINTER && m->type->pointer_class != MR_POINTER_REF)
        return add_missing(r, c, true, at);
    return mr_ndr_fail(r->err, MR_ERR_ARGUMENT, MR_ERROR_NO_OFFSET, at, "the member is missing");
}

/* Every key must name a member. */
static int check_keys(reader *r, const mr_type *t, const mr_token *object, bool args,
                      enum mr_ndr_side side, const mr_ndr_place *at) {
    for (const mr_token *k = object->child; k; k = k->next) {
        bool known = false;
        for (unsigned i = 0; i < t->count && !known; i++) {
            const mr_ndr_member *m = &t->u.members[i];
            known = (args ? mr_ndr_member_travels(m, side) : !(m->flags & MR_MEMBER_HIDDEN)) &&
                    mr_slice_eq(k->key, mr_slice_str(m->name));
        }
        if (!known)
            return mr_ndr_fail(r->err, MR_ERR_SYNTAX, MR_ERROR_NO_OFFSET, at,
                               "there is no member \"%.*s\"",
                               (int)(k->key.len < 40 ? k->key.len : 40),
                               (const char *)k->key.data);
    }
    return 0;
}

static int read_struct(reader *r, const mr_type *t, const mr_token *token, uint8_t *c,
                       const mr_ndr_place *at) {
    mr_ndr_place in = mr_ndr_place_inside(at, c);
    int e;

    if (token->kind != MR_TOKEN_OBJECT)
        return fail_shape(r, token, "an object", at);
    if ((e = check_keys(r, t, token, false, MR_NDR_REQUEST, at)) != 0)
        return e;
    for (unsigned i = 0; i < t->count && e == 0; i++) {
        const mr_ndr_member *m = &t->u.members[i];
        if (m->flags & MR_MEMBER_HIDDEN)
            continue;
        in.name = m->name;
        in.member = m;
        e = read_member(r, m, token, c + m->offset, &in);
    }
    return e;
}

static bool names_missing(const reader *r, const mr_expr *expr, const mr_ndr_place *at) {
    for (uint32_t i = 0; i < expr->count; i++) {
        const uint8_t *scope = mr_ndr_scope(&expr->ops[i], at, r->args);
        if (expr->ops[i].code == MR_EXPR_FIELD &&
            (!scope || find_missing(r, scope + expr->ops[i].value)))
            return true;
    }
    return false;
}

static int read_union(reader *r, const mr_type *t, const mr_token *token, uint8_t *c,
                      const mr_ndr_place *at) {
    const mr_token *tag = mr_token_find(token, "case"), *value = mr_token_find(token, "value");
    mr_ndr_place in = mr_ndr_place_inside(at, c);
    const mr_expr *expr = at->member ? at->member->switch_is : NULL;
    const bool encapsulated = (t->flags & MR_TYPE_ENCAPSULATED) != 0;
    int64_t v;
    int e;

    if (token->kind != MR_TOKEN_OBJECT)
        return fail_shape(r, token, "{\"case\": .., \"value\": ..}", at);
    in.member = NULL;
    if (tag) {
        in.name = "case";
        if ((e = get_integer(r, t->element, tag, &v, &in)) != 0)
            return e;
    } else if (encapsulated || !expr || names_missing(r, expr, at) ||
               !mr_ndr_eval(expr, at, r->args, &v)) {
        return mr_ndr_fail(r->err, MR_ERR_ARGUMENT, MR_ERROR_NO_OFFSET, at, "its case is missing");
    }
    v = mr_ndr_wrap(t->element->kind, v);
    if (encapsulated)
        mr_ndr_store(t->element->kind, c, v);
    else if (!expr)
        return mr_ndr_fail(r->err, MR_ERR_UNSUPPORTED, MR_ERROR_NO_OFFSET, at,
                           "the union has no discriminant");
    else if ((e = add_relation(r, expr, RELATION_CASE, t->element->kind, v, at)) != 0)
        return e;
    const mr_ndr_arm *arm = mr_ndr_find_arm(t, v);
    if (!arm)
        return mr_ndr_fail(r->err, MR_ERR_ARGUMENT, MR_ERROR_NO_OFFSET, at,
                           "the union has no case %lld", (long long)v);
    if (!arm->type)
        return 0;
    in.name = "value";
    if (!value)
        return mr_ndr_fail(r->err, MR_ERR_ARGUMENT, MR_ERROR_NO_OFFSET, &in,
                           "the member is missing");
    return read_value(r, arm->type, value, c + arm->offset, &in);
}

/* {"referent": n}: the n-th full pointer that was read. */
static int read_again(reader *r, const mr_type *t, const mr_token *number, uint8_t *c,
                      const mr_ndr_place *at) {
    mr_ndr_entry *e = number->kind == MR_TOKEN_INT
                          ? mr_ndr_map_find(&r->full, (uint64_t)number->integer, NULL)
                          : NULL;
    const void *to = NULL;
    if (e && e->note == t->element)
        memcpy(&to, e->value, sizeof to);
    if (!to)
        return mr_ndr_fail(r->err, MR_ERR_ARGUMENT, MR_ERROR_NO_OFFSET, at,
                           "there is no such referent of its type before it");
    memcpy(c, &to, sizeof to);
    return 0;
}

static int read_referent(reader *r, const mr_type *t, const mr_token *token, uint8_t *c,
                         const mr_ndr_place *at) {
    if (mr_ndr_is_collapsed(t->element))
        return read_value(r, t->element, token, c, at);
    uint8_t *to = mr_arena_get(r->arena, 1, t->element->csize);
    if (!to)
        return fail_memory(r, at);
    memcpy(c, &to, sizeof to);
    const mr_token *inner = mr_token_find(token, MR_NDR_KEY_POINTER);
    if (mr_ndr_is_nested(t) && token->kind == MR_TOKEN_OBJECT && token->count == 1 && inner &&
        inner->kind == MR_TOKEN_NULL)
        return 0;
    return read_value(r, t->element, token, to, at);
}

static int read_pointer(reader *r, const mr_type *t, const mr_token *token, uint8_t *c,
                        const mr_ndr_place *at) {
    const bool full = t->pointer_class == MR_POINTER_FULL;
    if (t->flags & MR_TYPE_POINTER_INLINE)
        return read_value(r, t->element, token, c, at);
    if (token->kind == MR_TOKEN_NULL) {
        if (t->pointer_class == MR_POINTER_REF)
            return fail_shape(r, token, "a value", at);
        memset(c, 0, sizeof(void *));
        return 0;
    }
    if (full) {
        const mr_token *again = mr_token_find(token, MR_NDR_KEY_REFERENT);
        if (token->kind == MR_TOKEN_OBJECT && token->count == 1 && again)
            return read_again(r, t, again, c, at);
        mr_ndr_entry *e = mr_ndr_map_add(&r->full, r->arena, ++r->full_count, NULL);
        if (!e)
            return fail_memory(r, at);
        e->value = c;
        e->note = t->element;
    }
    return read_referent(r, t, token, c, at);
}

static int read_value(reader *r, const mr_type *t, const mr_token *token, uint8_t *c,
                      const mr_ndr_place *at) {
    int e;
    switch ((enum mr_ndr_kind)t->kind) {
    case MR_NDR_POINTER:
    case MR_NDR_STRUCT:
    case MR_NDR_UNION:
    case MR_NDR_ARRAY:
        if (r->depth >= READ_DEPTH)
            return mr_ndr_fail(r->err, MR_ERR_LIMIT, MR_ERROR_NO_OFFSET, at,
                               "the value is nested too deep");
        r->depth++;
        e = t->kind == MR_NDR_POINTER  ? read_pointer(r, t, token, c, at)
            : t->kind == MR_NDR_STRUCT ? read_struct(r, t, token, c, at)
            : t->kind == MR_NDR_UNION  ? read_union(r, t, token, c, at)
                                       : read_array(r, t, token, c, at);
        r->depth--;
        return e;
    case MR_NDR_UUID:
        return read_uuid(r, token, c, at);
    case MR_NDR_CONTEXT:
        return read_context(r, token, c, at);
    case MR_NDR_PIPE:
        return mr_ndr_fail(r->err, MR_ERR_UNSUPPORTED, MR_ERROR_NO_OFFSET, at,
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
    return read_scalar(r, t, token, c, at);
}

static void reader_init(reader *r, mr_arena *arena, void *args, mr_error *err) {
    *r = (reader){.arena = arena, .err = err, .args = args};
    r->relations_end = &r->relations;
    r->missing_end = &r->missing;
}

int mr_ndr_read(const mr_proc *proc, enum mr_ndr_side side, const mr_token *object,
                mr_arena *arena, void *args, mr_error *err) {
    mr_ndr_place at = MR_NDR_PLACE_ROOT;
    reader r;
    int e;

    if (!proc->args)
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_NDR, MR_ERROR_NO_OFFSET,
                       "the parameters of %s are not known", proc->name ? proc->name : "it");
    reader_init(&r, arena, args, err);
    if (object->kind != MR_TOKEN_OBJECT)
        return fail_shape(&r, object, "an object of parameters", &at);
    if ((e = check_keys(&r, proc->args, object, true, side, &at)) != 0)
        return e;
    at.own = args;
    for (unsigned i = 0; i < proc->args->count && e == 0; i++) {
        const mr_ndr_member *m = &proc->args->u.members[i];
        uint8_t *c = r.args + m->offset;
        at.name = m->name;
        at.member = m;
        if (mr_ndr_member_travels(m, side))
            e = read_member(&r, m, object, c, &at);
        else if (MR_NDR_IS_SCALAR(m->type->kind) && mr_ndr_load(m->type->kind, c) == 0)
            e = add_missing(&r, c, true, &at); /* the other half's, and not set */
    }
    return e ? e : finish(&r);
}

int mr_ndr_read_type(const mr_type *type, const mr_token *token, mr_arena *arena, void *value,
                     mr_error *err) {
    reader r;
    reader_init(&r, arena, NULL, err);
    int e = read_value(&r, type, token, value, &MR_NDR_PLACE_ROOT);
    return e ? e : finish(&r);
}
