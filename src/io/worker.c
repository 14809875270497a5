/*
 * Threads beside the loop. Workers take jobs from one queue; a worker whose job was given up does
 * not count until it returns, so that another may work in its place. Invariant: @lock guards
 * everything in the crew but the threads' own numbers, which only the owner touches.
 */
#include "loop.h"

#include <msrpc/io/worker.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- locks ---- */

static pthread_mutex_t *mutex_of(mr_lock *lock) {
    _Static_assert(sizeof(pthread_mutex_t) <= sizeof(mr_lock), "a lock holds a mutex");
    return (pthread_mutex_t *)lock;
}

uintptr_t mr_thread_get(void) {
    return (uintptr_t)pthread_self();
}

void mr_lock_init(mr_lock *lock) {
    pthread_mutex_init(mutex_of(lock), NULL);
}

void mr_lock_deinit(mr_lock *lock) {
    pthread_mutex_destroy(mutex_of(lock));
}

void mr_lock_take(mr_lock *lock) {
    pthread_mutex_lock(mutex_of(lock));
}

void mr_lock_give(mr_lock *lock) {
    pthread_mutex_unlock(mutex_of(lock));
}

/* ---- waking a loop ---- */

struct mr_waker {
    uv_async_t async;
    void (*woken)(void *user);
    void *user;
};

static void on_async(uv_async_t *async) {
    mr_waker *waker = (mr_waker *)async;

    waker->woken(waker->user);
}

static void on_async_closed(uv_handle_t *handle) {
    free(handle);
}

int mr_waker_new(mr_loop *loop, void (*woken)(void *user), void *user, mr_waker **wakerp,
                 mr_error *err) {
    mr_waker *waker = calloc(1, sizeof *waker);

    if (!waker)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_IO, MR_ERROR_NO_OFFSET, "out of memory");
    int status = uv_async_init(&loop->state->uv, &waker->async, on_async);
    if (status != 0) {
        free(waker);
        return mr_fail_peer(err, MR_ERR_SYSTEM, MR_FLOOR_IO, MR_PEER_ERRNO, (uint32_t)-status,
                            "the event loop cannot be woken: %s", uv_strerror(status));
    }
    uv_unref((uv_handle_t *)&waker->async);
    waker->woken = woken;
    waker->user = user;
    *wakerp = waker;
    return 0;
}

void mr_waker_wake(mr_waker *waker) {
    (void)uv_async_send(&waker->async);
}

void mr_waker_free(mr_waker *waker) {
    if (waker)
        uv_close((uv_handle_t *)&waker->async, on_async_closed);
}

/* ---- workers ---- */

struct mr_worker {
    mr_workers *crew;
    pthread_t thread;
    mr_job *job;  /* at work on it */
    bool forgone; /* it may never return */
};

struct mr_workers {
    pthread_mutex_t lock;
    pthread_cond_t change;
    mr_job *first, *last;
    unsigned count;   /* how many work at a time, the forgone not counted */
    unsigned active;  /* at work and not forgone */
    unsigned started;
    unsigned ended;
    bool stop;
    bool left;        /* by its owner: the last thread frees it */
    struct mr_worker workers[]; /* 2 * count */
};

/* The next job once there is one and a turn for it; NULL at the end. */
static mr_job *take_job(mr_workers *crew, struct mr_worker *self) {
    while (!crew->stop && (!crew->first || crew->active >= crew->count))
        pthread_cond_wait(&crew->change, &crew->lock);
    if (crew->stop)
        return NULL;
    mr_job *job = crew->first;
    crew->first = job->next;
    if (!crew->first)
        crew->last = NULL;
    crew->active++;
    job->worker = self;
    return job;
}

static void destroy(mr_workers *crew) {
    pthread_cond_destroy(&crew->change);
    pthread_mutex_destroy(&crew->lock);
    free(crew);
}

