/*
 * A host in one process for the tests of the audit: an endpoint mapper, and samr, lsarpc and
 * dssetup behind one port, with bodies that tell a small domain, refuse, or never answer.
 */
#ifndef AUDIT_WORLD_H
#define AUDIT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/ifaces/dssetup_server.h>
#include <msrpc/ifaces/lsarpc_server.h>
#include <msrpc/ifaces/samr_server.h>
#include <msrpc/probe/audit.h>
#include <msrpc/serve.h>

#define DENIED 0xc0000022u
#define MORE_ENTRIES 0x105u
#define NO_SUCH_DOMAIN 0xc00000dfu
#define WHOLE_DOMAIN 0x305u /* the access this domain grants; MAXIMUM_ALLOWED it refuses */

static mr_ndr_context handle_of(uint8_t n) {
    mr_ndr_context handle = {0};
    ((uint8_t *)&handle)[7] = n;
    return handle;
}

static mr_ms_dtyp_RPC_UNICODE_STRING text_of(mr_server_call *call, const char *s) {
    mr_ms_dtyp_RPC_UNICODE_STRING text = {0};
    size_t count;
    if (mr_utf16_encode(mr_slice_str(s), call->arena, &text.Buffer, &count) == 0)
        text.Length = text.MaximumLength = (uint16_t)(count * 2);
    return text;
}

/* S-1-5-21-1-2-3, and with a RID behind it. */
static mr_ms_dtyp_RPC_SID *sid_of(mr_server_call *call, bool has_rid, uint32_t rid) {
    mr_ms_dtyp_RPC_SID *sid = MR_ARENA_NEW(call->arena, mr_ms_dtyp_RPC_SID);
    uint32_t *sub = mr_arena_get(call->arena, 5, sizeof *sub);
    if (!sid || !sub)
        return NULL;
    memcpy(sub, (uint32_t[5]){21, 1, 2, 3, rid}, 5 * sizeof *sub);
    *sid = (mr_ms_dtyp_RPC_SID){.Revision = 1, .SubAuthorityCount = (uint8_t)(4 + has_rid),
                                .IdentifierAuthority = {{0, 0, 0, 0, 0, 5}}, .SubAuthority = sub};
    return sid;
}

/* ---- samr: an old server, which knows SamrConnect2 only ---- */

static int samr_connect2(mr_server_call *call, struct mr_samr_SamrConnect2 *args) {
    (void)call;
    args->ServerHandle = handle_of(1);
    return 0;
}

static mr_samr_SAMPR_ENUMERATION_BUFFER *names_of(mr_server_call *call, const char *const *names,
                                                  const uint32_t *rids, uint32_t count) {
    mr_samr_SAMPR_ENUMERATION_BUFFER *buffer =
        MR_ARENA_NEW(call->arena, mr_samr_SAMPR_ENUMERATION_BUFFER);
    if (!buffer)
        return NULL;
    buffer->Buffer = mr_arena_get(call->arena, count, sizeof *buffer->Buffer);
    if (!buffer->Buffer)
        return NULL;
    buffer->EntriesRead = count;
    for (uint32_t i = 0; i < count; i++)
        buffer->Buffer[i] = (mr_samr_SAMPR_RID_ENUMERATION){rids[i], text_of(call, names[i])};
    return buffer;
}

static int samr_domains(mr_server_call *call,
                        struct mr_samr_SamrEnumerateDomainsInSamServer *args) {
    args->Buffer = names_of(call, (const char *const[]){"Builtin", "LAB"}, (uint32_t[]){0, 1}, 2);
    args->CountReturned = 2;
    return args->Buffer ? 0 : MR_ERR_MEMORY;
}

static int samr_lookup(mr_server_call *call, struct mr_samr_SamrLookupDomainInSamServer *args) {
    if (args->Name.Length != 6)
        args->result = NO_SUCH_DOMAIN;
    else
        args->DomainId = sid_of(call, false, 0);
    return 0;
}

static int samr_open_domain(mr_server_call *call, struct mr_samr_SamrOpenDomain *args) {
    (void)call;
    args->result = args->DesiredAccess == WHOLE_DOMAIN ? 0 : DENIED;
    args->DomainHandle = handle_of(args->DomainId.SubAuthorityCount == 1 ? 3 : 2);
    return 0;
}

static int samr_users(mr_server_call *call, struct mr_samr_SamrEnumerateUsersInDomain *args) {
    static const char *const names[] = {"Administrator", "Guest", "al\033ice"};
    static const uint32_t rids[] = {500, 501, 1104};
    uint32_t at = args->EnumerationContext++;
    args->Buffer = names_of(call, &names[at], &rids[at], 1);
    args->CountReturned = 1;
    args->result = at < 2 ? MORE_ENTRIES : 0;
    return args->Buffer ? 0 : MR_ERR_MEMORY;
}

