/*
 * Where msrpc serve listens and what its mapper is told of it: at the start, where every failure
 * ends the run, and again after SIGHUP, where what fails is logged and stays as it was.
 */
#include <msrpc/ifaces/epmapper.h>
#include <msrpc/ifaces/mgmt.h>
#include <msrpc/ifaces/netlogon.h>
#include <msrpc/ifaces/rpcecho.h>

#include <stdarg.h>
#include <unistd.h>

#include "serve.h"
#include "session.h"

static int add_echo(mr_server_endpoint *endpoint, void *with, mr_error *err) {
    struct serve *s = with;
    return mr_serve_add_echo(endpoint, &s->loop, err);
}
static int add_netlogon(mr_server_endpoint *endpoint, void *with, mr_error *err) {
    const struct serve *s = with;
    return mr_serve_add_netlogon(endpoint, s->channels, err);
}
static int add_mock(mr_server_endpoint *endpoint, void *with, mr_error *err) {
    return mr_serve_add_mock(endpoint, with, err);
}

static const struct serve_offer builtins[] = {
    {&mr_rpcecho_iface, add_echo, NULL, "msrpc", 0},
    {&mr_netlogon_iface, add_netlogon, NULL, "msrpc", 0},
};

/* Once the server runs, its log is where failures are told. */
static int fail(struct serve *s, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int fail(struct serve *s, int code, const char *fmt, ...) {
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!s->running)
        return app_refuse(s->a, code, "%s", text);
    serve_log(&s->log, SERVE_PORTS, SERVE_ERROR, "%s", text);
    return code;
}

/* ---- what is offered ---- */

static const struct serve_offer *find_builtin(const char *name) {
    for (size_t i = 0; i < MR_COUNT(builtins); i++)
        if (mr_str_eq_nocase(name, builtins[i].iface->name))
            return &builtins[i];
    return NULL;
}

static bool is_mocked(const struct serve_mocks *mocks, const char *name) {
    for (uint32_t i = 0; i < mocks->count; i++)
        if (mr_str_eq_nocase(name, mocks->items[i]->mock.iface->name))
            return true;
    return false;
}

/* Those that stand on every endpoint anyway; a section of theirs says who may call them. */
static bool is_everywhere(const char *name) {
    return mr_str_eq_nocase(name, mr_epmapper_iface.name) ||
           mr_str_eq_nocase(name, mr_mgmt_iface.name);
}

int serve_open_know(const app *a, struct serve_settings *settings,
                    const struct serve_mocks *mocks) {
    for (size_t i = 0; i < settings->service_count; i++) {
        const struct serve_service *service = &settings->services[i];
        bool known = find_builtin(service->name) || is_mocked(mocks, service->name);
        bool everywhere = is_everywhere(service->name);
        if (!known && (!everywhere || service->port))
            return app_refuse(a, APP_USAGE, "%s: %s %s",
                              serve_settings_where(settings, service->said, "--interface"),
                              service->name, everywhere
                                                 ? "answers on every port and has none of its own"
                                                 : "is not built in (rpcecho and netlogon are)");
    }
    return 0;
}

/* netlogon is for machines that have an account; a mock of it is for anybody. */
int serve_open_check(const app *a, struct serve_settings *settings,
                     const struct serve_mocks *mocks, const struct serve_users *users) {
    const struct serve_service *service = serve_settings_find(settings, mr_netlogon_iface.name);
    const mr_accounts *accounts = users->gate ? mr_gate_get_accounts(users->gate) : NULL;

    if (!service || !service->offered || is_mocked(mocks, service->name) ||
        (accounts && mr_accounts_have_machine(accounts)))
        return 0;
    return app_refuse(a, APP_USAGE, "%s: netlogon wants accounts of machines in the file of "
                      "--users: lines HOST$:PASSWORD",
                      serve_settings_where(settings, service->said, "--interface"));
}

int serve_open_bind(struct serve *s) {
    const struct app_list *bind = &s->settings.bind;

    for (uint32_t i = 0; i < bind->count; i++)
        if (mr_addr_decode(bind->items[i], 0, &s->binds[i]) != 0)
            return app_refuse(s->a, APP_USAGE, "--bind: %.*s is no address",
                              (int)bind->items[i].len, (const char *)bind->items[i].data);
    s->bind_count = bind->count;
    if (s->bind_count == 0)
        s->binds[s->bind_count++] = (mr_addr){.family = MR_FAMILY_ANY};
    return 0;
}

