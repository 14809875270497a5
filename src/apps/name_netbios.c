/*
 * msrpc name, NetBIOS: a name asked by broadcast on every link and at every WINS server, and the
 * node status of a host (--status). A plain "msrpc name NAME" has this part beside DNS where the
 * name could be a NetBIOS name: short, without a dot.
 */
#include "name_netbios.h"

struct name_netbios {
    struct name_run *run;
    mr_netbios_survey_options options;
    mr_netbios_survey survey;
    bool surveys;     /* the survey was begun */
    mr_lookup lookup; /* --status of a DNS name */
    mr_error error;   /* of the lookup */
};

/* Whether any switch of NetBIOS but --list was given. */
static bool is_named(const struct name_options *o) {
    return o->netbios || o->status || o->suffixes.count || o->wins.count || o->broadcast ||
           o->scope;
}

static bool wanted(const struct name_options *o) {
    return !o->list && is_named(o);
}

/* ---- switches ---- */

static int read_suffixes(app *a, const struct name_options *o, mr_netbios_survey_options *so) {
    if (o->suffixes.count > MR_NETBIOS_SUFFIXES)
        return app_refuse(a, APP_USAGE, "--suffix: more than %d suffixes", MR_NETBIOS_SUFFIXES);
    for (uint32_t i = 0; i < o->suffixes.count; i++) {
        mr_slice text = o->suffixes.items[i];
        if (mr_nbt_suffix_decode(text, &so->suffixes[so->suffix_count++]) != 0)
            return app_refuse(a, APP_USAGE, "--suffix %.*s: two hexadecimal digits or a word are "
                              "wanted: 20, 1C, server, workstation, domain, dc, pdc, master",
                              (int)text.len, (const char *)text.data);
    }
    return 0;
}

static int read_servers(app *a, const struct name_options *o, mr_netbios_survey_options *so) {
    if (o->wins.count > MR_NETBIOS_SERVERS)
        return app_refuse(a, APP_USAGE, "--wins: more than %d servers", MR_NETBIOS_SERVERS);
    for (uint32_t i = 0; i < o->wins.count; i++) {
        mr_slice text = o->wins.items[i];
        mr_addr *server = &so->servers[so->server_count++];
        if (mr_addr_decode_port(text, MR_NBT_PORT, server) != 0 ||
            server->family != MR_FAMILY_IPV4)
            return app_refuse(a, APP_USAGE, "--wins %.*s: an IPv4 address is wanted, such as "
                              "10.0.0.5", (int)text.len, (const char *)text.data);
    }
    return 0;
}

static int read_links(app *a, const struct name_options *o, mr_netbios_survey_options *so) {
    mr_error err = MR_ERROR_INIT;

    if (o->broadcast) {
        mr_link *link = &so->links[so->link_count++];
        if (mr_addr_decode_port(mr_slice_str(o->broadcast), MR_NBT_PORT, &link->broadcast) != 0 ||
            link->broadcast.family != MR_FAMILY_IPV4)
            return app_refuse(a, APP_USAGE, "--broadcast %s: an IPv4 address is wanted, such as "
                              "10.0.0.255", o->broadcast);
        return 0;
    }
    if (mr_link_get_all(so->links, MR_NETBIOS_LINKS, &so->link_count, &err) != 0)
        return app_refuse(a, APP_MISSING, "%s", err.text);
    return 0;
}

int netbios_read_options(app *a, const struct name_options *o, bool links,
                         mr_netbios_survey_options *optionsp) {
    mr_netbios_survey_options so = {
        .scope = o->scope,
        .timeout = a->set.timeout,
        .tries = name_tries(a),
    };
    mr_nbt_question scoped = {.scope = mr_slice_str(o->scope)};
    uint8_t room[320];
    mr_buf out;

    mr_buf_init(&out, room, sizeof room, sizeof room);
    if (mr_nbt_encode_question(&scoped, &out) != 0)
        return app_refuse(a, APP_USAGE, "--scope %s: labels of 1 to 63 octets with dots between "
                          "them are wanted", o->scope);
    if (a->set.ipv6)
        return app_refuse(a, APP_USAGE, "--ipv6: NetBIOS over TCP speaks IPv4 only");
    int code = read_suffixes(a, o, &so);
    if (!code)
        code = read_servers(a, o, &so);
    if (!code && links)
        code = read_links(a, o, &so);
    if (!code)
        *optionsp = so;
    return code;
}

