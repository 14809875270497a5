/*
 * msrpc serve: the endpoint mapper and the built-in interfaces on listeners of this machine, until
 * SIGINT or SIGTERM drains them.
 */
#include <msrpc/ifaces/epmapper.h>
#include <msrpc/ifaces/rpcecho.h>
#include <msrpc/serve.h>

#include <stdlib.h>
#include <unistd.h>

#include "serve_mock.h"
#include "session.h"

#define RANGES_MAX 16
#define DRAIN_TIME (5 * MR_SEC) /* for calls in flight, after the signal */

struct own {
    const char *mapper, *socket;
    struct app_list bind, ports, interfaces, mocks, registered;
    uint32_t ready_fd;
    unsigned verbose;
};

static const app_option own_options[] = {
    {"mapper", 0, APP_TEXT, "[ADDR:]PORT", offsetof(struct own, mapper), 0, 0,
     "where the endpoint mapper listens (135 of every address, which needs root)"},
    {"socket", 0, APP_TEXT, "PATH", offsetof(struct own, socket), 0, 0,
     "the mapper for processes of this machine, which register here: a local socket "
     "(" MR_MAPPER_SOCKET " is where they look)"},
    {"bind", 0, APP_LIST, "ADDR", offsetof(struct own, bind), 0, 0,
     "listen on this address only (repeatable)"},
    {"ports", 0, APP_LIST, "RANGE,RANGE", offsetof(struct own, ports), 0, 0,
     "dynamic ports for interfaces without one (49152-65535)"},
    {"interface", 0, APP_LIST, "NAME[@PORT]", offsetof(struct own, interfaces), 0, 0,
     "offer this built-in interface, on PORT if given (rpcecho; repeatable)"},
    {"mock", 0, APP_LIST, "FILE[@PORT]", offsetof(struct own, mocks), 0, 0,
     "offer an interface whose replies stand in a JSON file (repeatable)"},
    {"register", 0, APP_LIST, "NAME|UUID[:VER]@PORT", offsetof(struct own, registered), 0, 0,
     "tell the mapper of an endpoint that is not served here (repeatable)"},
    {"ready-fd", 0, APP_NUMBER, "N", offsetof(struct own, ready_fd), 1, 1023,
     "write one line to descriptor N once every listener stands"},
    {"verbose", 'v', APP_COUNTER, NULL, offsetof(struct own, verbose), 0, 0,
     "tell every call of a mock, with its parameters"},
    {0},
};

/* An interface this command can offer; @add is given @with, or the loop. */
struct offered {
    const mr_iface *iface;
    int (*add)(mr_server_endpoint *endpoint, void *with, mr_error *err);
    void *with;
    const char *annotation;
};

static int add_echo(mr_server_endpoint *endpoint, void *with, mr_error *err) {
    return mr_serve_add_echo(endpoint, with, err);
}
static int add_mock(mr_server_endpoint *endpoint, void *with, mr_error *err) {
    return mr_serve_add_mock(endpoint, with, err);
}

static const struct offered builtins[] = {
    {&mr_rpcecho_iface, add_echo, NULL, "msrpc"},
};

struct serve {
    app *a;
    struct own *own;
    mr_loop loop;
    mr_server *server;
    mr_mapper_db db;
    mr_addr binds[APP_LIST_MAX];
    size_t bind_count;
    mr_port_range ranges[RANGES_MAX];
    size_t range_count;
    app_mock mocks[APP_LIST_MAX];
    uint32_t mock_count;
    uint32_t listeners;
    bool listing;
};

/* ---- reading switches ---- */

static int read_port(const app *a, const char *shown, mr_slice text, uint16_t *portp) {
    uint64_t port;

    if (mr_slice_get_number(text, 65535, &port) != 0 || port == 0)
        return app_refuse(a, APP_USAGE, "%s: %.*s is no port", shown, (int)text.len,
                          (const char *)text.data);
    *portp = (uint16_t)port;
    return 0;
}

/* Splits NAME@PORT at its last @; without one @portp stays as it is. */
static int split_port(const app *a, const char *shown, mr_slice item, mr_slice *namep,
                      uint16_t *portp) {
    const uint8_t *at = memrchr(item.data, '@', item.len);

    if (!at) {
        *namep = item;
        return 0;
    }
    size_t len = (size_t)(at - item.data);
    *namep = mr_slice_sub(item, 0, len);
    return read_port(a, shown, mr_slice_sub(item, len + 1, item.len), portp);
}

