/*
 * Asking the KDCs of a realm (RFC 4120 7.2): first all of them by UDP, unless the message may not
 * travel so, then all by TCP, until one answers; that one is the first to be asked the next time.
 * UDP is sent twice. A datagram that is no Kerberos message could be anybody's and ends nothing:
 * the right answer may still follow. A KDC that is out of service (KDC_ERR_SVC_UNAVAILABLE) is
 * believed only when it says so twice, or two do.
 */
#include "logon_private.h"

#include <errno.h>
#include <stdio.h>

#define SVC_UNAVAILABLE 29
#define UDP_TRIES 2

static void go_on(mr_logon *l);

/* ---- what came of one try ---- */

static void note_error(struct mr_logon_ask *a, mr_slice reply) {
    mr_krb_error e;

    if (mr_krb_get_type(reply) != MR_KRB_ERROR || mr_krb_error_decode(reply, &e, NULL) != 0)
        return;
    a->now.code = e.code;
    a->now.server_time = e.server_time;
}

/* Into the report; when it is full, the last place stands for all that follow. */
static void end_try(mr_logon *l, int result) {
    struct mr_logon_ask *a = &l->ask;
    mr_logon_report *r = &l->report;

    a->trying = false;
    a->now.result = result;
    a->now.elapsed = mr_clock_now() - a->now.elapsed;
    r->tries_made++;
    if (r->try_count < MR_LOGON_TRIES)
        r->try_count++;
    r->tries[r->try_count - 1] = a->now;
}

static void stop_io(mr_logon *l) {
    mr_datagram_deinit(&l->ask.datagram);
    mr_stream_deinit(&l->ask.stream);
    mr_timer_deinit(&l->ask.timer);
}

static void fail_try(mr_logon *l, int result, const mr_error *err) {
    if (err && err->peer_kind == MR_PEER_ERRNO)
        l->ask.now.os_error = err->peer;
    stop_io(l);
    end_try(l, result);
    l->ask.next++;
    go_on(l);
}

/* The one that answered comes first from now on. */
static void prefer(struct mr_logon_ask *a) {
    mr_addr addr = a->realm->kdcs[a->next];

    memmove(&a->realm->kdcs[1], &a->realm->kdcs[0], a->next * sizeof addr);
    a->realm->kdcs[0] = addr;
    if (a->by_tcp && !a->tcp)
        a->realm->tcp_only = true;
}

/* @a->reply holds a whole message, behind its length if it came by TCP. */
static void take_answer(mr_logon *l) {
    struct mr_logon_ask *a = &l->ask;
    mr_slice reply = mr_slice_sub(mr_buf_slice(&a->reply), a->by_tcp ? 4 : 0, SIZE_MAX);

    stop_io(l);
    note_error(a, reply);
    end_try(l, 0);
    if (a->now.code == SVC_UNAVAILABLE && !a->held) {
        a->held = true;
        a->next++;
        go_on(l);
        return;
    }
    l->report.answered = true;
    l->report.kdc = a->now.addr;
    l->report.kdc_tcp = a->by_tcp;
    prefer(a);
    mr_logon_take_reply(l, reply);
}

/* ---- UDP ---- */

static bool is_whole(mr_slice bytes) {
    mr_cursor c = mr_cursor_of(bytes);

    if (mr_krb_get_type(bytes) == 0)
        return false;
    (void)mr_ber_read(&c, bytes.data[0]);
    return mr_cursor_ok(&c) && mr_cursor_left(&c) == 0;
}

static bool on_datagram(void *user, mr_slice bytes) {
    mr_logon *l = user;

    if (!is_whole(bytes)) {
        l->ask.strange = true;
        return false;
    }
    mr_buf_reset(&l->ask.reply);
    mr_buf_write(&l->ask.reply, bytes);
    return true;
}

static void on_datagram_done(void *user, int result, const mr_error *err) {
    mr_logon *l = user;
    struct mr_logon_ask *a = &l->ask;

    a->now.attempt = a->datagram.attempt;
    if (result == 0)
        result = mr_buf_error(&a->reply);
    else if (result == MR_ERR_TIMEOUT && a->strange)
        result = MR_ERR_PROTOCOL;
    if (result == 0)
        take_answer(l);
    else
        fail_try(l, result, err);
}

static const mr_datagram_events datagram_events = {on_datagram, on_datagram_done};

/* ---- TCP ---- */

static void on_opened(void *user, int result, const mr_error *err) {
    mr_logon *l = user;
    struct mr_logon_ask *a = &l->ask;
    uint8_t room[4];
    mr_error detail = MR_ERROR_INIT;
    mr_buf head;

    (void)mr_stream_get_attempt(&a->stream, &a->now.attempt);
    if (result) {
        fail_try(l, result, err);
        return;
    }
    mr_buf_init(&head, room, sizeof room, sizeof room);
    head.big = true;
    mr_buf_write_u32(&head, (uint32_t)a->request.len);
    result = mr_stream_send(&a->stream, mr_buf_slice(&head), &detail);
    if (result == 0)
        result = mr_stream_send(&a->stream, a->request, &detail);
    if (result)
        fail_try(l, result, &detail);
    else
        mr_timer_set(&a->timer, mr_clock_now() + l->options.kdc_timeout);
}

