/* msrpc range, inside: what is wanted, what is said of it, and what a host uses. */
#ifndef MSRPC_APP_RANGE_H
#define MSRPC_APP_RANGE_H

#include <msrpc/facts.h>

#include "session.h"

struct range_options {
    const char *ports, *netsh, *of;
    uint32_t start, num;
};

/* What a command of the plan is for. */
enum range_purpose {
    RANGE_RPC,      /* RPC servers: Rpc\Internet; needs a restart */
    RANGE_NETSH,    /* every socket of the host */
    RANGE_FIREWALL,
    RANGE_SHOW,
    RANGE_UNDO,
};

struct range_command {
    enum range_purpose purpose;
    enum mr_shell shell;
    const char *text;
};

#define RANGE_COMMANDS 32

/* A port that the mapper of the host names. */
struct range_port {
    uint16_t port;
    bool inside;
    const char **interfaces; /* names, in the app's arena */
    size_t interface_count;
};

struct range {
    app *a;
    const char *text;         /* what was asked for, as it was given */
    mr_ranges wanted;
    bool has_netsh;           /* start= and num= were given instead */
    uint32_t start, num;
    mr_diag diag;
    struct range_command commands[RANGE_COMMANDS];
    size_t command_count;
    /* --of */
    app_session *s;           /* NULL: no host was asked */
    const app_target *target;
    const mr_addr *remote;
    struct range_port *ports; /* sorted */
    size_t port_count;
    const char *era;          /* which default the ports look like */
};

/* "5000-5100,5200" with @between between the entries; in the app's arena. */
const char *range_list(app *a, const mr_ranges *ranges, const char *between);

/* range_plan.c: the commands that set the range, look at it and undo it. 0 or an exit code. */
int range_plan(struct range *r);
/* range_of.c: asks the mapper of --of and compares. 0 or an exit code. */
int range_of(struct range *r);

/* range_show.c */
void range_show(const struct range *r);
void range_json(const struct range *r, mr_writer *w);

#endif
