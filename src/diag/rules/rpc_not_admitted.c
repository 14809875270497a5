/*
 * An interface refuses strangers, and the account that was given, too, which the host knows.
 * Nobody wanted to call it, so it is a remark.
 */
#include "rules.h"

const mr_rule mr_rule_rpc_not_admitted = {
    .id = "RPC.NOT_ADMITTED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_INFO,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_ACCESS_DENIED,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_RPC_NOT_ADMITTED}}},
    .summary = "some interfaces refuse the account as well",
    .cause = "{interface} on {address} {#interface:refuses|refuse} {user} as well as strangers "
             "(authentication level {auth}), whom the host knows elsewhere: a right is missing, or "
             "a higher level is demanded.",
    .reference = "C706 appendix E; MS-RPCE 3.3.1.5.2",
    .remedies = {{.text = "Where a program calls it, diagnose that interface alone.",
                  .run_on = MR_PLACE_CLIENT,
                  .verify = "msrpc diagnose {host} -u {user} --interface {interface}"}},
};
