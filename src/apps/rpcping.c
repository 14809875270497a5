/*
 * rpcping as Windows has it: its switches, its words, its layout, over ncacn_ip_tcp, anonymously or
 * by NTLM, Kerberos and Negotiate. RPC over HTTP is understood, checked and refused before anything
 * is sent. The time is that of connecting, binding and all calls, as there.
 * The original's exit codes are not documented, but 0 for success; a failure is 1 here, since eight
 * bits hold no 1722.
 */
#include <stdio.h>
#include <sys/utsname.h>

#include <msrpc/ifaces/epmapper.h>

#include "eerr.h"
#include "identity.h"
#include "ping.h"

#define RPC_S_SEC_PKG_ERROR 1825 /* what Windows shows for a logon that failed on this side */

struct rpcping_options {
    const char *protseq, *server, *endpoint, *binding, *interface, *object;
    uint32_t iterations, report, verbose;
    const char *security, *sid, *spn, *identity, *capabilities, *descriptor, *effective;
    const char *level, *tracking, *impersonation;
    const char *proxy_identity, *flags, *schemes, *subject, *http_proxy, *http_identity,
        *http_schemes;
    bool echo, print_subject, quiet, smart_card, prompt, window;
};

#define AT(member) offsetof(struct rpcping_options, member)

