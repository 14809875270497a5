/*
 * Names against a small DNS server of our own, a thread on loopback over UDP and TCP that behaves
 * as the first label of the question says: every outcome of the resolver, the search list, the
 * hosts file, and the lookup that puts them in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/io.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATIENCE (30 * MR_SEC)

/* The server */

struct server {
    pthread_t thread;
    int udp, tcp, quit[2];
    uint16_t port;
    unsigned asked; /* over UDP; read after join only */
    unsigned flaky;
};

enum { AA = 0x0400, TC = 0x0200, RA = 0x0080 };

static void put16(uint8_t *p, unsigned v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static size_t put_record(uint8_t *p, unsigned type, const void *data, size_t len) {
    put16(p, 0xc00c);
    put16(p + 2, type);
    put16(p + 4, 1);
    put16(p + 6, 0);
    put16(p + 8, 300);
    put16(p + 10, (unsigned)len);
    memcpy(p + 12, data, len);
    return 12 + len;
}

static const uint8_t soa_data[] = {1, 'n', 0, 1, 'h', 0, 0, 0, 0, 1, 0, 0, 0, 2,
                                   0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5};

static bool first_label(const uint8_t *q, const char *label) {
    return q[12] == strlen(label) && memcmp(q + 13, label, q[12]) == 0;
}

/* Turns the question @q of @len octets into an answer in place; 0: say nothing. */
static size_t answer(struct server *server, uint8_t *q, size_t len, bool tcp) {
    static const uint8_t v6[16] = {0xfd, [15] = 7};
    unsigned type = (unsigned)q[len - 4] << 8 | q[len - 3], flags = 0x8100 | RA;
    uint8_t *p = q + len;
    unsigned answers = 0, authority = 0;

    if (first_label(q, "silent"))
        return 0;
    if (first_label(q, "flaky") && server->flaky++ == 0)
        return 0;
    if (first_label(q, "nx")) {
        flags |= MR_DNS_NXDOMAIN;
    } else if (first_label(q, "servfail")) {
        flags |= MR_DNS_SERVFAIL;
    } else if (first_label(q, "refused")) {
        flags |= MR_DNS_REFUSED;
    } else if (first_label(q, "notimp")) {
        flags |= MR_DNS_NOTIMP;
    } else if (first_label(q, "nodata") || (type == MR_DNS_AAAA && first_label(q, "only4"))) {
        p += put_record(p, MR_DNS_SOA, soa_data, sizeof soa_data);
        authority = 1;
        flags |= AA;
    } else if (first_label(q, "referral")) {
        p += put_record(p, MR_DNS_NS, "\1n", 3);
        authority = 1;
    } else if (first_label(q, "norec")) {
        flags &= ~(unsigned)RA;
    } else if (first_label(q, "cname")) {
        p += put_record(p, MR_DNS_CNAME, "\1w", 3);
        answers = 1;
    } else if (first_label(q, "garbage")) {
        p += put_record(p, MR_DNS_CNAME, "\77w", 2);
        answers = 1;
    } else if ((first_label(q, "tc") || first_label(q, "tcshut")) && !tcp) {
        flags |= TC;
    } else if (first_label(q, "long")) { /* more than a datagram may hold, and no TC */
        for (answers = 0; answers < 40; answers++)
            p += put_record(p, MR_DNS_A, "\012\0\0\1", 4);
    } else if (type == MR_DNS_AAAA) {
        p += put_record(p, MR_DNS_AAAA, v6, 16);
        answers = 1;
    } else {
        p += put_record(p, MR_DNS_A, "\012\0\0\1", 4);
        p += put_record(p, MR_DNS_A, "\012\0\0\2", 4);
        answers = 2;
    }
    put16(q + 2, flags);
    put16(q + 6, answers);
    put16(q + 8, authority);
    return (size_t)(p - q);
}

static void serve_tcp(struct server *server) {
    uint8_t q[1024];
    int fd = accept(server->tcp, NULL, NULL);

    if (fd < 0)
        return;
    ssize_t n = recv(fd, q, 2, MSG_WAITALL);
    size_t len = n == 2 ? (size_t)q[0] << 8 | q[1] : 0;
    if (len >= 17 && len < 512 && recv(fd, q + 2, len, MSG_WAITALL) == (ssize_t)len &&
        !first_label(q + 2, "tcshut")) {
        len = answer(server, q + 2, len, true);
        put16(q, (unsigned)len);
        (void)!write(fd, q, len + 2);
    }
    close(fd);
}

static void *serve(void *arg) {
    struct server *server = arg;

    for (;;) {
        struct pollfd fds[] = {{server->quit[0], POLLIN, 0}, {server->udp, POLLIN, 0},
                               {server->tcp, POLLIN, 0}};
        if (poll(fds, 3, -1) < 0 || fds[0].revents)
            return NULL;
        if (fds[1].revents) {
            uint8_t q[1024];
            struct sockaddr_in from;
            socklen_t from_len = sizeof from;
            ssize_t n = recvfrom(server->udp, q, 512, 0, (struct sockaddr *)&from, &from_len);
            server->asked++;
            size_t len = n >= 17 ? answer(server, q, (size_t)n, false) : 0;
            if (len > 0)
                sendto(server->udp, q, len, 0, (struct sockaddr *)&from, from_len);
        }
        if (fds[2].revents)
            serve_tcp(server);
    }
}

static void server_start(struct server *server) {
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof sa;

    *server = (struct server){0};
    for (int i = 0; i < 100; i++) { /* a port that is free for both */
        sa.sin_port = 0;
        server->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        server->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(server->udp, (struct sockaddr *)&sa, sizeof sa), 0);
        assert_int_equal(getsockname(server->udp, (struct sockaddr *)&sa, &len), 0);
        if (bind(server->tcp, (struct sockaddr *)&sa, sizeof sa) == 0)
            break;
        close(server->udp);
        close(server->tcp);
    }
    assert_int_equal(listen(server->tcp, 16), 0);
    server->port = ntohs(sa.sin_port);
    assert_int_equal(pipe(server->quit), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server) {
    close(server->quit[1]);
    pthread_join(server->thread, NULL);
    close(server->quit[0]);
    close(server->udp);
    close(server->tcp);
}

/* The world of one test */

struct world {
    struct server server;
    mr_loop loop;
    mr_resolver resolver;
    mr_dns_query query;
    mr_lookup lookup;
    bool deinit_inside;
    unsigned answers;
    int result;
    mr_error err;
};

static void on_answered(void *user, const mr_dns_answer *answer) {
    struct world *w = user;

    assert_ptr_equal(answer, &w->query.answer);
    w->answers++;
    if (w->deinit_inside)
        mr_dns_query_deinit(&w->query);
    mr_loop_stop(&w->loop);
}

static void on_done(void *user, int result, const mr_error *err) {
    struct world *w = user;

    w->result = result;
    w->err = *err;
    if (w->deinit_inside)
        mr_lookup_deinit(&w->lookup);
    mr_loop_stop(&w->loop);
}

static mr_addr loopback(uint16_t port) {
    return (mr_addr){.family = MR_FAMILY_IPV4, .port = port, .ip = {127, 0, 0, 1}};
}

static int setup(void **state) {
    struct world *w = calloc(1, sizeof *w);
    mr_addr addr;

    server_start(&w->server);
    addr = loopback(w->server.port);
    assert_int_equal(mr_loop_init(&w->loop, NULL), 0);
    mr_resolver_init(&w->resolver, &w->loop);
    w->resolver.hosts_path = "/dev/null";
    assert_int_equal(mr_resolver_set_server(&w->resolver, &addr, NULL), 0);
    w->resolver.config.search_count = 0;
    w->resolver.config.ndots = 1;
    mr_dns_query_init(&w->query, &w->resolver, on_answered, w);
    mr_lookup_init(&w->lookup, &w->resolver, on_done, w);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;

    mr_lookup_deinit(&w->lookup);
    mr_dns_query_deinit(&w->query);
    mr_resolver_deinit(&w->resolver);
    mr_loop_deinit(&w->loop);
    server_stop(&w->server);
    free(w);
    return 0;
}

static const mr_dns_answer *ask(struct world *w, mr_dns_ask question) {
    unsigned before = w->answers;

    if (!question.type)
        question.type = MR_DNS_A;
    assert_int_equal(mr_dns_query_ask(&w->query, &question, NULL), 0);
    assert_int_equal(w->answers, before); /* told from the loop only */
    assert_int_equal(mr_dns_query_ask(&w->query, &question, NULL), MR_ERR_STATE);
    assert_int_equal(mr_loop_run(&w->loop, mr_clock_now() + PATIENCE), 0);
    assert_int_equal(w->answers, before + 1);
    return &w->query.answer;
}

/* Queries */

static void test_outcomes(void **state) {
    static const struct {
        const char *name;
        enum mr_dns_outcome outcome;
        uint16_t rcode;
    } cases[] = {
        {"ok.x", MR_DNS_OUTCOME_ANSWER, 0},
        {"nx.x", MR_DNS_OUTCOME_NXDOMAIN, 3},
        {"nodata.x", MR_DNS_OUTCOME_NODATA, 0},
        {"cname.x", MR_DNS_OUTCOME_NODATA, 0},
        {"servfail.x", MR_DNS_OUTCOME_SERVFAIL, 2},
        {"refused.x", MR_DNS_OUTCOME_REFUSED, 5},
        {"notimp.x", MR_DNS_OUTCOME_RCODE, 4},
        {"referral.x", MR_DNS_OUTCOME_LAME, 0},
        {"norec.x", MR_DNS_OUTCOME_LAME, 0},
    };
    struct world *w = *state;

    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        const mr_dns_answer *a = ask(w, (mr_dns_ask){.name = cases[i].name});
        assert_string_equal(mr_dns_outcome_name(a->outcome),
                            mr_dns_outcome_name(cases[i].outcome));
        assert_non_null(a->message);
        assert_int_equal(a->message->rcode, cases[i].rcode);
        assert_string_equal(a->message->question, cases[i].name);
        assert_int_equal(a->server.port, w->server.port);
        assert_int_equal(a->sent, 1);
        assert_false(a->tcp);
    }
    const mr_dns_answer *a = ask(w, (mr_dns_ask){.name = "ok.x"});
    assert_int_equal(a->message->answer_count, 2);
    assert_int_equal(a->message->answers[0].ttl, 300);
    assert_int_equal(a->message->answers[1].u.ipv4[3], 2);
    a = ask(w, (mr_dns_ask){.name = "garbage.x"});
    assert_int_equal(a->outcome, MR_DNS_OUTCOME_MALFORMED);
    assert_null(a->message);
    a = ask(w, (mr_dns_ask){.name = "a..b"});
    assert_int_equal(a->outcome, MR_DNS_OUTCOME_NAME);
    assert_int_equal(a->sent, 0);
}

