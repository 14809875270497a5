/*
 * The Nth allocation fails, for every N, while a domain is located and its health looked at,
 * against a DNS server on loopback and a host where nothing listens. What could begin ends with its
 * callback; what was lost for want of memory is never taken for a fault of the domain.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <msrpc/probe/health.h>
#include <msrpc/wire/dns.h>

#include "no_memory.h"

#define PATIENCE (30 * MR_SEC) /* a test that needs it has failed */

/* Answers with authority: SRV leads to "dc", A to 127.77.0.1, NS to "dc"; there is nothing else. */
static void on_query(void *user, const mr_addr *sender, mr_slice query) {
    static const uint8_t srv[] = {0, 0, 0, 100, 1, 0x85, 2, 'd', 'c', 0}, ns[] = {2, 'd', 'c', 0},
                         a[] = {127, 77, 0, 1};
    uint8_t room[512];
    mr_slice question = mr_slice_sub(query, 12, query.len);
    size_t name = strlen((const char *)question.data) + 1;
    uint16_t type = question.data[name + 1];
    mr_slice data = type == MR_DNS_SRV ? mr_slice_of(srv, sizeof srv)
                    : type == MR_DNS_A ? mr_slice_of(a, sizeof a)
                    : type == MR_DNS_NS ? mr_slice_of(ns, sizeof ns) : MR_SLICE_NULL;
    mr_buf out;

    mr_buf_init(&out, room, sizeof room, sizeof room);
    out.big = true;
    mr_buf_write(&out, mr_slice_sub(query, 0, 2));
    mr_buf_write_u16(&out, 0x8580);
    mr_buf_write_u16(&out, 1);
    mr_buf_write_u16(&out, data.len > 0);
    mr_buf_write_u32(&out, 0);
    mr_buf_write(&out, mr_slice_sub(question, 0, name + 4));
    if (data.len) {
        mr_buf_write_u16(&out, 0xc00c);
        mr_buf_write_u16(&out, type);
        mr_buf_write_u16(&out, 1);
        mr_buf_write_u32(&out, 300);
        mr_buf_write_u16(&out, (uint16_t)data.len);
        mr_buf_write(&out, data);
    }
    assert_int_equal(mr_buf_error(&out), 0);
    assert_int_equal(mr_udp_send(user, sender, mr_buf_slice(&out), NULL), 0);
}

struct world {
    mr_loop loop;
    mr_udp server;
    mr_resolver resolver;
    mr_arena arena;
    mr_diag diag;
};

static void on_located(void *user, mr_locator *locator) {
    (void)locator;
    mr_loop_stop(user);
}

static void on_looked(void *user, mr_health *health) {
    (void)health;
    mr_loop_stop(user);
}

static bool has_finding(const mr_diag *diag, const char *id) {
    const mr_finding *finding;

    for (size_t i = 0; (finding = mr_diag_get_finding(diag, i)) != NULL; i++)
        if (strcmp(finding->id, id) == 0)
            return true;
    return false;
}

/* What may be said after @r: all of it, or nothing but that memory ran out. */
static bool end(struct world *w, int r, bool failed, size_t hosts) {
    bool spent = fail_end();

    assert_true(r == 0 || (spent && (r == MR_ERR_MEMORY || r == MR_ERR_SYSTEM)));
    assert_true(!failed || spent);
    if (r == 0 && !failed) {
        assert_int_equal(hosts, 1);
        assert_true(has_finding(&w->diag, "LOCATOR.NO_DC"));
        assert_false(has_finding(&w->diag, "LOCATOR.NO_SRV"));
    }
    return !spent;
}

static void world_begin(struct world *w, size_t n) {
    mr_arena_init(&w->arena, 1 << 24);
    mr_resolver_init(&w->resolver, &w->loop);
    w->resolver.hosts_path = "/dev/null";
    fail_from(n + 1);
}

static void world_end(struct world *w) {
    mr_resolver_deinit(&w->resolver);
    mr_arena_deinit(&w->arena);
}

/* True when every allocation there was succeeded. */
static bool one_location(struct world *w, size_t n) {
    mr_locator_options o = {.domain = "lab.test", .server = w->server.local,
                            .timeout = 10 * MR_SEC};
    mr_locator *l = NULL;

    world_begin(w, n);
    int r = mr_diag_init(&w->diag, &w->arena, "lab.test", NULL);
    if (r == 0)
        r = mr_locator_new(&w->loop, &w->resolver, &w->arena, &o, &l);
    if (r == 0)
        r = mr_locator_start(l, on_located, &w->loop, NULL);
    if (r == 0) {
        assert_int_equal(mr_loop_run(&w->loop, mr_clock_now() + PATIENCE), 0);
        mr_locator_add_facts(l, &w->diag);
        r = mr_diag_run(&w->diag);
    }
    bool complete = end(w, r, l && l->failed, l ? l->host_count : 0);
    mr_locator_free(l);
    world_end(w);
    return complete;
}

static bool one_health(struct world *w, size_t n) {
    mr_health_options o = {.domain = "lab.test", .server = w->server.local,
                           .timeout = 10 * MR_SEC};
    mr_health *h = NULL;

    world_begin(w, n);
    int r = mr_diag_init(&w->diag, &w->arena, "lab.test", NULL);
    if (r == 0)
        r = mr_health_new(&w->loop, &w->resolver, &w->arena, &o, &h);
    if (r == 0)
        r = mr_health_start(h, on_looked, &w->loop, NULL);
    if (r == 0) {
        assert_int_equal(mr_loop_run(&w->loop, mr_clock_now() + PATIENCE), 0);
        mr_health_judge(h, &w->diag);
        r = mr_diag_run(&w->diag);
    }
    bool complete = end(w, r, h && h->failed, h ? h->host_count : 0);
    mr_health_free(h);
    world_end(w);
    return complete;
}

static void each(bool (*one)(struct world *w, size_t n)) {
    const mr_addr any = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}};
    struct world w;
    size_t n = 0;

    assert_int_equal(mr_loop_init(&w.loop, NULL), 0);
    assert_int_equal(mr_udp_init(&w.server, &w.loop, &any, on_query, &w.server, NULL), 0);
    while (!one(&w, n))
        n++;
    assert_true(n > 10);
    mr_udp_deinit(&w.server);
    mr_loop_deinit(&w.loop);
}

static void test_location(void **state) {
    (void)state;
    each(one_location);
}

static void test_health(void **state) {
    (void)state;
    each(one_health);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_location),
        cmocka_unit_test(test_health),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
