/* Heads of HTTP as RPC over HTTP has them, and what TLS shows of itself. The handshakes are those
 * of OpenSSL with a certificate made for the purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/wire/http.h>
#include <msrpc/wire/tls.h>

#include "sample.h"

#define assert_slice(s, text) assert_true(mr_slice_eq((s), MR_SLICE_LIT(text)))

static void test_request(void **state) {
    mr_slice s = sample_get("http/in_data");
    mr_http_head h;

    (void)state;
    for (size_t n = 0; n < s.len; n++)
        assert_int_equal(mr_http_head_decode(mr_slice_sub(s, 0, n), &h, NULL), 1);
    assert_int_equal(mr_http_head_decode(s, &h, NULL), 0);
    assert_false(h.response);
    assert_int_equal(h.size, s.len);
    assert_int_equal(h.minor, 1);
    assert_slice(h.method, "RPC_IN_DATA");
    assert_slice(h.target, "/rpc/rpcproxy.dll?exch.lab.test:593");
    assert_slice(mr_http_find_header(&h, "user-agent", 0), "MSRPC");
    assert_int_equal(mr_http_find_header(&h, "user-agent", 1).len, 0);
    assert_true(h.has_length);
    assert_int_equal(h.length, 1073741824);
    sample_free(s);
}

static void test_response(void **state) {
    mr_slice s = sample_get("http/rpc_error");
    mr_http_head h;

    (void)state;
    assert_int_equal(mr_http_head_decode(s, &h, NULL), 0);
    assert_true(h.response);
    assert_int_equal(h.status, 503);
    assert_slice(h.reason, "RPC Error: 6ba");
    assert_true(h.has_rpc_error);
    assert_int_equal(h.rpc_error, 1722);
    assert_slice(mr_http_find_header(&h, "Server", 0), "Microsoft-IIS/10.0");
    sample_free(s);
    s = sample_get("http/unauthorized"); /* bare LF, and two of the same */
    assert_int_equal(mr_http_head_decode(s, &h, NULL), 0);
    assert_int_equal(h.status, 401);
    assert_int_equal(h.minor, 0);
    assert_false(h.has_rpc_error || h.has_length);
    assert_slice(mr_http_find_header(&h, "WWW-Authenticate", 0), "Negotiate");
    assert_slice(mr_http_find_header(&h, "WWW-Authenticate", 1), "NTLM");
    sample_free(s);
}

static void test_no_head(void **state) {
    static char large[MR_HTTP_HEAD_MAX + 10];
    mr_http_head h;

    (void)state;
    assert_int_equal(mr_http_head_decode(MR_SLICE_LIT("\x16\x03\x01"), &h, NULL),
                     MR_ERR_MALFORMED);
    assert_int_equal(mr_http_head_decode(MR_SLICE_LIT("GET\r\n\r\n"), &h, NULL),
                     MR_ERR_MALFORMED);
    assert_int_equal(mr_http_head_decode(MR_SLICE_LIT("GET / FTP/1.1\r\n\r\n"), &h, NULL),
                     MR_ERR_MALFORMED);
    assert_int_equal(mr_http_head_decode(MR_SLICE_LIT("HTTP/1.1 20 OK\r\n\r\n"), &h, NULL),
                     MR_ERR_MALFORMED);
    assert_int_equal(mr_http_is_head(MR_SLICE_LIT("RPC_OUT_DATA /")), 1);
    assert_int_equal(mr_http_is_head(MR_SLICE_LIT("hello")), 0);
    memset(large, 'A', sizeof large);
    memcpy(large, "GET / HTTP/1.1\r\n", 16);
    assert_int_equal(mr_http_head_decode(mr_slice_of(large, sizeof large), &h, NULL),
                     MR_ERR_LIMIT);
}

/* The first handshake message of that type in a flight. */
static mr_slice find(mr_slice flight, uint8_t want) {
    mr_tls_record r;
    mr_slice body;
    uint8_t type;

    while (flight.len && mr_tls_record_decode(flight, &r) == 0) {
        mr_cursor c = mr_cursor_of(r.body);
        while (r.type == MR_TLS_HANDSHAKE && mr_tls_read_handshake(&c, &type, &body) == 0)
            if (type == want)
                return body;
        flight = mr_slice_sub(flight, r.size, SIZE_MAX);
    }
    return MR_SLICE_NULL;
}