static void test_silence(void **state) {
    struct world *w = *state;
    const mr_dns_answer *a;

    a = ask(w, (mr_dns_ask){.name = "silent.x", .tries = 2, .timeout = 60 * MR_MSEC});
    assert_int_equal(a->outcome, MR_DNS_OUTCOME_TIMEOUT);
    assert_int_equal(a->sent, 2);
    assert_null(a->message);
    a = ask(w, (mr_dns_ask){.name = "flaky.x", .tries = 6, .timeout = 6 * MR_SEC});
    assert_int_equal(a->outcome, MR_DNS_OUTCOME_ANSWER);
    assert_true(a->sent >= 2);
}

static void test_truncated(void **state) {
    struct world *w = *state;
    const mr_dns_answer *a = ask(w, (mr_dns_ask){.name = "tc.x"});

    assert_int_equal(a->outcome, MR_DNS_OUTCOME_ANSWER);
    assert_true(a->tcp);
    assert_false(a->message->truncated);
    assert_int_equal(a->message->answer_count, 2);
    assert_int_equal(a->sent, 2);
    a = ask(w, (mr_dns_ask){.name = "tcshut.x", .timeout = 500 * MR_MSEC});
    assert_true(a->outcome == MR_DNS_OUTCOME_UNREACHABLE || a->outcome == MR_DNS_OUTCOME_TIMEOUT);
    assert_true(a->tcp);
    assert_true(a->message->truncated);
    const mr_dns_answer *answer = ask(w, (mr_dns_ask){.name = "long.x"});
    assert_int_equal(answer->outcome, MR_DNS_OUTCOME_ANSWER);
    assert_true(answer->tcp);
    assert_int_equal(answer->message->answer_count, 40);
}

