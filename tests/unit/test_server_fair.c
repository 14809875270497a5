/*
 * One client never starves the rest: turns of reading, places for connections, memory. Clients are
 * told apart by their addresses in 127/8; what is asserted is who was answered before whom, and
 * how often, never when.
 */
#include "test_server_raw.h"

#include "../../src/rpc/server_private.h"

#define QUANTUM ((size_t)32 << 10)
#define PER_TURN (QUANTUM / MR_SERVER_PDU_COST) /* most calls in one turn, and a few */
#define FLOODS 8

/* ---- who was answered ---- */

struct answers {
    unsigned of[256];      /* by the last octet of the client's address */
    unsigned by_port[65536];
};

static void on_answered(void *user, const mr_server_record *record) {
    struct answers *answers = user;

    assert_int_equal(record->status, 0);
    answers->of[record->peer->ip[3]]++;
    answers->by_port[record->peer->port]++;
}

static const mr_server_watcher watcher = {.answered = on_answered};

static struct answers *new_answers(void) {
    struct answers *answers = calloc(1, sizeof *answers);
    assert_non_null(answers);
    return answers;
}

/* ---- floods ---- */

/* Many small requests, sent at once. */
struct flood {
    struct raw raw;
    uint16_t port;
};

static void on_ignored(void *user, mr_slice bytes) {
    (void)user;
    (void)bytes;
}

static const mr_stream_events flood_events = {
    .opened = on_opened, .received = on_ignored, .closed = on_closed};

static void flood_open(struct flood *flood, struct fixture *f, uint8_t client) {
    mr_addr local;

    raw_open_as(&flood->raw, f, client);
    send_bind(&flood->raw, &mr_mgmt_iface.syntax, &mr_syntax_ndr20, 1, false);
    assert_int_equal(raw_read(&flood->raw, 0).header.ptype, MR_PTYPE_BIND_ACK);
    assert_int_equal(mr_stream_get_local(&flood->raw.stream, &local), 0);
    flood->port = local.port;
    flood->raw.stream.events = &flood_events;
}

/* @count times operation @opnum of mgmt. */
static void flood_send(struct flood *flood, uint16_t opnum, mr_slice stub, uint32_t count) {
    mr_buf buf;

    mr_buf_init(&buf, NULL, 0, 1 << 20);
    for (uint32_t i = 0; i < count; i++) {
        const mr_pdu_header header = {.flags = WHOLE, .call_id = 2 + i};
        const mr_pdu_request request = {.opnum = opnum, .stub = stub};
        assert_int_equal(mr_pdu_encode_request(&buf, &header, &request), 0);
    }
    assert_int_equal(mr_stream_send_buf(&flood->raw.stream, &buf, NULL), 0);
}

/* Turns of the loop until *@value is at least @least. */
static void run_past(struct fixture *f, const unsigned *value, unsigned least) {
    mr_nsec end = mr_clock_now() + PATIENCE;

    while (*value < least && mr_clock_now() < end)
        mr_loop_run(&f->loop, 1); /* one turn: that time is past */
    assert_true(*value >= least);
}

/* ---- tests ---- */

/* Eight connections of one client have twenty thousand calls to be made; another client, who asks
 * one thing after the other, waits for a few turns at most. */
static void test_flood(void **state) {
    enum { EACH = 2500, ASKED = 20 };
    struct flood floods[FLOODS];
    struct answers *answers = new_answers();
    struct fixture f;
    struct raw modest;
    unsigned most = 0;

    (void)state;
    setup(&f, &(mr_server_options){.quantum = QUANTUM, .watcher = &watcher,
                                   .watcher_user = answers});
    bound(&modest, &f, &mr_mgmt_iface.syntax);
    for (unsigned i = 0; i < FLOODS; i++)
        flood_open(&floods[i], &f, 2);
    for (unsigned i = 0; i < FLOODS; i++)
        flood_send(&floods[i], 2, MR_SLICE_NULL, EACH);
    run_past(&f, &answers->of[2], 1);
    for (unsigned i = 0; i < ASKED; i++) {
        unsigned before = answers->of[2];
        send_request(&modest, 2 + i, WHOLE, 0, 2, MR_SLICE_NULL, false);
        run_past(&f, &answers->of[1], 1 + i);
        if (answers->of[2] - before > most)
            most = answers->of[2] - before;
    }
    print_message("# %u calls of the flood, at most, between asking and answer; %u in all\n", most,
                  answers->of[2]);
    assert_true(most <= 3 * PER_TURN);
    assert_true(answers->of[2] < FLOODS * EACH);
    run_past(&f, &answers->of[2], FLOODS * EACH); /* nothing of it is lost */
    for (unsigned i = 0; i < FLOODS; i++)
        raw_close(&floods[i].raw);
    raw_close(&modest);
    run_until_connections(&f, 0);
    sensible(&f);
    teardown(&f);
    free(answers);
}

