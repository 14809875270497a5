/*
 * What the files of the trace share. A live connection (trace_live) lasts from its first packet to
 * its last; what is unusual about it, and the first of each kind of what works, become facts
 * (trace_fact) of the relation between its client and its server (trace_relation). Names that a
 * client asked for (trace_name) are relations too, and are joined with the addresses they gave when
 * the facts are judged.
 */
#ifndef MSRPC_FACTS_TRACE_PRIVATE_H
#define MSRPC_FACTS_TRACE_PRIVATE_H

#include <msrpc/facts.h>
#include <msrpc/trace.h>

typedef struct trace_relation trace_relation;

/* What a relation knows, and where it is seen. What is said is shared by all who say the same, for
 * most relations are healthy, and say what others do. */
typedef struct trace_fact trace_fact;
struct trace_fact {
    trace_fact *next;
    const mr_fact *fact;          /* texts are interned; without check and at */
    uint64_t packet, last_packet; /* of the first and the last that say the same; bad ones: one */
    mr_nsec at, last;   /* their times */
    uint32_t talk;      /* id, 0: none */
    uint16_t file, last_file;
    bool bad;           /* makes the relation worth a judgement */
    bool connect;       /* a failed connect: not of a client that scans, nor if one side lacks */
    bool outlived;      /* what it says held no longer in the end */
    bool mended;        /* it worked again: not to be known where the failure before is judged */
    bool again_last;    /* it mended: the last is the first after the failure, not the first */
    bool withdrawn;     /* what came later made it good: never told */
};

typedef struct trace_shared {
    struct trace_shared *next;
    mr_fact fact;
} trace_shared;

#define TRACE_CHECK 32 /* octets of "#17" */

/* How a host accepted a connection, with the options it was offered. */
typedef struct trace_traits {
    uint64_t packet;         /* its SYN-ACK; 0: none */
    uint32_t talk;
    uint16_t file, port, mss;
    uint8_t ttl;
    bool sack, stamped, scaled;
    bool asked_sack, asked_stamped, asked_scaled;
} trace_traits;

/* A client, a host's address or a name. */
struct trace_relation {
    trace_relation *hash_next, *list_next;
    trace_relation *root;    /* joined: of the set it belongs to */
    trace_fact *facts, **facts_end;
    mr_ip client, server;    /* server.family 0: a name */
    const char *name;        /* by which the client knew it, or that was looked for; NULL */
    uint64_t name_packet;
    uint32_t number;         /* in the order they were met */
    uint32_t fact_count;
    uint32_t lossy, lost, packets; /* connections that lost segments, these, all packets */
    uint64_t lossy_packet;
    uint16_t lossy_port, lossy_file;
    uint8_t ttl_min, ttl_max; /* of packets of the server that are no resets; 0: none */
    bool bad;
    const char *identity;    /* what the host calls itself (MS-NLMP 2.2.2.1) */
    uint64_t identity_packet;
    uint16_t identity_file;
    bool connected;          /* or tried to be */
    bool two_way;            /* packets of both were captured */
    bool one_way;            /* a connection that went on, of which one side was not, */
    bool lacks_server;       /* the server's */
    uint64_t one_way_packet;
    uint16_t one_way_file;
    uint16_t one_way_port;
    const char *icmp_sender; /* who spoke last about packets to the server */
    uint32_t smb_count;      /* connections of SMB */
    bool http_in, http_out, http_c2; /* channels of RPC over HTTP */
    bool web_before;         /* a connection to its web server is older than the capture */
    bool unread;             /* one to RPC, whose packets the capture cut */
    uint64_t http_packet;
    mr_nsec http_time;
    uint16_t http_file;
    uint32_t mapper_silent;  /* connections to the mapper that ended without an answer */
    trace_traits mapper, endpoint; /* the last mapper, the first endpoint it named */
    bool mapper_mixed;       /* several machines */
    struct {             /* the last ept_map that named a port */
        uint64_t packet;
        mr_nsec time;
        const char *interface;
        uint32_t talk, count; /* so many were asked */
        uint16_t port, file;
    } map;
    bool map_followed;   /* a connection went to what any of them named */
};

