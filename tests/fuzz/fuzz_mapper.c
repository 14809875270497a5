/*
 * The endpoint mapper under any questions and changes, against a reference: a list that is walked
 * from one end to the other for every question. Five clients, four of them local processes, insert,
 * delete, look up and map, with parameters made from the input or with octets as they are; every
 * answer must be the reference's, entry for entry, and every fault expected. The floor below is
 * fake_io.c. The input is a row of operations, an octet that names it and then its own.
 */
#include "fake_io.h"

#include <msrpc/ifaces/epmapper.h>
#include <msrpc/ifaces/mgmt.h>
#include <msrpc/serve.h>

#include <stdio.h>
#include <stdlib.h>

#define CLIENTS 5
#define ROWS_MAX 600
#define HANDLES_MAX 100
#define PAGE_MAX 500

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the reference knows. */
struct row {
    uint64_t serial;
    int32_t pid; /* 0: the mapper's own */
    unsigned client;
    mr_uuid object;
    mr_tower tower; /* of @octets */
    uint8_t octets[MR_MAPPER_TOWER_MAX];
    size_t len;
    char annotation[MR_MAPPER_ANNOTATION_MAX + 1];
};

struct question {
    mr_mapper_db_query query; /* @serial: rows up to this one were given */
    mr_ndr_context handle;
};

struct client {
    fake_pipe *pipe;
    uint32_t call_id;
    struct question open[HANDLES_MAX];
    unsigned open_count;
};

/* An answer, as it is expected. */
struct expected {
    uint32_t fault, status;
    uint32_t count;
    const struct row *rows[PAGE_MAX];
    bool ndr64;             /* towers are told with this transfer syntax */
    enum { SAME, NEW, NONE } handle;
    struct question *question; /* of an old handle */
};

struct run {
    mr_loop loop;
    struct mr_loop_state state;
    mr_server *server;
    mr_mapper_db db;
    struct client clients[CLIENTS];
    struct row *rows; /* by serial */
    size_t count;
    uint64_t serial;
    mr_buf stub, reply;
};

static const struct {
    bool local, trusted;
    int32_t pid;
    uint32_t uid;
} who[CLIENTS] = {{false, false, 0, 0}, {true, true, 10, 0}, {true, true, 11, 7},
                  {true, true, 11, 7}, {true, false, 13, 9}};

