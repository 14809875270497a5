/*
 * Which interfaces are behind one endpoint (C706 appendix Q, 12.6.4.1; MS-RPCE 3.3.1.5.3). mgmt is
 * asked first; then the queue of guesses is worked off in rounds, a bind or an alter_context each.
 *
 * Invariants: an interface leaves the queue only when it is settled; a round that settles none
 * lowers the number asked together or counts as a loss, of which there are LOST_MAX in a row and
 * CONNECTIONS_MAX in all; so every survey ends.
 */
#include <msrpc/rpc/survey.h>

#include <stdlib.h>

#include <msrpc/ifaces/mgmt.h>

#define ARENA_CAP ((size_t)16 << 20)
#define STUB_CAP ((size_t)1 << 20)
#define LOST_MAX 3          /* rounds in a row that ended without any answer */
#define CONNECTIONS_MAX 64  /* to one endpoint */
#define BIND_HEAD 28        /* octets of a bind before its contexts (C706 12.6.4.3) */
#define CONTEXT_SIZE 44     /* octets of a context with one transfer syntax */
#define BIND_ROOM ((MR_PDU_FRAG_MUST - BIND_HEAD) / CONTEXT_SIZE) /* contexts of a first bind */
#define ROOM_LEAST 8        /* contexts a connection must still be able to accept */
#define PRINC_SIZE 512      /* octets offered for a principal's name */
#define CONTROL UINT32_MAX  /* in the queue: the interface that nobody has */

enum { INQ_IF_IDS, INQ_STATS, INQ_PRINC_NAME = 4 }; /* opnums */

struct mr_survey_state {
    mr_loop *loop;
    mr_arena arena;
    mr_survey_options options;
    mr_client *client;
    size_t context_at;      /* contexts asked for on this client before the round */
    size_t accepted;        /* of them */
    bool renew;             /* this connection takes no more contexts */
    bool single;            /* a connection is good for one bind only */
    /* the round */
    size_t asked;           /* interfaces of the queue that are asked for now */
    bool fresh;             /* a bind, not an alter_context */
    bool anchored;          /* an interface known to be accepted goes in front */
    /* the queue: a ring of indices into survey->ifaces */
    uint32_t *todo;
    size_t todo_size, todo_head, todo_count;
    size_t limit;           /* interfaces asked for together */
    mr_survey_iface control; /* nobody has it: who accepts it accepts anything */
    bool has_anchor;
    mr_syntax anchor;
    bool spoken;            /* the endpoint has answered as RPC does */
    unsigned lost;
    /* the call to mgmt */
    mr_call call;
    bool calling;
    size_t detail;          /* 0: inq_stats, then the principals */
    uint32_t zero[MR_SURVEY_STATS];
    union {
        struct mr_mgmt_inq_if_ids ids;
        struct mr_mgmt_inq_stats stats;
        struct mr_mgmt_inq_princ_name princ;
    } args;
};

static const uint32_t authn_services[MR_SURVEY_PRINCS] = {9, 10, 16};

static const mr_syntax nobody = {
    {0x6c1d1f0e, 0x3b9a, 0x4c57, {0x9e, 0x24, 0x6d, 0x73, 0x72, 0x70, 0x63, 0x00}}, 1, 0};

static void next_round(mr_survey *s);
static void ask_detail(mr_survey *s);

static int no_memory(mr_error *err) {
    return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "out of memory");
}

static size_t limit_of(const struct mr_survey_state *t) {
    return t->options.batch ? t->options.batch : MR_ASSOC_CONTEXT_MAX;
}

/* ---- life ---- */

