/*
 * msrpc range --of: the TCP ports that the mapper of a host names against a wanted range: which of
 * them a firewall opened for it would block, and which default they look like.
 */
#include "range.h"

#include <stdlib.h>

#include <msrpc/ifaces/epmapper.h>

static const char check_id[] = "RANGE.OF";

static int compare(const void *pa, const void *pb) {
    const struct range_port *a = pa, *b = pb;
    return a->port - b->port;
}

static bool add_name(app *a, struct range_port *port, const char *name) {
    size_t n = port->interface_count;

    for (size_t i = 0; i < n; i++)
        if (!strcmp(port->interfaces[i], name))
            return true;
    if ((n & (n - 1)) == 0) { /* full: grow to the next power of two */
        const char **grown = mr_arena_get(&a->arena, n ? 2 * n : 1, sizeof *grown);
        if (!grown)
            return false;
        if (n)
            memcpy(grown, port->interfaces, n * sizeof *grown);
        port->interfaces = grown;
    }
    port->interfaces[n] = mr_arena_add_str(&a->arena, mr_slice_str(name));
    port->interface_count++;
    return port->interfaces[n] != NULL;
}

/* The dynamic endpoints: every TCP port but the mapper's own. */
static int take_ports(struct range *r, const mr_mapper *mapper) {
    mr_arena *arena = &r->a->arena;
    uint32_t *place = mr_arena_get(arena, UINT16_MAX + 1, sizeof *place); /* from 1 */
    char name[64];

    r->ports = mr_arena_get(arena, mapper->count + 1, sizeof *r->ports);
    if (!r->ports || !place)
        return app_refuse(r->a, APP_BUG, "out of memory");
    for (size_t i = 0; i < mapper->count; i++) {
        const mr_mapper_entry *e = &mapper->entries[i];
        if (e->protseq != MR_PROTSEQ_NCACN_IP_TCP || !e->port || e->tower_bad ||
            e->port == MR_MAPPER_PORT)
            continue;
        if (!place[e->port]) {
            r->ports[r->port_count] = (struct range_port){
                .port = e->port, .inside = mr_ranges_find(&r->wanted, e->port)};
            place[e->port] = (uint32_t)++r->port_count;
        }
        if (!add_name(r->a, &r->ports[place[e->port] - 1], app_iface_name(&e->interface, name)))
            return app_refuse(r->a, APP_BUG, "out of memory");
    }
    qsort(r->ports, r->port_count, sizeof *r->ports, compare);
    return 0;
}

static const char *era_of(const struct range *r) {
    size_t dynamic = 0, old = 0, present = 0;

    for (size_t i = 0; i < r->port_count; i++) {
        uint16_t port = r->ports[i].port;
        dynamic += port >= MR_PORT_DYNAMIC_MIN;
        old += mr_port_is_of_era(port, MR_PORT_ERA_2003);
        present += mr_port_is_of_era(port, MR_PORT_ERA_2008);
    }
    if (dynamic == 0)
        return "no dynamic port is in use";
    if (present == dynamic)
        return "49152-65535, the default since Windows Vista and Server 2008";
    if (old == dynamic)
        return "1024-5000, the default before Windows Vista";
    return present + old == 0 ? "a range of its own, no default"
                              : "more than one range, or services with a port of their own";
}

static void observe(struct range *r) {
    const char *list = range_list(r->a, &r->wanted, ",");
    char address[MR_ADDR_TEXT];
    uint32_t room = mr_ranges_count(&r->wanted);
    size_t outside = 0;

    mr_addr_text(r->remote, address);
    for (size_t i = 0; i < r->port_count; i++) {
        if (r->ports[i].inside)
            continue;
        outside++;
        for (size_t k = 0; k < r->ports[i].interface_count; k++)
            mr_fact_add(&r->diag, MR_FACT_RANGE_OUTSIDE, check_id, .address = address,
                        .port = r->ports[i].port, .interface = r->ports[i].interfaces[k],
                        .other = list);
    }
    if (r->port_count > room)
        mr_fact_add(&r->diag, MR_FACT_RANGE_CROWDED, check_id, .address = address,
                    .count = (uint32_t)r->port_count, .wanted = room);
    mr_check check = {
        .id = check_id,
        .phase = MR_PHASE_TCP,
        .status = outside ? MR_STATUS_WARN : MR_STATUS_PASS,
        .ms = -1,
        .summary = mr_arena_add_fmt(&r->a->arena, "%zu of %zu ports in use lie inside",
                                    r->port_count - outside, r->port_count),
    };
    if (r->port_count == 0) {
        check.status = MR_STATUS_UNKNOWN;
        check.summary = "no RPC port is registered beside the mapper's";
    }
    mr_diag_add_check(&r->diag, &check);
}

int range_of(struct range *r) {
    app_session *s = r->s;
    mr_client *client = NULL;
    mr_mapper mapper = {0};

    int code = app_session_resolve(s, r->target);
    if (!code)
        code = app_session_ask(s, r->target, (uint16_t)r->target->port, NULL, &client, &mapper);
    if (client) {
        s->addrs[0] = mr_client_get_report(client)->attempt.remote;
        r->remote = &s->addrs[0];
    }
    if (!code)
        code = take_ports(r, &mapper);
    if (!code) {
        r->era = era_of(r);
        observe(r);
    }
    mr_mapper_deinit(&mapper);
    mr_client_free(client);
    return code;
}
