/*
 * msrpc name, inside. One frame and several parts: name.c reads the switches, opens the session,
 * starts the parts that the switches ask for, waits within the deadline, runs the rules once over
 * the facts of all parts and shows everything. A part asks on the loop and shows what came:
 *
 *   name_dns.c      DNS: every server side by side, the hosts file, the search list
 *   name_netbios.c  NetBIOS: broadcast, WINS, node status, query lists
 *   name_locator.c  the DC locator, as nltest finds it
 *   name_health.c   a domain's DNS health, as dcdiag /test:dns tells it
 *
 * A part never prints before it is asked to show, and says nothing in JSON that it does not also
 * say when the run was cut: what is known is shown, whatever the end.
 */
#ifndef MSRPC_APP_NAME_H
#define MSRPC_APP_NAME_H

#include <msrpc/diag.h>

#include "progress.h"
#include "session.h"

#define NAME_SERVERS 16 /* --dns-server */

struct name_options {
    /* common, read into struct name_run by the frame */
    struct app_list dns_servers;
    bool ipv4, ipv6, no_system;
    /* name_dns.c */
    struct app_list types;
    bool authoritative;
    /* name_netbios.c */
    bool netbios, status;
    struct app_list suffixes, wins;
    const char *broadcast, *scope, *list;
    /* name_locator.c */
    const char *dsgetdc, *site, *account;
    struct app_list flags;
    /* name_health.c */
    const char *health, *dc, *external;
};

struct name_run {
    app *a;
    const struct name_options *o;
    app_session s;             /* loop, resolver (the system's configuration), deadline */
    const char *name;          /* the argument as given; NULL where a switch names the subject */
    const char *subject;       /* what the report is about: the name, a domain, a file */
    enum mr_family family;     /* -4, -6; MR_FAMILY_ANY */
    mr_addr servers[NAME_SERVERS]; /* --dns-server, port 53 where none was given */
    size_t server_count;
    mr_arena arena;            /* of this report */
    mr_diag diag;              /* every part's facts and checks; host is the subject */
    app_progress progress;     /* over all reports */
    size_t open;               /* parts that still wait; name_part_over counts down */
    bool partial;              /* the deadline passed, or a signal came */
    int code;                  /* the worst that a part says on its own, then the report's */
    mr_nsec began, ended;
    int64_t started_sec;
    uint32_t started_nsec;
    char from[MR_ADDR_TEXT];   /* where the first question left this machine; "": not known */
    void *dns, *netbios, *netbios_list, *locator, *health; /* each part's own state, in the arena */
};

/* One part. Functions are called in this order; show and json only where start returned 0. */
struct name_part {
    bool (*wanted)(const struct name_options *o); /* by a switch that names this part */
    bool beside;    /* runs where no switch names any part: the plain "msrpc name NAME" */
    const char *option; /* "--switch " that names the subject, instead of an argument; or NULL */
    /* Refuses switches that do not fit, before anything is asked. 0 or APP_USAGE,
     * APP_UNREADABLE, told. *@subjectp where @option. NULL: nothing to check. */
    int (*check)(app *a, const struct name_options *o, const char *name, const char **subjectp);
    /* Begins to ask: 0, or an exit code, told. Counts run->open up if it has to wait; has nothing
     * to do, and so nothing to show, when it leaves its state NULL. */
    int (*start)(struct name_run *run);
    /* The own address that the part's first question leaves from; false when it is not known. */
    bool (*from)(struct name_run *run, mr_addr *localp);
    /* The rules are about to run: adds facts that need the whole picture. May be NULL. */
    void (*conclude)(struct name_run *run);
    void (*show)(struct name_run *run);
    void (*json)(struct name_run *run, mr_writer *w); /* members of the open report */
    void (*free)(struct name_run *run);               /* cancels what is still asked */
};

extern const struct name_part name_part_dns, name_part_netbios, name_part_netbios_list,
    name_part_locator, name_part_health;

/* A part has begun to ask, with result @r: one more to wait for, or @err is told. 0 or an exit
 * code. */
int name_part_began(struct name_run *run, int r, const mr_error *err);
/* A part is through: one less to wait for. */
void name_part_over(struct name_run *run);
/* A part lost something for want of memory or descriptors: said, and the run's code. */
void name_part_failed(struct name_run *run);
/* A from() for a part that asks the first DNS server of --dns-server, else of the system. */
bool name_from_resolver(struct name_run *run, mr_addr *localp);
/* How often each question is asked; 0: as often as its protocol does. */
unsigned name_tries(const app *a);
/* A domain as a switch gave it, without final dots, in the arena; NULL without memory. */
const char *name_domain(struct name_run *run, const char *text);
/* An address, or NULL, as text in the arena. */
const char *name_addr_text(struct name_run *run, const mr_addr *addr);

#endif
