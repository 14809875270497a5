/*
 * The judgement of a trace: every set of relations with something unusual becomes an mr_diag, the
 * rules are applied, and what they find is told once for all sets that say the same. Silence and
 * refusals count only where the capture shows both directions, and not of a client that scans.
 */
#include "trace_private.h"

#include <stdio.h>
#include <stdlib.h>

#define SET_MEMORY ((size_t)8 << 20)
#define SETS_MAX 512      /* that keep their findings; more are merged into these or counted */
#define FINDINGS_MAX 1024
#define SET_FACTS 2048
#define SCAN_PORTS 64     /* failed connects to so many ports make a scan */

typedef struct trace_set {
    struct trace_set *next;
    mr_arena arena;
    mr_diag diag;
    const trace_relation *first;
    bool kept;
    bool past;            /* judged without what mended it */
} trace_set;

struct trace_sets {
    trace_set *list;
    size_t count;
    mr_arena arena;       /* of the results */
};

static trace_relation *root_of(trace_relation *r) {
    while (r->root != r)
        r = r->root;
    return r;
}

/* ---- which facts count ---- */

static bool is_scan(mr_trace *trace, const trace_relation *r) {
    const trace_client *client = trace_client_get(trace, &r->client);
    return client && client->failed_connects > SCAN_PORTS;
}

static bool has_open(const trace_relation *r, uint32_t port) {
    for (const trace_fact *f = r->facts; f; f = f->next) {
        if (f->fact->kind == MR_FACT_TCP_OPEN && f->fact->port == port)
            return true;
    }
    return false;
}

/* Clients try 445 and 139 at once and drop the slower. */
static bool lost_race(const trace_relation *r, const mr_fact *fact) {
    if (mr_fact_phase(fact->kind) != MR_PHASE_TCP || (fact->port != 139 && fact->port != 445))
        return false;
    return has_open(r, fact->port == 139 ? 445 : 139);
}

/* What only domain controllers serve, tried at a host whose RPC works without. */
static bool is_beside(const trace_relation *r, const trace_fact *f) {
    static const uint16_t ports[] = {88, 389, 464, 636, 3268, 3269, 9389};
    bool beside = false;

    for (size_t i = 0; i < MR_COUNT(ports); i++)
        beside = beside || (f->connect && f->fact->port == ports[i]);
    if (beside && (has_open(r, 135) || has_open(r, 445)))
        return true;
    for (f = r->facts; beside && f; f = f->next) {
        if (f->fact->kind == MR_FACT_EPM_MAPPED || f->fact->kind == MR_FACT_EPM_LISTED ||
            f->fact->kind == MR_FACT_SMB_OPENED || f->fact->kind == MR_FACT_RPC_CALLED)
            return true;
    }
    return false;
}

static bool counts(mr_trace *trace, const trace_relation *r, const trace_fact *f) {
    if (f->withdrawn)
        return false;
    if (f->connect && (trace->totals.one_way || is_scan(trace, r)) &&
        f->fact->role != MR_ROLE_MAPPER)
        return false;
    if (f->connect && (trace->totals.one_way || trace_is_one_way(r)))
        return false;
    return !f->bad || (!lost_race(r, f->fact) && !is_beside(r, f));
}

/* ---- phases ---- */

static enum mr_status worse(enum mr_status a, enum mr_status b) {
    static const int rank[] = {[MR_STATUS_UNKNOWN] = 0, [MR_STATUS_SKIP] = 1,
                               [MR_STATUS_PASS] = 2, [MR_STATUS_WARN] = 3, [MR_STATUS_FAIL] = 4};
    return rank[a] > rank[b] ? a : b;
}

static bool proves(const mr_fact *fact) {
    return (fact->kind == MR_FACT_TCP_OPEN && fact->role != MR_ROLE_NEIGHBOUR) ||
           fact->kind == MR_FACT_NAME_RESOLVED || fact->kind == MR_FACT_NAME_ANSWERED ||
           fact->kind == MR_FACT_EPM_MAPPED || fact->kind == MR_FACT_EPM_LISTED ||
           fact->kind == MR_FACT_SMB_OPENED || fact->kind == MR_FACT_RPC_CALLED;
}

