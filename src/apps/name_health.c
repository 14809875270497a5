/*
 * msrpc name --health DOMAIN: the DNS health of a domain as dcdiag /test:dns tells it; what each
 * test has to say of each host, then dcdiag's closing table.
 */
#include <msrpc/probe/health.h>

#include "name.h"

#define ROW_NAME 28   /* columns for a host in the table */
#define NOTES_SHOWN 8 /* of one test and result on an ordinary screen */

struct name_health {
    struct name_run *run;
    mr_health *health;
};

static bool wanted(const struct name_options *o) {
    return o->health != NULL;
}

static int check(app *a, const struct name_options *o, const char *name, const char **subjectp) {
    mr_addr literal;

    (void)name;
    if (mr_dns_check_name(o->health, NULL) != 0 ||
        mr_addr_decode(mr_slice_str(o->health), 0, &literal) == 0)
        return app_refuse(a, APP_USAGE, "--health %s: a domain's DNS name is wanted, such as "
                          "corp.example", app_safe(a, mr_slice_str(o->health)));
    if (o->dc && mr_dns_check_name(o->dc, NULL) != 0 &&
        mr_addr_decode(mr_slice_str(o->dc), 0, &literal) != 0)
        return app_refuse(a, APP_USAGE, "--dc %s: a domain controller's name or address is wanted",
                          app_safe(a, mr_slice_str(o->dc)));
    if (o->external && mr_dns_check_name(o->external, NULL) != 0)
        return app_refuse(a, APP_USAGE, "--external %s: a name is wanted, such as "
                          "www.microsoft.com", app_safe(a, mr_slice_str(o->external)));
    *subjectp = o->health;
    return 0;
}

/* ---- the run ---- */

static void on_done(void *user, mr_health *health) {
    struct name_health *n = user;

    (void)health;
    name_part_over(n->run);
}

static int start(struct name_run *run) {
    struct name_health *n = MR_ARENA_NEW(&run->arena, struct name_health);
    const struct app_settings *set = &run->a->set;
    mr_error err = MR_ERROR_INIT;

    const mr_health_options options = {
        .domain = name_domain(run, run->o->health),
        .dc = run->o->dc,
        .external = run->o->external,
        .server = run->servers[0],
        .family = run->family,
        .timeout = set->timeout,
        .tries = name_tries(run->a),
    };
    if (!n || !options.domain)
        return app_refuse(run->a, APP_BUG, "out of memory");
    run->health = n;
    n->run = run;
    int r = mr_health_new(&run->s.loop, &run->s.resolver, &run->arena, &options, &n->health);
    if (r == 0)
        r = mr_health_start(n->health, on_done, n, &err);
    return name_part_began(run, r, &err);
}

static void conclude(struct name_run *run) {
    struct name_health *n = run->health;

    if (!n)
        return;
    if (n->health->failed)
        name_part_failed(run);
    mr_health_judge(n->health, &run->diag);
}

static void free_health(struct name_run *run) {
    struct name_health *n = run->health;

    if (n)
        mr_health_free(n->health);
}

/* ---- the screen ---- */

static enum app_mark mark_of(enum mr_health_result result) {
    switch (result) {
    case MR_HEALTH_NA:
    case MR_HEALTH_UNKNOWN: return APP_MARK_SKIP;
    case MR_HEALTH_PASS: return APP_MARK_OK;
    case MR_HEALTH_WARN: return APP_MARK_WARN;
    case MR_HEALTH_FAIL: return APP_MARK_FAIL;
    }
    return APP_MARK_SKIP;
}

static void show_note(app *a, const mr_health_note *note, bool first) {
    char head[40];
    const char *text = app_safe(a, mr_slice_str(note->text));

    snprintf(head, sizeof head, "   %-5s %s ", first ? mr_health_test_name(note->test) : "",
             app_mark(a, mark_of(note->result)));
    app_wrap(a->out, head, 14, text);
}

