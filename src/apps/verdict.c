/*
 * What a session's refusals mean. A logon that failed and a call that was denied leave the facts
 * that a diagnosis would have, the same rules judge them, and what they find stands under the line
 * that tells the failure and in the report. Where a denial leaves a question open it is asked: is
 * the account known, and would more protection have helped?
 */
#include "verdict.h"

#include <msrpc/ifaces/epmapper.h>
#include <msrpc/ifaces/mgmt.h>
#include <msrpc/ifaces/names.h>
#include <msrpc/probe/challenge.h>

static const char check_id[] = "AUTH.LOGON";

mr_logon_seen app_session_seen(app_session *s, const mr_logon *logon, mr_client *client,
                               const mr_syntax *interface) {
    const app_account *account = s->target->account;
    const mr_logon_report *report = logon ? mr_logon_get_report(logon) : NULL;
    const mr_iface_name *known = interface ? mr_name_find(&interface->uuid) : NULL;
    const char *principal = report ? report->tickets.client : "";
    mr_arena *arena = &s->a->arena;
    char name[64];

    if (!s->diag) {
        const char *host = s->subject ? s->subject : s->target->host;
        (void)mr_diag_init(&s->own_diag, arena, host, NULL); /* its error is sticky */
        s->diag = &s->own_diag;
    }
    mr_logon_seen seen = {.diag = s->diag, .check = check_id, .logon = logon, .client = client};
    if (logon) {
        seen.who = principal[0] && (report->kerberos || account->who == APP_WHO_TICKET)
                       ? principal : account->name;
        seen.spn = account->spn ? account->spn
                                : mr_arena_add_fmt(arena, "host/%s", s->target->host);
    }
    if (client)
        seen.addr = &mr_client_get_report(client)->attempt.remote;
    seen.port = seen.addr ? seen.addr->port : 0;
    if (interface)
        seen.interface = mr_arena_add_str(arena, mr_slice_str(app_iface_name(interface, name)));
    seen.service = known ? mr_name_restartable(known) : NULL;
    return seen;
}

/* The interface of the first presentation context is what the connection was made for. */
static const mr_syntax *interface_of(mr_client *client) {
    const mr_client_context *context = mr_client_get_context(client, 0);

    return context ? &context->abstract : NULL;
}

struct wait {
    mr_loop *loop;
    size_t open;
    int result;
};

static void wake(struct wait *wait, int result) {
    wait->open = 0;
    wait->result = result;
    mr_loop_stop(wait->loop);
}

/* ---- a logon or a connection that failed ---- */

const char *app_session_add_refused(app_session *s, int result, const mr_error *err) {
    mr_logon_seen seen = app_session_seen(s, s->logon.logon, NULL, NULL);

    return mr_logon_seen_add_refused(&seen, result, err);
}

void app_session_add_untried(app_session *s) {
    const char *who = s->target->account->name;
    mr_logon_seen seen = app_session_seen(s, NULL, NULL, NULL);
    char address[MR_ADDR_TEXT];

    mr_fail(&s->error, MR_ERR_AUTH, MR_FLOOR_APP, MR_ERROR_NO_OFFSET,
            "%.80s was refused before and is not tried again (--max-logons)", who);
    mr_fact_add(seen.diag, MR_FACT_AUTH_NOT_TRIED, check_id, .user = who,
                .address = mr_addr_text(&s->addrs[0], address));
}

static void on_challenge(void *user, mr_challenge_ask *ask, int result, const mr_error *err) {
    (void)ask;
    (void)err;
    wake(user, result);
}

/* Who refuses a ticket without a word may be another host than the ticket is for: an NTLM
 * challenge, for which nobody logs on, has its names. */
static void ask_who(app_session *s, mr_client *client, const mr_logon_seen *seen) {
    struct wait wait = {.loop = &s->loop, .open = 1};
    const mr_syntax *interface = interface_of(client);
    char address[MR_ADDR_TEXT];
    mr_error err = MR_ERROR_INIT;
    mr_addr literal;
    mr_challenge_ask ask = {.loop = &s->loop, .connect = app_client_options(s, MR_AUTH_LEVEL_NONE),
                            .arena = &s->a->arena, .done = on_challenge, .user = &wait};

    if (!interface || mr_addr_decode(mr_slice_str(s->target->host), 0, &literal) == 0)
        return;
    ask.interface = *interface;
    ask.connect.connect.remote = *seen->addr;
    ask.connect.connect.source.port = 0;
    int code = app_session_pace(s);
    if (!code && mr_challenge_start(&ask, &err) == 0)
        code = app_session_wait(s, &wait.open);
    if (!code && ask.got)
        mr_facts_add_challenge(seen->diag, &(mr_challenge_seen){
            .check = "AUTH.CHALLENGE", .at = mr_clock_now(), .port = seen->port,
            .address = mr_addr_text(seen->addr, address), .asked = s->target->host,
            .computer = ask.computer, .dns_computer = ask.dns_computer});
    mr_challenge_deinit(&ask);
}

