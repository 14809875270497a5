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
 *   {user.name}       the account without its domain
 *   {#port:is|are}    the first form for exactly one distinct value, else the second
 *   {host} {from}     the target and the address it was seen from
 *   {way|the way}     "between FROM and ADDRESS", or "on ADDRESS itself" where both are one host
 *   {{                a brace
 * Codes stand in sentences with their names: "STATUS_LOGON_FAILURE (0xC000006D)".
 * A remedy or a next test whose command needs an unknown value, or a value that a shell could
 * read as anything but a plain word, is left out.
 *
 * The struct has two forms. In the files of src/diag/rules (MR_RULE_SOURCE) texts and the test are
 * pointers. The build makes one table of them (pack_rules.c) in which they are numbers: constant
 * data without pointers costs nothing at a start, however many rules there are. Everybody else
 * sees that form, and asks mr_text_get.
 */
#ifndef MSRPC_DIAG_RULE_H
#define MSRPC_DIAG_RULE_H

#include <msrpc/diag.h>

#ifdef MR_RULE_SOURCE
typedef const char *mr_text;
typedef bool (*mr_rule_test)(const mr_fact *anchor);
#else
typedef struct mr_text {
    uint32_t at; /* in the pool; 0: no text */
} mr_text;
typedef uint16_t mr_rule_test; /* 0: none */
#endif

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

/* As mr_remedy and mr_branch, of templates. */
typedef struct mr_rule_remedy {
    mr_text text;
    enum mr_place run_on;
    enum mr_shell shell;
    mr_text command, risk, undo, verify;
    /* it stands first where a fact of this kind is known, and is left out where one of that kind
     * is */
    enum mr_fact_kind first_with, not_with;
} mr_rule_remedy;
typedef struct mr_rule_branch {
    mr_text result, then;
} mr_rule_branch;

struct mr_rule {
    mr_text name; /* of its file in src/diag/rules, without ".c"; the build fills it in */
    mr_text id;
    enum mr_phase phase;
    enum mr_severity severity;
    enum mr_confidence confidence;
    mr_pattern sure;     /* where it finds facts too, the confidence is certain */
    uint32_t win32;
    bool last;           /* left out where another error rests on the same check */
    bool win32_status;   /* the Win32 code is what the anchor's status means, where it means one */
    mr_fields per;
    mr_pattern require[MR_RULE_REQUIRE];
    mr_pattern forbid[MR_RULE_FORBID];
    mr_rule_test test; /* one more condition on the anchor; mr_test_NAME, or nothing */
    mr_text explains[MR_RULE_EXPLAINS]; /* finding ids */
    mr_text summary;
    mr_text cause;
    mr_text reference;
    mr_rule_remedy remedies[MR_RULE_REMEDIES];
    struct {
        mr_text command;
        mr_rule_branch branches[MR_RULE_BRANCHES];
    } next;
};

#ifndef MR_RULE_SOURCE
/* The rules in the order of rules.list; NULL past the end. */
const mr_rule *mr_rule_get(size_t i);
/* A text of a rule; NULL where it has none. */
const char *mr_text_get(mr_text text);
#endif

#endif