/* Eight connections are no more than one, and share alike. */
static void test_shares(void **state) {
    enum { EACH = 2500, LOOKED_AT = 2000 };
    struct flood floods[FLOODS], single;
    struct answers *answers = new_answers();
    struct fixture f;
    unsigned least = EACH, most = 0;

    (void)state;
    setup(&f, &(mr_server_options){.quantum = QUANTUM, .watcher = &watcher,
                                   .watcher_user = answers});
    for (unsigned i = 0; i < FLOODS; i++)
        flood_open(&floods[i], &f, 2);
    flood_open(&single, &f, 3);
    for (unsigned i = 0; i < FLOODS; i++)
        flood_send(&floods[i], 2, MR_SLICE_NULL, EACH);
    flood_send(&single, 2, MR_SLICE_NULL, EACH);
    run_past(&f, &answers->of[3], LOOKED_AT);
    unsigned eight = answers->of[2];
    assert_true(eight > LOOKED_AT / 2 && eight < 2 * LOOKED_AT);
    for (unsigned i = 0; i < FLOODS; i++) {
        unsigned got = answers->by_port[floods[i].port];
        least = got < least ? got : least;
        most = got > most ? got : most;
    }
    print_message("# of eight connections %u calls, %u to %u of each\n", eight, least, most);
    assert_true(most - least <= 3 * PER_TURN);
    for (unsigned i = 0; i < FLOODS; i++)
        raw_close(&floods[i].raw);
    raw_close(&single.raw);
    run_until_connections(&f, 0);
    teardown(&f);
    free(answers);
}

/* Who asks for long replies is answered less often. */
static void test_weight(void **state) {
    static const uint8_t count[] = {0, 8, 0, 0}; /* 2048 statistics, 8 KiB */
    struct flood costly, cheap;
    struct answers *answers = new_answers();
    struct fixture f;

    (void)state;
    setup(&f, &(mr_server_options){.quantum = QUANTUM, .watcher = &watcher,
                                   .watcher_user = answers});
    flood_open(&costly, &f, 2);
    flood_open(&cheap, &f, 3);
    flood_send(&costly, 1, mr_slice_of(count, 4), 2000);
    flood_send(&cheap, 2, MR_SLICE_NULL, 2500);
    run_past(&f, &answers->of[3], 2000);
    unsigned got = answers->of[2];
    assert_true(got > 2000 / 32 && got < 2000 / 4);
    raw_close(&costly.raw);
    raw_close(&cheap.raw);
    run_until_connections(&f, 0);
    teardown(&f);
    free(answers);
}

/* A server is freed, and its clients break off, while they wait for their turns. */
static void test_ends(void **state) {
    struct flood floods[FLOODS];
    struct answers *answers = new_answers();
    struct fixture f;

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        memset(answers, 0, sizeof *answers);
        setup(&f, &(mr_server_options){.quantum = QUANTUM, .watcher = &watcher,
                                       .watcher_user = answers});
        for (unsigned i = 0; i < FLOODS; i++)
            flood_open(&floods[i], &f, (uint8_t)(1 + i % 3));
        for (unsigned i = 0; i < FLOODS; i++)
            flood_send(&floods[i], 2, MR_SLICE_NULL, 2500);
        run_past(&f, &answers->of[1], 10);
        if (round == 1)
            for (unsigned i = 0; i < FLOODS; i++)
                mr_stream_abort(&floods[i].raw.stream);
        if (round == 1)
            run_until_connections(&f, 0);
        mr_server_free(f.server);
        f.server = NULL;
        for (unsigned i = 0; i < FLOODS; i++)
            raw_close(&floods[i].raw);
        teardown(&f);
    }
    free(answers);
}

static int join(struct fixture *f, const char *text, uint32_t pid,
                struct mr_server_client **clientp) {
    const mr_credentials cred = {.known = pid != 0, .pid = pid};
    mr_addr addr = {.family = MR_FAMILY_UNIX};

    if (!pid)
        assert_int_equal(mr_addr_decode(mr_slice_str(text), 0, &addr), 0);
    return mr_server_client_join(f->server, &addr, &cred, clientp);
}

