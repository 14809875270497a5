/*
 * The Nth allocation fails, for every N: a probe and a scan of a closed port, and the readers of
 * every protocol over a captured answer. Words may be lost; nothing leaks, nothing breaks, and what
 * could begin still ends with its callback.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "../../src/probe/port_private.h"
#include "no_memory.h"
#include "sample.h"

#define PATIENCE (30 * MR_SEC) /* a test that needs it has failed */
#define CLOSED 1               /* tcpmux: nobody has it on loopback */

/* ---- readers ---- */

static const struct {
    uint16_t port;
    uint8_t protocol;
    const char *sample;
} answers[] = {
    {389, MR_PORT_TCP, "ldap/root_dse"},     {389, MR_PORT_UDP, "ldap/ping"},
    {88, MR_PORT_UDP, "krb/unknown"},        {464, MR_PORT_UDP, "krb/kpasswd"},
    {445, MR_PORT_TCP, "smb_negotiate/smb311"}, {139, MR_PORT_TCP, "nbt/positive"},
    {636, MR_PORT_TCP, "hello/tls_hello"},   {3389, MR_PORT_TCP, "hello/rdp"},
    {123, MR_PORT_UDP, "hello/ntp"},         {137, MR_PORT_UDP, "nbt/status"},
};

static void never(void *user, mr_port_probe *probe) {
    (void)user;
    (void)probe;
    fail();
}

static void test_readers(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(answers); i++) {
        const struct port_service *service = port_service_find(answers[i].port,
                                                               answers[i].protocol);
        mr_slice answer = sample_get(answers[i].sample);
        assert_non_null(service);
        if (answers[i].port == 137) /* the probe below has no randomness: its question was 0 */
            memset((void *)(uintptr_t)answer.data, 0, 2);
        bool spent = true;
        for (size_t n = 0; spent; n++) {
            mr_loop loop = {0};
            mr_port_probe probe;
            mr_port_probe_init(&probe, &loop, never, NULL);
            probe.service = service;
            fail_from(n + 1);
            enum port_reading reading = service->answer(&probe, answer, true);
            spent = fail_end();
            assert_true(reading == PORT_DONE || (spent && reading == PORT_FOREIGN));
            mr_port_probe_deinit(&probe);
        }
        sample_free(answer);
    }
}

/* ---- the whole way ---- */

struct way {
    mr_loop *loop;
    unsigned ends;
};

static void probe_done(void *user, mr_port_probe *probe) {
    struct way *way = user;

    (void)probe;
    way->ends++;
    mr_loop_stop(way->loop);
}

static void scan_found(void *user, const mr_port_result *result) {
    (void)user;
    assert_true(result->state == MR_PORT_NOT_LISTENING || result->state == MR_PORT_UNKNOWN);
}

static void scan_done(void *user, mr_port_scan *scan) {
    struct way *way = user;

    assert_int_equal(scan->known, scan->total);
    way->ends++;
    mr_loop_stop(way->loop);
}

static const mr_addr closed = {.family = MR_FAMILY_IPV4, .port = CLOSED, .ip = {127, 0, 0, 1}};

static void one_probe(struct way *way, uint8_t protocol, uint16_t service) {
    const mr_port_probe_options o = {.remote = closed, .protocol = protocol, .service = service};
    mr_port_probe probe;

    mr_port_probe_init(&probe, way->loop, probe_done, way);
    int r = mr_port_probe_start(&probe, &o, NULL);
    if (r == 0) {
        assert_int_equal(mr_loop_run(way->loop, mr_clock_now() + PATIENCE), 0);
        assert_int_equal(way->ends, 1);
    } else {
        assert_int_equal(r, MR_ERR_MEMORY);
        assert_int_equal(way->ends, 0);
    }
    mr_port_probe_deinit(&probe);
}

static void one_scan(struct way *way) {
    const mr_port_scan_options o = {.remote = closed, .at_once = 2};
    mr_port_set set = {0};
    mr_port_scan scan;

    mr_port_set_add(&set, CLOSED, CLOSED + 4);
    mr_port_scan_init(&scan, way->loop, scan_found, scan_done, way);
    if (mr_port_scan_start(&scan, &o, &set, &set, NULL) == 0) {
        assert_int_equal(mr_loop_run(way->loop, mr_clock_now() + PATIENCE), 0);
        assert_int_equal(way->ends, 1);
    }
    mr_port_scan_deinit(&scan);
}

static void test_ways(void **state) {
    (void)state;
    for (unsigned what = 0; what < 4; what++) {
        bool spent = true;
        for (size_t n = 0; spent; n++) {
            mr_loop loop;
            struct way way = {.loop = &loop};
            assert_int_equal(mr_loop_init(&loop, NULL), 0);
            fail_from(n + 1);
            if (what == 0)
                one_probe(&way, MR_PORT_TCP, 0);
            else if (what == 1)
                one_probe(&way, MR_PORT_UDP, 389);
            else if (what == 2)
                one_probe(&way, MR_PORT_TCP, 135);
            else
                one_scan(&way);
            spent = fail_end();
            mr_loop_deinit(&loop);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers),
        cmocka_unit_test(test_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
