/*
 * The alias by which a domain controller finds its replication partner does not exist:
 * GUID._msdcs.FOREST, a CNAME that the Netlogon service of the partner registers.
 */
#include "rules.h"

#include <string.h>

/* 8-4-4-4-12 hexadecimal digits before "._msdcs." */
bool mr_test_name_replica_alias_missing(const mr_fact *fact) {
    static const char digits[] = "0123456789abcdefABCDEF";
    static const uint8_t groups[] = {8, 4, 4, 4, 12};
    const char *p = fact->name;

    for (size_t i = 0; i < sizeof groups; i++) {
        if (strspn(p, digits) != groups[i])
            return false;
        p += groups[i];
        if (i + 1 < sizeof groups && *p++ != '-')
            return false;
    }
    return strncmp(p, "._msdcs.", 8) == 0;
}

const mr_rule mr_rule_name_replica_alias_missing = {
    .id = "NAME.REPLICA_ALIAS_MISSING",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_DSA_NOT_FOUND,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NAME_RCODE}, .where = {MR_WHERE(RCODE, EQ, 3)}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}, .same = MR_F(NAME)}},
    .test = mr_test_name_replica_alias_missing,
    .explains = {"NAME.NXDOMAIN"},
    .summary = "a replication partner is not in DNS",
    .cause = "Domain controllers find each other for replication by the alias {name}, and DNS "
             "server {server|of this machine} says that it does not exist. The partner has not "
             "registered it, the record has not been replicated here, or the delegation of the "
             "_msdcs zone is broken.",
    .reference = "MS-ADTS 6.3.2; KB2021446",
    .remedies = {{.text = "On the partner, let Netlogon register its records again.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "nltest /dsregdns",
                  .verify = "msrpc name {name}"},
                 {.text = "Test registration and delegation of all domain controllers.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "dcdiag /test:dns /e /q"},
                 {.text = "If the partner was demoted, remove what is left of it.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "repadmin /showrepl * /errorsonly"}},
};
