/* Any octets as each of the Kerberos messages that are read; what is found must lie inside them. */
#include <msrpc/wire/krb.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(mr_slice part, mr_slice whole) {
    if (part.len && (part.data < whole.data || part.data + part.len > whole.data + whole.len))
        __builtin_trap();
}

static void inside_name(const mr_krb_name *name, mr_slice whole) {
    for (uint8_t i = 0; i < name->count; i++)
        inside(name->parts[i], whole);
}

static void clear_parts(mr_slice bytes) {
    mr_krb_error_data data;
    mr_krb_request request;
    mr_krb_reply reply;
    mr_krb_ap ap;
    size_t size;

    mr_krb_error_data_decode(bytes, &data);
    inside(data.salt, bytes);
    (void)mr_krb_get_size(bytes, &size);
    if (mr_krb_request_decode(bytes, &request, NULL) == 0) {
        inside(request.realm, bytes);
        inside_name(&request.client, bytes);
        inside_name(&request.server, bytes);
    }
    if (mr_krb_reply_decode(bytes, &reply, NULL) == 0) {
        inside(reply.client_realm, bytes);
        inside_name(&reply.client, bytes);
        inside_name(&reply.ticket.server, bytes);
    }
    if (mr_krb_ap_decode(bytes, &ap, NULL) == 0) {
        inside(ap.ticket.realm, bytes);
        inside_name(&ap.ticket.server, bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_slice bytes = mr_slice_of(data, size);
    mr_error err = MR_ERROR_INIT;
    mr_kpasswd_reply reply;
    mr_krb_error e;
    mr_krb_rep rep;

    (void)mr_krb_get_type(bytes);
    clear_parts(bytes);
    if (mr_krb_error_decode(bytes, &e, &err) == 0) {
        inside(e.realm, bytes);
        inside(e.text, bytes);
        inside(e.data, bytes);
        inside_name(&e.server, bytes);
        inside_name(&e.client, bytes);
        clear_parts(e.data);
    }
    if (mr_krb_error_peek(bytes, &e) == 0) {
        inside(e.data, bytes);
        inside_name(&e.server, bytes);
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
