/*
 * Netlogon's secure channel as a logon (MS-NRPC 3.1.4.1): the domain controller's endpoint is asked
 * for, both challenges are exchanged, and both sides prove the machine account's password
 * (NetrServerReqChallenge, NetrServerAuthenticate3). Then, over a first sealed connection, the
 * controller repeats the flags that were agreed (NetrLogonGetCapabilities, 3.4.5.2.10): whoever
 * changed them on their way is found out there. A password that was refused is not tried again; an
 * account that is no workstation's is asked for once more as a controller's own.
 */
#include "logon_private.h"

#include <stdlib.h>

#include <msrpc/base/codes.h>
#include <msrpc/crypto.h>
#include <msrpc/ifaces/epmapper.h>
#include <msrpc/ifaces/netlogon.h>
#include <msrpc/rpc/client.h>
#include <msrpc/rpc/mapper.h>

enum { REQ_CHALLENGE = 4, GET_CAPABILITIES = 21, AUTHENTICATE3 = 26 }; /* opnums */

#define NAME_MAX 15 /* octets of a NetBIOS name */

/* MS-ERREF 2.3.1 */
#define STATUS_ACCESS_DENIED 0xc0000022u
#define STATUS_NO_TRUST_SAM_ACCOUNT 0xc000018bu

/* MS-NRPC 3.1.4.2: what Windows asks for since its Server 2008 R2, and what is insisted on: keys of
 * AES (W) and the sealing of calls (Y). */
#define ASKED 0x612fffffu
#define AES_KEYS 0x01000000u
#define SECURE_RPC 0x40000000u
#define WANTED (AES_KEYS | SECURE_RPC)

struct mr_logon_channel_work {
    mr_addr addrs[MR_LOOKUP_ADDRS]; /* the controller's */
    size_t count, next;
    mr_client *client;       /* of the step */
    mr_mapper mapper;
    bool mapping;
    mr_call call;
    bool calling;
    mr_netlogon *sealed;     /* the first sealed connection's */
    uint32_t kind;           /* of channel */
    uint16_t *account, *computer, *server; /* in the logon's arena */
    mr_netlogon_exchange exchange;
    mr_netlogon_step step;
    mr_netlogon_chain chain;
    union {
        struct mr_netlogon_NetrServerReqChallenge challenge;
        struct mr_netlogon_NetrServerAuthenticate3 proof;
        struct mr_netlogon_NetrLogonGetCapabilities check;
    } args;
};

/* ---- the end ---- */

static void close_step(struct mr_logon_channel_work *w) {
    if (w->calling)
        mr_call_deinit(&w->call);
    w->calling = false;
    if (w->mapping)
        mr_mapper_deinit(&w->mapper);
    w->mapping = false;
    mr_client_free(w->client);
    w->client = NULL;
    mr_netlogon_free(w->sealed);
    w->sealed = NULL;
}

void mr_logon_channel_stop(mr_logon *l) {
    if (l->channel)
        close_step(l->channel);
}

void mr_logon_channel_free(mr_logon *l) {
    if (!l->channel)
        return;
    close_step(l->channel);
    mr_wipe(l->channel, sizeof *l->channel);
    free(l->channel);
    l->channel = NULL;
}

static const char *method_of(enum mr_logon_channel_step step) {
    switch (step) {
    case MR_LOGON_CHANNEL_NONE:
    case MR_LOGON_CHANNEL_LOOKUP:
    case MR_LOGON_CHANNEL_MAPPER: return "the endpoint mapper";
    case MR_LOGON_CHANNEL_CHALLENGE: return "NetrServerReqChallenge";
    case MR_LOGON_CHANNEL_PROOF: return "NetrServerAuthenticate3";
    case MR_LOGON_CHANNEL_CHECK: return "NetrLogonGetCapabilities";
    }
    return "";
}

static void fail(mr_logon *l, int result, const mr_error *err) {
    const mr_error copy = *err; /* may be of the step that is closed */

    mr_logon_end(l, result, &copy);
}

/* A connection or a call came to nothing. */
static void fail_step(mr_logon *l, int result, const mr_error *err) {
    struct mr_logon_channel_work *w = l->channel;
    mr_error why = MR_ERROR_INIT;

    l->report.channel.reached = w->client && mr_client_get_report(w->client)->connected;
    mr_fail(&why, err->code, err->floor, err->offset, "%s: %s",
            method_of(l->report.channel.step), err->text);
    why.peer_kind = err->peer_kind;
    why.peer = err->peer;
    fail(l, result, &why);
}

