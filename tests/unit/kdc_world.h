/*
 * A KDC for tests: a few functions that open the time stamps and authenticators they are sent, so
 * keys and passwords are really what they should be; and a process of its own that answers with
 * them on loopback, in one of several manners. Its password is PASSWORD, its user alice.
 */
#ifndef KDC_WORLD_H
#define KDC_WORLD_H

#include "krb5_world.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHER_REALM "OTHER.EXAMPLE"
#define PASSWORD "Pa55 w\xc3\xb6rd"
#define SALT "TEST.EXAMPLEalice"
#define NONCE_FIELD 7

typedef struct kdc {
    krb5_context context;
    krb5_enctype etype;        /* of the user's key */
    krb5_keyblock user;
    krb5_keyblock tgt_key, tgt_session;     /* of TEST.EXAMPLE */
    krb5_keyblock next_session;             /* of the ticket for OTHER.EXAMPLE's KDC */
    krb5_keyblock service, service_session;
    time_t now;                /* the KDC's clock */
    bool refers;               /* the service is the other realm's */
    bool too_big;              /* the first reply must go over TCP */
    int32_t only;              /* the one encryption type an AS-REQ may ask for; 0: any */
    bool has_iterations;       /* told with the salt */
    uint32_t iterations;
    int32_t refuse;            /* this error in answer to everything */
    uint32_t status;           /* NTSTATUS that goes with it */
    void (*mangle)(void *user, mr_buf *part); /* of what a reply seals; or NULL */
    void *mangler;
    unsigned as_requests, tgs_requests;
    uint8_t room[4096];
    mr_buf reply;
} kdc;

static inline void kdc_init(kdc *k, krb5_enctype etype) {
    krb5_data password = {.data = PASSWORD, .length = sizeof PASSWORD - 1};
    krb5_data salt = {.data = SALT, .length = sizeof SALT - 1};

    memset(k, 0, sizeof *k);
    k->etype = etype;
    k->now = time(NULL);
    assert_int_equal(krb5_init_context(&k->context), 0);
    assert_int_equal(krb5_c_string_to_key(k->context, etype, &password, &salt, &k->user), 0);
    krb5_keyblock *random[] = {&k->tgt_key, &k->tgt_session, &k->next_session, &k->service,
                               &k->service_session};
    for (size_t i = 0; i < MR_COUNT(random); i++)
        assert_int_equal(krb5_c_make_random_key(k->context, 18, random[i]), 0);
    mr_buf_init(&k->reply, k->room, sizeof k->room, sizeof k->room);
}

static inline void kdc_deinit(kdc *k) {
    krb5_keyblock *keys[] = {&k->user, &k->tgt_key, &k->tgt_session, &k->next_session,
                             &k->service, &k->service_session};
    for (size_t i = 0; i < MR_COUNT(keys); i++)
        krb5_free_keyblock_contents(k->context, keys[i]);
    krb5_free_context(k->context);
}

/* ---- reading requests ---- */

/* The contents of field @field of the sequence @seq shows; empty when it is not there. */
static inline mr_slice get_field(mr_slice seq, unsigned field) {
    mr_cursor c = mr_cursor_of(seq);

    while (mr_cursor_left(&c)) {
        uint8_t tag = mr_ber_peek(&c);
        mr_cursor f = mr_ber_read(&c, tag);
        if (tag == MR_BER_CONTEXT(field))
            return mr_cursor_read(&f, mr_cursor_left(&f));
    }
    return MR_SLICE_NULL;
}

/* What is inside the one element @s is. */
static inline mr_slice inside(mr_slice s) {
    mr_cursor c = mr_cursor_of(s);
    mr_cursor in = mr_ber_read(&c, mr_ber_peek(&c));

    assert_true(mr_cursor_ok(&c));
    return mr_cursor_read(&in, mr_cursor_left(&in));
}

/* The value of a pre-authentication of the request; empty when it is not there. */
static inline mr_slice get_padata(mr_slice request, int32_t type) {
    mr_slice all = get_field(inside(inside(request)), 3);
    mr_cursor list = mr_cursor_of(all.len ? inside(all) : all);

    while (mr_cursor_left(&list)) {
        mr_cursor one = mr_ber_read(&list, MR_BER_SEQUENCE);
        mr_slice seq = mr_cursor_read(&one, mr_cursor_left(&one));
        mr_cursor number = mr_cursor_of(get_field(seq, 1));
        if (mr_ber_read_int(&number, MR_BER_INTEGER) == type)
            return inside(get_field(seq, 2));
    }
    return MR_SLICE_NULL;
}

