/*
 * Port probes on loopback: servers that answer, greet, trickle, close, hang or speak something
 * else, closed ports, silence, and scans of many ports. Nothing asserts how long anything took.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include "../../src/probe/port_private.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sample.h"

#define PATIENCE (30 * MR_SEC) /* a test that needs it has failed */
#define SHORT (100 * MR_MSEC)  /* for silence that is meant */

static mr_addr loopback(uint16_t port) {
    return (mr_addr){.family = MR_FAMILY_IPV4, .port = port, .ip = {127, 0, 0, 1}};
}

/* ---- a TCP server with manners of its own ---- */

enum manner { GREETS, ANSWERS, TRICKLES, CLOSES, HANGS, SECOND_TIME };

#define PEERS 8

struct server {
    mr_loop loop;
    mr_listener listener;
    mr_stream peers[PEERS];
    size_t peer_count;
    enum manner manner;
    mr_slice answer;
};


static struct server *the_server; /* streams know only their own place */

static void send_answer(struct server *s, mr_stream *stream) {
    size_t step = s->manner == TRICKLES ? 1 : s->answer.len;

    for (size_t at = 0; at < s->answer.len; at += step)
        assert_int_equal(mr_stream_send(stream, mr_slice_sub(s->answer, at, step), NULL), 0);
}

static void peer_received(void *user, mr_slice bytes) {
    struct server *s = the_server;
    mr_stream *stream = user;

    assert_true(bytes.len > 0);
    if (s->manner == ANSWERS || s->manner == TRICKLES ||
        (s->manner == SECOND_TIME && s->peer_count == 2))
        send_answer(s, stream);
    else if (s->manner == CLOSES || s->manner == SECOND_TIME)
        mr_stream_close(stream);
}

static void peer_opened(void *user, int result, const mr_error *err) {
    (void)user;
    (void)result;
    (void)err;
}

static void peer_closed(void *user, int result, const mr_error *err) {
    (void)result;
    (void)err;
    mr_stream_close(user);
}

static const mr_stream_events peer_events = {
    .opened = peer_opened, .received = peer_received, .closed = peer_closed};

static void accepted(void *user, mr_accepted *a) {
    struct server *s = user;

    assert_true(s->peer_count < PEERS);
    mr_stream *stream = &s->peers[s->peer_count++];
    assert_int_equal(mr_stream_init(stream, &s->loop, "ncacn_ip_tcp", &peer_events, stream, NULL),
                     0);
    assert_int_equal(mr_stream_accept(stream, a, NULL), 0);
    if (s->manner == GREETS)
        send_answer(s, stream);
}

static const mr_listener_events listener_events = {.accepted = accepted};

static void server_open(struct server *s, enum manner manner, mr_slice answer) {
    *s = (struct server){.manner = manner, .answer = answer};
    the_server = s;
    assert_int_equal(mr_loop_init(&s->loop, NULL), 0);
    mr_listener_init(&s->listener, &s->loop, &listener_events, s);
    const mr_listen_options options = {.local = loopback(0)};
    assert_int_equal(mr_listener_open(&s->listener, &options, NULL), 0);
}

static void server_close(struct server *s) {
    for (size_t i = 0; i < s->peer_count; i++)
        mr_stream_deinit(&s->peers[i]);
    mr_listener_deinit(&s->listener);
    mr_loop_deinit(&s->loop);
}

/* ---- one probe ---- */

static void probe_done(void *user, mr_port_probe *probe) {
    unsigned *times = user;

    ++*times;
    mr_loop_stop(probe->loop);
}

/* Probes and waits; the caller deinitialises. */
static void ask(mr_loop *loop, mr_port_probe *probe, const mr_port_probe_options *options) {
    unsigned times = 0;

    mr_port_probe_init(probe, loop, probe_done, &times);
    assert_int_equal(mr_port_probe_start(probe, options, NULL), 0);
    assert_int_equal(mr_port_probe_start(probe, options, NULL), MR_ERR_STATE);
    assert_int_equal(mr_loop_run(loop, mr_clock_now() + PATIENCE), 0);
    assert_int_equal(times, 1);
}

struct talk_case {
    uint16_t service;
    enum manner manner;
    const char *sample; /* or NULL: @text */
    const char *text;
    enum mr_port_talk talk;
    const char *detail; /* a part of it */
};

