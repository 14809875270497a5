/* RPC conversations as facts: the same ends under EPM.* for the mapper and RPC.* for services. */
#include <msrpc/facts.h>

static enum mr_what what_speaks(const mr_talk_seen *s) {
    switch (s->foreign) {
    case MR_FOREIGN_HTTP: return MR_WHAT_HTTP;
    case MR_FOREIGN_TLS: return MR_WHAT_TLS;
    case MR_FOREIGN_SMB: return MR_WHAT_SMB;
    case MR_FOREIGN_SSH: return MR_WHAT_SSH;
    case MR_FOREIGN_LDAP: return MR_WHAT_GARBAGE;
    case MR_FOREIGN_UNKNOWN: break;
    }
    for (size_t i = 0; i < s->first.len; i++) {
        uint8_t c = s->first.data[i];
        if (c > 0x7e || (c < 0x20 && c != '\r' && c != '\n' && c != '\t'))
            return MR_WHAT_GARBAGE;
    }
    return s->first.len ? MR_WHAT_TEXT : MR_WHAT_GARBAGE;
}

static mr_fact of_mapper(const mr_talk_seen *s) {
    mr_fact fact = {.check = s->check, .at = s->at, .address = s->address, .port = s->port};

    switch (s->end) {
    case MR_TALK_BOUND:
        fact.kind = MR_FACT_EPM_BOUND;
        fact.contexts = s->contexts;
        fact.ms = s->ms;
        break;
    case MR_TALK_CALLED:
        break; /* what the mapper said is facts of its own */
    case MR_TALK_NAK:
        fact.kind = MR_FACT_EPM_NAK;
        fact.reason = s->reason;
        break;
    case MR_TALK_REJECTED:
        fact.kind = MR_FACT_EPM_CONTEXT_REJECTED;
        fact.result = s->result;
        fact.reason = s->reason;
        break;
    case MR_TALK_FAULT:
        fact.kind = MR_FACT_EPM_FAULT;
        fact.status = s->status;
        break;
    case MR_TALK_SILENT:
        fact.kind = MR_FACT_EPM_SILENT;
        fact.when = s->when;
        fact.acked = s->acked;
        fact.bytes = s->bytes;
        fact.tries = s->tries;
        break;
    case MR_TALK_RESET:
        fact.kind = MR_FACT_EPM_RESET;
        fact.when = s->when;
        fact.acked = s->acked;
        fact.contexts = s->contexts;
        break;
    case MR_TALK_CLOSED:
        fact.kind = MR_FACT_EPM_CLOSED;
        fact.when = s->when;
        fact.contexts = s->contexts;
        break;
    case MR_TALK_PROTOCOL:
        fact.kind = MR_FACT_EPM_PROTOCOL;
        fact.what = what_speaks(s);
        break;
    }
    return fact;
}

static mr_fact of_service(const mr_talk_seen *s) {
    mr_fact fact = {
        .check = s->check,
        .at = s->at,
        .address = s->address,
        .port = s->port,
        .interface = s->interface,
        .service = s->service,
    };
    switch (s->end) {
    case MR_TALK_BOUND:
        fact.kind = MR_FACT_RPC_BOUND;
        fact.service = NULL;
        fact.auth = s->auth;
        fact.ms = s->ms;
        break;
    case MR_TALK_CALLED:
        fact.kind = MR_FACT_RPC_CALLED;
        fact.service = NULL;
        fact.auth = s->auth;
        fact.opnum = s->opnum;
        fact.ms = s->ms;
        break;
    case MR_TALK_NAK:
        fact.kind = MR_FACT_RPC_NAK;
        fact.reason = s->reason;
        fact.auth = s->auth;
        fact.ssp = s->ssp;
        fact.user = s->user;
        break;
    case MR_TALK_REJECTED:
        fact.kind = MR_FACT_RPC_CONTEXT_REJECTED;
        fact.result = s->result;
        fact.reason = s->reason;
        break;
    case MR_TALK_FAULT:
        fact.kind = MR_FACT_RPC_FAULT;
        fact.status = s->status;
        fact.opnum = s->opnum;
        fact.auth = s->auth;
        fact.ssp = s->ssp;
        fact.user = s->user;
        fact.when = s->after_auth3 ? MR_WHEN_AFTER_AUTH3 : MR_WHEN_UNKNOWN;
        break;
    case MR_TALK_SILENT:
        fact.kind = MR_FACT_RPC_SILENT;
        fact.when = s->when;
        fact.acked = s->acked;
        fact.bytes = s->bytes;
        break;
    case MR_TALK_RESET:
        fact.kind = MR_FACT_RPC_RESET;
        fact.when = s->when;
        fact.acked = s->acked;
        break;
    case MR_TALK_CLOSED:
        fact.kind = MR_FACT_RPC_CLOSED;
        fact.when = s->when;
        fact.acked = s->acked;
        break;
    case MR_TALK_PROTOCOL:
        fact.kind = MR_FACT_RPC_PROTOCOL;
        fact.what = what_speaks(s);
        break;
    }
    return fact;
}

mr_fact mr_facts_of_talk(const mr_talk_seen *s) {
    return s->mapper ? of_mapper(s) : of_service(s);
}

int mr_facts_add_talk(mr_diag *diag, const mr_talk_seen *s) {
    mr_fact fact = mr_facts_of_talk(s);
    return fact.kind == MR_FACT_NONE ? 0 : mr_diag_add_fact(diag, &fact);
}
