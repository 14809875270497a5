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
/* The contents of its object identifier; empty for MR_MECH_UNKNOWN. */
mr_slice mr_mech_oid(enum mr_mech mech);

enum mr_gss_wrap {
    MR_GSS_BARE,   /* the mechanism's own octets */
    MR_GSS_FRAMED, /* in the framing of RFC 2743 */
    MR_GSS_INIT,   /* SPNEGO's first token, of either side */
    MR_GSS_RESP,   /* its later ones */
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
    enum mr_mech supported; /* RESP: supportedMech */
    bool has_mic;        /* mechListMIC */
    uint16_t krb;        /* Kerberos in GSS framing: 0x0100 AP-REQ, 0x0200 AP-REP, 0x0300 error */
    mr_slice token;      /* the mechanism's message without any framing; may be empty */
    mr_slice whole;      /* the same as it travelled, with the mechanism's own framing if it had
                          * any */
    mr_slice mech_list;  /* INIT: the octets that a mechListMIC covers (RFC 4178 4.2.1) */
    mr_slice mic;        /* mechListMIC; empty when there is none */
} mr_gss_token;

/* Takes a token apart. MR_ERR_TRUNCATED, or MR_ERR_MALFORMED when it is of none of these forms. */
int mr_gss_token_decode(mr_slice bytes, mr_gss_token *tokenp, mr_error *err);

/* ---- encoding; appends to @out and returns its error ---- */

/* NegTokenInit in GSS-API's framing, or with @hint Microsoft's NegTokenInit2 (MS-SPNG 2.2.1), by
 * which a server speaks first. */
typedef struct mr_spnego_init {
    mr_slice mech_list; /* as mr_spnego_mechs_encode writes it */
    mr_slice token;     /* for the first mechanism; empty: none */
    const char *hint;   /* NULL: none */
} mr_spnego_init;

typedef struct mr_spnego_resp {
    uint8_t state;      /* MR_SPNEGO_NO_STATE: not told */
    enum mr_mech mech;  /* supportedMech; MR_MECH_UNKNOWN: not told */
    mr_slice token;     /* empty: none */
    mr_slice mic;       /* empty: none */
} mr_spnego_resp;

/* MechTypeList. */
int mr_spnego_mechs_encode(const enum mr_mech *mechs, size_t count, mr_buf *out);
int mr_spnego_init_encode(const mr_spnego_init *init, mr_buf *out);
int mr_spnego_resp_encode(const mr_spnego_resp *resp, mr_buf *out);

#endif
