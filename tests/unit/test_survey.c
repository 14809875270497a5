/*
 * Surveys of an endpoint against scripted servers: what mgmt tells, many contexts in one PDU, and
 * the servers that make it hard: one acceptance a PDU, few contexts a PDU, limits of an
 * association, connections that end, silence.
 */
#include "rpc_peer.h"

#define GUESSES 300
#define MGMT_TIME_LOW 0xafa8bd80u

struct fixture {
    mr_loop loop;
    struct peer peer;
    mr_survey survey;
    mr_survey_options options;
    unsigned done;
    int result;
    mr_error err;
    bool deinit_inside;
    mr_syntax guesses[GUESSES];
    /* the server's side */
    bool no_mgmt;
    bool blank;              /* gives @blank_reason for what it has not */
    uint16_t blank_reason;
    bool takes_all;          /* accepts whatever is asked for */
    bool one_a_pdu;          /* Samba: "transfer syntaxes not supported" to the others */
    bool exact_minor;
    unsigned most;           /* contexts a PDU; more: @too_many; 0: any number */
    enum peer_act too_many;
    unsigned limit;          /* contexts accepted by a connection; 0: any number */
    bool one_bind;           /* closes at an alter_context */
    unsigned dead_after;     /* PDUs; 0: never */
    enum peer_act dead;
    uint16_t only_in_part;   /* interface that gets this reason for ever: number 7 */
    unsigned pdus, accepted_now, accepted_on, conn_seen, largest;
    uint32_t mgmt_status;
    const mr_syntax *listed;
    unsigned listed_count;
};

/* Every fifth guess is there. */
static bool is_there(uint32_t number) {
    return number % 5 == 0;
}

static mr_syntax guess(uint32_t number) {
    return (mr_syntax){{.time_low = number, .clock = {1}}, 1, 0};
}

/* ---- the server ---- */

static void deciding(struct peer_conn *conn, const mr_pdu *pdu) {
    struct peer *peer = conn->peer;
    struct fixture *f = peer->user;
    unsigned n = pdu->u.bind.contexts.count;
    bool alter = pdu->header.ptype == MR_PTYPE_ALTER_CONTEXT;

    f->pdus++;
    f->accepted_now = 0;
    if (conn->number + 1 != f->conn_seen) {
        f->conn_seen = conn->number + 1;
        f->accepted_on = 0;
    }
    peer->on_bind = peer->on_alter = PEER_ANSWER;
    if (f->most && n > f->most)
        peer->on_bind = peer->on_alter = f->too_many;
    else if (n > f->largest)
        f->largest = n;
    if (alter && f->one_bind)
        peer->on_alter = PEER_CLOSE;
    if (f->dead_after && f->pdus > f->dead_after)
        peer->on_bind = peer->on_alter = f->dead;
}

static void policy(struct peer *peer, size_t index, const mr_pdu_context *context,
                   const mr_syntax *transfer, mr_pdu_result *result) {
    struct fixture *f = peer->user;
    uint32_t number = context->abstract.uuid.time_low;
    bool mgmt = number == MGMT_TIME_LOW;

    (void)index;
    (void)transfer;
    *result = (mr_pdu_result){.result = MR_CONTEXT_PROVIDER_REJECT,
                              .reason = f->blank ? f->blank_reason : MR_REASON_ABSTRACT_SYNTAX};
    if (f->takes_all) {
        *result = (mr_pdu_result){MR_CONTEXT_ACCEPT, 0, mr_syntax_ndr20};
        return;
    }
    if (mgmt ? f->no_mgmt : !is_there(number) && !(f->only_in_part && number == 7))
        return;
    if (f->exact_minor && number == 10 && context->abstract.minor != 3)
        return;
    result->reason = MR_REASON_TRANSFER_SYNTAX;
    if (f->one_a_pdu && f->accepted_now)
        return;
    result->reason = MR_REASON_LOCAL_LIMIT;
    if (f->limit && f->accepted_on >= f->limit)
        return;
    result->reason = f->only_in_part;
    if (number == 7)
        return;
    *result = (mr_pdu_result){MR_CONTEXT_ACCEPT, 0, mr_syntax_ndr20};
    f->accepted_now++;
    f->accepted_on++;
}