int mr_survey_init(mr_survey *s, mr_loop *loop, const mr_survey_options *options, mr_error *err) {
    struct mr_survey_state *state = calloc(1, sizeof *state);

    *s = (mr_survey){.mgmt_error = MR_ERROR_INIT, .cut_error = MR_ERROR_INIT};
    if (!state)
        return no_memory(err);
    s->state = state;
    state->loop = loop;
    state->options = *options;
    state->options.client.bind = MR_BIND_PLAIN;
    state->options.client.assoc_group = 0;
    if (!state->options.client.stub_cap)
        state->options.client.stub_cap = STUB_CAP;
    state->limit = limit_of(state);
    mr_arena_init(&state->arena, ARENA_CAP);
    s->ifaces = mr_arena_get(&state->arena, options->guess_count + 1, sizeof *s->ifaces);
    if (!s->ifaces) {
        mr_survey_deinit(s);
        return no_memory(err);
    }
    s->ifaces[s->count++] = (mr_survey_iface){.syntax = mr_mgmt_iface.syntax};
    for (size_t i = 0; i < options->guess_count; i++)
        if (!mr_syntax_eq(&options->guesses[i], &mr_mgmt_iface.syntax))
            s->ifaces[s->count++] = (mr_survey_iface){.syntax = options->guesses[i]};
    return 0;
}

static void end_call(struct mr_survey_state *t) {
    if (t->calling)
        mr_call_deinit(&t->call);
    t->calling = false;
}

static void end_client(struct mr_survey_state *t) {
    end_call(t);
    mr_client_free(t->client);
    t->client = NULL;
    t->context_at = t->accepted = 0;
    t->renew = false;
}

void mr_survey_deinit(mr_survey *s) {
    struct mr_survey_state *t = s->state;

    if (!t)
        return;
    end_client(t);
    free(t->todo);
    mr_arena_deinit(&t->arena);
    free(t);
    s->state = NULL;
    s->ifaces = NULL;
    s->count = s->princ_count = 0;
}

static void finish(mr_survey *s, int result, const mr_error *err) {
    mr_error copy = *err;

    end_client(s->state);
    free(s->state->todo);
    s->state->todo = NULL;
    s->state->todo_count = 0;
    if (s->done)
        s->done(s->user, s, result, &copy);
}

static void finish_well(mr_survey *s) {
    const mr_error none = MR_ERROR_INIT;
    finish(s, 0, &none);
}

/* ---- the queue ---- */

static uint32_t todo_get(const struct mr_survey_state *t, size_t i) {
    return t->todo[(t->todo_head + i) % t->todo_size];
}

static void todo_push(struct mr_survey_state *t, uint32_t index) {
    t->todo[(t->todo_head + t->todo_count++) % t->todo_size] = index;
}

static void todo_push_front(struct mr_survey_state *t, uint32_t index) {
    t->todo_head = (t->todo_head + t->todo_size - 1) % t->todo_size;
    t->todo[t->todo_head] = index;
    t->todo_count++;
}

static void todo_drop(struct mr_survey_state *t, size_t n) {
    t->todo_head = (t->todo_head + n) % t->todo_size;
    t->todo_count -= n;
}

static mr_survey_iface *todo_iface(mr_survey *s, size_t i) {
    uint32_t index = todo_get(s->state, i);
    return index == CONTROL ? &s->state->control : &s->ifaces[index];
}

static int todo_fill(mr_survey *s, mr_error *err) {
    struct mr_survey_state *t = s->state;

    t->todo_size = s->count + 1;
    t->todo = calloc(t->todo_size, sizeof *t->todo);
    if (!t->todo)
        return no_memory(err);
    t->control.syntax = nobody;
    for (uint32_t i = 0; i < s->count; i++) {
        if (i == 1) /* behind mgmt */
            todo_push(t, CONTROL);
        mr_survey_iface *iface = &s->ifaces[i];
        if (iface->probe != MR_SURVEY_NOT_ASKED)
            continue;
        /* a server takes an interface whose minor version is at least the one asked for
         * (C706 4.2.4.2), so 0 finds them all; servers that compare exactly are asked again */
        iface->minor = iface->syntax.minor;
        todo_push(t, i);
    }
    return 0;
}

/* The version that a context asks for. */
static mr_syntax wanted(const mr_survey_iface *iface) {
    mr_syntax syntax = iface->syntax;
    if (iface->minor)
        syntax.minor = 0;
    return syntax;
}

/* ---- answers ---- */

static void set_anchor(struct mr_survey_state *t, const mr_syntax *syntax) {
    if (t->has_anchor)
        return;
    t->anchor = *syntax;
    t->has_anchor = true;
}

