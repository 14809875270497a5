/*
 * The endpoint mapper: its registry by every inquiry and version option, and what clients see over
 * real sockets: pages of every size, both endings, ept_map, handles, refusals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/ifaces/epmapper.h>
#include <msrpc/ifaces/mgmt.h>
#include <msrpc/serve.h>

#include <stdio.h>

#define PATIENCE (30 * MR_SEC) /* a test that needs it has failed */

static mr_uuid uuid_of(uint32_t n) {
    return (mr_uuid){n, 0x1122, 0x3344, {1, 2, 3, 4, 5, 6, 7, 8}};
}

static void add(mr_mapper_db *db, uint32_t iface, uint16_t major, uint16_t minor, uint32_t object,
                uint16_t port) {
    const mr_mapper_db_entry entry = {
        .object = object ? uuid_of(object) : MR_UUID_NIL,
        .interface = {uuid_of(iface), major, minor},
        .protseq = MR_PROTSEQ_NCACN_IP_TCP,
        .port = port,
        .annotation = "note",
    };
    assert_int_equal(mr_mapper_db_add(db, &entry, NULL), 0);
}

static unsigned count(mr_mapper_db *db, mr_mapper_db_query query) {
    unsigned n = 0;
    while (mr_mapper_db_find(db, &query))
        n++;
    return n;
}

static void test_versions(void **state) {
    static const uint16_t versions[][2] = {{1, 0}, {1, 1}, {1, 3}, {2, 0}, {2, 2}, {3, 0}};
    static const struct {
        enum mr_vers_option option;
        uint16_t major, minor;
        unsigned found;
    } asked[] = {
        {MR_VERS_ALL, 1, 0, 6},        {MR_VERS_ALL, 9, 9, 6},
        {MR_VERS_COMPATIBLE, 1, 0, 3}, {MR_VERS_COMPATIBLE, 1, 1, 2},
        {MR_VERS_COMPATIBLE, 1, 2, 1}, {MR_VERS_COMPATIBLE, 1, 4, 0},
        {MR_VERS_COMPATIBLE, 4, 0, 0}, {MR_VERS_EXACT, 1, 1, 1},
        {MR_VERS_EXACT, 1, 2, 0},      {MR_VERS_EXACT, 2, 0, 1},
        {MR_VERS_MAJOR_ONLY, 1, 9, 3}, {MR_VERS_MAJOR_ONLY, 2, 0, 2},
        {MR_VERS_MAJOR_ONLY, 4, 0, 0}, {MR_VERS_UPTO, 1, 0, 1},
        {MR_VERS_UPTO, 1, 2, 2},       {MR_VERS_UPTO, 2, 0, 4},
        {MR_VERS_UPTO, 2, 1, 4},       {MR_VERS_UPTO, 3, 0, 6},
        {MR_VERS_UPTO, 0, 9, 0},
    };
    mr_mapper_db db;

    (void)state;
    assert_int_equal(mr_mapper_db_init(&db), 0);
    for (size_t i = 0; i < MR_COUNT(versions); i++) {
        add(&db, 7, versions[i][0], versions[i][1], 0, 1000);
        add(&db, 8, versions[i][0], versions[i][1], 0, 1001); /* of another interface */
    }
    for (size_t i = 0; i < MR_COUNT(asked); i++) {
        const mr_mapper_db_query query = {
            .inquiry = MR_INQUIRY_IFACE,
            .vers = asked[i].option,
            .interface = {uuid_of(7), asked[i].major, asked[i].minor},
        };
        assert_int_equal(count(&db, query), asked[i].found);
    }
    mr_mapper_db_deinit(&db);
}

static void test_inquiries(void **state) {
    mr_mapper_db db;
    mr_mapper_db_query query = {0};

    (void)state;
    assert_int_equal(mr_mapper_db_init(&db), 0);
    assert_int_equal(count(&db, query), 0);
    add(&db, 7, 1, 0, 0, 1000);
    add(&db, 7, 1, 0, 50, 1001);
    add(&db, 7, 1, 0, 51, 1002);
    add(&db, 8, 1, 0, 50, 1003);
    assert_int_equal(count(&db, query), 4);
    query.interface = (mr_syntax){uuid_of(7), 1, 0};
    query.inquiry = MR_INQUIRY_IFACE;
    query.vers = MR_VERS_ALL;
    assert_int_equal(count(&db, query), 3);
    query.object = uuid_of(50);
    query.inquiry = MR_INQUIRY_OBJECT;
    assert_int_equal(count(&db, query), 2);
    query.inquiry = MR_INQUIRY_BOTH;
    assert_int_equal(count(&db, query), 1);
    query.object = MR_UUID_NIL; /* the nil object is an object like any other here */
    assert_int_equal(count(&db, query), 1);
    query.inquiry = MR_INQUIRY_ALL;
    query.protseq = MR_PROTSEQ_NCACN_NP;
    assert_int_equal(count(&db, query), 0);
    mr_mapper_db_deinit(&db);
}

