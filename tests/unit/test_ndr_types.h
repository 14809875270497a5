/*
 * Types written by hand in the form idlc gives them, one for every feature of the descriptors:
 * the NDR unit tests and the NDR fuzz target walk the same ones. The layouts of epm, lsa and samr
 * types are those of C706 appendix O, MS-LSAT, MS-LSAD and MS-SAMR.
 */
#ifndef TEST_NDR_TYPES_H
#define TEST_NDR_TYPES_H

#include <msrpc/ndr.h>

#define FLATS (MR_TYPE_FLAT20 | MR_TYPE_FLAT64)
#define M(struct_, field, descriptor, ...) \
    {.name = #field, .type = &(descriptor), .offset = offsetof(struct_, field), __VA_ARGS__}
#define STRUCT(name_, struct_, members_, a20, a64, w20, w64, flags_)                           \
    static const mr_type name_ = {.kind = MR_NDR_STRUCT, .flags = (flags_), .align20 = (a20),   \
                                  .align64 = (a64), .count = MR_COUNT(members_),                \
                                  .csize = sizeof(struct_), .wire20 = (w20), .wire64 = (w64),   \
                                  .name = #struct_, .u.members = (members_)}
#define POINTER(name_, class_, to_, flags_)                                                    \
    static const mr_type name_ = {.kind = MR_NDR_POINTER, .flags = (flags_) | MR_TYPE_POINTERS, \
                                  .align20 = 4, .align64 = 8, .pointer_class = (class_),        \
                                  .csize = sizeof(void *), .wire20 = 4, .wire64 = 8,            \
                                  .element = &(to_)}
/* a top-level reference parameter that lies inline */
#define INLINE_REF(name_, to_, size_)                                                          \
    static const mr_type name_ = {.kind = MR_NDR_POINTER, .flags = MR_TYPE_POINTER_INLINE,      \
                                  .align20 = 1, .align64 = 1, .pointer_class = MR_POINTER_REF,  \
                                  .csize = (size_), .element = &(to_)}
#define ARRAY(name_, to_, a20, a64, w20, w64, size_, flags_, ...)                              \
    static const mr_ndr_array name_##_bounds = {__VA_ARGS__};                                   \
    static const mr_type name_ = {.kind = MR_NDR_ARRAY, .flags = (flags_), .align20 = (a20),    \
                                  .align64 = (a64), .csize = (size_), .wire20 = (w20),          \
                                  .wire64 = (w64), .element = &(to_),                           \
                                  .u.array = &name_##_bounds}
#define EXPR(name_, ...)                                                                       \
    static const mr_expr_op name_##_ops[] = {__VA_ARGS__};                                      \
    static const mr_expr name_ = {.count = MR_COUNT(name_##_ops), .ops = name_##_ops}
#define FIELD(struct_, field, kind_, ...)                                                      \
    {.code = MR_EXPR_FIELD, .kind = (kind_), .value = offsetof(struct_, field), .name = #field, \
     __VA_ARGS__}

/* every scalar and leaf */
enum color { RED, GREEN, BLUE = 7 };
enum shade { LIGHT = 1, DARK = 0x12345 };
typedef struct scalars {
    uint8_t u8;
    int8_t i8;
    uint8_t ch;
    uint8_t yes;
    uint16_t u16;
    int64_t i64;
    int16_t i16;
    uint16_t wc;
    uint32_t u32;
    int32_t i32;
    uint64_t u64;
    float f32;
    double f64;
    uint64_t u3264;
    int64_t i3264;
    uint32_t color;
    uint32_t shade;
    mr_uuid uuid;
    mr_ndr_context handle;
} scalars;
static const mr_ndr_enumerator color_names[] = {{"RED", RED}, {"GREEN", GREEN}, {"BLUE", BLUE}};
static const mr_ndr_enumerator shade_names[] = {{"LIGHT", LIGHT}, {"DARK", DARK}};
static const mr_type t_color = {.kind = MR_NDR_ENUM16, .flags = MR_TYPE_FLAT64, .align20 = 2,
                                .align64 = 4, .count = 3, .csize = 4, .wire20 = 2, .wire64 = 4,
                                .name = "color", .u.enumerators = color_names};
static const mr_type t_shade = {.kind = MR_NDR_ENUM32, .flags = FLATS, .align20 = 4, .align64 = 4,
                                .count = 2, .csize = 4, .wire20 = 4, .wire64 = 4, .name = "shade",
                                .u.enumerators = shade_names};
static const mr_ndr_member scalars_members[] = {
    M(scalars, u8, mr_ndr_u8), M(scalars, i8, mr_ndr_i8), M(scalars, ch, mr_ndr_char),
    M(scalars, yes, mr_ndr_boolean), M(scalars, u16, mr_ndr_u16), M(scalars, i64, mr_ndr_i64),
    M(scalars, i16, mr_ndr_i16), M(scalars, wc, mr_ndr_wchar), M(scalars, u32, mr_ndr_u32),
    M(scalars, i32, mr_ndr_i32), M(scalars, u64, mr_ndr_u64), M(scalars, f32, mr_ndr_f32),
    M(scalars, f64, mr_ndr_f64), M(scalars, u3264, mr_ndr_u3264), M(scalars, i3264, mr_ndr_i3264),
    M(scalars, color, t_color), M(scalars, shade, t_shade), M(scalars, uuid, mr_ndr_uuid),
    M(scalars, handle, mr_ndr_context_handle),
};
STRUCT(t_scalars, scalars, scalars_members, 8, 8, 108, 120, 0);

/* a structure whose wire form is its C form, and arrays of it */
typedef struct flat {
    uint32_t a;
    uint16_t b;
    uint8_t c[2];
} flat;
ARRAY(t_u8x2, mr_ndr_u8, 1, 1, 2, 2, 2, FLATS, .count = 2);
static const mr_ndr_member flat_members[] = {M(flat, a, mr_ndr_u32), M(flat, b, mr_ndr_u16),
                                             M(flat, c, t_u8x2)};
STRUCT(t_flat, flat, flat_members, 4, 4, 8, 8, FLATS);

/* trailing padding in NDR64 only; ranges */
typedef struct ragged {
    uint32_t a;
    uint8_t b;
} ragged;
static const mr_ndr_range range_b = {3, 200};
static const mr_ndr_member ragged_members[] = {M(ragged, a, mr_ndr_u32),
                                               M(ragged, b, mr_ndr_u8, .range = &range_b)};
STRUCT(t_ragged, ragged, ragged_members, 4, 4, 5, 8, MR_TYPE_RANGES);

/* arrays that stand in place: fixed, of two dimensions, of structures, of pointers; varying */
typedef struct arrays {
    uint16_t fixed[3];
    uint32_t grid[2][3];
    ragged ragged[2];
    uint32_t *pointers[3];
    uint32_t count;
    uint32_t first;
    uint32_t *varying;    /* [first_is(first), length_is(count)] long varying[10] */
    uint8_t *name;        /* [string] char name[16] */
    uint16_t *wide_name;  /* [string] wchar_t wide_name[16] */
} arrays;
ARRAY(t_u16x3, mr_ndr_u16, 2, 2, 6, 6, 6, FLATS, .count = 3);
ARRAY(t_u32x3, mr_ndr_u32, 4, 4, 12, 12, 12, FLATS, .count = 3);
ARRAY(t_grid, t_u32x3, 4, 4, 24, 24, 24, FLATS, .count = 2);
ARRAY(t_ragged2, t_ragged, 4, 4, 13, 16, 16, MR_TYPE_RANGES, .count = 2);
POINTER(t_u32_unique, MR_POINTER_UNIQUE, mr_ndr_u32, 0);
ARRAY(t_pointers3, t_u32_unique, 4, 8, 12, 24, 24, MR_TYPE_POINTERS, .count = 3);
EXPR(arrays_count, FIELD(arrays, count, MR_NDR_U32));
EXPR(arrays_first, FIELD(arrays, first, MR_NDR_U32));
ARRAY(t_varying, mr_ndr_u32, 4, 8, 8, 16, 8, 0, .flags = MR_ARRAY_VARYING, .count = 10,
      .length_is = &arrays_count, .first_is = &arrays_first);
ARRAY(t_name16, mr_ndr_char, 4, 8, 8, 16, 8, 0, .flags = MR_ARRAY_VARYING | MR_ARRAY_STRING,
      .count = 16);
ARRAY(t_wide16, mr_ndr_wchar, 4, 8, 8, 16, 8, 0, .flags = MR_ARRAY_VARYING | MR_ARRAY_STRING,
      .count = 16);
static const mr_ndr_member arrays_members[] = {
    M(arrays, fixed, t_u16x3), M(arrays, grid, t_grid), M(arrays, ragged, t_ragged2),
    M(arrays, pointers, t_pointers3), M(arrays, count, mr_ndr_u32), M(arrays, first, mr_ndr_u32),
    M(arrays, varying, t_varying), M(arrays, name, t_name16), M(arrays, wide_name, t_wide16),
};
STRUCT(t_arrays, arrays, arrays_members, 4, 8, 84, 120, MR_TYPE_POINTERS | MR_TYPE_RANGES);

/* RPC_SID (MS-DTYP 2.4.2.3): a conformant array in a structure */
typedef struct sid {
    uint8_t Revision;
    uint8_t SubAuthorityCount;
    uint8_t IdentifierAuthority[6];
    uint32_t *SubAuthority;
} sid;
EXPR(sid_count, FIELD(sid, SubAuthorityCount, MR_NDR_U8));
ARRAY(t_u8x6, mr_ndr_u8, 1, 1, 6, 6, 6, FLATS, .count = 6);
ARRAY(t_sub, mr_ndr_u32, 4, 4, 0, 0, 8, 0, .flags = MR_ARRAY_CONFORMANT, .size_is = &sid_count);
static const mr_ndr_range sid_range = {0, 15};
static const mr_ndr_member sid_members[] = {
    M(sid, Revision, mr_ndr_u8),
    M(sid, SubAuthorityCount, mr_ndr_u8, .range = &sid_range),
    M(sid, IdentifierAuthority, t_u8x6), M(sid, SubAuthority, t_sub),
};
STRUCT(t_sid, sid, sid_members, 4, 4, 8, 8, MR_TYPE_CONFORMANT | MR_TYPE_RANGES);
POINTER(t_sid_unique, MR_POINTER_UNIQUE, t_sid, 0);

/* RPC_UNICODE_STRING (MS-DTYP 2.3.10) */
typedef struct ustring {
    uint16_t Length;
    uint16_t MaximumLength;
    uint16_t *Buffer;
} ustring;
#define HALF {.code = MR_EXPR_CONST, .value = 2}, {.code = MR_EXPR_DIV}
EXPR(ustring_size, FIELD(ustring, MaximumLength, MR_NDR_U16), HALF);
EXPR(ustring_length, FIELD(ustring, Length, MR_NDR_U16), HALF);
ARRAY(t_ustring_array, mr_ndr_wchar, 4, 8, 12, 24, 8, 0,
      .flags = MR_ARRAY_CONFORMANT | MR_ARRAY_VARYING, .size_is = &ustring_size,
      .length_is = &ustring_length);
POINTER(t_ustring_buffer, MR_POINTER_UNIQUE, t_ustring_array, 0);
static const mr_ndr_member ustring_members[] = {
    M(ustring, Length, mr_ndr_u16), M(ustring, MaximumLength, mr_ndr_u16),
    M(ustring, Buffer, t_ustring_buffer),
};
STRUCT(t_ustring, ustring, ustring_members, 4, 8, 8, 16, MR_TYPE_POINTERS);

/* conformant through nesting, its size in the structure around (the outer one's count) */
typedef struct inner {
    uint16_t tag;
    ragged *items; /* [size_is(ENCLOSING count)] */
} inner;
typedef struct outer {
    uint8_t *title; /* [unique, string] char * */
    uint8_t count;
    inner in;
} outer;
EXPR(outer_count, {.code = MR_EXPR_FIELD, .scope = MR_SCOPE_ENCLOSING, .kind = MR_NDR_U8,
                   .value = offsetof(outer, count), .name = "count"});
ARRAY(t_items, t_ragged, 4, 4, 0, 0, 8, MR_TYPE_RANGES, .flags = MR_ARRAY_CONFORMANT,
      .size_is = &outer_count);
static const mr_ndr_member inner_members[] = {M(inner, tag, mr_ndr_u16), M(inner, items, t_items)};
STRUCT(t_inner, inner, inner_members, 4, 4, 2, 4, MR_TYPE_CONFORMANT | MR_TYPE_RANGES);
ARRAY(t_cstring_array, mr_ndr_char, 4, 8, 12, 24, 8, 0,
      .flags = MR_ARRAY_CONFORMANT | MR_ARRAY_VARYING | MR_ARRAY_STRING);
POINTER(t_cstring, MR_POINTER_UNIQUE, t_cstring_array, 0);
static const mr_ndr_member outer_members[] = {
    M(outer, title, t_cstring), M(outer, count, mr_ndr_u8), M(outer, in, t_inner)};
STRUCT(t_outer, outer, outer_members, 4, 8, 10, 16,
       MR_TYPE_CONFORMANT | MR_TYPE_POINTERS | MR_TYPE_RANGES);

/* a conformant varying string at the end of a structure */
typedef struct tail {
    uint32_t size;
    uint16_t *text; /* [size_is(size), string] wchar_t text[] */
} tail;
EXPR(tail_size, FIELD(tail, size, MR_NDR_U32));
ARRAY(t_tail_text, mr_ndr_wchar, 4, 8, 8, 16, 8, 0,
      .flags = MR_ARRAY_CONFORMANT | MR_ARRAY_VARYING | MR_ARRAY_STRING, .size_is = &tail_size);
static const mr_ndr_member tail_members[] = {M(tail, size, mr_ndr_u32), M(tail, text, t_tail_text)};
STRUCT(t_tail, tail, tail_members, 4, 8, 12, 24, MR_TYPE_CONFORMANT);
POINTER(t_tail_unique, MR_POINTER_UNIQUE, t_tail, 0);

/* unions: by a field, with a default arm, and encapsulated */
typedef union choice {
    uint32_t number;
    uint64_t wide;
    ustring text;
    sid *sid;
    uint8_t flag;
} choice;
typedef struct chosen {
    uint32_t which; /* enum color */
    choice value;
} chosen;
static const mr_ndr_arm choice_arms[] = {
    {.value = RED, .name = "number", .type = &mr_ndr_u32},
    {.value = GREEN, .name = "wide", .type = &mr_ndr_u64},
    {.value = 5, .name = "text", .type = &t_ustring},
    {.value = BLUE, .name = "sid", .type = &t_sid_unique},
    {.value = 9, .name = "flag", .type = &mr_ndr_u8},
    {.value = 11},
};
static const mr_type t_choice = {.kind = MR_NDR_UNION, .flags = MR_TYPE_POINTERS, .align20 = 8,
                                 .align64 = 8, .count = MR_COUNT(choice_arms),
                                 .csize = sizeof(choice), .wire20 = 2, .wire64 = 8,
                                 .name = "choice", .element = &t_color, .u.arms = choice_arms};
EXPR(chosen_which, FIELD(chosen, which, MR_NDR_ENUM16));
static const mr_ndr_member chosen_members[] = {
    M(chosen, which, t_color), M(chosen, value, t_choice, .switch_is = &chosen_which)};
STRUCT(t_chosen, chosen, chosen_members, 8, 8, 4, 16, MR_TYPE_POINTERS);

typedef struct packed_union {
    int16_t tag;
    union {
        uint8_t small;
        double real;
        uint32_t *pointer;
    } u;
} packed_union;
static const mr_ndr_arm packed_arms[] = {
    {.value = -1, .name = "small", .type = &mr_ndr_u8, .offset = offsetof(packed_union, u)},
    {.value = 2, .name = "real", .type = &mr_ndr_f64, .offset = offsetof(packed_union, u)},
    {.value = 3, .name = "real", .type = &mr_ndr_f64, .offset = offsetof(packed_union, u)},
    {.value = 4, .name = "pointer", .type = &t_u32_unique, .offset = offsetof(packed_union, u)},
    {.is_default = true},
};
static const mr_type t_packed_union = {
    .kind = MR_NDR_UNION, .flags = MR_TYPE_POINTERS | MR_TYPE_ENCAPSULATED, .align20 = 8,
    .align64 = 8, .count = MR_COUNT(packed_arms), .csize = sizeof(packed_union), .wire20 = 2,
    .wire64 = 8, .name = "packed_union", .element = &mr_ndr_i16, .u.arms = packed_arms};

/* a list and a tree: unique and full pointers, as deep as the data likes */
typedef struct list {
    uint32_t value;
    struct list *next;
} list;
static const mr_type t_list;
POINTER(t_list_unique, MR_POINTER_UNIQUE, t_list, 0);
static const mr_ndr_member list_members[] = {M(list, value, mr_ndr_u32),
                                             M(list, next, t_list_unique)};
STRUCT(t_list, list, list_members, 4, 8, 8, 16, MR_TYPE_POINTERS);

typedef struct tree {
    uint16_t value;
    struct tree *left;
    struct tree *right;
} tree;
static const mr_type t_tree;
POINTER(t_tree_full, MR_POINTER_FULL, t_tree, 0);
static const mr_ndr_member tree_members[] = {
    M(tree, value, mr_ndr_u16), M(tree, left, t_tree_full), M(tree, right, t_tree_full)};
STRUCT(t_tree, tree, tree_members, 4, 8, 12, 24, MR_TYPE_POINTERS);

/* pointers of every class, to pointers too; arrays of strings and of structures with pointers */
typedef struct pointers {
    uint32_t *ref;        /* [ref] */
    uint32_t **twice;     /* [unique] to [unique] */
    uint32_t *shared;     /* [ptr] */
    uint32_t *shared_too; /* [ptr] */
    uint16_t name_count;
    uint16_t string_count;
    uint16_t **names;     /* [size_is(name_count), string] wchar_t ** */
    ustring *strings;     /* [size_is(string_count + 1)] */
    uint32_t *length;     /* [unique] */
    uint8_t *octets;      /* [size_is(*length)] */
} pointers;
POINTER(t_u32_ref, MR_POINTER_REF, mr_ndr_u32, 0);
POINTER(t_u32_twice, MR_POINTER_UNIQUE, t_u32_unique, 0);
POINTER(t_u32_full, MR_POINTER_FULL, mr_ndr_u32, 0);
ARRAY(t_wstring_array, mr_ndr_wchar, 4, 8, 12, 24, 8, 0,
      .flags = MR_ARRAY_CONFORMANT | MR_ARRAY_VARYING | MR_ARRAY_STRING);
POINTER(t_wstring, MR_POINTER_UNIQUE, t_wstring_array, 0);
EXPR(pointers_names, FIELD(pointers, name_count, MR_NDR_U16));
ARRAY(t_names_array, t_wstring, 4, 8, 4, 8, 8, MR_TYPE_POINTERS, .flags = MR_ARRAY_CONFORMANT,
      .size_is = &pointers_names);
POINTER(t_names, MR_POINTER_UNIQUE, t_names_array, 0);
EXPR(pointers_strings, FIELD(pointers, string_count, MR_NDR_U16),
     {.code = MR_EXPR_CONST, .value = 1}, {.code = MR_EXPR_ADD});
ARRAY(t_strings_array, t_ustring, 4, 8, 4, 8, 8, MR_TYPE_POINTERS, .flags = MR_ARRAY_CONFORMANT,
      .size_is = &pointers_strings);
POINTER(t_strings, MR_POINTER_UNIQUE, t_strings_array, 0);
EXPR(pointers_length, FIELD(pointers, length, MR_NDR_U32, .deref = 1));
ARRAY(t_octets_array, mr_ndr_u8, 4, 8, 4, 8, 8, 0, .flags = MR_ARRAY_CONFORMANT,
      .size_is = &pointers_length);
POINTER(t_octets, MR_POINTER_UNIQUE, t_octets_array, 0);
static const mr_ndr_member pointers_members[] = {
    M(pointers, ref, t_u32_ref), M(pointers, twice, t_u32_twice),
    M(pointers, shared, t_u32_full), M(pointers, shared_too, t_u32_full),
    M(pointers, name_count, mr_ndr_u16), M(pointers, string_count, mr_ndr_u16),
    M(pointers, names, t_names), M(pointers, strings, t_strings),
    M(pointers, length, t_u32_unique), M(pointers, octets, t_octets),
};
STRUCT(t_pointers, pointers, pointers_members, 4, 8, 36, 72, MR_TYPE_POINTERS);

/* [ignore] keeps its slot */
typedef struct ignoring {
    uint16_t before;
    void *ignored;
    uint16_t after;
} ignoring;
static const mr_ndr_member ignoring_members[] = {
    M(ignoring, before, mr_ndr_u16),
    M(ignoring, ignored, t_u32_unique, .flags = MR_MEMBER_HIDDEN),
    M(ignoring, after, mr_ndr_u16)};
STRUCT(t_ignoring, ignoring, ignoring_members, 4, 8, 10, 24, 0);

/* ept_lookup (C706 appendix O) */
typedef struct twr {
    uint32_t tower_length;
    uint8_t *tower_octet_string;
} twr;
typedef struct ept_entry {
    mr_uuid object;
    twr *tower;
    uint8_t *annotation; /* [string] char annotation[64] */
} ept_entry;
typedef struct if_id {
    mr_uuid uuid;
    uint16_t vers_major;
    uint16_t vers_minor;
} if_id;
typedef struct ept_lookup_args {
    uint32_t inquiry_type;
    mr_uuid *object;
    if_id *interface_id;
    uint32_t vers_option;
    mr_ndr_context entry_handle;
    uint32_t max_ents;
    uint32_t num_ents;
    ept_entry *entries;
    uint32_t status;
} ept_lookup_args;
EXPR(twr_length, FIELD(twr, tower_length, MR_NDR_U32));
ARRAY(t_twr_octets, mr_ndr_u8, 1, 1, 0, 0, 8, 0, .flags = MR_ARRAY_CONFORMANT,
      .size_is = &twr_length);
static const mr_ndr_member twr_members[] = {M(twr, tower_length, mr_ndr_u32),
                                            M(twr, tower_octet_string, t_twr_octets)};
STRUCT(t_twr, twr, twr_members, 4, 4, 4, 4, MR_TYPE_CONFORMANT);
POINTER(t_twr_full, MR_POINTER_FULL, t_twr, 0);
ARRAY(t_annotation, mr_ndr_char, 4, 8, 8, 16, 8, 0,
      .flags = MR_ARRAY_VARYING | MR_ARRAY_STRING, .count = 64);
static const mr_ndr_member ept_entry_members[] = {
    M(ept_entry, object, mr_ndr_uuid), M(ept_entry, tower, t_twr_full),
    M(ept_entry, annotation, t_annotation)};
STRUCT(t_ept_entry, ept_entry, ept_entry_members, 4, 8, 28, 40, MR_TYPE_POINTERS);
static const mr_ndr_member if_id_members[] = {
    M(if_id, uuid, mr_ndr_uuid), M(if_id, vers_major, mr_ndr_u16),
    M(if_id, vers_minor, mr_ndr_u16)};
STRUCT(t_if_id, if_id, if_id_members, 4, 4, 20, 20, FLATS);
POINTER(t_uuid_full, MR_POINTER_FULL, mr_ndr_uuid, 0);
POINTER(t_if_id_full, MR_POINTER_FULL, t_if_id, 0);
INLINE_REF(t_context_ref, mr_ndr_context_handle, sizeof(mr_ndr_context));
INLINE_REF(t_u32_out, mr_ndr_u32, sizeof(uint32_t));
EXPR(lookup_max, FIELD(ept_lookup_args, max_ents, MR_NDR_U32, .scope = MR_SCOPE_PARAM));
EXPR(lookup_num, FIELD(ept_lookup_args, num_ents, MR_NDR_U32, .scope = MR_SCOPE_PARAM));
ARRAY(t_entries, t_ept_entry, 4, 8, 12, 24, 8, MR_TYPE_POINTERS,
      .flags = MR_ARRAY_CONFORMANT | MR_ARRAY_VARYING, .size_is = &lookup_max,
      .length_is = &lookup_num);
static const mr_ndr_range max_range = {0, 500};
static const mr_ndr_member ept_lookup_members[] = {
    M(ept_lookup_args, inquiry_type, mr_ndr_u32, .flags = MR_MEMBER_IN),
    M(ept_lookup_args, object, t_uuid_full, .flags = MR_MEMBER_IN),
    M(ept_lookup_args, interface_id, t_if_id_full, .flags = MR_MEMBER_IN),
    M(ept_lookup_args, vers_option, mr_ndr_u32, .flags = MR_MEMBER_IN),
    M(ept_lookup_args, entry_handle, t_context_ref, .flags = MR_MEMBER_IN | MR_MEMBER_OUT),
    M(ept_lookup_args, max_ents, mr_ndr_u32, .flags = MR_MEMBER_IN, .range = &max_range),
    M(ept_lookup_args, num_ents, t_u32_out, .flags = MR_MEMBER_OUT),
    M(ept_lookup_args, entries, t_entries, .flags = MR_MEMBER_OUT),
    M(ept_lookup_args, status, mr_ndr_u32, .flags = MR_MEMBER_OUT | MR_MEMBER_RETURN),
};
STRUCT(t_ept_lookup_args, ept_lookup_args, ept_lookup_members, 4, 8, 0, 0, MR_TYPE_POINTERS);

/* a method with everything at its top: switches, sizes after arrays, [out] pointers to pointers */
typedef struct mixed_args {
    void *binding;
    uint16_t *server;   /* [in, unique, string] */
    uint16_t *path;     /* [in, ref, string] */
    uint8_t *data;      /* [in, size_is(data_size)], before its size */
    uint16_t data_size;
    uint32_t level;     /* [in] enum color */
    choice info;        /* [in, out, switch_is(level)] */
    sid *owner;         /* [out, ref] to [unique] */
    mr_uuid uuids[2];   /* [out] */
    uint32_t result;
} mixed_args;
POINTER(t_wstring_ref, MR_POINTER_REF, t_wstring_array, 0);
EXPR(mixed_data, FIELD(mixed_args, data_size, MR_NDR_U16, .scope = MR_SCOPE_PARAM));
EXPR(mixed_level, FIELD(mixed_args, level, MR_NDR_ENUM16, .scope = MR_SCOPE_PARAM));
ARRAY(t_mixed_data, mr_ndr_u8, 4, 8, 4, 8, 8, 0, .flags = MR_ARRAY_CONFORMANT,
      .size_is = &mixed_data);
INLINE_REF(t_choice_ref, t_choice, sizeof(choice));
INLINE_REF(t_sid_out, t_sid_unique, sizeof(sid *));
ARRAY(t_uuid2, mr_ndr_uuid, 4, 4, 32, 32, 32, FLATS, .count = 2);
static const mr_ndr_member mixed_members[] = {
    M(mixed_args, binding, mr_ndr_u32, .flags = MR_MEMBER_IN | MR_MEMBER_HIDDEN),
    M(mixed_args, server, t_wstring, .flags = MR_MEMBER_IN),
    M(mixed_args, path, t_wstring_ref, .flags = MR_MEMBER_IN),
    M(mixed_args, data, t_mixed_data, .flags = MR_MEMBER_IN),
    M(mixed_args, data_size, mr_ndr_u16, .flags = MR_MEMBER_IN),
    M(mixed_args, level, t_color, .flags = MR_MEMBER_IN),
    M(mixed_args, info, t_choice_ref, .flags = MR_MEMBER_IN | MR_MEMBER_OUT,
      .switch_is = &mixed_level),
    M(mixed_args, owner, t_sid_out, .flags = MR_MEMBER_OUT),
    M(mixed_args, uuids, t_uuid2, .flags = MR_MEMBER_OUT),
    M(mixed_args, result, mr_ndr_u32, .flags = MR_MEMBER_OUT | MR_MEMBER_RETURN),
};
STRUCT(t_mixed_args, mixed_args, mixed_members, 4, 8, 0, 0, MR_TYPE_POINTERS);

/* shapes of samr_SetDomainInfo (MS-SAMR 3.1.5.6), lsar_LookupSids (MS-LSAT 3.1.4.11) and
 * DsrGetDcName (MS-NRPC 3.5.4.3.3) */
typedef union domain_info {
    int64_t force_logoff;
    ustring domain_name;
} domain_info;
typedef struct set_info_args {
    mr_ndr_context handle;
    uint32_t level;
    domain_info info;
} set_info_args;
static const mr_ndr_arm domain_info_arms[] = {
    {.value = 3, .name = "force_logoff", .type = &mr_ndr_i64},
    {.value = 5, .name = "domain_name", .type = &t_ustring}};
static const mr_type t_domain_info = {
    .kind = MR_NDR_UNION, .flags = MR_TYPE_POINTERS, .align20 = 8, .align64 = 8, .count = 2,
    .csize = sizeof(domain_info), .wire20 = 10, .wire64 = 16, .name = "domain_info",
    .element = &t_color, .u.arms = domain_info_arms};
EXPR(set_info_level, FIELD(set_info_args, level, MR_NDR_ENUM16, .scope = MR_SCOPE_PARAM));
INLINE_REF(t_domain_info_ref, t_domain_info, sizeof(domain_info));
static const mr_ndr_member set_info_members[] = {
    M(set_info_args, handle, t_context_ref, .flags = MR_MEMBER_IN),
    M(set_info_args, level, t_color, .flags = MR_MEMBER_IN),
    M(set_info_args, info, t_domain_info_ref, .flags = MR_MEMBER_IN, .switch_is = &set_info_level)};
STRUCT(t_set_info_args, set_info_args, set_info_members, 8, 8, 0, 0, MR_TYPE_POINTERS);

typedef struct sid_array {
    uint32_t count;
    sid **sids;
} sid_array;
typedef struct names {
    uint32_t count;
    uint32_t **names;
} names;
typedef struct lookup_sids_args {
    mr_ndr_context handle;
    sid_array sids;
    names names;
    uint32_t level;
    uint32_t count;
} lookup_sids_args;
EXPR(sid_array_count, FIELD(sid_array, count, MR_NDR_U32));
ARRAY(t_sid_pointers, t_sid_unique, 4, 8, 0, 0, 8, MR_TYPE_POINTERS,
      .flags = MR_ARRAY_CONFORMANT, .size_is = &sid_array_count);
POINTER(t_sid_pointers_unique, MR_POINTER_UNIQUE, t_sid_pointers, 0);
static const mr_ndr_member sid_array_members[] = {M(sid_array, count, mr_ndr_u32),
                                                  M(sid_array, sids, t_sid_pointers_unique)};
STRUCT(t_sid_array, sid_array, sid_array_members, 4, 8, 8, 16, MR_TYPE_POINTERS);
EXPR(names_count, FIELD(names, count, MR_NDR_U32));
ARRAY(t_name_pointers, t_u32_unique, 4, 8, 0, 0, 8, MR_TYPE_POINTERS,
      .flags = MR_ARRAY_CONFORMANT, .size_is = &names_count);
POINTER(t_name_pointers_unique, MR_POINTER_UNIQUE, t_name_pointers, 0);
static const mr_ndr_member names_members[] = {M(names, count, mr_ndr_u32),
                                              M(names, names, t_name_pointers_unique)};
STRUCT(t_names_struct, names, names_members, 4, 8, 8, 16, MR_TYPE_POINTERS);
INLINE_REF(t_sid_array_ref, t_sid_array, sizeof(sid_array));
INLINE_REF(t_names_ref, t_names_struct, sizeof(names));
static const mr_ndr_member lookup_sids_members[] = {
    M(lookup_sids_args, handle, t_context_ref, .flags = MR_MEMBER_IN),
    M(lookup_sids_args, sids, t_sid_array_ref, .flags = MR_MEMBER_IN),
    M(lookup_sids_args, names, t_names_ref, .flags = MR_MEMBER_IN),
    M(lookup_sids_args, level, t_color, .flags = MR_MEMBER_IN),
    M(lookup_sids_args, count, mr_ndr_u32, .flags = MR_MEMBER_IN)};
STRUCT(t_lookup_sids_args, lookup_sids_args, lookup_sids_members, 4, 8, 0, 0, MR_TYPE_POINTERS);

typedef struct get_dc_args {
    uint16_t *server;
    uint16_t *domain;
    mr_uuid *domain_guid;
    mr_uuid *site_guid;
    uint32_t flags;
} get_dc_args;
POINTER(t_uuid_unique, MR_POINTER_UNIQUE, mr_ndr_uuid, 0);
static const mr_ndr_member get_dc_members[] = {
    M(get_dc_args, server, t_wstring, .flags = MR_MEMBER_IN),
    M(get_dc_args, domain, t_wstring, .flags = MR_MEMBER_IN),
    M(get_dc_args, domain_guid, t_uuid_unique, .flags = MR_MEMBER_IN),
    M(get_dc_args, site_guid, t_uuid_unique, .flags = MR_MEMBER_IN),
    M(get_dc_args, flags, mr_ndr_u32, .flags = MR_MEMBER_IN)};
STRUCT(t_get_dc_args, get_dc_args, get_dc_members, 4, 8, 0, 0, MR_TYPE_POINTERS);

static const mr_proc test_procs[] = {
    {.name = "ept_lookup", .args = &t_ept_lookup_args, .opnum = 0, .flags = MR_PROC_IDEMPOTENT},
    {.name = "Mixed", .args = &t_mixed_args, .opnum = 1},
    {.name = "Opnum2NotUsedOnWire", .opnum = 2},
    {.name = "SetInfo", .args = &t_set_info_args, .opnum = 3},
    {.name = "LookupSids", .args = &t_lookup_sids_args, .opnum = 4},
    {.name = "GetDcName", .args = &t_get_dc_args, .opnum = 5},
};
static const mr_type *const test_types[] = {
    &t_scalars, &t_flat, &t_ragged, &t_arrays, &t_sid, &t_sid_unique, &t_ustring, &t_outer,
    &t_tail, &t_tail_unique, &t_chosen, &t_packed_union, &t_list, &t_list_unique, &t_tree,
    &t_pointers, &t_ignoring, &t_twr, &t_if_id, &mr_ndr_u8, &mr_ndr_i8, &mr_ndr_u16, &mr_ndr_i16,
    &mr_ndr_u32, &mr_ndr_i32, &mr_ndr_u64, &mr_ndr_i64, &mr_ndr_f32, &mr_ndr_f64, &mr_ndr_boolean,
    &mr_ndr_char, &mr_ndr_wchar, &mr_ndr_u3264, &mr_ndr_i3264, &mr_ndr_uuid,
    &mr_ndr_context_handle, &t_color, &t_shade, &t_cstring, &t_wstring, &t_u32_twice,
};
static const mr_iface test_iface = {
    .format = MR_NDR_FORMAT, .name = "test", .syntax = {.major = 1}, .proc_count = 6,
    .procs = test_procs, .type_count = MR_COUNT(test_types), .types = test_types};
#define TEST_VALUE_MOST 256 /* octets of the largest C form above */

#endif
