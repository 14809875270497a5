/*
 * The peer of auth_calls.c: Samba's own client library (libdcerpc) with its own security, one
 * connection, one call after the other.
 *
 *     samba_auth ADDR PORT ntlm|krb5 integrity|privacy NAME PASSWORD HOST SMBCONF map|add|OCTETS N
 *
 * The questions are read from stubs, since the headers of the interfaces are not installed. Prints
 * what auth_calls.c prints.
 */
#define TEVENT_DEPRECATED 1 /* nested loops: what its Kerberos needs to ask a KDC in time */
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

/* ept_map: lsarpc 0.0 over ncacn_ip_tcp, a null handle, 64 towers: what auth_calls.c asks */
static const uint8_t map_stub[132] = {
    1, 0, 0, 0, [20] = 2, [24] = 75, [28] = 75, /* null object; the tower's size twice */
    [32] = 5, 0, 19, 0, 13, 0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0, 1, 0x23, 0x45,
    0x67, 0x89, 0xab, 0, 0, 2, 0, 0, 0, 19, 0, 13, 0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11,
    0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 2, 0, 2, 0, 0, 0, 1, 0, 11, 2, 0, 0, 0, 1, 0, 7,
    2, 0, 0, 135, 1, 0, 9, 4, [128] = 64};

typedef struct question {
    const char *library, *table;
    uint32_t opnum;
    DATA_BLOB stub;
} question;

static int64_t now(clockid_t which) {
    struct timespec t;
    clock_gettime(which, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static question ask(TALLOC_CTX *memory, const char *what) {
    uint32_t len = (uint32_t)strtoul(what, NULL, 10);
    question q = {SAMBA_LIBDIR "/libndr-standard.so.0", "ndr_table_rpcecho", len > 0, {0}};

    if (strcmp(what, "map") == 0) {
        q = (question){SAMBA_LIBDIR "/samba/libndr-samba-samba4.so.0", "ndr_table_epmapper", 3,
                       data_blob_talloc(memory, map_stub, sizeof map_stub)};
        return q;
    }
    q.stub = data_blob_talloc_zero(memory, len + 8);
    if (len == 0) { /* AddOne(41) */
        q.stub.length = 4;
        q.stub.data[0] = 41;
        return q;
    }
    for (int i = 0; i < 8; i++) /* EchoData: the length, and the array's */
        q.stub.data[i] = (uint8_t)(len >> 8 * (i % 4));
    return q;
}

static struct dcerpc_binding_handle *connect_to(TALLOC_CTX *memory, char **argv,
                                                const struct ndr_interface_table *table) {
    struct loadparm_context *config = loadparm_init_global(false);
    struct tevent_context *events = tevent_context_init(memory);
    struct cli_credentials *who = cli_credentials_init(memory);
    bool kerberos = strcmp(argv[3], "krb5") == 0;
    struct dcerpc_pipe *pipe = NULL;
    char binding[512];

    if (!lpcfg_load(config, argv[8]) || !cli_credentials_set_conf(who, config))
        return NULL;
    snprintf(binding, sizeof binding, "ncacn_ip_tcp:%s[%s,%s,%s,target_hostname=%s]", argv[1],
             argv[2], argv[3], strcmp(argv[4], "privacy") == 0 ? "seal" : "sign", argv[7]);
    cli_credentials_parse_string(who, argv[5], CRED_SPECIFIED);
    cli_credentials_set_password(who, argv[6], CRED_SPECIFIED);
    cli_credentials_set_kerberos_state(
        who, kerberos ? CRED_USE_KERBEROS_REQUIRED : CRED_USE_KERBEROS_DISABLED, CRED_SPECIFIED);
    tevent_loop_allow_nesting(events);
    dcerpc_init();
    NTSTATUS status = dcerpc_pipe_connect(memory, &pipe, binding, table, who, events, config);
    if (!NT_STATUS_IS_OK(status)) {
        fprintf(stderr, "samba_auth: connect: 0x%08x\n", NT_STATUS_V(status));
        return NULL;
    }
    dcerpc_binding_handle_set_timeout(pipe->binding_handle, 60);
    return pipe->binding_handle;
}

static bool call(TALLOC_CTX *memory, struct dcerpc_binding_handle *handle, const question *q,
                 const struct ndr_interface_table *table, const void *args) {
    size_t size = table->calls[q->opnum].struct_size;
    TALLOC_CTX *frame = talloc_new(memory);
    NTSTATUS status = dcerpc_binding_handle_call(handle, NULL, table, q->opnum, frame,
                                                 talloc_memdup(frame, args, size));

    talloc_free(frame);
    if (!NT_STATUS_IS_OK(status))
        fprintf(stderr, "samba_auth: call: 0x%08x\n", NT_STATUS_V(status));
    return NT_STATUS_IS_OK(status);
}

static int run(TALLOC_CTX *memory, char **argv, const question *q,
               const struct ndr_interface_table *table) {
    const size_t n = strtoul(argv[10], NULL, 10);
    struct dcerpc_binding_handle *handle = connect_to(memory, argv, table);
    void *args = talloc_zero_size(memory, table->calls[q->opnum].struct_size);
    struct ndr_pull *ndr = ndr_pull_init_blob(&q->stub, memory);
    int64_t *times = talloc_zero_array(memory, int64_t, n + 1);

    if (!handle || !ndr)
        return 1;
    ndr->flags |= LIBNDR_FLAG_REF_ALLOC;
    if (table->calls[q->opnum].ndr_pull(ndr, NDR_IN, args) != NDR_ERR_SUCCESS ||
        !call(memory, handle, q, table, args))
        return 1;
    int64_t spent = now(CLOCK_PROCESS_CPUTIME_ID), start = now(CLOCK_MONOTONIC), last = start;
    for (size_t i = 0; i < n; i++) {
        if (!call(memory, handle, q, table, args))
            return 1;
        int64_t t = now(CLOCK_MONOTONIC);
        times[i] = t - last;
        last = t;
    }
    spent = now(CLOCK_PROCESS_CPUTIME_ID) - spent;
    qsort(times, n, sizeof *times, ascending);
    printf("%zu %" PRId64 " %" PRId64 " %" PRId64 "\n", n, last - start, times[n / 2], spent);
    return 0;
}

int main(int argc, char **argv) {
    TALLOC_CTX *memory = talloc_new(NULL);

    if (argc != 11) {
        fputs("usage: samba_auth ADDR PORT ntlm|krb5 integrity|privacy NAME PASSWORD HOST SMBCONF "
              "map|add|OCTETS N\n", stderr);
        return 64;
    }
    question q = ask(memory, argv[9]);
    void *library = dlopen(q.library, RTLD_NOW);
    const struct ndr_interface_table *table = library ? dlsym(library, q.table) : NULL;
    if (!table) {
        fputs("samba_auth: no table\n", stderr);
        return 64;
    }
    int rc = run(memory, argv, &q, table);
    talloc_free(memory);
    return rc;
}
