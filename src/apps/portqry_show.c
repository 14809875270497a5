/*
 * The words and the layout of portqry, one port at a time. A UDP port with a protocol of its own is
 * said to be "LISTENING or FILTERED" first and what the question showed afterwards, although the
 * original's first, empty datagram is not sent: the question alone tells as much.
 */
#include <errno.h>

#include "map.h"
#include "portqry.h"

static const char *protocol_name(const struct portqry_item *item) {
    return item->protocol == MR_PORT_UDP ? "UDP" : "TCP";
}

static void show_state(struct portqry *pq, const struct portqry_item *item, const char *state) {
    fprintf(pq->out, "%s port %u (%s service): %s\n\n", protocol_name(item), item->port,
            app_safe(pq->a, mr_slice_str(item->service.name)), state);
}

static void show_final(struct portqry *pq, const struct portqry_item *item, const char *state) {
    fprintf(pq->out, "%s port %u is %s\n\n", protocol_name(item), item->port, state);
}

/* Said where the original leaves a chosen source port; here the chosen one is kept. */
static void show_ephemeral(struct portqry *pq) {
    if (!pq->set.source_port)
        fputs("Using ephemeral source port\n", pq->out);
}

static bool answered(const struct portqry_item *item) {
    return item->probe.result.talk == MR_PORT_TALK_ANSWERED;
}

/* The fields under @key, a line each after @before. */
static size_t show_fields(struct portqry *pq, const struct portqry_item *item, const char *key,
                          const char *before) {
    size_t count = 0;

    for (const mr_port_field *f = item->probe.result.fields; f; f = f->next) {
        if (strcmp(f->key, key) || f->value.kind != MR_VALUE_STRING)
            continue;
        fprintf(pq->out, "%s%s\n", before, app_safe(pq->a, f->value.u.string));
        count++;
    }
    return count;
}

/* ---- LDAP ---- */

/* "20260131120000.0Z" as "01/31/2026 12:00:00"; false when it is none. */
static bool date(mr_slice text, char out[32]) {
    const char *d = (const char *)text.data;

    if (text.len < 14 || text.len > 20)
        return false;
    snprintf(out, 32, "%.2s/%.2s/%.4s %.2s:%.2s:%.2s", d + 4, d + 6, d, d + 8, d + 10, d + 12);
    return true;
}

static void show_ldap_fields(struct portqry *pq, const struct portqry_item *item) {
    char when[32];

    for (const mr_port_field *f = item->probe.result.fields; f; f = f->next) {
        if (f->value.kind != MR_VALUE_STRING)
            continue;
        mr_slice value = f->value.u.string;
        if (!strcmp(f->key, "currentTime") && date(value, when))
            fprintf(pq->out, "currentdate: %s (unadjusted GMT)\n",
                    app_safe(pq->a, mr_slice_str(when)));
        else
            fprintf(pq->out, "%s: %s\n", f->key, app_safe(pq->a, value));
    }
}

static void show_ldap(struct portqry *pq, const struct portqry_item *item) {
    show_ephemeral(pq);
    fprintf(pq->out, "Sending LDAP query to %s port %u...\n\n", protocol_name(item), item->port);
    if (!answered(item)) {
        fputs("Server did not respond to LDAP query\n\n", pq->out);
        return;
    }
    fputs("LDAP query response:\n\n\n", pq->out);
    show_ldap_fields(pq, item);
    fputs("\n\n======== End of LDAP query response ========\n\n", pq->out);
}

/* ---- the others ---- */

static void show_rpc(struct portqry *pq, const struct portqry_item *item) {
    const mr_mapper *map = item->probe.result.map;

    show_ephemeral(pq);
    map_portqry_open(pq->out);
    if (!answered(item) || !map) {
        const char *why = item->probe.result.detail;
        fprintf(pq->out, "RPC query failed: %s\n\n",
                why ? app_safe(pq->a, mr_slice_str(why)) : "no answer");
        return;
    }
    for (size_t i = 0; i < map->count; i++)
        map_portqry_entry(pq->a, pq->out, &map->entries[i]);
    map_portqry_close(pq->out, map->count);
    fputc('\n', pq->out);
}

static void show_banner(struct portqry *pq, const struct portqry_item *item) {
    if (!answered(item))
        return;
    fputs("Data returned from port:\n", pq->out);
    show_fields(pq, item, "banner", "");
    fputc('\n', pq->out);
}

static void show_netbios(struct portqry *pq, const struct portqry_item *item) {
    const mr_port_field *f = item->probe.result.fields;

    show_ephemeral(pq);
    fprintf(pq->out, "Attempting NETBIOS adapter status query to UDP port %u...\n\n", item->port);
    if (!answered(item)) {
        fputs("Server did not respond to NETBIOS adapter status query\n\n", pq->out);
        show_final(pq, item, "FILTERED");
        return;
    }
    while (f && strcmp(f->key, "mac"))
        f = f->next;
    fputs("Server's response: ", pq->out);
    if (!f)
        fputs("no MAC address", pq->out);
    for (size_t i = 0; f && i < f->value.u.string.len; i++)
        if (f->value.u.string.data[i] != ':')
            fprintf(pq->out, "%s%c", i ? "" : "MAC address ", f->value.u.string.data[i]);
    fputs("\nUDP port: LISTENING\n\n", pq->out);
}

