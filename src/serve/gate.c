/*
 * Acceptors of NTLM (MS-NLMP 3.2), Kerberos (MS-KILE 3.4) and SPNEGO (MS-SPNG) around the gate's
 * accounts, or winbind, and its key table. A logon owns the providers of one security context;
 * those inside SPNEGO go with it. A logon by Kerberos reads the key table, so a key that was
 * changed there counts from then on. What may wait, or computes long, is done beside the loop.
 * Accounts of machines make Netlogon (MS-NRPC 3.3) over the channels that stand by then.
 */
#include "winbind.h"

#include <msrpc/crypto.h>

#include <stdlib.h>

#define TEXT_CAP ((size_t)64 << 10)
#define PAC_CAP ((size_t)1 << 20)

struct mr_gate {
    mr_accounts *accounts;
    struct mr_winbind *winbind;
    mr_channels *channels;
    const char *keytab;
    mr_ntlm_names names;
    mr_arena arena; /* the texts */
    unsigned refs;  /* atomic: whoever made it, and each logon */
    mr_server_acceptor acceptors[4];
    size_t count;
};

struct logon {
    mr_gate *gate;
    mr_krb5 *krb5;
    mr_ntlm *ntlm;
    mr_spnego *spnego;
    mr_netlogon *netlogon;
    const mr_identity *row; /* of the gate's accounts: who NTLM's client claims to be */
    mr_winbind_user judged; /* by winbind; its key is wiped */
    mr_arena arena; /* what describe hands out */
};

/* ---- providers ---- */

static int judge(void *user, const mr_ntlm_attempt *attempt, uint8_t base_keyp[MR_NTLM_KEY],
                 mr_error *err) {
    struct logon *logon = user;
    int r = mr_winbind_judge(logon->gate->winbind, attempt, &logon->arena, &logon->judged, err);

    if (r)
        return r;
    memcpy(base_keyp, logon->judged.key, MR_NTLM_KEY);
    mr_wipe(logon->judged.key, MR_NTLM_KEY);
    return 0;
}

static int find(void *user, mr_slice account, mr_slice domain,
                uint8_t nt_hashp[MR_NT_HASH_SIZE], mr_error *err) {
    struct logon *logon = user;

    return mr_accounts_find_row(logon->gate->accounts, account, domain, nt_hashp, &logon->row,
                                err);
}

static int make_ntlm(const mr_gate *gate, uint8_t level, struct logon *logon, mr_error *err) {
    mr_ntlm_options options = {
        .role = MR_SECURITY_ACCEPTOR,
        .level = level,
        .names = gate->names,
        .anonymous = true,
        .find = gate->winbind ? NULL : find,
        .verify = gate->winbind ? judge : NULL,
        .user = logon,
    };
    int64_t sec;
    uint32_t nsec;

    mr_clock_get_wall(&sec, &nsec);
    options.now = mr_time_filetime(sec, nsec);
    int r = mr_entropy_get(options.entropy, sizeof options.entropy);
    if (!r)
        r = mr_ntlm_new(&options, &logon->ntlm, err);
    mr_wipe(options.entropy, sizeof options.entropy);
    return r;
}

static int make_krb5(const mr_gate *gate, uint8_t level, struct logon *logon, mr_error *err) {
    mr_krb5_options options = {
        .role = MR_SECURITY_ACCEPTOR,
        .level = level,
        .keytab = gate->keytab,
    };
    uint32_t nsec;

    mr_clock_get_wall(&options.now, &nsec);
    int r = mr_entropy_get(options.entropy, sizeof options.entropy);
    if (!r)
        r = mr_krb5_new(&options, &logon->krb5, err);
    mr_wipe(options.entropy, sizeof options.entropy);
    return r;
}

static int make_spnego(const mr_gate *gate, uint8_t level, struct logon *logon, mr_error *err) {
    mr_spnego_options options = {.role = MR_SECURITY_ACCEPTOR};
    int r = gate->keytab ? make_krb5(gate, level, logon, err) : 0;

    if (!r && (gate->accounts || gate->winbind))
        r = make_ntlm(gate, level, logon, err);
    if (r)
        return r;
    if (logon->krb5)
        options.mechs[options.mech_count++] = mr_spnego_of_krb5(logon->krb5);
    if (logon->ntlm)
        options.mechs[options.mech_count++] = mr_spnego_of_ntlm(logon->ntlm);
    return mr_spnego_new(&options, &logon->spnego, err);
}

/* Sealed or not at all, as Windows wants it (RequireSeal). */
static int make_netlogon(const mr_gate *gate, uint8_t level, struct logon *logon, mr_error *err) {
    mr_netlogon_options options = {
        .role = MR_SECURITY_ACCEPTOR, .find = mr_channels_find, .user = gate->channels};

    if (level != MR_AUTH_LEVEL_PRIVACY)
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET,
                       "Netlogon: the channel is not to be sealed");
    int r = mr_entropy_get(options.entropy, sizeof options.entropy);
    if (!r)
        r = mr_netlogon_new(&options, &logon->netlogon, err);
    mr_wipe(options.entropy, sizeof options.entropy);
    return r;
}

