/*
 * UUIDs as DCE has them (C706 appendix A): the first three fields are integers in the byte order
 * of the data representation, the last eight octets are octets.
 */
#ifndef MSRPC_BASE_UUID_H
#define MSRPC_BASE_UUID_H

#include <msrpc/base/buf.h>
#include <msrpc/base/cursor.h>

typedef struct mr_uuid {
    uint32_t time_low;
    uint16_t time_mid;
    uint16_t time_hi;
    uint8_t clock[8]; /* clock_seq_hi_and_reserved, clock_seq_low, node[6] */
} mr_uuid;

_Static_assert(sizeof(mr_uuid) == 16, "a UUID is copied as one run of 16 octets");

#define MR_UUID_TEXT 37 /* 8-4-4-4-12 and the NUL */
#define MR_UUID_NIL ((mr_uuid){0})

mr_uuid mr_cursor_read_uuid(mr_cursor *c);
void mr_buf_write_uuid(mr_buf *buf, const mr_uuid *uuid);

/* Reads the text form, with or without braces, in any case; 0 or MR_ERR_SYNTAX. */
int mr_uuid_decode(mr_slice text, mr_uuid *uuidp);
/* Writes the lower-case text form into @out[MR_UUID_TEXT] and returns @out. */
char *mr_uuid_text(const mr_uuid *uuid, char out[MR_UUID_TEXT]);

bool mr_uuid_eq(const mr_uuid *a, const mr_uuid *b);
bool mr_uuid_is_nil(const mr_uuid *uuid);
/* Order of the text forms: negative, zero, positive. */
int mr_uuid_cmp(const mr_uuid *a, const mr_uuid *b);

/* An interface identifier or transfer syntax: UUID, major and minor version
 * (p_syntax_id_t, C706 12.6.3.1). */
typedef struct mr_syntax {
    mr_uuid uuid;
    uint16_t major;
    uint16_t minor;
} mr_syntax;

bool mr_syntax_eq(const mr_syntax *a, const mr_syntax *b);

/* Reads "UUID[:MAJOR[.MINOR]]"; without a version it is left 0.0 and @has_versionp is false. */
int mr_syntax_decode(mr_slice text, mr_syntax *syntaxp, bool *has_versionp);

#endif
