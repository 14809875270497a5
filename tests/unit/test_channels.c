/*
 * Netlogon's secure channels of a server: the exchange over real sockets, what is refused in it,
 * calls with authenticators over a sealed channel, and the chain of these.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/crypto.h>
#include <msrpc/ifaces/netlogon.h>
#include <msrpc/serve.h>

#define PATIENCE (30 * MR_SEC) /* a test that needs it has failed */
#define AES_KEYS 0x01000000u
#define DENIED 0xc0000022u

#define FILE_BEFORE "LAB\\PC7$:Machine.Pw-77\nPC8$:88888888888888888888888888888888\nalice:x\n"
#define FILE_AFTER "PC7$:Another.Pw-78\nPC8$:88888888888888888888888888888888\n"

struct fixture {
    mr_loop loop;
    mr_server *server;
    mr_channels *channels;
    mr_accounts *accounts; /* the gate's */
    mr_gate *gate;
    mr_addr at;
};

static mr_accounts *read_accounts(const char *text) {
    mr_accounts *accounts;

    assert_int_equal(mr_accounts_new(&accounts, NULL), 0);
    assert_int_equal(mr_accounts_read(accounts, mr_slice_str(text), "file", NULL), 0);
    return accounts;
}

static void setup(struct fixture *f) {
    const mr_listen_options listen = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};
    mr_server_options options = {.restrict_remote = MR_RESTRICT_DEFAULT};
    mr_server_endpoint *endpoint;

    *f = (struct fixture){.accounts = read_accounts(FILE_BEFORE)};
    assert_int_equal(mr_channels_new(&f->channels, NULL), 0);
    mr_channels_set_accounts(f->channels, f->accounts);
    const mr_gate_options gate = {
        .accounts = f->accounts,
        .names = {.computer = "SRV", .domain = "SRV", .dns_computer = "srv", .dns_domain = "srv"},
        .channels = f->channels,
    };
    assert_int_equal(mr_gate_new(&gate, &f->gate, NULL), 0);
    options.acceptors = mr_gate_get_acceptors(f->gate, &options.acceptor_count);
    assert_int_equal(mr_loop_init(&f->loop, NULL), 0);
    assert_int_equal(mr_server_new(&f->loop, &options, &f->server, NULL), 0);
    assert_int_equal(mr_server_add_endpoint(f->server, &listen, &endpoint, NULL), 0);
    assert_int_equal(mr_serve_add_netlogon(endpoint, f->channels, NULL), 0);
    f->at = *mr_server_endpoint_get_local(endpoint);
}

static void teardown(struct fixture *f) {
    mr_server_free(f->server);
    mr_loop_deinit(&f->loop);
    mr_channels_free(f->channels);
    mr_gate_free(f->gate);
}

static int open_client(struct fixture *f, mr_netlogon *channel, uint8_t level,
                       mr_client **clientp) {
    mr_client_options options = {.connect = {.remote = f->at}, .timeout = PATIENCE};

    if (channel)
        options.security = (mr_client_security){
            .provider = mr_netlogon_get_security(channel), .level = level};
    assert_int_equal(mr_client_new(&f->loop, &options, clientp, NULL), 0);
    return mr_client_open(*clientp, &mr_netlogon_iface.syntax, NULL);
}

static void ask(mr_client *client, uint32_t opnum, void *args) {
    assert_int_equal(mr_client_call(client, &mr_netlogon_iface, opnum, args, NULL), 0);
}

/* ---- a machine ---- */

struct machine {
    const char *computer, *account;
    uint8_t hash[MR_NT_HASH_SIZE];
    uint8_t client[8];
    uint32_t type, flags; /* as asked */
    uint32_t agreed;
    mr_netlogon_chain chain;
};

static struct machine pc7(void) {
    struct machine m = {.computer = "PC7", .account = "PC7$", .client = {1, 2, 3, 4, 5, 6, 7, 8},
                        .type = mr_netlogon_WorkstationSecureChannel, .flags = 0x612fffff};
    mr_identity id;

    assert_int_equal(mr_identity_init(&id, NULL), 0);
    assert_int_equal(mr_identity_set_password(&id, MR_SLICE_LIT("Machine.Pw-77"), NULL), 0);
    memcpy(m.hash, id.nt_hash, sizeof m.hash);
    mr_identity_deinit(&id);
    return m;
}

static uint16_t *wide(const char *text, uint16_t units[32]) {
    size_t i = 0;

    for (; text[i]; i++)
        units[i] = (uint8_t)text[i];
    units[i] = 0;
    return units;
}

static void make_key(struct machine *m, const uint8_t server[8]) {
    const mr_slice parts[] = {{m->client, 8}, {server, 8}};
    uint8_t mac[32];

    assert_int_equal(mr_hmac_once(MR_HASH_SHA256, mr_slice_of(m->hash, sizeof m->hash), parts, 2,
                                  mac, NULL), 0);
    m->chain.key.aes = true;
    memcpy(m->chain.key.key, mac, MR_NETLOGON_KEY);
}

