/*
 * The TCP filter: a non-blocking socket of our own under a libuv poll handle, because the outcome
 * of a connect is told apart by what only the socket knows (its error queue and TCP_INFO). What
 * the kernel does not take at once waits in one queue; receiving goes through the loop's scratch
 * area, so an idle connection costs no buffer. A local socket (unix(7)) is the same but for the
 * connect, which the kernel decides at once, and has neither an error queue nor TCP_INFO.
 */
#include "filter.h"
#include "local.h"
#include "socket.h"
#include "tcp_info.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_TIMEOUT (3 * MR_SEC)
#define CONNECT_TRIES 3
#define LOCAL_PAUSE (10 * MR_MSEC) /* while the backlog of a local listener is full */

typedef struct mr_tcp {
    mr_filter filter; /* first */
    mr_watch *watch;  /* NULL before connect and after close */
    mr_timer timer;   /* of the connect */
    mr_attempt attempt;
    mr_addr local, peer;
    const char *path; /* of the local socket that is connected to; borrowed until opened */
    mr_nsec deadline; /* for that */
    mr_tcp_info info; /* the last snapshot; at 0 when there is none */
    mr_buf queue;     /* not taken by the kernel yet, from octet @queue_at on */
    size_t queue_at;
    int icmp_error;   /* errno of the last ICMP error for the open connection */
    int send_error;   /* the kernel tells each error once, and sending heard it */
    bool connecting;
    bool reading;
    bool ended;       /* no more octets will come */
    bool shutdown;    /* asked for */
} mr_tcp;

static mr_tcp *tcp_of(mr_filter *filter) {
    return (mr_tcp *)filter;
}

static size_t queue_len(const mr_tcp *tcp) {
    return tcp->queue.len - tcp->queue_at;
}

static void tcp_wait(mr_tcp *tcp) {
    unsigned wanted = 0;

    if (!tcp->watch)
        return;
    if (tcp->connecting || queue_len(tcp) > 0)
        wanted |= MR_READY_WRITE;
    if (!tcp->connecting && tcp->reading && !tcp->ended)
        wanted |= MR_READY_READ;
    if (wanted != tcp->watch->wanted)
        mr_watch_set(tcp->watch, wanted);
}

static void tcp_close(mr_filter *filter, bool abort) {
    mr_tcp *tcp = tcp_of(filter);

    mr_timer_deinit(&tcp->timer);
    if (tcp->watch) {
        int fd = mr_watch_fd(tcp->watch);
        if (abort) {
            struct linger linger = {.l_onoff = 1};
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        }
        (void)mr_tcp_info_get(fd, &tcp->info);
        mr_watch_close(tcp->watch);
        tcp->watch = NULL;
    }
    mr_buf_deinit(&tcp->queue);
    mr_buf_init(&tcp->queue, NULL, 0, 0);
    tcp->queue_at = 0;
}

/* An ICMP error for an open connection is reported once by whatever call comes next, but ends
 * nothing (RFC 1122 4.2.3.9): it is noted. False: the connection is broken. */
static bool is_soft(mr_tcp *tcp, int os_error) {
    mr_tcp_info info;

    if (tcp->peer.family == MR_FAMILY_UNIX || os_error == ECONNRESET || os_error == EPIPE ||
        os_error == ETIMEDOUT)
        return false;
    if (mr_tcp_info_get(mr_watch_fd(tcp->watch), &info) != 0 || strcmp(info.state, "CLOSED") == 0)
        return false;
    tcp->icmp_error = os_error;
    return true;
}

/* Sending */

/* Hands queued octets to the kernel. 0, or an errno that broke the connection. */
static int queue_send(mr_tcp *tcp) {
    while (queue_len(tcp) > 0) {
        ssize_t n = send(mr_watch_fd(tcp->watch), tcp->queue.data + tcp->queue_at, queue_len(tcp),
                         MSG_NOSIGNAL);
        if (n < 0) {
            int os_error = errno;
            if (os_error == EAGAIN || os_error == EINTR || is_soft(tcp, os_error))
                return 0;
            if (tcp->send_error == 0)
                tcp->send_error = os_error;
            return tcp->send_error;
        }
        tcp->queue_at += (size_t)n;
    }
    mr_buf_deinit(&tcp->queue);
    mr_buf_init(&tcp->queue, NULL, 0, 0);
    tcp->queue_at = 0;
    if (tcp->shutdown)
        (void)shutdown(mr_watch_fd(tcp->watch), SHUT_WR);
    return 0;
}

