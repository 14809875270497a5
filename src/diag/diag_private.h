/*
 * What the files of the diagnosis floor share: generic access to the fields of facts, the sorted
 * set that rules are matched against, and the steps of mr_diag_run.
 */
#ifndef MSRPC_DIAG_PRIVATE_H
#define MSRPC_DIAG_PRIVATE_H

#include <msrpc/diag.h>
#include <msrpc/diag/rule.h>

enum mr_field_is { MR_FIELD_IS_TEXT, MR_FIELD_IS_UINT, MR_FIELD_IS_CODE, MR_FIELD_IS_WORD };

typedef struct mr_field_info {
    const char *name;
    enum mr_field_is is;
    size_t offset; /* in mr_fact */
    const char *const *words;
    size_t word_count;
} mr_field_info;
extern const mr_field_info mr_field_infos[MR_FIELDS];

/* Fields by number: the text of a text field (else NULL), the number of any other (else 0). */
const char *mr_fact_text(const mr_fact *fact, enum mr_field field);
uint32_t mr_fact_number(const mr_fact *fact, enum mr_field field);
void mr_fact_set_text(mr_fact *fact, enum mr_field field, const char *text);
void mr_fact_set_number(mr_fact *fact, enum mr_field field, uint32_t number);
/* Whether the field differs from its zero value. */
bool mr_fact_is_set(const mr_fact *fact, enum mr_field field);
/* Whether the fact says anything about the field: a required number may be zero. */
bool mr_fact_knows(const mr_fact *fact, enum mr_field field);
/* The value as a person reads it. */
void mr_fact_write_field(const mr_fact *fact, enum mr_field field, mr_buf *out);
int mr_fact_field_cmp(const mr_fact *a, const mr_fact *b, enum mr_field field);
/* A total order: kind, fields in the order of fields.list, check, time. */
int mr_fact_cmp(const mr_fact *a, const mr_fact *b);
mr_fields mr_fact_required(enum mr_fact_kind kind);
/* The kind of that name, or MR_FACT_NONE. */
enum mr_fact_kind mr_fact_kind_find(mr_slice name);
/* Field number of that name, or -1. */
int mr_field_find(mr_slice name);

typedef struct mr_diag_fact mr_diag_fact;
struct mr_diag_fact {
    mr_diag_fact *older;
    mr_fact fact;
};

typedef struct mr_diag_check mr_diag_check;
struct mr_diag_check {
    mr_diag_check *next;
    mr_check check;
};

/* Up to this many facts of one pattern are kept for templates and evidence. */
#define MR_MATCH_FACTS 64
#define MR_MATCH_EVIDENCE 32

/* The facts that one finding rests on, by pattern of @require; [0] are the anchors. */
typedef struct mr_match {
    const mr_fact *facts[MR_RULE_REQUIRE][MR_MATCH_FACTS];
    size_t count[MR_RULE_REQUIRE];
} mr_match;

/* Sorts the facts and adds the derived ones; *in the set's arena*. 0 or MR_ERR_MEMORY. */
int mr_diag_sort_facts(mr_diag *diag);

/* What pack_rules.c makes of src/diag/rules. */
extern const mr_rule mr_rules[];
extern const size_t mr_rule_count;
extern const char mr_rule_texts[];
extern bool (*const mr_rule_tests[])(const mr_fact *anchor);

/* Applies one rule, number @order of the list; each new finding is appended to the set's. 0 or a
 * negative result. */
int mr_diag_apply_rule(mr_diag *diag, const mr_rule *rule, size_t order);

/* Folds, orders and judges the findings. */
int mr_diag_judge(mr_diag *diag);

/* Expands a template *in @arena*. 0; 1 when a value is unknown, or when @plain and a value is not
 * a plain word; MR_ERR_MEMORY; MR_ERR_ARGUMENT for a template that is no template. */
int mr_template_expand(const mr_diag *diag, const mr_match *match, const char *text, bool plain,
                       const char **textp);

/* Space for one more finding; NULL when there is none (the set's error is set). */
mr_finding *mr_diag_new_finding(mr_diag *diag);
/* Copies a text *in the set's arena*, control characters replaced and cut at MR_DIAG_TEXT_MAX. */
int mr_diag_copy_text(mr_diag *diag, const char *text, const char **textp);

#endif
