/*
 * A whole world in one process: a server of ours with the endpoint mapper and a service.
 */
#ifndef RPC_WORLD_H
#define RPC_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/ifaces/epmapper.h>
#include <msrpc/ifaces/rpcecho.h>
#include <msrpc/serve.h>

struct world {
    mr_loop loop;
    mr_server *server;
    mr_server_endpoint *mapper, *service;
    mr_mapper_db db;
    bool has_db;
};

/* 0, or the first error. */
static int world_open(struct world *w, unsigned entries) {
    const mr_listen_options listen = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};

    memset(w, 0, sizeof *w);
    int r = mr_loop_init(&w->loop, NULL);
    if (!r)
        r = mr_server_new(&w->loop, &(mr_server_options){0}, &w->server, NULL);
    if (!r)
        r = mr_server_add_endpoint(w->server, &listen, &w->mapper, NULL);
    if (!r)
        r = mr_server_add_endpoint(w->server, &listen, &w->service, NULL);
    if (!r)
        r = mr_mapper_db_init(&w->db);
    w->has_db = r == 0;
    if (!r)
        r = mr_serve_add_mapper(w->mapper, &w->db, NULL);
    if (!r)
        r = mr_serve_add_mgmt(w->service, NULL);
    if (!r)
        r = mr_serve_add_echo(w->service, &w->loop, NULL);
    for (unsigned i = 0; !r && i < entries; i++) {
        mr_mapper_db_entry entry = {
            .object = {.time_low = i},
            .interface = mr_rpcecho_iface.syntax,
            .protseq = MR_PROTSEQ_NCACN_IP_TCP,
            .port = mr_server_endpoint_get_local(w->service)->port,
            .annotation = "an entry",
        };
        r = mr_mapper_db_add(&w->db, &entry, NULL);
    }
    return r;
}

static void world_close(struct world *w) {
    mr_server_free(w->server);
    if (w->has_db)
        mr_mapper_db_deinit(&w->db);
    mr_loop_deinit(&w->loop);
}

#endif