/* With --wins alone only those servers are asked. */
static bool wants_links(const struct name_options *o) {
    return !o->wins.count || o->netbios || o->broadcast;
}

static bool is_literal(const char *name, mr_addr *addrp) {
    return mr_addr_decode(mr_slice_str(name), 0, addrp) == 0;
}

/* ---- what to ask ---- */

/* Fills in the name and the suffixes to ask for. */
static int set_name(const char *name, mr_netbios_survey_options *so, mr_error *err) {
    int suffix, r = mr_nbt_name_decode(mr_slice_str(name), so->name, &suffix, err);

    if (r != 0)
        return r;
    so->has_name = true;
    if (suffix != MR_NBT_NO_SUFFIX) {
        so->suffixes[0] = (uint8_t)suffix;
        so->suffix_count = 1;
    } else if (so->suffix_count == 0) {
        so->suffixes[0] = 0x00;
        so->suffixes[1] = 0x20;
        so->suffix_count = 2;
        if (mr_slice_eq_nocase(mr_nbt_name_trim(so->name),
                               MR_SLICE_LIT("\x01\x02__MSBROWSE__\x02"))) {
            so->suffixes[0] = 0x01;
            so->suffix_count = 1;
        }
    }
    return 0;
}

static int check(app *a, const struct name_options *o, const char *name, const char **subjectp) {
    mr_netbios_survey_options so;
    mr_error err = MR_ERROR_INIT;
    mr_addr addr;

    (void)subjectp;
    if (!is_named(o))
        return 0;
    int code = netbios_read_options(a, o, wants_links(o), &so);
    if (code)
        return code;
    if (is_literal(name, &addr))
        return addr.family == MR_FAMILY_IPV4
                   ? 0
                   : app_refuse(a, APP_USAGE, "%s: NetBIOS over TCP speaks IPv4 only", name);
    if (o->status && strchr(name, '.'))
        return 0;
    if (set_name(name, &so, &err) != 0)
        return app_refuse(a, APP_USAGE, "%s", err.text);
    if (so.link_count + so.server_count == 0)
        return app_refuse(a, APP_MISSING, "no interface of this machine can broadcast; name a "
                          "server: --wins IP");
    return 0;
}

/* Beside DNS, for a name that could be one: nobody is asked whom no switch named but the links. */
static bool set_beside(const struct name_run *run, mr_netbios_survey_options *so) {
    mr_addr addr;

    so->aside = true;
    return run->family != MR_FAMILY_IPV6 && !strpbrk(run->name, "._") &&
           !is_literal(run->name, &addr) && set_name(run->name, so, NULL) == 0 &&
           mr_link_get_all(so->links, MR_NETBIOS_LINKS, &so->link_count, NULL) == 0 &&
           so->link_count > 0;
}

/* ---- the part ---- */

static void on_survey(void *user, mr_netbios_survey *survey) {
    struct name_netbios *n = user;

    (void)survey;
    name_part_over(n->run);
}

static int begin_survey(struct name_netbios *n) {
    int r = mr_netbios_survey_start(&n->survey, &n->run->s.loop, &n->run->arena, &n->options,
                                    on_survey, n, &n->error);

    n->surveys = r == 0;
    return r;
}

/* The host's own names are asked at its first IPv4 address. */
static void on_lookup(void *user, int result, const mr_error *err) {
    struct name_netbios *n = user;

    if (result != 0) {
        n->error = *err;
        if (err->peer_kind == MR_PEER_DNS_RCODE && err->peer != 0)
            mr_fact_add(&n->run->diag, MR_FACT_NAME_RCODE, "NAME.A", .name = n->run->name,
                        .rcode = err->peer, .record = "A");
        n->run->code = app_worse(n->run->code, APP_NAMES);
        name_part_over(n->run);
        return;
    }
    n->options.has_node = true;
    n->options.node = n->lookup.addrs[0];
    if (begin_survey(n) != 0)
        name_part_over(n->run);
}

