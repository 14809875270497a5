/*
 * A domain whose DNS name is one label: legal, and in the way of many things.
 */
#include "rules.h"

const mr_rule mr_rule_locator_single_label = {
    .id = "LOCATOR.SINGLE_LABEL",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(DOMAIN),
    .require = {{.any = {MR_FACT_LOCATOR_SINGLE_LABEL}}},
    .summary = "the domain's name is a single label",
    .cause = "\"{domain}\" has no dot. If that is its NetBIOS name, ask for its DNS name. If it is "
             "the DNS name, clients neither look such a domain up nor register in it unless a "
             "policy allows it, and several products refuse it.",
    .reference = "KB300684, KB2028240",
    .remedies = {{.text = "On the clients, allow DNS lookups of single-label domains; then "
                          "dynamic updates of top level zones (UpdateTopLevelDomainZones).",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\"
                             "Netlogon\\Parameters /v AllowSingleLabelDnsDomain "
                             "/t REG_DWORD /d 1 /f",
                  .risk = "Clients look a short name up in DNS where they used NetBIOS before.",
                  .undo = "reg delete HKLM\\SYSTEM\\CurrentControlSet\\Services\\"
                          "Netlogon\\Parameters /v AllowSingleLabelDnsDomain /f",
                  .verify = "msrpc name --dsgetdc {domain}"}},
    .next = {.command = "msrpc name {domain} --netbios --suffix 1C,1B",
             .branches = {{"an address answers",
                           "it is the NetBIOS name: the host there tells its DNS domain"},
                          {"nobody answers",
                           "no domain of that name is near; behind a router ask a WINS server"}}},
};
