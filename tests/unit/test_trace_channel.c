/*
 * The session keys of machines as a capture shows them being made: both challenges and the proof,
 * of either form and in every transfer syntax, give the key that the machine's hash gives; whatever
 * is missing, refused or of another password gives none, and what cannot be read breaks nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/crypto.h>
#include <msrpc/ifaces.h>
#include <msrpc/ifaces/netlogon.h>

#include "trace.h"

#define CHANNELS 256 /* that are kept */
#define FLAGS 0x41004000u

enum { REQ_CHALLENGE = 4, AUTHENTICATE2 = 15, AUTHENTICATE3 = 26 };

static const uint8_t machine_hash[MR_NT_HASH_SIZE] = "sixteen octets!";

/* Every account of a machine whose name begins with P has the hash. */
static int find(void *user, mr_slice account, mr_slice domain, uint8_t nt_hashp[MR_NT_HASH_SIZE],
                mr_error *err) {
    (void)domain;
    (void)err;
    assert_ptr_equal(user, machine_hash);
    if (account.len < 2 || account.data[0] != 'P')
        return MR_ERR_NOT_FOUND;
    memcpy(nt_hashp, machine_hash, sizeof machine_hash);
    return 0;
}

struct world {
    struct trace_channels *channels;
    mr_ndr_format format;
    uint64_t flow;
    uint32_t id;
};

static void setup(struct world *w) {
    *w = (struct world){.format = {MR_NDR20, false}, .flow = 7, .id = 1};
    assert_int_equal(trace_channels_new(find, (void *)(uintptr_t)machine_hash, &w->channels), 0);
}

static void teardown(struct world *w) {
    trace_channels_free(w->channels);
}

/* One half of the call in progress, its last @cut octets missing. */
static void hear(struct world *w, uint16_t opnum, enum mr_dir dir, const void *args, size_t cut) {
    const mr_proc *proc = mr_iface_get_proc(&mr_netlogon_iface, opnum);
    mr_buf stub;

    mr_buf_init(&stub, NULL, 0, 4096);
    assert_int_equal(mr_ndr_encode(proc, dir == MR_DIR_TO_CLIENT ? MR_NDR_RESPONSE : MR_NDR_REQUEST,
                                   w->format, args, &stub, NULL), 0);
    assert_true(cut < stub.len);
    const mr_seen_stub seen = {.opnum = opnum, .known = true,
                               .ndr64 = w->format.syntax == MR_NDR64, .big = w->format.big,
                               .id = w->id, .bytes = mr_slice_of(stub.data, stub.len - cut)};
    trace_channels_learn(w->channels, dir, w->flow, &seen);
    mr_buf_deinit(&stub);
}

static uint16_t *wide(const char *text, uint16_t units[64]) {
    size_t i = 0;

    for (; text[i]; i++)
        units[i] = (uint8_t)text[i];
    units[i] = 0;
    return units;
}

struct exchange {
    const char *computer, *account;
    uint16_t opnum; /* of the proof; 0: 3 */
    uint8_t hash[MR_NT_HASH_SIZE];
    uint8_t client[8], server[8];
    uint32_t statuses[2];
    size_t cuts[4];
    mr_netlogon_key key; /* made */
};

static struct exchange good(const char *computer, const char *account) {
    struct exchange e = {.computer = computer, .account = account, .opnum = AUTHENTICATE3,
                         .client = {1, 2, 3, 4, 5, 6, 7, 8}, .server = {9, 8, 7, 6, 5, 4, 3, 2}};

    memcpy(e.hash, machine_hash, sizeof e.hash);
    return e;
}

