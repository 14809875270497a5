/*
 * Completion for bash, zsh and fish, derived from the rows that the parser reads: commands, their
 * switches, the choices of a switch, and where a switch or an argument wants them files, hosts and
 * the words of tables: interfaces, checks, findings. The drop-ins are completed under their own
 * names too.
 */
#include "app.h"

#include <msrpc/diag.h>
#include <msrpc/diag/rule.h>
#include <msrpc/ifaces/names.h>
#include <msrpc/probe.h>
#include <msrpc/probe/locator.h>
#include <msrpc/wire/dns.h>
#include <msrpc/wire/nbt.h>

/* ---- words that exist as data ---- */

/* The names an interface can be asked for by; COM interfaces live at endpoints of their own. */
#define NOT_BOUND (MR_IFACE_COM | MR_IFACE_TRANSFER | MR_IFACE_TYPES | MR_IFACE_OBJECT)
static void ifaces(FILE *out) {
    size_t count;
    const mr_iface_name *all = mr_name_all(&count);

    for (size_t i = 0; i < count; i++)
        if (mr_name_is_known(&all[i]) && !(all[i].flags & NOT_BOUND) &&
            !strpbrk(mr_name_text(&all[i]), " '\"\\$"))
            fprintf(out, " %s", mr_name_text(&all[i]));
}

static void checks(FILE *out) {
    const mr_probe_check *check;

    for (size_t i = 0; (check = mr_probe_check_at(i)) != NULL; i++)
        fprintf(out, " %s", mr_probe_check_id(check));
}

static void findings(FILE *out) {
    const mr_rule *rule;

    for (size_t i = 0; (rule = mr_rule_get(i)) != NULL; i++)
        fprintf(out, " %s", mr_text_get(rule->id));
}

static void locator_flags(FILE *out) {
    const char *word;
    uint32_t want;

    for (size_t i = 0; (word = mr_locator_want_get(i, &want)) != NULL; i++)
        fprintf(out, " %s", word);
}

static void record_types(FILE *out) {
    char unnamed[16];

    for (uint16_t type = 1; type <= MR_DNS_ANY; type++) {
        const char *name = mr_dns_type_name(type, unnamed);
        if (name != unnamed && type != MR_DNS_OPT)
            fprintf(out, " %s", name);
    }
}

static void suffixes(FILE *out) {
    const char *word;
    uint8_t octet;

    for (size_t i = 0; (word = mr_nbt_suffix_word(i, &octet)) != NULL; i++)
        fprintf(out, " %s", word);
}

/* Stands once in a script, as a variable of that name; host names are the shell's own affair. */
static const struct source {
    const char *name;
    void (*write)(FILE *out);
} sources[] = {
    {"ifaces", ifaces},      {"checks", checks},     {"findings", findings},
    {"flags", locator_flags}, {"types", record_types}, {"suffixes", suffixes},
};

/* What stands behind a switch. */
enum wants { WANTS_NOTHING, WANTS_ANY, WANTS_FILE, WANTS_HOST, WANTS_WORDS, WANTS_CHOICE };

/* The switches whose values are such words. */
static const struct {
    const char *option, *source; /* no source: a host */
} valued[] = {
    {"interface", "ifaces"}, {"skip", "checks"},     {"only", "checks"}, {"flags", "flags"},
    {"type", "types"},       {"suffix", "suffixes"}, {"of", NULL},       {"dc", NULL},
    {"n", NULL},             {"s", NULL},
};

/* @sourcep: of WANTS_WORDS, the variable that has them. */
static enum wants wants(const app_option *o, const char **sourcep) {
    if (o->kind == APP_FLAG || o->kind == APP_COUNTER)
        return WANTS_NOTHING;
    if (o->kind == APP_CHOICE)
        return WANTS_CHOICE;
    for (size_t i = 0; i < MR_COUNT(valued); i++)
        if (!strcmp(valued[i].option, o->name)) {
            *sourcep = valued[i].source;
            return *sourcep ? WANTS_WORDS : WANTS_HOST;
        }
    if (!strcmp(o->arg, "FILE") || !strcmp(o->arg, "F"))
        return WANTS_FILE;
    /* a choice that its command reads itself */
    if (strchr(o->arg, '|') && o->arg[0] >= 'a' && o->arg[0] <= 'z')
        return WANTS_CHOICE;
    return WANTS_ANY;
}

