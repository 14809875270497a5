/*
 * One question of the audit: opening a door, making a call, and what an answer means. Denied is
 * only what says so: access denied as a fault (C706 appendix E, MS-RPCE 2.2.2.8) or as the status
 * of the reply (MS-ERREF 2.3), or a bind refused for want of authentication. A door that fell
 * silent or broke is not asked again, so that a hostile host costs one timeout a door.
 */
#include <stdarg.h>
#include <stdio.h>

#include <msrpc/base/codes.h>
#include <msrpc/ifaces/dssetup.h>
#include <msrpc/ifaces/epmapper.h>
#include <msrpc/ifaces/mgmt.h>
#include <msrpc/ifaces/netlogon.h>

#include "audit_private.h"

enum { /* statuses, MS-ERREF 2.2, 2.3.1 */
    STATUS_SOME_NOT_MAPPED = 0x00000107,
    STATUS_MORE_ENTRIES = 0x00000105,
    WIN32_ACCESS_DENIED = 5,
};
#define STATUS_NO_MORE_ENTRIES 0x8000001au
#define STATUS_ACCESS_DENIED 0xc0000022u
#define STATUS_PRIVILEGE_NOT_HELD 0xc0000061u
#define STATUS_NONE_MAPPED 0xc0000073u
#define STATUS_AUTHENTICATION_FIREWALL 0xc0000413u
#define NCA_OP_RANGE 0x1c010002u
#define NCA_UNSUPPORTED_AUTHN_LEVEL 0x1c00001du
#define FAULT_SEC_PKG 0x00000721u

static const mr_iface *const door_ifaces[MR_AUDIT_DOORS] = {
    [MR_AUDIT_EPM] = &mr_epmapper_iface, [MR_AUDIT_MGMT] = &mr_mgmt_iface,
    [MR_AUDIT_DSSETUP] = &mr_dssetup_iface, [MR_AUDIT_LSARPC] = &mr_lsarpc_iface,
    [MR_AUDIT_SAMR] = &mr_samr_iface, [MR_AUDIT_NETLOGON] = &mr_netlogon_iface,
};

/* ---- outcomes ---- */

static int set_outcome(struct audit_run *run, mr_audit_outcome *outcome, mr_audit_outcome is,
                       const char *fmt, va_list args) {
    char why[256];

    vsnprintf(why, sizeof why, fmt, args);
    *outcome = is;
    outcome->why = mr_arena_add_str(run->arena, mr_slice_str(why));
    run->no_memory |= !outcome->why;
    return AUDIT_STOP;
}

__attribute__((format(printf, 4, 5)))
static int gate_stop(struct audit_run *run, enum mr_audit_door door, mr_audit_outcome is,
                     const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    set_outcome(run, &run->out->gates[door].outcome, is, fmt, args);
    va_end(args);
    return AUDIT_STOP;
}

int audit_stop(struct audit_run *run, mr_audit_fact *fact, enum mr_audit_state state,
               enum mr_audit_rung rung, const char *fmt, ...) {
    mr_audit_outcome is = {.state = state, .rung = rung, .call = fact->outcome.call};
    va_list args;

    va_start(args, fmt);
    set_outcome(run, &fact->outcome, is, fmt, args);
    va_end(args);
    return AUDIT_STOP;
}

static bool is_fatal(int r) {
    return r == MR_ERR_MEMORY || r == MR_ERR_CANCELLED;
}

/* ---- doors ---- */

/* Where @door listens: as the mapper's list said, else by ept_map, which a mapper may answer though
 * it shows no list. Where it tells neither, nothing is known of the door: only a mapper that cannot
 * be reached leaves nothing to ask. Its own gate has the reason, once. */
static int find_port(struct audit_run *run, enum mr_audit_door door, uint16_t *portp) {
    mr_audit_gate *gate = &run->out->gates[door];
    const mr_audit_gate *epm = &run->out->gates[MR_AUDIT_EPM];
    mr_audit_outcome is = {.state = MR_AUDIT_NOT_REACHABLE, .rung = MR_AUDIT_MAP};
    mr_error err = MR_ERROR_INIT;

    if (gate->port)
        return 0;
    if (run->listed_all)
        return gate_stop(run, door, is, "not registered over TCP");
    if (!run->has_mapper) {
        if (epm->outcome.state != MR_AUDIT_NOT_REACHABLE)
            is.state = MR_AUDIT_UNKNOWN;
        return gate_stop(run, door, is, "the endpoint mapper does not tell where");
    }
    int r = mr_mapper_map_run(&run->mapper, &gate->syntax, NULL, MR_PROTSEQ_NCACN_IP_TCP, &err);
    for (size_t i = 0; !r && !*portp && i < run->mapper.count; i++)
        *portp = run->mapper.entries[i].port;
    if (is_fatal(r) || (!r && *portp))
        return r;
    if (r == MR_ERR_NOT_REGISTERED || !r)
        return gate_stop(run, door, is, "not registered over TCP");
    is.state = MR_AUDIT_UNKNOWN;
    run->has_mapper = r == MR_ERR_FAULT;
    bool told = epm->outcome.state != MR_AUDIT_LEAKS;
    return gate_stop(run, door, is, "the endpoint mapper does not tell where%s%s",
                     told ? "" : ": ", told ? "" : err.text);
}

