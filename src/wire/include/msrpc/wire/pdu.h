/*
 * Connection-oriented DCE/RPC PDUs: C706 12.6 with the extensions of MS-RPCE 2.2.2. Decoding takes
 * both byte orders and never allocates: the struct *borrows* from the octets decoded, and lists are
 * checked once by mr_pdu_decode, so that reading them afterwards cannot fail. Encoding writes
 * little-endian unless the header asks for big-endian, and leaves a complete PDU after each step,
 * so that a stub or an authentication trailer may be appended without copying.
 *
 * Errors: negative results with floor wire and the octet offset within the PDU. MR_ERR_TRUNCATED:
 * octets are missing; MR_ERR_MALFORMED: the octets contradict each other or are no DCE/RPC;
 * MR_ERR_UNSUPPORTED: a connectionless PDU type, or an integer representation that does not exist.
 */
#ifndef MSRPC_WIRE_PDU_H
#define MSRPC_WIRE_PDU_H

#include <msrpc/base/result.h>
#include <msrpc/wire/syntax.h>

#define MR_PDU_HEADER_SIZE 16      /* the common header */
#define MR_PDU_FRAG_MAX 65535      /* frag_length has 16 bits */
#define MR_PDU_FRAG_MUST 1432      /* every receiver takes this much (C706 12.6.3.1) */
#define MR_PDU_AUTH_SIZE 8         /* sec_trailer without its value */
#define MR_PDU_CONTEXTS_MAX 255    /* contexts of a bind, results of a bind_ack: 8 bits */
#define MR_PDU_TRANSFERS_MAX 255   /* transfer syntaxes of one context: 8 bits */
#define MR_PDU_VERSIONS_MAX 255    /* versions in a bind_nak: 8 bits */
#define MR_PDU_NEED_MORE 1         /* outcome of mr_pdu_frag_length */

enum mr_ptype {
    MR_PTYPE_REQUEST = 0,
    MR_PTYPE_PING = 1, /* connectionless only, as the others up to CANCEL_ACK but for 2 and 3 */
    MR_PTYPE_RESPONSE = 2,
    MR_PTYPE_FAULT = 3,
    MR_PTYPE_WORKING = 4,
    MR_PTYPE_NOCALL = 5,
    MR_PTYPE_REJECT = 6,
    MR_PTYPE_ACK = 7,
    MR_PTYPE_CL_CANCEL = 8,
    MR_PTYPE_FACK = 9,
    MR_PTYPE_CANCEL_ACK = 10,
    MR_PTYPE_BIND = 11,
    MR_PTYPE_BIND_ACK = 12,
    MR_PTYPE_BIND_NAK = 13,
    MR_PTYPE_ALTER_CONTEXT = 14,
    MR_PTYPE_ALTER_CONTEXT_RESP = 15,
    MR_PTYPE_AUTH3 = 16, /* MS-RPCE 2.2.2.5 */
    MR_PTYPE_SHUTDOWN = 17,
    MR_PTYPE_CO_CANCEL = 18,
    MR_PTYPE_ORPHANED = 19,
    MR_PTYPE_RTS = 20, /* MS-RPCH 2.2.3.6 */
};

/* pfc_flags (C706 12.6.3.1, MS-RPCE 2.2.2.3). */
enum mr_pfc {
    MR_PFC_FIRST_FRAG = 0x01,
    MR_PFC_LAST_FRAG = 0x02,
    MR_PFC_PENDING_CANCEL = 0x04,      /* request, response, fault, co_cancel, orphaned */
    MR_PFC_SUPPORT_HEADER_SIGN = 0x04, /* bind, bind_ack, alter_context and its answer, auth3 */
    MR_PFC_RESERVED = 0x08,
    MR_PFC_CONC_MPX = 0x10,
    MR_PFC_DID_NOT_EXECUTE = 0x20,
    MR_PFC_MAYBE = 0x40,
    MR_PFC_OBJECT_UUID = 0x80,
};

/* auth_type (MS-RPCE 2.2.1.1.7). */
enum mr_auth_type {
    MR_AUTH_NONE = 0,
    MR_AUTH_KRB5_DCE = 1,
    MR_AUTH_SPNEGO = 9,
    MR_AUTH_NTLM = 10,
    MR_AUTH_SCHANNEL = 14,
    MR_AUTH_KRB5 = 16,
    MR_AUTH_NETLOGON = 68,
};