/* A port of UDP where nothing listens. */
static uint16_t closed_port(void) {
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof sa;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    close(fd);
    return ntohs(sa.sin_port);
}

static void test_no_server_there(void **state) {
    struct world *w = *state;
    const mr_dns_answer *a =
        ask(w, (mr_dns_ask){.name = "ok.x", .server = loopback(closed_port())});

    assert_int_equal(a->outcome, MR_DNS_OUTCOME_UNREACHABLE);
    assert_true(mr_icmp_is_port(&a->icmp));
    assert_int_equal(a->os_error, ECONNREFUSED);
    assert_int_equal(a->servers_tried, 1);
    w->resolver.config.server_count = 0;
    a = ask(w, (mr_dns_ask){.name = "ok.x"});
    assert_int_equal(a->outcome, MR_DNS_OUTCOME_NO_SERVER);
}

static void test_next_server(void **state) {
    struct world *w = *state;

    w->resolver.config.servers[1] = w->resolver.config.servers[0];
    w->resolver.config.servers[0] = loopback(closed_port());
    w->resolver.config.server_count = 2;
    const mr_dns_answer *a = ask(w, (mr_dns_ask){.name = "ok.x"});
    assert_int_equal(a->outcome, MR_DNS_OUTCOME_ANSWER);
    assert_int_equal(a->server.port, w->server.port);
    assert_int_equal(a->servers_tried, 2);
    assert_false(a->icmp.present); /* that was the other server's */
}

