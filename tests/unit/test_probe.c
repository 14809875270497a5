/*
 * The live diagnosis on loopback against scripted peers: what is found when all is well and for
 * each thing that is not, what is left out on request, the pace, and a run that is cut anywhere.
 */
#include "rpc_peer.h"

#include <msrpc/facts.h>
#include <msrpc/probe.h>

#define MAX_PORTS 8
#define SOON (100 * MR_MSEC)

struct fixture {
    mr_loop loop;
    mr_resolver resolver;
    mr_arena arena;
    mr_diag diag;
    mr_probe *probe;
    mr_probe_options options;
    struct peer mapper;
    struct peer service;
    unsigned done;
    /* what the mapper answers */
    uint16_t ports[MAX_PORTS];       /* one entry for each */
    mr_syntax ifaces[MAX_PORTS];
    unsigned count;
    uint32_t status;                 /* of the lookup */
    unsigned lookups;
    bool keep_handle;                /* ends with a live handle */
    uint64_t reject;                 /* contexts the service rejects while more than one is asked */
    bool reject_alone;               /* also alone */
    /* what a stranger's calls meet there */
    uint32_t mgmt_fault;             /* 0: an answer */
    uint32_t iface_fault[MAX_PORTS]; /* 0: nca_s_op_rng_error, as there is no such method */
    bool mute;                       /* the interfaces say nothing */
    bool breaks;                     /* it ends a connection with more calls than one on it */
};

#define ECHO "60a15ec5-4de8-11d7-a637-005e56a20182"
static const mr_syntax echo = {
    {0x60a15ec5, 0x4de8, 0x11d7, {0xa6, 0x37, 0x00, 0x5e, 0x56, 0xa2, 0x01, 0x82}}, 1, 0};
static const mr_syntax samr = {
    {0x12345778, 0x1234, 0xabcd, {0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xac}}, 1, 0};

static void put_tower(const mr_syntax *iface, uint16_t port, uint8_t octets[256],
                      mr_epmapper_twr_t *twr) {
    const mr_tower tower = {.interface = *iface, .transfer = mr_syntax_ndr20,
                            .protseq = MR_PROTSEQ_NCACN_IP_TCP, .has_port = true, .port = port};
    mr_buf buf;

    mr_buf_init(&buf, octets, 256, 256);
    assert_int_equal(mr_tower_encode(&tower, &buf), 0);
    *twr = (mr_epmapper_twr_t){(uint32_t)buf.len, octets};
}

static void mapper_request(struct peer_conn *conn, const mr_pdu *pdu) {
    struct fixture *f = conn->peer->user;
    static uint8_t octets[MAX_PORTS][256];
    static mr_epmapper_twr_t towers[MAX_PORTS];
    static mr_epmapper_twr_t *list[MAX_PORTS];
    static mr_epmapper_ept_entry_t entries[MAX_PORTS];

    for (unsigned i = 0; i < f->count; i++) {
        put_tower(&f->ifaces[i], f->ports[i], octets[i], &towers[i]);
        list[i] = &towers[i];
        entries[i] = (mr_epmapper_ept_entry_t){.tower = &towers[i], .annotation = (uint8_t *)"x"};
    }
    if (pdu->u.request.opnum == 2) {
        struct mr_epmapper_ept_lookup args = {.max_ents = 500, .num_ents = f->count,
                                              .entries = entries, .status = f->status};
        if (f->keep_handle && f->lookups == 0)
            args.entry_handle.uuid.time_low = 1;
        if (f->lookups++ > 0)
            args.num_ents = 0;
        peer_reply(conn, pdu, &mr_epmapper_iface, 2, &args);
    } else if (pdu->u.request.opnum == 3) {
        struct mr_epmapper_ept_map args = {.max_towers = 64, .towers = list};
        mr_slice stub = pdu->u.request.stub;
        for (unsigned i = 0; i < f->count; i++) { /* those whose interface the stub names */
            uint8_t uuid[4];
            memcpy(uuid, &f->ifaces[i].uuid.time_low, 4);
            for (size_t at = 0; at + 4 <= stub.len; at++)
                if (!memcmp(stub.data + at, uuid, 4)) {
                    list[args.num_towers++] = &towers[i];
                    break;
                }
        }
        args.status = args.num_towers ? 0 : MR_EPT_NOT_REGISTERED;
        peer_reply(conn, pdu, &mr_epmapper_iface, 3, &args);
    }
}

