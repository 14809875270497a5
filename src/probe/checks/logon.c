/*
 * Phase 4, with an account: one logon, one authenticated connection to one endpoint, and one
 * harmless call there: a method that no interface has, which a server refuses only after it has
 * judged the caller. Who is refused is not tried again, by no other mechanism and no other way.
 *
 * Who is denied the call may be known or not: bare NTLM has no answer to its last message, so
 * mgmt, which lets everybody ask, is called on the same connection. Who is known and denied below
 * packet privacy is asked for once more at privacy with the tickets at hand: that tells a level
 * that is too low from a right that is missing.
 */
#include <msrpc/ifaces/mgmt.h>
#include <msrpc/probe/logon.h>

#include "probe_private.h"

#include <stdlib.h>

enum { MGMT_IS_SERVER_LISTENING = 2 }; /* opnum */
#define NO_METHOD UINT16_MAX         /* an opnum */
#define FAULT_ACCESS_DENIED 5
#define FAULT_AUTHN_LEVEL 0x1c00001d /* nca_unsupported_authn_level */
#define FAULT_OP_RNG 0x1c010002      /* nca_s_op_rng_error */
#define GATE_AGAIN (20 * MR_MSEC)

/* Interfaces that nearly every host has and that admit whoever is authenticated, best first. */
static const char *const usual[] = {"lsarpc", "samr", "netlogon", "winreg", "srvsvc", "wkssvc"};

struct probe_logon {
    struct probe_op op;
    mr_timer wait;             /* until the gate lets us in */
    mr_logon_options options;
    mr_logon *logon;
    mr_logon *raised;          /* the same identity at privacy, by the same tickets */
    mr_identity tickets;       /* for @raised */
    const mr_addr *addr;
    uint16_t port;
    mr_syntax iface;
    bool asked;                /* the user named the interface */
    const char *who;           /* "alice@LAB.TEST" */
    const char *spn;           /* "" where Kerberos is not wanted */

    mr_client *client;         /* the dialogue under way */
    mr_call call;
    bool calling;
    mr_iface called;           /* the interface with a method that it does not have */
    mr_proc proc;
    struct mr_mgmt_is_server_listening *args;
    uint32_t denied;           /* the fault that refused the call at the wanted level */
    uint32_t opnum;
};

static void open_dialogue(struct probe_op *op);

/* What is to be said of the dialogue under way, and of @logon. */
static mr_logon_seen seen_of(const struct probe_logon *l, const mr_logon *logon) {
    mr_probe *p = l->op.probe;

    return (mr_logon_seen){
        .diag = p->diag,
        .check = l->op.check,
        .logon = logon,
        .who = l->who,
        .spn = l->spn,
        .client = l->client,
        .addr = l->addr,
        .port = l->port,
        .interface = probe_iface(p, &l->iface),
        .service = probe_service(&l->iface),
        .opnum = l->opnum,
    };
}

static mr_logon_seen seen_now(const struct probe_logon *l) {
    return seen_of(l, l->raised ? l->raised : l->logon);
}

static const char *mechanism(const struct probe_logon *l) {
    mr_logon_seen seen = seen_now(l);

    return mr_logon_seen_mechanism(&seen);
}

/* The target itself may be a KDC that is silent. */
static void look_at_kdcs(struct probe_logon *l) {
    mr_probe *p = l->op.probe;

    for (size_t i = 0; i < p->addr_count; i++)
        p->logon.kdc_silent |= mr_logon_is_kdc_silent(l->logon, &p->addrs[i].addr);
}

/* A fallback, and the tickets that were granted, are the first logon's. */
static const char *add_way(struct probe_logon *l, bool accepted, uint32_t status) {
    mr_logon_seen seen = seen_of(l, l->logon);

    look_at_kdcs(l);
    mr_logon_seen_add_granted(&seen);
    return l->op.probe->logon.fallback = mr_logon_seen_add_fallback(&seen, accepted, status);
}

static const char *add_refused(struct probe_logon *l, int result, const mr_error *err) {
    mr_logon_seen seen = seen_of(l, l->logon);

    look_at_kdcs(l);
    return mr_logon_seen_add_refused(&seen, result, err);
}

