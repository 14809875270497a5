/* Any octets as each of NTLM's messages; what is found must lie inside them. */
#include <msrpc/wire/ntlmssp.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(mr_slice part, mr_slice whole) {
    if (part.len && (part.data < whole.data || part.data + part.len > whole.data + whole.len))
        __builtin_trap();
}

static void inside_target(const mr_ntlm_target *t, mr_slice whole) {
    inside(t->computer, whole);
    inside(t->domain, whole);
    inside(t->dns_computer, whole);
    inside(t->dns_domain, whole);
    inside(t->dns_forest, whole);
    inside(t->spn, whole);
    inside(t->channel_bindings, whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_slice bytes = mr_slice_of(data, size);
    mr_ntlm_authenticate a;
    mr_ntlm_negotiate n;
    mr_ntlm_challenge c;

    if (mr_ntlm_negotiate_decode(bytes, &n, NULL) == 0) {
        inside(n.domain, bytes);
        inside(n.workstation, bytes);
    }
    if (mr_ntlm_challenge_decode(bytes, &c, NULL) == 0) {
        inside(c.target_name, bytes);
        inside(c.target_info, bytes);
        inside_target(&c.target, bytes);
    }
    if (mr_ntlm_authenticate_decode(bytes, &a, NULL) == 0) {
        inside(a.user, bytes);
        inside(a.domain, bytes);
        inside(a.workstation, bytes);
        inside(a.nt, bytes);
        inside_target(&a.target, bytes);
    }
    return 0;
}
