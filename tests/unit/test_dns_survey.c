/*
 * The survey of a name against DNS servers of our own: what each says, what follows from it, and
 * which findings that makes; records as text.
 */
#include "dns_world.h"

#include <stdlib.h>

#include <msrpc/probe/dns_survey.h>

#define PATIENCE (30 * MR_SEC)
enum { S0 = 1, S1 = 2, S2 = 4, ALL = 7 };

static const struct dns_row rows[] = {
    {ALL, "same.lab.x", MR_DNS_A, 900, "10.0.0.1", 0},
    {ALL, "same.lab.x", MR_DNS_A, 900, "10.0.0.2", 0},
    {S0, "ttl.lab.x", MR_DNS_A, 900, "10.0.0.1", 0},
    {S1 | S2, "ttl.lab.x", MR_DNS_A, 5, "10.0.0.1", 0},
    {S0 | S1, "more.lab.x", MR_DNS_A, 900, "10.0.0.1", 0},
    {S1, "more.lab.x", MR_DNS_A, 900, "10.0.0.2", 0},
    {S2, "more.lab.x", MR_DNS_A, 900, "10.0.0.1", 0},
    {ALL, "six.lab.x", MR_DNS_A, 900, "10.0.0.6", 0},
    {S0 | S1, "six.lab.x", MR_DNS_AAAA, 900, "fd00::6", 0},
    {S0 | S1, "lacks.lab.x", MR_DNS_A, 900, "10.0.0.3", 0},
    {S0 | S2, "fails.lab.x", MR_DNS_A, 900, "10.0.0.4", 0},
    {S1, "fails.lab.x", 0, 0, NULL, MR_DNS_SERVFAIL},
    {S0 | S2, "mute.lab.x", MR_DNS_A, 900, "10.0.0.4", 0},
    {S1, "mute.lab.x", MR_DNS_ANY, 0, NULL, 0},
    {ALL, "odd.lab.x", 0, 0, NULL, MR_DNS_NOTIMP},
    {ALL, "alias.lab.x", MR_DNS_CNAME, 900, "gone.lab.x", 0},
    {ALL, "chain.lab.x", MR_DNS_A, 900, "10.0.0.1", 0, "same.lab.x"}, /* in any order */
    {ALL, "chain.lab.x", MR_DNS_CNAME, 900, "same.lab.x", 0, "middle.lab.x"},
    {ALL, "chain.lab.x", MR_DNS_CNAME, 900, "Middle.lab.x", 0},
    {ALL, "chain.lab.x", MR_DNS_A, 900, "10.0.0.66", 0, "other.lab.x"},
    {ALL, "circle.lab.x", MR_DNS_CNAME, 900, "round.lab.x", 0},
    {ALL, "circle.lab.x", MR_DNS_CNAME, 900, "circle.lab.x", 0, "round.lab.x"},
    {ALL, "foreign.lab.x", MR_DNS_A, 900, "10.0.0.66", 0, "other.lab.x"},
    {S0 | S2, "strays.lab.x", MR_DNS_A, 900, "10.0.0.4", 0},
    {S1, "strays.lab.x", MR_DNS_A, 900, "10.0.0.66", 0, "other.lab.x"},
    {S0 | S2, "lame.lab.x", MR_DNS_A, 900, "10.0.0.4", 0},
    {S1, "lame.lab.x", 0, 0, NULL, DNS_WORLD_LAME},
    {ALL, "text.lab.x", MR_DNS_TXT, 900, "say \"hi\"", 0},
    {ALL, "1.0.0.10.in-addr.arpa", MR_DNS_PTR, 900, "same.lab.x", 0},
    {ALL, "6.0.0.10.in-addr.arpa", MR_DNS_PTR, 900, "other.lab.x", 0},
    {ALL, "9.0.0.10.in-addr.arpa", MR_DNS_PTR, 900, "same.lab.x", 0},
    {ALL, "_ldap._tcp.lab.x", MR_DNS_SRV, 900, "0 100 389 same.lab.x", 0},
    {S0, "_ldap._tcp.lab.x", MR_DNS_SRV, 900, "0 100 389 gone.lab.x", 0},
    {ALL, "short.corp.x", MR_DNS_TXT, 900, "no address", 0},
    {ALL, "short.lab.x", MR_DNS_A, 900, "10.0.0.7", 0},
};

struct world {
    struct dns_world dns;
    mr_loop loop;
    mr_resolver resolver;
    mr_arena arena;
    mr_diag diag;
    mr_dns_survey *survey;
};

