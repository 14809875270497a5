/*
 * The table of protocol sequences: name, and the protocol identifiers that floors 3 and 4 of its
 * towers carry (C706 appendices B and I, MS-RPCE 2.2.1.2). A zero identifier means that no tower
 * of that sequence is recognised.
 */
#include <msrpc/wire/protseq.h>

static const struct {
    const char *name;
    uint8_t rpc;
    uint8_t transport;
} sequences[] = {
    [MR_PROTSEQ_UNKNOWN] = {"unknown", 0, 0},
    [MR_PROTSEQ_NCACN_IP_TCP] = {"ncacn_ip_tcp", MR_PROTOCOL_RPC_CO, MR_PROTOCOL_TCP},
    [MR_PROTSEQ_NCADG_IP_UDP] = {"ncadg_ip_udp", MR_PROTOCOL_RPC_CL, MR_PROTOCOL_UDP},
    [MR_PROTSEQ_NCACN_NP] = {"ncacn_np", MR_PROTOCOL_RPC_CO, MR_PROTOCOL_SMB},
    [MR_PROTSEQ_NCACN_HTTP] = {"ncacn_http", MR_PROTOCOL_RPC_CO, MR_PROTOCOL_HTTP},
    [MR_PROTSEQ_NCALRPC] = {"ncalrpc", MR_PROTOCOL_NCALRPC, MR_PROTOCOL_NAMED_PIPE},
    [MR_PROTSEQ_NCACN_SPX] = {"ncacn_spx", MR_PROTOCOL_RPC_CO, MR_PROTOCOL_SPX},
    [MR_PROTSEQ_NCADG_IPX] = {"ncadg_ipx", MR_PROTOCOL_RPC_CL, MR_PROTOCOL_IPX},
    [MR_PROTSEQ_NCACN_NB_TCP] = {"ncacn_nb_tcp", 0, 0},
    [MR_PROTSEQ_NCACN_NB_NB] = {"ncacn_nb_nb", MR_PROTOCOL_RPC_CO, MR_PROTOCOL_NETBEUI},
    [MR_PROTSEQ_NCACN_NB_IPX] = {"ncacn_nb_ipx", MR_PROTOCOL_RPC_CO, MR_PROTOCOL_NB_IPX},
    [MR_PROTSEQ_NCACN_AT_DSP] = {"ncacn_at_dsp", MR_PROTOCOL_RPC_CO, MR_PROTOCOL_DSP},
    [MR_PROTSEQ_NCADG_AT_DDP] = {"ncadg_at_ddp", MR_PROTOCOL_RPC_CL, MR_PROTOCOL_DDP},
    [MR_PROTSEQ_NCACN_VNS_SPP] = {"ncacn_vns_spp", MR_PROTOCOL_RPC_CO, MR_PROTOCOL_VINES_SPP},
    [MR_PROTSEQ_NCACN_DNET_NSP] = {"ncacn_dnet_nsp", MR_PROTOCOL_RPC_CO, MR_PROTOCOL_DNET_NSP},
    [MR_PROTSEQ_NCACN_UNIX_STREAM] = {"ncacn_unix_stream", MR_PROTOCOL_RPC_CO,
                                      MR_PROTOCOL_UNIX_STREAM},
};

const char *mr_protseq_name(enum mr_protseq protseq) {
    return sequences[(size_t)protseq < MR_COUNT(sequences) ? protseq : MR_PROTSEQ_UNKNOWN].name;
}

enum mr_protseq mr_protseq_find(mr_slice name) {
    for (size_t i = MR_PROTSEQ_UNKNOWN + 1; i < MR_COUNT(sequences); i++) {
        if (mr_slice_eq_nocase(name, mr_slice_str(sequences[i].name)))
            return (enum mr_protseq)i;
    }
    return MR_PROTSEQ_UNKNOWN;
}

enum mr_protseq mr_protseq_find_floors(uint8_t rpc, uint8_t transport) {
    for (size_t i = MR_PROTSEQ_UNKNOWN + 1; i < MR_COUNT(sequences); i++) {
        if (sequences[i].rpc != 0 && sequences[i].rpc == rpc &&
            sequences[i].transport == transport)
            return (enum mr_protseq)i;
    }
    return MR_PROTSEQ_UNKNOWN;
}

const char *mr_protocol_name(uint8_t protocol) {
    static const char *const names[] = {
        [MR_PROTOCOL_DNET_NSP] = "dnet_nsp",
        [MR_PROTOCOL_OSI_TP4] = "osi_tp4",
        [MR_PROTOCOL_OSI_CLNS] = "osi_clns",
        [MR_PROTOCOL_TCP] = "tcp",
        [MR_PROTOCOL_UDP] = "udp",
        [MR_PROTOCOL_IP] = "ip",
        [MR_PROTOCOL_RPC_CL] = "rpc_cl",
        [MR_PROTOCOL_RPC_CO] = "rpc_co",
        [MR_PROTOCOL_NCALRPC] = "ncalrpc",
        [MR_PROTOCOL_UUID] = "uuid",
        [MR_PROTOCOL_IPX] = "ipx",
        [MR_PROTOCOL_SMB] = "smb",
        [MR_PROTOCOL_NAMED_PIPE] = "named_pipe",
        [MR_PROTOCOL_NETBIOS] = "netbios",
        [MR_PROTOCOL_NETBEUI] = "netbeui",
        [MR_PROTOCOL_SPX] = "spx",
        [MR_PROTOCOL_NB_IPX] = "nb_ipx",
        [MR_PROTOCOL_DSP] = "dsp",
        [MR_PROTOCOL_DDP] = "ddp",
        [MR_PROTOCOL_APPLETALK] = "appletalk",
        [MR_PROTOCOL_VINES_SPP] = "vines_spp",
        [MR_PROTOCOL_VINES_IPC] = "vines_ipc",
        [MR_PROTOCOL_STREETTALK] = "streettalk",
        [MR_PROTOCOL_HTTP] = "http",
        [MR_PROTOCOL_UNIX_STREAM] = "unix_stream",
        [MR_PROTOCOL_NULL] = "null",
    };
    return protocol < MR_COUNT(names) && names[protocol] ? names[protocol] : "unknown";
}
