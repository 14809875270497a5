/* The object behind NTLM's three roles: its options, the messages it keeps, what it can tell. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ntlm_private.h"

#define ARENA_MAX ((size_t)64 << 10)
#define TEXT_MAX ((size_t)2048) /* octets of a name in UTF-8 */

/* ---- failures ---- */

static int keep_failure(mr_ntlm *n, mr_error *err, enum mr_ntlm_failure failure) {
    n->stage = MR_NTLM_FAILED;
    n->info.failure = failure;
    n->info.why = n->detail.text;
    if (err)
        *err = n->detail;
    return n->detail.code;
}

int mr_ntlm_fail(mr_ntlm *n, mr_error *err, enum mr_ntlm_failure failure, int code,
                 const char *fmt, ...) {
    char text[sizeof n->detail.text];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    mr_fail(&n->detail, code, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "NTLM: %s", text);
    return keep_failure(n, err, failure);
}

int mr_ntlm_fail_of(mr_ntlm *n, mr_error *err, enum mr_ntlm_failure failure, int code,
                    const mr_error *cause) {
    n->detail = *cause;
    if (n->detail.code == 0)
        mr_fail(&n->detail, code, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "NTLM: %s",
                mr_result_text(code));
    return keep_failure(n, err, failure);
}

/* ---- messages and names ---- */

int mr_ntlm_keep(mr_ntlm *n, enum mr_ntlm_type type, mr_slice message, mr_error *err) {
    mr_buf *buf = &n->messages[type - MR_NTLM_NEGOTIATE];

    mr_buf_reset(buf);
    mr_buf_write(buf, message);
    if (mr_buf_error(buf) < 0)
        return mr_ntlm_fail(n, err, MR_NTLM_FAIL_SYSTEM, mr_buf_error(buf),
                            "no room for a message");
    return 0;
}

mr_slice mr_ntlm_kept(const mr_ntlm *n, enum mr_ntlm_type type) {
    return mr_buf_slice(&n->messages[type - MR_NTLM_NEGOTIATE]);
}

int mr_ntlm_encode_name(mr_ntlm *n, const char *utf8, mr_slice *utf16p, mr_error *err) {
    uint16_t *units = NULL;
    size_t count = 0;
    int rc;

    if (!utf8 || !*utf8) {
        *utf16p = MR_SLICE_NULL;
        return 0;
    }
    rc = mr_utf16_encode(mr_slice_str(utf8), &n->arena, &units, &count);
    if (rc < 0)
        return mr_fail(err, rc, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       rc == MR_ERR_SYNTAX ? "NTLM: a name is no UTF-8"
                                           : "NTLM: no memory for a name");
    if (2 * count > UINT16_MAX)
        return mr_fail(err, MR_ERR_RANGE, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "NTLM: a name is too long");
    for (size_t i = 0; i < count; i++) {
        uint8_t octets[2] = {(uint8_t)units[i], (uint8_t)(units[i] >> 8)};
        memcpy(&units[i], octets, 2);
    }
    *utf16p = mr_slice_of(units, 2 * count);
    return 0;
}

/* A name of a message for people; what is no text or has no room is not told. */
static const char *text_of(mr_ntlm *n, mr_slice name, bool unicode) {
    char room[TEXT_MAX];
    const char *copy;
    mr_buf buf;

    if (name.len == 0)
        return "";
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    if (unicode)
        mr_utf16le_decode(name, &buf);
    else if (mr_utf8_ok_len(name) == name.len)
        mr_buf_write(&buf, name);
    copy = mr_buf_error(&buf) < 0 ? NULL : mr_arena_add_str(&n->arena, mr_buf_slice(&buf));
    return copy ? copy : "";
}

void mr_ntlm_note_challenge(mr_ntlm *n, const mr_ntlm_challenge *m) {
    mr_ntlm_info *info = &n->info;

    info->flags = m->flags;
    info->target = text_of(n, m->target_name, m->unicode);
    info->computer = text_of(n, m->target.computer, true);
    info->domain = text_of(n, m->target.domain, true);
    info->dns_computer = text_of(n, m->target.dns_computer, true);
    info->dns_domain = text_of(n, m->target.dns_domain, true);
    info->dns_forest = text_of(n, m->target.dns_forest, true);
    info->server_time = m->target.time;
    info->server_version = m->version;
}

void mr_ntlm_note_answer(mr_ntlm *n, const mr_ntlm_authenticate *m) {
    static const uint8_t zeros[MR_NTLM_BINDINGS];
    mr_ntlm_info *info = &n->info;
    mr_slice bound = m->target.channel_bindings;

    info->user = text_of(n, m->user, m->unicode);
    info->user_domain = text_of(n, m->domain, m->unicode);
    info->workstation = text_of(n, m->workstation, m->unicode);
    info->spn = text_of(n, m->target.spn, true);
    info->bound = bound.len == sizeof zeros && memcmp(bound.data, zeros, sizeof zeros) != 0;
    info->client_version = m->version;
    info->v2 = m->v2;
    info->anonymous = m->anonymous;
}

