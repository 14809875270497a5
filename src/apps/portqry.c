/*
 * portqry as Windows has it: its switches, its words and layout, its exit codes, its log file, its
 * interactive and its local mode. What it knows of a port comes from the port probes, as for msrpc
 * port. No anonymous logon is tried at an FTP server, no configuration fetched from an ISA server.
 */
#include "portqry.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "identity.h"

#define AT(member) offsetof(struct portqry_options, member)

static const app_option options[] = {
    {"n", 0, APP_TEXT, "NAME", AT(name), 0, 0, "name or address to ask (needed)"},
    {"p", 0, APP_CHOICE, "tcp|udp|both", AT(protocol), 0, 0, "protocol (tcp)"},
    {"e", 0, APP_NUMBER, "PORT", AT(port), 1, 65535, "one port (80)"},
    {"o", 0, APP_TEXT, "PORT,PORT", AT(order), 0, 0, "several ports, asked in this order"},
    {"r", 0, APP_TEXT, "FIRST:LAST", AT(range), 0, 0,
     "a range of ports (also FIRST;LAST); does not read the endpoint mapper's list"},
    {"l", 0, APP_TEXT, "FILE", AT(log), 0, 0, "write a log file as well"},
    {"y", 0, APP_FLAG, NULL, AT(yes), 0, 0, "overwrite the log file without asking"},
    {"sl", 0, APP_FLAG, NULL, AT(slow), 0, 0, "slow link: wait twice as long for UDP answers"},
    {"nr", 0, APP_FLAG, NULL, AT(no_reverse), 0, 0, "do not look up the name of an address"},
    {"sp", 0, APP_NUMBER, "PORT", AT(source_port), 0, 65535, "ask from this local port"},
    {"cn", 0, APP_SECRET, "!NAME!", AT(community), 0, 0, "SNMP community (!public!)"},
    {"q", 0, APP_FLAG, NULL, AT(quiet), 0, 0,
     "print errors only, the exit code tells: one port and one protocol"},
    {"i", 0, APP_FLAG, NULL, AT(interactive), 0, 0, "interactive mode"},
    {"local", 0, APP_FLAG, NULL, AT(local), 0, 0,
     "this machine's ports and the processes that hold them"},
    {"wport", 0, APP_NUMBER, "PORT", AT(watch_port), 1, 65535, "watch a port of this machine"},
    {"wpid", 0, APP_NUMBER, "PID", AT(watch_pid), 1, UINT32_MAX, "watch a process's ports"},
    {"wt", 0, APP_NUMBER, "SECONDS", AT(watch_time), 1, 1200,
     "with -wport or -wpid: look every so often (60)"},
    {"v", 0, APP_FLAG, NULL, AT(verbose), 0, 0, "local mode: services and modules of processes"},
    {0},
};

/* ---- where output goes ---- */

static ssize_t tee(void *cookie, const char *data, size_t size) {
    struct portqry *pq = cookie;

    if (!pq->set.quiet)
        fwrite(data, 1, size, pq->a->out);
    if (pq->log)
        fwrite(data, 1, size, pq->log);
    return (ssize_t)size; /* what was lost shows in the streams below */
}

