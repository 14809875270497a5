/* Towers: vectors written from C706 appendix L and MS-RPCE 2.2.1.2, their truncations and bit
 * flips, what is refused, and the limits. */
#include "wire_test.h"

#define EPM_FLOOR "1300 0d 0883afe11f5dc91191a408002b14a0fa 0300 0200 0000 "
#define NDR_FLOOR "1300 0d 045d888aeb1cc9119fe808002b104860 0200 0200 0000 "
#define CO "0100 0b 0200 0000 "
#define CL "0100 0a 0200 0000 "

static const struct vector {
    const char *hex;
    enum mr_protseq protseq;
    const char *binding;
} vectors[] = {
    {"0500 " EPM_FLOOR NDR_FLOOR CO "0100 07 0200 0087  0100 09 0400 0a010203",
     MR_PROTSEQ_NCACN_IP_TCP, "ncacn_ip_tcp:10.1.2.3[135]"},
    {"0500 " EPM_FLOOR NDR_FLOOR CO "0100 07 0200 c210  0100 09 0400 00000000",
     MR_PROTSEQ_NCACN_IP_TCP, "ncacn_ip_tcp:0.0.0.0[49680]"},
    {"0500 " EPM_FLOOR NDR_FLOOR CO "0100 07 0200 c210  0100 09 1000 "
     "fe800000000000000000000000000001",
     MR_PROTSEQ_NCACN_IP_TCP, "ncacn_ip_tcp:[fe80::1][49680]"},
    {"0500 " EPM_FLOOR NDR_FLOOR CL "0100 08 0200 0087  0100 09 0400 7f000001",
     MR_PROTSEQ_NCADG_IP_UDP, "ncadg_ip_udp:127.0.0.1[135]"},
    {"0500 " EPM_FLOOR NDR_FLOOR CO "0100 1f 0200 0251  0100 09 0400 00000000",
     MR_PROTSEQ_NCACN_HTTP, "ncacn_http:0.0.0.0[593]"},
    {"0500 " EPM_FLOOR NDR_FLOOR CO "0100 0f 0c00 5c706970655c6c7361737300"
     "0100 11 0600 5c5c44433100",
     MR_PROTSEQ_NCACN_NP, "ncacn_np:DC1[\\pipe\\lsass]"},
    {"0400 " EPM_FLOOR NDR_FLOOR "0100 0c 0200 0000  0100 10 0600 65706d6170 00",
     MR_PROTSEQ_NCALRPC, "ncalrpc:[epmap]"},
};

static void vectors_round_trip(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(vectors); i++) {
        mr_slice s = unhex(vectors[i].hex);
        mr_error err = MR_ERROR_INIT;
        mr_tower tower;
        mr_binding binding;
        mr_arena arena;
        mr_buf buf;

        if (mr_tower_decode(s, &tower, &err) != 0)
            fail_msg("%zu: %s (at octet %zu)", i, err.text, err.offset);
        assert_int_equal(tower.protseq, vectors[i].protseq);
        assert_int_equal(tower.interface.uuid.time_low, 0xe1af8308);
        assert_int_equal(tower.interface.major, 3);
        assert_true(mr_syntax_eq(&tower.transfer, &mr_syntax_ndr20));
        assert_int_equal(tower.rest.len, 0);

        mr_buf_init(&buf, NULL, 0, 4096);
        buf.big = true; /* a tower is little-endian all the same */
        assert_int_equal(mr_tower_encode(&tower, &buf), 0);
        assert_true(buf.big);
        assert_octets(mr_buf_slice(&buf), vectors[i].hex);
        mr_buf_reset(&buf);
        mr_arena_init(&arena, 4096);
        assert_int_equal(mr_tower_get_binding(&tower, &arena, &binding), 0);
        mr_binding_text(&binding, &buf);
        assert_text(mr_buf_slice(&buf), vectors[i].binding);
        mr_arena_deinit(&arena);
        mr_buf_deinit(&buf);
        unhex_free(s);
    }
}

static void versions_sit_in_both_sides(void **state) {
    (void)state;
    mr_slice s = unhex("0300 1300 0d 0883afe11f5dc91191a408002b14a0fa 0201 0200 0403"
                       NDR_FLOOR "0100 0b 0200 0500");
    mr_tower tower;
    assert_int_equal(mr_tower_decode(s, &tower, NULL), 0);
    assert_int_equal(tower.interface.major, 0x0102);
    assert_int_equal(tower.interface.minor, 0x0304);
    assert_int_equal(tower.rpc_minor, 5);
    assert_int_equal(tower.protseq, MR_PROTSEQ_UNKNOWN);
    assert_int_equal(tower.host_kind, MR_TOWER_HOST_NONE);
    assert_false(tower.has_port);
    unhex_free(s);
}

