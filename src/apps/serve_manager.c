/*
 * What a service manager hands over and is told: sockets that listen already (sd_listen_fds(3)) and
 * how the service stands (sd_notify(3)). Both are a few environment variables.
 */
#include "serve.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3

static uint64_t number_of(const char *name) {
    const char *text = getenv(name);
    uint64_t value = 0;

    return text && mr_slice_get_number(mr_slice_str(text), INT32_MAX, &value) == 0 ? value : 0;
}

/* The path of a local socket; NULL for another one. */
static const char *path_of(mr_arena *arena, int fd) {
    struct sockaddr_un sa = {0};
    socklen_t len = sizeof sa;

    if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0 || sa.sun_family != AF_UNIX)
        return NULL;
    size_t room = len > offsetof(struct sockaddr_un, sun_path)
                      ? len - offsetof(struct sockaddr_un, sun_path) : 0;
    return mr_arena_add_str(arena, mr_slice_of(sa.sun_path, strnlen(sa.sun_path, room)));
}

size_t serve_manager_take(mr_arena *arena, struct serve_passed passed[SERVE_PASSED_MAX]) {
    uint64_t count = number_of("LISTEN_PID") == (uint64_t)getpid() ? number_of("LISTEN_FDS") : 0;
    const char *names = getenv("LISTEN_FDNAMES");

    if (count > SERVE_PASSED_MAX)
        count = SERVE_PASSED_MAX;
    for (uint64_t i = 0; i < count; i++) {
        size_t len = names ? strcspn(names, ":") : 0;
        const char *name = mr_arena_add_str(arena, mr_slice_of(names ? names : "", len));
        int fd = FIRST_FD + (int)i;
        passed[i] = (struct serve_passed){fd, name ? name : "", path_of(arena, fd)};
        if (names)
            names += len + (names[len] == ':');
    }
    return count;
}

void serve_manager_tell(const char *what) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;

    if (len < 2 || len >= sizeof sa.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(sa.sun_path, path, len);
    if (path[0] == '@')
        sa.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, what, strlen(what), MSG_NOSIGNAL, (struct sockaddr *)&sa,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}
