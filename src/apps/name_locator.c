/*
 * msrpc name --dsgetdc DOMAIN: the DC locator as nltest finds it, with every candidate, what became
 * of it, and who was chosen and why; the closing block in nltest's words.
 */
#include <msrpc/probe/locator.h>

#include "name.h"

struct name_locator {
    struct name_run *run;
    mr_locator *locator;
};

static bool wanted(const struct name_options *o) {
    return o->dsgetdc != NULL;
}

/* ---- switches ---- */

/* A word as nltest spells it: "/DS_6", "ldap-only", "PDC". */
static bool same_word(mr_slice given, const char *word) {
    for (size_t i = 0; i < given.len; i++) {
        char c = (char)given.data[i];
        if (c == '-' || c == '_' || (c == '/' && i == 0))
            continue;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c != *word++)
            return false;
    }
    return *word == '\0';
}

/* What is always so here: names are DNS names, an address comes with them, nothing is cached. */
static bool is_always_so(mr_slice given) {
    static const char *const words[] = {"dns", "ip", "force", "retdns", "dsp"};

    for (size_t i = 0; i < MR_COUNT(words); i++)
        if (same_word(given, words[i]))
            return true;
    return false;
}

static int read_flag(app *a, mr_slice given, uint32_t *wantp) {
    char words[256] = "";
    const char *word;
    uint32_t want;
    size_t at = 0;

    for (size_t i = 0; (word = mr_locator_want_get(i, &want)) != NULL; i++) {
        if (same_word(given, word)) {
            *wantp |= want;
            return 0;
        }
        at += (size_t)snprintf(words + at, sizeof words - at, "%s%s", i ? ", " : "", word);
    }
    if (is_always_so(given))
        return 0;
    return app_refuse(a, APP_USAGE, "--flags: no flag %s (known: %s)", app_safe(a, given), words);
}

static int read_flags(app *a, const struct name_options *o, uint32_t *wantp) {
    int code = 0;

    *wantp = 0;
    for (uint32_t i = 0; i < o->flags.count && !code; i++)
        code = read_flag(a, o->flags.items[i], wantp);
    return code;
}

static int check(app *a, const struct name_options *o, const char *name, const char **subjectp) {
    uint32_t want;

    (void)name;
    int code = read_flags(a, o, &want);
    if (code)
        return code;
    if (mr_dns_check_name(o->dsgetdc, NULL) != 0)
        return app_refuse(a, APP_USAGE, "--dsgetdc %s: a domain's DNS name is wanted, such as "
                          "corp.example", app_safe(a, mr_slice_str(o->dsgetdc)));
    if (o->site && (!*o->site || strlen(o->site) > 63 || strchr(o->site, '.')))
        return app_refuse(a, APP_USAGE, "--site %s: the name of one site is wanted, such as "
                          "Default-First-Site-Name", app_safe(a, mr_slice_str(o->site)));
    if (o->account && !*o->account)
        return app_refuse(a, APP_USAGE, "--account: the name of an account is wanted");
    *subjectp = o->dsgetdc;
    return 0;
}

/* ---- the run ---- */

static void on_done(void *user, mr_locator *locator) {
    struct name_locator *l = user;

    (void)locator;
    name_part_over(l->run);
}

static int start(struct name_run *run) {
    struct name_locator *l = MR_ARENA_NEW(&run->arena, struct name_locator);
    const struct app_settings *set = &run->a->set;
    mr_error err = MR_ERROR_INIT;
    mr_locator_options options = {
        .domain = name_domain(run, run->o->dsgetdc),
        .site = run->o->site,
        .account = run->o->account,
        .server = run->servers[0],
        .family = run->family,
        .timeout = set->timeout,
        .tries = name_tries(run->a),
    };

    (void)read_flags(run->a, run->o, &options.want);
    if (!l || !options.domain)
        return app_refuse(run->a, APP_BUG, "out of memory");
    run->locator = l;
    l->run = run;
    int r = mr_locator_new(&run->s.loop, &run->s.resolver, &run->arena, &options, &l->locator);
    if (r == 0)
        r = mr_locator_start(l->locator, on_done, l, &err);
    return name_part_began(run, r, &err);
}

