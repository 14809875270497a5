/*
 * The activation worked, the object's own endpoint does not answer: DCOM hands out every address
 * and a dynamic port.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_dcom_unreachable = {
    .id = "RPC.DCOM_UNREACHABLE",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_RPC_OXID_FOLLOWED}},
                {.any = {MR_FACT_TCP_SILENT, MR_FACT_TCP_REFUSED, MR_FACT_TCP_UNREACHABLE},
                 .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .forbid = {{.any = {MR_FACT_TCP_OPEN}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .explains = {FINDINGS_OF_A_DEAD_ADDRESS, "TCP.DYNAMIC_FILTERED", "TCP.DYNAMIC_REFUSED",
                 "TCP.ENDPOINT_FILTERED", "TCP.ENDPOINT_REFUSED"},
    .summary = "the DCOM object's endpoint cannot be reached",
    .cause = "{other} gave the client a DCOM object at port {port} of {address}, and that does not "
             "answer. The binding holds an address or a name that the client cannot use (another "
             "network card, a short name), or a firewall blocks the dynamic port.",
    .reference = "MS-DCOM 2.2.19.3",
    .remedies = {{.text = "Allow the dynamic RPC ports, 49152-65535, from {from|the client} to "
                          "{address}, or give DCOM a range of its own.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {address} --ports {port}"},
                 {.text = "If the address is of a network that clients cannot reach, see which "
                          "addresses the host has.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /all"}},
};
