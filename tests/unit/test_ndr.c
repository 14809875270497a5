/* NDR on the wire: stubs of a peer octet by octet, limits, lies and cuts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test_ndr_layouts.h"
#include "test_ndr_types.h"
#include "test_ndr_vectors.h"

#define ARENA_CAP (1u << 20)

/* An exact heap copy, so that the sanitizer sees a read past the end. */
typedef struct octets {
    uint8_t *data;
    size_t len;
} octets;

static octets from_hex(const char *hex) {
    octets o = {.len = strlen(hex) / 2};
    o.data = malloc(o.len ? o.len : 1);
    assert_non_null(o.data);
    for (size_t i = 0; i < o.len; i++) {
        unsigned v;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
        o.data[i] = (uint8_t)v;
    }
    return o;
}

static void assert_octets(mr_slice got, const char *hex) {
    char *text = malloc(got.len * 2 + 1);
    assert_non_null(text);
    for (size_t i = 0; i < got.len; i++)
        snprintf(text + 2 * i, 3, "%02x", got.data[i]);
    text[got.len * 2] = '\0';
    assert_string_equal(text, hex);
    free(text);
}

typedef union any_args {
    ept_lookup_args lookup;
    mixed_args mixed;
    set_info_args set_info;
    lookup_sids_args lookup_sids;
    get_dc_args get_dc;
} any_args;

static void prepare(const struct vector *v, any_args *args) {
    memset(args, 0, sizeof *args);
    if (v->side == MR_NDR_RESPONSE)
        args->lookup.max_ents = 3;
}

static void check_values(const struct vector *v, const any_args *a) {
    if (v->side == MR_NDR_RESPONSE) {
        assert_int_equal(a->lookup.num_ents, 2);
        assert_int_equal(a->lookup.status, 0x16c9a0d6);
        assert_string_equal((const char *)a->lookup.entries[1].annotation, "entry 2");
        assert_int_equal(a->lookup.entries[1].tower->tower_length, 43);
        assert_int_equal(a->lookup.entries[0].tower->tower_octet_string[42], 1);
        assert_int_equal(a->lookup.entries[0].object.time_low, 0x00112233);
        assert_int_equal(a->lookup.entry_handle.uuid.time_low, 0xa0b0c0d0);
    } else if (strcmp(v->method, "ept_lookup") == 0) {
        assert_int_equal(a->lookup.object->time_low, 0x11111111);
        assert_int_equal(a->lookup.interface_id->uuid.time_low, 0xe1af8308);
        assert_int_equal(a->lookup.interface_id->vers_major, 3);
        assert_int_equal(a->lookup.vers_option, 1);
        assert_int_equal(a->lookup.max_ents, 3);
    } else if (strcmp(v->method, "SetInfo") == 0) {
        if (a->set_info.level == 3) {
            assert_true(a->set_info.info.force_logoff == 0x1122334455667788);
        } else {
            assert_int_equal(a->set_info.level, 5);
            assert_int_equal(a->set_info.info.domain_name.Length, 6);
            assert_int_equal(a->set_info.info.domain_name.Buffer[2], 'M');
        }
    } else if (strcmp(v->method, "LookupSids") == 0) {
        assert_int_equal(a->lookup_sids.sids.count, 2);
        assert_int_equal(a->lookup_sids.sids.sids[0]->SubAuthority[3], 3);
        assert_int_equal(a->lookup_sids.sids.sids[1]->SubAuthority[1], 544);
        assert_null(a->lookup_sids.names.names);
        assert_int_equal(a->lookup_sids.level, 1);
    } else {
        assert_int_equal(a->get_dc.server[4], 0);
        assert_int_equal(a->get_dc.server[3], 'c');
        assert_int_equal(a->get_dc.domain[0], 'd');
        assert_int_equal(a->get_dc.domain_guid->time_mid, 0x2222);
        assert_null(a->get_dc.site_guid);
        assert_int_equal(a->get_dc.flags, 0x40000000);
    }
}

