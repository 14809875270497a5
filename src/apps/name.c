/*
 * msrpc name: the frame. Which part owns which file, and what a part is, stands in name.h. To add
 * a part: its switches into options[], their settings into struct name_options, its row into
 * parts[].
 */
#include "name.h"

#include "findings.h"
#include "identity.h"
#include "report.h"

#define ARENA_CAP ((size_t)64 << 20)
#define OPTION(member) offsetof(struct name_options, member)

static const app_option options[] = {
    /* common */
    {"dns-server", 0, APP_LIST, "IP[:PORT]", OPTION(dns_servers), 0, 0,
     "ask this DNS server beside the system's (repeatable, or separated by commas)"},
    {"no-system", 0, APP_FLAG, NULL, OPTION(no_system), 0, 0,
     "leave the system's DNS servers and the hosts file out"},
    {"ipv4", '4', APP_FLAG, NULL, OPTION(ipv4), 0, 0, "IPv4 addresses only"},
    {"ipv6", '6', APP_FLAG, NULL, OPTION(ipv6), 0, 0, "IPv6 addresses only"},
    /* name_dns.c */
    {"type", 0, APP_LIST, "TYPE", OPTION(types), 0, 0,
     "ask for these record types only: A, AAAA, CNAME, PTR, SRV, SOA, NS, MX, TXT, ANY"},
    {"authoritative", 0, APP_FLAG, NULL, OPTION(authoritative), 0, 0,
     "ask the zone's own name servers too"},
    /* name_netbios.c */
    {"netbios", 0, APP_FLAG, NULL, OPTION(netbios), 0, 0,
     "ask for a NetBIOS name on every link by broadcast; for an address, ask that host"},
    {"wins", 0, APP_LIST, "IP", OPTION(wins), 0, 0,
     "ask this WINS server for the NetBIOS name (repeatable, or separated by commas)"},
    {"status", 0, APP_FLAG, NULL, OPTION(status), 0, 0,
     "node status: which NetBIOS names has the host, of the address or of the name"},
    {"suffix", 0, APP_LIST, "XX|WORD", OPTION(suffixes), 0, 0,
     "16th octet of the NetBIOS name: 20, 1C, server, dc, pdc, ... (00 and 20)"},
    {"broadcast", 0, APP_TEXT, "IP", OPTION(broadcast), 0, 0,
     "broadcast to this address instead of those of the interfaces"},
    {"scope", 0, APP_TEXT, "SCOPE", OPTION(scope), 0, 0, "NetBIOS scope"},
    {"list", 0, APP_TEXT, "FILE", OPTION(list), 0, 0,
     "ask for every NetBIOS name of a file: NAME [SUFFIX] [WINS server] a line"},
    /* name_locator.c */
    {"dsgetdc", 0, APP_TEXT, "DOMAIN", OPTION(dsgetdc), 0, 0,
     "find a domain controller of DOMAIN as Windows does (nltest /dsgetdc)"},
    {"flags", 0, APP_LIST, "WORD", OPTION(flags), 0, 0,
     "--dsgetdc: what is wanted of it, in nltest's words: pdc, gc, kdc, timeserv, gtimeserv, "
     "writable, ds, ldaponly, ws, ds6, ds8, ds9, ds10, keylist, ds13, avoidself"},
    {"site", 0, APP_TEXT, "SITE", OPTION(site), 0, 0,
     "--dsgetdc: look in this site (default: the one a domain controller says is ours)"},
    {"account", 0, APP_TEXT, "NAME", OPTION(account), 0, 0,
     "--dsgetdc: one that knows this account (a computer's ends with $)"},
    /* name_health.c */
    {"health", 0, APP_TEXT, "DOMAIN", OPTION(health), 0, 0,
     "the DNS health of DOMAIN: every domain controller and name server (dcdiag /test:dns)"},
    {"dc", 0, APP_TEXT, "NAME", OPTION(dc), 0, 0,
     "--health: this domain controller only, its records asked of every DNS server all the same"},
    {"external", 0, APP_TEXT, "NAME", OPTION(external), 0, 0,
     "--health: resolve this name through each DNS server (dcdiag: www.microsoft.com)"},
    {0},
};

/* In the order they are shown. */
static const struct name_part *const parts[] = {
    &name_part_dns,
    &name_part_netbios,
    &name_part_netbios_list,
    &name_part_locator,
    &name_part_health,
};

