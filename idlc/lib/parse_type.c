/*
 * The parser's part for types and declarators (C706 6.2.11): base types in all their spellings,
 * struct, union, enum, pipes, typedef names, pointers, arrays. A type that is used before it is
 * defined stays open; the checker says so when it is never closed.
 */
#include "ast.h"

mr_idl_type *mr_idl_type_new(mr_idl_parser *p, enum mr_idl_type_kind kind, mr_idl_loc loc) {
    mr_idl_type *type = mr_idl_new(p->unit, sizeof *type);

    type->kind = kind;
    type->loc = loc;
    if (kind == MR_IDL_STRUCT || kind == MR_IDL_UNION || kind == MR_IDL_ENUM) {
        *p->unit->compound_tail = type;
        p->unit->compound_tail = &type->next;
    }
    return type;
}

void mr_idl_parse_noise(mr_idl_parser *p) {
    static const char *const noise[] = {
        "const", "volatile", "far", "_far", "__far", "near", "__stdcall", "_stdcall", "stdcall",
        "__cdecl", "_cdecl", "cdecl", "__pascal", "pascal", "__export", "__RPC_FAR", "__RPC_USER",
        "__RPC_STUB", "__RPC_API", "RPC_ENTRY", "__ptr64", "__ptr32", "__unaligned",
        "STDMETHODCALLTYPE", "inline",
    };
    size_t i = 0;

    while (p->token.kind == MR_IDL_TOKEN_NAME && i < MR_COUNT(noise)) {
        for (i = 0; i < MR_COUNT(noise); i++)
            if (strcmp(noise[i], p->token.text) == 0) {
                mr_idl_next(p);
                break;
            }
    }
}

/* Words of integer types, as bits to be counted together. */
enum { W_UNSIGNED = 1, W_SIGNED = 2, W_LONG = 4, W_LONG2 = 8, W_SHORT = 16, W_INT = 32,
       W_CHAR = 64, W_SMALL = 128, W_HYPER = 256, W_3264 = 512, W_INT8 = 1024 };

static uint32_t word_of(const char *text) {
    static const struct {
        const char *text;
        uint32_t word;
    } words[] = {
        {"unsigned", W_UNSIGNED}, {"signed", W_SIGNED}, {"__signed", W_SIGNED}, {"long", W_LONG},
        {"short", W_SHORT}, {"int", W_INT}, {"char", W_CHAR}, {"small", W_SMALL},
        {"hyper", W_HYPER}, {"__int64", W_HYPER}, {"__int32", W_LONG}, {"__int16", W_SHORT},
        {"__int8", W_INT8}, {"__int3264", W_3264},
    };
    for (size_t i = 0; i < MR_COUNT(words); i++)
        if (strcmp(words[i].text, text) == 0)
            return words[i].word;
    return 0;
}

static uint8_t integer_kind(uint32_t words) {
    bool u = words & W_UNSIGNED;

    switch (words & ~(uint32_t)(W_UNSIGNED | W_SIGNED)) {
    case 0:
    case W_INT:
    case W_LONG:
    case W_LONG | W_INT:
        return u ? MR_NDR_U32 : MR_NDR_I32;
    case W_SHORT:
    case W_SHORT | W_INT:
        return u ? MR_NDR_U16 : MR_NDR_I16;
    case W_CHAR:
        return u ? MR_NDR_U8 : words & W_SIGNED ? MR_NDR_I8 : MR_NDR_CHAR;
    case W_SMALL:
    case W_INT8:
        return u ? MR_NDR_U8 : MR_NDR_I8;
    case W_HYPER:
    case W_HYPER | W_INT:
    case W_LONG | W_LONG2:
    case W_LONG | W_LONG2 | W_INT:
        return u ? MR_NDR_U64 : MR_NDR_I64;
    case W_3264:
        return u ? MR_NDR_U3264 : MR_NDR_I3264;
    default:
        return UINT8_MAX;
    }
}

