/*
 * What look-ups and IPsec tell in a trace: each observation gives its finding, and one that falls
 * just short of it gives none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <msrpc/trace.h>

#include <string.h>

#define CLIENT 5
#define SERVER 10
#define DNS 53
#define LLMNR 5355
#define NBNS 137

static mr_trace *trace;
static uint64_t packet;

static mr_ip ip4(uint8_t last) {
    mr_ip ip = {.family = 4};
    memcpy(ip.host.octets, (uint8_t[]){10, 1, 0, last}, 4);
    return ip;
}

static void begin(void) {
    packet = 0;
    assert_int_equal(mr_trace_new(NULL, &trace), 0);
}

static mr_seen datagram(enum mr_seen_kind kind, uint8_t from, uint8_t to, unsigned seconds) {
    return (mr_seen){.kind = kind, .packet = ++packet, .time = seconds * MR_SEC, .ttl = 128,
                     .client = ip4(from), .server = ip4(to), .client_port = 4000,
                     .server_port = 4000};
}

static void add(const mr_seen *seen) {
    assert_int_equal(mr_trace_add(trace, seen), 0);
}

static void ask(uint8_t to, enum mr_seen_names service, const char *name, unsigned seconds) {
    mr_seen seen = datagram(MR_SEEN_QUESTION, CLIENT, to, seconds);
    seen.u.name = (mr_seen_name){.service = service, .type = 1, .name = name,
                                 .broadcast = service != MR_SEEN_DNS};
    add(&seen);
}

static void answer(uint8_t from, enum mr_seen_names service, const char *name, uint16_t rcode,
                   unsigned seconds) {
    mr_seen_record record = {.type = 1, .address = ip4(SERVER), .name = name};
    mr_seen seen = datagram(MR_SEEN_ANSWER, from, CLIENT, seconds);
    seen.u.name = (mr_seen_name){.service = service, .type = 1, .name = name, .rcode = rcode,
                                 .authoritative = true, .recursion_available = true,
                                 .records = &record, .count = rcode ? 0 : 1};
    add(&seen);
}

/* The client does not wait for the answer of @from any more. */
static void refuse(uint8_t from, unsigned seconds) {
    mr_seen seen = datagram(MR_SEEN_ICMP, CLIENT, from, seconds);
    seen.u.icmp = (mr_seen_icmp){.family = 4, .type = 3, .code = 3, .protocol = 17,
                                 .has_ports = true, .from = ip4(from), .to = ip4(CLIENT),
                                 .from_port = DNS, .to_port = 4000};
    add(&seen);
}

/* A connection to the server, whose SYNs are not answered. */
static void silent_port(uint64_t flow, uint16_t port) {
    mr_flow_seen tcp = {.id = flow, .first = 20 * MR_SEC, .last = 40 * MR_SEC,
                        .last_packet = packet, .one_way = true};
    mr_seen seen = datagram(MR_SEEN_BEGIN, CLIENT, SERVER, 20);
    seen.via = MR_SEEN_TCP;
    seen.flow = flow;
    seen.server_port = port;
    tcp.side[0] = (mr_flow_side_seen){.packets = 4, .first_packet = packet, .syn_packet = packet,
                                      .syns = 4, .syn_time = 20 * MR_SEC};
    tcp.side[0].syn_delay[2] = 7000000;
    add(&seen);
    seen.kind = MR_SEEN_END;
    seen.time = 40 * MR_SEC;
    seen.u.end = (mr_seen_end){.tcp = &tcp, .service = MR_SEEN_UNKNOWN, .via = MR_SEEN_TCP};
    add(&seen);
}

static void silent(uint64_t flow) {
    silent_port(flow, 135);
}

/* Ends the capture; whether @id is among its findings. */
static bool gives(const char *id) {
    bool found = false;
    assert_int_equal(mr_trace_end(trace, MR_SEC, 60 * MR_SEC), 0);
    for (size_t i = 0; i < mr_trace_finding_count(trace); i++)
        found = found || !strcmp(mr_trace_get_finding(trace, i)->finding->id, id);
    mr_trace_free(trace);
    return found;
}

static void test_late(void **state) {
    (void)state;
    for (int refused = 0; refused <= 2; refused++) { /* of two answers */
        begin();
        for (unsigned i = 0; i < 2; i++) {
            ask(3, MR_SEEN_DNS, "dc1.corp.example", 1 + 20 * i);
            answer(3, MR_SEEN_DNS, "dc1.corp.example", 0, 8 + 20 * i);
            if ((int)i < refused)
                refuse(3, 8 + 20 * i);
        }
        assert_int_equal(gives("NAME.LATE"), refused == 2);
    }
}

