/*
 * Streams: one reliable octet stream to a peer, whatever carries it. A stream is a stack of filters
 * chosen by one table keyed on the protocol sequence (C706 appendix I; MS-RPCE 2.1):
 * ncacn_ip_tcp is one filter over a socket, ncalrpc the same over a local one, others put TLS, HTTP
 * or SMB on top of it. Each filter
 * passes through what it does not change, and anybody may query the stack.
 *
 * Life of a stream: init, connect (or mr_stream_accept), event opened; then send and event
 * received; then event closed, or close by ourselves; deinit. After opened reported a failure or
 * closed was reported no further event comes (but drained, when the peer closed in order), and
 * queries still answer from what was last known.
 */
#ifndef MSRPC_IO_STREAM_H
#define MSRPC_IO_STREAM_H

#include <msrpc/io/addr.h>
#include <msrpc/io/loop.h>

typedef struct mr_stream mr_stream;
typedef struct mr_accepted mr_accepted;

/* Callbacks; drained and readable may be NULL. @err is borrowed and never NULL. */
typedef struct mr_stream_events {
    /* The outcome of connecting: 0, or MR_ERR_REFUSED (a reset), MR_ERR_UNREACHABLE (an ICMP
     * error), MR_ERR_TIMEOUT (silence), MR_ERR_SYSTEM (this machine would not send), or what a
     * filter above TCP found. mr_stream_get_attempt has the details. */
    void (*opened)(void *user, int result, const mr_error *err);
    /* Octets came; at least one. */
    void (*received)(void *user, mr_slice bytes);
    /* Everything sent so far has been handed to the operating system; only after a send that had
     * to queue. */
    void (*drained)(void *user);
    /* No more octets will come: 0 when the peer closed its side in order (we may still send),
     * MR_ERR_RESET, MR_ERR_TIMEOUT or MR_ERR_UNREACHABLE when the connection broke. */
    void (*closed)(void *user, int result, const mr_error *err);
    /* Something has come, octets or the end, and is not read yet: false leaves it where it is, to
     * be asked again or for mr_stream_receive. NULL: what comes is read. */
    bool (*readable)(void *user);
} mr_stream_events;

enum mr_stream_state {
    MR_STREAM_IDLE,
    MR_STREAM_CONNECTING,
    MR_STREAM_OPEN,
    MR_STREAM_PEER_CLOSED, /* the peer has closed its side; sending still works */
    MR_STREAM_CLOSED,
};

struct mr_stream {
    mr_loop *loop;
    const mr_stream_events *events; /* borrowed until deinit */
    void *user;
    enum mr_stream_state state;     /* read only */
    struct mr_filter *top;          /* private */
    size_t send_cap;                /* most octets queued for sending; 16 MiB after init */
};

typedef struct mr_connect_options {
    const char *path;   /* of ncalrpc: the server's local socket, and nothing else but the timeout;
                         * borrowed until the outcome */
    mr_addr remote;     /* address and port; of the server that the lowest filter connects to */
    mr_addr source;     /* local address and port; zeroed: the system chooses */
    mr_nsec timeout;    /* for the whole connect, retries included; 0: 3 s */
    unsigned tries;     /* SYNs wanted (TCP_SYNCNT); 0: 3. The kernel's own clock sends them, so the
                         * timeout may come first: mr_attempt.sent says how many went out */
} mr_connect_options;

/* Prepares a stream for @protseq ("ncacn_ip_tcp", "ncalrpc"). 0, MR_ERR_UNSUPPORTED or
 * MR_ERR_MEMORY. */
int mr_stream_init(mr_stream *stream, mr_loop *loop, const char *protseq,
                   const mr_stream_events *events, void *user, mr_error *err);
/* Closes it and frees what it holds. A zeroed stream may be deinitialised. */
void mr_stream_deinit(mr_stream *stream);

/* Begins to connect; @options is copied. The outcome always comes as the event opened, local
 * errors included; MR_ERR_STATE when the stream is not idle. */
int mr_stream_connect(mr_stream *stream, const mr_connect_options *options, mr_error *err);
/* Makes an idle stream the owner of an accepted connection, inside the listener's callback only.
 * The stream is open at once; there is no event opened. */
int mr_stream_accept(mr_stream *stream, mr_accepted *accepted, mr_error *err);

/* Sends @bytes (*borrows*, until return): what the kernel does not take at once is copied and sent
 * later. 0; MR_ERR_LIMIT when the queue would exceed send_cap (nothing is queued then);
 * MR_ERR_STATE when not open. A broken connection shows as the event closed. */
