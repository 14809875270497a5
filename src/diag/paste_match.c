/*
 * Matching a pattern of phrase.h against the window. A wildcard takes as little as it can; there
 * are few in a pattern and each is bounded, so backtracking is.
 */
#include "paste_private.h"

#define LINE_MOST 200      /* '+' */
#define PARAGRAPH_MOST 600 /* '*' */

static bool host_char(char c) {
    return paste_word_char(c) || c == '.' || c == '-' || c == ':';
}

/* The length of a host at @s: a colon belongs to an IPv6 address only. */
static size_t host_len(const char *s, size_t most) {
    size_t len, colon = 0, colons = 0;

    for (len = 0; len < most && host_char(s[len]); len++) {
        if (s[len] == ':' && colons++ == 0)
            colon = len;
    }
    return colons == 1 ? colon : len;
}

/* A host at the front of @text: what stands before it, its length. */
static bool get_host(mr_slice text, mr_slice *hostp, size_t *lenp) {
    const char *s = (const char *)text.data;
    size_t from = 0, to;

    while (from < text.len && (s[from] == '\\' || s[from] == '"' || s[from] == '\'' ||
                               s[from] == '<' || s[from] == '['))
        from++;
    to = from + host_len(s + from, text.len - from);
    if (to < text.len && s[to] == '/' && to > from) { /* ldap/dc1.corp.example/corp.example */
        from = to + 1;
        to = from + host_len(s + from, text.len - from);
        size_t end = to;
        while (end < text.len && !paste_blank(s[end]) && s[end] != '"' && s[end] != '\'' &&
               s[end] != ',' && s[end] != ')')
            end++;
        *lenp = end;
    } else {
        *lenp = to;
    }
    size_t end = to;
    while (end > from && (s[end - 1] == '.' || s[end - 1] == ':' || s[end - 1] == '-'))
        end--;
    if (end == from || end - from > 255 ||
        mr_slice_eq_nocase(mr_slice_of(s + from, end - from), MR_SLICE_LIT("unknown")))
        return false;
    if (*lenp == to)
        *lenp = end; /* the full stop belongs to the sentence */
    while (*lenp < text.len && (s[*lenp] == '"' || s[*lenp] == '\'' || s[*lenp] == '$'))
        ++*lenp;
    *hostp = mr_slice_of(s + from, end - from);
    return true;
}

mr_slice paste_host_before(mr_slice text) {
    const char *s = (const char *)text.data;
    size_t end = text.len, from;

    while (end && strchr(" \v:\"')]", s[end - 1]))
        end--;
    for (from = end; from && host_char(s[from - 1]) && end - from < 255; from--)
        ;
    while (from < end && !paste_word_char(s[from]))
        from++;
    return mr_slice_of(s + from, end - from);
}

static bool is_hex(char c) {
    return mr_hex_digit((uint8_t)c) >= 0;
}

size_t paste_number_len(mr_slice text) {
    const char *s = (const char *)text.data;
    size_t at = text.len && s[0] == '-', from;

    if (at + 2 < text.len && s[at] == '0' && (s[at + 1] | 32) == 'x')
        at += 2;
    else if (at >= text.len || s[at] < '0' || s[at] > '9')
        return 0;
    for (from = at; at < text.len && is_hex(s[at]); at++)
        ;
    return at == from || at - from > 16 || (at < text.len && paste_word_char(s[at])) ? 0 : at;
}

bool paste_number(mr_slice text, uint32_t *valuep, bool *hexp) {
    const char *s = (const char *)text.data;
    bool negative = text.len && s[0] == '-';
    uint64_t n = 0;

    mr_slice digits = mr_slice_sub(text, negative, SIZE_MAX);
    *hexp = digits.len > 2 && (digits.data[1] | 32) == 'x';
    for (size_t i = 0; i < digits.len; i++)
        *hexp |= digits.data[i] > '9';
    if (*hexp && digits.len > 2 && (digits.data[1] | 32) == 'x')
        digits = mr_slice_sub(digits, 2, SIZE_MAX);
    for (size_t i = 0; i < digits.len; i++) {
        n = n * (*hexp ? 16 : 10) + (uint64_t)mr_hex_digit(digits.data[i]);
        if (n > UINT32_MAX && !(*hexp && n >> 32 == 0xffffffff))
            return false;
    }
    if (negative && (*hexp || n > 0x80000000u))
        return false;
    *valuep = negative ? (uint32_t)(0 - n) : (uint32_t)n;
    return digits.len > 0;
}

