/*
 * The analysis: one shard in the calling thread, or several in threads of their own whose records
 * the calling thread merges by (order, flow). A shard's queue holds a few batches; who is ahead
 * waits. Batches go back to the shard they came from, so that in the long run nothing is allocated.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "shard.h"
#include "totals.h"

#define BATCH_TEXTS ((size_t)1 << 30) /* a batch is handed over long before */
#define QUEUE 4
#define WORKERS_DEFAULT 4
#define PROGRESS_OCTETS ((uint64_t)16 << 20)

typedef struct lane lane;

/* A run of the analysis. */
typedef struct run {
    const mr_analysis_config *config;
    uint64_t told;        /* octets at the last progress */
    pthread_mutex_t lock; /* of all lanes */
    pthread_cond_t change;
    bool stop;            /* the caller wants no more */
    lane *lanes;
    uint32_t count;
} run;

/* A batch on its way. */
typedef struct parcel {
    mr_seen_batch batch;
    uint64_t order;       /* everything below this order is in it or was before */
    mr_analysis_place place;
} parcel;

/* A shard in a thread, and what it has ready. */
struct lane {
    run *run;
    mr_shard shard;
    pthread_t thread;
    bool running;
    parcel parcels[QUEUE + 2]; /* one is being filled, one is being read */
    parcel *ready[QUEUE];
    uint32_t ready_count;
    parcel *spare[QUEUE + 2];
    uint32_t spare_count;
    parcel *filling;
    parcel *reading;
    size_t at;            /* in the one that is being read */
    bool done;
    int result;
};

static mr_analysis_place place_of(const mr_shard *s) {
    mr_analysis_place place = {.packets = s->totals.packets};
    size_t count = s->config->read ? 0 : s->config->count;

    for (size_t i = 0; i < count; i++) {
        const mr_capture_file *file = mr_capture_merge_get_file(&s->merge, i);
        uint64_t done, size;
        if (!file)
            continue;
        mr_capture_file_get_place(file, &done, &size);
        place.done += done;
        place.size += size;
    }
    return place;
}

static int tell_progress(run *r, const mr_analysis_place *place) {
    if (!r->config->progress || (place->done < r->told + PROGRESS_OCTETS && r->told != 0))
        return 0;
    r->told = place->done;
    return r->config->progress(r->config->ctx, place);
}

/* ---- one shard ---- */

static int deliver(void *ctx, mr_shard *s) {
    run *r = ctx;
    mr_seen_batch *batch = s->taps.batch;
    int rc = 0;

    for (size_t i = 0; i < batch->count && rc == 0; i++)
        rc = r->config->seen(r->config->ctx, &batch->seen[i]);
    mr_seen_reset(batch);
    if (rc == 0 && r->config->progress) {
        mr_analysis_place place = place_of(s);
        rc = tell_progress(r, &place);
    }
    return rc;
}

static int run_alone(run *r, mr_shard *s, const uint64_t key[2], mr_error *err) {
    mr_seen_batch batch;
    int rc = mr_shard_init(s, r->config, key, 0, 1, err);

    if (rc != 0)
        return rc;
    mr_seen_init(&batch, BATCH_TEXTS);
    s->taps.batch = &batch;
    s->hand_over = deliver;
    s->hand_over_ctx = r;
    rc = mr_shard_run(s);
    mr_seen_deinit(&batch);
    if (rc != 0 && err)
        *err = s->err;
    return rc;
}

/* ---- several ---- */

/* Called by a shard's thread. */
static int post(void *ctx, mr_shard *s) {
    lane *l = ctx;
    run *r = l->run;
    parcel *full = l->filling;

    full->order = s->taps.order;
    if (l == r->lanes)
        full->place = place_of(s);
    pthread_mutex_lock(&r->lock);
    while (l->ready_count == QUEUE && !r->stop)
        pthread_cond_wait(&r->change, &r->lock);
    bool stop = r->stop;
    if (!stop) {
        l->ready[l->ready_count++] = full;
        l->filling = l->spare[--l->spare_count];
        pthread_cond_broadcast(&r->change);
    }
    pthread_mutex_unlock(&r->lock);
    s->taps.batch = &l->filling->batch;
    mr_seen_reset(s->taps.batch);
    return stop ? MR_ERR_CANCELLED : 0;
}

