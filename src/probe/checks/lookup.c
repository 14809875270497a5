/*
 * Phase 3: what the mapper knows. Asked for one interface it maps it (ept_map), and only when that
 * fails reads the whole list to see whether it is registered over other protocols; without one it
 * reads the list (ept_lookup). What comes out are the TCP ports to connect to. A question that got
 * no answer is asked once more on a fresh connection, more often where the path loses packets. A
 * mapper that refuses strangers is asked in the name of the account that was given.
 */
#include <msrpc/ifaces/epmapper.h>

#include <stdlib.h>

#include "knock.h"

/* Real hosts register a few hundred endpoints; of a list that has no end so many are looked at. */
#define ENTRIES_MAX 2048
#define SILENCES 2       /* connections on which the mapper may leave the question unanswered */
#define SILENCES_LOSSY 4 /* the same on a path that loses packets */

struct lookup {
    struct probe_op op;
    mr_mapper mapper;
    bool mapped;     /* the answer of ept_map is at hand, the list is read to explain it */
    bool open;
    uint32_t silent; /* connections on which no answer came */
    uint32_t lost;   /* segments that they sent again in vain */
    bool answered;   /* the mapper has, whatever */
};

static void cut(struct probe_op *op) {
    struct lookup *l = (struct lookup *)op;
    if (l->open)
        mr_mapper_deinit(&l->mapper);
    l->open = false;
}

static const char *address(mr_probe *p) {
    return probe_addr_text(p, &p->addrs[p->mapper_addr].addr);
}

/* ---- endpoints ---- */

static void add_endpoint(mr_probe *p, uint16_t port, const mr_syntax *iface) {
    struct probe_endpoint *e = NULL;

    for (size_t i = 0; i < p->endpoint_count && !e; i++)
        if (p->endpoints[i].port == port)
            e = &p->endpoints[i];
    if (!e)
        e = &p->endpoints[p->endpoint_count++];
    e->port = port;
    for (size_t i = 0; i < e->count; i++)
        if (mr_syntax_eq(&e->ifaces[i], iface))
            return;
    if (e->count < MR_COUNT(e->ifaces))
        e->ifaces[e->count++] = *iface;
}

static void address_fact(mr_probe *p, const mr_mapper_entry *entry) {
    mr_addr named;

    if (entry->host_substituted || !probe_wants(p, MR_PHASE_DISCOVERY) ||
        mr_addr_decode(entry->host, 0, &named) != 0)
        return;
    for (size_t i = 0; i < p->addr_count; i++)
        if (mr_addr_same_host(&p->addrs[i].addr, &named))
            return;
    mr_fact_add(p->diag, MR_FACT_EPM_ADDRESS_DIFFERS, "EPM.LOOKUP", .address = address(p),
                .other = probe_addr_text(p, &named),
                .interface = probe_iface(p, &entry->interface), .port = entry->port);
}

/* Endpoints over TCP that are wanted, the mapper's own port left out unless it is asked for. */
static void take_endpoints(mr_probe *p, const mr_mapper *mapper) {
    size_t count = mapper->count < ENTRIES_MAX ? mapper->count : ENTRIES_MAX;

    p->endpoints = mr_arena_get(p->arena, count, sizeof *p->endpoints);
    p->endpoint_count = 0;
    if (!p->endpoints) {
        probe_no_memory(p);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const mr_mapper_entry *e = &mapper->entries[i];
        if (e->tower_bad || e->protseq != MR_PROTSEQ_NCACN_IP_TCP || !e->port)
            continue;
        if (p->options.has_interface &&
            !mr_uuid_eq(&e->interface.uuid, &p->options.interface.uuid))
            continue;
        address_fact(p, e);
        if (probe_wants(p, MR_PHASE_DISCOVERY))
            mr_fact_add(p->diag, MR_FACT_EPM_MAPPED, "EPM.LOOKUP",
                        .interface = probe_iface(p, &e->interface), .address = address(p),
                        .port = e->port, .service = probe_service(&e->interface));
        if (e->port != p->options.mapper_port)
            add_endpoint(p, e->port, &e->interface);
    }
}

/* ---- outcomes ---- */

