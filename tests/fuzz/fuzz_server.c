/*
 * The server's runtime under any number of clients: their octets, the time that passes between
 * them, workers that are slow, answers that come late, limits that change. The floor below is
 * fake_io.c, so a run has no system in it and repeats. server_script.h says what an input is.
 *
 * Checked: what the server sends is whole PDUs of a server's; calls with one context handle run one
 * after the other, and only concurrent ones together; an object is run down once, and not under a
 * call; when everybody is gone, no connection, call, group or octet is counted any more.
 */
#include "fake_io.h"
#include "server_script.h"

#include <msrpc/ifaces/epmapper_server.h>
#include <msrpc/ifaces/rpcecho.h>
#include <msrpc/ifaces/mgmt.h>
#include <msrpc/serve.h>

#include <stdio.h>
#include <stdlib.h>

#define THINGS_MAX 2048
#define WAITING_MAX 64
#define IFACES 6
#define HANDLES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a context handle of ours stands for. */
struct thing {
    unsigned users; /* calls that run, or wait, with it */
    bool alone;     /* the one user shares it with nobody */
    bool dead;
};

struct waiting {
    mr_server_call *call; /* NULL: answered */
    struct thing *thing;
    bool ends_when_gone;
};

struct client {
    fake_pipe *pipe;
    uint32_t group;
    size_t read; /* octets of pipe->out */
};

struct run {
    mr_loop loop;
    struct mr_loop_state state;
    mr_server *server;
    mr_server_endpoint *endpoints[2];
    mr_mapper_db db;
    struct client clients[FAKE_PIPES];
    unsigned client_count;
    uint8_t handles[HANDLES][20]; /* that were seen in answers */
    unsigned handle_count;
    struct waiting waiting[WAITING_MAX];
    unsigned waiting_count;
    struct thing things[THINGS_MAX];
    unsigned thing_count;
    size_t cut, spoil_at;
    uint8_t spoil_by;
    unsigned sum; /* of what is told, so that it is read */
};

static struct run *run; /* the one under way: bodies that are told of nothing else need it */