static const struct talk_case talks[] = {
    {389, ANSWERS, "ldap/root_dse", NULL, MR_PORT_TALK_ANSWERED, "dc1.lab.test, DC=lab,DC=test"},
    {3268, TRICKLES, "ldap/root_dse", NULL, MR_PORT_TALK_ANSWERED, "global catalogue"},
    {445, ANSWERS, "smb_negotiate/smb311", NULL, MR_PORT_TALK_ANSWERED, "SMB 3.1.1, signing req"},
    {445, TRICKLES, "smb_negotiate/smb311", NULL, MR_PORT_TALK_ANSWERED, "SMB 3.1.1"},
    {445, SECOND_TIME, "smb_negotiate/smb1", NULL, MR_PORT_TALK_ANSWERED,
     "SMB 1 (SMB 2 was not answered)"},
    {445, CLOSES, NULL, "", MR_PORT_TALK_CLOSED, "closes the connection"},
    {139, ANSWERS, "nbt/positive", NULL, MR_PORT_TALK_ANSWERED, "accepts a session"},
    {139, ANSWERS, "nbt/negative", NULL, MR_PORT_TALK_ANSWERED, "called name is not present"},
    {593, GREETS, NULL, "ncacn_http/1.0", MR_PORT_TALK_ANSWERED, "greets with ncacn_http/1.0"},
    {593, GREETS, NULL, "220 mail", MR_PORT_TALK_FOREIGN, "does not speak RPC over HTTP"},
    {593, HANGS, NULL, "", MR_PORT_TALK_SILENT, "does not answer"},
    {636, TRICKLES, "hello/tls_hello", NULL, MR_PORT_TALK_ANSWERED, "TLS 1.2"},
    {636, ANSWERS, "hello/tls_alert", NULL, MR_PORT_TALK_ANSWERED, "alert handshake_failure"},
    {3389, TRICKLES, "hello/rdp", NULL, MR_PORT_TALK_ANSWERED, "CredSSP"},
    {3389, ANSWERS, "hello/rdp_failure", NULL, MR_PORT_TALK_ANSWERED, "CredSSP required"},
    {464, ANSWERS, NULL, "\0\0\0\x02zz", MR_PORT_TALK_FOREIGN, "does not speak"},
    {88, ANSWERS, NULL, "\x7f\xff\xff\xff", MR_PORT_TALK_FOREIGN, "does not speak Kerberos"},
    {88, CLOSES, NULL, "", MR_PORT_TALK_CLOSED, "closes the connection"},
    {53, HANGS, NULL, "", MR_PORT_TALK_SILENT, "does not answer DNS"},
    {5985, TRICKLES, NULL, "HTTP/1.1 405 No\r\nServer: Microsoft-HTTPAPI/2.0\r\n\r\n",
     MR_PORT_TALK_ANSWERED, "HTTP 405, Microsoft-HTTPAPI/2.0"},
    {5985, ANSWERS, NULL, "HTTP/1.1 404 No\r\n\r\n", MR_PORT_TALK_ANSWERED, "no WinRM"},
    {5985, ANSWERS, NULL, "SSH-2.0-x", MR_PORT_TALK_FOREIGN, "does not speak WinRM"},
    {21, GREETS, NULL, "220-hello\r\n220 FTP ready\r\n", MR_PORT_TALK_ANSWERED,
     "greets with 220-hello"},
    {25, GREETS, NULL, "220 mail ESMTP\r\n", MR_PORT_TALK_ANSWERED, "greets with 220 mail ESMTP"},
    {25, GREETS, NULL, "SSH-2.0-x\r\n", MR_PORT_TALK_FOREIGN, "does not speak SMTP"},
    {110, GREETS, NULL, "+OK ready\r\n", MR_PORT_TALK_ANSWERED, "greets with +OK ready"},
    {110, GREETS, NULL, "220 mail\r\n", MR_PORT_TALK_FOREIGN, "does not speak POP3"},
    {143, GREETS, NULL, "* OK IMAP4 ready\r\n", MR_PORT_TALK_ANSWERED, "greets with * OK IMAP4"},
    {143, HANGS, NULL, "", MR_PORT_TALK_SILENT, "does not answer IMAP"},
    {135, ANSWERS, NULL, "HTTP/1.1 400 Bad\r\n\r\n", MR_PORT_TALK_FOREIGN, ""},
    {135, CLOSES, NULL, "", MR_PORT_TALK_CLOSED, ""},
    {135, HANGS, NULL, "", MR_PORT_TALK_SILENT, ""},
};

