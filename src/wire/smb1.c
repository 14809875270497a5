/*
 * SMB1 messages (MS-CIFS 2.2.3, 2.2.4; MS-SMB 2.2.4). Parameters are words whose count stands
 * before them, data are octets whose count follows. Invariants: a chain of AndX commands only goes
 * forwards, so it ends; an offset is followed only inside the message.
 */
#include <msrpc/wire/smb1.h>


const char *mr_smb1_command_name(uint8_t command) {
    switch (command) { /* MS-CIFS 2.2.2.1 */
    case 0x00: return "CREATE_DIRECTORY";
    case 0x01: return "DELETE_DIRECTORY";
    case 0x02: return "OPEN";
    case 0x03: return "CREATE";
    case MR_SMB1_CLOSE: return "CLOSE";
    case 0x05: return "FLUSH";
    case 0x06: return "DELETE";
    case 0x07: return "RENAME";
    case 0x08: return "QUERY_INFORMATION";
    case 0x09: return "SET_INFORMATION";
    case 0x0a: return "READ";
    case 0x0b: return "WRITE";
    case 0x10: return "CHECK_DIRECTORY";
    case 0x24: return "LOCKING_ANDX";
    case MR_SMB1_TRANSACTION: return "TRANSACTION";
    case MR_SMB1_TRANSACTION_SECONDARY: return "TRANSACTION_SECONDARY";
    case 0x27: return "IOCTL";
    case MR_SMB1_ECHO: return "ECHO";
    case MR_SMB1_OPEN_ANDX: return "OPEN_ANDX";
    case MR_SMB1_READ_ANDX: return "READ_ANDX";
    case MR_SMB1_WRITE_ANDX: return "WRITE_ANDX";
    case MR_SMB1_TRANSACTION2: return "TRANSACTION2";
    case 0x33: return "TRANSACTION2_SECONDARY";
    case 0x34: return "FIND_CLOSE2";
    case 0x70: return "TREE_CONNECT";
    case MR_SMB1_TREE_DISCONNECT: return "TREE_DISCONNECT";
    case MR_SMB1_NEGOTIATE: return "NEGOTIATE";
    case MR_SMB1_SESSION_SETUP_ANDX: return "SESSION_SETUP_ANDX";
    case MR_SMB1_LOGOFF_ANDX: return "LOGOFF_ANDX";
    case MR_SMB1_TREE_CONNECT_ANDX: return "TREE_CONNECT_ANDX";
    case 0x80: return "QUERY_INFORMATION_DISK";
    case 0x81: return "SEARCH";
    case MR_SMB1_NT_TRANSACT: return "NT_TRANSACT";
    case 0xa1: return "NT_TRANSACT_SECONDARY";
    case MR_SMB1_NT_CREATE_ANDX: return "NT_CREATE_ANDX";
    case 0xa4: return "NT_CANCEL";
    case 0xa5: return "NT_RENAME";
    default: return "UNKNOWN"; /* an octet off the wire */
    }
}

static int cut_short(mr_error *err, const mr_cursor *c, const char *what) {
    return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_WIRE, c->bad_at, "SMB1: %s ends too early",
                   what);
}

int mr_smb1_header_decode(mr_slice message, mr_smb1_header *headerp, mr_error *err) {
    mr_cursor c = mr_cursor_of(message);
    mr_smb1_header h = {0};

    mr_slice magic = mr_cursor_read(&c, 4);
    h.command = mr_cursor_read_u8(&c);
    h.status = mr_cursor_read_u32(&c);
    h.response = mr_cursor_read_u8(&c) & 0x80;
    h.flags2 = mr_cursor_read_u16(&c);
    uint16_t pid_high = mr_cursor_read_u16(&c);
    mr_cursor_skip(&c, 10); /* signature, reserved */
    h.tid = mr_cursor_read_u16(&c);
    h.pid = (uint32_t)pid_high << 16 | mr_cursor_read_u16(&c);
    h.uid = mr_cursor_read_u16(&c);
    h.mid = mr_cursor_read_u16(&c);
    h.unicode = h.flags2 & MR_SMB1_FLAGS2_UNICODE;
    h.nt_status = h.flags2 & MR_SMB1_FLAGS2_NT_STATUS;
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c, "a header");
    if (!mr_slice_eq(magic, MR_SLICE_LIT("\xffSMB")))
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, 0, "this is no SMB1 header");
    *headerp = h;
    return 0;
}

