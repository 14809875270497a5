/*
 * A reset that does not fit what the host sends before and behind it: a hint, no proof.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_suspect_reset = {
    .id = "TCP.SUSPECT_RESET",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_POSSIBLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_FORGED},
                 .where = {MR_WHERE(PROOF, EQ, MR_PROOF_TRAITS)}}},
    .forbid = {{.any = {MR_FACT_TCP_FORGED},
                .where = {MR_WHERE(PROOF, NE, MR_PROOF_TRAITS)},
                .same = MR_F(ADDRESS)}},
    .summary = "a reset may be forged",
    .cause = "The reset of {#port:port|ports} {port} of {address} does not fit what the host "
             "sends: the host went on behind it, or its sequence number is not the host's. A "
             "firewall or an intrusion prevention system may have sent it in the host's name.",
    .reference = "RFC 9293 3.5.2, RFC 5961 3",
    .remedies = {{.text = "Capture at {address} as well, at the same time, and compare both: a "
                          "reset that the host did not send is missing there.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "pktmon filter add reset -t TCP RST & "
                             "pktmon start --capture --pkt-size 0"}},
};
