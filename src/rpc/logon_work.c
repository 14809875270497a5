/*
 * What a logon lets the Kerberos library do: read ticket caches and key tables, make and read the
 * messages of the exchange with the KDC (mr_krb5_kdc, which sends nothing), and, once there are
 * tickets, rehearse: a first token is made and thrown away, so that a library that cannot begin
 * with these tickets (a broken krb5.conf, encryption types that are not permitted here, a clock by
 * which they are over) fails the logon and not each of its connections. Any of it may wait for a
 * file or a service of this machine, so workers do it where there are some; in the loop it
 * takes milliseconds.
 */
#include "logon_private.h"

#include <stdlib.h>

#define TOKEN_CAP ((size_t)1 << 20)

/* ---- in a worker ---- */

static void destroy(struct mr_errand *e) {
    struct mr_logon_work *w = (struct mr_logon_work *)e;

    mr_krb5_kdc_free(w->machine);
    mr_identity_deinit(&w->identity);
    mr_buf_deinit(&w->reply);
    mr_arena_deinit(&w->arena);
    free(w);
}

/* Nobody else says so. The library goes by this machine's clock from here on (RFC 4120 3.2.3). */
static void note_local(struct mr_logon_work *w, uint32_t code) {
    uint32_t nsec;
    int64_t now;

    mr_clock_get_wall(&now, &nsec);
    if (w->info.end_time && w->info.end_time <= now)
        code = MR_KRB_TICKET_EXPIRED;
    w->info.failure = (mr_krb5_failure){.code = code, .text = w->error.text, .realm = ""};
}

static int rehearse(struct mr_logon_work *w) {
    mr_krb5_options k = w->provider;
    mr_krb5_info info = {.failure.code = MR_KRB5_NO_CODE};
    mr_security *security;
    mr_krb5 *krb5;
    mr_buf token;

    k.level = MR_AUTH_LEVEL_PRIVACY;
    k.delegate = false; /* that would ask a KDC */
    k.service = w->info.service;
    k.ccache = w->info.ccache;
    int r = mr_logon_new_krb5(&k, &krb5, &w->error);
    if (r == 0) {
        mr_buf_init(&token, NULL, 0, TOKEN_CAP);
        security = mr_krb5_get_security(krb5);
        r = security->class->step(security, MR_DIR_TO_CLIENT, MR_SLICE_NULL, &token, &w->error);
        mr_krb5_get_info(krb5, &info);
        mr_buf_deinit(&token);
        mr_krb5_free(krb5);
    }
    if (r < 0)
        note_local(w, info.failure.code);
    return r < 0 ? r : 0;
}

static void run(struct mr_errand *e) {
    struct mr_logon_work *w = (struct mr_logon_work *)e;
    int r = w->machine ? 0 : mr_krb5_kdc_new(&w->wish, &w->machine, &w->error);

    if (r == 0) {
        r = mr_krb5_kdc_step(w->machine, mr_buf_slice(&w->reply), &w->request, &w->error);
        mr_krb5_kdc_get_info(w->machine, &w->info);
    }
    w->result = r == 0 && w->wish.service ? rehearse(w) : r;
}

/* ---- in the loop ---- */

static const char *keep(char *out, size_t size, const char *text) {
    size_t len = strlen(text);

    if (len >= size)
        len = size - 1;
    memcpy(out, text, len);
    out[len] = '\0';
    return out;
}

#define KEEP(member, text) keep(l->texts.member, sizeof l->texts.member, text)

/* The machine's own strings may change with each step. */
static void keep_info(mr_logon *l, const mr_krb5_kdc_info *info) {
    mr_krb5_kdc_info *kept = &l->report.tickets;

    *kept = *info;
    kept->client = KEEP(client, info->client);
    kept->service = KEEP(service, info->service);
    kept->ccache = KEEP(ccache, info->ccache);
    kept->realm = KEEP(realm, info->realm);
    kept->failure.text = KEEP(why, info->failure.text);
    kept->failure.realm = KEEP(peer_realm, info->failure.realm);
}

