/*
 * Any octets as a capture file, of whatever format: read to its end with every octet touched,
 * copied as pcapng with comments, and the copy holds as many packets.
 */
#ifndef CAPTURE_WALK_H
#define CAPTURE_WALK_H

#include <msrpc/capture.h>

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static inline unsigned sum_of(mr_slice s) {
    unsigned sum = 0;

    for (size_t i = 0; i < s.len; i++)
        sum += s.data[i];
    return sum;
}

/* Walks the capture on @fd; the packets handed out, or -1 when it cannot be opened. */
static inline long walk_capture(int fd, int *endp) {
    mr_capture_file file;
    mr_packet packet;
    mr_error err = MR_ERROR_INIT;
    uint64_t number = 0;
    long count = 0;
    volatile unsigned sum = 0;

    if (mr_capture_file_init_fd(&file, fd, "fuzz", NULL, &err) != 0)
        return -1;
    while ((*endp = mr_capture_file_read(&file, &packet, &err)) == 0) {
        if (packet.number <= number || packet.len < packet.bytes.len ||
            packet.iface >= mr_capture_file_iface_count(&file))
            abort();
        number = packet.number;
        sum += sum_of(packet.bytes) + sum_of(packet.comment);
        count++;
    }
    if (*endp < 0 && err.text[0] == '\0')
        abort();
    if (mr_capture_file_read(&file, &packet, NULL) != MR_CAPTURE_END)
        abort();
    mr_capture_file_deinit(&file);
    return count;
}

static inline void comment_some(void *user, const mr_packet *packet, mr_capture_edit *editp) {
    static const char *const comments[] = {"one", "another"};

    (void)user;
    editp->comments = comments;
    editp->comment_count = packet->number % 3;
}

static inline int capture_walk(const uint8_t *data, size_t size) {
    static const char *const about[] = {"copied"};
    mr_capture_file file;
    int end = 0, copy_end = 0;
    int in = memfd_create("in", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC);

    if (in < 0 || out < 0 || write(in, data, size) != (ssize_t)size)
        abort();
    long count = walk_capture(in, &end);
    if (count > 0 && end > 0) {
        if (mr_capture_file_init_fd(&file, in, "fuzz", NULL, NULL) != 0)
            abort();
        int copied = mr_capture_copy(&file, out, about, 1, comment_some, NULL, NULL);
        mr_capture_file_deinit(&file);
        if (copied >= 0 && (walk_capture(out, &copy_end) != count || copy_end != MR_CAPTURE_END))
            abort();
    }
    close(in);
    close(out);
    return 0;
}

#endif
