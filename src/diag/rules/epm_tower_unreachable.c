/*
 * The client follows the address in the mapper's tower and gets nowhere: NAT, or another network of
 * the host.
 */
#include "rules.h"

const mr_rule mr_rule_epm_tower_unreachable = {
    .id = "EPM.TOWER_UNREACHABLE",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_TOWER_FOLLOWED}},
                {.any = {MR_FACT_TCP_SILENT, MR_FACT_TCP_REFUSED, MR_FACT_TCP_UNREACHABLE},
                 .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .explains = {FINDINGS_OF_A_DEAD_ADDRESS, "TCP.DYNAMIC_FILTERED", "TCP.DYNAMIC_REFUSED",
                 "TCP.ENDPOINT_FILTERED", "TCP.ENDPOINT_REFUSED"},
    .summary = "the mapper's answer leads to an unreachable address",
    .cause = "Asked at {other}, the endpoint mapper named port {port} at {address}, and "
             "{from|the client} followed it there in vain. The mapper knows nothing of NAT, of a "
             "cluster's shared address or of which of the host's networks clients can reach.",
    .reference = "C706 appendix I, appendix L; MS-RPCE 2.2.1.2",
    .remedies = {{.text = "Let clients reach the host by its own address, without NAT, or through "
                          "a VPN; RPC does not survive a translation of addresses.",
                  .run_on = MR_PLACE_NETWORK,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {address} --ports {port}"},
                 {.text = "Or use a client that stays with the address it asked, as Windows does.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc diagnose {other}"}},
};
