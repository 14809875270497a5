/*
 * What samr tells a stranger (MS-SAMR 3.1.5): domains, policy, accounts, groups and who is in
 * them. Only calls that read; every enumeration is bounded in pages, items and groups.
 */
#include <stdio.h>

#include "audit_private.h"

enum { /* opnums */
    SAMR_CONNECT = 0,
    SAMR_CLOSE = 1,
    SAMR_LOOKUP_DOMAIN = 5,
    SAMR_ENUMERATE_DOMAINS = 6,
    SAMR_OPEN_DOMAIN = 7,
    SAMR_QUERY_DOMAIN = 8,
    SAMR_ENUMERATE_USERS = 13,
    SAMR_ENUMERATE_ALIASES = 15,
    SAMR_LOOKUP_IDS = 18,
    SAMR_OPEN_GROUP = 19,
    SAMR_GET_MEMBERS_IN_GROUP = 25,
    SAMR_OPEN_ALIAS = 27,
    SAMR_GET_MEMBERS_IN_ALIAS = 33,
    SAMR_QUERY_DISPLAY = 40,
    SAMR_GET_PASSWORD = 56,
    SAMR_CONNECT2 = 57,
    SAMR_CONNECT4 = 62,
    SAMR_CONNECT5 = 64,
};
enum { /* access, MS-SAMR 2.2.1.3 to 2.2.1.6 */
    SAM_SERVER_ENUMERATE_DOMAINS = 0x10,
    SAM_SERVER_LOOKUP_DOMAIN = 0x20,
    DOMAIN_READ_PASSWORD_PARAMETERS = 0x1,
    DOMAIN_READ_OTHER_PARAMETERS = 0x4,
    DOMAIN_LIST_ACCOUNTS = 0x100,
    DOMAIN_LOOKUP = 0x200,
    GROUP_LIST_MEMBERS = 0x10,
    ALIAS_LIST_MEMBERS = 0x4,
};
enum {
    PREFERRED_LENGTH = 0x10000,
    DISPLAY_ROWS = 1000,
    USER_NORMAL_ACCOUNT = 0x10, /* 2.2.1.12 */
    ALIAS_PREW2K = 554,         /* DOMAIN_ALIAS_RID_PREW2KCOMPACCESS */
    IDS_MAX = 1000,
    DOMAIN_PASSWORD_COMPLEX = 1,
    DOMAIN_LOCKOUT_ADMINS = 8,
};
#define STATUS_MORE_ENTRIES 0x00000105u
#define STATUS_NO_SUCH_ALIAS 0xc0000151u

static int empty(struct audit_run *run, mr_audit_fact *fact) {
    return audit_stop(run, fact, MR_AUDIT_UNKNOWN, MR_AUDIT_CALL, "the answer holds nothing");
}

/* ---- handles ---- */

/* One of the four ways to connect; the newer ones are tried first, as clients do. */
static int connect_by(struct audit_run *run, mr_audit_fact *fact, uint32_t opnum,
                      uint32_t access) {
    struct mr_samr_SamrConnect5 five = {.DesiredAccess = access, .InVersion = 1,
                                        .InRevisionInfo = {.V1 = {.Revision = 3}}};
    struct mr_samr_SamrConnect4 four = {.DesiredAccess = access, .ClientRevision = 2};
    struct mr_samr_SamrConnect2 two = {.DesiredAccess = access};
    struct mr_samr_SamrConnect one = {.DesiredAccess = access};
    const mr_ndr_context *handle = &one.ServerHandle;
    int r;

    switch (opnum) {
    case SAMR_CONNECT5:
        r = audit_call(run, fact, MR_AUDIT_SAMR, opnum, &five, &five.result);
        handle = &five.ServerHandle;
        break;
    case SAMR_CONNECT4:
        r = audit_call(run, fact, MR_AUDIT_SAMR, opnum, &four, &four.result);
        handle = &four.ServerHandle;
        break;
    case SAMR_CONNECT2:
        r = audit_call(run, fact, MR_AUDIT_SAMR, opnum, &two, &two.result);
        handle = &two.ServerHandle;
        break;
    default:
        r = audit_call(run, fact, MR_AUDIT_SAMR, opnum, &one, &one.result);
        break;
    }
    if (!r)
        run->server = *handle;
    return r;
}

