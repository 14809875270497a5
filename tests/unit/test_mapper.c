/*
 * The endpoint mapper's client against scripted mappers: both endings of a lookup, pages of every
 * size, what stands in for 0.0.0.0, octets that are no tower, mappers that never end, and what
 * becomes of the handle.
 */
#include "rpc_peer.h"

#define SOON (100 * MR_MSEC)

enum ending {
    END_STATUS,        /* the last page with status 0x16c9a0d6 and a null handle */
    END_NULL,          /* the last page with status 0 and a null handle */
    END_NEXT,          /* the last page with a live handle; the next question ends it */
    END_EMPTY,         /* empty pages under a live handle, for ever */
    END_NEVER,         /* full pages for ever */
    END_LIVE_STATUS,   /* the status of the end, with a handle still live */
    END_OTHER,         /* another status after the first page */
};

struct fixture {
    mr_loop loop;
    struct peer peer;
    mr_client *client;
    mr_mapper mapper;
    unsigned done;
    int result;
    mr_error err;
    bool free_all;          /* inside done */
    bool mute;              /* the freed handle is not confirmed: nobody waits for that */
    /* the mapper's side */
    enum ending ending;
    unsigned entries, given, pages, frees;
    unsigned inquiry, vers, max_ents;
    mr_slice tower;         /* instead of a made one */
    bool no_tower;
    const char *annotation;
    uint8_t host[4];
    uint32_t map_status;
    unsigned map_towers;
};

static const mr_syntax samr = {
    {0x12345778, 0x1234, 0xabcd, {0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xac}}, 1, 0};

static void make_tower(const struct fixture *f, uint16_t port, uint8_t octets[256],
                       mr_epmapper_twr_t *twr) {
    const mr_tower tower = {.interface = samr, .transfer = mr_syntax_ndr20,
                            .protseq = MR_PROTSEQ_NCACN_IP_TCP, .has_port = true, .port = port,
                            .host_kind = MR_TOWER_HOST_IPV4, .host = mr_slice_of(f->host, 4)};
    mr_buf buf;

    if (f->tower.data) {
        *twr = (mr_epmapper_twr_t){(uint32_t)f->tower.len, (uint8_t *)f->tower.data};
        return;
    }
    mr_buf_init(&buf, octets, 256, 256);
    assert_int_equal(mr_tower_encode(&tower, &buf), 0);
    *twr = (mr_epmapper_twr_t){(uint32_t)buf.len, octets};
}

static void do_lookup(struct fixture *f, struct peer_conn *conn, const mr_pdu *pdu) {
    static uint8_t octets[500][256];
    static mr_epmapper_twr_t towers[500];
    static mr_epmapper_ept_entry_t entries[500];
    struct mr_epmapper_ept_lookup args = {.entries = entries};
    mr_arena arena;

    mr_arena_init(&arena, 1 << 20);
    assert_int_equal(mr_ndr_decode(mr_iface_get_proc(&mr_epmapper_iface, 2), MR_NDR_REQUEST,
                                   (mr_ndr_format){.syntax = MR_NDR20}, pdu->u.request.stub, NULL,
                                   &arena, &args, NULL, NULL), 0);
    bool first = mr_uuid_is_nil(&args.entry_handle.uuid);
    assert_int_equal(first, f->pages == 0);
    assert_int_equal(args.object != NULL, args.inquiry_type >= MR_INQUIRY_OBJECT);
    assert_int_equal(args.interface_id != NULL, args.inquiry_type & 1);
    f->inquiry = args.inquiry_type;
    f->vers = args.vers_option;
    f->max_ents = args.max_ents;
    mr_arena_deinit(&arena);

    bool endless = f->ending == END_NEVER;
    unsigned left = f->entries - f->given;
    unsigned n = endless || left > args.max_ents ? args.max_ents : left;
    bool last = !endless && f->given + n == f->entries;
    for (unsigned i = 0; i < n; i++) {
        make_tower(f, (uint16_t)(1 + f->given + i), octets[i], &towers[i]);
        entries[i] = (mr_epmapper_ept_entry_t){
            .tower = f->no_tower ? NULL : &towers[i],
            .annotation = (uint8_t *)(f->annotation ? f->annotation : "")};
    }
    bool ended = f->given == f->entries && f->pages; /* nothing was left for this question */
    f->given += n;
    f->pages++;
    args.entries = entries;
    args.num_ents = n;
    args.entry_handle = (mr_ndr_context){0, {.time_low = 7}};
    args.status = 0;
    switch (f->ending) {
    case END_STATUS:
        if (last)
            args.status = MR_EPT_NOT_REGISTERED;
        break;
    case END_NULL:
    case END_EMPTY:
    case END_NEVER:
        break;
    case END_NEXT:
        if (ended)
            args.status = MR_EPT_NOT_REGISTERED;
        break;
    case END_LIVE_STATUS:
        if (last)
            args.status = MR_EPT_NOT_REGISTERED;
        break;
    case END_OTHER:
        if (f->pages > 1)
            args.status = 0x16c9a0cd;
        break;
    }
    bool null = (last && (f->ending == END_STATUS || f->ending == END_NULL)) ||
                (ended && f->ending == END_NEXT);
    if (null)
        args.entry_handle = (mr_ndr_context){0};
    peer_reply(conn, pdu, &mr_epmapper_iface, 2, &args);
}

