/*
 * One port, asked once: connect or send, take the network's verdict, then speak the port's protocol
 * where one is known. The state comes from the attempt alone; whatever is said afterwards only adds
 * to it. Invariants: done is called exactly once for a start, as the last thing a callback does;
 * what a peer may make us keep is bounded by IN_MAX and the arena's cap.
 */
#include "port_private.h"

#include <msrpc/ifaces/epmapper.h>

#define TIMEOUT_DEFAULT (3 * MR_SEC)
#define IN_MAX ((size_t)64 << 10)
#define OUT_MAX 2048
#define TEXT_MAX 1024
#define ARENA_MAX ((size_t)1 << 20)

const char *mr_port_state_name(enum mr_port_state state) {
    switch (state) {
    case MR_PORT_UNKNOWN: return "UNKNOWN";
    case MR_PORT_LISTENING: return "LISTENING";
    case MR_PORT_NOT_LISTENING: return "NOT LISTENING";
    case MR_PORT_FILTERED: return "FILTERED";
    case MR_PORT_LISTENING_OR_FILTERED: return "LISTENING or FILTERED";
    }
    return "UNKNOWN";
}

const char *mr_port_talk_name(enum mr_port_talk talk) {
    switch (talk) {
    case MR_PORT_TALK_NONE: return "none";
    case MR_PORT_TALK_ANSWERED: return "answered";
    case MR_PORT_TALK_FOREIGN: return "foreign";
    case MR_PORT_TALK_CLOSED: return "closed";
    case MR_PORT_TALK_SILENT: return "silent";
    }
    return "none";
}

/* ICMP port unreachable means "closed" only from the host itself; a router that says it hides. */
static bool is_own_refusal(const mr_attempt *attempt) {
    return mr_icmp_is_port(&attempt->icmp) &&
           mr_addr_same_host(&attempt->icmp.sender, &attempt->remote);
}

enum mr_port_state mr_port_state_get(const mr_attempt *attempt, unsigned protocol) {
    switch (attempt->reach) {
    case MR_REACH_OPEN:
        return MR_PORT_LISTENING;
    case MR_REACH_REFUSED:
        return !attempt->icmp.present || is_own_refusal(attempt) ? MR_PORT_NOT_LISTENING
                                                                  : MR_PORT_FILTERED;
    case MR_REACH_UNREACHABLE:
        return is_own_refusal(attempt) ? MR_PORT_NOT_LISTENING : MR_PORT_FILTERED;
    case MR_REACH_SILENT:
        return protocol == MR_PORT_UDP ? MR_PORT_LISTENING_OR_FILTERED : MR_PORT_FILTERED;
    case MR_REACH_PENDING:
    case MR_REACH_LOCAL:
        break;
    }
    return MR_PORT_UNKNOWN;
}

double mr_port_result_ms(const mr_port_result *result) {
    const mr_attempt *a = &result->attempt;

    return a->ended > a->started ? (double)(a->ended - a->started) / (double)MR_MSEC : 0;
}

const mr_icmp *mr_port_result_icmp(const mr_port_result *result) {
    bool decided = result->attempt.reach == MR_REACH_REFUSED ||
                   result->attempt.reach == MR_REACH_UNREACHABLE;

    return decided && result->attempt.icmp.present ? &result->attempt.icmp : NULL;
}

/* ---- the end ---- */

/* Closes whatever is open; the result stays. */
static void hang_up(mr_port_probe *p) {
    mr_timer_deinit(&p->timer);
    mr_stream_deinit(&p->stream);
    p->stream = (mr_stream){0};
    mr_datagram_deinit(&p->datagram);
    p->datagram = (mr_datagram){0};
}

static void finish(mr_port_probe *p) {
    hang_up(p);
    p->running = false;
    if (p->text.len && !p->result.detail)
        p->result.detail = mr_arena_add_str(&p->arena, mr_buf_slice(&p->text));
    p->done(p->user, p);
}

/* The talk ends without an answer that was understood. */
static void finish_talk(mr_port_probe *p, enum mr_port_talk talk) {
    const char *asked = p->service->asked;

    mr_buf_reset(&p->text);
    p->result.talk = talk;
    switch (talk) {
    case MR_PORT_TALK_NONE:
    case MR_PORT_TALK_ANSWERED:
        break;
    case MR_PORT_TALK_FOREIGN:
        port_say(p, "what answers does not speak %s", asked);
        break;
    case MR_PORT_TALK_CLOSED:
        port_say(p, "closes the connection instead of speaking %s", asked);
        break;
    case MR_PORT_TALK_SILENT:
        port_say(p, "accepts the connection, but does not answer %s", asked);
        break;
    }
    finish(p);
}

/* ---- TCP ---- */

static const mr_stream_events stream_events;
static void tcp_expired(void *user);

static int tcp_connect(mr_port_probe *p, mr_error *err) {
    const mr_connect_options options = {
        .remote = p->options.remote,
        .source = p->options.source,
        .timeout = p->options.timeout,
        .tries = p->options.tries,
    };
    int r = mr_stream_init(&p->stream, p->loop, "ncacn_ip_tcp", &stream_events, p, err);

    mr_buf_reset(&p->in);
    return r ? r : mr_stream_connect(&p->stream, &options, err);
}