static void test_vectors(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(vectors); i++) {
        const struct vector *v = &vectors[i];
        const mr_proc *proc = mr_iface_find_proc(&test_iface, v->method);
        octets o = from_hex(v->hex);
        mr_error err = MR_ERROR_INIT;
        mr_arena arena;
        mr_buf out;
        any_args args;
        size_t rest = 99;

        assert_non_null(proc);
        prepare(v, &args);
        mr_arena_init(&arena, ARENA_CAP);
        int r = mr_ndr_decode(proc, v->side, v->format, mr_slice_of(o.data, o.len), NULL, &arena,
                              &args, &rest, &err);
        if (r != 0)
            print_error("vector %zu: %s\n", i, err.text);
        assert_int_equal(r, 0);
        assert_int_equal(rest, 0);
        check_values(v, &args);
        mr_buf_init(&out, NULL, 0, ARENA_CAP);
        assert_int_equal(mr_ndr_encode(proc, v->side, v->format, &args, &out, &err), 0);
        assert_octets(mr_buf_slice(&out), v->hex);
        mr_buf_deinit(&out);
        mr_arena_deinit(&arena);
        free(o.data);
    }
}

/* Every cut of every stub is TRUNCATED (or, where the cut part is a tail of padding, fine). */
static void test_truncations(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(vectors); i++) {
        const struct vector *v = &vectors[i];
        const mr_proc *proc = mr_iface_find_proc(&test_iface, v->method);
        octets whole = from_hex(v->hex);
        for (size_t len = 0; len < whole.len; len++) {
            uint8_t *cut = malloc(len ? len : 1);
            mr_error err = MR_ERROR_INIT;
            mr_arena arena;
            any_args args;

            assert_non_null(cut);
            memcpy(cut, whole.data, len);
            prepare(v, &args);
            mr_arena_init(&arena, ARENA_CAP);
            int r = mr_ndr_decode(proc, v->side, v->format, mr_slice_of(cut, len), NULL, &arena,
                                  &args, NULL, &err);
            if (r != MR_ERR_TRUNCATED)
                print_error("vector %zu cut to %zu: %s\n", i, len, err.text);
            assert_int_equal(r, MR_ERR_TRUNCATED);
            assert_int_equal(err.code, MR_ERR_TRUNCATED);
            assert_int_equal(err.floor, MR_FLOOR_NDR);
            assert_true(err.offset <= len);
            assert_null(strstr(err.text, "value:"));
            mr_arena_deinit(&arena);
            free(cut);
        }
        free(whole.data);
    }
}

static const mr_ndr_format formats[] = {
    {MR_NDR20, false}, {MR_NDR64, false}, {MR_NDR20, true}, {MR_NDR64, true}};

typedef union any_value {
    arrays arrays;
    sid sid;
    outer outer;
    tail tail;
    chosen chosen;
    packed_union packed;
    ignoring ignoring;
    pointers pointers;
    list list;
    tree tree;
    scalars scalars;
    ustring ustring;
    ragged ragged;
} any_value;

/* The value encodes to the layout of that name and comes back equal, from each of its forms; every
 * cut of it is refused. */
static void check_layout(const char *name, const mr_type *type, const void *value) {
    const struct layout *l = NULL;
    for (size_t i = 0; i < MR_COUNT(layouts); i++) {
        if (strcmp(layouts[i].name, name) == 0)
            l = &layouts[i];
    }
    assert_non_null(l);
    for (size_t f = 0; f < MR_COUNT(formats); f++) {
        mr_error err = MR_ERROR_INIT;
        octets o = from_hex(l->hex[f]);
        mr_arena arena;
        mr_buf out;
        size_t rest;

        mr_buf_init(&out, NULL, 0, ARENA_CAP);
        mr_arena_init(&arena, ARENA_CAP);
        assert_int_equal(mr_ndr_encode_type(type, formats[f], value, &out, &err), 0);
        assert_octets(mr_buf_slice(&out), l->hex[f]);
        for (size_t len = 0; len <= o.len; len++) {
            any_value got = {0};
            uint8_t *cut = malloc(len ? len : 1);
            assert_non_null(cut);
            memcpy(cut, o.data, len);
            int r = mr_ndr_decode_type(type, formats[f], mr_slice_of(cut, len), NULL, &arena, &got,
                                       &rest, &err);
            assert_int_equal(r, len == o.len ? 0 : MR_ERR_TRUNCATED);
            if (len == o.len) {
                assert_int_equal(rest, 0);
                assert_true(mr_ndr_eq_type(type, value, &got));
            }
            free(cut);
        }
        mr_buf_deinit(&out);
        mr_arena_deinit(&arena);
        free(o.data);
    }
}

