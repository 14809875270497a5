/*
 * The client believes that the connection stands, the host does not: the last ACK of the handshake
 * does not arrive, and so nothing else does.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_half_open = {
    .id = "TCP.HALF_OPEN",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_CALL_FAILED_DNE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_HALF_OPEN},
                 .where = {MR_WHERE(ROLE, NE, MR_ROLE_NEIGHBOUR)}}},
    .forbid = {{.any = {MR_FACT_EPM_BOUND, MR_FACT_RPC_BOUND, MR_FACT_SMB_NEGOTIATED},
                .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .explains = {FINDINGS_OF_SWALLOWED_DATA, "EPM.LOST"},
    .summary = "the handshake does not complete at the host",
    .cause = "The client confirmed the handshake with {#port:port|ports} {port} of {address}, yet "
             "the host repeated its SYN-ACK {tries} times: the client's packets after the SYN do "
             "not arrive. A device lets the SYN pass and drops what follows, or the two directions "
             "take different ways through firewalls.",
    .reference = "RFC 9293 3.5",
    .remedies = {{.text = "Let both directions pass the same firewall, and look in its log for "
                          "packets \"without a session\" or \"out of state\" of this connection.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc diagnose {host}"},
                 {.text = "See which way packets take from here.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "traceroute -n -T -p {port} {address}"}},
};
