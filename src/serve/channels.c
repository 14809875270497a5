/*
 * Netlogon's secure channels as a server keeps them (MS-NRPC 3.5.4.4): challenges that wait for
 * their proof, a channel for each machine that proved its password, and the bodies that set them
 * up. Keys are made by AES alone, a challenge counts once and for the address that asked for it,
 * and a call with an authenticator is heard only over the sealed channel of the same machine.
 */
#include <msrpc/crypto.h>
#include <msrpc/ifaces/netlogon_server.h>
#include <msrpc/serve.h>

#include <stdlib.h>

#define PENDING 256 /* challenges; the oldest gives way */
#define NAME_MAX 15 /* octets of a NetBIOS name */

#define STATUS_INVALID_PARAMETER 0xc000000du
#define STATUS_ACCESS_DENIED 0xc0000022u
#define STATUS_NO_TRUST_SAM_ACCOUNT 0xc000018bu
#define STATUS_INTERNAL_ERROR 0xc00000e5u
#define STATUS_DOWNGRADE_DETECTED 0xc0000388u

/* MS-NRPC 3.1.4.2 */
#define STRONG_KEYS 0x00004000u
#define AES_KEYS 0x01000000u
#define SECURE_RPC 0x40000000u
#define OFFERED (STRONG_KEYS | AES_KEYS | SECURE_RPC)

struct pending {
    char computer[NAME_MAX + 1]; /* "": free */
    mr_addr peer;
    uint8_t client[8], server[8];
};

struct channel {
    struct channel *next;
    char computer[NAME_MAX + 1];
    mr_netlogon_chain chain;
    uint8_t nt_hash[MR_NT_HASH_SIZE]; /* that it was made with */
    uint32_t asked, agreed;           /* flags */
};

struct mr_channels {
    const mr_accounts *accounts;
    struct pending pending[PENDING];
    size_t oldest;
    struct channel *first; /* one of a machine at most, so there are no more than accounts */
};

/* ---- the table ---- */

int mr_channels_new(mr_channels **channelsp, mr_error *err) {
    mr_channels *channels = calloc(1, sizeof *channels);

    if (!channels)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET, "out of memory");
    *channelsp = channels;
    return 0;
}

static void free_channel(struct channel *channel) {
    mr_wipe(channel, sizeof *channel);
    free(channel);
}

void mr_channels_free(mr_channels *channels) {
    if (!channels)
        return;
    mr_channels_set_accounts(channels, NULL);
    mr_wipe(channels, sizeof *channels);
    free(channels);
}

static bool find_hash(const mr_channels *channels, const char *computer,
                      uint8_t nt_hashp[MR_NT_HASH_SIZE]) {
    return channels->accounts &&
           mr_accounts_find_machine(channels->accounts, computer, nt_hashp) == 0;
}

static bool is_current(const mr_channels *channels, const struct channel *channel) {
    uint8_t hash[MR_NT_HASH_SIZE];
    bool same = find_hash(channels, channel->computer, hash) &&
                mr_secret_eq(hash, channel->nt_hash, sizeof hash);

    mr_wipe(hash, sizeof hash);
    return same;
}

void mr_channels_set_accounts(mr_channels *channels, const mr_accounts *accounts) {
    struct channel **at = &channels->first;

    channels->accounts = accounts;
    while (*at) {
        struct channel *channel = *at;
        if (is_current(channels, channel)) {
            at = &channel->next;
        } else {
            *at = channel->next;
            free_channel(channel);
        }
    }
}

static struct channel *find_channel(const mr_channels *channels, const char *computer) {
    struct channel *channel = channels->first;

    while (channel && !mr_str_eq_nocase(channel->computer, computer))
        channel = channel->next;
    return channel;
}

int mr_channels_find(void *user, mr_slice domain, mr_slice computer, mr_netlogon_key *keyp,
                     mr_error *err) {
    char name[NAME_MAX + 1] = "";
    (void)domain;

    if (computer.len > 0 && computer.len < sizeof name)
        memcpy(name, computer.data, computer.len);
    const struct channel *channel = find_channel(user, name);
    if (!channel)
        return mr_fail(err, MR_ERR_NOT_FOUND, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET,
                       "Netlogon: the machine has no secure channel");
    *keyp = channel->chain.key;
    return 0;
}

/* ---- names ---- */

/* A machine's name, and a $ if there is one, in ASCII; false for what none is called. */
static bool take_name(const uint16_t *units, char name[NAME_MAX + 2]) {
    size_t len = 0;

    for (; units && units[len]; len++) {
        if (len > NAME_MAX || units[len] <= ' ' || units[len] > '~')
            return false;
        name[len] = (char)units[len];
    }
    name[len] = '\0';
    return len > 0;
}