void name_part_over(struct name_run *run) {
    if (--run->open == 0)
        mr_loop_stop(&run->s.loop);
}

int name_part_began(struct name_run *run, int r, const mr_error *err) {
    if (r != 0)
        return app_refuse(run->a, r == MR_ERR_SYSTEM ? APP_MISSING : APP_BUG, "%s: %s",
                          run->subject, err->text);
    run->open++;
    return 0;
}

void name_part_failed(struct name_run *run) {
    run->code = app_refuse(run->a, APP_BUG, "%s: out of memory or of descriptors", run->subject);
}

bool name_from_resolver(struct name_run *run, mr_addr *localp) {
    const mr_dns_config *config;

    if (run->server_count)
        return mr_addr_find_source(&run->servers[0], localp) == 0;
    return mr_resolver_get_config(&run->s.resolver, &config, NULL) == 0 && config->server_count &&
           mr_addr_find_source(&config->servers[0], localp) == 0;
}

unsigned name_tries(const app *a) {
    return a->set.retries == APP_RETRIES_DEFAULT ? 0 : a->set.retries + 1;
}

const char *name_domain(struct name_run *run, const char *text) {
    mr_slice s = mr_slice_str(text);

    while (s.len > 1 && s.data[s.len - 1] == '.')
        s.len--;
    return mr_arena_add_str(&run->arena, s);
}

const char *name_addr_text(struct name_run *run, const mr_addr *addr) {
    char text[MR_ADDR_TEXT];

    if (!addr || addr->family == MR_FAMILY_ANY)
        return NULL;
    bool usual = addr->port == 0 || addr->port == 53;
    return mr_arena_add_str(&run->arena, mr_slice_str(usual ? mr_addr_text(addr, text)
                                                            : mr_addr_port_text(addr, text)));
}

/* ---- settings ---- */

static bool is_wanted(const struct name_part *part, const struct name_options *o, bool any) {
    return any ? part->wanted && part->wanted(o) : part->beside;
}

/* Whether a switch names a part; without one the plain survey runs. */
static bool any_wanted(const struct name_options *o) {
    for (size_t i = 0; i < MR_COUNT(parts); i++)
        if (parts[i]->wanted && parts[i]->wanted(o))
            return true;
    return false;
}

static int read_options(app *a, struct name_run *run) {
    const struct name_options *o = a->own;

    run->a = a;
    run->o = o;
    if (o->ipv4 && o->ipv6)
        return app_refuse(a, APP_USAGE, "--ipv4 and --ipv6 exclude each other");
    run->family = o->ipv4 ? MR_FAMILY_IPV4 : o->ipv6 ? MR_FAMILY_IPV6 : MR_FAMILY_ANY;
    if (o->dns_servers.count > NAME_SERVERS)
        return app_refuse(a, APP_USAGE, "--dns-server: more than %d servers", NAME_SERVERS);
    for (uint32_t i = 0; i < o->dns_servers.count; i++) {
        mr_slice text = o->dns_servers.items[i];
        if (mr_addr_decode_port(text, 53, &run->servers[i]) != 0)
            return app_refuse(a, APP_USAGE, "--dns-server %.*s: an address is wanted, such as "
                              "10.0.0.1 or 10.0.0.1:53", (int)text.len,
                              (const char *)text.data);
        run->server_count++;
    }
    if (o->no_system && !run->server_count)
        return app_refuse(a, APP_USAGE, "--no-system leaves nobody to ask without --dns-server");
    return 0;
}

/* \\HOST is HOST, as in every command. */
static void strip_slashes(app *a) {
    for (size_t i = 0; i < a->arg_count; i++)
        if (a->args[i][0] == '\\' && a->args[i][1] == '\\')
            a->args[i] += 2;
}

