/*
 * Accounts from a file of lines. They are searched from the first to the last: a file has few, and
 * a logon costs more than the search.
 */
#include <msrpc/crypto.h>
#include <msrpc/serve.h>

#include <stdlib.h>

struct mr_accounts {
    mr_identity *rows;
    size_t count;
};

int mr_accounts_new(mr_accounts **accountsp, mr_error *err) {
    mr_accounts *accounts = calloc(1, sizeof *accounts);

    if (!accounts)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET, "out of memory");
    *accountsp = accounts;
    return 0;
}

static void free_rows(mr_identity *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        mr_identity_deinit(&rows[i]);
    free(rows);
}

void mr_accounts_free(mr_accounts *accounts) {
    if (!accounts)
        return;
    free_rows(accounts->rows, accounts->count);
    free(accounts);
}

size_t mr_accounts_count(const mr_accounts *accounts) {
    return accounts->count;
}

/* ---- reading ---- */

/* Where in the line something is wrong, in @columnp, and what. */
static int read_account(mr_slice line, mr_identity *row, size_t *columnp, mr_error *err) {
    const uint8_t *colon = memchr(line.data, ':', line.len);
    size_t name = colon ? (size_t)(colon - line.data) : line.len;
    mr_slice secret = mr_slice_sub(line, name + 1, SIZE_MAX);

    *columnp = 1;
    int r = mr_identity_init(row, err);
    if (r)
        return r;
    if (!colon || name == 0)
        return mr_fail(err, MR_ERR_SYNTAX, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET,
                       colon ? "no user before the colon" : "no colon between user and secret");
    r = mr_identity_set_name(row, mr_slice_sub(line, 0, name), err);
    if (!r && !*row->user)
        r = mr_fail(err, MR_ERR_SYNTAX, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET, "no user");
    if (r)
        return r;
    *columnp = name + 2;
    return mr_identity_is_nt_hash(secret) ? mr_identity_set_nt_hash(row, secret, err)
                           : mr_identity_set_password(row, secret, err);
}

static mr_slice take_line(mr_slice *restp) {
    const uint8_t *end = restp->len ? memchr(restp->data, '\n', restp->len) : NULL;
    size_t len = end ? (size_t)(end - restp->data) : restp->len;
    mr_slice line = mr_slice_sub(*restp, 0, len);

    *restp = mr_slice_sub(*restp, len + 1, SIZE_MAX);
    if (line.len && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

static int add_row(mr_identity **rowsp, size_t count, mr_error *err) {
    if (count == MR_ACCOUNTS_MAX)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET,
                       "more than %d accounts", MR_ACCOUNTS_MAX);
    if (count & (count - 1)) /* full at powers of two */
        return 0;
    mr_identity *grown = calloc(count ? 2 * count : 1, sizeof *grown);
    if (!grown)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET, "out of memory");
    if (count) {
        memcpy(grown, *rowsp, count * sizeof *grown);
        mr_wipe(*rowsp, count * sizeof *grown);
    }
    free(*rowsp);
    *rowsp = grown;
    return 0;
}

static int fail_at(mr_error *err, int code, const char *source, unsigned line, size_t column,
                   const char *text) {
    return mr_fail(err, code, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET, "%s:%u:%zu: %s", source, line,
                   column, text);
}

/* Whether the last row names the user of another. */
static bool is_twice(const mr_identity *rows, size_t count) {
    const mr_identity *last = &rows[count - 1];

    for (size_t i = 0; i + 1 < count; i++)
        if (mr_str_eq_nocase(rows[i].user, last->user) &&
            mr_str_eq_nocase(rows[i].domain, last->domain))
            return true;
    return false;
}

int mr_accounts_read(mr_accounts *accounts, mr_slice text, const char *source, mr_error *err) {
    mr_identity *rows = NULL;
    size_t count = 0;
    int r = 0;

    for (unsigned number = 1; !r && text.len; number++) {
        mr_slice line = take_line(&text);
        mr_error detail = MR_ERROR_INIT;
        size_t column = 1;
        if (line.len == 0 || line.data[0] == '#')
            continue;
        r = add_row(&rows, count, &detail);
        if (!r)
            r = read_account(line, &rows[count++], &column, &detail);
        if (!r && is_twice(rows, count))
            r = mr_fail(&detail, MR_ERR_SYNTAX, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET,
                        "this user stands in an earlier line already");
        if (r)
            fail_at(err, r, source, number, column, detail.text);
    }
    if (r) {
        free_rows(rows, count);
        return r;
    }
    free_rows(accounts->rows, accounts->count);
    accounts->rows = rows;
    accounts->count = count;
    return 0;
}

/* ---- asking ---- */

int mr_accounts_find_row(const mr_accounts *accounts, mr_slice account, mr_slice domain,
                         uint8_t nt_hashp[MR_NT_HASH_SIZE], const mr_identity **rowp,
                         mr_error *err) {
    for (size_t i = 0; i < accounts->count; i++) {
        mr_identity *row = &accounts->rows[i];
        int r = mr_ntlm_find_identity(row, account, domain, nt_hashp, err);
        if (r == 0)
            *rowp = row;
        if (r != MR_ERR_NOT_FOUND)
            return r;
    }
    return MR_ERR_NOT_FOUND;
}

int mr_accounts_find(void *user, mr_slice account, mr_slice domain,
                     uint8_t nt_hashp[MR_NT_HASH_SIZE], mr_error *err) {
    const mr_identity *row;

    return mr_accounts_find_row(user, account, domain, nt_hashp, &row, err);
}

static bool is_machine(const char *user) {
    size_t len = strlen(user);

    return len > 1 && user[len - 1] == '$';
}

const mr_identity *mr_accounts_get_machine(const mr_accounts *accounts, const char *computer) {
    mr_slice name = mr_slice_str(computer);

    for (size_t i = 0; i < accounts->count; i++) {
        const mr_identity *row = &accounts->rows[i];
        if (is_machine(row->user) && row->has_nt_hash &&
            mr_slice_eq_nocase(mr_slice_of(row->user, strlen(row->user) - 1), name))
            return row;
    }
    return NULL;
}

int mr_accounts_find_machine(const mr_accounts *accounts, const char *computer,
                             uint8_t nt_hashp[MR_NT_HASH_SIZE]) {
    const mr_identity *row = mr_accounts_get_machine(accounts, computer);

    if (!row)
        return MR_ERR_NOT_FOUND;
    memcpy(nt_hashp, row->nt_hash, MR_NT_HASH_SIZE);
    return 0;
}

bool mr_accounts_have_machine(const mr_accounts *accounts) {
    for (size_t i = 0; i < accounts->count; i++)
        if (is_machine(accounts->rows[i].user))
            return true;
    return false;
}
