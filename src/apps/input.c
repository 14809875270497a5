/* Files that switches and arguments name. */
#include "input.h"

#include <errno.h>

static FILE *open_input(const char *path) {
    return strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
}

static int unreadable(const app *a, const char *path) {
    bool standard = strcmp(path, "-") == 0;
    return app_refuse(a, APP_UNREADABLE, "%s: %s", standard ? "standard input" : path,
                      strerror(errno));
}

static void close_input(FILE *file) {
    if (file && file != stdin)
        fclose(file);
}

int app_input_read(app *a, const char *path, size_t most, mr_slice *textp) {
    FILE *file = open_input(path);
    uint8_t chunk[16384];
    int code = 0;
    mr_buf buf;
    size_t n;

    if (!file)
        return unreadable(a, path);
    mr_buf_init(&buf, NULL, 0, most);
    while (!mr_buf_error(&buf) && (n = fread(chunk, 1, sizeof chunk, file)) > 0)
        mr_buf_write(&buf, mr_slice_of(chunk, n));
    int r = mr_buf_error(&buf);
    if (r == MR_ERR_LIMIT)
        code = app_refuse(a, APP_UNREADABLE, "%s: longer than %zu octets", path, most);
    else if (!r && ferror(file))
        code = unreadable(a, path);
    if (!r && !code) {
        const char *copy = mr_arena_add_str(&a->arena, mr_buf_slice(&buf));
        r = copy ? 0 : MR_ERR_MEMORY;
        *textp = mr_slice_of(copy, buf.len);
    }
    if (r && !code)
        code = app_refuse(a, APP_BUG, "out of memory");
    mr_buf_deinit(&buf);
    close_input(file);
    return code;
}

int app_lines_open(app *a, const char *path, app_lines *lines) {
    lines->a = a;
    lines->path = path;
    lines->number = 0;
    lines->file = open_input(path);
    return lines->file ? 0 : unreadable(a, path);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The line without its comment and the blanks around. */
static char *trim(char *line) {
    bool quoted = false;
    char *end = line;

    while (*end && (*end != '#' || quoted || (end > line && !is_blank(end[-1]))))
        quoted ^= *end++ == '"';
    while (end > line && is_blank(end[-1]))
        end--;
    *end = '\0';
    while (is_blank(*line))
        line++;
    return line;
}

int app_lines_next(app_lines *lines, char **linep) {
    while (fgets(lines->line, sizeof lines->line, lines->file)) {
        char *line = lines->line;
        lines->number++;
        if (strlen(line) == sizeof lines->line - 1 && !strchr(line, '\n'))
            return app_refuse(lines->a, APP_USAGE, "%s: line %u is longer than %d characters",
                              lines->path, lines->number, APP_LINE_MAX);
        if (lines->number == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
            line += 3;
        line = trim(line);
        if (*line) {
            *linep = line;
            return 0;
        }
    }
    *linep = NULL;
    return ferror(lines->file) ? unreadable(lines->a, lines->path) : 0;
}

void app_lines_close(app_lines *lines) {
    close_input(lines->file);
    lines->file = NULL;
}