static void service_policy(struct peer *peer, size_t index, const mr_pdu_context *context,
                           const mr_syntax *transfer, mr_pdu_result *result) {
    struct fixture *f = peer->user;
    bool mgmt = mr_syntax_eq(&context->abstract, &mr_mgmt_iface.syntax);

    peer_policy(peer, index, context, transfer, result);
    /* the first question has more interfaces than one, and each is offered twice */
    bool rejected = peer->binds > 1 ? f->reject_alone : f->reject >> (index / 2) & 1;
    if (result->result == MR_CONTEXT_ACCEPT && !mgmt && rejected)
        *result = (mr_pdu_result){.result = MR_CONTEXT_PROVIDER_REJECT,
                                  .reason = MR_REASON_ABSTRACT_SYNTAX};
}

static void service_request(struct peer_conn *conn, const mr_pdu *pdu) {
    struct mr_mgmt_is_server_listening args = {.result = 1};
    struct fixture *f = conn->peer->user;
    const mr_pdu_request *request = &pdu->u.request;

    if (f->breaks && conn->peer->binds == 1) {
        if (request->opnum == UINT16_MAX)
            peer_end(conn, true);
        return;
    }
    if (request->opnum != UINT16_MAX) {
        if (f->mgmt_fault)
            peer_fault(conn, pdu, f->mgmt_fault, MR_PFC_DID_NOT_EXECUTE);
        else
            peer_reply(conn, pdu, &mr_mgmt_iface, 2, &args);
        return;
    }
    assert_int_equal(request->stub.len, 0);
    uint32_t fault = f->iface_fault[request->context_id / 2]; /* each is offered twice */
    if (!f->mute)
        peer_fault(conn, pdu, fault ? fault : 0x1c010002, MR_PFC_DID_NOT_EXECUTE);
}

static void setup(struct fixture *f) {
    memset(f, 0, sizeof *f);
    assert_int_equal(mr_loop_init(&f->loop, NULL), 0);
    mr_resolver_init(&f->resolver, &f->loop);
    /* no name server: every question is refused at once */
    mr_addr nobody = peer_loopback(peer_dead_port(&f->loop));
    assert_int_equal(mr_resolver_set_server(&f->resolver, &nobody, NULL), 0);
    mr_arena_init(&f->arena, 64 << 20);
    assert_int_equal(mr_diag_init(&f->diag, &f->arena, "127.0.0.1", NULL), 0);
    assert_int_equal(peer_open(&f->mapper, &f->loop), 0);
    assert_int_equal(peer_open(&f->service, &f->loop), 0);
    f->mapper.user = f->service.user = f;
    f->mapper.request = mapper_request;
    f->service.policy = service_policy;
    f->service.request = service_request;
    f->ports[0] = f->ports[1] = peer_port(&f->service);
    f->ifaces[0] = samr;
    f->ifaces[1] = echo;
    f->count = 2;
    f->status = MR_EPT_NOT_REGISTERED;
    f->options = (mr_probe_options){.host = "127.0.0.1", .mapper_port = peer_port(&f->mapper),
                                    .timeout = PATIENCE};
}

static void teardown(struct fixture *f) {
    mr_probe_free(f->probe);
    mr_arena_deinit(&f->arena);
    peer_deinit(&f->mapper);
    peer_deinit(&f->service);
    mr_resolver_deinit(&f->resolver);
    mr_loop_deinit(&f->loop);
}

static void on_done(void *user, mr_probe *probe) {
    struct fixture *f = user;
    (void)probe;
    f->done++;
}

static void start(struct fixture *f) {
    assert_int_equal(mr_probe_new(&f->loop, &f->resolver, &f->diag, &f->options, &f->probe, NULL),
                     0);
    assert_int_equal(mr_probe_start(f->probe, on_done, f, NULL), 0);
}

static void walk(struct fixture *f) {
    start(f);
    peer_run_until(&f->loop, &f->done, 1);
    peer_linger(&f->loop, 2);
    assert_int_equal(f->done, 1);
    assert_int_equal(mr_diag_run(&f->diag), 0);
}

/* The first check whose id begins so; a number is meant whole. */
static const mr_check *find_check(struct fixture *f, const char *prefix) {
    const mr_check *check;
    size_t len = strlen(prefix);
    bool number = prefix[len - 1] >= '0' && prefix[len - 1] <= '9';
    for (size_t i = 0; (check = mr_diag_get_check(&f->diag, i)) != NULL; i++)
        if (!strncmp(check->id, prefix, len) &&
            !(number && check->id[len] >= '0' && check->id[len] <= '9'))
            return check;
    return NULL;
}

