/* What a domain controller says to strangers: Kerberos and its password service, the rootDSE, the
 * locator's ping. */
#include "port_private.h"

#include <ctype.h>
#include <stdio.h>

#include <msrpc/wire/krb.h>
#include <msrpc/wire/ldap.h>

#define REALM_TEXT 256

/* ---- Kerberos ---- */

/* The realm the host's name suggests; a KDC of another realm says so and gives its own. */
static const char *guess_realm(const mr_port_probe *p, char out[REALM_TEXT]) {
    const char *domain = port_domain(p);
    size_t n = 0;

    if (!domain)
        return "REALM.INVALID";
    for (; domain[n] && n + 1 < REALM_TEXT; n++)
        out[n] = (char)toupper((unsigned char)domain[n]);
    if (n && out[n - 1] == '.')
        n--;
    out[n] = '\0';
    return out;
}

int port_ask_krb_udp(mr_port_probe *p, mr_buf *out) {
    char realm[REALM_TEXT];

    return mr_krb_encode_as_req("msrpc-port-probe", guess_realm(p, realm), port_random(p, 0), out);
}

/* Over TCP a length of four octets stands before the message (RFC 4120 7.2.2). */
int port_ask_krb_tcp(mr_port_probe *p, mr_buf *out) {
    mr_buf_write_zero(out, 4);
    int r = port_ask_krb_udp(p, out);

    out->big = true;
    mr_buf_set_u32(out, 0, (uint32_t)(out->len - 4));
    return r ? r : mr_buf_error(out);
}

static void say_krb_code(mr_port_probe *p, uint32_t number) {
    const mr_code_info *code = mr_code_find(MR_SPACE_KRB, number);

    port_add_int(p, "code", number);
    if (code) {
        port_add_str(p, "error", mr_slice_str(mr_code_symbol(code)));
        port_say(p, "%s", mr_code_symbol(code));
    } else {
        port_say(p, "Kerberos error %u", number);
    }
}

/* Whose words they are, and what time it is there. */
static void say_krb_rest(mr_port_probe *p, const mr_krb_error *e) {
    if (e->realm.len) {
        port_say_slice(p, "realm ", e->realm);
        port_add_str(p, "realm", e->realm);
    }
    if (e->server_time)
        port_say_clock(p, e->server_time, e->server_usec * 1000);
}

enum port_reading port_answer_krb_udp(mr_port_probe *p, mr_slice bytes, bool ended) {
    mr_krb_error e;
    mr_krb_rep rep;

    (void)ended;
    if (mr_krb_get_type(bytes) == MR_KRB_AS_REP && mr_krb_rep_decode(bytes, &rep, NULL) == 0) {
        port_say_slice(p, "gives a ticket to a name nobody has, realm ", rep.realm);
        port_add_str(p, "realm", rep.realm);
        return PORT_DONE;
    }
    if (mr_krb_error_decode(bytes, &e, NULL) != 0)
        return PORT_FOREIGN;
    say_krb_code(p, e.code);
    say_krb_rest(p, &e);
    return PORT_DONE;
}

/* The message after its length once it is whole: 0; else PORT_MORE, or PORT_FOREIGN when the
 * length cannot be one. */
static enum port_reading unframe(mr_slice bytes, mr_slice *messagep) {
    if (bytes.len < 4)
        return PORT_MORE;
    size_t len = (size_t)bytes.data[0] << 24 | (size_t)bytes.data[1] << 16 |
                 (size_t)bytes.data[2] << 8 | bytes.data[3];
    if (len > 1 << 20)
        return PORT_FOREIGN;
    if (bytes.len - 4 < len)
        return PORT_MORE;
    *messagep = mr_slice_sub(bytes, 4, len);
    return PORT_DONE;
}

enum port_reading port_answer_krb_tcp(mr_port_probe *p, mr_slice bytes, bool ended) {
    mr_slice message;
    enum port_reading r = unframe(bytes, &message);

    return r == PORT_DONE ? port_answer_krb_udp(p, message, ended) : r;
}

/* ---- the password service ---- */

int port_ask_kpasswd_udp(mr_port_probe *p, mr_buf *out) {
    char realm[REALM_TEXT];

    return mr_krb_encode_kpasswd_probe(guess_realm(p, realm), out);
}

int port_ask_kpasswd_tcp(mr_port_probe *p, mr_buf *out) {
    uint8_t room[1024];
    mr_buf message;

    mr_buf_init(&message, room, sizeof room, sizeof room);
    int r = port_ask_kpasswd_udp(p, &message);
    out->big = true;
    mr_buf_write_u32(out, (uint32_t)message.len);
    mr_buf_write(out, mr_buf_slice(&message));
    mr_buf_deinit(&message);
    return r ? r : mr_buf_error(out);
}