static int setup(void **state) {
    struct world *w = calloc(1, sizeof *w);

    dns_world_open(&w->dns, rows, MR_COUNT(rows));
    assert_int_equal(mr_loop_init(&w->loop, NULL), 0);
    mr_resolver_init(&w->resolver, &w->loop);
    w->resolver.hosts_path = w->resolver.nsswitch_path = "/dev/null";
    assert_int_equal(mr_resolver_set_server(&w->resolver, &w->dns.addrs[0], NULL), 0);
    w->resolver.config.search[0] = "corp.x";
    w->resolver.config.search[1] = "lab.x";
    w->resolver.config.search_count = 2;
    w->resolver.config.ndots = 1;
    mr_arena_init(&w->arena, 64 << 20);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;

    mr_dns_survey_free(w->survey);
    mr_arena_deinit(&w->arena);
    mr_resolver_deinit(&w->resolver);
    mr_loop_deinit(&w->loop);
    dns_world_close(&w->dns);
    free(w);
    return 0;
}

static void on_done(void *user) {
    mr_loop_stop(user);
}

/* Asks all three servers for @name, the first as the system's, and judges. */
static void survey(struct world *w, const char *name, const uint16_t *types, size_t type_count) {
    const mr_dns_survey_options options = {
        .name = name,
        .servers = w->dns.addrs + 1,
        .server_count = 2,
        .types = types,
        .type_count = type_count,
        .timeout = 400 * MR_MSEC,
        .tries = 1,
    };

    mr_dns_survey_free(w->survey);
    w->survey = NULL;
    mr_arena_reset(&w->arena);
    assert_int_equal(mr_diag_init(&w->diag, &w->arena, name, NULL), 0);
    assert_int_equal(mr_dns_survey_new(&w->resolver, &w->arena, &options, &w->survey, NULL), 0);
    assert_int_equal(mr_dns_survey_start(w->survey, on_done, &w->loop, NULL), 0);
    assert_int_equal(mr_loop_run(&w->loop, mr_clock_now() + PATIENCE), 0);
    assert_int_equal(mr_dns_survey_add_facts(w->survey, &w->diag), 0);
    assert_int_equal(mr_diag_run(&w->diag), 0);
}

/* The ids of the findings above info, in their order: "NAME.A NAME.B". */
static void assert_findings(struct world *w, const char *wanted, int exit) {
    char text[512] = "";
    const mr_finding *f;

    for (size_t i = 0; (f = mr_diag_get_finding(&w->diag, i)) != NULL; i++)
        if (f->severity > MR_SEVERITY_INFO && !f->explained_by)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", *text ? " " : "",
                     f->id);
    assert_string_equal(text, wanted);
    assert_int_equal(mr_diag_get_verdict(&w->diag)->exit, exit);
}

static const mr_finding *find_finding(struct world *w, const char *id) {
    const mr_finding *f;

    for (size_t i = 0; (f = mr_diag_get_finding(&w->diag, i)) != NULL; i++)
        if (!strcmp(f->id, id))
            return f;
    return NULL;
}

static void test_agreement(void **state) {
    struct world *w = *state;

    survey(w, "same.lab.x", NULL, 0);
    assert_findings(w, "", 0);
    survey(w, "ttl.lab.x", NULL, 0); /* a cache counts down: no disagreement */
    assert_findings(w, "", 0);
    assert_null(mr_dns_survey_get_server(w->survey, 3));
    assert_string_equal(mr_dns_survey_get_zone(w->survey), "lab.x");
    for (size_t i = 0; i < 3; i++) {
        const mr_dns_survey_server *s = mr_dns_survey_get_server(w->survey, i);
        assert_int_equal(s->settled, 0);
        assert_true(s->has_serial && s->serial == 7);
    }
}

static void test_disagreement(void **state) {
    struct world *w = *state;
    const mr_dns_survey_query *q;

    survey(w, "more.lab.x", NULL, 0); /* one server has one more address: against each other one */
    assert_findings(w, "NAME.SERVERS_DIFFER NAME.SERVERS_DIFFER", 1);
    assert_non_null(strstr(find_finding(w, "NAME.SERVERS_DIFFER")->cause, "10.0.0.1, 10.0.0.2"));
    q = mr_dns_survey_find_query(w->survey, 1, 0, MR_DNS_A);
    assert_int_equal(q->answer->message->answer_count, 2);
    assert_true(mr_dns_survey_is_agreed(w->survey, q, &q->answer->message->answers[0]));
    assert_false(mr_dns_survey_is_agreed(w->survey, q, &q->answer->message->answers[1]));

    survey(w, "six.lab.x", NULL, 0); /* one lacks the AAAA record */
    assert_findings(w, "NAME.RECORDS_DIFFER", 1);
    survey(w, "lacks.lab.x", NULL, 0);
    assert_findings(w, "NAME.SERVER_LACKS", 1);
    survey(w, "fails.lab.x", NULL, 0);
    assert_findings(w, "NAME.SERVER_FAILING", 1);
    assert_non_null(strstr(find_finding(w, "NAME.SERVER_FAILING")->cause, "SERVFAIL"));
    survey(w, "mute.lab.x", NULL, 0);
    assert_findings(w, "NAME.SERVER_DEAD", 1);
    survey(w, "lame.lab.x", NULL, 0);
    assert_findings(w, "NAME.SERVER_LAME", 1);
    survey(w, "strays.lab.x", NULL, 0);
    assert_findings(w, "NAME.SERVER_LAME", 1);
}