/* Everything the host would give, then less and less of it. */
int audit_connect(struct audit_run *run, mr_audit_fact *fact) {
    static const uint32_t ways[] = {SAMR_CONNECT5, SAMR_CONNECT4, SAMR_CONNECT2, SAMR_CONNECT};
    static const uint32_t wanted[] = {AUDIT_MAXIMUM_ALLOWED,
                                      SAM_SERVER_ENUMERATE_DOMAINS | SAM_SERVER_LOOKUP_DOMAIN,
                                      SAM_SERVER_LOOKUP_DOMAIN, SAM_SERVER_ENUMERATE_DOMAINS};
    mr_audit_outcome first = {0};
    size_t way = 0;
    int r = AUDIT_STOP;

    for (size_t i = 0; i < MR_COUNT(wanted); i++) {
        do {
            r = connect_by(run, fact, ways[way], wanted[i]);
        } while (r == AUDIT_STOP && audit_no_such_call(fact) && ++way < MR_COUNT(ways));
        if (r != AUDIT_STOP)
            return r;
        if (i == 0)
            first = fact->outcome;
        if (!audit_refused(fact))
            return r; /* a refusal before says nothing of what is not answered now */
    }
    fact->outcome = first;
    return r;
}

static int open_domain(struct audit_run *run, mr_audit_fact *fact, const mr_ms_dtyp_RPC_SID *sid,
                       mr_ndr_context *handlep) {
    static const uint32_t wanted[] = {
        AUDIT_MAXIMUM_ALLOWED,
        DOMAIN_LIST_ACCOUNTS | DOMAIN_LOOKUP | DOMAIN_READ_OTHER_PARAMETERS |
            DOMAIN_READ_PASSWORD_PARAMETERS,
        DOMAIN_LIST_ACCOUNTS | DOMAIN_LOOKUP,
        DOMAIN_LOOKUP,
        DOMAIN_READ_PASSWORD_PARAMETERS,
    };
    mr_audit_outcome first = {0};
    int r = AUDIT_STOP;

    for (size_t i = 0; i < MR_COUNT(wanted); i++) {
        struct mr_samr_SamrOpenDomain args = {.ServerHandle = run->server,
                                              .DesiredAccess = wanted[i], .DomainId = *sid};
        r = audit_call(run, fact, MR_AUDIT_SAMR, SAMR_OPEN_DOMAIN, &args, &args.result);
        if (!r)
            *handlep = args.DomainHandle;
        if (r != AUDIT_STOP)
            return r;
        if (i == 0)
            first = fact->outcome;
        if (!audit_refused(fact))
            return r; /* a refusal before says nothing of what is not answered now */
    }
    fact->outcome = first;
    return r;
}

static void close_handle(struct audit_run *run, mr_ndr_context *handle) {
    struct mr_samr_SamrCloseHandle args = {.SamHandle = *handle};
    mr_audit_fact nobody = {0};

    if (run->clients[MR_AUDIT_SAMR])
        (void)audit_call(run, &nobody, MR_AUDIT_SAMR, SAMR_CLOSE, &args, &args.result);
}

/* ---- domains ---- */

/* The entries of an enumeration; without a buffer there are none, whatever the count says. */
static void add_rids(struct audit_run *run, mr_audit_fact *fact, const char *kind,
                     const mr_samr_SAMPR_ENUMERATION_BUFFER *buffer) {
    for (uint32_t i = 0; buffer->Buffer && i < buffer->EntriesRead; i++)
        audit_add_item(run, fact, &(mr_audit_item){
            .name = audit_text(run, &buffer->Buffer[i].Name), .kind = kind, .has_rid = true,
            .rid = buffer->Buffer[i].RelativeId});
}

static mr_ms_dtyp_RPC_UNICODE_STRING unicode(uint16_t *units, size_t count) {
    return (mr_ms_dtyp_RPC_UNICODE_STRING){.Length = (uint16_t)(count * 2),
                                           .MaximumLength = (uint16_t)(count * 2),
                                           .Buffer = units};
}

