/* The io floor without a system: see fake_io.h. */
#include "fake_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOP_THREAD 1u
#define BUSY_MAX 8u

static struct mr_loop_state *world; /* of the run under way: clocks and randomness have no owner */

void fake_init(mr_loop *loop, struct mr_loop_state *state) {
    *state = (struct mr_loop_state){.now = 1000 * MR_SEC, .thread = LOOP_THREAD};
    loop->state = state;
    world = state;
}

void fake_deinit(mr_loop *loop) {
    struct mr_loop_state *state = loop->state;

    for (unsigned i = 0; i < state->pipe_count; i++) {
        mr_buf_deinit(&state->pipes[i].in);
        mr_buf_deinit(&state->pipes[i].out);
        mr_buf_deinit(&state->pipes[i].queue);
    }
    if (state->timers || state->wakers || state->crew) {
        fputs("broken: something of the loop outlived its owner\n", stderr);
        abort();
    }
    world = NULL;
}

/* ---- clock, randomness, threads ---- */

mr_nsec mr_clock_now(void) {
    return world->now;
}

/* Never the same twice in a run, always the same in the next. */
int mr_entropy_get(void *out, size_t len) {
    uint8_t *octets = out;

    for (size_t i = 0; i < len; i++) {
        world->entropy = world->entropy * 6364136223846793005u + 1442695040888963407u;
        octets[i] = (uint8_t)(world->entropy >> 56);
    }
    return 0;
}

uintptr_t mr_thread_get(void) {
    return world->thread;
}

bool mr_loop_is_here(const mr_loop *loop) {
    return loop->state->thread == LOOP_THREAD;
}

uint64_t mr_loop_get_turn(const mr_loop *loop) {
    return loop->state->turn;
}

/* A lock that is taken twice, or given untaken, would hang or worse. */
static void turn_lock(mr_lock *lock, uint8_t from, uint8_t to) {
    if (lock->space[0] != from) {
        fputs("broken: a lock is taken twice, given untaken, or was never made\n", stderr);
        abort();
    }
    lock->space[0] = to;
}

void mr_lock_init(mr_lock *lock) {
    lock->space[0] = 1;
}

void mr_lock_deinit(mr_lock *lock) {
    turn_lock(lock, 1, 0);
}

void mr_lock_take(mr_lock *lock) {
    turn_lock(lock, 1, 2);
}

void mr_lock_give(mr_lock *lock) {
    turn_lock(lock, 2, 1);
}

/* ---- timers ---- */

void mr_timer_init(mr_timer *timer, mr_loop *loop, void (*expired)(void *user), void *user) {
    *timer = (mr_timer){.loop = loop, .expired = expired, .user = user, .due = MR_NSEC_NEVER};
}

static void unlink_timer(mr_timer *timer) {
    mr_timer **at = &timer->loop->state->timers;

    while (*at != timer)
        at = &(*at)->next;
    *at = timer->next;
    timer->due = MR_NSEC_NEVER;
}

void mr_timer_set(mr_timer *timer, mr_nsec due) {
    mr_timer **at = &timer->loop->state->timers;

    if (timer->due != MR_NSEC_NEVER)
        unlink_timer(timer);
    if (due == MR_NSEC_NEVER)
        return;
    while (*at && (*at)->due <= due)
        at = &(*at)->next;
    timer->due = due;
    timer->next = *at;
    *at = timer;
}

void mr_timer_deinit(mr_timer *timer) {
    if (timer->loop && timer->due != MR_NSEC_NEVER)
        unlink_timer(timer);
}

/* ---- wakers ---- */

struct mr_waker {
    mr_loop *loop;
    void (*woken)(void *user);
    void *user;
    bool called;
    mr_waker *next;
};

int mr_waker_new(mr_loop *loop, void (*woken)(void *user), void *user, mr_waker **wakerp,
                 mr_error *err) {
    mr_waker *waker = calloc(1, sizeof *waker);

    (void)err;
    if (!waker)
        return MR_ERR_MEMORY;
    *waker = (mr_waker){.loop = loop, .woken = woken, .user = user, .next = loop->state->wakers};
    loop->state->wakers = waker;
    *wakerp = waker;
    return 0;
}

void mr_waker_wake(mr_waker *waker) {
    waker->called = true;
}

void mr_waker_free(mr_waker *waker) {
    if (!waker)
        return;
    mr_waker **at = &waker->loop->state->wakers;
    while (*at != waker)
        at = &(*at)->next;
    *at = waker->next;
    free(waker);
}

