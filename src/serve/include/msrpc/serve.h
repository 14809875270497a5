/*
 * The floor `serve`: bodies of interfaces that a server of ours offers: the endpoint mapper with
 * its registry, the management interface, rpcecho to try things with, and mocks of any interface;
 * and who may log on.
 */
#ifndef MSRPC_SERVE_H
#define MSRPC_SERVE_H

#include <msrpc/auth.h>
#include <msrpc/rpc.h>

/*
 * The registry of the endpoint mapper. Rows are immutable and stand in the order they came in; each
 * holds its tower ready to be sent. A change makes the snapshot stale and the next question
 * publishes a new one, so that a burst of registrations costs one building; questions find rows in
 * the snapshot by interface or object and never walk the others. A registry belongs to one thread.
 */

#define MR_MAPPER_DB_MAX 65536      /* rows */
#define MR_MAPPER_ANNOTATION_MAX 63 /* octets without the NUL (C706 appendix O) */
#define MR_MAPPER_TOWER_MAX 1024    /* octets of a registered tower */

/* Who registered: a process of this machine. The caller keeps it as long as it has rows. */
typedef struct mr_mapper_owner {
    int32_t pid;
    uint32_t uid;
} mr_mapper_owner;

/* One registration by what it says. */
typedef struct mr_mapper_db_entry {
    mr_uuid object;         /* nil: none */
    mr_syntax interface;
    enum mr_protseq protseq;
    uint16_t port;          /* of TCP, UDP and HTTP */
    const char *endpoint;   /* of named pipes and local calls; else NULL */
    mr_addr host;           /* the IPv4 address that listens; any: the one the client asked */
    const char *annotation; /* may be NULL */
} mr_mapper_db_entry;

/* One registration by its tower, as ept_insert brings it; slices are borrowed until return. */
typedef struct mr_mapper_db_tower {
    mr_uuid object;
    mr_slice tower;
    mr_slice annotation; /* what is longer than MR_MAPPER_ANNOTATION_MAX is cut */
} mr_mapper_db_tower;

/* A row as it is found; read only. */
typedef struct mr_mapper_db_row {
    uint64_t serial;
    const mr_mapper_owner *owner; /* NULL: the mapper's own process */
    mr_uuid object;
    mr_syntax interface, transfer;
    enum mr_protseq protseq;
    uint16_t port;
    mr_slice tower;   /* the octets that were registered */
    mr_slice ndr64;   /* of an NDR20 tower: the same with transfer syntax NDR64; else empty */
    uint16_t host_at; /* offset of four octets 0.0.0.0, which stand for the address that the client
                       * asked; 0: the tower has none */
    const char *annotation;
} mr_mapper_db_row;

typedef struct mr_mapper_db {
    mr_mapper_db_row **rows;             /* private; by serial */
    size_t count, size;
    uint64_t serial;                     /* of the newest row */
    struct mr_mapper_snapshot *snapshot; /* private; NULL when stale */
    struct mr_mapper_memo *memo;         /* private; answers of the snapshot */
    struct mr_mapper_registration *registrations; /* private */
    mr_uuid object;                      /* ept_inq_object: which mapper this is */
} mr_mapper_db;

/* A question: zeroed, everything. It is its own cursor, so that rows may come and go between
 * pages. */
typedef struct mr_mapper_db_query {
    enum mr_inquiry inquiry;
    enum mr_vers_option vers;  /* 0: ALL; read when the inquiry is about an interface */
    mr_uuid object;
    mr_syntax interface;
    enum mr_protseq protseq;   /* UNKNOWN: any */
    bool ndr20, ndr64;         /* only rows that can be told with this transfer syntax */
    uint64_t serial;           /* rows up to this one were given */
} mr_mapper_db_query;

/* Starts an empty registry. 0, or MR_ERR_SYSTEM without randomness. */
int mr_mapper_db_init(mr_mapper_db *db);
void mr_mapper_db_deinit(mr_mapper_db *db);
/* Registers @entry for the mapper's own process. 0, MR_ERR_ARGUMENT (what no tower can say, an
 * annotation too long), MR_ERR_LIMIT or MR_ERR_MEMORY. */
int mr_mapper_db_add(mr_mapper_db *db, const mr_mapper_db_entry *entry, mr_error *err);
/* Registers @towers for @owner, all or none. A row of the same process with the same object and
 * tower is replaced; with @replace also those with the same object, interface, major version,
 * transfer syntax and protocol sequence. 0, MR_ERR_ARGUMENT (no tower, octets behind its last
 * floor, a protocol sequence nobody knows), MR_ERR_LIMIT or MR_ERR_MEMORY. */