/* Whether the settings want it. Without a file, and unless something is named, rpcecho is there. */
static bool is_wanted(const struct serve *s, const struct serve_offer *builtin) {
    const struct serve_service *service = serve_settings_find(&s->settings, builtin->iface->name);
    bool named = s->mocks.count > 0;

    if (builtin->iface == &mr_netlogon_iface && is_mocked(&s->mocks, builtin->iface->name))
        return false;
    if (service && service->offered)
        return true;
    for (size_t i = 0; i < s->settings.service_count; i++)
        named |= s->settings.services[i].offered && !is_everywhere(s->settings.services[i].name);
    return !named && !s->switches->config && builtin == &builtins[0];
}

/* ---- places ---- */

static void list(struct serve *s, const mr_server_endpoint *endpoint, const char *what) {
    const mr_addr *addr = mr_server_endpoint_get_local(endpoint);
    const char *path = mr_server_endpoint_get_path(endpoint);
    char text[MR_ADDR_TEXT];

    if (s->listing)
        fprintf(s->a->out, "%-14s %-24s %s\n", path ? "ncalrpc" : "ncacn_ip_tcp",
                path ? path : mr_addr_port_text(addr, text), what);
}

static struct serve_place *free_place(struct serve *s) {
    for (size_t i = 0; i < s->place_count; i++)
        if (!s->places[i].endpoint)
            return &s->places[i];
    return s->place_count < SERVE_PLACES_MAX ? &s->places[s->place_count++] : NULL;
}

uint32_t serve_open_count(const struct serve *s) {
    uint32_t count = 0;

    for (size_t i = 0; i < s->place_count; i++)
        count += s->places[i].endpoint != NULL;
    return count;
}

/* Opens what @options say; every address is :: with IPv4 on it, or IPv4 where there is no IPv6. */
static int add_endpoint(struct serve *s, mr_listen_options *options,
                        mr_server_endpoint **endpointp, mr_error *err) {
    bool any = !options->fd && !options->path && options->local.family == MR_FAMILY_ANY;

    options->dual_stack = any;
    options->local.family = any ? MR_FAMILY_IPV6 : options->local.family;
    int r = mr_server_add_endpoint(s->server, options, endpointp, err);
    if (r == MR_ERR_SYSTEM && any) {
        options->local.family = MR_FAMILY_IPV4;
        r = mr_server_add_endpoint(s->server, options, endpointp, err);
    }
    return r;
}

static const char *pool_text(const mr_listen_options *options, char text[160]) {
    size_t at = 0;

    text[0] = '\0';
    for (size_t i = 0; i < options->range_count && at < 120; i++) {
        mr_port_range range = options->ranges[i];
        at += (size_t)snprintf(text + at, 160 - at, "%s%u", i ? "," : "", range.first);
        if (range.last != range.first)
            at += (size_t)snprintf(text + at, 160 - at, "-%u", range.last);
    }
    return text;
}

static int fail_endpoint(struct serve *s, const mr_listen_options *options, const char *what,
                         int result, const mr_error *err) {
    char text[160];

    if (result == MR_ERR_BUSY && options->range_count) {
        if (s->full)
            return APP_MISSING;
        s->full = true;
        return fail(s, APP_MISSING, "%s: error 1721, RPC_S_OUT_OF_RESOURCES: no port of %s is "
                    "free", what, pool_text(options, text));
    }
    bool low = options->local.port && options->local.port < MR_PORT_DYNAMIC_MIN && geteuid() != 0;
    return fail(s, APP_MISSING, "%s: %s%s", what, err->text,
                low ? "; ports below 1024 are root's: --mapper 127.0.0.1:10135 names another one"
                    : "");
}

/* One more place, with mgmt and @offer, or the mapper where that is empty. */
static int add_place(struct serve *s, mr_listen_options options, const struct serve_offer *offer,
                     size_t bind) {
    const char *what = offer->iface ? offer->iface->name : "endpoint mapper";
    struct serve_place *place = free_place(s);
    mr_server_endpoint *endpoint = NULL;
    mr_error err = MR_ERROR_INIT;

    if (!place)
        return fail(s, APP_USAGE, "more than %d listeners", SERVE_PLACES_MAX);
    int r = add_endpoint(s, &options, &endpoint, &err);
    if (r)
        return fail_endpoint(s, &options, what, r, &err);
    s->full &= options.range_count == 0;
    r = mr_serve_add_mgmt(endpoint, &err);
    if (!r)
        r = offer->iface ? offer->add(endpoint, offer->with ? offer->with : s, &err)
                         : mr_serve_add_mapper(endpoint, &s->db, &err);
    if (r) {
        mr_server_endpoint_close(endpoint);
        return fail(s, APP_BUG, "%s", err.text);
    }
    *place = (struct serve_place){endpoint, *offer, bind};
    list(s, endpoint, what);
    return 0;
}

