/*
 * See offload.h. Between a step's beginning and its end the worker owns @inner, @token and @out;
 * @lock guards who has to free the whole: whoever of worker and owner is through last. A provider
 * that waits for somebody by itself, even here, is resumed by whoever knows that it can go on.
 */
#include "offload.h"

#include <stdlib.h>

#define TOKEN_CAP ((size_t)1 << 20)

enum phase { IDLE, WORKING, THROUGH };

struct mr_offload {
    mr_security base;
    mr_security_class class;
    mr_security *inner;
    mr_workers *workers;
    mr_waker *waker;
    void (*resumed)(void *user);
    void *user;
    mr_job job;
    mr_lock lock;
    enum phase phase;      /* under the lock */
    bool orphaned;         /* likewise */
    mr_offload_give *give;
    void *give_user;
    enum mr_dir dir;
    mr_buf token, out;
    int result;
    mr_error error;
};

static void destroy(struct mr_offload *o) {
    if (o->give)
        o->give(o->give_user, o->inner);
    mr_buf_deinit(&o->token);
    mr_buf_deinit(&o->out);
    mr_lock_deinit(&o->lock);
    free(o);
}

static void work(mr_job *job) {
    struct mr_offload *o = (void *)((char *)job - offsetof(struct mr_offload, job));

    o->result = o->inner->class->step(o->inner, o->dir, mr_buf_slice(&o->token), &o->out,
                                      &o->error);
    mr_lock_take(&o->lock);
    bool orphaned = o->orphaned;
    o->phase = THROUGH;
    if (!orphaned)
        mr_waker_wake(o->waker);
    mr_lock_give(&o->lock);
    if (orphaned)
        destroy(o);
}

static void on_woken(void *user) {
    struct mr_offload *o = user;

    mr_lock_take(&o->lock);
    bool through = o->phase == THROUGH;
    mr_lock_give(&o->lock);
    if (through)
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
    o->phase = WORKING;
    mr_workers_add(o->workers, &o->job);
    return MR_SECURITY_PENDING;
}

static int step(mr_security *sec, enum mr_dir dir, mr_slice token, mr_buf *out, mr_error *err) {
    struct mr_offload *o = (struct mr_offload *)sec;

    mr_lock_take(&o->lock);
    enum phase phase = o->phase;
    mr_lock_give(&o->lock);
    if (phase == WORKING)
        return MR_SECURITY_PENDING;
    if (phase == IDLE)
        return begin(o, dir, token, err);
    o->phase = IDLE;
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
    o->workers = workers;
    o->resumed = resumed;
    o->user = user;
    o->job.run = work;
    int r = mr_waker_new(loop, on_woken, o, &o->waker, err);
    if (r) {
        free(o);
        return r;
    }
    mr_lock_init(&o->lock);
    mr_buf_init(&o->token, NULL, 0, TOKEN_CAP);
    mr_buf_init(&o->out, NULL, 0, TOKEN_CAP);
    *offloadp = o;
    return 0;
}

mr_security *mr_offload_get_security(struct mr_offload *o) {
    return &o->base;
}

void mr_offload_free(struct mr_offload *o, mr_offload_give *give, void *user) {
    bool waits = mr_workers_remove(o->workers, &o->job);

    o->give = give;
    o->give_user = user;
    mr_lock_take(&o->lock);
    o->orphaned = o->phase == WORKING && !waits;
    bool orphaned = o->orphaned;
    mr_waker_free(o->waker);
    mr_lock_give(&o->lock);
    if (!orphaned)
        destroy(o);
}
