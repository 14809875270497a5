/*
 * What the floors of the compiler share: sources, messages, the syntax tree and the lowered
 * descriptors. Parsing fills the tree (parse.c, parse_type.c, expr.c), checking resolves names and
 * lowers types to descriptors as msrpc/ndr.h knows them (check.c, lower.c, layout.c), emitters
 * only read. All memory is the unit's arena; running out of it, or of nesting depth, leaves
 * through mr_idl_abort, so no other function has that path.
 */
#ifndef MSRPC_IDL_AST_H
#define MSRPC_IDL_AST_H

#include "idl.h"

#include <msrpc/ndr.h>

#include <setjmp.h>

#define MR_IDL_DEPTH 64   /* nested declarators, expressions, types and imports */
#define MR_IDL_TERMS 200   /* of one kind in an expression */
#define MR_IDL_BUCKETS 512

typedef struct mr_idl_source mr_idl_source;
struct mr_idl_source {
    const char *path;
    const char *stem;      /* a C name */
    const char *file_stem; /* as the file has it */
    const char *prefix;
    mr_slice text;
    bool main;
    mr_idl_source *next;   /* in the order they were first read */
};

typedef struct mr_idl_loc {
    const mr_idl_source *source;
    uint32_t offset;
    uint32_t len;
} mr_idl_loc;

enum mr_idl_token_kind {
    MR_IDL_TOKEN_END,
    MR_IDL_TOKEN_NAME,
    MR_IDL_TOKEN_NUMBER,
    MR_IDL_TOKEN_STRING,
    MR_IDL_TOKEN_CHAR,
    MR_IDL_TOKEN_PUNCT, /* one character, or one of the pairs below */
};
enum { MR_IDL_SHL = 256, MR_IDL_SHR, MR_IDL_EQ, MR_IDL_NE, MR_IDL_LE, MR_IDL_GE, MR_IDL_ANDAND,
       MR_IDL_OROR, MR_IDL_DOTDOT, MR_IDL_ARROW };

typedef struct mr_idl_lex {
    enum mr_idl_token_kind kind;
    int punct;
    const char *text; /* name, or a string's contents */
    int64_t number;
    mr_idl_loc loc;
} mr_idl_lex;

typedef struct mr_idl_expr mr_idl_expr;
typedef struct mr_idl_type mr_idl_type;
typedef struct mr_idl_attr mr_idl_attr;
typedef struct mr_idl_field mr_idl_field;
typedef struct mr_idl_symbol mr_idl_symbol;
typedef struct mr_idl_desc mr_idl_desc;
typedef struct mr_idl_iface mr_idl_iface;

enum mr_idl_expr_kind {
    MR_IDL_EXPR_NUMBER,
    MR_IDL_EXPR_STRING,
    MR_IDL_EXPR_NAME,
    MR_IDL_EXPR_DEREF,
    MR_IDL_EXPR_UNARY,  /* op: '-' '~' '!' */
    MR_IDL_EXPR_BINARY, /* op: a character or a pair */
    MR_IDL_EXPR_COND,
};
struct mr_idl_expr {
    enum mr_idl_expr_kind kind;
    int op;
    int64_t number;
    const char *text;
    mr_idl_expr *a, *b, *c;
    mr_idl_loc loc;
};

enum mr_idl_attr_id {
#define MR_IDL_ATTR(id, name, form) MR_IDL_A_##id,
#define MR_IDL_IGNORED(name, form)
#include "attrs.def"
#undef MR_IDL_ATTR
#undef MR_IDL_IGNORED
    MR_IDL_A_IGNORED,
};

enum mr_idl_attr_form {
    MR_IDL_FORM_NONE,
    MR_IDL_FORM_EXPRS,   /* expressions, some may be left out */
    MR_IDL_FORM_STRINGS,
    MR_IDL_FORM_RAW,     /* the text up to the closing parenthesis */
    MR_IDL_FORM_TYPE,
    MR_IDL_FORM_NAME,    /* name or name list; kept as text */
    MR_IDL_FORM_OPT,     /* anything in parentheses or nothing; kept as text */
};

struct mr_idl_attr {
    enum mr_idl_attr_id id;
    mr_idl_loc loc;
    uint32_t count;
    mr_idl_expr **exprs;     /* EXPRS, STRINGS; NULL where left out */
    mr_idl_type *type;       /* TYPE */
    const char *text;        /* RAW, NAME, OPT */
    mr_idl_attr *next;
};

