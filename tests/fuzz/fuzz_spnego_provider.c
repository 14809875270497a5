/* Random tokens for Negotiate's three roles with NTLM inside, a mechanism that takes whatever
 * comes, or both: a script of lengths and octets. The first octet chooses the role and the
 * mechanisms, each token has a length of 16 bits in front. Nothing is complete that has not chosen
 * a mechanism, and a fallback has a reason. */
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

/* ---- in the place of Kerberos: a token each way, "no" ends it, a signature is one octet ---- */

typedef struct toy {
    mr_security base;
    unsigned steps;
} toy;

static int toy_step(mr_security *sec, enum mr_dir dir, mr_slice token, mr_buf *out, mr_error *err) {
    toy *t = (toy *)sec;
    (void)dir;

    if (mr_slice_eq(token, MR_SLICE_LIT("no")))
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "the toy was told no");
    if (sec->role != MR_SECURITY_OBSERVER)
        mr_buf_write(out, MR_SLICE_LIT("toy"));
    return ++t->steps < 2 ? MR_SECURITY_CONTINUE : 0;
}

static int toy_get_mic(mr_security *sec, enum mr_dir dir, mr_slice octets, uint8_t *micp,
                       size_t *lenp, mr_error *err) {
    (void)sec;
    (void)octets;
    (void)err;
    micp[0] = (uint8_t)('0' + dir);
    *lenp = 1;
    return 0;
}

static int toy_verify_mic(mr_security *sec, enum mr_dir dir, mr_slice octets, mr_slice mic,
                          mr_error *err) {
    (void)sec;
    (void)octets;
    return mic.len == 1 && mic.data[0] == '0' + dir
               ? 0 : mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "a wrong sum");
}

static const mr_security_class toy_class = {
    .name = "toy", .auth_type = MR_AUTH_KRB5, .step = toy_step};

/* ---- a run ---- */

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
    uint8_t first = mr_cursor_read_u8(&c), which = first / 3 % 4;
    enum mr_security_role role = (enum mr_security_role)(first % 3);
    mr_identity who;
    mr_ntlm_options inner = {
        .role = role, .level = MR_AUTH_LEVEL_PRIVACY, .identity = &who, .names = {"FS1"},
        .find = role == MR_SECURITY_INITIATOR ? NULL : find, .anonymous = true};
    toy other = {.base = {&toy_class, role}};
    mr_spnego_mech toy_mech = {.mech = MR_MECH_KRB5, .security = &other.base,
                               .get_mic = toy_get_mic, .verify_mic = toy_verify_mic};
    mr_spnego_options options = {.role = role, .mech_count = which % 3 == 0 ? 1 : 2};
    mr_spnego *spnego = NULL;
    mr_ntlm *ntlm = NULL;
    mr_spnego_info info;

    if (!mr_cursor_ok(&c) || mr_identity_init(&who, NULL) != 0)
        return 0;
    who.anonymous = true;
    if (mr_ntlm_new(&inner, &ntlm, NULL) == 0) {
        mr_spnego_mech real = mr_spnego_of_ntlm(ntlm);
        options.mechs[0] = which == 1 || which == 3 ? toy_mech : real;
        options.mechs[1] = which == 1 ? real : toy_mech;
        if (mr_spnego_new(&options, &spnego, NULL) == 0) {
            feed(mr_spnego_get_security(spnego), &c);
            mr_spnego_get_info(spnego, &info);
            if (info.offered_count > MR_SPNEGO_MECHS || !info.why || !info.failure ||
                (info.complete && !info.security) ||
                (info.fallback != MR_SPNEGO_NO_FALLBACK && !*info.why))
                __builtin_trap();
        }
    }
    mr_spnego_free(spnego);
    mr_ntlm_free(ntlm);
    mr_identity_deinit(&who);
    return 0;
}
