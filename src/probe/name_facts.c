/* Outcomes of DNS questions as facts (RFC 1035 4.1.1, RFC 2308 2.2). */
#include "name_facts.h"

#include <string.h>

static void rcode_fact(mr_fact *fact, uint16_t rcode) {
    fact->kind = MR_FACT_NAME_RCODE;
    fact->rcode = rcode;
}

/* Nobody there: only the server is known to be the trouble, or the way to it. */
static void unreachable_fact(const mr_dns_answer *answer, bool default_server, mr_fact *fact) {
    const mr_icmp *icmp = &answer->icmp;

    *fact = (mr_fact){.kind = MR_FACT_NAME_NO_SERVICE, .check = fact->check,
                      .server = fact->server};
    if (default_server) {
        fact->kind = MR_FACT_NAME_NO_SERVER;
        fact->server = NULL;
    } else if (icmp->present && !mr_icmp_is_port(icmp)) {
        fact->kind = MR_FACT_NAME_UNREACHABLE;
        fact->other = mr_icmp_text(icmp);
    } else if (!icmp->present && answer->os_error) {
        fact->kind = MR_FACT_NAME_UNREACHABLE;
        fact->other = strerror(answer->os_error);
    }
}

bool name_outcome_fact(const mr_dns_answer *answer, bool default_server, mr_fact *fact) {
    bool cut_short = answer->tcp && answer->message && answer->message->truncated;

    switch (answer->outcome) {
    case MR_DNS_OUTCOME_ANSWER:
    case MR_DNS_OUTCOME_FAILED:
        return false;
    case MR_DNS_OUTCOME_NODATA:
        fact->kind = MR_FACT_NAME_NODATA;
        return true;
    case MR_DNS_OUTCOME_NXDOMAIN:
        rcode_fact(fact, MR_DNS_NXDOMAIN);
        return true;
    case MR_DNS_OUTCOME_SERVFAIL:
        rcode_fact(fact, MR_DNS_SERVFAIL);
        return true;
    case MR_DNS_OUTCOME_REFUSED:
        rcode_fact(fact, MR_DNS_REFUSED);
        return true;
    case MR_DNS_OUTCOME_RCODE:
        rcode_fact(fact, answer->message ? answer->message->rcode : MR_DNS_SERVFAIL);
        return true;
    case MR_DNS_OUTCOME_LAME:
        fact->kind = MR_FACT_NAME_LAME;
        return true;
    case MR_DNS_OUTCOME_MALFORMED:
        if (cut_short)
            break;
        fact->kind = MR_FACT_NAME_MALFORMED;
        return true;
    case MR_DNS_OUTCOME_TIMEOUT:
    case MR_DNS_OUTCOME_UNREACHABLE:
        break;
    case MR_DNS_OUTCOME_NAME:
        *fact = (mr_fact){.kind = MR_FACT_NAME_INVALID, .check = fact->check,
                          .name = fact->name};
        return true;
    case MR_DNS_OUTCOME_NO_SERVER:
        *fact = (mr_fact){.kind = MR_FACT_NAME_NO_SERVER, .check = fact->check};
        return true;
    }
    if (cut_short) { /* half an answer over UDP, none over TCP (RFC 7766 5) */
        *fact = (mr_fact){.kind = MR_FACT_NAME_TRUNCATED, .check = fact->check,
                          .name = fact->name, .server = fact->server};
    } else if (answer->outcome == MR_DNS_OUTCOME_TIMEOUT) {
        fact->kind = MR_FACT_NAME_TIMEOUT;
        fact->tries = answer->sent;
    } else {
        unreachable_fact(answer, default_server, fact);
    }
    return true;
}
