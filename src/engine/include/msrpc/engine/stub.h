/*
 * Collects the chunks of one stub. A stub that came in a single chunk is not copied: it *borrows*
 * the chunk's bytes, with their lifetime, until mr_stub_keep copies them. Memory grows with what
 * really came, never with what alloc_hint promises beyond MR_STUB_HINT octets.
 */
#ifndef MSRPC_ENGINE_STUB_H
#define MSRPC_ENGINE_STUB_H

#include <msrpc/base/buf.h>
#include <msrpc/engine/event.h>

#define MR_STUB_DEFAULT ((size_t)4 << 20) /* octets of a request stub (MS-RPCE: 4 MiB) */
#define MR_STUB_HINT ((size_t)256 << 10)  /* octets reserved at most on the word of alloc_hint */

enum mr_stub_outcome {
    MR_STUB_COMPLETE = 1, /* the last chunk came */
    MR_STUB_DAMAGED = 2,  /* the last chunk came, but octets are missing (tap) */
};

typedef struct mr_stub {
    mr_buf buf;
    mr_slice bytes;   /* what came so far */
    bool damaged;
    bool done;
} mr_stub;

/* Starts an empty stub of at most @cap octets; allocates nothing. */
void mr_stub_init(mr_stub *stub, size_t cap);
void mr_stub_deinit(mr_stub *stub);
/* Empties it for the next call; keeps the memory. */
void mr_stub_reset(mr_stub *stub);

/* Appends a chunk; a chunk marked first begins anew. Returns 0 (more to come), MR_STUB_COMPLETE,
 * MR_STUB_DAMAGED, MR_ERR_LIMIT, MR_ERR_MEMORY, or MR_ERR_STATE after the last chunk. */
int mr_stub_feed(mr_stub *stub, const mr_event_chunk *chunk);
/* The octets so far; hold until the next call on @stub or, if not kept, as the chunk's do. */
static inline mr_slice mr_stub_get(const mr_stub *stub) {
    return stub->bytes;
}
/* Copies borrowed octets, so that they hold until reset. 0, MR_ERR_LIMIT or MR_ERR_MEMORY. */
int mr_stub_keep(mr_stub *stub);

#endif
