/* msrpc serve --mock: mocks and the files they come from. */
#ifndef MSRPC_APP_SERVE_MOCK_H
#define MSRPC_APP_SERVE_MOCK_H

#include <msrpc/serve.h>

#include "app.h"
#include "serve_log.h"

struct serve_settings;

struct serve_mock {
    struct serve_mock *next; /* of those that are not wanted any more */
    struct serve_log *log;
    mr_arena arena;          /* of the file */
    mr_mock mock;
    uint16_t port;           /* 0: a dynamic one */
};

/* Those that are wanted, and those that were: the server knows these until it ends. */
struct serve_mocks {
    struct serve_mock *items[APP_LIST_MAX];
    uint32_t count;
    struct serve_mock *retired;
};

/* Reads every "FILE" or "FILE@PORT" of the settings into *@mocksp, which is zeroed; with @log every
 * call is told there. 0 or an exit code with the mistake and its place told; *@mocksp is to be
 * freed with serve_mocks_deinit in either case. */
int serve_mocks_read(app *a, struct serve_settings *s, struct serve_log *log,
                     struct serve_mocks *mocksp);
void serve_mocks_deinit(struct serve_mocks *mocks);
/* Makes @mocks those of @next, which is emptied. A mock that is on offer stays where it is and gets
 * the replies and the port of the next one of its interface. */
void serve_mocks_take(struct serve_mocks *mocks, struct serve_mocks *next);

#endif
