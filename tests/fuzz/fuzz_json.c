/*
 * JSON input: text -> tokens -> the parameters of a method -> octets -> parameters again. The first
 * two octets choose the method. What reads must encode, and what was encoded must decode to an
 * equal value.
 */
#include <stdint.h>
#include <stdlib.h>

#include <msrpc/ifaces.h>

#include "tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good) {
    if (!good)
        abort();
}

static void round_trip(const mr_proc *proc, const void *args, mr_arena *arena) {
    const mr_ndr_format format = {.syntax = MR_NDR20};
    mr_error err = MR_ERROR_INIT;
    void *again = mr_arena_get(arena, 1, proc->args->csize);
    mr_buf out;

    mr_buf_init(&out, NULL, 0, 1 << 20);
    int r = mr_ndr_encode(proc, MR_NDR_REQUEST, format, args, &out, &err);
    if (r == 0 && again) {
        r = mr_ndr_decode(proc, MR_NDR_REQUEST, format, mr_buf_slice(&out), NULL, arena, again,
                          NULL, &err);
        check(r == 0 || r == MR_ERR_MEMORY || r == MR_ERR_LIMIT || r == MR_ERR_RANGE);
        if (r == 0)
            check(mr_ndr_eq(proc, MR_NDR_REQUEST, args, again));
    }
    mr_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const mr_token *token;
    mr_error err = MR_ERROR_INIT;
    mr_arena arena;
    size_t ifaces = 0;

    if (size < 2)
        return 0;
    while (mr_ifaces[ifaces])
        ifaces++;
    const mr_iface *iface = mr_ifaces[data[0] % ifaces];
    const mr_proc *proc = iface->proc_count ? &iface->procs[data[1] % iface->proc_count] : NULL;
    mr_arena_init(&arena, 4 << 20);
    if (app_tokens_decode(mr_slice_of(data + 2, size - 2), &arena, &token, &err) == 0 && proc &&
        proc->args && token->kind == MR_TOKEN_OBJECT) {
        void *args = mr_arena_get(&arena, 1, proc->args->csize);
        if (args && mr_ndr_read(proc, MR_NDR_REQUEST, token, &arena, args, &err) == 0)
            round_trip(proc, args, &arena);
    }
    mr_arena_deinit(&arena);
    return 0;
}
