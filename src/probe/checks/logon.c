/*
 * Phase 4, with an account: one logon, and one harmless call under it at one endpoint (trial.c).
 * Who is refused is not tried again, by no other mechanism and no other way. A service without a
 * key for the ticket may run under an account of its own: where nobody asked for it, others are
 * tried with the same tickets.
 *
 * Where the mapper refuses strangers the logon is made earlier, and tried at the mapper. What came
 * of it holds for the rest of the run: no second logon follows, and none at all after a refusal.
 */
#include <msrpc/ifaces/epmapper.h>
#include <msrpc/probe/trial.h>

#include "probe_private.h"

#define GATE_AGAIN (20 * MR_MSEC)
#define OTHERS 4 /* ports tried of which each has another key */

/* Interfaces that nearly every host has and that admit whoever is authenticated, best first. */
static const char *const usual[] = {"lsarpc", "samr", "netlogon", "winreg", "srvsvc", "wkssvc"};

struct probe_logon {
    struct probe_op op;
    mr_timer wait;             /* until the gate lets us in */
    mr_logon_options options;
    mr_logon *logon;
    mr_trial trial;
    const mr_addr *addr;
    uint16_t port;
    mr_syntax iface;
    bool asked;                /* the user named the interface */
    const char *who;           /* "alice@LAB.TEST" */
    const char *spn;           /* "" where Kerberos is not wanted */
    struct probe_asker asker;  /* who wants to ask the mapper; zeroed: nobody */
    uint32_t refused;          /* the fault by which the mapper refuses a good account */
    const char *why;           /* it came to nothing */
    struct other_key {
        uint16_t port;
        mr_syntax iface;
        uint32_t krb;
    } others[OTHERS];
    size_t other_count;
};

/* What there is to be said of it. */
static mr_logon_seen seen_of(const struct probe_logon *l) {
    mr_probe *p = l->op.probe;

    return (mr_logon_seen){
        .diag = p->diag,
        .check = l->op.check,
        .logon = l->logon,
        .who = l->who,
        .spn = l->spn,
        .client = l->trial.client,
        .addr = l->addr,
        .port = l->port,
        .interface = probe_iface(p, &l->iface),
        .service = probe_service(&l->iface),
        .opnum = MR_TRIAL_OPNUM,
    };
}

static const char *mechanism(const struct probe_logon *l) {
    mr_logon_seen seen = seen_of(l);

    return mr_logon_seen_mechanism(&seen);
}

/* The target itself may be a KDC that is silent. */
static void look_at_kdcs(struct probe_logon *l) {
    mr_probe *p = l->op.probe;

    for (size_t i = 0; i < p->addr_count; i++)
        p->logon.kdc_silent |= mr_logon_is_kdc_silent(l->logon, &p->addrs[i].addr);
    p->evidence |= p->logon.kdc_silent; /* its port is one of the neighbours */
}

/* The tickets that were granted, and a fallback, whose reason is returned. */
static const char *add_way(struct probe_logon *l, bool accepted, uint32_t status) {
    mr_logon_seen seen = seen_of(l);

    look_at_kdcs(l);
    mr_logon_seen_add_granted(&seen);
    return l->op.probe->logon.fallback = mr_logon_seen_add_fallback(&seen, accepted, status);
}

static const char *add_refused(struct probe_logon *l, int result, const mr_error *err) {
    mr_logon_seen seen = seen_of(l);

    look_at_kdcs(l);
    return mr_logon_seen_add_refused(&seen, result, err);
}

static void cut(struct probe_op *op) {
    struct probe_logon *l = (struct probe_logon *)op;

    mr_trial_deinit(&l->trial);
    if (l->logon != op->probe->account.logon)
        mr_logon_free(l->logon);
    l->logon = NULL;
    mr_timer_deinit(&l->wait);
}

/* ---- the end ---- */

/* Kerberos is mutual: the host has the key of the name that was asked for (RFC 4120 3.2.4). */
static void add_proof(struct probe_logon *l) {
    mr_probe *p = l->op.probe;
    mr_logon_seen seen = seen_of(l);

    if (strcmp(mechanism(l), "Kerberos") == 0 && mr_logon_seen_is_proven(&seen) &&
        l->options.host && !l->options.spn)
        mr_fact_add(p->diag, MR_FACT_KRB_PROVEN, l->op.check, .port = l->port,
                    .address = probe_addr_text(p, l->addr), .name = l->options.host);
}

