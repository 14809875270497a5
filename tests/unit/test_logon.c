/* Logging on against KDCs of our own on loopback, each with its manners, found by a DNS of our own:
 * what leads to tickets, what is told when nothing does, and how Negotiate goes on without. */
#include "dns_world.h"
#include "kdc_world.h"

#include <msrpc/rpc/logon.h>

#include <fcntl.h>
#include <sys/stat.h>

enum {
    HONEST, BIG, DEAF, DEAF_UDP, STRANGE, CUT, HANGS, REFERS, UNKNOWN, REVOKED, BUSY, LONE_TCP,
    LARGEST, TOO_LARGE, ENDLESS, SLOW_CLOCK, MANNERS,
};

static kdc_manner manners[MANNERS] = {
    [BIG] = {.too_big = true},
    [DEAF] = {.udp_silent = true, .tcp_silent = true},
    [DEAF_UDP] = {.udp_silent = true},
    [STRANGE] = {.udp_strange = true},
    [CUT] = {.udp_cut = true, .tcp_cut = true},
    [HANGS] = {.udp_silent = true, .tcp_closes = true},
    [REFERS] = {.refers = true},
    [UNKNOWN] = {.refuse = 6},
    [REVOKED] = {.refuse = 18},
    [BUSY] = {.refuse = 29},
    [LONE_TCP] = {.udp_silent = true},
    [LARGEST] = {.udp_silent = true, .tcp_size = 1 << 20},
    [TOO_LARGE] = {.udp_silent = true, .tcp_size = (1 << 20) + 1},
    [ENDLESS] = {.refuse = 52}, /* over TCP, too */
    [SLOW_CLOCK] = {.hours = 11, .too_big = true},
};

static mr_workers *crew; /* of the second round, in which nothing is left to the loop */

typedef struct world {
    mr_loop loop;
    mr_resolver resolver;
    mr_identity id;
    struct dns_world dns;
    mr_addr kdcs[4];
    mr_logon_options options;
    mr_logon *logon;
    bool frees;        /* in the callback */
    int told, result;  /* by the callback */
    mr_error err;
} world;

static mr_addr addr_of(int manner) {
    return (mr_addr){.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}, .port = manners[manner].port};
}

/* Nobody listens there. */
static const mr_addr nobody = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}, .port = 1};

static void on_done(void *user, mr_logon *logon, int result, const mr_error *err) {
    world *w = user;

    assert_ptr_equal(logon, w->logon);
    w->told++;
    w->result = result;
    w->err = *err;
    if (w->frees) {
        mr_logon_free(logon);
        w->logon = NULL;
    }
    mr_loop_stop(&w->loop);
}

static void open_world(world *w, enum mr_logon_mechanism mechanism, const struct dns_row *rows,
                       size_t count) {
    memset(w, 0, sizeof *w);
    assert_int_equal(mr_loop_init(&w->loop, NULL), 0);
    mr_resolver_init(&w->resolver, &w->loop);
    w->resolver.hosts_path = "/dev/null";
    dns_world_open(&w->dns, rows, count);
    assert_int_equal(mr_identity_init(&w->id, NULL), 0);
    assert_int_equal(mr_identity_set_name(&w->id, MR_SLICE_LIT("alice@test.example"), NULL), 0);
    assert_int_equal(mr_identity_set_password(&w->id, MR_SLICE_LIT(PASSWORD), NULL), 0);
    w->options = (mr_logon_options){
        .identity = &w->id, .mechanism = mechanism, .level = MR_AUTH_LEVEL_PRIVACY,
        .host = "srv.test.example.", .dns_server = w->dns.addrs[0], .kdc_timeout = 200 * MR_MSEC,
        .kdcs = w->kdcs, .workers = crew};
}

static void give_kdc(world *w, mr_addr addr) {
    w->kdcs[w->options.kdc_count++] = addr;
}