static void do_mgmt(struct peer_conn *conn, const mr_pdu *pdu) {
    struct fixture *f = conn->peer->user;
    static mr_mgmt_rpc_if_id_t ids[MR_SURVEY_LISTED_MAX + 8];
    static mr_mgmt_rpc_if_id_t *pointers[MR_SURVEY_LISTED_MAX + 8];
    mr_mgmt_rpc_if_id_vector_t vector = {.count = f->listed_count, .if_id = pointers};
    struct mr_mgmt_inq_if_ids args = {.if_id_vector = &vector, .status = f->mgmt_status};
    uint32_t counts[] = {11, 22, 33, 44};
    struct mr_mgmt_inq_stats stats = {.count = 4, .statistics = counts};
    struct mr_mgmt_inq_princ_name princ = {.princ_name_size = 512,
                                           .server_princ_name = (uint8_t *)"host/srv"};

    for (unsigned i = 0; i < f->listed_count; i++) {
        ids[i] = (mr_mgmt_rpc_if_id_t){f->listed[i].uuid, f->listed[i].major, f->listed[i].minor};
        pointers[i] = &ids[i];
    }
    if (f->listed_count)
        pointers[f->listed_count] = NULL;
    if (pdu->u.request.opnum == 0)
        peer_reply(conn, pdu, &mr_mgmt_iface, 0, &args);
    else if (pdu->u.request.opnum == 1)
        peer_reply(conn, pdu, &mr_mgmt_iface, 1, &stats);
    else
        peer_reply(conn, pdu, &mr_mgmt_iface, 4, &princ);
}

/* ---- the survey ---- */

static void on_done(void *user, mr_survey *survey, int result, const mr_error *err) {
    struct fixture *f = user;

    f->done++;
    f->result = result;
    f->err = *err;
    if (f->deinit_inside)
        mr_survey_deinit(survey);
}

static void setup(struct fixture *f, enum mr_survey_method method) {
    memset(f, 0, sizeof *f);
    assert_int_equal(mr_loop_init(&f->loop, NULL), 0);
    assert_int_equal(peer_open(&f->peer, &f->loop), 0);
    f->peer.user = f;
    f->peer.deciding = deciding;
    f->peer.policy = policy;
    f->peer.request = do_mgmt;
    for (uint32_t i = 0; i < GUESSES; i++)
        f->guesses[i] = guess(i);
    f->options = (mr_survey_options){
        .client = {.connect = {.remote = peer_loopback(peer_port(&f->peer))},
                   .timeout = PATIENCE},
        .method = method,
        .guesses = f->guesses,
        .guess_count = GUESSES,
    };
}

static void begin(struct fixture *f) {
    assert_int_equal(mr_survey_init(&f->survey, &f->loop, &f->options, NULL), 0);
    f->survey.done = on_done;
    f->survey.user = f;
    assert_int_equal(mr_survey_start(&f->survey, NULL), 0);
}

static void run(struct fixture *f) {
    begin(f);
    peer_run_until(&f->loop, &f->done, 1);
    assert_int_equal(f->done, 1);
}

static void teardown(struct fixture *f) {
    mr_survey_deinit(&f->survey);
    peer_deinit(&f->peer);
    mr_loop_deinit(&f->loop);
}

/* Everything was asked and told rightly; only number 7 may be unknown. */
static void assert_all_right(const struct fixture *f) {
    assert_int_equal(f->result, 0);
    assert_false(f->survey.cut);
    assert_int_equal(f->survey.count, GUESSES + 1);
    for (size_t i = 1; i < f->survey.count; i++) {
        const mr_survey_iface *iface = &f->survey.ifaces[i];
        uint32_t number = iface->syntax.uuid.time_low;
        enum mr_survey_answer want = is_there(number)                    ? MR_SURVEY_PRESENT
                                     : f->only_in_part && number == 7 ? MR_SURVEY_UNKNOWN
                                                                      : MR_SURVEY_ABSENT;
        if (iface->probe != want)
            fail_msg("number %u: %d, wanted %d", number, iface->probe, want);
    }
}

/* ---- tests ---- */

