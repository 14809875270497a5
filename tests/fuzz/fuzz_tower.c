/* Fuzzes tower decoding. What decodes to a tower that can be encoded must encode to a fixed point,
 * and its binding must be readable text. */
#include <msrpc/wire.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_binding(const mr_tower *tower) {
    mr_binding binding;
    mr_arena arena;

    mr_arena_init(&arena, 1 << 20);
    int r = mr_tower_get_binding(tower, &arena, &binding);
    if (r != 0 && !(r == MR_ERR_UNSUPPORTED && tower->protseq == MR_PROTSEQ_UNKNOWN))
        abort();
    if (r == 0 && binding.protseq != tower->protseq)
        abort();
    mr_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_error err = MR_ERROR_INIT;
    mr_tower tower, again;
    mr_tower_floor floor;
    mr_buf first, second;
    unsigned count = 0;

    if (size > MR_TOWER_SIZE_MAX / 2)
        return 0;
    int r = mr_tower_decode(mr_slice_of(data, size), &tower, &err);
    if (r < 0) {
        if (err.code != r || err.floor != MR_FLOOR_WIRE || err.offset > size)
            abort();
        return 0;
    }
    mr_cursor floors = tower.floors;
    while (mr_tower_read_floor(&floors, &floor))
        count++;
    if (count != tower.floor_count)
        abort();
    check_binding(&tower);
    mr_buf_init(&first, NULL, 0, 65536);
    mr_buf_init(&second, NULL, 0, 65536);
    r = mr_tower_encode(&tower, &first);
    if (r == 0) {
        if (mr_tower_decode(mr_buf_slice(&first), &again, NULL) != 0 ||
            mr_tower_encode(&again, &second) != 0 ||
            !mr_slice_eq(mr_buf_slice(&first), mr_buf_slice(&second)))
            abort();
    } else if (r != MR_ERR_UNSUPPORTED && r != MR_ERR_ARGUMENT) {
        abort();
    }
    mr_buf_deinit(&first);
    mr_buf_deinit(&second);
    return 0;
}