static void note_phases(mr_trace *trace, const trace_relation *r) {
    for (const trace_fact *f = r->facts; f; f = f->next) {
        enum mr_phase phase = mr_fact_phase(f->fact->kind);
        if (proves(f->fact))
            trace->phases[phase] = worse(trace->phases[phase], MR_STATUS_PASS);
    }
}

/* ---- one set ---- */

static int add_fact(mr_diag *diag, const trace_fact *f) {
    char check[TRACE_CHECK];
    mr_fact fact = *f->fact;

    fact.check = trace_fact_check(f, check);
    fact.at = f->at;
    return mr_diag_add_fact(diag, &fact);
}

static int fill(mr_trace *trace, trace_set *set, trace_relation *const *members, size_t n) {
    char from[MR_IP_TEXT], host[MR_IP_TEXT];
    const trace_relation *first = members[0];
    size_t facts = 0;

    for (size_t i = 0; i < n; i++) { /* named after what the client wanted */
        if (members[i]->name && (!first->name || !members[i]->server.family))
            first = members[i];
    }
    set->first = first;
    const char *name = first->name ? first->name : mr_ip_text(&first->server, host);
    mr_arena_init(&set->arena, SET_MEMORY);
    int rc = mr_diag_init(&set->diag, &set->arena, name, mr_ip_text(&first->client, from));
    for (size_t i = 0; !rc && i < n; i++) {
        for (const trace_fact *f = members[i]->facts; !rc && f && facts < SET_FACTS; f = f->next) {
            if (!counts(trace, members[i], f) || (set->past ? f->mended : f->outlived))
                continue;
            rc = add_fact(&set->diag, f);
            facts++;
        }
    }
    return rc ? rc : mr_diag_run(&set->diag);
}

/* ---- findings over all sets ---- */

static size_t find_same(const mr_trace *trace, const mr_finding *finding, bool past, bool full) {
    for (size_t i = 0; i < trace->finding_count; i++) {
        const mr_finding *other = trace->findings[i].finding;
        if (other->rule == finding->rule && trace->findings[i].past == past &&
            (full || (other->cause && finding->cause &&
                      strcmp(other->cause, finding->cause) == 0)))
            return i;
    }
    return SIZE_MAX;
}

static void add_number(uint32_t *list, size_t *countp, size_t room, uint32_t number) {
    size_t i = *countp;
    for (size_t k = 0; k < *countp; k++) {
        if (list[k] == number)
            return;
    }
    if (*countp == room)
        return;
    while (i > 0 && list[i - 1] > number) {
        list[i] = list[i - 1];
        i--;
    }
    list[i] = number;
    ++*countp;
}

static void add_packet(mr_trace_finding *told, uint64_t packet, uint16_t file) {
    uint64_t *packets = (uint64_t *)told->packets;
    uint16_t *files = (uint16_t *)told->files;
    size_t i = told->packet_count;

    if (!packet || i == MR_TRACE_PACKETS)
        return;
    for (size_t k = 0; k < i; k++) {
        if (packets[k] == packet && files[k] == file)
            return;
    }
    while (i > 0 && (files[i - 1] > file || (files[i - 1] == file && packets[i - 1] > packet))) {
        packets[i] = packets[i - 1];
        files[i] = files[i - 1];
        i--;
    }
    packets[i] = packet;
    files[i] = file;
    told->packet_count++;
}

static bool is_evidence(const mr_finding *finding, const trace_fact *f) {
    char check[TRACE_CHECK];

    trace_fact_check(f, check);
    for (size_t i = 0; i < finding->evidence_count; i++) {
        if (strcmp(finding->evidence[i], check) == 0)
            return true;
    }
    return false;
}

