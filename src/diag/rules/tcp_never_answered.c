/*
 * Two captures: what was sent arrived at the host, and the host said nothing.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_never_answered = {
    .id = "TCP.NEVER_ANSWERED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_UNANSWERED},
                 .where = {MR_WHERE(ROLE, NE, MR_ROLE_NEIGHBOUR)}}},
    .forbid = {{.any = {MR_FACT_TCP_LOST_BACK}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .explains = {FINDINGS_OF_A_SILENT_PORT, "EPM.SWALLOWED", "RPC.SWALLOWED"},
    .summary = "the host itself does not answer",
    .cause = "What {from|the client} sent to {#port:port|ports} {port} of {address} arrived there "
             "{tries} times, as the capture nearer to the host shows, and nothing came back from "
             "it. The way is open; the host drops it: its own firewall (which hides closed ports "
             "too), a policy that demands IPsec, or a full queue of the service.",
    .reference = "RFC 9293 3.10.7",
    .remedies = {{.text = "On the host, let the firewall write down what it drops (security event "
                          "5152), try again and read them.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "auditpol /set /subcategory:\"Filtering Platform Packet Drop\" "
                             "/failure:enable",
                  .risk = "The security log grows fast while this is on.",
                  .undo = "auditpol /set /subcategory:\"Filtering Platform Packet Drop\" "
                          "/failure:disable",
                  .verify = "msrpc port {address} --ports {port}"},
                 {.text = "See which program listens there, and on which addresses.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netstat -abno -p tcp"}},
};
