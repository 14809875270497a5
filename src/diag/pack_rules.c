/*
 * A program of the build: the rules as their files have them, with pointers, become one table and
 * one pool of texts without any (rule.h), so that the loader has nothing to relocate at a start.
 *
 *     pack_rules OUTPUT
 */
#include <stdio.h>
#include <stdlib.h>

#include "rules/rules.h"

#define MR_RULE(name) {#name, &mr_rule_##name},
static const struct {
    const char *name;
    const mr_rule *rule;
} rules[] = {
#include "rules/rules.list"
};
#undef MR_RULE

#define POOL_MAX ((size_t)4 << 20)
#define TEXTS_MAX 16384

typedef struct pack {
    FILE *out;
    char *pool;
    size_t len;
    struct {
        const char *text;
        size_t at;
    } *texts; /* those that stand in the pool */
    size_t count;
} pack;

/* The place of a text in the pool, where equal ones stand once. 0 is no text. */
static size_t place_of(pack *p, const char *text) {
    if (text == NULL)
        return 0;
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->texts[i].text, text) == 0)
            return p->texts[i].at;
    }
    size_t size = strlen(text) + 1, at = p->len;
    if (p->count == TEXTS_MAX || size > POOL_MAX - at) {
        fputs("pack_rules: the rules outgrow the pool\n", stderr);
        exit(1);
    }
    memcpy(p->pool + at, text, size);
    p->len += size;
    p->texts[p->count].text = text;
    p->texts[p->count++].at = at;
    return at;
}

static void put_text(pack *p, const char *member, const char *text) {
    if (text != NULL)
        fprintf(p->out, ".%s = {%zu}, ", member, place_of(p, text));
}

static void put_pattern(pack *p, const mr_pattern *pattern) {
    fputs("{.any = {", p->out);
    for (size_t i = 0; i < MR_COUNT(pattern->any); i++)
        fprintf(p->out, "%u, ", pattern->any[i]);
    fprintf(p->out, "}, .at_least = %u, .where = {", pattern->at_least);
    for (size_t i = 0; i < MR_COUNT(pattern->where); i++)
        fprintf(p->out, "{%u, %u, %uu}, ", (unsigned)pattern->where[i].field,
                (unsigned)pattern->where[i].op, pattern->where[i].value);
    fprintf(p->out, "}, .same = %lluu, .differs = %lluu}", (unsigned long long)pattern->same,
            (unsigned long long)pattern->differs);
}

static void put_patterns(pack *p, const char *member, const mr_pattern *patterns, size_t count) {
    fprintf(p->out, "    .%s = {", member);
    for (size_t i = 0; i < count && patterns[i].any[0]; i++) {
        put_pattern(p, &patterns[i]);
        fputs(",\n", p->out);
    }
    fputs("},\n", p->out);
}

static void put_remedies(pack *p, const mr_rule *rule) {
    fputs("    .remedies = {", p->out);
    for (size_t i = 0; i < MR_RULE_REMEDIES && rule->remedies[i].text; i++) {
        const mr_rule_remedy *r = &rule->remedies[i];
        fprintf(p->out, "{.run_on = %u, .shell = %u, .first_with = %u, .not_with = %u, ",
                (unsigned)r->run_on, (unsigned)r->shell, (unsigned)r->first_with,
                (unsigned)r->not_with);
        put_text(p, "text", r->text);
        put_text(p, "command", r->command);
        put_text(p, "risk", r->risk);
        put_text(p, "undo", r->undo);
        put_text(p, "verify", r->verify);
        fputs("},\n", p->out);
    }
    fputs("},\n    .next = {", p->out);
    put_text(p, "command", rule->next.command);
    fputs(".branches = {", p->out);
    for (size_t i = 0; i < MR_RULE_BRANCHES && rule->next.branches[i].result; i++)
        fprintf(p->out, "{{%zu}, {%zu}}, ", place_of(p, rule->next.branches[i].result),
                place_of(p, rule->next.branches[i].then));
    fputs("}},\n", p->out);
}

