/* Two ends of NTLM and a listener for tests: an account "Alice" of LAB, or what a test changes. */
#ifndef NTLM_WORLD_H
#define NTLM_WORLD_H

#include "hex.h"

#include <stdlib.h>
#include <string.h>

#include <msrpc/auth.h>

#define NTLM_NOW 133506144000000000u

typedef struct ntlm_ends {
    mr_identity who, account;  /* as the client has it, and the server */
    mr_ntlm_options client_options, server_options, tap_options;
    mr_ntlm *client, *server, *tap;
    mr_buf tokens[3];          /* as they travelled last */
    mr_error err;
} ntlm_ends;

static inline void ntlm_ends_init(ntlm_ends *e, uint8_t level) {
    memset(e, 0, sizeof *e);
    e->err = MR_ERROR_INIT;
    mr_identity *both[] = {&e->who, &e->account};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mr_identity_init(both[i], NULL), 0);
        assert_int_equal(mr_identity_set_name(both[i], MR_SLICE_LIT("LAB\\Alice"), NULL), 0);
        assert_int_equal(mr_identity_set_password(both[i], MR_SLICE_LIT("s3cret"), NULL), 0);
    }
    e->client_options = (mr_ntlm_options){
        .role = MR_SECURITY_INITIATOR, .level = level, .now = NTLM_NOW, .identity = &e->who,
        .workstation = "PC7", .spn = "host/fs1.lab.test", .entropy = "client's entropy, 32 octets"};
    e->server_options = (mr_ntlm_options){
        .role = MR_SECURITY_ACCEPTOR, .level = level, .now = NTLM_NOW + 5,
        .entropy = "server's entropy", .find = mr_ntlm_find_identity, .user = &e->account,
        .names = {"FS1", "LAB", "fs1.lab.test", "lab.test", "lab.test", false}};
    e->tap_options = (mr_ntlm_options){.role = MR_SECURITY_OBSERVER,
                                       .find = mr_ntlm_find_identity, .user = &e->account};
    for (int i = 0; i < 3; i++)
        mr_buf_init(&e->tokens[i], NULL, 0, UINT16_MAX);
}

static inline void ntlm_ends_open(ntlm_ends *e) {
    assert_int_equal(mr_ntlm_new(&e->client_options, &e->client, &e->err), 0);
    assert_int_equal(mr_ntlm_new(&e->server_options, &e->server, &e->err), 0);
    assert_int_equal(mr_ntlm_new(&e->tap_options, &e->tap, &e->err), 0);
}

static inline void ntlm_ends_close(ntlm_ends *e) {
    mr_ntlm_free(e->client);
    mr_ntlm_free(e->server);
    mr_ntlm_free(e->tap);
    e->client = e->server = e->tap = NULL;
}

static inline void ntlm_ends_deinit(ntlm_ends *e) {
    ntlm_ends_close(e);
    mr_identity_deinit(&e->who);
    mr_identity_deinit(&e->account);
    for (int i = 0; i < 3; i++)
        mr_buf_deinit(&e->tokens[i]);
}

static inline int ntlm_step(mr_ntlm *n, enum mr_dir dir, mr_slice token, mr_buf *out,
                            mr_error *err) {
    mr_security *sec = mr_ntlm_get_security(n);
    return sec->class->step(sec, dir, token, out, err);
}

/* One leg: whoever's turn it is. Returns what the step returned. */
static inline int ntlm_leg(ntlm_ends *e, int leg) {
    mr_slice before = leg > 0 ? mr_buf_slice(&e->tokens[leg - 1]) : MR_SLICE_NULL;
    mr_buf *out = leg < 3 ? &e->tokens[leg] : NULL;
    uint8_t none[1];
    mr_buf nothing;

    mr_buf_init(&nothing, none, 0, 0);
    if (out)
        mr_buf_reset(out);
    return ntlm_step(leg % 2 ? e->server : e->client, leg % 2 ? MR_DIR_TO_SERVER : MR_DIR_TO_CLIENT,
                     before, out ? out : &nothing, &e->err);
}

/* The whole exchange, the listener listening. Returns what the server's last step returned. */
static inline int ntlm_shake(ntlm_ends *e) {
    for (int leg = 0; leg < 3; leg++) {
        int rc = ntlm_leg(e, leg);
        if (rc < 0)
            return rc;
        assert_int_equal(rc, leg < 2 ? MR_SECURITY_CONTINUE : 0);
        rc = ntlm_step(e->tap, leg % 2 ? MR_DIR_TO_CLIENT : MR_DIR_TO_SERVER,
                       mr_buf_slice(&e->tokens[leg]), NULL, &e->err);
        if (rc < 0)
            return rc;
        assert_int_equal(rc, leg < 2 ? MR_SECURITY_CONTINUE : 0);
    }
    return ntlm_leg(e, 3);
}

#endif
