/*
 * Protocol sequences and the protocol identifiers of tower floors (C706 appendices B and I,
 * MS-RPCE 2.2.1.2): one table tells both.
 */
#ifndef MSRPC_WIRE_PROTSEQ_H
#define MSRPC_WIRE_PROTSEQ_H

#include <msrpc/base/slice.h>

enum mr_protseq {
    MR_PROTSEQ_UNKNOWN,
    MR_PROTSEQ_NCACN_IP_TCP,
    MR_PROTSEQ_NCADG_IP_UDP,
    MR_PROTSEQ_NCACN_NP,
    MR_PROTSEQ_NCACN_HTTP,
    MR_PROTSEQ_NCALRPC,
    /* recognised in towers and bindings, not encoded into towers */
    MR_PROTSEQ_NCACN_SPX,
    MR_PROTSEQ_NCADG_IPX,
    MR_PROTSEQ_NCACN_NB_TCP,
    MR_PROTSEQ_NCACN_NB_NB,
    MR_PROTSEQ_NCACN_NB_IPX,
    MR_PROTSEQ_NCACN_AT_DSP,
    MR_PROTSEQ_NCADG_AT_DDP,
    MR_PROTSEQ_NCACN_VNS_SPP,
    MR_PROTSEQ_NCACN_DNET_NSP,
    MR_PROTSEQ_NCACN_UNIX_STREAM,
};

/* The first octet of a floor's left-hand side. */
enum mr_protocol_id {
    MR_PROTOCOL_DNET_NSP = 0x04,
    MR_PROTOCOL_OSI_TP4 = 0x05,
    MR_PROTOCOL_OSI_CLNS = 0x06,
    MR_PROTOCOL_TCP = 0x07,
    MR_PROTOCOL_UDP = 0x08,
    MR_PROTOCOL_IP = 0x09,
    MR_PROTOCOL_RPC_CL = 0x0a,
    MR_PROTOCOL_RPC_CO = 0x0b,
    MR_PROTOCOL_NCALRPC = 0x0c,
    MR_PROTOCOL_UUID = 0x0d,
    MR_PROTOCOL_IPX = 0x0e,
    MR_PROTOCOL_SMB = 0x0f,        /* \pipe\name over SMB */
    MR_PROTOCOL_NAMED_PIPE = 0x10, /* endpoint of ncalrpc */
    MR_PROTOCOL_NETBIOS = 0x11,    /* a host name */
    MR_PROTOCOL_NETBEUI = 0x12,
    MR_PROTOCOL_SPX = 0x13,
    MR_PROTOCOL_NB_IPX = 0x14,
    MR_PROTOCOL_DSP = 0x16,
    MR_PROTOCOL_DDP = 0x17,
    MR_PROTOCOL_APPLETALK = 0x18,
    MR_PROTOCOL_VINES_SPP = 0x1a,
    MR_PROTOCOL_VINES_IPC = 0x1b,
    MR_PROTOCOL_STREETTALK = 0x1c,
    MR_PROTOCOL_HTTP = 0x1f,
    MR_PROTOCOL_UNIX_STREAM = 0x20,
    MR_PROTOCOL_NULL = 0x21,
};

/* "ncacn_ip_tcp"; "unknown" for MR_PROTSEQ_UNKNOWN. */
const char *mr_protseq_name(enum mr_protseq protseq);
/* By name in any case; MR_PROTSEQ_UNKNOWN when there is none. */
enum mr_protseq mr_protseq_find(mr_slice name);
/* By the protocol identifiers of floors 3 and 4. */
enum mr_protseq mr_protseq_find_floors(uint8_t rpc, uint8_t transport);
/* "tcp", "named_pipe", ...; "unknown" for a number without a name. */
const char *mr_protocol_name(uint8_t protocol);

#endif
