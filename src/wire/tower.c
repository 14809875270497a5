/*
 * Protocol towers (C706 appendices I and L, MS-RPCE 2.2.1.2). Decoding walks the floors twice: once
 * to check every length, once to say what the floors mean; the second walk is the public one.
 * Whatever a floor means, its octets stay within the tower's.
 */
#include <msrpc/wire/tower.h>

#include <arpa/inet.h>

#define FLOOR_SYNTAX_LHS 18 /* UUID and major version, after the protocol identifier */

static int malformed(mr_error *err, size_t offset, const char *what) {
    return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, offset, "%s", what);
}

bool mr_tower_read_floor(mr_cursor *floors, mr_tower_floor *floorp) {
    if (mr_cursor_left(floors) == 0)
        return false;
    mr_cursor lhs = mr_cursor_window(floors, mr_cursor_read_u16(floors));
    mr_tower_floor floor = {.protocol = mr_cursor_read_u8(&lhs)};
    floor.lhs = mr_cursor_read(&lhs, mr_cursor_left(&lhs));
    floor.rhs = mr_cursor_read(floors, mr_cursor_read_u16(floors));
    if (!mr_cursor_ok(&lhs))
        mr_cursor_poison(floors);
    if (!mr_cursor_ok(floors))
        return false;
    *floorp = floor;
    return true;
}

/* A slice up to its first NUL. */
static mr_slice until_nul(mr_slice s) {
    const uint8_t *nul = s.len ? memchr(s.data, 0, s.len) : NULL;
    return nul ? mr_slice_sub(s, 0, (size_t)(nul - s.data)) : s;
}

static bool read_syntax_floor(const mr_tower_floor *floor, mr_syntax *syntaxp) {
    mr_cursor lhs = mr_cursor_of(floor->lhs), rhs = mr_cursor_of(floor->rhs);

    if (floor->protocol != MR_PROTOCOL_UUID || floor->lhs.len != FLOOR_SYNTAX_LHS ||
        floor->rhs.len < 2)
        return false;
    syntaxp->uuid = mr_cursor_read_uuid(&lhs);
    syntaxp->major = mr_cursor_read_u16(&lhs);
    syntaxp->minor = mr_cursor_read_u16(&rhs);
    return true;
}

static uint16_t read_le16(mr_slice s) {
    mr_cursor c = mr_cursor_of(s);
    return s.len < 2 ? 0 : mr_cursor_read_u16(&c);
}

static bool is_port(uint8_t protocol) {
    return protocol == MR_PROTOCOL_TCP || protocol == MR_PROTOCOL_UDP ||
           protocol == MR_PROTOCOL_HTTP;
}

/* Floor 4: a port, big-endian, or a name. */
static int set_endpoint(mr_tower *tower, const mr_tower_floor *floor, size_t at, mr_error *err) {
    tower->protseq = mr_protseq_find_floors(tower->rpc_protocol, floor->protocol);
    if (!is_port(floor->protocol)) {
        if (tower->protseq != MR_PROTSEQ_UNKNOWN)
            tower->endpoint = until_nul(floor->rhs);
        return 0;
    }
    if (floor->rhs.len != 2)
        return malformed(err, at, "the floor of a port does not hold two octets");
    tower->has_port = true;
    tower->port = (uint16_t)(floor->rhs.data[0] << 8 | floor->rhs.data[1]);
    return 0;
}

/* Floor 5: an address in network order, or a name. */
static int set_host(mr_tower *tower, const mr_tower_floor *floor, size_t at, mr_error *err) {
    if (floor->protocol == MR_PROTOCOL_NETBIOS) {
        tower->host_kind = MR_TOWER_HOST_NAME;
        tower->host = until_nul(floor->rhs);
    } else if (floor->protocol == MR_PROTOCOL_IP) {
        if (floor->rhs.len != 4 && floor->rhs.len != 16)
            return malformed(err, at, "the floor of an IP address holds neither 4 nor 16 octets");
        tower->host_kind = floor->rhs.len == 4 ? MR_TOWER_HOST_IPV4 : MR_TOWER_HOST_IPV6;
        tower->host = floor->rhs;
    }
    return 0;
}

