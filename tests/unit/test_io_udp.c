/* UDP sockets that are connected to nobody, and the links of this machine. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <msrpc/io.h>

static mr_addr loopback(uint16_t port) {
    return (mr_addr){.family = MR_FAMILY_IPV4, .port = port, .ip = {127, 0, 0, 1}};
}

static void hear_nothing(void *user, const mr_addr *sender, mr_slice bytes) {
    (void)user;
    (void)sender;
    (void)bytes;
}

/* A port of 127.0.0.1 that is free: bound and given back. */
static uint16_t free_port(mr_loop *loop) {
    mr_addr any = loopback(0);
    mr_udp udp;

    assert_int_equal(mr_udp_init(&udp, loop, &any, hear_nothing, NULL, NULL), 0);
    uint16_t port = udp.local.port;
    mr_udp_deinit(&udp);
    return port;
}

/* A socket connected to nobody hears everybody. */

struct hearer {
    mr_udp udp;
    mr_addr senders[4];
    unsigned heard, enough;
    bool deinit_inside;
};

static void hearer_received(void *user, const mr_addr *sender, mr_slice bytes) {
    struct hearer *h = user;

    assert_true(mr_slice_eq(bytes, MR_SLICE_LIT("hello")));
    h->senders[h->heard++] = *sender;
    if (h->heard < h->enough)
        return;
    mr_loop_stop(h->udp.loop);
    if (h->deinit_inside)
        mr_udp_deinit(&h->udp);
}

static void test_udp(void **state) {
    struct hearer ear = {.enough = 2, .deinit_inside = true}, a = {0}, b = {0};
    mr_addr any = loopback(0);
    mr_loop loop;
    mr_error err = MR_ERROR_INIT;

    (void)state;
    assert_int_equal(mr_loop_init(&loop, NULL), 0);
    assert_int_equal(mr_udp_init(&a.udp, &loop, &(mr_addr){0}, hearer_received, &a, &err),
                     MR_ERR_ARGUMENT);
    ear.deinit_inside = true;
    assert_int_equal(mr_udp_init(&ear.udp, &loop, &any, hearer_received, &ear, NULL), 0);
    assert_int_equal(mr_udp_init(&a.udp, &loop, &any, hearer_received, &a, NULL), 0);
    assert_int_equal(mr_udp_init(&b.udp, &loop, &any, hearer_received, &b, NULL), 0);
    assert_int_not_equal(ear.udp.local.port, 0);
    /* nobody listens there: the ICMP error must not keep the next datagram from leaving */
    mr_addr closed = loopback(free_port(&loop));
    assert_int_equal(mr_udp_send(&a.udp, &closed, MR_SLICE_LIT("hello"), NULL), 0);
    assert_int_equal(mr_udp_send(&a.udp, &ear.udp.local, MR_SLICE_LIT("hello"), NULL), 0);
    assert_int_equal(mr_udp_send(&b.udp, &ear.udp.local, MR_SLICE_LIT("hello"), NULL), 0);
    assert_int_equal(mr_loop_run(&loop, mr_clock_now() + 10 * MR_SEC), 0);
    assert_int_equal(ear.heard, 2);
    assert_int_equal(ear.senders[0].port, a.udp.local.port);
    assert_int_equal(ear.senders[1].port, b.udp.local.port);
    assert_true(mr_addr_is_loopback(&ear.senders[0]));
    mr_addr taken = a.udp.local;
    assert_int_equal(mr_udp_init(&ear.udp, &loop, &taken, hearer_received, &ear, &err),
                     MR_ERR_SYSTEM);
    assert_int_equal(err.peer, EADDRINUSE);
    mr_udp_deinit(&a.udp);
    mr_udp_deinit(&b.udp);
    mr_udp_deinit(&b.udp);
    mr_loop_deinit(&loop);
}

static void test_links(void **state) {
    mr_link links[8];
    size_t count = 99;

    (void)state;
    assert_int_equal(mr_link_get_all(links, MR_COUNT(links), &count, NULL), 0);
    assert_true(count <= MR_COUNT(links));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(links[i].address.family, MR_FAMILY_IPV4);
        assert_false(mr_addr_is_loopback(&links[i].address));
        assert_false(mr_addr_same_host(&links[i].address, &links[i].broadcast));
        assert_true(links[i].name[0]);
    }
    assert_int_equal(mr_link_get_all(links, 0, &count, NULL), 0);
    assert_int_equal(count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_udp),
        cmocka_unit_test(test_links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