static mr_idl_type *parse_integer(mr_idl_parser *p) {
    mr_idl_loc loc = p->token.loc;
    uint32_t words = 0, word;
    bool twice = false;

    while (p->token.kind == MR_IDL_TOKEN_NAME && (word = word_of(p->token.text)) != 0) {
        if (word == W_LONG && (words & W_LONG))
            word = W_LONG2;
        twice = twice || (words & word);
        words |= word;
        loc.len = p->token.loc.offset + p->token.loc.len - loc.offset;
        mr_idl_next(p);
        mr_idl_parse_noise(p);
    }
    mr_idl_type *type = mr_idl_type_new(p, MR_IDL_SCALAR, loc);
    type->scalar = integer_kind(words);
    if (type->scalar == UINT8_MAX || twice ||
        (words & (W_UNSIGNED | W_SIGNED)) == (W_UNSIGNED | W_SIGNED)) {
        mr_idl_error(p->unit, loc, "these words make no integer type");
        type->kind = MR_IDL_ERRONEOUS;
    }
    return type;
}

/* A base type of one word, or NULL. */
static mr_idl_type *parse_simple(mr_idl_parser *p) {
    static const struct {
        const char *text;
        uint8_t kind; /* enum mr_idl_type_kind */
        uint8_t scalar;
    } simple[] = {
        {"void", MR_IDL_VOID, 0},
        {"handle_t", MR_IDL_HANDLE, 0},
        {"byte", MR_IDL_SCALAR, MR_NDR_U8},
        {"boolean", MR_IDL_SCALAR, MR_NDR_BOOLEAN},
        {"wchar_t", MR_IDL_SCALAR, MR_NDR_WCHAR},
        {"float", MR_IDL_SCALAR, MR_NDR_F32},
        {"double", MR_IDL_SCALAR, MR_NDR_F64},
        {"error_status_t", MR_IDL_SCALAR, MR_NDR_U32},
        {"__uuid", MR_IDL_UUID, 0},
    };
    for (size_t i = 0; i < MR_COUNT(simple); i++)
        if (mr_idl_at_name(p, simple[i].text)) {
            mr_idl_type *type = mr_idl_type_new(p, simple[i].kind, p->token.loc);
            type->scalar = simple[i].scalar;
            mr_idl_next(p);
            return type;
        }
    return NULL;
}

void mr_idl_apply_attrs(mr_idl_type *type, const mr_idl_attr *attrs) {
    const mr_idl_attr *attr;

    if (type->kind == MR_IDL_UNION && (attr = mr_idl_attr_find(attrs, MR_IDL_A_SWITCH_TYPE)) &&
        !type->element)
        type->element = attr->type;
    if (type->kind == MR_IDL_ENUM && mr_idl_attr_find(attrs, MR_IDL_A_V1_ENUM))
        type->v1_enum = true;
}

static mr_idl_field *add_field(mr_idl_parser *p, mr_idl_type *owner, mr_idl_field ***tailp) {
    mr_idl_field *field = mr_idl_new(p->unit, sizeof *field);

    field->loc = p->token.loc;
    **tailp = field;
    *tailp = &field->next;
    owner->count++;
    return field;
}

/* A name for a member that has none: "u", or "u2" where that is taken. */
static const char *free_name(mr_idl_parser *p, const mr_idl_type *owner, const char *stem) {
    const char *name = stem;
    uint32_t n = 1;

    for (const mr_idl_field *f = owner->fields; f;) {
        if (f->name && strcmp(f->name, name) == 0) {
            name = mr_idl_text(p->unit, "%s%u", stem, ++n);
            f = owner->fields;
        } else {
            f = f->next;
        }
    }
    return name;
}