static void finish(struct lookup *l) {
    mr_probe *p = l->op.probe;

    if (p->endpoint_count)
        probe_signal(p, PROBE_ENDPOINTS);
    cut(&l->op);
    /* the mapper has nothing more to say; its connection goes in order */
    mr_client_free(p->mapper_client);
    p->mapper_client = NULL;
    probe_op_end(&l->op);
}

/* "; the mapper refuses strangers, asked as LAB\\alice" where that is so. */
static const char *asked_as(struct lookup *l) {
    mr_probe *p = l->op.probe;
    uint8_t level = p->account.mapper_level;

    if (!level)
        return "";
    return probe_text(p, "; the mapper refuses strangers, asked as %s%s%s", probe_account_name(p),
                      level == p->logon.level ? "" : " at level ",
                      level == p->logon.level ? "" : mr_auth_level_name(level));
}

/* ---- was the answer too large for the way? ---- */

/* A fresh connection and ept_map of the mapper itself: a question with a short answer. */
struct small {
    struct probe_op op;
    mr_client *client;
    mr_mapper mapper;
    bool open;
};

static void cut_small(struct probe_op *op) {
    struct small *s = (struct small *)op;
    if (s->open)
        mr_mapper_deinit(&s->mapper);
    s->open = false;
    mr_client_free(s->client);
    s->client = NULL;
}

static void end_small(struct small *s, int result) {
    mr_probe *p = s->op.probe;
    bool answered = result == 0 || result == MR_ERR_NOT_REGISTERED;

    probe_check(&s->op, answered ? MR_STATUS_PASS
                        : probe_own_failure(p, result) ? MR_STATUS_UNKNOWN
                                                       : MR_STATUS_FAIL, NULL, 0,
                answered ? "a question with a short answer is answered"
                         : "a question with a short answer is not answered either");
    if (answered && probe_wants(p, MR_PHASE_DISCOVERY))
        mr_fact_add(p->diag, MR_FACT_EPM_ANSWERS_SMALL, s->op.check, .address = address(p),
                    .port = p->options.mapper_port, .ms = (uint32_t)probe_op_ms(&s->op));
    cut_small(&s->op);
    probe_op_end(&s->op);
}

static void on_small(void *user, mr_mapper *mapper, int result, const mr_error *err) {
    (void)mapper;
    (void)err;
    end_small(user, result);
}

static void on_small_bound(void *user, mr_client *client, int result, const mr_error *failure) {
    struct small *s = user;
    mr_error err = *failure;

    if (!result) {
        result = mr_mapper_init(&s->mapper, client, MR_SLICE_LIT("-"), &err);
        s->open = result == 0;
    }
    if (!result) {
        s->mapper.done = on_small;
        s->mapper.user = s;
        result = mr_mapper_map(&s->mapper, &mr_epmapper_iface.syntax, NULL,
                               MR_PROTSEQ_NCACN_IP_TCP, &err);
    }
    if (result)
        end_small(s, result);
}

static void connect_small(struct probe_op *op) {
    struct small *s = (struct small *)op;
    mr_probe *p = op->probe;
    mr_client_options options = probe_mapper_options(p, p->mapper_addr);
    mr_error err = MR_ERROR_INIT;
    int r = mr_client_new(p->loop, &options, &s->client, &err);
    if (!r)
        r = mr_client_start(s->client, &mr_epmapper_iface.syntax, on_small_bound, s, &err);
    if (r)
        end_small(s, r);
}

static void ask_small(mr_probe *p) {
    struct small *s = MR_ARENA_NEW(p->arena, struct small);

    if (!s) {
        probe_no_memory(p);
        return;
    }
    probe_op_begin(p, &s->op, "EPM.SMALL", MR_PHASE_DISCOVERY, false, cut_small);
    probe_op_connect(&s->op, connect_small);
}

static void ask(struct lookup *l);

/* How the conversation went so far, the kernel's word included. */
static mr_talk_seen talk_about(struct lookup *l, int result, const mr_error *err) {
    mr_probe *p = l->op.probe;
    mr_talk_seen talk = {
        .check = l->op.check,
        .at = mr_clock_now(),
        .mapper = true,
        .address = address(p),
        .port = p->options.mapper_port,
    };

    probe_read_talk(mr_client_get_report(p->mapper_client), result, err, &talk);
    if (l->open)
        talk.when = l->mapper.calls ? MR_WHEN_MID_RESPONSE : MR_WHEN_AFTER_REQUEST;
    if (result == MR_ERR_FAULT && l->open)
        talk.status = l->mapper.fault;
    return talk;
}