static const app_option options[] = {
    {"t", 0, APP_TEXT, "PROTSEQ", AT(protseq), 0, 0,
     "protocol sequence: ncacn_ip_tcp (default); ncacn_np and ncacn_http are refused so far"},
    {"s", 0, APP_TEXT, "SERVER", AT(server), 0, 0, "name or address of the server (this machine)"},
    {"e", 0, APP_TEXT, "ENDPOINT", AT(endpoint), 0, 0,
     "port to ping (the endpoint mapper's, 135); not together with -f"},
    {"o", 0, APP_TEXT, "OPTIONS", AT(binding), 0, 0,
     "binding options, NAME=VALUE: RpcProxy, HttpProxy, HttpConnectionOption"},
    {"f", 0, APP_TEXT, "UUID[,MAJOR[.MINOR]]", AT(interface), 0, 0,
     "ping this interface (version 1.0), wherever the endpoint mapper says it listens"},
    {"O", 0, APP_TEXT, "UUID", AT(object), 0, 0, "object UUID of the calls"},
    {"i", 0, APP_NUMBER, "N", AT(iterations), 1, 100000000, "make N calls (1)"},
    {"u", 0, APP_TEXT, "PACKAGE", AT(security), 0, 0,
     "security package, name or number: 9 negotiate (nego, snego), 10 NTLM, 14 SChannel, 16 "
     "Kerberos, 20 Kernel; wants -a"},
    {"a", 0, APP_TEXT, "LEVEL", AT(level), 0, 0,
     "authentication level: connect, call, pkt, integrity or privacy; wants -u"},
    {"N", 0, APP_TEXT, "SPN", AT(spn), 0, 0, "server principal name; wants -u and -a"},
    {"I", 0, APP_SECRET, "USER,DOMAIN,PASSWORD", AT(identity), 0, 0,
     "log on as this user (* asks for the password); wants -u and -a; without it the Kerberos "
     "ticket at hand"},
    {"C", 0, APP_TEXT, "HEX", AT(capabilities), 0, 0,
     "security capabilities (without effect); wants -u and -a"},
    {"T", 0, APP_TEXT, "TRACKING", AT(tracking), 0, 0,
     "identity tracking: static or dynamic (without effect); wants -u and -a"},
    {"M", 0, APP_TEXT, "TYPE", AT(impersonation), 0, 0,
     "impersonation: anonymous, identify, impersonate, or delegate, which hands over a ticket; "
     "wants -u and -a"},
    {"S", 0, APP_TEXT, "SID", AT(sid), 0, 0, "the server's SID; wants -u and -a"},
    {"Z", 0, APP_TEXT, "BOOL", AT(effective), 0, 0,
     "effective-only (without effect); wants -u and -a"},
    {"D", 0, APP_TEXT, "SDDL", AT(descriptor), 0, 0,
     "the server's security descriptor; wants -u and -a"},
    {"P", 0, APP_SECRET, "USER,DOMAIN,PASSWORD", AT(proxy_identity), 0, 0,
     "RPC over HTTP: log on to the RPC proxy; wants -u, -a and -H"},
    {"F", 0, APP_TEXT, "FLAGS", AT(flags), 0, 0,
     "RPC over HTTP: 1 ssl, 2 first; wants -u and -a"},
    {"H", 0, APP_TEXT, "SCHEMES", AT(schemes), 0, 0,
     "RPC over HTTP: 1 Basic, 2 NTLM, 65536 Cert; wants -u and -a"},
    {"B", 0, APP_TEXT, "SUBJECT", AT(subject), 0, 0,
     "RPC over HTTP: the certificate's subject; wants -u and -a"},
    {"b", 0, APP_FLAG, NULL, AT(print_subject), 0, 0,
     "RPC over HTTP: print the certificate's subject; wants -E, -u and -a"},
    {"R", 0, APP_TEXT, "PROXY", AT(http_proxy), 0, 0,
     "RPC over HTTP: HTTP proxy, none or default; wants -E"},
    {"E", 0, APP_FLAG, NULL, AT(echo), 0, 0,
     "RPC over HTTP: ask the proxy only; wants -u and -a"},
    {"A", 0, APP_SECRET, "USER,DOMAIN,PASSWORD", AT(http_identity), 0, 0,
     "RPC over HTTP: log on to the HTTP proxy; wants -U, -u and -a"},
    {"U", 0, APP_TEXT, "SCHEMES", AT(http_schemes), 0, 0,
     "RPC over HTTP: 1 Basic, 2 NTLM for the HTTP proxy; wants -u and -a"},
    {"q", 0, APP_FLAG, NULL, AT(quiet), 0, 0,
     "quiet mode: ask for nothing but passwords, take every other answer as yes (without effect: "
     "nothing is asked here)"},
    {"c", 0, APP_FLAG, NULL, AT(smart_card), 0, 0, "use a smart card's certificate"},
    {"p", 0, APP_FLAG, NULL, AT(prompt), 0, 0,
     "ask for an account when the server refuses (refused so far)"},
    {"d", 0, APP_FLAG, NULL, AT(window), 0, 0, "the network diagnosis of Windows"},
    {"r", 0, APP_NUMBER, "S", AT(report), 1, 1000000,
     "with several calls: print figures every S seconds (15)"},
    {"v", 0, APP_NUMBER, "N", AT(verbose), 1, 3, "1 (default), 2 or 3: say more"},
    {0},
};

struct rpcping {
    app_session s;
    const struct rpcping_options *o;
    struct ping ping;   /* interface, object, target: what choosing a method needs */
    app_target target;
    mr_nsec began, shown;
    uint32_t done;
};

/* ---- the switches ---- */

static bool is_one_of(const char *text, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (mr_str_eq_nocase(text, words[i]))
            return true;
    return false;
}

/* A comma-separated list of these words only. */
static bool is_list_of(const char *text, const char *const *words, size_t count) {
    char word[16];

    for (const char *p = text;; p++) {
        size_t len = strcspn(p, ",");
        if (len == 0 || len >= sizeof word)
            return false;
        memcpy(word, p, len);
        word[len] = '\0';
        if (!is_one_of(word, words, count))
            return false;
        p += len;
        if (!*p)
            return true;
    }
}

static const char *const packages[] = {"9", "nego", "snego", "negotiate", "10", "ntlm", "14",
                                       "schannel", "16", "kerberos", "20", "kernel", "68"};
