/*
 * Facts from text, the inverse of mr_fact_write: one fact a line, its kind and then key=value
 * pairs; a value is a bare word or stands in double quotes, where a backslash keeps the next
 * character.
 */
#include "diag_private.h"

typedef struct text_reader {
    mr_slice line;
    size_t at;
    char value[MR_DIAG_TEXT_MAX + 1]; /* of the pair that was read last */
} text_reader;

static void skip_blanks(text_reader *r) {
    while (r->at < r->line.len &&
           (r->line.data[r->at] == ' ' || r->line.data[r->at] == '\t' ||
            r->line.data[r->at] == '\r' || r->line.data[r->at] == '\n'))
        r->at++;
}

static mr_slice read_word(text_reader *r) {
    size_t start = r->at;
    while (r->at < r->line.len && !memchr(" \t\r\n=", r->line.data[r->at], 5))
        r->at++;
    return mr_slice_sub(r->line, start, r->at - start);
}

/* Reads a value into @r->value; false when a quote stays open or the value is too long. */
static bool read_value(text_reader *r) {
    size_t n = 0;
    bool quoted = r->at < r->line.len && r->line.data[r->at] == '"';
    r->at += quoted;
    for (; r->at < r->line.len; r->at++) {
        uint8_t c = r->line.data[r->at];
        if (quoted && c == '"')
            break;
        if (!quoted && memchr(" \t\r\n", c, 4))
            break;
        if (quoted && c == '\\' && r->at + 1 < r->line.len)
            c = r->line.data[++r->at];
        if (!c || n + 1 >= sizeof r->value)
            return false;
        r->value[n++] = (char)c;
    }
    r->value[n] = 0;
    if (quoted && r->at >= r->line.len)
        return false;
    r->at += quoted;
    return true;
}

static bool find_word(const mr_field_info *info, const char *text, uint64_t *numberp) {
    for (size_t i = 0; i < info->word_count; i++) {
        if (mr_str_eq_nocase(info->words[i], text)) {
            *numberp = i;
            return true;
        }
    }
    return false;
}

/* Puts @r->value under @key into @fact; texts are copied by the arena. */
static int set_pair(mr_diag *diag, text_reader *r, mr_slice key, mr_fact *fact) {
    uint64_t number = 0;
    const char *text;
    int rc, f = mr_field_find(key);
    if (mr_slice_eq(key, MR_SLICE_LIT("at"))) {
        rc = mr_slice_get_number(mr_slice_str(r->value), UINT64_MAX, &number);
        fact->at = number;
        return rc;
    }
    if (mr_slice_eq(key, MR_SLICE_LIT("check")))
        return mr_diag_copy_text(diag, r->value, &fact->check);
    if (f < 0)
        return MR_ERR_SYNTAX;
    if (mr_field_infos[f].is == MR_FIELD_IS_TEXT) {
        rc = mr_diag_copy_text(diag, r->value, &text);
        if (!rc)
            mr_fact_set_text(fact, (enum mr_field)f, text);
        return rc;
    }
    if (mr_field_infos[f].is == MR_FIELD_IS_WORD)
        rc = find_word(&mr_field_infos[f], r->value, &number) ? 0 : MR_ERR_SYNTAX;
    else
        rc = mr_slice_get_number(mr_slice_str(r->value), UINT32_MAX, &number);
    if (!rc)
        mr_fact_set_number(fact, (enum mr_field)f, (uint32_t)number);
    return rc;
}

int mr_diag_add_text(mr_diag *diag, mr_slice line, mr_error *err) {
    text_reader r = {.line = line};
    mr_fact fact = {0};
    skip_blanks(&r);
    if (r.at >= line.len || line.data[r.at] == '#')
        return 0;
    size_t start = r.at;
    fact.kind = mr_fact_kind_find(read_word(&r));
    if (fact.kind == MR_FACT_NONE)
        return mr_fail(err, MR_ERR_SYNTAX, MR_FLOOR_DIAG, start, "this is no kind of fact");
    for (skip_blanks(&r); r.at < line.len; skip_blanks(&r)) {
        start = r.at;
        mr_slice key = read_word(&r);
        if (r.at >= line.len || line.data[r.at] != '=')
            return mr_fail(err, MR_ERR_SYNTAX, MR_FLOOR_DIAG, start, "expected field=value");
        r.at++;
        if (!read_value(&r))
            return mr_fail(err, MR_ERR_SYNTAX, MR_FLOOR_DIAG, start, "the value does not end");
        int rc = set_pair(diag, &r, key, &fact);
        if (rc == MR_ERR_SYNTAX)
            return mr_fail(err, rc, MR_FLOOR_DIAG, start, "no such field, or no such value for it");
        if (rc)
            return mr_fail(err, rc, MR_FLOOR_DIAG, start, "%s", mr_result_text(rc));
    }
    int rc = mr_diag_add_fact(diag, &fact);
    if (rc)
        return mr_fail(err, rc, MR_FLOOR_DIAG, 0, "%s does not take these fields",
                       mr_fact_name(fact.kind));
    return 0;
}