/* The subjects: the arguments, or what the switch of a part names. */
static int read_subjects(app *a, bool any, const char ***namesp, size_t *countp) {
    const struct name_options *o = a->own;
    const char *subject = NULL;
    bool wants_name = false;
    int code = 0;

    for (size_t i = 0; i < MR_COUNT(parts); i++)
        wants_name |= is_wanted(parts[i], o, any) && !parts[i]->option;
    strip_slashes(a);
    for (size_t i = 0; i < a->arg_count; i++)
        if (app_may_hold_secret(a->args[i])) {
            app_wipe_text(a->args[i]);
            return app_refuse(a, APP_USAGE, "a name is wanted without an account");
        }
    if (wants_name && a->arg_count == 0)
        return app_refuse(a, APP_USAGE, "a name is wanted, such as dc01.corp.example");
    if (!wants_name && a->arg_count)
        return app_refuse(a, APP_USAGE, "%s: the switch names what to ask for, no more names are "
                          "wanted", a->args[0]);
    for (size_t i = 0; i < MR_COUNT(parts) && !code; i++) {
        if (!is_wanted(parts[i], o, any) || !parts[i]->check)
            continue;
        if (!wants_name)
            code = parts[i]->check(a, o, NULL, &subject);
        for (size_t k = 0; k < a->arg_count && !code; k++)
            code = parts[i]->check(a, o, a->args[k], &subject);
    }
    if (code || wants_name) {
        *namesp = a->args;
        *countp = a->arg_count;
        return code;
    }
    *namesp = mr_arena_get(&a->arena, 1, sizeof **namesp);
    if (!*namesp)
        return app_refuse(a, APP_BUG, "out of memory");
    (*namesp)[0] = subject;
    *countp = 1;
    return 0;
}

/* ---- one report ---- */

static int start_parts(struct name_run *run, bool any) {
    int code = 0;

    for (size_t i = 0; i < MR_COUNT(parts) && !code; i++)
        if (is_wanted(parts[i], run->o, any))
            code = parts[i]->start(run);
    return code;
}

static int wait_parts(struct name_run *run) {
    int code = app_session_wait(&run->s, &run->open);

    run->partial = code == APP_INCOMPLETE || code == APP_INTERRUPTED;
    return code;
}

/* The first part that knows says it for the report. */
static void read_from(struct name_run *run, bool any) {
    mr_addr local;

    run->from[0] = '\0';
    for (size_t i = 0; i < MR_COUNT(parts) && !run->from[0]; i++)
        if (is_wanted(parts[i], run->o, any) && parts[i]->from(run, &local))
            mr_addr_text(&local, run->from);
}

static void show_text(struct name_run *run, bool any) {
    app *a = run->a;
    const mr_verdict *verdict = mr_diag_get_verdict(&run->diag);
    const char *option = "";
    char left[24], right[MR_ADDR_TEXT + 20], took[32];

    if (a->set.quiet) {
        fprintf(a->out, "%s: %s%s%s\n", app_safe(a, mr_slice_str(run->subject)),
                verdict->summary, verdict->finding ? " " : "",
                verdict->finding ? verdict->finding->id : "");
        return;
    }
    for (size_t i = 0; i < MR_COUNT(parts); i++)
        if (is_wanted(parts[i], run->o, any) && parts[i]->option)
            option = parts[i]->option;
    const char *title = mr_arena_add_fmt(&run->arena, "msrpc name %s%s", option,
                                         app_safe(a, mr_slice_str(run->subject)));
    snprintf(right, sizeof right, "from %s, anonymous", run->from[0] ? run->from : "here");
    app_edges(a->out, title ? title : "msrpc name", right);
    for (size_t i = 0; i < MR_COUNT(parts); i++)
        if (is_wanted(parts[i], run->o, any))
            parts[i]->show(run);
    fputc('\n', a->out);
    app_findings_show(a, &run->diag, run->partial);
    snprintf(left, sizeof left, " exit %d", run->code);
    app_edges(a->out, left, app_took_text(run->ended - run->began, took));
}

static int show_json(struct name_run *run, bool any) {
    char text[MR_TIME_TEXT];
    mr_writer w;

    app_report_open(run->a, &w);
    mr_writer_str(&w, "name", run->subject);
    mr_writer_open(&w, "vantage", MR_SHAPE_OBJECT);
    mr_writer_str(&w, "address", run->from[0] ? run->from : NULL);
    mr_writer_str(&w, "identity", "anonymous");
    mr_writer_close(&w);
    mr_writer_str(&w, "started", mr_time_text(run->started_sec, run->started_nsec, text));
    mr_writer_real(&w, "ms", (double)(run->ended - run->began) / MR_MSEC);
    mr_writer_bool(&w, "partial", run->partial);
    for (size_t i = 0; i < MR_COUNT(parts); i++)
        if (is_wanted(parts[i], run->o, any))
            parts[i]->json(run, &w);
    mr_diag_write_json(&run->diag, &w);
    return app_report_close(run->a, &w, run->code);
}

