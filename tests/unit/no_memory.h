/*
 * An allocator that fails when the test says so: fail_once or fail_from, then what is tried, then
 * fail_end. Linked with --wrap for malloc, calloc and realloc, as every test named *_memory is.
 */
#ifndef NO_MEMORY_H
#define NO_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

static struct {
    size_t countdown;  /* 0: none fails; else the countdown-th from now is the first that does */
    bool go_on;        /* those that follow fail too */
    bool failed;
    size_t count;      /* allocations so far, failed or not */
} no_memory;

/* The @nth allocation from now on fails, those after it do not. 0: none. */
static inline void fail_once(size_t nth) {
    no_memory.countdown = nth;
    no_memory.go_on = no_memory.failed = false;
}

/* The @nth allocation from now on fails and every one after it. */
static inline void fail_from(size_t nth) {
    fail_once(nth);
    no_memory.go_on = true;
}

/* Memory is there again; whether an allocation failed meanwhile. */
static inline bool fail_end(void) {
    no_memory.countdown = 0;
    return no_memory.failed;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool fails(void) {
    no_memory.count++;
    if (no_memory.countdown == 0 || --no_memory.countdown > 0)
        return false;
    no_memory.countdown = no_memory.go_on;
    return no_memory.failed = true;
}
void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}
void *__wrap_realloc(void *p, size_t size) {
    return fails() ? NULL : __real_realloc(p, size);
}

#endif