/* Once: who is known to be good stays so. */
static void judge(struct probe_logon *l, enum mr_probe_verdict verdict) {
    mr_probe *p = l->op.probe;

    if (p->account.logon)
        return;
    p->logon.verdict = verdict;
    if (verdict == MR_PROBE_VERDICT_GOOD) {
        p->logon.mechanism = mechanism(l);
        p->account.logon = l->logon;
        add_proof(l);
    }
    if (p->options.judged)
        p->options.judged(p->options.judged_user, verdict);
}

static void finish(struct probe_logon *l) {
    mr_probe *p = l->op.probe;

    cut(&l->op);
    p->account.asking = false;
    if (l->asker.told)
        l->asker.told(l->asker.user, l->refused, l->why);
    else if (p->account.logon && !p->account.refused)
        probe_signal(p, PROBE_KNOWN);
    probe_op_end(&l->op);
}

static void end_unknown(struct probe_logon *l, const char *why) {
    l->why = probe_text(l->op.probe, "%s", why);
    judge(l, MR_PROBE_VERDICT_NONE);
    probe_check(&l->op, MR_STATUS_UNKNOWN, NULL, 0, "as %s: %s", l->who, why);
    finish(l);
}

static void end_failed(struct probe_logon *l, bool refused, const char *text) {
    l->why = text;
    l->op.probe->account.refused |= refused;
    judge(l, refused ? MR_PROBE_VERDICT_REFUSED : MR_PROBE_VERDICT_NONE);
    probe_check(&l->op, MR_STATUS_FAIL, NULL, 0, "%s as %s: %s", mechanism(l), l->who, text);
    finish(l);
}

static const char *port_and_iface(struct probe_logon *l) {
    return probe_text(l->op.probe, "%u %s", l->port, probe_iface(l->op.probe, &l->iface));
}

/* Authenticated. @note is what is to be said beside it, or NULL. */
static void end_good(struct probe_logon *l, const char *note) {
    bool low = l->trial.end == MR_TRIAL_LOW;
    const char *level = mr_auth_level_name(low ? MR_AUTH_LEVEL_PRIVACY : l->options.level);
    const char *why = add_way(l, true, 0);
    const mr_evidence evidence[] = {
        {"user", {.kind = MR_VALUE_STRING, .u.string = mr_slice_str(l->who)}},
        {"mechanism", {.kind = MR_VALUE_STRING,
                       .u.string = mr_slice_str(mechanism(l))}},
        {"level", {.kind = MR_VALUE_STRING, .u.string = mr_slice_str(level)}},
        {"interface", {.kind = MR_VALUE_STRING,
                       .u.string = mr_slice_str(probe_iface(l->op.probe, &l->iface))}},
        {"port", {.kind = MR_VALUE_UINT, .u.uinteger = l->port}},
    };

    for (size_t i = 0; i < l->other_count; i++)
        probe_add_other_key(l->op.probe, l->op.check, l->addr, l->others[i].port,
                            &l->others[i].iface, l->others[i].krb);
    judge(l, MR_PROBE_VERDICT_GOOD);
    probe_check(&l->op, low ? MR_STATUS_FAIL : why ? MR_STATUS_WARN : MR_STATUS_PASS, evidence,
                MR_COUNT(evidence), "%s as %s, %s%s%s%s%s", mechanism(l), l->who, level,
                note ? "; " : "", note ? note : "", why ? "; not Kerberos: " : "", why ? why : "");
    finish(l);
}

/* The caller is known, and may not. */
static void end_denied(struct probe_logon *l) {
    mr_logon_seen seen = seen_of(l);

    mr_trial_add_facts(&l->trial, &seen);
    add_way(l, true, 0);
    judge(l, MR_PROBE_VERDICT_GOOD);
    probe_check(&l->op, MR_STATUS_FAIL, NULL, 0,
                "%s as %s: authenticated, access denied: %s, fault 0x%08x", mechanism(l), l->who,
                port_and_iface(l), l->trial.denied);
    finish(l);
}

static bool choose(struct probe_logon *l);
static void try_out(struct probe_op *op);

/* Nobody asked for this service, and it has no key for the ticket: another one may. No password is
 * tried by that. */
static bool tries_elsewhere(struct probe_logon *l) {
    mr_logon_provider provider = {0};
    struct other_key *other = &l->others[l->other_count];

    if (l->asked || l->asker.told || l->other_count == OTHERS ||
        mr_logon_find(l->logon, NULL, &provider) != 0 ||
        !probe_has_other_key(&provider, mr_client_get_report(l->trial.client), &other->krb))
        return false;
    other->port = l->port;
    other->iface = l->iface;
    l->other_count++;
    if (!choose(l)) {
        l->other_count--;
        return false;
    }
    mr_trial_deinit(&l->trial);
    probe_op_connect(&l->op, try_out);
    return true;
}

