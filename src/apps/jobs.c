/*
 * Several targets at once. Worker threads take targets in order and put what a target wrote into a
 * ring of slots; the calling thread shows the slots in order and waits on a loop of its own, which
 * has the signals and the progress line. Invariant: head <= next <= head + size; slots of the
 * targets head..next belong to their worker until done, then to the calling thread. All fields but
 * those of the calling thread change under the lock.
 */
#include "jobs.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "progress.h"
#include "report.h"
#include "session.h"

#define AHEAD 8 /* targets for each worker that may be done before their turn to be shown */
#define STACK ((size_t)1 << 20)
#define ARENA_CAP ((size_t)256 << 20)

/* What one target wrote. */
struct slot {
    char *out, *err;
    size_t out_len, err_len;
    int code;
    enum app_outcome outcome;
    bool lost; /* there was no memory for all of it */
    bool had_turn; /* at its account, be it once */
    bool done;
};

struct app_worker {
    struct jobs *jobs;
    pthread_t thread;
    size_t number; /* of its target */
    mr_loop *loop; /* of its session, while one is open */
};

struct jobs {
    app *a;            /* of the calling thread */
    app each;          /* what every target gets a copy of */
    const app_target *targets;
    size_t count;
    app_target_fn *fn;
    void *user;
    mr_pace pace; /* --rate */

    pthread_mutex_t lock;
    pthread_cond_t room;
    struct slot *slots; /* of the targets head..next, by number modulo size */
    size_t size, head, next;
    int stop;           /* 0, or the code that ends the run early */
    struct app_worker *workers;
    size_t worker_count;

    /* of the calling thread */
    mr_loop loop;
    app_progress progress;
    size_t shown, left_out, outcomes[APP_OUTCOMES];
    int worst;
};

/* ---- workers ---- */

bool app_worker_enter(struct app_worker *worker, mr_loop *loop) {
    if (!worker)
        return true;
    pthread_mutex_lock(&worker->jobs->lock);
    bool go = !worker->jobs->stop;
    if (go)
        worker->loop = loop;
    pthread_mutex_unlock(&worker->jobs->lock);
    return go;
}

void app_worker_leave(struct app_worker *worker) {
    if (!worker)
        return;
    pthread_mutex_lock(&worker->jobs->lock);
    worker->loop = NULL;
    pthread_mutex_unlock(&worker->jobs->lock);
}

/* Whether a target before this one is still to have its turn. */
static bool is_early(struct app_worker *worker, const app_account *account) {
    struct jobs *j = worker->jobs;
    bool early = false;

    pthread_mutex_lock(&j->lock);
    for (size_t i = j->head; i < worker->number && !early; i++) {
        const struct slot *slot = &j->slots[i % j->size];
        early = !slot->had_turn && !slot->done &&
                app_accounts_share_tries(j->targets[i].account, account);
    }
    pthread_mutex_unlock(&j->lock);
    return early;
}

enum app_turn app_worker_begin(struct app_worker *worker, app_account *account) {
    bool open = worker && !app_account_is_good(account) && !app_account_is_refused(account);

    return open && is_early(worker, account) ? APP_TURN_WAIT : app_account_begin(account);
}

void app_worker_end(struct app_worker *worker, app_account *account, enum app_verdict verdict) {
    app_account_end(account, verdict);
    if (!worker)
        return;
    pthread_mutex_lock(&worker->jobs->lock);
    worker->jobs->slots[worker->number % worker->jobs->size].had_turn = true;
    pthread_mutex_unlock(&worker->jobs->lock);
}

/* One target on a copy of the app. */
static void do_target(struct app_worker *worker, const app_target *target, struct slot *slot) {
    struct jobs *j = worker->jobs;
    app a = j->each;

    a.worker = worker;
    a.out = open_memstream(&slot->out, &slot->out_len);
    a.err = open_memstream(&slot->err, &slot->err_len);
    mr_arena_init(&a.arena, ARENA_CAP);
    slot->code = a.out && a.err ? j->fn(&a, target, j->user) : APP_BUG;
    slot->outcome = a.outcome;
    mr_arena_deinit(&a.arena);
    bool lost = !a.out || !a.err || ferror(a.out);
    if (a.out)
        lost |= fclose(a.out) != 0;
    if (a.err)
        lost |= fclose(a.err) != 0;
    slot->lost = lost;
}

/* The number of the next target, waiting for room; false when there is none. Under the lock. */
static bool take(struct jobs *j, size_t *numberp) {
    while (!j->stop && j->next < j->count && j->next - j->head >= j->size)
        pthread_cond_wait(&j->room, &j->lock);
    if (!j->stop && j->next < j->count && mr_clock_now() >= j->each.deadline) {
        j->stop = APP_INCOMPLETE;
        pthread_cond_broadcast(&j->room);
    }
    if (j->stop || j->next == j->count)
        return false;
    *numberp = j->next++;
    return true;
}

