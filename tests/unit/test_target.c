/*
 * Targets and switches of the command line: every form of doc/cli.md is understood, every other
 * refused with 64, and no secret stays in argv.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "identity.h"
#include "input.h"

struct own {
    const char *interface;
};
static const app_option own_options[] = {
    {"interface", 'i', APP_TEXT, "NAME", offsetof(struct own, interface), 0, 0, "an interface"},
    {0},
};
static const app_command command = {
    .name = "test",
    .groups = APP_GROUP_ALL,
    .options = own_options,
    .own_size = sizeof(struct own),
};

static void setup(app *a) {
    *a = (app){.command = &command,
               .set = {.auth = APP_CHOICE_NONE, .auth_level = APP_CHOICE_NONE}};
    mr_arena_init(&a->arena, (size_t)256 << 20);
}

static void teardown(app *a) {
    app_accounts_wipe(a);
    mr_arena_deinit(&a->arena);
}

static void same(const char *got, const char *want) {
    if (want)
        assert_string_equal(got ? got : "(none)", want);
    else
        assert_null(got);
}

static void test_forms(void **state) {
    static const struct {
        const char *text, *host;
        uint32_t port;
        const char *user, *domain, *password, *input;
    } rows[] = {
        {"dc01", "dc01", 0, NULL, NULL, NULL, "dc01"},
        {"dc01.corp.example", "dc01.corp.example", 0, NULL, NULL, NULL, "dc01.corp.example"},
        {"dc01.corp.example:1135", "dc01.corp.example", 1135, NULL, NULL, NULL,
         "dc01.corp.example:1135"},
        {"10.0.0.1:65535", "10.0.0.1", 65535, NULL, NULL, NULL, "10.0.0.1:65535"},
        {"[fd00::1]", "fd00::1", 0, NULL, NULL, NULL, "[fd00::1]"},
        {"[fd00::1]:135", "fd00::1", 135, NULL, NULL, NULL, "[fd00::1]:135"},
        {"fd00::1", "fd00::1", 0, NULL, NULL, NULL, "fd00::1"},
        {"::1", "::1", 0, NULL, NULL, NULL, "::1"},
        {"\\\\SERVER", "SERVER", 0, NULL, NULL, NULL, "\\\\SERVER"},
        {"user@dc01", "dc01", 0, "user", NULL, NULL, "dc01"},
        {"user:pass@dc01:135", "dc01", 135, "user", NULL, "pass", "dc01:135"},
        {"CORP/user:pass@dc01", "dc01", 0, "user", "CORP", "pass", "dc01"},
        {"CORP\\user@dc01", "dc01", 0, "user", "CORP", NULL, "dc01"},
        {"CORP/user:p@ss@w@dc01", "dc01", 0, "user", "CORP", "p@ss@w", "dc01"},
        {"user:a:b/c\\d@[fd00::1]:9", "fd00::1", 9, "user", NULL, "a:b/c\\d", "[fd00::1]:9"},
        {"user:@dc01", "dc01", 0, "user", NULL, "", "dc01"},
        {"user@corp.example@dc01", "dc01", 0, "user@corp.example", NULL, NULL, "dc01"},
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        app a;
        app_target t;
        char text[128];
        setup(&a);
        snprintf(text, sizeof text, "%s", rows[i].text);
        assert_int_equal(app_target_read(&a, text, &t), 0);
        same(t.host, rows[i].host);
        assert_int_equal(t.port, rows[i].port);
        same(t.user, rows[i].user);
        same(t.domain, rows[i].domain);
        same(t.password, rows[i].password);
        same(t.input, rows[i].input);
        assert_null(t.binding);
        if (rows[i].password && *rows[i].password) /* it is wiped where it stood */
            assert_null(strstr(text, rows[i].password));
        teardown(&a);
    }
}

