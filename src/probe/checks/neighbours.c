/*
 * Ports beside the mapper's (SMB, Kerberos, LDAP): a host that answers there is up, and whoever
 * keeps 135 silent stands between. Evidence only, never waited for unless something failed.
 */
#include "probe_private.h"

#define PORT_SMB 445
static const uint16_t ports[] = {PORT_SMB, 88, 389};

struct neighbour {
    struct probe_op op;
    mr_stream stream;
    const mr_addr *addr;
    uint16_t port;
};

static void cut(struct probe_op *op) {
    mr_stream_deinit(&((struct neighbour *)op)->stream);
}

static void on_opened(void *user, int result, const mr_error *err) {
    struct neighbour *n = user;
    mr_client_report report = {.connected = result == 0 ? mr_clock_now() : 0};

    if (probe_own_failure(n->op.probe, result)) {
        probe_check(&n->op, MR_STATUS_UNKNOWN, NULL, 0, "%u: %s", n->port, err->text);
        cut(&n->op);
        probe_op_end(&n->op);
        return;
    }
    mr_stream_get_attempt(&n->stream, &report.attempt);
    probe_add_connect(&n->op, &report, n->addr, n->port, MR_ROLE_NEIGHBOUR);
    cut(&n->op);
    probe_op_end(&n->op);
}

/* Nothing is expected to come; the stream ends with on_opened. */
static void on_received(void *user, mr_slice bytes) {
    (void)user;
    (void)bytes;
}
static void on_closed(void *user, int result, const mr_error *err) {
    (void)user;
    (void)result;
    (void)err;
}

static const mr_stream_events events = {
    .opened = on_opened,
    .received = on_received,
    .closed = on_closed,
};

static void connect_neighbour(struct probe_op *op) {
    struct neighbour *n = (struct neighbour *)op;
    mr_probe *p = op->probe;
    mr_client_options options = probe_client_options(p, n->addr, n->port);
    mr_error err = MR_ERROR_INIT;

    int r = mr_stream_init(&n->stream, p->loop, "ncacn_ip_tcp", &events, n, &err);
    if (!r)
        r = mr_stream_connect(&n->stream, &options.connect, &err);
    if (r) {
        probe_own_failure(p, r);
        probe_check(op, MR_STATUS_UNKNOWN, NULL, 0, "%u: %s", n->port, err.text);
        cut(op);
        probe_op_end(op);
    }
}

/* Everything else is done and SMB has not answered yet: RPC over TCP does without, pipes do not. */
static void leave(struct probe_op *op) {
    struct neighbour *n = (struct neighbour *)op;

    probe_check_as(op, probe_text(op->probe, "TCP.%u", n->port), MR_PHASE_TCP, probe_op_ms(op),
                   MR_STATUS_UNKNOWN, NULL, 0,
                   "%u no answer in %.0f ms: named pipes (SMB) may be filtered; RPC over TCP needs "
                   "none", n->port, probe_op_ms(op));
}

static void start_one(mr_probe *p, const mr_addr *addr, uint16_t port) {
    struct neighbour *n = MR_ARENA_NEW(p->arena, struct neighbour);

    if (!n) {
        probe_no_memory(p);
        return;
    }
    n->addr = addr;
    n->port = port;
    n->op.leave = port == PORT_SMB ? leave : NULL;
    probe_op_begin(p, &n->op, "TCP.NEIGHBOURS", MR_PHASE_TCP, true, cut);
    probe_op_connect(&n->op, connect_neighbour);
}

static void start(mr_probe *p) {
    for (size_t i = 0; i < p->addr_count; i++)
        for (size_t k = 0; k < MR_COUNT(ports); k++)
            if (ports[k] != p->options.mapper_port)
                start_one(p, &p->addrs[i].addr, ports[k]);
}

const mr_probe_check probe_check_neighbours = {
    .id = "TCP.NEIGHBOURS",
    .phase = MR_PHASE_TCP,
    .line = "TCP 445, 88 and 389, whether the host answers at all (evidence)",
    .needs = PROBE_ADDRESSED,
    .start = start,
};
