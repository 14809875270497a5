/*
 * Several capture files as one. By time: a heap of the files, ordered by the time of the packet
 * each holds, then by their index, so that equal times keep the order given; a packet without time
 * stays behind the one before it in its file. A file that ended gives its memory back at once, but
 * its counts stay.
 */
#include <msrpc/capture/file.h>

#include <stdio.h>
#include <stdlib.h>

#include "reader.h"

enum { FILES_MAX = 65535, WINDOWS = 1 << 22, WINDOW_MAX = 1 << 18 };

typedef struct merge_input {
    mr_capture_file file;
    mr_packet head;
    mr_nsec key;   /* time of head */
    int outcome;   /* of the read that was to give head */
    mr_error err;
} merge_input;

struct mr_capture_merge_state {
    const char *const *paths;
    merge_input *inputs;
    size_t count;
    enum mr_merge_order order;
    size_t *heap, heap_len; /* by time */
    size_t present;         /* in sequence: whose turn it is */
    bool taken;             /* by time: heap[0].head was handed out */
};

static bool earlier(const struct mr_capture_merge_state *m, size_t a, size_t b) {
    const merge_input *x = &m->inputs[a], *y = &m->inputs[b];
    return x->key != y->key ? x->key < y->key : a < b;
}

static void sift_down(struct mr_capture_merge_state *m, size_t at) {
    for (size_t child; (child = 2 * at + 1) < m->heap_len; at = child) {
        if (child + 1 < m->heap_len && earlier(m, m->heap[child + 1], m->heap[child]))
            child++;
        if (!earlier(m, m->heap[child], m->heap[at]))
            break;
        size_t other = m->heap[at];
        m->heap[at] = m->heap[child];
        m->heap[child] = other;
    }
}

static void advance(merge_input *in) {
    in->outcome = mr_capture_file_read(&in->file, &in->head, &in->err);
    if (in->outcome == 0 && in->head.timed)
        in->key = in->head.time;
}

static int open_input(struct mr_capture_merge_state *m, size_t index, mr_error *err) {
    mr_capture_options options = {.window = WINDOW_MAX};
    mr_error inner = MR_ERROR_INIT;

    if (m->order == MR_MERGE_TIME && WINDOWS / m->count < WINDOW_MAX)
        options.window = WINDOWS / m->count;
    int r = mr_capture_file_init(&m->inputs[index].file, m->paths[index], &options, &inner);
    if (r != 0 && err) {
        *err = inner;
        snprintf(err->text, sizeof err->text, "%.90s: %.105s", m->paths[index], inner.text);
    }
    return r;
}

static int open_all(struct mr_capture_merge_state *m, mr_error *err) {
    m->heap = calloc(m->count, sizeof *m->heap);
    if (!m->heap)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET, "out of memory");
    for (size_t i = 0; i < m->count; i++) {
        int r = open_input(m, i, err);
        if (r != 0)
            return r;
        advance(&m->inputs[i]);
        m->heap[i] = i;
    }
    m->heap_len = m->count;
    for (size_t i = m->count / 2; i-- > 0;)
        sift_down(m, i);
    return 0;
}

int mr_capture_merge_init(mr_capture_merge *merge, const char *const *paths, size_t count,
                          enum mr_merge_order order, mr_error *err) {
    if (count == 0 || count > FILES_MAX)
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                       "from 1 to %d files can be read as one", FILES_MAX);
    struct mr_capture_merge_state *m = calloc(1, sizeof *m);
    mr_capture_merge made = {m};
    if (m)
        m->inputs = calloc(count, sizeof *m->inputs);
    if (!m || !m->inputs) {
        free(m);
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET, "out of memory");
    }
    m->paths = paths;
    m->count = count;
    m->order = order;
    int r = order == MR_MERGE_TIME ? open_all(m, err) : 0;
    if (r != 0) {
        mr_capture_merge_deinit(&made);
        return r;
    }
    *merge = made;
    return 0;
}

void mr_capture_merge_deinit(mr_capture_merge *merge) {
    struct mr_capture_merge_state *m = merge->state;

    if (!m)
        return;
    for (size_t i = 0; i < m->count; i++)
        mr_capture_file_deinit(&m->inputs[i].file);
    free(m->inputs);
    free(m->heap);
    free(m);
    merge->state = NULL;
}

static int read_by_time(struct mr_capture_merge_state *m, mr_packet *packetp, size_t *indexp,
                        mr_error *err) {
    if (m->taken) {
        advance(&m->inputs[m->heap[0]]);
        sift_down(m, 0);
    }
    m->taken = false;
    while (m->heap_len > 0) {
        merge_input *in = &m->inputs[m->heap[0]];
        *indexp = m->heap[0];
        if (in->outcome == 0) {
            m->taken = true;
            *packetp = in->head;
            return 0;
        }
        m->heap[0] = m->heap[--m->heap_len];
        sift_down(m, 0);
        mr_reader_close(in->file.reader);
        if (in->outcome < 0 && err)
            *err = in->err;
        if (in->outcome != MR_CAPTURE_END)
            return in->outcome;
    }
    return MR_CAPTURE_END;
}

static int read_in_sequence(struct mr_capture_merge_state *m, mr_packet *packetp, size_t *indexp,
                            mr_error *err) {
    for (; m->present < m->count; m->present++) {
        merge_input *in = &m->inputs[m->present];
        int r = 0;
        *indexp = m->present;
        if (!in->file.reader && (r = open_input(m, m->present, err)) != 0) {
            m->present++;
            return r;
        }
        r = mr_capture_file_read(&in->file, packetp, err);
        if (r != MR_CAPTURE_END)
            return r;
        mr_reader_close(in->file.reader);
    }
    return MR_CAPTURE_END;
}

int mr_capture_merge_read(mr_capture_merge *merge, mr_packet *packetp, size_t *filep,
                          mr_error *err) {
    struct mr_capture_merge_state *m = merge->state;
    size_t index = m->count - 1;
    int r = m->order == MR_MERGE_TIME ? read_by_time(m, packetp, &index, err)
                                      : read_in_sequence(m, packetp, &index, err);
    if (r == 0)
        packetp->file = (uint16_t)index;
    if (filep)
        *filep = index;
    return r;
}

const mr_capture_file *mr_capture_merge_get_file(const mr_capture_merge *merge, size_t index) {
    const struct mr_capture_merge_state *m = merge->state;
    return index < m->count && m->inputs[index].file.reader ? &m->inputs[index].file : NULL;
}
