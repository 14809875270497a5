/* Where output goes and how it looks: files, colour, marks, wrapping, and safety from what a peer
 * put into its strings. */
#include "app.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

FILE *app_err(const app *a) {
    if (a && a->err)
        return a->err;
    if (a && a->progress && *a->progress) {
        fputs("\r\033[K", stderr);
        *a->progress = false;
    }
    return stderr;
}

int app_refuse(const app *a, int code, const char *fmt, ...) {
    FILE *err = app_err(a);
    va_list ap;

    bool command = a && a->command, dropin = command && a->command->grammar != APP_GRAMMAR_OWN;

    fprintf(err, "%s%s%s: ", dropin ? "" : "msrpc", command && !dropin ? " " : "",
            command ? a->command->name : "");
    va_start(ap, fmt);
    vfprintf(err, fmt, ap);
    va_end(ap);
    fputc('\n', err);
    return code;
}

int app_output_open(app *a) {
    a->out = stdout;
    a->out_name = "standard output";
    if (a->set.output && strcmp(a->set.output, "-") != 0) {
        a->out = fopen(a->set.output, "we");
        a->out_name = a->set.output;
        if (!a->out)
            return app_refuse(a, APP_UNWRITABLE, "%s: cannot be written", a->set.output);
    }
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    a->out_color = a->set.color == APP_COLOR_ALWAYS ||
                   (a->set.color == APP_COLOR_AUTO && isatty(fileno(a->out)) &&
                    !(no_color && *no_color) && term && strcmp(term, "dumb") != 0);
    return 0;
}

/* Whether nobody reads the pipe any more. */
static bool reader_gone(FILE *file) {
    struct pollfd fd = {.fd = fileno(file)};

    return poll(&fd, 1, 0) == 1 && fd.revents & POLLERR;
}

int app_output_close(app *a, int code) {
    if (!a->out)
        return code;
    errno = 0;
    bool lost = fflush(a->out) != 0 || ferror(a->out);
    bool enough = a->out_left || errno == EPIPE || (lost && reader_gone(a->out));
    if (a->out != stdout)
        lost |= fclose(a->out) != 0;
    a->out = NULL;
    if (lost && enough)
        return APP_UNWRITABLE;
    if (lost)
        return app_refuse(a, APP_UNWRITABLE, "%s: not everything could be written", a->out_name);
    return code;
}

int app_sink_file(void *user, mr_slice s) {
    return fwrite(s.data, 1, s.len, user) == s.len ? 0 : MR_ERR_OUTPUT;
}

const char *app_error(app *a, const mr_error *err) {
    const char *text = err->text[0] ? err->text : mr_result_text(err->code);

    /* what the user typed has a place of its own in the sentence */
    if (err->offset == MR_ERROR_NO_OFFSET || err->floor == MR_FLOOR_APP)
        text = mr_arena_add_fmt(&a->arena, "%s", text);
    else
        text = mr_arena_add_fmt(&a->arena, "%s (%s, octet %zu)", text, mr_floor_name(err->floor),
                                err->offset);
    return text ? text : "out of memory";
}

const char *app_safe(app *a, mr_slice s) {
    static const char digits[] = "0123456789abcdef";
    char *out = mr_arena_get(&a->arena, s.len * 4 + 1, 1);
    size_t n = 0, ok = mr_utf8_ok_len(s);

    for (size_t i = 0; out && i < s.len; i++) {
        uint8_t c = s.data[i];
        bool c1 = i > 0 && s.data[i - 1] == 0xc2 && c < 0xa0;
        bool plain = c >= 0x20 && c != 0x7f && !(c >= 0x80 && a->set.ascii);
        if (i < ok && plain && !c1 && !(c == 0xc2 && s.data[i + 1] < 0xa0)) {
            out[n++] = (char)c;
            continue;
        }
        out[n++] = '\\';
        out[n++] = 'x';
        out[n++] = digits[c >> 4];
        out[n++] = digits[c & 15];
    }
    return out ? out : "(out of memory)";
}

const char *app_style(const app *a, enum app_style style) {
    static const char *const codes[] = {
        [APP_PLAIN] = "\033[0m", [APP_BOLD] = "\033[1m",   [APP_DIM] = "\033[2m",
        [APP_RED] = "\033[31m",  [APP_GREEN] = "\033[32m", [APP_YELLOW] = "\033[33m",
    };
    return a->out_color ? codes[style] : "";
}

const char *app_mark(const app *a, enum app_mark mark) {
    static const char *const marks[][2] = {
        [APP_MARK_OK] = {"[ok]", "\033[32m[ok]\033[0m"},
        [APP_MARK_WARN] = {"[!] ", "\033[33m[!]\033[0m "},
        [APP_MARK_FAIL] = {"[x] ", "\033[31m[x]\033[0m "},
        [APP_MARK_SKIP] = {"[--]", "\033[2m[--]\033[0m"},
    };
    return marks[mark][a->out_color];
}

/* Columns a UTF-8 text of @len octets takes: one per code point, none for a style. */
static size_t columns(const char *text, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        while (i < len && text[i] == '\033')
            i += strcspn(text + i, "m") + 1;
        n += i < len && ((uint8_t)text[i] & 0xc0) != 0x80;
    }
    return n;
}

void app_edges(FILE *out, const char *left, const char *right) {
    size_t used = columns(left, strlen(left)) + columns(right, strlen(right));
    int gap = used + 2 < APP_COLUMNS ? (int)(APP_COLUMNS - used) : 2;

    if (columns(left, strlen(left)) > APP_COLUMNS) { /* a name of any length: it alone, wrapped */
        app_wrap(out, "", 1, left);
        fprintf(out, "%*s%s\n", (int)(APP_COLUMNS - columns(right, strlen(right))), "", right);
        return;
    }
    fprintf(out, "%s%*s%s\n", left, gap, "", right);
}

void app_wrap(FILE *out, const char *first, unsigned indent, const char *text) {
    size_t at = columns(first, strlen(first));
    bool fresh = true;

    fputs(first, out);
    while (*text) {
        size_t len = strcspn(text, " \n");
        size_t width = columns(text, len);
        if (!fresh && at + 1 + width > 80) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
            fresh = true;
        }
        if (!fresh) {
            fputc(' ', out);
            at++;
        }
        while (indent < 80 && at + width > 80 && !memchr(text, '\033', len)) {
            size_t room = at < 80 && width > 80 - indent ? 80 - at : 0, fit = 0;
            while (fit < len && (columns(text, fit + 1) <= room ||
                                 (fit && ((uint8_t)text[fit] & 0xc0) == 0x80)))
                fit++; /* a word longer than a line is cut, another moves to the next */
            fwrite(text, 1, fit, out);
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
            text += fit;
            len -= fit;
            width = columns(text, len);
        }
        fwrite(text, 1, len, out);
        at += width;
        fresh = false;
        text += len;
        if (*text == '\n') {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
            fresh = true;
        }
        text += *text != '\0';
    }
    fputc('\n', out);
}
