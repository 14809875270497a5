/*
 * Observations: what the taps saw in a capture, as plain records without judgement, in the order of
 * packets. The taps of a shard fill batches; the story merges the batches of all shards and makes
 * conversations and facts of them. A record is small and its texts and lists live *in the arena* of
 * its batch, so that a batch is freed at once.
 *
 * What a healthy connection repeats a thousand times (calls, reads, acknowledgements) is counted by
 * the taps and told once, when the connection ends.
 */
#ifndef MSRPC_CAPTURE_SEEN_H
#define MSRPC_CAPTURE_SEEN_H

#include <msrpc/base/arena.h>
#include <msrpc/capture/flow.h>
#include <msrpc/engine.h>
#include <msrpc/wire.h>

enum mr_seen_kind {
    /* names: datagrams as they are; the story pairs questions and answers */
    MR_SEEN_QUESTION,   /* DNS, LLMNR, mDNS, NBNS: u.name */
    MR_SEEN_ANSWER,
    /* reachability */
    MR_SEEN_BEGIN,      /* the first SYN of a connection (mid-stream: its first segment) */
    MR_SEEN_END,        /* the connection ended or is left: u.end, with all that TCP told */
    MR_SEEN_ICMP,       /* an ICMP error: u.icmp */
    MR_SEEN_ARP,        /* u.arp */
    MR_SEEN_IKE,        /* a message of the key exchange for IPsec: u.ike */
    MR_SEEN_ESP,        /* packets that IPsec protects: the first and the fourth from one host to
                         * another: u.esp */
    MR_SEEN_FRAGMENTS,  /* a datagram whose fragments never became whole: u.fragments */
    /* endpoint mapper */
    MR_SEEN_MAP,        /* an ept_map or ept_lookup was answered: u.map */
    MR_SEEN_OXID,       /* an answer of DCOM's named endpoints of an object: u.map */
    /* DCE/RPC, over whatever transport */
    MR_SEEN_BIND,       /* a bind or alter_context was sent: u.bind */
    MR_SEEN_BOUND,      /* it was answered: u.bind, with results */
    MR_SEEN_NAK,        /* bind_nak: u.nak */
    MR_SEEN_AUTH3,
    MR_SEEN_FAULT,      /* u.call */
    MR_SEEN_RETURNED,   /* a reply that can be read carries a status that is not 0: u.call */
    MR_SEEN_UNANSWERED, /* a call that was still open when its connection ended: u.call */
    MR_SEEN_SLOW,       /* an answer that took longer than MR_SEEN_SLOW_MS: u.call */
    MR_SEEN_CANCEL,     /* co_cancel or orphaned: u.call */
    MR_SEEN_SHUTDOWN,
    MR_SEEN_FOREIGN,    /* what should be DCE/RPC is not: u.foreign */
    MR_SEEN_DAMAGE,     /* a PDU that breaks its format: u.foreign.text says where */
    /* security tokens, wherever they travel */
    MR_SEEN_NTLM,       /* u.ntlm */
    MR_SEEN_KERBEROS,   /* u.krb */
    MR_SEEN_SPNEGO,     /* u.spnego: a negotiation that was rejected, or chose another mechanism */
    /* SMB */
    MR_SEEN_SMB,        /* u.smb */
    /* RPC over HTTP, TLS */
    MR_SEEN_HTTP,       /* u.http: a request with its answer */
    MR_SEEN_RTS,        /* u.rts */
    MR_SEEN_TLS,        /* u.tls */
    MR_SEEN_CLOSED,     /* a pipe was closed, or its connection ended: u.end of this pipe alone,
                         * without tcp */
    MR_SEEN_GAP,        /* octets are missing from the capture: u.gap */
    MR_SEEN_STUB,       /* only where they are asked for: u.stub */
    MR_SEEN_KEY,        /* only where keys were given: u.key */
};

#define MR_SEEN_SLOW_MS 3000
#define MR_SEEN_RECORDS 64

typedef struct mr_ip {
    mr_host host;
    uint8_t family; /* 4, 6; 0: none */
} mr_ip;

