/*
 * Phases 2 and 3: connect to the endpoint mapper's port on every address of the target and bind as
 * Windows does (NDR20, NDR64, bind-time features: three presentation contexts). A bind that is
 * reset, closed or ignored is tried once more on a fresh connection with a single context, because
 * some RPC-aware firewalls take offence at the three, and because one silence proves nothing. Where
 * other connections show that the path loses packets, a silent one is repeated more often. The
 * first address that binds carries the discovery. Where none does, and one refused a stranger, it
 * is asked in the name of the account that was given.
 */
#include <msrpc/ifaces/epmapper.h>

#include "knock.h"

#define CONTEXTS_WINDOWS 3
#define CONTEXTS_PLAIN 1
#define SILENCES 2       /* binds to one address that may go unanswered */
#define SILENCES_LOSSY 4 /* the same, and connects, on a path that loses packets */

/* One address, and what became of the connections to it so far. */
struct probe_path {
    mr_probe *probe;
    size_t addr;         /* index */
    unsigned connects;   /* that got no answer and were repeated */
    uint32_t silent;     /* binds without an answer */
    uint32_t lost;       /* segments that they sent again in vain */
    bool told;           /* how the connect went is a fact already */
};

struct mapper {
    struct probe_op op;
    mr_client *client;
    struct probe_path *path;
    bool plain;          /* not the first try */
};

static void cut(struct probe_op *op) {
    mr_client_free(((struct mapper *)op)->client);
}

static void start_one(mr_probe *p, struct probe_path *path, bool plain);

/* ---- in the name of the account ---- */

/* What the logon met is told where it was made. */
static void on_told(void *user, uint32_t status, const char *why) {
    struct probe_path *path = user;

    if (why)
        probe_account_add_unanswered(path->probe, status ? "EPM.LOGON" : "AUTH.LOGON", status, why);
    else
        start_one(path->probe, path, true);
}

/* No address let a stranger in, and no more are being asked. */
static void ask_as_account(struct probe_path *path) {
    mr_probe *p = path->probe;
    const struct probe_asker asker = {on_told, p->mapper_refused};

    if (!p->mappers_open && !p->signalled[PROBE_BOUND] && p->mapper_refused &&
        probe_wants_check(p, "EPM.LOOKUP"))
        probe_account_ask_mapper(p, p->mapper_refused->addr, &asker);
}

/* ---- one connection ---- */

static void end(struct mapper *m) {
    m->op.probe->mappers_open--;
    cut(&m->op);
    ask_as_account(m->path);
    probe_op_end(&m->op);
}

static const mr_addr *address(const struct mapper *m) {
    return &m->op.probe->addrs[m->path->addr].addr;
}

/* Whether a bind that ended so is tried again. */
static bool worth_again(const struct mapper *m, const mr_talk_seen *talk) {
    if (talk->end == MR_TALK_RESET || talk->end == MR_TALK_CLOSED)
        return !m->plain;
    return talk->end == MR_TALK_SILENT &&
           talk->tries < (m->op.probe->losses ? SILENCES_LOSSY : SILENCES);
}

/* What TCP repeated until this bind got through, in vain on connections before it. */
static void add_loss(const struct mapper *m, const char *check, const mr_client_report *report) {
    uint32_t segments = m->path->lost + (report->has_tcp ? report->tcp.total_retrans : 0);

    probe_add_loss(m->op.probe, check, address(m), m->op.probe->options.mapper_port,
                   MR_ROLE_MAPPER, segments, 0);
}

/* The bind's outcome as a check and a fact; it is tried again where that may tell more. */
static void add_bind(struct mapper *m, int result, const mr_error *err) {
    mr_probe *p = m->op.probe;
    const mr_client_report *report = mr_client_get_report(m->client);
    mr_talk_seen talk = {
        .mapper = true,
        .address = probe_addr_text(p, address(m)),
        .port = p->options.mapper_port,
        .contexts = m->plain ? CONTEXTS_PLAIN : CONTEXTS_WINDOWS,
        .at = mr_clock_now(),
    };
    double ms = (double)(talk.at - report->connected) / MR_MSEC;
    bool account = p->account.mapper_level != 0;

    probe_read_talk(report, result, err, &talk);
    talk.ms = (uint32_t)ms;
    talk.check = p->addr_count > 1 ? probe_text(p, "EPM.BIND@%s", talk.address) : "EPM.BIND";
    if (m->plain)
        talk.check = probe_text(p, "%s.%s", talk.check, account ? "AS" : "PLAIN");
    if (m->path->silent > 1)
        talk.check = probe_text(p, "%s.%u", talk.check, m->path->silent);
    if (talk.end == MR_TALK_SILENT) {
        talk.tries = ++m->path->silent;
        if (talk.acked == MR_ACKED_NO)
            m->path->lost += report->tcp.total_retrans;
    }
    bool again = result && worth_again(m, &talk);
    bool silent_so_far = again && talk.end == MR_TALK_SILENT;
    probe_check_as(&m->op, talk.check, MR_PHASE_DISCOVERY, ms,
                   !result ? MR_STATUS_PASS : silent_so_far ? MR_STATUS_WARN : MR_STATUS_FAIL,
                   NULL, 0, "endpoint mapper%s%s: %s%s", !m->plain ? ""
                   : account ? " as " : ", plain bind", account ? probe_account_name(p) : "",
                   probe_talk_text(p, &talk, err), silent_so_far ? "; asked again" : "");
    if (probe_wants(p, MR_PHASE_DISCOVERY))
        mr_facts_add_talk(p->diag, &talk);
    if (!result)
        add_loss(m, talk.check, report);
    else if (probe_is_refusal(&talk))
        p->mapper_refused = m->path;
    if (again)
        start_one(p, m->path, true);
}