static void set_unknown(mr_survey_iface *iface, const mr_client_context *context) {
    iface->probe = MR_SURVEY_UNKNOWN;
    iface->answered = context != NULL;
    iface->result = context ? context->result : 0;
    iface->reason = context ? context->reason : 0;
}

/* Whether the answer settles the interface. @last: it will not be another one for being asked again
 * in smaller company. */
static bool settle(struct mr_survey_state *t, mr_survey_iface *iface,
                   const mr_client_context *context, bool last) {
    bool by_provider = context->result == MR_CONTEXT_PROVIDER_REJECT;

    if (context->accepted) {
        iface->probe = MR_SURVEY_PRESENT;
        if (!iface->listed)
            iface->syntax = context->abstract;
        t->accepted++;
        set_anchor(t, &context->abstract);
        return true;
    }
    if (by_provider && context->reason == MR_REASON_ABSTRACT_SYNTAX) {
        if (iface->minor) {
            iface->minor = 0; /* and now with its minor version */
            return false;
        }
        iface->probe = MR_SURVEY_ABSENT;
        return true;
    }
    /* a new connection accepts more, unless this one has accepted no more than its anchor */
    if (by_provider && context->reason == MR_REASON_LOCAL_LIMIT && t->accepted > 1) {
        t->renew = true;
        return false;
    }
    if (!last)
        return false;
    set_unknown(iface, context);
    return true;
}

/* What the interface that nobody has was told when it was asked for alone is what this server says
 * to all that it has not. */
static bool is_like_control(const struct mr_survey_state *t, const mr_client_context *context) {
    return t->control.probe == MR_SURVEY_UNKNOWN && t->control.answered &&
           t->control.result == context->result && t->control.reason == context->reason;
}

static size_t fewer(size_t asked) {
    return asked > 4 ? asked / 4 : 1;
}

static size_t count_accepted(const struct mr_survey_state *t, size_t at, size_t count) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += mr_client_get_context(t->client, at + i)->accepted;
    return n;
}

static void take_answers(mr_survey *s) {
    struct mr_survey_state *t = s->state;
    size_t n = t->asked, at = t->context_at - n, kept = 0, moved = 0;
    uint32_t again[MR_ASSOC_CONTEXT_MAX];
    bool alone = n == 1 && !t->anchored, control = t->control.probe == MR_SURVEY_UNKNOWN;
    size_t company = t->anchored ? count_accepted(t, at - 1, 1) : 0;

    t->accepted += company;
    company += count_accepted(t, at, n);
    for (size_t i = 0; i < n; i++) {
        const mr_client_context *context = mr_client_get_context(t->client, at + i);
        mr_survey_iface *iface = todo_iface(s, i);
        uint16_t minor = iface->minor;
        bool last = alone || (company == 0 && is_like_control(t, context));
        bool settled = settle(t, iface, context, last);
        moved += settled || iface->minor != minor;
        if (!settled)
            again[kept++] = todo_get(t, i);
    }
    todo_drop(t, n);
    for (size_t i = 0; i < kept; i++) {
        if (again[i] == CONTROL)
            todo_push_front(t, CONTROL);
        else
            todo_push(t, again[i]);
    }
    if (moved == 0 && !t->renew)
        t->limit = fewer(n);
    if (!control && t->control.probe == MR_SURVEY_UNKNOWN)
        t->limit = limit_of(t);
    t->lost = 0;
    t->spoken = true;
}

/* ---- rounds ---- */

static void give_up(mr_survey *s, const mr_error *err) {
    struct mr_survey_state *t = s->state;

    s->cut = true;
    s->cut_error = *err;
    for (size_t i = 0; i < t->todo_count; i++)
        set_unknown(todo_iface(s, i), NULL);
    finish_well(s);
}

