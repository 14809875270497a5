/* Any octets as the first words of TLS, Remote Desktop and NTP. */
#include <msrpc/wire/ntp.h>
#include <msrpc/wire/rdp.h>
#include <msrpc/wire/tls_hello.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_slice bytes = mr_slice_of(data, size);
    mr_error err = MR_ERROR_INIT;
    mr_rdp_confirm confirm;
    mr_tls_hello hello;
    mr_ntp ntp;
    size_t len;

    (void)mr_tls_get_size(bytes, &len);
    (void)mr_tls_hello_decode(bytes, &hello, &err);
    (void)mr_rdp_get_size(bytes, &len);
    (void)mr_rdp_confirm_decode(bytes, &confirm, &err);
    if (mr_ntp_decode(bytes, &ntp, &err) == 0 && size < MR_NTP_OCTETS)
        __builtin_trap();
    return 0;
}
