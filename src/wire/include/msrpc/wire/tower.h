/*
 * Protocol towers (C706 appendices I and L, MS-RPCE 2.2.1.2): the form in which the endpoint mapper
 * keeps a binding. Lengths and versions are little-endian whatever the PDU says, ports and
 * addresses big-endian. A decoded tower *borrows*; every floor stays readable, also those whose
 * protocol nobody knows.
 *
 * Floor 1 names the interface and floor 2 the transfer syntax: UUID and major version in the
 * left-hand side, the minor version in the right-hand side. Floor 3 is the RPC protocol, floor 4
 * the endpoint, floor 5 the host.
 */
#ifndef MSRPC_WIRE_TOWER_H
#define MSRPC_WIRE_TOWER_H

#include <msrpc/base/result.h>
#include <msrpc/wire/binding.h>
#include <msrpc/wire/syntax.h>

#define MR_TOWER_FLOORS_MIN 3
#define MR_TOWER_FLOORS_MAX 32
#define MR_TOWER_SIZE_MAX 4096 /* octets of an encoded tower */

typedef struct mr_tower_floor {
    uint8_t protocol; /* enum mr_protocol_id */
    mr_slice lhs;     /* what follows the protocol identifier; borrows */
    mr_slice rhs;     /* borrows */
} mr_tower_floor;

enum mr_tower_host {
    MR_TOWER_HOST_NONE, /* no floor 5 */
    MR_TOWER_HOST_IPV4, /* 4 octets, network order; 0.0.0.0 stands for the host that was asked */
    MR_TOWER_HOST_IPV6, /* 16 octets in an IP floor */
    MR_TOWER_HOST_NAME, /* NetBIOS name, without its NUL */
};

typedef struct mr_tower {
    unsigned floor_count;
    mr_cursor floors;        /* copy it and read with mr_tower_read_floor */
    mr_syntax interface;
    mr_syntax transfer;
    enum mr_protseq protseq; /* by floors 3 and 4 */
    uint8_t rpc_protocol;    /* identifier of floor 3 */
    uint16_t rpc_minor;      /* minor version of the RPC protocol, floor 3 */
    bool has_port;
    uint16_t port;           /* floor 4 of TCP, UDP and HTTP; 0 in a question */
    mr_slice endpoint;       /* floor 4 otherwise: pipe or LRPC name without its NUL; borrows */
    enum mr_tower_host host_kind;
    mr_slice host;           /* floor 5; borrows */
    mr_slice rest;           /* octets after the last floor; borrows */
} mr_tower;

/* Decodes a tower_octet_string. Errors: MR_ERR_TRUNCATED, MR_ERR_MALFORMED (the first two floors
 * are not syntaxes, an empty left-hand side, a port or address of odd size), MR_ERR_LIMIT (more
 * than MR_TOWER_FLOORS_MAX floors), each with floor wire and the offset in @octets. */
int mr_tower_decode(mr_slice octets, mr_tower *towerp, mr_error *err);
/* The next floor of a checked tower, or false at its end. */
bool mr_tower_read_floor(mr_cursor *floors, mr_tower_floor *floorp);

/* Appends the tower of @tower's interface, transfer, protseq, rpc_minor, port or endpoint, and
 * host: ncacn_ip_tcp, ncadg_ip_udp, ncacn_http (port; host IPv4 or none, which gives 0.0.0.0),
 * ncacn_np and ncalrpc (endpoint; host a name or none). floors, floor_count,
 * rpc_protocol, has_port and rest are ignored. Returns 0, MR_ERR_UNSUPPORTED (another protseq),
 * MR_ERR_ARGUMENT (a host that does not fit the protseq, a NUL in a name), MR_ERR_LIMIT or
 * MR_ERR_MEMORY. @buf's byte order is left as it was. */
int mr_tower_encode(const mr_tower *tower, mr_buf *buf);

/* The string binding of a tower: protseq, host (without the leading backslashes of a server name)
 * and endpoint as text *in @arena*; without an object.
 * Returns 0, MR_ERR_UNSUPPORTED (protseq unknown) or MR_ERR_MEMORY. */
int mr_tower_get_binding(const mr_tower *tower, mr_arena *arena, mr_binding *bindingp);

#endif
