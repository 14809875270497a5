/*
 * Kerberos as facts (RFC 4120): what a client wanted of KDCs and got in the end. Steps of a
 * dialogue (PREAUTH_REQUIRED, RESPONSE_TOO_BIG) are no failures; nor is an error that a later
 * answer made good, nor a ticket refused where NTLM was then accepted.
 */
#include "trace_private.h"

#include <strings.h>

#include <msrpc/wire/krb.h>

#define PATIENCE (3 * MR_SEC)
#define SHORTLY (10 * MR_SEC)
#define FALLBACK (2 * MR_SEC)
#define SKEW_MIN 60 /* seconds below which two clocks tell nothing */

static bool text_eq(const char *a, const char *b) {
    return (!a && !b) || (a && b && strcasecmp(a, b) == 0);
}

/* The tickets of @client, and of others with the same hash. */
static trace_ticket **tickets_of(mr_trace *trace, const mr_ip *client) {
    uint32_t h = trace_hash(client->host.octets, sizeof client->host.octets, 3);
    return &trace->ticket_slots[h % TRACE_TICKETS];
}

static trace_ticket *ticket_get(mr_trace *trace, const mr_seen *seen, const mr_ip *client,
                                bool tgs) {
    const mr_seen_krb *krb = &seen->u.krb;
    trace_ticket **slot = tickets_of(trace, client);
    for (; *slot; slot = &(*slot)->hash_next) {
        trace_ticket *t = *slot;
        if (t->tgs == tgs && trace_ip_eq(&t->client, client) && text_eq(t->spn, krb->server) &&
            (tgs || text_eq(t->user, krb->client)))
            return t;
    }
    trace_ticket *t = NULL;
    if (trace->ticket_count < TRACE_TICKETS)
        t = MR_ARENA_NEW(&trace->arena, trace_ticket);
    if (!t) {
        trace->totals.left_out++;
        return NULL;
    }
    t->client = *client;
    t->tgs = tgs;
    t->user = trace_intern(trace, krb->client);
    t->spn = trace_intern(trace, krb->server);
    t->realm = trace_intern(trace, krb->realm);
    *trace->tickets_end = t;
    trace->tickets_end = &t->list_next;
    *slot = t;
    trace->ticket_count++;
    return t;
}

/* The newest question to that KDC that @tgs fits; -1: either. */
static trace_ticket *newest(mr_trace *trace, const mr_ip *client, const mr_ip *kdc, int tgs,
                            const char *spn) {
    trace_ticket *found = NULL;
    for (trace_ticket *t = *tickets_of(trace, client); t; t = t->hash_next) {
        if ((tgs < 0 || t->tgs == (tgs != 0)) && trace_ip_eq(&t->client, client) &&
            trace_ip_eq(&t->kdc, kdc) && (!spn || text_eq(t->spn, spn)) &&
            (!found || t->time >= found->time))
            found = t;
    }
    return found;
}

/* How far the client's clock is off, as far as the error and its packet tell. */
static void measure(const mr_seen *seen, uint32_t *secondsp, uint8_t *clockp) {
    mr_nsec server = seen->u.krb.server_time;
    mr_nsec client = seen->u.krb.client_time ? seen->u.krb.client_time : seen->time;
    int64_t apart = server && client ? ((int64_t)server - (int64_t)client) / (int64_t)MR_SEC : 0;

    *secondsp = 0;
    *clockp = MR_CLOCK_UNKNOWN;
    if (apart > -SKEW_MIN && apart < SKEW_MIN)
        return;
    *secondsp = (uint32_t)(apart < 0 ? -apart : apart);
    *clockp = apart > 0 ? MR_CLOCK_BEHIND : MR_CLOCK_AHEAD;
}

static void take_inside(mr_trace *trace, const mr_seen *seen) {
    const mr_seen_krb *krb = &seen->u.krb;
    trace_live *live = trace_live_get(trace, seen, false);

    if (!live)
        return;
    if (krb->kind == MR_SEEN_AP_REQ) {
        if (krb->server && *krb->server)
            live->spn = trace_intern(trace, krb->server);
        live->talk.auth_type = live->talk.auth_type ? live->talk.auth_type : 16;
    } else if (krb->kind == MR_SEEN_KRB_ERROR) {
        live->krb_error = krb->error;
        live->krb_packet = seen->packet;
        live->krb_ntstatus = krb->ntstatus;
        measure(seen, &live->krb_seconds, &live->krb_clock);
        trace_tell(trace, live, seen, true, "KRB-ERROR %d", krb->error);
    }
}

