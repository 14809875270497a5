/*
 * Correlation expressions (size_is, length_is, first_is, switch_is): postfix programs over 64-bit
 * integers, evaluated against C structs, and turned round where a caller left the named member out.
 * Arithmetic wraps; the only failures are a scope that is not there and a division by zero.
 */
#include "walk.h"

int64_t mr_ndr_load(unsigned kind, const void *c) {
    union { uint8_t u8; uint16_t u16; uint32_t u32; uint64_t u64; } v;
    switch ((enum mr_ndr_kind)kind) {
    case MR_NDR_U8:
    case MR_NDR_CHAR:
    case MR_NDR_BOOLEAN:
        return *(const uint8_t *)c;
    case MR_NDR_I8:
        return *(const int8_t *)c;
    case MR_NDR_U16:
    case MR_NDR_WCHAR:
        memcpy(&v.u16, c, 2);
        return v.u16;
    case MR_NDR_I16:
        memcpy(&v.u16, c, 2);
        return (int16_t)v.u16;
    case MR_NDR_U32:
        memcpy(&v.u32, c, 4);
        return v.u32;
    case MR_NDR_I32:
    case MR_NDR_ENUM16:
    case MR_NDR_ENUM32:
        memcpy(&v.u32, c, 4);
        return (int32_t)v.u32;
    case MR_NDR_U64:
    case MR_NDR_I64:
    case MR_NDR_U3264:
    case MR_NDR_I3264:
        memcpy(&v.u64, c, 8);
        return (int64_t)v.u64;
    case MR_NDR_F32:
    case MR_NDR_F64:
    case MR_NDR_UUID:
    case MR_NDR_CONTEXT:
    case MR_NDR_STRUCT:
    case MR_NDR_UNION:
    case MR_NDR_POINTER:
    case MR_NDR_ARRAY:
    case MR_NDR_PIPE:
        break;
    }
    return 0;
}

void mr_ndr_store(unsigned kind, void *c, int64_t v) {
    switch ((enum mr_ndr_kind)kind) {
    case MR_NDR_U8:
    case MR_NDR_CHAR:
    case MR_NDR_BOOLEAN:
    case MR_NDR_I8:
        *(uint8_t *)c = (uint8_t)v;
        return;
    case MR_NDR_U16:
    case MR_NDR_WCHAR:
    case MR_NDR_I16:
        memcpy(c, &(uint16_t){(uint16_t)v}, 2);
        return;
    case MR_NDR_U32:
    case MR_NDR_I32:
    case MR_NDR_ENUM16:
    case MR_NDR_ENUM32:
        memcpy(c, &(uint32_t){(uint32_t)v}, 4);
        return;
    case MR_NDR_U64:
    case MR_NDR_I64:
    case MR_NDR_U3264:
    case MR_NDR_I3264:
        memcpy(c, &v, 8);
        return;
    case MR_NDR_F32:
    case MR_NDR_F64:
    case MR_NDR_UUID:
    case MR_NDR_CONTEXT:
    case MR_NDR_STRUCT:
    case MR_NDR_UNION:
    case MR_NDR_POINTER:
    case MR_NDR_ARRAY:
    case MR_NDR_PIPE:
        return;
    }
}

int64_t mr_ndr_wrap(unsigned kind, int64_t v) {
    uint64_t room = 0;
    mr_ndr_store(kind, &room, v);
    return mr_ndr_load(kind, &room);
}

const uint8_t *mr_ndr_scope(const mr_expr_op *op, const mr_ndr_place *at, const void *args) {
    switch ((enum mr_expr_scope)op->scope) {
    case MR_SCOPE_STRUCT:
        return at->own;
    case MR_SCOPE_ENCLOSING:
        return at->enclosing;
    case MR_SCOPE_PARAM:
        return args;
    }
    return NULL;
}

/* A member's value, through its dereferences; a NULL on the way yields 0. */
static bool get_member(const mr_expr_op *op, const mr_ndr_place *at, const void *args,
                       int64_t *valuep) {
    const uint8_t *p = mr_ndr_scope(op, at, args);
    if (!p)
        return false;
    p += op->value;
    for (unsigned i = 0; i < op->deref; i++) {
        const uint8_t *to;
        memcpy(&to, p, sizeof to);
        p = to;
        if (!p) {
            *valuep = 0;
            return true;
        }
    }
    if (op->code == MR_EXPR_IS_SET) {
        const void *pointer;
        memcpy(&pointer, p, sizeof pointer);
        *valuep = pointer != NULL;
    } else {
        *valuep = mr_ndr_load(op->kind, p);
    }
    return true;
}

static bool divide(int64_t a, int64_t b, bool modulo, int64_t *valuep) {
    if (b == 0)
        return false;
    if (b == -1) /* INT64_MIN / -1 does not fit */
        *valuep = modulo ? 0 : (int64_t)(0 - (uint64_t)a);
    else
        *valuep = modulo ? a % b : a / b;
    return true;
}

