/*
 * The wrappings of security tokens: SPNEGO (RFC 4178, MS-SPNG), the framing of GSS-API (RFC 2743
 * 3.1, RFC 4121 4.1), and tokens that come bare, as NTLM does and as Kerberos does in DCE style
 * (MS-KILE 3.4.5.1). One function takes whatever a bind or a session setup carries. Slices
 * *borrow*.
 */
#ifndef MSRPC_WIRE_SPNEGO_H
#define MSRPC_WIRE_SPNEGO_H

#include <msrpc/base.h>

enum mr_mech {
    MR_MECH_UNKNOWN,
    MR_MECH_KRB5,      /* 1.2.840.113554.1.2.2 */
    MR_MECH_MS_KRB5,   /* 1.2.840.48018.1.2.2: the same, as Windows 2000 counted */
    MR_MECH_KRB5_U2U,  /* 1.2.840.113554.1.2.2.3 */
    MR_MECH_NTLM,      /* 1.3.6.1.4.1.311.2.2.10 */
    MR_MECH_NEGOEX,    /* 1.3.6.1.4.1.311.2.2.30 */
    MR_MECH_SPNEGO,    /* 1.3.6.1.5.5.2 */
};
/* "Kerberos", "NTLM" ...; never NULL. */
const char *mr_mech_name(enum mr_mech mech);

enum mr_gss_wrap {
    MR_GSS_BARE,     /* the mechanism's own octets */
    MR_GSS_FRAMED,      /* in the framing of RFC 2743 */
    MR_GSS_INIT,     /* SPNEGO's first token, of either side */
    MR_GSS_RESP,     /* its later ones */
};

enum mr_spnego_state { /* RFC 4178 4.2.2 */
    MR_SPNEGO_COMPLETED = 0,
    MR_SPNEGO_INCOMPLETE = 1,
    MR_SPNEGO_REJECT = 2,
    MR_SPNEGO_REQUEST_MIC = 3,
    MR_SPNEGO_NO_STATE = 0xff,
};

#define MR_SPNEGO_MECHS 8

typedef struct mr_gss_token {
    enum mr_gss_wrap wrap;
    enum mr_mech mech;   /* of @token: the first of @mechs, the one agreed, or as its octets tell */
    enum mr_mech mechs[MR_SPNEGO_MECHS]; /* INIT: offered, best first */
    uint8_t mech_count;
    uint8_t state;       /* RESP: enum mr_spnego_state */
    bool has_mic;        /* mechListMIC */
    uint16_t krb;        /* Kerberos in GSS framing: 0x0100 AP-REQ, 0x0200 AP-REP, 0x0300 error */
    mr_slice token;      /* the mechanism's message without any framing; may be empty */
} mr_gss_token;

/* Takes a token apart. MR_ERR_TRUNCATED, or MR_ERR_MALFORMED when it is of none of these forms. */
int mr_gss_token_decode(mr_slice bytes, mr_gss_token *tokenp, mr_error *err);

#endif