/* auth_level (MS-RPCE 2.2.1.1.8). */
enum mr_auth_level {
    MR_AUTH_LEVEL_DEFAULT = 0,
    MR_AUTH_LEVEL_NONE = 1,
    MR_AUTH_LEVEL_CONNECT = 2,
    MR_AUTH_LEVEL_CALL = 3,
    MR_AUTH_LEVEL_PACKET = 4,
    MR_AUTH_LEVEL_INTEGRITY = 5,
    MR_AUTH_LEVEL_PRIVACY = 6,
};

/* p_cont_def_result_t (C706 12.6.3.1, MS-RPCE 2.2.2.4). */
enum mr_context_result {
    MR_CONTEXT_ACCEPT = 0,
    MR_CONTEXT_USER_REJECT = 1,
    MR_CONTEXT_PROVIDER_REJECT = 2,
    MR_CONTEXT_NEGOTIATE_ACK = 3, /* the reason then holds feature bits */
};

/* p_provider_reason_t (C706 12.6.3.1). */
enum mr_context_reason {
    MR_REASON_NOT_SPECIFIED = 0,
    MR_REASON_ABSTRACT_SYNTAX = 1, /* abstract syntax not supported */
    MR_REASON_TRANSFER_SYNTAX = 2, /* proposed transfer syntaxes not supported */
    MR_REASON_LOCAL_LIMIT = 3,
};

/* p_reject_reason_t (C706 12.6.3.1, MS-RPCE 2.2.2.5). */
enum mr_bind_nak_reason {
    MR_NAK_NOT_SPECIFIED = 0,
    MR_NAK_TEMPORARY_CONGESTION = 1,
    MR_NAK_LOCAL_LIMIT = 2,
    MR_NAK_CALLED_ADDRESS_UNKNOWN = 3,
    MR_NAK_PROTOCOL_VERSION = 4,
    MR_NAK_DEFAULT_CONTEXT = 5,
    MR_NAK_USER_DATA = 6,
    MR_NAK_NO_PSAP = 7,
    MR_NAK_AUTH_TYPE = 8,         /* authentication type not recognised */
    MR_NAK_INVALID_CHECKSUM = 9,
};

/* What a decoder took although the specification says otherwise. */
enum mr_pdu_odd {
    MR_ODD_MINOR = 0x01,     /* rpc_vers_minor above 1 */
    MR_ODD_DREP = 0x02,      /* characters not ASCII, or floats not IEEE */
    MR_ODD_ALIGN = 0x04,     /* sec_trailer not at a multiple of 4 octets */
    MR_ODD_PAD = 0x08,       /* auth_pad_length is not the gap before sec_trailer (bind and kin) */
    MR_ODD_SHORT = 0x10,     /* a fault without its reserved octets, an auth3 without its pad */
    MR_ODD_REST = 0x20,      /* octets follow the last field */
};

typedef struct mr_pdu_header {
    uint8_t minor;        /* rpc_vers_minor */
    uint8_t ptype;        /* enum mr_ptype */
    uint8_t flags;        /* enum mr_pfc */
    bool big;             /* integers are big-endian */
    uint8_t charset;      /* 0 ASCII, 1 EBCDIC */
    uint8_t floats;       /* 0 IEEE, 1 VAX, 2 Cray, 3 IBM */
    uint16_t frag_length; /* octets of the whole PDU; encoders compute it */
    uint16_t auth_length; /* octets of auth.value; encoders compute it */
    uint32_t call_id;
} mr_pdu_header;

/* sec_trailer (MS-RPCE 2.2.2.11). */
typedef struct mr_pdu_auth {
    uint8_t type;       /* enum mr_auth_type */
    uint8_t level;      /* enum mr_auth_level */
    uint8_t pad_length; /* octets of padding before the trailer; encoders compute it */
    uint8_t reserved;
    uint32_t context_id;
    size_t offset;      /* of the trailer in the PDU; encoders ignore it */
    mr_slice value;     /* credentials or verifier; borrows */
} mr_pdu_auth;

/* A checked list: copy @items and hand it to the list's read function until that says false. */
typedef struct mr_pdu_list {
    mr_cursor items;
    unsigned count;
} mr_pdu_list;

/* bind and alter_context (C706 12.6.4.3, 12.6.4.1). */
typedef struct mr_pdu_bind {
    uint16_t max_xmit;
    uint16_t max_recv;
    uint32_t assoc_group;
    mr_pdu_list contexts; /* of mr_pdu_context; encoders ignore it, see mr_pdu_add_context */
} mr_pdu_bind;

typedef struct mr_pdu_context {
    uint16_t id;
    mr_syntax abstract;
    mr_pdu_list transfers; /* of mr_syntax */
} mr_pdu_context;

