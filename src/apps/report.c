/* The frame of every JSON report: who speaks, and with which exit code it ended. */
#include "report.h"

void app_reports_open(app *a, size_t count) {
    a->several = a->set.json && !a->set.jsonl && count > 1;
    a->reports = 0;
    if (a->several)
        fprintf(a->out, "{\n\"schema\": %d,\n\"results\": [\n", APP_SCHEMA);
}

int app_reports_close(app *a, int code) {
    if (a->several)
        fprintf(a->out, "],\n\"exit\": %d\n}\n", code);
    a->several = false;
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

int app_report_close(app *a, mr_writer *w, int code) {
    mr_writer_int(w, "exit", code);
    mr_writer_close(w);
    int r = mr_writer_flush(w);
    mr_writer_deinit(w);
    return r ? app_refuse(a, APP_UNWRITABLE, "%s: %s", a->out_name, mr_result_text(r)) : code;
}