static void test_plain(void **state) {
    struct fixture f;
    (void)state;

    setup(&f, MR_SURVEY_PROBE);
    run(&f);
    assert_all_right(&f);
    assert_int_equal(f.survey.connections, 1);
    assert_int_equal(f.peer.count, 1);
    /* 31 in the bind, 128 or fewer in each alter_context: what fits one fragment */
    assert_int_equal(f.peer.binds, 1);
    assert_in_range(f.peer.alters, 2, 5);
    assert_in_range(f.largest, 64, MR_ASSOC_CONTEXT_MAX);
    assert_int_equal(f.survey.ifaces[0].probe, MR_SURVEY_PRESENT);
    teardown(&f);
}

static void test_batch(void **state) {
    struct fixture f;
    (void)state;

    setup(&f, MR_SURVEY_PROBE);
    f.options.batch = 10;
    run(&f);
    assert_all_right(&f);
    assert_int_equal(f.largest, 10);
    teardown(&f);
}

/* One acceptance a PDU, as Samba has it: the rest is asked again, on the same connection. */
static void test_one_a_pdu(void **state) {
    struct fixture f;
    (void)state;

    setup(&f, MR_SURVEY_PROBE);
    f.one_a_pdu = true;
    run(&f);
    assert_all_right(&f);
    assert_int_equal(f.survey.connections, 1);
    assert_in_range(f.survey.pdus, GUESSES / 5, GUESSES / 5 + 5);
    teardown(&f);
}

/* A rejection for another reason is unknown, never absent, and tells its reason. */
static void test_other_reasons(void **state) {
    static const uint16_t reasons[] = {MR_REASON_NOT_SPECIFIED, MR_REASON_TRANSFER_SYNTAX,
                                       MR_REASON_LOCAL_LIMIT, 77};
    (void)state;

    for (size_t i = 0; i < MR_COUNT(reasons); i++) {
        struct fixture f;
        setup(&f, MR_SURVEY_PROBE);
        f.only_in_part = reasons[i];
        if (!reasons[i])
            f.only_in_part = MR_REASON_TRANSFER_SYNTAX;
        run(&f);
        assert_all_right(&f);
        const mr_survey_iface *iface = &f.survey.ifaces[8];
        assert_int_equal(iface->syntax.uuid.time_low, 7);
        assert_true(iface->answered);
        assert_int_equal(iface->reason, f.only_in_part);
        teardown(&f);
    }
}

/* A server that never gives a reason: nothing is absent, and it is not asked a thousand times. */
static void test_no_reasons(void **state) {
    (void)state;

    for (int reason = 0; reason <= MR_REASON_LOCAL_LIMIT; reason++) {
        struct fixture f;
        if (reason == MR_REASON_ABSTRACT_SYNTAX)
            continue;
        setup(&f, MR_SURVEY_PROBE);
        f.blank = true;
        f.blank_reason = (uint16_t)reason;
        run(&f);
        assert_int_equal(f.result, 0);
        assert_false(f.survey.cut);
        for (size_t i = 1; i < f.survey.count; i++) {
            bool there = is_there(f.survey.ifaces[i].syntax.uuid.time_low);
            assert_int_equal(f.survey.ifaces[i].probe,
                             there ? MR_SURVEY_PRESENT : MR_SURVEY_UNKNOWN);
            if (!there)
                assert_int_equal(f.survey.ifaces[i].reason, reason);
        }
        assert_true(f.survey.pdus < GUESSES / 2);
        teardown(&f);
    }
}

/* Servers that nak, close, reset or fault a PDU with many contexts: fewer are asked together, and
 * it goes on from where it was. */
static void test_too_many(void **state) {
    static const enum peer_act acts[] = {PEER_NAK, PEER_CLOSE, PEER_RESET, PEER_FAULT};
    static const unsigned most[] = {40, 31, 20, 3, 2};
    (void)state;

    for (size_t i = 0; i < MR_COUNT(acts); i++) {
        for (size_t k = 0; k < MR_COUNT(most); k++) {
            struct fixture f;
            bool nak = acts[i] == PEER_NAK; /* no answer to an alter_context */
            setup(&f, MR_SURVEY_PROBE);
            f.most = most[k];
            f.too_many = nak ? PEER_CLOSE : acts[i];
            if (nak && most[k] < 31)
                f.too_many = PEER_NAK;
            if (acts[i] == PEER_FAULT && most[k] < 31)
                f.too_many = PEER_CLOSE; /* nor is a fault one to a bind */
            f.peer.nak = MR_NAK_NOT_SPECIFIED;
            f.peer.fault = 0x1c01000b;
            run(&f);
            assert_all_right(&f);
            assert_in_range(f.survey.connections, 1, 8);
            assert_true(f.largest <= most[k]);
            teardown(&f);
        }
    }
}

