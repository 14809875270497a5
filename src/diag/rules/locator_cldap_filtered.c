/*
 * The ping gets no answer over UDP while the same port answers over TCP, and no other domain
 * controller answers: something drops UDP port 389.
 */
#include "rules.h"

const mr_rule mr_rule_locator_cldap_filtered = {
    .id = "LOCATOR.CLDAP_FILTERED",
    .phase = MR_PHASE_NAMES,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = WIN32_NO_SUCH_DOMAIN,
    .per = MR_F(DOMAIN),
    .require = {{.any = {MR_FACT_LOCATOR_UNANSWERED}},
                {.any = {MR_FACT_LOCATOR_TCP_ANSWERS}, .same = MR_F(ADDRESS)},
                {.any = {MR_FACT_LOCATOR_NO_DC}}},
    .explains = {"LOCATOR.NO_DC", "LOCATOR.CLDAP_SILENT"},
    .summary = "the locator's ping (UDP port 389) is blocked",
    .cause = "UDP port 389 of {name} ({address}) does not answer {from|this machine}, while TCP "
             "port 389 of the same host does. A client takes a domain controller only once its "
             "ping over UDP was answered, so it finds none, although LDAP works.",
    .reference = "MS-ADTS 6.3.3, 6.3.6",
    .remedies = {{.text = "On the firewall, allow UDP port 389 to the domain controllers, and "
                          "the answers back.",
                  .run_on = MR_PLACE_FIREWALL,
                  .shell = MR_SHELL_NONE,
                  .verify = "msrpc port {address} --ports 389 --protocol udp"}},
    .next = {.command = "msrpc port {address} --ports 389 --protocol both",
             .branches = {{"tcp LISTENING, udp silent",
                           "a firewall, or the host's own, drops UDP port 389"},
                          {"both LISTENING",
                           "it was a passing loss: locate again"}}},
};
