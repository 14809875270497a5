/*
 * A name that does not exist, asked for by a client whose RPC works: another program's affair, or a
 * host that this one wanted as well. Told, because nothing else shows it.
 */
#include "rules.h"

const mr_rule mr_rule_name_absent = {
    .id = "NAME.ABSENT",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_HOST_NOT_FOUND,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NAME_ABSENT}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}}},
    .summary = "another name that was asked for does not exist",
    .cause = "The DNS server {server|of this machine} says that {name} does not exist (NXDOMAIN), "
             "and no other form of the name was found. The RPC of {from|the client} in this "
             "capture does without it; whatever needs that host fails.",
    .reference = "RFC 1035 4.1.1, RFC 8020",
    .remedies = {{.text = "Whether the name ought to exist, its domain's servers say.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "msrpc name {name}"}},
};
