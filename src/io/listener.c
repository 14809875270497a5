/*
 * Listeners: bind to the first free port of the ranges or to a path, listen, accept a bounded batch
 * for each readiness so that one busy listener does not starve the connections.
 */
#include "local.h"
#include "loop.h"
#include "socket.h"

#include <msrpc/io/listener.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define BATCH 64
#define BACKLOG 1024
#define REST (100 * MR_MSEC)

static void listener_rested(void *user) {
    mr_listener *listener = user;

    if (listener->watch)
        mr_watch_set(listener->watch, MR_READY_READ);
}

void mr_listener_init(mr_listener *listener, mr_loop *loop, const mr_listener_events *events,
                      void *user) {
    *listener = (mr_listener){.loop = loop, .events = events, .user = user};
    mr_timer_init(&listener->rest, loop, listener_rested, listener);
}

void mr_listener_deinit(mr_listener *listener) {
    mr_timer_deinit(&listener->rest);
    mr_watch_close(listener->watch);
    listener->watch = NULL;
    if (listener->path[0])
        mr_local_unlisten(listener->path, listener->lock);
    listener->path[0] = '\0';
}

/* Out of descriptors or memory: the connection stays in the backlog, and without a pause the loop
 * would spin on it. */
static void listener_rest(mr_listener *listener, int os_error) {
    mr_error err = MR_ERROR_INIT;

    mr_watch_set(listener->watch, 0);
    mr_timer_set(&listener->rest, mr_clock_now() + REST);
    mr_fail_peer(&err, MR_ERR_SYSTEM, MR_FLOOR_IO, MR_PEER_ERRNO, (uint32_t)os_error,
                 "a connection cannot be accepted: %s", strerror(os_error));
    if (listener->events->failed)
        listener->events->failed(listener->user, &err);
}

static void listener_ready(void *user, unsigned ready) {
    mr_listener *listener = user;
    mr_watch *watch = listener->watch;

    (void)ready;
    /* the watch outlives this callback, the listener may not */
    for (int i = 0; i < BATCH && !watch->closed; i++) {
        struct sockaddr_storage sa = {0};
        socklen_t len = sizeof sa;
        int fd = accept4(mr_watch_fd(watch), (struct sockaddr *)&sa, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == ECONNABORTED || errno == EINTR)
                continue;
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                listener_rest(listener, errno);
            return;
        }
        mr_accepted accepted = {.fd = fd, .peer = mr_addr_of_sockaddr((struct sockaddr *)&sa),
                                .local = mr_socket_local(fd)};
        if (accepted.local.family == MR_FAMILY_UNIX)
            accepted.cred = mr_local_get_credentials(fd);
        listener->events->accepted(listener->user, &accepted);
        if (accepted.fd >= 0)
            close(accepted.fd);
    }
}

/* Opens, binds and listens on one port. Returns the descriptor, or -1 with errno. */
static int listen_on(const mr_listen_options *options, uint16_t port) {
    struct sockaddr_storage sa;
    mr_addr local = options->local;
    bool v6 = local.family == MR_FAMILY_IPV6;
    int one = 1, only = !options->dual_stack;
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    local.port = port;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (options->reuse_port)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (v6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    socklen_t len = mr_addr_to_sockaddr(&local, MR_FAMILY_IPV4, &sa);
    if (bind(fd, (struct sockaddr *)&sa, len) == 0 &&
        listen(fd, options->backlog > 0 ? options->backlog : BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static bool port_is_taken(int os_error) {
    return os_error == EADDRINUSE || os_error == EACCES;
}

/* Tries @options->start, then every port of every range. */
static int listen_in_ranges(const mr_listen_options *options) {
    int fd = -1;

    if (options->start)
        fd = listen_on(options, options->start);
    else
        errno = EADDRINUSE;
    for (size_t i = 0; i < options->range_count && fd < 0; i++)
        for (unsigned port = options->ranges[i].first;
             port <= options->ranges[i].last && fd < 0 && port_is_taken(errno); port++)
            fd = listen_on(options, (uint16_t)port);
    return fd;
}

/* A socket that another process (a service manager) made to listen. */
static int adopt(int fd) {
    int listens = 0;
    socklen_t len = sizeof listens;
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0)
        return -1;
    if (!listens || mr_socket_local(fd).family == MR_FAMILY_ANY) {
        errno = EINVAL;
        return -1;
    }
    if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return -1;
    return fd;
}

static int fail_adopted(int fd, int os_error, mr_error *err) {
    return mr_fail_peer(err, MR_ERR_ARGUMENT, MR_FLOOR_IO, MR_PEER_ERRNO, (uint32_t)os_error,
                        "descriptor %d is no socket that listens: %s", fd, strerror(os_error));
}

/* Opens the listener's descriptor; -1 with errno. */
static int listener_socket(mr_listener *listener, const mr_listen_options *options) {
    int backlog = options->backlog > 0 ? options->backlog : BACKLOG;

    if (options->fd)
        return adopt(options->fd);
    if (!options->path)
        return options->range_count ? listen_in_ranges(options)
                                    : listen_on(options, options->local.port);
    int fd = mr_local_listen(options->path, options->mode ? options->mode : 0600, backlog,
                             &listener->lock);
    if (fd >= 0)
        memcpy(listener->path, options->path, strlen(options->path) + 1);
    return fd;
}

int mr_listener_open(mr_listener *listener, const mr_listen_options *options, mr_error *err) {
    char text[MR_ADDR_TEXT];
    const char *where = options->path ? options->path : text;

    if (listener->watch)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_IO, MR_ERROR_NO_OFFSET,
                       "the listener is open already");
    int fd = listener_socket(listener, options);
    if (fd < 0) {
        int os_error = errno;
        bool busy = os_error == EADDRINUSE;
        if (options->fd)
            return fail_adopted(options->fd, os_error, err);
        mr_addr_port_text(&options->local, text);
        return mr_fail_peer(err, busy ? MR_ERR_BUSY : MR_ERR_SYSTEM, MR_FLOOR_IO, MR_PEER_ERRNO,
                            (uint32_t)os_error, "cannot listen on %s%s: %s", where,
                            !options->path && options->range_count ? " in the port ranges" : "",
                            strerror(os_error));
    }
    int r = mr_watch_add(listener->loop, fd, listener_ready, listener, &listener->watch);
    if (r != 0) {
        if (!options->fd)
            close(fd);
        mr_listener_deinit(listener);
        return mr_fail(err, r, MR_FLOOR_IO, MR_ERROR_NO_OFFSET, "the listener cannot be watched");
    }
    listener->local = mr_socket_local(fd);
    mr_watch_set(listener->watch, MR_READY_READ);
    return 0;
}
