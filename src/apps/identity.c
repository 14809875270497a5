/*
 * From words to accounts. The identity switches make one account for all targets that name no user
 * of their own; a target's user makes one of his own, with the switches' proof unless he brings a
 * password. Whatever contradicts itself is refused before a secret is read: nobody shall be asked
 * for a password in vain, and none shall be tried in another place than the one that was meant.
 */
#include "identity.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <msrpc/crypto.h>

struct app_tries {
    pthread_mutex_t lock;
    unsigned most;     /* --max-logons */
    unsigned refusals;
    unsigned open;     /* connections that try it */
    bool good;
};

/* ---- what contradicts itself ---- */

struct proof {
    const char *name, *value;
};
#define PROOFS 7
#define WORKERS_MAX 16

static void list_proofs(const struct app_settings *set, struct proof out[PROOFS]) {
    const struct proof proofs[PROOFS] = {
        {"-p", set->password}, {"--password-file", set->password_file}, {"-H", set->hashes},
        {"--aes-key", set->aes_key}, {"--keytab", set->keytab}, {"--ccache", set->ccache},
        {"-U USER%PASSWORD", set->samba_password},
    };
    memcpy(out, proofs, sizeof proofs);
}

/* The switch that proves who the user is, or NULL; of two @secondp is the other. */
static const char *find_proof(const struct app_settings *set, const char **secondp) {
    struct proof proofs[PROOFS];
    const char *first = NULL;

    list_proofs(set, proofs);
    *secondp = NULL;
    for (size_t i = 0; i < PROOFS; i++) {
        if (proofs[i].value && first && !*secondp)
            *secondp = proofs[i].name;
        else if (proofs[i].value && !first)
            first = proofs[i].name;
    }
    return first;
}

static bool has_choice(unsigned choice) {
    return choice != APP_CHOICE_NONE;
}

#define FOR_MACHINES "--auth netlogon is for machine accounts: -u 'DOMAIN\\MACHINE$'"

static enum mr_logon_mechanism chosen_mechanism(const struct app_settings *set) {
    static const enum mr_logon_mechanism mechanisms[] = {MR_LOGON_NTLM, MR_LOGON_KERBEROS,
                                                         MR_LOGON_NEGOTIATE, MR_LOGON_NETLOGON};
    return has_choice(set->auth) ? mechanisms[set->auth]
           : set->kerberos ? MR_LOGON_KERBEROS : MR_LOGON_NEGOTIATE;
}

/* -N and --guest are identities of their own. */
static int check_strangers(const app *a, const char *proof) {
    const struct app_settings *set = &a->set;
    const char *stranger = set->null_session ? "-N" : set->guest ? "--guest" : NULL;
    const char *other = set->user ? "-u" : proof ? proof : set->kerberos ? "-k" : NULL;

    if (set->null_session && set->guest)
        return app_refuse(a, APP_USAGE, "-N is nobody and --guest is somebody: one of them");
    if (stranger && other)
        return app_refuse(a, APP_USAGE, "%s goes without %s: %s", stranger, other,
                          set->guest ? "a guest proves nothing" : "nobody is asked for");
    if (set->null_session && set->no_null)
        return app_refuse(a, APP_USAGE, "-N and --no-null exclude each other");
    if (stranger && chosen_mechanism(set) == MR_LOGON_NETLOGON)
        return app_refuse(a, APP_USAGE, "%s: " FOR_MACHINES, stranger);
    if (stranger && chosen_mechanism(set) == MR_LOGON_KERBEROS)
        return app_refuse(a, APP_USAGE, "%s: Kerberos knows no such user; --auth ntlm does",
                          stranger);
    return 0;
}