/* The second server's answer is not wanted any more: that is as it should be. */
static void test_late_copy(void **state) {
    (void)state;
    for (int copy = 0; copy < 2; copy++) {
        begin();
        ask(3, MR_SEEN_DNS, "dc1.corp.example", 1);
        ask(4, MR_SEEN_DNS, "dc1.corp.example", 2);
        if (copy)
            answer(4, MR_SEEN_DNS, "dc1.corp.example", 0, 3);
        answer(3, MR_SEEN_DNS, "dc1.corp.example", 0, 12);
        refuse(3, 12);
        assert_int_equal(gives("NAME.LATE"), !copy);
    }
}

static void test_link_only(void **state) {
    enum { ALONE, ONCE, IN_DNS, ANSWERED, MADE_UP, UNSEEN, CASES };
    (void)state;
    for (int i = 0; i < CASES; i++) {
        begin();
        if (i != UNSEEN) { /* the capture has the client's questions to DNS */
            ask(3, MR_SEEN_DNS, "other.corp.example", 1);
            answer(3, MR_SEEN_DNS, "other.corp.example", 0, 1);
        }
        if (i == IN_DNS) {
            ask(3, MR_SEEN_DNS, "files01.corp.example", 2);
            answer(3, MR_SEEN_DNS, "files01.corp.example", 3, 2);
        }
        for (unsigned n = 0; n < (i == ONCE ? 1 : 2); n++) {
            ask(252, MR_SEEN_LLMNR, "files01", 5);
            if (i == MADE_UP) {
                ask(252, MR_SEEN_LLMNR, "qzkxwvub", 5);
                ask(252, MR_SEEN_LLMNR, "pfjwzzyt", 5);
            }
        }
        if (i == ANSWERED)
            answer(10, MR_SEEN_LLMNR, "files01", 0, 6);
        assert_int_equal(gives("NAME.MULTICAST_ONLY"), i == ALONE);
    }
}

static void claim(bool reply, uint8_t suffix, uint16_t rcode, unsigned seconds) {
    mr_seen seen = datagram(reply ? MR_SEEN_ANSWER : MR_SEEN_QUESTION, reply ? 3 : CLIENT,
                            reply ? CLIENT : 3, seconds);
    seen.client_port = seen.server_port = NBNS;
    seen.u.name = (mr_seen_name){.service = MR_SEEN_NBNS, .type = 1, .opcode = 5, .rcode = rcode,
                                 .suffix = suffix, .name = "FILES01"};
    add(&seen);
}

static void test_name_taken(void **state) {
    static const struct {
        uint8_t suffix;
        uint16_t rcode, then;
        bool taken;
    } cases[] = {{0x20, 6, 6, true}, {0x20, 0, 0, false}, {0x20, 6, 0, false},
                 {0x00, 7, 7, true}, {0x1d, 6, 6, false}, {0x20, 5, 5, false}};
    (void)state;
    for (size_t i = 0; i < MR_COUNT(cases); i++) {
        begin();
        claim(false, cases[i].suffix, 0, 1);
        claim(true, cases[i].suffix, cases[i].rcode, 2);
        claim(false, cases[i].suffix, 0, 3);
        claim(true, cases[i].suffix, cases[i].then, 4);
        assert_int_equal(gives("NETBIOS.NAME_TAKEN"), cases[i].taken);
    }
}

static void test_not_observed(void **state) {
    (void)state;
    for (int looked_up = 0; looked_up < 2; looked_up++) {
        begin();
        if (looked_up) {
            ask(3, MR_SEEN_DNS, "dc1.corp.example", 1);
            answer(3, MR_SEEN_DNS, "dc1.corp.example", 0, 1);
        }
        silent(9);
        assert_int_equal(gives("NAME.NOT_OBSERVED"), !looked_up);
    }
}

/* Three times found, and no connection; a second name server's forwarder asks for others. */
static void test_not_tried(void **state) {
    enum { IDLE, TWICE, CONNECTS, SERVES, CASES };
    (void)state;
    for (int i = 0; i < CASES; i++) {
        begin();
        for (unsigned n = 0; n < (i == TWICE ? 2 : 3); n++) {
            ask(3, MR_SEEN_DNS, "dc1.corp.example", 1 + 5 * n);
            answer(3, MR_SEEN_DNS, "dc1.corp.example", 0, 1 + 5 * n);
        }
        if (i == CONNECTS)
            silent(9);
        if (i == SERVES) {
            mr_seen seen = datagram(MR_SEEN_QUESTION, 77, CLIENT, 20);
            seen.u.name = (mr_seen_name){.type = 1, .name = "dc1.corp.example"};
            add(&seen);
        }
        assert_int_equal(gives("TCP.NOT_TRIED"), i == IDLE);
    }
}

