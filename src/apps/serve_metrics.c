/*
 * The numbers of a server and who asks for them. A scraper has ten seconds to say GET /metrics and
 * to take the answer, and there are never more than a few: the oldest makes room for the next, so
 * that silent ones keep nobody out. What is no HTTP is told so at its first octet or line that
 * shows it. What is counted by name is bounded.
 */
#include "serve_metrics.h"

#include <stdlib.h>

#define REQUEST_MAX 8192
#define PATIENCE (10 * MR_SEC)
#define USEC ((mr_nsec)1000)
#define ANSWER_MAX ((size_t)4 << 20)

/* ---- counting ---- */

static const mr_nsec bounds[SERVE_BUCKETS] = {
    20 * USEC,  50 * USEC,  100 * USEC, 250 * USEC, 500 * USEC, 1 * MR_MSEC,
    3 * MR_MSEC,   5 * MR_MSEC,   10 * MR_MSEC,  25 * MR_MSEC,  50 * MR_MSEC,  100 * MR_MSEC,
    250 * MR_MSEC, 500 * MR_MSEC, 1 * MR_SEC,    5 * MR_SEC,    10 * MR_SEC,
};

static void count_method(struct serve_metrics *m, const mr_iface *iface, uint16_t opnum) {
    size_t at = ((uintptr_t)iface / 16 * 31 + opnum) % SERVE_METHODS_MAX;

    while (m->methods[at].iface &&
           (m->methods[at].iface != iface || m->methods[at].opnum != opnum))
        at = (at + 1) % SERVE_METHODS_MAX;
    if (!m->methods[at].iface) {
        /* half empty, so that no search is long */
        if (m->method_count == SERVE_METHODS_MAX / 2) {
            m->other_calls++;
            return;
        }
        m->method_count++;
        m->methods[at].iface = iface;
        m->methods[at].opnum = opnum;
    }
    m->methods[at].calls++;
}

static void count_fault(struct serve_metrics *m, uint32_t status) {
    for (size_t i = 0; i < m->status_count; i++)
        if (m->statuses[i].status == status) {
            m->statuses[i].faults++;
            return;
        }
    if (m->status_count == SERVE_STATUSES_MAX) {
        m->other_faults++;
        return;
    }
    m->statuses[m->status_count].status = status;
    m->statuses[m->status_count++].faults = 1;
}

void serve_metrics_count(struct serve_metrics *m, const mr_server_record *record) {
    size_t bucket = 0;

    if (record->served && record->opnum < record->served->iface->proc_count)
        count_method(m, record->served->iface, record->opnum);
    else
        m->other_calls++;
    if (record->status)
        count_fault(m, record->status);
    while (bucket < SERVE_BUCKETS && record->time > bounds[bucket])
        bucket++;
    m->buckets[bucket]++;
    m->time += record->time;
}

/* ---- the text ---- */

static void head(mr_buf *buf, const char *name, const char *type, const char *help) {
    mr_buf_write_fmt(buf, "# HELP msrpc_%s %s\n# TYPE msrpc_%s %s\n", name, help, name, type);
}

static void one(mr_buf *buf, const char *name, const char *type, uint64_t value,
                const char *help) {
    head(buf, name, type, help);
    mr_buf_write_fmt(buf, "msrpc_%s %llu\n", name, (unsigned long long)value);
}

static void write_stats(mr_buf *buf, const mr_server_stats *stats) {
    one(buf, "connections_total", "counter", stats->connections, "Connections accepted.");
    one(buf, "connections", "gauge", stats->connections_now, "Connections open.");
    head(buf, "connections_refused_total", "counter", "Connections closed as they came.");
    mr_buf_write_fmt(buf, "msrpc_connections_refused_total{limit=\"connections\"} %llu\n"
                     "msrpc_connections_refused_total{limit=\"connections_per_client\"} %llu\n",
                     (unsigned long long)stats->refused, (unsigned long long)stats->refused_client);
    one(buf, "connection_timeouts_total", "counter", stats->timeouts,
        "Connections closed for slowness or idleness.");
    one(buf, "protocol_errors_total", "counter", stats->protocol_errors,
        "Connections closed for what the protocol does not allow.");
    one(buf, "associations", "gauge", stats->groups_now, "Association groups.");
    one(buf, "calls_in_progress", "gauge", stats->calls_now, "Calls begun and not answered.");
    one(buf, "denied_calls_total", "counter", stats->denied,
        "Calls refused for want of authentication.");
    one(buf, "received_bytes_total", "counter", stats->octets_in, "Octets received.");
    one(buf, "sent_bytes_total", "counter", stats->octets_out, "Octets sent.");
    one(buf, "received_pdus_total", "counter", stats->pdus_in, "PDUs received.");
    one(buf, "sent_pdus_total", "counter", stats->pdus_out, "PDUs sent.");
    one(buf, "stub_bytes", "gauge", stats->held, "Octets of stubs held.");
}