/* Opens EncryptedData; false when the key is another. */
static inline bool open_sealed(kdc *k, mr_slice sealed, const krb5_keyblock *key,
                               krb5_keyusage usage, uint8_t *out, size_t *lenp) {
    mr_slice cipher = inside(get_field(inside(sealed), 2));
    krb5_enc_data in = {.enctype = key->enctype,
                        .ciphertext = {.data = (char *)cipher.data,
                                       .length = (unsigned)cipher.len}};
    krb5_data plain = {.data = (char *)out, .length = (unsigned)cipher.len};

    assert_true(cipher.len <= 1024);
    bool fits = krb5_c_decrypt(k->context, key, usage, NULL, &in, &plain) == 0;
    *lenp = plain.length;
    return fits;
}

/* ---- replies ---- */

static inline void write_error(kdc *k, int32_t code, mr_slice data) {
    mr_buf *b = &k->reply;
    size_t app = mr_ber_open(b, MR_BER_APPLICATION(30)), seq = mr_ber_open(b, MR_BER_SEQUENCE);
    field_int(b, 0, 5);
    field_int(b, 1, 30);
    field_time(b, 4, k->now);
    field_int(b, 5, 0);
    field_int(b, 6, code);
    field_bytes(b, 9, MR_BER_GENERAL_STRING, MR_SLICE_LIT(REALM));
    field_name(b, 10, 2, "krbtgt", REALM);
    if (data.len)
        field_bytes(b, 12, MR_BER_OCTET_STRING, data);
    mr_ber_close(b, seq);
    mr_ber_close(b, app);
}

/* METHOD-DATA: a time stamp is wanted, under this kind of key. */
static inline void write_preauth_required(kdc *k) {
    uint8_t rooms[2][256];
    mr_buf info, b;

    mr_buf_init(&info, rooms[0], sizeof rooms[0], sizeof rooms[0]);
    size_t list = mr_ber_open(&info, MR_BER_SEQUENCE), one = mr_ber_open(&info, MR_BER_SEQUENCE);
    field_int(&info, 0, k->etype);
    field_bytes(&info, 1, MR_BER_GENERAL_STRING, MR_SLICE_LIT(SALT));
    uint8_t count[4] = {(uint8_t)(k->iterations >> 24), (uint8_t)(k->iterations >> 16),
                        (uint8_t)(k->iterations >> 8), (uint8_t)k->iterations};
    if (k->has_iterations)
        field_bytes(&info, 2, MR_BER_OCTET_STRING, mr_slice_of(count, sizeof count));
    mr_ber_close(&info, one);
    mr_ber_close(&info, list);
    mr_buf_init(&b, rooms[1], sizeof rooms[1], sizeof rooms[1]);
    size_t all = mr_ber_open(&b, MR_BER_SEQUENCE);
    static const int32_t types[] = {19, 2};
    for (int i = 0; i < 2; i++) {
        size_t pa = mr_ber_open(&b, MR_BER_SEQUENCE);
        field_int(&b, 1, types[i]);
        field_bytes(&b, 2, MR_BER_OCTET_STRING, i == 0 ? mr_buf_slice(&info) : MR_SLICE_NULL);
        mr_ber_close(&b, pa);
    }
    mr_ber_close(&b, all);
    write_error(k, 25, mr_buf_slice(&b));
}

/* KERB-ERROR-DATA with an NTSTATUS (MS-KILE 2.2.2). */
static inline void write_status(kdc *k) {
    uint8_t room[64], value[12] = {(uint8_t)k->status, (uint8_t)(k->status >> 8),
                                   (uint8_t)(k->status >> 16), (uint8_t)(k->status >> 24),
                                   0, 0, 0, 0, 1};
    mr_buf b;

    mr_buf_init(&b, room, sizeof room, sizeof room);
    size_t seq = mr_ber_open(&b, MR_BER_SEQUENCE);
    field_int(&b, 1, 3);
    field_bytes(&b, 2, MR_BER_OCTET_STRING, mr_slice_of(value, sizeof value));
    mr_ber_close(&b, seq);
    write_error(k, k->refuse, mr_buf_slice(&b));
}

typedef struct grant {
    bool as;
    const char *realm, *one, *two;      /* the server */
    const krb5_keyblock *key, *session; /* of the ticket */
    const krb5_keyblock *reply_key;
    krb5_keyusage usage;
    mr_slice nonce;
} grant;

/* EncKDCRepPart (RFC 4120 5.4.2). */
static inline void write_part(kdc *k, const grant *g, mr_buf *b) {
    size_t app = mr_ber_open(b, (uint8_t)MR_BER_APPLICATION(g->as ? 25 : 26));
    size_t seq = mr_ber_open(b, MR_BER_SEQUENCE);

    field_key(b, 0, g->session);
    size_t last = mr_ber_open(b, MR_BER_CONTEXT(1)), list = mr_ber_open(b, MR_BER_SEQUENCE);
    size_t one = mr_ber_open(b, MR_BER_SEQUENCE);
    field_int(b, 0, 0);
    field_time(b, 1, k->now);
    mr_ber_close(b, one);
    mr_ber_close(b, list);
    mr_ber_close(b, last);
    mr_ber_write(b, MR_BER_CONTEXT(2), g->nonce);
    field_bytes(b, 4, MR_BER_BIT_STRING, MR_SLICE_LIT("\0\x40\x20\0\0"));
    field_time(b, 5, k->now);
    field_time(b, 7, k->now + 36000);
    field_bytes(b, 9, MR_BER_GENERAL_STRING, mr_slice_str(g->realm));
    field_name(b, 10, 2, g->one, g->two);
    mr_ber_close(b, seq);
    mr_ber_close(b, app);
}

