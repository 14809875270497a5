/* What the file and the switches of msrpc serve come to. A switch stands above the file: it
 * replaces what the file says, of --interface that of the same interface. */
#include "serve.h"

#include "session.h"

#define CONNECTIONS 16384
#define DRAIN_TIME (5 * MR_SEC)
#define ARENA_CAP ((size_t)4 << 20)

static void set_defaults(struct serve_settings *s) {
    *s = (struct serve_settings){.limits.max_connections = CONNECTIONS,
                                 .drain_time = DRAIN_TIME,
                                 .log_level = SERVE_NOTICE,
                                 .log_rate = 10};
    mr_arena_init(&s->arena, ARENA_CAP);
}

void serve_settings_deinit(struct serve_settings *s) {
    mr_arena_deinit(&s->arena);
}

const struct serve_service *serve_settings_find(const struct serve_settings *s, const char *name) {
    for (size_t i = 0; i < s->service_count; i++)
        if (mr_str_eq_nocase(s->services[i].name, name))
            return &s->services[i];
    return NULL;
}

int serve_split_port(const app *a, const char *shown, mr_slice item, mr_slice *namep,
                     uint16_t *portp) {
    const uint8_t *at = memrchr(item.data, '@', item.len);
    uint64_t port = 0;

    *namep = item;
    *portp = 0;
    if (!at)
        return 0;
    size_t len = (size_t)(at - item.data);
    mr_slice text = mr_slice_sub(item, len + 1, item.len);
    if (mr_slice_get_number(text, UINT16_MAX, &port) != 0 || port == 0)
        return app_refuse(a, APP_USAGE, "%s: %.*s is no port", shown, (int)text.len,
                          (const char *)text.data);
    *namep = mr_slice_sub(item, 0, len);
    *portp = (uint16_t)port;
    return 0;
}

bool serve_settings_is_place(mr_slice text) {
    uint64_t port;
    mr_addr addr;

    return mr_slice_get_number(text, UINT16_MAX, &port) == 0 ||
           mr_addr_decode_port(text, MR_MAPPER_PORT, &addr) == 0;
}

/* ---- switches ---- */

static int check_place(const app *a, const char *shown, const char *where) {
    if (!where || serve_settings_is_place(mr_slice_str(where)))
        return 0;
    return app_refuse(a, APP_USAGE, "%s: %s is neither PORT nor ADDR:PORT", shown, where);
}

/* --ports: these and no others. */
static int take_ports(const app *a, const struct app_list *ports, struct serve_settings *s) {
    if (ports->count == 0)
        return 0;
    s->rules.ports = (mr_ranges){.count = 0};
    s->rules.available = s->rules.use = MR_PORT_YES;
    for (uint32_t i = 0; i < ports->count; i++) {
        mr_slice item = ports->items[i];
        enum mr_range_fault fault =
            mr_range_decode(item, &s->rules.ports.items[s->rules.ports.count++]);
        if (fault != MR_RANGE_GOOD)
            return app_refuse(a, APP_USAGE, "--ports: %.*s: %s", (int)item.len,
                              (const char *)item.data, mr_range_fault_text(fault));
    }
    return 0;
}

static int take_interface(const app *a, mr_slice item, struct serve_settings *s) {
    struct serve_service *service;
    mr_slice name;
    uint16_t port;

    int code = serve_split_port(a, "--interface", item, &name, &port);
    if (code)
        return code;
    const char *text = mr_arena_add_str(&s->arena, name);
    if (!text)
        return app_refuse(a, APP_BUG, "out of memory");
    service = (struct serve_service *)serve_settings_find(s, text);
    if (!service && s->service_count == SERVE_SERVICES_MAX)
        return app_refuse(a, APP_USAGE, "--interface: more than %d", SERVE_SERVICES_MAX);
    if (!service) {
        service = &s->services[s->service_count++];
        *service = (struct serve_service){.name = text};
    }
    service->offered = true;
    if (port)
        service->port = port;
    return 0;
}

