/*
 * Authenticators for msrpc call (MS-NRPC 3.1.4.5): over Netlogon's secure channel the names that
 * its methods want, and the authenticator of each call, are filled in where they were not given.
 */
#ifndef MSRPC_APP_CALL_AUTHENTICATOR_H
#define MSRPC_APP_CALL_AUTHENTICATOR_H

#include "session.h"

/* A call's part in the chain; zeroed: none. */
typedef struct app_call_step {
    const mr_ndr_member *sent, *returned; /* parameters; NULL: none, or given by the user */
    mr_netlogon_step step;
} app_call_step;

/* Adds to @jsonp what it lacks of @proc's parameters, if @account has a secure channel and @iface
 * is Netlogon. 0, or APP_BUG, told. */
int app_call_complete(app *a, const app_target *target, const mr_iface *iface,
                      const mr_proc *proc, const mr_token **jsonp, app_call_step *stepp);
/* Puts the authenticator into the call's @args. 0, or an exit code, told. */
int app_call_authenticate(app_session *s, app_call_step *step, void *args);
/* Takes the one that came back; a status that says no to a channel that is not sealed is noted.
 * 0, or APP_COMMUNICATION with s->error: the answer is not the server's own. */
int app_call_check(app_session *s, const app_call_step *step, mr_client *client,
                   const void *args, uint32_t status);

#endif