static void test_layouts(void **state) {
    uint16_t ab[] = {'a', 'b', 0}, hi[] = {'h', 'i', 0}, x[] = {'x', 0}, n[] = {'n', 0};
    uint32_t one = 0x11, two = 0x22, length = 3, values[] = {7, 8}, sub[] = {21, 1};
    uint32_t *to_one = &one;
    uint16_t *two_names[] = {n, NULL};
    uint8_t title[] = "T", name[] = "ab", xyz[] = "xyz";
    ragged items[] = {{1, 3}, {2, 4}};
    ustring strings[] = {{2, 4, ab}};
    sid s = {1, 2, {0, 0, 0, 0, 0, 5}, sub};
    list l3 = {3, NULL}, l2 = {2, &l3}, l1 = {1, &l2};
    tree below = {2, NULL, NULL}, top = {1, &below, &below};
    mr_uuid uuid = {1, 2, 3, {4, 5, 6, 7, 8, 9, 10, 11}};
    arrays a = {.fixed = {1, 2, 3}, .grid = {{1, 2, 3}, {4, 5, 6}}, .ragged = {{1, 3}, {2, 200}},
                .pointers = {&one, NULL, &two}, .count = 2, .first = 1, .varying = values,
                .name = name, .wide_name = x};
    scalars sc = {1, -2, 'c', 1, 0x1234, -3, -4, 'w', 5, -6, 7, 1.5f, -2.5, 8, -9, BLUE, DARK,
                  uuid, {1, uuid}};

    (void)state;
    below.left = &top;
    check_layout("arrays", &t_arrays, &a);
    check_layout("sid", &t_sid, &s);
    check_layout("outer", &t_outer, &(outer){title, 2, {9, items}});
    check_layout("tail", &t_tail, &(tail){5, hi});
    check_layout("chosen number", &t_chosen, &(chosen){RED, {.number = 5}});
    check_layout("chosen wide", &t_chosen, &(chosen){GREEN, {.wide = 0x0102030405060708}});
    check_layout("chosen flag", &t_chosen, &(chosen){9, {.flag = 1}});
    check_layout("chosen sid", &t_chosen, &(chosen){BLUE, {.sid = &s}});
    check_layout("packed small", &t_packed_union, &(packed_union){-1, {.small = 3}});
    check_layout("packed real", &t_packed_union, &(packed_union){2, {.real = 1.0}});
    check_layout("packed default", &t_packed_union, &(packed_union){.tag = 100});
    check_layout("ignoring", &t_ignoring, &(ignoring){1, &one, 2});
    check_layout("pointers", &t_pointers,
                 &(pointers){&one, &to_one, &two, &two, 2, 0, two_names, strings, &length, xyz});
    check_layout("list", &t_list, &l1);
    check_layout("tree", &t_tree, &top);
    check_layout("scalars", &t_scalars, &sc);
}

/* What is said of a stub that lies. */
static const struct lie {
    const char *what;
    const mr_type *type;
    int code;
    const char *hex; /* NDR20, little-endian */
    const char *text; /* part of the message */
} lies[] = {
    {"more sub-authorities than the count", &t_sid, MR_ERR_MALFORMED,
     "03000000" "01020000" "00000005" "15000000" "01000000" "02000000", "SubAuthority: its size"},
    {"a count of 2^32-1", &t_sid, MR_ERR_MALFORMED,
     "ffffffff" "01020000" "00000005" "15000000" "01000000", "SubAuthority: its size"},
    {"a count out of its range", &t_sid, MR_ERR_RANGE,
     "10000000" "01100000" "00000005" "15000000" "01000000", "SubAuthorityCount: 16 lies"},
    {"an enclosing count that differs", &t_outer, MR_ERR_MALFORMED,
     "02000000" "00000000" "03000000" "09000000" "01000000" "03000000" "02000000" "04000000",
     "in.items: its size"},
    {"a longer length than size", &t_ustring, MR_ERR_MALFORMED,
     "04000200" "00000200" "01000000" "00000000" "02000000" "61006200", "Buffer: 2 elements"},
    {"an offset", &t_ustring, MR_ERR_MALFORMED,
     "02000400" "00000200" "02000000" "01000000" "01000000" "61000000",
     "Buffer: 1 elements from 1"},
    {"a size that is not MaximumLength / 2", &t_ustring, MR_ERR_MALFORMED,
     "02000400" "00000200" "03000000" "00000000" "01000000" "61000000", "Buffer: its size is 3"},
    {"a length that is not Length / 2", &t_ustring, MR_ERR_MALFORMED,
     "02000400" "00000200" "02000000" "00000000" "02000000" "61000000", "Buffer: its length is 2"},
    {"a string without end", &t_cstring, MR_ERR_MALFORMED,
     "00000200" "02000000" "00000000" "02000000" "6161", "does not end"},
    {"a wide string without end", &t_wstring, MR_ERR_MALFORMED,
     "00000200" "02000000" "00000000" "02000000" "61000061", "does not end"},
    {"2^31 characters", &t_cstring, MR_ERR_TRUNCATED,
     "00000200" "00000080" "00000000" "00000080" "6161", "2147483648 elements"},
    {"another case than its field", &t_chosen, MR_ERR_MALFORMED, "00000100" "0500000000000000",
     "value: its case is 1"},
    {"a case that is not there", &t_chosen, MR_ERR_MALFORMED, "06000600" "05000000",
     "no case 6"},
    {"a null reference pointer", &t_pointers, MR_ERR_MALFORMED,
     "00000000" "00000000" "00000000" "00000000" "00000000" "00000000" "00000000" "00000000"
     "00000000", "ref: a reference pointer is null"},
    {"octets counted by a null", &t_pointers, MR_ERR_MALFORMED,
     "00000200" "00000000" "00000000" "00000000" "00000000" "00000000" "00000000" "00000000"
     "04000200" "01000000" "01000000" "41", "octets: its size is 1"},
    {"a range in an array", &t_arrays, MR_ERR_RANGE,
     "01000200030000000100000002000000030000000400000005000000060000000100000002000000"
     "02000000c8000000", "ragged[0].b: 2 lies"},
};