/* One more connection with the next question; the state is known from the first. */
static void tcp_again(mr_port_probe *p) {
    hang_up(p);
    mr_timer_init(&p->timer, p->loop, tcp_expired, p);
    if (tcp_connect(p, NULL) != 0)
        finish_talk(p, MR_PORT_TALK_CLOSED);
}

/* What the reader makes of what came; @otherwise is the end when it wanted more. */
static void tcp_read(mr_port_probe *p, bool ended, enum mr_port_talk otherwise) {
    switch (p->service->answer(p, mr_buf_slice(&p->in), ended)) {
    case PORT_DONE:
        p->result.talk = MR_PORT_TALK_ANSWERED;
        finish(p);
        break;
    case PORT_MORE:
        if (ended)
            finish_talk(p, otherwise);
        break;
    case PORT_FOREIGN:
        finish_talk(p, MR_PORT_TALK_FOREIGN);
        break;
    case PORT_AGAIN:
        tcp_again(p);
        break;
    }
}

static void tcp_expired(void *user) {
    tcp_read(user, true, MR_PORT_TALK_SILENT);
}

static void tcp_talk(mr_port_probe *p) {
    mr_buf_reset(&p->out);
    if (p->service->ask && p->service->ask(p, &p->out) != 0) {
        finish(p); /* a question that cannot be worded: the state is known all the same */
        return;
    }
    p->result.asked = p->service->asked;
    mr_clock_get_wall(&p->asked_sec, &p->asked_nsec);
    mr_timer_set(&p->timer, mr_clock_now() + p->options.timeout);
    if (p->out.len)
        (void)mr_stream_send(&p->stream, mr_buf_slice(&p->out), NULL); /* a break shows as closed */
}

static void on_opened(void *user, int result, const mr_error *err) {
    mr_port_probe *p = user;
    mr_attempt attempt = {0};

    (void)err;
    (void)mr_stream_get_attempt(&p->stream, &attempt);
    if (p->step == 0) {
        p->result.attempt = attempt;
        p->result.state = mr_port_state_get(&attempt, MR_PORT_TCP);
    }
    if (result != 0 && p->step > 0)
        finish_talk(p, MR_PORT_TALK_CLOSED);
    else if (result != 0 || !p->service)
        finish(p);
    else
        tcp_talk(p);
}

static void on_received(void *user, mr_slice bytes) {
    mr_port_probe *p = user;
    bool full = bytes.len > IN_MAX - p->in.len;

    mr_buf_write(&p->in, mr_slice_sub(bytes, 0, IN_MAX - p->in.len));
    tcp_read(p, full || mr_buf_error(&p->in), MR_PORT_TALK_FOREIGN);
}

static void on_closed(void *user, int result, const mr_error *err) {
    (void)result;
    (void)err;
    tcp_read(user, true, MR_PORT_TALK_CLOSED);
}

static const mr_stream_events stream_events = {
    .opened = on_opened,
    .received = on_received,
    .closed = on_closed,
};

/* ---- the endpoint mapper ---- */

static void map_finish(mr_port_probe *p, int result, const mr_error *err) {
    p->result.map = p->mapper.state ? &p->mapper : NULL;
    if (result == 0) {
        p->result.talk = MR_PORT_TALK_ANSWERED;
        port_say(p, "%zu endpoints registered", p->mapper.count);
        port_add_int(p, "endpoints", (int64_t)p->mapper.count);
    } else {
        p->result.talk = result == MR_ERR_TIMEOUT ? MR_PORT_TALK_SILENT
                       : result == MR_ERR_RESET || result == MR_ERR_CLOSED ? MR_PORT_TALK_CLOSED
                       : result == MR_ERR_PROTOCOL ? MR_PORT_TALK_FOREIGN
                                                   : MR_PORT_TALK_ANSWERED;
        port_say(p, "%s", err->text);
    }
    finish(p);
}

static void on_mapped(void *user, mr_mapper *mapper, int result, const mr_error *err) {
    (void)mapper;
    map_finish(user, result, err);
}

static void on_bound(void *user, mr_client *client, int result, const mr_error *err) {
    mr_port_probe *p = user;
    const mr_client_report *report = mr_client_get_report(client);
    mr_error failed = *err;
    char address[MR_ADDR_TEXT];

    p->result.attempt = report->attempt;
    p->result.state = mr_port_state_get(&report->attempt, MR_PORT_TCP);
    if (p->result.state != MR_PORT_LISTENING) {
        finish(p);
        return;
    }
    p->result.asked = p->service->asked;
    const char *host = p->options.host ? p->options.host
                                       : mr_addr_text(&p->options.remote, address);
    if (result == 0)
        result = mr_mapper_init(&p->mapper, client, mr_slice_str(host), &failed);
    if (result == 0) {
        p->mapper.done = on_mapped;
        p->mapper.user = p;
        result = mr_mapper_lookup(&p->mapper, &(mr_mapper_query){0}, &failed);
    }
    if (result != 0)
        map_finish(p, result, &failed);
}

