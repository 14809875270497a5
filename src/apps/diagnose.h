/* msrpc diagnose, inside: one target's run and how it is shown. */
#ifndef MSRPC_APP_DIAGNOSE_H
#define MSRPC_APP_DIAGNOSE_H

#include <msrpc/probe.h>

#include "against.h"
#include "identity.h"
#include "session.h"

struct diagnose_run {
    app_session s;
    const app_target *target;
    mr_diag diag;
    mr_probe *probe;
    mr_logon_options logon;
    bool trying;        /* the account's turn is ours */
    mr_nsec began, ended;
    int64_t started_sec;
    uint32_t started_nsec;
    size_t open;        /* 1 until the probe is done */
    bool over;          /* judged */
    int refused;        /* exit code of a ticket that is another's than -u names, once told; or 0 */
    bool partial;       /* cut by the deadline or a signal */
    int code;           /* exit code of this target, once over */
    const app_saved *saved; /* what it is compared with, or NULL */
};

/* The screen of one target. */
void diagnose_show(app *a, struct diagnose_run *run);
/* The members of one result, into the object that is open. */
void diagnose_json(struct diagnose_run *run, mr_writer *w);

#endif