static void take_request(mr_trace *trace, const mr_seen *seen, const mr_ip *client,
                         const mr_ip *kdc) {
    trace_ticket *t = ticket_get(trace, seen, client, seen->u.krb.kind == MR_SEEN_TGS_REQ);
    if (!t)
        return;
    if (!t->tries || t->answered) {
        t->packet = seen->packet;
        t->time = seen->time;
        t->file = seen->file;
        t->answered = t->unread = false;
        t->error = 0;
        t->tries = 0;
    }
    t->kdc = *kdc;
    t->port = 88;
    t->tries++;
}

static void take_error(mr_trace *trace, const mr_seen *seen, const mr_ip *client,
                       const mr_ip *kdc) {
    const mr_seen_krb *krb = &seen->u.krb;
    bool tgt = krb->server && strncasecmp(krb->server, "krbtgt/", 7) == 0;
    bool service = krb->server ? !tgt : krb->error == MR_KRB_S_PRINCIPAL_UNKNOWN;
    trace_ticket *t = newest(trace, client, kdc, -1, krb->server);
    if (!t) /* a question that was cut; the user's own was another */
        t = newest(trace, client, kdc, service ? 1 : -1, NULL);
    if (!krb->error) {
        if (t)
            t->unread = true;
        return;
    }
    if (!t && (t = ticket_get(trace, seen, client, !tgt))) { /* the question was not captured */
        t->kdc = *kdc;
        t->port = 88;
        t->packet = seen->packet;
        t->time = seen->time;
        t->file = seen->file;
        t->tries = 1;
        t->unasked = true;
    }
    if (!t)
        return;
    t->error = krb->error;
    t->ntstatus = krb->ntstatus;
    t->error_packet = seen->packet;
    t->error_file = seen->file;
    t->error_time = seen->time;
    measure(seen, &t->seconds, &t->clock);
}

void trace_take_kerberos(mr_trace *trace, const mr_seen *seen) {
    const mr_seen_krb *krb = &seen->u.krb;
    bool request = krb->kind == MR_SEEN_AS_REQ || krb->kind == MR_SEEN_TGS_REQ;
    bool forth = seen->flow || request;
    const mr_ip *client = forth ? &seen->client : &seen->server;
    const mr_ip *kdc = forth ? &seen->server : &seen->client;

    if (krb->in_rpc) {
        take_inside(trace, seen);
        return;
    }
    trace_live *live = trace_live_get(trace, seen, false);
    if (live) {
        live->talk.transport = MR_TRACE_KERBEROS;
        trace_reach(live, MR_PHASE_COMMUNICATION);
    }
    if (request) {
        take_request(trace, seen, client, kdc);
    } else if (krb->kind == MR_SEEN_KRB_ERROR) {
        take_error(trace, seen, client, kdc);
        if (live)
            trace_tell(trace, live, seen, true, "KRB-ERROR %d", krb->error);
    } else if (krb->kind == MR_SEEN_AS_REP || krb->kind == MR_SEEN_TGS_REP) {
        bool tgs = krb->kind == MR_SEEN_TGS_REP;
        trace_ticket *t = newest(trace, client, kdc, tgs, tgs ? krb->server : NULL);
        if (!t)
            t = newest(trace, client, kdc, tgs, NULL);
        if (t) {
            t->answered = true;
            t->answer_time = seen->time;
        }
    }
}

void trace_take_fragments(mr_trace *trace, const mr_seen *seen) {
    if (seen->u.fragments.protocol != 17)
        return;
    for (trace_ticket *t = trace->tickets; t; t = t->list_next) {
        if ((trace_ip_eq(&t->client, &seen->client) && trace_ip_eq(&t->kdc, &seen->server)) ||
            (trace_ip_eq(&t->client, &seen->server) && trace_ip_eq(&t->kdc, &seen->client)))
            t->fragmented = true;
    }
}

trace_ticket *trace_ticket_refused(mr_trace *trace, const mr_ip *client, mr_nsec time) {
    trace_ticket *found = NULL;
    for (trace_ticket *t = *tickets_of(trace, client); t; t = t->hash_next) {
        if (t->tgs && !t->answered && t->error == MR_KRB_S_PRINCIPAL_UNKNOWN && t->spn &&
            trace_ip_eq(&t->client, client) && time >= t->error_time &&
            time - t->error_time <= FALLBACK)
            found = t;
    }
    return found;
}

void trace_ticket_left(mr_trace *trace, const mr_ip *client, mr_nsec time) {
    for (trace_ticket *t = *tickets_of(trace, client); t; t = t->hash_next) {
        int32_t unknown = t->tgs ? MR_KRB_S_PRINCIPAL_UNKNOWN : MR_KRB_C_PRINCIPAL_UNKNOWN;
        if (!t->answered && t->error == unknown && trace_ip_eq(&t->client, client) &&
            time >= t->error_time && time - t->error_time <= FALLBACK)
            t->accepted_without = true;
    }
}

