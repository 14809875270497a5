/*
 * The exchange with the KDC (RFC 4120 3.1, 3.3) as a machine without I/O: MIT's stepwise functions
 * make the requests and read the replies, who sends them is the caller's business. First the
 * ticket-granting ticket, or those of a cache that exists, then the service's ticket, following
 * referrals from realm to realm (RFC 6806 8). All land in a cache in memory that goes with the
 * machine.
 */
#include <stdio.h>
#include <stdlib.h>

#include "krb5_private.h"

/* What is sent over UDP at most: Ethernet's frame without IP's and UDP's headers. */
#define UDP_MAX 1465
/* How often a password is hashed for a KDC at most, which anybody may pretend to be (RFC 3962 3
 * leaves the limit to us): four times what RFC 8009 4 hashes, a tenth of a second. */
#define ITERATIONS_MAX 131072

struct mr_krb5_kdc {
    krb5_context context;
    const mr_identity *identity;
    char *service_wanted;   /* NULL: only a TGT */
    int64_t now;
    bool rc4_only;
    enum mr_krb5_stage stage;
    bool begun;
    krb5_ccache cache;
    krb5_principal client;
    krb5_principal server;
    krb5_keytab keys;       /* the identity's, or made of its key */
    krb5_enctype etypes[8]; /* of the keys; none: a password makes those of every type */
    unsigned etype_count;
    uint8_t computer[16];   /* padded with blanks */
    krb5_address address;   /* this name */
    krb5_address *addresses[2];
    krb5_get_init_creds_opt *as_options;
    krb5_init_creds_context as;
    krb5_tkt_creds_context tgs;
    krb5_data request;
    char realm[128];        /* that was asked last */
    unsigned requests;
    unsigned stage_requests;
    bool endless;
    char cache_name[64];
    char client_name[MR_KRB5_NAME_MAX];
    char service_name[MR_KRB5_NAME_MAX];
    int32_t ticket_etype, session_etype;
    int64_t end_time, server_time, skew;
    bool is_error;          /* the last reply is a KRB-ERROR, and was read */
    bool bad_reply;         /* the library failed over one that is none */
    mr_krb5_reason reason;
};

static int fail_kdc(mr_krb5_kdc *kdc, krb5_error_code code, const char *what, mr_error *err) {
    return mr_krb5_fail(err, kdc->context, code, &kdc->reason, what);
}

static int wrong_argument(mr_error *err, const char *text) {
    return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "Kerberos: %s", text);
}

/* ---- the beginning: names, secrets, caches ---- */

/* The user's principal; a user that has an @ of its own is an enterprise name (RFC 6806 5). */
static int parse_client(mr_krb5_kdc *kdc, const mr_krb5_kdc_options *options, mr_error *err) {
    const mr_identity *id = options->identity;
    const char *realm = options->realm ? options->realm : id->domain;
    int flags = KRB5_PRINCIPAL_PARSE_NO_DEF_REALM;

    if (!id->user[0] || !realm[0])
        return wrong_argument(err, id->user[0] ? "the user's realm is not known (--realm names it)"
                                               : "a user and a realm are needed");
    flags |= strchr(id->user, '@') ? KRB5_PRINCIPAL_PARSE_ENTERPRISE
                                   : KRB5_PRINCIPAL_PARSE_NO_REALM;
    krb5_error_code code = krb5->parse_name_flags(kdc->context, id->user, flags, &kdc->client);
    if (code == 0)
        code = krb5->set_principal_realm(kdc->context, kdc->client, realm);
    return code ? fail_kdc(kdc, code, "Kerberos: the user's name", err) : 0;
}

static bool has_type(const mr_krb5_kdc *kdc, krb5_enctype etype) {
    for (unsigned i = 0; i < kdc->etype_count; i++)
        if (kdc->etypes[i] == etype)
            return true;
    return false;
}

