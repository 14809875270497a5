/*
 * The set: facts and checks of one target, copied into the arena, and the run that turns them into
 * findings. Facts are checked against facts.list when they are added, so that rules never meet a
 * half-filled one.
 */
#include "diag_private.h"

int mr_diag_copy_text(mr_diag *diag, const char *text, const char **textp) {
    if (!text) {
        *textp = NULL;
        return 0;
    }
    mr_slice s = mr_slice_str(text);
    if (s.len > MR_DIAG_TEXT_MAX) {
        s.len = MR_DIAG_TEXT_MAX;
        while (s.len && (s.data[s.len] & 0xc0) == 0x80) /* never cut inside a character */
            s.len--;
    }
    char *copy = mr_arena_add_str(diag->arena, s);
    if (!copy)
        return MR_ERR_MEMORY;
    for (char *p = copy; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
        else if ((unsigned char)*p == 0xc2 && ((unsigned char)p[1] & 0xe0) == 0x80)
            p[0] = p[1] = '?'; /* U+0080 to U+009F: terminals obey them too */
    }
    *textp = copy;
    return 0;
}

static int sticky(mr_diag *diag, int rc) {
    if (rc < 0 && !diag->error)
        diag->error = rc;
    return rc;
}

int mr_diag_init(mr_diag *diag, mr_arena *arena, const char *host, const char *from) {
    *diag = (mr_diag){.arena = arena, .checks_end = &diag->checks};
    for (size_t i = 0; i <= MR_PHASE_COUNT; i++)
        diag->phase_ms[i] = -1;
    int rc = mr_diag_copy_text(diag, host, &diag->host);
    if (!rc)
        rc = mr_diag_copy_text(diag, from, &diag->from);
    return sticky(diag, rc);
}

static int check_fields(const mr_fact *fact) {
    mr_fields allowed = mr_fact_fields(fact->kind), required = mr_fact_required(fact->kind);
    if (fact->kind == MR_FACT_NONE || !*mr_fact_name(fact->kind))
        return MR_ERR_ARGUMENT;
    for (unsigned f = 0; f < MR_FIELDS; f++) {
        const mr_field_info *info = &mr_field_infos[f];
        bool set = mr_fact_is_set(fact, (enum mr_field)f);
        if (set && !(allowed >> f & 1))
            return MR_ERR_ARGUMENT;
        if (!set && required >> f & 1 && info->is == MR_FIELD_IS_TEXT)
            return MR_ERR_ARGUMENT;
        if (info->is == MR_FIELD_IS_WORD &&
            mr_fact_number(fact, (enum mr_field)f) >= info->word_count)
            return MR_ERR_ARGUMENT;
    }
    return 0;
}

int mr_diag_add_fact(mr_diag *diag, const mr_fact *fact) {
    int rc = check_fields(fact);
    if (rc)
        return sticky(diag, rc);
    if (diag->fact_count >= MR_DIAG_FACTS_MAX)
        return sticky(diag, MR_ERR_LIMIT);
    mr_diag_fact *node = MR_ARENA_NEW(diag->arena, mr_diag_fact);
    if (!node)
        return sticky(diag, MR_ERR_MEMORY);
    node->fact = *fact;
    rc = mr_diag_copy_text(diag, fact->check, &node->fact.check);
    for (unsigned f = 0; !rc && f < MR_FIELDS; f++) {
        const char *copy;
        if (!mr_fact_text(fact, (enum mr_field)f))
            continue;
        rc = mr_diag_copy_text(diag, mr_fact_text(fact, (enum mr_field)f), &copy);
        if (!rc)
            mr_fact_set_text(&node->fact, (enum mr_field)f, copy);
    }
    if (rc)
        return sticky(diag, rc);
    node->older = diag->facts;
    diag->facts = node;
    diag->fact_count++;
    return 0;
}

static int copy_value(mr_diag *diag, mr_value *value) {
    switch (value->kind) {
    case MR_VALUE_STRING:
    case MR_VALUE_HEX: {
        char *copy = mr_arena_add_str(diag->arena, value->u.string);
        if (!copy)
            return MR_ERR_MEMORY;
        value->u.string.data = (const uint8_t *)copy;
        return 0;
    }
    case MR_VALUE_UTF16: {
        uint16_t *copy = mr_arena_get(diag->arena, value->u.utf16.count, sizeof *copy);
        if (!copy)
            return MR_ERR_MEMORY;
        if (value->u.utf16.count)
            memcpy(copy, value->u.utf16.units, value->u.utf16.count * sizeof *copy);
        value->u.utf16.units = copy;
        return 0;
    }
    case MR_VALUE_NULL:
    case MR_VALUE_BOOL:
    case MR_VALUE_INT:
    case MR_VALUE_UINT:
    case MR_VALUE_UINT64:
    case MR_VALUE_INT64:
    case MR_VALUE_REAL:
    case MR_VALUE_UUID:
        return 0;
    }
    return MR_ERR_ARGUMENT;
}