/* How a record's octets travelled. */
enum mr_seen_via {
    MR_SEEN_UDP,
    MR_SEEN_TCP,        /* ncacn_ip_tcp where it is RPC */
    MR_SEEN_PIPE,       /* ncacn_np, over SMB */
    MR_SEEN_HTTP_RPC,   /* ncacn_http */
};

enum mr_seen_names {
    MR_SEEN_DNS,
    MR_SEEN_LLMNR,
    MR_SEEN_MDNS,
    MR_SEEN_NBNS,
};

enum mr_seen_section { /* RFC 1035 4.1 */
    MR_SEEN_IN_ANSWER,
    MR_SEEN_IN_AUTHORITY,
    MR_SEEN_IN_ADDITIONAL,
};

typedef struct mr_seen_record { /* of a name service's answer */
    uint16_t type;      /* DNS type; NBNS: MR_DNS_A */
    uint8_t section;    /* enum mr_seen_section */
    uint32_t ttl;
    const char *name;
    mr_ip address;      /* A, AAAA, NB */
    const char *target; /* CNAME, SRV, NS, PTR, SOA's primary */
    uint16_t port;      /* SRV */
} mr_seen_record;

typedef struct mr_seen_name {
    enum mr_seen_names service;
    uint16_t id;
    uint16_t type;
    uint16_t rcode;
    uint8_t opcode;     /* 0 a query; DNS: 5 update; NBNS: 5 registration, 6 release, 7 wait (WACK),
                           8, 9 and 15 refresh and multi-homed registration */
    uint8_t suffix;     /* NBNS */
    bool broadcast;     /* NBNS, LLMNR, mDNS: asked of everybody */
    bool truncated, authoritative, recursion_available;
    bool tcp;
    bool unread;        /* what came cannot be decoded */
    bool cut;           /* the capture has not all of it: the head and perhaps the question */
    uint16_t answers;   /* that the head promises */
    const char *name;   /* of the question */
    const mr_seen_record *records; /* answers, authority's SOA and NS, additional addresses: the
                                      first MR_SEEN_RECORDS of them */
    uint32_t count;
} mr_seen_name;

typedef struct mr_seen_icmp {
    uint8_t family, type, code;
    uint32_t mtu;
    uint8_t protocol;   /* of the packet that is quoted */
    bool has_ports;
    mr_ip from, to;     /* of the packet that is quoted */
    uint16_t from_port, to_port;
} mr_seen_icmp;

typedef struct mr_seen_arp {
    bool reply;
    mr_ip sender, target;
    uint8_t mac[6];     /* of the sender */
} mr_seen_arp;

typedef struct mr_seen_ike {
    uint8_t version;    /* 1, 2 */
    uint8_t exchange;   /* RFC 2408 3.1, RFC 7296 3.1 */
    bool answer;        /* by the one who was asked, as its SPI shows */
    bool agreed;        /* an answer with an SA in clear */
    bool sealed;
    uint16_t error;     /* a notification in clear; 0: none */
} mr_seen_ike;

typedef struct mr_seen_esp {
    uint32_t count;     /* so far in this direction */
    bool repeats;       /* four of one length, each after a longer pause: what TCP sends again */
} mr_seen_esp;

typedef struct mr_seen_endpoint { /* one tower that a mapper gave, or a string binding of DCOM */
    mr_uuid interface;
    uint16_t version;
    enum mr_protseq protseq;
    mr_ip address;      /* family 0: none or 0.0.0.0 */
    uint16_t port;      /* 0: a pipe */
    const char *pipe;
    const char *host;   /* OXID: as the binding names it; @address where that is one */
} mr_seen_endpoint;

typedef struct mr_seen_map {
    bool lookup;        /* ept_lookup; else ept_map */
    bool request_known;
    bool all;           /* ept_lookup of everything there is */
    mr_uuid asked;      /* ept_map: the interface of the map tower */
    uint16_t asked_version;
    uint32_t status;
    const mr_seen_endpoint *endpoints;
    uint32_t count;
} mr_seen_map;

