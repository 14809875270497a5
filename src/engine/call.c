/* The calls of an association: a list in order of arrival, searched from its beginning. There are
 * few at a time (max_calls); ended ones are kept as spares, so that a warm association allocates
 * nothing per call. Taps may share these. */
#include "state.h"

#include <stdlib.h>

mr_call *mr_call_find(const mr_assoc_state *s, uint32_t id) {
    for (mr_call *call = s->calls; call; call = call->next)
        if (call->info.id == id)
            return call;
    return NULL;
}

bool mr_call_full(const mr_assoc_state *s) {
    return s->call_count >= s->config.max_calls;
}

static mr_call **spare_of(mr_assoc_state *s) {
    return s->config.spare ? s->config.spare : &s->spare;
}

static mr_call *get_spare(mr_assoc_state *s) {
    mr_call **list = spare_of(s), *call = *list;

    if (call) {
        *list = call->next;
        *call = (mr_call){0};
        return call;
    }
    return s->config.spare ? calloc(1, sizeof *call) : MR_ARENA_NEW(s->arena, mr_call);
}

mr_call *mr_call_add(mr_assoc_state *s, uint32_t id) {
    mr_call **end = &s->calls;

    if (mr_call_full(s)) {
        if (!mr_state_is_tap(s))
            return NULL;
        mr_call_end(s, s->calls);
    }
    mr_call *call = get_spare(s);
    if (!call)
        return NULL;
    call->info.id = id;
    while (*end)
        end = &(*end)->next;
    *end = call;
    s->call_count++;
    return call;
}

void mr_call_end(mr_assoc_state *s, mr_call *call) {
    mr_call **at = &s->calls;

    mr_call_unqueue(s, call);
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    s->held -= call->held;
    s->call_count--;
    mr_call **spare = spare_of(s);
    call->next = *spare;
    *spare = call;
    if (s->call_count == 0)
        mr_state_clear_deadline(s, MR_DEADLINE_CALL);
}

void mr_assoc_free_spare(mr_call **spare) {
    while (*spare) {
        mr_call *call = *spare;
        *spare = call->next;
        free(call);
    }
}

void mr_call_queue(mr_assoc_state *s, mr_call *call) {
    if (call->queued)
        return;
    call->queued = true;
    call->out_next = NULL;
    if (s->side->out_last)
        s->side->out_last->out_next = call;
    else
        s->side->out_first = call;
    s->side->out_last = call;
}

void mr_call_unqueue(mr_assoc_state *s, mr_call *call) {
    mr_call *before = NULL;

    if (!call->queued)
        return;
    for (mr_call *c = s->side->out_first; c != call; c = c->out_next)
        before = c;
    if (before)
        before->out_next = call->out_next;
    else
        s->side->out_first = call->out_next;
    if (s->side->out_last == call)
        s->side->out_last = before;
    call->queued = false;
    call->out_next = NULL;
}