/* ---- the chain ---- */

static bool is_andx(uint8_t command) {
    switch (command) { /* MS-CIFS 2.2.3.4 */
    case 0x24:
    case MR_SMB1_OPEN_ANDX:
    case MR_SMB1_READ_ANDX:
    case MR_SMB1_WRITE_ANDX:
    case MR_SMB1_SESSION_SETUP_ANDX:
    case MR_SMB1_LOGOFF_ANDX:
    case MR_SMB1_TREE_CONNECT_ANDX:
    case MR_SMB1_NT_CREATE_ANDX: return true;
    default: return false; /* an octet off the wire */
    }
}

void mr_smb1_chain_init(mr_smb1_chain *chain, mr_slice message) {
    *chain = (mr_smb1_chain){.message = message, .at = MR_SMB1_HEADER};
    chain->next = message.len > MR_SMB1_HEADER ? message.data[4] : MR_SMB1_NO_ANDX;
}

int mr_smb1_read_command(mr_smb1_chain *chain, mr_smb1_command *commandp, mr_error *err) {
    mr_cursor c = mr_cursor_of(chain->message);
    mr_smb1_command cmd = {.command = chain->next};
    uint8_t next = MR_SMB1_NO_ANDX;
    size_t next_at = 0;

    if (chain->next == MR_SMB1_NO_ANDX)
        return 1;
    chain->next = MR_SMB1_NO_ANDX;
    mr_cursor_skip(&c, chain->at);
    cmd.count = mr_cursor_read_u8(&c);
    cmd.words = mr_cursor_window(&c, 2u * cmd.count);
    if (is_andx(cmd.command) && cmd.count >= 2) {
        next = mr_cursor_read_u8(&cmd.words);
        mr_cursor_skip(&cmd.words, 1);
        next_at = mr_cursor_read_u16(&cmd.words);
    }
    if (!mr_cursor_ok(&c))
        return cut_short(err, &c, mr_smb1_command_name(cmd.command));
    /* a large WRITE or READ says less than there is (MS-SMB 2.2.4.3), a capture may hold less */
    size_t said = mr_cursor_read_u16(&c), left = mr_cursor_left(&c);
    cmd.bytes = mr_cursor_window(&c, said < left ? said : left);
    if (next != MR_SMB1_NO_ANDX) {
        if (next_at <= chain->at)
            return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, chain->at,
                           "SMB1: the chain of commands goes back to octet %zu", next_at);
        chain->next = next;
        chain->at = next_at;
    }
    *commandp = cmd;
    return 0;
}

/* ---- texts ---- */

static mr_slice read_octets(mr_cursor *c) {
    size_t left = mr_cursor_left(c);
    const uint8_t *from = left ? c->base + c->pos : NULL;
    const uint8_t *nul = left ? memchr(from, 0, left) : NULL;
    size_t len = nul ? (size_t)(nul - from) : left;
    mr_slice text = mr_cursor_read(c, len);

    if (nul)
        mr_cursor_skip(c, 1);
    return text;
}

mr_slice mr_smb1_read_text(mr_cursor *bytes, bool unicode) {
    if (!unicode)
        return read_octets(bytes);
    if (mr_cursor_left(bytes) && bytes->pos % 2)
        mr_cursor_skip(bytes, 1);
    size_t left = mr_cursor_left(bytes), len = 0;
    const uint8_t *from = bytes->base ? bytes->base + bytes->pos : NULL;
    while (len + 1 < left && (from[len] || from[len + 1]))
        len += 2;
    mr_slice text = mr_cursor_read(bytes, len);
    mr_cursor_skip(bytes, left - len < 2 ? left - len : 2);
    return text;
}

bool mr_smb1_read_dialect(mr_cursor *bytes, mr_slice *dialectp) {
    if (mr_cursor_left(bytes) < 2 || mr_cursor_read_u8(bytes) != 2)
        return false;
    *dialectp = read_octets(bytes);
    return true;
}

/* ---- sessions and shares ---- */

static void read_session_request(const mr_smb1_header *h, mr_smb1_command *cmd,
                                 mr_smb1_session *s) {
    mr_cursor *w = &cmd->words, *b = &cmd->bytes;

    mr_cursor_skip(w, 10); /* buffer size, requests, circuit, session key */
    if (cmd->count == 12) {
        s->extended = true;
        size_t len = mr_cursor_read_u16(w);
        s->token = mr_cursor_read(b, len);
    } else {
        s->lm_len = mr_cursor_read_u16(w);
        s->nt_len = cmd->count == 13 ? mr_cursor_read_u16(w) : 0;
        mr_cursor_skip(b, (size_t)s->lm_len + s->nt_len);
        s->user = mr_smb1_read_text(b, h->unicode);
        s->domain = mr_smb1_read_text(b, h->unicode);
    }
    s->os = mr_smb1_read_text(b, h->unicode);
}

