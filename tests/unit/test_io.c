/*
 * The io floor on loopback with real sockets: loop and timers, addresses, TCP streams with every
 * outcome loopback can give, listeners, datagrams. Nothing asserts how long anything took.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/io.h>

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define PATIENCE (30 * MR_SEC) /* a test that needs it has failed */

static mr_addr loopback(uint16_t port) {
    return (mr_addr){.family = MR_FAMILY_IPV4, .port = port, .ip = {127, 0, 0, 1}};
}

static int run(mr_loop *loop) {
    return mr_loop_run(loop, mr_clock_now() + PATIENCE);
}

/* Addresses */

static void test_addr_text(void **state) {
    static const struct {
        const char *in, *out;
    } good[] = {
        {"10.0.0.1", "10.0.0.1:7"},
        {"::1", "[::1]:7"},
        {"[fd00::2]", "[fd00::2]:7"},
        {"10.0.0.1:53", "10.0.0.1:53"},
        {"[fd00::2]:135", "[fd00::2]:135"},
        {"fe80::1%lo", "[fe80::1%lo]:7"},
    };
    static const char *const bad[] = {"", "host", "10.0.0", "10.0.0.1:x", "10.0.0.1:65536",
                                      "[10.0.0.1]", "fe80::1%", "[::1", "10.0.0.1:", ":1"};
    char text[MR_ADDR_TEXT];
    mr_addr addr;

    (void)state;
    for (size_t i = 0; i < MR_COUNT(good); i++) {
        assert_int_equal(mr_addr_decode_port(mr_slice_str(good[i].in), 7, &addr), 0);
        assert_string_equal(mr_addr_port_text(&addr, text), good[i].out);
    }
    for (size_t i = 0; i < MR_COUNT(bad); i++)
        assert_int_equal(mr_addr_decode_port(mr_slice_str(bad[i]), 7, &addr), MR_ERR_SYNTAX);
    assert_int_equal(mr_addr_decode(MR_SLICE_LIT("10.0.0.1:53"), 7, &addr), MR_ERR_SYNTAX);
    addr = (mr_addr){0};
    assert_string_equal(mr_addr_text(&addr, text), "-");
    assert_true(mr_addr_is_any(&addr));
}

static void test_icmp_words(void **state) {
    mr_icmp admin4 = {.present = true, .version = 4, .type = 3, .code = 13};
    mr_icmp port6 = {.present = true, .version = 6, .type = 1, .code = 4};

    (void)state;
    assert_true(mr_icmp_is_filter(&admin4));
    assert_false(mr_icmp_is_port(&admin4));
    assert_string_equal(mr_icmp_text(&admin4), "communication administratively prohibited");
    assert_true(mr_icmp_is_port(&port6));
    assert_string_equal(mr_icmp_text(&port6), "port unreachable");
}

/* Loop and timers */

struct ticks {
    mr_loop *loop;
    mr_timer timers[64];
    int order[64];
    int count, stop_at;
};

static struct ticks *ticks_now; /* timers know only themselves: their number is their place */

static void tick(void *user) {
    struct ticks *t = ticks_now;

    t->order[t->count++] = (int)((mr_timer *)user - t->timers);
    if (t->count == t->stop_at)
        mr_loop_stop(t->loop);
}

static void test_timers(void **state) {
    mr_loop loop;
    struct ticks t = {.loop = &loop, .stop_at = 62};

    (void)state;
    ticks_now = &t;
    assert_int_equal(mr_loop_init(&loop, NULL), 0);
    assert_int_equal(run(&loop), MR_LOOP_IDLE);
    for (int i = 0; i < 64; i++) { /* in a scattered order; place = due time */
        int place = i * 37 % 64;
        mr_timer_init(&t.timers[place], &loop, tick, &t.timers[place]);
        mr_timer_set(&t.timers[place], 1000 + (mr_nsec)place);
    }
    mr_timer_set(&t.timers[5], MR_NSEC_NEVER);
    mr_timer_deinit(&t.timers[9]);
    mr_timer_set(&t.timers[0], 5000); /* now the last */
    assert_int_equal(run(&loop), 0);
    assert_int_equal(t.order[0], 1);
    assert_int_equal(t.order[61], 0);
    for (int i = 1; i < 61; i++)
        assert_true(t.order[i] > t.order[i - 1]);
    mr_timer_set(&t.timers[3], MR_NSEC_NEVER - 1);
    assert_int_equal(mr_loop_run(&loop, mr_clock_now() + MR_MSEC), MR_LOOP_DEADLINE);
    mr_timer_deinit(&t.timers[3]);
    assert_int_equal(mr_loop_run(&loop, mr_clock_now() + MR_MSEC), MR_LOOP_IDLE);
    mr_loop_deinit(&loop);
}

