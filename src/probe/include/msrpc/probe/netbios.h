/*
 * NetBIOS names as a stranger may ask for them: a name query by broadcast or at a name server
 * (WINS), the node status of a host, and a survey: one name under several suffixes, asked of every
 * server and on every link at once, with what the answers contradict. Answers come from inside
 * mr_loop_run. Questions leave from any port; nothing is registered.
 */
#ifndef MSRPC_PROBE_NETBIOS_H
#define MSRPC_PROBE_NETBIOS_H

#include <msrpc/diag.h>
#include <msrpc/io.h>
#include <msrpc/wire/nbt.h>

#define MR_NETBIOS_PER_TRY (250 * MR_MSEC) /* broadcast: BCAST_REQ_RETRY_TIMEOUT, RFC 1002 6 */
#define MR_NETBIOS_TRIES 3                 /* broadcast: BCAST_REQ_RETRY_COUNT */

/* ---- one question ---- */

enum mr_netbios_state {
    MR_NETBIOS_ASKING,
    MR_NETBIOS_ANSWERED,  /* addresses, or a node's names */
    MR_NETBIOS_NEGATIVE,  /* the server says no */
    MR_NETBIOS_REDIRECT,  /* the server names another one */
    MR_NETBIOS_SILENT,
    MR_NETBIOS_CLOSED,    /* ICMP: nothing listens on the port, or the host cannot be reached */
    MR_NETBIOS_LOCAL,     /* this machine cannot send there, or has no memory for an answer */
};
/* "answered", "negative", "redirect", "silent", "closed", "local", "asking". */
const char *mr_netbios_state_name(enum mr_netbios_state state);

typedef struct mr_netbios_reply mr_netbios_reply;
struct mr_netbios_reply {
    mr_addr sender;
    mr_nsec at;
    mr_nbt_answer answer; /* of a name query */
    mr_nbt_status status; /* of a node status query */
    mr_netbios_reply *next;
};

typedef struct mr_netbios_options {
    bool status;        /* ask for the node status instead of the name */
    bool broadcast;     /* @remote is a broadcast address: everybody on the link may answer */
    mr_addr remote;     /* port 0: 137 */
    mr_addr source;     /* zeroed: the system chooses */
    uint8_t name[MR_NBT_NAME]; /* of a name query */
    const char *scope;  /* NULL: none; *borrowed* */
    unsigned tries;     /* 0: 2, broadcast 3 */
    mr_nsec timeout;    /* for all tries together; 0: 3 s, broadcast 250 ms a try */
} mr_netbios_options;

typedef struct mr_netbios mr_netbios;
struct mr_netbios {
    mr_netbios_options options;
    enum mr_netbios_state state;
    mr_netbios_reply *replies; /* as they came, *in @arena*; of one sender the first */
    size_t reply_count;
    bool waits;          /* the server asked for patience (WACK) */
    unsigned sent;
    mr_error error;      /* why not: SILENT, CLOSED, LOCAL */
    mr_attempt attempt;  /* not of a broadcast */
    mr_nsec started, ended;
    /* private */
    mr_loop *loop;
    mr_arena *arena;
    void (*done)(void *user, mr_netbios *query);
    void *user;
    mr_datagram datagram;
    mr_udp udp;
    mr_timer timer;
    uint8_t room[320]; /* the question */
    size_t len;
};

/* Begins to ask; @done comes once, from the loop, and may deinitialise it. Answers go to @arena.
 * A broadcast ends when its time is over, so that every answer is there. MR_ERR_ARGUMENT: the
 * scope cannot be written; MR_ERR_SYSTEM, MR_ERR_MEMORY. */
int mr_netbios_start(mr_netbios *query, mr_loop *loop, mr_arena *arena,
                     const mr_netbios_options *options,
                     void (*done)(void *user, mr_netbios *query), void *user, mr_error *err);
/* Ends it without a callback. A zeroed query may be deinitialised. */
void mr_netbios_deinit(mr_netbios *query);

/* ---- a survey ---- */

#define MR_NETBIOS_SUFFIXES 16
#define MR_NETBIOS_SERVERS 16
#define MR_NETBIOS_LINKS 16
#define MR_NETBIOS_NODES 32 /* node status queries of one survey */

typedef struct mr_netbios_survey_options {
    uint8_t name[MR_NBT_NAME];  /* its suffix is ignored */
    bool has_name;              /* false: ask for the status of @node only */
    uint8_t suffixes[MR_NETBIOS_SUFFIXES];
    size_t suffix_count;
    mr_addr servers[MR_NETBIOS_SERVERS]; /* WINS */
    size_t server_count;
    mr_link links[MR_NETBIOS_LINKS];     /* where to broadcast; an address of none: any */
    size_t link_count;
    bool has_node;
    mr_addr node;
    bool status;                /* ask every address that is found for its node status */
    const char *scope;          /* *borrowed* */
    unsigned tries;             /* of a server or a node; 0: 2 */
    mr_nsec timeout;            /* likewise; 0: 3 s */
    bool aside;                 /* beside another way to resolve: silence is no fault */
} mr_netbios_survey_options;

typedef struct mr_netbios_survey mr_netbios_survey;
struct mr_netbios_survey {
    mr_netbios_survey_options options;
    mr_netbios *queries; /* suffix by suffix: the servers, then the links; *in @arena* */
    size_t query_count;
    mr_netbios *nodes;   /* node status queries, *in @arena* */
    size_t node_count;
    size_t open;         /* questions that are still out */
    /* private */
    mr_loop *loop;
    mr_arena *arena;
    void (*done)(void *user, mr_netbios_survey *survey);
    void *user;
};

enum { MR_NETBIOS_NOBODY = 1 };

/* Asks everybody at once; @done comes once. MR_NETBIOS_NOBODY: there is nobody to ask, and @done
 * does not come. Errors as mr_netbios_start; what cannot be sent is an outcome of its question. */
int mr_netbios_survey_start(mr_netbios_survey *survey, mr_loop *loop, mr_arena *arena,
                            const mr_netbios_survey_options *options,
                            void (*done)(void *user, mr_netbios_survey *survey), void *user,
                            mr_error *err);
void mr_netbios_survey_deinit(mr_netbios_survey *survey);
/* The addresses that answers gave for @suffix, each once, groups' placeholders left out; how many
 * were written to @addrs of @max. */
size_t mr_netbios_survey_get_addrs(const mr_netbios_survey *survey, uint8_t suffix, mr_addr *addrs,
                               size_t max);
/* The name that a node gives itself: its unique <00>, else the first unique one; "" for none. */
mr_slice mr_netbios_node_name(const mr_nbt_status *status);
/* The unit id of a node status is a hardware address. Zeros, which Samba and others send, are none,
 * and neither is what Samba's domain controller, known by a name of its own, leaves there. */
bool mr_netbios_has_mac(const mr_nbt_status *status);
/* An address of an answer that stands for a group and no host: 0.0.0.0 or 255.255.255.255. */
bool mr_netbios_is_placeholder(const mr_nbt_addr *addr);
/* A question whose failure says nothing: the survey is one beside another, or the name was found
 * elsewhere or under another suffix. A name server's silence is never so. */
bool mr_netbios_survey_is_aside(const mr_netbios_survey *survey, const mr_netbios *query);
/* Adds what a survey saw to @diag, as checks and facts. */
void mr_netbios_survey_add_facts(const mr_netbios_survey *survey, mr_diag *diag);

#endif
