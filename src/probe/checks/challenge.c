/*
 * Phase 4, without credentials: who answers. NTLM is begun in a bind to the endpoint mapper and
 * left when the challenge has come: the host's names and clock stand in it (MS-NLMP 2.2.1.2,
 * 2.2.2.1). Nobody logs on: the message with which somebody would is never sent. A server that
 * gives no challenge is not accused of anything.
 */
#include <msrpc/ifaces/epmapper.h>

#include "probe_private.h"

struct challenge {
    mr_security security; /* first: the association knows it as this */
    struct probe_op op;
    mr_client *client;
    const mr_addr *addr;
    uint16_t port;
    bool got;
    const char *computer, *domain, *dns_computer, *dns_domain, *dns_forest; /* in the arena */
    mr_ntlm_version version;
    bool has_clock;
    int64_t ahead;        /* seconds */
};

static struct challenge *of_op(struct probe_op *op) {
    return (struct challenge *)((char *)op - offsetof(struct challenge, op));
}

static void cut(struct probe_op *op) {
    struct challenge *c = of_op(op);
    mr_client_free(c->client);
    c->client = NULL;
}

/* ---- the provider ---- */

static const char *text_of(mr_probe *p, mr_slice utf16) {
    uint8_t room[3 * 256];
    mr_buf buf;

    mr_buf_init(&buf, room, sizeof room, sizeof room);
    mr_utf16le_decode(mr_slice_of(utf16.data, utf16.len < 512 ? utf16.len : 512), &buf);
    mr_slice s = mr_buf_slice(&buf);
    const char *text = probe_text(p, "%.*s", (int)s.len, (const char *)s.data);
    mr_buf_deinit(&buf);
    return text;
}

static void read_challenge(struct challenge *c, const mr_ntlm_challenge *m) {
    mr_probe *p = c->op.probe;
    int64_t theirs, ours;
    uint32_t nsec;

    c->got = true;
    c->computer = text_of(p, m->target.computer);
    c->domain = text_of(p, m->target.domain);
    c->dns_computer = text_of(p, m->target.dns_computer);
    c->dns_domain = text_of(p, m->target.dns_domain);
    if (*c->dns_domain)
        p->dns_domain = c->dns_domain;
    c->dns_forest = text_of(p, m->target.dns_forest);
    c->version = m->version;
    if (!m->target.time)
        return;
    mr_clock_get_wall(&ours, &nsec);
    mr_time_unix(m->target.time, &theirs, &nsec);
    c->has_clock = true;
    c->ahead = theirs - ours;
}

/* NEGOTIATE; then the challenge is read, and that is the end. */
static int step(mr_security *sec, enum mr_dir dir, mr_slice token, mr_buf *out, mr_error *err) {
    struct challenge *c = (struct challenge *)sec;
    const mr_ntlm_negotiate negotiate = {
        .flags = MR_NTLM_UNICODE | MR_NTLM_REQUEST_TARGET | MR_NTLM_NTLM | MR_NTLM_ALWAYS_SIGN |
                 MR_NTLM_EXTENDED | MR_NTLM_TARGET_INFO | MR_NTLM_VERSION | MR_NTLM_128 |
                 MR_NTLM_56,
        .version = {.major = 10, .build = 17763}};
    mr_ntlm_challenge m;

    (void)dir;
    if (token.len == 0) {
        int r = mr_ntlm_negotiate_encode(&negotiate, out);
        return r ? r : MR_SECURITY_CONTINUE;
    }
    int r = mr_ntlm_challenge_decode(token, &m, err);
    if (r)
        return r;
    read_challenge(c, &m);
    return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET, "nobody logs on");
}

static uint16_t sizes(mr_security *sec, uint8_t level) {
    (void)sec;
    (void)level;
    return 0;
}

static const mr_security_class provider = {
    .name = "NTLM", .auth_type = MR_AUTH_NTLM, .step = step, .sizes = sizes};

