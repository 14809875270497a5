/* Private to the wire floor: what decoding and encoding of PDUs share. */
#ifndef WIRE_PDU_PRIVATE_H
#define WIRE_PDU_PRIVATE_H

#include <msrpc/wire/rts.h>

#define DREP_LITTLE 0x10 /* in the first octet of the data representation */

/* Signature of extended error information in a bind_nak (MS-RPCE 2.2.1.1.2). */
extern const mr_uuid mr_pdu_extended_error_signature;

/* Whether a PDU of one of two types stands at @at in @buf; sets the buffer to its byte order. */
bool mr_pdu_resume(mr_buf *buf, size_t at, uint8_t ptype, uint8_t other);

/* Steps @c over one RTS command; *@commandp is filled when the result is 0. Returns 0,
 * MR_ERR_TRUNCATED or MR_ERR_MALFORMED, with the place in @err. */
int mr_rts_decode_command(mr_cursor *c, mr_rts_command *commandp, mr_error *err);

#endif
