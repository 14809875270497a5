/*
 * NTLM against gss-ntlmssp, another implementation with an API of its own (GSSAPI): our client and
 * its server, its client and our server; what one signs the other verifies, what one seals the
 * other opens, in both directions and in order; what was changed neither takes; the signatures of
 * a whole PDU are GSS_GetMIC of its octets (MS-RPCE 2.2.2.11); channel bindings are the same. It is
 * skipped where gss-ntlmssp is not installed.
 */
#include "ntlm_world.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>

#define USER "Alice"
#define DOMAIN "LAB"
#define PASSWORD "s3cret"
#define BINDINGS "tls-server-end-point:0123456789abcdef"
#define HEADER 24
#define BODY 48

/* 1.3.6.1.4.1.311.2.2.10 */
static gss_OID_desc ntlmssp = {10, (void *)(uintptr_t)"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"};
static gss_OID_set_desc only_ntlmssp = {1, &ntlmssp};
static char users_name[] = "/tmp/msrpc-users-XXXXXX";

typedef struct peers {
    ntlm_ends ends;
    bool we_accept;       /* else it does */
    mr_ntlm *ours;
    gss_ctx_id_t theirs;
    gss_cred_id_t cred;
    gss_name_t target;
    struct gss_channel_bindings_struct channel;
    uint8_t hash[MR_NTLM_BINDINGS];
    OM_uint32 flags;
} peers;

static bool is_there(void) {
    gss_OID_set mechs = GSS_C_NO_OID_SET;
    int present = 0;
    OM_uint32 minor;

    if (gss_indicate_mechs(&minor, &mechs) == GSS_S_COMPLETE)
        gss_test_oid_set_member(&minor, &ntlmssp, mechs, &present);
    gss_release_oid_set(&minor, &mechs);
    return present != 0;
}

static gss_name_t name_of(const char *text, gss_OID type) {
    gss_buffer_desc buffer = {strlen(text), (void *)(uintptr_t)text};
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 minor;

    assert_int_equal(gss_import_name(&minor, &buffer, type, &name), GSS_S_COMPLETE);
    return name;
}

static void acquire(peers *p) {
    gss_buffer_desc password = {strlen(PASSWORD), (void *)(uintptr_t)PASSWORD};
    OM_uint32 minor;
    gss_name_t user;

    p->target = name_of("host@fs1.lab.test", GSS_C_NT_HOSTBASED_SERVICE);
    if (!p->we_accept) {
        assert_int_equal(gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &only_ntlmssp,
                                          GSS_C_ACCEPT, &p->cred, NULL, NULL), GSS_S_COMPLETE);
        return;
    }
    user = name_of(DOMAIN "\\" USER, GSS_C_NT_USER_NAME);
    assert_int_equal(gss_acquire_cred_with_password(&minor, user, &password, GSS_C_INDEFINITE,
                                                    &only_ntlmssp, GSS_C_INITIATE, &p->cred, NULL,
                                                    NULL), GSS_S_COMPLETE);
    gss_release_name(&minor, &user);
}

static void start(peers *p, bool we_accept, uint8_t level, const char *password,
                  const char *our_channel, const char *their_channel) {
    memset(p, 0, sizeof *p);
    p->we_accept = we_accept;
    p->flags = GSS_C_INTEG_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_REPLAY_FLAG;
    if (level == MR_AUTH_LEVEL_PRIVACY)
        p->flags |= GSS_C_CONF_FLAG;
    ntlm_ends_init(&p->ends, level);
    mr_identity *id = we_accept ? &p->ends.account : &p->ends.who;
    assert_int_equal(mr_identity_set_password(id, mr_slice_str(password), NULL), 0);
    mr_ntlm_options *o = we_accept ? &p->ends.server_options : &p->ends.client_options;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    o->now = mr_time_filetime(now.tv_sec, 0);
    if (our_channel) {
        assert_int_equal(mr_ntlm_hash_bindings(mr_slice_str(our_channel), p->hash, NULL), 0);
        o->bindings = p->hash;
        o->require_bindings = true;
    }
    if (their_channel)
        p->channel.application_data = (gss_buffer_desc){strlen(their_channel),
                                                        (void *)(uintptr_t)their_channel};
    assert_int_equal(mr_ntlm_new(o, &p->ours, NULL), 0);
    acquire(p);
}

static void stop(peers *p) {
    OM_uint32 minor;

    mr_ntlm_free(p->ours);
    ntlm_ends_deinit(&p->ends);
    gss_delete_sec_context(&minor, &p->theirs, GSS_C_NO_BUFFER);
    gss_release_cred(&minor, &p->cred);
    gss_release_name(&minor, &p->target);
}

