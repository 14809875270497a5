/* Targets of the command line (doc/cli.md, "Target"). */
#ifndef MSRPC_APP_TARGET_H
#define MSRPC_APP_TARGET_H

#include <msrpc/wire.h>

#include "app.h"

typedef struct app_target {
    const char *input;    /* as given, without a password */
    const char *host;     /* name or literal, no brackets, no leading backslashes; never empty */
    uint32_t port;        /* 0: none given */
    const char *user, *domain, *password; /* NULL: none given; the password is wiped when
                           * the accounts are made */
    struct app_account *account; /* whom it is asked as (identity.h), shared by targets */
    bool swept;           /* of a CIDR block: nobody says that it exists */
    const mr_binding *binding; /* it was a string binding; else NULL. Like all text here in the
                                * app's arena */
} app_target;

/* Whether @text may be [DOMAIN/]USER:PASSWORD, with @HOST or without: then no message repeats
 * it. */
bool app_may_hold_secret(const char *text);

#define APP_TARGETS_MAX 65536

/* Reads one target; a password in @text is wiped there. 0 or APP_USAGE with the message printed.
 * Its account is app_accounts_read's to make. */
int app_target_read(app *a, char *text, app_target *targetp);
/* All targets of the run: the arguments from @first on, CIDR blocks (10.0.0.0/24, with a port
 * 10.0.0.0/24:1135) expanded, then the lines of --targets, with their accounts. At least one, else
 * APP_USAGE; APP_UNREADABLE when the file is; else as app_accounts_read. Also settles --jobs where
 * it was not given. */
int app_targets_read(app *a, size_t first, app_target **targetsp, size_t *countp);

#endif
