/*
 * Accounts of the command line: every way to say who asks gives the identity that was meant, what
 * contradicts itself is refused, no secret stays in argv, and a refused account is not tried again.
 */
#include <errno.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "identity.h"

#define WORDS 12
#define LENGTH 200
#define HASH "8846f7eaee8fb117ad06bdd830b7586c"
#define SECRET "Sec.ret1"

static const app_command command = {.name = "test", .groups = APP_GROUP_ALL, .own_size = 1};

struct run {
    app a;
    char words[WORDS][LENGTH];
    app_target *targets;
    size_t count;
};

static int read_words(struct run *run, const char *const *args) {
    char *argv[WORDS];
    int argc = 0;

    *run = (struct run){.a = {.command = &command}};
    mr_arena_init(&run->a.arena, (size_t)1 << 24);
    for (; args[argc]; argc++) {
        assert_true(argc < WORDS);
        snprintf(run->words[argc], LENGTH, "%s", args[argc]);
        argv[argc] = run->words[argc];
    }
    int code = app_parse(&run->a, argc, argv);
    return code ? code : app_targets_read(&run->a, 0, &run->targets, &run->count);
}

static void end(struct run *run) {
    app_accounts_wipe(&run->a);
    mr_arena_deinit(&run->a.arena);
}

#define READ(run, ...) read_words(run, (const char *const[]){__VA_ARGS__, NULL})
#define READ_ALL(run, args) read_words(run, args)

/* ---- what is understood ---- */

static char file[] = "/tmp/msrpc-test-accounts-XXXXXX";

