/* NTLM's provider in its three roles, fed with any tokens and fragments. The first octet chooses
 * the role (2 bits), the level (3 bits), and whether NTLMv1, weak sessions and nobody are taken;
 * then pieces follow (pieces.h). Clock, entropy and password are always the same, so that a
 * recorded exchange comes to its end. Checked: what a step returns agrees with what the context
 * tells of itself, failures stay, and an observer says nothing. */
#include <msrpc/auth.h>

#include <stdio.h>

#include "pieces.h"

enum {
    PIECE_TOKEN,      /* and 1: to the client */
    PIECE_PROTECT = 2,
    PIECE_OPEN = 4,
    PIECE_MIC = 6,
    PIECE_RESET = 8,
};

typedef struct run {
    mr_identity id;
    mr_ntlm *n;
    mr_security *sec;
    uint8_t level;
    int failed; /* what the first step that failed returned */
} run;

static void check(bool ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

static bool begin(run *r, uint8_t first) {
    mr_ntlm_options o = {
        .role = (enum mr_security_role)(first % 4 % 3),
        .level = (uint8_t)(MR_AUTH_LEVEL_NONE + ((first >> 2) & 7) % 6),
        .now = 133506144000000000u,
        .entropy = "always the same",
        .v1 = first & 0x20,
        .weak = first & 0x40,
        .anonymous = first & 0x80,
        .identity = &r->id,
        .workstation = "PC7",
        .spn = "host/fs1",
        .find = mr_ntlm_find_identity,
        .user = &r->id,
        .names = {.computer = "FS1", .domain = "LAB", .dns_domain = "lab.test"},
    };

    r->level = o.level;
    return mr_identity_init(&r->id, NULL) == 0 &&
           mr_identity_set_name(&r->id, MR_SLICE_LIT("LAB\\alice"), NULL) == 0 &&
           mr_identity_set_password(&r->id, MR_SLICE_LIT("s3cret"), NULL) == 0 &&
           mr_ntlm_new(&o, &r->n, NULL) == 0;
}

static void step(run *r, enum mr_dir dir, mr_slice token) {
    mr_error err = MR_ERROR_INIT;
    mr_ntlm_info info;
    mr_buf out;

    mr_buf_init(&out, NULL, 0, 100000);
    int rc = r->sec->class->step(r->sec, dir, token, &out, &err);
    mr_ntlm_get_info(r->n, &info);
    check(r->failed == 0 || rc == r->failed, "a failure that did not stay");
    check((rc < 0) == (info.failure != MR_NTLM_FAIL_NONE), "a failure and the info differ");
    check(rc != 0 || info.complete, "done, but not complete");
    check(rc >= 0 || (err.code == rc && err.text[0]), "a failure without words");
    check(r->sec->role != MR_SECURITY_OBSERVER || out.len == 0, "an observer that speaks");
    check(rc < 0 || r->sec->role == MR_SECURITY_OBSERVER || out.len > 0 || rc == 0,
          "a step that waits for nothing");
    if (rc < 0)
        r->failed = rc;
    mr_buf_deinit(&out);
}

/* The piece as a fragment: 24 octets of header, the body, a trailer and a value. */
static mr_security_frag view(const run *r, mr_slice pdu, enum mr_dir dir) {
    mr_security_frag f = {.level = r->level, .dir = dir, .sign_header = pdu.len % 2};
    size_t rest = pdu.len < 48 ? 0 : pdu.len - 48;

    f.header = mr_slice_sub(pdu, 0, 24);
    f.body = mr_slice_sub(pdu, 24, rest);
    f.trailer = mr_slice_sub(pdu, 24 + rest, 8);
    f.value = mr_slice_sub(pdu, 32 + rest, 16);
    return f;
}

static void play(run *r, uint8_t what, uint8_t *octets, size_t len) {
    static uint8_t plain[65536];
    enum mr_dir dir = what % 2;
    mr_slice piece = mr_slice_of(octets, len);
    mr_security_frag f = view(r, piece, dir);
    mr_ntlm_info info;
    int rc = 0;

    mr_ntlm_get_info(r->n, &info);
    switch (what % 10 & ~1) {
    case PIECE_PROTECT:
        rc = r->sec->class->protect(r->sec, &f, octets + f.header.len,
                                    octets + (f.value.data - piece.data), NULL);
        check(rc != 0 || f.value.len == r->sec->class->sizes(r->sec, r->level), "a short value");
        break;
    case PIECE_OPEN:
        rc = r->sec->class->unprotect(r->sec, &f, f.level == MR_AUTH_LEVEL_PRIVACY ? plain : NULL,
                                      NULL);
        break;
    case PIECE_MIC:
        rc = mr_ntlm_verify_mic(r->n, dir, mr_slice_sub(piece, 16, SIZE_MAX),
                                mr_slice_sub(piece, 0, 16), NULL);
        break;
    case PIECE_RESET:
        mr_ntlm_reset_for_spnego(r->n, dir);
        return;
    default:
        step(r, dir, piece);
        return;
    }
    check(rc < 0 || info.complete, "protection without a context");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_cursor c = mr_cursor_of(mr_slice_of(data, size));
    run r = {0};

    if (begin(&r, mr_cursor_read_u8(&c))) {
        r.sec = mr_ntlm_get_security(r.n);
        for (struct piece p; take_piece(&c, &p); free(p.octets))
            play(&r, p.what, p.octets, p.len);
    }
    mr_ntlm_free(r.n);
    mr_identity_deinit(&r.id);
    return 0;
}
