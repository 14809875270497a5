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

const char *serve_settings_where(struct serve_settings *s, mr_slice said, const char *shown) {
    const uint8_t *begin = s->text.data, *at = begin;
    unsigned line = 1;

    if (!begin || !said.data || said.data < begin || said.data > begin + s->text.len)
        return shown;
    for (const uint8_t *end; (end = memchr(at, '\n', (size_t)(said.data - at))); at = end + 1)
        line++;
    size_t size = strlen(s->path) + 48;
    char *text = mr_arena_get(&s->arena, size, 1);
    if (text)
        snprintf(text, size, "%s:%u:%zu", s->path, line, (size_t)(said.data - at) + 1);
    return text ? text : shown;
}

/* Splits NAME@PORT at its last @; without one *@portp is 0. */
static int split_port(const app *a, struct serve_settings *s, const char *shown, mr_slice item,
                      const char **namep, uint16_t *portp) {
    const uint8_t *at = memrchr(item.data, '@', item.len);
    size_t len = at ? (size_t)(at - item.data) : item.len;
    mr_slice text = mr_slice_sub(item, len + 1, SIZE_MAX);
    uint64_t port = 0;

    if (at && (mr_slice_get_number(text, UINT16_MAX, &port) != 0 || port == 0))
        return app_refuse(a, APP_USAGE, "%s: %.*s is no port",
                          serve_settings_where(s, text, shown), (int)text.len,
                          (const char *)text.data);
    *namep = mr_arena_add_str(&s->arena, mr_slice_sub(item, 0, len));
    *portp = (uint16_t)port;
    return *namep ? 0 : app_refuse(a, APP_BUG, "out of memory");
}

int serve_settings_registered(const app *a, struct serve_settings *s, mr_slice item,
                              mr_syntax *syntaxp, uint16_t *portp) {
    static const char shown[] = "--register";
    const char *name;

    int code = split_port(a, s, shown, item, &name, portp);
    if (!code && !*portp)
        code = app_refuse(a, APP_USAGE, "%s: %s names no port (NAME@PORT)",
                          serve_settings_where(s, item, shown), name);
    if (!code && !app_iface_find(name, syntaxp))
        code = app_refuse(a, APP_USAGE, "%s: %s: " APP_NO_IFACE,
                          serve_settings_where(s, item, shown), name);
    return code;
}

bool serve_settings_is_place(mr_slice text, uint16_t port) {
    uint64_t number;
    mr_addr addr;

    if (mr_slice_get_number(text, UINT16_MAX, &number) == 0)
        return port || number;
    return mr_addr_decode_port(text, port, &addr) == 0 && (port || addr.port);
}

/* ---- switches ---- */

static int check_place(const app *a, const char *shown, const char *where, uint16_t port) {
    if (!where || serve_settings_is_place(mr_slice_str(where), port))
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
    const char *text;
    uint16_t port = 0;

    int code = split_port(a, s, "--interface", item, &text, &port);
    if (code)
        return code;
    service = (struct serve_service *)serve_settings_find(s, text);
    if (!service && s->service_count == SERVE_SERVICES_MAX)
        return app_refuse(a, APP_USAGE, "--interface: more than %d", SERVE_SERVICES_MAX);
    if (!service) {
        service = &s->services[s->service_count++];
        *service = (struct serve_service){.name = text, .said = item};
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
    s->users = w->users ? w->users : s->users;
    s->keytab = w->keytab ? w->keytab : s->keytab;
    s->limits.threads = w->threads ? w->threads : s->limits.threads;
    s->limits.call_timeout = w->call_timeout ? w->call_timeout * MR_SEC : s->limits.call_timeout;
    s->bind = w->bind.count ? w->bind : s->bind;
    s->mocks = w->mocks.count ? w->mocks : s->mocks;
    s->registered = w->registered.count ? w->registered : s->registered;
    int code = check_place(a, "--mapper", w->mapper, MR_MAPPER_PORT);
    if (!code)
        code = check_place(a, "--metrics", w->metrics, 0);
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
        return app_refuse(a, APP_USAGE, "%s: %s",
                          serve_settings_where(s, s->said_ports, "--ports"), err.text);
    for (size_t i = 0; i < s->service_count; i++) {
        const struct serve_service *service = &s->services[i];
        if (mr_port_pool(&s->rules, service->use, &pool, &err) != 0)
            return app_refuse(a, APP_USAGE, "%s: %s: %s",
                              serve_settings_where(s, service->said, "--interface"),
                              service->name, err.text);
    }
    return 0;
}

static int check_registered(const app *a, struct serve_settings *s) {
    mr_syntax syntax;
    uint16_t port;
    int code = 0;

    for (uint32_t i = 0; i < s->registered.count && !code; i++)
        code = serve_settings_registered(a, s, s->registered.items[i], &syntax, &port);
    return code;
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
