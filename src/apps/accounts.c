/*
 * A file of accounts and their secrets, as serve --users and trace --users read it. Its text is in
 * one place only, which is wiped as soon as the accounts have their copies.
 */
#include "accounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "identity.h"
#include "input.h"

#define FILE_MAX ((size_t)1 << 20)

/* The text into @room, which has one octet more than a file may have. */
static int read_text(app *a, const char *path, uint8_t *room, size_t *lenp) {
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : app_input_fill(fd, room, FILE_MAX + 1);
    int failed = errno;

    if (fd >= 0 && !standard)
        close(fd);
    if (n < 0)
        return app_refuse(a, APP_UNREADABLE, "%s: %s", standard ? "standard input" : path,
                          strerror(failed));
    *lenp = (size_t)n;
    return *lenp <= FILE_MAX ? 0 : app_refuse(a, APP_UNREADABLE, "%s: longer than %zu octets",
                                              path, FILE_MAX);
}

static int make_accounts(app *a, const char *path, mr_slice text, mr_accounts **accountsp) {
    mr_accounts *accounts = NULL;
    mr_error err = MR_ERROR_INIT;
    int r = mr_accounts_new(&accounts, &err), code = 0;

    if (!r)
        r = mr_accounts_read(accounts, text, path, &err);
    if (r)
        code = app_refuse(a, r == MR_ERR_MEMORY ? APP_BUG : APP_USAGE, "%s", err.text);
    else if (mr_accounts_count(accounts) == 0)
        code = app_refuse(a, APP_UNREADABLE, "%s: no account in it", path);
    if (code)
        mr_accounts_free(accounts);
    else
        *accountsp = accounts;
    return code;
}

int app_read_accounts(app *a, const char *path, mr_accounts **accountsp) {
    uint8_t *room = malloc(FILE_MAX + 1);
    size_t len = 0;

    if (!room)
        return app_refuse(a, APP_BUG, "out of memory");
    app_guard_secrets();
    int code = read_text(a, path, room, &len);
    if (!code)
        code = make_accounts(a, path, mr_slice_of(room, len), accountsp);
    explicit_bzero(room, len);
    free(room);
    return code;
}
