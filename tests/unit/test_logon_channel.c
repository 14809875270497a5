/*
 * Netlogon's secure channel as a logon: against the server that keeps such channels, and against
 * one that lies about flags, credentials and authenticators. Who is refused is asked for once.
 */
#define PATIENCE (30 * MR_SEC) /* a test that needs it has failed */
#include "channels_world.h"

#include <msrpc/ifaces/netlogon_server.h>

#define DENIED 0xc0000022u
#define NO_ACCOUNT 0xc000018bu
#define AGREED 0x41004000u

/* ---- a logon ---- */

struct logon {
    mr_identity id;
    mr_addr at[2];
    mr_logon_options options;
    mr_logon *logon;
    mr_error err;
};

static void prepare(struct logon *l, const char *name, const char *password, const mr_addr *at) {
    *l = (struct logon){.err = MR_ERROR_INIT, .at = {*at}};
    assert_int_equal(mr_identity_init(&l->id, NULL), 0);
    assert_int_equal(mr_identity_set_name(&l->id, mr_slice_str(name), NULL), 0);
    assert_int_equal(mr_identity_set_password(&l->id, mr_slice_str(password), NULL), 0);
    l->options = (mr_logon_options){
        .identity = &l->id, .mechanism = MR_LOGON_NETLOGON, .level = MR_AUTH_LEVEL_PRIVACY,
        .host = "srv", .servers = l->at, .server_count = 1, .timeout = PATIENCE,
        .kdc_timeout = PATIENCE};
}

static int run(struct logon *l, mr_loop *loop) {
    int r = mr_logon_new(loop, NULL, &l->options, &l->logon, &l->err);

    return r ? r : mr_logon_run(l->logon, &l->err);
}

static const mr_logon_channel *channel_of(const struct logon *l) {
    return &mr_logon_get_report(l->logon)->channel;
}

static void finish(struct logon *l) {
    mr_logon_free(l->logon);
    mr_identity_deinit(&l->id);
}

/* A connection of the logon's, and calls with authenticators over it. */
static int open_with(struct fixture *f, struct logon *l, uint8_t level, mr_client **clientp) {
    mr_client_options options = {
        .connect = {.remote = f->at}, .timeout = PATIENCE,
        .security = {.make = mr_logon_make, .give = mr_logon_give, .user = l->logon,
                     .level = level}};
    int r = mr_client_new(&f->loop, &options, clientp, NULL);

    return r ? r : mr_client_open(*clientp, &mr_netlogon_iface.syntax, NULL);
}

static uint32_t ask_capabilities(mr_client *client, struct logon *l) {
    struct mr_netlogon_NetrLogonGetCapabilities args = {.QueryLevel = 1};
    uint16_t server[32], computer[32];
    mr_netlogon_step step;

    args.ServerName = wide("srv", server);
    args.ComputerName = wide(channel_of(l)->computer, computer);
    assert_int_equal(mr_logon_get_authenticator(l->logon, &step, NULL), 0);
    memcpy(args.Authenticator.Credential.data, step.credential, 8);
    args.Authenticator.Timestamp = step.time;
    assert_int_equal(mr_client_call(client, &mr_netlogon_iface, 21, &args, NULL), 0);
    if (args.result == 0) {
        uint8_t other[8] = {0};
        assert_int_equal(mr_logon_check_authenticator(l->logon, &step, other, NULL), MR_ERR_AUTH);
        assert_int_equal(mr_logon_check_authenticator(
                             l->logon, &step, args.ReturnAuthenticator.Credential.data, NULL), 0);
        assert_int_equal(args.ServerCapabilities.ServerCapabilities, AGREED);
    }
    return args.result;
}

