/*
 * Ports: whether anything listens, told from the network's own words, and what it says when spoken
 * to in its protocol. mr_port_probe asks one port; mr_port_scan many ports of one host, so many at
 * once; both are answered by callbacks from inside mr_loop_run. Nothing is written on the peer and
 * nobody logs on: every question is one a stranger may ask.
 *
 * What a row of the table of protocols (port_services.c) knows to ask and read: DNS, Kerberos and
 * its password service, NTP, the endpoint mapper, NetBIOS names and sessions, LDAP, CLDAP, SMB,
 * RPC over HTTP, TLS, Remote Desktop, WinRM, the greetings of FTP, SMTP, POP3 and IMAP, SNMP, IKE,
 * the browser of SQL Server, L2TP.
 */
#ifndef MSRPC_PROBE_PORT_H
#define MSRPC_PROBE_PORT_H

#include <msrpc/base/codes.h>
#include <msrpc/rpc.h>

/* The words of portqry. */
enum mr_port_state {
    MR_PORT_UNKNOWN,               /* this machine would not send */
    MR_PORT_LISTENING,
    MR_PORT_NOT_LISTENING,         /* a reset, or ICMP port unreachable from the host itself */
    MR_PORT_FILTERED,              /* silence over TCP, or any other ICMP unreachable */
    MR_PORT_LISTENING_OR_FILTERED, /* silence over UDP */
};

/* "LISTENING", "NOT LISTENING", "FILTERED", "LISTENING or FILTERED", "UNKNOWN". */
const char *mr_port_state_name(enum mr_port_state state);
/* What an attempt says of a port over @protocol (MR_PORT_TCP or MR_PORT_UDP). */
enum mr_port_state mr_port_state_get(const mr_attempt *attempt, unsigned protocol);

/* What came of speaking the port's protocol. */
enum mr_port_talk {
    MR_PORT_TALK_NONE,     /* not tried: closed, no protocol known, or not wanted */
    MR_PORT_TALK_ANSWERED, /* understood */
    MR_PORT_TALK_FOREIGN,  /* something else speaks there */
    MR_PORT_TALK_CLOSED,   /* the connection was closed or reset instead */
    MR_PORT_TALK_SILENT,   /* the port is open, but nothing came back */
};
const char *mr_port_talk_name(enum mr_port_talk talk);

/* One thing the service said of itself. Fields of the same key stand together and are a list. */
typedef struct mr_port_field mr_port_field;
struct mr_port_field {
    const char *key;
    bool list;      /* one of several under this key */
    mr_value value; /* strings are the peer's: make them safe before a terminal sees them */
    mr_port_field *next;
};

/* What is known of one port. Everything it points to is *borrowed* from the probe. */
typedef struct mr_port_result {
    uint16_t port;
    uint8_t protocol;            /* MR_PORT_TCP or MR_PORT_UDP */
    enum mr_port_state state;
    mr_attempt attempt;          /* who refused, how many were sent, when */
    const char *asked;           /* the protocol spoken, "LDAP"; NULL: none */
    enum mr_port_talk talk;
    const char *detail;          /* one line, the peer's texts in it as they came; or NULL */
    const mr_port_field *fields; /* the same in pieces */
    const mr_mapper *map;        /* the endpoint mapper's list, on its port only; or NULL */
} mr_port_result;

/* Milliseconds until the state was known. */
double mr_port_result_ms(const mr_port_result *result);
/* The ICMP error that decided the state, or NULL. */
const mr_icmp *mr_port_result_icmp(const mr_port_result *result);

/* ---- one port ---- */

typedef struct mr_port_probe_options {
    mr_addr remote;      /* address and port */
    uint8_t protocol;    /* MR_PORT_TCP or MR_PORT_UDP */
    mr_addr source;      /* zeroed: the system chooses */
    mr_nsec timeout;     /* for the connect with its retries, and again for an answer; 0: 3 s */
    unsigned tries;      /* SYNs or datagrams; 0: 3 over TCP, 2 over UDP */
    const char *host;    /* name the user gave, for names and realms in questions; *borrowed* */
    bool quiet;          /* TCP: learn the state only, say nothing */
    uint16_t service;    /* speak the protocol of this port instead; 0: of the port itself */
    bool root_dse;       /* CLDAP: ask for the rootDSE instead of sending the locator's ping */
    const char *community; /* of SNMP; NULL: public; *borrowed* */
} mr_port_probe_options;

