/*
 * One typed call, made by idlc from rpcecho.idl: add_one ADDRESS PORT NUMBER
 */
#include <stdio.h>
#include <stdlib.h>

#include <msrpc/ifaces/rpcecho_client.h>

int main(int argc, char **argv) {
    mr_client_options options = {0};
    struct mr_rpcecho_echo_AddOne args = {0};
    mr_error err = MR_ERROR_INIT;
    mr_client *client = NULL;
    mr_loop loop = {0};

    if (argc != 4 || mr_addr_decode(mr_slice_str(argv[1]), (uint16_t)strtoul(argv[2], NULL, 10),
                                    &options.connect.remote) != 0)
        return 64;
    args.in_data = (uint32_t)strtoul(argv[3], NULL, 10);
    int r = mr_loop_init(&loop, &err);
    if (r == 0)
        r = mr_client_new(&loop, &options, &client, &err);
    if (r == 0)
        r = mr_client_open(client, &mr_rpcecho_iface.syntax, &err);
    if (r == 0)
        r = mr_rpcecho_echo_AddOne(client, &args, &err);
    if (r == 0)
        printf("%u\n", args.out_data);
    else
        fprintf(stderr, "add_one: %s\n", err.text);
    mr_client_free(client);
    mr_loop_deinit(&loop);
    return r == 0 ? 0 : 1;
}
