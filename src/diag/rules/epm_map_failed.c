/*
 * The mapper could not do the look-up of an interface, whatever is registered.
 */
#include "rules.h"

const mr_rule mr_rule_epm_map_failed = {
    .id = "EPM.MAP_FAILED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1752,
    .win32_status = true,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_MAP_FAILED}}},
    .forbid = {{.any = {MR_FACT_EPM_MAPPED}, .same = MR_F(ADDRESS) | MR_F(INTERFACE)}},
    .summary = "the endpoint mapper cannot do the look-up",
    .cause = "Asked for {interface}, the endpoint mapper of {address} answers with status "
             "{status}: it could not perform the operation. It is out of memory or handles, or in "
             "a bad state.",
    .reference = "C706 appendix O; MS-RPCE 2.2.1.2",
    .remedies = {{.text = "Look at the state of the endpoint mapper and at the memory and handles "
                          "of its process.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "sc.exe queryex RpcEptMapper",
                  .verify = "msrpc map {host}"},
                 {.text = "The service cannot be restarted alone: if it stays so, restart the "
                          "host.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_NONE}},
};