static void challenge(struct fixture *f, struct machine *m) {
    struct mr_netlogon_NetrServerReqChallenge args = {0};
    uint16_t computer[32];
    mr_client *client;

    assert_int_equal(open_client(f, NULL, 0, &client), 0);
    args.ComputerName = wide(m->computer, computer);
    memcpy(args.ClientChallenge.data, m->client, 8);
    ask(client, 4, &args);
    assert_int_equal(args.result, 0);
    make_key(m, args.ServerChallenge.data);
    mr_client_free(client);
}

/* The status of the proof; with 0 the server's own proof was looked at. */
static uint32_t prove(struct fixture *f, struct machine *m, bool old) {
    struct mr_netlogon_NetrServerAuthenticate3 args = {0};
    struct mr_netlogon_NetrServerAuthenticate2 args2 = {0};
    uint16_t computer[32], account[32];
    mr_client *client;

    assert_int_equal(open_client(f, NULL, 0, &client), 0);
    args.AccountName = args2.AccountName = wide(m->account, account);
    args.ComputerName = args2.ComputerName = wide(m->computer, computer);
    args.SecureChannelType = args2.SecureChannelType = m->type;
    args.NegotiateFlags = args2.NegotiateFlags = m->flags;
    assert_int_equal(mr_netlogon_get_credential(&m->chain.key, m->client,
                                                args.ClientCredential.data, NULL), 0);
    memcpy(m->chain.stored, args.ClientCredential.data, 8);
    args2.ClientCredential = args.ClientCredential;
    if (old)
        ask(client, 15, &args2);
    else
        ask(client, 26, &args);
    mr_client_free(client);
    m->agreed = old ? args2.NegotiateFlags : args.NegotiateFlags;
    return old ? args2.result : args.result;
}

static uint32_t enter(struct fixture *f, struct machine *m) {
    challenge(f, m);
    return prove(f, m, false);
}

static mr_netlogon *new_channel(const struct machine *m) {
    const mr_netlogon_options o = {.role = MR_SECURITY_INITIATOR, .entropy = "nobody guesses",
                                   .domain = "LAB", .computer = m->computer, .key = m->chain.key};
    mr_netlogon *channel;

    assert_int_equal(mr_netlogon_new(&o, &channel, NULL), 0);
    return channel;
}

/* NetrLogonGetCapabilities with the next authenticator of @m. */
static struct mr_netlogon_NetrLogonGetCapabilities ask_capabilities(mr_client *client,
                                                                    struct machine *m,
                                                                    uint32_t level) {
    struct mr_netlogon_NetrLogonGetCapabilities args = {.QueryLevel = level};
    uint16_t server[32], computer[32];
    uint8_t answer[8], next[8];

    args.ServerName = wide("srv", server);
    args.ComputerName = wide(m->computer, computer);
    args.Authenticator.Timestamp = 0xfffffff0u; /* the number goes round */
    memcpy(next, m->chain.stored, 8);
    uint32_t low = next[0] | next[1] << 8 | next[2] << 16 | (uint32_t)next[3] << 24;
    low += args.Authenticator.Timestamp;
    for (unsigned i = 0; i < 4; i++)
        next[i] = (uint8_t)(low >> 8 * i);
    assert_int_equal(mr_netlogon_get_credential(&m->chain.key, next,
                                                args.Authenticator.Credential.data, NULL), 0);
    const uint8_t *sent = args.Authenticator.Credential.data;
    mr_netlogon_step step = {.time = args.Authenticator.Timestamp};
    memcpy(step.credential, sent, 8);
    ask(client, 21, &args);
    if (args.result == 0) {
        assert_int_equal(mr_netlogon_chain_feed(&m->chain, &step, answer, NULL), 0);
        assert_memory_equal(args.ReturnAuthenticator.Credential.data, answer, 8);
    }
    return args;
}

/* ---- tests ---- */

static void sealed_calls(void **state) {
    struct fixture f;
    struct machine m = pc7();
    mr_client *client;
    (void)state;

    setup(&f);
    challenge(&f, &m);
    assert_int_equal(prove(&f, &m, true), 0);
    assert_int_equal(enter(&f, &m), 0);
    assert_int_equal(m.agreed, 0x41004000);
    mr_netlogon *channel = new_channel(&m);
    assert_int_equal(open_client(&f, channel, MR_AUTH_LEVEL_PRIVACY, &client), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask_capabilities(client, &m, 1).ServerCapabilities.ServerCapabilities,
                         0x41004000);
    struct mr_netlogon_NetrLogonGetCapabilities args = ask_capabilities(client, &m, 2);
    assert_int_equal(args.result, 0);
    assert_int_equal(args.ServerCapabilities.RequestedFlags, 0x612fffff);
    m.chain.stored[5] ^= 1; /* not the next authenticator: the server's chain stays where it is */
    assert_int_equal(ask_capabilities(client, &m, 1).result, DENIED);
    m.chain.stored[5] ^= 1;
    assert_int_equal(ask_capabilities(client, &m, 1).result, 0);
    struct machine other = m;
    other.computer = "PC8"; /* whose channel this is not */
    assert_int_equal(ask_capabilities(client, &other, 1).result, DENIED);
    mr_client_free(client);
    mr_netlogon_free(channel);
    teardown(&f);
}

