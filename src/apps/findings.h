/* What the rules found, shown: shared by the commands that judge. */
#ifndef MSRPC_APP_FINDINGS_H
#define MSRPC_APP_FINDINGS_H

#include <msrpc/diag.h>

#include "app.h"

/* VERDICT, CAUSE, REMEDY and NEXT of the verdict, then the other findings that stand for
 * themselves; infos with --verbose only. @partial: the run was cut. mr_diag_run went before. */
void app_findings_show(app *a, const mr_diag *diag, bool partial);
/* Of these, VERDICT to NEXT alone. */
void app_verdict_show(app *a, const mr_verdict *verdict, bool partial);
/* A blank line, and what another finding is, with its id. */
void app_finding_title(app *a, const mr_finding *finding);
/* CAUSE, REMEDY and NEXT of one finding. */
void app_finding_show(app *a, const mr_finding *finding);
enum app_mark app_finding_mark(const mr_finding *finding);
/* The exit code of the verdict under --fail-on. */
int app_findings_exit(const app *a, const mr_diag *diag);

#endif
