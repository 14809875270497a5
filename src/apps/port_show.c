/*
 * The forms of msrpc port: a screen of 80 columns, where neighbouring ports of one fate are one
 * line, and the members of the JSON report.
 */
#include "port.h"

#include "report.h"

#define DETAIL_AT 17  /* column of what stands under a port's line */
#define DETAIL_INDENT "                 "
#define RUN_MIN 4     /* so many neighbours alike become one line */

static const char *protocol_name(const struct port_row *row) {
    return row->protocol == MR_PORT_UDP ? "udp" : "tcp";
}

static const char *service_name(const struct port_row *row) {
    const mr_port_info *info = mr_port_find(row->port, row->protocol);

    return info ? mr_port_name(info) : "";
}

static enum mr_port_state state_of(const struct port_row *row) {
    return (enum mr_port_state)row->state;
}

/* The line under a port: what the service said, or what the network did. NULL: nothing to add. */
static const char *detail(const struct port_target *t, const struct port_row *row) {
    const struct port_extra *x = row->extra;
    mr_arena *arena = &t->a->arena;
    char sender[MR_ADDR_TEXT];

    if (x && x->detail)
        return x->detail;
    switch (state_of(row)) {
    case MR_PORT_LISTENING:
        return NULL;
    case MR_PORT_NOT_LISTENING:
        if (x && x->icmp.present && row->protocol == MR_PORT_TCP)
            return "the host says ICMP port unreachable";
        return NULL;
    case MR_PORT_FILTERED:
        if (x && x->no_neighbour)
            return "nobody on the local link answers for the next hop";
        if (x && x->icmp.present)
            return mr_arena_add_fmt(arena, "by %s: %s", mr_addr_text(&x->icmp.sender, sender),
                                    mr_icmp_text(&x->icmp));
        return mr_arena_add_fmt(arena, "no answer to %u tr%s", row->sent,
                                row->sent == 1 ? "y" : "ies");
    case MR_PORT_LISTENING_OR_FILTERED:
        return mr_arena_add_fmt(arena, "no answer to %u datagram%s", row->sent,
                                row->sent == 1 ? "" : "s");
    case MR_PORT_UNKNOWN:
        return mr_arena_add_fmt(arena, "this machine would not send: %s",
                                strerror(x ? x->os_error : 0));
    }
    return NULL;
}

/* ---- text ---- */

static enum app_mark mark_of(const struct port_row *row) {
    switch (state_of(row)) {
    case MR_PORT_LISTENING:
        return row->extra && row->extra->talk > MR_PORT_TALK_ANSWERED ? APP_MARK_WARN
                                                                        : APP_MARK_OK;
    case MR_PORT_LISTENING_OR_FILTERED:
        return APP_MARK_WARN;
    case MR_PORT_NOT_LISTENING:
    case MR_PORT_FILTERED:
        return APP_MARK_FAIL;
    case MR_PORT_UNKNOWN:
        break;
    }
    return APP_MARK_SKIP;
}

static bool same_icmp(const struct port_extra *a, const struct port_extra *b) {
    if (!a || !b)
        return a == b;
    return a->icmp.present == b->icmp.present && a->icmp.type == b->icmp.type &&
           a->icmp.code == b->icmp.code && a->no_neighbour == b->no_neighbour &&
           a->os_error == b->os_error && mr_addr_same_host(&a->icmp.sender, &b->icmp.sender);
}

/* Neighbours that one line may stand for: no service answered, and all is the same. */
static bool alike(const struct port_row *a, const struct port_row *b) {
    return a->protocol == b->protocol && b->port == a->port + 1 && a->state == b->state &&
           !(a->extra && a->extra->asked) && !(b->extra && b->extra->asked) &&
           same_icmp(a->extra, b->extra);
}

static size_t run_len(const struct port_target *t, size_t from) {
    size_t n = 1;

    while (from + n < t->count && alike(&t->rows[from + n - 1], &t->rows[from + n]))
        n++;
    return n >= RUN_MIN && !t->a->set.verbose ? n : 1;
}