static int read_ranges(struct serve *s) {
    for (uint32_t i = 0; i < s->own->ports.count; i++) {
        mr_slice item = s->own->ports.items[i];
        mr_port_range range;
        enum mr_range_fault fault = mr_range_decode(item, &range);

        if (s->range_count == RANGES_MAX)
            return app_refuse(s->a, APP_USAGE, "--ports: more than %d ranges", RANGES_MAX);
        if (fault != MR_RANGE_GOOD)
            return app_refuse(s->a, APP_USAGE, "--ports: %.*s: %s", (int)item.len,
                              (const char *)item.data, mr_range_fault_text(fault));
        s->ranges[s->range_count++] = range;
    }
    if (s->range_count == 0)
        s->ranges[s->range_count++] = (mr_port_range){49152, 65535};
    return 0;
}

static int read_binds(struct serve *s) {
    for (uint32_t i = 0; i < s->own->bind.count; i++) {
        mr_slice item = s->own->bind.items[i];
        if (mr_addr_decode(item, 0, &s->binds[i]) != 0)
            return app_refuse(s->a, APP_USAGE, "--bind: %.*s is no address", (int)item.len,
                              (const char *)item.data);
    }
    s->bind_count = s->own->bind.count;
    if (s->bind_count == 0)
        s->binds[s->bind_count++] = (mr_addr){.family = MR_FAMILY_ANY};
    return 0;
}

/* ---- listening ---- */

/* Tells of a listener on a terminal: "ncacn_ip_tcp  127.0.0.1:49152  rpcecho". */
static void list(struct serve *s, const mr_addr *addr, const char *what) {
    char text[MR_ADDR_TEXT];

    if (s->listing)
        fprintf(s->a->out, "%-14s %-24s %s\n", "ncacn_ip_tcp", mr_addr_port_text(addr, text),
                what);
}

/* One endpoint on @addr; every address is :: with IPv4 on it, or IPv4 where there is no IPv6. */
static int listen_on(struct serve *s, mr_listen_options options, const char *what,
                     mr_server_endpoint **endpointp) {
    mr_error err = MR_ERROR_INIT;
    bool any = options.local.family == MR_FAMILY_ANY;
    int r;

    options.dual_stack = any;
    options.local.family = any ? MR_FAMILY_IPV6 : options.local.family;
    r = mr_server_add_endpoint(s->server, &options, endpointp, &err);
    if (r == MR_ERR_SYSTEM && any) {
        options.local.family = MR_FAMILY_IPV4;
        r = mr_server_add_endpoint(s->server, &options, endpointp, &err);
    }
    if (r)
        return app_refuse(s->a, APP_MISSING, "%s: %s%s", what, err.text,
                          options.local.port && options.local.port < 1024 && geteuid() != 0
                              ? "; ports below 1024 are root's: --mapper 127.0.0.1:10135 names "
                                "another one"
                              : "");
    if (mr_serve_add_mgmt(*endpointp, &err) != 0)
        return app_refuse(s->a, APP_BUG, "%s", err.text);
    s->listeners++;
    list(s, mr_server_endpoint_get_local(*endpointp), what);
    return 0;
}

static int open_mapper(struct serve *s) {
    const char *text = s->own->mapper;
    mr_error err = MR_ERROR_INIT;
    mr_addr addrs[APP_LIST_MAX];
    size_t count = s->bind_count;
    uint64_t port = MR_MAPPER_PORT;

    memcpy(addrs, s->binds, count * sizeof *addrs);
    if (text && mr_slice_get_number(mr_slice_str(text), 65535, &port) != 0) {
        if (mr_addr_decode_port(mr_slice_str(text), MR_MAPPER_PORT, &addrs[0]) != 0)
            return app_refuse(s->a, APP_USAGE, "--mapper: %s is neither PORT nor ADDR:PORT", text);
        port = addrs[0].port;
        count = 1;
    }
    for (size_t i = 0; i < count; i++) {
        mr_server_endpoint *endpoint;
        addrs[i].port = (uint16_t)port;
        int code = listen_on(s, (mr_listen_options){.local = addrs[i]}, "endpoint mapper",
                             &endpoint);
        if (code)
            return code;
        if (mr_serve_add_mapper(endpoint, &s->db, &err) != 0)
            return app_refuse(s->a, APP_BUG, "%s", err.text);
    }
    return 0;
}

