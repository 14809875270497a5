/*
 * Phases 2 and 3: connect to the endpoint mapper's port on every address of the target and bind as
 * Windows does (NDR20, NDR64, bind-time features: three presentation contexts). A bind that is
 * reset, closed or ignored is tried once more with a single context, because some RPC-aware
 * firewalls take offence at the three. The first address that binds carries the discovery.
 */
#include <msrpc/ifaces/epmapper.h>

#include "probe_private.h"

#define CONTEXTS_WINDOWS 3
#define CONTEXTS_PLAIN 1

struct mapper {
    struct probe_op op;
    mr_client *client;
    size_t addr;       /* index */
    bool plain;        /* the second try */
};

static void cut(struct probe_op *op) {
    mr_client_free(((struct mapper *)op)->client);
}

static void start_one(mr_probe *p, size_t addr, bool plain);

/* A silence that was acknowledged is a service that hangs: it will hang again. */
static bool worth_plain(const mr_talk_seen *talk) {
    return talk->end == MR_TALK_RESET || talk->end == MR_TALK_CLOSED ||
           (talk->end == MR_TALK_SILENT && talk->acked != MR_ACKED_YES);
}

/* The bind's outcome as a check and a fact. */
static void add_bind(struct mapper *m, int result, const mr_error *err) {
    mr_probe *p = m->op.probe;
    const mr_client_report *report = mr_client_get_report(m->client);
    uint16_t port = p->options.mapper_port;
    mr_talk_seen talk = {
        .mapper = true,
        .address = probe_addr_text(p, &p->addrs[m->addr].addr),
        .port = port,
        .contexts = m->plain ? CONTEXTS_PLAIN : CONTEXTS_WINDOWS,
        .at = mr_clock_now(),
    };
    double ms = (double)(talk.at - report->connected) / MR_MSEC;

    probe_read_talk(report, result, err, &talk);
    talk.ms = (uint32_t)ms;
    talk.check = p->addr_count > 1 ? probe_text(p, "EPM.BIND@%s", talk.address) : "EPM.BIND";
    if (m->plain)
        talk.check = probe_text(p, "%s.PLAIN", talk.check);
    probe_check_as(&m->op, talk.check, MR_PHASE_DISCOVERY, ms,
                   result ? MR_STATUS_FAIL : MR_STATUS_PASS, NULL, 0, "endpoint mapper%s: %s",
                   m->plain ? ", plain bind" : "", probe_talk_text(p, &talk, err));
    if (probe_wants(p, MR_PHASE_DISCOVERY))
        mr_facts_add_talk(p->diag, &talk);
    if (result && !m->plain && worth_plain(&talk))
        start_one(p, m->addr, true);
}

static void on_bound(void *user, mr_client *client, int result, const mr_error *err) {
    struct mapper *m = user;
    mr_probe *p = m->op.probe;
    const mr_client_report *report = mr_client_get_report(client);
    bool open = report->connected != 0;

    if (probe_own_failure(p, result)) {
        probe_check(&m->op, MR_STATUS_UNKNOWN, NULL, 0, "%s", err->text);
        cut(&m->op);
        probe_op_end(&m->op);
        return;
    }
    if (!m->plain) {
        p->addrs[m->addr].reach = open ? MR_REACH_OPEN : report->attempt.reach;
        probe_add_connect(&m->op, report, &p->addrs[m->addr].addr, p->options.mapper_port,
                          MR_ROLE_MAPPER);
    }
    if (open && p->last_phase >= MR_PHASE_DISCOVERY)
        add_bind(m, result, err);
    if (open && !result && !p->mapper_client) {
        p->mapper_client = client;
        p->mapper_addr = m->addr;
        m->client = NULL;
        probe_signal(p, PROBE_BOUND);
    }
    cut(&m->op);
    probe_op_end(&m->op);
}

static void connect_mapper(struct probe_op *op) {
    struct mapper *m = (struct mapper *)op;
    mr_probe *p = op->probe;
    mr_client_options options =
        probe_client_options(p, &p->addrs[m->addr].addr, p->options.mapper_port);
    mr_error err = MR_ERROR_INIT;

    options.bind = m->plain ? MR_BIND_PLAIN : MR_BIND_WINDOWS;
    options.connect.source.port = p->addr_count == 1 && !m->plain ? p->options.source_port : 0;
    int r = mr_client_new(p->loop, &options, &m->client, &err);
    if (!r)
        r = mr_client_start(m->client, &mr_epmapper_iface.syntax, on_bound, m, &err);
    if (r) {
        probe_own_failure(p, r);
        probe_check(&m->op, MR_STATUS_UNKNOWN, NULL, 0, "%s", err.text);
        cut(&m->op);
        probe_op_end(&m->op);
    }
}

static void start_one(mr_probe *p, size_t addr, bool plain) {
    struct mapper *m = MR_ARENA_NEW(p->arena, struct mapper);

    if (!m) {
        probe_no_memory(p);
        return;
    }
    m->addr = addr;
    m->plain = plain;
    probe_op_begin(p, &m->op, "EPM.BIND", plain ? MR_PHASE_DISCOVERY : MR_PHASE_TCP, false, cut);
    probe_op_connect(&m->op, connect_mapper);
}

static void start(mr_probe *p) {
    if (p->options.has_endpoint) { /* the mapper is not asked */
        mr_diag_set_phase_skipped(p->diag, MR_PHASE_DISCOVERY);
        probe_signal(p, PROBE_BOUND);
        return;
    }
    for (size_t i = 0; i < p->addr_count; i++)
        start_one(p, i, false);
}

const mr_probe_check probe_check_mapper = {
    .id = "EPM.BIND",
    .phase = MR_PHASE_TCP,
    .line = "connect and bind to the endpoint mapper on every address",
    .needs = PROBE_ADDRESSED,
    .gives = PROBE_BOUND,
    .start = start,
};