typedef struct mr_seen_context {
    mr_syntax abstract;
    bool ndr, ndr64;    /* among the proposed transfer syntaxes, or the accepted one */
    bool features;      /* the bind-time feature negotiation pseudo context */
    uint16_t result, reason; /* BOUND */
} mr_seen_context;

typedef struct mr_seen_bind {
    bool alter;
    const mr_seen_context *contexts;
    uint16_t count;
    uint16_t max_xmit, max_recv;
    uint32_t assoc_group;
    uint32_t size;      /* of the PDU, octets */
    uint8_t auth_type, auth_level; /* 0: none */
    uint32_t ms;        /* BOUND: since the bind */
} mr_seen_bind;

typedef struct mr_seen_eerr { /* one record of extended error information (MS-EERR) */
    const char *computer;
    uint32_t pid;
    uint32_t component, status;
    uint16_t location;
} mr_seen_eerr;

typedef struct mr_seen_nak {
    uint16_t reason;
    const mr_seen_eerr *eerr;
    uint32_t eerr_count;
    uint8_t auth_type, auth_level; /* of the bind that was refused */
    mr_uuid interface;             /* the first one it asked for */
} mr_seen_nak;

typedef struct mr_seen_call {
    mr_uuid interface;
    uint16_t version;
    bool known;         /* the interface is: its bind was seen */
    uint16_t opnum;
    uint32_t id;
    uint32_t status;    /* FAULT, RETURNED */
    uint32_t ms;
    uint32_t bytes;     /* of the request's stub */
    uint8_t auth_type, auth_level;
    bool did_not_execute;
    bool acked;         /* UNANSWERED: TCP acknowledged the request's last octet */
    bool partial;       /* UNANSWERED: part of the answer came */
    uint64_t request;   /* packet of the request's first octet */
    const mr_seen_eerr *eerr;
    uint32_t eerr_count;
} mr_seen_call;

/* What protects a stub, and what came of it; of several fragments the last one of these. */
enum mr_seen_seal {
    MR_SEAL_NONE,   /* it is in clear, signed or not */
    MR_SEAL_OPENED, /* it was encrypted, and is verified */
    MR_SEAL_CLOSED, /* no key opens it */
    MR_SEAL_UNSEEN, /* the logon, or part of it, is not in the capture */
    MR_SEAL_LOST,   /* the capture lacks fragments before it, without which it cannot be opened */
    MR_SEAL_WRONG,  /* its verifier is wrong: nobody should believe it, even in clear */
};

/* How a security context and the keys that were given go together. */
typedef struct mr_seen_key {
    enum mr_seen_seal seal;
    uint8_t auth_type, auth_level;
    const char *text;   /* OPENED: who logged on; CLOSED: what would be needed; else NULL */
} mr_seen_key;

/* The stub data of a request or a response, put together. */
typedef struct mr_seen_stub {
    mr_uuid interface;
    uint16_t version;
    uint16_t opnum;
    bool known;         /* the interface is */
    bool ndr64;
    bool big;           /* the sender's integers are big-endian */
    uint8_t seal;       /* enum mr_seen_seal */
    bool cut;           /* octets are missing, or it was too long to keep */
    bool unasked;       /* a response whose request is not in the capture: @opnum is not known */
    uint32_t id;        /* of the call */
    uint64_t request;   /* packet of the request's first octet */
    mr_slice bytes;
} mr_seen_stub;

typedef struct mr_seen_foreign {
    enum mr_foreign guess;
    const char *text;
} mr_seen_foreign;

typedef struct mr_seen_ntlm {
    uint8_t type;       /* 1 NEGOTIATE, 2 CHALLENGE, 3 AUTHENTICATE */
    uint32_t flags;
    const char *domain, *user, *workstation;                     /* AUTHENTICATE */
    const char *netbios_domain, *netbios_host, *dns_domain, *dns_host, *forest; /* CHALLENGE */
    mr_nsec clock;      /* CHALLENGE: the server's; 0: not told */
    const char *target; /* AUTHENTICATE: the SPN in the AV pairs */
    bool v1, anonymous, mic;
} mr_seen_ntlm;

