/*
 * Any octets as a file of accounts: what is refused has a line and a column and shows nothing of
 * the line, what is taken is taken again, and bounded.
 */
#include <stdio.h>
#include <string.h>

#include <msrpc/serve.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good) {
    if (!good)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_slice text = mr_slice_of(data, size);
    mr_error err = MR_ERROR_INIT;
    uint8_t hash[MR_NT_HASH_SIZE];
    mr_accounts *accounts;
    unsigned line, column;

    if (mr_accounts_new(&accounts, &err))
        return 0;
    int r = mr_accounts_read(accounts, text, "FILE", &err);
    if (r == 0) {
        size_t count = mr_accounts_count(accounts);
        check(count <= MR_ACCOUNTS_MAX);
        r = mr_accounts_find(accounts, MR_SLICE_LIT("alice"), MR_SLICE_LIT("LAB"), hash, &err);
        check(r == 0 || r == MR_ERR_NOT_FOUND || r == MR_ERR_MEMORY);
        check(mr_accounts_read(accounts, text, "FILE", &err) == 0);
        check(mr_accounts_count(accounts) == count);
    } else {
        check(mr_accounts_count(accounts) == 0 && err.code == r);
        check(sscanf(err.text, "FILE:%u:%u: ", &line, &column) == 2 && line > 0 && column > 0);
    }
    mr_accounts_free(accounts);
    return 0;
}