/* The controller says no. */
static void fail_status(mr_logon *l, uint32_t status) {
    const mr_code_info *code = mr_code_find(MR_SPACE_NTSTATUS, status);
    mr_logon_channel *c = &l->report.channel;
    mr_error err = MR_ERROR_INIT;

    c->status = status;
    c->refused = c->step == MR_LOGON_CHANNEL_PROOF && status == STATUS_ACCESS_DENIED;
    mr_fail(&err, MR_ERR_AUTH, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "%s answers 0x%08x%s%s",
            method_of(c->step), status, code ? " " : "", code ? mr_code_symbol(code) : "");
    fail(l, MR_ERR_AUTH, &err);
}

static void fail_flags(mr_logon *l, uint32_t flags) {
    mr_error err = MR_ERROR_INIT;

    l->report.channel.weak = true;
    mr_fail(&err, MR_ERR_AUTH, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
            "%s: flags 0x%08x of the secure channel are not what was asked for or agreed "
            "(0x%08x)", method_of(l->report.channel.step), flags,
            l->report.channel.step == MR_LOGON_CHANNEL_CHECK ? l->report.channel.agreed : ASKED);
    fail(l, MR_ERR_AUTH, &err);
}

/* ---- connections and calls ---- */

static mr_client_options client_options(const mr_logon *l, uint16_t port) {
    mr_client_options options = {
        .connect = {.remote = l->report.channel.server, .source = l->options.source,
                    .timeout = l->options.kdc_timeout},
        .timeout = l->options.kdc_timeout,
    };

    options.connect.remote.port = port;
    return options;
}

static int open_client(mr_logon *l, const mr_client_options *options, const mr_syntax *syntax,
                       mr_client_done done, mr_error *err) {
    struct mr_logon_channel_work *w = l->channel;

    close_step(w);
    int r = mr_client_new(l->loop, options, &w->client, err);
    return r ? r : mr_client_start(w->client, syntax, done, l, err);
}

/* The next call over the step's connection; its arguments are in w->args. */
static int start_call(mr_logon *l, uint32_t opnum,
                      void (*done)(void *user, mr_call *call, int result, const mr_error *err),
                      mr_error *err) {
    struct mr_logon_channel_work *w = l->channel;

    if (w->calling)
        mr_call_deinit(&w->call);
    w->calling = false;
    int r = mr_call_init(&w->call, &mr_netlogon_iface, opnum, &w->args, err);
    if (r)
        return r;
    w->calling = true;
    w->call.done = done;
    w->call.user = l;
    return mr_call_start(&w->call, w->client, err);
}

/* ---- the flags, over the first sealed connection ---- */

static void on_checked(void *user, mr_call *call, int result, const mr_error *err) {
    mr_logon *l = user;
    struct mr_logon_channel_work *w = l->channel;
    const struct mr_netlogon_NetrLogonGetCapabilities *args = &w->args.check;
    mr_logon_channel *c = &l->report.channel;
    mr_error own = MR_ERROR_INIT;
    (void)call;

    if (result) {
        fail_step(l, result, err);
        return;
    }
    if (args->result) {
        fail_status(l, args->result);
        return;
    }
    int r = mr_netlogon_chain_check(&w->chain, &w->step, args->ReturnAuthenticator.Credential.data,
                                    &own);
    c->told = args->ServerCapabilities.ServerCapabilities;
    if (r) {
        c->unproven = r == MR_ERR_AUTH;
        fail(l, r, &own);
    } else if (c->told != c->agreed) {
        fail_flags(l, c->told);
    } else {
        close_step(w);
        mr_logon_end(l, 0, NULL);
    }
}