static void show_test(app *a, const mr_health_host *host, enum mr_health_test test) {
    size_t shown[MR_HEALTH_FAIL + 1] = {0}, more = 0;
    bool first = true;

    for (const mr_health_note *n = host->notes; n; n = n->next) {
        if (n->test != test)
            continue;
        if (++shown[n->result] > NOTES_SHOWN && !a->set.verbose) {
            more++;
            continue;
        }
        show_note(a, n, first);
        first = false;
    }
    if (more)
        fprintf(a->out, "              and %zu more; --verbose lists them\n", more);
}

static void show_host(struct name_run *run, const mr_health_host *host) {
    app *a = run->a;

    const char *name = app_safe(a, mr_slice_str(host->name));
    bool bold = strlen(name) < APP_COLUMNS; /* a longer one is cut, and no word with a style is */
    const char *text = mr_arena_add_fmt(&run->arena, "%s%s%s ", bold ? app_style(a, APP_BOLD) : "",
                                        name, bold ? app_style(a, APP_PLAIN) : "");
    for (size_t k = 0; text && k < host->addr_count; k++)
        text = mr_arena_add_fmt(&run->arena, "%s %s", text,
                                name_addr_text(run, &host->addrs[k].addr));
    if (text)
        text = mr_arena_add_fmt(&run->arena, "%s  %s%s%s", text,
                                host->is_dc ? "domain controller" : "",
                                host->is_dc && host->is_ns ? ", " : "",
                                host->is_ns ? "name server" : "");
    app_wrap(a->out, "\n ", 3, text ? text : name);
    for (unsigned t = 0; t < MR_HEALTH_TESTS; t++)
        show_test(a, host, (enum mr_health_test)t);
}

/* The name as dcdiag has it in its table: the host alone, where it is one of the domain. */
static const char *row_name(struct name_run *run, const char *name) {
    mr_slice host = mr_slice_str(name), domain = mr_slice_str(run->subject);

    if (host.len > domain.len + 1 && host.data[host.len - domain.len - 1] == '.' &&
        mr_slice_eq_nocase(mr_slice_sub(host, host.len - domain.len, domain.len), domain))
        host.len -= domain.len + 1;
    return app_safe(run->a, host);
}

static void show_table(struct name_run *run, const mr_health *h) {
    app *a = run->a;
    bool failed = false;

    fprintf(a->out, "\n         Summary of DNS test results:\n\n%44s", "");
    for (unsigned t = 0; t < MR_HEALTH_TESTS; t++)
        fprintf(a->out, "%s%-*s", t ? " " : "", t + 1 < MR_HEALTH_TESTS ? 4 : 0,
                mr_health_test_name((enum mr_health_test)t));
    fprintf(a->out, "\n            %.*s\n            Domain: %s\n", 65,
            "_________________________________________________________________",
            app_safe(a, mr_slice_str(run->subject)));
    for (size_t i = 0; i < h->host_count; i++) {
        const mr_health_host *host = h->hosts[i];
        if (!host->chosen)
            continue;
        const char *name = row_name(run, host->name);
        bool fits = strlen(name) <= ROW_NAME;
        fprintf(a->out, "               %-*s", ROW_NAME, name);
        if (!fits)
            fprintf(a->out, "\n%*s", 15 + ROW_NAME, "");
        for (unsigned t = 0; t < MR_HEALTH_TESTS; t++) {
            fprintf(a->out, " %-*s", t + 1 < MR_HEALTH_TESTS ? 4 : 0,
                    mr_health_result_name(host->results[t]));
            failed |= host->results[t] == MR_HEALTH_FAIL;
        }
        fputc('\n', a->out);
    }
    if (h->over)
        fprintf(a->out, "\n         ......................... %s %s test DNS\n",
                app_safe(a, mr_slice_str(run->subject)), failed ? "failed" : "passed");
}

static void show(struct name_run *run) {
    const struct name_health *n = run->health;
    size_t rows = 0;

    if (!n)
        return;
    for (size_t i = 0; i < n->health->host_count; i++) {
        if (!n->health->hosts[i]->chosen)
            continue;
        show_host(run, n->health->hosts[i]);
        rows++;
    }
    if (n->health->more)
        fprintf(run->a->out, "\n %s the domain has more hosts; %d were asked\n",
                app_mark(run->a, APP_MARK_SKIP), MR_HEALTH_HOSTS);
    if (rows)
        show_table(run, n->health);
    else
        fprintf(run->a->out, "\n [x]  no domain controller and no name server of the domain was "
                "found\n");
}