/* Asks and shows one subject; APP_INCOMPLETE and APP_INTERRUPTED end the run. */
static int run_one(struct name_run *run, const char *subject, bool any) {
    app *a = run->a;

    run->subject = subject;
    run->name = a->arg_count ? subject : NULL;
    run->code = run->open = 0;
    run->partial = false;
    run->dns = run->netbios = run->netbios_list = run->locator = run->health = NULL;
    run->began = mr_clock_now();
    mr_clock_get_wall(&run->started_sec, &run->started_nsec);
    mr_arena_init(&run->arena, ARENA_CAP);
    int code = mr_diag_init(&run->diag, &run->arena, subject, NULL) == 0
                   ? start_parts(run, any)
                   : app_refuse(a, APP_BUG, "out of memory");
    for (int phase = MR_PHASE_NAMES + 1; phase <= MR_PHASE_COUNT; phase++)
        mr_diag_set_phase_skipped(&run->diag, (enum mr_phase)phase);
    if (!code)
        code = wait_parts(run);
    if (!code || run->partial) {
        for (size_t i = 0; i < MR_COUNT(parts); i++)
            if (is_wanted(parts[i], run->o, any) && parts[i]->conclude)
                parts[i]->conclude(run);
        int r = mr_diag_run(&run->diag);
        run->ended = mr_clock_now();
        read_from(run, any);
        run->code = app_worse(run->code, app_findings_exit(a, &run->diag));
        if (r)
            code = app_refuse(a, APP_BUG, "%s: %s", subject, mr_result_text(r));
        run->code = app_worse(run->code, code);
        app_progress_hide(&run->progress);
        if (a->set.json || a->set.jsonl)
            code = show_json(run, any);
        else
            show_text(run, any);
        code = app_worse(code, run->code);
    }
    for (size_t i = 0; i < MR_COUNT(parts); i++)
        if (is_wanted(parts[i], run->o, any))
            parts[i]->free(run);
    mr_arena_deinit(&run->arena);
    return code;
}

static int run(app *a) {
    struct name_run *run = MR_ARENA_NEW(&a->arena, struct name_run);
    const char **names = NULL;
    size_t count = 0;
    bool any = any_wanted(a->own);

    if (!run)
        return app_refuse(a, APP_BUG, "out of memory");
    int worst = 0, code = read_options(a, run);
    if (!code)
        code = read_subjects(a, any, &names, &count);
    if (!code)
        code = app_session_open(a, &run->s);
    if (code)
        return code;
    app_reports_open(a, count);
    app_progress_start(&run->progress, a, &run->s.loop, count);
    for (size_t i = 0; i < count && worst < APP_INCOMPLETE; i++) {
        if (i && !a->set.json && !a->set.jsonl && !a->set.quiet)
            fputc('\n', a->out);
        worst = app_worse(worst, run_one(run, names[i], any));
        run->progress.done++;
    }
    app_progress_end(&run->progress);
    app_reports_close(a, worst);
    app_session_close(&run->s);
    return worst;
}

const app_command app_name = {
    .name = "name",
    .line = "a name as every DNS server tells it, side by side",
    .synopsis = "NAME... | --dsgetdc DOMAIN | --health DOMAIN | --list FILE",
    .about =
        "Asks every DNS server of this machine, one by one and all at once, for the records of a "
        "name and shows the answers side by side: addresses, aliases, the name back for each "
        "address, services; beside them the hosts file and every candidate of the search list, and "
        "what each gave. Servers that disagree, refuse, fail, stay silent or do not hold the zone "
        "are findings. An address as NAME is asked for its names.\n\n"
        "A short name is looked for by NetBIOS broadcast as well; --netbios, --wins, --status and "
        "--list ask NetBIOS alone. --dsgetdc finds a domain controller as Windows does and shows "
        "every candidate; --health looks at the DNS of a domain and ends with the table of "
        "dcdiag /test:dns.",
    .examples = {"msrpc name dc01.corp.example", "do all DNS servers tell the same?",
                 "msrpc name --dsgetdc corp.example --flags pdc",
                 "the domain controller that a client would take"},
    .exits = {"0", "the servers answer, and alike; a domain controller was found",
              "1", "warnings: servers differ, fail or are silent beside others that answer",
              "10", "nobody has what was asked for",
              "66", "the file of --list cannot be read"},
    .groups = APP_GROUP_LIMITS | APP_GROUP_OUTPUT,
    .options = options,
    .own_size = sizeof(struct name_options),
    .run = run,
};