static void unknown_floors_are_kept(void **state) {
    (void)state;
    mr_slice s = unhex("0600 " EPM_FLOOR NDR_FLOOR CO "0200 77aa 0300 010203"
                       "0100 78 0000  0100 79 0100 ff  eeee");
    mr_tower tower;
    mr_tower_floor floor;
    assert_int_equal(mr_tower_decode(s, &tower, NULL), 0);
    assert_int_equal(tower.protseq, MR_PROTSEQ_UNKNOWN);
    assert_int_equal(tower.rpc_protocol, MR_PROTOCOL_RPC_CO);
    assert_octets(tower.rest, "eeee");
    mr_cursor floors = tower.floors;
    for (unsigned i = 0; i < 4; i++)
        assert_true(mr_tower_read_floor(&floors, &floor));
    assert_int_equal(floor.protocol, 0x77);
    assert_octets(floor.lhs, "aa");
    assert_octets(floor.rhs, "010203");
    assert_true(mr_tower_read_floor(&floors, &floor));
    assert_int_equal(floor.rhs.len, 0);
    assert_true(mr_tower_read_floor(&floors, &floor));
    assert_octets(floor.rhs, "ff");
    assert_false(mr_tower_read_floor(&floors, &floor));

    mr_arena arena;
    mr_binding binding;
    mr_buf buf;
    mr_arena_init(&arena, 4096);
    mr_buf_init(&buf, NULL, 0, 4096);
    assert_int_equal(mr_tower_get_binding(&tower, &arena, &binding), MR_ERR_UNSUPPORTED);
    assert_int_equal(mr_tower_encode(&tower, &buf), MR_ERR_UNSUPPORTED);
    mr_buf_deinit(&buf);
    mr_arena_deinit(&arena);
    unhex_free(s);
}

static void vectors_truncated(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(vectors); i++) {
        mr_slice s = unhex(vectors[i].hex);
        for (size_t len = 0; len < s.len; len++) {
            mr_slice cut = exact_copy(mr_slice_sub(s, 0, len));
            mr_error err = MR_ERROR_INIT;
            mr_tower tower;
            assert_int_equal(mr_tower_decode(cut, &tower, &err), MR_ERR_TRUNCATED);
            assert_int_equal(err.floor, MR_FLOOR_WIRE);
            assert_true(err.offset <= len);
            unhex_free(cut);
        }
        unhex_free(s);
    }
}

static void vectors_flipped(void **state) {
    (void)state;
    size_t accepted = 0, refused = 0;
    for (size_t i = 0; i < MR_COUNT(vectors); i++) {
        mr_slice s = unhex(vectors[i].hex);
        uint8_t *data = (uint8_t *)(uintptr_t)s.data;
        for (size_t bit = 0; bit < s.len * 8; bit++) {
            mr_error err = MR_ERROR_INIT;
            mr_tower tower;
            mr_tower_floor floor;
            unsigned count = 0;
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (mr_tower_decode(s, &tower, &err) == 0) {
                accepted++;
                while (mr_tower_read_floor(&tower.floors, &floor))
                    count++;
                assert_int_equal(count, tower.floor_count);
            } else {
                refused++;
                assert_true(err.offset <= s.len);
            }
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        unhex_free(s);
    }
    assert_true(accepted > 0 && refused > 0);
}

static void lies_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        int code;
        size_t offset;
    } cases[] = {
        {"0200 " EPM_FLOOR NDR_FLOOR, MR_ERR_MALFORMED, 0},
        {"0000", MR_ERR_MALFORMED, 0},
        {"2100 " EPM_FLOOR NDR_FLOOR CO, MR_ERR_LIMIT, 0}, /* MR_TOWER_FLOORS_MAX + 1 */
        {"ffff " EPM_FLOOR NDR_FLOOR CO, MR_ERR_LIMIT, 0},
        {"2000 " EPM_FLOOR NDR_FLOOR CO, MR_ERR_TRUNCATED, 59},
        {"0400 " EPM_FLOOR NDR_FLOOR CO, MR_ERR_TRUNCATED, 59},
        {"0300 " EPM_FLOOR NDR_FLOOR "0000 0000", MR_ERR_MALFORMED, 52},
        {"0300 " EPM_FLOOR NDR_FLOOR "ffff 0b 0200 0000", MR_ERR_TRUNCATED, 54},
        {"0300 " EPM_FLOOR NDR_FLOOR "0100 0b ffff 0000", MR_ERR_TRUNCATED, 57},
        {"0300 " CO NDR_FLOOR CO, MR_ERR_MALFORMED, 2},
        {"0300 " EPM_FLOOR CO CO, MR_ERR_MALFORMED, 27},
        {"0300 1300 0d 0883afe11f5dc91191a408002b14a0fa 0300 0100 00" NDR_FLOOR CO,
         MR_ERR_MALFORMED, 2},
        {"0400 " EPM_FLOOR NDR_FLOOR CO "0100 07 0400 00000087", MR_ERR_MALFORMED, 59},
        {"0500 " EPM_FLOOR NDR_FLOOR CO "0100 07 0200 0087  0100 09 0500 0a01020304",
         MR_ERR_MALFORMED, 66},
    };
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        mr_slice s = unhex(cases[i].hex);
        mr_error err = MR_ERROR_INIT;
        mr_tower tower = {.port = 77};
        assert_failed(&err, mr_tower_decode(s, &tower, &err), cases[i].code, cases[i].offset);
        assert_int_equal(tower.port, 77);
        unhex_free(s);
    }
}