/* To be accepted means nothing here: what only probing found is not known. */
static void give_up_probing(mr_survey *s) {
    mr_error err = MR_ERROR_INIT;

    s->indiscriminate = true;
    for (size_t i = s->mgmt == MR_SURVEY_MGMT_LISTED; i < s->count; i++)
        if (s->ifaces[i].probe == MR_SURVEY_PRESENT)
            set_unknown(&s->ifaces[i], NULL);
    mr_fail(&err, MR_ERR_PROTOCOL, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
            "the server accepts an interface that does not exist, so that binding proves nothing");
    give_up(s, &err);
}

/* The round was not answered: fewer at once, on a new connection where this one is gone. */
static void round_lost(mr_survey *s, int result, const mr_error *err) {
    struct mr_survey_state *t = s->state;
    bool worth = s->connected && t->asked > 1 && result != MR_ERR_PROTOCOL &&
                 result != MR_ERR_TIMEOUT;

    if (!t->spoken && !worth) {
        finish(s, result, err);
        return;
    }
    bool broken = result != MR_ERR_FAULT;
    if (broken && !t->fresh && t->asked > BIND_ROOM) {
        t->limit = BIND_ROOM;
    } else if (broken && !t->fresh) {
        t->single = true;
    } else if (t->asked > 1) {
        t->limit = fewer(t->asked);
    } else {
        set_unknown(todo_iface(s, 0), NULL);
        todo_drop(t, 1);
    }
    if (broken) {
        t->renew = true;
        t->lost++;
    }
    if (t->spoken && t->lost > LOST_MAX)
        give_up(s, err);
    else
        next_round(s);
}

static void look(mr_survey *s) {
    const mr_client_report *report = mr_client_get_report(s->state->client);

    s->attempt = report->attempt;
    s->connected |= report->connected != 0;
}

static void on_round(void *user, mr_client *client, int result, const mr_error *err) {
    mr_survey *s = user;

    (void)client;
    look(s);
    if (result == 0 || result == MR_ERR_CONTEXT_REJECTED) {
        take_answers(s);
        if (s->state->control.probe == MR_SURVEY_PRESENT)
            give_up_probing(s);
        else
            next_round(s);
        return;
    }
    mr_error copy = *err;
    round_lost(s, result, &copy);
}

/* How many contexts the next PDU may carry. */
static size_t room(const struct mr_survey_state *t, bool bound) {
    size_t frag = bound ? mr_client_get_report(t->client)->max_recv : MR_PDU_FRAG_MUST;
    size_t most = MR_ASSOC_CONTEXT_MAX - t->accepted;

    if (frag < MR_PDU_FRAG_MUST)
        frag = MR_PDU_FRAG_MUST;
    size_t fit = (frag - BIND_HEAD) / CONTEXT_SIZE;
    return fit < most ? fit : most;
}

static int open_client(mr_survey *s, mr_error *err) {
    struct mr_survey_state *t = s->state;

    end_client(t);
    if (s->connections == CONNECTIONS_MAX)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                       "%d connections were not enough to ask for everything", CONNECTIONS_MAX);
    s->connections++;
    return mr_client_new(t->loop, &t->options.client, &t->client, err);
}

static int ask_round(mr_survey *s, mr_error *err) {
    struct mr_survey_state *t = s->state;
    mr_syntax ask[MR_ASSOC_CONTEXT_MAX];
    size_t n = 0;
    int r = 0;

    t->fresh = !t->client || t->renew || t->single ||
               t->accepted + ROOM_LEAST > MR_ASSOC_CONTEXT_MAX;
    if (t->fresh)
        r = open_client(s, err);
    if (r)
        return r;
    t->anchored = t->fresh && t->has_anchor;
    if (t->anchored)
        ask[n++] = t->anchor;
    size_t most = room(t, !t->fresh) - n;
    t->asked = t->limit < most ? t->limit : most;
    if (t->asked > t->todo_count)
        t->asked = t->todo_count;
    for (size_t i = 0; i < t->asked; i++)
        ask[n++] = wanted(todo_iface(s, i));
    t->context_at += n;
    s->pdus++;
    return t->fresh ? mr_client_start_many(t->client, ask, n, on_round, s, err)
                    : mr_client_add_contexts(t->client, ask, n, on_round, s, err);
}