/* Steps over the floors that the tower says it has. */
static int check_floors(mr_cursor *c, unsigned count, mr_error *err) {
    mr_tower_floor floor;

    for (unsigned i = 0; i < count; i++) {
        size_t start = c->pos;
        if (mr_tower_read_floor(c, &floor))
            continue;
        mr_cursor lhs = *c;
        lhs.pos = start;
        lhs.bad = false;
        if (mr_cursor_left(&lhs) >= 2 && mr_cursor_read_u16(&lhs) == 0)
            return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, start,
                           "floor %u has no protocol identifier", i + 1);
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, c->bad ? c->bad_at : start,
                       "the tower ends within floor %u of %u", i + 1, count);
    }
    return 0;
}

/* Says what the checked floors mean. */
static int interpret(mr_tower *tower, mr_error *err) {
    mr_cursor c = tower->floors;
    mr_tower_floor floor;
    size_t start = c.pos;
    int r = 0;

    for (unsigned i = 0; r == 0 && mr_tower_read_floor(&c, &floor); i++) {
        if (i < 2) {
            if (!read_syntax_floor(&floor, i == 0 ? &tower->interface : &tower->transfer))
                return malformed(err, start, i == 0 ? "floor 1 is not an interface"
                                                    : "floor 2 is not a transfer syntax");
        } else if (i == 2) {
            tower->rpc_protocol = floor.protocol;
            tower->rpc_minor = read_le16(floor.rhs);
        } else if (i == 3) {
            r = set_endpoint(tower, &floor, start, err);
        } else if (i == 4) {
            r = set_host(tower, &floor, start, err);
        }
        start = c.pos;
    }
    return r;
}

int mr_tower_decode(mr_slice octets, mr_tower *towerp, mr_error *err) {
    mr_cursor c = mr_cursor_of(octets);
    mr_tower tower = {0};

    tower.floor_count = mr_cursor_read_u16(&c);
    if (!mr_cursor_ok(&c))
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, 0,
                       "the tower ends before its number of floors");
    if (tower.floor_count < MR_TOWER_FLOORS_MIN)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 0,
                       "%u floors make no protocol tower", tower.floor_count);
    if (tower.floor_count > MR_TOWER_FLOORS_MAX)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_WIRE, 0, "%u floors are more than %u",
                       tower.floor_count, MR_TOWER_FLOORS_MAX);
    tower.floors = c;
    int r = check_floors(&c, tower.floor_count, err);
    if (r < 0)
        return r;
    tower.floors.end = c.pos;
    tower.rest = mr_cursor_read(&c, mr_cursor_left(&c));
    r = interpret(&tower, err);
    if (r < 0)
        return r;
    *towerp = tower;
    return 0;
}

static void write_syntax_floor(mr_buf *buf, const mr_syntax *syntax) {
    mr_buf_write_u16(buf, 1 + FLOOR_SYNTAX_LHS);
    mr_buf_write_u8(buf, MR_PROTOCOL_UUID);
    mr_buf_write_uuid(buf, &syntax->uuid);
    mr_buf_write_u16(buf, syntax->major);
    mr_buf_write_u16(buf, 2);
    mr_buf_write_u16(buf, syntax->minor);
}

static void write_floor(mr_buf *buf, uint8_t protocol, mr_slice rhs, bool nul) {
    mr_buf_write_u16(buf, 1);
    mr_buf_write_u8(buf, protocol);
    mr_buf_write_u16(buf, (uint16_t)(rhs.len + nul));
    mr_buf_write(buf, rhs);
    if (nul)
        mr_buf_write_u8(buf, 0);
}

static void write_tower(mr_buf *buf, const mr_tower *tower, uint8_t rpc, uint8_t transport) {
    static const uint8_t any[4] = {0};
    const uint8_t minor[2] = {(uint8_t)tower->rpc_minor, (uint8_t)(tower->rpc_minor >> 8)};
    const uint8_t port[2] = {(uint8_t)(tower->port >> 8), (uint8_t)tower->port};

    bool has_host = tower->protseq != MR_PROTSEQ_NCALRPC || tower->host_kind != MR_TOWER_HOST_NONE;

    mr_buf_write_u16(buf, has_host ? 5 : 4);
    write_syntax_floor(buf, &tower->interface);
    write_syntax_floor(buf, &tower->transfer);
    write_floor(buf, rpc, mr_slice_of(minor, sizeof minor), false);
    if (is_port(transport)) {
        write_floor(buf, transport, mr_slice_of(port, sizeof port), false);
        write_floor(buf, MR_PROTOCOL_IP,
                    tower->host_kind == MR_TOWER_HOST_NONE ? mr_slice_of(any, sizeof any)
                                                           : tower->host, false);
    } else {
        write_floor(buf, transport, tower->endpoint, true);
        if (has_host)
            write_floor(buf, MR_PROTOCOL_NETBIOS, tower->host, true);
    }
}

