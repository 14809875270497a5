/*
 * A link with latency, loss, jitter and copies, for kernels without netem: packets that are routed
 * into a TUN device are written back to it some time later, or never.
 *
 *     delay DEVICE MILLISECONDS [LOSS_PERCENT [JITTER_MILLISECONDS [COPIES]]]
 *
 * The delay is one way; a round trip through the device both ways grows by twice as much. With
 * jitter each packet takes up to so much longer, so that packets overtake one another; COPIES of
 * each arrive. The ring is kept in the order of departure. A full ring drops, as a router's queue
 * does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/if_tun.h>

#define PACKET_MAX 65536
#define RING_SIZE 8192

struct packet {
    int64_t due_ns;
    size_t size;
    unsigned char *data;
};

static struct packet ring[RING_SIZE];
static size_t ring_first, ring_count;

static int64_t now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void ring_put(const unsigned char *data, size_t size, int64_t due_ns) {
    struct packet packet = {.due_ns = due_ns, .size = size};
    size_t at = ring_count;

    if (ring_count == RING_SIZE)
        return;
    packet.data = malloc(size);
    if (!packet.data)
        return;
    memcpy(packet.data, data, size);
    for (; at > 0 && ring[(ring_first + at - 1) % RING_SIZE].due_ns > due_ns; at--)
        ring[(ring_first + at) % RING_SIZE] = ring[(ring_first + at - 1) % RING_SIZE];
    ring[(ring_first + at) % RING_SIZE] = packet;
    ring_count++;
}

/* Writes what is due and returns the time until the next packet is, or -1 with none waiting. */
static int64_t ring_flush(int fd) {
    while (ring_count > 0) {
        struct packet *packet = &ring[ring_first];
        int64_t wait_ns = packet->due_ns - now_ns();

        if (wait_ns > 0)
            return wait_ns;
        if (write(fd, packet->data, packet->size) < 0 && errno != EINVAL)
            perror("delay: write");
        free(packet->data);
        ring_first = (ring_first + 1) % RING_SIZE;
        ring_count--;
    }
    return -1;
}

static int open_tun(const char *name) {
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return -1;
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (ioctl(fd, TUNSETIFF, &request) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

struct link {
    double delay_ms, loss, jitter_ms;
    int copies;
};

static int run(int fd, const struct link *link) {
    static unsigned char buffer[PACKET_MAX];

    for (;;) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        int64_t wait_ns = ring_flush(fd);
        struct timespec wait = {
            .tv_sec = wait_ns / 1000000000,
            .tv_nsec = wait_ns % 1000000000,
        };
        ssize_t size;

        if (ppoll(&readable, 1, wait_ns < 0 ? NULL : &wait, NULL) < 0 && errno != EINTR)
            return -1;
        while ((size = read(fd, buffer, sizeof(buffer))) > 0) {
            for (int i = 0; i < link->copies; i++) {
                double ms = link->delay_ms + link->jitter_ms * drand48();
                if (drand48() >= link->loss)
                    ring_put(buffer, (size_t)size, now_ns() + (int64_t)(ms * 1e6));
            }
        }
        if (size < 0 && errno != EAGAIN && errno != EINTR)
            return -1;
    }
}

/* Whether @text is a number from @min to @max. */
static int read_number(const char *text, double min, double max, double *numberp) {
    char *end;

    *numberp = strtod(text, &end);
    return end != text && !*end && *numberp >= min && *numberp <= max;
}

int main(int argc, char **argv) {
    struct link link = {.copies = 1};
    double percent = 0, copies = 1;
    int fd;

    if (argc < 3 || argc > 6 || !read_number(argv[2], 0, 60000, &link.delay_ms) ||
        (argc > 3 && !read_number(argv[3], 0, 100, &percent)) ||
        (argc > 4 && !read_number(argv[4], 0, 60000, &link.jitter_ms)) ||
        (argc > 5 && !read_number(argv[5], 1, 9, &copies))) {
        fprintf(stderr, "usage: delay DEVICE MILLISECONDS [LOSS_PERCENT [JITTER_MILLISECONDS "
                        "[COPIES]]]\n");
        return 2;
    }
    link.loss = percent / 100;
    link.copies = (int)copies;
    fd = open_tun(argv[1]);
    if (fd < 0) {
        perror("delay: /dev/net/tun");
        return 1;
    }
    srand48(1);
    run(fd, &link);
    perror("delay");
    return 1;
}
