/*
 * Threads beside the loop: locks, waking a loop from elsewhere, and a crew of workers for what
 * would block it. Everything else of this floor belongs to one loop and its thread.
 */
#ifndef MSRPC_IO_WORKER_H
#define MSRPC_IO_WORKER_H

#include <msrpc/io/loop.h>

/* The thread that asks: equal for one thread, never 0. */
uintptr_t mr_thread_get(void);
/* Whether the caller's thread is the loop's: the one that ran it last, or made it. */
bool mr_loop_is_here(const mr_loop *loop);

/* A lock; not recursive. */
typedef union mr_lock {
    void *align;
    uint8_t space[64]; /* private */
} mr_lock;

void mr_lock_init(mr_lock *lock);
void mr_lock_deinit(mr_lock *lock);
void mr_lock_take(mr_lock *lock);
void mr_lock_give(mr_lock *lock);

/* Calls @woken in the loop's thread soon after mr_waker_wake, once for several that come close
 * together. It does not keep mr_loop_run from ending as MR_LOOP_IDLE. */
typedef struct mr_waker mr_waker;

/* 0, MR_ERR_MEMORY or MR_ERR_SYSTEM. */
int mr_waker_new(mr_loop *loop, void (*woken)(void *user), void *user, mr_waker **wakerp,
                 mr_error *err);
/* From any thread. */
void mr_waker_wake(mr_waker *waker);
/* In the loop's thread; nobody may be waking it any more. NULL is allowed. */
void mr_waker_free(mr_waker *waker);

/* Something to do; part of the caller's object, which stays until @run is through. */
typedef struct mr_job mr_job;
struct mr_job {
    void (*run)(mr_job *job); /* in a worker's thread; the job may be gone when it returns */
    mr_job *next;             /* private */
    struct mr_worker *worker;
};

typedef struct mr_workers mr_workers;

/* Starts @count threads, in which signals are blocked. 0, MR_ERR_MEMORY or MR_ERR_SYSTEM. */
int mr_workers_new(unsigned count, mr_workers **workersp, mr_error *err);
/* Waits for the jobs that run; those that wait are forgotten. NULL is allowed. */
void mr_workers_free(mr_workers *workers);
/* The same without waiting: when jobs still run they are left behind, and true is returned. Their
 * threads end with them, and the last frees the crew; a process that does not wait for that must
 * end by _exit, since exit takes away what they use. NULL is allowed. */
bool mr_workers_leave(mr_workers *workers);
/* Lets a worker do @job (borrowed), in the order of adding. */
void mr_workers_add(mr_workers *workers, mr_job *job);
/* Takes back a job that nobody has begun; false when it runs already, or is through. */
bool mr_workers_remove(mr_workers *workers, mr_job *job);
/* A job that runs may never end: does without its worker until it does. Another thread takes its
 * place, up to as many as there were at first. */
void mr_workers_forgo(mr_workers *workers, mr_job *job);

#endif
