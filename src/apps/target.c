/*
 * Reads targets: [[DOMAIN/]USER[:PASSWORD]@]HOST[:PORT], or a DCE string binding when a known
 * protocol sequence stands before the first colon. The last @ splits, so a password may hold one.
 */
#include "target.h"

#include <msrpc/io.h>

#include "identity.h"
#include "input.h"

#define BLOCK_BITS 16 /* of the largest CIDR block: 65536 hosts */
#define JOBS 8        /* at once, if nobody says otherwise */
#define SWEEP_JOBS 64 /* where most targets may not exist */

static char *copy(app *a, const char *text, size_t len) {
    return mr_arena_add_str(&a->arena, mr_slice_of(text, len));
}

bool app_may_hold_secret(const char *text) {
    const char *colon = strchr(text, ':'), *at = strrchr(text, '@');
    mr_addr addr;

    if (!colon)
        return false;
    /* \\HOST:PORT and 10.0.0.0/24:PORT name no account */
    const char *first = text + strspn(text, "\\"), *slash = strpbrk(first, "/\\");
    bool block = slash &&
                 mr_addr_decode(mr_slice_of(first, (size_t)(slash - first)), 0, &addr) == 0;
    return (at && at > colon) || (slash && slash < colon && !block);
}

/* Whether a known protocol sequence stands before the first colon, after an optional UUID@. */
static bool is_binding(const char *text) {
    const char *at = strchr(text, '@');
    mr_uuid uuid;

    if (at && mr_uuid_decode(mr_slice_of(text, (size_t)(at - text)), &uuid) == 0)
        text = at + 1;
    size_t len = strcspn(text, ":");
    return text[len] == ':' && mr_protseq_find(mr_slice_of(text, len)) != MR_PROTSEQ_UNKNOWN;
}

/* Whatever is wrong with it: an '@' behind a colon may follow a password. */
static int refuse_binding(app *a, char *text, const mr_error *err) {
    if (app_may_hold_secret(text)) {
        app_guard_secrets();
        app_wipe_text(text);
        return app_refuse(a, APP_USAGE, "a string binding names no account; -u, -p, -k and their "
                          "like do (%s)", err->text);
    }
    return app_refuse(a, APP_USAGE, "%s: %s (at character %zu)", text, err->text,
                      err->offset == MR_ERROR_NO_OFFSET ? 0 : err->offset + 1);
}

static int read_binding(app *a, char *text, app_target *t) {
    mr_error err = MR_ERROR_INIT;
    mr_binding *binding = MR_ARENA_NEW(&a->arena, mr_binding);
    uint64_t port;

    if (!binding)
        return app_refuse(a, APP_BUG, "out of memory");
    if (mr_binding_decode(mr_slice_str(text), &a->arena, binding, &err) != 0)
        return refuse_binding(a, text, &err);
    t->binding = binding;
    t->input = copy(a, text, strlen(text));
    t->host = copy(a, (const char *)binding->host.data, binding->host.len);
    if (!t->input || !t->host)
        return app_refuse(a, APP_BUG, "out of memory");
    if (binding->host.len == 0)
        t->host = "127.0.0.1"; /* C706 3.1: an empty host is this machine */
    bool by_port = binding->protseq != MR_PROTSEQ_NCACN_NP &&
                   binding->protseq != MR_PROTSEQ_NCALRPC;
    if (by_port && binding->endpoint.len) {
        if (mr_slice_get_number(binding->endpoint, 65535, &port) != 0 || port == 0)
            return app_refuse(a, APP_USAGE, "%s: the endpoint is no port from 1 to 65535", text);
        t->port = (uint32_t)port;
    }
    return 0;
}

/* The identity before the last @; wipes the password in place. */
static int read_identity(app *a, char *text, size_t len, app_target *t) {
    char *colon = memchr(text, ':', len);
    size_t name_len = colon ? (size_t)(colon - text) : len;
    char *slash = memchr(text, '/', name_len);

    if (!slash)
        slash = memchr(text, '\\', name_len);
    if (colon) {
        size_t secret = len - name_len - 1;
        t->password = app_keep_secret(a, mr_slice_of(colon + 1, secret));
        explicit_bzero(colon + 1, secret);
    }
    if (slash)
        t->domain = copy(a, text, (size_t)(slash - text));
    const char *user = slash ? slash + 1 : text;
    size_t user_len = name_len - (size_t)(user - text);
    if (user_len == 0)
        return app_refuse(a, APP_USAGE, "the target names no user before its @");
    t->user = copy(a, user, user_len);
    if (!t->user || (colon && !t->password) || (slash && !t->domain))
        return app_refuse(a, APP_BUG, "out of memory");
    return 0;
}