static const char *const schemes[] = {"1", "basic", "2", "ntlm", "65536", "cert"};
static const char *const levels[] = {"connect", "call", "pkt", "integrity", "privacy"};
static const char *const trackings[] = {"static", "dynamic"};
static const char *const types[] = {"anonymous", "identify", "impersonate", "delegate"};
static const char *const flags[] = {"1", "ssl", "use_ssl", "2", "first", "use_first", "3"};

static bool is_hex(const char *text) {
    uint64_t value;
    char hex[24];

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        text += 2;
    snprintf(hex, sizeof hex, "0x%.16s", text);
    return strlen(text) <= 8 && mr_slice_get_number(mr_slice_str(hex), UINT32_MAX, &value) == 0;
}

/* "USER,DOMAIN,PASSWORD"; the text itself is never shown. */
static bool is_identity(const char *text) {
    const char *comma = strchr(text, ',');

    return comma && strchr(comma + 1, ',');
}

/* Values with a grammar of their own. */
static int check_values(const app *a, const struct rpcping_options *o) {
    const struct {
        const char *name, *value;
        bool good;
        const char *wanted;
    } rows[] = {
        {"-u", o->security, o->security && is_one_of(o->security, packages, MR_COUNT(packages)),
         "negotiate, NTLM, SChannel, Kerberos or Kernel is wanted"},
        {"-a", o->level, o->level && is_one_of(o->level, levels, MR_COUNT(levels)),
         "connect, call, pkt, integrity or privacy is wanted"},
        {"-T", o->tracking, o->tracking && is_one_of(o->tracking, trackings, MR_COUNT(trackings)),
         "static or dynamic is wanted"},
        {"-M", o->impersonation,
         o->impersonation && is_one_of(o->impersonation, types, MR_COUNT(types)),
         "anonymous, identify, impersonate or delegate is wanted"},
        {"-H", o->schemes, o->schemes && is_list_of(o->schemes, schemes, MR_COUNT(schemes)),
         "Basic, NTLM, Cert or their numbers are wanted"},
        {"-U", o->http_schemes,
         o->http_schemes && is_list_of(o->http_schemes, schemes, MR_COUNT(schemes) - 2),
         "Basic, NTLM or their numbers are wanted"},
        {"-F", o->flags, o->flags && is_list_of(o->flags, flags, MR_COUNT(flags)),
         "ssl, first or their numbers are wanted"},
        {"-C", o->capabilities, o->capabilities && is_hex(o->capabilities),
         "a hexadecimal mask is wanted"},
        {"-S", o->sid, o->sid && !strncasecmp(o->sid, "S-1-", 4), "a SID is wanted, S-1-..."},
    };
    const struct {
        const char *name, *value;
    } identities[] = {{"-I", o->identity}, {"-P", o->proxy_identity}, {"-A", o->http_identity}};

    for (size_t i = 0; i < MR_COUNT(rows); i++)
        if (rows[i].value && !rows[i].good)
            return app_refuse(a, APP_USAGE, "%s %s: %s", rows[i].name, rows[i].value,
                              rows[i].wanted);
    for (size_t i = 0; i < MR_COUNT(identities); i++)
        if (identities[i].value && !is_identity(identities[i].value))
            return app_refuse(a, APP_USAGE, "%s: user,domain,password is wanted",
                              identities[i].name);
    return 0;
}

