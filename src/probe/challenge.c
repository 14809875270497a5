/* A bind that ends with the NTLM challenge. */
#include <msrpc/probe/challenge.h>

static const char *text_of(mr_challenge_ask *c, mr_slice utf16) {
    uint8_t room[3 * 256];
    mr_buf buf;

    mr_buf_init(&buf, room, sizeof room, sizeof room);
    mr_utf16le_decode(mr_slice_of(utf16.data, utf16.len < 512 ? utf16.len : 512), &buf);
    const char *text = mr_arena_add_str(c->arena, mr_buf_slice(&buf));
    mr_buf_deinit(&buf);
    return text ? text : "";
}

static void read_challenge(mr_challenge_ask *c, const mr_ntlm_challenge *m) {
    int64_t theirs, ours;
    uint32_t nsec;

    c->got = true;
    c->computer = text_of(c, m->target.computer);
    c->domain = text_of(c, m->target.domain);
    c->dns_computer = text_of(c, m->target.dns_computer);
    c->dns_domain = text_of(c, m->target.dns_domain);
    c->dns_forest = text_of(c, m->target.dns_forest);
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
    mr_challenge_ask *c = (mr_challenge_ask *)sec;
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

static void on_bound(void *user, mr_client *client, int result, const mr_error *err) {
    mr_challenge_ask *c = user;

    (void)client;
    c->done(c->user, c, result, err);
}

int mr_challenge_start(mr_challenge_ask *c, mr_error *err) {
    mr_client_options options = c->connect;

    c->security = (mr_security){.class = &provider, .role = MR_SECURITY_INITIATOR};
    options.bind = MR_BIND_PLAIN;
    options.security = (mr_client_security){.provider = &c->security,
                                            .level = MR_AUTH_LEVEL_CONNECT,
                                            .no_header_sign = true, .no_verification = true};
    int r = mr_client_new(c->loop, &options, &c->client, err);
    return r ? r : mr_client_start(c->client, &c->interface, on_bound, c, err);
}

void mr_challenge_deinit(mr_challenge_ask *c) {
    mr_client_free(c->client);
    c->client = NULL;
}
