/* Correlation expressions: every operator, the scopes, and turning them round. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <msrpc/ndr.h>

/* A structure of one octet array sized by an expression over two 64-bit members: what the
 * expression yields is what the encoder writes as max_count. */
typedef struct pair {
    int64_t a;
    int64_t b;
    const uint8_t *octets;
} pair;

static const uint8_t zeros[256];

#define A {.code = MR_EXPR_FIELD, .kind = MR_NDR_I64, .value = offsetof(pair, a)}
#define B {.code = MR_EXPR_FIELD, .kind = MR_NDR_I64, .value = offsetof(pair, b)}
#define C(n) {.code = MR_EXPR_CONST, .value = (n)}
#define O(op) {.code = (op)}
#define P(...) {__VA_ARGS__}

static const struct program {
    int64_t a, b;
    int want; /* negative: it cannot be worked out, or is no count */
    uint32_t count;
    mr_expr_op ops[8];
} programs[] = {
    {5, 0, 5, 1, P(A)},
    {5, 2, 7, 3, P(A, B, O(MR_EXPR_ADD))},
    {5, 2, 3, 3, P(A, B, O(MR_EXPR_SUB))},
    {5, 2, 10, 3, P(A, B, O(MR_EXPR_MUL))},
    {5, 2, 2, 3, P(A, B, O(MR_EXPR_DIV))},
    {5, 2, 1, 3, P(A, B, O(MR_EXPR_MOD))},
    {5, 0, -1, 3, P(A, B, O(MR_EXPR_DIV))},
    {5, 0, -1, 3, P(A, B, O(MR_EXPR_MOD))},
    {INT64_MIN, -1, 0, 3, P(A, B, O(MR_EXPR_MOD))},
    {INT64_MIN, -1, -1, 3, P(A, B, O(MR_EXPR_DIV))},
    {6, 3, 2, 3, P(A, B, O(MR_EXPR_AND))},
    {6, 3, 7, 3, P(A, B, O(MR_EXPR_OR))},
    {6, 3, 5, 3, P(A, B, O(MR_EXPR_XOR))},
    {3, 4, 48, 3, P(A, B, O(MR_EXPR_SHL))},
    {3, 64, 0, 3, P(A, B, O(MR_EXPR_SHL))},
    {48, 4, 3, 3, P(A, B, O(MR_EXPR_SHR))},
    {-7, 0, 7, 2, P(A, O(MR_EXPR_NEG))},
    {-8, 0, 7, 2, P(A, O(MR_EXPR_INVERT))},
    {0, 0, 1, 2, P(A, O(MR_EXPR_NOT))},
    {9, 0, 0, 2, P(A, O(MR_EXPR_NOT))},
    {4, 4, 1, 3, P(A, B, O(MR_EXPR_EQ))},
    {4, 4, 0, 3, P(A, B, O(MR_EXPR_NE))},
    {3, 4, 1, 3, P(A, B, O(MR_EXPR_LT))},
    {4, 4, 1, 3, P(A, B, O(MR_EXPR_LE))},
    {4, 4, 0, 3, P(A, B, O(MR_EXPR_GT))},
    {4, 4, 1, 3, P(A, B, O(MR_EXPR_GE))},
    {1, 20, 20, 4, P(A, B, C(30), O(MR_EXPR_COND))},
    {0, 20, 30, 4, P(A, B, C(30), O(MR_EXPR_COND))},
    {7, 0, 4, 5, P(A, C(1), O(MR_EXPR_ADD), C(2), O(MR_EXPR_DIV))},
    {-1, 0, -1, 1, P(A)},
    {0, 0, -1, 1, P(O(MR_EXPR_ADD))},
    {0, 0, -1, 2, P(A, B)},
    {0, 0, -1, 0, P(A)},
};

static void test_programs(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(programs); i++) {
        const struct program *p = &programs[i];
        const mr_expr expr = {p->count, p->ops};
        const mr_ndr_array bounds = {.flags = MR_ARRAY_CONFORMANT, .size_is = &expr};
        const mr_type array = {.kind = MR_NDR_ARRAY, .align20 = 1, .align64 = 1, .csize = 8,
                               .element = &mr_ndr_u8, .u.array = &bounds};
        const mr_ndr_member members[] = {
            {.name = "a", .type = &mr_ndr_i64, .offset = offsetof(pair, a)},
            {.name = "b", .type = &mr_ndr_i64, .offset = offsetof(pair, b)},
            {.name = "octets", .type = &array, .offset = offsetof(pair, octets)}};
        const mr_type type = {.kind = MR_NDR_STRUCT, .flags = MR_TYPE_CONFORMANT, .align20 = 8,
                              .align64 = 8, .count = 3, .csize = sizeof(pair), .wire20 = 16,
                              .wire64 = 16, .name = "pair", .u.members = members};
        const mr_ndr_format format = {MR_NDR20, false};
        pair value = {p->a, p->b, zeros}, got = {0};
        mr_error err = MR_ERROR_INIT;
        mr_arena arena;
        mr_buf out;

        mr_buf_init(&out, NULL, 0, 4096);
        mr_arena_init(&arena, 4096);
        int r = mr_ndr_encode_type(&type, format, &value, &out, &err);
        if (r != (p->want < 0 ? MR_ERR_ARGUMENT : 0))
            print_error("program %zu: %d %s\n", i, r, err.text);
        assert_int_equal(r, p->want < 0 ? MR_ERR_ARGUMENT : 0);
        if (r == 0) {
            assert_int_equal(out.data[0], p->want);
            assert_int_equal(mr_ndr_decode_type(&type, format, mr_buf_slice(&out), NULL, &arena,
                                                &got, NULL, &err),
                             0);
            out.data[0]++; /* now the count lies */
            mr_buf_write_u8(&out, 0);
            assert_int_equal(mr_ndr_decode_type(&type, format, mr_buf_slice(&out), NULL, &arena,
                                                &got, NULL, &err),
                             MR_ERR_MALFORMED);
        }
        mr_arena_deinit(&arena);
        mr_buf_deinit(&out);
    }
}