static bool same_endpoint(const struct port_endpoint *a, const struct port_endpoint *b) {
    return !strcmp(a->protseq, b->protseq) && !strcmp(a->endpoint, b->endpoint);
}

/* One line for each endpoint, with all that is registered there: TCP first or the others. */
static void show_endpoints(const struct port_target *t, const struct port_extra *x, bool tcp) {
    app *a = t->a;

    for (size_t i = 0; i < x->endpoint_count; i++) {
        const struct port_endpoint *e = &x->endpoints[i];
        char name[64];
        size_t k = 0;
        while (!same_endpoint(&x->endpoints[k], e))
            k++;
        if (k < i || !strcmp(e->protseq, "ncacn_ip_tcp") != tcp)
            continue; /* shown with the first of its endpoint, or in the other round */
        const char *line = mr_arena_add_fmt(&a->arena, "%s[%s]", e->protseq, e->endpoint);
        for (; line && k < x->endpoint_count; k++)
            if (same_endpoint(&x->endpoints[k], e))
                line = mr_arena_add_fmt(&a->arena, "%s%s %s", line, k == i ? "" : ",",
                                        app_iface_name(&x->endpoints[k].interface, name));
        if (line)
            app_wrap(a->out, DETAIL_INDENT, DETAIL_AT + 2, app_safe(a, mr_slice_str(line)));
    }
}

static void show_row(const struct port_target *t, const struct port_row *row) {
    app *a = t->a;
    const char *text = detail(t, row);

    fprintf(a->out, " %s %5u/%s  %-21s  %s", app_mark(a, mark_of(row)), row->port,
            protocol_name(row), mr_port_state_name(state_of(row)), service_name(row));
    if (a->set.verbose)
        fprintf(a->out, "  %.1f ms", (double)row->ms);
    fputc('\n', a->out);
    if (text) {
        app_wrap(a->out, DETAIL_INDENT, DETAIL_AT, app_safe(a, mr_slice_str(text)));
    }
    if (row->extra && row->extra->has_endpoints && !a->set.quiet) {
        show_endpoints(t, row->extra, true);
        show_endpoints(t, row->extra, false);
    }
}

static void show_run(const struct port_target *t, const struct port_row *row, size_t n) {
    app *a = t->a;
    const char *text = detail(t, row);

    fprintf(a->out, " %s %u-%u/%s  %s, %zu ports\n", app_mark(a, mark_of(row)), row->port,
            row[n - 1].port, protocol_name(row), mr_port_state_name(state_of(row)), n);
    if (text) {
        app_wrap(a->out, DETAIL_INDENT, DETAIL_AT, app_safe(a, mr_slice_str(text)));
    }
}

static void show_sum(const struct port_target *t) {
    static const enum mr_port_state order[] = {
        MR_PORT_LISTENING, MR_PORT_NOT_LISTENING, MR_PORT_FILTERED,
        MR_PORT_LISTENING_OR_FILTERED, MR_PORT_UNKNOWN,
    };
    size_t counts[MR_PORT_LISTENING_OR_FILTERED + 1] = {0};
    bool first = true;

    for (size_t i = 0; i < t->count; i++)
        counts[t->rows[i].state]++;
    fputs("\n ", t->a->out);
    for (size_t i = 0; i < MR_COUNT(order); i++) {
        if (!counts[order[i]])
            continue;
        fprintf(t->a->out, "%s%zu %s", first ? "" : ", ", counts[order[i]],
                mr_port_state_name(order[i]));
        first = false;
    }
    if (t->count < t->total)
        fprintf(t->a->out, "%s%zu not asked", first ? "" : ", ", t->total - t->count);
    char took[32];
    fprintf(t->a->out, "   %s\n", app_took_text(t->ended - t->started, took));
}

