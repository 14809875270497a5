/*
 * Completion for bash, zsh and fish, derived from the rows that the parser reads: commands, their
 * switches, the choices of a switch, interface names and files where a switch wants them.
 */
#include "app.h"

#include <msrpc/ifaces/names.h>

/* What stands behind a switch. */
enum wants { WANTS_NOTHING, WANTS_ANY, WANTS_FILE, WANTS_IFACE, WANTS_CHOICE };

static enum wants wants(const app_option *o) {
    if (o->kind == APP_FLAG || o->kind == APP_COUNTER)
        return WANTS_NOTHING;
    if (o->kind == APP_CHOICE)
        return WANTS_CHOICE;
    if (!strcmp(o->arg, "FILE") || !strcmp(o->arg, "F"))
        return WANTS_FILE;
    /* a choice that its command reads itself */
    if (strchr(o->arg, '|') && strncmp(o->arg, "NAME|", 5))
        return o->arg[0] >= 'a' && o->arg[0] <= 'z' ? WANTS_CHOICE : WANTS_ANY;
    return strcmp(o->name, "interface") ? WANTS_ANY : WANTS_IFACE;
}

/* The tables of switches a command takes, its own first; @index counts from 0. NULL: no more. */
static const app_option *table_at(const app_command *c, size_t index) {
    static const app_option none[] = {{0}};

    if (index == 0)
        return c->options ? c->options : none;
    if (index > app_group_count)
        return NULL;
    return c->groups & app_groups[index - 1].bit ? app_groups[index - 1].options : none;
}

/* Calls @each for every switch of the command. */
static void each_switch(FILE *out, const app_command *c,
                        void (*each)(FILE *out, const app_command *c, const app_option *o)) {
    const app_option *table;

    for (size_t i = 0; (table = table_at(c, i)) != NULL; i++)
        for (const app_option *o = table; o->name; o++)
            each(out, c, o);
}

/* What stands before a switch's name: an old tool's grammar has one dash. */
static const char *dashes(const app_command *c) {
    return c->grammar == APP_GRAMMAR_OWN ? "--" : "-";
}

/* "a|b" as "a b". */
static void choices(FILE *out, const char *arg) {
    for (; *arg; arg++)
        fputc(*arg == '|' ? ' ' : *arg, out);
}

/* The names an interface can be asked for by; COM interfaces live at endpoints of their own. */
#define NOT_BOUND (MR_IFACE_COM | MR_IFACE_TRANSFER | MR_IFACE_TYPES | MR_IFACE_OBJECT)
static void ifaces(FILE *out) {
    size_t count, shown = 0;
    const mr_iface_name *all = mr_name_all(&count);

    for (size_t i = 0; i < count; i++)
        if (mr_name_is_known(&all[i]) && !(all[i].flags & NOT_BOUND) &&
            !strpbrk(mr_name_text(&all[i]), " '\"\\$"))
            fprintf(out, "%s%s", shown++ ? " " : "", mr_name_text(&all[i]));
}

/* Whether the arguments of a command are interfaces, not hosts. */
static bool takes_ifaces(const app_command *c) {
    return strncmp(c->synopsis, "[INTERFACE", 10) == 0;
}

/* ---- bash ---- */

static void bash_words(FILE *out, const app_command *c, const app_option *o) {
    fprintf(out, " %s%s", dashes(c), o->name);
    if (o->letter)
        fprintf(out, " -%c", o->letter);
}

static void bash_value(FILE *out, const app_command *c, const app_option *o) {
    enum wants kind = wants(o);

    if (kind == WANTS_NOTHING)
        return;
    fprintf(out, "    %s:%s%s", c->name, dashes(c), o->name);
    if (o->letter)
        fprintf(out, "|%s:-%c", c->name, o->letter);
    fputs(") ", out);
    if (kind == WANTS_CHOICE) {
        fputs("words='", out);
        choices(out, o->arg);
        fputs("'", out);
    } else if (kind == WANTS_IFACE) {
        fputs("words=$ifaces", out);
    } else if (kind == WANTS_FILE) {
        fputs("compopt -o default; return", out);
    } else {
        fputs("return", out);
    }
    fputs(" ;;\n", out);
}

static void bash(FILE *out) {
    fputs("# bash completion for msrpc\n_msrpc() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local command=${COMP_WORDS[1]} words= commands='help", out);
    for (size_t i = 0; i < app_command_count; i++)
        fprintf(out, " %s", app_commands[i]->name);
    fputs("'\n    local ifaces='", out);
    ifaces(out);
    fputs("'\n    COMPREPLY=()\n"
          "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
          "        COMPREPLY=($(compgen -W \"$commands --help --version\" -- \"$cur\"))\n"
          "        return\n    fi\n"
          "    case $command:$prev in\n", out);
    for (size_t i = 0; i < app_command_count; i++)
        each_switch(out, app_commands[i], bash_value);
    fputs("    *) case $command:$cur in\n", out);
    for (size_t i = 0; i < app_command_count; i++) {
        fprintf(out, "        %s:-*) words='", app_commands[i]->name);
        each_switch(out, app_commands[i], bash_words);
        fputs("' ;;\n", out);
        if (takes_ifaces(app_commands[i]))
            fprintf(out, "        %s:*) words=$ifaces ;;\n", app_commands[i]->name);
    }
    fputs("        help:-*) words='--man --completion' ;;\n"
          "        help:*) words=$commands ;;\n"
          "        *) words=$(compgen -A hostname -- \"$cur\") ;;\n"
          "        esac ;;\n"
          "    esac\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
          "complete -F _msrpc msrpc\n", out);
}

/* ---- zsh ---- */

