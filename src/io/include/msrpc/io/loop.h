/*
 * The event loop: a thin owner of one libuv loop, which stays hidden. Also the clocks and the
 * source of randomness, which floors below io are given and never ask for.
 */
#ifndef MSRPC_IO_LOOP_H
#define MSRPC_IO_LOOP_H

#include <msrpc/base.h>

typedef struct mr_loop mr_loop;
typedef struct mr_timer mr_timer;

struct mr_loop {
    struct mr_loop_state *state; /* private; NULL before init and after deinit */
};

/* Makes the loop. 0, MR_ERR_MEMORY or MR_ERR_SYSTEM. */
int mr_loop_init(mr_loop *loop, mr_error *err);
/* Every object of the loop must have been deinitialised. A zeroed loop may be deinitialised. */
void mr_loop_deinit(mr_loop *loop);

enum {
    MR_LOOP_DEADLINE = 1,    /* mr_loop_run: the deadline passed */
    MR_LOOP_IDLE = 2,        /* mr_loop_run: nothing is left that could call back */
    MR_LOOP_INTERRUPTED = 3, /* mr_loop_run: a signal asked for the end, see mr_loop_add_signals */
};

/* Runs callbacks until mr_loop_stop (0), or one of the outcomes above. @deadline is absolute, on
 * the clock of mr_clock_now; MR_NSEC_NEVER for none. May be called again afterwards, but never
 * from a callback (MR_ERR_STATE). */
int mr_loop_run(mr_loop *loop, mr_nsec deadline);
/* Lets mr_loop_run return 0 once the present callbacks are through; one that comes while the loop
 * does not run ends the next run at once. */
void mr_loop_stop(mr_loop *loop);
/* The same from another thread or a signal handler. */
void mr_loop_stop_async(mr_loop *loop);
/* From another thread: as if a signal had asked for the end (MR_LOOP_INTERRUPTED). */
void mr_loop_interrupt_async(mr_loop *loop);
/* No mr_loop_run lasts beyond @deadline from now on, whatever its own; MR_NSEC_NEVER for none. */
void mr_loop_set_deadline(mr_loop *loop, mr_nsec deadline);
/* From now on SIGINT and SIGTERM end mr_loop_run with MR_LOOP_INTERRUPTED; for applications. */
int mr_loop_add_signals(mr_loop *loop, mr_error *err);
/* From now on SIGHUP calls @hangup inside mr_loop_run; for applications. 0, MR_ERR_STATE the second
 * time, or MR_ERR_SYSTEM. */
int mr_loop_add_hangup(mr_loop *loop, void (*hangup)(void *user), void *user, mr_error *err);
/* The signal that interrupted the loop, 0 for none. */
int mr_loop_get_signal(const mr_loop *loop);
/* Counts the turns of the loop: each serves the timers that are due, then what the sockets have. */
uint64_t mr_loop_get_turn(const mr_loop *loop);

/* Monotonic nanoseconds, read from the clock at each call. */
mr_nsec mr_clock_now(void);
/* The time of day: Unix seconds and nanoseconds. */
void mr_clock_get_wall(int64_t *secp, uint32_t *nsecp);
/* Fills @out with @len octets of the system's randomness; 0 or MR_ERR_SYSTEM. */
int mr_entropy_get(void *out, size_t len);

/*
 * Timers, one shot. Setting one never fails and costs no system call.
 */
struct mr_timer {
    mr_loop *loop;
    void (*expired)(void *user);
    void *user;
    mr_nsec due; /* MR_NSEC_NEVER while not set */
    mr_timer *child, *next, *prev; /* private: the loop's heap */
};

void mr_timer_init(mr_timer *timer, mr_loop *loop, void (*expired)(void *user), void *user);
/* Calls back once, at or soon after the absolute time @due; replaces an earlier setting.
 * MR_NSEC_NEVER unsets. */
void mr_timer_set(mr_timer *timer, mr_nsec due);
/* Unsets it. A zeroed timer may be deinitialised. */
void mr_timer_deinit(mr_timer *timer);

/* A rate at which things may be begun, shared by all who are given it, on any threads. Zeroed, with
 * @interval set. */
typedef struct mr_pace {
    mr_nsec interval; /* between two turns; 0: no limit */
    mr_nsec next;     /* private, atomic */
} mr_pace;

/* Takes a turn: the absolute time from which on it may be used, 0 without a limit. Of turns that
 * nobody took one at most is saved up. @pace may be NULL: no limit. */
mr_nsec mr_pace_get(mr_pace *pace);

#endif
