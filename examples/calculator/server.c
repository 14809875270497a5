/* Offers calc on a dynamic port and tells this machine's mapper: server [SOCKET OF THE MAPPER] */
#include <stdio.h>

#include <msrpc/serve.h>
#include "calc_server.h"

#define INT_DIV_BY_ZERO 0x1c000001 /* nca_s_fault_int_div_by_zero */

static int add(mr_server_call *call, struct calc_Add *args) {
    (void)call;
    args->result = (int64_t)args->a + args->b;
    return 0;
}

static int divide(mr_server_call *call, struct calc_Divide *args) {
    if (args->b == 0)
        return mr_server_fault(call, INT_DIV_BY_ZERO);
    args->result = (int64_t)args->a / args->b;
    return 0;
}

static int sum(mr_server_call *call, struct calc_Sum *args) {
    (void)call;
    for (uint32_t i = 0; i < args->count; i++)
        args->result += args->values[i];
    return 0;
}

int main(int argc, char **argv) {
    const struct calc_iface_server bodies = {.Add = add, .Divide = divide, .Sum = sum};
    const mr_server_iface calc = {.iface = &calc_iface, .rows = calc_iface_rows,
                                  .row_count = MR_COUNT(calc_iface_rows), .bodies = &bodies,
                                  .threaded = true}; /* the bodies share nothing */
    const mr_server_options options = {.threads = 4, .call_timeout = 10 * MR_SEC};
    const mr_port_range dynamic = mr_port_era_range(MR_PORT_ERA_2008);
    const mr_listen_options listen = {.ranges = &dynamic, .range_count = 1};
    const mr_register_options self = {.socket = argc > 1 ? argv[1] : NULL,
                                      .annotation = "a calculator"};
    mr_registration *registration = NULL;
    mr_server_endpoint *endpoint;
    mr_error err = MR_ERROR_INIT;
    mr_server *server = NULL;
    mr_loop loop = {0};

    int r = mr_loop_init(&loop, &err);
    if (r || (r = mr_loop_add_signals(&loop, &err)) ||
        (r = mr_server_new(&loop, &options, &server, &err)) ||
        (r = mr_server_add_endpoint(server, &listen, &endpoint, &err)) ||
        (r = mr_server_add_iface(endpoint, &calc, &err)) ||
        (r = mr_serve_add_mgmt(endpoint, &err)) ||
        (r = mr_mapper_register_run(server, &self, &registration, &err)))
        fprintf(stderr, "server: %s\n", err.text);
    else
        mr_loop_run(&loop, MR_NSEC_NEVER); /* until SIGINT or SIGTERM */
    mr_mapper_unregister(registration);
    mr_server_free(server);
    mr_loop_deinit(&loop);
    return r != 0;
}
