/*
 * Whose turn it is to be read: deficit round robin over clients, and over the connections of one.
 * In each turn of the loop a client may spend its quantum: the octets that are read and replied
 * for it, and something for each PDU and each read, so that what is costly counts for more. What
 * it spends beyond that it owes to its next turns. A client whose quantum lasts is served as its
 * octets come; else its connections wait, unread, and one gets a share of the quantum after the
 * other, as often as the sockets of everybody have been looked at.
 */
#include "server_private.h"

#include <stdlib.h>

#define READ_COST ((size_t)4 << 10)
/* As much as is read at once, in large fragments. */
#define SHARE ((size_t)80 << 10)

/* ---- credit ---- */

static void renew(mr_server *server, struct mr_server_client *client) {
    uint64_t turn = mr_loop_get_turn(server->loop), since = turn - client->turn;

    if (!since)
        return;
    client->turn = turn;
    client->spent = since > client->spent / server->options.quantum
                        ? 0
                        : client->spent - (size_t)since * server->options.quantum;
}

static void open_turn(struct mr_server_conn *conn) {
    size_t most = conn->server->options.quantum;

    conn->client->spent += READ_COST;
    conn->share = conn->client->spent + (most < SHARE ? most : SHARE);
}

bool mr_server_turn_take(struct mr_server_conn *conn) {
    struct mr_server_client *client = conn->client;

    if (conn->waiting)
        return false;
    renew(conn->server, client);
    if (!TAILQ_EMPTY(&client->waiting) || client->spent >= conn->server->options.quantum) {
        mr_server_turn_wait(conn);
        return false;
    }
    open_turn(conn);
    return true;
}

bool mr_server_turn_is_over(const struct mr_server_conn *conn) {
    return conn->client->spent >= conn->share;
}

/* ---- waiting ---- */

void mr_server_turn_wait(struct mr_server_conn *conn) {
    struct mr_server_client *client = conn->client;
    mr_server *server = conn->server;

    if (TAILQ_EMPTY(&client->waiting)) {
        if (TAILQ_EMPTY(&server->turns))
            mr_timer_set(&server->turn_timer, mr_clock_now());
        TAILQ_INSERT_TAIL(&server->turns, client, in_turns);
        server->turn_count++;
    }
    TAILQ_INSERT_TAIL(&client->waiting, conn, in_waiting);
    conn->waiting = true;
}

void mr_server_turn_leave(struct mr_server_conn *conn) {
    struct mr_server_client *client = conn->client;

    if (!conn->waiting)
        return;
    conn->waiting = false;
    TAILQ_REMOVE(&client->waiting, conn, in_waiting);
    if (TAILQ_EMPTY(&client->waiting)) {
        TAILQ_REMOVE(&conn->server->turns, client, in_turns);
        conn->server->turn_count--;
    }
}

/* ---- turns ---- */

/* A connection's turn may end it, and a drained server with it: *@freedp tells. */
static void serve_client(mr_server *server, struct mr_server_client *client, const bool *freedp) {
    struct mr_server_conn *conn;

    renew(server, client);
    client->conns++; /* it stays for as long as this takes */
    while (client->spent < server->options.quantum && (conn = TAILQ_FIRST(&client->waiting))) {
        mr_server_turn_leave(conn);
        open_turn(conn);
        mr_server_conn_go_on(conn);
        if (*freedp) {
            free(client);
            return;
        }
    }
    mr_server_client_leave(server, client);
}

static void on_turns(void *user) {
    mr_server *server = user;
    struct mr_server_client *client;
    bool freed = false;

    server->freed = &freed;
    for (unsigned n = server->turn_count; n > 0 && (client = TAILQ_FIRST(&server->turns)); n--) {
        TAILQ_REMOVE(&server->turns, client, in_turns);
        TAILQ_INSERT_TAIL(&server->turns, client, in_turns);
        serve_client(server, client, &freed);
        if (freed)
            return;
    }
    server->freed = NULL;
    if (!TAILQ_EMPTY(&server->turns))
        mr_timer_set(&server->turn_timer, mr_clock_now());
}

void mr_server_turn_init(mr_server *server) {
    TAILQ_INIT(&server->turns);
    mr_timer_init(&server->turn_timer, server->loop, on_turns, server);
}