static void test_bindings(void **state) {
    static const struct {
        const char *text, *host;
        uint32_t port;
        enum mr_protseq protseq;
        const char *endpoint;
    } rows[] = {
        {"ncacn_ip_tcp:dc01[49664]", "dc01", 49664, MR_PROTSEQ_NCACN_IP_TCP, "49664"},
        {"ncacn_ip_tcp:dc01", "dc01", 0, MR_PROTSEQ_NCACN_IP_TCP, ""},
        {"ncacn_ip_tcp:", "127.0.0.1", 0, MR_PROTSEQ_NCACN_IP_TCP, ""},
        {"ncacn_np:dc01[\\pipe\\svcctl]", "dc01", 0, MR_PROTSEQ_NCACN_NP, "\\pipe\\svcctl"},
        {"ncacn_http:dc01[593]", "dc01", 593, MR_PROTSEQ_NCACN_HTTP, "593"},
        {"12345778-1234-abcd-ef00-0123456789ac@ncacn_ip_tcp:dc01[1]", "dc01", 1,
         MR_PROTSEQ_NCACN_IP_TCP, "1"},
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        app a;
        app_target t;
        char text[128];
        setup(&a);
        snprintf(text, sizeof text, "%s", rows[i].text);
        assert_int_equal(app_target_read(&a, text, &t), 0);
        assert_non_null(t.binding);
        same(t.host, rows[i].host);
        assert_int_equal(t.port, rows[i].port);
        assert_int_equal(t.binding->protseq, rows[i].protseq);
        assert_true(mr_slice_eq(t.binding->endpoint, mr_slice_str(rows[i].endpoint)));
        assert_null(t.user);
        teardown(&a);
    }
}

static void test_bad(void **state) {
    static const char *const bad[] = {
        "", "\\\\", "[]", "[fd00::1", "[fd00::1]x", "[dc01]", "a:b:c", "dc01:", "dc01:0",
        "dc01:65536", "dc01:x", "dc01:-1", "dc 01", "dc01\t", "dc01\x7f", "user@", "@dc01",
        "CORP/@dc01", ":pass@dc01", "CORP/user", "dc01/24", "fd00::/120", "\\\\dc01\\share",
        "ncacn_ip_tcp:dc01[0]", "ncacn_ip_tcp:dc01[65536]", "ncacn_ip_tcp:dc01[x]",
        "ncacn_ip_tcp:dc01[49664",
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(bad); i++) {
        app a;
        app_target t = {.port = 4711};
        char text[128];
        setup(&a);
        snprintf(text, sizeof text, "%s", bad[i]);
        int r = app_target_read(&a, text, &t);
        if (r != APP_USAGE)
            print_message("# %s\n", bad[i]);
        assert_int_equal(r, APP_USAGE);
        assert_int_equal(t.port, 4711); /* untouched on failure */
        teardown(&a);
    }
}

/* ---- many targets ---- */

static int read_all(app *a, const char *const *args, app_target **targetsp, size_t *countp) {
    static char texts[8][128];

    a->args = mr_arena_get(&a->arena, 8, sizeof *a->args);
    for (a->arg_count = 0; args && args[a->arg_count]; a->arg_count++) {
        snprintf(texts[a->arg_count], sizeof texts[0], "%s", args[a->arg_count]);
        a->args[a->arg_count] = texts[a->arg_count];
    }
    return app_targets_read(a, 0, targetsp, countp);
}

static void test_blocks(void **state) {
    static const struct {
        const char *text;
        size_t count;
        const char *first, *last;
    } rows[] = {
        {"10.0.0.7/32", 1, "10.0.0.7", "10.0.0.7"},
        {"10.0.0.7/31", 2, "10.0.0.6", "10.0.0.7"},
        {"10.0.0.7/30", 2, "10.0.0.5", "10.0.0.6"},
        {"10.0.0.0/24", 254, "10.0.0.1", "10.0.0.254"},
        {"255.255.255.255/30", 2, "255.255.255.253", "255.255.255.254"},
        {"10.9.0.0/16", 65534, "10.9.0.1", "10.9.255.254"},
        {"10.0.0.0/15", 0, NULL, NULL},
        {"10.0.0.0/33", 0, NULL, NULL},
        {"10.0.0.256/24", 0, NULL, NULL},
        {"10.0.0.0/24x", 0, NULL, NULL},
        {"10.0.0.0/", 0, NULL, NULL},
        {"10.0.0/24", 0, NULL, NULL},
        {"10.0.0.0/30:1135", 2, "10.0.0.1", "10.0.0.2"},
        {"10.0.0.0/30:x", 0, NULL, NULL},
        {"10.0.0.0/30:", 0, NULL, NULL},
        {"fd00::9/128", 1, "fd00::9", "fd00::9"},
        {"fd00::9/127", 2, "fd00::8", "fd00::9"},
        {"fd00::100/120", 255, "fd00::101", "fd00::1ff"},
        {"fd00::/112", 65535, "fd00::1", "fd00::ffff"},
        {"[fd00::]/126:135", 3, "fd00::1", "fd00::3"},
        {"fd00::/111", 0, NULL, NULL},
        {"fd00::/129", 0, NULL, NULL},
        {"[fd00::/120", 0, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        const char *const args[] = {rows[i].text, NULL};
        app_target *targets;
        size_t count;
        app a;
        setup(&a);
        assert_int_equal(read_all(&a, args, &targets, &count), rows[i].count ? 0 : APP_USAGE);
        if (rows[i].count) {
            assert_int_equal(count, rows[i].count);
            same(targets[0].host, rows[i].first);
            same(targets[count - 1].host, rows[i].last);
            assert_true(targets[0].swept);
            assert_int_equal(a.set.jobs, 64);
        }
        teardown(&a);
    }
    const char *const many[] = {"10.1.0.0/16", "10.2.0.0/16", NULL};
    app_target *targets;
    size_t count;
    app a;
    setup(&a);
    assert_int_equal(read_all(&a, many, &targets, &count), APP_USAGE);
    assert_int_equal(read_all(&a, NULL, &targets, &count), APP_USAGE); /* none at all */
    teardown(&a);
}

static char path[] = "/tmp/msrpc-test-targets-XXXXXX";

static int read_file(app *a, const char *text, size_t len, app_target **targetsp,
                     size_t *countp) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    a->set.targets = path;
    return read_all(a, NULL, targetsp, countp);
}

