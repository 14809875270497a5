/*
 * Judging: findings fold under those that explain them, what remains is ordered, and the first
 * error is the verdict: lowest phase, then highest confidence, then the order of rules.list. A
 * phase passes only when something proves that it works.
 */
#include "diag_private.h"

#include <stdlib.h>

static int cmp_finding(const void *a, const void *b) {
    const mr_finding *x = a, *y = b;
    if (x->severity != y->severity)
        return x->severity > y->severity ? -1 : 1;
    if (x->phase != y->phase)
        return x->phase < y->phase ? -1 : 1;
    if (x->confidence != y->confidence)
        return x->confidence > y->confidence ? -1 : 1;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return mr_fact_cmp(&x->subject, &y->subject);
}

/* A cause speaks for a finding when its rule says so and no field that tells both from others of
 * their rules differs: one dead address does not explain what another address does. */
static bool explains(const mr_finding *cause, const mr_finding *finding) {
    mr_fields shared = cause->rule->per & finding->rule->per;
    bool named = false;
    for (size_t i = 0; i < MR_RULE_EXPLAINS && mr_text_get(cause->rule->explains[i]) && !named; i++)
        named = strcmp(mr_text_get(cause->rule->explains[i]), finding->id) == 0;
    if (!named || cause->rule == finding->rule)
        return false;
    for (unsigned f = 0; shared >> f; f++) {
        if ((shared >> f & 1) && mr_fact_is_set(&cause->subject, (enum mr_field)f) &&
            mr_fact_is_set(&finding->subject, (enum mr_field)f) &&
            mr_fact_field_cmp(&cause->subject, &finding->subject, (enum mr_field)f) != 0)
            return false;
    }
    return true;
}

/* Replaces the findings by a copy where unexplained ones come first and causes are linked. */
static int fold(mr_diag *diag) {
    size_t n = diag->finding_count, at = 0;
    mr_finding *folded = mr_arena_get(diag->arena, n, sizeof *folded);
    size_t *cause = mr_arena_get(diag->arena, n, sizeof *cause); /* index, or n */
    size_t *place = mr_arena_get(diag->arena, n, sizeof *place);
    if (!folded || !cause || !place)
        return MR_ERR_MEMORY;
    for (size_t i = 0; i < n; i++) {
        cause[i] = n;
        for (size_t c = 0; c < n && cause[i] == n; c++) {
            if (c != i && explains(&diag->findings[c], &diag->findings[i]))
                cause[i] = c;
        }
    }
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            if ((cause[i] == n) == (pass == 0)) {
                place[i] = at;
                folded[at++] = diag->findings[i];
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (cause[i] < n)
            folded[place[i]].explained_by = &folded[place[cause[i]]];
    }
    diag->findings = folded;
    diag->finding_capacity = n;
    return 0;
}

/* The severity that stands: an error that a warning explains counts as that warning. Rules explain
 * one another without circles; the bound keeps a mistake there from hanging. */
static enum mr_severity standing(const mr_finding *finding) {
    enum mr_severity severity = finding->severity;
    for (int i = 0; finding->explained_by && i < 8; i++) {
        finding = finding->explained_by;
        if (finding->severity < severity)
            severity = finding->severity;
    }
    return severity;
}

static bool cites(const mr_finding *finding, const char *check) {
    for (size_t j = 0; j < finding->evidence_count; j++) {
        if (strcmp(finding->evidence[j], check) == 0)
            return true;
    }
    return false;
}

static bool cited(const mr_diag *diag, const char *check) {
    for (size_t i = 0; i < diag->finding_count; i++) {
        if (cites(&diag->findings[i], check))
            return true;
    }
    return false;
}

/* Whether another error stands on one of its checks. */
static bool is_spare(const mr_diag *diag, const mr_finding *finding) {
    if (!finding->rule->last)
        return false;
    for (size_t i = 0; i < diag->finding_count; i++) {
        const mr_finding *other = &diag->findings[i];
        if (other->rule->last || standing(other) != MR_SEVERITY_ERROR)
            continue;
        for (size_t j = 0; j < finding->evidence_count; j++) {
            if (cites(other, finding->evidence[j]))
                return true;
        }
    }
    return false;
}

/* Folds anew without those that have nothing to add. */
static int drop_spare(mr_diag *diag) {
    size_t n = diag->finding_count, kept = 0;
    mr_finding *findings = mr_arena_get(diag->arena, n, sizeof *findings);
    if (!findings)
        return MR_ERR_MEMORY;
    for (size_t i = 0; i < n; i++) {
        if (is_spare(diag, &diag->findings[i]))
            continue;
        findings[kept] = diag->findings[i];
        findings[kept++].explained_by = NULL;
    }
    if (kept == n)
        return 0;
    diag->findings = findings;
    diag->finding_count = kept;
    qsort(findings, kept, sizeof *findings, cmp_finding);
    return fold(diag);
}

