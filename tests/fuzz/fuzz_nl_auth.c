/* Any octets as a token of Netlogon's secure channel: its names lie inside them, and a message that
 * was read and written again reads as the same. */
#include <msrpc/wire/nl_auth.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool so) {
    if (!so)
        __builtin_trap();
}

static void inside(mr_slice part, mr_slice whole) {
    must(part.len == 0 || (part.data >= whole.data &&
                           part.data + part.len <= whole.data + whole.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_slice bytes = mr_slice_of(data, size);
    mr_error err = MR_ERROR_INIT;
    mr_nl_auth m, again;
    mr_buf out;

    int rc = mr_nl_auth_decode(bytes, &m, &err);
    if (rc < 0) {
        must(err.code == rc && err.text[0]);
        return 0;
    }
    inside(m.domain, bytes);
    inside(m.computer, bytes);
    mr_buf_init(&out, NULL, 0, size + 16);
    must(mr_nl_auth_encode(&m, &out) == 0);
    must(mr_nl_auth_decode(mr_buf_slice(&out), &again, &err) == 0);
    must(again.response == m.response && mr_slice_eq(again.domain, m.domain) &&
         mr_slice_eq(again.computer, m.computer));
    mr_buf_deinit(&out);
    return 0;
}
