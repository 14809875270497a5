/*
 * Matching: one rule against the sorted facts. Facts of a kind lie together and are sorted by
 * address and port first, so a pattern that must agree with its anchor on these looks at a narrow
 * run only.
 */
#include "diag_private.h"

#include <stdlib.h>

#include <msrpc/base/codes.h>

static bool where_fits(const mr_where *where, const mr_fact *fact) {
    uint64_t value = mr_fact_number(fact, where->field);
    switch (where->op) {
    case MR_OP_NONE:
        return true;
    case MR_OP_EQ:
        return value == where->value;
    case MR_OP_NE:
        return value != where->value;
    case MR_OP_GE:
        return value >= where->value;
    case MR_OP_LT:
        return value < where->value;
    case MR_OP_IN:
        return value < 32 && (where->value >> value & 1);
    }
    return false;
}

static bool pattern_fits(const mr_pattern *pattern, const mr_fact *anchor, const mr_fact *fact) {
    for (size_t i = 0; i < MR_COUNT(pattern->where); i++) {
        if (!where_fits(&pattern->where[i], fact))
            return false;
    }
    mr_fields related = pattern->same | pattern->differs;
    for (unsigned f = 0; related >> f; f++) {
        enum mr_field field = (enum mr_field)f;
        if (!(related >> f & 1))
            continue;
        if (!mr_fact_knows(anchor, field) || !mr_fact_knows(fact, field))
            return false;
        if ((mr_fact_field_cmp(anchor, fact, field) == 0) != (pattern->same >> f & 1))
            return false;
    }
    return true;
}

/* Order of a fact against the anchor by the leading sort fields that @same names. */
static int lead_cmp(const mr_fact *fact, const mr_fact *anchor, mr_fields same) {
    int order = 0;
    if (same & MR_F(ADDRESS))
        order = mr_fact_field_cmp(fact, anchor, MR_FIELD_ADDRESS);
    if (!order && (same & MR_F(ADDRESS)) && (same & MR_F(PORT)))
        order = mr_fact_field_cmp(fact, anchor, MR_FIELD_PORT);
    return order;
}