int mr_mapper_db_insert(mr_mapper_db *db, const mr_mapper_owner *owner,
                        const mr_mapper_db_tower *towers, size_t count, bool replace,
                        mr_error *err);
/* Removes the rows with this tower and, unless @object is NULL, this object, of the process that
 * is @who, or with @any of whatever process but the mapper's own. The number of rows. */
size_t mr_mapper_db_remove(mr_mapper_db *db, const mr_mapper_owner *who, bool any,
                           const mr_uuid *object, mr_slice tower);
/* Removes everything that belongs to @owner, the very object. */
void mr_mapper_db_remove_owner(mr_mapper_db *db, const mr_mapper_owner *owner);
/* Publishes the snapshot if it is stale. 0 or MR_ERR_MEMORY: then the next question tries again. */
int mr_mapper_db_publish(mr_mapper_db *db);
/* The next row that answers @query; NULL at the end, or when nothing could be published. Holds
 * until the registry changes. */
const mr_mapper_db_row *mr_mapper_db_find(mr_mapper_db *db, mr_mapper_db_query *query);

/*
 * Bodies. Each adds one interface to @endpoint; errors are those of mr_server_add_iface.
 */

/* Who may ask the mapper: whoever asks has no binding to authenticate with yet. */
#define MR_SERVE_MAPPER_ACCESS ((mr_server_access){.anonymous = true})
/* epmapper over @db (borrowed). On a local socket processes of root's or of our own user may change
 * the registry; over TCP nobody may. */
int mr_serve_add_mapper(mr_server_endpoint *endpoint, mr_mapper_db *db, mr_error *err);
/* mgmt: every endpoint has it. */
int mr_serve_add_mgmt(mr_server_endpoint *endpoint, mr_error *err);
/* rpcecho; @loop (borrowed) lets TestSleep sleep. */
int mr_serve_add_echo(mr_server_endpoint *endpoint, mr_loop *loop, mr_error *err);

/*
 * A mock: any compiled interface, answered from values.
 */

/* A method of a mock. */
struct mr_mock_method {
    const mr_token *reply; /* the next one; NULL: the fault of the mock */
    bool in_turn;          /* of a list: the next sibling follows, the last one stays */
};

typedef struct mr_mock {
    const mr_iface *iface;
    mr_server_row *rows;   /* of every compiled method */
    size_t row_count;
    mr_arena arena;        /* of the replies */
    struct mr_mock_method *methods; /* by opnum */
    uint32_t fault;        /* of methods without a reply; 0: they are not there */
    /* Told of every call before it is answered, NULL: nobody is; the caller sets both. @call has
     * the [in] parameters; @status is the fault it is answered with, 0: none; where that is because
     * the reply does not fit the call's own sizes, @err says how. */
    void (*seen)(void *user, const mr_server_call *call, uint32_t status, const mr_error *err);
    void *user;
} mr_mock;

/* Makes a mock of @iface (borrowed). @replies is an object: a method's name or opnum leads to an
 * object of its [out] parameters and result as mr_ndr_print prints them, a fault status (number,
 * "0x.." or symbol), or an array of these, which are given in turn. @fallback (may be NULL) is the
 * fault status of other methods; without it they are nca_s_op_rng_error, not executed. Both trees
 * are *borrowed*. Every reply is tried. Errors: MR_ERR_NOT_FOUND (no such method), MR_ERR_ARGUMENT,
 * MR_ERR_SYNTAX, MR_ERR_RANGE, MR_ERR_MEMORY, with the place in the text:
 * "replies.Method: member: ...". */
int mr_mock_init(mr_mock *mock, const mr_iface *iface, const mr_token *replies,
                 const mr_token *fallback, mr_error *err);
/* Gives @mock, which may be on offer and have calls in progress, the replies of @with, a mock of
 * the same interface, which is deinitialised. */
void mr_mock_take(mr_mock *mock, mr_mock *with);
void mr_mock_deinit(mr_mock *mock);
/* Offers it at @endpoint; @mock is *borrowed* until the server is freed. */
int mr_serve_add_mock(mr_server_endpoint *endpoint, mr_mock *mock, mr_error *err);

/*
 * Accounts by whose passwords clients may log on. Their secrets are wiped when they go. Once read
 * they may be asked from any thread.
 */
#define MR_ACCOUNTS_MAX 4096

typedef struct mr_accounts mr_accounts;

/* Starts with none; 0 or MR_ERR_MEMORY. */
int mr_accounts_new(mr_accounts **accountsp, mr_error *err);
/* NULL is allowed. */
void mr_accounts_free(mr_accounts *accounts);
/* Takes the accounts of @text in place of those there are, or none of them: a line each,
 * "DOMAIN\user:SECRET", "user@domain:SECRET" or "user:SECRET", which is that user of any domain.
 * SECRET is an NT hash if it has 32 hexadecimal digits, else a password; it reaches to the end of
 * the line. Empty lines and those that begin with a # say nothing. Returns 0, MR_ERR_MEMORY,
 * MR_ERR_LIMIT or MR_ERR_SYNTAX, with "@source:LINE:COLUMN: ..." in @err, never a secret. */
