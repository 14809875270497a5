/*
 * One DNS question. c-ares carries it: retries, matching of answers, TCP. Each server that is
 * asked gets a channel of its own, so that it is certain who answered; the raw answer is decoded
 * by our own decoder, so that rcode and flags stay visible. A truncated answer is asked for again
 * over TCP by us, and ICMP errors are read from the sockets before c-ares sees them.
 *
 * c-ares calls back from inside its own functions, where a channel must not be destroyed: such a
 * callback only notes the result, and exchange_step acts on it afterwards.
 */
#include "loop.h"
#include "socket.h"

#include <msrpc/io/resolver.h>

#include <ares.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT (3 * MR_SEC)
#define TRIES 2
#define ANSWER_CAP ((size_t)1 << 20)
#define SOCKETS 4 /* of one channel: UDP and TCP to one server, with room */
#define DNS_PORT 53
#define UDP_MAX 512 /* RFC 1035 4.2.1: what c-ares hands on of a longer datagram */

struct mr_dns_exchange {
    mr_dns_query *query;
    mr_timer timer;
    mr_arena arena;          /* of the answer */
    mr_dns_message message;
    uint8_t packet[512];
    size_t packet_len;
    uint16_t type;
    mr_addr servers[MR_DNS_SERVERS];
    size_t server_count, server_at;
    mr_nsec timeout, started;
    unsigned tries;
    bool no_recursion;
    bool open;               /* a question is being asked */
    ares_channel channel;
    mr_watch *watches[SOCKETS];
    bool noted;              /* c-ares, or an ICMP error, has decided */
    int status;              /* ARES_* */
    mr_slice reply;          /* in arena */
};

static void exchange_step(struct mr_dns_exchange *ex);

static void channel_close(struct mr_dns_exchange *ex) {
    if (ex->channel)
        ares_destroy(ex->channel);
    ex->channel = NULL;
    for (size_t i = 0; i < SOCKETS; i++) {
        mr_watch_remove(ex->watches[i]);
        ex->watches[i] = NULL;
    }
}

/* The end; the owner may ask again or deinitialise the query in here. */
static void exchange_finish(struct mr_dns_exchange *ex, enum mr_dns_outcome outcome) {
    mr_dns_query *query = ex->query;

    channel_close(ex);
    mr_timer_deinit(&ex->timer);
    ex->open = false;
    query->answer.outcome = outcome;
    query->answer.elapsed = mr_clock_now() - ex->started;
    query->answered(query->user, &query->answer);
}

/* What the message means for the question asked. */
static enum mr_dns_outcome classify(const mr_dns_message *m, uint16_t type) {
    bool soa = false;

    switch (m->rcode) {
    case MR_DNS_NOERROR: break;
    case MR_DNS_NXDOMAIN: return MR_DNS_OUTCOME_NXDOMAIN;
    case MR_DNS_SERVFAIL: return MR_DNS_OUTCOME_SERVFAIL;
    case MR_DNS_REFUSED: return MR_DNS_OUTCOME_REFUSED;
    default: return MR_DNS_OUTCOME_RCODE; /* a number off the wire */
    }
    for (size_t i = 0; i < m->answer_count; i++)
        if (m->answers[i].type == type || type == MR_DNS_ANY)
            return MR_DNS_OUTCOME_ANSWER;
    for (size_t i = 0; i < m->authority_count; i++)
        soa |= m->authority[i].type == MR_DNS_SOA;
    /* RFC 2308 2.2: NODATA has a SOA, or at least no NS; a referral has NS and no authority */
    if (m->authoritative || soa)
        return MR_DNS_OUTCOME_NODATA;
    if (m->authority_count > 0 || !m->recursion_available)
        return MR_DNS_OUTCOME_LAME;
    return MR_DNS_OUTCOME_NODATA;
}