static int queue_add(mr_tcp *tcp, mr_slice rest, mr_buf *owner, size_t cap, mr_error *err) {
    if (tcp->queue.len == 0 && owner && owner->own) {
        tcp->queue = *owner;
        tcp->queue_at = (size_t)(rest.data - owner->data);
        mr_buf_init(owner, NULL, 0, owner->cap);
    } else {
        if (tcp->queue_at > tcp->queue.len / 2) { /* the part that is gone makes room */
            memmove(tcp->queue.data, tcp->queue.data + tcp->queue_at, queue_len(tcp));
            tcp->queue.len -= tcp->queue_at;
            tcp->queue_at = 0;
        }
        tcp->queue.cap = cap * 2;
        mr_buf_write(&tcp->queue, rest);
        if (mr_buf_error(&tcp->queue) != 0)
            return mr_fail(err, mr_buf_error(&tcp->queue), MR_FLOOR_IO, MR_ERROR_NO_OFFSET,
                           "no memory for octets to send");
    }
    tcp_wait(tcp);
    return 0;
}

static int tcp_send(mr_filter *filter, mr_slice bytes, mr_buf *owner, mr_error *err) {
    mr_tcp *tcp = tcp_of(filter);
    size_t cap = filter->stream->send_cap;

    if (!tcp->watch || tcp->connecting || tcp->shutdown)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_IO, MR_ERROR_NO_OFFSET,
                       "the connection does not send");
    if (bytes.len > cap || queue_len(tcp) > cap - bytes.len)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_IO, MR_ERROR_NO_OFFSET,
                       "%zu octets wait to be sent already", queue_len(tcp));
    if (queue_len(tcp) == 0) {
        ssize_t n = send(mr_watch_fd(tcp->watch), bytes.data, bytes.len, MSG_NOSIGNAL);
        int os_error = n < 0 ? errno : 0;
        if (n > 0)
            bytes = mr_slice_sub(bytes, (size_t)n, SIZE_MAX);
        else if (os_error != EAGAIN && os_error != EINTR && !is_soft(tcp, os_error))
            tcp->send_error = os_error; /* told from the loop, when the queue is tried again */
    }
    return bytes.len == 0 ? 0 : queue_add(tcp, bytes, owner, cap, err);
}

static size_t tcp_queued(const mr_filter *filter) {
    return queue_len((const mr_tcp *)filter);
}

static void tcp_shutdown(mr_filter *filter) {
    mr_tcp *tcp = tcp_of(filter);

    if (!tcp->watch || tcp->shutdown)
        return;
    tcp->shutdown = true;
    if (queue_len(tcp) == 0)
        (void)shutdown(mr_watch_fd(tcp->watch), SHUT_WR);
}

/* Endings */

static void tcp_broken(mr_tcp *tcp, int os_error) {
    mr_error err = MR_ERROR_INIT;
    char peer[MR_ADDR_TEXT];
    int result = MR_ERR_RESET;

    mr_addr_port_text(&tcp->peer, peer);
    if (os_error == ETIMEDOUT)
        result = MR_ERR_TIMEOUT;
    else if (os_error == EHOSTUNREACH || os_error == ENETUNREACH)
        result = MR_ERR_UNREACHABLE;
    else if (os_error != ECONNRESET && os_error != EPIPE && os_error != ECONNREFUSED)
        result = MR_ERR_SYSTEM;
    mr_fail_peer(&err, result, MR_FLOOR_IO, MR_PEER_ERRNO, (uint32_t)os_error,
                 "the connection to %s broke: %s", peer, strerror(os_error));
    tcp->ended = true;
    mr_filter_raise_ended(&tcp->filter, result, &err);
}

static void tcp_ready(void *user, unsigned ready);

static int local_fail(const mr_tcp *tcp, mr_error *err) {
    enum mr_reach reach = tcp->attempt.reach;
    int result = reach == MR_REACH_REFUSED  ? MR_ERR_REFUSED
                 : reach == MR_REACH_SILENT ? MR_ERR_TIMEOUT
                                            : MR_ERR_SYSTEM;

    return mr_fail_peer(err, result, MR_FLOOR_IO, MR_PEER_ERRNO, (uint32_t)tcp->attempt.os_error,
                        "%s cannot be connected to: %s", tcp->path,
                        reach == MR_REACH_SILENT ? "its listener does not accept in time"
                                                 : strerror(tcp->attempt.os_error));
}

