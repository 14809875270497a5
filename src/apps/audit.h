/* msrpc audit, inside: one target's audit and how it is shown. */
#ifndef MSRPC_APP_AUDIT_H
#define MSRPC_APP_AUDIT_H

#include <msrpc/probe/audit.h>

#include "session.h"

struct audit_options {
    const char *rids;
    bool show_descriptions;
    uint32_t mapper_port;
    uint32_t rid_low, rid_high; /* of --rids */
};

struct audit_run {
    app_session *s;
    const app_target *target;
    const struct audit_options *o;
    mr_audit *audit;
    mr_diag diag;
    int code;
};

/* The finding that decides: the verdict's, else the first warning that stands for itself; NULL. */
const mr_finding *audit_finding(const mr_diag *diag);
/* The screen of one target, and the members of its report. */
void audit_show(const struct audit_run *run);
void audit_json(const struct audit_run *run, mr_writer *w);

#endif