/* What each mechanism can do with each proof. */
static int check_mechanism(const app *a, const char *proof) {
    const struct app_settings *set = &a->set;
    bool tickets = set->aes_key || set->keytab || set->ccache;

    if (set->kerberos && has_choice(set->auth) && chosen_mechanism(set) == MR_LOGON_NTLM)
        return app_refuse(a, APP_USAGE, "-k asks for Kerberos and --auth ntlm for NTLM");
    if (set->kerberos && chosen_mechanism(set) == MR_LOGON_NETLOGON)
        return app_refuse(a, APP_USAGE, "-k asks for Kerberos and --auth netlogon for Netlogon's "
                          "secure channel");
    if (tickets && chosen_mechanism(set) == MR_LOGON_NETLOGON)
        return app_refuse(a, APP_USAGE, "%s is for Kerberos; --auth netlogon wants a password or "
                          "-H", proof);
    if (tickets && chosen_mechanism(set) == MR_LOGON_NTLM)
        return app_refuse(a, APP_USAGE, "%s is for Kerberos; NTLM wants a password or -H", proof);
    if (has_choice(set->auth_level) && set->auth_level == 0 &&
        (set->user || proof || set->kerberos || set->guest || has_choice(set->auth)))
        return app_refuse(a, APP_USAGE, "--auth-level none is for nobody: leave the identity out, "
                          "or name a level of connect and above");
    return 0;
}

static int check_switches(const app *a) {
    const char *second, *proof = find_proof(&a->set, &second);

    if (second)
        return app_refuse(a, APP_USAGE, "%s and %s: one proof is enough, and it must be clear "
                          "which is tried", proof, second);
    int code = check_strangers(a, proof);
    return code ? code : check_mechanism(a, proof);
}

/* ---- one account ---- */

static int no_good(const app *a, const mr_error *err) {
    return app_refuse(a, err->code == MR_ERR_MEMORY ? APP_BUG : APP_USAGE, "%s", err->text);
}

/* "LAB", "lab.test" and none at all may be one domain: who counts refusals takes them for it. */
static bool may_be_one_domain(const char *a, const char *b) {
    size_t a_label = strcspn(a, "."), b_label = strcspn(b, ".");

    if (!a[0] || !b[0] || mr_str_eq_nocase(a, b))
        return true;
    return (!a[a_label] || !b[b_label]) &&
           mr_slice_eq_nocase(mr_slice_of(a, a_label), mr_slice_of(b, b_label));
}

static int give_tries(app *a, app_account *account) {
    for (const app_account *other = a->accounts; other; other = other->next)
        if (other->tries && other->who == account->who &&
            mr_str_eq_nocase(other->id.user, account->id.user) &&
            may_be_one_domain(other->id.domain, account->id.domain)) {
            account->tries = other->tries;
            return 0;
        }
    account->tries = MR_ARENA_NEW(&a->arena, struct app_tries);
    if (!account->tries)
        return app_refuse(a, APP_BUG, "out of memory");
    account->tries->most = a->set.max_logons;
    pthread_mutex_init(&account->tries->lock, NULL);
    return 0;
}

/* DOMAIN\user of the switches or of a target; @domain may be NULL. */
static int set_names(app *a, app_account *account, const char *user, const char *domain) {
    mr_error err = MR_ERROR_INIT;
    mr_identity *id = &account->id;

    if (mr_identity_set_name(id, mr_slice_str(user), &err) != 0)
        return app_refuse(a, APP_USAGE, "-u %s: %s", user, err.text);
    if (domain && id->domain[0])
        return app_refuse(a, APP_USAGE, "%s names a domain already, -d %s another", user, domain);
    if (domain && mr_identity_set_domain(id, mr_slice_str(domain), &err) != 0)
        return app_refuse(a, APP_USAGE, "-d %s: %s", domain, err.text);
    account->name = mr_arena_add_fmt(&a->arena, "%s%s%s",
                                     id->principal ? id->user : id->domain,
                                     id->principal ? "@" : id->domain[0] ? "\\" : "",
                                     id->principal ? id->domain : id->user);
    return account->name ? 0 : app_refuse(a, APP_BUG, "out of memory");
}

static int set_password(app *a, app_account *account, const char *secret) {
    mr_error err = MR_ERROR_INIT;
    int r = mr_identity_set_password(&account->id, mr_slice_str(secret), &err);

    return r ? no_good(a, &err) : 0;
}

