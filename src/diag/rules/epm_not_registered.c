/*
 * The mapper works and does not know the interface that was asked for.
 */
#include "rules.h"

const mr_rule mr_rule_epm_not_registered = {
    .id = "EPM.NOT_REGISTERED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_EPT_NOT_REGISTERED,
    .per = MR_F(INTERFACE),
    .require = {{.any = {MR_FACT_EPM_NOT_REGISTERED}}},
    .forbid = {{.any = {MR_FACT_EPM_MAPPED}, .same = MR_F(INTERFACE)}},
    .summary = "the interface is not registered",
    .cause = "The endpoint mapper of {host} answers, but {interface} is not registered there. The "
             "service that offers it ({service|see its documentation}) has not started or has "
             "failed, is not installed, or the name leads to the wrong host.",
    .reference = "C706 appendix O; KB2089874",
    .remedies = {{.text = "At the host, see the state of the service.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "sc.exe query {service}"},
                 {.text = "Start it.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "sc.exe start {service}",
                  .risk = "A service that was stopped on purpose runs again.",
                  .undo = "sc.exe stop {service}",
                  .verify = "msrpc map {host} --interface {interface}"}},
    .next = {.command = "msrpc map {host}",
             .branches = {{"the interfaces one expects there, but not this one", "the service does "
                                                                                "not run"},
                          {"other interfaces than expected", "the name leads to the wrong host: "
                                                             "check DNS"}}},
};