typedef struct mr_port_probe mr_port_probe;
struct mr_port_probe {
    mr_port_result result;
    /* private */
    mr_loop *loop;
    void (*done)(void *user, mr_port_probe *probe);
    void *user;
    mr_port_probe_options options;
    const struct port_service *service;
    unsigned step;          /* connections begun; some protocols need a second question */
    bool running;
    mr_stream stream;
    mr_datagram datagram;
    mr_timer timer;
    mr_client *client;
    mr_mapper mapper;
    mr_arena arena;
    mr_buf in, out;
    mr_buf text;            /* of the detail, while it grows */
    mr_port_field **tail;
    uint8_t random[64];     /* identifiers of our questions */
    int64_t asked_sec;      /* wall clock when the question left */
    uint32_t asked_nsec;
};

/* Prepares a probe; @done is called once for every start and may deinitialise it. */
void mr_port_probe_init(mr_port_probe *probe, mr_loop *loop,
                        void (*done)(void *user, mr_port_probe *probe), void *user);
/* Asks; the outcome always comes as the callback. A probe that is done may start again, which
 * forgets its result. MR_ERR_STATE while it runs, MR_ERR_MEMORY, MR_ERR_SYSTEM. */
int mr_port_probe_start(mr_port_probe *probe, const mr_port_probe_options *options,
                        mr_error *err);
/* Ends it without a callback. A zeroed probe may be deinitialised. */
void mr_port_probe_deinit(mr_port_probe *probe);

/* Whether a protocol is known for @port over @protocol, and its name; or NULL. */
const char *mr_port_service_asked(uint16_t port, unsigned protocol);

/* ---- sets of ports ---- */

#define MR_PORT_SET_WORDS (65536 / 64)

typedef struct mr_port_set {
    uint64_t bits[MR_PORT_SET_WORDS];
} mr_port_set;

void mr_port_set_add(mr_port_set *set, uint16_t first, uint16_t last);
size_t mr_port_set_count(const mr_port_set *set);
/* The lowest port of the set that is at least @from; -1 when there is none. */
int mr_port_set_next(const mr_port_set *set, uint32_t from);
/* Reads "135,445,49664-49670" (port 0 is none). MR_ERR_SYNTAX. */
int mr_port_set_decode(mr_slice text, mr_port_set *setp, mr_error *err);
/* The ports RPC and a domain depend on, over @protocol. */
void mr_port_set_get_default(unsigned protocol, mr_port_set *setp);

/* ---- many ports of one host ---- */

#define MR_PORT_AT_ONCE 64

typedef struct mr_port_scan_options {
    mr_addr remote;      /* the address; its port is ignored */
    mr_addr source;
    mr_nsec timeout;
    unsigned tcp_tries, udp_tries;
    const char *host;    /* *borrowed* */
    bool quiet;
    unsigned at_once;    /* 0: MR_PORT_AT_ONCE */
    mr_pace *pace;       /* of new connections; *borrowed*; NULL: none */
} mr_port_scan_options;

typedef struct mr_port_scan mr_port_scan;
struct mr_port_scan {
    mr_loop *loop;
    /* A port is known; in no order. The result holds until the callback returns. */
    void (*found)(void *user, const mr_port_result *result);
    void (*done)(void *user, mr_port_scan *scan); /* after the last */
    void *user;
    size_t total, known;
    /* private */
    mr_port_scan_options options;
    mr_port_set tcp, udp;
    uint32_t next;       /* TCP ports first, then UDP ports from 65536 on */
    mr_port_probe *probes;
    size_t probe_count;
    mr_timer timer;
    mr_nsec turn;        /* to connect, taken and not used yet; 0: none */
    bool over;
};

/* Prepares a scan; allocates nothing. */
void mr_port_scan_init(mr_port_scan *scan, mr_loop *loop,
                       void (*found)(void *user, const mr_port_result *result),
                       void (*done)(void *user, mr_port_scan *scan), void *user);
/* Begins; sets are copied, NULL is the empty set. Memory and descriptors are bounded by at_once,
 * whatever the number of ports. MR_ERR_MEMORY, MR_ERR_STATE. done comes for no ports at all too. */
int mr_port_scan_start(mr_port_scan *scan, const mr_port_scan_options *options,
                       const mr_port_set *tcp, const mr_port_set *udp, mr_error *err);
/* Ends it without a callback, inside found and done too; the memory of @scan must then live until
 * that callback returns. A zeroed scan may be deinitialised. */
void mr_port_scan_deinit(mr_port_scan *scan);

#endif
