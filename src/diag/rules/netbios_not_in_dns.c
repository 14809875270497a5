/*
 * The name is known to NetBIOS and not to DNS.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_not_in_dns = {
    .id = "NETBIOS.NOT_IN_DNS",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NETBIOS_RESOLVED}},
                {.any = {MR_FACT_NAME_RCODE}, .where = {MR_WHERE(RCODE, EQ, 3)}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED}}},
    .summary = "NetBIOS knows the name, DNS does not",
    .cause = "{name} is a NetBIOS name at {address}. Programs that ask DNS alone do not find it; "
             "Windows finds it as long as NetBIOS over TCP is enabled and the broadcast or a "
             "WINS server reaches it.",
    .reference = "RFC 1001 15",
    .remedies = {{.text = "Register the host in DNS, and use that name.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /registerdns",
                  .verify = "msrpc name {host}"}},
};