/* ---- workers ---- */

struct mr_workers {
    unsigned count, active, forgone;
    mr_job *first;           /* wait */
    mr_job *busy[BUSY_MAX];  /* have begun */
    unsigned busy_count;
};

int mr_workers_new(unsigned count, mr_workers **workersp, mr_error *err) {
    mr_workers *crew = calloc(1, sizeof *crew);

    (void)err;
    if (!crew)
        return MR_ERR_MEMORY;
    crew->count = count;
    world->crew = crew;
    *workersp = crew;
    return 0;
}

void mr_workers_add(mr_workers *workers, mr_job *job) {
    mr_job **at = &workers->first;

    while (*at)
        at = &(*at)->next;
    job->next = NULL;
    *at = job;
}

bool mr_workers_remove(mr_workers *workers, mr_job *job) {
    mr_job **at = &workers->first;

    while (*at && *at != job)
        at = &(*at)->next;
    if (!*at)
        return false;
    *at = job->next;
    return true;
}

void mr_workers_forgo(mr_workers *workers, mr_job *job) {
    for (unsigned i = 0; i < workers->busy_count; i++)
        if (workers->busy[i] == job && workers->forgone < workers->count)
            workers->forgone++;
}

bool fake_work_begin(mr_loop *loop) {
    mr_workers *crew = loop->state->crew;

    if (!crew || !crew->first || crew->busy_count >= crew->count + crew->forgone ||
        crew->busy_count == BUSY_MAX)
        return false;
    crew->busy[crew->busy_count++] = crew->first;
    crew->first = crew->first->next;
    return true;
}

bool fake_work_end(mr_loop *loop, unsigned which) {
    mr_workers *crew = loop->state->crew;

    if (!crew || !crew->busy_count)
        return false;
    which %= crew->busy_count;
    mr_job *job = crew->busy[which];
    crew->busy[which] = crew->busy[--crew->busy_count];
    loop->state->thread = LOOP_THREAD + 1 + which;
    job->run(job);
    loop->state->thread = LOOP_THREAD;
    return true;
}

void mr_workers_free(mr_workers *workers) {
    mr_loop loop = {world};

    if (!workers)
        return;
    while (fake_work_end(&loop, 0))
        continue;
    world->crew = NULL;
    free(workers);
}

/* ---- listeners ---- */

void mr_listener_init(mr_listener *listener, mr_loop *loop, const mr_listener_events *events,
                      void *user) {
    *listener = (mr_listener){.loop = loop, .events = events, .user = user};
}

int mr_listener_open(mr_listener *listener, const mr_listen_options *options, mr_error *err) {
    struct mr_loop_state *state = listener->loop->state;

    (void)err;
    listener->local = options->local;
    if (options->path)
        listener->local = (mr_addr){.family = MR_FAMILY_UNIX};
    state->listeners[state->listener_count++] = listener;
    listener->watch = (struct mr_watch *)listener; /* it is open; nobody looks behind it */
    return 0;
}

void mr_listener_deinit(mr_listener *listener) {
    struct mr_loop_state *state = listener->loop ? listener->loop->state : NULL;

    for (unsigned i = 0; state && i < state->listener_count; i++)
        if (state->listeners[i] == listener)
            state->listeners[i] = NULL;
    listener->watch = NULL;
}

/* ---- streams ---- */

struct mr_filter {
    fake_pipe *pipe;
};

int mr_stream_init(mr_stream *stream, mr_loop *loop, const char *protseq,
                   const mr_stream_events *events, void *user, mr_error *err) {
    (void)protseq;
    (void)err;
    *stream = (mr_stream){.loop = loop, .events = events, .user = user,
                          .send_cap = (size_t)16 << 20};
    stream->top = calloc(1, sizeof *stream->top);
    return stream->top ? 0 : MR_ERR_MEMORY;
}

int mr_stream_accept(mr_stream *stream, mr_accepted *accepted, mr_error *err) {
    (void)err;
    stream->top->pipe = &stream->loop->state->pipes[accepted->fd];
    stream->top->pipe->stream = stream;
    stream->state = MR_STREAM_OPEN;
    return 0;
}

