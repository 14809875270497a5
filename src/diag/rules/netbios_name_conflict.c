/*
 * Two hosts of one link defend the same unique name.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_name_conflict = {
    .id = "NETBIOS.NAME_CONFLICT",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_DUP_NAME,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NETBIOS_CONFLICT}}},
    .summary = "two hosts use the same NetBIOS name",
    .cause = "On the same link {address} and {other} both answer for {name}<{suffix}>, a name "
             "that only one host may have. Which of them a client reaches is chance.",
    .reference = "RFC 1001 15.1.3.5",
    .remedies = {{.text = "Look which host is which, then rename one of them and restart it.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc name {other} --status",
                  .verify = "msrpc name {name} --netbios"}},
};
