/*
 * Giving root up: what is left is nobody or the user who called sudo, and there is no way back. A
 * child does it, so that the test stays who it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <msrpc/capture/live.h>

#define NOBODY 65534

/* The step at which something of root is left; 0: nothing is. */
static int dropped(uid_t uid, gid_t gid) {
    uid_t ids[3];
    gid_t groups[3];
    gid_t other[1];

    if (mr_capture_drop_root(NULL) != 0)
        return 1;
    if (getresuid(&ids[0], &ids[1], &ids[2]) != 0 || ids[0] != uid || ids[1] != uid ||
        ids[2] != uid)
        return 2;
    if (getresgid(&groups[0], &groups[1], &groups[2]) != 0 || groups[0] != gid ||
        groups[1] != gid || groups[2] != gid)
        return 3;
    if (getgroups(0, NULL) > 1 || (getgroups(1, other) == 1 && other[0] != gid))
        return 4;
    if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0)
        return 5;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 6;
    return mr_capture_drop_root(NULL) == 0 ? 0 : 7; /* a second time is nothing new */
}

static int child_step(uid_t uid, gid_t gid) {
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(dropped(uid, gid));
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_drop_root(void **state) {
    (void)state;
    if (geteuid() != 0) { /* nothing to give up, and nothing happens */
        assert_int_equal(mr_capture_drop_root(NULL), 0);
        return;
    }
    unsetenv("SUDO_UID");
    unsetenv("SUDO_GID");
    assert_int_equal(child_step(NOBODY, NOBODY), 0);
    setenv("SUDO_UID", "4711", 1);
    setenv("SUDO_GID", "4712", 1);
    assert_int_equal(child_step(4711, 4712), 0);
    setenv("SUDO_UID", "0", 1); /* sudo called by root is no reason to stay root */
    setenv("SUDO_GID", "0", 1);
    assert_int_equal(child_step(NOBODY, NOBODY), 0);
    setenv("SUDO_UID", "-1", 1);
    setenv("SUDO_GID", "12monkeys", 1);
    assert_int_equal(child_step(NOBODY, NOBODY), 0);
    assert_int_equal(geteuid(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_drop_root)};

    return cmocka_run_group_tests_name("capture_live", tests, NULL, NULL);
}
