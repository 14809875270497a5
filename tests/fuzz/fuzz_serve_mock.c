/*
 * The file of msrpc serve --mock: any text. Checked: what is refused is told once, with its file;
 * a mock that is made has rows in order, and a reply or a fault for each.
 */
#include "fake_app.h"

#include <stdlib.h>
#include <string.h>

#include "serve_mock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_mock(const mr_mock *mock) {
    for (size_t i = 0; i < mock->row_count; i++) {
        uint16_t opnum = mock->rows[i].opnum;
        fake_app_check(i == 0 || opnum > mock->rows[i - 1].opnum, "rows without an order");
        fake_app_check(opnum < mock->iface->proc_count, "a row that is no method");
        fake_app_check(mock->iface->procs[opnum].args != NULL, "a method that is not compiled");
        fake_app_check(mock->methods[opnum].reply || mock->fault, "a method without an answer");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    app_mock *mock = calloc(1, sizeof *mock);
    app a;

    if (!mock)
        return 0;
    fake_app_init(&a, mr_slice_of(data, size));
    int code = app_mock_read(&a, MR_SLICE_LIT("FILE@4711"), false, mock);
    fake_app_check(code ? fake_app_refusals > 0 : !fake_app_refusals, "refused and not told");
    if (!code) {
        fake_app_check(mock->port == 4711, "another port");
        check_mock(&mock->mock);
        mr_mock_deinit(&mock->mock);
    }
    fake_app_deinit(&a);
    free(mock);
    return 0;
}
