/*
 * The diagnosis as a writer tells it: the members "phases", "checks", "findings" and "verdict" of
 * the JSON object that diagnose and trace print.
 */
#include "diag_private.h"

const char *mr_status_name(enum mr_status status) {
    static const char *const names[] = {"unknown", "pass", "warn", "fail", "skip"};
    return (unsigned)status < MR_COUNT(names) ? names[status] : "unknown";
}

const char *mr_severity_name(enum mr_severity severity) {
    static const char *const names[] = {"info", "warning", "error"};
    return (unsigned)severity < MR_COUNT(names) ? names[severity] : "";
}

const char *mr_confidence_name(enum mr_confidence confidence) {
    static const char *const names[] = {"possible", "likely", "certain"};
    return (unsigned)confidence < MR_COUNT(names) ? names[confidence] : "";
}

const char *mr_place_name(enum mr_place place) {
    static const char *const names[] = {"client", "server", "dc", "dns", "firewall", "network"};
    return (unsigned)place < MR_COUNT(names) ? names[place] : "";
}

const char *mr_shell_name(enum mr_shell shell) {
    static const char *const names[] = {"none", "cmd", "powershell", "sh"};
    return (unsigned)shell < MR_COUNT(names) ? names[shell] : "";
}

static void write_ms(mr_writer *w, double ms) {
    if (ms < 0)
        mr_writer_null(w, "ms");
    else
        mr_writer_real(w, "ms", (double)(uint64_t)(ms * 1000 + 0.5) / 1000);
}

static void write_phases(const mr_diag *diag, mr_writer *w) {
    mr_writer_open(w, "phases", MR_SHAPE_ARRAY);
    for (int i = MR_PHASE_NAMES; i <= MR_PHASE_COMMUNICATION; i++) {
        enum mr_phase phase = (enum mr_phase)i;
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_int(w, "id", i);
        mr_writer_str(w, "name", mr_phase_name(phase));
        mr_writer_str(w, "status", mr_status_name(mr_diag_get_phase(diag, phase)));
        write_ms(w, mr_diag_get_phase_ms(diag, phase));
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static void write_checks(const mr_diag *diag, mr_writer *w) {
    mr_writer_open(w, "checks", MR_SHAPE_ARRAY);
    for (const mr_diag_check *node = diag->checks; node; node = node->next) {
        const mr_check *check = &node->check;
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "id", check->id);
        mr_writer_int(w, "phase", check->phase);
        mr_writer_str(w, "status", mr_status_name(check->status));
        write_ms(w, check->ms);
        mr_writer_str(w, "summary", check->summary);
        mr_writer_open(w, "evidence", MR_SHAPE_OBJECT);
        for (size_t i = 0; i < check->evidence_count; i++)
            mr_writer_value(w, check->evidence[i].key, &check->evidence[i].value);
        mr_writer_close(w);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static void write_remedy(const mr_remedy *remedy, mr_writer *w) {
    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "text", remedy->text);
    mr_writer_str(w, "run_on", mr_place_name(remedy->run_on));
    mr_writer_str(w, "shell", mr_shell_name(remedy->shell));
    mr_writer_str(w, "command", remedy->command);
    mr_writer_str(w, "risk", remedy->risk);
    mr_writer_str(w, "undo", remedy->undo);
    mr_writer_str(w, "verify", remedy->verify);
    mr_writer_close(w);
}

static void write_next(const mr_next *next, mr_writer *w) {
    if (!next->command) {
        mr_writer_null(w, "next");
        return;
    }
    mr_writer_open(w, "next", MR_SHAPE_OBJECT);
    mr_writer_str(w, "command", next->command);
    mr_writer_open(w, "if", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < next->branch_count; i++) {
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "result", next->branches[i].result);
        mr_writer_str(w, "then", next->branches[i].then);
        mr_writer_close(w);
    }
    mr_writer_close(w);
    mr_writer_close(w);
}

static void write_win32(mr_writer *w, uint32_t win32) {
    if (win32)
        mr_writer_uint(w, "win32", win32);
    else
        mr_writer_null(w, "win32");
}

void mr_finding_write(const mr_finding *finding, mr_writer *w) {
    mr_writer_str(w, "id", finding->id);
    mr_writer_int(w, "phase", finding->phase);
    mr_writer_str(w, "severity", mr_severity_name(finding->severity));
    write_win32(w, finding->win32);
    mr_writer_str(w, "confidence", mr_confidence_name(finding->confidence));
    mr_writer_str(w, "summary", finding->summary);
    mr_writer_str(w, "cause", finding->cause);
    mr_writer_open(w, "evidence", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < finding->evidence_count; i++)
        mr_writer_str(w, NULL, finding->evidence[i]);
    mr_writer_close(w);
    mr_writer_str(w, "reference", finding->reference);
    mr_writer_str(w, "explained_by", finding->explained_by ? finding->explained_by->id : NULL);
    mr_writer_open(w, "remedies", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < finding->remedy_count; i++)
        write_remedy(&finding->remedies[i], w);
    mr_writer_close(w);
    write_next(&finding->next, w);
}

void mr_verdict_write(const mr_verdict *verdict, mr_writer *w) {
    mr_writer_open(w, "verdict", MR_SHAPE_OBJECT);
    if (verdict->finding) {
        mr_writer_int(w, "phase", verdict->phase);
        mr_writer_str(w, "finding", verdict->finding->id);
        write_win32(w, verdict->finding->win32);
    } else {
        mr_writer_null(w, "phase");
        mr_writer_null(w, "finding");
        mr_writer_null(w, "win32");
    }
    mr_writer_str(w, "summary", verdict->summary);
    mr_writer_close(w);
}

void mr_diag_write_json(const mr_diag *diag, mr_writer *w) {
    write_phases(diag, w);
    write_checks(diag, w);
    mr_diag_write_findings(diag, w);
}

void mr_diag_write_findings(const mr_diag *diag, mr_writer *w) {
    mr_writer_open(w, "findings", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < mr_diag_finding_count(diag); i++) {
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_finding_write(mr_diag_get_finding(diag, i), w);
        mr_writer_close(w);
    }
    mr_writer_close(w);
    mr_verdict_write(mr_diag_get_verdict(diag), w);
}
