/*
 * UDP request and response over a connected socket, so that only the peer's datagrams come in and
 * ICMP errors for ours come back through the error queue.
 */
#include "loop.h"
#include "socket.h"

#include <msrpc/io/datagram.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT (3 * MR_SEC)
#define TRIES 2
#define BATCH 16

static void datagram_done(mr_datagram *datagram, enum mr_reach reach, int os_error) {
    mr_error err = MR_ERROR_INIT;
    int result = 0;

    mr_timer_deinit(&datagram->timer);
    mr_watch_close(datagram->watch);
    datagram->watch = NULL;
    datagram->attempt.reach = reach;
    datagram->attempt.os_error = os_error;
    datagram->attempt.ended = mr_clock_now();
    if (reach != MR_REACH_OPEN)
        result = mr_attempt_fail(&datagram->attempt, "UDP", &err);
    datagram->events->done(datagram->user, result, &err);
}

/* Takes an ICMP error and ends the exchange; false when there is none. */
static bool datagram_take_icmp(mr_datagram *datagram) {
    int os_error;

    if (!mr_socket_take_icmp(mr_watch_fd(datagram->watch), &datagram->attempt.icmp, &os_error))
        return false;
    datagram_done(datagram, mr_icmp_is_port(&datagram->attempt.icmp) ? MR_REACH_REFUSED
                                                                      : MR_REACH_UNREACHABLE,
                  os_error);
    return true;
}

static void datagram_send(mr_datagram *datagram) {
    int fd = mr_watch_fd(datagram->watch);

    ssize_t n = send(fd, datagram->request.data, datagram->request.len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != ENOBUFS && errno != EINTR) {
        int os_error = errno; /* a pending ICMP error is reported here too */
        if (!datagram_take_icmp(datagram))
            datagram_done(datagram, os_error == ECONNREFUSED ? MR_REACH_REFUSED : MR_REACH_LOCAL,
                          os_error);
        return;
    }
    if (n >= 0)
        datagram->attempt.sent++;
    datagram->tries--;
    mr_timer_set(&datagram->timer, mr_clock_now() + datagram->per_try);
}

static void datagram_expired(void *user) {
    mr_datagram *datagram = user;

    if (!datagram->watch) /* never opened */
        datagram_done(datagram, MR_REACH_LOCAL, datagram->attempt.os_error);
    else if (datagram->tries > 0)
        datagram_send(datagram);
    else
        datagram_done(datagram, MR_REACH_SILENT, 0);
}

static void datagram_ready(void *user, unsigned ready) {
    mr_datagram *datagram = user;
    mr_watch *watch = datagram->watch;
    uint8_t *scratch = datagram->loop->state->scratch;

    for (int i = 0; i < BATCH; i++) {
        ssize_t n = recv(mr_watch_fd(watch), scratch, MR_SCRATCH, 0);
        if (n < 0)
            break;
        bool answer = datagram->events->received(datagram->user, mr_slice_of(scratch, (size_t)n));
        if (watch->closed)
            return;
        if (answer) {
            datagram_done(datagram, MR_REACH_OPEN, 0);
            return;
        }
    }
    int os_error = errno;
    if (datagram_take_icmp(datagram))
        return;
    if ((ready & MR_READY_ERROR) && os_error != EAGAIN && os_error != EINTR)
        datagram_done(datagram, os_error == ECONNREFUSED ? MR_REACH_REFUSED : MR_REACH_UNREACHABLE,
                      os_error);
}

void mr_datagram_init(mr_datagram *datagram, mr_loop *loop, const mr_datagram_events *events,
                      void *user) {
    *datagram = (mr_datagram){.loop = loop, .events = events, .user = user};
    mr_timer_init(&datagram->timer, loop, datagram_expired, datagram);
}

void mr_datagram_deinit(mr_datagram *datagram) {
    mr_timer_deinit(&datagram->timer);
    mr_watch_close(datagram->watch);
    datagram->watch = NULL;
}

/* Opens and connects the socket. 0 or an errno. */
static int datagram_open(mr_datagram *datagram, const mr_datagram_options *options) {
    struct sockaddr_storage sa;
    int fd = mr_socket_open(SOCK_DGRAM, &options->remote, &options->source);

    if (fd < 0)
        return errno;
    socklen_t len = mr_addr_to_sockaddr(&options->remote, MR_FAMILY_IPV4, &sa);
    int os_error = connect(fd, (struct sockaddr *)&sa, len) != 0 ? errno : 0;
    if (os_error == 0 && mr_watch_add(datagram->loop, fd, datagram_ready, datagram,
                                      &datagram->watch) != 0)
        os_error = ENOMEM;
    if (os_error != 0) {
        close(fd);
        return os_error;
    }
    datagram->attempt.local = mr_socket_local(fd);
    mr_watch_set(datagram->watch, MR_READY_READ);
    return 0;
}

int mr_datagram_ask(mr_datagram *datagram, const mr_datagram_options *options, mr_slice request,
                    mr_error *err) {
    mr_nsec now = mr_clock_now();

    if (datagram->attempt.started != 0)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_IO, MR_ERROR_NO_OFFSET,
                       "the exchange was begun before");
    datagram->request = request;
    datagram->tries = options->tries ? options->tries : TRIES;
    datagram->per_try = (options->timeout ? options->timeout : TIMEOUT) / datagram->tries;
    datagram->attempt = (mr_attempt){.remote = options->remote, .local = options->source,
                                     .started = now};
    datagram->attempt.os_error = datagram_open(datagram, options);
    mr_timer_set(&datagram->timer, now); /* the first try, or the local error, from the loop */
    return 0;
}
