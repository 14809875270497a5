/*
 * String bindings (C706 3.1, MS-RPCE 2.2.1):
 *
 *     [UUID@]protseq:[host][\[[endpoint][,name[=value]]...\]]
 *
 * A backslash takes the meaning from one of @ : [ ] , = \ after it and is an ordinary character
 * elsewhere, so that both \pipe\name and \\pipe\\name are read. An IPv6 address may stand bare or
 * in square brackets; leading backslashes of a host (\\server) are dropped. The option endpoint=
 * is a synonym of the endpoint itself. Strings of a decoded binding are *in @arena*, unescaped.
 */
#ifndef MSRPC_WIRE_BINDING_H
#define MSRPC_WIRE_BINDING_H

#include <msrpc/base/arena.h>
#include <msrpc/base/result.h>
#include <msrpc/base/uuid.h>
#include <msrpc/wire/protseq.h>

#define MR_BINDING_TEXT_MAX 4096 /* octets of a string binding */
#define MR_BINDING_OPTIONS_MAX 16

typedef struct mr_binding_option {
    mr_slice name;
    mr_slice value; /* data NULL when the option has no '=' */
} mr_binding_option;

typedef struct mr_binding {
    bool has_object;
    mr_uuid object;
    enum mr_protseq protseq;  /* MR_PROTSEQ_UNKNOWN: a name we do not know */
    mr_slice protseq_text;    /* as written; mr_binding_text uses it when protseq is unknown */
    mr_slice host;            /* empty: this machine; IPv6 without brackets */
    mr_slice endpoint;        /* empty: to be asked of the endpoint mapper */
    size_t option_count;
    mr_binding_option options[MR_BINDING_OPTIONS_MAX]; /* in the order written, without endpoint */
} mr_binding;

/* Reads a string binding. Errors: MR_ERR_SYNTAX with the octet where reading stopped,
 * MR_ERR_LIMIT (text or options too many), MR_ERR_MEMORY. */
int mr_binding_decode(mr_slice text, mr_arena *arena, mr_binding *bindingp, mr_error *err);
/* Appends the text form, escaped so that it decodes to the same binding; mr_buf_error tells
 * whether it fitted. */
void mr_binding_text(const mr_binding *binding, mr_buf *buf);
/* The value of the option @name in any case; the empty slice with data NULL when it is absent or
 * has no value. */
mr_slice mr_binding_get_option(const mr_binding *binding, const char *name);

#endif
