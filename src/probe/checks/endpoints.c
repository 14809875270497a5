/*
 * Phases 2 and 4: every TCP port that the mapper named: connect, bind to all its interfaces in one
 * bind, and one harmless call (mgmt is_server_listening, C706 appendix Q; it changes nothing and
 * every RPC server knows it), and with it each interface for a method that none has, which tells
 * whether strangers may call it and does nothing. MR_PROBE_AT_ONCE ports at a time. An interface
 * that was rejected in company is asked for once more alone: some servers hand the connection to
 * the process of the first interface and know no other on it. A port that falls silent is asked
 * once more on a fresh connection. What refuses strangers is asked by admitted.c in the account's
 * name.
 */
#include "knock.h"

enum { MGMT_IS_SERVER_LISTENING = 2 }; /* opnum */

struct endpoint {
    struct probe_op op;
    mr_client *client;
    mr_call call;
    bool calling;
    struct mr_mgmt_is_server_listening args;
    uint32_t mgmt_denied;    /* the fault with which mgmt refuses strangers, else 0 */
    const char *proof;       /* that the port answers, said when all were asked */
    double proof_ms;
    bool plain;              /* the interfaces are not asked themselves */
    struct probe_knock *knocks; /* one for each interface that was accepted */
    size_t knock_count, knocks_open;
    bool spoke;              /* an interface told itself whether it admits strangers */
    const char *denied;      /* those that do not, or NULL */
    size_t denied_count;
    mr_syntax denying[PROBE_IFACES]; /* the same */
    uint16_t port;
    bool alone;              /* a second question for one interface */
    bool repeated;           /* the first connection found silence */
    bool told;               /* how that one's connect went is a fact already */
    uint32_t lost;           /* segments sent again in vain on it */
    size_t count;            /* interfaces asked for, mgmt not counted */
    mr_syntax ifaces[PROBE_IFACES + 1];
    const mr_addr *addr;
    const char *check;
    size_t accepted;
};

/* An interface that waits to be asked for alone. */
struct probe_again {
    struct probe_again *next;
    uint16_t port;
    mr_syntax iface;
};

static void start_more(mr_probe *p);
static void ask_again(struct endpoint *e, const char *why);
static void ask_plainly(struct endpoint *e);
static void ask_alone(const struct endpoint *e, const mr_syntax *iface);

static void cut(struct probe_op *op) {
    struct endpoint *e = (struct endpoint *)op;
    if (e->calling)
        mr_call_deinit(&e->call);
    e->calling = false;
    for (size_t i = 0; i < e->knock_count; i++)
        probe_knock_deinit(&e->knocks[i]);
    e->knock_count = 0;
    mr_client_free(e->client);
    e->client = NULL;
}

static void finish(struct endpoint *e) {
    mr_probe *p = e->op.probe;

    cut(&e->op);
    p->open_endpoints--;
    start_more(p);
    probe_op_end(&e->op);
}

static mr_talk_seen talk_about(struct endpoint *e, const mr_syntax *iface) {
    mr_probe *p = e->op.probe;
    const mr_client_report *report = mr_client_get_report(e->client);

    return (mr_talk_seen){
        .check = e->check,
        .at = mr_clock_now(),
        .address = probe_addr_text(p, e->addr),
        .port = e->port,
        .interface = probe_iface(p, iface),
        .service = probe_service(iface),
        .contexts = (uint32_t)(e->count + 1) * 2 + 1,
        .ms = (uint32_t)((mr_clock_now() - report->connected) / MR_MSEC),
    };
}

static void add_talk(struct endpoint *e, const mr_talk_seen *talk) {
    if (probe_wants(e->op.probe, MR_PHASE_COMMUNICATION))
        mr_facts_add_talk(e->op.probe->diag, talk);
}

/* "samr, lsarpc and 3 more" */
static const char *iface_list(struct endpoint *e) {
    mr_probe *p = e->op.probe;
    const char *text = "";
    size_t shown = e->count < 4 ? e->count : 3;

    for (size_t i = 0; i < shown; i++)
        text = probe_text(p, "%s%s%s", text, i ? ", " : "", probe_iface(p, &e->ifaces[i]));
    return e->count > shown ? probe_text(p, "%s and %zu more", text, e->count - shown) : text;
}

