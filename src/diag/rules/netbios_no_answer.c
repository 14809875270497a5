/*
 * Nobody on the links of this machine has the name.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_no_answer = {
    .id = "NETBIOS.NO_ANSWER",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_BAD_NETPATH,
    .require = {{.any = {MR_FACT_NETBIOS_NO_ANSWER}}},
    .forbid = {{.any = {MR_FACT_NETBIOS_RESOLVED, MR_FACT_NETBIOS_GROUP}, .same = MR_F(NAME)}},
    .summary = "nobody on this link has the name",
    .cause = "Nobody answered for {name} ({suffix}) on {address}. A broadcast ends at the "
             "router: a host of another subnet is found through WINS or DNS only. Windows hosts "
             "have NetBIOS over TCP disabled more and more often.",
    .reference = "RFC 1001 15.1.3; RFC 1002 5.1.1.4",
    .remedies = {{.text = "Ask with the host's DNS name instead.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc name {name}"},
                 {.text = "If there is a WINS server (DHCP option 44 and \"ipconfig /all\" name "
                          "it), ask it: msrpc name NAME --wins IP.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_NONE}},
};
