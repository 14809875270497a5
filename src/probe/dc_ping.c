/*
 * The locator's ping to one address (MS-ADTS 6.3.3): over UDP as Windows asks, and over TCP where
 * that is silent or the rootDSE is wanted too. Invariants: done is called exactly once for a start,
 * as the last thing a callback does; what a peer may make us keep is bounded by IN_MAX.
 */
#include <msrpc/probe/locator.h>

#include <msrpc/wire/ldap.h>

#define TIMEOUT_DEFAULT (3 * MR_SEC)
#define IN_MAX ((size_t)64 << 10)
#define QUESTION_MAX 2048
#define LDAP_PORT 389

enum { ID_PING = 1, ID_ROOT_DSE = 2 };

const char *mr_dc_outcome_name(enum mr_dc_outcome outcome) {
    switch (outcome) {
    case MR_DC_PENDING: return "unknown";
    case MR_DC_ANSWERED: return "answered";
    case MR_DC_PAUSED: return "paused";
    case MR_DC_NO_ACCOUNT: return "no account";
    case MR_DC_OTHER: return "other domain";
    case MR_DC_FOREIGN: return "not LDAP";
    case MR_DC_SILENT: return "silent";
    case MR_DC_REFUSED: return "refused";
    case MR_DC_UNREACHABLE: return "unreachable";
    }
    return "unknown";
}

bool mr_dc_is_of_domain(enum mr_dc_outcome outcome) {
    return outcome == MR_DC_ANSWERED || outcome == MR_DC_PAUSED || outcome == MR_DC_NO_ACCOUNT;
}

/* One of the two ways is over. */
static void end_one(mr_dc_ping *p) {
    if (--p->open == 0)
        p->done(p->user, p);
}

/* ---- what came ---- */

static const char *copy_value(mr_dc_ping *p, const mr_ldap_message *m, const char *name) {
    const mr_ldap_attribute *a = mr_ldap_find(m, name);

    if (!a || !a->count)
        return NULL;
    const char *copy = mr_arena_add_str(p->arena, a->values[0]);
    p->failed |= !copy;
    return copy;
}

static enum mr_dc_outcome answer_outcome(const mr_netlogon_answer *answer) {
    switch (answer->opcode) {
    case MR_NETLOGON_SAM_PAUSE_RESPONSE_EX: return MR_DC_PAUSED;
    case MR_NETLOGON_SAM_USER_UNKNOWN_EX: return MR_DC_NO_ACCOUNT;
    }
    return MR_DC_ANSWERED;
}

/* The entry of the ping's search. A domain controller of another domain answers without one. */
static enum mr_dc_outcome read_ping(mr_dc_ping *p, const mr_ldap_message *m) {
    const mr_ldap_attribute *a = mr_ldap_find(m, "Netlogon");
    mr_netlogon_answer answer;

    if (!a || !a->count)
        return MR_DC_OTHER;
    int r = mr_netlogon_answer_decode(a->values[0], p->arena, &answer, NULL);
    p->failed |= r == MR_ERR_MEMORY;
    if (r != 0)
        return MR_DC_FOREIGN;
    p->answer = answer;
    p->has_answer = true;
    return answer_outcome(&answer);
}

static void read_root_dse(mr_dc_ping *p, const mr_ldap_message *m) {
    p->root_dse = true;
    p->dns_host = copy_value(p, m, "dnsHostName");
    p->service_name = copy_value(p, m, "dsServiceName");
    p->has_dsa_guid = mr_ldap_get_dn_guid(mr_slice_str(p->service_name), &p->dsa_guid) == 0;
}

/* ---- UDP ---- */

static void start_stream(mr_dc_ping *p);

static bool on_datagram(void *user, mr_slice bytes) {
    mr_dc_ping *p = user;
    mr_ldap_message m;
    size_t used;

    int r = mr_ldap_decode(bytes, p->arena, &m, &used, NULL);
    p->failed |= r == MR_ERR_MEMORY;
    if (r != 0) {
        p->outcome = MR_DC_FOREIGN;
        return true;
    }
    if (m.id != ID_PING)
        return false;
    p->outcome = m.op == MR_LDAP_SEARCH_ENTRY ? read_ping(p, &m)
                 : m.op == MR_LDAP_SEARCH_DONE ? MR_DC_OTHER : MR_DC_FOREIGN;
    return true;
}

static void on_udp_done(void *user, int result, const mr_error *err) {
    mr_dc_ping *p = user;

    (void)err;
    p->failed |= result == MR_ERR_MEMORY;
    p->attempt = p->udp.attempt;
    p->elapsed = p->attempt.ended > p->attempt.started ? p->attempt.ended - p->attempt.started : 0;
    switch (result) {
    case 0: break;
    case MR_ERR_TIMEOUT: p->outcome = MR_DC_SILENT; break;
    case MR_ERR_REFUSED: p->outcome = MR_DC_REFUSED; break;
    default: p->outcome = MR_DC_UNREACHABLE; break; /* a result of io */
    }
    if (result != 0 && !p->streaming)
        start_stream(p);
    end_one(p);
}

static const mr_datagram_events udp_events = {.received = on_datagram, .done = on_udp_done};

/* ---- TCP ---- */

static void end_stream(mr_dc_ping *p) {
    mr_timer_deinit(&p->timer);
    mr_stream_deinit(&p->stream);
    p->stream = (mr_stream){0};
    end_one(p);
}

static void on_expired(void *user) {
    end_stream(user);
}

