/*
 * Events: what an association tells, one tagged struct for live callers, diagnosis and trace. The
 * common part says where on the wire and when; the union says what. Slices and pointers inside an
 * event *borrow* from the bytes fed or from the association and hold until the next
 * mr_assoc_feed on it (feed refuses to run while events wait, so an event never dangles before it
 * was pulled).
 */
#ifndef MSRPC_ENGINE_EVENT_H
#define MSRPC_ENGINE_EVENT_H

#include <msrpc/base/result.h>
#include <msrpc/base/slice.h>
#include <msrpc/base/time.h>
#include <msrpc/engine/security.h>

enum mr_event_kind {
    MR_EVENT_BIND,         /* server, tap: contexts asked for; a server answers with
                            * mr_assoc_accept or mr_assoc_reject before anything else is read */
    MR_EVENT_BIND_ACK,     /* client, tap */
    MR_EVENT_BIND_NAK,     /* client, tap; ends a client's association */
    MR_EVENT_ALTER,        /* server, tap: as BIND, on a bound association */
    MR_EVENT_ALTER_RESP,   /* client, tap */
    MR_EVENT_AUTH3,        /* server, tap */
    MR_EVENT_READY,        /* client: calls may begin; server: the security context is complete */
    MR_EVENT_AUTH_PENDING, /* a security step waits: call mr_assoc_resume when it can go on */
    MR_EVENT_REQUEST,      /* server, tap: a stub chunk */
    MR_EVENT_RESPONSE,     /* client, tap: a stub chunk */
    MR_EVENT_FAULT,        /* client, tap: ends the call */
    MR_EVENT_CANCEL,       /* server, tap */
    MR_EVENT_ORPHANED,     /* server, tap: the client waits no longer */
    MR_EVENT_SHUTDOWN,     /* client, tap: the server asks for the connection to be closed */
    MR_EVENT_SENT,         /* client, server: a call's chunk was pulled to its last octet; its
                            * bytes may be freed */
    MR_EVENT_OTHER,        /* tap: a PDU of another type (RTS, connectionless types), passed over */
    MR_EVENT_GAP,          /* tap: octets are missing from the capture */
    MR_EVENT_RESYNC,       /* tap: octets were passed over until a plausible header came */
    MR_EVENT_FOREIGN,      /* the peer does not speak DCE/RPC */
    MR_EVENT_TIMEOUT,      /* a deadline passed */
    MR_EVENT_ERROR,        /* a fatal error (tap: damage, and the search for the next header) */
};

/* The result of a context that was asked for and is not answered yet. */
#define MR_CONTEXT_ASKED 0xffff

/* A presentation context as an event shows it. */
typedef struct mr_event_context {
    uint16_t id;
    uint16_t result;          /* enum mr_context_result */
    uint16_t reason;          /* enum mr_context_reason, or the feature bits of NEGOTIATE_ACK */
    bool features;            /* no interface: the bind-time feature negotiation pseudo context */
    bool known;               /* @abstract is known (a tap may have missed the bind) */
    mr_syntax abstract;
    mr_syntax transfer;       /* accepted transfer syntax; nil when not accepted */
    const mr_syntax *proposed; /* BIND and ALTER only */
    uint8_t proposed_count;
} mr_event_context;

/* The sec_trailer of a PDU (MS-RPCE 2.2.2.11). */
typedef struct mr_event_auth {
    bool present;
    bool verified;   /* a provider checked the verifier of this fragment */
    uint8_t type;
    uint8_t level;
    uint8_t pad;     /* octets of padding before the trailer */
    uint32_t id;     /* auth_context_id */
    mr_slice value;  /* auth_value: the token, or the verifier */
} mr_event_auth;

/* BIND, ALTER, BIND_ACK and ALTER_RESP. */
typedef struct mr_event_bind {
    uint16_t max_xmit; /* octets, of the PDU's sender */
    uint16_t max_recv;
    uint32_t assoc_group;
    mr_slice sec_addr; /* BIND_ACK: secondary address without its NUL */
    const mr_event_context *contexts;
    uint16_t count;
    uint16_t features;   /* asked (BIND) or granted (BIND_ACK) bind-time feature bits */
    bool multiplex;      /* PFC_CONC_MPX */
    bool header_sign;    /* PFC_SUPPORT_HEADER_SIGN */
} mr_event_bind;

#define MR_EVENT_NAK_VERSIONS 8