static void on_request(struct peer_conn *conn, const mr_pdu *pdu) {
    struct fixture *f = conn->peer->user;
    uint8_t octets[4][256];
    mr_epmapper_twr_t towers[4], *list[4];

    switch (pdu->u.request.opnum) {
    case 2:
        do_lookup(f, conn, pdu);
        break;
    case 3: {
        struct mr_epmapper_ept_map args = {.max_towers = 64, .num_towers = f->map_towers,
                                           .towers = list, .status = f->map_status};
        for (unsigned i = 0; i < f->map_towers; i++) {
            make_tower(f, (uint16_t)(1000 + i), octets[i], &towers[i]);
            list[i] = f->no_tower ? NULL : &towers[i];
        }
        peer_reply(conn, pdu, &mr_epmapper_iface, 3, &args);
        break;
    }
    case 4: {
        struct mr_epmapper_ept_lookup_handle_free args = {.status = 0};
        f->frees++;
        if (!f->mute)
            peer_reply(conn, pdu, &mr_epmapper_iface, 4, &args);
        break;
    }
    default:
        fail();
    }
}

static void on_done(void *user, mr_mapper *mapper, int result, const mr_error *err) {
    struct fixture *f = user;
    assert_ptr_equal(mapper, &f->mapper);
    f->done++;
    f->result = result;
    f->err = *err;
    if (f->free_all) {
        mr_mapper_deinit(&f->mapper);
        mr_client_free(f->client);
        f->client = NULL;
    }
}

static void on_started(void *user, mr_client *client, int result, const mr_error *err) {
    unsigned *started = user;
    (void)client;
    (void)err;
    assert_int_equal(result, 0);
    ++*started;
}

static void setup(struct fixture *f) {
    mr_client_options options = {.timeout = PATIENCE};
    unsigned started = 0;

    memset(f, 0, sizeof *f);
    assert_int_equal(mr_loop_init(&f->loop, NULL), 0);
    assert_int_equal(peer_open(&f->peer, &f->loop), 0);
    f->peer.user = f;
    f->peer.request = on_request;
    options.connect.remote = peer_loopback(peer_port(&f->peer));
    assert_int_equal(mr_client_new(&f->loop, &options, &f->client, NULL), 0);
    assert_int_equal(mr_client_start(f->client, &mr_epmapper_iface.syntax, on_started, &started,
                                     NULL), 0);
    peer_run_until(&f->loop, &started, 1);
    assert_int_equal(mr_mapper_init(&f->mapper, f->client, MR_SLICE_LIT("dc01"), NULL), 0);
    f->mapper.done = on_done;
    f->mapper.user = f;
}