static void ask_stream(mr_dc_ping *p) {
    static const char *const names[] = {"dnsHostName", "dsServiceName"};
    uint8_t room[512];
    mr_buf out;

    mr_buf_init(&out, room, sizeof room, QUESTION_MAX);
    int r = mr_ldap_encode_root_dse_extended(ID_ROOT_DSE, names, MR_COUNT(names), &out);
    if (r == 0)
        r = mr_stream_send(&p->stream, mr_buf_slice(&p->question), NULL);
    if (r == 0)
        r = mr_stream_send(&p->stream, mr_buf_slice(&out), NULL);
    p->failed |= r == MR_ERR_MEMORY; /* a connection that breaks shows as closed */
    mr_buf_deinit(&out);
    mr_timer_set(&p->timer, mr_clock_now() + p->options.timeout);
}

static void on_opened(void *user, int result, const mr_error *err) {
    mr_dc_ping *p = user;
    mr_attempt attempt = {0};

    (void)err;
    (void)mr_stream_get_attempt(&p->stream, &attempt);
    p->tcp = attempt.reach;
    if (result != 0)
        end_stream(p);
    else
        ask_stream(p);
}

/* Reads whole messages. True when the rootDSE's search is over, or nonsense came. */
static bool read_stream(mr_dc_ping *p) {
    mr_slice rest = mr_buf_slice(&p->in);
    mr_ldap_message m;
    size_t used;
    int r;

    while (rest.len && (r = mr_ldap_decode(rest, p->arena, &m, &used, NULL)) != 1) {
        p->failed |= r == MR_ERR_MEMORY;
        if (r != 0)
            return true;
        if (m.op == MR_LDAP_SEARCH_ENTRY && m.id == ID_PING && !p->has_answer) {
            (void)read_ping(p, &m);
            p->over_tcp = p->has_answer;
        } else if (m.op == MR_LDAP_SEARCH_ENTRY && m.id == ID_ROOT_DSE && !p->root_dse) {
            read_root_dse(p, &m);
        } else if (m.op == MR_LDAP_SEARCH_DONE && m.id == ID_ROOT_DSE) {
            return true;
        }
        rest = mr_slice_sub(rest, used, rest.len);
    }
    mr_buf left;
    mr_buf_init(&left, NULL, 0, IN_MAX);
    mr_buf_write(&left, rest);
    mr_buf_deinit(&p->in);
    p->in = left;
    p->failed |= mr_buf_error(&left) == MR_ERR_MEMORY;
    return mr_buf_error(&left) != 0;
}

static void on_received(void *user, mr_slice bytes) {
    mr_dc_ping *p = user;

    mr_buf_write(&p->in, bytes);
    p->failed |= mr_buf_error(&p->in) == MR_ERR_MEMORY;
    if (mr_buf_error(&p->in) || read_stream(p))
        end_stream(p);
}

static void on_closed(void *user, int result, const mr_error *err) {
    (void)result;
    (void)err;
    end_stream(user);
}

static const mr_stream_events stream_events = {.opened = on_opened, .received = on_received,
                                               .closed = on_closed};

static void start_stream(mr_dc_ping *p) {
    const mr_connect_options options = {
        .remote = p->options.remote,
        .source = p->options.source,
        .timeout = p->options.timeout,
    };

    p->streaming = true;
    mr_timer_init(&p->timer, p->loop, on_expired, p);
    if (mr_stream_init(&p->stream, p->loop, "ncacn_ip_tcp", &stream_events, p, NULL) != 0 ||
        mr_stream_connect(&p->stream, &options, NULL) != 0) {
        mr_stream_deinit(&p->stream);
        p->stream = (mr_stream){0};
        p->failed = true;
    } else {
        p->open++;
    }
}

/* ---- the whole ---- */

void mr_dc_ping_init(mr_dc_ping *p, mr_loop *loop, mr_arena *arena,
                     void (*done)(void *user, mr_dc_ping *ping), void *user) {
    *p = (mr_dc_ping){.loop = loop, .arena = arena, .done = done, .user = user};
    mr_buf_init(&p->question, NULL, 0, QUESTION_MAX);
    mr_buf_init(&p->in, NULL, 0, IN_MAX);
}

int mr_dc_ping_start(mr_dc_ping *p, const mr_dc_ping_options *options, mr_error *err) {
    const mr_ldap_ping ping = {
        .dns_domain = options->domain,
        .account = options->account,
        .account_control = options->account_control,
        .nt_version = MR_NETLOGON_NT_VERSION,
    };

    p->options = *options;
    if (!p->options.remote.port)
        p->options.remote.port = LDAP_PORT;
    if (!p->options.timeout)
        p->options.timeout = TIMEOUT_DEFAULT;
    int r = mr_ldap_encode_ping(ID_PING, &ping, &p->question);
    if (r)
        return mr_fail(err, r, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET,
                       "the names make too long a question for the domain controller");
    const mr_datagram_options udp = {.remote = p->options.remote, .source = p->options.source,
                                     .tries = p->options.tries, .timeout = p->options.timeout};
    mr_datagram_init(&p->udp, p->loop, &udp_events, p);
    r = mr_datagram_ask(&p->udp, &udp, mr_buf_slice(&p->question), err);
    if (r)
        return r;
    p->open = 1;
    if (p->options.tcp)
        start_stream(p);
    return 0;
}

void mr_dc_ping_deinit(mr_dc_ping *p) {
    if (!p->loop)
        return;
    mr_datagram_deinit(&p->udp);
    mr_timer_deinit(&p->timer);
    mr_stream_deinit(&p->stream);
    mr_buf_deinit(&p->question);
    mr_buf_deinit(&p->in);
    p->loop = NULL;
}