/* size_is(p != 0) through a parameter pointer, and a size behind two pointers. */
typedef struct args {
    uint32_t *present;
    uint8_t *one;
    uint32_t **count;
    uint8_t *many;
} args;

static void test_params(void **state) {
    static const mr_type u32_pointer = {.kind = MR_NDR_POINTER, .flags = MR_TYPE_POINTERS,
                                        .align20 = 4, .align64 = 8,
                                        .pointer_class = MR_POINTER_UNIQUE, .csize = 8,
                                        .wire20 = 4, .wire64 = 8, .element = &mr_ndr_u32};
    static const mr_type u32_twice = {.kind = MR_NDR_POINTER, .flags = MR_TYPE_POINTERS,
                                      .align20 = 4, .align64 = 8,
                                      .pointer_class = MR_POINTER_UNIQUE, .csize = 8, .wire20 = 4,
                                      .wire64 = 8, .element = &u32_pointer};
    static const mr_expr_op set_ops[] = {{.code = MR_EXPR_IS_SET, .scope = MR_SCOPE_PARAM,
                                          .value = offsetof(args, present)}};
    static const mr_expr_op count_ops[] = {{.code = MR_EXPR_FIELD, .scope = MR_SCOPE_PARAM,
                                            .deref = 2, .kind = MR_NDR_U32,
                                            .value = offsetof(args, count)}};
    static const mr_expr set = {1, set_ops}, count = {1, count_ops};
    static const mr_ndr_array one_bounds = {.flags = MR_ARRAY_CONFORMANT, .size_is = &set};
    static const mr_ndr_array many_bounds = {.flags = MR_ARRAY_CONFORMANT, .size_is = &count};
    static const mr_type one = {.kind = MR_NDR_ARRAY, .align20 = 4, .align64 = 8, .csize = 8,
                                .element = &mr_ndr_u8, .u.array = &one_bounds};
    static const mr_type many = {.kind = MR_NDR_ARRAY, .align20 = 4, .align64 = 8, .csize = 8,
                                 .element = &mr_ndr_u8, .u.array = &many_bounds};
    static const mr_ndr_member members[] = {
        {"present", &u32_pointer, offsetof(args, present), MR_MEMBER_IN, NULL, NULL},
        {"one", &one, offsetof(args, one), MR_MEMBER_IN, NULL, NULL},
        {"count", &u32_twice, offsetof(args, count), MR_MEMBER_IN, NULL, NULL},
        {"many", &many, offsetof(args, many), MR_MEMBER_IN, NULL, NULL}};
    static const mr_type args_type = {.kind = MR_NDR_STRUCT, .align20 = 4, .align64 = 8,
                                      .count = 4, .csize = sizeof(args), .u.members = members};
    static const mr_proc proc = {.name = "f", .args = &args_type};
    const mr_ndr_format format = {MR_NDR20, false};
    uint32_t v = 7, n = 2, *to_n = &n;
    uint8_t octets[] = {1, 2};
    args in = {&v, octets, &to_n, octets}, got = {0};
    mr_error err = MR_ERROR_INIT;
    mr_arena arena;
    mr_buf out;

    (void)state;
    mr_buf_init(&out, NULL, 0, 4096);
    mr_arena_init(&arena, 4096);
    assert_int_equal(mr_ndr_encode(&proc, MR_NDR_REQUEST, format, &in, &out, &err), 0);
    assert_int_equal(mr_ndr_decode(&proc, MR_NDR_REQUEST, format, mr_buf_slice(&out), NULL, &arena,
                                   &got, NULL, &err),
                     0);
    assert_true(mr_ndr_eq(&proc, MR_NDR_REQUEST, &in, &got));
    assert_int_equal(**got.count, 2);

    in.present = NULL; /* now `one` has no element */
    mr_buf_reset(&out);
    assert_int_equal(mr_ndr_encode(&proc, MR_NDR_REQUEST, format, &in, &out, &err), 0);
    assert_int_equal(mr_ndr_decode(&proc, MR_NDR_REQUEST, format, mr_buf_slice(&out), NULL, &arena,
                                   &got, NULL, &err),
                     0);
    assert_null(got.present);
    mr_arena_deinit(&arena);
    mr_buf_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_params),
    };
    return cmocka_run_group_tests_name("ndr_expr", tests, NULL, NULL);
}