/* Of which types the table has keys of the user's: the KDC may choose from what it is offered. */
static krb5_error_code note_types(mr_krb5_kdc *kdc) {
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    krb5_error_code code = krb5->kt_start_seq_get(kdc->context, kdc->keys, &cursor);

    if (code)
        return code;
    while ((code = krb5->kt_next_entry(kdc->context, kdc->keys, &entry, &cursor)) == 0) {
        if (kdc->etype_count < MR_COUNT(kdc->etypes) && !has_type(kdc, entry.key.enctype) &&
            krb5->principal_compare(kdc->context, entry.principal, kdc->client))
            kdc->etypes[kdc->etype_count++] = entry.key.enctype;
        krb5->kt_free_entry(kdc->context, &entry); /* wipes its key */
    }
    krb5->kt_end_seq_get(kdc->context, kdc->keys, &cursor);
    return code == KRB5_KT_END ? 0 : code;
}

/* A key table in memory with the one key an identity has. */
static int make_keys(mr_krb5_kdc *kdc, krb5_enctype etype, const uint8_t *key, size_t len,
                     mr_error *err) {
    krb5_keytab_entry entry = {.principal = kdc->client, .vno = 1};
    char name[48];

    (void)snprintf(name, sizeof name, "MEMORY:msrpc-%p", (void *)kdc);
    krb5_error_code code = krb5->kt_resolve(kdc->context, name, &kdc->keys);
    if (code == 0) {
        entry.key.enctype = etype;
        entry.key.length = (unsigned)len;
        entry.key.contents = (krb5_octet *)(uintptr_t)key; /* copied */
        code = krb5->kt_add_entry(kdc->context, kdc->keys, &entry);
    }
    kdc->etypes[0] = etype;
    kdc->etype_count = 1;
    return code ? fail_kdc(kdc, code, "Kerberos: the user's key", err) : 0;
}

static int find_secret(mr_krb5_kdc *kdc, mr_error *err) {
    const mr_identity *id = kdc->identity;
    krb5_error_code code;

    if (id->keytab[0]) {
        code = krb5->kt_resolve(kdc->context, id->keytab, &kdc->keys);
        if (code == 0)
            code = krb5->kt_have_content(kdc->context, kdc->keys);
        if (code == 0)
            code = note_types(kdc);
        return code ? fail_kdc(kdc, code, "Kerberos: the key table", err) : 0;
    }
    if (id->aes_key_len)
        return make_keys(kdc, id->aes_key_len == 16 ? MR_KRB5_AES128_SHA1 : MR_KRB5_AES256_SHA1,
                         id->aes_key, id->aes_key_len, err);
    if (id->has_password)
        return 0;
    if (id->has_nt_hash)
        return make_keys(kdc, MR_KRB5_RC4, id->nt_hash, sizeof id->nt_hash, err);
    return wrong_argument(err, "a password, a key or a ticket cache is needed");
}

/* The default cache's name: the one thing that the machine's configuration is asked for. */
static krb5_error_code resolve_default(mr_krb5_kdc *kdc, krb5_ccache *cachep) {
    krb5_context machine = NULL;
    krb5_error_code code;

    if (krb5->init_context(&machine) != 0)
        return krb5->cc_default(kdc->context, cachep);
    code = krb5->cc_resolve(kdc->context, krb5->cc_default_name(machine), cachep);
    krb5->free_context(machine);
    return code;
}

/* Takes over the tickets of a cache that exists. */
static int copy_cache(mr_krb5_kdc *kdc, mr_error *err) {
    krb5_ccache from = NULL;
    krb5_error_code code = kdc->identity->ccache[0]
        ? krb5->cc_resolve(kdc->context, kdc->identity->ccache, &from)
        : resolve_default(kdc, &from);

    if (code == 0)
        code = krb5->cc_get_principal(kdc->context, from, &kdc->client);
    if (code == 0)
        code = krb5->cc_initialize(kdc->context, kdc->cache, kdc->client);
    if (code == 0)
        code = krb5->cc_copy_creds(kdc->context, from, kdc->cache);
    if (from)
        krb5->cc_close(kdc->context, from);
    if (code)
        return fail_kdc(kdc, code, "Kerberos: the ticket cache", err);
    mr_krb5_print_name(kdc->context, kdc->client, kdc->client_name, sizeof kdc->client_name);
    return 0;
}

