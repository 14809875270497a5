/* Bad input of the association: every break of the protocol by a client or a server, peers that
 * speak something else, truncation, big-endian peers, and a tap whose capture has holes. */
#include "assoc_world.h"

#define FL 3 /* first and last fragment */

/* ---- hand-made PDUs ---- */

static mr_buf raw;
static bool raw_big;

static mr_pdu_header head(uint8_t flags, uint32_t call_id) {
    return (mr_pdu_header){.flags = flags, .call_id = call_id, .big = raw_big};
}

static size_t add_bind(uint8_t flags, bool alter, int contexts, const mr_syntax *abstract) {
    mr_pdu_header h = head(flags, 1);
    mr_pdu_bind b = {5840, 5840, 0, {{0}, 0}};
    size_t at = raw.len;
    assert_int_equal(alter ? mr_pdu_encode_alter_context(&raw, &h, &b)
                           : mr_pdu_encode_bind(&raw, &h, &b), 0);
    for (int i = 0; i < contexts; i++)
        assert_int_equal(mr_pdu_add_context(&raw, at, (uint16_t)i, abstract, &mr_syntax_ndr20, 1),
                         0);
    return at;
}

static void add_request(uint8_t flags, uint32_t call_id, uint16_t context, uint16_t opnum,
                        mr_slice stub) {
    mr_pdu_header h = head(flags, call_id);
    mr_pdu_request r = {.context_id = context, .opnum = opnum, .stub = stub};
    assert_int_equal(mr_pdu_encode_request(&raw, &h, &r), 0);
}

static void add_response(uint8_t flags, uint32_t call_id, mr_slice stub) {
    mr_pdu_header h = head(flags, call_id);
    mr_pdu_response r = {.stub = stub};
    assert_int_equal(mr_pdu_encode_response(&raw, &h, &r), 0);
}

static void add_ack(uint8_t flags, bool alter, uint32_t call_id, int results,
                    const mr_syntax *transfer) {
    mr_pdu_header h = head(flags, call_id);
    mr_pdu_bind_ack a = {4280, 4280, 0x77, MR_SLICE_LIT("135"), {{0}, 0}};
    mr_pdu_result r = {.transfer = *transfer};
    size_t at = raw.len;
    assert_int_equal(alter ? mr_pdu_encode_alter_context_resp(&raw, &h, &a)
                           : mr_pdu_encode_bind_ack(&raw, &h, &a), 0);
    for (int i = 0; i < results; i++)
        assert_int_equal(mr_pdu_add_result(&raw, at, &r), 0);
}

static void good_bind(void) {
    add_bind(FL | MR_PFC_CONC_MPX, false, 1, &echo_syntax);
}
static void plain_bind(void) {
    add_bind(FL, false, 1, &echo_syntax);
}

static int setup(void **state) {
    (void)state;
    mr_buf_init(&raw, NULL, 0, (size_t)1 << 20);
    raw_big = false;
    return 0;
}
static int teardown(void **state) {
    (void)state;
    mr_buf_deinit(&raw);
    return 0;
}

/* ---- what a client may do wrong ---- */