/* Asks for the SID of the domain @item. */
static int lookup_domain(struct audit_run *run, mr_audit_item *item) {
    mr_audit_fact other = {0};
    uint16_t *units;
    size_t count;

    int r = mr_utf16_encode(mr_slice_str(item->name), run->arena, &units, &count);
    if (r)
        return r == MR_ERR_MEMORY ? r : AUDIT_STOP;
    if (count > 0x7fff)
        return AUDIT_STOP;
    struct mr_samr_SamrLookupDomainInSamServer args = {.ServerHandle = run->server,
                                                       .Name = unicode(units, count)};
    r = audit_call(run, &other, MR_AUDIT_SAMR, SAMR_LOOKUP_DOMAIN, &args, &args.result);
    if (r)
        run->lookup = other.outcome;
    if (r || !args.DomainId)
        return r;
    item->sid = audit_sid_text(run, args.DomainId);
    bool builtin = item->sid && strcmp(item->sid, "S-1-5-32") == 0;
    if (!builtin && !run->account_sid)
        run->account_sid = audit_sid_copy(run, args.DomainId, false, 0);
    return 0;
}

int audit_domains(struct audit_run *run, mr_audit_fact *fact) {
    struct mr_samr_SamrEnumerateDomainsInSamServer args = {
        .ServerHandle = run->server, .PreferedMaximumLength = PREFERRED_LENGTH};

    int r = audit_call(run, fact, MR_AUDIT_SAMR, SAMR_ENUMERATE_DOMAINS, &args, &args.result);
    if (!r && args.Buffer)
        add_rids(run, fact, "domain", args.Buffer);
    for (size_t i = 0; !r && i < fact->item_count && i < 64; i++) {
        int told = fact->items[i].name ? lookup_domain(run, &fact->items[i]) : 0;
        if (told < 0)
            r = told;
    }
    return r;
}

int audit_open_account(struct audit_run *run, mr_audit_fact *fact) {
    if (!run->account_sid) {
        const mr_audit_outcome *domains = &run->steps[AUDIT_ROW_DOMAINS];
        if (domains->state != MR_AUDIT_LEAKS) {
            fact->outcome = *domains;
            return AUDIT_STOP;
        }
        if (run->lookup.why) {
            fact->outcome = run->lookup;
            return AUDIT_STOP;
        }
        return audit_stop(run, fact, MR_AUDIT_UNKNOWN, MR_AUDIT_CALL,
                          "the host names no domain but the built-in one");
    }
    return open_domain(run, fact, run->account_sid, &run->account);
}

int audit_open_builtin(struct audit_run *run, mr_audit_fact *fact) {
    uint32_t rid = 32;
    const mr_ms_dtyp_RPC_SID sid = {.Revision = 1, .SubAuthorityCount = 1,
                                    .IdentifierAuthority = {{0, 0, 0, 0, 0, 5}},
                                    .SubAuthority = &rid};

    return open_domain(run, fact, &sid, &run->builtin);
}

/* ---- policy ---- */

static int query_domain(struct audit_run *run, mr_audit_fact *fact,
                        mr_samr_DOMAIN_INFORMATION_CLASS class,
                        const mr_samr_SAMPR_DOMAIN_INFO_BUFFER **infop) {
    struct mr_samr_SamrQueryInformationDomain args = {.DomainHandle = run->account,
                                                      .DomainInformationClass = class};

    int r = audit_call(run, fact, MR_AUDIT_SAMR, SAMR_QUERY_DOMAIN, &args, &args.result);
    *infop = args.Buffer;
    return !r && !args.Buffer ? empty(run, fact) : r;
}

static int64_t ticks(mr_samr_OLD_LARGE_INTEGER span) {
    return (int64_t)((uint64_t)(uint32_t)span.HighPart << 32 | span.LowPart);
}

int audit_hint(struct audit_run *run, mr_audit_fact *fact) {
    struct mr_samr_SamrGetDomainPasswordInformation args = {0};

    int r = audit_call(run, fact, MR_AUDIT_SAMR, SAMR_GET_PASSWORD, &args, &args.result);
    if (r)
        return r;
    uint32_t properties = args.PasswordInformation.PasswordProperties;
    audit_add_number(fact, "min_password_length", "minimum length", MR_AUDIT_NUMBER,
                     args.PasswordInformation.MinPasswordLength);
    audit_add_text(fact, "complexity", "complexity",
                   properties & DOMAIN_PASSWORD_COMPLEX ? "required" : "not required");
    return 0;
}