static size_t first_not_below(const mr_diag *diag, size_t low, size_t high, const mr_fact *anchor,
                              mr_fields same) {
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (lead_cmp(diag->sorted[mid], anchor, same) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Whether two facts speak of the same thing: the fields that facts are sorted by first. */
static bool same_subject(const mr_fact *a, const mr_fact *b) {
    for (unsigned f = MR_FIELD_ADDRESS; f <= MR_FIELD_SERVER; f++) {
        if (mr_fact_field_cmp(a, b, (enum mr_field)f) != 0)
            return false;
    }
    return true;
}

static void keep(mr_match *match, size_t slot, const mr_fact *fact) {
    for (size_t i = 0; i < match->count[slot]; i++) {
        if (match->facts[slot][i] == fact)
            return;
    }
    if (match->count[slot] < MR_MATCH_FACTS)
        match->facts[slot][match->count[slot]++] = fact;
}

/* Whether the pattern finds enough facts about distinct subjects; with @match they are kept in
 * @slot, without it the search ends as soon as there are enough. */
static bool find(const mr_diag *diag, const mr_pattern *pattern, const mr_fact *anchor,
                 mr_match *match, size_t slot) {
    size_t found = 0, enough = pattern->at_least ? pattern->at_least : 1;
    for (size_t k = 0; k < MR_COUNT(pattern->any) && pattern->any[k]; k++) {
        const mr_fact *last = NULL;
        size_t end = diag->kind_start[pattern->any[k] + 1];
        size_t i = first_not_below(diag, diag->kind_start[pattern->any[k]], end, anchor,
                                   pattern->same);
        for (; i < end && lead_cmp(diag->sorted[i], anchor, pattern->same) == 0; i++) {
            const mr_fact *fact = diag->sorted[i];
            if (!pattern_fits(pattern, anchor, fact))
                continue;
            if (!last || !same_subject(last, fact))
                found++;
            last = fact;
            if (match)
                keep(match, slot, fact);
            if (found >= enough && (!match || match->count[slot] == MR_MATCH_FACTS))
                return true;
        }
    }
    return found >= enough;
}

/* Tries one anchor; on success @match holds its facts. */
static bool anchor_fits(const mr_diag *diag, const mr_rule *rule, const mr_fact *anchor,
                        mr_match *match) {
    for (size_t i = 0; i < MR_COUNT(rule->require[0].where); i++) {
        if (!where_fits(&rule->require[0].where[i], anchor))
            return false;
    }
    if (rule->test && !mr_rule_tests[rule->test](anchor))
        return false;
    for (size_t i = 0; i < MR_RULE_FORBID && rule->forbid[i].any[0]; i++) {
        if (find(diag, &rule->forbid[i], anchor, NULL, 0))
            return false;
    }
    memset(match->count, 0, sizeof match->count);
    keep(match, 0, anchor);
    for (size_t i = 1; i < MR_RULE_REQUIRE && rule->require[i].any[0]; i++) {
        if (!find(diag, &rule->require[i], anchor, match, i))
            return false;
    }
    return true;
}

typedef struct group group;
struct group {
    group *next;
    const mr_fact *key;     /* the first anchor: its fields @per are everyone's */
    const mr_fact *last;    /* the last anchor */
    size_t subjects;        /* distinct subjects of the anchors */
    enum mr_confidence confidence;
    mr_match match;
};

static group *find_group(group *groups, mr_fields per, const mr_fact *anchor) {
    for (; groups; groups = groups->next) {
        bool same = true;
        for (unsigned f = 0; same && per >> f; f++)
            same = !(per >> f & 1) ||
                   mr_fact_field_cmp(groups->key, anchor, (enum mr_field)f) == 0;
        if (same)
            return groups;
    }
    return NULL;
}

static void merge(group *g, const mr_fact *anchor, const mr_match *match,
                  enum mr_confidence confidence) {
    for (size_t slot = 0; slot < MR_RULE_REQUIRE; slot++) {
        for (size_t i = 0; i < match->count[slot]; i++)
            keep(&g->match, slot, match->facts[slot][i]);
    }
    if (!g->last || !same_subject(g->last, anchor))
        g->subjects++;
    g->last = anchor;
    if (confidence < g->confidence)
        g->confidence = confidence;
}

static int cmp_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int fill_evidence(mr_diag *diag, const mr_match *match, mr_finding *finding) {
    const char *ids[MR_RULE_REQUIRE * MR_MATCH_FACTS];
    size_t n = 0, kept = 0;
    for (size_t slot = 0; slot < MR_RULE_REQUIRE; slot++) {
        for (size_t i = 0; i < match->count[slot]; i++) {
            if (match->facts[slot][i]->check)
                ids[n++] = match->facts[slot][i]->check;
        }
    }
    qsort(ids, n, sizeof *ids, cmp_text);
    const char **evidence = mr_arena_get(diag->arena, MR_MATCH_EVIDENCE, sizeof *evidence);
    if (!evidence)
        return MR_ERR_MEMORY;
    for (size_t i = 0; i < n && kept < MR_MATCH_EVIDENCE; i++) {
        if (!kept || strcmp(ids[i], evidence[kept - 1]) != 0)
            evidence[kept++] = ids[i];
    }
    finding->evidence = evidence;
    finding->evidence_count = kept;
    return 0;
}

static int expand(const mr_diag *diag, const mr_match *match, mr_text template, bool plain,
                  const char **textp) {
    return mr_template_expand(diag, match, mr_text_get(template), plain, textp);
}

/* Expands one remedy. 1 when it must be left out: a value of its command is unknown or unsafe. */
static int fill_remedy(const mr_diag *diag, const mr_match *match,
                       const mr_rule_remedy *template, mr_remedy *out) {
    int rc;
    *out = (mr_remedy){.run_on = template->run_on, .shell = template->shell};
    if ((rc = expand(diag, match, template->text, false, &out->text)) < 0)
        return rc;
    if ((rc = expand(diag, match, template->command, true, &out->command)))
        return rc;
    if ((rc = expand(diag, match, template->undo, true, &out->undo)))
        return rc;
    if ((rc = expand(diag, match, template->risk, false, &out->risk)) < 0)
        return rc;
    if ((rc = expand(diag, match, template->verify, true, &out->verify)) > 0)
        out->verify = NULL;
    return rc < 0 ? rc : 0;
}

static bool knows(const mr_diag *diag, enum mr_fact_kind kind) {
    return kind != MR_FACT_NONE && diag->kind_start[kind] < diag->kind_start[kind + 1];
}

static int fill_remedies(mr_diag *diag, const mr_match *match, mr_finding *finding) {
    mr_remedy *remedies = mr_arena_get(diag->arena, MR_RULE_REMEDIES, sizeof *remedies);
    if (!remedies)
        return MR_ERR_MEMORY;
    finding->remedies = remedies;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < MR_RULE_REMEDIES; i++) {
            const mr_rule_remedy *template = &finding->rule->remedies[i];
            if (!mr_text_get(template->text))
                break;
            if (knows(diag, template->not_with) || knows(diag, template->first_with) != (pass == 0))
                continue;
            int rc = fill_remedy(diag, match, template, &remedies[finding->remedy_count]);
            if (rc < 0)
                return rc;
            finding->remedy_count += rc == 0;
        }
    }
    return 0;
}

