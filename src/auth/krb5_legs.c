/*
 * The AP exchange in DCE style through MIT GSSAPI (RFC 4121, MS-KILE 3.4.5.1): AP-REQ in the bind,
 * AP-REP in the bind_ack, another AP-REP in auth3 or alter_context. Once complete, the keys and
 * numbers leave GSSAPI as its "lucid" context and it is not asked again.
 *
 * - An initiator's ticket must be in its cache when it begins, so that the library has no reason to
 *   look for a KDC. The one exception is a delegated ticket, which it fetches by itself.
 * - MIT asks for confidentiality unless GSS_KRB5_CRED_NO_CI_FLAGS_X says not to, and servers then
 *   refuse packet integrity.
 * - A server that cannot take the AP-REQ may answer with a KRB-ERROR in place of the AP-REP, of
 *   which GSSAPI only says that it is no AP-REP: it is read here.
 * - impacket frames the AP-REQ (RFC 4121 4.1) in DCE style, too. Windows and Samba take it, MIT
 *   does not: it gets what is inside.
 * - An acceptor keeps no replay cache: the third leg proves that the client has the session key,
 *   so an AP-REQ that is sent again leads nowhere.
 */
#include <stdlib.h>

#include "krb5_private.h"

struct mr_krb5_legs {
    gss_cred_id_t cred;
    gss_name_t target;
    gss_ctx_id_t context;
    struct gss_channel_bindings_struct bindings; /* its application data is owned; none: NULL */
    bool require_bindings;
    bool trusted; /* the service, with tickets to act for its clients (OK-AS-DELEGATE) */
};

/* The client's bindings are there and ours; told when the context is complete (MIT 1.19). */
#define CHANNEL_BOUND 0x800

/* 1.2.840.113554.1.2.2 (RFC 4121 1) */
static gss_OID_desc krb5_mech = {9, (void *)(uintptr_t)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"};
static gss_OID_set_desc krb5_mechs = {1, &krb5_mech};
/* 1.2.840.113554.1.2.2.1: a principal's name as text (RFC 1964 2.1.1) */
static gss_OID_desc principal_name = {
    10, (void *)(uintptr_t)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01"
};
/* 1.2.752.43.13.29: Heimdal's and MIT's GSS_KRB5_CRED_NO_CI_FLAGS_X */
static gss_OID_desc no_ci_flags = {6, (void *)(uintptr_t)"\x2a\x85\x70\x2b\x0d\x1d"};

static int gss_fail(mr_krb5 *k, OM_uint32 major, OM_uint32 minor, const char *what,
                    mr_error *err) {
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 more = 0, ignored;
    bool mech = minor != 0 && GSS_ROUTINE_ERROR(major) != GSS_S_BAD_MECH;
    char shown[160] = "";

    if (gss->display_status(&ignored, mech ? minor : major, mech ? GSS_C_MECH_CODE : GSS_C_GSS_CODE,
                           &krb5_mech, &more, &text) == GSS_S_COMPLETE)
        mr_krb5_copy_text(shown, sizeof shown, text.value, text.length);
    gss->release_buffer(&ignored, &text);
    if (!k->reason.is.from_peer) {
        mr_krb5_reason_reset(&k->reason);
        k->reason.is.code = mr_krb5_code_of((krb5_error_code)minor);
        memcpy(k->reason.text, shown, sizeof shown);
    }
    return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "%s: %s", what, shown);
}

/* ---- what a side needs before it begins ---- */

/* Whether the cache has the ticket; only its name leaves GSSAPI's sight, so the library is asked
 * itself. */
static int find_ticket(mr_krb5 *k, const mr_krb5_options *options, mr_error *err) {
    krb5_creds want = {0}, found = {0};
    krb5_context context = NULL;
    krb5_ccache cache = NULL;
    int rc = mr_krb5_library_init(&context, true, err);

    if (rc < 0)
        return rc;
    krb5_error_code code = krb5->cc_resolve(context, options->ccache, &cache);
    if (code == 0)
        code = krb5->cc_get_principal(context, cache, &want.client);
    if (code == 0)
        code = krb5->parse_name_flags(context, options->service, KRB5_PRINCIPAL_PARSE_REQUIRE_REALM,
                                     &want.server);
    if (code == 0)
        code = krb5->cc_retrieve_cred(context, cache, 0, &want, &found);
    if (code == 0) {
        mr_krb5_print_name(context, found.client, k->client, sizeof k->client);
        k->legs->trusted = found.ticket_flags & TKT_FLG_OK_AS_DELEGATE;
        krb5->free_cred_contents(context, &found);
    } else {
        rc = mr_krb5_fail(err, context, code, &k->reason, "Kerberos: no ticket in the cache");
    }
    krb5->free_cred_contents(context, &want);
    if (cache)
        krb5->cc_close(context, cache);
    krb5->free_context(context);
    return rc;
}