static int take_era(const app *a, const char *era, struct serve_settings *s) {
    if (!era)
        return 0;
    if (!strcmp(era, "2008"))
        s->era = MR_PORT_ERA_2008;
    else if (!strcmp(era, "2003"))
        s->era = MR_PORT_ERA_2003;
    else
        return app_refuse(a, APP_USAGE, "--era %s: 2008 (49152-65535) or 2003 (1024-5000) is "
                          "wanted", era);
    return 0;
}

static int take_log(const app *a, const char *level, struct serve_settings *s) {
    static const char *const levels[] = {"error", "warning", "notice", "info", "debug"};

    for (unsigned i = 0; level && i < MR_COUNT(levels); i++)
        if (!strcmp(level, levels[i])) {
            s->log_level = i;
            return 0;
        }
    return level ? app_refuse(a, APP_USAGE, "--log %s: one of " SERVE_LEVELS " is wanted", level)
                 : 0;
}

static int take_switches(const app *a, const struct serve_switches *w, struct serve_settings *s) {
    s->mapper = w->mapper ? w->mapper : s->mapper;
    s->socket = w->socket ? w->socket : s->socket;
    s->metrics = w->metrics ? w->metrics : s->metrics;
    s->bind = w->bind.count ? w->bind : s->bind;
    s->mocks = w->mocks.count ? w->mocks : s->mocks;
    s->registered = w->registered.count ? w->registered : s->registered;
    int code = check_place(a, "--mapper", w->mapper);
    if (!code)
        code = check_place(a, "--metrics", w->metrics);
    if (!code)
        code = take_era(a, w->era, s);
    if (!code)
        code = take_log(a, w->log, s);
    if (!code)
        code = take_ports(a, &w->ports, s);
    for (uint32_t i = 0; !code && i < w->interfaces.count; i++)
        code = take_interface(a, w->interfaces.items[i], s);
    return code;
}

/* ---- together ---- */

static int check_pool(const app *a, struct serve_settings *s) {
    mr_error err = MR_ERROR_INIT;
    mr_ranges pool;

    s->rules.dynamic = mr_port_era_range((enum mr_port_era)s->era);
    if (mr_port_pool(&s->rules, MR_PORT_USE_DEFAULT, &pool, &err) != 0)
        return app_refuse(a, APP_USAGE, "%s", err.text);
    for (size_t i = 0; i < s->service_count; i++)
        if (mr_port_pool(&s->rules, s->services[i].use, &pool, &err) != 0)
            return app_refuse(a, APP_USAGE, "%s: %s", s->services[i].name, err.text);
    return 0;
}

static int check_registered(app *a, const struct serve_settings *s) {
    for (uint32_t i = 0; i < s->registered.count; i++) {
        mr_slice item = s->registered.items[i], name;
        mr_syntax syntax;
        uint16_t port;

        int code = serve_split_port(a, "--register", item, &name, &port);
        if (!code && !port)
            code = app_refuse(a, APP_USAGE, "--register: %.*s names no port (NAME@PORT)",
                              (int)item.len, (const char *)item.data);
        const char *text = code ? NULL : mr_arena_add_str(&a->arena, name);
        if (!code)
            code = text ? app_iface_read(a, text, &syntax) : APP_BUG;
        if (code)
            return code;
    }
    return 0;
}

int serve_settings_read(app *a, const struct serve_switches *switches, struct serve_settings *s) {
    int code = 0;

    set_defaults(s);
    if (switches->config)
        code = serve_config_read(a, switches->config, s);
    if (!code)
        code = take_switches(a, switches, s);
    if (!code)
        code = check_pool(a, s);
    if (!code)
        code = check_registered(a, s);
    s->limits.restrict_remote = (enum mr_restrict)s->restrict_remote;
    return code;
}
