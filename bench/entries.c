/*
 * Fills an endpoint mapper of ours: registers N endpoints of interfaces that nobody serves over its
 * local socket, says "ready" and keeps the connection, and so the entries, until it is killed.
 *
 *     entries SOCKET N
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <msrpc/ifaces/epmapper_client.h>
#include <msrpc/rpc.h>

#define TOWER_ROOM 96

/* One entry with port @n, annotated as real servers do. */
static void make(mr_epmapper_ept_entry_t *entry, mr_epmapper_twr_t *twr, uint8_t *octets,
                 uint32_t n) {
    static const char *const notes[] = {"", "Remote Registry", "Security Center", "MS NT Directory "
                                                                                  "DRS Interface"};
    const mr_tower tower = {
        .interface = {{0xabcd0000 + n, 0x1122, 0x3344, {1, 2, 3, 4}}, 1, 0},
        .transfer = mr_syntax_ndr20,
        .protseq = MR_PROTSEQ_NCACN_IP_TCP,
        .port = (uint16_t)(49152 + n),
    };
    mr_buf buf;

    mr_buf_init(&buf, octets, TOWER_ROOM, TOWER_ROOM);
    if (mr_tower_encode(&tower, &buf) != 0)
        abort();
    *twr = (mr_epmapper_twr_t){(uint32_t)buf.len, octets};
    *entry = (mr_epmapper_ept_entry_t){.tower = twr, .annotation = (uint8_t *)notes[n % 4]};
}

static int insert(mr_client *client, uint32_t n, mr_error *err) {
    mr_epmapper_ept_entry_t *entries = calloc(n, sizeof *entries);
    mr_epmapper_twr_t *towers = calloc(n, sizeof *towers);
    uint8_t *octets = calloc(n, TOWER_ROOM);
    struct mr_epmapper_ept_insert args = {.num_ents = n, .entries = entries};
    int r = MR_ERR_MEMORY;

    for (uint32_t i = 0; entries && towers && octets && i < n; i++)
        make(&entries[i], &towers[i], octets + i * TOWER_ROOM, i);
    if (entries && towers && octets)
        r = mr_epmapper_ept_insert(client, &args, err);
    if (!r && args.status)
        r = mr_fail(err, MR_ERR_PROTOCOL, MR_FLOOR_APP, MR_ERROR_NO_OFFSET, "status 0x%08x",
                    args.status);
    free(octets);
    free(towers);
    free(entries);
    return r;
}

int main(int argc, char **argv) {
    mr_client_options options = {0};
    mr_error err = MR_ERROR_INIT;
    mr_client *client = NULL;
    mr_loop loop = {0};

    if (argc != 3) {
        fputs("usage: entries SOCKET N\n", stderr);
        return 64;
    }
    options.connect.path = argv[1];
    int r = mr_loop_init(&loop, &err);
    if (!r)
        r = mr_client_new(&loop, &options, &client, &err);
    if (!r)
        r = mr_client_open(client, &mr_epmapper_iface.syntax, &err);
    if (!r)
        r = insert(client, (uint32_t)strtoul(argv[2], NULL, 10), &err);
    if (!r) {
        puts("ready");
        fflush(stdout);
        pause();
    }
    fprintf(stderr, "entries: %s\n", err.text);
    mr_client_free(client);
    mr_loop_deinit(&loop);
    return 1;
}