static void test_lies(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(lies); i++) {
        octets o = from_hex(lies[i].hex);
        mr_error err = MR_ERROR_INIT;
        any_value value = {0};
        mr_arena arena;

        mr_arena_init(&arena, ARENA_CAP);
        int r = mr_ndr_decode_type(lies[i].type, formats[0], mr_slice_of(o.data, o.len), NULL,
                                   &arena, &value, NULL, &err);
        if (r != lies[i].code || !strstr(err.text, lies[i].text))
            print_error("%s: %d %s\n", lies[i].what, r, err.text);
        assert_int_equal(r, lies[i].code);
        assert_non_null(strstr(err.text, lies[i].text));
        assert_int_equal(err.floor, MR_FLOOR_NDR);
        assert_true(err.offset <= o.len);
        /* without anybody to tell, the answer is the same */
        assert_int_equal(mr_ndr_decode_type(lies[i].type, formats[0], mr_slice_of(o.data, o.len),
                                            NULL, &arena, &value, NULL, NULL),
                         r);
        mr_arena_deinit(&arena);
        free(o.data);
    }
}

/* An actual_count of zero is an empty string. */
static void test_empty_string(void **state) {
    octets o = from_hex("00000200" "05000000" "00000000" "00000000");
    uint16_t *text = NULL;
    mr_arena arena;

    (void)state;
    mr_arena_init(&arena, ARENA_CAP);
    assert_int_equal(mr_ndr_decode_type(&t_wstring, formats[0], mr_slice_of(o.data, o.len), NULL,
                                        &arena, &text, NULL, NULL),
                     0);
    assert_non_null(text);
    assert_int_equal(text[0], 0);
    mr_arena_deinit(&arena);
    free(o.data);
}

/* A list as deep as the data likes: refused at the limit, and no matter for the C stack. */
static void test_depth(void **state) {
    enum { DEEP = 100000 };
    list *nodes = calloc(DEEP, sizeof *nodes), got;
    mr_error err = MR_ERROR_INIT;
    mr_arena arena;
    mr_buf out;

    (void)state;
    assert_non_null(nodes);
    for (size_t i = 0; i < DEEP; i++)
        nodes[i] = (list){(uint32_t)i, i + 1 < DEEP ? &nodes[i + 1] : NULL};
    for (size_t f = 0; f < MR_COUNT(formats); f++) {
        mr_ndr_limits limits = {.depth = DEEP};
        mr_buf_init(&out, NULL, 0, 1 << 24);
        mr_arena_init(&arena, 1 << 24);
        assert_int_equal(mr_ndr_encode_type(&t_list, formats[f], nodes, &out, &err), 0);
        assert_int_equal(mr_ndr_decode_type(&t_list, formats[f], mr_buf_slice(&out), &limits,
                                            &arena, &got, NULL, &err),
                         0);
        assert_true(mr_ndr_eq_type(&t_list, nodes, &got));
        mr_arena_reset(&arena);
        assert_int_equal(mr_ndr_decode_type(&t_list, formats[f], mr_buf_slice(&out), NULL, &arena,
                                            &got, NULL, &err),
                         MR_ERR_LIMIT);
        assert_non_null(strstr(err.text, "next.next...next"));
        mr_arena_deinit(&arena);
        mr_buf_deinit(&out);
    }
    free(nodes);
}

