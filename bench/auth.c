/*
 * What protecting a stub of 1 MB at privacy costs, in fragments as Windows and Samba send them: our
 * providers, MIT's library (krb5_k_encrypt_iov, with a key that is kept) and the limit, OpenSSL's
 * cipher over the whole stub in one call, then its MAC over it in another. NTLM: RC4 and HMAC-MD5.
 * All run in turn in one process; copying the stub in place is outside the clock on every side, and
 * what was protected must be opened again and be the stub. The clock is the processor's time, which
 * a busy machine leaves alone.
 *
 * Prints one line per figure: name, nanoseconds of the fastest round, of the median round.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <krb5/krb5.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <msrpc/auth.h>

#include "krb5_flow.h"

#define ROUNDS 60
#define STUB ((size_t)1 << 20)
#define HEADER 24 /* octets around the stub in a fragment of 5840 */
#define TRAILER 8
#define FRAG 5840
#define BODY ((size_t)5728) /* what is left for whole blocks, whoever protects */
#define FRAGS ((STUB + BODY - 1) / BODY)
#define USAGE 24 /* KG-USAGE-INITIATOR-SEAL (RFC 4121 2) */

static uint8_t stub[FRAGS * BODY], pdus[FRAGS][FRAG], flat[FRAGS * BODY], plain[BODY];

static void fail(const char *what) {
    fprintf(stderr, "auth: %s\n", what);
    exit(1);
}

static void must(bool so, const char *what) {
    if (!so)
        fail(what);
}

static void lay_out(void) {
    for (size_t i = 0; i < FRAGS; i++)
        memcpy(pdus[i] + HEADER, stub + i * BODY, BODY);
}

/* ---- ours ---- */

static int32_t etype;
static mr_krb5_flow sender, receiver;
static mr_ntlm *ends[2];

static mr_security_frag frag_of(uint8_t *pdu, uint16_t value) {
    return (mr_security_frag){
        .header = mr_slice_of(pdu, HEADER), .body = mr_slice_of(pdu + HEADER, BODY),
        .trailer = mr_slice_of(pdu + HEADER + BODY, TRAILER),
        .value = mr_slice_of(pdu + HEADER + BODY + TRAILER, value),
        .level = MR_AUTH_LEVEL_PRIVACY, .sign_header = true, .dir = MR_DIR_TO_SERVER};
}

static void open_flows(void) {
    mr_krb5_secret secret = {.etype = etype, .key = "a key of thirty-two octets, no m", .len = 32};
    uint8_t entropy[MR_KRB5_ENTROPY] = {1};

    mr_krb5_flow_deinit(&sender);
    mr_krb5_flow_deinit(&receiver);
    must(mr_krb5_flow_init(&sender, &secret, MR_DIR_TO_SERVER, entropy, NULL) == 0 &&
         mr_krb5_flow_init(&receiver, &secret, MR_DIR_TO_SERVER, NULL, NULL) == 0, "no keys");
}

static void krb5_protect(void) {
    uint16_t size = mr_krb5_token_size(etype, MR_AUTH_LEVEL_PRIVACY);

    for (size_t i = 0; i < FRAGS; i++) {
        mr_security_frag f = frag_of(pdus[i], size);
        must(mr_krb5_flow_protect(&sender, &f, pdus[i] + HEADER, (uint8_t *)f.value.data,
                                  NULL) == 0, "protecting failed");
    }
}

static void krb5_unprotect(void) {
    uint16_t size = mr_krb5_token_size(etype, MR_AUTH_LEVEL_PRIVACY);

    for (size_t i = 0; i < FRAGS; i++) {
        mr_security_frag f = frag_of(pdus[i], size);
        must(mr_krb5_flow_unprotect(&receiver, &f, plain, NULL) == 0, "opening failed");
    }
    must(memcmp(plain, stub + (FRAGS - 1) * BODY, BODY) == 0, "the stub is another");
}

static void step(int who, mr_slice token, mr_buf *out) {
    mr_security *s = mr_ntlm_get_security(ends[who]);

    mr_buf_reset(out);
    must(s->class->step(s, who ? MR_DIR_TO_SERVER : MR_DIR_TO_CLIENT, token, out, NULL) >= 0,
         "NTLM: no context");
}

