/*
 * Help, completion and manual pages, all derived from the command rows: what is shown is what is
 * parsed. Old tools' names lead to the command that took their place.
 */
#include "app.h"

#include <limits.h>
#include <stdlib.h>

static const struct {
    const char *tool;
    const char *command; /* the msrpc line that does its job */
} old_tools[] = {
#define APP_OLD_TOOL(tool, command) {tool, command},
#include "oldtools.list"
#undef APP_OLD_TOOL
};

/* Everyday tasks: for those who call the program without a word, and for its manual page. */
static const struct {
    const char *line, *meaning;
} tasks[] = {
    {"msrpc diagnose HOST", "walk names, TCP, discovery, call; name the cause"},
    {"msrpc explain 1722", "what a code, UUID, port, event or sentence means"},
    {"msrpc name --dsgetdc DOMAIN", "which domain controller a client would take"},
    {"msrpc map HOST", "list what the endpoint mapper knows"},
    {"msrpc port HOST", "LISTENING, NOT LISTENING or FILTERED"},
};

int app_help_short(FILE *out) {
    fputs("msrpc finds out why Windows RPC fails, and what a host tells.\n\n", out);
    for (size_t i = 0; i < MR_COUNT(tasks); i++)
        fprintf(out, "  %-29s%s\n", tasks[i].line, tasks[i].meaning);
    fputs("\nmsrpc help lists everything, msrpc help COMMAND shows examples.\n", out);
    return APP_OK;
}

int app_help_all(FILE *out) {
    fputs("msrpc [--version] [--help] COMMAND [OPTIONS] TARGET...\n\n", out);
    for (size_t i = 0; i < app_command_count; i++)
        fprintf(out, "  %-10s %s\n", app_commands[i]->name, app_commands[i]->line);
    fputs("\nmsrpc help COMMAND shows its switches, and examples;\n"
          "msrpc help TOOL (rpcdump, dcdiag, telnet, ...) says what took its place.\n",
          out);
    return APP_OK;
}

#define HEAD 27 /* columns of a switch and its value in help */

static int option_head(char *text, size_t size, const app_option *o, bool own) {
    bool choices = o->kind == APP_CHOICE;
    if (!own) /* an old tool's spelling */
        return snprintf(text, size, "-%s%s%s", o->name, o->arg ? " " : "",
                        !o->arg ? "" : choices ? "WHICH" : o->arg);
    return snprintf(text, size, "%s%c%s--%s%s%s", o->letter ? "-" : "", o->letter ? o->letter : ' ',
                    o->letter ? ", " : "   ", o->name, o->arg ? " " : "",
                    !o->arg ? "" : choices ? "WHICH" : o->arg);
}

static void print_options(FILE *out, const char *title, const app_option *table,
                          const app_command *c) {
    char head[80], text[320];

    if (!table || !table->name)
        return;
    fprintf(out, "\n%s\n", title);
    for (const app_option *o = table; o->name; o++) {
        if (!app_offers(c, o))
            continue;
        option_head(head, sizeof head, o, c->grammar == APP_GRAMMAR_OWN);
        snprintf(text, sizeof text, "%s%s%s", o->help, o->kind == APP_CHOICE ? ": " : "",
                 o->kind == APP_CHOICE ? o->arg : "");
        char first[96];
        snprintf(first, sizeof first, "  %-*s ", HEAD, head);
        if (strlen(head) > HEAD) { /* a line of its own */
            fprintf(out, "  %s\n", head);
            snprintf(first, sizeof first, "%*s", HEAD + 3, "");
        }
        app_wrap(out, first, HEAD + 3, text);
    }
}

/* ---- exit codes ---- */

/* What ends a command that has these groups, whatever it does. */
static const struct {
    const char *code, *meaning;
    unsigned groups; /* one of them; 0: every command */
} common_exits[] = {
    {"64", "usage", 0},
    {"66", "the input cannot be read", APP_GROUP_TARGET},
    {"69", "a local facility is missing", APP_GROUP_LIMITS},
    {"70", "a bug", 0},
    {"73", "the output cannot be written", 0},
    {"75", "incomplete: the deadline passed; what is known is printed", APP_GROUP_LIMITS},
    {"130", "interrupted; what is known is printed", APP_GROUP_LIMITS},
};

