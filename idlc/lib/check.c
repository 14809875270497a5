/*
 * The checker: names every C thing, lowers every structure, union, enumeration and method, and
 * says what cannot be. Order: C names, discriminants that only their users know, compound types,
 * interfaces. Compounds are appended to the unit's done list when they are complete, which is an
 * order in which C can define them.
 */
#include "ast.h"

#include <stdlib.h>

/* --- names ---------------------------------------------------------------------------------- */

static void name_compounds(mr_idl_unit *unit) {
    for (mr_idl_type *t = unit->compounds; t; t = t->next) {
        if (!t->name)
            t->name = t->tag;
        if (t->name)
            t->cname = mr_idl_text(unit, "%s%s", t->loc.source->prefix, t->name);
        for (mr_idl_field *f = t->fields; f; f = f->next)
            f->cname = f->name ? mr_idl_c_name(unit, f->name) : NULL;
    }
}

static void check_duplicates(mr_idl_unit *unit, const mr_idl_type *type) {
    uint32_t seen = 0;

    for (const mr_idl_field *f = type->fields; f; f = f->next, seen++) {
        const mr_idl_field *g = type->fields;
        if (!f->name)
            continue;
        for (uint32_t i = 0; i < seen; i++, g = g->next)
            if (g->name && strcmp(f->name, g->name) == 0) {
                mr_idl_error(unit, f->loc, "`%s` stands here twice", f->name);
                mr_idl_note(unit, g->loc, "first here");
                break;
            }
    }
}

/* --- compounds ------------------------------------------------------------------------------ */

static bool is_conformant(const mr_idl_desc *d) {
    return (d->kind == MR_NDR_ARRAY && (d->array_flags & MR_ARRAY_CONFORMANT)) ||
           (d->kind == MR_NDR_STRUCT && (d->flags & MR_TYPE_CONFORMANT));
}

static void check_conformant_last(mr_idl_unit *unit, const mr_idl_type *type) {
    for (const mr_idl_field *f = type->fields; f; f = f->next) {
        const mr_idl_desc *d = f->desc;
        if (!d)
            continue;
        if (is_conformant(d) && f->next)
            mr_idl_error(unit, f->loc, "`%s` is open-ended and must be the last member", f->name);
    }
}

static void check_struct(mr_idl_unit *unit, mr_idl_type *type, const mr_idl_scope *scope) {
    if (type->count == 0)
        mr_idl_error(unit, type->loc, "a structure without members");
    check_duplicates(unit, type);
    for (mr_idl_field *f = type->fields; f; f = f->next)
        f->desc = mr_idl_lower(unit, f, MR_IDL_PLACE_MEMBER, scope);
    for (mr_idl_field *f = type->fields; f; f = f->next)
        mr_idl_lower_programs(unit, f, scope);
    mr_idl_layout_compound(type);
    check_conformant_last(unit, type);
}

