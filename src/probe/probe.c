/*
 * The run of a live diagnosis: starts checks when what they need is known, keeps the operations in
 * flight, and ends when nothing that decides is open. Asides (evidence only) are waited for only
 * when something failed.
 */
#include "probe_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MR_CHECK(symbol) extern const mr_probe_check probe_check_##symbol;
#include "checks.list"
#undef MR_CHECK

static const mr_probe_check *const checks[] = {
#define MR_CHECK(symbol) &probe_check_##symbol,
#include "checks.list"
#undef MR_CHECK
};

const mr_probe_check *mr_probe_check_at(size_t i) {
    return i < MR_COUNT(checks) ? checks[i] : NULL;
}
const char *mr_probe_check_id(const mr_probe_check *check) {
    return check->id;
}
enum mr_phase mr_probe_check_phase(const mr_probe_check *check) {
    return check->phase;
}
const char *mr_probe_check_line(const mr_probe_check *check) {
    return check->line;
}

/* ---- texts ---- */

const char *probe_text(mr_probe *p, const char *fmt, ...) {
    char text[MR_DIAG_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const char *copy = mr_arena_add_str(p->arena, mr_slice_str(text));
    if (!copy)
        probe_no_memory(p);
    return copy ? copy : "";
}

/* The set's error is sticky: its run will give no verdict on half of the facts. */
static void fail_run(mr_probe *p, int result) {
    if (!p->diag->error)
        p->diag->error = result;
}

void probe_no_memory(mr_probe *p) {
    fail_run(p, MR_ERR_MEMORY);
}

bool probe_own_failure(mr_probe *p, int result) {
    if (result != MR_ERR_MEMORY && result != MR_ERR_STATE && result != MR_ERR_ARGUMENT)
        return false;
    fail_run(p, result);
    return true;
}

const char *probe_addr_text(mr_probe *p, const mr_addr *addr) {
    char text[MR_ADDR_TEXT];
    return probe_text(p, "%s", mr_addr_text(addr, text));
}

const char *probe_iface(mr_probe *p, const mr_syntax *syntax) {
    const mr_iface_name *known = mr_name_find(&syntax->uuid);
    char uuid[MR_UUID_TEXT];

    if (known && mr_name_is_known(known))
        return mr_name_text(known);
    return probe_text(p, "%s", mr_uuid_text(&syntax->uuid, uuid));
}

const char *probe_service(const mr_syntax *syntax) {
    const mr_iface_name *known = mr_name_find(&syntax->uuid);
    return known ? mr_name_restartable(known) : NULL;
}

void probe_set_vantage(mr_probe *p, const mr_addr *remote) {
    mr_addr local;

    if (!p->vantage[0] && mr_addr_find_source(remote, &local) == 0)
        mr_addr_text(&local, p->vantage);
}

mr_client_options probe_client_options(const mr_probe *p, const mr_addr *addr, uint16_t port) {
    mr_client_options options = {
        .connect = {.remote = *addr, .timeout = p->options.timeout, .tries = p->options.tries},
        .timeout = p->options.timeout,
        .bind = MR_BIND_WINDOWS,
    };
    options.connect.remote.port = port;
    return options;
}

/* ---- what is wanted ---- */

static bool listed(const mr_slice *list, size_t count, const char *id) {
    for (size_t i = 0; i < count; i++)
        if (mr_slice_eq_nocase(list[i], mr_slice_str(id)))
            return true;
    return false;
}

bool probe_wants(const mr_probe *p, enum mr_phase phase) {
    return p->options.phases[phase];
}

static bool check_wanted(const mr_probe *p, const mr_probe_check *check) {
    const mr_probe_options *o = &p->options;

    if (check->phase > p->last_phase || listed(o->skip, o->skip_count, check->id))
        return false;
    if (o->only_count == 0 || listed(o->only, o->only_count, check->id))
        return true;
    /* what a wanted check builds on runs too */
    for (size_t i = 0; check->gives && i < MR_COUNT(checks); i++)
        if (listed(o->only, o->only_count, checks[i]->id) && checks[i]->needs >= check->gives)
            return true;
    return false;
}

bool probe_wants_check(const mr_probe *p, const char *id) {
    for (size_t i = 0; i < MR_COUNT(checks); i++)
        if (strcmp(checks[i]->id, id) == 0)
            return check_wanted(p, checks[i]);
    return false;
}

bool probe_skips_check(const mr_probe *p, const char *id) {
    return listed(p->options.skip, p->options.skip_count, id);
}

void probe_signal(mr_probe *p, enum probe_signal signal) {
    if (p->signalled[signal])
        return;
    p->signalled[signal] = true;
    for (size_t i = 0; i < MR_COUNT(checks); i++)
        if (checks[i]->needs == signal && check_wanted(p, checks[i]))
            checks[i]->start(p);
}

/* ---- operations ---- */

static void mark_phase(mr_probe *p, enum mr_phase phase) {
    mr_nsec now = mr_clock_now();

    if (!p->phase_start[phase])
        p->phase_start[phase] = now;
    p->phase_end[phase] = now;
}

void probe_op_begin(mr_probe *p, struct probe_op *op, const char *id, enum mr_phase phase,
                    bool aside, void (*cut)(struct probe_op *op)) {
    op->probe = p;
    op->check = probe_text(p, "%s", id);
    op->phase = phase;
    op->aside = aside;
    op->started = mr_clock_now();
    op->cut = cut;
    op->prev = NULL;
    op->next = p->ops;
    if (p->ops)
        p->ops->prev = op;
    p->ops = op;
    if (aside)
        p->asides++;
    else
        p->deciding++;
    if (aside && listed(p->options.only, p->options.only_count, id))
        p->evidence = true;
    mark_phase(p, phase);
}

static void maybe_finish(mr_probe *p) {
    if (p->deciding == 0 && (p->asides == 0 || !p->evidence))
        mr_timer_set(&p->finish, mr_clock_now());
}

static void on_turn(void *user) {
    mr_probe *p = user;

    while (p->turns && p->turns->turn <= mr_clock_now()) {
        struct probe_op *op = p->turns;
        p->turns = op->next_turn;
        op->started = mr_clock_now();
        op->connect(op);
    }
    mr_timer_set(&p->pace, p->turns ? p->turns->turn : MR_NSEC_NEVER);
}

void probe_op_connect(struct probe_op *op, void (*connect)(struct probe_op *op)) {
    mr_probe *p = op->probe;

    op->turn = mr_pace_get(p->options.pace);
    if (!op->turn) {
        connect(op);
        return;
    }
    op->connect = connect;
    op->next_turn = NULL;
    if (!p->turns)
        p->turns_end = &p->turns;
    *p->turns_end = op;
    p->turns_end = &op->next_turn;
    mr_timer_set(&p->pace, p->turns->turn);
}

void probe_op_set_aside(struct probe_op *op) {
    if (op->aside)
        return;
    op->aside = true;
    op->probe->deciding--;
    op->probe->asides++;
    maybe_finish(op->probe);
}

void probe_op_end(struct probe_op *op) {
    mr_probe *p = op->probe;

    if (op->prev)
        op->prev->next = op->next;
    else
        p->ops = op->next;
    if (op->next)
        op->next->prev = op->prev;
    if (op->aside)
        p->asides--;
    else
        p->deciding--;
    if (!op->aside)
        mark_phase(p, op->phase);
    maybe_finish(p);
}

double probe_op_ms(const struct probe_op *op) {
    return (double)(mr_clock_now() - op->started) / (double)MR_MSEC;
}

/* ---- checks ---- */

static void add_check(mr_probe *p, const mr_check *check) {
    if (!probe_wants(p, check->phase))
        return;
    if (check->status == MR_STATUS_FAIL && !check->aside)
        p->evidence = true;
    mr_diag_add_check(p->diag, check);
}

void probe_check(struct probe_op *op, enum mr_status status, const mr_evidence *evidence,
                 size_t evidence_count, const char *fmt, ...) {
    char summary[MR_DIAG_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(summary, sizeof summary, fmt, ap);
    va_end(ap);
    add_check(op->probe, &(mr_check){.id = op->check, .phase = op->phase, .status = status,
                                     .aside = op->aside || op->remark,
                                     .ms = probe_op_ms(op),
                                     .summary = summary, .evidence = evidence,
                                     .evidence_count = evidence_count});
}

void probe_check_as(struct probe_op *op, const char *id, enum mr_phase phase, double ms,
                    enum mr_status status, const mr_evidence *evidence, size_t evidence_count,
                    const char *fmt, ...) {
    char summary[MR_DIAG_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(summary, sizeof summary, fmt, ap);
    va_end(ap);
    mark_phase(op->probe, phase);
    add_check(op->probe, &(mr_check){.id = id, .phase = phase, .status = status,
                                     .aside = op->aside || op->remark, .ms = ms,
                                     .summary = summary,
                                     .evidence = evidence, .evidence_count = evidence_count});
}

/* ---- life ---- */

static void cut_all(mr_probe *p) {
    p->over = true;
    while (p->ops) {
        struct probe_op *op = p->ops;
        p->ops = op->next;
        op->cut(op);
    }
    p->turns = NULL;
    mr_timer_set(&p->pace, MR_NSEC_NEVER);
}

static void on_finish(void *user) {
    mr_probe *p = user;

    if (p->over || p->deciding || (p->asides && p->evidence))
        return;
    for (struct probe_op *op = p->ops; op; op = op->next)
        if (op->leave)
            op->leave(op);
    cut_all(p); /* asides that nobody waits for: what they would say comes too late */
    for (int phase = 1; phase <= MR_PHASE_COUNT; phase++)
        mr_diag_set_phase_ms(p->diag, phase,
                             (double)(p->phase_end[phase] - p->phase_start[phase]) / MR_MSEC);
    p->done(p->user, p);
}

static void choose_phases(mr_probe *p) {
    bool any = false;

    for (int i = 1; i <= MR_PHASE_COUNT; i++)
        any |= p->options.phases[i];
    for (int i = 1; i <= MR_PHASE_COUNT; i++) {
        p->options.phases[i] |= !any;
        if (p->options.phases[i])
            p->last_phase = (enum mr_phase)i;
        else
            mr_diag_set_phase_skipped(p->diag, (enum mr_phase)i);
    }
}

int mr_probe_new(mr_loop *loop, mr_resolver *resolver, mr_diag *diag,
                 const mr_probe_options *options, mr_probe **probep, mr_error *err) {
    mr_probe *p = calloc(1, sizeof *p);

    if (!p)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET, "out of memory");
    p->loop = loop;
    p->resolver = resolver;
    p->diag = diag;
    p->arena = diag->arena;
    p->options = *options;
    if (!p->options.mapper_port)
        p->options.mapper_port = MR_MAPPER_PORT;
    choose_phases(p);
    mr_timer_init(&p->finish, loop, on_finish, p);
    mr_timer_init(&p->pace, loop, on_turn, p);
    *probep = p;
    return 0;
}

int mr_probe_start(mr_probe *p, void (*done)(void *user, mr_probe *probe), void *user,
                   mr_error *err) {
    if (p->started)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET, "started already");
    p->started = true;
    p->done = done;
    p->user = user;
    probe_signal(p, PROBE_START);
    if (p->deciding == 0)
        mr_timer_set(&p->finish, mr_clock_now());
    return 0;
}

void mr_probe_free(mr_probe *p) {
    if (!p)
        return;
    cut_all(p);
    mr_client_free(p->mapper_client);
    mr_logon_free(p->account.logon);
    mr_timer_deinit(&p->finish);
    mr_timer_deinit(&p->pace);
    free(p);
}

void mr_probe_cut(mr_probe *p, const char *why) {
    if (p->account.asking)
        probe_account_add_unanswered(p, "AUTH.LOGON", 0, why);
    for (struct probe_op *op = p->ops; op; op = op->next)
        if (!op->aside)
            probe_check(op, MR_STATUS_UNKNOWN, NULL, 0, "%s", why);
}

const mr_probe_addr *mr_probe_get_addrs(const mr_probe *p, size_t *countp) {
    *countp = p->addr_count;
    return p->addrs;
}
const char *mr_probe_get_vantage(const mr_probe *p) {
    return p->vantage;
}
const char *mr_probe_get_identity(const mr_probe *p) {
    return p->logon_who ? p->logon_who : p->logon.made ? p->options.identity : NULL;
}
const mr_probe_logon *mr_probe_get_logon(const mr_probe *p) {
    return &p->logon;
}