/* An endpoint that a mapper gave to a client. */
typedef struct trace_expected trace_expected;
struct trace_expected {
    trace_expected *hash_next;
    mr_ip client, server;
    uint16_t port;
    mr_uuid interface;
    uint16_t version;
    uint64_t packet;
    mr_nsec time;
    uint16_t file;
    uint64_t begin_packet;  /* of the mapper's connection */
    mr_nsec begin;
    uint32_t talk;
    uint16_t mapper_port;
    bool tried;
    bool map;           /* it was asked for, not merely listed */
    bool oxid;          /* DCOM named it */
    trace_relation *relation; /* with the mapper, or whoever named it */
};

#define TRACE_SERVERS 6 /* pairs of server and type */
#define TRACE_ADDRESSES 8

/* What one name server was asked about a name and type, and said. */
typedef struct trace_asked {
    mr_ip server;
    uint16_t type;
    uint8_t service;    /* enum mr_seen_names */
    uint8_t state;      /* enum trace_answer */
    uint16_t rcode;
    uint16_t tries;
    bool broadcast, tcp, refused; /* ICMP: nothing serves there */
    uint16_t file;
    mr_nsec time;       /* of the first question that is open */
    mr_nsec last;       /* of the last question */
    uint64_t packet;    /* of the answer, else of the first question */
    uint64_t asked_packet; /* of the question at @time; 0: not captured */
    uint16_t asked_file;
    uint32_t ms;
    uint16_t answers;   /* that came as datagrams, */
    uint16_t unwanted;  /* of these, refused by the client: it no longer waited */
    bool truncated;     /* the last answer was cut short, and had nothing in it */
    uint16_t port;      /* of the client, where the last answer went */
    mr_nsec answered;   /* when it came */
    uint16_t again_tries; /* questions behind the last answer, */
    uint16_t again_file;
    uint64_t again_packet; /* and the first of them */
    mr_nsec again_time;
} trace_asked;

enum trace_answer {
    TRACE_OPEN, TRACE_RCODE, TRACE_NODATA, TRACE_RECORDS, TRACE_LAME, TRACE_UNREAD,
};

/* An address that a name has, and who said so. */
typedef struct trace_address {
    mr_ip ip;
    uint64_t packet;
    uint16_t file;
    uint8_t service;
    mr_ip server;
    uint32_t ttl;
} trace_address;

typedef struct trace_name trace_name;
struct trace_name {
    trace_name *hash_next, *list_next;
    mr_ip client;
    const char *name;   /* interned, lower case */
    uint8_t suffix;     /* NetBIOS */
    bool netbios;
    trace_asked *asked; /* up to TRACE_SERVERS, in the arena */
    uint8_t asked_count, asked_room;
    trace_address *addresses; /* up to TRACE_ADDRESSES, in the arena */
    uint8_t address_count, address_room;
    bool resolved;      /* addresses, or other records that were asked for */
    bool cut;           /* by answers that the capture cut */
    mr_nsec first;
    uint64_t first_packet;
    uint16_t first_file;
    const char *alias;  /* CNAME */
    bool own_link;      /* asked on the link of the capture: its TTL is as it was sent */
    uint16_t again;     /* asked again a while after an answer */
    mr_ip owner, other_owner; /* NetBIOS: hosts that answer a broadcast for their own address */
    uint64_t owner_packet;
    uint16_t owner_file;
};

/* A question and its answer, which gave an address. */
typedef struct trace_lookup {
    const char *name;   /* NULL: none */
    uint64_t packet, asked_packet; /* of the answer, of the question */
    mr_nsec time, asked_time;
    mr_ip server;       /* who answered */
    uint16_t file, asked_file;
    uint8_t service;    /* enum mr_seen_names */
} trace_lookup;

/* The name that gave an address to a client last. */
typedef struct trace_given trace_given;
struct trace_given {
    trace_given *hash_next;
    mr_ip client, address; /* client of no family: anybody */
    mr_ip asker;
    trace_lookup lookup;
};

/* The connection in which a mapper named a port, and its answer. */
typedef struct trace_named {
    uint64_t begin_packet, packet; /* 0: none */
    mr_nsec begin, time;
    uint32_t talk;
    uint16_t file, port;
} trace_named;