static void two_binds(void) { good_bind(); good_bind(); }
static void alter_first(void) { add_bind(FL, true, 1, &echo_syntax); }
static void request_first(void) { add_request(FL, 1, 0, 0, MR_SLICE_LIT("x")); }
static void response_to_server(void) { good_bind(); add_response(FL, 1, MR_SLICE_LIT("x")); }
static void minor_9(void) { raw.data[add_bind(FL, false, 1, &echo_syntax) + 1] = 9; }
static void empty_bind(void) { add_bind(FL, false, 0, NULL); }
static void empty_alter(void) { good_bind(); add_bind(FL, true, 0, NULL); }
static void add_contexts(bool alter, const mr_syntax *const *transfers, size_t count) {
    size_t at = add_bind(FL, alter, 0, NULL);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(mr_pdu_add_context(&raw, at, (uint16_t)i, &echo_syntax, transfers[i],
                                            transfers[i] ? 1 : 0), 0);
}
static void bind_no_transfer(void) {
    const mr_syntax *const one_lacks[] = {&mr_syntax_ndr20, NULL};
    add_contexts(false, one_lacks, 2);
}
static void alter_no_transfer(void) {
    const mr_syntax *const lacks[] = {NULL};
    good_bind();
    add_contexts(true, lacks, 1);
}
static void features_twice(void) {
    mr_syntax keep = mr_features_syntax(2), none = mr_features_syntax(0);
    const mr_syntax *const twice[] = {&keep, &mr_syntax_ndr20, &none};
    add_contexts(false, twice, 3);
}
static void bad_trailer(void) {
    size_t at = add_bind(FL, false, 1, &echo_syntax);
    raw.data[at + 10] = 200;
}
static void auth3_alone(void) {
    mr_pdu_header h = head(FL, 1);
    mr_pdu_auth auth = {.type = 10, .level = 5, .value = MR_SLICE_LIT("token")};
    good_bind();
    size_t at = raw.len;
    assert_int_equal(mr_pdu_encode_auth3(&raw, &h), 0);
    assert_int_equal(mr_pdu_encode_auth(&raw, at, &auth), 0);
}
static void same_call_id(void) {
    good_bind();
    add_request(FL, 5, 0, 3, MR_SLICE_LIT("x"));
    add_request(FL, 5, 0, 3, MR_SLICE_LIT("x"));
}
static void middle_first(void) { good_bind(); add_request(0, 5, 0, 3, MR_SLICE_LIT("x")); }
static void after_last(void) {
    good_bind();
    add_request(FL, 5, 0, 3, MR_SLICE_LIT("x"));
    add_request(MR_PFC_LAST_FRAG, 5, 0, 3, MR_SLICE_LIT("x"));
}
static void other_opnum(void) {
    good_bind();
    add_request(MR_PFC_FIRST_FRAG, 5, 0, 3, MR_SLICE_LIT("x"));
    add_request(MR_PFC_LAST_FRAG, 5, 0, 4, MR_SLICE_LIT("x"));
}
static void other_context(void) {
    good_bind();
    add_request(MR_PFC_FIRST_FRAG, 5, 0, 3, MR_SLICE_LIT("x"));
    add_request(MR_PFC_LAST_FRAG, 5, 1, 3, MR_SLICE_LIT("x"));
}
static void interleaved_without_mpx(void) {
    plain_bind();
    add_request(MR_PFC_FIRST_FRAG, 5, 0, 3, MR_SLICE_LIT("x"));
    add_request(FL, 6, 0, 3, MR_SLICE_LIT("x"));
}
static void cancelled_first(void) {
    good_bind();
    add_request(MR_PFC_FIRST_FRAG | MR_PFC_PENDING_CANCEL, 5, 0, 3, MR_SLICE_LIT("x"));
}
static void unknown_between(void) {
    good_bind();
    add_request(MR_PFC_FIRST_FRAG, 5, 0, 3, MR_SLICE_LIT("x"));
    add_request(FL, 6, 9, 3, MR_SLICE_LIT("x"));
}
static void verifier_nobody_asked_for(void) {
    mr_pdu_auth auth = {.type = 10, .level = 2, .value = MR_SLICE_LIT("none")};
    good_bind();
    size_t at = raw.len;
    add_request(FL, 5, 0, 3, MR_SLICE_LIT("x"));
    assert_int_equal(mr_pdu_encode_auth(&raw, at, &auth), 0);
}
static void too_large(void) {
    static uint8_t big[6000];
    good_bind();
    add_request(FL, 5, 0, 3, mr_slice_of(big, sizeof big));
}
static void cut_bind(void) {
    size_t at = add_bind(FL, false, 1, &echo_syntax);
    raw.len -= 30;
    assert_int_equal(mr_pdu_set_length(&raw, at), 0);
}
static void cut_request(void) {
    good_bind();
    size_t at = raw.len;
    add_request(FL, 5, 0, 3, MR_SLICE_NULL);
    raw.len -= 4;
    assert_int_equal(mr_pdu_set_length(&raw, at), 0);
}
static void bad_header_later(void) {
    good_bind();
    mr_buf_write_str(&raw, "GET / HTTP/1.1\r\n\r\n");
}

typedef struct break_case {
    const char *name;
    void (*make)(void);
    int code;
    uint8_t answer;      /* ptype of the server's last words, 255: silence */
    uint32_t status;     /* of the fault, or reason of the bind_nak */
    uint32_t call_id;    /* that it names */
    bool did_not_execute;
    int last_pdu_offset; /* of the error from the start of the last PDU; -1: any */
} break_case;

