/* The parser's part for attributes: `[name, name(arguments), ...]`, also several lists in a row
 * (C706 6.2.10). Which attribute takes what stands in attrs.def; unknown ones are skipped with a
 * warning. */
#include "ast.h"

static const struct {
    const char *name;
    enum mr_idl_attr_id id;
    enum mr_idl_attr_form form;
} known[] = {
#define MR_IDL_ATTR(id, name, form) {name, MR_IDL_A_##id, MR_IDL_FORM_##form},
#define MR_IDL_IGNORED(name, form) {name, MR_IDL_A_IGNORED, MR_IDL_FORM_##form},
#include "attrs.def"
#undef MR_IDL_ATTR
#undef MR_IDL_IGNORED
};

#define MAX_ARGS 256

static void parse_exprs(mr_idl_parser *p, mr_idl_attr *attr) {
    mr_idl_expr *exprs[MAX_ARGS];
    uint32_t n = 0;

    for (;;) {
        bool left_out = mr_idl_at(p, ',') || mr_idl_at(p, ')');
        if (n == MAX_ARGS) {
            mr_idl_error(p->unit, p->token.loc, "more than %d arguments", MAX_ARGS);
            mr_idl_abort(p->unit, MR_ERR_LIMIT);
        }
        exprs[n++] = left_out ? NULL : mr_idl_parse_expr(p);
        if (p->panic || !mr_idl_accept(p, ','))
            break;
    }
    attr->count = n;
    attr->exprs = mr_idl_new(p->unit, n * sizeof *attr->exprs);
    memcpy(attr->exprs, exprs, n * sizeof *exprs);
}

static void parse_args(mr_idl_parser *p, mr_idl_attr *attr, enum mr_idl_attr_form form) {
    const char *name;
    mr_idl_loc loc;

    switch (form) {
    case MR_IDL_FORM_NONE:
        mr_idl_expected(p, "`,` or `]`: this attribute takes no argument");
        break;
    case MR_IDL_FORM_EXPRS:
    case MR_IDL_FORM_STRINGS:
        mr_idl_next(p);
        parse_exprs(p, attr);
        for (uint32_t i = 0; form == MR_IDL_FORM_STRINGS && i < attr->count; i++)
            if (!p->panic && (!attr->exprs[i] || attr->exprs[i]->kind != MR_IDL_EXPR_STRING))
                mr_idl_error(p->unit, attr->exprs[i] ? attr->exprs[i]->loc : attr->loc,
                             "a string belongs here");
        mr_idl_expect(p, ')');
        break;
    case MR_IDL_FORM_RAW:
    case MR_IDL_FORM_NAME:
    case MR_IDL_FORM_OPT:
        /* the current token is the parenthesis; what follows is not lexed yet */
        attr->text = mr_idl_next_raw(p);
        mr_idl_expect(p, ')');
        break;
    case MR_IDL_FORM_TYPE:
        mr_idl_next(p);
        attr->type = mr_idl_parse_type(p);
        attr->type = mr_idl_parse_declarator(p, attr->type, true, &name, &loc);
        mr_idl_expect(p, ')');
        break;
    }
}

static mr_idl_attr *parse_attr(mr_idl_parser *p) {
    mr_idl_attr *attr = mr_idl_new(p->unit, sizeof *attr);
    size_t i = MR_COUNT(known);

    attr->loc = p->token.loc;
    if (p->token.kind != MR_IDL_TOKEN_NAME) {
        mr_idl_expected(p, "an attribute");
        return attr;
    }
    while (--i > 0)
        if (strcmp(known[i].name, p->token.text) == 0)
            break;
    attr->id = known[i].id;
    if (attr->id == MR_IDL_A_UNKNOWN) {
        mr_idl_near near = {.wanted = p->token.text};
        for (size_t k = 1; k < MR_COUNT(known); k++)
            mr_idl_near_offer(&near, known[k].name);
        if (near.best)
            mr_idl_warn(p->unit, attr->loc, "unknown attribute `%s` is left out; is `%s` meant?",
                        p->token.text, near.best);
        else
            mr_idl_warn(p->unit, attr->loc, "unknown attribute `%s` is left out", p->token.text);
    }
    mr_idl_next(p);
    if (mr_idl_at(p, '('))
        parse_args(p, attr, known[i].form);
    else if (known[i].form != MR_IDL_FORM_NONE && known[i].form != MR_IDL_FORM_OPT)
        mr_idl_expected(p, "`(`: this attribute takes an argument");
    return attr;
}

mr_idl_attr *mr_idl_parse_attrs(mr_idl_parser *p) {
    mr_idl_attr *first = NULL, **tail = &first;

    mr_idl_enter(p);
    while (mr_idl_accept(p, '[')) {
        while (!mr_idl_at(p, ']') && !p->panic) {
            *tail = parse_attr(p);
            tail = &(*tail)->next;
            if (!mr_idl_accept(p, ','))
                break;
        }
        mr_idl_expect(p, ']');
        if (p->panic)
            break;
    }
    p->depth--;
    return first;
}