/* A pipe that nobody holds any more is taken again, for who connects may do so for ever. */
static fake_pipe *get_pipe(struct mr_loop_state *state) {
    fake_pipe *pipe = NULL;

    for (unsigned i = 0; i < state->pipe_count && !pipe; i++)
        if (state->pipes[i].dialled && state->pipes[i].let_go)
            pipe = &state->pipes[i];
    if (pipe) {
        mr_buf_deinit(&pipe->in);
        mr_buf_deinit(&pipe->out);
        mr_buf_deinit(&pipe->queue);
    } else if (state->pipe_count < FAKE_PIPES) {
        pipe = &state->pipes[state->pipe_count++];
    }
    if (pipe) {
        *pipe = (fake_pipe){.reading = true, .window = SIZE_MAX};
        mr_buf_init(&pipe->in, NULL, 0, SIZE_MAX);
        mr_buf_init(&pipe->out, NULL, 0, SIZE_MAX);
        mr_buf_init(&pipe->queue, NULL, 0, SIZE_MAX);
    }
    return pipe;
}

int mr_stream_connect(mr_stream *stream, const mr_connect_options *options, mr_error *err) {
    fake_pipe *pipe = get_pipe(stream->loop->state);

    (void)options;
    if (!pipe)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_IO, MR_ERROR_NO_OFFSET, "no pipe is left");
    pipe->stream = stream;
    pipe->dialled = ++stream->loop->state->dials;
    stream->top->pipe = pipe;
    stream->state = MR_STREAM_CONNECTING;
    return 0;
}

void mr_stream_close(mr_stream *stream) {
    stream->state = MR_STREAM_CLOSED;
    if (stream->top->pipe)
        stream->top->pipe->shut = true;
}

/* Nothing is known of a connection without a system. */
int mr_stream_get_attempt(mr_stream *stream, mr_attempt *attemptp) {
    (void)stream;
    (void)attemptp;
    return MR_ERR_NOT_FOUND;
}

int mr_stream_get_tcp_info(mr_stream *stream, mr_tcp_info *infop) {
    (void)stream;
    (void)infop;
    return MR_ERR_NOT_FOUND;
}

bool mr_tcp_info_all_acked(const mr_tcp_info *info) {
    (void)info;
    return false;
}

/* Who waits would wait for ever: the input is not asked from inside. */
int mr_loop_run(mr_loop *loop, mr_nsec deadline) {
    (void)loop;
    (void)deadline;
    return MR_LOOP_IDLE;
}

void mr_loop_stop(mr_loop *loop) {
    (void)loop;
}

void mr_stream_deinit(mr_stream *stream) {
    if (stream->top && stream->top->pipe) {
        stream->top->pipe->stream = NULL;
        stream->top->pipe->let_go = true;
    }
    free(stream->top);
    stream->top = NULL;
    stream->state = MR_STREAM_CLOSED;
}

size_t mr_stream_get_queued(const mr_stream *stream) {
    return stream->top->pipe->queue.len;
}

int mr_stream_send(mr_stream *stream, mr_slice bytes, mr_error *err) {
    fake_pipe *pipe = stream->top->pipe;

    (void)err;
    if ((stream->state != MR_STREAM_OPEN && stream->state != MR_STREAM_PEER_CLOSED) || pipe->shut)
        return MR_ERR_STATE;
    if (bytes.len > stream->send_cap || pipe->queue.len > stream->send_cap - bytes.len)
        return MR_ERR_LIMIT;
    size_t now = pipe->queue.len                ? 0
                 : bytes.len < pipe->window ? bytes.len
                                            : pipe->window;
    mr_buf_write(&pipe->out, mr_slice_sub(bytes, 0, now));
    mr_buf_write(&pipe->queue, mr_slice_sub(bytes, now, SIZE_MAX));
    pipe->window -= now;
    pipe->waits = pipe->queue.len > 0;
    return 0;
}

void mr_stream_set_reading(mr_stream *stream, bool reading) {
    stream->top->pipe->reading = reading;
}

static void receive(fake_pipe *pipe) {
    mr_buf in = pipe->in; /* its memory ends with the callback, as in a real one */

    mr_buf_init(&pipe->in, NULL, 0, SIZE_MAX);
    pipe->stream->events->received(pipe->stream->user, mr_buf_slice(&in));
    mr_buf_deinit(&in);
}

static void tell_end(fake_pipe *pipe) {
    pipe->told = true;
    pipe->stream->state = MR_STREAM_PEER_CLOSED;
    pipe->stream->events->closed(pipe->stream->user, 0, &MR_ERROR_INIT);
}

void mr_stream_receive(mr_stream *stream) {
    fake_pipe *pipe = stream->top->pipe;

    if (!pipe->reading || stream->state != MR_STREAM_OPEN)
        return;
    if (pipe->in.len)
        receive(pipe);
    else if (pipe->ended && !pipe->told)
        tell_end(pipe);
}

