/*
 * msrpc serve --mock: the file with an interface's replies is read and tried before anything
 * listens, and with -v every call is told with what it brought, in the form msrpc call takes.
 */
#include "serve_mock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <msrpc/ifaces.h>
#include <msrpc/io.h>

#include "session.h"
#include "tokens.h"

#define FILE_CAP ((size_t)64 << 20)
#define LINE_CAP ((size_t)16 << 10) /* octets of parameters that are told */

/* ---- what it is asked ---- */

/* Tells of a call: "127.0.0.1:40000 netlogon.NetrGetDCName {...} -> fault 0x00000005". */
static void tell(void *user, const mr_server_call *call, uint32_t status, const mr_error *err) {
    app_mock *mock = user;
    app a = *mock->a; /* with an arena of its own: this may go on for days */
    char peer[MR_ADDR_TEXT];
    mr_writer w;
    mr_buf text;

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
    const char *safe = app_safe(&a, json);
    FILE *out = app_err(mock->a);
    fprintf(out, "%s %s.%s %s%s", mr_addr_port_text(&call->peer, peer), mock->mock.iface->name,
            call->proc->name, safe ? safe : "", text.len > json.len ? "..." : "");
    if (status)
        fprintf(out, " -> fault 0x%08x", status);
    if (err->code)
        fprintf(out, " (%s)", err->text);
    fputc('\n', out);
    mr_buf_deinit(&text);
    mr_arena_deinit(&a.arena);
}

/* ---- the file ---- */

static int read_file(app *a, const char *path, mr_slice *textp) {
    FILE *in = fopen(path, "rb");
    uint8_t chunk[16384];
    mr_buf buf;
    size_t n;

    if (!in)
        return app_refuse(a, APP_UNREADABLE, "--mock: %s: %s", path, strerror(errno));
    mr_buf_init(&buf, NULL, 0, FILE_CAP);
    while ((n = fread(chunk, 1, sizeof chunk, in)) > 0)
        mr_buf_write(&buf, mr_slice_of(chunk, n));
    bool bad = ferror(in) != 0 || mr_buf_error(&buf) != 0;
    fclose(in);
    const char *copy = bad ? NULL : mr_arena_add_str(&a->arena, mr_buf_slice(&buf));
    size_t len = buf.len;
    mr_buf_deinit(&buf);
    if (!copy)
        return app_refuse(a, APP_UNREADABLE, "--mock: %s: it cannot be read, or is too large",
                          path);
    *textp = mr_slice_of(copy, len);
    return 0;
}

/* No other members than these. */
static int check_members(const app *a, const char *path, const mr_token *file) {
    static const char *const known[] = {"interface", "replies", "default"};

    if (file->kind != MR_TOKEN_OBJECT)
        return app_refuse(a, APP_USAGE, "--mock: %s: an object is wanted, not %s", path,
                          mr_token_kind_name(file->kind));
    for (const mr_token *t = file->child; t; t = t->next) {
        bool found = false;
        for (size_t i = 0; i < MR_COUNT(known); i++)
            found |= mr_slice_eq(t->key, mr_slice_str(known[i]));
        if (!found)
            return app_refuse(a, APP_USAGE, "--mock: %s: unknown member %.*s (interface, replies "
                              "and default are known)", path, (int)t->key.len,
                              (const char *)t->key.data);
    }
    return 0;
}

static int read_iface(app *a, const char *path, const mr_token *file, const mr_iface **ifacep) {
    const mr_token *name = mr_token_find(file, "interface");
    const char *text = name && name->kind == MR_TOKEN_STRING
                           ? mr_arena_add_str(&a->arena, name->string) : NULL;
    mr_syntax syntax;

    if (!text)
        return app_refuse(a, APP_USAGE, "--mock: %s: the member interface names an interface, by "
                          "name or UUID", path);
    int code = app_iface_read(a, text, &syntax);
    if (code)
        return code;
    *ifacep = mr_ifaces_find(&syntax);
    if (!*ifacep)
        return app_refuse(a, APP_USAGE, "--mock: %s: %s is known but not compiled (msrpc describe "
                          "lists those that are)", path, text);
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

int app_mock_read(app *a, mr_slice item, bool verbose, app_mock *mockp) {
    static const mr_token none = {.kind = MR_TOKEN_OBJECT};
    const char *path = split_path(a, item, &mockp->port);
    const mr_token *file = NULL;
    const mr_iface *iface = NULL;
    mr_error err = MR_ERROR_INIT;
    mr_slice text;

    if (!path)
        return app_refuse(a, APP_BUG, "out of memory");
    int code = read_file(a, path, &text);
    if (code)
        return code;
    if (app_tokens_decode(text, &a->arena, &file, &err) != 0)
        return app_refuse(a, APP_USAGE, "--mock: %s: %s", path, err.text);
    code = check_members(a, path, file);
    if (!code)
        code = read_iface(a, path, file, &iface);
    if (code)
        return code;
    const mr_token *replies = mr_token_find(file, "replies");
    if (mr_mock_init(&mockp->mock, iface, replies ? replies : &none,
                     mr_token_find(file, "default"), &err) != 0)
        return app_refuse(a, APP_USAGE, "--mock: %s: %s", path, err.text);
    mockp->a = a;
    mockp->mock.seen = verbose ? tell : NULL;
    mockp->mock.user = mockp;
    return 0;
}
