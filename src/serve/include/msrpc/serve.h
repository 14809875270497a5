/*
 * The floor `serve`: bodies of interfaces that a server of ours offers: the endpoint mapper with
 * its registry, the management interface, and rpcecho to try things with.
 */
#ifndef MSRPC_SERVE_H
#define MSRPC_SERVE_H

#include <msrpc/rpc.h>

/*
 * The registry of the endpoint mapper: what is registered, in the order it was registered.
 */

#define MR_MAPPER_DB_MAX 65536     /* entries */
#define MR_MAPPER_ANNOTATION_MAX 63 /* octets (C706 appendix O) */

/* One registration. */
typedef struct mr_mapper_db_entry {
    mr_uuid object;         /* nil: none */
    mr_syntax interface;
    enum mr_protseq protseq;
    uint16_t port;          /* of TCP, UDP and HTTP */
    const char *endpoint;   /* of named pipes and local calls; else NULL */
    mr_addr host;           /* the IPv4 address that listens; any: the one the client asked */
    const char *annotation; /* may be NULL */
} mr_mapper_db_entry;

typedef struct mr_mapper_db {
    struct mr_mapper_db_row *rows; /* private */
    size_t count, size;
    uint64_t serial;               /* of the newest row */
    mr_arena arena;                /* texts */
    mr_uuid object;                /* ept_inq_object: which mapper this is */
} mr_mapper_db;

/* A question: zeroed, everything. It is its own cursor, so that rows may be added between pages. */
typedef struct mr_mapper_db_query {
    enum mr_inquiry inquiry;
    enum mr_vers_option vers;  /* 0: ALL; read when the inquiry is about an interface */
    mr_uuid object;
    mr_syntax interface;
    enum mr_protseq protseq;   /* UNKNOWN: any */
    uint64_t serial;           /* rows up to this one were given */
} mr_mapper_db_query;

/* Starts an empty registry. 0, or MR_ERR_SYSTEM without randomness. */
int mr_mapper_db_init(mr_mapper_db *db);
void mr_mapper_db_deinit(mr_mapper_db *db);
/* Registers a copy of @entry. 0, MR_ERR_ARGUMENT (what no tower can say, an annotation too long),
 * MR_ERR_LIMIT or MR_ERR_MEMORY. */
int mr_mapper_db_add(mr_mapper_db *db, const mr_mapper_db_entry *entry, mr_error *err);
/* The next entry that answers @query; NULL at the end. Holds until the next add. */
const mr_mapper_db_entry *mr_mapper_db_find(const mr_mapper_db *db, mr_mapper_db_query *query);

/*
 * Bodies. Each adds one interface to @endpoint; errors are those of mr_server_add_iface.
 */

/* epmapper over @db (borrowed). Over TCP nobody may change the registry. */
int mr_serve_add_mapper(mr_server_endpoint *endpoint, mr_mapper_db *db, mr_error *err);
/* mgmt: every endpoint has it. */
int mr_serve_add_mgmt(mr_server_endpoint *endpoint, mr_error *err);
/* rpcecho; @loop (borrowed) lets TestSleep sleep. */
int mr_serve_add_echo(mr_server_endpoint *endpoint, mr_loop *loop, mr_error *err);

#endif
