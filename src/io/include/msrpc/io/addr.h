/*
 * Internet addresses with a port, as plain comparable values, and what the network said about
 * reaching one of them: the report of an attempt.
 */
#ifndef MSRPC_IO_ADDR_H
#define MSRPC_IO_ADDR_H

#include <msrpc/base.h>

enum mr_family {
    MR_FAMILY_ANY = 0, /* no address yet, or either family */
    MR_FAMILY_UNIX = 1, /* a socket of this machine; its path stands elsewhere */
    MR_FAMILY_IPV4 = 4,
    MR_FAMILY_IPV6 = 6,
};

/* A zeroed address is "none"; as a source or listening address it means any address. */
typedef struct mr_addr {
    enum mr_family family;
    uint16_t port;  /* host byte order */
    uint32_t scope; /* interface index of a link-local IPv6 address, else 0 */
    uint8_t ip[16]; /* network byte order; IPv4 in the first four octets */
} mr_addr;

/* The process at the other end of a local connection, as the kernel vouches for it (SO_PEERCRED,
 * unix(7)): the one that connected or listened, whoever has the descriptor now. */
typedef struct mr_credentials {
    bool known;
    bool trusted;  /* it runs as root or as the user we run as */
    int32_t pid;
    uint32_t uid, gid;
} mr_credentials;

#define MR_LOCAL_PATH_MAX 107 /* octets of a local socket's path */

#define MR_ADDR_TEXT 80 /* "[ipv6%scope]:port" with its NUL */

/* Reads a numeric literal: "10.0.0.1", "fe80::1%eth0", "[::1]"; the port is set to @port. Names
 * are not looked up. Returns 0, or MR_ERR_SYNTAX when @text is no literal. */
int mr_addr_decode(mr_slice text, uint16_t port, mr_addr *addrp);
/* As mr_addr_decode, with an optional port behind it: "10.0.0.1:53", "[::1]:53", "::1". */
int mr_addr_decode_port(mr_slice text, uint16_t default_port, mr_addr *addrp);
/* The address without its port; returns @out. "-" for none, "a local socket". */
char *mr_addr_text(const mr_addr *addr, char out[MR_ADDR_TEXT]);
/* "10.0.0.1:135" or "[::1]:135"; returns @out. */
char *mr_addr_port_text(const mr_addr *addr, char out[MR_ADDR_TEXT]);
/* Same address, whatever the ports. */
bool mr_addr_same_host(const mr_addr *a, const mr_addr *b);
bool mr_addr_is_any(const mr_addr *addr);      /* none, 0.0.0.0 or :: */
bool mr_addr_is_loopback(const mr_addr *addr); /* 127.0.0.0/8 or ::1 */

/* The local address the system would send from to reach @remote; nothing is sent. 0, or
 * MR_ERR_SYSTEM when it has no route. */
int mr_addr_find_source(const mr_addr *remote, mr_addr *localp);

/* An ICMP or ICMPv6 error that came back for something we sent (RFC 792, RFC 4443). */
typedef struct mr_icmp {
    bool present;
    uint8_t version; /* 4 or 6 */
    uint8_t type;
    uint8_t code;
    mr_addr sender;  /* who sent it: the host itself or a router, firewall on the way */
    uint32_t mtu;    /* with "fragmentation needed" and "packet too big", else 0 */
} mr_icmp;

/* The words of RFC 792 and RFC 4443, as "administratively prohibited"; never NULL. */
const char *mr_icmp_text(const mr_icmp *icmp);
/* It says that no process listens on the port, where a TCP host would have sent a reset. */
bool mr_icmp_is_port(const mr_icmp *icmp);
/* It says that a filter forbids the traffic. */
bool mr_icmp_is_filter(const mr_icmp *icmp);

/* What became of trying to reach an address. */
enum mr_reach {
    MR_REACH_PENDING,     /* not decided */
    MR_REACH_OPEN,        /* TCP: handshake complete; UDP: an answer came */
    MR_REACH_REFUSED,     /* TCP: a reset answered the SYN; UDP: ICMP port unreachable */
    MR_REACH_UNREACHABLE, /* an ICMP error answered; TCP: also ICMP port unreachable */
    MR_REACH_SILENT,      /* nothing answered within the time allowed */
    MR_REACH_LOCAL,       /* this machine would not send: no route, EACCES, EADDRNOTAVAIL, ... */
};

typedef struct mr_attempt {
    enum mr_reach reach;
    int os_error;      /* errno behind the outcome, 0 when open or silent by our own deadline */
    unsigned sent;     /* SYNs or datagrams that really went out, as the kernel counts them */
    mr_icmp icmp;      /* the last ICMP error seen, also when the attempt succeeded later */
    mr_addr local;     /* none before the kernel has chosen it */
    mr_addr remote;
    mr_nsec started;
    mr_nsec ended;     /* of the outcome; 0 while pending */
} mr_attempt;

/* The ICMP error is this machine's own: ARP or neighbour discovery for the next hop failed. */
bool mr_attempt_no_neighbour(const mr_attempt *attempt);

/* "open", "refused", "unreachable", "silent", "local", "pending". */
const char *mr_reach_name(enum mr_reach reach);

#endif