static void teardown(struct fixture *f) {
    mr_mapper_deinit(&f->mapper);
    mr_client_free(f->client);
    peer_deinit(&f->peer);
    mr_loop_deinit(&f->loop);
}

static int lookup(struct fixture *f, uint32_t page) {
    const mr_mapper_query query = {.page = page};
    unsigned done = f->done;
    f->given = f->pages = 0;
    assert_int_equal(mr_mapper_lookup(&f->mapper, &query, NULL), 0);
    peer_run_until(&f->loop, &f->done, done + 1);
    return f->result;
}

/* Every ending, pages of every size: all entries, in order, no page more than needed. */
static void test_pages(void **state) {
    static const enum ending endings[] = {END_STATUS, END_NULL, END_NEXT, END_LIVE_STATUS};
    static const unsigned counts[] = {0, 1, 2, 7, 499, 500, 501};
    static const uint32_t pages[] = {1, 3, 7, 0};
    struct fixture f;

    (void)state;
    for (size_t e = 0; e < MR_COUNT(endings); e++) {
        setup(&f);
        f.ending = endings[e];
        for (size_t n = 0; n < MR_COUNT(counts); n++) {
            for (size_t i = 0; i < MR_COUNT(pages); i++) {
                unsigned size = pages[i] ? pages[i] : 500;
                if (counts[n] / size > 80)
                    continue;
                f.entries = counts[n];
                f.frees = 0;
                assert_int_equal(lookup(&f, pages[i]), 0); /* the same mapper, again and again */
                assert_int_equal(f.mapper.count, counts[n]);
                for (unsigned k = 0; k < f.mapper.count; k++)
                    assert_int_equal(f.mapper.entries[k].port, (uint16_t)(1 + k));
                unsigned want = counts[n] ? (counts[n] + size - 1) / size : 1;
                /* an empty page under a live handle is asked once more */
                want += endings[e] == END_NEXT ? 1 : 0;
                assert_int_equal(f.pages, want);
                assert_int_equal(f.mapper.calls, want);
                assert_false(f.mapper.cut);
                assert_int_equal(f.max_ents, size);
                if (endings[e] == END_LIVE_STATUS)
                    peer_run_until(&f.loop, &f.frees, 1);
            }
        }
        if (endings[e] != END_LIVE_STATUS)
            assert_int_equal(f.frees, 0);
        teardown(&f);
    }
}

/* Mappers without an end, and the handle that is left over. */
static void test_endless(void **state) {
    struct fixture f;

    (void)state;
    setup(&f);
    f.ending = END_EMPTY;
    f.entries = 3;
    f.mute = true;
    assert_int_equal(lookup(&f, 2), 0);
    assert_int_equal(f.mapper.count, 3);
    assert_int_equal(f.pages, 4); /* two pages, two empty ones */
    peer_run_until(&f.loop, &f.frees, 1);
    teardown(&f);

    setup(&f);
    f.ending = END_NEVER;
    assert_int_equal(lookup(&f, 0), 0);
    assert_true(f.mapper.cut);
    assert_int_equal(f.mapper.count, MR_MAPPER_ENTRIES_MAX);
    peer_run_until(&f.loop, &f.frees, 1);
    teardown(&f);

    setup(&f); /* what came before another status stays */
    f.ending = END_OTHER;
    f.entries = 10;
    assert_int_equal(lookup(&f, 4), MR_ERR_PROTOCOL);
    assert_int_equal(f.mapper.status, MR_EPT_CANT_PERFORM);
    assert_int_equal(f.err.peer, MR_EPT_CANT_PERFORM);
    assert_int_equal(f.mapper.count, 8);
    peer_run_until(&f.loop, &f.frees, 1);
    teardown(&f);
}

