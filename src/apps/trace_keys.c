/*
 * Keys for msrpc trace: NT hashes, passwords and key tables, from which observers (auth/observer.h)
 * open what a capture holds encrypted; and what came of each security context, told once. Secrets
 * are wiped where they were read and when the run ends, and are in no text.
 */
#include "trace.h"

#include <stdlib.h>

#include <msrpc/auth/observer.h>

#include "accounts.h"
#include "identity.h"

#define ROWS_MAX (APP_LIST_MAX + 1)
#define NOTES_MAX 64
#define HASH_DIGITS ((size_t)2 * MR_NT_HASH_SIZE)

/* What came of contexts that went alike. */
struct note {
    enum mr_seen_seal seal;
    uint8_t auth_type, auth_level;
    uint16_t file;
    uint64_t packet; /* the first one's */
    uint64_t count;
    const char *text; /* in the run's arena, or NULL */
};

struct trace_keys {
    mr_krb5_keys *tickets;
    mr_identity rows[ROWS_MAX]; /* those without a name are anybody's */
    size_t row_count;
    mr_accounts *accounts;
    struct trace_channels *channels;
    mr_observer_keys given;
    mr_watch watch;
    struct note notes[NOTES_MAX];
    size_t note_count;
    uint64_t more; /* contexts that went in other ways than these */
};

/* ---- reading ---- */

/* Takes a hash and the colon before it from the end of @restp. */
static bool take_hash(mr_slice *restp, mr_slice *hashp) {
    size_t left = restp->len < HASH_DIGITS ? 0 : restp->len - HASH_DIGITS;
    mr_slice hash = mr_slice_sub(*restp, left, SIZE_MAX);

    if (!mr_identity_is_nt_hash(hash) || (left > 0 && restp->data[left - 1] != ':'))
        return false;
    *restp = mr_slice_sub(*restp, 0, left > 0 ? left - 1 : 0);
    *hashp = hash;
    return true;
}

static int no_good(app *a, const char *what, int r, const mr_error *err) {
    return app_refuse(a, r == MR_ERR_MEMORY ? APP_BUG : APP_USAGE, "%s: %s", what, err->text);
}

static int new_row(app *a, struct trace_keys *keys, mr_identity **rowp) {
    mr_error err = MR_ERROR_INIT;

    *rowp = &keys->rows[keys->row_count++];
    return mr_identity_init(*rowp, &err) ? app_refuse(a, APP_BUG, "%s", err.text) : 0;
}

/* [NAME:][LM:]NT; nothing of it may be shown. */
static int read_hash(app *a, struct trace_keys *keys, mr_slice text) {
    mr_error err = MR_ERROR_INIT;
    mr_identity *row;
    mr_slice hash, lm;
    int code = new_row(a, keys, &row);

    if (code)
        return code;
    if (!take_hash(&text, &hash))
        return app_refuse(a, APP_USAGE, "-H: [NAME:]HASH is wanted, with an NT hash of %zu "
                          "hexadecimal digits", HASH_DIGITS);
    (void)take_hash(&text, &lm);
    int r = text.len ? mr_identity_set_name(row, text, &err) : 0;
    if (!r)
        r = mr_identity_set_nt_hash(row, hash, &err);
    return r ? no_good(a, "-H", r, &err) : 0;
}

static int read_hashes(app *a, struct trace_keys *keys, const struct app_list *hashes) {
    size_t nameless = 0;
    int code = 0;

    for (uint32_t i = 0; !code && i < hashes->count; i++) {
        code = read_hash(a, keys, hashes->items[i]);
        if (!code)
            nameless += !*keys->rows[keys->row_count - 1].user;
    }
    if (!code && nameless > 1)
        code = app_refuse(a, APP_USAGE, "-H: several hashes need names: -H 'DOMAIN\\user:HASH'");
    return code;
}