static void close_place(struct serve_place *place) {
    mr_server_endpoint_close(place->endpoint);
    place->endpoint = NULL;
}

/* ---- the mapper ---- */

static const struct serve_offer mapper_offer = {.iface = NULL};

static int open_mapper(struct serve *s) {
    const char *text = s->settings.mapper;
    mr_addr addrs[APP_LIST_MAX];
    size_t count = s->bind_count;
    uint64_t port = MR_MAPPER_PORT;

    memcpy(addrs, s->binds, count * sizeof *addrs);
    if (text && mr_slice_get_number(mr_slice_str(text), 65535, &port) != 0) {
        if (mr_addr_decode_port(mr_slice_str(text), MR_MAPPER_PORT, &addrs[0]) != 0)
            return fail(s, APP_USAGE, "--mapper: %s is neither PORT nor ADDR:PORT", text);
        port = addrs[0].port;
        count = 1;
    }
    for (size_t i = 0; i < count; i++) {
        addrs[i].port = (uint16_t)port;
        int code = add_place(s, (mr_listen_options){.local = addrs[i]}, &mapper_offer, i);
        if (code)
            return code;
    }
    return 0;
}

/* The mapper's sockets: those passed in, and for what was not passed our own. */
static int open_mappers(struct serve *s) {
    struct serve_passed passed[SERVE_PASSED_MAX];
    size_t count = serve_manager_take(&s->settings.arena, passed);
    bool tcp = false, local = false;

    for (size_t i = 0; i < count; i++) {
        mr_listen_options options = {.fd = passed[i].fd, .path = passed[i].path};
        int code;
        if (!strcmp(passed[i].name, "metrics")) {
            code = serve_metrics_open(&s->metrics, s->a, NULL, passed[i].fd);
        } else {
            tcp |= !passed[i].path;
            local |= passed[i].path != NULL;
            code = add_place(s, options, &mapper_offer, 0);
        }
        if (code)
            return code;
    }
    int code = tcp ? 0 : open_mapper(s);
    if (code || local || !s->settings.socket)
        return code;
    /* whoever reaches the socket may ask; who may change the registry, the mapper sees by itself */
    return add_place(s, (mr_listen_options){.path = s->settings.socket, .mode = 0666},
                     &mapper_offer, 0);
}

/* ---- interfaces ---- */

static uint16_t port_of(const struct serve *s, const struct serve_offer *offer) {
    const struct serve_service *service = serve_settings_find(&s->settings, offer->iface->name);
    return offer->port || !service ? offer->port : service->port;
}

/* The ports that an interface without one of its own may take; the settings were tried. */
static void pool_of(const struct serve *s, const struct serve_offer *offer, mr_ranges *poolp) {
    const struct serve_service *service = serve_settings_find(&s->settings, offer->iface->name);
    *poolp = (mr_ranges){.count = 0};
    (void)mr_port_pool(&s->settings.rules, service ? service->use : MR_PORT_USE_DEFAULT, poolp,
                       NULL);
}

static int offer_at(struct serve *s, const struct serve_offer *offer, size_t bind) {
    mr_listen_options options = {.local = s->binds[bind]};
    mr_ranges pool;

    options.local.port = port_of(s, offer);
    if (!options.local.port) {
        pool_of(s, offer, &pool);
        options.ranges = pool.items;
        options.range_count = pool.count;
    }
    return add_place(s, options, offer, bind);
}

/* Offers an interface on every address to listen on. */
static int offer_everywhere(struct serve *s, const struct serve_offer *offer) {
    int code = 0;

    for (size_t i = 0; i < s->bind_count && !code; i++)
        code = offer_at(s, offer, i);
    return code;
}

static struct serve_offer offer_of_mock(struct serve_mock *mock) {
    return (struct serve_offer){mock->mock.iface, add_mock, &mock->mock, "msrpc mock", mock->port};
}

/* The mock behind an offer, while it is wanted. */
static const struct serve_mock *find_mock(const struct serve *s, const struct serve_offer *offer) {
    for (uint32_t i = 0; i < s->mocks.count; i++)
        if (offer->with == &s->mocks.items[i]->mock)
            return s->mocks.items[i];
    return NULL;
}

static bool has_place(const struct serve *s, const struct serve_offer *offer) {
    for (size_t i = 0; i < s->place_count; i++)
        if (s->places[i].endpoint && s->places[i].offer.iface == offer->iface &&
            s->places[i].offer.with == offer->with)
            return true;
    return false;
}

