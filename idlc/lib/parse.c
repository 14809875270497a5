/*
 * The parser: files, interfaces, typedefs, constants, methods. Recursive descent with one token in
 * hand. After an error it stays quiet, skips to the end of the declaration and goes on, so that
 * one run shows several mistakes.
 */
#include "ast.h"

#include <stdlib.h>

void mr_idl_recover(mr_idl_parser *p) {
    uint32_t depth = 0;

    if (p->panic && p->end_at > p->panic_at) {
        p->panic = false; /* the declaration was read to its end all the same */
        return;
    }
    p->quiet = true;
    for (; p->token.kind != MR_IDL_TOKEN_END; mr_idl_next(p)) {
        if (mr_idl_at(p, '{'))
            depth++;
        if (mr_idl_at(p, '}')) {
            if (depth == 0)
                break;
            depth--;
        }
        if (mr_idl_at(p, ';') && depth == 0) {
            mr_idl_next(p);
            break;
        }
    }
    p->panic = false;
    p->quiet = false;
}

static bool same_type(mr_idl_type *a, mr_idl_type *b) {
    for (uint32_t i = 0; i < MR_IDL_DEPTH; i++) {
        a = mr_idl_resolve(a);
        b = mr_idl_resolve(b);
        if (a == b)
            return true;
        if (a->kind != b->kind)
            return false;
        if (a->kind == MR_IDL_SCALAR)
            return a->scalar == b->scalar;
        if (a->kind == MR_IDL_VOID || a->kind == MR_IDL_UUID || a->kind == MR_IDL_HANDLE)
            return true;
        if (a->kind != MR_IDL_POINTER)
            return false;
        a = a->element;
        b = b->element;
    }
    return false;
}

static void add_typedef(mr_idl_parser *p, const char *name, mr_idl_loc loc, mr_idl_type *type,
                        mr_idl_attr *attrs) {
    mr_idl_symbol *old = mr_idl_find(p->unit, name, false);

    if (old && old->kind == MR_IDL_SYM_TYPEDEF && same_type(old->type, type))
        return;
    if (old && type->kind == MR_IDL_IFACE && old == type->symbol)
        return;
    if (old) {
        mr_idl_error(p->unit, loc, "`%s` is defined already", name);
        mr_idl_note(p->unit, old->loc, "here");
        return;
    }
    mr_idl_symbol *s = mr_idl_add(p->unit, MR_IDL_SYM_TYPEDEF, name, loc);
    s->type = type;
    s->attrs = attrs;
    if (!type->name)
        type->name = name;
}

static void parse_typedef(mr_idl_parser *p) {
    mr_idl_next(p);
    mr_idl_attr *attrs = mr_idl_parse_attrs(p);
    mr_idl_type *base = mr_idl_parse_type(p);

    mr_idl_apply_attrs(base, attrs);
    do {
        const char *name;
        mr_idl_loc loc;
        mr_idl_type *type = mr_idl_parse_declarator(p, base, false, &name, &loc);
        if (name && !p->panic)
            add_typedef(p, name, loc, type, attrs);
        if (name && !base->name && !base->tag && (base->kind == MR_IDL_STRUCT ||
                                                  base->kind == MR_IDL_UNION))
            base->name = mr_idl_text(p->unit, "%s_referent", name); /* reached through it only */
    } while (!p->panic && mr_idl_accept(p, ','));
    mr_idl_expect(p, ';');
}

static void parse_const(mr_idl_parser *p) {
    const char *name;
    mr_idl_loc loc;

    mr_idl_next(p);
    mr_idl_type *type = mr_idl_parse_type(p);
    type = mr_idl_parse_declarator(p, type, false, &name, &loc);
    if (!mr_idl_expect(p, '='))
        return;
    mr_idl_expr *value = mr_idl_parse_expr(p);
    mr_idl_expect(p, ';');
    if (p->panic || !name)
        return;
    mr_idl_symbol *old = mr_idl_find(p->unit, name, false);
    if (old) {
        mr_idl_error(p->unit, loc, "`%s` is defined already", name);
        mr_idl_note(p->unit, old->loc, "here");
        return;
    }
    int64_t number = 0;
    if (value->kind != MR_IDL_EXPR_STRING)
        mr_idl_eval(p->unit, value, &number);
    mr_idl_symbol *s = mr_idl_add(p->unit, MR_IDL_SYM_CONST, name, loc);
    s->type = type;
    s->number = number;
    mr_idl_type *base = mr_idl_base(type);
    if (value->kind == MR_IDL_EXPR_STRING) {
        s->string = value->text;
        s->wide = base->kind == MR_IDL_SCALAR && base->scalar == MR_NDR_WCHAR;
        if (mr_idl_resolve(type)->kind != MR_IDL_POINTER)
            mr_idl_error(p->unit, value->loc, "a string for a constant that is no pointer");
    }
}