/* Its step; the answer goes to @out. */
static OM_uint32 their_step(peers *p, mr_slice token, mr_buf *out) {
    gss_buffer_desc in = {token.len, (void *)(uintptr_t)token.data}, answer = GSS_C_EMPTY_BUFFER;
    gss_channel_bindings_t channel = p->channel.application_data.length ? &p->channel : NULL;
    OM_uint32 minor, major;

    if (p->we_accept)
        major = gss_init_sec_context(&minor, p->cred, &p->theirs, p->target, &ntlmssp, p->flags, 0,
                                     channel, &in, NULL, &answer, NULL, NULL);
    else
        major = gss_accept_sec_context(&minor, &p->theirs, p->cred, &in, channel, NULL, NULL,
                                       &answer, NULL, NULL, NULL);
    mr_buf_reset(out);
    mr_buf_write(out, mr_slice_of(answer.value, answer.length));
    gss_release_buffer(&minor, &answer);
    return major;
}

/* Both complete: 0; else what ours says, or 1 when it is the other one that refuses. */
static int shake(peers *p) {
    uint8_t room[2][2048];
    mr_buf ours, theirs;
    OM_uint32 major = GSS_S_CONTINUE_NEEDED;
    int r = MR_SECURITY_CONTINUE;
    bool their_turn = p->we_accept;
    enum mr_dir dir = p->we_accept ? MR_DIR_TO_SERVER : MR_DIR_TO_CLIENT;

    mr_buf_init(&ours, room[0], sizeof room[0], sizeof room[0]);
    mr_buf_init(&theirs, room[1], sizeof room[1], sizeof room[1]);
    for (int leg = 0; leg < 4 && r >= 0 && !GSS_ERROR(major) && (r || major); leg++) {
        if (their_turn) {
            major = their_step(p, mr_buf_slice(&ours), &theirs);
        } else {
            mr_buf_reset(&ours);
            r = ntlm_step(p->ours, dir, mr_buf_slice(&theirs), &ours, NULL);
        }
        their_turn = !their_turn;
    }
    return r ? r : GSS_ERROR(major) ? 1 : 0;
}

/* ---- what is protected ---- */

typedef struct pdu {
    uint8_t octets[HEADER + BODY + MR_PDU_AUTH_SIZE + MR_NTLM_SIGNATURE];
    mr_security_frag frag;
} pdu;

/* With privacy GSS_Wrap signs and seals the same octets, so there header and trailer are empty. */
static void view(pdu *p, uint8_t level, enum mr_dir dir) {
    bool privacy = level == MR_AUTH_LEVEL_PRIVACY;
    size_t header = privacy ? 0 : HEADER, trailer = privacy ? 0 : MR_PDU_AUTH_SIZE;
    uint8_t *at = p->octets;

    for (size_t i = 0; i < sizeof p->octets; i++)
        p->octets[i] = (uint8_t)(i * 5 + dir);
    p->frag = (mr_security_frag){.header = mr_slice_of(at, header), .level = level, .dir = dir,
                                 .sign_header = true};
    p->frag.body = mr_slice_of(at + header, BODY);
    p->frag.trailer = mr_slice_of(at + header + BODY, trailer);
    p->frag.value = mr_slice_of(at + header + BODY + trailer, MR_NTLM_SIGNATURE);
}

static uint8_t *writable(pdu *p, mr_slice part) {
    return p->octets + (part.data - p->octets);
}

/* We protect, it verifies or opens; then it is changed, and refused. */
static void we_send(peers *p, uint8_t level, enum mr_dir dir, bool changed) {
    mr_security *sec = mr_ntlm_get_security(p->ours);
    OM_uint32 minor, major;
    pdu sent, plain;
    int conf = 0;

    view(&sent, level, dir);
    view(&plain, level, dir);
    assert_int_equal(sec->class->protect(sec, &sent.frag, writable(&sent, sent.frag.body),
                                         writable(&sent, sent.frag.value), NULL), 0);
    if (changed)
        sent.octets[3] ^= 1;
    size_t covered = (size_t)(sent.frag.value.data - sent.octets);
    gss_buffer_desc mic = {MR_NTLM_SIGNATURE, writable(&sent, sent.frag.value)};
    gss_buffer_desc octets = {covered, sent.octets}, opened = GSS_C_EMPTY_BUFFER;
    if (level != MR_AUTH_LEVEL_PRIVACY) {
        major = gss_verify_mic(&minor, p->theirs, &octets, &mic, NULL);
    } else {
        uint8_t wrapped[MR_NTLM_SIGNATURE + BODY];
        gss_buffer_desc in = {sizeof wrapped, wrapped};
        memcpy(wrapped, mic.value, MR_NTLM_SIGNATURE);
        memcpy(wrapped + MR_NTLM_SIGNATURE, sent.octets, BODY);
        major = gss_unwrap(&minor, p->theirs, &in, &opened, &conf, NULL);
        if (!changed)
            assert_memory_equal(opened.value, plain.octets, BODY);
        gss_release_buffer(&minor, &opened);
    }
    assert_int_equal(GSS_ERROR(major) != 0, changed);
}

