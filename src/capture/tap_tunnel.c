/*
 * RPC over HTTP inside its connections (MS-RPCH). Version 2 has two for each virtual connection: an
 * IN channel for what the client sends and an OUT channel for what it gets. Both begin with an RTS
 * PDU that names the virtual connection by a cookie (CONN/B1 and CONN/A1, 2.2.4); PDUs of both go
 * to one tap. Channels are recycled: a successor says the same cookie. Version 1 and port 593 have
 * both directions in one connection. RTS PDUs stay here: those that open a connection are told.
 */
#include "tap_http.h"

#include <stdlib.h>

#define PDU_KEPT 65535
#define RTS_TOLD 8 /* RTS PDUs of a direction that are looked at */

struct tap_tunnel {
    struct tap_tunnel *next; /* in the shard's table */
    bool listed;
    mr_uuid cookie;
    mr_tap *rpc;             /* NULL before the first PDU and after the end */
    tap_http *owner;         /* whose connection the records are of */
    tap_http *members;
    uint64_t fed[2];
    bool over;
};

static struct tap_tunnel **place_of(struct mr_tap_net *net, const mr_uuid *cookie) {
    uint8_t octets[sizeof *cookie], sum = 0;

    memcpy(octets, cookie, sizeof octets);
    for (size_t i = 0; i < sizeof octets; i++)
        sum = (uint8_t)(sum * 31 + octets[i]);
    return &net->tunnels[sum % MR_COUNT(net->tunnels)];
}

static void join(struct tap_tunnel *tunnel, tap_http *http) {
    http->tunnel = tunnel;
    http->next = tunnel->members;
    tunnel->members = http;
}

/* The tunnel of a connection, made when it has none; with @cookie that of the virtual connection.
 * NULL without memory. */
static struct tap_tunnel *tunnel_of(tap_http *http, const mr_uuid *cookie) {
    struct mr_tap_net *net = mr_tap_net_get(http->tap.ctx);
    struct tap_tunnel *tunnel;

    if (http->tunnel || !net)
        return http->tunnel;
    for (tunnel = cookie ? *place_of(net, cookie) : NULL; tunnel; tunnel = tunnel->next)
        if (mr_uuid_eq(&tunnel->cookie, cookie) && !tunnel->over)
            break;
    if (!tunnel) {
        tunnel = calloc(1, sizeof *tunnel);
        if (!tunnel)
            return NULL;
        tunnel->owner = http;
        if (cookie) {
            struct tap_tunnel **place = place_of(net, cookie);
            tunnel->listed = true;
            tunnel->cookie = *cookie;
            tunnel->next = *place;
            *place = tunnel;
        }
    }
    join(tunnel, http);
    return tunnel;
}

static void unlist(struct tap_tunnel *tunnel, mr_tap_ctx *ctx) {
    struct tap_tunnel **place = place_of(ctx->net, &tunnel->cookie);

    while (*place && *place != tunnel)
        place = &(*place)->next;
    if (*place)
        *place = tunnel->next;
    tunnel->listed = false;
}

/* ---- PDUs ---- */

/* Which PDU of the opening sequence it is, by its commands (MS-RPCH 2.2.4.2 to 2.2.4.9): 1 to 7 for
 * A1, B1, A2, A3, B3, C1, C2. */
static uint8_t conn_of(const uint32_t *types, unsigned count, bool to_client, bool direct) {
    static const struct {
        uint8_t conn, count, types[6];
    } forms[] = {
        {1, 4, {MR_RTS_VERSION, MR_RTS_COOKIE, MR_RTS_COOKIE, MR_RTS_RECEIVE_WINDOW_SIZE}},
        {2, 6, {MR_RTS_VERSION, MR_RTS_COOKIE, MR_RTS_COOKIE, MR_RTS_CHANNEL_LIFETIME,
                MR_RTS_CLIENT_KEEPALIVE, MR_RTS_ASSOCIATION_GROUP_ID}},
        {3, 5, {MR_RTS_VERSION, MR_RTS_COOKIE, MR_RTS_COOKIE, MR_RTS_CHANNEL_LIFETIME,
                MR_RTS_RECEIVE_WINDOW_SIZE}},
        {4, 1, {MR_RTS_CONNECTION_TIMEOUT}},
        {5, 2, {MR_RTS_RECEIVE_WINDOW_SIZE, MR_RTS_VERSION}},
        {6, 3, {MR_RTS_VERSION, MR_RTS_RECEIVE_WINDOW_SIZE, MR_RTS_CONNECTION_TIMEOUT}},
    };

    for (size_t i = 0; i < MR_COUNT(forms); i++) {
        unsigned same = 0;
        while (same < forms[i].count && same < count && types[same] == forms[i].types[same])
            same++;
        if (same == count && same == forms[i].count)
            return forms[i].conn == 6 && to_client && !direct ? 7 : forms[i].conn;
    }
    return 0;
}

static int rts(tap_http *http, const tap_place *place, const mr_pdu_rts *rts) {
    bool to_client = place->dir == MR_DIR_TO_CLIENT;
    mr_cursor items = rts->commands.items;
    uint32_t types[8];
    unsigned count = 0;
    mr_rts_command command;
    mr_uuid cookie;
    bool has_cookie = false;

    while (count < MR_COUNT(types) && mr_rts_read_command(&items, &command)) {
        types[count++] = command.type;
        if (command.type == MR_RTS_COOKIE && !has_cookie) {
            cookie = command.cookie;
            has_cookie = true;
        }
    }
    if (has_cookie && !to_client && !tunnel_of(http, &cookie))
        return MR_ERR_MEMORY;
    mr_seen *seen = mr_tap_place_add(place, MR_SEEN_RTS);
    if (!seen)
        return MR_ERR_MEMORY;
    seen->u.rts = (mr_seen_rts){
        .flags = rts->flags, .in = http->rpc_in, .out = http->rpc_out,
        .conn = conn_of(types, count, to_client, http->direct),
    };
    return 0;
}