static void expect(struct fixture *f, int code, const char *finding) {
    const mr_verdict *verdict = mr_diag_get_verdict(&f->diag);
    const char *got = verdict->finding ? verdict->finding->id : "none";

    if (verdict->exit != code || strcmp(got, finding)) {
        const mr_check *check;
        print_message("# exit %d, %s\n", verdict->exit, got);
        for (size_t i = 0; (check = mr_diag_get_check(&f->diag, i)) != NULL; i++)
            print_message("# %s %d: %s\n", check->id, (int)check->status, check->summary);
    }
    assert_int_equal(verdict->exit, code);
    assert_string_equal(got, finding);
}

static void test_healthy(void **state) {
    struct fixture f;

    (void)state;
    for (int way = 0; way < 2; way++) { /* both endings of a lookup */
        setup(&f);
        f.keep_handle = way;
        f.status = way ? 0 : MR_EPT_NOT_REGISTERED;
        walk(&f);
        expect(&f, 0, "none");
        for (int phase = 1; phase <= MR_PHASE_COUNT; phase++)
            assert_int_equal(mr_diag_get_phase(&f.diag, phase), MR_STATUS_PASS);
        assert_int_equal(f.mapper.binds, 2); /* one for NTLM's challenge, which is not given */
        assert_int_equal(f.service.binds, 1);
        assert_int_equal(f.service.requests, 3); /* mgmt, and each interface once */
        assert_string_equal(find_check(&f, "EPM.LOOKUP")->summary, "2 interfaces registered");
        assert_string_equal(mr_probe_get_vantage(f.probe), "127.0.0.1");
        size_t count;
        assert_int_equal(mr_probe_get_addrs(f.probe, &count)->reach, MR_REACH_OPEN);
        assert_int_equal(count, 1);
        teardown(&f);
    }
}

/* What the mapper may do instead of its work. */
static void test_mapper(void **state) {
    static const struct {
        enum peer_act on_accept, on_bind, on_request;
        int code;
        const char *finding;
    } rows[] = {
        {0, PEER_SILENT, 0, 30, "EPM.HUNG"},
        {0, PEER_RESET, 0, 30, "EPM.RESET_ON_BIND"},
        {0, PEER_NAK, 0, 30, "EPM.NAK"},
        {0, 0, PEER_FAULT, 30, "EPM.ACCESS_DENIED"},
        {PEER_SAY, PEER_SILENT, 0, 30, "EPM.OTHER_PROTOCOL"},
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        struct fixture f;
        setup(&f);
        f.options.timeout = rows[i].on_bind == PEER_SILENT ? 3 * SOON : PATIENCE;
        f.mapper.on_accept = rows[i].on_accept;
        f.mapper.on_bind = rows[i].on_bind;
        f.mapper.on_request = rows[i].on_request;
        f.mapper.say = MR_SLICE_LIT("HTTP/1.1 400 Bad Request\r\nServer: none\r\n\r\n");
        f.mapper.nak = MR_NAK_NOT_SPECIFIED;
        f.mapper.fault = 5;
        walk(&f);
        expect(&f, rows[i].code, rows[i].finding);
        assert_int_equal(f.service.count, 0);
        teardown(&f);
    }
    struct fixture f; /* refused: a neighbour or nobody answers beside it */
    setup(&f);
    f.options.mapper_port = peer_dead_port(&f.loop);
    walk(&f);
    expect(&f, 20, "TCP.MAPPER_REFUSED");
    assert_int_equal(find_check(&f, "TCP.445")->aside, true);
    teardown(&f);
}