static void on_sealed(void *user, mr_client *client, int result, const mr_error *err) {
    mr_logon *l = user;
    struct mr_logon_channel_work *w = l->channel;
    mr_error own = MR_ERROR_INIT;
    (void)client;

    if (result == MR_ERR_BIND_REJECTED) /* it has the password; what else it knows are names */
        result = mr_fail_peer(&own, result, MR_FLOOR_RPC, err->peer_kind, err->peer,
                              "the channel is not taken: %s is another domain's name, or the "
                              "server forgot it (%s)", l->options.identity->domain, err->text);
    if (result) {
        fail_step(l, result, own.code ? &own : err);
        return;
    }
    w->args.check = (struct mr_netlogon_NetrLogonGetCapabilities){
        .ServerName = w->server, .ComputerName = w->computer, .QueryLevel = 1};
    int r = mr_logon_get_authenticator(l, &w->step, &own);
    memcpy(w->args.check.Authenticator.Credential.data, w->step.credential,
           sizeof w->step.credential);
    w->args.check.Authenticator.Timestamp = w->step.time;
    if (!r)
        r = start_call(l, GET_CAPABILITIES, on_checked, &own);
    if (r)
        fail(l, r, &own);
}

static void open_sealed(mr_logon *l) {
    struct mr_logon_channel_work *w = l->channel;
    mr_client_options options = client_options(l, l->report.channel.server.port);
    mr_netlogon *sealed = NULL;
    mr_error err = MR_ERROR_INIT;
    int r = mr_logon_channel_make(l, &sealed, &err);

    l->report.channel.step = MR_LOGON_CHANNEL_CHECK;
    if (!r) {
        options.security = (mr_client_security){.provider = mr_netlogon_get_security(sealed),
                                                .level = MR_AUTH_LEVEL_PRIVACY};
        r = open_client(l, &options, &mr_netlogon_iface.syntax, on_sealed, &err);
        w->sealed = sealed;
    }
    if (r)
        fail(l, r, &err);
}

/* ---- challenges and proofs ---- */

static void send_challenge(mr_logon *l);

static void on_proved(void *user, mr_call *call, int result, const mr_error *err) {
    mr_logon *l = user;
    struct mr_logon_channel_work *w = l->channel;
    const struct mr_netlogon_NetrServerAuthenticate3 *args = &w->args.proof;
    uint32_t flags = args->NegotiateFlags;
    mr_error own = MR_ERROR_INIT;
    (void)call;

    if (result) {
        fail_step(l, result, err);
        return;
    }
    if (args->result == STATUS_NO_TRUST_SAM_ACCOUNT &&
        w->kind == mr_netlogon_WorkstationSecureChannel) {
        w->kind = mr_netlogon_ServerSecureChannel;
        send_challenge(l);
        return;
    }
    if (args->result) {
        fail_status(l, args->result);
        return;
    }
    if ((flags & WANTED) != WANTED || flags & ~ASKED) {
        fail_flags(l, flags);
        return;
    }
    l->report.channel.agreed = flags;
    int r = mr_netlogon_check(&w->exchange, &w->chain.key, args->ServerCredential.data, &own);
    l->report.channel.unproven = r == MR_ERR_AUTH;
    if (r)
        fail(l, r, &own);
    else
        open_sealed(l);
}

static void on_challenged(void *user, mr_call *call, int result, const mr_error *err) {
    mr_logon *l = user;
    struct mr_logon_channel_work *w = l->channel;
    mr_error own = MR_ERROR_INIT;
    (void)call;

    if (result) {
        fail_step(l, result, err);
        return;
    }
    if (w->args.challenge.result) {
        fail_status(l, w->args.challenge.result);
        return;
    }
    memcpy(w->exchange.server, w->args.challenge.ServerChallenge.data, sizeof w->exchange.server);
    w->exchange.flags = ASKED;
    int r = mr_netlogon_begin(&w->exchange, l->options.identity->nt_hash, &w->chain.key, &own);
    memcpy(w->chain.stored, w->exchange.credential, sizeof w->chain.stored);
    l->report.channel.step = MR_LOGON_CHANNEL_PROOF;
    w->args.proof = (struct mr_netlogon_NetrServerAuthenticate3){
        .AccountName = w->account, .ComputerName = w->computer,
        .SecureChannelType = (mr_netlogon_NETLOGON_SECURE_CHANNEL_TYPE)w->kind,
        .NegotiateFlags = ASKED};
    memcpy(w->args.proof.ClientCredential.data, w->exchange.credential,
           sizeof w->exchange.credential);
    if (!r)
        r = start_call(l, AUTHENTICATE3, on_proved, &own);
    if (r)
        fail(l, r, &own);
}