static void test_failures(void **state) {
    struct world *w = *state;

    survey(w, "nosuch.lab.x", NULL, 0);
    assert_findings(w, "NAME.NXDOMAIN", 10);
    survey(w, "nosuch", NULL, 0);
    assert_findings(w, "NAME.SINGLE_LABEL", 10);
    survey(w, "text.lab.x", NULL, 0);
    assert_findings(w, "NAME.NODATA", 10);
    survey(w, "text.lab.x", (const uint16_t[]){MR_DNS_MX}, 1);
    assert_findings(w, "NAME.NO_RECORD", 10);
    survey(w, "text.lab.x", (const uint16_t[]){MR_DNS_MX, MR_DNS_TXT}, 2);
    assert_findings(w, "", 0);
    survey(w, "odd.lab.x", NULL, 0);
    assert_findings(w, "NAME.ERROR", 10);
    survey(w, "alias.lab.x", NULL, 0);
    assert_findings(w, "NAME.ALIAS_DANGLING", 10);
}

/* Records count only where the question, or its aliases, lead to them. */
static void test_owners(void **state) {
    struct world *w = *state;
    const mr_dns_survey_query *q;

    survey(w, "chain.lab.x", NULL, 0);
    assert_findings(w, "", 0);
    q = mr_dns_survey_find_query(w->survey, 0, 0, MR_DNS_A);
    assert_int_equal(q->answer->outcome, MR_DNS_OUTCOME_ANSWER);
    assert_int_equal(q->answer->message->answer_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_not_equal(q->answer->message->answers[i].name, "other.lab.x");
    survey(w, "foreign.lab.x", NULL, 0);
    assert_findings(w, "NAME.MALFORMED", 10);
    survey(w, "circle.lab.x", NULL, 0);
    assert_findings(w, "NAME.ALIAS_LOOP", 10);
}

/* A candidate without an address is passed over; every server walks for itself. */
static void test_search_list(void **state) {
    struct world *w = *state;
    const mr_dns_survey_candidate *c;

    survey(w, "short", NULL, 0);
    assert_findings(w, "", 0);
    assert_string_equal(mr_dns_survey_get_candidate(w->survey, 0)->name, "short.corp.x");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(mr_dns_survey_get_server(w->survey, i)->settled, 1);
    c = mr_dns_survey_get_candidate(w->survey, 2);
    assert_string_equal(c->name, "short");
    assert_false(c->asked || c->searched);
    assert_null(mr_dns_survey_get_candidate(w->survey, 3));
    survey(w, "short.lab.x.", NULL, 0); /* absolute: nothing is added */
    assert_null(mr_dns_survey_get_candidate(w->survey, 1));
}

static void test_reverse(void **state) {
    struct world *w = *state;

    survey(w, "same.lab.x", NULL, 0);
    assert_null(find_finding(w, "NAME.PTR_MISMATCH"));
    assert_non_null(find_finding(w, "NAME.PTR_NONE")); /* 10.0.0.2 */
    survey(w, "six.lab.x", NULL, 0);
    assert_non_null(find_finding(w, "NAME.PTR_MISMATCH"));
    survey(w, "10.0.0.1", NULL, 0); /* an address: its name, and whether that leads back */
    assert_findings(w, "", 0);
    assert_non_null(mr_dns_survey_get_literal(w->survey));
    survey(w, "10.0.0.9", NULL, 0);
    assert_findings(w, "NAME.FORWARD_MISMATCH", 1);
    survey(w, "10.0.0.99", NULL, 0);
    assert_findings(w, "", 0);
    assert_non_null(find_finding(w, "NAME.PTR_NONE"));
}

static void test_services(void **state) {
    struct world *w = *state;

    survey(w, "_ldap._tcp.lab.x", NULL, 0);
    assert_findings(w, "NAME.RECORDS_DIFFER NAME.RECORDS_DIFFER NAME.TARGET_NOWHERE", 1);
    assert_non_null(strstr(find_finding(w, "NAME.TARGET_NOWHERE")->cause, "gone.lab.x"));
}

static void write_file(char path[32], const char *text) {
    memcpy(path, "/tmp/msrpc-names-XXXXXX", 24);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void test_hosts(void **state) {
    struct world *w = *state;
    char hosts[32], order[32];

    write_file(hosts, "127.0.0.1 localhost\n\n10.9.9.9 same.lab.x\nfd00::1 same.lab.x\n");
    write_file(order, "passwd: files\nhosts:\tfiles mdns4 [NOTFOUND=return] dns # so\n");
    w->resolver.hosts_path = hosts;
    w->resolver.nsswitch_path = order;
    survey(w, "same.lab.x", NULL, 0);
    assert_findings(w, "NAME.HOSTS_DIFFERS", 1);
    assert_int_equal(mr_dns_survey_get_hosts(w->survey, 0)->line, 3);
    assert_int_equal(mr_dns_survey_get_hosts(w->survey, 1)->line, 4);
    assert_string_equal(mr_dns_survey_get_sources(w->survey),
                        "files mdns4 [NOTFOUND=return] dns");
    unlink(order);
    write_file(order, "hosts: dns files\n"); /* then DNS is what counts */
    survey(w, "same.lab.x", NULL, 0);
    assert_true(mr_dns_survey_hosts_late(w->survey));
    assert_findings(w, "", 0);
    unlink(hosts);
    unlink(order);
}

static void test_refusals(void **state) {
    struct world *w = *state;
    static const struct {
        const char *name;
        size_t at;
    } cases[] = {{"dc..x", 3}, {"", 0}, {".x", 0}, {"a\\", 1}, {"a\\999", 1},
                 {"a.0123456789012345678901234567890123456789012345678901234567890123.x", 2}};

    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        const mr_dns_survey_options options = {.name = cases[i].name};
        mr_dns_survey *s = NULL;
        mr_error err = MR_ERROR_INIT;
        assert_int_equal(mr_dns_survey_new(&w->resolver, &w->arena, &options, &s, &err),
                         MR_ERR_SYNTAX);
        assert_int_equal(err.offset, cases[i].at);
        assert_null(s);
    }
}

/* Cut in the middle: what is known can be said, nothing is said of the rest. */
static void test_cut(void **state) {
    struct world *w = *state;
    const mr_dns_survey_options options = {.name = "mute.lab.x", .servers = w->dns.addrs + 1,
                                           .server_count = 1, .timeout = 20 * MR_SEC};

    assert_int_equal(mr_diag_init(&w->diag, &w->arena, "mute.lab.x", NULL), 0);
    assert_int_equal(mr_dns_survey_new(&w->resolver, &w->arena, &options, &w->survey, NULL), 0);
    assert_int_equal(mr_dns_survey_start(w->survey, on_done, &w->loop, NULL), 0);
    while (mr_dns_survey_get_server(w->survey, 0)->settled == MR_DNS_SURVEY_NONE)
        mr_loop_run(&w->loop, mr_clock_now() + MR_MSEC);
    assert_int_equal(mr_dns_survey_add_facts(w->survey, &w->diag), 0);
    assert_int_equal(mr_diag_run(&w->diag), 0);
    assert_findings(w, "", 0);
    assert_null(mr_dns_survey_find_query(w->survey, 1, 0, MR_DNS_A)->answer);
}

/* ---- records ---- */

static void assert_text(struct world *w, uint16_t type, const char *octets, size_t len,
                        const char *wanted) {
    const mr_dns_record record = {.name = "x", .type = type, .class = MR_DNS_CLASS_IN,
                                  .data = mr_slice_of((const uint8_t *)octets, len)};

    assert_string_equal(mr_dns_survey_record_text(&record, &w->arena), wanted);
}

static void test_record_text(void **state) {
    struct world *w = *state;

    assert_text(w, MR_DNS_TXT, "\3abc\0\2\"\\", 8, "\"abc\" \"\" \"\\\"\\\\\"");
    assert_text(w, MR_DNS_TXT, "\2\x1b\xff", 3, "\"\\027\\255\"");
    assert_text(w, MR_DNS_TXT, "\5abc", 4, "\\# 4 05616263"); /* cut short */
    assert_text(w, MR_DNS_TXT, "", 0, "\\# 0 ");
    assert_text(w, 65, "\1\2\xff", 3, "\\# 3 0102ff");
    char full[256] = {[0] = (char)255};
    char wanted[4 * 255 + 3] = "\"";
    for (size_t i = 0; i < 255; i++)
        memcpy(wanted + 1 + 4 * i, "\\000", 4);
    memcpy(wanted + 1 + 4 * 255, "\"", 2);
    assert_text(w, MR_DNS_TXT, full, sizeof full, wanted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_agreement, setup, teardown),
        cmocka_unit_test_setup_teardown(test_disagreement, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_owners, setup, teardown),
        cmocka_unit_test_setup_teardown(test_search_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reverse, setup, teardown),
        cmocka_unit_test_setup_teardown(test_services, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hosts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_record_text, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