/* Whether there is a key at all; krb5_kt_have_content would not say what is wrong. */
static krb5_error_code find_any_key(krb5_context context, krb5_keytab table) {
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    krb5_error_code code = krb5->kt_start_seq_get(context, table, &cursor);

    if (code)
        return code;
    code = krb5->kt_next_entry(context, table, &entry, &cursor);
    if (code == 0)
        krb5->free_keytab_entry_contents(context, &entry);
    (void)krb5->kt_end_seq_get(context, table, &cursor);
    return code == KRB5_KT_END ? KRB5_KT_NOTFOUND : code;
}

/* Whether the table has a key, of the service when that is named; GSSAPI would not say which is
 * missing. */
static int find_key(mr_krb5 *k, const mr_krb5_options *options, mr_error *err) {
    krb5_principal service = NULL;
    krb5_context context = NULL;
    krb5_keytab table = NULL;
    krb5_keytab_entry entry;
    int rc = mr_krb5_library_init(&context, true, err);

    if (rc < 0)
        return rc;
    krb5_error_code code = krb5->kt_resolve(context, options->keytab, &table);
    if (code == 0)
        code = find_any_key(context, table);
    if (code == 0 && options->service)
        code = krb5->parse_name_flags(context, options->service, KRB5_PRINCIPAL_PARSE_REQUIRE_REALM,
                                     &service);
    if (code == 0 && service && (code = krb5->kt_get_entry(context, table, service, 0, 0,
                                                          &entry)) == 0)
        krb5->free_keytab_entry_contents(context, &entry);
    if (code)
        rc = mr_krb5_fail(err, context, code, &k->reason, "Kerberos: the key table");
    krb5->free_principal(context, service);
    if (table)
        krb5->kt_close(context, table);
    krb5->free_context(context);
    return rc;
}

static int import_name(mr_krb5 *k, const char *service, mr_error *err) {
    gss_buffer_desc text = {strlen(service), (void *)(uintptr_t)service};
    OM_uint32 minor, major = gss->import_name(&minor, &text, &principal_name,
                                              &k->legs->target);

    return GSS_ERROR(major) ? gss_fail(k, major, minor, "Kerberos: the service's name", err) : 0;
}

static int acquire_initiator(mr_krb5 *k, const mr_krb5_options *options, mr_error *err) {
    gss_key_value_element_desc place = {"ccache", options->ccache};
    gss_key_value_set_desc store = {1, &place};
    gss_buffer_desc none = GSS_C_EMPTY_BUFFER;
    /* as the KDC was told (krb5_library.c), whatever krb5.conf permits */
    krb5_enctype allowed[] = {MR_KRB5_AES256_SHA1, MR_KRB5_AES128_SHA1, MR_KRB5_AES256_SHA2,
                              MR_KRB5_AES128_SHA2, MR_KRB5_RC4}, rc4 = MR_KRB5_RC4;
    OM_uint32 minor, major;
    int rc;

    if (!options->service || !options->ccache)
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Kerberos: a service and a ticket cache are needed");
    rc = find_ticket(k, options, err);
    if (rc == 0)
        rc = import_name(k, options->service, err);
    if (rc < 0)
        return rc;
    major = gss->acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &krb5_mechs,
                                  GSS_C_INITIATE, &store, &k->legs->cred, NULL, NULL);
    if (GSS_ERROR(major))
        return gss_fail(k, major, minor, "Kerberos: the ticket cache", err);
    major = gss->krb5_set_allowable_enctypes(&minor, k->legs->cred,
                                             options->rc4_only ? 1 : MR_COUNT(allowed),
                                             options->rc4_only ? &rc4 : allowed);
    if (GSS_ERROR(major))
        return gss_fail(k, major, minor, "Kerberos: the encryption types", err);
    major = gss->set_cred_option(&minor, &k->legs->cred, &no_ci_flags, &none);
    return GSS_ERROR(major) ? gss_fail(k, major, minor, "Kerberos: the credential", err) : 0;
}