static void raise_term(void *user) {
    (void)user;
    kill(getpid(), SIGTERM);
}

static void nothing(void *user) {
    (void)user;
}

static void test_signals(void **state) {
    mr_loop loop;
    mr_timer trigger, far;

    (void)state;
    assert_int_equal(mr_loop_init(&loop, NULL), 0);
    assert_int_equal(mr_loop_add_signals(&loop, NULL), 0);
    assert_int_equal(mr_loop_get_signal(&loop), 0);
    mr_timer_init(&trigger, &loop, raise_term, NULL);
    mr_timer_init(&far, &loop, nothing, NULL);
    mr_timer_set(&trigger, 0);
    mr_timer_set(&far, mr_clock_now() + PATIENCE);
    assert_int_equal(run(&loop), MR_LOOP_INTERRUPTED);
    assert_int_equal(mr_loop_get_signal(&loop), SIGTERM);
    mr_timer_deinit(&far);
    mr_loop_stop_async(&loop);
    mr_timer_set(&far, mr_clock_now() + PATIENCE);
    assert_int_equal(run(&loop), 0);
    mr_loop_interrupt_async(&loop);
    assert_int_equal(run(&loop), MR_LOOP_INTERRUPTED);
    mr_loop_stop_async(&loop);
    assert_int_equal(run(&loop), 0);
    mr_timer_deinit(&far);
    mr_loop_deinit(&loop);
}

/* Streams: one side of a conversation and what happened to it */

enum step { STEP_NOTHING, STEP_STOP, STEP_DEINIT, STEP_ABORT, STEP_CLOSE, STEP_ECHO };

struct side {
    mr_loop *loop;
    mr_stream stream;
    mr_listener *listener;
    enum step on_open, on_receive, on_close;
    int opened, closed; /* results, or NONE */
    unsigned opened_calls, closed_calls, drained_calls;
    size_t received, stop_after;
    uint32_t sum;
    mr_error err;
};

#define NONE 99

static void side_step(struct side *side, enum step step, mr_slice bytes) {
    switch (step) {
    case STEP_NOTHING:
        break;
    case STEP_STOP:
        mr_loop_stop(side->loop);
        break;
    case STEP_DEINIT:
        mr_stream_deinit(&side->stream);
        memset(&side->stream, 0xa5, sizeof side->stream); /* whoever still looks shall notice */
        mr_loop_stop(side->loop);
        break;
    case STEP_ABORT:
        mr_stream_abort(&side->stream);
        break;
    case STEP_CLOSE:
        mr_stream_close(&side->stream);
        break;
    case STEP_ECHO:
        assert_int_equal(mr_stream_send(&side->stream, bytes, NULL), 0);
        break;
    }
}

static void side_opened(void *user, int result, const mr_error *err) {
    struct side *side = user;

    side->opened = result;
    side->opened_calls++;
    side->err = *err;
    side_step(side, side->on_open, MR_SLICE_LIT("hello"));
}

static void side_received(void *user, mr_slice bytes) {
    struct side *side = user;

    side->received += bytes.len;
    for (size_t i = 0; i < bytes.len; i++)
        side->sum = side->sum * 31 + bytes.data[i];
    if (side->stop_after && side->received >= side->stop_after)
        mr_loop_stop(side->loop);
    side_step(side, side->on_receive, bytes);
}

static void side_drained(void *user) {
    struct side *side = user;

    side->drained_calls++;
}

static void side_closed(void *user, int result, const mr_error *err) {
    struct side *side = user;

    side->closed = result;
    side->closed_calls++;
    side->err = *err;
    side_step(side, side->on_close, MR_SLICE_NULL);
}

static const mr_stream_events side_events = {side_opened, side_received, side_drained, side_closed};

static void side_init(struct side *side, mr_loop *loop) {
    *side = (struct side){.loop = loop, .opened = NONE, .closed = NONE};
    assert_int_equal(mr_stream_init(&side->stream, loop, "ncacn_ip_tcp", &side_events, side, NULL),
                     0);
}

static void side_connect(struct side *side, const mr_addr *to) {
    mr_connect_options options = {.remote = *to};

    assert_int_equal(mr_stream_connect(&side->stream, &options, NULL), 0);
    assert_int_equal(side->opened, NONE); /* told from the loop only */
}

static void side_accepted(void *user, mr_accepted *accepted) {
    struct side *side = user;

    assert_int_equal(mr_stream_accept(&side->stream, accepted, NULL), 0);
    side_step(side, side->on_open, MR_SLICE_LIT("hello"));
}

static const mr_listener_events accept_events = {side_accepted, NULL};

static void refuse(void *user, mr_accepted *accepted) {
    (void)user;
    (void)accepted; /* not taken: closed */
}

static const mr_listener_events refuse_events = {refuse, NULL};

