/*
 * NetBIOS over TCP (RFC 1001, RFC 1002): names, the questions of the name service and every answer
 * that can come to one, node status, and the request that opens a session.
 */
#ifndef MSRPC_WIRE_NBT_H
#define MSRPC_WIRE_NBT_H

#include <msrpc/base.h>

#define MR_NBT_NAME 16      /* octets: 15 of the name, padded with spaces, and the suffix */
#define MR_NBT_NAMES_MAX 255
#define MR_NBT_PORT 137     /* UDP: the name service */

/* ---- names ---- */

#define MR_NBT_NO_SUFFIX -1

/* Reads a name as people write it: "NAME", "NAME#1C" or "NAME<1C>"; ASCII letters become capitals,
 * the rest is padding. @suffixp: what stood behind it, or MR_NBT_NO_SUFFIX, when @namep's last
 * octet is 0. "__MSBROWSE__" gets the octets around it. MR_ERR_SYNTAX: no name, or more than 15
 * octets. */
int mr_nbt_name_decode(mr_slice text, uint8_t namep[MR_NBT_NAME], int *suffixp, mr_error *err);
/* Reads a suffix: two hexadecimal digits, with or without "0x" or "#", or a word of the table
 * ("server", "dc"). MR_ERR_SYNTAX. */
int mr_nbt_suffix_decode(mr_slice text, uint8_t *suffixp);
/* The @i-th word that mr_nbt_suffix_decode knows, and its octet; NULL past the end. */
const char *mr_nbt_suffix_word(size_t i, uint8_t *suffixp);
/* What a suffix means ("file server", "domain controllers"), "" when it is not known. */
const char *mr_nbt_suffix_text(uint8_t suffix, bool group);
/* The same where the name itself may decide ("IS~WEB1"); @name without padding. */
const char *mr_nbt_meaning(mr_slice name, uint8_t suffix, bool group);
/* The 15 octets of a name without their padding; *borrows* @name. */
mr_slice mr_nbt_name_trim(const uint8_t name[MR_NBT_NAME]);

/* ---- questions and answers of the name service ---- */

enum { MR_NBT_TYPE_NB = 0x20, MR_NBT_TYPE_STATUS = 0x21 };

typedef struct mr_nbt_question {
    uint16_t id;
    uint16_t type;             /* MR_NBT_TYPE_NB or MR_NBT_TYPE_STATUS */
    bool broadcast;            /* to everybody on a link: B set */
    bool recursion;            /* to a name server (WINS): RD set */
    uint8_t name[MR_NBT_NAME]; /* "*" for any is padded with zeros */
    mr_slice scope;            /* "" or labels with dots (RFC 1001 9); *borrowed* */
} mr_nbt_question;

/* Appends a question (RFC 1002 4.2.12, 4.2.17). 0, the buffer's error, or MR_ERR_ARGUMENT when
 * the scope has an empty label, one over 63 octets, or makes a name over 255. */
int mr_nbt_encode_question(const mr_nbt_question *question, mr_buf *out);

enum mr_nbt_kind {
    MR_NBT_ANSWER_POSITIVE, /* RFC 1002 4.2.13: addresses */
    MR_NBT_ANSWER_NEGATIVE, /* 4.2.14: rcode says why */
    MR_NBT_ANSWER_REDIRECT, /* 4.2.15: ask the name server @server */
    MR_NBT_ANSWER_WAIT,     /* 4.2.16, WACK: another answer follows within @ttl seconds */
};

/* NB_FLAGS, RFC 1002 4.2.1.3; with MR_NBT_GROUP as in a node status */
#define MR_NBT_NODE(flags) ((flags) >> 13 & 3)

typedef struct mr_nbt_addr {
    uint16_t flags;
    uint8_t ip[4];
} mr_nbt_addr;

typedef struct mr_nbt_answer {
    enum mr_nbt_kind kind;
    uint16_t id;
    uint8_t rcode;
    bool authoritative, truncated, recursion_available, broadcast;
    bool has_name;             /* the record names itself in full, not by a pointer */
    uint8_t name[MR_NBT_NAME];
    char *scope;               /* with dots, "" for none; in the caller's arena */
    uint32_t ttl;              /* seconds */
    mr_nbt_addr *addrs;        /* in the caller's arena */
    size_t addr_count;
    uint8_t server[4];         /* of MR_NBT_ANSWER_REDIRECT; zeros: not told */
} mr_nbt_answer;

/* Decodes whatever may come to a name query. MR_ERR_TRUNCATED, MR_ERR_MALFORMED, MR_ERR_MEMORY. */
int mr_nbt_answer_decode(mr_slice bytes, mr_arena *arena, mr_nbt_answer *answerp, mr_error *err);
/* "the name does not exist" ...; RFC 1002 4.2.6, 4.2.14. */
const char *mr_nbt_rcode_text(uint8_t rcode);
/* "B", "P", "M" or "H": how a node registers and looks for names (RFC 1001 10, and Microsoft's
 * hybrid node for the value that RFC 1002 keeps free). */
const char *mr_nbt_node_text(uint16_t flags);

/* ---- node status ---- */

/* RFC 1002 4.2.18, NAME_FLAGS */
#define MR_NBT_GROUP 0x8000
#define MR_NBT_DEREGISTER 0x1000
#define MR_NBT_CONFLICT 0x0800
#define MR_NBT_ACTIVE 0x0400
#define MR_NBT_PERMANENT 0x0200

typedef struct mr_nbt_name {
    mr_slice name;   /* without its padding; *borrowed* from the message */
    uint8_t suffix;  /* the 16th octet: which service */
    uint16_t flags;
} mr_nbt_name;

typedef struct mr_nbt_status {
    uint16_t id;
    uint8_t rcode;
    mr_nbt_name *names;  /* in the caller's arena */
    size_t count;
    bool has_mac;
    uint8_t mac[6];      /* unit id; Samba says zeros */
} mr_nbt_status;

/* Appends a node status request (RFC 1002 4.2.17) for "*". 0 or the buffer's error. */
int mr_nbt_encode_status(uint16_t id, mr_buf *out);
/* Decodes the answer (4.2.18). MR_ERR_TRUNCATED, MR_ERR_MALFORMED, MR_ERR_MEMORY. */
int mr_nbt_status_decode(mr_slice bytes, mr_arena *arena, mr_nbt_status *statusp, mr_error *err);
/* ---- sessions ---- */

enum mr_nbt_session { /* RFC 1002 4.3.1 */
    MR_NBT_MESSAGE = 0x00,
    MR_NBT_REQUEST = 0x81,
    MR_NBT_POSITIVE = 0x82,
    MR_NBT_NEGATIVE = 0x83,
    MR_NBT_RETARGET = 0x84,
    MR_NBT_KEEPALIVE = 0x85,
};

/* Appends a session request to @called with suffix 20 from @calling with suffix 0. Names are cut
 * at 15 octets. 0 or the buffer's error. */
int mr_nbt_encode_session(const char *called, const char *calling, mr_buf *out);
/* The type of the session packet that @bytes begins with and the length of what follows its four
 * octets: 0, or 1 when more octets are needed. */
int mr_nbt_session_decode(mr_slice bytes, uint8_t *typep, size_t *lenp);
/* The words of RFC 1002 4.3.4 for a negative response's error code. */
const char *mr_nbt_session_error(uint8_t code);

#endif