void port_show(const struct port_target *t) {
    app *a = t->a;
    char address[MR_ADDR_TEXT], vantage[MR_ADDR_TEXT];

    if (t->error)
        return; /* it stands on stderr */
    if (!a->set.quiet) {
        fprintf(a->out, "msrpc port %s   at %s", t->target->input,
                mr_addr_text(&t->address, address));
        if (t->vantage.family != MR_FAMILY_ANY)
            fprintf(a->out, "   from %s, anonymous", mr_addr_text(&t->vantage, vantage));
        fputs("\n\n", a->out);
    }
    for (size_t i = 0; i < t->count;) {
        size_t n = run_len(t, i);
        if (n > 1)
            show_run(t, &t->rows[i], n);
        else
            show_row(t, &t->rows[i]);
        i += n;
    }
    if (!a->set.quiet)
        show_sum(t);
}

/* ---- JSON ---- */

static void json_fields(const mr_port_field *f, mr_writer *w) {
    while (f) {
        const char *key = f->key;
        if (!f->list) {
            mr_writer_value(w, key, &f->value);
            f = f->next;
            continue;
        }
        mr_writer_open(w, key, MR_SHAPE_ARRAY);
        for (; f && f->list && !strcmp(f->key, key); f = f->next)
            mr_writer_value(w, NULL, &f->value);
        mr_writer_close(w);
    }
}

static void json_endpoints(const struct port_extra *x, mr_writer *w) {
    mr_writer_open(w, "endpoints", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < x->endpoint_count; i++) {
        const struct port_endpoint *e = &x->endpoints[i];
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        app_report_iface(w, "interface", &e->interface);
        mr_writer_str(w, "annotation", e->annotation);
        mr_writer_str(w, "protseq", e->protseq);
        mr_writer_str(w, "host", e->host);
        mr_writer_str(w, "endpoint", e->endpoint);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static void json_icmp(const mr_icmp *icmp, mr_writer *w) {
    char sender[MR_ADDR_TEXT];

    mr_writer_open(w, "icmp", MR_SHAPE_OBJECT);
    mr_writer_uint(w, "type", icmp->type);
    mr_writer_uint(w, "code", icmp->code);
    mr_writer_str(w, "text", mr_icmp_text(icmp));
    mr_writer_str(w, "sender", mr_addr_text(&icmp->sender, sender));
    mr_writer_close(w);
}

static void json_row(const struct port_target *t, const struct port_row *row, mr_writer *w) {
    const struct port_extra *x = row->extra;
    const char *service = service_name(row);

    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_uint(w, "port", row->port);
    mr_writer_str(w, "protocol", protocol_name(row));
    mr_writer_str(w, "state", mr_port_state_name(state_of(row)));
    mr_writer_str(w, "service", *service ? service : NULL);
    mr_writer_str(w, "detail", detail(t, row));
    mr_writer_real(w, "ms", (double)row->ms);
    if (row->sent)
        mr_writer_uint(w, "tries", row->sent);
    if (x && x->icmp.present)
        json_icmp(&x->icmp, w);
    if (x && x->asked) {
        mr_writer_str(w, "asked", x->asked);
        mr_writer_str(w, "talk", mr_port_talk_name(x->talk));
    }
    if (x && x->fields) {
        mr_writer_open(w, "answer", MR_SHAPE_OBJECT);
        json_fields(x->fields, w);
        mr_writer_close(w);
    }
    if (x && x->has_endpoints)
        json_endpoints(x, w);
    mr_writer_close(w);
}

void port_json(const struct port_target *t, mr_writer *w) {
    char address[MR_ADDR_TEXT];

    app_report_target(w, t->target, t->address.family ? &t->address : NULL);
    mr_writer_open(w, "vantage", MR_SHAPE_OBJECT);
    mr_writer_str(w, "address",
                  t->vantage.family ? mr_addr_text(&t->vantage, address) : NULL);
    mr_writer_str(w, "identity", "anonymous");
    mr_writer_close(w);
    mr_writer_real(w, "ms", (double)(t->ended - t->started) / (double)MR_MSEC);
    mr_writer_bool(w, "partial", t->count < t->total);
    if (t->error)
        mr_writer_str(w, "error", t->error);
    mr_writer_open(w, "ports", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < t->count; i++)
        json_row(t, &t->rows[i], w);
    mr_writer_close(w);
}