/* A connected pair: @client has been told, @server accepted. */
struct pair {
    mr_loop loop;
    mr_listener listener;
    struct side client, server;
};

static void pair_init(struct pair *p, enum mr_family family) {
    mr_listen_options options = {.local = loopback(0)};

    if (family == MR_FAMILY_IPV6)
        options.local = (mr_addr){.family = MR_FAMILY_IPV6, .ip = {[15] = 1}};
    assert_int_equal(mr_loop_init(&p->loop, NULL), 0);
    side_init(&p->client, &p->loop);
    side_init(&p->server, &p->loop);
    mr_listener_init(&p->listener, &p->loop, &accept_events, &p->server);
    assert_int_equal(mr_listener_open(&p->listener, &options, NULL), 0);
    assert_int_not_equal(p->listener.local.port, 0);
    side_connect(&p->client, &p->listener.local);
}

static void pair_deinit(struct pair *p) {
    mr_stream_deinit(&p->client.stream);
    mr_stream_deinit(&p->server.stream);
    mr_listener_deinit(&p->listener);
    mr_loop_deinit(&p->loop);
}

static void conversation(enum mr_family family) {
    struct pair p;
    mr_attempt attempt;
    mr_tcp_info info;
    mr_addr local, peer;

    pair_init(&p, family);
    p.server.on_receive = STEP_ECHO;
    p.client.on_open = STEP_ECHO;
    p.client.on_receive = STEP_STOP;
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.client.opened, 0);
    assert_int_equal(p.client.received, 5);
    assert_int_equal(p.server.sum, p.client.sum);
    assert_int_equal(mr_stream_get_attempt(&p.client.stream, &attempt), 0);
    assert_int_equal(attempt.reach, MR_REACH_OPEN);
    assert_int_equal(attempt.sent, 1);
    assert_false(attempt.icmp.present);
    assert_int_equal(mr_stream_get_tcp_info(&p.client.stream, &info), 0);
    assert_string_equal(info.state, "ESTABLISHED");
    assert_int_equal(info.bytes_sent, 5);
    assert_int_equal(info.bytes_received, 5);
    assert_true(mr_tcp_info_all_acked(&info));
    assert_int_equal(mr_stream_get_local(&p.client.stream, &local), 0);
    assert_int_equal(mr_stream_get_peer(&p.server.stream, &peer), 0);
    assert_memory_equal(&local, &peer, sizeof local);
    assert_int_equal(mr_stream_query(&p.client.stream, MR_QUERY_SESSION_KEY, &info),
                     MR_ERR_NOT_FOUND);
    assert_int_equal(mr_stream_get_attempt(&p.server.stream, &attempt), MR_ERR_NOT_FOUND);
    /* half-close: the server sees the end, and can still answer */
    p.server.on_close = STEP_STOP;
    mr_stream_shutdown(&p.client.stream);
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.server.closed, 0);
    assert_int_equal(p.server.stream.state, MR_STREAM_PEER_CLOSED);
    assert_int_equal(mr_stream_send(&p.server.stream, MR_SLICE_LIT("late"), NULL), 0);
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.client.received, 9);
    p.client.on_close = STEP_STOP;
    mr_stream_close(&p.server.stream);
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.client.closed, 0);
    assert_int_equal(mr_stream_send(&p.server.stream, MR_SLICE_LIT("x"), NULL), MR_ERR_STATE);
    assert_int_equal(p.server.closed_calls, 1);
    pair_deinit(&p);
}

static void test_conversation_v4(void **state) {
    (void)state;
    conversation(MR_FAMILY_IPV4);
}

static void test_conversation_v6(void **state) {
    mr_loop loop;
    mr_listener listener;
    mr_listen_options options = {.local = {.family = MR_FAMILY_IPV6, .ip = {[15] = 1}}};

    (void)state;
    assert_int_equal(mr_loop_init(&loop, NULL), 0);
    mr_listener_init(&listener, &loop, &accept_events, NULL);
    int r = mr_listener_open(&listener, &options, NULL);
    mr_listener_deinit(&listener);
    mr_loop_deinit(&loop);
    if (r != 0)
        skip(); /* this machine has no IPv6 */
    conversation(MR_FAMILY_IPV6);
}

