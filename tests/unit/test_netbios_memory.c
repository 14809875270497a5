/*
 * The Nth allocation fails, for every N, in a NetBIOS survey of a server, a link and a node on
 * loopback that answer. What could begin ends with its callback; a question whose answer was lost
 * for want of memory is never taken for silence or a refusal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <msrpc/probe/netbios.h>

#include "no_memory.h"

#define PATIENCE (30 * MR_SEC) /* a test that needs it has failed */

/* Answers any name query with its sender's own address, and a node status query with one name. */
static void on_query(void *user, const mr_addr *sender, mr_slice query) {
    static const uint8_t name[] = "\1NEAR           \x20\x04";
    bool status = query.data[query.len - 3] == MR_NBT_TYPE_STATUS;
    uint8_t room[256];
    mr_buf out;

    mr_buf_init(&out, room, sizeof room, sizeof room);
    out.big = true;
    mr_buf_write(&out, mr_slice_sub(query, 0, 2));
    mr_buf_write_u32(&out, 0x85800000);
    mr_buf_write_u16(&out, 1);
    mr_buf_write_u32(&out, 0);
    mr_buf_write(&out, mr_slice_sub(query, 12, 34));
    mr_buf_write_u16(&out, status ? 0x21 : 0x20);
    mr_buf_write_u16(&out, 1);
    mr_buf_write_u32(&out, 300);
    mr_buf_write_u16(&out, status ? 19 : 6);
    if (status) {
        mr_buf_write(&out, mr_slice_of(name, 19));
    } else {
        mr_buf_write_u16(&out, 0x6000);
        mr_buf_write(&out, mr_slice_of(sender->ip, 4));
    }
    assert_int_equal(mr_buf_error(&out), 0);
    assert_int_equal(mr_udp_send(user, sender, mr_buf_slice(&out), NULL), 0);
}

static void on_done(void *user, mr_netbios_survey *survey) {
    (void)survey;
    mr_loop_stop(user);
}

/* True when every allocation there was succeeded. */
static bool one_survey(mr_loop *loop, const mr_netbios_survey_options *o, size_t n) {
    mr_netbios_survey survey = {0};
    mr_arena arena;
    mr_diag diag;

    mr_arena_init(&arena, 1 << 20);
    fail_from(n + 1);
    int r = mr_diag_init(&diag, &arena, "near", NULL);
    if (r == 0)
        r = mr_netbios_survey_start(&survey, loop, &arena, o, on_done, loop, NULL);
    if (r == 0) {
        assert_int_equal(mr_loop_run(loop, mr_clock_now() + PATIENCE), 0);
        for (size_t i = 0; i < survey.query_count; i++)
            assert_true(survey.queries[i].state == MR_NETBIOS_ANSWERED ||
                        survey.queries[i].state == MR_NETBIOS_LOCAL);
        for (size_t i = 0; i < survey.node_count; i++)
            assert_true(survey.nodes[i].state == MR_NETBIOS_ANSWERED ||
                        survey.nodes[i].state == MR_NETBIOS_LOCAL);
        mr_netbios_survey_add_facts(&survey, &diag);
        r = mr_diag_run(&diag);
    }
    bool spent = fail_end();
    assert_true(r == 0 || (spent && r == MR_ERR_MEMORY));
    mr_netbios_survey_deinit(&survey);
    mr_arena_deinit(&arena);
    return !spent;
}

static void test_survey(void **state) {
    mr_addr any = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}};
    mr_netbios_survey_options o = {.has_name = true, .suffixes = {0x20}, .suffix_count = 1,
                                   .server_count = 1, .link_count = 1, .has_node = true,
                                   .timeout = 10 * MR_SEC};
    mr_loop loop;
    mr_udp server;
    int suffix;

    (void)state;
    assert_int_equal(mr_nbt_name_decode(MR_SLICE_LIT("near"), o.name, &suffix, NULL), 0);
    assert_int_equal(mr_loop_init(&loop, NULL), 0);
    assert_int_equal(mr_udp_init(&server, &loop, &any, on_query, &server, NULL), 0);
    o.servers[0] = o.links[0].broadcast = o.node = server.local;
    size_t n = 0;
    while (!one_survey(&loop, &o, n))
        n++;
    assert_true(n >= 5);
    mr_udp_deinit(&server);
    mr_loop_deinit(&loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_survey),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
