/*
 * Private: transport filters. A filter is an allocation of its class's size that begins with
 * struct mr_filter. Requests go down the stack, events go up; an entry that a class leaves out
 * passes the request or event on unchanged. close is immediate and final: the filter may be asked
 * queries afterwards, but raises no event. A filter's memory outlives the callbacks that run when
 * its stream is deinitialised, so after raising an event a filter checks filter->closed and goes
 * on or returns.
 */
#ifndef MSRPC_IO_PRIVATE_FILTER_H
#define MSRPC_IO_PRIVATE_FILTER_H

#include "loop.h"

#include <msrpc/io/listener.h>
#include <msrpc/io/stream.h>

typedef struct mr_filter mr_filter;

typedef struct mr_filter_class {
    const char *name;
    size_t size; /* of the allocation; zeroed before init */
    void (*init)(mr_filter *filter);

    int (*connect)(mr_filter *filter, const mr_connect_options *options, mr_error *err);
    int (*accept)(mr_filter *filter, mr_accepted *accepted, mr_error *err);
    /* @bytes is borrowed; with an @owner they are all of it and the filter may take its memory. */
    int (*send)(mr_filter *filter, mr_slice bytes, mr_buf *owner, mr_error *err);
    size_t (*queued)(const mr_filter *filter);
    void (*set_reading)(mr_filter *filter, bool reading);
    void (*receive)(mr_filter *filter);
    void (*shutdown)(mr_filter *filter);
    void (*close)(mr_filter *filter, bool abort); /* then the one below is closed */
    int (*query)(mr_filter *filter, enum mr_query query, void *outp); /* MR_ERR_NOT_FOUND: ask on */

    void (*opened)(mr_filter *filter, int result, const mr_error *err);
    void (*received)(mr_filter *filter, mr_slice bytes);
    void (*drained)(mr_filter *filter);
    void (*ended)(mr_filter *filter, int result, const mr_error *err);
} mr_filter_class;

struct mr_filter {
    mr_garbage garbage; /* first */
    const mr_filter_class *class;
    mr_stream *stream;  /* NULL once the stream is gone */
    mr_loop *loop;
    mr_filter *below, *above;
    bool closed;
};

/* Puts a new filter on top of an idle stream. 0 or MR_ERR_MEMORY. */
int mr_stream_add_filter(mr_stream *stream, const mr_filter_class *class);

/* Requests to @filter or the nearest below that knows them; @filter may be NULL. */
int mr_filter_connect(mr_filter *filter, const mr_connect_options *options, mr_error *err);
int mr_filter_accept(mr_filter *filter, mr_accepted *accepted, mr_error *err);
int mr_filter_send(mr_filter *filter, mr_slice bytes, mr_buf *owner, mr_error *err);
size_t mr_filter_queued(const mr_filter *filter);
void mr_filter_set_reading(mr_filter *filter, bool reading);
void mr_filter_receive(mr_filter *filter);
void mr_filter_shutdown(mr_filter *filter);
int mr_filter_query(mr_filter *filter, enum mr_query query, void *outp);

/* Events from @filter to whoever is above it, in the end the stream's owner. */
bool mr_filter_may_receive(const mr_filter *filter);
void mr_filter_raise_opened(mr_filter *filter, int result, const mr_error *err);
void mr_filter_raise_received(mr_filter *filter, mr_slice bytes);
void mr_filter_raise_drained(mr_filter *filter);
void mr_filter_raise_ended(mr_filter *filter, int result, const mr_error *err);

extern const mr_filter_class mr_filter_tcp;

#endif
