/*
 * The endpoint mapper as its clients see it (C706 appendix O, MS-RPCE 2.2.1.2, 3.3.2.4): mapping
 * one interface to an endpoint, and reading everything that is registered, page by page.
 *
 * Servers end a lookup in two ways: with the last entries and status 0x16c9a0d6 and a null handle,
 * or with status 0 and a live handle that the next question ends. Both are read. A handle that is
 * left over is freed on the server without anybody waiting for the answer.
 */
#ifndef MSRPC_RPC_MAPPER_H
#define MSRPC_RPC_MAPPER_H

#include <msrpc/rpc/client.h>
#include <msrpc/rpc/server.h>

#define MR_MAPPER_PORT 135
#define MR_MAPPER_SOCKET "/run/msrpc/epmapper.sock" /* of this machine's mapper */
#define MR_MAPPER_PAGE 500          /* entries asked for at once: the most MS-RPCE allows */
#define MR_MAPPER_ENTRIES_MAX 65536 /* a mapper that never ends is cut off here */

/* ept_s_not_registered (C706 appendix O): nothing (more) is registered. */
#define MR_EPT_NOT_REGISTERED 0x16c9a0d6u
#define MR_EPT_CANT_PERFORM 0x16c9a0cdu

/* inquiry_type of ept_lookup */
enum mr_inquiry { MR_INQUIRY_ALL, MR_INQUIRY_IFACE, MR_INQUIRY_OBJECT, MR_INQUIRY_BOTH };
/* vers_option of ept_lookup */
enum mr_vers_option {
    MR_VERS_ALL = 1,
    MR_VERS_COMPATIBLE = 2,
    MR_VERS_EXACT = 3,
    MR_VERS_MAJOR_ONLY = 4,
    MR_VERS_UPTO = 5,
};

/* One registration. Slices are in the mapper's arena. */
typedef struct mr_mapper_entry {
    mr_uuid object;
    mr_syntax interface;
    mr_syntax transfer;
    enum mr_protseq protseq;
    mr_slice protseq_text;  /* "ncacn_ip_tcp" */
    mr_slice host;          /* of the tower as text; the asked host where the tower says 0.0.0.0
                             * or nothing */
    bool host_substituted;
    mr_slice endpoint;      /* "49664", "\pipe\lsass" */
    uint16_t port;          /* 0 when the endpoint is none */
    mr_slice annotation;    /* as it came, without its NUL */
    mr_slice tower;         /* the octets */
    bool tower_bad;         /* the octets are no tower: only object, annotation, tower are set */
} mr_mapper_entry;

typedef struct mr_mapper mr_mapper;
struct mr_mapper {
    mr_client *client;
    mr_slice host;           /* in @arena: what stands for 0.0.0.0 */
    mr_arena arena;          /* entries */
    mr_mapper_entry *entries;
    size_t count;
    uint32_t status;         /* of the last answer */
    unsigned calls;          /* lookups or maps that were answered */
    bool cut;                /* ended at MR_MAPPER_ENTRIES_MAX */
    uint32_t fault;          /* with MR_ERR_FAULT */
    void (*done)(void *user, mr_mapper *mapper, int result, const mr_error *err);
    void *user;
    struct mr_mapper_state *state; /* private */
};

/* What to read: zeroed, everything. */
typedef struct mr_mapper_query {
    enum mr_inquiry inquiry;
    mr_syntax interface;
    mr_uuid object;
    enum mr_vers_option vers; /* 0: ALL */
    uint32_t page;            /* 0: MR_MAPPER_PAGE */
} mr_mapper_query;

/* Prepares a mapper on @client (borrowed), which is connected and bound to epmapper by then; @host
 * is copied. */
int mr_mapper_init(mr_mapper *mapper, mr_client *client, mr_slice host, mr_error *err);
void mr_mapper_deinit(mr_mapper *mapper);

/* Each question forgets what the one before found; one still open is dropped untold. */

/* Reads all pages (ept_lookup); mapper->done tells the outcome: 0 with the entries;
 * MR_ERR_NOT_REGISTERED never: nothing found is 0 entries; MR_ERR_FAULT; MR_ERR_PROTOCOL with
 * mapper->status when it ended with another status; what came before an error stays. */
int mr_mapper_lookup(mr_mapper *mapper, const mr_mapper_query *query, mr_error *err);
/* Asks for the endpoints of one interface over @protseq (ept_map) with transfer syntax NDR20;
 * mapper->done: 0 with at least one entry, MR_ERR_NOT_REGISTERED, MR_ERR_FAULT, MR_ERR_PROTOCOL. */
int mr_mapper_map(mr_mapper *mapper, const mr_syntax *interface, const mr_uuid *object,
                  enum mr_protseq protseq, mr_error *err);

/* Starts one of the two and runs the loop until its outcome. */
int mr_mapper_lookup_run(mr_mapper *mapper, const mr_mapper_query *query, mr_error *err);
int mr_mapper_map_run(mr_mapper *mapper, const mr_syntax *interface, const mr_uuid *object,
                      enum mr_protseq protseq, mr_error *err);

/* Asks the mapper at @mapper (port included) where @interface listens over TCP, and runs the loop
 * until that is known: *@remotep is the address of @mapper with the port, as Windows' clients take
 * it. What mr_client_open and mr_mapper_map give. */
int mr_mapper_find_run(mr_loop *loop, const mr_addr *mapper, const mr_syntax *interface,
                       mr_addr *remotep, mr_error *err);

/*
 * Registering a server with the mapper of its own machine, over the mapper's local socket: whoever
 * runs as root or as the mapper's user may. A connection is kept open; when it ends, with the
 * process or without, the mapper forgets the entries at once. A mapper that restarts is told again.
 */
typedef struct mr_registration mr_registration;

typedef struct mr_register_options {
    const char *socket;     /* the mapper's; NULL: MR_MAPPER_SOCKET */
    const char *annotation; /* at most 63 octets; may be NULL */
    const mr_uuid *objects; /* one entry for each; none: the nil object */
    size_t object_count;
    mr_nsec retry;          /* between attempts while there is no mapper; 0: 1 s */
    /* The entries are registered (0), or are not (any more); told when it changes, and of the first
     * attempt however it ends. May be NULL; may unregister. */
    void (*changed)(void *user, mr_registration *registration, int result, const mr_error *err);
    void *user;
} mr_register_options;

/* Registers what @server (borrowed until unregistered, as its loop) offers, each interface but mgmt
 * and the mapper's own at each endpoint; what is added to the server later is told at the next
 * registering. @options is copied with all it points to. The outcome comes as options->changed; 0
 * here means that it is being tried, for ever. MR_ERR_ARGUMENT (the annotation), MR_ERR_MEMORY. */
int mr_mapper_register(mr_server *server, const mr_register_options *options,
                       mr_registration **registrationp, mr_error *err);
/* The same, and runs the loop until the first outcome, which is not told to options->changed; an
 * error ends it. */
int mr_mapper_register_run(mr_server *server, const mr_register_options *options,
                           mr_registration **registrationp, mr_error *err);
/* Withdraws the entries and ends it. NULL is allowed. */
void mr_mapper_unregister(mr_registration *registration);

#endif