static void on_octets(void *user, mr_slice bytes) {
    mr_logon *l = user;
    struct mr_logon_ask *a = &l->ask;
    size_t size = 0;

    mr_buf_write(&a->reply, bytes);
    int result = mr_buf_error(&a->reply);
    if (result == 0)
        result = mr_krb_get_size(mr_buf_slice(&a->reply), &size);
    if (result == 0 && size > MR_LOGON_REPLY + 4) /* the size itself */
        result = MR_ERR_PROTOCOL;
    if (result == 1 || (result == 0 && a->reply.len < size))
        return;
    if (result == 0 && (a->reply.len > size ||
                        !is_whole(mr_slice_sub(mr_buf_slice(&a->reply), 4, SIZE_MAX))))
        result = MR_ERR_PROTOCOL;
    if (result == 0)
        take_answer(l);
    else
        fail_try(l, result == MR_ERR_MEMORY ? result : MR_ERR_PROTOCOL, NULL);
}

static void on_closed(void *user, int result, const mr_error *err) {
    mr_logon *l = user;

    fail_try(l, result ? result : MR_ERR_CLOSED, err);
}

static void on_timer(void *user) {
    fail_try(user, MR_ERR_TIMEOUT, NULL);
}

static const mr_stream_events stream_events = {
    .opened = on_opened, .received = on_octets, .closed = on_closed};

/* ---- the passes over the addresses ---- */

static int begin_try(mr_logon *l, const mr_addr *addr, mr_error *err) {
    struct mr_logon_ask *a = &l->ask;
    const mr_connect_options connect = {
        .remote = *addr, .source = l->options.source, .timeout = l->options.kdc_timeout};
    const mr_datagram_options ask = {.remote = *addr, .source = l->options.source,
                                     .tries = UDP_TRIES, .timeout = l->options.kdc_timeout};

    l->report.stage = MR_LOGON_ASKING;
    a->now = (mr_logon_try){.realm = (uint8_t)(a->realm - l->report.realms), .tcp = a->by_tcp,
                            .addr = *addr, .code = MR_KRB5_NO_CODE, .elapsed = mr_clock_now()};
    a->trying = true;
    a->strange = false;
    mr_buf_reset(&a->reply);
    if (!a->by_tcp) {
        mr_datagram_init(&a->datagram, l->loop, &datagram_events, l);
        return mr_datagram_ask(&a->datagram, &ask, a->request, err);
    }
    mr_timer_init(&a->timer, l->loop, on_timer, l);
    int r = mr_stream_init(&a->stream, l->loop, "ncacn_ip_tcp", &stream_events, l, err);
    return r ? r : mr_stream_connect(&a->stream, &connect, err);
}

/* "10.0.0.1:88 over UDP: refused; ...", as much as fits. */
static void list_tries(const mr_logon *l, char *out, size_t size) {
    const mr_logon_report *r = &l->report;
    char text[MR_LOGON_TRY_TEXT];
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = l->ask.first_try; i < r->try_count; i++) {
        mr_logon_try_text(&r->tries[i], text);
        if (used + strlen(text) + sizeof "; ..." > size) {
            (void)snprintf(out + used, size - used, "%s...", used ? "; " : "");
            return;
        }
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? "; " : "", text);
    }
}

/* One result for all tries of the question: theirs if they agree. */
static int common_result(const mr_logon *l) {
    const mr_logon_report *r = &l->report;
    size_t first = l->ask.first_try < r->try_count ? l->ask.first_try : r->try_count - 1;
    int result = r->tries[first].result;

    for (size_t i = first; i < r->try_count; i++) {
        if (r->tries[i].result == MR_ERR_MEMORY)
            return MR_ERR_MEMORY;
        if (r->tries[i].result != result)
            result = MR_ERR_UNREACHABLE;
    }
    return result ? result : MR_ERR_UNREACHABLE;
}

static void end_unanswered(mr_logon *l) {
    const mr_logon_realm *realm = l->ask.realm;
    mr_error err = MR_ERROR_INIT;
    char list[150];

    if (realm->kdc_count == 0) {
        mr_logon_end(l, mr_logon_fail_found(l, realm, &err), &err);
        return;
    }
    list_tries(l, list, sizeof list);
    const mr_logon_report *r = &l->report;
    bool guess = r->guess && !r->guess_fits && realm == r->realms;
    mr_fail(&err, common_result(l), MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "no KDC of %.28s%s%.60s %s: "
            "%s", realm->name, guess ? ", guessed from " : "", guess ? r->guess : "",
            l->ask.held ? "is in service" : "answers", list);
    mr_logon_end(l, err.code, &err);
}

