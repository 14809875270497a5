/* Any octets as records of TLS, as each handshake message that is read, and as a certificate. */
#include <msrpc/wire/tls.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(mr_slice part, mr_slice whole) {
    if (part.len && (part.data < whole.data || part.data + part.len > whole.data + whole.len))
        __builtin_trap();
}

static void messages(mr_slice body) {
    mr_cursor c = mr_cursor_of(body);
    mr_tls_client_hello client;
    mr_tls_server_hello server;
    mr_slice message, der;
    uint8_t type;
    mr_x509 cert;

    while (mr_tls_read_handshake(&c, &type, &message) == 0) {
        inside(message, body);
        if (mr_tls_client_hello_decode(message, &client, NULL) == 0) {
            inside(client.server_name, body);
            inside(client.alpn, body);
        }
        (void)mr_tls_server_hello_decode(message, &server, NULL);
        if (mr_tls_certificate_decode(message, &der, NULL) == 0) {
            inside(der, body);
            (void)mr_x509_decode(der, &cert, NULL);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_slice bytes = mr_slice_of(data, size);
    uint8_t level, code;
    mr_tls_record r;
    mr_x509 cert;

    messages(bytes);
    if (mr_x509_decode(bytes, &cert, NULL) == 0) {
        inside(cert.subject, bytes);
        inside(cert.issuer, bytes);
        for (uint8_t i = 0; i < cert.dns_count; i++)
            inside(cert.dns[i], bytes);
    }
    while (bytes.len && mr_tls_record_decode(bytes, &r) == 0) {
        (void)mr_tls_alert_decode(r.body, &level, &code);
        messages(r.body);
        bytes = mr_slice_sub(bytes, r.size, SIZE_MAX);
    }
    return 0;
}