const char *app_session_add_failed(app_session *s, mr_client *client, const mr_error *err) {
    mr_logon_seen seen = app_session_seen(s, s->logon.logon, client, interface_of(client));
    bool kerberos = mr_client_get_report(client)->has_nak &&
                    strcmp(mr_logon_seen_mechanism(&seen), "Kerberos") == 0;

    if (kerberos)
        ask_who(s, client, &seen);
    mr_logon_seen_add_granted(&seen);
    mr_logon_seen_add_fallback(&seen, false, mr_client_get_report(client)->auth.fault);
    return mr_logon_seen_add_failed(&seen, err->code, err);
}

const char *app_session_add_tampered(app_session *s, mr_client *client, int result,
                                     const mr_error *err) {
    mr_logon_seen seen = app_session_seen(s, s->logon.logon, client, interface_of(client));

    return mr_logon_seen_is_tampered(&seen, result, err)
               ? mr_logon_seen_add_failed(&seen, result, err) : NULL;
}

const char *app_session_add_accepted(app_session *s, mr_client *client) {
    mr_logon_seen seen = app_session_seen(s, s->logon.logon, client, interface_of(client));

    mr_logon_seen_add_granted(&seen);
    return mr_logon_seen_add_fallback(&seen, true, 0);
}

/* ---- a call that was denied ---- */

static void on_contexts(void *user, mr_client *client, int result, const mr_error *err) {
    (void)client;
    (void)err;
    wake(user, result);
}

static void on_tried(void *user, mr_trial *trial) {
    (void)trial;
    wake(user, 0);
}

/* Bare NTLM has no answer to its last message: mgmt, which lets everybody ask, gives one on the
 * same connection. */
static int ask_mgmt(app_session *s, mr_client *client) {
    struct wait wait = {.loop = &s->loop, .open = 1};
    struct mr_mgmt_is_server_listening listening = {0};
    mr_error err = MR_ERROR_INIT;

    if (mr_client_add_contexts(client, &mr_mgmt_iface.syntax, 1, on_contexts, &wait, &err) != 0)
        return 0;
    int code = app_session_wait(s, &wait.open);
    if (!code && !wait.result && mr_client_call(client, &mr_mgmt_iface, 2, &listening, &err) ==
                                     MR_ERR_CANCELLED)
        code = app_session_cancelled(s);
    return code;
}

/* Who is known and denied: would privacy have helped? */
static int try_privacy(app_session *s, mr_client *client, mr_logon_seen *seen,
                       const mr_syntax *interface, uint32_t fault) {
    struct wait wait = {.loop = &s->loop, .open = 1};
    mr_error err = MR_ERROR_INIT;
    mr_trial trial = {
        .loop = &s->loop,
        .connect = app_client_options(s, MR_AUTH_LEVEL_NONE),
        .logon = s->logon.logon,
        .interface = *interface,
        .name = seen->interface,
        .level = mr_client_get_report(client)->auth.level,
        .known = true,
        .denied = fault,
        .done = on_tried,
        .user = &wait,
        .end = MR_TRIAL_DENIED,
    };

    trial.denied_at = trial.level;
    trial.connect.connect.remote = *seen->addr;
    trial.connect.connect.source.port = 0;
    int code = trial.level < MR_AUTH_LEVEL_PRIVACY ? app_session_pace(s) : 0;
    if (!code && trial.level < MR_AUTH_LEVEL_PRIVACY && mr_trial_start(&trial, &err) == 0)
        code = app_session_wait(s, &wait.open);
    if (!code)
        mr_trial_add_facts(&trial, seen);
    mr_trial_deinit(&trial);
    return code;
}