/* A connect that got no answer is no news where other packets get lost as well. */
static bool connects_again(struct mapper *m, const mr_client_report *report) {
    mr_probe *p = m->op.probe;

    if (report->attempt.reach != MR_REACH_SILENT || !p->losses ||
        m->path->connects + 1 >= SILENCES_LOSSY)
        return false;
    m->path->connects++;
    start_one(p, m->path, m->plain);
    return true;
}

/* How the connect went, once for each address. */
static void tell_connect(struct mapper *m, const mr_client_report *report, bool open) {
    mr_probe *p = m->op.probe;

    if (m->path->told && open)
        probe_add_syn_loss(p, "EPM.BIND", address(m), p->options.mapper_port, MR_ROLE_MAPPER,
                           &report->attempt);
    if (m->path->told)
        return;
    m->path->told = true;
    p->addrs[m->path->addr].reach = open ? MR_REACH_OPEN : report->attempt.reach;
    probe_add_connect(&m->op, report, address(m), p->options.mapper_port, MR_ROLE_MAPPER);
}

static void on_bound(void *user, mr_client *client, int result, const mr_error *err) {
    struct mapper *m = user;
    mr_probe *p = m->op.probe;
    const mr_client_report *report = mr_client_get_report(client);
    bool open = report->connected != 0;

    if (probe_own_failure(p, result)) {
        probe_check(&m->op, MR_STATUS_UNKNOWN, NULL, 0, "%s", err->text);
        end(m);
        return;
    }
    if (!open && connects_again(m, report)) {
        end(m);
        return;
    }
    tell_connect(m, report, open);
    if (open && p->last_phase >= MR_PHASE_DISCOVERY)
        add_bind(m, result, err);
    if (open && !result && !p->mapper_client) {
        p->mapper_client = client;
        p->mapper_addr = m->path->addr;
        m->client = NULL;
        probe_signal(p, PROBE_BOUND);
    }
    end(m);
}

static void connect_mapper(struct probe_op *op) {
    struct mapper *m = (struct mapper *)op;
    mr_probe *p = op->probe;
    mr_client_options options = probe_mapper_options(p, m->path->addr);
    mr_error err = MR_ERROR_INIT;

    options.bind = m->plain ? MR_BIND_PLAIN : MR_BIND_WINDOWS;
    if (p->addr_count == 1 && !m->plain && !m->path->connects)
        options.connect.source.port = p->options.source_port;
    int r = mr_client_new(p->loop, &options, &m->client, &err);
    if (!r)
        r = mr_client_start(m->client, &mr_epmapper_iface.syntax, on_bound, m, &err);
    if (r) {
        probe_own_failure(p, r);
        probe_check(&m->op, MR_STATUS_UNKNOWN, NULL, 0, "%s", err.text);
        end(m);
    }
}

static void start_one(mr_probe *p, struct probe_path *path, bool plain) {
    struct mapper *m = MR_ARENA_NEW(p->arena, struct mapper);

    if (!m) {
        probe_no_memory(p);
        return;
    }
    m->path = path;
    m->plain = plain;
    p->mappers_open++;
    probe_op_begin(p, &m->op, "EPM.BIND", plain ? MR_PHASE_DISCOVERY : MR_PHASE_TCP, false, cut);
    probe_op_connect(&m->op, connect_mapper);
}

static void start(mr_probe *p) {
    if (p->options.has_endpoint) { /* the mapper is not asked */
        mr_diag_set_phase_skipped(p->diag, MR_PHASE_DISCOVERY);
        probe_signal(p, PROBE_BOUND);
        return;
    }
    for (size_t i = 0; i < p->addr_count; i++) {
        struct probe_path *path = MR_ARENA_NEW(p->arena, struct probe_path);
        if (!path) {
            probe_no_memory(p);
            return;
        }
        path->probe = p;
        path->addr = i;
        start_one(p, path, false);
    }
}

const mr_probe_check probe_check_mapper = {
    .id = "EPM.BIND",
    .phase = MR_PHASE_TCP,
    .line = "connect and bind to the endpoint mapper on every address",
    .needs = PROBE_ADDRESSED,
    .gives = PROBE_BOUND,
    .start = start,
};