/* Whoever reaches the socket may ask; who may change the registry, the mapper sees by itself. */
static int open_socket(struct serve *s) {
    const mr_listen_options options = {.path = s->own->socket, .mode = 0666};
    mr_error err = MR_ERROR_INIT;
    mr_server_endpoint *endpoint;

    if (!s->own->socket)
        return 0;
    if (mr_server_add_endpoint(s->server, &options, &endpoint, &err) != 0)
        return app_refuse(s->a, APP_MISSING, "--socket: %s", err.text);
    if (mr_serve_add_mgmt(endpoint, &err) != 0 || mr_serve_add_mapper(endpoint, &s->db, &err) != 0)
        return app_refuse(s->a, APP_BUG, "%s", err.text);
    s->listeners++;
    if (s->listing)
        fprintf(s->a->out, "%-14s %-24s %s\n", "ncalrpc", s->own->socket, "endpoint mapper");
    return 0;
}

static int add_to_mapper(struct serve *s, const mr_syntax *interface, const mr_addr *addr,
                         uint16_t port, const char *annotation) {
    mr_error err = MR_ERROR_INIT;
    mr_mapper_db_entry entry = {
        .interface = *interface,
        .protseq = MR_PROTSEQ_NCACN_IP_TCP,
        .port = port,
        .annotation = annotation,
    };

    if (addr->family == MR_FAMILY_IPV4)
        entry.host = *addr;
    if (mr_mapper_db_add(&s->db, &entry, &err) != 0)
        return app_refuse(s->a, APP_MISSING, "%s", err.text);
    return 0;
}

/* Offers an interface on every address to listen on, and registers it. */
static int offer(struct serve *s, const struct offered *offered, uint16_t port) {
    mr_error err = MR_ERROR_INIT;

    for (size_t i = 0; i < s->bind_count; i++) {
        mr_listen_options options = {.local = s->binds[i]};
        mr_server_endpoint *endpoint;

        options.local.port = port;
        if (!port) {
            options.ranges = s->ranges;
            options.range_count = s->range_count;
        }
        int code = listen_on(s, options, offered->iface->name, &endpoint);
        if (code)
            return code;
        if (offered->add(endpoint, offered->with ? offered->with : &s->loop, &err) != 0)
            return app_refuse(s->a, APP_BUG, "%s", err.text);
        const mr_addr *local = mr_server_endpoint_get_local(endpoint);
        code = add_to_mapper(s, &offered->iface->syntax, local, local->port,
                             offered->annotation);
        if (code)
            return code;
    }
    return 0;
}

static int open_interface(struct serve *s, mr_slice item) {
    uint16_t port = 0;
    mr_slice name;

    int code = split_port(s->a, "--interface", item, &name, &port);
    if (code)
        return code;
    for (size_t i = 0; i < MR_COUNT(builtins); i++)
        if (mr_slice_eq_nocase(name, mr_slice_str(builtins[i].iface->name)))
            return offer(s, &builtins[i], port);
    return app_refuse(s->a, APP_USAGE, "--interface: %.*s is not built in (rpcecho is)",
                      (int)name.len, (const char *)name.data);
}

static int open_interfaces(struct serve *s) {
    if (s->own->interfaces.count == 0 && s->own->mocks.count == 0)
        return offer(s, &builtins[0], 0);
    for (uint32_t i = 0; i < s->own->interfaces.count; i++) {
        int code = open_interface(s, s->own->interfaces.items[i]);
        if (code)
            return code;
    }
    return 0;
}

/* Mocks are read before anything listens. */
static int read_mocks(struct serve *s) {
    for (uint32_t i = 0; i < s->own->mocks.count; i++) {
        int code = app_mock_read(s->a, s->own->mocks.items[i], s->own->verbose > 0, &s->mocks[i]);
        if (code)
            return code;
        s->mock_count++;
    }
    return 0;
}

static int open_mocks(struct serve *s) {
    int code = 0;

    for (uint32_t i = 0; i < s->mock_count && !code; i++)
        code = offer(s,
                     &(struct offered){s->mocks[i].mock.iface, add_mock, &s->mocks[i].mock,
                                       "msrpc mock"},
                     s->mocks[i].port);
    return code;
}

/* Registers what is said to be elsewhere. */
static int add_registered(struct serve *s) {
    for (uint32_t i = 0; i < s->own->registered.count; i++) {
        mr_slice item = s->own->registered.items[i], name;
        uint16_t port = 0;
        mr_syntax syntax;

        int code = split_port(s->a, "--register", item, &name, &port);
        if (!code && !port)
            code = app_refuse(s->a, APP_USAGE, "--register: %.*s names no port (NAME@PORT)",
                              (int)item.len, (const char *)item.data);
        const char *text = mr_arena_add_str(&s->a->arena, name);
        if (!code && text)
            code = app_iface_read(s->a, text, &syntax);
        if (code || !text)
            return code ? code : APP_BUG;
        for (size_t b = 0; b < s->bind_count; b++) {
            code = add_to_mapper(s, &syntax, &s->binds[b], port, "registered only");
            if (code)
                return code;
        }
    }
    return 0;
}