void app_session_add_stranger(app_session *s, mr_client *client, const mr_syntax *interface,
                              uint32_t fault) {
    mr_logon_seen seen = app_session_seen(s, NULL, client, interface);
    mr_talk_seen talk = mr_logon_seen_talk(&seen);

    talk.end = MR_TALK_FAULT;
    talk.status = fault;
    talk.auth = MR_AUTH_LEVEL_NONE; /* an anonymous logon protects, and tells nobody's name */
    talk.mapper = mr_syntax_eq(interface, &mr_epmapper_iface.syntax);
    mr_facts_add_talk(seen.diag, &talk);
}

int app_session_prove_denied(app_session *s, mr_client *client, uint32_t fault) {
    const mr_client_auth *auth = &mr_client_get_report(client)->auth;
    const mr_logon_seen seen = {.logon = s->logon.logon, .client = client};

    if (!mr_fault_is_denial(fault) || !auth->asked || auth->level == MR_AUTH_LEVEL_CONNECT)
        return 0;
    bool proven = s->logon.verdict == APP_VERDICT_NONE ? mr_logon_seen_is_proven(&seen)
                                                       : s->denied || auth->proven;
    return proven ? 0 : ask_mgmt(s, client);
}

int app_session_add_denied(app_session *s, mr_client *client, const mr_syntax *interface,
                           uint32_t fault) {
    const mr_client_auth *auth = &mr_client_get_report(client)->auth;

    if (!interface)
        interface = interface_of(client);
    if (!interface || !mr_fault_is_denial(fault) || s->denied)
        return 0;
    s->denied = true; /* once for all */
    if (!auth->asked || s->target->account->who == APP_WHO_ANONYMOUS) {
        app_session_add_stranger(s, client, interface, fault);
        return 0;
    }
    mr_logon_seen seen = app_session_seen(s, s->logon.logon, client, interface);
    mr_logon_seen_add_unsigned(&seen);
    return try_privacy(s, client, &seen, interface, fault);
}

/* ---- what is found ---- */

static bool run(const app_session *s) {
    return s->diag && mr_diag_run(s->diag) == 0;
}

void app_session_forget(app_session *s) {
    s->diag = NULL;
    s->denied = false;
}

/* Where the first sentence ends; an abbreviation is followed by no capital. */
static size_t first_sentence(const char *text) {
    for (const char *p = text; (p = strstr(p, ". ")) != NULL; p++)
        if (p[2] >= 'A' && p[2] <= 'Z')
            return (size_t)(p + 1 - text);
    return strlen(text);
}

void app_finding_tell(FILE *out, const mr_finding *finding, bool whole) {
    char head[80], text[MR_DIAG_TEXT_MAX];
    size_t len = whole ? strlen(finding->cause) : first_sentence(finding->cause);

    snprintf(head, sizeof head, "%s: ", finding->id);
    snprintf(text, sizeof text, "%.*s", (int)len, finding->cause);
    app_wrap(out, head, 2, text);
    if (finding->next.command)
        fprintf(out, "  next: %s\n", finding->next.command);
    fprintf(out, "  what to do: msrpc explain %s\n", finding->id);
}

static bool was_told(const mr_finding *finding) {
    return strcmp(finding->id, "AUTH.FALLBACK") == 0 || strcmp(finding->id, "AUTH.NOT_TRIED") == 0;
}

void app_session_tell_findings(const app_session *s) {
    const struct app_settings *set = &s->a->set;
    const mr_finding *finding;

    if (set->json || set->jsonl || set->quiet || !run(s))
        return;
    fflush(s->a->out); /* what they are about comes first */
    for (size_t i = 0; (finding = mr_diag_get_finding(s->diag, i)) != NULL; i++)
        if (!finding->explained_by && !was_told(finding))
            app_finding_tell(app_err(s->a), finding, set->verbose);
}

void app_report_finding(const mr_finding *finding, mr_writer *w) {
    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_finding_write(finding, w);
    mr_writer_close(w);
}

void app_report_met(const app_session *s, mr_writer *w) {
    const mr_finding *finding;

    bool any = run(s);
    for (size_t i = 0; any && (finding = mr_diag_get_finding(s->diag, i)) != NULL; i++)
        app_report_finding(finding, w);
}

void app_report_findings(const app_session *s, mr_writer *w) {
    mr_writer_open(w, "findings", MR_SHAPE_ARRAY);
    app_report_met(s, w);
    mr_writer_close(w);
}