static void *work(void *user) {
    struct mr_worker *self = user;
    mr_workers *crew = self->crew;

    pthread_mutex_lock(&crew->lock);
    while ((self->job = take_job(crew, self))) {
        mr_job *job = self->job;
        pthread_mutex_unlock(&crew->lock);
        job->run(job);
        pthread_mutex_lock(&crew->lock);
        if (!self->forgone)
            crew->active--;
        self->forgone = false;
    }
    bool last = ++crew->ended == crew->started && crew->left;
    pthread_mutex_unlock(&crew->lock);
    if (last)
        destroy(crew);
    return NULL;
}

static int start(mr_workers *crew) {
    struct mr_worker *worker = &crew->workers[crew->started];
    sigset_t all, before;

    worker->crew = crew;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&worker->thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!error)
        crew->started++;
    return error;
}

int mr_workers_new(unsigned count, mr_workers **workersp, mr_error *err) {
    mr_workers *crew = calloc(1, sizeof *crew + 2 * (size_t)count * sizeof crew->workers[0]);

    if (!crew)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_IO, MR_ERROR_NO_OFFSET, "out of memory");
    crew->count = count;
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->change, NULL);
    while (crew->started < count) {
        int error = start(crew);
        if (error) {
            mr_workers_free(crew);
            return mr_fail_peer(err, MR_ERR_SYSTEM, MR_FLOOR_IO, MR_PEER_ERRNO, (uint32_t)error,
                                "a thread cannot start: %s", strerror(error));
        }
    }
    *workersp = crew;
    return 0;
}

void mr_workers_free(mr_workers *crew) {
    if (!crew)
        return;
    pthread_mutex_lock(&crew->lock);
    crew->stop = true;
    pthread_cond_broadcast(&crew->change);
    pthread_mutex_unlock(&crew->lock);
    for (unsigned i = 0; i < crew->started; i++)
        pthread_join(crew->workers[i].thread, NULL);
    destroy(crew);
}

bool mr_workers_leave(mr_workers *crew) {
    bool busy = false;

    if (!crew)
        return false;
    pthread_mutex_lock(&crew->lock);
    crew->stop = true;
    for (unsigned i = 0; i < crew->started; i++)
        busy = busy || crew->workers[i].job;
    for (unsigned i = 0; busy && i < crew->started; i++)
        pthread_detach(crew->workers[i].thread);
    crew->left = busy;
    pthread_cond_broadcast(&crew->change);
    pthread_mutex_unlock(&crew->lock);
    if (!busy)
        mr_workers_free(crew);
    return busy;
}

void mr_workers_add(mr_workers *crew, mr_job *job) {
    job->next = NULL;
    pthread_mutex_lock(&crew->lock);
    if (crew->last)
        crew->last->next = job;
    else
        crew->first = job;
    crew->last = job;
    pthread_cond_signal(&crew->change);
    pthread_mutex_unlock(&crew->lock);
}

bool mr_workers_remove(mr_workers *crew, mr_job *job) {
    mr_job *before = NULL;

    pthread_mutex_lock(&crew->lock);
    mr_job *found = crew->first;
    while (found && found != job) {
        before = found;
        found = found->next;
    }
    if (found) {
        if (before)
            before->next = job->next;
        else
            crew->first = job->next;
        if (crew->last == job)
            crew->last = before;
    }
    pthread_mutex_unlock(&crew->lock);
    return found != NULL;
}

void mr_workers_forgo(mr_workers *crew, mr_job *job) {
    struct mr_worker *worker = job->worker;

    pthread_mutex_lock(&crew->lock);
    if (worker->job == job && !worker->forgone) {
        worker->forgone = true;
        crew->active--;
        /* without another thread the rest goes on with fewer */
        if (crew->started < 2 * crew->count)
            (void)start(crew);
        pthread_cond_signal(&crew->change);
    }
    pthread_mutex_unlock(&crew->lock);
}
