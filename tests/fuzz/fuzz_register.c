/*
 * Registering with an endpoint mapper that is anything but one: what the library's client decodes
 * when a server registers, and what it does when the mapper comes, goes, is silent or answers
 * amiss. The floor below is fake_io.c; the mapper is the input, a row of records of an octet that
 * says what happens, the length of what belongs to it (two octets) and that.
 *
 * Checked: what is said are whole PDUs of a client's, and in them every entry, with a tower that
 * says where the server is; one connection at a time, and no more than one in each second; what is
 * told alternates, and nothing is told after the end.
 */
#include "fake_io.h"

#include <msrpc/ifaces/epmapper.h>
#include <msrpc/ifaces/rpcecho.h>
#include <msrpc/rpc/mapper.h>
#include <msrpc/serve.h>

#include <stdio.h>
#include <stdlib.h>

#define RETRY MR_SEC
#define OBJECTS 2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum op {
    OP_OPEN,   /* the connection stands, or an octet says how it failed */
    OP_OCTETS, /* octets as they are */
    OP_ACK,    /* bind_ack: flags, call, result, reason, group */
    OP_REPLY,  /* response: flags, call, context, and the stub */
    OP_FAULT,  /* fault: flags, call, status */
    OP_STATUS, /* a whole answer to the call under way with this status */
    OP_END,    /* of the connection: in order, or broken */
    OP_TIME,   /* milliseconds pass, or seconds */
    OP_TAKE,   /* octets that the mapper takes from now on */
    OP_SERVER, /* one of the endpoints closes */
    OP_STOP,   /* the registration ends, at once or when it is told the next time */
    OP_COUNT,
};

struct run {
    mr_loop loop;
    struct mr_loop_state state;
    mr_server *server;
    mr_server_endpoint *endpoints[2];
    bool open[2];
    mr_registration *registration;
    fake_pipe *pipe; /* to the mapper, as far as it is known here */
    unsigned dialled;
    size_t read;     /* octets of pipe->out */
    mr_buf stub;     /* of the request that comes in fragments */
    uint32_t call_id;
    mr_nsec last;    /* attempt */
    int told;        /* 0: nothing yet; 1: registered; -1: not */
    bool stops;      /* when told */
    bool slow;       /* what the mapper reads may be older than what it says itself */
};

static struct run *run;

