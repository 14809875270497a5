/*
 * A client by string binding (C706 3.1, MS-RPCE 2.2.1, 3.3.2.4.1): resolve the host, ask its
 * endpoint mapper when the binding names no endpoint, connect and bind. Waits; for programs that
 * have nothing else to do meanwhile.
 */
#include <msrpc/ifaces/epmapper.h>
#include <msrpc/rpc/mapper.h>

#include "client_private.h"

#define BINDING_CAP 65536

static void on_lookup(void *user, int result, const mr_error *err) {
    mr_wait_end(user, result, err);
}

/* Tries the addresses in turn; the error is that of the last. */
static int open_any(mr_loop *loop, const mr_lookup *lookup, uint16_t port,
                    const mr_client_options *options, const mr_syntax *syntax,
                    mr_client **clientp, mr_error *err) {
    int r = MR_ERR_NAME;

    for (size_t i = 0; i < lookup->count; i++) {
        mr_client_options one = *options;
        mr_client *client;
        one.connect.remote = lookup->addrs[i];
        one.connect.remote.port = port;
        r = mr_client_new(loop, &one, &client, err);
        if (r)
            return r;
        r = mr_client_open(client, syntax, err);
        if (r == 0) {
            *clientp = client;
            return 0;
        }
        mr_client_free(client);
        if (r == MR_ERR_CANCELLED)
            return r;
    }
    return r;
}

static int ask_mapper(mr_loop *loop, const mr_lookup *lookup, mr_slice host,
                      const mr_client_options *options, const mr_binding *binding,
                      const mr_syntax *syntax, uint16_t *portp, mr_error *err) {
    mr_client *client;
    mr_mapper mapper;
    int r = open_any(loop, lookup, MR_MAPPER_PORT, options, &mr_epmapper_iface.syntax, &client,
                     err);
    if (r)
        return r;
    r = mr_mapper_init(&mapper, client, host, err);
    if (!r)
        r = mr_mapper_map_run(&mapper, syntax, binding->has_object ? &binding->object : NULL,
                              MR_PROTSEQ_NCACN_IP_TCP, err);
    uint16_t port = 0;
    for (size_t i = 0; !r && !port && i < mapper.count; i++)
        port = mapper.entries[i].port;
    if (!r && !port)
        r = mr_fail(err, MR_ERR_PROTOCOL, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                    "the endpoint mapper names no TCP port");
    mr_mapper_deinit(&mapper);
    mr_client_free(client);
    *portp = port;
    return r;
}

static int open_path(mr_loop *loop, const char *path, const mr_syntax *syntax,
                     const mr_client_options *options, mr_client **clientp, mr_error *err) {
    mr_client_options one = *options;
    mr_client *client;

    one.connect.path = path;
    int r = mr_client_new(loop, &one, &client, err);
    if (r)
        return r;
    r = mr_client_open(client, syntax, err);
    if (r)
        mr_client_free(client);
    else
        *clientp = client;
    return r;
}

/* The path that this machine's mapper knows for @syntax, *in @arena*. */
static int ask_local_mapper(mr_loop *loop, const mr_binding *binding, const mr_syntax *syntax,
                            const mr_client_options *options, mr_arena *arena, const char **pathp,
                            mr_error *err) {
    mr_client *client;
    mr_mapper mapper;
    int r = open_path(loop, MR_MAPPER_SOCKET, &mr_epmapper_iface.syntax, options, &client, err);

    if (r)
        return r;
    r = mr_mapper_init(&mapper, client, MR_SLICE_LIT("localhost"), err);
    if (!r)
        r = mr_mapper_map_run(&mapper, syntax, binding->has_object ? &binding->object : NULL,
                              MR_PROTSEQ_NCALRPC, err);
    if (!r)
        *pathp = mr_arena_add_str(arena, mapper.entries[0].endpoint);
    mr_mapper_deinit(&mapper);
    mr_client_free(client);
    return r;
}

/* ncalrpc: the endpoint is the path of a local socket. */
static int open_local(mr_loop *loop, const mr_binding *binding, mr_arena *arena,
                      const mr_iface *iface, const mr_client_options *options,
                      mr_client **clientp, mr_error *err) {
    const char *path = NULL;
    int r = 0;

    if (binding->endpoint.len)
        path = mr_arena_add_str(arena, binding->endpoint);
    else
        r = ask_local_mapper(loop, binding, &iface->syntax, options, arena, &path, err);
    if (!r && !path)
        r = mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "out of memory");
    return r ? r : open_path(loop, path, &iface->syntax, options, clientp, err);
}

/* The port of the binding's endpoint; 0 when it names none. */
static int read_endpoint(const mr_binding *binding, uint16_t *portp, mr_error *err) {
    uint64_t port = 0;

    if (binding->protseq != MR_PROTSEQ_NCACN_IP_TCP)
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "protocol sequence %s cannot be connected to",
                       mr_protseq_name(binding->protseq));
    if (binding->endpoint.len &&
        (mr_slice_get_number(binding->endpoint, UINT16_MAX, &port) != 0 || port == 0))
        return mr_fail(err, MR_ERR_SYNTAX, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "the endpoint is no port from 1 to 65535");
    *portp = (uint16_t)port;
    return 0;
}

static int open_binding(mr_loop *loop, const mr_binding *binding, const char *host,
                        const mr_iface *iface, const mr_client_options *options,
                        mr_client **clientp, mr_error *err) {
    mr_wait wait = {.loop = loop, .err = err};
    const mr_lookup_options ask = {.host = host, .timeout = options->timeout};
    mr_resolver resolver;
    mr_lookup lookup;
    uint16_t port = 0;

    int r = read_endpoint(binding, &port, err);
    if (r)
        return r;
    mr_resolver_init(&resolver, loop);
    mr_lookup_init(&lookup, &resolver, on_lookup, &wait);
    r = mr_wait_run(&wait, mr_lookup_start(&lookup, &ask, err));
    if (!r && !port)
        r = ask_mapper(loop, &lookup, mr_slice_str(host), options, binding, &iface->syntax, &port,
                       err);
    if (!r)
        r = open_any(loop, &lookup, port, options, &iface->syntax, clientp, err);
    mr_lookup_deinit(&lookup);
    mr_resolver_deinit(&resolver);
    return r;
}

int mr_client_open_binding(mr_loop *loop, const char *text, const mr_iface *iface,
                           const mr_client_options *options, mr_client **clientp,
                           mr_error *err) {
    static const mr_client_options defaults;
    mr_binding binding;
    mr_arena arena;

    mr_arena_init(&arena, BINDING_CAP);
    int r = mr_binding_decode(mr_slice_str(text), &arena, &binding, err);
    if (!r && binding.protseq == MR_PROTSEQ_NCALRPC) {
        r = open_local(loop, &binding, &arena, iface, options ? options : &defaults, clientp, err);
    } else if (!r) {
        /* C706 3.1: an empty host is this machine */
        const char *host = binding.host.len ? mr_arena_add_str(&arena, binding.host)
                                            : "127.0.0.1";
        r = host ? open_binding(loop, &binding, host, iface, options ? options : &defaults,
                                clientp, err)
                 : mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "out of memory");
    }
    mr_arena_deinit(&arena);
    return r;
}
