/*
 * The story of a capture: observations (msrpc/capture/seen.h) go in, in the order of packets; out
 * come conversations, findings and the verdict. What was seen between a client and a server becomes
 * one set of facts (msrpc/diag.h), the same facts as those of a live diagnosis, and the same rules
 * judge them; equal findings of several relations are told once.
 *
 * What lasts to the end counts: a port that worked and then fails for good has failed; one that
 * failed and then worked gives findings that are past, which decide nothing.
 *
 * A relation is a client and a host, by all addresses that the client's names gave for it. Facts
 * cite packets: "#17" is packet 17 (of the first file; "2#17" of the second, and so on).
 *
 * Memory is the trace's own and bounded: healthy conversations are kept as sums, the others one by
 * one until the caps of mr_trace_config are reached, and what was left out is counted. Texts that
 * are given out are the trace's and live until mr_trace_free.
 */
#ifndef MSRPC_TRACE_H
#define MSRPC_TRACE_H

#include <msrpc/capture/pair.h>
#include <msrpc/capture/seen.h>
#include <msrpc/diag.h>

typedef struct mr_trace mr_trace;

enum mr_trace_transport {
    MR_TRACE_TCP_OTHER, /* a connection that carries no RPC that was understood */
    MR_TRACE_IP_TCP,    /* ncacn_ip_tcp */
    MR_TRACE_NP,        /* ncacn_np, or SMB on its way there */
    MR_TRACE_HTTP,      /* ncacn_http */
    MR_TRACE_KERBEROS,  /* to a KDC */
    MR_TRACE_NAMES,     /* DNS over TCP */
    MR_TRACE_LDAP,
};

/* How a conversation went. */
enum mr_trace_outcome {
    MR_TRACE_WELL,      /* nothing to say */
    MR_TRACE_UNKNOWN,   /* the capture does not show enough */
    MR_TRACE_UNUSUAL,   /* works, with something worth a look */
    MR_TRACE_FAILED,    /* in phase @failed */
};

/* One TCP connection, or with @count above 1 the sum of healthy ones between the same client and
 * server port over the same transport and interface. */
typedef struct mr_trace_talk {
    uint32_t id;              /* from 1, in the order of the first packets */
    uint32_t count;           /* connections */
    uint16_t file;
    mr_ip client, server;
    uint16_t client_port;     /* 0 in a sum */
    uint16_t server_port;
    const char *name;         /* by which the client knew the server; NULL: not observed */
    enum mr_trace_transport transport;
    const char *interface;    /* its name, or UUID in text form; NULL: none */
    mr_uuid uuid;             /* of the interface; nil: none */
    uint16_t version;
    const char *pipe;         /* NULL: none */
    bool mapper;              /* the endpoint mapper */
    bool mapped;              /* a mapper's answer named this endpoint before */
    bool midstream;           /* its beginning is not in the capture */
    uint8_t auth_type, auth_level; /* 0: none */
    uint64_t calls, faults, unanswered;
    uint32_t median_us, p99_us, max_us; /* of answered calls; in a sum the largest of its parts */
    enum mr_trace_outcome outcome;
    enum mr_phase reached;    /* the last phase that worked; NONE: not even TCP */
    enum mr_phase failed;     /* NONE: none */
    uint64_t first, last;     /* packets */
    mr_nsec begin, end;       /* their times */
    uint64_t octets[2];       /* payload, by enum mr_flow_side of the sender */
} mr_trace_talk;

/* One thing that happened in a conversation, for a timeline or a ladder. */
typedef struct mr_trace_event {
    uint64_t packet;
    uint16_t file;
    mr_nsec time;
    bool to_client;
    bool bad;                 /* part of what went wrong */
    const char *text;         /* "SYN, sent 3 times", "bind epmapper 3.0", "fault 0x5" */
} mr_trace_event;

/* One finding, told once for all relations that show it. */
typedef struct mr_trace_finding {
    const mr_finding *finding; /* of the first relation; folded ones have explained_by */
    const char *client, *server; /* of that relation: an address, or the name that was looked for */
    const char *name;          /* by which the client knew the server; NULL: not observed */
    uint32_t relations;        /* that show it */
    const uint32_t *talks;     /* ids of conversations, ascending; at most MR_TRACE_TALKS */
    size_t talk_count;
    const uint64_t *packets;   /* evidence of all relations, ascending; at most MR_TRACE_PACKETS */
    const uint16_t *files;     /* of each of @packets */
    size_t packet_count;
    size_t explained_by;       /* index of its cause among the findings; SIZE_MAX: none */
    bool past;                 /* it worked again before the capture ended: no error any more */
    uint64_t again_packet;     /* of a past one: that shows it, with its file and time */
    uint16_t again_file;
    mr_nsec again;
} mr_trace_finding;

#define MR_TRACE_TALKS 64
#define MR_TRACE_PACKETS 64
#define MR_TRACE_EVENTS 256 /* of one conversation */