static void unref(mr_gate *gate) {
    if (__atomic_sub_fetch(&gate->refs, 1, __ATOMIC_ACQ_REL))
        return;
    mr_accounts_free(gate->accounts);
    mr_winbind_free(gate->winbind);
    mr_arena_deinit(&gate->arena);
    free(gate);
}

static void give(void *user, void *made) {
    struct logon *logon = made;

    (void)user;
    mr_spnego_free(logon->spnego);
    mr_ntlm_free(logon->ntlm);
    mr_krb5_free(logon->krb5);
    mr_netlogon_free(logon->netlogon);
    mr_arena_deinit(&logon->arena);
    unref(logon->gate);
    free(logon);
}

typedef int make_fn(const mr_gate *gate, uint8_t level, struct logon *logon, mr_error *err);

static int make(mr_gate *gate, uint8_t level, make_fn *fill, void **logonp, mr_error *err) {
    struct logon *logon = calloc(1, sizeof *logon);

    if (!logon)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET,
                       "no memory for a logon");
    mr_arena_init(&logon->arena, PAC_CAP);
    logon->gate = gate;
    __atomic_add_fetch(&gate->refs, 1, __ATOMIC_RELAXED);
    int r = fill(gate, level, logon, err);
    if (r)
        give(NULL, logon);
    else
        *logonp = logon;
    return r;
}

static int begin_ntlm(void *user, uint8_t level, void **logonp, mr_security **securityp,
                      mr_error *err) {
    int r = make(user, level, make_ntlm, logonp, err);

    if (!r)
        *securityp = mr_ntlm_get_security(((struct logon *)*logonp)->ntlm);
    return r;
}

static int begin_krb5(void *user, uint8_t level, void **logonp, mr_security **securityp,
                      mr_error *err) {
    int r = make(user, level, make_krb5, logonp, err);

    if (!r)
        *securityp = mr_krb5_get_security(((struct logon *)*logonp)->krb5);
    return r;
}

static int begin_spnego(void *user, uint8_t level, void **logonp, mr_security **securityp,
                        mr_error *err) {
    int r = make(user, level, make_spnego, logonp, err);

    if (!r)
        *securityp = mr_spnego_get_security(((struct logon *)*logonp)->spnego);
    return r;
}

static int begin_netlogon(void *user, uint8_t level, void **logonp, mr_security **securityp,
                          mr_error *err) {
    int r = make(user, level, make_netlogon, logonp, err);

    if (!r)
        *securityp = mr_netlogon_get_security(((struct logon *)*logonp)->netlogon);
    return r;
}

/* ---- who came ---- */

/* A key goes by the machine's name alone: the domain that the machine says proves nothing. */
static void describe_netlogon(struct logon *logon, mr_server_caller *caller) {
    mr_netlogon_info info;

    mr_netlogon_get_info(logon->netlogon, &info);
    const mr_identity *row = mr_accounts_get_machine(logon->gate->accounts, info.computer);
    if (!row)
        return;
    caller->user = row->user;
    caller->domain = row->domain;
}

/* As the account is called by whoever keeps it: what the client called it is a claim that chose
 * the account and proves nothing beyond. One without a domain is this computer's own. */
static void describe_ntlm(struct logon *logon, mr_server_caller *caller) {
    const mr_identity *row = logon->row;
    mr_ntlm_info info;

    mr_ntlm_get_info(logon->ntlm, &info);
    caller->anonymous = info.anonymous;
    if (info.anonymous)
        return;
    if (row) {
        caller->user = row->user;
        caller->domain = *row->domain ? row->domain : logon->gate->names.computer;
        return;
    }
    caller->user = logon->judged.name;
    caller->domain = logon->judged.domain;
    caller->sids = logon->judged.sids;
    caller->sid_count = logon->judged.sid_count;
}

/* "alice@LAB.TEST": its realm begins behind the last @ (RFC 1964 2.1.1). */
static void describe_krb5(struct logon *logon, mr_server_caller *caller) {
    mr_krb5_info info;
    mr_pac pac;

    mr_krb5_get_info(logon->krb5, &info);
    const char *at = strrchr(info.client, '@');
    caller->principal = info.client;
    caller->realm = at ? at + 1 : "";
    caller->user = mr_arena_add_str(
        &logon->arena,
        mr_slice_of(info.client, at ? (size_t)(at - info.client) : strlen(info.client)));
    if (info.pac.len == 0 || mr_pac_decode(info.pac, &logon->arena, &pac, NULL) != 0)
        return;
    if (*pac.user)
        caller->user = pac.user;
    caller->domain = pac.domain;
    caller->sids = pac.sids;
    caller->sid_count = pac.sid_count;
}

static bool took_krb5(const struct logon *logon) {
    mr_spnego_info info;

    if (!logon->krb5 || !logon->spnego)
        return logon->krb5 != NULL;
    mr_spnego_get_info(logon->spnego, &info);
    return info.chosen == MR_MECH_KRB5 || info.chosen == MR_MECH_MS_KRB5;
}

