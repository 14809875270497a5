/*
 * The forms of msrpc map: the table for people, the layouts of rpcdump and portqry for old eyes
 * and scripts, CSV (RFC 4180), and the members of the JSON report.
 */
#include "map.h"

#include <stdlib.h>

#include <msrpc/ifaces/names.h>

#include "report.h"

const char *map_binding(app *a, const mr_mapper_entry *entry) {
    const mr_binding binding = {
        .protseq = entry->protseq,
        .protseq_text = entry->protseq_text,
        .host = entry->host,
        .endpoint = entry->endpoint,
    };
    mr_buf text;

    mr_buf_init(&text, NULL, 0, MR_BINDING_TEXT_MAX);
    mr_binding_text(&binding, &text);
    const char *out = mr_buf_error(&text) ? NULL : mr_arena_add_str(&a->arena, mr_buf_slice(&text));
    mr_buf_deinit(&text);
    return out ? out : "";
}

static const char *known_service(const mr_mapper_entry *e) {
    const mr_iface_name *known = mr_name_find(&e->interface.uuid);
    return known ? mr_name_service(known) : "";
}
static const char *known_doc(const mr_mapper_entry *e) {
    const mr_iface_name *known = mr_name_find(&e->interface.uuid);
    return known ? mr_name_doc(known) : "";
}
static const char *known_module(const mr_mapper_entry *e) {
    const mr_iface_name *known = mr_name_find(&e->interface.uuid);
    return known ? mr_name_module(known) : "";
}

static bool same_iface(const mr_mapper_entry *a, const mr_mapper_entry *b) {
    return a && mr_syntax_eq(&a->interface, &b->interface) && a->tower_bad == b->tower_bad;
}

/* ---- table ---- */

static enum app_mark probe_mark(enum map_probe probe) {
    switch (probe) {
    case MAP_PROBE_NONE: return APP_MARK_SKIP;
    case MAP_PROBE_BOUND: return APP_MARK_OK;
    case MAP_PROBE_REJECTED:
    case MAP_PROBE_MUTE:
    case MAP_PROBE_FAILED: return APP_MARK_WARN;
    case MAP_PROBE_REFUSED:
    case MAP_PROBE_FILTERED:
    case MAP_PROBE_UNREACHABLE: return APP_MARK_FAIL;
    }
    return APP_MARK_SKIP;
}

static void table_head(app *a, const mr_mapper_entry *e) {
    char name[64], uuid[MR_UUID_TEXT], left[160];
    bool named = !strchr(app_iface_name(&e->interface, name), ' ');
    const char *doc = known_doc(e), *service = known_service(e);

    if (e->tower_bad) {
        fprintf(a->out, "\n (towers that cannot be read)\n");
        return;
    }
    snprintf(left, sizeof left, "%s%s%u.%u%s%s%s%s", named ? name : "", named ? " " : "",
             e->interface.major, e->interface.minor, *doc ? "  " : "", doc, *service ? "  " : "",
             service);
    fprintf(a->out, "\n %s%-42.80s%s %s\n", app_style(a, APP_BOLD), left, app_style(a, APP_PLAIN),
            mr_uuid_text(&e->interface.uuid, uuid));
}

/* Whether the tower names another host than the one that was asked. */
static bool host_differs(const struct map *map, const mr_mapper_entry *e) {
    char address[MR_ADDR_TEXT];

    return e->host.len && !e->host_substituted &&
           !mr_slice_eq_nocase(e->host, mr_slice_str(map->target->host)) &&
           !(map->remote && mr_slice_eq(e->host, mr_slice_str(mr_addr_text(map->remote, address))));
}

static void table_row(app *a, const struct map *map, const struct map_row *row, bool probed) {
    const mr_mapper_entry *e = row->entry;
    char object[MR_UUID_TEXT];

    fprintf(a->out, "   %s%s%-13s %-20s", probed ? app_mark(a, probe_mark(row->probe)) : "",
            probed ? " " : "", app_safe(a, e->protseq_text), app_safe(a, e->endpoint));
    if (host_differs(map, e))
        fprintf(a->out, " on %s", app_safe(a, e->host));
    if (e->annotation.len)
        fprintf(a->out, " %s", app_safe(a, e->annotation));
    if (!mr_uuid_is_nil(&e->object))
        fprintf(a->out, " object %s", mr_uuid_text(&e->object, object));
    fputc('\n', a->out);
    if (probed && row->detail)
        app_wrap(a->out, "          ", 10, row->detail);
}

