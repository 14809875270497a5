/*
 * doc/signatures.tsv, which says what is found of each known signature of failure: every finding it
 * names is a rule's, every fact a kind; no signature stands twice, and nearly all of them are told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msrpc/diag/rule.h>

#define ROWS 256
#define TOLD_AT_LEAST 130 /* of 139; a signature without a finding says why in its note */

static bool is_finding(const char *id) {
    for (size_t i = 0; mr_rule_get(i); i++) {
        if (strcmp(mr_text_get(mr_rule_get(i)->id), id) == 0)
            return true;
    }
    return false;
}

static bool is_kind(const char *name) {
    for (unsigned k = MR_FACT_NONE + 1; k < MR_FACT_KINDS; k++) {
        if (strcmp(mr_fact_name((enum mr_fact_kind)k), name) == 0)
            return true;
    }
    return false;
}

/* Every word of a column is one that @known knows; the number of words, 0 for "-". */
static size_t check_words(const char *row, char *column, bool (*known)(const char *)) {
    char *rest = NULL;
    size_t n = 0;

    if (strcmp(column, "-") == 0)
        return 0;
    for (char *word = strtok_r(column, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (!known(word))
            fail_msg("%s names %s, which there is not", row, word);
        n++;
    }
    assert_true(n > 0);
    return n;
}

static void test_table(void **state) {
    (void)state;
    const char *root = getenv("MSRPC_SOURCE");
    char path[512], line[1024], seen[ROWS][16];
    size_t rows = 0, told = 0;

    snprintf(path, sizeof path, "%s/doc/signatures.tsv", root ? root : ".");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        char *columns[4], *rest = line;
        assert_non_null(strchr(line, '\n'));
        line[strcspn(line, "\n")] = 0;
        if (line[0] == '#')
            continue;
        for (size_t i = 0; i < MR_COUNT(columns); i++) {
            columns[i] = strsep(&rest, "\t");
            if (!columns[i])
                fail_msg("%s: four columns are wanted", line);
        }
        assert_null(rest);
        assert_true(rows < ROWS);
        for (size_t i = 0; i < rows; i++)
            assert_string_not_equal(seen[i], columns[0]);
        snprintf(seen[rows++], sizeof seen[0], "%s", columns[0]);
        bool tells = check_words(seen[rows - 1], columns[1], is_finding) > 0;
        check_words(seen[rows - 1], columns[2], is_kind);
        if (!tells && !*columns[3])
            fail_msg("%s is not told, and nothing says why", seen[rows - 1]);
        told += tells;
    }
    fclose(f);
    assert_int_equal(rows, 139);
    assert_true(told >= TOLD_AT_LEAST);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
