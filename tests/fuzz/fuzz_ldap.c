/* Any octets as LDAP messages one after the other, and every value as the locator's answer. */
#include <msrpc/wire/ldap.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_slice rest = mr_slice_of(data, size);
    mr_arena arena;
    mr_ldap_message m;
    mr_netlogon_answer answer;
    mr_error err = MR_ERROR_INIT;
    mr_uuid guid;
    size_t used;

    mr_arena_init(&arena, 1 << 20);
    while (rest.len && mr_ldap_decode(rest, &arena, &m, &used, &err) == 0) {
        for (size_t i = 0; i < m.attribute_count; i++)
            for (size_t k = 0; k < m.attributes[i].count; k++) {
                (void)mr_netlogon_answer_decode(m.attributes[i].values[k], &arena, &answer, &err);
                (void)mr_ldap_get_dn_guid(m.attributes[i].values[k], &guid);
            }
        if (used == 0 || used > rest.len)
            __builtin_trap();
        rest = mr_slice_sub(rest, used, rest.len);
    }
    (void)mr_netlogon_answer_decode(mr_slice_of(data, size), &arena, &answer, &err);
    mr_arena_deinit(&arena);
    return 0;
}