static bool may_overwrite(const struct portqry_options *o) {
    char answer[16] = "";

    if (o->yes || o->quiet || access(o->log, F_OK) != 0)
        return true;
    if (!isatty(STDIN_FILENO))
        return false;
    fprintf(stderr, "%s exists. Overwrite it (y/n)? ", o->log);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static const char *now(char out[32]) {
    time_t seconds = time(NULL);
    struct tm tm;

    localtime_r(&seconds, &tm);
    strftime(out, 32, "%a %b %d %H:%M:%S %Y", &tm);
    return out;
}

static int open_log(struct portqry *pq) {
    const app *a = pq->a;
    char date[32], host[256] = "";

    if (!may_overwrite(&pq->set))
        return app_refuse(a, APP_UNWRITABLE, "%s exists: -y overwrites it", pq->set.log);
    pq->log = fopen(pq->set.log, "we");
    if (!pq->log)
        return app_refuse(a, APP_UNWRITABLE, "%s: the log file cannot be written: %s", pq->set.log,
                          strerror(errno));
    (void)gethostname(host, sizeof host - 1);
    fprintf(pq->log, "PortQry Version 2.0 Log File\n\nSystem Date: %s\n\nCommand run:\n portqry",
            now(date));
    for (size_t i = 0; i < a->arg_count; i++)
        fprintf(pq->log, " %s", a->args[i]);
    fprintf(pq->log, "\n\nLocal computer name:\n\n %s\n\n", host);
    return 0;
}

static int close_log(struct portqry *pq, int code) {
    if (!pq->log)
        return code;
    fputs("\n========= end of log file =========\n", pq->log);
    bool lost = ferror(pq->log) != 0;
    lost |= fclose(pq->log) != 0;
    return lost ? app_refuse(pq->a, APP_UNWRITABLE, "%s: not everything could be written",
                             pq->set.log) : code;
}

/* ---- the switches ---- */

/* Switches that exclude each other, and values with a grammar of their own. */
static int check(const app *a, struct portqry_options *o) {
    unsigned places = (o->port != 0) + (o->order != NULL) + (o->range != NULL);
    unsigned modes = o->local + (o->watch_port != 0) + (o->watch_pid != 0) + o->interactive;
    bool on_machine = o->local || o->watch_port || o->watch_pid;

    if (places > 1)
        return app_refuse(a, APP_USAGE, "-e, -o and -r exclude each other");
    if (modes > 1)
        return app_refuse(a, APP_USAGE, "-local, -wport, -wpid and -i exclude each other");
    if (o->quiet && (o->order || o->range || o->protocol == PORTQRY_BOTH || modes))
        return app_refuse(a, APP_USAGE, "-q goes with one port (-e) over one protocol only");
    if (on_machine && (o->name || places))
        return app_refuse(a, APP_USAGE, "-local, -wport and -wpid look at this machine: no -n, -e, "
                          "-o or -r");
    if (o->interactive && (o->order || o->range))
        return app_refuse(a, APP_USAGE, "-i takes one port (-e), not -o or -r");
    if (o->watch_time && !o->watch_port && !o->watch_pid)
        return app_refuse(a, APP_USAGE, "-wt goes with -wport or -wpid");
    if (!modes && !o->name)
        return app_refuse(a, APP_USAGE, "-n NAME is wanted (portqry -? lists the switches)");
    if (o->name && app_may_hold_secret(o->name)) {
        app_wipe_text(o->name);
        return app_refuse(a, APP_USAGE, "-n: a name or an address is wanted, without an account");
    }
    if (o->name && (!*o->name || strpbrk(o->name, " \t[]@")))
        return app_refuse(a, APP_USAGE, "-n %s: a name or an address is wanted", o->name);
    if (o->community) {
        char *name = (char *)o->community; /* ours: secrets are copies */
        size_t len = strlen(name);
        if (len < 3 || name[0] != '!' || name[len - 1] != '!')
            return app_refuse(a, APP_USAGE, "-cn: the name stands between exclamation marks: "
                              "!NAME!");
        name[len - 1] = '\0';
        o->community = name + 1;
    }
    return 0;
}

static bool read_port(mr_slice text, uint16_t *portp) {
    uint64_t port;

    if (mr_slice_get_number(text, 65535, &port) != 0 || port == 0)
        return false;
    *portp = (uint16_t)port;
    return true;
}

static int read_range(app *a, const char *text, uint16_t **portsp, size_t *countp) {
    size_t n = strcspn(text, ":;");
    uint16_t first = 0, last = 0;

    if (!text[n] || !read_port(mr_slice_of(text, n), &first) ||
        !read_port(mr_slice_str(text + n + 1), &last) || first > last)
        return app_refuse(a, APP_USAGE, "-r %s: two ports are wanted, the lower first: 135:139",
                          text);
    uint16_t *ports = mr_arena_get(&a->arena, (size_t)(last - first) + 1, sizeof *ports);
    if (!ports)
        return app_refuse(a, APP_BUG, "out of memory");
    for (size_t i = 0; i <= (size_t)(last - first); i++)
        ports[i] = (uint16_t)(first + i);
    *portsp = ports;
    *countp = (size_t)(last - first) + 1;
    return 0;
}

static int read_order(app *a, const char *text, uint16_t **portsp, size_t *countp) {
    uint16_t *ports = mr_arena_get(&a->arena, strlen(text) / 2 + 1, sizeof *ports);
    size_t count = 0;

    if (!ports)
        return app_refuse(a, APP_BUG, "out of memory");
    for (const char *p = text;; p++) {
        size_t len = strcspn(p, ",");
        if (!read_port(mr_slice_of(p, len), &ports[count++]))
            return app_refuse(a, APP_USAGE, "-o %s: ports from 1 to 65535 are wanted: 139,1025,135",
                              text);
        p += len;
        if (!*p)
            break;
    }
    *portsp = ports;
    *countp = count;
    return 0;
}

/* ---- the run ---- */

static int query(struct portqry *pq, const uint16_t *ports, size_t count) {
    pq->host = pq->set.name;
    fprintf(pq->out, "\nQuerying target system called:\n\n %s\n\n", pq->host);
    int code = portqry_resolve(pq);
    return code ? code : portqry_ask(pq, ports, count, pq->set.range != NULL);
}

static int run_remote(struct portqry *pq) {
    uint16_t one = (uint16_t)(pq->set.port ? pq->set.port : PORTQRY_PORT_DEFAULT), *ports = &one;
    size_t count = 1;
    int code = 0;

    if (pq->set.range)
        code = read_range(pq->a, pq->set.range, &ports, &count);
    else if (pq->set.order)
        code = read_order(pq->a, pq->set.order, &ports, &count);
    if (!code && pq->set.log)
        code = open_log(pq);
    if (!code)
        code = app_session_open(pq->a, &pq->s);
    if (code)
        return code;
    code = pq->set.interactive ? portqry_shell(pq) : query(pq, ports, count);
    app_session_close(&pq->s);
    return code;
}

static int run_local(struct portqry *pq) {
    int code = pq->set.log ? open_log(pq) : 0;

    if (code)
        return code;
    return pq->set.local ? portqry_local(pq) : portqry_watch(pq);
}

static int run(app *a) {
    struct portqry pq = {.a = a, .set = *(const struct portqry_options *)a->own};
    const cookie_io_functions_t functions = {.write = tee};

    int code = check(a, &pq.set);
    if (code)
        return code;
    pq.out = fopencookie(&pq, "w", functions);
    if (!pq.out)
        return app_refuse(a, APP_BUG, "out of memory");
    bool on_machine = pq.set.local || pq.set.watch_port || pq.set.watch_pid;
    code = on_machine ? run_local(&pq) : run_remote(&pq);
    fclose(pq.out);
    return close_log(&pq, code);
}

const app_command app_portqry = {
    .name = "portqry",
    .line = "portqry's own switches, words and exit codes (drop-in)",
    .synopsis = "",
    .about =
        "Stands in for portqry of Windows where scripts and old eyes expect it: -x and /x are the "
        "same, in any case. Of several ports the exit code is the highest. A range is written "
        "135:139, since a shell ends the command at the old semicolon. msrpc port says more.",
    .examples = {"msrpc portqry -n dc01 -e 135",
                 "the endpoint mapper's port and its list",
                 "msrpc portqry -n dc01 -p udp -e 389 -q",
                 "the exit code alone: 0, 1 or 2"},
    .exits = {"0", "LISTENING",
              "1", "NOT LISTENING",
              "2", "FILTERED, or LISTENING or FILTERED",
              "69", "a local facility is missing",
              "73", "the log file exists, or cannot be written",
              "99", "the name cannot be resolved, the source port is taken, or nothing can be sent",
              "130", "interrupted"},
    .options = options,
    .own_size = sizeof(struct portqry_options),
    .run = run,
    .grammar = APP_GRAMMAR_ANY_CASE,
};
