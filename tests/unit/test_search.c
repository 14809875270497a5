/*
 * The search by meaning: stems, synonyms, symbols and names taken apart, beginnings, slips, rare
 * words before common ones, and the same order for the same documents.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <msrpc/base/result.h>
#include <msrpc/diag/search.h>

static const char *const documents[][2] = {
    {"RPC_S_SERVER_UNAVAILABLE", "no connection to the server came about"},
    {"RPC_S_SERVER_TOO_BUSY", "the server has no thread left"},
    {"TCP.DYNAMIC_FILTERED", "a dynamic port is blocked"},
    {"TCP.MAPPER_FILTERED", "the port of the mapper is blocked"},
    {"SamrEnumerateUsersInDomain", ""},
    {"spoolss", "printing"},
    {"KRB_AP_ERR_SKEW", "the clocks are too far apart"},
    {"ERROR_ACCESS_DENIED", "access is denied"},
    {"NAME.NXDOMAIN", "the name does not exist"},
    {"same", "first of two that are alike"},
    {"same", "first of two that are alike"},
};

static const char *first(const char *query, size_t *ordep) {
    mr_search search;

    assert_int_equal(mr_search_init(&search, query), 0);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < MR_COUNT(documents); i++) {
            mr_search_doc doc = {.fields = {documents[i][0], documents[i][1]}, .weight = 100,
                                 .user = documents[i][0]};
            if (pass)
                mr_search_add(&search, &doc);
            else
                mr_search_count(&search, &doc);
        }
    }
    const mr_search_hit *hit = mr_search_get(&search, 0);
    if (hit && ordep)
        *ordep = hit->order;
    return hit ? hit->user : "";
}

static void test_meaning(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"server unavailable", "RPC_S_SERVER_UNAVAILABLE"}, /* words of a symbol */
        {"SERVER busy", "RPC_S_SERVER_TOO_BUSY"},           /* any case */
        {"blocked dynamic ports", "TCP.DYNAMIC_FILTERED"},  /* stems */
        {"firewall mapper", "TCP.MAPPER_FILTERED"},         /* synonyms */
        {"enumerating users", "SamrEnumerateUsersInDomain"}, /* words of a name */
        {"printer", "spoolss"},
        {"time skew", "KRB_AP_ERR_SKEW"},
        {"acess denied", "ERROR_ACCESS_DENIED"},            /* one letter less */
        {"unavailabel server", "RPC_S_SERVER_UNAVAILABLE"}, /* two swapped */
        {"unavail", "RPC_S_SERVER_UNAVAILABLE"},            /* a beginning */
        {"what is a filtered mapper", "TCP.MAPPER_FILTERED"}, /* noise */
        {"zebra", ""},
    };
    for (size_t i = 0; i < MR_COUNT(rows); i++)
        assert_string_equal(first(rows[i][0], NULL), rows[i][1]);
}

static void test_order(void **state) {
    (void)state;
    size_t order = 0;
    assert_string_equal(first("alike", &order), "same");
    assert_int_equal(order, 9); /* the one that was offered first */
}

static void test_limits(void **state) {
    (void)state;
    mr_search search;
    char word[400], many[400];

    assert_int_equal(mr_search_init(&search, ""), MR_ERR_SYNTAX);
    assert_int_equal(mr_search_init(&search, " .,- "), MR_ERR_SYNTAX);
    assert_int_equal(mr_search_init(&search, "the"), 0); /* noise alone is looked for */
    memset(word, 'x', sizeof word);
    word[sizeof word - 1] = '\0';
    assert_int_equal(mr_search_init(&search, word), 0);
    for (size_t i = 0; i + 2 < sizeof many; i += 2)
        snprintf(many + i, 3, "%c ", (int)('a' + i % 26));
    assert_int_equal(mr_search_init(&search, many), 0);
    assert_int_equal(search.word_count, MR_SEARCH_WORDS);
    for (int i = 0; i < 100; i++) {
        mr_search_doc doc = {.fields = {"a b c d e", word}, .weight = 100};
        mr_search_count(&search, &doc);
        mr_search_add(&search, &doc);
    }
    assert_non_null(mr_search_get(&search, MR_SEARCH_HITS - 1));
    assert_null(mr_search_get(&search, MR_SEARCH_HITS));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meaning),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