static void test_refused(void **state) {
    struct pair p;
    mr_attempt attempt;
    mr_addr gone;

    (void)state;
    pair_init(&p, MR_FAMILY_IPV4);
    p.client.on_open = STEP_STOP;
    assert_int_equal(run(&p.loop), 0);
    gone = p.listener.local;
    mr_listener_deinit(&p.listener);
    mr_stream_deinit(&p.client.stream);
    side_init(&p.client, &p.loop);
    p.client.on_open = STEP_STOP;
    side_connect(&p.client, &gone);
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.client.opened, MR_ERR_REFUSED);
    assert_int_equal(p.client.err.peer_kind, MR_PEER_ERRNO);
    assert_int_equal(p.client.err.peer, ECONNREFUSED);
    assert_int_equal(mr_stream_get_attempt(&p.client.stream, &attempt), 0);
    assert_int_equal(attempt.reach, MR_REACH_REFUSED);
    assert_false(attempt.icmp.present);
    assert_int_equal(attempt.remote.port, gone.port);
    assert_int_equal(mr_stream_send(&p.client.stream, MR_SLICE_LIT("x"), NULL), MR_ERR_STATE);
    pair_deinit(&p);
}

static void test_reset(void **state) {
    struct pair p;

    (void)state;
    pair_init(&p, MR_FAMILY_IPV4);
    p.client.on_open = STEP_ECHO;
    p.client.on_close = STEP_STOP;
    p.server.on_receive = STEP_ABORT;
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.client.closed, MR_ERR_RESET);
    assert_int_equal(p.client.err.peer, ECONNRESET);
    assert_int_equal(p.server.closed_calls, 0); /* our own close raises no event */
    pair_deinit(&p);
}

/* A reset that is first noticed while octets wait to be sent is still a reset, not a close. */
static void test_reset_while_sending(void **state) {
    struct pair p;
    mr_slice big = {NULL, 8 << 20};
    uint8_t *octets = calloc(1, big.len);

    (void)state;
    big.data = octets;
    pair_init(&p, MR_FAMILY_IPV4);
    p.client.on_open = STEP_STOP;
    assert_int_equal(run(&p.loop), 0);
    while (p.server.stream.state != MR_STREAM_OPEN)
        (void)mr_loop_run(&p.loop, mr_clock_now() + MR_MSEC);
    mr_stream_set_reading(&p.server.stream, false);
    assert_int_equal(mr_stream_send(&p.client.stream, big, NULL), 0);
    assert_true(mr_stream_get_queued(&p.client.stream) > 0);
    p.client.on_close = STEP_STOP;
    mr_stream_abort(&p.server.stream);
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.client.closed, MR_ERR_RESET);
    assert_int_equal(p.client.closed_calls, 1);
    free(octets);
    pair_deinit(&p);
}

static void test_bulk(void **state) {
    struct pair p;
    const size_t len = 8 << 20;
    uint8_t *octets = malloc(len);
    uint32_t sum = 0;
    mr_buf buf;

    (void)state;
    for (size_t i = 0; i < len; i++)
        octets[i] = (uint8_t)(i * 2654435761u >> 13);
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < len / 2; i++)
            sum = sum * 31 + octets[i + (size_t)(round == 1) * len / 2];
    pair_init(&p, MR_FAMILY_IPV4);
    p.client.on_open = STEP_STOP;
    assert_int_equal(run(&p.loop), 0);
    /* a slice, then memory that is taken, then a slice behind both */
    assert_int_equal(mr_stream_send(&p.client.stream, mr_slice_of(octets, len / 2), NULL), 0);
    mr_buf_init(&buf, NULL, 0, len);
    mr_buf_write(&buf, mr_slice_of(octets + len / 2, len / 2));
    assert_int_equal(mr_stream_send_buf(&p.client.stream, &buf, NULL), 0);
    assert_null(buf.data);
    assert_int_equal(mr_stream_send(&p.client.stream, mr_slice_of(octets, len / 2), NULL), 0);
    p.client.stream.send_cap = mr_stream_get_queued(&p.client.stream);
    assert_int_equal(mr_stream_send(&p.client.stream, MR_SLICE_LIT("x"), NULL), MR_ERR_LIMIT);
    mr_stream_shutdown(&p.client.stream);
    p.server.on_close = STEP_STOP;
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.server.received, len / 2 * 3);
    assert_int_equal(p.server.sum, sum);
    assert_int_equal(p.client.drained_calls, 1);
    assert_int_equal(mr_stream_get_queued(&p.client.stream), 0);
    free(octets);
    pair_deinit(&p);
}

static void test_taken_buffer_waits(void **state) {
    struct pair p;
    const size_t len = 8 << 20;
    mr_buf buf;

    (void)state;
    pair_init(&p, MR_FAMILY_IPV4);
    p.client.on_open = STEP_STOP;
    assert_int_equal(run(&p.loop), 0);
    mr_buf_init(&buf, NULL, 0, len);
    mr_buf_write_zero(&buf, len);
    assert_int_equal(mr_stream_send_buf(&p.client.stream, &buf, NULL), 0);
    assert_true(mr_stream_get_queued(&p.client.stream) > 0);
    mr_stream_shutdown(&p.client.stream);
    p.server.on_close = STEP_STOP;
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.server.received, len);
    pair_deinit(&p);
}