/* Opens what is wanted and has no place yet, as far as that goes; what went wrong first. */
static int open_interfaces(struct serve *s) {
    int code = 0;

    for (size_t i = 0; i < MR_COUNT(builtins) && (!code || s->running); i++)
        if (is_wanted(s, &builtins[i]) && !has_place(s, &builtins[i]))
            code = offer_everywhere(s, &builtins[i]);
    for (uint32_t i = 0; i < s->mocks.count && (!code || s->running); i++) {
        struct serve_offer offer = offer_of_mock(s->mocks.items[i]);
        if (!has_place(s, &offer))
            code = offer_everywhere(s, &offer);
    }
    return code;
}

/* ---- what the mapper is told ---- */

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
        return fail(s, APP_MISSING, "%s", err.text);
    return 0;
}

/* What is said to be elsewhere. */
static int add_registered(struct serve *s) {
    for (uint32_t i = 0; i < s->settings.registered.count; i++) {
        mr_syntax syntax;
        uint16_t port;

        int code = serve_settings_registered(s->a, &s->settings, s->settings.registered.items[i],
                                             &syntax, &port);
        for (size_t b = 0; b < s->bind_count && !code; b++)
            code = add_to_mapper(s, &syntax, &s->binds[b], port, "registered only");
        if (code)
            return code;
    }
    return 0;
}

/* Everything of this process anew; processes that registered keep theirs. */
static int tell_mapper(struct serve *s) {
    mr_mapper_db_remove_owner(&s->db, NULL);
    for (size_t i = 0; i < s->place_count; i++) {
        const struct serve_place *place = &s->places[i];
        if (!place->endpoint || !place->offer.iface)
            continue;
        const mr_addr *local = mr_server_endpoint_get_local(place->endpoint);
        int code = add_to_mapper(s, &place->offer.iface->syntax, local, local->port,
                                 place->offer.annotation);
        if (code)
            return code;
    }
    return add_registered(s);
}

/* ---- who may call ---- */

static void set_access(struct serve *s, mr_server_endpoint *endpoint, const mr_iface *iface,
                       mr_server_access access) {
    const struct serve_service *service = serve_settings_find(&s->settings, iface->name);

    if (service && service->has_access)
        access = service->access;
    (void)mr_server_set_access(endpoint, &iface->syntax, &access);
}

static void set_all_access(struct serve *s) {
    for (size_t i = 0; i < s->place_count; i++) {
        struct serve_place *place = &s->places[i];
        if (!place->endpoint)
            continue;
        set_access(s, place->endpoint, &mr_mgmt_iface, (mr_server_access){0});
        if (place->offer.iface)
            set_access(s, place->endpoint, place->offer.iface,
                       place->offer.add == add_netlogon ? MR_SERVE_NETLOGON_ACCESS
                                                        : (mr_server_access){0});
        else
            set_access(s, place->endpoint, &mr_epmapper_iface, MR_SERVE_MAPPER_ACCESS);
    }
}

int serve_open_all(struct serve *s) {
    int code = open_mappers(s);

    if (!code)
        code = open_interfaces(s);
    if (!code)
        code = tell_mapper(s);
    set_all_access(s);
    return code;
}

/* ---- again ---- */

/* Whether the place is where the settings want it. */
static bool is_right(const struct serve *s, const struct serve_place *place) {
    uint16_t port = mr_server_endpoint_get_local(place->endpoint)->port;
    uint16_t wanted = port_of(s, &place->offer);
    mr_ranges pool;

    if (wanted)
        return wanted == port;
    pool_of(s, &place->offer, &pool);
    return mr_ranges_find(&pool, port);
}

/* Whether the settings still want what the place offers; a mock may have another port now. */
static bool is_kept(const struct serve *s, struct serve_place *place) {
    const struct serve_mock *mock;

    if (place->offer.add != add_mock)
        return is_wanted(s, find_builtin(place->offer.iface->name));
    mock = find_mock(s, &place->offer);
    if (mock)
        place->offer.port = mock->port;
    return mock != NULL;
}

void serve_open_again(struct serve *s) {
    size_t count = s->place_count;

    for (size_t i = 0; i < count; i++) {
        struct serve_place *place = &s->places[i];
        if (place->endpoint && place->offer.iface && !is_kept(s, place))
            close_place(place);
    }
    for (size_t i = 0; i < count; i++) {
        struct serve_place *place = &s->places[i];
        if (!place->endpoint || !place->offer.iface || is_right(s, place))
            continue;
        const struct serve_place old = *place;
        if (offer_at(s, &old.offer, old.bind) == 0)
            close_place(place);
    }
    (void)open_interfaces(s);
    (void)tell_mapper(s);
    set_all_access(s);
}
