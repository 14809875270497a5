/*
 * Listeners: TCP over IPv4 and IPv6 (the dynamic port ranges of MS-RPCE servers included), and
 * local sockets (unix(7)).
 */
#ifndef MSRPC_IO_LISTENER_H
#define MSRPC_IO_LISTENER_H

#include <msrpc/base/ranges.h>
#include <msrpc/io/addr.h>
#include <msrpc/io/loop.h>

typedef struct mr_listener mr_listener;

/* A connection that nobody owns yet; hand it to mr_stream_accept inside the callback, or leave it
 * and it is closed. */
typedef struct mr_accepted {
    mr_addr peer;
    mr_addr local;
    mr_credentials cred; /* of a local peer */
    int fd; /* private */
} mr_accepted;

typedef struct mr_listener_events {
    void (*accepted)(void *user, mr_accepted *accepted);
    /* The system is out of descriptors or memory; the listener rests for 100 ms and goes on. May
     * be NULL. */
    void (*failed)(void *user, const mr_error *err);
} mr_listener_events;

struct mr_listener {
    mr_loop *loop;
    const mr_listener_events *events; /* borrowed until deinit */
    void *user;
    mr_addr local;   /* where it listens, once open: the port is the bound one */
    char path[MR_LOCAL_PATH_MAX + 1]; /* of a local socket */
    mr_timer rest;   /* private */
    struct mr_watch *watch;
    int lock;        /* of @path */
};

typedef struct mr_listen_options {
    int fd;              /* a socket that listens already, TCP or local, instead of everything
                          * below; *taken* on success; 0: none */
    const char *path;    /* a local socket with this path instead of everything below but backlog;
                          * borrowed until return */
    unsigned mode;       /* of its file; 0: 0600 */
    mr_addr local;       /* address and port; port 0 with no ranges: the system chooses */
    const mr_port_range *ranges; /* when given, tried in order instead of local.port */
    size_t range_count;
    uint16_t start;      /* try this port of the ranges first, then the rest; 0: from the front */
    int backlog;         /* 0: 1024 */
    bool dual_stack;     /* a listener on :: takes IPv4 too; peers are shown as IPv4 */
    bool reuse_port;     /* several listeners share the port (one per thread) */
} mr_listen_options;

void mr_listener_init(mr_listener *listener, mr_loop *loop, const mr_listener_events *events,
                      void *user);
/* Binds and listens. Ports in use or forbidden are skipped within the ranges. The socket's file of
 * a process that died is replaced; "PATH.lock" tells whether it did, and stays behind. 0;
 * MR_ERR_ARGUMENT when options->fd does not listen; MR_ERR_BUSY when every port is in use, or a
 * process listens on the path; MR_ERR_SYSTEM with the errno. */
int mr_listener_open(mr_listener *listener, const mr_listen_options *options, mr_error *err);
/* Stops listening and removes the file of a local socket; accepted connections live on. A
 * zeroed listener may be deinitialised. */
void mr_listener_deinit(mr_listener *listener);

#endif
