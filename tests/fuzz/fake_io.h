/*
 * The io floor without a system, for the targets that run the server: a clock that is told the
 * time, pipes instead of sockets, workers that begin and end when they are told to. It is linked
 * before the floor itself, whose objects are then not needed, so that everything above runs
 * unchanged, a run repeats octet for octet, and no system call is made.
 *
 * fake_turn is one turn of the loop: callbacks come from inside it only, as the io floor promises.
 */
#ifndef FAKE_IO_H
#define FAKE_IO_H

#include <msrpc/io.h>

#define FAKE_PIPES 12

/* Both ends of a connection; the stream's is that of what is tested: a server, or a client. */
typedef struct fake_pipe {
    mr_stream *stream;   /* NULL: none, or the server let go of it */
    bool reading;
    bool shut;           /* the server closed its side */
    bool ended;          /* so did the client, or the connection broke */
    bool told;           /* the server heard of that */
    int result;          /* 0, or what broke it */
    bool let_go;         /* the server freed its stream */
    unsigned dialled;    /* which mr_stream_connect began it, from 1; 0: it was accepted */
    bool answered;       /* the first: it has its outcome, @opened */
    int opened;
    size_t window;       /* octets the client takes before it must be asked to take more */
    bool waits;          /* the server is to be told when all is taken */
    mr_buf in;           /* octets for the server */
    mr_buf out;          /* octets from the server, taken by the client: the target's to read */
    mr_buf queue;        /* not taken yet */
} fake_pipe;

struct mr_loop_state {
    mr_nsec now;
    mr_timer *timers;    /* sorted */
    mr_listener *listeners[4];
    unsigned listener_count;
    struct mr_waker *wakers;
    struct mr_workers *crew;
    uintptr_t thread;    /* who runs now; 1 is the loop's */
    uint64_t entropy;
    uint64_t turn;
    fake_pipe pipes[FAKE_PIPES];
    unsigned pipe_count;
    unsigned dials;
};

/* Begins anew; @loop is the only one there is. */
void fake_init(mr_loop *loop, struct mr_loop_state *state);
void fake_deinit(mr_loop *loop);
/* Callbacks for what is due. */
void fake_turn(mr_loop *loop);
/* A client connects to the listener with that index; NULL when there is no pipe left, or nobody
 * listens. The server may have refused it: stream is NULL then. */
fake_pipe *fake_connect(mr_loop *loop, unsigned listener, const mr_accepted *from);
/* What mr_stream_connect began last and was not let go of; NULL: nothing. Its pipe serves another
 * connection once it is let go of. */
fake_pipe *fake_get_dialled(mr_loop *loop);
/* The outcome of mr_stream_connect, which the next turn tells; once. */
void fake_open(fake_pipe *pipe, int result);
/* Octets from the client, which the next turn hands on. */
void fake_feed(fake_pipe *pipe, mr_slice octets);
void fake_end(fake_pipe *pipe, int result);
/* The client takes what waits, and @window octets more. */
void fake_take(fake_pipe *pipe, size_t window);

/* Workers: the first job that waits begins; false when none does or all are busy. */
bool fake_work_begin(mr_loop *loop);
/* The job that began as the @which-th runs and is through; false when none has begun. */
bool fake_work_end(mr_loop *loop, unsigned which);

#endif
