/*
 * Help, completion and manual pages, all derived from the command rows: what is shown is what is
 * parsed. Old tools' names lead to the command that took their place.
 */
#include "app.h"

static const struct {
    const char *tool;
    const char *command; /* the msrpc line that does its job */
} old_tools[] = {
#define APP_OLD_TOOL(tool, command) {tool, command},
#include "oldtools.list"
#undef APP_OLD_TOOL
};

int app_help_short(FILE *out) {
    fputs("msrpc finds out why Windows RPC fails, and what a host tells.\n\n"
          "  msrpc diagnose HOST          walk names, TCP, discovery, call; name the cause\n"
          "  msrpc map HOST               list what the endpoint mapper knows\n"
          "  msrpc ping HOST              bind to an interface and time calls\n"
          "  msrpc port HOST --ports 135,445,49664-49670\n"
          "                               LISTENING, NOT LISTENING or FILTERED\n"
          "  msrpc explain 1722           what a code, UUID, port or event means\n\n"
          "msrpc help lists everything, msrpc help COMMAND shows examples.\n",
          out);
    return APP_OK;
}

int app_help_all(FILE *out) {
    fputs("msrpc [--version] [--help] COMMAND [OPTIONS] TARGET...\n\n", out);
    for (size_t i = 0; i < app_command_count; i++)
        fprintf(out, "  %-10s %s\n", app_commands[i]->name, app_commands[i]->line);
    fputs("\nmsrpc help COMMAND shows its switches and two examples;\n"
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

static void print_options(FILE *out, const char *title, const app_option *table, bool own) {
    char head[80], text[320];

    if (!table || !table->name)
        return;
    fprintf(out, "\n%s\n", title);
    for (const app_option *o = table; o->name; o++) {
        option_head(head, sizeof head, o, own);
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

int app_help_command(FILE *out, const app_command *c) {
    fprintf(out, "msrpc %s [OPTIONS]%s%s\n\n", c->name, *c->synopsis ? " " : "", c->synopsis);
    app_wrap(out, "", 0, c->about);
    fputc('\n', out);
    for (size_t i = 0; i + 1 < MR_COUNT(c->examples) && c->examples[i]; i += 2)
        fprintf(out, "  %s\n      %s\n", c->examples[i], c->examples[i + 1]);
    print_options(out, "Switches of this command", c->options, c->grammar == APP_GRAMMAR_OWN);
    for (size_t i = 0; i < app_group_count; i++)
        if (c->groups & app_groups[i].bit)
            print_options(out, app_groups[i].title, app_groups[i].options, true);
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

static void roff_options(FILE *out, const char *title, const app_option *table, bool own) {
    char head[80];

    if (!table || !table->name)
        return;
    fprintf(out, ".SS %s\n", title);
    for (const app_option *o = table; o->name; o++) {
        option_head(head, sizeof head, o, own);
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

static void man_exit_codes(FILE *out, const app_command *c) {
    static const char *const rows[][2] = {
        {"0", "healthy, done, clean"},
        {"1", "warnings only"},
        {"2", "audit: something grave leaks"},
        {"10 20 30 40", "the first failing phase: names, TCP, discovery, communication"},
        {"64", "usage"},
        {"66", "the input cannot be read"},
        {"69", "a local facility is missing"},
        {"70", "a bug"},
        {"73", "the output cannot be written"},
        {"75", "incomplete: the deadline passed; what is known is printed"},
        {"130", "interrupted, likewise"},
    };
    fputs(".SH EXIT STATUS\n", out);
    if (c && c->grammar != APP_GRAMMAR_OWN) {
        fputs("Those of the old tool, as said above; 64, 69, 70, 73 and 130 as in\n"
              ".BR msrpc (1).\n", out);
        return;
    }
    for (size_t i = 0; i < MR_COUNT(rows); i++)
        if (!c || strcmp(rows[i][0], "2") != 0 || strcmp(c->name, "audit") == 0)
            fprintf(out, ".TP\n.B %s\n%s\n", rows[i][0], rows[i][1]);
    if (c)
        fputs(".PP\nWhere the description names codes, it tells them more closely.\n", out);
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
    man_exit_codes(out, NULL);
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
    for (size_t i = 0; i + 1 < MR_COUNT(c->examples) && c->examples[i]; i += 2) {
        fputs(".TP\n.B ", out);
        roff(out, c->examples[i]);
        fputc('\n', out);
        roff(out, c->examples[i + 1]);
        fputs(ends_itself(c->examples[i + 1]) ? "\n" : ".\n", out);
    }
    fputs(".SH OPTIONS\n", out);
    roff_options(out, "Switches of this command", c->options, c->grammar == APP_GRAMMAR_OWN);
    for (size_t i = 0; i < app_group_count; i++)
        if (c->groups & app_groups[i].bit)
            roff_options(out, app_groups[i].title, app_groups[i].options, true);
    man_exit_codes(out, c);
    fputs(".SH SEE ALSO\n.BR msrpc (1)\n", out);
    return APP_OK;
}