int mr_ntlm_check_flags(mr_ntlm *n, uint32_t flags, const char *who, mr_error *err) {
    uint32_t need = MR_NTLM_UNICODE;
    const char *what = NULL;

    if (mr_auth_level_protects(n->o.level)) {
        need |= MR_NTLM_SIGN;
        if (!n->o.weak)
            need |= MR_NTLM_EXTENDED | MR_NTLM_128;
    }
    if (n->o.level == MR_AUTH_LEVEL_PRIVACY)
        need |= MR_NTLM_SEAL;
    need &= ~flags;
    if (need & MR_NTLM_UNICODE)
        what = "Unicode";
    else if (need & MR_NTLM_SIGN)
        what = "signing";
    else if (need & MR_NTLM_SEAL)
        what = "sealing";
    else if (need & MR_NTLM_EXTENDED)
        what = "extended session security";
    else if (need & MR_NTLM_128)
        what = "keys of 128 bits";
    else
        return 0;
    return mr_ntlm_fail(n, err, MR_NTLM_FAIL_WEAK, MR_ERR_AUTH, "the %s does not agree to %s", who,
                        what);
}

int mr_ntlm_hash_bindings(mr_slice data, uint8_t hashp[MR_NTLM_BINDINGS], mr_error *err) {
    uint8_t head[20] = {0}; /* no addresses: two types and two lengths, then the data's length */
    const mr_slice parts[] = {{head, sizeof head}, data};

    for (unsigned i = 0; i < 4; i++)
        head[16 + i] = (uint8_t)(data.len >> 8 * i);
    return mr_hash_once(MR_HASH_MD5, parts, 2, hashp, err);
}

/* ---- accounts ---- */

/* Whether the UTF-8 name @text is @name, without case; 1, 0 or MR_ERR_MEMORY. */
static int is_name(mr_slice text, mr_slice name) {
    uint16_t *units = NULL;
    size_t count = 0;
    mr_arena arena;
    int rc;

    mr_arena_init(&arena, SIZE_MAX);
    rc = mr_utf16_encode(text, &arena, &units, &count);
    if (rc == 0 && 2 * count == name.len) {
        rc = 1;
        for (size_t i = 0; i < count && rc == 1; i++)
            rc = mr_upcase(units[i]) ==
                 mr_upcase((uint16_t)(name.data[2 * i] | name.data[2 * i + 1] << 8));
    }
    mr_arena_deinit(&arena);
    return rc;
}

/* The same for a domain: the name before a DNS name's first dot is its NetBIOS name, as a rule. */
static int is_domain(const char *text, mr_slice name) {
    int rc = name.len == 0 ? 1 : is_name(mr_slice_str(text), name);

    return rc != 0 ? rc : is_name(mr_slice_of(text, strcspn(text, ".")), name);
}

int mr_ntlm_find_identity(void *user, mr_slice account, mr_slice domain,
                          uint8_t nt_hashp[MR_NT_HASH_SIZE], mr_error *err) {
    const mr_identity *id = user;
    size_t at = 0;
    int rc = id->has_nt_hash;

    while (at + 1 < account.len && !(account.data[at] == '@' && account.data[at + 1] == 0))
        at += 2;
    if (domain.len == 0 && at + 1 < account.len) { /* user@domain as one name */
        domain = mr_slice_sub(account, at + 2, SIZE_MAX);
        account = mr_slice_sub(account, 0, at);
    }
    if (rc == 1 && *id->user)
        rc = is_name(mr_slice_str(id->user), account);
    if (rc == 1 && *id->domain)
        rc = is_domain(id->domain, domain);
    if (rc < 0)
        return mr_fail(err, rc, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "NTLM: no memory for a name");
    if (rc == 0)
        return mr_fail(err, MR_ERR_NOT_FOUND, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "NTLM: there is no such account");
    memcpy(nt_hashp, id->nt_hash, MR_NT_HASH_SIZE);
    return 0;
}

/* ---- the class ---- */

static int step(mr_security *sec, enum mr_dir dir, mr_slice token, mr_buf *out, mr_error *err) {
    mr_ntlm *n = (mr_ntlm *)sec;
    (void)dir; /* a message says by its type which way it goes */

    if (n->stage == MR_NTLM_FAILED) {
        if (err)
            *err = n->detail;
        return n->detail.code;
    }
    switch (sec->role) {
    case MR_SECURITY_INITIATOR:
        return mr_ntlm_initiate(n, token, out, err);
    case MR_SECURITY_ACCEPTOR:
        return mr_ntlm_accept(n, token, out, err);
    case MR_SECURITY_OBSERVER:
        break;
    }
    return mr_ntlm_observe(n, token, err);
}

static uint16_t sizes(mr_security *sec, uint8_t level) {
    (void)sec;
    (void)level;
    return MR_NTLM_SIGNATURE;
}

static const mr_security_class ntlm_class = {
    .name = "NTLM",
    .auth_type = MR_AUTH_NTLM,
    .step = step,
    .sizes = sizes,
    .protect = mr_ntlm_protect,
    .unprotect = mr_ntlm_unprotect,
};

