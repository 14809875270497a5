/*
 * msrpc serve, inside. serve.c has the switches and the life of the server, serve_config.c the file
 * of --config, serve_settings.c what both come to, serve_users.c who may log on, serve_open.c its
 * endpoints and what the mapper is told of them, serve_log.c its lines, serve_metrics.c its
 * numbers, serve_manager.c what a service manager hands over and is told.
 */
#ifndef MSRPC_APP_SERVE_H
#define MSRPC_APP_SERVE_H

#include <msrpc/serve.h>

#include <sys/resource.h>

#include "serve_log.h"
#include "serve_metrics.h"
#include "serve_mock.h"

/* The switches. */
struct serve_switches {
    const char *config, *mapper, *socket, *metrics, *era, *log, *users, *keytab;
    struct app_list bind, ports, interfaces, mocks, registered;
    uint32_t ready_fd, threads, call_timeout;
    unsigned verbose;
    bool check_config;
};

#define SERVE_SERVICES_MAX 64

/* An interface as it is to be served: [interface NAME] or --interface. */
struct serve_service {
    const char *name;
    mr_slice said;         /* the name where it was said */
    uint16_t port;         /* 0: from the pool */
    enum mr_port_use use;  /* which ports of the pool */
    bool offered;          /* by --interface, or a section of a built-in one */
    bool has_access;
    mr_server_access access;
};

/* What the file and the switches come to. Texts are in @arena, or those of the switches. */
struct serve_settings {
    mr_arena arena;
    const char *path;                /* of the file */
    mr_slice text;                   /* of the file, in which its items and names lie */
    mr_slice said_ports;             /* the first value in [ports] that makes rules */
    const char *mapper, *socket, *metrics, *users, *keytab;
    struct app_list bind, mocks, registered;
    unsigned era;                    /* enum mr_port_era */
    mr_port_rules rules;
    struct serve_service services[SERVE_SERVICES_MAX];
    size_t service_count;
    mr_server_options limits;
    unsigned restrict_remote;        /* enum mr_restrict */
    unsigned client_resolution;      /* EnableAuthEpResolution */
    mr_nsec drain_time;
    unsigned log_level;              /* index into SERVE_LEVELS */
    uint32_t log_rate;
};

/* serve_config.c */
/* Reads the file at @path over the defaults in *@s; texts go into s->arena. 0, APP_UNREADABLE, or
 * APP_USAGE with "PATH:LINE:COLUMN: ..." told. */
int serve_config_read(app *a, const char *path, struct serve_settings *s);

/* serve_settings.c */
/* The defaults, the file, the switches, in this order, and whether they can stand together. 0 or an
 * exit code, told; *@s is to be freed with serve_settings_deinit in either case. */
int serve_settings_read(app *a, const struct serve_switches *switches, struct serve_settings *s);
void serve_settings_deinit(struct serve_settings *s);
/* The service of that interface; NULL when nothing is said of it. */
const struct serve_service *serve_settings_find(const struct serve_settings *s, const char *name);
/* Whether @text is [ADDR:]PORT, the port being @port where there is none; 0: there is to be one. */
bool serve_settings_is_place(mr_slice text, uint16_t port);
/* Where @said, an item or a name of the settings, comes from: "FILE:LINE:COLUMN", or @shown, its
 * switch. In the arena of the settings. */
const char *serve_settings_where(struct serve_settings *s, mr_slice said, const char *shown);
/* Reads an item of @s->registered, NAME@PORT. 0 or APP_USAGE, told with its place. */
int serve_settings_registered(const app *a, struct serve_settings *s, mr_slice item,
                              mr_syntax *syntaxp, uint16_t *portp);

/* serve_users.c */
/* Who may log on. */
struct serve_users {
    mr_gate *gate; /* NULL: nobody may */
};
/* Reads the files of --users and --keytab; machines may come by @channels. 0 or an exit code,
 * told. */
int serve_users_read(app *a, const struct serve_settings *s, mr_channels *channels,
                     struct serve_users *users);
void serve_users_deinit(struct serve_users *users);

/* An interface this command can offer; @add is given @with, or @s. */
struct serve_offer {
    const mr_iface *iface;
    int (*add)(mr_server_endpoint *endpoint, void *with, mr_error *err);
    void *with;
    const char *annotation;
    uint16_t port; /* of its own; 0: what the settings say */
};

/* A place where the server listens. */
struct serve_place {
    mr_server_endpoint *endpoint; /* NULL: it is closed, the row is free */
    struct serve_offer offer;     /* iface NULL: the mapper */
    size_t bind;                  /* index into the addresses */
};

#define SERVE_PLACES_MAX 256

struct serve {
    app *a;
    const struct serve_switches *switches;
    struct serve_settings settings;
    mr_loop loop;
    mr_server *server;
    mr_mapper_db db;
    mr_addr binds[APP_LIST_MAX];
    size_t bind_count;
    struct serve_mocks mocks;
    struct serve_users users;
    mr_channels *channels;
    struct serve_place places[SERVE_PLACES_MAX];
    size_t place_count;
    struct serve_log log;
    struct serve_metrics metrics;
    bool listing;  /* tell of listeners on standard output */
    bool full;     /* no port of the pool was free, and that was told */
    rlim_t files_told; /* how many descriptors are wanted, once that was told */
    bool running;  /* failures are logged from now on */
};

/* serve_open.c */
/* Whether each interface of @settings can be offered. 0 or an exit code, told. */
int serve_open_know(const app *a, struct serve_settings *settings,
                    const struct serve_mocks *mocks);
/* Whether @users are those that the built-in interfaces want. 0 or an exit code, told. */
int serve_open_check(const app *a, struct serve_settings *settings,
                     const struct serve_mocks *mocks, const struct serve_users *users);
/* Takes the addresses of the settings. 0 or an exit code, told. */
int serve_open_bind(struct serve *s);
/* Opens everything the settings ask for. 0 or an exit code, told. */
int serve_open_all(struct serve *s);
/* After s->settings have changed: moves what must move, opens and closes interfaces, tells the
 * mapper, sets who may call. What cannot be done is logged and stays as it was. */
void serve_open_again(struct serve *s);
/* The listeners there are. */
uint32_t serve_open_count(const struct serve *s);

/* serve_manager.c (systemd's sd_listen_fds(3) and sd_notify(3)) */
#define SERVE_PASSED_MAX 16
struct serve_passed {
    int fd;
    const char *name;  /* of LISTEN_FDNAMES, "" without one; borrowed from the environment */
    const char *path;  /* of a local socket, in the arena given; NULL for TCP */
};
/* The sockets that were passed in, in order; their number. */
size_t serve_manager_take(mr_arena *arena, struct serve_passed passed[SERVE_PASSED_MAX]);
/* Tells the manager "READY=1", "RELOADING=1", "STOPPING=1" or a "STATUS=..."; nothing without
 * one. */
void serve_manager_tell(const char *what);

#endif
