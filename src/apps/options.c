/*
 * Switches as data. Every short switch has a long form; nothing is bundled or abbreviated; the
 * spellings of impacket (-hashes) and Samba (-U DOM\user%PASS) are matched whole before anything
 * else. A secret is copied out of argv and wiped there, so that ps does not show it.
 */
#include "identity.h"

#include <stdlib.h>

#define SET(member) offsetof(struct app_settings, member)

const app_option app_target_options[] = {
    {"target-ip", 0, APP_TEXT, "IP", SET(target_ip), 0, 0,
     "connect to this address, keep the target's name for names and tickets"},
    {"dns-server", 0, APP_TEXT, "IP[:PORT]", SET(dns_server), 0, 0,
     "ask this DNS server instead of the system's"},
    {"ipv4", '4', APP_FLAG, NULL, SET(ipv4), 0, 0, "use IPv4 only"},
    {"ipv6", '6', APP_FLAG, NULL, SET(ipv6), 0, 0, "use IPv6 only"},
    {"source-port", 0, APP_NUMBER, "N", SET(source_port), 1, 65535, "send from this local port"},
    {"targets", 0, APP_TEXT, "FILE", SET(targets), 0, 0,
     "read more targets from FILE, one a line (- for standard input)"},
    {0},
};

const app_option app_identity_options[] = {
    {"user", 'u', APP_TEXT, "U", SET(user), 0, 0, "log on as U (DOMAIN\\user, user@domain, user)"},
    {"password", 'p', APP_SECRET, "P", SET(password), 0, 0, "password; - asks for it"},
    {"password-file", 0, APP_TEXT, "F", SET(password_file), 0, 0,
     "read the password from the first line of F"},
    {"hashes", 'H', APP_SECRET, "[LM:]NT", SET(hashes), 0, 0, "log on with hashes"},
    {"kerberos", 'k', APP_FLAG, NULL, SET(kerberos), 0, 0,
     "Kerberos alone: by what else proves U, else by the ticket at hand"},
    {"aes-key", 0, APP_SECRET, "HEX", SET(aes_key), 0, 0, "Kerberos AES key"},
    {"ccache", 0, APP_TEXT, "F", SET(ccache), 0, 0, "Kerberos credential cache"},
    {"keytab", 0, APP_TEXT, "F", SET(keytab), 0, 0, "Kerberos keytab"},
    {"null", 'N', APP_FLAG, NULL, SET(null_session), 0, 0, "anonymous (default without a user)"},
    {"guest", 0, APP_FLAG, NULL, SET(guest), 0, 0, "log on as guest"},
    {"auth", 0, APP_CHOICE, "ntlm|kerberos|negotiate|netlogon", SET(auth), 0, 0,
     "security provider (negotiate)"},
    {"auth-level", 0, APP_CHOICE, "none|connect|call|pkt|integrity|privacy", SET(auth_level), 0, 0,
     "authentication level (privacy)"},
    {"domain", 'd', APP_TEXT, "D", SET(domain), 0, 0, "the account's domain"},
    {"realm", 0, APP_TEXT, "R", SET(realm), 0, 0, "the account's Kerberos realm"},
    {"dc-ip", 0, APP_TEXT, "IP", SET(dc_ip), 0, 0, "ask this KDC for tickets, not those in DNS"},
    {"no-null", 0, APP_FLAG, NULL, SET(no_null), 0, 0, "never try an anonymous logon"},
    {"max-logons", 0, APP_NUMBER, "N", SET(max_logons), 1, 100,
     "give an account up after N refused logons (1)"},
    {0},
};

const app_option app_limit_options[] = {
    {"timeout", 0, APP_SECONDS, "S", SET(timeout), 0, 0,
     "seconds for one probe with its retries (3)"},
    {"retries", 0, APP_NUMBER, "N", SET(retries), 0, 20, "tries of a probe (3 TCP, 1 UDP)"},
    {"deadline", 0, APP_SECONDS, "S", SET(deadline), 0, 0, "seconds for the whole run (60)"},
    {"jobs", 0, APP_NUMBER, "N", SET(jobs), 1, 1024, "hosts at once (8; 64 of a block)"},
    {"rate", 0, APP_NUMBER, "N", SET(rate), 1, 1000000, "at most N new connections a second"},
    {0},
};