static void put(const char *text, size_t len) {
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static int make_file(void **state) {
    (void)state;
    int fd = mkstemp(file);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
    (void)state;
    return unlink(file);
}

struct form {
    const char *args[WORDS];
    enum app_who who;
    const char *name, *user, *domain, *password;
    enum mr_logon_mechanism mechanism;
    uint8_t level;
};

static const struct form forms[] = {
    {{"h"}, APP_WHO_NOBODY, "anonymous", "", "", NULL, MR_LOGON_NEGOTIATE, 1},
    {{"-N", "h"}, APP_WHO_NOBODY, "anonymous", "", "", NULL, MR_LOGON_NEGOTIATE, 1},
    {{"-U", "%", "h"}, APP_WHO_NOBODY, "anonymous", "", "", NULL, MR_LOGON_NEGOTIATE, 1},
    {{"--auth-level", "none", "h"}, APP_WHO_NOBODY, "anonymous", "", "", NULL,
     MR_LOGON_NEGOTIATE, 1},
    {{"-N", "--auth", "ntlm", "h"}, APP_WHO_ANONYMOUS, "anonymous", "", "", NULL, MR_LOGON_NTLM,
     6},
    {{"--auth-level", "connect", "h"}, APP_WHO_ANONYMOUS, "anonymous", "", "", NULL,
     MR_LOGON_NTLM, 2},
    {{"--guest", "h"}, APP_WHO_GUEST, "guest", "Guest", "", "", MR_LOGON_NTLM, 6},
    {{"-u", "LAB\\alice", "-p", SECRET, "h"}, APP_WHO_USER, "LAB\\alice", "alice", "LAB", SECRET,
     MR_LOGON_NEGOTIATE, 6},
    {{"-u", "LAB/alice", "--password=" SECRET, "h"}, APP_WHO_USER, "LAB\\alice", "alice", "LAB",
     SECRET, MR_LOGON_NEGOTIATE, 6},
    {{"-u", "alice@lab.test", "-p", "", "h"}, APP_WHO_USER, "alice@lab.test", "alice", "lab.test",
     "", MR_LOGON_NEGOTIATE, 6},
    {{"-u", "alice", "-d", "LAB", "-p", SECRET, "h"}, APP_WHO_USER, "LAB\\alice", "alice", "LAB",
     SECRET, MR_LOGON_NEGOTIATE, 6},
    {{"-U", "LAB\\alice%" SECRET, "h"}, APP_WHO_USER, "LAB\\alice", "alice", "LAB", SECRET,
     MR_LOGON_NEGOTIATE, 6},
    {{"LAB/alice:" SECRET "@h"}, APP_WHO_USER, "LAB\\alice", "alice", "LAB", SECRET,
     MR_LOGON_NEGOTIATE, 6},
    {{"alice:a@b@h", "-d", "LAB"}, APP_WHO_USER, "LAB\\alice", "alice", "LAB", "a@b",
     MR_LOGON_NEGOTIATE, 6},
    {{"LAB/alice@h", "-p", SECRET}, APP_WHO_USER, "LAB\\alice", "alice", "LAB", SECRET,
     MR_LOGON_NEGOTIATE, 6},
    {{"LAB/alice:" SECRET "@h", "-k"}, APP_WHO_USER, "LAB\\alice", "alice", "LAB", SECRET,
     MR_LOGON_KERBEROS, 6},
    {{"-u", "a", "-p", SECRET, "--auth", "ntlm", "--auth-level", "pkt", "h"}, APP_WHO_USER, "a",
     "a", "", SECRET, MR_LOGON_NTLM, 4},
    {{"-u", "a", "-hashes", ":" HASH, "-no-pass", "h"}, APP_WHO_USER, "a", "a", "", NULL,
     MR_LOGON_NEGOTIATE, 6},
    {{"-u", "a", "--password-file", file, "h"}, APP_WHO_USER, "a", "a", "", SECRET,
     MR_LOGON_NEGOTIATE, 6},
    {{"-u", "a", "--aes-key", HASH, "-k", "h"}, APP_WHO_USER, "a", "a", "", NULL,
     MR_LOGON_KERBEROS, 6},
    {{"-k", "h"}, APP_WHO_TICKET, "the ticket at hand", "", "", NULL, MR_LOGON_KERBEROS, 6},
    {{"-k", "-no-pass", "LAB/alice@h"}, APP_WHO_TICKET, "LAB\\alice", "", "LAB", NULL,
     MR_LOGON_KERBEROS, 6},
    {{"-k", "--auth", "negotiate", "h"}, APP_WHO_TICKET, "the ticket at hand", "", "", NULL,
     MR_LOGON_NEGOTIATE, 6},
};

static void test_forms(void **state) {
    struct run run;

    (void)state;
    put(SECRET "\r\nother\n", strlen(SECRET) + 8);
    for (size_t i = 0; i < MR_COUNT(forms); i++) {
        const struct form *f = &forms[i];
        if (READ_ALL(&run, f->args) != 0)
            fail_msg("%s ... is refused", f->args[0]);
        const app_account *account = run.targets[0].account;
        assert_int_equal(account->who, f->who);
        assert_string_equal(account->name, f->name);
        assert_string_equal(account->id.user, f->user);
        assert_string_equal(account->id.domain, f->domain);
        assert_int_equal(account->id.has_password, f->password != NULL);
        assert_string_equal(account->id.password, f->password ? f->password : "");
        assert_int_equal(account->mechanism, f->mechanism);
        assert_int_equal(account->level, f->level);
        assert_int_equal(app_account_logs_on(account), f->who != APP_WHO_NOBODY);
        for (size_t w = 0; w < WORDS; w++) /* of argv nothing is left of it */
            assert_null(memmem(run.words[w], LENGTH, SECRET, strlen(SECRET)));
        end(&run);
    }
}

static void test_files(void **state) {
    struct run run;

    (void)state;
    put("\x05\x02", 2);
    assert_int_equal(READ(&run, "-u", "a", "--keytab", file, "h"), 0);
    assert_memory_equal(run.targets[0].account->id.keytab, "FILE:/tmp/", 10);
    end(&run);
    put("\x05\x04", 2);
    assert_int_equal(READ(&run, "--ccache", file, "h"), 0);
    assert_int_equal(run.targets[0].account->who, APP_WHO_TICKET);
    assert_memory_equal(run.targets[0].account->id.ccache, "FILE:/tmp/", 10);
    end(&run);
    assert_int_equal(READ(&run, "--ccache", "KEYRING:session:none", "h"), 0);
    assert_string_equal(run.targets[0].account->id.ccache, "KEYRING:session:none");
    end(&run);
    assert_int_equal(READ(&run, "-u", "a", "--keytab", file, "h"), APP_UNREADABLE); /* no table */
    end(&run);
    put("", 0);
    assert_int_equal(READ(&run, "-u", "a", "--password-file", file, "h"), APP_UNREADABLE);
    end(&run);
    assert_int_equal(READ(&run, "-u", "a", "--password-file", "/nowhere", "h"), APP_UNREADABLE);
    end(&run);
    assert_int_equal(READ(&run, "-u", "a", "--keytab", "/", "h"), APP_UNREADABLE);
    end(&run);
    assert_int_equal(READ(&run, "--ccache", "FILE:/nowhere", "h"), APP_UNREADABLE);
    end(&run);
}

/* A secret is the first line of a file, of at most 1022 octets. */
static void test_longest_secret(void **state) {
    static char text[1100];
    struct run run;

    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t len = 1021; len < 1025; len++)
        for (int end_of_line = 0; end_of_line < 2; end_of_line++) {
            if (end_of_line)
                text[len] = '\n';
            put(text, len + (size_t)end_of_line);
            text[len] = 'x';
            int code = READ(&run, "-u", "a", "--password-file", file, "h");
            assert_int_equal(code, len <= 1022 ? 0 : APP_UNREADABLE);
            if (!code)
                assert_int_equal(strlen(run.targets[0].account->id.password), len);
            end(&run);
        }
}