static int samr_query(mr_server_call *call, struct mr_samr_SamrQueryInformationDomain *args) {
    mr_samr_SAMPR_DOMAIN_INFO_BUFFER *info =
        MR_ARENA_NEW(call->arena, mr_samr_SAMPR_DOMAIN_INFO_BUFFER);
    if (!info)
        return MR_ERR_MEMORY;
    if (args->DomainInformationClass == mr_samr_DomainPasswordInformation)
        info->Password = (mr_samr_DOMAIN_PASSWORD_INFORMATION){
            .MinPasswordLength = 7, .PasswordProperties = 1,
            .MaxPasswordAge = {0, INT32_MIN}};
    else if (args->DomainInformationClass == mr_samr_DomainLockoutInformation)
        info->Lockout = (mr_samr_SAMPR_DOMAIN_LOCKOUT_INFORMATION){
            .LockoutDuration = {-18000000000}, .LockoutThreshold = 5};
    else
        args->result = DENIED;
    args->Buffer = args->result ? NULL : info;
    return 0;
}

static int samr_display(mr_server_call *call, struct mr_samr_SamrQueryDisplayInformation *args) {
    mr_samr_SAMPR_DOMAIN_DISPLAY_USER *user =
        MR_ARENA_NEW(call->arena, mr_samr_SAMPR_DOMAIN_DISPLAY_USER);
    if (args->DisplayInformationClass != mr_samr_DomainDisplayUser || !user) {
        args->result = DENIED;
        return 0;
    }
    *user = (mr_samr_SAMPR_DOMAIN_DISPLAY_USER){
        .Index = 1, .Rid = 1104, .AccountControl = 0x210, .AccountName = text_of(call, "alice"),
        .AdminComment = text_of(call, "pw: Secret1"), .FullName = text_of(call, "Alice A.")};
    args->TotalReturned = args->TotalAvailable = 1;
    args->Buffer.UserInformation =
        (mr_samr_SAMPR_DOMAIN_DISPLAY_USER_BUFFER){.EntriesRead = 1, .Buffer = user};
    return 0;
}

static int samr_open_alias(mr_server_call *call, struct mr_samr_SamrOpenAlias *args) {
    (void)call;
    args->AliasHandle = handle_of(4);
    return 0;
}

static int samr_alias_members(mr_server_call *call, struct mr_samr_SamrGetMembersInAlias *args) {
    mr_samr_SAMPR_SID_INFORMATION *sids = mr_arena_get(call->arena, 2, sizeof *sids);
    uint32_t *everyone = mr_arena_get(call->arena, 1, sizeof *everyone);
    mr_ms_dtyp_RPC_SID *sid = MR_ARENA_NEW(call->arena, mr_ms_dtyp_RPC_SID);
    if (!sids || !everyone || !sid)
        return MR_ERR_MEMORY;
    *sid = (mr_ms_dtyp_RPC_SID){.Revision = 1, .SubAuthorityCount = 1,
                                .IdentifierAuthority = {{0, 0, 0, 0, 0, 1}},
                                .SubAuthority = everyone};
    sids[0].SidPointer = sid;
    sids[1].SidPointer = sid_of(call, true, 500);
    args->Members = (mr_samr_SAMPR_PSID_ARRAY_OUT){.Count = 2, .Sids = sids};
    return 0;
}

static const struct mr_samr_iface_server samr_open_bodies = {
    .SamrConnect2 = samr_connect2,
    .SamrEnumerateDomainsInSamServer = samr_domains,
    .SamrLookupDomainInSamServer = samr_lookup,
    .SamrOpenDomain = samr_open_domain,
    .SamrEnumerateUsersInDomain = samr_users,
    .SamrQueryInformationDomain = samr_query,
    .SamrQueryDisplayInformation = samr_display,
    .SamrOpenAlias = samr_open_alias,
    .SamrGetMembersInAlias = samr_alias_members,
};

/* ---- lsarpc: a policy, and names for the RIDs 500 and 1000 to 1009 ---- */

static int lsa_open(mr_server_call *call, struct mr_lsarpc_LsarOpenPolicy2 *args) {
    (void)call;
    args->PolicyHandle = handle_of(9);
    return 0;
}

static int lsa_sids(mr_server_call *call, struct mr_lsarpc_LsarLookupSids *args) {
    uint32_t count = args->SidEnumBuffer.Entries;
    mr_lsarpc_LSAPR_TRANSLATED_NAME *names = mr_arena_get(call->arena, count, sizeof *names);
    mr_lsarpc_LSAPR_REFERENCED_DOMAIN_LIST *list =
        MR_ARENA_NEW(call->arena, mr_lsarpc_LSAPR_REFERENCED_DOMAIN_LIST);
    mr_lsarpc_LSAPR_TRUST_INFORMATION *lab =
        MR_ARENA_NEW(call->arena, mr_lsarpc_LSAPR_TRUST_INFORMATION);
    if (!names || !list || !lab)
        return MR_ERR_MEMORY;
    lab->Name = text_of(call, "LAB");
    *list = (mr_lsarpc_LSAPR_REFERENCED_DOMAIN_LIST){.Entries = 1, .Domains = lab,
                                                     .MaxEntries = 32};
    for (uint32_t i = 0; i < count; i++) {
        const mr_ms_dtyp_RPC_SID *sid = args->SidEnumBuffer.SidInfo[i].Sid;
        uint32_t rid = sid->SubAuthority[sid->SubAuthorityCount - 1];
        char text[32];
        snprintf(text, sizeof text, "name%u", rid);
        bool known = rid == 500 || (rid >= 1000 && rid < 1010);
        names[i] = (mr_lsarpc_LSAPR_TRANSLATED_NAME){
            .Use = known ? mr_lsarpc_SidTypeUser : mr_lsarpc_SidTypeUnknown,
            .Name = text_of(call, text), .DomainIndex = known ? 0 : 77};
    }
    args->ReferencedDomains = list;
    args->TranslatedNames = (mr_lsarpc_LSAPR_TRANSLATED_NAMES){.Entries = count, .Names = names};
    return 0;
}