static void add_retransmits(struct endpoint *e) {
    const mr_client_report *report = mr_client_get_report(e->client);

    if (report->has_tcp)
        probe_add_loss(e->op.probe, e->check, e->addr, e->port, MR_ROLE_ENDPOINT,
                       e->lost + report->tcp.total_retrans, 0);
}

static void end_check(struct endpoint *e, enum mr_status status, const char *text) {
    if (status == MR_STATUS_PASS)
        add_retransmits(e);
    probe_check_as(&e->op, e->check, MR_PHASE_COMMUNICATION,
                   e->proof ? e->proof_ms : probe_op_ms(&e->op), status, NULL, 0, "%u %s: %s",
                   e->port, iface_list(e), text);
}

/* This machine failed: nothing is known about the peer. */
static bool end_own_failure(struct endpoint *e, int result, const mr_error *err) {
    if (!probe_own_failure(e->op.probe, result))
        return false;
    end_check(e, MR_STATUS_UNKNOWN, err->text);
    finish(e);
    return true;
}

/* The first silence of a port: it is asked again, since one proves nothing. */
static bool falls_silent(struct endpoint *e, const mr_talk_seen *talk, const mr_error *err) {
    if (talk->end != MR_TALK_SILENT || e->repeated)
        return false;
    ask_again(e, probe_talk_text(e->op.probe, talk, err));
    return true;
}

/* ---- the interfaces themselves ---- */

/* A stranger's call of @iface's method @opnum was refused. */
static void add_denied(struct endpoint *e, const mr_syntax *iface, uint32_t opnum, uint32_t fault) {
    mr_talk_seen talk = talk_about(e, iface);

    talk.end = MR_TALK_FAULT;
    talk.status = fault;
    talk.when = MR_WHEN_AFTER_REQUEST;
    talk.opnum = opnum;
    add_talk(e, &talk);
}

/* Ends once the port has proven itself and every interface was asked. mgmt's refusal is told only
 * where no interface said anything. */
static void end_knocks(struct endpoint *e) {
    if (!e->proof || e->knocks_open)
        return;
    if (e->mgmt_denied && !e->spoke)
        add_denied(e, &mr_mgmt_iface.syntax, MGMT_IS_SERVER_LISTENING, e->mgmt_denied);
    if (e->denied_count)
        probe_account_ask_admission(e->op.probe, e->port, e->denying, e->denied_count);
    if (e->denied)
        e->proof = probe_text(e->op.probe, "%s; anonymous calls of %s are refused", e->proof,
                              e->denied);
    end_check(e, MR_STATUS_PASS, e->proof);
    finish(e);
}

static void on_knocked(void *user, mr_call *call, int result, const mr_error *err) {
    struct probe_knock *k = user;
    struct endpoint *e = k->owner;
    enum probe_welcome welcome = probe_knock_read(call, result);

    (void)err; /* what it means for the port is seen by the call of mgmt */
    if (welcome == PROBE_DENIED) {
        e->denied = e->denied ? probe_text(e->op.probe, "%s, %s", e->denied, k->iface.name)
                              : k->iface.name;
        e->denying[e->denied_count++] = k->iface.syntax;
        add_denied(e, &k->iface.syntax, MR_TRIAL_OPNUM, call->fault);
    }
    e->spoke |= welcome != PROBE_WELCOME_UNKNOWN;
    e->knocks_open--;
    end_knocks(e);
}

/* Whether strangers may call is each interface's own affair, whatever mgmt says. The calls travel
 * behind that of mgmt and cost no round trip of their own. */
static void knock_all(struct endpoint *e) {
    if (e->plain)
        return;
    e->knocks = mr_arena_get(e->op.probe->arena, e->count, sizeof *e->knocks);
    for (size_t i = 0; e->knocks && i < e->count; i++) {
        const mr_client_context *context = mr_client_get_context(e->client, i);
        if (!context || !context->accepted)
            continue;
        struct probe_knock *k = &e->knocks[e->knock_count++];
        k->owner = e;
        e->knocks_open += probe_knock_start(e->op.probe, k, e->client, &e->ifaces[i], on_knocked);
    }
}

