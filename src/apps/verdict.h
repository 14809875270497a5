/*
 * What a session's refusals mean: facts of a logon that failed and of calls that were denied, and
 * the findings that the rules make of them, as diagnose has them.
 */
#ifndef MSRPC_APP_VERDICT_H
#define MSRPC_APP_VERDICT_H

#include <msrpc/diag.h>
#include <msrpc/probe/trial.h>

#include "session.h"

/* What facts of @logon and of @client's dialogue about @interface are made of; each may be NULL.
 * They go into s->diag, which is made if there is none. */
mr_logon_seen app_session_seen(app_session *s, const mr_logon *logon, mr_client *client,
                               const mr_syntax *interface);

/* Facts of the session's logon that KDCs refused, or that was not to be had; how it is told. */
const char *app_session_add_refused(app_session *s, int result, const mr_error *err);
/* That the account was refused before, which is s->error, too. */
void app_session_add_untried(app_session *s);
/* Facts of an authenticated connection, or its first call, that came to nothing; how it is told. */
const char *app_session_add_failed(app_session *s, mr_client *client, const mr_error *err);
/* Facts of a session that stood and was tampered with, and how it is told; NULL: it was not. */
const char *app_session_add_tampered(app_session *s, mr_client *client, int result,
                                     const mr_error *err);
/* Facts of one that stands: clocks that differ, and a fallback, whose reason is returned; or
 * NULL. */
const char *app_session_add_accepted(app_session *s, mr_client *client);

/* A first call was refused with @fault: where that may mean the account or its rights, asks the
 * server on the same connection, so that it can be judged. 0 or an exit code, told. */
int app_session_prove_denied(app_session *s, mr_client *client, uint32_t fault);
/* Facts of a call to @interface (NULL: that of the connection) that was denied to a stranger, or to
 * an account that is good: that one calls once more at privacy, by a connection of its own. 0 or an
 * exit code, told. */
int app_session_add_denied(app_session *s, mr_client *client, const mr_syntax *interface,
                           uint32_t fault);

/* The first of these alone. */
void app_session_add_stranger(app_session *s, mr_client *client, const mr_syntax *interface,
                              uint32_t fault);

/* What was noted was mended. */
void app_session_forget(app_session *s);
/* What the rules find, for people, on standard error: cause and what to do next. Nothing with
 * --json and --quiet, and nothing that was told when it happened: a fallback, an account that was
 * not tried. */
void app_session_tell_findings(const app_session *s);
/* One of them: the first sentence of its cause, or the @whole. */
void app_finding_tell(FILE *out, const mr_finding *finding, bool whole);
/* The member "findings"; its elements, for one who has more of them; one of these. */
void app_report_findings(const app_session *s, mr_writer *w);
void app_report_met(const app_session *s, mr_writer *w);
void app_report_finding(const mr_finding *finding, mr_writer *w);

#endif
