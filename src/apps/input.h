/* What a run reads: files that switches and arguments name, whole or line by line. "-" is standard
 * input. */
#ifndef MSRPC_APP_INPUT_H
#define MSRPC_APP_INPUT_H

#include "app.h"

/* The whole of @path, at most @most octets, with a NUL behind them, in a->arena. 0, or
 * APP_UNREADABLE or APP_BUG, told. */
int app_input_read(app *a, const char *path, size_t most, mr_slice *textp);

/* What @fd gives until its end, at most @most octets, into @room and nowhere else: how many, or -1
 * with errno and nothing left in it. */
ssize_t app_input_fill(int fd, uint8_t *room, size_t most);

#define APP_LINE_MAX 1022 /* characters */

/* A file of lines. A byte order mark, blanks at both ends and comments are cut, lines that then
 * say nothing passed over. A comment begins with a # at the beginning or after a blank, outside
 * quotes: a password may hold one, so that no buffer but these is used, and they are wiped. */
typedef struct app_lines {
    unsigned number; /* of the line that was read last, from 1 */
    /* private */
    app *a;
    const char *path;
    int fd;
    size_t at, len; /* in @room */
    char room[4096];
    char line[APP_LINE_MAX + 2];
} app_lines;

/* @path is *borrowed* until app_lines_close. 0 or APP_UNREADABLE, told. */
int app_lines_open(app *a, const char *path, app_lines *lines);
/* *@linep: the next line, the caller's to write on until the next call; NULL past the last. 0, or
 * APP_UNREADABLE or APP_USAGE (too long), told. */
int app_lines_next(app_lines *lines, char **linep);
void app_lines_close(app_lines *lines);

#endif
