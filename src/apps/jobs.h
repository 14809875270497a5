/*
 * Commands over several targets: --jobs of them at once, shown as one report in the order given.
 *
 * A command gives a function that does one target in straight lines. It is called on a worker
 * thread with a copy of the app of its own: a->arena, freed when it returns, a->out and a->err,
 * which are shown when all targets before it are, and its own session. Everything else that it
 * reaches (a->own, @user, the target) is shared by all workers: read it, or count with atomics.
 * A function has at most one session open at a time.
 */
#ifndef MSRPC_APP_JOBS_H
#define MSRPC_APP_JOBS_H

#include <msrpc/io.h>

#include "identity.h"
#include "target.h"

/* Does one target and writes its report or screen to a->out; its exit code. */
typedef int app_target_fn(app *a, const app_target *target, void *user);

/*
 * Calls @fn for every target and writes the whole report, app_reports_open and _close included;
 * the worst exit code. --rate and --deadline hold for all of them together. SIGINT and the deadline
 * end those that run with what is known and leave out those that have not begun, which is said.
 * Memory does not grow with @count: output is handed on in order and freed at once, and workers run
 * only a bounded number of targets ahead of what was shown.
 */
int app_jobs_run(app *a, const app_target *targets, size_t count, app_target_fn *fn, void *user);

/* The same without the frame of the report, for a command that adds members of its own to it. */
int app_jobs_each(app *a, const app_target *targets, size_t count, app_target_fn *fn, void *user);

/* For session.c: an interrupt of the run ends @loop from now on. False when the run is being ended
 * already. @worker may be NULL, which knows no interrupts. */
bool app_worker_enter(struct app_worker *worker, mr_loop *loop);
void app_worker_leave(struct app_worker *worker);

/* Turns at an account (identity.h) in the order of the targets: until it is known to be good, a
 * target waits until those before it with the same account have had their turn or are done.
 * @worker may be NULL: the target stands alone. */
enum app_turn app_worker_begin(struct app_worker *worker, app_account *account);
void app_worker_end(struct app_worker *worker, app_account *account, enum app_verdict verdict);

#endif
