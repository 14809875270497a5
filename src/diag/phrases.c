/*
 * The tables of sentences, codes and events behind phrase.h. As those of base they hold offsets
 * into a struct of strings, so that nothing is relocated at start.
 */
#include <msrpc/diag/phrase.h>

#include <string.h>

#include <msrpc/diag/rule.h>

#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)
#define AT(column) JOIN(column, __LINE__)
#define STRING(column, string) char AT(column)[sizeof(string)];
#define OFFSET(column) ((uint32_t)offsetof(struct pool, AT(column)))

/* A row ends on a line of its own, which names its strings. */
struct pool {
    char none[1];
#define MR_PHRASE(kind, tool, phase, confidence, win32, p, m, f, n) \
    STRING(pattern, p) STRING(meaning, m) STRING(findings, f) STRING(next, n)
#define MR_CODE_PHRASE(space, code, kind, confidence, f, n) STRING(findings, f) STRING(next, n)
#define MR_EVENT_PHRASE(id, s, kind, confidence, f, n) \
    STRING(source, s) STRING(findings, f) STRING(next, n)
#include "phrases.def"
};

static const struct pool pool = {
    .none = "",
#define MR_PHRASE(kind, tool, phase, confidence, win32, p, m, f, n) \
    .AT(pattern) = p, .AT(meaning) = m, .AT(findings) = f, .AT(next) = n,
#define MR_CODE_PHRASE(space, code, kind, confidence, f, n) .AT(findings) = f, .AT(next) = n,
#define MR_EVENT_PHRASE(id, s, kind, confidence, f, n) \
    .AT(source) = s, .AT(findings) = f, .AT(next) = n,
#include "phrases.def"
};

static const mr_phrase phrases[] = {
#define MR_PHRASE(what, of, in, sure, win32, p, m, f, n)                                  \
    {.kind = MR_PHRASE_##what, .tool = MR_TOOL_##of, .phase = (in),                       \
     .confidence = MR_CONFIDENCE_##sure, .value = (win32), .text = OFFSET(pattern),       \
     .meaning = OFFSET(meaning), .findings = OFFSET(findings), .next = OFFSET(next)},
#include "phrases.def"
};

static const mr_phrase codes[] = {
#define MR_CODE_PHRASE(in, number, what, sure, f, n)                                       \
    {.kind = MR_PHRASE_##what, .space = MR_SPACE_##in, .value = (number),                  \
     .confidence = MR_CONFIDENCE_##sure, .findings = OFFSET(findings), .next = OFFSET(next)},
#include "phrases.def"
};

static const mr_phrase events[] = {
#define MR_EVENT_PHRASE(id, s, what, sure, f, n)                                          \
    {.kind = MR_PHRASE_##what, .tool = MR_TOOL_EVENTLOG, .value = (id),                   \
     .confidence = MR_CONFIDENCE_##sure, .text = OFFSET(source),                          \
     .findings = OFFSET(findings), .next = OFFSET(next)},
#include "phrases.def"
};

static const char tool_names[][12] = {
    [MR_TOOL_ANY] = "",               [MR_TOOL_DCDIAG] = "dcdiag",
    [MR_TOOL_REPADMIN] = "repadmin",  [MR_TOOL_NETDIAG] = "netdiag",
    [MR_TOOL_NLTEST] = "nltest",      [MR_TOOL_PORTQRY] = "portqry",
    [MR_TOOL_RPCPING] = "rpcping",    [MR_TOOL_NSLOOKUP] = "nslookup",
    [MR_TOOL_EVENTLOG] = "event log", [MR_TOOL_WINDOWS] = "Windows",
    [MR_TOOL_POWERSHELL] = "PowerShell", [MR_TOOL_SAMBA] = "Samba",
};

static const char kind_names[][8] = {
    [MR_PHRASE_CAUSE] = "cause", [MR_PHRASE_SYMPTOM] = "symptom", [MR_PHRASE_CODE] = "code",
    [MR_PHRASE_NOTE] = "note",   [MR_PHRASE_GOOD] = "good",       [MR_PHRASE_MARK] = "mark",
};

static const char *string_at(uint32_t offset) {
    return (const char *)&pool + offset;
}

const char *mr_tool_name(enum mr_tool tool) {
    return (unsigned)tool < MR_COUNT(tool_names) ? tool_names[tool] : "";
}

const char *mr_phrase_kind_name(enum mr_phrase_kind kind) {
    return (unsigned)kind < MR_COUNT(kind_names) ? kind_names[kind] : "";
}

const mr_phrase *mr_phrase_all(size_t *countp) {
    *countp = MR_COUNT(phrases);
    return phrases;
}

const mr_phrase *mr_phrase_codes(size_t *countp) {
    *countp = MR_COUNT(codes);
    return codes;
}

const mr_phrase *mr_phrase_events(size_t *countp) {
    *countp = MR_COUNT(events);
    return events;
}

const char *mr_phrase_pattern(const mr_phrase *phrase) {
    return string_at(phrase->text);
}

const char *mr_phrase_meaning(const mr_phrase *phrase) {
    return string_at(phrase->meaning);
}

const char *mr_phrase_findings(const mr_phrase *phrase) {
    return string_at(phrase->findings);
}

const char *mr_phrase_next(const mr_phrase *phrase) {
    return string_at(phrase->next);
}

static const mr_phrase *code_row(enum mr_code_space space, uint32_t value) {
    for (size_t i = 0; i < MR_COUNT(codes); i++)
        if (codes[i].space == space && codes[i].value == value)
            return &codes[i];
    return NULL;
}

const mr_phrase *mr_phrase_find_code(enum mr_code_space space, uint32_t value) {
    const mr_phrase *row = code_row(space, value);
    uint32_t win32 = row ? 0 : mr_code_win32(space, value);

    return win32 ? code_row(MR_SPACE_WIN32, win32) : row;
}

/* Whether @name holds @part, both in any case. */
static bool holds(mr_slice name, const char *part) {
    size_t len = strlen(part);
    for (size_t i = 0; i + len <= name.len; i++)
        if (mr_slice_eq_nocase(mr_slice_sub(name, i, len), mr_slice_str(part)))
            return true;
    return false;
}

const mr_phrase *mr_phrase_find_event(uint32_t id, mr_slice source) {
    for (size_t i = 0; i < MR_COUNT(events); i++) {
        if (events[i].value != id)
            continue;
        /* low ids are everybody's */
        if (source.len ? holds(source, mr_phrase_pattern(&events[i])) : id >= 1000)
            return &events[i];
    }
    return NULL;
}

const mr_rule *mr_rule_find(mr_slice id) {
    const mr_rule *rule;
    for (size_t i = 0; (rule = mr_rule_get(i)) != NULL; i++)
        if (mr_slice_eq_nocase(mr_slice_str(mr_text_get(rule->id)), id))
            return rule;
    return NULL;
}

bool mr_finding_list_next(const char **listp, mr_slice *idp) {
    const char *at = *listp + strspn(*listp, " ");
    size_t len = strcspn(at, " ");

    *idp = mr_slice_of(at, len);
    *listp = at + len;
    return len > 0;
}