static mr_slice answer_of(const struct talk_case *t) {
    if (t->sample)
        return sample_get(t->sample);
    /* texts with zeros in front are the two lengths of Kerberos over TCP */
    size_t len = t->service == 464 ? 6 : strlen(t->text);
    return sample_cut(mr_slice_of(t->text, len), len);
}

static void test_tcp_talks(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(talks); i++) {
        const struct talk_case *t = &talks[i];
        mr_slice answer = answer_of(t);
        struct server s;
        mr_port_probe probe;
        server_open(&s, t->manner, answer);
        mr_port_probe_options o = {.remote = s.listener.local, .protocol = MR_PORT_TCP,
                                   .service = t->service, .host = "dc1.lab.test"};
        if (t->talk == MR_PORT_TALK_SILENT)
            o.timeout = SHORT;
        ask(&s.loop, &probe, &o);
        assert_int_equal(probe.result.state, MR_PORT_LISTENING);
        assert_int_equal(probe.result.attempt.reach, MR_REACH_OPEN);
        if (probe.result.talk != t->talk || !probe.result.detail ||
            !strstr(probe.result.detail, t->detail))
            fail_msg("case %zu: %s, \"%s\"", i, mr_port_talk_name(probe.result.talk),
                     probe.result.detail ? probe.result.detail : "");
        assert_string_equal(probe.result.asked, mr_port_service_asked(t->service, MR_PORT_TCP));
        mr_port_probe_deinit(&probe);
        server_close(&s);
        sample_free(answer);
    }
}

static void test_flood(void **state) {
    uint8_t *much = malloc(1 << 20);
    struct server s;
    mr_port_probe probe;

    (void)state;
    assert_non_null(much);
    memcpy(much, "\x30\x84\x7f\xff\xff\xff", 6); /* an LDAP message of 2 GiB begins */
    memset(much + 6, 0x30, (1 << 20) - 6);
    server_open(&s, ANSWERS, mr_slice_of(much, 1 << 20));
    const mr_port_probe_options o = {.remote = s.listener.local, .protocol = MR_PORT_TCP,
                                     .service = 389};
    ask(&s.loop, &probe, &o);
    assert_int_equal(probe.result.talk, MR_PORT_TALK_FOREIGN);
    assert_true(probe.in.size <= 65536);
    mr_port_probe_deinit(&probe);
    server_close(&s);
    free(much);
}

static void test_quiet(void **state) {
    struct server s;
    mr_port_probe probe;

    (void)state;
    server_open(&s, HANGS, MR_SLICE_NULL);
    const mr_port_probe_options o = {.remote = s.listener.local, .protocol = MR_PORT_TCP,
                                     .service = 389, .quiet = true};
    ask(&s.loop, &probe, &o);
    assert_int_equal(probe.result.state, MR_PORT_LISTENING);
    assert_int_equal(probe.result.talk, MR_PORT_TALK_NONE);
    assert_null(probe.result.asked);
    mr_port_probe_deinit(&probe);
    server_close(&s);
}

/* ---- UDP ---- */

struct udp_server {
    mr_loop loop;
    mr_timer timer;
    int fd;
    mr_addr local;
    mr_slice answer; /* NULL: never answers */
    bool copy_id;    /* the question's first two octets into the answer */
    unsigned questions;
};

