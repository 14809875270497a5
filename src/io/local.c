/*
 * Local sockets: a path in the file system instead of an address (unix(7)). The file of a process
 * that died stays behind and would keep the next one from binding; whoever holds the lock beside it
 * may remove it. The lock's file stays: removing it would let two processes hold it.
 */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

_Static_assert(MR_LOCAL_PATH_MAX < sizeof((struct sockaddr_un){0}.sun_path), "with its NUL");

/* False with errno ENAMETOOLONG or ENOENT. */
static bool name(const char *path, struct sockaddr_un *outp) {
    size_t len = strlen(path);

    errno = len ? ENAMETOOLONG : ENOENT;
    if (!len || len > MR_LOCAL_PATH_MAX)
        return false;
    *outp = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(outp->sun_path, path, len);
    return true;
}

static int close_keeping_errno(int fd) {
    int saved = errno;

    close(fd);
    errno = saved;
    return -1;
}

/* Returns the lock's descriptor, or -1. */
static int take_lock(const char *path) {
    char file[MR_LOCAL_PATH_MAX + sizeof ".lock"];
    size_t len = strlen(path);

    memcpy(file, path, len);
    memcpy(file + len, ".lock", sizeof ".lock");
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        errno = EADDRINUSE;
    return close_keeping_errno(fd);
}

/* Whether @path is nothing yet, or a socket; else errno says why. */
static bool may_listen(const char *path) {
    struct stat st;

    if (lstat(path, &st) != 0)
        return errno == ENOENT;
    errno = EEXIST;
    return S_ISSOCK(st.st_mode);
}

/* Removes a socket's file that nobody listens behind; anything else at @path stays. */
static bool remove_stale(const char *path) {
    return may_listen(path) && (unlink(path) == 0 || errno == ENOENT);
}

int mr_local_listen(const char *path, unsigned mode, int backlog, int *lockp) {
    struct sockaddr_un sa;

    if (!name(path, &sa) || !may_listen(path)) /* no lock beside what is somebody else's */
        return -1;
    int lock = take_lock(path);
    if (lock < 0)
        return -1;
    int fd = remove_stale(path) ? socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
                                : -1;
    if (fd < 0)
        return close_keeping_errno(lock);
    /* until listen nobody can connect, so that the mode is right from the first connection on */
    if (bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0 && chmod(path, (mode_t)mode) == 0 &&
        listen(fd, backlog) == 0) {
        *lockp = lock;
        return fd;
    }
    close_keeping_errno(fd);
    return close_keeping_errno(lock);
}

void mr_local_unlisten(const char *path, int lock) {
    (void)unlink(path);
    close(lock);
}

int mr_local_connect(const char *path) {
    struct sockaddr_un sa;

    if (!name(path, &sa))
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0)
        return fd;
    return close_keeping_errno(fd);
}

mr_credentials mr_local_get_credentials(int fd) {
    struct ucred cred;
    socklen_t len = sizeof cred;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || cred.pid <= 0)
        return (mr_credentials){0};
    return (mr_credentials){.known = true, .trusted = cred.uid == 0 || cred.uid == geteuid(),
                            .pid = cred.pid, .uid = cred.uid, .gid = cred.gid};
}