static bool take_computer(const uint16_t *units, char name[NAME_MAX + 2]) {
    return take_name(units, name) && strlen(name) <= NAME_MAX;
}

/* Whether @account is the machine account of @computer. */
static bool is_account_of(const char *account, const char *computer) {
    size_t len = strlen(computer);

    return strlen(account) == len + 1 && account[len] == '$' &&
           mr_slice_eq_nocase(mr_slice_of(account, len), mr_slice_str(computer));
}

/* ---- challenges ---- */

static struct pending *find_pending(mr_channels *channels, const char *computer,
                                    const mr_addr *peer) {
    for (size_t i = 0; i < PENDING; i++)
        if (mr_str_eq_nocase(channels->pending[i].computer, computer) &&
            mr_addr_same_host(&channels->pending[i].peer, peer))
            return &channels->pending[i];
    return NULL;
}

/* Whoever asks gets a challenge: it does not tell which machines there are. */
static int req_challenge(mr_server_call *call, struct mr_netlogon_NetrServerReqChallenge *args) {
    mr_channels *channels = call->user;
    uint8_t hash[MR_NT_HASH_SIZE], *server = args->ServerChallenge.data;
    char computer[NAME_MAX + 2];

    int r = mr_entropy_get(server, sizeof args->ServerChallenge.data);
    if (r)
        return r;
    if (!take_computer(args->ComputerName, computer) || !find_hash(channels, computer, hash))
        return 0;
    mr_wipe(hash, sizeof hash);
    struct pending *pending = find_pending(channels, computer, &call->peer);
    if (!pending) {
        pending = &channels->pending[channels->oldest];
        channels->oldest = (channels->oldest + 1) % PENDING;
    }
    memcpy(pending->computer, computer, strlen(computer) + 1);
    pending->peer = call->peer;
    memcpy(pending->client, args->ClientChallenge.data, sizeof pending->client);
    memcpy(pending->server, server, sizeof pending->server);
    return 0;
}

/* Under AES-CFB8 with a vector of zeros, a challenge of one octet again and again has itself as its
 * credential for one key of 256 (MS-NRPC 3.1.4.1). */
static bool is_monotone(const uint8_t challenge[8]) {
    return !memcmp(challenge, challenge + 1, 4);
}

/* ---- the proof ---- */

/* What both forms of NetrServerAuthenticate say. */
struct proof {
    const uint16_t *account, *computer;
    uint32_t type;
    const uint8_t *credential;
    uint8_t *answer; /* out */
    uint32_t *flags; /* in, out */
};

/* The machine's channel, in place of the one it may have had. 0 or MR_ERR_MEMORY. */
static int keep(mr_channels *channels, const struct channel *made) {
    struct channel *channel = find_channel(channels, made->computer);

    if (!channel) {
        channel = calloc(1, sizeof *channel);
        if (!channel)
            return MR_ERR_MEMORY;
        channel->next = channels->first;
        channels->first = channel;
    }
    struct channel *next = channel->next;
    *channel = *made;
    channel->next = next;
    return 0;
}

/* The key of both challenges; the client's credential holds for it. 0, or a status. */
static uint32_t prove(const struct pending *pending, const struct proof *proof,
                      struct channel *made) {
    mr_netlogon_exchange exchange = {.flags = made->agreed};

    if (is_monotone(pending->client))
        return STATUS_ACCESS_DENIED;
    memcpy(exchange.client, pending->client, sizeof exchange.client);
    memcpy(exchange.server, pending->server, sizeof exchange.server);
    memcpy(exchange.credential, proof->credential, sizeof exchange.credential);
    memcpy(made->chain.stored, proof->credential, sizeof made->chain.stored);
    int r = mr_netlogon_derive(&exchange, made->nt_hash, &made->chain.key, NULL);
    if (!r)
        r = mr_netlogon_get_credential(&made->chain.key, pending->server, proof->answer, NULL);
    return r == MR_ERR_AUTH ? STATUS_ACCESS_DENIED : r ? STATUS_INTERNAL_ERROR : 0;
}