/* The result code and the words in a password reply's e-data (RFC 3244 2). */
static void say_kpasswd_result(mr_port_probe *p, mr_slice data) {
    static const char *const names[] = {"success", "malformed", "hard error", "not authenticated",
                                        "soft error", "access denied", "bad version",
                                        "initial ticket needed"};

    unsigned code = (unsigned)data.data[0] << 8 | data.data[1];
    port_add_int(p, "result", code);
    if (code < MR_COUNT(names))
        port_say(p, "rejects a change without a ticket: %s", names[code]);
    else
        port_say(p, "rejects a change without a ticket: result %u", code);
}

enum port_reading port_answer_kpasswd_udp(mr_port_probe *p, mr_slice bytes, bool ended) {
    mr_kpasswd_reply reply;
    mr_krb_error e;

    (void)ended;
    /* some servers answer a request they do not accept with a bare KRB-ERROR */
    mr_slice body = bytes;
    if (mr_krb_get_type(bytes) != MR_KRB_ERROR) {
        if (mr_kpasswd_decode(bytes, &reply, NULL) != 0)
            return PORT_FOREIGN;
        port_add_int(p, "version", reply.version);
        body = reply.body;
    }
    if (mr_krb_error_decode(body, &e, NULL) != 0)
        return PORT_FOREIGN;
    if (e.data.len >= 2)
        say_kpasswd_result(p, e.data);
    else
        say_krb_code(p, e.code);
    say_krb_rest(p, &e);
    return PORT_DONE;
}

enum port_reading port_answer_kpasswd_tcp(mr_port_probe *p, mr_slice bytes, bool ended) {
    mr_slice message;
    enum port_reading r = unframe(bytes, &message);

    return r == PORT_DONE ? port_answer_kpasswd_udp(p, message, ended) : r;
}

/* ---- rootDSE ---- */

/* In the order in which a controller of Windows lists them. */
static const char *const root_dse[] = {
    "currentTime", "subschemaSubentry", "dsServiceName", "namingContexts", "defaultNamingContext",
    "schemaNamingContext", "configurationNamingContext", "rootDomainNamingContext",
    "supportedControl", "supportedLDAPVersion", "supportedLDAPPolicies", "highestCommittedUSN",
    "supportedSASLMechanisms", "dnsHostName", "ldapServiceName", "serverName",
    "supportedCapabilities", "isSynchronized", "isGlobalCatalogReady", "domainFunctionality",
    "forestFunctionality", "domainControllerFunctionality", "vendorName",
};

/* Those of them that may have several values. */
static bool has_list(const char *name) {
    return !strcmp(name, "namingContexts") || !strncmp(name, "supported", 9);
}

int port_ask_ldap(mr_port_probe *p, mr_buf *out) {
    (void)p;
    return mr_ldap_encode_root_dse(1, root_dse, MR_COUNT(root_dse), out);
}

/* MS-ADTS 6.1.4.2 to 6.1.4.4: msDS-Behavior-Version. */
static const char *level_name(mr_slice value) {
    static const char *const names[] = {"2000", "2003 interim", "2003", "2008", "2008 R2", "2012",
                                        "2012 R2", "2016"};
    uint64_t v;

    if (mr_slice_get_number(value, 100, &v) != 0)
        return NULL;
    return v < MR_COUNT(names) ? names[v] : v == 10 ? "2025" : NULL;
}

static mr_slice first_value(const mr_ldap_message *m, const char *name) {
    const mr_ldap_attribute *a = mr_ldap_find(m, name);

    return a && a->count ? a->values[0] : MR_SLICE_NULL;
}

static void say_root_dse(mr_port_probe *p, const mr_ldap_message *m) {
    mr_slice host = first_value(m, "dnsHostName");
    mr_slice context = first_value(m, "defaultNamingContext");
    mr_slice level = first_value(m, "domainFunctionality");
    mr_slice vendor = first_value(m, "vendorName");

    if (host.len)
        port_say_slice(p, "", host);
    if (context.len)
        port_say_slice(p, "", context);
    if (level_name(level))
        port_say(p, "domain level %s", level_name(level));
    if (mr_slice_eq_nocase(first_value(m, "isGlobalCatalogReady"), MR_SLICE_LIT("TRUE")))
        port_say(p, "global catalogue");
    if (vendor.len)
        port_say_slice(p, "", vendor);
    for (size_t i = 0; i < MR_COUNT(root_dse); i++) {
        const mr_ldap_attribute *a = mr_ldap_find(m, root_dse[i]);
        for (size_t k = 0; a && k < a->count; k++) {
            if (has_list(root_dse[i]))
                port_add_item(p, root_dse[i], a->values[k]);
            else if (k == 0)
                port_add_str(p, root_dse[i], a->values[k]);
        }
    }
}

