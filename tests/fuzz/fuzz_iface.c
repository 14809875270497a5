/*
 * All compiled interfaces on any stub. The first four octets choose interface, method, side and
 * form; the rest is the stub. What decodes must encode, decode again and be equal.
 */
#include <msrpc/ifaces.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const mr_proc *choose(const uint8_t *data) {
    uint32_t count = 0;

    while (mr_ifaces[count])
        count++;
    const mr_iface *iface = mr_ifaces[data[0] % count];
    return iface->proc_count ? &iface->procs[data[1] % iface->proc_count] : NULL;
}

static void check(const mr_proc *proc, enum mr_ndr_side side, mr_ndr_format format,
                  const mr_ndr_limits *limits, void *args, mr_arena *arena) {
    void *back = mr_arena_get(arena, 1, proc->args->csize);
    mr_buf out;
    size_t rest;

    mr_buf_init(&out, NULL, 0, (size_t)8 << 20);
    if (back && mr_ndr_encode(proc, side, format, args, &out, NULL) == 0) {
        int r = mr_ndr_decode(proc, side, format, mr_buf_slice(&out), limits, arena, back, &rest,
                              NULL);
        if (r != 0 && r != MR_ERR_MEMORY && r != MR_ERR_LIMIT)
            abort();
        if (r == 0 && !mr_ndr_eq(proc, side, args, back))
            abort();
    }
    mr_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4)
        return 0;
    const mr_proc *proc = choose(data);
    if (!proc || !proc->args)
        return 0;
    enum mr_ndr_side side = data[2] & 1 ? MR_NDR_RESPONSE : MR_NDR_REQUEST;
    mr_ndr_format format = {data[3] & 1 ? MR_NDR64 : MR_NDR20, data[3] & 2};
    mr_ndr_limits limits = {.no_request = true};
    mr_error err = MR_ERROR_INIT;
    mr_arena arena;
    size_t rest;
    /* an exact copy: a read past its end shows */
    uint8_t *stub = malloc(size - 4 + 1);

    if (!stub)
        return 0;
    memcpy(stub, data + 4, size - 4);
    mr_arena_init(&arena, (size_t)16 << 20);
    void *args = mr_arena_get(&arena, 1, proc->args->csize);
    if (args && mr_ndr_decode(proc, side, format, mr_slice_of(stub, size - 4), &limits, &arena,
                              args, &rest, &err) == 0)
        check(proc, side, format, &limits, args, &arena);
    mr_arena_deinit(&arena);
    free(stub);
    return 0;
}