static void hang_up(struct probe_logon *l) {
    if (l->calling)
        mr_call_deinit(&l->call);
    l->calling = false;
    mr_client_free(l->client);
    l->client = NULL;
}

static void cut(struct probe_op *op) {
    struct probe_logon *l = (struct probe_logon *)op;

    hang_up(l);
    mr_logon_free(l->raised);
    mr_logon_free(l->logon);
    l->raised = l->logon = NULL;
    mr_identity_deinit(&l->tickets);
    mr_timer_deinit(&l->wait);
}

/* ---- the end ---- */

static void judge(struct probe_logon *l, enum mr_probe_verdict verdict) {
    mr_probe *p = l->op.probe;

    p->logon.verdict = verdict;
    if (verdict == MR_PROBE_VERDICT_GOOD)
        p->logon.mechanism = mechanism(l);
    if (p->options.judged)
        p->options.judged(p->options.judged_user, verdict);
}

static void finish(struct probe_logon *l) {
    cut(&l->op);
    probe_op_end(&l->op);
}

static void end_unknown(struct probe_logon *l, const char *why) {
    judge(l, MR_PROBE_VERDICT_NONE);
    probe_check(&l->op, MR_STATUS_UNKNOWN, NULL, 0, "as %s: %s", l->who, why);
    finish(l);
}

static void end_failed(struct probe_logon *l, bool refused, const char *text) {
    judge(l, refused ? MR_PROBE_VERDICT_REFUSED : MR_PROBE_VERDICT_NONE);
    probe_check(&l->op, MR_STATUS_FAIL, NULL, 0, "%s as %s: %s", mechanism(l), l->who,
                text);
    finish(l);
}

static const char *port_and_iface(struct probe_logon *l) {
    return probe_text(l->op.probe, "%u %s", l->port, probe_iface(l->op.probe, &l->iface));
}

/* Authenticated. @note is what is to be said beside it, or NULL; with @low the level that was
 * wanted is not served. */
static void end_good(struct probe_logon *l, bool low, const char *note) {
    const mr_client_report *report = mr_client_get_report(l->client);
    const char *why = add_way(l, true, 0);
    const mr_evidence evidence[] = {
        {"user", {.kind = MR_VALUE_STRING, .u.string = mr_slice_str(l->who)}},
        {"mechanism", {.kind = MR_VALUE_STRING,
                       .u.string = mr_slice_str(mechanism(l))}},
        {"level", {.kind = MR_VALUE_STRING,
                   .u.string = mr_slice_str(mr_auth_level_name(report->auth.level))}},
        {"interface", {.kind = MR_VALUE_STRING,
                       .u.string = mr_slice_str(probe_iface(l->op.probe, &l->iface))}},
        {"port", {.kind = MR_VALUE_UINT, .u.uinteger = l->port}},
    };

    judge(l, MR_PROBE_VERDICT_GOOD);
    probe_check(&l->op, low ? MR_STATUS_FAIL : why ? MR_STATUS_WARN : MR_STATUS_PASS, evidence,
                MR_COUNT(evidence), "%s as %s, %s%s%s%s%s", mechanism(l),
                l->who, mr_auth_level_name(report->auth.level),
                note ? "; " : "", note ? note : "", why ? "; not Kerberos: " : "", why ? why : "");
    finish(l);
}

/* ---- the call ---- */

static void add_talk(struct probe_logon *l, enum mr_talk_end end, uint8_t level, uint32_t status) {
    mr_logon_seen seen = seen_now(l);
    mr_talk_seen talk = mr_logon_seen_talk(&seen);

    talk.end = end;
    talk.auth = level;
    talk.status = status;
    talk.opnum = NO_METHOD;
    mr_facts_add_talk(l->op.probe->diag, &talk);
}

static void end_called(struct probe_logon *l) {
    add_talk(l, MR_TALK_BOUND, l->options.level, 0);
    if (l->raised)
        add_talk(l, MR_TALK_FAULT, l->options.level, l->denied);
    add_talk(l, MR_TALK_CALLED, mr_client_get_report(l->client)->auth.level, 0);
    end_good(l, l->raised != NULL, l->raised ? probe_text(l->op.probe, "level %s is refused by %s",
                                                          mr_auth_level_name(l->options.level),
                                                          port_and_iface(l))
                                             : NULL);
}