/* Freed inside its callback, with the client, the left-over handle on its way. */
static void test_free_inside(void **state) {
    static const enum ending endings[] = {END_STATUS, END_LIVE_STATUS, END_EMPTY, END_OTHER};
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < MR_COUNT(endings); i++) {
        setup(&f);
        f.ending = endings[i];
        f.entries = 5;
        f.free_all = true;
        lookup(&f, 2);
        peer_linger(&f.loop, 2);
        assert_int_equal(f.done, 1);
        teardown(&f);
    }
    setup(&f); /* in the middle */
    f.peer.on_request = PEER_SILENT;
    assert_int_equal(mr_mapper_lookup(&f.mapper, &(mr_mapper_query){0}, NULL), 0);
    peer_run_until(&f.loop, &f.peer.requests, 1);
    mr_mapper_deinit(&f.mapper);
    mr_mapper_deinit(&f.mapper);
    peer_linger(&f.loop, 2);
    assert_int_equal(f.done, 0);
    teardown(&f);
}

static void test_ends(void **state) {
    static const struct {
        enum peer_act act;
        int result;
    } rows[] = {
        {PEER_FAULT, MR_ERR_FAULT},
        {PEER_CLOSE, MR_ERR_CLOSED},
        {PEER_RESET, MR_ERR_RESET},
    };
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows) * 2; i++) {
        setup(&f);
        f.peer.on_request = rows[i / 2].act;
        f.peer.fault = 5;
        if (i % 2)
            assert_int_equal(lookup(&f, 0), rows[i / 2].result);
        else
            assert_int_equal(mr_mapper_lookup_run(&f.mapper, &(mr_mapper_query){0}, &f.err),
                             rows[i / 2].result);
        if (rows[i / 2].act == PEER_FAULT)
            assert_int_equal(f.mapper.fault, 5);
        else /* what ended the connection is what is told from then on */
            assert_int_equal(mr_mapper_lookup(&f.mapper, &(mr_mapper_query){0}, NULL),
                             rows[i / 2].result);
        teardown(&f);
    }
}

static bool text_is(mr_slice s, const char *text) {
    return mr_slice_eq(s, mr_slice_str(text));
}

static void test_entries(void **state) {
    struct fixture f;

    (void)state;
    setup(&f);
    f.entries = 1;
    f.annotation = "Security Account Manager";
    assert_int_equal(lookup(&f, 0), 0); /* the tower says 0.0.0.0 */
    const mr_mapper_entry *e = &f.mapper.entries[0];
    assert_true(e->host_substituted && text_is(e->host, "dc01"));
    assert_true(mr_syntax_eq(&e->interface, &samr));
    assert_true(text_is(e->protseq_text, "ncacn_ip_tcp") && text_is(e->endpoint, "1"));
    assert_true(text_is(e->annotation, "Security Account Manager"));
    assert_false(e->tower_bad);
    f.annotation = "";
    memcpy(f.host, (uint8_t[]){10, 1, 0, 10}, 4);
    assert_int_equal(lookup(&f, 0), 0);
    e = &f.mapper.entries[0];
    assert_true(!e->host_substituted && text_is(e->host, "10.1.0.10"));
    assert_int_equal(e->annotation.len, 0);

    /* octets that are no tower, none at all, no tower */
    static const uint8_t bad[] = {5, 0, 19, 0, 13, 1, 2, 3};
    f.tower = mr_slice_of(bad, sizeof bad);
    for (int i = 0; i < 3; i++) {
        if (i == 1)
            f.tower.len = 0;
        f.no_tower = i == 2;
        assert_int_equal(lookup(&f, 0), 0);
        assert_int_equal(f.mapper.count, 1);
        assert_true(f.mapper.entries[0].tower_bad);
        assert_int_equal(f.mapper.entries[0].tower.len, i ? 0 : sizeof bad);
        assert_int_equal(f.mapper.entries[0].port, 0);
    }
    teardown(&f);
}

