/* msrpc explain: findings of the diagnosis by their id, and checks. */
#include "explain.h"

#include <msrpc/probe.h>

static const char *outline(app *a, mr_text template, const char *host) {
    const char *text = mr_text_get(template);
    const char *out = text ? mr_rule_outline(&a->arena, text, host) : NULL;
    return text && !out ? "(out of memory)" : out;
}

void explain_rule_members(mr_writer *w, const mr_rule *rule) {
    mr_writer_str(w, "id", mr_text_get(rule->id));
    mr_writer_uint(w, "phase", (unsigned)rule->phase);
    mr_writer_str(w, "severity", mr_severity_name(rule->severity));
    mr_writer_uint(w, "win32", rule->win32);
    mr_writer_str(w, "summary", mr_text_get(rule->summary));
}

static void rule_json(struct explain *e, const mr_rule *rule) {
    mr_writer *w = e->w;
    app *a = e->a;

    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "kind", "finding");
    explain_rule_members(w, rule);
    mr_writer_str(w, "confidence", mr_confidence_name(rule->confidence));
    mr_writer_str(w, "cause", outline(a, rule->cause, NULL));
    mr_writer_str(w, "reference", mr_text_get(rule->reference));
    mr_writer_open(w, "explains", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < MR_RULE_EXPLAINS && mr_text_get(rule->explains[i]); i++)
        mr_writer_str(w, NULL, mr_text_get(rule->explains[i]));
    mr_writer_close(w);
    mr_writer_open(w, "remedies", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < MR_RULE_REMEDIES && mr_text_get(rule->remedies[i].text); i++) {
        const mr_rule_remedy *r = &rule->remedies[i];
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "text", outline(a, r->text, NULL));
        mr_writer_str(w, "run_on", mr_place_name(r->run_on));
        mr_writer_str(w, "shell", mr_shell_name(r->shell));
        mr_writer_str(w, "command", outline(a, r->command, NULL));
        mr_writer_str(w, "risk", outline(a, r->risk, NULL));
        mr_writer_str(w, "undo", outline(a, r->undo, NULL));
        mr_writer_str(w, "verify", outline(a, r->verify, NULL));
        mr_writer_close(w);
    }
    mr_writer_close(w);
    mr_writer_str(w, "next", outline(a, rule->next.command, NULL));
    mr_writer_close(w);
}

void explain_remedies(app *a, const mr_rule *rule, const char *host, size_t most) {
    for (size_t i = 0; i < MR_RULE_REMEDIES && i < most; i++) {
        const mr_rule_remedy *r = &rule->remedies[i];
        if (!mr_text_get(r->text))
            break;
        app_wrap(a->out, i ? " or       " : " REMEDY   ", 10, outline(a, r->text, host));
        if (mr_text_get(r->command))
            fprintf(a->out, "   %s%s%s\n", app_style(a, APP_BOLD), outline(a, r->command, host),
                    app_style(a, APP_PLAIN));
    }
}

static void rule_text(struct explain *e, const mr_rule *rule) {
    app *a = e->a;
    char label[16];

    explain_head(e, mr_text_get(rule->id), "finding", "", (unsigned)rule->phase);
    explain_para(e, "says", mr_text_get(rule->summary));
    if (rule->win32 && mr_code_find(MR_SPACE_WIN32, rule->win32)) {
        const mr_code_info *c = mr_code_find(MR_SPACE_WIN32, rule->win32);
        fprintf(a->out, "  %-9s %u %s\n", "Windows", rule->win32, mr_code_symbol(c));
    }
    explain_para(e, "cause", outline(a, rule->cause, NULL));
    for (size_t i = 0; i < MR_RULE_REMEDIES && mr_text_get(rule->remedies[i].text); i++) {
        snprintf(label, sizeof label, "%s", i ? "or" : "remedy");
        explain_para(e, label, outline(a, rule->remedies[i].text, NULL));
        if (mr_text_get(rule->remedies[i].command))
            fprintf(a->out, "    %s\n", outline(a, rule->remedies[i].command, NULL));
    }
    if (mr_text_get(rule->next.command))
        fprintf(a->out, "  %-9s %s\n", "next", outline(a, rule->next.command, NULL));
    explain_para(e, "source", mr_text_get(rule->reference));
}

static const mr_probe_check *find_check(const char *id) {
    const mr_probe_check *check;
    for (size_t i = 0; (check = mr_probe_check_at(i)) != NULL; i++)
        if (mr_str_eq_nocase(mr_probe_check_id(check), id))
            return check;
    return NULL;
}

static void show_check(struct explain *e, const mr_probe_check *check) {
    if (e->w) {
        mr_writer_open(e->w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(e->w, "kind", "check");
        mr_writer_str(e->w, "id", mr_probe_check_id(check));
        mr_writer_uint(e->w, "phase", (unsigned)mr_probe_check_phase(check));
        mr_writer_str(e->w, "text", mr_probe_check_line(check));
        mr_writer_close(e->w);
        e->meanings++;
        return;
    }
    explain_head(e, mr_probe_check_id(check), "check of diagnose", "",
                 (unsigned)mr_probe_check_phase(check));
    explain_para(e, "looks at", mr_probe_check_line(check));
    fprintf(e->a->out, "  %-9s msrpc diagnose HOST --only %s\n", "try", mr_probe_check_id(check));
}

void explain_rule(struct explain *e, const char *id) {
    const mr_rule *rule = mr_rule_find(mr_slice_str(id));
    const mr_probe_check *check = find_check(id);

    if (e->dry) {
        e->meanings += (rule != NULL) + (check != NULL);
        return;
    }
    if (rule && e->w) {
        rule_json(e, rule);
        e->meanings++;
    } else if (rule) {
        rule_text(e, rule);
    }
    if (check)
        show_check(e, check);
}