int mr_diag_add_check(mr_diag *diag, const mr_check *check) {
    if (!check->id || check->phase < MR_PHASE_NAMES || check->phase > MR_PHASE_COMMUNICATION ||
        (unsigned)check->status > MR_STATUS_SKIP)
        return sticky(diag, MR_ERR_ARGUMENT);
    if (diag->check_count >= MR_DIAG_CHECKS_MAX)
        return sticky(diag, MR_ERR_LIMIT);
    mr_diag_check *node = MR_ARENA_NEW(diag->arena, mr_diag_check);
    mr_evidence *evidence =
        mr_arena_get(diag->arena, check->evidence_count, sizeof *evidence);
    if (!node || !evidence)
        return sticky(diag, MR_ERR_MEMORY);
    node->check = *check;
    node->check.evidence = evidence;
    int rc = mr_diag_copy_text(diag, check->id, &node->check.id);
    if (!rc)
        rc = mr_diag_copy_text(diag, check->summary, &node->check.summary);
    for (size_t i = 0; !rc && i < check->evidence_count; i++) {
        evidence[i] = check->evidence[i];
        rc = mr_diag_copy_text(diag, check->evidence[i].key, &evidence[i].key);
        if (!rc)
            rc = copy_value(diag, &evidence[i].value);
    }
    if (rc)
        return sticky(diag, rc);
    *diag->checks_end = node;
    diag->checks_end = &node->next;
    diag->check_count++;
    return 0;
}

const mr_check *mr_diag_get_check(const mr_diag *diag, size_t i) {
    const mr_diag_check *node = diag->checks;
    while (node && i--)
        node = node->next;
    return node ? &node->check : NULL;
}

void mr_diag_set_phase_ms(mr_diag *diag, enum mr_phase phase, double ms) {
    if ((unsigned)phase <= MR_PHASE_COUNT)
        diag->phase_ms[phase] = ms;
}

void mr_diag_set_phase_skipped(mr_diag *diag, enum mr_phase phase) {
    if ((unsigned)phase <= MR_PHASE_COUNT)
        diag->phase_skip[phase] = true;
}

double mr_diag_get_phase_ms(const mr_diag *diag, enum mr_phase phase) {
    return (unsigned)phase <= MR_PHASE_COUNT ? diag->phase_ms[phase] : -1;
}

mr_finding *mr_diag_new_finding(mr_diag *diag) {
    if (diag->finding_count >= MR_DIAG_FINDINGS_MAX) {
        sticky(diag, MR_ERR_LIMIT);
        return NULL;
    }
    if (diag->finding_count == diag->finding_capacity) {
        size_t capacity = diag->finding_capacity ? 2 * diag->finding_capacity : 8;
        mr_finding *more = mr_arena_get(diag->arena, capacity, sizeof *more);
        if (!more) {
            sticky(diag, MR_ERR_MEMORY);
            return NULL;
        }
        if (diag->finding_count)
            memcpy(more, diag->findings, diag->finding_count * sizeof *more);
        diag->findings = more;
        diag->finding_capacity = capacity;
    }
    return &diag->findings[diag->finding_count++];
}

int mr_diag_run(mr_diag *diag) {
    if (diag->error)
        return diag->error;
    diag->ran = false;
    diag->findings = NULL;
    diag->finding_count = diag->finding_capacity = 0;
    int rc = mr_diag_sort_facts(diag);
    for (size_t i = 0; !rc && mr_rule_get(i); i++)
        rc = mr_diag_apply_rule(diag, mr_rule_get(i), i);
    if (!rc)
        rc = mr_diag_judge(diag);
    diag->ran = rc == 0;
    return sticky(diag, rc);
}

size_t mr_diag_finding_count(const mr_diag *diag) {
    return diag->ran ? diag->finding_count : 0;
}

const mr_finding *mr_diag_get_finding(const mr_diag *diag, size_t i) {
    return diag->ran && i < diag->finding_count ? &diag->findings[i] : NULL;
}

const mr_verdict *mr_diag_get_verdict(const mr_diag *diag) {
    return &diag->verdict;
}