/* Only an IPv6 address may hold colons. */
static bool is_ipv6(const char *text, size_t len) {
    mr_addr addr;
    return mr_addr_decode(mr_slice_of(text, len), 0, &addr) == 0 &&
           addr.family == MR_FAMILY_IPV6;
}

/* What stands behind a colon and is no number may be a password whose @HOST was forgotten. */
static int refuse_host(app *a, const char *text, const char *why) {
    const char *colon = strchr(text, ':');
    bool number = !colon || !colon[1 + strspn(colon + 1, "0123456789:")];

    if (number && !app_may_hold_secret(text))
        return app_refuse(a, APP_USAGE, "%s: %s", text, why);
    app_guard_secrets();
    app_wipe_text(text);
    return app_refuse(a, APP_USAGE, "the target: %s", why);
}

static int read_host(app *a, const char *text, app_target *t) {
    size_t len = strlen(text);
    const char *port = NULL;
    uint64_t n;

    while (*text == '\\') {
        text++;
        len--;
    }
    if (*text == '[') {
        const char *end = strchr(text, ']');
        if (!end || (end[1] && end[1] != ':') || !is_ipv6(text + 1, (size_t)(end - text) - 1))
            return refuse_host(a, text,
                               "an IPv6 address is written [ADDRESS] or [ADDRESS]:PORT");
        port = end[1] ? end + 2 : NULL;
        text++;
        len = (size_t)(end - text);
    } else {
        const char *colon = strchr(text, ':');
        if (colon && !strchr(colon + 1, ':')) {
            port = colon + 1;
            len = (size_t)(colon - text);
        } else if (colon && !is_ipv6(text, len)) {
            return refuse_host(a, text, "neither HOST:PORT nor an IPv6 address");
        }
    }
    if (len == 0)
        return app_refuse(a, APP_USAGE, "the target names no host");
    if (port) {
        if (mr_slice_get_number(mr_slice_str(port), 65535, &n) != 0 || n == 0)
            return refuse_host(a, text, "no port from 1 to 65535 stands behind its colon (an "
                               "account wants an @ and the host behind it)");
        t->port = (uint32_t)n;
    }
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)text[i] <= ' ' || text[i] == 0x7f)
            return app_refuse(a, APP_USAGE, "the target's host holds a space or control character "
                              "(at character %zu)", i + 1);
    if (memchr(text, '/', len) || memchr(text, '\\', len))
        return refuse_host(a, text, "a host holds no slash (DOMAIN/USER wants an @ before the "
                           "host, an IPv4 block is 10.0.0.0/24)");
    t->host = copy(a, text, len);
    return t->host ? 0 : app_refuse(a, APP_BUG, "out of memory");
}

int app_target_read(app *a, char *text, app_target *targetp) {
    app_target t = {0};
    char *at = is_binding(text) ? NULL : strrchr(text, '@');
    int r = 0;

    if (is_binding(text)) {
        r = read_binding(a, text, &t);
    } else {
        if (at)
            r = read_identity(a, text, (size_t)(at - text), &t);
        if (!r)
            r = read_host(a, at ? at + 1 : text, &t);
        t.input = copy(a, at ? at + 1 : text, strlen(at ? at + 1 : text));
        if (!r && !t.input)
            r = app_refuse(a, APP_BUG, "out of memory");
    }
    if (!r)
        *targetp = t;
    return r;
}

struct list {
    app_target *items;
    size_t count, size;
};

/* Room for @more targets; in one step for a block, since an arena gives nothing back. */
static int make_room(app *a, struct list *list, size_t more) {
    size_t size = list->size * 2 > list->count + more ? list->size * 2 : list->count + more;

    if (list->count + more > APP_TARGETS_MAX)
        return app_refuse(a, APP_USAGE, "more than %d targets", APP_TARGETS_MAX);
    if (list->count + more <= list->size)
        return 0;
    app_target *grown = mr_arena_get(&a->arena, size, sizeof *grown);
    if (!grown)
        return app_refuse(a, APP_BUG, "out of memory");
    if (list->count)
        memcpy(grown, list->items, list->count * sizeof *grown);
    list->items = grown;
    list->size = size;
    return 0;
}