static void write_calls(const struct serve_metrics *m, mr_buf *buf) {
    head(buf, "calls_total", "counter", "Calls answered.");
    for (size_t i = 0; i < SERVE_METHODS_MAX; i++) {
        const mr_iface *iface = m->methods[i].iface;
        if (iface)
            mr_buf_write_fmt(buf, "msrpc_calls_total{interface=\"%s\",opnum=\"%u\",method=\"%s\"} "
                             "%llu\n", iface->name, m->methods[i].opnum,
                             iface->procs[m->methods[i].opnum].name,
                             (unsigned long long)m->methods[i].calls);
    }
    mr_buf_write_fmt(buf, "msrpc_calls_total{interface=\"\",opnum=\"\",method=\"\"} %llu\n",
                     (unsigned long long)m->other_calls);
    head(buf, "faults_total", "counter", "Calls answered with a fault.");
    for (size_t i = 0; i < m->status_count; i++)
        mr_buf_write_fmt(buf, "msrpc_faults_total{status=\"0x%08x\"} %llu\n",
                         m->statuses[i].status, (unsigned long long)m->statuses[i].faults);
    mr_buf_write_fmt(buf, "msrpc_faults_total{status=\"\"} %llu\n",
                     (unsigned long long)m->other_faults);
}

static void write_times(const struct serve_metrics *m, mr_buf *buf) {
    uint64_t count = 0;

    head(buf, "call_seconds", "histogram", "Time from a call's first fragment to its answer.");
    for (size_t i = 0; i < SERVE_BUCKETS; i++) {
        count += m->buckets[i];
        mr_buf_write_fmt(buf, "msrpc_call_seconds_bucket{le=\"%g\"} %llu\n",
                         (double)bounds[i] / MR_SEC, (unsigned long long)count);
    }
    count += m->buckets[SERVE_BUCKETS];
    mr_buf_write_fmt(buf, "msrpc_call_seconds_bucket{le=\"+Inf\"} %llu\n"
                     "msrpc_call_seconds_sum %.9f\nmsrpc_call_seconds_count %llu\n",
                     (unsigned long long)count, (double)m->time / MR_SEC,
                     (unsigned long long)count);
}

void serve_metrics_write(const struct serve_metrics *m, mr_buf *buf) {
    mr_server_stats stats;

    mr_server_get_stats(m->server, &stats);
    write_stats(buf, &stats);
    write_calls(m, buf);
    write_times(m, buf);
    one(buf, "mapper_entries", "gauge", m->db->count, "Endpoints that the mapper knows.");
    one(buf, "reloads_total", "counter", m->reloads, "Settings read anew.");
    one(buf, "reload_failures_total", "counter", m->reload_failures,
        "Settings that were read anew and have a mistake.");
    one(buf, "start_time_seconds", "gauge", (uint64_t)m->started, "When the server started.");
}

/* ---- a scraper ---- */

struct serve_scrape {
    struct serve_scrape *next;
    struct serve_metrics *metrics;
    mr_stream stream;
    mr_timer timer;
    size_t len;
    bool answered;
    char request[REQUEST_MAX];
};

static void scrape_free(struct serve_scrape *scrape) {
    struct serve_scrape **at = &scrape->metrics->scrapes;

    while (*at != scrape)
        at = &(*at)->next;
    *at = scrape->next;
    scrape->metrics->scrape_count--;
    mr_timer_deinit(&scrape->timer);
    mr_stream_deinit(&scrape->stream);
    free(scrape);
}

static void answer(struct serve_scrape *scrape, const char *status, const char *more,
                   mr_slice body, bool send_body) {
    uint8_t room[512];
    mr_buf buf;

    scrape->answered = true;
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    mr_buf_write_fmt(&buf, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n"
                     "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n%s\r\n", status,
                     body.len, more);
    (void)mr_stream_send(&scrape->stream, mr_buf_slice(&buf), NULL);
    if (send_body)
        (void)mr_stream_send(&scrape->stream, body, NULL);
    mr_stream_shutdown(&scrape->stream);
    mr_buf_deinit(&buf);
}

static void answer_numbers(struct serve_scrape *scrape, bool send_body) {
    mr_buf buf;

    mr_buf_init(&buf, NULL, 0, ANSWER_MAX);
    serve_metrics_write(scrape->metrics, &buf);
    if (mr_buf_error(&buf))
        answer(scrape, "500 Internal Server Error", "", MR_SLICE_NULL, false);
    else
        answer(scrape, "200 OK", "", mr_buf_slice(&buf), send_body);
    mr_buf_deinit(&buf);
}

static void answer_bad(struct serve_scrape *scrape) {
    answer(scrape, "400 Bad Request", "", MR_SLICE_LIT("GET /metrics HTTP/1.1 is wanted\n"), true);
}

/* "METHOD TARGET HTTP/1.x", and nothing else (RFC 9112 3); @line is cut into its words. */
static bool split_line(char *line, char *words[3]) {
    char *rest;

    line[strcspn(line, "\r\n")] = '\0';
    for (int i = 0; i < 3; i++)
        if (!(words[i] = strtok_r(i ? NULL : line, " ", &rest)))
            return false;
    return !strtok_r(NULL, " ", &rest) && strlen(words[2]) == 8 &&
           !strncmp(words[2], "HTTP/1.", 7);
}

