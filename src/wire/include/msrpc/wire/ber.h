/*
 * BER, as far as LDAP (RFC 4511 5.1) and Kerberos (RFC 4120 5.1, DER) need it: single-octet tags
 * and definite lengths. Reading is sticky on the cursor; writing gives the shortest lengths, so
 * what is written is DER whenever the caller keeps DER's order.
 */
#ifndef MSRPC_WIRE_BER_H
#define MSRPC_WIRE_BER_H

#include <msrpc/base.h>

enum {
    MR_BER_BOOLEAN = 0x01,
    MR_BER_INTEGER = 0x02,
    MR_BER_BIT_STRING = 0x03,
    MR_BER_OCTET_STRING = 0x04,
    MR_BER_ENUMERATED = 0x0a,
    MR_BER_UTC_TIME = 0x17,
    MR_BER_GENERALIZED_TIME = 0x18,
    MR_BER_GENERAL_STRING = 0x1b,
    MR_BER_SEQUENCE = 0x30,
    MR_BER_SET = 0x31,
};
#define MR_BER_APPLICATION(n) (0x60 | (n)) /* constructed */
#define MR_BER_CONTEXT(n) (0xa0 | (n))     /* constructed */

/* The tag of the next element, 0 at the end of the window. */
uint8_t mr_ber_peek(const mr_cursor *c);
/* The contents of the next element, which must have that tag, as a narrower cursor. Anything else
 * poisons both. */
mr_cursor mr_ber_read(mr_cursor *c, uint8_t tag);
/* Steps over the next element whatever its tag. */
void mr_ber_skip(mr_cursor *c);
/* The contents of a primitive element, borrowed. */
mr_slice mr_ber_read_octets(mr_cursor *c, uint8_t tag);
/* A two's complement integer of at most 8 octets; longer ones poison. */
int64_t mr_ber_read_int(mr_cursor *c, uint8_t tag);
/* "YYYYMMDDHHMMSSZ", or of the tag MR_BER_UTC_TIME "YYMMDDHHMMSSZ" of the years 1950 to 2049 (RFC
 * 5280 4.1.2.5), as Unix seconds. Anything else poisons. */
int64_t mr_ber_read_time(mr_cursor *c, uint8_t tag);

/* Length of the whole first element of @bytes, tag and length octets included: 0 with *@lenp; 1
 * when more octets are needed to tell; MR_ERR_MALFORMED for an indefinite length, a long tag or a
 * length over 4 GiB. */
int mr_ber_get_size(mr_slice bytes, size_t *lenp);

/* Begins an element and returns its place, which mr_ber_close is given once the contents are
 * written. */
size_t mr_ber_open(mr_buf *buf, uint8_t tag);
void mr_ber_close(mr_buf *buf, size_t place);
void mr_ber_write(mr_buf *buf, uint8_t tag, mr_slice contents);
void mr_ber_write_str(mr_buf *buf, uint8_t tag, const char *text);
void mr_ber_write_int(mr_buf *buf, uint8_t tag, int32_t value);

#endif
