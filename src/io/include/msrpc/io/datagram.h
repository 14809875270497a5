/*
 * UDP request and response: one request to one peer, sent again until somebody answers, an ICMP
 * error comes or the tries are spent.
 */
#ifndef MSRPC_IO_DATAGRAM_H
#define MSRPC_IO_DATAGRAM_H

#include <msrpc/io/addr.h>
#include <msrpc/io/loop.h>

typedef struct mr_datagram mr_datagram;

typedef struct mr_datagram_events {
    /* A datagram came from the peer. True: this is the answer, the exchange is over and done
     * follows with 0. False: not ours, keep waiting. */
    bool (*received)(void *user, mr_slice bytes);
    /* The end: 0; MR_ERR_TIMEOUT; MR_ERR_REFUSED (ICMP port unreachable); MR_ERR_UNREACHABLE (any
     * other ICMP error); MR_ERR_SYSTEM. mr_datagram.attempt has the details. */
    void (*done)(void *user, int result, const mr_error *err);
} mr_datagram_events;

struct mr_datagram {
    mr_loop *loop;
    const mr_datagram_events *events; /* borrowed until deinit */
    void *user;
    mr_attempt attempt; /* read only */
    mr_slice request;   /* private from here */
    unsigned tries;
    mr_nsec per_try;
    mr_timer timer;
    struct mr_watch *watch;
};

typedef struct mr_datagram_options {
    mr_addr remote;
    mr_addr source;     /* zeroed: the system chooses */
    unsigned tries;     /* datagrams to send; 0: 2 */
    mr_nsec timeout;    /* for all tries together, shared evenly; 0: 3 s */
} mr_datagram_options;

void mr_datagram_init(mr_datagram *datagram, mr_loop *loop, const mr_datagram_events *events,
                      void *user);
/* Begins the exchange; @request is *borrowed* until done or deinit, @options copied. One exchange
 * per object. MR_ERR_STATE when one has begun. */
int mr_datagram_ask(mr_datagram *datagram, const mr_datagram_options *options, mr_slice request,
                    mr_error *err);
/* Ends the exchange without an event. A zeroed datagram may be deinitialised. */
void mr_datagram_deinit(mr_datagram *datagram);

#endif
