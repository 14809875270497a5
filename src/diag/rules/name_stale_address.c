/*
 * Nothing answers at the address, and its PTR names another host: the record may be stale. A hint
 * beside the TCP finding, never a verdict.
 */
#include "rules.h"

const mr_rule mr_rule_name_stale_address = {
    .id = "NAME.STALE_ADDRESS",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_WARNING,
    .confidence = MR_CONFIDENCE_POSSIBLE,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_NAME_PTR_MISMATCH}},
                {.any = {MR_FACT_HOST_DOWN}, .same = MR_F(ADDRESS)}},
    .summary = "the address may be out of date",
    .cause = "{name} resolves to {address}, where nothing answers; the reverse record of that "
             "address names {other}. The host may have moved.",
    .reference = "RFC 1912 2.1",
    .remedies = {{.text = "On the host, look at its addresses and register them again.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /registerdns",
                  .verify = "msrpc diagnose {host}"}},
    .next = {.command = "msrpc diagnose {other} --phase 1,2",
             .branches = {{"it answers at {address} no more", "the address is free: stale record"},
                          {"it answers elsewhere", "only the reverse record is old"}}},
};
