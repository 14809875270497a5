/*
 * NetBIOS over TCP (RFC 1001, RFC 1002): the node status of the name service and the request that
 * opens a session.
 */
#ifndef MSRPC_WIRE_NBT_H
#define MSRPC_WIRE_NBT_H

#include <msrpc/base.h>

#define MR_NBT_NAME 16      /* octets: 15 of the name, padded with spaces, and the suffix */
#define MR_NBT_NAMES_MAX 255

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
/* What a suffix means ("file server", "domain controllers"), "" when it is not known. */
const char *mr_nbt_suffix_text(uint8_t suffix, bool group);

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
