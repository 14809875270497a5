/*
 * Phase 4, with an account that is known to be good: the interfaces that refused a stranger, asked
 * once more in its name, a port a connection, with a method that none has. Whoever is admitted
 * needs no other proof that the interface serves its callers; whoever is not lacks a right or a
 * level, which is no failure where nobody wanted to call. A service that has no key for the ticket
 * runs under an account of its own: the host, which took it elsewhere, is not to blame.
 */
#include "knock.h"

struct admitted {
    struct probe_op op;
    const struct probe_refusal *of;
    mr_client *client;
    mr_security *security;        /* of this connection, found by the logon */
    struct probe_knock *knocks;   /* one for each interface that was accepted */
    size_t knock_count, knocks_open;
    const char *yes, *no;         /* lists of interfaces, or NULL */
};

static void cut(struct probe_op *op) {
    struct admitted *a = (struct admitted *)op;

    for (size_t i = 0; i < a->knock_count; i++)
        probe_knock_deinit(&a->knocks[i]);
    a->knock_count = 0;
    mr_client_free(a->client);
    a->client = NULL;
}

static void start_more(mr_probe *p);

static void finish(struct admitted *a) {
    mr_probe *p = a->op.probe;

    cut(&a->op);
    p->admissions_open--;
    start_more(p);
    probe_op_end(&a->op);
}

static const char *address(const struct admitted *a) {
    mr_probe *p = a->op.probe;
    return probe_addr_text(p, &p->addrs[p->mapper_addr].addr);
}

static const char *add_name(mr_probe *p, const char *list, const char *name) {
    return list ? probe_text(p, "%s, %s", list, name) : name;
}

/* ---- who is admitted ---- */

static void end_asked(struct admitted *a) {
    mr_probe *p = a->op.probe;
    const char *who = probe_account_name(p);

    if (a->knocks_open)
        return;
    if (a->yes || a->no)
        probe_check(&a->op, MR_STATUS_PASS, NULL, 0, "%u as %s: %s%s%s%s%s", a->of->port, who,
                    a->yes ? "admitted by " : "", a->yes ? a->yes : "", a->yes && a->no ? "; " : "",
                    a->no ? "refused by " : "", a->no ? a->no : "");
    else
        probe_check(&a->op, MR_STATUS_UNKNOWN, NULL, 0, "%u as %s: no interface said anything",
                    a->of->port, who);
    finish(a);
}

static void on_knocked(void *user, mr_call *call, int result, const mr_error *err) {
    struct probe_knock *k = user;
    struct admitted *a = k->owner;
    mr_probe *p = a->op.probe;
    uint8_t level = mr_client_get_report(a->client)->auth.level;

    (void)err;
    a->knocks_open--;
    switch (probe_knock_read(call, result)) {
    case PROBE_ADMITTED:
        a->yes = add_name(p, a->yes, k->iface.name);
        mr_fact_add(p->diag, MR_FACT_RPC_ADMITTED, a->op.check, .interface = k->iface.name,
                    .address = address(a), .port = a->of->port, .user = probe_account_name(p),
                    .auth = level);
        break;
    case PROBE_DENIED:
        a->no = add_name(p, a->no, k->iface.name);
        mr_fact_add(p->diag, MR_FACT_RPC_NOT_ADMITTED, a->op.check, .interface = k->iface.name,
                    .address = address(a), .port = a->of->port, .user = probe_account_name(p),
                    .status = call->fault, .auth = level);
        break;
    case PROBE_WELCOME_UNKNOWN:
        break;
    }
    end_asked(a);
}

/* ---- the connection ---- */

/* The bind failed: told where the ticket was for another key, else nobody knows. */
static void end_unbound(struct admitted *a, const mr_error *err) {
    mr_probe *p = a->op.probe;
    const mr_client_report *report = mr_client_get_report(a->client);
    mr_logon_provider provider = {0};
    uint32_t krb = 0;

    if (mr_logon_find(p->account.logon, a->security, &provider) == 0 &&
        probe_has_other_key(&provider, report, &krb)) {
        for (size_t i = 0; i < a->of->count; i++)
            probe_add_other_key(p, a->op.check, &p->addrs[p->mapper_addr].addr, a->of->port,
                                &a->of->ifaces[i], krb);
        probe_check(&a->op, MR_STATUS_PASS, NULL, 0, "%u as %s: the service has another key than "
                    "%s", a->of->port, probe_account_name(p), probe_account_spn(p));
    } else {
        probe_check(&a->op, MR_STATUS_UNKNOWN, NULL, 0, "%u as %s: %s", a->of->port,
                    probe_account_name(p), err->text);
    }
    finish(a);
}

