/*
 * SMB2 messages (MS-SMB2 2.2). Every body begins with StructureSize, which counts the fixed part
 * and, when it is odd, one octet of the variable part; it tells a reply from an error. Invariant:
 * no offset of a message is followed before it and its length were found inside the message.
 */
#include <msrpc/wire/smb2.h>

static const char *const command_names[] = {
    "NEGOTIATE", "SESSION_SETUP", "LOGOFF", "TREE_CONNECT", "TREE_DISCONNECT", "CREATE", "CLOSE",
    "FLUSH", "READ", "WRITE", "LOCK", "IOCTL", "CANCEL", "ECHO", "QUERY_DIRECTORY",
    "CHANGE_NOTIFY", "QUERY_INFO", "SET_INFO", "OPLOCK_BREAK", "SERVER_TO_CLIENT_NOTIFICATION",
};

const char *mr_smb2_command_name(uint16_t command) {
    return command < MR_COUNT(command_names) ? command_names[command] : "UNKNOWN";
}

enum mr_smb_magic mr_smb_get_magic(mr_slice message) {
    if (message.len < 4 || memcmp(message.data + 1, "SMB", 3) != 0)
        return MR_SMB_MAGIC_NONE;
    switch (message.data[0]) {
    case 0xff: return MR_SMB_MAGIC_SMB1;
    case 0xfe: return MR_SMB_MAGIC_SMB2;
    case 0xfd: return MR_SMB_MAGIC_TRANSFORM;
    case 0xfc: return MR_SMB_MAGIC_COMPRESSED;
    default: return MR_SMB_MAGIC_NONE; /* an octet off the wire */
    }
}

static int cut_short(mr_error *err, const mr_cursor *c, const char *what) {
    return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, c->bad_at, "SMB2: %s ends too early",
                   what);
}

/* ---- headers ---- */

int mr_smb2_header_decode(mr_slice message, mr_smb2_header *headerp, mr_error *err) {
    mr_cursor c = mr_cursor_of(message);
    mr_smb2_header h = {0};

    mr_cursor_skip(&c, 4);
    uint16_t size = mr_cursor_read_u16(&c);
    h.credit_charge = mr_cursor_read_u16(&c);
    h.status = mr_cursor_read_u32(&c);
    h.command = mr_cursor_read_u16(&c);
    h.credits = mr_cursor_read_u16(&c);
    h.flags = mr_cursor_read_u32(&c);
    h.next = mr_cursor_read_u32(&c);
    h.message_id = mr_cursor_read_u64(&c);
    if (h.flags & MR_SMB2_ASYNC) {
        h.async_id = mr_cursor_read_u64(&c);
    } else {
        mr_cursor_skip(&c, 4);
        h.tree_id = mr_cursor_read_u32(&c);
    }
    h.session_id = mr_cursor_read_u64(&c);
    h.signature = mr_cursor_read(&c, 16);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c, "a header");
    if (mr_smb_get_magic(message) != MR_SMB_MAGIC_SMB2 || size != MR_SMB2_HEADER)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 0, "this is no SMB2 header");
    /* commands of a compound begin at multiples of 8 */
    if (h.next && (h.next < MR_SMB2_HEADER || h.next % 8))
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 20,
                       "SMB2: the next command cannot be %u octets on", h.next);
    *headerp = h;
    return 0;
}

int mr_smb2_transform_decode(mr_slice frame, mr_smb2_transform *transformp, mr_error *err) {
    mr_cursor c = mr_cursor_of(frame);
    mr_smb2_transform t = {0};

    mr_cursor_skip(&c, 4 + 16 + 16); /* protocol, signature, nonce */
    t.size = mr_cursor_read_u32(&c);
    mr_cursor_skip(&c, 2);
    t.flags = mr_cursor_read_u16(&c);
    t.session_id = mr_cursor_read_u64(&c);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c, "a transform header");
    if (mr_smb_get_magic(frame) != MR_SMB_MAGIC_TRANSFORM)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 0, "this is no transform header");
    *transformp = t;
    return 0;
}