/* At privacy once more, where that costs no second logon. */
static bool raise_level(struct probe_logon *l) {
    const mr_logon_report *r = mr_logon_get_report(l->logon);
    mr_logon_options options = l->options;
    mr_error err = MR_ERROR_INIT;

    if (l->raised || options.level >= MR_AUTH_LEVEL_PRIVACY || !r->kerberos ||
        mr_identity_init(&l->tickets, &err) != 0 ||
        mr_identity_set_ccache(&l->tickets, mr_slice_str(r->tickets.ccache), &err) != 0)
        return false;
    options.mechanism = MR_LOGON_KERBEROS;
    options.identity = &l->tickets;
    options.level = MR_AUTH_LEVEL_PRIVACY;
    options.realm = NULL;
    return mr_logon_new(l->op.probe->loop, l->op.probe->resolver, &options, &l->raised, &err) == 0;
}

static void on_raised(void *user, mr_logon *logon, int result, const mr_error *err);

/* The caller is known, and may not. */
static void end_denied(struct probe_logon *l) {
    mr_error err = MR_ERROR_INIT;
    const char *text = probe_text(l->op.probe, "%s, fault 0x%08x", port_and_iface(l), l->denied);

    if (raise_level(l) && mr_logon_start(l->raised, on_raised, l, &err) == 0) {
        hang_up(l);
        return;
    }
    if (!l->asked && mr_client_get_report(l->client)->auth.level == MR_AUTH_LEVEL_PRIVACY) {
        /* nobody wanted to call it */
        end_good(l, false, probe_text(l->op.probe, "calls of %s are denied", port_and_iface(l)));
        return;
    }
    add_talk(l, MR_TALK_BOUND, l->options.level, 0);
    add_talk(l, MR_TALK_FAULT, mr_client_get_report(l->client)->auth.level, l->denied);
    add_way(l, true, 0);
    judge(l, MR_PROBE_VERDICT_GOOD);
    probe_check(&l->op, MR_STATUS_FAIL, NULL, 0, "%s as %s: authenticated, access denied: %s",
                mechanism(l), l->who, text);
    finish(l);
}

/* The dialogue came to nothing. */
static void end_dialogue(struct probe_logon *l, int result, const mr_error *err) {
    const mr_client_report *report = mr_client_get_report(l->client);
    mr_logon_seen seen = seen_now(l);

    if (probe_own_failure(l->op.probe, result)) {
        end_unknown(l, err->text);
        return;
    }
    add_way(l, false, report->auth.fault);
    end_failed(l, mr_logon_seen_is_refused(&seen), mr_logon_seen_add_failed(&seen, result, err));
}

static void on_mgmt(void *user, mr_call *call, int result, const mr_error *err) {
    struct probe_logon *l = user;
    mr_error fault = MR_ERROR_INIT;

    (void)call;
    (void)err;
    if (result == 0) {
        end_denied(l);
        return;
    }
    mr_fail(&fault, MR_ERR_FAULT, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "the call was refused");
    fault.peer_kind = MR_PEER_FAULT;
    fault.peer = l->denied;
    end_dialogue(l, MR_ERR_FAULT, &fault);
}

static bool start_call(struct probe_logon *l, const mr_iface *iface, uint32_t index,
                       void (*done)(void *, mr_call *, int, const mr_error *)) {
    mr_error err = MR_ERROR_INIT;

    if (l->calling)
        mr_call_deinit(&l->call);
    l->call = (mr_call){0};
    l->calling = mr_call_init(&l->call, iface, index, l->args, &err) == 0;
    l->call.done = done;
    l->call.user = l;
    return l->calling && mr_call_start(&l->call, l->client, &err) == 0;
}