/* NTLM was accepted, or may have been: what the KDC had refused before was a try. */
static void make_good(mr_trace *trace, const mr_trace_talk *talk) {
    for (trace_ticket *t = *tickets_of(trace, &talk->client); t; t = t->hash_next) {
        if (!t->answered && t->error && trace_ip_eq(&t->client, &talk->client) &&
            t->error_time + FALLBACK >= talk->begin && t->error_time <= talk->end)
            t->accepted_without = true;
    }
}

/* A ticket was accepted: that the KDC granted no more than it, for delegation, is no failure. */
static void make_granted_good(mr_trace *trace, const mr_trace_talk *talk) {
    for (trace_ticket *t = *tickets_of(trace, &talk->client); t; t = t->hash_next) {
        if (t->tgs && t->error == MR_KRB_BADOPTION && trace_ip_eq(&t->client, &talk->client))
            t->accepted_without = true;
    }
}

/* LDAP goes on, with NTLM, on the connection that a ticket was wanted for. */
static void make_ldap_good(mr_trace *trace, const mr_trace_talk *talk) {
    for (trace_ticket *t = *tickets_of(trace, &talk->client); t; t = t->hash_next) {
        bool ldap = t->unasked || !t->spn || strncasecmp(t->spn, "ldap/", 5) == 0;
        if (ldap && t->error == MR_KRB_S_PRINCIPAL_UNKNOWN &&
            trace_ip_eq(&t->client, &talk->client) &&
            t->error_time + FALLBACK >= talk->begin && t->error_time < talk->end)
            t->accepted_without = true;
    }
}

/* The capture ends before it is seen whether the client gets on without the tickets. */
static void leave_open(mr_trace *trace, const mr_trace_talk *talk) {
    for (trace_ticket *t = *tickets_of(trace, &talk->client); t; t = t->hash_next) {
        if (t->error && trace_ip_eq(&t->client, &talk->client))
            t->undecided = true;
    }
}

static bool is_open(const mr_flow_seen *tcp) {
    const mr_flow_side_seen *client = &tcp->side[MR_FROM_CLIENT];
    const mr_flow_side_seen *server = &tcp->side[MR_FROM_SERVER];
    return !client->fin_packet && !client->reset.packet && !server->fin_packet &&
           !server->reset.packet && server->packets;
}

void trace_krb_ended(mr_trace *trace, trace_live *live, const mr_seen *seen) {
    const mr_trace_talk *talk = &live->talk;
    mr_seen at = *seen;
    bool accepted = live->smb_done >= MR_STEP_SESSION ||
                    talk->calls > talk->unanswered + talk->faults;

    const mr_flow_seen *tcp = seen->u.end.tcp;
    /* with whose credentials it was tried is where the capture has cut or lost packets */
    bool unread = (tcp->truncated || tcp->one_way || tcp->side[MR_FROM_CLIENT].missing ||
                   tcp->side[MR_FROM_SERVER].missing) &&
                  talk->server_port != 88 && tcp->side[MR_FROM_SERVER].octets;

    if ((live->user && accepted && !live->smb_status) || unread)
        make_good(trace, talk);
    if (unread && live->smb_status)
        trace_ticket_left(trace, &talk->client, live->smb_time);
    if (talk->server_port == 389 && tcp->side[MR_FROM_SERVER].octets)
        make_ldap_good(trace, talk);
    if (unread || (accepted && talk->auth_type && !live->user))
        make_granted_good(trace, talk);
    if (!accepted && !live->smb_status && talk->server_port != 88 && is_open(tcp))
        leave_open(trace, talk);
    if (!live->krb_error || accepted)
        return;
    at.packet = live->krb_packet;
    at.to_client = true;
    TRACE_BAD(trace, live, &at, .kind = MR_FACT_KRB_ERROR,
              .address = trace_intern_ip(trace, &talk->server), .port = talk->server_port,
              .exchange = MR_EXCHANGE_AP, .krb = (uint32_t)live->krb_error, .spn = live->spn,
              .ntstatus = live->krb_ntstatus, .seconds = live->krb_seconds,
              .clock = (enum mr_clock)live->krb_clock);
}

/* ---- the end ---- */

static bool is_step(int32_t error) {
    return error == 0 || error == MR_KRB_PREAUTH_REQUIRED || error == MR_KRB_RESPONSE_TOO_BIG ||
           error == MR_KRB_MORE_PREAUTH;
}

