/* The cryptography against the published vectors of each algorithm. */
#include "hex.h"

#include <stdlib.h>

#include <msrpc/crypto.h>

static void md4(void **state) { /* RFC 1320 A.5 */
    static const char *const rows[][2] = {
        {"", "31d6cfe0d16ae931b73c59d7e0c089c0"},
        {"a", "bde52cb31de33e46245e05fbdbd6fb24"},
        {"abc", "a448017aaf21d8525fc10ae87aa6729d"},
        {"message digest", "d9130a8164549fe818874806e1c7014b"},
        {"abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
         "043f8582f241db351ce627e153e7f0e4"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "e33b4ddc9c38f2199c3e7b164fcc0536"}};
    uint8_t out[MR_MD4_SIZE];
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_md4(mr_slice_str(rows[i][0]), out);
        assert_hex(out, sizeof out, rows[i][1]);
    }
}

static void rc4_key(const char *key, const char *at0, const char *at16, const char *at4096) {
    uint8_t k[32], stream[4112] = {0};
    mr_rc4 rc4;
    size_t n = hex_read(key, k, sizeof k);

    mr_rc4_init(&rc4, mr_slice_of(k, n));
    mr_rc4_crypt(&rc4, stream, stream, sizeof stream);
    assert_hex(stream, 16, at0);
    assert_hex(stream + 16, 16, at16);
    assert_hex(stream + 4096, 16, at4096);
}

static void rc4(void **state) { /* RFC 6229 */
    uint8_t whole[300] = {1, 2, 3}, parts[300] = {1, 2, 3};
    mr_rc4 a, b;
    (void)state;

    rc4_key("0102030405", "b2396305f03dc027ccc3524a0a1118a8",
            "6982944f18fc82d589c403a47a0d0919", "ff25b58995996707e51fbdf08b34d875");
    rc4_key("0102030405060708090a0b0c0d0e0f10", "9ac7cc9a609d1ef7b2932899cde41b97",
            "5248c4959014126a6e8a84f11d1a9e1c", "a36a4c301ae8ac13610ccbc12256cacc");
    /* any division of the stream is the same stream */
    mr_rc4_init(&a, MR_SLICE_LIT("key"));
    mr_rc4_crypt(&a, whole, whole, sizeof whole);
    mr_rc4_init(&b, MR_SLICE_LIT("key"));
    for (size_t at = 0, n = 0; at < sizeof parts; at += n, n = (n + 1) % 30)
        mr_rc4_crypt(&b, parts + at, parts + at,
                     n < sizeof parts - at ? n : sizeof parts - at);
    assert_memory_equal(whole, parts, sizeof whole);
}

static void crc32(void **state) {
    (void)state;
    assert_int_equal(mr_crc32(0, MR_SLICE_LIT("123456789")), 0xcbf43926);
    assert_int_equal(mr_crc32(mr_crc32(0, MR_SLICE_LIT("1234")), MR_SLICE_LIT("56789")),
                     0xcbf43926);
    assert_int_equal(mr_crc32(0, MR_SLICE_NULL), 0);
}

