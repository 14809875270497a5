/*
 * A domain whose DNS name is a single label: it works only with settings on every client.
 */
#include "rules.h"

const mr_rule mr_rule_name_single_label_domain = {
    .id = "NAME.SINGLE_LABEL_DOMAIN",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .require = {{.any = {MR_FACT_NAME_SINGLE_LABEL_DOMAIN}}},
    .summary = "the domain has a single-label DNS name",
    .cause = "The DNS name of the domain, \"{name}\", has no dot. Windows neither locates its "
             "domain controllers by DNS nor updates records in it unless each member is told to.",
    .reference = "KB300684",
    .remedies = {{.text = "On every member, allow the locator to use a single label; in the long "
                          "run move to a domain with a full name.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\Netlogon"
                             "\\Parameters /v AllowSingleLabelDnsDomain /t REG_DWORD /d 1 /f",
                  .risk = "Short names are then also looked for as domains.",
                  .undo = "reg delete HKLM\\SYSTEM\\CurrentControlSet\\Services\\Netlogon"
                          "\\Parameters /v AllowSingleLabelDnsDomain /f"},
                 {.text = "Let members update records in it.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\Dnscache"
                             "\\Parameters /v UpdateTopLevelDomainZones /t REG_DWORD /d 1 /f"}},
};