/* Once for all: the answer is kept for other targets' users, too. */
static int ask_password(app *a, app_account *account) {
    const char *prompt = mr_arena_add_fmt(&a->arena, "Password of %s: ",
                                          app_safe(a, mr_slice_str(account->name)));
    char *secret;

    if (!prompt)
        return app_refuse(a, APP_BUG, "out of memory");
    int code = app_ask_secret(a, prompt, &secret);
    return code ? code : set_password(a, account, secret);
}

static int take_password_file(app *a, app_account *account) {
    char *secret;
    int code = app_read_secret(a, a->set.password_file, &secret);

    return code ? code : set_password(a, account, secret);
}

/* Hashes and keys stay until every target has its account: a target may have a user of its own. */
static int set_key(app *a, app_account *account) {
    mr_error err = MR_ERROR_INIT;
    const struct app_settings *set = &a->set;
    bool hash = set->hashes != NULL;
    int r = hash ? mr_identity_set_nt_hash(&account->id, mr_slice_str(set->hashes), &err)
                 : mr_identity_set_aes_key(&account->id, mr_slice_str(set->aes_key), &err);

    return r ? app_refuse(a, APP_USAGE, "%s: %s", hash ? "-H" : "--aes-key", err.text) : 0;
}

static int set_keytab(app *a, app_account *account) {
    mr_error err = MR_ERROR_INIT;
    const char *name;
    int code = app_krb_file(a, "--keytab", a->set.keytab, 1, 2, "key table", &name);

    if (code)
        return code;
    return mr_identity_set_keytab(&account->id, mr_slice_str(name), &err) ? no_good(a, &err) : 0;
}

/* A ticket's owner is told by the cache: the name given must be his. */
static int set_ticket(app *a, app_account *account) {
    mr_error err = MR_ERROR_INIT;
    const char *name = NULL;
    int code = 0;

    account->who = APP_WHO_TICKET;
    if (a->set.ccache)
        code = app_krb_file(a, "--ccache", a->set.ccache, 1, 4, "ticket cache", &name);
    if (code)
        return code;
    if (account->id.user[0]) {
        account->expected_realm = account->id.principal ? account->id.domain : account->realm;
        account->expected = mr_arena_add_str(&a->arena, mr_slice_str(account->id.user));
        if (!account->expected || mr_identity_set_user(&account->id, MR_SLICE_NULL, &err) != 0)
            return app_refuse(a, APP_BUG, "out of memory");
    }
    if (!account->name)
        account->name = name ? name : "the ticket at hand";
    return name && mr_identity_set_ccache(&account->id, mr_slice_str(name), &err)
               ? no_good(a, &err) : 0;
}

/* What proves that the user is who he says; asks for it where nothing does. */
static int set_proof(app *a, app_account *account, const char *own_password) {
    const struct app_settings *set = &a->set;
    const char *second, *proof = find_proof(set, &second);

    if (own_password && proof)
        return app_refuse(a, APP_USAGE, "%s: his password stands in the target, %s is another "
                          "proof", account->name, proof);
    if (own_password)
        return strcmp(own_password, "-") ? set_password(a, account, own_password)
                                         : ask_password(a, account);
    if (set->password_file)
        return take_password_file(a, account);
    if (set->password && strcmp(set->password, "-") != 0) {
        mr_error err = MR_ERROR_INIT;
        return mr_identity_set_password(&account->id, mr_slice_str(set->password), &err)
                   ? no_good(a, &err) : 0;
    }
    if (set->hashes || set->aes_key)
        return set_key(a, account);
    if (set->keytab)
        return set_keytab(a, account);
    if (set->ccache || (set->kerberos && !set->password))
        return set_ticket(a, account);
    if (!set->password && set->no_pass)
        return app_refuse(a, APP_USAGE, "nothing proves who %s is: -p, --password-file, -H, "
                          "--aes-key, --keytab, or a ticket (-k)", account->name);
    return ask_password(a, account);
}