static void through(struct mr_errand *e) {
    struct mr_logon_work *w = (struct mr_logon_work *)e;
    mr_logon *l = w->logon;

    if (w->offloaded)
        mr_errand_take(&w->errand);
    if (l->report.stage == MR_LOGON_DONE || l->report.stage == MR_LOGON_FAILED)
        return; /* it took too long */
    if (w->machine)
        keep_info(l, &w->info);
    mr_logon_stepped(l, w->result, &w->error);
}

bool mr_logon_work_is_busy(struct mr_logon_work *w) {
    return w->offloaded && mr_errand_get_phase(&w->errand) == MR_ERRAND_WORKING;
}

void mr_logon_work_step(struct mr_logon_work *w, mr_slice reply) {
    w->error = MR_ERROR_INIT;
    mr_buf_reset(&w->reply);
    mr_buf_write(&w->reply, reply);
    if (mr_buf_error(&w->reply)) {
        mr_logon_no_memory(&w->error);
        mr_logon_stepped(w->logon, MR_ERR_MEMORY, &w->error);
    } else if (w->offloaded) {
        mr_errand_start(&w->errand);
    } else {
        run(&w->errand);
        through(&w->errand);
    }
}

/* ---- the beginning and the end ---- */

static int copy_text(mr_arena *arena, const char *text, const char **copyp) {
    *copyp = text ? mr_arena_add_str(arena, mr_slice_str(text)) : NULL;
    return text && !*copyp ? MR_ERR_MEMORY : 0;
}

static int copy_wish(struct mr_logon_work *w, const mr_logon *l, mr_error *err) {
    const mr_logon_options *o = &l->options;
    uint32_t nsec;
    int r = mr_identity_copy(&w->identity, o->identity, err);

    if (r)
        return r;
    w->wish = (mr_krb5_kdc_options){.identity = &w->identity, .no_clock_sync = o->no_clock_sync,
                                    .rc4_only = o->rc4_only};
    w->provider = (mr_krb5_options){.role = MR_SECURITY_INITIATOR, .rc4_only = o->rc4_only,
                                    .delegate = o->identity->delegate};
    mr_clock_get_wall(&w->wish.now, &nsec);
    const char *bindings = mr_arena_add_str(&w->arena, o->bindings);
    r = bindings ? 0 : MR_ERR_MEMORY;
    if (!r)
        r = copy_text(&w->arena, l->realm, &w->wish.realm);
    if (!r)
        r = copy_text(&w->arena, l->spn, &w->wish.service);
    if (!r)
        r = copy_text(&w->arena, o->workstation, &w->wish.computer);
    w->provider.bindings = mr_slice_of(bindings, o->bindings.len);
    return r ? mr_logon_no_memory(err) : 0;
}

int mr_logon_work_new(mr_logon *l, mr_error *err) {
    struct mr_logon_work *w = calloc(1, sizeof *w);

    if (!w)
        return mr_logon_no_memory(err);
    w->logon = l;
    w->errand.run = run;
    w->errand.through = through;
    w->errand.destroy = destroy;
    mr_arena_init(&w->arena, MR_LOGON_ARENA);
    mr_buf_init(&w->reply, NULL, 0, MR_LOGON_REPLY);
    int r = copy_wish(w, l, err);
    if (!r && l->options.workers)
        r = mr_errand_init(&w->errand, l->loop, l->options.workers, err);
    if (r) {
        destroy(&w->errand);
        return r;
    }
    w->offloaded = l->options.workers != NULL;
    l->work = w;
    return 0;
}

void mr_logon_work_free(struct mr_logon_work *w) {
    if (w && w->offloaded)
        mr_errand_leave(&w->errand);
    else if (w)
        destroy(&w->errand);
}
