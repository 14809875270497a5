/*
 * The tables: one mr_type per named type and per parameter list, an array of the anonymous
 * pointers and arrays between them (equal ones once), the procedures and the interface. Claims
 * about the C compiler's layout are static assertions.
 */
#include "ast.h"

static bool same_desc(const mr_idl_desc *a, const mr_idl_desc *b) {
    return a->kind == b->kind && a->flags == b->flags && a->pointer_class == b->pointer_class &&
           a->array_flags == b->array_flags && a->count == b->count && !a->size && !b->size &&
           !a->length && !b->length && !a->first && !b->first &&
           (a->element == b->element ||
            (a->element->external && b->element->external &&
             a->element->kind == b->element->kind) ||
            (a->element->index && a->element->index == b->element->index));
}

/* Gives every anonymous descriptor behind @d its number, elements first. */
static void number(mr_idl_unit *unit, mr_idl_desc *d) {
    if (!d || d->external || d->type || d->index)
        return;
    number(unit, d->element);
    mr_idl_layout_desc(d);
    for (const mr_idl_desc *old = unit->anonymous; old; old = old->next)
        if (same_desc(old, d)) {
            d->index = old->index;
            return;
        }
    d->index = ++unit->anonymous_count;
    *unit->anonymous_tail = d;
    unit->anonymous_tail = &d->next;
}

static void number_fields(mr_idl_unit *unit, const mr_idl_type *type) {
    for (const mr_idl_field *f = type->fields; f; f = f->next)
        number(unit, f->desc);
}

static const char *reference(mr_idl_unit *unit, const mr_idl_desc *d) {
    static const char *const scalars[] = {
        [MR_NDR_U8] = "u8",           [MR_NDR_I8] = "i8",       [MR_NDR_CHAR] = "char",
        [MR_NDR_BOOLEAN] = "boolean", [MR_NDR_U16] = "u16",     [MR_NDR_I16] = "i16",
        [MR_NDR_WCHAR] = "wchar",     [MR_NDR_U32] = "u32",     [MR_NDR_I32] = "i32",
        [MR_NDR_U64] = "u64",         [MR_NDR_I64] = "i64",     [MR_NDR_F32] = "f32",
        [MR_NDR_F64] = "f64",         [MR_NDR_U3264] = "u3264", [MR_NDR_I3264] = "i3264",
        [MR_NDR_UUID] = "uuid",       [MR_NDR_CONTEXT] = "context_handle",
    };
    if (!d)
        return "NULL";
    if (d->external)
        return mr_idl_text(unit, "&mr_ndr_%s", scalars[d->kind]);
    if (d->type)
        return mr_idl_text(unit, "&%s_type", d->type->cname);
    return mr_idl_text(unit, "&anonymous[%u]", d->index - 1);
}

static void emit_flags(mr_buf *out, uint32_t flags, const char *const *names, const char *prefix) {
    const char *between = "";

    for (uint32_t i = 0; names[i]; i++)
        if (flags & (1u << i)) {
            mr_buf_write_fmt(out, "%s%s%s", between, prefix, names[i]);
            between = " | ";
        }
    if (!*between)
        mr_buf_write_str(out, "0");
}

static const char *const type_flags[] = {"POINTER_INLINE", "ENCAPSULATED", "CONFORMANT", "FLAT20",
                                         "FLAT64", "POINTERS", "IFACE_POINTER", "RANGES", NULL};
static const char *const array_flags[] = {"CONFORMANT", "VARYING", "STRING", NULL};
static const char *const member_flags[] = {"IN", "OUT", "RETURN", "HIDDEN", NULL};
static const char *const proc_flags[] = {"IDEMPOTENT", "MAYBE", "BROADCAST", "OBJECT", NULL};

static const char *csize(mr_idl_unit *unit, const mr_idl_desc *d) {
    if (d->type)
        return mr_idl_text(unit, "sizeof(%s)", mr_idl_ctype(unit, d->type));
    if (d->kind == MR_NDR_POINTER && (d->flags & MR_TYPE_POINTER_INLINE))
        return csize(unit, d->element);
    if (d->kind == MR_NDR_POINTER || (d->kind == MR_NDR_ARRAY && d->array_flags))
        return "sizeof(void *)";
    if (d->kind == MR_NDR_ARRAY)
        return mr_idl_text(unit, "%u * %s", d->count, csize(unit, d->element));
    return mr_idl_text(unit, "%u", d->csize);
}

