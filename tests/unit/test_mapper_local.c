/*
 * Local sockets and what the mapper does for local processes: registering by hand and by the
 * library, whose entries are whose, what happens to them when a process is killed or the mapper
 * restarts; stale socket files, groups that strangers may not join, stopping a server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <msrpc/ifaces/epmapper_client.h>
#include <msrpc/ifaces/mgmt_client.h>
#include <msrpc/ifaces/rpcecho_client.h>
#include <msrpc/serve.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE (30 * MR_SEC) /* a test that needs it has failed */

static char folder[] = "/tmp/msrpc-test-XXXXXX";
static char path[64];

struct fixture {
    mr_loop loop;
    mr_server *server;
    mr_server_endpoint *local, *tcp;
    mr_mapper_db db;
    unsigned stops;
};

static void on_stop(void *user, mr_server *server) {
    struct fixture *f = user;
    (void)server;
    f->stops++;
}

static void open_server(struct fixture *f) {
    const mr_listen_options at_path = {.path = path};
    const mr_listen_options at_tcp = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};
    const mr_server_options options = {.max_handles = 4, .stop = on_stop, .stop_user = f};

    assert_int_equal(mr_mapper_db_init(&f->db), 0);
    assert_int_equal(mr_server_new(&f->loop, &options, &f->server, NULL), 0);
    assert_int_equal(mr_server_add_endpoint(f->server, &at_path, &f->local, NULL), 0);
    assert_int_equal(mr_server_add_endpoint(f->server, &at_tcp, &f->tcp, NULL), 0);
    assert_int_equal(mr_serve_add_mapper(f->local, &f->db, NULL), 0);
    assert_int_equal(mr_serve_add_mapper(f->tcp, &f->db, NULL), 0);
    assert_int_equal(mr_serve_add_mgmt(f->local, NULL), 0);
    assert_int_equal(mr_serve_add_mgmt(f->tcp, NULL), 0);
    assert_string_equal(mr_server_endpoint_get_path(f->local), path);
    assert_null(mr_server_endpoint_get_path(f->tcp));
}

static void close_server(struct fixture *f) {
    mr_server_free(f->server);
    mr_mapper_db_deinit(&f->db);
}

static void setup(struct fixture *f) {
    *f = (struct fixture){0};
    assert_int_equal(mr_loop_init(&f->loop, NULL), 0);
    open_server(f);
}

static void teardown(struct fixture *f) {
    close_server(f);
    mr_loop_deinit(&f->loop);
}

static mr_client *connect_to(struct fixture *f, bool tcp, uint32_t group, const mr_syntax *syntax,
                             int wanted) {
    mr_client_options options = {.timeout = PATIENCE, .assoc_group = group};
    mr_client *client;

    if (tcp)
        options.connect.remote = *mr_server_endpoint_get_local(f->tcp);
    else
        options.connect.path = path;
    assert_int_equal(mr_client_new(&f->loop, &options, &client, NULL), 0);
    assert_int_equal(mr_client_open(client, syntax, NULL), wanted);
    return client;
}

static void on_tick(void *user) {
    mr_loop_stop(user);
}

/* Runs the loop until the registry has @want rows. */
static void run_until(struct fixture *f, size_t want) {
    mr_nsec end = mr_clock_now() + PATIENCE;
    mr_timer tick;

    mr_timer_init(&tick, &f->loop, on_tick, &f->loop);
    while (f->db.count != want && mr_clock_now() < end) {
        mr_timer_set(&tick, mr_clock_now() + MR_MSEC);
        mr_loop_run(&f->loop, end);
    }
    mr_timer_deinit(&tick);
    assert_int_equal(f->db.count, want);
}

/* One entry of rpcecho with this port; the caller's buffers. */
struct one {
    uint8_t octets[128];
    mr_epmapper_twr_t twr;
    mr_epmapper_ept_entry_t entry;
};