const app_option app_check_options[] = {
    {"phase", 0, APP_LIST, "N,N", SET(phases), 0, 0, "walk these phases only (1-4)"},
    {"skip", 0, APP_LIST, "ID", SET(skip), 0, 0, "leave these checks out"},
    {"only", 0, APP_LIST, "ID", SET(only), 0, 0, "run these checks only"},
    {"list-checks", 0, APP_FLAG, NULL, SET(list_checks), 0, 0, "list the checks and stop"},
    {"fail-on", 0, APP_CHOICE, "error|warning|info", SET(fail_on), 0, 0,
     "lowest severity that makes the exit code non-zero (warning)"},
    {0},
};

const app_option app_output_options[] = {
    {"json", 0, APP_FLAG, NULL, SET(json), 0, 0, "one JSON object on standard output"},
    {"jsonl", 0, APP_FLAG, NULL, SET(jsonl), 0, 0, "JSON, one object a line"},
    {"output", 'o', APP_TEXT, "FILE", SET(output), 0, 0, "write to FILE instead"},
    {"color", 0, APP_CHOICE, "auto|always|never", SET(color), 0, 0, "colour (auto)"},
    {"ascii", 0, APP_FLAG, NULL, SET(ascii), 0, 0, "no character beyond ASCII on the screen"},
    {"quiet", 'q', APP_FLAG, NULL, SET(quiet), 0, 0, "the verdict only"},
    {"verbose", 'v', APP_COUNTER, NULL, SET(verbose), 0, 0, "more detail (repeatable)"},
    {0},
};

const struct app_group app_groups[] = {
    {APP_GROUP_TARGET, "Target", app_target_options},
    {APP_GROUP_IDENTITY, "Identity", app_identity_options},
    {APP_GROUP_LIMITS, "Limits", app_limit_options},
    {APP_GROUP_CHECKS, "Checks", app_check_options},
    {APP_GROUP_OUTPUT, "Output", app_output_options},
};
const size_t app_group_count = MR_COUNT(app_groups);

static const app_option *find_in(const app_option *table, const char *name, size_t len,
                                 char letter) {
    for (const app_option *o = table; o && o->name; o++)
        if (letter ? o->letter == letter : strlen(o->name) == len && !memcmp(o->name, name, len))
            return o;
    return NULL;
}

/* The switch of that name among the command's own and its groups; @basep is what it fills. */
static const app_option *find_option(app *a, const char *name, size_t len, char letter,
                                     void **basep) {
    const app_option *o = find_in(a->command->options, name, len, letter);
    if (o) {
        *basep = a->own;
        return o;
    }
    *basep = &a->set;
    for (size_t i = 0; i < app_group_count && !o; i++)
        if (a->command->groups & app_groups[i].bit)
            o = find_in(app_groups[i].options, name, len, letter);
    return o;
}

bool app_offers(const app_command *command, const app_option *o) {
    static const char *const of_account[] = {
        "user", "password", "password-file", "hashes", "kerberos", "aes-key", "ccache", "keytab",
        "domain", "realm", "dc-ip", "max-logons",
    };

    for (size_t i = 0; command->stranger && i < MR_COUNT(of_account); i++)
        if (!strcmp(o->name, of_account[i]))
            return false;
    return true;
}

bool app_knows_switch(const app_command *command, const char *word) {
    app a = {.command = command};
    bool is_long = word[0] == '-' && word[1] == '-';
    void *base;

    if (command->grammar != APP_GRAMMAR_OWN)
        return find_in(command->options, word + 1, strlen(word + 1), 0) != NULL;

    return find_option(&a, is_long ? word + 2 : NULL, is_long ? strcspn(word + 2, "=") : 0,
                       is_long ? 0 : word[1], &base) != NULL;
}

/* Decimal seconds, at most three digits after the point. */
static bool read_seconds(const char *text, uint64_t *nsecp) {
    const char *dot = strchr(text, '.');
    uint64_t whole = 0, milli = 0;
    size_t len = dot ? (size_t)(dot - text) : strlen(text);

    if (len && mr_slice_get_number(mr_slice_of(text, len), 1000000, &whole) != 0)
        return false;
    if (dot) {
        char digits[4] = "000";
        size_t n = strlen(dot + 1);
        if (n == 0 || n > 3)
            return false;
        memcpy(digits, dot + 1, n);
        /* base 10 although it may begin with zeroes */
        if (mr_slice_get_number(mr_slice_of(digits, 3), 999, &milli) != 0)
            return false;
    }
    if (len == 0 && !dot)
        return false;
    *nsecp = whole * MR_SEC + milli * MR_MSEC;
    return true;
}

