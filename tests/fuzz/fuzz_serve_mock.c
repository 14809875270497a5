/*
 * The file of msrpc serve --mock: any text. Checked: what is refused is told once, with its file;
 * a mock that is made has its rows in order, each of a compiled method.
 */
#include "fake_app.h"

#include <stdlib.h>
#include <string.h>

#include "serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_mock(const mr_mock *mock) {
    for (size_t i = 0; i < mock->row_count; i++) {
        uint16_t opnum = mock->rows[i].opnum;
        fake_app_check(i == 0 || opnum > mock->rows[i - 1].opnum, "rows without an order");
        fake_app_check(opnum < mock->iface->proc_count, "a row that is no method");
        fake_app_check(mock->iface->procs[opnum].args != NULL, "a method that is not compiled");
    }
}

/* The file that is opened is the input; others are real ones (linked with --wrap). */
FILE *__real_fopen64(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode);

static mr_slice text;

FILE *__wrap_fopen64(const char *path, const char *mode) {
    return strcmp(path, "FILE") ? __real_fopen64(path, mode)
                                : fmemopen((void *)text.data, text.len, "r");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct serve_settings *s = calloc(1, sizeof *s);
    struct serve_mocks mocks = {0};
    app a;

    if (!s || !size) {
        free(s);
        return 0;
    }
    text = mr_slice_of(data, size);
    fake_app_init(&a, MR_SLICE_NULL);
    s->mocks = (struct app_list){1, {MR_SLICE_LIT("FILE@4711")}};
    int code = serve_mocks_read(&a, s, NULL, &mocks);
    fake_app_check(fake_app_refusals == (code ? 1 : 0), "refused and not told once");
    fake_app_check(!code || strstr(fake_app_said, "FILE: "), "the file is not named");
    if (!code) {
        fake_app_check(mocks.count == 1 && mocks.items[0]->port == 4711, "another port");
        check_mock(&mocks.items[0]->mock);
    }
    serve_mocks_deinit(&mocks);
    fake_app_deinit(&a);
    free(s);
    return 0;
}
