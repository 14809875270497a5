/*
 * What the files of the reader of pasted text share. Octets become a normalised window of UTF-8
 * (paste_text.c): one space between words, no indentation, plain quotes, '\n' between lines, '\v'
 * where a full line was broken by the width of a window. The window is scanned (paste_scan.c) with
 * the patterns (paste_match.c) into items, which are judged in the end (paste_judge.c).
 */
#ifndef MSRPC_PASTE_PRIVATE_H
#define MSRPC_PASTE_PRIVATE_H

#include <msrpc/diag/paste.h>
#include <msrpc/diag/rule.h>

#define PASTE_WINDOW 65536
#define PASTE_AHEAD 4096  /* what a pattern may span */
#define PASTE_BEHIND 512  /* what stays readable before the place that is scanned */
#define PASTE_HEAD 512    /* what the encoding is guessed from */
#define PASTE_BREAK '\v'

enum paste_encoding { PASTE_UNDECIDED, PASTE_UTF8, PASTE_UTF16LE, PASTE_UTF16BE };

struct mr_paste {
    mr_arena *arena;
    int error;

    enum paste_encoding encoding;
    uint8_t head[PASTE_HEAD]; /* until the encoding is decided; then what is left of a character */
    size_t head_len;
    uint32_t high;            /* surrogate that waits for its second half */

    char *window;
    size_t len;
    bool after_cr, space, quoting; /* @quoting: nothing but indentation yet on this line */
    size_t column, last_width;

    size_t at;   /* what is before it has been scanned */
    size_t line; /* of @at */
    bool after_word;

    enum mr_tool tool;
    char subject[256];    /* whom the text is about now, "" when it did not say */
    bool subject_loose;   /* no mark said so, the next event forgets it */
    char port[8];         /* the last that was captured */
    char source[64];      /* of the event being read */
    size_t source_len, source_line;
    size_t listing_line;  /* where a heading of Get-WinEvent stood, 0: none */
    bool tools[MR_TOOLS];

    mr_paste_item *items;
    size_t item_count, more_items;
    uint16_t first[256], *following; /* patterns by their first word */
    struct paste_pattern *patterns;
    size_t pattern_count;
};

/* A sentence to look for: a row of phrases.def, or the words of a code. */
typedef struct paste_pattern {
    const char *text;
    const mr_phrase *phrase;
    const mr_code_info *code;
} paste_pattern;

typedef struct paste_capture {
    mr_slice host, number, port;
} paste_capture;

static inline bool paste_word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (c & 0x80);
}
static inline char paste_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
static inline bool paste_blank(char c) {
    return c == ' ' || c == '\n' || c == PASTE_BREAK;
}

/* Takes octets apart into the window; scans whenever it is full. */
void paste_decode(mr_paste *paste, mr_slice octets, bool last);
/* Scans what can be scanned, everything when @last. */
void paste_scan(mr_paste *paste, bool last);
/* Whether @pattern matches @text from its beginning; how much of it, and what was captured. With
 * @literal no character of the pattern is special. */
bool paste_match(const char *pattern, bool literal, mr_slice text, paste_capture *capture,
                 size_t *lenp);
/* A number as %n takes it: decimal, negative, 0x, or digits with hexadecimal letters. */
bool paste_number(mr_slice text, uint32_t *valuep, bool *hexp);
/* How much of @text is such a number, 0: none. */
size_t paste_number_len(mr_slice text);
/* The longest host name or address at the end of @text, for '<'. */
mr_slice paste_host_before(mr_slice text);
unsigned paste_hash(mr_slice word);
int paste_judge(mr_paste *paste, mr_paste_result *resultp);

#endif
