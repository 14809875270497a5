/*
 * See errand.h. @lock guards who has to free the whole: whoever of worker and owner is through
 * last.
 */
#include "errand.h"

static void destroy(struct mr_errand *e) {
    mr_lock_deinit(&e->lock);
    e->destroy(e);
}

static void work(mr_job *job) {
    struct mr_errand *e = (void *)((char *)job - offsetof(struct mr_errand, job));

    e->run(e);
    mr_lock_take(&e->lock);
    bool orphaned = e->orphaned;
    e->phase = MR_ERRAND_THROUGH;
    if (!orphaned)
        mr_waker_wake(e->waker);
    mr_lock_give(&e->lock);
    if (orphaned)
        destroy(e);
}

static void on_woken(void *user) {
    struct mr_errand *e = user;

    if (mr_errand_get_phase(e) == MR_ERRAND_THROUGH)
        e->through(e);
}

int mr_errand_init(struct mr_errand *e, mr_loop *loop, mr_workers *workers, mr_error *err) {
    int r = mr_waker_new(loop, on_woken, e, &e->waker, err);

    if (r)
        return r;
    e->workers = workers;
    e->job.run = work;
    e->phase = MR_ERRAND_IDLE;
    e->orphaned = false;
    mr_lock_init(&e->lock);
    return 0;
}

void mr_errand_start(struct mr_errand *e) {
    e->phase = MR_ERRAND_WORKING; /* no worker has it yet */
    mr_workers_add(e->workers, &e->job);
}

enum mr_errand_phase mr_errand_get_phase(struct mr_errand *e) {
    mr_lock_take(&e->lock);
    enum mr_errand_phase phase = e->phase;
    mr_lock_give(&e->lock);
    return phase;
}

void mr_errand_take(struct mr_errand *e) {
    e->phase = MR_ERRAND_IDLE; /* no worker has it any more */
}

void mr_errand_leave(struct mr_errand *e) {
    bool waits = mr_workers_remove(e->workers, &e->job);

    mr_lock_take(&e->lock);
    e->orphaned = e->phase == MR_ERRAND_WORKING && !waits;
    bool orphaned = e->orphaned;
    mr_waker_free(e->waker);
    mr_lock_give(&e->lock);
    if (!orphaned)
        destroy(e);
}
