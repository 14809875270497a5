/*
 * Judging what a pasted text said. Findings that causes name stand; candidates of symptoms stand
 * while nothing that works rules them out and no cause of their own or an earlier phase about the
 * same host explains them. Order: what stands for itself first, errors first, what is likely before
 * what is merely possible, then the earlier phase; among candidates the one that most symptoms
 * share.
 */
#include "paste_private.h"

#include <stdlib.h>

/* Whether two texts may be about the same host: one not told, equal, or a short name and a long. */
static bool may_be_same(const char *a, const char *b) {
    if (!a || !b || mr_str_eq_nocase(a, b))
        return true;
    size_t x = strcspn(a, "."), y = strcspn(b, ".");
    bool address = (a[0] >= '0' && a[0] <= '9') || (b[0] >= '0' && b[0] <= '9');
    return !address && (!a[x] || !b[y]) && mr_slice_eq_nocase(mr_slice_of(a, x), mr_slice_of(b, y));
}

static bool is_address(const char *subject) {
    return subject && subject[0] >= '0' && subject[0] <= '9' &&
           subject[strspn(subject, "0123456789.")] == '\0';
}

static bool is_about(const mr_paste_item *item, const char *subject) {
    return may_be_same(item->subject, subject) ||
           (item->owner && may_be_same(item->owner, subject));
}

static bool lists(const char *findings, const char *id) {
    mr_slice one;
    while (mr_finding_list_next(&findings, &one))
        if (mr_slice_eq(one, mr_slice_str(id)))
            return true;
    return false;
}

static bool ruled_out(const mr_paste *paste, const char *id, const char *subject) {
    for (size_t i = 0; i < paste->item_count; i++) {
        const mr_paste_item *item = &paste->items[i];
        if (item->kind == MR_PHRASE_GOOD && may_be_same(item->subject, subject) &&
            lists(item->findings, id))
            return true;
    }
    return false;
}

struct judge {
    mr_paste *paste;
    mr_paste_finding *findings;
    size_t count, capacity;
};

static int add_finding(struct judge *j, const mr_paste_item *item, mr_slice id, bool named) {
    const mr_rule *rule = mr_rule_find(id);
    mr_paste_finding *f;

    if (!rule || (!named && ruled_out(j->paste, mr_text_get(rule->id), item->subject)))
        return 0;
    if (!named && is_address(item->subject) &&
        (mr_slice_eq(id, MR_SLICE_LIT("NAME.NXDOMAIN")) ||
         mr_slice_eq(id, MR_SLICE_LIT("NAME.NODATA"))))
        return 0; /* an address needs no record */
    for (size_t i = 0; i < j->count; i++) {
        f = &j->findings[i];
        if (f->rule != rule || !may_be_same(f->subject, item->subject))
            continue;
        f->support += item->count;
        if (!f->subject || (item->subject && strlen(item->subject) > strlen(f->subject)))
            f->subject = item->subject ? item->subject : f->subject;
        if (named && (!f->named || item->confidence > f->confidence)) {
            f->confidence = item->confidence;
            f->item = item;
            f->named = true;
        }
        return 0;
    }
    if (j->count == j->capacity) {
        size_t capacity = j->capacity ? 2 * j->capacity : 32;
        mr_paste_finding *more = mr_arena_get(j->paste->arena, capacity, sizeof *more);
        if (!more)
            return MR_ERR_MEMORY;
        if (j->count)
            memcpy(more, j->findings, j->count * sizeof *more);
        j->findings = more;
        j->capacity = capacity;
    }
    f = &j->findings[j->count];
    *f = (mr_paste_finding){.rule = rule, .subject = item->subject, .item = item,
                            .support = item->count, .named = named, .order = j->count,
                            .confidence = named ? item->confidence : MR_CONFIDENCE_POSSIBLE};
    j->count++;
    return 0;
}

/* Whether @item only introduces its reason, which follows within some lines and decides. The reason
 * takes over the command to run next when its own is the general one. */
static bool defers(const struct judge *j, const mr_paste_item *item) {
    size_t within = item->event ? 16 : 6;

    if (item->kind != MR_PHRASE_SYMPTOM || (!item->event && item->phase != MR_PHASE_NONE))
        return false;
    for (size_t i = 0; i < j->paste->item_count; i++) {
        mr_paste_item *reason = &j->paste->items[i];
        if (reason == item || reason->line < item->line || reason->line > item->line + within ||
            reason->event || reason->phase == MR_PHASE_NONE ||
            (reason->kind != MR_PHRASE_CAUSE && reason->kind != MR_PHRASE_SYMPTOM) ||
            !is_about(reason, item->subject))
            continue;
        if (!strcmp(reason->next, "msrpc diagnose {host}") && *item->next &&
            strstr(item->next, "--interface"))
            reason->next = item->next;
        return true;
    }
    return false;
}

static int collect(struct judge *j) {
    for (size_t i = 0; i < j->paste->item_count; i++) {
        const mr_paste_item *item = &j->paste->items[i];
        const char *list = item->findings;
        bool named = item->kind == MR_PHRASE_CAUSE;
        mr_slice id;

        if ((!named && item->kind != MR_PHRASE_SYMPTOM) || defers(j, item))
            continue;
        while (mr_finding_list_next(&list, &id)) {
            int r = add_finding(j, item, id, named);
            if (r)
                return r;
            named = false; /* the rest are alternatives */
        }
    }
    return 0;
}