static int make_cache(mr_krb5_kdc *kdc, mr_error *err) {
    krb5_error_code code = krb5->cc_new_unique(kdc->context, "MEMORY", NULL, &kdc->cache);

    if (code)
        return fail_kdc(kdc, code, "Kerberos: a ticket cache in memory", err);
    (void)snprintf(kdc->cache_name, sizeof kdc->cache_name, "MEMORY:%s",
                   krb5->cc_get_name(kdc->context, kdc->cache));
    return 0;
}

static int begin(mr_krb5_kdc *kdc, const mr_krb5_kdc_options *options, mr_error *err) {
    const mr_identity *id = options->identity;
    bool secret = id->keytab[0] || id->aes_key_len || id->has_password || id->has_nt_hash;
    int rc = mr_krb5_library_init(&kdc->context, !options->no_clock_sync, err);

    if (rc == 0 && options->service && !(kdc->service_wanted = strdup(options->service)))
        rc = mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                     "no memory for Kerberos");
    if (rc == 0)
        rc = make_cache(kdc, err);
    if (rc < 0)
        return rc;
    if (id->ccache[0] || (!secret && !id->user[0])) {
        kdc->stage = MR_KRB5_STAGE_TGS;
        return copy_cache(kdc, err);
    }
    kdc->stage = MR_KRB5_STAGE_AS;
    rc = parse_client(kdc, options, err);
    return rc == 0 ? find_secret(kdc, err) : rc;
}

/* As Windows tells it: of the type NetBIOS, 15 characters at most. */
static void name_computer(mr_krb5_kdc *kdc, const char *name) {
    size_t len = strlen(name);

    if (len > sizeof kdc->computer - 1)
        len = sizeof kdc->computer - 1;
    memset(kdc->computer, ' ', sizeof kdc->computer);
    memcpy(kdc->computer, name, len);
    kdc->address = (krb5_address){.addrtype = ADDRTYPE_NETBIOS, .length = sizeof kdc->computer,
                                  .contents = kdc->computer};
    kdc->addresses[0] = &kdc->address;
}

int mr_krb5_kdc_new(const mr_krb5_kdc_options *options, mr_krb5_kdc **kdcp, mr_error *err) {
    mr_krb5_kdc *kdc = calloc(1, sizeof *kdc);

    if (!kdc)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "no memory for Kerberos");
    kdc->identity = options->identity;
    kdc->now = options->now;
    kdc->rc4_only = options->rc4_only;
    if (options->computer)
        name_computer(kdc, options->computer);
    mr_krb5_reason_reset(&kdc->reason);
    int rc = begin(kdc, options, err);
    if (rc < 0) {
        mr_krb5_kdc_free(kdc);
        return rc;
    }
    *kdcp = kdc;
    return 0;
}

void mr_krb5_kdc_free(mr_krb5_kdc *kdc) {
    if (!kdc)
        return;
    if (kdc->context) {
        krb5->init_creds_free(kdc->context, kdc->as);
        krb5->tkt_creds_free(kdc->context, kdc->tgs);
        krb5->get_init_creds_opt_free(kdc->context, kdc->as_options);
        krb5->free_data_contents(kdc->context, &kdc->request);
        krb5->free_principal(kdc->context, kdc->client);
        krb5->free_principal(kdc->context, kdc->server);
        if (kdc->keys)
            krb5->kt_close(kdc->context, kdc->keys); /* one in memory is wiped with it */
        if (kdc->cache)
            krb5->cc_destroy(kdc->context, kdc->cache);
        krb5->free_context(kdc->context);
    }
    free(kdc->service_wanted);
    free(kdc);
}

/* ---- replies ---- */

/* Keeps what a KRB-ERROR says before the library makes a number of it. */
static void note_error(mr_krb5_kdc *kdc, mr_slice reply) {
    kdc->is_error = mr_krb_get_type(reply) == MR_KRB_ERROR &&
                    mr_krb5_reason_read(&kdc->reason, reply, kdc->now) == 0;
    if (!kdc->is_error)
        return;
    if (kdc->reason.is.server_time) {
        kdc->server_time = kdc->reason.is.server_time;
        kdc->skew = kdc->reason.is.skew;
    }
}

