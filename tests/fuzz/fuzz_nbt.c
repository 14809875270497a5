/* Any octets as a node status, as an answer to a name query, as a session packet and as a name. */
#include <msrpc/wire/nbt.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read as a name must be the same name when it is written out and read again. */
static void check_name(mr_slice text) {
    uint8_t name[MR_NBT_NAME], again[MR_NBT_NAME];
    int suffix, second;

    if (mr_nbt_name_decode(text, name, &suffix, NULL) != 0)
        return;
    mr_slice trimmed = mr_nbt_name_trim(name);
    if (memchr(trimmed.data, '#', trimmed.len) || memchr(trimmed.data, '<', trimmed.len) ||
        memchr(trimmed.data, '>', trimmed.len) || trimmed.len == 0 ||
        mr_slice_eq(trimmed, MR_SLICE_LIT("*")) || memchr(text.data, 0, text.len))
        return;
    if (mr_nbt_name_decode(trimmed, again, &second, NULL) != 0 ||
        memcmp(name, again, MR_NBT_NAME - 1) != 0)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_slice bytes = mr_slice_of(data, size);
    mr_error err = MR_ERROR_INIT;
    mr_nbt_answer answer;
    mr_nbt_status s;
    mr_arena arena;
    uint8_t type;
    size_t len;

    mr_arena_init(&arena, 1 << 18);
    if (mr_nbt_status_decode(bytes, &arena, &s, &err) == 0)
        for (size_t i = 0; i < s.count; i++)
            if (s.names[i].name.len >= MR_NBT_NAME)
                __builtin_trap();
    if (mr_nbt_answer_decode(bytes, &arena, &answer, &err) == 0 &&
        (strlen(answer.scope) > 255 || answer.addr_count > size / 6))
        __builtin_trap();
    if (mr_nbt_session_decode(bytes, &type, &len) == 0 && len > 0x1ffff)
        __builtin_trap();
    check_name(bytes);
    mr_arena_deinit(&arena);
    return 0;
}