static void on_altered(void *user, mr_client *client, int result, const mr_error *err) {
    struct probe_logon *l = user;

    (void)client;
    (void)err;
    if (result == 0 && start_call(l, &mr_mgmt_iface, MGMT_IS_SERVER_LISTENING, on_mgmt))
        return;
    on_mgmt(l, &l->call, result ? result : MR_ERR_STATE, err);
}

static void take_denial(struct probe_logon *l, uint32_t fault) {
    mr_logon_seen seen = seen_now(l);
    mr_error err = MR_ERROR_INIT;

    l->denied = fault;
    if (mr_logon_seen_is_proven(&seen)) {
        end_denied(l);
        return;
    }
    if (mr_client_add_contexts(l->client, &mr_mgmt_iface.syntax, 1, on_altered, l, &err) != 0)
        on_mgmt(l, &l->call, MR_ERR_STATE, &err);
}

static void on_called(void *user, mr_call *call, int result, const mr_error *err) {
    struct probe_logon *l = user;
    bool denied = call->fault == FAULT_ACCESS_DENIED || call->fault == FAULT_AUTHN_LEVEL;

    if (result == MR_ERR_FAULT && denied)
        take_denial(l, call->fault);
    else if (result == 0 || (result == MR_ERR_FAULT && call->fault == FAULT_OP_RNG))
        end_called(l);
    else
        end_dialogue(l, result, err);
}

/* ---- the connection ---- */

static void on_bound(void *user, mr_client *client, int result, const mr_error *err) {
    struct probe_logon *l = user;
    mr_probe *p = l->op.probe;

    if (!mr_client_get_report(client)->connected) {
        end_unknown(l, "the port took no further connection");
        return;
    }
    if (result) {
        end_dialogue(l, result, err);
        return;
    }
    l->proc = mr_mgmt_iface.procs[MGMT_IS_SERVER_LISTENING]; /* which sends no parameters */
    l->proc.opnum = NO_METHOD;
    l->called = (mr_iface){.name = probe_iface(p, &l->iface), .syntax = l->iface, .proc_count = 1,
                           .procs = &l->proc};
    l->opnum = NO_METHOD;
    if (!start_call(l, &l->called, 0, on_called))
        end_unknown(l, "no call could be made");
}

static void open_dialogue(struct probe_op *op) {
    struct probe_logon *l = (struct probe_logon *)op;
    mr_probe *p = op->probe;
    mr_client_options options = probe_client_options(p, l->addr, l->port);
    mr_error err = MR_ERROR_INIT;

    options.security = (mr_client_security){
        .make = mr_logon_make, .give = mr_logon_give, .user = l->raised ? l->raised : l->logon,
        .level = l->raised ? MR_AUTH_LEVEL_PRIVACY : l->options.level};
    int r = mr_client_new(p->loop, &options, &l->client, &err);
    if (!r)
        r = mr_client_start(l->client, &l->iface, on_bound, l, &err);
    if (!r)
        return;
    if (probe_own_failure(p, r))
        end_unknown(l, err.text);
    else
        end_failed(l, false, add_refused(l, r, &err));
}

static void on_raised(void *user, mr_logon *logon, int result, const mr_error *err) {
    struct probe_logon *l = user;

    (void)logon;
    (void)err;
    if (result == 0) {
        open_dialogue(&l->op);
        return;
    }
    end_unknown(l, "the tickets at hand do not serve at level privacy");
}

/* ---- the logon ---- */

static void on_logged_on(void *user, mr_logon *logon, int result, const mr_error *err) {
    struct probe_logon *l = user;
    mr_probe *p = l->op.probe;
    const mr_logon_report *r = mr_logon_get_report(logon);

    if (probe_own_failure(p, result == MR_ERR_ARGUMENT ? 0 : result)) {
        end_unknown(l, err->text);
        return;
    }
    if (*r->tickets.client && (r->kerberos || !*l->options.identity->user))
        l->who = probe_text(p, "%s", r->tickets.client);
    p->logon_who = l->who;
    if (result) {
        end_failed(l, r->refused, add_refused(l, result, err));
        return;
    }
    probe_op_connect(&l->op, open_dialogue);
}

