/*
 * The mapper named an endpoint and nobody went there. A remark: the network is not to blame.
 */
#include "rules.h"

const mr_rule mr_rule_epm_not_followed = {
    .id = "EPM.NOT_FOLLOWED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_POSSIBLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_NOT_FOLLOWED}, .where = {MR_WHERE(SECONDS, GE, 5)}}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN, MR_FACT_TCP_SILENT, MR_FACT_TCP_REFUSED,
                        MR_FACT_TCP_UNREACHABLE},
                .same = MR_F(ADDRESS) | MR_F(PORT)},
               {.any = {MR_FACT_EPM_TOWER_FOLLOWED}}},
    .summary = "no connection followed the mapper's answer",
    .cause = "The endpoint mapper named port {port} of {address} for {interface}, and in the "
             "{seconds} that follow nobody connects to it. The client only wanted to know, gave "
             "up by itself, or the capture was filtered by port and lacks the connection.",
    .reference = "C706 appendix O",
    .remedies = {{.text = "Capture all ports between the two hosts.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "tcpdump -i any -w rpc.pcap host {address}"}},
};
