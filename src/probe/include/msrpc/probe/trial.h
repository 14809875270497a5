/*
 * Whether somebody who is logged on may call an interface at a level: a connection and one call
 * there of a method that no interface has, which a server refuses only after it has judged the
 * caller, so that nothing is executed. A denied call is looked into until its meaning is known:
 *
 *   - Bare NTLM has no answer to its last message, so a denial may mean the credentials: mgmt,
 *     which lets everybody ask, is called on the same connection. At connect an answer proves
 *     nothing: a server may go on with a wrong password as with a stranger. There the account is
 *     tried at privacy first.
 *   - Who is known and denied below privacy is tried once more at privacy: that tells a level that
 *     is too low from a right that is missing.
 *
 * A credential that was refused is not shown again.
 */
#ifndef MSRPC_PROBE_TRIAL_H
#define MSRPC_PROBE_TRIAL_H

#include <msrpc/ifaces/mgmt.h>
#include <msrpc/probe/logon.h>

#define MR_TRIAL_OPNUM UINT16_MAX /* of the call */

enum mr_trial_end {
    MR_TRIAL_FAILED, /* the dialogue came to nothing, see @result */
    MR_TRIAL_SERVED, /* at the level that was wanted */
    MR_TRIAL_LOW,    /* denied there, and served at privacy */
    MR_TRIAL_DENIED, /* the caller is known, and may not, see @denied_at */
};

typedef struct mr_trial mr_trial;
struct mr_trial {
    /* the caller's, *borrowed* until mr_trial_deinit */
    mr_loop *loop;
    mr_client_options connect; /* with the endpoint; its security is the trial's own */
    mr_logon *logon;           /* done */
    mr_syntax interface;
    const char *name;          /* of the interface */
    uint8_t level;             /* enum mr_auth_level */
    bool known;                /* the account is known to be good, or nobody's */
    uint32_t denied;           /* the fault that denied a call at @level before; 0: not tried yet;
                                * in the end that of the last denial */
    void (*done)(void *user, mr_trial *trial); /* may deinitialise it */
    void *user;
    /* the outcome */
    enum mr_trial_end end;
    int result;                /* FAILED: that of mr_client_start, mr_client_done or mr_call.done */
    mr_error error;
    uint8_t denied_at;         /* level of the last denial */
    mr_client *client;         /* of the last dialogue, until deinit; NULL: there was none */
    /* private */
    uint8_t at;                /* level of the dialogue under way */
    bool served;               /* at privacy */
    bool calling;
    mr_call call;
    mr_iface called;
    mr_proc proc;
    struct mr_mgmt_is_server_listening args;
};

/* Begins; the outcome always comes as @done: 0, or a negative result with nothing begun. */
int mr_trial_start(mr_trial *trial, mr_error *err);
/* No callback comes any more. A zeroed one may be deinitialised. */
void mr_trial_deinit(mr_trial *trial);

/* Facts of one that did not fail, for a dialogue that @seen tells of. */
void mr_trial_add_facts(const mr_trial *trial, const mr_logon_seen *seen);

/* Faults that deny a call to this caller at this level, and no more (MS-ERREF 2.2, C706 E). */
bool mr_fault_is_denial(uint32_t fault);

#endif