static void make(struct one *one, uint16_t port, const mr_syntax *transfer) {
    mr_buf buf;
    const mr_tower tower = {.interface = mr_rpcecho_iface.syntax, .transfer = *transfer,
                            .protseq = MR_PROTSEQ_NCACN_IP_TCP, .port = port};

    mr_buf_init(&buf, one->octets, sizeof one->octets, sizeof one->octets);
    assert_int_equal(mr_tower_encode(&tower, &buf), 0);
    one->twr = (mr_epmapper_twr_t){(uint32_t)buf.len, one->octets};
    one->entry = (mr_epmapper_ept_entry_t){.tower = &one->twr, .annotation = (uint8_t *)"one"};
}

static uint32_t insert(mr_client *client, struct one *one, bool replace) {
    struct mr_epmapper_ept_insert args = {.num_ents = 1, .entries = &one->entry,
                                          .replace = replace};
    assert_int_equal(mr_epmapper_ept_insert(client, &args, NULL), 0);
    return args.status;
}

static uint32_t delete(mr_client *client, struct one *one) {
    struct mr_epmapper_ept_delete args = {.num_ents = 1, .entries = &one->entry};
    assert_int_equal(mr_epmapper_ept_delete(client, &args, NULL), 0);
    return args.status;
}

static void test_by_hand(void **state) {
    struct one a, b, wide, bad;
    struct fixture f;
    mr_mapper_db_query query = {0};

    (void)state;
    setup(&f);
    make(&a, 1001, &mr_syntax_ndr20);
    make(&b, 1002, &mr_syntax_ndr20);
    make(&wide, 1003, &mr_syntax_ndr64);
    make(&bad, 1004, &mr_syntax_ndr20);
    bad.twr.tower_length = 20;
    mr_client *one = connect_to(&f, false, 0, &mr_epmapper_iface.syntax, 0);
    mr_client *two = connect_to(&f, false, 0, &mr_epmapper_iface.syntax, 0);
    assert_int_equal(insert(one, &a, false), 0);
    assert_int_equal(insert(one, &a, false), 0); /* said twice */
    assert_int_equal(f.db.count, 1);
    assert_int_equal(f.db.rows[0]->owner->pid, getpid());
    assert_int_equal(f.db.rows[0]->owner->uid, getuid());
    assert_int_equal(insert(one, &bad, false), MR_EPT_CANT_PERFORM);
    bad.entry.tower = NULL;
    assert_int_equal(insert(one, &bad, false), MR_EPT_CANT_PERFORM);
    assert_int_equal(insert(two, &b, false), 0);
    assert_int_equal(insert(two, &wide, false), 0);
    assert_int_equal(f.db.count, 3);
    /* a replacement is for its own transfer syntax */
    make(&bad, 1005, &mr_syntax_ndr20);
    assert_int_equal(insert(two, &bad, true), 0);
    assert_int_equal(f.db.count, 2);
    assert_int_equal(mr_mapper_db_find(&f.db, &query)->port, 1003);
    assert_int_equal(mr_mapper_db_find(&f.db, &query)->port, 1005);
    /* the same process by another connection */
    assert_int_equal(delete(one, &wide), 0);
    assert_int_equal(delete(one, &wide), MR_EPT_NOT_REGISTERED);
    mr_client_free(two);
    run_until(&f, 0);
    mr_client_free(one);
    teardown(&f);
}

/* Unfinished lookups give way to a registration, never the other way round. */
static void test_handles(void **state) {
    struct one one;
    struct fixture f;

    (void)state;
    setup(&f);
    mr_client *client = connect_to(&f, false, 0, &mr_epmapper_iface.syntax, 0);
    for (uint16_t i = 0; i < 20; i++) {
        const mr_mapper_db_entry entry = {.interface = {{i, 2, 3, {4}}, 1, 0}, .port = 1,
                                          .protseq = MR_PROTSEQ_NCACN_IP_TCP};
        struct mr_epmapper_ept_lookup args = {.vers_option = 1, .max_ents = 1};
        assert_int_equal(mr_mapper_db_add(&f.db, &entry, NULL), 0);
        assert_int_equal(mr_epmapper_ept_lookup(client, &args, NULL), 0);
        assert_int_equal(args.status, 0);
        make(&one, (uint16_t)(2000 + i), &mr_syntax_ndr20);
        if (i >= 10)
            assert_int_equal(insert(client, &one, false), 0);
    }
    assert_int_equal(f.db.count, 30);
    mr_client_free(client);
    run_until(&f, 20);
    teardown(&f);
}

