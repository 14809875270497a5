/*
 * Authenticators for msrpc call: a method of Netlogon that wants one has a parameter of that name,
 * and one for the answer's. Zeros stand for it in the JSON until the channel is there.
 */
#include "call_authenticator.h"

#include <msrpc/ifaces/netlogon.h>

#include "tokens.h"
#include "verdict.h"

#define AUTHENTICATOR "{\"Credential\":{\"data\":\"0000000000000000\"},\"Timestamp\":0}"

static const mr_ndr_member *find_member(const mr_proc *proc, const char *name, uint32_t flag) {
    for (unsigned i = 0; i < proc->args->count; i++) {
        const mr_ndr_member *m = &proc->args->u.members[i];
        if (m->flags & flag && strcmp(m->name, name) == 0)
            return m;
    }
    return NULL;
}

/* Adds @name with @value, JSON, unless the object has it or the method does not want it; *@addedp:
 * whether it was. */
static int add(app *a, const mr_proc *proc, const char *name, const char *value,
               const mr_token **jsonp, bool *addedp) {
    mr_token *object, *member;
    const mr_token *parsed;
    mr_error err = MR_ERROR_INIT;

    *addedp = false;
    if (!find_member(proc, name, MR_MEMBER_IN) || mr_token_find(*jsonp, name))
        return 0;
    object = MR_ARENA_NEW(&a->arena, mr_token);
    member = MR_ARENA_NEW(&a->arena, mr_token);
    if (!object || !member || !value ||
        app_tokens_decode(mr_slice_str(value), &a->arena, &parsed, &err) != 0)
        return app_refuse(a, APP_BUG, "%s cannot be filled in", name);
    *object = **jsonp;
    *member = *parsed;
    member->key = mr_slice_str(name);
    member->next = object->child;
    object->child = member;
    object->count++;
    *jsonp = object;
    *addedp = true;
    return 0;
}

int app_call_complete(app *a, const app_target *target, const mr_iface *iface,
                      const mr_proc *proc, const mr_token **jsonp, app_call_step *stepp) {
    const app_account *account = target->account;
    bool added, filled;

    if (!app_account_logs_on(account) || account->mechanism != MR_LOGON_NETLOGON ||
        !mr_syntax_eq(&iface->syntax, &mr_netlogon_iface.syntax))
        return 0;
    /* both names are of letters that JSON takes as they are */
    const char *server = mr_arena_add_fmt(&a->arena, "\"\\\\\\\\%s\"", target->host);
    const char *computer = mr_arena_add_fmt(&a->arena, "\"%.*s\"",
                                            (int)strlen(account->id.user) - 1, account->id.user);
    int code = add(a, proc, "ServerName", server, jsonp, &added);
    if (!code)
        code = add(a, proc, "ComputerName", computer, jsonp, &added);
    if (!code)
        code = add(a, proc, "ReturnAuthenticator", AUTHENTICATOR, jsonp, &added);
    if (!code)
        code = add(a, proc, "Authenticator", AUTHENTICATOR, jsonp, &filled);
    if (!code && filled) {
        stepp->sent = find_member(proc, "Authenticator", MR_MEMBER_IN);
        stepp->returned = find_member(proc, "ReturnAuthenticator", MR_MEMBER_OUT);
    }
    return code;
}

int app_call_authenticate(app_session *s, app_call_step *step, void *args) {
    mr_netlogon_NETLOGON_AUTHENTICATOR authenticator;
    mr_error err = MR_ERROR_INIT;

    if (!step->sent || !s->logon.logon)
        return 0;
    if (mr_logon_get_authenticator(s->logon.logon, &step->step, &err) != 0)
        return app_refuse(s->a, APP_BUG, "%s", err.text);
    memcpy(authenticator.Credential.data, step->step.credential, sizeof step->step.credential);
    authenticator.Timestamp = step->step.time;
    memcpy((uint8_t *)args + step->sent->offset, &authenticator, sizeof authenticator);
    return 0;
}

/* The status that Samba's controllers return; Windows' ones answer with a fault. */
static void add_returned(app_session *s, mr_client *client, uint32_t status) {
    mr_logon_seen seen = app_session_seen(s, s->logon.logon, client, &mr_netlogon_iface.syntax);
    mr_talk_seen talk = mr_logon_seen_talk(&seen);

    mr_fact_add(seen.diag, MR_FACT_RPC_RETURNED, seen.check, .interface = talk.interface,
                .address = talk.address, .port = talk.port, .status = status, .auth = talk.auth,
                .ssp = talk.ssp, .service = talk.service);
}

int app_call_check(app_session *s, const app_call_step *step, mr_client *client,
                   const void *args, uint32_t status) {
    mr_netlogon_NETLOGON_AUTHENTICATOR answer;

    if (!step->sent || !step->returned || !s->logon.logon)
        return 0;
    if (status) { /* the chain stays where it is */
        if (mr_client_get_report(client)->auth.level < MR_AUTH_LEVEL_PRIVACY)
            add_returned(s, client, status);
        return 0;
    }
    memcpy(&answer, (const uint8_t *)args + step->returned->offset, sizeof answer);
    return mr_logon_check_authenticator(s->logon.logon, &step->step, answer.Credential.data,
                                        &s->error) ? APP_COMMUNICATION : 0;
}