int mr_smb1_session_decode(const mr_smb1_header *header, const mr_smb1_command *command,
                           mr_smb1_session *sessionp, mr_error *err) {
    mr_smb1_command cmd = *command;
    mr_smb1_session s = {0};

    if (header->response) {
        s.guest = mr_cursor_read_u16(&cmd.words) & 1;
        s.extended = cmd.count == 4;
        if (s.extended) {
            size_t len = mr_cursor_read_u16(&cmd.words);
            s.token = mr_cursor_read(&cmd.bytes, len);
        }
        s.os = mr_smb1_read_text(&cmd.bytes, header->unicode);
    } else {
        read_session_request(header, &cmd, &s);
    }
    if (!mr_cursor_ok(&cmd.words) || !mr_cursor_ok(&cmd.bytes))
        return cut_short(err, mr_cursor_ok(&cmd.words) ? &cmd.bytes : &cmd.words,
                         "a SESSION_SETUP_ANDX");
    *sessionp = s;
    return 0;
}

int mr_smb1_tree_decode(const mr_smb1_header *header, const mr_smb1_command *command,
                        mr_smb1_tree *treep, mr_error *err) {
    mr_smb1_command cmd = *command;
    mr_smb1_tree t = {0};

    if (!header->response) {
        mr_cursor_skip(&cmd.words, 2); /* flags */
        size_t password = mr_cursor_read_u16(&cmd.words);
        mr_cursor_skip(&cmd.bytes, password);
        t.path = mr_smb1_read_text(&cmd.bytes, header->unicode);
    }
    t.service = read_octets(&cmd.bytes);
    if (!mr_cursor_ok(&cmd.words) || !mr_cursor_ok(&cmd.bytes))
        return cut_short(err, mr_cursor_ok(&cmd.words) ? &cmd.bytes : &cmd.words,
                         "a TREE_CONNECT_ANDX");
    *treep = t;
    return 0;
}

/* ---- files and pipes ---- */

static void read_create(const mr_smb1_header *h, mr_smb1_command *cmd, mr_smb1_open *o) {
    mr_cursor *w = &cmd->words;

    if (h->response) {
        mr_cursor_skip(w, 1); /* oplock */
        o->fid = mr_cursor_read_u16(w);
        mr_cursor_skip(w, 4 + 32 + 4 + 16); /* action, times, attributes, sizes */
        o->type = mr_cursor_read_u16(w);
        return;
    }
    mr_cursor_skip(w, 1 + 2 + 4 + 4); /* reserved, name's length, flags, root */
    o->access = mr_cursor_read_u32(w);
    o->name = mr_smb1_read_text(&cmd->bytes, h->unicode);
}

static void read_open(const mr_smb1_header *h, mr_smb1_command *cmd, mr_smb1_open *o) {
    mr_cursor *w = &cmd->words;

    if (h->response) {
        o->fid = mr_cursor_read_u16(w);
        mr_cursor_skip(w, 2 + 4 + 4 + 2); /* attributes, time, size, access */
        o->type = mr_cursor_read_u16(w);
        return;
    }
    mr_cursor_skip(w, 2);
    o->access = mr_cursor_read_u16(w);
    o->name = mr_smb1_read_text(&cmd->bytes, h->unicode);
}

int mr_smb1_open_decode(const mr_smb1_header *header, const mr_smb1_command *command,
                        mr_smb1_open *openp, mr_error *err) {
    mr_smb1_command cmd = *command;
    mr_smb1_open o = {0};

    if (cmd.command == MR_SMB1_NT_CREATE_ANDX)
        read_create(header, &cmd, &o);
    else
        read_open(header, &cmd, &o);
    if (!mr_cursor_ok(&cmd.words) || !mr_cursor_ok(&cmd.bytes))
        return cut_short(err, mr_cursor_ok(&cmd.words) ? &cmd.bytes : &cmd.words,
                         mr_smb1_command_name(cmd.command));
    *openp = o;
    return 0;
}