/* ---- what is not ---- */

static const char *const contradictions[][WORDS] = {
    {"-u", "a", "-p", "x", "-H", HASH, "h"},
    {"-u", "a", "-p", "x", "--password-file", "f", "h"},
    {"-u", "a", "--aes-key", HASH, "--keytab", "f", "h"},
    {"a:x@h", "-p", "y"},
    {"-N", "-u", "a", "h"},
    {"-N", "-p", "x", "h"},
    {"-N", "-k", "h"},
    {"-N", "--guest", "h"},
    {"-N", "--no-null", "h"},
    {"-N", "a:x@h"},
    {"--no-null", "--auth-level", "connect", "h"},
    {"--guest", "-k", "h"},
    {"--guest", "-u", "a", "h"},
    {"--guest", "--auth", "kerberos", "h"},
    {"-k", "--auth", "ntlm", "h"},
    {"-u", "a", "--aes-key", HASH, "--auth", "ntlm", "h"},
    {"-u", "a", "-p", "x", "--auth-level", "none", "h"},
    {"-u", "a", "-p", "x", "b@h"},
    {"-u", "LAB\\a", "-d", "OTHER", "-p", "x", "h"},
    {"LAB/a:x@h", "-d", "OTHER"},
    {"-p", "x", "h"},                 /* whose? */
    {"-H", HASH, "h"},
    {"-u", "a", "-H", "abc", "h"},
    {"-u", "a", "--aes-key", "0011", "h"},
    {"-u", "LAB\\", "-p", "x", "h"},
    {"-u", "a", "-no-pass", "h"},     /* nothing proves it */
    {"-u", "a", "-p", "x", "--dc-ip", "dc", "h"},
    {"-u", "a", "-pSec.ret1", "h"},
    {"--max-logons", "0", "h"},
};

static void test_contradictions(void **state) {
    struct run run;

    (void)state;
    for (size_t i = 0; i < MR_COUNT(contradictions); i++) {
        int code = READ_ALL(&run, contradictions[i]);
        if (code != APP_USAGE)
            fail_msg("%s %s ...: %d", contradictions[i][0], contradictions[i][1], code);
        end(&run);
    }
}

/* ---- an account is one, wherever it is used ---- */

static void test_sharing(void **state) {
    struct run run;

    (void)state;
    assert_int_equal(READ(&run, "a:x@h1", "h2", "a:x@h3", "a:y@h4", "A:z@h5", "b:x@h6"), 0);
    const app_target *t = run.targets;
    assert_ptr_equal(t[0].account, t[2].account);
    assert_ptr_not_equal(t[0].account, t[3].account); /* another password of the same user */
    assert_ptr_equal(t[0].account->tries, t[3].account->tries);
    assert_ptr_equal(t[0].account->tries, t[4].account->tries);
    assert_ptr_not_equal(t[0].account->tries, t[5].account->tries);
    assert_false(app_account_logs_on(t[1].account));
    end(&run);
}

