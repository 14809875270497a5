/*
 * Netlogon's secure channels of a server: the exchange over real sockets, what is refused in it,
 * calls with authenticators over a sealed channel, and the chain of these.
 */
#define PATIENCE (30 * MR_SEC) /* a test that needs it has failed */
#include "channels_world.h"

#define DENIED 0xc0000022u

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
    assert_int_equal(mr_client_call(client, &mr_netlogon_iface, 21, &args, NULL), 0);
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

/* So many challenges wait for their proof; one more, and the oldest gives way. */
static void most_challenges(void **state) {
    enum { MOST = 256 };
    struct machine machines[MOST + 1];
    char names[MOST + 1][2][8];
    struct fixture f;
    mr_buf text;
    (void)state;

    setup(&f);
    mr_buf_init(&text, NULL, 0, 1 << 16);
    for (unsigned i = 0; i <= MOST; i++) {
        snprintf(names[i][0], sizeof names[i][0], "M%u", i);
        snprintf(names[i][1], sizeof names[i][1], "M%u$", i);
        mr_buf_write(&text, mr_slice_str(names[i][1]));
        mr_buf_write(&text, MR_SLICE_LIT(":Machine.Pw-77\n"));
        machines[i] = pc7();
        machines[i].computer = names[i][0];
        machines[i].account = names[i][1];
    }
    mr_buf_write_u8(&text, 0);
    mr_accounts *accounts = read_accounts((const char *)text.data);
    mr_channels_set_accounts(f.channels, accounts);
    for (unsigned i = 0; i < MOST; i++)
        challenge(&f, &machines[i]);
    assert_int_equal(prove(&f, &machines[1], false), 0); /* the oldest but one */
    challenge(&f, &machines[MOST]); /* in place of machine 0's */
    assert_int_equal(prove(&f, &machines[0], false), DENIED);
    for (unsigned i = 2; i <= MOST; i += 127)
        assert_int_equal(prove(&f, &machines[i], false), 0);
    teardown(&f);
    mr_accounts_free(accounts);
    mr_buf_deinit(&text);
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
        cmocka_unit_test(most_challenges),
        cmocka_unit_test(new_accounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
