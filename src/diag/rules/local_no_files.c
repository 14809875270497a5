/*
 * This process may open no more files, so that probes were not made at all.
 */
#include "rules.h"

const mr_rule mr_rule_local_no_files = {
    .id = "LOCAL.NO_FILES",
    .phase = MR_PHASE_TCP,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1721,
    .require = {{.any = {MR_FACT_LOCAL_NO_FILES}}},
    .summary = "this machine has no file descriptors left",
    .cause = "This process or machine has reached its limit of open files, so that connections "
             "could not even be tried. This says nothing about {host}.",
    .reference = "getrlimit(2), RLIMIT_NOFILE",
    .remedies = {{.text = "Raise the limit for this shell, then run again.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "ulimit -n 4096",
                  .verify = "msrpc diagnose {host}"}},
};