/* Moves the answers that @name owns behind the @kept ones at the front; how many are there then. */
static size_t keep_owner(mr_dns_message *m, size_t kept, const char *name) {
    for (size_t i = kept; i < m->answer_count; i++) {
        if (!mr_dns_same_name(m->answers[i].name, name))
            continue;
        mr_dns_record record = m->answers[i];
        m->answers[i] = m->answers[kept];
        m->answers[kept++] = record;
    }
    return kept;
}

/* Leaves the answers that belong to the question: its own name's and those of the names that
 * aliases lead to (RFC 1034 4.3.2). What else a server adds says nothing about the name. Returns
 * false when there were answers, and none of them is one. */
static bool drop_foreign(mr_dns_message *m) {
    size_t kept = m->question ? keep_owner(m, 0, m->question) : m->answer_count;
    bool any = m->answer_count > 0;

    for (size_t i = 0; m->question && i < kept; i++)
        if (m->answers[i].type == MR_DNS_CNAME)
            kept = keep_owner(m, kept, m->answers[i].u.target);
    m->answer_count = kept;
    return kept > 0 || !any;
}

/* c-ares' side */

static void on_answer(void *user, int status, int timeouts, unsigned char *data, int len) {
    struct mr_dns_exchange *ex = user;

    if (status == ARES_EDESTRUCTION || ex->noted)
        return;
    ex->noted = true;
    ex->status = status;
    ex->query->answer.sent += (unsigned)timeouts + (status != ARES_ETIMEOUT);
    if (status == ARES_SUCCESS) {
        uint8_t *copy = mr_arena_get_raw(&ex->arena, (size_t)len, 1);
        if (copy)
            memcpy(copy, data, (size_t)len);
        else
            ex->status = ARES_ENOMEM;
        ex->reply = mr_slice_of(copy, copy ? (size_t)len : 0);
    }
}

static int on_socket(ares_socket_t fd, int type, void *user) {
    int one = 1;

    (void)type;
    (void)user;
    (void)setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof one);
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof one);
    return 0;
}

static mr_watch **watch_find(struct mr_dns_exchange *ex, int fd) {
    for (size_t i = 0; i < SOCKETS; i++)
        if (ex->watches[i] && mr_watch_fd(ex->watches[i]) == fd)
            return &ex->watches[i];
    return NULL;
}

/* An ICMP error decides: reading it makes the socket forget it, c-ares would wait on. */
static void take_icmp(struct mr_dns_exchange *ex) {
    mr_dns_answer *answer = &ex->query->answer;

    for (size_t i = 0; i < SOCKETS; i++)
        if (ex->watches[i] && mr_socket_take_icmp(mr_watch_fd(ex->watches[i]), &answer->icmp,
                                                  &answer->os_error)) {
            answer->sent++;
            ex->noted = true;
            ex->status = ARES_ECONNREFUSED;
        }
}

static void on_ready(void *user, unsigned ready) {
    struct mr_dns_exchange *ex = user;
    int fds[SOCKETS];

    if (ready & MR_READY_ERROR)
        take_icmp(ex);
    /* which socket it was is not told: c-ares finds the others empty */
    for (size_t i = 0; i < SOCKETS; i++)
        fds[i] = ex->watches[i] ? mr_watch_fd(ex->watches[i]) : -1;
    for (size_t i = 0; i < SOCKETS && !ex->noted; i++)
        if (fds[i] >= 0 && watch_find(ex, fds[i]))
            ares_process_fd(ex->channel,
                            ready & (MR_READY_READ | MR_READY_ERROR) ? fds[i] : ARES_SOCKET_BAD,
                            ready & MR_READY_WRITE ? fds[i] : ARES_SOCKET_BAD);
    exchange_step(ex);
}

