/* The association in its three roles under any octets in any segments. The first octet chooses the
 * role and whether a (credulous) security provider is there; then segments follow: two octets,
 * big-endian (bit 15: to the client, bit 14: a gap, else the length), and that many octets. Each
 * segment lies in memory of its own. Checked: nothing crashes, events point into live memory, held
 * octets and calls stay under their limits, and a sticky error stays. */
#include <msrpc/engine.h>

/* The role: fuzz_assoc_server.c says it is always the server's. */
#ifndef ROLE_OF
#define ROLE_OF(octet) ((enum mr_role)((octet) % 3))
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int yes_step(mr_security *sec, enum mr_dir dir, mr_slice token, mr_buf *out,
                    mr_error *err) {
    (void)dir;
    (void)err;
    if (sec->role != MR_SECURITY_OBSERVER)
        mr_buf_write(out, MR_SLICE_LIT("tok"));
    if (token.len > 0 && token.data[0] == 'p')
        return MR_SECURITY_PENDING;
    return token.len % 3 == 1 ? MR_SECURITY_CONTINUE : 0;
}
static uint16_t yes_sizes(mr_security *sec, uint8_t level) {
    (void)sec;
    return level * 4;
}
static int yes_protect(mr_security *sec, const mr_security_frag *f, uint8_t *body, uint8_t *value,
                       mr_error *err) {
    (void)sec;
    (void)err;
    memset(body, 0x11, f->body.len);
    memset(value, 0x22, f->value.len);
    return 0;
}
static int yes_unprotect(mr_security *sec, const mr_security_frag *f, uint8_t *body,
                         mr_error *err) {
    (void)sec;
    if (body)
        memcpy(body, f->body.data, f->body.len);
    return f->value.len > 0 && f->value.data[0] == 'x'
               ? mr_fail(err, MR_ERR_AUTH, MR_FLOOR_AUTH, 0, "no") : 0;
}
static const mr_security_class yes_class = {.name = "yes", .auth_type = 10, .step = yes_step,
                                            .sizes = yes_sizes, .protect = yes_protect,
                                            .unprotect = yes_unprotect};

typedef struct run {
    mr_assoc a;
    enum mr_role role;
    bool secure;
    bool set;
    mr_security sec;
    mr_stub stub;
    unsigned sum; /* of everything an event shows, so that it is read */
} run;

