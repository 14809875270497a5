/*
 * The frame of the command line tool: what every subcommand is given and must say of itself.
 *
 * A subcommand is one file with one const row (struct app_command): name, one line, option table,
 * run. Help, shell completion and the manual page derive from the row. Exit codes and switches are
 * the contract of doc/cli.md.
 */
#ifndef MSRPC_APP_H
#define MSRPC_APP_H

#include <stdio.h>

#include <msrpc/base.h>

enum app_exit {
    APP_OK = 0,
    APP_WARNINGS = 1,
    APP_HIGH = 2,
    APP_NAMES = 10,
    APP_TCP = 20,
    APP_DISCOVERY = 30,
    APP_COMMUNICATION = 40,
    APP_USAGE = 64,
    APP_UNREADABLE = 66,
    APP_MISSING = 69,
    APP_BUG = 70,
    APP_UNWRITABLE = 73,
    APP_INCOMPLETE = 75,
    APP_INTERRUPTED = 130,
};

enum app_kind {
    APP_FLAG,    /* bool */
    APP_COUNTER, /* unsigned, repeatable */
    APP_TEXT,    /* const char * */
    APP_SECRET,  /* const char *, wiped from argv */
    APP_SECRETS, /* struct app_list: repeatable, each wiped from argv */
    APP_NUMBER,  /* uint32_t within low..high */
    APP_SECONDS, /* uint64_t nanoseconds, from decimal seconds */
    APP_CHOICE,  /* unsigned: index into the "a|b|c" of @arg */
    APP_LIST,    /* struct app_list: comma-separated and repeatable */
};

#define APP_LIST_MAX 64

struct app_list {
    uint32_t count;
    mr_slice items[APP_LIST_MAX];
};

typedef struct app_option {
    const char *name;  /* long form without the dashes */
    char letter;       /* short form, or 0 */
    enum app_kind kind;
    const char *arg;   /* name of the value in help; the choices of APP_CHOICE */
    size_t offset;     /* in struct app_settings, or in the command's own settings */
    uint32_t low, high; /* APP_NUMBER */
    const char *help;
} app_option;

/* Groups of common switches a command takes. */
enum {
    APP_GROUP_TARGET = 1,
    APP_GROUP_IDENTITY = 2,
    APP_GROUP_LIMITS = 4,
    APP_GROUP_OUTPUT = 8,
    APP_GROUP_CHECKS = 16, /* --phase, --skip, --only, --list-checks, --fail-on */
    APP_GROUP_ALL = 31,
};

/* The common switches (doc/cli.md). Text borrows from argv. */
struct app_settings {
    /* target */
    const char *target_ip, *dns_server, *targets;
    bool ipv4, ipv6;
    uint32_t source_port;
    /* identity and protection */
    const char *samba_password; /* of -U USER%PASSWORD, until accounts are made */
    const char *user, *password, *password_file, *hashes, *aes_key, *ccache, *keytab;
    const char *domain, *realm, *dc_ip;
    bool kerberos, null_session, no_null, guest, no_pass;
    uint32_t max_logons;
    unsigned auth, auth_level;
    /* limits */
    mr_nsec timeout, deadline;
    uint32_t retries, jobs, rate; /* jobs: 0 until the targets are read, unless given */
    struct app_list phases, skip, only;
    bool list_checks;
    unsigned fail_on;
    /* output */
    bool json, jsonl, ascii, quiet;
    const char *output;
    unsigned color, verbose;
};

#define APP_CHOICE_NONE UINT32_MAX /* of auth and auth_level: not given */
enum { APP_FAIL_ON_ERROR, APP_FAIL_ON_WARNING, APP_FAIL_ON_INFO };
enum { APP_COLOR_AUTO, APP_COLOR_ALWAYS, APP_COLOR_NEVER };

#define APP_TIMEOUT_DEFAULT (3 * MR_SEC)
#define APP_RETRIES_DEFAULT UINT32_MAX /* 3 for TCP, 1 for UDP */
#define APP_DEADLINE_DEFAULT (60 * MR_SEC + 1) /* which no switch can say */

/* How the first connection to a target went, for the closing line of a sweep. */
enum app_outcome { APP_NOT_ASKED, APP_ANSWERED, APP_REFUSED, APP_SILENT, APP_UNREACHED };
#define APP_OUTCOMES 5

typedef struct app app;

/* How a command's words are read. */
enum app_grammar {
    APP_GRAMMAR_OWN,      /* --name and -x, with the common switches (options.c) */
    APP_GRAMMAR_ANY_CASE, /* an old tool's: -name and /name in any case, no others (dropin.c) */
    APP_GRAMMAR_CASE,     /* the same, but -i and -I are two switches */
};

typedef struct app_command {
    const char *name;
    const char *line;        /* one line for the list */
    const char *synopsis;    /* what follows the switches: "TARGET..." */
    const char *about;       /* a paragraph or two for help and the manual */
    const char *examples[6]; /* pairs: command, meaning, ... */
    const char *exits[16];   /* pairs: code or codes, meaning, in order and ended by NULL; none:
                                those of a diagnosis. What ends any command (64 and above) help
                                adds, unless it stands here */
    unsigned groups;
    const app_option *options; /* own switches, ended by a NULL name; may be NULL */
    size_t own_size;           /* octets of the own settings, zeroed before parsing */
    int (*run)(app *a);        /* returns an app_exit */
    int (*check)(app *a);      /* of the words, before --output is opened; 0 or an app_exit, told;
                                  NULL: none */
    enum app_grammar grammar;
    bool stranger;             /* an account is refused: help names no switches for one */
} app_command;