static const mr_logon_report *run(world *w) {
    mr_error err = MR_ERROR_INIT;

    w->err = MR_ERROR_INIT;
    if (mr_logon_new(&w->loop, &w->resolver, &w->options, &w->logon, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(mr_logon_start(w->logon, on_done, w, &err), 0);
    assert_int_equal(mr_logon_start(w->logon, on_done, w, &err), MR_ERR_STATE);
    while (!w->told)
        assert_int_equal(mr_loop_run(&w->loop, mr_clock_now() + 60 * MR_SEC), 0);
    assert_int_equal(w->told, 1);
    return w->logon ? mr_logon_get_report(w->logon) : NULL;
}

static void close_world(world *w) {
    mr_logon_free(w->logon);
    mr_resolver_deinit(&w->resolver);
    mr_identity_deinit(&w->id);
    dns_world_close(&w->dns);
    mr_loop_deinit(&w->loop);
}

static void assert_done(const world *w, const mr_logon_report *r) {
    if (w->result)
        fail_msg("%s", w->err.text);
    assert_int_equal(r->stage, MR_LOGON_DONE);
    assert_int_equal(r->tickets.stage, MR_KRB5_STAGE_DONE);
    assert_true(r->kerberos && r->answered && !r->fallback);
}

static void assert_says(const world *w, const char *part) {
    if (!strstr(w->err.text, part))
        fail_msg("\"%s\" does not say \"%s\"", w->err.text, part);
}

/* Makes a provider; its first token begins with @octet. */
static mr_security *make(world *w, uint8_t octet) {
    uint8_t room[8192];
    mr_error err = MR_ERROR_INIT;
    mr_security *s = NULL;
    mr_buf out;

    mr_buf_init(&out, room, sizeof room, sizeof room);
    if (mr_logon_make(w->logon, &s, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(s->role, MR_SECURITY_INITIATOR);
    assert_int_equal(s->class->step(s, MR_DIR_TO_CLIENT, MR_SLICE_NULL, &out, &err),
                     MR_SECURITY_CONTINUE);
    assert_int_equal(out.data[0], octet);
    return s;
}

/* ---- tickets ---- */

static void given(void **state) {
    mr_logon_provider p;
    mr_security *s;
    world w;
    (void)state;

    open_world(&w, MR_LOGON_KERBEROS, NULL, 0);
    give_kdc(&w, addr_of(HONEST));
    const mr_logon_report *r = run(&w);
    assert_done(&w, r);
    assert_false(r->ntlm);
    assert_string_equal(r->tickets.service, SERVICE_FULL);
    assert_string_equal(r->tickets.client, CLIENT_FULL);
    assert_int_equal(r->realm_count, 1);
    assert_string_equal(r->realms[0].name, REALM);
    assert_int_equal(r->realms[0].source, MR_LOGON_SOURCE_GIVEN);
    assert_false(r->realms[0].asked);
    assert_int_equal(r->tries_made, 3);
    assert_int_equal(r->try_count, 3);
    assert_int_equal(r->tries[0].code, 25);
    assert_true(r->tries[0].server_time > 0);
    assert_int_equal(r->tries[2].code, MR_KRB5_NO_CODE);
    assert_int_equal(r->kdc.port, manners[HONEST].port);
    assert_false(r->kdc_tcp);

    assert_int_equal(mr_logon_find(w.logon, NULL, &p), MR_ERR_NOT_FOUND);
    s = make(&w, 0x6e); /* AP-REQ */
    assert_int_equal(s->class->auth_type, MR_AUTH_KRB5);
    mr_security *second = make(&w, 0x6e);
    assert_int_equal(mr_logon_find(w.logon, s, &p), 0);
    assert_true(p.krb5 && !p.ntlm && !p.spnego && p.security == s);
    assert_int_equal(mr_logon_find(w.logon, NULL, &p), 0);
    assert_ptr_equal(p.security, second);
    mr_logon_give(w.logon, second);
    mr_logon_give(w.logon, s); /* kept */
    assert_int_equal(mr_logon_find(w.logon, s, &p), 0);
    assert_int_equal(mr_logon_find(w.logon, NULL, &p), 0);
    assert_ptr_equal(p.security, s);
    (void)make(&w, 0x6e); /* not given back */
    close_world(&w);
}

/* A KDC's name that leads nowhere, one that does; then a referral to a realm that has TCP alone. */
static void by_dns(void **state) {
    char first[64], second[64], other[64];
    const struct dns_row rows[] = {
        {1, "_kerberos._udp.TEST.EXAMPLE", MR_DNS_SRV, 60, first, 0, NULL},
        {1, "_kerberos._tcp.TEST.EXAMPLE", MR_DNS_SRV, 60, first, 0, NULL},
        {1, "_kerberos._tcp.TEST.EXAMPLE", MR_DNS_SRV, 60, second, 0, NULL},
        {1, "kdc.test.example", MR_DNS_A, 60, "127.0.0.1", 0, NULL},
        {1, "_kerberos._tcp.OTHER.EXAMPLE", MR_DNS_SRV, 60, other, 0, NULL},
        {1, "kdc.other.example", MR_DNS_A, 60, "127.0.0.1", 0, NULL},
    };
    world w;
    (void)state;

    (void)snprintf(first, sizeof first, "0 0 88 gone.test.example");
    (void)snprintf(second, sizeof second, "1 0 %u kdc.test.example", manners[REFERS].port);
    (void)snprintf(other, sizeof other, "0 0 %u kdc.other.example", manners[LONE_TCP].port);
    open_world(&w, MR_LOGON_KERBEROS, rows, MR_COUNT(rows));
    const mr_logon_report *r = run(&w);
    assert_done(&w, r);
    assert_string_equal(r->tickets.service, SERVICE "@" OTHER_REALM);
    assert_int_equal(r->realm_count, 2);
    const mr_logon_realm *realm = &r->realms[0];
    assert_int_equal(realm->source, MR_LOGON_SOURCE_SRV);
    assert_int_equal(realm->udp_records, MR_DNS_OUTCOME_ANSWER);
    assert_int_equal(realm->host_count, 2);
    assert_string_equal(realm->hosts[0].name, "gone.test.example");
    assert_int_equal(realm->hosts[0].result, MR_ERR_NAME);
    assert_int_equal(realm->hosts[1].result, 0);
    assert_int_equal(realm->kdc_count, 1);
    assert_false(realm->tcp_only);
    realm = &r->realms[1];
    assert_string_equal(realm->name, OTHER_REALM);
    assert_int_equal(realm->udp_records, MR_DNS_OUTCOME_NXDOMAIN);
    assert_true(realm->tcp_only && r->kdc_tcp);
    assert_int_equal(r->tries[r->try_count - 1].realm, 1);
    (void)make(&w, 0x6e);
    close_world(&w);
}

/* Who does not answer is passed over; who answered is asked first the next time. */
static void others_answer(void **state) {
    static const int before[] = {-1, DEAF, CUT, HANGS, BUSY};
    (void)state;

    for (size_t i = 0; i < MR_COUNT(before); i++) {
        world w;
        open_world(&w, MR_LOGON_KERBEROS, NULL, 0);
        give_kdc(&w, before[i] < 0 ? nobody : addr_of(before[i]));
        give_kdc(&w, addr_of(HONEST));
        const mr_logon_report *r = run(&w);
        assert_done(&w, r);
        assert_int_equal(r->tries_made, 4);
        assert_int_equal(r->realms[0].kdcs[0].port, manners[HONEST].port);
        static const int results[] = {MR_ERR_REFUSED, MR_ERR_TIMEOUT, MR_ERR_PROTOCOL,
                                      MR_ERR_TIMEOUT, 0};
        assert_int_equal(r->tries[0].result, results[i]);
        assert_int_equal(r->tries[0].attempt.reach == MR_REACH_REFUSED, before[i] < 0);
        close_world(&w);
    }
}

static void by_tcp(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        static const int manner[] = {BIG, DEAF_UDP, STRANGE};
        world w;
        open_world(&w, MR_LOGON_KERBEROS, NULL, 0);
        give_kdc(&w, addr_of(manner[i]));
        const mr_logon_report *r = run(&w);
        assert_done(&w, r);
        /* too big: each is tried by UDP first; silence: once only; strangers do no harm */
        assert_int_equal(r->tries_made, i == 0 ? 6 : i == 1 ? 4 : 3);
        assert_int_equal(r->realms[0].tcp_only, i == 1);
        assert_int_equal(r->kdc_tcp, i < 2);
        if (i == 0)
            assert_int_equal(r->tries[0].code, 52);
        close_world(&w);
    }
}

/* ---- none ---- */

static void nobody_answers(void **state) {
    static const struct {
        int manner, udp, tcp, result;
        const char *says;
    } rows[] = {
        {-1, MR_ERR_REFUSED, MR_ERR_REFUSED, MR_ERR_REFUSED, "over UDP: refused"},
        {DEAF, MR_ERR_TIMEOUT, MR_ERR_TIMEOUT, MR_ERR_TIMEOUT, "over TCP: connected, but silent"},
        {CUT, MR_ERR_PROTOCOL, MR_ERR_CLOSED, MR_ERR_UNREACHABLE, "is no Kerberos message"},
        {HANGS, MR_ERR_TIMEOUT, MR_ERR_CLOSED, MR_ERR_UNREACHABLE, "over UDP: silent"},
        /* who announces 1 MB is waited for, who announces more is not */
        {LARGEST, MR_ERR_TIMEOUT, MR_ERR_CLOSED, MR_ERR_UNREACHABLE, "over UDP: silent"},
        {TOO_LARGE, MR_ERR_TIMEOUT, MR_ERR_PROTOCOL, MR_ERR_UNREACHABLE, "is no Kerberos message"},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_security *s = NULL;
        world w;
        open_world(&w, MR_LOGON_KERBEROS, NULL, 0);
        give_kdc(&w, rows[i].manner < 0 ? nobody : addr_of(rows[i].manner));
        const mr_logon_report *r = run(&w);
        assert_int_equal(w.result, rows[i].result);
        assert_says(&w, "no KDC of TEST.EXAMPLE answers: 127.0.0.1:");
        assert_says(&w, rows[i].says);
        assert_int_equal(r->stage, MR_LOGON_FAILED);
        assert_int_equal(r->tries_made, 2);
        assert_int_equal(r->tries[0].result, rows[i].udp);
        assert_int_equal(r->tries[1].result, rows[i].tcp);
        assert_true(!r->tries[0].tcp && r->tries[1].tcp && !r->answered);
        assert_int_equal(mr_logon_make(w.logon, &s, NULL), MR_ERR_STATE);
        close_world(&w);
    }
}

static void nobody_is_known(void **state) {
    static const struct dns_row rows[] = {
        {1, "TEST.EXAMPLE", MR_DNS_A, 60, "127.0.0.99", 0, NULL},
        {1, "_kerberos._udp.SRV.EXAMPLE", MR_DNS_SRV, 60, "0 0 88 gone.srv.example", 0, NULL},
        {1, "_kerberos._tcp.NONE.EXAMPLE", MR_DNS_SRV, 60, "0 0 0 .", 0, NULL},
    };
    static const struct {
        const char *realm, *says;
        enum mr_logon_source source;
    } cases[] = {
        {NULL, "127.0.0.99:88 over UDP: refused", MR_LOGON_SOURCE_REALM},
        {"SRV.EXAMPLE", "gone.srv.example cannot be resolved", MR_LOGON_SOURCE_SRV},
        {"NONE.EXAMPLE", "no KDC of NONE.EXAMPLE is known", MR_LOGON_SOURCE_NONE},
        {"DARK.EXAMPLE", "records of it (nxdomain)", MR_LOGON_SOURCE_NONE},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        world w;
        open_world(&w, MR_LOGON_KERBEROS, rows, MR_COUNT(rows));
        w.options.realm = cases[i].realm;
        const mr_logon_report *r = run(&w);
        assert_int_equal(w.result, i == 0 ? MR_ERR_REFUSED : MR_ERR_NAME);
        assert_says(&w, cases[i].says);
        assert_int_equal(r->realms[0].source, cases[i].source);
        assert_true(r->realms[0].asked);
        close_world(&w);
    }
}

static void refused_by_kdc(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        static const struct {
            int manner;
            uint32_t code;
        } rows[] = {{UNKNOWN, 6}, {REVOKED, 18}, {BUSY, 29}};
        world w;
        open_world(&w, MR_LOGON_KERBEROS, NULL, 0);
        give_kdc(&w, addr_of(rows[i].manner));
        const mr_logon_report *r = run(&w);
        assert_int_equal(w.result, MR_ERR_AUTH);
        assert_int_equal(r->tickets.failure.code, rows[i].code);
        assert_true(r->tickets.failure.from_peer && r->tickets.failure.server_time > 0);
        assert_int_equal(r->tries[r->try_count - 1].code, rows[i].code);
        assert_int_equal(r->refused, rows[i].manner == REVOKED); /* the others judge nobody */
        close_world(&w);
    }
}

static void late(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) { /* while a KDC is asked; while DNS is */
        static const struct dns_row rows[] = {
            {1, "_kerberos._udp.TEST.EXAMPLE", MR_DNS_ANY, 0, NULL, 0, NULL}};
        world w;
        open_world(&w, MR_LOGON_NEGOTIATE, rows, MR_COUNT(rows));
        if (i == 0)
            give_kdc(&w, addr_of(DEAF));
        w.options.timeout = 30 * MR_MSEC;
        const mr_logon_report *r = run(&w);
        assert_int_equal(w.result, MR_ERR_TIMEOUT);
        assert_says(&w, i == 0 ? "over UDP: no answer yet" : "KDCs were still being looked for");
        assert_int_equal(r->tries_made, i == 0);
        assert_false(r->fallback);
        close_world(&w);
    }
}

/* An answer that always wants the question by TCP, by TCP as well. */
static void it_keeps_asking(void **state) {
    world w;
    (void)state;

    open_world(&w, MR_LOGON_KERBEROS, NULL, 0);
    give_kdc(&w, addr_of(ENDLESS));
    const mr_logon_report *r = run(&w);
    assert_int_equal(w.result, MR_ERR_LIMIT);
    assert_says(&w, "keeps asking");
    assert_true(r->tickets.endless);
    assert_int_equal(r->tickets.requests, MR_KRB5_KDC_REQUESTS);
    assert_int_equal(r->tries_made, MR_KRB5_KDC_REQUESTS);
    assert_int_equal(r->tickets.failure.code, 52);
    close_world(&w);
}

/* A cache that nobody writes is waited for by a worker; the logon ends without it. */
static void a_file_that_waits(void **state) {
    char dir[] = "/tmp/msrpc-logon-XXXXXX", path[64], name[80];
    mr_workers *own;
    (void)state;

    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/cache", dir);
    (void)snprintf(name, sizeof name, "FILE:%s", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    for (int keytab = 0; keytab < 2; keytab++) {
        world w;
        assert_int_equal(mr_workers_new(1, &own, NULL), 0);
        open_world(&w, MR_LOGON_KERBEROS, NULL, 0);
        int r = keytab ? mr_identity_set_keytab(&w.id, mr_slice_str(name), NULL)
                       : mr_identity_set_ccache(&w.id, mr_slice_str(name), NULL);
        assert_int_equal(r, 0);
        w.options.workers = own;
        w.options.timeout = 30 * MR_MSEC;
        (void)run(&w);
        assert_int_equal(w.result, MR_ERR_TIMEOUT);
        assert_says(&w, name);
        assert_says(&w, "was still being waited for");
        close_world(&w);
        assert_true(mr_workers_leave(own)); /* one waits still: until a writer comes and goes */
        int fd = open(path, O_WRONLY);
        assert_true(fd >= 0);
        close(fd);
    }
    assert_int_equal(mr_workers_new(2, &own, NULL), 0);
    assert_false(mr_workers_leave(own));
    assert_false(mr_workers_leave(NULL));
    unlink(path);
    rmdir(dir);
}

/* What the library cannot begin with is the logon's failure, and the KDC, which once sent it to
 * TCP, is not to blame. */
static void cannot_begin(void **state) {
    static const struct {
        int manner;
        const char *settings, *says;
        uint32_t code;
    } rows[] = {
        {BIG, "[libdefaults\n default_realm =\n{{{{\n",
         "Improper format of Kerberos configuration file", MR_KRB5_NO_CODE},
        {SLOW_CLOCK, "", "Kerberos", MR_KRB_TICKET_EXPIRED},
    };
    char path[] = "/tmp/msrpc-krb5-XXXXXX";
    int fd = mkstemp(path);
    (void)state;

    assert_true(fd >= 0);
    for (size_t i = 0; i < 2 * MR_COUNT(rows); i++) {
        bool negotiate = i % 2;
        world w;
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, rows[i / 2].settings, strlen(rows[i / 2].settings), 0),
                         strlen(rows[i / 2].settings));
        setenv("KRB5_CONFIG", path, 1);
        open_world(&w, negotiate ? MR_LOGON_NEGOTIATE : MR_LOGON_KERBEROS, NULL, 0);
        give_kdc(&w, addr_of(rows[i / 2].manner));
        const mr_logon_report *r = run(&w);
        setenv("KRB5_CONFIG", "/dev/null", 1);
        assert_int_equal(w.result, negotiate ? 0 : MR_ERR_AUTH);
        assert_int_equal(r->fallback, negotiate);
        const char *why = negotiate ? r->why.text : w.err.text;
        if (!strstr(why, rows[i / 2].says))
            fail_msg("\"%s\" does not say \"%s\"", why, rows[i / 2].says);
        assert_int_equal(r->tickets.failure.code, rows[i / 2].code);
        assert_false(r->tickets.failure.from_peer || r->refused || r->kerberos);
        assert_true(r->answered);
        assert_int_equal(r->tickets.skew < -10 * 3600, rows[i / 2].manner == SLOW_CLOCK);
        close_world(&w);
    }
    close(fd);
    unlink(path);
}