typedef struct trace_event trace_event;
struct trace_event {
    trace_event *next;
    mr_trace_event told;
    char text[96];
};

/* A bind or a call that waits for its answer, or ended without one. */
typedef struct trace_pending {
    uint64_t packet;
    mr_nsec time;
    uint32_t bytes;
    uint16_t contexts;
    const char *interface;
    bool mapper;
    bool open;
    bool acked, partial;
} trace_pending;

/* A fact that the end of its connection decides on. */
typedef struct trace_doubt {
    mr_fact fact;
    uint64_t packet;
    mr_nsec time;
} trace_doubt;

typedef struct trace_live trace_live;
struct trace_live {
    trace_live *hash_next;
    uint64_t flow;
    trace_relation *relation;
    mr_trace_talk talk;
    trace_event *events, **events_end;
    uint16_t event_count;
    trace_expected *expected;
    trace_lookup lookup;   /* of the server's name, and */
    trace_named named;     /* of its port, before it began */
    trace_pending bind, call;
    uint64_t op_range;     /* packet of a fault that says so, 0: none; a probe until the end */
    uint16_t op_range_opnum;
    const char *op_range_interface;
    trace_doubt *doubt;
    bool listed;             /* something, or */
    bool asked_all;          /* everything was asked for */
    uint64_t listed_nothing; /* packet of a mapper's empty list, which ends a longer one; 0: none */
    uint8_t bound_count;
    bool foreign;
    bool damaged;
    bool auth3;            /* its credentials are not judged yet */
    uint8_t smb_step;      /* enum mr_smb_step that is unanswered; 0: none */
    uint8_t smb_done;      /* the last that was a success */
    uint16_t smb_dialect;  /* the highest offered, then the chosen one */
    uint32_t smb_status;   /* of a SESSION_SETUP that failed; 0: none */
    uint64_t smb_packet;
    mr_nsec smb_time;
    bool smb_required;     /* the client demands signatures */
    bool smb_guest;
    bool smb_left;         /* LOGOFF */
    bool smb_went_on;      /* something followed the session's setup */
    uint64_t pipe_calls;   /* of the pipe that the conversation is shown with */
    const char *user, *spn, *share;
    const char *fallback;  /* the service that the KDC had refused a ticket for, before NTLM */
    uint32_t fallback_status; /* of the fault behind its auth3 */
    int32_t krb_error;     /* inside this connection, 0: none */
    uint32_t krb_seconds, krb_ntstatus;
    uint8_t krb_clock;
    uint64_t krb_packet;
    bool http, http_in, http_out;
    uint16_t http_status, http_tries;
    uint32_t http_error;
    uint64_t http_packet;
    uint64_t tls_packet;   /* of the ClientHello; 0: none */
    bool tls_server, tls_alert, tls_refused; /* an alert by the client about certificates */
    bool tls_data;         /* the client sent data */
    enum mr_fact_kind tls_fault;   /* of the certificate, told if the client refuses it */
    uint32_t tls_seconds;
    const char *tls_other;
    uint64_t tls_fault_packet;
    mr_nsec tls_fault_time;
    enum mr_clock tls_clock;
    const char *sni;
    uint8_t service;
};

typedef struct trace_kept trace_kept; /* a conversation that stays */
struct trace_kept {
    trace_kept *hash_next, *list_next;
    mr_trace_talk talk;
    trace_event *events;
    uint16_t event_count;
};

/* What a client wants of a KDC: a ticket for a user, or with @tgs for a service. */
typedef struct trace_ticket trace_ticket;
struct trace_ticket {
    trace_ticket *list_next;
    trace_ticket *hash_next; /* of the same clients, oldest first */
    mr_ip client, kdc;
    uint16_t port;
    const char *user, *spn, *realm;
    trace_relation *host; /* with the host that @spn names; known in the end */
    uint64_t packet;
    mr_nsec time;       /* of the first question */
    uint32_t tries;
    int32_t error;      /* the last, 0: none */
    uint32_t ntstatus, seconds;
    uint8_t clock;
    uint64_t error_packet;
    mr_nsec error_time, answer_time;
    uint16_t file, error_file;
    bool tgs, answered, fragmented, accepted_without; /* NTLM did instead */
    bool unasked;   /* the question was not captured */
    bool unread;    /* an error came whose code was not captured */
    bool undecided; /* a connection that may do without waits at the end of the capture */
};