static int set_user(app *a, app_account *account, const char *user, const char *domain,
                    const char *own_password) {
    account->who = APP_WHO_USER;
    account->mechanism = chosen_mechanism(&a->set);
    int code = set_names(a, account, user, domain);
    const char *against = account->mechanism == MR_LOGON_NETLOGON
                              ? mr_logon_why_no_machine(&account->id) : NULL;
    if (!code && against)
        return app_refuse(a, APP_USAGE, "--auth netlogon, %s: %s", account->name, against);
    return code ? code : set_proof(a, account, own_password);
}

/* Nobody is named: the ticket at hand, a guest, a null session, or no security at all. */
static int set_nameless(app *a, app_account *account) {
    const struct app_settings *set = &a->set;
    const char *second, *proof = find_proof(set, &second);
    mr_error err = MR_ERROR_INIT;

    account->mechanism = chosen_mechanism(set);
    if (account->mechanism == MR_LOGON_NETLOGON)
        return app_refuse(a, APP_USAGE, FOR_MACHINES);
    if (set->guest) {
        account->who = APP_WHO_GUEST;
        account->name = "guest";
        account->mechanism = MR_LOGON_NTLM; /* a KDC would only say that the account is disabled */
        int r = mr_identity_set_user(&account->id, mr_slice_str("Guest"), &err);
        if (!r)
            r = mr_identity_set_password(&account->id, MR_SLICE_NULL, &err);
        return r ? no_good(a, &err) : 0;
    }
    if (proof && !set->ccache)
        return app_refuse(a, APP_USAGE, "%s: whose? A user is wanted: -u DOMAIN\\user, or "
                          "DOMAIN/user@HOST", proof);
    if (set->ccache || set->kerberos || (chosen_mechanism(set) == MR_LOGON_KERBEROS))
        return set_ticket(a, account);
    account->name = "anonymous";
    account->who = APP_WHO_NOBODY;
    if (has_choice(set->auth) || (has_choice(set->auth_level) && set->auth_level > 0)) {
        if (set->no_null)
            return app_refuse(a, APP_USAGE, "--no-null: without a user this is an anonymous logon");
        account->who = APP_WHO_ANONYMOUS;
        account->id.anonymous = true;
        account->mechanism = has_choice(set->auth) ? account->mechanism : MR_LOGON_NTLM;
    }
    return 0;
}

static int set_wish(app *a, app_account *account) {
    const struct app_settings *set = &a->set;

    account->level = (uint8_t)(has_choice(set->auth_level) ? set->auth_level + MR_AUTH_LEVEL_NONE
                                                    : MR_AUTH_LEVEL_PRIVACY);
    if (!app_account_logs_on(account))
        account->level = MR_AUTH_LEVEL_NONE;
    account->realm = set->realm;
    if (account->mechanism == MR_LOGON_NETLOGON && account->level < MR_AUTH_LEVEL_INTEGRITY)
        return app_refuse(a, APP_USAGE, "--auth netlogon signs or seals: --auth-level integrity or "
                          "privacy");
    if (set->dc_ip) {
        mr_addr *kdc = MR_ARENA_NEW(&a->arena, mr_addr);
        if (!kdc)
            return app_refuse(a, APP_BUG, "out of memory");
        if (mr_addr_decode_port(mr_slice_str(set->dc_ip), 0, kdc) != 0)
            return app_refuse(a, APP_USAGE, "--dc-ip %s: an address is wanted, such as 10.0.0.1",
                              set->dc_ip);
        account->kdc = kdc;
    }
    if (set->target_ip) {
        mr_addr *server = MR_ARENA_NEW(&a->arena, mr_addr);
        if (!server)
            return app_refuse(a, APP_BUG, "out of memory");
        if (mr_addr_decode(mr_slice_str(set->target_ip), 0, server) == 0)
            account->server = server;
    }
    return give_tries(a, account);
}

/* A user may be allowed to log on at some computers alone. */
static void name_computer(app_account *account) {
    char dns[256] = "";

    if (account->who == APP_WHO_USER && gethostname(dns, sizeof dns - 1) == 0)
        app_computer_name(dns, account->computer);
}