static void levels_and_strangers(void **state) {
    static const uint8_t levels[] = {MR_AUTH_LEVEL_CONNECT, MR_AUTH_LEVEL_PACKET,
                                     MR_AUTH_LEVEL_INTEGRITY};
    struct fixture f;
    struct machine m = pc7(), stranger = pc7();
    mr_client *client;
    (void)state;

    setup(&f);
    stranger.computer = "PC8"; /* has an account, and no channel */
    mr_netlogon *channel = new_channel(&stranger);
    assert_true(open_client(&f, channel, MR_AUTH_LEVEL_PRIVACY, &client) < 0);
    mr_client_free(client);
    mr_netlogon_free(channel);
    assert_int_equal(enter(&f, &m), 0);
    for (size_t i = 0; i < MR_COUNT(levels); i++) {
        channel = new_channel(&m);
        assert_true(open_client(&f, channel, levels[i], &client) < 0);
        mr_client_free(client);
        mr_netlogon_free(channel);
    }
    assert_int_equal(open_client(&f, NULL, 0, &client), 0);
    assert_int_equal(ask_capabilities(client, &m, 1).result, DENIED); /* without a channel */
    mr_client_free(client);
    teardown(&f);
}

static void refused_proofs(void **state) {
    struct fixture f;
    struct machine m = pc7(), bad = pc7();
    (void)state;

    setup(&f);
    challenge(&f, &m);
    assert_int_equal(prove(&f, &m, false), 0);
    assert_int_equal(prove(&f, &m, false), DENIED); /* a challenge counts once */
    challenge(&f, &m);
    m.chain.key.key[0] ^= 1;
    assert_int_equal(prove(&f, &m, false), DENIED);
    m.chain.key.key[0] ^= 1;
    assert_int_equal(prove(&f, &m, false), DENIED); /* also after a failure */
    memset(bad.client, 7, 5); /* a good proof of a challenge that anything may prove */
    assert_int_equal(enter(&f, &bad), DENIED);
    bad.client[4] = 8;
    assert_int_equal(enter(&f, &bad), 0);
    bad = pc7();
    bad.flags &= ~AES_KEYS;
    assert_int_equal(enter(&f, &bad), 0xc0000388);
    assert_int_equal(bad.agreed, 0x41004000);
    bad = pc7();
    bad.type = mr_netlogon_TrustedDomainSecureChannel;
    assert_int_equal(enter(&f, &bad), 0xc000018b);
    bad = pc7();
    bad.account = "PC8$"; /* another machine's */
    assert_int_equal(enter(&f, &bad), 0xc000018b);
    bad.account = "alice";
    bad.computer = "alic";
    assert_int_equal(enter(&f, &bad), 0xc000018b);
    bad.computer = "SIXTEEN-LETTERS.";
    assert_int_equal(enter(&f, &bad), 0xc000000d);
    teardown(&f);
}

static void new_accounts(void **state) {
    mr_accounts *after = read_accounts(FILE_AFTER);
    mr_netlogon_key key;
    struct fixture f;
    struct machine m = pc7(), other = pc7();
    (void)state;

    setup(&f);
    other.computer = "PC8";
    other.account = "pc8$"; /* names have no case */
    memset(other.hash, 0x88, sizeof other.hash);
    assert_int_equal(enter(&f, &m), 0);
    assert_int_equal(enter(&f, &other), 0);
    assert_int_equal(mr_channels_find(f.channels, MR_SLICE_NULL, MR_SLICE_LIT("pc7"), &key, NULL),
                     0);
    assert_memory_equal(key.key, m.chain.key.key, MR_NETLOGON_KEY);
    mr_channels_set_accounts(f.channels, after);
    assert_int_equal(mr_channels_find(f.channels, MR_SLICE_NULL, MR_SLICE_LIT("PC7"), &key, NULL),
                     MR_ERR_NOT_FOUND);
    assert_int_equal(mr_channels_find(f.channels, MR_SLICE_NULL, MR_SLICE_LIT("PC8"), &key, NULL),
                     0);
    assert_int_equal(mr_channels_find(f.channels, MR_SLICE_NULL,
                                      MR_SLICE_LIT("PC8-and-more-than-15"), &key, NULL),
                     MR_ERR_NOT_FOUND);
    assert_int_equal(enter(&f, &m), DENIED);
    teardown(&f);
    mr_accounts_free(after);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealed_calls),
        cmocka_unit_test(levels_and_strangers),
        cmocka_unit_test(refused_proofs),
        cmocka_unit_test(new_accounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
