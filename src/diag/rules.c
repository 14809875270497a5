/*
 * The rules, gathered: rules.list names one file of rules/ per line.
 */
#include "rules/rules.h"

#define MR_RULE(name) {#name, &mr_rule_##name},
static const struct {
    const char *name;
    const mr_rule *rule;
} rules[] = {
#include "rules/rules.list"
};
#undef MR_RULE

/* Small: rules hold pointers, so the loader writes to every page of them at every start. */
_Static_assert(sizeof(mr_pattern) <= 40, "a pattern has grown");

const mr_rule *mr_rule_get(size_t i) {
    return i < MR_COUNT(rules) ? rules[i].rule : NULL;
}

const char *mr_rule_name(size_t i) {
    return i < MR_COUNT(rules) ? rules[i].name : NULL;
}
