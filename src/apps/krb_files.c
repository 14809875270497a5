/*
 * The files that Kerberos reads, before it does: whether they are there, and what they should be.
 * The library would wait without end for somebody to write into a pipe that stands in a file's
 * place, and its own words for a missing one are "no such cache".
 */
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A name such as "KEYRING:..." is the library's to understand; else @pathp is a file's path. */
static bool is_file(const char *name, const char **pathp) {
    size_t type = 0;

    while (name[type] >= 'A' && name[type] <= 'Z')
        type++;
    bool typed = type > 1 && name[type] == ':';
    bool file = !typed || strncmp(name, "FILE:", 5) == 0;
    *pathp = typed && file ? name + 5 : name;
    return file;
}

/* A pipe, a socket, a device: reading it may never end. Nothing (/dev/null) ends at once. */
static bool may_wait(const struct stat *st) {
    bool nothing = S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);

    return !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) && !nothing;
}

static int refuse_waiting(const app *a, const char *option, const char *path) {
    return app_refuse(a, APP_UNREADABLE, "%s %s: a pipe, a socket or a device, not a file", option,
                      path);
}

int app_krb_file(app *a, const char *option, const char *name, uint8_t version_low,
                 uint8_t version_high, const char *what, const char **namep) {
    uint8_t head[2] = {0};
    struct stat st = {0};
    const char *path;

    *namep = name;
    if (!is_file(name, &path))
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int failed = errno;
    bool waits = (fd >= 0 ? fstat(fd, &st) : stat(path, &st)) == 0 && may_wait(&st);
    ssize_t n = fd < 0 || waits ? -1 : read(fd, head, sizeof head); /* of the keys nothing */
    if (fd >= 0 && n < 0)
        failed = errno;
    if (fd >= 0)
        close(fd);
    if (waits)
        return refuse_waiting(a, option, path);
    if (n < 0)
        return app_refuse(a, APP_UNREADABLE, "%s %s: %s", option, path, strerror(failed));
    if (n < 2 || head[0] != 5 || head[1] < version_low || head[1] > version_high)
        return app_refuse(a, APP_UNREADABLE, "%s %s: no %s of Kerberos", option, path, what);
    *namep = mr_arena_add_fmt(&a->arena, "FILE:%s", path);
    return *namep ? 0 : app_refuse(a, APP_BUG, "out of memory");
}

static int check_path(const app *a, const char *option, const char *path) {
    struct stat st;

    return stat(path, &st) == 0 && may_wait(&st) ? refuse_waiting(a, option, path) : 0;
}

int app_krb_never_waits(const app *a, const char *option, const char *name) {
    const char *path;

    return is_file(name, &path) ? check_path(a, option, path) : 0;
}

/* KRB5_CONFIG: files with colons between them. */
static int check_configuration(app *a) {
    const char *list = getenv("KRB5_CONFIG");
    int code = 0;

    if (!list)
        return check_path(a, "krb5.conf:", "/etc/krb5.conf");
    while (!code && *list) {
        size_t len = strcspn(list, ":");
        const char *path = mr_arena_add_str(&a->arena, mr_slice_of(list, len));
        code = path ? check_path(a, "KRB5_CONFIG:", path) : app_refuse(a, APP_BUG, "out of memory");
        list += len + (list[len] != '\0');
    }
    return code;
}

int app_krb_settings(app *a, const app_account *account) {
    const char *cache = getenv("KRB5CCNAME");
    int code = check_configuration(a);

    if (code || account->who != APP_WHO_TICKET || account->id.ccache[0] || !cache)
        return code;
    return app_krb_never_waits(a, "KRB5CCNAME:", cache);
}