enum mr_idl_type_kind {
    MR_IDL_ERRONEOUS, /* said already */
    MR_IDL_SCALAR,
    MR_IDL_UUID,
    MR_IDL_VOID,
    MR_IDL_HANDLE,
    MR_IDL_NAMED,
    MR_IDL_STRUCT,
    MR_IDL_UNION,
    MR_IDL_ENUM,
    MR_IDL_POINTER,
    MR_IDL_ARRAY,
    MR_IDL_IFACE,
    MR_IDL_PIPE,
};

enum mr_idl_state { MR_IDL_NEW, MR_IDL_BUSY, MR_IDL_DONE };

struct mr_idl_type {
    enum mr_idl_type_kind kind;
    uint8_t scalar;           /* enum mr_ndr_kind */
    uint8_t default_class;    /* POINTER: of the interface it stands in */
    bool v1_enum;
    bool encapsulated;
    bool defined;             /* has a body */
    bool params;              /* STRUCT: the parameters of a method */
    bool conformant;          /* ARRAY: [] or [*] */
    mr_idl_loc loc;
    mr_idl_type *element;     /* POINTER, ARRAY, PIPE; UNION: discriminant or NULL */
    mr_idl_symbol *symbol;    /* NAMED: the typedef; IFACE: the interface */
    mr_idl_expr *bound;       /* ARRAY: element count */
    mr_idl_attr *attrs;       /* on the body */
    const char *tag;          /* struct, union, enum tag */
    const char *name;         /* the IDL name descriptors carry; NULL while anonymous */
    const char *cname;        /* full C name, given by the checker */
    const char *tag_member;   /* encapsulated UNION: name of the discriminant */
    mr_idl_field *fields;     /* members, arms or enumerators */
    uint32_t count;
    enum mr_idl_state state;
    mr_idl_desc *desc;
    mr_idl_type *next;        /* all compound types, in order of appearance */
    mr_idl_type *next_done;   /* in an order in which C can define them */
};

/* A member, an arm, a parameter or an enumerator. */
struct mr_idl_field {
    const char *name;   /* NULL: empty arm */
    const char *cname;
    mr_idl_loc loc;
    mr_idl_type *type;  /* NULL: empty arm, enumerator */
    mr_idl_attr *attrs;
    mr_idl_expr *value; /* enumerator */
    int64_t number;     /* enumerator, once checked */
    bool is_default;
    uint32_t case_count;
    int64_t *cases;
    uint32_t flags;     /* MR_MEMBER_* */
    mr_idl_desc *desc;
    const struct mr_idl_program *switch_is;
    bool has_range;
    int64_t low, high;
    mr_idl_field *next;
};

enum mr_idl_symbol_kind {
    MR_IDL_SYM_TYPEDEF,
    MR_IDL_SYM_CONST,
    MR_IDL_SYM_ENUMERATOR,
    MR_IDL_SYM_TAG,
    MR_IDL_SYM_IFACE,
};
struct mr_idl_symbol {
    enum mr_idl_symbol_kind kind;
    const char *name;
    mr_idl_loc loc;
    mr_idl_type *type;     /* TYPEDEF, TAG; CONST: its type */
    mr_idl_attr *attrs;    /* TYPEDEF */
    int64_t number;        /* CONST, ENUMERATOR */
    const char *string;    /* CONST of a string */
    bool wide;             /* that string is one of wchar_t */
    mr_idl_iface *iface;
    mr_idl_symbol *chain;  /* bucket */
    mr_idl_symbol *next;   /* in order */
};

typedef struct mr_idl_method mr_idl_method;
struct mr_idl_method {
    const char *name;
    const char *cname;     /* of the parameter struct */
    mr_idl_loc loc;
    mr_idl_attr *attrs;
    mr_idl_type *result;   /* never NULL */
    mr_idl_type *args;     /* a STRUCT of parameters; NULL: known by name only */
    mr_idl_field *params;
    mr_idl_iface *iface;
    uint32_t opnum;
    uint32_t flags;        /* MR_PROC_* */
    mr_idl_method *next;
};

struct mr_idl_iface {
    const char *name;
    const char *cname;      /* of the mr_iface */
    mr_idl_loc loc;
    mr_idl_attr *attrs;
    bool defined;
    bool object;
    enum mr_idl_state state;
    mr_uuid uuid;
    bool has_uuid;
    uint16_t major, minor;
    const char *source;
    mr_idl_symbol *base;
    mr_idl_method *methods; /* own ones with an opnum, in order */
    uint32_t method_count;  /* inherited ones too */
    mr_idl_iface *next;
};

