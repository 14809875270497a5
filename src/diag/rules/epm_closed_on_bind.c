/*
 * The listener closes in good order when the bind arrives: it does not speak RPC, or not with us.
 */
#include "rules.h"

const mr_rule mr_rule_epm_closed_on_bind = {
    .id = "EPM.CLOSED_ON_BIND",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_CALL_FAILED_DNE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_CLOSED}, .where = {MR_WHERE(WHEN, EQ, MR_WHEN_AFTER_BIND)}}},
    .summary = "the endpoint mapper's port hangs up on bind",
    .cause = "{address} accepts port {port}, reads the bind and closes. What listens there is not "
             "an endpoint mapper, or it serves only clients that it knows.",
    .reference = "C706 12.6.4.3",
    .remedies = {{.text = "See at the host which program owns the port; it should be RpcEptMapper.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "netstat -abno -p tcp",
                  .verify = "msrpc map {host}"}},
};
