/* Netlogon's secure channel in its three roles, fed with any tokens and fragments. The first octet
 * chooses the role (2 bits), the kind of key, and the level; then pieces follow (pieces.h). Key,
 * entropy and names are always the same, so that a recorded exchange comes to its end. Checked:
 * what a step returns agrees with what the channel tells of itself, an exchange that is over stays
 * over, what is protected opens at the other end, once, and with a bit changed not at all. */
#include <msrpc/auth.h>

#include "pieces.h"

enum {
    PIECE_TOKEN,      /* and 1: to the client */
    PIECE_OPEN = 2,
    PIECE_SEND = 4,
};

enum { ROOM = 1 << 16, HEADER = 24, TRAILER = 8 };

typedef struct run {
    mr_netlogon_key key;
    mr_netlogon *n;
    mr_security *sec;
    uint8_t level;
    bool over;
} run;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool so) {
    if (!so)
        __builtin_trap();
}

static int find(void *user, mr_slice domain, mr_slice computer, mr_netlogon_key *keyp,
                mr_error *err) {
    (void)domain;
    if (computer.len == 0)
        return MR_ERR_NOT_FOUND;
    if (computer.len == 4)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET, "no memory");
    *keyp = *(const mr_netlogon_key *)user;
    return 0;
}

static mr_netlogon *make(run *r, enum mr_security_role role) {
    mr_netlogon_options o = {.role = role, .entropy = "always the same", .domain = "LAB",
                             .computer = "PC7", .key = r->key, .find = find, .user = &r->key};
    mr_netlogon *n = NULL;

    must(mr_netlogon_new(&o, &n, NULL) == 0);
    return n;
}

static void step(run *r, enum mr_dir dir, mr_slice token) {
    mr_error err = MR_ERROR_INIT;
    mr_netlogon_info info;
    mr_buf out;

    mr_buf_init(&out, NULL, 0, 1000);
    int rc = r->sec->class->step(r->sec, dir, token, &out, &err);
    mr_netlogon_get_info(r->n, &info);
    must(rc >= 0 || (err.code == rc && err.text[0]));
    must(!r->over || rc < 0);
    must(rc != 0 || info.complete);
    must(strlen(info.domain) < sizeof info.domain && strlen(info.computer) < sizeof info.computer);
    must(r->sec->role != MR_SECURITY_OBSERVER || out.len == 0);
    r->over = rc <= 0;
    mr_buf_deinit(&out);
}

/* The piece as a fragment: a header, the body, a trailer and as many octets of value as the first
 * one says. */
static mr_security_frag view(const run *r, mr_slice pdu, enum mr_dir dir) {
    mr_security_frag f = {.level = r->level, .dir = dir, .sign_header = pdu.len % 2};
    size_t value = pdu.len > 0 ? pdu.data[0] % 64 : 0, fixed = HEADER + TRAILER + value;
    size_t body = pdu.len < fixed ? 0 : pdu.len - fixed;

    f.header = mr_slice_sub(pdu, 0, HEADER);
    f.body = mr_slice_sub(pdu, HEADER, body);
    f.trailer = mr_slice_sub(pdu, HEADER + body, TRAILER);
    f.value = mr_slice_sub(pdu, HEADER + body + TRAILER, value);
    return f;
}

static void open_piece(run *r, enum mr_dir dir, mr_slice piece) {
    static uint8_t plain[ROOM];
    mr_security_frag f = view(r, piece, dir);
    mr_error err = MR_ERROR_INIT;
    mr_netlogon_info info;

    int rc = r->sec->class->unprotect(r->sec, &f, plain, &err);
    mr_netlogon_get_info(r->n, &info);
    must(rc == 0 ? info.complete : err.code == rc && err.text[0]);
}

/* A fresh pair protects @piece: it opens as it was, not twice, and not when a bit differs. */
static void send_piece(run *r, enum mr_dir dir, mr_slice piece) {
    static uint8_t pdu[ROOM + 128], plain[ROOM];
    mr_netlogon *end[2] = {make(r, MR_SECURITY_INITIATOR), make(r, MR_SECURITY_ACCEPTOR)};
    mr_security *c = mr_netlogon_get_security(end[0]), *s = mr_netlogon_get_security(end[1]);
    mr_security *from = dir == MR_DIR_TO_SERVER ? c : s, *to = dir == MR_DIR_TO_SERVER ? s : c;
    uint8_t room[2][64];
    mr_buf asked, answered;

    mr_buf_init(&asked, room[0], sizeof room[0], sizeof room[0]);
    mr_buf_init(&answered, room[1], sizeof room[1], sizeof room[1]);
    must(c->class->step(c, MR_DIR_TO_CLIENT, MR_SLICE_NULL, &asked, NULL) > 0);
    must(s->class->step(s, MR_DIR_TO_SERVER, mr_buf_slice(&asked), &answered, NULL) == 0);
    must(c->class->step(c, MR_DIR_TO_CLIENT, mr_buf_slice(&answered), NULL, NULL) == 0);

    uint8_t *body = pdu + HEADER, *value = body + piece.len + TRAILER;
    mr_security_frag f = {
        .header = {pdu, HEADER}, .body = {body, piece.len},
        .trailer = {body + piece.len, TRAILER}, .level = r->level, .dir = dir,
        .value = {value, from->class->sizes(from, r->level)}, .sign_header = piece.len % 2};
    memset(pdu, 0, HEADER + piece.len + TRAILER);
    if (piece.len > 0)
        memcpy(body, piece.data, piece.len);
    must(from->class->protect(from, &f, body, value, NULL) == 0);
    size_t at = piece.len % 24; /* of head, number and sum */
    value[at] ^= (uint8_t)(1 + piece.len % 255);
    must(to->class->unprotect(to, &f, plain, NULL) < 0);
    value[at] ^= (uint8_t)(1 + piece.len % 255);
    must(to->class->unprotect(to, &f, plain, NULL) == 0);
    must(piece.len == 0 || memcmp(r->level == MR_AUTH_LEVEL_PRIVACY ? plain : body, piece.data,
                                  piece.len) == 0);
    must(to->class->unprotect(to, &f, plain, NULL) < 0);
    mr_netlogon_free(end[0]);
    mr_netlogon_free(end[1]);
}

static void play(run *r, uint8_t what, mr_slice piece) {
    enum mr_dir dir = what % 2;

    switch (what % 6 & ~1) {
    case PIECE_OPEN:
        open_piece(r, dir, piece);
        break;
    case PIECE_SEND:
        send_piece(r, dir, piece);
        break;
    default:
        step(r, dir, piece);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_cursor c = mr_cursor_of(mr_slice_of(data, size));
    uint8_t first = mr_cursor_read_u8(&c);
    run r = {.key = {.key = "sixteen octets!", .aes = first & 4},
             .level = (uint8_t)(MR_AUTH_LEVEL_PACKET + (first >> 3) % 3)};

    r.n = make(&r, (enum mr_security_role)(first % 4 % 3));
    r.sec = mr_netlogon_get_security(r.n);
    for (struct piece p; take_piece(&c, &p); free(p.octets))
        play(&r, p.what, mr_slice_of(p.octets, p.len));
    mr_netlogon_free(r.n);
    return 0;
}
