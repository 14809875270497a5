/*
 * The file of msrpc serve --config: sections in brackets, "key = value" lines, comments from a # or
 * ; at the beginning of a line or behind a blank. Sections and keys are known in any case; what is
 * unknown, said twice or not readable is an error with its line and column. Lists may be said in
 * one line, with commas, or in several.
 */
#include "input.h"
#include "serve.h"

#define FILE_MAX ((size_t)1 << 20)

enum kind {
    KIND_TEXT,
    KIND_PLACE,   /* text: [ADDR:]PORT; low is the port that need not be said */
    KIND_LIST,    /* struct app_list */
    KIND_ADDRS,   /* the same, of addresses */
    KIND_U16,
    KIND_U32,
    KIND_OCTETS,  /* size_t, with K, M or G */
    KIND_SECONDS, /* mr_nsec */
    KIND_YES_NO,
    KIND_CHOICE,  /* unsigned */
    KIND_LEVEL,   /* uint8_t, of MR_AUTH_LEVEL_* */
    KIND_PORTS,   /* mr_ranges */
    KIND_FLAG,    /* enum mr_port_flag */
    KIND_PORT_USE,
};

struct key {
    const char *section, *name;
    enum kind kind;
    size_t offset;       /* in the settings; in [interface], of the service */
    uint64_t low, high;
    const char *choices; /* KIND_CHOICE: "a|b|c" */
};

#define S(member) offsetof(struct serve_settings, member)
#define V(member) offsetof(struct serve_service, member)
#define LEVELS "none|connect|call|packet|integrity|privacy"

static const struct key keys[] = {
    {"mapper", "listen", KIND_PLACE, S(mapper), MR_MAPPER_PORT, 0, NULL},
    {"mapper", "socket", KIND_TEXT, S(socket), 0, 0, NULL},
    {"mapper", "register", KIND_LIST, S(registered), 0, 0, NULL},
    {"listen", "bind", KIND_ADDRS, S(bind), 0, 0, NULL},
    {"ports", "era", KIND_CHOICE, S(era), 0, 0, "2008|2003"},
    {"ports", "Ports", KIND_PORTS, S(rules.ports), 0, 0, NULL},
    {"ports", "PortsInternetAvailable", KIND_FLAG, S(rules.available), 0, 0, NULL},
    {"ports", "UseInternetPorts", KIND_FLAG, S(rules.use), 0, 0, NULL},
    {"access", "RestrictRemoteClients", KIND_CHOICE, S(restrict_remote), 0, 0, "0|1|2"},
    {"access", "EnableAuthEpResolution", KIND_CHOICE, S(client_resolution), 0, 0, "0|1"},
    {"interface", "port", KIND_U16, V(port), 1, UINT16_MAX, NULL},
    {"interface", "ports", KIND_PORT_USE, V(use), 0, 0, "default|internet|intranet"},
    {"access", "users", KIND_TEXT, S(users), 0, 0, NULL},
    {"access", "keytab", KIND_TEXT, S(keytab), 0, 0, NULL},
    {"interface", "anonymous", KIND_YES_NO, V(access.anonymous), 0, 0, NULL},
    {"interface", "min_auth_level", KIND_LEVEL, V(access.min_level), 0, 0, LEVELS},
    {"mock", "file", KIND_LIST, S(mocks), 0, 0, NULL},
    {"limits", "connections", KIND_U32, S(limits.max_connections), 1, 1000000, NULL},
    {"limits", "connections_per_client", KIND_U32, S(limits.max_per_client), 1, 1000000, NULL},
    {"limits", "associations", KIND_U32, S(limits.max_groups), 1, 1000000, NULL},
    {"limits", "calls_per_connection", KIND_U16, S(limits.max_calls), 1, 4096, NULL},
    {"limits", "handles_per_association", KIND_U16, S(limits.max_handles), 1, UINT16_MAX, NULL},
    {"limits", "request", KIND_OCTETS, S(limits.stub_cap), 1024, (uint64_t)1 << 31, NULL},
    {"limits", "reply", KIND_OCTETS, S(limits.reply_cap), 1024, (uint64_t)1 << 31, NULL},
    {"limits", "memory_per_connection", KIND_OCTETS, S(limits.budget), 4096, (uint64_t)1 << 40,
     NULL},
    {"limits", "memory_per_association", KIND_OCTETS, S(limits.group_budget), 4096,
     (uint64_t)1 << 40, NULL},
    {"limits", "memory_per_client", KIND_OCTETS, S(limits.client_budget), 4096,
     (uint64_t)1 << 40, NULL},
    {"limits", "memory", KIND_OCTETS, S(limits.total), 4096, (uint64_t)1 << 40, NULL},
    {"limits", "bind_timeout", KIND_SECONDS, S(limits.bind_timeout), 1, 86400, NULL},
    {"limits", "stall_timeout", KIND_SECONDS, S(limits.stall_timeout), 1, 86400, NULL},
    {"limits", "idle_timeout", KIND_SECONDS, S(limits.idle_timeout), 1, 31622400, NULL},
    {"limits", "call_timeout", KIND_SECONDS, S(limits.call_timeout), 1, 86400, NULL},
    {"limits", "threads", KIND_U32, S(limits.threads), 1, 256, NULL},
    {"limits", "drain_timeout", KIND_SECONDS, S(drain_time), 0, 86400, NULL},
    {"log", "level", KIND_CHOICE, S(log_level), 0, 0, SERVE_LEVELS},
    {"log", "rate", KIND_U32, S(log_rate), 0, 1000000, NULL},
    {"metrics", "listen", KIND_PLACE, S(metrics), 0, 0, NULL},
};