int mr_stream_send(mr_stream *stream, mr_slice bytes, mr_error *err);
/* As mr_stream_send, but *takes* the memory of @buf, which is left empty and initialised; nothing
 * is copied unless @buf writes into its caller's array. */
int mr_stream_send_buf(mr_stream *stream, mr_buf *buf, mr_error *err);
/* Octets queued here, which the kernel has not taken yet. */
size_t mr_stream_get_queued(const mr_stream *stream);
/* Stops or resumes the event received: back-pressure. A stream that does not read does not notice
 * an orderly close either. */
void mr_stream_set_reading(mr_stream *stream, bool reading);
/* Reads once, now, what has come, without asking readable; received or closed follow inside. */
void mr_stream_receive(mr_stream *stream);
/* Closes our side in order, after everything queued; receiving goes on. */
void mr_stream_shutdown(mr_stream *stream);
/* Closes both sides now, without an event; what is queued here is dropped, what the kernel has
 * taken is still sent. */
void mr_stream_close(mr_stream *stream);
/* Closes with a reset: no TIME_WAIT stays behind, a source port may be used again at once. */
void mr_stream_abort(mr_stream *stream);

/* What can be asked of a stack; the type of the answer in brackets. */
enum mr_query {
    MR_QUERY_LOCAL,    /* [mr_addr] */
    MR_QUERY_PEER,     /* [mr_addr] */
    MR_QUERY_ATTEMPT,  /* [mr_attempt] of the lowest filter's connect; none when accepted */
    MR_QUERY_TCP_INFO, /* [mr_tcp_info], fresh, or the last one after the connection ended */
    MR_QUERY_CHANNEL_BINDING, /* [mr_slice] tls-server-end-point or the like, RFC 5929 */
    MR_QUERY_CERTIFICATE,     /* [mr_slice] DER, of the peer */
    MR_QUERY_SESSION_KEY,     /* [mr_slice] key the transport lends to its upper protocols */
    MR_QUERY_IDENTITY,        /* [mr_slice] UTF-8 name of the authenticated transport user */
};

/* Asks the filters from the top; the first that knows answers into @outp (slices are borrowed
 * from the stream). 0, or MR_ERR_NOT_FOUND when no filter of the stack knows such a thing. */
int mr_stream_query(mr_stream *stream, enum mr_query query, void *outp);

int mr_stream_get_local(mr_stream *stream, mr_addr *addrp);
int mr_stream_get_peer(mr_stream *stream, mr_addr *addrp);
int mr_stream_get_attempt(mr_stream *stream, mr_attempt *attemptp);

/* What the kernel knows of a TCP connection (Linux TCP_INFO; RFC 4898 for the terms). */
typedef struct mr_tcp_info {
    mr_nsec at;              /* when it was read */
    const char *state;       /* "ESTABLISHED", "SYN-SENT", ... RFC 9293 3.3.2 */
    uint32_t retransmits;    /* timeouts in a row for the oldest unacknowledged segment */
    uint32_t total_retrans;  /* segments sent again over the connection's life */
    uint32_t unacked;        /* segments in flight */
    uint32_t not_sent;       /* octets in the kernel's queue, never sent yet */
    uint64_t bytes_sent;     /* payload, retransmissions included */
    uint64_t bytes_retrans;
    uint64_t bytes_acked;    /* counts the SYN and the FIN as one octet each */
    uint64_t bytes_received;
    uint32_t rtt_us;         /* smoothed round trip, microseconds */
    uint32_t rtt_var_us;
    uint32_t snd_mss;        /* octets */
    uint32_t rcv_mss;
    uint32_t pmtu;           /* octets */
    uint32_t last_data_sent_ms; /* milliseconds ago */
    uint32_t last_data_recv_ms;
    uint32_t last_ack_recv_ms;
    int icmp_error; /* errno of the last ICMP error that came for the open connection, 0 for none;
                     * it does not end the connection (RFC 1122 4.2.3.9) */
} mr_tcp_info;

/* A snapshot. 0, or MR_ERR_NOT_FOUND when the stack has no TCP or never had a connection. */
int mr_stream_get_tcp_info(mr_stream *stream, mr_tcp_info *infop);
/* Did the peer's TCP acknowledge everything that was handed to the kernel? "Never acknowledged" is
 * a firewall or a dead path, "acknowledged but unanswered" a service that hangs. */
bool mr_tcp_info_all_acked(const mr_tcp_info *info);

#endif
