/*
 * What discovery and communication tell in a trace: each observation gives its finding, and one
 * that a guard excuses gives none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <msrpc/trace.h>
#include <msrpc/wire/smb2.h>

#include <string.h>

#define LAST (100 * MR_SEC)

typedef struct scene {
    mr_trace *trace;
    mr_flow_seen tcp;
    uint64_t flow;
    uint16_t port;
} scene;

static const mr_uuid samr = {0x12345778, 0x1234, 0xabcd,
                             {0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xac}};

static mr_ip ip4(uint8_t last) {
    mr_ip ip = {.family = 4};
    memcpy(ip.host.octets, (uint8_t[]){10, 1, 0, last}, 4);
    return ip;
}

static mr_seen record(const scene *s, enum mr_seen_kind kind, uint64_t packet) {
    return (mr_seen){.kind = kind, .via = MR_SEEN_TCP, .flow = s->flow, .packet = packet,
                     .time = packet * MR_SEC, .to_client = true, .client = ip4(5),
                     .server = ip4(10), .client_port = (uint16_t)(50000 + s->flow),
                     .server_port = s->port};
}

static void add(scene *s, const mr_seen *seen) {
    assert_int_equal(mr_trace_add(s->trace, seen), 0);
}

/* A connection of 10.1.0.5 to @port of 10.1.0.@host that opens at second @packet. */
static void open_to(scene *s, uint8_t host, uint16_t port, uint64_t packet) {
    s->flow++;
    s->port = port;
    s->tcp = (mr_flow_seen){.id = s->flow, .first = packet * MR_SEC, .last = LAST,
                            .last_packet = 90, .opened = packet * MR_SEC,
                            .opened_packet = packet, .state = MR_FLOW_OPEN};
    for (int i = 0; i < 2; i++) {
        s->tcp.side[i].packets = 5;
        s->tcp.side[i].first_packet = s->tcp.side[i].syn_packet = packet;
        s->tcp.side[i].syns = 1;
        s->tcp.side[i].octets = 100;
    }
    mr_seen begin = record(s, MR_SEEN_BEGIN, packet);
    begin.server = ip4(host);
    add(s, &begin);
}

static void begin(scene *s, uint16_t port) {
    *s = (scene){.trace = NULL};
    assert_int_equal(mr_trace_new(NULL, &s->trace), 0);
    open_to(s, 10, port, 1);
}

static void leave(scene *s, uint64_t packet) {
    s->tcp.side[MR_FROM_CLIENT].fin_packet = packet;
    s->tcp.side[MR_FROM_CLIENT].fin_time = packet * MR_SEC;
}

static void end_at(scene *s, uint8_t host) {
    mr_seen end = record(s, MR_SEEN_END, 90);
    end.server = ip4(host);
    end.u.end = (mr_seen_end){.tcp = &s->tcp, .service = MR_SEEN_UNKNOWN, .via = MR_SEEN_TCP};
    add(s, &end);
}

/* Ends the capture; whether @id is among its findings. */
static bool gives(scene *s, const char *id) {
    bool found = false;
    assert_int_equal(mr_trace_end(s->trace, MR_SEC, LAST), 0);
    for (size_t i = 0; i < mr_trace_finding_count(s->trace); i++)
        found = found || !strcmp(mr_trace_get_finding(s->trace, i)->finding->id, id);
    mr_trace_free(s->trace);
    return found;
}

/* The mapper's answer to a map, or DCOM's (@kind), that names port 49200 of 10.1.0.@host. */
static void name(scene *s, enum mr_seen_kind kind, uint8_t host, uint64_t packet) {
    mr_seen_endpoint endpoint = {.interface = samr, .version = 1, .port = 49200,
                                 .protseq = MR_PROTSEQ_NCACN_IP_TCP, .address = ip4(host),
                                 .host = "10.1.0.9"};
    mr_seen map = record(s, kind, packet);
    map.u.map = (mr_seen_map){.request_known = true, .asked = samr, .endpoints = &endpoint,
                              .count = 1};
    add(s, &map);
}

