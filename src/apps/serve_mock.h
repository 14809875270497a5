/* msrpc serve --mock: a mock and the file it comes from. */
#ifndef MSRPC_APP_SERVE_MOCK_H
#define MSRPC_APP_SERVE_MOCK_H

#include <msrpc/serve.h>

#include "app.h"

typedef struct app_mock {
    app *a;
    mr_mock mock;
    uint16_t port; /* 0: a dynamic one */
} app_mock;

/* Reads "FILE" or "FILE@PORT" into *@mockp, which stays where it is; with @verbose every call is
 * told. 0 or an exit code with the mistake and its place told. */
int app_mock_read(app *a, mr_slice item, bool verbose, app_mock *mockp);

#endif
