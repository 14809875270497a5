/*
 * Observations as facts: every end of a connect and of a conversation gives the fact that rules
 * understand, with its fields and no other, written as text; and the diagnosis takes each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/facts.h>

struct fixture {
    mr_arena arena;
    mr_diag diag;
};

static void setup(struct fixture *f) {
    mr_arena_init(&f->arena, 16 << 20);
    assert_int_equal(mr_diag_init(&f->diag, &f->arena, "dc01", NULL), 0);
}

/* Fields come in the order of the list of fields, whatever that is: compared as sets of words. */
static bool same_words(const char *a, const char *b) {
    size_t count = 0;
    for (const char *p = a; *p; count++) {
        size_t len = strcspn(p, " ");
        const char *q = b;
        bool found = false;
        while (*q && !found) {
            size_t n = strcspn(q, " ");
            found = n == len && !memcmp(p, q, n);
            q += n + (q[n] == ' ');
        }
        if (!found)
            return false;
        p += len + (p[len] == ' ');
    }
    size_t others = 0;
    for (const char *q = b; *q; others++) {
        size_t n = strcspn(q, " ");
        q += n + (q[n] == ' ');
    }
    return count == others;
}

static void expect_words(struct fixture *f, const char *want) {
    char text[512];
    mr_buf buf;

    assert_int_equal(mr_diag_run(&f->diag), 0);
    if (!want) {
        assert_int_equal(f->diag.fact_count, 0);
        return;
    }
    for (size_t i = 0; i < f->diag.sorted_count; i++) {
        mr_buf_init(&buf, text, sizeof text, sizeof text);
        mr_fact_write(f->diag.sorted[i], &buf);
        mr_buf_write_zero(&buf, 1);
        if (same_words(text, want))
            return;
    }
    assert_string_equal(text, want);
}

static const mr_connect_seen connect_base = {.check = "TCP.135", .address = "10.1.0.10",
                                             .port = 135, .role = MR_ROLE_MAPPER,
                                             .tries = 3, .ms = 7};

static const struct {
    enum mr_connect_end end;
    int os_error;
    bool icmp;
    uint8_t version, type, code;
    const char *want;
} connects[] = {
    {MR_CONNECT_OPEN, 0, 0, 0, 0, 0,
     "TCP.OPEN address=10.1.0.10 port=135 role=mapper ms=7 check=TCP.135"},
    {MR_CONNECT_REFUSED, 0, 0, 0, 0, 0,
     "TCP.REFUSED address=10.1.0.10 port=135 role=mapper whose=host ms=7 check=TCP.135"},
    {MR_CONNECT_REFUSED, 0, true, 4, 3, 3,
     "TCP.REFUSED address=10.1.0.10 port=135 role=mapper whose=icmp sender=10.9.0.1 ms=7 "
     "check=TCP.135"},
    {MR_CONNECT_SILENT, 0, 0, 0, 0, 0,
     "TCP.SILENT address=10.1.0.10 port=135 role=mapper tries=3 check=TCP.135"},
    {MR_CONNECT_UNREACHABLE, 0, true, 4, 3, 13, "TCP.UNREACHABLE"},
    {MR_CONNECT_UNREACHABLE, 0, true, 4, 3, 1, "TCP.UNREACHABLE"},
    {MR_CONNECT_UNREACHABLE, 0, true, 6, 1, 1, "TCP.UNREACHABLE"},
    {MR_CONNECT_UNREACHABLE, 0, true, 4, 3, 4, "TCP.UNREACHABLE"},
    {MR_CONNECT_UNREACHABLE, 0, false, 0, 0, 0, "TCP.UNREACHABLE"},
    {MR_CONNECT_LOCAL, 1, 0, 0, 0, 0,
     "LOCAL.DENIED address=10.1.0.10 port=135 role=mapper check=TCP.135"},
    {MR_CONNECT_LOCAL, 13, 0, 0, 0, 0,
     "LOCAL.DENIED address=10.1.0.10 port=135 role=mapper check=TCP.135"},
    {MR_CONNECT_LOCAL, 23, 0, 0, 0, 0, "LOCAL.NO_FILES check=TCP.135"},
    {MR_CONNECT_LOCAL, 24, 0, 0, 0, 0, "LOCAL.NO_FILES check=TCP.135"},
    {MR_CONNECT_LOCAL, 98, 0, 0, 0, 0, "LOCAL.NO_PORTS address=10.1.0.10 check=TCP.135"},
    {MR_CONNECT_LOCAL, 99, 0, 0, 0, 0, "LOCAL.NO_SOURCE address=10.1.0.10 check=TCP.135"},
    {MR_CONNECT_LOCAL, 101, 0, 0, 0, 0, "LOCAL.NO_ROUTE address=10.1.0.10 check=TCP.135"},
    {MR_CONNECT_LOCAL, 113, 0, 0, 0, 0, "LOCAL.NO_NEIGHBOUR address=10.1.0.10 check=TCP.135"},
    {MR_CONNECT_LOCAL, 97, 0, 0, 0, 0, "LOCAL.NO_ROUTE address=10.1.0.10 check=TCP.135"},
};

