/*
 * NDR: types as data, one interpreter.
 *
 * A type is a small const descriptor; tables of them are made by idlc (or by hand) and are public
 * ABI, guarded by a format number. Five walkers read the same descriptors: decode (octets to C
 * structs), encode (C structs to octets), print (C structs to a writer), read (JSON tokens to C
 * structs) and generate (valid random C structs). Transfer syntaxes: NDR20 (C706 chapter 14) and
 * NDR64 (MS-RPCE 2.2.5), both byte orders.
 *
 * How C structs look:
 *   integers         the fixed-width type; enums are C enums (4 octets); boolean is uint8_t;
 *                    __int3264 is 64 bits wide; wchar_t is uint16_t
 *   pointers         a C pointer, NULL where null; a top-level reference parameter that is neither
 *                    array nor string lies inline (MR_NDR_POINTER_INLINE)
 *   arrays           fixed ones inline; conformant and varying ones a pointer to the elements,
 *                    whether embedded in a structure or reached through a pointer (array and
 *                    pointer are one C pointer then). The rule looks at the flags alone: inline
 *                    exactly when neither MR_ARRAY_CONFORMANT nor MR_ARRAY_VARYING is set, so
 *                    `[string] char name[64]` is a pointer too, with 64 as its bound. A varying
 *                    array's pointer leads to the first element that travels (index first_is)
 *                    and holds no elements before it. Empty ones have a pointer all the same
 *   strings          as arrays of char (uint8_t) or wchar_t (uint16_t), ending in a zero element
 *   unions           a C union beside its discriminant (non-encapsulated), or a struct of tag and
 *                    union `u` (encapsulated)
 *   parameters       one struct per method: in and out parameters in IDL order, the return value
 *                    last as `result`; an [in,out] parameter is one member
 */
#ifndef MSRPC_NDR_H
#define MSRPC_NDR_H

#include <msrpc/base.h>

#define MR_NDR_FORMAT 1

/* Transfer syntaxes of C706 14 and MS-RPCE 2.2.4.12. */
enum mr_ndr_syntax { MR_NDR20, MR_NDR64 };

enum mr_ndr_kind {
    /* scalars: the order is relied on by MR_NDR_IS_SCALAR */
    MR_NDR_U8,
    MR_NDR_I8,
    MR_NDR_CHAR,     /* one octet of a character string */
    MR_NDR_BOOLEAN,
    MR_NDR_U16,
    MR_NDR_I16,
    MR_NDR_WCHAR,
    MR_NDR_U32,
    MR_NDR_I32,
    MR_NDR_U64,
    MR_NDR_I64,
    MR_NDR_F32,
    MR_NDR_F64,
    MR_NDR_U3264,    /* unsigned __int3264: 4 octets in NDR20, 8 in NDR64; uint64_t in C */
    MR_NDR_I3264,
    MR_NDR_ENUM16,   /* 2 octets in NDR20, 4 in NDR64; a C enum (4 octets) */
    MR_NDR_ENUM32,   /* v1_enum: 4 octets */
    /* leaves of fixed layout */
    MR_NDR_UUID,     /* mr_uuid: 16 octets aligned to 4 */
    MR_NDR_CONTEXT,  /* mr_ndr_context: 20 octets aligned to 4 */
    /* constructed */
    MR_NDR_STRUCT,
    MR_NDR_UNION,
    MR_NDR_POINTER,
    MR_NDR_ARRAY,
    MR_NDR_PIPE,     /* stub chunks; carried by events, not by the interpreter */
};
#define MR_NDR_IS_SCALAR(kind) ((kind) <= MR_NDR_ENUM32)

/* ndr_context_handle (C706 14.2.16.6): an opaque name the server gave. */
typedef struct mr_ndr_context {
    uint32_t attributes;
    mr_uuid uuid;
} mr_ndr_context;
_Static_assert(sizeof(mr_ndr_context) == 20, "a context handle is 20 octets");

static inline bool mr_ndr_context_is_null(const mr_ndr_context *handle) {
    return handle->attributes == 0 && mr_uuid_is_nil(&handle->uuid);
}

