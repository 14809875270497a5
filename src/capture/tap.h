/*
 * Taps: the machines that read what flows deliver and put observations (seen.h) into a batch. A tap
 * serves one connection; which one, the first octets of either side and the ports decide, once. The
 * table of classes is in tap.c; a class is one file, tap_NAME.c. Datagrams have no machine: a
 * function per service takes each one.
 *
 * A tap never judges and never keeps octets longer than it must. It may be fed in any portions;
 * gaps come between them. Everything it adds to the batch lives *in the arena* of the batch
 * (mr_tap_text, mr_tap_alloc). Nothing is shared between shards.
 */
#ifndef MSRPC_CAPTURE_TAP_H
#define MSRPC_CAPTURE_TAP_H

#include <msrpc/capture/analyse.h>

typedef struct mr_tap mr_tap;
typedef struct mr_tap_ctx mr_tap_ctx;

/* What all taps of a shard share. */
struct mr_tap_ctx {
    mr_seen_batch *batch;    /* where observations go */
    mr_totals *totals;       /* what is counted, of this shard */
    uint16_t file;           /* of the packet at hand */
    uint64_t order;          /* of the packet at hand, over all files, from 1 */
    mr_flows *flows;
    bool stubs;              /* somebody wants stub data: MR_SEEN_STUB */
    const mr_watch *watch;   /* who has keys; NULL: nobody */
    mr_arena scratch;        /* for one observation; reset by whoever uses it */
    mr_event *ring;          /* room for the events of an association, all use the same */
    struct mr_call *spare;   /* for the calls of associations, likewise */
    struct rpc_call *calls;  /* room for one call of tap_rpc_call.c that nobody uses; NULL: none */
    int failed;              /* MR_ERR_MEMORY, sticky: no memory for a record */
    int (*more)(mr_tap_ctx *ctx); /* private: a flow's records are complete */
    void *owner;             /* private */
    struct mr_tap_net *net;  /* private to tap_net.h */
};

/* How a stream begins, judged. */
enum mr_tap_verdict {
    MR_TAP_NO,
    MR_TAP_MORE, /* not enough octets to say */
    MR_TAP_YES,
};

/* The first octets of one direction. In the midst of a stream @head is where a segment begins. */
typedef struct mr_tap_head {
    mr_slice head;
    enum mr_dir dir;        /* as the flow sees it, which may be @turned */
    uint16_t client_port;
    uint16_t server_port;
    bool midstream;         /* the stream's true beginning was not captured */
    bool last;              /* no more octets will come */
} mr_tap_head;

typedef struct mr_tap_class {
    const char *name;
    uint16_t service;       /* enum mr_seen_service */
    size_t size;            /* of the tap's own struct, whose first member is an mr_tap */
    /* Whether the stream is one of this class. Sets *@turnedp when the octets show that the sides
     * are the other way round. */
    enum mr_tap_verdict (*recognise)(const mr_tap_head *head, bool *turnedp);
    /* The rest of the struct is zeroed. 0 or MR_ERR_MEMORY. May be NULL. */
    int (*init)(mr_tap *tap);
    /* The next octets of a direction. 0, MR_FLOW_IGNORE (no interest in the rest of the
     * direction) or MR_ERR_MEMORY. */
    int (*feed)(mr_tap *tap, enum mr_dir dir, mr_slice octets, const mr_flow_at *at);
    /* @len octets are missing. The same results. */
    int (*gap)(mr_tap *tap, enum mr_dir dir, uint64_t len, const mr_flow_at *at);
    /* The connection is over; fills what it knows of @endp. May be NULL. */
    int (*end)(mr_tap *tap, const mr_flow_seen *seen, mr_seen_end *endp);
    /* May be NULL. */
    void (*deinit)(mr_tap *tap);
} mr_tap_class;

/* One connection, or one stream inside it (a pipe, a tunnel): the beginning of every tap. */
struct mr_tap {
    const mr_tap_class *class;
    mr_tap_ctx *ctx;
    mr_flow *flow;
    uint64_t id;            /* mr_seen.flow of its records */
    const char *pipe;       /* via PIPE: *borrowed* from the tap around it */
    enum mr_seen_via via;   /* of its records */
    uint8_t offered;        /* private to tap_token.c: enum mr_auth_type that SPNEGO began with */
};

/* ---- for taps ---- */

/* A record of @kind with everything but its union, at the end of the batch, where it stays until
 * the next one is added; NULL when memory is out (ctx->failed). @packet and @time are those of what
 * it tells. */
mr_seen *mr_tap_add(mr_tap *tap, enum mr_seen_kind kind, enum mr_dir dir, uint64_t packet,
                    mr_nsec time);
/* The same for a datagram: its client is the sender. */
mr_seen *mr_tap_add_datagram(mr_tap_ctx *ctx, enum mr_seen_kind kind, const mr_segment *segment);
/* Texts and lists of records, in the batch's arena. mr_tap_text makes a copy in which what is not
 * printable UTF-8 is replaced; never NULL ("" when memory is out). mr_tap_alloc may give NULL. */
const char *mr_tap_text(mr_tap_ctx *ctx, mr_slice text);
void *mr_tap_alloc(mr_tap_ctx *ctx, size_t count, size_t size);
/* A copy of @text that is a C string already; NULL gives NULL. */
const char *mr_tap_str(mr_tap_ctx *ctx, const char *text);

/* The tap that a stream inside another one needs: class->init is called. NULL without memory.
 * Freed by mr_tap_free. */
mr_tap *mr_tap_new(const mr_tap_class *class, const mr_tap *outer, enum mr_seen_via via,
                   const char *pipe);
void mr_tap_free(mr_tap *tap);

/* A security token of @auth_type (enum mr_auth_type) on its way @dir, wherever it travelled:
 * reads NTLM, SPNEGO and Kerberos and adds their records. 0 or MR_ERR_MEMORY. */
int mr_tap_token(mr_tap *tap, enum mr_dir dir, uint8_t auth_type, mr_slice token,
                 uint64_t packet, mr_nsec time);

/* ---- classes ---- */

/* DCE/RPC over TCP, and inside pipes and tunnels (mr_tap_new). */
extern const mr_tap_class mr_tap_rpc;
extern const mr_tap_class mr_tap_smb;
extern const mr_tap_class mr_tap_names; /* DNS and LLMNR over TCP */
extern const mr_tap_class mr_tap_krb;
extern const mr_tap_class mr_tap_tls;
extern const mr_tap_class mr_tap_http; /* with RPC over HTTP, and port 593 */

/* Datagrams and what else is no TCP; adds records. 0 or MR_ERR_MEMORY. */
int mr_tap_datagram(mr_tap_ctx *ctx, const mr_segment *segment);

/* ---- the shard's sink ---- */

/* Flows with taps on them: what mr_flows_init is given. */
void mr_tap_sink(mr_tap_ctx *ctx, mr_flow_sink *sinkp);
/* Frees what the taps of datagrams, names, Kerberos and HTTP share. */
void mr_tap_net_free(mr_tap_ctx *ctx);
/* What taps share: 0 or MR_ERR_MEMORY. The members above are the caller's to set afterwards. */
int mr_tap_ctx_init(mr_tap_ctx *ctx);
void mr_tap_ctx_deinit(mr_tap_ctx *ctx);

#endif