typedef struct trace_text { struct trace_text *next; uint32_t len; char text[]; } trace_text;
typedef struct trace_client {
    struct trace_client *hash_next;
    mr_ip ip;
    uint32_t failed_connects; /* to distinct ports, nearly */
    bool names_cut;           /* it was answered about names that the capture cut */
    uint16_t last_port;
} trace_client;

typedef struct trace_sets trace_sets;
typedef struct trace_arp trace_arp;
typedef struct trace_claim trace_claim;
typedef struct trace_ipsec trace_ipsec;

#define TRACE_SLOTS 16384
#define TRACE_FILES 256 /* whose beginnings are known */
#define TRACE_TICKETS 4096 /* at most, and slots for them */

struct mr_trace {
    mr_trace_config config;
    mr_arena arena;
    mr_trace_totals totals;
    uint64_t last_order;
    mr_nsec file_begin[TRACE_FILES]; /* 0: unknown */
    trace_text *texts[TRACE_SLOTS];
    trace_shared *shared_slots[TRACE_SLOTS];
    trace_relation *relation_slots[TRACE_SLOTS], *relations, **relations_end;
    trace_expected *expected_slots[TRACE_SLOTS];
    trace_name *name_slots[TRACE_SLOTS], *names, **names_end;
    trace_given *given_slots[TRACE_SLOTS];
    trace_client *client_slots[1024];
    trace_arp *arp_slots[1024];
    uint32_t arp_count;
    trace_claim *claims;       /* of NetBIOS names */
    uint32_t claim_count;
    trace_ipsec *ipsec;
    uint32_t ipsec_count;
    trace_live **live_slots;
    size_t live_count, live_room;
    trace_live *live_free;
    struct trace_slab { struct trace_slab *next; } *slabs;
    trace_event *event_free;
    uint32_t event_count;
    trace_kept *kept_slots[TRACE_SLOTS], *kept_list, **kept_end;
    uint32_t kept_count, sum_count, name_count, given_count;
    uint32_t expected_count, relation_count, ticket_count;
    trace_kept *sum_slots[TRACE_SLOTS];
    trace_ticket *tickets, **tickets_end, *ticket_slots[TRACE_TICKETS]; /* by client */
    bool one_way, other_way; /* a flow that proves it; a flow that shows both sides */
    bool ended;
    /* made by mr_trace_end */
    const mr_trace_talk **talks;
    size_t talk_count;
    mr_trace_finding *findings;
    size_t finding_count;
    size_t verdict_index;
    mr_verdict verdict;
    enum mr_status phases[MR_PHASE_COUNT + 1];
    trace_sets *sets;
};

/* ---- trace_table.c ---- */
/* A copy that lives as long as the trace; NULL gives NULL, and so does exhaustion. */
const char *trace_intern(mr_trace *trace, const char *text);
const char *trace_intern_ip(mr_trace *trace, const mr_ip *ip);
bool trace_ip_eq(const mr_ip *a, const mr_ip *b);
uint32_t trace_hash(const void *octets, size_t len, uint32_t seed);
/* NULL when the caps are reached. */
trace_relation *trace_relation_get(mr_trace *trace, const mr_ip *client, const mr_ip *server,
                                   const char *name);
trace_relation *trace_relation_find(mr_trace *trace, const mr_ip *client, const mr_ip *server,
                                    const char *name);
void trace_expected_add(mr_trace *trace, const trace_expected *expected);
trace_client *trace_client_get(mr_trace *trace, const mr_ip *ip);
/* The connection of a record; @make: a new one when it is not known. NULL: none, or no memory. */
trace_live *trace_live_get(mr_trace *trace, const mr_seen *seen, bool make);
void trace_live_drop(mr_trace *trace, trace_live *live);
trace_kept *trace_kept_find(const mr_trace *trace, uint32_t id);
void trace_tables_deinit(mr_trace *trace);
/* The name of an interface, or its UUID, interned. */
const char *trace_interface(mr_trace *trace, const mr_uuid *uuid);
const char *trace_service(const mr_uuid *uuid); /* that can be restarted, or NULL */
bool trace_is_mapper(const mr_uuid *uuid);

