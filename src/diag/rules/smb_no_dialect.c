/*
 * The server takes none of the dialects that the client offers, or demands what the client has
 * not.
 */
#include "rules.h"

#include "smb.h"

const mr_rule mr_rule_smb_no_dialect = {
    .id = "SMB.NO_DIALECT",
    .phase = MR_PHASE_DISCOVERY,
    .severity = MR_SEVERITY_ERROR,
    .confidence = MR_CONFIDENCE_CERTAIN,
    .win32 = 50,
    .per = MR_F(ADDRESS) | MR_F(PORT),
    .require = {{.any = {MR_FACT_SMB_REFUSED},
                 .where = {MR_WHERE(STEP, EQ, MR_STEP_NEGOTIATE),
                           MR_WHERE(NTSTATUS, EQ, SMB_NOT_SUPPORTED)}}},
    .summary = "client and server have no SMB dialect in common",
    .cause = "{address} answers the NEGOTIATE with {ntstatus}: it accepts none of the dialects "
             "offered, or it demands encryption of a client that cannot encrypt.",
    .reference = "MS-SMB2 3.3.5.4; MS-ERREF 2.3.1",
    .remedies = {{.text = "See which dialects the server has switched on, and whether it demands "
                          "encryption.",
                  .run_on = MR_PLACE_SERVER,
                  .shell = MR_SHELL_POWERSHELL,
                  .command = "Get-SmbServerConfiguration | Select-Object EnableSMB2Protocol, "
                             "EncryptData, RejectUnencryptedAccess"},
                 {.text = "Raise the highest dialect of the client; Samba: \"client max protocol "
                          "= SMB3\".",
                  .run_on = MR_PLACE_CLIENT}},
};
