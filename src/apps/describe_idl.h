/* Descriptors back to IDL text, for people: what msrpc describe shows of methods and types. */
#ifndef MSRPC_APP_DESCRIBE_IDL_H
#define MSRPC_APP_DESCRIBE_IDL_H

#include <msrpc/ndr.h>

/* "(in, in) -> out, result": the names of the parameters that travel each way. */
void idl_signature(mr_buf *out, const mr_proc *proc);
/* The method with its parameters, a line each, attributes in brackets. */
void idl_proc(mr_buf *out, const mr_proc *proc);
/* One parameter or member: attributes, type, name and bounds, without the semicolon. */
void idl_member(mr_buf *out, const mr_ndr_member *member);
/* The definition of a structure, union or enum. */
void idl_type(mr_buf *out, const mr_type *type);
/* "struct", "union", "enum". */
const char *idl_kind(const mr_type *type);

#define IDL_TYPES_MAX 256
/* The named structures, unions and enums that @proc's parameters reach, each once, users before
 * what they use; how many of them went to @types. */
size_t idl_types(const mr_proc *proc, const mr_type *types[IDL_TYPES_MAX]);

#endif