static void conclude(struct name_run *run) {
    struct name_locator *l = run->locator;

    if (!l)
        return;
    if (l->locator->failed)
        name_part_failed(run);
    mr_locator_add_facts(l->locator, &run->diag);
}

static void free_locator(struct name_run *run) {
    struct name_locator *l = run->locator;

    if (l)
        mr_locator_free(l->locator);
}

/* ---- the screen ---- */

/* The flags of @answer in nltest's words. */
static const char *flag_words(struct name_run *run, uint32_t flags) {
    char text[256] = "";
    const char *name;
    uint32_t flag;
    size_t at = 0;

    for (size_t i = 0; (name = mr_ds_flag_get(i, &flag)) != NULL; i++)
        if (flags & flag)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", at ? " " : "", name);
    return mr_arena_add_str(&run->arena, mr_slice_str(text));
}

static void show_query(struct name_run *run, const mr_locator_query *q, bool first) {
    app *a = run->a;
    bool known = q->elapsed || q->outcome != MR_DNS_OUTCOME_FAILED;
    enum app_mark mark = q->count ? APP_MARK_OK : !known ? APP_MARK_SKIP
                         : q->site ? APP_MARK_WARN : APP_MARK_FAIL;
    char what[120], head[40];

    if (q->count)
        snprintf(what, sizeof what, "%zu record%s", q->count, q->count == 1 ? "" : "s");
    else
        snprintf(what, sizeof what, "%s", known ? mr_dns_outcome_name(q->outcome) : "not known");
    snprintf(head, sizeof head, " %-8s %s ", first ? "SRV" : "", app_mark(a, mark));
    app_wrap(a->out, head, 15, app_safe(a, mr_slice_str(q->name)));
    const char *server = name_addr_text(run, &q->server);
    fprintf(a->out, "               %s%s%s, %.1f ms\n", what, server ? " from " : "",
            server ? server : "", (double)q->elapsed / MR_MSEC);
}

/* What became of one address, in a few words. */
static const char *became(struct name_run *run, const mr_locator_address *address) {
    const mr_dc_ping *ping = &address->ping;
    char lacks[160] = "";
    const char *word;
    uint32_t want;
    size_t at = 0;

    for (size_t i = 0; (word = mr_locator_want_get(i, &want)) != NULL; i++)
        if (address->host->lacks & want)
            at += (size_t)snprintf(lacks + at, sizeof lacks - at, "%s %s", at ? "," : "; is not",
                                   word);
    const char *text = mr_dc_outcome_name(ping->outcome);
    if (ping->outcome == MR_DC_OTHER)
        text = "answers, but not for this domain";
    if (ping->over_tcp)
        text = "silent over UDP, answers over TCP";
    else if (!ping->has_answer && ping->root_dse)
        text = "silent over UDP, LDAP over TCP answers";
    return mr_arena_add_fmt(&run->arena, "%s%s%s", text, lacks,
                            address->host->skipped_self ? "; is this machine" : "");
}

static void show_address(struct name_run *run, const mr_locator_address *address) {
    const struct name_locator *l = run->locator;
    const mr_dc_ping *ping = &address->ping;
    const mr_locator_host *host = address->host;
    app *a = run->a;
    enum app_mark mark = ping->outcome == MR_DC_PENDING ? APP_MARK_SKIP
                         : ping->outcome != MR_DC_ANSWERED ? APP_MARK_FAIL
                         : host->lacks || host->skipped_self ? APP_MARK_WARN : APP_MARK_OK;

    char head[40];
    snprintf(head, sizeof head, "          %s ", app_mark(a, mark));
    const char *text = mr_arena_add_fmt(
        &run->arena, "%s  %s  %u/%u  %.1f ms%s", app_safe(a, mr_slice_str(host->name)),
        name_addr_text(run, &address->addr), host->priority, host->weight,
        (double)ping->elapsed / MR_MSEC, l->locator->chosen == address ? "  <- chosen" : "");
    app_wrap(a->out, head, 15, text ? text : host->name);
    fprintf(a->out, "               %s", became(run, address));
    if (ping->has_answer)
        fprintf(a->out, "; site %s", ping->answer.dc_site[0]
                                         ? app_safe(a, mr_slice_str(ping->answer.dc_site))
                                         : "unknown");
    fputc('\n', a->out);
    if (ping->has_answer && a->set.verbose)
        app_wrap(a->out, "               ", 15, flag_words(run, ping->answer.flags));
}