static int fill_next(mr_diag *diag, const mr_match *match, mr_finding *finding) {
    const mr_rule *rule = finding->rule;
    int rc = expand(diag, match, rule->next.command, true, &finding->next.command);
    if (rc || !finding->next.command)
        return rc < 0 ? rc : 0;
    mr_branch *branches = mr_arena_get(diag->arena, MR_RULE_BRANCHES, sizeof *branches);
    if (!branches)
        return MR_ERR_MEMORY;
    finding->next.branches = branches;
    for (size_t i = 0; i < MR_RULE_BRANCHES; i++) {
        const mr_rule_branch *b = &rule->next.branches[i];
        if (!mr_text_get(b->result))
            break;
        rc = expand(diag, match, b->result, false, &branches[i].result);
        if (rc >= 0)
            rc = expand(diag, match, b->then, false, &branches[i].then);
        if (rc < 0)
            return rc;
        finding->next.branch_count++;
    }
    return 0;
}

/* What Windows shows: the rule's number, or where it says so what the anchor's status means. */
static uint32_t win32_of(const mr_rule *rule, const mr_fact *anchor) {
    uint32_t shown = 0;
    if (!rule->win32_status)
        return rule->win32;
    if (anchor->ntstatus)
        shown = mr_code_win32(MR_SPACE_NTSTATUS, anchor->ntstatus);
    else if (anchor->win32)
        shown = anchor->win32;
    else if (anchor->status >= 0xc0000000)
        shown = mr_code_win32(MR_SPACE_NTSTATUS, anchor->status);
    else if (anchor->status < 0x10000)
        shown = anchor->status;
    return shown ? shown : rule->win32;
}

static int add_finding(mr_diag *diag, const mr_rule *rule, size_t order, const group *g) {
    mr_finding *finding = mr_diag_new_finding(diag);
    if (!finding)
        return diag->error;
    *finding = (mr_finding){.id = mr_text_get(rule->id),
                            .phase = rule->phase,
                            .severity = rule->severity,
                            .confidence = g->confidence,
                            .win32 = win32_of(rule, g->key),
                            .summary = mr_text_get(rule->summary),
                            .reference = mr_text_get(rule->reference),
                            .rule = rule,
                            .order = order,
                            .subject = {.kind = g->key->kind}};
    for (unsigned f = 0; rule->per >> f; f++) {
        if (!(rule->per >> f & 1))
            continue;
        if (mr_field_infos[f].is == MR_FIELD_IS_TEXT)
            mr_fact_set_text(&finding->subject, (enum mr_field)f,
                             mr_fact_text(g->key, (enum mr_field)f));
        else
            mr_fact_set_number(&finding->subject, (enum mr_field)f,
                               mr_fact_number(g->key, (enum mr_field)f));
    }
    int rc = fill_evidence(diag, &g->match, finding);
    if (!rc)
        rc = expand(diag, &g->match, rule->cause, false, &finding->cause);
    if (rc >= 0)
        rc = fill_remedies(diag, &g->match, finding);
    if (rc >= 0)
        rc = fill_next(diag, &g->match, finding);
    return rc < 0 ? rc : 0;
}

int mr_diag_apply_rule(mr_diag *diag, const mr_rule *rule, size_t order) {
    group *groups = NULL, **end = &groups;
    const mr_pattern *lead = &rule->require[0];
    for (size_t k = 0; k < MR_COUNT(lead->any) && lead->any[k]; k++) {
        for (size_t i = diag->kind_start[lead->any[k]]; i < diag->kind_start[lead->any[k] + 1];
             i++) {
            const mr_fact *anchor = diag->sorted[i];
            mr_match match;
            if (!anchor_fits(diag, rule, anchor, &match))
                continue;
            bool sure = rule->sure.any[0] && find(diag, &rule->sure, anchor, NULL, 0);
            group *g = find_group(groups, rule->per, anchor);
            if (!g) {
                g = MR_ARENA_NEW(diag->arena, group);
                if (!g)
                    return MR_ERR_MEMORY;
                g->key = anchor;
                g->confidence = MR_CONFIDENCE_CERTAIN;
                *end = g;
                end = &g->next;
            }
            merge(g, anchor, &match, sure ? MR_CONFIDENCE_CERTAIN : rule->confidence);
        }
    }
    for (const group *g = groups; g; g = g->next) {
        int rc = g->subjects < lead->at_least ? 0 : add_finding(diag, rule, order, g);
        if (rc)
            return rc;
    }
    return 0;
}
