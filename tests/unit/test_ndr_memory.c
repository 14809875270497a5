/* The Nth allocation fails, for every N: decode, encode, print, read, generate and eq answer
 * MR_ERR_MEMORY (or false) and leave nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "no_memory.h"
#include "test_ndr_json.h"
#include "test_ndr_types.h"

#define ARENA_CAP (64u << 20)

/* Enough entries that stacks, maps, checks and buffers all grow. */
#define ENTRIES 200

typedef struct world {
    mr_arena arena; /* what stands before the walker that is tried */
    ept_lookup_args args;
    mr_buf stub;
    mr_token *token;
} world;

static void world_init(world *w) {
    mr_error err = MR_ERROR_INIT;
    mr_buf text;
    mr_writer writer;

    mr_arena_init(&w->arena, ARENA_CAP);
    ept_entry *entries = mr_arena_get(&w->arena, ENTRIES, sizeof *entries);
    twr *towers = mr_arena_get(&w->arena, ENTRIES, sizeof *towers);
    assert_non_null(entries);
    assert_non_null(towers);
    for (size_t i = 0; i < ENTRIES; i++) {
        towers[i] = (twr){3, (uint8_t *)(uintptr_t)"abc"};
        entries[i] = (ept_entry){{(uint32_t)i, 0, 0, {0}}, &towers[i],
                                 (uint8_t *)(uintptr_t)"name"};
    }
    w->args = (ept_lookup_args){.max_ents = ENTRIES, .num_ents = ENTRIES, .entries = entries};
    mr_buf_init(&w->stub, NULL, 0, ARENA_CAP);
    assert_int_equal(mr_ndr_encode(&test_procs[0], MR_NDR_RESPONSE,
                                   (mr_ndr_format){MR_NDR20, true}, &w->args, &w->stub, &err),
                     0);
    mr_buf_init(&text, NULL, 0, ARENA_CAP);
    mr_writer_init_json(&writer, mr_sink_buf, &text, false);
    mr_writer_open(&writer, NULL, MR_SHAPE_OBJECT);
    assert_int_equal(mr_ndr_print(&test_procs[0], MR_NDR_RESPONSE, &w->args, &writer), 0);
    mr_writer_close(&writer);
    assert_int_equal(mr_writer_flush(&writer), 0);
    mr_writer_deinit(&writer);
    mr_buf_write_u8(&text, 0);
    w->token = json_read(mr_slice_of(text.data, text.len - 1), &w->arena);
    assert_non_null(w->token);
    mr_buf_deinit(&text);
}

static void world_deinit(world *w) {
    mr_buf_deinit(&w->stub);
    mr_arena_deinit(&w->arena);
}

static int try_decode(world *w) {
    ept_lookup_args got = {.max_ents = ENTRIES};
    mr_error err = MR_ERROR_INIT;
    mr_arena arena;
    mr_arena_init(&arena, ARENA_CAP);
    int r = mr_ndr_decode(&test_procs[0], MR_NDR_RESPONSE, (mr_ndr_format){MR_NDR20, true},
                          mr_buf_slice(&w->stub), NULL, &arena, &got, NULL, &err);
    mr_arena_deinit(&arena);
    return r;
}

static int try_encode(world *w) {
    mr_error err = MR_ERROR_INIT;
    mr_buf out;
    mr_buf_init(&out, NULL, 0, ARENA_CAP);
    int r = mr_ndr_encode(&test_procs[0], MR_NDR_RESPONSE, (mr_ndr_format){MR_NDR64, true},
                          &w->args, &out, &err);
    mr_buf_deinit(&out);
    return r;
}

static int try_print(world *w) {
    mr_writer writer;
    mr_buf text;
    mr_buf_init(&text, NULL, 0, ARENA_CAP);
    mr_writer_init_json(&writer, mr_sink_buf, &text, false);
    mr_writer_open(&writer, NULL, MR_SHAPE_OBJECT);
    int r = mr_ndr_print(&test_procs[0], MR_NDR_RESPONSE, &w->args, &writer);
    mr_writer_close(&writer);
    int flushed = mr_writer_flush(&writer);
    mr_writer_deinit(&writer);
    mr_buf_deinit(&text);
    return r ? r : flushed;
}

static int try_read(world *w) {
    ept_lookup_args got = {.max_ents = ENTRIES};
    mr_error err = MR_ERROR_INIT;
    mr_arena arena;
    mr_arena_init(&arena, ARENA_CAP);
    int r = mr_ndr_read(&test_procs[0], MR_NDR_RESPONSE, w->token, &arena, &got, &err);
    mr_arena_deinit(&arena);
    return r;
}

static int try_generate(world *w) {
    union { pointers pointers; tree tree; } got = {0};
    mr_random random = {3};
    mr_error err = MR_ERROR_INIT;
    mr_arena arena;
    (void)w;
    mr_arena_init(&arena, ARENA_CAP);
    int r = mr_ndr_generate_type(&t_pointers, &random, &arena, &got, &err);
    for (int i = 0; i < 20 && r == 0; i++) {
        memset(&got, 0, sizeof got);
        r = mr_ndr_generate_type(&t_tree, &random, &arena, &got, &err);
    }
    mr_arena_deinit(&arena);
    return r;
}

static int try_eq(world *w) {
    return mr_ndr_eq(&test_procs[0], MR_NDR_RESPONSE, &w->args, &w->args) ? 0 : MR_ERR_MEMORY;
}

static void fail_each(int (*run)(world *w)) {
    world w;
    world_init(&w);
    for (int mode = 0; mode < 2; mode++) {
        size_t n = 0;
        int r;
        do {
            (mode ? fail_once : fail_from)(++n);
            r = run(&w);
            fail_end();
            assert_true(r == 0 || r == MR_ERR_MEMORY);
        } while (r != 0);
        assert_true(n > 1); /* it did allocate, and so did fail */
    }
    world_deinit(&w);
}

static void test_decode(void **state) {
    (void)state;
    fail_each(try_decode);
}
static void test_encode(void **state) {
    (void)state;
    fail_each(try_encode);
}
static void test_print(void **state) {
    (void)state;
    fail_each(try_print);
}
static void test_read(void **state) {
    (void)state;
    fail_each(try_read);
}
static void test_generate(void **state) {
    (void)state;
    fail_each(try_generate);
}
static void test_eq(void **state) {
    (void)state;
    fail_each(try_eq);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),   cmocka_unit_test(test_encode),
        cmocka_unit_test(test_print),    cmocka_unit_test(test_read),
        cmocka_unit_test(test_generate), cmocka_unit_test(test_eq),
    };
    return cmocka_run_group_tests_name("ndr_memory", tests, NULL, NULL);
}
