/* Any octets as a security token; the mechanism's message must lie inside them. */
#include <msrpc/wire/spnego.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_gss_token t;

    if (mr_gss_token_decode(mr_slice_of(data, size), &t, NULL) != 0)
        return 0;
    if (t.mech_count > MR_SPNEGO_MECHS || !mr_mech_name(t.mech))
        __builtin_trap();
    if (t.token.len && (t.token.data < data || t.token.data + t.token.len > data + size))
        __builtin_trap();
    return 0;
}
