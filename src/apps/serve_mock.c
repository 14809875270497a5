/*
 * msrpc serve --mock: the files with the replies of interfaces are read and tried before anything
 * listens or changes, and with -v every call is told with what it brought, in the form msrpc call
 * takes.
 */
#include "serve_mock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include <msrpc/ifaces.h>

#include "serve.h"
#include "session.h"
#include "tokens.h"

#define FILE_CAP ((size_t)64 << 20)
#define ARENA_CAP (8 * FILE_CAP)
#define LINE_CAP ((size_t)16 << 10) /* octets of parameters that are told */

/* ---- what it is asked ---- */

/* Tells of a call: "127.0.0.1:40000 netlogon.NetrGetDCName {...} -> fault 0x00000005". */
static void tell(void *user, const mr_server_call *call, uint32_t status, const mr_error *err) {
    struct serve_mock *mock = user;
    char peer[MR_ADDR_TEXT], fault[32] = "";
    app a = {0}; /* for its arena */
    mr_writer w;
    mr_buf text;

    if (!serve_log_take(mock->log, SERVE_MOCKED, SERVE_NOTICE))
        return;
    mr_arena_init(&a.arena, 8 * LINE_CAP);
    mr_buf_init(&text, NULL, 0, FILE_CAP);
    mr_writer_init_json(&w, mr_sink_buf, &text, false);
    mr_writer_open(&w, NULL, MR_SHAPE_OBJECT);
    mr_ndr_print(call->proc, MR_NDR_REQUEST, call->args, &w);
    mr_writer_close(&w);
    mr_writer_flush(&w);
    mr_writer_deinit(&w);
    if (text.len > 0 && text.data[text.len - 1] == '\n')
        text.len--;
    mr_slice json = mr_slice_sub(mr_buf_slice(&text), 0, LINE_CAP);
    if (status)
        snprintf(fault, sizeof fault, " -> fault 0x%08x", status);
    serve_log_tell(mock->log, SERVE_NOTICE, "%s %s.%s %s%s%s%s%s%s",
                  mr_addr_port_text(&call->peer, peer), mock->mock.iface->name, call->proc->name,
                  app_safe(&a, json), text.len > json.len ? "..." : "", fault,
                  err->code ? " (" : "", err->code ? err->text : "", err->code ? ")" : "");
    mr_buf_deinit(&text);
    mr_arena_deinit(&a.arena);
}

/* ---- the file ---- */

/* A file that is being read. */
struct reading {
    app *a;            /* with the arena of the mock */
    const char *where; /* the switch, or the line of --config */
    const char *path;
};

