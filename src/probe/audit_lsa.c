/*
 * What lsarpc, dssetup and netlogon tell a stranger (MS-LSAD 3.1.4, MS-LSAT 3.1.4, MS-DSSP 3.2.5,
 * MS-NRPC 3.5.4.3). Only calls that read.
 */
#include <stdio.h>

#include <msrpc/ifaces/dssetup.h>
#include <msrpc/ifaces/netlogon.h>

#include "audit_private.h"

enum { /* opnums */
    LSAR_ENUMERATE_PRIVILEGES = 2,
    LSAR_OPEN_POLICY = 6,
    LSAR_QUERY_POLICY = 7,
    LSAR_ENUMERATE_ACCOUNTS = 11,
    LSAR_LOOKUP_NAMES = 14,
    LSAR_LOOKUP_SIDS = 15,
    LSAR_OPEN_POLICY2 = 44,
    LSAR_GET_USER_NAME = 45,
    LSAR_QUERY_POLICY2 = 46,
    LSAR_ENUMERATE_TRUSTS_EX = 50,
    DSSP_GET_DOMAIN = 0,
    DSR_GET_DC_NAME = 20,
    DSR_ENUMERATE_TRUSTS = 40,
};
enum { /* MS-LSAD 2.2.1.1.2 */
    POLICY_VIEW_LOCAL_INFORMATION = 0x1,
    POLICY_LOOKUP_NAMES = 0x800,
};
enum { PREFERRED_LENGTH = 0x10000, LOOKUP_BATCH = 256 };
#define STATUS_MORE_ENTRIES 0x00000105u

/* ---- dssetup ---- */

static int ask_role(struct audit_run *run, mr_audit_fact *fact,
                    mr_dssetup_DSROLE_PRIMARY_DOMAIN_INFO_LEVEL level,
                    struct mr_dssetup_DsRolerGetPrimaryDomainInformation *args) {
    *args = (struct mr_dssetup_DsRolerGetPrimaryDomainInformation){.InfoLevel = level};
    int r = audit_call(run, fact, MR_AUDIT_DSSETUP, DSSP_GET_DOMAIN, args, &args->result);
    if (!r && !args->DomainInfo)
        r = audit_stop(run, fact, MR_AUDIT_UNKNOWN, MR_AUDIT_CALL, "the answer holds nothing");
    return r;
}

static void add_guid(struct audit_run *run, mr_audit_fact *fact, const mr_uuid *guid) {
    char text[MR_UUID_TEXT];

    if (mr_uuid_is_nil(guid))
        return;
    const char *kept = mr_arena_add_str(run->arena, mr_slice_str(mr_uuid_text(guid, text)));
    run->no_memory |= !kept;
    audit_add_text(fact, "domain_guid", "domain GUID", kept);
}

int audit_role(struct audit_run *run, mr_audit_fact *fact) {
    static const char *const roles[] = {"standalone workstation", "member workstation",
                                        "standalone server", "member server",
                                        "domain controller", "primary domain controller"};
    struct mr_dssetup_DsRolerGetPrimaryDomainInformation args;

    int r = ask_role(run, fact, mr_dssetup_DsRolePrimaryDomainInfoBasic, &args);
    if (r)
        return r;
    const mr_dssetup_DSROLER_PRIMARY_DOMAIN_INFO_BASIC *basic = &args.DomainInfo->DomainInfoBasic;
    unsigned role = (unsigned)basic->MachineRole;
    audit_add_text(fact, "role", "role", role < MR_COUNT(roles) ? roles[role] : "unknown");
    audit_add_text(fact, "domain", "domain", audit_wide(run, basic->DomainNameFlat));
    audit_add_text(fact, "dns_domain", "DNS domain", audit_wide(run, basic->DomainNameDns));
    audit_add_text(fact, "forest", "forest", audit_wide(run, basic->DomainForestName));
    if (basic->Flags & mr_dssetup_DSROLE_PRIMARY_DOMAIN_GUID_PRESENT)
        add_guid(run, fact, &basic->DomainGuid);
    return 0;
}

