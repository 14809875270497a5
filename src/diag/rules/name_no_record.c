/*
 * The name is there, but without a record of the type that was asked for (not an address).
 */
#include "rules.h"

bool mr_test_name_no_record(const mr_fact *fact) {
    return fact->record && strcmp(fact->record, "A") != 0 && strcmp(fact->record, "AAAA") != 0;
}

const mr_rule mr_rule_name_no_record = {
    .id = "NAME.NO_RECORD",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 9501,
    .per = MR_F(NAME),
    .require = {{.any = {MR_FACT_NAME_NODATA}}},
    .forbid = {{.any = {MR_FACT_NAME_RESOLVED, MR_FACT_NAME_ANSWERED}},
               {.any = {MR_FACT_NAME_TIMEOUT}, .same = MR_F(SERVER)}},
    .test = mr_test_name_no_record,
    .summary = "the name has no record of that type",
    .cause = "{name} exists in DNS, but has no {record} record.",
    .reference = "RFC 2308 2.2",
    .remedies = {{.text = "Look at what the zone holds under the name.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc name {name} --type ANY"},
                 {.text = "Service records of a domain are registered by its domain controllers.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "nltest /dsregdns",
                  .verify = "msrpc name {name} --type {record}"}},
};