/* ---- running ---- */

static int tell_ready(struct serve *s) {
    char line[64];

    if (!s->own->ready_fd)
        return 0;
    int len = snprintf(line, sizeof line, "ready: %u listeners\n", s->listeners);
    if (write((int)s->own->ready_fd, line, (size_t)len) != len)
        return app_refuse(s->a, APP_UNWRITABLE, "--ready-fd %u cannot be written",
                          s->own->ready_fd);
    return 0;
}

static void on_drained(void *user) {
    mr_loop_stop(user);
}

/* Somebody who may (mgmt stop_server_listening) asks for the end. */
static void on_stop(void *user, mr_server *server) {
    (void)server;
    mr_loop_stop(user);
}

/* Serves until a signal, then lets calls in flight finish; a second signal cuts that short. */
static int run_server(struct serve *s) {
    mr_error err = MR_ERROR_INIT;

    if (mr_loop_add_signals(&s->loop, &err) != 0)
        return app_refuse(s->a, APP_MISSING, "%s", err.text);
    int code = tell_ready(s);
    if (code)
        return code;
    if (s->listing)
        fflush(s->a->out);
    int r = mr_loop_run(&s->loop, MR_NSEC_NEVER);
    if (r != 0 && r != MR_LOOP_INTERRUPTED)
        return app_refuse(s->a, APP_BUG, "the event loop ended by itself");
    mr_server_drain(s->server, on_drained, &s->loop);
    mr_loop_run(&s->loop, mr_clock_now() + DRAIN_TIME);
    return APP_OK;
}

static int open_all(struct serve *s) {
    int code = read_ranges(s);

    if (!code)
        code = read_binds(s);
    if (!code)
        code = read_mocks(s);
    if (!code)
        code = open_mapper(s);
    if (!code)
        code = open_socket(s);
    if (!code)
        code = open_interfaces(s);
    if (!code)
        code = open_mocks(s);
    return code ? code : add_registered(s);
}

static int run(app *a) {
    struct serve s = {.a = a, .own = a->own, .listing = isatty(fileno(a->out)) != 0};
    const mr_server_options options = {.max_connections = 16384, .stop = on_stop,
                                       .stop_user = &s.loop};
    mr_error err = MR_ERROR_INIT;

    if (a->arg_count)
        return app_refuse(a, APP_USAGE, "%s: no target is wanted", a->args[0]);
    if (mr_loop_init(&s.loop, &err) != 0)
        return app_refuse(a, APP_MISSING, "%s", err.text);
    int code = APP_MISSING;
    if (mr_mapper_db_init(&s.db) != 0 || mr_server_new(&s.loop, &options, &s.server, &err) != 0)
        app_refuse(a, APP_MISSING, "%s", err.text);
    else if ((code = open_all(&s)) == 0)
        code = run_server(&s);
    mr_server_free(s.server);
    for (uint32_t i = 0; i < s.mock_count; i++)
        mr_mock_deinit(&s.mocks[i].mock);
    mr_mapper_db_deinit(&s.db);
    mr_loop_deinit(&s.loop);
    return code;
}

const app_command app_serve = {
    .name = "serve",
    .line = "run an endpoint mapper and the built-in interfaces",
    .synopsis = "",
    .about =
        "Runs an endpoint mapper and offers the built-in interfaces, each on a port of its own "
        "that the mapper knows; the management interface answers on every port. It serves "
        "anonymously and keeps nothing on disk. With --socket, processes of root's and of its own "
        "user register their endpoints, which are forgotten when they end. --mock FILE offers any "
        "compiled interface with replies from a JSON file, so that a client can be tried without "
        "the real service: {\"interface\":\"netlogon\",\"replies\":{METHOD:REPLY}}, a REPLY "
        "being what msrpc call prints of the method, a fault status, or an array of these given "
        "in turn; \"default\" is the fault status of the other methods. SIGTERM or "
        "SIGINT let the calls in flight finish and end it with code 0.",
    .examples = {"msrpc serve --mapper 127.0.0.1:10135 --bind 127.0.0.1",
                 "a mapper and rpcecho without root; ask with msrpc map 127.0.0.1:10135",
                 "msrpc serve --interface rpcecho@49152 --register samr@49999",
                 "on port 135; rpcecho has a fixed port, samr's has nobody behind it"},
    .options = own_options,
    .own_size = sizeof(struct own),
    .run = run,
};
