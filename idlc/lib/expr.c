/*
 * Expressions: precedence climbing over the operators of C that IDL knows, and the value of
 * constant ones (C706 6.2.6 widened as MIDL does). Arithmetic wraps in 64 bits.
 */
#include "ast.h"

static mr_idl_expr *expr_new(mr_idl_parser *p, enum mr_idl_expr_kind kind, mr_idl_loc loc) {
    mr_idl_expr *e = mr_idl_new(p->unit, sizeof *e);
    e->kind = kind;
    e->loc = loc;
    return e;
}

static mr_idl_loc join(mr_idl_loc a, mr_idl_loc b) {
    a.len = b.offset + b.len - a.offset;
    return a;
}

static mr_idl_expr *parse_primary(mr_idl_parser *p) {
    mr_idl_loc loc = p->token.loc;
    mr_idl_expr *e;

    if (p->token.kind == MR_IDL_TOKEN_NUMBER || p->token.kind == MR_IDL_TOKEN_CHAR) {
        e = expr_new(p, MR_IDL_EXPR_NUMBER, loc);
        e->number = p->token.number;
        mr_idl_next(p);
    } else if (p->token.kind == MR_IDL_TOKEN_STRING) {
        e = expr_new(p, MR_IDL_EXPR_STRING, loc);
        e->text = p->token.text;
        mr_idl_next(p);
        while (p->token.kind == MR_IDL_TOKEN_STRING) {
            e->text = mr_idl_text(p->unit, "%s%s", e->text, p->token.text);
            mr_idl_next(p);
        }
    } else if (mr_idl_at_name(p, "TRUE") || mr_idl_at_name(p, "FALSE")) {
        e = expr_new(p, MR_IDL_EXPR_NUMBER, loc);
        e->number = mr_idl_at_name(p, "TRUE");
        mr_idl_next(p);
    } else if (p->token.kind == MR_IDL_TOKEN_NAME) {
        e = expr_new(p, MR_IDL_EXPR_NAME, loc);
        e->text = p->token.text;
        mr_idl_next(p);
        if (mr_idl_at(p, '.') || mr_idl_at(p, MR_IDL_ARROW))
            mr_idl_expected(p, "an operator (a member of a member cannot be referred to)");
    } else if (mr_idl_accept(p, '(')) {
        e = mr_idl_parse_expr(p);
        mr_idl_expect(p, ')');
    } else {
        mr_idl_expected(p, "an expression");
        e = expr_new(p, MR_IDL_EXPR_NUMBER, loc);
    }
    return e;
}

static mr_idl_expr *parse_unary(mr_idl_parser *p) {
    mr_idl_loc loc = p->token.loc;
    int op = p->token.kind == MR_IDL_TOKEN_PUNCT ? p->token.punct : 0;
    mr_idl_expr *e;

    if (op != '-' && op != '+' && op != '~' && op != '!' && op != '*')
        return parse_primary(p);
    mr_idl_enter(p);
    mr_idl_next(p);
    mr_idl_expr *a = parse_unary(p);
    p->depth--;
    if (op == '+')
        return a;
    e = expr_new(p, op == '*' ? MR_IDL_EXPR_DEREF : MR_IDL_EXPR_UNARY, join(loc, a->loc));
    e->op = op;
    e->a = a;
    return e;
}

/* How tight a binary operator binds; 0 when it is none. */
static int precedence(const mr_idl_parser *p) {
    if (p->token.kind != MR_IDL_TOKEN_PUNCT)
        return 0;
    switch (p->token.punct) {
    case '*':
    case '/':
    case '%':
        return 10;
    case '+':
    case '-':
        return 9;
    case MR_IDL_SHL:
    case MR_IDL_SHR:
        return 8;
    case '<':
    case '>':
    case MR_IDL_LE:
    case MR_IDL_GE:
        return 7;
    case MR_IDL_EQ:
    case MR_IDL_NE:
        return 6;
    case '&':
        return 5;
    case '^':
        return 4;
    case '|':
        return 3;
    case MR_IDL_ANDAND:
        return 2;
    case MR_IDL_OROR:
        return 1;
    default:
        return 0;
    }
}

static mr_idl_expr *parse_binary(mr_idl_parser *p, int least) {
    mr_idl_expr *left = parse_unary(p);
    int tight, terms = 0;

    while ((tight = precedence(p)) >= least) {
        if (++terms > MR_IDL_TERMS) {
            mr_idl_error(p->unit, p->token.loc, "more than %d terms", MR_IDL_TERMS);
            mr_idl_abort(p->unit, MR_ERR_LIMIT);
        }
        int op = p->token.punct;
        mr_idl_next(p);
        mr_idl_enter(p);
        mr_idl_expr *right = parse_binary(p, tight + 1);
        p->depth--;
        mr_idl_expr *e = expr_new(p, MR_IDL_EXPR_BINARY, join(left->loc, right->loc));
        e->op = op;
        e->a = left;
        e->b = right;
        left = e;
    }
    return left;
}

