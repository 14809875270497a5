/*
 * A survey: one name under several suffixes, asked of every name server and on every link at once;
 * then, where it is wanted, the node status of every address that was found.
 */
#include <msrpc/probe/netbios.h>

bool mr_netbios_is_placeholder(const mr_nbt_addr *addr) {
    return memcmp(addr->ip, "\0\0\0\0", 4) == 0 || memcmp(addr->ip, "\xff\xff\xff\xff", 4) == 0;
}

static mr_addr addr_of(const mr_nbt_addr *addr) {
    mr_addr a = {.family = MR_FAMILY_IPV4};

    memcpy(a.ip, addr->ip, 4);
    return a;
}

static size_t add_addr(mr_addr *addrs, size_t count, size_t max, mr_addr addr) {
    for (size_t i = 0; i < count; i++)
        if (mr_addr_same_host(&addrs[i], &addr))
            return count;
    if (count < max)
        addrs[count++] = addr;
    return count;
}

/* Adds the addresses of one question's answers to the @count there are. */
static size_t add_answers(const mr_netbios *q, mr_addr *addrs, size_t count, size_t max) {
    for (const mr_netbios_reply *r = q->replies; r; r = r->next)
        for (size_t i = 0; i < r->answer.addr_count; i++)
            if (!mr_netbios_is_placeholder(&r->answer.addrs[i]))
                count = add_addr(addrs, count, max, addr_of(&r->answer.addrs[i]));
    return count;
}

size_t mr_netbios_survey_get_addrs(const mr_netbios_survey *s, uint8_t suffix, mr_addr *addrs,
                               size_t max) {
    size_t count = 0;

    for (size_t i = 0; i < s->query_count; i++)
        if (s->queries[i].options.name[MR_NBT_NAME - 1] == suffix)
            count = add_answers(&s->queries[i], addrs, count, max);
    return count;
}

mr_slice mr_netbios_node_name(const mr_nbt_status *status) {
    const mr_nbt_name *best = NULL;

    for (size_t i = 0; i < status->count; i++) {
        const mr_nbt_name *name = &status->names[i];
        if (name->flags & MR_NBT_GROUP)
            continue;
        if (name->suffix == 0 && !(best && best->suffix == 0) &&
            !(name->name.len > 3 && memcmp(name->name.data, "IS~", 3) == 0))
            best = name;
        else if (!best)
            best = name;
    }
    return best ? best->name : MR_SLICE_NULL;
}

bool mr_netbios_has_mac(const mr_nbt_status *status) {
    static const uint8_t none[6];

    for (size_t i = 0; i < status->count; i++)
        if (mr_slice_eq(status->names[i].name, MR_SLICE_LIT("__SAMBA__")))
            return false;
    return status->has_mac && memcmp(status->mac, none, sizeof none) != 0;
}

static void ask_nodes(mr_netbios_survey *s);

static void one_less(mr_netbios_survey *s) {
    if (--s->open == 0 && s->node_count == 0 && s->options.status)
        ask_nodes(s);
    if (s->open == 0)
        s->done(s->user, s);
}

static void on_done(void *user, mr_netbios *query) {
    (void)query;
    one_less(user);
}

/* Asks for the node status of each address found. A question that cannot begin is left SILENT
 * with its error. */
static void ask_nodes(mr_netbios_survey *s) {
    mr_addr addrs[MR_NETBIOS_NODES];
    size_t count = 0;

    for (size_t i = 0; i < s->query_count; i++)
        count = add_answers(&s->queries[i], addrs, count, MR_NETBIOS_NODES);
    s->nodes = mr_arena_get(s->arena, count ? count : 1, sizeof *s->nodes);
    if (!s->nodes)
        return;
    for (size_t i = 0; i < count; i++) {
        mr_netbios_options ask = {.status = true, .remote = addrs[i], .scope = s->options.scope,
                                  .tries = s->options.tries, .timeout = s->options.timeout};
        mr_error err = MR_ERROR_INIT;
        if (mr_netbios_start(&s->nodes[s->node_count], s->loop, s->arena, &ask, on_done, s,
                             &err) != 0)
            continue;
        s->node_count++;
        s->open++;
    }
}

