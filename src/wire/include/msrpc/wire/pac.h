/*
 * Privilege attribute certificates (MS-PAC): what a KDC vouches for of a ticket's client, by
 * account, domain and security identifiers. Whoever decodes one has verified its server signature,
 * or had a library do so; nothing here looks at signatures.
 */
#ifndef MSRPC_WIRE_PAC_H
#define MSRPC_WIRE_PAC_H

#include <msrpc/base.h>

#define MR_SID_SUBS 15  /* MS-DTYP 2.4.2 */
#define MR_SID_TEXT 184 /* octets of one as text, with the NUL */

typedef struct mr_sid {
    uint64_t authority; /* 48 bits */
    uint8_t count;      /* of @sub */
    uint32_t sub[MR_SID_SUBS];
} mr_sid;

bool mr_sid_eq(const mr_sid *a, const mr_sid *b);
/* "S-1-5-21-...", in @text, which is returned (MS-DTYP 2.4.2.1). */
const char *mr_sid_text(const mr_sid *sid, char text[MR_SID_TEXT]);

/* Strings are UTF-8, "" when not told. */
typedef struct mr_pac {
    const char *user;      /* EffectiveName: the account (2.5) */
    const char *full_name;
    const char *domain;    /* LogonDomainName: NetBIOS */
    const char *server;    /* LogonServer: the domain controller that gave the ticket */
    const char *client;    /* the name in the ticket (2.7) */
    const char *upn, *dns_domain; /* 2.10 */
    const mr_sid *sids;    /* the user's own, the primary group's, then those of groups, extra ones
                            * and of resource groups */
    size_t sid_count;
} mr_pac;

/* Decodes @bytes; strings and SIDs are in @arena. Returns 0, MR_ERR_TRUNCATED, MR_ERR_MALFORMED or
 * MR_ERR_MEMORY. */
int mr_pac_decode(mr_slice bytes, mr_arena *arena, mr_pac *pacp, mr_error *err);

#endif
