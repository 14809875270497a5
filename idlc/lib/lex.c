/*
 * The lexer: names, numbers, strings, characters and punctuation (C706 6.2). Comments are blanks;
 * preprocessor lines are skipped whole, continuation lines included. The parser keeps one current
 * token; text that is not made of tokens (UUIDs, versions) is taken raw.
 */
#include "ast.h"

#include <ctype.h>
#include <stdio.h>

static int peek(const mr_idl_parser *p, size_t ahead) {
    return p->pos + ahead < p->source->text.len ? p->source->text.data[p->pos + ahead] : -1;
}

static mr_idl_loc loc_at(const mr_idl_parser *p, size_t start) {
    return (mr_idl_loc){p->source, (uint32_t)start, (uint32_t)(p->pos - start)};
}

static void skip_line(mr_idl_parser *p) {
    int c;
    while ((c = peek(p, 0)) >= 0 && c != '\n') {
        if (c == '\\' && peek(p, 1) == '\n')
            p->pos++;
        else if (c == '\\' && peek(p, 1) == '\r' && peek(p, 2) == '\n')
            p->pos += 2;
        p->pos++;
    }
}

static void skip_comment(mr_idl_parser *p) {
    size_t start = p->pos;

    for (p->pos += 2; peek(p, 0) >= 0; p->pos++)
        if (peek(p, 0) == '*' && peek(p, 1) == '/') {
            p->pos += 2;
            return;
        }
    mr_idl_error(p->unit, (mr_idl_loc){p->source, (uint32_t)start, 2},
                 "this comment has no end");
}

static void skip_blanks(mr_idl_parser *p) {
    bool line_start = p->pos == 0;

    for (;;) {
        int c = peek(p, 0);
        if (c == '\n')
            line_start = true;
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v') {
            p->pos++;
        } else if (c == '/' && peek(p, 1) == '/') {
            skip_line(p);
        } else if (c == '/' && peek(p, 1) == '*') {
            skip_comment(p);
        } else if (c == '#' && line_start) {
            skip_line(p);
        } else if (c == 0xef && peek(p, 1) == 0xbb && peek(p, 2) == 0xbf && p->pos == 0) {
            p->pos += 3;
        } else {
            return;
        }
    }
}

static bool is_name_char(int c) {
    return c == '_' || c == '$' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

static void lex_number(mr_idl_parser *p) {
    size_t start = p->pos;
    uint64_t value = 0;
    unsigned base = 10, digit;
    int digits = 0;
    bool over = false;

    if (peek(p, 0) == '0' && (peek(p, 1) | 0x20) == 'x') {
        base = 16;
        p->pos += 2;
    } else if (peek(p, 0) == '0') {
        base = 8;
    }
    /* what is no digit becomes the largest number */
    for (; (digit = (unsigned)mr_hex_digit((uint8_t)peek(p, 0))) < base; p->pos++, digits++) {
        over = over || __builtin_mul_overflow(value, (uint64_t)base, &value) ||
               __builtin_add_overflow(value, (uint64_t)digit, &value);
    }
    while ((peek(p, 0) | 0x20) == 'u' || (peek(p, 0) | 0x20) == 'l')
        p->pos++;
    bool tail = is_name_char(peek(p, 0));
    while (is_name_char(peek(p, 0)))
        p->pos++;
    p->token.kind = MR_IDL_TOKEN_NUMBER;
    p->token.number = (int64_t)value;
    p->token.loc = loc_at(p, start);
    if (p->quiet)
        return;
    if (tail || digits == 0)
        mr_idl_error(p->unit, p->token.loc, "this is no number");
    else if (over)
        mr_idl_error(p->unit, p->token.loc, "this number does not fit 64 bits");
}

/* One character of a string or character literal, escapes resolved. */
static int lex_escape(mr_idl_parser *p) {
    int c = peek(p, 0);

    p->pos++;
    if (c != '\\')
        return c;
    c = peek(p, 0);
    p->pos++;
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case '0':
        return 0;
    default: /* \\ \" \' and whatever stands for itself */
        return c;
    }
}

/* A literal after its opening @quote. */
static void lex_quoted(mr_idl_parser *p, int quote, size_t start) {
    size_t size = 1;
    for (int c, before = 0; (c = peek(p, size - 1)) >= 0 && c != '\n'; before = c, size++)
        if (c == quote && before != '\\')
            break;
    char *text = mr_arena_get(p->unit->arena, size + 1, 1);
    if (!text)
        mr_idl_abort(p->unit, MR_ERR_MEMORY);
    size_t len = 0;
    while (peek(p, 0) != quote) {
        if (peek(p, 0) < 0 || peek(p, 0) == '\n' || peek(p, 0) == '\r') {
            mr_idl_error(p->unit, loc_at(p, start), "the closing %c is missing on this line",
                         quote);
            break;
        }
        int c = lex_escape(p);
        if (len < size)
            text[len++] = (char)c;
    }
    if (peek(p, 0) == quote)
        p->pos++;
    if (p->pos > p->source->text.len)
        p->pos = p->source->text.len;
    p->token.kind = quote == '"' ? MR_IDL_TOKEN_STRING : MR_IDL_TOKEN_CHAR;
    p->token.text = text;
    p->token.number = (unsigned char)text[0];
    p->token.loc = loc_at(p, start);
}

