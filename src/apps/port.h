/* msrpc port, inside: what the probes found of one target, and the two forms it is shown in. */
#ifndef MSRPC_APP_PORT_H
#define MSRPC_APP_PORT_H

#include <msrpc/probe/port.h>

#include "session.h"

/* One registration of the endpoint mapper, copied. */
struct port_endpoint {
    mr_syntax interface;
    const char *protseq, *host, *endpoint, *annotation;
};

/* What only some ports have: an answer, an ICMP error, a local error. */
struct port_extra {
    const char *asked;
    enum mr_port_talk talk;
    const char *detail;      /* the service's words, unsafe; or NULL */
    mr_port_field *fields;
    bool no_neighbour;
    int os_error;
    mr_icmp icmp;            /* .present when one decided */
    struct port_endpoint *endpoints;
    size_t endpoint_count;
    bool has_endpoints;
};

/* Every port asked for has one: 24 octets, so that all of them fit anywhere. */
struct port_row {
    uint16_t port;
    uint8_t protocol, state, sent;
    float ms;
    const struct port_extra *extra; /* or NULL */
};

struct port_target {
    app *a;                  /* its arena holds rows and extras */
    app_session s;
    const app_target *target;
    mr_addr address, vantage;
    struct port_row *rows;   /* by protocol and port once it is over */
    size_t count, total;     /* known so far, asked for */
    mr_port_set tcp, udp;
    mr_port_scan scan;
    mr_nsec started, ended;
    size_t open;             /* 1 until the scan is done */
    const char *error;       /* why it could not be asked at all; or NULL */
};

/* Prints the target as text. */
void port_show(const struct port_target *t);
/* Writes the target's members into an open object, "exit" not included. */
void port_json(const struct port_target *t, mr_writer *w);

#endif