/* ---- bodies ---- */

/* A cursor behind StructureSize, which must be @size. */
static int open_body(mr_slice message, uint16_t size, const char *what, mr_cursor *cp,
                     mr_error *err) {
    mr_cursor c = mr_cursor_of(message);

    mr_cursor_skip(&c, MR_SMB2_HEADER);
    uint16_t found = mr_cursor_read_u16(&c);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c, what);
    if (found != size)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, MR_SMB2_HEADER,
                       "SMB2: %s has a body of %u, not %u octets", what, found, size);
    *cp = c;
    return 0;
}

/* The @len octets at @offset of the message; poisons @c when they are not all there, or would lie
 * in the header. */
static mr_slice buffer(mr_slice message, mr_cursor *c, size_t offset, size_t len) {
    if (len == 0)
        return MR_SLICE_NULL;
    if (offset < MR_SMB2_HEADER || offset > message.len || len > message.len - offset) {
        mr_cursor_poison(c);
        return MR_SLICE_NULL;
    }
    return mr_slice_of(message.data + offset, len);
}

static mr_smb2_fid read_fid(mr_cursor *c) {
    mr_smb2_fid fid;

    fid.persistent = mr_cursor_read_u64(c);
    fid.volatil = mr_cursor_read_u64(c);
    return fid;
}

#define CONTEXT_NETNAME 5 /* 2.2.3.1.4 */

/* The contexts of 3.1.1; one that cannot be read ends them. */
static void read_contexts(mr_slice message, size_t offset, unsigned count,
                          mr_smb2_negotiate *n) {
    mr_cursor c = mr_cursor_of(message);

    mr_cursor_skip(&c, offset);
    while (count-- > 0 && mr_cursor_left(&c)) {
        mr_cursor_align(&c, 0, 8);
        uint16_t type = mr_cursor_read_u16(&c), len = mr_cursor_read_u16(&c);
        mr_cursor_skip(&c, 4);
        mr_slice data = mr_cursor_read(&c, len);
        if (type == CONTEXT_NETNAME)
            n->server_name = data;
    }
}

int mr_smb2_negotiate_decode(mr_slice message, mr_smb2_negotiate *negotiatep, mr_error *err) {
    static const char what[] = "a NEGOTIATE";
    mr_smb2_negotiate n = {0};
    bool contexts = false;
    mr_cursor c = {0};
    int r = open_body(message, 36, what, &c, err);

    if (r < 0)
        return r;
    uint16_t count = mr_cursor_read_u16(&c);
    n.security = mr_cursor_read_u16(&c);
    mr_cursor_skip(&c, 2);
    n.capabilities = mr_cursor_read_u32(&c);
    n.guid = mr_cursor_read_uuid(&c);
    uint32_t contexts_at = mr_cursor_read_u32(&c);
    uint16_t context_count = mr_cursor_read_u16(&c);
    mr_cursor_skip(&c, 2);
    for (unsigned i = 0; i < count && mr_cursor_ok(&c); i++) {
        uint16_t dialect = mr_cursor_read_u16(&c);
        contexts |= dialect == MR_SMB3_1_1;
        if (n.dialect_count < MR_SMB2_DIALECTS_MAX)
            n.dialects[n.dialect_count++] = dialect;
    }
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c, what);
    if (contexts) /* without 3.1.1 these fields are a time (2.2.3) */
        read_contexts(message, contexts_at, context_count, &n);
    *negotiatep = n;
    return 0;
}