/* Correlation expressions: postfix programs over int64_t. */
enum mr_expr_code {
    MR_EXPR_CONST,
    MR_EXPR_FIELD,   /* an integer member of the scope's struct */
    MR_EXPR_IS_SET,  /* 1 when the pointer member is not NULL */
    MR_EXPR_ADD,
    MR_EXPR_SUB,
    MR_EXPR_MUL,
    MR_EXPR_DIV,
    MR_EXPR_MOD,
    MR_EXPR_AND,
    MR_EXPR_OR,
    MR_EXPR_XOR,
    MR_EXPR_SHL,
    MR_EXPR_SHR,
    MR_EXPR_NEG,
    MR_EXPR_INVERT,  /* ~ */
    MR_EXPR_NOT,     /* ! */
    MR_EXPR_EQ,
    MR_EXPR_NE,
    MR_EXPR_LT,
    MR_EXPR_LE,
    MR_EXPR_GT,
    MR_EXPR_GE,
    MR_EXPR_COND,    /* a b c -> a ? b : c, all three evaluated */
};

/* Whose member a field reference names. */
enum mr_expr_scope {
    MR_SCOPE_STRUCT,    /* the innermost structure (or union) around the reference */
    MR_SCOPE_ENCLOSING, /* the structure around that one */
    MR_SCOPE_PARAM,     /* the parameters of the call */
};

typedef struct mr_expr_op {
    uint8_t code;     /* enum mr_expr_code */
    uint8_t scope;    /* enum mr_expr_scope, FIELD and IS_SET only */
    uint8_t deref;    /* C pointers to follow after @value; a NULL on the way yields 0 */
    uint8_t kind;     /* scalar mr_ndr_kind found there */
    int64_t value;    /* the constant, or the C offset in the scope's struct */
    const char *name; /* the member's name, for messages; NULL for operators */
} mr_expr_op;

#define MR_EXPR_MAX 16 /* operations in one expression */

typedef struct mr_expr {
    uint32_t count;
    const mr_expr_op *ops;
} mr_expr;

typedef struct mr_ndr_range {
    int64_t low;
    int64_t high;
} mr_ndr_range;

typedef struct mr_type mr_type;

enum {
    MR_MEMBER_IN = 1,      /* parameter of the request */
    MR_MEMBER_OUT = 2,     /* parameter of the response */
    MR_MEMBER_RETURN = 4,  /* the method's return value, always with OUT */
    MR_MEMBER_HIDDEN = 8,  /* not on the wire (handle_t, [ignore] keeps only the pointer slot) */
};

/* A structure's member or a method's parameter. */
typedef struct mr_ndr_member {
    const char *name;
    const mr_type *type;
    uint32_t offset;            /* offsetof in the C struct */
    uint32_t flags;             /* MR_MEMBER_*, zero in structures */
    const mr_expr *switch_is;   /* selects the arm of the non-encapsulated union reached */
    const mr_ndr_range *range;  /* [range(low, high)] on the integer reached, or NULL */
} mr_ndr_member;

typedef struct mr_ndr_arm {
    int64_t value;              /* case label; several labels are several arms */
    const char *name;           /* NULL for an empty arm */
    const mr_type *type;        /* NULL for an empty arm */
    uint32_t offset;            /* from the start of the union's C type (its struct when
                                   encapsulated) */
    bool is_default;            /* value is ignored; at most one, the last */
} mr_ndr_arm;

typedef struct mr_ndr_enumerator {
    const char *name;
    int64_t value;
} mr_ndr_enumerator;

enum {
    MR_ARRAY_CONFORMANT = 1, /* max_count on the wire */
    MR_ARRAY_VARYING = 2,    /* offset and actual_count on the wire */
    MR_ARRAY_STRING = 4,     /* [string]: ends in a zero element, always varying */
};

typedef struct mr_ndr_array {
    uint32_t flags;
    uint32_t count;             /* elements of a fixed bound, else 0 */
    const mr_expr *size_is;     /* NULL: none, the string's own length decides */
    const mr_expr *length_is;
    const mr_expr *first_is;
} mr_ndr_array;

enum mr_pointer_class { MR_POINTER_REF, MR_POINTER_UNIQUE, MR_POINTER_FULL };

enum {
    MR_TYPE_POINTER_INLINE = 1, /* POINTER: the referent lies at the pointer's own C place */
    MR_TYPE_ENCAPSULATED = 2,   /* UNION: the tag is at C offset 0 of the struct */
    MR_TYPE_CONFORMANT = 4,     /* STRUCT: its last member (transitively) is a conformant array */
    MR_TYPE_FLAT20 = 8,         /* the wire form in NDR20, native byte order, is the C form:
                                   same size, no pointers, no padding inside or at the end (it
                                   would carry stale memory to the peer); for structures, fixed
                                   arrays, scalars and leaves */
    MR_TYPE_FLAT64 = 16,        /* likewise for NDR64 */
    MR_TYPE_POINTERS = 32,      /* holds pointers somewhere (embedded), so referents follow */
    MR_TYPE_IFACE_POINTER = 64, /* POINTER to a DCOM interface: MInterfacePointer travels */
    MR_TYPE_RANGES = 128,       /* STRUCT: some member (transitively) has a range to check */
};