static void stands(void **state) {
    struct fixture f;
    struct logon l;
    mr_client *first = NULL, *second = NULL;
    mr_netlogon_step step;
    mr_logon_provider provider;
    (void)state;

    setup(&f);
    prepare(&l, "LAB\\PC7$", "Machine.Pw-77", &f.at);
    assert_int_equal(mr_logon_new(&f.loop, NULL, &l.options, &l.logon, NULL), 0);
    assert_int_equal(mr_logon_get_authenticator(l.logon, &step, NULL), MR_ERR_STATE);
    assert_int_equal(mr_logon_run(l.logon, &l.err), 0);
    const mr_logon_report *report = mr_logon_get_report(l.logon);
    assert_true(report->netlogon && !report->ntlm && !report->kerberos && !report->refused);
    assert_int_equal(report->channel.agreed, AGREED);
    assert_int_equal(report->channel.told, AGREED);
    assert_int_equal(report->channel.step, MR_LOGON_CHANNEL_CHECK);
    assert_string_equal(report->channel.computer, "PC7");
    assert_int_equal(open_with(&f, &l, MR_AUTH_LEVEL_PRIVACY, &first), 0);
    assert_int_equal(open_with(&f, &l, MR_AUTH_LEVEL_PRIVACY, &second), 0);
    for (int i = 0; i < 3; i++) { /* one chain, however many connections */
        assert_int_equal(ask_capabilities(first, &l), 0);
        assert_int_equal(ask_capabilities(second, &l), 0);
    }
    assert_int_equal(mr_logon_find(l.logon, NULL, &provider), 0);
    assert_non_null(provider.netlogon);
    mr_client_free(first);
    assert_true(open_with(&f, &l, MR_AUTH_LEVEL_INTEGRITY, &first) < 0); /* must be sealed */
    mr_client_free(first);
    mr_client_free(second);
    finish(&l);
    teardown(&f);
}

static void refused(void **state) {
    static const mr_addr nobody = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}, .port = 1};
    struct fixture f;
    struct logon l;
    (void)state;

    setup(&f);
    prepare(&l, "LAB\\PC7$", "Wrong.Pw-77", &f.at);
    assert_int_equal(run(&l, &f.loop), MR_ERR_AUTH);
    assert_int_equal(channel_of(&l)->status, DENIED);
    assert_int_equal(channel_of(&l)->step, MR_LOGON_CHANNEL_PROOF);
    assert_true(mr_logon_get_report(l.logon)->refused);
    assert_non_null(strstr(l.err.text, "NetrServerAuthenticate3 answers 0xc0000022"));
    finish(&l);
    prepare(&l, "LAB\\PC9$", "Machine.Pw-77", &f.at);
    assert_int_equal(run(&l, &f.loop), MR_ERR_AUTH);
    assert_int_equal(channel_of(&l)->status, NO_ACCOUNT);
    assert_false(mr_logon_get_report(l.logon)->refused);
    finish(&l);
    prepare(&l, "LAB\\PC7$", "Machine.Pw-77", &nobody); /* then the next address */
    assert_int_equal(run(&l, &f.loop), MR_ERR_REFUSED);
    finish(&l);
    prepare(&l, "LAB\\PC7$", "Machine.Pw-77", &nobody);
    l.at[1] = f.at;
    l.options.server_count = 2;
    assert_int_equal(run(&l, &f.loop), 0);
    finish(&l);
    teardown(&f);
}

static void impossible(void **state) {
    static const char *const names[] = {"LAB\\alice", "PC7$", "PC7$@lab.test", "lab.test\\PC7$",
                                        "LAB\\$", "LAB\\SIXTEENLETTERSXX$",
                                        "SIXTEENLETTERSXX\\PC7$", "LAB\\P\xc3\xa4$"};
    static const mr_addr nobody = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}, .port = 1};
    struct logon l;
    mr_loop loop;
    (void)state;

    assert_int_equal(mr_loop_init(&loop, NULL), 0);
    for (size_t i = 0; i < MR_COUNT(names); i++) {
        prepare(&l, names[i], "x", &nobody);
        assert_int_equal(run(&l, &loop), MR_ERR_ARGUMENT);
        finish(&l);
    }
    prepare(&l, "LAB\\PC7$", "x", &nobody);
    l.options.level = MR_AUTH_LEVEL_PACKET;
    assert_int_equal(run(&l, &loop), MR_ERR_ARGUMENT);
    l.options.level = MR_AUTH_LEVEL_INTEGRITY;
    l.options.server_count = 0;
    l.options.host = NULL;
    assert_int_equal(run(&l, &loop), MR_ERR_ARGUMENT);
    l.options.server_count = 1;
    l.id.has_nt_hash = l.id.has_password = false;
    assert_int_equal(run(&l, &loop), MR_ERR_ARGUMENT);
    finish(&l);
    mr_loop_deinit(&loop);
}

/* ---- a server that lies ---- */

enum lie { HONEST, BUSY, WEAK, UNSEALED, MORE, UNPROVEN, OTHER_FLAGS, OTHER_ANSWER, CHECK_DENIED,
           NO_CHECK };

struct liar {
    mr_loop loop;
    enum lie lie;
    unsigned proofs;
    uint32_t kinds[4]; /* of channel, as asked for */
    uint32_t kind;     /* the account's */
    mr_netlogon_exchange exchange;
    mr_netlogon_chain chain;
    uint8_t hash[MR_NT_HASH_SIZE];
};