static int acquire_acceptor(mr_krb5 *k, const mr_krb5_options *options, mr_error *err) {
    gss_key_value_element_desc places[] = {{"keytab", options->keytab}, {"rcache", "none:"}};
    gss_key_value_set_desc store = {2, places};
    OM_uint32 minor, major;
    int rc;

    if (!options->keytab)
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Kerberos: a key table is needed");
    rc = find_key(k, options, err);
    if (rc == 0 && options->service)
        rc = import_name(k, options->service, err);
    if (rc < 0)
        return rc;
    major = gss->acquire_cred_from(&minor, k->legs->target, GSS_C_INDEFINITE, &krb5_mechs,
                                  GSS_C_ACCEPT, &store, &k->legs->cred, NULL, NULL);
    return GSS_ERROR(major) ? gss_fail(k, major, minor, "Kerberos: the key table", err) : 0;
}

/* Without addresses, as for TLS (RFC 5929 4). */
static bool keep_bindings(struct mr_krb5_legs *legs, mr_slice data) {
    if (data.len == 0)
        return true;
    legs->bindings.application_data.value = malloc(data.len);
    if (!legs->bindings.application_data.value)
        return false;
    memcpy(legs->bindings.application_data.value, data.data, data.len);
    legs->bindings.application_data.length = data.len;
    return true;
}

static gss_channel_bindings_t bindings_of(mr_krb5 *k) {
    return k->legs->bindings.application_data.length ? &k->legs->bindings
                                                     : GSS_C_NO_CHANNEL_BINDINGS;
}

int mr_krb5_legs_init(mr_krb5 *k, const mr_krb5_options *options, mr_error *err) {
    int rc = mr_krb5_mit_load(err);

    if (rc < 0)
        return rc;
    k->legs = calloc(1, sizeof *k->legs);
    if (!k->legs || !keep_bindings(k->legs, options->bindings))
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "no memory for Kerberos");
    k->legs->require_bindings = options->require_bindings;
    return k->base.role == MR_SECURITY_INITIATOR ? acquire_initiator(k, options, err)
                                                 : acquire_acceptor(k, options, err);
}

void mr_krb5_legs_deinit(mr_krb5 *k) {
    OM_uint32 minor;

    if (!k->legs)
        return;
    gss->delete_sec_context(&minor, &k->legs->context, GSS_C_NO_BUFFER);
    gss->release_cred(&minor, &k->legs->cred);
    gss->release_name(&minor, &k->legs->target);
    free(k->legs->bindings.application_data.value);
    free(k->legs);
    k->legs = NULL;
}

/* ---- completion ---- */

static void print_gss_name(gss_name_t name, char out[MR_KRB5_NAME_MAX]) {
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;

    if (name && gss->display_name(&minor, name, &text, NULL) == GSS_S_COMPLETE)
        mr_krb5_copy_text(out, MR_KRB5_NAME_MAX, text.value, text.length);
    gss->release_buffer(&minor, &text);
}

/* What the KDC vouches for of the client (MS-PAC), once the library has verified it with our key.
 * A ticket without it is a client without groups. */
static int read_pac(mr_krb5 *k, gss_name_t client, mr_error *err) {
    gss_buffer_desc name = {sizeof "urn:mspac:" - 1, (void *)(uintptr_t)"urn:mspac:"};
    gss_buffer_desc value = GSS_C_EMPTY_BUFFER, shown = GSS_C_EMPTY_BUFFER;
    int authentic = 0, complete = 0, more = -1, rc = 0;
    OM_uint32 minor, major = gss->get_name_attribute(&minor, client, &name, &authentic, &complete,
                                                    &value, &shown, &more);

    if (major == GSS_S_COMPLETE && authentic && value.length > 0) {
        k->pac = malloc(value.length);
        if (k->pac)
            memcpy(k->pac, value.value, k->pac_len = value.length);
        else
            rc = mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                         "no memory for Kerberos");
    }
    gss->release_buffer(&minor, &value);
    gss->release_buffer(&minor, &shown);
    return rc;
}