int mr_smb2_session_decode(mr_slice message, mr_smb2_session *sessionp, mr_error *err) {
    static const char what[] = "a SESSION_SETUP";
    mr_smb2_session s = {0};
    mr_cursor c = {0};
    int r = open_body(message, 25, what, &c, err);

    if (r < 0)
        return r;
    s.flags = mr_cursor_read_u8(&c);
    s.security = mr_cursor_read_u8(&c);
    mr_cursor_skip(&c, 8); /* capabilities, channel */
    uint16_t at = mr_cursor_read_u16(&c), len = mr_cursor_read_u16(&c);
    s.previous = mr_cursor_read_u64(&c);
    s.token = buffer(message, &c, at, len);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c, what);
    *sessionp = s;
    return 0;
}

int mr_smb2_session_reply_decode(mr_slice message, mr_smb2_session *sessionp, mr_error *err) {
    static const char what[] = "the answer to a SESSION_SETUP";
    mr_smb2_session s = {0};
    mr_cursor c = {0};
    int r = open_body(message, 9, what, &c, err);

    if (r < 0)
        return r;
    s.flags = mr_cursor_read_u16(&c);
    uint16_t at = mr_cursor_read_u16(&c), len = mr_cursor_read_u16(&c);
    s.token = buffer(message, &c, at, len);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c, what);
    *sessionp = s;
    return 0;
}

int mr_smb2_tree_decode(mr_slice message, mr_slice *pathp, mr_error *err) {
    static const char what[] = "a TREE_CONNECT";
    mr_cursor c = {0};
    int r = open_body(message, 9, what, &c, err);

    if (r < 0)
        return r;
    mr_cursor_skip(&c, 2);
    uint16_t at = mr_cursor_read_u16(&c), len = mr_cursor_read_u16(&c);
    mr_slice path = buffer(message, &c, at, len);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c, what);
    *pathp = path;
    return 0;
}

int mr_smb2_tree_reply_decode(mr_slice message, mr_smb2_tree *treep, mr_error *err) {
    static const char what[] = "the answer to a TREE_CONNECT";
    mr_smb2_tree t = {0};
    mr_cursor c = {0};
    int r = open_body(message, 16, what, &c, err);

    if (r < 0)
        return r;
    t.type = mr_cursor_read_u8(&c);
    mr_cursor_skip(&c, 1);
    t.flags = mr_cursor_read_u32(&c);
    t.capabilities = mr_cursor_read_u32(&c);
    t.access = mr_cursor_read_u32(&c);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c, what);
    *treep = t;
    return 0;
}

int mr_smb2_create_decode(mr_slice message, mr_smb2_create *createp, mr_error *err) {
    static const char what[] = "a CREATE";
    mr_smb2_create q = {0};
    mr_cursor c = {0};
    int r = open_body(message, 57, what, &c, err);

    if (r < 0)
        return r;
    mr_cursor_skip(&c, 2); /* security, oplock */
    q.impersonation = mr_cursor_read_u32(&c);
    mr_cursor_skip(&c, 16);
    q.access = mr_cursor_read_u32(&c);
    mr_cursor_skip(&c, 8); /* attributes, sharing */
    q.disposition = mr_cursor_read_u32(&c);
    q.options = mr_cursor_read_u32(&c);
    uint16_t at = mr_cursor_read_u16(&c), len = mr_cursor_read_u16(&c);
    mr_cursor_skip(&c, 8);
    q.name = buffer(message, &c, at, len);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c, what);
    *createp = q;
    return 0;
}

int mr_smb2_created_decode(mr_slice message, mr_smb2_created *createdp, mr_error *err) {
    static const char what[] = "the answer to a CREATE";
    mr_smb2_created q = {0};
    mr_cursor c = {0};
    int r = open_body(message, 89, what, &c, err);

    if (r < 0)
        return r;
    mr_cursor_skip(&c, 2); /* oplock, flags */
    q.action = mr_cursor_read_u32(&c);
    mr_cursor_skip(&c, 40); /* four times, allocation */
    q.size = mr_cursor_read_u64(&c);
    q.attributes = mr_cursor_read_u32(&c);
    mr_cursor_skip(&c, 4);
    q.fid = read_fid(&c);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c, what);
    *createdp = q;
    return 0;
}