/* A row that comes between two pages is told once, wherever the cursor stands. */
static void test_growing(void **state) {
    mr_mapper_db db;
    mr_mapper_db_query query = {0};

    (void)state;
    assert_int_equal(mr_mapper_db_init(&db), 0);
    for (uint16_t i = 1; i <= 200; i++) {
        add(&db, 7, 1, 0, 0, i);
        assert_int_equal(mr_mapper_db_find(&db, &query)->port, i);
        assert_null(mr_mapper_db_find(&db, &query));
    }
    mr_mapper_db_deinit(&db);
}

static void test_refused_entries(void **state) {
    char annotation[MR_MAPPER_ANNOTATION_MAX + 2];
    mr_mapper_db db;
    mr_mapper_db_entry entry = {.protseq = MR_PROTSEQ_NCACN_SPX, .port = 1};

    (void)state;
    assert_int_equal(mr_mapper_db_init(&db), 0);
    assert_int_equal(mr_mapper_db_add(&db, &entry, NULL), MR_ERR_ARGUMENT);
    entry.protseq = MR_PROTSEQ_NCACN_IP_TCP;
    memset(annotation, 'a', sizeof annotation - 1);
    annotation[sizeof annotation - 1] = '\0';
    entry.annotation = annotation;
    assert_int_equal(mr_mapper_db_add(&db, &entry, NULL), MR_ERR_ARGUMENT);
    annotation[MR_MAPPER_ANNOTATION_MAX] = '\0';
    assert_int_equal(mr_mapper_db_add(&db, &entry, NULL), 0);
    assert_int_equal(mr_mapper_db_add(&db, &entry, NULL), 0); /* the same again takes its place */
    entry.host.family = MR_FAMILY_IPV6;
    assert_int_equal(mr_mapper_db_add(&db, &entry, NULL), MR_ERR_ARGUMENT);

    /* an octet behind the last floor */
    uint8_t octets[128];
    mr_slice tower = db.rows[0]->tower;
    assert_true(tower.len < sizeof octets);
    memcpy(octets, tower.data, tower.len);
    octets[tower.len] = 0;
    mr_mapper_db_tower one = {.tower = mr_slice_of(octets, tower.len + 1)};
    assert_int_equal(mr_mapper_db_insert(&db, NULL, &one, 1, false, NULL), MR_ERR_ARGUMENT);
    one.tower.len--;
    assert_int_equal(mr_mapper_db_insert(&db, NULL, &one, 1, false, NULL), 0);
    assert_int_equal(db.count, 1);
    mr_mapper_db_deinit(&db);
}

/* ---- over the wire ---- */

struct fixture {
    mr_loop loop;
    mr_server *server;
    mr_mapper_db db;
    mr_client *client;
    mr_addr remote;
    mr_arena arena; /* of the last reply */
};

static void setup(struct fixture *f, const mr_syntax *syntax) {
    const mr_listen_options listen = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};
    mr_server_endpoint *endpoint;

    *f = (struct fixture){0};
    assert_int_equal(mr_loop_init(&f->loop, NULL), 0);
    assert_int_equal(mr_mapper_db_init(&f->db), 0);
    assert_int_equal(mr_server_new(&f->loop, &(mr_server_options){.max_handles = 8}, &f->server,
                                   NULL), 0);
    assert_int_equal(mr_server_add_endpoint(f->server, &listen, &endpoint, NULL), 0);
    assert_int_equal(mr_serve_add_mgmt(endpoint, NULL), 0);
    assert_int_equal(mr_serve_add_mapper(endpoint, &f->db, NULL), 0);
    const mr_client_options options = {
        .connect = {.remote = *mr_server_endpoint_get_local(endpoint)},
        .timeout = PATIENCE,
    };
    f->remote = options.connect.remote;
    assert_int_equal(mr_client_new(&f->loop, &options, &f->client, NULL), 0);
    assert_int_equal(mr_client_open(f->client, syntax, NULL), 0);
}

