/*
 * The exchange with a KDC that knows the user's key and means ill: its answers are those of the
 * unit tests' KDC, of which one is changed, outside or, before it is sealed, inside. The first
 * octet says which and how, then come changes of four octets each. Whatever is changed, the
 * exchange ends, with a reason or with a ticket; without a change it ends with the ticket.
 */
#include "../unit/kdc_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* MIT krb5 1.20 loses the password's key where an AS-REP fails that a KDC with the key has sealed,
 * whoever frees its context. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void) {
    return "leak:krb5_c_string_to_key\n";
}

#define STEPS 20
#define CHANGES 8

enum { ANSWER = 3, INSIDE = 4, REFERS = 8, BY_PASSWORD = 16 }; /* of the first octet */

struct script {
    mr_slice changes;
    unsigned answer, at; /* which one is changed, how many there were */
    bool inside;
};

static void must(bool so) {
    if (!so)
        __builtin_trap();
}

static void change_one(mr_buf *b, const uint8_t how[4]) {
    size_t at = b->len ? (how[1] | (size_t)how[2] << 8) % b->len : 0;

    switch (how[0] % 4) {
    case 0:
        if (b->len)
            b->data[at] ^= how[3];
        break;
    case 1:
        if (b->len)
            b->data[at] = how[3];
        break;
    case 2:
        b->len = at;
        break;
    case 3:
        mr_buf_write_u8(b, 0);
        if (!mr_buf_error(b)) {
            memmove(b->data + at + 1, b->data + at, b->len - at - 1);
            b->data[at] = how[3];
        }
        break;
    }
}

static void change(const struct script *s, mr_buf *b) {
    for (size_t i = 0; i + 4 <= s->changes.len && i < 4 * CHANGES; i += 4)
        change_one(b, s->changes.data + i);
}

static void on_part(void *user, mr_buf *part) {
    struct script *s = user;

    if (s->inside && s->at == s->answer)
        change(s, part);
}

static int run(kdc *k, mr_krb5_kdc *m, struct script *s, mr_error *err) {
    static uint8_t room[8192];
    mr_slice reply = MR_SLICE_NULL;
    mr_krb5_kdc_request request;
    mr_buf b;

    for (int i = 0; i < STEPS; i++) {
        int rc = mr_krb5_kdc_step(m, reply, &request, err);
        if (rc != MR_KRB5_KDC_SEND)
            return rc;
        reply = answer(k, &request);
        mr_buf_init(&b, room, sizeof room, sizeof room);
        mr_buf_write(&b, reply);
        if (!s->inside && s->at == s->answer)
            change(s, &b);
        s->at++;
        if (b.len == 0)
            mr_buf_write_u8(&b, 0); /* an empty answer is none */
        reply = mr_buf_slice(&b);
    }
    must(false);
    return 0;
}

static void make_identity(mr_identity *id, const kdc *k, bool by_password) {
    must(mr_identity_init(id, NULL) == 0 &&
         mr_identity_set_name(id, MR_SLICE_LIT("alice@" REALM), NULL) == 0);
    if (by_password) {
        must(mr_identity_set_password(id, MR_SLICE_LIT(PASSWORD), NULL) == 0);
        return;
    }
    id->aes_key_len = (uint8_t)k->user.length;
    memcpy(id->aes_key, k->user.contents, k->user.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static kdc k;
    uint8_t how = size ? data[0] : 0;
    struct script s = {.changes = {data + (size > 0), size - (size > 0)}, .answer = how & ANSWER,
                       .inside = how & INSIDE};
    mr_error err = MR_ERROR_INIT;
    mr_krb5_kdc_info info;
    mr_krb5_kdc *m = NULL;
    mr_identity id;

    if (!k.context) {
        setenv("KRB5_CONFIG", "/dev/null", 1);
        kdc_init(&k, 18);
    }
    k.now = time(NULL);
    k.refers = how & REFERS;
    k.mangle = on_part;
    k.mangler = &s;
    make_identity(&id, &k, how & BY_PASSWORD);
    mr_krb5_kdc_options o = {.identity = &id, .service = "host/srv.test.example", .now = k.now};
    must(mr_krb5_kdc_new(&o, &m, &err) == 0);
    int rc = run(&k, m, &s, &err);
    mr_krb5_kdc_get_info(m, &info);
    if (rc == 0)
        must(info.stage == MR_KRB5_STAGE_DONE && *info.client && *info.service);
    else
        must(rc < 0 && err.code == rc && *err.text && s.changes.len >= 4);
    mr_krb5_kdc_free(m);
    mr_identity_deinit(&id);
    return 0;
}