static void open_ntlm(void) {
    static mr_identity who;
    uint8_t room[2][2048];
    mr_buf there, back;

    must(mr_identity_init(&who, NULL) == 0 &&
         mr_identity_set_name(&who, MR_SLICE_LIT("LAB\\alice"), NULL) == 0 &&
         mr_identity_set_password(&who, MR_SLICE_LIT("s3cret"), NULL) == 0, "no memory");
    for (int i = 0; i < 2; i++) {
        mr_ntlm_options o = {
            .role = i ? MR_SECURITY_ACCEPTOR : MR_SECURITY_INITIATOR,
            .level = MR_AUTH_LEVEL_PRIVACY, .now = 133506144000000000u, .identity = &who,
            .find = mr_ntlm_find_identity, .user = &who, .names = {.computer = "FS1"}};
        must(mr_ntlm_new(&o, &ends[i], NULL) == 0, "NTLM: no context");
    }
    mr_buf_init(&there, room[0], sizeof room[0], sizeof room[0]);
    mr_buf_init(&back, room[1], sizeof room[1], sizeof room[1]);
    step(0, MR_SLICE_NULL, &there);
    step(1, mr_buf_slice(&there), &back);
    step(0, mr_buf_slice(&back), &there);
    step(1, mr_buf_slice(&there), &back);
    mr_identity_deinit(&who);
}

static void ntlm_protect(void) {
    mr_security *s = mr_ntlm_get_security(ends[0]);

    for (size_t i = 0; i < FRAGS; i++) {
        mr_security_frag f = frag_of(pdus[i], 16);
        must(s->class->protect(s, &f, pdus[i] + HEADER, (uint8_t *)f.value.data, NULL) == 0,
             "NTLM: protecting failed");
    }
}

static void ntlm_unprotect(void) {
    mr_security *s = mr_ntlm_get_security(ends[1]);

    for (size_t i = 0; i < FRAGS; i++) {
        mr_security_frag f = frag_of(pdus[i], 16);
        must(s->class->unprotect(s, &f, plain, NULL) == 0, "NTLM: opening failed");
    }
    must(memcmp(plain, stub + (FRAGS - 1) * BODY, BODY) == 0, "the stub is another");
}

/* ---- MIT's library alone ---- */

static krb5_context context;
static krb5_key key;
static krb5_crypto_iov iov[FRAGS][4];

static void open_mit(void) {
    static krb5_octet octets[33] = "a key of thirty-two octets, no m";
    krb5_keyblock block = {.enctype = etype, .length = 32, .contents = octets};
    unsigned sizes[2];

    must(context || krb5_init_context(&context) == 0, "no Kerberos");
    krb5_k_free_key(context, key);
    must(krb5_k_create_key(context, &block, &key) == 0 &&
         krb5_c_crypto_length(context, etype, KRB5_CRYPTO_TYPE_HEADER, &sizes[0]) == 0 &&
         krb5_c_crypto_length(context, etype, KRB5_CRYPTO_TYPE_TRAILER, &sizes[1]) == 0,
         "Kerberos: no key");
    for (size_t i = 0; i < FRAGS; i++) {
        char *at = (char *)pdus[i];
        char *value = at + HEADER + BODY + TRAILER;
        iov[i][0] = (krb5_crypto_iov){KRB5_CRYPTO_TYPE_HEADER, {.length = sizes[0], .data = value}};
        iov[i][1] = (krb5_crypto_iov){KRB5_CRYPTO_TYPE_SIGN_ONLY, {.length = HEADER, .data = at}};
        iov[i][2] = (krb5_crypto_iov){KRB5_CRYPTO_TYPE_DATA,
                                      {.length = (unsigned)BODY, .data = at + HEADER}};
        iov[i][3] = (krb5_crypto_iov){KRB5_CRYPTO_TYPE_TRAILER,
                                      {.length = sizes[1], .data = value + sizes[0]}};
    }
}

static void mit_protect(void) {
    for (size_t i = 0; i < FRAGS; i++)
        must(krb5_k_encrypt_iov(context, key, USAGE, NULL, iov[i], 4) == 0, "MIT: encrypting");
}

static void mit_unprotect(void) {
    for (size_t i = 0; i < FRAGS; i++)
        must(krb5_k_decrypt_iov(context, key, USAGE, NULL, iov[i], 4) == 0, "MIT: decrypting");
    must(memcmp(pdus[FRAGS - 1] + HEADER, stub + (FRAGS - 1) * BODY, BODY) == 0,
         "MIT: the stub is another");
}

/* ---- the limit ---- */

static EVP_CIPHER_CTX *ciphers[2];
static EVP_MAC_CTX *mac;
static size_t mac_key;