static void teardown(struct fixture *f) {
    mr_client_free(f->client);
    mr_server_free(f->server);
    mr_mapper_db_deinit(&f->db);
    mr_loop_deinit(&f->loop);
}

static void ask(struct fixture *f, const mr_iface *iface, uint32_t opnum, void *args) {
    assert_int_equal(mr_client_call(f->client, iface, opnum, args, NULL), 0);
}

/* Reads everything in pages of @page; checks order, towers and the ending. */
static void read_pages(struct fixture *f, uint32_t page, uint32_t total) {
    mr_ndr_context handle = {0};
    uint32_t seen = 0, calls = 0;

    for (;;) {
        struct mr_epmapper_ept_lookup args = {
            .vers_option = MR_VERS_ALL, .entry_handle = handle, .max_ents = page};
        ask(f, &mr_epmapper_iface, 2, &args);
        calls++;
        assert_true(args.num_ents <= page);
        for (uint32_t i = 0; i < args.num_ents; i++) {
            mr_tower tower;
            const mr_epmapper_twr_t *twr = args.entries[i].tower;
            assert_int_equal(mr_tower_decode(mr_slice_of(twr->tower_octet_string,
                                                         twr->tower_length), &tower, NULL), 0);
            assert_int_equal(tower.port, ++seen);
            assert_int_equal(tower.protseq, MR_PROTSEQ_NCACN_IP_TCP);
            assert_true(mr_slice_eq(tower.host, mr_slice_of((uint8_t[]){127, 0, 0, 1}, 4)));
            assert_string_equal((const char *)args.entries[i].annotation, "note");
        }
        handle = args.entry_handle;
        bool over = mr_ndr_context_is_null(&handle);
        /* room left is the end: told by the status where there was a page before, or nothing is
         * there at all; the largest pages there are end with the handle alone */
        bool large = page == MR_MAPPER_PAGE;
        assert_int_equal(over, large ? seen == total : args.num_ents < page);
        assert_int_equal(args.status, over && (large ? total == 0 : calls > 1 || !args.num_ents)
                                          ? MR_EPT_NOT_REGISTERED : 0);
        if (over)
            break;
        mr_client_release(f->client);
    }
    assert_int_equal(seen, total);
    assert_int_equal(calls, page == MR_MAPPER_PAGE && total ? (total + page - 1) / page
                                                            : total / page + 1);
    mr_client_release(f->client);
}

static void test_pages(void **state) {
    static const uint32_t totals[] = {0, 1, 2, 61, 500, 501, 777};
    struct fixture f;

    (void)state;
    setup(&f, &mr_epmapper_iface.syntax);
    for (size_t t = 0; t < MR_COUNT(totals); t++) {
        while (f.db.count < totals[t])
            add(&f.db, 7, 1, 0, 0, (uint16_t)(f.db.count + 1));
        /* every size to 70, then those around the whole, then by sevens */
        for (uint32_t page = 1; page <= 500; page += page < 70 || page > 490 ? 1 : 7)
            read_pages(&f, page, totals[t]);
    }
    teardown(&f);
}

/* What is asked for is filtered before it is counted: a page is full of matches. */
static void test_filtered_pages(void **state) {
    struct fixture f;

    (void)state;
    setup(&f, &mr_epmapper_iface.syntax);
    for (uint32_t i = 0; i < 300; i++)
        add(&f.db, 100 + i % 3, 1, (uint16_t)(i % 2), i % 5, (uint16_t)(i + 1));
    mr_epmapper_rpc_if_id_t id = {uuid_of(101), 1, 0};
    mr_ndr_context handle = {0};
    for (uint32_t left = 100; left;) {
        struct mr_epmapper_ept_lookup args = {
            .inquiry_type = MR_INQUIRY_IFACE, .interface_id = &id,
            .vers_option = MR_VERS_COMPATIBLE, .entry_handle = handle, .max_ents = 30};
        ask(&f, &mr_epmapper_iface, 2, &args);
        assert_int_equal(args.num_ents, left < 30 ? left : 30);
        left -= args.num_ents;
        handle = args.entry_handle;
    }
    assert_true(mr_ndr_context_is_null(&handle));
    mr_client_release(f.client);
    teardown(&f);
}