static void check(bool ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

static void look(run *r, mr_slice s) {
    for (size_t i = 0; i < s.len; i++)
        r->sum += s.data[i];
}

static void set_security(run *r, const mr_event *e) {
    if (!r->secure || r->set || !e->auth.present || r->role == MR_ROLE_CLIENT)
        return;
    r->set = true;
    r->sec.role = r->role == MR_ROLE_TAP ? MR_SECURITY_OBSERVER : MR_SECURITY_ACCEPTOR;
    mr_assoc_set_security(&r->a, &r->sec, e->auth.id, e->auth.level, NULL);
}

static void decide(run *r, const mr_event *e) {
    mr_assoc_answer answers[256] = {0};

    for (uint16_t i = 0; i < e->u.bind.count; i++)
        if (e->u.bind.contexts[i].proposed_count == 0)
            answers[i].result = MR_CONTEXT_PROVIDER_REJECT;
    if (e->u.bind.max_recv == 0x6666)
        mr_assoc_reject(&r->a, 2, MR_SLICE_LIT("eerr"), NULL);
    else
        mr_assoc_accept(&r->a, answers, e->u.bind.count, 1, MR_SLICE_LIT("135"), NULL);
}

static void react(run *r, const mr_event *e) {
    static const uint8_t reply[3000];
    bool server = r->role == MR_ROLE_SERVER;
    uint32_t id;

    look(r, e->pdu);
    look(r, e->auth.value);
    switch ((int)e->kind) {
    case MR_EVENT_BIND:
    case MR_EVENT_ALTER:
        for (uint16_t i = 0; i < e->u.bind.count; i++)
            for (uint8_t k = 0; k < e->u.bind.contexts[i].proposed_count; k++)
                r->sum += e->u.bind.contexts[i].proposed[k].major;
        set_security(r, e);
        if (server)
            decide(r, e);
        break;
    case MR_EVENT_BIND_ACK:
    case MR_EVENT_ALTER_RESP:
        for (uint16_t i = 0; i < e->u.bind.count; i++)
            r->sum += e->u.bind.contexts[i].result;
        look(r, e->u.bind.sec_addr);
        break;
    case MR_EVENT_BIND_NAK:
        look(r, e->u.nak.eerr);
        break;
    case MR_EVENT_READY:
        if (r->role == MR_ROLE_CLIENT)
            for (uint16_t i = 0; i < 3; i++)
                mr_assoc_request(&r->a, &(mr_assoc_call){.opnum = i, .auth = 1},
                                 mr_slice_of(reply, 600u * i), &id, NULL);
        break;
    case MR_EVENT_AUTH_PENDING:
        mr_assoc_resume(&r->a, 1, NULL);
        break;
    case MR_EVENT_REQUEST:
    case MR_EVENT_RESPONSE:
        look(r, e->u.chunk.bytes);
        mr_stub_feed(&r->stub, &e->u.chunk);
        mr_stub_keep(&r->stub);
        if (!server || !e->u.chunk.last)
            break;
        if (e->u.chunk.call.opnum % 4 == 3)
            mr_assoc_fault(&r->a, e->u.chunk.call.id, 1, true, MR_SLICE_LIT("why"), NULL);
        else if (e->u.chunk.call.opnum % 4 != 2)
            mr_assoc_reply(&r->a, e->u.chunk.call.id, mr_slice_of(reply, sizeof reply), false,
                           NULL);
        break;
    case MR_EVENT_FAULT:
        look(r, e->u.fault.eerr);
        break;
    case MR_EVENT_ERROR:
        check(e->u.error->code < 0, "an error event without a code");
        break;
    }
}

static void drain(run *r) {
    mr_event e;
    mr_slice out;
    mr_assoc_info info;

    do {
        while (mr_assoc_pull_event(&r->a, &e))
            react(r, &e);
        if (mr_assoc_pull(&r->a, 2, &out, NULL) < 0)
            out = MR_SLICE_NULL;
        look(r, out);
    } while (out.len > 0);
    while (mr_assoc_pull_event(&r->a, &e))
        react(r, &e);
    mr_assoc_get_info(&r->a, &info);
    check(info.calls <= 64, "more calls than the limit");
    check(info.held <= 100000 + MR_PDU_FRAG_MAX, "more octets held than the budget");
}

static void feed(run *r, enum mr_dir dir, mr_slice seg) {
    uint8_t *copy = malloc(seg.len ? seg.len : 1);
    size_t at = 0;
    int rc;

    if (!copy)
        return;
    if (seg.len > 0)
        memcpy(copy, seg.data, seg.len);
    do {
        size_t used = 0;
        const mr_error *failed = mr_assoc_get_error(&r->a);
        int code = failed ? failed->code : 0;
        rc = mr_assoc_feed(&r->a, dir, mr_slice_of(copy + at, seg.len - at), 1, &used, NULL);
        check(used <= seg.len - at, "more read than given");
        check(code == 0 || rc == code, "an error that did not stay");
        check(code == 0 || r->role != MR_ROLE_TAP || code == MR_ERR_MEMORY, "a tap that fails");
        at += used;
        drain(r);
    } while (rc == MR_ASSOC_DRAIN);
    free(copy);
}

static void begin(run *r) {
    static const mr_syntax echo = {{0x60a15ec5, 0, 0, {0}}, 1, 0};
    mr_assoc_context ask[2] = {
        {.id = 0, .abstract = echo, .transfer = &mr_syntax_ndr20, .transfer_count = 1},
        {.id = 1, .abstract = echo, .transfer = &mr_syntax_ndr64, .transfer_count = 1},
    };

    if (r->role != MR_ROLE_CLIENT)
        return;
    r->sec.role = MR_SECURITY_INITIATOR;
    if (r->secure)
        mr_assoc_set_security(&r->a, &r->sec, 1, MR_AUTH_LEVEL_PRIVACY, NULL);
    mr_assoc_bind(&r->a, ask, 2, 0, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_cursor c = mr_cursor_of(mr_slice_of(data, size));
    uint8_t first = mr_cursor_read_u8(&c);
    run r = {.role = ROLE_OF(first), .secure = first & 0x40,
             .sec = {.class = &yes_class}};
    mr_assoc_config config = {.role = r.role, .budget = 100000, .features = 3,
                              .midstream = first & 0x80};

    if (mr_assoc_init(&r.a, &config, NULL) < 0)
        return 0;
    mr_stub_init(&r.stub, 100000);
    begin(&r);
    drain(&r);
    c.big = true;
    while (mr_cursor_left(&c) >= 2) {
        uint16_t word = mr_cursor_read_u16(&c);
        size_t n = word & 0x3fff;
        enum mr_dir dir = r.role == MR_ROLE_SERVER   ? MR_DIR_TO_SERVER
                          : r.role == MR_ROLE_CLIENT ? MR_DIR_TO_CLIENT
                          : word & 0x8000            ? MR_DIR_TO_CLIENT
                                                     : MR_DIR_TO_SERVER;
        if (word & 0x4000 && r.role == MR_ROLE_TAP)
            mr_assoc_feed_gap(&r.a, dir, n, 1, NULL);
        else
            feed(&r, dir, mr_cursor_read(&c, n < mr_cursor_left(&c) ? n : mr_cursor_left(&c)));
        drain(&r);
    }
    for (int dir = 0; dir < 2; dir++) {
        mr_assoc_feed_end(&r.a, (enum mr_dir)dir, 1, NULL);
        drain(&r);
    }
    mr_assoc_expire(&r.a, 5, NULL);
    drain(&r);
    mr_stub_deinit(&r.stub);
    mr_assoc_deinit(&r.a);
    return 0;
}