int audit_upgrade(struct audit_run *run, mr_audit_fact *fact) {
    struct mr_dssetup_DsRolerGetPrimaryDomainInformation args;

    int r = ask_role(run, fact, mr_dssetup_DsRoleUpgradeStatus, &args);
    if (!r)
        audit_add_text(fact, "upgrading", "upgrading",
                       args.DomainInfo->UpgradStatusInfo.OperationState ? "yes" : "no");
    return r;
}

int audit_state(struct audit_run *run, mr_audit_fact *fact) {
    static const char *const states[] = {"idle", "active", "needs a reboot"};
    struct mr_dssetup_DsRolerGetPrimaryDomainInformation args;

    int r = ask_role(run, fact, mr_dssetup_DsRoleOperationState, &args);
    if (r)
        return r;
    unsigned state = (unsigned)args.DomainInfo->OperationStateInfo.OperationState;
    audit_add_text(fact, "state", "state", state < MR_COUNT(states) ? states[state] : "unknown");
    return 0;
}

/* ---- lsarpc: identity and policy ---- */

int audit_whoami(struct audit_run *run, mr_audit_fact *fact) {
    mr_ms_dtyp_RPC_UNICODE_STRING *none = NULL;
    struct mr_lsarpc_LsarGetUserName args = {.DomainName = &none};

    int r = audit_call(run, fact, MR_AUDIT_LSARPC, LSAR_GET_USER_NAME, &args, &args.result);
    if (r)
        return r;
    audit_add_text(fact, "account", "account", audit_text(run, args.UserName));
    if (args.DomainName)
        audit_add_text(fact, "authority", "authority", audit_text(run, *args.DomainName));
    return 0;
}

/* Everything the host would give, then less and less of it. */
int audit_policy(struct audit_run *run, mr_audit_fact *fact) {
    static const uint32_t wanted[] = {AUDIT_MAXIMUM_ALLOWED,
                                      POLICY_VIEW_LOCAL_INFORMATION | POLICY_LOOKUP_NAMES,
                                      POLICY_LOOKUP_NAMES, POLICY_VIEW_LOCAL_INFORMATION};
    mr_audit_outcome first = {0};
    bool old = false;
    int r = AUDIT_STOP;

    for (size_t i = 0; i < MR_COUNT(wanted); i++) {
        struct mr_lsarpc_LsarOpenPolicy2 args = {.ObjectAttributes = {.Length = 24},
                                                 .DesiredAccess = wanted[i]};
        struct mr_lsarpc_LsarOpenPolicy args1 = {.ObjectAttributes = {.Length = 24},
                                                 .DesiredAccess = wanted[i]};
        if (!old)
            r = audit_call(run, fact, MR_AUDIT_LSARPC, LSAR_OPEN_POLICY2, &args, &args.result);
        old |= r == AUDIT_STOP && audit_no_such_call(fact);
        if (old)
            r = audit_call(run, fact, MR_AUDIT_LSARPC, LSAR_OPEN_POLICY, &args1, &args1.result);
        if (!r)
            run->policy = old ? args1.PolicyHandle : args.PolicyHandle;
        run->has_policy = !r;
        if (r != AUDIT_STOP)
            return r;
        if (i == 0)
            first = fact->outcome;
        if (!audit_refused(fact))
            break;
    }
    fact->outcome = first;
    return r;
}

/* @opnum: the older call for all classes but the DNS one. */
static int ask_policy(struct audit_run *run, mr_audit_fact *fact, uint32_t opnum,
                      mr_lsarpc_POLICY_INFORMATION_CLASS class,
                      const mr_lsarpc_LSAPR_POLICY_INFORMATION **infop) {
    struct mr_lsarpc_LsarQueryInformationPolicy args = {.PolicyHandle = run->policy,
                                                        .InformationClass = class};
    struct mr_lsarpc_LsarQueryInformationPolicy2 args2 = {.PolicyHandle = run->policy,
                                                          .InformationClass = class};
    bool second = opnum == LSAR_QUERY_POLICY2;

    int r = second ? audit_call(run, fact, MR_AUDIT_LSARPC, opnum, &args2, &args2.result)
                   : audit_call(run, fact, MR_AUDIT_LSARPC, opnum, &args, &args.result);
    *infop = second ? args2.PolicyInformation : args.PolicyInformation;
    if (!r && !*infop)
        r = audit_stop(run, fact, MR_AUDIT_UNKNOWN, MR_AUDIT_CALL, "the answer holds nothing");
    return r;
}