static int new_account(app *a, const char *user, const char *domain, const char *own_password,
                       app_account **accountp) {
    app_account *account = MR_ARENA_NEW(&a->arena, app_account);
    mr_error err = MR_ERROR_INIT;

    if (!account || mr_identity_init(&account->id, &err) != 0) {
        if (account)
            mr_identity_deinit(&account->id);
        return app_refuse(a, APP_BUG, "out of memory");
    }
    int code = user ? set_user(a, account, user, domain, own_password)
                    : set_nameless(a, account);
    if (!code)
        code = set_wish(a, account);
    name_computer(account);
    account->next = a->accounts; /* also one that is refused: it may hold a secret */
    a->accounts = account;
    *accountp = account;
    return code;
}

/* ---- all of them ---- */

/* The account of an earlier target with the same words. */
static app_account *find_same(const app_target *targets, size_t count, const app_target *t) {
    for (size_t i = 0; i < count; i++) {
        const app_target *other = &targets[i];
        bool same = other->user && strcmp(other->user, t->user) == 0 &&
                    !other->domain == !t->domain && !other->password == !t->password &&
                    (!t->domain || strcmp(other->domain, t->domain) == 0);
        if (same && t->password && strcmp(t->password, "-") != 0)
            same = other->account->id.has_password &&
                   strcmp(other->account->id.password, t->password) == 0;
        if (same)
            return other->account;
    }
    return NULL;
}

static int read_target(app *a, app_target *targets, size_t i, app_account **commonp) {
    app_target *t = &targets[i];

    if (t->user && !(a->command->groups & APP_GROUP_IDENTITY))
        return app_refuse(a, APP_USAGE, "%s: this command logs on to nobody; leave the account "
                          "out", t->input);
    if (!t->user && !*commonp) {
        int code = new_account(a, a->set.user, a->set.domain, NULL, commonp);
        if (code)
            return code;
    }
    t->account = t->user ? find_same(targets, i, t) : *commonp;
    if (t->account)
        return 0;
    const char *other = a->set.user ? "-u" : a->set.null_session ? "-N"
                        : a->set.guest ? "--guest" : NULL;
    if (other)
        return app_refuse(a, APP_USAGE, "%s and the target both say who: %s@%s", other, t->user,
                          t->input);
    if (t->domain && a->set.domain)
        return app_refuse(a, APP_USAGE, "%s names a domain already, -d %s another", t->input,
                          a->set.domain);
    return new_account(a, t->user, t->domain ? t->domain : a->set.domain, t->password,
                       &t->account);
}

static bool wants_tickets(const app_account *account) {
    return app_account_logs_on(account) && !account->id.anonymous &&
           (account->mechanism == MR_LOGON_KERBEROS || account->mechanism == MR_LOGON_NEGOTIATE);
}

/* Its library reads files and asks services by itself: workers wait for these, not the run. */
static int prepare_kerberos(app *a, size_t targets) {
    const app_account *account = a->accounts;
    mr_error err = MR_ERROR_INIT;

    while (account && !wants_tickets(account))
        account = account->next;
    if (!account || a->workers)
        return 0;
    int code = app_krb_settings(a, account);
    if (code)
        return code;
    unsigned count = targets < WORKERS_MAX ? (unsigned)targets : WORKERS_MAX;
    return mr_workers_new(count ? count : 1, &a->workers, &err)
               ? app_refuse(a, APP_MISSING, "%s", err.text) : 0;
}

int app_accounts_read(app *a, app_target *targets, size_t count) {
    app_account *common = NULL;
    int code = check_switches(a);

    if (!code && a->set.samba_password) { /* -p by another name, from here on */
        a->set.password = a->set.samba_password;
        a->set.samba_password = NULL;
    }
    for (size_t i = 0; !code && i < count; i++)
        code = read_target(a, targets, i, &common);
    app_wipe_secrets(a);
    return code ? code : prepare_kerberos(a, count);
}

void app_accounts_wipe(app *a) {
    app_wipe_secrets(a);
    for (app_account *account = a->accounts; account; account = account->next)
        mr_identity_deinit(&account->id);
    a->accounts = NULL;
}

/* ---- for those who ask ---- */

