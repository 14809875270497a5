/* TPKT, X.224 class 0 connection PDUs and RDP's negotiation inside them (MS-RDPBCGR 2.2.1.1,
 * 2.2.1.2). Invariant: the three lengths must agree with one another. */
#include <msrpc/wire/rdp.h>

#define TPKT 4
#define X224_REQUEST 0xe0
#define X224_CONFIRM 0xd0
#define NEG_REQUEST 1
#define NEG_RESPONSE 2
#define NEG_FAILURE 3

int mr_rdp_encode_request(uint32_t protocols, mr_buf *out) {
    bool big = out->big;

    out->big = true;
    mr_buf_write(out, MR_SLICE_LIT("\3\0"));
    mr_buf_write_u16(out, TPKT + 7 + 8);
    mr_buf_write_u8(out, 6 + 8); /* octets of X.224 after this one */
    mr_buf_write_u8(out, X224_REQUEST);
    mr_buf_write_zero(out, 5);   /* references, class 0 */
    out->big = false;
    mr_buf_write_u8(out, NEG_REQUEST);
    mr_buf_write_u8(out, 0);
    mr_buf_write_u16(out, 8);
    mr_buf_write_u32(out, protocols);
    out->big = big;
    return mr_buf_error(out);
}

int mr_rdp_get_size(mr_slice bytes, size_t *lenp) {
    if (bytes.len && bytes.data[0] != 3)
        return MR_ERR_MALFORMED;
    if (bytes.len < TPKT)
        return 1;
    size_t len = (size_t)bytes.data[2] << 8 | bytes.data[3];
    if (len < TPKT + 7)
        return MR_ERR_MALFORMED;
    *lenp = len;
    return 0;
}

int mr_rdp_confirm_decode(mr_slice packet, mr_rdp_confirm *confirmp, mr_error *err) {
    mr_cursor c = mr_cursor_of(packet);
    mr_rdp_confirm confirm = {0};

    mr_cursor_skip(&c, TPKT);
    mr_cursor x224 = mr_cursor_window(&c, mr_cursor_read_u8(&c));
    uint8_t code = mr_cursor_read_u8(&x224);
    mr_cursor_skip(&x224, 5);
    if (!mr_cursor_ok(&x224))
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, x224.bad_at,
                       "X.224: the packet ends too early");
    if ((code & 0xf0) != X224_CONFIRM)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, TPKT + 1,
                       "X.224: code 0x%02x is no connection confirm", code);
    if (mr_cursor_left(&x224) >= 8) {
        uint8_t type = mr_cursor_read_u8(&x224);
        confirm.flags = mr_cursor_read_u8(&x224);
        mr_cursor_skip(&x224, 2);
        uint32_t value = mr_cursor_read_u32(&x224);
        confirm.negotiated = type == NEG_RESPONSE || type == NEG_FAILURE;
        confirm.failed = type == NEG_FAILURE;
        confirm.protocol = type == NEG_RESPONSE ? value : 0;
        confirm.failure = confirm.failed ? value : 0;
    }
    *confirmp = confirm;
    return 0;
}

const char *mr_rdp_protocol_name(uint32_t protocol) {
    switch (protocol) {
    case MR_RDP_STANDARD: return "standard RDP security";
    case MR_RDP_TLS: return "TLS";
    case MR_RDP_HYBRID: return "CredSSP (network level authentication)";
    case MR_RDP_RDSTLS: return "RDSTLS";
    case MR_RDP_HYBRID_EX: return "CredSSP with early user authorization";
    default: return "an unknown protocol"; /* a number off the wire */
    }
}

const char *mr_rdp_failure_text(uint32_t failure) {
    switch (failure) {
    case 1: return "TLS required by the server";
    case 2: return "TLS not allowed by the server";
    case 3: return "the server has no certificate";
    case 4: return "the flags are inconsistent";
    case 5: return "CredSSP required by the server";
    case 6: return "TLS with user authentication required by the server";
    default: return "an unknown failure"; /* a number off the wire */
    }
}
