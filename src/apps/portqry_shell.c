/*
 * portqry's interactive mode: node, query with its shortcuts, set, exit. It reads lines from
 * standard input, a terminal or not, until exit or the end.
 */
#include <stdlib.h>

#include "portqry.h"

/* What a shortcut of query asks. */
static const struct shortcut {
    const char *name;
    unsigned protocol;
    uint16_t ports[4]; /* ended by 0 */
} shortcuts[] = {
    {"dns", PORTQRY_BOTH, {53}},    {"ftp", PORTQRY_TCP, {21}},
    {"imap", PORTQRY_TCP, {143}},   {"ipsec", PORTQRY_UDP, {500}},
    {"isa", PORTQRY_BOTH, {1745}},  {"ldap", PORTQRY_BOTH, {389}},
    {"l2tp", PORTQRY_UDP, {1701}},  {"mail", PORTQRY_TCP, {25, 110, 143}},
    {"pop3", PORTQRY_TCP, {110}},   {"rpc", PORTQRY_BOTH, {135}},
    {"smtp", PORTQRY_TCP, {25}},    {"snmp", PORTQRY_UDP, {161}},
    {"sql", PORTQRY_TCP, {1433}},   {"sql", PORTQRY_UDP, {1434}},
    {"tftp", PORTQRY_UDP, {69}},
};

static const char *const protocols[] = {"TCP", "UDP", "BOTH"};

static void show_options(struct portqry *pq) {
    const struct portqry_options *o = &pq->set;

    fprintf(pq->out, "\nCurrent option values:\n   end port= %u\n   protocol= %s\n"
            "   source port= %u%s\n", o->port, protocols[o->protocol], o->source_port,
            o->source_port ? "" : " (ephemeral)");
}

static void show_all(struct portqry *pq) {
    show_options(pq);
    fprintf(pq->out, "   reverse name lookup= %s\n   slow link delay= %s\n   community name= %s\n",
            pq->set.no_reverse ? "off" : "on", pq->set.slow ? "on" : "off",
            pq->set.community ? "********" : "public");
}

static void show_help(struct portqry *pq) {
    fputs("\n node NAME, n NAME       ask this name or address from now on\n"
          " query, q                ask it, with the options as they are\n"
          " query WHAT, q WHAT      ask for:", pq->out);
    for (size_t i = 0; i < MR_COUNT(shortcuts); i++)
        if (i == 0 || strcmp(shortcuts[i].name, shortcuts[i - 1].name) != 0)
            fprintf(pq->out, " %s", shortcuts[i].name);
    fputs("\n set OPTION=VALUE        port (e), protocol (p), sport (sp), cn\n"
          " set nr, set sl          reverse lookup off and on, slow link on and off\n"
          " set all                 show the options\n"
          " exit, quit              leave\n", pq->out);
}

/* ---- set ---- */

static bool read_number(const char *text, uint32_t low, uint32_t *valuep) {
    uint64_t value;

    if (mr_slice_get_number(mr_slice_str(text), 65535, &value) != 0 || value < low)
        return false;
    *valuep = (uint32_t)value;
    return true;
}

static bool read_protocol(const char *text, unsigned *protocolp) {
    for (unsigned i = 0; i < MR_COUNT(protocols); i++)
        if (mr_str_eq_nocase(text, protocols[i])) {
            *protocolp = i;
            return true;
        }
    return false;
}

static bool set_value(struct portqry *pq, const char *name, const char *value) {
    struct portqry_options *o = &pq->set;

    if (mr_str_eq_nocase(name, "port") || mr_str_eq_nocase(name, "e"))
        return read_number(value, 1, &o->port);
    if (mr_str_eq_nocase(name, "sport") || mr_str_eq_nocase(name, "sp"))
        return read_number(value, 0, &o->source_port);
    if (mr_str_eq_nocase(name, "protocol") || mr_str_eq_nocase(name, "p"))
        return read_protocol(value, &o->protocol);
    if (!mr_str_eq_nocase(name, "cn") || !*value)
        return false;
    /* with or without the exclamation marks of the command line */
    mr_slice text = mr_slice_str(value);
    if (text.len > 2 && value[0] == '!' && value[text.len - 1] == '!')
        text = mr_slice_sub(text, 1, text.len - 2);
    o->community = mr_arena_add_str(&pq->a->arena, text);
    return o->community != NULL;
}

static void set(struct portqry *pq, char *what) {
    char *equals = strchr(what, '=');

    if (equals) {
        *equals = '\0';
        if (!set_value(pq, what, equals + 1))
            fprintf(pq->out, "\ninvalid option or value: %s\n",
                    app_safe(pq->a, mr_slice_str(what)));
        else
            show_options(pq);
    } else if (mr_str_eq_nocase(what, "nr")) {
        pq->set.no_reverse = !pq->set.no_reverse;
        fprintf(pq->out, "\nreverse name lookup= %s\n", pq->set.no_reverse ? "off" : "on");
    } else if (mr_str_eq_nocase(what, "sl")) {
        pq->set.slow = !pq->set.slow;
        fprintf(pq->out, "\nslow link delay= %s\n", pq->set.slow ? "on" : "off");
    } else if (mr_str_eq_nocase(what, "all") || !*what) {
        show_all(pq);
    } else {
        fprintf(pq->out, "\ninvalid option: %s\n", app_safe(pq->a, mr_slice_str(what)));
    }
}

