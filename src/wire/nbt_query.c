/*
 * Name queries of the NetBIOS name service and what may answer them (RFC 1002 4.2.12 to 4.2.16):
 * addresses, a refusal, the address of another name server, or "wait". An answer repeats no
 * question, but some senders do: it is stepped over. A name that is a pointer is never followed.
 */
#include "nbt_private.h"

#define FLAG_RESPONSE 0x8000
#define FLAG_AUTHORITATIVE 0x0400
#define FLAG_TRUNCATED 0x0200
#define FLAG_RECURSION_DESIRED 0x0100
#define FLAG_RECURSION_AVAILABLE 0x0080
#define FLAG_BROADCAST 0x0010
#define OPCODE(flags) ((flags) >> 11 & 15)
#define OPCODE_QUERY 0
#define OPCODE_WACK 7

#define TYPE_A 1
#define ADDR_ENTRY 6
#define ENCODED (2 * MR_NBT_NAME)
#define NAME_MAX 255

static bool scope_fits(mr_slice scope) {
    size_t label = 0;

    if (scope.len == 0)
        return true;
    if (1 + ENCODED + 1 + scope.len + 1 > NAME_MAX)
        return false;
    for (size_t i = 0; i <= scope.len; i++) {
        if (i < scope.len && scope.data[i] != '.') {
            label++;
            continue;
        }
        if (label == 0 || label > 63)
            return false;
        label = 0;
    }
    return true;
}

int mr_nbt_encode_question(const mr_nbt_question *question, mr_buf *out) {
    bool big = out->big;

    if (!scope_fits(question->scope))
        return MR_ERR_ARGUMENT;
    out->big = true;
    mr_buf_write_u16(out, question->id);
    mr_buf_write_u16(out, (uint16_t)((question->recursion ? FLAG_RECURSION_DESIRED : 0) |
                                     (question->broadcast ? FLAG_BROADCAST : 0)));
    mr_buf_write_u16(out, 1);
    mr_buf_write_zero(out, 6);
    mr_nbt_write_name(out, question->name, question->scope);
    mr_buf_write_u16(out, question->type);
    mr_buf_write_u16(out, NBT_CLASS_IN);
    out->big = big;
    return mr_buf_error(out);
}

struct record {
    bool has_name;
    uint8_t name[MR_NBT_NAME];
    char scope[NAME_MAX + 1];
    uint16_t type;
    uint32_t ttl;
    mr_cursor data;
};

/* The 32 letters of a label as 16 octets; false when they are none. */
static bool decode_label(mr_slice label, uint8_t name[MR_NBT_NAME]) {
    if (label.len != ENCODED)
        return false;
    for (size_t i = 0; i < ENCODED; i++) {
        uint8_t letter = label.data[i];
        if (letter < 'A' || letter > 'P')
            return false;
        name[i / 2] = (uint8_t)(i & 1 ? name[i / 2] | (letter - 'A') : (letter - 'A') << 4);
    }
    return true;
}

/* A name in full: the encoded label, then the scope's. */
static void read_name(mr_cursor *c, struct record *rec) {
    size_t used = 0;

    rec->has_name = false;
    rec->scope[0] = '\0';
    for (size_t i = 0;; i++) {
        uint8_t n = mr_cursor_read_u8(c);
        if (n == 0)
            return;
        if ((n & 0xc0) == 0xc0) {
            mr_cursor_skip(c, 1);
            return;
        }
        if (n & 0xc0)
            mr_cursor_poison(c);
        mr_slice label = mr_cursor_read(c, n);
        if (i == 0) {
            rec->has_name = decode_label(label, rec->name);
            continue;
        }
        if (used + 1 + label.len >= sizeof rec->scope) {
            mr_cursor_poison(c);
            return;
        }
        if (used)
            rec->scope[used++] = '.';
        if (label.len)
            memcpy(rec->scope + used, label.data, label.len);
        used += label.len;
        rec->scope[used] = '\0';
    }
}

static void read_record(mr_cursor *c, struct record *rec) {
    read_name(c, rec);
    rec->type = mr_cursor_read_u16(c);
    mr_cursor_skip(c, 2); /* class */
    rec->ttl = mr_cursor_read_u32(c);
    rec->data = mr_cursor_window(c, mr_cursor_read_u16(c));
}

static int cut_short(mr_error *err, const mr_cursor *c) {
    return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, c->bad_at,
                   "NetBIOS: the answer ends too early");
}

