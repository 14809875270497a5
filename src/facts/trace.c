/*
 * A trace: each observation goes to the file that understands it. Connections are told at their
 * end; what is given out afterwards was made by the judgement.
 */
#include "trace_private.h"

#include <stdlib.h>

#define TRACE_MEMORY ((size_t)96 << 20)

int mr_trace_new(const mr_trace_config *config, mr_trace **tracep) {
    mr_trace *trace = calloc(1, sizeof *trace);
    if (!trace)
        return MR_ERR_MEMORY;
    if (config)
        trace->config = *config;
    mr_trace_config *c = &trace->config;
    c->talks = c->talks ? c->talks : 4096;
    c->sums = c->sums ? c->sums : 4096;
    c->relations = c->relations ? c->relations : 16384;
    c->names = c->names ? c->names : 16384;
    mr_arena_init(&trace->arena, TRACE_MEMORY);
    trace->relations_end = &trace->relations;
    trace->names_end = &trace->names;
    trace->kept_end = &trace->kept_list;
    trace->tickets_end = &trace->tickets;
    trace->verdict_index = SIZE_MAX;
    *tracep = trace;
    return 0;
}

void mr_trace_add_file(mr_trace *trace, uint16_t file, mr_nsec first) {
    if (file < TRACE_FILES)
        trace->file_begin[file] = first;
}

void mr_trace_free(mr_trace *trace) {
    if (!trace)
        return;
    trace_judge_deinit(trace);
    trace_tables_deinit(trace);
    free(trace);
}

static void note_time(mr_trace *trace, mr_nsec time) {
    if (!time)
        return;
    if (!trace->totals.first || time < trace->totals.first)
        trace->totals.first = time;
    if (time > trace->totals.last)
        trace->totals.last = time;
}

int mr_trace_add(mr_trace *trace, const mr_seen *seen) {
    note_time(trace, seen->time);
    switch (seen->kind) {
    case MR_SEEN_QUESTION:
    case MR_SEEN_ANSWER:
        trace_take_name(trace, seen);
        break;
    case MR_SEEN_BEGIN:
        trace_take_begin(trace, seen);
        break;
    case MR_SEEN_CLOSED:
        trace_take_closed(trace, seen);
        break;
    case MR_SEEN_END:
        return trace_take_end(trace, seen);
    case MR_SEEN_ICMP:
        trace_take_icmp(trace, seen);
        break;
    case MR_SEEN_FRAGMENTS:
        trace_take_fragments(trace, seen);
        break;
    case MR_SEEN_MAP:
    case MR_SEEN_OXID:
    case MR_SEEN_BIND:
    case MR_SEEN_BOUND:
    case MR_SEEN_NAK:
    case MR_SEEN_AUTH3:
    case MR_SEEN_FAULT:
    case MR_SEEN_RETURNED:
    case MR_SEEN_UNANSWERED:
    case MR_SEEN_SLOW:
    case MR_SEEN_CANCEL:
    case MR_SEEN_SHUTDOWN:
    case MR_SEEN_FOREIGN:
    case MR_SEEN_DAMAGE:
        trace_take_rpc(trace, seen);
        break;
    case MR_SEEN_NTLM:
        trace_take_ntlm(trace, seen);
        break;
    case MR_SEEN_KERBEROS:
        trace_take_kerberos(trace, seen);
        break;
    case MR_SEEN_SPNEGO:
        trace_take_spnego(trace, seen);
        break;
    case MR_SEEN_SMB:
        trace_take_smb(trace, seen);
        break;
    case MR_SEEN_HTTP:
        trace_take_http(trace, seen);
        break;
    case MR_SEEN_RTS:
        trace_take_rts(trace, seen);
        break;
    case MR_SEEN_TLS:
        trace_take_tls(trace, seen);
        break;
    case MR_SEEN_ARP:
        trace_take_arp(trace, seen);
        break;
    case MR_SEEN_IKE:
    case MR_SEEN_ESP:
        trace_take_ipsec(trace, seen);
        break;
    case MR_SEEN_GAP:
    case MR_SEEN_STUB:
    case MR_SEEN_KEY: break;
    }
    return 0;
}

int mr_trace_end(mr_trace *trace, mr_nsec first, mr_nsec last) {
    if (first)
        trace->totals.first = first;
    if (last > trace->totals.last)
        trace->totals.last = last;
    trace->totals.one_way = trace->one_way && !trace->other_way;
    trace_flows_end(trace);
    trace_rpc_end(trace);
    trace_arp_end(trace);
    trace_ipsec_end(trace);
    trace_hosts_end(trace);
    trace_names_end(trace);
    trace_claims_end(trace);
    trace_lookups_end(trace);
    trace_addresses_end(trace);
    trace_kerberos_end(trace);
    trace_web_end(trace);
    trace->ended = true;
    return trace_judge(trace);
}

const mr_trace_totals *mr_trace_get_totals(const mr_trace *trace) {
    return &trace->totals;
}

size_t mr_trace_talk_count(const mr_trace *trace) {
    return trace->talk_count;
}

const mr_trace_talk *mr_trace_get_talk(const mr_trace *trace, size_t i) {
    return i < trace->talk_count ? trace->talks[i] : NULL;
}

const mr_trace_talk *mr_trace_find_talk(const mr_trace *trace, uint32_t id) {
    const trace_kept *kept = trace_kept_find(trace, id);
    return kept ? &kept->talk : NULL;
}

size_t mr_trace_event_count(const mr_trace *trace, uint32_t id) {
    const trace_kept *kept = trace_kept_find(trace, id);
    return kept ? kept->event_count : 0;
}

const mr_trace_event *mr_trace_get_event(const mr_trace *trace, uint32_t id, size_t i) {
    const trace_kept *kept = trace_kept_find(trace, id);
    const trace_event *event = kept ? kept->events : NULL;
    if (!kept || i >= kept->event_count)
        return NULL;
    while (event && i--)
        event = event->next;
    return event ? &event->told : NULL;
}

size_t mr_trace_finding_count(const mr_trace *trace) {
    return trace->finding_count;
}

const mr_trace_finding *mr_trace_get_finding(const mr_trace *trace, size_t i) {
    return i < trace->finding_count ? &trace->findings[i] : NULL;
}

enum mr_status mr_trace_get_phase(const mr_trace *trace, enum mr_phase phase) {
    return (unsigned)phase <= MR_PHASE_COUNT ? trace->phases[phase] : MR_STATUS_UNKNOWN;
}

const mr_verdict *mr_trace_get_verdict(const mr_trace *trace) {
    return &trace->verdict;
}

size_t mr_trace_verdict_index(const mr_trace *trace) {
    return trace->verdict_index;
}