static inline void write_grant(kdc *k, const grant *g) {
    uint8_t room[1024];
    mr_buf part, *b = &k->reply;

    mr_buf_init(&part, room, sizeof room, sizeof room);
    write_part(k, g, &part);
    if (k->mangle)
        k->mangle(k->mangler, &part);
    size_t app = mr_ber_open(b, (uint8_t)MR_BER_APPLICATION(g->as ? 11 : 13));
    size_t seq = mr_ber_open(b, MR_BER_SEQUENCE);
    field_int(b, 0, 5);
    field_int(b, 1, g->as ? 11 : 13);
    field_bytes(b, 3, MR_BER_GENERAL_STRING, MR_SLICE_LIT(REALM));
    field_name(b, 4, 1, "alice", NULL);
    size_t ticket = mr_ber_open(b, MR_BER_CONTEXT(5));
    write_ticket(b, k->context, g->key, g->session, k->now, g->realm, g->one, g->two);
    mr_ber_close(b, ticket);
    field_sealed(b, 6, k->context, g->reply_key, g->usage, 0, mr_buf_slice(&part));
    mr_ber_close(b, seq);
    mr_ber_close(b, app);
    assert_int_equal(mr_buf_error(b), 0);
}

static inline void answer_as(kdc *k, mr_slice request, mr_slice nonce) {
    mr_slice stamp = get_padata(request, 2);
    uint8_t plain[1024];
    size_t n;

    k->as_requests++;
    if (stamp.len == 0)
        write_preauth_required(k);
    else if (!open_sealed(k, stamp, &k->user, 1, plain, &n))
        write_error(k, 24, MR_SLICE_NULL);
    else
        write_grant(k, &(grant){true, REALM, "krbtgt", REALM, &k->tgt_key, &k->tgt_session,
                                &k->user, 3, nonce});
}

/* A reply for the service, or a ticket for the other realm's KDC. */
static inline void answer_tgs(kdc *k, mr_slice request, mr_slice nonce, const char *realm) {
    bool other = strcmp(realm, OTHER_REALM) == 0;
    mr_slice ap = get_padata(request, 1);
    uint8_t plain[1024];
    size_t n;

    k->tgs_requests++;
    if (!open_sealed(k, get_field(inside(inside(ap)), 4),
                     other ? &k->next_session : &k->tgt_session, 7, plain, &n)) {
        write_error(k, 31, MR_SLICE_NULL);
        return;
    }
    /* the authenticator has a key for the reply */
    mr_slice key = inside(get_field(inside(inside(mr_slice_of(plain, n))), 6));
    mr_slice value = inside(get_field(key, 1));
    krb5_keyblock reply_key = {.enctype = 18, .length = (unsigned)value.len,
                               .contents = (krb5_octet *)value.data};
    if (k->refers && !other)
        write_grant(k, &(grant){false, REALM, "krbtgt", OTHER_REALM, &k->tgt_key,
                                &k->next_session, &reply_key, 9, nonce});
    else
        write_grant(k, &(grant){false, other ? OTHER_REALM : REALM, "host", "srv.test.example",
                                &k->service, &k->service_session, &reply_key, 9, nonce});
}

static inline mr_slice answer(kdc *k, const mr_krb5_kdc_request *request) {
    mr_krb_request r;
    mr_error err = MR_ERROR_INIT;

    assert_int_equal(mr_krb_request_decode(request->bytes, &r, &err), 0);
    mr_slice nonce = get_field(inside(get_field(inside(inside(request->bytes)), 4)), NONCE_FIELD);
    if (k->only && r.type == MR_KRB_AS_REQ) {
        assert_int_equal(r.etype_count, 1);
        assert_int_equal(r.etypes[0], k->only);
    }
    mr_buf_reset(&k->reply);
    if (k->refuse && k->status)
        write_status(k);
    else if (k->refuse)
        write_error(k, k->refuse, MR_SLICE_NULL);
    else if (k->too_big && !request->tcp)
        write_error(k, 52, MR_SLICE_NULL);
    else if (r.type == MR_KRB_AS_REQ)
        answer_as(k, request->bytes, nonce);
    else
        answer_tgs(k, request->bytes, nonce, request->realm);
    return mr_buf_slice(&k->reply);
}

