/*
 * The hosts of a capture: whether it holds what they send and what is sent to them (a capture that
 * sees one direction only proves nothing about the other), and with which TTL their packets come,
 * which tells the capture that is nearer to them.
 */
#include "pair_private.h"

#include <stdlib.h>

static uint32_t hash_host(const pair_view *view, uint8_t family, const mr_host *host) {
    uint64_t word[2];

    memcpy(word, host->octets, sizeof word);
    uint64_t h = (word[0] ^ view->key[0]) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 29 ^ word[1] ^ view->key[1] ^ family) * 0xbf58476d1ce4e5b9u;
    return (uint32_t)(h >> 32);
}

static pair_host *find(pair_host *hosts, uint32_t mask, uint32_t hash, uint8_t family,
                       const mr_host *host) {
    uint32_t i = hash & mask;

    while (hosts[i].family != 0 &&
           (hosts[i].family != family || memcmp(&hosts[i].host, host, sizeof *host) != 0))
        i = (i + 1) & mask;
    return &hosts[i];
}

pair_host *mr_pair_host_find(const pair_view *view, uint8_t family, const mr_host *host) {
    pair_host *found = find(view->hosts, view->host_mask, hash_host(view, family, host), family,
                            host);

    return found->family != 0 ? found : NULL;
}

static int grow(pair_view *view) {
    uint32_t mask = view->host_mask * 2 + 1;
    pair_host *hosts = calloc((size_t)mask + 1, sizeof *hosts);

    if (hosts == NULL)
        return MR_ERR_MEMORY;
    for (uint32_t i = 0; i <= view->host_mask; i++) {
        const pair_host *old = &view->hosts[i];
        if (old->family != 0)
            *find(hosts, mask, hash_host(view, old->family, &old->host), old->family,
                  &old->host) = *old;
    }
    free(view->hosts);
    view->hosts = hosts;
    view->host_mask = mask;
    return 0;
}

/* The entry of a host, made when it is new; NULL in *hostp past the cap. */
static int get(pair_view *view, uint8_t family, const mr_host *host, pair_host **hostp) {
    if (view->host_count > view->host_mask / 2 && view->host_count < PAIR_HOSTS &&
        grow(view) != 0)
        return MR_ERR_MEMORY;
    pair_host *found = find(view->hosts, view->host_mask, hash_host(view, family, host), family,
                            host);
    if (found->family == 0) {
        if (view->host_count >= PAIR_HOSTS) {
            *hostp = NULL;
            return 0;
        }
        view->host_count++;
        found->family = family;
        found->host = *host;
    }
    *hostp = found;
    return 0;
}

static bool is_single(const mr_segment *seg) {
    const uint8_t *to = seg->dst.octets;

    return seg->family == 6 ? to[0] != 0xff : to[0] < 224;
}

int mr_pair_host_add(pair_view *view, const mr_segment *seg) {
    bool arp = seg->kind == MR_SEGMENT_ARP;
    pair_host *host;
    int r = get(view, seg->family, &seg->src, &host);

    if (r != 0)
        return r;
    if (host != NULL && arp) {
        host->arp = true;
    } else if (host != NULL) {
        host->from += is_single(seg);
        if (host->ttl == 0 &&
            !(seg->kind == MR_SEGMENT_TCP && (seg->tcp.flags & MR_TCP_RST)))
            host->ttl = seg->ttl;
    }
    if (arp)
        return 0;
    view->single += is_single(seg);
    r = get(view, seg->family, &seg->dst, &host);
    if (r == 0 && host != NULL)
        host->to += is_single(seg);
    return r;
}

int mr_pair_host_side(const pair_state *state, uint8_t family, const mr_host *host) {
    const pair_host *a = mr_pair_host_find(&state->view[0], family, host);
    const pair_host *b = mr_pair_host_find(&state->view[1], family, host);

    if (a == NULL || b == NULL || a->ttl == 0 || b->ttl == 0 || a->ttl == b->ttl)
        return -1;
    return a->ttl > b->ttl ? 0 : 1;
}

void mr_pair_host_both(pair_state *state, uint8_t family, const mr_host *host) {
    for (int i = 0; i < 2; i++) {
        pair_host *found = mr_pair_host_find(&state->view[i], family, host);
        if (found != NULL)
            found->both = true;
    }
}

static bool is_constant(const pair_view *view, const pair_host *host) {
    return host->family != 0 && (uint64_t)host->from + host->to >= view->single;
}

void mr_pair_host_end(pair_view *view) {
    view->constant = 0;
    for (uint32_t i = 0; i <= view->host_mask; i++)
        view->constant += is_constant(view, &view->hosts[i]);
}

bool mr_pair_host_on_path(const pair_state *state, int at, uint8_t family, const mr_host *host) {
    const pair_view *view = &state->view[at];
    const pair_host *found = mr_pair_host_find(view, family, host);

    if (found == NULL || found->to == 0)
        return false;
    return found->both || (found->from != 0 && view->constant == 1 && is_constant(view, found));
}