static void send_challenge(mr_logon *l) {
    struct mr_logon_channel_work *w = l->channel;
    mr_error err = MR_ERROR_INIT;
    int r = 0;

    l->report.channel.step = MR_LOGON_CHANNEL_CHALLENGE;
    if (mr_entropy_get(w->exchange.client, sizeof w->exchange.client) != 0)
        r = mr_fail(&err, MR_ERR_SYSTEM, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                    "the system gives no random octets");
    w->args.challenge = (struct mr_netlogon_NetrServerReqChallenge){.ComputerName = w->computer};
    memcpy(w->args.challenge.ClientChallenge.data, w->exchange.client, sizeof w->exchange.client);
    if (!r)
        r = start_call(l, REQ_CHALLENGE, on_challenged, &err);
    if (r)
        fail(l, r, &err);
}

/* ---- the way there ---- */

static void try_next(mr_logon *l);

/* No connection, and there is another address. */
static bool may_go_on(const mr_logon *l) {
    const struct mr_logon_channel_work *w = l->channel;

    return w->next < w->count && w->client && !mr_client_get_report(w->client)->connected;
}

static void on_bound(void *user, mr_client *client, int result, const mr_error *err) {
    mr_logon *l = user;
    (void)client;

    l->report.channel.reached = result == 0;
    if (!result)
        send_challenge(l);
    else if (may_go_on(l))
        try_next(l);
    else
        fail_step(l, result, err);
}

static int open_netlogon(mr_logon *l, uint16_t port, mr_error *err) {
    const mr_client_options options = client_options(l, port);

    l->report.channel.server.port = port;
    l->report.channel.step = MR_LOGON_CHANNEL_CHALLENGE;
    return open_client(l, &options, &mr_netlogon_iface.syntax, on_bound, err);
}

static void on_mapped(void *user, mr_mapper *mapper, int result, const mr_error *err) {
    mr_logon *l = user;
    mr_error own = MR_ERROR_INIT;
    uint16_t port = 0;

    for (size_t i = 0; !result && !port && i < mapper->count; i++)
        port = mapper->entries[i].port;
    if (result == MR_ERR_NOT_REGISTERED || (!result && !port))
        result = mr_fail(&own, MR_ERR_NOT_REGISTERED, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                         "names no TCP port of Netlogon: secure channels are a domain "
                         "controller's");
    else if (!result)
        result = open_netlogon(l, port, &own);
    if (result)
        fail_step(l, result, own.code ? &own : err);
}

static void on_mapper(void *user, mr_client *client, int result, const mr_error *err) {
    mr_logon *l = user;
    struct mr_logon_channel_work *w = l->channel;
    mr_error own = MR_ERROR_INIT;

    if (result && may_go_on(l)) {
        try_next(l);
        return;
    }
    if (result) {
        fail_step(l, result, err);
        return;
    }
    int r = mr_mapper_init(&w->mapper, client, MR_SLICE_NULL, &own);
    w->mapping = r == 0;
    w->mapper.done = on_mapped;
    w->mapper.user = l;
    if (!r)
        r = mr_mapper_map(&w->mapper, &mr_netlogon_iface.syntax, NULL, MR_PROTSEQ_NCACN_IP_TCP,
                          &own);
    if (r)
        fail_step(l, r, &own);
}

static void try_next(mr_logon *l) {
    struct mr_logon_channel_work *w = l->channel;
    mr_logon_channel *c = &l->report.channel;
    mr_error err = MR_ERROR_INIT;
    int r;

    c->server = w->addrs[w->next++];
    if (c->server.port) {
        r = open_netlogon(l, c->server.port, &err);
    } else {
        uint16_t port = l->options.mapper_port ? l->options.mapper_port : MR_MAPPER_PORT;
        const mr_client_options options = client_options(l, port);
        c->step = MR_LOGON_CHANNEL_MAPPER;
        r = open_client(l, &options, &mr_epmapper_iface.syntax, on_mapper, &err);
        c->server.port = port;
    }
    if (r)
        fail_step(l, r, &err);
}

static void on_lookup(void *user, int result, const mr_error *err) {
    mr_logon *l = user;
    struct mr_logon_channel_work *w = l->channel;

    if (result) {
        fail(l, result, err);
        return;
    }
    w->count = l->lookup.count;
    memcpy(w->addrs, l->lookup.addrs, w->count * sizeof *w->addrs);
    try_next(l);
}

/* ---- the beginning ---- */

