/* Any octets as a node status and as a session packet. */
#include <msrpc/wire/nbt.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_slice bytes = mr_slice_of(data, size);
    mr_error err = MR_ERROR_INIT;
    mr_nbt_status s;
    mr_arena arena;
    uint8_t type;
    size_t len;

    mr_arena_init(&arena, 1 << 16);
    if (mr_nbt_status_decode(bytes, &arena, &s, &err) == 0)
        for (size_t i = 0; i < s.count; i++)
            if (s.names[i].name.len >= MR_NBT_NAME)
                __builtin_trap();
    if (mr_nbt_session_decode(bytes, &type, &len) == 0 && len > 0x1ffff)
        __builtin_trap();
    mr_arena_deinit(&arena);
    return 0;
}
