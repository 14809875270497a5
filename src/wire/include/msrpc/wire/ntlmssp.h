/*
 * The three messages of NTLM (MS-NLMP 2.2.1), as somebody reads and writes them who holds no key:
 * who, from where, in which form, and what the server says of itself. Slices *borrow*; names are
 * UTF-16 in little-endian octets when @unicode says so, else octets of an unknown code page. Errors
 * of decoding are MR_ERR_TRUNCATED and MR_ERR_MALFORMED; encoding appends to a buffer and returns
 * its error, or MR_ERR_RANGE for a field above 65535 octets.
 */
#ifndef MSRPC_WIRE_NTLMSSP_H
#define MSRPC_WIRE_NTLMSSP_H

#include <msrpc/base.h>

enum mr_ntlm_type {
    MR_NTLM_NEGOTIATE = 1,
    MR_NTLM_CHALLENGE = 2,
    MR_NTLM_AUTHENTICATE = 3,
};

enum mr_ntlm_flag { /* MS-NLMP 2.2.2.5 */
    MR_NTLM_UNICODE = 0x00000001,
    MR_NTLM_OEM = 0x00000002,
    MR_NTLM_REQUEST_TARGET = 0x00000004,
    MR_NTLM_SIGN = 0x00000010,
    MR_NTLM_SEAL = 0x00000020,
    MR_NTLM_DATAGRAM = 0x00000040,
    MR_NTLM_LM_KEY = 0x00000080,
    MR_NTLM_NTLM = 0x00000200,
    MR_NTLM_ANONYMOUS = 0x00000800,
    MR_NTLM_ALWAYS_SIGN = 0x00008000,
    MR_NTLM_TARGET_DOMAIN = 0x00010000, /* the target's name is a domain's, or a server's */
    MR_NTLM_TARGET_SERVER = 0x00020000,
    MR_NTLM_EXTENDED = 0x00080000, /* extended session security */
    MR_NTLM_TARGET_INFO = 0x00800000,
    MR_NTLM_VERSION = 0x02000000,
    MR_NTLM_128 = 0x20000000,
    MR_NTLM_KEY_EXCH = 0x40000000,
    MR_NTLM_56 = 0x80000000,
};

typedef struct mr_ntlm_version { /* 2.2.2.10; all zero: not told */
    uint8_t major, minor;
    uint16_t build;
} mr_ntlm_version;

enum mr_ntlm_av_flag { /* MsvAvFlags, 2.2.2.1 */
    MR_NTLM_AV_CONSTRAINED = 1,
    MR_NTLM_AV_MIC = 2,
    MR_NTLM_AV_UNTRUSTED_SPN = 4,
};

#define MR_NTLM_MIC_OFFSET 72 /* where the 16 octets of the MIC stand in an AUTHENTICATE, 2.2.1.3 */

/* AV pairs (2.2.2.1): what a server says of itself, and what a client repeats and adds. */
typedef struct mr_ntlm_target {
    mr_slice computer, domain;             /* NetBIOS names */
    mr_slice dns_computer, dns_domain, dns_forest;
    mr_slice spn;                          /* client: whom it means to reach */
    mr_slice channel_bindings;             /* client: 16 octets */
    uint64_t time;                         /* FILETIME; 0: not told */
    uint32_t flags;                        /* enum mr_ntlm_av_flag */
    bool complete;                         /* MsvAvEOL ended the list */
} mr_ntlm_target;

typedef struct mr_ntlm_negotiate { /* 2.2.1.1 */
    uint32_t flags;
    mr_slice domain, workstation;          /* octets, never UTF-16 */
    mr_ntlm_version version;
} mr_ntlm_negotiate;

typedef struct mr_ntlm_challenge { /* 2.2.1.2 */
    uint32_t flags;
    bool unicode;
    mr_slice target_name;
    mr_slice challenge;                    /* 8 octets */
    mr_slice target_info;                  /* as it came: a client repeats it */
    mr_ntlm_target target;
    mr_ntlm_version version;
} mr_ntlm_challenge;

typedef struct mr_ntlm_authenticate { /* 2.2.1.3 */
    uint32_t flags;
    bool unicode;
    bool anonymous;                        /* no user and no answer to the challenge */
    bool v2;                               /* the answer is NTLMv2's */
    bool mic;                              /* a MIC stands before the payload */
    mr_slice user, domain, workstation;
    mr_slice lm, nt;                       /* the answers to the challenge */
    mr_slice session_key;
    uint64_t time;                         /* v2: the client's FILETIME */
    mr_ntlm_target target;                 /* v2 */
    mr_ntlm_version version;
} mr_ntlm_authenticate;

/* enum mr_ntlm_type of the message that @bytes begin with; 0: none. */
unsigned mr_ntlm_get_type(mr_slice bytes);
int mr_ntlm_negotiate_decode(mr_slice bytes, mr_ntlm_negotiate *negotiatep, mr_error *err);
int mr_ntlm_challenge_decode(mr_slice bytes, mr_ntlm_challenge *challengep, mr_error *err);
int mr_ntlm_authenticate_decode(mr_slice bytes, mr_ntlm_authenticate *authenticatep,
                                mr_error *err);

/* Names are written only when the message has some. */
int mr_ntlm_negotiate_encode(const mr_ntlm_negotiate *negotiate, mr_buf *out);
/* @target_info is written as it is, @target is not looked at. */
int mr_ntlm_challenge_encode(const mr_ntlm_challenge *challenge, mr_buf *out);
/* With @mic there are 16 zero octets at MR_NTLM_MIC_OFFSET, to be overwritten. */
int mr_ntlm_authenticate_encode(const mr_ntlm_authenticate *authenticate, mr_buf *out);
/* The pairs of @repeat as they came, but for those that @target has, then @target's, then the end
 * of the list. */
int mr_ntlm_target_encode(mr_slice repeat, const mr_ntlm_target *target, mr_buf *out);
/* The pairs of a list; one that breaks off gives what stood before. */
mr_ntlm_target mr_ntlm_target_decode(mr_slice pairs);

#endif