static void parse_import(mr_idl_parser *p) {
    mr_idl_next(p);
    do {
        mr_idl_lex file = p->token;
        if (file.kind != MR_IDL_TOKEN_STRING) {
            mr_idl_expected(p, "a file name in quotes");
            return;
        }
        mr_idl_next(p);
        if (p->unit->depth++ > MR_IDL_DEPTH) {
            mr_idl_error(p->unit, file.loc, "imports nested deeper than %d", MR_IDL_DEPTH);
            mr_idl_abort(p->unit, MR_ERR_LIMIT);
        }
        mr_idl_read_source(p->unit, file.text, file.loc);
        p->unit->depth--;
    } while (mr_idl_accept(p, ','));
    mr_idl_expect(p, ';');
}

/* cpp_quote("..."), midl_pragma warning(...), and their like say nothing about the wire. */
static bool skip_directive(mr_idl_parser *p) {
    if (!mr_idl_at_name(p, "cpp_quote") && !mr_idl_at_name(p, "midl_pragma") &&
        !mr_idl_at_name(p, "midl_echo") && !mr_idl_at_name(p, "include") &&
        !mr_idl_at_name(p, "cimport") && !mr_idl_at_name(p, "importlib"))
        return false;
    if (mr_idl_at_name(p, "include"))
        mr_idl_warn(p->unit, p->token.loc, "the C header is not read: its types are unknown here");
    while (p->token.kind == MR_IDL_TOKEN_NAME)
        mr_idl_next(p);
    if (mr_idl_at(p, '(')) {
        mr_idl_next_raw(p);
        mr_idl_expect(p, ')');
    } else {
        while (p->token.kind == MR_IDL_TOKEN_STRING)
            mr_idl_next(p);
    }
    mr_idl_accept(p, ';');
    return true;
}

static void parse_params(mr_idl_parser *p, mr_idl_method *method) {
    mr_idl_field **tail = &method->params;

    while (!mr_idl_at(p, ')') && !p->panic) {
        mr_idl_field *field = mr_idl_new(p->unit, sizeof *field);
        field->attrs = mr_idl_parse_attrs(p);
        mr_idl_type *base = mr_idl_parse_type(p);
        mr_idl_apply_attrs(base, field->attrs);
        field->type = mr_idl_parse_declarator(p, base, base->kind == MR_IDL_VOID, &field->name,
                                              &field->loc);
        if (!field->name && !p->panic) {
            if (field->type->kind != MR_IDL_VOID || method->params || mr_idl_at(p, ','))
                mr_idl_expected(p, "the name of a parameter");
            break;
        }
        *tail = field;
        tail = &field->next;
        if (!mr_idl_accept(p, ','))
            break;
    }
    mr_idl_expect(p, ')');
    mr_idl_parse_noise(p);
}

static void parse_method(mr_idl_parser *p, mr_idl_iface *iface, mr_idl_attr *attrs,
                         mr_idl_method ***tailp) {
    mr_idl_type *result = mr_idl_parse_type(p);
    const char *name;
    mr_idl_loc loc;

    mr_idl_apply_attrs(result, attrs);
    if (mr_idl_accept(p, ';')) /* a type was declared */
        return;
    result = mr_idl_parse_declarator(p, result, false, &name, &loc);
    if (p->panic || !mr_idl_expect(p, '('))
        return;
    mr_idl_method *method = mr_idl_new(p->unit, sizeof *method);
    method->name = name;
    method->loc = loc;
    method->attrs = attrs;
    method->result = result;
    method->iface = iface;
    parse_params(p, method);
    mr_idl_expect(p, ';');
    if (p->panic)
        return;
    **tailp = method;
    *tailp = &method->next;
}

