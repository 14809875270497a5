/* The five walkers against each other: what generate makes survives encode, decode, print and
 * read unchanged, for every type, transfer syntax and byte order; what JSON may leave out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_ndr_json.h"
#include "test_ndr_types.h"

#define ARENA_CAP (8u << 20)
#define ROUNDS 60

static const mr_ndr_format formats[] = {
    {MR_NDR20, false}, {MR_NDR64, false}, {MR_NDR20, true}, {MR_NDR64, true}};

typedef union value {
    uint64_t align;
    uint8_t octets[TEST_VALUE_MOST];
    ept_lookup_args lookup;
    mixed_args mixed;
    ustring ustring;
    chosen chosen;
    sid sid;
    arrays arrays;
    pointers pointers;
    scalars scalars;
    tail tail;
    outer outer;
} value;

typedef struct fixture {
    mr_arena arena;
    mr_error err;
    mr_buf stub;
    mr_buf text;
    mr_writer writer;
} fixture;

static void fixture_init(fixture *f) {
    mr_arena_init(&f->arena, ARENA_CAP);
    f->err = MR_ERROR_INIT;
    mr_buf_init(&f->stub, NULL, 0, ARENA_CAP);
    mr_buf_init(&f->text, NULL, 0, ARENA_CAP);
    mr_writer_init_json(&f->writer, mr_sink_buf, &f->text, false);
}

static void fixture_deinit(fixture *f) {
    mr_writer_deinit(&f->writer);
    mr_buf_deinit(&f->text);
    mr_buf_deinit(&f->stub);
    mr_arena_deinit(&f->arena);
}

static void expect(fixture *f, int got, int want, const char *what, const char *who) {
    if (got != want)
        print_error("%s of %s: %d %s\n", what, who ? who : "?", got, f->err.text);
    assert_int_equal(got, want);
}

static mr_token *finish_text(fixture *f) {
    assert_int_equal(mr_writer_flush(&f->writer), 0);
    mr_buf_write_u8(&f->text, 0);
    assert_int_equal(mr_buf_error(&f->text), 0);
    mr_token *token = json_read(mr_slice_of(f->text.data, f->text.len - 1), &f->arena);
    assert_non_null(token);
    return token;
}

static void round_type(const mr_type *type, mr_ndr_format format, uint64_t seed) {
    value a = {0}, b = {0}, c = {0};
    mr_random random = {seed};
    size_t rest = 1;
    fixture f;

    assert_true(type->csize <= sizeof a);
    fixture_init(&f);
    expect(&f, mr_ndr_generate_type(type, &random, &f.arena, &a, &f.err), 0, "generate",
           type->name);
    assert_true(mr_ndr_eq_type(type, &a, &a));
    expect(&f, mr_ndr_encode_type(type, format, &a, &f.stub, &f.err), 0, "encode", type->name);
    uint8_t *exact = malloc(f.stub.len + 1);
    assert_non_null(exact);
    memcpy(exact, f.stub.data, f.stub.len);
    expect(&f,
           mr_ndr_decode_type(type, format, mr_slice_of(exact, f.stub.len), NULL, &f.arena, &b,
                              &rest, &f.err),
           0, "decode", type->name);
    assert_int_equal(rest, 0);
    assert_true(mr_ndr_eq_type(type, &a, &b));
    if (f.stub.len < (format.syntax == MR_NDR64 ? type->wire64 : type->wire20))
        print_error("%s takes %zu octets\n", type->name, f.stub.len);
    assert_true(f.stub.len >= (format.syntax == MR_NDR64 ? type->wire64 : type->wire20));

    expect(&f, mr_ndr_print_type(type, NULL, &b, &f.writer), 0, "print", type->name);
    expect(&f, mr_ndr_read_type(type, finish_text(&f), &f.arena, &c, &f.err), 0, "read",
           (const char *)f.text.data);
    if (!mr_ndr_eq_type(type, &a, &c))
        print_error("%s: %s\n", type->name, (const char *)f.text.data);
    assert_true(mr_ndr_eq_type(type, &a, &c));
    mr_buf again;
    mr_buf_init(&again, NULL, 0, ARENA_CAP);
    expect(&f, mr_ndr_encode_type(type, format, &c, &again, &f.err), 0, "encode", type->name);
    assert_int_equal(again.len, f.stub.len);
    assert_memory_equal(again.data, exact, again.len);
    mr_buf_deinit(&again);
    free(exact);
    fixture_deinit(&f);
}

static void test_values(void **state) {
    (void)state;
    for (size_t t = 0; t < MR_COUNT(test_types); t++) {
        for (size_t i = 0; i < MR_COUNT(formats); i++) {
            for (uint64_t seed = 1; seed <= ROUNDS; seed++)
                round_type(test_types[t], formats[i], seed);
        }
    }
}

static void round_pickle(const mr_type *type, bool big, uint64_t seed) {
    value a = {0}, b = {0};
    mr_random random = {seed};
    fixture f;

    fixture_init(&f);
    expect(&f, mr_ndr_generate_type(type, &random, &f.arena, &a, &f.err), 0, "generate",
           type->name);
    expect(&f, mr_ndr_encode_pickle(type, (mr_ndr_format){MR_NDR20, big}, &a, &f.stub, &f.err), 0,
           "encode", type->name);
    assert_int_equal(f.stub.len % 8, 0);
    expect(&f, mr_ndr_decode_pickle(type, mr_buf_slice(&f.stub), NULL, &f.arena, &b, &f.err), 0,
           "decode", type->name);
    assert_true(mr_ndr_eq_type(type, &a, &b));
    fixture_deinit(&f);
}

static void test_pickles(void **state) {
    (void)state;
    for (size_t t = 0; t < MR_COUNT(test_types); t++) {
        for (uint64_t seed = 1; seed <= 10; seed++) {
            round_pickle(test_types[t], false, seed);
            round_pickle(test_types[t], true, seed);
        }
    }
}

/* One half of a call; the request's values are in @a, @b and @c already for a response. */
static void round_half(const mr_proc *proc, enum mr_ndr_side side, mr_ndr_format format,
                       mr_random *random, value *a, value *b, value *c, fixture *f) {
    size_t rest = 1;
    expect(f, mr_ndr_generate(proc, side, random, &f->arena, a, &f->err), 0, "generate",
           proc->name);
    for (unsigned i = 0; i < proc->args->count; i++) {
        /* a response that wants another [in] size than zero has written it into @a */
        const mr_ndr_member *m = &proc->args->u.members[i];
        if (side == MR_NDR_RESPONSE && MR_NDR_IS_SCALAR(m->type->kind)) {
            memcpy(b->octets + m->offset, a->octets + m->offset, m->type->csize);
            memcpy(c->octets + m->offset, a->octets + m->offset, m->type->csize);
        }
    }
    expect(f, mr_ndr_encode(proc, side, format, a, &f->stub, &f->err), 0, "encode", proc->name);
    expect(f, mr_ndr_decode(proc, side, format, mr_buf_slice(&f->stub), NULL, &f->arena, b, &rest,
                            &f->err),
           0, "decode", proc->name);
    assert_int_equal(rest, 0);
    assert_true(mr_ndr_eq(proc, side, a, b));
    mr_writer_open(&f->writer, NULL, MR_SHAPE_OBJECT);
    expect(f, mr_ndr_print(proc, side, b, &f->writer), 0, "print", proc->name);
    mr_writer_close(&f->writer);
    expect(f, mr_ndr_read(proc, side, finish_text(f), &f->arena, c, &f->err), 0, "read",
           (const char *)f->text.data);
    assert_true(mr_ndr_eq(proc, side, a, c));
}

static void test_calls(void **state) {
    (void)state;
    for (uint32_t p = 0; p < test_iface.proc_count; p++) {
        const mr_proc *proc = mr_iface_get_proc(&test_iface, p);
        for (size_t i = 0; proc->args && i < MR_COUNT(formats); i++) {
            for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
                value a = {0}, b = {0}, c = {0};
                mr_random random = {seed};
                fixture in, out;
                fixture_init(&in);
                fixture_init(&out);
                round_half(proc, MR_NDR_REQUEST, formats[i], &random, &a, &b, &c, &in);
                round_half(proc, MR_NDR_RESPONSE, formats[i], &random, &a, &b, &c, &out);
                fixture_deinit(&out);
                fixture_deinit(&in);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_pickles),
        cmocka_unit_test(test_calls),
    };
    return cmocka_run_group_tests_name("ndr_walk", tests, NULL, NULL);
}
