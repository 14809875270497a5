/*
 * Many ports of one host: a fixed pool of probes, each taking the next port as soon as it is free.
 * Scans that share a pace keep one rate together.
 */
#include "port_private.h"

#include <stdlib.h>

#define UDP_FROM 65536u

static void scan_fill(mr_port_scan *scan);

static void scan_expired(void *user) {
    scan_fill(user);
}

void mr_port_scan_init(mr_port_scan *scan, mr_loop *loop,
                       void (*found)(void *user, const mr_port_result *result),
                       void (*done)(void *user, mr_port_scan *scan), void *user) {
    *scan = (mr_port_scan){.loop = loop, .found = found, .done = done, .user = user};
}

/* The next port as port and protocol; false at the end. */
static bool peek_port(mr_port_scan *scan, uint16_t *portp, uint8_t *protocolp) {
    int port = -1;

    if (scan->next < UDP_FROM) {
        port = mr_port_set_next(&scan->tcp, scan->next);
        *protocolp = MR_PORT_TCP;
        scan->next = port < 0 ? UDP_FROM : (uint32_t)port;
    }
    if (port < 0 && scan->next < 2 * UDP_FROM) {
        port = mr_port_set_next(&scan->udp, scan->next - UDP_FROM);
        *protocolp = MR_PORT_UDP;
        scan->next = port < 0 ? 2 * UDP_FROM : UDP_FROM + (uint32_t)port;
    }
    *portp = (uint16_t)port;
    return port >= 0;
}

/* May a connection leave now? If not, the timer is set for when it may. */
static bool take_turn(mr_port_scan *scan) {
    if (!scan->turn)
        scan->turn = mr_pace_get(scan->options.pace);
    if (scan->turn > mr_clock_now()) {
        mr_timer_set(&scan->timer, scan->turn);
        return false;
    }
    scan->turn = 0;
    return true;
}

static int probe_start(mr_port_scan *scan, mr_port_probe *probe, uint16_t port, uint8_t protocol) {
    const mr_port_scan_options *o = &scan->options;
    mr_port_probe_options options = {
        .remote = o->remote,
        .protocol = protocol,
        .source = o->source,
        .timeout = o->timeout,
        .tries = protocol == MR_PORT_UDP ? o->udp_tries : o->tcp_tries,
        .host = o->host,
        .quiet = o->quiet,
    };

    options.remote.port = port;
    return mr_port_probe_start(probe, &options, NULL);
}

/* A port that could not even be tried is known, too: as unknown. */
static void report_failure(mr_port_scan *scan, uint16_t port, uint8_t protocol) {
    const mr_port_result result = {.port = port, .protocol = protocol,
                                   .state = MR_PORT_UNKNOWN,
                                   .attempt.reach = MR_REACH_LOCAL,
                                   .detail = "this machine could not begin the probe"};

    scan->known++;
    scan->found(scan->user, &result);
}

/* Gives free probes work, as the pace allows; tells the end. */
static void scan_fill(mr_port_scan *scan) {
    mr_port_probe *probes = scan->probes;
    uint16_t port;
    uint8_t protocol;

    for (size_t i = 0; i < scan->probe_count; i++) {
        while (!probes[i].running && peek_port(scan, &port, &protocol)) {
            if (!take_turn(scan))
                return;
            scan->next++;
            if (probe_start(scan, &probes[i], port, protocol) == 0)
                break;
            report_failure(scan, port, protocol);
            if (scan->probes != probes) /* the callback ended the scan */
                return;
        }
    }
    if (scan->known == scan->total && !scan->over) {
        scan->over = true;
        scan->done(scan->user, scan);
    }
}

static void on_probe(void *user, mr_port_probe *probe) {
    mr_port_scan *scan = user;
    mr_port_probe *probes = scan->probes;

    scan->known++;
    scan->found(scan->user, &probe->result);
    if (scan->probes == probes)
        scan_fill(scan);
}

int mr_port_scan_start(mr_port_scan *scan, const mr_port_scan_options *options,
                       const mr_port_set *tcp, const mr_port_set *udp, mr_error *err) {
    size_t at_once = options->at_once ? options->at_once : MR_PORT_AT_ONCE;

    if (scan->probes)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET,
                       "the scan was begun before");
    if (tcp)
        scan->tcp = *tcp;
    if (udp)
        scan->udp = *udp;
    scan->options = *options;
    scan->total = mr_port_set_count(&scan->tcp) + mr_port_set_count(&scan->udp);
    if (at_once > scan->total)
        at_once = scan->total;
    scan->probes = calloc(at_once + 1, sizeof *scan->probes);
    if (!scan->probes)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET,
                       "no memory for %zu probes", at_once);
    scan->probe_count = at_once;
    for (size_t i = 0; i < scan->probe_count; i++)
        mr_port_probe_init(&scan->probes[i], scan->loop, on_probe, scan);
    mr_timer_init(&scan->timer, scan->loop, scan_expired, scan);
    mr_timer_set(&scan->timer, mr_clock_now()); /* the first ports leave from the loop */
    return 0;
}

void mr_port_scan_deinit(mr_port_scan *scan) {
    mr_timer_deinit(&scan->timer);
    for (size_t i = 0; i < scan->probe_count; i++)
        mr_port_probe_deinit(&scan->probes[i]);
    free(scan->probes);
    scan->probes = NULL;
    scan->probe_count = 0;
}
