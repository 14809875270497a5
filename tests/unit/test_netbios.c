/*
 * NetBIOS questions and surveys over loopback: servers of our own that answer from a table, two
 * owners on one link, silence, refusal; and which findings follow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <msrpc/probe/netbios.h>

#include "sample.h"

#define PATIENCE (20 * MR_SEC)
#define SHORT (100 * MR_MSEC) /* where nobody will answer */

static mr_addr loopback(uint8_t last) {
    return (mr_addr){.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, last}};
}

/* Answers every name query with one address; 0 as its last octet: "no such name". */
struct server {
    mr_udp udp;
    uint8_t last;
    uint16_t flags;
    bool mute;
    const char *sample;     /* answer with these octets, the identifier put right */
    struct server *helper;  /* answers the same question from another address */
    unsigned heard;
};

static void reply_with(struct server *s, const mr_addr *to, mr_slice query) {
    uint8_t room[512];
    mr_buf out;

    mr_buf_init(&out, room, sizeof room, sizeof room);
    out.big = true;
    if (s->sample) {
        mr_slice sample = sample_get(s->sample);
        mr_buf_write(&out, mr_slice_sub(query, 0, 2));
        mr_buf_write(&out, mr_slice_sub(sample, 2, SIZE_MAX));
        sample_free(sample);
    } else {
        mr_buf_write(&out, mr_slice_sub(query, 0, 2));
        mr_buf_write_u16(&out, s->last ? 0x8580 : 0x8583);
        mr_buf_write_u16(&out, 0);
        mr_buf_write_u16(&out, 1);
        mr_buf_write_u32(&out, 0);
        mr_buf_write(&out, mr_slice_sub(query, 12, 34)); /* the name */
        mr_buf_write_u16(&out, s->last ? 0x20 : 0x0a);
        mr_buf_write_u16(&out, 1);
        mr_buf_write_u32(&out, 300);
        mr_buf_write_u16(&out, s->last ? 6 : 0);
        if (s->last) {
            mr_buf_write_u16(&out, s->flags);
            mr_buf_write(&out, mr_slice_of((const uint8_t[]){127, 0, 0, s->last}, 4));
        }
    }
    assert_int_equal(mr_buf_error(&out), 0);
    assert_int_equal(mr_udp_send(&s->udp, to, mr_buf_slice(&out), NULL), 0);
}

static void on_query(void *user, const mr_addr *sender, mr_slice query) {
    struct server *s = user;

    s->heard++;
    if (s->mute)
        return;
    reply_with(s, sender, query);
    if (s->helper)
        reply_with(s->helper, sender, query);
}

struct world {
    mr_loop loop;
    mr_arena arena;
    mr_diag diag;
    mr_netbios_survey survey;
    struct server servers[4];
    size_t count;
};

static void world_init(struct world *w) {
    *w = (struct world){0};
    assert_int_equal(mr_loop_init(&w->loop, NULL), 0);
    mr_arena_init(&w->arena, 4 << 20);
    assert_int_equal(mr_diag_init(&w->diag, &w->arena, "near", NULL), 0);
}

static void world_deinit(struct world *w) {
    mr_netbios_survey_deinit(&w->survey);
    for (size_t i = 0; i < w->count; i++)
        mr_udp_deinit(&w->servers[i].udp);
    mr_arena_deinit(&w->arena);
    mr_loop_deinit(&w->loop);
}

/* A server at 127.0.0.@at that says 127.0.0.@last. */
static struct server *serve(struct world *w, uint8_t at, uint8_t last) {
    struct server *s = &w->servers[w->count++];
    mr_addr source = loopback(at);

    s->last = last;
    assert_int_equal(mr_udp_init(&s->udp, &w->loop, &source, on_query, s, NULL), 0);
    return s;
}

static void on_done(void *user, mr_netbios_survey *survey) {
    (void)survey;
    mr_loop_stop(&((struct world *)user)->loop);
}

static mr_netbios_survey_options options_for(const char *name) {
    mr_netbios_survey_options o = {.has_name = true, .suffixes = {0x20}, .suffix_count = 1,
                                   .timeout = 5 * MR_SEC};
    int suffix;

    assert_int_equal(mr_nbt_name_decode(mr_slice_str(name), o.name, &suffix, NULL), 0);
    return o;
}

static void run(struct world *w, const mr_netbios_survey_options *o) {
    assert_int_equal(mr_netbios_survey_start(&w->survey, &w->loop, &w->arena, o, on_done, w, NULL),
                     0);
    assert_int_equal(mr_loop_run(&w->loop, mr_clock_now() + PATIENCE), 0);
    mr_netbios_survey_add_facts(&w->survey, &w->diag);
    assert_int_equal(mr_diag_run(&w->diag), 0);
}

static void finds(const struct world *w, const char *id) {
    if (!id) {
        assert_int_equal(mr_diag_finding_count(&w->diag), 0);
        return;
    }
    for (size_t i = 0; i < mr_diag_finding_count(&w->diag); i++)
        if (!strcmp(mr_diag_get_finding(&w->diag, i)->id, id))
            return;
    fail_msg("%s is not found", id);
}

static void test_servers(void **state) {
    static const struct {
        uint8_t first, second;
        const char *finding;
    } cases[] = {{9, 9, NULL}, {9, 8, "NETBIOS.WINS_DIFFER"}, {9, 0, "NETBIOS.WINS_DIFFER"},
                 {0, 0, "NETBIOS.NO_SUCH_NAME"}};
    mr_addr addrs[4];

    (void)state;
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        mr_netbios_survey_options o = options_for("near");
        struct world w;
        world_init(&w);
        o.servers[0] = serve(&w, 1, cases[i].first)->udp.local;
        o.servers[1] = serve(&w, 2, cases[i].second)->udp.local;
        o.server_count = 2;
        run(&w, &o);
        finds(&w, cases[i].finding);
        size_t count = mr_netbios_survey_get_addrs(&w.survey, 0x20, addrs, MR_COUNT(addrs));
        assert_int_equal(count, cases[i].first == 0 ? 0 : cases[i].finding && cases[i].second ? 2
                                                                                               : 1);
        world_deinit(&w);
    }
}

