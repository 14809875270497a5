/*
 * The verification trailer (MS-RPCE 2.2.2.13): after the last parameter a client may repeat, under
 * the stub's protection, what else of the conversation is to be beyond doubt: that header signing
 * was asked for, which presentation context is used, the header of the request. Its integers are
 * little-endian in every data representation.
 */
#ifndef MSRPC_WIRE_VERIFICATION_H
#define MSRPC_WIRE_VERIFICATION_H

#include <msrpc/base/buf.h>
#include <msrpc/base/result.h>
#include <msrpc/wire/syntax.h>

#define MR_VERIFICATION_ALIGN 4
#define MR_VERIFICATION_MAX 128 /* octets of the longest trailer written here, alignment included */

typedef struct mr_verification {
    bool has_bitmask;         /* rpc_sec_vt_bitmask */
    bool header_sign;         /* bit CLIENT_SUPPORT_HEADER_SIGNING of it */
    bool has_context;         /* rpc_sec_vt_pcontext */
    mr_syntax abstract;
    mr_syntax transfer;
    bool has_header;          /* rpc_sec_vt_header2 */
    uint8_t ptype;
    uint8_t drep[4];
    uint32_t call_id;
    uint16_t context_id;
    uint16_t opnum;
} mr_verification;

/* Appends padding to a multiple of 4 octets, counted from @from, and the trailer, which has at
 * least one command. *@call_idp is the place of header2's call id in @buf, 0 without one. The
 * buffer's error, MR_ERR_ARGUMENT, or 0. */
int mr_verification_encode(mr_buf *buf, size_t from, const mr_verification *v, size_t *call_idp);
/* Looks for a trailer in @stub from octet @at on, where the parameters end. *@foundp tells whether
 * there is one; without one *@vp is zeroed. Commands that are not known are passed over unless
 * they must be processed. Returns 0, MR_ERR_MALFORMED or MR_ERR_UNSUPPORTED. */
int mr_verification_decode(mr_slice stub, size_t at, bool *foundp, mr_verification *vp,
                           mr_error *err);

#endif