/* `attrs type declarator, declarator;` in a struct or union. */
static void parse_fields(mr_idl_parser *p, mr_idl_type *owner, mr_idl_attr *attrs,
                         mr_idl_field ***tailp) {
    mr_idl_type *base = mr_idl_parse_type(p);

    mr_idl_apply_attrs(base, attrs);
    do {
        mr_idl_field *field = add_field(p, owner, tailp);
        field->attrs = attrs;
        field->type = base;
        if (mr_idl_at(p, ';') && !base->tag &&
            (base->kind == MR_IDL_STRUCT || base->kind == MR_IDL_UNION)) {
            field->name = free_name(p, owner, base->kind == MR_IDL_UNION ? "u" : "s");
            field->loc = base->loc;
            break;
        }
        field->type = mr_idl_parse_declarator(p, base, false, &field->name, &field->loc);
        if (mr_idl_at(p, ':'))
            mr_idl_expected(p, "`;`: bit fields have no form on the wire");
    } while (!p->panic && mr_idl_accept(p, ','));
    mr_idl_expect(p, ';');
}

static void parse_cases(mr_idl_parser *p, mr_idl_field *arm, const mr_idl_attr *attrs) {
    for (const mr_idl_attr *attr = attrs; attr; attr = attr->next) {
        if (attr->id == MR_IDL_A_DEFAULT)
            arm->is_default = true;
        if (attr->id != MR_IDL_A_CASE)
            continue;
        int64_t *cases = mr_idl_new(p->unit, (arm->case_count + attr->count) * sizeof *cases);
        if (arm->case_count)
            memcpy(cases, arm->cases, arm->case_count * sizeof *cases);
        arm->cases = cases;
        for (uint32_t i = 0; i < attr->count; i++) {
            if (!attr->exprs[i])
                mr_idl_error(p->unit, attr->loc, "a case without a value");
            else if (mr_idl_eval(p->unit, attr->exprs[i], &cases[arm->case_count]))
                arm->case_count++;
        }
    }
}

/* `case 1: case 2:` and `default:` become the attributes they stand for. */
static mr_idl_attr *parse_labels(mr_idl_parser *p) {
    mr_idl_attr *first = NULL, **tail = &first;

    while (mr_idl_at_name(p, "case") || mr_idl_at_name(p, "default")) {
        mr_idl_attr *attr = mr_idl_new(p->unit, sizeof *attr);
        attr->loc = p->token.loc;
        attr->id = mr_idl_at_name(p, "case") ? MR_IDL_A_CASE : MR_IDL_A_DEFAULT;
        mr_idl_next(p);
        if (attr->id == MR_IDL_A_CASE) {
            attr->count = 1;
            attr->exprs = mr_idl_new(p->unit, sizeof *attr->exprs);
            attr->exprs[0] = mr_idl_parse_expr(p);
        }
        *tail = attr;
        tail = &attr->next;
        if (!mr_idl_expect(p, ':'))
            break;
    }
    *tail = mr_idl_parse_attrs(p);
    return first;
}

static void parse_arm(mr_idl_parser *p, mr_idl_type *owner, mr_idl_field ***tailp) {
    mr_idl_loc loc = p->token.loc;
    mr_idl_attr *attrs = parse_labels(p);
    mr_idl_field **arms = *tailp;

    if (p->panic)
        return;
    if (mr_idl_at(p, ';')) {
        mr_idl_field *arm = add_field(p, owner, tailp);
        arm->attrs = attrs;
        arm->loc = loc;
        mr_idl_next(p);
    } else {
        parse_fields(p, owner, attrs, tailp);
    }
    mr_idl_field *arm = *arms;
    if (arm)
        parse_cases(p, arm, attrs);
    if (!p->panic && arm && !arm->is_default && arm->case_count == 0 && !owner->encapsulated &&
        !mr_idl_attr_find(attrs, MR_IDL_A_CASE))
        mr_idl_error(p->unit, arm->loc, "this arm of the union has neither case nor default");
    if (!p->panic && arm && arm->next)
        mr_idl_error(p->unit, arm->next->loc, "an arm of a union declares one member");
}

static void parse_body(mr_idl_parser *p, mr_idl_type *type) {
    mr_idl_field **tail = &type->fields;

    mr_idl_expect(p, '{');
    while (!mr_idl_at(p, '}') && p->token.kind != MR_IDL_TOKEN_END) {
        size_t before = p->token.loc.offset;
        if (type->kind == MR_IDL_UNION)
            parse_arm(p, type, &tail);
        else
            parse_fields(p, type, mr_idl_parse_attrs(p), &tail);
        if (p->panic)
            mr_idl_recover(p);
        if (p->token.loc.offset == before)
            mr_idl_next(p);
    }
    mr_idl_expect(p, '}');
    type->defined = true;
}