/* What may stand in a file as well as in an interface; false when it is something else. */
static bool parse_common(mr_idl_parser *p) {
    if (mr_idl_at_name(p, "typedef"))
        parse_typedef(p);
    else if (mr_idl_at_name(p, "const"))
        parse_const(p);
    else if (mr_idl_at_name(p, "import"))
        parse_import(p);
    else if (!skip_directive(p) && !mr_idl_accept(p, ';'))
        return false;
    return true;
}

static uint8_t pointer_default(mr_idl_parser *p, const mr_idl_attr *attrs) {
    const mr_idl_attr *attr = mr_idl_attr_find(attrs, MR_IDL_A_POINTER_DEFAULT);

    if (!attr || !attr->text || strcmp(attr->text, "unique") == 0)
        return MR_POINTER_UNIQUE;
    if (strcmp(attr->text, "ref") == 0)
        return MR_POINTER_REF;
    if (strcmp(attr->text, "ptr") != 0 && strcmp(attr->text, "full") != 0)
        mr_idl_error(p->unit, attr->loc, "a pointer class is `ref`, `unique` or `ptr`");
    return MR_POINTER_FULL;
}

static void read_iface_attrs(mr_idl_parser *p, mr_idl_iface *iface) {
    const mr_idl_attr *attr = mr_idl_attr_find(iface->attrs, MR_IDL_A_UUID);

    if (attr && attr->text) {
        mr_slice text = mr_slice_str(attr->text);
        if (text.len > 2 && text.data[0] == '"')
            text = mr_slice_sub(text, 1, text.len - 2);
        if (mr_uuid_decode(text, &iface->uuid) != 0)
            mr_idl_error(p->unit, attr->loc, "`%.60s` is no UUID", attr->text);
        iface->has_uuid = true;
    }
    attr = mr_idl_attr_find(iface->attrs, MR_IDL_A_VERSION);
    if (attr && attr->text) {
        char *end;
        unsigned long major = strtoul(attr->text, &end, 10), minor = 0;
        bool ok = end != attr->text;
        if (*end == '.')
            minor = strtoul(end + 1, &end, 10);
        if (!ok || *end || major > UINT16_MAX || minor > UINT16_MAX)
            mr_idl_error(p->unit, attr->loc, "`%.60s` is no version", attr->text);
        iface->major = (uint16_t)major;
        iface->minor = (uint16_t)minor;
    }
    iface->object = mr_idl_attr_find(iface->attrs, MR_IDL_A_OBJECT) != NULL;
    attr = mr_idl_attr_find(iface->attrs, MR_IDL_A_SOURCE);
    if (attr && attr->count && attr->exprs[0])
        iface->source = attr->exprs[0]->text;
}

mr_idl_symbol *mr_idl_iface_symbol(mr_idl_parser *p, const char *name, mr_idl_loc loc) {
    mr_idl_symbol *symbol = mr_idl_find(p->unit, name, false);

    if (symbol && symbol->kind != MR_IDL_SYM_IFACE) {
        mr_idl_error(p->unit, loc, "`%s` is defined already, and is no interface", name);
        mr_idl_note(p->unit, symbol->loc, "here");
        return NULL;
    }
    if (!symbol) {
        symbol = mr_idl_add(p->unit, MR_IDL_SYM_IFACE, name, loc);
        symbol->iface = mr_idl_new(p->unit, sizeof *symbol->iface);
        symbol->iface->name = name;
        symbol->iface->loc = loc;
        *p->unit->iface_tail = symbol->iface;
        p->unit->iface_tail = &symbol->iface->next;
    }
    return symbol;
}

static void parse_iface_body(mr_idl_parser *p, mr_idl_iface *iface) {
    mr_idl_method **tail = &iface->methods;
    uint8_t before = p->default_class;

    p->default_class = pointer_default(p, iface->attrs);
    mr_idl_expect(p, '{');
    while (!mr_idl_at(p, '}') && p->token.kind != MR_IDL_TOKEN_END) {
        size_t start = p->token.loc.offset;
        if (!parse_common(p)) {
            mr_idl_attr *attrs = mr_idl_parse_attrs(p);
            if (attrs && mr_idl_at_name(p, "typedef"))
                mr_idl_expected(p, "a method: attributes of a typedef follow the word");
            else if (!p->panic)
                parse_method(p, iface, attrs, &tail);
        }
        if (p->panic)
            mr_idl_recover(p);
        if (p->token.loc.offset == start)
            mr_idl_next(p);
    }
    mr_idl_expect(p, '}');
    mr_idl_accept(p, ';');
    p->default_class = before;
}