static int begin_lookup(struct name_netbios *n) {
    mr_lookup_options options = {.host = n->run->name, .family = MR_FAMILY_IPV4,
                                 .server = n->run->servers[0], .timeout = n->run->a->set.timeout};

    mr_lookup_init(&n->lookup, &n->run->s.resolver, on_lookup, n);
    return mr_lookup_start(&n->lookup, &options, &n->error);
}

static int start(struct name_run *run) {
    struct name_netbios *n = MR_ARENA_NEW(&run->arena, struct name_netbios);
    const struct name_options *o = run->o;
    mr_addr addr;

    if (!n)
        return app_refuse(run->a, APP_BUG, "out of memory");
    n->run = run;
    n->error = MR_ERROR_INIT;
    if (!is_named(o)) {
        if (!set_beside(run, &n->options) || begin_survey(n) != 0)
            return 0;
        run->netbios = n;
        run->open++;
        return 0;
    }
    int r = netbios_read_options(run->a, o, wants_links(o), &n->options);
    if (r)
        return r;
    run->netbios = n;
    n->options.status = o->status;
    if (is_literal(run->name, &addr)) {
        n->options.status = false;
        n->options.has_node = true;
        n->options.node = addr;
        r = begin_survey(n);
    } else if (o->status && strchr(run->name, '.')) {
        n->options.status = false;
        r = begin_lookup(n);
    } else {
        r = set_name(run->name, &n->options, &n->error);
        if (r == 0)
            r = begin_survey(n);
    }
    return name_part_began(run, r, &n->error);
}

bool netbios_from(const mr_netbios_survey *survey, mr_addr *localp) {
    const mr_netbios_options *first = survey->query_count  ? &survey->queries[0].options
                                      : survey->node_count ? &survey->nodes[0].options
                                                           : NULL;
    mr_link links[MR_NETBIOS_LINKS];
    size_t count;

    if (!first || !first->broadcast)
        return first && mr_addr_find_source(&first->remote, localp) == 0;
    if (mr_link_get_all(links, MR_NETBIOS_LINKS, &count, NULL) != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (mr_addr_same_host(&links[i].broadcast, &first->remote)) {
            *localp = links[i].address;
            return true;
        }
    return false;
}

static bool from(struct name_run *run, mr_addr *localp) {
    struct name_netbios *n = run->netbios;

    if (n && n->surveys)
        return netbios_from(&n->survey, localp);
    return n && name_from_resolver(run, localp); /* the host's name was looked for, in vain */
}

static void conclude(struct name_run *run) {
    struct name_netbios *n = run->netbios;

    if (n && n->surveys)
        mr_netbios_survey_add_facts(&n->survey, &run->diag);
}

static void show(struct name_run *run) {
    struct name_netbios *n = run->netbios;

    if (!n)
        return;
    if (n->surveys)
        netbios_show(run, &n->survey);
    else if (n->error.text[0])
        fprintf(run->a->out, "\n STATUS   %s %s\n", app_mark(run->a, APP_MARK_FAIL),
                app_safe(run->a, mr_slice_str(n->error.text)));
}

static void json(struct name_run *run, mr_writer *w) {
    struct name_netbios *n = run->netbios;

    if (!n)
        return;
    mr_writer_open(w, "netbios", MR_SHAPE_OBJECT);
    if (n->surveys)
        netbios_json(run, w, &n->survey);
    else if (n->error.text[0])
        mr_writer_str(w, "error", n->error.text);
    mr_writer_close(w);
}

static void free_netbios(struct name_run *run) {
    struct name_netbios *n = run->netbios;

    if (!n)
        return;
    if (n->lookup.resolver)
        mr_lookup_deinit(&n->lookup);
    if (n->surveys)
        mr_netbios_survey_deinit(&n->survey);
}

const struct name_part name_part_netbios = {
    .wanted = wanted,
    .beside = true,
    .check = check,
    .start = start,
    .from = from,
    .conclude = conclude,
    .show = show,
    .json = json,
    .free = free_netbios,
};