/* The port answers, as @proof says. */
static void prove(struct endpoint *e, const char *proof) {
    e->proof = proof;
    e->proof_ms = probe_op_ms(&e->op);
    end_knocks(e);
}

/* ---- the call ---- */

static void on_called(void *user, mr_call *call, int result, const mr_error *err) {
    struct endpoint *e = user;
    mr_talk_seen talk = talk_about(e, &e->ifaces[0]);
    /* mgmt is often closed to strangers: an answer all the same */
    bool answered = result == 0 || (result == MR_ERR_FAULT && mr_fault_is_denial(call->fault));

    if (end_own_failure(e, result, err))
        return;
    e->mgmt_denied = result && answered ? call->fault : 0;
    probe_read_talk(mr_client_get_report(e->client), result, err, &talk);
    talk.when = MR_WHEN_AFTER_REQUEST;
    talk.opnum = MGMT_IS_SERVER_LISTENING;
    if (answered) /* the way there is open, also where the caller is refused */
        talk.end = MR_TALK_CALLED;
    bool broke = talk.end == MR_TALK_RESET || talk.end == MR_TALK_CLOSED ||
                 talk.end == MR_TALK_PROTOCOL;
    if (broke && e->knocks_open) {
        ask_plainly(e);
        finish(e);
        return;
    }
    if (falls_silent(e, &talk, err)) {
        finish(e);
        return;
    }
    add_talk(e, &talk);
    const char *text = probe_talk_text(e->op.probe, &talk, err);
    if (answered) {
        prove(e, text);
        return;
    }
    end_check(e, MR_STATUS_FAIL, text);
    finish(e);
}

/* Calls once the server lends mgmt on this connection; false when there is nothing to call. */
static bool start_call(struct endpoint *e) {
    mr_error err = MR_ERROR_INIT;

    if (mr_call_init(&e->call, &mr_mgmt_iface, MGMT_IS_SERVER_LISTENING, &e->args, &err) != 0)
        return false;
    e->calling = true;
    e->call.done = on_called;
    e->call.user = e;
    if (mr_call_start(&e->call, e->client, &err) != 0)
        return false;
    knock_all(e);
    return true;
}

/* The answer to asking for mgmt once more: without it the bind alone must do. */
static void on_altered(void *user, mr_client *client, int result, const mr_error *err) {
    struct endpoint *e = user;
    mr_talk_seen talk = talk_about(e, &e->ifaces[0]);

    if (end_own_failure(e, result, err))
        return;
    if (result == 0 && start_call(e))
        return;
    probe_read_talk(mr_client_get_report(client), result, err, &talk);
    bool bound = result == 0 || result == MR_ERR_CONTEXT_REJECTED || result == MR_ERR_FAULT;
    if (!bound && falls_silent(e, &talk, err)) {
        finish(e);
        return;
    }
    if (bound) {
        knock_all(e);
        prove(e, "bound");
        return;
    }
    add_talk(e, &talk);
    end_check(e, MR_STATUS_FAIL, probe_talk_text(e->op.probe, &talk, err));
    finish(e);
}

/* Something to call: mgmt if the bind gave it, else asked for alone, because Samba accepts one
 * interface in a bind. False when there is nothing to wait for. */
static bool prove_call(struct endpoint *e) {
    const mr_client_context *mgmt = mr_client_get_context(e->client, e->count);
    mr_error err = MR_ERROR_INIT;

    if (mgmt && mgmt->accepted)
        return start_call(e);
    return mr_client_add_contexts(e->client, &mr_mgmt_iface.syntax, 1, on_altered, e, &err) == 0;
}

/* ---- the bind ---- */