static const break_case breaks[] = {
    {"two binds", two_binds, MR_ERR_PROTOCOL, MR_PTYPE_BIND_NAK, 0, 1, false, 2},
    {"alter first", alter_first, MR_ERR_PROTOCOL, MR_PTYPE_FAULT, 0x1c01000b, 1, true, 2},
    {"request first", request_first, MR_ERR_PROTOCOL, MR_PTYPE_FAULT, 0x1c01000b, 1, true, 2},
    {"response", response_to_server, MR_ERR_PROTOCOL, MR_PTYPE_FAULT, 0x1c01000b, 1, true, 2},
    {"minor version", minor_9, MR_ERR_PROTOCOL, MR_PTYPE_BIND_NAK, 4, 1, false, 1},
    {"empty bind", empty_bind, MR_ERR_PROTOCOL, MR_PTYPE_BIND_NAK, 0, 1, false, 24},
    {"empty alter", empty_alter, MR_ERR_PROTOCOL, MR_PTYPE_FAULT, 0x1c01000b, 1, true, 24},
    {"no transfer", bind_no_transfer, MR_ERR_PROTOCOL, MR_PTYPE_BIND_NAK, 0, 1, false, 24},
    {"alter, none", alter_no_transfer, MR_ERR_PROTOCOL, MR_PTYPE_FAULT, 0x1c01000b, 1, true, 24},
    {"features twice", features_twice, MR_ERR_PROTOCOL, MR_PTYPE_BIND_NAK, 0, 1, false, 24},
    {"bad trailer", bad_trailer, MR_ERR_MALFORMED, MR_PTYPE_BIND_NAK, 4, 1, false, 10},
    {"auth3 alone", auth3_alone, MR_ERR_PROTOCOL, MR_PTYPE_FAULT, 0x1c01000b, 1, true, 2},
    {"same call id", same_call_id, MR_ERR_PROTOCOL, MR_PTYPE_FAULT, 0x1c01000b, 5, false, 12},
    {"middle first", middle_first, MR_ERR_PROTOCOL, MR_PTYPE_FAULT, 0x1c01000b, 5, false, 3},
    {"after last", after_last, MR_ERR_PROTOCOL, MR_PTYPE_FAULT, 0x1c01000b, 5, false, 3},
    {"other opnum", other_opnum, MR_ERR_PROTOCOL, MR_PTYPE_FAULT, 0x1c01000b, 5, false, 20},
    {"other context", other_context, MR_ERR_PROTOCOL, MR_PTYPE_FAULT, 0x1c01000b, 5, false, 20},
    {"interleaved", interleaved_without_mpx, MR_ERR_PROTOCOL, MR_PTYPE_FAULT, 0x1c01000b, 5,
     false, 12},
    {"unknown between", unknown_between, MR_ERR_PROTOCOL, MR_PTYPE_FAULT, 0x1c01000b, 6, false,
     20},
    {"cancelled", cancelled_first, MR_ERR_PROTOCOL, MR_PTYPE_FAULT, 0x6bd, 5, true, 3},
    {"verifier", verifier_nobody_asked_for, MR_ERR_AUTH, MR_PTYPE_FAULT, 5, 5, false, -1},
    {"too large", too_large, MR_ERR_PROTOCOL, MR_PTYPE_FAULT, 0x1c01000b, 5, false, 8},
    {"cut bind", cut_bind, MR_ERR_TRUNCATED, MR_PTYPE_BIND_NAK, 0, 1, false, -1},
    {"cut request", cut_request, MR_ERR_TRUNCATED, MR_PTYPE_FAULT, 0x1c01000b, 5, true, -1},
    {"bad header", bad_header_later, MR_ERR_MALFORMED, 255, 0, 0, false, 0},
};

/* The last whole PDU in a buffer, and where it begins. */
static size_t last_pdu(mr_slice s) {
    size_t at = 0, n = 0;
    while (at < s.len) {
        if (mr_pdu_frag_length(mr_slice_sub(s, at, SIZE_MAX), &n, NULL) != 0 || n > s.len - at)
            return at;
        if (at + n >= s.len)
            break;
        at += n;
    }
    return at;
}

static void server_breaks(void **state) {
    static const size_t steps[] = {0, 1, 13, 16};
    (void)state;
    for (size_t i = 0; i < MR_COUNT(breaks); i++)
        for (size_t k = 0; k < MR_COUNT(steps); k++) {
            const break_case *b = &breaks[i];
            world *w = world_new(NULL, NULL, steps[k]);
            mr_error err = MR_ERROR_INIT;
            size_t used;
            mr_buf_reset(&raw);
            b->make();
            mr_buf_write(&w->queue[0], mr_buf_slice(&raw));
            w->no_tap = true;
            deliver(w, MR_DIR_TO_SERVER);
            if (w->server.rc != b->code)
                fail_msg("%s: %d, expected %d: %s", b->name, w->server.rc, b->code,
                         w->server.err.text);
            size_t at = last_pdu(mr_buf_slice(&raw));
            if (b->last_pdu_offset >= 0 &&
                w->server.err.offset != at + (size_t)b->last_pdu_offset)
                fail_msg("%s: offset %zu, expected %zu", b->name, w->server.err.offset,
                         at + (size_t)b->last_pdu_offset);
            assert_int_equal(w->server.seen[MR_EVENT_ERROR], 1);
            /* sticky, and the last words still come out */
            assert_int_equal(mr_assoc_feed(&w->server.a, MR_DIR_TO_SERVER, MR_SLICE_LIT("x"), 1,
                                           &used, &err), b->code);
            pull_side(w, &w->server, MR_DIR_TO_CLIENT);
            mr_slice out = mr_buf_slice(&w->queue[1]);
            mr_pdu pdu = {0};
            if (out.len > 0)
                assert_int_equal(mr_pdu_decode(mr_slice_sub(out, last_pdu(out), SIZE_MAX), &pdu,
                                               NULL), 0);
            if (b->answer == 255) {
                assert_true(out.len == 0 || pdu.header.ptype == MR_PTYPE_BIND_ACK);
            } else {
                assert_int_equal(pdu.header.ptype, b->answer);
                bool fault = b->answer == MR_PTYPE_FAULT;
                uint8_t flags = FL | (b->did_not_execute ? MR_PFC_DID_NOT_EXECUTE : 0);
                assert_int_equal(fault ? pdu.u.fault.status : pdu.u.bind_nak.reason, b->status);
                if (pdu.header.flags != flags || pdu.header.call_id != b->call_id)
                    fail_msg("%s: flags %02x call %u", b->name, pdu.header.flags,
                             pdu.header.call_id);
                if (fault)
                    assert_int_equal(pdu.u.fault.alloc_hint, 32);
            }
            world_deinit(w);
        }
}