/* A connection that takes one bind and no alter_context. */
static void test_one_bind(void **state) {
    struct fixture f;
    (void)state;

    setup(&f, MR_SURVEY_PROBE);
    f.one_bind = true;
    run(&f);
    assert_all_right(&f);
    assert_in_range(f.survey.connections, GUESSES / 31, GUESSES / 31 + 6);
    teardown(&f);
}

/* A connection that accepts a few contexts and then says "local limit". */
static void test_limit(void **state) {
    static const unsigned limits[] = {50, 9, 3};
    (void)state;

    for (size_t i = 0; i < MR_COUNT(limits); i++) {
        struct fixture f;
        setup(&f, MR_SURVEY_PROBE);
        f.limit = limits[i];
        run(&f);
        assert_all_right(&f);
        assert_true(f.survey.connections > 1);
        teardown(&f);
    }
}

/* Minor versions: 0 is asked for first, then the one that is known. */
static void test_minor(void **state) {
    struct fixture f;
    (void)state;

    setup(&f, MR_SURVEY_PROBE);
    f.exact_minor = true;
    f.guesses[10].minor = 3;
    f.guesses[20].minor = 9; /* a server whose 1.0 is older */
    f.guesses[11].minor = 3;
    run(&f);
    assert_all_right(&f);
    assert_int_equal(f.survey.ifaces[11].syntax.minor, 3);
    assert_int_equal(f.survey.ifaces[21].syntax.minor, 0);
    teardown(&f);
}

/* A server that dies in the middle: what was learnt stays, the rest is unknown, and it ends. */
static void test_dies(void **state) {
    static const enum peer_act acts[] = {PEER_CLOSE, PEER_NAK, PEER_RESET};
    (void)state;

    for (size_t i = 0; i < MR_COUNT(acts); i++) {
        struct fixture f;
        unsigned unknown = 0, present = 0;
        setup(&f, MR_SURVEY_PROBE);
        f.dead_after = 2;
        f.dead = acts[i];
        run(&f);
        assert_int_equal(f.result, 0);
        assert_true(f.survey.cut);
        assert_true(f.survey.cut_error.code < 0);
        for (size_t k = 0; k < f.survey.count; k++) {
            unknown += f.survey.ifaces[k].probe == MR_SURVEY_UNKNOWN;
            present += f.survey.ifaces[k].probe == MR_SURVEY_PRESENT;
            assert_int_not_equal(f.survey.ifaces[k].probe, MR_SURVEY_NOT_ASKED);
        }
        assert_in_range(unknown, 1, GUESSES - 31);
        assert_in_range(present, 31 / 5, GUESSES / 5);
        assert_in_range(f.survey.connections, 2, 8);
        teardown(&f);
    }
}

/* Silence in the middle ends after a few timeouts. */
static void test_silent(void **state) {
    struct fixture f;
    (void)state;

    setup(&f, MR_SURVEY_PROBE);
    f.options.client.timeout = 20 * MR_MSEC;
    f.dead_after = 1;
    f.dead = PEER_SILENT;
    run(&f);
    assert_int_equal(f.result, 0);
    assert_true(f.survey.cut);
    assert_int_equal(f.survey.cut_error.code, MR_ERR_TIMEOUT);
    assert_in_range(f.survey.connections, 2, 6);
    teardown(&f);
}

