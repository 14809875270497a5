/*
 * An endpoint that the user named is closed, and the mapper does not name it.
 */
#include "rules.h"

const mr_rule mr_rule_tcp_endpoint_refused = {
    .id = "TCP.ENDPOINT_REFUSED",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_SERVER_UNAVAILABLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_TCP_REFUSED},
                 .where = {MR_WHERE(ROLE, EQ, MR_ROLE_ENDPOINT),
                           MR_WHERE(WHOSE, NE, MR_WHOSE_ICMP)}}},
    .forbid = {{.any = {MR_FACT_EPM_MAPPED}, .same = MR_F(ADDRESS) | MR_F(PORT)},
               {.any = {MR_FACT_TCP_OPEN}, .same = MR_F(ADDRESS) | MR_F(PORT)}},
    .summary = "nothing listens on the endpoint's port",
    .cause = "{address} refuses {#port:port|ports} {port} at once: the service there is stopped, "
             "or, if its port is a dynamic one, has another since it restarted.",
    .reference = "RFC 9293 3.5.2",
    .remedies = {{.text = "A dynamic port: let the endpoint mapper tell the present one.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc map {host} --probe",
                  .verify = "msrpc map {host} --probe"},
                 {.text = "A port that never changes (88, 139, 389, 445): see at the host what "
                          "listens there.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netstat -ano -p tcp"}},
};