/* A lowered expression. */
typedef struct mr_idl_op {
    uint8_t code, scope, deref, kind;
    int64_t value;
    const char *name;
    const char *owner; /* C struct the member is in */
    const char *member;
} mr_idl_op;
typedef struct mr_idl_program {
    uint32_t count;
    mr_idl_op *ops;
} mr_idl_program;

/* A descriptor to be, one mr_type each. */
struct mr_idl_desc {
    uint8_t kind, flags, pointer_class, align20, align64;
    uint32_t wire20, wire64;
    uint32_t csize, calign;     /* of the C form on LP64: for FLAT only */
    bool external;              /* one of the scalars every program has */
    bool laid;                  /* sizes are final */
    mr_idl_desc *element;
    uint32_t array_flags;
    uint32_t count;             /* fixed elements */
    mr_idl_expr *size_ast, *length_ast, *first_ast, *last_ast;
    bool size_is_max;           /* size_ast is max_is: one less */
    const mr_idl_program *size, *length, *first;
    mr_idl_type *type;          /* STRUCT, UNION, ENUM */
    uint32_t index;             /* among the anonymous ones of the file, from 1 */
    mr_idl_desc *next;
};

struct mr_idl_unit {
    mr_arena *arena;
    const mr_idl_options *options;
    mr_buf *messages;
    uint32_t errors, max_errors;
    jmp_buf abort;
    mr_idl_source *sources;
    mr_idl_source *source;      /* being parsed */
    mr_idl_symbol *buckets[MR_IDL_BUCKETS];
    mr_idl_symbol *symbols, **symbol_tail;
    mr_idl_type *compounds, **compound_tail;
    mr_idl_type *done, **done_tail;
    uint32_t depth;             /* of compound types being checked */
    mr_idl_iface *ifaces, **iface_tail;
    mr_idl_desc *anonymous, **anonymous_tail;
    uint32_t anonymous_count;
};

/* The parser's place in one source. */
typedef struct mr_idl_parser {
    mr_idl_unit *unit;
    const mr_idl_source *source;
    size_t pos;
    mr_idl_lex token;           /* the current one */
    uint32_t depth;
    uint8_t default_class;
    bool panic;                 /* an error was said; quiet until the next declaration */
    bool quiet;                 /* what is skipped need not be made of tokens */
    size_t panic_at;            /* where the error was */
    size_t end_at;              /* the last `;` taken */
} mr_idl_parser;

