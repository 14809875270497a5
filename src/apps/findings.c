/*
 * The verdict, the findings with their remedies and the next test, as every command that judges
 * shows them; and the exit code they give.
 */
#include "findings.h"

static const char *place_text(enum mr_place place) {
    switch (place) {
    case MR_PLACE_CLIENT: return "on this client";
    case MR_PLACE_SERVER: return "on the server";
    case MR_PLACE_DC: return "on the domain controller";
    case MR_PLACE_DNS: return "on the DNS server";
    case MR_PLACE_FIREWALL: return "on the firewall";
    case MR_PLACE_NETWORK: return "in the network";
    }
    return "";
}

static void show_remedy(app *a, const mr_remedy *remedy, bool first) {
    char label[128];

    snprintf(label, sizeof label, " %-8s ", first ? "REMEDY" : "or");
    char text[MR_DIAG_TEXT_MAX + 64];
    bool placed = strncmp(remedy->text, "On ", 3) == 0 || strncmp(remedy->text, "At ", 3) == 0;
    snprintf(text, sizeof text, "%s%s%s", placed ? "" : place_text(remedy->run_on),
             placed ? "" : ": ", remedy->text);
    app_wrap(a->out, label, 10, text);
    if (remedy->command)
        fprintf(a->out, "   %s%s%s\n", app_style(a, APP_BOLD), remedy->command,
                app_style(a, APP_PLAIN));
    if (!a->set.verbose)
        return;
    if (remedy->risk)
        app_wrap(a->out, "          risk: ", 10, remedy->risk);
    if (remedy->undo)
        fprintf(a->out, "          undo: %s\n", remedy->undo); /* a command: never wrapped */
    if (remedy->verify)
        fprintf(a->out, "          verify: %s\n", remedy->verify);
}

static void show_next(app *a, const mr_next *next) {
    if (!next->command)
        return;
    fprintf(a->out, " NEXT     %s\n", next->command);
    for (size_t i = 0; i < next->branch_count; i++) {
        char text[MR_DIAG_TEXT_MAX * 2];
        snprintf(text, sizeof text, "%s: %s", next->branches[i].result, next->branches[i].then);
        app_wrap(a->out, "          ", 12, text);
    }
}

enum app_mark app_finding_mark(const mr_finding *finding) {
    switch (finding->severity) {
    case MR_SEVERITY_ERROR: return APP_MARK_FAIL;
    case MR_SEVERITY_WARNING: return APP_MARK_WARN;
    case MR_SEVERITY_INFO: return APP_MARK_SKIP;
    }
    return APP_MARK_SKIP;
}

void app_finding_show(app *a, const mr_finding *finding) {
    size_t most = a->set.verbose ? finding->remedy_count : 2;

    app_wrap(a->out, " CAUSE    ", 10, finding->cause);
    if (finding->confidence != MR_CONFIDENCE_CERTAIN)
        fprintf(a->out, "          (%s)\n", mr_confidence_name(finding->confidence));
    for (size_t i = 0; i < finding->remedy_count && i < most; i++)
        show_remedy(a, &finding->remedies[i], i == 0);
    show_next(a, &finding->next);
}

void app_verdict_show(app *a, const mr_verdict *verdict, bool partial) {
    char left[200], right[40] = "";

    if (!verdict->finding) {
        fprintf(a->out, " %sVERDICT%s  %s\n", app_style(a, APP_BOLD), app_style(a, APP_PLAIN),
                partial ? "incomplete: what was seen is fine" : verdict->summary);
        return;
    }
    snprintf(left, sizeof left, "phase %d: %s", (int)verdict->phase, verdict->summary);
    if (verdict->finding->win32)
        snprintf(right, sizeof right, "Windows shows %u", verdict->finding->win32);
    if (strlen(left) > APP_COLUMNS - 10) {
        char head[40];
        snprintf(head, sizeof head, " %sVERDICT%s  ", app_style(a, APP_BOLD),
                 app_style(a, APP_PLAIN));
        app_wrap(a->out, head, 10, left);
        left[0] = '\0';
    }
    int pad = APP_COLUMNS - 10 - (int)strlen(left) - (int)strlen(right);
    if (left[0])
        fprintf(a->out, " %sVERDICT%s  %s%*s%s\n", app_style(a, APP_BOLD),
                app_style(a, APP_PLAIN), left, pad >= 2 && right[0] ? pad : 0, "",
                pad >= 2 ? right : "");
    if ((pad < 2 || !left[0]) && right[0])
        fprintf(a->out, "%*s\n", APP_COLUMNS, right);
    app_finding_show(a, verdict->finding);
}

/* A line, or the id on one of its own where both do not fit. */
void app_finding_title(app *a, const mr_finding *finding) {
    enum app_mark mark = app_finding_mark(finding);
    size_t width = 6 + strlen("phase 1: ") + strlen(finding->summary) + 4 + strlen(finding->id);

    fprintf(a->out, "\n %s phase %d: %s%s(%s)\n", app_mark(a, mark), (int)finding->phase,
            finding->summary, width <= APP_COLUMNS ? "  " : "\n      ", finding->id);
}

/* Unexplained findings beside the verdict. */
static void show_others(app *a, const mr_diag *diag) {
    const mr_verdict *verdict = mr_diag_get_verdict(diag);
    const mr_finding *finding;

    for (size_t i = 0; (finding = mr_diag_get_finding(diag, i)) != NULL; i++) {
        if (finding == verdict->finding || finding->explained_by)
            continue;
        if (finding->severity == MR_SEVERITY_INFO && !a->set.verbose)
            continue;
        app_finding_title(a, finding);
        app_finding_show(a, finding);
    }
}

void app_findings_show(app *a, const mr_diag *diag, bool partial) {
    app_verdict_show(a, mr_diag_get_verdict(diag), partial);
    show_others(a, diag);
}

int app_findings_exit(const app *a, const mr_diag *diag) {
    int code = mr_diag_get_verdict(diag)->exit;
    const mr_finding *finding;

    if (code == APP_WARNINGS && a->set.fail_on == APP_FAIL_ON_ERROR)
        return APP_OK;
    for (size_t i = 0; code == APP_OK && a->set.fail_on == APP_FAIL_ON_INFO &&
                       (finding = mr_diag_get_finding(diag, i)) != NULL; i++)
        code = APP_WARNINGS;
    return code;
}
