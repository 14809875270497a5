/*
 * Who may use how much of a server, and who may call at all: connections and octets counted by
 * client, so that one of them never takes the places of the rest, and Windows'
 * RestrictRemoteClients with the minimum authentication level of an interface (MS-RPCE 3.3.1.1.1;
 * RpcServerRegisterIf3).
 */
#include "server_private.h"

#include <stdlib.h>

/* ---- connections of one client ---- */

/* Addresses of this machine itself stand for any number of clients. */
static bool is_counted(const mr_addr *peer) {
    static const uint8_t loopback[16] = {[15] = 1};

    if (peer->family == MR_FAMILY_IPV4)
        return peer->ip[0] != 127;
    return peer->family == MR_FAMILY_IPV6 && memcmp(peer->ip, loopback, sizeof loopback) != 0;
}

static void set_key(struct mr_server_client *key, const mr_addr *peer,
                    const mr_credentials *cred) {
    *key = (struct mr_server_client){.family = peer->family, .counted = is_counted(peer)};
    if (peer->family == MR_FAMILY_UNIX) {
        memcpy(key->key, &cred->pid, sizeof cred->pid);
        memcpy(key->key + 4, &cred->uid, sizeof cred->uid);
    } else {
        memcpy(key->key, peer->ip, peer->family == MR_FAMILY_IPV4 ? 4 : 8);
    }
}

/* Seeded, so that nobody chooses who meets whom in a list. */
static struct mr_server_client **bucket_of(mr_server *server, const struct mr_server_client *key) {
    uint64_t hash = server->client_seed ^ (uint64_t)key->family;

    for (size_t i = 0; i < sizeof key->key; i++) {
        hash = (hash ^ key->key[i]) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return &server->clients[hash % MR_SERVER_CLIENT_BUCKETS];
}

int mr_server_client_join(mr_server *server, const mr_addr *peer, const mr_credentials *cred,
                          struct mr_server_client **clientp) {
    struct mr_server_client key, **bucket, *client;

    set_key(&key, peer, cred);
    bucket = bucket_of(server, &key);
    for (client = *bucket; client; client = client->next)
        if (client->family == key.family && !memcmp(client->key, key.key, sizeof key.key))
            break;
    if (client && client->counted && client->conns >= server->options.max_per_client)
        return MR_ERR_LIMIT;
    if (!client) {
        client = malloc(sizeof *client);
        if (!client)
            return MR_ERR_MEMORY;
        *client = key;
        TAILQ_INIT(&client->waiting);
        TAILQ_INIT(&client->asking);
        client->next = *bucket;
        *bucket = client;
    }
    client->conns++;
    *clientp = client;
    return 0;
}

void mr_server_client_leave(mr_server *server, struct mr_server_client *client) {
    if (!client || --client->conns)
        return;
    struct mr_server_client **at = bucket_of(server, client);
    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    free(client);
}

/* ---- access ---- */

/* A null session is nobody, whatever protects it (MS-RPCE 3.3.3.4.3). */
bool mr_server_may_call(const struct mr_server_conn *conn, const mr_server_caller *caller,
                        const struct mr_server_offer *offer) {
    const mr_server_access *access = &offer->served.access;

    if (conn->cred.known) /* the kernel vouches for it, as for ncalrpc on Windows */
        return true;
    if (!caller->anonymous)
        return caller->level >= access->min_level;
    if (access->min_level > MR_AUTH_LEVEL_NONE)
        return false;
    switch (conn->server->options.restrict_remote) {
    case MR_RESTRICT_NONE:
        return true;
    case MR_RESTRICT_DEFAULT:
        return access->anonymous;
    case MR_RESTRICT_HIGH:
        return false;
    }
    return false;
}

int mr_server_set_access(mr_server_endpoint *endpoint, const mr_syntax *interface,
                         const mr_server_access *access) {
    for (struct mr_server_offer *offer = endpoint->offers; offer; offer = offer->next)
        if (mr_syntax_eq(&offer->served.iface->syntax, interface)) {
            offer->served.access = *access;
            return 0;
        }
    return MR_ERR_NOT_FOUND;
}

/* ---- what is told ---- */

void mr_server_notice_conn(struct mr_server_conn *conn, enum mr_server_notice what,
                           const char *text) {
    mr_server_notice_peer(conn->endpoint, &conn->peer, what, text);
}

void mr_server_notice_peer(mr_server_endpoint *endpoint, const mr_addr *peer,
                           enum mr_server_notice what, const char *text) {
    const mr_server_options *o = &endpoint->server->options;

    if (o->watcher && o->watcher->noticed)
        o->watcher->noticed(o->watcher_user, what, endpoint, peer, text);
}