/* ---- on loopback ---- */

typedef struct kdc_manner {
    bool udp_silent, udp_strange; /* strange: something else comes before the answer */
    bool udp_cut;                 /* half of the answer */
    bool tcp_silent, tcp_cut, tcp_closes;
    uint32_t tcp_size;            /* of an answer, it says, and gives the answer it has */
    bool refers, too_big;
    int32_t refuse;
    int hours;                    /* that its clock is behind */
    /* made by kdc_open */
    uint16_t port;
    pid_t pid;
} kdc_manner;

static inline mr_slice kdc_hear(kdc *k, mr_slice bytes, bool tcp) {
    mr_krb5_kdc_request request = {.bytes = bytes, .realm = REALM, .tcp = tcp};
    mr_krb_request r;

    assert_int_equal(mr_krb_request_decode(bytes, &r, NULL), 0);
    if (mr_slice_eq(r.realm, MR_SLICE_LIT(OTHER_REALM)))
        request.realm = OTHER_REALM;
    return answer(k, &request);
}

static inline void kdc_hear_udp(kdc *k, const kdc_manner *m, int fd) {
    uint8_t room[8192];
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    ssize_t n = recvfrom(fd, room, sizeof room, 0, (struct sockaddr *)&from, &len);

    if (n <= 0 || m->udp_silent)
        return;
    mr_slice reply = kdc_hear(k, mr_slice_of(room, (size_t)n), false);
    if (m->udp_strange)
        sendto(fd, "what?", 5, 0, (struct sockaddr *)&from, len);
    sendto(fd, reply.data, m->udp_cut ? reply.len / 2 : reply.len, 0, (struct sockaddr *)&from,
           len);
}

static inline void kdc_hear_tcp(kdc *k, const kdc_manner *m, int listener) {
    uint8_t room[8192];
    int fd = accept(listener, NULL, NULL);
    size_t have = 0, want = 4;

    if (fd < 0 || m->tcp_silent)
        return; /* and stays open */
    while (have < want) {
        ssize_t n = recv(fd, room + have, want - have, 0);
        if (n <= 0)
            break;
        have += (size_t)n;
        if (have == 4)
            want = 4 + ((size_t)room[2] << 8 | room[3]);
    }
    if (have > 4 && have == want && !m->tcp_closes) {
        mr_slice reply = kdc_hear(k, mr_slice_of(room + 4, have - 4), true);
        size_t size = m->tcp_size ? m->tcp_size : reply.len;
        uint8_t head[4] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
                           (uint8_t)size};
        (void)!send(fd, head, 4, MSG_NOSIGNAL); /* the client may be gone */
        (void)!send(fd, reply.data, m->tcp_cut ? reply.len / 2 : reply.len, MSG_NOSIGNAL);
    }
    close(fd);
}

/* A port of 127.0.0.1 for both. */
static inline void kdc_bind(int *udp, int *tcp, uint16_t *portp) {
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof sa;

    do {
        sa.sin_port = 0;
        *tcp = socket(AF_INET, SOCK_STREAM, 0);
        *udp = socket(AF_INET, SOCK_DGRAM, 0);
        assert_int_equal(bind(*tcp, (struct sockaddr *)&sa, sizeof sa), 0);
        assert_int_equal(listen(*tcp, 8), 0);
        assert_int_equal(getsockname(*tcp, (struct sockaddr *)&sa, &len), 0);
    } while (bind(*udp, (struct sockaddr *)&sa, sizeof sa) != 0);
    *portp = ntohs(sa.sin_port);
}

/* Before the tests begin: what fails in a KDC ends its process, and it is silent from then on. All
 * that are made of @k know each other's tickets. */
static inline void kdc_open(kdc *k, kdc_manner *m) {
    int udp, tcp;
    pid_t parent = getpid();

    kdc_bind(&udp, &tcp, &m->port);
    m->pid = fork();
    assert_true(m->pid >= 0);
    if (m->pid > 0) {
        close(udp);
        close(tcp);
        return;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    k->refers = m->refers;
    k->too_big = m->too_big;
    k->refuse = m->refuse;
    k->now -= 3600 * m->hours;
    for (struct pollfd fds[2] = {{udp, POLLIN, 0}, {tcp, POLLIN, 0}}; getppid() == parent;) {
        if (poll(fds, 2, -1) < 0)
            _exit(1);
        if (fds[0].revents)
            kdc_hear_udp(k, m, udp);
        if (fds[1].revents)
            kdc_hear_tcp(k, m, tcp);
    }
    _exit(0);
}

static inline void kdc_close(kdc_manner *m) {
    if (m->pid <= 0)
        return;
    kill(m->pid, SIGKILL);
    waitpid(m->pid, NULL, 0);
}

#endif