static int compare_port(const void *a, const void *b) {
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* The distinct TCP ports, sorted, into @out of @size; how many there are. */
static size_t tcp_ports(const struct map *map, uint16_t *out, size_t size) {
    size_t n = 0;
    for (size_t i = 0; i < map->count; i++) {
        const mr_mapper_entry *e = map->rows[i].entry;
        size_t k = 0;
        if (e->protseq != MR_PROTSEQ_NCACN_IP_TCP || !e->port)
            continue;
        while (k < n && out[k] != e->port)
            k++;
        if (k == n && n < size)
            out[n++] = e->port;
    }
    qsort(out, n, sizeof *out, compare_port);
    return n;
}

static void table_foot(app *a, const struct map *map, size_t ifaces) {
    uint16_t ports[256];
    size_t n = tcp_ports(map, ports, MR_COUNT(ports));

    fprintf(a->out, "\n %zu endpoint%s of %zu interface%s", map->count, map->count == 1 ? "" : "s",
            ifaces, ifaces == 1 ? "" : "s");
    if (map->count != map->total)
        fprintf(a->out, " (of %zu registered)", map->total);
    if (n)
        fprintf(a->out, ", TCP port%s", n == 1 ? "" : "s");
    for (size_t i = 0; i < n && i < 12; i++)
        fprintf(a->out, " %u", ports[i]);
    fprintf(a->out, "%s   %.0f ms\n", n > 12 ? " ..." : "", app_session_ms(map->s));
    if (map->cut)
        fprintf(a->out, " The mapper did not come to an end; the list was cut here.\n");
}

static void show_table(const struct map *map, bool probed) {
    app *a = map->s->a;
    const mr_mapper_entry *last = NULL;
    size_t ifaces = 0;
    char address[MR_ADDR_TEXT];

    if (!a->set.quiet)
        fprintf(a->out, "msrpc map %s%s%s\n", map->target->input, map->remote ? "   at " : "",
                map->remote ? mr_addr_port_text(map->remote, address) : "");
    if (!a->set.quiet)
        app_session_show_who(map->s);
    for (size_t i = 0; i < map->count; i++) {
        const mr_mapper_entry *e = map->rows[i].entry;
        if (!same_iface(last, e)) {
            ifaces++;
            table_head(a, e);
        }
        last = e;
        table_row(a, map, &map->rows[i], probed);
    }
    if (!map->refused)
        table_foot(a, map, ifaces);
}

/* ---- the layouts of the old tools ---- */

static void upper_uuid(const mr_uuid *uuid, char out[MR_UUID_TEXT]) {
    mr_uuid_text(uuid, out);
    for (char *p = out; *p; p++)
        if (*p >= 'a' && *p <= 'f')
            *p = (char)(*p - 32);
}

static void show_rpcdump(const struct map *map) {
    app *a = map->s->a;
    const mr_mapper_entry *last = NULL;
    char uuid[MR_UUID_TEXT];

    for (size_t i = 0; i < map->count; i++) {
        const mr_mapper_entry *e = map->rows[i].entry;
        if (!same_iface(last, e)) {
            const char *doc = known_doc(e), *module = known_module(e);
            upper_uuid(&e->interface.uuid, uuid);
            if (*doc)
                fprintf(a->out, "Protocol: [%s]\n", doc);
            else
                fprintf(a->out, "Protocol: N/A\n");
            fprintf(a->out, "Provider: %s\nUUID    : %s v%u.%u %s\nBindings:\n",
                    *module ? module : "N/A", uuid, e->interface.major, e->interface.minor,
                    app_safe(a, e->annotation));
        }
        last = e;
        fprintf(a->out, "          %s\n", app_safe(a, mr_slice_str(map_binding(a, e))));
        bool ends = i + 1 == map->count || !same_iface(e, map->rows[i + 1].entry);
        if (ends)
            fputc('\n', a->out);
    }
    fprintf(a->out, "[*] Received %zu endpoints.\n", map->count);
}

void map_portqry_open(FILE *out) {
    fputs("Querying Endpoint Mapper Database...\nServer's response:\n\n", out);
}

void map_portqry_entry(app *a, FILE *out, const mr_mapper_entry *e) {
    char uuid[MR_UUID_TEXT];

    fprintf(out, "UUID: %s %s\n%s\n\n", mr_uuid_text(&e->interface.uuid, uuid),
            app_safe(a, e->annotation), app_safe(a, mr_slice_str(map_binding(a, e))));
}

void map_portqry_close(FILE *out, size_t count) {
    fprintf(out, "Total endpoints found: %zu\n\n"
            "==== End of RPC Endpoint Mapper query response ====\n", count);
}

static void show_portqry(const struct map *map) {
    app *a = map->s->a;

    map_portqry_open(a->out);
    for (size_t i = 0; i < map->count; i++)
        map_portqry_entry(a, a->out, map->rows[i].entry);
    map_portqry_close(a->out, map->count);
}

/* ---- CSV ---- */

static void csv_field(FILE *out, mr_slice s, const char *after) {
    bool quote = false;
    for (size_t i = 0; i < s.len; i++)
        quote |= s.data[i] == ',' || s.data[i] == '"' || s.data[i] == '\n' || s.data[i] == '\r';
    if (quote)
        fputc('"', out);
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '"')
            fputc('"', out);
        fputc(s.data[i], out);
    }
    fprintf(out, "%s%s", quote ? "\"" : "", after);
}