struct mr_type {
    uint8_t kind;            /* enum mr_ndr_kind */
    uint8_t flags;           /* MR_TYPE_* */
    uint8_t align20;         /* wire alignment in octets: 1, 2, 4, 8 */
    uint8_t align64;
    uint8_t pointer_class;   /* enum mr_pointer_class, POINTER only */
    uint16_t count;          /* members, arms or enumerators */
    uint32_t csize;          /* sizeof the C form of one value (a pointer's own size included) */
    uint32_t wire20;         /* least octets one value takes on the wire in NDR20, referents not
                                counted: what a count of n values needs at the very least */
    uint32_t wire64;
    const char *name;        /* IDL name, NULL when anonymous */
    const mr_type *element;  /* POINTER: referent; ARRAY: element; UNION: discriminant */
    union {
        const void *none;
        const mr_ndr_member *members;         /* STRUCT */
        const mr_ndr_arm *arms;               /* UNION */
        const mr_ndr_enumerator *enumerators; /* ENUM16, ENUM32 */
        const mr_ndr_array *array;            /* ARRAY */
    } u;
};

enum {
    MR_PROC_IDEMPOTENT = 1,
    MR_PROC_MAYBE = 2,
    MR_PROC_BROADCAST = 4,
    MR_PROC_OBJECT = 8, /* a method of an [object] interface: ORPCTHIS/ORPCTHAT lead */
};

/* A method. @args is a STRUCT whose members are the parameters in order. NULL @args: the opnum is
 * known by name only (reserved, or "not used on the wire"). */
typedef struct mr_proc {
    const char *name;
    const mr_type *args;
    uint16_t opnum;
    uint16_t flags;
} mr_proc;

typedef struct mr_iface {
    uint32_t format;                /* MR_NDR_FORMAT */
    const char *name;
    const char *source;             /* the protocol document, "MS-SAMR", or NULL */
    mr_syntax syntax;
    uint32_t proc_count;
    const mr_proc *procs;           /* procs[i].opnum == i */
    uint32_t endpoint_count;
    const char *const *endpoints;   /* "ncacn_np:[\\pipe\\lsass]" */
    uint32_t type_count;
    const mr_type *const *types;    /* the named types, for describe and tests */
} mr_iface;

/* Descriptors of the plain scalars and leaves, for tables. */
extern const mr_type mr_ndr_u8, mr_ndr_i8, mr_ndr_char, mr_ndr_boolean, mr_ndr_u16, mr_ndr_i16,
    mr_ndr_wchar, mr_ndr_u32, mr_ndr_i32, mr_ndr_u64, mr_ndr_i64, mr_ndr_f32, mr_ndr_f64,
    mr_ndr_u3264, mr_ndr_i3264, mr_ndr_uuid, mr_ndr_context_handle;

/* How octets are laid out. */
typedef struct mr_ndr_format {
    enum mr_ndr_syntax syntax;
    bool big; /* integers are big-endian */
} mr_ndr_format;

/* Which half of a call. */
enum mr_ndr_side { MR_NDR_REQUEST, MR_NDR_RESPONSE };

/* Limits; zero fields mean the default. */
typedef struct mr_ndr_limits {
    uint32_t depth;    /* nested referents; default 1024 */
    bool no_request;   /* a response whose request is not known (a capture that begins late): [in]
                          parameters that sizes and switches name are filled from what the wire
                          says instead of being compared with it */
} mr_ndr_limits;

/*
 * Decodes one half of a call from @stub into @args, the struct that @proc->args describes.
 * Referents go into @arena; octet arrays (and wider values that are aligned and of native byte
 * order) borrow from @stub and are not to be written to. @args must be zeroed by the caller for a
 * request; for a response it holds the request's values, which its correlations are checked
 * against. *@restp (may be NULL) receives the number of octets after the last parameter:
 * extensible stubs may have some.
 * Errors: MR_ERR_TRUNCATED, MR_ERR_MALFORMED, MR_ERR_RANGE, MR_ERR_LIMIT, MR_ERR_MEMORY with the
 * octet offset in the stub and the path of the parameter in the text ("entries[3].tower: ...").
 * After an error the contents of @args are valid C but meaningless.
 */