static int compare_numbers(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static const mr_idl_field *last_arm(const mr_idl_type *type, int64_t value) {
    const mr_idl_field *last = type->fields;

    for (const mr_idl_field *f = type->fields; f; f = f->next)
        for (uint32_t i = 0; i < f->case_count; i++)
            if (f->cases[i] == value)
                last = f;
    return last;
}

static void check_cases(mr_idl_unit *unit, const mr_idl_type *type) {
    const mr_idl_field *fallback = NULL;
    uint32_t total = 0, n = 0;

    for (const mr_idl_field *f = type->fields; f; f = f->next) {
        total += f->case_count;
        if (f->is_default && fallback)
            mr_idl_error(unit, f->loc, "a second default arm");
        if (f->is_default)
            fallback = f;
    }
    int64_t *all = mr_idl_new(unit, (total + 1) * sizeof *all);
    for (const mr_idl_field *f = type->fields; f; f = f->next)
        for (uint32_t i = 0; i < f->case_count; i++)
            all[n++] = f->cases[i];
    qsort(all, n, sizeof *all, compare_numbers);
    for (uint32_t i = 1; i < n; i++)
        if (all[i] == all[i - 1] && (i + 1 == n || all[i + 1] != all[i]))
            mr_idl_error(unit, last_arm(type, all[i])->loc,
                         "case %lld selects more than one arm", (long long)all[i]);
}

static void check_discriminant(mr_idl_unit *unit, mr_idl_type *type) {
    mr_idl_desc *tag = NULL;

    if (type->element) {
        mr_idl_type *base = mr_idl_resolve(type->element);
        if (base->kind == MR_IDL_SCALAR && base->scalar != MR_NDR_F32 &&
            base->scalar != MR_NDR_F64)
            tag = mr_idl_scalar_desc(unit, base->scalar);
        else if (base->kind == MR_IDL_ENUM && base->defined)
            tag = mr_idl_compound_desc(unit, base);
        else if (base->kind != MR_IDL_ERRONEOUS)
            mr_idl_error(unit, type->loc, "a union is switched by an integer or an enumeration");
        if (tag && tag->type)
            mr_idl_check_compound(unit, base, NULL);
    }
    type->desc->element = tag ? tag : mr_idl_scalar_desc(unit, MR_NDR_I32);
}

static void check_union(mr_idl_unit *unit, mr_idl_type *type, const mr_idl_scope *scope) {
    if (type->count == 0)
        mr_idl_error(unit, type->loc, "a union without arms");
    check_duplicates(unit, type);
    check_cases(unit, type);
    check_discriminant(unit, type);
    for (mr_idl_field *f = type->fields; f; f = f->next)
        if (f->type)
            f->desc = mr_idl_lower(unit, f, MR_IDL_PLACE_ARM, scope);
    for (mr_idl_field *f = type->fields; f; f = f->next)
        mr_idl_lower_programs(unit, f, scope);
    mr_idl_layout_compound(type);
    for (mr_idl_field *f = type->fields; f; f = f->next)
        if (f->desc && is_conformant(f->desc))
            mr_idl_error(unit, f->loc, "the arm `%s` is open-ended: only behind a pointer",
                         f->name);
}

void mr_idl_check_compound(mr_idl_unit *unit, mr_idl_type *type, const mr_idl_scope *outer) {
    mr_idl_scope scope = {.owner = type, .outer = outer};

    if (type->state != MR_IDL_NEW || !type->defined)
        return;
    if (type->name)
        scope.outer = NULL;
    if (++unit->depth > MR_IDL_DEPTH) {
        mr_idl_error(unit, type->loc, "types nested deeper than %d levels", MR_IDL_DEPTH);
        mr_idl_abort(unit, MR_ERR_LIMIT);
    }
    type->state = MR_IDL_BUSY;
    mr_idl_compound_desc(unit, type);
    if (!type->cname)
        type->cname = mr_idl_text(unit, "%sanonymous_%u", type->loc.source->prefix,
                                  type->loc.offset);
    if (type->kind == MR_IDL_STRUCT)
        check_struct(unit, type, &scope);
    else if (type->kind == MR_IDL_UNION)
        check_union(unit, type, &scope);
    else
        mr_idl_layout_compound(type);
    type->state = MR_IDL_DONE;
    *unit->done_tail = type;
    unit->done_tail = &type->next_done;
    unit->depth--;
}

/* A union without switch_type is switched by what its users name in switch_is. */
static void derive_discriminants(mr_idl_field *fields) {
    for (mr_idl_field *f = fields; f; f = f->next) {
        const mr_idl_attr *attr = mr_idl_attr_find(f->attrs, MR_IDL_A_SWITCH_IS);
        mr_idl_type *type = f->type ? mr_idl_base(f->type) : NULL;
        if (!attr || !attr->count || !attr->exprs[0] || type->kind != MR_IDL_UNION ||
            type->element)
            continue;
        const mr_idl_expr *e = attr->exprs[0];
        while (e->kind == MR_IDL_EXPR_DEREF)
            e = e->a;
        for (mr_idl_field *g = fields; g && e->kind == MR_IDL_EXPR_NAME; g = g->next)
            if (g->name && g->type && strcmp(g->name, e->text) == 0)
                type->element = mr_idl_base(g->type);
    }
}

/* --- methods -------------------------------------------------------------------------------- */

static mr_idl_field *parameter(mr_idl_unit *unit, const char *name, mr_idl_loc loc,
                               mr_idl_type *type, uint32_t flags) {
    mr_idl_field *f = mr_idl_new(unit, sizeof *f);
    f->name = name;
    f->cname = mr_idl_c_name(unit, name);
    f->loc = loc;
    f->type = type;
    f->flags = flags;
    return f;
}

/* ORPCTHIS leads the request, ORPCTHAT the response of a method of an object (MS-DCOM 2.2.13). */
static mr_idl_field *add_orpc(mr_idl_unit *unit, mr_idl_method *m, mr_idl_field *params) {
    static const struct {
        const char *type, *name;
        uint32_t flag;
    } headers[] = {{"ORPCTHAT", "ORPCthat", MR_MEMBER_OUT}, {"ORPCTHIS", "ORPCthis", MR_MEMBER_IN}};

    for (size_t i = 0; i < MR_COUNT(headers); i++) {
        mr_idl_symbol *s = mr_idl_find(unit, headers[i].type, false);
        if (!s || s->kind != MR_IDL_SYM_TYPEDEF) {
            mr_idl_error(unit, m->loc, "a method of an object leads with %s: "
                         "import \"ms-dcom.idl\"", headers[i].type);
            return params;
        }
        mr_idl_field *f = parameter(unit, headers[i].name, m->loc, s->type, headers[i].flag);
        f->next = params;
        params = f;
    }
    return params;
}

static void set_directions(mr_idl_unit *unit, mr_idl_method *m) {
    for (mr_idl_field *f = m->params; f; f = f->next) {
        f->cname = strcmp(f->name, "result") == 0 ? "result_" : mr_idl_c_name(unit, f->name);
        if (mr_idl_attr_find(f->attrs, MR_IDL_A_IN))
            f->flags |= MR_MEMBER_IN;
        if (mr_idl_attr_find(f->attrs, MR_IDL_A_OUT))
            f->flags |= MR_MEMBER_OUT;
        if (!f->flags && mr_idl_base(f->type)->kind != MR_IDL_HANDLE)
            mr_idl_warn(unit, f->loc, "`%s` is neither in nor out; taken as in", f->name);
        if (!f->flags)
            f->flags = MR_MEMBER_IN;
    }
}

/* What is only given back must have a place to lie in. */
static void check_out(mr_idl_unit *unit, const mr_idl_field *f) {
    const mr_idl_desc *d = f->desc;

    if (!d || !(f->flags & MR_MEMBER_OUT) || (f->flags & MR_MEMBER_RETURN) ||
        strcmp(f->name, "ORPCthat") == 0)
        return;
    if (d->kind != MR_NDR_POINTER && d->kind != MR_NDR_ARRAY)
        mr_idl_error(unit, f->loc, "`%s` is out, so it must be a pointer or an array", f->name);
    else if (d->kind == MR_NDR_POINTER && d->pointer_class != MR_POINTER_REF &&
             !(f->flags & MR_MEMBER_IN))
        mr_idl_error(unit, f->loc, "`%s` is only out, so its outermost pointer must be ref",
                     f->name);
}

/* Parameters that do not travel leave the list. */
static void lower_params(mr_idl_unit *unit, mr_idl_type *args, const mr_idl_scope *scope) {
    mr_idl_field **link = &args->fields;

    while (*link) {
        mr_idl_field *f = *link;
        bool result = f->flags & MR_MEMBER_RETURN;
        f->desc = mr_idl_lower(unit, f, result ? MR_IDL_PLACE_RESULT : MR_IDL_PLACE_PARAM, scope);
        check_out(unit, f);
        if (!f->desc && mr_idl_base(f->type)->kind == MR_IDL_HANDLE) {
            *link = f->next;
            continue;
        }
        args->count++;
        link = &f->next;
    }
}

static void check_method(mr_idl_unit *unit, mr_idl_method *m) {
    mr_idl_type *args = mr_idl_new(unit, sizeof *args);
    mr_idl_scope scope = {.owner = args, .params = true};
    const char *prefix = m->loc.source->prefix;

    m->cname = m->iface->object ? mr_idl_text(unit, "%s%s_%s", prefix, m->iface->name, m->name)
                                : mr_idl_text(unit, "%s%s", prefix, m->name);
    args->kind = MR_IDL_STRUCT;
    args->loc = m->loc;
    args->name = m->name;
    args->cname = m->cname;
    args->defined = args->params = true;
    m->args = args;
    set_directions(unit, m);
    if (mr_idl_resolve(m->result)->kind != MR_IDL_VOID) {
        mr_idl_field **tail = &m->params;
        while (*tail)
            tail = &(*tail)->next;
        *tail = parameter(unit, "result", m->result->loc, m->result,
                          MR_MEMBER_OUT | MR_MEMBER_RETURN);
    }
    args->fields = m->iface->object ? add_orpc(unit, m, m->params) : m->params;
    check_duplicates(unit, args);
    mr_idl_compound_desc(unit, args);
    lower_params(unit, args, &scope);
    for (mr_idl_field *f = args->fields; f; f = f->next)
        mr_idl_lower_programs(unit, f, &scope);
    mr_idl_layout_compound(args);
    args->state = MR_IDL_DONE;
    if (mr_idl_attr_find(m->attrs, MR_IDL_A_IDEMPOTENT))
        m->flags |= MR_PROC_IDEMPOTENT;
    if (mr_idl_attr_find(m->attrs, MR_IDL_A_MAYBE))
        m->flags |= MR_PROC_MAYBE;
    if (mr_idl_attr_find(m->attrs, MR_IDL_A_BROADCAST))
        m->flags |= MR_PROC_BROADCAST;
    if (m->iface->object)
        m->flags |= MR_PROC_OBJECT;
}

/* --- interfaces ----------------------------------------------------------------------------- */

/* The number N of a placeholder OpnumN...; -1 when the name is another. */
static int64_t placeholder(const char *name) {
    char *end;

    if (strncmp(name, "Opnum", 5) != 0 || name[5] < '0' || name[5] > '9')
        return -1;
    unsigned long n = strtoul(name + 5, &end, 10);
    return n > UINT16_MAX ? UINT16_MAX + 1 : (int64_t)n;
}

static bool is_called_as(const mr_idl_iface *iface, const char *name) {
    for (const mr_idl_method *m = iface->methods; m; m = m->next) {
        const mr_idl_attr *attr = mr_idl_attr_find(m->attrs, MR_IDL_A_CALL_AS);
        if (attr && attr->text && strcmp(attr->text, name) == 0)
            return true;
    }
    return false;
}

/* Callbacks and local procedures take no operation number; of a local method of an object its
 * place in the table remains, unless another method travels in its stead. */
static void drop_local(mr_idl_iface *iface) {
    mr_idl_method **link = &iface->methods;

    while (*link) {
        mr_idl_method *m = *link;
        bool local = mr_idl_attr_find(m->attrs, MR_IDL_A_LOCAL);
        if (mr_idl_attr_find(m->attrs, MR_IDL_A_CALLBACK) ||
            (local && (!iface->object || is_called_as(iface, m->name))))
            *link = m->next;
        else
            link = &m->next;
    }
}

static void check_method_names(mr_idl_unit *unit, const mr_idl_iface *iface) {
    for (const mr_idl_method *m = iface->methods; m; m = m->next)
        for (const mr_idl_method *n = iface->methods; n != m; n = n->next)
            if (strcmp(m->name, n->name) == 0) {
                mr_idl_error(unit, m->loc, "method `%s` stands here twice", m->name);
                mr_idl_note(unit, n->loc, "first here");
                break;
            }
}

/* Gives the methods of @iface their operation numbers and checks them. */
static void number_methods(mr_idl_unit *unit, mr_idl_iface *iface) {
    bool local = mr_idl_attr_find(iface->attrs, MR_IDL_A_LOCAL);
    const char *stem = iface->loc.source->stem, *prefix = iface->loc.source->prefix;
    uint32_t opnum = iface->base ? iface->base->iface->method_count : 0;

    iface->cname = strcmp(stem, iface->name) == 0
                       ? mr_idl_text(unit, "%siface", prefix)
                       : mr_idl_text(unit, "%s%s_iface", prefix, iface->name);
    drop_local(iface);
    check_method_names(unit, iface);
    if (!iface->has_uuid && iface->methods && !local && iface->loc.source->main)
        mr_idl_error(unit, iface->loc, "interface `%s` has methods, so it needs a uuid",
                     iface->name);
    for (mr_idl_method *m = iface->methods; m; m = m->next, opnum++) {
        int64_t said = placeholder(m->name);
        m->opnum = opnum;
        if (opnum > UINT16_MAX) {
            mr_idl_error(unit, m->loc, "more operations than 65536");
            return;
        }
        if (said >= 0 && said != opnum)
            mr_idl_error(unit, m->loc, "`%s` is operation %u of `%s`", m->name, opnum,
                         iface->name);
        if (said < 0 && !local && !mr_idl_attr_find(m->attrs, MR_IDL_A_NAME_ONLY) &&
            !mr_idl_attr_find(m->attrs, MR_IDL_A_LOCAL))
            check_method(unit, m);
    }
    iface->method_count = opnum;
}

static void check_iface(mr_idl_unit *unit, mr_idl_iface *iface) {
    if (iface->state != MR_IDL_NEW)
        return;
    iface->state = MR_IDL_BUSY;
    if (++unit->depth > MR_IDL_DEPTH) {
        mr_idl_error(unit, iface->loc, "interfaces inherit deeper than %d levels", MR_IDL_DEPTH);
        mr_idl_abort(unit, MR_ERR_LIMIT);
    }
    if (iface->base && iface->base->iface->state == MR_IDL_BUSY) {
        mr_idl_error(unit, iface->loc, "interface `%s` inherits from itself", iface->name);
        iface->base = NULL;
    }
    if (iface->base)
        check_iface(unit, iface->base->iface);
    number_methods(unit, iface);
    unit->depth--;
    iface->state = MR_IDL_DONE;
}
/* --- C names must not meet ------------------------------------------------------------------ */

typedef struct c_thing {
    const char *cname;
    mr_idl_loc loc;
} c_thing;

static int compare_names(const void *a, const void *b) {
    const c_thing *x = a, *y = b;
    int r = strcmp(x->cname, y->cname);
    return r ? r : x->loc.offset < y->loc.offset ? -1 : x->loc.offset > y->loc.offset;
}

static void check_c_names(mr_idl_unit *unit) {
    uint32_t n = 0;

    for (const mr_idl_type *t = unit->done; t; t = t->next_done)
        n++;
    for (const mr_idl_iface *i = unit->ifaces; i; i = i->next)
        for (const mr_idl_method *m = i->methods; m; m = m->next)
            n++;
    c_thing *things = mr_idl_new(unit, (n + 1) * sizeof *things);
    n = 0;
    for (const mr_idl_type *t = unit->done; t; t = t->next_done)
        things[n++] = (c_thing){t->cname, t->loc};
    for (const mr_idl_iface *i = unit->ifaces; i; i = i->next)
        for (const mr_idl_method *m = i->methods; m; m = m->next)
            if (m->args)
                things[n++] = (c_thing){m->cname, m->loc};
    qsort(things, n, sizeof *things, compare_names);
    for (uint32_t i = 1; i < n; i++)
        if (strcmp(things[i].cname, things[i - 1].cname) == 0) {
            mr_idl_error(unit, things[i].loc, "this would be `%s` in C, and so would another",
                         things[i].cname);
            mr_idl_note(unit, things[i - 1].loc, "the other is here");
        }
}

/* The counts of an open-ended structure have no place in an array (C706 14.3.7.2). */
static void check_elements(mr_idl_unit *unit, const mr_idl_type *type) {
    for (const mr_idl_field *f = type->fields; f; f = f->next)
        for (const mr_idl_desc *d = f->desc; d && !d->type; d = d->element)
            if (d->kind == MR_NDR_ARRAY && is_conformant(d->element))
                mr_idl_error(unit, f->loc, "`%s` is an array of open-ended structures", f->name);
}

static void check_all_elements(mr_idl_unit *unit) {
    for (const mr_idl_type *t = unit->done; t; t = t->next_done)
        if (t->kind != MR_IDL_ENUM)
            check_elements(unit, t);
    for (const mr_idl_iface *i = unit->ifaces; i; i = i->next)
        for (const mr_idl_method *m = i->methods; m; m = m->next)
            if (m->args)
                check_elements(unit, m->args);
}

void mr_idl_check(mr_idl_unit *unit) {
    name_compounds(unit);
    for (mr_idl_type *t = unit->compounds; t; t = t->next)
        if (t->kind != MR_IDL_ENUM)
            derive_discriminants(t->fields);
    for (mr_idl_iface *i = unit->ifaces; i; i = i->next)
        for (mr_idl_method *m = i->methods; m; m = m->next)
            derive_discriminants(m->params);
    for (mr_idl_type *t = unit->compounds; t; t = t->next)
        if (t->cname)
            mr_idl_check_compound(unit, t, NULL);
    for (mr_idl_iface *i = unit->ifaces; i; i = i->next)
        if (i->defined)
            check_iface(unit, i);
    for (mr_idl_type *t = unit->compounds; t; t = t->next)
        if (t->cname)
            mr_idl_check_compound(unit, t, NULL); /* anonymous ones that parameters name */
    check_all_elements(unit);
    if (!unit->errors)
        check_c_names(unit);
}
