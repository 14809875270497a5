/* msrpc explain: a sentence, as an argument: what the tables of phrases know of it, and which code
 * speaks with these words. */
#include "explain.h"

#define CODES_SHOWN 3

static void item_json(struct explain *e, const mr_paste_item *item) {
    mr_writer *w = e->w;

    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "kind", "sentence");
    mr_writer_str(w, "text", item->text);
    mr_writer_str(w, "tool", mr_tool_name(item->tool));
    mr_writer_str(w, "meaning", item->meaning);
    mr_writer_uint(w, "phase", (unsigned)item->phase);
    mr_writer_uint(w, "win32", item->win32);
    mr_writer_str(w, "subject", item->subject);
    explain_ids_json(w, item->findings);
    mr_writer_str(w, "next", *item->next ? mr_paste_command(&e->a->arena, item->next,
                                                            item->subject, item->port) : NULL);
    mr_writer_close(w);
    e->meanings++;
}

static void item_text(struct explain *e, const mr_paste_item *item) {
    app *a = e->a;
    const char *list = item->findings;
    char line[256];
    mr_slice id;

    explain_head(e, app_safe(a, mr_slice_str(item->text)), "sentence",
                 mr_tool_name(item->tool), (unsigned)item->phase);
    explain_para(e, "means", item->meaning);
    for (bool first = true; mr_finding_list_next(&list, &id); first = false) {
        const mr_rule *rule = mr_rule_find(id);
        snprintf(line, sizeof line, "%s: %s", mr_text_get(rule->id), mr_text_get(rule->summary));
        explain_para(e, first ? "points to" : "or to", line);
    }
    const char *next = mr_paste_command(&a->arena, item->next, item->subject, item->port);
    if (next && *next)
        fprintf(a->out, "  %-9s %s\n", "next", app_safe(a, mr_slice_str(next)));
}

/* The words of a text without case and punctuation, one space between them. */
static size_t plain_words(const char *text, char *out, size_t size) {
    size_t len = 0;

    for (; *text && len + 2 < size; text++) {
        bool word = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                    (*text >= '0' && *text <= '9');
        if (word)
            out[len++] = *text >= 'A' && *text <= 'Z' ? (char)(*text + 32) : *text;
        else if (*text != '\'' && len && out[len - 1] != ' ')
            out[len++] = ' ';
    }
    while (len && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
    return len;
}

/* Codes that speak with just these words. */
static void find_texts(struct explain *e, const char *text) {
    char want[256], have[512];
    size_t count, shown = 0, len = plain_words(text, want, sizeof want);
    const mr_code_info *codes = mr_code_all(&count);

    if (len < 8 || !strchr(want, ' '))
        return;
    for (size_t i = 0; i < count && shown < CODES_SHOWN; i++) {
        const char *texts[] = {mr_code_shown(&codes[i]), mr_code_text(&codes[i])};
        bool same = false;
        for (size_t t = 0; t < 2 && !same; t++)
            same = *texts[t] && plain_words(texts[t], have, sizeof have) == len &&
                   !strcmp(want, have);
        if (same) {
            explain_show_code(e, &codes[i]);
            shown++;
        }
    }
}

void explain_sentence(struct explain *e, const char *text) {
    mr_paste_result result;
    mr_paste *paste;
    size_t before = e->meanings;

    if (mr_paste_new(&e->a->arena, &paste) || mr_paste_feed(paste, mr_slice_str(text)) ||
        mr_paste_end(paste, &result))
        return;
    for (size_t i = 0; i < result.item_count; i++) {
        const mr_paste_item *item = &result.items[i];
        if (e->dry)
            e->meanings++;
        else if (item->event)
            explain_show_event(e, item->event);
        else if (e->w)
            item_json(e, item);
        else
            item_text(e, item);
        if (item->code)
            explain_show_code(e, item->code);
    }
    if (e->meanings == before)
        find_texts(e, text);
}
