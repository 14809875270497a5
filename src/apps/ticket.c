/*
 * The Kerberos ticket of whoever runs this, where it lies in a file (KRB5CCNAME, else the default
 * of MIT Kerberos): whose it is, so that a stranger's run can say that it need not be one. The keys
 * in the file are wiped from memory at once.
 */
#include "identity.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <msrpc/wire/ccache.h>

#include "input.h"

#define FILE_MAX 65536

/* The file into @room, which has one octet more than it may have; 0: it cannot be read. */
static size_t read_file(const char *path, uint8_t *room) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return 0;
    ssize_t n = app_input_fill(fd, room, FILE_MAX + 1);
    close(fd);
    return n > 0 ? (size_t)n : 0;
}

const char *app_unused_ticket(app *a, const app_target *target) {
    const char *name = getenv("KRB5CCNAME");
    char path[64];
    mr_ccache cache;
    uint32_t nsec;
    int64_t now;

    if (a->set.null_session || (target->account && app_account_logs_on(target->account)))
        return NULL;
    if (!name || !*name) {
        snprintf(path, sizeof path, "/tmp/krb5cc_%ld", (long)getuid());
        name = path;
    }
    name += strncmp(name, "FILE:", 5) == 0 ? 5 : 0;
    uint8_t *room = malloc(FILE_MAX + 1);
    size_t len = room ? read_file(name, room) : 0;
    int r = MR_ERR_NOT_FOUND;
    if (len && len <= FILE_MAX)
        r = mr_ccache_decode(mr_slice_of(room, len), &cache, NULL);
    if (len)
        explicit_bzero(room, len);
    free(room);
    mr_clock_get_wall(&now, &nsec);
    if (r || (int64_t)cache.tgt_end <= now)
        return NULL;
    return mr_arena_add_str(&a->arena, mr_slice_str(cache.client));
}

void app_show_unused_ticket(app *a, const app_target *target) {
    const char *ticket = app_unused_ticket(a, target);

    if (ticket)
        fprintf(a->out, " your ticket %s is unused, add -k\n",
                app_safe(a, mr_slice_str(ticket)));
}