static void answer_request(struct serve_scrape *scrape, char *words[3]) {
    bool get = !strcmp(words[0], "GET"), is_head = !strcmp(words[0], "HEAD");

    words[1][strcspn(words[1], "?")] = '\0';
    if (!get && !is_head)
        answer(scrape, "405 Method Not Allowed", "Allow: GET, HEAD\r\n", MR_SLICE_NULL, false);
    else if (strcmp(words[1], "/metrics") != 0)
        answer(scrape, "404 Not Found", "", MR_SLICE_LIT("/metrics is what there is\n"), get);
    else
        answer_numbers(scrape, get);
}

/* Headers are not looked at, but for octets that no text has. */
static bool is_text(mr_slice bytes) {
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.data[i];
        if ((c < ' ' && c != '\r' && c != '\n' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static void on_received(void *user, mr_slice bytes) {
    struct serve_scrape *scrape = user;
    char line[REQUEST_MAX], *words[3];

    if (scrape->answered)
        return;
    if (!is_text(bytes)) {
        answer_bad(scrape);
        return;
    }
    if (bytes.len >= sizeof scrape->request - scrape->len) {
        answer(scrape, "431 Request Header Fields Too Large", "", MR_SLICE_NULL, false);
        return;
    }
    memcpy(scrape->request + scrape->len, bytes.data, bytes.len);
    scrape->len += bytes.len;
    scrape->request[scrape->len] = '\0';
    if (!strchr(scrape->request, '\n'))
        return;
    memcpy(line, scrape->request, scrape->len + 1);
    if (!split_line(line, words))
        answer_bad(scrape);
    else if (strstr(scrape->request, "\r\n\r\n") || strstr(scrape->request, "\n\n"))
        answer_request(scrape, words);
}

static void on_closed(void *user, int result, const mr_error *err) {
    (void)result;
    (void)err;
    scrape_free(user);
}

static void on_expired(void *user) {
    scrape_free(user);
}

static const mr_stream_events stream_events = {.received = on_received, .closed = on_closed};

static void on_accepted(void *user, mr_accepted *accepted) {
    struct serve_metrics *m = user;
    struct serve_scrape *oldest = m->scrapes, *scrape = calloc(1, sizeof *scrape);
    bool local = accepted->local.family == MR_FAMILY_UNIX;

    if (!scrape)
        return;
    while (oldest && oldest->next)
        oldest = oldest->next;
    if (m->scrape_count == SERVE_SCRAPERS_MAX)
        scrape_free(oldest);
    scrape->metrics = m;
    scrape->next = m->scrapes;
    m->scrapes = scrape;
    m->scrape_count++;
    mr_timer_init(&scrape->timer, m->loop, on_expired, scrape);
    if (mr_stream_init(&scrape->stream, m->loop, local ? "ncalrpc" : "ncacn_ip_tcp",
                       &stream_events, scrape, NULL) != 0 ||
        mr_stream_accept(&scrape->stream, accepted, NULL) != 0) {
        scrape_free(scrape);
        return;
    }
    mr_timer_set(&scrape->timer, mr_clock_now() + PATIENCE);
}

static const mr_listener_events listener_events = {.accepted = on_accepted};

/* ---- the whole ---- */

void serve_metrics_init(struct serve_metrics *m, mr_loop *loop, const mr_server *server,
                        const mr_mapper_db *db) {
    uint32_t nsec;

    *m = (struct serve_metrics){.loop = loop, .server = server, .db = db};
    mr_clock_get_wall(&m->started, &nsec);
    mr_listener_init(&m->listener, loop, &listener_events, m);
}

void serve_metrics_deinit(struct serve_metrics *m) {
    while (m->scrapes)
        scrape_free(m->scrapes);
    mr_listener_deinit(&m->listener);
}

int serve_metrics_open(struct serve_metrics *m, const app *a, const char *where, int fd) {
    mr_listen_options options = {.fd = fd, .backlog = SERVE_SCRAPERS_MAX};
    mr_error err = MR_ERROR_INIT;
    uint64_t port;

    if (!fd && mr_slice_get_number(mr_slice_str(where), UINT16_MAX, &port) == 0)
        options.local = (mr_addr){.family = MR_FAMILY_IPV4, .port = (uint16_t)port,
                                  .ip = {127, 0, 0, 1}};
    else if (!fd && (mr_addr_decode_port(mr_slice_str(where), 0, &options.local) != 0 ||
                     options.local.port == 0))
        return app_refuse(a, APP_USAGE, "--metrics: %s is neither PORT nor ADDR:PORT", where);
    if (mr_listener_open(&m->listener, &options, &err) != 0)
        return app_refuse(a, APP_MISSING, "--metrics: %s", err.text);
    return 0;
}
