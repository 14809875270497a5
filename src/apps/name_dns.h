/* msrpc name, DNS: the part's state, and its screen. */
#ifndef MSRPC_APP_NAME_DNS_H
#define MSRPC_APP_NAME_DNS_H

#include <msrpc/probe/dns_survey.h>

#include "name.h"

struct name_dns {
    struct name_run *run;
    mr_dns_survey *survey;
};

void name_dns_show(struct name_run *run);

#endif