/* It signs or seals, we verify or open. */
static void they_send(peers *p, uint8_t level, enum mr_dir dir, bool changed) {
    mr_security *sec = mr_ntlm_get_security(p->ours);
    gss_buffer_desc made = GSS_C_EMPTY_BUFFER;
    bool privacy = level == MR_AUTH_LEVEL_PRIVACY;
    uint8_t body[BODY];
    OM_uint32 minor;
    pdu sent;

    view(&sent, level, dir);
    size_t covered = (size_t)(sent.frag.value.data - sent.octets);
    gss_buffer_desc octets = {covered, sent.octets};
    uint8_t *value = writable(&sent, sent.frag.value);
    if (privacy) {
        assert_int_equal(gss_wrap(&minor, p->theirs, 1, GSS_C_QOP_DEFAULT, &octets, NULL, &made),
                         GSS_S_COMPLETE);
        assert_int_equal(made.length, MR_NTLM_SIGNATURE + BODY);
        memcpy(value, made.value, MR_NTLM_SIGNATURE);
        memcpy(sent.octets, (uint8_t *)made.value + MR_NTLM_SIGNATURE, BODY);
    } else {
        assert_int_equal(gss_get_mic(&minor, p->theirs, GSS_C_QOP_DEFAULT, &octets, &made),
                         GSS_S_COMPLETE);
        assert_int_equal(made.length, MR_NTLM_SIGNATURE);
        memcpy(value, made.value, MR_NTLM_SIGNATURE);
    }
    gss_release_buffer(&minor, &made);
    if (changed)
        sent.octets[7] ^= 0x80;
    assert_int_equal(sec->class->unprotect(sec, &sent.frag, privacy ? body : NULL, NULL),
                     changed ? MR_ERR_AUTH : 0);
    if (privacy && !changed) {
        pdu plain;
        view(&plain, level, dir);
        assert_memory_equal(body, plain.octets, BODY);
    }
}

static void both_ways(void **state) {
    (void)state;
    if (!is_there())
        skip();
    for (int we_accept = 0; we_accept < 2; we_accept++)
        for (uint8_t level = MR_AUTH_LEVEL_INTEGRITY; level <= MR_AUTH_LEVEL_PRIVACY; level++) {
            enum mr_dir sends = we_accept ? MR_DIR_TO_CLIENT : MR_DIR_TO_SERVER;
            mr_ntlm_info info;
            peers p;
            start(&p, we_accept, level, PASSWORD, NULL, NULL);
            assert_int_equal(shake(&p), 0);
            mr_ntlm_get_info(p.ours, &info);
            assert_true(info.complete && info.v2);
            assert_int_equal(info.key_bits, 128);
            assert_string_equal(we_accept ? info.user : info.domain, we_accept ? USER : DOMAIN);
            for (int i = 0; i < 5; i++) {
                we_send(&p, level, sends, false);
                they_send(&p, level, !sends, false);
                they_send(&p, level, !sends, false);
            }
            we_send(&p, level, sends, true);
            they_send(&p, level, !sends, true);
            stop(&p);
        }
}

static void wrong_password(void **state) {
    (void)state;
    if (!is_there())
        skip();
    for (int we_accept = 0; we_accept < 2; we_accept++) {
        peers p;
        start(&p, we_accept, MR_AUTH_LEVEL_INTEGRITY, "another", NULL, NULL);
        assert_int_equal(shake(&p), we_accept ? MR_ERR_AUTH : 1);
        stop(&p);
    }
}

/* The two make the same hash of the same octets, and look at it. */
static void bindings(void **state) {
    static const struct {
        const char *ours, *theirs;
        bool accepted[2]; /* by it, by us */
    } rows[] = {
        {BINDINGS, BINDINGS, {true, true}},
        {BINDINGS "!", BINDINGS, {false, false}},
        {BINDINGS, NULL, {true, false}},
    };
    (void)state;

    if (!is_there())
        skip();
    for (size_t i = 0; i < MR_COUNT(rows); i++)
        for (int we_accept = 0; we_accept < 2; we_accept++) {
            peers p;
            start(&p, we_accept, MR_AUTH_LEVEL_INTEGRITY, PASSWORD, rows[i].ours,
                  rows[i].theirs);
            int r = shake(&p);
            assert_int_equal(r, rows[i].accepted[we_accept] ? 0 : we_accept ? MR_ERR_AUTH : 1);
            stop(&p);
        }
}

/* gss-ntlmssp forgets some memory, of libcrypto's too; ours is watched by the other tests. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:gssntlmssp.so\nleak:CRYPTO_zalloc\n";
}

int main(void) {
    static const char users[] = DOMAIN ":" USER ":" PASSWORD "\n";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(wrong_password),
        cmocka_unit_test(bindings),
    };
    int fd = mkstemp(users_name);

    if (fd < 0 || write(fd, users, sizeof users - 1) != (ssize_t)sizeof users - 1)
        return 1;
    close(fd);
    setenv("NTLM_USER_FILE", users_name, 1);
    setenv("NETBIOS_COMPUTER_NAME", "FS1", 1);
    setenv("NETBIOS_DOMAIN_NAME", DOMAIN, 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(users_name);
    return failed;
}
