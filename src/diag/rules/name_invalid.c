/*
 * The target is not a name that DNS could hold: a label over 63 octets, an empty label, a
 * character that no resolver sends.
 */
#include "rules.h"

const mr_rule mr_rule_name_invalid = {
    .id = "NAME.INVALID",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_HOST_NOT_FOUND,
    .require = {{.any = {MR_FACT_NAME_INVALID}}},
    .summary = "the target is not a host name",
    .cause = "\"{name}\" cannot be a host name: a label is 1 to 63 octets long and a name at most "
             "253. Nothing was asked of any server.",
    .reference = "RFC 1035 2.3.4, RFC 1123 2.1",
    .remedies = {{.text = "Give the name as DNS knows it, or the address of the host.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_NONE}},
};
