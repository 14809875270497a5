/*
 * The logon of a session: once per target, for all its connections. What a session's connections
 * have to know about accounts is here, so that commands need not: whose turn it is to try one, when
 * one is not tried again, and what became of it.
 */
#ifndef MSRPC_APP_LOGON_H
#define MSRPC_APP_LOGON_H

#include <msrpc/rpc.h>

#include "identity.h"

struct app_session;
struct app_worker;

/* A connection's maker of providers; private. */
struct app_logon_level {
    struct app_logon *logon;
    uint8_t level;
};

/* Zeroed: of nobody. */
typedef struct app_logon {
    app_account *account;  /* of the target; NULL: none was read */
    mr_logon *logon;       /* once it was begun */
    bool over;             /* it has ended, with: */
    int code;              /* 0 or the exit code, told */
    bool turn;             /* private: of trying the account */
    struct app_worker *worker; /* private: who has it */
    bool anonymous_mapper; /* the endpoint mapper takes no logon and was asked without */
    struct app_logon_level levels[MR_AUTH_LEVEL_PRIVACY + 1]; /* private */
    /* the last connection that stood */
    enum app_verdict verdict;
    const char *mechanism; /* "Kerberos", "NTLM"; NULL: none stood */
    bool negotiated;       /* by SPNEGO */
    uint8_t level;
    const char *fallback;  /* why it was NTLM where Negotiate was asked for; NULL: no fallback */
    bool fallback_told;    /* private */
} app_logon;

/* Ends it; its connections must be gone. */
void app_logon_deinit(app_logon *logon);

/* Logs the session's target on, unless that was done or it is asked as nobody: waits for the
 * account's turn, gets tickets. 0, or an exit code, told: APP_USAGE, APP_UNREADABLE (no ticket at
 * hand), APP_COMMUNICATION, APP_INCOMPLETE, APP_INTERRUPTED. */
int app_session_logon(struct app_session *s);

/* The level of its connections, the endpoint mapper's included: NONE where nobody logs on. */
uint8_t app_session_level(const struct app_session *s);

/* Looks at a connection's outcome: whether the account was found good or refused. Called once a
 * connection stands or failed, and again after its first call. @result as mr_client_done or
 * mr_call.done has it. */
void app_session_judge(struct app_session *s, mr_client *client, int result);
bool app_session_is_refused(const struct app_session *s);
/* Judges the outcome @r of a call to @interface (NULL: that of the connection) on @client, whose
 * detail is in s->error, and notes what a denial means: 0; an exit code of its own (cancelled,
 * told; APP_COMMUNICATION with s->error about the logon where that failed), else @code. */
int app_session_after(struct app_session *s, mr_client *client, const mr_syntax *interface, int r,
                      int code);
/* Makes s->error a sentence about the logon out of @err, which ended a connection or its first
 * call. */
void app_session_fail(struct app_session *s, mr_client *client, const mr_error *err);

/* Tells, once, that it is NTLM in place of Kerberos and why: for want of a ticket, or as one of the
 * two sides chose. Not while the session is quiet. */
void app_session_tell_fallback(struct app_session *s);

/* Logs on at the target's @port by one connection that is closed again, unless the account is known
 * to be good: for those who then make many. Only a failed logon is an error, told. */
int app_session_prove(struct app_session *s, const app_target *target, uint16_t port);

/* How many connections may begin at once: @most, but one until the account is known to be good. */
size_t app_session_at_once(const struct app_session *s, size_t most);

/* Who asks, as screens say it: "anonymous", "LAB\alice (Kerberos, privacy)". In the arena. */
const char *app_session_who(const struct app_session *s);
/* The same as a line of a screen, where somebody was logged on, or has a ticket and was not. */
void app_session_show_who(const struct app_session *s);
/* The member "vantage" of a report: address, identity and auth. @local NULL: of the session. */
void app_report_vantage(const struct app_session *s, mr_writer *w, const mr_addr *local);

#endif