/* Whether the host and the endpoint are of the kind that the protocol sequence has. */
static bool fits(const mr_tower *tower, bool port) {
    if (until_nul(tower->endpoint).len != tower->endpoint.len)
        return false;
    switch (tower->host_kind) {
    case MR_TOWER_HOST_NONE:
        return tower->host.len == 0;
    case MR_TOWER_HOST_IPV4:
        return port && tower->host.len == 4;
    case MR_TOWER_HOST_IPV6:
        return port && tower->host.len == 16;
    case MR_TOWER_HOST_NAME:
        return !port && until_nul(tower->host).len == tower->host.len;
    }
    return false;
}

int mr_tower_encode(const mr_tower *tower, mr_buf *buf) {
    uint8_t rpc = MR_PROTOCOL_RPC_CO, transport = 0;

    if (buf->error)
        return buf->error;
    if (tower->protseq == MR_PROTSEQ_NCACN_IP_TCP) {
        transport = MR_PROTOCOL_TCP;
    } else if (tower->protseq == MR_PROTSEQ_NCACN_HTTP) {
        transport = MR_PROTOCOL_HTTP;
    } else if (tower->protseq == MR_PROTSEQ_NCACN_NP) {
        transport = MR_PROTOCOL_SMB;
    } else if (tower->protseq == MR_PROTSEQ_NCADG_IP_UDP) {
        rpc = MR_PROTOCOL_RPC_CL;
        transport = MR_PROTOCOL_UDP;
    } else if (tower->protseq == MR_PROTSEQ_NCALRPC) {
        rpc = MR_PROTOCOL_NCALRPC;
        transport = MR_PROTOCOL_NAMED_PIPE;
    } else {
        return MR_ERR_UNSUPPORTED;
    }
    if (!fits(tower, is_port(transport)))
        return MR_ERR_ARGUMENT;
    /* the floors around the names take less than 128 octets */
    if (tower->endpoint.len > MR_TOWER_SIZE_MAX - 128 ||
        tower->host.len > MR_TOWER_SIZE_MAX - 128 - tower->endpoint.len)
        return MR_ERR_LIMIT;
    bool big = buf->big;
    buf->big = false;
    write_tower(buf, tower, rpc, transport);
    buf->big = big;
    return buf->error;
}

int mr_tower_get_binding(const mr_tower *tower, mr_arena *arena, mr_binding *bindingp) {
    mr_binding binding = {.protseq = tower->protseq};
    char address[INET6_ADDRSTRLEN] = "";
    mr_slice host = tower->host;
    char *text;

    if (tower->protseq == MR_PROTSEQ_UNKNOWN)
        return MR_ERR_UNSUPPORTED;
    if (tower->host_kind == MR_TOWER_HOST_IPV4 || tower->host_kind == MR_TOWER_HOST_IPV6) {
        int family = tower->host_kind == MR_TOWER_HOST_IPV4 ? AF_INET : AF_INET6;
        if (!inet_ntop(family, tower->host.data, address, sizeof address))
            return MR_ERR_ARGUMENT;
        host = mr_slice_str(address);
    }
    while (host.len > 0 && host.data[0] == '\\')
        host = mr_slice_sub(host, 1, host.len);
    text = mr_arena_add_str(arena, host);
    if (!text)
        return MR_ERR_MEMORY;
    binding.host = mr_slice_of(text, host.len);
    text = tower->has_port ? mr_arena_add_fmt(arena, "%u", tower->port)
                           : mr_arena_add_str(arena, tower->endpoint);
    if (!text)
        return MR_ERR_MEMORY;
    binding.endpoint = tower->has_port ? mr_slice_str(text)
                                       : mr_slice_of(text, tower->endpoint.len);
    binding.protseq_text = mr_slice_str(mr_protseq_name(tower->protseq));
    *bindingp = binding;
    return 0;
}
