/*
 * A name without a dot that DNS does not know: the client added no suffix, or the wrong one.
 */
#include "rules.h"

const mr_rule mr_rule_name_single_label = {
    .id = "NAME.SINGLE_LABEL",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_HOST_NOT_FOUND,
    .require = {{.any = {MR_FACT_NAME_SINGLE_LABEL}},
                {.any = {MR_FACT_NAME_RCODE}, .where = {MR_WHERE(RCODE, EQ, 3)}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}}},
    .explains = {"NAME.NXDOMAIN"},
    .summary = "a short name that no DNS suffix completes",
    .cause = "\"{name}\" has no domain part, and no suffix of this machine's search list makes it "
             "a name that DNS knows. Windows would also try NetBIOS, which a router does not "
             "carry.",
    .reference = "RFC 1034 3.1; NetBIOS over TCP/IP, RFC 1001 15",
    .remedies = {{.text = "Use the fully qualified name of the host.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_NONE},
                 {.text = "On Windows, look which suffixes are tried; a group policy or DHCP sets "
                          "them.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "(Get-DnsClientGlobalSetting).SuffixSearchList"}},
};
