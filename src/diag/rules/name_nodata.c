/*
 * The name exists, but has neither an A nor an AAAA record. A server that is silent about one of
 * the two, or answers it with what cannot be read, leaves the question open: this rule waits.
 */
#include "rules.h"

bool mr_test_name_nodata(const mr_fact *fact) {
    return fact->record && (!strcmp(fact->record, "A") || !strcmp(fact->record, "AAAA"));
}

const mr_rule mr_rule_name_nodata = {
    .id = "NAME.NODATA",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 11004,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NAME_NODATA}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}},
               {.any = {MR_FACT_NAME_TIMEOUT, MR_FACT_NAME_MALFORMED}, .same = MR_F(SERVER)}},
    .test = mr_test_name_nodata,
    .summary = "the name has no address in DNS",
    .cause = "{name} exists in DNS, but the answer holds no address ({record}). Records of another "
             "type, or of names below it, keep it alive.",
    .reference = "RFC 2308 2.2",
    .remedies = {{.text = "Register the host's addresses again, on the host.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /registerdns",
                  .verify = "msrpc diagnose {host} --phase 1"},
                 {.text = "Look at what the zone holds under the name.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Resolve-DnsName {name} -Type ANY"}},
};