/* A ring of unique pointers has no end: the output's cap stops it. */
static void test_ring(void **state) {
    list ring = {1, &ring};
    mr_error err = MR_ERROR_INIT;
    mr_buf out;

    (void)state;
    mr_buf_init(&out, NULL, 0, 4096);
    assert_int_equal(mr_ndr_encode_type(&t_list, formats[0], &ring, &out, &err), MR_ERR_LIMIT);
    assert_int_equal(err.code, MR_ERR_LIMIT);
    mr_buf_deinit(&out);
}

/* One id for values of two types. */
static void test_full_types(void **state) {
    static const mr_ndr_member members[] = {M(tree, left, t_tree_full), M(tree, right, t_u32_full)};
    STRUCT(t_two, tree, members, 4, 8, 8, 16, MR_TYPE_POINTERS);
    octets o = from_hex("05000000" "05000000" "01000000" "00000000" "00000000");
    mr_error err = MR_ERROR_INIT;
    mr_arena arena;
    tree got = {0};

    (void)state;
    mr_arena_init(&arena, ARENA_CAP);
    assert_int_equal(mr_ndr_decode_type(&t_two, formats[0], mr_slice_of(o.data, o.len), NULL,
                                        &arena, &got, NULL, &err),
                     MR_ERR_MALFORMED);
    assert_non_null(strstr(err.text, "right: referent id 0x5"));
    mr_arena_deinit(&arena);
    free(o.data);
}

/* The arena's cap holds whatever the counts say: every cap between nothing and enough fails
 * cleanly. */
static void test_caps(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(vectors); i++) {
        const struct vector *v = &vectors[i];
        const mr_proc *proc = mr_iface_find_proc(&test_iface, v->method);
        octets o = from_hex(v->hex);
        int r = MR_ERR_MEMORY;
        for (size_t cap = 0; r != 0; cap += 16) {
            mr_error err = MR_ERROR_INIT;
            mr_arena arena;
            any_args args;
            assert_true(cap < 4096);
            prepare(v, &args);
            mr_arena_init(&arena, cap);
            r = mr_ndr_decode(proc, v->side, v->format, mr_slice_of(o.data, o.len), NULL, &arena,
                              &args, NULL, &err);
            assert_true(r == 0 || r == MR_ERR_MEMORY);
            assert_true(arena.used <= cap);
            mr_arena_deinit(&arena);
        }
        free(o.data);
    }
}

/* A response alone: its sizes say what the request must have asked for. */
static void test_no_request(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(vectors); i++) {
        const struct vector *v = &vectors[i];
        const mr_proc *proc = mr_iface_find_proc(&test_iface, v->method);
        octets o = from_hex(v->hex);
        mr_ndr_limits limits = {.no_request = true};
        mr_error err = MR_ERROR_INIT;
        mr_arena arena;
        any_args args = {0};

        mr_arena_init(&arena, ARENA_CAP);
        if (v->side == MR_NDR_RESPONSE) {
            assert_int_equal(mr_ndr_decode(proc, v->side, v->format, mr_slice_of(o.data, o.len),
                                           NULL, &arena, &args, NULL, &err),
                             MR_ERR_MALFORMED);
            memset(&args, 0, sizeof args);
            assert_int_equal(mr_ndr_decode(proc, v->side, v->format, mr_slice_of(o.data, o.len),
                                           &limits, &arena, &args, NULL, &err),
                             0);
            assert_int_equal(args.lookup.max_ents, 3);
            check_values(v, &args);
        }
        mr_arena_deinit(&arena);
        free(o.data);
    }
}

