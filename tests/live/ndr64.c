/*
 * Calls of every method of every compiled interface, with random values: ndr64 SEEDS. A line each,
 * "INTERFACE METHOD OPNUM" and in hexadecimal the stubs of request and response, both in NDR20 and
 * in NDR64.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msrpc/ifaces.h>

#define ARENA_CAP ((size_t)16 << 20)
#define STUB_CAP 4096 /* no need for long ones */

static void print_hex(mr_slice octets) {
    putchar(' ');
    for (size_t i = 0; i < octets.len; i++)
        printf("%02x", octets.data[i]);
    if (octets.len == 0)
        putchar('-');
}

static void one(const mr_iface *iface, const mr_proc *proc, uint64_t seed) {
    static const mr_ndr_format forms[] = {{MR_NDR20, false}, {MR_NDR64, false}};
    mr_random random = {seed * 1000003 + proc->opnum};
    mr_buf out[2 * MR_COUNT(forms)];
    mr_arena arena;
    int r = 0;

    mr_arena_init(&arena, ARENA_CAP);
    void *args = mr_arena_get(&arena, 1, proc->args->csize);
    if (!args)
        abort();
    for (size_t i = 0; i < MR_COUNT(out); i++) {
        enum mr_ndr_side side = i < MR_COUNT(forms) ? MR_NDR_REQUEST : MR_NDR_RESPONSE;
        mr_buf_init(&out[i], NULL, 0, STUB_CAP);
        if (r == 0 && i % MR_COUNT(forms) == 0)
            r = mr_ndr_generate(proc, side, &random, &arena, args, NULL);
        if (r == 0)
            r = mr_ndr_encode(proc, side, forms[i % MR_COUNT(forms)], args, &out[i], NULL);
    }
    if (r == 0) {
        printf("%s %s %u", iface->name, proc->name, proc->opnum);
        for (size_t i = 0; i < MR_COUNT(out); i++)
            print_hex(mr_buf_slice(&out[i]));
        putchar('\n');
    }
    for (size_t i = 0; i < MR_COUNT(out); i++)
        mr_buf_deinit(&out[i]);
    mr_arena_deinit(&arena);
}

int main(int argc, char **argv) {
    unsigned long seeds = argc > 1 ? strtoul(argv[1], NULL, 10) : 20;

    for (const mr_iface *const *i = mr_ifaces; *i; i++)
        for (uint32_t n = 0; n < (*i)->proc_count; n++)
            for (uint64_t seed = 1; (*i)->procs[n].args && seed <= seeds; seed++)
                one(*i, &(*i)->procs[n], seed);
    return 0;
}