/* The mapper answered, with a status that is no success. */
static bool is_status(int result, const mr_error *err) {
    return result == MR_ERR_PROTOCOL && err->peer_kind == MR_PEER_FAULT;
}

static void add_facts(struct lookup *l, const mr_talk_seen *talk, int result,
                      const mr_error *err) {
    mr_probe *p = l->op.probe;
    uint32_t count = l->open ? (uint32_t)l->mapper.count : 0;
    bool status = is_status(result, err);

    if (!probe_wants(p, MR_PHASE_DISCOVERY))
        return;
    if (status || (count && l->mapper.calls))
        mr_fact_add(p->diag, MR_FACT_EPM_LOOKUP_FAILED, talk->check, .address = address(p),
                    .status = status ? err->peer : talk->status, .count = count,
                    .port = p->options.mapper_port);
    if (!status)
        mr_facts_add_talk(p->diag, talk);
}

static void add_failure(struct lookup *l, const mr_talk_seen *talk, int result,
                        const mr_error *err) {
    mr_probe *p = l->op.probe;

    probe_check(&l->op, MR_STATUS_FAIL, NULL, 0, "endpoint mapper: %s",
                is_status(result, err) ? err->text : probe_talk_text(p, talk, err));
    add_facts(l, talk, result, err);
    if (!probe_wants(p, MR_PHASE_DISCOVERY))
        return;
    if (talk->end == MR_TALK_SILENT && talk->acked == MR_ACKED_YES && !p->options.has_interface)
        ask_small(p);
}

/* Asking in the name of the account led to nothing. What the logon met is told where it was
 * made. */
static void end_refused(struct lookup *l, uint32_t status, const char *why) {
    mr_probe *p = l->op.probe;

    probe_account_add_unanswered(p, l->op.check, status, why);
    probe_check(&l->op, MR_STATUS_FAIL, NULL, 0, "the mapper refuses strangers%s%s: %s",
                status ? ", and " : ", and could not be asked as ", probe_account_name(p), why);
    finish(l);
}

/* A fresh connection could not be had: its failure says no more than the silence before it. */
static void end_unbound(struct lookup *l, int result, const mr_error *err) {
    mr_probe *p = l->op.probe;

    if (p->account.mapper_level && !probe_own_failure(p, result)) {
        end_refused(l, 0, err->text);
        return;
    }
    probe_check(&l->op, probe_own_failure(p, result) ? MR_STATUS_UNKNOWN : MR_STATUS_FAIL, NULL, 0,
                "endpoint mapper, asked again: %s", err->text);
    finish(l);
}

static bool asks_again(struct lookup *l, const mr_talk_seen *talk, const mr_error *err);

static void on_bound_again(void *user, mr_client *client, int result, const mr_error *err) {
    struct lookup *l = user;
    mr_probe *p = l->op.probe;
    const mr_client_report *report = mr_client_get_report(client);

    if (report->connected)
        probe_add_syn_loss(p, l->op.check, &p->addrs[p->mapper_addr].addr, p->options.mapper_port,
                           MR_ROLE_MAPPER, &report->attempt);
    if (!result) {
        ask(l);
        return;
    }
    mr_talk_seen talk = talk_about(l, result, err);
    bool silent = talk.end == MR_TALK_SILENT;
    if (silent && asks_again(l, &talk, err))
        return;
    if (!silent || !report->connected) {
        end_unbound(l, result, err);
        return;
    }
    talk.tries = l->silent;
    add_failure(l, &talk, result, err);
    finish(l);
}

static int connect_again(struct lookup *l, mr_error *err) {
    mr_probe *p = l->op.probe;
    mr_client_options options = probe_mapper_options(p, p->mapper_addr);

    cut(&l->op);
    mr_client_free(p->mapper_client);
    p->mapper_client = NULL;
    int r = mr_client_new(p->loop, &options, &p->mapper_client, err);
    return r ? r : mr_client_start(p->mapper_client, &mr_epmapper_iface.syntax, on_bound_again, l,
                                   err);
}