static void on_bound(void *user, mr_client *client, int result, const mr_error *err) {
    struct admitted *a = user;
    mr_probe *p = a->op.probe;

    if (result) {
        probe_own_failure(p, result);
        end_unbound(a, err);
        return;
    }
    a->knocks = mr_arena_get(p->arena, a->of->count, sizeof *a->knocks);
    if (!a->knocks)
        probe_no_memory(p);
    for (size_t i = 0; a->knocks && i < a->of->count; i++) {
        const mr_client_context *context = mr_client_get_context(client, i);
        if (!context || !context->accepted)
            continue;
        struct probe_knock *k = &a->knocks[a->knock_count++];
        k->owner = a;
        a->knocks_open += probe_knock_start(p, k, client, &a->of->ifaces[i], on_knocked);
    }
    end_asked(a);
}

static int make(void *user, mr_security **securityp, mr_error *err) {
    struct admitted *a = user;
    int r = mr_logon_make(a->op.probe->account.logon, securityp, err);

    if (!r)
        a->security = *securityp;
    return r;
}

static void give(void *user, mr_security *security) {
    struct admitted *a = user;
    mr_logon_give(a->op.probe->account.logon, security);
}

static void connect_port(struct probe_op *op) {
    struct admitted *a = (struct admitted *)op;
    mr_probe *p = op->probe;
    mr_client_options options =
        probe_client_options(p, &p->addrs[p->mapper_addr].addr, a->of->port);
    mr_error err = MR_ERROR_INIT;

    options.security = probe_account_security(p, p->options.logon->level);
    options.security.make = make;
    options.security.give = give;
    options.security.user = a;
    int r = mr_client_new(p->loop, &options, &a->client, &err);
    if (!r)
        r = mr_client_start_many(a->client, a->of->ifaces, a->of->count, on_bound, a, &err);
    if (!r)
        return;
    probe_own_failure(p, r);
    probe_check(op, MR_STATUS_UNKNOWN, NULL, 0, "%s", err.text);
    finish(a);
}

static void ask(mr_probe *p, const struct probe_refusal *of) {
    struct admitted *a = MR_ARENA_NEW(p->arena, struct admitted);

    if (!a) {
        probe_no_memory(p);
        return;
    }
    a->of = of;
    p->admissions_open++;
    probe_op_begin(p, &a->op,
                   of->count == 1 ? probe_text(p, "RPC.%u.%s.AS", of->port,
                                               probe_iface(p, &of->ifaces[0]))
                                  : probe_text(p, "RPC.%u.AS", of->port),
                   MR_PHASE_COMMUNICATION, false, cut);
    a->op.remark = true; /* that the port answers is known */
    probe_op_connect(&a->op, connect_port);
}

void probe_account_ask_admission(mr_probe *p, uint16_t port, const mr_syntax *ifaces,
                                 size_t count) {
    struct probe_refusal *of;

    if (!p->options.logon || !p->options.logon->identity ||
        p->options.logon->identity->anonymous || !probe_wants_check(p, "AUTH.ADMITTED"))
        return;
    of = MR_ARENA_NEW(p->arena, struct probe_refusal);
    if (!of) {
        probe_no_memory(p);
        return;
    }
    of->port = port;
    of->count = count;
    memcpy(of->ifaces, ifaces, count * sizeof *ifaces);
    if (!p->refusals)
        p->refusals_end = &p->refusals;
    *p->refusals_end = of;
    p->refusals_end = &of->next;
    if (p->signalled[PROBE_KNOWN])
        start_more(p);
}

/* Leaves out what AUTH.LOGON has asked. */
static void leave_out_known(mr_probe *p, struct probe_refusal *of) {
    size_t kept = 0;

    for (size_t i = 0; i < of->count; i++)
        if (of->port != p->account.port || !mr_syntax_eq(&of->ifaces[i], &p->account.iface))
            of->ifaces[kept++] = of->ifaces[i];
    of->count = kept;
}

static void start_more(mr_probe *p) {
    while (!p->over && p->refusals && p->admissions_open < MR_PROBE_AT_ONCE) {
        struct probe_refusal *of = p->refusals;
        p->refusals = of->next;
        leave_out_known(p, of);
        if (of->count)
            ask(p, of);
    }
}

const mr_probe_check probe_check_admitted = {
    .id = "AUTH.ADMITTED",
    .phase = MR_PHASE_COMMUNICATION,
    .line = "what refused a stranger, asked in the name of an account that is good",
    .needs = PROBE_KNOWN,
    .start = start_more,
};
