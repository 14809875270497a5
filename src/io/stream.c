/*
 * Streams: the stack of filters and its two ends. The table of transports says which filters a
 * protocol sequence needs, lowest first.
 */
#include "filter.h"

#include <stdlib.h>

#define SEND_CAP ((size_t)16 << 20)

static const struct transport {
    const char *protseq;
    const mr_filter_class *filters[4];
} transports[] = {
    {"ncacn_ip_tcp", {&mr_filter_tcp}},
    {"ncalrpc", {&mr_filter_tcp}},
};

static const struct transport *transport_find(const char *protseq) {
    for (size_t i = 0; i < MR_COUNT(transports); i++)
        if (mr_str_eq_nocase(transports[i].protseq, protseq))
            return &transports[i];
    return NULL;
}

/* Down */

int mr_filter_connect(mr_filter *filter, const mr_connect_options *options, mr_error *err) {
    while (filter && !filter->class->connect)
        filter = filter->below;
    return filter ? filter->class->connect(filter, options, err) : MR_ERR_STATE;
}

int mr_filter_accept(mr_filter *filter, mr_accepted *accepted, mr_error *err) {
    while (filter && !filter->class->accept)
        filter = filter->below;
    return filter ? filter->class->accept(filter, accepted, err) : MR_ERR_STATE;
}

int mr_filter_send(mr_filter *filter, mr_slice bytes, mr_buf *owner, mr_error *err) {
    while (filter && !filter->class->send)
        filter = filter->below;
    return filter ? filter->class->send(filter, bytes, owner, err) : MR_ERR_STATE;
}

size_t mr_filter_queued(const mr_filter *filter) {
    size_t queued = 0;

    for (; filter; filter = filter->below)
        if (filter->class->queued)
            queued += filter->class->queued(filter);
    return queued;
}

void mr_filter_set_reading(mr_filter *filter, bool reading) {
    while (filter && !filter->class->set_reading)
        filter = filter->below;
    if (filter)
        filter->class->set_reading(filter, reading);
}

void mr_filter_receive(mr_filter *filter) {
    while (filter && !filter->class->receive)
        filter = filter->below;
    if (filter)
        filter->class->receive(filter);
}

void mr_filter_shutdown(mr_filter *filter) {
    while (filter && !filter->class->shutdown)
        filter = filter->below;
    if (filter)
        filter->class->shutdown(filter);
}

int mr_filter_query(mr_filter *filter, enum mr_query query, void *outp) {
    for (; filter; filter = filter->below) {
        int r = filter->class->query ? filter->class->query(filter, query, outp) : MR_ERR_NOT_FOUND;
        if (r != MR_ERR_NOT_FOUND)
            return r;
    }
    return MR_ERR_NOT_FOUND;
}

/* Closes all filters from the top down; each may still hand something to the next. */
static void filters_close(mr_filter *filter, bool abort) {
    for (; filter; filter = filter->below) {
        if (filter->closed)
            continue;
        filter->closed = true;
        if (filter->class->close)
            filter->class->close(filter, abort);
    }
}

/* Up */

bool mr_filter_may_receive(const mr_filter *filter) {
    const mr_stream *stream = filter->stream;

    return !stream || !stream->events->readable || stream->events->readable(stream->user);
}

void mr_filter_raise_opened(mr_filter *filter, int result, const mr_error *err) {
    mr_stream *stream = filter->stream;

    for (filter = filter->above; filter; filter = filter->above)
        if (filter->class->opened) {
            filter->class->opened(filter, result, err);
            return;
        }
    if (!stream || stream->state != MR_STREAM_CONNECTING)
        return;
    stream->state = result == 0 ? MR_STREAM_OPEN : MR_STREAM_CLOSED;
    if (result != 0)
        filters_close(stream->top, false);
    stream->events->opened(stream->user, result, err);
}

void mr_filter_raise_received(mr_filter *filter, mr_slice bytes) {
    mr_stream *stream = filter->stream;

    for (filter = filter->above; filter; filter = filter->above)
        if (filter->class->received) {
            filter->class->received(filter, bytes);
            return;
        }
    if (stream && stream->state == MR_STREAM_OPEN && bytes.len > 0)
        stream->events->received(stream->user, bytes);
}

void mr_filter_raise_drained(mr_filter *filter) {
    mr_stream *stream = filter->stream;

    for (filter = filter->above; filter; filter = filter->above)
        if (filter->class->drained) {
            filter->class->drained(filter);
            return;
        }
    if (stream && stream->events->drained &&
        (stream->state == MR_STREAM_OPEN || stream->state == MR_STREAM_PEER_CLOSED))
        stream->events->drained(stream->user);
}

void mr_filter_raise_ended(mr_filter *filter, int result, const mr_error *err) {
    mr_stream *stream = filter->stream;

    for (filter = filter->above; filter; filter = filter->above)
        if (filter->class->ended) {
            filter->class->ended(filter, result, err);
            return;
        }
    if (!stream || stream->state == MR_STREAM_CLOSED)
        return;
    bool told = stream->state == MR_STREAM_PEER_CLOSED;
    stream->state = result == 0 ? MR_STREAM_PEER_CLOSED : MR_STREAM_CLOSED;
    if (result != 0)
        filters_close(stream->top, false);
    if (!told)
        stream->events->closed(stream->user, result, err);
}

/* The stream */

