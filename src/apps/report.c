/* The frame of every JSON report: who speaks, and with which exit code it ended. */
#include "report.h"

#include <msrpc/ifaces/names.h>

void app_reports_open(app *a, size_t count) {
    a->several = a->set.json && !a->set.jsonl && count > 1;
    a->reports = 0;
    if (a->several)
        fprintf(a->out, "{\n\"schema\": %d,\n\"tool\": \"msrpc\",\n\"version\": \"%s\",\n"
                "\"command\": \"%s\",\n\"results\": [\n", APP_SCHEMA, MSRPC_VERSION,
                a->command->name);
}

bool app_reports_end(app *a) {
    if (!a->several)
        return false;
    fputs("],\n", a->out);
    a->several = false;
    a->ended = true;
    return true;
}

int app_reports_close(app *a, int code) {
    (void)app_reports_end(a);
    if (a->ended)
        fprintf(a->out, "\"partial\": %s,\n\"exit\": %d\n}\n",
                code >= APP_INCOMPLETE ? "true" : "false", code);
    a->ended = false;
    return code;
}

void app_report_open(app *a, mr_writer *w) {
    if (a->several && a->reports++)
        fputs(",\n", a->out);
    mr_writer_init_json(w, app_sink_file, a->out, !a->set.jsonl);
    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_int(w, "schema", APP_SCHEMA);
    mr_writer_str(w, "tool", "msrpc");
    mr_writer_str(w, "version", MSRPC_VERSION);
    mr_writer_str(w, "command", a->command->name);
}

void app_report_target(mr_writer *w, const app_target *target, const mr_addr *remote) {
    char address[MR_ADDR_TEXT];

    mr_writer_open(w, "target", MR_SHAPE_OBJECT);
    mr_writer_str(w, "input", target->input);
    mr_writer_str(w, "host", target->host);
    mr_writer_str(w, "address", remote ? mr_addr_text(remote, address) : NULL);
    mr_writer_close(w);
}

void app_report_iface(mr_writer *w, const char *key, const mr_syntax *interface) {
    const mr_iface_name *known = mr_name_find(&interface->uuid);

    mr_writer_open(w, key, MR_SHAPE_OBJECT);
    mr_writer_uuid(w, "uuid", &interface->uuid);
    mr_writer_fmt(w, "version", "%u.%u", interface->major, interface->minor);
    mr_writer_str(w, "name", known && mr_name_is_known(known) ? mr_name_text(known) : NULL);
    mr_writer_close(w);
}

int app_report_close(app *a, mr_writer *w, int code) {
    mr_writer_int(w, "exit", code);
    mr_writer_close(w);
    int r = mr_writer_flush(w);
    mr_writer_deinit(w);
    return r ? app_refuse(a, APP_UNWRITABLE, "%s: %s", a->out_name, mr_result_text(r)) : code;
}