static const char *const expr_codes[] = {
    "CONST", "FIELD", "IS_SET", "ADD", "SUB", "MUL", "DIV", "MOD", "AND", "OR", "XOR", "SHL",
    "SHR", "NEG", "INVERT", "NOT", "EQ", "NE", "LT", "LE", "GT", "GE", "COND",
};
_Static_assert(MR_EXPR_COND + 1 == sizeof expr_codes / sizeof *expr_codes, "every code has a name");

static void emit_program(const mr_idl_program *program, mr_buf *out) {
    static const char *const scopes[] = {"STRUCT", "ENCLOSING", "PARAM"};

    if (!program) {
        mr_buf_write_str(out, "NULL");
        return;
    }
    mr_buf_write_fmt(out, "&(const mr_expr){%u, (const mr_expr_op[]){", program->count);
    for (uint32_t i = 0; i < program->count; i++) {
        const mr_idl_op *op = &program->ops[i];
        mr_buf_write_fmt(out, "%s{MR_EXPR_%s", i ? ", " : "", expr_codes[op->code]);
        if (op->code == MR_EXPR_FIELD || op->code == MR_EXPR_IS_SET)
            mr_buf_write_fmt(out, ", MR_SCOPE_%s, %u, MR_NDR_%s, offsetof(%s, %s), \"%s\"",
                             scopes[op->scope], op->deref, mr_idl_scalar_name(op->kind),
                             op->owner, op->member, op->name);
        else if (op->value == INT64_MIN)
            mr_buf_write_str(out, ", .value = INT64_MIN");
        else if (op->code == MR_EXPR_CONST)
            mr_buf_write_fmt(out, ", .value = %lld", (long long)op->value);
        mr_buf_write_str(out, "}");
    }
    mr_buf_write_str(out, "}}");
}

static void emit_head(mr_idl_unit *unit, const mr_idl_desc *d, mr_buf *out) {
    mr_buf_write_fmt(out, "    .kind = MR_NDR_%s, .flags = ", mr_idl_scalar_name(d->kind));
    emit_flags(out, d->flags, type_flags, "MR_TYPE_");
    mr_buf_write_fmt(out, ",\n    .align20 = %u, .align64 = %u, .csize = %s, .wire20 = %u, "
                     ".wire64 = %u,\n", d->align20, d->align64, csize(unit, d), d->wire20,
                     d->wire64);
}

static void emit_anonymous(mr_idl_unit *unit, mr_buf *out) {
    static const char *const classes[] = {"REF", "UNIQUE", "FULL"};

    if (!unit->anonymous_count)
        return;
    mr_buf_write_fmt(out, "\nstatic const mr_type anonymous[%u] = {\n", unit->anonymous_count);
    for (const mr_idl_desc *d = unit->anonymous; d; d = d->next) {
        mr_buf_write_fmt(out, "    [%u] = { /* %s */\n", d->index - 1,
                         mr_idl_cdecl(unit, d, ""));
        emit_head(unit, d, out);
        mr_buf_write_fmt(out, "    .element = %s,\n", reference(unit, d->element));
        if (d->kind == MR_NDR_POINTER) {
            mr_buf_write_fmt(out, "    .pointer_class = MR_POINTER_%s},\n",
                             classes[d->pointer_class]);
            continue;
        }
        mr_buf_write_str(out, "    .u.array = &(const mr_ndr_array){");
        emit_flags(out, d->array_flags, array_flags, "MR_ARRAY_");
        mr_buf_write_fmt(out, ", %u,\n        ", d->count);
        emit_program(d->size, out);
        mr_buf_write_str(out, ",\n        ");
        emit_program(d->length, out);
        mr_buf_write_str(out, ",\n        ");
        emit_program(d->first, out);
        mr_buf_write_str(out, "}},\n");
    }
    mr_buf_write_str(out, "};\n");
}

/* Proves to the compiler that a flat structure lies as the wire has it. */
static void emit_assertions(const mr_idl_type *t, mr_buf *out) {
    const mr_idl_desc *d = t->desc;
    uint32_t at = 0;

    if (d->kind != MR_NDR_STRUCT || !(d->flags & (MR_TYPE_FLAT20 | MR_TYPE_FLAT64)))
        return;
    for (const mr_idl_field *f = t->fields; f; f = f->next) {
        mr_buf_write_fmt(out, "_Static_assert(offsetof(%s, %s) == %u, \"flat\");\n", t->cname,
                         f->cname, at);
        at += f->desc->csize;
    }
    mr_buf_write_fmt(out, "_Static_assert(sizeof(%s) == %u, \"flat\");\n", t->cname, at);
}

