/*
 * Private face of the loop to the other files of this floor: watched descriptors, the shared
 * receive area and deferred freeing. libuv handles must outlive their close callback; a watch is
 * such a handle on its own allocation, so that the caller's objects can go at once.
 */
#ifndef MSRPC_IO_PRIVATE_LOOP_H
#define MSRPC_IO_PRIVATE_LOOP_H

#include <msrpc/io/loop.h>
#include <uv.h>

#define MR_SCRATCH 65536 /* octets received at once */

/* First member of an allocation that is freed once the present callbacks are through. */
typedef struct mr_garbage {
    struct mr_garbage *next;
} mr_garbage;

struct mr_loop_state {
    uv_loop_t uv;
    uv_timer_t alarm;   /* set to the first timer or the deadline */
    uv_async_t wakeup;
    uv_signal_t sigint, sigterm, sighup;
    void (*hangup)(void *user); /* NULL: sighup is not set up */
    void *hangup_user;
    mr_timer *timers;   /* root of the pairing heap */
    size_t timer_count;
    mr_garbage *garbage;
    int signal;
    bool signals;       /* sigint and sigterm are set up */
    bool interrupted;
    bool interrupt_asked; /* by another thread; atomic */
    bool stop;
    bool running;
    uintptr_t thread;   /* that ran it last; atomic */
    mr_nsec deadline;   /* of every run */
    uint64_t turn;      /* how many there were */
    uint8_t scratch[MR_SCRATCH];
};

enum { MR_READY_READ = 1, MR_READY_WRITE = 2, MR_READY_ERROR = 4 };

typedef struct mr_watch {
    uv_poll_t poll; /* first: the handle is the watch */
    void (*ready)(void *user, unsigned ready);
    void *user;
    unsigned wanted; /* MR_READY_READ | MR_READY_WRITE */
    bool closed;
} mr_watch;

/* Watches @fd (*takes* it on success), nothing wanted yet. 0, MR_ERR_MEMORY or MR_ERR_SYSTEM. */
int mr_watch_add(mr_loop *loop, int fd, void (*ready)(void *user, unsigned ready), void *user,
                 mr_watch **watchp);
int mr_watch_fd(const mr_watch *watch);
/* Says what to wait for; errors always come too while anything is wanted. */
void mr_watch_set(mr_watch *watch, unsigned wanted);
/* Ends watching without closing the descriptor, which is the caller's again. NULL is allowed. */
void mr_watch_remove(mr_watch *watch);
/* Ends watching and closes the descriptor. NULL is allowed. */
void mr_watch_close(mr_watch *watch);

/* Frees @item once no callback can be using it. */
void mr_loop_add_garbage(mr_loop *loop, mr_garbage *item);

#endif
