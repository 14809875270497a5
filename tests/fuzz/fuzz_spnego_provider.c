/* Random tokens for Negotiate's three roles with NTLM inside: a script of lengths and octets. The
 * first octet chooses the role, each token has a length of 16 bits in front. */
#include <msrpc/auth.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int find(void *user, mr_slice account, mr_slice domain, uint8_t nt_hash[MR_NT_HASH_SIZE],
                mr_error *err) {
    (void)user;
    (void)account;
    (void)domain;
    (void)err;
    for (size_t i = 0; i < MR_NT_HASH_SIZE; i++)
        nt_hash[i] = (uint8_t)i;
    return 0;
}

static void feed(mr_security *sec, mr_cursor *c) {
    int rc = MR_SECURITY_CONTINUE;
    bool first = sec->role == MR_SECURITY_INITIATOR;

    for (unsigned i = 0; rc == MR_SECURITY_CONTINUE && (first || mr_cursor_left(c)); i++) {
        mr_slice token = MR_SLICE_NULL;
        mr_error err = MR_ERROR_INIT;
        mr_buf out;
        if (!first) {
            size_t n = mr_cursor_read_u16(c), left = mr_cursor_left(c);
            token = mr_cursor_read(c, n < left ? n : left);
        }
        first = false;
        mr_buf_init(&out, NULL, 0, UINT16_MAX);
        rc = sec->class->step(sec, i % 2 ? MR_DIR_TO_CLIENT : MR_DIR_TO_SERVER, token, &out, &err);
        if (rc < 0 && (err.code != rc || !err.text[0]))
            __builtin_trap();
        mr_buf_deinit(&out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_cursor c = mr_cursor_of(mr_slice_of(data, size));
    enum mr_security_role role = (enum mr_security_role)(mr_cursor_read_u8(&c) % 3);
    mr_identity who;
    mr_ntlm_options inner = {
        .role = role, .level = MR_AUTH_LEVEL_PRIVACY, .identity = &who, .names = {"FS1"},
        .find = role == MR_SECURITY_INITIATOR ? NULL : find, .anonymous = true};
    mr_spnego_options options = {.role = role, .mech_count = 1};
    mr_spnego *spnego = NULL;
    mr_ntlm *ntlm = NULL;
    mr_spnego_info info;

    if (!mr_cursor_ok(&c) || mr_identity_init(&who, NULL) != 0)
        return 0;
    who.anonymous = true;
    if (mr_ntlm_new(&inner, &ntlm, NULL) == 0) {
        options.mechs[0] = mr_spnego_of_ntlm(ntlm);
        if (mr_spnego_new(&options, &spnego, NULL) == 0) {
            feed(mr_spnego_get_security(spnego), &c);
            mr_spnego_get_info(spnego, &info);
            if (info.offered_count > MR_SPNEGO_MECHS || !info.why || !info.failure)
                __builtin_trap();
        }
    }
    mr_spnego_free(spnego);
    mr_ntlm_free(ntlm);
    mr_identity_deinit(&who);
    return 0;
}
