/* The header: constants, enumerations, structures, parameter structures, extern tables. */
#include "ast.h"

static bool of_main(mr_idl_loc loc) {
    return loc.source->main;
}

static void emit_string(mr_buf *out, const char *s) {
    mr_buf_write_u8(out, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            mr_buf_write_fmt(out, "\\%c", *s);
        else if ((uint8_t)*s < 0x20 || (uint8_t)*s > 0x7e || *s == '?')
            mr_buf_write_fmt(out, "\\%03o", (uint8_t)*s);
        else
            mr_buf_write_u8(out, (uint8_t)*s);
    }
    mr_buf_write_u8(out, '"');
}

static void emit_const(const mr_idl_symbol *s, mr_buf *out) {
    mr_idl_type *base = mr_idl_base(s->type);
    bool no_sign = base->kind == MR_IDL_SCALAR &&
                   (base->scalar == MR_NDR_U8 || base->scalar == MR_NDR_U16 ||
                    base->scalar == MR_NDR_U32 || base->scalar == MR_NDR_U64);

    mr_buf_write_fmt(out, "#define %s%s ", s->loc.source->prefix, s->name);
    if (s->string) {
        mr_buf_write_str(out, s->wide ? "u" : "");
        emit_string(out, s->string);
    } else if (no_sign && base->scalar != MR_NDR_U64) {
        mr_buf_write_fmt(out, "%lluU", (unsigned long long)(uint32_t)s->number);
    } else if (no_sign) {
        mr_buf_write_fmt(out, "%lluULL", (unsigned long long)s->number);
    } else if (s->number == INT64_MIN) {
        mr_buf_write_str(out, "INT64_MIN");
    } else if (s->number < -INT32_MAX || s->number > INT32_MAX) {
        mr_buf_write_fmt(out, "(%lldLL)", (long long)s->number);
    } else {
        mr_buf_write_fmt(out, s->number < 0 ? "(%lld)" : "%lld", (long long)s->number);
    }
    mr_buf_write_u8(out, '\n');
}

static void emit_enum(const mr_idl_type *t, mr_buf *out) {
    mr_buf_write_fmt(out, "\ntypedef enum %s {\n", t->cname);
    for (const mr_idl_field *f = t->fields; f; f = f->next)
        mr_buf_write_fmt(out, f->number == INT32_MIN ? "    %s%s = INT32_MIN,\n"
                                                     : "    %s%s = %lld,\n",
                         t->loc.source->prefix, f->name, (long long)f->number);
    mr_buf_write_fmt(out, "} %s;\n", t->cname);
}

static void emit_members(mr_idl_unit *unit, const mr_idl_type *t, const char *indent,
                         mr_buf *out) {
    bool any = false;

    for (const mr_idl_field *f = t->fields; f; f = f->next) {
        if (!f->desc)
            continue;
        any = true;
        mr_buf_write_fmt(out, "%s%s;\n", indent, mr_idl_cdecl(unit, f->desc, f->cname));
    }
    if (!any)
        mr_buf_write_fmt(out, "%suint8_t nothing;\n", indent);
}

static void emit_compound(mr_idl_unit *unit, const mr_idl_type *t, mr_buf *out) {
    if (t->encapsulated) {
        const char *tag = mr_idl_c_name(unit, t->tag_member);
        mr_buf_write_fmt(out, "\nstruct %s {\n    %s;\n    union {\n", t->cname,
                         mr_idl_cdecl(unit, t->desc->element, tag));
        emit_members(unit, t, "        ", out);
        mr_buf_write_str(out, "    } u;\n};\n");
        return;
    }
    mr_buf_write_fmt(out, "\n%s %s {\n", t->kind == MR_IDL_UNION ? "union" : "struct", t->cname);
    emit_members(unit, t, "    ", out);
    mr_buf_write_str(out, "};\n");
}

