/*
 * The endpoint mapper watched (C706 appendix O): which interface was asked for, and which endpoints
 * the answer names. Both transfer syntaxes, answers without their question too.
 */
#include "tap_rpc.h"

#include <msrpc/ifaces/epmapper.h>

#define OP_LOOKUP 2
#define OP_MAP 3
#define ALL_ELEMENTS 0 /* rpc_c_ep_all_elts, C706 appendix O */
#define ENDPOINTS_MAX 600

bool mr_epm_is(const rpc_context *context) {
    return context->iface == &mr_epmapper_iface;
}

static mr_ndr_format format_of(const rpc_context *context, bool big) {
    return (mr_ndr_format){.syntax = context->ndr64 ? MR_NDR64 : MR_NDR20, .big = big};
}

static bool read_tower(const mr_epmapper_twr_t *twr, mr_tower *towerp) {
    return twr && mr_tower_decode(mr_slice_of(twr->tower_octet_string, twr->tower_length),
                                  towerp, NULL) == 0;
}

/* Whether ept_lookup asks for every element there is. */
static bool is_of_all(rpc_tap *t, const rpc_context *context, mr_slice stub, bool big) {
    struct mr_epmapper_ept_lookup args = {.inquiry_type = 0};

    mr_arena_reset(&t->tap.ctx->scratch);
    return mr_ndr_decode(&mr_epmapper_iface.procs[OP_LOOKUP], MR_NDR_REQUEST,
                         format_of(context, big), stub, NULL, &t->tap.ctx->scratch, &args, NULL,
                         NULL) >= 0 && args.inquiry_type == ALL_ELEMENTS;
}

void mr_epm_question(rpc_tap *t, rpc_call *call, const rpc_context *context, mr_slice stub,
                     bool big) {
    struct mr_epmapper_ept_map args = {.object = NULL};
    mr_tower tower;

    if (call->opnum == OP_LOOKUP)
        call->asked = is_of_all(t, context, stub, big);
    if (call->opnum != OP_MAP)
        return;
    mr_arena_reset(&t->tap.ctx->scratch);
    if (mr_ndr_decode(&mr_epmapper_iface.procs[OP_MAP], MR_NDR_REQUEST, format_of(context, big),
                      stub, NULL, &t->tap.ctx->scratch, &args, NULL, NULL) < 0 ||
        !read_tower(args.map_tower, &tower))
        return;
    call->asked = true;
    call->asked_interface = tower.interface.uuid;
    call->asked_version = tower.interface.major;
}

/* Slashes before a pipe's name and a leading "pipe" say nothing. */
static mr_slice bare_pipe(mr_slice name) {
    static const char prefix[] = "\\pipe\\";
    mr_slice head = mr_slice_sub(name, 0, sizeof prefix - 1);

    if (mr_slice_eq_nocase(head, MR_SLICE_LIT("\\pipe\\")) ||
        mr_slice_eq_nocase(head, MR_SLICE_LIT("/pipe/")))
        return mr_slice_sub(name, head.len, name.len);
    return name;
}

static void read_endpoint(mr_tap_ctx *ctx, const mr_tower *tower, mr_seen_endpoint *e) {
    *e = (mr_seen_endpoint){
        .interface = tower->interface.uuid,
        .version = tower->interface.major,
        .protseq = tower->protseq,
        .port = tower->has_port ? tower->port : 0,
    };
    if (!tower->has_port)
        e->pipe = mr_tap_text(ctx, bare_pipe(tower->endpoint));
    if (tower->host_kind == MR_TOWER_HOST_IPV4 && tower->host.len == 4)
        e->address.family = 4;
    else if (tower->host_kind == MR_TOWER_HOST_IPV6 && tower->host.len == 16)
        e->address.family = 6;
    if (e->address.family != 0)
        memcpy(e->address.host.octets, tower->host.data, tower->host.len);
    static const mr_host nowhere;
    if (memcmp(&e->address.host, &nowhere, sizeof nowhere) == 0)
        e->address.family = 0;
}

/* The towers of an answer; NULL ends them before @count. */
typedef struct answer {
    uint32_t status;
    uint32_t count;
    const mr_epmapper_ept_entry_t *entries;
    mr_epmapper_twr_t *const *towers;
} answer;

static bool decode(rpc_tap *t, const rpc_context *context, bool big, uint16_t opnum,
                   mr_slice stub, answer *a) {
    static const mr_ndr_limits limits = {.no_request = true};
    struct mr_epmapper_ept_lookup lookup = {.inquiry_type = 0};
    struct mr_epmapper_ept_map map = {.object = NULL};
    void *args = opnum == OP_LOOKUP ? (void *)&lookup : &map;

    mr_arena_reset(&t->tap.ctx->scratch);
    if (mr_ndr_decode(&mr_epmapper_iface.procs[opnum], MR_NDR_RESPONSE, format_of(context, big),
                      stub, &limits, &t->tap.ctx->scratch, args, NULL, NULL) < 0)
        return false;
    *a = opnum == OP_LOOKUP
             ? (answer){lookup.status, lookup.num_ents, lookup.entries, NULL}
             : (answer){map.status, map.num_towers, NULL, map.towers};
    return true;
}

/* Fills @list, of @room, with the towers that can be read. */
static uint32_t read_endpoints(mr_tap_ctx *ctx, const answer *a, mr_seen_endpoint *list,
                               uint32_t room) {
    uint32_t count = 0;

    for (uint32_t i = 0; i < a->count && count < room; i++) {
        const mr_epmapper_twr_t *twr = a->entries ? a->entries[i].tower
                                       : a->towers ? a->towers[i] : NULL;
        mr_tower tower;
        if (read_tower(twr, &tower))
            read_endpoint(ctx, &tower, &list[count++]);
    }
    return count;
}

int mr_epm_answer(rpc_tap *t, const rpc_call *call, const mr_event *event,
                  const rpc_context *context, uint16_t opnum, mr_slice stub,
                  const mr_flow_at *at) {
    mr_tap_ctx *ctx = t->tap.ctx;
    mr_seen_endpoint *list = NULL;
    uint32_t count = 0;
    answer a;

    if (opnum != OP_LOOKUP && opnum != OP_MAP)
        return 0;
    if (!decode(t, context, event->big, opnum, stub, &a))
        return mr_rpc_tell_unread(t, at);
    uint32_t room = a.count < ENDPOINTS_MAX ? a.count : ENDPOINTS_MAX;
    if (room > 0) {
        list = mr_tap_alloc(ctx, room, sizeof *list);
        if (!list)
            return MR_ERR_MEMORY;
        count = read_endpoints(ctx, &a, list, room);
    }
    mr_seen *seen = mr_tap_add(&t->tap, MR_SEEN_MAP, MR_DIR_TO_CLIENT, at->packet, at->time);
    if (!seen)
        return MR_ERR_MEMORY;
    seen->u.map = (mr_seen_map){
        .lookup = opnum == OP_LOOKUP,
        .request_known = call && (call->asked || opnum == OP_LOOKUP),
        .all = call && call->asked && opnum == OP_LOOKUP,
        .asked = call ? call->asked_interface : MR_UUID_NIL,
        .asked_version = call ? call->asked_version : 0,
        .status = a.status,
        .endpoints = list,
        .count = count,
    };
    return 0;
}