static void test_silence(void **state) {
    mr_netbios_survey_options o = options_for("near");
    struct world w;

    (void)state;
    world_init(&w);
    o.timeout = SHORT;
    struct server *s = serve(&w, 1, 9);
    s->mute = true;
    o.servers[0] = s->udp.local;
    struct server *gone = serve(&w, 2, 9);
    o.servers[1] = gone->udp.local;
    mr_udp_deinit(&gone->udp);
    o.server_count = 2;
    run(&w, &o);
    assert_int_equal(s->heard, 2);
    assert_int_equal(w.survey.queries[0].state, MR_NETBIOS_SILENT);
    assert_int_equal(w.survey.queries[1].state, MR_NETBIOS_CLOSED);
    finds(&w, "NETBIOS.WINS_SILENT");
    finds(&w, "NETBIOS.WINS_CLOSED");
    world_deinit(&w);
}

/* What a link's broadcast address stands for is played by one server with a helper. */
static void test_link(void **state) {
    static const struct {
        uint8_t first, second;
        uint16_t flags;
        const char *finding;
    } cases[] = {{9, 9, 0x6000, NULL}, {9, 8, 0x6000, "NETBIOS.NAME_CONFLICT"},
                 {9, 8, 0xe000, NULL}};

    (void)state;
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        mr_netbios_survey_options o = options_for("near");
        struct world w;
        world_init(&w);
        struct server *s = serve(&w, 1, cases[i].first);
        s->helper = serve(&w, 2, cases[i].second);
        s->flags = s->helper->flags = cases[i].flags;
        o.links[0].broadcast = s->udp.local;
        o.link_count = 1;
        run(&w, &o);
        assert_int_equal(w.survey.queries[0].reply_count, 2);
        finds(&w, cases[i].finding);
        world_deinit(&w);
    }
}

static void test_link_against_server(void **state) {
    mr_netbios_survey_options o = options_for("near");
    struct world w;

    (void)state;
    world_init(&w);
    o.links[0].broadcast = serve(&w, 1, 9)->udp.local;
    o.servers[0] = serve(&w, 2, 8)->udp.local;
    o.link_count = o.server_count = 1;
    run(&w, &o);
    finds(&w, "NETBIOS.WINS_STALE");
    world_deinit(&w);
}

static void test_link_silent(void **state) {
    mr_netbios_survey_options o = options_for("near");
    struct world w;

    (void)state;
    for (int aside = 0; aside < 2; aside++) {
        world_init(&w);
        o.timeout = SHORT;
        struct server *s = serve(&w, 1, 9);
        s->mute = true;
        o.links[0].broadcast = s->udp.local;
        o.link_count = 1;
        o.aside = aside;
        run(&w, &o);
        assert_int_equal(s->heard, aside ? 2 : 3);
        finds(&w, aside ? NULL : "NETBIOS.NO_ANSWER");
        world_deinit(&w);
    }
}

static void test_node(void **state) {
    mr_netbios_survey_options o = {.has_node = true, .timeout = 2 * MR_SEC};
    struct world w;

    (void)state;
    world_init(&w);
    struct server *s = serve(&w, 1, 9);
    s->sample = "nbt/status";
    o.node = s->udp.local;
    run(&w, &o);
    assert_int_equal(w.survey.node_count, 1);
    assert_int_equal(w.survey.nodes[0].state, MR_NETBIOS_ANSWERED);
    const mr_nbt_status *status = &w.survey.nodes[0].replies->status;
    assert_true(mr_slice_eq(mr_netbios_node_name(status), MR_SLICE_LIT("DC1")));
    assert_false(mr_netbios_has_mac(status));
    finds(&w, NULL);
    world_deinit(&w);
}

static void test_foreign_answers(void **state) {
    static const char *const samples[] = {"nbt/nb_unique", "nbt/nb_wack", "nbt/status",
                                          "nbt/positive"};

    (void)state;
    for (size_t i = 0; i < MR_COUNT(samples); i++) {
        mr_netbios_survey_options o = options_for("other");
        struct world w;
        world_init(&w);
        o.timeout = SHORT;
        struct server *s = serve(&w, 1, 9);
        s->sample = samples[i];
        o.servers[0] = s->udp.local;
        o.server_count = 1;
        run(&w, &o);
        assert_int_equal(w.survey.queries[0].state, MR_NETBIOS_SILENT);
        world_deinit(&w);
    }
}

static void test_nobody(void **state) {
    mr_netbios_survey_options o = options_for("near");
    mr_error err = MR_ERROR_INIT;
    struct world w;

    (void)state;
    world_init(&w);
    assert_int_equal(mr_netbios_survey_start(&w.survey, &w.loop, &w.arena, &o, on_done, &w, NULL),
                     MR_NETBIOS_NOBODY);
    o.servers[0] = loopback(1);
    o.server_count = 1;
    o.scope = "a..b";
    assert_int_equal(mr_netbios_survey_start(&w.survey, &w.loop, &w.arena, &o, on_done, &w, &err),
                     MR_ERR_ARGUMENT);
    world_deinit(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_servers),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_link_against_server),
        cmocka_unit_test(test_link_silent),
        cmocka_unit_test(test_node),
        cmocka_unit_test(test_foreign_answers),
        cmocka_unit_test(test_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
