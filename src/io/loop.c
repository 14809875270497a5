/*
 * The event loop over libuv. Timers are an intrusive pairing heap of our own (setting one cannot
 * fail and closing one is immediate), served between two turns of uv_run; a single libuv timer
 * wakes the poll for the first of them or the deadline. Invariant: callbacks of the floor run only
 * while state->running.
 */
#include "loop.h"

#include <msrpc/io/worker.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

mr_nsec mr_clock_now(void) {
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (mr_nsec)ts.tv_sec * MR_SEC + (mr_nsec)ts.tv_nsec;
}

void mr_clock_get_wall(int64_t *secp, uint32_t *nsecp) {
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    *secp = ts.tv_sec;
    *nsecp = (uint32_t)ts.tv_nsec;
}

int mr_entropy_get(void *out, size_t len) {
    uint8_t *p = out;

    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return MR_ERR_SYSTEM;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Timers: a pairing heap. @child is the first child, @next the next sibling, @prev the previous
 * sibling or, for a first child, the parent. */

static mr_timer *heap_meld(mr_timer *a, mr_timer *b) {
    if (!a)
        return b;
    if (!b)
        return a;
    if (b->due < a->due) {
        mr_timer *t = a;
        a = b;
        b = t;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child)
        a->child->prev = b;
    a->child = b;
    return a;
}

/* Melds a list of siblings into one heap: in pairs from the left, then from the right. */
static mr_timer *heap_meld_list(mr_timer *list) {
    mr_timer *pairs = NULL, *root = NULL;

    while (list) {
        mr_timer *a = list, *b = a->next;
        list = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        a = heap_meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        mr_timer *rest = pairs->next;
        pairs->next = NULL;
        root = heap_meld(root, pairs);
        pairs = rest;
    }
    return root;
}

static void timer_remove(mr_timer *timer) {
    struct mr_loop_state *state = timer->loop->state;
    mr_timer *rest = heap_meld_list(timer->child);

    if (timer == state->timers) {
        state->timers = rest;
    } else {
        if (timer->prev->child == timer)
            timer->prev->child = timer->next;
        else
            timer->prev->next = timer->next;
        if (timer->next)
            timer->next->prev = timer->prev;
        state->timers = heap_meld(state->timers, rest);
    }
    timer->child = timer->next = timer->prev = NULL;
    timer->due = MR_NSEC_NEVER;
    state->timer_count--;
}

void mr_timer_init(mr_timer *timer, mr_loop *loop, void (*expired)(void *user), void *user) {
    *timer = (mr_timer){.loop = loop, .expired = expired, .user = user, .due = MR_NSEC_NEVER};
}

void mr_timer_set(mr_timer *timer, mr_nsec due) {
    struct mr_loop_state *state = timer->loop->state;

    if (timer->due != MR_NSEC_NEVER)
        timer_remove(timer);
    if (due == MR_NSEC_NEVER)
        return;
    timer->due = due;
    state->timers = heap_meld(state->timers, timer);
    state->timer_count++;
}

void mr_timer_deinit(mr_timer *timer) {
    if (timer->loop && timer->due != MR_NSEC_NEVER)
        timer_remove(timer);
}

/* Calls back what is due; timers set meanwhile wait for the next turn, so that the sockets are
 * served too. */
static void timers_expire(struct mr_loop_state *state) {
    mr_nsec now = mr_clock_now();

    for (size_t n = state->timer_count; n > 0 && !state->stop; n--) {
        mr_timer *timer = state->timers;
        if (!timer || timer->due > now)
            return;
        timer_remove(timer);
        timer->expired(timer->user);
    }
}

/* Watches */

static void on_watch_closed(uv_handle_t *handle) {
    free(handle);
}

/* libuv reports a pending socket error as a bad descriptor and stops watching. */
static void on_watch(uv_poll_t *poll, int status, int events) {
    mr_watch *watch = (mr_watch *)poll;
    unsigned ready = 0;

    if (status < 0)
        ready = MR_READY_ERROR;
    if (events & UV_READABLE)
        ready |= MR_READY_READ;
    if (events & UV_WRITABLE)
        ready |= MR_READY_WRITE;
    if (ready)
        watch->ready(watch->user, ready);
    if (status < 0 && !watch->closed)
        mr_watch_set(watch, watch->wanted);
}

int mr_watch_add(mr_loop *loop, int fd, void (*ready)(void *user, unsigned ready), void *user,
                 mr_watch **watchp) {
    mr_watch *watch = calloc(1, sizeof *watch);

    if (!watch)
        return MR_ERR_MEMORY;
    if (uv_poll_init(&loop->state->uv, &watch->poll, fd) != 0) {
        free(watch);
        return MR_ERR_SYSTEM;
    }
    watch->ready = ready;
    watch->user = user;
    *watchp = watch;
    return 0;
}

int mr_watch_fd(const mr_watch *watch) {
    uv_os_fd_t fd = -1;

    (void)uv_fileno((const uv_handle_t *)&watch->poll, &fd);
    return fd;
}

void mr_watch_set(mr_watch *watch, unsigned wanted) {
    int events = 0;

    watch->wanted = wanted;
    if (wanted & MR_READY_READ)
        events |= UV_READABLE;
    if (wanted & MR_READY_WRITE)
        events |= UV_WRITABLE;
    if (events)
        (void)uv_poll_start(&watch->poll, events, on_watch);
    else
        (void)uv_poll_stop(&watch->poll);
}

void mr_watch_remove(mr_watch *watch) {
    if (!watch)
        return;
    watch->closed = true;
    uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

void mr_watch_close(mr_watch *watch) {
    if (!watch)
        return;
    int fd = mr_watch_fd(watch);
    mr_watch_remove(watch);
    close(fd);
}

void mr_loop_add_garbage(mr_loop *loop, mr_garbage *item) {
    item->next = loop->state->garbage;
    loop->state->garbage = item;
}

static void garbage_free(struct mr_loop_state *state) {
    while (state->garbage) {
        mr_garbage *item = state->garbage;
        state->garbage = item->next;
        free(item);
    }
}

/* The loop */

/* The poll has waited long enough; without this, a timer that libuv serves just before polling
 * would leave the poll without a limit. */
static void on_alarm(uv_timer_t *timer) {
    uv_stop(timer->loop);
}

static void on_wakeup(uv_async_t *async) {
    struct mr_loop_state *state = async->data;

    if (__atomic_exchange_n(&state->interrupt_asked, false, __ATOMIC_ACQ_REL))
        state->interrupted = true;
    else
        state->stop = true;
}

static void on_signal(uv_signal_t *handle, int number) {
    struct mr_loop_state *state = handle->data;

    state->signal = number;
    state->interrupted = true;
}

int mr_loop_init(mr_loop *loop, mr_error *err) {
    struct mr_loop_state *state = malloc(sizeof *state);

    if (!state)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_IO, MR_ERROR_NO_OFFSET, "no memory for a loop");
    /* the scratch space is written before it is read: its pages are touched only when needed */
    memset(state, 0, offsetof(struct mr_loop_state, scratch));
    int status = uv_loop_init(&state->uv);
    if (status != 0) {
        free(state);
        return mr_fail_peer(err, MR_ERR_SYSTEM, MR_FLOOR_IO, MR_PEER_ERRNO, (uint32_t)-status,
                            "the event loop cannot start: %s", uv_strerror(status));
    }
    (void)uv_timer_init(&state->uv, &state->alarm);
    uv_unref((uv_handle_t *)&state->alarm);
    state->deadline = MR_NSEC_NEVER;
    state->thread = mr_thread_get();
    loop->state = state;
    status = uv_async_init(&state->uv, &state->wakeup, on_wakeup);
    if (status != 0) {
        state->wakeup.data = NULL;
        mr_loop_deinit(loop);
        return mr_fail_peer(err, MR_ERR_SYSTEM, MR_FLOOR_IO, MR_PEER_ERRNO, (uint32_t)-status,
                            "the event loop cannot start: %s", uv_strerror(status));
    }
    state->wakeup.data = state;
    uv_unref((uv_handle_t *)&state->wakeup);
    return 0;
}

void mr_loop_deinit(mr_loop *loop) {
    struct mr_loop_state *state = loop->state;

    if (!state)
        return;
    uv_close((uv_handle_t *)&state->alarm, NULL);
    if (state->wakeup.data)
        uv_close((uv_handle_t *)&state->wakeup, NULL);
    if (state->signals) {
        uv_close((uv_handle_t *)&state->sigint, NULL);
        uv_close((uv_handle_t *)&state->sigterm, NULL);
    }
    if (state->hangup)
        uv_close((uv_handle_t *)&state->sighup, NULL);
    /* each turn runs the close callbacks that are due; an object left open by its owner must not
     * hang us here */
    for (int turn = 0; turn < 4 && uv_loop_close(&state->uv) != 0; turn++)
        (void)uv_run(&state->uv, UV_RUN_NOWAIT);
    garbage_free(state);
    free(state);
    loop->state = NULL;
}

int mr_loop_add_signals(mr_loop *loop, mr_error *err) {
    struct mr_loop_state *state = loop->state;

    if (state->signals)
        return 0;
    int status = uv_signal_init(&state->uv, &state->sigint);
    if (status == 0) {
        status = uv_signal_init(&state->uv, &state->sigterm);
        if (status != 0)
            uv_close((uv_handle_t *)&state->sigint, NULL);
    }
    if (status == 0) {
        state->signals = true;
        state->sigint.data = state->sigterm.data = state;
        status = uv_signal_start(&state->sigint, on_signal, SIGINT);
    }
    if (status == 0)
        status = uv_signal_start(&state->sigterm, on_signal, SIGTERM);
    if (status != 0)
        return mr_fail_peer(err, MR_ERR_SYSTEM, MR_FLOOR_IO, MR_PEER_ERRNO, (uint32_t)-status,
                            "signals cannot be watched: %s", uv_strerror(status));
    uv_unref((uv_handle_t *)&state->sigint);
    uv_unref((uv_handle_t *)&state->sigterm);
    return 0;
}

static void on_hangup(uv_signal_t *handle, int number) {
    struct mr_loop_state *state = handle->data;

    (void)number;
    state->hangup(state->hangup_user);
}

int mr_loop_add_hangup(mr_loop *loop, void (*hangup)(void *user), void *user, mr_error *err) {
    struct mr_loop_state *state = loop->state;

    if (state->hangup)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_IO, MR_ERROR_NO_OFFSET,
                       "SIGHUP is watched already");
    int status = uv_signal_init(&state->uv, &state->sighup);
    if (status == 0) {
        state->hangup = hangup;
        state->hangup_user = user;
        state->sighup.data = state;
        status = uv_signal_start(&state->sighup, on_hangup, SIGHUP);
    }
    if (status != 0)
        return mr_fail_peer(err, MR_ERR_SYSTEM, MR_FLOOR_IO, MR_PEER_ERRNO, (uint32_t)-status,
                            "SIGHUP cannot be watched: %s", uv_strerror(status));
    uv_unref((uv_handle_t *)&state->sighup);
    return 0;
}