static int read_names(mr_krb5 *k, mr_error *err) {
    gss_name_t source = GSS_C_NO_NAME, target = GSS_C_NO_NAME;
    OM_uint32 minor;
    int rc = 0;

    if (gss->inquire_context(&minor, k->legs->context, &source, &target, NULL, NULL, NULL, NULL,
                            NULL) == GSS_S_COMPLETE) {
        print_gss_name(source, k->client);
        print_gss_name(target, k->service);
        if (k->base.role == MR_SECURITY_ACCEPTOR)
            rc = read_pac(k, source, err);
    }
    gss->release_name(&minor, &source);
    gss->release_name(&minor, &target);
    return rc;
}

static void read_secret(mr_krb5 *k, const gss_krb5_lucid_context_v1_t *lucid) {
    bool cfx = lucid->protocol == 1;
    const gss_krb5_lucid_key_t *key = !cfx ? &lucid->rfc1964_kd.ctx_key
                                    : lucid->cfx_kd.have_acceptor_subkey
                                    ? &lucid->cfx_kd.acceptor_subkey : &lucid->cfx_kd.ctx_key;
    bool out = k->base.role == MR_SECURITY_INITIATOR;

    k->secret.etype = (int32_t)key->type;
    k->secret.len = key->length <= sizeof k->secret.key ? key->length : 0;
    memcpy(k->secret.key, key->data, k->secret.len);
    k->secret.acceptor_subkey = cfx && lucid->cfx_kd.have_acceptor_subkey;
    k->secret.seq[MR_DIR_TO_SERVER] = out ? lucid->send_seq : lucid->recv_seq;
    k->secret.seq[MR_DIR_TO_CLIENT] = out ? lucid->recv_seq : lucid->send_seq;
}

static int complete(mr_krb5 *k, mr_error *err) {
    void *lucid = NULL;
    OM_uint32 minor, major;

    int rc = read_names(k, err);
    if (rc < 0)
        return rc;
    major = gss->krb5_export_lucid_sec_context(&minor, &k->legs->context, 1, &lucid);
    if (GSS_ERROR(major))
        return gss_fail(k, major, minor, "Kerberos: the keys", err);
    read_secret(k, lucid);
    gss->krb5_free_lucid_sec_context(&minor, lucid);
    return mr_krb5_finish(k, err);
}

/* ---- legs ---- */

/* What a context must have to be of DCE style; anything else is another protocol. A server seals
 * for those who asked for it. */
static int check_flags(const mr_krb5 *k, OM_uint32 flags, mr_error *err) {
    const OM_uint32 need = GSS_C_DCE_STYLE | GSS_C_MUTUAL_FLAG;

    if ((flags & need) != need)
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Kerberos: the peer does not want mutual authentication in DCE style");
    if (k->base.role == MR_SECURITY_ACCEPTOR && k->level == MR_AUTH_LEVEL_PRIVACY &&
        !(flags & GSS_C_CONF_FLAG))
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Kerberos: the client asks for privacy and did not ask for encryption");
    return 0;
}

/* A ticket to act for us is handed only to whom the KDC trusts with it (RFC 4120 2.8), as Windows
 * does; who wanted that shall not believe it was done. */
static int not_delegated(const mr_krb5 *k, mr_error *err) {
    return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "Kerberos: no ticket to act for %.80s was handed over: %s", k->client,
                   k->legs->trusted
                       ? "his own may not be forwarded (a sensitive account, or one of Protected "
                         "Users), or krb5.conf names no KDC that gave one"
                       : "the KDC does not trust the service for delegation");
}