int audit_password(struct audit_run *run, mr_audit_fact *fact) {
    const mr_samr_SAMPR_DOMAIN_INFO_BUFFER *info;

    int r = query_domain(run, fact, mr_samr_DomainPasswordInformation, &info);
    if (r)
        return r;
    const mr_samr_DOMAIN_PASSWORD_INFORMATION *password = &info->Password;
    audit_add_number(fact, "min_password_length", "minimum length", MR_AUDIT_NUMBER,
                     password->MinPasswordLength);
    audit_add_number(fact, "password_history", "history", MR_AUDIT_NUMBER,
                     password->PasswordHistoryLength);
    audit_add_text(fact, "complexity", "complexity",
                   password->PasswordProperties & DOMAIN_PASSWORD_COMPLEX ? "required"
                                                                          : "not required");
    audit_add_text(fact, "lockout_admins", "administrators too",
                   password->PasswordProperties & DOMAIN_LOCKOUT_ADMINS ? "locked out" : NULL);
    audit_add_span(fact, "max_password_age_s", "maximum age", ticks(password->MaxPasswordAge));
    audit_add_span(fact, "min_password_age_s", "minimum age", ticks(password->MinPasswordAge));
    return 0;
}

int audit_lockout(struct audit_run *run, mr_audit_fact *fact) {
    const mr_samr_SAMPR_DOMAIN_INFO_BUFFER *info;

    int r = query_domain(run, fact, mr_samr_DomainLockoutInformation, &info);
    if (r)
        return r;
    audit_add_number(fact, "lockout_threshold", "wrong passwords allowed", MR_AUDIT_LIMIT,
                     info->Lockout.LockoutThreshold);
    audit_add_span(fact, "lockout_window_s", "counted within",
                   info->Lockout.LockoutObservationWindow.QuadPart);
    audit_add_span(fact, "lockout_duration_s", "locked for",
                   info->Lockout.LockoutDuration.QuadPart);
    return 0;
}

int audit_logoff(struct audit_run *run, mr_audit_fact *fact) {
    const mr_samr_SAMPR_DOMAIN_INFO_BUFFER *info;

    int r = query_domain(run, fact, mr_samr_DomainLogoffInformation, &info);
    if (!r)
        audit_add_span(fact, "force_logoff_s", "after the logon hours",
                       ticks(info->Logoff.ForceLogoff));
    return r;
}

int audit_general(struct audit_run *run, mr_audit_fact *fact) {
    const mr_samr_SAMPR_DOMAIN_INFO_BUFFER *info;

    int r = query_domain(run, fact, mr_samr_DomainGeneralInformation, &info);
    if (r)
        return r;
    const mr_samr_SAMPR_DOMAIN_GENERAL_INFORMATION *general = &info->General;
    audit_add_text(fact, "domain", "domain", audit_text(run, &general->DomainName));
    audit_add_text(fact, "server", "server", audit_text(run, &general->ReplicaSourceNodeName));
    audit_add_text(fact, "comment", "comment", audit_text(run, &general->OemInformation));
    audit_add_number(fact, "users", "users", MR_AUDIT_NUMBER, general->UserCount);
    audit_add_number(fact, "groups", "groups", MR_AUDIT_NUMBER, general->GroupCount);
    audit_add_number(fact, "aliases", "local groups", MR_AUDIT_NUMBER, general->AliasCount);
    return 0;
}

/* ---- enumerations ---- */

int audit_users(struct audit_run *run, mr_audit_fact *fact) {
    struct mr_samr_SamrEnumerateUsersInDomain args = {
        .DomainHandle = run->account, .UserAccountControl = USER_NORMAL_ACCOUNT,
        .PreferedMaximumLength = PREFERRED_LENGTH};
    int r = 0;

    for (unsigned page = 0; page < MR_AUDIT_PAGES_MAX && !fact->cut && !run->no_memory; page++) {
        args.Buffer = NULL;
        r = audit_call(run, fact, MR_AUDIT_SAMR, SAMR_ENUMERATE_USERS, &args, &args.result);
        if (!r && args.Buffer)
            add_rids(run, fact, "user", args.Buffer);
        if (r || args.result != STATUS_MORE_ENTRIES || !args.Buffer || !args.Buffer->EntriesRead)
            return r;
    }
    fact->cut = true;
    return r;
}

