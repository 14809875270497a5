/*
 * What is known of sentences: the words that Windows, its tools and its event logs use when names,
 * RPC or a logon fail, and what each of them points to. Read-only tables made from phrases.def;
 * nothing is initialised, every pointer returned lives as long as the program, every text is
 * non-NULL ("" when there is none).
 *
 * A pattern is matched without regard to case, a space in it matches any white space and a line
 * break. It begins with a word, and
 *   %h   a host name or address, without \\, quotes or a service in front: whom the text is about
 *   %f   the same with a dot in it
 *   %n   a number, decimal, negative or hexadecimal: a code
 *   %d   digits: a port, where @next or @meaning names {port}
 *   %w   one word
 *   +    anything on the same line, as little as possible
 *   *    anything in the same paragraph, as little as possible
 *   ~    any white space, empty lines too
 *   <    at the very beginning: the word before the match, on its line, is whom the text is about;
 *        << wants a dot in it
 *   =    at the very beginning: only where the tool of the row is the one that speaks
 */
#ifndef MSRPC_DIAG_PHRASE_H
#define MSRPC_DIAG_PHRASE_H

#include <msrpc/base/codes.h>
#include <msrpc/diag.h>

enum mr_phrase_kind {
    MR_PHRASE_CAUSE,   /* says what fails: the first finding is meant, others are alternatives */
    MR_PHRASE_SYMPTOM, /* has several causes: the findings are candidates */
    MR_PHRASE_CODE,    /* a sentence around a code: the code decides */
    MR_PHRASE_NOTE,    /* worth knowing, accuses nobody */
    MR_PHRASE_GOOD,    /* something worked: the findings named are ruled out */
    MR_PHRASE_MARK,    /* tells which tool speaks or about whom; never shown */
};

enum mr_tool { /* whose words they are */
    MR_TOOL_ANY,
    MR_TOOL_DCDIAG,
    MR_TOOL_REPADMIN,
    MR_TOOL_NETDIAG,
    MR_TOOL_NLTEST,
    MR_TOOL_PORTQRY,
    MR_TOOL_RPCPING,
    MR_TOOL_NSLOOKUP,
    MR_TOOL_EVENTLOG,
    MR_TOOL_WINDOWS, /* dialogs, commands and snap-ins */
    MR_TOOL_POWERSHELL,
    MR_TOOL_SAMBA,
};
#define MR_TOOLS (MR_TOOL_SAMBA + 1)
const char *mr_tool_name(enum mr_tool tool); /* "dcdiag"; "" for any */
const char *mr_phrase_kind_name(enum mr_phrase_kind kind); /* "cause", "symptom", ... */

/* One row; the texts are reached by the functions below. A code's row has a space and a value, an
 * event's an id and a source, a sentence's a pattern. */
typedef struct mr_phrase {
    uint8_t kind, tool, phase, confidence;
    uint8_t space;
    uint32_t value; /* of a sentence: the Win32 code it stands for, 0: none */
    uint32_t text, meaning, findings, next; /* offsets, private */
} mr_phrase;

/* The sentences, in the order of phrases.def. */
const mr_phrase *mr_phrase_all(size_t *countp);
const char *mr_phrase_pattern(const mr_phrase *phrase);
const char *mr_phrase_meaning(const mr_phrase *phrase);  /* one sentence or two of ours */
const char *mr_phrase_findings(const mr_phrase *phrase); /* ids with spaces between them */
const char *mr_phrase_next(const mr_phrase *phrase);     /* "msrpc ... {host}", or "" */

/* What a code in a pasted text points to: its own row, or that of the Win32 code it stands for;
 * NULL. The functions for sentences give its findings and next command. */
const mr_phrase *mr_phrase_find_code(enum mr_code_space space, uint32_t value);
/* The same for an event; @source may be part of the full name or empty when it is not known, which
 * finds the row only where the id alone is enough. */
const mr_phrase *mr_phrase_find_event(uint32_t id, mr_slice source);
/* All of both, for tests and searches. */
const mr_phrase *mr_phrase_codes(size_t *countp);
const mr_phrase *mr_phrase_events(size_t *countp);

/* The rule that gives the finding @id, or NULL. */
const mr_rule *mr_rule_find(mr_slice id);
/* Takes the next id from the front of a list of findings; false at its end. */
bool mr_finding_list_next(const char **listp, mr_slice *idp);

/* What a template of a rule says without facts: {host} and {name} are @host where it is known,
 * every other value is the name of its field in capitals. *In @arena*; NULL when exhausted. */
const char *mr_rule_outline(mr_arena *arena, const char *text, const char *host);

#endif