/* A paused stream gets nothing, then everything. */
static void test_pause(void **state) {
    struct pair p;

    (void)state;
    pair_init(&p, MR_FAMILY_IPV4);
    p.client.on_open = STEP_STOP;
    assert_int_equal(run(&p.loop), 0);
    mr_stream_set_reading(&p.client.stream, false);
    while (p.server.stream.state != MR_STREAM_OPEN)
        (void)mr_loop_run(&p.loop, mr_clock_now() + MR_MSEC);
    assert_int_equal(mr_stream_send(&p.server.stream, MR_SLICE_LIT("hello"), NULL), 0);
    mr_stream_shutdown(&p.server.stream);
    (void)mr_loop_run(&p.loop, mr_clock_now() + 5 * MR_MSEC);
    assert_int_equal(p.client.received, 0);
    assert_int_equal(p.client.closed_calls, 0);
    p.client.on_close = STEP_STOP;
    mr_stream_set_reading(&p.client.stream, true);
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.client.received, 5);
    assert_int_equal(p.client.closed, 0);
    pair_deinit(&p);
}

/* The stream and its memory go inside each of its own callbacks. */
static void test_deinit_inside(void **state) {
    (void)state;
    for (int where = 0; where < 3; where++) {
        struct pair p;
        pair_init(&p, MR_FAMILY_IPV4);
        struct side *victim = where == 0 ? &p.client : &p.server;
        p.client.on_open = where == 0 ? STEP_DEINIT : STEP_ECHO;
        if (where == 1)
            victim->on_receive = STEP_DEINIT;
        if (where == 2) {
            victim->on_receive = STEP_ABORT;
            victim = &p.client;
            victim->on_close = STEP_DEINIT;
        }
        assert_int_equal(run(&p.loop), 0);
        memset(&victim->stream, 0, sizeof victim->stream);
        assert_int_equal(mr_loop_run(&p.loop, mr_clock_now() + MR_MSEC), MR_LOOP_DEADLINE);
        pair_deinit(&p);
    }
}

static void test_local_errors(void **state) {
    struct pair p;
    mr_connect_options options = {.remote = loopback(9)};
    mr_attempt attempt;

    (void)state;
    pair_init(&p, MR_FAMILY_IPV4);
    mr_stream_deinit(&p.client.stream);
    /* an address that is not ours */
    side_init(&p.client, &p.loop);
    p.client.on_open = STEP_STOP;
    options.source = (mr_addr){.family = MR_FAMILY_IPV4, .ip = {192, 0, 2, 1}};
    options.source.port = 0;
    assert_int_equal(mr_stream_connect(&p.client.stream, &options, NULL), 0);
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.client.opened, MR_ERR_SYSTEM);
    assert_int_equal(mr_stream_get_attempt(&p.client.stream, &attempt), 0);
    assert_int_equal(attempt.reach, MR_REACH_LOCAL);
    assert_int_equal(attempt.os_error, EADDRNOTAVAIL);
    assert_int_equal(mr_stream_connect(&p.client.stream, &options, NULL), MR_ERR_STATE);
    mr_stream_deinit(&p.client.stream);
    /* no address at all */
    side_init(&p.client, &p.loop);
    p.client.on_open = STEP_STOP;
    options = (mr_connect_options){0};
    assert_int_equal(mr_stream_connect(&p.client.stream, &options, NULL), 0);
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.client.opened, MR_ERR_SYSTEM);
    mr_stream_deinit(&p.client.stream);
    assert_int_equal(mr_stream_init(&p.client.stream, &p.loop, "ncadg_ip_udp", &side_events,
                                    &p.client, NULL),
                     MR_ERR_UNSUPPORTED);
    pair_deinit(&p);
}

static void test_out_of_descriptors(void **state) {
    struct pair p;
    struct rlimit old, tight;
    mr_attempt attempt;
    mr_addr to = loopback(9);

    (void)state;
    pair_init(&p, MR_FAMILY_IPV4);
    mr_stream_deinit(&p.client.stream);
    side_init(&p.client, &p.loop);
    p.client.on_open = STEP_STOP;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    tight = old;
    tight.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    side_connect(&p.client, &to);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.client.opened, MR_ERR_SYSTEM);
    assert_int_equal(mr_stream_get_attempt(&p.client.stream, &attempt), 0);
    assert_int_equal(attempt.os_error, EMFILE);
    pair_deinit(&p);
}

