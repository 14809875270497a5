/* The forms of msrpc range: commands to copy, alone on a line and never wrapped, and findings. */
#include "range.h"

#include "findings.h"
#include "report.h"

static const char *purpose_name(enum range_purpose purpose) {
    switch (purpose) {
    case RANGE_RPC: return "rpc";
    case RANGE_NETSH: return "netsh";
    case RANGE_FIREWALL: return "firewall";
    case RANGE_SHOW: return "show";
    case RANGE_UNDO: return "undo";
    }
    return "";
}

static const char *purpose_title(enum range_purpose purpose) {
    switch (purpose) {
    case RANGE_RPC: return "RPC servers of the host: in its registry; then restart it";
    case RANGE_NETSH:
        return "every other socket of the host, at once; num is a number of ports";
    case RANGE_FIREWALL: return "the firewall: the range and the endpoint mapper; one of the two";
    case RANGE_SHOW: return "to see what is set";
    case RANGE_UNDO: return "to undo it; then restart the host";
    }
    return "";
}

static void show_commands(const struct range *r) {
    app *a = r->a;

    for (size_t i = 0; i < r->command_count; i++) {
        const struct range_command *c = &r->commands[i];
        if (i == 0 || c->purpose != r->commands[i - 1].purpose)
            fprintf(a->out, "\n %s%s%s\n", app_style(a, APP_BOLD), purpose_title(c->purpose),
                    app_style(a, APP_PLAIN));
        fprintf(a->out, "   %s\n", c->text);
    }
}

/* ---- findings ---- */

static void show_finding(const struct range *r, const mr_finding *f) {
    app *a = r->a;

    fprintf(a->out, "\n %s %s  (%s)\n", app_mark(a, app_finding_mark(f)), f->summary, f->id);
    app_wrap(a->out, "      ", 6, f->cause);
    for (size_t i = 0; i < f->remedy_count; i++) {
        app_wrap(a->out, "      -> ", 9, f->remedies[i].text);
        if (f->remedies[i].command)
            fprintf(a->out, "   %s\n", f->remedies[i].command);
    }
}

static void show_findings(const struct range *r) {
    const mr_finding *f;

    for (size_t i = 0; (f = mr_diag_get_finding(&r->diag, i)) != NULL; i++)
        if (!f->explained_by)
            show_finding(r, f);
    if (r->target && !r->port_count)
        fprintf(r->a->out, "\n %s no port to compare with\n", app_mark(r->a, APP_MARK_SKIP));
    else if (mr_diag_finding_count(&r->diag) == 0)
        fprintf(r->a->out, "\n %s nothing to object to\n", app_mark(r->a, APP_MARK_OK));
}

/* ---- a host ---- */

static void show_host(const struct range *r) {
    app *a = r->a;
    char address[MR_ADDR_TEXT], first[40];

    if (!r->remote)
        return;
    fprintf(a->out, "\n %s uses %zu RPC port%s beside the mapper's\n",
            mr_addr_port_text(r->remote, address), r->port_count, r->port_count == 1 ? "" : "s");
    if (r->era)
        fprintf(a->out, " it looks like %s\n", r->era);
    for (size_t i = 0; i < r->port_count; i++) {
        const struct range_port *p = &r->ports[i];
        snprintf(first, sizeof first, "   %s %-5u %s  ",
                 app_mark(a, p->inside ? APP_MARK_OK : APP_MARK_WARN), p->port,
                 p->inside ? "inside " : "outside");
        const char *list = "";
        for (size_t k = 0; list && k < p->interface_count; k++)
            list = mr_arena_add_fmt(&a->arena, "%s%s%s", list, k ? ", " : "", p->interfaces[k]);
        app_wrap(a->out, first, 23, list ? list : "");
    }
}

void range_show(const struct range *r) {
    app *a = r->a;
    uint32_t count = mr_ranges_count(&r->wanted);

    if (!a->set.quiet) {
        const char *list = range_list(a, &r->wanted, ",");
        app_wrap(a->out, "msrpc range ", 2, r->text);
        if (r->has_netsh)
            fprintf(a->out, "\n start=%u num=%u is %u-%llu: %u ports, not the ports up to %u\n",
                    r->start, r->num, r->start, (unsigned long long)r->start + r->num - 1, r->num,
                    r->num);
        else
            fprintf(a->out, "\n %s: %u port%s\n", list ? list : "", count, count == 1 ? "" : "s");
    }
    if (r->s)
        app_session_show_who(r->s);
    show_host(r);
    show_commands(r);
    show_findings(r);
}

/* ---- JSON ---- */

static void json_host(const struct range *r, mr_writer *w) {
    if (!r->s)
        return;
    app_report_target(w, r->target, r->remote);
    app_report_vantage(r->s, w, NULL);
    mr_writer_real(w, "ms", app_session_ms(r->s));
    mr_writer_str(w, "era", r->era);
    mr_writer_open(w, "ports", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < r->port_count; i++) {
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_uint(w, "port", r->ports[i].port);
        mr_writer_bool(w, "inside", r->ports[i].inside);
        mr_writer_open(w, "interfaces", MR_SHAPE_ARRAY);
        for (size_t k = 0; k < r->ports[i].interface_count; k++)
            mr_writer_str(w, NULL, r->ports[i].interfaces[k]);
        mr_writer_close(w);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

void range_json(const struct range *r, mr_writer *w) {
    json_host(r, w);
    mr_writer_open(w, "wanted", MR_SHAPE_OBJECT);
    mr_writer_str(w, "input", r->text);
    mr_writer_open(w, "ranges", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < r->wanted.count; i++) {
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_uint(w, "first", r->wanted.items[i].first);
        mr_writer_uint(w, "last", r->wanted.items[i].last);
        mr_writer_close(w);
    }
    mr_writer_close(w);
    mr_writer_uint(w, "ports", mr_ranges_count(&r->wanted));
    if (r->has_netsh) {
        mr_writer_uint(w, "start", r->start);
        mr_writer_uint(w, "num", r->num);
        mr_writer_uint(w, "end", (uint64_t)r->start + r->num - 1);
    }
    mr_writer_close(w);
    mr_writer_open(w, "commands", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < r->command_count; i++) {
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "purpose", purpose_name(r->commands[i].purpose));
        mr_writer_str(w, "shell", mr_shell_name(r->commands[i].shell));
        mr_writer_str(w, "command", r->commands[i].text);
        mr_writer_bool(w, "restart", r->commands[i].purpose == RANGE_RPC ||
                      (r->commands[i].purpose == RANGE_UNDO &&
                       strstr(r->commands[i].text, "reg ") == r->commands[i].text));
        mr_writer_close(w);
    }
    mr_writer_close(w);
    /* a host that was not reached is told by what the session met */
    mr_diag_write_json(r->s && !r->port_count && r->s->diag ? r->s->diag : &r->diag, w);
}