static void read_read(const mr_smb1_header *h, mr_cursor *w, mr_smb1_io *io) {
    if (h->response) { /* 2.2.4.42.2 */
        mr_cursor_skip(w, 6); /* available, compaction, reserved */
        io->data_len = mr_cursor_read_u16(w);
        io->data_at = mr_cursor_read_u16(w);
        io->data_len |= (uint32_t)mr_cursor_read_u16(w) << 16;
        return;
    }
    io->fid = mr_cursor_read_u16(w);
    mr_cursor_skip(w, 4);
    io->length = mr_cursor_read_u16(w);
}

static void read_write(const mr_smb1_header *h, mr_cursor *w, mr_smb1_io *io) {
    if (h->response) {
        io->length = mr_cursor_read_u16(w);
        return;
    }
    io->fid = mr_cursor_read_u16(w); /* 2.2.4.43.1 */
    mr_cursor_skip(w, 4 + 4 + 2 + 2); /* offset, timeout, mode, remaining */
    uint32_t high = mr_cursor_read_u16(w);
    io->data_len = high << 16 | mr_cursor_read_u16(w);
    io->data_at = mr_cursor_read_u16(w);
}

int mr_smb1_io_decode(const mr_smb1_header *header, const mr_smb1_command *command,
                      mr_smb1_io *iop, mr_error *err) {
    mr_cursor w = command->words;
    mr_smb1_io io = {0};

    if (command->command == MR_SMB1_READ_ANDX)
        read_read(header, &w, &io);
    else if (command->command == MR_SMB1_WRITE_ANDX)
        read_write(header, &w, &io);
    else if (!header->response)
        io.fid = mr_cursor_read_u16(&w);
    if (!mr_cursor_ok(&w))
        return cut_short(err, &w, mr_smb1_command_name(command->command));
    if (io.data_len && io.data_at < command->words.end)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, command->words.end,
                       "SMB1: the data of %s would begin inside its head",
                       mr_smb1_command_name(command->command));
    *iop = io;
    return 0;
}

/* The first request (2.2.4.33.1): setup words say what is to be done, and to which pipe. */
static size_t read_trans_request(const mr_smb1_header *h, mr_smb1_command *cmd,
                                 mr_smb1_trans *t, size_t *atp) {
    mr_cursor *w = &cmd->words;

    mr_cursor_skip(w, 2); /* total parameters */
    t->total = mr_cursor_read_u16(w);
    mr_cursor_skip(w, 2 + 2 + 2 + 2 + 4 + 2 + 2 + 2);
    size_t len = mr_cursor_read_u16(w);
    *atp = mr_cursor_read_u16(w);
    uint8_t setup = mr_cursor_read_u8(w);
    mr_cursor_skip(w, 1);
    t->has_function = setup >= 2;
    if (t->has_function) {
        t->function = mr_cursor_read_u16(w);
        t->fid = mr_cursor_read_u16(w);
    }
    t->name = mr_smb1_read_text(&cmd->bytes, h->unicode);
    return len;
}

int mr_smb1_trans_decode(const mr_smb1_header *header, const mr_smb1_command *command,
                         mr_slice message, mr_smb1_trans *transp, mr_error *err) {
    mr_smb1_command cmd = *command;
    mr_cursor *w = &cmd.words;
    mr_smb1_trans t = {0};
    size_t at = 0, len = 0;

    if (cmd.command == MR_SMB1_TRANSACTION && !header->response) {
        len = read_trans_request(header, &cmd, &t, &at);
    } else if (cmd.count) { /* an interim response has no words */
        mr_cursor_skip(w, 2);
        t.total = mr_cursor_read_u16(w);
        mr_cursor_skip(w, header->response ? 8 : 6); /* parameters, and where */
        len = mr_cursor_read_u16(w);
        at = mr_cursor_read_u16(w);
        t.displacement = mr_cursor_read_u16(w);
    }
    mr_cursor data = mr_cursor_of(message);
    mr_cursor_skip(&data, len ? at : 0);
    t.data = mr_cursor_read(&data, len);
    if (!mr_cursor_ok(w) || !mr_cursor_ok(&cmd.bytes) || !mr_cursor_ok(&data))
        return cut_short(err, mr_cursor_ok(w) ? &data : w, "a TRANSACTION");
    if (len && at < command->words.end)
        return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_WIRE, command->words.end,
                       "SMB1: the data of a TRANSACTION would begin inside its head");
    *transp = t;
    return 0;
}
