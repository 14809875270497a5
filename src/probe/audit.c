/*
 * The audit's frame: the table of questions, walked once from top to bottom, and what the endpoint
 * mapper itself tells. A row is asked when the row it needs was answered; else it shares that
 * row's outcome, so that every fact says at which call its chain broke.
 */
#include "msrpc/probe/audit.h"

#include <stdio.h>

#include <msrpc/ifaces.h>
#include <msrpc/ifaces/dssetup.h>
#include <msrpc/ifaces/epmapper.h>
#include <msrpc/ifaces/mgmt.h>
#include <msrpc/ifaces/names.h>
#include <msrpc/ifaces/netlogon.h>

#include "audit_private.h"

static const struct audit_row rows[AUDIT_ROWS] = {
#define AUDIT_ROW(name, id, title, category, door, call, after, ask, leak)                         \
    [AUDIT_ROW_##name] = {id, title, MR_AUDIT_##category, MR_AUDIT_##door, call,                   \
                          AUDIT_AFTER_##after, ask, MR_FACT_##leak},
/* "NO_ROW" is no row's name */
#define AUDIT_AFTER_NO_ROW AUDIT_NO_ROW
#define AUDIT_AFTER_POLICY AUDIT_ROW_POLICY
#define AUDIT_AFTER_CONNECT AUDIT_ROW_CONNECT
#define AUDIT_AFTER_OPEN AUDIT_ROW_OPEN
#define AUDIT_AFTER_OPEN_BUILTIN AUDIT_ROW_OPEN_BUILTIN
#include "audit_rows.list"
#undef AUDIT_ROW
};
_Static_assert(AUDIT_ROWS <= MR_AUDIT_FACTS_MAX, "every row may be a fact");

const struct audit_row *audit_row(size_t i) {
    return i < AUDIT_ROWS ? &rows[i] : NULL;
}

/* ---- the mapper ---- */

static bool is_address(mr_slice text) {
    mr_addr addr;

    return mr_addr_decode(text, 0, &addr) == 0;
}

/* The distinct host names, or addresses other than the one asked, that towers carry. */
static void add_hosts(struct audit_run *run, mr_audit_fact *fact, bool addresses) {
    char asked[MR_ADDR_TEXT];
    const char *kind = addresses ? "address" : "machine";
    mr_addr_text(&run->out->remote, asked);

    for (size_t i = 0; i < run->mapper.count && fact->item_count < 64; i++) {
        const mr_mapper_entry *e = &run->mapper.entries[i];
        mr_slice host = e->host;
        if (e->tower_bad || e->host_substituted || !host.len || is_address(host) != addresses ||
            mr_slice_eq(host, mr_slice_str(asked)))
            continue;
        while (host.len && host.data[0] == '\\')
            host = mr_slice_sub(host, 1, host.len);
        bool seen = host.len == 0;
        for (size_t k = 0; k < fact->item_count; k++)
            seen |= mr_slice_eq_nocase(mr_slice_str(fact->items[k].name), host);
        if (seen)
            continue;
        const char *name = mr_arena_add_str(run->arena, host);
        run->no_memory |= !name;
        if (name)
            audit_add_item(run, fact, &(mr_audit_item){.name = name, .kind = kind});
    }
}

/* What an interface tells of the host: Spotlight search and the UNIX ids are Samba's alone. */
static void look_at(mr_audit *out, const mr_uuid *uuid) {
    const mr_iface_name *known = mr_name_find(uuid);
    const char *name = known && mr_name_is_known(known) ? mr_name_text(known) : "";

    out->samba |= mr_str_eq_nocase(name, "mdssvc") || mr_str_eq_nocase(name, "unixinfo");
    out->dc |= mr_str_eq_nocase(name, "drsuapi");
}

int audit_endpoints(struct audit_run *run, mr_audit_fact *fact) {
    mr_error err = MR_ERROR_INIT;
    size_t annotated = 0;

    int r = audit_open(run, MR_AUDIT_EPM);
    if (r) {
        fact->outcome = run->out->gates[MR_AUDIT_EPM].outcome;
        return r;
    }
    r = mr_mapper_init(&run->mapper, run->clients[MR_AUDIT_EPM], mr_slice_str(run->options->host),
                       &err);
    if (r)
        return r;
    run->has_mapper = true;
    run->out->calls++;
    fact->outcome.call = "ept_lookup";
    r = mr_mapper_lookup_run(&run->mapper, &(mr_mapper_query){0}, &err);
    if (r)
        return audit_failed(run, fact, MR_AUDIT_EPM, r, &err);
    run->listed_all = !run->mapper.cut;
    fact->cut = run->mapper.cut;
    fact->outcome = (mr_audit_outcome){.state = MR_AUDIT_LEAKS, .rung = MR_AUDIT_CALL,
                                       .call = "ept_lookup"};
    run->out->gates[MR_AUDIT_EPM].passed = MR_AUDIT_CALL + 1;
    for (size_t i = 0; i < run->mapper.count; i++) {
        const mr_mapper_entry *e = &run->mapper.entries[i];
        annotated += e->annotation.len > 0;
        look_at(run->out, &e->interface.uuid);
        if (e->tower_bad || e->protseq != MR_PROTSEQ_NCACN_IP_TCP || !e->port)
            continue;
        for (size_t d = MR_AUDIT_DSSETUP; d < MR_AUDIT_DOORS; d++) {
            mr_audit_gate *gate = &run->out->gates[d];
            if (!gate->port && mr_uuid_eq(&e->interface.uuid, &gate->syntax.uuid) &&
                e->interface.major == gate->syntax.major)
                gate->port = e->port;
        }
    }
    audit_add_number(fact, "endpoints", "endpoints", MR_AUDIT_NUMBER, run->mapper.count);
    audit_add_number(fact, "annotations", "annotations", MR_AUDIT_NUMBER, annotated);
    add_hosts(run, fact, false);
    add_hosts(run, fact, true);
    return 0;
}

int audit_interfaces(struct audit_run *run, mr_audit_fact *fact) {
    struct mr_mgmt_inq_if_ids args = {0};

    int r = audit_call(run, fact, MR_AUDIT_MGMT, 0, &args, &args.status);
    const mr_mgmt_rpc_if_id_vector_t *ids = args.if_id_vector;
    for (uint32_t i = 0; !r && ids && ids->if_id && i < ids->count; i++) {
        char uuid[MR_UUID_TEXT];
        if (!ids->if_id[i])
            continue;
        const mr_iface_name *known = mr_name_find(&ids->if_id[i]->uuid);
        bool named = known && mr_name_is_known(known);
        const char *name = named ? mr_name_text(known)
                                 : mr_arena_add_str(run->arena, mr_slice_str(mr_uuid_text(
                                       &ids->if_id[i]->uuid, uuid)));
        run->no_memory |= !name;
        audit_add_item(run, fact, &(mr_audit_item){.name = name, .kind = "interface"});
    }
    return r;
}

/* ---- the walk ---- */

/* "SamrConnect5 > SamrOpenDomain > SamrEnumerateUsersInDomain" */
static const char *chain_text(struct audit_run *run, const struct audit_row *row) {
    const struct audit_row *first = row->after < 0 ? NULL : &rows[row->after];
    const struct audit_row *zeroth = !first || first->after < 0 ? NULL : &rows[first->after];
    const char *text = mr_arena_add_fmt(run->arena, "%s%s%s%s%s", zeroth ? zeroth->call : "",
                                        zeroth ? " > " : "", first ? first->call : "",
                                        first ? " > " : "", row->call);

    run->no_memory |= !text;
    return text;
}

/* Asks one row; 0, or a fatal result. The row's outcome is in run->steps. */
static int ask_row(struct audit_run *run, size_t i) {
    const struct audit_row *row = &rows[i];
    mr_audit_fact unnamed = {0};
    mr_audit_fact *fact = row->id ? &run->out->facts[run->out->fact_count] : &unnamed;
    int r = AUDIT_STOP;

    run->out->gates[row->door].asked = true;
    if (row->after >= 0 && run->steps[row->after].state != MR_AUDIT_LEAKS)
        fact->outcome = run->steps[row->after];
    else
        r = row->ask(run, fact);
    run->steps[i] = fact->outcome;
    if (row->id)
        run->out->fact_count++;
    return r < 0 ? r : run->no_memory ? MR_ERR_MEMORY : 0;
}

static void gates_init(mr_audit *audit) {
    static const struct { const char *name; const mr_iface *iface; } doors[MR_AUDIT_DOORS] = {
        [MR_AUDIT_EPM] = {"epmapper", &mr_epmapper_iface},
        [MR_AUDIT_MGMT] = {"mgmt", &mr_mgmt_iface},
        [MR_AUDIT_DSSETUP] = {"dssetup", &mr_dssetup_iface},
        [MR_AUDIT_LSARPC] = {"lsarpc", &mr_lsarpc_iface},
        [MR_AUDIT_SAMR] = {"samr", &mr_samr_iface},
        [MR_AUDIT_NETLOGON] = {"netlogon", &mr_netlogon_iface},
    };

    for (size_t i = 0; i < MR_AUDIT_DOORS; i++) {
        audit->gates[i].name = doors[i].name;
        audit->gates[i].syntax = doors[i].iface->syntax;
    }
}

/* Rows that were not asked, for want of time, stand as unknown. */
static void facts_rest(struct audit_run *run, size_t from) {
    for (size_t i = from; i < AUDIT_ROWS; i++) {
        mr_audit_fact *fact = &run->out->facts[run->out->fact_count];
        if (!rows[i].id)
            continue;
        run->out->fact_count++;
        fact->outcome = (mr_audit_outcome){.why = "not asked: the run ended before"};
    }
}

static void facts_name(struct audit_run *run) {
    for (size_t i = 0, k = 0; i < AUDIT_ROWS; i++) {
        if (!rows[i].id)
            continue;
        mr_audit_fact *fact = &run->out->facts[k++];
        fact->id = rows[i].id;
        fact->title = rows[i].title;
        fact->category = rows[i].category;
        fact->door = rows[i].door;
        fact->chain = chain_text(run, &rows[i]);
    }
}

/* A gate is as open as the best answer behind it. */
static void gates_judge(mr_audit *audit) {
    for (size_t d = 0; d < MR_AUDIT_DOORS; d++) {
        mr_audit_gate *gate = &audit->gates[d];
        bool first = true;
        for (size_t i = 0; i < audit->fact_count; i++) {
            const mr_audit_fact *fact = &audit->facts[i];
            if (fact->door != d)
                continue;
            bool better = fact->outcome.state == MR_AUDIT_LEAKS ||
                          (fact->outcome.state == MR_AUDIT_DENIED &&
                           gate->outcome.state != MR_AUDIT_LEAKS);
            if (first || (better && gate->outcome.state != fact->outcome.state))
                gate->outcome = fact->outcome;
            first = false;
        }
    }
}

int mr_audit_run(mr_loop *loop, const mr_audit_options *options, mr_arena *arena,
                 mr_audit *audit, mr_error *err) {
    mr_audit_outcome steps[AUDIT_ROWS] = {0};
    struct audit_run run = {.out = audit, .options = options, .loop = loop, .arena = arena,
                            .steps = steps};
    size_t i;
    int r = 0;

    *audit = (mr_audit){.error = MR_ERROR_INIT};
    gates_init(audit);
    facts_name(&run);
    for (i = 0; !r && i < AUDIT_ROWS; i++)
        r = ask_row(&run, i);
    facts_rest(&run, i);
    if (run.has_mapper || run.mapper.state)
        mr_mapper_deinit(&run.mapper);
    for (size_t d = 0; d < MR_AUDIT_DOORS; d++)
        mr_client_free(run.clients[d]);
    gates_judge(audit);
    audit_judge(audit);
    if (r)
        mr_fail(err, r, MR_FLOOR_PROBE, MR_ERROR_NO_OFFSET, "%s", mr_result_text(r));
    return r;
}
