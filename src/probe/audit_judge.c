/*
 * What the answers of an audit mean: countermeasures judged by the facts they govern, and the
 * facts and checks that the rules of diag see.
 */
#include <string.h>

#include "audit_private.h"

#define HARDENING_FACTS 6

/* Settings as the Windows security policies name them; "wanted" is what stops the leak. */
static const struct {
    const char *id, *title, *setting, *wanted;
    enum mr_status leaking;
    const char *facts[HARDENING_FACTS];
} countermeasures[] = {
    {"RESTRICT_ANONYMOUS_SAM", "accounts and their policy",
     "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\RestrictAnonymousSAM", "1", MR_STATUS_FAIL,
     {"SAMR.USERS", "SAMR.USER_DETAILS", "SAMR.GROUPS", "SAMR.BUILTIN", "SAMR.PASSWORD_POLICY",
      "SAMR.LOCKOUT"}},
    {"SID_NAME_TRANSLATION", "translation of SIDs and names",
     "policy: Network access: Allow anonymous SID/Name translation", "disabled", MR_STATUS_FAIL,
     {"LSA.SID_TO_NAME", "LSA.RID_CYCLING", "LSA.NAME_TO_SID"}},
    {"RESTRICT_ANONYMOUS", "LSA policy",
     "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\RestrictAnonymous", "1", MR_STATUS_FAIL,
     {"LSA.PRIMARY_DOMAIN", "LSA.ACCOUNT_DOMAIN", "LSA.DNS_DOMAIN", "LSA.ACCOUNTS"}},
    {"RESTRICT_REMOTE_CLIENTS", "endpoint mapper",
     "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Rpc\\RestrictRemoteClients",
     "1 on members, not set on domain controllers", MR_STATUS_WARN, {"EPM.ENDPOINTS"}},
};
_Static_assert(MR_COUNT(countermeasures) + 1 <= MR_AUDIT_HARDENING_MAX, "all of them fit");

/* Whether a member makes the group as good as open to strangers; its name, or NULL. */
static const char *open_member(const mr_audit_fact *prew2k) {
    for (size_t i = 0; prew2k && i < prew2k->item_count; i++) {
        const char *sid = prew2k->items[i].sid;
        if (sid && (strcmp(sid, "S-1-5-7") == 0 || strcmp(sid, "S-1-1-0") == 0))
            return audit_sid_name(sid);
    }
    return NULL;
}

static void judge_prew2k(mr_audit *audit) {
    const mr_audit_fact *fact = mr_audit_find(audit, "SAMR.PREW2K");
    mr_audit_hardening *h = &audit->hardening[audit->hardening_count++];

    *h = (mr_audit_hardening){.id = "PREW2K_GROUP",
                              .title = "Pre-Windows 2000 Compatible Access",
                              .setting = "group S-1-5-32-554",
                              .wanted = "no Everyone, no ANONYMOUS LOGON"};
    /* a stranger who is refused the members has not seen them */
    if (fact && fact->outcome.state == MR_AUDIT_LEAKS) {
        h->status = open_member(fact) ? MR_STATUS_FAIL : MR_STATUS_PASS;
        h->fact = fact->id;
    }
}

void audit_judge(mr_audit *audit) {
    for (size_t i = 0; i < MR_COUNT(countermeasures); i++) {
        mr_audit_hardening *h = &audit->hardening[audit->hardening_count++];
        bool unknown = false;
        *h = (mr_audit_hardening){.id = countermeasures[i].id, .title = countermeasures[i].title,
                                  .setting = countermeasures[i].setting,
                                  .wanted = countermeasures[i].wanted};
        for (size_t k = 0; k < HARDENING_FACTS && countermeasures[i].facts[k]; k++) {
            const mr_audit_fact *fact = mr_audit_find(audit, countermeasures[i].facts[k]);
            enum mr_audit_state state = fact ? fact->outcome.state : MR_AUDIT_UNKNOWN;
            if (state == MR_AUDIT_LEAKS && h->status != countermeasures[i].leaking) {
                h->status = countermeasures[i].leaking;
                h->fact = fact->id;
            } else if (state == MR_AUDIT_DENIED && h->status == MR_STATUS_UNKNOWN) {
                h->status = MR_STATUS_PASS;
                h->fact = fact->id;
            }
            unknown |= state == MR_AUDIT_UNKNOWN;
        }
        if (unknown && h->status == MR_STATUS_PASS)
            h->status = MR_STATUS_UNKNOWN;
    }
    judge_prew2k(audit);
}

