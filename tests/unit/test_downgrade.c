/*
 * What somebody between client and server can take away unseen: nothing. A provider that signs no
 * more than it must, and a proxy that strips header signing from the negotiation, sends a request
 * to another operation or interface, and repeats or swaps responses (MS-RPCE 2.2.2.13,
 * 3.3.1.5.2.2).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above first */
#include <arpa/inet.h>
#include <cmocka.h>
#include <msrpc/ifaces/rpcecho.h>
#include <msrpc/serve.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

/* ---- a provider that hides nothing: a number and a sum of what it was told to cover ---- */

typedef struct toy {
    mr_security base;
    uint32_t seq[2];
} toy;

static bool covers_headers; /* whatever was agreed, as NTLM does */

static int toy_step(mr_security *sec, enum mr_dir dir, mr_slice token, mr_buf *out,
                    mr_error *err) {
    bool first = token.len == 0;
    (void)dir, (void)err;

    if (first || sec->role == MR_SECURITY_ACCEPTOR)
        mr_buf_write_str(out, "token");
    return first ? MR_SECURITY_CONTINUE : 0;
}

static uint16_t toy_sizes(mr_security *sec, uint8_t level) {
    (void)sec, (void)level;
    return 8;
}

static uint32_t add(uint32_t sum, mr_slice s) {
    for (size_t i = 0; i < s.len; i++)
        sum = (sum ^ s.data[i]) * 16777619u;
    return sum;
}

static uint32_t toy_sum(const mr_security_frag *f) {
    uint32_t sum = add(2166136261u, f->body);

    return f->sign_header || covers_headers ? add(add(sum, f->header), f->trailer) : sum;
}

static int toy_protect(mr_security *sec, const mr_security_frag *f, uint8_t *body, uint8_t *value,
                       mr_error *err) {
    uint32_t words[2] = {((toy *)sec)->seq[f->dir]++, toy_sum(f)};
    (void)body, (void)err;

    memcpy(value, words, sizeof words);
    return 0;
}

static int toy_unprotect(mr_security *sec, const mr_security_frag *f, uint8_t *body,
                         mr_error *err) {
    uint32_t words[2], due = ((toy *)sec)->seq[f->dir]++;

    assert_int_equal(f->value.len, sizeof words);
    memcpy(words, f->value.data, sizeof words);
    if (words[1] != toy_sum(f))
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, 0, "toy: the sum is wrong");
    if (words[0] != due)
        return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, 0, "toy: message %u came for %u",
                       words[0], due);
    if (body && f->body.len)
        memcpy(body, f->body.data, f->body.len);
    return 0;
}

static const mr_security_class toy_class = {
    .name = "toy", .auth_type = MR_AUTH_KRB5, .step = toy_step, .sizes = toy_sizes,
    .protect = toy_protect, .unprotect = toy_unprotect};

static int make_toy(enum mr_security_role role, mr_security **securityp) {
    toy *t = calloc(1, sizeof *t);

    if (!t)
        return MR_ERR_MEMORY;
    t->base = (mr_security){&toy_class, role};
    *securityp = &t->base;
    return 0;
}

static int make_initiator(void *user, mr_security **securityp, mr_error *err) {
    (void)user, (void)err;
    return make_toy(MR_SECURITY_INITIATOR, securityp);
}

static void give_initiator(void *user, mr_security *security) {
    (void)user;
    free(security);
}

static int make_acceptor(void *user, uint8_t level, void **loginp, mr_security **securityp,
                         mr_error *err) {
    int r = make_toy(MR_SECURITY_ACCEPTOR, securityp);
    (void)user, (void)level, (void)err;

    if (!r)
        *loginp = *securityp;
    return r;
}

static void give_acceptor(void *user, void *login) {
    (void)user;
    free(login);
}

/* ---- the proxy ---- */

struct proxy;
/* One whole PDU, which may be changed; how often it goes on. */
typedef unsigned mangle_fn(struct proxy *proxy, uint8_t *pdu, size_t len, bool to_server);

struct proxy {
    int listener;
    uint16_t port, server;
    mangle_fn *mangle;
    uint8_t kept[4096]; /* a response that waits for the next */
    size_t kept_len;
    pthread_t thread;
};

static int listen_here(uint16_t *portp) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    *portp = ntohs(in.sin_port);
    return fd;
}