static void test_file(void **state) {
    static const char text[] = "\xef\xbb\xbf# the domain controllers\n"
                               "dc01\n"
                               "\n"
                               "   dc02:1135 \t # the second\r\n"
                               "\t#dc03\n"
                               "user:pa#ss@dc04\n"
                               "10.0.0.0/30\n"
                               "[fd00::1]"; /* no newline */
    static const char *const hosts[] = {"dc01", "dc02", "dc04", "10.0.0.1", "10.0.0.2", "fd00::1"};
    static char line[4000];
    app_target *targets;
    size_t count;
    app a;

    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    setup(&a);
    assert_int_equal(read_file(&a, text, sizeof text - 1, &targets, &count), 0);
    assert_int_equal(count, MR_COUNT(hosts));
    for (size_t i = 0; i < count; i++)
        same(targets[i].host, hosts[i]);
    assert_int_equal(targets[1].port, 1135);
    same(targets[2].password, ""); /* wiped */
    same(targets[2].account->id.password, "pa#ss");
    assert_int_equal(read_file(&a, "dc01\nbad host\n", 14, &targets, &count), APP_USAGE);
    assert_int_equal(read_file(&a, "# nothing\n", 10, &targets, &count), APP_USAGE);
    memset(line, 'a', sizeof line); /* not cut into several targets */
    assert_int_equal(read_file(&a, line, sizeof line, &targets, &count), APP_USAGE);
    for (size_t len = APP_LINE_MAX - 1; len <= APP_LINE_MAX + 1; len++) {
        int code = read_file(&a, line, len, &targets, &count);
        assert_int_equal(code, len <= APP_LINE_MAX ? 0 : APP_USAGE);
        if (!code)
            assert_int_equal(strlen(targets[0].host), len);
    }
    unlink(path);
    assert_int_equal(read_all(&a, NULL, &targets, &count), APP_UNREADABLE);
    a.set.targets = "/";
    assert_int_equal(read_all(&a, NULL, &targets, &count), APP_UNREADABLE);
    teardown(&a);
}

/* ---- switches ---- */

#define WORDS 12

static int parse(app *a, char words[WORDS][64], const char *const *args) {
    char *argv[WORDS];
    int argc = 0;

    setup(a);
    for (; args[argc]; argc++) {
        snprintf(words[argc], 64, "%s", args[argc]);
        argv[argc] = words[argc];
    }
    return app_parse(a, argc, argv);
}

#define PARSE(a, ...) parse(a, words, (const char *const[]){__VA_ARGS__, NULL})

