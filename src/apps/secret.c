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

static int keep(app *a, const char *line, size_t len, char **secretp) {
    *secretp = app_keep_secret(a, mr_slice_of(line, len));
    return *secretp ? 0 : app_refuse(a, APP_BUG, "out of memory");
}

/* ---- signals ---- */

static void on_signal(int number) {
    (void)number; /* ends the waiting */
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
#define ENDING 2 /* the first end a run */

/* Signals that are held back but while something is waited for. */
struct held {
    size_t count;
    struct sigaction actions[MR_COUNT(signals)];
    sigset_t mask;
};

static void hold_signals(struct held *held, size_t count) {
    const struct sigaction action = {.sa_handler = on_signal};
    sigset_t set;

    held->count = count;
    sigemptyset(&set);
    for (size_t i = 0; i < count; i++)
        sigaddset(&set, signals[i]);
    sigprocmask(SIG_BLOCK, &set, &held->mask);
    for (size_t i = 0; i < count; i++)
        sigaction(signals[i], &action, &held->actions[i]);
}

static void hear_signals(const struct held *held) {
    for (size_t i = 0; i < held->count; i++)
        sigaction(signals[i], &held->actions[i], NULL);
    sigprocmask(SIG_SETMASK, &held->mask, NULL);
}

/* 0: there is something, or the end; else APP_INTERRUPTED or APP_INCOMPLETE. */
static int await_input(int fd, const struct held *held, mr_nsec deadline) {
    struct pollfd poll = {.fd = fd, .events = POLLIN};
    sigset_t mask = held->mask;
    mr_nsec now = mr_clock_now();

    if (now >= deadline)
        return APP_INCOMPLETE;
    const struct timespec left = {.tv_sec = (time_t)((deadline - now) / MR_SEC),
                                  .tv_nsec = (long)((deadline - now) % MR_SEC)};
    for (size_t i = 0; i < held->count; i++)
        sigdelset(&mask, signals[i]);
    int r = ppoll(&poll, 1, deadline == MR_NSEC_NEVER ? NULL : &left, &mask);
    return r > 0 ? 0 : r == 0 ? APP_INCOMPLETE : APP_INTERRUPTED;
}

/* ---- files ---- */

enum { ENDED = -1, TOO_LONG = -2, CUT = -3 };

/* A line without its end, octet by octet: what follows is somebody else's. Its length; ENDED with
 * errno; TOO_LONG; CUT with the exit code in *@cutp. */
static ssize_t read_line(int fd, const struct held *held, mr_nsec deadline,
                         char out[SECRET_MAX + 2], bool *endp, int *cutp) {
    size_t n = 0;

    *endp = false;
    for (;;) {
        *cutp = await_input(fd, held, deadline);
        if (*cutp)
            return CUT;
        ssize_t r = read(fd, &out[n], 1);
        if (r < 0)
            return ENDED;
        *endp = r == 0;
        if (r == 0 || out[n] == '\n')
            break;
        if (++n > SECRET_MAX)
            return TOO_LONG;
    }
    if (n > 0 && out[n - 1] == '\r')
        n--;
    out[n] = '\0';
    return (ssize_t)n;
}

static int tell_line(app *a, const char *name, ssize_t n, int cut) {
    const char *why = cut == APP_INCOMPLETE ? "the deadline of the run has passed" : "interrupted";

    if (n == CUT)
        return app_refuse(a, cut, "--password-file %s: %s, and no line came", name, why);
    if (n == TOO_LONG)
        return app_refuse(a, APP_UNREADABLE, "--password-file %s: its first line is longer than "
                          "%d octets", name, SECRET_MAX);
    if (n == 0)
        return app_refuse(a, APP_UNREADABLE, "--password-file %s: it is empty", name);
    return app_refuse(a, APP_UNREADABLE, "--password-file %s: %s", name, strerror(errno));
}

/* A pipe is as good as a file, but may have nothing to say. */
int app_read_secret(app *a, const char *path, char **secretp) {
    bool standard = strcmp(path, "-") == 0, end = false;
    const char *name = standard ? "standard input" : path;
    mr_nsec deadline = a->set.deadline ? mr_clock_now() + a->set.deadline : MR_NSEC_NEVER;
    char line[SECRET_MAX + 2];
    struct held held;
    ssize_t n = ENDED;
    int cut = 0;

    app_guard_secrets();
    hold_signals(&held, ENDING);
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0)
        n = read_line(fd, &held, deadline, line, &end, &cut);
    int failed = errno;
    if (fd >= 0 && !standard)
        close(fd);
    hear_signals(&held);
    if (a->set.deadline) { /* what is left of it is the run's */
        mr_nsec now = mr_clock_now();
        a->set.deadline = now < deadline ? deadline - now : 1;
    }
    errno = failed;
    int code = n < 0 || (n == 0 && end) ? tell_line(a, name, n, cut)
                                        : keep(a, line, (size_t)n, secretp);
    explicit_bzero(line, sizeof line);
    return code;
}

/* ---- the terminal ---- */

struct quiet {
    struct termios before;
    struct held held;
};

static bool be_quiet(int fd, struct quiet *quiet) {
    if (tcgetattr(fd, &quiet->before) != 0)
        return false;
    struct termios mute = quiet->before;
    mute.c_lflag &= ~(tcflag_t)ECHO;
    mute.c_lflag |= ICANON | ISIG | ECHONL;
    hold_signals(&quiet->held, MR_COUNT(signals));
    if (tcsetattr(fd, TCSAFLUSH, &mute) == 0)
        return true;
    hear_signals(&quiet->held);
    return false;
}

static void be_loud(int fd, const struct quiet *quiet) {
    (void)tcsetattr(fd, TCSAFLUSH, &quiet->before);
    hear_signals(&quiet->held);
}

int app_ask_secret(app *a, const char *prompt, char **secretp) {
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    char line[SECRET_MAX + 2];
    struct quiet quiet;
    bool end = true;
    int cut = 0;

    if (fd < 0)
        return app_refuse(a, APP_MISSING, "no terminal to ask for a password; --password-file F "
                          "reads it, -k takes the Kerberos ticket at hand");
    app_guard_secrets();
    if (!be_quiet(fd, &quiet)) {
        close(fd);
        return app_refuse(a, APP_MISSING, "the terminal cannot be asked for a password");
    }
    bool asked = write(fd, prompt, strlen(prompt)) == (ssize_t)strlen(prompt);
    ssize_t n = asked ? read_line(fd, &quiet.held, MR_NSEC_NEVER, line, &end, &cut) : ENDED;
    bool interrupted = n == CUT;
    be_loud(fd, &quiet);
    if (interrupted)
        (void)!write(fd, "\n", 1);
    close(fd);
    int code = n == TOO_LONG
                   ? app_refuse(a, APP_USAGE, "a password has at most %d octets", SECRET_MAX)
               : interrupted ? app_refuse(a, APP_INTERRUPTED, "interrupted")
               : n < 0 || (n == 0 && end)
                   ? app_refuse(a, APP_MISSING, "no password was entered")
                   : keep(a, line, (size_t)n, secretp);
    explicit_bzero(line, sizeof line);
    return code;
}