static bool explains(const mr_paste_finding *cause, const mr_paste_finding *f) {
    if (cause == f || !cause->named ||
        !(may_be_same(cause->subject, f->subject) || is_about(cause->item, f->subject)))
        return false;
    if (!cause->subject && is_address(f->subject) &&
        !strncmp(mr_text_get(cause->rule->id), "NAME.", 5))
        return false; /* no name was needed to get there */
    for (size_t i = 0; i < MR_RULE_EXPLAINS && mr_text_get(cause->rule->explains[i]); i++)
        if (!strcmp(mr_text_get(cause->rule->explains[i]), mr_text_get(f->rule->id)))
            return true;
    return !f->named && (cause->item == f->item || cause->rule->phase <= f->rule->phase ||
                         f->item->kind == MR_PHRASE_CAUSE || f->item->phase == MR_PHASE_NONE);
}

static int cmp(const void *a, const void *b) {
    const mr_paste_finding *x = a, *y = b;
    bool unlikely[2] = {x->confidence == MR_CONFIDENCE_POSSIBLE,
                        y->confidence == MR_CONFIDENCE_POSSIBLE};

    if (!x->explained_by != !y->explained_by)
        return x->explained_by ? 1 : -1;
    if (x->rule->severity != y->rule->severity)
        return x->rule->severity > y->rule->severity ? -1 : 1;
    if (unlikely[0] != unlikely[1])
        return unlikely[0] ? 1 : -1;
    if (unlikely[0] && x->support != y->support)
        return x->support > y->support ? -1 : 1;
    if (!unlikely[0] && x->rule->phase != y->rule->phase)
        return x->rule->phase < y->rule->phase ? -1 : 1;
    if (x->confidence != y->confidence)
        return x->confidence > y->confidence ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

/* Causes explain candidates; the links are numbers while the findings are sorted. */
static void fold(struct judge *j) {
    for (size_t i = 0; i < j->count; i++)
        for (size_t c = 0; c < j->count && !j->findings[i].explained_by; c++)
            if (explains(&j->findings[c], &j->findings[i]))
                j->findings[i].explained_by = &j->findings[c];
}

static int sort(struct judge *j) {
    mr_paste_finding *sorted = mr_arena_get(j->paste->arena, j->count, sizeof *sorted);
    if (!sorted)
        return MR_ERR_MEMORY;
    if (j->count) {
        memcpy(sorted, j->findings, j->count * sizeof *sorted);
        qsort(sorted, j->count, sizeof *sorted, cmp);
    }
    for (size_t i = 0; i < j->count; i++) {
        const mr_paste_finding *cause = sorted[i].explained_by;
        for (size_t c = 0; c < j->count && cause; c++)
            if (sorted[c].order == cause->order)
                sorted[i].explained_by = &sorted[c];
    }
    j->findings = sorted;
    return 0;
}

static int exit_of(const mr_paste_finding *verdict, const mr_paste_item *symptom) {
    if (!verdict)
        return symptom ? (int)symptom->phase * 10 : 0;
    switch (verdict->rule->severity) {
    case MR_SEVERITY_ERROR:
        return (int)verdict->rule->phase * 10;
    case MR_SEVERITY_WARNING:
        return 1;
    case MR_SEVERITY_INFO:
        return 0;
    }
    return 0;
}

int paste_judge(mr_paste *paste, mr_paste_result *resultp) {
    struct judge j = {.paste = paste};
    mr_paste_result result = {.items = paste->items, .item_count = paste->item_count,
                              .more_items = paste->more_items};
    int r = collect(&j);

    if (!r) {
        fold(&j);
        r = sort(&j);
    }
    if (r)
        return r;
    result.findings = j.findings;
    result.finding_count = j.count;
    if (j.count && !j.findings[0].explained_by)
        result.verdict = &j.findings[0];
    for (size_t i = 0; i < paste->item_count && !result.verdict && !result.symptom; i++) {
        enum mr_phrase_kind kind = paste->items[i].kind;
        if ((kind == MR_PHRASE_CAUSE || kind == MR_PHRASE_SYMPTOM) && paste->items[i].phase)
            result.symptom = &paste->items[i];
    }
    const mr_paste_item *item = result.verdict ? result.verdict->item : result.symptom;
    const char *subject = result.verdict && result.verdict->subject ? result.verdict->subject
                          : item ? item->subject : NULL;
    if (!subject && *paste->subject)
        subject = paste->subject;
    if (item) {
        const char *next = item->next && *item->next ? item->next : "msrpc diagnose {host}";
        result.next = mr_paste_command(paste->arena, next, subject, item->port);
        if (!result.next)
            return MR_ERR_MEMORY;
    }
    memcpy(result.tools, paste->tools, sizeof result.tools);
    result.lines = paste->line - (paste->len && paste->window[paste->len - 1] == '\n');
    result.exit = exit_of(result.verdict, result.symptom);
    *resultp = result;
    return 0;
}