/* A request for a context that was not accepted costs a fault, not the association. */
static void unknown_context(void **state) {
    (void)state;
    world *w = world_new(NULL, NULL, 9);
    good_bind();
    add_request(FL, 5, 3, 0, MR_SLICE_LIT("x"));
    add_request(MR_PFC_FIRST_FRAG, 6, 3, 0, MR_SLICE_LIT("x"));
    add_request(0, 6, 3, 0, MR_SLICE_LIT("x"));
    add_request(MR_PFC_LAST_FRAG, 6, 3, 0, MR_SLICE_LIT("x"));
    add_request(FL | MR_PFC_MAYBE, 7, 3, 0, MR_SLICE_LIT("x")); /* which nobody may answer */
    add_request(FL, 6, 0, 0, MR_SLICE_LIT("fine"));
    mr_buf_write(&w->queue[0], mr_buf_slice(&raw));
    deliver(w, MR_DIR_TO_SERVER);
    pull_side(w, &w->server, MR_DIR_TO_CLIENT);
    assert_sound(&w->server);
    mr_slice out = mr_buf_slice(&w->queue[MR_DIR_TO_CLIENT]);
    uint32_t answered[8];
    size_t n, faults = 0;
    for (; mr_pdu_frag_length(out, &n, NULL) == 0; out = mr_slice_sub(out, n, SIZE_MAX)) {
        mr_pdu pdu;
        assert_int_equal(mr_pdu_decode(mr_slice_sub(out, 0, n), &pdu, NULL), 0);
        if (pdu.header.ptype == MR_PTYPE_FAULT)
            answered[faults++] = pdu.header.call_id;
    }
    assert_int_equal(faults, 2);
    assert_int_equal(answered[0], 5);
    assert_int_equal(answered[1], 6);
    mr_assoc_info info;
    mr_assoc_get_info(&w->server.a, &info);
    assert_int_equal(info.calls, 0);
    assert_int_equal(w->server.seen[MR_EVENT_REQUEST], 1);
    world_deinit(w);
}

/* ---- what a server may do wrong ---- */

static void ack_other_call(void) { add_ack(FL, false, 99, 1, &mr_syntax_ndr20); }
static void ack_alter(void) { add_ack(FL, true, 1, 1, &mr_syntax_ndr20); }
static void ack_none(void) { add_ack(FL, false, 1, 0, &mr_syntax_ndr20); }
static void ack_two(void) { add_ack(FL, false, 1, 2, &mr_syntax_ndr20); }
static void ack_ndr64(void) { add_ack(FL, false, 1, 1, &mr_syntax_ndr64); }
static void ack_good(void) { add_ack(FL, false, 1, 1, &mr_syntax_ndr20); }
static void ack_twice(void) { ack_good(); ack_good(); }
static void early_response(void) { add_response(FL, 2, MR_SLICE_NULL); }
static void stray_response(void) { ack_good(); add_response(FL, 77, MR_SLICE_NULL); }
static void double_first(void) {
    ack_good();
    add_response(MR_PFC_FIRST_FRAG, 2, MR_SLICE_LIT("x"));
    add_response(FL, 2, MR_SLICE_LIT("x"));
}
static void no_first(void) { ack_good(); add_response(MR_PFC_LAST_FRAG, 2, MR_SLICE_LIT("x")); }
static void request_back(void) { ack_good(); add_request(FL, 2, 0, 0, MR_SLICE_NULL); }
static void late_nak(void) {
    mr_pdu_header h = head(FL, 1);
    mr_pdu_bind_nak n = {.reason = 1};
    ack_good();
    assert_int_equal(mr_pdu_encode_bind_nak(&raw, &h, &n), 0);
}
static void stray_fault(void) {
    mr_pdu_header h = head(FL, 55);
    mr_pdu_fault f = {.status = 0x1c00001c};
    ack_good();
    assert_int_equal(mr_pdu_encode_fault(&raw, &h, &f), 0);
}
static void fault_for_bind(void) {
    mr_pdu_header h = head(FL, 1);
    mr_pdu_fault f = {.status = 5};
    assert_int_equal(mr_pdu_encode_fault(&raw, &h, &f), 0);
}

static const struct {
    const char *name;
    void (*make)(void);
    int code;
} client_cases[] = {
    {"ack of another call", ack_other_call, MR_ERR_PROTOCOL},
    {"alter_context_resp", ack_alter, MR_ERR_PROTOCOL},
    {"ack without results", ack_none, MR_ERR_PROTOCOL},
    {"ack with two results", ack_two, MR_ERR_PROTOCOL},
    {"syntax not proposed", ack_ndr64, MR_ERR_PROTOCOL},
    {"two acks", ack_twice, MR_ERR_PROTOCOL},
    {"response before ack", early_response, MR_ERR_PROTOCOL},
    {"stray response", stray_response, MR_ERR_PROTOCOL},
    {"two first fragments", double_first, MR_ERR_PROTOCOL},
    {"no first fragment", no_first, MR_ERR_PROTOCOL},
    {"request", request_back, MR_ERR_PROTOCOL},
    {"late bind_nak", late_nak, MR_ERR_PROTOCOL},
    {"stray fault", stray_fault, MR_ERR_FAULT},
    {"fault for the bind", fault_for_bind, MR_ERR_FAULT},
};

