/*
 * RTS commands of RPC over HTTP (MS-RPCH 2.2.3.5): the elements of an RTS PDU, decoded and encoded
 * by their type and size. What a sequence of commands means is the engine's business.
 */
#ifndef MSRPC_WIRE_RTS_H
#define MSRPC_WIRE_RTS_H

#include <msrpc/wire/pdu.h>

/* Flags of an RTS PDU (MS-RPCH 2.2.3.6.1). */
enum mr_rts_flag {
    MR_RTS_PING = 0x01,
    MR_RTS_OTHER_CMD = 0x02,
    MR_RTS_RECYCLE_CHANNEL = 0x04,
    MR_RTS_IN_CHANNEL = 0x08,
    MR_RTS_OUT_CHANNEL = 0x10,
    MR_RTS_EOF = 0x20,
    MR_RTS_ECHO = 0x40,
};

enum mr_rts_type {
    MR_RTS_RECEIVE_WINDOW_SIZE = 0,    /* value */
    MR_RTS_FLOW_CONTROL_ACK = 1,       /* value (octets received), window, cookie */
    MR_RTS_CONNECTION_TIMEOUT = 2,     /* value, milliseconds */
    MR_RTS_COOKIE = 3,                 /* cookie */
    MR_RTS_CHANNEL_LIFETIME = 4,       /* value, octets */
    MR_RTS_CLIENT_KEEPALIVE = 5,       /* value, milliseconds */
    MR_RTS_VERSION = 6,                /* value */
    MR_RTS_EMPTY = 7,
    MR_RTS_PADDING = 8,                /* octets */
    MR_RTS_NEGATIVE_ANCE = 9,
    MR_RTS_ANCE = 10,
    MR_RTS_CLIENT_ADDRESS = 11,        /* octets: 4 (IPv4) or 16 (IPv6), network order */
    MR_RTS_ASSOCIATION_GROUP_ID = 12,  /* cookie */
    MR_RTS_DESTINATION = 13,           /* value, enum mr_rts_destination */
    MR_RTS_PING_TRAFFIC_SENT = 14,     /* value, octets */
};

enum mr_rts_destination {
    MR_RTS_TO_CLIENT = 0,
    MR_RTS_TO_IN_PROXY = 1,
    MR_RTS_TO_SERVER = 2,
    MR_RTS_TO_OUT_PROXY = 3,
};

#define MR_RTS_PADDING_MAX 65535 /* octets of one padding command (MS-RPCH 2.2.3.5.9) */

typedef struct mr_rts_command {
    uint32_t type;   /* enum mr_rts_type */
    uint32_t value;
    uint32_t window; /* MR_RTS_FLOW_CONTROL_ACK: available window */
    mr_uuid cookie;
    mr_slice octets; /* borrows */
} mr_rts_command;

/* The next command of a checked list, or false at its end. */
bool mr_rts_read_command(mr_cursor *items, mr_rts_command *commandp);
/* Adds a command to the RTS PDU that ends @buf and began at @at; results as mr_pdu_encode_*. */
int mr_rts_add_command(mr_buf *buf, size_t at, const mr_rts_command *command);
/* "receive_window_size"; "unknown" for a number without a name. */
const char *mr_rts_type_name(uint32_t type);

#endif