static void test_endpoints(void **state) {
    static const struct {
        enum peer_act on_bind, on_request;
        uint64_t reject;
        bool alone, dead;
        int code;
        const char *finding;
    } rows[] = {
        {.dead = true, .code = 20, .finding = "TCP.DYNAMIC_REFUSED"},
        {.reject = 2, .code = 0, .finding = "none"},
        {.reject = 2, .alone = true, .code = 40, .finding = "RPC.UNKNOWN_INTERFACE"},
        {.reject = 3, .alone = true, .code = 40, .finding = "RPC.UNKNOWN_INTERFACE"},
        {.on_bind = PEER_NAK, .code = 40, .finding = "RPC.NAK"},
        {.on_bind = PEER_RESET, .code = 40, .finding = "RPC.RESET_ON_BIND"},
        {.on_bind = PEER_CLOSE, .code = 40, .finding = "RPC.CLOSED_ON_BIND"},
        {.on_request = PEER_CLOSE, .code = 40, .finding = "RPC.CLOSED_IN_CALL"},
        {.on_request = PEER_RESET, .code = 40, .finding = "RPC.RESET_IN_CALL"},
        {.on_request = PEER_SILENT, .code = 40, .finding = "RPC.HUNG"},
        {.on_request = PEER_FAULT, .code = 0, .finding = "none"}, /* denied is an answer */
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        struct fixture f;
        setup(&f);
        f.service.on_bind = rows[i].on_bind;
        f.service.on_request = rows[i].on_request;
        f.service.fault = 5;
        f.service.nak = MR_NAK_NOT_SPECIFIED;
        f.reject = rows[i].reject;
        f.reject_alone = rows[i].alone;
        if (rows[i].on_request == PEER_SILENT)
            f.options.timeout = 3 * SOON;
        if (rows[i].dead)
            f.ports[0] = f.ports[1] = peer_dead_port(&f.loop);
        walk(&f);
        expect(&f, rows[i].code, rows[i].finding);
        if (rows[i].reject) /* those rejected in company were asked for alone */
            assert_int_equal(f.service.binds,
                             1 + (unsigned)__builtin_popcountll(rows[i].reject));
        teardown(&f);
    }
}

/* Who refuses strangers is named, and nobody who does not. */
static void test_strangers(void **state) {
    static const struct {
        uint32_t mgmt, samr, echo;
        bool mute;
        const char *blamed; /* NULL: nobody */
    } rows[] = {
        {0, 0, 0, false, NULL},
        {0, 0, 5, false, ECHO},
        {0, 0x1c00001d, 0, false, "samr"},
        {0, 5, 5, false, ECHO ", samr on 127.0.0.1 answer "},
        {5, 0, 0, false, NULL}, /* mgmt alone is closed: RestrictRemoteClients 1 */
        {5, 0, 5, false, ECHO},
        {5, 0, 0, true, "mgmt"}, /* the interfaces do not tell */
        {5, 0x1c010003, 0x1c010003, false, "mgmt"},
        {0, 0x1c010003, 0x6f7, false, NULL},
        {0, 0, 5, true, NULL},
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        struct fixture f;
        setup(&f);
        f.mgmt_fault = rows[i].mgmt;
        f.iface_fault[0] = rows[i].samr;
        f.iface_fault[1] = rows[i].echo;
        f.mute = rows[i].mute;
        if (f.mute)
            f.options.timeout = 3 * SOON;
        walk(&f);
        expect(&f, 0, "none");
        assert_int_equal(f.service.requests, 3);
        assert_int_equal(mr_diag_get_phase(&f.diag, MR_PHASE_COMMUNICATION), MR_STATUS_PASS);
        assert_int_equal(mr_diag_finding_count(&f.diag), rows[i].blamed ? 1 : 0);
        const mr_finding *finding = mr_diag_get_finding(&f.diag, 0);
        if (rows[i].blamed) {
            assert_string_equal(finding->id, "RPC.ANONYMOUS_DENIED");
            if (strncmp(finding->cause, rows[i].blamed, strlen(rows[i].blamed)))
                fail_msg("blamed, instead of %s: %s", rows[i].blamed, finding->cause);
        }
        teardown(&f);
    }
}

/* A server that cannot bear the calls beside mgmt's is asked without them. */
static void test_plainly(void **state) {
    struct fixture f;

    (void)state;
    setup(&f);
    f.breaks = true;
    walk(&f);
    expect(&f, 0, "none");
    assert_int_equal(f.service.binds, 2);
    assert_int_equal(f.service.requests, 3); /* mgmt, one more and the end; mgmt */
    assert_int_equal(mr_diag_finding_count(&f.diag), 0);
    teardown(&f);
}

/* One interface: mapped, found elsewhere, or not there. */
static void test_interface(void **state) {
    struct fixture f;

    (void)state;
    setup(&f);
    f.options.has_interface = true;
    f.options.interface = echo;
    walk(&f);
    expect(&f, 0, "none");
    assert_int_equal(f.mapper.requests, 1);
    assert_int_equal(f.service.binds, 1);
    teardown(&f);

    setup(&f);
    f.options.has_interface = true;
    f.options.interface = echo;
    f.ifaces[1] = samr;
    walk(&f);
    expect(&f, 30, "EPM.NOT_REGISTERED");
    assert_int_equal(f.service.count, 0);
    teardown(&f);

    setup(&f); /* its port is given: the mapper is not asked */
    f.options.has_interface = f.options.has_endpoint = true;
    f.options.interface = echo;
    f.options.endpoint = peer_port(&f.service);
    walk(&f);
    expect(&f, 0, "none");
    assert_int_equal(f.mapper.count, 0);
    teardown(&f);
}