/* ---- query ---- */

static void say_service(struct portqry *pq, uint16_t port, unsigned protocol) {
    for (unsigned p = PORTQRY_TCP; p <= PORTQRY_UDP; p++) {
        if (protocol != p && protocol != PORTQRY_BOTH)
            continue;
        struct portqry_service s = portqry_service_get(port, p == PORTQRY_UDP ? MR_PORT_UDP
                                                                              : MR_PORT_TCP);
        fprintf(pq->out, "%s port resolved to the '%s' service\n", protocols[p],
                app_safe(pq->a, mr_slice_str(s.name)));
    }
}

/* Asks; codes from APP_USAGE on that are no failure of the target end the mode. */
static int ask(struct portqry *pq, const uint16_t *ports, size_t count, unsigned protocol) {
    unsigned kept = pq->set.protocol;

    fputs("\nresolving service name using local services file...\n", pq->out);
    for (size_t i = 0; i < count; i++)
        say_service(pq, ports[i], protocol);
    fputc('\n', pq->out);
    pq->set.protocol = protocol;
    int code = portqry_resolve(pq);
    if (!code)
        code = portqry_ask(pq, ports, count, false);
    pq->set.protocol = kept;
    return code == APP_INTERRUPTED || code == APP_BUG ? code : 0;
}

static int query(struct portqry *pq, const char *what) {
    uint16_t port = (uint16_t)pq->set.port;
    bool known = false;
    int code = 0;

    if (!*what)
        return ask(pq, &port, 1, pq->set.protocol);
    for (size_t i = 0; !code && i < MR_COUNT(shortcuts); i++) {
        const struct shortcut *s = &shortcuts[i];
        size_t count = 0;
        if (!mr_str_eq_nocase(what, s->name))
            continue;
        while (count < MR_COUNT(s->ports) && s->ports[count])
            count++;
        known = true;
        code = ask(pq, s->ports, count, s->protocol);
    }
    if (!known)
        fprintf(pq->out, "\nunknown query: %s\n", app_safe(pq->a, mr_slice_str(what)));
    return code;
}

/* ---- lines ---- */

static void set_node(struct portqry *pq, const char *name) {
    if (!*name || strpbrk(name, " \t[]@")) {
        fputs("\na name or an address is wanted: node NAME\n", pq->out);
        return;
    }
    const char *copy = mr_arena_add_str(&pq->a->arena, mr_slice_str(name));
    if (copy)
        pq->host = copy;
    fprintf(pq->out, "\nDefault Node: %s\n\n", app_safe(pq->a, mr_slice_str(pq->host)));
}

static bool is(const char *word, const char *full, const char *brief) {
    return mr_str_eq_nocase(word, full) || (brief && mr_str_eq_nocase(word, brief));
}

/* One line; *@leavep when it ends the mode. */
static int do_line(struct portqry *pq, char *line, bool *leavep) {
    char *rest;

    line += strspn(line, " \t");
    line[strcspn(line, "\r\n")] = '\0';
    for (size_t n = strlen(line); n && (line[n - 1] == ' ' || line[n - 1] == '\t');)
        line[--n] = '\0';
    rest = line + strcspn(line, " \t");
    if (*rest)
        *rest++ = '\0';
    rest += strspn(rest, " \t");
    if (is(line, "exit", "quit"))
        *leavep = true;
    else if (is(line, "node", "n"))
        set_node(pq, rest);
    else if (is(line, "query", "q"))
        return query(pq, rest);
    else if (is(line, "set", NULL))
        set(pq, rest);
    else if (is(line, "help", "?"))
        show_help(pq);
    else if (*line)
        fprintf(pq->out, "\nunknown command: %s (help lists them)\n",
                app_safe(pq->a, mr_slice_str(line)));
    return 0;
}

int portqry_shell(struct portqry *pq) {
    bool leave = false;
    char *line = NULL;
    size_t room = 0;
    int code = 0;

    if (!pq->set.port)
        pq->set.port = PORTQRY_PORT_DEFAULT;
    pq->host = pq->set.name ? pq->set.name : "127.0.0.1";
    fprintf(pq->out, "\nPortqry Interactive Mode\n\nType 'help' for a list of commands\n\n"
            "Default Node: %s\n", pq->host);
    show_options(pq);
    while (!code && !leave) {
        fputs(">", pq->out);
        fflush(pq->out);
        fflush(pq->a->out);
        if (getline(&line, &room, stdin) < 0)
            break;
        code = do_line(pq, line, &leave);
    }
    if (!code && !leave)
        fputc('\n', pq->out);
    free(line);
    return code;
}