static int initiate(mr_krb5 *k, gss_buffer_t token, gss_buffer_t answer, mr_error *err) {
    OM_uint32 want = GSS_C_MUTUAL_FLAG | GSS_C_DCE_STYLE, flags = 0, minor, major;

    if (mr_auth_level_protects(k->level))
        want |= GSS_C_INTEG_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG;
    if (k->level == MR_AUTH_LEVEL_PRIVACY)
        want |= GSS_C_CONF_FLAG;
    if (k->delegate)
        want |= GSS_C_DELEG_POLICY_FLAG;
    major = gss->init_sec_context(&minor, k->legs->cred, &k->legs->context, k->legs->target,
                                 &krb5_mech, want, 0, bindings_of(k), token, NULL,
                                 answer, &flags, NULL);
    if (GSS_ERROR(major))
        return gss_fail(k, major, minor,
                        token->length ? "Kerberos: the server's answer" : "Kerberos", err);
    if (k->delegate && !(flags & GSS_C_DELEG_FLAG))
        return not_delegated(k, err);
    if (answer->length > 0)
        mr_krb5_note_ticket(k, mr_slice_of(answer->value, answer->length));
    if (major == GSS_S_CONTINUE_NEEDED)
        return MR_SECURITY_CONTINUE;
    int rc = check_flags(k, flags, err);
    return rc == 0 ? complete(k, err) : rc;
}

static int accept_leg(mr_krb5 *k, gss_buffer_t token, gss_buffer_t answer, mr_error *err) {
    mr_slice bare = mr_krb5_unframe(mr_slice_of(token->value, token->length));
    gss_buffer_desc in = {bare.len, (void *)(uintptr_t)bare.data};
    OM_uint32 flags = 0, minor, major;

    mr_krb5_note_ticket(k, bare);
    major = gss->accept_sec_context(&minor, &k->legs->context, k->legs->cred, &in,
                                   bindings_of(k), NULL, NULL, answer, &flags, NULL, NULL);
    if (bare.len != token->length && GSS_ROUTINE_ERROR(major) == GSS_S_DEFECTIVE_TOKEN)
        return check_flags(k, 0, err); /* it belongs in its frame */
    if (GSS_ERROR(major))
        return gss_fail(k, major, minor, "Kerberos: the client's ticket", err);
    if (major == GSS_S_CONTINUE_NEEDED)
        return MR_SECURITY_CONTINUE;
    k->bound = flags & CHANNEL_BOUND;
    if (k->legs->require_bindings && !k->bound)
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Kerberos: the client is bound to no channel");
    int rc = check_flags(k, flags, err);
    return rc == 0 ? complete(k, err) : rc;
}

static int refused(mr_krb5 *k, mr_error *err) {
    const mr_krb5_failure *f = &k->reason.is;
    bool skew = f->code == MR_KRB_SKEW && k->now != 0;

    if (skew)
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Kerberos: the server refused the ticket with error 37: its clock is %lld "
                       "seconds %s ours", (long long)(f->skew < 0 ? -f->skew : f->skew),
                       f->skew < 0 ? "behind" : "ahead of");
    return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "Kerberos: the server refused the ticket with error %u%s%s", f->code,
                   k->reason.text[0] ? ": " : "", k->reason.text);
}

int mr_krb5_legs_step(mr_krb5 *k, mr_slice token, mr_buf *out, mr_error *err) {
    gss_buffer_desc in = {token.len, (void *)(uintptr_t)token.data}, answer = GSS_C_EMPTY_BUFFER;
    bool first = k->legs->context == GSS_C_NO_CONTEXT;
    mr_slice message = mr_krb5_unframe(token);
    OM_uint32 minor;
    int rc;

    if (mr_krb_get_type(message) == MR_KRB_ERROR &&
        mr_krb5_reason_read(&k->reason, message, k->now) == 0)
        return refused(k, err);
    if (k->base.role == MR_SECURITY_INITIATOR && (token.len == 0) != first)
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Kerberos: the server did not answer the ticket");
    rc = k->base.role == MR_SECURITY_INITIATOR ? initiate(k, &in, &answer, err)
                                               : accept_leg(k, &in, &answer, err);
    if (rc >= 0 && answer.length > 0) {
        mr_buf_write(out, mr_slice_of(answer.value, answer.length));
        if (mr_buf_error(out) < 0)
            rc = mr_fail(err, mr_buf_error(out), MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                         "Kerberos: a token of %zu octets, more than a PDU takes (16 bits count "
                         "its length): the account is in too many groups", answer.length);
        k->token_len = answer.length;
    }
    gss->release_buffer(&minor, &answer);
    return rc;
}
