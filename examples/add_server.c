/*
 * Serves one method of rpcecho on loopback: add_server PORT. Port 0 lets the system choose; the
 * port is printed. Ends with SIGTERM.
 */
#include <stdio.h>
#include <stdlib.h>

#include <msrpc/ifaces/rpcecho_server.h>

static int add_one(mr_server_call *call, struct mr_rpcecho_echo_AddOne *args) {
    (void)call;
    args->out_data = args->in_data + 1;
    return 0;
}

static const struct mr_rpcecho_iface_server bodies = {.echo_AddOne = add_one};

int main(int argc, char **argv) {
    const mr_server_iface echo = {
        .iface = &mr_rpcecho_iface,
        .rows = mr_rpcecho_iface_rows,
        .row_count = MR_COUNT(mr_rpcecho_iface_rows),
        .bodies = &bodies,
    };
    mr_server_options defaults = {0};
    mr_listen_options listen = {0};
    mr_error err = MR_ERROR_INIT;
    mr_server_endpoint *endpoint;
    mr_server *server = NULL;
    mr_loop loop = {0};
    uint16_t port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 0;

    mr_addr_decode(MR_SLICE_LIT("127.0.0.1"), port, &listen.local);
    int r = mr_loop_init(&loop, &err);
    if (r == 0)
        r = mr_loop_add_signals(&loop, &err);
    if (r == 0)
        r = mr_server_new(&loop, &defaults, &server, &err);
    if (r == 0)
        r = mr_server_add_endpoint(server, &listen, &endpoint, &err);
    if (r == 0)
        r = mr_server_add_iface(endpoint, &echo, &err);
    if (r == 0) {
        printf("%u\n", mr_server_endpoint_get_local(endpoint)->port);
        fflush(stdout);
        mr_loop_run(&loop, MR_NSEC_NEVER);
    } else {
        fprintf(stderr, "add_server: %s\n", err.text);
    }
    mr_server_free(server);
    mr_loop_deinit(&loop);
    return r == 0 ? 0 : 1;
}