static int connect_to(uint16_t port) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&in, sizeof in) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* False at the end of the stream. */
static bool pass_on(struct proxy *p, int from, int to, bool to_server) {
    uint8_t pdu[8192];

    if (recv(from, pdu, 16, MSG_WAITALL) != 16)
        return false;
    size_t len = (size_t)(pdu[8] | pdu[9] << 8);
    if (len < 16 || len > sizeof pdu ||
        recv(from, pdu + 16, len - 16, MSG_WAITALL) != (ssize_t)(len - 16))
        return false;
    for (unsigned n = p->mangle ? p->mangle(p, pdu, len, to_server) : 1; n; n--)
        if (send(to, pdu, len, MSG_NOSIGNAL) != (ssize_t)len)
            return false;
    if (!to_server && p->kept_len && pdu[2] == MR_PTYPE_RESPONSE &&
        memcmp(pdu, p->kept, p->kept_len) != 0) { /* after what came behind it */
        (void)!send(to, p->kept, p->kept_len, MSG_NOSIGNAL);
        p->kept_len = 0;
    }
    return true;
}

static void *run_proxy(void *user) {
    struct proxy *p = user;

    for (int client; (client = accept(p->listener, NULL, NULL)) >= 0; close(client)) {
        int server = connect_to(p->server);
        struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
        bool open = server >= 0;
        while (open && poll(fds, 2, 30000) > 0) {
            if (fds[0].revents)
                open = pass_on(p, client, server, true);
            if (open && fds[1].revents)
                open = pass_on(p, server, client, false);
        }
        if (server >= 0)
            close(server);
    }
    return NULL;
}

/* ---- both ends ---- */

struct fixture {
    mr_loop loop;
    mr_server_acceptor acceptor;
    mr_server *server;
    mr_client_options options;
    mr_client *client;
    struct proxy proxy;
};

static void setup(struct fixture *f, mangle_fn *mangle) {
    const mr_listen_options listen = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};
    mr_server_endpoint *endpoint;

    memset(f, 0, sizeof *f);
    f->acceptor = (mr_server_acceptor){.type = MR_AUTH_KRB5, .make = make_acceptor,
                                       .give = give_acceptor};
    const mr_server_options options = {.acceptors = &f->acceptor, .acceptor_count = 1};
    assert_int_equal(mr_loop_init(&f->loop, NULL), 0);
    assert_int_equal(mr_server_new(&f->loop, &options, &f->server, NULL), 0);
    assert_int_equal(mr_server_add_endpoint(f->server, &listen, &endpoint, NULL), 0);
    assert_int_equal(mr_serve_add_echo(endpoint, &f->loop, NULL), 0);
    f->options.connect.remote = *mr_server_endpoint_get_local(endpoint);
    f->proxy.server = f->options.connect.remote.port;
    f->proxy.mangle = mangle;
    f->proxy.listener = listen_here(&f->proxy.port);
    f->options.connect.remote.port = f->proxy.port;
    assert_int_equal(pthread_create(&f->proxy.thread, NULL, run_proxy, &f->proxy), 0);
    f->options.timeout = 30 * MR_SEC;
    f->options.security = (mr_client_security){.make = make_initiator, .give = give_initiator,
                                               .level = MR_AUTH_LEVEL_INTEGRITY};
}

static void teardown(struct fixture *f) {
    mr_client_free(f->client);
    shutdown(f->proxy.listener, SHUT_RDWR);
    pthread_join(f->proxy.thread, NULL);
    close(f->proxy.listener);
    mr_server_free(f->server);
    mr_loop_deinit(&f->loop);
    covers_headers = false;
}

static const mr_client_auth *open_client(struct fixture *f, const mr_iface *iface) {
    mr_client_free(f->client);
    f->client = NULL;
    assert_int_equal(mr_client_new(&f->loop, &f->options, &f->client, NULL), 0);
    assert_int_equal(mr_client_open(f->client, &iface->syntax, NULL), 0);
    return &mr_client_get_report(f->client)->auth;
}

/* What becomes of a sum: 0, or the result and the fault in *@faultp. */
static int add_one(struct fixture *f, const mr_iface *iface, uint32_t *faultp, mr_error *err) {
    struct mr_rpcecho_echo_AddOne args = {.in_data = 41};
    mr_call call;

    assert_int_equal(mr_call_init(&call, iface, 0, &args, NULL), 0);
    int r = mr_call_run(&call, f->client, err);
    if (r == 0)
        assert_int_equal(args.out_data, 42);
    *faultp = call.fault;
    mr_call_deinit(&call);
    return r;
}

