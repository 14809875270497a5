/*
 * A secure channel without AES or sealing, or whose flags were not the same at both ends: what an
 * attacker on the way would make of it, and what very old controllers offer.
 */
#include "rules.h"

#define STATUS_DOWNGRADE_DETECTED 0xc0000388u

const mr_rule mr_rule_netlogon_weak = {
    .id = "NETLOGON.WEAK",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1265,
    .per = MR_F(ADDRESS),
    .require = {{.any = {MR_FACT_NETLOGON_WEAK, MR_FACT_NETLOGON_REFUSED}}},
    .test = mr_test_netlogon_weak,
    .summary = "the secure channel was downgraded",
    .cause = "The secure channel of {user} with {address} does not come about with AES and "
             "sealing: {other|the controller says STATUS_DOWNGRADE_DETECTED}. "
             "The controller is older than Windows Server 2008 R2 or Samba 4.0, it is set to weak "
             "keys, or somebody on the way changes the flags.",
    .reference = "MS-NRPC 3.1.4.2, 3.4.5.2.10; KB5021130 (CVE-2022-38023), CVE-2020-1472",
    .remedies = {{.text = "Compare with another controller, and from a machine in the controller's "
                          "own network: if only one way is weak, look for who is on it.",
                  .run_on = MR_PLACE_NETWORK},
                 {.text = "Samba: AES is demanded unless somebody said otherwise.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_SH,
                  .command = "testparm -sv | grep -E \"reject md5|schannel\""}},
};

bool mr_test_netlogon_weak(const mr_fact *fact) {
    return fact->kind == MR_FACT_NETLOGON_WEAK || fact->ntstatus == STATUS_DOWNGRADE_DETECTED;
}