static void udp_poll(void *user) {
    struct udp_server *s = user;
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    uint8_t in[2048], out[2048];

    ssize_t n = recvfrom(s->fd, in, sizeof in, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
    if (n >= 0) {
        s->questions++;
        if (s->answer.data) {
            memcpy(out, s->answer.data, s->answer.len);
            if (s->copy_id)
                memcpy(out, in, 2);
            assert_true(sendto(s->fd, out, s->answer.len, 0, (struct sockaddr *)&from, len) >= 0);
        }
    }
    mr_timer_set(&s->timer, mr_clock_now() + MR_MSEC);
}

static void udp_open(struct udp_server *s, mr_slice answer, bool copy_id) {
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sin;

    *s = (struct udp_server){.answer = answer, .copy_id = copy_id};
    assert_int_equal(mr_loop_init(&s->loop, NULL), 0);
    s->fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(s->fd >= 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&sin, len), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&sin, &len), 0);
    s->local = loopback(ntohs(sin.sin_port));
    mr_timer_init(&s->timer, &s->loop, udp_poll, s);
    mr_timer_set(&s->timer, mr_clock_now());
}

static void udp_close(struct udp_server *s) {
    mr_timer_deinit(&s->timer);
    close(s->fd);
    mr_loop_deinit(&s->loop);
}

static void test_udp_talks(void **state) {
    static const struct {
        uint16_t service;
        const char *sample;
        bool copy_id;
        enum mr_port_talk talk;
        const char *detail;
    } cases[] = {
        {389, "ldap/ping", false, MR_PORT_TALK_ANSWERED, "dc1.lab.test, domain lab.test, site"},
        {88, "krb/unknown", false, MR_PORT_TALK_ANSWERED, "KDC_ERR_C_PRINCIPAL_UNKNOWN, realm LAB"},
        {464, "krb/kpasswd", false, MR_PORT_TALK_ANSWERED, "rejects a change without a ticket"},
        {137, "nbt/status", true, MR_PORT_TALK_ANSWERED, "LAB<1c> domain controllers"},
        {137, "nbt/status", false, MR_PORT_TALK_FOREIGN, "does not speak NetBIOS"},
        {123, "hello/ntp", false, MR_PORT_TALK_ANSWERED, "stratum 3"},
        {53, "dns/a", false, MR_PORT_TALK_FOREIGN, "does not speak DNS"},
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        mr_slice answer = sample_get(cases[i].sample);
        struct udp_server s;
        mr_port_probe probe;
        udp_open(&s, answer, cases[i].copy_id);
        const mr_port_probe_options o = {.remote = s.local, .protocol = MR_PORT_UDP,
                                         .service = cases[i].service, .timeout = PATIENCE};
        ask(&s.loop, &probe, &o);
        assert_int_equal(probe.result.state, MR_PORT_LISTENING);
        if (probe.result.talk != cases[i].talk || !strstr(probe.result.detail, cases[i].detail))
            fail_msg("case %zu: %s, \"%s\"", i, mr_port_talk_name(probe.result.talk),
                     probe.result.detail);
        mr_port_probe_deinit(&probe);
        udp_close(&s);
        sample_free(answer);
    }
}

/* Answers that repeat something of the question, read without a network. */
static void read_answer(uint16_t port, const void *bytes, size_t len, enum port_reading want,
                        const char *detail) {
    mr_loop loop = {0};
    mr_port_probe probe;

    mr_port_probe_init(&probe, &loop, probe_done, NULL);
    probe.service = port_service_find(port, MR_PORT_UDP);
    assert_non_null(probe.service);
    assert_int_equal(probe.service->ask(&probe, &probe.out), 0);
    assert_true(probe.out.len > 0);
    assert_int_equal(probe.service->answer(&probe, mr_slice_of(bytes, len), true), want);
    char text[256] = "";
    memcpy(text, probe.text.data ? (const char *)probe.text.data : "",
           probe.text.len < 255 ? probe.text.len : 255);
    if (!strstr(text, detail))
        fail_msg("port %u: \"%s\"", port, text);
    mr_port_probe_deinit(&probe);
}

#define READ(port, bytes, want, detail) read_answer(port, bytes, sizeof bytes - 1, want, detail)