typedef struct mr_trace_config {
    uint32_t talks;     /* conversations kept one by one; 0: 4096 */
    uint32_t sums;      /* rows of healthy ones; 0: 4096 */
    uint32_t relations; /* 0: 16384 */
    uint32_t names;     /* remembered questions and addresses; 0: 16384 */
    bool each;          /* healthy ones are kept one by one too, with what happened in them */
    /* Told every conversation when it has ended (--jsonl); *borrowed* for the call. Its findings
     * are not known yet. A result other than 0 ends mr_trace_add with it. May be NULL. */
    int (*talk)(void *ctx, const mr_trace_talk *talk);
    void *ctx;
} mr_trace_config;

/* What was counted, and what was left out because of the caps. */
typedef struct mr_trace_totals {
    uint64_t talks;            /* connections in all */
    uint64_t failed, unusual, unknown;
    uint64_t relations;
    uint64_t names, names_failed; /* questions by distinct name, and those without an answer */
    uint64_t left_out;         /* conversations, relations and names that did not fit */
    mr_nsec first, last;       /* time of the capture */
    bool one_way;              /* of every connection only one side was captured */
} mr_trace_totals;

/* 0 or MR_ERR_MEMORY. @config is copied; NULL: all defaults. */
int mr_trace_new(const mr_trace_config *config, mr_trace **tracep);
void mr_trace_free(mr_trace *trace);

/* Of several files in sequence, as a ring of them is: @file, from 0, begins at @first. What a
 * connection over two of them shows is cited with the one that can hold it. Before mr_trace_add. */
void mr_trace_add_file(mr_trace *trace, uint16_t file, mr_nsec first);
/* Takes one observation; @seen and all it points to are *borrowed* for the call. 0, MR_ERR_MEMORY,
 * or what config.talk gave. */
int mr_trace_add(mr_trace *trace, const mr_seen *seen);
/* Takes what a second capture of the other side adds (msrpc/capture/pair.h), before the end;
 * packets of the second one are those of file 2. */
int mr_trace_add_pair(mr_trace *trace, const mr_pair_seen *seen);
/* The capture is over, from @first to @last (0: as the observations tell): the rules are applied.
 * 0 or MR_ERR_MEMORY. What follows is valid after it. */
int mr_trace_end(mr_trace *trace, mr_nsec first, mr_nsec last);

const mr_trace_totals *mr_trace_get_totals(const mr_trace *trace);

/* Conversations: those that failed first, then unusual ones, then the others, each in the order of
 * packets. NULL past the end. */
size_t mr_trace_talk_count(const mr_trace *trace);
const mr_trace_talk *mr_trace_get_talk(const mr_trace *trace, size_t i);
const mr_trace_talk *mr_trace_find_talk(const mr_trace *trace, uint32_t id);

/* What happened in conversation @id, with the look-ups of its name before it, in the order of
 * packets; NULL past the end. Kept for conversations that are not sums. */
size_t mr_trace_event_count(const mr_trace *trace, uint32_t id);
const mr_trace_event *mr_trace_get_event(const mr_trace *trace, uint32_t id, size_t i);

/* Findings: in the order of mr_diag_get_finding, over all relations, past ones behind those that
 * stand. NULL past the end. */
size_t mr_trace_finding_count(const mr_trace *trace);
const mr_trace_finding *mr_trace_get_finding(const mr_trace *trace, size_t i);

/* Of a phase over all relations: fail before warn (past findings too) before pass; UNKNOWN: not
 * observed. */
enum mr_status mr_trace_get_phase(const mr_trace *trace, enum mr_phase phase);
/* The unexplained error of the lowest phase, then of the highest confidence, then in the order of
 * the rules. */
const mr_verdict *mr_trace_get_verdict(const mr_trace *trace);
/* The finding of the verdict; SIZE_MAX: none. */
size_t mr_trace_verdict_index(const mr_trace *trace);

/* Display filters. */
enum mr_trace_viewer {
    MR_TRACE_WIRESHARK,
    MR_TRACE_NETMON, /* Microsoft Network Monitor 3 */
};
/* Appends the filter that shows a conversation, or the packets that a finding is about. */
void mr_trace_write_talk_filter(const mr_trace_talk *talk, enum mr_trace_viewer viewer,
                                mr_buf *out);
void mr_trace_write_finding_filter(const mr_trace *trace, const mr_trace_finding *finding,
                                   enum mr_trace_viewer viewer, mr_buf *out);

/* "ncacn_ip_tcp", "ncacn_np", "ncacn_http", "kerberos", "dns", "ldap", "tcp". */
const char *mr_trace_transport_name(enum mr_trace_transport transport);
/* "well", "unknown", "unusual", "failed". */
const char *mr_trace_outcome_name(enum mr_trace_outcome outcome);
/* The text form of an address in @out, without brackets; returns @out. */
#define MR_IP_TEXT 48
const char *mr_ip_text(const mr_ip *ip, char out[MR_IP_TEXT]);

#endif
