/* The frame of every JSON report (doc/cli.md, "JSON"). */
#ifndef MSRPC_APP_REPORT_H
#define MSRPC_APP_REPORT_H

#include "app.h"

#define APP_SCHEMA 1

/* Opens the one object on the output: schema, tool, version, command. */
void app_report_open(app *a, mr_writer *w);
/* Adds "exit", closes and flushes; APP_UNWRITABLE when it did not arrive, else @code. */
int app_report_close(app *a, mr_writer *w, int code);

#endif