static void client_breaks(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(client_cases); i++)
        for (size_t step = 0; step < 20; step += 7) {
            mr_assoc_context ask = {.abstract = echo_syntax, .transfer = &mr_syntax_ndr20,
                                    .transfer_count = 1};
            world *w = world_new(NULL, NULL, step);
            mr_error err = MR_ERROR_INIT;
            assert_int_equal(mr_assoc_bind(&w->client.a, &ask, 1, 0, &err), 0);
            w->no_tap = true;
            mr_buf_reset(&raw);
            client_cases[i].make();
            /* a call in flight as soon as the ack lets it */
            mr_slice all = mr_buf_slice(&raw);
            size_t n;
            assert_int_equal(mr_pdu_frag_length(all, &n, NULL), 0);
            if (raw.data[2] == MR_PTYPE_BIND_ACK && n < all.len) {
                mr_buf_write(&w->queue[1], mr_slice_sub(all, 0, n));
                deliver(w, MR_DIR_TO_CLIENT);
                world_call(w, 0, MR_SLICE_LIT("q"));
                pull_side(w, &w->client, MR_DIR_TO_SERVER);
                all = mr_slice_sub(all, n, SIZE_MAX);
            }
            mr_buf_write(&w->queue[1], all);
            deliver(w, MR_DIR_TO_CLIENT);
            if (w->client.rc != client_cases[i].code)
                fail_msg("%s: %d %s", client_cases[i].name, w->client.rc, w->client.err.text);
            world_deinit(w);
        }
}

/* ---- other protocols, truncation, byte order ---- */

static void foreign_peers(void **state) {
    static const struct {
        mr_slice bytes;
        enum mr_foreign guess;
    } cases[] = {
        {MR_SLICE_LIT("HTTP/1.1 400 Bad Request\r\n\r\n"), MR_FOREIGN_HTTP},
        {MR_SLICE_LIT("GET / HTTP/1.0\r\n\r\n"), MR_FOREIGN_HTTP},
        {MR_SLICE_LIT("ncacn_http/1.0"), MR_FOREIGN_HTTP},
        {MR_SLICE_LIT("\x15\x03\x03\x00\x02\x02\x46"), MR_FOREIGN_TLS},
        {MR_SLICE_LIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" "aaaaaaaaaa"),
         MR_FOREIGN_TLS},
        {MR_SLICE_LIT("\x00\x00\x00\x40\xfeSMB\x40\x00\x00\x00\x00\x00\x00\x00\x00"),
         MR_FOREIGN_SMB},
        {MR_SLICE_LIT("\x83\x00\x00\x01\x8f"), MR_FOREIGN_SMB},
        {MR_SLICE_LIT("SSH-2.0-OpenSSH_9.2p1\r\n"), MR_FOREIGN_SSH},
        {MR_SLICE_LIT("\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"),
         MR_FOREIGN_LDAP},
        {MR_SLICE_LIT("220 mail.example ESMTP\r\n"), MR_FOREIGN_UNKNOWN},
        {MR_SLICE_LIT("\x05\x00\xff\x03\x10\x00\x00\x00\x10\x00\x00\x00\x01\x00\x00\x00"),
         MR_FOREIGN_UNKNOWN},
        {MR_SLICE_LIT("\x00"), MR_FOREIGN_UNKNOWN},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(cases); i++)
        for (size_t step = 0; step < 3; step++) {
            world *w = world_new(NULL, NULL, step);
            mr_error err = MR_ERROR_INIT;
            mr_assoc_context ask = {.abstract = echo_syntax, .transfer = &mr_syntax_ndr20,
                                    .transfer_count = 1};
            assert_int_equal(mr_assoc_bind(&w->client.a, &ask, 1, 0, &err), 0);
            mr_buf_write(&w->queue[1], cases[i].bytes);
            w->no_tap = true;
            deliver(w, MR_DIR_TO_CLIENT);
            if (step == 2) { /* silence after it: the deadline judges */
                mr_assoc_set_deadline(&w->client.a, MR_DEADLINE_BIND, 2000);
                mr_assoc_expire(&w->client.a, 2000, &err);
            } else {
                mr_assoc_feed_end(&w->client.a, MR_DIR_TO_CLIENT, 1, &err);
            }
            drain(w, &w->client);
            assert_int_equal(mr_assoc_get_error(&w->client.a)->code, MR_ERR_PROTOCOL);
            assert_int_equal(w->client.seen[MR_EVENT_FOREIGN], 1);
            const mr_event_foreign *f = &w->client.last[MR_EVENT_FOREIGN].u.foreign;
            assert_int_equal(f->guess, cases[i].guess);
            size_t len = cases[i].bytes.len < 16 ? cases[i].bytes.len : 16;
            assert_int_equal(f->len, len);
            assert_memory_equal(f->bytes, cases[i].bytes.data, len);
            assert_true(strlen(mr_foreign_name(f->guess)) > 2);
            /* the tap finds the same */
            feed_side(w, &w->tap, MR_DIR_TO_CLIENT, cases[i].bytes);
            mr_assoc_feed_end(&w->tap.a, MR_DIR_TO_CLIENT, 1, &err);
            drain(w, &w->tap);
            assert_int_equal(w->tap.seen[MR_EVENT_FOREIGN], 1);
            world_deinit(w);
        }
}

/* A server tells whatever comes first which version it speaks, with the call id of where a header
 * has it; fewer octets than a header get no answer. */