struct reader {
    app *a;
    struct serve_settings *s;
    mr_slice section;         /* its first word; empty before the first one */
    struct serve_service *service;
    bool seen[MR_COUNT(keys)]; /* in this section of an interface, or in the file */
};

/* ---- small things ---- */

static bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static mr_slice trim(mr_slice s) {
    while (s.len && is_blank(s.data[0]))
        s = mr_slice_sub(s, 1, s.len);
    while (s.len && is_blank(s.data[s.len - 1]))
        s.len--;
    return s;
}

static int complain(const struct reader *r, mr_slice where, const char *text, const char *more) {
    const char *safe = app_safe(r->a, mr_slice_sub(where, 0, 60));

    return app_refuse(r->a, APP_USAGE, "%s: %s%s%s%s",
                      serve_settings_where(r->s, where, r->s->path), safe, where.len ? ": " : "",
                      text, more);
}

static int out_of_memory(const struct reader *r) {
    return app_refuse(r->a, APP_BUG, "out of memory");
}

/* The index of @value among "a|b|c"; -1. */
static int find_choice(const char *choices, mr_slice value) {
    for (int i = 0;; i++) {
        size_t len = strcspn(choices, "|");
        if (mr_slice_eq_nocase(mr_slice_of(choices, len), value))
            return i;
        if (!choices[len])
            return -1;
        choices += len + 1;
    }
}

static mr_slice cut_comment(mr_slice line) {
    for (size_t i = 0; i < line.len; i++)
        if ((line.data[i] == '#' || line.data[i] == ';') && (i == 0 || is_blank(line.data[i - 1])))
            return mr_slice_sub(line, 0, i);
    return line;
}

/* ---- values ---- */

/* A number with the factor of a letter behind it. */
static bool read_octets(mr_slice value, uint64_t *np) {
    static const char letters[] = "KMG";
    const char *letter = value.len ? strchr(letters, value.data[value.len - 1] & ~0x20) : NULL;
    unsigned shift = 0;

    if (letter && *letter) {
        shift = 10 * (unsigned)(letter - letters + 1);
        value.len--;
    }
    if (mr_slice_get_number(value, UINT64_MAX >> 31, np) != 0)
        return false;
    *np <<= shift;
    return true;
}

