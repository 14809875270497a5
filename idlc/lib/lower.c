/*
 * Lowering: a declaration with its attributes becomes a chain of descriptors. The pointers and
 * arrays of a declarator and of every typedef behind it are listed outermost first; the arguments
 * of size_is and its like fall to them in that order, [string] to the innermost, a pointer class
 * to the outermost pointer of the declaration it stands on (C706 4.2.19, 4.2.20).
 */
#include "ast.h"

#define MAX_LEVELS 16

typedef struct level {
    bool array;
    bool conformant;
    bool explicit_class;
    uint8_t pointer_class;
    mr_idl_expr *bound;
} level;

typedef struct levels {
    level level[MAX_LEVELS];
    uint32_t count;
    mr_idl_type *base;
    bool string, context, iface, ignore;
    const mr_idl_attr *string_attr;
    const mr_idl_attr *range;
    int pending; /* an explicit pointer class for the next pointer, or -1 */
} levels;

mr_idl_type *mr_idl_resolve(mr_idl_type *type) {
    while (type->kind == MR_IDL_NAMED)
        type = type->symbol->type;
    return type;
}

mr_idl_type *mr_idl_base(mr_idl_type *type) {
    for (;;) {
        if (type->kind == MR_IDL_NAMED)
            type = type->symbol->type;
        else if (type->kind == MR_IDL_POINTER || type->kind == MR_IDL_ARRAY)
            type = type->element;
        else
            return type;
    }
}

mr_idl_desc *mr_idl_scalar_desc(mr_idl_unit *unit, uint8_t kind) {
    mr_idl_desc *d = mr_idl_new(unit, sizeof *d);

    d->kind = kind;
    d->external = true;
    mr_idl_layout_desc(d);
    return d;
}

mr_idl_desc *mr_idl_compound_desc(mr_idl_unit *unit, mr_idl_type *type) {
    if (!type->desc) {
        mr_idl_desc *d = mr_idl_new(unit, sizeof *d);
        d->type = type;
        if (type->kind == MR_IDL_STRUCT)
            d->kind = MR_NDR_STRUCT;
        else if (type->kind == MR_IDL_UNION)
            d->kind = MR_NDR_UNION;
        else
            d->kind = type->v1_enum ? MR_NDR_ENUM32 : MR_NDR_ENUM16;
        type->desc = d;
    }
    return type->desc;
}

static int explicit_class(const mr_idl_attr *attrs) {
    int class = -1;

    for (; attrs; attrs = attrs->next) {
        if (attrs->id == MR_IDL_A_REF)
            class = MR_POINTER_REF;
        if (attrs->id == MR_IDL_A_UNIQUE)
            class = MR_POINTER_UNIQUE;
        if (attrs->id == MR_IDL_A_PTR || attrs->id == MR_IDL_A_FULL)
            class = MR_POINTER_FULL;
    }
    return class;
}

static void take_attrs(levels *l, const mr_idl_attr *attrs) {
    const mr_idl_attr *attr = mr_idl_attr_find(attrs, MR_IDL_A_STRING);

    if (attr && !l->string_attr)
        l->string_attr = attr;
    l->string = l->string || attr;
    l->context = l->context || mr_idl_attr_find(attrs, MR_IDL_A_CONTEXT_HANDLE);
    l->iface = l->iface || mr_idl_attr_find(attrs, MR_IDL_A_IID_IS);
    l->ignore = l->ignore || mr_idl_attr_find(attrs, MR_IDL_A_IGNORE);
    if (!l->range)
        l->range = mr_idl_attr_find(attrs, MR_IDL_A_RANGE);
    if (l->pending < 0)
        l->pending = explicit_class(attrs);
}

static bool collect(mr_idl_unit *unit, mr_idl_field *field, levels *l) {
    mr_idl_type *type = field->type;
    const mr_idl_attr *attr;

    *l = (levels){.pending = -1};
    take_attrs(l, field->attrs);
    for (uint32_t steps = 0;; steps++) {
        if (type->kind == MR_IDL_NAMED) {
            mr_idl_symbol *s = type->symbol;
            take_attrs(l, s->attrs);
            attr = mr_idl_attr_find(s->attrs, MR_IDL_A_WIRE_MARSHAL);
            if (!attr)
                attr = mr_idl_attr_find(s->attrs, MR_IDL_A_TRANSMIT_AS);
            type = attr && attr->type && steps < MAX_LEVELS ? attr->type : s->type;
            continue;
        }
        if (type->kind != MR_IDL_POINTER && type->kind != MR_IDL_ARRAY)
            break;
        if (l->count == MAX_LEVELS) {
            mr_idl_error(unit, field->loc, "`%s` has more than %d pointers and arrays",
                         field->name, MAX_LEVELS);
            return false;
        }
        level *now = &l->level[l->count++];
        now->array = type->kind == MR_IDL_ARRAY;
        now->conformant = type->conformant;
        now->bound = type->bound;
        now->explicit_class = !now->array && l->pending >= 0;
        now->pointer_class = now->explicit_class ? (uint8_t)l->pending : type->default_class;
        if (!now->array)
            l->pending = -1;
        type = type->element;
    }
    l->base = type;
    return type->kind != MR_IDL_ERRONEOUS;
}

