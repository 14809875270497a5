/* What commands that talk to one host at a time share: the loop, names, a connection, an endpoint
 * found through the mapper. Failures print one line and give the exit code of their phase. */
#ifndef MSRPC_APP_SESSION_H
#define MSRPC_APP_SESSION_H

#include <msrpc/diag.h>
#include <msrpc/rpc.h>

#include "logon.h"

typedef struct app_session {
    app *a;
    mr_loop loop;
    mr_resolver resolver;
    mr_nsec started;
    mr_nsec deadline;     /* of the whole run, absolute */
    mr_addr addrs[MR_LOOKUP_ADDRS]; /* of the target, with port 0 */
    size_t addr_count;
    enum mr_lookup_source source;
    uint16_t mapper_port; /* of the target's, for a logon by Netlogon; 0: 135 */
    const char *full_name; /* that DNS has them under; NULL: it was not asked */
    mr_addr local;        /* where the last connection came from; no family: none stood */
    mr_error error;       /* of the last failure */
    const app_target *target; /* since app_session_resolve */
    app_logon logon;      /* of the target's account, once a connection wanted it */
    bool quiet;           /* a target that is not reached is the caller's to tell, from @error */
    mr_diag *diag;        /* of refusals, see verdict.h; NULL: none was met */
    const char *subject;  /* the host in commands that they suggest; NULL: the target's */
    mr_diag own_diag;     /* private: where the command has none for it */
    bool denied;          /* private: what a denied call means was looked into */
    mr_pace *pace;        /* --rate */
    mr_pace alone;        /* private: where there are no other sessions */
} app_session;

/* Makes the loop; SIGINT and SIGTERM end waiting. 0 or an exit code. */
int app_session_open(app *a, app_session *s);
void app_session_close(app_session *s);

/* Finds the target's addresses: --target-ip, a literal, hosts file, DNS. 0 or APP_NAMES. */
int app_session_resolve(app_session *s, const app_target *target);

/* Connects to @port at the target's addresses in turn and binds to @syntax, as the target's account
 * at the level of app_session_level. 0, or APP_TCP (no connection), @bind_code (connected, but the
 * bind failed), APP_COMMUNICATION (the logon failed), APP_INTERRUPTED, APP_INCOMPLETE, and what
 * app_session_logon gives. Of a swept target's missing connection nothing is said without
 * --verbose. An endpoint mapper that takes no logon is asked without one, which is told, unless
 * --auth or --auth-level was given. */
int app_session_connect(app_session *s, const app_target *target, uint16_t port,
                        const mr_syntax *syntax, int bind_code, mr_client **clientp);

/* The target's mapper is on @port (0: 135): the commands that are suggested ask it there. */
void app_session_at_mapper(app_session *s, const app_target *target, uint32_t port);

/* Asks the target's mapper on @port (0: 135) where @interface listens over TCP; NULL: for its whole
 * list. @clientp (NULL before) and @mapper (zeroed before), which borrows from it, are to be
 * freed whatever comes; @mapper has what was read. 0, or APP_DISCOVERY and what app_session_connect
 * and app_session_after give, told. */
int app_session_ask(app_session *s, const app_target *target, uint16_t port,
                    const mr_syntax *interface, mr_client **clientp, mr_mapper *mapper);

/* s->error is the endpoint mapper's: says so, and what would help a stranger. */
void app_session_blame_mapper(app_session *s);

/* The port where @interface is called: of @target when it names one, the mapper's own for the
 * mapper and for mgmt (which every server answers), else what the mapper says. 0 or an exit
 * code. */
int app_session_port(app_session *s, const app_target *target, uint16_t mapper_port,
                     const mr_syntax *interface, uint16_t *portp);

/* Runs the loop until *@open, which callbacks count down, is 0. 0, APP_INCOMPLETE or
 * APP_INTERRUPTED, both told. */
int app_session_wait(app_session *s, const size_t *open);

/* The exit code of MR_ERR_CANCELLED: APP_INCOMPLETE past the deadline, else APP_INTERRUPTED. */
int app_session_cancelled(const app_session *s);

/* --rate: the pace of new connections, of all targets together. */

mr_nsec app_pace_interval(const app *a);

/* Waits for the caller's turn to connect: 0, APP_INCOMPLETE, APP_INTERRUPTED. */
int app_session_pace(app_session *s);

/* The same for one who has many connections under way. */
typedef struct app_pace {
    app_session *s;
    mr_timer timer;
    mr_nsec turn; /* taken and not used yet; 0: none */
} app_pace;
/* @on_turn, from the loop, when app_pace_take was false and one may connect now. */
void app_pace_init(app_pace *pace, app_session *s, void (*on_turn)(void *user), void *user);
/* A zeroed one may be deinitialised. */
void app_pace_deinit(app_pace *pace);
/* Whether one more may connect now. */
bool app_pace_take(app_pace *pace);

/* Waits @time, or until the deadline: 0, APP_INCOMPLETE, APP_INTERRUPTED. */
int app_session_sleep(app_session *s, mr_nsec time);

/* The worse of two exit codes, for several targets. */
int app_worse(int a, int b);

/* The options a client of this run gets: with security at @level if that is above none and the
 * session is logged on (app_session_logon). They point into @s. */
mr_client_options app_client_options(app_session *s, uint8_t level);
/* Milliseconds since the session began. */
double app_session_ms(const app_session *s);
/* How long something took, as the foot of a screen says it: "3.1 ms", "124 ms", "2.5 s". */
const char *app_took_text(mr_nsec took, char out[32]);
/* "samr", or the UUID and version where the interface has no name; @out holds it. */
const char *app_iface_name(const mr_syntax *syntax, char out[64]);
/* Reads a name, or UUID[:VERSION]; the version of a bare UUID is the highest known, else 1.0. */
bool app_iface_find(const char *text, mr_syntax *syntaxp);
/* The same of a switch: 0, or APP_USAGE and told. */
int app_iface_read(const app *a, const char *text, mr_syntax *syntaxp);
#define APP_NO_IFACE \
    "neither an interface's name nor a UUID[:VERSION] (msrpc describe lists names)"

#endif