/* What a connection that did not come to stand means for the questions behind it. */
static int door_shut(struct audit_run *run, enum mr_audit_door door, mr_client *client, int r,
                     const mr_error *err) {
    const mr_client_report *report = mr_client_get_report(client);
    mr_audit_outcome is = {.rung = report->connected ? MR_AUDIT_BIND : MR_AUDIT_CONNECT,
                           .code_kind = err->peer_kind, .code = err->peer};

    if (!report->connected)
        is.state = MR_AUDIT_NOT_REACHABLE;
    else if (r == MR_ERR_BIND_REJECTED && (err->peer == 8 || err->peer == 9))
        is.state = MR_AUDIT_DENIED; /* authentication type, checksum: MS-RPCE 2.2.2.5 */
    else if (r == MR_ERR_CONTEXT_REJECTED && (err->peer & 0xffff) == 1)
        is.state = MR_AUDIT_NOT_REACHABLE; /* the abstract syntax is not served here */
    return gate_stop(run, door, is, "%s", err->text);
}

static int connect_to(struct audit_run *run, enum mr_audit_door door, const mr_addr *addr,
                      mr_error *err) {
    mr_audit_gate *gate = &run->out->gates[door];
    mr_client_options options = run->options->client;
    mr_client *client = NULL;

    options.connect.remote = *addr;
    options.connect.remote.port = gate->port;
    if (door != MR_AUDIT_EPM)
        options.connect.source.port = 0;
    int r = run->options->pace ? run->options->pace(run->options->user) : 0;
    if (!r)
        r = mr_client_new(run->loop, &options, &client, err);
    if (!r)
        r = mr_client_open(client, &gate->syntax, err);
    if (client && mr_client_get_report(client)->connected) {
        gate->passed = MR_AUDIT_CONNECT + 1;
        run->out->remote = *addr;
        run->out->local = mr_client_get_report(client)->attempt.local;
    }
    if (!r) {
        gate->passed = MR_AUDIT_BIND + 1;
        run->clients[door] = client;
        return 0;
    }
    /* an error before there is a connection (no source address, say) is of our own making */
    int stop = is_fatal(r) || !client ? r : door_shut(run, door, client, r, err);
    mr_client_free(client);
    return stop;
}

int audit_open(struct audit_run *run, enum mr_audit_door door) {
    mr_audit_gate *gate = &run->out->gates[door];
    bool mapper = door == MR_AUDIT_EPM || door == MR_AUDIT_MGMT;
    mr_error err = MR_ERROR_INIT;

    if (run->opened[door])
        return run->clients[door] ? 0 : AUDIT_STOP;
    run->opened[door] = true;
    gate->asked = true;
    if (mapper)
        gate->port = run->options->mapper_port ? run->options->mapper_port : MR_MAPPER_PORT;
    int r = mapper ? 0 : find_port(run, door, &gate->port);
    if (r)
        return r;
    gate->passed = MR_AUDIT_MAP + 1;
    if (door == MR_AUDIT_MGMT && !run->out->remote.family) {
        gate->outcome = run->out->gates[MR_AUDIT_EPM].outcome;
        return AUDIT_STOP;
    }
    if (door != MR_AUDIT_EPM)
        return connect_to(run, door, &run->out->remote, &err);
    for (size_t i = 0; i < run->options->addr_count; i++) {
        r = connect_to(run, door, &run->options->addrs[i], &err);
        if (r <= 0)
            break;
        run->out->reach = err.code;
        run->out->error = err;
        if (gate->passed > MR_AUDIT_CONNECT) /* it is the host, whatever it makes of the bind */
            break;
    }
    if (!r)
        run->out->reach = 0;
    return r;
}

/* ---- calls ---- */

