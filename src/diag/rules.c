/*
 * The rules, gathered: a table and a pool of texts that the build makes of the files in rules/.
 */
#include "diag_private.h"

const mr_rule *mr_rule_get(size_t i) {
    return i < mr_rule_count ? &mr_rules[i] : NULL;
}

const char *mr_text_get(mr_text text) {
    return text.at ? mr_rule_texts + text.at : NULL;
}
