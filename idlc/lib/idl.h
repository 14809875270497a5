/*
 * The IDL compiler as a library: text in, text out, no files and no output of its own.
 *
 * It reads the interface definition language of C706 chapter 6 as the MS-* protocol documents
 * write it. A unit is one file with everything it imports, parsed, checked and lowered to NDR
 * descriptors; emitters turn it into C. Everything a unit holds lives *in @arena* of its caller,
 * and the texts given must live as long.
 */
#ifndef MSRPC_IDL_H
#define MSRPC_IDL_H

#include <msrpc/base.h>

typedef struct mr_idl_unit mr_idl_unit;

/* Finds an imported file. @from is the path of the file that asks. Returns 0 and hands over path
 * and text *in @arena*, or MR_ERR_NOT_FOUND, or another negative result. */
typedef struct mr_idl_loader {
    void *user;
    int (*load)(void *user, const char *name, const char *from, mr_arena *arena,
                const char **pathp, mr_slice *textp);
} mr_idl_loader;

typedef struct mr_idl_options {
    const char *prefix;          /* of every C name; STEM in it stands for the file's stem.
                                    NULL: "STEM_" */
    const mr_idl_loader *loader; /* NULL: imports are errors */
    uint32_t max_errors;         /* stop after so many; 0: 20 */
} mr_idl_options;

/*
 * Compiles @text, the contents of the file @path. Errors and warnings are written for a person
 * into @messages, as "file:line:column: error: ..." with the line and a caret under it.
 * Returns 0 and a unit, MR_ERR_SYNTAX when there were errors (a unit is not handed out),
 * MR_ERR_MEMORY, MR_ERR_LIMIT when something nests too deep.
 */
int mr_idl_compile(const char *path, mr_slice text, const mr_idl_options *options,
                   mr_arena *arena, mr_buf *messages, mr_idl_unit **unitp);

/* What a unit is emitted as. */
enum mr_idl_output {
    MR_IDL_HEADER, /* STEM.h: structs, enums, constants, extern tables */
    MR_IDL_TABLES, /* STEM.c: the descriptors */
    MR_IDL_CLIENT, /* STEM_client.h: a typed call per method */
    MR_IDL_SERVER, /* STEM_server.h: typed handlers and dispatch rows */
    MR_IDL_DUMP,   /* the checked unit, for a person */
};

/* Appends one output of @unit to @out; 0 or the buffer's or arena's error. */
int mr_idl_emit(mr_idl_unit *unit, enum mr_idl_output output, mr_buf *out);

/* The file's stem as a C name: "ms-dtyp" is "ms_dtyp". */
const char *mr_idl_unit_stem(const mr_idl_unit *unit);
/* The paths of all files read, the main one first; NULL past the last. */
const char *mr_idl_unit_file(const mr_idl_unit *unit, size_t index);

#endif