static void show_csv(const struct map *map) {
    app *a = map->s->a;
    char uuid[MR_UUID_TEXT], version[16], name[64], object[MR_UUID_TEXT];

    fputs("uuid,version,name,service,document,object,annotation,protseq,host,endpoint,binding,"
          "probe\r\n", a->out);
    for (size_t i = 0; i < map->count; i++) {
        const mr_mapper_entry *e = map->rows[i].entry;
        snprintf(version, sizeof version, "%u.%u", e->interface.major, e->interface.minor);
        const char *known = app_iface_name(&e->interface, name);
        const mr_slice fields[] = {
            mr_slice_str(mr_uuid_text(&e->interface.uuid, uuid)),
            mr_slice_str(version),
            mr_slice_str(strchr(known, ' ') ? "" : known),
            mr_slice_str(known_service(e)),
            mr_slice_str(known_doc(e)),
            mr_slice_str(mr_uuid_is_nil(&e->object) ? "" : mr_uuid_text(&e->object, object)),
            e->annotation,
            e->protseq_text,
            e->host,
            e->endpoint,
            mr_slice_str(map_binding(a, e)),
            mr_slice_str(map_probe_name(map->rows[i].probe)),
        };
        for (size_t k = 0; k < MR_COUNT(fields); k++)
            csv_field(a->out, fields[k], k + 1 < MR_COUNT(fields) ? "," : "\r\n");
    }
}

void map_show(const struct map *map, const struct map_options *options) {
    switch ((enum map_format)options->format) {
    case MAP_TABLE:
        show_table(map, options->probe);
        break;
    case MAP_RPCDUMP:
        show_rpcdump(map);
        break;
    case MAP_PORTQRY:
        show_portqry(map);
        break;
    case MAP_CSV:
        show_csv(map);
        break;
    case MAP_JSON: /* --json by another name; run() turned it into that */
        break;
    }
}

/* ---- JSON ---- */

void map_json_entry(app *a, const char *key, const struct map_row *row, mr_writer *w) {
    const mr_mapper_entry *e = row->entry;
    const mr_iface_name *known = mr_name_find(&e->interface.uuid);

    mr_writer_open(w, key, MR_SHAPE_OBJECT);
    app_report_iface(w, "interface", &e->interface);
    if (mr_uuid_is_nil(&e->object))
        mr_writer_null(w, "object");
    else
        mr_writer_uuid(w, "object", &e->object);
    mr_writer_slice(w, "annotation", e->annotation);
    mr_writer_str(w, "binding", map_binding(a, e));
    mr_writer_slice(w, "protseq", e->protseq_text);
    mr_writer_slice(w, "host", e->host);
    mr_writer_slice(w, "endpoint", e->endpoint);
    mr_writer_str(w, "service", known ? mr_name_service(known) : NULL);
    mr_writer_str(w, "document", known ? mr_name_doc(known) : NULL);
    if (e->tower_bad)
        mr_writer_value(w, "tower", &(mr_value){.kind = MR_VALUE_HEX, .u.string = e->tower});
    if (row->probe != MAP_PROBE_NONE) {
        mr_writer_str(w, "probe", map_probe_name(row->probe));
        if (row->detail)
            mr_writer_str(w, "detail", row->detail);
    }
    mr_writer_close(w);
}

void map_json(const struct map *map, mr_writer *w) {
    mr_writer_open(w, "endpoints", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < map->count; i++)
        map_json_entry(map->s->a, NULL, &map->rows[i], w);
    mr_writer_close(w);
    mr_writer_uint(w, "total", map->total);
    mr_writer_uint(w, "lookups", map->calls);
}
