/*
 * DNS says that the name does not exist. One suffix of a search list may well give this; producers
 * state it for the name that was finally asked.
 */
#include "rules.h"

const mr_rule mr_rule_name_nxdomain = {
    .id = "NAME.NXDOMAIN",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_HOST_NOT_FOUND,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NAME_RCODE}, .where = {MR_WHERE(RCODE, EQ, 3)}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}},
               {.any = {MR_FACT_NAME_NODATA}}},
    .summary = "the name does not exist in DNS",
    .cause = "The DNS server {server|of this machine} says that {name} does not exist (NXDOMAIN). "
             "The record was never registered or was removed, the name is misspelt, or this is not "
             "a DNS server of that domain.",
    .reference = "RFC 1035 4.1.1, RFC 8020",
    .remedies = {{.text = "On the host itself, register its addresses again.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /registerdns",
                  .verify = "msrpc diagnose {host} --phase 1"},
                 {.text = "A domain controller also registers its locator records; on it run",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "nltest /dsregdns",
                  .verify = "msrpc diagnose {host} --phase 1"},
                 {.text = "Let this machine ask a DNS server of the domain.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsClientServerAddress -AddressFamily IPv4"}},
};