static void check(bool ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

/* ---- bodies ---- */

static void run_down(void *object) {
    struct thing *thing = object;

    check(!thing->dead, "an object is run down twice");
    check(thing->users == 0, "an object is run down under a call");
    thing->dead = true;
}

static const mr_server_handle_type our_type = {"thing", run_down};
static const mr_server_handle_type other_type = {"other", NULL};

static void answer(struct waiting *w, unsigned how) {
    mr_server_call *call = w->call;

    if (!call)
        return;
    w->call = NULL;
    if (w->thing) {
        w->thing->users--;
        w->thing->alone = false;
    }
    if (how & SCRIPT_ELSEWHERE)
        run->state.thread = 77;
    if (how & SCRIPT_FAULT)
        mr_server_fault(call, 0x1234);
    else
        mr_server_reply(call);
    run->state.thread = 1;
}

static void on_gone(void *user, mr_server_call *call) {
    struct waiting *w = user;

    check(w->call == call, "a call is gone that was answered");
    check(mr_server_is_cancelled(call), "a call is gone and not cancelled");
    if (w->ends_when_gone)
        answer(w, SCRIPT_FAULT);
}

static int wait_for_answer(mr_server_call *call, struct thing *thing, bool ends_when_gone) {
    if (run->waiting_count == WAITING_MAX)
        return MR_ERR_LIMIT;
    struct waiting *w = &run->waiting[run->waiting_count++];
    *w = (struct waiting){call, thing, ends_when_gone};
    if (thing) {
        thing->users++;
        thing->alone = !call->served->concurrent;
    }
    mr_server_set_gone(call, on_gone, w);
    return MR_SERVER_LATER;
}

static int open_thing(mr_server_call *call, mr_ndr_context *handlep) {
    if (run->thing_count == THINGS_MAX)
        return MR_ERR_LIMIT;
    struct thing *thing = &run->things[run->thing_count];
    int r = mr_server_add_handle(call, &our_type, thing, handlep);
    if (r == 0)
        run->thing_count++;
    return r;
}

static void drop(struct thing *thing) {
    check(!thing || !thing->dead, "a handle led to an object that was gone");
    if (thing)
        thing->dead = true;
}

/* Whatever a body may do: @what says. */
static int act(mr_server_call *call, unsigned what, struct thing *thing, mr_ndr_context *handle) {
    uintptr_t thread = run->state.thread;

    switch (what % 12) {
    case 1:
        drop(mr_server_remove_handle(call, &our_type, handle));
        return 0;
    case 2:
        drop(mr_server_remove_oldest_handle(call, &our_type));
        return 0;
    case 3:
        thing = mr_server_find_object(call, &our_type);
        check(!thing || !thing->dead, "an object that was gone is found");
        return 0;
    case 4:
    case 5:
        return wait_for_answer(call, thing, what % 12 == 5);
    case 6:
        mr_server_reply(call);
        return MR_SERVER_LATER;
    case 7:
        mr_server_fault(call, 0x4321);
        return MR_SERVER_LATER;
    case 8:
        return mr_server_fault(call, MR_FAULT_UNSPEC);
    case 9:
        return MR_ERR_MEMORY;
    case 10: /* somebody else is quicker than the body returns */
        run->state.thread = 88;
        mr_server_reply(call);
        run->state.thread = thread;
        return MR_SERVER_LATER;
    case 11:
        return MR_ERR_NOT_FOUND;
    }
    return 0;
}

static int do_lookup(mr_server_call *call, struct mr_epmapper_ept_lookup *args) {
    struct thing *thing = NULL;

    if (mr_ndr_context_is_null(&args->entry_handle)) {
        int r = args->vers_option & 1 ? open_thing(call, &args->entry_handle) : 0;
        if (r)
            return r;
    } else {
        check(!mr_server_find_handle(call, &other_type, &args->entry_handle), "of another type");
        thing = mr_server_find_handle(call, &our_type, &args->entry_handle);
        if (!thing)
            return mr_server_fault(call, MR_FAULT_CONTEXT_MISMATCH);
        check(!thing->dead, "a handle leads to an object that is gone");
        check(!thing->alone, "a call runs with the handle of another");
        check(call->served->concurrent || !thing->users, "two calls run with one handle");
    }
    args->num_ents = args->max_ents;
    args->entries = mr_arena_get(call->arena, args->max_ents, sizeof *args->entries);
    for (uint32_t i = 0; args->entries && i < args->num_ents; i++)
        args->entries[i].annotation = (uint8_t *)"";
    return act(call, args->inquiry_type, thing, &args->entry_handle);
}

static int do_insert(mr_server_call *call, struct mr_epmapper_ept_insert *args) {
    for (uint32_t i = 0; i < args->num_ents; i++)
        run->sum += args->entries[i].tower ? args->entries[i].tower->tower_length : 0;
    return act(call, args->replace, NULL, &(mr_ndr_context){0});
}

static int do_inq_object(mr_server_call *call, struct mr_epmapper_ept_inq_object *args) {
    args->ept_object = call->object;
    return 0;
}

static const struct mr_epmapper_iface_server bodies = {
    .ept_lookup = do_lookup,
    .ept_insert = do_insert,
    .ept_inq_object = do_inq_object,
};

/* ---- the server ---- */

/* Interfaces by number: those of the floor serve, then ours, whose methods are the mapper's under
 * other names: in the loop, in workers, in workers without turns. */
static mr_iface ours[3];

static const mr_iface *iface_of(unsigned number) {
    const mr_iface *ifaces[IFACES] = {&mr_mgmt_iface, &mr_epmapper_iface, &mr_rpcecho_iface,
                                      &ours[0], &ours[1], &ours[2]};
    return ifaces[number % IFACES];
}

static void on_answered(void *user, const mr_server_record *record) {
    (void)user;
    run->sum += (unsigned)(record->in + record->out + record->opnum);
    check(!record->denied || record->status == MR_FAULT_ACCESS_DENIED, "denied is no fault");
}

static void on_noticed(void *user, enum mr_server_notice what, const mr_server_endpoint *endpoint,
                       const mr_addr *peer, const char *text) {
    (void)user;
    (void)what;
    (void)endpoint;
    run->sum += peer->port + (unsigned)strlen(text);
}

static void on_stop(void *user, mr_server *server) {
    (void)server;
    ((struct run *)user)->sum++;
}

static const mr_server_watcher watcher = {on_answered, on_noticed};

static void set_limits(mr_cursor *c, mr_server_options *o) {
    uint8_t first = mr_cursor_read_u8(c);

    *o = (mr_server_options){
        .max_connections = mr_cursor_read_u8(c),
        .max_per_client = mr_cursor_read_u8(c),
        .max_groups = mr_cursor_read_u8(c),
        .max_calls = mr_cursor_read_u8(c),
        .max_handles = mr_cursor_read_u8(c),
        .stub_cap = (size_t)mr_cursor_read_u8(c) * 64,
        .reply_cap = (size_t)mr_cursor_read_u8(c) * 256,
        .budget = (size_t)mr_cursor_read_u8(c) * 256,
        .group_budget = (size_t)mr_cursor_read_u8(c) * 256,
        .total = (size_t)mr_cursor_read_u8(c) * 256,
        .call_timeout = mr_cursor_read_u8(c) * MR_SEC,
        .idle_timeout = mr_cursor_read_u8(c) * MR_SEC,
        .frag = first & 8 ? (uint16_t)(MR_PDU_FRAG_MUST + 8 * mr_cursor_read_u8(c)) : 0,
        .restrict_remote = (enum mr_restrict)(first % 3),
        .watcher = &watcher,
        .stop = first & 4 ? on_stop : NULL,
        .stop_user = run,
    };
    o->quantum = 4096 + o->total;
}

static void fill(mr_mapper_db *db) {
    for (uint16_t i = 0; i < 12; i++) {
        const mr_mapper_db_entry entry = {
            .interface = iface_of(i)->syntax,
            .object = {.time_low = i % 3},
            .protseq = i % 4 ? MR_PROTSEQ_NCACN_IP_TCP : MR_PROTSEQ_NCALRPC,
            .port = i,
            .endpoint = i % 4 ? NULL : "local",
            .annotation = "an entry",
        };
        check(mr_mapper_db_add(db, &entry, NULL) == 0, "the registry takes nothing");
    }
}

static void open_endpoint(unsigned i) {
    static const mr_listen_options listen[2] = {
        {.local = {.family = MR_FAMILY_IPV4, .port = 135, .ip = {10, 0, 0, 1}}}, {.path = "/sock"}};
    mr_server_endpoint *e = NULL;
    int r = mr_server_add_endpoint(run->server, &listen[i], &e, NULL);

    run->endpoints[i] = e;
    r = r ? r : mr_serve_add_mgmt(e, NULL);
    r = r ? r : mr_serve_add_mapper(e, &run->db, NULL);
    r = r ? r : mr_serve_add_echo(e, &run->loop, NULL);
    for (unsigned k = 0; k < MR_COUNT(ours) && !r; k++) {
        const mr_server_iface served = {
            .iface = &ours[k], .rows = mr_epmapper_iface_rows,
            .row_count = MR_COUNT(mr_epmapper_iface_rows), .bodies = &bodies,
            .threaded = k > 0, .concurrent = k == 2};
        r = mr_server_add_iface(e, &served, NULL);
    }
    check(r == 0, "the server offers nothing");
}

static void open_server(uint8_t first) {
    const mr_server_options options = {.threads = first & 3, .watcher = &watcher};

    for (unsigned i = 0; i < MR_COUNT(ours); i++) {
        ours[i] = mr_epmapper_iface;
        ours[i].syntax.uuid.time_low = 1 + i;
    }
    fake_init(&run->loop, &run->state);
    check(mr_mapper_db_init(&run->db) == 0, "no registry");
    fill(&run->db);
    check(mr_server_new(&run->loop, &options, &run->server, NULL) == 0, "no server");
    open_endpoint(0);
    open_endpoint(1);
}

/* ---- what the server says ---- */

static void keep_handle(mr_slice stub) {
    mr_cursor c = mr_cursor_of(stub);
    uint32_t attributes = mr_cursor_read_u32(&c);
    mr_uuid uuid = mr_cursor_read_uuid(&c);

    if (mr_cursor_ok(&c) && !attributes && !mr_uuid_is_nil(&uuid))
        memcpy(run->handles[run->handle_count++ % HANDLES], stub.data, 20);
}

static void hear(struct client *client, mr_slice octets) {
    mr_pdu pdu;

    check(mr_pdu_decode(octets, &pdu, NULL) == 0, "the server sends what is no PDU");
    check(!pdu.odd, "the server sends an odd PDU");
    switch ((int)pdu.header.ptype) {
    case MR_PTYPE_BIND_ACK:
    case MR_PTYPE_ALTER_CONTEXT_RESP:
        check(pdu.u.bind_ack.assoc_group != 0, "no group");
        client->group = pdu.u.bind_ack.assoc_group;
        break;
    case MR_PTYPE_RESPONSE:
        if (pdu.header.flags & MR_PFC_FIRST_FRAG)
            keep_handle(pdu.u.response.stub);
        break;
    case MR_PTYPE_FAULT:
        check(pdu.u.fault.status != 0, "a fault without a status");
        break;
    case MR_PTYPE_BIND_NAK:
    case MR_PTYPE_SHUTDOWN:
        break;
    default:
        check(false, "the server sends what no server sends");
    }
}

static void hear_all(void) {
    for (unsigned i = 0; i < run->client_count; i++) {
        struct client *client = &run->clients[i];
        for (;;) {
            mr_slice rest = mr_slice_sub(mr_buf_slice(&client->pipe->out), client->read, SIZE_MAX);
            size_t length;
            int r = mr_pdu_frag_length(rest, &length, NULL);
            check(r >= 0, "the server sends what begins no PDU");
            if (r || length > rest.len)
                break;
            hear(client, mr_slice_sub(rest, 0, length));
            client->read += length;
        }
    }
}

static void turn(void) {
    fake_turn(&run->loop);
    hear_all();
}

/* ---- what clients do ---- */

static struct client *client_of(unsigned number) {
    return run->client_count ? &run->clients[number % run->client_count] : NULL;
}

static void connect_client(mr_cursor *c) {
    unsigned listener = mr_cursor_read_u8(c) % 2;
    uint8_t who = mr_cursor_read_u8(c);
    const mr_accepted from = {
        .peer = listener ? (mr_addr){.family = MR_FAMILY_UNIX}
                         : (mr_addr){.family = MR_FAMILY_IPV4, .port = 1024, .ip = {10, 1, who}},
        .cred = {.known = listener, .trusted = !(who & 1), .pid = 10 + (who & 6), .uid = who & 8},
    };
    fake_pipe *pipe = fake_connect(&run->loop, listener, &from);

    if (pipe)
        run->clients[run->client_count++] = (struct client){.pipe = pipe};
}

static void say(struct client *client, mr_slice octets) {
    size_t piece = run->cut ? run->cut : octets.len;

    while (octets.len) {
        fake_feed(client->pipe, mr_slice_sub(octets, 0, piece));
        octets = mr_slice_sub(octets, piece, SIZE_MAX);
        if (octets.len)
            turn();
    }
}

static void say_pdu(struct client *client, mr_buf *pdu) {
    if (mr_buf_error(pdu) != 0) /* it would be longer than a PDU can be */
        return;
    if (run->spoil_by && run->spoil_at < pdu->len)
        pdu->data[run->spoil_at] ^= run->spoil_by;
    run->spoil_by = 0;
    say(client, mr_buf_slice(pdu));
}

static void add_context(mr_cursor *c, mr_buf *pdu) {
    static const mr_syntax features = {{0x6cb71c2c, 0x9812, 0x4540, {3}}, 1, 0};
    static const mr_syntax unknown = {{0x12345678, 0, 0, {1}}, 1, 0};
    mr_syntax transfers[4];
    size_t count = 0;
    uint16_t id = mr_cursor_read_u8(c);
    mr_syntax abstract = iface_of(mr_cursor_read_u8(c))->syntax;
    uint8_t which = mr_cursor_read_u8(c);

    if (which & SCRIPT_NDR64_FIRST)
        transfers[count++] = mr_syntax_ndr64;
    if (which & SCRIPT_NDR20)
        transfers[count++] = mr_syntax_ndr20;
    if (which & SCRIPT_NDR64)
        transfers[count++] = mr_syntax_ndr64;
    if (which & SCRIPT_UNKNOWN)
        transfers[count++] = unknown;
    if (which & SCRIPT_FEATURES) {
        transfers[0] = features;
        count = 1;
    }
    mr_pdu_add_context(pdu, 0, id, &abstract, transfers, count);
}

static void say_bind(mr_cursor *c) {
    struct client *client = client_of(mr_cursor_read_u8(c));
    mr_pdu_header header = {.flags = mr_cursor_read_u8(c), .call_id = mr_cursor_read_u8(c)};
    uint8_t how = mr_cursor_read_u8(c);
    const struct client *other = client_of(mr_cursor_read_u8(c));
    mr_pdu_bind bind = {.max_xmit = mr_cursor_read_u16(c), .max_recv = mr_cursor_read_u16(c)};
    mr_buf pdu;

    if (!client)
        return;
    header.big = how & SCRIPT_BIG;
    if (how & SCRIPT_JOIN)
        bind.assoc_group = other->group;
    mr_buf_init(&pdu, NULL, 0, SIZE_MAX);
    if (how & SCRIPT_ALTER)
        mr_pdu_encode_alter_context(&pdu, &header, &bind);
    else
        mr_pdu_encode_bind(&pdu, &header, &bind);
    while (mr_cursor_left(c))
        add_context(c, &pdu);
    if (how & SCRIPT_TRAILER)
        mr_pdu_encode_auth(&pdu, 0, &(mr_pdu_auth){.type = 10, .level = 2,
                                                   .value = MR_SLICE_LIT("NTLMSSP")});
    say_pdu(client, &pdu);
    mr_buf_deinit(&pdu);
}

/* Changes four octets of a stub: the first ones by number, from 4 on those before its end, where
 * the numbers stand that our bodies go by. */
static void tweak(mr_buf *stub, uint8_t which, uint8_t to) {
    size_t at = which % 16 < 4 ? which % 16 * 4u : stub->len - (which % 16 - 3) * 4u;
    uint32_t value = to == 0xff ? UINT32_MAX : to;

    if (at < stub->len && stub->len - at >= 4)
        memcpy(stub->data + at, &value, 4);
}

/* Every handle becomes one that was seen, most often the newest, or null. */
static void put_handles(const mr_proc *proc, void *args, bool seen, uint8_t seed) {
    unsigned which = run->handle_count - 1 - (seed >> 6);
    mr_cursor c = mr_cursor_of(mr_slice_of(run->handles[which % HANDLES], 20));
    mr_ndr_context handle = {.attributes = mr_cursor_read_u32(&c)};

    handle.uuid = mr_cursor_read_uuid(&c);
    if (!seen)
        handle = (mr_ndr_context){0};
    for (uint16_t i = 0; i < proc->args->count; i++) {
        const mr_ndr_member *m = &proc->args->u.members[i];
        const mr_type *type = m->type;
        if (type->kind == MR_NDR_POINTER && type->flags & MR_TYPE_POINTER_INLINE)
            type = type->element;
        if (type->kind == MR_NDR_CONTEXT)
            memcpy((char *)args + m->offset, &handle, sizeof handle);
    }
}

/* A stub of valid parameters. */
static void make_stub(const mr_proc *proc, uint8_t how, uint8_t seed, mr_cursor *tweaks,
                      mr_buf *stub) {
    const mr_ndr_format format = {how & SCRIPT_IN_NDR64 ? MR_NDR64 : MR_NDR20,
                                  how & SCRIPT_IN_BIG};
    mr_random random = {.state = seed};
    mr_arena arena;

    mr_arena_init(&arena, (size_t)4 << 20);
    void *args = proc && proc->args ? mr_arena_get(&arena, 1, proc->args->csize) : NULL;
    if (args && mr_ndr_generate(proc, MR_NDR_REQUEST, &random, &arena, args, NULL) == 0) {
        put_handles(proc, args, how & SCRIPT_HANDLE, seed);
        mr_ndr_encode(proc, MR_NDR_REQUEST, format, args, stub, NULL);
    }
    while (mr_cursor_left(tweaks) >= 2) {
        uint8_t which = mr_cursor_read_u8(tweaks);
        tweak(stub, which, mr_cursor_read_u8(tweaks));
    }
    mr_arena_deinit(&arena);
}

/* The fragments of a request. */
static void say_fragments(struct client *client, mr_pdu_header header, mr_pdu_request request,
                          mr_slice stub, size_t size, bool open) {
    uint8_t flags = header.flags;
    size_t at = 0;

    do {
        size_t n = size && size < stub.len - at ? size : stub.len - at;
        mr_buf pdu;
        mr_buf_init(&pdu, NULL, 0, SIZE_MAX);
        /* one fragment has the flags as they were said */
        if (size)
            header.flags = (uint8_t)((flags & ~3u) | (at ? 0 : MR_PFC_FIRST_FRAG) |
                                     (at + n == stub.len ? MR_PFC_LAST_FRAG : 0));
        request.stub = mr_slice_sub(stub, at, n);
        at += n;
        if (mr_pdu_encode_request(&pdu, &header, &request) == 0 && !(open && at == stub.len))
            say_pdu(client, &pdu);
        mr_buf_deinit(&pdu);
    } while (at < stub.len);
}

static void say_request(mr_cursor *c) {
    struct client *client = client_of(mr_cursor_read_u8(c));
    mr_pdu_header header = {.flags = mr_cursor_read_u8(c), .call_id = mr_cursor_read_u8(c)};
    mr_pdu_request request = {.context_id = mr_cursor_read_u8(c), .opnum = mr_cursor_read_u8(c)};
    uint8_t how = mr_cursor_read_u8(c);
    const mr_iface *iface = iface_of(mr_cursor_read_u8(c));
    size_t fragment = (size_t)mr_cursor_read_u8(c) * 8;
    uint8_t seed = mr_cursor_read_u8(c);
    mr_cursor tweaks = mr_cursor_window(c, 2u * (mr_cursor_read_u8(c) & 7));
    mr_slice rest = mr_cursor_read(c, mr_cursor_left(c));
    mr_buf stub;

    if (!client)
        return;
    header.big = how & SCRIPT_IN_BIG;
    request.has_object = how & SCRIPT_OBJECT;
    request.object.time_low = seed;
    request.alloc_hint = how & SCRIPT_HUGE ? 1u << 24 : 0;
    mr_buf_init(&stub, NULL, 0, SIZE_MAX);
    if (how & SCRIPT_MADE)
        make_stub(mr_iface_get_proc(iface, request.opnum), how, seed, &tweaks, &stub);
    else
        mr_buf_write(&stub, rest);
    say_fragments(client, header, request, mr_buf_slice(&stub), fragment, how & SCRIPT_OPEN);
    mr_buf_deinit(&stub);
}

static void say_bare(mr_cursor *c) {
    struct client *client = client_of(mr_cursor_read_u8(c));
    uint8_t ptype = mr_cursor_read_u8(c);
    const mr_pdu_header header = {.flags = mr_cursor_read_u8(c), .call_id = mr_cursor_read_u8(c)};
    mr_buf pdu;

    if (!client)
        return;
    mr_buf_init(&pdu, NULL, 0, SIZE_MAX);
    mr_pdu_encode_cancel(&pdu, &header);
    pdu.data[2] = ptype;
    say_pdu(client, &pdu);
    mr_buf_deinit(&pdu);
}

/* ---- everything else ---- */

static void free_server(void) {
    mr_server_free(run->server);
    run->server = NULL;
}

static void change_server(mr_cursor *c) {
    uint8_t what = mr_cursor_read_u8(c), which = mr_cursor_read_u8(c);

    switch (what % 4) {
    case 0:
        mr_server_drain(run->server, NULL, NULL);
        break;
    case 1:
        mr_server_set_access(run->endpoints[which % 2], &iface_of(which >> 1)->syntax,
                             &(mr_server_access){which & 0x40, which & 0x80 ? 6 : 0});
        break;
    case 2:
        mr_server_endpoint_close(run->endpoints[which % 2]);
        break;
    case 3:
        free_server();
        break;
    }
}

static void pass_time(mr_cursor *c) {
    uint16_t n = mr_cursor_read_u16(c);

    run->state.now += (n & 0x7fff) * (n & 0x8000 ? MR_SEC : MR_MSEC);
}

static void end_client(mr_cursor *c) {
    struct client *client = client_of(mr_cursor_read_u8(c));

    if (client)
        fake_end(client->pipe, mr_cursor_read_u8(c) ? MR_ERR_RESET : 0);
}

static void take(mr_cursor *c) {
    struct client *client = client_of(mr_cursor_read_u8(c));
    uint16_t window = mr_cursor_read_u16(c);

    if (client)
        fake_take(client->pipe, window == 0xffff ? SIZE_MAX : window);
}

static void do_op(enum script_op op, mr_cursor *c) {
    mr_server_options options;
    uint8_t which;

    switch (op) {
    case SCRIPT_CONNECT:
        connect_client(c);
        break;
    case SCRIPT_OCTETS: {
        struct client *client = client_of(mr_cursor_read_u8(c));
        if (client)
            say(client, mr_cursor_read(c, mr_cursor_left(c)));
        break;
    }
    case SCRIPT_BIND:
        say_bind(c);
        break;
    case SCRIPT_REQUEST:
        say_request(c);
        break;
    case SCRIPT_PDU:
        say_bare(c);
        break;
    case SCRIPT_TIME:
        pass_time(c);
        break;
    case SCRIPT_END:
        end_client(c);
        break;
    case SCRIPT_TAKE:
        take(c);
        break;
    case SCRIPT_WORK:
        which = mr_cursor_read_u8(c);
        if (which & 1)
            fake_work_end(&run->loop, mr_cursor_read_u8(c));
        else
            fake_work_begin(&run->loop);
        break;
    case SCRIPT_ANSWER:
        which = mr_cursor_read_u8(c);
        if (run->waiting_count)
            answer(&run->waiting[which % run->waiting_count], mr_cursor_read_u8(c));
        break;
    case SCRIPT_LIMITS:
        set_limits(c, &options);
        mr_server_set_options(run->server, &options);
        break;
    case SCRIPT_SERVER:
        change_server(c);
        break;
    case SCRIPT_CUT:
        run->cut = mr_cursor_read_u8(c);
        break;
    case SCRIPT_SPOIL:
        run->spoil_at = mr_cursor_read_u16(c);
        run->spoil_by = mr_cursor_read_u8(c);
        break;
    case SCRIPT_OPS:
        break;
    }
}

/* Everybody goes; nothing may be left. */
static void end_all(void) {
    mr_server_stats stats;

    for (unsigned i = 0; run->server && i < run->client_count; i++)
        fake_end(run->clients[i].pipe, MR_ERR_RESET);
    turn();
    while (fake_work_begin(&run->loop) || fake_work_end(&run->loop, 0))
        turn();
    for (unsigned i = 0; i < run->waiting_count; i++)
        answer(&run->waiting[i], i);
    turn();
    if (run->server) {
        mr_server_get_stats(run->server, &stats);
        check(stats.connections_now == 0, "a connection is left");
        check(stats.calls_now == 0, "a call is left");
        check(stats.groups_now == 0, "a group is left");
        check(stats.held == 0, "octets are held for nobody");
        check(stats.calls_out <= stats.calls_in, "more answers than calls");
        check(stats.faults <= stats.calls_out, "more faults than answers");
    }
    free_server();
    for (unsigned i = 0; i < run->thing_count; i++)
        check(run->things[i].dead, "an object is never run down");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_cursor c = mr_cursor_of(mr_slice_of(data, size));

    run = calloc(1, sizeof *run);
    if (!run)
        return 0;
    open_server(mr_cursor_read_u8(&c));
    while (mr_cursor_left(&c) >= 3 && run->server) {
        uint8_t op = mr_cursor_read_u8(&c);
        size_t n = mr_cursor_read_u16(&c), left = mr_cursor_left(&c);
        mr_cursor record = mr_cursor_of(mr_cursor_read(&c, n < left ? n : left));
        do_op((enum script_op)((op & ~SCRIPT_NO_TURN) % SCRIPT_OPS), &record);
        if (!(op & SCRIPT_NO_TURN))
            turn();
    }
    end_all();
    mr_mapper_db_deinit(&run->db);
    fake_deinit(&run->loop);
    free(run);
    run = NULL;
    return 0;
}