static void on_socket_state(void *user, ares_socket_t fd, int readable, int writable) {
    struct mr_dns_exchange *ex = user;
    mr_watch **slot = watch_find(ex, fd);

    if (!readable && !writable) {
        if (slot) {
            mr_watch_remove(*slot);
            *slot = NULL;
        }
        return;
    }
    for (size_t i = 0; i < SOCKETS && !slot; i++)
        if (!ex->watches[i]) {
            if (mr_watch_add(ex->query->resolver->loop, fd, on_ready, ex, &ex->watches[i]) != 0) {
                ex->noted = true; /* no fault of the server's */
                ex->status = ARES_ENOMEM;
                return;
            }
            slot = &ex->watches[i];
        }
    if (slot)
        mr_watch_set(*slot, (readable ? MR_READY_READ : 0u) | (writable ? MR_READY_WRITE : 0u));
}

/* A channel that asks one server and reads no configuration. */
static int channel_open(struct mr_dns_exchange *ex, const mr_addr *server, bool tcp) {
    static const struct in_addr nobody;
    char lookups[] = "b";
    struct ares_addr_port_node node = {0};
    struct ares_options options = {
        .flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_IGNTC | ARES_FLAG_NOSEARCH |
                 (tcp ? ARES_FLAG_USEVC : 0),
        .tries = tcp ? 1 : (int)ex->tries,
        .ndots = 1,
        .servers = (struct in_addr *)&nobody,
        .nservers = 1,
        .lookups = lookups,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = ex,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
               ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_SORTLIST |
               ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;

    /* c-ares waits twice as long after each try */
    mr_nsec shares = tcp ? 1 : ((mr_nsec)1 << ex->tries) - 1;
    options.timeout = (int)(ex->timeout / shares / MR_MSEC);
    if (options.timeout < 1)
        options.timeout = 1;
    if (ares_init_options(&ex->channel, &options, mask) != ARES_SUCCESS) {
        ex->channel = NULL;
        return MR_ERR_MEMORY;
    }
    node.udp_port = node.tcp_port = server->port;
    node.family = server->family == MR_FAMILY_IPV6 ? AF_INET6 : AF_INET;
    if (node.family == AF_INET6)
        memcpy(&node.addr.addr6, server->ip, 16);
    else
        memcpy(&node.addr.addr4, server->ip, 4);
    ares_set_socket_configure_callback(ex->channel, on_socket, ex);
    return ares_set_servers_ports(ex->channel, &node) == ARES_SUCCESS ? 0 : MR_ERR_MEMORY;
}

static void timer_for_channel(struct mr_dns_exchange *ex) {
    struct timeval tv, *left = ex->channel ? ares_timeout(ex->channel, NULL, &tv) : NULL;
    mr_nsec due = MR_NSEC_NEVER;

    if (ex->noted) /* decided while asking: told from the loop */
        due = 0;
    else if (left)
        due = mr_clock_now() + (mr_nsec)left->tv_sec * MR_SEC + (mr_nsec)left->tv_usec * 1000;
    mr_timer_set(&ex->timer, due);
}

/* Asks the present server, over UDP or TCP. */
static void exchange_send(struct mr_dns_exchange *ex, bool tcp) {
    mr_dns_answer *answer = &ex->query->answer;
    const mr_addr *server = &ex->servers[ex->server_at];

    channel_close(ex);
    ex->noted = false;
    if (!tcp) {
        mr_arena_reset(&ex->arena);
        ex->started = mr_clock_now();
        *answer = (mr_dns_answer){.server = *server,
                                  .servers_tried = (unsigned)ex->server_at + 1};
    }
    answer->tcp = tcp;
    if (channel_open(ex, server, tcp) != 0) {
        ex->noted = true;
        ex->status = ARES_ENOMEM;
    } else {
        ares_send(ex->channel, ex->packet, (int)ex->packet_len, on_answer, ex);
    }
    timer_for_channel(ex);
}

/* Why this machine does not send to @server, as an errno; 0 when it would. */
static int local_error(const mr_addr *server) {
    static const mr_addr any;
    struct sockaddr_storage sa;
    int os_error = 0, fd = mr_socket_open(SOCK_DGRAM, server, &any);

    if (fd < 0)
        return errno;
    socklen_t len = mr_addr_to_sockaddr(server, MR_FAMILY_IPV4, &sa);
    if (connect(fd, (struct sockaddr *)&sa, len) != 0)
        os_error = errno;
    close(fd);
    return os_error;
}

/* The outcome of what c-ares noted; the message is decoded here. */
static enum mr_dns_outcome exchange_outcome(struct mr_dns_exchange *ex) {
    mr_dns_message message;

    switch (ex->status) {
    case ARES_SUCCESS: break;
    case ARES_ETIMEOUT: return MR_DNS_OUTCOME_TIMEOUT;
    case ARES_ECONNREFUSED: /* c-ares' word for every failure of a socket */
        if (!ex->query->answer.icmp.present) {
            ex->query->answer.os_error = local_error(&ex->query->answer.server);
            if (ex->query->answer.os_error)
                ex->query->answer.sent = 0;
        }
        return MR_DNS_OUTCOME_UNREACHABLE;
    case ARES_ENOMEM: return MR_DNS_OUTCOME_FAILED;
    default: return MR_DNS_OUTCOME_MALFORMED;
    }
    int r = mr_dns_decode(ex->reply, &ex->arena, &message, NULL);
    if (r == MR_ERR_MEMORY)
        return MR_DNS_OUTCOME_FAILED;
    if (r != 0 || !message.response || (message.truncated && ex->query->answer.tcp))
        return MR_DNS_OUTCOME_MALFORMED;
    if (!drop_foreign(&message) && message.rcode == MR_DNS_NOERROR)
        return MR_DNS_OUTCOME_MALFORMED;
    ex->message = message;
    ex->query->answer.message = &ex->message;
    return classify(&ex->message, ex->type);
}

static bool is_final(enum mr_dns_outcome outcome) {
    return outcome == MR_DNS_OUTCOME_ANSWER || outcome == MR_DNS_OUTCOME_NODATA ||
           outcome == MR_DNS_OUTCOME_NXDOMAIN;
}

/* Goes on after c-ares has run: waits, asks over TCP, asks the next server, or is done. */
static void exchange_step(struct mr_dns_exchange *ex) {
    mr_dns_answer *answer = &ex->query->answer;

    if (!ex->noted) {
        timer_for_channel(ex);
        return;
    }
    enum mr_dns_outcome outcome = exchange_outcome(ex);
    /* some servers send more than they may and set no TC: c-ares cuts it off */
    bool cut = outcome == MR_DNS_OUTCOME_MALFORMED && ex->reply.len >= UDP_MAX;
    if (!answer->tcp && (cut || (answer->message && answer->message->truncated))) {
        exchange_send(ex, true);
        return;
    }
    if (!is_final(outcome) && ex->server_at + 1 < ex->server_count) {
        ex->server_at++;
        exchange_send(ex, false);
        return;
    }
    exchange_finish(ex, outcome);
}

static void on_timer(void *user) {
    struct mr_dns_exchange *ex = user;

    if (ex->packet_len == 0) {
        exchange_finish(ex, MR_DNS_OUTCOME_NAME);
    } else if (ex->server_count == 0) {
        exchange_finish(ex, MR_DNS_OUTCOME_NO_SERVER);
    } else if (!ex->channel && !ex->noted) {
        exchange_send(ex, false); /* the beginning */
    } else {
        if (!ex->noted)
            ares_process_fd(ex->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        exchange_step(ex);
    }
}

/* The public side */

void mr_dns_query_init(mr_dns_query *query, mr_resolver *resolver,
                       void (*answered)(void *user, const mr_dns_answer *answer), void *user) {
    *query = (mr_dns_query){.resolver = resolver, .answered = answered, .user = user};
}

void mr_dns_query_deinit(mr_dns_query *query) {
    struct mr_dns_exchange *ex = query->exchange;

    if (!ex)
        return;
    channel_close(ex);
    mr_timer_deinit(&ex->timer);
    mr_arena_deinit(&ex->arena);
    free(ex);
    query->exchange = NULL;
}

static int exchange_prepare(struct mr_dns_exchange *ex, const mr_dns_ask *ask,
                            const mr_dns_config *config) {
    mr_buf buf;
    uint16_t id;
    int r = mr_entropy_get(&id, sizeof id);

    if (r != 0)
        return r;
    mr_buf_init(&buf, ex->packet, sizeof ex->packet, sizeof ex->packet);
    r = mr_dns_encode_query(id, ask->name, ask->type, !ask->no_recursion, &buf);
    ex->packet_len = r == 0 ? buf.len : 0; /* an impossible name is told from the loop */
    ex->type = ask->type;
    ex->timeout = ask->timeout ? ask->timeout : TIMEOUT;
    ex->tries = ask->tries ? ask->tries < 8 ? ask->tries : 8 : TRIES;
    ex->server_at = 0;
    if (ask->server.family != MR_FAMILY_ANY) {
        ex->servers[0] = ask->server;
        ex->server_count = 1;
    } else {
        memcpy(ex->servers, config->servers, sizeof ex->servers);
        ex->server_count = config->server_count;
    }
    for (size_t i = 0; i < ex->server_count; i++)
        if (ex->servers[i].port == 0)
            ex->servers[i].port = DNS_PORT;
    return 0;
}

int mr_dns_query_ask(mr_dns_query *query, const mr_dns_ask *ask, mr_error *err) {
    const mr_dns_config *config;
    struct mr_dns_exchange *ex = query->exchange;
    int r = mr_resolver_get_config(query->resolver, &config, err);

    if (r != 0)
        return r;
    if (ex && ex->open)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_IO, MR_ERROR_NO_OFFSET,
                       "a question is open already");
    if (!ex) {
        ex = calloc(1, sizeof *ex);
        if (!ex)
            return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_IO, MR_ERROR_NO_OFFSET,
                           "no memory for a DNS question");
        query->exchange = ex;
        ex->query = query;
        mr_timer_init(&ex->timer, query->resolver->loop, on_timer, ex);
        mr_arena_init(&ex->arena, ANSWER_CAP);
    }
    r = exchange_prepare(ex, ask, config);
    if (r != 0)
        return mr_fail(err, r, MR_FLOOR_IO, MR_ERROR_NO_OFFSET, "the system has no randomness");
    query->answer = (mr_dns_answer){0};
    ex->open = true;
    ex->noted = false;
    ex->started = mr_clock_now();
    mr_timer_set(&ex->timer, 0);
    return 0;
}

const char *mr_dns_outcome_name(enum mr_dns_outcome outcome) {
    switch (outcome) {
    case MR_DNS_OUTCOME_ANSWER: return "answer";
    case MR_DNS_OUTCOME_NODATA: return "nodata";
    case MR_DNS_OUTCOME_NXDOMAIN: return "nxdomain";
    case MR_DNS_OUTCOME_SERVFAIL: return "servfail";
    case MR_DNS_OUTCOME_REFUSED: return "refused";
    case MR_DNS_OUTCOME_RCODE: return "rcode";
    case MR_DNS_OUTCOME_LAME: return "lame";
    case MR_DNS_OUTCOME_TIMEOUT: return "timeout";
    case MR_DNS_OUTCOME_UNREACHABLE: return "unreachable";
    case MR_DNS_OUTCOME_MALFORMED: return "malformed";
    case MR_DNS_OUTCOME_NAME: return "bad name";
    case MR_DNS_OUTCOME_NO_SERVER: return "no server";
    case MR_DNS_OUTCOME_FAILED: return "failed";
    }
    return "?";
}