static int ask_name(mr_netbios_survey *s, uint8_t suffix, mr_netbios_options *ask, mr_error *err) {
    memcpy(ask->name, s->options.name, MR_NBT_NAME);
    ask->name[MR_NBT_NAME - 1] = suffix;
    ask->scope = s->options.scope;
    int r = mr_netbios_start(&s->queries[s->query_count], s->loop, s->arena, ask, on_done, s, err);
    if (r == 0) {
        s->query_count++;
        s->open++;
    }
    return r;
}

/* Beside another way to resolve a broadcast is sent once less, since somebody may wait for it. */
static unsigned link_tries(const mr_netbios_survey_options *o) {
    return o->aside ? MR_NETBIOS_TRIES - 1 : MR_NETBIOS_TRIES;
}

/* A broadcast keeps the pace of RFC 1002, unless less time is allowed. */
static mr_nsec link_time(const mr_netbios_survey_options *o) {
    mr_nsec usual = link_tries(o) * MR_NETBIOS_PER_TRY;

    return o->timeout && o->timeout < usual ? o->timeout : usual;
}

static int ask_suffix(mr_netbios_survey *s, uint8_t suffix, mr_error *err) {
    const mr_netbios_survey_options *o = &s->options;
    int r = 0;

    for (size_t i = 0; i < o->server_count && r == 0; i++) {
        mr_netbios_options ask = {.remote = o->servers[i], .tries = o->tries,
                                  .timeout = o->timeout};
        r = ask_name(s, suffix, &ask, err);
    }
    for (size_t i = 0; i < o->link_count && r == 0; i++) {
        mr_netbios_options ask = {.broadcast = true, .remote = o->links[i].broadcast,
                                  .source = o->links[i].address, .tries = link_tries(o),
                                  .timeout = link_time(o)};
        r = ask_name(s, suffix, &ask, err);
    }
    return r;
}

static int ask_all(mr_netbios_survey *s, mr_error *err) {
    const mr_netbios_survey_options *o = &s->options;
    int r = 0;

    for (size_t i = 0; o->has_name && i < o->suffix_count && r == 0; i++)
        r = ask_suffix(s, o->suffixes[i], err);
    if (r != 0 || !o->has_node)
        return r;
    mr_netbios_options ask = {.status = true, .remote = o->node, .scope = o->scope,
                              .tries = o->tries, .timeout = o->timeout};
    r = mr_netbios_start(&s->nodes[0], s->loop, s->arena, &ask, on_done, s, err);
    if (r == 0) {
        s->node_count = 1;
        s->open++;
    }
    return r;
}

int mr_netbios_survey_start(mr_netbios_survey *s, mr_loop *loop, mr_arena *arena,
                            const mr_netbios_survey_options *options,
                            void (*done)(void *user, mr_netbios_survey *survey), void *user,
                            mr_error *err) {
    size_t most = options->suffix_count * (options->server_count + options->link_count);

    *s = (mr_netbios_survey){.options = *options, .loop = loop, .arena = arena, .done = done,
                             .user = user};
    s->queries = mr_arena_get(arena, most ? most : 1, sizeof *s->queries);
    s->nodes = MR_ARENA_NEW(arena, mr_netbios);
    if (!s->queries || !s->nodes)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET,
                       "no memory for NetBIOS questions");
    int r = ask_all(s, err);
    if (r != 0)
        mr_netbios_survey_deinit(s);
    return r != 0 ? r : s->open == 0 ? MR_NETBIOS_NOBODY : 0;
}

void mr_netbios_survey_deinit(mr_netbios_survey *s) {
    for (size_t i = 0; i < s->query_count; i++)
        mr_netbios_deinit(&s->queries[i]);
    for (size_t i = 0; i < s->node_count; i++)
        mr_netbios_deinit(&s->nodes[i]);
}
