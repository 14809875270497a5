/*
 * The mapper answers and knows nothing: no service has registered, or it hides them.
 */
#include "rules.h"

const mr_rule mr_rule_epm_empty = {
    .id = "EPM.EMPTY",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_EPT_NOT_REGISTERED,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_EPM_LISTED}, .where = {MR_WHERE(COUNT, EQ, 0)}}},
    .forbid = {{.any = {MR_FACT_EPM_MAPPED}},
               {.any = {MR_FACT_EPM_LISTED},
                .where = {MR_WHERE(COUNT, GE, 1)},
                .same = MR_F(ADDRESS)}},
    .explains = {"EPM.NOT_REGISTERED"},
    .summary = "the endpoint mapper lists nothing",
    .cause = "The endpoint mapper of {address} answers, but lists no endpoint at all: the services "
             "have not started yet, or this is not the host that was meant.",
    .reference = "C706 appendix O; KB2089874",
    .remedies = {{.text = "At the host, see which automatic services have not started.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-Service | Where-Object StartType -eq Automatic | "
                             "Where-Object Status -ne Running",
                  .verify = "msrpc map {host}"}},
};
