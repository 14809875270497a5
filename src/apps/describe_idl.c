/*
 * Descriptors back to IDL text (C706 4.2, MS-RPCE 2.2.4). The text is for reading: typedefs of
 * scalars and pointers are gone from the tables, so their base types stand there, and reference
 * pointers, the default at the top, are left unsaid.
 */
#include "describe_idl.h"

#include <stdio.h>

#define NESTED_MAX 16 /* anonymous structures inside one another */

static void write_type(mr_buf *out, const mr_type *t, unsigned indent);

/* ---- correlation expressions ---- */

enum { TERM = 160 };

struct term {
    char text[TERM];
    bool compound;
};

static const char *operator_text(uint8_t code) {
    static const char *const texts[] = {
        [MR_EXPR_ADD] = " + ",  [MR_EXPR_SUB] = " - ",  [MR_EXPR_MUL] = " * ",
        [MR_EXPR_DIV] = " / ",  [MR_EXPR_MOD] = " % ",  [MR_EXPR_AND] = " & ",
        [MR_EXPR_OR] = " | ",   [MR_EXPR_XOR] = " ^ ",  [MR_EXPR_SHL] = " << ",
        [MR_EXPR_SHR] = " >> ", [MR_EXPR_NEG] = "-",    [MR_EXPR_INVERT] = "~",
        [MR_EXPR_NOT] = "!",    [MR_EXPR_EQ] = " == ",  [MR_EXPR_NE] = " != ",
        [MR_EXPR_LT] = " < ",   [MR_EXPR_LE] = " <= ",  [MR_EXPR_GT] = " > ",
        [MR_EXPR_GE] = " >= ",
    };
    return code < MR_COUNT(texts) && texts[code] ? texts[code] : "?";
}

/* The text of an operand, in parentheses where it is an expression itself. */
static const char *operand(const struct term *t, char out[TERM]) {
    snprintf(out, TERM, t->compound ? "(%.*s)" : "%.*s", TERM - 3, t->text);
    return out;
}

static void push_leaf(struct term *t, const mr_expr_op *op) {
    t->compound = false;
    if (op->code == MR_EXPR_CONST)
        snprintf(t->text, TERM, "%lld", (long long)op->value);
    else
        snprintf(t->text, TERM, "%s%.*s%s", op->code == MR_EXPR_IS_SET ? "(" : "",
                 TERM - 24, op->name ? op->name : "?",
                 op->code == MR_EXPR_IS_SET ? " != NULL)" : "");
}

static void write_expr(mr_buf *out, const mr_expr *expr) {
    struct term stack[MR_EXPR_MAX];
    char a[TERM], b[TERM], c[TERM], text[3 * TERM + 8];
    size_t n = 0;

    for (uint32_t i = 0; i < expr->count && i < MR_EXPR_MAX; i++) {
        const mr_expr_op *op = &expr->ops[i];
        if (op->code <= MR_EXPR_IS_SET) {
            push_leaf(&stack[n++], op);
            continue;
        }
        bool unary = op->code == MR_EXPR_NEG || op->code == MR_EXPR_INVERT ||
                     op->code == MR_EXPR_NOT;
        size_t takes = unary ? 1 : op->code == MR_EXPR_COND ? 3 : 2;
        if (n < takes)
            break;
        n -= takes;
        operand(&stack[n], a);
        if (unary)
            snprintf(text, sizeof text, "%s%s", operator_text(op->code), a);
        else if (takes == 2)
            snprintf(text, sizeof text, "%s%s%s", a, operator_text(op->code),
                     operand(&stack[n + 1], b));
        else
            snprintf(text, sizeof text, "%s ? %s : %s", a, operand(&stack[n + 1], b),
                     operand(&stack[n + 2], c));
        snprintf(stack[n].text, TERM, "%.*s", TERM - 1, text);
        stack[n++].compound = !unary;
    }
    mr_buf_write_str(out, n ? stack[n - 1].text : "?");
}