/* The connect is decided. */
static void tcp_opened(mr_tcp *tcp, enum mr_reach reach, int os_error) {
    mr_error err = MR_ERROR_INIT;
    int result = 0;

    mr_timer_deinit(&tcp->timer);
    tcp->connecting = false;
    tcp->attempt.reach = reach;
    tcp->attempt.os_error = os_error;
    tcp->attempt.ended = mr_clock_now();
    if (tcp->watch) {
        if (mr_tcp_info_get(mr_watch_fd(tcp->watch), &tcp->info) == 0)
            tcp->attempt.sent = tcp->info.total_retrans + 1;
        mr_addr local = mr_socket_local(mr_watch_fd(tcp->watch));
        if (local.family != MR_FAMILY_ANY && !mr_addr_is_any(&local))
            tcp->attempt.local = tcp->local = local;
    }
    if (reach != MR_REACH_OPEN && tcp->path)
        result = local_fail(tcp, &err);
    else if (reach != MR_REACH_OPEN)
        result = mr_attempt_fail(&tcp->attempt, "TCP", &err);
    tcp->path = NULL;
    tcp_wait(tcp);
    mr_filter_raise_opened(&tcp->filter, result, &err);
}

/* Connects to a local socket, or tries again soon. */
static void local_connect(mr_tcp *tcp) {
    int fd = mr_local_connect(tcp->path);
    int os_error = fd < 0 ? errno : 0;

    if (fd >= 0 && mr_watch_add(tcp->filter.loop, fd, tcp_ready, tcp, &tcp->watch) != 0) {
        close(fd);
        os_error = ENOMEM;
    }
    if (os_error == EAGAIN && mr_clock_now() < tcp->deadline)
        mr_timer_set(&tcp->timer, mr_clock_now() + LOCAL_PAUSE);
    else if (os_error == ECONNREFUSED || os_error == ENOENT)
        tcp_opened(tcp, MR_REACH_REFUSED, os_error);
    else if (os_error != 0)
        tcp_opened(tcp, os_error == EAGAIN ? MR_REACH_SILENT : MR_REACH_LOCAL, os_error);
    else
        tcp_opened(tcp, MR_REACH_OPEN, 0);
}

static void tcp_connect_expired(void *user) {
    mr_tcp *tcp = user;

    if (tcp->path)
        local_connect(tcp);
    else if (tcp->attempt.reach == MR_REACH_LOCAL) /* decided in tcp_connect */
        tcp_opened(tcp, MR_REACH_LOCAL, tcp->attempt.os_error);
    else
        tcp_opened(tcp, MR_REACH_SILENT, 0);
}

static enum mr_reach reach_of_errno(int os_error) {
    switch (os_error) {
    case ECONNREFUSED:
    case ECONNRESET:
        return MR_REACH_REFUSED;
    case ETIMEDOUT:
        return MR_REACH_SILENT;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENOPROTOOPT:
    case EPROTO:
        return MR_REACH_UNREACHABLE;
    default:
        return MR_REACH_LOCAL;
    }
}

static void tcp_connect_ready(mr_tcp *tcp) {
    int fd = mr_watch_fd(tcp->watch), os_error = 0;

    /* Taking an ICMP error clears the socket's pending error, so it comes first. Linux gives a
     * connect up for any of them but "fragmentation needed"; only when it arrived while the kernel
     * was still inside connect() would it try on. */
    if (mr_socket_take_icmp(fd, &tcp->attempt.icmp, &os_error)) {
        (void)mr_socket_take_error(fd);
        bool live = mr_tcp_info_get(fd, &tcp->info) == 0;
        if (live && os_error == EMSGSIZE && strcmp(tcp->info.state, "SYN-SENT") == 0)
            return;
        if (!live || strcmp(tcp->info.state, "ESTABLISHED") != 0) {
            tcp_opened(tcp, MR_REACH_UNREACHABLE, os_error);
            return;
        }
        os_error = 0;
    } else {
        os_error = mr_socket_take_error(fd);
    }
    /* a closed port of this machine may have been given to us as the source: TCP then connects
     * to itself (RFC 9293 3.5, simultaneous open), though nobody listens */
    mr_addr local = mr_socket_local(fd);
    if (os_error == 0 && local.port == tcp->peer.port && mr_addr_same_host(&local, &tcp->peer))
        os_error = ECONNREFUSED;
    if (os_error == 0)
        tcp_opened(tcp, MR_REACH_OPEN, 0);
    else
        tcp_opened(tcp, reach_of_errno(os_error), os_error);
}

