/*
 * The NTSTATUS codes of SMB that rules tell apart, by family (MS-ERREF 2.3.1). A code that is in no
 * family is left to SMB.REFUSED.
 */
#ifndef MSRPC_DIAG_RULES_SMB_H
#define MSRPC_DIAG_RULES_SMB_H

#include <stdbool.h>
#include <stdint.h>

#define SMB_ACCESS_DENIED 0xc0000022u
#define SMB_NAME_NOT_FOUND 0xc0000034u
#define SMB_NOT_SUPPORTED 0xc00000bbu
#define SMB_BAD_NETWORK_NAME 0xc00000ccu
#define SMB_NOT_ACCEPTED 0xc00000d0u
#define SMB_TIME_DIFFERENCE 0xc0000133u
#define SMB_NAME_DELETED 0xc00000c9u
#define SMB_INVALID_SIGNATURE 0xc000a000u

static inline bool smb_is_logon(uint32_t status) { /* no such user, wrong password, either */
    return status == 0xc0000064 || status == 0xc000006a || status == 0xc000006d;
}

static inline bool smb_is_account(uint32_t status) {
    return status == 0xc0000071 || status == 0xc0000072 || status == 0xc0000193 ||
           status == 0xc0000224 || status == 0xc0000234;
}

static inline bool smb_is_restriction(uint32_t status) {
    return status == 0xc000006e || status == 0xc000006f || status == 0xc0000070 ||
           status == 0xc000015b;
}

static inline bool smb_is_trust(uint32_t status) {
    return status == 0xc000018a || status == 0xc000018b || status == 0xc000018c ||
           status == 0xc000018d || status == 0xc0000190;
}

static inline bool smb_is_no_dc(uint32_t status) {
    return status == 0xc000005e || status == 0xc0000192 || status == 0xc0000233;
}

static inline bool smb_is_ntlm(uint32_t status) { /* NTLM itself, not these credentials */
    return status == 0xc0000388 || status == 0xc0000413 || status == 0xc0000418;
}

static inline bool smb_is_busy(uint32_t status) {
    return status == 0xc00000ab || status == 0xc00000ac || status == 0xc00000ae;
}

static inline bool smb_is_broken(uint32_t status) {
    return status == 0xc00000b0 || status == 0xc00000d9 || status == 0xc000014b;
}

static inline bool smb_is_gone(uint32_t status) {
    return status == 0xc0000203 || status == 0xc000035c || status == SMB_NAME_DELETED;
}

static inline bool smb_is_resources(uint32_t status) {
    return status == 0xc000009a || status == 0xc000011f || status == 0xc0000205;
}

#endif