static void check(bool ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

/* ---- what is told ---- */

static void on_changed(void *user, mr_registration *registration, int result,
                       const mr_error *err) {
    struct run *r = user;
    int now = result ? -1 : 1;

    check(r->registration != NULL, "something is told after the end");
    check(r->registration == registration, "another registration is told of");
    check(result <= 0, "an outcome that is neither");
    check(!result || err->text[0], "a failure without a sentence");
    check(now != r->told, "what has not changed is told");
    r->told = now;
    if (r->stops) {
        r->registration = NULL;
        mr_mapper_unregister(registration);
    }
}

/* ---- what is said to the mapper ---- */

static void check_tower(const mr_epmapper_twr_t *twr) {
    mr_tower tower;

    check(twr != NULL, "an entry without a tower");
    const mr_slice octets = mr_slice_of(twr->tower_octet_string, twr->tower_length);
    check(mr_tower_decode(octets, &tower, NULL) == 0, "a tower that is none");
    check(mr_syntax_eq(&tower.interface, &mr_rpcecho_iface.syntax), "another interface");
    bool tcp = tower.protseq == MR_PROTSEQ_NCACN_IP_TCP;
    check(run->open[tcp ? 0 : 1] || run->slow, "an endpoint that is closed");
    check(tcp ? tower.port == 135 : mr_slice_eq(tower.endpoint, MR_SLICE_LIT("/sock")),
          "another endpoint");
}

static void hear_insert(void) {
    const mr_proc *proc = mr_iface_get_proc(&mr_epmapper_iface, 0);
    struct mr_epmapper_ept_insert args = {0};
    mr_arena arena;

    mr_arena_init(&arena, (size_t)1 << 20);
    check(mr_ndr_decode(proc, MR_NDR_REQUEST, (mr_ndr_format){MR_NDR20, false},
                        mr_buf_slice(&run->stub), NULL, &arena, &args, NULL, NULL) == 0,
          "a request that cannot be read");
    uint32_t wanted = OBJECTS * (run->open[0] + run->open[1] + 0u);
    check(args.num_ents == wanted || (run->slow && args.num_ents > wanted), "not every entry");
    for (uint32_t i = 0; i < args.num_ents; i++) {
        check(args.entries[i].object.time_low == i % OBJECTS, "another object");
        check(!strcmp((const char *)args.entries[i].annotation, "note"), "another annotation");
        check_tower(args.entries[i].tower);
    }
    mr_arena_deinit(&arena);
}

static void hear(mr_slice octets) {
    mr_pdu pdu;

    check(mr_pdu_decode(octets, &pdu, NULL) == 0, "what is no PDU");
    check(!pdu.odd, "an odd PDU");
    switch ((int)pdu.header.ptype) {
    case MR_PTYPE_BIND:
    case MR_PTYPE_CO_CANCEL:
    case MR_PTYPE_ORPHANED:
        break;
    case MR_PTYPE_REQUEST:
        check(pdu.u.request.opnum == 0, "another method");
        run->call_id = pdu.header.call_id;
        if (pdu.header.flags & MR_PFC_FIRST_FRAG)
            run->stub.len = 0;
        mr_buf_write(&run->stub, pdu.u.request.stub);
        if (pdu.header.flags & MR_PFC_LAST_FRAG)
            hear_insert();
        break;
    default:
        check(false, "what no client says");
    }
}

/* Looks for a connection that began, and reads what is said on the one there is. */
static void hear_all(void) {
    fake_pipe *pipe = fake_get_dialled(&run->loop);

    if (pipe && pipe->dialled != run->dialled) {
        check(pipe->dialled == run->dialled + 1, "more than one attempt at once");
        check(!run->last || run->state.now - run->last >= RETRY, "no pause between attempts");
        run->last = run->state.now;
        run->pipe = pipe;
        run->dialled = pipe->dialled;
        run->read = 0;
    }
    while (run->pipe) {
        mr_slice rest = mr_slice_sub(mr_buf_slice(&run->pipe->out), run->read, SIZE_MAX);
        size_t length;
        int r = mr_pdu_frag_length(rest, &length, NULL);
        check(r >= 0, "what begins no PDU");
        if (r || length > rest.len)
            break;
        run->read += length;
        hear(mr_slice_sub(rest, 0, length));
    }
}

static void turn(void) {
    if (run->pipe && run->pipe->let_go)
        run->pipe = NULL;
    fake_turn(&run->loop);
    if (run->pipe && run->pipe->let_go)
        run->pipe = NULL;
    hear_all();
}

/* ---- the mapper ---- */

static void say(mr_buf *pdu) {
    if (run->pipe && mr_buf_error(pdu) == 0)
        fake_feed(run->pipe, mr_buf_slice(pdu));
    mr_buf_deinit(pdu);
}

static mr_pdu_header read_header(mr_cursor *c) {
    mr_pdu_header header = {.flags = mr_cursor_read_u8(c)};
    uint8_t id = mr_cursor_read_u8(c);

    header.big = header.flags & 0x40;
    header.call_id = id ? id : run->call_id;
    return header;
}

static void say_ack(mr_cursor *c) {
    mr_pdu_header header = read_header(c);
    const mr_pdu_result result = {.result = mr_cursor_read_u8(c), .reason = mr_cursor_read_u8(c),
                                  .transfer = mr_syntax_ndr20};
    const mr_pdu_bind_ack ack = {.max_xmit = 4280, .max_recv = 4280,
                                 .assoc_group = mr_cursor_read_u8(c)};
    mr_buf pdu;

    mr_buf_init(&pdu, NULL, 0, SIZE_MAX);
    mr_pdu_encode_bind_ack(&pdu, &header, &ack);
    mr_pdu_add_result(&pdu, 0, &result);
    say(&pdu);
}

static void say_reply(mr_cursor *c) {
    mr_pdu_header header = read_header(c);
    const mr_pdu_response response = {.context_id = mr_cursor_read_u8(c),
                                      .stub = mr_cursor_read(c, mr_cursor_left(c))};
    mr_buf pdu;

    mr_buf_init(&pdu, NULL, 0, SIZE_MAX);
    mr_pdu_encode_response(&pdu, &header, &response);
    say(&pdu);
}

static void say_status(mr_cursor *c) {
    const mr_pdu_header header = {.flags = 3, .call_id = run->call_id};
    uint8_t stub[4] = {mr_cursor_read_u8(c)};
    const mr_pdu_response response = {.stub = mr_slice_of(stub, sizeof stub)};
    mr_buf pdu;

    mr_buf_init(&pdu, NULL, 0, SIZE_MAX);
    mr_pdu_encode_response(&pdu, &header, &response);
    say(&pdu);
}

static void say_fault(mr_cursor *c) {
    mr_pdu_header header = read_header(c);
    const mr_pdu_fault fault = {.status = mr_cursor_read_u32(c)};
    mr_buf pdu;

    mr_buf_init(&pdu, NULL, 0, SIZE_MAX);
    mr_pdu_encode_fault(&pdu, &header, &fault);
    say(&pdu);
}

/* ---- everything else ---- */

static void open_server(void) {
    static const mr_listen_options listen[2] = {
        {.local = {.family = MR_FAMILY_IPV4, .port = 135, .ip = {10, 0, 0, 1}}}, {.path = "/sock"}};
    static const mr_uuid objects[OBJECTS] = {{.time_low = 0}, {.time_low = 1}};
    const mr_server_options none = {0};
    const mr_register_options options = {.annotation = "note", .objects = objects,
                                         .object_count = OBJECTS, .changed = on_changed,
                                         .user = run};

    fake_init(&run->loop, &run->state);
    check(mr_server_new(&run->loop, &none, &run->server, NULL) == 0, "no server");
    for (unsigned i = 0; i < 2; i++) {
        mr_server_endpoint **e = &run->endpoints[i];
        check(mr_server_add_endpoint(run->server, &listen[i], e, NULL) == 0 &&
                  mr_serve_add_mgmt(*e, NULL) == 0 &&
                  mr_serve_add_echo(*e, &run->loop, NULL) == 0, "the server offers nothing");
        run->open[i] = true;
    }
    mr_buf_init(&run->stub, NULL, 0, SIZE_MAX);
    check(mr_mapper_register(run->server, &options, &run->registration, NULL) == 0,
          "nothing is registered");
    hear_all();
}

static void close_endpoint(unsigned i) {
    if (run->open[i])
        mr_server_endpoint_close(run->endpoints[i]);
    run->open[i] = false;
}

static void stop(uint8_t how) {
    mr_registration *registration = run->registration;

    if (how & 1) {
        run->stops = true;
    } else {
        run->registration = NULL;
        mr_mapper_unregister(registration);
    }
}

static void pass_time(mr_cursor *c) {
    uint16_t n = mr_cursor_read_u16(c);

    run->state.now += (n & 0x7fff) * (n & 0x8000 ? MR_SEC : MR_MSEC);
}

static void do_op(enum op op, mr_cursor *c) {
    switch (op) {
    case OP_OPEN:
        if (run->pipe)
            fake_open(run->pipe, mr_cursor_read_u8(c) ? MR_ERR_REFUSED : 0);
        break;
    case OP_OCTETS:
        if (run->pipe)
            fake_feed(run->pipe, mr_cursor_read(c, mr_cursor_left(c)));
        break;
    case OP_ACK:
        say_ack(c);
        break;
    case OP_REPLY:
        say_reply(c);
        break;
    case OP_FAULT:
        say_fault(c);
        break;
    case OP_STATUS:
        say_status(c);
        break;
    case OP_END:
        if (run->pipe)
            fake_end(run->pipe, mr_cursor_read_u8(c) ? MR_ERR_RESET : 0);
        break;
    case OP_TIME:
        pass_time(c);
        break;
    case OP_TAKE:
        run->slow = true;
        if (run->pipe)
            fake_take(run->pipe, mr_cursor_read_u16(c));
        break;
    case OP_SERVER:
        close_endpoint(mr_cursor_read_u8(c) % 2);
        break;
    case OP_STOP:
        stop(mr_cursor_read_u8(c));
        break;
    case OP_COUNT:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_cursor c = mr_cursor_of(mr_slice_of(data, size));

    run = calloc(1, sizeof *run);
    if (!run)
        return 0;
    open_server();
    while (mr_cursor_left(&c) >= 3 && run->registration) {
        uint8_t op = mr_cursor_read_u8(&c);
        size_t n = mr_cursor_read_u16(&c), left = mr_cursor_left(&c);
        mr_cursor record = mr_cursor_of(mr_cursor_read(&c, n < left ? n : left));
        do_op((enum op)(op % OP_COUNT), &record);
        turn();
    }
    mr_registration *last = run->registration;
    run->registration = NULL;
    mr_mapper_unregister(last);
    mr_server_free(run->server);
    fake_turn(&run->loop);
    mr_buf_deinit(&run->stub);
    fake_deinit(&run->loop);
    free(run);
    run = NULL;
    return 0;
}
