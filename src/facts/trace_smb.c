/*
 * SMB as facts: the steps on the way to a pipe (MS-SMB2 3.2.4, MS-CIFS 3.2.4), and NTLM inside them
 * or inside RPC (MS-NLMP). Silent: what is no error (MORE_PROCESSING_REQUIRED, warnings), a session
 * setup that is repeated with success on the same connection, and what fails on disk shares.
 */
#include "trace_private.h"

#include <stdio.h>
#include <strings.h>

#include <msrpc/wire/smb1.h>
#include <msrpc/wire/smb2.h>

#define STATUS_MORE_PROCESSING 0xc0000016u
#define NETWORK_NAME_DELETED 0xc00000c9u /* of a share that was never connected it says nothing */
#define PATIENCE (3 * MR_SEC)
#define GOING_ON MR_SEC
#define CLOSING 8 /* packets that close a connection, and others between */
#define SHORTLY MR_SEC

/* NTSTATUS of the DOS errors of SMB1 that matter here (MS-CIFS 2.2.2.4); 0: another. */
static uint32_t status_of(const mr_seen_smb *smb) {
    static const struct { uint32_t dos, status; } rows[] = {
        {1 << 16 | 2, 0xc0000034},  /* ERRDOS/ERRbadfile: OBJECT_NAME_NOT_FOUND */
        {1 << 16 | 5, 0xc0000022},  /* ERRnoaccess: ACCESS_DENIED */
        {1 << 16 | 231, 0xc00000ae}, /* ERRpipebusy: PIPE_BUSY */
        {2 << 16 | 2, 0xc000006d},  /* ERRSRV/ERRbadpw: LOGON_FAILURE */
        {2 << 16 | 4, 0xc0000022},  /* ERRaccess */
        {2 << 16 | 6, 0xc00000cc},  /* ERRinvnetname: BAD_NETWORK_NAME */
    };
    if (!smb->dos)
        return smb->status;
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        if (rows[i].dos == smb->status)
            return rows[i].status;
    }
    return 0;
}

static bool is_error(uint32_t status) {
    return status >> 30 == 3 && status != STATUS_MORE_PROCESSING;
}

/* What ends a session or exhausts a server, whatever the command. */
static bool ends_session(uint32_t status) {
    return status == 0xc0000203 || status == 0xc000035c || status == 0xc000009a ||
           status == 0xc000011f || status == 0xc0000205 || status == 0xc000a000;
}

/* The server no longer knows a session: one that is set up anew makes that good. */
static bool is_session_gone(const mr_fact *fact) {
    return fact->kind == MR_FACT_SMB_REFUSED && fact->step == MR_STEP_OTHER &&
           (fact->ntstatus == 0xc0000203 || fact->ntstatus == 0xc000035c ||
            fact->ntstatus == NETWORK_NAME_DELETED);
}

/* What a pipe's reader meets when it is not served: broken, disconnected, closing. */
static bool breaks_pipe(uint32_t status) {
    return status == 0xc00000b0 || status == 0xc000014b || status == 0xc00000b1 ||
           status == 0xc00000ae || status == 0xc0000022;
}

static mr_fact fact_of(mr_trace *trace, const trace_live *live, enum mr_fact_kind kind) {
    return (mr_fact){.kind = kind,
                     .address = trace_intern_ip(trace, &live->talk.server),
                     .port = live->talk.server_port};
}

static void refuse(mr_trace *trace, trace_live *live, const mr_seen *seen, enum mr_smb_step step,
                   uint32_t status, const char *pipe) {
    mr_fact fact = fact_of(trace, live, MR_FACT_SMB_REFUSED);
    fact.step = step;
    fact.ntstatus = status;
    fact.dialect = live->smb_dialect;
    fact.user = live->user;
    fact.spn = live->spn;
    fact.ssp = live->talk.auth_type;
    fact.share = step >= MR_STEP_TREE ? live->share : NULL;
    fact.pipe = pipe;
    trace_bad(trace, live, seen, &fact);
}

static void succeed(mr_trace *trace, trace_live *live, const mr_seen *seen, enum mr_smb_step step,
                    const mr_fact *fact) {
    live->smb_done = (uint8_t)step;
    live->smb_status = 0; /* there is a session, also where its beginning was cut */
    live->smb_step = MR_STEP_UNKNOWN;
    trace_add(trace, live->relation, seen, live->talk.id, false, fact);
}

/* "\\host\share" without the host. */
static const char *share_of(mr_trace *trace, const char *path) {
    const char *last = path ? strrchr(path, '\\') : NULL;
    return trace_intern(trace, last ? last + 1 : path && *path ? path : NULL);
}

static const char *pipe_of(mr_trace *trace, const char *path) {
    while (path && *path == '\\')
        path++;
    if (path && strncasecmp(path, "pipe\\", 5) == 0)
        path += 5;
    return path && *path ? trace_intern(trace, path) : NULL;
}