/* ---- lives ---- */

static void freed_inside(void **state) {
    static const int manner[] = {HONEST, BIG, UNKNOWN, HANGS, CUT, -1};
    (void)state;

    for (size_t i = 0; i <= MR_COUNT(manner); i++) {
        world w;
        open_world(&w, i == 0 ? MR_LOGON_NTLM : MR_LOGON_KERBEROS, NULL, 0);
        w.frees = true;
        if (i > 0)
            give_kdc(&w, manner[i - 1] < 0 ? nobody : addr_of(manner[i - 1]));
        assert_null(run(&w));
        assert_int_equal(w.result == 0, i < 3);
        close_world(&w);
    }
}

/* After any number of turns. */
static void freed_early(void **state) {
    char srv[64];
    const struct dns_row rows[] = {
        {1, "_kerberos._tcp.TEST.EXAMPLE", MR_DNS_SRV, 60, srv, 0, NULL},
        {1, "kdc.test.example", MR_DNS_A, 60, "127.0.0.1", 0, NULL},
    };
    (void)state;

    (void)snprintf(srv, sizeof srv, "0 0 %u kdc.test.example", manners[HONEST].port);
    for (uint64_t turns = 0;; turns++) {
        world w;
        open_world(&w, MR_LOGON_KERBEROS, rows, MR_COUNT(rows));
        assert_int_equal(mr_logon_new(&w.loop, &w.resolver, &w.options, &w.logon, NULL), 0);
        assert_int_equal(mr_logon_start(w.logon, on_done, &w, NULL), 0);
        uint64_t end = mr_loop_get_turn(&w.loop) + turns;
        while (!w.told && mr_loop_get_turn(&w.loop) < end)
            (void)mr_loop_run(&w.loop, mr_clock_now() + MR_MSEC);
        bool over = w.told;
        close_world(&w);
        if (over)
            break;
        assert_true(turns < 100000);
        turns += turns / 4;
    }
}

