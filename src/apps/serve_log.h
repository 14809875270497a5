/* The lines of a server: one for each event, each kind so many at a time, with the priorities that
 * the journal reads where it listens (sd-daemon(3)). */
#ifndef MSRPC_APP_SERVE_LOG_H
#define MSRPC_APP_SERVE_LOG_H

#include <stdio.h>

#include <msrpc/io.h>

/* Priorities of syslog(3) less 3. */
#define SERVE_LEVELS "error|warning|notice|info|debug"
enum serve_level { SERVE_ERROR, SERVE_WARNING, SERVE_NOTICE, SERVE_INFO, SERVE_DEBUG };

/* Kinds of lines, each limited by itself: whatever a peer, a signal or a loop can cause. */
enum serve_kind {
    SERVE_LIFE,       /* start and end: once in a life, never limited */
    SERVE_RELOAD,     /* what came of a SIGHUP */
    SERVE_NOT_RELOADED, /* what was wrong then, so that what went well leaves room for it */
    SERVE_PORTS,      /* what could not be opened or told to the mapper then */
    SERVE_MOCKED,     /* calls of mocks, of which the user wants to see more: a hundredfold */
    SERVE_CONNECTION, /* came and went */
    SERVE_CALL,
    SERVE_DENIED,
    SERVE_REFUSED,
    SERVE_PROTOCOL,
    SERVE_SLOW,
    SERVE_ACCEPT,
    SERVE_KINDS,
};

#define SERVE_LOG_WINDOW (10 * MR_SEC)

struct serve_log {
    FILE *out;
    bool journal;          /* write <N> before each line */
    enum serve_level level;
    uint32_t rate;         /* lines of a kind within SERVE_LOG_WINDOW; 0: any number */
    struct {
        mr_nsec began;
        uint32_t lines;
        uint64_t left_out;
    } kinds[SERVE_KINDS];
    mr_timer timer;        /* tells what was left out, in time */
};

void serve_log_init(struct serve_log *log, mr_loop *loop, FILE *out);
/* Tells what was left out. A zeroed log may be deinitialised. */
void serve_log_deinit(struct serve_log *log);
/* Whether a line of that level would be written: for callers to whom making one costs. */
static inline bool serve_log_wants(const struct serve_log *log, enum serve_level level) {
    return level <= log->level;
}
void serve_log(struct serve_log *log, enum serve_kind kind, enum serve_level level,
               const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The same in two steps: whether a line is due, which is counted, and the line. */
bool serve_log_take(struct serve_log *log, enum serve_kind kind, enum serve_level level);
void serve_log_tell(struct serve_log *log, enum serve_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