static void test_switches(void **state) {
    char words[WORDS][64];
    app a;

    (void)state;
    assert_int_equal(PARSE(&a, "dc01", "--timeout", "0.25", "--deadline=2", "-v", "-v", "--json",
                           "--rate", "7", "-4", "--color=never"), 0);
    assert_int_equal(a.arg_count, 1);
    same(a.args[0], "dc01");
    assert_int_equal(a.set.timeout, 250 * MR_MSEC);
    assert_int_equal(a.set.deadline, 2 * MR_SEC);
    assert_int_equal(a.set.verbose, 2);
    assert_int_equal(a.set.rate, 7);
    assert_int_equal(a.set.color, APP_COLOR_NEVER);
    assert_true(a.set.json && a.set.ipv4 && !a.set.ipv6);
    teardown(&a);

    assert_int_equal(PARSE(&a, "--only", "A,B", "--only=C", "--skip", ",D,,E,", "-i", "samr"), 0);
    assert_int_equal(a.set.only.count, 3);
    assert_true(mr_slice_eq(a.set.only.items[2], MR_SLICE_LIT("C")));
    assert_int_equal(a.set.skip.count, 2);
    same(((struct own *)a.own)->interface, "samr");
    teardown(&a);

    assert_int_equal(PARSE(&a, "--", "--json", "-x"), 0); /* no switches behind it */
    assert_int_equal(a.arg_count, 2);
    assert_false(a.set.json);
    teardown(&a);

    assert_int_equal(PARSE(&a, "-2147023174", "-"), 0); /* numbers and - are arguments */
    assert_int_equal(a.arg_count, 2);
    assert_int_equal(a.set.timeout, 3 * MR_SEC); /* defaults of the contract */
    assert_int_equal(a.set.deadline, APP_DEADLINE_DEFAULT);
    assert_int_equal(a.set.jobs, 0);
    assert_int_equal(a.set.retries, APP_RETRIES_DEFAULT);
    assert_int_equal(a.set.fail_on, APP_FAIL_ON_WARNING);
    teardown(&a);
}

/* Secrets are copied and wiped, in every spelling. */
static void test_secrets(void **state) {
    static const char *const rows[][2] = {
        {"-p", "s3cret"},   {"--password", "s3cret"},   {"-H", "s3cret"},
        {"-hashes", "s3cret"}, {"--aes-key", "s3cret"}, {"-U", "CORP\\user%s3cret"},
        {"--password=s3cret", NULL}, {"--hashes=s3cret", NULL},
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        char words[WORDS][64] = {{0}};
        app a;
        assert_int_equal(parse(&a, words, (const char *const[]){rows[i][0], rows[i][1], NULL}), 0);
        const char *got = a.set.password         ? a.set.password
                          : a.set.samba_password ? a.set.samba_password
                          : a.set.hashes         ? a.set.hashes
                                                 : a.set.aes_key;
        same(got, "s3cret");
        for (int k = 0; k < WORDS; k++)
            assert_null(strstr(words[k], "s3cret"));
        if (!strcmp(rows[i][0], "-U"))
            same(a.set.user, "CORP\\user");
        teardown(&a);
    }
    char words[WORDS][64];
    app a;
    assert_int_equal(PARSE(&a, "-U%", "x"), APP_USAGE); /* Samba's, but bundled */
    teardown(&a);
    assert_int_equal(PARSE(&a, "-U", "%", "-no-pass", "-target-ip", "10.0.0.1", "-k"), 0);
    assert_true(a.set.null_session && a.set.no_pass && a.set.kerberos);
    same(a.set.target_ip, "10.0.0.1");
    teardown(&a);
}

static void test_bad_switches(void **state) {
    static const char *const rows[][2] = {
        {"--nonsense", NULL},  {"--", NULL},        {"-z", NULL},          {"-vv", NULL},
        {"--time", "3"},       {"--timeout", NULL}, {"--timeout", ""},     {"--timeout", "x"},
        {"--timeout", "1.2345"}, {"--timeout", "1."}, {"--timeout", "."},  {"--timeout", "-1"},
        {"--timeout", "1000001"}, {"--rate", "0"},  {"--rate", "1000001"}, {"--rate", "1x"},
        {"--retries", "21"},   {"--jobs", "0"},     {"--source-port", "0"},
        {"--source-port", "65536"}, {"--color", "blue"}, {"--color", "alwa"}, {"--json=1", NULL},
        {"--fail-on", ""},     {"-U", NULL},        {"-4", "-6"},          {"--=", NULL},
    };

    (void)state;
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        char words[WORDS][64];
        app a;
        int r = parse(&a, words, (const char *const[]){rows[i][0], rows[i][1], NULL});
        if (!strcmp(rows[i][0], "--"))
            assert_int_equal(r, 0);
        else if (r != APP_USAGE)
            fail_msg("%s %s: %d", rows[i][0], rows[i][1] ? rows[i][1] : "", r);
        teardown(&a);
    }
    char list[APP_LIST_MAX * 2 + 2]; /* one item too many */
    for (size_t i = 0; i < sizeof list; i++)
        list[i] = i % 2 ? ',' : 'a';
    list[sizeof list - 1] = '\0';
    char word[] = "--only", *argv[] = {word, list};
    app a;
    setup(&a);
    assert_int_equal(app_parse(&a, 2, argv), APP_USAGE);
    teardown(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),    cmocka_unit_test(test_bindings),
        cmocka_unit_test(test_bad),      cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_file),     cmocka_unit_test(test_switches),
        cmocka_unit_test(test_secrets),  cmocka_unit_test(test_bad_switches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