static void test_turns(void **state) {
    struct run run;

    (void)state;
    assert_int_equal(READ(&run, "-u", "a", "-p", "x", "h"), 0);
    app_account *account = run.targets[0].account;
    assert_int_equal(app_account_begin(account), APP_TURN_YES);
    assert_int_equal(app_account_begin(account), APP_TURN_WAIT);
    app_account_end(account, APP_VERDICT_NONE); /* the host was not reached */
    assert_int_equal(app_account_begin(account), APP_TURN_YES);
    app_account_end(account, APP_VERDICT_GOOD);
    assert_true(app_account_is_good(account));
    assert_int_equal(app_account_begin(account), APP_TURN_YES);
    assert_int_equal(app_account_begin(account), APP_TURN_YES);
    app_account_end(account, APP_VERDICT_REFUSED);
    app_account_end(account, APP_VERDICT_NONE);
    assert_true(app_account_is_refused(account));
    assert_int_equal(app_account_begin(account), APP_TURN_NEVER);
    end(&run);
    assert_int_equal(READ(&run, "-u", "a", "-p", "x", "--max-logons", "2", "h"), 0);
    account = run.targets[0].account;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(app_account_begin(account), APP_TURN_YES);
        app_account_end(account, APP_VERDICT_REFUSED);
    }
    assert_int_equal(app_account_begin(account), APP_TURN_NEVER);
    end(&run);
}

static void test_options(void **state) {
    struct run run;

    (void)state;
    assert_int_equal(READ(&run, "-u", "a@lab.test", "-p", "x", "-dc-ip", "10.0.0.1", "--realm",
                          "R.TEST", "--dns-server", "10.0.0.2", "h.lab.test:49152"), 0);
    mr_logon_options o = app_logon_options(&run.a, &run.targets[0], 0);
    assert_ptr_equal(o.identity, &run.targets[0].account->id);
    assert_int_equal(o.level, MR_AUTH_LEVEL_PRIVACY);
    assert_string_equal(o.host, "h.lab.test");
    assert_string_equal(o.realm, "R.TEST");
    assert_int_equal(o.kdc_count, 1);
    assert_int_equal(o.dns_server.port, 53);
    o = app_logon_options(&run.a, &run.targets[0], MR_AUTH_LEVEL_CONNECT);
    assert_int_equal(o.level, MR_AUTH_LEVEL_CONNECT);
    end(&run);
}

/* ---- the terminal ---- */

/* A terminal that refuses to be quiet: the C library's function is not linked. */
int tcsetattr(int fd, int when, const struct termios *wish) {
    (void)fd;
    (void)when;
    (void)wish;
    errno = EIO;
    return -1;
}

static void on_hangup(int number) {
    (void)number;
}

/* 0: the question failed, and signals are as they were. */
static int ask_in_vain(void) {
    app a = {.command = &command};
    struct sigaction before = {.sa_handler = on_hangup}, after;
    sigset_t mask, left;
    char *secret = NULL;

    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    mr_arena_init(&a.arena, (size_t)1 << 20);
    if (sigprocmask(SIG_SETMASK, &mask, NULL) != 0 || sigaction(SIGHUP, &before, NULL) != 0)
        return 2;
    int code = app_ask_secret(&a, "Password: ", &secret);
    mr_arena_deinit(&a.arena);
    if (code != APP_MISSING || secret)
        return 3;
    sigprocmask(SIG_SETMASK, NULL, &left);
    for (int number = 1; number < 32; number++)
        if (sigismember(&left, number) != (number == SIGUSR1))
            return 4;
    sigaction(SIGHUP, NULL, &after);
    if (after.sa_handler != on_hangup)
        return 5;
    sigaction(SIGINT, NULL, &after);
    return after.sa_handler == SIG_DFL ? 0 : 6;
}

static void test_terminal(void **state) {
    int terminal, status;
    char said[256];
    size_t n = 0;
    ssize_t got;
    pid_t pid = forkpty(&terminal, NULL, NULL, NULL);

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(ask_in_vain());
    while (n < sizeof said - 1 && (got = read(terminal, said + n, sizeof said - 1 - n)) > 0)
        n += (size_t)got; /* what the child says why, in pieces, until it ends */
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(terminal);
    assert_true(n > 0);
    said[n] = '\0';
    assert_non_null(strstr(said, "the terminal cannot be asked"));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),          cmocka_unit_test(test_files),
        cmocka_unit_test(test_contradictions), cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_turns),          cmocka_unit_test(test_options),
        cmocka_unit_test(test_longest_secret), cmocka_unit_test(test_terminal),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