static void add_domain(struct audit_run *run, mr_audit_fact *fact,
                       const mr_ms_dtyp_RPC_UNICODE_STRING *name, const mr_ms_dtyp_RPC_SID *sid) {
    audit_add_text(fact, "domain", "domain", audit_text(run, name));
    audit_add_text(fact, "sid", "SID", audit_sid_text(run, sid));
}

int audit_primary(struct audit_run *run, mr_audit_fact *fact) {
    const mr_lsarpc_LSAPR_POLICY_INFORMATION *info;

    int r = ask_policy(run, fact, LSAR_QUERY_POLICY, mr_lsarpc_PolicyPrimaryDomainInformation,
                       &info);
    if (!r)
        add_domain(run, fact, &info->PolicyPrimaryDomainInfo.Name,
                   info->PolicyPrimaryDomainInfo.Sid);
    return r;
}

int audit_account(struct audit_run *run, mr_audit_fact *fact) {
    const mr_lsarpc_LSAPR_POLICY_INFORMATION *info;

    int r = ask_policy(run, fact, LSAR_QUERY_POLICY, mr_lsarpc_PolicyAccountDomainInformation,
                       &info);
    if (r)
        return r;
    const mr_lsarpc_LSAPR_POLICY_ACCOUNT_DOM_INFO *domain = &info->PolicyAccountDomainInfo;
    add_domain(run, fact, &domain->DomainName, domain->DomainSid);
    if (domain->DomainSid)
        run->account_sid = audit_sid_copy(run, domain->DomainSid, false, 0);
    return 0;
}

int audit_dns(struct audit_run *run, mr_audit_fact *fact) {
    const mr_lsarpc_LSAPR_POLICY_INFORMATION *info;

    int r = ask_policy(run, fact, LSAR_QUERY_POLICY2, mr_lsarpc_PolicyDnsDomainInformation, &info);
    if (r)
        return r;
    const mr_lsarpc_LSAPR_POLICY_DNS_DOMAIN_INFO *dns = &info->PolicyDnsDomainInfo;
    add_domain(run, fact, &dns->Name, dns->Sid);
    audit_add_text(fact, "dns_domain", "DNS domain", audit_text(run, &dns->DnsDomainName));
    audit_add_text(fact, "forest", "forest", audit_text(run, &dns->DnsForestName));
    add_guid(run, fact, &dns->DomainGuid);
    return 0;
}

int audit_lsa_role(struct audit_run *run, mr_audit_fact *fact) {
    const mr_lsarpc_LSAPR_POLICY_INFORMATION *info;

    int r = ask_policy(run, fact, LSAR_QUERY_POLICY, mr_lsarpc_PolicyLsaServerRoleInformation,
                       &info);
    if (!r)
        audit_add_text(fact, "role", "role",
                       info->PolicyServerRoleInfo.LsaServerRole == mr_lsarpc_PolicyServerRolePrimary
                           ? "primary" : "backup");
    return r;
}

/* ---- lsarpc: translation ---- */

static const char *use_text(mr_lsarpc_SID_NAME_USE use) {
    switch (use) {
    case mr_lsarpc_SidTypeUser: return "user";
    case mr_lsarpc_SidTypeGroup: return "group";
    case mr_lsarpc_SidTypeDomain: return "domain";
    case mr_lsarpc_SidTypeAlias: return "alias";
    case mr_lsarpc_SidTypeWellKnownGroup: return "well-known group";
    case mr_lsarpc_SidTypeDeletedAccount: return "deleted account";
    case mr_lsarpc_SidTypeComputer: return "computer";
    case mr_lsarpc_SidTypeLabel: return "label";
    case mr_lsarpc_SidTypeInvalid:
    case mr_lsarpc_SidTypeUnknown: return NULL;
    }
    return NULL;
}