static void take_session(mr_trace *trace, trace_live *live, const mr_seen *seen,
                         uint32_t status) {
    if (status == STATUS_MORE_PROCESSING)
        return;
    if (is_error(status)) {
        trace_tell(trace, live, seen, true, "SESSION_SETUP 0x%08x%s%s", status,
                   live->user ? ", " : "", live->user ? live->user : "");
        live->smb_status = status;
        live->smb_packet = seen->packet;
        live->smb_time = seen->time;
        return;
    }
    mr_fact fact = fact_of(trace, live, MR_FACT_SMB_SESSION);
    fact.user = live->user;
    fact.ssp = live->talk.auth_type;
    fact.ms = seen->u.smb.ms;
    live->smb_guest = seen->u.smb.guest;
    live->smb_packet = seen->packet;
    live->smb_time = seen->time;
    trace_withdraw(live->relation, is_session_gone);
    trace_tell(trace, live, seen, false, "SESSION_SETUP, accepted%s%s", live->user ? ": " : "",
               live->user ? live->user : "");
    succeed(trace, live, seen, MR_STEP_SESSION, &fact);
}

static void take_tree(mr_trace *trace, trace_live *live, const mr_seen *seen, uint32_t status) {
    live->share = share_of(trace, seen->u.smb.text);
    trace_tell(trace, live, seen, is_error(status), "TREE_CONNECT %s 0x%08x",
               live->share ? live->share : "", status);
    if (is_error(status)) {
        refuse(trace, live, seen, MR_STEP_TREE, status, NULL);
        return;
    }
    mr_fact fact = fact_of(trace, live, MR_FACT_SMB_TREE);
    fact.share = live->share ? live->share : "?";
    fact.ms = seen->u.smb.ms;
    succeed(trace, live, seen, MR_STEP_TREE, &fact);
}

static void take_open(mr_trace *trace, trace_live *live, const mr_seen *seen, uint32_t status) {
    const char *pipe = pipe_of(trace, seen->u.smb.text);
    trace_tell(trace, live, seen, is_error(status), "CREATE %s 0x%08x", pipe ? pipe : "", status);
    if (is_error(status)) {
        refuse(trace, live, seen, MR_STEP_OPEN, status, pipe);
        return;
    }
    mr_fact fact = fact_of(trace, live, MR_FACT_SMB_OPENED);
    fact.pipe = pipe ? pipe : "?";
    fact.ms = seen->u.smb.ms;
    live->talk.pipe = pipe;
    trace_reach(live, MR_PHASE_DISCOVERY);
    succeed(trace, live, seen, MR_STEP_OPEN, &fact);
}

static void take_negotiated(mr_trace *trace, trace_live *live, const mr_seen *seen,
                            uint32_t status) {
    mr_fact fact = fact_of(trace, live, MR_FACT_SMB_NEGOTIATED);
    if (seen->u.smb.dialect)
        live->smb_dialect = seen->u.smb.dialect;
    trace_tell(trace, live, seen, is_error(status), "NEGOTIATE, dialect 0x%x, status 0x%08x",
               live->smb_dialect, status);
    if (is_error(status)) {
        live->smb_step = MR_STEP_UNKNOWN;
        refuse(trace, live, seen, MR_STEP_NEGOTIATE, status, NULL);
        return;
    }
    fact.dialect = live->smb_dialect;
    fact.ms = seen->u.smb.ms;
    succeed(trace, live, seen, MR_STEP_NEGOTIATE, &fact);
}

static void end_session(mr_trace *trace, trace_live *live, const mr_seen *seen,
                        uint32_t status) {
    if (live->smb_left)
        return; /* the client ended it */
    trace_tell(trace, live, seen, true, "the session: 0x%08x", status);
    refuse(trace, live, seen, MR_STEP_OTHER, status, NULL);
}

/* The step on the way to a pipe that waited for its answer; of CREATE only where it is a pipe's. */
static void take_unanswered(trace_live *live, const mr_seen *seen) {
    const mr_seen_smb *smb = &seen->u.smb;
    enum mr_smb_step step = MR_STEP_UNKNOWN;
    bool ipc = live->share && strcasecmp(live->share, "IPC$") == 0;

    if (smb->version == 1 ? smb->command == MR_SMB1_SESSION_SETUP_ANDX
                          : smb->command == MR_SMB2_SESSION_SETUP)
        step = MR_STEP_SESSION;
    else if (smb->version == 1 ? smb->command == MR_SMB1_TREE_CONNECT_ANDX
                               : smb->command == MR_SMB2_TREE_CONNECT)
        step = MR_STEP_TREE;
    else if (ipc && (smb->version == 1 ? smb->command == MR_SMB1_NT_CREATE_ANDX
                                       : smb->command == MR_SMB2_CREATE))
        step = MR_STEP_OPEN;
    if (step == MR_STEP_UNKNOWN || live->smb_step != MR_STEP_UNKNOWN)
        return;
    live->smb_step = (uint8_t)step;
    live->smb_packet = seen->packet;
    live->smb_time = seen->time;
}

