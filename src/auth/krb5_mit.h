/*
 * MIT krb5 and its GSSAPI, loaded when the first Kerberos object is made: linked to the program its
 * six libraries would cost every start a millisecond, and every static program a list of them. The
 * tables are written once, before the first call that finds them, and never again; the libraries
 * stay loaded.
 */
#ifndef KRB5_MIT_H
#define KRB5_MIT_H

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5/krb5.h>
#include <profile.h>

#include <msrpc/base.h>

/* What is called, by the names of their headers: F(prefix, the rest). */
#define KRB5_FUNCTIONS(F)                         \
    F(krb5_, c_decrypt)                           \
    F(krb5_, cc_close)                            \
    F(krb5_, cc_copy_creds)                       \
    F(krb5_, cc_default)                          \
    F(krb5_, cc_default_name)                     \
    F(krb5_, cc_destroy)                          \
    F(krb5_, cc_get_name)                         \
    F(krb5_, cc_get_principal)                    \
    F(krb5_, cc_initialize)                       \
    F(krb5_, cc_new_unique)                       \
    F(krb5_, cc_resolve)                          \
    F(krb5_, cc_retrieve_cred)                    \
    F(krb5_, cc_store_cred)                       \
    F(krb5_, copy_keyblock)                       \
    F(krb5_, copy_principal)                      \
    F(krb5_, decode_ticket)                       \
    F(krb5_, free_context)                        \
    F(krb5_, free_cred_contents)                  \
    F(krb5_, free_data_contents)                  \
    F(krb5_, free_error_message)                  \
    F(krb5_, free_keyblock)                       \
    F(krb5_, free_keytab_entry_contents)          \
    F(krb5_, free_principal)                      \
    F(krb5_, free_ticket)                         \
    F(krb5_, free_unparsed_name)                  \
    F(krb5_, get_error_message)                   \
    F(krb5_, get_init_creds_opt_alloc)            \
    F(krb5_, get_init_creds_opt_free)             \
    F(krb5_, get_init_creds_opt_set_address_list) \
    F(krb5_, get_init_creds_opt_set_canonicalize) \
    F(krb5_, get_init_creds_opt_set_etype_list)   \
    F(krb5_, get_init_creds_opt_set_forwardable)  \
    F(krb5_, get_init_creds_opt_set_proxiable)    \
    F(krb5_, init_context)                        \
    F(krb5_, init_context_profile)                \
    F(krb5_, init_creds_free)                     \
    F(krb5_, init_creds_get_creds)                \
    F(krb5_, init_creds_init)                     \
    F(krb5_, init_creds_set_keytab)               \
    F(krb5_, init_creds_set_password)             \
    F(krb5_, init_creds_step)                     \
    F(krb5_, kt_add_entry)                        \
    F(krb5_, kt_close)                            \
    F(krb5_, kt_end_seq_get)                      \
    F(krb5_, kt_free_entry)                       \
    F(krb5_, kt_get_entry)                        \
    F(krb5_, kt_have_content)                     \
    F(krb5_, kt_next_entry)                       \
    F(krb5_, kt_resolve)                          \
    F(krb5_, kt_start_seq_get)                    \
    F(krb5_, parse_name_flags)                    \
    F(krb5_, principal_compare)                   \
    F(, profile_init_vtable)                      \
    F(, profile_release)                          \
    F(krb5_, server_decrypt_ticket_keytab)        \
    F(krb5_, set_principal_realm)                 \
    F(krb5_, tkt_creds_free)                      \
    F(krb5_, tkt_creds_get_creds)                 \
    F(krb5_, tkt_creds_init)                      \
    F(krb5_, tkt_creds_step)                      \
    F(krb5_, unparse_name)

#define GSS_FUNCTIONS(F)                   \
    F(gss_, accept_sec_context)            \
    F(gss_, acquire_cred_from)             \
    F(gss_, delete_sec_context)            \
    F(gss_, display_name)                  \
    F(gss_, display_status)                \
    F(gss_, get_name_attribute)            \
    F(gss_, import_name)                   \
    F(gss_, init_sec_context)              \
    F(gss_, inquire_context)               \
    F(gss_, krb5_export_lucid_sec_context) \
    F(gss_, krb5_free_lucid_sec_context)   \
    F(gss_, krb5_set_allowable_enctypes)   \
    F(gss_, release_buffer)                \
    F(gss_, release_cred)                  \
    F(gss_, release_name)                  \
    F(gss_, set_cred_option)

typedef struct mr_krb5_functions {
#define F(prefix, name) typeof(&prefix##name) name;
    KRB5_FUNCTIONS(F)
#undef F
} mr_krb5_functions;

typedef struct mr_gss_functions {
#define F(prefix, name) typeof(&prefix##name) name;
    GSS_FUNCTIONS(F)
#undef F
} mr_gss_functions;

extern mr_krb5_functions mr_krb5_mit;
extern mr_gss_functions mr_gss_mit;
static const mr_krb5_functions *const krb5 = &mr_krb5_mit;
static const mr_gss_functions *const gss = &mr_gss_mit;

/* Loads the libraries unless that is done: 0, or MR_ERR_UNSUPPORTED where they are missing. */
int mr_krb5_mit_load(mr_error *err);

#endif