static int lie_challenge(mr_server_call *call, struct mr_netlogon_NetrServerReqChallenge *args) {
    struct liar *liar = call->user;

    memcpy(liar->exchange.client, args->ClientChallenge.data, 8);
    memset(liar->exchange.server, 0x5a, 8);
    memset(args->ServerChallenge.data, 0x5a, 8);
    args->result = liar->lie == BUSY ? 0xc0000133 : 0;
    return 0;
}

static int lie_proof(mr_server_call *call, struct mr_netlogon_NetrServerAuthenticate3 *args) {
    struct liar *liar = call->user;
    uint32_t flags = args->NegotiateFlags;

    liar->kinds[liar->proofs++ % MR_COUNT(liar->kinds)] = args->SecureChannelType;
    if (args->SecureChannelType != liar->kind) {
        args->result = NO_ACCOUNT;
        return 0;
    }
    liar->exchange.flags = flags;
    memcpy(liar->exchange.credential, args->ClientCredential.data, 8);
    memcpy(liar->chain.stored, args->ClientCredential.data, 8);
    assert_int_equal(mr_netlogon_derive(&liar->exchange, liar->hash, &liar->chain.key, NULL), 0);
    assert_int_equal(mr_netlogon_get_credential(&liar->chain.key, liar->exchange.server,
                                                args->ServerCredential.data, NULL), 0);
    if (liar->lie == UNPROVEN)
        args->ServerCredential.data[7] ^= 1;
    args->NegotiateFlags = liar->lie == WEAK       ? flags & ~0x01000000u
                           : liar->lie == UNSEALED ? flags & ~0x40000000u
                           : liar->lie == MORE     ? flags | 0x80000000u : flags;
    return 0;
}

static int lie_check(mr_server_call *call, struct mr_netlogon_NetrLogonGetCapabilities *args) {
    struct liar *liar = call->user;
    mr_netlogon_step step = {.time = args->Authenticator.Timestamp};

    if (liar->lie == NO_CHECK)
        return mr_server_fault(call, MR_FAULT_OP_RNG_ERROR);
    memcpy(step.credential, args->Authenticator.Credential.data, 8);
    assert_int_equal(mr_netlogon_chain_feed(&liar->chain, &step,
                                            args->ReturnAuthenticator.Credential.data, NULL), 0);
    if (liar->lie == OTHER_ANSWER)
        args->ReturnAuthenticator.Credential.data[0] ^= 1;
    args->ServerCapabilities.ServerCapabilities =
        liar->lie == OTHER_FLAGS ? 0x612fffffu & ~0x4000u : 0x612fffffu;
    args->result = liar->lie == CHECK_DENIED ? DENIED : 0;
    return 0;
}

static int find_key(void *user, mr_slice domain, mr_slice computer, mr_netlogon_key *keyp,
                    mr_error *err) {
    (void)err;
    assert_true(mr_slice_eq(domain, MR_SLICE_LIT("LAB")));
    assert_true(mr_slice_eq(computer, MR_SLICE_LIT("PC7")));
    *keyp = ((const struct liar *)user)->chain.key;
    return 0;
}

static int make_acceptor(void *user, uint8_t level, void **loginp, mr_security **securityp,
                         mr_error *err) {
    const mr_netlogon_options options = {.role = MR_SECURITY_ACCEPTOR, .find = find_key,
                                         .user = user};
    mr_netlogon *channel = NULL;
    int r = mr_netlogon_new(&options, &channel, err);

    assert_int_equal(level, MR_AUTH_LEVEL_PRIVACY);
    *loginp = channel;
    if (!r)
        *securityp = mr_netlogon_get_security(channel);
    return r;
}

static void give_acceptor(void *user, void *login) {
    (void)user;
    mr_netlogon_free(login);
}

static const struct mr_netlogon_iface_server lies = {
    .NetrServerReqChallenge = lie_challenge,
    .NetrServerAuthenticate3 = lie_proof,
    .NetrLogonGetCapabilities = lie_check,
};

