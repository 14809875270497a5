/*
 * The library's calls per second: one connection, one call after the other, through the face that
 * programs use. An ept_map ends in entries with their endpoints; a lookup is the whole listing,
 * page by page.
 *
 *     calls HOST PORT map|lookup N
 *
 * Prints the number of calls, nanoseconds of the whole and of the median call.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msrpc/ifaces/epmapper.h>
#include <msrpc/rpc.h>

/* lsarpc 0.0: what both of Samba's mappers know */
static const mr_syntax lsarpc = {
    .uuid = {0x12345778, 0x1234, 0xabcd, {0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab}}};

static int ascending(const void *a, const void *b) {
    const mr_nsec x = *(const mr_nsec *)a, y = *(const mr_nsec *)b;
    return (x > y) - (x < y);
}

static int call_once(mr_client *client, const char *host, bool map, mr_error *err) {
    mr_mapper mapper;

    int r = mr_mapper_init(&mapper, client, mr_slice_str(host), err);
    if (r)
        return r;
    r = map ? mr_mapper_map_run(&mapper, &lsarpc, NULL, MR_PROTSEQ_NCACN_IP_TCP, err)
            : mr_mapper_lookup_run(&mapper, &(mr_mapper_query){0}, err);
    mr_mapper_deinit(&mapper);
    return r;
}

static int run(mr_client *client, const char *host, bool map, size_t n, mr_error *err) {
    mr_nsec *times = calloc(n + 1, sizeof *times);
    int r = times ? 0 : MR_ERR_MEMORY;

    mr_nsec start = mr_clock_now(), last = start;
    for (size_t i = 0; !r && i < n; i++) {
        r = call_once(client, host, map, err);
        mr_nsec now = mr_clock_now();
        times[i] = now - last;
        last = now;
    }
    if (!r) {
        qsort(times, n, sizeof *times, ascending);
        printf("%zu %" PRIu64 " %" PRIu64 "\n", n, (uint64_t)(last - start),
               (uint64_t)times[n / 2]);
    }
    free(times);
    return r;
}

int main(int argc, char **argv) {
    mr_error err = MR_ERROR_INIT;
    mr_client_options options = {0};
    mr_client *client = NULL;
    mr_loop loop = {0};

    if (argc != 5) {
        fputs("usage: calls HOST PORT map|lookup N\n", stderr);
        return 64;
    }
    int r = mr_addr_decode(mr_slice_str(argv[1]), (uint16_t)strtoul(argv[2], NULL, 10),
                           &options.connect.remote);
    if (!r)
        r = mr_loop_init(&loop, &err);
    if (!r)
        r = mr_client_new(&loop, &options, &client, &err);
    if (!r)
        r = mr_client_open(client, &mr_epmapper_iface.syntax, &err);
    if (!r)
        r = run(client, argv[1], strcmp(argv[3], "map") == 0, strtoul(argv[4], NULL, 10), &err);
    if (r)
        fprintf(stderr, "calls: %s\n", err.text);
    mr_client_free(client);
    mr_loop_deinit(&loop);
    return r ? 1 : 0;
}
