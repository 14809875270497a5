/* The IDL compiler on any text: it answers with messages or with output, in bounded memory. A file
 * it imports is the same text again, once. */
#include "idl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int load(void *user, const char *name, const char *from, mr_arena *arena,
                const char **pathp, mr_slice *textp) {
    (void)from;
    (void)name;
    (void)arena;
    *pathp = "again.idl";
    *textp = *(mr_slice *)user;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_slice text = {data, size};
    mr_idl_loader loader = {&text, load};
    mr_idl_options options = {.loader = &loader};
    mr_idl_unit *unit;
    mr_arena arena;
    mr_buf messages;

    if (size > 1 << 16)
        return 0;
    mr_arena_init(&arena, (size_t)64 << 20);
    mr_buf_init(&messages, NULL, 0, (size_t)1 << 20);
    if (mr_idl_compile("fuzz.idl", text, &options, &arena, &messages, &unit) == 0) {
        for (int output = MR_IDL_HEADER; output <= MR_IDL_DUMP; output++) {
            mr_buf out;
            mr_buf_init(&out, NULL, 0, (size_t)16 << 20);
            mr_idl_emit(unit, (enum mr_idl_output)output, &out);
            mr_buf_deinit(&out);
        }
    } else if (messages.len == 0 && arena.used < arena.cap / 2) {
        abort(); /* a failure that says nothing */
    }
    mr_buf_deinit(&messages);
    mr_arena_deinit(&arena);
    return 0;
}
