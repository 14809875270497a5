/* The frame of the command without a command: see fake_app.h. */
#include "fake_app.h"

#include <msrpc/ifaces.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "session.h"

#define ARENA_CAP ((size_t)16 << 20)

char fake_app_said[1024];
unsigned fake_app_refusals;
static mr_slice file;

void fake_app_init(app *a, mr_slice text) {
    *a = (app){0};
    mr_arena_init(&a->arena, ARENA_CAP);
    fake_app_said[0] = '\0';
    fake_app_refusals = 0;
    file = text;
}

void fake_app_deinit(app *a) {
    mr_arena_deinit(&a->arena);
}

void fake_app_check(bool good, const char *what) {
    if (!good) {
        fprintf(stderr, "broken: %s (%s)\n", what, fake_app_said);
        abort();
    }
}

int app_input_read(app *a, const char *path, size_t most, mr_slice *textp) {
    (void)path;
    if (file.len > most)
        return app_refuse(a, APP_UNREADABLE, "FILE: too long");
    const char *copy = mr_arena_add_str(&a->arena, file);
    if (!copy)
        return app_refuse(a, APP_BUG, "FILE: out of memory");
    *textp = mr_slice_of(copy, file.len);
    return 0;
}

int app_refuse(const app *a, int code, const char *fmt, ...) {
    va_list args;

    (void)a;
    va_start(args, fmt);
    vsnprintf(fake_app_said, sizeof fake_app_said, fmt, args);
    va_end(args);
    fake_app_refusals++;
    return code;
}

const char *app_safe(app *a, mr_slice s) {
    return mr_arena_add_str(&a->arena, s);
}

FILE *app_err(const app *a) {
    (void)a;
    return stderr;
}

bool app_iface_find(const char *text, mr_syntax *syntaxp) {
    const mr_iface *iface = mr_ifaces_find_name(mr_slice_str(text));

    if (iface)
        *syntaxp = iface->syntax;
    return iface != NULL;
}