static void begin_logon(struct probe_logon *l) {
    mr_probe *p = l->op.probe;
    mr_error err = MR_ERROR_INIT;
    int r = mr_logon_new(p->loop, p->resolver, &l->options, &l->logon, &err);

    p->logon.made = true;
    p->logon.negotiated = l->options.mechanism == MR_LOGON_NEGOTIATE;
    p->logon.level = l->options.level;
    if (!r)
        r = mr_logon_start(l->logon, on_logged_on, l, &err);
    if (!r)
        return;
    if (r != MR_ERR_ARGUMENT) {
        probe_own_failure(p, r);
        end_unknown(l, err.text);
        return;
    }
    mr_fact_add(p->diag, MR_FACT_AUTH_LOCAL, l->op.check, .other = err.text, .user = l->who);
    judge(l, MR_PROBE_VERDICT_NONE);
    probe_check(&l->op, MR_STATUS_FAIL, NULL, 0, "as %s: %s", l->who, err.text);
    finish(l);
}

/* Another target may be trying the same account, or have been refused with it. */
static void on_gate(void *user) {
    struct probe_logon *l = user;
    const mr_probe_options *o = &l->op.probe->options;

    switch (o->may_log_on ? o->may_log_on(o->judged_user) : MR_PROBE_GATE_OPEN) {
    case MR_PROBE_GATE_OPEN:
        begin_logon(l);
        break;
    case MR_PROBE_GATE_WAIT:
        mr_timer_set(&l->wait, mr_clock_now() + GATE_AGAIN);
        break;
    case MR_PROBE_GATE_CLOSED:
        mr_fact_add(l->op.probe->diag, MR_FACT_AUTH_NOT_TRIED, l->op.check,
                    .address = probe_addr_text(l->op.probe, l->addr), .user = l->who);
        probe_check(&l->op, MR_STATUS_SKIP, NULL, 0,
                    "%s was refused before and is not tried again (--max-logons)", l->who);
        finish(l);
        break;
    }
}

/* ---- what is asked ---- */

static size_t rank(mr_probe *p, const mr_syntax *iface) {
    const char *name = probe_iface(p, iface);

    for (size_t i = 0; i < MR_COUNT(usual); i++)
        if (strcmp(name, usual[i]) == 0)
            return i;
    return MR_COUNT(usual);
}

static bool choose(struct probe_logon *l) {
    mr_probe *p = l->op.probe;
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < p->endpoint_count; i++) {
        const struct probe_endpoint *e = &p->endpoints[i];
        for (size_t k = 0; k < e->count; k++) {
            size_t at = rank(p, &e->ifaces[k]);
            if (at >= best)
                continue;
            best = at;
            l->port = e->port;
            l->iface = e->ifaces[k];
        }
    }
    return best != SIZE_MAX;
}

static void start(mr_probe *p) {
    const mr_probe_options *o = &p->options;
    struct probe_logon *l;

    if (!o->logon || !o->logon->identity)
        return;
    l = MR_ARENA_NEW(p->arena, struct probe_logon);
    if (l)
        l->args = MR_ARENA_NEW(p->arena, struct mr_mgmt_is_server_listening);
    if (!l || !l->args) {
        probe_no_memory(p);
        return;
    }
    l->op.probe = p;
    if (!choose(l))
        return;
    l->options = *o->logon;
    l->asked = o->has_interface;
    l->who = o->identity && *o->identity ? o->identity : "the user";
    l->addr = &p->addrs[p->mapper_addr].addr;
    l->spn = o->logon->spn ? o->logon->spn
             : o->logon->host ? probe_text(p, "%s/%s", o->logon->service ? o->logon->service
                                                                         : "host", o->logon->host)
             : "";
    mr_timer_init(&l->wait, p->loop, on_gate, l);
    probe_op_begin(p, &l->op, "AUTH.LOGON", MR_PHASE_COMMUNICATION, false, cut);
    mr_timer_set(&l->wait, mr_clock_now());
}

const mr_probe_check probe_check_logon = {
    .id = "AUTH.LOGON",
    .phase = MR_PHASE_COMMUNICATION,
    .line = "one logon with the account that was given, and one call under it",
    .needs = PROBE_ENDPOINTS,
    .start = start,
};