const char *mr_logon_why_no_machine(const mr_identity *id) {
    const char *user = id->user, *domain = id->domain;
    size_t len = strlen(user);

    if (len < 2 || user[len - 1] != '$')
        return "Netlogon's secure channel is for machine accounts, whose names end in $";
    if (!*domain || strchr(domain, '.') || id->principal)
        return "Netlogon's secure channel wants the domain's NetBIOS name: DOMAIN\\MACHINE$";
    if (len - 1 > NAME_MAX || strlen(domain) > NAME_MAX)
        return "a NetBIOS name has 15 characters at most";
    for (const char *c = user; *c; c++)
        if (*c <= ' ' || *c > '~')
            return "the name of a machine account is ASCII";
    return NULL;
}

const char *mr_logon_channel_against(const mr_logon_options *o) {
    const char *against = mr_logon_why_no_machine(o->identity);

    if (against)
        return against;
    if (!o->identity->has_nt_hash && !o->identity->has_password)
        return "Netlogon's secure channel needs the machine's password or its NT hash";
    if (o->level < MR_AUTH_LEVEL_INTEGRITY)
        return "Netlogon's secure channel signs or seals: level integrity or privacy";
    return o->server_count || o->host ? NULL : "a domain controller is wanted";
}

static int encode(mr_logon *l, const char *text, size_t len, uint16_t **unitsp) {
    size_t count;

    return mr_utf16_encode(mr_slice_of(text, len), &l->arena, unitsp, &count);
}

static int set_names(mr_logon *l) {
    struct mr_logon_channel_work *w = l->channel;
    const char *user = l->options.identity->user;
    const char *server = mr_arena_add_fmt(&l->arena, "\\\\%s",
                                          l->options.host ? l->options.host : "");
    size_t len = strlen(user);
    int r = server ? encode(l, server, strlen(server), &w->server) : MR_ERR_MEMORY;

    if (!r)
        r = encode(l, user, len, &w->account);
    if (!r)
        r = encode(l, user, len - 1, &w->computer);
    memcpy(l->report.channel.computer, user, len - 1);
    return r;
}

int mr_logon_channel_start(mr_logon *l, mr_error *err) {
    const mr_logon_options *o = &l->options;
    struct mr_logon_channel_work *w = calloc(1, sizeof *w);

    if (!w)
        return mr_logon_no_memory(err);
    l->channel = w;
    w->kind = mr_netlogon_WorkstationSecureChannel;
    l->report.channel.asked = ASKED;
    if (set_names(l) != 0)
        return mr_logon_no_memory(err);
    w->count = o->server_count;
    if (w->count) {
        memcpy(w->addrs, o->servers, w->count * sizeof *w->addrs);
        try_next(l);
        return 0;
    }
    l->report.channel.step = MR_LOGON_CHANNEL_LOOKUP;
    mr_lookup_deinit(&l->lookup);
    mr_lookup_init(&l->lookup, l->resolver, on_lookup, l);
    return mr_lookup_start(&l->lookup, &(mr_lookup_options){.host = o->host,
                                                            .server = o->dns_server}, err);
}

/* ---- providers and authenticators ---- */

int mr_logon_channel_make(const mr_logon *l, mr_netlogon **netlogonp, mr_error *err) {
    mr_netlogon_options n = {.role = MR_SECURITY_INITIATOR,
                             .domain = l->options.identity->domain,
                             .computer = l->report.channel.computer,
                             .key = l->channel->chain.key};
    int r = mr_entropy_get(n.entropy, sizeof n.entropy)
                ? mr_fail(err, MR_ERR_SYSTEM, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                          "the system gives no random octets")
                : mr_netlogon_new(&n, netlogonp, err);

    mr_wipe(&n, sizeof n);
    return r;
}

static int no_channel(mr_error *err) {
    return mr_fail(err, MR_ERR_STATE, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                   "the logon has no secure channel");
}

int mr_logon_get_authenticator(const mr_logon *l, mr_netlogon_step *stepp, mr_error *err) {
    int64_t now;
    uint32_t nsec;

    if (!l->channel)
        return no_channel(err);
    mr_clock_get_wall(&now, &nsec);
    return mr_netlogon_chain_get(&l->channel->chain, (uint32_t)now, stepp, err);
}

int mr_logon_check_authenticator(mr_logon *l, const mr_netlogon_step *step,
                                 const uint8_t answer[8], mr_error *err) {
    return l->channel ? mr_netlogon_chain_check(&l->channel->chain, step, answer, err)
                      : no_channel(err);
}