enum mr_seen_krb_kind {
    MR_SEEN_AS_REQ, MR_SEEN_AS_REP, MR_SEEN_TGS_REQ, MR_SEEN_TGS_REP,
    MR_SEEN_AP_REQ, MR_SEEN_AP_REP, MR_SEEN_KRB_ERROR,
};

typedef struct mr_seen_krb {
    enum mr_seen_krb_kind kind;
    bool in_rpc;        /* inside a bind, an SMB session setup or HTTP, not on port 88 */
    const char *realm, *client, *server; /* names as "a/b" */
    uint32_t etypes[12];
    uint8_t etype_count;
    int32_t error;      /* KRB_ERROR */
    uint32_t ntstatus;  /* KERB-ERROR-DATA's; 0: none */
    mr_nsec server_time; /* KRB_ERROR: stime; 0: not told */
    mr_nsec client_time; /* KRB_ERROR: ctime, the client's own clock; 0: not told */
    uint32_t size;      /* octets of the message */
    bool preauth;       /* AS_REQ: with a timestamp or another proof */
} mr_seen_krb;

typedef struct mr_seen_spnego {
    bool rejected;
    uint8_t offered, chosen; /* enum mr_auth_type; 0: unknown */
} mr_seen_spnego;

enum mr_seen_smb_kind {
    MR_SEEN_NBSS_REQUEST,   /* text: the called name */
    MR_SEEN_NBSS_NEGATIVE,  /* status: the code */
    MR_SEEN_SMB_ASKED,      /* NEGOTIATE request; dialect: the highest asked for */
    MR_SEEN_SMB_NEGOTIATED,
    MR_SEEN_SMB_SESSION,    /* status: SESSION_SETUP's */
    MR_SEEN_SMB_TREE,       /* text: the share */
    MR_SEEN_SMB_OPEN,       /* text: the pipe */
    MR_SEEN_SMB_PIPE,       /* a read, write or transact of a pipe failed; text: the pipe */
    MR_SEEN_SMB_OTHER,      /* another command failed */
    MR_SEEN_SMB_ENCRYPTED,
    MR_SEEN_SMB_LOGOFF,
    MR_SEEN_SMB_UNANSWERED, /* @command waited for its answer when the connection ended */
};

typedef struct mr_seen_smb {
    enum mr_seen_smb_kind kind;
    uint8_t version;    /* 1 or 2 */
    uint16_t command;
    uint16_t dialect;   /* 0x0202 ...; SMB1: 1 */
    uint32_t status;    /* NTSTATUS; a DOS error is class << 16 | code with @dos */
    bool dos;
    bool signing, signing_required;
    bool guest;         /* SESSION: the server took the user for one */
    mr_uuid guid;       /* of the server, SMB2 */
    mr_nsec clock;      /* the server's system time; 0: not told */
    uint32_t ms;
    const char *text;
} mr_seen_smb;

typedef struct mr_seen_http {
    const char *method, *target, *agent;  /* agent: User-Agent */
    uint16_t status;    /* 0: no answer */
    const char *reason; /* the status line's words */
    uint32_t rpc_error; /* "RPC Error: 6ba" */
    bool rpc_in, rpc_out; /* RPC_IN_DATA, RPC_OUT_DATA */
    bool challenge;     /* WWW-Authenticate or Proxy-Authenticate came */
    bool credentials;   /* the request carried Authorization */
    bool banner_missing; /* port 593 without "ncacn_http/1.0" */
    uint32_t ms;
} mr_seen_http;

typedef struct mr_seen_rts {
    uint16_t flags;
    bool in, out;       /* the channel it travelled on */
    uint8_t conn;       /* 1..: CONN/A1, B1, A2, A3, B3, C1, C2 as 1 to 7; 0: another */
} mr_seen_rts;

enum mr_seen_tls_kind {
    MR_SEEN_TLS_HELLO,  /* ClientHello */
    MR_SEEN_TLS_SERVER, /* ServerHello */
    MR_SEEN_TLS_ALERT,
    MR_SEEN_TLS_CERTIFICATE,
    MR_SEEN_TLS_DATA,   /* the client's first record of data, which in TLS 1.3 may be handshake */
};