/* What stands where no switch does. */
enum takes { TAKES_NOTHING, TAKES_HOSTS, TAKES_IFACES, TAKES_MEANINGS };

static enum takes takes(const app_command *c) {
    static const struct {
        const char *begin;
        enum takes takes;
    } rows[] = {{"[INTERFACE", TAKES_IFACES}, {"CODE|", TAKES_MEANINGS}, {"TARGET", TAKES_HOSTS},
                {"NAME", TAKES_HOSTS}};

    for (size_t i = 0; i < MR_COUNT(rows); i++)
        if (!strncmp(c->synopsis, rows[i].begin, strlen(rows[i].begin)))
            return rows[i].takes;
    return TAKES_NOTHING;
}

/* "portqry|rpcping": the names the program can be called by, with @between between them. */
static void dropins(FILE *out, const char *between) {
    bool first = true;

    for (size_t i = 0; i < app_command_count; i++)
        if (app_commands[i]->grammar != APP_GRAMMAR_OWN) {
            fprintf(out, "%s%s", first ? "" : between, app_commands[i]->name);
            first = false;
        }
}

/* ---- what the shells share ---- */

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
            if (app_offers(c, o))
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

/* ---- bash ---- */

static void bash_words(FILE *out, const app_command *c, const app_option *o) {
    fprintf(out, " %s%s", dashes(c), o->name);
    if (o->letter)
        fprintf(out, " -%c", o->letter);
}

#define BASH_HOSTS "words=$(compgen -A hostname -- \"$cur\")"

static void bash_value(FILE *out, const app_command *c, const app_option *o) {
    const char *source = NULL;
    enum wants kind = wants(o, &source);

    if (kind == WANTS_NOTHING)
        return;
    fprintf(out, "    %s:%s%s", c->name, dashes(c), o->name);
    if (o->letter)
        fprintf(out, "|%s:-%c", c->name, o->letter);
    fputs(") ", out);
    switch (kind) {
    case WANTS_CHOICE:
        fputs("words='", out);
        choices(out, o->arg);
        fputs("'", out);
        break;
    case WANTS_WORDS: fprintf(out, "words=$%s", source); break;
    case WANTS_HOST: fputs(BASH_HOSTS, out); break;
    case WANTS_FILE: fputs("compopt -o default; return", out); break;
    case WANTS_ANY:
    case WANTS_NOTHING: fputs("return", out); break;
    }
    fputs(" ;;\n", out);
}

/* The words of one command, where no value is wanted. */
static void bash_command(FILE *out, const app_command *c) {
    enum takes what = takes(c);

    fprintf(out, "        %s:%s*) words='", c->name, what == TAKES_NOTHING ? "" : "-");
    each_switch(out, c, bash_words);
    fputs("' ;;\n", out);
    if (what == TAKES_IFACES)
        fprintf(out, "        %s:*) words=$ifaces ;;\n", c->name);
    else if (what == TAKES_MEANINGS)
        fprintf(out, "        %s:*) words=\"$findings $checks $ifaces\" ;;\n", c->name);
}