static void test_not_followed(void **state) {
    (void)state;
    for (int followed = 0; followed < 2; followed++) {
        for (uint64_t at = 94; at <= 96; at += 2) {
            scene s;
            begin(&s, 135);
            name(&s, MR_SEEN_MAP, 10, at);
            end_at(&s, 10);
            if (followed) {
                open_to(&s, 10, 49200, at);
                end_at(&s, 10);
            }
            assert_int_equal(gives(&s, "EPM.NOT_FOLLOWED"), !followed && at == 94);
        }
    }
}

/* Somebody who asks for one thing after the other wants a list. */
static void test_listing(void **state) {
    (void)state;
    for (uint64_t times = 3; times <= 4; times++) {
        scene s;
        begin(&s, 135);
        for (uint64_t i = 0; i < times; i++)
            name(&s, MR_SEEN_MAP, 10, 10 + i);
        end_at(&s, 10);
        assert_int_equal(gives(&s, "EPM.NOT_FOLLOWED"), times == 3);
    }
}

/* A tower, or a binding of DCOM, that leads to 10.1.0.9, where nobody answers. */
static void test_elsewhere(void **state) {
    (void)state;
    for (int oxid = 0; oxid < 2; oxid++) {
        for (int answered = 0; answered < 2; answered++) {
            scene s;
            begin(&s, 135);
            name(&s, oxid ? MR_SEEN_OXID : MR_SEEN_MAP, 9, 5);
            end_at(&s, 10);
            open_to(&s, 9, 49200, 10);
            if (!answered) {
                s.tcp.opened = 0;
                s.tcp.side[MR_FROM_SERVER] = (mr_flow_side_seen){0};
                s.tcp.side[MR_FROM_CLIENT].octets = 0;
                s.tcp.side[MR_FROM_CLIENT].syns = 4;
                s.tcp.side[MR_FROM_CLIENT].syn_time = 10 * MR_SEC;
            }
            end_at(&s, 9);
            assert_int_equal(gives(&s, oxid ? "RPC.DCOM_UNREACHABLE" : "EPM.TOWER_UNREACHABLE"),
                             !answered);
        }
    }
}

static void test_oxid_gone(void **state) {
    static const mr_uuid exporter = {0x99fcfec4, 0x5260, 0x101b,
                                     {0xbb, 0xcb, 0x00, 0xaa, 0x00, 0x21, 0x34, 0x7a}};
    (void)state;
    for (uint32_t status = 1909; status <= 1910; status++) {
        scene s;
        begin(&s, 135);
        mr_seen returned = record(&s, MR_SEEN_RETURNED, 5);
        returned.u.call = (mr_seen_call){.interface = exporter, .known = true, .opnum = 4,
                                         .status = status};
        add(&s, &returned);
        end_at(&s, 10);
        assert_int_equal(gives(&s, "RPC.OXID_GONE"), status == 1910);
    }
}

/* ---- SMB ---- */

static void smb(scene *s, const mr_seen_smb *smb, uint64_t packet) {
    mr_seen seen = record(s, MR_SEEN_SMB, packet);
    seen.u.smb = *smb;
    add(s, &seen);
}

static void log_on(scene *s, bool demands, bool guest, uint64_t packet) {
    smb(s, &(mr_seen_smb){.kind = MR_SEEN_SMB_ASKED, .version = 2, .dialect = 0x311,
                          .signing_required = demands}, packet);
    smb(s, &(mr_seen_smb){.kind = MR_SEEN_SMB_NEGOTIATED, .version = 2, .dialect = 0x311}, packet);
    smb(s, &(mr_seen_smb){.kind = MR_SEEN_SMB_SESSION, .version = 2, .guest = guest}, packet);
}