void trace_take_smb(mr_trace *trace, const mr_seen *seen) {
    const mr_seen_smb *smb = &seen->u.smb;
    trace_live *live = trace_live_get(trace, seen, true);
    uint32_t status = status_of(smb);

    if (!live)
        return;
    live->talk.transport = MR_TRACE_NP;
    live->smb_went_on = live->smb_went_on || smb->kind > MR_SEEN_SMB_SESSION;
    switch (smb->kind) {
    case MR_SEEN_NBSS_REQUEST:
        live->share = trace_intern(trace, smb->text); /* the called name, until a tree is known */
        break;
    case MR_SEEN_NBSS_NEGATIVE: {
        mr_fact fact = fact_of(trace, live, MR_FACT_NETBIOS_SESSION_REFUSED);
        fact.reason = smb->status;
        fact.name = live->share;
        trace_tell(trace, live, seen, true, "session request refused, 0x%02x", smb->status);
        trace_bad(trace, live, seen, &fact);
        break;
    }
    case MR_SEEN_SMB_ASKED:
        if (live->relation && !live->smb_dialect)
            live->relation->smb_count++;
        live->smb_step = MR_STEP_NEGOTIATE;
        live->smb_dialect = smb->dialect;
        live->smb_required = smb->signing_required;
        live->smb_packet = seen->packet;
        live->smb_time = seen->time;
        break;
    case MR_SEEN_SMB_NEGOTIATED:
        take_negotiated(trace, live, seen, status);
        break;
    case MR_SEEN_SMB_SESSION:
        take_session(trace, live, seen, status);
        break;
    case MR_SEEN_SMB_TREE:
        take_tree(trace, live, seen, status);
        break;
    case MR_SEEN_SMB_OPEN:
        take_open(trace, live, seen, status);
        break;
    case MR_SEEN_SMB_PIPE:
        if (ends_session(status) || status == NETWORK_NAME_DELETED) {
            end_session(trace, live, seen, status);
        } else if (breaks_pipe(status)) {
            trace_tell(trace, live, seen, true, "pipe %s: 0x%08x", smb->text ? smb->text : "",
                       status);
            refuse(trace, live, seen, MR_STEP_PIPE, status, pipe_of(trace, smb->text));
        }
        break;
    case MR_SEEN_SMB_OTHER:
        if (ends_session(status))
            end_session(trace, live, seen, status);
        break;
    case MR_SEEN_SMB_ENCRYPTED:
        trace_reach(live, MR_PHASE_DISCOVERY);
        break;
    case MR_SEEN_SMB_LOGOFF:
        live->smb_left = true;
        break;
    case MR_SEEN_SMB_UNANSWERED:
        take_unanswered(live, seen);
        break;
    }
}

/* The server said nothing more while a step was open. */
static void judge_step(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_flow_seen *tcp = seen->u.end.tcp;
    const mr_flow_side_seen *client = &tcp->side[MR_FROM_CLIENT];
    const mr_flow_side_seen *server = &tcp->side[MR_FROM_SERVER];
    bool left = trace_left_first(client, server);
    mr_fact fact = fact_of(trace, live, MR_FACT_SMB_ENDED);
    mr_seen at = *seen;

    if (server->missing || tcp->one_way || tcp->truncated || live->talk.midstream)
        return;
    fact.step = (enum mr_smb_step)live->smb_step;
    fact.dialect = live->smb_dialect;
    fact.acked = client->unacked ? MR_ACKED_NO : MR_ACKED_YES;
    at.packet = live->smb_packet;
    at.time = live->smb_time;
    if ((server->fin_packet || server->reset.packet) && !left) {
        trace_tell(trace, live, &at, true, "ended by the server before an answer");
        trace_bad(trace, live, &at, &fact);
        return;
    }
    mr_nsec until = trace->totals.last > tcp->last ? trace->totals.last : tcp->last;
    if (left)
        until = client->fin_time;
    if (until - live->smb_time < PATIENCE)
        return;
    fact.kind = MR_FACT_SMB_SILENT;
    trace_bad(trace, live, &at, &fact);
}

/* The capture ends just behind a refusal: the client may have other credentials to try. */
static bool is_going_on(const mr_trace *trace, const trace_live *live, const mr_seen *seen) {
    const mr_flow_seen *tcp = seen->u.end.tcp;
    const mr_flow_side_seen *client = &tcp->side[MR_FROM_CLIENT];
    const mr_flow_side_seen *server = &tcp->side[MR_FROM_SERVER];
    if (tcp->truncated && seen->packet > live->smb_packet + CLOSING)
        return true; /* there were more messages, which the capture cut */
    return !client->fin_packet && !client->reset.packet && !server->fin_packet &&
           !server->reset.packet && trace->totals.last - live->smb_time < GOING_ON;
}