/* Whether the question that was not answered is on its way again. */
static bool asks_again(struct lookup *l, const mr_talk_seen *talk, const mr_error *err) {
    mr_probe *p = l->op.probe;
    mr_error why = MR_ERROR_INIT;

    if (talk->acked == MR_ACKED_NO)
        l->lost += mr_client_get_report(p->mapper_client)->tcp.total_retrans;
    if (++l->silent >= (p->losses ? SILENCES_LOSSY : SILENCES))
        return false;
    const char *id = l->silent > 1 ? probe_text(p, "EPM.LOOKUP.SILENT.%u", l->silent)
                                   : "EPM.LOOKUP.SILENT";
    probe_check_as(&l->op, id, MR_PHASE_DISCOVERY, probe_op_ms(&l->op), MR_STATUS_WARN, NULL, 0,
                   "endpoint mapper: %s; asked again", probe_talk_text(p, talk, err));
    int r = connect_again(l, &why);
    if (r)
        end_unbound(l, r, &why);
    return true;
}

/* ---- in the name of the account ---- */

static void on_told(void *user, uint32_t status, const char *why) {
    struct lookup *l = user;
    mr_error err = MR_ERROR_INIT;

    if (why)
        end_refused(l, status, why);
    else if (connect_again(l, &err) != 0)
        end_refused(l, 0, err.text);
}

/* A stranger was refused: once more in the name of the account, if there is one. */
static bool asks_as_account(struct lookup *l, mr_talk_seen *talk, int result,
                            const mr_error *err) {
    mr_probe *p = l->op.probe;
    const struct probe_asker asker = {on_told, l};

    if (!probe_account_ask_mapper(p, p->mapper_addr, &asker))
        return false;
    talk->check = probe_text(p, "%s.ANONYMOUS", l->op.check);
    l->op.remark = true;
    probe_check_as(&l->op, talk->check, MR_PHASE_DISCOVERY, probe_op_ms(&l->op), MR_STATUS_FAIL,
                   NULL, 0, "endpoint mapper: %s; asked again as %s",
                   is_status(result, err) ? err->text : probe_talk_text(p, talk, err),
                   probe_account_name(p));
    l->op.remark = false;
    add_facts(l, talk, result, err);
    cut(&l->op);
    mr_client_free(p->mapper_client);
    p->mapper_client = NULL;
    return true;
}

/* Whoever asked was denied; true where that had, or will have, its own end. */
static bool takes_denial(struct lookup *l, mr_talk_seen *talk, int result, const mr_error *err) {
    uint32_t status = is_status(result, err) ? err->peer
                      : talk->end == MR_TALK_FAULT ? talk->status : 0;

    if (!mr_fault_is_denial(status))
        return false;
    if (!l->op.probe->account.mapper_level)
        return asks_as_account(l, talk, result, err);
    end_refused(l, status, "access is denied to an account that is known there");
    return true;
}

/* The question failed; true when it is asked again or all is told, else the failure is told and
 * the list is what there is of it. */
static bool failed(struct lookup *l, int result, const mr_error *err) {
    mr_probe *p = l->op.probe;

    if (probe_own_failure(p, result)) {
        probe_check(&l->op, MR_STATUS_UNKNOWN, NULL, 0, "endpoint mapper: %s", err->text);
        return false;
    }
    mr_talk_seen talk = talk_about(l, result, err);
    if (talk.end == MR_TALK_SILENT && asks_again(l, &talk, err))
        return true;
    if (takes_denial(l, &talk, result, err))
        return true;
    talk.tries = l->silent;
    add_failure(l, &talk, result, err);
    return false;
}

/* The mapper admits the account. */
static void add_answer(struct lookup *l) {
    mr_probe *p = l->op.probe;

    if (p->account.mapper_level && !l->answered && probe_wants(p, MR_PHASE_DISCOVERY))
        mr_fact_add(p->diag, MR_FACT_EPM_ADMITTED, l->op.check, .address = address(p),
                    .port = p->options.mapper_port, .user = probe_account_name(p));
    l->answered = true;
}