/* A client that demands signatures leaves as soon as it is a guest. */
static void test_dropped(void **state) {
    (void)state;
    for (int demands = 0; demands < 2; demands++) {
        for (int went_on = 0; went_on < 2; went_on++) {
            scene s;
            begin(&s, 445);
            log_on(&s, demands, true, 5);
            if (went_on)
                smb(&s, &(mr_seen_smb){.kind = MR_SEEN_SMB_LOGOFF, .version = 2}, 5);
            leave(&s, 6);
            end_at(&s, 10);
            assert_int_equal(gives(&s, "SMB.SIGNATURE"), demands && !went_on);
        }
    }
}

/* A session that the server forgot, unless the client logs on anew, or had logged off. */
static void test_session_gone(void **state) {
    (void)state;
    for (int turn = 0; turn < 3; turn++) {
        scene s;
        begin(&s, 445);
        log_on(&s, false, false, 5);
        if (turn == 1)
            smb(&s, &(mr_seen_smb){.kind = MR_SEEN_SMB_LOGOFF, .version = 2}, 6);
        smb(&s, &(mr_seen_smb){.kind = MR_SEEN_SMB_PIPE, .version = 2, .status = 0xc0000203,
                               .text = "samr"}, 7);
        end_at(&s, 10);
        if (turn == 2) {
            open_to(&s, 10, 445, 8);
            log_on(&s, false, false, 8);
            end_at(&s, 10);
        }
        assert_int_equal(gives(&s, "SMB.SESSION_GONE"), turn == 0);
    }
}

/* A step that waits when the server ends the connection; other commands are no steps. */
static void test_step_unanswered(void **state) {
    static const uint16_t commands[] = {MR_SMB2_SESSION_SETUP, MR_SMB2_TREE_CONNECT, 15};
    (void)state;
    for (size_t i = 0; i < MR_COUNT(commands); i++) {
        scene s;
        begin(&s, 445);
        log_on(&s, false, false, 5);
        smb(&s, &(mr_seen_smb){.kind = MR_SEEN_SMB_UNANSWERED, .version = 2,
                               .command = commands[i]}, 7);
        s.tcp.side[MR_FROM_SERVER].fin_packet = 8;
        end_at(&s, 10);
        assert_int_equal(gives(&s, "SMB.ENDED"), i < 2);
    }
}

/* ---- Kerberos ---- */

static void krb(scene *s, const mr_seen_krb *krb, uint64_t packet) {
    bool request = krb->kind == MR_SEEN_AS_REQ || krb->kind == MR_SEEN_TGS_REQ;
    mr_seen seen = record(s, MR_SEEN_KERBEROS, packet);
    seen.via = MR_SEEN_UDP;
    seen.flow = 0;
    if (!request) {
        seen.client = ip4(10);
        seen.server = ip4(5);
    }
    seen.u.krb = *krb;
    add(s, &seen);
}

static void ask(scene *s, int32_t error, const char *server, uint64_t packet) {
    krb(s, &(mr_seen_krb){.kind = MR_SEEN_AS_REQ, .realm = "R", .client = "alice",
                          .server = server}, packet);
    krb(s, &(mr_seen_krb){.kind = error ? MR_SEEN_KRB_ERROR : MR_SEEN_AS_REP, .realm = "R",
                          .client = "alice", .server = server, .error = error}, packet);
}

/* The user is unknown to the KDC, and NTLM may follow: SMB is negotiated and the capture ends. */
static void test_undecided(void **state) {
    (void)state;
    for (int waits = 0; waits < 2; waits++) {
        for (uint64_t at = 97; at <= 99; at += 2) {
            scene s;
            begin(&s, 445);
            smb(&s, &(mr_seen_smb){.kind = MR_SEEN_SMB_ASKED, .version = 2, .dialect = 0x311}, 5);
            smb(&s, &(mr_seen_smb){.kind = MR_SEEN_SMB_NEGOTIATED, .version = 2}, 5);
            ask(&s, 6, "krbtgt/R", at);
            if (!waits)
                leave(&s, 90);
            end_at(&s, 10);
            assert_int_equal(gives(&s, "KRB.CLIENT_UNKNOWN"), !(waits && at == 99));
        }
    }
}