static bool proves(const mr_fact *fact) {
    if (fact->kind == MR_FACT_TCP_OPEN)
        return fact->role != MR_ROLE_NEIGHBOUR;
    return fact->kind == MR_FACT_NAME_RESOLVED || fact->kind == MR_FACT_NAME_ANSWERED ||
           fact->kind == MR_FACT_EPM_BOUND ||
           fact->kind == MR_FACT_EPM_MAPPED || fact->kind == MR_FACT_EPM_LISTED ||
           fact->kind == MR_FACT_RPC_BOUND || fact->kind == MR_FACT_RPC_CALLED;
}

/* The status that checks alone give; without any that decides, facts may still prove success. */
static enum mr_status from_checks(const mr_diag *diag, enum mr_phase phase) {
    bool pass = false, open = false, skip = diag->phase_skip[phase], any = false;
    for (const mr_diag_check *node = diag->checks; node; node = node->next) {
        const mr_check *check = &node->check;
        if (check->phase != phase || check->aside)
            continue;
        if (check->status == MR_STATUS_WARN ||
            (check->status == MR_STATUS_FAIL && !cited(diag, check->id)))
            return MR_STATUS_WARN;
        pass = pass || check->status == MR_STATUS_PASS;
        open = open || check->status == MR_STATUS_UNKNOWN;
        skip = skip || check->status == MR_STATUS_SKIP;
        any = any || check->status != MR_STATUS_SKIP;
    }
    if (!any && !diag->phase_skip[phase]) {
        for (size_t i = 0; i < diag->sorted_count && !pass; i++)
            pass = mr_fact_phase(diag->sorted[i]->kind) == phase && proves(diag->sorted[i]);
    }
    if (open)
        return MR_STATUS_UNKNOWN;
    return pass ? MR_STATUS_PASS : skip ? MR_STATUS_SKIP : MR_STATUS_UNKNOWN;
}

enum mr_status mr_diag_get_phase(const mr_diag *diag, enum mr_phase phase) {
    bool warning = false;
    if (!diag->ran || phase < MR_PHASE_NAMES || phase > MR_PHASE_COMMUNICATION)
        return MR_STATUS_UNKNOWN;
    for (size_t i = 0; i < diag->finding_count; i++) {
        const mr_finding *finding = &diag->findings[i];
        if (finding->phase != phase)
            continue;
        if (standing(finding) == MR_SEVERITY_ERROR)
            return MR_STATUS_FAIL;
        warning = warning || standing(finding) == MR_SEVERITY_WARNING;
    }
    return warning ? MR_STATUS_WARN : from_checks(diag, phase);
}

/* Whether a check that would decide came to no end: what was asked for is not known. */
static bool is_open(const mr_diag *diag, enum mr_phase phase) {
    for (const mr_diag_check *node = diag->checks; node; node = node->next)
        if (node->check.phase == phase && !node->check.aside &&
            (node->check.status == MR_STATUS_UNKNOWN || node->check.status == MR_STATUS_SKIP))
            return true;
    return false;
}

/* The verdict where no error stands. */
static void judge_health(const mr_diag *diag, mr_verdict *verdict) {
    bool warning = false, whole = true;
    for (size_t i = 0; i < diag->finding_count; i++)
        warning = warning || standing(&diag->findings[i]) == MR_SEVERITY_WARNING;
    for (int phase = MR_PHASE_NAMES; phase <= MR_PHASE_COMMUNICATION; phase++) {
        enum mr_status status = mr_diag_get_phase(diag, (enum mr_phase)phase);
        warning = warning || status == MR_STATUS_WARN;
        whole = whole && (status == MR_STATUS_PASS ||
                          (status == MR_STATUS_WARN && !is_open(diag, (enum mr_phase)phase)));
    }
    verdict->exit = warning ? 1 : 0;
    if (whole)
        verdict->summary = warning ? "RPC works; see the warnings" : "every phase passed";
    else
        verdict->summary = warning ? "no error in what was checked; see the warnings"
                                   : "no fault in what was checked";
}

int mr_diag_judge(mr_diag *diag) {
    if (diag->finding_count)
        qsort(diag->findings, diag->finding_count, sizeof *diag->findings, cmp_finding);
    int rc = fold(diag);
    if (!rc)
        rc = drop_spare(diag);
    if (rc)
        return rc;
    diag->ran = true;
    diag->verdict = (mr_verdict){0};
    const mr_finding *first = diag->finding_count ? &diag->findings[0] : NULL;
    if (first && !first->explained_by && first->severity == MR_SEVERITY_ERROR)
        diag->verdict = (mr_verdict){.finding = first,
                                     .phase = first->phase,
                                     .summary = first->summary,
                                     .exit = 10 * (int)first->phase};
    else
        judge_health(diag, &diag->verdict);
    return 0;
}