static void assert_denied(struct fixture *f, const mr_iface *iface) {
    uint32_t fault = 0;

    assert_int_equal(add_one(f, iface, &fault, NULL), MR_ERR_FAULT);
    assert_int_equal(fault, MR_FAULT_ACCESS_DENIED);
    assert_false(mr_client_get_report(f->client)->auth.proven);
}

static void assert_good(struct fixture *f) {
    uint32_t fault;

    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(add_one(f, &mr_rpcecho_iface, &fault, NULL), 0);
}

/* ---- header signing ---- */

static bool is_bind_time(const uint8_t *pdu) {
    return pdu[2] == MR_PTYPE_BIND || pdu[2] == MR_PTYPE_BIND_ACK ||
           pdu[2] == MR_PTYPE_ALTER_CONTEXT || pdu[2] == MR_PTYPE_ALTER_CONTEXT_RESP;
}

static unsigned strip_both(struct proxy *p, uint8_t *pdu, size_t len, bool to_server) {
    (void)p, (void)len, (void)to_server;
    if (is_bind_time(pdu))
        pdu[3] &= (uint8_t)~MR_PFC_SUPPORT_HEADER_SIGN;
    return 1;
}

static unsigned strip_to_server(struct proxy *p, uint8_t *pdu, size_t len, bool to_server) {
    return to_server ? strip_both(p, pdu, len, to_server) : 1;
}

static unsigned strip_to_client(struct proxy *p, uint8_t *pdu, size_t len, bool to_server) {
    return to_server ? 1 : strip_both(p, pdu, len, to_server);
}

static void test_untouched(void **state) {
    struct fixture f;
    (void)state;

    setup(&f, NULL);
    for (uint8_t level = MR_AUTH_LEVEL_PACKET; level <= MR_AUTH_LEVEL_PRIVACY; level++)
        for (unsigned way = 0; way < 4; way++) {
            f.options.security.level = level;
            f.options.security.no_header_sign = way & 1;
            f.options.bind = way & 2 ? MR_BIND_WINDOWS : MR_BIND_PLAIN;
            const mr_client_auth *auth = open_client(&f, &mr_rpcecho_iface);
            assert_int_equal(auth->header_sign, !(way & 1));
            assert_good(&f);
            assert_true(auth->proven);
        }
    teardown(&f);
}

/* The bitmask of the first request tells the server that the client's bind said more. */
static void test_stripped(void **state) {
    static mangle_fn *const ways[] = {strip_both, strip_to_server};
    struct fixture f;
    (void)state;

    for (size_t i = 0; i < MR_COUNT(ways); i++) {
        setup(&f, ways[i]);
        for (uint8_t level = MR_AUTH_LEVEL_INTEGRITY; level <= MR_AUTH_LEVEL_PRIVACY; level++)
            for (unsigned all = 0; all < 2; all++) {
                covers_headers = all; /* it is about what was agreed */
                f.options.security.level = level;
                assert_false(open_client(&f, &mr_rpcecho_iface)->header_sign);
                assert_denied(&f, &mr_rpcecho_iface);
            }
        f.options.security.no_verification = true; /* nothing else would tell */
        open_client(&f, &mr_rpcecho_iface);
        assert_good(&f);
        f.options.security.no_verification = false;
        f.options.security.no_header_sign = true; /* nothing to strip */
        open_client(&f, &mr_rpcecho_iface);
        assert_good(&f);
        teardown(&f);
    }
}

/* The server signs headers, the client does not: the first verifier is wrong, unless it covers
 * them anyhow, and then nothing is lost. */
static void test_stripped_answer(void **state) {
    uint32_t fault;
    struct fixture f;
    (void)state;

    setup(&f, strip_to_client);
    assert_false(open_client(&f, &mr_rpcecho_iface)->header_sign);
    assert_true(add_one(&f, &mr_rpcecho_iface, &fault, NULL) < 0);
    covers_headers = true;
    assert_false(open_client(&f, &mr_rpcecho_iface)->header_sign);
    assert_good(&f);
    teardown(&f);
}

/* ---- headers that nobody signs ---- */

static unsigned to_other_operation(struct proxy *p, uint8_t *pdu, size_t len, bool to_server) {
    (void)p, (void)len;
    if (to_server && pdu[2] == MR_PTYPE_REQUEST)
        pdu[22] = 3; /* SourceData, whose request looks the same */
    return 1;
}