static void lex_name(mr_idl_parser *p) {
    size_t start = p->pos;

    while (is_name_char(peek(p, 0)))
        p->pos++;
    p->token.kind = MR_IDL_TOKEN_NAME;
    p->token.loc = loc_at(p, start);
    if (p->pos - start > 200) {
        mr_idl_error(p->unit, p->token.loc, "a name longer than 200 characters");
        p->token.loc.len = 200;
    }
    mr_slice text = mr_slice_sub(p->source->text, start, p->token.loc.len);
    p->token.text = mr_idl_text(p->unit, "%.*s", (int)text.len, (const char *)text.data);
}

static void lex_punct(mr_idl_parser *p) {
    static const struct {
        char text[3];
        int punct;
    } pairs[] = {
        {"<<", MR_IDL_SHL}, {">>", MR_IDL_SHR}, {"==", MR_IDL_EQ}, {"!=", MR_IDL_NE},
        {"<=", MR_IDL_LE}, {">=", MR_IDL_GE}, {"&&", MR_IDL_ANDAND}, {"||", MR_IDL_OROR},
        {"..", MR_IDL_DOTDOT}, {"->", MR_IDL_ARROW},
    };
    size_t start = p->pos;
    int c = peek(p, 0);

    p->token.kind = MR_IDL_TOKEN_PUNCT;
    p->token.punct = c;
    for (size_t i = 0; i < MR_COUNT(pairs); i++)
        if (c == pairs[i].text[0] && peek(p, 1) == pairs[i].text[1]) {
            p->token.punct = pairs[i].punct;
            p->pos++;
            break;
        }
    p->pos++;
    p->token.loc = loc_at(p, start);
}

void mr_idl_next(mr_idl_parser *p) {
    if (mr_idl_at(p, ';'))
        p->end_at = p->token.loc.offset;
    for (;;) {
        skip_blanks(p);
        int c = peek(p, 0);
        p->token = (mr_idl_lex){.loc = {p->source, (uint32_t)p->pos, 0}};
        if (c < 0) {
            p->token.kind = MR_IDL_TOKEN_END;
        } else if (c == 'L' && (peek(p, 1) == '"' || peek(p, 1) == '\'')) {
            p->pos += 2;
            lex_quoted(p, p->source->text.data[p->pos - 1], p->pos - 2);
        } else if (c == '"' || c == '\'') {
            p->pos++;
            lex_quoted(p, c, p->pos - 1);
        } else if (c >= '0' && c <= '9') {
            lex_number(p);
        } else if (is_name_char(c)) {
            lex_name(p);
        } else if (c < 0x20 || c > 0x7e) {
            size_t start = p->pos;
            while (peek(p, 0) >= 0 && (peek(p, 0) < 0x20 || peek(p, 0) > 0x7e) &&
                   !isspace(peek(p, 0)))
                p->pos++;
            mr_idl_error(p->unit, loc_at(p, start), "octet 0x%02x has no meaning here", c);
            continue;
        } else {
            lex_punct(p);
        }
        return;
    }
}

const char *mr_idl_next_raw(mr_idl_parser *p) {
    size_t start = p->pos;
    uint32_t depth = 0;

    for (; peek(p, 0) >= 0 && !(peek(p, 0) == ')' && depth == 0); p->pos++) {
        if (peek(p, 0) == '(')
            depth++;
        if (peek(p, 0) == ')')
            depth--;
    }
    size_t end = p->pos;
    while (start < end && isspace(p->source->text.data[start]))
        start++;
    while (start < end && isspace(p->source->text.data[end - 1]))
        end--;
    const char *text = mr_idl_text(p->unit, "%.*s", (int)(end - start),
                                   (const char *)p->source->text.data + start);
    mr_idl_next(p);
    return text;
}

bool mr_idl_at(const mr_idl_parser *p, int punct) {
    return p->token.kind == MR_IDL_TOKEN_PUNCT && p->token.punct == punct;
}

bool mr_idl_at_name(const mr_idl_parser *p, const char *name) {
    return p->token.kind == MR_IDL_TOKEN_NAME && strcmp(p->token.text, name) == 0;
}

bool mr_idl_accept(mr_idl_parser *p, int punct) {
    if (!mr_idl_at(p, punct))
        return false;
    mr_idl_next(p);
    return true;
}

bool mr_idl_accept_name(mr_idl_parser *p, const char *name) {
    if (!mr_idl_at_name(p, name))
        return false;
    mr_idl_next(p);
    return true;
}

void mr_idl_expected(mr_idl_parser *p, const char *what) {
    const mr_idl_lex *t = &p->token;

    if (p->panic)
        return;
    p->panic = true;
    p->panic_at = t->loc.offset;
    if (t->kind == MR_IDL_TOKEN_END) {
        mr_idl_error(p->unit, t->loc, "expected %s, the file ends", what);
    } else {
        mr_slice found = mr_slice_sub(p->source->text, t->loc.offset, t->loc.len);
        mr_idl_error(p->unit, t->loc, "expected %s, found `%.*s`", what,
                     (int)(found.len > 60 ? 60 : found.len), (const char *)found.data);
    }
}

bool mr_idl_expect(mr_idl_parser *p, int punct) {
    char what[4] = {'`', (char)punct, '`', 0};

    if (mr_idl_accept(p, punct))
        return true;
    mr_idl_expected(p, what);
    return false;
}

void mr_idl_enter(mr_idl_parser *p) {
    if (++p->depth > MR_IDL_DEPTH) {
        mr_idl_error(p->unit, p->token.loc, "nested deeper than %d levels", MR_IDL_DEPTH);
        mr_idl_abort(p->unit, MR_ERR_LIMIT);
    }
}
