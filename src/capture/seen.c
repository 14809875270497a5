/*
 * Batches of observations: an array that grows and an arena for what it points to.
 */
#include <stdlib.h>

#include <msrpc/capture/seen.h>

#define FIRST_ROOM 64

void mr_seen_init(mr_seen_batch *batch, size_t cap) {
    *batch = (mr_seen_batch){.seen = NULL};
    mr_arena_init(&batch->arena, cap);
}

void mr_seen_deinit(mr_seen_batch *batch) {
    mr_arena_deinit(&batch->arena);
    free(batch->seen);
    *batch = (mr_seen_batch){.seen = NULL};
}

void mr_seen_reset(mr_seen_batch *batch) {
    mr_arena_reset(&batch->arena);
    batch->count = 0;
}

int mr_seen_add(mr_seen_batch *batch, const mr_seen *seen) {
    if (batch->count == batch->room) {
        size_t room = batch->room != 0 ? batch->room * 2 : FIRST_ROOM;
        mr_seen *grown = reallocarray(batch->seen, room, sizeof(*grown));

        if (grown == NULL)
            return MR_ERR_MEMORY;
        batch->seen = grown;
        batch->room = room;
    }
    batch->seen[batch->count++] = *seen;
    return 0;
}

const char *mr_seen_kind_name(enum mr_seen_kind kind) {
    switch (kind) {
    case MR_SEEN_QUESTION: return "question";
    case MR_SEEN_ANSWER: return "answer";
    case MR_SEEN_BEGIN: return "begin";
    case MR_SEEN_END: return "end";
    case MR_SEEN_ICMP: return "icmp";
    case MR_SEEN_ARP: return "arp";
    case MR_SEEN_IKE: return "ike";
    case MR_SEEN_ESP: return "esp";
    case MR_SEEN_FRAGMENTS: return "fragments";
    case MR_SEEN_MAP: return "map";
    case MR_SEEN_BIND: return "bind";
    case MR_SEEN_BOUND: return "bound";
    case MR_SEEN_NAK: return "nak";
    case MR_SEEN_AUTH3: return "auth3";
    case MR_SEEN_FAULT: return "fault";
    case MR_SEEN_OXID: return "oxid";
    case MR_SEEN_RETURNED: return "returned";
    case MR_SEEN_UNANSWERED: return "unanswered";
    case MR_SEEN_SLOW: return "slow";
    case MR_SEEN_CANCEL: return "cancel";
    case MR_SEEN_SHUTDOWN: return "shutdown";
    case MR_SEEN_FOREIGN: return "foreign";
    case MR_SEEN_DAMAGE: return "damage";
    case MR_SEEN_NTLM: return "ntlm";
    case MR_SEEN_KERBEROS: return "kerberos";
    case MR_SEEN_SPNEGO: return "spnego";
    case MR_SEEN_SMB: return "smb";
    case MR_SEEN_HTTP: return "http";
    case MR_SEEN_RTS: return "rts";
    case MR_SEEN_TLS: return "tls";
    case MR_SEEN_CLOSED: return "closed";
    case MR_SEEN_GAP: return "gap";
    case MR_SEEN_STUB: return "stub";
    case MR_SEEN_KEY: return "key";
    }
    return "";
}