struct app {
    const app_command *command;
    struct app_settings set;
    void *own;               /* the command's own settings */
    struct app_secret *secrets; /* private: identity.h */
    const char **args;       /* what is no switch, in order */
    size_t arg_count;
    mr_arena arena;          /* lives as long as the run */
    FILE *out;               /* stdout, or the file of --output */
    FILE *err;               /* where refusals go; NULL: stderr */
    bool out_color;
    const char *out_name;
    bool out_left;           /* the reader (head, a pager) has seen what it wanted */
    bool several;            /* private to report.c: reports are members of one object */
    bool ended;              /* private to report.c: their array is closed */
    size_t reports;          /* opened so far, while several */
    bool tight;              /* nothing stands between and after the outputs of several targets */
    struct app_account *accounts; /* of the run, see identity.h; the newest */
    struct mr_workers *workers; /* wait for what Kerberos reads and asks; NULL: nobody needs it */
    enum app_outcome outcome; /* of this target, set by its session or its command */
    bool *progress;          /* whether a progress line stands on stderr; NULL: never */
    /* set by jobs.c for the copy of one target */
    mr_nsec deadline;        /* of the run, absolute; 0: a session begins its own */
    struct mr_pace *pace;    /* --rate, of all targets together; NULL: of the session */
    struct app_worker *worker; /* NULL: the target stands alone */
};

/* commands.list as rows. */
extern const app_command *const app_commands[];
extern const size_t app_command_count;
const app_command *app_find_command(const char *name);

/* options.c */
extern const app_option app_target_options[], app_identity_options[], app_limit_options[],
    app_output_options[], app_check_options[];
struct app_group {
    unsigned bit;
    const char *title;
    const app_option *options;
};
extern const struct app_group app_groups[];
extern const size_t app_group_count;
/* Whether help and completion name @option, of its own or of its groups, for this command. */
bool app_offers(const app_command *command, const app_option *option);
/* Whether the command takes that switch, "--json" or "-v". */
bool app_knows_switch(const app_command *command, const char *word);
/* Parses argv (after the command's name) into @a; 0 or APP_USAGE with the message printed. */
int app_parse(app *a, int argc, char **argv);

/* Where lines beside the output go: a->err or stderr; a progress line there is wiped. */
FILE *app_err(const app *a);
/* Stores @value (NULL for a flag) where the switch @o of the settings @base wants it; @shown is the
 * switch as it was typed. 0 or APP_USAGE, told. */
int app_option_set(app *a, const app_option *o, void *base, const char *shown, char *value);

/* dropin.c: the grammar of old tools. */
/* Parses argv (after the command's name) into a->own; 0 or an exit code, told. */
int app_dropin_parse(app *a, int argc, char **argv);
/* Whether the words ask for help: -?, /?, -h, -help. */
bool app_dropin_asks_help(int argc, char **argv);
/* The drop-in the program is called as (argv[0], also with .exe), NULL for msrpc itself. */
const app_command *app_dropin_called(const char *path);

/* Prints "msrpc COMMAND: ..." ("TOOL: ..." of a drop-in) there and returns @code, so that a refusal
 * is one statement. */
int app_refuse(const app *a, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* help.c */
int app_help_short(FILE *out);   /* no arguments: five everyday tasks */
int app_help_all(FILE *out);
int app_help_command(FILE *out, const app_command *command);
int app_help_old_tool(FILE *out, const char *tool); /* APP_USAGE when unknown */
int app_help_man(FILE *out, const app_command *command); /* NULL: msrpc(1) itself */
/* completion.c: for "bash" (also NULL), "zsh" or "fish"; APP_USAGE for another. */
int app_help_completion(FILE *out, const char *shell);

/* output.c */
/* Opens --output, decides about colour; 0 or APP_UNWRITABLE. */
int app_output_open(app *a);
/* Flushes and closes; APP_UNWRITABLE when something was lost, else @code. */
int app_output_close(app *a, int code);
/* A writer sink on a FILE given as @user. */
int app_sink_file(void *user, mr_slice s);
/* The sentence of an error with the floor that speaks and the octet where it went wrong, if one is
 * known: "the stub ends early (ndr, octet 17)". In a->arena. */
const char *app_error(app *a, const mr_error *err);
/* Octets of a peer's text made safe for a terminal: control characters, and with --ascii all
 * that is not ASCII, become \xNN. In a->arena. */
const char *app_safe(app *a, mr_slice s);

enum app_mark { APP_MARK_OK, APP_MARK_WARN, APP_MARK_FAIL, APP_MARK_SKIP };
/* "[ok]", "[!]", "[x]", "[--]" padded to four columns, coloured where the output is. */
const char *app_mark(const app *a, enum app_mark mark);
/* The escape sequence of a style, "" without colour. */
enum app_style { APP_PLAIN, APP_BOLD, APP_DIM, APP_RED, APP_GREEN, APP_YELLOW };
const char *app_style(const app *a, enum app_style style);
#define APP_COLUMNS 80
/* A line with @left at its beginning and @right at its end, two blanks between at least; a
 * longer @left is wrapped, and @right stands under it. */
void app_edges(FILE *out, const char *left, const char *right);
/* Writes @text wrapped at 80 columns: the first line stands after @first, later ones are indented
 * by @indent columns. */
void app_wrap(FILE *out, const char *first, unsigned indent, const char *text);

#endif