/* bind_ack and alter_context_resp (C706 12.6.4.4, 12.6.4.2). */
typedef struct mr_pdu_bind_ack {
    uint16_t max_xmit;
    uint16_t max_recv;
    uint32_t assoc_group;
    mr_slice sec_addr;   /* secondary address without its NUL; borrows */
    mr_pdu_list results; /* of mr_pdu_result, in the order of the contexts asked; encoders ignore
                            it, see mr_pdu_add_result */
} mr_pdu_bind_ack;

typedef struct mr_pdu_result {
    uint16_t result; /* enum mr_context_result */
    uint16_t reason; /* enum mr_context_reason, or feature bits after negotiate_ack */
    mr_syntax transfer;
} mr_pdu_result;

/* bind_nak (C706 12.6.4.5, MS-RPCE 2.2.2.9). */
typedef struct mr_pdu_bind_nak {
    uint16_t reason;         /* enum mr_bind_nak_reason */
    uint8_t version_count;
    mr_slice versions;       /* version_count pairs of octets, major and minor; borrows */
    bool has_extended_error; /* the signature of MS-RPCE 2.2.2.9 is there */
    mr_slice extended_error; /* pickled ExtendedErrorInfo (MS-EERR); borrows */
} mr_pdu_bind_nak;

/* request (C706 12.6.4.9). */
typedef struct mr_pdu_request {
    uint32_t alloc_hint;
    uint16_t context_id;
    uint16_t opnum;
    bool has_object; /* encoders set MR_PFC_OBJECT_UUID by it */
    mr_uuid object;
    mr_slice stub;   /* without the padding of the trailer, which follows it; borrows */
} mr_pdu_request;

/* response (C706 12.6.4.10). */
typedef struct mr_pdu_response {
    uint32_t alloc_hint;
    uint16_t context_id;
    uint8_t cancel_count;
    mr_slice stub; /* as in a request */
} mr_pdu_response;

/* fault (C706 12.6.4.7, MS-RPCE 2.2.2.8). */
#define MR_FAULT_EXTENDED_ERROR 0x01
typedef struct mr_pdu_fault {
    uint32_t alloc_hint;
    uint16_t context_id;
    uint8_t cancel_count;
    uint8_t flags;           /* MR_FAULT_EXTENDED_ERROR */
    uint32_t status;
    mr_slice stub;           /* fault data as it came, without padding; borrows */
    mr_slice extended_error; /* the stub when flags say so, else empty; encoders ignore it */
} mr_pdu_fault;

/* RTS (MS-RPCH 2.2.3.6.1); commands are read and added by rts.h. */
typedef struct mr_pdu_rts {
    uint16_t flags;       /* enum mr_rts_flag */
    mr_pdu_list commands; /* of mr_rts_command; encoders ignore it, see mr_rts_add_command */
} mr_pdu_rts;

typedef struct mr_pdu {
    mr_pdu_header header;
    unsigned odd;      /* enum mr_pdu_odd */
    bool has_auth;     /* auth_length is not 0 */
    mr_pdu_auth auth;
    union {
        mr_pdu_bind bind;         /* BIND, ALTER_CONTEXT */
        mr_pdu_bind_ack bind_ack; /* BIND_ACK, ALTER_CONTEXT_RESP */
        mr_pdu_bind_nak bind_nak;
        mr_pdu_request request;
        mr_pdu_response response;
        mr_pdu_fault fault;
        mr_pdu_rts rts;
    } u;               /* AUTH3, CO_CANCEL, ORPHANED and SHUTDOWN have a header and auth only */
} mr_pdu;

/*
 * Decoding
 */

/* Frames a stream: how long is the PDU that begins with @head (any number of octets, at least the
 * first ten to know)? 0 and the length (16 to 65535), MR_PDU_NEED_MORE, or negative on the first
 * octet that cannot belong to a connection-oriented DCE/RPC PDU. *@lengthp is untouched unless 0
 * is returned. */
int mr_pdu_frag_length(mr_slice head, size_t *lengthp, mr_error *err);

/* Decodes the one PDU that fills @pdu; everything in *@pdup *borrows* from it. Sealed stubs stay
 * sealed: for a request, response or fault with auth, the octets from stub.data up to
 * auth.offset (stub and padding) are what a security provider works on, in any case the padding is
 * left out of the stub's length. */
int mr_pdu_decode(mr_slice pdu, mr_pdu *pdup, mr_error *err);

/* Only the common header, from the first 16 octets of @pdu, and the oddities seen in it. */
int mr_pdu_decode_header(mr_slice pdu, mr_pdu_header *headerp, unsigned *oddp, mr_error *err);

/* The next element of a checked list, or false at its end. */
bool mr_pdu_read_context(mr_cursor *items, mr_pdu_context *contextp);
bool mr_pdu_read_transfer(mr_cursor *items, mr_syntax *transferp);
bool mr_pdu_read_result(mr_cursor *items, mr_pdu_result *resultp);