/* ---- JSON ---- */

static void write_addrs(struct name_run *run, mr_writer *w, const mr_health_host *host) {
    mr_writer_open(w, "addresses", MR_SHAPE_ARRAY);
    for (size_t k = 0; k < host->addr_count; k++) {
        const mr_health_addr *a = &host->addrs[k];
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "address", name_addr_text(run, &a->addr));
        mr_writer_str(w, "locator", a->pinged ? mr_dc_outcome_name(a->ping.outcome) : NULL);
        mr_writer_str(w, "says", a->ping.has_answer ? a->ping.answer.host : a->ping.dns_host);
        mr_writer_bool(w, "serves_dns", host->serves == a);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static const char *state_name(enum mr_health_state state) {
    switch (state) {
    case MR_HEALTH_RECORD_UNKNOWN: return "unknown";
    case MR_HEALTH_RECORD_FOUND: return "found";
    case MR_HEALTH_RECORD_MISSING: return "missing";
    case MR_HEALTH_RECORD_OTHER_PORT: return "other port";
    }
    return "unknown";
}

static void write_records(struct name_run *run, mr_writer *w, const mr_health_host *host) {
    const mr_health *h = ((struct name_health *)run->health)->health;
    char type[16];

    mr_writer_open(w, "records", MR_SHAPE_ARRAY);
    for (const mr_health_record *r = host->records; r; r = r->next) {
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "name", r->name);
        mr_writer_str(w, "type", mr_dns_type_name(r->type, type));
        mr_writer_bool(w, "critical", r->critical);
        mr_writer_open(w, "servers", MR_SHAPE_ARRAY);
        for (size_t i = 0; i < h->host_count; i++) {
            if (!h->hosts[i]->knows)
                continue;
            mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
            mr_writer_str(w, "server", name_addr_text(run, &h->hosts[i]->serves->addr));
            mr_writer_str(w, "state", state_name(r->states[i]));
            mr_writer_close(w);
        }
        mr_writer_close(w);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static void write_host(struct name_run *run, mr_writer *w, const mr_health_host *host) {
    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "name", host->name);
    mr_writer_bool(w, "domain_controller", host->is_dc);
    mr_writer_bool(w, "name_server", host->is_ns);
    write_addrs(run, w, host);
    mr_writer_open(w, "results", MR_SHAPE_OBJECT);
    for (unsigned t = 0; t < MR_HEALTH_TESTS; t++)
        mr_writer_str(w, mr_health_test_name((enum mr_health_test)t),
                      mr_health_result_name(host->results[t]));
    mr_writer_close(w);
    mr_writer_open(w, "notes", MR_SHAPE_ARRAY);
    for (const mr_health_note *n = host->notes; n; n = n->next) {
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "test", mr_health_test_name(n->test));
        mr_writer_str(w, "result", mr_health_result_name(n->result));
        mr_writer_str(w, "text", n->text);
        mr_writer_close(w);
    }
    mr_writer_close(w);
    write_records(run, w, host);
    mr_writer_close(w);
}

static void json(struct name_run *run, mr_writer *w) {
    const struct name_health *n = run->health;
    char guid[MR_UUID_TEXT];

    if (!n)
        return;
    const mr_health *h = n->health;
    mr_writer_open(w, "health", MR_SHAPE_OBJECT);
    mr_writer_str(w, "domain", h->domain);
    mr_writer_str(w, "forest", h->forest);
    mr_writer_str(w, "domain_guid", h->has_guid ? mr_uuid_text(&h->guid, guid) : NULL);
    mr_writer_open(w, "hosts", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < h->host_count; i++)
        if (h->hosts[i]->chosen)
            write_host(run, w, h->hosts[i]);
    mr_writer_close(w);
    mr_writer_bool(w, "more", h->more);
    mr_writer_close(w);
}

const struct name_part name_part_health = {
    .wanted = wanted,
    .option = "--health ",
    .check = check,
    .start = start,
    .from = name_from_resolver,
    .conclude = conclude,
    .show = show,
    .json = json,
    .free = free_health,
};
