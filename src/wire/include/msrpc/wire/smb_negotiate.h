/*
 * The negotiation that opens an SMB connection (MS-SMB2 2.2.3, 2.2.4; MS-CIFS 2.2.4.52), in direct
 * TCP framing (MS-SMB2 2.1): enough to learn what a server speaks without logging on.
 */
#ifndef MSRPC_WIRE_SMB_NEGOTIATE_H
#define MSRPC_WIRE_SMB_NEGOTIATE_H

#include <msrpc/base.h>

enum mr_smb_dialect {
    MR_SMB1 = 0x0001,      /* NT LM 0.12; a number of ours */
    MR_SMB2_002 = 0x0202,
    MR_SMB2_1 = 0x0210,
    MR_SMB3_0 = 0x0300,
    MR_SMB3_0_2 = 0x0302,
    MR_SMB3_1_1 = 0x0311,
};

#define MR_SMB_SIGNING_ENABLED 1
#define MR_SMB_SIGNING_REQUIRED 2

typedef struct mr_smb_negotiated {
    uint16_t dialect;      /* enum mr_smb_dialect, or another number */
    uint32_t status;       /* NTSTATUS; when not 0 nothing below is set */
    uint16_t security;     /* MR_SMB_SIGNING_*; of SMB1 the same two bits */
    mr_uuid guid;          /* of the server */
    uint32_t capabilities;
    uint32_t max_transact, max_read, max_write; /* octets */
    uint64_t system_time;  /* FILETIME */
    uint64_t start_time;   /* FILETIME, 0 when it does not tell */
    uint16_t cipher;       /* SMB 3.1.1: 1 AES128-CCM, 2 AES128-GCM, 3 and 4 the same with 256 */
    uint16_t signing;      /* SMB 3.1.1, when it says so: 0 HMAC-SHA256, 1 AES-CMAC, 2 AES-GMAC */
    mr_slice token;        /* the security blob, *borrowed* */
} mr_smb_negotiated;

/* Appends an SMB2 NEGOTIATE with all dialects up to 3.1.1, its frame included. @client_guid and
 * @salt (32 octets) are random. 0 or the buffer's error. */
int mr_smb2_encode_negotiate(const mr_uuid *client_guid, const uint8_t salt[32], mr_buf *out);
/* Appends an SMB1 NEGOTIATE that offers NT LM 0.12 only, its frame included. */
int mr_smb1_encode_negotiate(mr_buf *out);

/* Length of the frame @bytes begins with, its four octets included: 0; 1 when more octets are
 * needed to tell; MR_ERR_MALFORMED when it is no direct TCP frame of at most 16 MiB. */
int mr_smb_get_size(mr_slice bytes, size_t *lenp);
/* Decodes the answer to either, frame included. MR_ERR_TRUNCATED, MR_ERR_MALFORMED. */
int mr_smb_negotiated_decode(mr_slice frame, mr_smb_negotiated *negotiatedp, mr_error *err);

/* The same without the frame, from the header on. After an SMB1 NEGOTIATE that offered "SMB 2.???"
 * the dialect is 0x02ff, and another negotiation follows. */
int mr_smb2_negotiated_decode(mr_slice message, mr_smb_negotiated *negotiatedp, mr_error *err);
int mr_smb1_negotiated_decode(mr_slice message, mr_smb_negotiated *negotiatedp, mr_error *err);

/* "3.1.1", "1", "0x1234" written into @out. */
const char *mr_smb_dialect_name(uint16_t dialect, char out[16]);

#endif