/* memory and messages: unit.c */
void *mr_idl_new(mr_idl_unit *unit, size_t size);
const char *mr_idl_text(mr_idl_unit *unit, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
_Noreturn void mr_idl_abort(mr_idl_unit *unit, int code);
void mr_idl_error(mr_idl_unit *unit, mr_idl_loc loc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void mr_idl_warn(mr_idl_unit *unit, mr_idl_loc loc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void mr_idl_note(mr_idl_unit *unit, mr_idl_loc loc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The nearest of the names offered one by one; start with best NULL. */
typedef struct mr_idl_near {
    const char *wanted;
    const char *best;
    uint32_t distance;
} mr_idl_near;
void mr_idl_near_offer(mr_idl_near *near, const char *name);
mr_idl_symbol *mr_idl_find(mr_idl_unit *unit, const char *name, bool tag);
mr_idl_symbol *mr_idl_add(mr_idl_unit *unit, enum mr_idl_symbol_kind kind, const char *name,
                          mr_idl_loc loc);
const mr_idl_attr *mr_idl_attr_find(const mr_idl_attr *attrs, enum mr_idl_attr_id id);
/* @name as a member of a C struct: keywords and common macros get a `_`. */
const char *mr_idl_c_name(mr_idl_unit *unit, const char *name);
int mr_idl_read_source(mr_idl_unit *unit, const char *name, mr_idl_loc loc);

/* lexer: lex.c */
void mr_idl_next(mr_idl_parser *p);
/* The raw text up to the `)` that closes the current `(`, which becomes the current token. */
const char *mr_idl_next_raw(mr_idl_parser *p);
/* Says what was expected and what was found; once per declaration. */
void mr_idl_expected(mr_idl_parser *p, const char *what);
bool mr_idl_at(const mr_idl_parser *p, int punct);
bool mr_idl_at_name(const mr_idl_parser *p, const char *name);
bool mr_idl_accept(mr_idl_parser *p, int punct);
bool mr_idl_accept_name(mr_idl_parser *p, const char *name);
bool mr_idl_expect(mr_idl_parser *p, int punct);
void mr_idl_enter(mr_idl_parser *p); /* one level deeper, or the end */

/* parser: parse.c, parse_attr.c, parse_type.c, expr.c */
void mr_idl_parse(mr_idl_unit *unit, mr_idl_source *source);
mr_idl_attr *mr_idl_parse_attrs(mr_idl_parser *p);
void mr_idl_parse_noise(mr_idl_parser *p);
mr_idl_type *mr_idl_parse_type(mr_idl_parser *p);
/* Gives a type that is defined on the spot the attributes that stand before it. */
void mr_idl_apply_attrs(mr_idl_type *type, const mr_idl_attr *attrs);
/* Skips to the end of a declaration that went wrong. */
void mr_idl_recover(mr_idl_parser *p);
/* A declarator around @base; the name may be missing when @abstract_ok. */
mr_idl_type *mr_idl_parse_declarator(mr_idl_parser *p, mr_idl_type *base, bool abstract_ok,
                                     const char **namep, mr_idl_loc *locp);
mr_idl_expr *mr_idl_parse_expr(mr_idl_parser *p);
mr_idl_type *mr_idl_type_new(mr_idl_parser *p, enum mr_idl_type_kind kind, mr_idl_loc loc);
/* The interface of that name, made (and not yet defined) when it is new; NULL when the name means
 * something else (said). */
mr_idl_symbol *mr_idl_iface_symbol(mr_idl_parser *p, const char *name, mr_idl_loc loc);
/* The value of a constant expression; false when it is none (said). */
bool mr_idl_eval(mr_idl_unit *unit, const mr_idl_expr *e, int64_t *valuep);

/* checker: check.c, lower.c, program.c, layout.c */
void mr_idl_check(mr_idl_unit *unit);
/* Where a declaration stands. */
enum mr_idl_place { MR_IDL_PLACE_MEMBER, MR_IDL_PLACE_ARM, MR_IDL_PLACE_PARAM,
                    MR_IDL_PLACE_RESULT };
typedef struct mr_idl_scope {
    const mr_idl_type *owner;         /* struct, union or parameters */
    const struct mr_idl_scope *outer; /* around it, or NULL */
    bool params;
} mr_idl_scope;
void mr_idl_check_compound(mr_idl_unit *unit, mr_idl_type *type, const mr_idl_scope *outer);
/* The descriptor of a struct, union or enum; sizes are final once it is checked. */
mr_idl_desc *mr_idl_compound_desc(mr_idl_unit *unit, mr_idl_type *type);
/* The descriptor of a field; NULL when it does not travel (handle_t) or is in error (said). */
mr_idl_desc *mr_idl_lower(mr_idl_unit *unit, mr_idl_field *field, enum mr_idl_place place,
                          const mr_idl_scope *scope);
mr_idl_desc *mr_idl_scalar_desc(mr_idl_unit *unit, uint8_t kind);
/* The struct, union or enum, scalar or other leaf behind typedefs, pointers and arrays. */
mr_idl_type *mr_idl_base(mr_idl_type *type);
/* Behind typedefs only. */
mr_idl_type *mr_idl_resolve(mr_idl_type *type);
void mr_idl_lower_programs(mr_idl_unit *unit, mr_idl_field *field, const mr_idl_scope *scope);
void mr_idl_layout_compound(mr_idl_type *type);
void mr_idl_layout_desc(mr_idl_desc *d);

/* emitters: names.c, emit_*.c, dump.c */
const char *mr_idl_scalar_name(uint8_t kind);  /* "U32" */
/* "uint32_t *name" */
const char *mr_idl_cdecl(mr_idl_unit *unit, const mr_idl_desc *d, const char *name);
/* How C calls the type: a typedef name, or "struct X" for parameters. */
const char *mr_idl_ctype(mr_idl_unit *unit, const mr_idl_type *type);
/* Opens a generated file: what made it, the include guard. */
void mr_idl_emit_preamble(mr_idl_unit *unit, mr_buf *out, const char *suffix);
void mr_idl_emit_header(mr_idl_unit *unit, mr_buf *out);
void mr_idl_emit_tables(mr_idl_unit *unit, mr_buf *out);
void mr_idl_emit_client(mr_idl_unit *unit, mr_buf *out);
void mr_idl_emit_server(mr_idl_unit *unit, mr_buf *out);
void mr_idl_emit_dump(mr_idl_unit *unit, mr_buf *out);

#endif
