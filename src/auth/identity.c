/* Identities: owned copies, wiped before their memory goes back. */
#include <stdlib.h>

#include <msrpc/auth/identity.h>
#include <msrpc/crypto.h>

static void free_secret(char *s) {
    if (s)
        mr_wipe(s, strlen(s));
    free(s);
}

static int no_memory(mr_error *err) {
    return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "no memory for an identity");
}

static int bad_text(mr_error *err, const char *text) {
    return mr_fail(err, MR_ERR_SYNTAX, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "%s", text);
}

/* Replaces *@whichp by a copy of @text, which must be UTF-8 without a NUL. */
static int set_text(char **whichp, mr_slice text, const char *what, mr_error *err) {
    char *copy;

    if (mr_utf8_ok_len(text) != text.len || (text.len > 0 && memchr(text.data, 0, text.len)))
        return bad_text(err, what);
    copy = malloc(text.len + 1);
    if (!copy)
        return no_memory(err);
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    free_secret(*whichp);
    *whichp = copy;
    return 0;
}

int mr_identity_init(mr_identity *id, mr_error *err) {
    char **const all[] = {&id->user, &id->domain, &id->password, &id->ccache, &id->keytab};
    int rc = 0;

    memset(id, 0, sizeof *id);
    for (size_t i = 0; i < MR_COUNT(all) && rc == 0; i++)
        rc = set_text(all[i], MR_SLICE_NULL, "", err);
    return rc;
}

void mr_identity_deinit(mr_identity *id) {
    free_secret(id->user);
    free_secret(id->domain);
    free_secret(id->password);
    free_secret(id->ccache);
    free_secret(id->keytab);
    mr_wipe(id, sizeof *id);
}

int mr_identity_copy(mr_identity *id, const mr_identity *from, mr_error *err) {
    char **const all[] = {&id->user, &id->domain, &id->password, &id->ccache, &id->keytab};
    const char *const texts[] = {from->user, from->domain, from->password, from->ccache,
                                 from->keytab};
    int rc = 0;

    *id = *from;
    for (size_t i = 0; i < MR_COUNT(all); i++)
        *all[i] = NULL;
    for (size_t i = 0; i < MR_COUNT(all) && rc == 0; i++)
        rc = set_text(all[i], mr_slice_str(texts[i]), "", err);
    return rc;
}

int mr_identity_set_user(mr_identity *id, mr_slice user, mr_error *err) {
    return set_text(&id->user, user, "a user's name is no UTF-8", err);
}

int mr_identity_set_domain(mr_identity *id, mr_slice domain, mr_error *err) {
    return set_text(&id->domain, domain, "a domain's name is no UTF-8", err);
}

int mr_identity_set_ccache(mr_identity *id, mr_slice name, mr_error *err) {
    return set_text(&id->ccache, name, "a credential cache's name is no UTF-8", err);
}

int mr_identity_set_keytab(mr_identity *id, mr_slice name, mr_error *err) {
    return set_text(&id->keytab, name, "a key table's name is no UTF-8", err);
}

/* Sets both names or none. */
static int set_both(mr_identity *id, mr_slice user, mr_slice domain, mr_error *err) {
    char *copy = NULL;
    int rc = set_text(&copy, user, "a user's name is no UTF-8", err);

    if (rc == 0)
        rc = mr_identity_set_domain(id, domain, err);
    if (rc < 0) {
        free_secret(copy);
        return rc;
    }
    free_secret(id->user);
    id->user = copy;
    return 0;
}