static void test_connect(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(connects); i++) {
        mr_connect_seen seen = connect_base;
        struct fixture f;
        setup(&f);
        seen.end = connects[i].end;
        seen.os_error = connects[i].os_error;
        seen.icmp = connects[i].icmp;
        seen.icmp_version = connects[i].version;
        seen.icmp_type = connects[i].type;
        seen.icmp_code = connects[i].code;
        seen.sender = connects[i].icmp ? "10.9.0.1" : NULL;
        seen.mtu = connects[i].code == 4 ? 1400 : 0;
        int r = mr_facts_add_connect(&f.diag, &seen);
        if (connects[i].end != MR_CONNECT_UNREACHABLE) {
            assert_int_equal(r, 0);
            expect_words(&f, connects[i].want);
            mr_arena_deinit(&f.arena);
            continue;
        }
        assert_int_equal(r, 0);
        assert_int_equal(mr_diag_run(&f.diag), 0);
        const mr_fact *fact = f.diag.sorted[0];
        for (size_t k = 0; k < f.diag.sorted_count; k++)
            if (f.diag.sorted[k]->kind == MR_FACT_TCP_UNREACHABLE)
                fact = f.diag.sorted[k];
        assert_int_equal(fact->kind, MR_FACT_TCP_UNREACHABLE);
        assert_int_equal(fact->icmp,
                         connects[i].icmp ? mr_icmp_class(connects[i].version, connects[i].type,
                                                                  connects[i].code) : 0);
        assert_int_equal(fact->type, connects[i].type);
        assert_int_equal(fact->mtu, seen.mtu);
        assert_int_equal(fact->sender != NULL, connects[i].icmp);
        mr_arena_deinit(&f.arena);
    }
}

static const struct {
    mr_talk_seen seen;
    const char *mapper, *service;
} talks[] = {
    {{.end = MR_TALK_BOUND, .contexts = 3, .ms = 4},
     "EPM.BOUND address=10.1.0.10 port=49664 contexts=3 ms=4 check=X",
     "RPC.BOUND interface=samr address=10.1.0.10 port=49664 ms=4 check=X"},
    {{.end = MR_TALK_CALLED, .opnum = 2, .ms = 4}, NULL,
     "RPC.CALLED interface=samr address=10.1.0.10 port=49664 opnum=2 ms=4 check=X"},
    {{.end = MR_TALK_NAK, .reason = 4}, "EPM.NAK address=10.1.0.10 port=49664 reason=4 check=X",
     "RPC.NAK interface=samr address=10.1.0.10 port=49664 reason=4 service=SamSs check=X"},
    {{.end = MR_TALK_REJECTED, .result = 2, .reason = 1},
     "EPM.CONTEXT_REJECTED address=10.1.0.10 port=49664 result=2 reason=1 check=X",
     "RPC.CONTEXT_REJECTED interface=samr address=10.1.0.10 port=49664 result=2 reason=1 "
     "service=SamSs check=X"},
    {{.end = MR_TALK_FAULT, .status = 5, .opnum = 2},
     "EPM.FAULT address=10.1.0.10 port=49664 status=5 check=X",
     "RPC.FAULT interface=samr address=10.1.0.10 port=49664 status=5 opnum=2 "
     "service=SamSs check=X"},
};

static mr_talk_seen with_names(const mr_talk_seen *seen, bool mapper) {
    mr_talk_seen s = *seen;
    s.check = "X";
    s.mapper = mapper;
    s.address = "10.1.0.10";
    s.port = 49664;
    s.interface = mapper ? NULL : "samr";
    s.service = mapper ? NULL : "SamSs";
    return s;
}

static void test_talk(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(talks) * 2; i++) {
        struct fixture f;
        setup(&f);
        mr_talk_seen s = with_names(&talks[i / 2].seen, i % 2);
        assert_int_equal(mr_facts_add_talk(&f.diag, &s), 0);
        expect_words(&f, i % 2 ? talks[i / 2].mapper : talks[i / 2].service);
        mr_arena_deinit(&f.arena);
    }
}