static void parse_enumerators(mr_idl_parser *p, mr_idl_type *type) {
    mr_idl_field **tail = &type->fields;
    int64_t value = 0;

    mr_idl_expect(p, '{');
    while (!mr_idl_at(p, '}') && !p->panic) {
        mr_idl_attr *attrs = mr_idl_parse_attrs(p);
        mr_idl_field *field = add_field(p, type, &tail);
        field->attrs = attrs;
        if (p->token.kind != MR_IDL_TOKEN_NAME) {
            mr_idl_expected(p, "the name of an enumerator");
            break;
        }
        field->name = p->token.text;
        field->loc = p->token.loc;
        mr_idl_next(p);
        if (mr_idl_accept(p, '='))
            mr_idl_eval(p->unit, mr_idl_parse_expr(p), &value);
        if (value < INT32_MIN || value > UINT32_MAX)
            mr_idl_error(p->unit, field->loc, "`%s` does not fit 32 bits", field->name);
        if (value > INT32_MAX)
            value = (int32_t)(uint32_t)value;
        field->number = value;
        value = (int64_t)((uint64_t)value + 1);
        mr_idl_symbol *old = mr_idl_find(p->unit, field->name, false);
        if (old) {
            mr_idl_error(p->unit, field->loc, "`%s` is defined already", field->name);
            mr_idl_note(p->unit, old->loc, "here");
        } else {
            mr_idl_symbol *s = mr_idl_add(p->unit, MR_IDL_SYM_ENUMERATOR, field->name, field->loc);
            s->number = field->number;
            s->type = type;
        }
        if (!mr_idl_accept(p, ','))
            break;
    }
    mr_idl_expect(p, '}');
    type->defined = true;
    if (type->count == 0 && !p->panic)
        mr_idl_error(p->unit, type->loc, "an enumeration without values");
}

/* The type of that tag, made when it is new. */
static mr_idl_type *tagged(mr_idl_parser *p, enum mr_idl_type_kind kind, const char *tag,
                           mr_idl_loc loc) {
    mr_idl_symbol *symbol = tag ? mr_idl_find(p->unit, tag, true) : NULL;

    if (symbol && symbol->type->kind != kind) {
        mr_idl_error(p->unit, loc, "`%s` is the tag of another kind of type", tag);
        mr_idl_note(p->unit, symbol->loc, "here");
        symbol = NULL;
        tag = NULL;
    }
    if (symbol)
        return symbol->type;
    mr_idl_type *type = mr_idl_type_new(p, kind, loc);
    type->tag = tag;
    if (tag)
        mr_idl_add(p->unit, MR_IDL_SYM_TAG, tag, loc)->type = type;
    return type;
}

static void parse_switch(mr_idl_parser *p, mr_idl_type *type) {
    type->encapsulated = true;
    mr_idl_next(p);
    mr_idl_expect(p, '(');
    type->element = mr_idl_parse_type(p);
    if (p->token.kind == MR_IDL_TOKEN_NAME) {
        type->tag_member = p->token.text;
        mr_idl_next(p);
    } else {
        mr_idl_expected(p, "the name of the discriminant");
    }
    mr_idl_expect(p, ')');
    if (p->token.kind == MR_IDL_TOKEN_NAME)
        mr_idl_next(p); /* the name of the union inside: it is `u` in C */
}