static int take_addrs(struct record *rec, mr_arena *arena, mr_nbt_answer *a, mr_error *err) {
    size_t count = mr_cursor_left(&rec->data) / ADDR_ENTRY;

    if (rec->type != MR_NBT_TYPE_NB)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, rec->data.pos,
                       "NetBIOS: a record of type %u answers no name query", rec->type);
    a->addrs = mr_arena_get(arena, count, sizeof *a->addrs);
    if (!a->addrs)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_WIRE, MR_ERROR_NO_OFFSET,
                       "no memory for NetBIOS addresses");
    while (a->addr_count < count) {
        mr_nbt_addr *addr = &a->addrs[a->addr_count++];
        addr->flags = mr_cursor_read_u16(&rec->data);
        memcpy(addr->ip, mr_cursor_read(&rec->data, 4).data, 4);
    }
    return 0;
}

/* The address record among the @count records that follow the name server's. */
static void take_server(mr_cursor *c, unsigned count, mr_nbt_answer *a) {
    struct record rec;

    while (count-- && mr_cursor_left(c)) {
        read_record(c, &rec);
        mr_slice ip = mr_cursor_read(&rec.data, 4);
        if (rec.type == TYPE_A && ip.len == 4)
            memcpy(a->server, ip.data, 4);
    }
}

static int header_decode(mr_cursor *c, mr_nbt_answer *a, uint16_t counts[4], mr_error *err) {
    a->id = mr_cursor_read_u16(c);
    uint16_t flags = mr_cursor_read_u16(c);
    for (int i = 0; i < 4; i++)
        counts[i] = mr_cursor_read_u16(c);
    if (!mr_cursor_ok(c))
        return cut_short(err, c);
    if (!(flags & FLAG_RESPONSE) ||
        (OPCODE(flags) != OPCODE_QUERY && OPCODE(flags) != OPCODE_WACK))
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 2, "NetBIOS: this is no answer");
    a->rcode = flags & 15;
    a->authoritative = flags & FLAG_AUTHORITATIVE;
    a->truncated = flags & FLAG_TRUNCATED;
    a->recursion_available = flags & FLAG_RECURSION_AVAILABLE;
    a->broadcast = flags & FLAG_BROADCAST;
    if (OPCODE(flags) == OPCODE_WACK)
        a->kind = MR_NBT_ANSWER_WAIT;
    else if (a->rcode)
        a->kind = MR_NBT_ANSWER_NEGATIVE;
    else if (counts[1] == 0 && counts[2])
        a->kind = MR_NBT_ANSWER_REDIRECT;
    else if (counts[1] == 0)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 6,
                       "NetBIOS: the answer has no record");
    else
        a->kind = MR_NBT_ANSWER_POSITIVE;
    return 0;
}

int mr_nbt_answer_decode(mr_slice bytes, mr_arena *arena, mr_nbt_answer *answerp, mr_error *err) {
    mr_cursor c = mr_cursor_of(bytes);
    mr_nbt_answer a = {0};
    struct record rec = {0};
    uint16_t counts[4];

    c.big = true;
    int r = header_decode(&c, &a, counts, err);
    if (r != 0)
        return r;
    for (unsigned i = 0; i < counts[0] && mr_cursor_left(&c); i++) {
        read_name(&c, &rec);
        mr_cursor_skip(&c, 4);
    }
    /* a negative answer may count no record and have one, or have none */
    if (a.kind != MR_NBT_ANSWER_NEGATIVE || mr_cursor_left(&c))
        read_record(&c, &rec);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c);
    a.has_name = rec.has_name;
    memcpy(a.name, rec.name, sizeof a.name);
    a.ttl = rec.ttl;
    a.scope = mr_arena_add_str(arena, mr_slice_str(rec.scope));
    if (!a.scope)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_WIRE, MR_ERROR_NO_OFFSET,
                       "no memory for a NetBIOS scope");
    if (a.kind == MR_NBT_ANSWER_POSITIVE && (r = take_addrs(&rec, arena, &a, err)) != 0)
        return r;
    if (a.kind == MR_NBT_ANSWER_REDIRECT)
        take_server(&c, counts[3], &a);
    *answerp = a;
    return 0;
}

const char *mr_nbt_rcode_text(uint8_t rcode) {
    switch (rcode) {
    case 0: return "no error";
    case 1: return "the question was malformed";
    case 2: return "the name server failed";
    case 3: return "the name does not exist";
    case 4: return "the name server does not know this kind of question";
    case 5: return "the name server refuses";
    case 6: return "another node owns the name";
    case 7: return "the name is in conflict";
    default: return "unknown code"; /* four bits off the wire */
    }
}

const char *mr_nbt_node_text(uint16_t flags) {
    static const char *const nodes[] = {"B", "P", "M", "H"};

    return nodes[MR_NBT_NODE(flags)];
}
