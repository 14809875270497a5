/*
 * Who wants to be authenticated, and by what: a name, and a password, a key or the name of a place
 * that holds tickets or keys. An identity owns copies of everything and wipes the secrets when it
 * is deinitialised or a secret is replaced. Nothing here ever puts a secret into a text. All
 * strings are UTF-8. Setters return 0, MR_ERR_SYNTAX or MR_ERR_MEMORY and leave the identity as it
 * was when they fail.
 */
#ifndef MSRPC_AUTH_IDENTITY_H
#define MSRPC_AUTH_IDENTITY_H

#include <msrpc/base.h>

#define MR_NT_HASH_SIZE 16

/* Its strings are never NULL after init: "" stands for none. */
typedef struct mr_identity {
    char *user;       /* sAMAccountName, or the part of a principal name before the @ */
    char *domain;     /* NetBIOS or DNS name of the domain, or the Kerberos realm */
    char *password;
    char *ccache;     /* name of a credential cache, "FILE:..." */
    char *keytab;     /* name of a key table */
    uint8_t nt_hash[MR_NT_HASH_SIZE]; /* of the password, or as given */
    uint8_t aes_key[32];              /* Kerberos long-term key */
    uint8_t aes_key_len;              /* 0, 16 or 32 */
    bool has_password;                /* an empty password is one, too */
    bool has_nt_hash;
    bool principal;   /* the name was written as user@domain */
    bool anonymous;   /* nobody: a null session */
    bool delegate;    /* the server may act for this identity (Kerberos) */
} mr_identity;

/* Starts with no name and no secret. Returns 0 or MR_ERR_MEMORY; after that it may be
 * deinitialised all the same, as may a zeroed one. */
int mr_identity_init(mr_identity *id, mr_error *err);
void mr_identity_deinit(mr_identity *id);
/* A copy of @from, as if it had been initialised. 0 or MR_ERR_MEMORY, when it may be deinitialised
 * all the same. */
int mr_identity_copy(mr_identity *id, const mr_identity *from, mr_error *err);

/* Reads "DOMAIN\user", "DOMAIN/user", "user@realm" or "user". Of "user@realm", as of
 * "host/server@REALM", the part after the last @ becomes the domain, and @principal remembers the
 * form. */
int mr_identity_set_name(mr_identity *id, mr_slice text, mr_error *err);
int mr_identity_set_user(mr_identity *id, mr_slice user, mr_error *err);
int mr_identity_set_domain(mr_identity *id, mr_slice domain, mr_error *err);
/* Keeps the password and its NT hash, MD4 of its UTF-16 (MS-NLMP 3.3.1). */
int mr_identity_set_password(mr_identity *id, mr_slice utf8, mr_error *err);
/* Whether @text is 32 hexadecimal digits: where a password may stand, too, it is a hash. */
bool mr_identity_is_nt_hash(mr_slice text);
/* Hexadecimal, "NTHASH" or "LMHASH:NTHASH" as dumps print it; the first part is not used. */
int mr_identity_set_nt_hash(mr_identity *id, mr_slice hex, mr_error *err);
/* Hexadecimal, 32 or 64 digits. */
int mr_identity_set_aes_key(mr_identity *id, mr_slice hex, mr_error *err);
int mr_identity_set_ccache(mr_identity *id, mr_slice name, mr_error *err);
int mr_identity_set_keytab(mr_identity *id, mr_slice name, mr_error *err);

#endif
