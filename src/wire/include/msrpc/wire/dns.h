/*
 * DNS messages (RFC 1035 4; SRV: RFC 2782; AAAA: RFC 3596; extended rcode: RFC 6891 6.1.3): a
 * decoder that shows everything a diagnosis needs, flags and rcode included, and an encoder for
 * queries.
 */
#ifndef MSRPC_WIRE_DNS_H
#define MSRPC_WIRE_DNS_H

#include <msrpc/base.h>

enum mr_dns_type {
    MR_DNS_A = 1,
    MR_DNS_NS = 2,
    MR_DNS_CNAME = 5,
    MR_DNS_SOA = 6,
    MR_DNS_PTR = 12,
    MR_DNS_MX = 15,
    MR_DNS_TXT = 16,
    MR_DNS_AAAA = 28,
    MR_DNS_SRV = 33,
    MR_DNS_OPT = 41,
    MR_DNS_ANY = 255,
};

enum mr_dns_rcode { /* RFC 1035 4.1.1, RFC 2136 2.2, RFC 6891 9 */
    MR_DNS_NOERROR = 0,
    MR_DNS_FORMERR = 1,
    MR_DNS_SERVFAIL = 2,
    MR_DNS_NXDOMAIN = 3,
    MR_DNS_NOTIMP = 4,
    MR_DNS_REFUSED = 5,
    MR_DNS_NXRRSET = 8,
    MR_DNS_NOTAUTH = 9,
};

#define MR_DNS_CLASS_IN 1
#define MR_DNS_NAME_TEXT 1025 /* 255 octets, each at worst "\DDD", and a NUL */

/* Names are in presentation form (RFC 1035 5.1, "\." and "\DDD" escaped) without the final dot;
 * the root is ".". */
typedef struct mr_dns_record {
    const char *name;
    uint16_t type;
    uint16_t class;
    uint32_t ttl;  /* seconds */
    mr_slice data; /* the record's raw octets */
    union {
        uint8_t ipv4[4];    /* A */
        uint8_t ipv6[16];   /* AAAA */
        const char *target; /* NS, CNAME, PTR */
        struct { uint16_t priority, weight, port; const char *target; } srv;
        struct { uint16_t preference; const char *target; } mx;
        struct {
            const char *primary, *mailbox;
            uint32_t serial, refresh, retry, expire, minimum;
        } soa;
    } u;
} mr_dns_record;

typedef struct mr_dns_message {
    uint16_t id;
    bool response;
    bool authoritative;       /* AA */
    bool truncated;           /* TC */
    bool recursion_desired;   /* RD */
    bool recursion_available; /* RA */
    uint8_t opcode;
    uint16_t rcode;           /* with the OPT record's upper bits */
    const char *question;     /* the first question's name, NULL without one */
    uint16_t question_type;
    mr_dns_record *answers;
    size_t answer_count;
    mr_dns_record *authority;
    size_t authority_count;
    mr_dns_record *additional;
    size_t additional_count;
} mr_dns_message;

/* Decodes a whole message; names and records are *in @arena*, raw data *borrows* from @bytes. A
 * message with TC set may end early: what is complete is kept. Records whose data breaks its
 * type's form make the message MR_ERR_MALFORMED, as do compression pointers that do not point
 * backwards. Errors: MR_ERR_TRUNCATED, MR_ERR_MALFORMED, MR_ERR_MEMORY. */
int mr_dns_decode(mr_slice bytes, mr_arena *arena, mr_dns_message *messagep, mr_error *err);

/* Where @name (presentation form, final dot optional) stops being a DNS name: 0, or MR_ERR_SYNTAX
 * with the octet in @err: an empty label, one over 63 octets, a name over 255, a broken escape. */
int mr_dns_check_name(const char *name, mr_error *err);

/* Appends a query for @name (presentation form, final dot optional). Returns 0, or MR_ERR_SYNTAX
 * when the name cannot be a DNS name: an empty label, a label over 63 or a name over 255 octets;
 * else the buffer's error. */
int mr_dns_encode_query(uint16_t id, const char *name, uint16_t type, bool recursion, mr_buf *out);

/* Appends an update of @zone (RFC 2136 2) that changes nothing, to learn whether it would be taken.
 * Without @unused it has neither prerequisites nor updates. With @unused, a name that nobody has,
 * it requires that the name is not in use and removes its TXT records, of which there are none
 * (RFC 2136 3.4.2.3). MR_ERR_SYNTAX for what is no DNS name; else 0 or the buffer's error. */
int mr_dns_encode_update_test(uint16_t id, const char *zone, const char *unused, mr_buf *out);

typedef struct mr_dns_rank { /* of an SRV record */
    uint16_t priority, weight;
} mr_dns_rank;

/* The order in which a client tries SRV records (RFC 2782): by priority, within one by a chance
 * that follows the weights. @random holds @count numbers; indices go to @order. */
void mr_dns_order(const mr_dns_rank *ranks, size_t count, const uint32_t *random, size_t *order);

/* Same name: ASCII case and a final dot do not count. */
bool mr_dns_same_name(const char *a, const char *b);

/* "10.1.168.192.in-addr.arpa" or the nibbles under ip6.arpa (RFC 1035 3.5, RFC 3596 2.5) for an
 * address of 4 or 16 octets; returns @out. */
char *mr_dns_reverse_name(mr_slice address, char out[MR_DNS_NAME_TEXT]);

/* "AAAA", "TYPE65"; "NXDOMAIN", "RCODE23"; the numbered form is written into @out. */
const char *mr_dns_type_name(uint16_t type, char out[16]);
/* The number of a type by its name, in any case, or by "TYPE65" (RFC 3597 5): 0, MR_ERR_SYNTAX. */
int mr_dns_type_decode(mr_slice text, uint16_t *typep);
const char *mr_dns_rcode_name(uint16_t rcode, char out[16]);

#endif