int audit_translate(struct audit_run *run, mr_audit_fact *fact,
                    mr_lsarpc_LSAPR_SID_INFORMATION *sids, mr_audit_item *items, size_t count) {
    struct mr_lsarpc_LsarLookupSids args = {
        .PolicyHandle = run->policy,
        .SidEnumBuffer = {.Entries = (uint32_t)count, .SidInfo = sids},
        .LookupLevel = mr_lsarpc_LsapLookupWksta,
    };

    int r = audit_call(run, fact, MR_AUDIT_LSARPC, LSAR_LOOKUP_SIDS, &args, &args.result);
    if (r)
        return r;
    const mr_lsarpc_LSAPR_REFERENCED_DOMAIN_LIST *domains = args.ReferencedDomains;
    const mr_lsarpc_LSAPR_TRANSLATED_NAME *names = args.TranslatedNames.Names;
    for (size_t i = 0; names && i < count && i < args.TranslatedNames.Entries; i++) {
        const mr_lsarpc_LSAPR_TRANSLATED_NAME *name = &names[i];
        items[i].kind = use_text(name->Use);
        if (!items[i].kind) /* not mapped: the "name" is the SID again, or nothing */
            continue;
        items[i].name = audit_text(run, &name->Name);
        if (domains && domains->Domains && name->DomainIndex >= 0 &&
            (uint32_t)name->DomainIndex < domains->Entries)
            items[i].domain = audit_text(run, &domains->Domains[name->DomainIndex].Name);
    }
    return 0;
}

/* Translates @count SIDs and keeps those that have a name. */
static int translate_kept(struct audit_run *run, mr_audit_fact *fact,
                          mr_lsarpc_LSAPR_SID_INFORMATION *sids, mr_audit_item *items,
                          size_t count) {
    int r = audit_translate(run, fact, sids, items, count);

    for (size_t i = 0; !r && i < count; i++) {
        if (!items[i].name)
            continue;
        items[i].sid = audit_sid_text(run, sids[i].Sid);
        audit_add_item(run, fact, &items[i]);
    }
    return r;
}

int audit_sid_to_name(struct audit_run *run, mr_audit_fact *fact) {
    uint32_t administrators[] = {32, 544};
    mr_ms_dtyp_RPC_SID sid = {.Revision = 1, .SubAuthorityCount = 2,
                              .IdentifierAuthority = {{0, 0, 0, 0, 0, 5}},
                              .SubAuthority = administrators};
    mr_lsarpc_LSAPR_SID_INFORMATION one = {.Sid = &sid};
    mr_audit_item item = {0};

    return translate_kept(run, fact, &one, &item, 1);
}

static int translate_rids(struct audit_run *run, mr_audit_fact *fact, const uint32_t *rids,
                          size_t count) {
    mr_lsarpc_LSAPR_SID_INFORMATION sids[LOOKUP_BATCH];
    mr_audit_item items[LOOKUP_BATCH] = {0};

    for (size_t i = 0; i < count; i++) {
        sids[i].Sid = audit_sid_copy(run, run->account_sid, true, rids[i]);
        if (!sids[i].Sid)
            return audit_stop(run, fact, MR_AUDIT_UNKNOWN, MR_AUDIT_CALL,
                              "the domain's SID takes no RID");
        items[i].has_rid = true;
        items[i].rid = rids[i];
    }
    return translate_kept(run, fact, sids, items, count);
}