/* ---- what it says ---- */

/* "Windows 6.1.7600", in the form of its version; Samba says that, too. */
static const char *version_text(mr_probe *p, const mr_ntlm_version *v) {
    return v->major ? probe_text(p, "%u.%u.%u", v->major, v->minor, v->build) : NULL;
}

static void tell(struct challenge *c) {
    mr_probe *p = c->op.probe;
    bool off = c->has_clock && (c->ahead > MR_CLOCK_TOLERANCE || c->ahead < -MR_CLOCK_TOLERANCE);
    const char *version = version_text(p, &c->version);
    const char *name = mr_facts_best_name(c->computer, c->dns_computer);
    mr_evidence evidence[7];
    size_t count = 0;
    const struct {
        const char *key, *text;
    } texts[] = {{"computer", c->computer}, {"domain", c->domain},
                 {"dns_computer", c->dns_computer}, {"dns_domain", c->dns_domain},
                 {"dns_forest", c->dns_forest}, {"version", version}};

    for (size_t i = 0; i < MR_COUNT(texts); i++)
        if (texts[i].text && *texts[i].text)
            evidence[count++] = (mr_evidence){
                texts[i].key, {.kind = MR_VALUE_STRING, .u.string = mr_slice_str(texts[i].text)}};
    if (c->has_clock)
        evidence[count++] = (mr_evidence){"clock_ahead_s",
                                          {.kind = MR_VALUE_INT, .u.integer = c->ahead}};
    const char *clock = !c->has_clock ? "" :
        c->ahead > -2 && c->ahead < 2 ? ", its clock agrees with ours"
        : probe_text(p, ", its clock is %lld s %s ours",
                     (long long)(c->ahead < 0 ? -c->ahead : c->ahead),
                     c->ahead < 0 ? "behind" : "ahead of");
    probe_check(&c->op, off ? MR_STATUS_WARN : MR_STATUS_PASS, evidence, count,
                "the host calls itself %s%s%s%s", *name ? name : "nothing",
                *c->domain ? " of domain " : "", c->domain, clock);
}

static void add_facts(struct challenge *c) {
    mr_probe *p = c->op.probe;
    mr_addr literal;
    bool is_name = mr_addr_decode(mr_slice_str(p->options.host), 0, &literal) != 0;

    if (!probe_wants(p, MR_PHASE_COMMUNICATION))
        return;
    mr_facts_add_challenge(p->diag, &(mr_challenge_seen){
        .check = c->op.check, .at = mr_clock_now(), .address = probe_addr_text(p, c->addr),
        .port = c->port, .asked = is_name ? p->options.host : NULL, .computer = c->computer,
        .dns_computer = c->dns_computer, .has_clock = c->has_clock, .ahead = c->ahead});
}

static void on_bound(void *user, mr_client *client, int result, const mr_error *err) {
    struct challenge *c = user;

    (void)client;
    if (c->got) {
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
    struct challenge *c = of_op(op);
    mr_probe *p = op->probe;
    mr_client_options options = probe_client_options(p, c->addr, c->port);
    mr_error err = MR_ERROR_INIT;

    options.bind = MR_BIND_PLAIN;
    options.security = (mr_client_security){.provider = &c->security,
                                            .level = MR_AUTH_LEVEL_CONNECT,
                                            .no_header_sign = true, .no_verification = true};
    int r = mr_client_new(p->loop, &options, &c->client, &err);
    if (!r)
        r = mr_client_start(c->client, &mr_epmapper_iface.syntax, on_bound, c, &err);
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
    c->security = (mr_security){.class = &provider, .role = MR_SECURITY_INITIATOR};
    c->addr = &p->addrs[p->mapper_addr].addr;
    c->port = p->options.mapper_port;
    probe_op_begin(p, &c->op, "AUTH.CHALLENGE", MR_PHASE_COMMUNICATION, false, cut);
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