static void end_dialogue(struct probe_logon *l) {
    const mr_trial *t = &l->trial;
    mr_logon_seen seen = seen_of(l);

    if (probe_own_failure(l->op.probe, t->result)) {
        end_unknown(l, t->error.text);
        return;
    }
    if (!mr_client_get_report(t->client)->connected) {
        end_unknown(l, "the port took no further connection");
        return;
    }
    if (tries_elsewhere(l))
        return;
    add_way(l, false, mr_client_get_report(t->client)->auth.fault);
    const char *text = mr_logon_seen_add_failed(&seen, t->result, &t->error);
    end_failed(l, mr_logon_seen_is_refused(&seen), text);
}

/* The mapper knows the caller: a remark, for it is the answer that counts. */
static void end_at_mapper(struct probe_logon *l) {
    const mr_trial *t = &l->trial;
    mr_probe *p = l->op.probe;

    l->op.check = "EPM.LOGON";
    l->op.phase = MR_PHASE_DISCOVERY;
    l->op.remark = true;
    mr_logon_seen seen = seen_of(l);
    if (t->end == MR_TRIAL_LOW)
        mr_trial_add_facts(t, &seen);
    p->account.mapper_level = t->end == MR_TRIAL_LOW ? MR_AUTH_LEVEL_PRIVACY : l->options.level;
    if (t->end == MR_TRIAL_DENIED) {
        p->account.mapper_level = 0;
        l->refused = t->denied;
        l->why = "access is denied to an account that is known there";
    }
    end_good(l, l->why ? l->why : t->end == MR_TRIAL_LOW ? "lower levels are refused" : NULL);
}

static void on_tried(void *user, mr_trial *t) {
    struct probe_logon *l = user;
    mr_logon_seen seen = seen_of(l);

    if (l->asker.told && t->end != MR_TRIAL_FAILED) {
        end_at_mapper(l);
        return;
    }
    switch (t->end) {
    case MR_TRIAL_FAILED:
        end_dialogue(l);
        break;
    case MR_TRIAL_SERVED:
        mr_trial_add_facts(t, &seen);
        if (!l->options.identity->anonymous)
            mr_fact_add(seen.diag, MR_FACT_RPC_ADMITTED, seen.check, .interface = seen.interface,
                        .address = probe_addr_text(l->op.probe, l->addr), .port = l->port,
                        .user = l->who, .auth = l->options.level);
        end_good(l, NULL);
        break;
    case MR_TRIAL_LOW:
        mr_trial_add_facts(t, &seen);
        end_good(l, probe_text(l->op.probe, "level %s is refused by %s",
                               mr_auth_level_name(l->options.level), port_and_iface(l)));
        break;
    case MR_TRIAL_DENIED:
        if (l->asked || t->denied_at < MR_AUTH_LEVEL_PRIVACY)
            end_denied(l);
        else /* nobody wanted to call it */
            end_good(l, probe_text(l->op.probe, "calls of %s are denied", port_and_iface(l)));
        break;
    }
}

static void try_out(struct probe_op *op) {
    struct probe_logon *l = (struct probe_logon *)op;
    mr_probe *p = op->probe;
    mr_error err = MR_ERROR_INIT;

    if (!l->asker.told) {
        p->account.port = l->port;
        p->account.iface = l->iface;
    }
    l->trial = (mr_trial){
        .loop = p->loop,
        .connect = probe_client_options(p, l->addr, l->port),
        .logon = l->logon,
        .interface = l->iface,
        .name = probe_iface(p, &l->iface),
        .level = l->options.level,
        .known = l->options.identity->anonymous, /* who is known elsewhere may not be here */
        .done = on_tried,
        .user = l,
    };
    int r = mr_trial_start(&l->trial, &err);
    if (!r)
        return;
    if (probe_own_failure(p, r))
        end_unknown(l, err.text);
    else
        end_failed(l, false, add_refused(l, r, &err));
}

/* ---- the logon ---- */

/* A mistake of ours: nobody was asked. */
static void end_local(struct probe_logon *l, const char *text) {
    l->why = probe_text(l->op.probe, "%s", text);
    mr_fact_add(l->op.probe->diag, MR_FACT_AUTH_LOCAL, l->op.check, .other = l->why,
                .user = l->who);
    judge(l, MR_PROBE_VERDICT_NONE);
    probe_check(&l->op, MR_STATUS_FAIL, NULL, 0, "as %s: %s", l->who, l->why);
    finish(l);
}

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
    if (p->options.is_wanted && *r->tickets.client &&
        !p->options.is_wanted(p->options.judged_user, r->tickets.client)) {
        end_local(l, "the tickets are another user's");
        return;
    }
    probe_op_connect(&l->op, try_out);
}

