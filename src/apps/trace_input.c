/*
 * What msrpc trace reads and writes, looked at before anything is opened: which switches go
 * together, that no file that is written is one that is read, and a standard input or a pipe that
 * has to be read twice, which is put into a file without a name.
 */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_standard(const char *path) {
    return strcmp(path, "-") == 0;
}

/* ---- nothing that is read is written ---- */

static bool look_up(const char *path, struct stat *st) {
    return (is_standard(path) ? fstat(STDIN_FILENO, st) : stat(path, st)) == 0 &&
           S_ISREG(st->st_mode);
}

static bool same_file(const struct stat *x, const struct stat *y) {
    return x->st_dev == y->st_dev && x->st_ino == y->st_ino;
}

static int check_read(app *a, const char *out, const char *in) {
    struct stat written, read;

    if (!in || !look_up(out, &written) || !look_up(in, &read) || !same_file(&written, &read))
        return 0;
    return app_refuse(a, APP_USAGE, "%s is the capture itself: write to another file", out);
}

static int check_files(app *a) {
    const struct trace_options *o = a->own;
    const char *const outs[] = {a->set.output, o->annotate, o->to, o->html};
    int code = 0;

    for (size_t i = 0; !code && i < MR_COUNT(outs); i++) {
        struct stat x, y;
        if (!outs[i] || (i == 0 && is_standard(outs[i])))
            continue;
        if (is_standard(outs[i]))
            return app_refuse(a, APP_USAGE, "--annotate, --to and --html write files, and the "
                              "report has standard output: /dev/stdout with --output elsewhere");
        for (size_t k = 0; !code && k < a->arg_count; k++)
            code = check_read(a, outs[i], a->args[k]);
        if (!code)
            code = check_read(a, outs[i], o->client);
        if (!code)
            code = check_read(a, outs[i], o->server);
        for (size_t k = 0; !code && k < i; k++)
            if (outs[k] && (strcmp(outs[k], outs[i]) == 0 ||
                            (look_up(outs[k], &x) && look_up(outs[i], &y) && same_file(&x, &y))))
                code = app_refuse(a, APP_USAGE, "%s cannot take two things at once: name two "
                                  "files", outs[i]);
    }
    return code;
}

/* ---- switches ---- */

static int check_pair(app *a) {
    const struct trace_options *o = a->own;

    if (a->arg_count || o->interface)
        return app_refuse(a, APP_USAGE, "--client and --server are all that is read: no other "
                          "capture and no -i beside them");
    if (is_standard(o->client) || is_standard(o->server))
        return app_refuse(a, APP_USAGE, "--client and --server are read twice: files are "
                          "wanted, not standard input");
    if (o->annotate || o->extract || o->to || o->filter)
        return app_refuse(a, APP_USAGE, "--annotate, --extract and --filter work on one "
                          "capture");
    return 0;
}

static int check_copies(app *a) {
    const struct trace_options *o = a->own;
    const char *name = o->annotate ? "--annotate" : "--extract";

    if ((o->extract != 0) != (o->to != NULL))
        return app_refuse(a, APP_USAGE, "--extract ID and --to OUT.pcapng belong together");
    if (!o->annotate && !o->extract)
        return 0;
    if (o->interface)
        return app_refuse(a, APP_USAGE, "%s copies a capture that exists: listen with dumpcap -i "
                          "%s -w FILE, then trace the file", name, o->interface);
    if (a->arg_count > 1)
        return app_refuse(a, APP_USAGE, "%s copies one capture: make one of them first (mergecap "
                          "-w all.pcapng %s %s%s), then trace that", name, a->args[0], a->args[1],
                          a->arg_count > 2 ? " ..." : "");
    return 0;
}

int trace_check(app *a) {
    const struct trace_options *o = a->own;
    size_t standard = 0;

    for (size_t i = 0; i < a->arg_count; i++)
        standard += is_standard(a->args[i]);
    if ((o->client != NULL) != (o->server != NULL))
        return app_refuse(a, APP_USAGE, "--client FILE and --server FILE belong together");
    if (!o->client && !o->interface && a->arg_count == 0)
        return app_refuse(a, APP_USAGE, "a capture is wanted (- for standard input), or -i "
                          "INTERFACE");
    if (o->interface && a->arg_count)
        return app_refuse(a, APP_USAGE, "-i listens: a file beside it makes no sense");
    if (standard > 1)
        return app_refuse(a, APP_USAGE, "standard input can be read once");
    if (o->calls && o->stubs)
        return app_refuse(a, APP_USAGE, "--calls and --stubs exclude each other");
    int code = o->client ? check_pair(a) : check_copies(a);
    return code ? code : check_files(a);
}

/* ---- standard input twice ---- */

static int copy_all(int from, int to) {
    static char octets[1 << 16];
    ssize_t n;

    while ((n = read(from, octets, sizeof octets)) > 0 || (n < 0 && errno == EINTR)) {
        for (ssize_t at = 0, done; at < n; at += done)
            if ((done = write(to, octets + at, (size_t)(n - at))) < 0)
                return -1;
    }
    return n < 0 ? -1 : 0;
}

int trace_spool(struct trace *t) {
    const char *folder = getenv("TMPDIR"), *path = t->paths[0];
    struct stat st;
    int from = STDIN_FILENO;

    if (!is_standard(path) && (stat(path, &st) != 0 || !S_ISFIFO(st.st_mode)))
        return 0;
    if (!is_standard(path) && (from = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return app_refuse(t->a, APP_UNREADABLE, "%s: %s", path, strerror(errno));
    folder = folder && *folder ? folder : "/tmp";
    char *name = mr_arena_add_fmt(&t->a->arena, "%s/msrpc-XXXXXX", folder);
    int fd = name ? mkostemp(name, O_CLOEXEC) : -1;
    if (fd >= 0) {
        unlink(name);
        t->spool = fd + 1;
        t->spooled = mr_arena_add_fmt(&t->a->arena, "/proc/self/fd/%d", fd);
    }
    bool lost = fd < 0 || !t->spooled || copy_all(from, fd) != 0;
    int reason = errno;
    if (from != STDIN_FILENO)
        close(from);
    if (lost)
        return app_refuse(t->a, APP_UNWRITABLE, "%s is read twice, and %s (TMPDIR) cannot keep "
                          "it: %s", path, folder, strerror(reason));
    t->sources = &t->spooled;
    return 0;
}

void trace_name_error(struct trace *t) {
    char *text = t->error.text;
    size_t len = t->spooled ? strlen(t->spooled) : 0;

    if (len == 0 || strncmp(text, t->spooled, len) != 0)
        return;
    char rest[sizeof t->error.text];
    snprintf(rest, sizeof rest, "%s", text + len);
    snprintf(text, sizeof t->error.text, "%s%s", t->paths[0], rest);
}
