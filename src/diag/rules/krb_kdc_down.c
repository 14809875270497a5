/*
 * The network says that the KDC's host cannot be reached: not its Kerberos service is in question.
 */
#include "rules.h"

const mr_rule mr_rule_krb_kdc_down = {
    .id = "KRB.KDC_DOWN",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_LIKELY,
    .win32 = 1311,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_KRB_UNANSWERED},
                 .where = {MR_WHERE(ICMP, IN, MR_BIT(MR_ICMP_HOST) | MR_BIT(MR_ICMP_NET))}}},
    .forbid = {{.any = {MR_FACT_KRB_GRANTED}},
               {.any = {MR_FACT_KRB_ERROR, MR_FACT_TCP_OPEN, MR_FACT_TCP_REFUSED, MR_FACT_HOST_UP},
                .same = MR_F(ADDRESS)}},
    .explains = {"KRB.KDC_UNREACHABLE", "TCP.HOST_SILENT", "TCP.HOST_UNREACHABLE"},
    .summary = "the KDC's host cannot be reached",
    .cause = "The network reports that {address} cannot be reached ({other}): the KDC's host is "
             "down, has another address now, or the path to it is broken. Logons fail or fall "
             "back to NTLM.",
    .reference = "RFC 792; RFC 4120 7.2",
    .remedies = {{.text = "See that the address is that of a controller that runs (--dc-ip names "
                          "another).",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_SH,
                  .command = "msrpc port {address} --ports 88,135,389"},
                 {.text = "See at the controller's console that it runs and has this address.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "ipconfig /all"}},
};
