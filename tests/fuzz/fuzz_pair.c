/*
 * Two captures in one input: four octets, little-endian, say how long the first one is. They are
 * compared under small caps; what comes out must be in order, lie within the captures and be the
 * same for the same input, whatever the key of the hash.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <msrpc/capture.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file_of(const uint8_t *data, size_t size, char path[64]) {
    int fd = memfd_create("pair", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static void check(const mr_pair *pair) {
    for (size_t i = 0; i < pair->count; i++) {
        const mr_pair_seen *seen = &pair->seen[i];
        if (mr_pair_kind_name(seen->kind)[0] == '\0' || seen->near > 1 ||
            (i > 0 && pair->seen[i - 1].time > seen->time) ||
            (seen->at[0].family == 0 && seen->at[1].family == 0))
            abort();
        for (int at = 0; at < 2; at++)
            if (seen->packet[at] != 0 && seen->at[at].family == 0)
                abort();
    }
}

static void same(const mr_pair *x, const mr_pair *y) {
    if (x->count != y->count)
        abort();
    for (size_t i = 0; i < x->count; i++)
        if (x->seen[i].kind != y->seen[i].kind || x->seen[i].time != y->seen[i].time ||
            x->seen[i].packet[0] != y->seen[i].packet[0] ||
            x->seen[i].packet[1] != y->seen[i].packet[1])
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const mr_pair_config config = {.flows = 64, .datagrams = 64, .records = 32};
    char path[2][64];
    const char *const paths[2] = {path[0], path[1]};
    mr_pair pair[2];
    size_t first;
    int done[2];

    if (size < 4)
        return 0;
    first = data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16;
    data += 4;
    size -= 4;
    first = first < size ? first : size;
    int a = file_of(data, first, path[0]), b = file_of(data + first, size - first, path[1]);
    for (int i = 0; i < 2; i++)
        done[i] = mr_pair_run(&config, paths, &pair[i], NULL);
    if (done[0] != done[1])
        abort();
    if (done[0] == 0) {
        check(&pair[0]);
        same(&pair[0], &pair[1]);
        mr_pair_deinit(&pair[0]);
        mr_pair_deinit(&pair[1]);
    }
    close(a);
    close(b);
    return 0;
}
