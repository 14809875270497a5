/*
 * A WINS server says that nobody has registered the name.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_no_such_name = {
    .id = "NETBIOS.NO_SUCH_NAME",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_BAD_NETPATH,
    .require = {{.any = {MR_FACT_NETBIOS_NEGATIVE}}},
    .forbid = {{.any = {MR_FACT_NETBIOS_RESOLVED, MR_FACT_NETBIOS_GROUP}, .same = MR_F(NAME)}},
    .explains = {"NETBIOS.NO_ANSWER"},
    .summary = "WINS does not know the name",
    .cause = "WINS server {server} has no record of {name} ({suffix}). The host is off or does "
             "not use this WINS server, NetBIOS over TCP is disabled there, or the name is not "
             "its own.",
    .reference = "RFC 1002 4.2.14",
    .remedies = {{.text = "On the host, look whether NetBIOS over TCP is enabled and which WINS "
                          "servers it has.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /all"},
                 {.text = "Then let it register again.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "nbtstat -RR",
                  .verify = "msrpc name {name} --wins {server}"}},
};