int audit_rids(struct audit_run *run, mr_audit_fact *fact) {
    /* Administrator, Guest, krbtgt; Domain Admins, Users, Guests, Computers, Controllers */
    static const uint32_t known[] = {500, 501, 502, 512, 513, 514, 515, 516};
    uint32_t rids[LOOKUP_BATCH];

    if (!run->account_sid)
        return audit_stop(run, fact, MR_AUDIT_UNKNOWN, MR_AUDIT_CALL,
                          "no domain SID is known to build the question with");
    int r = translate_rids(run, fact, known, MR_COUNT(known));
    uint64_t next = run->options->rid_low, last = run->options->rid_high;
    while (!r && next && next <= last && !run->no_memory) {
        size_t count = 0;
        while (count < LOOKUP_BATCH && next <= last)
            rids[count++] = (uint32_t)next++;
        r = translate_rids(run, fact, rids, count);
    }
    return r;
}

int audit_name_to_sid(struct audit_run *run, mr_audit_fact *fact) {
    uint16_t letters[] = u"Administrators";
    mr_ms_dtyp_RPC_UNICODE_STRING name = {
        .Length = sizeof letters - 2, .MaximumLength = sizeof letters - 2, .Buffer = letters};
    struct mr_lsarpc_LsarLookupNames args = {
        .PolicyHandle = run->policy, .Count = 1, .Names = &name,
        .LookupLevel = mr_lsarpc_LsapLookupWksta,
    };

    int r = audit_call(run, fact, MR_AUDIT_LSARPC, LSAR_LOOKUP_NAMES, &args, &args.result);
    if (r)
        return r;
    const mr_lsarpc_LSAPR_REFERENCED_DOMAIN_LIST *domains = args.ReferencedDomains;
    const mr_lsarpc_LSA_TRANSLATED_SID *sid = args.TranslatedSids.Sids;
    if (!args.TranslatedSids.Entries || !sid || !use_text(sid->Use))
        return 0;
    mr_audit_item item = {.name = "Administrators", .kind = use_text(sid->Use), .has_rid = true,
                          .rid = sid->RelativeId};
    if (domains && domains->Domains && sid->DomainIndex >= 0 &&
        (uint32_t)sid->DomainIndex < domains->Entries)
        item.domain = audit_text(run, &domains->Domains[sid->DomainIndex].Name);
    audit_add_item(run, fact, &item);
    return 0;
}

/* ---- lsarpc: rights and trusts ---- */

int audit_privileges(struct audit_run *run, mr_audit_fact *fact) {
    struct mr_lsarpc_LsarEnumeratePrivileges args = {.PolicyHandle = run->policy,
                                                     .PreferedMaximumLength = PREFERRED_LENGTH};
    int r = 0;

    for (unsigned page = 0; !r && page < MR_AUDIT_PAGES_MAX && !run->no_memory; page++) {
        r = audit_call(run, fact, MR_AUDIT_LSARPC, LSAR_ENUMERATE_PRIVILEGES, &args, &args.result);
        const mr_lsarpc_LSAPR_PRIVILEGE_ENUM_BUFFER *buffer = &args.EnumerationBuffer;
        for (uint32_t i = 0; !r && buffer->Privileges && i < buffer->Entries; i++)
            audit_add_item(run, fact, &(mr_audit_item){
                .name = audit_text(run, &buffer->Privileges[i].Name), .kind = "privilege"});
        if (r || args.result != STATUS_MORE_ENTRIES || !buffer->Entries)
            return r;
    }
    fact->cut = true;
    return r;
}

int audit_accounts(struct audit_run *run, mr_audit_fact *fact) {
    struct mr_lsarpc_LsarEnumerateAccounts args = {.PolicyHandle = run->policy,
                                                   .PreferedMaximumLength = PREFERRED_LENGTH};
    int r = 0;

    for (unsigned page = 0; !r && page < MR_AUDIT_PAGES_MAX && !run->no_memory; page++) {
        r = audit_call(run, fact, MR_AUDIT_LSARPC, LSAR_ENUMERATE_ACCOUNTS, &args, &args.result);
        const mr_lsarpc_LSAPR_ACCOUNT_ENUM_BUFFER *buffer = &args.EnumerationBuffer;
        for (uint32_t i = 0; !r && buffer->Information && i < buffer->EntriesRead; i++) {
            const char *sid = audit_sid_text(run, buffer->Information[i].Sid);
            audit_add_item(run, fact, &(mr_audit_item){.name = audit_sid_name(sid), .sid = sid});
        }
        if (r || args.result != STATUS_MORE_ENTRIES || !buffer->EntriesRead)
            return r;
    }
    fact->cut = true;
    return r;
}

