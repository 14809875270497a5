/* The checked unit in a compact text: what the compiler understood, for a person and for tests. */
#include "ast.h"

static void dump_program(const char *what, const mr_idl_program *program, mr_buf *out) {
    static const char *const signs[] = {"", "", "", "+", "-", "*", "/", "%", "&", "|", "^", "<<",
                                        ">>", "neg", "~", "!", "==", "!=", "<", "<=", ">", ">=",
                                        "?:"};
    if (!program)
        return;
    mr_buf_write_fmt(out, " %s(", what);
    for (uint32_t i = 0; i < program->count; i++) {
        const mr_idl_op *op = &program->ops[i];
        mr_buf_write_str(out, i ? " " : "");
        for (uint32_t d = 0; d < op->deref; d++)
            mr_buf_write_str(out, "*");
        if (op->code == MR_EXPR_IS_SET)
            mr_buf_write_str(out, "set ");
        if (op->code == MR_EXPR_CONST)
            mr_buf_write_fmt(out, "%lld", (long long)op->value);
        else
            mr_buf_write_fmt(out, "%s%s%s", op->scope == MR_SCOPE_ENCLOSING ? "^" : "",
                             op->name ? op->name : "", signs[op->code]);
    }
    mr_buf_write_str(out, ")");
}

static void dump_desc(const mr_idl_desc *d, mr_buf *out) {
    static const char *const classes[] = {"ref", "unique", "full"};

    for (; d; d = d->element) {
        if (d->type) {
            mr_buf_write_fmt(out, " %s", d->type->cname);
            return;
        }
        if (d->kind == MR_NDR_POINTER) {
            mr_buf_write_fmt(out, " %s%s%s ->", classes[d->pointer_class],
                             d->flags & MR_TYPE_POINTER_INLINE ? " inline" : "",
                             d->flags & MR_TYPE_IFACE_POINTER ? " interface" : "");
        } else if (d->kind == MR_NDR_ARRAY) {
            mr_buf_write_fmt(out, "%s%s%s array", d->array_flags & MR_ARRAY_CONFORMANT
                                                      ? " conformant" : "",
                             d->array_flags & MR_ARRAY_VARYING ? " varying" : "",
                             d->array_flags & MR_ARRAY_STRING ? " string" : "");
            if (d->count)
                mr_buf_write_fmt(out, "[%u]", d->count);
            dump_program("size", d->size, out);
            dump_program("length", d->length, out);
            dump_program("first", d->first, out);
            mr_buf_write_str(out, " of");
        } else {
            mr_buf_write_fmt(out, " %s", mr_idl_scalar_name(d->kind));
        }
    }
}

static void dump_fields(const mr_idl_type *t, mr_buf *out) {
    for (const mr_idl_field *f = t->fields; f; f = f->next) {
        mr_buf_write_str(out, "   ");
        if (f->flags & MR_MEMBER_IN)
            mr_buf_write_str(out, " in");
        if (f->flags & MR_MEMBER_OUT)
            mr_buf_write_str(out, " out");
        for (uint32_t i = 0; i < f->case_count; i++)
            mr_buf_write_fmt(out, " case %lld", (long long)f->cases[i]);
        if (f->is_default)
            mr_buf_write_str(out, " default");
        mr_buf_write_fmt(out, " %s:", f->name ? f->name : "-");
        dump_desc(f->desc, out);
        dump_program("switch", f->switch_is, out);
        if (f->has_range)
            mr_buf_write_fmt(out, " range %lld..%lld", (long long)f->low, (long long)f->high);
        mr_buf_write_str(out, "\n");
    }
}

static void dump_type(const mr_idl_type *t, mr_buf *out) {
    const mr_idl_desc *d = t->desc;

    mr_buf_write_fmt(out, "%s %s", t->kind == MR_IDL_ENUM ? t->v1_enum ? "enum32" : "enum16"
                                   : t->kind == MR_IDL_UNION ? "union" : "struct", t->cname);
    if (t->kind == MR_IDL_ENUM) {
        for (const mr_idl_field *f = t->fields; f; f = f->next)
            mr_buf_write_fmt(out, " %s=%lld", f->name, (long long)f->number);
        mr_buf_write_str(out, "\n");
        return;
    }
    mr_buf_write_fmt(out, " align %u/%u wire %u/%u%s%s%s%s%s\n", d->align20, d->align64,
                     d->wire20, d->wire64, d->flags & MR_TYPE_CONFORMANT ? " conformant" : "",
                     d->flags & MR_TYPE_FLAT20 ? " flat20" : "",
                     d->flags & MR_TYPE_FLAT64 ? " flat64" : "",
                     d->flags & MR_TYPE_POINTERS ? " pointers" : "",
                     d->flags & MR_TYPE_RANGES ? " ranges" : "");
    if (t->kind == MR_IDL_UNION) {
        mr_buf_write_fmt(out, "    switch %s:", t->tag_member ? t->tag_member : "outside");
        dump_desc(d->element, out);
        mr_buf_write_str(out, "\n");
    }
    dump_fields(t, out);
}

void mr_idl_emit_dump(mr_idl_unit *unit, mr_buf *out) {
    char uuid[MR_UUID_TEXT];

    for (const mr_idl_symbol *s = unit->symbols; s; s = s->next)
        if (s->kind == MR_IDL_SYM_CONST && s->loc.source->main) {
            if (s->string)
                mr_buf_write_fmt(out, "const %s = \"%s\"\n", s->name, s->string);
            else
                mr_buf_write_fmt(out, "const %s = %lld\n", s->name, (long long)s->number);
        }
    for (const mr_idl_type *t = unit->done; t; t = t->next_done)
        if (t->loc.source->main)
            dump_type(t, out);
    for (const mr_idl_iface *i = unit->ifaces; i; i = i->next) {
        if (!i->defined || !i->loc.source->main)
            continue;
        mr_buf_write_fmt(out, "interface %s %s %u.%u\n", i->name, mr_uuid_text(&i->uuid, uuid),
                         i->major, i->minor);
        for (const mr_idl_method *m = i->methods; m; m = m->next) {
            mr_buf_write_fmt(out, "  %u %s%s\n", m->opnum, m->name, m->args ? "" : " (name only)");
            if (m->args)
                dump_fields(m->args, out);
        }
    }
}