/* Switches that ask for others (the rules of the tool's own help). */
static int check_company(const app *a, const struct rpcping_options *o) {
    const struct {
        const char *name;
        bool given, has;
        const char *wants;
    } rows[] = {
        {"-u", o->security, o->level, "the authentication level (-a)"},
        {"-a", o->level != NULL, o->security, "the security package (-u)"},
        {"-N", o->spn != NULL, o->security, "-u and -a"},
        {"-I", o->identity != NULL, o->security, "-u and -a"},
        {"-C", o->capabilities != NULL, o->security, "-u and -a"},
        {"-T", o->tracking != NULL, o->security, "-u and -a"},
        {"-M", o->impersonation != NULL, o->security, "-u and -a"},
        {"-S", o->sid != NULL, o->security, "-u and -a"},
        {"-Z", o->effective != NULL, o->security, "-u and -a"},
        {"-D", o->descriptor != NULL, o->security, "-u and -a"},
        {"-P", o->proxy_identity != NULL, o->security && o->schemes, "-u, -a and -H"},
        {"-F", o->flags != NULL, o->security, "-u and -a"},
        {"-H", o->schemes != NULL, o->security, "-u and -a"},
        {"-B", o->subject != NULL, o->security, "-u and -a"},
        {"-b", o->print_subject, o->security && o->echo, "-E, -u and -a"},
        {"-R", o->http_proxy, o->echo, "-E"},
        {"-E", o->echo, o->security, "-u and -a"},
        {"-A", o->http_identity != NULL, o->security && o->http_schemes, "-U, -u and -a"},
        {"-U", o->http_schemes != NULL, o->security, "-u and -a"},
    };

    for (size_t i = 0; i < MR_COUNT(rows); i++)
        if (rows[i].given && !rows[i].has)
            return app_refuse(a, APP_USAGE, "%s goes with %s", rows[i].name, rows[i].wants);
    return 0;
}

/* NAME=VALUE, comma-separated. *@httpp: one of them is of RPC over HTTP. */
static int check_binding(const app *a, const char *text, bool *httpp) {
    static const char *const names[] = {"RpcProxy", "HttpProxy", "HttpConnectionOption"};

    for (const char *p = text; p && *p; p += strcspn(p, ","), p += *p == ',') {
        mr_slice name = mr_slice_of(p, strcspn(p, "=,"));
        size_t i = 0;
        while (i < MR_COUNT(names) && !mr_slice_eq_nocase(name, mr_slice_str(names[i])))
            i++;
        if (i == MR_COUNT(names) || p[name.len] != '=')
            return app_refuse(a, APP_USAGE, "-o %s: RpcProxy=, HttpProxy= or "
                              "HttpConnectionOption= is wanted", text);
        *httpp = true;
    }
    return 0;
}

/* The index of --auth ("ntlm|kerberos|negotiate") for a package; APP_CHOICE_NONE: not here. */
static unsigned package_of(const char *package) {
    static const char *const rows[][4] = {{"10", "ntlm"},
                                          {"16", "kerberos"},
                                          {"9", "nego", "snego", "negotiate"}};
    for (unsigned i = 0; i < MR_COUNT(rows); i++)
        for (size_t k = 0; k < MR_COUNT(rows[0]) && rows[i][k]; k++)
            if (mr_str_eq_nocase(package, rows[i][k]))
                return i;
    return APP_CHOICE_NONE;
}

/* The words as the identity switches of the other commands would say it; an -I that is not told is
 * the user of this session: his Kerberos ticket. */
static int read_account(struct rpcping *p, app *a) {
    const struct rpcping_options *o = a->own;
    struct app_settings *set = &a->set;

    if (!o->security)
        return app_accounts_read(a, &p->target, 1);
    set->auth = package_of(o->security);
    for (unsigned i = 0; i < MR_COUNT(levels); i++)
        if (mr_str_eq_nocase(o->level, levels[i]))
            set->auth_level = i + 1;
    if (o->identity) {
        char *user = (char *)(uintptr_t)o->identity, *domain = strchr(user, ',');
        char *password = strchr(domain + 1, ',');
        *domain++ = *password++ = '\0';
        set->user = user;
        set->domain = *domain ? domain : NULL;
        set->password = strcmp(password, "*") ? password : "-";
    } else {
        set->kerberos = true;
    }
    int code = app_accounts_read(a, &p->target, 1);
    if (!code && o->spn)
        p->target.account->spn = o->spn;
    if (!code && o->impersonation && mr_str_eq_nocase(o->impersonation, "delegate"))
        p->target.account->id.delegate = true;
    return code;
}