static void waiting(void **state) {
    mr_error err = MR_ERROR_INIT;
    world w;
    (void)state;

    open_world(&w, MR_LOGON_KERBEROS, NULL, 0);
    w.options.kdc_timeout = 10 * MR_SEC;
    give_kdc(&w, addr_of(HONEST));
    assert_int_equal(mr_logon_new(&w.loop, NULL, &w.options, &w.logon, NULL), 0);
    if (mr_logon_run(w.logon, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(mr_logon_run(w.logon, &err), MR_ERR_STATE);
    mr_logon_free(w.logon);
    w.kdcs[0] = addr_of(DEAF);
    assert_int_equal(mr_logon_new(&w.loop, NULL, &w.options, &w.logon, NULL), 0);
    mr_loop_set_deadline(&w.loop, mr_clock_now() + 20 * MR_MSEC);
    assert_int_equal(mr_logon_run(w.logon, &err), MR_ERR_CANCELLED);
    mr_loop_set_deadline(&w.loop, MR_NSEC_NEVER);
    (void)mr_loop_run(&w.loop, mr_clock_now() + 20 * MR_MSEC); /* nobody is told */
    close_world(&w);
}

/* ---- the other mechanisms ---- */

static void ntlm(void **state) {
    mr_logon_provider p;
    mr_ntlm_info info;
    world w;
    (void)state;

    open_world(&w, MR_LOGON_NTLM, NULL, 0);
    w.options.host = "10.0.0.1";
    const mr_logon_report *r = run(&w);
    assert_int_equal(w.result, 0);
    assert_true(r->ntlm && !r->kerberos && !r->fallback);
    mr_security *s = make(&w, 'N');
    assert_int_equal(s->class->auth_type, MR_AUTH_NTLM);
    assert_int_equal(mr_logon_find(w.logon, s, &p), 0);
    mr_ntlm_get_info(p.ntlm, &info);
    assert_int_equal(info.failure, MR_NTLM_FAIL_NONE);
    close_world(&w);
}

/* Nobody has no tickets: that Negotiate takes NTLM for him is no fallback. */
static void nobody_negotiates(void **state) {
    mr_logon_provider p;
    mr_spnego_info info;
    world w;
    (void)state;

    open_world(&w, MR_LOGON_NEGOTIATE, NULL, 0);
    mr_identity_deinit(&w.id);
    assert_int_equal(mr_identity_init(&w.id, NULL), 0);
    w.id.anonymous = true;
    const mr_logon_report *r = run(&w);
    assert_int_equal(w.result, 0);
    assert_true(r->ntlm && !r->kerberos && !r->fallback);
    assert_int_equal(r->why.code, 0);
    mr_security *s = make(&w, 0x60);
    assert_int_equal(mr_logon_find(w.logon, s, &p), 0);
    mr_spnego_get_info(p.spnego, &info);
    assert_int_equal(info.fallback, MR_SPNEGO_NO_FALLBACK);
    close_world(&w);
}

/* Bindings that the caller gave, and may forget, reach a server that wants them. */
static void bound(void **state) {
    char octets[] = "tls-server-end-point:0123456789";
    uint8_t hash[MR_NTLM_BINDINGS], room[2][2048];
    mr_ntlm *server;
    mr_security *ends[2];
    mr_ntlm_info info;
    mr_buf tokens[2];
    world w;
    (void)state;

    open_world(&w, MR_LOGON_NTLM, NULL, 0);
    assert_int_equal(mr_ntlm_hash_bindings(mr_slice_str(octets), hash, NULL), 0);
    const mr_ntlm_options options = {.role = MR_SECURITY_ACCEPTOR, .find = mr_ntlm_find_identity,
                                     .user = &w.id, .bindings = hash, .require_bindings = true,
                                     .names = {.computer = "FS1", .domain = "LAB"}};
    w.options.bindings = mr_slice_str(octets);
    assert_int_equal(mr_logon_new(&w.loop, NULL, &w.options, &w.logon, NULL), 0);
    memset(octets, 0, sizeof octets);
    assert_int_equal(mr_logon_run(w.logon, NULL), 0);
    assert_int_equal(mr_logon_make(w.logon, &ends[0], NULL), 0);
    assert_int_equal(mr_ntlm_new(&options, &server, NULL), 0);
    ends[1] = mr_ntlm_get_security(server);
    for (int i = 0; i < 2; i++)
        mr_buf_init(&tokens[i], room[i], sizeof room[i], sizeof room[i]);
    for (int leg = 0; leg < 4; leg++) {
        mr_security *end = ends[leg % 2];
        mr_buf_reset(&tokens[leg % 2]);
        assert_int_equal(end->class->step(end, leg % 2 ? MR_DIR_TO_SERVER : MR_DIR_TO_CLIENT,
                                          mr_buf_slice(&tokens[!(leg % 2)]), &tokens[leg % 2],
                                          NULL), leg < 2 ? MR_SECURITY_CONTINUE : 0);
    }
    mr_ntlm_get_info(server, &info);
    assert_true(info.bound);
    mr_ntlm_free(server);
    close_world(&w);
}

static void negotiate(void **state) {
    static const struct {
        int manner, result;
        const char *host, *why; /* NULL: no fallback */
    } rows[] = {
        {HONEST, 0, "srv.test.example", NULL},
        {-1, 0, "srv.test.example", "no KDC of TEST.EXAMPLE answers"},
        {HONEST, 0, "10.0.0.1", "name in place of its address"},
        {HONEST, 0, NULL, "needs the server's name"},
        {UNKNOWN, 0, "srv.test.example", "Kerberos"},
        {REVOKED, MR_ERR_AUTH, "srv.test.example", NULL},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        mr_logon_provider p;
        mr_spnego_info info;
        world w;
        open_world(&w, MR_LOGON_NEGOTIATE, NULL, 0);
        w.options.kdc_timeout = 10 * MR_SEC;
        give_kdc(&w, rows[i].manner < 0 ? nobody : addr_of(rows[i].manner));
        w.options.host = rows[i].host;
        const mr_logon_report *r = run(&w);
        assert_int_equal(w.result, rows[i].result);
        assert_int_equal(r->fallback, rows[i].why != NULL);
        assert_int_equal(r->refused, rows[i].manner == REVOKED);
        if (rows[i].why)
            assert_non_null(strstr(r->why.text, rows[i].why));
        assert_int_equal(r->kerberos, i == 0);
        assert_int_equal(r->ntlm, w.result == 0);
        if (w.result == 0) {
            mr_security *s = make(&w, 0x60);
            assert_int_equal(s->class->auth_type, MR_AUTH_SPNEGO);
            assert_int_equal(mr_logon_find(w.logon, s, &p), 0);
            mr_spnego_get_info(p.spnego, &info);
            assert_int_equal(info.fallback == MR_SPNEGO_FALLBACK_INITIATOR, i > 0);
            assert_int_equal(info.offered[0] == MR_MECH_NTLM, i > 0);
        }
        close_world(&w);
    }
}

/* A domain's NetBIOS name is no realm; the server's domain may be one. */
static void realms(void **state) {
    static const struct {
        const char *user, *host, *realm, *says;
        const char *full_name, *dns_domain, *guess;
    } rows[] = {
        {"LAB\\alice", "srv.Lab.Test", NULL, "no KDC of LAB.TEST ", "srv.b.test", "c.test",
         "the server's name srv.Lab.Test"},
        {"LAB\\alice", "srv", NULL, "no KDC of B.TEST ", "srv.b.test.", "c.test",
         "the server's name srv.b.test"},
        {"LAB\\alice", "srv", NULL, "no KDC of C.TEST ", NULL, "c.test",
         "the domain c.test, which the server names"},
        {"LAB\\alice", "srv", NULL, "(--realm names the right one)", NULL, NULL,
         "the domain LAB"},
        {"alice@LAB", "srv", NULL, "no KDC of LAB is known: ", NULL, NULL, NULL},
        {"alice", "srv.test.example", "Other", "no KDC of Other is known: ", NULL, NULL, NULL},
        {"alice@sub.test.example", "srv.test.example", NULL, "no KDC of SUB.TEST.EXAMPLE is ", NULL,
         NULL, NULL},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        world w;
        open_world(&w, MR_LOGON_KERBEROS, NULL, 0);
        assert_int_equal(mr_identity_set_domain(&w.id, MR_SLICE_NULL, NULL), 0);
        assert_int_equal(mr_identity_set_name(&w.id, mr_slice_str(rows[i].user), NULL), 0);
        w.options.host = rows[i].host;
        w.options.realm = rows[i].realm;
        w.options.full_name = rows[i].full_name;
        w.options.dns_domain = rows[i].dns_domain;
        const mr_logon_report *r = run(&w);
        assert_int_equal(w.result, MR_ERR_NAME);
        assert_says(&w, rows[i].says);
        assert_int_equal(!rows[i].guess, !r->guess);
        if (r->guess) {
            assert_string_equal(r->guess, rows[i].guess);
            assert_says(&w, "guessed from");
        }
        close_world(&w);
    }
}

/* A server's own account is no realm's: no KDC may see its secret. */
static void the_server_itself(void **state) {
    static const struct {
        const char *user, *host, *full_name, *computer, *realm;
        bool itself;
    } rows[] = {
        {"SRV\\games", "srv.test.example", NULL, NULL, NULL, true},
        {"srv.test.example\\games", "srv.test.example.", NULL, NULL, NULL, true},
        {"SRV\\games", "files", "srv.test.example", NULL, NULL, true},
        {"SRV\\games", "files.test.example", NULL, "SRV", NULL, true},
        {".\\games", "files.test.example", NULL, NULL, NULL, true},
        {"A-LONG-LABEL-OF\\games", "a-long-label-of-16.test.example", NULL, "A-LONG-LABEL-OF",
         NULL, true},
        {"TEST\\games", "srv.test.example", NULL, "SRV", NULL, false},
        {"TEST\\games", "test.example", NULL, "SRV", NULL, false},
        {"SRV\\games", "srv.test.example", NULL, NULL, "TEST.EXAMPLE", false},
        {"games@srv", "srv.test.example", NULL, NULL, NULL, false},
        {"games", "srv.test.example", NULL, NULL, NULL, false},
    };
    (void)state;

    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        world w;
        open_world(&w, MR_LOGON_NEGOTIATE, NULL, 0);
        give_kdc(&w, addr_of(REVOKED));
        assert_int_equal(mr_identity_set_domain(&w.id, MR_SLICE_NULL, NULL), 0);
        assert_int_equal(mr_identity_set_name(&w.id, mr_slice_str(rows[i].user), NULL), 0);
        w.options.host = rows[i].host;
        w.options.full_name = rows[i].full_name;
        w.options.computer = rows[i].computer;
        w.options.realm = rows[i].realm;
        const mr_logon_report *r = run(&w);
        assert_int_equal(r->refused, !rows[i].itself);
        assert_int_equal(r->tries_made > 0, !rows[i].itself);
        assert_int_equal(r->ntlm && r->fallback, rows[i].itself);
        if (rows[i].itself) {
            mr_logon_options alone = w.options;
            mr_logon *logon;
            mr_error err = MR_ERROR_INIT;
            assert_non_null(strstr(r->why.text, "is the server itself"));
            alone.mechanism = MR_LOGON_KERBEROS;
            assert_int_equal(mr_logon_new(&w.loop, NULL, &alone, &logon, &err), MR_ERR_ARGUMENT);
            assert_non_null(strstr(err.text, "--realm"));
        }
        close_world(&w);
    }
}

static void wrong_wishes(void **state) {
    mr_identity nobody_at_all;
    char too_long[MR_LOGON_NAME + 1];
    world w;
    (void)state;

    assert_int_equal(mr_identity_init(&nobody_at_all, NULL), 0);
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    open_world(&w, MR_LOGON_KERBEROS, NULL, 0);
    mr_logon_options good = w.options, o[7];
    for (size_t i = 0; i < MR_COUNT(o); i++)
        o[i] = good;
    o[0].level = MR_AUTH_LEVEL_NONE;
    o[1].level = 7;
    o[2].host = "10.0.0.1";
    o[3].host = NULL;
    o[4].host = too_long;
    o[5].mechanism = MR_LOGON_NTLM;
    o[5].identity = &nobody_at_all;
    o[6].host = "";
    for (size_t i = 0; i < MR_COUNT(o); i++)
        assert_int_equal(mr_logon_new(&w.loop, NULL, &o[i], &w.logon, NULL), MR_ERR_ARGUMENT);
    good.identity = &nobody_at_all;
    assert_int_equal(mr_identity_set_ccache(&nobody_at_all, MR_SLICE_LIT("FILE:/nonexistent/c"),
                                            NULL), 0);
    w.options = good;
    (void)run(&w);
    assert_int_equal(w.result, MR_ERR_NOT_FOUND);
    close_world(&w);
    mr_identity_deinit(&nobody_at_all);
    mr_logon_free(NULL);
}

static int hire(void **state) {
    (void)state;
    return mr_workers_new(2, &crew, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given),
        cmocka_unit_test(by_dns),
        cmocka_unit_test(others_answer),
        cmocka_unit_test(by_tcp),
        cmocka_unit_test(nobody_answers),
        cmocka_unit_test(nobody_is_known),
        cmocka_unit_test(refused_by_kdc),
        cmocka_unit_test(late),
        cmocka_unit_test(it_keeps_asking),
        cmocka_unit_test(a_file_that_waits),
        cmocka_unit_test(cannot_begin),
        cmocka_unit_test(freed_inside),
        cmocka_unit_test(freed_early),
        cmocka_unit_test(waiting),
        cmocka_unit_test(ntlm),
        cmocka_unit_test(bound),
        cmocka_unit_test(nobody_negotiates),
        cmocka_unit_test(negotiate),
        cmocka_unit_test(realms),
        cmocka_unit_test(the_server_itself),
        cmocka_unit_test(wrong_wishes),
    };
    struct CMUnitTest rounds[2 * MR_COUNT(tests)];
    kdc k;

    setenv("KRB5_CONFIG", "/dev/null", 1);
    for (size_t i = 0; i < MR_COUNT(rounds); i++) {
        rounds[i] = tests[i % MR_COUNT(tests)];
        if (i == MR_COUNT(tests))
            rounds[i].setup_func = hire;
    }
    kdc_init(&k, 18);
    for (int i = 0; i < MANNERS; i++)
        kdc_open(&k, &manners[i]);
    int rc = cmocka_run_group_tests(rounds, NULL, NULL);
    mr_workers_free(crew);
    for (int i = 0; i < MANNERS; i++)
        kdc_close(&manners[i]);
    kdc_deinit(&k);
    return rc;
}
