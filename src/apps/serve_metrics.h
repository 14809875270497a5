/* The numbers of a server, and a responder that gives them to Prometheus: text format 0.0.4 over
 * HTTP/1.1, one GET for each connection. */
#ifndef MSRPC_APP_SERVE_METRICS_H
#define MSRPC_APP_SERVE_METRICS_H

#include <msrpc/serve.h>

#include "app.h"

#define SERVE_METHODS_MAX 1024 /* counted by name; the calls of others together */
#define SERVE_STATUSES_MAX 64
#define SERVE_BUCKETS 17
#define SERVE_SCRAPERS_MAX 16

struct serve_metrics {
    const mr_server *server;
    const mr_mapper_db *db;
    mr_loop *loop;
    mr_listener listener;
    struct serve_scrape *scrapes; /* connections open */
    unsigned scrape_count;
    int64_t started;              /* Unix seconds */
    uint64_t reloads, reload_failures;
    struct {
        const mr_iface *iface;
        uint16_t opnum;
        uint64_t calls;
    } methods[SERVE_METHODS_MAX]; /* hashed; iface NULL: free */
    size_t method_count;
    uint64_t other_calls;
    struct {
        uint32_t status;
        uint64_t faults;
    } statuses[SERVE_STATUSES_MAX];
    size_t status_count;
    uint64_t other_faults;
    uint64_t buckets[SERVE_BUCKETS + 1]; /* not cumulated; the last one is beyond all */
    mr_nsec time;                        /* of all calls */
};

void serve_metrics_init(struct serve_metrics *m, mr_loop *loop, const mr_server *server,
                        const mr_mapper_db *db);
void serve_metrics_deinit(struct serve_metrics *m);
/* Answers on @where, "[ADDR:]PORT" (of 127.0.0.1 without an address), or on the socket @fd. 0 or an
 * exit code, told. */
int serve_metrics_open(struct serve_metrics *m, const app *a, const char *where, int fd);
void serve_metrics_count(struct serve_metrics *m, const mr_server_record *record);
/* Writes the numbers in Prometheus' text format. */
void serve_metrics_write(const struct serve_metrics *m, mr_buf *buf);

#endif