/* Every end, moment and acknowledgement, for both: no combination is refused. */
static void test_talk_all(void **state) {
    static const enum mr_when whens[] = {MR_WHEN_AFTER_BIND, MR_WHEN_AFTER_REQUEST,
                                         MR_WHEN_MID_RESPONSE};
    static const enum mr_acked ackeds[] = {MR_ACKED_UNKNOWN, MR_ACKED_YES, MR_ACKED_NO};

    (void)state;
    for (int end = MR_TALK_BOUND; end <= MR_TALK_PROTOCOL; end++)
        for (size_t w = 0; w < MR_COUNT(whens); w++)
            for (size_t k = 0; k < MR_COUNT(ackeds); k++)
                for (int mapper = 0; mapper < 2; mapper++)
                    for (int service = 0; service < 2; service++) {
                        const mr_talk_seen any = {.end = end, .when = whens[w], .acked = ackeds[k],
                                                  .reason = 1, .result = 2, .status = 3,
                                                  .opnum = 4, .contexts = 5, .bytes = 6, .ms = 7};
                        mr_talk_seen s = with_names(&any, mapper);
                        struct fixture f;
                        if (!service)
                            s.service = NULL;
                        setup(&f);
                        assert_int_equal(mr_facts_add_talk(&f.diag, &s), 0);
                        assert_int_equal(mr_diag_run(&f.diag), 0);
                        mr_arena_deinit(&f.arena);
                    }
}

static void test_foreign(void **state) {
    static const struct {
        enum mr_foreign foreign;
        const char *first;
        enum mr_what what;
    } rows[] = {
        {MR_FOREIGN_HTTP, "HTTP/1.1", MR_WHAT_HTTP}, {MR_FOREIGN_TLS, "\x16", MR_WHAT_TLS},
        {MR_FOREIGN_SMB, "\xffSMB", MR_WHAT_SMB},    {MR_FOREIGN_SSH, "SSH-2.0", MR_WHAT_SSH},
        {MR_FOREIGN_LDAP, "0", MR_WHAT_GARBAGE},
        {MR_FOREIGN_UNKNOWN, "220 hi\r\n", MR_WHAT_TEXT},
        {MR_FOREIGN_UNKNOWN, "\x01\x02", MR_WHAT_GARBAGE},
        {MR_FOREIGN_UNKNOWN, "caf\xc3\xa9", MR_WHAT_GARBAGE},
        {MR_FOREIGN_UNKNOWN, "", MR_WHAT_GARBAGE},
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows) * 2; i++) {
        const mr_talk_seen seen = {.end = MR_TALK_PROTOCOL, .foreign = rows[i / 2].foreign,
                                   .first = mr_slice_str(rows[i / 2].first)};
        mr_talk_seen s = with_names(&seen, i % 2);
        struct fixture f;
        setup(&f);
        assert_int_equal(mr_facts_add_talk(&f.diag, &s), 0);
        assert_int_equal(mr_diag_run(&f.diag), 0);
        assert_int_equal(f.diag.sorted[0]->kind,
                         i % 2 ? MR_FACT_EPM_PROTOCOL : MR_FACT_RPC_PROTOCOL);
        assert_int_equal(f.diag.sorted[0]->what, rows[i / 2].what);
        mr_arena_deinit(&f.arena);
    }
}

/* Clocks that are apart by more than a fact's number can say: the text does not wrap. */
static void test_clock(void **state) {
    static const struct {
        int64_t ahead;
        const char *text;
    } rows[] = {
        {301, "differ by 301 s (this"},
        {-86400, "differ by 86400 s (24 hours) (this"},
        {INT64_C(4294967294), "differ by 4294967294 s (49710 days) (this"},
        {INT64_C(4294967296), "differ by at least 4294967295 s (49710 days) (this"},
        {INT64_MIN, "differ by at least 4294967295 s (49710 days) (this"},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        struct fixture f;
        setup(&f);
        assert_int_equal(mr_facts_add_clock(&f.diag, "c", "10.0.0.1", rows[i].ahead), 0);
        assert_int_equal(mr_diag_run(&f.diag), 0);
        const mr_finding *finding = mr_diag_get_finding(&f.diag, 0);
        assert_non_null(finding);
        if (!strstr(finding->cause, rows[i].text))
            fail_msg("%s", finding->cause);
        mr_arena_deinit(&f.arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect),
        cmocka_unit_test(test_talk),
        cmocka_unit_test(test_talk_all),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