static void show_dns(struct portqry *pq, const struct portqry_item *item) {
    fprintf(pq->out, "Sending DNS query to UDP port %u...\n\n", item->port);
    if (answered(item))
        show_state(pq, item, "LISTENING");
    else
        fputs("DNS query timed out\n\n", pq->out);
}

static void show_sql(struct portqry *pq, const struct portqry_item *item) {
    fprintf(pq->out, "Sending SQL Server query to UDP port %u...\n\n", item->port);
    if (answered(item)) {
        fputs("Server's response:\n\n", pq->out);
        show_fields(pq, item, "properties", "");
        fputs("\n==== End of SQL Server query response ====\n\n", pq->out);
    }
}

static void show_snmp(struct portqry *pq, const struct portqry_item *item) {
    /* a community that was given is a password */
    fprintf(pq->out, "community name for query:\n\n%s\n\n"
            "Sending SNMP query to UDP port %u...\n\n",
            pq->set.community ? "********" : "public", item->port);
}

/* What a UDP port was asked and what it said, down to the final line. */
static void show_udp(struct portqry *pq, const struct portqry_item *item) {
    switch (item->service.talk) {
    case PORTQRY_TALK_DNS:
        show_dns(pq, item);
        return;
    case PORTQRY_TALK_NETBIOS:
        show_netbios(pq, item);
        return;
    case PORTQRY_TALK_LDAP:
        show_ldap(pq, item);
        break;
    case PORTQRY_TALK_SNMP:
        show_snmp(pq, item);
        break;
    case PORTQRY_TALK_SQL:
        show_sql(pq, item);
        break;
    case PORTQRY_TALK_ISAKMP:
        fprintf(pq->out, "Sending ISAKMP query to UDP port %u...\n\n", item->port);
        break;
    case PORTQRY_TALK_L2TP:
        fprintf(pq->out, "Sending L2TP query to UDP port %u...\n\n", item->port);
        break;
    case PORTQRY_TALK_NONE:
    case PORTQRY_TALK_BANNER:
    case PORTQRY_TALK_RPC:
        return;
    }
    show_final(pq, item, item->probe.result.state == MR_PORT_LISTENING ? "LISTENING" : "FILTERED");
}

static void show_tcp(struct portqry *pq, const struct portqry_item *item) {
    switch (item->service.talk) {
    case PORTQRY_TALK_RPC:
        show_rpc(pq, item);
        break;
    case PORTQRY_TALK_LDAP:
        show_ldap(pq, item);
        break;
    case PORTQRY_TALK_BANNER:
        show_banner(pq, item);
        break;
    case PORTQRY_TALK_NONE:
    case PORTQRY_TALK_DNS:
    case PORTQRY_TALK_NETBIOS:
    case PORTQRY_TALK_SNMP:
    case PORTQRY_TALK_ISAKMP:
    case PORTQRY_TALK_SQL:
    case PORTQRY_TALK_L2TP:
        break;
    }
}

/* This machine would not send. */
static int show_unknown(struct portqry *pq, const struct portqry_item *item) {
    int error = item->probe.result.attempt.os_error;

    if (error == EADDRINUSE && pq->set.source_port) {
        fflush(pq->out);
        fputs("Cannot use specified source port.\nPort is already in use.\n"
              "Specify a port that is not in use and run the command again.\n", stderr);
        return PORTQRY_FAILED;
    }
    show_state(pq, item, "UNKNOWN");
    fflush(pq->out);
    return app_refuse(pq->a, PORTQRY_FAILED, "%s port %u: this machine cannot send: %s",
                      protocol_name(item), item->port, error ? strerror(error) : "no way there");
}

int portqry_show(struct portqry *pq, const struct portqry_item *item) {
    enum mr_port_state state = item->probe.result.state;
    bool udp = item->protocol == MR_PORT_UDP;
    bool open = state == MR_PORT_LISTENING || state == MR_PORT_LISTENING_OR_FILTERED;

    if (state == MR_PORT_UNKNOWN)
        return show_unknown(pq, item);
    if (udp && open && item->service.talk != PORTQRY_TALK_NONE) {
        show_state(pq, item, "LISTENING or FILTERED");
        show_udp(pq, item);
    } else {
        show_state(pq, item, mr_port_state_name(state));
        if (!udp && open)
            show_tcp(pq, item);
    }
    return state == MR_PORT_LISTENING       ? PORTQRY_LISTENING
           : state == MR_PORT_NOT_LISTENING ? PORTQRY_NOT_LISTENING
                                            : PORTQRY_FILTERED;
}
