/* Two captures as facts: where something died between them, and what was changed. */
#include <msrpc/facts_pair.h>

#include <arpa/inet.h>
#include <stdio.h>

#define MAPPER 135
#define FIRST_DYNAMIC 1024

const char *mr_pair_change_text(const mr_pair_seen *seen, char out[MR_PAIR_TEXT]) {
    int from = seen->back ? !seen->near : seen->near, to = !from;
    size_t at = 0;

    out[0] = '\0';
    if (seen->changed & MR_PAIR_MSS)
        at += (size_t)snprintf(out, MR_PAIR_TEXT,
                               "the MSS, from %u to %u%s", seen->mss[from], seen->mss[to],
                               seen->mss[to] ? "" : " (taken out)");
    static const struct {
        enum mr_pair_change change;
        const char *text;
    } others[] = {
        {MR_PAIR_WSCALE, "the window scale"},
        {MR_PAIR_SACK, "SACK"},
        {MR_PAIR_STAMPS, "time stamps"},
        {MR_PAIR_ISN, "sequence numbers"},
        {MR_PAIR_PAYLOAD, "octets of the data"},
    };
    for (size_t i = 0; i < MR_COUNT(others); i++)
        if (seen->changed & others[i].change)
            at += (size_t)snprintf(out + at, MR_PAIR_TEXT - at, "%s%s", at ? ", " : "",
                                   others[i].text);
    return out;
}

static enum mr_fact_kind kind_of(const mr_pair_seen *seen) {
    switch (seen->kind) {
    case MR_PAIR_SYN_LOST:
    case MR_PAIR_ACK_LOST:
        return MR_FACT_TCP_LOST_THERE;
    case MR_PAIR_SYN_ACK_LOST:
        return MR_FACT_TCP_LOST_BACK;
    case MR_PAIR_DATA_LOST:
        return seen->back ? MR_FACT_TCP_LOST_BACK : MR_FACT_TCP_LOST_THERE;
    case MR_PAIR_SYN_UNANSWERED:
        return seen->at_host ? MR_FACT_TCP_UNANSWERED : MR_FACT_NONE;
    case MR_PAIR_UNANSWERED: /* taken in and not answered is said of the service, not of TCP */
        return seen->at_host && !seen->acked ? MR_FACT_TCP_UNANSWERED : MR_FACT_NONE;
    case MR_PAIR_RESET_FORGED:
        return MR_FACT_TCP_FORGED;
    case MR_PAIR_CHANGED:
        return MR_FACT_TCP_ALTERED;
    case MR_PAIR_QUERY_LOST:
        return MR_FACT_UDP_LOST_THERE;
    case MR_PAIR_ANSWER_LOST:
        return MR_FACT_UDP_LOST_BACK;
    case MR_PAIR_QUERY_UNANSWERED:
        return seen->at_host ? MR_FACT_UDP_UNANSWERED : MR_FACT_NONE;
    case MR_PAIR_LOSS: /* one capture shows what was sent again */
        return MR_FACT_NONE;
    }
    return MR_FACT_NONE;
}

mr_fact mr_facts_of_pair(const mr_pair_seen *seen, mr_pair_texts *texts) {
    const mr_pair_tuple *at = &seen->at[seen->at[0].family ? 0 : 1];
    mr_fact fact = {.kind = seen->certain ? kind_of(seen) : MR_FACT_NONE};
    int sender = seen->back ? !seen->near : seen->near;
    int place = seen->packet[sender] != 0 ? sender : !sender;

    if (fact.kind == MR_FACT_NONE)
        return fact;
    if (seen->packet[0] != 0)
        place = 0;
    inet_ntop(at->family == 4 ? AF_INET : AF_INET6, at->server.octets, texts->address,
              sizeof texts->address);
    snprintf(texts->check, sizeof texts->check, "%s%llu", place ? "2#" : "#",
             (unsigned long long)seen->packet[place]);
    fact.at = seen->time;
    fact.check = texts->check;
    fact.address = texts->address;
    fact.port = at->server_port;
    if (seen->proto == MR_IP_TCP && at->server_port == MAPPER)
        fact.role = MR_ROLE_MAPPER;
    else if (seen->proto == MR_IP_TCP && at->server_port >= FIRST_DYNAMIC)
        fact.role = MR_ROLE_ENDPOINT;
    if (seen->kind == MR_PAIR_CHANGED) {
        fact.other = mr_pair_change_text(seen, texts->other);
    } else if (seen->kind == MR_PAIR_RESET_FORGED) {
        fact.proof = seen->both ? MR_PROOF_BOTH : MR_PROOF_SECOND;
    } else {
        fact.tries = seen->count[sender] ? seen->count[sender] : 1;
        fact.bytes = (uint32_t)(seen->octets < UINT32_MAX ? seen->octets : UINT32_MAX);
    }
    return fact;
}

int mr_facts_add_pairs(mr_diag *diag, const mr_pair *pair) {
    int r = 0;

    for (size_t i = 0; i < pair->count && r == 0; i++) {
        mr_pair_texts texts;
        mr_fact fact = mr_facts_of_pair(&pair->seen[i], &texts);
        if (fact.kind != MR_FACT_NONE)
            r = mr_diag_add_fact(diag, &fact);
    }
    return r;
}
