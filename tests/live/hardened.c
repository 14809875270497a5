/*
 * A server of interfaces that nothing here implements, each with the authentication level that it
 * insists on: hardened ADDR KEYTAB INTERFACE:VERSION=LEVEL@PORT... They have no methods, since a
 * server judges the level before it looks for one (MS-RPCE 3.3.3.5.5). "ready" is printed once all
 * listen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msrpc/serve.h>

enum { MOST = 8 };

struct offered {
    mr_iface iface;
    mr_server_iface served;
};

static int offer(mr_server *server, const char *addr, const char *text, struct offered *o,
                 mr_error *err) {
    const char *level = strchr(text, '='), *port = strchr(text, '@');
    mr_listen_options listen = {.local = {0}};
    mr_server_endpoint *endpoint;
    bool has_version;

    if (!level || !port || mr_syntax_decode(mr_slice_of(text, (size_t)(level - text)),
                                            &o->iface.syntax, &has_version) != 0)
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_APP, MR_ERROR_NO_OFFSET, "%s", text);
    o->iface.name = "hardened";
    o->served = (mr_server_iface){
        .iface = &o->iface,
        .access = {.min_level = (uint8_t)strtoul(level + 1, NULL, 10)},
    };
    int r = mr_addr_decode(mr_slice_str(addr), (uint16_t)strtoul(port + 1, NULL, 10),
                           &listen.local);
    if (r == 0)
        r = mr_server_add_endpoint(server, &listen, &endpoint, err);
    return r ? r : mr_server_add_iface(endpoint, &o->served, err);
}

static int run(mr_loop *loop, int argc, char **argv, mr_error *err) {
    static struct offered offered[MOST];
    mr_gate_options who = {.keytab = argv[2], .names = {.computer = "HARD", .domain = "HARD"}};
    mr_server_options options = {0};
    mr_server *server = NULL;
    mr_gate *gate = NULL;
    int r = mr_gate_new(&who, &gate, err);

    if (r == 0) {
        options.acceptors = mr_gate_get_acceptors(gate, &options.acceptor_count);
        r = mr_server_new(loop, &options, &server, err);
    }
    for (int i = 3; i < argc && i - 3 < MOST && r == 0; i++)
        r = offer(server, argv[1], argv[i], &offered[i - 3], err);
    if (r == 0) {
        puts("ready");
        fflush(stdout);
        mr_loop_run(loop, MR_NSEC_NEVER);
    }
    mr_server_free(server);
    mr_gate_free(gate);
    return r;
}

int main(int argc, char **argv) {
    mr_error err = MR_ERROR_INIT;
    mr_loop loop = {0};

    if (argc < 4)
        return 64;
    int r = mr_loop_init(&loop, &err);
    if (r == 0)
        r = mr_loop_add_signals(&loop, &err);
    if (r == 0)
        r = run(&loop, argc, argv, &err);
    if (r)
        fprintf(stderr, "hardened: %s\n", err.text);
    mr_loop_deinit(&loop);
    return r != 0;
}