static void test_deinit_in_answer(void **state) {
    struct world *w = *state;

    w->deinit_inside = true;
    ask(w, (mr_dns_ask){.name = "ok.x"});
    assert_null(w->query.exchange);
    /* and while the question is open */
    mr_dns_ask question = {.name = "silent.x", .type = MR_DNS_A};
    assert_int_equal(mr_dns_query_ask(&w->query, &question, NULL), 0);
    assert_int_equal(mr_loop_run(&w->loop, mr_clock_now() + MR_MSEC), MR_LOOP_DEADLINE);
    mr_dns_query_deinit(&w->query);
    assert_int_equal(mr_loop_run(&w->loop, mr_clock_now() + PATIENCE), MR_LOOP_IDLE);
    assert_int_equal(w->answers, 1);
}

/* The search list */

static void test_candidates(void **state) {
    static const mr_dns_config config = {.search = {"corp.x", "x"}, .search_count = 2, .ndots = 1};
    static const struct {
        const char *name;
        const char *candidates[4];
    } cases[] = {
        {"dc", {"dc.corp.x", "dc.x", "dc"}},
        {"dc.y", {"dc.y", "dc.y.corp.x", "dc.y.x"}},
        {"dc.", {"dc"}},
    };
    char out[MR_DNS_NAME_TEXT];

    (void)state;
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        size_t n = 0;
        for (; cases[i].candidates[n]; n++) {
            assert_int_equal(mr_dns_config_get_candidate(&config, cases[i].name, n, out), 0);
            assert_string_equal(out, cases[i].candidates[n]);
        }
        assert_int_equal(mr_dns_config_get_candidate(&config, cases[i].name, n, out),
                         MR_ERR_NOT_FOUND);
    }
}

/* The hosts file */

static void write_hosts(char path[32]) {
    static const char text[] = "# a comment\n127.0.0.1 localhost\n"
                               "10.1.0.10\tdc01.corp.x dc01 # 10.9.9.9 no\n"
                               "fd00::10 DC01\n"
                               "10.1.0.10 dc01\n"
                               "not-an-address dc01\n"
                               "10.1.0.11 other#dc01";

    memcpy(path, "/tmp/msrpc-hosts-XXXXXX", 24);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    close(fd);
}