static mr_idl_desc *array_new(mr_idl_unit *unit, mr_idl_desc *element, uint32_t flags) {
    mr_idl_desc *d = mr_idl_new(unit, sizeof *d);
    d->kind = MR_NDR_ARRAY;
    d->element = element;
    d->array_flags = flags;
    return d;
}

static mr_idl_desc *pointer_new(mr_idl_unit *unit, mr_idl_desc *element, uint8_t class) {
    mr_idl_desc *d = mr_idl_new(unit, sizeof *d);
    d->kind = MR_NDR_POINTER;
    d->element = element;
    d->pointer_class = class;
    return d;
}

/* A pointer to an interface travels as a pointer to its MInterfacePointer (MS-DCOM 2.2.14). */
static mr_idl_desc *iface_pointer(mr_idl_unit *unit, mr_idl_field *field) {
    mr_idl_symbol *s = mr_idl_find(unit, "MInterfacePointer", false);

    if (!s || s->kind != MR_IDL_SYM_TYPEDEF || mr_idl_resolve(s->type)->kind != MR_IDL_STRUCT) {
        mr_idl_error(unit, field->loc,
                     "`%s` points to an interface: that needs MInterfacePointer, "
                     "import \"ms-dcom.idl\"", field->name);
        return NULL;
    }
    mr_idl_desc *d = pointer_new(unit, mr_idl_compound_desc(unit, mr_idl_resolve(s->type)),
                                 MR_POINTER_UNIQUE);
    d->flags = MR_TYPE_IFACE_POINTER;
    return d;
}

/* What stands behind all pointers and arrays; may take the last pointer with it. */
static mr_idl_desc *lower_base(mr_idl_unit *unit, mr_idl_field *field, enum mr_idl_place place,
                               levels *l) {
    bool pointed = l->count && !l->level[l->count - 1].array;
    mr_idl_type *base = l->base;

    if (l->context) {
        if (!pointed || (base->kind != MR_IDL_VOID && base->kind != MR_IDL_STRUCT)) {
            mr_idl_error(unit, field->loc, "a context handle is declared as `void *`");
            return NULL;
        }
        if (place != MR_IDL_PLACE_PARAM)
            mr_idl_error(unit, field->loc, "a context handle travels as a parameter only");
        l->count--;
        return mr_idl_scalar_desc(unit, MR_NDR_CONTEXT);
    }
    switch (base->kind) {
    case MR_IDL_SCALAR:
        if (l->string && base->scalar == MR_NDR_U8)
            return mr_idl_scalar_desc(unit, MR_NDR_CHAR);
        if (l->string && base->scalar == MR_NDR_U16)
            return mr_idl_scalar_desc(unit, MR_NDR_WCHAR);
        return mr_idl_scalar_desc(unit, base->scalar);
    case MR_IDL_UUID:
        return mr_idl_scalar_desc(unit, MR_NDR_UUID);
    case MR_IDL_STRUCT:
    case MR_IDL_UNION:
    case MR_IDL_ENUM:
        if (!base->defined) {
            mr_idl_error(unit, field->loc, "the type of `%s` is named but never defined: `%s`",
                         field->name, base->tag ? base->tag : "");
            return NULL;
        }
        return mr_idl_compound_desc(unit, base);
    case MR_IDL_VOID:
    case MR_IDL_IFACE:
        if (pointed && (base->kind == MR_IDL_IFACE || l->iface)) {
            l->count--;
            return iface_pointer(unit, field);
        }
        mr_idl_error(unit, field->loc, base->kind == MR_IDL_VOID && l->count
                         ? "`%s` points to void, which has no form on the wire"
                         : "`%s` has a type that cannot travel by value", field->name);
        return NULL;
    case MR_IDL_HANDLE:
        if (place != MR_IDL_PLACE_PARAM)
            mr_idl_error(unit, field->loc, "a binding handle is a parameter only");
        return NULL;
    case MR_IDL_PIPE:
        mr_idl_error(unit, field->loc,
                     "`%s` is a pipe: pipes travel in stub chunks of their own, "
                     "which these tables do not describe", field->name);
        return NULL;
    case MR_IDL_ERRONEOUS:
    case MR_IDL_NAMED:
    case MR_IDL_POINTER:
    case MR_IDL_ARRAY:
        break;
    }
    return NULL;
}