/* ---- declarators ---- */

struct declarator {
    mr_buf *out;
    unsigned attributes; /* written so far */
    unsigned stars;
    const mr_type *base;
    const mr_ndr_array *arrays[8]; /* those without a pointer of their own, outermost first */
    size_t array_count;
};

/* Opens the bracket or separates from the attribute before. */
static void attribute(struct declarator *d, const char *text) {
    mr_buf_write_str(d->out, d->attributes++ ? ", " : "[");
    mr_buf_write_str(d->out, text);
}

/* Bounds of an array behind @level pointers: "size_is(, n)" leaves a place for each of them. */
static void bound(struct declarator *d, const char *name, const mr_expr *expr, unsigned level) {
    if (!expr)
        return;
    attribute(d, name);
    mr_buf_write_str(d->out, "(");
    for (unsigned i = 0; i < level; i++)
        mr_buf_write_str(d->out, i + 1 < level ? "," : ", ");
    write_expr(d->out, expr);
    mr_buf_write_str(d->out, ")");
}

static void array_attributes(struct declarator *d, const mr_ndr_array *array, unsigned level) {
    if (array->flags & MR_ARRAY_STRING)
        attribute(d, "string");
    bound(d, "size_is", array->size_is, level);
    bound(d, "first_is", array->first_is, level);
    bound(d, "length_is", array->length_is, level);
}

static bool is_array(const mr_type *t) {
    return t && t->kind == MR_NDR_ARRAY;
}

/* Writes the attributes that pointers and arrays carry, finds the base type. */
static void walk(struct declarator *d, const mr_type *t, bool top) {
    for (; t && (t->kind == MR_NDR_POINTER || t->kind == MR_NDR_ARRAY); t = t->element) {
        if (t->kind == MR_NDR_ARRAY) {
            array_attributes(d, t->u.array, d->stars);
            if (d->array_count < MR_COUNT(d->arrays))
                d->arrays[d->array_count++] = t->u.array;
            continue;
        }
        if (t->flags & MR_TYPE_IFACE_POINTER)
            attribute(d, "iface");
        else if (t->pointer_class == MR_POINTER_UNIQUE)
            attribute(d, "unique");
        else if (t->pointer_class == MR_POINTER_FULL)
            attribute(d, "ptr");
        else if (!top)
            attribute(d, "ref");
        if (is_array(t->element)) {
            t = t->element;
            array_attributes(d, t->u.array, d->stars);
        }
        d->stars++;
        top = false;
    }
    d->base = t;
}

static void write_declarator(struct declarator *d, const char *name, unsigned indent) {
    if (d->attributes)
        mr_buf_write_str(d->out, "] ");
    write_type(d->out, d->base, indent);
    mr_buf_write_str(d->out, name || d->stars ? " " : "");
    for (unsigned i = 0; i < d->stars; i++)
        mr_buf_write_str(d->out, "*");
    mr_buf_write_str(d->out, name ? name : "");
    for (size_t i = 0; i < d->array_count; i++) {
        if (d->arrays[i]->count)
            mr_buf_write_fmt(d->out, "[%u]", d->arrays[i]->count);
        else
            mr_buf_write_str(d->out, "[]");
    }
}

static void write_member(mr_buf *out, const mr_ndr_member *m, unsigned indent) {
    struct declarator d = {.out = out};

    if (m->flags & MR_MEMBER_IN)
        attribute(&d, "in");
    if ((m->flags & MR_MEMBER_OUT) && !(m->flags & MR_MEMBER_RETURN))
        attribute(&d, "out");
    if (m->flags & MR_MEMBER_HIDDEN)
        attribute(&d, "ignore");
    walk(&d, m->type, m->flags != 0);
    if (m->switch_is) {
        attribute(&d, "switch_is(");
        write_expr(out, m->switch_is);
        mr_buf_write_str(out, ")");
    }
    if (m->range) {
        char text[64];
        snprintf(text, sizeof text, "range(%lld, %lld)", (long long)m->range->low,
                 (long long)m->range->high);
        attribute(&d, text);
    }
    write_declarator(&d, m->name, indent);
}