static bool read_choice(const char *choices, const char *text, bool any_case, unsigned *indexp) {
    unsigned i = 0;
    for (const char *p = choices; *p; i++) {
        size_t len = strcspn(p, "|");
        mr_slice choice = mr_slice_of(p, len), given = mr_slice_str(text);
        if (any_case ? mr_slice_eq_nocase(choice, given) : mr_slice_eq(choice, given)) {
            *indexp = i;
            return true;
        }
        p += len + (p[len] == '|');
    }
    return false;
}

static bool add_list(struct app_list *list, const char *text) {
    for (const char *p = text;; p++) {
        size_t len = strcspn(p, ",");
        if (len) {
            if (list->count == APP_LIST_MAX)
                return false;
            list->items[list->count++] = mr_slice_of(p, len);
        }
        p += len;
        if (!*p)
            return true;
    }
}

static int add_secret(app *a, struct app_list *list, const char *shown, char *value) {
    const char *copy = app_keep_secret(a, mr_slice_str(value));
    size_t len = strlen(value);

    explicit_bzero(value, len);
    if (!copy)
        return app_refuse(a, APP_BUG, "out of memory");
    if (list->count == APP_LIST_MAX)
        return app_refuse(a, APP_USAGE, "%s: more than %u items", shown, APP_LIST_MAX);
    list->items[list->count++] = mr_slice_of(copy, len);
    return 0;
}

int app_option_set(app *a, const app_option *o, void *base, const char *shown, char *value) {
    void *field = (char *)base + o->offset;
    uint64_t n;

    switch (o->kind) {
    case APP_FLAG:
        *(bool *)field = true;
        return 0;
    case APP_COUNTER:
        ++*(unsigned *)field;
        return 0;
    case APP_TEXT:
        *(const char **)field = value;
        return 0;
    case APP_SECRET:
        *(const char **)field = app_keep_secret(a, mr_slice_str(value));
        explicit_bzero(value, strlen(value));
        return *(const char **)field ? 0 : app_refuse(a, APP_BUG, "out of memory");
    case APP_SECRETS:
        return add_secret(a, field, shown, value);
    case APP_NUMBER:
        if (mr_slice_get_number(mr_slice_str(value), o->high, &n) != 0 || n < o->low)
            return app_refuse(a, APP_USAGE, "%s %s: a number from %u to %u is wanted", shown,
                              value, o->low, o->high);
        *(uint32_t *)field = (uint32_t)n;
        return 0;
    case APP_SECONDS:
        if (!read_seconds(value, (uint64_t *)field))
            return app_refuse(a, APP_USAGE, "%s %s: seconds are wanted, such as 3 or 0.5", shown,
                              value);
        return 0;
    case APP_CHOICE:
        if (!read_choice(o->arg, value, a->command->grammar != APP_GRAMMAR_OWN,
                         (unsigned *)field))
            return app_refuse(a, APP_USAGE, "%s %s: one of %s is wanted", shown, value, o->arg);
        return 0;
    case APP_LIST:
        if (!add_list((struct app_list *)field, value))
            return app_refuse(a, APP_USAGE, "%s: more than %u items", shown, APP_LIST_MAX);
        return 0;
    }
    return APP_BUG;
}

/* -U DOM\user%PASS as Samba writes it: the secret is copied out and wiped. */
static int set_samba_user(app *a, char *value) {
    char *percent = strchr(value, '%');
    if (percent) {
        a->set.samba_password = app_keep_secret(a, mr_slice_str(percent + 1));
        explicit_bzero(percent + 1, strlen(percent + 1));
        *percent = '\0';
        if (!a->set.samba_password)
            return app_refuse(a, APP_BUG, "out of memory");
    }
    if (*value) {
        a->set.user = value;
    } else if (!a->set.samba_password || !*a->set.samba_password) {
        a->set.null_session = true; /* -U% is how Samba says anonymous */
        a->set.samba_password = NULL;
    }
    return 0;
}

/* Spellings of neighbours, matched whole; NULL when @word is none of them. */
static const char *neighbour(const app *a, const char *word) {
    static const char *const pairs[][2] = {
        {"-hashes", "--hashes"},
        {"-target-ip", "--target-ip"},
        {"-dc-ip", "--dc-ip"},
    };
    if (!(a->command->groups & APP_GROUP_IDENTITY))
        return NULL;
    for (size_t i = 0; i < MR_COUNT(pairs); i++)
        if (!strcmp(word, pairs[i][0]))
            return pairs[i][1];
    return NULL;
}