/* ---- for the rules ---- */

static int add_leak(const mr_audit *audit, const mr_audit_fact *fact, enum mr_fact_kind kind,
                    const char *address, mr_diag *diag) {
    const mr_audit_gate *gate = &audit->gates[fact->door];

    return mr_diag_add_fact(diag, &(mr_fact){
        .kind = kind, .check = fact->id, .interface = gate->name, .address = address,
        .port = gate->port, .count = (uint32_t)fact->item_count});
}

/* By its interfaces, or by what it calls itself where nobody changed "server string". */
static bool is_samba(const mr_audit *audit) {
    const mr_audit_fact *general = mr_audit_find(audit, "SAMR.GENERAL");

    for (size_t i = 0; general && i < general->value_count; i++)
        if (general->values[i].kind == MR_AUDIT_TEXT && general->values[i].text &&
            strncmp(general->values[i].text, "Samba ", 6) == 0)
            return true;
    return audit->samba;
}

int mr_audit_add_facts(const mr_audit *audit, mr_diag *diag) {
    char address[MR_ADDR_TEXT] = "";
    int r = 0;

    if (audit->remote.family)
        mr_addr_text(&audit->remote, address);
    for (size_t i = 0, k = 0; !r && audit_row(i); i++) {
        const struct audit_row *row = audit_row(i);
        if (!row->id)
            continue;
        const mr_audit_fact *fact = &audit->facts[k++];
        if (fact->outcome.state == MR_AUDIT_LEAKS && row->leak != MR_FACT_NONE)
            r = add_leak(audit, fact, row->leak, address, diag);
    }
    const mr_audit_fact *prew2k = mr_audit_find(audit, "SAMR.PREW2K");
    const char *member = open_member(prew2k);
    if (!r && is_samba(audit))
        r = mr_fact_add(diag, MR_FACT_AUDIT_SAMBA, "EPM.ENDPOINTS", .address = address);
    if (!r && audit->dc)
        r = mr_fact_add(diag, MR_FACT_AUDIT_DC, "EPM.ENDPOINTS", .address = address);
    if (!r && prew2k && prew2k->outcome.state == MR_AUDIT_LEAKS && !member)
        r = mr_fact_add(diag, MR_FACT_AUDIT_PREW2K_CLOSED, "SAMR.PREW2K", .address = address);
    if (!r && member)
        r = mr_fact_add(diag, MR_FACT_AUDIT_PREW2K, "SAMR.PREW2K", .address = address,
                        .port = audit->gates[MR_AUDIT_SAMR].port, .other = member);
    return r;
}

/* ---- looking up ---- */

size_t mr_audit_count(const mr_audit *audit, enum mr_audit_state state) {
    size_t count = 0;

    for (size_t i = 0; i < audit->fact_count; i++)
        count += audit->facts[i].outcome.state == state;
    return count;
}

const mr_audit_fact *mr_audit_find(const mr_audit *audit, const char *id) {
    for (size_t i = 0; i < audit->fact_count; i++)
        if (strcmp(audit->facts[i].id, id) == 0)
            return &audit->facts[i];
    return NULL;
}

const char *mr_audit_state_name(enum mr_audit_state state) {
    switch (state) {
    case MR_AUDIT_UNKNOWN: return "unknown";
    case MR_AUDIT_LEAKS: return "leaks";
    case MR_AUDIT_DENIED: return "denied";
    case MR_AUDIT_NOT_REACHABLE: return "not reachable";
    }
    return "unknown";
}

const char *mr_audit_rung_name(enum mr_audit_rung rung) {
    switch (rung) {
    case MR_AUDIT_MAP: return "map";
    case MR_AUDIT_CONNECT: return "connect";
    case MR_AUDIT_BIND: return "bind";
    case MR_AUDIT_CALL: return "call";
    }
    return "map";
}

const char *mr_audit_category_name(enum mr_audit_category category) {
    switch (category) {
    case MR_AUDIT_MAPPER: return "mapper";
    case MR_AUDIT_IDENTITY: return "identity";
    case MR_AUDIT_DOMAIN: return "domain";
    case MR_AUDIT_POLICY: return "policy";
    case MR_AUDIT_ACCOUNTS: return "accounts";
    case MR_AUDIT_TRANSLATION: return "translation";
    case MR_AUDIT_RIGHTS: return "rights";
    case MR_AUDIT_CATEGORIES: break;
    }
    return "";
}