int mr_smb2_close_decode(mr_slice message, mr_smb2_fid *fidp, mr_error *err) {
    mr_cursor c = {0};
    int r = open_body(message, 24, "a CLOSE", &c, err);

    if (r < 0)
        return r;
    mr_cursor_skip(&c, 6);
    mr_smb2_fid fid = read_fid(&c);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c, "a CLOSE");
    *fidp = fid;
    return 0;
}

/* ---- READ, WRITE, IOCTL ---- */

/* StructureSize of each; its odd octet belongs to the data. */
static uint16_t io_body(uint16_t command, bool response) {
    if (command == MR_SMB2_IOCTL)
        return response ? 49 : 57;
    return response ? 17 : 49;
}

size_t mr_smb2_io_size(uint16_t command, bool response) {
    return MR_SMB2_HEADER + (io_body(command, response) & ~1u);
}

static void read_read(mr_cursor *c, bool response, mr_smb2_io *io) {
    if (response) {
        io->data_at = mr_cursor_read_u8(c);
        mr_cursor_skip(c, 1);
        io->data_len = mr_cursor_read_u32(c);
        mr_cursor_skip(c, 8);
        return;
    }
    mr_cursor_skip(c, 2);
    io->length = mr_cursor_read_u32(c);
    io->offset = mr_cursor_read_u64(c);
    io->fid = read_fid(c);
    mr_cursor_skip(c, 16);
}

static void read_write(mr_cursor *c, bool response, mr_smb2_io *io) {
    if (response) {
        mr_cursor_skip(c, 2);
        io->length = mr_cursor_read_u32(c);
        mr_cursor_skip(c, 8);
        return;
    }
    io->data_at = mr_cursor_read_u16(c);
    io->data_len = mr_cursor_read_u32(c);
    io->offset = mr_cursor_read_u64(c);
    io->fid = read_fid(c);
    mr_cursor_skip(c, 16);
}

static void read_ioctl(mr_cursor *c, bool response, mr_smb2_io *io) {
    mr_cursor_skip(c, 2);
    io->code = mr_cursor_read_u32(c);
    io->fid = read_fid(c);
    io->data_at = mr_cursor_read_u32(c); /* what goes in */
    io->data_len = mr_cursor_read_u32(c);
    if (!response)
        mr_cursor_skip(c, 4);
    uint32_t at = mr_cursor_read_u32(c), len = mr_cursor_read_u32(c);
    if (response) {
        io->data_at = at;
        io->data_len = len;
    } else {
        io->length = mr_cursor_read_u32(c);
    }
    mr_cursor_skip(c, 8);
}

int mr_smb2_io_decode(mr_slice message, mr_smb2_io *iop, mr_error *err) {
    mr_smb2_io io = {0};
    mr_smb2_header h;
    mr_cursor c = {0};
    int r = mr_smb2_header_decode(message, &h, err);

    if (r < 0)
        return r;
    bool response = h.flags & MR_SMB2_RESPONSE;
    if (h.command != MR_SMB2_READ && h.command != MR_SMB2_WRITE && h.command != MR_SMB2_IOCTL)
        return mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_WIRE, 12, "SMB2: %s carries no data",
                       mr_smb2_command_name(h.command));
    const char *what = mr_smb2_command_name(h.command);
    r = open_body(message, io_body(h.command, response), what, &c, err);
    if (r < 0)
        return r;
    if (h.command == MR_SMB2_READ)
        read_read(&c, response, &io);
    else if (h.command == MR_SMB2_WRITE)
        read_write(&c, response, &io);
    else
        read_ioctl(&c, response, &io);
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c, what);
    if (io.data_len && io.data_at < mr_smb2_io_size(h.command, response))
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, MR_SMB2_HEADER + 2,
                       "SMB2: the data of %s would begin inside its head", what);
    *iop = io;
    return 0;
}