/* A lookup that fails for want of a handle leaves nothing behind that another question gets. */
static void test_failed_lookup(void **state) {
    const mr_server_options options = {.max_handles = 1};
    struct mr_epmapper_ept_lookup lookup = {.vers_option = 1, .max_ents = 1};
    struct fixture f;
    struct one one;

    (void)state;
    setup(&f);
    mr_server_set_options(f.server, &options);
    mr_client *client = connect_to(&f, false, 0, &mr_epmapper_iface.syntax, 0);
    make(&one, 2000, &mr_syntax_ndr20);
    assert_int_equal(insert(client, &one, false), 0);
    assert_int_not_equal(mr_epmapper_ept_lookup(client, &lookup, NULL), 0);
    mr_client *other = connect_to(&f, true, 0, &mr_epmapper_iface.syntax, 0);
    for (int i = 0; i < 3; i++) {
        struct mr_epmapper_ept_inq_object args = {0};
        assert_int_equal(mr_epmapper_ept_inq_object(other, &args, NULL), 0);
        assert_memory_equal(&args.ept_object, &f.db.object, sizeof f.db.object);
    }
    mr_client_free(other);
    mr_client_free(client);
    run_until(&f, 0);
    teardown(&f);
}

static mr_client *by_binding(struct fixture *f, const mr_iface *iface) {
    char text[96];
    mr_client *client;

    snprintf(text, sizeof text, "ncalrpc:[%s]", path);
    assert_int_equal(mr_client_open_binding(&f->loop, text, iface, NULL, &client, NULL), 0);
    return client;
}

static void test_stop(void **state) {
    struct mr_mgmt_stop_server_listening args = {0};
    struct fixture f;

    (void)state;
    setup(&f);
    mr_client *stranger = connect_to(&f, true, 0, &mr_mgmt_iface.syntax, 0);
    assert_int_equal(mr_mgmt_stop_server_listening(stranger, &args, NULL), 0);
    assert_int_equal(args.status, 5);
    assert_int_equal(f.stops, 0);
    mr_client *own = by_binding(&f, &mr_mgmt_iface);
    assert_int_equal(mr_mgmt_stop_server_listening(own, &args, NULL), 0);
    assert_int_equal(args.status, 0);
    assert_int_equal(f.stops, 1);
    mr_client_free(stranger);
    mr_client_free(own);
    teardown(&f);
}

/* Who comes by network does not get into a local process's group. */
static void test_groups(void **state) {
    struct fixture f;

    (void)state;
    setup(&f);
    mr_client *own = connect_to(&f, false, 0, &mr_epmapper_iface.syntax, 0);
    uint32_t group = mr_client_get_report(own)->assoc_group;
    mr_client *friend = connect_to(&f, false, group, &mr_epmapper_iface.syntax, 0);
    assert_int_equal(mr_client_get_report(friend)->assoc_group, group);
    mr_client *stranger =
        connect_to(&f, true, group, &mr_epmapper_iface.syntax, MR_ERR_BIND_REJECTED);
    mr_client_free(stranger);
    mr_client_free(friend);
    mr_client_free(own);
    teardown(&f);
}

/* ---- files ---- */