static int enumerate_aliases(struct audit_run *run, mr_audit_fact *fact,
                             const mr_ndr_context *domain) {
    struct mr_samr_SamrEnumerateAliasesInDomain args = {
        .DomainHandle = *domain, .PreferedMaximumLength = PREFERRED_LENGTH};
    int r = 0;

    for (unsigned page = 0; page < MR_AUDIT_PAGES_MAX && !fact->cut && !run->no_memory; page++) {
        args.Buffer = NULL;
        r = audit_call(run, fact, MR_AUDIT_SAMR, SAMR_ENUMERATE_ALIASES, &args, &args.result);
        if (!r && args.Buffer)
            add_rids(run, fact, "alias", args.Buffer);
        if (r || args.result != STATUS_MORE_ENTRIES || !args.Buffer || !args.Buffer->EntriesRead)
            return r;
    }
    fact->cut = true;
    return r;
}

int audit_aliases(struct audit_run *run, mr_audit_fact *fact) {
    return enumerate_aliases(run, fact, &run->account);
}

int audit_builtin(struct audit_run *run, mr_audit_fact *fact) {
    return enumerate_aliases(run, fact, &run->builtin);
}

/* One page of the display lists; returns how many rows it had. */
static uint32_t add_display(struct audit_run *run, mr_audit_fact *fact,
                            const struct mr_samr_SamrQueryDisplayInformation *args) {
    const mr_samr_SAMPR_DOMAIN_DISPLAY_USER_BUFFER *users = &args->Buffer.UserInformation;
    const mr_samr_SAMPR_DOMAIN_DISPLAY_MACHINE_BUFFER *machines =
        &args->Buffer.MachineInformation;
    const mr_samr_SAMPR_DOMAIN_DISPLAY_GROUP_BUFFER *groups = &args->Buffer.GroupInformation;

    if (args->DisplayInformationClass == mr_samr_DomainDisplayUser) {
        for (uint32_t i = 0; users->Buffer && i < users->EntriesRead; i++)
            audit_add_item(run, fact, &(mr_audit_item){
                .name = audit_text(run, &users->Buffer[i].AccountName), .kind = "user",
                .has_rid = true, .rid = users->Buffer[i].Rid, .has_flags = true,
                .flags = users->Buffer[i].AccountControl,
                .full_name = audit_text(run, &users->Buffer[i].FullName),
                .description = audit_text(run, &users->Buffer[i].AdminComment)});
        return users->EntriesRead;
    }
    if (args->DisplayInformationClass == mr_samr_DomainDisplayMachine) {
        for (uint32_t i = 0; machines->Buffer && i < machines->EntriesRead; i++)
            audit_add_item(run, fact, &(mr_audit_item){
                .name = audit_text(run, &machines->Buffer[i].AccountName), .kind = "computer",
                .has_rid = true, .rid = machines->Buffer[i].Rid, .has_flags = true,
                .flags = machines->Buffer[i].AccountControl,
                .description = audit_text(run, &machines->Buffer[i].AdminComment)});
        return machines->EntriesRead;
    }
    for (uint32_t i = 0; groups->Buffer && i < groups->EntriesRead; i++)
        audit_add_item(run, fact, &(mr_audit_item){
            .name = audit_text(run, &groups->Buffer[i].AccountName), .kind = "group",
            .has_rid = true, .rid = groups->Buffer[i].Rid,
            .description = audit_text(run, &groups->Buffer[i].AdminComment)});
    return groups->EntriesRead;
}

/* The display lists say what enumerations do not: full names, descriptions, flags. */
static int query_display(struct audit_run *run, mr_audit_fact *fact,
                         mr_samr_DOMAIN_DISPLAY_INFORMATION class) {
    struct mr_samr_SamrQueryDisplayInformation args = {
        .DomainHandle = run->account, .DisplayInformationClass = class,
        .EntryCount = DISPLAY_ROWS, .PreferredMaximumLength = PREFERRED_LENGTH};
    int r = 0;

    for (unsigned page = 0; page < MR_AUDIT_PAGES_MAX && !fact->cut && !run->no_memory; page++) {
        memset(&args.Buffer, 0, sizeof args.Buffer);
        r = audit_call(run, fact, MR_AUDIT_SAMR, SAMR_QUERY_DISPLAY, &args, &args.result);
        uint32_t rows = r ? 0 : add_display(run, fact, &args);
        if (r || args.result != STATUS_MORE_ENTRIES || !rows)
            return r;
        args.Index += rows;
    }
    fact->cut = true;
    return r;
}

