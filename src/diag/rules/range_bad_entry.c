/*
 * One entry of Rpc\Internet\Ports that cannot be read: Windows then takes none of them.
 */
#include "rules.h"

const mr_rule mr_rule_range_bad_entry = {
    .id = "RANGE.BAD_ENTRY",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 87,
    .require = {{.any = {MR_FACT_RANGE_BAD_ENTRY}}},
    .summary = "one bad entry voids the whole range",
    .cause = "Windows cannot read {other}. It then ignores the whole value of Ports: RPC servers "
             "do not get the ports of the good entries either.",
    .reference = "KB154596",
    .remedies = {{.text = "Write each entry as one port or as FIRST-LAST, decimal, from 1 to "
                          "65535.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "reg query HKLM\\SOFTWARE\\Microsoft\\Rpc\\Internet"}},
};