/* An answer came at last: what was repeated in vain before it shows a path that loses packets. */
static void add_loss(struct lookup *l) {
    mr_probe *p = l->op.probe;
    const mr_client_report *report = mr_client_get_report(p->mapper_client);

    probe_add_loss(p, l->op.check, &p->addrs[p->mapper_addr].addr, p->options.mapper_port,
                   MR_ROLE_MAPPER, l->lost + (report->has_tcp ? report->tcp.total_retrans : 0), 0);
}

/* The asked interface is not there for TCP: nowhere, or over other protocol sequences only. */
static void add_missing(struct lookup *l) {
    mr_probe *p = l->op.probe;
    const mr_syntax *wanted = &p->options.interface;
    const char *name = probe_iface(p, wanted), *others = "";

    for (size_t i = 0; i < l->mapper.count; i++) {
        const mr_mapper_entry *e = &l->mapper.entries[i];
        const char *protseq = mr_protseq_name(e->protseq);
        if (e->tower_bad || !mr_uuid_eq(&e->interface.uuid, &wanted->uuid) ||
            strstr(others, protseq))
            continue;
        others = probe_text(p, "%s%s%s", others, *others ? "," : "", protseq);
    }
    probe_check(&l->op, MR_STATUS_FAIL, NULL, 0, "%s is %s%s%s%s", name,
                *others ? "registered over " : "not registered", others,
                *others ? ", not over TCP" : "", asked_as(l));
    if (!probe_wants(p, MR_PHASE_DISCOVERY))
        return;
    if (*others)
        mr_fact_add(p->diag, MR_FACT_EPM_OTHER_PROTSEQ, l->op.check, .interface = name,
                    .protseq = others, .address = address(p),
                    .service = probe_service(wanted));
    else
        mr_fact_add(p->diag, MR_FACT_EPM_NOT_REGISTERED, l->op.check, .interface = name,
                    .address = address(p), .service = probe_service(wanted));
}

static int compare(const void *a, const void *b) {
    return memcmp(a, b, sizeof(mr_syntax));
}

/* Different interfaces among the entries: sorted by their octets, equal ones stand together. */
static size_t count_ifaces(mr_probe *p, const mr_mapper *mapper) {
    mr_syntax *all = mr_arena_get(p->arena, mapper->count, sizeof *all);
    size_t n = 0;

    if (!all) {
        probe_no_memory(p);
        return 0;
    }
    for (size_t i = 0; i < mapper->count; i++)
        all[i] = mapper->entries[i].interface;
    qsort(all, mapper->count, sizeof *all, compare);
    for (size_t i = 0; i < mapper->count; i++)
        n += i == 0 || !mr_syntax_eq(&all[i - 1], &all[i]);
    return n;
}

static void on_listed(void *user, mr_mapper *mapper, int result, const mr_error *err) {
    struct lookup *l = user;
    mr_probe *p = l->op.probe;

    if (result && failed(l, result, err))
        return;
    if (!result) {
        add_loss(l);
        add_answer(l);
    }
    if (mapper->count || !result) {
        p->listed = count_ifaces(p, mapper);
        if (probe_wants(p, MR_PHASE_DISCOVERY) && !result)
            mr_fact_add(p->diag, MR_FACT_EPM_LISTED, l->op.check, .address = address(p),
                        .count = (uint32_t)mapper->count, .port = p->options.mapper_port);
        take_endpoints(p, mapper);
    }
    if (result) {
        finish(l);
        return;
    }
    if (p->options.has_interface && p->endpoint_count == 0) {
        add_missing(l);
    } else {
        const mr_evidence evidence[] = {
            {"endpoints", {.kind = MR_VALUE_UINT, .u.uinteger = mapper->count}},
            {"interfaces", {.kind = MR_VALUE_UINT, .u.uinteger = p->listed}},
            {"tcp_ports", {.kind = MR_VALUE_UINT, .u.uinteger = p->endpoint_count}},
        };
        probe_check(&l->op, mapper->cut ? MR_STATUS_WARN : MR_STATUS_PASS, evidence,
                    MR_COUNT(evidence), "%zu interface%s registered%s%s", p->listed,
                    p->listed == 1 ? "" : "s", mapper->cut ? ", in a list without an end" : "",
                    asked_as(l));
        if (mapper->cut && probe_wants(p, MR_PHASE_DISCOVERY))
            mr_fact_add(p->diag, MR_FACT_EPM_ENDLESS, l->op.check, .address = address(p),
                        .count = (uint32_t)mapper->count, .port = p->options.mapper_port);
    }
    finish(l);
}