/* ---- its life ---- */

static int check_options(const mr_ntlm_options *o, mr_error *err) {
    const mr_identity *id = o->identity;
    const char *what = NULL;

    switch (o->role) {
    case MR_SECURITY_INITIATOR:
        if (!id || !(id->anonymous || id->has_nt_hash))
            what = "NTLM needs a password or an NT hash";
        else if (!id->anonymous && !*id->user)
            what = "NTLM needs a user's name";
        break;
    case MR_SECURITY_ACCEPTOR:
        if (!o->find == !o->verify || !o->names.computer || !*o->names.computer)
            what = "NTLM's acceptor needs a computer name and one way to judge answers";
        break;
    case MR_SECURITY_OBSERVER:
        if (!o->find)
            what = "NTLM's observer needs keys";
        break;
    }
    return what ? mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "%s", what) : 0;
}

/* Copies what the options borrow of an initiator. */
static int copy_identity(mr_ntlm *n, const mr_identity *id, mr_error *err) {
    const char *user = id->user, *domain = id->domain;
    int rc;

    n->anonymous = id->anonymous;
    if (id->principal && *id->domain) { /* one name, as it was written */
        user = mr_arena_add_fmt(&n->arena, "%s@%s", id->user, id->domain);
        domain = "";
        if (!user)
            return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                           "NTLM: no memory for a name");
    }
    if (n->anonymous)
        user = domain = "";
    else
        memcpy(n->nt_hash, id->nt_hash, sizeof n->nt_hash);
    rc = mr_ntlm_encode_name(n, user, &n->user, err);
    if (rc == 0)
        rc = mr_ntlm_encode_name(n, domain, &n->domain, err);
    if (rc == 0)
        rc = mr_ntlm_encode_name(n, n->o.workstation, &n->workstation, err);
    if (rc == 0)
        rc = mr_ntlm_encode_name(n, n->o.spn, &n->spn, err);
    n->o.identity = NULL;
    n->o.workstation = n->o.spn = NULL;
    return rc;
}

static int copy_names(mr_ntlm *n, mr_error *err) {
    const char **const all[] = {&n->o.names.computer, &n->o.names.domain,
                                &n->o.names.dns_computer, &n->o.names.dns_domain,
                                &n->o.names.dns_forest};

    for (size_t i = 0; i < MR_COUNT(all); i++) {
        *all[i] = mr_arena_add_str(&n->arena, mr_slice_str(*all[i]));
        if (!*all[i])
            return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                           "NTLM: no memory for a name");
    }
    return 0;
}

int mr_ntlm_new(const mr_ntlm_options *options, mr_ntlm **ntlmp, mr_error *err) {
    int rc = check_options(options, err);
    mr_ntlm *n = rc < 0 ? NULL : calloc(1, sizeof *n);

    if (rc < 0)
        return rc;
    if (!n)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "no memory for an NTLM context");
    n->base = (mr_security){&ntlm_class, options->role};
    n->o = *options;
    n->info.why = n->info.target = n->info.computer = n->info.domain = n->info.dns_computer =
        n->info.dns_domain = n->info.dns_forest = n->info.user = n->info.user_domain =
            n->info.workstation = n->info.spn = "";
    mr_arena_init(&n->arena, ARENA_MAX);
    for (size_t i = 0; i < MR_COUNT(n->messages); i++)
        mr_buf_init(&n->messages[i], NULL, 0, UINT16_MAX);
    if (options->bindings) {
        memcpy(n->bindings, options->bindings, sizeof n->bindings);
        n->o.bindings = n->bindings;
    }
    if (options->role == MR_SECURITY_INITIATOR)
        rc = copy_identity(n, options->identity, err);
    else if (options->role == MR_SECURITY_ACCEPTOR)
        rc = copy_names(n, err);
    for (int dir = 0; dir < 2 && rc == 0; dir++)
        rc = mr_hmac_init(&n->way[dir].sign, MR_HASH_MD5, MR_SLICE_NULL, err);
    if (rc < 0) {
        mr_ntlm_free(n);
        return rc;
    }
    *ntlmp = n;
    return 0;
}

void mr_ntlm_free(mr_ntlm *n) {
    if (!n)
        return;
    for (size_t i = 0; i < MR_COUNT(n->messages); i++)
        mr_buf_deinit(&n->messages[i]);
    for (int dir = 0; dir < 2; dir++)
        mr_hmac_deinit(&n->way[dir].sign);
    mr_arena_deinit(&n->arena);
    mr_wipe(n, sizeof *n);
    free(n);
}

mr_security *mr_ntlm_get_security(mr_ntlm *n) {
    return &n->base;
}

void mr_ntlm_get_info(const mr_ntlm *n, mr_ntlm_info *infop) {
    *infop = n->info;
}

int mr_ntlm_get_session_key(const mr_ntlm *n, uint8_t keyp[MR_NTLM_KEY], mr_error *err) {
    if (n->stage != MR_NTLM_COMPLETE)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "NTLM: there is no session key yet");
    memcpy(keyp, n->key, sizeof n->key);
    return 0;
}