static uint32_t check(mr_channels *channels, const mr_addr *peer, const struct proof *proof,
                      struct channel *made) {
    char account[NAME_MAX + 2], computer[NAME_MAX + 2];

    if (!take_name(proof->account, account) || !take_computer(proof->computer, computer))
        return STATUS_INVALID_PARAMETER;
    struct pending *waiting = find_pending(channels, computer, peer);
    struct pending pending = waiting ? *waiting : (struct pending){.computer = ""};
    if (waiting)
        *waiting = (struct pending){.computer = ""};
    made->asked = *proof->flags;
    made->agreed = *proof->flags & OFFERED;
    if (!(made->agreed & AES_KEYS))
        return STATUS_DOWNGRADE_DETECTED;
    bool machine = proof->type == mr_netlogon_WorkstationSecureChannel ||
                   proof->type == mr_netlogon_ServerSecureChannel;
    if (!machine || !is_account_of(account, computer) ||
        !find_hash(channels, computer, made->nt_hash))
        return STATUS_NO_TRUST_SAM_ACCOUNT;
    if (!waiting)
        return STATUS_ACCESS_DENIED;
    memcpy(made->computer, pending.computer, sizeof made->computer);
    return prove(&pending, proof, made);
}

static int authenticate(mr_server_call *call, const struct proof *proof, uint32_t *statusp) {
    mr_channels *channels = call->user;
    struct channel made = {.next = NULL};
    int r = 0;

    *statusp = check(channels, &call->peer, proof, &made);
    if (*statusp == 0)
        r = keep(channels, &made);
    if (*statusp || r)
        memset(proof->answer, 0, 8);
    *proof->flags = *statusp == STATUS_DOWNGRADE_DETECTED ? OFFERED : made.agreed;
    mr_wipe(&made, sizeof made);
    return r;
}

/* The fields have the same names in both. */
#define PROOF_OF(args) ((struct proof){(args)->AccountName, (args)->ComputerName,             \
                                       (args)->SecureChannelType,                             \
                                       (args)->ClientCredential.data,                         \
                                       (args)->ServerCredential.data, &(args)->NegotiateFlags})

static int authenticate2(mr_server_call *call, struct mr_netlogon_NetrServerAuthenticate2 *args) {
    return authenticate(call, &PROOF_OF(args), &args->result);
}

/* No file of accounts tells relative identifiers: the machine's is 0. */
static int authenticate3(mr_server_call *call, struct mr_netlogon_NetrServerAuthenticate3 *args) {
    return authenticate(call, &PROOF_OF(args), &args->result);
}

/* ---- calls of the channel ---- */

/* The channel of the call, sealed, with the next authenticator; NULL: it is none. */
static struct channel *enter(mr_server_call *call, const uint16_t *units,
                             const mr_netlogon_NETLOGON_AUTHENTICATOR *in,
                             mr_netlogon_NETLOGON_AUTHENTICATOR *out) {
    mr_channels *channels = call->user;
    mr_netlogon_step step = {.time = in->Timestamp};
    char computer[NAME_MAX + 2];

    *out = (mr_netlogon_NETLOGON_AUTHENTICATOR){.Timestamp = 0};
    if (call->caller.type != MR_AUTH_NETLOGON || call->caller.level != MR_AUTH_LEVEL_PRIVACY ||
        !take_computer(units, computer) || !is_account_of(call->caller.user, computer))
        return NULL;
    struct channel *channel = find_channel(channels, computer);
    memcpy(step.credential, in->Credential.data, sizeof step.credential);
    if (!channel || mr_netlogon_chain_feed(&channel->chain, &step, out->Credential.data, NULL))
        return NULL;
    return channel;
}

static int get_capabilities(mr_server_call *call,
                            struct mr_netlogon_NetrLogonGetCapabilities *args) {
    const mr_netlogon_NETLOGON_AUTHENTICATOR in = args->Authenticator;

    if (args->QueryLevel != 1 && args->QueryLevel != 2)
        return mr_server_fault(call, MR_FAULT_NDR); /* no arm could carry an answer */
    const struct channel *channel =
        enter(call, args->ComputerName, &in, &args->ReturnAuthenticator);
    if (!channel)
        args->result = STATUS_ACCESS_DENIED;
    else if (args->QueryLevel == 1)
        args->ServerCapabilities.ServerCapabilities = channel->agreed;
    else
        args->ServerCapabilities.RequestedFlags = channel->asked;
    return 0;
}

static const struct mr_netlogon_iface_server bodies = {
    .NetrServerReqChallenge = req_challenge,
    .NetrServerAuthenticate2 = authenticate2,
    .NetrServerAuthenticate3 = authenticate3,
    .NetrLogonGetCapabilities = get_capabilities,
};

int mr_serve_add_netlogon(mr_server_endpoint *endpoint, mr_channels *channels, mr_error *err) {
    const mr_server_iface served = {&mr_netlogon_iface, mr_netlogon_iface_rows,
                                    MR_COUNT(mr_netlogon_iface_rows), &bodies, channels,
                                    .access = MR_SERVE_NETLOGON_ACCESS};
    return mr_server_add_iface(endpoint, &served, err);
}
