/* msrpc: finds the command, parses its switches, runs it, makes sure that its output arrived. */
#include "identity.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int run_command(const app_command *command, int argc, char **argv) {
    app a = {.command = command};
    int code;

    mr_arena_init(&a.arena, 256 * 1024 * 1024);
    code = command->grammar == APP_GRAMMAR_OWN ? app_parse(&a, argc, argv)
                                               : app_dropin_parse(&a, argc, argv);
    if (!code && command->check)
        code = command->check(&a);
    app_wipe_stack();
    if (!code)
        code = app_output_open(&a);
    if (!code)
        code = app_output_close(&a, command->run(&a));
    app_accounts_wipe(&a); /* workers have copies of their own */
    if (mr_workers_leave(a.workers))
        _exit(code); /* everything is written, and one of them waits still, maybe for ever */
    mr_arena_deinit(&a.arena);
    return code;
}

static int help(int argc, char **argv) {
    if (argc == 0 || !strcmp(argv[0], "help"))
        return app_help_all(stdout);
    const app_command *command = app_find_command(argv[0]);
    if (command)
        return app_help_command(stdout, command);
    if (!strcmp(argv[0], "--completion"))
        return app_help_completion(stdout, argc > 1 ? argv[1] : NULL);
    if (!strcmp(argv[0], "--man")) {
        command = argc > 1 ? app_find_command(argv[1]) : NULL;
        if (argc > 1 && !command)
            return app_refuse(NULL, APP_USAGE, "help --man: no command %s", argv[1]);
        return app_help_man(stdout, command);
    }
    if (app_help_old_tool(stdout, argv[0]) == APP_OK)
        return APP_OK;
    return app_refuse(NULL, APP_USAGE, "help: neither a command nor a tool it replaces: %s",
                      argv[0]);
}

const app_command *app_find_command(const char *name) {
    for (size_t i = 0; i < app_command_count; i++)
        if (!strcmp(app_commands[i]->name, name))
            return app_commands[i];
    return NULL;
}

/* A descriptor of the three that the caller closed would be given to the next socket. It is held
 * instead: input ends at once, output fails when it is written to, errors go nowhere. */
static void hold_standard(void) {
    static const int flags[] = {O_RDONLY, O_RDONLY, O_WRONLY};
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags[fd]) < 0)
            _exit(APP_MISSING);
}

/* @code, unless standard output did not take everything. */
static int finish(int code) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    return app_refuse(NULL, APP_UNWRITABLE, "standard output: not everything could be written");
}

/* Commands of the contract (doc/cli.md) that a later version brings. */
static bool is_later(const char *name) {
    static const char *const later[] = {"pipes", "services", "local", "sweep",
                                        "record", "events"};
    for (size_t i = 0; i < MR_COUNT(later); i++)
        if (!strcmp(later[i], name))
            return true;
    return false;
}

/* Runs @command on the words behind its name. */
static int main_command(const app_command *command, int argc, char **argv) {
    bool help = argc > 0 && (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"));

    if (command->grammar != APP_GRAMMAR_OWN)
        help |= app_dropin_asks_help(argc, argv);
    return help ? finish(app_help_command(stdout, command)) : run_command(command, argc, argv);
}

int main(int argc, char **argv) {
    hold_standard();
    signal(SIGPIPE, SIG_IGN); /* a closed pager is an output error, not a death */
    const app_command *called = argc > 0 ? app_dropin_called(argv[0]) : NULL;
    if (called)
        return main_command(called, argc - 1, argv + 1);
    if (argc < 2)
        return finish(app_help_short(stdout));
    if (!strcmp(argv[1], "--version"))
        return finish(puts("msrpc " MSRPC_VERSION) < 0 ? APP_UNWRITABLE : APP_OK);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        return finish(app_help_all(stdout));
    if (!strcmp(argv[1], "help"))
        return finish(help(argc - 2, argv + 2));

    const app_command *command = app_find_command(argv[1]);
    if (!command)
        return app_refuse(NULL, APP_USAGE, is_later(argv[1])
                          ? "%s is not in this version (msrpc help lists what is)"
                          : "no command %s (msrpc help lists them)",
                          app_may_hold_secret(argv[1]) ? "stands before the target" : argv[1]);
    return main_command(command, argc - 2, argv + 2);
}