static bool fault_denies(uint32_t status) {
    return status == WIN32_ACCESS_DENIED || status == STATUS_ACCESS_DENIED ||
           status == NCA_UNSUPPORTED_AUTHN_LEVEL || status == FAULT_SEC_PKG;
}

static bool status_denies(uint32_t status) {
    return status == WIN32_ACCESS_DENIED || status == STATUS_ACCESS_DENIED ||
           status == STATUS_PRIVILEGE_NOT_HELD || status == STATUS_AUTHENTICATION_FIREWALL;
}

static bool status_answers(uint32_t status) {
    return status == 0 || status == STATUS_MORE_ENTRIES || status == STATUS_SOME_NOT_MAPPED ||
           status == STATUS_NO_MORE_ENTRIES || status == STATUS_NONE_MAPPED;
}

/* The symbol of a code, else its digits. */
static const char *code_text(enum mr_code_space space, uint32_t code, char out[16]) {
    const mr_code_info *info = mr_code_find(space, code);

    snprintf(out, 16, "0x%08x", code);
    return info ? mr_code_symbol(info) : out;
}

int audit_failed(struct audit_run *run, mr_audit_fact *fact, enum mr_audit_door door, int r,
                 const mr_error *err) {
    char digits[16];

    if (is_fatal(r))
        return r;
    if (r == MR_ERR_FAULT) {
        const mr_code_info *info = mr_code_find_fault(err->peer);
        audit_stop(run, fact, fault_denies(err->peer) ? MR_AUDIT_DENIED : MR_AUDIT_UNKNOWN,
                   MR_AUDIT_CALL, "fault %s",
                   info ? mr_code_symbol(info) : code_text(MR_SPACE_NTSTATUS, err->peer, digits));
    } else {
        audit_stop(run, fact, MR_AUDIT_UNKNOWN, MR_AUDIT_CALL, "%s", err->text);
        if (r == MR_ERR_TIMEOUT || r == MR_ERR_RESET || r == MR_ERR_CLOSED ||
            r == MR_ERR_PROTOCOL) {
            mr_client_free(run->clients[door]);
            run->clients[door] = NULL;
            run->has_mapper &= door != MR_AUDIT_EPM;
            gate_stop(run, door, fact->outcome, "not asked, since %s brought: %s",
                      fact->outcome.call, err->text);
        }
    }
    fact->outcome.code_kind = err->peer_kind;
    fact->outcome.code = err->peer;
    return AUDIT_STOP;
}

int audit_call(struct audit_run *run, mr_audit_fact *fact, enum mr_audit_door door,
               uint32_t opnum, void *args, const uint32_t *status) {
    const mr_iface *iface = door_ifaces[door];
    const mr_proc *proc = mr_iface_get_proc(iface, opnum);
    bool nt = door == MR_AUDIT_SAMR || door == MR_AUDIT_LSARPC;
    enum mr_code_space space = nt ? MR_SPACE_NTSTATUS : MR_SPACE_WIN32;
    mr_error err = MR_ERROR_INIT;
    char digits[16];

    int r = audit_open(run, door);
    if (r) {
        fact->outcome = run->out->gates[door].outcome;
        return r;
    }
    fact->outcome = (mr_audit_outcome){.call = proc ? proc->name : NULL};
    mr_client_release(run->clients[door]);
    run->out->calls++;
    r = mr_client_call(run->clients[door], iface, opnum, args, &err);
    if (r)
        return audit_failed(run, fact, door, r, &err);
    run->out->gates[door].passed = MR_AUDIT_CALL + 1;
    fact->outcome.code_kind = *status ? nt ? MR_PEER_NTSTATUS : MR_PEER_WIN32 : MR_PEER_NONE;
    fact->outcome.code = *status;
    if (status_answers(*status)) {
        fact->outcome.state = MR_AUDIT_LEAKS;
        fact->outcome.rung = MR_AUDIT_CALL;
        return 0;
    }
    mr_audit_outcome is = fact->outcome;
    audit_stop(run, fact, status_denies(*status) ? MR_AUDIT_DENIED : MR_AUDIT_UNKNOWN,
               MR_AUDIT_CALL, "%s", code_text(space, *status, digits));
    fact->outcome.code_kind = is.code_kind;
    fact->outcome.code = is.code;
    return AUDIT_STOP;
}

bool audit_no_such_call(const mr_audit_fact *fact) {
    return fact->outcome.code_kind == MR_PEER_FAULT && fact->outcome.code == NCA_OP_RANGE;
}

bool audit_refused(const mr_audit_fact *fact) {
    return fact->outcome.state == MR_AUDIT_DENIED && fact->outcome.code_kind == MR_PEER_NTSTATUS;
}