/* ---- trace_fact.c ---- */
/* The file of a packet of @time: not @file, where that begins later. */
uint16_t trace_file_at(const mr_trace *trace, uint16_t file, mr_nsec time);
/* Adds a copy of @fact to a relation with @packet as evidence. Good facts are kept once each. */
void trace_add(mr_trace *trace, trace_relation *relation, const mr_seen *at, uint32_t talk,
               bool bad, const mr_fact *fact);
/* "#17": what the fact has as evidence. */
const char *trace_fact_check(const trace_fact *f, char check[TRACE_CHECK]);
#define TRACE_GOOD(trace, live, at, ...)                                                        \
    trace_add((trace), (live)->relation, (at), (live)->talk.id, false, &(mr_fact){__VA_ARGS__})
#define TRACE_BAD(trace, live, at, ...)                                                         \
    trace_bad((trace), (live), (at), &(mr_fact){__VA_ARGS__})
/* A bad fact of a connection, which fails in the fact's phase. */
void trace_bad(mr_trace *trace, trace_live *live, const mr_seen *at, const mr_fact *fact);
void trace_tell(mr_trace *trace, trace_live *live, const mr_seen *at, bool bad, const char *fmt,
                ...) __attribute__((format(printf, 5, 6)));
/* The look-up of the server's name and the mapper's answer come first among what is told. */
void trace_tell_before(mr_trace *trace, trace_live *live);
/* The fact that facts.h makes of it: what mr_facts_add_connect would add to a set is added to the
 * relation. */
void trace_add_connect(mr_trace *trace, trace_live *live, const mr_seen *at, bool bad,
                       const mr_connect_seen *connect);
/* The sets of two relations are judged as one. */
void trace_join(trace_relation *a, trace_relation *b);
void trace_reach(trace_live *live, enum mr_phase phase);
/* What @is says of a relation's facts is no longer held against it. */
void trace_withdraw(trace_relation *relation, bool (*is)(const mr_fact *fact));


/* ---- one file each ---- */
void trace_take_name(mr_trace *trace, const mr_seen *seen);
void trace_names_end(mr_trace *trace);
/* "A", "SRV"; NULL for types that say nothing of hosts. */
const char *trace_record_name(uint16_t type);
/* ICMP: nothing serves names there. */
void trace_names_refused(mr_trace *trace, const mr_seen *seen);
/* What gave @address to @client last; NULL: nothing. */
const trace_lookup *trace_lookup_of(mr_trace *trace, const mr_ip *client, const mr_ip *address);
/* Names that are asked for in vain on every network. */
bool trace_name_is_noise(const trace_name *name);
/* A name that has nothing to do with what the client talks RPC to says nothing about RPC. */
bool trace_name_is_relevant(const mr_trace *trace, const trace_name *name);
/* ICMP: the client did not wait any more for an answer to its question. */
void trace_answer_refused(mr_trace *trace, const mr_seen *seen);
/* Before names are judged: those whose every answer came too late were not resolved. */
void trace_answers_end(mr_trace *trace);
bool trace_is_late(const trace_asked *asked);
/* A name that was asked for on the link only, in vain; false: it is not worth a look. */
bool trace_link_only(mr_trace *trace, const trace_name *name);
/* NetBIOS: a registration was refused, or granted after all. */
void trace_take_claim(mr_trace *trace, const mr_seen *seen);
void trace_claims_end(mr_trace *trace);
/* A broadcast for a NetBIOS name was answered. */
void trace_note_owner(trace_name *name, const mr_seen *seen);
/* The answer has to be asked for over TCP, which does not get there. */
bool trace_is_cut_off(mr_trace *trace, const trace_name *name, const trace_asked *asked);
/* Names with two owners, sites without domain controllers, names that nobody connects to. */
void trace_lookups_end(mr_trace *trace);
/* Connections that failed to addresses which nobody gave in this capture. */
void trace_addresses_end(mr_trace *trace);
/* The machine that accepted a connection, and whether mapper and endpoint are the same one. */
void trace_note_host(trace_live *live, const mr_flow_seen *tcp);
void trace_hosts_end(mr_trace *trace);
void trace_take_begin(mr_trace *trace, const mr_seen *seen);
int trace_take_end(mr_trace *trace, const mr_seen *seen);
/* What its port is to RPC; web traffic that is not seen to be RPC. */
enum mr_fact_role trace_role(const trace_live *live);
bool trace_is_web(const trace_live *live);
/* @seen with another packet. */
static inline mr_seen trace_at(const mr_seen *seen, uint64_t packet, bool to_client) {
    mr_seen at = *seen;
    at.packet = packet ? packet : seen->packet;
    at.to_client = to_client;
    return at;
}
/* Whether @side ended the connection: its FIN came before what the other ended it with. */
static inline bool trace_left_first(const mr_flow_side_seen *side,
                                    const mr_flow_side_seen *other) {
    if (!side->fin_packet || !other->fin_packet)
        return side->fin_packet &&
               (!other->reset.packet || side->fin_packet < other->reset.packet);
    if (side->fin_second != other->fin_second)
        return other->fin_second;
    return side->fin_packet < other->fin_packet;
}
/* An opened connection whose sides were both captured. */
void trace_judge_tcp(mr_trace *trace, trace_live *live, const mr_seen *seen,
                     const mr_flow_seen *tcp);