/* Where what a past finding is about is first known to work again. */
static void note_again(mr_trace_finding *told, const trace_fact *f) {
    const mr_fact *subject = &told->finding->subject;

    if (!f->mended || (subject->port && f->fact->port && subject->port != f->fact->port))
        return;
    mr_nsec again = f->again_last ? f->last : f->at;
    if (told->again && told->again <= again)
        return;
    told->again = again;
    told->again_packet = f->again_last ? f->last_packet : f->packet;
    told->again_file = f->again_last ? f->last_file : f->file;
}

static int tell(mr_trace *trace, trace_set *set, const mr_finding *finding,
                trace_relation *const *members, size_t n, size_t *indexp) {
    char text[MR_IP_TEXT];
    mr_arena *arena = &trace->sets->arena;
    bool full = trace->finding_count == FINDINGS_MAX || trace->sets->count >= SETS_MAX;
    size_t at = find_same(trace, finding, set->past, full);
    *indexp = at;
    if (at == SIZE_MAX && full) {
        trace->totals.left_out++;
        return 0;
    }
    if (at == SIZE_MAX) {
        at = *indexp = trace->finding_count;
        mr_trace_finding *told = &trace->findings[at];
        *told = (mr_trace_finding){.finding = finding,
                                   .name = set->first->name,
                                   .explained_by = SIZE_MAX,
                                   .past = set->past};
        told->talks = mr_arena_get(arena, MR_TRACE_TALKS, sizeof *told->talks);
        told->packets = mr_arena_get(arena, MR_TRACE_PACKETS, sizeof *told->packets);
        told->files = mr_arena_get(arena, MR_TRACE_PACKETS, sizeof *told->files);
        told->client = trace_intern(trace, mr_ip_text(&set->first->client, text));
        told->server = set->first->server.family
                           ? trace_intern(trace, mr_ip_text(&set->first->server, text))
                           : set->first->name;
        if (!told->talks || !told->packets || !told->files)
            return MR_ERR_MEMORY;
        trace->finding_count++;
        set->kept = true;
    }
    mr_trace_finding *told = &trace->findings[at];
    told->relations++;
    for (size_t i = 0; i < n; i++) {
        for (const trace_fact *f = members[i]->facts; f; f = f->next) {
            if (told->past)
                note_again(told, f);
            if (!is_evidence(finding, f))
                continue;
            add_packet(told, f->packet, f->file);
            if (f->talk && mr_trace_find_talk(trace, f->talk))
                add_number((uint32_t *)told->talks, &told->talk_count, MR_TRACE_TALKS, f->talk);
        }
    }
    return 0;
}

static int tell_all(mr_trace *trace, trace_set *set, trace_relation *const *members, size_t n) {
    size_t count = mr_diag_finding_count(&set->diag);
    size_t *index = mr_arena_get(&set->arena, count, sizeof *index);
    if (!index)
        return MR_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const mr_finding *finding = mr_diag_get_finding(&set->diag, i);
        index[i] = SIZE_MAX;
        if (set->past && (finding->severity == MR_SEVERITY_INFO ||
                          find_same(trace, finding, false, false) != SIZE_MAX))
            continue; /* it lasts */
        int rc = tell(trace, set, finding, members, n, &index[i]);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < count; i++) {
        const mr_finding *finding = mr_diag_get_finding(&set->diag, i);
        if (index[i] == SIZE_MAX || trace->findings[index[i]].finding != finding)
            continue;
        for (size_t c = 0; finding->explained_by && c < count; c++) {
            if (mr_diag_get_finding(&set->diag, c) == finding->explained_by)
                trace->findings[index[i]].explained_by = index[c];
        }
    }
    for (int phase = MR_PHASE_NAMES; phase <= MR_PHASE_COMMUNICATION && !set->past; phase++)
        trace->phases[phase] = worse(trace->phases[phase],
                                     mr_diag_get_phase(&set->diag, (enum mr_phase)phase));
    return 0;
}

