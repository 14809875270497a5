/* The frame of every JSON report (doc/cli.md, "JSON"). */
#ifndef MSRPC_APP_REPORT_H
#define MSRPC_APP_REPORT_H

#include <msrpc/io.h>

#include "target.h"

#define APP_SCHEMA 1

/* A run over @count targets, each with a report of its own: with --json and more than one, the
 * reports up to app_reports_close become members of
 * {"schema":1,"results":[...],"partial":B,"exit":N}; with --jsonl they are a line each. For screens
 * this writes nothing. Commands over targets leave both to app_jobs_run. */
void app_reports_open(app *a, size_t count);
/* The reports are complete, with --json and more than one of them: members of the whole report may
 * follow, each written to a->out with a comma after it. False: there is no such report. */
bool app_reports_end(app *a);
/* @code is the exit code of the whole run, which it returns. */
int app_reports_close(app *a, int code);

/* Opens the one object on the output: schema, tool, version, command. */
void app_report_open(app *a, mr_writer *w);
/* The members "target" (@remote: the address that answered, or NULL) and @key: an interface. */
void app_report_target(mr_writer *w, const app_target *target, const mr_addr *remote);
void app_report_iface(mr_writer *w, const char *key, const mr_syntax *interface);
/* Adds "exit", closes and flushes; APP_UNWRITABLE when it did not arrive, else @code. */
int app_report_close(app *a, mr_writer *w, int code);

#endif
