/* Two captures as facts, and what the rules say of them: client's and server's side of recorded
 * scenes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <msrpc/facts_pair.h>

enum { PATH = 512 };

static const struct {
    const char *scene, *findings;
} scenes[] = {
    {"pair-syn-lost", "TCP.LOST_THERE"},
    {"pair-syn-unanswered", "TCP.NEVER_ANSWERED"},
    {"pair-syn-ack-lost", "TCP.LOST_BACK"},
    {"pair-ack-lost", "TCP.DATA_LOST_THERE"},
    {"pair-answer-lost", "TCP.DATA_LOST_BACK"},
    {"pair-nat-stall", "TCP.DATA_LOST_THERE"},
    {"pair-query-lost", "UDP.LOST_THERE"},
    {"pair-query-back-lost", "UDP.LOST_BACK"},
    {"pair-query-unanswered", "UDP.NEVER_ANSWERED"},
    {"pair-mss-clamped", "TCP.ALTERED"},
    {"pair-stripped", "TCP.ALTERED"},
    {"tcp-dyn-filtered", "TCP.LOST_THERE"},
    {"tcp-dyn-forged", "TCP.FORGED_RESET"},
    {"tcp-135-forged", "TCP.FORGED_RESET"},
    {"rpc-reset-bind", "TCP.FORGED_RESET"},
    {"rpc-swallowed", "TCP.DATA_LOST_THERE"},
    {"tcp-pmtu-hole", "TCP.DATA_LOST_BACK"},
    /* not certain, or said by one capture alone */
    {"tcp-135-filtered", ""},
    {"epm-swallowed", ""},
    {"epm-hung", ""},
    {"tcp-loss", ""},
    {"tcp-refused", ""},
    {"pair-nat", ""},
    {"healthy-kerberos", ""},
};

static void compare(const char *scene, mr_pair *pairp) {
    const char *folder = getenv("MSRPC_SOURCE");
    char a[PATH], b[PATH];
    const char *const paths[2] = {a, b};
    mr_error err = MR_ERROR_INIT;

    snprintf(a, sizeof a, "%s/tests/captures/%s.client.pcap.gz", folder ? folder : ".", scene);
    snprintf(b, sizeof b, "%s/tests/captures/%s.server.pcap.gz", folder ? folder : ".", scene);
    if (mr_pair_run(NULL, paths, pairp, &err) != 0)
        fail_msg("%s", err.text);
}

static void test_findings(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(scenes); i++) {
        mr_arena arena;
        mr_diag diag;
        mr_pair pair;
        char text[512] = "";
        mr_arena_init(&arena, 16 << 20);
        assert_int_equal(mr_diag_init(&diag, &arena, "dc1", NULL), 0);
        compare(scenes[i].scene, &pair);
        assert_int_equal(mr_facts_add_pairs(&diag, &pair), 0);
        assert_int_equal(mr_diag_run(&diag), 0);
        for (size_t j = 0; j < mr_diag_finding_count(&diag); j++) {
            size_t at = strlen(text);
            snprintf(text + at, sizeof text - at, "%s%s", j ? " " : "",
                     mr_diag_get_finding(&diag, j)->id);
        }
        if (strcmp(text, scenes[i].findings) != 0)
            fail_msg("%s: %s, expected %s", scenes[i].scene, text, scenes[i].findings);
        mr_pair_deinit(&pair);
        mr_arena_deinit(&arena);
    }
}

static void test_words(void **state) {
    mr_pair_texts texts;
    char text[MR_PAIR_TEXT];
    mr_pair pair;

    (void)state;
    compare("pair-mss-clamped", &pair);
    mr_fact fact = mr_facts_of_pair(&pair.seen[0], &texts);
    assert_int_equal(fact.kind, MR_FACT_TCP_ALTERED);
    assert_string_equal(fact.other, "the MSS, from 1460 to 900");
    assert_string_equal(fact.check, "#3");
    assert_string_equal(fact.address, "10.88.2.10");
    assert_int_equal(fact.role, MR_ROLE_MAPPER);
    mr_pair_deinit(&pair);

    compare("pair-stripped", &pair);
    assert_string_equal(mr_pair_change_text(&pair.seen[0], text),
                        "the window scale, SACK, time stamps");
    mr_pair_deinit(&pair);

    compare("pair-answer-lost", &pair); /* the client's side has nothing to show */
    fact = mr_facts_of_pair(&pair.seen[pair.count - 1], &texts);
    assert_int_equal(fact.kind, MR_FACT_TCP_LOST_BACK);
    assert_int_equal(strncmp(fact.check, "2#", 2), 0);
    assert_int_equal(fact.bytes, 60);
    assert_int_equal(fact.tries, 6);
    mr_pair_deinit(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_findings),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests_name("facts of two captures", tests, NULL, NULL);
}