static void begin_logon(struct probe_logon *l) {
    mr_probe *p = l->op.probe;
    mr_error err = MR_ERROR_INIT;

    l->options.full_name = p->full_name;
    l->options.dns_domain = p->dns_domain;
    l->options.computer = p->computer;
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
    end_local(l, err.text);
}

/* The host soon says what nobody else does: the user's realm, or that his domain is the host. */
static bool waits_for_names(const struct probe_logon *l) {
    const mr_logon_options *o = &l->options;
    const mr_identity *id = o->identity;
    const mr_probe *p = l->op.probe;
    bool unnamed = !p->full_name && o->host && !strchr(o->host, '.');

    return p->challenging && !o->realm && !strchr(id->domain, '.') &&
           (unnamed || (*id->domain && !id->principal)) &&
           (o->mechanism == MR_LOGON_KERBEROS || o->mechanism == MR_LOGON_NEGOTIATE);
}

/* Another target may be trying the same account, or have been refused with it. */
static void on_gate(void *user) {
    struct probe_logon *l = user;
    const mr_probe_options *o = &l->op.probe->options;

    if (waits_for_names(l)) {
        mr_timer_set(&l->wait, mr_clock_now() + GATE_AGAIN);
        return;
    }
    switch (o->may_log_on ? o->may_log_on(o->judged_user) : MR_PROBE_GATE_OPEN) {
    case MR_PROBE_GATE_OPEN:
        begin_logon(l);
        break;
    case MR_PROBE_GATE_WAIT:
        mr_timer_set(&l->wait, mr_clock_now() + GATE_AGAIN);
        break;
    case MR_PROBE_GATE_CLOSED:
        l->why = "it was refused before";
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

static bool has_other_key(const struct probe_logon *l, uint16_t port) {
    for (size_t i = 0; i < l->other_count; i++)
        if (l->others[i].port == port)
            return true;
    return false;
}

/* The best interface at a port that is not known to have another key. */
static bool choose(struct probe_logon *l) {
    mr_probe *p = l->op.probe;
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < p->endpoint_count; i++) {
        const struct probe_endpoint *e = &p->endpoints[i];
        if (has_other_key(l, e->port))
            continue;
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

static struct probe_logon *new_logon(mr_probe *p, size_t addr) {
    struct probe_logon *l = MR_ARENA_NEW(p->arena, struct probe_logon);

    if (!l) {
        probe_no_memory(p);
        return NULL;
    }
    l->op.probe = p;
    l->options = *p->options.logon;
    l->who = probe_account_name(p);
    l->spn = probe_account_spn(p);
    l->addr = &p->addrs[addr].addr;
    mr_timer_init(&l->wait, p->loop, on_gate, l);
    return l;
}

static bool has_account(const mr_probe *p) {
    return p->options.logon && p->options.logon->identity && !probe_skips_check(p, "AUTH.LOGON");
}

static void begin(struct probe_logon *l) {
    mr_probe *p = l->op.probe;

    /* where calls are left out it is still what the mapper's answer hangs on */
    enum mr_phase phase = l->asker.told && !probe_wants(p, MR_PHASE_COMMUNICATION)
                              ? MR_PHASE_DISCOVERY : MR_PHASE_COMMUNICATION;

    p->account.begun = true;
    probe_op_begin(p, &l->op, "AUTH.LOGON", phase, false, cut);
    if (!p->account.logon) {
        mr_timer_set(&l->wait, mr_clock_now());
        return;
    }
    l->logon = p->account.logon; /* it was good at the mapper */
    probe_op_connect(&l->op, try_out);
}

static void start(mr_probe *p) {
    struct probe_logon *l;

    if (!has_account(p) || (p->account.begun && !p->account.logon))
        return;
    l = new_logon(p, p->mapper_addr);
    if (!l || !choose(l))
        return;
    l->asked = p->options.has_interface;
    begin(l);
}

bool probe_account_ask_mapper(mr_probe *p, size_t addr, const struct probe_asker *asker) {
    struct probe_logon *l;

    /* a null session is a stranger's */
    if (!has_account(p) || p->account.begun || p->options.logon->identity->anonymous)
        return false;
    l = new_logon(p, addr);
    if (!l)
        return false;
    l->asker = *asker;
    l->port = p->options.mapper_port;
    l->iface = mr_epmapper_iface.syntax;
    p->account.asking = true;
    p->mapper_addr = addr;
    begin(l);
    return true;
}

const mr_probe_check probe_check_logon = {
    .id = "AUTH.LOGON",
    .phase = MR_PHASE_COMMUNICATION,
    .line = "one logon with the account that was given, and one call under it",
    .needs = PROBE_ENDPOINTS,
    .start = start,
};