static void *work(void *user) {
    struct app_worker *worker = user;
    struct jobs *j = worker->jobs;
    size_t number;

    pthread_mutex_lock(&j->lock);
    while (take(j, &number)) {
        struct slot result = {0};
        worker->number = number;
        pthread_mutex_unlock(&j->lock);
        do_target(worker, &j->targets[number], &result);
        pthread_mutex_lock(&j->lock);
        result.done = true;
        j->slots[number % j->size] = result;
        mr_loop_stop_async(&j->loop);
    }
    mr_loop_stop_async(&j->loop);
    pthread_mutex_unlock(&j->lock);
    return NULL;
}

/* ---- the calling thread ---- */

/* No target begins from now on; @code is why. An interrupt or lost output also ends those that
 * run. */
static void stop(struct jobs *j, int code) {
    pthread_mutex_lock(&j->lock);
    if (!j->stop)
        j->stop = code;
    for (size_t i = 0; i < j->worker_count; i++)
        if (j->workers[i].loop)
            mr_loop_interrupt_async(j->workers[i].loop);
    pthread_cond_broadcast(&j->room);
    pthread_mutex_unlock(&j->lock);
}

static void show(struct jobs *j, struct slot *slot) {
    app *a = j->a;
    bool screen = !a->set.json && !a->set.jsonl;

    app_progress_hide(&j->progress);
    if (slot->lost)
        slot->code = app_refuse(a, APP_BUG, "out of memory");
    if (slot->err_len) {
        fflush(a->out);
        fwrite(slot->err, 1, slot->err_len, app_err(a));
    }
    if (slot->out_len) {
        if (a->several && a->reports++)
            fputs(",\n", a->out);
        if (screen && !a->tight && j->shown++)
            fputc('\n', a->out);
        if (fwrite(slot->out, 1, slot->out_len, a->out) != slot->out_len || fflush(a->out) != 0)
            a->out_left = errno == EPIPE;
    }
    j->left_out += slot->code >= APP_INCOMPLETE && !slot->out_len && !slot->err_len;
    j->worst = app_worse(j->worst, slot->code);
    j->outcomes[slot->outcome]++;
    free(slot->out);
    free(slot->err);
    j->progress.done++;
}

/* The next slot to show into @slotp; false when none is ready, with *@overp when none will be. */
static bool next_done(struct jobs *j, struct slot *slotp, bool *overp) {
    pthread_mutex_lock(&j->lock);
    struct slot *slot = &j->slots[j->head % j->size];
    bool ready = j->head < j->next && slot->done;
    if (ready) {
        *slotp = *slot;
        *slot = (struct slot){0};
        j->head++;
        pthread_cond_signal(&j->room);
    }
    *overp = !ready && j->head == j->next && (j->stop || j->next == j->count);
    pthread_mutex_unlock(&j->lock);
    return ready;
}

static void show_all(struct jobs *j) {
    struct slot slot;
    bool over = false;

    for (;;) {
        while (next_done(j, &slot, &over)) {
            show(j, &slot);
            if (ferror(j->a->out))
                stop(j, APP_UNWRITABLE);
        }
        if (over)
            return;
        if (mr_loop_run(&j->loop, MR_NSEC_NEVER) == MR_LOOP_INTERRUPTED)
            stop(j, APP_INTERRUPTED);
    }
}

/* What the screens of a sweep come down to: most addresses of a block are nobody's. */
static void show_sum(const struct jobs *j) {
    static const char *const words[APP_OUTCOMES] = {
        [APP_ANSWERED] = "answered", [APP_REFUSED] = "refused", [APP_SILENT] = "silent",
        [APP_UNREACHED] = "unreachable", [APP_NOT_ASKED] = "not asked",
    };
    static const enum app_outcome order[APP_OUTCOMES] = {APP_ANSWERED, APP_REFUSED, APP_SILENT,
                                                         APP_UNREACHED, APP_NOT_ASKED};
    const app *a = j->a;
    bool swept = false;

    for (size_t i = 0; i < j->count; i++)
        swept |= j->targets[i].swept;
    bool told = j->outcomes[APP_NOT_ASKED] < j->next; /* some commands tell no outcomes */
    if (!swept || !told || a->tight || a->set.json || a->set.jsonl)
        return;
    fprintf(a->out, "%s %zu addresses:", j->shown ? "\n" : "", j->count);
    for (size_t i = 0; i < APP_OUTCOMES; i++) {
        size_t n = j->outcomes[order[i]];
        if (order[i] == APP_NOT_ASKED)
            n += j->count - j->next;
        if (n || i < 3)
            fprintf(a->out, "%s %zu %s", i ? "," : "", n, words[order[i]]);
    }
    fputc('\n', a->out);
}