int mr_loop_get_signal(const mr_loop *loop) {
    return loop->state->signal;
}

void mr_loop_stop(mr_loop *loop) {
    loop->state->stop = true;
}

void mr_loop_stop_async(mr_loop *loop) {
    (void)uv_async_send(&loop->state->wakeup);
}

void mr_loop_interrupt_async(mr_loop *loop) {
    __atomic_store_n(&loop->state->interrupt_asked, true, __ATOMIC_RELEASE);
    (void)uv_async_send(&loop->state->wakeup);
}

/* Wakes the poll for the first timer or the deadline; only a timer keeps the loop alive. */
static void alarm_set(struct mr_loop_state *state, mr_nsec deadline) {
    mr_nsec due = state->timers ? state->timers->due : MR_NSEC_NEVER;
    mr_nsec now = mr_clock_now();

    if (state->timers)
        uv_ref((uv_handle_t *)&state->alarm);
    else
        uv_unref((uv_handle_t *)&state->alarm);
    if (deadline < due)
        due = deadline;
    if (due == MR_NSEC_NEVER) {
        (void)uv_timer_stop(&state->alarm);
        return;
    }
    uv_update_time(&state->uv);
    uint64_t ms = due > now ? (due - now + MR_MSEC - 1) / MR_MSEC : 0;
    (void)uv_timer_start(&state->alarm, on_alarm, ms, 0);
}

