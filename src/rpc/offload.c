/*
 * See offload.h. Between a step's beginning and its end the worker owns @inner, @token and @out. A
 * provider that waits for somebody by itself, even here, is resumed by whoever knows that it can go
 * on.
 */
#include "offload.h"

#include <stdlib.h>

#include "errand.h"

#define TOKEN_CAP ((size_t)1 << 20)

struct mr_offload {
    mr_security base;
    mr_security_class class;
    mr_security *inner;
    void (*resumed)(void *user);
    void *user;
    struct mr_errand errand;
    mr_offload_give *give;
    void *give_user;
    enum mr_dir dir;
    mr_buf token, out;
    int result;
    mr_error error;
};

static struct mr_offload *of(struct mr_errand *e) {
    return (void *)((char *)e - offsetof(struct mr_offload, errand));
}

static void destroy(struct mr_errand *e) {
    struct mr_offload *o = of(e);

    if (o->give)
        o->give(o->give_user, o->inner);
    mr_buf_deinit(&o->token);
    mr_buf_deinit(&o->out);
    free(o);
}

static void run(struct mr_errand *e) {
    struct mr_offload *o = of(e);

    o->result = o->inner->class->step(o->inner, o->dir, mr_buf_slice(&o->token), &o->out,
                                      &o->error);
}

static void through(struct mr_errand *e) {
    struct mr_offload *o = of(e);

    o->resumed(o->user);
}

static int begin(struct mr_offload *o, enum mr_dir dir, mr_slice token, mr_error *err) {
    mr_buf_reset(&o->token);
    mr_buf_reset(&o->out);
    mr_buf_write(&o->token, token);
    if (mr_buf_error(&o->token))
        return mr_fail(err, mr_buf_error(&o->token), MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "no memory for a security token");
    o->dir = dir;
    o->error = MR_ERROR_INIT;
    mr_errand_start(&o->errand);
    return MR_SECURITY_PENDING;
}

static int step(mr_security *sec, enum mr_dir dir, mr_slice token, mr_buf *out, mr_error *err) {
    struct mr_offload *o = (struct mr_offload *)sec;

    switch (mr_errand_get_phase(&o->errand)) {
    case MR_ERRAND_WORKING:
        return MR_SECURITY_PENDING;
    case MR_ERRAND_IDLE:
        return begin(o, dir, token, err);
    case MR_ERRAND_THROUGH:
        break;
    }
    mr_errand_take(&o->errand);
    mr_buf_write(out, mr_buf_slice(&o->out));
    if (o->result < 0 && err)
        *err = o->error;
    return o->result;
}

static uint16_t sizes(mr_security *sec, uint8_t level) {
    mr_security *inner = ((struct mr_offload *)sec)->inner;
    return inner->class->sizes(inner, level);
}

static int protect(mr_security *sec, const mr_security_frag *frag, uint8_t *body, uint8_t *value,
                   mr_error *err) {
    mr_security *inner = ((struct mr_offload *)sec)->inner;
    return inner->class->protect(inner, frag, body, value, err);
}

static int unprotect(mr_security *sec, const mr_security_frag *frag, uint8_t *body,
                     mr_error *err) {
    mr_security *inner = ((struct mr_offload *)sec)->inner;
    return inner->class->unprotect(inner, frag, body, err);
}

int mr_offload_new(mr_loop *loop, mr_workers *workers, mr_security *inner,
                   void (*resumed)(void *user), void *user, struct mr_offload **offloadp,
                   mr_error *err) {
    struct mr_offload *o = calloc(1, sizeof *o);

    if (!o)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "out of memory");
    o->class = (mr_security_class){
        .name = inner->class->name,
        .auth_type = inner->class->auth_type,
        .step = step,
        .sizes = sizes,
        .protect = protect,
        .unprotect = unprotect,
    };
    o->base = (mr_security){.class = &o->class, .role = inner->role};
    o->inner = inner;
    o->resumed = resumed;
    o->user = user;
    o->errand.run = run;
    o->errand.through = through;
    o->errand.destroy = destroy;
    int r = mr_errand_init(&o->errand, loop, workers, err);
    if (r) {
        free(o);
        return r;
    }
    mr_buf_init(&o->token, NULL, 0, TOKEN_CAP);
    mr_buf_init(&o->out, NULL, 0, TOKEN_CAP);
    *offloadp = o;
    return 0;
}

mr_security *mr_offload_get_security(struct mr_offload *o) {
    return &o->base;
}

bool mr_offload_is_busy(struct mr_offload *o) {
    return mr_errand_get_phase(&o->errand) == MR_ERRAND_WORKING;
}

void mr_offload_free(struct mr_offload *o, mr_offload_give *give, void *user) {
    o->give = give;
    o->give_user = user;
    mr_errand_leave(&o->errand);
}