#define HEALTHY "0", "healthy, done, clean", "1", "warnings only"
#define PHASES "10 20 30 40", "the first failing phase: names, TCP, discovery, communication"
static const char *const diagnosis_exits[] = {HEALTHY, PHASES, NULL};
static const char *const all_exits[] = {HEALTHY, "2", "something grave leaks (audit)", PHASES,
                                        NULL};

/* Calls @each for the codes of @c in their order; NULL: for those of all commands. */
static void each_exit(FILE *out, const app_command *c,
                      void (*each)(FILE *out, const char *code, const char *meaning)) {
    const char *const *own = !c ? all_exits : c->exits[0] ? c->exits : diagnosis_exits;

    for (size_t i = 0; i <= MR_COUNT(common_exits); i++) {
        bool last = i == MR_COUNT(common_exits);
        unsigned long code = last ? ULONG_MAX : strtoul(common_exits[i].code, NULL, 10);
        bool said = false;
        for (; *own && strtoul(*own, NULL, 10) <= code; own += 2) {
            said |= strtoul(*own, NULL, 10) == code;
            each(out, own[0], own[1]);
        }
        unsigned groups = last ? 0 : common_exits[i].groups;
        if (!last && !said && (!c || !groups || (c->groups & groups)))
            each(out, common_exits[i].code, common_exits[i].meaning);
    }
}

static void print_exit(FILE *out, const char *code, const char *meaning) {
    char first[32];

    snprintf(first, sizeof first, "  %-12s ", code);
    app_wrap(out, first, 15, meaning);
}

int app_help_command(FILE *out, const app_command *c) {
    fprintf(out, "msrpc %s [OPTIONS]%s%s\n\n", c->name, *c->synopsis ? " " : "", c->synopsis);
    app_wrap(out, "", 0, c->about);
    fputc('\n', out);
    for (size_t i = 0; i + 1 < MR_COUNT(c->examples) && c->examples[i]; i += 2)
        fprintf(out, "  %s\n      %s\n", c->examples[i], c->examples[i + 1]);
    print_options(out, "Switches of this command", c->options, c);
    for (size_t i = 0; i < app_group_count; i++)
        if (c->groups & app_groups[i].bit)
            print_options(out, app_groups[i].title, app_groups[i].options, c);
    fputs("\nExit codes\n", out);
    each_exit(out, c, print_exit);
    return APP_OK;
}

int app_help_old_tool(FILE *out, const char *tool) {
    bool found = false;

    for (size_t i = 0; i < MR_COUNT(old_tools); i++) {
        if (!mr_str_eq_nocase(old_tools[i].tool, tool))
            continue;
        fprintf(out, "%s%s\n", found ? "      or  " : "", old_tools[i].command);
        found = true;
    }
    return found ? APP_OK : APP_USAGE;
}

/* Text for roff: a leading dot or quote would be a request, a backslash an escape, and a plain
 * hyphen must stay one when it is copied. */
static void roff(FILE *out, const char *text) {
    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    for (const char *p = text; *p; p++) {
        if (*p == '\\')
            fputs("\\e", out);
        else if (*p == '-')
            fputs("\\-", out);
        else
            fputc(*p, out);
    }
}

/* Whether a text brings the mark at its end itself. */
static bool ends_itself(const char *text) {
    size_t len = strlen(text);
    return len && strchr(".?!", text[len - 1]);
}