/* What is understood but not in this version: nothing is sent. */
static int refuse_later(const app *a, const struct rpcping_options *o, bool http) {
    enum mr_protseq protseq = MR_PROTSEQ_NCACN_IP_TCP;

    if (o->protseq)
        protseq = mr_protseq_find(mr_slice_str(o->protseq));
    if (protseq == MR_PROTSEQ_UNKNOWN)
        return app_refuse(a, APP_USAGE, "-t %s: ncacn_ip_tcp, ncacn_np or ncacn_http is wanted",
                          o->protseq);
    http |= protseq == MR_PROTSEQ_NCACN_HTTP || o->proxy_identity || o->flags || o->schemes ||
            o->subject || o->echo || o->http_identity || o->http_schemes;
    if (http)
        return app_refuse(a, APP_MISSING, "RPC over HTTP is not in this version; nothing was sent");
    if (protseq != MR_PROTSEQ_NCACN_IP_TCP)
        return app_refuse(a, APP_MISSING, "-t %s is not in this version, only ncacn_ip_tcp; "
                          "nothing was sent", o->protseq);
    if (o->security && package_of(o->security) == APP_CHOICE_NONE)
        return app_refuse(a, APP_MISSING, "-u %s: this version knows NTLM, Kerberos and negotiate; "
                          "nothing was sent", o->security);
    if (o->sid || o->descriptor)
        return app_refuse(a, APP_MISSING, "%s: whose SID a server has is not checked in this "
                          "version; nothing was sent", o->sid ? "-S" : "-D");
    if (o->smart_card || o->prompt)
        return app_refuse(a, APP_MISSING, "%s: this version takes accounts from -I; nothing was "
                          "sent", o->smart_card ? "-c" : "-p");
    if (o->security && package_of(o->security) == 0 && !o->identity)
        return app_refuse(a, APP_MISSING, "-u %s: NTLM wants an account, -I user,domain,password "
                          "(* asks); nothing was sent", o->security);
    if (o->window)
        return app_refuse(a, APP_MISSING, "-d: the diagnosis of Windows is not here: msrpc "
                          "diagnose %s", o->server ? o->server : "localhost");
    return 0;
}

static int read_interface(const app *a, const char *text, mr_syntax *syntaxp) {
    const char *comma = strchr(text, ',');
    mr_slice uuid = mr_slice_of(text, comma ? (size_t)(comma - text) : strlen(text));
    const char *dot = comma ? strchr(comma, '.') : NULL;
    uint64_t major = 1, minor = 0;
    mr_syntax syntax = {0};

    bool good = mr_uuid_decode(uuid, &syntax.uuid) == 0;
    if (good && comma) {
        size_t len = dot ? (size_t)(dot - comma - 1) : strlen(comma + 1);
        good = mr_slice_get_number(mr_slice_of(comma + 1, len), UINT16_MAX, &major) == 0 &&
               (!dot || mr_slice_get_number(mr_slice_str(dot + 1), UINT16_MAX, &minor) == 0);
    }
    if (!good)
        return app_refuse(a, APP_USAGE, "-f %s: UUID[,MAJOR[.MINOR]] is wanted", text);
    syntax.major = (uint16_t)major;
    syntax.minor = (uint16_t)minor;
    *syntaxp = syntax;
    return 0;
}