static bool apply(unsigned code, int64_t a, int64_t b, int64_t *valuep) {
    uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
    int64_t v = 0;
    switch ((enum mr_expr_code)code) {
    case MR_EXPR_ADD: v = (int64_t)(ua + ub); break;
    case MR_EXPR_SUB: v = (int64_t)(ua - ub); break;
    case MR_EXPR_MUL: v = (int64_t)(ua * ub); break;
    case MR_EXPR_DIV: return divide(a, b, false, valuep);
    case MR_EXPR_MOD: return divide(a, b, true, valuep);
    case MR_EXPR_AND: v = a & b; break;
    case MR_EXPR_OR: v = a | b; break;
    case MR_EXPR_XOR: v = a ^ b; break;
    case MR_EXPR_SHL: v = ub < 64 ? (int64_t)(ua << ub) : 0; break;
    case MR_EXPR_SHR: v = ub < 64 ? a >> ub : 0; break;
    case MR_EXPR_EQ: v = a == b; break;
    case MR_EXPR_NE: v = a != b; break;
    case MR_EXPR_LT: v = a < b; break;
    case MR_EXPR_LE: v = a <= b; break;
    case MR_EXPR_GT: v = a > b; break;
    case MR_EXPR_GE: v = a >= b; break;
    case MR_EXPR_CONST:
    case MR_EXPR_FIELD:
    case MR_EXPR_IS_SET:
    case MR_EXPR_NEG:
    case MR_EXPR_INVERT:
    case MR_EXPR_NOT:
    case MR_EXPR_COND:
        return false;
    }
    *valuep = v;
    return true;
}

/* Runs the program; the member values come from @at, or are @known where that is not NULL. */
static bool run(const mr_expr *e, const mr_ndr_place *at, const void *args, const int64_t *known,
                int64_t *valuep) {
    int64_t stack[MR_EXPR_MAX];
    unsigned n = 0;

    if (e->count > MR_EXPR_MAX)
        return false;
    for (uint32_t i = 0; i < e->count; i++) {
        const mr_expr_op *op = &e->ops[i];
        if (op->code == MR_EXPR_CONST) {
            stack[n++] = op->value;
        } else if (op->code == MR_EXPR_FIELD || op->code == MR_EXPR_IS_SET) {
            if (known)
                stack[n] = *known;
            else if (!get_member(op, at, args, &stack[n]))
                return false;
            n++;
        } else if (op->code == MR_EXPR_COND) {
            if (n < 3)
                return false;
            n -= 2;
            stack[n - 1] = stack[n - 1] ? stack[n] : stack[n + 1];
        } else if (op->code == MR_EXPR_NEG || op->code == MR_EXPR_INVERT ||
                   op->code == MR_EXPR_NOT) {
            if (n < 1)
                return false;
            int64_t v = stack[n - 1];
            stack[n - 1] = op->code == MR_EXPR_NEG      ? (int64_t)(0 - (uint64_t)v)
                           : op->code == MR_EXPR_INVERT ? ~v
                                                        : !v;
        } else {
            if (n < 2 || !apply(op->code, stack[n - 2], stack[n - 1], &stack[n - 2]))
                return false;
            n--;
        }
    }
    if (n != 1)
        return false;
    *valuep = stack[0];
    return true;
}

bool mr_ndr_eval_program(const mr_expr *e, const mr_ndr_place *at, const void *args,
                         int64_t *valuep) {
    return run(e, at, args, NULL, valuep);
}

/* Candidates are tried against the program itself, so a wrong guess is never believed. */
bool mr_ndr_invert(const mr_expr *e, int64_t want, const mr_expr_op **opp, int64_t *valuep) {
    const mr_expr_op *field = NULL;
    int64_t k = 0;

    for (uint32_t i = 0; i < e->count; i++) {
        const mr_expr_op *op = &e->ops[i];
        if (op->code == MR_EXPR_FIELD) {
            if (field)
                return false;
            field = op;
        } else if (op->code == MR_EXPR_IS_SET) {
            return false;
        } else if (op->code == MR_EXPR_CONST && k == 0) {
            k = op->value;
        }
    }
    if (!field)
        return false;

    uint64_t w = (uint64_t)want, uk = (uint64_t)k;
    int64_t tries[] = {
        want,
        (int64_t)(w * uk),
        (int64_t)(w - uk),
        (int64_t)(w + uk),
        (int64_t)(uk - w),
        k > 0 ? want / k : want,
        k >= 0 && k < 64 ? (int64_t)(w << k) : want,
        k >= 0 && k < 64 ? want >> k : want,
        (int64_t)(w * uk - uk + 1), /* (n + k - 1) / k */
        (int64_t)(0 - w),
        ~want,
        0,
        1,
    };
    for (size_t i = 0; i < MR_COUNT(tries); i++) {
        int64_t got, v = mr_ndr_wrap(field->kind, tries[i]);
        if (run(e, NULL, NULL, &v, &got) && got == want) {
            *opp = field;
            *valuep = v;
            return true;
        }
    }
    return false;
}