static int add(app *a, struct list *list, char *text) {
    int r = make_room(a, list, 1);

    if (r)
        return r;
    r = app_target_read(a, text, &list->items[list->count]);
    list->count += r == 0;
    return r;
}

/* Splits "10.0.0.0/24", "10.0.0.0/24:135", "fd00::/120" or "[fd00::]/120:135". False: @text is no
 * block. */
static bool split_cidr(const char *text, mr_addr *addrp, uint64_t *prefixp, const char **portp) {
    const char *slash = strchr(text, '/');
    bool brackets = *text == '[' && slash && slash[-1] == ']';
    const char *first = text + brackets, *last = slash ? slash - brackets : NULL;

    if (!slash || last <= first ||
        mr_addr_decode(mr_slice_of(first, (size_t)(last - first)), 0, addrp) != 0)
        return false;
    size_t len = strcspn(slash + 1, ":");
    *portp = slash[1 + len] ? slash + 1 + len : "";
    return mr_slice_get_number(mr_slice_of(slash + 1, len), 128, prefixp) == 0;
}

/* A block of addresses: of IPv4 without its network and broadcast addresses, of IPv6 without the
 * routers' anycast address, which is its first (RFC 4291 2.6.1). Positive: @text is no block. */
static int add_cidr(app *a, struct list *list, const char *text) {
    char address[MR_ADDR_TEXT], host[MR_ADDR_TEXT + 16];
    const char *port;
    uint64_t prefix;
    mr_addr addr;

    if (!split_cidr(text, &addr, &prefix, &port))
        return 1;
    bool v6 = addr.family == MR_FAMILY_IPV6;
    unsigned bits = v6 ? 128 : 32;
    if (prefix > bits || prefix < bits - BLOCK_BITS)
        return app_refuse(a, APP_USAGE, "%s: a block of /%u to /%u is wanted", text,
                          bits - BLOCK_BITS, bits);
    uint32_t hosts = (uint32_t)1 << (bits - prefix), first = 0, last = hosts - 1;
    uint8_t *low = &addr.ip[v6 ? 14 : 2]; /* a block lies within the last two octets */
    uint32_t base = ((uint32_t)low[0] << 8 | low[1]) & ~(hosts - 1);
    if (hosts > 2) {
        first++;
        last -= !v6;
    }
    int r = make_room(a, list, last - first + 1);
    for (uint32_t i = first; !r && i <= last; i++) {
        low[0] = (uint8_t)((base + i) >> 8);
        low[1] = (uint8_t)(base + i);
        mr_addr_text(&addr, address);
        bool wrap = v6 && *port;
        snprintf(host, sizeof host, "%s%s%s%.8s", wrap ? "[" : "", address, wrap ? "]" : "", port);
        r = add(a, list, host);
        if (!r)
            list->items[list->count - 1].swept = true;
    }
    return r;
}

static int add_any(app *a, struct list *list, char *text) {
    int r = add_cidr(a, list, text);
    return r > 0 && r < APP_USAGE ? add(a, list, text) : r;
}

static int add_file(app *a, struct list *list, const char *path) {
    app_lines lines;
    char *line;
    int r = app_lines_open(a, path, &lines);

    if (r)
        return r;
    while (!(r = app_lines_next(&lines, &line)) && line)
        if ((r = add_any(a, list, line)) != 0)
            break;
    app_lines_close(&lines);
    return r;
}

int app_targets_read(app *a, size_t first, app_target **targetsp, size_t *countp) {
    struct list list = {0};
    int r = 0;

    for (size_t i = first; !r && i < a->arg_count; i++)
        r = add_any(a, &list, (char *)a->args[i]);
    if (!r && a->set.targets)
        r = add_file(a, &list, a->set.targets);
    if (!r && list.count == 0)
        r = app_refuse(a, APP_USAGE, "a target is wanted (msrpc help %s shows how)",
                       a->command->name);
    if (!r)
        r = app_accounts_read(a, list.items, list.count);
    app_wipe_stack();
    if (!r)
        r = app_accounts_check(a, list.items, list.count);
    if (r)
        return r;
    bool swept = false;
    for (size_t i = 0; i < list.count; i++)
        swept |= list.items[i].swept;
    if (!a->set.jobs)
        a->set.jobs = swept ? SWEEP_JOBS : JOBS;
    *targetsp = list.items;
    *countp = list.count;
    return 0;
}
