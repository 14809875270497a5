/* Finds calc on a host by asking its mapper, and calls it: client ADDRESS[:PORT OF THE MAPPER] */
#include <inttypes.h>
#include <stdio.h>

#include "calc_client.h"

int main(int argc, char **argv) {
    mr_client_options options = {.timeout = 3 * MR_SEC};
    int32_t values[] = {1, 2, 3, 4};
    struct calc_Add add = {.a = 19, .b = 23};
    struct calc_Divide divide = {.a = 1, .b = 0};
    struct calc_Sum sum = {.count = 4, .values = values};
    mr_error err = MR_ERROR_INIT;
    mr_client *client = NULL;
    mr_loop loop = {0};
    mr_addr mapper;

    if (argc != 2 || mr_addr_decode_port(mr_slice_str(argv[1]), MR_MAPPER_PORT, &mapper) != 0)
        return 64;
    int r = mr_loop_init(&loop, &err);
    if (r || (r = mr_mapper_find_run(&loop, &mapper, &calc_iface.syntax,
                                     &options.connect.remote, &err)) ||
        (r = mr_client_new(&loop, &options, &client, &err)) ||
        (r = mr_client_open(client, &calc_iface.syntax, &err)) ||
        (r = calc_Add(client, &add, &err)) || (r = calc_Sum(client, &sum, &err)))
        fprintf(stderr, "client: %s\n", err.text);
    else
        printf("19 + 23 = %" PRId64 ", 1 + 2 + 3 + 4 = %" PRId64 "\n", add.result, sum.result);
    if (r == 0 && calc_Divide(client, &divide, &err) == MR_ERR_FAULT)
        printf("1 / 0: %s\n", err.text);
    mr_client_free(client);
    mr_loop_deinit(&loop);
    return r != 0;
}