static int map_start(mr_port_probe *p, mr_error *err) {
    const mr_client_options options = {
        .connect = {.remote = p->options.remote, .source = p->options.source,
                    .timeout = p->options.timeout, .tries = p->options.tries},
        .timeout = p->options.timeout,
    };
    int r = mr_client_new(p->loop, &options, &p->client, err);

    return r ? r : mr_client_start(p->client, &mr_epmapper_iface.syntax, on_bound, p, err);
}

/* ---- UDP ---- */

static bool on_datagram(void *user, mr_slice bytes) {
    mr_port_probe *p = user;

    if (!p->service)
        return true;
    enum port_reading reading = p->service->answer(p, bytes, true);
    p->result.talk = reading == PORT_DONE ? MR_PORT_TALK_ANSWERED : MR_PORT_TALK_FOREIGN;
    return true;
}

static void on_datagram_done(void *user, int result, const mr_error *err) {
    mr_port_probe *p = user;

    (void)result;
    (void)err;
    p->result.attempt = p->datagram.attempt;
    p->result.state = mr_port_state_get(&p->datagram.attempt, MR_PORT_UDP);
    if (p->result.talk == MR_PORT_TALK_FOREIGN)
        finish_talk(p, MR_PORT_TALK_FOREIGN);
    else
        finish(p);
}

static const mr_datagram_events datagram_events = {
    .received = on_datagram,
    .done = on_datagram_done,
};

static int udp_start(mr_port_probe *p, mr_error *err) {
    const mr_datagram_options options = {
        .remote = p->options.remote,
        .source = p->options.source,
        .tries = p->options.tries,
        .timeout = p->options.timeout,
    };

    mr_datagram_init(&p->datagram, p->loop, &datagram_events, p);
    mr_buf_reset(&p->out);
    if (p->service && p->service->ask(p, &p->out) != 0) {
        p->service = NULL; /* a question that cannot be worded: an empty datagram goes instead */
        mr_buf_reset(&p->out);
    }
    if (p->service)
        p->result.asked = p->service->asked;
    mr_clock_get_wall(&p->asked_sec, &p->asked_nsec);
    return mr_datagram_ask(&p->datagram, &options, mr_buf_slice(&p->out), err);
}

/* ---- life ---- */

void mr_port_probe_init(mr_port_probe *p, mr_loop *loop,
                        void (*done)(void *user, mr_port_probe *probe), void *user) {
    *p = (mr_port_probe){.loop = loop, .done = done, .user = user};
    mr_arena_init(&p->arena, ARENA_MAX);
    mr_buf_init(&p->in, NULL, 0, IN_MAX);
    mr_buf_init(&p->out, NULL, 0, OUT_MAX);
    mr_buf_init(&p->text, NULL, 0, TEXT_MAX);
    p->tail = (mr_port_field **)&p->result.fields;
}

/* Forgets the last run, the mapper before the client it belongs to. */
static void forget(mr_port_probe *p) {
    hang_up(p);
    if (p->mapper.state)
        mr_mapper_deinit(&p->mapper);
    mr_client_free(p->client);
    p->client = NULL;
    mr_arena_reset(&p->arena);
    mr_buf_reset(&p->in);
    mr_buf_reset(&p->out);
    mr_buf_reset(&p->text);
    p->tail = (mr_port_field **)&p->result.fields;
    p->step = 0;
}

int mr_port_probe_start(mr_port_probe *p, const mr_port_probe_options *options, mr_error *err) {
    bool udp = options->protocol == MR_PORT_UDP;
    uint16_t port = options->remote.port;

    if (p->running)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET,
                       "the probe of port %u is not over yet", p->result.port);
    forget(p);
    p->options = *options;
    if (!p->options.timeout)
        p->options.timeout = TIMEOUT_DEFAULT;
    p->result = (mr_port_result){.port = port, .protocol = options->protocol};
    p->service = options->quiet && !udp
                     ? NULL
                     : port_service_find(options->service ? options->service : port,
                                         options->protocol);
    if (p->service && udp && options->root_dse)
        p->service = port_service_find_root_dse(p->service);
    int r = mr_entropy_get(p->random, sizeof p->random);
    if (r)
        return mr_fail(err, r, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET, "no randomness to be had");
    mr_timer_init(&p->timer, p->loop, tcp_expired, p);
    r = udp ? udp_start(p, err) : p->service && p->service->maps ? map_start(p, err)
                                                                : tcp_connect(p, err);
    p->running = r == 0;
    return r;
}

void mr_port_probe_deinit(mr_port_probe *p) {
    if (!p->loop)
        return;
    forget(p);
    mr_arena_deinit(&p->arena);
    mr_buf_deinit(&p->in);
    mr_buf_deinit(&p->out);
    mr_buf_deinit(&p->text);
    *p = (mr_port_probe){0};
}
