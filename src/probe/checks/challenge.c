/*
 * Phase 4, without credentials: who answers at the endpoint mapper, from an NTLM challenge. A
 * server that gives none is not accused of anything.
 */
#include <msrpc/ifaces/epmapper.h>
#include <msrpc/probe/challenge.h>

#include "probe_private.h"

struct challenge {
    struct probe_op op;
    mr_challenge_ask ask;
    const mr_addr *addr;
    uint16_t port;
};

static void cut(struct probe_op *op) {
    struct challenge *c = (struct challenge *)op;

    mr_challenge_deinit(&c->ask);
    op->probe->challenging = false;
}

/* ---- what it says ---- */

/* "Windows 6.1.7600", in the form of its version; Samba says that, too. */
static const char *version_text(mr_probe *p, const mr_ntlm_version *v) {
    return v->major ? probe_text(p, "%u.%u.%u", v->major, v->minor, v->build) : NULL;
}

static void tell(struct challenge *c) {
    const mr_challenge_ask *ask = &c->ask;
    mr_probe *p = c->op.probe;
    bool off = ask->has_clock &&
               (ask->ahead > MR_CLOCK_TOLERANCE || ask->ahead < -MR_CLOCK_TOLERANCE);
    const char *version = version_text(p, &ask->version);
    const char *name = mr_facts_best_name(ask->computer, ask->dns_computer);
    mr_evidence evidence[7];
    size_t count = 0;
    const struct {
        const char *key, *text;
    } texts[] = {{"computer", ask->computer}, {"domain", ask->domain},
                 {"dns_computer", ask->dns_computer}, {"dns_domain", ask->dns_domain},
                 {"dns_forest", ask->dns_forest}, {"version", version}};

    for (size_t i = 0; i < MR_COUNT(texts); i++)
        if (texts[i].text && *texts[i].text)
            evidence[count++] = (mr_evidence){
                texts[i].key, {.kind = MR_VALUE_STRING, .u.string = mr_slice_str(texts[i].text)}};
    if (ask->has_clock)
        evidence[count++] = (mr_evidence){"clock_ahead_s",
                                          {.kind = MR_VALUE_INT, .u.integer = ask->ahead}};
    const char *clock = !ask->has_clock ? "" :
        ask->ahead > -2 && ask->ahead < 2 ? ", its clock agrees with ours"
        : probe_text(p, ", its clock is %lld s %s ours",
                     (long long)(ask->ahead < 0 ? -ask->ahead : ask->ahead),
                     ask->ahead < 0 ? "behind" : "ahead of");
    probe_check(&c->op, off ? MR_STATUS_WARN : MR_STATUS_PASS, evidence, count,
                "the host calls itself %s%s%s%s", *name ? name : "nothing",
                *ask->domain ? " of domain " : "", ask->domain, clock);
}

static void add_facts(struct challenge *c) {
    mr_probe *p = c->op.probe;
    mr_addr literal;
    bool is_name = mr_addr_decode(mr_slice_str(p->options.host), 0, &literal) != 0;

    if (!probe_wants(p, MR_PHASE_COMMUNICATION))
        return;
    mr_facts_add_challenge(p->diag, &(mr_challenge_seen){
        .check = c->op.check, .at = mr_clock_now(), .address = probe_addr_text(p, c->addr),
        .port = c->port, .asked = is_name ? p->options.host : NULL, .computer = c->ask.computer,
        .dns_computer = c->ask.dns_computer, .has_clock = c->ask.has_clock, .ahead = c->ask.ahead});
}

/* A server outside of any domain calls itself one, and its DNS name that of one: of no realm. */
static void note_names(struct challenge *c) {
    mr_probe *p = c->op.probe;
    const mr_challenge_ask *ask = &c->ask;
    bool alone = mr_str_eq_nocase(ask->computer, ask->domain);

    if (*ask->dns_domain && !alone)
        p->dns_domain = ask->dns_domain;
    if (*ask->computer)
        p->computer = ask->computer;
}

static void on_asked(void *user, mr_challenge_ask *ask, int result, const mr_error *err) {
    struct challenge *c = user;

    (void)ask;
    if (c->ask.got) {
        note_names(c);
        tell(c);
        add_facts(c);
    } else {
        probe_own_failure(c->op.probe, result);
        probe_op_set_aside(&c->op); /* nothing is known, and nothing is wrong */
        probe_check(&c->op, MR_STATUS_UNKNOWN, NULL, 0, "no NTLM challenge: %s",
                    result ? err->text : "the server went on without one");
    }
    cut(&c->op);
    probe_op_end(&c->op);
}

static void connect_challenge(struct probe_op *op) {
    struct challenge *c = (struct challenge *)op;
    mr_probe *p = op->probe;
    mr_error err = MR_ERROR_INIT;

    c->ask = (mr_challenge_ask){
        .loop = p->loop,
        .connect = probe_client_options(p, c->addr, c->port),
        .interface = mr_epmapper_iface.syntax,
        .arena = p->arena,
        .done = on_asked,
        .user = c,
    };
    int r = mr_challenge_start(&c->ask, &err);
    if (r) {
        probe_own_failure(p, r);
        probe_check(op, MR_STATUS_UNKNOWN, NULL, 0, "%s", err.text);
        cut(op);
        probe_op_end(op);
    }
}

static void start(mr_probe *p) {
    struct challenge *c;

    if (p->options.has_endpoint)
        return; /* the mapper is not asked */
    c = MR_ARENA_NEW(p->arena, struct challenge);
    if (!c) {
        probe_no_memory(p);
        return;
    }
    c->addr = &p->addrs[p->mapper_addr].addr;
    c->port = p->options.mapper_port;
    probe_op_begin(p, &c->op, "AUTH.CHALLENGE", MR_PHASE_COMMUNICATION, false, cut);
    p->challenging = true;
    c->op.remark = true; /* who answers at the mapper says nothing about calls */
    probe_op_connect(&c->op, connect_challenge);
}

const mr_probe_check probe_check_challenge = {
    .id = "AUTH.CHALLENGE",
    .phase = MR_PHASE_COMMUNICATION,
    .line = "the host's names and clock, from an NTLM challenge; nobody logs on",
    .needs = PROBE_BOUND,
    .start = start,
};