static mr_idl_type *parse_compound(mr_idl_parser *p, enum mr_idl_type_kind kind) {
    const char *tag = NULL;
    mr_idl_loc loc = p->token.loc;

    mr_idl_next(p);
    mr_idl_attr *attrs = mr_idl_parse_attrs(p);
    mr_idl_parse_noise(p);
    if (p->token.kind == MR_IDL_TOKEN_NAME && !mr_idl_at_name(p, "switch")) {
        tag = p->token.text;
        loc = p->token.loc;
        mr_idl_next(p);
    }
    bool switched = kind == MR_IDL_UNION && mr_idl_at_name(p, "switch");
    bool body = mr_idl_at(p, '{') || switched;
    if (!body && !tag) {
        mr_idl_expected(p, "a tag or `{`");
        return mr_idl_type_new(p, MR_IDL_ERRONEOUS, loc);
    }
    mr_idl_type *type = tagged(p, kind, tag, loc);
    if (body && type->defined) {
        mr_idl_error(p->unit, loc, "`%s` is defined already", tag);
        mr_idl_note(p->unit, type->loc, "here");
        type = mr_idl_type_new(p, kind, loc);
    }
    if (!body)
        return type;
    type->loc = loc;
    type->attrs = attrs;
    mr_idl_apply_attrs(type, attrs);
    mr_idl_enter(p);
    if (switched)
        parse_switch(p, type);
    if (kind == MR_IDL_ENUM)
        parse_enumerators(p, type);
    else
        parse_body(p, type);
    p->depth--;
    return type;
}

static mr_idl_type *parse_named(mr_idl_parser *p) {
    mr_idl_loc loc = p->token.loc;
    mr_idl_symbol *symbol = mr_idl_find(p->unit, p->token.text, false);
    mr_idl_type *type = mr_idl_type_new(p, MR_IDL_NAMED, loc);

    type->symbol = symbol;
    if (symbol && symbol->kind == MR_IDL_SYM_IFACE) {
        type->kind = MR_IDL_IFACE;
    } else if (!symbol || symbol->kind != MR_IDL_SYM_TYPEDEF) {
        type->kind = MR_IDL_ERRONEOUS;
        mr_idl_near near = {.wanted = p->token.text};
        for (symbol = p->unit->symbols; symbol; symbol = symbol->next)
            if (symbol->kind == MR_IDL_SYM_TYPEDEF || symbol->kind == MR_IDL_SYM_IFACE)
                mr_idl_near_offer(&near, symbol->name);
        mr_idl_symbol *tag = mr_idl_find(p->unit, p->token.text, true);
        if (tag)
            mr_idl_error(p->unit, loc, "`%s` is a tag: write `struct`, `union` or `enum` before it",
                         p->token.text);
        else if (near.best)
            mr_idl_error(p->unit, loc, "unknown type `%s`; is `%s` meant?", p->token.text,
                         near.best);
        else
            mr_idl_error(p->unit, loc, "unknown type `%s`", p->token.text);
    }
    mr_idl_next(p);
    return type;
}

mr_idl_type *mr_idl_parse_type(mr_idl_parser *p) {
    mr_idl_type *type;
    mr_idl_loc loc;

    mr_idl_parse_noise(p);
    loc = p->token.loc;
    if (p->token.kind != MR_IDL_TOKEN_NAME) {
        mr_idl_expected(p, "a type");
        return mr_idl_type_new(p, MR_IDL_ERRONEOUS, loc);
    }
    mr_idl_enter(p);
    if (word_of(p->token.text)) {
        type = parse_integer(p);
    } else if ((type = parse_simple(p)) != NULL) {
        ;
    } else if (mr_idl_at_name(p, "struct")) {
        type = parse_compound(p, MR_IDL_STRUCT);
    } else if (mr_idl_at_name(p, "union")) {
        type = parse_compound(p, MR_IDL_UNION);
    } else if (mr_idl_at_name(p, "enum")) {
        type = parse_compound(p, MR_IDL_ENUM);
    } else if (mr_idl_accept_name(p, "pipe")) {
        type = mr_idl_type_new(p, MR_IDL_PIPE, loc);
        type->element = mr_idl_parse_type(p);
    } else {
        bool iface = mr_idl_accept_name(p, "interface");
        if (p->token.kind != MR_IDL_TOKEN_NAME) {
            mr_idl_expected(p, "the name of an interface");
            type = mr_idl_type_new(p, MR_IDL_ERRONEOUS, loc);
        } else {
            if (iface)
                mr_idl_iface_symbol(p, p->token.text, p->token.loc);
            type = parse_named(p);
        }
    }
    p->depth--;
    mr_idl_parse_noise(p);
    return type;
}