static void copy_realm(mr_krb5_kdc *kdc, const krb5_data *realm) {
    mr_krb5_copy_text(kdc->realm, sizeof kdc->realm, realm->data, realm->length);
}

/* The library cannot go on. If it was given tickets, it is because of them: they cannot be read, do
 * not open or answer something else. Clocks that differ are another matter. */
static int fail_step(mr_krb5_kdc *kdc, krb5_error_code code, mr_slice reply, const char *what,
                     mr_error *err) {
    int rc = fail_kdc(kdc, code, what, err);

    kdc->bad_reply = reply.len && !kdc->is_error && rc == MR_ERR_AUTH &&
                     code != KRB5_KDCREP_SKEW && code != KRB5KRB_AP_ERR_SKEW;
    return rc;
}

/* Turns what a step of the library gave into an outcome of ours; 0: this stage is done. */
static int request_of(mr_krb5_kdc *kdc, krb5_error_code code, bool more, const krb5_data *realm,
                      mr_krb5_kdc_request *requestp) {
    if (!more)
        return 0;
    copy_realm(kdc, realm);
    kdc->requests++;
    *requestp = (mr_krb5_kdc_request){
        .bytes = mr_slice_of(kdc->request.data, kdc->request.length),
        .realm = kdc->realm,
        .tcp = code == KRB5KRB_ERR_RESPONSE_TOO_BIG || kdc->request.length > UDP_MAX,
    };
    return MR_KRB5_KDC_SEND;
}

/* ---- the user's ticket ---- */

/* A ticket that is handed over would get the addresses of its new owner. */
static void tell_computer(mr_krb5_kdc *kdc) {
    if (!kdc->addresses[0] || kdc->identity->delegate)
        return;
    krb5->get_init_creds_opt_set_address_list(kdc->as_options, kdc->addresses);
}

static int begin_as(mr_krb5_kdc *kdc, mr_error *err) {
    const mr_identity *id = kdc->identity;
    krb5_error_code code = krb5->get_init_creds_opt_alloc(kdc->context, &kdc->as_options);

    if (code == 0) {
        krb5->get_init_creds_opt_set_canonicalize(kdc->as_options, 1);
        krb5->get_init_creds_opt_set_forwardable(kdc->as_options, id->delegate);
        krb5->get_init_creds_opt_set_proxiable(kdc->as_options, 0);
        tell_computer(kdc);
        if (kdc->etype_count) /* else the KDC may choose one that there is no key for */
            krb5->get_init_creds_opt_set_etype_list(kdc->as_options, kdc->etypes,
                                                    (int)kdc->etype_count);
        code = krb5->init_creds_init(kdc->context, kdc->client, NULL, NULL, 0, kdc->as_options,
                                    &kdc->as);
    }
    if (code == 0)
        code = kdc->keys ? krb5->init_creds_set_keytab(kdc->context, kdc->as, kdc->keys)
                         : krb5->init_creds_set_password(kdc->context, kdc->as, id->password);
    return code ? fail_kdc(kdc, code, "Kerberos: a ticket for the user", err) : 0;
}

/* Keeps the ticket; the KDC may call the user by another name than he did. */
static int keep_tgt(mr_krb5_kdc *kdc, mr_error *err) {
    krb5_creds creds = {0};
    krb5_error_code code = krb5->init_creds_get_creds(kdc->context, kdc->as, &creds);

    if (code)
        return fail_kdc(kdc, code, "Kerberos: a ticket for the user", err);
    krb5->free_principal(kdc->context, kdc->client);
    kdc->client = NULL;
    code = krb5->copy_principal(kdc->context, creds.client, &kdc->client);
    if (code == 0)
        code = krb5->cc_initialize(kdc->context, kdc->cache, kdc->client);
    if (code == 0)
        code = krb5->cc_store_cred(kdc->context, kdc->cache, &creds);
    if (code == 0) {
        kdc->end_time = creds.times.endtime;
        kdc->server_time = creds.times.authtime;
        kdc->skew = kdc->now ? kdc->server_time - kdc->now : 0;
        mr_krb5_print_name(kdc->context, kdc->client, kdc->client_name, sizeof kdc->client_name);
    }
    krb5->free_cred_contents(kdc->context, &creds);
    return code ? fail_kdc(kdc, code, "Kerberos: the ticket cache", err) : 0;
}

