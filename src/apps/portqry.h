/* portqry as Windows has it, inside: settings, what is asked of a port, and where output goes. */
#ifndef MSRPC_APP_PORTQRY_H
#define MSRPC_APP_PORTQRY_H

#include <msrpc/probe/port.h>

#include "session.h"

enum { PORTQRY_TCP, PORTQRY_UDP, PORTQRY_BOTH }; /* -p */

/* The switches; interactive mode changes them as it goes. */
struct portqry_options {
    const char *name, *order, *range, *log, *community;
    uint32_t port, source_port, watch_port, watch_pid, watch_time;
    unsigned protocol;
    bool yes, slow, no_reverse, quiet, interactive, local, verbose;
};

#define PORTQRY_PORT_DEFAULT 80
#define PORTQRY_WATCH_DEFAULT 60
#define PORTQRY_AT_ONCE 32

/* Exit codes, those of the original. */
enum {
    PORTQRY_LISTENING = 0,
    PORTQRY_NOT_LISTENING = 1,
    PORTQRY_FILTERED = 2, /* or LISTENING or FILTERED */
    PORTQRY_FAILED = 99,  /* the name, the source port or this machine */
};

/* What portqry itself says to a port, beyond trying it. */
enum portqry_talk {
    PORTQRY_TALK_NONE,
    PORTQRY_TALK_BANNER,
    PORTQRY_TALK_DNS,
    PORTQRY_TALK_RPC,
    PORTQRY_TALK_NETBIOS,
    PORTQRY_TALK_SNMP,
    PORTQRY_TALK_LDAP,
    PORTQRY_TALK_ISAKMP,
    PORTQRY_TALK_SQL,
    PORTQRY_TALK_L2TP,
};

/* A port as the services file of Windows names it. */
struct portqry_service {
    char name[32];          /* "epmap", "unknown" */
    enum portqry_talk talk;
    uint16_t speaks;        /* the usual port of that protocol */
};

/* One port to ask, and what came of it. */
struct portqry_item {
    uint16_t port;
    uint8_t protocol;       /* MR_PORT_TCP or MR_PORT_UDP */
    struct portqry_service service;
    mr_port_probe probe;
    size_t open;            /* 1 until it is over */
};

struct portqry {
    app *a;
    struct portqry_options set;
    app_session s;
    FILE *out, *log;        /* @out writes to the screen (unless quiet) and to @log */
    mr_addr remote;
    const char *host;       /* as given */
    struct portqry_item *items; /* those being asked, PORTQRY_AT_ONCE of them */
};

/* portqry_names.c: never NULL names. */
struct portqry_service portqry_service_get(uint16_t port, unsigned protocol);

/* portqry_ask.c. Each gives 0, an exit code of portqry, or an app_exit from APP_USAGE on. */
/* Finds the target's address and says so. */
int portqry_resolve(struct portqry *pq);
/* Asks the ports in this order and shows each; @ranged: without the endpoint mapper's list. */
int portqry_ask(struct portqry *pq, const uint16_t *ports, size_t count, bool ranged);

/* portqry_show.c: prints what came of a port; its exit code. */
int portqry_show(struct portqry *pq, const struct portqry_item *item);

/* portqry_local.c: -local, -wport, -wpid. */
int portqry_local(struct portqry *pq);
int portqry_watch(struct portqry *pq);

/* portqry_shell.c: -i. */
int portqry_shell(struct portqry *pq);

#endif