static void describe(void *user, void *made, mr_server_caller *caller) {
    struct logon *logon = made;

    (void)user;
    if (logon->netlogon)
        describe_netlogon(logon, caller);
    else if (took_krb5(logon))
        describe_krb5(logon, caller);
    else
        describe_ntlm(logon, caller);
}

static const char *why_ntlm(const mr_ntlm *ntlm) {
    mr_ntlm_info info;

    mr_ntlm_get_info(ntlm, &info);
    return info.why;
}

static const char *why_krb5(struct logon *logon) {
    mr_krb5_info info;

    mr_krb5_get_info(logon->krb5, &info);
    if (!*info.failure.text)
        return "";
    const char *text = mr_arena_add_fmt(&logon->arena, "Kerberos: %s", info.failure.text);
    return text ? text : "";
}

static const char *why_netlogon(const mr_netlogon *netlogon) {
    mr_netlogon_info info;

    mr_netlogon_get_info(netlogon, &info);
    return info.complete ? "" : "Netlogon: the machine has no secure channel";
}

static const char *why(void *user, void *made) {
    struct logon *logon = made;
    mr_spnego_info info = {.failure = ""};
    bool krb5 = took_krb5(logon);

    (void)user;
    if (logon->netlogon)
        return why_netlogon(logon->netlogon);
    if (logon->spnego)
        mr_spnego_get_info(logon->spnego, &info);
    if (logon->spnego && info.chosen == MR_MECH_UNKNOWN)
        return info.failure;
    const char *text = krb5 ? why_krb5(logon) : why_ntlm(logon->ntlm);
    return *text ? text : info.failure;
}

/* ---- the gate ---- */

static const char *keep(mr_gate *gate, const char *text, int *rp) {
    if (!text)
        return NULL;
    const char *kept = mr_arena_add_str(&gate->arena, mr_slice_str(text));
    if (!kept)
        *rp = MR_ERR_MEMORY;
    return kept;
}

static int keep_all(mr_gate *gate, const mr_gate_options *o) {
    int r = 0;

    gate->keytab = keep(gate, o->keytab, &r);
    gate->names = (mr_ntlm_names){
        .computer = keep(gate, o->names.computer, &r),
        .domain = keep(gate, o->names.domain, &r),
        .dns_computer = keep(gate, o->names.dns_computer, &r),
        .dns_domain = keep(gate, o->names.dns_domain, &r),
        .dns_forest = keep(gate, o->names.dns_forest, &r),
        .standalone = o->names.standalone,
    };
    return r;
}

static void add(mr_gate *gate, uint8_t type,
                int (*begin)(void *user, uint8_t level, void **logonp, mr_security **securityp,
                             mr_error *err),
                bool blocking) {
    gate->acceptors[gate->count++] = (mr_server_acceptor){
        .type = type, .blocking = blocking, .make = begin, .give = give, .describe = describe,
        .why = why, .user = gate};
}

/* A key table that nobody could log on with is told now. */
static int try_keytab(mr_gate *gate, mr_error *err) {
    void *logon = NULL;
    int r = make(gate, MR_AUTH_LEVEL_CONNECT, make_krb5, &logon, err);

    if (!r)
        give(NULL, logon);
    return r;
}

int mr_gate_new(const mr_gate_options *options, mr_gate **gatep, mr_error *err) {
    mr_gate *gate = calloc(1, sizeof *gate);
    int r = MR_ERR_MEMORY;

    if (gate) {
        gate->refs = 1;
        mr_arena_init(&gate->arena, TEXT_CAP);
        r = keep_all(gate, options);
    }
    if (r)
        mr_fail(err, r, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET, "out of memory");
    else if (gate->keytab)
        r = try_keytab(gate, err);
    if (!r && options->winbind)
        r = mr_winbind_new(&gate->winbind, err);
    if (!r && gate->winbind)
        gate->names = *mr_winbind_get_names(gate->winbind);
    if (r) {
        mr_gate_free(gate);
        return r;
    }
    gate->accounts = options->accounts;
    gate->channels = options->channels;
    if (gate->accounts || gate->winbind)
        add(gate, MR_AUTH_NTLM, begin_ntlm, gate->winbind != NULL);
    if (gate->keytab)
        add(gate, MR_AUTH_KRB5, begin_krb5, true);
    if (gate->count)
        add(gate, MR_AUTH_SPNEGO, begin_spnego, gate->keytab || gate->winbind);
    if (gate->channels && gate->accounts && mr_accounts_have_machine(gate->accounts))
        add(gate, MR_AUTH_NETLOGON, begin_netlogon, false);
    *gatep = gate;
    return 0;
}

void mr_gate_free(mr_gate *gate) {
    if (gate)
        unref(gate);
}

const mr_accounts *mr_gate_get_accounts(const mr_gate *gate) {
    return gate->accounts;
}

const mr_server_acceptor *mr_gate_get_acceptors(const mr_gate *gate, size_t *countp) {
    *countp = gate->count;
    return gate->acceptors;
}