/* %h %f %n %d %w at the front of @text; the length taken, 0: none. */
static size_t take(char what, mr_slice text, paste_capture *capture) {
    const char *s = (const char *)text.data;
    size_t len = 0;
    mr_slice host;

    switch (what) {
    case 'h':
    case 'f':
        if (!get_host(text, &host, &len) ||
            (what == 'f' && !memchr(host.data, '.', host.len)))
            return 0;
        capture->host = host;
        return len;
    case 'n':
        len = paste_number_len(text);
        capture->number = mr_slice_sub(text, 0, len);
        return len;
    case 'd':
        while (len < text.len && len < 5 && s[len] >= '0' && s[len] <= '9')
            len++;
        capture->port = mr_slice_sub(text, 0, len);
        return len;
    case 'w':
        while (len < text.len && len < 64 && !paste_blank(s[len]))
            len++;
        while (len && strchr(".,;)", s[len - 1]))
            len--;
        return len;
    }
    return 0;
}

static bool match_here(const char *p, mr_slice text, size_t at, paste_capture *capture,
                       size_t *lenp, bool literal);

static bool match_wild(const char *p, mr_slice text, size_t at, paste_capture *capture,
                       size_t *lenp) {
    const char *s = (const char *)text.data;
    bool line = *p == '+';
    size_t most = at + (line ? LINE_MOST : PARAGRAPH_MOST);

    for (; at < text.len && at <= most; at++) {
        if (match_here(p + 1, text, at, capture, lenp, false))
            return true;
        if (s[at] == '\n' && (line || (at + 1 < text.len && s[at + 1] == '\n')))
            return false;
    }
    return false;
}

static bool match_here(const char *p, mr_slice text, size_t at, paste_capture *capture,
                       size_t *lenp, bool literal) {
    const char *s = (const char *)text.data;

    for (; *p; p++) {
        if (!literal && (*p == '+' || *p == '*'))
            return match_wild(p, text, at, capture, lenp);
        if (!literal && *p == '~') {
            while (at < text.len && paste_blank(s[at]))
                at++;
            continue;
        }
        if (*p == ' ') {
            if (at >= text.len || !paste_blank(s[at]) ||
                (s[at] == '\n' && at + 1 < text.len && s[at + 1] == '\n'))
                return false;
            at++;
            continue;
        }
        while (at < text.len && s[at] == PASTE_BREAK) /* a word cut in two */
            at++;
        if (!literal && *p == '%') {
            size_t len = take(*++p, mr_slice_sub(text, at, SIZE_MAX), capture);
            if (!len)
                return false;
            at += len;
            continue;
        }
        if (at >= text.len || paste_lower(s[at]) != paste_lower(*p))
            return false;
        at++;
    }
    if (at < text.len && at && paste_word_char(s[at]) && paste_word_char(s[at - 1]))
        return false;
    *lenp = at;
    return true;
}

bool paste_match(const char *pattern, bool literal, mr_slice text, paste_capture *capture,
                 size_t *lenp) {
    *capture = (paste_capture){MR_SLICE_NULL, MR_SLICE_NULL, MR_SLICE_NULL};
    while (!literal && (*pattern == '<' || *pattern == '='))
        pattern++;
    return match_here(pattern, text, 0, capture, lenp, literal);
}

unsigned paste_hash(mr_slice word) {
    unsigned hash = 5381;
    for (size_t i = 0; i < word.len; i++)
        hash = hash * 33 ^ (uint8_t)paste_lower((char)word.data[i]);
    return (hash ^ hash >> 8) & 255;
}