mr_idl_expr *mr_idl_parse_expr(mr_idl_parser *p) {
    mr_idl_enter(p);
    mr_idl_expr *e = parse_binary(p, 1);
    if (mr_idl_accept(p, '?')) {
        mr_idl_expr *cond = expr_new(p, MR_IDL_EXPR_COND, e->loc);
        cond->a = e;
        cond->b = mr_idl_parse_expr(p);
        mr_idl_expect(p, ':');
        cond->c = mr_idl_parse_expr(p);
        cond->loc = join(e->loc, cond->c->loc);
        e = cond;
    }
    p->depth--;
    return e;
}

static bool eval_binary(mr_idl_unit *unit, const mr_idl_expr *e, int64_t a, int64_t b,
                        int64_t *valuep) {
    uint64_t ua = (uint64_t)a, ub = (uint64_t)b;

    if ((e->op == '/' || e->op == '%') && b == 0) {
        mr_idl_error(unit, e->b->loc, "division by zero");
        return false;
    }
    switch (e->op) {
    case '*':
        *valuep = (int64_t)(ua * ub);
        break;
    case '/':
        *valuep = b == -1 ? (int64_t)(0 - ua) : a / b;
        break;
    case '%':
        *valuep = b == -1 ? 0 : a % b;
        break;
    case '+':
        *valuep = (int64_t)(ua + ub);
        break;
    case '-':
        *valuep = (int64_t)(ua - ub);
        break;
    case MR_IDL_SHL:
        *valuep = ub > 63 ? 0 : (int64_t)(ua << ub);
        break;
    case MR_IDL_SHR:
        *valuep = ub > 63 ? 0 : (int64_t)(ua >> ub);
        break;
    case '<':
        *valuep = a < b;
        break;
    case '>':
        *valuep = a > b;
        break;
    case MR_IDL_LE:
        *valuep = a <= b;
        break;
    case MR_IDL_GE:
        *valuep = a >= b;
        break;
    case MR_IDL_EQ:
        *valuep = a == b;
        break;
    case MR_IDL_NE:
        *valuep = a != b;
        break;
    case '&':
        *valuep = a & b;
        break;
    case '^':
        *valuep = a ^ b;
        break;
    case '|':
        *valuep = a | b;
        break;
    case MR_IDL_ANDAND:
        *valuep = a && b;
        break;
    default: /* MR_IDL_OROR */
        *valuep = a || b;
        break;
    }
    return true;
}

static bool eval_name(mr_idl_unit *unit, const mr_idl_expr *e, int64_t *valuep) {
    mr_idl_symbol *s = mr_idl_find(unit, e->text, false);

    if (s && s->kind == MR_IDL_SYM_ENUMERATOR) {
        *valuep = s->number;
        return true;
    }
    if (s && s->kind == MR_IDL_SYM_CONST && !s->string) {
        *valuep = s->number;
        return true;
    }
    if (s) {
        mr_idl_error(unit, e->loc, "`%s` is no integer constant", e->text);
        return false;
    }
    mr_idl_near near = {.wanted = e->text};
    for (s = unit->symbols; s; s = s->next)
        if (s->kind == MR_IDL_SYM_CONST || s->kind == MR_IDL_SYM_ENUMERATOR)
            mr_idl_near_offer(&near, s->name);
    if (near.best)
        mr_idl_error(unit, e->loc, "unknown constant `%s`; is `%s` meant?", e->text, near.best);
    else
        mr_idl_error(unit, e->loc, "unknown constant `%s`", e->text);
    return false;
}

bool mr_idl_eval(mr_idl_unit *unit, const mr_idl_expr *e, int64_t *valuep) {
    int64_t a, b;

    switch (e->kind) {
    case MR_IDL_EXPR_NUMBER:
        *valuep = e->number;
        return true;
    case MR_IDL_EXPR_STRING:
        mr_idl_error(unit, e->loc, "a string where an integer constant belongs");
        return false;
    case MR_IDL_EXPR_NAME:
        return eval_name(unit, e, valuep);
    case MR_IDL_EXPR_DEREF:
        mr_idl_error(unit, e->loc, "no constant: it follows a pointer");
        return false;
    case MR_IDL_EXPR_UNARY:
        if (!mr_idl_eval(unit, e->a, &a))
            return false;
        *valuep = e->op == '-' ? (int64_t)(0 - (uint64_t)a) : e->op == '~' ? ~a : !a;
        return true;
    case MR_IDL_EXPR_BINARY:
        return mr_idl_eval(unit, e->a, &a) && mr_idl_eval(unit, e->b, &b) &&
               eval_binary(unit, e, a, b, valuep);
    case MR_IDL_EXPR_COND:
        return mr_idl_eval(unit, e->a, &a) && mr_idl_eval(unit, a ? e->b : e->c, valuep);
    }
    return false;
}