/* Text inside '...[...]' of _arguments: quotes, brackets and colons are its syntax. */
static void zsh_text(FILE *out, const char *text) {
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr("[]:\\", *text))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static void zsh_value(FILE *out, const app_option *o) {
    enum wants kind = wants(o);

    if (kind == WANTS_NOTHING)
        return;
    fputc(':', out);
    zsh_text(out, kind == WANTS_CHOICE ? o->name : o->arg);
    fputc(':', out);
    if (kind == WANTS_CHOICE) {
        fputc('(', out);
        choices(out, o->arg);
        fputc(')', out);
    } else if (kind == WANTS_IFACE) {
        fputs("($ifaces)", out);
    } else if (kind == WANTS_FILE) {
        fputs("_files", out);
    }
}

static void zsh_switch(FILE *out, const app_command *c, const app_option *o) {
    bool repeats = o->kind == APP_COUNTER || o->kind == APP_LIST;
    /* expanded by the shell where the interfaces' names stand in it */
    const char *quote = wants(o) == WANTS_IFACE ? "'\"" : "'";

    for (int letter = 0; letter < (o->letter ? 2 : 1); letter++) {
        fprintf(out, "            '%s", repeats ? "*" : "");
        if (letter)
            fprintf(out, "-%c", o->letter);
        else
            fprintf(out, "%s%s", dashes(c), o->name);
        fputc('[', out);
        zsh_text(out, o->help);
        fputc(']', out);
        if (wants(o) == WANTS_IFACE) {
            fputs(":interface:('", out);
            fputs("\"$ifaces\"')'", out);
        } else {
            zsh_value(out, o);
            fputs(quote, out);
        }
        fputs(" \\\n", out);
    }
}

static void zsh(FILE *out) {
    fputs("#compdef msrpc\n# zsh completion for msrpc\n_msrpc() {\n"
          "    local -a commands\n    local ifaces='", out);
    ifaces(out);
    fputs("'\n    commands=(\n        'help:say how a command is used'\n", out);
    for (size_t i = 0; i < app_command_count; i++) {
        fprintf(out, "        '%s:", app_commands[i]->name);
        zsh_text(out, app_commands[i]->line);
        fputs("'\n", out);
    }
    fputs("    )\n    if (( CURRENT == 2 )); then\n"
          "        _describe -t commands command commands\n        return\n    fi\n"
          "    local command=$words[2]\n    shift words\n    (( CURRENT-- ))\n"
          "    case $command in\n", out);
    for (size_t i = 0; i < app_command_count; i++) {
        fprintf(out, "    %s)\n        _arguments \\\n", app_commands[i]->name);
        each_switch(out, app_commands[i], zsh_switch);
        if (takes_ifaces(app_commands[i]))
            fputs("            '*:interface:('\"$ifaces\"')' ;;\n", out);
        else
            fputs("            '*: :_hosts' ;;\n", out);
    }
    fputs("    help) _describe -t commands command commands ;;\n    esac\n}\n"
          "if [ \"$funcstack[1]\" = _msrpc ]; then\n    _msrpc \"$@\"\n"
          "else\n    compdef _msrpc msrpc\nfi\n", out);
}

/* ---- fish ---- */

static void fish_text(FILE *out, const char *text) {
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void fish_switch(FILE *out, const app_command *c, const app_option *o) {
    enum wants kind = wants(o);

    fprintf(out, "complete -c msrpc -n '__fish_seen_subcommand_from %s' -%c %s", c->name,
            c->grammar == APP_GRAMMAR_OWN ? 'l' : 'o', o->name);
    if (o->letter)
        fprintf(out, " -s %c", o->letter);
    fputs(" -d ", out);
    fish_text(out, o->help);
    if (kind == WANTS_FILE)
        fputs(" -r -F", out);
    else if (kind != WANTS_NOTHING)
        fputs(" -x", out);
    if (kind == WANTS_CHOICE) {
        fputs(" -a '", out);
        choices(out, o->arg);
        fputc('\'', out);
    } else if (kind == WANTS_IFACE) {
        fputs(" -a \"$__msrpc_ifaces\"", out);
    }
    fputc('\n', out);
}

static void fish(FILE *out) {
    fputs("# fish completion for msrpc\nset -g __msrpc_ifaces '", out);
    ifaces(out);
    fputs("'\ncomplete -c msrpc -f\n"
          "complete -c msrpc -n '__fish_use_subcommand' -l version -d 'say which version this is'\n"
          "complete -c msrpc -n '__fish_use_subcommand' -l help -d 'list the commands'\n"
          "complete -c msrpc -n '__fish_use_subcommand' -a help -d 'say how a command is used'\n",
          out);
    for (size_t i = 0; i < app_command_count; i++) {
        const app_command *c = app_commands[i];
        fprintf(out, "complete -c msrpc -n '__fish_use_subcommand' -a %s -d ", c->name);
        fish_text(out, c->line);
        fprintf(out, "\ncomplete -c msrpc -n '__fish_seen_subcommand_from help' -a %s\n", c->name);
        if (takes_ifaces(c))
            fprintf(out, "complete -c msrpc -n '__fish_seen_subcommand_from %s' "
                    "-a \"$__msrpc_ifaces\"\n", c->name);
        else
            fprintf(out, "complete -c msrpc -n '__fish_seen_subcommand_from %s' "
                    "-a '(__fish_print_hostnames)'\n", c->name);
        each_switch(out, c, fish_switch);
    }
}

int app_help_completion(FILE *out, const char *shell) {
    if (!shell || !strcmp(shell, "bash"))
        bash(out);
    else if (!strcmp(shell, "zsh"))
        zsh(out);
    else if (!strcmp(shell, "fish"))
        fish(out);
    else
        return app_refuse(NULL, APP_USAGE, "help --completion %s: bash, zsh or fish is wanted",
                          shell);
    return APP_OK;
}