/* The library would hash for many seconds. */
static int check_cost(mr_krb5_kdc *kdc, mr_slice reply, mr_error *err) {
    uint64_t count = 0;
    int rc = kdc->keys ? 0 : mr_krb_get_iterations(reply, &count, err);

    if (rc < 0)
        return rc;
    if (count <= ITERATIONS_MAX)
        return 0;
    return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "Kerberos: the KDC wants the password hashed %llu times, %d are the most",
                   (unsigned long long)count, ITERATIONS_MAX);
}

static int step_as(mr_krb5_kdc *kdc, mr_slice reply, mr_krb5_kdc_request *requestp,
                   mr_error *err) {
    krb5_data in = {.length = (unsigned)reply.len, .data = (char *)(uintptr_t)reply.data};
    krb5_data realm = {0};
    unsigned flags = 0;
    int rc;

    if (!kdc->as && (rc = begin_as(kdc, err)) < 0)
        return rc;
    if (reply.len && (rc = check_cost(kdc, reply, err)) < 0)
        return rc;
    krb5->free_data_contents(kdc->context, &kdc->request);
    krb5_error_code code = krb5->init_creds_step(kdc->context, kdc->as, &in, &kdc->request, &realm,
                                                &flags);
    if (code && code != KRB5KRB_ERR_RESPONSE_TOO_BIG)
        rc = fail_step(kdc, code, reply, "Kerberos: a ticket for the user", err);
    else
        rc = request_of(kdc, code, flags & KRB5_INIT_CREDS_STEP_FLAG_CONTINUE, &realm, requestp);
    krb5->free_data_contents(kdc->context, &realm);
    return rc == 0 ? keep_tgt(kdc, err) : rc;
}

/* ---- the service's ticket ---- */

/* A name without a realm goes to the user's KDC, which knows better or refers us on. */
static int begin_tgs(mr_krb5_kdc *kdc, mr_error *err) {
    krb5_creds want = {0};
    bool told = strchr(kdc->service_wanted, '@') != NULL;
    krb5_error_code code = krb5->parse_name_flags(
        kdc->context, kdc->service_wanted,
        told ? KRB5_PRINCIPAL_PARSE_REQUIRE_REALM : KRB5_PRINCIPAL_PARSE_NO_REALM, &kdc->server);

    if (code == 0) {
        want.client = kdc->client;
        want.server = kdc->server;
        if (kdc->rc4_only)
            want.keyblock.enctype = MR_KRB5_RC4;
        code = krb5->tkt_creds_init(kdc->context, kdc->cache, &want,
                                   told ? 0 : KRB5_GC_CANONICALIZE, &kdc->tgs);
    }
    return code ? fail_kdc(kdc, code, "Kerberos: a ticket for the service", err) : 0;
}

/* Keeps the ticket under the name that stands in it: the library keeps one that was asked for
 * without a realm under that name only. */
static int keep_service(mr_krb5_kdc *kdc, mr_error *err) {
    krb5_creds creds = {0};
    krb5_error_code code = krb5->tkt_creds_get_creds(kdc->context, kdc->tgs, &creds);
    krb5_ticket *ticket = NULL;

    if (code == 0)
        code = krb5->decode_ticket(&creds.ticket, &ticket);
    if (code == 0) {
        kdc->ticket_etype = ticket->enc_part.enctype;
        kdc->session_etype = creds.keyblock.enctype;
        kdc->end_time = creds.times.endtime;
        mr_krb5_print_name(kdc->context, ticket->server, kdc->service_name,
                           sizeof kdc->service_name);
        krb5_principal asked = creds.server;
        creds.server = ticket->server;
        code = krb5->cc_store_cred(kdc->context, kdc->cache, &creds);
        creds.server = asked;
    }
    krb5->free_ticket(kdc->context, ticket);
    krb5->free_cred_contents(kdc->context, &creds);
    return code ? fail_kdc(kdc, code, "Kerberos: a ticket for the service", err) : 0;
}