/* Nothing of RPC ever comes: the error is that of the bind, soon. */
static void test_never(void **state) {
    static const struct {
        enum peer_act act;
        int result;
    } rows[] = {
        {PEER_CLOSE, MR_ERR_CLOSED},
        {PEER_NAK, MR_ERR_BIND_REJECTED},
        {PEER_SILENT, MR_ERR_TIMEOUT},
        {PEER_SAY, MR_ERR_PROTOCOL},
    };
    static const enum mr_survey_method methods[] = {MR_SURVEY_AUTO, MR_SURVEY_MGMT,
                                                    MR_SURVEY_PROBE, MR_SURVEY_BOTH};
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        for (size_t k = 0; k < MR_COUNT(methods); k++) {
            struct fixture f;
            setup(&f, methods[k]);
            f.peer.deciding = NULL;
            f.peer.on_bind = rows[i].act;
            f.peer.say = MR_SLICE_LIT("HTTP/1.1 400 Bad Request\r\n\r\n");
            f.options.client.timeout = rows[i].act == PEER_SILENT ? 20 * MR_MSEC : PATIENCE;
            run(&f);
            assert_int_equal(f.result, rows[i].result);
            assert_true(f.survey.connected);
            assert_in_range(f.peer.count, 1, 5);
            teardown(&f);
        }
    }
    struct fixture f;
    setup(&f, MR_SURVEY_AUTO);
    f.options.client.connect.remote.port = peer_dead_port(&f.loop);
    run(&f);
    assert_int_equal(f.result, MR_ERR_REFUSED);
    assert_false(f.survey.connected);
    assert_int_equal(f.survey.attempt.reach, MR_REACH_REFUSED);
    teardown(&f);
}

static void test_mgmt(void **state) {
    const mr_syntax listed[] = {guess(5), guess(1000), {guess(10).uuid, 1, 7}};
    struct fixture f;
    (void)state;

    setup(&f, MR_SURVEY_AUTO);
    f.listed = listed;
    f.listed_count = MR_COUNT(listed);
    f.options.details = true;
    run(&f);
    assert_int_equal(f.result, 0);
    assert_int_equal(f.survey.mgmt, MR_SURVEY_MGMT_LISTED);
    assert_int_equal(f.survey.pdus, 1); /* nothing was probed for */
    assert_int_equal(f.survey.count, GUESSES + 2);
    assert_true(f.survey.ifaces[6].listed);
    assert_true(f.survey.ifaces[11].listed);
    assert_int_equal(f.survey.ifaces[11].syntax.minor, 7);
    assert_int_equal(f.survey.ifaces[11].probe, MR_SURVEY_NOT_ASKED);
    assert_int_equal(f.survey.ifaces[GUESSES + 1].syntax.uuid.time_low, 1000);
    assert_int_equal(f.survey.ifaces[0].probe, MR_SURVEY_PRESENT);
    assert_int_equal(f.survey.stat_count, 4);
    assert_int_equal(f.survey.stats[2], 33);
    assert_int_equal(f.survey.princ_count, MR_SURVEY_PRINCS);
    assert_string_equal(f.survey.princs[0].name, "host/srv");
    teardown(&f);
}

/* Both ways: what only one of them tells is seen. */
static void test_both(void **state) {
    const mr_syntax listed[] = {guess(5), guess(6), guess(1005)};
    struct fixture f;
    (void)state;

    setup(&f, MR_SURVEY_BOTH);
    f.listed = listed;
    f.listed_count = MR_COUNT(listed);
    run(&f);
    assert_int_equal(f.result, 0);
    assert_int_equal(f.survey.connections, 1);
    assert_true(f.survey.ifaces[6].listed && f.survey.ifaces[6].probe == MR_SURVEY_PRESENT);
    assert_true(f.survey.ifaces[7].listed && f.survey.ifaces[7].probe == MR_SURVEY_ABSENT);
    assert_true(!f.survey.ifaces[11].listed && f.survey.ifaces[11].probe == MR_SURVEY_PRESENT);
    assert_int_equal(f.survey.ifaces[GUESSES + 1].probe, MR_SURVEY_PRESENT);
    teardown(&f);
}

