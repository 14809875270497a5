/* The connection request of Remote Desktop (MS-RDPBCGR 2.2.1.1, 2.2.1.2) in TPKT (RFC 1006) and
 * X.224: which security protocols a server takes, learned before any of them begins. */
#ifndef MSRPC_WIRE_RDP_H
#define MSRPC_WIRE_RDP_H

#include <msrpc/base.h>

enum mr_rdp_protocol { /* MS-RDPBCGR 2.2.1.1.1 */
    MR_RDP_STANDARD = 0,
    MR_RDP_TLS = 1,
    MR_RDP_HYBRID = 2,   /* CredSSP: network level authentication */
    MR_RDP_RDSTLS = 4,
    MR_RDP_HYBRID_EX = 8,
};

typedef struct mr_rdp_confirm {
    bool negotiated;     /* a negotiation response or failure came along */
    bool failed;         /* @failure says why, else @protocol was chosen */
    uint32_t protocol;   /* enum mr_rdp_protocol */
    uint32_t failure;    /* failureCode, MS-RDPBCGR 2.2.1.2.2 */
    uint8_t flags;
} mr_rdp_confirm;

/* Appends a connection request that offers @protocols. 0 or the buffer's error. */
int mr_rdp_encode_request(uint32_t protocols, mr_buf *out);
/* Length of the TPKT packet @bytes begins with: 0; 1 when more octets are needed;
 * MR_ERR_MALFORMED. */
int mr_rdp_get_size(mr_slice bytes, size_t *lenp);
/* Decodes a whole packet. MR_ERR_TRUNCATED; MR_ERR_MALFORMED when it is no connection confirm. */
int mr_rdp_confirm_decode(mr_slice packet, mr_rdp_confirm *confirmp, mr_error *err);
/* "TLS", "CredSSP (network level authentication)"; of a failure "TLS required by the server". */
const char *mr_rdp_protocol_name(uint32_t protocol);
const char *mr_rdp_failure_text(uint32_t failure);

#endif