static void ask_challenge(struct world *w, struct exchange *e) {
    struct mr_netlogon_NetrServerReqChallenge args = {.result = (int32_t)e->statuses[0]};
    uint16_t computer[64];

    args.ComputerName = wide(e->computer, computer);
    memcpy(args.ClientChallenge.data, e->client, 8);
    memcpy(args.ServerChallenge.data, e->server, 8);
    hear(w, REQ_CHALLENGE, MR_DIR_TO_SERVER, &args, e->cuts[0]);
    hear(w, REQ_CHALLENGE, MR_DIR_TO_CLIENT, &args, e->cuts[1]);
    w->id++;
}

/* The key of AES, and the client's credential under it (MS-NRPC 3.1.4.3.1, 3.1.4.4.1). */
static void make_key(struct exchange *e, uint8_t credential[8]) {
    const mr_slice parts[] = {{e->client, 8}, {e->server, 8}};
    uint8_t mac[32];

    assert_int_equal(mr_hmac_once(MR_HASH_SHA256, mr_slice_of(e->hash, sizeof e->hash), parts, 2,
                                  mac, NULL), 0);
    e->key = (mr_netlogon_key){.aes = true};
    memcpy(e->key.key, mac, MR_NETLOGON_KEY);
    assert_int_equal(mr_netlogon_get_credential(&e->key, e->client, credential, NULL), 0);
}

static void prove(struct world *w, struct exchange *e) {
    struct mr_netlogon_NetrServerAuthenticate3 args = {.NegotiateFlags = FLAGS};
    struct mr_netlogon_NetrServerAuthenticate2 old = {.NegotiateFlags = FLAGS};
    uint16_t computer[64], account[64];
    void *which = e->opnum == AUTHENTICATE2 ? (void *)&old : &args;

    args.AccountName = old.AccountName = wide(e->account, account);
    args.ComputerName = old.ComputerName = wide(e->computer, computer);
    args.SecureChannelType = old.SecureChannelType = mr_netlogon_WorkstationSecureChannel;
    make_key(e, args.ClientCredential.data);
    old.ClientCredential = args.ClientCredential;
    args.AccountRid = 1103;
    args.result = old.result = (int32_t)e->statuses[1];
    hear(w, e->opnum, MR_DIR_TO_SERVER, which, e->cuts[2]);
    hear(w, e->opnum, MR_DIR_TO_CLIENT, which, e->cuts[3]);
    w->id++;
}

static void enter(struct world *w, struct exchange *e) {
    ask_challenge(w, e);
    prove(w, e);
}

static bool knows(const struct world *w, const char *computer, const struct exchange *e) {
    mr_netlogon_key key = {.aes = false};
    int r = trace_channels_find(w->channels, mr_slice_str(computer), &key);

    assert_true(r == 0 || r == MR_ERR_NOT_FOUND);
    return r == 0 && key.aes && memcmp(key.key, e->key.key, sizeof key.key) == 0;
}

static void forms(void **state) {
    static const mr_ndr_format formats[] = {{MR_NDR20, false}, {MR_NDR20, true}, {MR_NDR64, false},
                                            {MR_NDR64, true}};
    static const uint16_t opnums[] = {AUTHENTICATE2, AUTHENTICATE3};

    (void)state;
    for (size_t i = 0; i < MR_COUNT(formats) * MR_COUNT(opnums); i++) {
        struct exchange e = good("PC7", "PC7$");
        struct world w;
        setup(&w);
        w.format = formats[i / 2];
        e.opnum = opnums[i % 2];
        assert_false(knows(&w, "PC7", &e));
        enter(&w, &e);
        assert_true(knows(&w, "PC7", &e));
        assert_true(knows(&w, "pc7", &e)); /* names have no case */
        assert_false(knows(&w, "PC77", &e));
        assert_false(knows(&w, "", &e));
        teardown(&w);
    }
}