/* Who answers a broadcast for the same name. */
static void test_two_owners(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) { /* one, two, two of a group, one of two addresses */
        begin();
        for (unsigned n = 0; n < (i ? 2 : 1); n++) {
            mr_ip own = ip4((uint8_t)(20 + n));
            mr_seen_record records[2] = {{.type = 1, .address = own}, {.type = 1, .address = own}};
            mr_seen seen = datagram(MR_SEEN_QUESTION, CLIENT, 255, 2);
            seen.u.name = (mr_seen_name){.service = MR_SEEN_NBNS, .type = 1, .name = "FILES01",
                                         .broadcast = true, .suffix = i == 2 ? 0 : 0x20};
            if (!n)
                add(&seen);
            seen.kind = MR_SEEN_ANSWER;
            seen.client = own;
            seen.server = ip4(CLIENT);
            seen.u.name.records = records;
            seen.u.name.count = i == 3 ? 2 : 1;
            add(&seen);
        }
        assert_int_equal(gives("NETBIOS.NAME_CONFLICT"), i == 1);
    }
}

/* No domain controller of the site; the domain has one (@known). */
static void test_site(void **state) {
    static const char site[] = "_ldap._tcp.branch._sites.dc._msdcs.corp.example";
    static const char whole[] = "_ldap._tcp.dc._msdcs.corp.example";
    (void)state;
    for (int known = 0; known < 2; known++) {
        begin();
        ask(3, MR_SEEN_DNS, site, 1);
        answer(3, MR_SEEN_DNS, site, 3, 1);
        ask(3, MR_SEEN_DNS, whole, 2);
        answer(3, MR_SEEN_DNS, whole, known ? 0 : 2, 2);
        assert_int_equal(gives("LOCATOR.NO_SITE_DC"), known);
    }
}

/* An answer that does not fit, and TCP that is not let through. */
static void test_truncated(void **state) {
    (void)state;
    for (int blocked = 0; blocked < 2; blocked++) {
        begin();
        ask(SERVER, MR_SEEN_DNS, "many.corp.example", 1);
        mr_seen seen = datagram(MR_SEEN_ANSWER, SERVER, CLIENT, 1);
        seen.u.name = (mr_seen_name){.type = 1, .name = "many.corp.example", .truncated = true,
                                     .recursion_available = true};
        add(&seen);
        if (blocked)
            silent_port(9, DNS);
        assert_int_equal(gives("NAME.TRUNCATED"), blocked);
    }
}

static void ike(bool reply, mr_seen_ike message, unsigned seconds) {
    mr_seen seen = datagram(MR_SEEN_IKE, reply ? SERVER : CLIENT, reply ? CLIENT : SERVER, seconds);
    message.version = 2;
    message.answer = reply;
    seen.u.ike = message;
    add(&seen);
}

static void esp(bool reply, bool repeats, unsigned seconds) {
    for (uint32_t count = 1; count <= 4; count += 3) {
        mr_seen seen = datagram(MR_SEEN_ESP, reply ? SERVER : CLIENT, reply ? CLIENT : SERVER,
                                seconds + count);
        seen.u.esp = (mr_seen_esp){.count = count, .repeats = repeats && count == 4};
        add(&seen);
    }
}

/* The host is silent over TCP as well; alive it is where it answers other questions. */
static void test_ike(void **state) {
    enum { DEAD, ALIVE, REFUSED, AGREED, PROTECTED, CASES };
    (void)state;
    for (int i = 0; i < CASES; i++) {
        begin();
        if (i == ALIVE) {
            ask(SERVER, MR_SEEN_DNS, "other.corp.example", 1);
            answer(SERVER, MR_SEEN_DNS, "other.corp.example", 0, 1);
        }
        for (unsigned n = 0; n < 3; n++)
            ike(false, (mr_seen_ike){0}, 2 + n);
        if (i == REFUSED)
            ike(true, (mr_seen_ike){.error = 14}, 6);
        if (i == AGREED)
            ike(true, (mr_seen_ike){.agreed = true, .error = 14}, 6);
        if (i == PROTECTED)
            esp(true, false, 7);
        silent(9);
        assert_int_equal(gives("TCP.IPSEC_MISMATCH"), i == ALIVE || i == REFUSED);
    }
}

static void test_esp(void **state) {
    enum { UNHEARD, HEARD, STREAM, BOTH, CASES };
    (void)state;
    for (int i = 0; i < CASES; i++) {
        begin();
        if (i != UNHEARD)
            ike(true, (mr_seen_ike){.sealed = true}, 1);
        esp(false, i != STREAM, 2);
        if (i == BOTH)
            esp(true, false, 3);
        assert_int_equal(gives("TCP.IPSEC_MISMATCH"), i == HEARD);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late),       cmocka_unit_test(test_late_copy),
        cmocka_unit_test(test_link_only),  cmocka_unit_test(test_name_taken),
        cmocka_unit_test(test_not_observed), cmocka_unit_test(test_ike),
        cmocka_unit_test(test_esp),        cmocka_unit_test(test_not_tried),
        cmocka_unit_test(test_two_owners), cmocka_unit_test(test_site),
        cmocka_unit_test(test_truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