/* Receiving */

static void tcp_receive(mr_tcp *tcp) {
    uint8_t *scratch = tcp->filter.loop->state->scratch;
    ssize_t n = recv(mr_watch_fd(tcp->watch), scratch, MR_SCRATCH, 0);

    if (n > 0) {
        mr_filter_raise_received(&tcp->filter, mr_slice_of(scratch, (size_t)n));
    } else if (n == 0 && tcp->send_error != 0) {
        tcp_broken(tcp, tcp->send_error);
    } else if (n == 0) {
        mr_error err = MR_ERROR_INIT;
        tcp->ended = true;
        tcp_wait(tcp);
        mr_filter_raise_ended(&tcp->filter, 0, &err);
    } else {
        int os_error = errno;
        if (os_error != EAGAIN && os_error != EINTR && !is_soft(tcp, os_error))
            tcp_broken(tcp, os_error);
    }
}

static void tcp_send_ready(mr_tcp *tcp) {
    int os_error = queue_send(tcp);

    if (os_error != 0) {
        mr_buf_reset(&tcp->queue);
        tcp->queue_at = 0;
    }
    tcp_wait(tcp);
    /* what the peer sent before it broke off still counts: when we receive, that tells the end */
    if (os_error != 0 && (tcp->ended || !tcp->reading))
        tcp_broken(tcp, os_error);
    else if (os_error == 0 && queue_len(tcp) == 0)
        mr_filter_raise_drained(&tcp->filter);
}

static void tcp_ready(void *user, unsigned ready) {
    mr_tcp *tcp = user;
    int os_error;

    if (tcp->connecting) {
        tcp_connect_ready(tcp);
        return;
    }
    if (ready & MR_READY_ERROR) {
        /* whether it broke shows when receiving; what is in the error queue would keep waking us */
        if (tcp->peer.family != MR_FAMILY_UNIX &&
            mr_socket_take_icmp(mr_watch_fd(tcp->watch), &tcp->attempt.icmp, &os_error))
            tcp->icmp_error = os_error;
        ready |= MR_READY_READ;
    }
    if ((ready & (MR_READY_WRITE | MR_READY_ERROR)) && queue_len(tcp) > 0)
        tcp_send_ready(tcp);
    if ((ready & MR_READY_READ) && tcp->reading && !tcp->filter.closed && !tcp->ended &&
        mr_filter_may_receive(&tcp->filter))
        tcp_receive(tcp);
}

static void tcp_receive_now(mr_filter *filter) {
    mr_tcp *tcp = tcp_of(filter);

    if (tcp->watch && !tcp->connecting && tcp->reading && !tcp->ended)
        tcp_receive(tcp);
}

static void tcp_set_reading(mr_filter *filter, bool reading) {
    tcp_of(filter)->reading = reading;
    tcp_wait(tcp_of(filter));
}

/* Beginnings */

static void tcp_init(mr_filter *filter) {
    mr_tcp *tcp = tcp_of(filter);

    tcp->reading = true;
    mr_timer_init(&tcp->timer, filter->loop, tcp_connect_expired, tcp);
    mr_buf_init(&tcp->queue, NULL, 0, 0);
}

/* Opens the socket and starts the handshake. 0 or an errno. */
static int tcp_start(mr_tcp *tcp, const mr_connect_options *options) {
    struct sockaddr_storage sa;
    int fd = mr_socket_open(SOCK_STREAM, &options->remote, &options->source);

    if (fd < 0)
        return errno;
    mr_tcp_set_options(fd, options->tries ? options->tries : CONNECT_TRIES);
    socklen_t len = mr_addr_to_sockaddr(&options->remote, MR_FAMILY_IPV4, &sa);
    if (connect(fd, (struct sockaddr *)&sa, len) != 0 && errno != EINPROGRESS) {
        int os_error = errno;
        close(fd);
        return os_error;
    }
    if (mr_watch_add(tcp->filter.loop, fd, tcp_ready, tcp, &tcp->watch) != 0) {
        close(fd);
        return ENOMEM;
    }
    return 0;
}