int mr_accounts_read(mr_accounts *accounts, mr_slice text, const char *source, mr_error *err);
size_t mr_accounts_count(const mr_accounts *accounts);
/* The first account that a client means by these names (UTF-16, as in mr_ntlm_attempt), and its NT
 * hash; *@rowp is *borrowed* from @accounts. 0, MR_ERR_NOT_FOUND, MR_ERR_MEMORY. */
int mr_accounts_find_row(const mr_accounts *accounts, mr_slice account, mr_slice domain,
                         uint8_t nt_hashp[MR_NT_HASH_SIZE], const mr_identity **rowp,
                         mr_error *err);
/* The same as an mr_ntlm_find; @user is an mr_accounts. */
int mr_accounts_find(void *user, mr_slice account, mr_slice domain,
                     uint8_t nt_hashp[MR_NT_HASH_SIZE], mr_error *err);

/* The account of the machine @computer, which is "@computer$" of whatever domain, *borrowed*; NULL
 * without one. */
const mr_identity *mr_accounts_get_machine(const mr_accounts *accounts, const char *computer);
/* The NT hash of that account; 0 or MR_ERR_NOT_FOUND. */
int mr_accounts_find_machine(const mr_accounts *accounts, const char *computer,
                             uint8_t nt_hashp[MR_NT_HASH_SIZE]);
/* Whether any account is a machine's. */
bool mr_accounts_have_machine(const mr_accounts *accounts);

/*
 * Netlogon's secure channels (MS-NRPC 3.5): machines prove their password by the netlogon interface
 * and are known by its key from then on, on whatever connection. They belong to the loop's thread.
 */
typedef struct mr_channels mr_channels;

/* Who sets up a channel is nobody yet. */
#define MR_SERVE_NETLOGON_ACCESS ((mr_server_access){.anonymous = true})

/* Starts with none, and no accounts; 0 or MR_ERR_MEMORY. */
int mr_channels_new(mr_channels **channelsp, mr_error *err);
/* Wipes the keys. NULL is allowed. */
void mr_channels_free(mr_channels *channels);
/* Whose machines may come from now on (*borrowed*, NULL: none). Channels of machines that are gone,
 * or have another password now, are forgotten. */
void mr_channels_set_accounts(mr_channels *channels, const mr_accounts *accounts);
/* An mr_netlogon_find; @user is an mr_channels. */
int mr_channels_find(void *user, mr_slice domain, mr_slice computer, mr_netlogon_key *keyp,
                     mr_error *err);
/* netlogon over @channels (borrowed): NetrServerReqChallenge, NetrServerAuthenticate2 and 3, and
 * NetrLogonGetCapabilities; its other calls are not there. */
int mr_serve_add_netlogon(mr_server_endpoint *endpoint, mr_channels *channels, mr_error *err);

/*
 * The gate: acceptors for what clients may log on by. A key table makes Kerberos, accounts make
 * NTLM, and whatever there is can be negotiated (SPNEGO), Kerberos first if the client likes it.
 * Accounts of machines make secure channels, which must be sealed.
 */
typedef struct mr_gate mr_gate;

typedef struct mr_gate_options {
    mr_accounts *accounts; /* *takes* them, unless it fails; NULL: no NTLM */
    bool winbind;          /* NTLM is judged by winbindd in place of accounts */
    const char *keytab;    /* "FILE:/etc/krb5.keytab", read at every logon; NULL: no Kerberos */
    mr_ntlm_names names;   /* what the server calls itself; needed for accounts */
    mr_channels *channels; /* *borrowed* as long as there are logons; NULL: no secure channels */
} mr_gate_options;

/* The texts are copied. 0, MR_ERR_MEMORY, what mr_krb5_new says of a key table without a key; of
 * winbind MR_ERR_UNSUPPORTED without its library, MR_ERR_NOT_FOUND when it does not answer. */
int mr_gate_new(const mr_gate_options *options, mr_gate **gatep, mr_error *err);
/* Once no server's options have its acceptors; logons under way end as they were begun. NULL is
 * allowed. */
void mr_gate_free(mr_gate *gate);
/* Its accounts, *borrowed*; NULL without. */
const mr_accounts *mr_gate_get_accounts(const mr_gate *gate);
/* For mr_server_options; *borrowed*, none without accounts and key table. */
const mr_server_acceptor *mr_gate_get_acceptors(const mr_gate *gate, size_t *countp);

#endif