static int refuse(const struct reading *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static int refuse(const struct reading *r, const char *fmt, ...) {
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return app_refuse(r->a, APP_USAGE, "%s: %s: %s", r->where, r->path, text);
}

static int read_file(const struct reading *r, mr_slice *textp) {
    FILE *in = fopen(r->path, "rbe");
    uint8_t chunk[16384];
    mr_buf buf;
    size_t n;

    if (!in)
        return app_refuse(r->a, APP_UNREADABLE, "%s: %s: %s", r->where, r->path, strerror(errno));
    mr_buf_init(&buf, NULL, 0, FILE_CAP);
    while ((n = fread(chunk, 1, sizeof chunk, in)) > 0)
        mr_buf_write(&buf, mr_slice_of(chunk, n));
    bool bad = ferror(in) != 0 || mr_buf_error(&buf) != 0;
    fclose(in);
    const char *copy = bad ? NULL : mr_arena_add_str(&r->a->arena, mr_buf_slice(&buf));
    size_t len = buf.len;
    mr_buf_deinit(&buf);
    if (!copy)
        return app_refuse(r->a, APP_UNREADABLE, "%s: %s: it cannot be read, or is too large",
                          r->where, r->path);
    *textp = mr_slice_of(copy, len);
    return 0;
}

/* No other members than these. */
static int check_members(const struct reading *r, const mr_token *file) {
    static const char *const known[] = {"interface", "replies", "default"};

    if (file->kind != MR_TOKEN_OBJECT)
        return refuse(r, "an object is wanted, not %s", mr_token_kind_name(file->kind));
    for (const mr_token *t = file->child; t; t = t->next) {
        bool found = false;
        for (size_t i = 0; i < MR_COUNT(known); i++)
            found |= mr_slice_eq(t->key, mr_slice_str(known[i]));
        if (!found)
            return refuse(r, "unknown member %s (interface, replies and default are known)",
                          app_safe(r->a, mr_slice_sub(t->key, 0, 80)));
    }
    return 0;
}

static int read_iface(const struct reading *r, const mr_token *file, const mr_iface **ifacep) {
    const mr_token *name = mr_token_find(file, "interface");
    const char *text = name && name->kind == MR_TOKEN_STRING
                           ? app_safe(r->a, name->string) : NULL;
    mr_syntax syntax;

    if (!text)
        return refuse(r, "the member interface names an interface, by name or UUID");
    if (!app_iface_find(text, &syntax))
        return refuse(r, "interface: %s: " APP_NO_IFACE, text);
    *ifacep = mr_ifaces_find(&syntax);
    if (!*ifacep)
        return refuse(r, "%s is known but not compiled (msrpc describe lists those that are)",
                      text);
    return 0;
}

/* FILE@PORT, where what follows the last @ is a number. */
static const char *split_path(app *a, mr_slice item, uint16_t *portp) {
    const uint8_t *at = memrchr(item.data, '@', item.len);
    size_t len = at ? (size_t)(at - item.data) : item.len;
    uint64_t port = 0;

    if (!at || mr_slice_get_number(mr_slice_sub(item, len + 1, SIZE_MAX), UINT16_MAX, &port) != 0)
        len = item.len;
    *portp = (uint16_t)port;
    return mr_arena_add_str(&a->arena, mr_slice_sub(item, 0, len));
}

static int read_mock(const struct reading *r, mr_mock *mockp) {
    static const mr_token none = {.kind = MR_TOKEN_OBJECT};
    const mr_token *file = NULL;
    const mr_iface *iface = NULL;
    mr_error err = MR_ERROR_INIT;
    mr_slice text;

    int code = read_file(r, &text);
    if (code)
        return code;
    if (app_tokens_decode(text, &r->a->arena, &file, &err) != 0)
        return refuse(r, "%s", err.text);
    code = check_members(r, file);
    if (!code)
        code = read_iface(r, file, &iface);
    if (code)
        return code;
    const mr_token *replies = mr_token_find(file, "replies");
    if (mr_mock_init(mockp, iface, replies ? replies : &none, mr_token_find(file, "default"),
                     &err) != 0)
        return refuse(r, "%s", err.text);
    return 0;
}

/* ---- all of them ---- */

static void free_mock(struct serve_mock *mock) {
    mr_mock_deinit(&mock->mock);
    mr_arena_deinit(&mock->arena);
    free(mock);
}

int serve_mocks_read(app *a, struct serve_settings *s, struct serve_log *log,
                     struct serve_mocks *mocksp) {
    app reading = *a; /* with an arena for each file */
    int code = 0;

    for (uint32_t i = 0; i < s->mocks.count && !code; i++) {
        mr_slice item = s->mocks.items[i];
        struct serve_mock *mock = calloc(1, sizeof *mock);
        if (!mock)
            return app_refuse(a, APP_BUG, "out of memory");
        mr_arena_init(&reading.arena, ARENA_CAP);
        struct reading r = {&reading, serve_settings_where(s, item, "--mock"), NULL};
        r.path = split_path(&reading, item, &mock->port);
        code = r.path ? read_mock(&r, &mock->mock) : app_refuse(a, APP_BUG, "out of memory");
        mock->arena = reading.arena;
        mock->log = log;
        mock->mock.seen = log ? tell : NULL;
        mock->mock.user = mock;
        mocksp->items[mocksp->count++] = mock;
    }
    return code;
}

void serve_mocks_deinit(struct serve_mocks *mocks) {
    struct serve_mock *mock;

    while (mocks->count)
        free_mock(mocks->items[--mocks->count]);
    while ((mock = mocks->retired)) {
        mocks->retired = mock->next;
        free_mock(mock);
    }
}

void serve_mocks_take(struct serve_mocks *mocks, struct serve_mocks *next) {
    while (mocks->count) {
        struct serve_mock *mock = mocks->items[--mocks->count];
        mock->next = mocks->retired;
        mocks->retired = mock;
    }
    for (uint32_t i = 0; i < next->count; i++) {
        struct serve_mock **at = &mocks->retired, *mock = next->items[i];
        while (*at && (*at)->mock.iface != mock->mock.iface)
            at = &(*at)->next;
        if (*at) {
            struct serve_mock *known = *at;
            *at = known->next;
            mr_mock_take(&known->mock, &mock->mock);
            mr_arena_deinit(&known->arena);
            known->arena = mock->arena;
            known->port = mock->port;
            free(mock);
            mock = known;
        }
        mocks->items[mocks->count++] = mock;
    }
    next->count = 0;
}