static void *work(void *arg) {
    lane *l = arg;
    int rc = mr_shard_run(&l->shard);

    pthread_mutex_lock(&l->run->lock);
    l->done = true;
    l->result = rc;
    pthread_cond_broadcast(&l->run->change);
    pthread_mutex_unlock(&l->run->lock);
    return NULL;
}

/* The next record of @l, NULL when there is none any more. Waits for it; a batch without records
 * tells nothing until another one follows. */
static const mr_seen *next_of(lane *l, int *resultp) {
    run *r = l->run;

    while (!l->reading || l->at == l->reading->batch.count) {
        pthread_mutex_lock(&r->lock);
        if (l->reading) {
            l->spare[l->spare_count++] = l->reading;
            l->reading = NULL;
        }
        while (l->ready_count == 0 && !l->done)
            pthread_cond_wait(&r->change, &r->lock);
        if (l->ready_count > 0) {
            l->reading = l->ready[0];
            l->ready_count--;
            memmove(&l->ready[0], &l->ready[1], l->ready_count * sizeof l->ready[0]);
            l->at = 0;
        }
        pthread_cond_broadcast(&r->change);
        pthread_mutex_unlock(&r->lock);
        if (!l->reading)
            return NULL;
        if (l == r->lanes && *resultp == 0)
            *resultp = tell_progress(r, &l->reading->place);
    }
    return &l->reading->batch.seen[l->at];
}

/* Records that stand together in one shard stay so: of a lost datagram first, then by flow. */
static bool before(const mr_seen *a, const mr_seen *b) {
    if (a->order != b->order)
        return a->order < b->order;
    if (a->flow != b->flow)
        return a->flow < b->flow;
    return (a->kind == MR_SEEN_FRAGMENTS) > (b->kind == MR_SEEN_FRAGMENTS);
}

static int merge(run *r) {
    const mr_seen *heads[MR_ANALYSIS_WORKERS_MAX];
    int rc = 0;

    for (uint32_t i = 0; i < r->count; i++)
        heads[i] = next_of(&r->lanes[i], &rc);
    while (rc == 0) {
        uint32_t best = r->count;
        for (uint32_t i = 0; i < r->count; i++)
            if (heads[i] && (best == r->count || before(heads[i], heads[best])))
                best = i;
        if (best == r->count)
            return 0;
        rc = r->config->seen(r->config->ctx, heads[best]);
        r->lanes[best].at++;
        if (rc == 0)
            heads[best] = next_of(&r->lanes[best], &rc);
    }
    return rc;
}

static int start(run *r, const uint64_t key[2], mr_error *err) {
    for (uint32_t i = 0; i < r->count; i++) {
        lane *l = &r->lanes[i];
        l->run = r;
        int rc = mr_shard_init(&l->shard, r->config, key, i, r->count, err);
        if (rc != 0)
            return rc;
        for (size_t p = 0; p < MR_COUNT(l->parcels); p++) {
            mr_seen_init(&l->parcels[p].batch, BATCH_TEXTS);
            l->spare[l->spare_count++] = &l->parcels[p];
        }
        l->filling = l->spare[--l->spare_count];
        l->shard.taps.batch = &l->filling->batch;
        l->shard.hand_over = post;
        l->shard.hand_over_ctx = l;
    }
    for (uint32_t i = 0; i < r->count; i++) {
        if (pthread_create(&r->lanes[i].thread, NULL, work, &r->lanes[i]) != 0)
            return mr_fail(err, MR_ERR_SYSTEM, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                           "no thread could be started");
        r->lanes[i].running = true;
    }
    return 0;
}