static void bash(FILE *out) {
    fputs("# bash completion for msrpc\n_msrpc() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local tool=${COMP_WORDS[0]##*/} command=${COMP_WORDS[1]} words=\n"
          "    local commands='help", out);
    for (size_t i = 0; i < app_command_count; i++)
        fprintf(out, " %s", app_commands[i]->name);
    fputs("'\n", out);
    for (size_t i = 0; i < MR_COUNT(sources); i++) {
        fprintf(out, "    local %s='", sources[i].name);
        sources[i].write(out);
        fputs("'\n", out);
    }
    fputs("    COMPREPLY=()\n    case $tool in\n    ", out);
    dropins(out, "|");
    fputs(") command=$tool ;;\n"
          "    *) if [ \"$COMP_CWORD\" = 1 ]; then\n"
          "            COMPREPLY=($(compgen -W \"$commands --help --version\" -- \"$cur\"))\n"
          "            return\n        fi ;;\n    esac\n"
          "    case $command:$prev in\n", out);
    for (size_t i = 0; i < app_command_count; i++)
        each_switch(out, app_commands[i], bash_value);
    fputs("    *) case $command:$cur in\n", out);
    for (size_t i = 0; i < app_command_count; i++)
        bash_command(out, app_commands[i]);
    fputs("        help:-*) words='--man --completion' ;;\n"
          "        help:*) words=$commands ;;\n"
          "        *) " BASH_HOSTS " ;;\n"
          "        esac ;;\n"
          "    esac\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
          "complete -F _msrpc msrpc ", out);
    dropins(out, " ");
    fputc('\n', out);
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

/* What stands behind a switch, and the quote that ends it; the words of a table are expanded by the
 * shell. */
static void zsh_value(FILE *out, const app_option *o) {
    const char *source = NULL;
    enum wants kind = wants(o, &source);

    if (kind != WANTS_NOTHING) {
        fputc(':', out);
        zsh_text(out, kind == WANTS_CHOICE || kind == WANTS_WORDS ? o->name : o->arg);
        fputc(':', out);
    }
    switch (kind) {
    case WANTS_CHOICE:
        fputc('(', out);
        choices(out, o->arg);
        fputc(')', out);
        break;
    case WANTS_WORDS: fprintf(out, "('\"$%s\"')", source); break;
    case WANTS_HOST: fputs("_hosts", out); break;
    case WANTS_FILE: fputs("_files", out); break;
    case WANTS_ANY:
    case WANTS_NOTHING: break;
    }
    fputc('\'', out);
}

static void zsh_switch(FILE *out, const app_command *c, const app_option *o) {
    bool repeats = o->kind == APP_COUNTER || o->kind == APP_LIST ||
                   o->kind == APP_SECRETS;

    for (int letter = 0; letter < (o->letter ? 2 : 1); letter++) {
        fprintf(out, "            '%s", repeats ? "*" : "");
        if (letter)
            fprintf(out, "-%c", o->letter);
        else
            fprintf(out, "%s%s", dashes(c), o->name);
        fputc('[', out);
        zsh_text(out, o->help);
        fputc(']', out);
        zsh_value(out, o);
        fputs(" \\\n", out);
    }
}

static void zsh_command(FILE *out, const app_command *c) {
    static const char *const args[] = {
        [TAKES_NOTHING] = "",
        [TAKES_HOSTS] = "'*: :_hosts'",
        [TAKES_IFACES] = "'*:interface:('\"$ifaces\"')'",
        [TAKES_MEANINGS] = "'*:meaning:('\"$findings $checks $ifaces\"')'",
    };

    fprintf(out, "    %s)\n        _arguments \\\n", c->name);
    each_switch(out, c, zsh_switch);
    fprintf(out, "            %s ;;\n", args[takes(c)]);
}

static void zsh(FILE *out) {
    fputs("#compdef msrpc ", out);
    dropins(out, " ");
    fputs("\n# zsh completion for msrpc\n_msrpc() {\n    local -a commands\n", out);
    for (size_t i = 0; i < MR_COUNT(sources); i++) {
        fprintf(out, "    local %s='", sources[i].name);
        sources[i].write(out);
        fputs("'\n", out);
    }
    fputs("    commands=(\n        'help:say how a command is used'\n", out);
    for (size_t i = 0; i < app_command_count; i++) {
        fprintf(out, "        '%s:", app_commands[i]->name);
        zsh_text(out, app_commands[i]->line);
        fputs("'\n", out);
    }
    fputs("    )\n    local command=$service\n    if [[ $command != (", out);
    dropins(out, "|");
    fputs(") ]]; then\n        if (( CURRENT == 2 )); then\n"
          "            _describe -t commands command commands\n            return\n        fi\n"
          "        command=$words[2]\n        shift words\n        (( CURRENT-- ))\n    fi\n"
          "    case $command in\n", out);
    for (size_t i = 0; i < app_command_count; i++)
        zsh_command(out, app_commands[i]);
    fputs("    help) _describe -t commands command commands ;;\n    esac\n}\n"
          "if [ \"$funcstack[1]\" = _msrpc ]; then\n    _msrpc \"$@\"\n"
          "else\n    compdef _msrpc msrpc ", out);
    dropins(out, " ");
    fputs("\nfi\n", out);
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

#define FISH_HOSTS " -a '(__fish_print_hostnames)'"

/* The switch and what stands behind it. */
static void fish_option(FILE *out, const app_command *c, const app_option *o) {
    const char *source = NULL;
    enum wants kind = wants(o, &source);

    fprintf(out, " -%c %s", c->grammar == APP_GRAMMAR_OWN ? 'l' : 'o', o->name);
    if (o->letter)
        fprintf(out, " -s %c", o->letter);
    fputs(" -d ", out);
    fish_text(out, o->help);
    switch (kind) {
    case WANTS_CHOICE:
        fputs(" -x -a '", out);
        choices(out, o->arg);
        fputc('\'', out);
        break;
    case WANTS_WORDS: fprintf(out, " -x -a \"$__msrpc_%s\"", source); break;
    case WANTS_HOST: fputs(" -x" FISH_HOSTS, out); break;
    case WANTS_FILE: fputs(" -r -F", out); break;
    case WANTS_ANY: fputs(" -x", out); break;
    case WANTS_NOTHING: break;
    }
    fputc('\n', out);
}

static void fish_switch(FILE *out, const app_command *c, const app_option *o) {
    fprintf(out, "complete -c msrpc -n '__fish_seen_subcommand_from %s'", c->name);
    fish_option(out, c, o);
    if (c->grammar == APP_GRAMMAR_OWN)
        return;
    fprintf(out, "complete -c %s", c->name);
    fish_option(out, c, o);
}

static void fish_command(FILE *out, const app_command *c) {
    static const char *const args[] = {
        [TAKES_NOTHING] = NULL,
        [TAKES_HOSTS] = FISH_HOSTS,
        [TAKES_IFACES] = " -a \"$__msrpc_ifaces\"",
        [TAKES_MEANINGS] = " -a \"$__msrpc_findings $__msrpc_checks $__msrpc_ifaces\"",
    };

    fprintf(out, "complete -c msrpc -n '__fish_use_subcommand' -a %s -d ", c->name);
    fish_text(out, c->line);
    fprintf(out, "\ncomplete -c msrpc -n '__fish_seen_subcommand_from help' -a %s\n", c->name);
    if (args[takes(c)])
        fprintf(out, "complete -c msrpc -n '__fish_seen_subcommand_from %s'%s\n", c->name,
                args[takes(c)]);
    if (c->grammar != APP_GRAMMAR_OWN)
        fprintf(out, "complete -c %s -f\n", c->name);
    each_switch(out, c, fish_switch);
}

static void fish(FILE *out) {
    fputs("# fish completion for msrpc\n", out);
    for (size_t i = 0; i < MR_COUNT(sources); i++) {
        fprintf(out, "set -g __msrpc_%s '", sources[i].name);
        sources[i].write(out);
        fputs("'\n", out);
    }
    fputs("complete -c msrpc -f\n"
          "complete -c msrpc -n '__fish_use_subcommand' -l version -d 'say which version this is'\n"
          "complete -c msrpc -n '__fish_use_subcommand' -l help -d 'list the commands'\n"
          "complete -c msrpc -n '__fish_use_subcommand' -a help -d 'say how a command is used'\n",
          out);
    for (size_t i = 0; i < app_command_count; i++)
        fish_command(out, app_commands[i]);
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