static void parse_iface(mr_idl_parser *p, mr_idl_attr *attrs) {
    mr_idl_next(p);
    if (p->token.kind != MR_IDL_TOKEN_NAME) {
        mr_idl_expected(p, "the name of an interface");
        return;
    }
    mr_idl_loc loc = p->token.loc;
    mr_idl_symbol *symbol = mr_idl_iface_symbol(p, p->token.text, loc);
    mr_idl_next(p);
    if (!symbol || mr_idl_accept(p, ';'))
        return;
    mr_idl_iface *iface = symbol->iface;
    if (iface->defined) {
        mr_idl_error(p->unit, loc, "interface `%s` is defined already", iface->name);
        mr_idl_note(p->unit, iface->loc, "here");
        iface = mr_idl_new(p->unit, sizeof *iface);
        iface->name = symbol->name;
    }
    iface->defined = true;
    iface->loc = loc;
    iface->attrs = attrs;
    read_iface_attrs(p, iface);
    if (mr_idl_accept(p, ':')) {
        if (p->token.kind == MR_IDL_TOKEN_NAME)
            iface->base = mr_idl_find(p->unit, p->token.text, false);
        if (p->token.kind != MR_IDL_TOKEN_NAME || !iface->base ||
            iface->base->kind != MR_IDL_SYM_IFACE || iface->base->iface == iface) {
            mr_idl_error(p->unit, p->token.loc, "the base is no interface known here");
            iface->base = NULL;
        }
        mr_idl_next(p);
    }
    parse_iface_body(p, iface);
}

/* library, coclass, module, dispinterface: type library matters, skipped whole. */
static bool skip_block(mr_idl_parser *p) {
    if (!mr_idl_at_name(p, "library") && !mr_idl_at_name(p, "coclass") &&
        !mr_idl_at_name(p, "module") && !mr_idl_at_name(p, "dispinterface"))
        return false;
    mr_idl_warn(p->unit, p->token.loc, "`%s` is skipped: it says nothing about the wire",
                p->token.text);
    while (p->token.kind != MR_IDL_TOKEN_END && !mr_idl_at(p, '{') && !mr_idl_at(p, ';'))
        mr_idl_next(p);
    p->quiet = true;
    if (mr_idl_accept(p, '{')) {
        while (p->token.kind != MR_IDL_TOKEN_END && !mr_idl_at(p, '}')) {
            mr_idl_recover(p);
            p->quiet = true;
        }
        mr_idl_accept(p, '}');
    }
    p->quiet = false;
    mr_idl_accept(p, ';');
    return true;
}

void mr_idl_parse(mr_idl_unit *unit, mr_idl_source *source) {
    mr_idl_parser parser = {.unit = unit, .source = source, .default_class = MR_POINTER_UNIQUE};
    mr_idl_parser *p = &parser;

    if (source->text.len > UINT32_MAX / 2)
        mr_idl_abort(unit, MR_ERR_LIMIT);
    mr_idl_next(p);
    while (p->token.kind != MR_IDL_TOKEN_END) {
        size_t start = p->token.loc.offset;
        if (!parse_common(p)) {
            mr_idl_attr *attrs = mr_idl_parse_attrs(p);
            if (mr_idl_at_name(p, "interface")) {
                parse_iface(p, attrs);
            } else if (!p->panic && !skip_block(p)) {
                mr_idl_apply_attrs(mr_idl_parse_type(p), attrs);
                mr_idl_expect(p, ';');
            }
        }
        if (p->panic) {
            mr_idl_recover(p);
            if (mr_idl_at(p, '}'))
                mr_idl_next(p);
        }
        if (p->token.loc.offset == start && p->token.kind != MR_IDL_TOKEN_END)
            mr_idl_next(p);
    }
}