static void test_hellos(void **state) {
    mr_slice s = sample_get("tls/client");
    mr_tls_client_hello client;
    mr_tls_server_hello server;

    (void)state;
    mr_slice body = find(s, MR_TLS_CLIENT_HELLO);
    assert_int_equal(mr_tls_client_hello_decode(body, &client, NULL), 0);
    assert_slice(client.server_name, "exch.lab.test");
    assert_slice(client.alpn, "http/1.1");
    assert_int_equal(client.version, 0x0304);
    for (size_t n = 0; n < body.len; n++) {
        mr_slice cut = sample_cut(body, n);
        int r = mr_tls_client_hello_decode(cut, &client, NULL);
        assert_true(r < 0 || client.server_name.len == 0); /* it may end before extensions */
        sample_free(cut);
    }
    sample_free(s);
    s = sample_get("tls/server12");
    assert_int_equal(mr_tls_server_hello_decode(find(s, MR_TLS_SERVER_HELLO), &server, NULL), 0);
    assert_int_equal(server.version, 0x0303);
    assert_false(server.retry);
    sample_free(s);
    s = sample_get("tls/server13");
    assert_int_equal(mr_tls_server_hello_decode(find(s, MR_TLS_SERVER_HELLO), &server, NULL), 0);
    assert_int_equal(server.version, 0x0304);
    assert_int_equal(find(s, MR_TLS_CERTIFICATE).len, 0); /* sealed */
    sample_free(s);
}

static void test_certificate(void **state) {
    mr_slice s = sample_get("tls/server12"), alone = sample_get("tls/certificate"), der;
    mr_x509 x;

    (void)state;
    assert_int_equal(mr_tls_certificate_decode(find(s, MR_TLS_CERTIFICATE), &der, NULL), 0);
    assert_true(mr_slice_eq(der, alone));
    assert_int_equal(mr_x509_decode(der, &x, NULL), 0);
    assert_slice(x.subject, "exch.lab.test");
    assert_slice(x.issuer, "exch.lab.test");
    assert_true(x.self_signed);
    assert_int_equal(x.dns_count, 2);
    assert_slice(x.dns[1], "autodiscover.lab.test");
    assert_int_equal(x.ip_count, 1);
    assert_slice(x.ip[0], "\xc0\x00\x02\x07");
    assert_int_equal(x.not_after - x.not_before, 3650 * 86400);
    assert_int_equal(x.not_before, 1795365739);
    for (size_t n = 0; n < alone.len; n++)
        assert_true(mr_x509_decode(mr_slice_sub(alone, 0, n), &x, NULL) < 0);
    sample_free(s);
    sample_free(alone);
}

static void test_alert(void **state) {
    mr_tls_record r;
    uint8_t level, code;

    (void)state;
    assert_int_equal(mr_tls_record_decode(MR_SLICE_LIT("\x15\x03\x03\x00\x02\x02"), &r), 1);
    assert_int_equal(mr_tls_record_decode(MR_SLICE_LIT("\x15\x03\x03\x00\x02\x02\x2a"), &r), 0);
    assert_int_equal(mr_tls_alert_decode(r.body, &level, &code), 0);
    assert_int_equal(level, 2);
    assert_int_equal(code, 42);
    assert_int_equal(mr_tls_alert_decode(MR_SLICE_LIT("\x9d\x11\x12"), &level, &code),
                     MR_ERR_MALFORMED);
    assert_int_equal(mr_tls_record_decode(MR_SLICE_LIT("GET /"), &r), MR_ERR_MALFORMED);
    assert_int_equal(mr_tls_record_decode(MR_SLICE_LIT("\x17\x03\x03\xff\xff"), &r),
                     MR_ERR_MALFORMED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_response),
        cmocka_unit_test(test_no_head),
        cmocka_unit_test(test_hellos),
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_alert),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