static int judge_set(mr_trace *trace, trace_relation *const *members, size_t n, bool past) {
    trace_set *set = calloc(1, sizeof *set);
    if (!set)
        return MR_ERR_MEMORY;
    set->past = past;
    int rc = fill(trace, set, members, n);
    if (!rc)
        rc = tell_all(trace, set, members, n);
    if (rc || !set->kept) {
        mr_arena_deinit(&set->arena);
        free(set);
        return rc == MR_ERR_MEMORY ? rc : 0;
    }
    set->next = trace->sets->list;
    trace->sets->list = set;
    trace->sets->count++;
    return 0;
}

/* ---- order and verdict ---- */

static int cmp_finding(const void *a, const void *b) {
    const mr_trace_finding *p = *(const mr_trace_finding *const *)a;
    const mr_trace_finding *q = *(const mr_trace_finding *const *)b;
    const mr_finding *x = p->finding, *y = q->finding;
    if (!x->explained_by != !y->explained_by)
        return x->explained_by ? 1 : -1;
    if (p->past != q->past)
        return p->past ? 1 : -1;
    if (x->severity != y->severity)
        return x->severity > y->severity ? -1 : 1;
    if (x->phase != y->phase)
        return x->phase < y->phase ? -1 : 1;
    if (x->confidence != y->confidence)
        return x->confidence > y->confidence ? -1 : 1;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return p < q ? -1 : p > q;
}

static int sort_findings(mr_trace *trace) {
    size_t n = trace->finding_count;
    mr_arena *arena = &trace->sets->arena;
    const mr_trace_finding **order = mr_arena_get(arena, n, sizeof *order);
    size_t *place = mr_arena_get(arena, n, sizeof *place);
    mr_trace_finding *sorted = mr_arena_get(arena, n, sizeof *sorted);
    if (!order || !place || !sorted)
        return MR_ERR_MEMORY;
    for (size_t i = 0; i < n; i++)
        order[i] = &trace->findings[i];
    if (n)
        qsort(order, n, sizeof *order, cmp_finding);
    for (size_t i = 0; i < n; i++)
        place[order[i] - trace->findings] = i;
    for (size_t i = 0; i < n; i++) {
        sorted[i] = *order[i];
        if (sorted[i].explained_by != SIZE_MAX)
            sorted[i].explained_by = place[sorted[i].explained_by];
    }
    trace->findings = sorted;
    return 0;
}

static void judge_verdict(mr_trace *trace) {
    const mr_finding *first = trace->finding_count ? trace->findings[0].finding : NULL;
    bool warning = false, past = false, whole = true;

    if (first && !first->explained_by && !trace->findings[0].past &&
        first->severity == MR_SEVERITY_ERROR) {
        trace->verdict_index = 0;
        trace->verdict = (mr_verdict){.finding = first,
                                      .phase = first->phase,
                                      .summary = first->summary,
                                      .exit = 10 * (int)first->phase};
        return;
    }
    for (size_t i = 0; i < trace->finding_count; i++) {
        const mr_trace_finding *f = &trace->findings[i];
        past = past || f->past;
        if (f->past && !f->finding->explained_by)
            trace->phases[f->finding->phase] = worse(trace->phases[f->finding->phase],
                                                     MR_STATUS_WARN);
    }
    for (int phase = MR_PHASE_NAMES; phase <= MR_PHASE_COMMUNICATION; phase++) {
        warning = warning || trace->phases[phase] == MR_STATUS_WARN;
        whole = whole && trace->phases[phase] >= MR_STATUS_PASS &&
                trace->phases[phase] <= MR_STATUS_WARN;
    }
    for (size_t i = 0; i < trace->finding_count; i++)
        warning = warning || ((trace->findings[i].finding->severity == MR_SEVERITY_WARNING ||
                               trace->findings[i].past) &&
                              !trace->findings[i].finding->explained_by);
    trace->verdict.exit = warning ? 1 : 0;
    if (past)
        trace->verdict.summary = "what failed works again in the end; see what is past";
    else if (trace->totals.talks == 0 && trace->totals.names == 0)
        trace->verdict.summary = "nothing of RPC is in the capture";
    else if (whole)
        trace->verdict.summary = warning ? "RPC works; see the warnings" : "every phase passed";
    else
        trace->verdict.summary = warning ? "no error in what was captured; see the warnings"
                                         : "no fault in what was captured";
}