static void floors_up_to_the_limit(void **state) {
    (void)state;
    mr_buf buf;
    mr_tower tower;
    mr_slice head = unhex("2000 " EPM_FLOOR NDR_FLOOR);
    mr_slice floor = unhex("0100 77 0000");

    mr_buf_init(&buf, NULL, 0, 4096);
    mr_buf_write(&buf, head);
    for (unsigned i = 2; i < MR_TOWER_FLOORS_MAX; i++)
        mr_buf_write(&buf, floor);
    assert_int_equal(mr_tower_decode(mr_buf_slice(&buf), &tower, NULL), 0);
    assert_int_equal(tower.floor_count, MR_TOWER_FLOORS_MAX);
    mr_buf_deinit(&buf);
    unhex_free(floor);
    unhex_free(head);
}

static void encoding_refuses_what_does_not_fit(void **state) {
    (void)state;
    static const uint8_t octets[MR_TOWER_SIZE_MAX];
    static char name[MR_TOWER_SIZE_MAX];
    mr_buf buf;
    mr_tower tower = {.protseq = MR_PROTSEQ_NCACN_IP_TCP, .host_kind = MR_TOWER_HOST_NAME,
                      .host = MR_SLICE_LIT("DC1")};

    mr_buf_init(&buf, NULL, 0, 65536);
    assert_int_equal(mr_tower_encode(&tower, &buf), MR_ERR_ARGUMENT);
    tower.host_kind = MR_TOWER_HOST_IPV4;
    assert_int_equal(mr_tower_encode(&tower, &buf), MR_ERR_ARGUMENT);
    tower.protseq = MR_PROTSEQ_NCACN_NP;
    tower.host_kind = MR_TOWER_HOST_NAME;
    tower.endpoint = mr_slice_of(octets, 4);
    assert_int_equal(mr_tower_encode(&tower, &buf), MR_ERR_ARGUMENT);
    memset(name, 'x', sizeof name);
    tower.endpoint = mr_slice_of(name, MR_TOWER_SIZE_MAX);
    assert_int_equal(mr_tower_encode(&tower, &buf), MR_ERR_LIMIT);
    tower.protseq = MR_PROTSEQ_NCACN_SPX;
    assert_int_equal(mr_tower_encode(&tower, &buf), MR_ERR_UNSUPPORTED);
    assert_int_equal(buf.len, 0);

    tower.protseq = MR_PROTSEQ_NCACN_NP;
    tower.endpoint.len = MR_TOWER_SIZE_MAX - 128 - tower.host.len;
    assert_int_equal(mr_tower_encode(&tower, &buf), 0);
    assert_true(buf.len <= MR_TOWER_SIZE_MAX);
    mr_buf_deinit(&buf);
}

static void names_of_protocols(void **state) {
    (void)state;
    for (int i = MR_PROTSEQ_UNKNOWN + 1; i <= MR_PROTSEQ_NCACN_UNIX_STREAM; i++)
        assert_int_equal(mr_protseq_find(mr_slice_str(mr_protseq_name((enum mr_protseq)i))), i);
    assert_int_equal(mr_protseq_find(MR_SLICE_LIT("NCACN_IP_TCP")), MR_PROTSEQ_NCACN_IP_TCP);
    assert_int_equal(mr_protseq_find(MR_SLICE_LIT("unknown")), MR_PROTSEQ_UNKNOWN);
    assert_int_equal(mr_protseq_find_floors(0, 0), MR_PROTSEQ_UNKNOWN);
    assert_string_equal(mr_protocol_name(MR_PROTOCOL_NETBIOS), "netbios");
    assert_string_equal(mr_protocol_name(0), "unknown");
    assert_string_equal(mr_protocol_name(0xff), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_round_trip),
        cmocka_unit_test(versions_sit_in_both_sides),
        cmocka_unit_test(unknown_floors_are_kept),
        cmocka_unit_test(vectors_truncated),
        cmocka_unit_test(vectors_flipped),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(floors_up_to_the_limit),
        cmocka_unit_test(encoding_refuses_what_does_not_fit),
        cmocka_unit_test(names_of_protocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