static int tcp_connect(mr_filter *filter, const mr_connect_options *options, mr_error *err) {
    mr_tcp *tcp = tcp_of(filter);
    mr_nsec now = mr_clock_now();

    (void)err;
    if (options->path) { /* decided in the loop, like every other outcome */
        tcp->path = options->path;
        tcp->peer = (mr_addr){.family = MR_FAMILY_UNIX};
        tcp->attempt = (mr_attempt){.remote = tcp->peer, .started = now};
        tcp->deadline = now + (options->timeout ? options->timeout : CONNECT_TIMEOUT);
        mr_timer_set(&tcp->timer, now);
        return 0;
    }
    tcp->peer = options->remote;
    tcp->attempt = (mr_attempt){.remote = options->remote, .local = options->source,
                                .started = now};
    int os_error = tcp_start(tcp, options);
    if (os_error != 0) { /* told from the loop, like every other outcome */
        tcp->attempt.reach = MR_REACH_LOCAL;
        tcp->attempt.os_error = os_error;
        mr_timer_set(&tcp->timer, now);
        return 0;
    }
    tcp->connecting = true;
    mr_timer_set(&tcp->timer, now + (options->timeout ? options->timeout : CONNECT_TIMEOUT));
    tcp_wait(tcp);
    return 0;
}

static int tcp_accept(mr_filter *filter, mr_accepted *accepted, mr_error *err) {
    mr_tcp *tcp = tcp_of(filter);
    int r = mr_watch_add(filter->loop, accepted->fd, tcp_ready, tcp, &tcp->watch);

    if (r != 0)
        return mr_fail(err, r, MR_FLOOR_IO, MR_ERROR_NO_OFFSET,
                       "an accepted connection cannot be watched");
    if (accepted->peer.family != MR_FAMILY_UNIX)
        mr_tcp_set_options(accepted->fd, 0);
    accepted->fd = -1;
    tcp->local = accepted->local;
    tcp->peer = accepted->peer;
    tcp_wait(tcp);
    return 0;
}

static int tcp_query(mr_filter *filter, enum mr_query query, void *outp) {
    mr_tcp *tcp = tcp_of(filter);

    switch (query) {
    case MR_QUERY_LOCAL:
        if (tcp->local.family == MR_FAMILY_ANY)
            return MR_ERR_NOT_FOUND;
        *(mr_addr *)outp = tcp->local;
        return 0;
    case MR_QUERY_PEER:
        if (tcp->peer.family == MR_FAMILY_ANY)
            return MR_ERR_NOT_FOUND;
        *(mr_addr *)outp = tcp->peer;
        return 0;
    case MR_QUERY_ATTEMPT:
        if (tcp->attempt.started == 0) /* accepted, or idle */
            return MR_ERR_NOT_FOUND;
        *(mr_attempt *)outp = tcp->attempt;
        return 0;
    case MR_QUERY_TCP_INFO:
        if (tcp->watch)
            (void)mr_tcp_info_get(mr_watch_fd(tcp->watch), &tcp->info);
        if (tcp->info.at == 0)
            return MR_ERR_NOT_FOUND;
        tcp->info.icmp_error = tcp->icmp_error;
        *(mr_tcp_info *)outp = tcp->info;
        return 0;
    case MR_QUERY_CHANNEL_BINDING:
    case MR_QUERY_CERTIFICATE:
    case MR_QUERY_SESSION_KEY:
    case MR_QUERY_IDENTITY:
        break;
    }
    return MR_ERR_NOT_FOUND;
}

const mr_filter_class mr_filter_tcp = {
    .name = "tcp",
    .size = sizeof(mr_tcp),
    .init = tcp_init,
    .connect = tcp_connect,
    .accept = tcp_accept,
    .send = tcp_send,
    .queued = tcp_queued,
    .set_reading = tcp_set_reading,
    .receive = tcp_receive_now,
    .shutdown = tcp_shutdown,
    .close = tcp_close,
    .query = tcp_query,
};