void trace_take_closed(mr_trace *trace, const mr_seen *seen);
void trace_take_arp(mr_trace *trace, const mr_seen *seen);
void trace_arp_end(mr_trace *trace);
void trace_take_ipsec(mr_trace *trace, const mr_seen *seen);
void trace_ipsec_end(mr_trace *trace);
void trace_take_icmp(mr_trace *trace, const mr_seen *seen);
void trace_flows_end(mr_trace *trace);
/* One side of all that was said was not captured: what lacks proves nothing. */
bool trace_is_one_way(const trace_relation *relation);
void trace_take_rpc(mr_trace *trace, const mr_seen *seen);
/* A connection begins to what a mapper or DCOM had named. */
void trace_rpc_followed(mr_trace *trace, trace_live *live, const mr_seen *seen);
void trace_rpc_end(mr_trace *trace);
void trace_rpc_ended(mr_trace *trace, trace_live *live, const mr_seen *seen);
void trace_take_smb(mr_trace *trace, const mr_seen *seen);
void trace_smb_ended(mr_trace *trace, trace_live *live, const mr_seen *seen);
void trace_take_ntlm(mr_trace *trace, const mr_seen *seen);
void trace_take_kerberos(mr_trace *trace, const mr_seen *seen);
/* NTLM is tried at @time instead of the ticket that a KDC refused: user or service unknown. */
void trace_ticket_left(mr_trace *trace, const mr_ip *client, mr_nsec time);
/* The last service that a KDC refused to @client shortly before @time; NULL: none. */
trace_ticket *trace_ticket_refused(mr_trace *trace, const mr_ip *client, mr_nsec time);
void trace_krb_ended(mr_trace *trace, trace_live *live, const mr_seen *seen);
void trace_kerberos_end(mr_trace *trace);
void trace_take_spnego(mr_trace *trace, const mr_seen *seen);
void trace_take_fragments(mr_trace *trace, const mr_seen *seen);
void trace_take_http(mr_trace *trace, const mr_seen *seen);
void trace_take_rts(mr_trace *trace, const mr_seen *seen);
void trace_take_tls(mr_trace *trace, const mr_seen *seen);
void trace_web_ended(mr_trace *trace, trace_live *live, const mr_seen *seen);
void trace_web_end(mr_trace *trace);

/* ---- trace_state.c ---- */
/* Facts of a relation that are weighed; those that are not are as if they were not there. */
typedef bool trace_counts(mr_trace *trace, const trace_relation *relation, const trace_fact *fact);
/* Marks what was outlived and what mended. True when something failed that worked again. */
bool trace_mark_states(mr_trace *trace, trace_relation *relation, trace_counts *counts);
int trace_judge(mr_trace *trace);
void trace_judge_deinit(mr_trace *trace);

#endif