int audit_lsa_trusts(struct audit_run *run, mr_audit_fact *fact) {
    struct mr_lsarpc_LsarEnumerateTrustedDomainsEx args = {
        .PolicyHandle = run->policy, .PreferedMaximumLength = PREFERRED_LENGTH};
    int r = 0;

    for (unsigned page = 0; !r && page < MR_AUDIT_PAGES_MAX && !run->no_memory; page++) {
        r = audit_call(run, fact, MR_AUDIT_LSARPC, LSAR_ENUMERATE_TRUSTS_EX, &args, &args.result);
        const mr_lsarpc_LSAPR_TRUSTED_ENUM_BUFFER_EX *buffer = &args.EnumerationBuffer;
        for (uint32_t i = 0; !r && buffer->EnumerationBuffer && i < buffer->EntriesRead; i++) {
            const mr_lsarpc_LSAPR_TRUSTED_DOMAIN_INFORMATION_EX *trust =
                &buffer->EnumerationBuffer[i];
            audit_add_item(run, fact, &(mr_audit_item){
                .name = audit_text(run, &trust->Name), .kind = "domain",
                .full_name = audit_text(run, &trust->FlatName),
                .sid = audit_sid_text(run, trust->Sid)});
        }
        if (r || args.result != STATUS_MORE_ENTRIES || !buffer->EntriesRead)
            return r;
    }
    fact->cut = true;
    return r;
}

/* ---- netlogon ---- */

int audit_locator(struct audit_run *run, mr_audit_fact *fact) {
    struct mr_netlogon_DsrGetDcName args = {0};

    int r = audit_call(run, fact, MR_AUDIT_NETLOGON, DSR_GET_DC_NAME, &args, &args.result);
    const mr_netlogon_DOMAIN_CONTROLLER_INFOW *dc = args.DomainControllerInfo;
    if (!r && !dc)
        return audit_stop(run, fact, MR_AUDIT_UNKNOWN, MR_AUDIT_CALL, "the answer holds nothing");
    if (r)
        return r;
    audit_add_text(fact, "controller", "controller", audit_wide(run, dc->DomainControllerName));
    audit_add_text(fact, "address", "address", audit_wide(run, dc->DomainControllerAddress));
    audit_add_text(fact, "dns_domain", "domain", audit_wide(run, dc->DomainName));
    audit_add_text(fact, "forest", "forest", audit_wide(run, dc->DnsForestName));
    audit_add_text(fact, "site", "its site", audit_wide(run, dc->DcSiteName));
    audit_add_text(fact, "client_site", "our site", audit_wide(run, dc->ClientSiteName));
    add_guid(run, fact, &dc->DomainGuid);
    return 0;
}

int audit_trusts(struct audit_run *run, mr_audit_fact *fact) {
    /* DS_DOMAIN_IN_FOREST, DIRECT_OUTBOUND, TREE_ROOT, PRIMARY, NATIVE_MODE, DIRECT_INBOUND */
    struct mr_netlogon_DsrEnumerateDomainTrusts args = {.Flags = 0x3f};

    int r = audit_call(run, fact, MR_AUDIT_NETLOGON, DSR_ENUMERATE_TRUSTS, &args, &args.result);
    for (uint32_t i = 0; !r && args.Domains.Domains && i < args.Domains.DomainCount; i++) {
        const mr_netlogon_DS_DOMAIN_TRUSTSW *trust = &args.Domains.Domains[i];
        const char *dns = audit_wide(run, trust->DnsDomainName);
        const char *flat = audit_wide(run, trust->NetbiosDomainName);
        audit_add_item(run, fact, &(mr_audit_item){
            .name = dns ? dns : flat, .full_name = dns ? flat : NULL, .kind = "domain",
            .sid = audit_sid_text(run, trust->DomainSid)});
    }
    return r;
}