static void test_source_port(void **state) {
    struct pair p;
    mr_addr local;
    mr_listener probe;
    mr_listen_options any = {.local = loopback(0)};
    mr_connect_options options;

    (void)state;
    pair_init(&p, MR_FAMILY_IPV4);
    mr_listener_init(&probe, &p.loop, &accept_events, &p.server);
    assert_int_equal(mr_listener_open(&probe, &any, NULL), 0);
    uint16_t port = probe.local.port; /* free a moment ago */
    mr_listener_deinit(&probe);
    mr_stream_deinit(&p.client.stream);
    side_init(&p.client, &p.loop);
    p.client.on_open = STEP_STOP;
    options = (mr_connect_options){.remote = p.listener.local, .source = {.port = port}};
    p.listener.events = &refuse_events;
    assert_int_equal(mr_stream_connect(&p.client.stream, &options, NULL), 0);
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.client.opened, 0);
    assert_int_equal(mr_stream_get_local(&p.client.stream, &local), 0);
    assert_int_equal(local.port, port);
    pair_deinit(&p);
}

/* A socket that connected to itself found nobody. */
static void test_self_connect(void **state) {
    struct pair p;
    mr_attempt attempt;

    (void)state;
    pair_init(&p, MR_FAMILY_IPV4);
    mr_addr self = p.listener.local;
    mr_stream_deinit(&p.client.stream);
    mr_listener_deinit(&p.listener); /* the port is free now */
    side_init(&p.client, &p.loop);
    p.client.on_open = STEP_STOP;
    mr_connect_options options = {.remote = self, .source = self};
    assert_int_equal(mr_stream_connect(&p.client.stream, &options, NULL), 0);
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.client.opened, MR_ERR_REFUSED);
    assert_int_equal(mr_stream_get_attempt(&p.client.stream, &attempt), 0);
    assert_int_equal(attempt.reach, MR_REACH_REFUSED);
    pair_deinit(&p);
}

/* A full backlog of one never completes a handshake: silence without any firewall. */
static void test_silent(void **state) {
    enum { FILL = 3 };
    struct pair p;
    mr_listen_options options = {.local = loopback(0), .backlog = 1};
    struct side fill[FILL];
    mr_attempt attempt;
    mr_loop other;
    mr_listener deaf;

    (void)state;
    pair_init(&p, MR_FAMILY_IPV4);
    assert_int_equal(mr_loop_init(&other, NULL), 0); /* never run: it never accepts */
    mr_listener_init(&deaf, &other, &accept_events, NULL);
    assert_int_equal(mr_listener_open(&deaf, &options, NULL), 0);
    for (int i = 0; i < FILL; i++) {
        side_init(&fill[i], &p.loop);
        side_connect(&fill[i], &deaf.local);
    }
    mr_stream_deinit(&p.client.stream);
    side_init(&p.client, &p.loop);
    p.client.on_open = STEP_STOP;
    mr_connect_options c = {.remote = deaf.local, .timeout = 50 * MR_MSEC, .tries = 1};
    assert_int_equal(mr_stream_connect(&p.client.stream, &c, NULL), 0);
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.client.opened, MR_ERR_TIMEOUT);
    assert_int_equal(mr_stream_get_attempt(&p.client.stream, &attempt), 0);
    assert_int_equal(attempt.reach, MR_REACH_SILENT);
    assert_true(attempt.sent >= 1);
    for (int i = 0; i < FILL; i++)
        mr_stream_deinit(&fill[i].stream);
    mr_listener_deinit(&deaf);
    mr_loop_deinit(&other);
    pair_deinit(&p);
}

/* Listeners */

static void test_listener_ranges(void **state) {
    struct pair p;
    mr_listener a, b, c;
    mr_error err = MR_ERROR_INIT;

    (void)state;
    pair_init(&p, MR_FAMILY_IPV4);
    uint16_t busy = p.listener.local.port;
    mr_port_range only_busy = {busy, busy};
    mr_port_range ranges[] = {{busy, busy}, {40000, 65535}};
    mr_listen_options options = {.local = loopback(0), .ranges = &only_busy, .range_count = 1};
    mr_listener_init(&a, &p.loop, &accept_events, &p.server);
    mr_listener_init(&b, &p.loop, &accept_events, &p.server);
    mr_listener_init(&c, &p.loop, &accept_events, &p.server);
    assert_int_equal(mr_listener_open(&a, &options, &err), MR_ERR_BUSY);
    assert_int_equal(err.peer, EADDRINUSE);
    options.ranges = ranges;
    options.range_count = 2;
    assert_int_equal(mr_listener_open(&a, &options, NULL), 0);
    assert_int_not_equal(a.local.port, busy);
    assert_true(a.local.port >= 40000);
    assert_int_equal(mr_listener_open(&a, &options, NULL), MR_ERR_STATE);
    /* starting at a taken port goes on to the next free one */
    options.start = a.local.port;
    assert_int_equal(mr_listener_open(&b, &options, NULL), 0);
    assert_int_not_equal(b.local.port, a.local.port);
    options = (mr_listen_options){.local = {.family = MR_FAMILY_IPV4, .ip = {192, 0, 2, 1}}};
    assert_int_equal(mr_listener_open(&c, &options, &err), MR_ERR_SYSTEM);
    assert_int_equal(err.peer, EADDRNOTAVAIL);
    mr_listener_deinit(&a);
    mr_listener_deinit(&b);
    mr_listener_deinit(&c);
    pair_deinit(&p);
}