/* Further names of a structure, union or enumeration. */
static void emit_aliases(mr_idl_unit *unit, mr_buf *out) {
    for (const mr_idl_symbol *s = unit->symbols; s; s = s->next) {
        if (s->kind != MR_IDL_SYM_TYPEDEF || !of_main(s->loc))
            continue;
        const mr_idl_type *t = mr_idl_resolve(s->type);
        const char *name = mr_idl_text(unit, "%s%s", s->loc.source->prefix, s->name);
        if ((t->kind == MR_IDL_STRUCT || t->kind == MR_IDL_UNION || t->kind == MR_IDL_ENUM) &&
            t->defined && strcmp(name, t->cname) != 0)
            mr_buf_write_fmt(out, "typedef %s %s;\n", t->cname, name);
    }
}

static void emit_types(mr_idl_unit *unit, mr_buf *out) {
    for (const mr_idl_type *t = unit->done; t; t = t->next_done)
        if (of_main(t->loc) && t->kind == MR_IDL_ENUM)
            emit_enum(t, out);
    mr_buf_write_u8(out, '\n');
    for (const mr_idl_type *t = unit->done; t; t = t->next_done)
        if (of_main(t->loc) && t->kind != MR_IDL_ENUM)
            mr_buf_write_fmt(out, "typedef %s %s %s;\n",
                             t->kind == MR_IDL_UNION && !t->encapsulated ? "union" : "struct",
                             t->cname, t->cname);
    emit_aliases(unit, out);
    for (const mr_idl_type *t = unit->done; t; t = t->next_done)
        if (of_main(t->loc) && t->kind != MR_IDL_ENUM)
            emit_compound(unit, t, out);
    mr_buf_write_u8(out, '\n');
    for (const mr_idl_type *t = unit->done; t; t = t->next_done)
        if (of_main(t->loc))
            mr_buf_write_fmt(out, "extern const mr_type %s_type;\n", t->cname);
}

static void emit_iface(mr_idl_unit *unit, const mr_idl_iface *iface, mr_buf *out) {
    mr_buf_write_fmt(out, "\n/* interface %s */\n", iface->name);
    for (const mr_idl_method *m = iface->methods; m; m = m->next) {
        if (!m->args)
            continue;
        mr_buf_write_fmt(out, "\nstruct %s { /* %u */\n", m->cname, m->opnum);
        emit_members(unit, m->args, "    ", out);
        mr_buf_write_str(out, "};\n");
    }
    mr_buf_write_u8(out, '\n');
    for (const mr_idl_method *m = iface->methods; m; m = m->next)
        if (m->args)
            mr_buf_write_fmt(out, "extern const mr_type %s_type;\n", m->cname);
    if (iface->has_uuid)
        mr_buf_write_fmt(out, "extern const mr_iface %s;\n", iface->cname);
}

void mr_idl_emit_header(mr_idl_unit *unit, mr_buf *out) {
    mr_idl_emit_preamble(unit, out, "");
    mr_buf_write_str(out, "#include <msrpc/ndr.h>\n");
    for (const mr_idl_source *s = unit->sources->next; s; s = s->next)
        mr_buf_write_fmt(out, "#include \"%s.h\"\n", s->file_stem);
    mr_buf_write_u8(out, '\n');
    for (const mr_idl_symbol *s = unit->symbols; s; s = s->next)
        if (s->kind == MR_IDL_SYM_CONST && of_main(s->loc))
            emit_const(s, out);
    emit_types(unit, out);
    for (const mr_idl_iface *i = unit->ifaces; i; i = i->next)
        if (i->defined && of_main(i->loc))
            emit_iface(unit, i, out);
    mr_buf_write_fmt(out, "\n#define %sIFACES(X)", unit->sources->prefix);
    for (const mr_idl_iface *i = unit->ifaces; i; i = i->next)
        if (i->defined && i->has_uuid && of_main(i->loc))
            mr_buf_write_fmt(out, " X(%s)", i->cname);
    mr_buf_write_str(out, "\n\n#endif\n");
}
