/*
 * Arenas: one allocation scope with a hard cap. Everything taken from an arena is zeroed, aligned
 * for any type and lives until the arena is reset or deinitialised. One per call and one per
 * association; freeing is one step, so no error path leaks.
 */
#ifndef MSRPC_BASE_ARENA_H
#define MSRPC_BASE_ARENA_H

#include <msrpc/base/slice.h>

typedef struct mr_arena_chunk mr_arena_chunk;

typedef struct mr_arena {
    mr_arena_chunk *chunk; /* newest first */
    size_t used;           /* octets handed out, with padding */
    size_t cap;            /* most octets ever handed out between two resets */
    size_t first;          /* octets of the first chunk, 0: 4096; may be set after init */
    uint8_t *next;
    uint8_t *end;
} mr_arena;

/* Starts an empty arena of at most @cap octets; allocates nothing. */
void mr_arena_init(mr_arena *arena, size_t cap);
/* Frees everything. A zeroed arena may be deinitialised. */
void mr_arena_deinit(mr_arena *arena);
/* Forgets everything but keeps one chunk for reuse. */
void mr_arena_reset(mr_arena *arena);

/* Zeroed memory for @count elements of @size octets, overflow-checked; NULL when the cap or the
 * system's memory is exhausted. A count or size of zero gives a unique non-NULL pointer. */
void *mr_arena_get(mr_arena *arena, size_t count, size_t size);
/* The same without zeroing: the caller overwrites every octet. */
void *mr_arena_get_raw(mr_arena *arena, size_t count, size_t size);
#define MR_ARENA_NEW(arena, type) ((type *)mr_arena_get((arena), 1, sizeof(type)))

/* A copy of @s in @arena, followed by a NUL that the slice does not count; NULL on exhaustion. */
char *mr_arena_add_str(mr_arena *arena, mr_slice s);
/* A formatted string in @arena; NULL on exhaustion. */
char *mr_arena_add_fmt(mr_arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