/* Why and how far the run is not what was asked for. */
static int conclude(struct jobs *j) {
    size_t missing = j->count - j->next + j->left_out;
    int code = app_worse(j->worst, j->stop);

    if (j->stop == APP_UNWRITABLE || (code != APP_INCOMPLETE && code != APP_INTERRUPTED))
        return j->stop == APP_UNWRITABLE ? APP_UNWRITABLE : code;
    const char *why = code == APP_INCOMPLETE ? "the deadline of the run has passed" : "interrupted";
    if (missing && j->count > 1)
        return app_refuse(j->a, code, "%s; %zu of %zu targets are left out", why, missing,
                          j->count);
    return app_refuse(j->a, code, "%s", why);
}

static int start_workers(struct jobs *j, size_t wanted) {
    pthread_attr_t attr;
    int r = pthread_attr_init(&attr);

    if (!r)
        r = pthread_attr_setstacksize(&attr, STACK);
    pthread_mutex_lock(&j->lock); /* none begins before all stand */
    while (!r && j->worker_count < wanted) {
        struct app_worker *worker = &j->workers[j->worker_count];
        worker->jobs = j;
        r = pthread_create(&worker->thread, &attr, work, worker);
        j->worker_count += r == 0;
    }
    pthread_mutex_unlock(&j->lock);
    pthread_attr_destroy(&attr);
    return j->worker_count ? 0 : app_refuse(j->a, APP_MISSING, "no thread can be started: %s",
                                            strerror(r));
}

/* A timer that keeps the loop waiting, not due in anybody's lifetime. */
static void on_never(void *user) {
    (void)user;
}

static int run_loop(struct jobs *j, size_t workers) {
    mr_error err = MR_ERROR_INIT;
    mr_timer never;
    int r = mr_loop_init(&j->loop, &err);

    if (!r)
        r = mr_loop_add_signals(&j->loop, &err);
    if (r) {
        mr_loop_deinit(&j->loop);
        return app_refuse(j->a, APP_MISSING, "%s", err.text);
    }
    mr_timer_init(&never, &j->loop, on_never, NULL);
    mr_timer_set(&never, MR_NSEC_NEVER - 1);
    app_progress_start(&j->progress, j->a, &j->loop, j->count);
    int code = start_workers(j, workers);
    if (!code)
        show_all(j);
    for (size_t i = 0; i < j->worker_count; i++)
        pthread_join(j->workers[i].thread, NULL);
    app_progress_end(&j->progress);
    mr_timer_deinit(&never);
    mr_loop_deinit(&j->loop);
    if (!code)
        show_sum(j);
    return code ? code : conclude(j);
}

static int run_threads(app *a, const app_target *targets, size_t count, app_target_fn *fn,
                       void *user) {
    size_t jobs = a->set.jobs ? a->set.jobs : 1, workers = jobs < count ? jobs : count;
    struct jobs j = {
        .a = a, .each = *a, .targets = targets, .count = count, .fn = fn, .user = user,
        .lock = PTHREAD_MUTEX_INITIALIZER, .room = PTHREAD_COND_INITIALIZER,
        .size = workers * AHEAD,
    };
    int code;

    j.pace.interval = app_pace_interval(a);
    j.each.pace = &j.pace;
    j.each.several = false; /* the comma is written when it is shown */
    j.slots = mr_arena_get(&a->arena, j.size, sizeof *j.slots);
    j.workers = mr_arena_get(&a->arena, workers, sizeof *j.workers);
    code = j.slots && j.workers ? run_loop(&j, workers) : app_refuse(a, APP_BUG, "out of memory");
    pthread_cond_destroy(&j.room);
    pthread_mutex_destroy(&j.lock);
    return code;
}

/* ---- the run ---- */

/* As many descriptors as this machine allows: many hosts at once want many. */
static void raise_descriptors(void) {
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int app_jobs_each(app *a, const app_target *targets, size_t count, app_target_fn *fn, void *user) {
    raise_descriptors();
    a->deadline = mr_clock_now() + a->set.deadline;
    if (count == 1 && !app_progress_wanted(a)) /* one needs no thread, but its progress does */
        return fn(a, targets, user);
    return run_threads(a, targets, count, fn, user);
}

int app_jobs_run(app *a, const app_target *targets, size_t count, app_target_fn *fn, void *user) {
    app_reports_open(a, count);
    return app_reports_close(a, app_jobs_each(a, targets, count, fn, user));
}