void idl_member(mr_buf *out, const mr_ndr_member *member) {
    write_member(out, member, 0);
}

/* ---- types ---- */

static void pad(mr_buf *out, unsigned indent) {
    for (unsigned i = 0; i < indent; i++)
        mr_buf_write_str(out, "    ");
}

/* A label of an enum by its name. */
static void write_label(mr_buf *out, const mr_type *tag, const mr_ndr_arm *arm) {
    if (arm->is_default) {
        mr_buf_write_str(out, "default:");
        return;
    }
    bool named = tag && (tag->kind == MR_NDR_ENUM16 || tag->kind == MR_NDR_ENUM32);
    for (unsigned i = 0; named && i < tag->count; i++)
        if (tag->u.enumerators[i].value == arm->value) {
            mr_buf_write_fmt(out, "case %s:", tag->u.enumerators[i].name);
            return;
        }
    mr_buf_write_fmt(out, "case %lld:", (long long)arm->value);
}

static void write_arms(mr_buf *out, const mr_type *t, unsigned indent) {
    for (unsigned i = 0; i < t->count; i++) {
        const mr_ndr_arm *arm = &t->u.arms[i];
        /* several labels of one arm stand in a row */
        bool same = i + 1 < t->count && arm->name && t->u.arms[i + 1].name &&
                    arm->offset == t->u.arms[i + 1].offset && !strcmp(arm->name,
                                                                      t->u.arms[i + 1].name);
        pad(out, indent + 1);
        write_label(out, t->element, arm);
        if (same) {
            mr_buf_write_str(out, "\n");
            continue;
        }
        if (arm->type) {
            struct declarator d = {.out = out};
            mr_buf_write_str(out, " ");
            walk(&d, arm->type, false);
            write_declarator(&d, arm->name, indent + 1);
        }
        mr_buf_write_str(out, ";\n");
    }
}

static void write_body(mr_buf *out, const mr_type *t, unsigned indent) {
    mr_buf_write_str(out, " {\n");
    switch (t->kind) {
    case MR_NDR_STRUCT:
        for (unsigned i = 0; i < t->count; i++) {
            pad(out, indent + 1);
            write_member(out, &t->u.members[i], indent + 1);
            mr_buf_write_str(out, ";\n");
        }
        break;
    case MR_NDR_UNION:
        write_arms(out, t, indent);
        break;
    case MR_NDR_ENUM16:
    case MR_NDR_ENUM32:
        for (unsigned i = 0; i < t->count; i++) {
            pad(out, indent + 1);
            mr_buf_write_fmt(out, "%s = %lld%s\n", t->u.enumerators[i].name,
                             (long long)t->u.enumerators[i].value, i + 1 < t->count ? "," : "");
        }
        break;
    }
    pad(out, indent);
    mr_buf_write_str(out, "}");
}

const char *idl_kind(const mr_type *t) {
    return t->kind == MR_NDR_STRUCT ? "struct" : t->kind == MR_NDR_UNION ? "union" : "enum";
}

static bool is_constructed(const mr_type *t) {
    return t->kind == MR_NDR_STRUCT || t->kind == MR_NDR_UNION || t->kind == MR_NDR_ENUM16 ||
           t->kind == MR_NDR_ENUM32;
}

static void write_head(mr_buf *out, const mr_type *t) {
    mr_buf_write_fmt(out, "%s%s%s%s", t->kind == MR_NDR_ENUM32 ? "[v1_enum] " : "", idl_kind(t),
                     t->name ? " " : "", t->name ? t->name : "");
    if (t->kind == MR_NDR_UNION && t->element)
        mr_buf_write_fmt(out, " switch (%s)", t->element->name ? t->element->name : "enum");
}

