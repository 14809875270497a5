/* Files that switches and arguments name. */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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

ssize_t app_input_fill(int fd, uint8_t *room, size_t most) {
    size_t len = 0;
    ssize_t n = 0;

    while (len < most && (n = read(fd, room + len, most - len)) > 0)
        len += (size_t)n;
    if (n >= 0)
        return (ssize_t)len;
    explicit_bzero(room, len);
    return -1;
}

int app_lines_open(app *a, const char *path, app_lines *lines) {
    bool standard = strcmp(path, "-") == 0;

    lines->a = a;
    lines->path = path;
    lines->number = 0;
    lines->at = lines->len = 0;
    lines->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    return lines->fd < 0 ? unreadable(a, path) : 0;
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

/* The next octet, or -1 at the end, -2 with errno. */
static int read_octet(app_lines *lines) {
    if (lines->at == lines->len) {
        ssize_t n = read(lines->fd, lines->room, sizeof lines->room);
        if (n <= 0)
            return n ? -2 : -1;
        lines->at = 0;
        lines->len = (size_t)n;
    }
    return (uint8_t)lines->room[lines->at++];
}

/* A line without its end, longer ones cut. Positive: there was none; negative: see errno. */
static int read_line(app_lines *lines) {
    size_t n = 0;
    int c;

    while ((c = read_octet(lines)) >= 0 && c != '\n' && n < sizeof lines->line - 1)
        lines->line[n++] = (char)c;
    lines->line[n] = '\0';
    return c == -2 ? -1 : c == -1 && n == 0;
}

int app_lines_next(app_lines *lines, char **linep) {
    int r;

    while ((r = read_line(lines)) == 0) {
        char *line = lines->line;
        lines->number++;
        if (strlen(line) > APP_LINE_MAX)
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
    return r < 0 ? unreadable(lines->a, lines->path) : 0;
}

void app_lines_close(app_lines *lines) {
    if (lines->fd > STDIN_FILENO)
        close(lines->fd);
    lines->fd = -1;
    explicit_bzero(lines->room, sizeof lines->room);
    explicit_bzero(lines->line, sizeof lines->line);
}