static int read_options(struct rpcping *p, app *a) {
    const struct rpcping_options *o = a->own;
    uint64_t port = MR_MAPPER_PORT;
    bool http = false;
    mr_uuid *object = MR_ARENA_NEW(&a->arena, mr_uuid);

    p->o = o;
    p->ping.interface = o->endpoint ? mr_mgmt_iface.syntax : mr_epmapper_iface.syntax;
    int code = check_values(a, o);
    if (!code)
        code = check_company(a, o);
    if (!code)
        code = check_binding(a, o->binding, &http);
    if (!code && o->endpoint && o->interface)
        code = app_refuse(a, APP_USAGE, "-e and -f exclude each other");
    if (!code)
        code = refuse_later(a, o, http);
    if (!code && o->endpoint &&
        (mr_slice_get_number(mr_slice_str(o->endpoint), UINT16_MAX, &port) != 0 || port == 0))
        code = app_refuse(a, APP_USAGE, "-e %s: a port is wanted, 1 to 65535", o->endpoint);
    if (!code && o->interface)
        code = read_interface(a, o->interface, &p->ping.interface);
    if (!code && o->object && (!object || mr_uuid_decode(mr_slice_str(o->object), object) != 0))
        code = app_refuse(a, APP_USAGE, "-O %s: a UUID is wanted", o->object);
    p->ping.object = o->object ? object : NULL;
    p->target = (app_target){.host = o->server ? o->server : "localhost",
                             .port = o->interface ? 0 : (uint32_t)port};
    while (!code && (*p->target.host == '\\' || *p->target.host == '/'))
        p->target.host++;
    if (!code && app_may_hold_secret(p->target.host)) {
        app_wipe_text(p->target.host);
        code = app_refuse(a, APP_USAGE, "-s: a name or an address is wanted, without an account");
    }
    if (!code && (!*p->target.host || strpbrk(p->target.host, "[]@, ")))
        code = app_refuse(a, APP_USAGE, "-s %s: a name or an address is wanted", o->server);
    p->target.input = p->target.host;
    if (!code)
        code = read_account(p, a);
    return code ? code : app_account_check(a, &p->target);
}

/* ---- what it prints ---- */

/* "Completed 3 calls in 12 ms" and the two rates. */
static void show_figures(struct rpcping *p) {
    uint64_t ms = (mr_clock_now() - p->began + MR_MSEC - 1) / MR_MSEC; /* whole, at least one */

    p->shown = mr_clock_now();
    fprintf(p->s.a->out, "Completed %u calls in %llu ms\n%llu T/S or %7.3f ms/T\n", p->done,
            (unsigned long long)ms, (unsigned long long)(p->done * (uint64_t)1000 / ms),
            (double)ms / p->done);
    fflush(p->s.a->out);
}

/* The number Windows would raise for an error of ours. */
static uint32_t exception_of(const mr_error *err, bool bound) {
    uint32_t win32 = 0;

    switch (err->peer_kind) {
    case MR_PEER_FAULT: win32 = mr_code_win32(MR_SPACE_NCA, err->peer); break;
    case MR_PEER_BIND_NAK: win32 = mr_code_win32(MR_SPACE_BIND_NAK, err->peer); break;
    case MR_PEER_CONTEXT: win32 = mr_code_win32(MR_SPACE_CONTEXT_REASON, err->peer & 0xffff); break;
    case MR_PEER_WIN32: win32 = err->peer; break;
    case MR_PEER_NTSTATUS: win32 = mr_code_win32(MR_SPACE_NTSTATUS, err->peer); break;
    case MR_PEER_NONE:
    case MR_PEER_ERRNO:
    case MR_PEER_DNS_RCODE: break;
    }
    if (win32)
        return win32;
    if (err->code == MR_ERR_AUTH)
        return RPC_S_SEC_PKG_ERROR;
    if (err->code == MR_ERR_NOT_REGISTERED)
        return 1753; /* EPT_S_NOT_REGISTERED */
    if (err->code == MR_ERR_CONTEXT_REJECTED)
        return 1717; /* RPC_S_UNKNOWN_IF */
    if (err->code == MR_ERR_PROTOCOL)
        return 1728; /* RPC_S_PROTOCOL_ERROR */
    if (bound || err->code == MR_ERR_FAULT || err->code == MR_ERR_RESET ||
        err->code == MR_ERR_CLOSED || err->code == MR_ERR_BIND_REJECTED)
        return 1726; /* RPC_S_CALL_FAILED */
    return 1722;     /* RPC_S_SERVER_UNAVAILABLE */
}

