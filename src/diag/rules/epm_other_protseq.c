/*
 * The interface is registered, but cannot be reached the way it was asked for.
 */
#include "rules.h"

const mr_rule mr_rule_epm_other_protseq = {
    .id = "EPM.OTHER_PROTSEQ",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_EPT_NOT_REGISTERED,
    .per = MR_F(INTERFACE),
    .require = {{.any = {MR_FACT_EPM_OTHER_PROTSEQ}}},
    .forbid = {{.any = {MR_FACT_EPM_MAPPED}, .same = MR_F(INTERFACE)}},
    .explains = {"EPM.NOT_REGISTERED"},
    .summary = "the interface does not listen on TCP",
    .cause = "{interface} is registered on {host}, but only for {protseq}, not for ncacn_ip_tcp.",
    .reference = "C706 appendix O",
    .remedies = {{.text = "Use the protocol sequence it has. A service may also be set to listen "
                          "on named pipes only; see its own settings.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc map {host} --interface {interface}",
                  .verify = "msrpc map {host} --interface {interface}"}},
};