int mr_identity_set_name(mr_identity *id, mr_slice text, mr_error *err) {
    size_t slash = 0, at = text.len;
    bool principal;
    int rc;

    while (slash < text.len && text.data[slash] != '\\' && text.data[slash] != '/')
        slash++;
    while (at > 0 && text.data[at - 1] != '@')
        at--;
    if (slash < at && text.data[slash] == '/')
        slash = text.len; /* "host/server@REALM" */
    if (text.len == 0 || slash + 1 == text.len || at == 1 || (at > 0 && at == text.len))
        return bad_text(err, "a user is written DOMAIN\\user, user@domain or user");
    principal = slash == text.len && at > 0;
    if (slash < text.len)
        rc = set_both(id, mr_slice_sub(text, slash + 1, SIZE_MAX), mr_slice_sub(text, 0, slash),
                      err);
    else if (principal)
        rc = set_both(id, mr_slice_sub(text, 0, at - 1), mr_slice_sub(text, at, SIZE_MAX), err);
    else
        rc = mr_identity_set_user(id, text, err);
    if (rc == 0)
        id->principal = principal;
    return rc;
}

int mr_identity_set_password(mr_identity *id, mr_slice utf8, mr_error *err) {
    uint8_t hash[MR_NT_HASH_SIZE];
    uint16_t *units = NULL;
    mr_arena arena;
    size_t count = 0;
    int rc;

    if (mr_utf8_ok_len(utf8) != utf8.len)
        return bad_text(err, "the password is no UTF-8");
    mr_arena_init(&arena, SIZE_MAX);
    rc = mr_utf16_encode(utf8, &arena, &units, &count);
    if (rc < 0)
        no_memory(err);
    for (size_t i = 0; rc == 0 && i < count; i++) { /* little-endian, whatever the machine is */
        uint8_t octets[2] = {(uint8_t)units[i], (uint8_t)(units[i] >> 8)};
        memcpy(&units[i], octets, 2);
    }
    if (rc == 0)
        rc = set_text(&id->password, utf8, "the password has a NUL in it", err);
    if (rc == 0) {
        mr_md4(mr_slice_of(units, 2 * count), hash);
        memcpy(id->nt_hash, hash, sizeof hash);
        id->has_password = id->has_nt_hash = true;
    }
    if (units)
        mr_wipe(units, 2 * count);
    mr_arena_deinit(&arena);
    mr_wipe(hash, sizeof hash);
    return rc;
}

/* Whether @hex is exactly @n octets in hexadecimal, which are written to @out. */
static bool read_hex(mr_slice hex, uint8_t *out, size_t n) {
    if (hex.len != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = mr_hex_digit(hex.data[2 * i]), low = mr_hex_digit(hex.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool mr_identity_is_nt_hash(mr_slice text) {
    uint8_t hash[MR_NT_HASH_SIZE];
    bool is = read_hex(text, hash, sizeof hash);

    mr_wipe(hash, sizeof hash);
    return is;
}

int mr_identity_set_nt_hash(mr_identity *id, mr_slice hex, mr_error *err) {
    uint8_t hash[MR_NT_HASH_SIZE], lm[MR_NT_HASH_SIZE];
    mr_slice nt = hex;
    bool ok = true;

    for (size_t i = 0; i < hex.len; i++)
        if (hex.data[i] == ':') {
            ok = i == 0 || read_hex(mr_slice_sub(hex, 0, i), lm, sizeof lm);
            nt = mr_slice_sub(hex, i + 1, SIZE_MAX);
            break;
        }
    ok = ok && read_hex(nt, hash, sizeof hash);
    if (ok) {
        memcpy(id->nt_hash, hash, sizeof hash);
        id->has_nt_hash = true;
    }
    mr_wipe(hash, sizeof hash);
    mr_wipe(lm, sizeof lm);
    return ok ? 0 : bad_text(err, "an NT hash is 32 hexadecimal digits, LMHASH: before it or not");
}

int mr_identity_set_aes_key(mr_identity *id, mr_slice hex, mr_error *err) {
    uint8_t key[32];
    size_t n = hex.len / 2;
    bool ok = (n == 16 || n == 32) && read_hex(hex, key, n);

    if (ok) {
        memset(id->aes_key, 0, sizeof id->aes_key);
        memcpy(id->aes_key, key, n);
        id->aes_key_len = (uint8_t)n;
    }
    mr_wipe(key, sizeof key);
    return ok ? 0 : bad_text(err, "an AES key is 32 or 64 hexadecimal digits");
}
