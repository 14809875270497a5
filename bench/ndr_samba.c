/*
 * Samba's NDR library as a peer. Its code for the endpoint mapper is public (ndr_table_epmapper),
 * but lives in a library that distributions install in a private folder: it is loaded by path. What
 * is called, and in which order, is what Samba's own client does for a reply and its server for
 * sending one.
 */
#include "ndr_samba.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/ntstatus.h>
#include <talloc.h>
#include <ndr.h>

#define EPM_LOOKUP 2

static const char *const places[] = {
    SAMBA_LIBDIR "/samba/libndr-samba-samba4.so.0",
    SAMBA_LIBDIR "/samba/libndr-samba-private-samba.so.0",
    "libndr-samba-samba4.so.0",
};

static struct {
    const struct ndr_interface_call *call;
    TALLOC_CTX *memory;
    void *question; /* the call's struct with the request in it */
    void *answer;   /* and with the reply */
    char problem[256];
} state;

const char *samba_problem(void) {
    return state.problem;
}

static int problem(const char *text) {
    snprintf(state.problem, sizeof state.problem, "%s", text ? text : "unknown");
    return -1;
}

static int load(void) {
    const struct ndr_interface_table *table = NULL;
    const char *why = NULL;

    for (size_t i = 0; !table && i < sizeof places / sizeof *places; i++) {
        void *library = dlopen(places[i], RTLD_NOW);
        if (library)
            table = dlsym(library, "ndr_table_epmapper");
        if (!table)
            why = dlerror();
    }
    if (!table)
        return problem(why);
    if (table->num_calls <= EPM_LOOKUP || strcmp(table->calls[EPM_LOOKUP].name, "epm_Lookup") != 0)
        return problem("Samba's table of the endpoint mapper has another shape");
    state.call = &table->calls[EPM_LOOKUP];
    return 0;
}

static int pull(TALLOC_CTX *memory, const uint8_t *octets, size_t len, int side, void *args) {
    DATA_BLOB blob = {.data = (uint8_t *)(uintptr_t)octets, .length = len};
    struct ndr_pull *ndr = ndr_pull_init_blob(&blob, memory);

    if (!ndr)
        return -1;
    ndr->flags |= LIBNDR_FLAG_REF_ALLOC;
    return state.call->ndr_pull(ndr, side, args) == NDR_ERR_SUCCESS && ndr->offset == len ? 0 : -1;
}

int samba_open(const uint8_t *request, size_t request_len, const uint8_t *reply,
               size_t reply_len) {
    if (load() != 0)
        return -1;
    state.memory = talloc_new(NULL);
    state.question = talloc_zero_size(state.memory, state.call->struct_size);
    state.answer = talloc_zero_size(state.memory, state.call->struct_size);
    if (!state.question || !state.answer)
        return problem("out of memory");
    if (pull(state.memory, request, request_len, NDR_IN, state.question) != 0)
        return problem("Samba cannot decode the request");
    memcpy(state.answer, state.question, state.call->struct_size);
    if (pull(state.memory, reply, reply_len, NDR_OUT, state.answer) != 0)
        return problem("Samba cannot decode the reply");
    return 0;
}

void samba_close(void) {
    talloc_free(state.memory);
}

int samba_decode(const uint8_t *reply, size_t len) {
    TALLOC_CTX *memory = talloc_new(NULL);
    void *args = talloc_size(memory, state.call->struct_size);

    memcpy(args, state.question, state.call->struct_size);
    int r = pull(memory, reply, len, NDR_OUT, args);
    talloc_free(memory);
    return r;
}

int samba_encode(void) {
    struct ndr_push *ndr = ndr_push_init_ctx(NULL);

    if (!ndr)
        return -1;
    int r = state.call->ndr_push(ndr, NDR_OUT, state.answer) == NDR_ERR_SUCCESS ? 0 : -1;
    DATA_BLOB blob = ndr_push_blob(ndr);
    r = r == 0 && blob.length > 0 ? 0 : -1;
    talloc_free(ndr);
    return r;
}

int samba_again(const uint8_t **octetsp, size_t *lenp) {
    struct ndr_push *ndr = ndr_push_init_ctx(state.memory);

    if (!ndr || state.call->ndr_push(ndr, NDR_OUT, state.answer) != NDR_ERR_SUCCESS)
        return -1;
    DATA_BLOB blob = ndr_push_blob(ndr);
    *octetsp = blob.data;
    *lenp = blob.length;
    return 0;
}
