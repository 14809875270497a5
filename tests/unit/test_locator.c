/*
 * The DC locator: whom a client would take among constructed candidates, and the ping against
 * servers of our own on loopback, over UDP and TCP.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/probe/locator_private.h"

#include "sample.h"

/* ---- choosing ---- */

struct world {
    mr_arena arena;
    mr_locator *locator;
    mr_locator_host hosts[4];
    mr_locator_address addrs[4];
};

static void world_init(struct world *w, const mr_locator_options *options) {
    memset(w, 0, sizeof *w);
    mr_arena_init(&w->arena, 1 << 20);
    assert_int_equal(mr_locator_new(NULL, NULL, &w->arena, options, &w->locator), 0);
}

/* A candidate that answered from @site with @flags. */
static mr_locator_host *add(struct world *w, const char *name, uint16_t priority, bool in_site,
                            const char *site, uint32_t flags) {
    size_t i = w->locator->host_count++;
    mr_locator_host *host = &w->hosts[i];
    mr_locator_address *address = &w->addrs[i];

    *host = (mr_locator_host){.name = name, .priority = priority, .weight = 100, .port = 389,
                              .in_site = in_site, .addrs = address, .addr_count = 1,
                              .locator = w->locator, .outcome = MR_DNS_OUTCOME_ANSWER};
    address->host = host;
    mr_addr_decode(MR_SLICE_LIT("10.1.0.10"), 0, &address->addr);
    address->addr.ip[3] = (uint8_t)(10 + i);
    address->ping.outcome = MR_DC_ANSWERED;
    address->ping.has_answer = true;
    address->ping.answer = (mr_netlogon_answer){
        .opcode = MR_NETLOGON_SAM_LOGON_RESPONSE_EX, .flags = flags, .host = name,
        .domain = "corp.example", .forest = "corp.example", .dc_site = site, .client_site = "A",
        .netbios_domain = "", .netbios_host = "", .user = "", .next_site = ""};
    w->locator->hosts[i] = host;
    locator_note_answer(w->locator, address);
    return host;
}

static const char *choose(struct world *w) {
    locator_choose(w->locator);
    return w->locator->chosen ? w->locator->chosen->host->name : NULL;
}

static void test_site_before_priority(void **state) {
    const mr_locator_options options = {.domain = "corp.example", .site = "A"};
    struct world w;

    (void)state;
    world_init(&w, &options);
    add(&w, "far", 0, false, "B", MR_DS_LDAP);
    add(&w, "near", 10, true, "A", MR_DS_LDAP);
    add(&w, "nearer", 5, true, "A", MR_DS_LDAP);
    assert_string_equal(choose(&w), "nearer");
    assert_string_equal(w.locator->hosts[2]->name, "far"); /* a client tries it last */
    assert_non_null(strstr(w.locator->why, "in our site"));
    assert_int_equal(w.locator->flags, MR_DS_LDAP | MR_DS_DNS_CONTROLLER | MR_DS_DNS_DOMAIN |
                                           MR_DS_DNS_FOREST);
    mr_arena_deinit(&w.arena);
}

static void test_silent_and_paused_are_passed_over(void **state) {
    const mr_locator_options options = {.domain = "corp.example", .site = "A"};
    struct world w;

    (void)state;
    world_init(&w, &options);
    add(&w, "silent", 0, true, "A", MR_DS_LDAP)->addrs->ping.outcome = MR_DC_SILENT;
    add(&w, "paused", 0, true, "A", MR_DS_LDAP)->addrs->ping.outcome = MR_DC_PAUSED;
    assert_null(choose(&w));
    add(&w, "far", 9, false, "B", MR_DS_LDAP);
    assert_string_equal(choose(&w), "far");
    mr_arena_deinit(&w.arena);
}

static void test_wants(void **state) {
    const mr_locator_options options = {
        .domain = "corp.example", .self = "me.corp.example",
        .want = MR_LOCATOR_WRITABLE | MR_LOCATOR_DS_6 | MR_LOCATOR_AVOID_SELF |
                MR_LOCATOR_GTIMESERV};
    struct world w;
    uint32_t want, all = 0;

    (void)state;
    for (size_t i = 0; mr_locator_want_get(i, &want); i++) {
        assert_false(all & want);
        all |= want;
    }
    assert_int_equal(all, 0xffff);
    world_init(&w, &options);
    assert_int_equal(add(&w, "rodc", 0, true, "A", MR_DS_RODC)->lacks,
                     MR_LOCATOR_WRITABLE | MR_LOCATOR_GTIMESERV);
    assert_true(add(&w, "ME.corp.example", 0, true, "A",
                    MR_DS_WRITABLE | MR_DS_FULL_SECRET)->skipped_self);
    assert_null(choose(&w));
    /* a good time server is preferred, not demanded */
    add(&w, "plain", 0, true, "A", MR_DS_WRITABLE | MR_DS_FULL_SECRET);
    assert_string_equal(choose(&w), "plain");
    w.locator->chosen = NULL;
    add(&w, "clock", 7, true, "A", MR_DS_WRITABLE | MR_DS_FULL_SECRET | MR_DS_GOOD_TIMESERV);
    assert_string_equal(choose(&w), "clock");
    mr_arena_deinit(&w.arena);
}

