/*
 * A host was asked for its NetBIOS names and does not answer.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_node_silent = {
    .id = "NETBIOS.NODE_SILENT",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_NETBIOS_NODE_SILENT, MR_FACT_NETBIOS_NODE_CLOSED}}},
    .summary = "the host tells no NetBIOS names",
    .cause = "{address} did not answer a node status query on UDP 137. The host is down, NetBIOS "
             "over TCP is disabled on it, or a firewall drops the query; RPC over TCP needs none "
             "of it.",
    .reference = "RFC 1001 15.4; RFC 1002 4.2.17",
    .remedies = {{.text = "On the host, look whether NetBIOS over TCP is enabled.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "nbtstat -n"}},
    .next = {.command = "msrpc port {address} --ports 135,139,445",
             .branches = {{"LISTENING", "the host is up; NetBIOS names are off or filtered"},
                          {"FILTERED", "the host is down, or a firewall drops more than NetBIOS"}}},
};