static void list(struct lookup *l) {
    mr_probe *p = l->op.probe;
    mr_error err = MR_ERROR_INIT;

    cut(&l->op);
    int r = mr_mapper_init(&l->mapper, p->mapper_client, mr_slice_str(p->options.host), &err);
    l->open = r == 0;
    if (!r) {
        l->mapper.done = on_listed;
        l->mapper.user = l;
        r = mr_mapper_lookup(&l->mapper, &(mr_mapper_query){0}, &err);
    }
    if (r) {
        probe_own_failure(p, r);
        probe_check(&l->op, MR_STATUS_UNKNOWN, NULL, 0, "%s", err.text);
        finish(l);
    }
}

static bool names_port(const mr_mapper *mapper, uint16_t port) {
    for (size_t i = 0; i < mapper->count; i++)
        if (mapper->entries[i].port == port)
            return true;
    return false;
}

static void on_mapped(void *user, mr_mapper *mapper, int result, const mr_error *err) {
    struct lookup *l = user;
    mr_probe *p = l->op.probe;

    if (result == MR_ERR_NOT_REGISTERED) {
        add_answer(l);
        list(l);
        return;
    }
    if (result && failed(l, result, err))
        return;
    if (result) {
        finish(l);
        return;
    }
    add_loss(l);
    add_answer(l);
    take_endpoints(p, mapper);
    if (p->endpoint_count == 0 && !names_port(mapper, p->options.mapper_port)) {
        list(l);
        return;
    }
    p->listed = 1;
    if (p->endpoint_count == 0)
        probe_check(&l->op, MR_STATUS_PASS, NULL, 0, "%s: the mapper's own port%s",
                    probe_iface(p, &p->options.interface), asked_as(l));
    else
        probe_check(&l->op, MR_STATUS_PASS, NULL, 0, "%s -> port %u%s",
                    probe_iface(p, &p->options.interface), p->endpoints[0].port, asked_as(l));
    finish(l);
}

/* One interface with its port, or everything. */
static void ask(struct lookup *l) {
    mr_probe *p = l->op.probe;
    mr_error err = MR_ERROR_INIT;

    if (!p->options.has_interface) {
        list(l);
        return;
    }
    int r = mr_mapper_init(&l->mapper, p->mapper_client, mr_slice_str(p->options.host), &err);
    l->open = r == 0;
    if (!r) {
        l->mapper.done = on_mapped;
        l->mapper.user = l;
        r = mr_mapper_map(&l->mapper, &p->options.interface, NULL, MR_PROTSEQ_NCACN_IP_TCP, &err);
    }
    if (r) {
        probe_own_failure(p, r);
        probe_check(&l->op, MR_STATUS_UNKNOWN, NULL, 0, "%s", err.text);
        finish(l);
    }
}

static void start_given(mr_probe *p) {
    p->endpoints = MR_ARENA_NEW(p->arena, struct probe_endpoint);
    if (!p->endpoints) {
        probe_no_memory(p);
        return;
    }
    p->endpoints[0] = (struct probe_endpoint){.port = p->options.endpoint, .count = 1,
                                              .ifaces = {p->options.interface}};
    p->endpoint_count = 1;
    probe_signal(p, PROBE_ENDPOINTS);
}

static void start(mr_probe *p) {
    struct lookup *l = MR_ARENA_NEW(p->arena, struct lookup);

    if (p->options.has_endpoint) {
        start_given(p);
        return;
    }
    if (!l) {
        probe_no_memory(p);
        return;
    }
    probe_op_begin(p, &l->op, "EPM.LOOKUP", MR_PHASE_DISCOVERY, false, cut);
    ask(l);
}

const mr_probe_check probe_check_lookup = {
    .id = "EPM.LOOKUP",
    .phase = MR_PHASE_DISCOVERY,
    .line = "map the interface asked for, or list everything that is registered",
    .needs = PROBE_BOUND,
    .gives = PROBE_ENDPOINTS,
    .start = start,
};
