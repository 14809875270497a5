/* msrpc name, NetBIOS, inside: what the two parts of it share, one name and a list of names. */
#ifndef MSRPC_APP_NAME_NETBIOS_H
#define MSRPC_APP_NAME_NETBIOS_H

#include <msrpc/probe/netbios.h>

#include "name.h"

#define NETBIOS_LIST_MAX 4096 /* names of one list */

/* What the switches say of every question: name servers, links, scope, suffixes, patience. 0,
 * APP_USAGE or APP_MISSING, told; a failure to list the links is told when @links is wanted. */
int netbios_read_options(app *a, const struct name_options *o, bool links,
                         mr_netbios_survey_options *optionsp);

/* The own address that the survey's first question left from; false when it is not known. */
bool netbios_from(const mr_netbios_survey *survey, mr_addr *localp);

/* ---- name_netbios_show.c ---- */

void netbios_show(struct name_run *run, const mr_netbios_survey *survey);
/* Members of an object that is open: "queries", "nodes". */
void netbios_json(struct name_run *run, mr_writer *w, const mr_netbios_survey *survey);
/* "broadcast on eth0" or "WINS 10.0.0.5", in the run's arena. */
const char *netbios_asked(struct name_run *run, const mr_netbios_survey *survey,
                          const mr_netbios *query);

#endif