/*
 * Encoding
 *
 * A PDU begins at buf->len; remember it as @at. Each function appends to @buf, sets buf->big from
 * header->big (a stub written afterwards is in the same byte order) and returns 0, MR_ERR_MEMORY,
 * MR_ERR_LIMIT (a PDU over 65535 octets or a list over its count: @buf is then not to be used) or
 * MR_ERR_ARGUMENT (nothing written). The header's ptype and lengths are set by the function;
 * its minor, flags, call_id, charset and floats are the caller's.
 *
 *     size_t at = buf->len;
 *     mr_pdu_encode_request(buf, &header, &request);    request.stub may be empty
 *     mr_ndr_encode(...);                               appends the stub
 *     mr_pdu_encode_auth(buf, at, &auth);               only when protected
 *     mr_pdu_set_length(buf, at);                       whenever the caller appended by itself
 */
int mr_pdu_encode_bind(mr_buf *buf, const mr_pdu_header *header, const mr_pdu_bind *bind);
int mr_pdu_encode_alter_context(mr_buf *buf, const mr_pdu_header *header,
                                const mr_pdu_bind *bind);
int mr_pdu_encode_bind_ack(mr_buf *buf, const mr_pdu_header *header, const mr_pdu_bind_ack *ack);
int mr_pdu_encode_alter_context_resp(mr_buf *buf, const mr_pdu_header *header,
                                     const mr_pdu_bind_ack *ack);
int mr_pdu_encode_bind_nak(mr_buf *buf, const mr_pdu_header *header, const mr_pdu_bind_nak *nak);
int mr_pdu_encode_auth3(mr_buf *buf, const mr_pdu_header *header);
int mr_pdu_encode_request(mr_buf *buf, const mr_pdu_header *header, const mr_pdu_request *request);
int mr_pdu_encode_response(mr_buf *buf, const mr_pdu_header *header,
                           const mr_pdu_response *response);
int mr_pdu_encode_fault(mr_buf *buf, const mr_pdu_header *header, const mr_pdu_fault *fault);
int mr_pdu_encode_cancel(mr_buf *buf, const mr_pdu_header *header);
int mr_pdu_encode_orphaned(mr_buf *buf, const mr_pdu_header *header);
int mr_pdu_encode_shutdown(mr_buf *buf, const mr_pdu_header *header);
int mr_pdu_encode_rts(mr_buf *buf, const mr_pdu_header *header, const mr_pdu_rts *rts);

/* Adds a presentation context to the bind or alter_context that ends @buf and began at @at. */
int mr_pdu_add_context(mr_buf *buf, size_t at, uint16_t id, const mr_syntax *abstract,
                       const mr_syntax *transfers, size_t count);
/* Adds a result to the bind_ack or alter_context_resp that ends @buf and began at @at. */
int mr_pdu_add_result(mr_buf *buf, size_t at, const mr_pdu_result *result);

/* Ends the PDU that began at @at with padding, a sec_trailer and auth->value, and sets both
 * lengths. The padding is to 16 octets from the start of the stub where there is a stub
 * (MS-RPCE 2.2.2.11), else to 4 from the start of the PDU. With auth->value.data NULL, value.len
 * octets are zeroed, for a verifier to be filled in place: the trailer then lies at
 * buf->len - value.len - MR_PDU_AUTH_SIZE. */
int mr_pdu_encode_auth(mr_buf *buf, size_t at, const mr_pdu_auth *auth);

/* Sets frag_length of the PDU that began at @at and ends @buf. */
int mr_pdu_set_length(mr_buf *buf, size_t at);

/* The octets before the stub: 24 in a request (40 with MR_PFC_OBJECT_UUID in @flags), 24 in a
 * response, 32 in a fault; 0 for every other type. */
size_t mr_pdu_stub_offset(uint8_t ptype, uint8_t flags);

/*
 * Names, as C706 and MS-RPCE spell them; "unknown" for a number without one, never NULL.
 */
const char *mr_ptype_name(uint8_t ptype);
const char *mr_auth_type_name(uint8_t type);
const char *mr_auth_level_name(uint8_t level);
const char *mr_context_result_name(uint16_t result);
const char *mr_context_reason_name(uint16_t reason);
const char *mr_bind_nak_reason_name(uint16_t reason);
/* The flags set, "first_frag,last_frag,..." NUL-terminated in @out; returns @out. */
#define MR_PFC_TEXT 120
char *mr_pfc_text(uint8_t ptype, uint8_t flags, char out[MR_PFC_TEXT]);

#endif
