/* Any octets as the head of an HTTP message, whole and from their beginning on. */
#include <msrpc/wire/http.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(mr_slice part, const uint8_t *data, size_t size) {
    if (part.len && (part.data < data || part.data + part.len > data + size))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_http_head h, part;
    int rc = mr_http_head_decode(mr_slice_of(data, size), &h, NULL);

    if (rc != 0)
        return 0;
    if (h.size > size || h.header_count > MR_HTTP_HEADERS_MAX)
        __builtin_trap();
    inside(h.method, data, size);
    inside(h.target, data, size);
    inside(h.reason, data, size);
    for (uint8_t i = 0; i < h.header_count; i++) {
        inside(h.headers[i].name, data, size);
        inside(h.headers[i].value, data, size);
    }
    inside(mr_http_find_header(&h, "Server", 1), data, size);
    /* what is a head is none without its last octet, and nothing else */
    for (size_t n = 0; n < h.size; n += h.size / 16 + 1)
        if (mr_http_head_decode(mr_slice_of(data, n), &part, NULL) != 1)
            __builtin_trap();
    return 0;
}