static void test_accept_not_taken(void **state) {
    struct pair p;

    (void)state;
    pair_init(&p, MR_FAMILY_IPV4);
    p.listener.events = &refuse_events;
    p.client.on_close = STEP_STOP;
    assert_int_equal(run(&p.loop), 0);
    assert_int_equal(p.client.opened, 0);
    assert_int_equal(p.client.closed, 0);
    pair_deinit(&p);
}

/* Many at once */

struct crowd {
    mr_loop loop;
    struct side clients[300], servers[300];
    size_t accepted, done;
};

static void crowd_accepted(void *user, mr_accepted *accepted) {
    struct crowd *crowd = user;
    struct side *side = &crowd->servers[crowd->accepted++];

    side_init(side, &crowd->loop);
    side->on_receive = STEP_ECHO;
    assert_int_equal(mr_stream_accept(&side->stream, accepted, NULL), 0);
}

static void crowd_received(void *user, mr_slice bytes) {
    struct crowd *crowd = *(struct crowd **)user;

    assert_int_equal(bytes.len, 5);
    if (++crowd->done == MR_COUNT(crowd->clients))
        mr_loop_stop(&crowd->loop);
}

static void crowd_opened(void *user, int result, const mr_error *err) {
    (void)user;
    (void)err;
    assert_int_equal(result, 0);
}

static void test_crowd(void **state) {
    static const mr_listener_events listen_events = {crowd_accepted, NULL};
    static const mr_stream_events events = {crowd_opened, crowd_received, NULL, side_closed};
    struct crowd *crowd = calloc(1, sizeof *crowd);
    mr_stream *streams = calloc(MR_COUNT(crowd->clients), sizeof *streams);
    mr_listen_options options = {.local = loopback(0)};
    mr_listener listener;
    size_t n = MR_COUNT(crowd->clients);

    (void)state;
    assert_int_equal(mr_loop_init(&crowd->loop, NULL), 0);
    mr_listener_init(&listener, &crowd->loop, &listen_events, crowd);
    assert_int_equal(mr_listener_open(&listener, &options, NULL), 0);
    mr_connect_options to = {.remote = listener.local};
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(mr_stream_init(&streams[i], &crowd->loop, "ncacn_ip_tcp", &events, &crowd,
                                        NULL), 0);
        assert_int_equal(mr_stream_connect(&streams[i], &to, NULL), 0);
    }
    while (crowd->accepted < n)
        assert_int_not_equal(mr_loop_run(&crowd->loop, mr_clock_now() + MR_MSEC), 0);
    for (size_t i = 0; i < n; i++) {
        while (streams[i].state == MR_STREAM_CONNECTING)
            (void)mr_loop_run(&crowd->loop, mr_clock_now() + MR_MSEC);
        assert_int_equal(mr_stream_send(&streams[i], MR_SLICE_LIT("hello"), NULL), 0);
    }
    assert_int_equal(run(&crowd->loop), 0);
    assert_int_equal(crowd->done, n);
    for (size_t i = 0; i < n; i++) {
        mr_stream_deinit(&streams[i]);
        mr_stream_deinit(&crowd->servers[i].stream);
    }
    mr_listener_deinit(&listener);
    mr_loop_deinit(&crowd->loop);
    free(streams);
    free(crowd);
}

/* Datagrams: two exchanges bound to each other's port answer each other */

struct asker {
    mr_loop *loop;
    mr_datagram datagram;
    unsigned received, accept_from; /* the answer is the one with that number */
    int done;
    bool deinit_inside;
    mr_error err;
};

static bool asker_received(void *user, mr_slice bytes) {
    struct asker *asker = user;

    assert_true(bytes.len > 0);
    asker->received++;
    if (asker->deinit_inside) {
        mr_datagram_deinit(&asker->datagram);
        mr_loop_stop(asker->loop);
        return true;
    }
    return asker->accept_from && asker->received >= asker->accept_from;
}

static void asker_done(void *user, int result, const mr_error *err) {
    struct asker *asker = user;

    asker->done = result;
    asker->err = *err;
    mr_loop_stop(asker->loop);
}

static const mr_datagram_events asker_events = {asker_received, asker_done};

static void asker_init(struct asker *asker, mr_loop *loop) {
    *asker = (struct asker){.loop = loop, .done = NONE};
    mr_datagram_init(&asker->datagram, loop, &asker_events, asker);
}