/* The connection ended between two rounds. */
static bool has_ended(const mr_survey *s) {
    struct mr_survey_state *t = s->state;
    return t->client && mr_client_get_report(t->client)->result != 0;
}

static void next_round(mr_survey *s) {
    struct mr_survey_state *t = s->state;
    mr_error err = MR_ERROR_INIT;

    if (t->todo_count == 0) {
        finish_well(s);
        return;
    }
    if (has_ended(s))
        t->renew = true;
    int r = ask_round(s, &err);
    if (r == 0)
        return;
    if (t->spoken)
        give_up(s, &err);
    else
        finish(s, r, &err);
}

/* ---- mgmt ---- */

static void probe(mr_survey *s) {
    mr_error err = MR_ERROR_INIT;
    int r = todo_fill(s, &err);

    if (r)
        finish(s, r, &err);
    else
        next_round(s);
}

static void after_mgmt(mr_survey *s) {
    enum mr_survey_method method = s->state->options.method;
    bool listed = s->mgmt == MR_SURVEY_MGMT_LISTED;

    end_call(s->state);
    if (method == MR_SURVEY_BOTH || (method == MR_SURVEY_AUTO && !listed))
        probe(s);
    else if (listed)
        finish_well(s);
    else
        finish(s, s->mgmt_error.code, &s->mgmt_error);
}

static mr_survey_iface *find_iface(mr_survey *s, const mr_uuid *uuid, uint16_t major) {
    for (size_t i = 0; i < s->count; i++)
        if (s->ifaces[i].syntax.major == major && mr_uuid_eq(&s->ifaces[i].syntax.uuid, uuid))
            return &s->ifaces[i];
    return NULL;
}

static int take_ids(mr_survey *s, const mr_mgmt_rpc_if_id_vector_t *vector, mr_error *err) {
    struct mr_survey_state *t = s->state;
    size_t n = vector ? vector->count : 0;

    if (n > MR_SURVEY_LISTED_MAX) {
        n = MR_SURVEY_LISTED_MAX;
        s->cut = true;
        mr_fail(&s->cut_error, MR_ERR_LIMIT, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET,
                "inq_if_ids names %u interfaces; %d were taken", vector->count,
                MR_SURVEY_LISTED_MAX);
    }
    mr_survey_iface *grown = mr_arena_get(&t->arena, s->count + n, sizeof *grown);
    if (!grown)
        return no_memory(err);
    memcpy(grown, s->ifaces, s->count * sizeof *grown);
    s->ifaces = grown;
    for (size_t i = 0; i < n; i++) {
        const mr_mgmt_rpc_if_id_t *id = vector->if_id[i];
        if (!id)
            continue;
        mr_survey_iface *iface = find_iface(s, &id->uuid, id->vers_major);
        if (!iface)
            iface = &s->ifaces[s->count++];
        iface->syntax = (mr_syntax){id->uuid, id->vers_major, id->vers_minor};
        iface->listed = true;
    }
    return 0;
}

static void on_ids(void *user, mr_call *call, int result, const mr_error *err) {
    mr_survey *s = user;
    struct mr_survey_state *t = s->state;
    uint32_t status = t->args.ids.status;

    (void)call;
    if (!result && status)
        mr_fail_peer(&s->mgmt_error, MR_ERR_FAULT, MR_FLOOR_RPC, MR_PEER_FAULT, status,
                     "mgmt inq_if_ids answers with status 0x%08x", status);
    else if (!result)
        result = take_ids(s, t->args.ids.if_id_vector, &s->mgmt_error);
    else
        s->mgmt_error = *err;
    if (result == MR_ERR_FAULT || status)
        s->mgmt = MR_SURVEY_MGMT_REFUSED;
    else
        s->mgmt = result ? MR_SURVEY_MGMT_FAILED : MR_SURVEY_MGMT_LISTED;
    end_call(t);
    if (t->options.details && !has_ended(s))
        ask_detail(s);
    else
        after_mgmt(s);
}

