/* What rules about DCOM share: which refusals are those of an activation (MS-DCOM 3.1.2.5.2). */
#ifndef MSRPC_DIAG_RULES_DCOM_H
#define MSRPC_DIAG_RULES_DCOM_H

#define HRESULT_ACCESS_DENIED 0x80070005u

/* Its interfaces by all their names: the old one, the one since DCOM 5.6. */
static inline bool mr_is_dcom_denied(const mr_fact *fact) {
    static const char *const interfaces[] = {
        "IActivation",         "IRemoteActivation", "4d9f4ab8-7d1c-11cf-861e-0020af6e7c57",
        "IRemoteSCMActivator", "ISystemActivator",  "000001a0-0000-0000-c000-000000000046"};

    if (fact->status != WIN32_ACCESS_DENIED && fact->status != HRESULT_ACCESS_DENIED)
        return false;
    for (size_t i = 0; i < MR_COUNT(interfaces); i++) {
        if (mr_str_eq_nocase(fact->interface, interfaces[i]))
            return true;
    }
    return false;
}

#endif