static void add_context(struct endpoint *e, const mr_client_context *context) {
    mr_talk_seen talk = talk_about(e, &context->abstract);

    if (context->accepted) {
        talk.end = MR_TALK_BOUND;
        e->accepted++;
        add_talk(e, &talk);
        return;
    }
    if (!e->alone && e->count > 1) {
        ask_alone(e, &context->abstract);
        return;
    }
    talk.end = MR_TALK_REJECTED;
    talk.result = context->result;
    talk.reason = context->reason;
    add_talk(e, &talk);
    if (probe_is_refusal(&talk))
        probe_account_ask_admission(e->op.probe, e->port, &context->abstract, 1);
    end_check(e, MR_STATUS_FAIL, probe_talk_text(e->op.probe, &talk, NULL));
}

/* The bind failed as a whole: one fact for each interface that should have answered. */
static void add_failure(struct endpoint *e, int result, const mr_error *err) {
    const mr_client_report *report = mr_client_get_report(e->client);
    mr_talk_seen talk = {0};

    probe_read_talk(report, result, err, &talk);
    if (falls_silent(e, &talk, err))
        return;
    for (size_t i = 0; i < e->count; i++) {
        talk = talk_about(e, &e->ifaces[i]);
        probe_read_talk(report, result, err, &talk);
        add_talk(e, &talk);
    }
    if (probe_is_refusal(&talk))
        probe_account_ask_admission(e->op.probe, e->port, e->ifaces, e->count);
    end_check(e, MR_STATUS_FAIL, probe_talk_text(e->op.probe, &talk, err));
}

static void on_bound(void *user, mr_client *client, int result, const mr_error *err) {
    struct endpoint *e = user;
    mr_probe *p = e->op.probe;
    const mr_client_report *report = mr_client_get_report(client);
    bool open = report->connected != 0;

    if (end_own_failure(e, result, err))
        return;
    if (!open && report->attempt.reach == MR_REACH_SILENT && p->losses && !e->repeated) {
        ask_again(e, "the port did not answer, and other packets were lost");
        finish(e);
        return;
    }
    if (open && (e->alone || e->told))
        probe_add_syn_loss(p, e->check, e->addr, e->port, MR_ROLE_ENDPOINT, &report->attempt);
    if (!e->alone && !e->told)
        open = probe_add_connect(&e->op, report, e->addr, e->port, MR_ROLE_ENDPOINT);
    else if (!open && !e->alone)
        end_check(e, MR_STATUS_UNKNOWN, "silent, and the port took no second connection");
    else if (!open)
        end_check(e, MR_STATUS_UNKNOWN, "rejected beside other interfaces, and the port took no "
                  "second connection");
    if (!open || p->last_phase < MR_PHASE_COMMUNICATION) {
        finish(e);
        return;
    }
    if (result && result != MR_ERR_CONTEXT_REJECTED) {
        add_failure(e, result, err);
        finish(e);
        return;
    }
    for (size_t i = 0; i < e->count; i++)
        add_context(e, mr_client_get_context(client, i));
    start_more(p); /* those to be asked alone need not wait for the call */
    if (e->accepted && !p->options.no_null && prove_call(e))
        return;
    if (e->accepted)
        end_check(e, MR_STATUS_PASS, "bound");
    finish(e);
}

static struct endpoint *begin(mr_probe *p, uint16_t port, bool alone) {
    struct endpoint *e = MR_ARENA_NEW(p->arena, struct endpoint);

    if (!e) {
        probe_no_memory(p);
        return NULL;
    }
    e->port = port;
    e->alone = alone;
    e->addr = &p->addrs[p->mapper_addr].addr;
    e->check = probe_text(p, "RPC.%u", port);
    probe_op_begin(p, &e->op, e->check, alone ? MR_PHASE_COMMUNICATION : MR_PHASE_TCP, false,
                   cut);
    p->open_endpoints++;
    return e;
}