/* A name that is unknown in one form is asked for in another. */
static bool is_made_good(mr_trace *trace, const trace_ticket *t) {
    if (t->accepted_without || (t->undecided && trace->totals.last - t->error_time < FALLBACK))
        return true;
    if (t->error != MR_KRB_C_PRINCIPAL_UNKNOWN && t->error != MR_KRB_S_PRINCIPAL_UNKNOWN)
        return false;
    for (const trace_ticket *o = *tickets_of(trace, &t->client); o; o = o->hash_next) {
        if (o != t && o->tgs == t->tgs && o->answered && trace_ip_eq(&o->client, &t->client) &&
            o->answer_time >= t->error_time && o->answer_time - t->error_time <= SHORTLY)
            return true;
    }
    return false;
}

/* Whether the service principal names the host @name. */
static bool is_service_of(const char *spn, const char *name) {
    const char *host = spn ? strchr(spn, '/') : NULL;
    if (!host)
        return false;
    size_t len = strcspn(++host, "/@:");
    return strlen(name) == len && strncasecmp(name, host, len) == 0;
}

/* Each ticket's relation with the host of its service, the first there is. */
static void find_hosts(mr_trace *trace) {
    for (trace_relation *r = trace->relations; r; r = r->list_next) {
        if (!r->server.family || !r->name)
            continue;
        for (trace_ticket *t = *tickets_of(trace, &r->client); t; t = t->hash_next) {
            if (!t->host && trace_ip_eq(&r->client, &t->client) && is_service_of(t->spn, r->name))
                t->host = r;
        }
    }
}

static bool connects_fail(const trace_relation *r) {
    for (const trace_fact *f = r->facts; f; f = f->next) {
        if (f->fact->port == 88 && f->bad && mr_fact_phase(f->fact->kind) == MR_PHASE_TCP)
            return true;
    }
    return false;
}

static bool is_for_password(const trace_ticket *t) {
    return t->spn && strcasecmp(t->spn, "kadmin/changepw") == 0;
}

static void judge_ticket(mr_trace *trace, trace_ticket *t) {
    trace_relation *r = trace_relation_get(trace, &t->client, &t->kdc, NULL);
    mr_seen at = {.packet = t->packet, .file = t->file, .time = t->time};
    mr_fact fact = {.address = trace_intern_ip(trace, &t->kdc), .port = t->port,
                    .spn = t->spn, .domain = t->realm, .user = t->user};
    bool lost = r && connects_fail(r);

    if (!r)
        return;
    if (t->answered && is_for_password(t))
        return; /* who must change a password is granted that, and nothing else */
    if (t->answered) {
        fact.kind = MR_FACT_KRB_GRANTED;
        fact.exchange = t->tgs ? MR_EXCHANGE_TGS : MR_EXCHANGE_AS;
        trace_add(trace, r, &at, 0, false, &fact);
        return;
    }
    if (!is_step(t->error) || (t->error == MR_KRB_RESPONSE_TOO_BIG && lost)) {
        bool bad = !is_made_good(trace, t);
        at.packet = t->error_packet;
        at.file = t->error_file;
        at.time = t->error_time;
        fact.kind = MR_FACT_KRB_ERROR;
        fact.exchange = t->tgs ? MR_EXCHANGE_TGS : MR_EXCHANGE_AS;
        fact.krb = (uint32_t)t->error;
        fact.ntstatus = t->ntstatus;
        fact.seconds = t->seconds;
        fact.clock = (enum mr_clock)t->clock;
        trace_add(trace, r, &at, 0, bad, &fact);
        if (t->host && t->host != r)
            trace_add(trace, t->host, &at, 0, false, &fact);
        return;
    }
    if (t->error == MR_KRB_RESPONSE_TOO_BIG)
        return;
    if (t->error == MR_KRB_PREAUTH_REQUIRED || t->error == MR_KRB_MORE_PREAUTH)
        return; /* the user gave up, or the capture ended */
    if (t->fragmented) {
        trace_add(trace, r, &at, 0, true, &(mr_fact){.kind = MR_FACT_KRB_FRAGMENTED,
                                                     .address = fact.address, .port = t->port});
    }
    if (t->unread || (t->tries < 2 && !lost) || trace->totals.last - t->time < PATIENCE)
        return;
    fact.kind = MR_FACT_KRB_UNANSWERED;
    fact.tries = t->tries;
    trace_add(trace, r, &at, 0, true, &fact);
}

void trace_kerberos_end(mr_trace *trace) {
    find_hosts(trace);
    for (trace_ticket *t = trace->tickets; t; t = t->list_next)
        judge_ticket(trace, t);
}