typedef struct mr_event_nak {
    uint16_t reason; /* p_reject_reason_t, C706 12.6.3.1; MS-RPCE 2.2.2.5 */
    uint8_t version_count;
    struct { uint8_t major, minor; } versions[MR_EVENT_NAK_VERSIONS]; /* supported ones */
    mr_slice eerr;   /* pickled extended error information (MS-EERR), empty when there is none */
} mr_event_nak;

/* REQUEST, RESPONSE, FAULT: which call. */
typedef struct mr_event_call {
    uint32_t id;
    uint16_t context;
    uint16_t opnum;     /* of the request, also in events of its response */
    bool known;         /* the request of this response was seen (always so but in a tap) */
    bool has_object;
    bool maybe;         /* PFC_MAYBE: no reply may be sent */
    mr_uuid object;
    mr_nsec started;    /* when the first fragment of the request was fed or pulled */
} mr_event_call;

typedef struct mr_event_chunk {
    mr_event_call call;
    bool first;
    bool last;
    bool damaged;        /* octets before this chunk are missing (tap) */
    bool sealed;         /* still encrypted: a tap without a provider that could open it */
    bool pending_cancel; /* REQUEST: the client cancelled before it sent the first fragment */
    uint8_t cancel_count; /* RESPONSE */
    uint32_t alloc_hint; /* a hint only: octets the sender thinks are still to come; 0 = none */
    uint64_t at;         /* offset of @bytes in the stub */
    mr_slice bytes;
} mr_event_chunk;

typedef struct mr_event_fault {
    mr_event_call call;
    uint32_t status;       /* C706 appendix E or a Win32 code */
    uint8_t cancel_count;
    bool did_not_execute;  /* PFC_DID_NOT_EXECUTE: the call may be repeated safely */
    mr_slice eerr;         /* extended error information, empty when there is none */
} mr_event_fault;

/* What speaks instead of DCE/RPC. */
enum mr_foreign {
    MR_FOREIGN_UNKNOWN,
    MR_FOREIGN_HTTP,
    MR_FOREIGN_TLS,
    MR_FOREIGN_SMB,      /* SMB1, SMB2 or the NetBIOS session service */
    MR_FOREIGN_SSH,
    MR_FOREIGN_LDAP,
};

#define MR_EVENT_FOREIGN_LEN 16

typedef struct mr_event_foreign {
    enum mr_foreign guess;
    uint8_t len;
    uint8_t bytes[MR_EVENT_FOREIGN_LEN]; /* the first octets of the stream */
} mr_event_foreign;

enum mr_deadline {
    MR_DEADLINE_BIND, /* the answer to a bind or alter_context; fatal to the association */
    MR_DEADLINE_CALL, /* an answer while calls are in flight; the caller decides */
};

typedef struct mr_event {
    enum mr_event_kind kind;
    enum mr_dir dir;    /* the way the PDU travelled */
    mr_nsec time;       /* the @now of the feed that completed it */
    mr_nsec time_first; /* the @now of the feed that brought its first octet */
    uint64_t offset;    /* of the PDU's first octet in the stream of its direction */
    uint32_t size;      /* octets of the PDU on the wire; 0 for an event without a PDU */
    /* the common header (C706 12.6.3.1); meaningful when size > 0 */
    uint8_t ptype;
    uint8_t flags;
    uint8_t vers_minor;
    bool big;           /* the sender's integers are big-endian */
    uint32_t call_id;
    mr_event_auth auth;
    mr_slice pdu;       /* the PDU as it came */
    union {
        mr_event_bind bind;      /* BIND, BIND_ACK, ALTER, ALTER_RESP */
        mr_event_nak nak;        /* BIND_NAK */
        mr_event_chunk chunk;    /* REQUEST, RESPONSE */
        mr_event_fault fault;    /* FAULT */
        mr_event_call call;      /* CANCEL, ORPHANED, SENT */
        mr_event_auth ready;     /* READY: type, level and id; present is false if anonymous */
        struct { uint64_t missing; } gap;       /* GAP: octets */
        struct { uint64_t skipped; } resync;    /* RESYNC: octets passed over */
        mr_event_foreign foreign;               /* FOREIGN */
        struct { enum mr_deadline what; } timeout; /* TIMEOUT */
        const mr_error *error;                  /* ERROR: in the association */
    } u;
} mr_event;

/* "bind", "bind_ack" ...: the name of an event kind for a trace; never NULL. */
const char *mr_event_name(enum mr_event_kind kind);
/* "HTTP", "TLS" ...; "an unknown protocol". */
const char *mr_foreign_name(enum mr_foreign guess);

#endif