/* A long switch of this command, which was hardly meant as the value of the one before it: such
 * a value is written --switch=VALUE. */
static bool is_switch(app *a, const char *word) {
    void *base;

    return !strncmp(word, "--", 2) && word[2] &&
           find_option(a, word + 2, strcspn(word + 2, "="), 0, &base);
}

/* Without what may be a secret: the value behind =, or the one behind a letter. */
static int refuse_unknown(app *a, const char *word) {
    void *base;
    const app_option *o = word[1] != '-' ? find_option(a, NULL, 0, word[1], &base) : NULL;

    if (o && (o->kind == APP_SECRET || o->kind == APP_SECRETS))
        return app_refuse(a, APP_USAGE, "unknown switch -%c...: the value of -%c is a word of its "
                          "own", word[1], word[1]);
    return app_refuse(a, APP_USAGE, "unknown switch %.*s (msrpc help %s lists them)",
                      (int)strcspn(word, "="), word, a->command->name);
}

/* One switch at argv[*ip]; steps over its value. */
static int parse_switch(app *a, int argc, char **argv, int *ip) {
    char *word = argv[*ip], *value = NULL;
    const char *name = neighbour(a, word);
    const app_option *o;
    void *base;

    if (!name)
        name = word;
    if (a->command->groups & APP_GROUP_IDENTITY) {
        if (!strcmp(word, "-no-pass") || !strcmp(word, "--no-pass")) {
            a->set.no_pass = true;
            return 0;
        }
        if (!strcmp(word, "-U")) {
            if (*ip + 1 == argc)
                return app_refuse(a, APP_USAGE, "-U: a value is wanted: DOMAIN\\user%%password");
            return set_samba_user(a, argv[++*ip]);
        }
    }
    if (name[1] == '-') {
        const char *equals = strchr(name, '=');
        size_t len = equals ? (size_t)(equals - name) - 2 : strlen(name) - 2;
        o = find_option(a, name + 2, len, 0, &base);
        if (o && equals)
            value = word + (equals - name) + 1;
    } else {
        o = name[2] == '\0' ? find_option(a, NULL, 0, name[1], &base) : NULL;
    }
    if (!o)
        return refuse_unknown(a, word);
    bool wants = o->kind != APP_FLAG && o->kind != APP_COUNTER;
    if (wants && !value) {
        if (*ip + 1 == argc || is_switch(a, argv[*ip + 1]))
            return app_refuse(a, APP_USAGE, "%s: a value is wanted: %s", word, o->arg);
        value = argv[++*ip];
    }
    if (!wants && value)
        return app_refuse(a, APP_USAGE, "--%s takes no value", o->name);
    return app_option_set(a, o, base, word, value);
}

int app_parse(app *a, int argc, char **argv) {
    bool only_args = false;

    a->set.timeout = APP_TIMEOUT_DEFAULT;
    a->set.auth = a->set.auth_level = APP_CHOICE_NONE;
    a->set.deadline = APP_DEADLINE_DEFAULT;
    a->set.retries = APP_RETRIES_DEFAULT;
    a->set.max_logons = 1;
    a->set.fail_on = APP_FAIL_ON_WARNING;
    a->own = mr_arena_get(&a->arena, 1, a->command->own_size);
    a->args = mr_arena_get(&a->arena, (size_t)argc + 1, sizeof *a->args);
    if (!a->own || !a->args)
        return app_refuse(a, APP_BUG, "out of memory");

    for (int i = 0; i < argc; i++) {
        char *word = argv[i];
        /* a negative number is no switch, unless it is -4 or -6 */
        bool number = word[0] == '-' && word[1] >= '0' && word[1] <= '9' &&
                      (word[2] || !app_knows_switch(a->command, word));
        if (only_args || word[0] != '-' || word[1] == '\0' || number) {
            a->args[a->arg_count++] = word;
        } else if (!strcmp(word, "--")) {
            only_args = true;
        } else {
            int r = parse_switch(a, argc, argv, &i);
            if (r)
                return r;
        }
    }
    if (a->set.ipv4 && a->set.ipv6)
        return app_refuse(a, APP_USAGE, "--ipv4 and --ipv6 exclude each other");
    return 0;
}
