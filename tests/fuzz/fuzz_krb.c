/* Any octets as each of the Kerberos messages that are read; what is found must lie inside them. */
#include <msrpc/wire/krb.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(mr_slice part, mr_slice whole) {
    if (part.len && (part.data < whole.data || part.data + part.len > whole.data + whole.len))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_slice bytes = mr_slice_of(data, size);
    mr_error err = MR_ERROR_INIT;
    mr_kpasswd_reply reply;
    mr_krb_error e;
    mr_krb_rep rep;

    (void)mr_krb_get_type(bytes);
    if (mr_krb_error_decode(bytes, &e, &err) == 0) {
        inside(e.realm, bytes);
        inside(e.text, bytes);
        inside(e.data, bytes);
    }
    if (mr_krb_rep_decode(bytes, &rep, &err) == 0)
        inside(rep.realm, bytes);
    if (mr_kpasswd_decode(bytes, &reply, &err) == 0) {
        inside(reply.ap_rep, bytes);
        inside(reply.body, bytes);
        (void)mr_krb_error_decode(reply.body, &e, &err);
    }
    return 0;
}