static int read_number(const struct reader *r, const struct key *key, mr_slice value,
                       void *field) {
    char range[64];
    uint64_t n;

    bool good = key->kind == KIND_OCTETS ? read_octets(value, &n)
                                         : mr_slice_get_number(value, UINT32_MAX, &n) == 0;
    if (!good || n < key->low || n > key->high) {
        snprintf(range, sizeof range, "a number from %llu to %llu is wanted",
                 (unsigned long long)key->low, (unsigned long long)key->high);
        return complain(r, value, range, "");
    }
    if (key->kind == KIND_U16)
        *(uint16_t *)field = (uint16_t)n;
    else if (key->kind == KIND_U32)
        *(uint32_t *)field = (uint32_t)n;
    else if (key->kind == KIND_OCTETS)
        *(size_t *)field = (size_t)n;
    else
        *(mr_nsec *)field = n * MR_SEC;
    return 0;
}

static int read_text(const struct reader *r, mr_slice value, const char **textp) {
    *textp = mr_arena_add_str(&r->s->arena, value);
    return *textp ? 0 : out_of_memory(r);
}

static int read_list(const struct reader *r, mr_slice value, enum kind kind,
                     struct app_list *list) {
    mr_addr addr;

    while (value.len) {
        const uint8_t *comma = memchr(value.data, ',', value.len);
        size_t len = comma ? (size_t)(comma - value.data) : value.len;
        mr_slice item = trim(mr_slice_sub(value, 0, len));
        if (item.len == 0)
            return complain(r, item, "nothing stands between commas", "");
        if (kind == KIND_ADDRS && mr_addr_decode(item, 0, &addr) != 0)
            return complain(r, item, "this is no address", "");
        if (list->count == APP_LIST_MAX)
            return complain(r, item, "too many items", "");
        list->items[list->count++] = item;
        value = mr_slice_sub(value, len + 1, SIZE_MAX);
    }
    return 0;
}

static int read_ports(const struct reader *r, mr_slice value, mr_ranges *ranges) {
    int result = mr_ranges_decode(value, ranges);

    if (result == MR_ERR_LIMIT)
        return complain(r, value, "too many ranges", "");
    if (result && ranges->bad_count)
        return complain(r, ranges->bad[0].entry, mr_range_fault_text(ranges->bad[0].fault),
                        "; one bad entry voids them all (87)");
    return 0;
}

static int read_choice(const struct reader *r, const char *choices, mr_slice value, int *indexp) {
    *indexp = find_choice(choices, value);
    return *indexp < 0 ? complain(r, value, "one of these is wanted: ", choices) : 0;
}

static int read_value(const struct reader *r, const struct key *key, mr_slice value, void *field) {
    int index = 0, code = 0;

    switch (key->kind) {
    case KIND_TEXT:
        return read_text(r, value, field);
    case KIND_PLACE:
        return serve_settings_is_place(value, (uint16_t)key->low)
                   ? read_text(r, value, field)
                   : complain(r, value, "[ADDR:]PORT is wanted", "");
    case KIND_LIST:
    case KIND_ADDRS:
        return read_list(r, value, key->kind, field);
    case KIND_U16:
    case KIND_U32:
    case KIND_OCTETS:
    case KIND_SECONDS:
        return read_number(r, key, value, field);
    case KIND_YES_NO:
        code = read_choice(r, "no|yes", value, &index);
        *(bool *)field = index == 1;
        return code;
    case KIND_CHOICE:
        code = read_choice(r, key->choices, value, &index);
        *(unsigned *)field = (unsigned)index;
        return code;
    case KIND_LEVEL:
        code = read_choice(r, key->choices, value, &index);
        *(uint8_t *)field = (uint8_t)(index + MR_AUTH_LEVEL_NONE);
        return code;
    case KIND_PORTS:
        return read_ports(r, value, field);
    case KIND_FLAG:
        return mr_port_flag_decode(value, field) ? complain(r, value, "Y or N is wanted", "") : 0;
    case KIND_PORT_USE:
        code = read_choice(r, key->choices, value, &index);
        *(enum mr_port_use *)field = (enum mr_port_use)index;
        return code;
    }
    return APP_BUG;
}

/* ---- lines ---- */

static bool is_section(const struct reader *r, const char *name) {
    return mr_slice_eq_nocase(r->section, mr_slice_str(name));
}

