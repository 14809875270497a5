/* A file of accounts by which others are judged or understood: serve --users, trace --users. */
#ifndef MSRPC_APP_ACCOUNTS_H
#define MSRPC_APP_ACCOUNTS_H

#include <msrpc/serve.h>

#include "app.h"

/* Reads the file (- is standard input) by mr_accounts_read; the caller frees what it gets. 0, or
 * APP_UNREADABLE, APP_USAGE (with line and column, never a secret) or APP_BUG, told. */
int app_read_accounts(app *a, const char *path, mr_accounts **accountsp);

#endif