static void nothing_learnt(void **state) {
    struct exchange rows[8];

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows); i++)
        rows[i] = good("PC7", "PC7$");
    rows[0].hash[0] ^= 1;               /* the capture is of another password */
    rows[1].account = "QC7$";           /* nobody's hash is known */
    rows[2].account = "";
    rows[3].statuses[0] = 0xc0000022;   /* refused */
    rows[4].statuses[1] = 0xc0000022;
    rows[5].computer = "PC\xfc";        /* what no machine is called */
    rows[6].computer = "";
    rows[7].computer = "SIXTEEN-LETTERS.";
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        struct world w;
        setup(&w);
        enter(&w, &rows[i]);
        if (knows(&w, rows[i].computer, &rows[i]))
            fail_msg("row %zu", i);
        teardown(&w);
    }
    struct exchange longest = good("FIFTEEN-LETTERS", "P$");
    struct world w;
    setup(&w);
    enter(&w, &longest);
    assert_true(knows(&w, "FIFTEEN-LETTERS", &longest));
    teardown(&w);
}

/* Halves that are missing, cut anywhere, or of another connection or call. */
static void parts(void **state) {
    struct world w;

    (void)state;
    for (int half = 0; half < 4; half++)
        for (size_t cut = 1; cut <= 8; cut++) {
            struct exchange e = good("PC7", "PC7$");
            setup(&w);
            e.cuts[half] = cut;
            enter(&w, &e);
            assert_false(knows(&w, "PC7", &e));
            teardown(&w);
        }
    struct exchange e = good("PC7", "PC7$");
    setup(&w);
    prove(&w, &e); /* without challenges */
    assert_false(knows(&w, "PC7", &e));
    ask_challenge(&w, &e);
    w.flow++;
    prove(&w, &e); /* over another connection is another call, which is fine */
    assert_true(knows(&w, "PC7", &e));
    struct exchange next = good("PC7", "PC7$");
    next.client[0] = 77;
    ask_challenge(&w, &next);
    assert_true(knows(&w, "PC7", &e)); /* it stands until another is made */
    prove(&w, &next);
    assert_true(knows(&w, "PC7", &next));
    assert_false(knows(&w, "PC7", &e));
    teardown(&w);
}

/* The oldest gives way. */
static void many(void **state) {
    struct exchange e[CHANNELS + 1];
    char names[CHANNELS + 1][16];
    struct world w;

    (void)state;
    setup(&w);
    for (unsigned i = 0; i <= CHANNELS; i++) {
        snprintf(names[i], sizeof names[i], "PC%u", i);
        e[i] = good(names[i], "P$");
        e[i].server[0] = (uint8_t)i;
        e[i].server[1] = (uint8_t)(i >> 8);
        enter(&w, &e[i]);
        if (i == CHANNELS - 1)
            for (unsigned k = 0; k < CHANNELS; k++)
                assert_true(knows(&w, names[k], &e[k]));
    }
    for (unsigned i = 0; i <= CHANNELS; i++)
        assert_int_equal(knows(&w, names[i], &e[i]), i > 0);
    teardown(&w);
}

/* Octets that are no stub of these calls. */
static void rubbish(void **state) {
    static const uint16_t opnums[] = {REQ_CHALLENGE, AUTHENTICATE2, AUTHENTICATE3, 21, 999};
    uint8_t octets[64];
    struct world w;

    (void)state;
    setup(&w);
    for (unsigned round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof octets; i++)
            octets[i] = (uint8_t)(round * 31 + i * i * 7 + (round >> 3));
        const mr_seen_stub seen = {.opnum = opnums[round % MR_COUNT(opnums)], .known = true,
                                   .ndr64 = round & 1, .big = round & 2,
                                   .bytes = {octets, round % sizeof octets}};
        trace_channels_learn(w.channels, round & 4 ? MR_DIR_TO_CLIENT : MR_DIR_TO_SERVER, 1, &seen);
    }
    struct exchange e = good("PC7", "PC7$");
    enter(&w, &e);
    assert_true(knows(&w, "PC7", &e));
    teardown(&w);
    trace_channels_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms), cmocka_unit_test(nothing_learnt), cmocka_unit_test(parts),
        cmocka_unit_test(many),  cmocka_unit_test(rubbish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