static const struct mr_lsarpc_iface_server lsarpc_open_bodies = {
    .LsarOpenPolicy2 = lsa_open,
    .LsarLookupSids = lsa_sids,
};

/* ---- dssetup ---- */

static mr_server_call *unanswered; /* until world_close */

static int role_later(mr_server_call *call,
                      struct mr_dssetup_DsRolerGetPrimaryDomainInformation *args) {
    (void)args;
    unanswered = call;
    return MR_SERVER_LATER;
}

static int role_denied(mr_server_call *call,
                       struct mr_dssetup_DsRolerGetPrimaryDomainInformation *args) {
    (void)args;
    return mr_server_fault(call, MR_FAULT_ACCESS_DENIED);
}

static const struct mr_dssetup_iface_server dssetup_silent_bodies = {
    .DsRolerGetPrimaryDomainInformation = role_later};
static const struct mr_dssetup_iface_server dssetup_denied_bodies = {
    .DsRolerGetPrimaryDomainInformation = role_denied};

/* ---- the host ---- */

struct audit_world {
    mr_loop loop;
    mr_server *server;
    mr_server_endpoint *mapper, *service;
    mr_mapper_db db;
    bool has_db;
    mr_server_iface ifaces[3];
    size_t iface_count;
    mr_arena arena;
};

static int world_add(struct audit_world *w, const mr_iface *iface, const mr_server_row *rows,
                     size_t row_count, const void *bodies) {
    mr_server_iface *served = &w->ifaces[w->iface_count++];
    const mr_mapper_db_entry entry = {
        .interface = iface->syntax,
        .protseq = MR_PROTSEQ_NCACN_IP_TCP,
        .port = mr_server_endpoint_get_local(w->service)->port,
    };

    *served = (mr_server_iface){.iface = iface, .rows = rows, .row_count = row_count,
                                .bodies = bodies};
    int r = mr_server_add_iface(w->service, served, NULL);
    return r ? r : mr_mapper_db_add(&w->db, &entry, NULL);
}
#define WORLD_ADD(w, name, bodies) \
    world_add((w), &mr_##name##_iface, mr_##name##_iface_rows, MR_COUNT(mr_##name##_iface_rows), \
              (bodies))

/* 0, or the first error; world_close either way. */
static int world_open(struct audit_world *w) {
    const mr_listen_options listen = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};

    memset(w, 0, sizeof *w);
    mr_arena_init(&w->arena, 64 << 20);
    int r = mr_loop_init(&w->loop, NULL);
    if (!r)
        r = mr_server_new(&w->loop, &(mr_server_options){0}, &w->server, NULL);
    if (!r)
        r = mr_server_add_endpoint(w->server, &listen, &w->mapper, NULL);
    if (!r)
        r = mr_server_add_endpoint(w->server, &listen, &w->service, NULL);
    if (!r)
        r = mr_mapper_db_init(&w->db);
    w->has_db = r == 0;
    if (!r)
        r = mr_serve_add_mapper(w->mapper, &w->db, NULL);
    return r;
}

static void world_close(struct audit_world *w) {
    if (unanswered)
        mr_server_fault(unanswered, MR_FAULT_UNSPEC); /* to nobody: the client is gone */
    unanswered = NULL;
    mr_arena_deinit(&w->arena);
    mr_server_free(w->server);
    if (w->has_db)
        mr_mapper_db_deinit(&w->db);
    mr_loop_deinit(&w->loop);
}

static int world_audit(struct audit_world *w, mr_nsec timeout, uint32_t low, uint32_t high,
                       mr_audit *audit) {
    const mr_addr loopback = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}};
    const mr_audit_options options = {
        .addrs = &loopback,
        .addr_count = 1,
        .host = "127.0.0.1",
        .mapper_port = mr_server_endpoint_get_local(w->mapper)->port,
        .client = {.connect = {.timeout = timeout, .tries = 1}, .timeout = timeout},
        .rid_low = low,
        .rid_high = high,
    };
    mr_error err = MR_ERROR_INIT;

    return mr_audit_run(&w->loop, &options, &w->arena, audit, &err);
}

#endif