static void stop(run *r) {
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->change);
    pthread_mutex_unlock(&r->lock);
    for (uint32_t i = 0; i < r->count; i++)
        if (r->lanes[i].running)
            pthread_join(r->lanes[i].thread, NULL);
}

/* Packets are counted by every shard, the rest by the one it falls to. */
static int collect(run *r, mr_totals *totalsp) {
    int rc = 0;

    *totalsp = r->lanes[0].shard.totals;
    r->lanes[0].shard.totals = (mr_totals){0};
    for (uint32_t i = 1; i < r->count && rc == 0; i++)
        rc = mr_totals_merge(totalsp, &r->lanes[i].shard.totals);
    return rc;
}

static int run_together(run *r, const uint64_t key[2], mr_totals *totalsp, mr_error *err) {
    r->lanes = calloc(r->count, sizeof *r->lanes);
    if (!r->lanes)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET, "out of memory");
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->change, NULL);
    int rc = start(r, key, err);
    if (rc == 0)
        rc = merge(r);
    stop(r);
    for (uint32_t i = 0; i < r->count && rc == 0; i++) {
        rc = r->lanes[i].result;
        if (rc != 0 && err)
            *err = r->lanes[i].shard.err;
    }
    int merged = collect(r, totalsp);
    for (uint32_t i = 0; i < r->count; i++) {
        mr_shard_deinit(&r->lanes[i].shard);
        for (size_t p = 0; p < MR_COUNT(r->lanes[i].parcels); p++)
            mr_seen_deinit(&r->lanes[i].parcels[p].batch);
    }
    pthread_cond_destroy(&r->change);
    pthread_mutex_destroy(&r->lock);
    free(r->lanes);
    return rc != 0 ? rc : merged;
}

/* ---- both ---- */

/* Whether every file can be read by several at once. */
static bool is_shared(const mr_analysis_config *config) {
    for (size_t i = 0; i < config->count; i++) {
        mr_capture_file file;
        struct stat st; /* a pipe has its octets for one reader, who opens it once */
        if (strcmp(config->paths[i], "-") == 0 || stat(config->paths[i], &st) != 0 ||
            !S_ISREG(st.st_mode) ||
            mr_capture_file_init(&file, config->paths[i], NULL, NULL) != 0)
            return false;
        bool shared = mr_capture_file_is_shared(&file);
        mr_capture_file_deinit(&file);
        if (!shared)
            return false;
    }
    return true;
}

/* Processors that this process may use. */
static uint32_t count_processors(void) {
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 1;
}

static uint32_t count_workers(const mr_analysis_config *config) {
    uint32_t count = config->workers;

    if (count == 0) {
        count = count_processors();
        if (count > WORKERS_DEFAULT)
            count = WORKERS_DEFAULT;
    }
    if (count > MR_ANALYSIS_WORKERS_MAX)
        count = MR_ANALYSIS_WORKERS_MAX;
    if (config->watch && config->watch->learn) /* one connection's keys open another */
        return 1;
    return count > 1 && !config->read && is_shared(config) ? count : 1;
}

int mr_analysis_run(const mr_analysis_config *config, mr_totals *totalsp, mr_error *err) {
    run r = {.config = config, .count = count_workers(config)};
    uint64_t key[2];
    mr_totals totals = {0};
    int rc;

    if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
        return mr_fail(err, MR_ERR_SYSTEM, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                       "the system gave no random numbers");
    if (r.count == 1) {
        mr_shard shard;
        rc = run_alone(&r, &shard, key, err);
        totals = shard.totals;
        shard.totals = (mr_totals){0};
        mr_shard_deinit(&shard);
    } else {
        rc = run_together(&r, key, &totals, err);
    }
    mr_totals_sort(&totals);
    *totalsp = totals;
    return rc;
}