/* `[]`, `[*]`, `[n]`, `[0..n]`, outermost first, around what stands inside. */
static mr_idl_type *parse_bounds(mr_idl_parser *p, mr_idl_type *base) {
    mr_idl_loc loc = p->token.loc;

    if (!mr_idl_accept(p, '['))
        return base;
    mr_idl_enter(p);
    mr_idl_type *array = mr_idl_type_new(p, MR_IDL_ARRAY, loc);
    if (mr_idl_at(p, ']')) {
        array->conformant = true;
    } else if (mr_idl_accept(p, '*')) {
        array->conformant = true;
        if (mr_idl_accept(p, MR_IDL_DOTDOT))
            mr_idl_expected(p, "`]`: a lower bound must be 0");
    } else {
        array->bound = mr_idl_parse_expr(p);
        if (mr_idl_accept(p, MR_IDL_DOTDOT)) {
            int64_t low;
            if (mr_idl_eval(p->unit, array->bound, &low) && low != 0)
                mr_idl_error(p->unit, array->bound->loc, "a lower bound must be 0");
            if (mr_idl_accept(p, '*')) {
                array->conformant = true;
            } else {
                mr_idl_expr *count = mr_idl_parse_expr(p);
                mr_idl_expr *sum = mr_idl_new(p->unit, sizeof *sum);
                mr_idl_expr *one = mr_idl_new(p->unit, sizeof *one);
                one->number = 1;
                one->loc = count->loc;
                *sum = (mr_idl_expr){.kind = MR_IDL_EXPR_BINARY, .op = '+', .a = count, .b = one,
                                     .loc = count->loc};
                array->bound = sum;
            }
        }
    }
    mr_idl_expect(p, ']');
    array->element = parse_bounds(p, base);
    p->depth--;
    return array;
}

mr_idl_type *mr_idl_parse_declarator(mr_idl_parser *p, mr_idl_type *base, bool abstract_ok,
                                     const char **namep, mr_idl_loc *locp) {
    *namep = NULL;
    *locp = p->token.loc;
    mr_idl_enter(p);
    uint32_t pointers = 0;
    for (mr_idl_parse_noise(p); mr_idl_at(p, '*'); mr_idl_parse_noise(p)) {
        mr_idl_type *pointer = mr_idl_type_new(p, MR_IDL_POINTER, p->token.loc);
        if (++pointers > 16)
            mr_idl_expected(p, "at most 16 pointers in a row");
        pointer->element = base;
        pointer->default_class = p->default_class;
        base = pointer;
        mr_idl_next(p);
    }
    if (mr_idl_accept(p, '(')) {
        mr_idl_type *hole = mr_idl_type_new(p, MR_IDL_ERRONEOUS, p->token.loc);
        mr_idl_type *outer = mr_idl_parse_declarator(p, hole, abstract_ok, namep, locp);
        mr_idl_expect(p, ')');
        if (mr_idl_at(p, '('))
            mr_idl_expected(p, "`;`: a function pointer cannot travel");
        if (outer == hole) {
            base = parse_bounds(p, base);
        } else {
            /* what the parentheses hold is applied after the bounds behind them; a compound
             * must keep its identity, so the hole becomes another name for it */
            mr_idl_type *inner = parse_bounds(p, base);
            hole->kind = MR_IDL_NAMED;
            hole->symbol = mr_idl_new(p->unit, sizeof *hole->symbol);
            hole->symbol->kind = MR_IDL_SYM_TYPEDEF;
            hole->symbol->type = inner;
            base = outer;
        }
    } else {
        if (p->token.kind == MR_IDL_TOKEN_NAME) {
            *namep = p->token.text;
            *locp = p->token.loc;
            mr_idl_next(p);
        } else if (!abstract_ok) {
            mr_idl_expected(p, "a name");
        }
        base = parse_bounds(p, base);
    }
    p->depth--;
    return base;
}