/* A named pipe's tower; and an IPv6 target stands in for 0.0.0.0 as it was given. */
static void test_names(void **state) {
    const mr_tower tower = {.interface = samr, .transfer = mr_syntax_ndr20,
                            .protseq = MR_PROTSEQ_NCACN_NP,
                            .endpoint = MR_SLICE_LIT("\\pipe\\samr"),
                            .host_kind = MR_TOWER_HOST_NAME, .host = MR_SLICE_LIT("\\\\DC01")};
    uint8_t octets[256];
    mr_buf buf;
    struct fixture f;

    (void)state;
    setup(&f);
    mr_buf_init(&buf, octets, sizeof octets, sizeof octets);
    assert_int_equal(mr_tower_encode(&tower, &buf), 0);
    f.entries = 1;
    f.tower = mr_buf_slice(&buf);
    assert_int_equal(lookup(&f, 0), 0);
    const mr_mapper_entry *e = &f.mapper.entries[0];
    assert_true(text_is(e->endpoint, "\\pipe\\samr"));
    assert_int_equal(e->port, 0);
    assert_false(e->host_substituted);
    f.tower = MR_SLICE_NULL;
    mr_mapper_deinit(&f.mapper);
    assert_int_equal(mr_mapper_init(&f.mapper, f.client, MR_SLICE_LIT("fd00::10"), NULL), 0);
    f.mapper.done = on_done;
    f.mapper.user = &f;
    assert_int_equal(lookup(&f, 0), 0);
    assert_true(text_is(f.mapper.entries[0].host, "fd00::10"));
    teardown(&f);
}

/* What is asked for travels. */
static void test_query(void **state) {
    mr_mapper_query query = {.interface = samr, .object = {.time_low = 9}};
    struct fixture f;

    (void)state;
    setup(&f);
    for (unsigned inquiry = 0; inquiry < 4; inquiry++) {
        query.inquiry = inquiry;
        query.vers = inquiry ? MR_VERS_COMPATIBLE : 0;
        f.pages = 0;
        assert_int_equal(mr_mapper_lookup_run(&f.mapper, &query, NULL), 0);
        assert_int_equal(f.inquiry, inquiry);
        assert_int_equal(f.vers, inquiry ? MR_VERS_COMPATIBLE : MR_VERS_ALL);
    }
    teardown(&f);
}

static void test_map(void **state) {
    static const struct {
        unsigned towers;
        uint32_t status;
        bool null;
        int result;
        size_t count;
    } rows[] = {
        {1, 0, false, 0, 1},
        {3, 0, false, 0, 3},
        {0, MR_EPT_NOT_REGISTERED, false, MR_ERR_NOT_REGISTERED, 0},
        {0, 0, false, MR_ERR_NOT_REGISTERED, 0},
        {2, 0, true, MR_ERR_NOT_REGISTERED, 0},
        {0, MR_EPT_CANT_PERFORM, false, MR_ERR_PROTOCOL, 0},
    };
    struct fixture f;

    (void)state;
    setup(&f);
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        f.map_towers = rows[i].towers;
        f.map_status = rows[i].status;
        f.no_tower = rows[i].null;
        assert_int_equal(mr_mapper_map_run(&f.mapper, &samr, NULL, MR_PROTSEQ_NCACN_IP_TCP,
                                           &f.err), rows[i].result);
        assert_int_equal(f.mapper.count, rows[i].count);
        assert_int_equal(f.mapper.status, rows[i].status);
        if (rows[i].count)
            assert_int_equal(f.mapper.entries[rows[i].count - 1].port, 999 + rows[i].count);
        else
            assert_int_equal(f.err.peer, rows[i].status);
    }
    assert_true(mr_mapper_map(&f.mapper, &samr, NULL, MR_PROTSEQ_UNKNOWN, &f.err) < 0);
    teardown(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),   cmocka_unit_test(test_endless),
        cmocka_unit_test(test_free_inside), cmocka_unit_test(test_ends),
        cmocka_unit_test(test_entries), cmocka_unit_test(test_names),
        cmocka_unit_test(test_query),   cmocka_unit_test(test_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