static uint32_t map(struct fixture *f, const mr_syntax *interface, const mr_syntax *transfer,
                    enum mr_protseq protseq, const mr_uuid *object, uint32_t max,
                    struct mr_epmapper_ept_map *args) {
    uint8_t array[512];
    mr_buf buf;
    mr_epmapper_twr_t twr;
    mr_uuid copy = object ? *object : MR_UUID_NIL;

    mr_buf_init(&buf, array, sizeof array, sizeof array);
    const mr_tower tower = {.interface = *interface, .transfer = *transfer, .protseq = protseq,
                            .endpoint = protseq == MR_PROTSEQ_NCACN_NP ? MR_SLICE_LIT("\\pipe\\x")
                                                                      : MR_SLICE_NULL};
    assert_int_equal(mr_tower_encode(&tower, &buf), 0);
    twr = (mr_epmapper_twr_t){(uint32_t)buf.len, buf.data};
    args->object = object ? &copy : NULL;
    args->map_tower = &twr;
    args->max_towers = max;
    ask(f, &mr_epmapper_iface, 3, args);
    args->object = NULL;
    args->map_tower = NULL;
    return args->status;
}

static uint16_t port_of(const struct mr_epmapper_ept_map *args, uint32_t i,
                        const mr_syntax *transfer) {
    mr_tower tower;

    assert_true(i < args->num_towers);
    assert_int_equal(mr_tower_decode(mr_slice_of(args->towers[i]->tower_octet_string,
                                                 args->towers[i]->tower_length), &tower, NULL), 0);
    assert_true(mr_syntax_eq(&tower.transfer, transfer));
    return tower.port;
}

static void test_map(void **state) {
    const mr_syntax *ndr = &mr_syntax_ndr20;
    mr_syntax iface = {uuid_of(7), 2, 1}, odd = {uuid_of(99), 1, 0};
    struct mr_epmapper_ept_map args = {0};
    mr_uuid object = uuid_of(50), stranger = uuid_of(51);
    struct fixture f;

    (void)state;
    setup(&f, &mr_epmapper_iface.syntax);
    add(&f.db, 7, 1, 5, 0, 1);  /* another major version */
    add(&f.db, 7, 2, 0, 0, 2);  /* too old */
    add(&f.db, 7, 2, 1, 0, 3);
    add(&f.db, 7, 2, 9, 0, 4);
    add(&f.db, 7, 2, 1, 50, 5); /* for one object */
    assert_int_equal(map(&f, &iface, ndr, MR_PROTSEQ_NCACN_IP_TCP, NULL, 4, &args), 0);
    assert_int_equal(args.num_towers, 2);
    assert_int_equal(port_of(&args, 0, ndr), 3);
    assert_int_equal(port_of(&args, 1, ndr), 4);
    assert_true(mr_ndr_context_is_null(&args.entry_handle));
    /* the transfer syntax asked for is the one that is told */
    assert_int_equal(map(&f, &iface, &mr_syntax_ndr64, MR_PROTSEQ_NCACN_IP_TCP, NULL, 4, &args), 0);
    assert_int_equal(port_of(&args, 0, &mr_syntax_ndr64), 3);
    assert_int_equal(map(&f, &iface, ndr, MR_PROTSEQ_NCACN_IP_TCP, &object, 4, &args), 0);
    assert_int_equal(args.num_towers, 1);
    assert_int_equal(port_of(&args, 0, ndr), 5);
    assert_int_equal(map(&f, &iface, ndr, MR_PROTSEQ_NCACN_IP_TCP, &stranger, 4, &args), 0);
    assert_int_equal(args.num_towers, 2);
    /* one at a time */
    assert_int_equal(map(&f, &iface, ndr, MR_PROTSEQ_NCACN_IP_TCP, NULL, 1, &args), 0);
    assert_false(mr_ndr_context_is_null(&args.entry_handle));
    map(&f, &iface, ndr, MR_PROTSEQ_NCACN_IP_TCP, NULL, 1, &args);
    assert_int_equal(port_of(&args, 0, ndr), 4);
    assert_true(mr_ndr_context_is_null(&args.entry_handle));

    assert_int_equal(map(&f, &iface, ndr, MR_PROTSEQ_NCACN_NP, NULL, 4, &args),
                     MR_EPT_NOT_REGISTERED);
    assert_int_equal(args.num_towers, 0);
    assert_int_equal(map(&f, &iface, &odd, MR_PROTSEQ_NCACN_IP_TCP, NULL, 4, &args),
                     MR_EPT_NOT_REGISTERED);
    iface.minor = 10;
    assert_int_equal(map(&f, &iface, ndr, MR_PROTSEQ_NCACN_IP_TCP, NULL, 4, &args),
                     MR_EPT_NOT_REGISTERED);
    mr_client_release(f.client);
    teardown(&f);
}

