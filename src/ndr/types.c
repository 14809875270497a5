/*
 * Descriptors of the plain scalars and leaves, and the look-up of methods. Alignments and sizes
 * from C706 14.2 and MS-RPCE 2.2.5.3.1.
 */
#include <msrpc/ndr.h>

#define FLAT (MR_TYPE_FLAT20 | MR_TYPE_FLAT64)
#define PLAIN(kind_, octets, name_)                                                             \
    {.kind = (kind_), .flags = FLAT, .align20 = (octets), .align64 = (octets),                  \
     .csize = (octets), .wire20 = (octets), .wire64 = (octets), .name = (name_)}
/* __int3264: 4 octets in NDR20, 8 in NDR64 and in C (MS-RPCE 2.2.4.13 and 2.2.5.3.1). */
#define WIDE(kind_, name_)                                                                      \
    {.kind = (kind_), .flags = MR_TYPE_FLAT64, .align20 = 4, .align64 = 8, .csize = 8,          \
     .wire20 = 4, .wire64 = 8, .name = (name_)}
#define LEAF(kind_, octets, name_)                                                              \
    {.kind = (kind_), .flags = FLAT, .align20 = 4, .align64 = 4, .csize = (octets),             \
     .wire20 = (octets), .wire64 = (octets), .name = (name_)}

const mr_type mr_ndr_u8 = PLAIN(MR_NDR_U8, 1, "byte");
const mr_type mr_ndr_i8 = PLAIN(MR_NDR_I8, 1, "small");
const mr_type mr_ndr_char = PLAIN(MR_NDR_CHAR, 1, "char");
const mr_type mr_ndr_boolean = PLAIN(MR_NDR_BOOLEAN, 1, "boolean");
const mr_type mr_ndr_u16 = PLAIN(MR_NDR_U16, 2, "unsigned short");
const mr_type mr_ndr_i16 = PLAIN(MR_NDR_I16, 2, "short");
const mr_type mr_ndr_wchar = PLAIN(MR_NDR_WCHAR, 2, "wchar_t");
const mr_type mr_ndr_u32 = PLAIN(MR_NDR_U32, 4, "unsigned long");
const mr_type mr_ndr_i32 = PLAIN(MR_NDR_I32, 4, "long");
const mr_type mr_ndr_u64 = PLAIN(MR_NDR_U64, 8, "unsigned hyper");
const mr_type mr_ndr_i64 = PLAIN(MR_NDR_I64, 8, "hyper");
const mr_type mr_ndr_f32 = PLAIN(MR_NDR_F32, 4, "float");
const mr_type mr_ndr_f64 = PLAIN(MR_NDR_F64, 8, "double");
const mr_type mr_ndr_u3264 = WIDE(MR_NDR_U3264, "unsigned __int3264");
const mr_type mr_ndr_i3264 = WIDE(MR_NDR_I3264, "__int3264");
const mr_type mr_ndr_uuid = LEAF(MR_NDR_UUID, 16, "uuid_t");
const mr_type mr_ndr_context_handle = LEAF(MR_NDR_CONTEXT, 20, "ndr_context_handle");

const mr_proc *mr_iface_find_proc(const mr_iface *iface, const char *name) {
    for (uint32_t i = 0; i < iface->proc_count; i++) {
        const mr_proc *proc = &iface->procs[i];
        if (proc->name && mr_str_eq_nocase(proc->name, name))
            return proc;
    }
    return NULL;
}

const mr_proc *mr_iface_get_proc(const mr_iface *iface, uint32_t opnum) {
    return opnum < iface->proc_count ? &iface->procs[opnum] : NULL;
}
