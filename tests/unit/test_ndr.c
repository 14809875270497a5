/* NDR on the wire: stubs of a peer octet by octet, limits, lies and cuts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_truncations),
    };
    return cmocka_run_group_tests_name("ndr", tests, NULL, NULL);
}
