/*
 * Kerberos as a security provider: what its three roles share. The legs of initiator and acceptor
 * are GSSAPI's (krb5_legs.c), an observer reads along (krb5_watch.c), all end in one secret from
 * which both directions are made (krb5_flow.c).
 */
#include <stdlib.h>

#include <msrpc/wire/ber.h>

#include "krb5_private.h"

mr_slice mr_krb5_unframe(mr_slice token) {
    mr_cursor c = mr_cursor_of(token);

    if (mr_ber_peek(&c) != MR_BER_APPLICATION(0))
        return token;
    mr_cursor frame = mr_ber_read(&c, MR_BER_APPLICATION(0));
    mr_ber_skip(&frame); /* the mechanism's name */
    mr_cursor_read_u16(&frame);
    if (!mr_cursor_ok(&frame))
        return token;
    return mr_cursor_read(&frame, mr_cursor_left(&frame));
}

void mr_krb5_note_ticket(mr_krb5 *k, mr_slice ap_req) {
    mr_krb_ap ap;

    if (mr_krb_ap_decode(ap_req, &ap, NULL) < 0)
        return;
    k->ticket_etype = ap.ticket.etype;
    k->ticket_kvno = ap.ticket.kvno;
}

int mr_krb5_finish(mr_krb5 *k, mr_error *err) {
    static const enum mr_dir sends[] = {
        [MR_SECURITY_INITIATOR] = MR_DIR_TO_SERVER,
        [MR_SECURITY_ACCEPTOR] = MR_DIR_TO_CLIENT,
    };
    int rc = 0;

    for (int dir = 0; dir < 2 && rc == 0; dir++) {
        bool watches = k->base.role == MR_SECURITY_OBSERVER;
        bool ours = !watches && sends[k->base.role] == (enum mr_dir)dir;
        mr_krb5_flow_deinit(&k->flows[dir]);
        rc = mr_krb5_flow_init(&k->flows[dir], &k->secret, (enum mr_dir)dir,
                               ours ? k->entropy : NULL, err);
        k->flows[dir].any_order = watches;
    }
    k->complete = rc == 0;
    return rc;
}

/* ---- the vtable ---- */

static int step(mr_security *sec, enum mr_dir dir, mr_slice token, mr_buf *out, mr_error *err) {
    mr_krb5 *k = (mr_krb5 *)sec;
    int rc;

    if (k->base.role == MR_SECURITY_OBSERVER)
        return mr_krb5_watch_step(k, dir, token, err);
    if (k->failed || k->complete)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "Kerberos: the exchange is over");
    rc = mr_krb5_legs_step(k, token, out, err);
    k->failed = rc < 0;
    if (rc <= 0)
        mr_krb5_legs_deinit(k);
    return rc;
}

static uint16_t sizes(mr_security *sec, uint8_t level) {
    const mr_krb5 *k = (const mr_krb5 *)sec;

    return mr_krb5_token_size(k->secret.etype, level);
}

static int incomplete(mr_error *err) {
    return mr_fail(err, MR_ERR_STATE, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "Kerberos: the exchange is not complete");
}

static int protect(mr_security *sec, const mr_security_frag *frag, uint8_t *body, uint8_t *value,
                   mr_error *err) {
    mr_krb5 *k = (mr_krb5 *)sec;

    if (!k->complete)
        return incomplete(err);
    return mr_krb5_flow_protect(&k->flows[frag->dir], frag, body, value, err);
}

static int unprotect(mr_security *sec, const mr_security_frag *frag, uint8_t *body,
                     mr_error *err) {
    mr_krb5 *k = (mr_krb5 *)sec;

    if (!k->complete)
        return incomplete(err);
    return mr_krb5_flow_unprotect(&k->flows[frag->dir], frag, body, err);
}

static const mr_security_class krb5_class = {
    .name = "kerberos", .auth_type = MR_AUTH_KRB5, .step = step, .sizes = sizes,
    .protect = protect, .unprotect = unprotect};

/* ---- the object ---- */

/* What protects messages is loaded before the exchange, so that nothing is sent without it. */
static int load_crypto(mr_error *err) {
    mr_digest digest = {0};
    int rc = mr_digest_init(&digest, MR_HASH_SHA256, err);

    mr_digest_deinit(&digest);
    return rc;
}

int mr_krb5_new(const mr_krb5_options *options, mr_krb5 **krb5p, mr_error *err) {
    mr_krb5 *k = calloc(1, sizeof *k);
    int rc;

    if (!k)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "no memory for Kerberos");
    k->base.class = &krb5_class;
    k->base.role = options->role;
    k->level = options->level;
    k->now = options->now;
    k->delegate = options->delegate;
    memcpy(k->entropy, options->entropy, sizeof k->entropy);
    mr_krb5_reason_reset(&k->reason);
    rc = options->role == MR_SECURITY_OBSERVER ? mr_krb5_watch_init(k, options, err)
                                               : mr_krb5_legs_init(k, options, err);
    if (rc == 0)
        rc = load_crypto(err);
    if (rc < 0) {
        mr_krb5_free(k);
        return rc;
    }
    *krb5p = k;
    return 0;
}

void mr_krb5_free(mr_krb5 *k) {
    if (!k)
        return;
    mr_krb5_legs_deinit(k);
    mr_krb5_watch_deinit(k);
    mr_krb5_flow_deinit(&k->flows[0]);
    mr_krb5_flow_deinit(&k->flows[1]);
    free(k->pac);
    mr_wipe(k, sizeof *k);
    free(k);
}

mr_security *mr_krb5_get_security(mr_krb5 *k) {
    return &k->base;
}

void mr_krb5_get_info(const mr_krb5 *k, mr_krb5_info *infop) {
    *infop = (mr_krb5_info){
        .complete = k->complete,
        .client = k->client,
        .service = k->service,
        .etype = k->secret.etype,
        .ticket_etype = k->ticket_etype,
        .ticket_kvno = k->ticket_kvno,
        .pac = mr_slice_of(k->pac, k->pac_len),
        .bound = k->bound,
        .token_len = k->token_len,
        .failure = mr_krb5_reason_get(&k->reason),
    };
}

int mr_krb5_get_session_key(const mr_krb5 *k, mr_slice *keyp, mr_error *err) {
    if (!k->complete)
        return incomplete(err);
    *keyp = mr_slice_of(k->secret.key, k->secret.len);
    return 0;
}

/* ---- signatures of other octets ---- */

int mr_krb5_get_mic(mr_krb5 *k, enum mr_dir dir, mr_slice octets, uint8_t *micp, size_t *lenp,
                    mr_error *err) {
    uint16_t size = mr_krb5_token_size(k->secret.etype, MR_AUTH_LEVEL_INTEGRITY);
    mr_security_frag frag = {.body = octets, .value = {micp, size},
                             .level = MR_AUTH_LEVEL_INTEGRITY, .dir = dir};

    if (!k->complete)
        return incomplete(err);
    /* a signature leaves the body as it is */
    int rc = mr_krb5_flow_protect(&k->flows[dir], &frag, NULL, micp, err);
    if (rc == 0)
        *lenp = size;
    return rc;
}

int mr_krb5_verify_mic(mr_krb5 *k, enum mr_dir dir, mr_slice octets, mr_slice mic,
                       mr_error *err) {
    mr_security_frag frag = {.body = octets, .value = mic, .level = MR_AUTH_LEVEL_INTEGRITY,
                             .dir = dir};

    if (!k->complete)
        return incomplete(err);
    return mr_krb5_flow_unprotect(&k->flows[dir], &frag, NULL, err);
}