/* What cannot be encoded says so, with the path, and leaves the output as it was. */
static void test_encode_errors(void **state) {
    const struct {
        const mr_type *type;
        any_value value;
        int code;
        const char *text;
    } cases[] = {
        {&t_sid, {.sid = {1, 2, {0}, NULL}}, MR_ERR_ARGUMENT, "SubAuthority: 2 elements are"},
        {&t_ragged, {.ragged = {1, 2}}, MR_ERR_RANGE, "b: 2 lies outside"},
        {&t_chosen, {.chosen = {6, {0}}}, MR_ERR_ARGUMENT, "value: the union has no case 6"},
        {&t_chosen, {.chosen = {0x10000, {0}}}, MR_ERR_ARGUMENT, "which: the value does not fit"},
        {&t_pointers, {.pointers = {0}}, MR_ERR_ARGUMENT, "ref: a reference pointer is null"},
        {&t_tail, {.tail = {1, (uint16_t[]){'h', 'i', 0}}}, MR_ERR_ARGUMENT, "text: the string"},
        {&t_ustring, {.ustring = {4, 2, (uint16_t[]){'h', 'i'}}}, MR_ERR_ARGUMENT,
         "Buffer: 2 elements from 0"},
        {&t_scalars, {.scalars = {.u3264 = UINT64_C(1) << 32}}, MR_ERR_ARGUMENT, "u3264: the"},
    };
    (void)state;
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        mr_error err = MR_ERROR_INIT;
        mr_buf out;
        mr_buf_init(&out, NULL, 0, ARENA_CAP);
        mr_buf_write_u8(&out, 1);
        int r = mr_ndr_encode_type(cases[i].type, formats[0], &cases[i].value, &out, &err);
        if (r != cases[i].code || !strstr(err.text, cases[i].text))
            print_error("case %zu: %d %s\n", i, r, err.text);
        assert_int_equal(r, cases[i].code);
        assert_non_null(strstr(err.text, cases[i].text));
        assert_int_equal(out.len, 1);
        mr_buf_deinit(&out);
    }
}

/* The headers of serialized types, and what is wrong with them. */
static void test_pickle_headers(void **state) {
    static const struct {
        const char *hex;
        int code;
    } cases[] = {
        {"01100800cccccccc" "1000000000000000" "02000200" "00000200" "01000000" "00000000", -1},
        {"01100800cccccccc" "1800000000000000" "02000200" "00000200" "01000000" "00000000"
         "01000000" "61000000", 0},
        {"01000008cccccccc" "0000001800000000" "00020002" "00020000" "00000001" "00000000"
         "00000001" "00610000", 0},
        {"02100800cccccccc" "0000000000000000", MR_ERR_MALFORMED},
        {"01110800cccccccc" "0000000000000000", MR_ERR_MALFORMED},
        {"01100900cccccccc" "0000000000000000", MR_ERR_MALFORMED},
        {"01100800cccccccc" "0100000000000000", MR_ERR_TRUNCATED},
        {"01100800cccc", MR_ERR_TRUNCATED},
        {"", MR_ERR_TRUNCATED},
    };
    (void)state;
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        octets o = from_hex(cases[i].hex);
        mr_error err = MR_ERROR_INIT;
        ustring got = {0};
        mr_arena arena;
        mr_arena_init(&arena, ARENA_CAP);
        int want = cases[i].code == -1 ? MR_ERR_TRUNCATED : cases[i].code;
        assert_int_equal(mr_ndr_decode_pickle(&t_ustring, mr_slice_of(o.data, o.len), NULL, &arena,
                                              &got, &err),
                         want);
        if (want == 0) {
            mr_buf out;
            assert_int_equal(got.Buffer[0], 'a');
            mr_buf_init(&out, NULL, 0, ARENA_CAP);
            assert_int_equal(mr_ndr_encode_pickle(&t_ustring,
                                                  (mr_ndr_format){MR_NDR20, o.data[1] == 0}, &got,
                                                  &out, &err),
                             0);
            assert_octets(mr_buf_slice(&out), cases[i].hex);
            mr_buf_deinit(&out);
        }
        mr_arena_deinit(&arena);
        free(o.data);
    }
}

static void test_lookup_of_procs(void **state) {
    mr_error err = MR_ERROR_INIT;
    (void)state;
    assert_ptr_equal(mr_iface_find_proc(&test_iface, "EPT_LOOKUP"), &test_procs[0]);
    assert_null(mr_iface_find_proc(&test_iface, "nothing"));
    assert_ptr_equal(mr_iface_get_proc(&test_iface, 2), &test_procs[2]);
    assert_null(mr_iface_get_proc(&test_iface, 99));
    assert_int_equal(mr_ndr_decode(&test_procs[2], MR_NDR_REQUEST, formats[0], MR_SLICE_NULL, NULL,
                                   NULL, NULL, NULL, &err),
                     MR_ERR_UNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_empty_string),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_full_types),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_no_request),
        cmocka_unit_test(test_encode_errors),
        cmocka_unit_test(test_pickle_headers),
        cmocka_unit_test(test_lookup_of_procs),
    };
    return cmocka_run_group_tests_name("ndr", tests, NULL, NULL);
}
