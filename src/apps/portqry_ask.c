/*
 * portqry asks: the name, then the ports. Ports are tried several at once and shown in the order
 * they were given, so that a range with silent ports costs a few timeouts and reads like one that
 * was walked. A chosen source port is one socket's at a time.
 */
#include "portqry.h"

struct answer {
    mr_loop *loop;
    size_t open;
    int result;
    mr_error err;
    char name[MR_DNS_NAME_TEXT];
};

static void over(struct answer *w, int result) {
    w->open = 0;
    w->result = result;
    mr_loop_stop(w->loop);
}

static void on_lookup(void *user, int result, const mr_error *err) {
    struct answer *w = user;

    if (result)
        w->err = *err;
    over(w, result);
}

/* 0 with pq->remote, PORTQRY_FAILED, or an app_exit. */
static int find_address(struct portqry *pq) {
    struct answer w = {.loop = &pq->s.loop, .open = 1, .err = MR_ERROR_INIT};
    const mr_lookup_options options = {.host = pq->host, .timeout = pq->a->set.timeout};
    mr_lookup lookup;

    mr_lookup_init(&lookup, &pq->s.resolver, on_lookup, &w);
    int code = 0, r = mr_lookup_start(&lookup, &options, &w.err);
    if (r)
        code = PORTQRY_FAILED;
    else
        code = app_session_wait(&pq->s, &w.open);
    if (!code && (w.result || !lookup.count))
        code = PORTQRY_FAILED;
    if (!code)
        pq->remote = lookup.addrs[0];
    pq->s.error = w.err;
    mr_lookup_deinit(&lookup);
    return code;
}

static void on_name(void *user, const mr_dns_answer *answer) {
    struct answer *w = user;
    const mr_dns_message *m = answer->message;

    for (size_t i = 0; m && !w->name[0] && i < m->answer_count; i++)
        if (m->answers[i].type == MR_DNS_PTR)
            snprintf(w->name, sizeof w->name, "%s", m->answers[i].u.target);
    over(w, 0);
}

/* The name of pq->remote into @w; an app_exit when the run ends. */
static int find_name(struct portqry *pq, struct answer *w) {
    char reverse[MR_DNS_NAME_TEXT];
    mr_slice octets = mr_slice_of(pq->remote.ip, pq->remote.family == MR_FAMILY_IPV4 ? 4 : 16);
    const mr_dns_ask ask = {.name = mr_dns_reverse_name(octets, reverse), .type = MR_DNS_PTR,
                            .timeout = pq->a->set.timeout};
    mr_dns_query query;
    int code = 0;

    *w = (struct answer){.loop = &pq->s.loop, .open = 1};
    mr_dns_query_init(&query, &pq->s.resolver, on_name, w);
    if (mr_dns_query_ask(&query, &ask, NULL) == 0)
        code = app_session_wait(&pq->s, &w->open);
    mr_dns_query_deinit(&query);
    return code;
}

/* The original's reverse lookup: it may fail, and nothing depends on it. */
static int resolve_reverse(struct portqry *pq) {
    struct answer w;

    fputs("Attempting to resolve IP address to a name...\n\n\n", pq->out);
    fflush(pq->out);
    int code = find_name(pq, &w);
    if (code)
        return code;
    if (w.name[0])
        fprintf(pq->out, "IP address resolved to %s\n\n", app_safe(pq->a, mr_slice_str(w.name)));
    else
        fputs("Failed to resolve IP address to name\n\n", pq->out);
    return 0;
}

int portqry_resolve(struct portqry *pq) {
    char text[MR_ADDR_TEXT];

    if (mr_addr_decode(mr_slice_str(pq->host), 0, &pq->remote) == 0)
        return pq->set.no_reverse ? 0 : resolve_reverse(pq);
    fputs("Attempting to resolve name to IP address...\n\n\n", pq->out);
    fflush(pq->out);
    int code = find_address(pq);
    if (code == PORTQRY_FAILED) {
        fputs("Failed to resolve name to IP address\n\n", pq->out);
        fflush(pq->out);
        app_refuse(pq->a, code, "%s", pq->s.error.text);
    }
    if (!code)
        fprintf(pq->out, "Name resolved to %s\n\n", mr_addr_text(&pq->remote, text));
    return code;
}