static void check(bool ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

/* ---- the reference ---- */

static bool is_match(const struct row *row, const mr_mapper_db_query *q) {
    const mr_syntax *has = &row->tower.interface, *asked = &q->interface;
    bool ndr20 = mr_syntax_eq(&row->tower.transfer, &mr_syntax_ndr20);
    bool ndr64 = mr_syntax_eq(&row->tower.transfer, &mr_syntax_ndr64);

    if ((q->inquiry == MR_INQUIRY_OBJECT || q->inquiry == MR_INQUIRY_BOTH) &&
        memcmp(&row->object, &q->object, sizeof row->object) != 0)
        return false;
    if ((q->protseq && row->tower.protseq != q->protseq) || (q->ndr20 && !ndr20) ||
        (q->ndr64 && !ndr20 && !ndr64))
        return false;
    if (q->inquiry == MR_INQUIRY_ALL || q->inquiry == MR_INQUIRY_OBJECT)
        return true;
    if (memcmp(&has->uuid, &asked->uuid, sizeof has->uuid) != 0)
        return false;
    uint32_t have = (uint32_t)has->major << 16 | has->minor;
    uint32_t want = (uint32_t)asked->major << 16 | asked->minor;
    switch ((int)q->vers) {
    case MR_VERS_COMPATIBLE:
        return have >> 16 == want >> 16 && have >= want;
    case MR_VERS_EXACT:
        return have == want;
    case MR_VERS_MAJOR_ONLY:
        return have >> 16 == want >> 16;
    case MR_VERS_UPTO:
        return have <= want;
    }
    return true;
}

static const struct row *next_row(struct run *r, mr_mapper_db_query *q) {
    for (size_t i = 0; i < r->count; i++)
        if (r->rows[i].serial > q->serial && is_match(&r->rows[i], q)) {
            q->serial = r->rows[i].serial;
            return &r->rows[i];
        }
    q->serial = r->serial;
    return NULL;
}

static void drop_row(struct run *r, size_t i) {
    memmove(&r->rows[i], &r->rows[i + 1], (r->count - i - 1) * sizeof *r->rows);
    r->count--;
    for (; i < r->count; i++) /* slices of a tower point into its row */
        mr_tower_decode(mr_slice_of(r->rows[i].octets, r->rows[i].len), &r->rows[i].tower, NULL);
}

static mr_slice octets_of(const mr_epmapper_twr_t *twr) {
    return twr ? mr_slice_of(twr->tower_octet_string, twr->tower_length) : MR_SLICE_NULL;
}

static mr_slice tower_of(const struct row *row) {
    return mr_slice_of(row->octets, row->len);
}

static bool is_good(const mr_epmapper_twr_t *twr) {
    mr_tower tower;

    return twr && twr->tower_length <= MR_MAPPER_TOWER_MAX &&
           mr_tower_decode(octets_of(twr), &tower, NULL) == 0 && tower.protseq && !tower.rest.len;
}

static void insert_row(struct run *r, unsigned client, const mr_epmapper_ept_entry_t *entry,
                       bool replace, size_t *oldp) {
    struct row *row = &r->rows[r->count];
    mr_slice octets = octets_of(entry->tower);

    *row = (struct row){.serial = ++r->serial, .pid = who[client].pid, .client = client,
                        .object = entry->object, .len = octets.len};
    memcpy(row->octets, octets.data, octets.len);
    snprintf(row->annotation, sizeof row->annotation, "%s", (const char *)entry->annotation);
    mr_tower_decode(tower_of(row), &row->tower, NULL);
    r->count++;
    const struct row fresh = *row;
    for (size_t i = 0; i < r->count - 1;) {
        const struct row *o = &r->rows[i];
        bool old = i < *oldp;
        bool alike = old && replace && o->tower.protseq == fresh.tower.protseq &&
                     mr_uuid_eq(&o->tower.interface.uuid, &fresh.tower.interface.uuid) &&
                     o->tower.interface.major == fresh.tower.interface.major &&
                     mr_syntax_eq(&o->tower.transfer, &fresh.tower.transfer);
        if (o->pid == fresh.pid && mr_uuid_eq(&o->object, &fresh.object) &&
            (alike || (o->len == fresh.len && !memcmp(o->octets, fresh.octets, fresh.len)))) {
            *oldp -= old;
            drop_row(r, i);
        } else {
            i++;
        }
    }
}

static size_t remove_rows(struct run *r, unsigned client, bool any, const mr_uuid *object,
                          const mr_epmapper_twr_t *twr) {
    mr_slice octets = octets_of(twr);
    size_t removed = 0;

    for (size_t i = 0; i < r->count;) {
        const struct row *row = &r->rows[i];
        if ((any ? row->pid != 0 : row->pid == who[client].pid) &&
            (!object || mr_uuid_eq(&row->object, object)) && mr_slice_eq(tower_of(row), octets)) {
            drop_row(r, i);
            removed++;
        } else {
            i++;
        }
    }
    return removed;
}

/* ---- what is expected ---- */

static struct question *find_question(struct client *client, const mr_ndr_context *handle) {
    for (unsigned i = 0; i < client->open_count; i++)
        if (!handle->attributes && mr_uuid_eq(&client->open[i].handle.uuid, &handle->uuid))
            return &client->open[i];
    return NULL;
}

static void expect_insert(struct run *r, unsigned client, void *args, struct expected *e) {
    const struct mr_epmapper_ept_insert *a = args;
    size_t old = r->count;
    bool good = true;

    if (!who[client].trusted) {
        e->fault = MR_FAULT_ACCESS_DENIED;
        return;
    }
    for (uint32_t i = 0; i < a->num_ents; i++)
        good = good && is_good(a->entries[i].tower);
    e->status = good ? 0 : MR_EPT_CANT_PERFORM;
    for (uint32_t i = 0; good && i < a->num_ents; i++)
        insert_row(r, client, &a->entries[i], a->replace, &old);
}

static void expect_delete(struct run *r, unsigned client, void *args, struct expected *e) {
    const struct mr_epmapper_ept_delete *a = args;

    if (!who[client].trusted)
        e->fault = MR_FAULT_ACCESS_DENIED;
    for (uint32_t i = 0; i < a->num_ents && !e->fault; i++)
        if (!remove_rows(r, client, false, &a->entries[i].object, a->entries[i].tower))
            e->status = MR_EPT_NOT_REGISTERED;
}

static void expect_mgmt_delete(struct run *r, unsigned client, void *args, struct expected *e) {
    const struct mr_epmapper_ept_mgmt_delete *a = args;

    if (!who[client].trusted)
        e->fault = MR_FAULT_ACCESS_DENIED;
    else if (a->object_speced && !a->object)
        e->status = MR_EPT_CANT_PERFORM;
    else if (!remove_rows(r, client, who[client].uid == 0, a->object_speced ? a->object : NULL,
                          a->tower))
        e->status = MR_EPT_NOT_REGISTERED;
}

/* The question that @handle goes on with, into *@qp; false when there is none. */
static bool go_on(struct run *r, unsigned client, const mr_ndr_context *handle,
                  mr_mapper_db_query *qp, struct expected *e) {
    e->question = NULL;
    if (mr_ndr_context_is_null(handle))
        return true;
    e->question = find_question(&r->clients[client], handle);
    if (e->question)
        *qp = e->question->query;
    else
        e->fault = MR_FAULT_CONTEXT_MISMATCH;
    return e->question != NULL;
}

static void take_page(struct run *r, mr_mapper_db_query *q, uint32_t most, struct expected *e) {
    while (e->count < most && (e->rows[e->count] = next_row(r, q)) != NULL)
        e->count++;
}

static void end_page(unsigned client, struct run *r, const mr_mapper_db_query *q, bool more,
                     struct expected *e) {
    struct client *c = &r->clients[client];

    e->handle = !more ? NONE : e->question ? SAME : NEW;
    if (!more && e->question)
        *e->question = c->open[--c->open_count];
    else if (e->question)
        e->question->query = *q;
    else if (more)
        c->open[c->open_count++] = (struct question){.query = *q};
}

static void expect_lookup(struct run *r, unsigned client, void *args, struct expected *e) {
    const struct mr_epmapper_ept_lookup *a = args;
    bool by_iface = a->inquiry_type == 1 || a->inquiry_type == 3;
    mr_mapper_db_query q = {.inquiry = (enum mr_inquiry)a->inquiry_type};

    if (a->object)
        q.object = *a->object;
    if (by_iface && a->interface_id) {
        q.vers = (enum mr_vers_option)a->vers_option;
        q.interface = (mr_syntax){a->interface_id->uuid, a->interface_id->vers_major,
                                  a->interface_id->vers_minor};
    }
    if (!go_on(r, client, &a->entry_handle, &q, e))
        return;
    if (!a->max_ents || a->inquiry_type > 3 ||
        (by_iface && (!a->interface_id || a->vers_option < 1 || a->vers_option > 5))) {
        e->status = MR_EPT_CANT_PERFORM;
        return;
    }
    take_page(r, &q, a->max_ents, e);
    /* the largest page tells its end by the handle alone */
    bool bulk = a->max_ents == PAGE_MAX;
    mr_mapper_db_query peek = q;
    bool more = e->count == a->max_ents && (!bulk || next_row(r, &peek));
    bool ends_well = e->question ? bulk : e->count > 0;
    e->status = more || ends_well ? 0 : MR_EPT_NOT_REGISTERED;
    end_page(client, r, &q, more, e);
}

static void expect_map(struct run *r, unsigned client, void *args, struct expected *e) {
    const struct mr_epmapper_ept_map *a = args;
    mr_mapper_db_query q = {.inquiry = MR_INQUIRY_BOTH, .vers = MR_VERS_COMPATIBLE}, peek;
    mr_tower tower = {0};

    if (!go_on(r, client, &a->entry_handle, &q, e))
        return;
    if (!a->max_towers || !a->map_tower || mr_tower_decode(octets_of(a->map_tower), &tower, NULL)) {
        e->status = MR_EPT_CANT_PERFORM;
        return;
    }
    bool ndr20 = mr_syntax_eq(&tower.transfer, &mr_syntax_ndr20);
    bool ndr64 = mr_syntax_eq(&tower.transfer, &mr_syntax_ndr64);
    e->status = MR_EPT_NOT_REGISTERED;
    if ((!ndr20 && !ndr64) || !tower.protseq)
        return;
    if (!e->question) {
        q.interface = tower.interface;
        q.protseq = tower.protseq;
        q.ndr20 = ndr20;
        q.ndr64 = ndr64;
        q.object = a->object ? *a->object : MR_UUID_NIL;
        peek = q;
        if (!next_row(r, &peek))
            q.object = MR_UUID_NIL;
    }
    take_page(r, &q, a->max_towers, e);
    peek = q;
    e->status = e->count ? 0 : MR_EPT_NOT_REGISTERED;
    e->ndr64 = q.ndr64;
    end_page(client, r, &q, e->count == a->max_towers && next_row(r, &peek), e);
}

static void expect_free(struct run *r, unsigned client, void *args, struct expected *e) {
    const struct mr_epmapper_ept_lookup_handle_free *a = args;
    struct client *c = &r->clients[client];
    mr_mapper_db_query unused;

    if (!go_on(r, client, &a->entry_handle, &unused, e))
        return;
    e->handle = NONE;
    if (e->question)
        *e->question = c->open[--c->open_count];
}

/* ---- what comes ---- */

/* The tower of @row as the client should see it. */
static void check_tower(const struct row *row, const mr_epmapper_twr_t *twr, bool ndr64,
                        bool local) {
    static const uint8_t any[4], asked[4] = {10, 0, 0, 1};
    uint8_t octets[MR_MAPPER_TOWER_MAX];
    mr_tower tower = row->tower;

    check(twr && twr->tower_length == row->len, "a tower of another length");
    memcpy(octets, row->octets, row->len);
    if (!local && tower.host_kind == MR_TOWER_HOST_IPV4 && !memcmp(tower.host.data, any, 4))
        memcpy(octets + (tower.host.data - row->octets), asked, 4);
    if (!ndr64 || mr_syntax_eq(&tower.transfer, &mr_syntax_ndr64)) {
        check(!memcmp(octets, twr->tower_octet_string, row->len), "another tower");
        return;
    }
    check(mr_tower_decode(octets_of(twr), &tower, NULL) == 0, "no tower");
    check(mr_syntax_eq(&tower.transfer, &mr_syntax_ndr64), "a tower that is not NDR64's");
    /* floor 1 is of the same size everywhere that matters: what follows floor 2 is equal */
    mr_cursor floors = tower.floors;
    mr_tower_floor floor = {0};
    mr_tower_read_floor(&floors, &floor);
    mr_tower_read_floor(&floors, &floor);
    size_t rest = (size_t)(floor.rhs.data + floor.rhs.len - twr->tower_octet_string);
    check(!memcmp(octets + rest, twr->tower_octet_string + rest, row->len - rest),
          "another tower behind its second floor");
}

static void check_handle(struct client *client, const mr_ndr_context *handle,
                         const mr_ndr_context *before, const struct expected *e) {
    switch (e->handle) {
    case SAME:
        check(!memcmp(handle, before, sizeof *handle), "another handle");
        break;
    case NONE:
        check(mr_ndr_context_is_null(handle), "a handle that leads nowhere");
        break;
    case NEW:
        check(!mr_ndr_context_is_null(handle), "no handle to go on with");
        check(!find_question(client, handle), "a handle that is in use");
        client->open[client->open_count - 1].handle = *handle;
        break;
    }
}

static void check_lookup(struct client *client, bool local, const void *args,
                         const mr_ndr_context *before, const struct expected *e) {
    const struct mr_epmapper_ept_lookup *a = args;

    check(a->status == e->status, "another status of a lookup");
    check(a->num_ents == e->count, "another number of entries");
    for (uint32_t i = 0; i < e->count; i++) {
        check(mr_uuid_eq(&a->entries[i].object, &e->rows[i]->object), "another object");
        check(!strcmp((const char *)a->entries[i].annotation, e->rows[i]->annotation),
              "another annotation");
        check_tower(e->rows[i], a->entries[i].tower, false, local);
    }
    check_handle(client, &a->entry_handle, before, e);
}

static void check_map(struct client *client, bool local, const void *args,
                      const mr_ndr_context *before, const struct expected *e) {
    const struct mr_epmapper_ept_map *a = args;

    check(a->status == e->status, "another status of a map");
    check(a->num_towers == e->count, "another number of towers");
    for (uint32_t i = 0; i < e->count; i++)
        check_tower(e->rows[i], a->towers[i], e->ndr64, local);
    check_handle(client, &a->entry_handle, before, e);
}

/* ---- asking ---- */

static void say(struct run *r, unsigned client, mr_buf *pdu) {
    check(mr_buf_error(pdu) == 0, "no memory for a PDU");
    fake_feed(r->clients[client].pipe, mr_buf_slice(pdu));
    mr_buf_deinit(pdu);
    fake_turn(&r->loop);
}

/* Reads the PDUs that came into r->reply; the fault's status, or 0. */
static uint32_t hear(struct run *r, unsigned client) {
    fake_pipe *pipe = r->clients[client].pipe;
    mr_slice rest = mr_buf_slice(&pipe->out);
    bool last = false;
    uint32_t fault = 0;
    size_t length;
    mr_pdu pdu;

    mr_buf_reset(&r->reply);
    while (rest.len && !last) {
        check(mr_pdu_frag_length(rest, &length, NULL) == 0 && length <= rest.len, "half a PDU");
        check(mr_pdu_decode(mr_slice_sub(rest, 0, length), &pdu, NULL) == 0, "no PDU");
        check(pdu.header.call_id == r->clients[client].call_id, "an answer to another call");
        rest = mr_slice_sub(rest, length, SIZE_MAX);
        last = pdu.header.flags & MR_PFC_LAST_FRAG;
        if (pdu.header.ptype == MR_PTYPE_FAULT)
            fault = pdu.u.fault.status;
        else if (pdu.header.ptype == MR_PTYPE_RESPONSE)
            mr_buf_write(&r->reply, pdu.u.response.stub);
        else
            check(pdu.header.ptype == MR_PTYPE_BIND_ACK, "an answer of another kind");
    }
    check(last && !rest.len, "no answer, or more than one");
    mr_buf_reset(&pipe->out);
    return fault;
}

static uint32_t ask(struct run *r, unsigned client, uint16_t context, uint16_t opnum) {
    const mr_pdu_header header = {.flags = MR_PFC_FIRST_FRAG | MR_PFC_LAST_FRAG,
                                  .call_id = ++r->clients[client].call_id};
    const mr_pdu_request request = {.context_id = context, .opnum = opnum,
                                    .stub = mr_buf_slice(&r->stub)};
    mr_buf pdu;

    mr_buf_init(&pdu, NULL, 0, SIZE_MAX);
    check(mr_pdu_encode_request(&pdu, &header, &request) == 0, "a request that is too long");
    say(r, client, &pdu);
    return hear(r, client);
}

static void connect_client(struct run *r, unsigned i) {
    const mr_accepted from = {
        .peer = {.family = who[i].local ? MR_FAMILY_UNIX : MR_FAMILY_IPV4, .ip = {10, 0, 0, 9}},
        .cred = {.known = who[i].local, .trusted = who[i].trusted, .pid = who[i].pid,
                 .uid = who[i].uid}};
    const mr_pdu_header header = {.flags = MR_PFC_FIRST_FRAG | MR_PFC_LAST_FRAG};
    struct client *c = &r->clients[i];
    mr_buf pdu;

    *c = (struct client){.pipe = fake_connect(&r->loop, who[i].local, &from)};
    check(c->pipe && c->pipe->stream, "no connection");
    mr_buf_init(&pdu, NULL, 0, SIZE_MAX);
    mr_pdu_encode_bind(&pdu, &header, &(mr_pdu_bind){.max_xmit = 5840, .max_recv = 5840});
    mr_pdu_add_context(&pdu, 0, 0, &mr_mgmt_iface.syntax, &mr_syntax_ndr20, 1);
    mr_pdu_add_context(&pdu, 0, 1, &mr_epmapper_iface.syntax, &mr_syntax_ndr20, 1);
    say(r, i, &pdu);
    check(hear(r, i) == 0, "no bind");
}

/* What a process registered goes with its connection. */
static void close_client(struct run *r, unsigned i) {
    if (r->state.pipe_count == FAKE_PIPES)
        return;
    fake_end(r->clients[i].pipe, MR_ERR_RESET);
    fake_turn(&r->loop);
    for (size_t k = 0; k < r->count;) {
        if (r->rows[k].pid && r->rows[k].client == i)
            drop_row(r, k);
        else
            k++;
    }
    connect_client(r, i);
}

/* Asks what r->stub says, and looks whether the reference would have answered so. */
static void try_stub(struct run *r, unsigned client, uint16_t opnum) {
    static void (*const expectations[])(struct run *, unsigned, void *, struct expected *) = {
        expect_insert, expect_delete, expect_lookup, expect_map, expect_free, NULL,
        expect_mgmt_delete};
    const mr_ndr_format format = {MR_NDR20, false};
    const mr_proc *proc = &mr_epmapper_iface.procs[opnum];
    struct expected e = {0};
    mr_ndr_context before = {0};
    mr_arena arena;

    if (r->clients[client].open_count > HANDLES_MAX - 2)
        close_client(r, client);
    if (r->clients[client].open_count > HANDLES_MAX - 2)
        return;
    mr_arena_init(&arena, (size_t)64 << 20);
    void *args = mr_arena_get(&arena, 1, proc->args->csize);
    int bad = args ? mr_ndr_decode(proc, MR_NDR_REQUEST, format, mr_buf_slice(&r->stub), NULL,
                                   &arena, args, NULL, NULL)
                   : MR_ERR_MEMORY;
    if (opnum == 0 && !bad &&
        ((struct mr_epmapper_ept_insert *)args)->num_ents > ROWS_MAX - r->count)
        opnum = UINT16_MAX;
    else if (bad)
        e.fault = bad == MR_ERR_MEMORY ? MR_FAULT_REMOTE_NO_MEMORY : MR_FAULT_NDR;
    else if (expectations[opnum])
        expectations[opnum](r, client, args, &e);
    if (opnum != UINT16_MAX) {
        if (!bad && opnum == 2)
            before = ((struct mr_epmapper_ept_lookup *)args)->entry_handle;
        if (!bad && opnum == 3)
            before = ((struct mr_epmapper_ept_map *)args)->entry_handle;
        uint32_t fault = ask(r, client, 1, opnum);
        check(fault == e.fault, "another fault");
        check(fault || mr_ndr_decode(proc, MR_NDR_RESPONSE, format, mr_buf_slice(&r->reply), NULL,
                                     &arena, args, NULL, NULL) == 0, "an answer nobody can read");
        if (!fault && opnum == 2)
            check_lookup(&r->clients[client], who[client].local, args, &before, &e);
        else if (!fault && opnum == 3)
            check_map(&r->clients[client], who[client].local, args, &before, &e);
        else if (!fault && opnum == 0)
            check(((struct mr_epmapper_ept_insert *)args)->status == e.status, "of an insert");
        else if (!fault && opnum == 1)
            check(((struct mr_epmapper_ept_delete *)args)->status == e.status, "of a delete");
        else if (!fault && opnum == 6)
            check(((struct mr_epmapper_ept_mgmt_delete *)args)->status == e.status, "a clean-up");
        check(r->db.count == r->count, "another number of rows");
    }
    mr_arena_deinit(&arena);
}

static void try_args(struct run *r, unsigned client, uint16_t opnum, const void *args) {
    mr_buf_reset(&r->stub);
    if (mr_ndr_encode(&mr_epmapper_iface.procs[opnum], MR_NDR_REQUEST,
                      (mr_ndr_format){MR_NDR20, false}, args, &r->stub, NULL) == 0)
        try_stub(r, client, opnum);
}

/* ---- the input ---- */

static mr_syntax read_iface(mr_cursor *c) {
    uint8_t which = mr_cursor_read_u8(c);

    return (mr_syntax){{.time_low = 100 + (which & 3)}, (which >> 2 & 3) + 1, which >> 4 & 3};
}

static mr_uuid read_object(mr_cursor *c) {
    return (mr_uuid){.time_low = mr_cursor_read_u8(c) & 3};
}

struct entry {
    uint8_t octets[MR_MAPPER_TOWER_MAX + 64];
    mr_epmapper_twr_t twr;
    char annotation[64];
};

/* A tower, mostly a good one. */
static void read_tower(mr_cursor *c, struct entry *entry) {
    static const enum mr_protseq protseqs[4] = {MR_PROTSEQ_NCACN_IP_TCP, MR_PROTSEQ_NCACN_NP,
                                                MR_PROTSEQ_NCALRPC, MR_PROTSEQ_NCACN_HTTP};
    mr_syntax iface = read_iface(c);
    uint8_t how = mr_cursor_read_u8(c), port = mr_cursor_read_u8(c);
    uint8_t ip[4] = {0, 0, 0, port & 1};
    char name[8];
    snprintf(name, sizeof name, "n%u", port & 7);
    mr_tower tower = {.interface = iface, .protseq = protseqs[how & 3], .port = port & 7,
                      .transfer = how & 4 ? mr_syntax_ndr64 : how & 8 ? iface : mr_syntax_ndr20};
    mr_buf buf;

    if ((how & 3) == 1 || (how & 3) == 2) {
        tower.endpoint = mr_slice_str(name);
    } else {
        tower.host_kind = MR_TOWER_HOST_IPV4;
        tower.host = mr_slice_of(ip, 4);
    }
    mr_buf_init(&buf, entry->octets, sizeof entry->octets, sizeof entry->octets);
    mr_tower_encode(&tower, &buf);
    size_t len = buf.len;
    if ((how >> 5) == 5) /* octets behind it */
        len += port % 9;
    if ((how >> 5) == 6)
        len -= port % 90 < len ? port % 90 : len;
    if ((how >> 5) == 7 && len)
        entry->octets[port % len] ^= how;
    entry->twr = (mr_epmapper_twr_t){(uint32_t)len, entry->octets};
}

static mr_epmapper_ept_entry_t read_entry(mr_cursor *c, struct entry *entry) {
    mr_uuid object = read_object(c);
    uint8_t note = mr_cursor_read_u8(c);

    read_tower(c, entry);
    memset(entry->annotation, 'a', sizeof entry->annotation);
    entry->annotation[note & 63] = '\0';
    return (mr_epmapper_ept_entry_t){object, note & 64 ? NULL : &entry->twr,
                                     (uint8_t *)entry->annotation};
}

static mr_ndr_context read_handle(mr_cursor *c, const struct client *client) {
    uint8_t which = mr_cursor_read_u8(c);

    if (!(which & 1) || !client->open_count)
        return (mr_ndr_context){.uuid.time_low = which == 0xfe};
    return client->open[(which >> 1) % client->open_count].handle;
}

static void do_insert(struct run *r, unsigned client, mr_cursor *c) {
    static struct entry room[3];
    mr_epmapper_ept_entry_t entries[3];
    uint8_t how = mr_cursor_read_u8(c);
    struct mr_epmapper_ept_insert args = {.num_ents = how % 4, .entries = entries,
                                          .replace = how & 4};

    for (uint32_t i = 0; i < args.num_ents; i++)
        entries[i] = read_entry(c, &room[i]);
    if (how & 8)
        try_args(r, client, 1, &(struct mr_epmapper_ept_delete){.num_ents = args.num_ents,
                                                                .entries = entries});
    else
        try_args(r, client, 0, &args);
}

static void do_mgmt_delete(struct run *r, unsigned client, mr_cursor *c) {
    static struct entry room;
    uint8_t how = mr_cursor_read_u8(c);
    mr_epmapper_ept_entry_t entry = read_entry(c, &room);
    struct mr_epmapper_ept_mgmt_delete args = {.object_speced = how & 1,
                                               .object = how & 2 ? &entry.object : NULL,
                                               .tower = entry.tower};

    try_args(r, client, 6, &args);
}

static void do_lookup(struct run *r, unsigned client, mr_cursor *c) {
    uint8_t how = mr_cursor_read_u8(c), most = mr_cursor_read_u8(c);
    mr_uuid object = read_object(c);
    mr_syntax iface = read_iface(c);
    mr_epmapper_rpc_if_id_t id = {iface.uuid, iface.major, iface.minor};
    struct mr_epmapper_ept_lookup args = {
        .inquiry_type = how % 5, .object = how & 0x40 ? NULL : &object,
        .interface_id = how & 0x80 ? NULL : &id, .vers_option = (how >> 3) % 8,
        .max_ents = most == 0xff ? 500 : most % 16,
        .entry_handle = read_handle(c, &r->clients[client])};

    try_args(r, client, 2, &args);
}

static void do_map(struct run *r, unsigned client, mr_cursor *c) {
    static struct entry room;
    uint8_t most = mr_cursor_read_u8(c);
    mr_epmapper_ept_entry_t entry = read_entry(c, &room);
    struct mr_epmapper_ept_map args = {
        .object = most & 0x80 ? NULL : &entry.object, .map_tower = entry.tower,
        .max_towers = most % 16, .entry_handle = read_handle(c, &r->clients[client])};

    try_args(r, client, 3, &args);
}

static void do_raw(struct run *r, unsigned client, mr_cursor *c) {
    uint16_t opnum = mr_cursor_read_u8(c) % 7;
    size_t len = mr_cursor_read_u8(c) * 2u, left = mr_cursor_left(c);

    mr_buf_reset(&r->stub);
    mr_buf_write(&r->stub, mr_cursor_read(c, len < left ? len : left));
    try_stub(r, client, opnum);
}

static void do_mgmt(struct run *r, unsigned client, mr_cursor *c) {
    uint8_t opnum = mr_cursor_read_u8(c) % 5, count = mr_cursor_read_u8(c);

    mr_buf_reset(&r->stub);
    if (opnum == 1 || opnum == 4)
        mr_buf_write_u32(&r->stub, count);
    if (opnum == 4)
        mr_buf_write_u32(&r->stub, count);
    uint32_t fault = ask(r, client, 0, opnum);
    check(fault == (opnum == 4 && !count ? MR_FAULT_NDR : 0), "a fault of mgmt");
    mr_cursor reply = mr_cursor_of(mr_buf_slice(&r->reply));
    uint32_t first = mr_cursor_read_u32(&reply);
    if (opnum == 1)
        check(first == (count < 4 ? count : 4), "another number of statistics");
    if (opnum == 0)
        check(mr_cursor_read_u32(&reply) == 1, "another number of interfaces");
    if (opnum == 2)
        check(mr_cursor_read_u32(&reply) == 1 && !first, "it does not listen");
    if (opnum == 3)
        check(!first == (who[client].local && who[client].trusted), "who may stop it");
}

static void do_op(struct run *r, mr_cursor *c) {
    uint8_t op = mr_cursor_read_u8(c);
    unsigned client = (op >> 4) % CLIENTS;

    switch (op & 15) {
    case 0:
    case 1:
    case 2:
    case 3:
        do_insert(r, client, c);
        break;
    case 4:
        do_mgmt_delete(r, client, c);
        break;
    case 5:
    case 6:
    case 7:
        do_lookup(r, client, c);
        break;
    case 8:
    case 9:
        do_map(r, client, c);
        break;
    case 10:
        try_args(r, client, 4, &(struct mr_epmapper_ept_lookup_handle_free){
                                   .entry_handle = read_handle(c, &r->clients[client])});
        break;
    case 11:
        do_mgmt(r, client, c);
        break;
    case 12:
        close_client(r, client);
        break;
    case 13:
        mr_buf_reset(&r->stub);
        try_stub(r, client, 5);
        break;
    default:
        do_raw(r, client, c);
    }
}

static void on_stop(void *user, mr_server *server) {
    (void)user;
    (void)server;
}

static void open_all(struct run *r) {
    static const mr_listen_options listen[2] = {
        {.local = {.family = MR_FAMILY_IPV4, .port = 135, .ip = {10, 0, 0, 1}}}, {.path = "/sock"}};
    const mr_server_options options = {.stop = on_stop};
    mr_server_endpoint *e = NULL;

    fake_init(&r->loop, &r->state);
    int bad = mr_mapper_db_init(&r->db);
    bad = bad ? bad : mr_server_new(&r->loop, &options, &r->server, NULL);
    for (unsigned i = 0; i < 2 && !bad; i++) {
        bad = mr_server_add_endpoint(r->server, &listen[i], &e, NULL);
        bad = bad ? bad : mr_serve_add_mgmt(e, NULL);
        bad = bad ? bad : mr_serve_add_mapper(e, &r->db, NULL);
    }
    check(!bad, "no mapper");
    for (unsigned i = 0; i < CLIENTS; i++)
        connect_client(r, i);
    mr_buf_init(&r->stub, NULL, 0, SIZE_MAX);
    mr_buf_init(&r->reply, NULL, 0, SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct row rows[ROWS_MAX];
    mr_cursor c = mr_cursor_of(mr_slice_of(data, size));
    struct run *r = calloc(1, sizeof *r);

    if (!r)
        return 0;
    r->rows = rows;
    mr_buf_init(&r->reply, NULL, 0, SIZE_MAX);
    open_all(r);
    while (mr_cursor_left(&c))
        do_op(r, &c);
    mr_server_free(r->server);
    check(r->db.count == 0, "rows of processes that are gone");
    mr_mapper_db_deinit(&r->db);
    fake_deinit(&r->loop);
    mr_buf_deinit(&r->stub);
    mr_buf_deinit(&r->reply);
    free(r);
    return 0;
}