static void show_hosts(struct name_run *run) {
    const mr_locator *l = ((struct name_locator *)run->locator)->locator;
    app *a = run->a;

    if (l->host_count)
        fprintf(a->out, " DCS      in the order of a client; priority/weight, time of the ping\n");
    for (size_t i = 0; i < l->host_count; i++) {
        const mr_locator_host *host = l->hosts[i];
        for (size_t k = 0; k < host->addr_count; k++)
            show_address(run, &host->addrs[k]);
        if (host->addr_count == 0)
            fprintf(a->out, "          %s %s: no address (%s)\n", app_mark(a, APP_MARK_FAIL),
                    app_safe(a, mr_slice_str(host->name)),
                    l->over ? mr_dns_outcome_name(host->outcome) : "not known");
    }
}

static void show_more(struct name_run *run) {
    const mr_locator *l = ((struct name_locator *)run->locator)->locator;

    if (l->more)
        fprintf(run->a->out, "          %s more are registered; %d were asked\n",
                app_mark(run->a, APP_MARK_SKIP), MR_LOCATOR_HOSTS);
}

/* nltest's last words where nobody was found. */
static const char *nltest_failure(const mr_locator *l) {
    for (size_t i = 0; i < l->host_count; i++)
        for (size_t k = 0; k < l->hosts[i]->addr_count; k++)
            if (l->hosts[i]->addrs[k].ping.outcome == MR_DC_NO_ACCOUNT)
                return "1317 0x525 ERROR_NO_SUCH_USER";
    return "1355 0x54b ERROR_NO_SUCH_DOMAIN";
}

/* nltest's closing block. */
static void show_chosen(struct name_run *run) {
    const mr_locator *l = ((struct name_locator *)run->locator)->locator;
    app *a = run->a;

    if (!l->chosen) {
        if (l->over)
            fprintf(a->out, "\nGetting DC name failed: Status = %s\n", nltest_failure(l));
        return;
    }
    const mr_netlogon_answer *answer = &l->chosen->ping.answer;
    char guid[MR_UUID_TEXT];
    const char *site = answer->client_site;
    app_wrap(a->out, " CHOSEN   ", 10,
             mr_arena_add_fmt(&run->arena, "%s: %s",
                              app_safe(a, mr_slice_str(l->chosen->host->name)), l->why));
    fprintf(a->out, "\n           DC: \\\\%s\n      Address: \\\\%s\n     Dom Guid: %s\n",
            app_safe(a, mr_slice_str(answer->host)), name_addr_text(run, &l->chosen->addr),
            mr_uuid_text(&answer->domain_guid, guid));
    fprintf(a->out, "     Dom Name: %s\n  Forest Name: %s\n",
            app_safe(a, mr_slice_str(answer->domain)), app_safe(a, mr_slice_str(answer->forest)));
    fprintf(a->out, " Dc Site Name: %s\n", app_safe(a, mr_slice_str(answer->dc_site)));
    if (site[0])
        fprintf(a->out, "Our Site Name: %s\n", app_safe(a, mr_slice_str(site)));
    app_wrap(a->out, "        Flags: ", 15, flag_words(run, l->flags));
}

static void show(struct name_run *run) {
    const struct name_locator *l = run->locator;

    if (!l)
        return;
    fputc('\n', run->a->out);
    for (const mr_locator_query *q = l->locator->queries; q; q = q->next)
        show_query(run, q, q == l->locator->queries);
    show_hosts(run);
    show_more(run);
    show_chosen(run);
}

/* ---- JSON ---- */

static void write_flags(mr_writer *w, uint32_t flags) {
    const char *name;
    uint32_t flag;

    mr_writer_open(w, "flags", MR_SHAPE_ARRAY);
    for (size_t i = 0; (name = mr_ds_flag_get(i, &flag)) != NULL; i++)
        if (flags & flag)
            mr_writer_str(w, NULL, name);
    mr_writer_close(w);
}

