/* Any octets as the answer to an SMB negotiation; the token must lie inside them. */
#include <msrpc/wire/smb_negotiate.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_slice bytes = mr_slice_of(data, size);
    mr_error err = MR_ERROR_INIT;
    mr_smb_negotiated n;
    size_t len;

    (void)mr_smb_get_size(bytes, &len);
    if (mr_smb_negotiated_decode(bytes, &n, &err) == 0 && n.token.len &&
        (n.token.data < data || n.token.data + n.token.len > data + size))
        __builtin_trap();
    return 0;
}