static int cmp_talk(const void *a, const void *b) {
    static const int rank[] = {[MR_TRACE_FAILED] = 0, [MR_TRACE_UNUSUAL] = 1,
                               [MR_TRACE_WELL] = 2, [MR_TRACE_UNKNOWN] = 2};
    const mr_trace_talk *x = *(const mr_trace_talk *const *)a;
    const mr_trace_talk *y = *(const mr_trace_talk *const *)b;
    if (rank[x->outcome] != rank[y->outcome])
        return rank[x->outcome] - rank[y->outcome];
    return x->id < y->id ? -1 : x->id > y->id;
}

static int sort_talks(mr_trace *trace) {
    size_t n = (size_t)trace->kept_count + trace->sum_count, i = 0;
    trace->talks = mr_arena_get(&trace->sets->arena, n, sizeof *trace->talks);
    if (!trace->talks)
        return MR_ERR_MEMORY;
    for (trace_kept *k = trace->kept_list; k && i < n; k = k->list_next) {
        trace->talks[i++] = &k->talk;
        if (!trace->config.each &&
            (k->talk.outcome == MR_TRACE_WELL || k->talk.outcome == MR_TRACE_UNKNOWN)) {
            trace_kept **slot = &trace->kept_slots[k->talk.id % TRACE_SLOTS];
            k->hash_next = *slot; /* its own chain, of sums, is no longer needed */
            *slot = k;
        }
    }
    trace->talk_count = i;
    if (i)
        qsort(trace->talks, i, sizeof *trace->talks, cmp_talk);
    return 0;
}

static int judge_sets(mr_trace *trace, trace_relation **all, size_t n) {
    int rc = 0;
    for (size_t i = 0, end; !rc && i < n; i = end) {
        bool bad = false, past = false;
        for (end = i; end < n && root_of(all[end]) == root_of(all[i]); end++) {
            note_phases(trace, all[end]);
            past |= trace_mark_states(trace, all[end], counts);
            for (const trace_fact *f = all[end]->facts; f && !bad; f = f->next)
                bad = f->bad && counts(trace, all[end], f);
        }
        if (bad)
            rc = judge_set(trace, all + i, end - i, false);
        if (!rc && past)
            rc = judge_set(trace, all + i, end - i, true);
    }
    return rc;
}

static int cmp_root(const void *a, const void *b) {
    trace_relation *x = *(trace_relation *const *)a, *y = *(trace_relation *const *)b;
    uint32_t rx = root_of(x)->number, ry = root_of(y)->number;
    if (rx != ry)
        return rx < ry ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

int trace_judge(mr_trace *trace) {
    size_t n = 0;
    trace->sets = calloc(1, sizeof *trace->sets);
    if (!trace->sets)
        return MR_ERR_MEMORY;
    mr_arena *arena = &trace->sets->arena;
    mr_arena_init(arena, (size_t)64 << 20);
    trace->findings = mr_arena_get(arena, FINDINGS_MAX, sizeof *trace->findings);
    trace_relation **all = mr_arena_get(arena, trace->relation_count, sizeof *all);
    if (!trace->findings || !all)
        return MR_ERR_MEMORY;
    for (trace_relation *r = trace->relations; r; r = r->list_next)
        all[n++] = r;
    trace->totals.relations = n;
    if (n)
        qsort(all, n, sizeof *all, cmp_root);
    int rc = sort_talks(trace);
    if (!rc)
        rc = judge_sets(trace, all, n);
    if (!rc)
        rc = sort_findings(trace);
    if (!rc)
        judge_verdict(trace);
    return rc;
}

void trace_judge_deinit(mr_trace *trace) {
    if (!trace->sets)
        return;
    for (trace_set *set = trace->sets->list, *next; set; set = next) {
        next = set->next;
        mr_arena_deinit(&set->arena);
        free(set);
    }
    mr_arena_deinit(&trace->sets->arena);
    free(trace->sets);
}