static void emit_members(mr_idl_unit *unit, const mr_idl_type *t, mr_buf *out) {
    const char *owner = mr_idl_ctype(unit, t);

    mr_buf_write_fmt(out, "    .count = %u, .u.members = (const mr_ndr_member[]){\n", t->count);
    for (const mr_idl_field *f = t->fields; f; f = f->next) {
        mr_buf_write_fmt(out, "        {\"%s\", %s, offsetof(%s, %s), ", f->name,
                         reference(unit, f->desc), owner, f->cname);
        emit_flags(out, f->flags, member_flags, "MR_MEMBER_");
        mr_buf_write_str(out, ", ");
        emit_program(f->switch_is, out);
        if (f->has_range)
            mr_buf_write_fmt(out, ",\n            &(const mr_ndr_range){%lld, %lld}},\n",
                             (long long)f->low, (long long)f->high);
        else
            mr_buf_write_str(out, ", NULL},\n");
    }
    if (!t->fields)
        mr_buf_write_str(out, "        {.name = NULL},\n");
    mr_buf_write_str(out, "    },\n");
}

static void emit_arm(mr_idl_unit *unit, const mr_idl_type *t, const mr_idl_field *f,
                     int64_t value, bool fallback, mr_buf *out) {
    mr_buf_write_fmt(out, "        {%lld, ", (long long)value);
    if (f->desc)
        mr_buf_write_fmt(out, "\"%s\", %s, offsetof(%s, %s%s), %s},\n", f->name,
                         reference(unit, f->desc), t->cname, t->encapsulated ? "u." : "",
                         f->cname, fallback ? "true" : "false");
    else
        mr_buf_write_fmt(out, "NULL, NULL, 0, %s},\n", fallback ? "true" : "false");
}

static void emit_arms(mr_idl_unit *unit, const mr_idl_type *t, mr_buf *out) {
    uint32_t count = 0;

    for (const mr_idl_field *f = t->fields; f; f = f->next)
        count += f->case_count + f->is_default;
    mr_buf_write_fmt(out, "    .element = %s,\n    .count = %u, .u.arms = (const mr_ndr_arm[]){\n",
                     reference(unit, t->desc->element), count);
    for (const mr_idl_field *f = t->fields; f; f = f->next)
        for (uint32_t i = 0; i < f->case_count; i++)
            emit_arm(unit, t, f, f->cases[i], false, out);
    for (const mr_idl_field *f = t->fields; f; f = f->next)
        if (f->is_default)
            emit_arm(unit, t, f, 0, true, out);
    mr_buf_write_str(out, "    },\n");
}

static void emit_enumerators(const mr_idl_type *t, mr_buf *out) {
    mr_buf_write_fmt(out, "    .count = %u, .u.enumerators = (const mr_ndr_enumerator[]){\n",
                     t->count);
    for (const mr_idl_field *f = t->fields; f; f = f->next)
        mr_buf_write_fmt(out, "        {\"%s\", %lld},\n", f->name, (long long)f->number);
    mr_buf_write_str(out, "    },\n");
}

static void emit_type(mr_idl_unit *unit, const mr_idl_type *t, mr_buf *out) {
    mr_buf_write_u8(out, '\n');
    emit_assertions(t, out);
    mr_buf_write_fmt(out, "const mr_type %s_type = {\n", t->cname);
    emit_head(unit, t->desc, out);
    if (t->name)
        mr_buf_write_fmt(out, "    .name = \"%s\",\n", t->name);
    if (t->kind == MR_IDL_STRUCT)
        emit_members(unit, t, out);
    else if (t->kind == MR_IDL_UNION)
        emit_arms(unit, t, out);
    else
        emit_enumerators(t, out);
    mr_buf_write_str(out, "};\n");
}

static uint32_t emit_procs(const mr_idl_iface *iface, mr_buf *out) {
    uint32_t n = iface->base && iface->base->iface ? emit_procs(iface->base->iface, out) : 0;

    for (const mr_idl_method *m = iface->methods; m; m = m->next, n++) {
        if (m->args)
            mr_buf_write_fmt(out, "    {\"%s\", &%s_type, %u, ", m->name, m->cname, m->opnum);
        else
            mr_buf_write_fmt(out, "    {\"%s\", NULL, %u, ", m->name, m->opnum);
        emit_flags(out, m->flags, proc_flags, "MR_PROC_");
        mr_buf_write_str(out, "},\n");
    }
    return n;
}

