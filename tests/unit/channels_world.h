/*
 * A server that keeps Netlogon's secure channels, over real sockets, and a machine that asks it for
 * one. PATIENCE is how long a client waits.
 */
#ifndef CHANNELS_WORLD_H
#define CHANNELS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/crypto.h>
#include <msrpc/ifaces/netlogon.h>
#include <msrpc/serve.h>

#define AES_KEYS 0x01000000u

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
    *clientp = NULL;

    if (channel)
        options.security = (mr_client_security){
            .provider = mr_netlogon_get_security(channel), .level = level};
    int r = mr_client_new(&f->loop, &options, clientp, NULL);
    return r ? r : mr_client_open(*clientp, &mr_netlogon_iface.syntax, NULL);
}

/* A call over a connection of its own. */
static int ask(struct fixture *f, uint32_t opnum, void *args) {
    mr_client *client;
    int r = open_client(f, NULL, 0, &client);

    if (!r)
        r = mr_client_call(client, &mr_netlogon_iface, opnum, args, NULL);
    mr_client_free(client);
    return r;
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

static inline struct machine pc7(void) {
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

static int make_key(struct machine *m, const uint8_t server[8]) {
    const mr_slice parts[] = {{m->client, 8}, {server, 8}};
    uint8_t mac[32];
    int r = mr_hmac_once(MR_HASH_SHA256, mr_slice_of(m->hash, sizeof m->hash), parts, 2, mac, NULL);

    m->chain.key.aes = true;
    memcpy(m->chain.key.key, mac, MR_NETLOGON_KEY);
    return r;
}

static int try_challenge(struct fixture *f, struct machine *m) {
    struct mr_netlogon_NetrServerReqChallenge args = {0};
    uint16_t computer[32];

    args.ComputerName = wide(m->computer, computer);
    memcpy(args.ClientChallenge.data, m->client, 8);
    int r = ask(f, 4, &args);
    if (r)
        return r;
    assert_int_equal(args.result, 0);
    return make_key(m, args.ServerChallenge.data);
}

/* *@statusp: of the proof. */
static int try_prove(struct fixture *f, struct machine *m, bool old, uint32_t *statusp) {
    struct mr_netlogon_NetrServerAuthenticate3 args = {0};
    struct mr_netlogon_NetrServerAuthenticate2 args2 = {0};
    uint16_t computer[32], account[32];

    args.AccountName = args2.AccountName = wide(m->account, account);
    args.ComputerName = args2.ComputerName = wide(m->computer, computer);
    args.SecureChannelType = args2.SecureChannelType = m->type;
    args.NegotiateFlags = args2.NegotiateFlags = m->flags;
    int r = mr_netlogon_get_credential(&m->chain.key, m->client, args.ClientCredential.data, NULL);
    if (r)
        return r;
    memcpy(m->chain.stored, args.ClientCredential.data, 8);
    args2.ClientCredential = args.ClientCredential;
    r = old ? ask(f, 15, &args2) : ask(f, 26, &args);
    m->agreed = old ? args2.NegotiateFlags : args.NegotiateFlags;
    *statusp = old ? args2.result : args.result;
    return r;
}

static inline void challenge(struct fixture *f, struct machine *m) {
    assert_int_equal(try_challenge(f, m), 0);
}

static inline uint32_t prove(struct fixture *f, struct machine *m, bool old) {
    uint32_t status = 1;

    assert_int_equal(try_prove(f, m, old, &status), 0);
    return status;
}

static inline uint32_t enter(struct fixture *f, struct machine *m) {
    challenge(f, m);
    return prove(f, m, false);
}

/* NULL: no memory. */
static inline mr_netlogon *new_channel(const struct machine *m) {
    const mr_netlogon_options o = {.role = MR_SECURITY_INITIATOR, .entropy = "nobody guesses",
                                   .domain = "LAB", .computer = m->computer, .key = m->chain.key};
    mr_netlogon *channel = NULL;

    (void)mr_netlogon_new(&o, &channel, NULL);
    return channel;
}

#endif