static int read_password(app *a, struct trace_keys *keys) {
    const struct trace_options *o = a->own;
    mr_error err = MR_ERROR_INIT;
    char *asked = NULL;
    mr_identity *row;
    int code = new_row(a, keys, &row);

    if (!code && o->password_file)
        code = app_read_secret(a, o->password_file, &asked);
    else if (!code && strcmp(o->password, "-") == 0)
        code = app_ask_secret(a, "Password: ", &asked);
    if (code)
        return code;
    int r = o->user ? mr_identity_set_name(row, mr_slice_str(o->user), &err) : 0;
    if (r)
        code = no_good(a, "-u", r, &err);
    else if ((r = mr_identity_set_password(row, mr_slice_str(asked ? asked : o->password),
                                           &err)) != 0)
        code = no_good(a, "-p", r, &err);
    return code;
}

static int read_keytab(app *a, struct trace_keys *keys, const char *path) {
    mr_error err = MR_ERROR_INIT;
    int code = app_krb_never_waits(a, "--keytab", path);

    if (code)
        return code;
    int r = mr_krb5_keys_new(path, &keys->tickets, &err);
    return r ? app_refuse(a, r == MR_ERR_MEMORY ? APP_BUG : APP_UNREADABLE, "%s: %s", path,
                          err.text)
             : 0;
}

static int check_switches(app *a) {
    const struct trace_options *o = a->own;

    if (o->password && o->password_file)
        return app_refuse(a, APP_USAGE, "-p and --password-file exclude each other");
    if (o->user && !o->password && !o->password_file)
        return app_refuse(a, APP_USAGE, "-u says whose password -p or --password-file is; a hash "
                          "has its name before it: -H 'DOMAIN\\user:HASH'");
    if (!o->user && (o->password || o->password_file))
        return app_refuse(a, APP_USAGE, "%s: whose? -u DOMAIN\\user says it",
                          o->password ? "-p" : "--password-file");
    return 0;
}

/* ---- observers ---- */

static int find_account(void *user, mr_slice account, mr_slice domain,
                        uint8_t nt_hashp[MR_NT_HASH_SIZE], mr_error *err) {
    struct trace_keys *keys = user;
    int r = MR_ERR_NOT_FOUND;

    for (int nameless = 0; nameless < 2 && r == MR_ERR_NOT_FOUND; nameless++) {
        for (size_t i = 0; r == MR_ERR_NOT_FOUND && i < keys->row_count; i++)
            if ((*keys->rows[i].user == '\0') == nameless)
                r = mr_ntlm_find_identity(&keys->rows[i], account, domain, nt_hashp, err);
        if (!nameless && r == MR_ERR_NOT_FOUND && keys->accounts)
            r = mr_accounts_find(keys->accounts, account, domain, nt_hashp, err);
    }
    return r;
}

static int find_channel(void *user, mr_slice domain, mr_slice computer, mr_netlogon_key *keyp,
                        mr_error *err) {
    struct trace_keys *keys = user;

    (void)domain;
    int r = trace_channels_find(keys->channels, computer, keyp);
    return r ? mr_fail(err, r, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "no session key is known") : 0;
}

static void learn(void *user, enum mr_dir dir, uint64_t flow, const mr_seen_stub *stub) {
    struct trace_keys *keys = user;

    trace_channels_learn(keys->channels, dir, flow, stub);
}

static int make(void *user, uint8_t auth_type, mr_security **securityp, mr_error *err) {
    struct trace_keys *keys = user;
    mr_observer *observer;
    int r = mr_observer_new(&keys->given, auth_type, &observer, err);

    if (!r)
        *securityp = mr_observer_get_security(observer);
    return r;
}

static enum mr_seen_seal describe(void *user, mr_security *security, const char **textp) {
    mr_observer_info info;

    (void)user;
    mr_observer_get_info(mr_observer_of(security), &info);
    *textp = info.text;
    return info.complete ? MR_SEAL_OPENED : info.closed ? MR_SEAL_CLOSED : MR_SEAL_UNSEEN;
}