static void test_udp_readings(void **state) {
    (void)state;
    READ(161, "\x30\x2a\x02\x01\x00\x04\x06public\xa2\x1d\x02\x01\x00\x02\x01\x00\x02\x01\x00"
         "\x30\x12\x30\x10\x06\x08\x2b\x06\x01\x02\x01\x01\x01\x00\x04\x04" "disk", PORT_DONE,
         "disk");
    READ(161, "\x30\x1b\x02\x01\x00\x04\x06public\xa2\x0e\x02\x01\x00\x02\x01\x02\x02\x01\x01"
         "\x30\x03\x30\x01\x05", PORT_DONE, "error status 2");
    READ(161, "\x30\x03\x02\x01\x00", PORT_FOREIGN, "");
    READ(161, "\x30\x2a\x02\x01\x00\x04\x06public\xa2\x1d\x02\x01\x07", PORT_FOREIGN, "");
    READ(500, "\0\0\0\0\0\0\0\0" "cookies!\x0b\x10\x05\0\0\0\0\0\0\0\0\x1c", PORT_DONE,
         "IKE 1.0 refuses");
    READ(500, "another!cookies!\x0b\x10\x05\0\0\0\0\0\0\0\0\x1c", PORT_FOREIGN, "");
    READ(500, "\0\0\0\0\0\0\0\0", PORT_FOREIGN, "");
    READ(1434, "\x05\x2a\0ServerName;A;InstanceName;MSSQLSERVER;tcp;1433;;", PORT_DONE,
         "instance MSSQLSERVER");
    READ(1434, "\x05\xff\xffServerName", PORT_DONE, "knows no instance");
    READ(1434, "\x04\0\0", PORT_FOREIGN, "");
    READ(1701, "\xc8\x02\0\x14\0\1\0\0\0\0\0\1\x80\x08\0\0\0\0\0\2", PORT_DONE,
         "accepts a tunnel");
    READ(1701, "\xc8\x02\0\x14\0\1\0\0\0\0\0\1\x80\x08\0\0\0\0\0\4", PORT_DONE,
         "refuses a tunnel");
    READ(1701, "\xc8\x02\0\x0c\0\1\0\0\0\0\0\1", PORT_DONE, "acknowledges");
    READ(1701, "\x48\x02\0\x0c\0\1\0\0\0\0\0\1", PORT_FOREIGN, "");
}

static void test_udp_root_dse(void **state) {
    mr_slice answer = sample_get("ldap/root_dse");
    struct udp_server s;
    mr_port_probe probe;

    (void)state;
    udp_open(&s, answer, false);
    const mr_port_probe_options o = {.remote = s.local, .protocol = MR_PORT_UDP, .service = 389,
                                     .root_dse = true, .timeout = PATIENCE};
    ask(&s.loop, &probe, &o);
    assert_int_equal(probe.result.talk, MR_PORT_TALK_ANSWERED);
    assert_non_null(strstr(probe.result.detail, "dc1.lab.test, DC=lab,DC=test"));
    mr_port_probe_deinit(&probe);
    udp_close(&s);
    sample_free(answer);
}

static void test_udp_silence(void **state) {
    struct udp_server s;
    mr_port_probe probe;

    (void)state;
    udp_open(&s, MR_SLICE_NULL, false);
    const mr_port_probe_options o = {.remote = s.local, .protocol = MR_PORT_UDP,
                                     .timeout = SHORT, .tries = 2};
    ask(&s.loop, &probe, &o);
    assert_int_equal(probe.result.state, MR_PORT_LISTENING_OR_FILTERED);
    assert_int_equal(probe.result.attempt.sent, 2);
    assert_null(probe.result.asked);
    assert_null(mr_port_result_icmp(&probe.result));
    mr_port_probe_deinit(&probe);
    udp_close(&s);
}

/* ---- nobody there ---- */

static uint16_t closed_port(void) {
    struct server s;

    server_open(&s, HANGS, MR_SLICE_NULL);
    uint16_t port = s.listener.local.port;
    server_close(&s);
    return port;
}

static void test_closed(void **state) {
    static const uint8_t protocols[] = {MR_PORT_TCP, MR_PORT_UDP};
    mr_loop loop;

    (void)state;
    assert_int_equal(mr_loop_init(&loop, NULL), 0);
    for (size_t i = 0; i < MR_COUNT(protocols); i++) {
        mr_port_probe probe;
        const mr_port_probe_options o = {.remote = loopback(closed_port()),
                                         .protocol = protocols[i]};
        ask(&loop, &probe, &o);
        assert_int_equal(probe.result.state, MR_PORT_NOT_LISTENING);
        assert_int_equal(probe.result.talk, MR_PORT_TALK_NONE);
        assert_true(!mr_port_result_icmp(&probe.result) == (protocols[i] == MR_PORT_TCP));
        mr_port_probe_deinit(&probe);
    }
    mr_loop_deinit(&loop);
}

