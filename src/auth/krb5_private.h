/*
 * What the Kerberos files of this floor share: a library context that reads no configuration file,
 * and what is kept of a failure.
 */
#ifndef KRB5_PRIVATE_H
#define KRB5_PRIVATE_H

#include <msrpc/auth/krb5.h>
#include <msrpc/wire/krb.h>

#include "krb5_flow.h"
#include "krb5_mit.h"

typedef struct mr_krb5_reason {
    mr_krb5_failure is; /* but for its strings, which are these: */
    char text[160];
    char realm[128];
} mr_krb5_reason;

void mr_krb5_reason_reset(mr_krb5_reason *reason);
/* Keeps what a KRB-ERROR says; @now is our clock in Unix seconds or 0. 0 or MR_ERR_MALFORMED. */
int mr_krb5_reason_read(mr_krb5_reason *reason, mr_slice message, int64_t now);
/* The same with its strings pointed at. */
mr_krb5_failure mr_krb5_reason_get(const mr_krb5_reason *reason);

/* A library context with settings of our own in place of krb5.conf; the first one loads the
 * library. 0, MR_ERR_MEMORY, MR_ERR_UNSUPPORTED (it is not there) or MR_ERR_AUTH. */
int mr_krb5_library_init(krb5_context *contextp, bool clock_sync, mr_error *err);
/* Fails with the library's own sentence after @what: MR_ERR_MEMORY, MR_ERR_NOT_FOUND for caches,
 * tables, tickets and keys that are not there, else MR_ERR_AUTH. @reason (or NULL) keeps the code
 * unless a peer's word for it is already there. */
int mr_krb5_fail(mr_error *err, krb5_context context, krb5_error_code code,
                 mr_krb5_reason *reason, const char *what);
/* The RFC 4120 code in a library's number, or MR_KRB5_NO_CODE. */
uint32_t mr_krb5_code_of(krb5_error_code code);

/* A principal as text into @out of @size octets; "" when it does not fit. */
void mr_krb5_print_name(krb5_context context, krb5_const_principal name, char *out, size_t size);
/* Copies @len octets, control characters as blanks, cut to fit and ended by a NUL. */
void mr_krb5_copy_text(char *out, size_t size, const void *text, size_t len);

#define MR_KRB5_NAME_MAX 256

struct mr_krb5 {
    mr_security base;
    uint8_t level;
    int64_t now;
    uint8_t entropy[MR_KRB5_ENTROPY];
    bool delegate;
    bool complete;
    bool failed;
    bool bound;
    struct mr_krb5_legs *legs;        /* GSSAPI's side of initiator and acceptor, until complete */
    struct mr_krb5_watch *watch;      /* an observer's keys */
    mr_krb5_secret secret;
    mr_krb5_flow flows[2];
    char client[MR_KRB5_NAME_MAX];
    char service[MR_KRB5_NAME_MAX];
    int32_t ticket_etype;
    uint32_t ticket_kvno;
    size_t token_len; /* of the last one made */
    uint8_t *pac;
    size_t pac_len;
    mr_krb5_reason reason;
};

/* The message in a token: as it is (DCE style), or without the frame of RFC 4121 4.1. */
mr_slice mr_krb5_unframe(mr_slice token);
/* Keeps what the clear part of an AP-REQ says. */
void mr_krb5_note_ticket(mr_krb5 *k, mr_slice ap_req);
/* Starts both directions from @k->secret and is complete. */
int mr_krb5_finish(mr_krb5 *k, mr_error *err);

int mr_krb5_legs_init(mr_krb5 *k, const mr_krb5_options *options, mr_error *err);
void mr_krb5_legs_deinit(mr_krb5 *k);
int mr_krb5_legs_step(mr_krb5 *k, mr_slice token, mr_buf *out, mr_error *err);

int mr_krb5_watch_init(mr_krb5 *k, const mr_krb5_options *options, mr_error *err);
void mr_krb5_watch_deinit(mr_krb5 *k);
int mr_krb5_watch_step(mr_krb5 *k, enum mr_dir dir, mr_slice token, mr_error *err);

#endif
