/* How things are called in C: scalar types, declarations of members, types. */
#include "ast.h"

#include <ctype.h>

static const struct {
    const char *kind, *c;
} scalars[] = {
    [MR_NDR_U8] = {"U8", "uint8_t"},          [MR_NDR_I8] = {"I8", "int8_t"},
    [MR_NDR_CHAR] = {"CHAR", "uint8_t"},      [MR_NDR_BOOLEAN] = {"BOOLEAN", "uint8_t"},
    [MR_NDR_U16] = {"U16", "uint16_t"},       [MR_NDR_I16] = {"I16", "int16_t"},
    [MR_NDR_WCHAR] = {"WCHAR", "uint16_t"},   [MR_NDR_U32] = {"U32", "uint32_t"},
    [MR_NDR_I32] = {"I32", "int32_t"},        [MR_NDR_U64] = {"U64", "uint64_t"},
    [MR_NDR_I64] = {"I64", "int64_t"},        [MR_NDR_F32] = {"F32", "float"},
    [MR_NDR_F64] = {"F64", "double"},         [MR_NDR_U3264] = {"U3264", "uint64_t"},
    [MR_NDR_I3264] = {"I3264", "int64_t"},    [MR_NDR_ENUM16] = {"ENUM16", ""},
    [MR_NDR_ENUM32] = {"ENUM32", ""},         [MR_NDR_UUID] = {"UUID", "mr_uuid"},
    [MR_NDR_CONTEXT] = {"CONTEXT", "mr_ndr_context"},
    [MR_NDR_STRUCT] = {"STRUCT", ""},         [MR_NDR_UNION] = {"UNION", ""},
    [MR_NDR_POINTER] = {"POINTER", ""},       [MR_NDR_ARRAY] = {"ARRAY", ""},
    [MR_NDR_PIPE] = {"PIPE", ""},
};

const char *mr_idl_scalar_name(uint8_t kind) {
    return kind < MR_COUNT(scalars) ? scalars[kind].kind : "";
}

const char *mr_idl_ctype(mr_idl_unit *unit, const mr_idl_type *type) {
    return type->params ? mr_idl_text(unit, "struct %s", type->cname) : type->cname;
}

const char *mr_idl_cdecl(mr_idl_unit *unit, const mr_idl_desc *d, const char *name) {
    while (d->kind == MR_NDR_POINTER || d->kind == MR_NDR_ARRAY) {
        const mr_idl_desc *e = d->element;
        if (d->flags & MR_TYPE_POINTER_INLINE) {
            ; /* lies at its pointer's place */
        } else if (d->kind == MR_NDR_ARRAY && !d->array_flags) {
            name = mr_idl_text(unit, "%s[%u]", name, d->count);
        } else if (d->kind == MR_NDR_POINTER && e->kind == MR_NDR_ARRAY && e->array_flags) {
            ; /* array and pointer are one C pointer */
        } else if (e->kind == MR_NDR_ARRAY && !e->array_flags) {
            name = mr_idl_text(unit, "(*%s)", name);
        } else {
            name = mr_idl_text(unit, "*%s", name);
        }
        d = e;
    }
    const char *base = d->type ? mr_idl_ctype(unit, d->type) : scalars[d->kind].c;
    return mr_idl_text(unit, "%s %s", base, name);
}

void mr_idl_emit_preamble(mr_idl_unit *unit, mr_buf *out, const char *suffix) {
    const mr_idl_source *source = unit->sources;

    mr_buf_write_fmt(out, "/* Made by idlc from %s.idl. */\n", source->file_stem);
    if (!suffix)
        return;
    char *guard = (char *)mr_idl_text(unit, "%s%sH", source->prefix, suffix);
    for (char *p = guard; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    mr_buf_write_fmt(out, "#ifndef %s\n#define %s\n\n", guard, guard);
}
