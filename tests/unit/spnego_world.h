/* Two ends of Negotiate and a listener for tests, around NTLM's (ntlm_world.h) and a mechanism that
 * is easily seen through in the place of Kerberos: tokens "leg 1" to "leg 3", a signature that is
 * a sum. */
#ifndef SPNEGO_WORLD_H
#define SPNEGO_WORLD_H

#include "ntlm_world.h"

#include <stdio.h>

typedef struct toy {
    mr_security base;
    int next;    /* number of the next leg */
    bool fails;  /* at once */
    bool pends;  /* every other step */
    bool pended;
    size_t more; /* octets behind a token's text */
} toy;

static inline int toy_step(mr_security *sec, enum mr_dir dir, mr_slice token, mr_buf *out,
                           mr_error *err) {
    toy *t = (toy *)sec;
    char want[8];
    (void)dir;

    if (t->fails)
        return mr_fail(err, MR_ERR_NOT_FOUND, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                       "toy: there is no ticket");
    if (!t->pended && !(t->next == 1 && sec->role == MR_SECURITY_INITIATOR)) {
        int n = snprintf(want, sizeof want, "leg %d", t->next);
        if (!mr_slice_eq(token, mr_slice_of(want, (size_t)n)))
            return mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                           "toy: not the token that was due");
        t->next++;
    }
    t->pended = t->pends && !t->pended;
    if (t->pended)
        return MR_SECURITY_PENDING;
    if (sec->role != MR_SECURITY_OBSERVER && t->next <= 3)
        mr_buf_write_fmt(out, "leg %d", t->next++);
    if (t->more)
        mr_buf_write_zero(out, t->more);
    return t->next > 3 ? 0 : MR_SECURITY_CONTINUE;
}

static inline uint16_t toy_sizes(mr_security *sec, uint8_t level) {
    (void)sec;
    (void)level;
    return 4;
}

static inline int toy_protect(mr_security *sec, const mr_security_frag *frag, uint8_t *body,
                              uint8_t *value, mr_error *err) {
    (void)sec;
    (void)body;
    (void)err;
    memcpy(value, "toy!", frag->value.len);
    return 0;
}

static inline int toy_unprotect(mr_security *sec, const mr_security_frag *frag, uint8_t *body,
                                mr_error *err) {
    (void)sec;
    (void)body;
    (void)err;
    return mr_slice_eq(frag->value, MR_SLICE_LIT("toy!")) ? 0 : MR_ERR_AUTH;
}

static inline uint8_t toy_sum(enum mr_dir dir, mr_slice octets) {
    uint8_t sum = (uint8_t)dir;
    for (size_t i = 0; i < octets.len; i++)
        sum = (uint8_t)(sum * 3 + octets.data[i]);
    return sum;
}

static inline int toy_get_mic(mr_security *sec, enum mr_dir dir, mr_slice octets, uint8_t *micp,
                              size_t *lenp, mr_error *err) {
    (void)sec;
    (void)err;
    micp[0] = toy_sum(dir, octets);
    *lenp = 1;
    return 0;
}

static inline int toy_verify_mic(mr_security *sec, enum mr_dir dir, mr_slice octets, mr_slice mic,
                                 mr_error *err) {
    (void)sec;
    return mic.len == 1 && mic.data[0] == toy_sum(dir, octets)
               ? 0 : mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, 0, "toy: a wrong sum");
}

static const mr_security_class toy_class = {
    .name = "toy", .auth_type = MR_AUTH_KRB5, .step = toy_step, .sizes = toy_sizes,
    .protect = toy_protect, .unprotect = toy_unprotect};

enum { CLIENT, SERVER, TAP };

/* Which mechanisms an end has, best first. */
enum mechs {
    ONLY_NTLM,
    ONLY_TOY,
    TOY_FIRST,
    NTLM_FIRST,
};

typedef struct spnego_ends {
    ntlm_ends ntlm;
    toy toys[3];
    bool unsigned_toys;      /* that cannot sign */
    mr_spnego_options options[3];
    mr_spnego *end[3];
    mr_buf token;
    mr_error err;
    /* what a man in the middle does with leg @leg, counted from 0 */
    void (*mangle)(struct spnego_ends *e, int leg);
    int legs;
} spnego_ends;

