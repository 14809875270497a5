/* msrpc name, DNS: the part's state, and its screen. */
#ifndef MSRPC_APP_NAME_DNS_H
#define MSRPC_APP_NAME_DNS_H

#include <msrpc/probe/dns_survey.h>

#include "name.h"

struct name_dns {
    struct name_run *run;
    mr_dns_survey *survey;
};

/* The word for an outcome in a table: "NXDOMAIN", "timeout". @out holds an unknown rcode's. */
const char *name_dns_outcome(const mr_dns_survey_query *q, char out[16]);
void name_dns_show(struct name_run *run);

#endif
