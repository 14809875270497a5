/*
 * A name was asked for on the link only: LLMNR (RFC 4795) and mDNS (RFC 6762) do not cross routers,
 * and DNS, which knows hosts elsewhere, was not asked.
 */
#include "rules.h"

const mr_rule mr_rule_name_multicast_only = {
    .id = "NAME.MULTICAST_ONLY",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_HOST_NOT_FOUND,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NAME_MULTICAST_ONLY}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_RCODE, MR_FACT_NAME_NODATA,
                        MR_FACT_NAME_TIMEOUT}},
               {.any = {MR_FACT_NETBIOS_RESOLVED}}},
    .summary = "DNS was not asked for the name",
    .cause = "{from|The client} asked for {name} on its own link only (LLMNR, mDNS), where nobody "
             "answered, and never in DNS. A name of one label without a suffix to append, or one "
             "that ends in .local, goes that way.",
    .reference = "RFC 4795 3, RFC 6762 3",
    .remedies = {{.text = "Ask with the full name of the host.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc name {name}"},
                 {.text = "Look at the suffixes that the client appends, and at its DNS servers.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-DnsClientGlobalSetting; Get-DnsClientServerAddress"}},
};