/* The next address, the next host, the other transport, or the end. */
static void go_on(mr_logon *l) {
    struct mr_logon_ask *a = &l->ask;
    mr_error err = MR_ERROR_INIT;
    int r = 0;

    if (a->next >= a->realm->kdc_count && !mr_logon_can_find(l, a->realm) && !a->by_tcp) {
        a->by_tcp = true;
        a->next = 0;
    }
    if (a->next < a->realm->kdc_count)
        r = begin_try(l, &a->realm->kdcs[a->next], &err);
    else if (mr_logon_can_find(l, a->realm))
        r = mr_logon_find_more(l, a->realm, &err);
    else
        r = 1;
    if (r > 0)
        end_unanswered(l);
    else if (r < 0)
        mr_logon_end(l, r, &err);
}

void mr_logon_found(mr_logon *l) {
    /* with SRV records for TCP alone this pass may be TCP's from the beginning */
    if (l->ask.next == 0 && l->ask.realm->tcp_only)
        l->ask.by_tcp = true;
    go_on(l);
}

/* The realm's place in the report; NULL: there is no more. */
static mr_logon_realm *find_realm(mr_logon *l, const char *name) {
    mr_logon_report *r = &l->report;
    size_t len = strlen(name);

    for (size_t i = 0; i < r->realm_count; i++)
        if (strcmp(r->realms[i].name, name) == 0)
            return &r->realms[i];
    if (r->realm_count == MR_LOGON_REALMS || len == 0 || len >= MR_LOGON_NAME)
        return NULL;
    mr_logon_realm *realm = &r->realms[r->realm_count++];
    memcpy(realm->name, name, len + 1);
    if (r->realm_count > 1)
        return realm;
    for (size_t i = 0; i < l->options.kdc_count; i++) {
        realm->source = MR_LOGON_SOURCE_GIVEN;
        realm->kdcs[realm->kdc_count] = l->options.kdcs[i];
        if (realm->kdcs[realm->kdc_count].port == 0)
            realm->kdcs[realm->kdc_count].port = MR_KDC_PORT;
        realm->kdc_count++;
    }
    return realm;
}

int mr_logon_ask_start(mr_logon *l, const mr_krb5_kdc_request *request, mr_error *err) {
    struct mr_logon_ask *a = &l->ask;

    a->realm = find_realm(l, request->realm);
    if (!a->realm)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "Kerberos: more than %d realms on the way, the next is %.80s",
                       MR_LOGON_REALMS, request->realm);
    a->request = request->bytes;
    a->tcp = request->tcp;
    a->by_tcp = request->tcp || a->realm->tcp_only;
    a->next = 0;
    a->held = false;
    a->first_try = l->report.try_count;
    go_on(l);
    return 0;
}

void mr_logon_ask_init(mr_logon *l) {
    mr_buf_init(&l->ask.reply, NULL, 0, MR_LOGON_REPLY + 4);
}

void mr_logon_ask_stop(mr_logon *l) {
    struct mr_logon_ask *a = &l->ask;

    if (a->trying && a->by_tcp)
        (void)mr_stream_get_attempt(&a->stream, &a->now.attempt);
    else if (a->trying)
        a->now.attempt = a->datagram.attempt;
    if (a->trying)
        end_try(l, MR_ERR_TIMEOUT);
    stop_io(l);
}

void mr_logon_ask_deinit(mr_logon *l) {
    stop_io(l);
    mr_buf_deinit(&l->ask.reply);
}

/* ---- texts ---- */

static const char *result_word(const mr_logon_try *t) {
    if (t->result == MR_ERR_PROTOCOL)
        return "what came is no Kerberos message";
    if (t->result == MR_ERR_CLOSED)
        return "closed without an answer";
    if (t->result == MR_ERR_RESET)
        return "reset";
    if (t->attempt.reach == MR_REACH_OPEN && t->result == MR_ERR_TIMEOUT)
        return "connected, but silent";
    if (t->attempt.reach == MR_REACH_LOCAL && t->attempt.os_error)
        return strerror(t->attempt.os_error);
    if (t->attempt.reach == MR_REACH_UNREACHABLE && t->attempt.icmp.present)
        return mr_icmp_text(&t->attempt.icmp);
    if (t->result == MR_ERR_MEMORY)
        return mr_result_text(t->result);
    return t->attempt.reach == MR_REACH_PENDING ? "no answer yet"
                                                : mr_reach_name(t->attempt.reach);
}

char *mr_logon_try_text(const mr_logon_try *t, char out[MR_LOGON_TRY_TEXT]) {
    const mr_code_info *code = t->code == MR_KRB5_NO_CODE ? NULL
                                                          : mr_code_find(MR_SPACE_KRB, t->code);
    char addr[MR_ADDR_TEXT];
    const char *over = t->tcp ? "TCP" : "UDP";

    mr_addr_port_text(&t->addr, addr);
    if (t->result)
        (void)snprintf(out, MR_LOGON_TRY_TEXT, "%s over %s: %s", addr, over, result_word(t));
    else if (t->code == MR_KRB5_NO_CODE)
        (void)snprintf(out, MR_LOGON_TRY_TEXT, "%s over %s: answered", addr, over);
    else if (code)
        (void)snprintf(out, MR_LOGON_TRY_TEXT, "%s over %s: %s", addr, over, mr_code_symbol(code));
    else
        (void)snprintf(out, MR_LOGON_TRY_TEXT, "%s over %s: error %u", addr, over, t->code);
    return out;
}