static int call_mgmt(mr_survey *s, uint32_t opnum,
                     void (*done)(void *user, mr_call *call, int result, const mr_error *err),
                     mr_error *err) {
    struct mr_survey_state *t = s->state;
    int r = mr_call_init(&t->call, &mr_mgmt_iface, opnum, &t->args, err);

    t->calling = true;
    t->call.done = done;
    t->call.user = s;
    if (!r)
        r = mr_call_start(&t->call, t->client, err);
    if (r)
        end_call(t);
    return r;
}

static void on_mgmt(void *user, mr_client *client, int result, const mr_error *err) {
    mr_survey *s = user;
    struct mr_survey_state *t = s->state;
    bool rejected = result == MR_ERR_CONTEXT_REJECTED || result == MR_ERR_BIND_REJECTED;

    (void)client;
    look(s);
    if (result && (!rejected || t->options.method == MR_SURVEY_MGMT)) {
        finish(s, result, err);
        return;
    }
    t->spoken = result != MR_ERR_BIND_REJECTED;
    if (rejected) {
        s->mgmt = MR_SURVEY_MGMT_REJECTED;
        s->mgmt_error = *err;
        const mr_client_context *context = mr_client_get_context(t->client, 0);
        if (!context || !context->answered)
            set_unknown(&s->ifaces[0], NULL);
        else if (context->reason == MR_REASON_ABSTRACT_SYNTAX)
            s->ifaces[0].probe = MR_SURVEY_ABSENT;
        after_mgmt(s);
        return;
    }
    s->ifaces[0].probe = MR_SURVEY_PRESENT;
    t->accepted = 1;
    set_anchor(t, &mr_mgmt_iface.syntax);
    if (call_mgmt(s, INQ_IF_IDS, on_ids, &s->mgmt_error)) {
        s->mgmt = MR_SURVEY_MGMT_FAILED;
        after_mgmt(s);
    }
}

/* ---- more that mgmt tells ---- */

static void take_princ(mr_survey *s, const struct mr_mgmt_inq_princ_name *args) {
    const char *name = (const char *)args->server_princ_name;

    if (args->status || !name || !*name)
        return;
    name = mr_arena_add_str(&s->state->arena, mr_slice_str(name));
    if (name)
        s->princs[s->princ_count++] = (mr_survey_princ){args->authn_proto, name};
}

static void on_detail(void *user, mr_call *call, int result, const mr_error *err) {
    mr_survey *s = user;
    struct mr_survey_state *t = s->state;

    (void)call;
    (void)err;
    if (!result && t->detail == 0 && t->args.stats.status == 0) {
        uint32_t n = t->args.stats.count;
        s->stat_count = n < MR_SURVEY_STATS ? n : MR_SURVEY_STATS;
        memcpy(s->stats, t->args.stats.statistics, s->stat_count * sizeof *s->stats);
    } else if (!result && t->detail > 0) {
        take_princ(s, &t->args.princ);
    }
    t->detail++;
    end_call(t);
    ask_detail(s);
}

static void ask_detail(mr_survey *s) {
    struct mr_survey_state *t = s->state;

    if (t->detail > MR_SURVEY_PRINCS || has_ended(s)) {
        after_mgmt(s);
        return;
    }
    if (t->detail == 0)
        t->args.stats = (struct mr_mgmt_inq_stats){.count = MR_SURVEY_STATS,
                                                   .statistics = t->zero};
    else
        t->args.princ = (struct mr_mgmt_inq_princ_name){
            .authn_proto = authn_services[t->detail - 1], .princ_name_size = PRINC_SIZE};
    if (call_mgmt(s, t->detail ? INQ_PRINC_NAME : INQ_STATS, on_detail, NULL))
        after_mgmt(s);
}

int mr_survey_start(mr_survey *s, mr_error *err) {
    struct mr_survey_state *t = s->state;
    int r;

    if (t->options.method == MR_SURVEY_PROBE) {
        r = todo_fill(s, err);
        return r ? r : ask_round(s, err);
    }
    r = open_client(s, err);
    if (r)
        return r;
    t->context_at = 1;
    s->pdus++;
    return mr_client_start(t->client, &mr_mgmt_iface.syntax, on_mgmt, s, err);
}