int audit_details(struct audit_run *run, mr_audit_fact *fact) {
    return query_display(run, fact, mr_samr_DomainDisplayUser);
}

int audit_machines(struct audit_run *run, mr_audit_fact *fact) {
    return query_display(run, fact, mr_samr_DomainDisplayMachine);
}

int audit_groups(struct audit_run *run, mr_audit_fact *fact) {
    return query_display(run, fact, mr_samr_DomainDisplayGroup);
}

/* ---- members ---- */

/* The name of a RID of the account domain that an earlier answer told, or NULL. */
static const char *known_name(const struct audit_run *run, uint32_t rid) {
    for (size_t f = 0; f < run->out->fact_count; f++) {
        const mr_audit_fact *fact = &run->out->facts[f];
        if (strcmp(fact->id, "SAMR.USERS") != 0 && strcmp(fact->id, "SAMR.GROUPS") != 0 &&
            strcmp(fact->id, "SAMR.MACHINES") != 0)
            continue;
        for (size_t i = 0; i < fact->item_count; i++)
            if (fact->items[i].rid == rid)
                return fact->items[i].name;
    }
    return NULL;
}

/* Names of those of @fact's items from @first on that have none (SamrLookupIdsInDomain). */
static int name_members(struct audit_run *run, mr_audit_fact *fact, size_t first) {
    uint32_t rids[IDS_MAX];
    size_t at[IDS_MAX], count = 0;
    mr_audit_fact other = {0};

    for (size_t i = first; i < fact->item_count && count < IDS_MAX; i++) {
        if (fact->items[i].name || !fact->items[i].has_rid)
            continue;
        at[count] = i;
        rids[count++] = fact->items[i].rid;
    }
    if (!count || run->steps[AUDIT_ROW_OPEN].state != MR_AUDIT_LEAKS)
        return 0;
    struct mr_samr_SamrLookupIdsInDomain args = {
        .DomainHandle = run->account, .Count = (uint32_t)count, .RelativeIds = rids};
    int r = audit_call(run, &other, MR_AUDIT_SAMR, SAMR_LOOKUP_IDS, &args, &args.result);
    for (size_t i = 0; !r && i < count && args.Names.Element && i < args.Names.Count; i++)
        fact->items[at[i]].name = audit_text(run, &args.Names.Element[i]);
    return r < 0 ? r : 0;
}

static int group_members(struct audit_run *run, mr_audit_fact *fact, const mr_audit_item *group) {
    struct mr_samr_SamrOpenGroup open = {.DomainHandle = run->account,
                                         .DesiredAccess = GROUP_LIST_MEMBERS,
                                         .GroupId = group->rid};
    size_t first = fact->item_count;

    int r = audit_call(run, fact, MR_AUDIT_SAMR, SAMR_OPEN_GROUP, &open, &open.result);
    if (r)
        return r;
    struct mr_samr_SamrGetMembersInGroup args = {.GroupHandle = open.GroupHandle};
    r = audit_call(run, fact, MR_AUDIT_SAMR, SAMR_GET_MEMBERS_IN_GROUP, &args, &args.result);
    const mr_samr_SAMPR_GET_MEMBERS_BUFFER *members = args.Members;
    for (uint32_t i = 0; !r && members && members->Members && i < members->MemberCount; i++)
        audit_add_item(run, fact, &(mr_audit_item){
            .of = group->name, .has_rid = true, .rid = members->Members[i],
            .name = known_name(run, members->Members[i])});
    if (!r)
        r = name_members(run, fact, first);
    if (r >= 0)
        close_handle(run, &open.GroupHandle);
    return r;
}

/* The RID of a SID of the account domain. */
static bool account_rid(const struct audit_run *run, const mr_ms_dtyp_RPC_SID *sid,
                        uint32_t *ridp) {
    const mr_ms_dtyp_RPC_SID *domain = run->account_sid;

    if (!sid || !domain || sid->SubAuthorityCount != domain->SubAuthorityCount + 1 ||
        memcmp(&sid->IdentifierAuthority, &domain->IdentifierAuthority,
               sizeof sid->IdentifierAuthority) != 0 ||
        memcmp(sid->SubAuthority, domain->SubAuthority,
               domain->SubAuthorityCount * sizeof *sid->SubAuthority) != 0)
        return false;
    *ridp = sid->SubAuthority[domain->SubAuthorityCount];
    return true;
}