static enum port_reading say_ldap_result(mr_port_probe *p, const mr_ldap_message *m) {
    const mr_code_info *code = mr_code_find(MR_SPACE_LDAP, (uint32_t)m->result);

    port_add_int(p, "result", m->result);
    if (code)
        port_say(p, "answers %s", mr_code_symbol(code));
    else
        port_say(p, "answers result %lld", (long long)m->result);
    return PORT_DONE;
}

enum port_reading port_answer_ldap(mr_port_probe *p, mr_slice bytes, bool ended) {
    mr_ldap_message m;
    size_t used;

    (void)ended;
    int r = mr_ldap_decode(bytes, &p->arena, &m, &used, NULL);
    if (r == 1)
        return PORT_MORE;
    if (r != 0)
        return PORT_FOREIGN;
    if (m.op == MR_LDAP_SEARCH_ENTRY) {
        say_root_dse(p, &m);
        if (!p->text.len)
            port_say(p, "answers with an empty rootDSE");
        return PORT_DONE;
    }
    if (m.op == MR_LDAP_SEARCH_DONE || m.op == MR_LDAP_EXTENDED_RESPONSE)
        return say_ldap_result(p, &m);
    return PORT_FOREIGN;
}

/* ---- the locator's ping ---- */

int port_ask_cldap(mr_port_probe *p, mr_buf *out) {
    (void)p;
    return mr_ldap_encode_ping(1, &(mr_ldap_ping){.nt_version = MR_NETLOGON_NT_VERSION}, out);
}

static void say_flags(mr_port_probe *p, uint32_t flags) {
    static const struct {
        uint32_t flag;
        const char *name;
    } names[] = {
        {MR_DS_PDC, "PDC"}, {MR_DS_GC, "GC"}, {MR_DS_LDAP, "LDAP"}, {MR_DS_KDC, "KDC"},
        {MR_DS_TIMESERV, "time"}, {MR_DS_CLOSEST, "closest"}, {MR_DS_WRITABLE, "writable"},
        {MR_DS_GOOD_TIMESERV, "good time"}, {MR_DS_RODC, "read-only"}, {MR_DS_WS, "web services"},
    };
    char text[128];
    size_t n = 0;

    for (size_t i = 0; i < MR_COUNT(names); i++) {
        if (!(flags & names[i].flag))
            continue;
        port_add_item(p, "flags", mr_slice_str(names[i].name));
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? " " : "", names[i].name);
    }
    if (n)
        port_say(p, "%s", text);
}

static void say_ping(mr_port_probe *p, const mr_netlogon_answer *a) {
    const struct {
        const char *key, *value;
    } fields[] = {
        {"dnsHostName", a->host}, {"domain", a->domain}, {"forest", a->forest},
        {"netbios_host", a->netbios_host}, {"netbios_domain", a->netbios_domain},
        {"site", a->dc_site}, {"client_site", a->client_site},
    };

    port_say_slice(p, "", mr_slice_str(a->host));
    port_say_slice(p, "domain ", mr_slice_str(a->domain));
    port_say_slice(p, "site ", mr_slice_str(a->dc_site));
    for (size_t i = 0; i < MR_COUNT(fields); i++)
        port_add_str(p, fields[i].key, mr_slice_str(fields[i].value));
    port_add_uuid(p, "domain_guid", &a->domain_guid);
    say_flags(p, a->flags);
    if (a->opcode == MR_NETLOGON_SAM_PAUSE_RESPONSE_EX)
        port_say(p, "Netlogon is paused");
    port_add_bool(p, "paused", a->opcode == MR_NETLOGON_SAM_PAUSE_RESPONSE_EX);
}

enum port_reading port_answer_cldap(mr_port_probe *p, mr_slice bytes, bool ended) {
    mr_ldap_message m;
    mr_netlogon_answer answer;
    size_t used;

    (void)ended;
    if (mr_ldap_decode(bytes, &p->arena, &m, &used, NULL) != 0)
        return PORT_FOREIGN;
    if (m.op == MR_LDAP_SEARCH_DONE)
        return say_ldap_result(p, &m);
    mr_slice value = first_value(&m, "Netlogon");
    if (m.op != MR_LDAP_SEARCH_ENTRY || !value.len)
        return PORT_FOREIGN;
    if (mr_netlogon_answer_decode(value, &p->arena, &answer, NULL) == 0)
        say_ping(p, &answer);
    else
        port_say(p, "answers the locator's ping in a form without DNS names");
    return PORT_DONE;
}