void app_computer_name(const char *dns, char out[16]) {
    size_t len = strcspn(dns, ".");

    if (len > 15)
        len = 15;
    memset(out, 0, 16);
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)dns[i]) && !strchr("-_", dns[i])) {
            *out = '\0';
            return;
        }
        out[i] = (char)toupper((unsigned char)dns[i]);
    }
}

bool app_account_logs_on(const app_account *account) {
    return account && account->who != APP_WHO_NOBODY;
}

/* An address where only Kerberos will do. */
static bool lacks_name(const app_target *target) {
    const app_account *account = target->account;
    mr_addr literal;

    if (!app_account_logs_on(account) || account->spn ||
        mr_addr_decode(mr_slice_str(target->host), 0, &literal) != 0)
        return false;
    const mr_identity *id = &account->id;
    bool ntlm = id->anonymous || id->has_password || id->has_nt_hash;
    return account->mechanism == MR_LOGON_KERBEROS ||
           (account->mechanism == MR_LOGON_NEGOTIATE && !ntlm);
}

int app_accounts_check(const app *a, const app_target *targets, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!lacks_name(&targets[i]))
            return 0;
    return count ? app_account_check(a, &targets[0]) : 0;
}

int app_account_check(const app *a, const app_target *target) {
    if (!lacks_name(target))
        return 0;
    return app_refuse(a, APP_USAGE, "%s: Kerberos has tickets for names, not for addresses: say "
                      "NAME --target-ip %s", target->host, target->host);
}

mr_logon_options app_logon_options(const app *a, const app_target *target, uint8_t level) {
    const app_account *account = target->account;
    bool patient = a->set.timeout != APP_TIMEOUT_DEFAULT;
    mr_logon_options options = {
        .identity = &account->id,
        .mechanism = account->mechanism,
        .level = level ? level : account->level,
        .host = target->host,
        .spn = account->spn,
        .realm = account->realm,
        .workstation = *account->computer ? account->computer : NULL,
        .kdcs = account->kdc,
        .kdc_count = account->kdc != NULL,
        .servers = account->server,
        .server_count = account->server != NULL,
        .kdc_timeout = patient ? a->set.timeout : 0,
        .workers = a->workers,
    };

    if (a->set.dns_server)
        (void)mr_addr_decode_port(mr_slice_str(a->set.dns_server), 53, &options.dns_server);
    return options;
}

const char *app_level_name(uint8_t level) {
    static const char *const names[] = {"default", "none", "connect", "call", "pkt", "integrity",
                                        "privacy"};
    return level < MR_COUNT(names) ? names[level] : "unknown";
}

bool app_accounts_share_tries(const app_account *a, const app_account *b) {
    return a && b && a->tries && a->tries == b->tries;
}

enum app_turn app_account_begin(app_account *account) {
    struct app_tries *tries = account->tries;
    enum app_turn turn = APP_TURN_WAIT;

    pthread_mutex_lock(&tries->lock);
    if (tries->refusals >= tries->most)
        turn = APP_TURN_NEVER;
    else if (tries->good || tries->open == 0)
        turn = APP_TURN_YES;
    tries->open += turn == APP_TURN_YES;
    pthread_mutex_unlock(&tries->lock);
    return turn;
}

void app_account_end(app_account *account, enum app_verdict verdict) {
    struct app_tries *tries = account->tries;

    pthread_mutex_lock(&tries->lock);
    tries->open--;
    tries->refusals += verdict == APP_VERDICT_REFUSED;
    if (verdict != APP_VERDICT_NONE)
        tries->good = verdict == APP_VERDICT_GOOD;
    pthread_mutex_unlock(&tries->lock);
}

bool app_account_is_good(const app_account *account) {
    struct app_tries *tries = account->tries;

    pthread_mutex_lock(&tries->lock);
    bool good = tries->good;
    pthread_mutex_unlock(&tries->lock);
    return good;
}

bool app_account_is_refused(const app_account *account) {
    struct app_tries *tries = account->tries;

    pthread_mutex_lock(&tries->lock);
    bool refused = tries->refusals >= tries->most;
    pthread_mutex_unlock(&tries->lock);
    return refused;
}