/* Changing the registry is for local processes. */
static void assert_denied(struct fixture *f, uint32_t opnum, void *args) {
    mr_error err = MR_ERROR_INIT;

    assert_int_equal(mr_client_call(f->client, &mr_epmapper_iface, opnum, args, &err),
                     MR_ERR_FAULT);
    assert_int_equal(err.peer, MR_FAULT_ACCESS_DENIED);
}

/* Every other operation, and questions that make no sense. */
static void test_rest(void **state) {
    struct fixture f;
    mr_epmapper_twr_t bad = {3, (uint8_t[]){1, 2, 3}};

    (void)state;
    setup(&f, &mr_epmapper_iface.syntax);
    for (uint16_t i = 1; i <= 3; i++)
        add(&f.db, 7, 1, 0, 0, i);
    struct mr_epmapper_ept_insert insert = {0};
    assert_denied(&f, 0, &insert);
    struct mr_epmapper_ept_delete delete = {0};
    assert_denied(&f, 1, &delete);
    struct mr_epmapper_ept_mgmt_delete mgmt_delete = {0};
    assert_denied(&f, 6, &mgmt_delete);
    struct mr_epmapper_ept_inq_object object = {0};
    ask(&f, &mr_epmapper_iface, 5, &object);
    assert_true(mr_uuid_eq(&object.ept_object, &f.db.object));

    struct mr_epmapper_ept_lookup lookup = {.inquiry_type = 4, .vers_option = 1, .max_ents = 5};
    ask(&f, &mr_epmapper_iface, 2, &lookup);
    assert_int_equal(lookup.status, MR_EPT_CANT_PERFORM);
    mr_epmapper_rpc_if_id_t id = {uuid_of(7), 1, 0};
    lookup = (struct mr_epmapper_ept_lookup){.inquiry_type = MR_INQUIRY_IFACE, .max_ents = 5,
                                             .interface_id = &id, .vers_option = 6};
    ask(&f, &mr_epmapper_iface, 2, &lookup);
    assert_int_equal(lookup.status, MR_EPT_CANT_PERFORM);
    struct mr_epmapper_ept_map map = {.map_tower = &bad, .max_towers = 4};
    ask(&f, &mr_epmapper_iface, 3, &map);
    assert_int_equal(map.status, MR_EPT_CANT_PERFORM);

    /* a handle is freed once; a stranger's is none */
    lookup = (struct mr_epmapper_ept_lookup){.vers_option = 1, .max_ents = 1};
    ask(&f, &mr_epmapper_iface, 2, &lookup);
    assert_int_equal(lookup.status, 0);
    struct mr_epmapper_ept_lookup_handle_free again, handle_free = {lookup.entry_handle, 9};
    again = handle_free;
    ask(&f, &mr_epmapper_iface, 4, &handle_free);
    assert_int_equal(handle_free.status, 0);
    assert_true(mr_ndr_context_is_null(&handle_free.entry_handle));
    assert_int_equal(mr_client_call(f.client, &mr_epmapper_iface, 4, &again, NULL), MR_ERR_FAULT);
    assert_int_equal(mr_client_call(f.client, &mr_epmapper_iface, 2, &lookup, NULL), MR_ERR_FAULT);
    ask(&f, &mr_epmapper_iface, 4, &handle_free); /* the null handle */

    /* more unfinished lookups than a group may have: the oldest are given up */
    mr_ndr_context handles[10];
    for (int i = 0; i < 10; i++) {
        lookup = (struct mr_epmapper_ept_lookup){.vers_option = 1, .max_ents = 1};
        ask(&f, &mr_epmapper_iface, 2, &lookup);
        assert_int_equal(lookup.status, 0);
        handles[i] = lookup.entry_handle;
    }
    for (int i = 0; i < 10; i++) {
        lookup = (struct mr_epmapper_ept_lookup){.vers_option = 1, .max_ents = 1,
                                                 .entry_handle = handles[i]};
        int r = mr_client_call(f.client, &mr_epmapper_iface, 2, &lookup, NULL);
        assert_int_equal(r, i < 2 ? MR_ERR_FAULT : 0);
    }
    mr_client_release(f.client);
    teardown(&f);
}

