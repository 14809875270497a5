/* The lines of a server. A window begins with the first line of a kind; what came too much is
 * counted, and told in one line when the window is over. */
#include "serve_log.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *const kind_names[SERVE_KINDS] = {
    [SERVE_LIFE] = "life",              [SERVE_RELOAD] = "reloads",
    [SERVE_NOT_RELOADED] = "reloads that failed",
    [SERVE_PORTS] = "ports",            [SERVE_MOCKED] = "calls of mocks",
    [SERVE_CONNECTION] = "connections", [SERVE_CALL] = "calls",
    [SERVE_DENIED] = "denied calls",    [SERVE_REFUSED] = "refused connections",
    [SERVE_PROTOCOL] = "protocol errors",
    [SERVE_SLOW] = "slow or idle connections",
    [SERVE_ACCEPT] = "failures to accept",
};

/* JOURNAL_STREAM names the journal's end of a stream as DEVICE:INODE; a stream that was redirected
 * since is another one (systemd.exec(5)). */
static bool is_journal(FILE *out) {
    const char *text = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    char *end;

    if (!text || fstat(fileno(out), &st) != 0)
        return false;
    device = strtoull(text, &end, 10);
    if (*end != ':')
        return false;
    inode = strtoull(end + 1, &end, 10);
    return *end == '\0' && device == st.st_dev && inode == st.st_ino;
}

static void on_timer(void *user);

void serve_log_init(struct serve_log *log, mr_loop *loop, FILE *out) {
    *log = (struct serve_log){.out = out, .journal = is_journal(out), .level = SERVE_NOTICE,
                              .rate = 10};
    mr_timer_init(&log->timer, loop, on_timer, log);
}

static void begin(const struct serve_log *log, enum serve_level level) {
    if (log->journal)
        fprintf(log->out, "<%d>", (int)level + 3);
    else
        fputs("msrpc serve: ", log->out);
}

/* Ends a kind's window: what it left out is told in one line. */
static void end_window(struct serve_log *log, enum serve_kind kind) {
    if (log->kinds[kind].left_out) {
        begin(log, SERVE_NOTICE);
        fprintf(log->out, "%s: %llu more in %u s\n", kind_names[kind],
                (unsigned long long)log->kinds[kind].left_out,
                (unsigned)(SERVE_LOG_WINDOW / MR_SEC));
        fflush(log->out);
    }
    log->kinds[kind].left_out = 0;
    log->kinds[kind].lines = 0;
}

static void on_timer(void *user) {
    struct serve_log *log = user;
    mr_nsec now = mr_clock_now(), next = MR_NSEC_NEVER;

    for (unsigned kind = 0; kind < SERVE_KINDS; kind++) {
        mr_nsec end = log->kinds[kind].began + SERVE_LOG_WINDOW;
        if (log->kinds[kind].left_out == 0)
            continue;
        if (end <= now)
            end_window(log, (enum serve_kind)kind);
        else if (end < next)
            next = end;
    }
    mr_timer_set(&log->timer, next);
}

void serve_log_deinit(struct serve_log *log) {
    mr_timer_deinit(&log->timer);
    for (unsigned kind = 0; log->out && kind < SERVE_KINDS; kind++)
        end_window(log, (enum serve_kind)kind);
}

/* Whether the kind has a line left in its window. */
static bool take_turn(struct serve_log *log, enum serve_kind kind) {
    mr_nsec now = mr_clock_now();

    if (kind == SERVE_LIFE || log->rate == 0)
        return true;
    if (log->kinds[kind].lines && log->kinds[kind].began + SERVE_LOG_WINDOW <= now)
        end_window(log, kind);
    if (log->kinds[kind].lines == 0)
        log->kinds[kind].began = now;
    uint64_t rate = (uint64_t)log->rate * (kind == SERVE_MOCKED ? 100 : 1);
    if (log->kinds[kind].lines < rate) {
        log->kinds[kind].lines++;
        return true;
    }
    log->kinds[kind].left_out++;
    if (log->timer.due == MR_NSEC_NEVER)
        mr_timer_set(&log->timer, log->kinds[kind].began + SERVE_LOG_WINDOW);
    return false;
}

bool serve_log_take(struct serve_log *log, enum serve_kind kind, enum serve_level level) {
    return serve_log_wants(log, level) && take_turn(log, kind);
}

static void write_line(struct serve_log *log, enum serve_level level, const char *fmt,
                       va_list ap) {
    begin(log, level);
    vfprintf(log->out, fmt, ap);
    fputc('\n', log->out);
    fflush(log->out);
}

void serve_log_tell(struct serve_log *log, enum serve_level level, const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    write_line(log, level, fmt, ap);
    va_end(ap);
}

void serve_log(struct serve_log *log, enum serve_kind kind, enum serve_level level,
               const char *fmt, ...) {
    va_list ap;

    if (!serve_log_take(log, kind, level))
        return;
    va_start(ap, fmt);
    write_line(log, level, fmt, ap);
    va_end(ap);
}
