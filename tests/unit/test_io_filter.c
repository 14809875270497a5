/*
 * Stacking of transport filters, with one made for the purpose on top of TCP: it shakes hands
 * before it calls the stream open, scrambles what passes, answers one query of its own, and leaves
 * the rest to the filter below.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/io.h>

#include "../../src/io/filter.h"

#define PATIENCE (30 * MR_SEC)
#define MASK 0x5a

/* The filter: both sides greet with one octet, then every octet is scrambled. */

struct veil {
    mr_filter filter;
    bool greeted;  /* the peer's greeting has come */
    bool accepted; /* the stream is open already */
};

static const mr_slice greeting = {(const uint8_t *)"!", 1};
static const mr_slice key = {(const uint8_t *)"key", 3};

static int veil_send(mr_filter *filter, mr_slice bytes, mr_buf *owner, mr_error *err) {
    uint8_t room[64];
    mr_buf buf;

    (void)owner;
    mr_buf_init(&buf, room, sizeof room, 1 << 20);
    for (size_t i = 0; i < bytes.len; i++)
        mr_buf_write_u8(&buf, bytes.data[i] ^ MASK);
    int r = mr_filter_send(filter->below, mr_buf_slice(&buf), NULL, err);
    mr_buf_deinit(&buf);
    return r;
}

static int veil_accept(mr_filter *filter, mr_accepted *accepted, mr_error *err) {
    int r = mr_filter_accept(filter->below, accepted, err);

    ((struct veil *)filter)->accepted = true;
    return r == 0 ? mr_filter_send(filter->below, greeting, NULL, err) : r;
}

static void veil_opened(mr_filter *filter, int result, const mr_error *err) {
    if (result != 0)
        mr_filter_raise_opened(filter, result, err);
    else
        assert_int_equal(mr_filter_send(filter->below, greeting, NULL, NULL), 0);
}

static void veil_received(mr_filter *filter, mr_slice bytes) {
    struct veil *veil = (struct veil *)filter;
    mr_error err = MR_ERROR_INIT;

    if (!veil->greeted) {
        bool good = bytes.data[0] == greeting.data[0];
        bytes = mr_slice_sub(bytes, 1, SIZE_MAX);
        veil->greeted = true;
        if (!good)
            mr_fail(&err, MR_ERR_PROTOCOL, MR_FLOOR_IO, 0, "no greeting");
        if (!veil->accepted)
            mr_filter_raise_opened(filter, err.code, &err);
        else if (!good)
            mr_filter_raise_ended(filter, err.code, &err);
    }
    for (size_t i = 0; i < bytes.len && !filter->closed; i++) { /* octet by octet, on purpose */
        uint8_t octet = bytes.data[i] ^ MASK;
        mr_filter_raise_received(filter, mr_slice_of(&octet, 1));
    }
}

static int veil_query(mr_filter *filter, enum mr_query query, void *outp) {
    (void)filter;
    if (query != MR_QUERY_SESSION_KEY)
        return MR_ERR_NOT_FOUND;
    *(mr_slice *)outp = key;
    return 0;
}

static const mr_filter_class veil_class = {
    .name = "veil",
    .size = sizeof(struct veil),
    .accept = veil_accept,
    .send = veil_send,
    .query = veil_query,
    .opened = veil_opened,
    .received = veil_received,
};

/* Two sides */

struct side {
    mr_loop *loop;
    mr_stream stream;
    int opened, closed;
    bool veiled, deinit_at_first;
    char text[16];
    size_t len;
};

#define NONE 99

static void side_opened(void *user, int result, const mr_error *err) {
    struct side *side = user;

    (void)err;
    side->opened = result;
    if (result == 0)
        assert_int_equal(mr_stream_send(&side->stream, MR_SLICE_LIT("hello"), NULL), 0);
    else
        mr_loop_stop(side->loop);
}

static void side_received(void *user, mr_slice bytes) {
    struct side *side = user;

    assert_true(side->len + bytes.len < sizeof side->text);
    memcpy(side->text + side->len, bytes.data, bytes.len);
    side->len += bytes.len;
    if (side->deinit_at_first) {
        mr_stream_deinit(&side->stream);
        memset(&side->stream, 0, sizeof side->stream);
        mr_loop_stop(side->loop);
    } else if (side->len == 5) {
        mr_loop_stop(side->loop);
    }
}

