/*
 * Arenas: chunks of growing size in a list, newest first. @cap bounds what is handed out, so a
 * lying count in the input costs an error and never the machine's memory. One large request gets a
 * chunk of its own.
 */
#include <msrpc/base/arena.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK_FIRST 4096
#define CHUNK_MOST (256 * 1024)
#define ALIGN _Alignof(max_align_t)

struct mr_arena_chunk {
    mr_arena_chunk *older;
    size_t size; /* octets that follow */
    _Alignas(max_align_t) uint8_t data[];
};

void mr_arena_init(mr_arena *arena, size_t cap) {
    *arena = (mr_arena){.cap = cap};
}

static void free_chunks(mr_arena_chunk *chunk) {
    while (chunk) {
        mr_arena_chunk *older = chunk->older;
        free(chunk);
        chunk = older;
    }
}

void mr_arena_deinit(mr_arena *arena) {
    free_chunks(arena->chunk);
    *arena = (mr_arena){.cap = arena->cap, .first = arena->first};
}

void mr_arena_reset(mr_arena *arena) {
    if (!arena->chunk)
        return;
    free_chunks(arena->chunk->older);
    arena->chunk->older = NULL;
    arena->used = 0;
    arena->next = arena->chunk->data;
    arena->end = arena->chunk->data + arena->chunk->size;
}

static bool add_chunk(mr_arena *arena, size_t need) {
    size_t size = arena->chunk   ? arena->chunk->size * 2
                  : arena->first ? arena->first
                                 : CHUNK_FIRST;
    if (size > CHUNK_MOST)
        size = CHUNK_MOST;
    if (size < need)
        size = need;
    mr_arena_chunk *chunk = malloc(sizeof *chunk + size);
    if (!chunk)
        return false;
    chunk->older = arena->chunk;
    chunk->size = size;
    arena->chunk = chunk;
    arena->next = chunk->data;
    arena->end = chunk->data + size;
    return true;
}

void *mr_arena_get_raw(mr_arena *arena, size_t count, size_t size) {
    size_t n;
    if (__builtin_mul_overflow(count, size, &n) || n > SIZE_MAX - ALIGN)
        return NULL;
    n = n ? (n + ALIGN - 1) & ~(ALIGN - 1) : ALIGN;
    if (n > arena->cap || arena->used > arena->cap - n)
        return NULL;
    if (n > (size_t)(arena->end - arena->next) && !add_chunk(arena, n))
        return NULL;
    void *p = arena->next;
    arena->next += n;
    arena->used += n;
    return p;
}

void *mr_arena_get(mr_arena *arena, size_t count, size_t size) {
    void *p = mr_arena_get_raw(arena, count, size);
    if (p)
        memset(p, 0, count * size);
    return p;
}

char *mr_arena_add_str(mr_arena *arena, mr_slice s) {
    if (s.len == SIZE_MAX)
        return NULL;
    char *p = mr_arena_get_raw(arena, s.len + 1, 1);
    if (!p)
        return NULL;
    if (s.len)
        memcpy(p, s.data, s.len);
    p[s.len] = '\0';
    return p;
}

char *mr_arena_add_fmt(mr_arena *arena, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n < 0 ? NULL : mr_arena_get_raw(arena, (size_t)n + 1, 1);
    if (p)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}