static void emit_string(mr_buf *out, const char *s) {
    mr_buf_write_u8(out, '"');
    for (; *s; s++)
        mr_buf_write_fmt(out, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
    mr_buf_write_u8(out, '"');
}

static uint32_t emit_endpoints(const mr_idl_iface *iface, mr_buf *out) {
    const mr_idl_attr *attr = mr_idl_attr_find(iface->attrs, MR_IDL_A_ENDPOINT);

    if (!attr || !attr->count)
        return 0;
    mr_buf_write_fmt(out, "\nstatic const char *const %s_endpoints[] = {\n", iface->cname);
    for (uint32_t i = 0; i < attr->count; i++) {
        mr_buf_write_str(out, "    ");
        emit_string(out, attr->exprs[i]->text);
        mr_buf_write_str(out, ",\n");
    }
    mr_buf_write_str(out, "};\n");
    return attr->count;
}

static uint32_t emit_type_list(mr_idl_unit *unit, const mr_idl_iface *iface, mr_buf *out) {
    uint32_t n = 0;

    for (const mr_idl_type *t = unit->done; t; t = t->next_done) {
        if (!t->loc.source->main || !t->name)
            continue;
        if (n++ == 0)
            mr_buf_write_fmt(out, "\nstatic const mr_type *const %s_types[] = {\n", iface->cname);
        mr_buf_write_fmt(out, "    &%s_type,\n", t->cname);
    }
    if (n)
        mr_buf_write_str(out, "};\n");
    return n;
}

static void emit_iface(mr_idl_unit *unit, const mr_idl_iface *iface, mr_buf *out) {
    const mr_uuid *u = &iface->uuid;

    if (iface->method_count) {
        mr_buf_write_fmt(out, "\nstatic const mr_proc %s_procs[] = {\n", iface->cname);
        emit_procs(iface, out);
        mr_buf_write_str(out, "};\n");
    }
    uint32_t endpoints = emit_endpoints(iface, out);
    uint32_t types = emit_type_list(unit, iface, out);
    mr_buf_write_fmt(out, "\nconst mr_iface %s = {\n    .format = MR_NDR_FORMAT,\n"
                     "    .name = \"%s\",\n", iface->cname, iface->name);
    if (iface->source) {
        mr_buf_write_str(out, "    .source = ");
        emit_string(out, iface->source);
        mr_buf_write_str(out, ",\n");
    }
    mr_buf_write_fmt(out, "    .syntax = {{0x%08x, 0x%04x, 0x%04x,\n        "
                     "{0x%02x, 0x%02x, 0x%02x, 0x%02x, 0x%02x, 0x%02x, 0x%02x, 0x%02x}}, "
                     "%u, %u},\n",
                     u->time_low, u->time_mid, u->time_hi, u->clock[0], u->clock[1], u->clock[2],
                     u->clock[3], u->clock[4], u->clock[5], u->clock[6], u->clock[7],
                     iface->major, iface->minor);
    if (iface->method_count)
        mr_buf_write_fmt(out, "    .proc_count = %u,\n    .procs = %s_procs,\n",
                         iface->method_count, iface->cname);
    if (endpoints)
        mr_buf_write_fmt(out, "    .endpoint_count = %u,\n    .endpoints = %s_endpoints,\n",
                         endpoints, iface->cname);
    if (types)
        mr_buf_write_fmt(out, "    .type_count = %u,\n    .types = %s_types,\n", types,
                         iface->cname);
    mr_buf_write_str(out, "};\n");
}

void mr_idl_emit_tables(mr_idl_unit *unit, mr_buf *out) {
    mr_idl_emit_preamble(unit, out, NULL);
    mr_buf_write_fmt(out, "#include \"%s.h\"\n\n", unit->sources->file_stem);
    mr_buf_write_str(out, "_Static_assert(MR_NDR_FORMAT == 1, \"made for table format 1\");\n");
    if (!unit->anonymous_count) {
        for (const mr_idl_type *t = unit->done; t; t = t->next_done)
            if (t->loc.source->main)
                number_fields(unit, t);
        for (const mr_idl_iface *i = unit->ifaces; i; i = i->next)
            for (const mr_idl_method *m = i->methods; m; m = m->next)
                if (m->args && i->loc.source->main)
                    number_fields(unit, m->args);
    }
    emit_anonymous(unit, out);
    for (const mr_idl_type *t = unit->done; t; t = t->next_done)
        if (t->loc.source->main)
            emit_type(unit, t, out);
    for (const mr_idl_iface *i = unit->ifaces; i; i = i->next) {
        if (!i->defined || !i->loc.source->main)
            continue;
        for (const mr_idl_method *m = i->methods; m; m = m->next)
            if (m->args)
                emit_type(unit, m->args, out);
        if (i->has_uuid)
            emit_iface(unit, i, out);
    }
}
