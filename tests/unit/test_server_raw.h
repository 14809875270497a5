/*
 * Octets for the server tests that no client face of ours would send, and what comes back, PDU by
 * PDU.
 */
#ifndef TEST_SERVER_RAW_H
#define TEST_SERVER_RAW_H

#include "test_server.h"

struct raw {
    struct fixture *f;
    mr_stream stream;
    mr_buf in;
    unsigned pdus;      /* whole ones in @in */
    unsigned closed;
};

static inline void on_opened(void *user, int result, const mr_error *err) {
    (void)user;
    (void)err;
    assert_int_equal(result, 0);
}

static inline void on_received(void *user, mr_slice bytes) {
    struct raw *raw = user;
    mr_slice rest;
    size_t length;

    mr_buf_write(&raw->in, bytes);
    rest = mr_buf_slice(&raw->in);
    for (raw->pdus = 0; mr_pdu_frag_length(rest, &length, NULL) == 0 && length <= rest.len;
         raw->pdus++)
        rest = mr_slice_sub(rest, length, SIZE_MAX);
}

static inline void on_closed(void *user, int result, const mr_error *err) {
    struct raw *raw = user;
    (void)result;
    (void)err;
    raw->closed = 1;
}

static const mr_stream_events raw_events = {
    .opened = on_opened,
    .received = on_received,
    .closed = on_closed,
};

/* From 127.0.0.@client. */
static inline void raw_open_as(struct raw *raw, struct fixture *f, uint8_t client) {
    *raw = (struct raw){.f = f};
    mr_buf_init(&raw->in, NULL, 0, 1 << 20);
    assert_int_equal(mr_stream_init(&raw->stream, &f->loop, "ncacn_ip_tcp", &raw_events, raw,
                                    NULL), 0);
    const mr_connect_options options = {
        .remote = *mr_server_endpoint_get_local(f->endpoint),
        .source = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, client}},
    };
    assert_int_equal(mr_stream_connect(&raw->stream, &options, NULL), 0);
    mr_nsec end = mr_clock_now() + PATIENCE;
    while (raw->stream.state != MR_STREAM_OPEN && mr_clock_now() < end)
        mr_loop_run(&f->loop, mr_clock_now() + MR_MSEC);
    assert_int_equal(raw->stream.state, MR_STREAM_OPEN);
}

static inline void raw_open(struct raw *raw, struct fixture *f) {
    raw_open_as(raw, f, 1);
}

static inline void raw_close(struct raw *raw) {
    mr_stream_deinit(&raw->stream);
    mr_buf_deinit(&raw->in);
}

static inline void raw_send(struct raw *raw, mr_slice bytes) {
    assert_int_equal(mr_stream_send(&raw->stream, bytes, NULL), 0);
}

/* The @index-th PDU that came, once it has. */
static inline mr_pdu raw_read(struct raw *raw, unsigned index) {
    mr_slice rest;
    size_t length = 0;
    mr_pdu pdu;

    for (mr_nsec end = mr_clock_now() + PATIENCE; raw->pdus <= index && mr_clock_now() < end;)
        mr_loop_run(&raw->f->loop, mr_clock_now() + MR_MSEC);
    assert_true(raw->pdus > index);
    rest = mr_buf_slice(&raw->in);
    for (unsigned i = 0; i <= index; i++) {
        rest = mr_slice_sub(rest, length, SIZE_MAX);
        assert_int_equal(mr_pdu_frag_length(rest, &length, NULL), 0);
    }
    assert_int_equal(mr_pdu_decode(mr_slice_sub(rest, 0, length), &pdu, NULL), 0);
    return pdu;
}

/* ---- what is sent ---- */

#define WHOLE (MR_PFC_FIRST_FRAG | MR_PFC_LAST_FRAG)

static uint8_t out_array[8192];

static inline mr_buf out_begin(void) {
    mr_buf buf;
    mr_buf_init(&buf, out_array, sizeof out_array, sizeof out_array);
    return buf;
}

/* A context of a list to ask for. */
struct asked {
    uint16_t id;
    const mr_syntax *abstract, *transfers;
    size_t count;
};

static inline void send_list(struct raw *raw, bool alter, bool big, const struct asked *list,
                      size_t count) {
    const mr_pdu_header header = {.flags = WHOLE | MR_PFC_CONC_MPX, .big = big, .call_id = 1};
    const mr_pdu_bind bind = {.max_xmit = 4280, .max_recv = 4280};
    mr_buf buf = out_begin();

    assert_int_equal(alter ? mr_pdu_encode_alter_context(&buf, &header, &bind)
                           : mr_pdu_encode_bind(&buf, &header, &bind), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(mr_pdu_add_context(&buf, 0, list[i].id, list[i].abstract,
                                            list[i].transfers, list[i].count), 0);
    raw_send(raw, mr_buf_slice(&buf));
}

static inline void send_bind(struct raw *raw, const mr_syntax *abstract, const mr_syntax *transfers,
                      size_t count, bool big) {
    send_list(raw, false, big, &(struct asked){0, abstract, transfers, count}, 1);
}

static inline void bound(struct raw *raw, struct fixture *f, const mr_syntax *abstract) {
    raw_open(raw, f);
    send_bind(raw, abstract, &mr_syntax_ndr20, 1, false);
    assert_int_equal(raw_read(raw, 0).header.ptype, MR_PTYPE_BIND_ACK);
}

static inline void send_request(struct raw *raw, uint32_t call_id, uint8_t flags, uint16_t context,
                         uint16_t opnum, mr_slice stub, bool big) {
    const mr_pdu_header header = {.flags = flags, .big = big, .call_id = call_id};
    const mr_pdu_request request = {
        .alloc_hint = (uint32_t)stub.len, .context_id = context, .opnum = opnum, .stub = stub};
    mr_buf buf = out_begin();

    assert_int_equal(mr_pdu_encode_request(&buf, &header, &request), 0);
    raw_send(raw, mr_buf_slice(&buf));
}

static inline mr_pdu_fault read_fault(struct raw *raw, unsigned index, bool did_not_execute) {
    mr_pdu pdu = raw_read(raw, index);

    assert_int_equal(pdu.header.ptype, MR_PTYPE_FAULT);
    assert_int_equal((pdu.header.flags & MR_PFC_DID_NOT_EXECUTE) != 0, did_not_execute);
    return pdu.u.fault;
}

/* The server still stands. */
static inline void sensible(struct fixture *f) {
    struct raw raw;

    f->late = false;
    bound(&raw, f, &mr_mgmt_iface.syntax);
    send_request(&raw, 2, WHOLE, 0, 2, MR_SLICE_NULL, false);
    assert_int_equal(raw_read(&raw, 1).header.ptype, MR_PTYPE_RESPONSE);
    raw_close(&raw);
    run_until_connections(f, 0);
    mr_server_stats stats;
    mr_server_get_stats(f->server, &stats);
    assert_int_equal(stats.held, 0);
    assert_int_equal(stats.groups_now, 0);
    assert_int_equal(stats.calls_now, 0);
}

#endif