/* Gives the filters up: no event reaches the stream's owner any more. */
static void filters_free(mr_filter *filter) {
    filters_close(filter, false);
    while (filter) {
        mr_filter *below = filter->below;
        filter->stream = NULL;
        mr_loop_add_garbage(filter->loop, &filter->garbage);
        filter = below;
    }
}

int mr_stream_add_filter(mr_stream *stream, const mr_filter_class *class) {
    mr_filter *filter = calloc(1, class->size);

    if (!filter)
        return MR_ERR_MEMORY;
    filter->class = class;
    filter->stream = stream;
    filter->loop = stream->loop;
    filter->below = stream->top;
    if (stream->top)
        stream->top->above = filter;
    stream->top = filter;
    if (class->init)
        class->init(filter);
    return 0;
}

int mr_stream_init(mr_stream *stream, mr_loop *loop, const char *protseq,
                   const mr_stream_events *events, void *user, mr_error *err) {
    const struct transport *transport = transport_find(protseq);

    *stream = (mr_stream){.loop = loop, .events = events, .user = user, .send_cap = SEND_CAP};
    if (!transport)
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_IO, MR_ERROR_NO_OFFSET,
                       "the protocol sequence %s is not known here", protseq);
    for (size_t i = 0; i < MR_COUNT(transport->filters) && transport->filters[i]; i++)
        if (mr_stream_add_filter(stream, transport->filters[i]) != 0) {
            mr_stream_deinit(stream);
            return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_IO, MR_ERROR_NO_OFFSET,
                           "no memory for a connection");
        }
    return 0;
}

void mr_stream_deinit(mr_stream *stream) {
    if (stream->top)
        filters_free(stream->top);
    stream->top = NULL;
    stream->state = MR_STREAM_CLOSED;
}

static int stream_fail_state(mr_error *err, const char *what) {
    return mr_fail(err, MR_ERR_STATE, MR_FLOOR_IO, MR_ERROR_NO_OFFSET, "%s", what);
}

int mr_stream_connect(mr_stream *stream, const mr_connect_options *options, mr_error *err) {
    if (stream->state != MR_STREAM_IDLE)
        return stream_fail_state(err, "the connection was used before");
    stream->state = MR_STREAM_CONNECTING;
    int r = mr_filter_connect(stream->top, options, err);
    if (r != 0)
        mr_stream_close(stream);
    return r;
}

int mr_stream_accept(mr_stream *stream, mr_accepted *accepted, mr_error *err) {
    if (stream->state != MR_STREAM_IDLE)
        return stream_fail_state(err, "the connection was used before");
    int r = mr_filter_accept(stream->top, accepted, err);
    if (r == 0)
        stream->state = MR_STREAM_OPEN;
    return r;
}

static int stream_send(mr_stream *stream, mr_slice bytes, mr_buf *owner, mr_error *err) {
    if (stream->state != MR_STREAM_OPEN && stream->state != MR_STREAM_PEER_CLOSED)
        return stream_fail_state(err, "the connection is not open");
    if (bytes.len == 0)
        return 0;
    return mr_filter_send(stream->top, bytes, owner, err);
}

int mr_stream_send(mr_stream *stream, mr_slice bytes, mr_error *err) {
    return stream_send(stream, bytes, NULL, err);
}

int mr_stream_send_buf(mr_stream *stream, mr_buf *buf, mr_error *err) {
    int r = mr_buf_error(buf);

    if (r != 0)
        r = mr_fail(err, r, MR_FLOOR_IO, MR_ERROR_NO_OFFSET, "the bytes to send are incomplete");
    else
        r = stream_send(stream, mr_buf_slice(buf), buf, err);
    size_t cap = buf->cap;
    mr_buf_deinit(buf);
    mr_buf_init(buf, NULL, 0, cap);
    return r;
}

size_t mr_stream_get_queued(const mr_stream *stream) {
    return mr_filter_queued(stream->top);
}

void mr_stream_set_reading(mr_stream *stream, bool reading) {
    mr_filter_set_reading(stream->top, reading);
}

void mr_stream_receive(mr_stream *stream) {
    mr_filter_receive(stream->top);
}

void mr_stream_shutdown(mr_stream *stream) {
    if (stream->state == MR_STREAM_OPEN || stream->state == MR_STREAM_PEER_CLOSED)
        mr_filter_shutdown(stream->top);
}

void mr_stream_close(mr_stream *stream) {
    stream->state = MR_STREAM_CLOSED;
    filters_close(stream->top, false);
}

void mr_stream_abort(mr_stream *stream) {
    stream->state = MR_STREAM_CLOSED;
    filters_close(stream->top, true);
}

int mr_stream_query(mr_stream *stream, enum mr_query query, void *outp) {
    return mr_filter_query(stream->top, query, outp);
}

int mr_stream_get_local(mr_stream *stream, mr_addr *addrp) {
    return mr_stream_query(stream, MR_QUERY_LOCAL, addrp);
}

int mr_stream_get_peer(mr_stream *stream, mr_addr *addrp) {
    return mr_stream_query(stream, MR_QUERY_PEER, addrp);
}

int mr_stream_get_attempt(mr_stream *stream, mr_attempt *attemptp) {
    return mr_stream_query(stream, MR_QUERY_ATTEMPT, attemptp);
}

int mr_stream_get_tcp_info(mr_stream *stream, mr_tcp_info *infop) {
    return mr_stream_query(stream, MR_QUERY_TCP_INFO, infop);
}
