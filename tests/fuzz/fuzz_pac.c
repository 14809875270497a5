/* Any octets as a PAC: what is found is whole. */
#include <msrpc/wire/pac.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char text[MR_SID_TEXT];
    mr_arena arena;
    mr_pac pac;

    mr_arena_init(&arena, 1 << 16);
    if (mr_pac_decode(mr_slice_of(data, size), &arena, &pac, NULL) == 0) {
        if (!pac.user || !pac.domain || !pac.client || !pac.upn)
            __builtin_trap();
        for (size_t i = 0; i < pac.sid_count; i++)
            if (pac.sids[i].count > MR_SID_SUBS || !*mr_sid_text(&pac.sids[i], text))
                __builtin_trap();
    }
    mr_arena_deinit(&arena);
    return 0;
}