static void foreign_clients(void **state) {
    static const struct {
        mr_slice bytes;
        uint8_t answer; /* 255: silence */
        uint32_t status, call_id;
    } cases[] = {
        /* version.bind over TCP, the probe port scanners send to 135: big-endian to the eye */
        {MR_SLICE_LIT("\0\x1e\0\x06\x01\0\0\x01\0\0\0\0\0\0\x07version\x04" "bind\0\0\x10\0\x03"),
         MR_PTYPE_BIND_NAK, 4, 0x776},
        {MR_SLICE_LIT("\0\0\0\xa4\xff\x53\x4d\x42\x72\0\0\0\0\x08\x01\x40\0\0"),
         MR_PTYPE_BIND_NAK, 4, 0x40010800},
        {MR_SLICE_LIT("GET / HTTP/1.0\r\n\r\n"), MR_PTYPE_BIND_NAK, 4, 0x2e300d0a},
        {MR_SLICE_LIT("\x04\0\x0b\x03\x10\0\0\0\x48\0\0\0\x09\0\0\0"), MR_PTYPE_BIND_NAK, 4, 9},
        {MR_SLICE_LIT("\x05\0\xff\x03\x10\0\0\0\x10\0\0\0\x07\0\0\0"),
         MR_PTYPE_FAULT, 0x1c01000b, 7},
        {MR_SLICE_LIT("\x05\0\x0b\x03\0\0\0\0\0\x0f\0\0\0\0\0\x08"),
         MR_PTYPE_FAULT, 0x1c01000b, 8},
        {MR_SLICE_LIT("\r\n\r\n"), 255, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(cases); i++)
        for (size_t step = 0; step < 2; step++) {
            world *w = world_new(NULL, NULL, step);
            mr_error err = MR_ERROR_INIT;
            mr_pdu pdu = {0};

            mr_buf_write(&w->queue[0], cases[i].bytes);
            w->no_tap = true;
            deliver(w, MR_DIR_TO_SERVER);
            mr_assoc_feed_end(&w->server.a, MR_DIR_TO_SERVER, 1, &err);
            drain(w, &w->server);
            assert_int_equal(w->server.seen[MR_EVENT_FOREIGN], 1);
            assert_int_equal(mr_assoc_get_error(&w->server.a)->code, MR_ERR_PROTOCOL);
            pull_side(w, &w->server, MR_DIR_TO_CLIENT);
            mr_slice out = mr_buf_slice(&w->queue[1]);
            if (cases[i].answer == 255) {
                assert_int_equal(out.len, 0);
                world_deinit(w);
                continue;
            }
            assert_int_equal(mr_pdu_decode(out, &pdu, &err), 0);
            assert_int_equal(pdu.header.ptype, cases[i].answer);
            assert_int_equal(pdu.header.call_id, cases[i].call_id);
            if (pdu.header.ptype == MR_PTYPE_FAULT) {
                assert_int_equal(pdu.u.fault.status, cases[i].status);
            } else {
                assert_int_equal(out.len, 24); /* padded, as scanners know it from Windows */
                assert_int_equal(pdu.u.bind_nak.reason, cases[i].status);
                assert_int_equal(pdu.u.bind_nak.version_count, 1);
                assert_memory_equal(pdu.u.bind_nak.versions.data, "\5\0", 2);
            }
            world_deinit(w);
        }
}

static void truncated_at_every_octet(void **state) {
    (void)state;
    good_bind();
    size_t bind = raw.len;
    add_request(FL, 5, 0, 3, MR_SLICE_LIT("some octets of a stub"));
    for (size_t n = 1; n < raw.len; n++) {
        world *w = world_new(NULL, NULL, n % 3);
        mr_error err = MR_ERROR_INIT;
        mr_buf_write(&w->queue[0], mr_slice_of(raw.data, n));
        deliver(w, MR_DIR_TO_SERVER);
        int rc = mr_assoc_feed_end(&w->server.a, MR_DIR_TO_SERVER, 1, &err);
        assert_int_equal(rc, n == bind ? 0 : MR_ERR_TRUNCATED);
        if (rc < 0)
            assert_int_equal(err.offset, n);
        if (n != bind) {
            mr_assoc_feed_end(&w->tap.a, MR_DIR_TO_SERVER, 1, &err);
            drain(w, &w->tap);
            assert_int_equal(w->tap.seen[MR_EVENT_ERROR], 1);
        }
        world_deinit(w);
    }
}

static void big_endian_client(void **state) {
    (void)state;
    for (size_t step = 0; step < 4; step++) {
        world *w = world_new(NULL, NULL, step);
        raw_big = true;
        mr_buf_reset(&raw);
        good_bind();
        add_request(MR_PFC_FIRST_FRAG, 0x01020304, 0, 3, MR_SLICE_LIT("abcdefgh"));
        add_request(MR_PFC_LAST_FRAG, 0x01020304, 0, 3, MR_SLICE_LIT("ij"));
        mr_buf_write(&w->queue[0], mr_buf_slice(&raw));
        deliver(w, MR_DIR_TO_SERVER);
        assert_sound(&w->server);
        const mr_event *e = &w->server.last[MR_EVENT_REQUEST];
        assert_true(e->big);
        assert_int_equal(e->call_id, 0x01020304);
        assert_int_equal(e->u.chunk.call.opnum, 3);
        assert_int_equal(e->u.chunk.at, 8);
        assert_true(w->server.last[MR_EVENT_BIND].big);
        assert_int_equal(w->server.last[MR_EVENT_BIND].u.bind.max_recv, 5840);
        world_deinit(w);
    }
}

static void big_endian_server(void **state) {
    mr_assoc_context ask = {.abstract = echo_syntax, .transfer = &mr_syntax_ndr20,
                            .transfer_count = 1};
    mr_error err = MR_ERROR_INIT;
    (void)state;
    world *w = world_new(NULL, NULL, 5);
    w->no_tap = true;
    assert_int_equal(mr_assoc_bind(&w->client.a, &ask, 1, 0, &err), 0);
    raw_big = true;
    ack_good();
    mr_buf_write(&w->queue[1], mr_buf_slice(&raw));
    deliver(w, MR_DIR_TO_CLIENT);
    assert_sound(&w->client);
    assert_int_equal(w->client.seen[MR_EVENT_READY], 1);
    uint32_t id = world_call(w, 0, MR_SLICE_LIT("q"));
    pull_side(w, &w->client, MR_DIR_TO_SERVER);
    mr_buf_reset(&raw);
    add_response(FL, id, MR_SLICE_LIT("answer"));
    mr_buf_write(&w->queue[1], mr_buf_slice(&raw));
    deliver(w, MR_DIR_TO_CLIENT);
    assert_sound(&w->client);
    assert_true(w->client.last[MR_EVENT_RESPONSE].big);
    assert_non_null(strstr(w->client.log, "ok 6/"));
    world_deinit(w);
}

static void tap_passes_over_other_types(void **state) {
    static const uint8_t rts[] = {5, 0, 20, 3, 16, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    mr_error err = MR_ERROR_INIT;
    size_t used;
    (void)state;
    world *w = world_new(NULL, NULL, 0);
    assert_int_equal(mr_assoc_feed(&w->tap.a, MR_DIR_TO_SERVER, mr_slice_of(rts, sizeof rts), 1,
                                   &used, &err), 0);
    drain(w, &w->tap);
    assert_int_equal(w->tap.seen[MR_EVENT_OTHER], 1);
    assert_int_equal(w->tap.last[MR_EVENT_OTHER].ptype, MR_PTYPE_RTS);
    assert_int_equal(mr_assoc_feed(&w->server.a, MR_DIR_TO_CLIENT, MR_SLICE_NULL, 1, &used, &err),
                     MR_ERR_ARGUMENT);
    assert_int_equal(mr_assoc_feed_gap(&w->server.a, MR_DIR_TO_SERVER, 1, 1, &err),
                     MR_ERR_ARGUMENT);
    world_deinit(w);
}

/* ---- holes in a capture ---- */

/* Replays a recorded conversation into a fresh tap with the octets [at, at + n) of @dir missing;
 * @tell: the tap is told how many. */
static void replay(world *w, mr_slice record, enum mr_dir dir, size_t at, size_t n, bool tell) {
    mr_cursor c = mr_cursor_of(record);
    size_t offset[2] = {0, 0};
    mr_error err = MR_ERROR_INIT;

    while (mr_cursor_left(&c) > 0) {
        enum mr_dir d = mr_cursor_read_u8(&c);
        mr_slice seg = mr_cursor_read(&c, mr_cursor_read_u32(&c));
        size_t begin = offset[d], end = begin + seg.len;
        offset[d] = end;
        if (d != dir || end <= at || begin >= at + n) {
            assert_int_equal(feed_side(w, &w->tap, d, seg), seg.len);
            continue;
        }
        size_t before = at > begin ? at - begin : 0;
        size_t after = end > at + n ? end - (at + n) : 0;
        feed_side(w, &w->tap, d, mr_slice_sub(seg, 0, before));
        if (begin <= at) {
            int rc = mr_assoc_feed_gap(&w->tap.a, d, tell ? n : 0, w->now, &err);
            assert_int_equal(rc, 0);
            drain(w, &w->tap);
        }
        feed_side(w, &w->tap, d, mr_slice_sub(seg, seg.len - after, after));
    }
}

/* Every line of @part that does not speak of damage stands in @whole, too. */
static void assert_no_lies(const char *part, const char *whole) {
    char line[256];
    while (*part) {
        size_t n = strcspn(part, "\n");
        assert_true(n < sizeof line);
        memcpy(line, part, n + 1);
        line[n + 1] = '\0';
        if (!strstr(line, "damaged") && !strstr(line, "fault") && !strstr(whole, line))
            fail_msg("the tap made up: %s", line);
        part += n + 1;
    }
}

static size_t lines(const char *s) {
    size_t n = 0;
    for (; *s; s++)
        n += *s == '\n';
    return n;
}

static void record_conversation(mr_buf *record, char *log, size_t *sizes) {
    mr_assoc_config c = {.max_xmit = 700}, s = {.max_xmit = 900};
    uint32_t n = 3000;
    mr_assoc_info info;
    world *w = world_new(&c, &s, 1461);

    w->record = record;
    world_bind(w);
    for (int i = 0; i < 4; i++) {
        world_call(w, 0, mr_slice_of(w->big_reply + i, 1500));
        world_call(w, 1, mr_slice_of(&n, 4));
        pump(w);
    }
    world_call(w, 0, MR_SLICE_LIT("the last words"));
    pump(w);
    assert_sound(&w->client);
    memcpy(log, w->client.log, w->client.log_len + 1);
    mr_assoc_get_info(&w->tap.a, &info);
    sizes[0] = info.received[0];
    sizes[1] = info.received[1];
    world_deinit(w);
}

static void holes(void **state) {
    static char log[32768];
    mr_buf record;
    size_t sizes[2];
    (void)state;

    mr_buf_init(&record, NULL, 0, (size_t)1 << 20);
    record_conversation(&record, log, sizes);
    for (int dir = 0; dir < 2; dir++)
        for (int tell = 0; tell < 2; tell++)
            for (size_t at = 0; at < sizes[dir] - 100; at += 37) {
                size_t n = 1 + at * 31 % 2500;
                if (at + n > sizes[dir] - 80)
                    n = 1;
                world *w = world_new(NULL, NULL, 0);
                replay(w, mr_buf_slice(&record), dir, at, n, tell);
                assert_sound(&w->tap);
                assert_int_equal(w->tap.seen[MR_EVENT_GAP], 1);
                assert_no_lies(w->tap.log, log);
                /* what comes after the hole is seen again */
                if (!strstr(w->tap.log, "ok 14/"))
                    fail_msg("lost for good: dir %d tell %d at %zu n %zu\n%s", dir, tell, at, n,
                             w->tap.log);
                if (tell && n == 1)
                    assert_true(lines(w->tap.log) + 2 >= lines(log));
                world_deinit(w);
            }
    mr_buf_deinit(&record);
}

/* A capture that begins anywhere finds its feet. */
static void midstream(void **state) {
    static char log[32768];
    mr_buf record;
    size_t sizes[2];
    (void)state;

    mr_buf_init(&record, NULL, 0, (size_t)1 << 20);
    record_conversation(&record, log, sizes);
    for (int dir = 0; dir < 2; dir++)
        for (size_t n = 1; n < sizes[dir] - 100; n += 61) {
            mr_assoc_config tap = {.role = MR_ROLE_TAP, .midstream = true};
            mr_error err = MR_ERROR_INIT;
            world *w = world_new(NULL, NULL, 0);
            mr_assoc_deinit(&w->tap.a);
            assert_int_equal(mr_assoc_init(&w->tap.a, &tap, &err), 0);
            replay(w, mr_buf_slice(&record), dir, 0, n, true);
            assert_sound(&w->tap);
            assert_no_lies(w->tap.log, log);
            assert_non_null(strstr(w->tap.log, "ok 14/"));
            assert_int_equal(w->tap.seen[MR_EVENT_FOREIGN], 0);
            world_deinit(w);
        }
    mr_buf_deinit(&record);
}

/* A tap forgets the oldest of too many unfinished calls. */
static void tap_forgets(void **state) {
    mr_error err = MR_ERROR_INIT;
    mr_assoc_info info;
    size_t used;
    (void)state;
    world *w = world_new(NULL, NULL, 0);
    for (uint32_t i = 0; i < 500; i++) {
        mr_buf_reset(&raw);
        add_request(FL, i, 0, 0, MR_SLICE_LIT("x"));
        assert_int_equal(mr_assoc_feed(&w->tap.a, MR_DIR_TO_SERVER, mr_buf_slice(&raw), 1, &used,
                                       &err), 0);
        mr_event e;
        assert_true(mr_assoc_pull_event(&w->tap.a, &e));
    }
    mr_assoc_get_info(&w->tap.a, &info);
    assert_int_equal(info.calls, 64);
    world_deinit(w);
}

/* A client that asks and never reads: waiting output stops the server's reading. */
static void output_is_bounded(void **state) {
    mr_assoc_info info;
    (void)state;
    world *w = world_new(NULL, NULL, 0);
    good_bind();
    for (uint32_t i = 0; i < 5000; i++)
        add_request(FL, i + 2, 9, 0, MR_SLICE_LIT("x"));
    mr_buf_write(&w->queue[0], mr_buf_slice(&raw));
    w->no_tap = true;
    deliver(w, MR_DIR_TO_SERVER);
    assert_sound(&w->server);
    mr_assoc_get_info(&w->server.a, &info);
    assert_true(info.received[MR_DIR_TO_SERVER] < raw.len);
    while (w->queue[0].len > 0) {
        mr_buf_reset(&w->queue[1]);
        assert_true(pull_side(w, &w->server, MR_DIR_TO_CLIENT));
        assert_in_range(w->queue[1].len, 1, MR_ASSOC_OUT_MAX);
        deliver(w, MR_DIR_TO_SERVER);
    }
    assert_sound(&w->server);
    world_deinit(w);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(server_breaks),
        TEST(unknown_context),
        TEST(client_breaks),
        TEST(foreign_peers),
        TEST(foreign_clients),
        TEST(truncated_at_every_octet),
        TEST(big_endian_client),
        TEST(big_endian_server),
        TEST(tap_passes_over_other_types),
        TEST(holes),
        TEST(midstream),
        TEST(tap_forgets),
        TEST(output_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