/* A UDP port of 127.0.0.1 that is free: bound by an exchange and given back. */
static uint16_t free_udp_port(mr_loop *loop) {
    struct asker asker;
    mr_datagram_options options = {.remote = loopback(9)};

    asker_init(&asker, loop);
    assert_int_equal(mr_datagram_ask(&asker.datagram, &options, MR_SLICE_LIT("x"), NULL), 0);
    uint16_t port = asker.datagram.attempt.local.port;
    mr_datagram_deinit(&asker.datagram);
    assert_int_not_equal(port, 0);
    return port;
}

static void test_datagram_refused(void **state) {
    mr_loop loop;
    struct asker a;

    (void)state;
    assert_int_equal(mr_loop_init(&loop, NULL), 0);
    mr_datagram_options options = {.remote = loopback(free_udp_port(&loop))};
    asker_init(&a, &loop);
    assert_int_equal(mr_datagram_ask(&a.datagram, &options, MR_SLICE_LIT("anyone?"), NULL), 0);
    assert_int_equal(mr_datagram_ask(&a.datagram, &options, MR_SLICE_LIT("x"), NULL),
                     MR_ERR_STATE);
    assert_int_equal(run(&loop), 0);
    assert_int_equal(a.done, MR_ERR_REFUSED);
    assert_int_equal(a.datagram.attempt.reach, MR_REACH_REFUSED);
    assert_int_equal(a.datagram.attempt.sent, 1);
    assert_true(mr_icmp_is_port(&a.datagram.attempt.icmp));
    assert_true(mr_addr_is_loopback(&a.datagram.attempt.icmp.sender));
    mr_datagram_deinit(&a.datagram);
    mr_loop_deinit(&loop);
}

static void test_datagram_answered(void **state) {
    mr_loop loop;
    struct asker a, b;

    (void)state;
    assert_int_equal(mr_loop_init(&loop, NULL), 0);
    for (int inside = 0; inside < 2; inside++) {
        mr_addr pa = loopback(free_udp_port(&loop)), pb = loopback(0);
        while ((pb.port = free_udp_port(&loop)) == pa.port)
            continue;
        mr_datagram_options to_b = {.remote = pb, .source = pa, .tries = 3,
                                    .timeout = 300 * MR_MSEC};
        mr_datagram_options to_a = {
            .remote = pa, .source = pb, .tries = 200, .timeout = 4 * MR_SEC};
        asker_init(&a, &loop);
        asker_init(&b, &loop);
        a.accept_from = 2; /* the first is not the answer */
        a.deinit_inside = inside;
        assert_int_equal(mr_datagram_ask(&b.datagram, &to_a, MR_SLICE_LIT("yes"), NULL), 0);
        assert_int_equal(mr_datagram_ask(&a.datagram, &to_b, MR_SLICE_LIT("hm?"), NULL), 0);
        assert_int_equal(run(&loop), 0);
        assert_int_equal(a.done, inside ? NONE : 0);
        assert_int_equal(a.received, inside ? 1 : 2);
        mr_datagram_deinit(&a.datagram);
        mr_datagram_deinit(&b.datagram);
    }
    mr_loop_deinit(&loop);
}

static void test_datagram_silent(void **state) {
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof sa;
    int mute = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* holds a port, never reads */
    mr_loop loop;
    struct asker a;

    (void)state;
    assert_int_equal(bind(mute, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(getsockname(mute, (struct sockaddr *)&sa, &len), 0);
    assert_int_equal(mr_loop_init(&loop, NULL), 0);
    mr_datagram_options options = {.remote = loopback(ntohs(sa.sin_port)), .tries = 3,
                                   .timeout = 30 * MR_MSEC};
    asker_init(&a, &loop);
    assert_int_equal(mr_datagram_ask(&a.datagram, &options, MR_SLICE_LIT("anyone?"), NULL), 0);
    assert_int_equal(run(&loop), 0);
    assert_int_equal(a.done, MR_ERR_TIMEOUT);
    assert_int_equal(a.datagram.attempt.reach, MR_REACH_SILENT);
    assert_int_equal(a.datagram.attempt.sent, 3);
    mr_datagram_deinit(&a.datagram);
    mr_loop_deinit(&loop);
    close(mute);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addr_text),
        cmocka_unit_test(test_icmp_words),
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_conversation_v4),
        cmocka_unit_test(test_conversation_v6),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_reset_while_sending),
        cmocka_unit_test(test_bulk),
        cmocka_unit_test(test_taken_buffer_waits),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_deinit_inside),
        cmocka_unit_test(test_local_errors),
        cmocka_unit_test(test_out_of_descriptors),
        cmocka_unit_test(test_source_port),
        cmocka_unit_test(test_self_connect),
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_listener_ranges),
        cmocka_unit_test(test_accept_not_taken),
        cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_datagram_refused),
        cmocka_unit_test(test_datagram_answered),
        cmocka_unit_test(test_datagram_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
