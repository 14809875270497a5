/*
 * Runs several commands in turn and tells what each run cost. Peers that are measured turn by turn
 * meet the same weather on a shared machine. A command's turn is a few runs in a row: the first
 * finds the caches as the peer before it left them, the others as they left them themselves. A
 * pause before each turn lets the server tidy up after the peer before (nmap leaves it SMB
 * sessions), so that nobody pays for another's mess.
 *
 * What a run costs is taken from the kernel: the clock around posix_spawn and wait4, and the
 * child's resource usage. The runner is small, and C, because a child's peak memory begins with
 * that of the process that started it.
 *
 *     rounds ROUNDS RUNS -- COMMAND ARG... [-- COMMAND ARG...]...
 *
 * A line for every run: number of the command, number of the run in its turn, exit status, wall
 * clock in nanoseconds, peak resident set in KiB, processor time in microseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define COMMANDS_MOST 16
#define PAUSE_NS 50000000

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int64_t micros(struct timeval t) {
    return t.tv_sec * INT64_C(1000000) + t.tv_usec;
}

static int run(int number, long turn, char **argv, posix_spawn_file_actions_t *quiet) {
    extern char **environ;
    struct rusage usage;
    pid_t child;
    int status;

    int64_t start = now();
    int r = posix_spawnp(&child, argv[0], quiet, NULL, argv, environ);
    if (r != 0) {
        fprintf(stderr, "rounds: %s: %s\n", argv[0], strerror(r));
        return -1;
    }
    while (wait4(child, &status, 0, &usage) < 0)
        if (errno != EINTR)
            return -1;
    int64_t wall = now() - start;
    printf("%d %ld %d %" PRId64 " %ld %" PRId64 "\n", number, turn,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), wall,
           usage.ru_maxrss, micros(usage.ru_utime) + micros(usage.ru_stime));
    return 0;
}

int main(int argc, char **argv) {
    char **commands[COMMANDS_MOST];
    posix_spawn_file_actions_t quiet;
    int count = 0;

    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    long runs = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "--") != 0)
            continue;
        argv[i] = NULL;
        if (count < COMMANDS_MOST && i + 1 < argc)
            commands[count++] = &argv[i + 1];
    }
    if (rounds < 1 || runs < 1 || count == 0) {
        fputs("usage: rounds ROUNDS RUNS -- COMMAND ARG... [-- COMMAND ARG...]...\n", stderr);
        return 64;
    }
    posix_spawn_file_actions_init(&quiet);
    for (int fd = 0; fd < 3; fd++)
        posix_spawn_file_actions_addopen(&quiet, fd, "/dev/null", O_RDWR, 0);
    for (long round = 0; round < rounds; round++) {
        for (int c = 0; c < count; c++) {
            nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
            for (long i = 0; i < runs; i++)
                if (run(c, i, commands[c], &quiet) != 0)
                    return 1;
        }
    }
    return 0;
}