/* The argument of @id for that dimension, or NULL. */
static mr_idl_expr *dimension(const mr_idl_field *field, enum mr_idl_attr_id id, uint32_t i) {
    const mr_idl_attr *attr = mr_idl_attr_find(field->attrs, id);
    return attr && i < attr->count ? attr->exprs[i] : NULL;
}

static bool take_dimension(mr_idl_field *field, uint32_t i, mr_idl_desc *array) {
    array->size_ast = dimension(field, MR_IDL_A_SIZE_IS, i);
    if (!array->size_ast) {
        array->size_ast = dimension(field, MR_IDL_A_MAX_IS, i);
        array->size_is_max = array->size_ast != NULL;
    }
    array->length_ast = dimension(field, MR_IDL_A_LENGTH_IS, i);
    array->last_ast = dimension(field, MR_IDL_A_LAST_IS, i);
    array->first_ast = dimension(field, MR_IDL_A_FIRST_IS, i);
    if (array->length_ast || array->last_ast || array->first_ast)
        array->array_flags |= MR_ARRAY_VARYING;
    return array->size_ast != NULL;
}

static bool check_dimensions(mr_idl_unit *unit, mr_idl_field *field, uint32_t count) {
    static const enum mr_idl_attr_id ids[] = {MR_IDL_A_SIZE_IS, MR_IDL_A_MAX_IS,
                                              MR_IDL_A_LENGTH_IS, MR_IDL_A_LAST_IS,
                                              MR_IDL_A_FIRST_IS};
    for (size_t k = 0; k < MR_COUNT(ids); k++) {
        const mr_idl_attr *attr = mr_idl_attr_find(field->attrs, ids[k]);
        if (attr && attr->count > count) {
            mr_idl_error(unit, attr->loc, count ? "`%s` has only %u dimensions"
                                                : "`%s` is neither array nor pointer",
                         field->name, count);
            return false;
        }
    }
    return true;
}

static mr_idl_desc *lower_array(mr_idl_unit *unit, mr_idl_field *field, const level *now,
                                uint32_t i, bool string, mr_idl_desc *element) {
    mr_idl_desc *array = array_new(unit, element,
                                   string ? MR_ARRAY_VARYING | MR_ARRAY_STRING : 0);
    bool sized = take_dimension(field, i, array);
    int64_t count;

    if (element->kind == MR_NDR_ARRAY && (now->conformant || element->array_flags)) {
        mr_idl_error(unit, field->loc, "`%s` is a conformant or varying array of more than one "
                     "dimension", field->name);
        return NULL;
    }
    if (now->conformant) {
        array->array_flags |= MR_ARRAY_CONFORMANT;
        if (!sized && !string) {
            mr_idl_error(unit, field->loc, "the open array `%s` needs size_is, max_is or string",
                         field->name);
            return NULL;
        }
        return array;
    }
    if (!mr_idl_eval(unit, now->bound, &count))
        return NULL;
    if (count < 1 || count > INT32_MAX) {
        mr_idl_error(unit, now->bound->loc, "an array of %lld elements", (long long)count);
        return NULL;
    }
    if (sized) {
        mr_idl_error(unit, array->size_ast->loc, "`%s` has a fixed bound: size_is says nothing",
                     field->name);
        return NULL;
    }
    array->count = (uint32_t)count;
    return array;
}

static mr_idl_desc *lower_pointer(mr_idl_unit *unit, mr_idl_field *field, const level *now,
                                  uint32_t i, bool string, bool top, mr_idl_desc *element) {
    uint8_t class = top && !now->explicit_class ? MR_POINTER_REF : now->pointer_class;
    mr_idl_desc *array = array_new(unit, element, MR_ARRAY_CONFORMANT |
                                   (string ? MR_ARRAY_VARYING | MR_ARRAY_STRING : 0));
    bool sized = take_dimension(field, i, array);

    if (sized || string)
        return pointer_new(unit, array, class);
    if (array->array_flags & MR_ARRAY_VARYING) {
        mr_idl_error(unit, field->loc, "`%s` has length_is, last_is or first_is without size_is",
                     field->name);
        return NULL;
    }
    mr_idl_desc *pointer = pointer_new(unit, element, class);
    if (top && class == MR_POINTER_REF && element->kind != MR_NDR_ARRAY)
        pointer->flags |= MR_TYPE_POINTER_INLINE;
    return pointer;
}