/* ---- the same question several times before the first answer is sent ---- */

struct raw {
    mr_stream stream;
    mr_buf in;
};

static void on_opened(void *user, int result, const mr_error *err) {
    (void)user;
    (void)err;
    assert_int_equal(result, 0);
}

static void on_received(void *user, mr_slice bytes) {
    mr_buf_write(&((struct raw *)user)->in, bytes);
}

static void on_closed(void *user, int result, const mr_error *err) {
    (void)user;
    (void)result;
    (void)err;
    fail();
}

static const mr_stream_events raw_events = {
    .opened = on_opened, .received = on_received, .closed = on_closed};

/* The stub of the @index-th PDU that comes; a bind_ack has none. */
static mr_slice read_stub(struct fixture *f, struct raw *raw, unsigned index) {
    mr_nsec end = mr_clock_now() + PATIENCE;
    size_t length;
    mr_pdu pdu;

    for (;;) {
        mr_slice rest = mr_buf_slice(&raw->in);
        unsigned i = 0;
        for (; mr_pdu_frag_length(rest, &length, NULL) == 0 && length <= rest.len && i < index; i++)
            rest = mr_slice_sub(rest, length, SIZE_MAX);
        if (i == index && rest.len >= MR_PDU_HEADER_SIZE && length <= rest.len) {
            assert_int_equal(mr_pdu_decode(mr_slice_sub(rest, 0, length), &pdu, NULL), 0);
            return pdu.header.ptype == MR_PTYPE_RESPONSE ? pdu.u.response.stub : MR_SLICE_NULL;
        }
        assert_true(mr_clock_now() < end);
        mr_loop_run(&f->loop, mr_clock_now() + MR_MSEC);
    }
}

/* Asks for two entries from @handle on, a null handle where it is empty. */
static void write_lookup(mr_buf *buf, uint32_t call_id, mr_slice handle) {
    uint8_t stub[40] = {[12] = 1, [36] = 2};
    const mr_pdu_header header = {.flags = MR_PFC_FIRST_FRAG | MR_PFC_LAST_FRAG,
                                  .call_id = call_id};
    const mr_pdu_request request = {.opnum = 2, .stub = mr_slice_of(stub, sizeof stub)};

    if (handle.len)
        memcpy(stub + 16, handle.data, 20);
    assert_int_equal(mr_pdu_encode_request(buf, &header, &request), 0);
}

static void raw_open(struct fixture *f, struct raw *raw, mr_buf *out) {
    const mr_pdu_header header = {.flags = MR_PFC_FIRST_FRAG | MR_PFC_LAST_FRAG, .call_id = 1};
    const mr_pdu_bind bind = {.max_xmit = 4280, .max_recv = 4280};
    const mr_connect_options options = {.remote = f->remote};

    mr_buf_init(&raw->in, NULL, 0, 1 << 20);
    assert_int_equal(mr_stream_init(&raw->stream, &f->loop, "ncacn_ip_tcp", &raw_events, raw,
                                    NULL), 0);
    assert_int_equal(mr_stream_connect(&raw->stream, &options, NULL), 0);
    while (raw->stream.state == MR_STREAM_CONNECTING)
        mr_loop_run(&f->loop, mr_clock_now() + MR_MSEC);
    assert_int_equal(mr_pdu_encode_bind(out, &header, &bind), 0);
    assert_int_equal(mr_pdu_add_context(out, 0, 0, &mr_epmapper_iface.syntax, &mr_syntax_ndr20, 1),
                     0);
    assert_int_equal(mr_stream_send(&raw->stream, mr_buf_slice(out), NULL), 0);
    (void)read_stub(f, raw, 0);
    mr_buf_reset(out);
}

