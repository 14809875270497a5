/*
 * Lists what the endpoint mapper of a host knows: ep_lookup ADDRESS [PORT]
 */
#include <stdio.h>
#include <stdlib.h>

#include <msrpc/ifaces/epmapper.h>
#include <msrpc/rpc.h>

int main(int argc, char **argv) {
    mr_client_options options = {.timeout = 3 * MR_SEC};
    mr_mapper_query everything = {0};
    mr_error err = MR_ERROR_INIT;
    mr_mapper mapper = {0};
    mr_client *client = NULL;
    mr_loop loop = {0};
    uint16_t port = argc > 2 ? (uint16_t)strtoul(argv[2], NULL, 10) : MR_MAPPER_PORT;

    if (argc < 2 || mr_addr_decode(mr_slice_str(argv[1]), port, &options.connect.remote) != 0)
        return 64;
    int r = mr_loop_init(&loop, &err);
    if (r == 0)
        r = mr_client_new(&loop, &options, &client, &err);
    if (r == 0)
        r = mr_client_open(client, &mr_epmapper_iface.syntax, &err);
    if (r == 0)
        r = mr_mapper_init(&mapper, client, mr_slice_str(argv[1]), &err);
    if (r == 0)
        r = mr_mapper_lookup_run(&mapper, &everything, &err);
    for (size_t i = 0; i < mapper.count; i++) {
        const mr_mapper_entry *e = &mapper.entries[i];
        char uuid[MR_UUID_TEXT];
        printf("%s %u.%u %.*s[%.*s]\n", mr_uuid_text(&e->interface.uuid, uuid),
               e->interface.major, e->interface.minor, (int)e->protseq_text.len,
               (const char *)e->protseq_text.data, (int)e->endpoint.len,
               (const char *)e->endpoint.data);
    }
    if (r != 0)
        fprintf(stderr, "ep_lookup: %s\n", err.text);
    mr_mapper_deinit(&mapper);
    mr_client_free(client);
    mr_loop_deinit(&loop);
    return r == 0 ? 0 : 1;
}