static int alias_members(struct audit_run *run, mr_audit_fact *fact, uint32_t rid,
                         const char *name) {
    struct mr_samr_SamrOpenAlias open = {.DomainHandle = run->builtin,
                                         .DesiredAccess = ALIAS_LIST_MEMBERS, .AliasId = rid};
    size_t first = fact->item_count;

    int r = audit_call(run, fact, MR_AUDIT_SAMR, SAMR_OPEN_ALIAS, &open, &open.result);
    if (r)
        return r;
    struct mr_samr_SamrGetMembersInAlias args = {.AliasHandle = open.AliasHandle};
    r = audit_call(run, fact, MR_AUDIT_SAMR, SAMR_GET_MEMBERS_IN_ALIAS, &args, &args.result);
    for (uint32_t i = 0; !r && args.Members.Sids && i < args.Members.Count; i++) {
        const mr_ms_dtyp_RPC_SID *sid = args.Members.Sids[i].SidPointer;
        mr_audit_item item = {.of = name, .sid = audit_sid_text(run, sid)};
        item.has_rid = account_rid(run, sid, &item.rid);
        item.name = item.has_rid ? known_name(run, item.rid) : audit_sid_name(item.sid);
        audit_add_item(run, fact, &item);
    }
    size_t count = fact->item_count - first;
    if (!r && run->has_policy && count && count <= IDS_MAX) {
        /* the reply's SIDs hold until samr is asked again */
        mr_lsarpc_LSAPR_SID_INFORMATION sids[IDS_MAX];
        mr_audit_fact other = {0};
        for (size_t i = 0; i < count; i++)
            sids[i].Sid = args.Members.Sids[i].SidPointer;
        int told = audit_translate(run, &other, sids, &fact->items[first], count);
        r = told < 0 ? told : 0;
    }
    if (!r)
        r = name_members(run, fact, first);
    if (r >= 0)
        close_handle(run, &open.AliasHandle);
    return r;
}

/* Asks for the members of every group that the fact @source lists; the fact stands when one of
 * them answers. */
static int all_members(struct audit_run *run, mr_audit_fact *fact, enum audit_row_number source,
                       bool alias) {
    const mr_audit_fact *list = mr_audit_find(run->out, audit_row(source)->id);
    mr_audit_outcome good = {0};
    size_t count = list ? list->item_count : 0;

    if (!list || list->outcome.state != MR_AUDIT_LEAKS) {
        fact->outcome = run->steps[source];
        return AUDIT_STOP;
    }
    for (size_t i = 0; i < count && i < MR_AUDIT_GROUPS_MAX && !fact->cut && !run->no_memory;
         i++) {
        const mr_audit_item *group = &list->items[i];
        int r = alias ? alias_members(run, fact, group->rid, group->name)
                      : group_members(run, fact, group);
        if (r < 0)
            return r;
        if (!r)
            good = fact->outcome;
        if (!run->clients[MR_AUDIT_SAMR])
            break;
    }
    fact->cut |= count > MR_AUDIT_GROUPS_MAX;
    if (good.state == MR_AUDIT_LEAKS)
        fact->outcome = good;
    if (!count) /* no group, no members: that is the answer */
        fact->outcome = list->outcome;
    return fact->outcome.state == MR_AUDIT_LEAKS ? 0 : AUDIT_STOP;
}

int audit_members(struct audit_run *run, mr_audit_fact *fact) {
    return all_members(run, fact, AUDIT_ROW_GROUPS, false);
}

int audit_builtin_members(struct audit_run *run, mr_audit_fact *fact) {
    return all_members(run, fact, AUDIT_ROW_BUILTIN, true);
}

int audit_prew2k(struct audit_run *run, mr_audit_fact *fact) {
    int r = alias_members(run, fact, ALIAS_PREW2K, NULL);

    if (r == AUDIT_STOP && fact->outcome.code_kind == MR_PEER_NTSTATUS &&
        fact->outcome.code == STATUS_NO_SUCH_ALIAS) {
        fact->outcome.state = MR_AUDIT_LEAKS;
        fact->outcome.why = NULL;
        audit_add_text(fact, "group", "the group", "does not exist");
        return 0;
    }
    return r;
}