static void roff_options(FILE *out, const char *title, const app_option *table,
                         const app_command *c) {
    char head[80];

    if (!table || !table->name)
        return;
    fprintf(out, ".SS %s\n", title);
    for (const app_option *o = table; o->name; o++) {
        if (!app_offers(c, o))
            continue;
        option_head(head, sizeof head, o, c->grammar == APP_GRAMMAR_OWN);
        fputs(".TP\n.B ", out);
        roff(out, head[0] == ' ' ? head + 4 : head);
        fputc('\n', out);
        roff(out, o->help);
        if (o->kind == APP_CHOICE) {
            fputs(": ", out);
            roff(out, o->arg);
        }
        fputs(".\n", out);
    }
}

static void man_exit(FILE *out, const char *code, const char *meaning) {
    fprintf(out, ".TP\n.B %s\n", code);
    roff(out, meaning);
    fputs(".\n", out);
}

static void man_example(FILE *out, const char *line, const char *meaning) {
    fputs(".TP\n.B ", out);
    roff(out, line);
    fputc('\n', out);
    roff(out, meaning);
    fputs(ends_itself(meaning) ? "\n" : ".\n", out);
}

static void man_main(FILE *out) {
    fputs(".TH MSRPC 1 \"" MSRPC_DATE "\" \"msrpc " MSRPC_VERSION "\"\n.SH NAME\n"
          "msrpc \\- find out why Windows RPC fails\n.SH SYNOPSIS\n.B msrpc\n"
          ".RI [ \\-\\-version \"] [\" \\-\\-help \"] \" COMMAND \" [\" OPTIONS \"] \" TARGET ...\n"
          ".SH DESCRIPTION\n"
          "msrpc diagnoses and reads DCE/RPC services as Windows and Samba offer them.\n"
          "It writes nothing to a server, guesses no passwords, needs no privilege and no\n"
          "Internet.\n.SH COMMANDS\n", out);
    for (size_t i = 0; i < app_command_count; i++) {
        fprintf(out, ".TP\n.BR msrpc\\-%s (1)\n", app_commands[i]->name);
        roff(out, app_commands[i]->line);
        fputs(".\n", out);
    }
    fputs(".SH EXIT STATUS\nEach command's page says what its codes mean.\n", out);
    each_exit(out, NULL, man_exit);
    fputs(".SH EXAMPLES\n", out);
    for (size_t i = 0; i < MR_COUNT(tasks); i++)
        man_example(out, tasks[i].line, tasks[i].meaning);
    fputs(".SH SEE ALSO\n", out);
    for (size_t i = 0; i < app_command_count; i++)
        fprintf(out, ".BR msrpc\\-%s (1),\n", app_commands[i]->name);
    fputs(".BR idlc (1),\n.BR libmsrpc (3)\n", out);
}

int app_help_man(FILE *out, const app_command *c) {
    if (!c) {
        man_main(out);
        return APP_OK;
    }
    fputs(".TH MSRPC\\-", out);
    for (const char *p = c->name; *p; p++)
        fputc(*p >= 'a' && *p <= 'z' ? *p - 32 : *p, out);
    fprintf(out, " 1 \"" MSRPC_DATE "\" \"msrpc " MSRPC_VERSION "\"\n.SH NAME\nmsrpc\\-%s \\- ",
            c->name);
    roff(out, c->line);
    fprintf(out, "\n.SH SYNOPSIS\n.B msrpc %s\n.RI [ OPTIONS \"] \" \"", c->name);
    roff(out, c->synopsis);
    fputs("\"\n.SH DESCRIPTION\n", out);
    roff(out, c->about);
    fputs("\n.SH EXAMPLES\n", out);
    for (size_t i = 0; i + 1 < MR_COUNT(c->examples) && c->examples[i]; i += 2)
        man_example(out, c->examples[i], c->examples[i + 1]);
    fputs(".SH OPTIONS\n", out);
    roff_options(out, "Switches of this command", c->options, c);
    for (size_t i = 0; i < app_group_count; i++)
        if (c->groups & app_groups[i].bit)
            roff_options(out, app_groups[i].title, app_groups[i].options, c);
    fputs(".SH EXIT STATUS\n", out);
    each_exit(out, c, man_exit);
    fputs(".SH SEE ALSO\n.BR msrpc (1)\n", out);
    return APP_OK;
}
