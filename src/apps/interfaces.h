/* msrpc interfaces, inside: the endpoints of one host, each with its survey. */
#ifndef MSRPC_APP_INTERFACES_H
#define MSRPC_APP_INTERFACES_H

#include "session.h"

struct ifs_options {
    unsigned method;          /* enum mr_survey_method, as far as it goes */
    struct app_list uuids;
    const char *guess;
    bool only;
    uint32_t batch, mapper_port;
};

/* What is asked for at every endpoint; shared by all targets. */
struct ifs_guesses {
    mr_syntax *items;
    size_t count;
};

/* How an endpoint answered. */
enum ifs_state {
    IFS_WAITING,   /* not asked, or no outcome yet */
    IFS_ANSWERED,
    IFS_REFUSED,   /* NOT LISTENING */
    IFS_FILTERED,
    IFS_UNREACHABLE,
    IFS_SILENT,    /* TCP answers, RPC does not */
    IFS_FAILED,    /* anything else */
};

struct ifs;

struct ifs_endpoint {
    struct ifs *all;
    mr_addr addr;             /* with the port */
    size_t addr_at;           /* of session->addrs, where the target names the port */
    mr_survey survey;
    bool under_way;
    enum ifs_state state;
    int result;
    const char *error;        /* NULL: none */
};

struct ifs {
    app_session *s;
    const app_target *target;
    const struct ifs_guesses *guesses;
    const mr_mapper *mapper;  /* NULL: not asked */
    const mr_addr *remote;    /* the host that answered */
    struct ifs_endpoint *items;
    size_t count, next;
    size_t open;              /* surveys under way */
    size_t left;              /* endpoints without an outcome */
    app_pace pace;
    int code;
};

/* Whether the interface is shown without -v: listed or bound. */
bool ifs_is_there(const mr_survey_iface *iface);
void ifs_count(const mr_survey *survey, size_t *askedp, size_t *unknownp);

/* interfaces_show.c: the screen, and the member "endpoints". */
void ifs_show(struct ifs *all);
void ifs_json(struct ifs *all, mr_writer *w);

#endif
