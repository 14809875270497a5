/*
 * Half of the traffic is missing from the capture, so silence in it proves nothing.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_one_way_capture = {
    .id = "TCP.ONE_WAY_CAPTURE",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_ONE_WAY}}},
    .summary = "the capture has one direction only",
    .cause = "The capture has only one direction of the traffic with {address}. Nothing is "
             "concluded from what is missing.",
    .reference = "RFC 9293 3.10.7",
    .remedies = {{.text = "Capture where both directions pass: on the client or the server itself, "
                          "or with both directions mirrored on the switch.",
                  .run_on = MR_PLACE_NETWORK,
                  .shell = MR_SHELL_NONE}},
};
