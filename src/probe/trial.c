/* A call under a logon, and what its denial means: one dialogue, or two at different levels. */
#include <msrpc/probe/trial.h>

enum { MGMT_IS_SERVER_LISTENING = 2 }; /* opnum */
#define FAULT_ACCESS_DENIED 5
#define FAULT_AUTHN_LEVEL 0x1c00001d /* nca_unsupported_authn_level */
#define FAULT_OP_RNG 0x1c010002      /* nca_s_op_rng_error */

bool mr_fault_is_denial(uint32_t fault) {
    return fault == FAULT_ACCESS_DENIED || fault == FAULT_AUTHN_LEVEL;
}

static int open_dialogue(mr_trial *t, uint8_t level, mr_error *err);

static void hang_up(mr_trial *t) {
    if (t->calling)
        mr_call_deinit(&t->call);
    t->calling = false;
    mr_client_free(t->client);
    t->client = NULL;
}

void mr_trial_deinit(mr_trial *t) {
    hang_up(t);
}

static void end(mr_trial *t, enum mr_trial_end end) {
    t->end = end;
    t->done(t->user, t);
}

/* Where privacy could not be tried, what was denied stays denied. */
static void fail(mr_trial *t, int result, const mr_error *err) {
    t->result = result;
    t->error = *err;
    end(t, t->known && t->denied ? MR_TRIAL_DENIED : MR_TRIAL_FAILED);
}

/* The same at another level. */
static void try_at(mr_trial *t, uint8_t level) {
    mr_error err = MR_ERROR_INIT;

    hang_up(t);
    int r = open_dialogue(t, level, &err);
    if (r)
        fail(t, r, &err);
}

/* ---- the call ---- */

static void take_served(mr_trial *t) {
    if (t->at != MR_AUTH_LEVEL_PRIVACY || t->level == MR_AUTH_LEVEL_PRIVACY) {
        end(t, MR_TRIAL_SERVED);
        return;
    }
    t->known = t->served = true;
    if (t->denied)
        end(t, MR_TRIAL_LOW);
    else
        try_at(t, t->level);
}

static void take_known(mr_trial *t, uint32_t fault) {
    t->known = true;
    t->denied = fault;
    t->denied_at = t->at;
    if (t->at == MR_AUTH_LEVEL_PRIVACY)
        end(t, MR_TRIAL_DENIED);
    else if (t->served)
        end(t, MR_TRIAL_LOW);
    else
        try_at(t, MR_AUTH_LEVEL_PRIVACY);
}

static bool start_call(mr_trial *t, const mr_iface *iface, uint32_t opnum,
                       void (*done)(void *, mr_call *, int, const mr_error *), mr_error *err) {
    if (t->calling)
        mr_call_deinit(&t->call);
    t->call = (mr_call){0};
    t->calling = mr_call_init(&t->call, iface, opnum, &t->args, err) == 0;
    t->call.done = done;
    t->call.user = t;
    return t->calling && mr_call_start(&t->call, t->client, err) == 0;
}

static void on_mgmt(void *user, mr_call *call, int result, const mr_error *err) {
    mr_trial *t = user;
    mr_error fault = MR_ERROR_INIT;

    (void)call;
    (void)err;
    if (result == 0) {
        take_known(t, t->denied);
        return;
    }
    mr_fail(&fault, MR_ERR_FAULT, MR_FLOOR_RPC, MR_ERROR_NO_OFFSET, "the call was refused");
    fault.peer_kind = MR_PEER_FAULT;
    fault.peer = t->denied;
    fail(t, MR_ERR_FAULT, &fault);
}

static void on_altered(void *user, mr_client *client, int result, const mr_error *err) {
    mr_trial *t = user;
    mr_error own = MR_ERROR_INIT;

    (void)client;
    (void)err;
    if (result || !start_call(t, &mr_mgmt_iface, MGMT_IS_SERVER_LISTENING, on_mgmt, &own))
        on_mgmt(t, &t->call, MR_ERR_STATE, &own);
}

