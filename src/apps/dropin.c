/*
 * The grammar of old tools, for the commands that stand in for them: every switch is one word,
 * -name or /name, its value the next word. What is parsed and what help shows is the command's own
 * table of switches, as elsewhere; the common switches do not exist here. The program called by an
 * old tool's name, "portqry" or "C:\\tools\\PortQry.exe", is that tool.
 */
#include "identity.h"

static const app_option *find_switch(const app_command *command, const char *word) {
    bool any_case = command->grammar == APP_GRAMMAR_ANY_CASE;

    if (word[0] != '-' && word[0] != '/')
        return NULL;
    for (const app_option *o = command->options; o->name; o++)
        if (any_case ? mr_str_eq_nocase(o->name, word + 1) : !strcmp(o->name, word + 1))
            return o;
    return NULL;
}

static int parse_word(app *a, int argc, char **argv, int *ip) {
    char *word = argv[*ip], *value = NULL;
    const char *tool = a->command->name;
    const app_option *o = find_switch(a->command, word);

    if (!o && word[0] == '-' && word[1] == '-')
        return app_refuse(a, APP_USAGE, "unknown switch %s: %s has its old switches only (%s -?), "
                          "msrpc %s has more", word, tool, tool,
                          strcmp(tool, "rpcping") ? "port" : "ping");
    if (!o && (word[0] == '-' || word[0] == '/'))
        return app_refuse(a, APP_USAGE, "unknown switch %s (%s -? lists them)", word, tool);
    if (!o)
        return app_refuse(a, APP_USAGE, "%s: no switch stands before it (%s -? lists them)", word,
                          tool);
    if (o->kind != APP_FLAG && o->kind != APP_COUNTER) {
        if (*ip + 1 == argc || find_switch(a->command, argv[*ip + 1]))
            return app_refuse(a, APP_USAGE, "%s: a value is wanted: %s", word, o->arg);
        value = argv[++*ip];
    }
    return app_option_set(a, o, a->own, word, value);
}

int app_dropin_parse(app *a, int argc, char **argv) {
    a->set.timeout = APP_TIMEOUT_DEFAULT;
    a->set.auth = a->set.auth_level = APP_CHOICE_NONE;
    a->set.max_logons = 1;
    a->set.deadline = 365 * 24 * 3600 * MR_SEC; /* the old tools know none */
    a->set.retries = APP_RETRIES_DEFAULT;
    a->set.jobs = 1;
    a->set.color = APP_COLOR_NEVER;
    a->own = mr_arena_get(&a->arena, 1, a->command->own_size);
    a->args = mr_arena_get(&a->arena, (size_t)argc + 1, sizeof *a->args);
    if (!a->own || !a->args)
        return app_refuse(a, APP_BUG, "out of memory");
    for (int i = 0; i < argc; i++) {
        int first = i, code = parse_word(a, argc, argv, &i);
        if (code)
            return code;
        /* all words as they were typed, for a log; a secret has been wiped */
        for (; first <= i; first++)
            a->args[a->arg_count++] = *argv[first] ? argv[first] : "********";
    }
    return 0;
}

bool app_dropin_asks_help(int argc, char **argv) {
    static const char *const words[] = {"-?", "/?", "-h", "/h", "-help", "/help", "--help"};

    for (size_t i = 0; argc == 1 && i < MR_COUNT(words); i++)
        if (mr_str_eq_nocase(argv[0], words[i]))
            return true;
    return false;
}

const app_command *app_dropin_called(const char *path) {
    const char *name = path;

    for (const char *p = path; *p; p++)
        if (*p == '/' || *p == '\\')
            name = p + 1;
    mr_slice called = mr_slice_str(name);
    if (called.len > 4 && mr_str_eq_nocase(name + called.len - 4, ".exe"))
        called.len -= 4;
    for (size_t i = 0; i < app_command_count; i++)
        if (app_commands[i]->grammar != APP_GRAMMAR_OWN &&
            mr_slice_eq_nocase(called, mr_slice_str(app_commands[i]->name)))
            return app_commands[i];
    return NULL;
}