static void test_states(void **state) {
    const mr_addr host = loopback(1);
    mr_addr router = loopback(0);
    router.ip[3] = 9;
    const mr_icmp port_host = {.present = true, .version = 4, .type = 3, .code = 3, .sender = host};
    mr_icmp port_router = port_host, admin = port_host;
    port_router.sender = router;
    admin.code = 13;
    const struct {
        mr_attempt attempt;
        enum mr_port_state tcp, udp;
    } cases[] = {
        {{.reach = MR_REACH_OPEN}, MR_PORT_LISTENING, MR_PORT_LISTENING},
        {{.reach = MR_REACH_REFUSED}, MR_PORT_NOT_LISTENING, MR_PORT_NOT_LISTENING},
        {{.reach = MR_REACH_REFUSED, .icmp = port_host}, MR_PORT_NOT_LISTENING,
         MR_PORT_NOT_LISTENING},
        {{.reach = MR_REACH_UNREACHABLE, .icmp = port_host}, MR_PORT_NOT_LISTENING,
         MR_PORT_NOT_LISTENING},
        {{.reach = MR_REACH_REFUSED, .icmp = port_router}, MR_PORT_FILTERED, MR_PORT_FILTERED},
        {{.reach = MR_REACH_UNREACHABLE, .icmp = admin}, MR_PORT_FILTERED, MR_PORT_FILTERED},
        {{.reach = MR_REACH_UNREACHABLE}, MR_PORT_FILTERED, MR_PORT_FILTERED},
        {{.reach = MR_REACH_SILENT}, MR_PORT_FILTERED, MR_PORT_LISTENING_OR_FILTERED},
        {{.reach = MR_REACH_LOCAL}, MR_PORT_UNKNOWN, MR_PORT_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        mr_attempt attempt = cases[i].attempt;
        attempt.remote = host;
        assert_int_equal(mr_port_state_get(&attempt, MR_PORT_TCP), cases[i].tcp);
        assert_int_equal(mr_port_state_get(&attempt, MR_PORT_UDP), cases[i].udp);
    }
    assert_string_equal(mr_port_state_name(MR_PORT_LISTENING_OR_FILTERED),
                        "LISTENING or FILTERED");
}

/* ---- sets and scans ---- */

static void test_sets(void **state) {
    static const char *const bad[] = {"", ",", "135,", "0", "65536", "9-8", "-9", "9-", "a",
                                      "1-2-3", "0x10g", "135;445"};
    mr_port_set set, before;
    mr_error err = MR_ERROR_INIT;

    (void)state;
    assert_int_equal(mr_port_set_decode(MR_SLICE_LIT("445, 135,49664-49670,445"), &set, NULL), 0);
    assert_int_equal(mr_port_set_count(&set), 9);
    assert_int_equal(mr_port_set_next(&set, 0), 135);
    assert_int_equal(mr_port_set_next(&set, 136), 445);
    assert_int_equal(mr_port_set_next(&set, 446), 49664);
    assert_int_equal(mr_port_set_next(&set, 49670), 49670);
    assert_int_equal(mr_port_set_next(&set, 49671), -1);
    before = set;
    for (size_t i = 0; i < MR_COUNT(bad); i++) {
        assert_int_equal(mr_port_set_decode(mr_slice_str(bad[i]), &set, &err), MR_ERR_SYNTAX);
        assert_memory_equal(&set, &before, sizeof set);
    }
    assert_int_equal(mr_port_set_decode(MR_SLICE_LIT("1-65535"), &set, NULL), 0);
    assert_int_equal(mr_port_set_count(&set), 65535);
    assert_int_equal(mr_port_set_next(&set, 65535), 65535);
    assert_int_equal(mr_port_set_next(&set, 65536), -1);
    mr_port_set_get_default(MR_PORT_UDP, &set);
    for (int port = mr_port_set_next(&set, 0); port >= 0;
         port = mr_port_set_next(&set, (uint32_t)port + 1)) {
        assert_non_null(mr_port_service_asked((uint16_t)port, MR_PORT_UDP));
        assert_non_null(mr_port_find((uint16_t)port, MR_PORT_UDP));
    }
}

struct tally {
    mr_loop *loop;
    uint8_t tcp[65536], udp[65536]; /* state + 1 */
    unsigned found, done, stop_at;
    mr_port_scan scan;
};

static void tally_found(void *user, const mr_port_result *result) {
    struct tally *t = user;
    uint8_t *seen = result->protocol == MR_PORT_TCP ? t->tcp : t->udp;

    assert_int_equal(seen[result->port], 0);
    seen[result->port] = (uint8_t)(result->state + 1);
    t->found++;
    if (t->found == t->stop_at) {
        mr_port_scan_deinit(&t->scan);
        mr_loop_stop(t->loop);
    }
}

static void tally_done(void *user, mr_port_scan *scan) {
    struct tally *t = user;

    assert_int_equal(scan->known, scan->total);
    t->done++;
    mr_loop_stop(t->loop);
}

static void scan(struct tally *t, mr_loop *loop, uint16_t around, unsigned at_once,
                 mr_pace *pace) {
    uint16_t first = around > 65000 ? 65000 : around - 20;
    mr_port_set set = {0};
    const mr_port_scan_options o = {.remote = loopback(0), .at_once = at_once, .pace = pace,
                                    .udp_tries = 1, .timeout = SHORT};

    t->loop = loop;
    mr_port_set_add(&set, first, (uint16_t)(first + 499));
    mr_port_scan_init(&t->scan, loop, tally_found, tally_done, t);
    assert_int_equal(mr_port_scan_start(&t->scan, &o, &set, NULL, NULL), 0);
    assert_int_equal(mr_port_scan_start(&t->scan, &o, &set, NULL, NULL), MR_ERR_STATE);
    assert_int_equal(mr_loop_run(loop, mr_clock_now() + PATIENCE), 0);
}

static void test_scan(void **state) {
    struct tally *t = calloc(1, sizeof *t);
    mr_pace pace = {.interval = MR_MSEC / 10};
    struct server s;

    (void)state;
    assert_non_null(t);
    server_open(&s, HANGS, MR_SLICE_NULL);
    scan(t, &s.loop, s.listener.local.port, 7, &pace);
    assert_int_equal(t->found, 500);
    assert_int_equal(t->done, 1);
    assert_int_equal(t->tcp[s.listener.local.port], MR_PORT_LISTENING + 1);
    assert_int_equal(t->scan.probe_count, 7);
    mr_port_scan_deinit(&t->scan);
    /* ended from inside a callback: nothing comes after it */
    memset(t, 0, sizeof *t);
    t->stop_at = 123;
    scan(t, &s.loop, s.listener.local.port, 64, NULL);
    assert_int_equal(t->found, 123);
    (void)mr_loop_run(&s.loop, mr_clock_now() + 10 * MR_MSEC);
    assert_int_equal(t->found, 123);
    assert_int_equal(t->done, 0);
    server_close(&s);
    free(t);
}

static void test_scan_of_nothing(void **state) {
    struct tally *t = calloc(1, sizeof *t);
    const mr_port_scan_options o = {.remote = loopback(0)};
    mr_loop loop;

    (void)state;
    assert_non_null(t);
    assert_int_equal(mr_loop_init(&loop, NULL), 0);
    t->loop = &loop;
    mr_port_scan_init(&t->scan, &loop, tally_found, tally_done, t);
    assert_int_equal(mr_port_scan_start(&t->scan, &o, NULL, NULL, NULL), 0);
    assert_int_equal(mr_loop_run(&loop, mr_clock_now() + PATIENCE), 0);
    assert_int_equal(t->found, 0);
    assert_int_equal(t->done, 1);
    mr_port_scan_deinit(&t->scan);
    mr_loop_deinit(&loop);
    free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),      cmocka_unit_test(test_sets),
        cmocka_unit_test(test_closed),      cmocka_unit_test(test_tcp_talks),
        cmocka_unit_test(test_flood),       cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_udp_talks),   cmocka_unit_test(test_udp_readings),
        cmocka_unit_test(test_udp_root_dse), cmocka_unit_test(test_udp_silence),
        cmocka_unit_test(test_scan),        cmocka_unit_test(test_scan_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
