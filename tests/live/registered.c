/*
 * A server of this machine as the library makes it, to be killed: registered SOCKET ADDR. On two
 * dynamic ports of ADDR it offers rpcecho under a UUID of its own, where AddOne answers at once and
 * TestSleep never, and registers both with the mapper behind SOCKET ("-": the usual one). "ready"
 * is printed once that is done, on standard error why it cannot be.
 */
#include <stdio.h>
#include <string.h>

#include <msrpc/ifaces/rpcecho_server.h>
#include <msrpc/serve.h>

static int add_one(mr_server_call *call, struct mr_rpcecho_echo_AddOne *args) {
    (void)call;
    args->out_data = args->in_data + 1;
    return 0;
}

static int sleep_for_ever(mr_server_call *call, struct mr_rpcecho_echo_TestSleep *args) {
    (void)call;
    (void)args;
    return MR_SERVER_LATER;
}

static const struct mr_rpcecho_iface_server bodies = {.echo_AddOne = add_one,
                                                      .echo_TestSleep = sleep_for_ever};

static int run(mr_loop *loop, const char *socket, const char *addr, mr_error *err) {
    static const mr_port_range dynamic = {49152, 65535};
    const mr_register_options self = {.socket = strcmp(socket, "-") ? socket : NULL,
                                      .annotation = "to be killed"};
    mr_listen_options listen = {.ranges = &dynamic, .range_count = 1};
    mr_registration *registration = NULL;
    mr_iface iface = mr_rpcecho_iface;
    const mr_server_iface served = {.iface = &iface, .rows = mr_rpcecho_iface_rows,
                                    .row_count = MR_COUNT(mr_rpcecho_iface_rows),
                                    .bodies = &bodies};
    mr_server_endpoint *endpoint;
    mr_server *server = NULL;

    mr_uuid_decode(MR_SLICE_LIT("3d1f7e52-6c0a-4c54-9d0e-5a2b6f0c9a77"), &iface.syntax.uuid);
    int r = mr_addr_decode(mr_slice_str(addr), 0, &listen.local);
    if (r == 0)
        r = mr_server_new(loop, &(mr_server_options){0}, &server, err);
    for (int i = 0; i < 2 && r == 0; i++) {
        r = mr_server_add_endpoint(server, &listen, &endpoint, err);
        if (r == 0)
            r = mr_server_add_iface(endpoint, &served, err);
    }
    if (r == 0)
        r = mr_mapper_register_run(server, &self, &registration, err);
    if (r == 0) {
        puts("ready");
        fflush(stdout);
        mr_loop_run(loop, MR_NSEC_NEVER);
    }
    mr_mapper_unregister(registration);
    mr_server_free(server);
    return r;
}

int main(int argc, char **argv) {
    mr_error err = MR_ERROR_INIT;
    mr_loop loop = {0};

    if (argc != 3)
        return 64;
    int r = mr_loop_init(&loop, &err);
    if (r == 0)
        r = mr_loop_add_signals(&loop, &err);
    if (r == 0)
        r = run(&loop, argv[1], argv[2], &err);
    if (r)
        fprintf(stderr, "registered: %s\n", err.text);
    mr_loop_deinit(&loop);
    return r != 0;
}
