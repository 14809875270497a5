/*
 * Both sides speak the same mechanism and it fails inside: wrong keys, clock, token or binding.
 */
#include "rules.h"

bool mr_test_rpc_auth_failed(const mr_fact *fact) {
    if (IS_NOBODY(fact))
        return false; /* RPC.NULL_REFUSED */
    if (fact->kind == MR_FACT_RPC_NAK)
        return fact->reason == 9;
    return fact->status == RPC_SEC_PKG_ERROR ||
           (fact->status == NCA_PROTO_ERROR && fact->when == MR_WHEN_AFTER_AUTH3);
}

const mr_rule mr_rule_rpc_auth_failed = {
    .id = "RPC.AUTH_FAILED",
    .phase = MR_PHASE_COMMUNICATION,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 1825,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_RPC_NAK, MR_FACT_RPC_FAULT}}},
    .test = mr_test_rpc_auth_failed,
    .summary = "authentication fails inside the call",
    .cause = "The security package at {interface}, port {port} of {address}, could not verify what "
             "it received: wrong credentials, an account that may not log on, NTLM where a policy "
             "blocks it (or the group Protected Users), a clock that is more than five minutes "
             "off, a key that does not fit the service account, or a device that alters the data. "
             "RPC over TCP does not say which.",
    .reference = "MS-RPCE 2.2.2.5, 3.3.1.5.2",
    .remedies = {{.text = "Check the password, and whether the account is disabled, locked out or "
                          "expired (one of the server's own: net user there).",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-ADUser -Identity {user.name|ACCOUNT} -Properties "
                             "LockedOut,PasswordExpired,AccountExpirationDate"},
                 {.text = "Read in the server's Security log why the logon failed.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-WinEvent -FilterHashtable @{{LogName='Security';Id=4625} "
                             "-MaxEvents 10"},
                 {.text = "Compare the clocks, where Kerberos or NTLM version 2 is spoken.",
                  .run_on = MR_PLACE_CLIENT,
                  .shell = MR_SHELL_CMD,
                  .command = "w32tm /stripchart /computer:{host} /samples:3 /dataonly"},
                 {.text = "With Kerberos, look for a service name that two accounts claim.",
                  .run_on = MR_PLACE_DC,
                  .shell = MR_SHELL_CMD,
                  .command = "setspn -X",
                  .verify = "msrpc ping {host} --interface {interface}"}},
    .next = {.command = "net use \\\\{address}\\IPC$ /user:{user|DOMAIN\\USER}",
             .branches = {{"error 1326", "name or password is wrong"},
                          {"error 1937", "the server takes no NTLM: use Kerberos"},
                          {"error 1331, 1909, 1793 or 1907",
                           "the account is disabled, locked out, expired, or its password must be "
                           "changed"}}},
};
