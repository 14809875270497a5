/*
 * Something that a worker does for an object of a loop: it may take long, and the object may be
 * given up while it runs. Between start and the end the worker alone touches what belongs to it.
 */
#ifndef MSRPC_RPC_ERRAND_H
#define MSRPC_RPC_ERRAND_H

#include <msrpc/io.h>

enum mr_errand_phase { MR_ERRAND_IDLE, MR_ERRAND_WORKING, MR_ERRAND_THROUGH };

/* Part of the owner's object, which is all that @run and @destroy may rely on. */
struct mr_errand {
    void (*run)(struct mr_errand *e);     /* in a worker */
    void (*through)(struct mr_errand *e); /* afterwards, in the loop; may give it up */
    void (*destroy)(struct mr_errand *e); /* once given up, in whatever thread: frees the object */
    /* private */
    mr_workers *workers;
    mr_waker *waker;
    mr_job job;
    mr_lock lock;
    enum mr_errand_phase phase; /* under the lock */
    bool orphaned;              /* likewise */
};

/* The three functions are set by the caller; @workers (*borrowed*) must outlive it. 0,
 * MR_ERR_MEMORY or MR_ERR_SYSTEM. */
int mr_errand_init(struct mr_errand *e, mr_loop *loop, mr_workers *workers, mr_error *err);
/* Not while it is WORKING. */
void mr_errand_start(struct mr_errand *e);
enum mr_errand_phase mr_errand_get_phase(struct mr_errand *e);
/* What it did was taken: THROUGH becomes IDLE. */
void mr_errand_take(struct mr_errand *e);
/* Gives it up: destroy follows now, or when the worker is through with it. */
void mr_errand_leave(struct mr_errand *e);

#endif