static mr_slice lit(const char *text) {
    return mr_slice_str(text);
}

/* --phase, --only and --skip. */
static void test_choice(void **state) {
    struct fixture f;

    (void)state;
    setup(&f);
    f.options.phases[1] = true;
    walk(&f);
    assert_int_equal(f.mapper.count, 0);
    assert_int_equal(mr_diag_get_phase(&f.diag, MR_PHASE_NAMES), MR_STATUS_PASS);
    assert_int_equal(mr_diag_get_phase(&f.diag, MR_PHASE_TCP), MR_STATUS_SKIP);
    teardown(&f);

    setup(&f); /* what phase 4 needs is done, and not reported */
    f.options.phases[4] = true;
    walk(&f);
    assert_int_equal(f.service.requests, 3);
    assert_int_equal(mr_diag_get_phase(&f.diag, MR_PHASE_DISCOVERY), MR_STATUS_SKIP);
    assert_int_equal(mr_diag_get_phase(&f.diag, MR_PHASE_COMMUNICATION), MR_STATUS_PASS);
    assert_null(find_check(&f, "EPM."));
    teardown(&f);

    setup(&f); /* a wanted check brings what gives it its input, and nothing beside */
    f.options.only[f.options.only_count++] = lit("epm.lookup");
    walk(&f);
    assert_non_null(find_check(&f, "EPM.LOOKUP"));
    assert_non_null(find_check(&f, "NAME.RESOLVE"));
    assert_null(find_check(&f, "TCP.445"));
    assert_int_equal(f.service.count, 0);
    teardown(&f);

    setup(&f); /* evidence that is asked for by name is waited for */
    f.options.only[f.options.only_count++] = lit("TCP.NEIGHBOURS");
    walk(&f);
    assert_non_null(find_check(&f, "TCP.445"));
    assert_non_null(find_check(&f, "TCP.88"));
    assert_non_null(find_check(&f, "TCP.389"));
    assert_int_equal(f.mapper.count, 0);
    teardown(&f);

    setup(&f);
    f.options.skip[f.options.skip_count++] = lit("RPC.ENDPOINTS");
    walk(&f);
    assert_non_null(find_check(&f, "EPM.LOOKUP"));
    assert_int_equal(f.service.count, 0);
    assert_int_not_equal(mr_diag_get_phase(&f.diag, MR_PHASE_COMMUNICATION), MR_STATUS_PASS);
    teardown(&f);

    setup(&f); /* without names there is nothing: and nothing is said to pass */
    f.options.skip[f.options.skip_count++] = lit("NAME.RESOLVE");
    walk(&f);
    for (int phase = 1; phase <= MR_PHASE_COUNT; phase++)
        assert_int_equal(mr_diag_get_phase(&f.diag, phase), MR_STATUS_UNKNOWN);
    teardown(&f);

    setup(&f); /* a literal of the other family */
    f.options.family = MR_FAMILY_IPV6;
    walk(&f);
    assert_int_equal(find_check(&f, "NAME.RESOLVE")->status, MR_STATUS_FAIL);
    assert_int_not_equal(mr_diag_get_verdict(&f.diag)->exit, 0);
    assert_int_equal(f.mapper.count, 0);
    teardown(&f);
}

/* --rate: connections begin in turn, not before the time that the rate allows. */
static void test_rate(void **state) {
    mr_pace pace = {.interval = MR_SEC / 20};
    mr_nsec began = mr_clock_now();
    struct peer more[3];
    struct fixture f;

    (void)state;
    setup(&f);
    f.options.pace = &pace;
    f.options.skip[f.options.skip_count++] = lit("TCP.NEIGHBOURS");
    f.count = 4;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(peer_open(&more[i], &f.loop), 0);
        more[i].user = &f;
        more[i].request = service_request;
        f.ports[i + 1] = peer_port(&more[i]);
        f.ifaces[i + 1] = echo;
    }
    walk(&f);
    expect(&f, 0, "none");
    /* five connections: the last cannot begin before four twentieths of a second have gone */
    assert_true(mr_clock_now() - began >= 4 * pace.interval);
    assert_true(mr_pace_get(&pace) >= began + 5 * pace.interval);
    mr_probe_free(f.probe);
    f.probe = NULL;
    for (int i = 0; i < 3; i++)
        peer_deinit(&more[i]);
    teardown(&f);
}