/* The outcome of a logon at the server of @liar. */
static int meet(struct liar *liar, struct logon *l) {
    const mr_listen_options listen = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};
    const mr_server_acceptor acceptor = {.type = MR_AUTH_NETLOGON, .make = make_acceptor,
                                         .give = give_acceptor, .user = liar};
    const mr_server_options options = {.restrict_remote = MR_RESTRICT_DEFAULT,
                                       .acceptors = &acceptor, .acceptor_count = 1};
    const mr_server_iface served = {&mr_netlogon_iface, mr_netlogon_iface_rows,
                                    MR_COUNT(mr_netlogon_iface_rows), &lies, liar,
                                    .access = MR_SERVE_NETLOGON_ACCESS};
    mr_server_endpoint *endpoint;
    mr_server *server;

    assert_int_equal(mr_loop_init(&liar->loop, NULL), 0);
    assert_int_equal(mr_server_new(&liar->loop, &options, &server, NULL), 0);
    assert_int_equal(mr_server_add_endpoint(server, &listen, &endpoint, NULL), 0);
    assert_int_equal(mr_server_add_iface(endpoint, &served, NULL), 0);
    prepare(l, "LAB\\PC7$", "Machine.Pw-77", mr_server_endpoint_get_local(endpoint));
    memcpy(liar->hash, l->id.nt_hash, sizeof liar->hash);
    int r = run(l, &liar->loop);
    mr_server_free(server);
    if (r == 0) { /* what it keeps outlives the connections */
        mr_netlogon_step step;
        assert_int_equal(mr_logon_get_authenticator(l->logon, &step, NULL), 0);
    }
    return r;
}

static void forget(struct liar *liar, struct logon *l) {
    finish(l);
    mr_loop_deinit(&liar->loop);
}

static void lied_to(void **state) {
    static const struct {
        enum lie lie;
        int result;
        enum mr_logon_channel_step step;
        uint32_t status;
        bool weak, unproven;
    } rows[] = {
        {HONEST, 0, MR_LOGON_CHANNEL_CHECK, 0, false, false},
        {BUSY, MR_ERR_AUTH, MR_LOGON_CHANNEL_CHALLENGE, 0xc0000133, false, false},
        {WEAK, MR_ERR_AUTH, MR_LOGON_CHANNEL_PROOF, 0, true, false},
        {UNSEALED, MR_ERR_AUTH, MR_LOGON_CHANNEL_PROOF, 0, true, false},
        {MORE, MR_ERR_AUTH, MR_LOGON_CHANNEL_PROOF, 0, true, false},
        {UNPROVEN, MR_ERR_AUTH, MR_LOGON_CHANNEL_PROOF, 0, false, true},
        {OTHER_FLAGS, MR_ERR_AUTH, MR_LOGON_CHANNEL_CHECK, 0, true, false},
        {OTHER_ANSWER, MR_ERR_AUTH, MR_LOGON_CHANNEL_CHECK, 0, false, true},
        {CHECK_DENIED, MR_ERR_AUTH, MR_LOGON_CHANNEL_CHECK, DENIED, false, false},
        {NO_CHECK, MR_ERR_FAULT, MR_LOGON_CHANNEL_CHECK, 0, false, false},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        struct liar liar = {.lie = rows[i].lie, .kind = mr_netlogon_WorkstationSecureChannel};
        struct logon l;
        assert_int_equal(meet(&liar, &l), rows[i].result);
        const mr_logon_channel *c = channel_of(&l);
        assert_int_equal(c->step, rows[i].step);
        assert_int_equal(c->status, rows[i].status);
        assert_int_equal(c->weak, rows[i].weak);
        assert_int_equal(c->unproven, rows[i].unproven);
        assert_false(mr_logon_get_report(l.logon)->refused);
        assert_int_equal(liar.proofs, rows[i].lie != BUSY);
        forget(&liar, &l);
    }
}

/* A controller's own account is no workstation's. */
static void kinds(void **state) {
    struct liar liar = {.kind = mr_netlogon_ServerSecureChannel};
    struct logon l;
    (void)state;

    assert_int_equal(meet(&liar, &l), 0);
    assert_int_equal(liar.proofs, 2);
    assert_int_equal(liar.kinds[0], mr_netlogon_WorkstationSecureChannel);
    assert_int_equal(liar.kinds[1], mr_netlogon_ServerSecureChannel);
    forget(&liar, &l);
    liar = (struct liar){.kind = mr_netlogon_TrustedDomainSecureChannel};
    assert_int_equal(meet(&liar, &l), MR_ERR_AUTH);
    assert_int_equal(liar.proofs, 2);
    assert_int_equal(channel_of(&l)->status, NO_ACCOUNT);
    forget(&liar, &l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stands),
        cmocka_unit_test(refused),
        cmocka_unit_test(impossible),
        cmocka_unit_test(lied_to),
        cmocka_unit_test(kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
