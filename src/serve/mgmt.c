/*
 * The management interface, which every endpoint answers (C706 appendix Q). It tells what is
 * offered there and how much was done; who may stop the server through it is a process of this
 * machine that runs as root or as the server's own user and came by a local socket.
 */
#include <msrpc/ifaces/mgmt_server.h>
#include <msrpc/serve.h>

#define STATUS_ACCESS_DENIED 5u             /* RPC_S_ACCESS_DENIED */
#define STATUS_UNKNOWN_AUTHN_SERVICE 1747u  /* RPC_S_UNKNOWN_AUTHN_SERVICE */

/* The interfaces of this endpoint; mgmt itself is understood. */
static int inq_if_ids(mr_server_call *call, struct mr_mgmt_inq_if_ids *args) {
    const mr_server_iface *served;
    size_t count = 0;

    while (mr_server_endpoint_get_iface(call->endpoint, count))
        count++;
    mr_mgmt_rpc_if_id_vector_t *vector = MR_ARENA_NEW(call->arena, mr_mgmt_rpc_if_id_vector_t);
    mr_mgmt_rpc_if_id_t *ids = mr_arena_get(call->arena, count, sizeof *ids);
    if (vector)
        vector->if_id = mr_arena_get(call->arena, count, sizeof(*vector->if_id));
    if (!vector || !ids || !vector->if_id)
        return MR_ERR_MEMORY;
    for (size_t i = 0; (served = mr_server_endpoint_get_iface(call->endpoint, i)) != NULL; i++) {
        const mr_syntax *syntax = &served->iface->syntax;
        if (served->iface == &mr_mgmt_iface)
            continue;
        ids[i] = (mr_mgmt_rpc_if_id_t){syntax->uuid, syntax->major, syntax->minor};
        vector->if_id[vector->count++] = &ids[i];
    }
    args->if_id_vector = vector;
    return 0;
}

static int inq_stats(mr_server_call *call, struct mr_mgmt_inq_stats *args) {
    mr_server_stats stats;

    mr_server_get_stats(mr_server_endpoint_get_server(call->endpoint), &stats);
    const uint64_t values[] = {
        [mr_mgmt_RPC_C_STATS_CALLS_IN] = stats.calls_in,
        [mr_mgmt_RPC_C_STATS_CALLS_OUT] = stats.calls_out,
        [mr_mgmt_RPC_C_STATS_PKTS_IN] = stats.pdus_in,
        [mr_mgmt_RPC_C_STATS_PKTS_OUT] = stats.pdus_out,
    };
    if (args->count > MR_COUNT(values))
        args->count = MR_COUNT(values);
    args->statistics = mr_arena_get(call->arena, args->count, sizeof *args->statistics);
    if (!args->statistics)
        return MR_ERR_MEMORY;
    for (uint32_t i = 0; i < args->count; i++)
        args->statistics[i] = (uint32_t)values[i];
    return 0;
}

static int is_server_listening(mr_server_call *call, struct mr_mgmt_is_server_listening *args) {
    (void)call;
    args->result = 1;
    return 0;
}

static int stop_server_listening(mr_server_call *call,
                                 struct mr_mgmt_stop_server_listening *args) {
    mr_server_peer peer;

    mr_server_call_get_peer(call, &peer);
    if (peer.protseq == MR_PROTSEQ_NCALRPC && peer.cred.known && peer.cred.trusted)
        mr_server_stop(mr_server_endpoint_get_server(call->endpoint));
    else
        args->status = STATUS_ACCESS_DENIED;
    return 0;
}

/* The server has no security provider, so it has no principal for any. */
static int inq_princ_name(mr_server_call *call, struct mr_mgmt_inq_princ_name *args) {
    if (args->princ_name_size == 0)
        return mr_server_fault(call, MR_FAULT_NDR); /* not even an empty name fits */
    args->server_princ_name = MR_ARENA_NEW(call->arena, uint8_t);
    args->status = STATUS_UNKNOWN_AUTHN_SERVICE;
    return args->server_princ_name ? 0 : MR_ERR_MEMORY;
}

static const struct mr_mgmt_iface_server bodies = {
    .inq_if_ids = inq_if_ids,
    .inq_stats = inq_stats,
    .is_server_listening = is_server_listening,
    .stop_server_listening = stop_server_listening,
    .inq_princ_name = inq_princ_name,
};

int mr_serve_add_mgmt(mr_server_endpoint *endpoint, mr_error *err) {
    const mr_server_iface served = {&mr_mgmt_iface, mr_mgmt_iface_rows,
                                    MR_COUNT(mr_mgmt_iface_rows), &bodies, NULL, NULL};
    return mr_server_add_iface(endpoint, &served, err);
}