static void digests(void **state) { /* RFC 1321 A.5, FIPS 180-4 */
    static const struct {
        enum mr_hash hash;
        const char *of_abc;
    } rows[] = {
        {MR_HASH_MD5, "900150983cd24fb0d6963f7d28e17f72"},
        {MR_HASH_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {MR_HASH_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {MR_HASH_SHA384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
                         "8086072ba1e7cc2358baeca134c825a7"},
    };
    const mr_slice parts[] = {MR_SLICE_LIT("a"), MR_SLICE_NULL, MR_SLICE_LIT("bc")};
    uint8_t out[MR_HASH_MAX];
    mr_digest d;
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        assert_int_equal(mr_digest_init(&d, rows[i].hash, NULL), 0);
        for (int again = 0; again < 2; again++) {
            memset(out, 0, sizeof out);
            assert_int_equal(mr_digest_get(&d, parts, 3, out, NULL), 0);
            assert_hex(out, mr_hash_size(rows[i].hash), rows[i].of_abc);
        }
        mr_digest_deinit(&d);
        assert_int_equal(mr_hash_once(rows[i].hash, parts, 3, out, NULL), 0);
        assert_hex(out, mr_hash_size(rows[i].hash), rows[i].of_abc);
    }
}

static void hmac(void **state) { /* RFC 2202, RFC 4231 */
    static const char long_key[] = "Test Using Larger Than Block-Size Key - Hash Key First";
    static const char jefe[] = "what do ya want for nothing?";
    static const struct {
        enum mr_hash hash;
        uint8_t octet;
        size_t len; /* of a key of @octet, 0: "Jefe" */
        const char *data, *want;
    } rows[] = {
        {MR_HASH_MD5, 0x0b, 16, "Hi There", "9294727a3638bb1c13f48ef8158bfc9d"},
        {MR_HASH_MD5, 0, 0, jefe, "750c783e6ab0b503eaa86e310a5db738"},
        {MR_HASH_MD5, 0xaa, 80, long_key, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"},
        {MR_HASH_SHA1, 0x0b, 20, "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"},
        {MR_HASH_SHA1, 0, 0, jefe, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {MR_HASH_SHA1, 0xaa, 80, long_key, "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
        {MR_HASH_SHA256, 0x0b, 20, "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {MR_HASH_SHA256, 0xaa, 131, long_key,
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {MR_HASH_SHA384, 0x0b, 20, "Hi There",
         "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
         "faea9ea9076ede7f4af152e8b2fa9cb6"},
        {MR_HASH_SHA384, 0xaa, 131, long_key,
         "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
         "0c2ef6ab4030fe8296248df163f44952"},
    };
    uint8_t key[131], out[MR_HASH_MAX];
    mr_hmac h;
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_slice data = mr_slice_str(rows[i].data), k = MR_SLICE_LIT("Jefe");
        mr_slice halves[] = {mr_slice_sub(data, 0, 5), mr_slice_sub(data, 5, SIZE_MAX)};
        memset(key, rows[i].octet, sizeof key);
        if (rows[i].len > 0)
            k = mr_slice_of(key, rows[i].len);
        assert_int_equal(mr_hmac_init(&h, rows[i].hash, MR_SLICE_LIT("another"), NULL), 0);
        assert_int_equal(mr_hmac_set_key(&h, k, NULL), 0);
        for (int again = 0; again < 2; again++) {
            memset(out, 0, sizeof out);
            assert_int_equal(mr_hmac_get(&h, halves, 2, out, NULL), 0);
            assert_hex(out, mr_hash_size(rows[i].hash), rows[i].want);
        }
        mr_hmac_deinit(&h);
        memset(out, 0, sizeof out);
        assert_int_equal(mr_hmac_once(rows[i].hash, k, &data, 1, out, NULL), 0);
        assert_hex(out, mr_hash_size(rows[i].hash), rows[i].want);
    }
}

static void des(void **state) { /* the key 133457799bbcdff1 without its parity */
    uint8_t key[7], in[8], out[8];
    (void)state;

    hex_read("12695bc9b7b7f8", key, sizeof key);
    hex_read("0123456789abcdef", in, sizeof in);
    assert_int_equal(mr_des_block(key, in, out, NULL), 0);
    assert_hex(out, sizeof out, "85e813540f0ab405");
}

static void aes_row(enum mr_aes_mode mode, const char *key, const char *iv, mr_slice plain,
                    const char *sealed) {
    uint8_t k[32], v[MR_AES_BLOCK], out[64];
    size_t n = hex_read(key, k, sizeof k);
    mr_aes aes;

    assert_true(plain.len <= sizeof out);
    if (iv)
        hex_read(iv, v, sizeof v);
    assert_int_equal(mr_aes_init(&aes, mode, mr_slice_of(k, n), NULL), 0);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(mr_aes_encrypt(&aes, iv ? v : NULL, plain.data, out, plain.len, NULL), 0);
        assert_hex(out, plain.len, sealed);
        assert_int_equal(mr_aes_decrypt(&aes, iv ? v : NULL, out, out, plain.len, NULL), 0);
        assert_memory_equal(out, plain.data, plain.len);
    }
    mr_aes_deinit(&aes);
}

static void aes(void **state) {
    static const char sp800[] = "2b7e151628aed2a6abf7158809cf4f3c"; /* SP 800-38A F.2.1, F.3.7 */
    static const char iv[] = "000102030405060708090a0b0c0d0e0f";
    static const char chicken[] = "636869636b656e207465726979616b69"; /* RFC 3962 B */
    mr_slice gau = MR_SLICE_LIT("I would like the General Gau's Chicken, please, and wonton soup.");
    uint8_t in[18];
    mr_aes bad;
    (void)state;

    hex_read("00112233445566778899aabbccddeeff", in, sizeof in); /* FIPS 197 C */
    aes_row(MR_AES_ECB, iv, NULL, mr_slice_of(in, 16), "69c4e0d86a7b0430d8cdb78070b4c55a");
    aes_row(MR_AES_ECB, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", NULL,
            mr_slice_of(in, 16), "8ea2b7ca516745bfeafc49904b496089");
    hex_read("6bc1bee22e409f96e93d7e117393172aae2d", in, sizeof in);
    aes_row(MR_AES_CBC, sp800, iv, mr_slice_of(in, 16), "7649abac8119b246cee98e9b12e9197d");
    aes_row(MR_AES_CFB8, sp800, iv, mr_slice_of(in, 18), "3b79424c9c0dd436bace9e0ed4586a4f32b9");
    aes_row(MR_AES_CTS, chicken, NULL, mr_slice_sub(gau, 0, 17),
            "c6353568f2bf8cb4d8a580362da7ff7f 97");
    aes_row(MR_AES_CTS, chicken, NULL, mr_slice_sub(gau, 0, 31),
            "fc00783e0efdb2c1d445d4c8eff7ed22 97687268d6ecccc0c07b25e25ecfe5");
    aes_row(MR_AES_CTS, chicken, NULL, mr_slice_sub(gau, 0, 32),
            "39312523a78662d5be7fcbcc98ebf5a8 97687268d6ecccc0c07b25e25ecfe584");
    aes_row(MR_AES_CTS, chicken, NULL, mr_slice_sub(gau, 0, 47),
            "97687268d6ecccc0c07b25e25ecfe584 b3fffd940c16a18c1b5549d2f838029e"
            "39312523a78662d5be7fcbcc98ebf5");
    aes_row(MR_AES_CTS, chicken, NULL, mr_slice_sub(gau, 0, 48),
            "97687268d6ecccc0c07b25e25ecfe584 9dad8bbb96c4cdc03bc103e1a194bbd8"
            "39312523a78662d5be7fcbcc98ebf5a8");
    aes_row(MR_AES_CTS, chicken, NULL, mr_slice_sub(gau, 0, 64),
            "97687268d6ecccc0c07b25e25ecfe584 39312523a78662d5be7fcbcc98ebf5a8"
            "4807efe836ee89a526730dbc2f7bc840 9dad8bbb96c4cdc03bc103e1a194bbd8");
    assert_int_equal(mr_aes_init(&bad, MR_AES_CBC, MR_SLICE_LIT("short"), NULL), MR_ERR_ARGUMENT);
    mr_aes_deinit(&bad);
    assert_int_equal(mr_aes_init(&bad, MR_AES_CBC, mr_slice_of(in, 16), NULL), 0);
    assert_int_equal(mr_aes_encrypt(&bad, NULL, in, in, 15, NULL), MR_ERR_ARGUMENT);
    mr_aes_deinit(&bad);
}

static void secrets(void **state) {
    char a[] = "0123456789abcdef", b[] = "0123456789abcdef";
    (void)state;

    assert_true(mr_secret_eq(a, b, 16));
    for (int i = 0; i < 16; i++)
        for (int bit = 0; bit < 8; bit++) {
            b[i] ^= (char)(1 << bit);
            assert_false(mr_secret_eq(a, b, 16));
            b[i] = a[i];
        }
    assert_true(mr_secret_eq(a, "x", 0));
    mr_wipe(a, 10);
    assert_memory_equal(a, "\0\0\0\0\0\0\0\0\0\0abcdef", 17);
    mr_wipe(NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(md4),
        cmocka_unit_test(rc4),
        cmocka_unit_test(crc32),
        cmocka_unit_test(digests),
        cmocka_unit_test(hmac),
        cmocka_unit_test(des),
        cmocka_unit_test(aes),
        cmocka_unit_test(secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
