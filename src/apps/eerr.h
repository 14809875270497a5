/* Extended error information (MS-EERR) for people and in JSON. */
#ifndef MSRPC_APP_EERR_H
#define MSRPC_APP_EERR_H

#include "app.h"

/* Prints the records of @blob (of a fault), a line each, to stderr; what cannot be read is said. */
void app_eerr_show(app *a, mr_slice blob);
/* Prints the records as rpcping does: their number, then a line a member. */
void app_eerr_show_rpcping(app *a, mr_slice blob, FILE *out);
/* The member "extended_error": an array of records, latest first. */
void app_eerr_json(app *a, mr_slice blob, mr_writer *w);

#endif