/* The exception as Windows words it; with more verbosity what it means. 1. */
static int show_exception(struct rpcping *p, uint32_t number, mr_slice eerr) {
    app *a = p->s.a;
    const mr_code_info *code = mr_code_find(MR_SPACE_WIN32, number);

    fprintf(a->out, "Exception %u (0x%08X)\n", number, number);
    app_eerr_show_rpcping(a, eerr, a->out);
    if (p->s.error.text[0])
        fprintf(a->out, "%s\n", app_safe(a, mr_slice_str(app_error(a, &p->s.error))));
    if (p->o->verbose > 1 && code)
        fprintf(a->out, "%s: %s\n", mr_code_symbol(code), mr_code_text(code));
    return APP_WARNINGS;
}

static void show_head(struct rpcping *p) {
    struct utsname os;
    FILE *out = p->s.a->out;

    if (p->o->verbose < 2)
        return;
    fprintf(out, "RPCPing (msrpc " MSRPC_VERSION ")\n");
    if (p->o->verbose > 2 && uname(&os) == 0)
        fprintf(out, "OS Version is: %s %s\n", os.sysname, os.release);
}

/* ---- pinging ---- */

/* Makes one call. 0, 1 with the exception shown, or an exit code that ends the run. */
static int call_once(struct rpcping *p, mr_client *client, struct ping_method *m) {
    mr_call call = {0};
    uint32_t number = 0;
    int cut = 0;

    p->s.error = MR_ERROR_INIT;
    int r = mr_call_init(&call, m->iface, m->opnum, &m->args, &p->s.error);
    call.object = p->ping.object;
    if (!r)
        r = mr_call_run(&call, client, &p->s.error);
    /* the number that no interface has is answered by a fault, which is what was wanted */
    bool answered = !r || (m->iface == &m->nothing && call.answered);
    if (answered) {
        p->done++;
        if (p->o->verbose > 2)
            fprintf(p->s.a->out, "Response from server received in %.3f ms\n",
                    (double)(call.answered - call.sent) / (double)MR_MSEC);
    } else if (r != MR_ERR_CANCELLED) {
        cut = app_session_after(&p->s, client, &m->iface->syntax, r, 0);
        number = exception_of(&p->s.error, true);
        show_exception(p, number, call.eerr);
    }
    mr_call_deinit(&call);
    if (r == MR_ERR_CANCELLED)
        return app_session_cancelled(&p->s);
    return cut >= APP_USAGE ? cut : number ? APP_WARNINGS : 0;
}

static int ping(struct rpcping *p, mr_client *client) {
    struct ping_method method;
    mr_nsec every = (p->o->report ? p->o->report : 15) * MR_SEC;
    char where[MR_ADDR_TEXT];

    p->ping.remote = mr_client_get_report(client)->attempt.remote;
    if (p->o->verbose > 1)
        fprintf(p->s.a->out, "Connected to %s\n", mr_addr_port_text(&p->ping.remote, where));
    int code = ping_choose_method(&p->ping, client, &method);
    if (code)
        return code >= APP_USAGE ? code : APP_WARNINGS;
    if (p->o->verbose > 1)
        fprintf(p->s.a->out, "Sending ping to server: %s\n", p->ping.method);
    for (uint32_t i = 0; !code && i < (p->o->iterations ? p->o->iterations : 1); i++) {
        code = call_once(p, client, &method);
        if (p->done && mr_clock_now() - p->shown >= every)
            show_figures(p);
    }
    if (p->done)
        show_figures(p);
    return code;
}

/* Connects as a stranger where the interface listens. 0, 1 with the exception shown, or an exit
 * code. */