/* Where mgmt does not tell, AUTO goes on to probing on the same connection; MGMT is an error. */
static void test_mgmt_refuses(void **state) {
    enum { FAULT, STATUS, REJECTED, LOST, KINDS };
    (void)state;

    for (int kind = 0; kind < KINDS; kind++) {
        for (int method = MR_SURVEY_AUTO; method <= MR_SURVEY_MGMT; method++) {
            struct fixture f;
            setup(&f, (enum mr_survey_method)method);
            f.peer.fault = 5;
            f.peer.on_request = kind == FAULT  ? PEER_FAULT
                                : kind == LOST ? PEER_CLOSE : PEER_ANSWER;
            f.no_mgmt = kind == REJECTED;
            f.mgmt_status = kind == STATUS ? 5 : 0;
            f.options.details = kind == FAULT;
            run(&f);
            assert_int_equal(f.survey.mgmt, kind == REJECTED && method == MR_SURVEY_MGMT
                                                ? MR_SURVEY_MGMT_NOT_ASKED
                                            : kind == REJECTED ? MR_SURVEY_MGMT_REJECTED
                                            : kind == LOST     ? MR_SURVEY_MGMT_FAILED
                                                               : MR_SURVEY_MGMT_REFUSED);
            if (method == MR_SURVEY_AUTO) {
                assert_all_right(&f);
                assert_int_equal(f.survey.connections, kind == LOST ? 2 : 1);
                assert_int_equal(f.survey.ifaces[0].probe,
                                 kind == REJECTED ? MR_SURVEY_ABSENT : MR_SURVEY_PRESENT);
            } else {
                assert_int_equal(f.result, kind == REJECTED ? MR_ERR_CONTEXT_REJECTED
                                           : kind == LOST   ? MR_ERR_CLOSED : MR_ERR_FAULT);
            }
            teardown(&f);
        }
    }
}

/* More than anybody has: the first of them are taken, and it is said. */
static void test_endless_mgmt(void **state) {
    static mr_syntax listed[MR_SURVEY_LISTED_MAX + 5];
    struct fixture f;
    (void)state;

    for (uint32_t i = 0; i < MR_COUNT(listed); i++)
        listed[i] = guess(100000 + i);
    setup(&f, MR_SURVEY_MGMT);
    f.listed = listed;
    f.listed_count = MR_COUNT(listed);
    run(&f);
    assert_int_equal(f.result, 0);
    assert_true(f.survey.cut);
    assert_int_equal(f.survey.count, GUESSES + 1 + MR_SURVEY_LISTED_MAX);
    teardown(&f);
}

/* A server that accepts whatever is asked for proves nothing: none is said to be there. */
static void test_takes_all(void **state) {
    const mr_syntax listed[] = {guess(5)};
    (void)state;

    for (int method = MR_SURVEY_PROBE; method <= MR_SURVEY_BOTH; method++) {
        struct fixture f;
        setup(&f, (enum mr_survey_method)method);
        f.takes_all = true;
        f.listed = listed;
        f.listed_count = MR_COUNT(listed);
        run(&f);
        assert_int_equal(f.result, 0);
        assert_true(f.survey.indiscriminate && f.survey.cut);
        assert_in_range(f.peer.binds + f.peer.alters, 1, 2);
        for (size_t i = 1; i < f.survey.count; i++)
            assert_int_equal(f.survey.ifaces[i].probe, MR_SURVEY_UNKNOWN);
        assert_int_equal(f.survey.ifaces[6].listed, method == MR_SURVEY_BOTH);
        teardown(&f);
    }
}

/* Ended from inside its outcome, and while it is under way. */
static void test_ends(void **state) {
    (void)state;

    for (int method = MR_SURVEY_AUTO; method <= MR_SURVEY_BOTH; method++) {
        struct fixture f;
        setup(&f, (enum mr_survey_method)method);
        f.deinit_inside = true;
        run(&f);
        teardown(&f);

        setup(&f, (enum mr_survey_method)method);
        f.dead_after = 1;
        f.dead = PEER_SILENT;
        f.peer.on_request = PEER_SILENT;
        begin(&f);
        peer_run_until(&f.loop, &f.peer.binds, 1);
        mr_survey_deinit(&f.survey);
        peer_linger(&f.loop, 3);
        assert_int_equal(f.done, 0);
        teardown(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_one_a_pdu),    cmocka_unit_test(test_other_reasons),
        cmocka_unit_test(test_too_many),     cmocka_unit_test(test_one_bind),
        cmocka_unit_test(test_limit),        cmocka_unit_test(test_minor),
        cmocka_unit_test(test_dies),         cmocka_unit_test(test_silent),
        cmocka_unit_test(test_never),        cmocka_unit_test(test_mgmt),
        cmocka_unit_test(test_both),         cmocka_unit_test(test_mgmt_refuses),
        cmocka_unit_test(test_endless_mgmt), cmocka_unit_test(test_takes_all),
        cmocka_unit_test(test_no_reasons),
        cmocka_unit_test(test_ends),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
