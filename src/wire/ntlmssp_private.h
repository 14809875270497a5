/* What reading and writing NTLM's messages share. */
#ifndef MR_WIRE_NTLMSSP_PRIVATE_H
#define MR_WIRE_NTLMSSP_PRIVATE_H

#include <msrpc/wire/ntlmssp.h>

#define MR_NTLM_SIGNATURE_TEXT "NTLMSSP\0"

enum mr_av { /* AvId, MS-NLMP 2.2.2.1 */
    MR_AV_EOL,
    MR_AV_COMPUTER,
    MR_AV_DOMAIN,
    MR_AV_DNS_COMPUTER,
    MR_AV_DNS_DOMAIN,
    MR_AV_DNS_FOREST,
    MR_AV_FLAGS,
    MR_AV_TIME,
    MR_AV_SINGLE_HOST,
    MR_AV_SPN,
    MR_AV_BINDINGS,
};

#endif