/* ---- ports ---- */

static void on_port(void *user, mr_port_probe *probe) {
    struct portqry_item *item = user;

    item->open = 0;
    mr_loop_stop(probe->loop);
}

static int start(struct portqry *pq, struct portqry_item *item, uint16_t port, uint8_t protocol,
                 bool ranged) {
    bool udp = protocol == MR_PORT_UDP;

    *item = (struct portqry_item){.port = port, .protocol = protocol, .open = 1};
    item->service = portqry_service_get(port, protocol);
    if (ranged && item->service.talk == PORTQRY_TALK_RPC)
        item->service.talk = PORTQRY_TALK_NONE;
    mr_port_probe_options options = {
        .remote = pq->remote,
        .protocol = protocol,
        .source = {.port = (uint16_t)pq->set.source_port},
        .timeout = udp && pq->set.slow ? 2 * pq->a->set.timeout : pq->a->set.timeout,
        .host = pq->host,
        .quiet = item->service.talk == PORTQRY_TALK_NONE,
        .service = item->service.speaks,
        .root_dse = item->service.talk == PORTQRY_TALK_LDAP,
        .community = pq->set.community,
    };
    options.remote.port = port;
    mr_port_probe_init(&item->probe, &pq->s.loop, on_port, item);
    if (mr_port_probe_start(&item->probe, &options, &pq->s.error) != 0)
        return app_refuse(pq->a, PORTQRY_FAILED, "%s", pq->s.error.text);
    return 0;
}

struct walk {
    const uint16_t *ports;
    size_t count;        /* of questions: a port over both protocols is two */
    unsigned protocol;
    size_t head, next;   /* the first not shown, the first not begun */
};

static int start_next(struct portqry *pq, struct walk *w, bool ranged) {
    bool both = w->protocol == PORTQRY_BOTH;
    bool udp = both ? w->next % 2 : w->protocol == PORTQRY_UDP;
    uint16_t port = w->ports[both ? w->next / 2 : w->next];

    return start(pq, &pq->items[w->next++ % PORTQRY_AT_ONCE], port,
                 udp ? MR_PORT_UDP : MR_PORT_TCP, ranged);
}

int portqry_ask(struct portqry *pq, const uint16_t *ports, size_t count, bool ranged) {
    struct walk w = {.ports = ports, .protocol = pq->set.protocol,
                     .count = pq->set.protocol == PORTQRY_BOTH ? 2 * count : count};
    size_t at_once = pq->set.source_port ? 1 : PORTQRY_AT_ONCE;
    int code = 0, worst = 0;

    if (!pq->items)
        pq->items = mr_arena_get(&pq->a->arena, PORTQRY_AT_ONCE, sizeof *pq->items);
    if (!pq->items)
        return app_refuse(pq->a, APP_BUG, "out of memory");
    fputs("querying...\n\n", pq->out);
    while (!code && w.head < w.count) {
        while (!code && w.next < w.count && w.next - w.head < at_once)
            code = start_next(pq, &w, ranged);
        struct portqry_item *item = &pq->items[w.head % PORTQRY_AT_ONCE];
        if (!code)
            code = app_session_wait(&pq->s, &item->open);
        if (code)
            break;
        worst = app_worse(worst, portqry_show(pq, item));
        fflush(pq->out);
        mr_port_probe_deinit(&item->probe);
        w.head++;
    }
    for (; w.head < w.next; w.head++)
        mr_port_probe_deinit(&pq->items[w.head % PORTQRY_AT_ONCE].probe);
    return app_worse(worst, code);
}
