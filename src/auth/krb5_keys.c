/*
 * A key table (keytab, as MIT Kerberos writes it) kept in memory: read once, while its file may
 * still be read, and then named by any number of contexts in any thread.
 */
#include <stdio.h>
#include <stdlib.h>

#include "krb5_private.h"

struct mr_krb5_keys {
    krb5_context context;
    krb5_keytab table; /* in the library's memory as long as it is open */
    char name[40];
};

static krb5_error_code copy_entries(mr_krb5_keys *keys, krb5_keytab from, size_t *countp) {
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    krb5_error_code code = krb5->kt_start_seq_get(keys->context, from, &cursor);

    if (code)
        return code;
    while ((code = krb5->kt_next_entry(keys->context, from, &entry, &cursor)) == 0) {
        code = krb5->kt_add_entry(keys->context, keys->table, &entry);
        krb5->kt_free_entry(keys->context, &entry); /* wipes its key */
        if (code)
            break;
        ++*countp;
    }
    krb5->kt_end_seq_get(keys->context, from, &cursor);
    return code == KRB5_KT_END ? 0 : code;
}

static int read_table(mr_krb5_keys *keys, const char *keytab, mr_error *err) {
    krb5_keytab from = NULL;
    size_t count = 0;
    krb5_error_code code = krb5->kt_resolve(keys->context, keytab, &from);

    snprintf(keys->name, sizeof keys->name, "MEMORY:msrpc-%p", (void *)keys);
    if (code == 0)
        code = krb5->kt_resolve(keys->context, keys->name, &keys->table);
    if (code == 0)
        code = copy_entries(keys, from, &count);
    if (from)
        krb5->kt_close(keys->context, from);
    if (code)
        return mr_krb5_fail(err, keys->context, code, NULL, "the key table");
    if (count == 0)
        return mr_fail(err, MR_ERR_NOT_FOUND, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "the key table has no keys");
    return 0;
}

int mr_krb5_keys_new(const char *keytab, mr_krb5_keys **keysp, mr_error *err) {
    mr_krb5_keys *keys = calloc(1, sizeof *keys);

    if (!keys)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "no memory for Kerberos");
    int rc = mr_krb5_library_init(&keys->context, false, err);
    if (rc == 0)
        rc = read_table(keys, keytab, err);
    if (rc < 0) {
        mr_krb5_keys_free(keys);
        return rc;
    }
    *keysp = keys;
    return 0;
}

void mr_krb5_keys_free(mr_krb5_keys *keys) {
    if (!keys)
        return;
    if (keys->table)
        krb5->kt_close(keys->context, keys->table);
    if (keys->context)
        krb5->free_context(keys->context);
    free(keys);
}

const char *mr_krb5_keys_get_name(const mr_krb5_keys *keys) {
    return keys->name;
}