typedef struct mr_seen_tls {
    enum mr_seen_tls_kind kind;
    uint16_t version;
    uint8_t level, alert;
    bool from_server;
    const char *sni;
    const char *subject;
    const char *const *names; /* subjectAltName's */
    uint32_t name_count;
    mr_nsec not_before, not_after;
} mr_seen_tls;

/* What ended a connection, with everything TCP told. */
typedef struct mr_seen_end {
    const mr_flow_seen *tcp;   /* a copy in the batch; its client is that of the record. CLOSED:
                                * NULL */
    bool turned;               /* its sides are the other way round */
    uint16_t service;          /* enum mr_seen_service: what was recognised */
    uint64_t calls, faults, unanswered;
    uint64_t requests_bytes, replies_bytes;
    uint32_t median_us, p99_us, max_us; /* of answered calls */
    uint8_t auth_type, auth_level;
    mr_uuid interface;         /* the one most called; nil: none */
    uint16_t interface_version;
    enum mr_seen_via via;
    const char *pipe;
} mr_seen_end;

enum mr_seen_service {
    MR_SEEN_UNKNOWN, MR_SEEN_RPC, MR_SEEN_IS_SMB, MR_SEEN_IS_HTTP, MR_SEEN_IS_TLS, MR_SEEN_IS_KRB,
    MR_SEEN_IS_DNS, MR_SEEN_IS_LDAP, MR_SEEN_OTHER,
};

/* One observation. @flow is 0 for datagrams; else the connection's id, equal in all its records. */
typedef struct mr_seen {
    enum mr_seen_kind kind;
    enum mr_seen_via via;
    uint16_t file;
    bool to_client;     /* travelled from the server to the client */
    uint8_t ttl;        /* of a datagram, as captured */
    uint64_t packet;    /* its number in the file; END: the connection's last */
    mr_nsec time;
    uint64_t order;     /* of the packet that brought it to light, over all files: records come in
                         * this order, those of equal order by @flow */
    uint64_t flow;
    mr_ip client, server; /* datagrams: sender and receiver */
    uint16_t client_port, server_port;
    const char *pipe;   /* via PIPE */
    union {
        mr_seen_name name;
        mr_seen_icmp icmp;
        mr_seen_arp arp;
        mr_seen_ike ike;
        mr_seen_esp esp;
        mr_seen_map map;
        mr_seen_bind bind;
        mr_seen_nak nak;
        mr_seen_call call;
        mr_seen_foreign foreign;
        mr_seen_ntlm ntlm;
        mr_seen_krb krb;
        mr_seen_spnego spnego;
        mr_seen_smb smb;
        mr_seen_http http;
        mr_seen_rts rts;
        mr_seen_tls tls;
        mr_seen_end end;
        mr_seen_stub stub;
        mr_seen_key key;
        struct { uint64_t missing; } gap;
        struct { uint8_t protocol; uint32_t have, want; } fragments;
    } u;
} mr_seen;

/* What a shard's taps put out between two hand-overs. */
typedef struct mr_seen_batch {
    mr_arena arena;
    mr_seen *seen;      /* in the order they were added */
    size_t count, room;
} mr_seen_batch;

/* Starts an empty batch whose texts take at most @cap octets; allocates nothing. */
void mr_seen_init(mr_seen_batch *batch, size_t cap);
void mr_seen_deinit(mr_seen_batch *batch);
/* Empties it, and keeps its memory. */
void mr_seen_reset(mr_seen_batch *batch);
/* A copy of @seen at the end of the batch; what it points to must be *in the arena* of the batch or
 * live as long. 0 or MR_ERR_MEMORY. */
int mr_seen_add(mr_seen_batch *batch, const mr_seen *seen);
/* "bind", "fault", ...: the name of a kind in tests and logs; never NULL. */
const char *mr_seen_kind_name(enum mr_seen_kind kind);

#endif