/* Connections are counted by IPv4 address or IPv6 /64; loopback and local processes are not. */
static void test_places(void **state) {
    struct mr_server_client *one[3], *six[3], *local[8], *other;
    struct fixture f;

    (void)state;
    setup(&f, &(mr_server_options){.max_per_client = 3});
    for (unsigned i = 0; i < 3; i++) {
        static const char *const net[] = {"2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3"};
        assert_int_equal(join(&f, "192.0.2.1", 0, &one[i]), 0);
        assert_int_equal(join(&f, net[i], 0, &six[i]), 0);
        assert_ptr_equal(one[i], one[0]);
        assert_ptr_equal(six[i], six[0]);
    }
    assert_int_equal(join(&f, "192.0.2.1", 0, &other), MR_ERR_LIMIT);
    assert_int_equal(join(&f, "2001:db8::9", 0, &other), MR_ERR_LIMIT);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(join(&f, "127.0.0.1", 0, &local[i]), 0);
        assert_int_equal(join(&f, NULL, 77, &local[4 + i]), 0);
        assert_ptr_equal(local[i], local[0]);
        assert_ptr_equal(local[4 + i], local[4]);
    }
    assert_int_equal(join(&f, "192.0.2.2", 0, &other), 0);
    assert_ptr_not_equal(other, one[0]);
    mr_server_client_leave(f.server, other);
    assert_int_equal(join(&f, NULL, 78, &other), 0);
    assert_ptr_not_equal(other, local[4]);
    mr_server_client_leave(f.server, other);

    mr_server_client_leave(f.server, one[2]); /* a place that is given back is free */
    assert_int_equal(join(&f, "192.0.2.1", 0, &one[2]), 0);
    assert_int_equal(join(&f, "192.0.2.1", 0, &other), MR_ERR_LIMIT);
    for (unsigned i = 0; i < 3; i++) {
        mr_server_client_leave(f.server, one[i]);
        mr_server_client_leave(f.server, six[i]);
    }
    for (unsigned i = 0; i < MR_COUNT(local); i++)
        mr_server_client_leave(f.server, local[i]);
    teardown(&f);
}

/* One client holds what it may of the server's memory, over several connections; another still
 * finds room. */
static void test_memory(void **state) {
    static const uint8_t chunk[4096];
    struct raw greedy[3], modest;
    struct fixture f;

    (void)state;
    setup(&f, &(mr_server_options){.total = 64 << 10}); /* 32 KiB for one of them */
    for (unsigned i = 0; i < 3; i++) {
        raw_open_as(&greedy[i], &f, 2);
        send_bind(&greedy[i], &mr_mgmt_iface.syntax, &mr_syntax_ndr20, 1, false);
        assert_int_equal(raw_read(&greedy[i], 0).header.ptype, MR_PTYPE_BIND_ACK);
    }
    for (unsigned i = 0; i < 2; i++) /* 12 KiB each */
        for (unsigned k = 0; k < 3; k++)
            send_request(&greedy[i], 2, k ? 0 : MR_PFC_FIRST_FRAG, 0, 1,
                         mr_slice_of(chunk, sizeof chunk), false);
    for (unsigned k = 0; k < 3; k++)
        send_request(&greedy[2], 2, k ? 0 : MR_PFC_FIRST_FRAG, 0, 1,
                     mr_slice_of(chunk, sizeof chunk), false);
    assert_int_equal(read_fault(&greedy[2], 1, true).status, MR_FAULT_SERVER_TOO_BUSY);
    bound(&modest, &f, &mr_mgmt_iface.syntax);
    for (unsigned k = 0; k < 4; k++)
        send_request(&modest, 2, k == 0 ? MR_PFC_FIRST_FRAG : k == 3 ? MR_PFC_LAST_FRAG : 0, 0, 1,
                     mr_slice_of(chunk, sizeof chunk), false);
    assert_int_equal(raw_read(&modest, 1).header.ptype, MR_PTYPE_RESPONSE);
    for (unsigned i = 0; i < 3; i++)
        raw_close(&greedy[i]);
    raw_close(&modest);
    run_until_connections(&f, 0);
    sensible(&f);
    teardown(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flood),  cmocka_unit_test(test_shares),
        cmocka_unit_test(test_weight), cmocka_unit_test(test_ends),
        cmocka_unit_test(test_places), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
