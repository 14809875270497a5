/*
 * A file of accounts and their secrets, as serve --users and trace --users read it. Its text is
 * wiped as soon as the accounts have their copies.
 */
#include "accounts.h"

#include <msrpc/crypto.h>

#include "input.h"

#define FILE_MAX ((size_t)1 << 20)

int app_read_accounts(app *a, const char *path, mr_accounts **accountsp) {
    mr_accounts *accounts = NULL;
    mr_error err = MR_ERROR_INIT;
    mr_slice text;
    int code = app_input_read(a, path, FILE_MAX, &text);

    if (code)
        return code;
    int r = mr_accounts_new(&accounts, &err);
    if (!r)
        r = mr_accounts_read(accounts, text, path, &err);
    if (text.len)
        mr_wipe((void *)text.data, text.len);
    if (r) {
        mr_accounts_free(accounts);
        return app_refuse(a, r == MR_ERR_MEMORY ? APP_BUG : APP_USAGE, "%s", err.text);
    }
    if (mr_accounts_count(accounts) == 0) {
        mr_accounts_free(accounts);
        return app_refuse(a, APP_UNREADABLE, "%s: no account in it", path);
    }
    *accountsp = accounts;
    return 0;
}