static inline void spnego_set(spnego_ends *e, int end, enum mechs mechs) {
    mr_ntlm *ntlm[] = {e->ntlm.client, e->ntlm.server, e->ntlm.tap};
    mr_spnego_mech n = mr_spnego_of_ntlm(ntlm[end]), t = {
        .mech = MR_MECH_KRB5, .security = &e->toys[end].base,
        .get_mic = e->unsigned_toys ? NULL : toy_get_mic,
        .verify_mic = e->unsigned_toys ? NULL : toy_verify_mic};

    e->options[end] = (mr_spnego_options){
        .role = (enum mr_security_role)end, .mech_count = mechs < TOY_FIRST ? 1 : 2,
        .mechs = {mechs == ONLY_NTLM || mechs == NTLM_FIRST ? n : t,
                  mechs == NTLM_FIRST ? t : n}};
}

static inline void spnego_ends_init(spnego_ends *e, uint8_t level, enum mechs client,
                                    enum mechs server) {
    memset(e, 0, sizeof *e);
    e->err = MR_ERROR_INIT;
    ntlm_ends_init(&e->ntlm, level);
    ntlm_ends_open(&e->ntlm);
    for (int i = 0; i < 3; i++)
        e->toys[i] = (toy){.base = {&toy_class, (enum mr_security_role)i}, .next = 1};
    spnego_set(e, CLIENT, client);
    spnego_set(e, SERVER, server);
    spnego_set(e, TAP, TOY_FIRST);
    mr_buf_init(&e->token, NULL, 0, UINT16_MAX);
}

static inline void spnego_ends_open(spnego_ends *e) {
    for (int i = 0; i < 3; i++)
        assert_int_equal(mr_spnego_new(&e->options[i], &e->end[i], &e->err), 0);
}

static inline void spnego_ends_deinit(spnego_ends *e) {
    for (int i = 0; i < 3; i++)
        mr_spnego_free(e->end[i]);
    ntlm_ends_deinit(&e->ntlm);
    mr_buf_deinit(&e->token);
}

/* One end's step with what @token holds, which it replaces; pending ones are resumed. */
static inline int spnego_step(spnego_ends *e, int end, enum mr_dir dir) {
    mr_security *sec = mr_spnego_get_security(e->end[end]);
    uint8_t room[8192];
    mr_buf out;
    int rc;

    mr_buf_init(&out, room, sizeof room, sizeof room);
    rc = sec->class->step(sec, dir, mr_buf_slice(&e->token), &out, &e->err);
    while (rc == MR_SECURITY_PENDING) {
        assert_int_equal(out.len, 0);
        rc = sec->class->step(sec, dir, MR_SLICE_NULL, &out, &e->err);
    }
    mr_buf_reset(&e->token);
    mr_buf_write(&e->token, mr_buf_slice(&out));
    return rc;
}

/* The whole negotiation; the listener listens while it understands. Returns 0 when both ends are
 * complete, or the first negative result. */
static inline int spnego_shake(spnego_ends *e) {
    mr_security *tap = mr_spnego_get_security(e->end[TAP]);
    int rc[2] = {MR_SECURITY_CONTINUE, MR_SECURITY_CONTINUE}, heard = MR_SECURITY_CONTINUE;

    mr_buf_reset(&e->token);
    for (e->legs = 0; e->legs < 10; e->legs++) {
        int who = e->legs % 2;
        enum mr_dir from = who ? MR_DIR_TO_SERVER : MR_DIR_TO_CLIENT;
        rc[who] = spnego_step(e, who, from);
        if (rc[who] < 0)
            return rc[who];
        if (e->token.len == 0)
            break;
        if (e->mangle)
            e->mangle(e, e->legs);
        if (heard > 0)
            heard = tap->class->step(tap, who ? MR_DIR_TO_CLIENT : MR_DIR_TO_SERVER,
                                     mr_buf_slice(&e->token), NULL, NULL);
    }
    assert_int_equal(rc[CLIENT], 0);
    assert_int_equal(rc[SERVER], 0);
    return 0;
}

static inline mr_spnego_info spnego_info(const spnego_ends *e, int end) {
    mr_spnego_info info;
    mr_spnego_get_info(e->end[end], &info);
    return info;
}

#endif