static void take_denial(mr_trial *t, uint32_t fault) {
    const mr_logon_seen seen = {.logon = t->logon, .client = t->client};
    mr_error err = MR_ERROR_INIT;

    if (t->known || mr_logon_seen_is_proven(&seen)) {
        take_known(t, fault);
        return;
    }
    t->denied = fault;
    if (mr_client_add_contexts(t->client, &mr_mgmt_iface.syntax, 1, on_altered, t, &err) != 0)
        on_mgmt(t, &t->call, MR_ERR_STATE, &err);
}

static void on_called(void *user, mr_call *call, int result, const mr_error *err) {
    mr_trial *t = user;

    if (result == MR_ERR_FAULT && mr_fault_is_denial(call->fault))
        take_denial(t, call->fault);
    else if (result == 0 || (result == MR_ERR_FAULT && call->fault == FAULT_OP_RNG))
        take_served(t);
    else
        fail(t, result, err);
}

/* ---- the connection ---- */

static void on_bound(void *user, mr_client *client, int result, const mr_error *err) {
    mr_trial *t = user;
    mr_error own = MR_ERROR_INIT;

    (void)client;
    if (result) {
        fail(t, result, err);
        return;
    }
    t->proc = mr_mgmt_iface.procs[MGMT_IS_SERVER_LISTENING]; /* which sends no parameters */
    t->proc.opnum = MR_TRIAL_OPNUM;
    t->called = (mr_iface){.name = t->name, .syntax = t->interface, .proc_count = 1,
                           .procs = &t->proc};
    if (!start_call(t, &t->called, 0, on_called, &own))
        fail(t, own.code, &own);
}

static int open_dialogue(mr_trial *t, uint8_t level, mr_error *err) {
    mr_client_options options = t->connect;

    t->at = level;
    options.security = (mr_client_security){.make = mr_logon_make, .give = mr_logon_give,
                                            .user = t->logon, .level = level};
    int r = mr_logon_set_level(t->logon, level, err);
    if (!r)
        r = mr_client_new(t->loop, &options, &t->client, err);
    return r ? r : mr_client_start(t->client, &t->interface, on_bound, t, err);
}

int mr_trial_start(mr_trial *t, mr_error *err) {
    bool bare = mr_logon_get_report(t->logon)->mechanism == MR_LOGON_NTLM;
    bool privacy_first = t->denied || (bare && !t->known && t->level == MR_AUTH_LEVEL_CONNECT);

    t->denied_at = t->level;
    return open_dialogue(t, privacy_first ? MR_AUTH_LEVEL_PRIVACY : t->level, err);
}

/* ---- what it tells ---- */

static void add(const mr_logon_seen *seen, enum mr_talk_end end, uint8_t level, uint32_t status) {
    mr_talk_seen talk = mr_logon_seen_talk(seen);

    talk.end = end;
    talk.auth = level;
    talk.status = status;
    talk.opnum = MR_TRIAL_OPNUM;
    mr_facts_add_talk(seen->diag, &talk);
}

void mr_trial_add_facts(const mr_trial *t, const mr_logon_seen *seen) {
    switch (t->end) {
    case MR_TRIAL_FAILED:
        return;
    case MR_TRIAL_SERVED:
        add(seen, MR_TALK_BOUND, t->level, 0);
        add(seen, MR_TALK_CALLED, t->level, 0);
        return;
    case MR_TRIAL_LOW:
        add(seen, MR_TALK_BOUND, t->level, 0);
        add(seen, MR_TALK_FAULT, t->level, t->denied);
        add(seen, MR_TALK_CALLED, MR_AUTH_LEVEL_PRIVACY, 0);
        return;
    case MR_TRIAL_DENIED:
        add(seen, MR_TALK_BOUND, t->level, 0);
        add(seen, MR_TALK_FAULT, t->denied_at, t->denied);
        return;
    }
}