/* [interface NAME]: a service of its own. */
static int begin_service(struct reader *r, mr_slice name) {
    struct serve_settings *s = r->s;

    if (name.len == 0)
        return complain(r, r->section, "it is said which: [interface rpcecho]", "");
    for (size_t i = 0; i < s->service_count; i++)
        if (mr_slice_eq_nocase(name, mr_slice_str(s->services[i].name)))
            return complain(r, name, "this interface has a section already", "");
    if (s->service_count == SERVE_SERVICES_MAX)
        return complain(r, name, "too many interfaces", "");
    r->service = &s->services[s->service_count++];
    *r->service = (struct serve_service){.name = mr_arena_add_str(&s->arena, name),
                                         .said = name, .offered = true};
    for (size_t i = 0; i < MR_COUNT(keys); i++)
        if (!strcmp(keys[i].section, "interface"))
            r->seen[i] = false;
    return r->service->name ? 0 : out_of_memory(r);
}

static int read_section(struct reader *r, mr_slice line) {
    bool known = false;

    if (line.data[line.len - 1] != ']')
        return complain(r, line, "a section ends with ]", "");
    mr_slice inside = trim(mr_slice_sub(line, 1, line.len - 2));
    size_t len = 0;
    while (len < inside.len && !is_blank(inside.data[len]))
        len++;
    r->section = mr_slice_sub(inside, 0, len);
    mr_slice rest = trim(mr_slice_sub(inside, len, SIZE_MAX));
    for (size_t i = 0; i < MR_COUNT(keys); i++)
        known |= is_section(r, keys[i].section);
    if (!known)
        return complain(r, inside, "no such section (mapper, listen, ports, access, interface "
                        "NAME, mock, limits, log, metrics)", "");
    r->service = NULL;
    if (is_section(r, "interface"))
        return begin_service(r, rest);
    return rest.len ? complain(r, rest, "nothing follows the name of this section", "") : 0;
}

static int read_key(struct reader *r, mr_slice line) {
    const uint8_t *equals = memchr(line.data, '=', line.len);

    if (!equals)
        return complain(r, line, "neither [section] nor key = value", "");
    size_t len = (size_t)(equals - line.data);
    mr_slice name = trim(mr_slice_sub(line, 0, len));
    mr_slice value = trim(mr_slice_sub(line, len + 1, SIZE_MAX));
    if (r->section.len == 0)
        return complain(r, name, "a key stands in a section", "");
    for (size_t i = 0; i < MR_COUNT(keys); i++) {
        const struct key *key = &keys[i];
        if (!is_section(r, key->section) || !mr_slice_eq_nocase(name, mr_slice_str(key->name)))
            continue;
        if (r->seen[i] && key->kind != KIND_LIST && key->kind != KIND_ADDRS)
            return complain(r, name, "said twice", "");
        if (value.len == 0)
            return complain(r, name, "a value is wanted", "");
        r->seen[i] = true;
        if (r->service && (key->kind == KIND_YES_NO || key->kind == KIND_LEVEL))
            r->service->has_access = true;
        if (!r->s->said_ports.data && (key->kind == KIND_PORTS || key->kind == KIND_FLAG))
            r->s->said_ports = value;
        void *base = r->service ? (void *)r->service : (void *)r->s;
        return read_value(r, key, value, (char *)base + key->offset);
    }
    return complain(r, name, "no such key in this section", "");
}

int serve_config_read(app *a, const char *path, struct serve_settings *s) {
    struct reader r = {.a = a, .s = s};
    app reading = *a;
    size_t at = 0;

    /* the text lives as long as the settings, whose lists point into it */
    reading.arena = s->arena;
    int code = app_input_read(&reading, path, FILE_MAX, &s->text);
    s->arena = reading.arena;
    s->path = path;
    while (!code && at < s->text.len) {
        const uint8_t *end = memchr(s->text.data + at, '\n', s->text.len - at);
        size_t len = end ? (size_t)(end - (s->text.data + at)) : s->text.len - at;
        mr_slice line = trim(cut_comment(mr_slice_sub(s->text, at, len)));
        at += len + 1;
        if (line.len)
            code = line.data[0] == '[' ? read_section(&r, line) : read_key(&r, line);
    }
    return code;
}