static void give(void *user, mr_security *security) {
    (void)user;
    mr_observer_free(mr_observer_of(security));
}

int trace_keys_read(struct trace *t) {
    const struct trace_options *o = t->o;
    app *a = t->a;
    int code = check_switches(a);

    if (code || !(o->keytab || o->hashes.count || o->password || o->password_file || o->users))
        return code;
    struct trace_keys *keys = calloc(1, sizeof *keys);
    if (!keys)
        return app_refuse(a, APP_BUG, "out of memory");
    t->keys = keys;
    app_guard_secrets(); /* also those of files */
    code = read_hashes(a, keys, &o->hashes);
    if (!code && (o->password || o->password_file))
        code = read_password(a, keys);
    if (!code && o->users)
        code = app_read_accounts(a, o->users, &keys->accounts);
    if (!code && o->keytab)
        code = read_keytab(a, keys, o->keytab);
    app_wipe_secrets(a);
    if (!code && trace_channels_new(find_account, keys, &keys->channels))
        code = app_refuse(a, APP_BUG, "out of memory");
    keys->given = (mr_observer_keys){.tickets = keys->tickets, .find_account = find_account,
                                     .find_channel = find_channel, .user = keys};
    /* hashes and passwords may be those of machines */
    keys->watch = (mr_watch){.make = make, .describe = describe, .give = give, .user = keys,
                             .learn = keys->row_count || keys->accounts ? learn : NULL};
    return code;
}

void trace_keys_free(struct trace *t) {
    struct trace_keys *keys = t->keys;

    if (!keys)
        return;
    for (size_t i = 0; i < keys->row_count; i++)
        mr_identity_deinit(&keys->rows[i]);
    trace_channels_free(keys->channels);
    mr_accounts_free(keys->accounts);
    mr_krb5_keys_free(keys->tickets);
    free(keys);
    t->keys = NULL;
}

const mr_watch *trace_keys_watch(struct trace *t) {
    return t->keys ? &t->keys->watch : NULL;
}

/* ---- what came of it ---- */

static bool is_text(const char *x, const char *y) {
    return x && y ? strcmp(x, y) == 0 : x == y;
}

static int add_note(struct trace *t, const mr_seen *seen, const mr_seen_key *key) {
    struct trace_keys *keys = t->keys;
    struct note *note = keys->notes, *end = note + keys->note_count;

    while (note < end && !(note->seal == key->seal && note->auth_type == key->auth_type &&
                           note->auth_level == key->auth_level && is_text(note->text, key->text)))
        note++;
    if (note < end) {
        note->count++;
        return 0;
    }
    if (keys->note_count == NOTES_MAX) {
        keys->more++;
        return 0;
    }
    const char *text = key->text ? mr_arena_add_str(&t->a->arena, mr_slice_str(key->text)) : NULL;
    if (key->text && !text)
        return MR_ERR_MEMORY;
    *note = (struct note){.seal = key->seal, .auth_type = key->auth_type,
                          .auth_level = key->auth_level, .file = seen->file,
                          .packet = seen->packet, .count = 1, .text = text};
    keys->note_count++;
    return 0;
}

int trace_keys_add(struct trace *t, const mr_seen *seen) {
    static const mr_seen_key in_smb = {
        .seal = MR_SEAL_CLOSED,
        .text = "SMB 3 encrypts the whole connection, and its keys are not RPC's"};

    if (seen->kind == MR_SEEN_KEY)
        return add_note(t, seen, &seen->u.key);
    if (seen->kind == MR_SEEN_SMB && seen->u.smb.kind == MR_SEEN_SMB_ENCRYPTED && !seen->to_client)
        return add_note(t, seen, &in_smb);
    return 0;
}

static const char *seal_name(enum mr_seen_seal seal) {
    switch (seal) {
    case MR_SEAL_NONE: return "none";
    case MR_SEAL_OPENED: return "opened";
    case MR_SEAL_CLOSED: return "closed";
    case MR_SEAL_UNSEEN: return "unseen";
    case MR_SEAL_LOST: return "lost";
    case MR_SEAL_WRONG: return "wrong";
    }
    return "";
}