/* Whether a host is another one, by the names that it gives itself. */
static void test_other_host(void **state) {
    static const struct {
        const char *asked, *computer, *dns;
        bool other;
    } rows[] = {
        {"dc1.lab.test", "DC1", "dc1.lab.test", false},
        {"DC1.Lab.Test.", "DC1", "dc1.lab.test", false},
        {"dc1", "DC1", "dc1.lab.test", false},
        {"dc1.other.test", "DC1", "dc1.lab.test", false},
        {"srv.lab.test", "SRV", "localhost", false},
        {"a-name-of-nineteen-x", "A-NAME-OF-NINET", "", false},
        {"dc1.lab.test", "", "", false},
        {"alias.lab.test", "DC1", "dc1.lab.test", true},
        {"alias.lab.test", "DC1", "", true},
        {"alias", "", "dc1", true},
        {"mail.lab.test", "", "mail.example", true},
        {"mail", "", "mail.example", false},
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows); i++)
        assert_int_equal(mr_facts_is_other(rows[i].asked, rows[i].computer, rows[i].dns),
                         rows[i].other);
}

/* A clock is told beyond what Kerberos allows, and whose it is that runs ahead. */
static void test_clock(void **state) {
    static const struct {
        int64_t ahead;
        uint32_t seconds;
        enum mr_clock clock;
    } rows[] = {{301, 301, MR_CLOCK_BEHIND}, {-301, 301, MR_CLOCK_AHEAD},
                {INT64_MIN, UINT32_MAX, MR_CLOCK_AHEAD}, {INT64_MAX, UINT32_MAX, MR_CLOCK_BEHIND}};

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_fact fact = {0};
        mr_facts_set_clock(&fact, rows[i].ahead);
        assert_int_equal(fact.seconds, rows[i].seconds);
        assert_int_equal(fact.clock, rows[i].clock);
    }
    for (int64_t ahead = -301; ahead <= 301; ahead += 301) {
        mr_arena arena;
        mr_diag diag;
        mr_arena_init(&arena, 1 << 20);
        assert_int_equal(mr_diag_init(&diag, &arena, "h", NULL), 0);
        assert_int_equal(mr_facts_add_clock(&diag, "AUTH.CHALLENGE", "10.0.0.1", ahead), 0);
        assert_int_equal(mr_diag_run(&diag), 0);
        assert_int_equal(mr_diag_finding_count(&diag), ahead != 0);
        mr_arena_deinit(&arena);
    }
}

/* Freed at any point, its checks cut first or not: nothing is left and nothing called. */
static void test_cut(void **state) {
    (void)state;
    for (unsigned turns = 0; turns < 24; turns++) {
        mr_pace pace = {.interval = turns % 3 == 2 ? MR_MSEC : 0};
        struct fixture f;
        setup(&f);
        f.options.pace = &pace;
        f.service.on_bind = turns % 2 ? PEER_SILENT : PEER_ANSWER;
        f.mapper.slow = turns % 4 == 3;
        start(&f);
        for (unsigned i = 0; i < turns && !f.done; i++)
            mr_loop_run(&f.loop, mr_clock_now());
        if (!f.done)
            mr_probe_cut(f.probe, "cut");
        assert_int_equal(mr_diag_run(&f.diag), 0);
        unsigned done = f.done;
        mr_probe_free(f.probe);
        f.probe = NULL;
        peer_linger(&f.loop, 1);
        assert_int_equal(f.done, done);
        teardown(&f);
    }
    struct fixture f; /* never started, and started twice */
    setup(&f);
    assert_int_equal(mr_probe_new(&f.loop, &f.resolver, &f.diag, &f.options, &f.probe, NULL), 0);
    mr_probe_free(f.probe);
    start(&f);
    assert_int_equal(mr_probe_start(f.probe, on_done, &f, NULL), MR_ERR_STATE);
    teardown(&f);
    mr_probe_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_healthy),   cmocka_unit_test(test_mapper),
        cmocka_unit_test(test_endpoints), cmocka_unit_test(test_interface),
        cmocka_unit_test(test_choice),    cmocka_unit_test(test_rate),
        cmocka_unit_test(test_other_host),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_cut),       cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_plainly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