/* The client, which demands signatures, left as soon as it had a session: it got none, as a guest
 * does, or a wrong one. */
static void judge_dropped(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_flow_side_seen *client = &seen->u.end.tcp->side[MR_FROM_CLIENT];
    const mr_flow_side_seen *server = &seen->u.end.tcp->side[MR_FROM_SERVER];
    uint64_t left = client->fin_packet ? client->fin_packet : client->reset.packet;
    mr_nsec time = client->fin_packet ? client->fin_time : client->reset.time;
    bool others = live->relation && live->relation->smb_count > 1;

    if (live->smb_done != MR_STEP_SESSION || live->smb_went_on || !live->smb_required ||
        (others && !live->smb_guest) || !left || client->missing || server->missing ||
        seen->u.end.tcp->truncated)
        return;
    if (trace_left_first(server, client) || time > live->smb_time + SHORTLY)
        return;
    mr_fact fact = fact_of(trace, live, MR_FACT_SMB_DROPPED);
    mr_seen at = trace_at(seen, left, false);
    fact.step = MR_STEP_SESSION;
    fact.dialect = live->smb_dialect;
    trace_tell(trace, live, &at, true, "the client leaves%s",
               live->smb_guest ? " a session of a guest" : "");
    trace_bad(trace, live, &at, &fact);
}

void trace_smb_ended(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    mr_seen at = *seen;

    at.to_client = true;
    if (live->smb_status && is_going_on(trace, live, seen)) {
        if (live->talk.outcome == MR_TRACE_WELL)
            live->talk.outcome = MR_TRACE_UNKNOWN;
    } else if (live->smb_status) {
        at.packet = live->smb_packet;
        at.time = live->smb_time;
        refuse(trace, live, &at, MR_STEP_SESSION, live->smb_status, NULL);
    } else if (live->smb_step != MR_STEP_UNKNOWN) {
        judge_step(trace, live, seen);
    }
    judge_dropped(trace, live, seen);
    if (!live->fallback)
        return;
    mr_fact fact = fact_of(trace, live, MR_FACT_NTLM_FALLBACK);
    fact.spn = live->fallback;
    fact.user = live->user;
    fact.krb = 7;
    fact.ntstatus = live->smb_status;
    fact.status = live->fallback_status;
    at.packet = live->smb_packet ? live->smb_packet : seen->packet;
    trace_add(trace, live->relation, &at, live->talk.id, false, &fact);
}

void trace_take_ntlm(mr_trace *trace, const mr_seen *seen) {
    const mr_seen_ntlm *ntlm = &seen->u.ntlm;
    trace_live *live = trace_live_get(trace, seen, false);
    char user[512];

    if (live && live->relation && ntlm->type == 2 && ntlm->dns_host) {
        live->relation->identity = trace_intern(trace, ntlm->dns_host);
        live->relation->identity_packet = seen->packet;
        live->relation->identity_file = seen->file;
    }
    if (!live || ntlm->type != 3)
        return;
    live->talk.auth_type = live->talk.auth_type ? live->talk.auth_type : 10;
    if (ntlm->anonymous || !ntlm->user || !*ntlm->user) {
        live->user = "anonymous";
        return;
    }
    snprintf(user, sizeof user, "%s%s%s", ntlm->domain ? ntlm->domain : "",
             ntlm->domain && *ntlm->domain ? "\\" : "", ntlm->user);
    live->user = trace_intern(trace, user);
    trace_tell(trace, live, seen, false, "NTLM AUTHENTICATE %s", user);
    trace_ticket_left(trace, &seen->client, seen->time);
    trace_ticket *refused = trace_ticket_refused(trace, &seen->client, seen->time);
    if (refused)
        live->fallback = refused->spn;
}

void trace_take_spnego(mr_trace *trace, const mr_seen *seen) {
    const mr_seen_spnego *spnego = &seen->u.spnego;
    trace_live *live = trace_live_get(trace, seen, false);

    if (!live || !spnego->rejected || !seen->to_client || live->talk.transport == MR_TRACE_NP)
        return; /* SMB tells a status beside it */
    trace_tell(trace, live, seen, true, "SPNEGO: rejected");
    TRACE_BAD(trace, live, seen, .kind = MR_FACT_RPC_TOKEN_REFUSED,
              .interface = live->talk.interface ? live->talk.interface
                                                : "an interface not observed",
              .address = trace_intern_ip(trace, &live->talk.server),
              .port = live->talk.server_port, .ssp = live->talk.auth_type,
              .auth = live->talk.auth_level);
}