static bool is_integer(const mr_idl_desc *d) {
    return MR_NDR_IS_SCALAR(d->kind) && d->kind != MR_NDR_F32 && d->kind != MR_NDR_F64;
}

static void take_range(mr_idl_unit *unit, mr_idl_field *field, const mr_idl_attr *attr,
                       const mr_idl_desc *base) {
    int64_t low, high;

    if (!attr)
        return;
    if (attr->count != 2 || !attr->exprs[0] || !attr->exprs[1]) {
        mr_idl_error(unit, attr->loc, "range takes two values, lowest and highest");
        return;
    }
    if (!mr_idl_eval(unit, attr->exprs[0], &low) || !mr_idl_eval(unit, attr->exprs[1], &high))
        return;
    if (low > high) {
        mr_idl_error(unit, attr->loc, "the range is empty: %lld is above %lld", (long long)low,
                     (long long)high);
    } else if (base->kind == MR_NDR_CHAR || base->kind == MR_NDR_WCHAR || !is_integer(base)) {
        mr_idl_warn(unit, attr->loc, "range is kept for integers only; `%s` is none", field->name);
    } else {
        field->has_range = true;
        field->low = low;
        field->high = high;
    }
}

/* Whether @d lies in place on the wire, so that the compound in it must be checked first. */
static bool check_in_place(mr_idl_unit *unit, mr_idl_field *field, mr_idl_desc *d,
                           const mr_idl_scope *scope) {
    while (d->kind == MR_NDR_ARRAY || (d->flags & MR_TYPE_POINTER_INLINE))
        d = d->element;
    if (!d->type)
        return true;
    if (d->type->state == MR_IDL_BUSY) {
        mr_idl_error(unit, field->loc, "`%s` holds itself: a pointer is needed here", field->name);
        return false;
    }
    mr_idl_check_compound(unit, d->type, scope);
    return true;
}

static bool check_string(mr_idl_unit *unit, const mr_idl_field *field, const levels *l,
                         const mr_idl_desc *base) {
    if (!l->string)
        return true;
    if (base->kind != MR_NDR_CHAR && base->kind != MR_NDR_WCHAR) {
        mr_idl_error(unit, l->string_attr->loc,
                     "string needs elements of char, byte or wchar_t; those of `%s` are others",
                     field->name);
        return false;
    }
    if (l->count == 0) {
        mr_idl_error(unit, l->string_attr->loc, "string on `%s`, which is no array or pointer",
                     field->name);
        return false;
    }
    return true;
}

/* An anonymous compound is named after where it stands. */
static void name_anonymous(mr_idl_unit *unit, const mr_idl_field *field, mr_idl_desc *base,
                           const mr_idl_scope *scope) {
    mr_idl_type *type = base->type;

    if (type && !type->cname && scope)
        type->cname = mr_idl_text(unit, "%s_%s", scope->owner->cname, field->name);
}

mr_idl_desc *mr_idl_lower(mr_idl_unit *unit, mr_idl_field *field, enum mr_idl_place place,
                          const mr_idl_scope *scope) {
    levels l;

    if (!collect(unit, field, &l))
        return NULL;
    if (l.ignore && l.count && !l.level[0].array)
        return mr_idl_scalar_desc(unit, MR_NDR_U3264); /* the slot of the pointer, nothing else */
    mr_idl_desc *base = lower_base(unit, field, place, &l);
    if (!base || !check_dimensions(unit, field, l.count) || !check_string(unit, field, &l, base))
        return NULL;
    name_anonymous(unit, field, base, scope);
    take_range(unit, field, l.range, base);
    mr_idl_desc *d = base;
    for (uint32_t i = l.count; d && i-- > 0;) {
        bool string = l.string && i == l.count - 1;
        bool top = i == 0 && place == MR_IDL_PLACE_PARAM;
        d = l.level[i].array ? lower_array(unit, field, &l.level[i], i, string, d)
                             : lower_pointer(unit, field, &l.level[i], i, string, top, d);
    }
    if (d && d->kind == MR_NDR_ARRAY && place == MR_IDL_PLACE_PARAM && l.pending > 0)
        d = pointer_new(unit, d, (uint8_t)l.pending); /* [unique] on an array parameter */
    if (!d || !check_in_place(unit, field, d, scope))
        return NULL;
    return d;
}
