/*
 * The num of netsh dynamicport is a number of ports; it is often written as if it were the last.
 */
#include "rules.h"

const mr_rule mr_rule_range_num_as_end = {
    .id = "RANGE.NUM_AS_END",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_LIKELY,
    .per = MR_F(PORT) | MR_F(COUNT),
    .explains = {"RANGE.NETSH_REFUSED"},
    .require = {{.any = {MR_FACT_RANGE_NUM_AS_END}}},
    .summary = "num looks like a last port, it is a number of ports",
    .cause = "start={port} num={count} is the range {other}. If {port}-{count} was meant, num "
             "is {wanted}; a firewall opened for {port}-{count} blocks the rest.",
    .reference = "KB929851",
    .remedies = {{.text = "Say how many ports, for TCP and UDP, IPv4 and IPv6.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netsh int ipv4 set dynamicport tcp start={port} num={wanted}",
                  .risk = "Sockets that are open keep their ports until their services restart.",
                  .undo = "netsh int ipv4 set dynamicport tcp start=49152 num=16384",
                  .verify = "msrpc range --start {port} --num {wanted}"}},
};