static void test_hosts(void **state) {
    mr_addr addrs[4];
    char path[32], text[MR_ADDR_TEXT];
    size_t n = 99;

    (void)state;
    write_hosts(path);
    assert_int_equal(mr_hosts_find(path, "dc01", MR_FAMILY_ANY, addrs, 4, &n), 0);
    assert_int_equal(n, 2);
    assert_string_equal(mr_addr_text(&addrs[0], text), "10.1.0.10");
    assert_string_equal(mr_addr_text(&addrs[1], text), "fd00::10");
    assert_int_equal(mr_hosts_find(path, "dc01", MR_FAMILY_IPV6, addrs, 4, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(mr_hosts_find(path, "dc01", MR_FAMILY_ANY, addrs, 1, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(mr_hosts_find(path, "10.9.9.9", MR_FAMILY_ANY, addrs, 4, &n), 0);
    assert_int_equal(n, 0);
    unlink(path);
    n = 99;
    assert_int_equal(mr_hosts_find(path, "dc01", MR_FAMILY_ANY, addrs, 4, &n), MR_ERR_SYSTEM);
    assert_int_equal(n, 99);
}

/* Lookups */

static int look_up(struct world *w, mr_lookup_options options) {
    w->result = 99;
    options.port = 135;
    assert_int_equal(mr_lookup_start(&w->lookup, &options, NULL), 0);
    assert_int_equal(mr_lookup_start(&w->lookup, &options, NULL), MR_ERR_STATE);
    assert_int_equal(w->result, 99);
    assert_int_equal(mr_loop_run(&w->loop, mr_clock_now() + PATIENCE), 0);
    return w->result;
}

static void test_lookup(void **state) {
    struct world *w = *state;
    mr_lookup *l = &w->lookup;
    char text[MR_ADDR_TEXT], path[32];

    assert_int_equal(look_up(w, (mr_lookup_options){.host = "[fd00::1]"}), 0);
    assert_int_equal(l->source, MR_LOOKUP_LITERAL);
    assert_string_equal(mr_addr_port_text(&l->addrs[0], text), "[fd00::1]:135");
    assert_int_equal(look_up(w, (mr_lookup_options){.host = "both.x"}), 0);
    assert_int_equal(l->source, MR_LOOKUP_DNS);
    assert_int_equal(l->count, 3);
    assert_string_equal(mr_addr_port_text(&l->addrs[1], text), "10.0.0.2:135");
    assert_string_equal(mr_addr_port_text(&l->addrs[2], text), "[fd00::7]:135");
    assert_int_equal(look_up(w, (mr_lookup_options){.host = "both.x", .family = MR_FAMILY_IPV6}),
                     0);
    assert_int_equal(l->count, 1);
    assert_int_equal(look_up(w, (mr_lookup_options){.host = "only4.x"}), 0);
    assert_int_equal(l->count, 2);
    assert_int_equal(l->outcome_aaaa, MR_DNS_OUTCOME_NODATA);
    assert_int_equal(look_up(w, (mr_lookup_options){.host = "nx.x"}), MR_ERR_NAME);
    assert_int_equal(w->err.peer_kind, MR_PEER_DNS_RCODE);
    assert_int_equal(w->err.peer, MR_DNS_NXDOMAIN);
    write_hosts(path);
    w->resolver.hosts_path = path;
    assert_int_equal(look_up(w, (mr_lookup_options){.host = "Dc01"}), 0);
    assert_int_equal(l->source, MR_LOOKUP_HOSTS);
    assert_int_equal(l->count, 2);
    unlink(path);
    w->deinit_inside = true;
    assert_int_equal(look_up(w, (mr_lookup_options){.host = "both.x"}), 0);
}

static void test_lookup_search(void **state) {
    struct world *w = *state;
    mr_error err = MR_ERROR_INIT;
    mr_lookup_options options = {.host = ""};

    w->resolver.config.search[0] = "corp.x";
    w->resolver.config.search_count = 1;
    assert_int_equal(look_up(w, (mr_lookup_options){.host = "dc"}), 0);
    assert_string_equal(w->lookup.name, "dc.corp.x");
    assert_int_equal(look_up(w, (mr_lookup_options){.host = "nx"}), MR_ERR_NAME);
    assert_string_equal(w->lookup.name, "nx"); /* the last candidate */
    assert_non_null(strstr(w->err.text, "nx.corp.x cannot be resolved: nxdomain")); /* the first */
    assert_int_equal(look_up(w, (mr_lookup_options){.host = "silent", .timeout = 30 * MR_MSEC}),
                     MR_ERR_NAME);
    assert_string_equal(w->lookup.name, "silent.corp.x"); /* a mute server is not asked again */
    assert_int_equal(w->lookup.outcome_a, MR_DNS_OUTCOME_TIMEOUT);
    assert_int_equal(mr_lookup_start(&w->lookup, &options, &err), MR_ERR_SYNTAX);
    options = (mr_lookup_options){.host = "10.0.0.1", .family = MR_FAMILY_IPV6};
    assert_int_equal(mr_lookup_start(&w->lookup, &options, &err), MR_ERR_SYNTAX);
}

static void on_one_of_many(void *user, const mr_dns_answer *answer) {
    struct world *w = user;

    assert_int_equal(answer->outcome, MR_DNS_OUTCOME_ANSWER);
    if (++w->answers == 64)
        mr_loop_stop(&w->loop);
}

static void test_many_at_once(void **state) {
    struct world *w = *state;
    mr_dns_query queries[64];

    for (size_t i = 0; i < MR_COUNT(queries); i++) {
        char name[32];
        snprintf(name, sizeof name, "h%zu.x", i);
        mr_dns_ask question = {.name = name, .type = MR_DNS_A, .timeout = PATIENCE};
        mr_dns_query_init(&queries[i], &w->resolver, on_one_of_many, w);
        assert_int_equal(mr_dns_query_ask(&queries[i], &question, NULL), 0);
    }
    assert_int_equal(mr_loop_run(&w->loop, mr_clock_now() + PATIENCE), 0);
    for (size_t i = 0; i < MR_COUNT(queries); i++)
        mr_dns_query_deinit(&queries[i]);
}

int main(void) {
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_outcomes),
        WITH_WORLD(test_silence),
        WITH_WORLD(test_truncated),
        WITH_WORLD(test_no_server_there),
        WITH_WORLD(test_next_server),
        WITH_WORLD(test_deinit_in_answer),
        cmocka_unit_test(test_candidates),
        cmocka_unit_test(test_hosts),
        WITH_WORLD(test_lookup),
        WITH_WORLD(test_lookup_search),
        WITH_WORLD(test_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