/* A type where it is used: its name, or all of it when it has none. */
static void write_type(mr_buf *out, const mr_type *t, unsigned indent) {
    if (!t || t->kind == MR_NDR_PIPE) {
        mr_buf_write_str(out, t && t->name ? t->name : "pipe");
    } else if (t->name || !is_constructed(t) || indent > NESTED_MAX) {
        mr_buf_write_str(out, t->name ? t->name : "...");
    } else {
        write_head(out, t);
        write_body(out, t, indent);
    }
}

void idl_type(mr_buf *out, const mr_type *t) {
    write_head(out, t);
    write_body(out, t, 0);
    mr_buf_write_str(out, ";\n");
}

/* ---- methods ---- */

static const mr_ndr_member *result_of(const mr_proc *proc) {
    for (unsigned i = 0; i < proc->args->count; i++)
        if (proc->args->u.members[i].flags & MR_MEMBER_RETURN)
            return &proc->args->u.members[i];
    return NULL;
}

static unsigned write_names(mr_buf *out, const mr_proc *proc, unsigned flag) {
    unsigned n = 0;
    for (unsigned i = 0; i < proc->args->count; i++) {
        const mr_ndr_member *m = &proc->args->u.members[i];
        if ((m->flags & flag) && !(m->flags & MR_MEMBER_HIDDEN))
            mr_buf_write_fmt(out, "%s%s", n++ ? ", " : "", m->name);
    }
    return n;
}

void idl_signature(mr_buf *out, const mr_proc *proc) {
    mr_buf_write_str(out, "(");
    write_names(out, proc, MR_MEMBER_IN);
    mr_buf_write_str(out, ") -> ");
    if (write_names(out, proc, MR_MEMBER_OUT) == 0)
        mr_buf_write_str(out, "nothing");
}

void idl_proc(mr_buf *out, const mr_proc *proc) {
    const mr_ndr_member *result = result_of(proc);
    unsigned n = 0;

    if (result)
        write_type(out, result->type, NESTED_MAX + 1);
    mr_buf_write_fmt(out, "%s %s(", result ? "" : "void", proc->name);
    for (unsigned i = 0; i < proc->args->count; i++) {
        const mr_ndr_member *m = &proc->args->u.members[i];
        if (m->flags & MR_MEMBER_RETURN)
            continue;
        mr_buf_write_str(out, n++ ? ",\n    " : "\n    ");
        write_member(out, m, 1);
    }
    mr_buf_write_str(out, n ? ");\n" : "void);\n");
}

struct reached {
    const mr_type **types;
    size_t count;
};

static void reach(struct reached *r, const mr_type *t, unsigned depth) {
    for (; t && (t->kind == MR_NDR_POINTER || t->kind == MR_NDR_ARRAY); t = t->element)
        continue;
    if (!t || !is_constructed(t) || depth > MR_WRITER_DEPTH)
        return;
    if (t->name) {
        for (size_t i = 0; i < r->count; i++)
            if (r->types[i] == t)
                return;
        if (r->count == IDL_TYPES_MAX)
            return;
        r->types[r->count++] = t;
    }
    if (t->kind == MR_NDR_STRUCT)
        for (unsigned i = 0; i < t->count; i++)
            reach(r, t->u.members[i].type, depth + 1);
    if (t->kind == MR_NDR_UNION) {
        reach(r, t->element, depth + 1);
        for (unsigned i = 0; i < t->count; i++)
            reach(r, t->u.arms[i].type, depth + 1);
    }
}

size_t idl_types(const mr_proc *proc, const mr_type *types[IDL_TYPES_MAX]) {
    struct reached r = {.types = types};
    for (unsigned i = 0; i < proc->args->count; i++)
        reach(&r, proc->args->u.members[i].type, 0);
    return r.count;
}