/* What is lent to a call is not written into for the next one: every answer has a handle of its
 * own, which goes on. */
static void test_kept(void **state) {
    enum { TIMES = 5 };
    struct fixture f;
    struct raw raw;
    mr_slice stubs[TIMES];
    uint8_t array[2048];
    mr_buf out;

    (void)state;
    setup(&f, &mr_epmapper_iface.syntax);
    for (uint16_t i = 1; i <= 5; i++)
        add(&f.db, 7, 1, 0, 0, i);
    mr_buf_init(&out, array, sizeof array, sizeof array);
    raw_open(&f, &raw, &out);
    for (uint32_t i = 0; i < TIMES; i++)
        write_lookup(&out, 2 + i, MR_SLICE_NULL);
    assert_int_equal(mr_stream_send(&raw.stream, mr_buf_slice(&out), NULL), 0);
    (void)read_stub(&f, &raw, TIMES);
    mr_buf_reset(&out);
    for (unsigned i = 0; i < TIMES; i++) {
        stubs[i] = read_stub(&f, &raw, 1 + i);
        assert_true(stubs[i].len > 20);
        assert_true(mr_slice_eq(mr_slice_sub(stubs[i], 20, SIZE_MAX),
                                mr_slice_sub(stubs[0], 20, SIZE_MAX)));
        for (unsigned k = 0; k < i; k++)
            assert_memory_not_equal(stubs[i].data, stubs[k].data, 20);
        write_lookup(&out, 100 + i, stubs[i]);
    }
    assert_int_equal(mr_stream_send(&raw.stream, mr_buf_slice(&out), NULL), 0);
    for (unsigned i = 0; i < TIMES; i++) {
        mr_slice stub = read_stub(&f, &raw, 1 + TIMES + i);
        assert_true(stub.len > 24);
        assert_int_equal(stub.data[20], 2); /* entries, behind a handle */
    }
    mr_stream_deinit(&raw.stream);
    mr_buf_deinit(&raw.in);
    teardown(&f);
}

static void test_mgmt(void **state) {
    struct fixture f;
    struct mr_mgmt_inq_if_ids ids = {0};
    struct mr_mgmt_inq_stats stats = {.count = 99};
    struct mr_mgmt_is_server_listening listening = {0};
    struct mr_mgmt_stop_server_listening stop = {0};
    struct mr_mgmt_inq_princ_name name = {.authn_proto = 10, .princ_name_size = 20};

    (void)state;
    setup(&f, &mr_mgmt_iface.syntax);
    ask(&f, &mr_mgmt_iface, 0, &ids);
    assert_int_equal(ids.if_id_vector->count, 1);
    assert_true(mr_uuid_eq(&ids.if_id_vector->if_id[0]->uuid, &mr_epmapper_iface.syntax.uuid));
    assert_int_equal(ids.if_id_vector->if_id[0]->vers_major, 3);
    ask(&f, &mr_mgmt_iface, 1, &stats);
    assert_int_equal(stats.count, 4);
    assert_int_equal(stats.statistics[0], 2);
    assert_int_equal(stats.statistics[1], 1);
    stats.count = 1;
    ask(&f, &mr_mgmt_iface, 1, &stats);
    assert_int_equal(stats.count, 1);
    ask(&f, &mr_mgmt_iface, 2, &listening);
    assert_int_equal(listening.result, 1);
    ask(&f, &mr_mgmt_iface, 3, &stop);
    assert_int_equal(stop.status, 5);
    ask(&f, &mr_mgmt_iface, 2, &listening);
    ask(&f, &mr_mgmt_iface, 4, &name);
    assert_string_equal((const char *)name.server_princ_name, "");
    assert_int_equal(name.status, 1747);
    name.princ_name_size = 0;
    assert_int_equal(mr_client_call(f.client, &mr_mgmt_iface, 4, &name, NULL), MR_ERR_FAULT);
    mr_client_release(f.client);
    teardown(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions), cmocka_unit_test(test_inquiries),
        cmocka_unit_test(test_growing),  cmocka_unit_test(test_refused_entries),
        cmocka_unit_test(test_pages),    cmocka_unit_test(test_filtered_pages),
        cmocka_unit_test(test_map),      cmocka_unit_test(test_rest),
        cmocka_unit_test(test_kept),     cmocka_unit_test(test_mgmt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
