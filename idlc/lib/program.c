/*
 * Correlations: the expressions of size_is, length_is, first_is, switch_is and their like become
 * postfix programs over members (mr_expr). A name is looked for among the members beside the
 * declaration, then in the structure around, then among the constants.
 */
#include "ast.h"

typedef struct lowering {
    mr_idl_unit *unit;
    const mr_idl_scope *scope;
    const mr_idl_field *user; /* whose attribute it is */
    mr_idl_op ops[MR_EXPR_MAX];
    uint32_t count;
    bool failed;
} lowering;

static mr_idl_op *op_add(lowering *l, mr_idl_loc loc, uint8_t code) {
    if (l->count == MR_EXPR_MAX) {
        if (!l->failed)
            mr_idl_error(l->unit, loc, "this expression takes more than %d steps", MR_EXPR_MAX);
        l->failed = true;
        return &l->ops[0];
    }
    mr_idl_op *op = &l->ops[l->count++];
    *op = (mr_idl_op){.code = code};
    return op;
}

static const mr_idl_field *find_member(const mr_idl_scope *scope, const char *name) {
    for (const mr_idl_field *f = scope->owner->fields; f; f = f->next)
        if (f->name && strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

static void unknown_name(lowering *l, const mr_idl_expr *e) {
    mr_idl_near near = {.wanted = e->text};

    for (const mr_idl_scope *s = l->scope; s; s = s->outer)
        for (const mr_idl_field *f = s->owner->fields; f; f = f->next)
            mr_idl_near_offer(&near, f->name);
    if (near.best)
        mr_idl_error(l->unit, e->loc, "no %s and no constant `%s`; is `%s` meant?",
                     l->scope->params ? "parameter" : "member", e->text, near.best);
    else
        mr_idl_error(l->unit, e->loc, "no %s and no constant `%s`",
                     l->scope->params ? "parameter" : "member", e->text);
    l->failed = true;
}

/* A request must carry what its arrays are measured by. */
static void check_direction(lowering *l, const mr_idl_expr *e, const mr_idl_field *field) {
    if (!l->scope->params || !(l->user->flags & MR_MEMBER_IN) || (field->flags & MR_MEMBER_IN))
        return;
    mr_idl_error(l->unit, e->loc, "`%s` is in the request, `%s` only in the response",
                 l->user->name, field->name);
    l->failed = true;
}

/* @name behind @stars dereferences; a pointer is welcome where only its being set counts. */
static void lower_name(lowering *l, const mr_idl_expr *e, uint32_t stars, bool truth) {
    const mr_idl_scope *scope = l->scope;
    const mr_idl_field *field = find_member(scope, e->text);
    uint8_t where = scope->params ? MR_SCOPE_PARAM : MR_SCOPE_STRUCT;
    int64_t value;

    if (!field && scope->outer && (field = find_member(scope->outer, e->text)) != NULL) {
        scope = scope->outer;
        where = MR_SCOPE_ENCLOSING;
    }
    if (!field) {
        mr_idl_symbol *s = mr_idl_find(l->unit, e->text, false);
        if (!s || (s->kind != MR_IDL_SYM_CONST && s->kind != MR_IDL_SYM_ENUMERATOR) || stars)
            unknown_name(l, e);
        else if (mr_idl_eval(l->unit, e, &value))
            op_add(l, e->loc, MR_EXPR_CONST)->value = value;
        else
            l->failed = true;
        return;
    }
    const mr_idl_desc *d = field->desc;
    if (!d) {
        l->failed = true; /* in error itself, or not on the wire */
        return;
    }
    check_direction(l, e, field);
    uint8_t deref = 0;
    for (; stars && d->kind == MR_NDR_POINTER; stars--, d = d->element)
        deref = (uint8_t)(deref + !(d->flags & MR_TYPE_POINTER_INLINE));
    if (stars) {
        mr_idl_error(l->unit, e->loc, "`%s` has fewer pointers to follow", e->text);
        l->failed = true;
        return;
    }
    if (d->kind == MR_NDR_POINTER && truth) {
        if (d->flags & MR_TYPE_POINTER_INLINE) {
            op_add(l, e->loc, MR_EXPR_CONST)->value = 1;
            return;
        }
    } else if (d->kind == MR_NDR_POINTER && MR_NDR_IS_SCALAR(d->element->kind)) {
        mr_idl_error(l->unit, e->loc, "`%s` is a pointer: write `*%s`", e->text, e->text);
        l->failed = true;
        return;
    } else if (!MR_NDR_IS_SCALAR(d->kind) || d->kind == MR_NDR_F32 || d->kind == MR_NDR_F64) {
        mr_idl_error(l->unit, e->loc, "`%s` is no integer", e->text);
        l->failed = true;
        return;
    }
    mr_idl_op *op = op_add(l, e->loc,
                           d->kind == MR_NDR_POINTER ? MR_EXPR_IS_SET : MR_EXPR_FIELD);
    op->scope = where;
    op->deref = deref;
    op->kind = d->kind;
    op->name = field->name;
    op->owner = mr_idl_ctype(l->unit, scope->owner);
    op->member = field->cname;
}

static uint8_t binary_code(int op) {
    switch (op) {
    case '+':
        return MR_EXPR_ADD;
    case '-':
        return MR_EXPR_SUB;
    case '*':
        return MR_EXPR_MUL;
    case '/':
        return MR_EXPR_DIV;
    case '%':
        return MR_EXPR_MOD;
    case '&':
        return MR_EXPR_AND;
    case '|':
        return MR_EXPR_OR;
    case '^':
        return MR_EXPR_XOR;
    case MR_IDL_SHL:
        return MR_EXPR_SHL;
    case MR_IDL_SHR:
        return MR_EXPR_SHR;
    case MR_IDL_EQ:
        return MR_EXPR_EQ;
    case MR_IDL_NE:
        return MR_EXPR_NE;
    case '<':
        return MR_EXPR_LT;
    case MR_IDL_LE:
        return MR_EXPR_LE;
    case '>':
        return MR_EXPR_GT;
    default: /* MR_IDL_GE */
        return MR_EXPR_GE;
    }
}

static void lower_expr(lowering *l, const mr_idl_expr *e, bool truth);

/* a && b is !!a & !!b. */
static void lower_logic(lowering *l, const mr_idl_expr *e) {
    const mr_idl_expr *side[] = {e->a, e->b};

    for (int i = 0; i < 2; i++) {
        lower_expr(l, side[i], true);
        op_add(l, e->loc, MR_EXPR_NOT);
        op_add(l, e->loc, MR_EXPR_NOT);
    }
    op_add(l, e->loc, e->op == MR_IDL_ANDAND ? MR_EXPR_AND : MR_EXPR_OR);
}

static void lower_expr(lowering *l, const mr_idl_expr *e, bool truth) {
    const mr_idl_expr *name = e;
    uint32_t stars = 0;

    if (l->failed)
        return;
    switch (e->kind) {
    case MR_IDL_EXPR_NUMBER:
        op_add(l, e->loc, MR_EXPR_CONST)->value = e->number;
        break;
    case MR_IDL_EXPR_STRING:
        mr_idl_error(l->unit, e->loc, "a string where an integer belongs");
        l->failed = true;
        break;
    case MR_IDL_EXPR_NAME:
        lower_name(l, e, 0, truth);
        break;
    case MR_IDL_EXPR_DEREF:
        for (; name->kind == MR_IDL_EXPR_DEREF; name = name->a)
            stars++;
        if (name->kind == MR_IDL_EXPR_NAME) {
            lower_name(l, name, stars, truth);
        } else {
            mr_idl_error(l->unit, e->loc, "`*` needs the name of a pointer");
            l->failed = true;
        }
        break;
    case MR_IDL_EXPR_UNARY:
        lower_expr(l, e->a, e->op == '!');
        op_add(l, e->loc, e->op == '-' ? MR_EXPR_NEG : e->op == '~' ? MR_EXPR_INVERT
                                                                    : MR_EXPR_NOT);
        break;
    case MR_IDL_EXPR_BINARY:
        if (e->op == MR_IDL_ANDAND || e->op == MR_IDL_OROR) {
            lower_logic(l, e);
            break;
        }
        truth = e->op == MR_IDL_EQ || e->op == MR_IDL_NE;
        lower_expr(l, e->a, truth);
        lower_expr(l, e->b, truth);
        op_add(l, e->loc, binary_code(e->op));
        break;
    case MR_IDL_EXPR_COND:
        lower_expr(l, e->a, true);
        lower_expr(l, e->b, false);
        lower_expr(l, e->c, false);
        op_add(l, e->loc, MR_EXPR_COND);
        break;
    }
}

static const mr_idl_program *finish(lowering *l) {
    if (l->failed)
        return NULL;
    mr_idl_program *program = mr_idl_new(l->unit, sizeof *program);
    program->count = l->count;
    program->ops = mr_idl_new(l->unit, l->count * sizeof *program->ops);
    memcpy(program->ops, l->ops, l->count * sizeof *program->ops);
    return program;
}

static void add_one(lowering *l, const mr_idl_expr *e) {
    op_add(l, e->loc, MR_EXPR_CONST)->value = 1;
    op_add(l, e->loc, MR_EXPR_ADD);
}

/* length_is(n) as it stands; last_is(n) as n + 1, less first_is. */
static const mr_idl_program *lower_length(lowering *l, const mr_idl_desc *d) {
    const mr_idl_expr *e = d->length_ast ? d->length_ast : d->last_ast;

    if (!e)
        return NULL;
    lower_expr(l, e, false);
    if (!d->length_ast) {
        add_one(l, e);
        if (d->first_ast) {
            lower_expr(l, d->first_ast, false);
            op_add(l, e->loc, MR_EXPR_SUB);
        }
    }
    return finish(l);
}

static void lower_switch(mr_idl_unit *unit, mr_idl_field *field, const mr_idl_scope *scope) {
    const mr_idl_attr *attr = mr_idl_attr_find(field->attrs, MR_IDL_A_SWITCH_IS);
    mr_idl_type *base = mr_idl_base(field->type);
    bool open = base->kind == MR_IDL_UNION && !base->encapsulated;

    if (!attr) {
        if (open)
            mr_idl_error(unit, field->loc, "the union `%s` needs switch_is", field->name);
        return;
    }
    if (!open || attr->count != 1 || !attr->exprs[0]) {
        mr_idl_error(unit, attr->loc, open ? "switch_is takes one expression"
                                           : "switch_is on `%s`, which is no union without a tag",
                     field->name);
        return;
    }
    lowering l = {.unit = unit, .scope = scope, .user = field};
    lower_expr(&l, attr->exprs[0], false);
    field->switch_is = finish(&l);
}

void mr_idl_lower_programs(mr_idl_unit *unit, mr_idl_field *field, const mr_idl_scope *scope) {
    for (mr_idl_desc *d = field->desc; d && !d->type && !d->external; d = d->element) {
        if (d->kind != MR_NDR_ARRAY)
            continue;
        if (d->size_ast) {
            lowering l = {.unit = unit, .scope = scope, .user = field};
            lower_expr(&l, d->size_ast, false);
            if (d->size_is_max)
                add_one(&l, d->size_ast);
            d->size = finish(&l);
        }
        lowering length = {.unit = unit, .scope = scope, .user = field};
        d->length = lower_length(&length, d);
        if (d->first_ast) {
            lowering l = {.unit = unit, .scope = scope, .user = field};
            lower_expr(&l, d->first_ast, false);
            d->first = finish(&l);
        }
    }
    if (field->desc)
        lower_switch(unit, field, scope);
}
