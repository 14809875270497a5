/*
 * Secrets on their way in: asked for on the terminal without echo, or read from a file, by
 * descriptors, so that no buffer of the C library keeps a copy. A signal while the terminal does
 * not echo is an interruption, after which it echoes again. Every copy that is kept is in a list,
 * so that it is wiped whichever way a run ends.
 */
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#define SECRET_MAX 1022

void app_guard_secrets(void) {
    const struct rlimit none = {0, 0};

    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
}

void app_wipe_text(const char *secret) {
    if (secret)
        explicit_bzero((char *)(uintptr_t)secret, strlen(secret));
}

struct app_secret {
    struct app_secret *next;
    size_t len;
    char text[];
};

char *app_keep_secret(app *a, mr_slice text) {
    app_guard_secrets();
    struct app_secret *kept = mr_arena_get(&a->arena, 1, sizeof *kept + text.len + 1);

    if (!kept)
        return NULL;
    kept->next = a->secrets;
    kept->len = text.len;
    if (text.len)
        memcpy(kept->text, text.data, text.len);
    a->secrets = kept;
    return kept->text;
}

/* What the C library compares and copies with; a call may change all of them. */
static void wipe_registers(void) {
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx"))
        __asm__ volatile("vzeroall");
    if (__builtin_cpu_supports("avx512vl"))
        __asm__ volatile(".irp n, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
                         "vpxord %xmm\\n, %xmm\\n, %xmm\\n\n"
                         ".endr");
#endif
}

__attribute__((noinline)) void app_wipe_stack(void) {
    uint8_t room[16384]; /* deeper than anything that looks at words */

    wipe_registers(); /* before they are kept once more, below */
    explicit_bzero(room, sizeof room);
}

void app_wipe_secrets(app *a) {
    for (struct app_secret *kept = a->secrets; kept; kept = kept->next)
        explicit_bzero(kept->text, kept->len);
    a->secrets = NULL;
    app_wipe_stack();
}

/* A line without its end, octet by octet: what follows is somebody else's. Its length; -1 with
 * errno; -2: too long. */
static ssize_t read_line(int fd, char out[SECRET_MAX + 2], bool *endp) {
    size_t n = 0;

    *endp = false;
    for (;;) {
        ssize_t r = read(fd, &out[n], 1);
        if (r < 0)
            return -1;
        *endp = r == 0;
        if (r == 0 || out[n] == '\n')
            break;
        if (++n > SECRET_MAX)
            return -2;
    }
    if (n > 0 && out[n - 1] == '\r')
        n--;
    out[n] = '\0';
    return (ssize_t)n;
}

static int keep(app *a, const char *line, size_t len, char **secretp) {
    *secretp = app_keep_secret(a, mr_slice_of(line, len));
    return *secretp ? 0 : app_refuse(a, APP_BUG, "out of memory");
}

int app_read_secret(app *a, const char *path, char **secretp) {
    bool standard = strcmp(path, "-") == 0, end;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    const char *name = standard ? "standard input" : path;
    char line[SECRET_MAX + 2];
    int code;

    if (fd < 0)
        return app_refuse(a, APP_UNREADABLE, "--password-file %s: %s", name, strerror(errno));
    app_guard_secrets();
    ssize_t n = read_line(fd, line, &end);
    if (n == -1)
        code = app_refuse(a, APP_UNREADABLE, "--password-file %s: %s", name, strerror(errno));
    else if (n == -2)
        code = app_refuse(a, APP_UNREADABLE, "--password-file %s: its first line is longer than "
                          "%d octets", name, SECRET_MAX);
    else if (n == 0 && end)
        code = app_refuse(a, APP_UNREADABLE, "--password-file %s: it is empty", name);
    else
        code = keep(a, line, (size_t)n, secretp);
    explicit_bzero(line, sizeof line);
    if (!standard)
        close(fd);
    return code;
}

/* ---- the terminal ---- */

static void on_signal(int number) {
    (void)number; /* ends the read */
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

struct quiet {
    struct termios before;
    struct sigaction actions[MR_COUNT(signals)];
    sigset_t mask;
};

static void hear_signals(const struct quiet *quiet) {
    for (size_t i = 0; i < MR_COUNT(signals); i++)
        sigaction(signals[i], &quiet->actions[i], NULL);
    sigprocmask(SIG_SETMASK, &quiet->mask, NULL);
}

/* The signals are held back but while the answer is waited for. */
static bool be_quiet(int fd, struct quiet *quiet) {
    const struct sigaction action = {.sa_handler = on_signal};
    sigset_t held;

    if (tcgetattr(fd, &quiet->before) != 0)
        return false;
    struct termios mute = quiet->before;
    mute.c_lflag &= ~(tcflag_t)ECHO;
    mute.c_lflag |= ICANON | ISIG | ECHONL;
    sigemptyset(&held);
    for (size_t i = 0; i < MR_COUNT(signals); i++)
        sigaddset(&held, signals[i]);
    sigprocmask(SIG_BLOCK, &held, &quiet->mask);
    for (size_t i = 0; i < MR_COUNT(signals); i++)
        sigaction(signals[i], &action, &quiet->actions[i]);
    if (tcsetattr(fd, TCSAFLUSH, &mute) == 0)
        return true;
    hear_signals(quiet);
    return false;
}

static void be_loud(int fd, const struct quiet *quiet) {
    (void)tcsetattr(fd, TCSAFLUSH, &quiet->before);
    hear_signals(quiet);
}

/* A whole line is there, as the terminal gives it; false: a signal came first. */
static bool await_line(int fd, const struct quiet *quiet) {
    sigset_t mask = quiet->mask;
    struct pollfd poll = {.fd = fd, .events = POLLIN};

    for (size_t i = 0; i < MR_COUNT(signals); i++)
        sigdelset(&mask, signals[i]);
    return ppoll(&poll, 1, NULL, &mask) >= 0;
}

int app_ask_secret(app *a, const char *prompt, char **secretp) {
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    char line[SECRET_MAX + 2];
    struct quiet quiet;
    bool end = true;

    if (fd < 0)
        return app_refuse(a, APP_MISSING, "no terminal to ask for a password; --password-file F "
                          "reads it, -k takes the Kerberos ticket at hand");
    app_guard_secrets();
    if (!be_quiet(fd, &quiet)) {
        close(fd);
        return app_refuse(a, APP_MISSING, "the terminal cannot be asked for a password");
    }
    bool asked = write(fd, prompt, strlen(prompt)) == (ssize_t)strlen(prompt);
    bool interrupted = asked && !await_line(fd, &quiet);
    ssize_t n = asked && !interrupted ? read_line(fd, line, &end) : -1;
    be_loud(fd, &quiet);
    if (interrupted)
        (void)!write(fd, "\n", 1);
    close(fd);
    int code = n == -2 ? app_refuse(a, APP_USAGE, "a password has at most %d octets", SECRET_MAX)
               : interrupted ? app_refuse(a, APP_INTERRUPTED, "interrupted")
               : n < 0 || (n == 0 && end)
                   ? app_refuse(a, APP_MISSING, "no password was entered")
                   : keep(a, line, (size_t)n, secretp);
    explicit_bzero(line, sizeof line);
    return code;
}