/* The ticket to change a password with is no logon. */
static void test_key_expired(void **state) {
    static const char *const granted[] = {"kadmin/changepw", "krbtgt/R"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        scene s;
        begin(&s, 445);
        ask(&s, 23, "krbtgt/R", 5);
        ask(&s, 0, granted[i], 6);
        end_at(&s, 10);
        assert_int_equal(gives(&s, "KRB.KEY_EXPIRED"), i == 0);
    }
}

/* RESPONSE_TOO_BIG is a step, unless TCP leads nowhere. */
static void test_tcp_blocked(void **state) {
    (void)state;
    for (int refused = 0; refused < 2; refused++) {
        scene s;
        begin(&s, 88);
        ask(&s, 52, "krbtgt/R", 5);
        if (refused) {
            s.tcp.opened = 0;
            s.tcp.side[MR_FROM_CLIENT].octets = s.tcp.side[MR_FROM_SERVER].octets = 0;
            s.tcp.side[MR_FROM_SERVER].reset = (mr_flow_reset){
                .count = 1, .packet = 6, .time = 6 * MR_SEC, .answers_syn = true};
        }
        end_at(&s, 10);
        assert_int_equal(gives(&s, "KRB.TCP_BLOCKED"), refused);
    }
}

/* A clock of the client's that the error repeats is what the server's is measured by. */
static void test_skew(void **state) {
    (void)state;
    scene s;
    begin(&s, 445);
    krb(&s, &(mr_seen_krb){.kind = MR_SEEN_AS_REQ, .realm = "R", .client = "alice",
                           .server = "krbtgt/R"}, 5);
    krb(&s, &(mr_seen_krb){.kind = MR_SEEN_KRB_ERROR, .realm = "R", .server = "krbtgt/R",
                           .error = 37, .server_time = 5 * MR_SEC,
                           .client_time = 1205 * MR_SEC}, 5);
    end_at(&s, 10);
    assert_int_equal(mr_trace_end(s.trace, MR_SEC, LAST), 0);
    assert_int_equal(mr_trace_finding_count(s.trace), 1);
    assert_non_null(strstr(mr_trace_get_finding(s.trace, 0)->finding->cause, "1200 s"));
    assert_non_null(strstr(mr_trace_get_finding(s.trace, 0)->finding->cause, "ahead"));
    mr_trace_free(s.trace);
}

/* ---- TLS ---- */

static void tls(scene *s, const mr_seen_tls *tls, uint64_t packet) {
    mr_seen seen = record(s, MR_SEEN_TLS, packet);
    seen.u.tls = *tls;
    add(s, &seen);
}

/* The client gets a certificate for another name, and goes away: at once, later, or after data. */
static void test_left(void **state) {
    static const char *const names[] = {"other.lab.test"};
    (void)state;
    for (int turn = 0; turn < 3; turn++) {
        scene s;
        begin(&s, 443);
        tls(&s, &(mr_seen_tls){.kind = MR_SEEN_TLS_HELLO, .sni = "srv.lab.test"}, 2);
        tls(&s, &(mr_seen_tls){.kind = MR_SEEN_TLS_SERVER, .from_server = true}, 3);
        tls(&s, &(mr_seen_tls){.kind = MR_SEEN_TLS_CERTIFICATE, .from_server = true,
                               .names = names, .name_count = 1}, 3);
        if (turn == 1)
            tls(&s, &(mr_seen_tls){.kind = MR_SEEN_TLS_DATA}, 4);
        leave(&s, turn == 2 ? 9 : 4);
        end_at(&s, 10);
        assert_int_equal(gives(&s, "TLS.CERTIFICATE_NAME"), turn == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_followed), cmocka_unit_test(test_listing),
        cmocka_unit_test(test_elsewhere),    cmocka_unit_test(test_oxid_gone),
        cmocka_unit_test(test_dropped),      cmocka_unit_test(test_session_gone),
        cmocka_unit_test(test_step_unanswered), cmocka_unit_test(test_undecided),
        cmocka_unit_test(test_key_expired),  cmocka_unit_test(test_tcp_blocked),
        cmocka_unit_test(test_skew),         cmocka_unit_test(test_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