static int open_client(struct rpcping *p, mr_client **clientp) {
    const mr_iface iface = {.format = MR_NDR_FORMAT, .name = "interface",
                            .syntax = p->ping.interface};
    const mr_client_options own = app_client_options(&p->s, MR_AUTH_LEVEL_NONE);
    const char *host = p->target.host;
    bool colon = strchr(host, ':') != NULL;
    char port[16] = "";

    if (p->target.port)
        snprintf(port, sizeof port, "[%u]", p->target.port);
    const char *binding = mr_arena_add_fmt(&p->s.a->arena, "ncacn_ip_tcp:%s%s%s%s",
                                           colon ? "[" : "", host, colon ? "]" : "", port);
    if (!binding)
        return app_refuse(p->s.a, APP_BUG, "out of memory");
    int r = mr_client_open_binding(&p->s.loop, binding, &iface, &own, clientp, &p->s.error);
    if (r == MR_ERR_CANCELLED)
        return app_session_cancelled(&p->s);
    if (r)
        return show_exception(p, exception_of(&p->s.error, false), MR_SLICE_NULL);
    return 0;
}

/* The same as somebody, who is tried once. */
static int open_as(struct rpcping *p, mr_client **clientp) {
    app_session *s = &p->s;
    uint16_t port;

    s->quiet = true; /* the exception tells */
    int code = app_session_logon(s);
    if (code) {
        s->error = MR_ERROR_INIT; /* told */
        return code != APP_COMMUNICATION
                   ? code : show_exception(p, RPC_S_SEC_PKG_ERROR, MR_SLICE_NULL);
    }
    code = app_session_resolve(s, &p->target);
    if (!code)
        code = app_session_port(s, &p->target, 0, &p->ping.interface, &port);
    if (!code)
        code = app_session_connect(s, &p->target, port, &p->ping.interface, APP_COMMUNICATION,
                                   clientp);
    return code && code < APP_USAGE
               ? show_exception(p, exception_of(&s->error, false), MR_SLICE_NULL) : code;
}

static int run(app *a) {
    struct rpcping p = {0};
    mr_client *client = NULL;

    int code = read_options(&p, a);
    if (!code)
        code = app_session_open(a, &p.s);
    if (code)
        return code;
    p.ping.s = &p.s;
    p.ping.target = &p.target;
    p.ping.options = &(struct ping_options){0};
    p.s.target = &p.target;
    show_head(&p);
    p.began = p.shown = mr_clock_now();
    bool stranger = !app_account_logs_on(p.target.account);
    code = stranger ? open_client(&p, &client) : open_as(&p, &client);
    if (!code)
        code = ping(&p, client);
    app_session_tell_findings(&p.s);
    mr_client_free(client);
    app_session_close(&p.s);
    return code;
}

const app_command app_rpcping = {
    .name = "rpcping",
    .line = "rpcping's own switches, words and layout (drop-in)",
    .synopsis = "",
    .about =
        "Stands in for rpcping of Windows where scripts call it: -x and /x are the same, and -i is "
        "not -I. Over ncacn_ip_tcp it pings the endpoint mapper, a port (-e) or an interface (-f), "
        "anonymously or with an account (-u, -a, -I). What asks for RPC over HTTP is understood "
        "and refused. msrpc ping says more.",
    .examples = {"msrpc rpcping -s dc01",
                 "ping the endpoint mapper",
                 "msrpc rpcping /s dc01 /f e3514235-4b06-11d1-ab04-00c04fc2dcd2,4 /i 100",
                 "a hundred calls of the directory's replication interface"},
    .exits = {"0", "every call was answered",
              "1", "an exception, whose number is printed",
              "69", "RPC over HTTP, another protocol or package is asked for; nothing was sent",
              "130", "interrupted"},
    .options = options,
    .own_size = sizeof(struct rpcping_options),
    .run = run,
    .grammar = APP_GRAMMAR_CASE,
};