static void test_files(void **state) {
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    mr_listen_options options = {.path = path, .mode = 0640};
    char too_long[200], lock[80];
    mr_listener one = {0}, two = {0};
    struct stat st;
    mr_loop loop;

    (void)state;
    memcpy(sa.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0); /* what a dead process leaves behind */
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    close(fd);
    assert_int_equal(mr_loop_init(&loop, NULL), 0);
    mr_listener_init(&one, &loop, NULL, NULL);
    mr_listener_init(&two, &loop, NULL, NULL);
    assert_int_equal(mr_listener_open(&one, &options, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(mr_listener_open(&two, &options, NULL), MR_ERR_BUSY);
    assert_int_equal(stat(path, &st), 0);
    mr_listener_deinit(&one);
    assert_int_equal(stat(path, &st), -1);
    assert_int_equal(mr_listener_open(&two, &options, NULL), 0);
    mr_listener_deinit(&two);
    /* what is no socket stays, and gets no lock beside it */
    snprintf(lock, sizeof lock, "%s.lock", path);
    assert_int_equal(unlink(lock), 0);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    assert_int_equal(mr_listener_open(&one, &options, NULL), MR_ERR_SYSTEM);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(stat(lock, &st), -1);
    unlink(path);
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    options.path = too_long;
    assert_int_equal(mr_listener_open(&one, &options, NULL), MR_ERR_SYSTEM);
    options.path = "";
    assert_int_equal(mr_listener_open(&one, &options, NULL), MR_ERR_SYSTEM);
    mr_listener_deinit(&one);
    mr_listener_deinit(&two);
    mr_loop_deinit(&loop);
}

/* Nobody listens; nobody accepts. */
static void test_no_listener(void **state) {
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    const mr_client_options options = {.connect = {.path = path, .timeout = 50 * MR_MSEC}};
    int fds[8], count = 0;
    mr_client *client;
    mr_loop loop;

    (void)state;
    assert_int_equal(mr_loop_init(&loop, NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mr_client_new(&loop, &options, &client, NULL), 0);
        assert_int_equal(mr_client_open(client, &mr_mgmt_iface.syntax, NULL),
                         i ? MR_ERR_TIMEOUT : MR_ERR_REFUSED);
        mr_client_free(client);
        if (i)
            break;
        memcpy(sa.sun_path, path, strlen(path) + 1);
        fds[count] = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_int_equal(bind(fds[count], (struct sockaddr *)&sa, sizeof sa), 0);
        assert_int_equal(listen(fds[count++], 0), 0);
        fds[count] = socket(AF_UNIX, SOCK_STREAM, 0); /* fills the backlog */
        assert_int_equal(connect(fds[count++], (struct sockaddr *)&sa, sizeof sa), 0);
    }
    while (count)
        close(fds[--count]);
    unlink(path);
    mr_loop_deinit(&loop);
}

/* ---- other processes ---- */

static void on_changed(void *user, mr_registration *registration, int result,
                       const mr_error *err) {
    (void)user;
    (void)registration;
    (void)result;
    (void)err;
}

/* A server of its own, registered for two objects, until it is killed, or @parent has failed. */
static _Noreturn void be_a_server(pid_t parent) {
    const mr_listen_options listen = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};
    const mr_uuid objects[] = {{1, 2, 3, {4}}, {5, 6, 7, {8}}};
    const mr_register_options options = {
        .socket = path, .annotation = "a service", .objects = objects, .object_count = 2,
        .retry = 5 * MR_MSEC, .changed = on_changed,
    };
    mr_server_endpoint *endpoint;
    mr_registration *registration;
    mr_server *server;
    mr_loop loop;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(3);
    if (mr_loop_init(&loop, NULL) || mr_server_new(&loop, &(mr_server_options){0}, &server, NULL) ||
        mr_server_add_endpoint(server, &listen, &endpoint, NULL) ||
        mr_serve_add_mgmt(endpoint, NULL) || mr_serve_add_echo(endpoint, &loop, NULL) ||
        mr_mapper_register(server, &options, &registration, NULL))
        _exit(1);
    mr_loop_run(&loop, MR_NSEC_NEVER);
    _exit(2);
}

static void test_killed(void **state) {
    struct mr_epmapper_ept_lookup all = {.vers_option = 1, .max_ents = 10};
    struct fixture f;
    int status;
    pid_t parent = getpid(), child = fork();

    (void)state;
    assert_true(child >= 0);
    if (child == 0)
        be_a_server(parent);
    setup(&f);
    run_until(&f, 2);
    assert_int_equal(f.db.rows[0]->owner->pid, child);
    assert_string_equal(f.db.rows[0]->annotation, "a service");
    assert_int_equal(f.db.rows[1]->object.time_low, 5);

    /* the mapper restarts: it is told again */
    close_server(&f);
    open_server(&f);
    run_until(&f, 2);

    /* nobody else deletes it by name; root may clean up */
    mr_client *client = connect_to(&f, false, 0, &mr_epmapper_iface.syntax, 0);
    assert_int_equal(mr_epmapper_ept_lookup(client, &all, NULL), 0);
    assert_int_equal(all.num_ents, 2);
    struct mr_epmapper_ept_delete delete = {.num_ents = 2, .entries = all.entries};
    assert_int_equal(mr_epmapper_ept_delete(client, &delete, NULL), 0);
    assert_int_equal(delete.status, MR_EPT_NOT_REGISTERED);
    assert_int_equal(f.db.count, 2);
    struct mr_epmapper_ept_mgmt_delete clean = {
        .object_speced = 1, .object = &all.entries[0].object, .tower = all.entries[0].tower};
    assert_int_equal(mr_epmapper_ept_mgmt_delete(client, &clean, NULL), 0);
    assert_int_equal(clean.status, getuid() ? MR_EPT_NOT_REGISTERED : 0);
    assert_int_equal(f.db.count, getuid() ? 2 : 1);

    assert_int_equal(kill(child, SIGKILL), 0);
    run_until(&f, 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    mr_client_free(client);
    teardown(&f);
}

/* Registered in the mapper's own process; withdrawn. */
static void test_run(void **state) {
    const mr_listen_options listen = {.local = {.family = MR_FAMILY_IPV4, .ip = {127, 0, 0, 1}}};
    char own_path[80], long_note[65];
    mr_listen_options at_path = {.path = own_path};
    mr_register_options options = {.socket = path, .annotation = long_note};
    mr_server_endpoint *endpoint, *own;
    mr_registration *registration;
    mr_mapper mapper;
    struct fixture f;

    (void)state;
    setup(&f);
    snprintf(own_path, sizeof own_path, "%s/echo", folder);
    memset(long_note, 'a', 64);
    long_note[64] = '\0';
    assert_int_equal(mr_server_add_endpoint(f.server, &listen, &endpoint, NULL), 0);
    assert_int_equal(mr_server_add_endpoint(f.server, &at_path, &own, NULL), 0);
    assert_int_equal(mr_serve_add_echo(endpoint, &f.loop, NULL), 0);
    assert_int_equal(mr_serve_add_echo(own, &f.loop, NULL), 0);
    assert_int_equal(mr_mapper_register_run(f.server, &options, &registration, NULL),
                     MR_ERR_ARGUMENT);
    options.annotation = NULL;
    assert_int_equal(mr_mapper_register_run(f.server, &options, &registration, NULL), 0);
    assert_int_equal(f.db.count, 2);

    mr_client *client = connect_to(&f, false, 0, &mr_epmapper_iface.syntax, 0);
    assert_int_equal(mr_mapper_init(&mapper, client, MR_SLICE_LIT("here"), NULL), 0);
    assert_int_equal(mr_mapper_map_run(&mapper, &mr_rpcecho_iface.syntax, NULL,
                                       MR_PROTSEQ_NCACN_IP_TCP, NULL), 0);
    assert_int_equal(mapper.entries[0].port, mr_server_endpoint_get_local(endpoint)->port);
    assert_int_equal(mr_mapper_map_run(&mapper, &mr_rpcecho_iface.syntax, NULL, MR_PROTSEQ_NCALRPC,
                                       NULL), 0);
    assert_true(mr_slice_eq(mapper.entries[0].endpoint, mr_slice_str(own_path)));
    mr_mapper_deinit(&mapper);
    mr_client_free(client);

    mr_mapper_unregister(registration);
    mr_mapper_unregister(NULL);
    run_until(&f, 0);
    options.socket = "/nowhere/at/all";
    assert_int_equal(mr_mapper_register_run(f.server, &options, &registration, NULL),
                     MR_ERR_REFUSED);
    teardown(&f);
    snprintf(own_path, sizeof own_path, "%s/echo.lock", folder);
    unlink(own_path);
}

static int make_folder(void **state) {
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/mapper", folder);
    return 0;
}

static int remove_folder(void **state) {
    char lock[80];

    (void)state;
    snprintf(lock, sizeof lock, "%s.lock", path);
    unlink(lock);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand), cmocka_unit_test(test_handles),
        cmocka_unit_test(test_failed_lookup),
        cmocka_unit_test(test_stop),    cmocka_unit_test(test_groups),
        cmocka_unit_test(test_files),   cmocka_unit_test(test_no_listener),
        cmocka_unit_test(test_killed),  cmocka_unit_test(test_run),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