/* What was seen becomes the findings that are meant. */
static void test_facts(void **state) {
    const mr_locator_options options = {.domain = "corp.example", .site = "A"};
    struct world w;
    mr_diag diag;

    (void)state;
    world_init(&w, &options);
    mr_locator_host *host = add(&w, "dc1.corp.example", 0, false, "B", MR_DS_LDAP);
    add(&w, "old.corp.example", 0, false, "B", MR_DS_LDAP)->addrs->ping.answer.host =
        "dc1.corp.example";
    host->addrs->ping.answer.client_site = "";
    locator_choose(w.locator);
    w.locator->chosen = host->addrs;
    w.locator->over = true;
    assert_int_equal(mr_diag_init(&diag, &w.arena, "corp.example", NULL), 0);
    mr_locator_add_facts(w.locator, &diag);
    assert_int_equal(mr_diag_run(&diag), 0);
    assert_int_equal(mr_diag_finding_count(&diag), 2);
    assert_string_equal(mr_diag_get_finding(&diag, 0)->id, "LOCATOR.OTHER_SITE");
    assert_string_equal(mr_diag_get_finding(&diag, 1)->id, "DNS.FOREIGN_ADDRESS");
    mr_arena_deinit(&w.arena);
}

/* ---- the ping ---- */

struct server {
    int udp, tcp;
    uint16_t port;
    bool mute;          /* no answer over UDP */
    mr_slice reply;
    pthread_t thread;
};

static void *serve(void *user) {
    struct server *s = user;
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    uint8_t room[2048];

    if (!s->mute) {
        ssize_t n = recvfrom(s->udp, room, sizeof room, 0, (struct sockaddr *)&from, &size);
        if (n > 0)
            (void)!sendto(s->udp, s->reply.data, s->reply.len, 0, (struct sockaddr *)&from, size);
        return NULL;
    }
    int fd = accept(s->tcp, NULL, NULL);
    if (fd < 0)
        return NULL;
    (void)!read(fd, room, sizeof room);
    /* in two pieces: a message need not come whole */
    (void)!write(fd, s->reply.data, 10);
    usleep(20000);
    (void)!write(fd, s->reply.data + 10, s->reply.len - 10);
    close(fd);
    return NULL;
}

static void server_start(struct server *s) {
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof addr;

    s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->tcp, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(getsockname(s->tcp, (struct sockaddr *)&addr, &size), 0);
    assert_int_equal(listen(s->tcp, 1), 0);
    s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->udp, (struct sockaddr *)&addr, sizeof addr), 0);
    s->port = ntohs(addr.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s) {
    pthread_join(s->thread, NULL);
    close(s->udp);
    close(s->tcp);
}

static void on_done(void *user, mr_dc_ping *ping) {
    (void)ping;
    mr_loop_stop(user);
}

static void ping(struct server *s, mr_loop *loop, mr_arena *arena, mr_dc_ping *p) {
    mr_dc_ping_options options = {.domain = "lab.test", .tries = 1, .timeout = 400 * MR_MSEC};

    server_start(s);
    mr_addr_decode(MR_SLICE_LIT("127.0.0.1"), s->port, &options.remote);
    mr_dc_ping_init(p, loop, arena, on_done, loop);
    assert_int_equal(mr_dc_ping_start(p, &options, NULL), 0);
    assert_int_equal(mr_loop_run(loop, mr_clock_now() + 10 * MR_SEC), 0);
    server_stop(s);
}

static void test_ping(void **state) {
    static const uint8_t nobody[] = {0x30, 0x0c, 2, 1, 1, 0x65, 7, 0x0a, 1, 0, 4, 0, 4, 0};
    mr_slice sample = sample_get("ldap/ping");
    struct server udp = {.reply = sample}, tcp = {.reply = sample, .mute = true},
                  other = {.reply = mr_slice_of(nobody, sizeof nobody)},
                  noise = {.reply = MR_SLICE_LIT("HTTP/1.1 400 Bad Request")};
    mr_arena arena;
    mr_loop loop;
    mr_dc_ping p;

    (void)state;
    mr_arena_init(&arena, 1 << 20);
    assert_int_equal(mr_loop_init(&loop, NULL), 0);
    ping(&udp, &loop, &arena, &p);
    assert_int_equal(p.outcome, MR_DC_ANSWERED);
    assert_false(p.over_tcp);
    assert_string_equal(p.answer.host, "dc1.lab.test");
    mr_dc_ping_deinit(&p);
    ping(&tcp, &loop, &arena, &p);
    assert_int_equal(p.outcome, MR_DC_SILENT);
    assert_int_equal(p.tcp, MR_REACH_OPEN);
    assert_true(p.over_tcp);
    assert_string_equal(p.answer.dc_site, "Default-First-Site-Name");
    mr_dc_ping_deinit(&p);
    ping(&other, &loop, &arena, &p);
    assert_int_equal(p.outcome, MR_DC_OTHER);
    assert_false(p.has_answer);
    mr_dc_ping_deinit(&p);
    ping(&noise, &loop, &arena, &p);
    assert_int_equal(p.outcome, MR_DC_FOREIGN);
    mr_dc_ping_deinit(&p);
    mr_loop_deinit(&loop);
    mr_arena_deinit(&arena);
    sample_free(sample);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_site_before_priority),
        cmocka_unit_test(test_silent_and_paused_are_passed_over),
        cmocka_unit_test(test_wants),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_ping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