static void side_closed(void *user, int result, const mr_error *err) {
    struct side *side = user;

    (void)err;
    side->closed = result;
    mr_loop_stop(side->loop);
}

static const mr_stream_events side_events = {side_opened, side_received, NULL, side_closed};

static void side_init(struct side *side, mr_loop *loop, bool veiled) {
    *side = (struct side){.loop = loop, .opened = NONE, .closed = NONE, .veiled = veiled};
    assert_int_equal(mr_stream_init(&side->stream, loop, "ncacn_ip_tcp", &side_events, side, NULL),
                     0);
    if (veiled)
        assert_int_equal(mr_stream_add_filter(&side->stream, &veil_class), 0);
}

static void side_accepted(void *user, mr_accepted *accepted) {
    struct side *side = user;

    assert_int_equal(mr_stream_accept(&side->stream, accepted, NULL), 0);
    if (!side->veiled)
        assert_int_equal(mr_stream_send(&side->stream, MR_SLICE_LIT("?"), NULL), 0);
}

struct pair {
    mr_loop loop;
    mr_listener listener;
    struct side client, server;
};

static void pair_init(struct pair *p, bool server_veiled) {
    static const mr_listener_events events = {side_accepted, NULL};
    mr_listen_options options = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};

    assert_int_equal(mr_loop_init(&p->loop, NULL), 0);
    side_init(&p->client, &p->loop, true);
    side_init(&p->server, &p->loop, server_veiled);
    mr_listener_init(&p->listener, &p->loop, &events, &p->server);
    assert_int_equal(mr_listener_open(&p->listener, &options, NULL), 0);
    mr_connect_options to = {.remote = p->listener.local};
    assert_int_equal(mr_stream_connect(&p->client.stream, &to, NULL), 0);
}

static void pair_deinit(struct pair *p) {
    mr_stream_deinit(&p->client.stream);
    mr_stream_deinit(&p->server.stream);
    mr_listener_deinit(&p->listener);
    mr_loop_deinit(&p->loop);
}

static int run(struct pair *p) {
    return mr_loop_run(&p->loop, mr_clock_now() + PATIENCE);
}

static void test_through_the_stack(void **state) {
    struct pair p;
    mr_slice found;
    mr_tcp_info info;

    (void)state;
    pair_init(&p, true);
    assert_int_equal(run(&p), 0);
    assert_int_equal(p.client.opened, 0);
    assert_string_equal(p.server.text, "hello");
    assert_int_equal(mr_stream_query(&p.client.stream, MR_QUERY_SESSION_KEY, &found), 0);
    assert_true(mr_slice_eq(found, key));
    assert_int_equal(mr_stream_get_tcp_info(&p.client.stream, &info), 0); /* the filter below */
    assert_int_equal(info.bytes_sent, 6);
    mr_stream_shutdown(&p.client.stream); /* passes both filters */
    assert_int_equal(run(&p), 0);
    assert_int_equal(p.server.closed, 0);
    pair_deinit(&p);
}

static void test_handshake_fails(void **state) {
    struct pair p;

    (void)state;
    pair_init(&p, false); /* greets with the wrong octet */
    assert_int_equal(run(&p), 0);
    assert_int_equal(p.client.opened, MR_ERR_PROTOCOL);
    assert_int_equal(p.client.stream.state, MR_STREAM_CLOSED);
    assert_int_equal(p.client.len, 0);
    pair_deinit(&p);
}

static void test_deinit_below_the_callback(void **state) {
    struct pair p;

    (void)state;
    pair_init(&p, true);
    p.server.deinit_at_first = true;
    assert_int_equal(run(&p), 0);
    assert_string_equal(p.server.text, "h"); /* nothing after the first octet */
    pair_deinit(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_through_the_stack),
        cmocka_unit_test(test_handshake_fails),
        cmocka_unit_test(test_deinit_below_the_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