static void connect_endpoint(struct probe_op *op) {
    struct endpoint *e = (struct endpoint *)op;
    mr_probe *p = op->probe;
    mr_client_options options = probe_client_options(p, e->addr, e->port);
    mr_error err = MR_ERROR_INIT;

    e->ifaces[e->count] = mr_mgmt_iface.syntax;
    int r = mr_client_new(p->loop, &options, &e->client, &err);
    if (!r)
        r = mr_client_start_many(e->client, e->ifaces, e->count + 1, on_bound, e, &err);
    if (r) {
        probe_own_failure(p, r);
        probe_check(&e->op, MR_STATUS_UNKNOWN, NULL, 0, "%s", err.text);
        finish(e);
    }
}

/* The same question for a fresh connection, and for mgmt alone; NULL without memory. */
static struct endpoint *begin_again(struct endpoint *e) {
    struct endpoint *next = begin(e->op.probe, e->port, e->alone);

    if (!next)
        return NULL;
    next->check = e->check;
    next->count = e->count;
    memcpy(next->ifaces, e->ifaces, sizeof next->ifaces);
    next->plain = true;
    next->repeated = e->repeated;
    next->told = mr_client_get_report(e->client)->connected != 0;
    return next;
}

/* The connection ended with calls on it that not every server may have expected: they are no
 * reason to find fault with it. */
static void ask_plainly(struct endpoint *e) {
    struct endpoint *next = begin_again(e);

    if (next)
        probe_op_connect(&next->op, connect_endpoint);
}

/* What was silent is a check of its own. */
static void ask_again(struct endpoint *e, const char *why) {
    mr_probe *p = e->op.probe;
    const mr_client_report *report = mr_client_get_report(e->client);
    struct endpoint *next = begin_again(e);

    if (!next)
        return;
    probe_check_as(&e->op, probe_text(p, "%s.SILENT", e->check),
                   report->connected ? MR_PHASE_COMMUNICATION : MR_PHASE_TCP, probe_op_ms(&e->op),
                   MR_STATUS_WARN, NULL, 0, "%u %s: %s; asked again", e->port, iface_list(e), why);
    next->repeated = true;
    if (report->has_tcp && !report->all_acked)
        next->lost = report->tcp.total_retrans;
    probe_op_connect(&next->op, connect_endpoint);
}

static void ask_alone(const struct endpoint *e, const mr_syntax *iface) {
    mr_probe *p = e->op.probe;
    struct probe_again *again = MR_ARENA_NEW(p->arena, struct probe_again);

    if (!again) {
        probe_no_memory(p);
        return;
    }
    again->port = e->port;
    again->iface = *iface;
    if (!p->again)
        p->again_end = &p->again;
    *p->again_end = again;
    p->again_end = &again->next;
}

/* The next port with all its interfaces, or else an interface to be asked for alone. */
static struct endpoint *next_endpoint(mr_probe *p) {
    const struct probe_again *again = p->again;
    struct endpoint *e;

    if (p->next_endpoint < p->endpoint_count) {
        const struct probe_endpoint *source = &p->endpoints[p->next_endpoint++];
        e = begin(p, source->port, false);
        if (e) {
            e->count = source->count;
            memcpy(e->ifaces, source->ifaces, source->count * sizeof source->ifaces[0]);
        }
        return e;
    }
    p->again = again->next;
    e = begin(p, again->port, true);
    if (e) {
        e->check = probe_text(p, "RPC.%u.%s", e->port, probe_iface(p, &again->iface));
        e->ifaces[e->count++] = again->iface;
    }
    return e;
}

static void start_more(mr_probe *p) {
    if (p->starting_endpoints) /* one that failed at once ended inside the loop below */
        return;
    p->starting_endpoints = true;
    while (!p->over && p->open_endpoints < MR_PROBE_AT_ONCE &&
           (p->next_endpoint < p->endpoint_count || p->again)) {
        struct endpoint *e = next_endpoint(p);
        if (!e)
            break;
        probe_op_connect(&e->op, connect_endpoint);
    }
    p->starting_endpoints = false;
}

const mr_probe_check probe_check_endpoints = {
    .id = "RPC.ENDPOINTS",
    .phase = MR_PHASE_TCP,
    .line = "every TCP endpoint: connect, bind, one harmless call",
    .needs = PROBE_ENDPOINTS,
    .start = start_more,
};
