/*
 * The peer of calls.c: ept_map through Samba's own client library (libdcerpc), one connection, one
 * call after the other.
 *
 *     samba_calls HOST PORT N
 *
 * The question is read from a stub, since the header of Samba's endpoint mapper is not installed;
 * its table is loaded from a private library as in ndr_samba.c. Prints what calls.c prints.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include <core/ntstatus.h>
#include <credentials.h>
#include <dcerpc.h>
#include <param.h>
#include <talloc.h>
#include <tevent.h>

#define EPM_MAP 3

/* ept_map: lsarpc 0.0 over ncacn_ip_tcp, a null handle, 64 towers: what calls.c asks */
static uint8_t question[132] = {
    1, 0, 0, 0, [20] = 2, [24] = 75, [28] = 75, /* null object; the tower's size twice */
    [32] = 5, 0, 19, 0, 13, 0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0, 1, 0x23, 0x45,
    0x67, 0x89, 0xab, 0, 0, 2, 0, 0, 0, 19, 0, 13, 0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11,
    0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 2, 0, 2, 0, 0, 0, 1, 0, 11, 2, 0, 0, 0, 1, 0, 7,
    2, 0, 0, 135, 1, 0, 9, 4, [128] = 64};

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool pull(TALLOC_CTX *memory, const struct ndr_interface_call *call, void *args) {
    DATA_BLOB blob = {.data = question, .length = sizeof question};
    struct ndr_pull *ndr = ndr_pull_init_blob(&blob, memory);

    if (!ndr)
        return false;
    ndr->flags |= LIBNDR_FLAG_REF_ALLOC;
    return call->ndr_pull(ndr, NDR_IN, args) == NDR_ERR_SUCCESS;
}

static struct dcerpc_binding_handle *connect_to(TALLOC_CTX *memory, const char *host,
                                                const char *port,
                                                const struct ndr_interface_table *table) {
    struct loadparm_context *config = loadparm_init_global(false);
    struct tevent_context *events = tevent_context_init(memory);
    struct cli_credentials *nobody = cli_credentials_init(memory);
    struct dcerpc_pipe *pipe = NULL;
    char binding[128];

    snprintf(binding, sizeof binding, "ncacn_ip_tcp:%s[%s]", host, port);
    cli_credentials_set_anonymous(nobody);
    dcerpc_init();
    NTSTATUS status = dcerpc_pipe_connect(memory, &pipe, binding, table, nobody, events, config);
    if (!NT_STATUS_IS_OK(status)) {
        fprintf(stderr, "samba_calls: connect: 0x%08x\n", NT_STATUS_V(status));
        return NULL;
    }
    return pipe->binding_handle;
}

int main(int argc, char **argv) {
    TALLOC_CTX *memory = talloc_new(NULL);
    void *library = dlopen(SAMBA_LIBDIR "/samba/libndr-samba-samba4.so.0", RTLD_NOW);
    const struct ndr_interface_table *table = library ? dlsym(library, "ndr_table_epmapper") : NULL;

    if (argc != 4 || !table) {
        fputs(argc != 4 ? "usage: samba_calls HOST PORT N\n" : "samba_calls: no table\n", stderr);
        return 64;
    }
    const size_t n = strtoul(argv[3], NULL, 10);
    const struct ndr_interface_call *call = &table->calls[EPM_MAP];
    struct dcerpc_binding_handle *handle = connect_to(memory, argv[1], argv[2], table);
    int64_t *times = talloc_zero_array(memory, int64_t, n + 1);
    void *args = talloc_zero_size(memory, call->struct_size);
    if (!handle || !pull(memory, call, args))
        return 1;
    int64_t start = now(), last = start;
    for (size_t i = 0; i < n; i++) {
        TALLOC_CTX *frame = talloc_new(memory);
        void *copy = talloc_memdup(frame, args, call->struct_size);
        if (!NT_STATUS_IS_OK(dcerpc_binding_handle_call(handle, NULL, table, EPM_MAP, frame, copy)))
            return 1;
        talloc_free(frame);
        int64_t t = now();
        times[i] = t - last;
        last = t;
    }
    qsort(times, n, sizeof *times, ascending);
    printf("%zu %" PRId64 " %" PRId64 "\n", n, last - start, times[n / 2]);
    talloc_free(memory);
    return 0;
}