int mr_ndr_decode(const mr_proc *proc, enum mr_ndr_side side, mr_ndr_format format, mr_slice stub,
                  const mr_ndr_limits *limits, mr_arena *arena, void *args, size_t *restp,
                  mr_error *err);

/* Appends one half of a call; alignment counts from the length @out had, to which a failure takes
 * it back. A correlation that does not agree (an array NULL though its size_is says 3) is
 * MR_ERR_ARGUMENT, a value out of its [range] MR_ERR_RANGE. */
int mr_ndr_encode(const mr_proc *proc, enum mr_ndr_side side, mr_ndr_format format,
                  const void *args, mr_buf *out, mr_error *err);

/* Writes the parameters of one half as members of the object that is open. Structures are objects;
 * 64-bit integers and UUIDs strings, other integers numbers; octet arrays hex strings; char and
 * wchar_t arrays strings, {"hex": ".."} or {"utf16": ".."} where they are ill-formed; enums their
 * name or number; unions {"case": .., "value": ..}; null pointers null; context handles
 * {"handle": "hex"}; a full pointer met again {"referent": n}. Errors: MR_ERR_ARGUMENT (values that
 * do not agree), MR_ERR_LIMIT (deeper than a writer goes), MR_ERR_MEMORY, the writer's own. */
int mr_ndr_print(const mr_proc *proc, enum mr_ndr_side side, const void *args, mr_writer *w);

/* Fills @args from a JSON object of the forms mr_ndr_print writes; numbers may also be decimal or
 * "0x.." strings. size_is, length_is and discriminant members that are left out are derived from
 * the arrays and unions they describe; pointers that are left out are null; anything else that is
 * missing, unknown or does not agree is MR_ERR_ARGUMENT, MR_ERR_SYNTAX or MR_ERR_RANGE with the
 * path of the member. For a response @args holds the request's values (or zeroes, which are then
 * derived as well). What was read lives in @arena. */
int mr_ndr_read(const mr_proc *proc, enum mr_ndr_side side, const mr_token *object,
                mr_arena *arena, void *args, mr_error *err);

/* A stream of 64 random bits; the caller's, so that runs repeat. */
typedef struct mr_random {
    uint64_t state;
    bool plain; /* generate: the simplest valid values instead of random ones, for examples: numbers
                 * as low as they may be, short readable texts, arrays of one element */
} mr_random;
uint64_t mr_random_get(mr_random *random);

/* Fills @args, zeroed or holding the request's values, with valid random values in @arena:
 * correlations agree, strings end, unions have arms, sizes and depths are small. MR_ERR_UNSUPPORTED
 * where sizes are tied to one another in a way it cannot solve. */
int mr_ndr_generate(const mr_proc *proc, enum mr_ndr_side side, mr_random *random,
                    mr_arena *arena, void *args, mr_error *err);

/* The same five for one value of one type, as it stands inside a stub. */
int mr_ndr_decode_type(const mr_type *type, mr_ndr_format format, mr_slice in,
                       const mr_ndr_limits *limits, mr_arena *arena, void *value, size_t *restp,
                       mr_error *err);
int mr_ndr_encode_type(const mr_type *type, mr_ndr_format format, const void *value, mr_buf *out,
                       mr_error *err);
int mr_ndr_print_type(const mr_type *type, const char *key, const void *value, mr_writer *w);
int mr_ndr_read_type(const mr_type *type, const mr_token *token, mr_arena *arena, void *value,
                     mr_error *err);
int mr_ndr_generate_type(const mr_type *type, mr_random *random, mr_arena *arena, void *value,
                         mr_error *err);

/* Type serialization version 1 (MS-RPCE 2.2.6): common header, private header, then the value.
 * @format is read from (or written into) the common header. */
int mr_ndr_decode_pickle(const mr_type *type, mr_slice in, const mr_ndr_limits *limits,
                         mr_arena *arena, void *value, mr_error *err);
int mr_ndr_encode_pickle(const mr_type *type, mr_ndr_format format, const void *value, mr_buf *out,
                         mr_error *err);

/* Equality of two values after a round trip, referents included; padding is not compared. */
bool mr_ndr_eq_type(const mr_type *type, const void *a, const void *b);
bool mr_ndr_eq(const mr_proc *proc, enum mr_ndr_side side, const void *a, const void *b);

/* The method of that name (case-insensitive) or opnum; NULL when there is none. */
const mr_proc *mr_iface_find_proc(const mr_iface *iface, const char *name);
const mr_proc *mr_iface_get_proc(const mr_iface *iface, uint32_t opnum);

#endif