static void open_openssl(const char *cipher, size_t key_len, const char *hash) {
    EVP_CIPHER *c = EVP_CIPHER_fetch(NULL, cipher, NULL);
    EVP_MAC *m = EVP_MAC_fetch(NULL, "HMAC", NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)hash, 0),
        OSSL_PARAM_construct_end()};

    must(c && m, "OpenSSL lacks something");
    EVP_MAC_CTX_free(mac);
    mac = EVP_MAC_CTX_new(m);
    must(mac && EVP_MAC_CTX_set_params(mac, params) == 1, "OpenSSL: no MAC");
    for (int decrypts = 0; decrypts < 2; decrypts++) {
        EVP_CIPHER_CTX_free(ciphers[decrypts]);
        ciphers[decrypts] = EVP_CIPHER_CTX_new();
        must(EVP_CipherInit_ex2(ciphers[decrypts], c, stub, stub, !decrypts, NULL) == 1 &&
             EVP_CIPHER_CTX_set_padding(ciphers[decrypts], 0) == 1, "OpenSSL: no cipher");
    }
    mac_key = key_len;
    EVP_CIPHER_free(c);
    EVP_MAC_free(m);
}

static void run_cipher(EVP_CIPHER_CTX *c) {
    int done;

    must(EVP_CipherUpdate(c, flat, &done, flat, sizeof flat) == 1 && done == sizeof flat,
         "OpenSSL: the cipher");
}

static void run_mac(void) {
    uint8_t sum[64];
    size_t len;

    must(EVP_MAC_init(mac, stub, mac_key, NULL) == 1 &&
         EVP_MAC_update(mac, flat, sizeof flat) == 1 &&
         EVP_MAC_final(mac, sum, &len, sizeof sum) == 1, "OpenSSL: the MAC");
}

static void openssl_protect(void) {
    run_cipher(ciphers[0]);
    run_mac();
}

static void openssl_unprotect(void) {
    run_cipher(ciphers[1]);
    run_mac();
}

/* ---- turns ---- */

typedef struct side {
    const char *name;
    void (*run[2])(void); /* protect, open */
    double rounds[2][ROUNDS];
} side;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void race(const char *what, side *sides, size_t count) {
    static const char *const verbs[] = {"protect", "open"};

    for (int round = -1; round < ROUNDS; round++)
        for (size_t i = 0; i < count; i++) {
            lay_out();
            memcpy(flat, stub, sizeof flat);
            for (int verb = 0; verb < 2; verb++) {
                double start = now();
                sides[i].run[verb]();
                if (round >= 0)
                    sides[i].rounds[verb][round] = now() - start;
            }
        }
    for (size_t i = 0; i < count; i++)
        for (int verb = 0; verb < 2; verb++) {
            qsort(sides[i].rounds[verb], ROUNDS, sizeof(double), ascending);
            printf("%s_%s_%s %.0f %.0f\n", what, sides[i].name, verbs[verb],
                   sides[i].rounds[verb][0], sides[i].rounds[verb][ROUNDS / 2]);
        }
}

static void race_kerberos(const char *what, int32_t type, size_t mac_len, const char *hash) {
    side sides[] = {{.name = "ours", .run = {krb5_protect, krb5_unprotect}},
                    {.name = "mit", .run = {mit_protect, mit_unprotect}},
                    {.name = "openssl", .run = {openssl_protect, openssl_unprotect}}};

    etype = type;
    open_flows();
    open_mit();
    open_openssl("AES-256-CBC", mac_len, hash);
    race(what, sides, MR_COUNT(sides));
}

static void race_ntlm(void) {
    side sides[] = {{.name = "ours", .run = {ntlm_protect, ntlm_unprotect}},
                    {.name = "openssl", .run = {openssl_protect, openssl_unprotect}}};

    must(OSSL_PROVIDER_load(NULL, "default") && OSSL_PROVIDER_load(NULL, "legacy"),
         "OpenSSL has no RC4");
    open_ntlm();
    open_openssl("RC4", 16, "MD5");
    race("ntlm", sides, MR_COUNT(sides));
}

int main(void) {
    for (size_t i = 0; i < sizeof stub; i++)
        stub[i] = (uint8_t)(i * i >> 7);
    printf("octets %zu %zu\n", sizeof stub, sizeof stub);
    race_kerberos("aes256sha1", MR_KRB5_AES256_SHA1, 32, "SHA1");
    race_kerberos("aes256sha384", MR_KRB5_AES256_SHA2, 24, "SHA2-384");
    race_ntlm();
    mr_krb5_flow_deinit(&sender);
    mr_krb5_flow_deinit(&receiver);
    mr_ntlm_free(ends[0]);
    mr_ntlm_free(ends[1]);
    return 0;
}