static int loop_turn(struct mr_loop_state *state, mr_nsec deadline) {
    state->turn++;
    timers_expire(state);
    if (!state->stop) {
        alarm_set(state, deadline);
        if (!uv_loop_alive(&state->uv))
            return MR_LOOP_IDLE;
        (void)uv_run(&state->uv, UV_RUN_ONCE);
    }
    garbage_free(state);
    if (state->stop) {
        state->stop = false;
        return 0;
    }
    if (state->interrupted) {
        state->interrupted = false;
        return MR_LOOP_INTERRUPTED;
    }
    if (deadline != MR_NSEC_NEVER && mr_clock_now() >= deadline)
        return MR_LOOP_DEADLINE;
    return -1;
}

void mr_loop_set_deadline(mr_loop *loop, mr_nsec deadline) {
    loop->state->deadline = deadline;
}

uint64_t mr_loop_get_turn(const mr_loop *loop) {
    return loop->state->turn;
}

bool mr_loop_is_here(const mr_loop *loop) {
    return __atomic_load_n(&loop->state->thread, __ATOMIC_RELAXED) == mr_thread_get();
}

int mr_loop_run(mr_loop *loop, mr_nsec deadline) {
    struct mr_loop_state *state = loop->state;
    int outcome;

    if (state->running)
        return MR_ERR_STATE;
    if (state->deadline < deadline)
        deadline = state->deadline;
    __atomic_store_n(&state->thread, mr_thread_get(), __ATOMIC_RELAXED);
    state->running = true;
    do {
        outcome = loop_turn(state, deadline);
    } while (outcome < 0);
    state->running = false;
    return outcome;
}

/* ---- pace ---- */

mr_nsec mr_pace_get(mr_pace *pace) {
    mr_nsec now = mr_clock_now(), next, turn;

    if (!pace || !pace->interval)
        return 0;
    next = __atomic_load_n(&pace->next, __ATOMIC_RELAXED);
    do {
        turn = next + pace->interval > now ? next : now;
    } while (!__atomic_compare_exchange_n(&pace->next, &next, turn + pace->interval, false,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return turn;
}