/* To the tap that both channels share. */
static int feed(tap_http *http, const tap_place *place, mr_slice pdu) {
    struct tap_tunnel *tunnel = tunnel_of(http, NULL);

    if (!tunnel)
        return MR_ERR_MEMORY;
    if (tunnel->over)
        return 0;
    if (!tunnel->rpc) {
        tunnel->rpc = mr_tap_new(&mr_tap_rpc, &tunnel->owner->tap, MR_SEEN_HTTP_RPC, NULL);
        if (!tunnel->rpc)
            return MR_ERR_MEMORY;
    }
    mr_flow_at at = {.position = tunnel->fed[place->dir], .packet = place->packet,
                     .time = place->time, .now = place->time};
    tunnel->fed[place->dir] += pdu.len;
    int r = tunnel->rpc->class->feed(tunnel->rpc, place->dir, pdu, &at);
    return r < 0 ? r : 0;
}

static int pdu_measure(mr_slice head, size_t *lenp) {
    return mr_pdu_frag_length(head, lenp, NULL) == 0 ? 0 : MR_ERR_MALFORMED;
}

static int pdu_frame(mr_tap *tap, const tap_place *place, mr_slice octets, size_t len) {
    tap_http *http = (tap_http *)tap;
    http_side *side = &http->side[place->dir];
    mr_pdu pdu;

    if (octets.data[2] != MR_PTYPE_RTS)
        return octets.len == len ? feed(http, place, octets) : 0;
    side->pdu_count += side->pdu_count < UINT32_MAX;
    tap->ctx->totals->pdus[MR_PTYPE_RTS]++;
    if (side->pdu_count > RTS_TOLD || mr_pdu_decode(octets, &pdu, NULL) != 0)
        return 0;
    return rts(http, place, &pdu.u.rts);
}

const tap_framing mr_tap_http_pdus = {MR_PDU_HEADER_SIZE, PDU_KEPT, pdu_measure, pdu_frame};

int mr_tap_tunnel_gap(tap_http *http, enum mr_dir dir, uint64_t len, const mr_flow_at *at) {
    struct tap_tunnel *tunnel = http->tunnel;
    mr_flow_at here = *at;

    mr_tap_frames_gap(&http->side[dir].pdus, &mr_tap_http_pdus, len);
    if (!tunnel || !tunnel->rpc)
        return 0;
    here.position = tunnel->fed[dir];
    tunnel->fed[dir] += len;
    int r = tunnel->rpc->class->gap(tunnel->rpc, dir, len, &here);
    return r < 0 ? r : 0;
}

/* ---- the end ---- */

/* Whether those that are left can go on without the one that goes. */
static bool goes_on(const struct tap_tunnel *tunnel) {
    bool in = false, out = false;

    for (const tap_http *m = tunnel->members; m; m = m->next) {
        in |= m->rpc_in;
        out |= m->rpc_out;
    }
    return in && out;
}

static void remove_member(struct tap_tunnel *tunnel, tap_http *http) {
    tap_http **place = &tunnel->members;

    while (*place != http)
        place = &(*place)->next;
    *place = http->next;
    http->tunnel = NULL;
}

/* Another connection takes the records over. */
static void change_owner(struct tap_tunnel *tunnel, tap_http *http) {
    if (tunnel->owner != http || !tunnel->members)
        return;
    tunnel->owner = tunnel->members;
    if (tunnel->rpc) {
        tunnel->rpc->flow = tunnel->owner->tap.flow;
        tunnel->rpc->id = tunnel->owner->tap.id;
    }
}

static int conclude(struct tap_tunnel *tunnel, const mr_flow_seen *seen, mr_seen_end *endp) {
    int r = 0;

    tunnel->over = true;
    if (!tunnel->rpc)
        return 0;
    if (tunnel->rpc->class->end)
        r = tunnel->rpc->class->end(tunnel->rpc, seen, endp);
    mr_tap_free(tunnel->rpc);
    tunnel->rpc = NULL;
    return r;
}

static void let_go(struct tap_tunnel *tunnel, mr_tap_ctx *ctx) {
    if (tunnel->members)
        return;
    if (tunnel->listed)
        unlist(tunnel, ctx);
    mr_tap_free(tunnel->rpc);
    free(tunnel);
}

int mr_tap_tunnel_leave(tap_http *http, const mr_flow_seen *seen, mr_seen_end *endp) {
    struct tap_tunnel *tunnel = http->tunnel;
    mr_seen_end *told = http->told;
    int r = 0;

    http->told = NULL;
    if (told)
        *endp = *told;
    free(told);
    if (!tunnel)
        return 0;
    remove_member(tunnel, http);
    if (tunnel->over || goes_on(tunnel)) {
        change_owner(tunnel, http);
    } else if (tunnel->owner == http) {
        r = conclude(tunnel, seen, endp);
    } else { /* told with the connection that the records are of */
        tunnel->owner->told = calloc(1, sizeof *told);
        r = tunnel->owner->told ? conclude(tunnel, seen, tunnel->owner->told) : MR_ERR_MEMORY;
    }
    let_go(tunnel, http->tap.ctx);
    return r;
}

void mr_tap_tunnel_drop(tap_http *http) {
    struct tap_tunnel *tunnel = http->tunnel;

    free(http->told);
    http->told = NULL;
    if (!tunnel)
        return;
    remove_member(tunnel, http);
    change_owner(tunnel, http);
    let_go(tunnel, http->tap.ctx);
}
