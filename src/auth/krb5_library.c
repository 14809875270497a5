/*
 * MIT krb5 kept on a short lead: a context of our own whose settings stand here instead of in
 * krb5.conf, so that no look-up leaves this process and two objects never share anything; and what
 * its failures, and a peer's KRB-ERROR (RFC 4120 5.9.1), leave behind.
 */
#include <errno.h>

#include "krb5_private.h"

/* ---- settings ---- */

static const struct {
    const char *name;
    const char *values[2];
} settings[] = {
    {"allow_rc4", {"true"}}, /* for domains that have nothing better; what was used is told */
    {"default_tgs_enctypes", {"aes256-cts aes128-cts aes256-sha2 aes128-sha2 rc4-hmac"}},
    {"default_tkt_enctypes", {"aes256-cts aes128-cts aes256-sha2 aes128-sha2 rc4-hmac"}},
    {"permitted_enctypes", {"aes256-cts aes128-cts aes256-sha2 aes128-sha2 rc4-hmac"}},
    {"dns_canonicalize_hostname", {"false"}},
    {"dns_lookup_kdc", {"false"}},
    {"dns_lookup_realm", {"false"}},
    {"rdns", {"false"}},
};
static const char *const sync_values[2][2] = {{"0"}, {"1"}};

/* The library copies the values and gives them back to free_values: they can be constants. */
static long get_values(void *user, const char *const *names, char ***valuesp) {
    const char *const *values = NULL;

    if (!names[0] || !names[1] || names[2] || strcmp(names[0], "libdefaults") != 0)
        return PROF_NO_RELATION;
    for (size_t i = 0; i < MR_COUNT(settings); i++)
        if (strcmp(names[1], settings[i].name) == 0)
            values = settings[i].values;
    if (strcmp(names[1], "kdc_timesync") == 0)
        values = sync_values[*(const bool *)user];
    if (!values)
        return PROF_NO_RELATION;
    *valuesp = (char **)(uintptr_t)values;
    return 0;
}

static void free_values(void *user, char **values) {
    (void)user;
    (void)values;
}

static long copy_profile(void *user, void **copyp) {
    *copyp = user;
    return 0;
}

int mr_krb5_library_init(krb5_context *contextp, bool clock_sync, mr_error *err) {
    static const bool yes = true, no = false;
    struct profile_vtable table = {
        .minor_ver = 1, .get_values = get_values, .free_values = free_values,
        .copy = copy_profile};
    profile_t profile = NULL;
    int loaded = mr_krb5_mit_load(err);

    if (loaded < 0)
        return loaded;
    long rc = krb5->profile_init_vtable(&table, (void *)(uintptr_t)(clock_sync ? &yes : &no),
                                        &profile);
    if (rc == 0) {
        rc = krb5->init_context_profile(profile, 0, contextp);
        krb5->profile_release(profile);
    }
    if (rc == ENOMEM)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "no memory for Kerberos");
    if (rc != 0)
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "the Kerberos library does not start (%ld)", rc);
    return 0;
}

/* ---- texts ---- */

void mr_krb5_copy_text(char *out, size_t size, const void *text, size_t len) {
    const char *s = text;
    size_t n = len < size - 1 ? len : size - 1;

    while (n > 0 && n < len && ((uint8_t)s[n] & 0xc0) == 0x80)
        n--; /* not through the middle of a character */
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)s[i] < 0x20 || s[i] == 0x7f ? ' ' : s[i];
    out[n] = '\0';
}

void mr_krb5_print_name(krb5_context context, krb5_const_principal name, char *out, size_t size) {
    char *text = NULL;

    out[0] = '\0';
    if (!name || krb5->unparse_name(context, name, &text) != 0)
        return;
    size_t len = strlen(text);
    if (len < size)
        memcpy(out, text, len + 1);
    krb5->free_unparsed_name(context, text);
}

/* ---- failures ---- */

uint32_t mr_krb5_code_of(krb5_error_code code) {
    int64_t rfc = (int64_t)code - ERROR_TABLE_BASE_krb5;

    return rfc > 0 && rfc < 128 ? (uint32_t)rfc : MR_KRB5_NO_CODE;
}

void mr_krb5_reason_reset(mr_krb5_reason *reason) {
    *reason = (mr_krb5_reason){.is.code = MR_KRB5_NO_CODE};
}

int mr_krb5_reason_read(mr_krb5_reason *reason, mr_slice message, int64_t now) {
    mr_krb_error_data data;
    mr_krb_error e;
    int rc = mr_krb_error_decode(message, &e, NULL);

    if (rc < 0)
        return rc;
    mr_krb5_reason_reset(reason);
    reason->is.code = e.code;
    reason->is.from_peer = true;
    reason->is.server_time = e.server_time;
    if (now && e.server_time)
        reason->is.skew = e.server_time - now;
    mr_krb_error_data_decode(e.data, &data);
    reason->is.has_status = data.has_status;
    reason->is.status = data.status;
    mr_krb5_copy_text(reason->text, sizeof reason->text, e.text.data, e.text.len);
    mr_krb5_copy_text(reason->realm, sizeof reason->realm, e.realm.data, e.realm.len);
    return 0;
}

mr_krb5_failure mr_krb5_reason_get(const mr_krb5_reason *reason) {
    mr_krb5_failure f = reason->is;

    f.text = reason->text;
    f.realm = reason->realm;
    return f;
}

static int result_of(krb5_error_code code) {
    switch (code) {
    case ENOMEM:
    case KRB5_CC_NOMEM:
        return MR_ERR_MEMORY;
    case ENOENT:
    case KRB5_CC_NOTFOUND:
    case KRB5_FCC_NOFILE:
    case KRB5_KT_NOTFOUND:
    case KRB5_KT_UNKNOWN_TYPE:
    case KRB5_CC_UNKNOWN_TYPE:
        return MR_ERR_NOT_FOUND;
    default: /* an integer of the library's, no enumeration */
        return MR_ERR_AUTH;
    }
}

int mr_krb5_fail(mr_error *err, krb5_context context, krb5_error_code code,
                 mr_krb5_reason *reason, const char *what) {
    const char *message = krb5->get_error_message(context, code);
    char text[160];

    mr_krb5_copy_text(text, sizeof text, message, strlen(message));
    krb5->free_error_message(context, message);
    if (reason && !(reason->is.from_peer && reason->is.code == mr_krb5_code_of(code))) {
        int64_t time = reason->is.server_time, skew = reason->is.skew;
        mr_krb5_reason_reset(reason);
        reason->is.code = mr_krb5_code_of(code);
        reason->is.server_time = time;
        reason->is.skew = skew;
        memcpy(reason->text, text, sizeof text);
    }
    return mr_fail(err, result_of(code), MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "%s: %s", what, text);
}
