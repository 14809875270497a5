/*
 * TCP port 139 opened, and the NetBIOS session service behind it refused the called name.
 */
#include "rules.h"

const mr_rule mr_rule_netbios_session_refused = {
    .id = "NETBIOS.SESSION_REFUSED",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = WIN32_BAD_NETPATH,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_NETBIOS_SESSION_REFUSED}}},
    .forbid = {{.any = {MR_FACT_SMB_NEGOTIATED}, .same = MR_F(ADDRESS)}},
    .summary = "the host refuses the NetBIOS session",
    .cause = "{address} refuses a NetBIOS session to {name|the called name} on port {port} with "
             "code {reason} (128, 130: nobody listens on that name; 129: not for this caller; "
             "131: no resources). The host has another NetBIOS name, or its Server service does "
             "not run.",
    .reference = "RFC 1002 4.3.4",
    .remedies = {{.text = "Use port 445, where no NetBIOS name is asked for.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc port {address} --ports 445,139",
                  .verify = "msrpc diagnose {address}"},
                 {.text = "On the host, see its names and whether file sharing runs.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_CMD,
                  .command = "nbtstat -n & sc.exe query lanmanserver"}},
};
