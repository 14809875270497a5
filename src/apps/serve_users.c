/* Who may log on at msrpc serve: the accounts of --users, the key table of --keytab, and what the
 * server calls itself. */
#include "serve.h"

#include <unistd.h>

#include "accounts.h"
#include "identity.h"

#define WINBIND "winbind:" /* in place of a file */

struct names {
    char computer[16], dns[256];
};

/* The host's name, and the NetBIOS name made of it. */
static void name_server(struct names *names) {
    *names = (struct names){.dns = ""};
    if (gethostname(names->dns, sizeof names->dns - 1) != 0 || !*names->dns)
        snprintf(names->dns, sizeof names->dns, "localhost");
    app_computer_name(names->dns, names->computer);
    if (!*names->computer)
        snprintf(names->computer, sizeof names->computer, "LOCALHOST");
}

/* The library's name of a file; who writes FILE: himself is understood, too. */
static const char *name_keytab(app *a, const char *path) {
    return strncmp(path, "FILE:", 5) ? mr_arena_add_fmt(&a->arena, "FILE:%s", path) : path;
}

int serve_users_read(app *a, const struct serve_settings *s, mr_channels *channels,
                     struct serve_users *users) {
    mr_gate_options options = {.accounts = NULL, .channels = channels};
    mr_error err = MR_ERROR_INIT;
    struct names names;

    if (!s->users && !s->keytab)
        return 0;
    name_server(&names);
    options.names = (mr_ntlm_names){.computer = names.computer,
                                    .domain = names.computer,
                                    .dns_computer = names.dns,
                                    .dns_domain = names.dns,
                                    .standalone = true};
    if (s->keytab && !(options.keytab = name_keytab(a, s->keytab)))
        return app_refuse(a, APP_BUG, "out of memory");
    options.winbind = s->users && !strcmp(s->users, WINBIND);
    int code = s->keytab ? app_krb_never_waits(a, "--keytab", s->keytab) : 0;
    if (code)
        return code;
    code = s->users && !options.winbind ? app_read_accounts(a, s->users, &options.accounts) : 0;
    int r = code ? 0 : mr_gate_new(&options, &users->gate, &err);
    bool winbind = err.floor == MR_FLOOR_SERVE; /* what is wrong with a key table is auth's */
    if (r == MR_ERR_MEMORY || r == MR_ERR_UNSUPPORTED || r == MR_ERR_MISSING || winbind)
        code = app_refuse(a, r == MR_ERR_MEMORY ? APP_BUG : APP_MISSING, "%s", err.text);
    else if (r)
        code = app_refuse(a, APP_UNREADABLE, "%s: %s", s->keytab, err.text);
    if (code)
        mr_accounts_free(options.accounts);
    return code;
}

void serve_users_deinit(struct serve_users *users) {
    mr_gate_free(users->gate);
    users->gate = NULL;
}
