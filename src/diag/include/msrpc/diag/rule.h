/*
 * Rules as data. A rule is one file of src/diag/rules: a const mr_rule whose patterns are matched
 * against the facts of one target. The first pattern of @require is the anchor: for every fact that
 * fits it, each further pattern of @require must find its facts and no pattern of @forbid may find
 * any. Matches that agree on the fields @per become one finding.
 *
 * Templates (cause, remedies, next) name fields in braces:
 *   {port}            the value; several distinct values become a list, runs of ports a range.
 *                     Anchors are asked first, then the facts of the other patterns in order
 *   {1.port}          the same from the facts that pattern 1 of @require found
 *   {service|the x}   with a word for the case that nothing is known
 *   {server.host}     the address without the port that may stand behind it
 *   {server.port|53}  that port, or the word where none does
 *   {#port:is|are}    the first form for exactly one distinct value, else the second
 *   {host} {from}     the target and the address it was seen from
 *   {{                a brace
 * Codes stand in sentences with their names: "STATUS_LOGON_FAILURE (0xC000006D)".
 * A remedy or a next test whose command needs an unknown value, or a value that a shell could
 * read as anything but a plain word, is left out.
 */
#ifndef MSRPC_DIAG_RULE_H
#define MSRPC_DIAG_RULE_H

#include <msrpc/diag.h>

enum mr_op {
    MR_OP_NONE, /* no condition */
    MR_OP_EQ,
    MR_OP_NE,
    MR_OP_GE,
    MR_OP_LT,
    MR_OP_IN, /* bit number of the value is set in @value: MR_BIT(n) | ... */
};
#define MR_BIT(n) ((uint32_t)1 << (n))

/* A condition on a number or word field. */
typedef struct mr_where {
    enum mr_field field : 8;
    enum mr_op op : 8;
    uint32_t value;
} mr_where;
#define MR_WHERE(name, operator, number) {MR_FIELD_##name, MR_OP_##operator, (number)}

typedef struct mr_pattern {
    uint8_t any[6];           /* enum mr_fact_kind: one of these kinds */
    uint16_t at_least;        /* facts about distinct subjects; 0 means 1 */
    mr_where where[2];        /* all of these */
    mr_fields same;           /* as in the anchor; both must know the value */
    mr_fields differs;        /* other than in the anchor; both must know the value */
} mr_pattern;

#define MR_RULE_REQUIRE 4
#define MR_RULE_FORBID 5
#define MR_RULE_EXPLAINS 12
#define MR_RULE_REMEDIES 5
#define MR_RULE_BRANCHES 4

struct mr_rule {
    const char *id;
    enum mr_phase phase;
    enum mr_severity severity;
    enum mr_confidence confidence;
    mr_pattern sure;     /* where it finds facts too, the confidence is certain */
    uint32_t win32;
    bool win32_status;   /* the Win32 code is what the anchor's status means, where it means one */
    mr_fields per;
    mr_pattern require[MR_RULE_REQUIRE];
    mr_pattern forbid[MR_RULE_FORBID];
    bool (*test)(const mr_fact *anchor); /* one more condition on the anchor; may be NULL */
    const char *explains[MR_RULE_EXPLAINS]; /* finding ids */
    const char *summary;
    const char *cause;
    const char *reference;
    mr_remedy remedies[MR_RULE_REMEDIES]; /* templates */
    struct {
        const char *command;
        mr_branch branches[MR_RULE_BRANCHES];
    } next;
};

/* The rules in the order of rules.list; NULL past the end. */
const mr_rule *mr_rule_get(size_t i);
/* The name of its file in src/diag/rules, without ".c"; NULL past the end. */
const char *mr_rule_name(size_t i);

#endif