void mr_stream_shutdown(mr_stream *stream) {
    stream->top->pipe->shut = true;
}

/* ---- the client's end ---- */

fake_pipe *fake_connect(mr_loop *loop, unsigned listener, const mr_accepted *from) {
    struct mr_loop_state *state = loop->state;
    mr_accepted accepted = *from;

    if (!state->listener_count)
        return NULL;
    mr_listener *l = state->listeners[listener % state->listener_count];
    fake_pipe *pipe = l ? get_pipe(state) : NULL;
    if (!pipe)
        return NULL;
    accepted.fd = (int)(pipe - state->pipes);
    accepted.local = l->local;
    l->events->accepted(l->user, &accepted);
    return pipe;
}

fake_pipe *fake_get_dialled(mr_loop *loop) {
    for (unsigned i = loop->state->pipe_count; i-- > 0;)
        if (loop->state->pipes[i].dialled && !loop->state->pipes[i].let_go)
            return &loop->state->pipes[i];
    return NULL;
}

void fake_open(fake_pipe *pipe, int result) {
    if (pipe->dialled && !pipe->answered) {
        pipe->answered = true;
        pipe->opened = result;
    }
}

void fake_feed(fake_pipe *pipe, mr_slice octets) {
    if (!pipe->ended && pipe->stream)
        mr_buf_write(&pipe->in, octets);
}

void fake_end(fake_pipe *pipe, int result) {
    if (!pipe->ended || (!pipe->result && result)) {
        pipe->ended = true;
        pipe->result = result;
        pipe->told = false;
    }
}

void fake_take(fake_pipe *pipe, size_t window) {
    size_t n = pipe->queue.len < window ? pipe->queue.len : window;

    if (n) {
        mr_buf_write(&pipe->out, mr_slice_sub(mr_buf_slice(&pipe->queue), 0, n));
        memmove(pipe->queue.data, pipe->queue.data + n, pipe->queue.len - n);
        pipe->queue.len -= n;
    }
    pipe->window = window - n;
}

/* An orderly end shows behind the octets before it, a broken connection at once. */
static bool serve_pipe(fake_pipe *pipe) {
    static const mr_error broken = {.text = "reset"};
    mr_stream *stream = pipe->stream;

    if (stream && stream->state == MR_STREAM_CONNECTING && pipe->answered) {
        stream->state = pipe->opened ? MR_STREAM_CLOSED : MR_STREAM_OPEN;
        stream->events->opened(stream->user, pipe->opened, pipe->opened ? &broken : &MR_ERROR_INIT);
        return true;
    }
    if (!stream || (stream->state != MR_STREAM_OPEN && stream->state != MR_STREAM_PEER_CLOSED))
        return false;
    if (pipe->ended && pipe->result && !pipe->told) {
        bool heard = stream->state == MR_STREAM_PEER_CLOSED;
        pipe->told = true;
        stream->state = MR_STREAM_CLOSED;
        if (!heard)
            stream->events->closed(stream->user, pipe->result, &broken);
        return true;
    }
    if (pipe->waits && !pipe->queue.len) {
        pipe->waits = false;
        if (stream->events->drained)
            stream->events->drained(stream->user);
        return true;
    }
    bool ends = !pipe->in.len && pipe->ended && !pipe->told;
    if (!pipe->reading || (!pipe->in.len && !ends) ||
        (stream->events->readable && !stream->events->readable(stream->user)))
        return false;
    if (ends)
        tell_end(pipe);
    else
        receive(pipe);
    return true;
}

void fake_turn(mr_loop *loop) {
    struct mr_loop_state *state = loop->state;
    bool again = true;

    for (unsigned turns = 0; again; turns++) {
        if (turns > 10000) {
            fputs("broken: the loop does not come to rest\n", stderr);
            abort();
        }
        again = false;
        state->turn++;
        unsigned due = 0; /* what is set meanwhile waits for the next turn */
        for (mr_timer *t = state->timers; t && t->due <= state->now; t = t->next)
            due++;
        for (; due && state->timers && state->timers->due <= state->now; due--) {
            mr_timer *timer = state->timers;
            again = true;
            unlink_timer(timer);
            timer->expired(timer->user);
        }
        for (mr_waker *w = state->wakers, *next; w; w = next) {
            next = w->next;
            if (w->called) {
                w->called = false;
                w->woken(w->user);
                again = true;
            }
        }
        for (unsigned i = 0; i < state->pipe_count; i++)
            again |= serve_pipe(&state->pipes[i]);
    }
}