static unsigned to_echo(struct proxy *p, uint8_t *pdu, size_t len, bool to_server) {
    (void)p, (void)len;
    if (to_server && pdu[2] == MR_PTYPE_BIND)
        pdu[32] ^= 0x55;
    return 1;
}

static void test_other_operation(void **state) {
    uint32_t fault;
    struct fixture f;
    (void)state;

    setup(&f, to_other_operation);
    f.options.security.no_header_sign = true;
    open_client(&f, &mr_rpcecho_iface);
    assert_denied(&f, &mr_rpcecho_iface);
    f.options.security.no_header_sign = false; /* the verifier is wrong */
    open_client(&f, &mr_rpcecho_iface);
    assert_true(add_one(&f, &mr_rpcecho_iface, &fault, NULL) < 0);
    teardown(&f);
}

static void test_other_interface(void **state) {
    mr_iface other = mr_rpcecho_iface;
    struct fixture f;
    (void)state;

    other.syntax.uuid.time_low ^= 0x55;
    setup(&f, to_echo);
    for (unsigned way = 0; way < 2; way++) {
        f.options.security.no_header_sign = way;
        open_client(&f, &other);
        assert_denied(&f, &other);
    }
    teardown(&f);
}

/* ---- responses ---- */

static unsigned repeat(struct proxy *p, uint8_t *pdu, size_t len, bool to_server) {
    (void)p, (void)len;
    return !to_server && pdu[2] == MR_PTYPE_RESPONSE ? 2 : 1;
}

/* The first response waits for the second. */
static unsigned swap(struct proxy *p, uint8_t *pdu, size_t len, bool to_server) {
    if (to_server || pdu[2] != MR_PTYPE_RESPONSE || p->kept_len)
        return 1;
    memcpy(p->kept, pdu, len);
    p->kept_len = len;
    return 0;
}

/* Whoever calls next is told why he cannot. */
static void test_repeated(void **state) {
    uint32_t fault;
    struct fixture f;
    (void)state;

    setup(&f, repeat);
    open_client(&f, &mr_rpcecho_iface);
    assert_int_equal(add_one(&f, &mr_rpcecho_iface, &fault, NULL), 0);
    for (unsigned i = 0; i < 20 && mr_client_get_report(f.client)->stage != MR_STAGE_CLOSED; i++)
        assert_true(mr_loop_run(&f.loop, mr_clock_now() + 100 * MR_MSEC) >= 0);
    for (unsigned i = 0; i < 2; i++) {
        mr_error err = MR_ERROR_INIT;
        assert_int_equal(add_one(&f, &mr_rpcecho_iface, &fault, &err), MR_ERR_AUTH);
        assert_string_equal(err.text, "toy: message 0 came for 1");
    }
    assert_int_equal(mr_client_get_report(f.client)->auth.trouble, MR_AUTH_TROUBLE_VERIFIER);
    teardown(&f);
}

static void on_done(void *user, mr_call *call, int result, const mr_error *err) {
    struct mr_error *kept = user;
    (void)call;

    assert_true(result < 0);
    *kept = *err;
}

static void test_swapped(void **state) {
    struct mr_rpcecho_echo_AddOne args[2] = {{.in_data = 1}, {.in_data = 2}};
    mr_error errs[2] = {MR_ERROR_INIT, MR_ERROR_INIT};
    mr_call calls[2];
    struct fixture f;
    (void)state;

    setup(&f, swap);
    open_client(&f, &mr_rpcecho_iface);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(mr_call_init(&calls[i], &mr_rpcecho_iface, 0, &args[i], NULL), 0);
        calls[i].done = on_done;
        calls[i].user = &errs[i];
        assert_int_equal(mr_call_start(&calls[i], f.client, NULL), 0);
    }
    for (unsigned i = 0; i < 100 && !(errs[0].code && errs[1].code); i++)
        assert_true(mr_loop_run(&f.loop, mr_clock_now() + 100 * MR_MSEC) >= 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(errs[i].code, MR_ERR_AUTH);
        assert_string_equal(errs[i].text, "toy: message 1 came for 0");
        mr_call_deinit(&calls[i]);
    }
    teardown(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_untouched),       cmocka_unit_test(test_stripped),
        cmocka_unit_test(test_stripped_answer), cmocka_unit_test(test_other_operation),
        cmocka_unit_test(test_other_interface), cmocka_unit_test(test_repeated),
        cmocka_unit_test(test_swapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