static const char *note_text(struct trace *t, const struct note *note) {
    const char *text = note->text ? app_safe(t->a, mr_slice_str(note->text)) : "";
    mr_arena *arena = &t->a->arena;
    const char *out = NULL;

    switch (note->seal) {
    case MR_SEAL_NONE:
        break;
    case MR_SEAL_OPENED:
        out = mr_arena_add_fmt(arena, "opened: %s", text);
        break;
    case MR_SEAL_CLOSED:
        out = note->auth_type == 0
                  ? mr_arena_add_fmt(arena, "closed: %s", text)
                  : mr_arena_add_fmt(arena, "closed: it takes %s", *text ? text
                                     : "keys of another kind than there are");
        break;
    case MR_SEAL_UNSEEN:
        out = "closed: the capture does not have all of the logon";
        break;
    case MR_SEAL_LOST:
        out = "closed from here on: the capture lacks fragments before it";
        break;
    case MR_SEAL_WRONG:
        out = "a verifier is wrong: what it protects is not shown";
        break;
    }
    return out ? out : "";
}

const char *trace_keys_get(struct trace *t, size_t i, enum mr_seen_seal *sealp) {
    const struct trace_keys *keys = t->keys;
    mr_arena *arena = &t->a->arena;
    const char *text;
    char where[64];

    if (!keys || i > keys->note_count || (i == keys->note_count && !keys->more))
        return NULL;
    *sealp = i < keys->note_count ? keys->notes[i].seal : MR_SEAL_NONE;
    if (i == keys->note_count) {
        text = mr_arena_add_fmt(arena, "and %llu more, each another story",
                                (unsigned long long)keys->more);
        return text ? text : "";
    }
    const struct note *note = &keys->notes[i];
    int n = t->several ? snprintf(where, sizeof where, "%u#", note->file + 1u)
                       : snprintf(where, sizeof where, "#");
    n += snprintf(where + n, sizeof where - (size_t)n, "%llu", (unsigned long long)note->packet);
    if (note->count > 1)
        snprintf(where + n, sizeof where - (size_t)n, " and %llu more",
                 (unsigned long long)(note->count - 1));
    text = mr_arena_add_fmt(arena, "%s (%s%s%s)", note_text(t, note),
                            note->auth_type ? trace_auth(t->a, note->auth_type, note->auth_level)
                                            : "",
                            note->auth_type ? ", " : "", where);
    return text ? text : "";
}

void trace_keys_show(struct trace *t) {
    enum mr_seen_seal seal;
    const char *text;

    if (!t->keys)
        return;
    fputs(t->keys->note_count ? "\n KEYS\n"
                              : "\n KEYS     " TRACE_KEYS_NONE "\n", t->a->out);
    for (size_t i = 0; (text = trace_keys_get(t, i, &seal)) != NULL; i++)
        app_wrap(t->a->out, seal == MR_SEAL_OPENED  ? " [ok] "
                            : seal == MR_SEAL_WRONG ? " [!]  "
                                                    : " [--] ", 6, text);
}

void trace_keys_json(struct trace *t, mr_writer *w) {
    const struct trace_keys *keys = t->keys;

    if (!keys)
        return;
    mr_writer_open(w, "keys", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < keys->note_count; i++) {
        const struct note *note = &keys->notes[i];
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "state", seal_name(note->seal));
        trace_write_auth(w, note->auth_type, note->auth_level);
        mr_writer_str(w, "text", note->text);
        mr_writer_uint(w, "count", note->count);
        mr_writer_uint(w, "file", note->file + 1u);
        mr_writer_uint(w, "packet", note->packet);
        mr_writer_close(w);
    }
    mr_writer_close(w);
    if (keys->more)
        mr_writer_uint(w, "keys_left_out", keys->more);
}
