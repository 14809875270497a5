/* What two captures show of a connection, as facts of its client and server beside those that the
 * first capture tells by itself. */
#include <msrpc/facts_pair.h>

#include "trace_private.h"

int mr_trace_add_pair(mr_trace *trace, const mr_pair_seen *seen) {
    const mr_pair_tuple *at = &seen->at[seen->at[0].family ? 0 : 1];
    const mr_ip client = {at->client, at->family}, server = {at->server, at->family};
    mr_pair_texts texts;
    mr_fact fact = mr_facts_of_pair(seen, &texts);
    int place = seen->packet[0] ? 0 : 1;
    mr_seen where = {.file = (uint16_t)place, .packet = seen->packet[place], .time = seen->time};

    if (fact.kind == MR_FACT_NONE)
        return 0;
    trace_relation *relation = trace_relation_get(trace, &client, &server, NULL);
    trace_add(trace, relation, &where, 0, fact.kind != MR_FACT_TCP_ALTERED, &fact);
    return 0;
}
