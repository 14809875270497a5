/* Who may log on at msrpc serve: the accounts of --users, and what the server calls itself. */
#include "serve.h"

#include <ctype.h>
#include <msrpc/crypto.h>
#include <unistd.h>

#include "input.h"

#define FILE_MAX ((size_t)1 << 20)

/* The host's name, and the NetBIOS name made of it: 15 capitals at most (MS-NBTE). */
static void name_server(struct serve_users *users) {
    if (gethostname(users->dns, sizeof users->dns - 1) != 0 || !*users->dns)
        snprintf(users->dns, sizeof users->dns, "localhost");
    size_t len = strcspn(users->dns, ".");
    if (len > sizeof users->computer - 1)
        len = sizeof users->computer - 1;
    for (size_t i = 0; i < len; i++)
        users->computer[i] = (char)toupper((unsigned char)users->dns[i]);
    users->computer[len] = '\0';
}

int serve_users_read(app *a, const char *path, struct serve_users *users) {
    mr_error err = MR_ERROR_INIT;
    mr_slice text;

    int code = app_input_read(a, path, FILE_MAX, &text);
    if (code)
        return code;
    int r = users->accounts ? 0 : mr_accounts_new(&users->accounts, &err);
    if (!r)
        r = mr_accounts_read(users->accounts, text, path, &err);
    if (text.len)
        mr_wipe((void *)text.data, text.len);
    if (r)
        return app_refuse(a, r == MR_ERR_MEMORY ? APP_BUG : APP_USAGE, "%s", err.text);
    if (users->acceptor_count == 0) {
        name_server(users);
        const mr_ntlm_names names = {.computer = users->computer,
                                     .domain = users->computer,
                                     .dns_computer = users->dns,
                                     .dns_domain = users->dns,
                                     .standalone = true};
        mr_accounts_get_ntlm(users->accounts, &names, &users->acceptors[0]);
        users->acceptor_count = 1;
    }
    return 0;
}

void serve_users_deinit(struct serve_users *users) {
    mr_accounts_free(users->accounts);
    *users = (struct serve_users){0};
}