static void write_lacks(mr_writer *w, uint32_t lacks) {
    const char *word;
    uint32_t want;

    mr_writer_open(w, "lacks", MR_SHAPE_ARRAY);
    for (size_t i = 0; (word = mr_locator_want_get(i, &want)) != NULL; i++)
        if (lacks & want)
            mr_writer_str(w, NULL, word);
    mr_writer_close(w);
}

static void write_answer(mr_writer *w, const mr_netlogon_answer *answer, uint32_t flags) {
    char guid[MR_UUID_TEXT];

    mr_writer_str(w, "dc", answer->host);
    mr_writer_str(w, "domain_guid", mr_uuid_text(&answer->domain_guid, guid));
    mr_writer_str(w, "domain", answer->domain);
    mr_writer_str(w, "forest", answer->forest);
    mr_writer_str(w, "netbios_domain", answer->netbios_domain);
    mr_writer_str(w, "netbios_host", answer->netbios_host);
    mr_writer_str(w, "dc_site", answer->dc_site);
    mr_writer_str(w, "client_site", answer->client_site[0] ? answer->client_site : NULL);
    write_flags(w, flags);
}

static void write_address(struct name_run *run, mr_writer *w, const mr_locator_address *address) {
    const mr_dc_ping *ping = &address->ping;

    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "address", name_addr_text(run, &address->addr));
    mr_writer_str(w, "result", mr_dc_outcome_name(ping->outcome));
    mr_writer_real(w, "ms", (double)ping->elapsed / MR_MSEC);
    mr_writer_int(w, "tries", ping->attempt.sent);
    mr_writer_str(w, "tcp", ping->tcp == MR_REACH_PENDING ? NULL : mr_reach_name(ping->tcp));
    mr_writer_bool(w, "over_tcp", ping->over_tcp);
    if (ping->has_answer) {
        mr_writer_open(w, "answer", MR_SHAPE_OBJECT);
        write_answer(w, &ping->answer, ping->answer.flags);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static void write_host(struct name_run *run, mr_writer *w, const mr_locator_host *host) {
    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "name", host->name);
    mr_writer_int(w, "priority", host->priority);
    mr_writer_int(w, "weight", host->weight);
    mr_writer_int(w, "port", host->port);
    mr_writer_bool(w, "in_site", host->in_site);
    write_lacks(w, host->lacks);
    mr_writer_open(w, "addresses", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < host->addr_count; i++)
        write_address(run, w, &host->addrs[i]);
    mr_writer_close(w);
    mr_writer_close(w);
}

static void write_query(struct name_run *run, mr_writer *w, const mr_locator_query *q) {
    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "name", q->name);
    mr_writer_str(w, "site", q->site);
    mr_writer_str(w, "outcome", mr_dns_outcome_name(q->outcome));
    mr_writer_str(w, "server", name_addr_text(run, &q->server));
    mr_writer_int(w, "records", (int64_t)q->count);
    mr_writer_real(w, "ms", (double)q->elapsed / MR_MSEC);
    mr_writer_close(w);
}

static void json(struct name_run *run, mr_writer *w) {
    const struct name_locator *own = run->locator;

    if (!own)
        return;
    const mr_locator *l = own->locator;
    mr_writer_open(w, "locator", MR_SHAPE_OBJECT);
    mr_writer_open(w, "queries", MR_SHAPE_ARRAY);
    for (const mr_locator_query *q = l->queries; q; q = q->next)
        write_query(run, w, q);
    mr_writer_close(w);
    mr_writer_open(w, "candidates", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < l->host_count; i++)
        write_host(run, w, l->hosts[i]);
    mr_writer_close(w);
    mr_writer_bool(w, "more", l->more);
    if (l->chosen) {
        mr_writer_open(w, "chosen", MR_SHAPE_OBJECT);
        mr_writer_str(w, "address", name_addr_text(run, &l->chosen->addr));
        mr_writer_str(w, "why", l->why);
        write_answer(w, &l->chosen->ping.answer, l->flags);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

const struct name_part name_part_locator = {
    .wanted = wanted,
    .option = "--dsgetdc ",
    .check = check,
    .start = start,
    .from = name_from_resolver,
    .conclude = conclude,
    .show = show,
    .json = json,
    .free = free_locator,
};