static void put_rule(pack *p, const mr_rule *rule, const char *name) {
    fprintf(p->out, "{   ");
    put_text(p, "name", name);
    put_text(p, "id", rule->id);
    put_text(p, "summary", rule->summary);
    put_text(p, "cause", rule->cause);
    put_text(p, "reference", rule->reference);
    fprintf(p->out, "\n    .phase = %u, .severity = %u, .confidence = %u, .win32 = %uu, "
            ".last = %d, .win32_status = %d, .per = %lluu,\n", (unsigned)rule->phase,
            (unsigned)rule->severity, (unsigned)rule->confidence, rule->win32,
            rule->last, rule->win32_status, (unsigned long long)rule->per);
    fputs("    .sure = ", p->out);
    put_pattern(p, &rule->sure);
    fputs(",\n", p->out);
    put_patterns(p, "require", rule->require, MR_RULE_REQUIRE);
    put_patterns(p, "forbid", rule->forbid, MR_RULE_FORBID);
    fputs("    .explains = {", p->out);
    for (size_t i = 0; i < MR_RULE_EXPLAINS && rule->explains[i]; i++)
        fprintf(p->out, "{%zu}, ", place_of(p, rule->explains[i]));
    fputs("},\n", p->out);
    put_remedies(p, rule);
    if (rule->test != NULL)
        fprintf(p->out, "    .test = TEST_%s,\n", name);
    fputs("},\n", p->out);
}

static void put_pool(const pack *p) {
    fputs("const char mr_rule_texts[] =", p->out);
    for (size_t i = 0; i < p->len; i++) {
        unsigned char c = (unsigned char)p->pool[i];
        if (i == 0 || p->pool[i - 1] == 0)
            fputs("\n    \"", p->out);
        if (c == 0)
            fputs("\\0\"", p->out);
        else if (c == '"' || c == '\\' || c == '?')
            fprintf(p->out, "\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            fprintf(p->out, "\\%03o", c);
        else
            fputc(c, p->out);
    }
    fputs(";\n", p->out);
}

/* What each test is, and its number in mr_rule.test: from 1. */
static void put_tests(const pack *p) {
    for (size_t i = 0; i < MR_COUNT(rules); i++) {
        if (rules[i].rule->test != NULL)
            fprintf(p->out, "bool mr_test_%s(const mr_fact *anchor);\n", rules[i].name);
    }
    fputs("enum {\n    TEST_NONE,\n", p->out);
    for (size_t i = 0; i < MR_COUNT(rules); i++) {
        if (rules[i].rule->test != NULL)
            fprintf(p->out, "    TEST_%s,\n", rules[i].name);
    }
    fputs("};\nbool (*const mr_rule_tests[])(const mr_fact *anchor) = {\n    NULL,\n", p->out);
    for (size_t i = 0; i < MR_COUNT(rules); i++) {
        if (rules[i].rule->test != NULL)
            fprintf(p->out, "    mr_test_%s,\n", rules[i].name);
    }
    fputs("};\n", p->out);
}

int main(int argc, char **argv) {
    pack p = {.pool = calloc(1, POOL_MAX), .texts = calloc(TEXTS_MAX, sizeof *p.texts), .len = 1};

    p.out = argc == 2 ? fopen(argv[1], "w") : NULL;
    if (p.out == NULL || p.pool == NULL || p.texts == NULL) {
        fputs("usage: pack_rules OUTPUT\n", stderr);
        return 64;
    }
    fputs("/* made by pack_rules of src/diag/rules */\n#include \"diag_private.h\"\n\n", p.out);
    put_tests(&p);
    fputs("const mr_rule mr_rules[] = {\n", p.out);
    for (size_t i = 0; i < MR_COUNT(rules); i++)
        put_rule(&p, rules[i].rule, rules[i].name);
    fprintf(p.out, "};\nconst size_t mr_rule_count = %zu;\n", MR_COUNT(rules));
    put_pool(&p);
    bool failed = ferror(p.out);
    failed |= fclose(p.out) != 0;
    free(p.pool);
    free(p.texts);
    return failed ? 73 : 0;
}