static int step_tgs(mr_krb5_kdc *kdc, mr_slice reply, mr_krb5_kdc_request *requestp,
                    mr_error *err) {
    krb5_data in = {.length = (unsigned)reply.len, .data = (char *)(uintptr_t)reply.data};
    krb5_data realm = {0};
    unsigned flags = 0;
    int rc;

    if (!kdc->tgs && (rc = begin_tgs(kdc, err)) < 0)
        return rc;
    krb5->free_data_contents(kdc->context, &kdc->request);
    krb5_error_code code = krb5->tkt_creds_step(kdc->context, kdc->tgs, &in, &kdc->request, &realm,
                                               &flags);
    if (code && code != KRB5KRB_ERR_RESPONSE_TOO_BIG)
        rc = fail_step(kdc, code, reply, "Kerberos: a ticket for the service", err);
    else
        rc = request_of(kdc, code, flags & KRB5_TKT_CREDS_STEP_FLAG_CONTINUE, &realm, requestp);
    krb5->free_data_contents(kdc->context, &realm);
    return rc == 0 ? keep_service(kdc, err) : rc;
}

static int step(mr_krb5_kdc *kdc, mr_slice reply, mr_krb5_kdc_request *requestp, mr_error *err) {
    bool fresh = kdc->stage == MR_KRB5_STAGE_AS;
    int rc;

    if (fresh) {
        rc = step_as(kdc, reply, requestp, err);
        if (rc != 0)
            return rc;
        kdc->stage = MR_KRB5_STAGE_TGS;
        kdc->stage_requests = 0;
        reply = MR_SLICE_NULL;
    }
    if (kdc->service_wanted) {
        rc = step_tgs(kdc, reply, requestp, err);
        if (rc == MR_ERR_NOT_FOUND && fresh) { /* its clear part names him and his realm */
            kdc->bad_reply = true;
            return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                           "Kerberos: the ticket that came is not the user's");
        }
        if (rc != 0)
            return rc;
    }
    kdc->stage = MR_KRB5_STAGE_DONE;
    return 0;
}

int mr_krb5_kdc_step(mr_krb5_kdc *kdc, mr_slice reply, mr_krb5_kdc_request *requestp,
                     mr_error *err) {
    int rc;

    if (kdc->begun != (reply.len > 0) || kdc->stage == MR_KRB5_STAGE_DONE)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Kerberos: no reply is due");
    kdc->begun = true;
    note_error(kdc, reply);
    rc = step(kdc, reply, requestp, err);
    if (rc == MR_KRB5_KDC_SEND && ++kdc->stage_requests > MR_KRB5_KDC_REQUESTS) {
        kdc->endless = true;
        kdc->requests--;
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Kerberos: the KDC keeps asking: %d requests for one ticket, and still none",
                       MR_KRB5_KDC_REQUESTS);
    }
    if (rc >= 0) /* what the KDC objected to was mended: no failure */
        mr_krb5_reason_reset(&kdc->reason);
    return rc;
}

void mr_krb5_kdc_get_info(const mr_krb5_kdc *kdc, mr_krb5_kdc_info *infop) {
    *infop = (mr_krb5_kdc_info){
        .stage = kdc->begun ? kdc->stage : MR_KRB5_STAGE_CACHE,
        .requests = kdc->requests,
        .client = kdc->client_name,
        .service = kdc->service_name,
        .ccache = kdc->cache_name,
        .ticket_etype = kdc->ticket_etype,
        .session_etype = kdc->session_etype,
        .end_time = kdc->end_time,
        .server_time = kdc->server_time,
        .skew = kdc->skew,
        .realm = kdc->realm,
        .endless = kdc->endless,
        .failure = mr_krb5_reason_get(&kdc->reason),
        .bad_reply = kdc->bad_reply,
    };
}
