/*
 * What SMB1 commands mean to the machine (MS-CIFS 2.2.4, 3.2.5). An answer is tied to its request
 * by process and multiplex id, and to one of a chain by the command. Of a failed chain the last
 * command that the answer holds is the one that failed (3.2.4.1.4).
 */
#include "smb_state.h"

#define STREAM_MIN 4096 /* octets; smaller messages are seen whole */
#define WORDS_AT 32
#define FID1 0x100000000u /* keeps SMB1's numbers apart from SMB2's */

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

size_t mr_smb1_want(mr_slice head, size_t len) {
    bool response = head.len > 9 && head.data[9] & 0x80;

    if (head.len > WORDS_AT + 1 && len > STREAM_MIN &&
        head.data[4] == (response ? MR_SMB1_READ_ANDX : MR_SMB1_WRITE_ANDX) &&
        head.data[WORDS_AT + 1] == MR_SMB1_NO_ANDX)
        return least(len, WORDS_AT + 1 + 2u * head.data[WORDS_AT] + 2);
    return least(len, MR_SMB_HOLD_MAX);
}

static mr_smb2_fid fid_of(uint16_t fid) {
    return (mr_smb2_fid){.persistent = fid, .volatil = FID1};
}

/* One command with all that is needed to understand it. */
typedef struct turn {
    mr_smb_state *s;
    const mr_smb1_header *h;
    const mr_smb1_command *cmd;
    mr_slice message;
    mr_smb_event e;
    mr_error err;
} turn;

static void data(turn *t, uint32_t key, const mr_smb1_io *io) {
    smb_lane *lane = &t->s->lane[t->e.dir];

    t->e.kind = MR_SMB_EVENT_DATA;
    if (!key || !io->data_len)
        return;
    if (io->data_at < t->message.len) {
        mr_smb_push_data(t->s, &t->e, key, mr_slice_sub(t->message, io->data_at, io->data_len));
        return;
    }
    lane->pipe = key;
    lane->lead = io->data_at - t->message.len;
    lane->data = io->data_len;
    lane->data_event = t->e;
    lane->data_event.pipe = key;
}

/* ---- requests ---- */

static int ask_negotiate(turn *t) {
    static const struct {
        const char *text;
        uint16_t dialect;
    } known[] = {{"NT LM 0.12", MR_SMB1}, {"SMB 2.002", MR_SMB2_002}, {"SMB 2.?\?\?", 0x02ff}};
    mr_cursor bytes = t->cmd->bytes;
    mr_smb_offer *offer = &t->e.u.offer;
    mr_slice text;

    t->e.kind = MR_SMB_EVENT_NEGOTIATE;
    *offer = (mr_smb_offer){0};
    while (mr_smb1_read_dialect(&bytes, &text))
        for (size_t i = 0; i < MR_COUNT(known); i++)
            if (mr_slice_eq(text, mr_slice_str(known[i].text)) &&
                offer->count < MR_SMB2_DIALECTS_MAX)
                offer->dialects[offer->count++] = known[i].dialect;
    mr_smb_push(t->s, &t->e);
    return 0;
}

static int tell_session(turn *t) {
    mr_smb1_session session = {0};
    bool has = t->cmd->count > 0;
    int r = has ? mr_smb1_session_decode(t->h, t->cmd, &session, &t->err) : 0;

    if (r < 0)
        return r;
    t->e.kind = MR_SMB_EVENT_SESSION;
    t->e.u.session = (mr_smb_session){
        .token = session.token,
        .flags = session.guest ? MR_SMB2_SESSION_GUEST : 0,
        .user = session.user,
        .domain = session.domain,
        .unicode = t->h->unicode,
    };
    mr_smb_push(t->s, &t->e);
    return 0;
}

static int ask_trans(turn *t, smb_pending *p) {
    mr_smb1_trans trans;
    int r = mr_smb1_trans_decode(t->h, t->cmd, t->message, &trans, &t->err);

    if (r < 0)
        return r;
    if (t->cmd->command == MR_SMB1_TRANSACTION) {
        p->code = trans.function;
        if (trans.has_function && trans.function == MR_SMB1_TRANSACT_NM_PIPE)
            p->pipe = mr_smb_pipe_key(t->s, fid_of(trans.fid), 0, t->h->tid);
    }
    t->e.kind = MR_SMB_EVENT_DATA;
    if (p->pipe && trans.data.len)
        mr_smb_push_data(t->s, &t->e, p->pipe, trans.data);
    return 0;
}

static int ask_io(turn *t, smb_pending *p) {
    mr_smb1_io io;
    int r = mr_smb1_io_decode(t->h, t->cmd, &io, &t->err);

    if (r < 0)
        return r;
    p->pipe = mr_smb_pipe_key(t->s, fid_of(io.fid), 0, t->h->tid);
    data(t, p->pipe, &io);
    return 0;
}

static int ask(turn *t) {
    uint8_t command = t->cmd->command;
    mr_smb1_tree tree;
    mr_smb1_open open;
    smb_pending *p;
    int r;

    if (command == MR_SMB1_TRANSACTION_SECONDARY) {
        p = mr_smb_pending_find(t->s, t->e.message, MR_SMB1_TRANSACTION);
        return p ? ask_trans(t, p) : 0;
    }
    p = mr_smb_pending_add(t->s, t->e.message, command);
    if (!p)
        return 0;
    p->time = t->e.time;
    p->tree = t->h->tid;
    switch (command) {
    case MR_SMB1_NEGOTIATE: return ask_negotiate(t);
    case MR_SMB1_SESSION_SETUP_ANDX: return tell_session(t);
    case MR_SMB1_TRANSACTION: return ask_trans(t, p);
    case MR_SMB1_CLOSE:
    case MR_SMB1_READ_ANDX:
    case MR_SMB1_WRITE_ANDX: return ask_io(t, p);
    case MR_SMB1_TREE_CONNECT_ANDX:
        r = mr_smb1_tree_decode(t->h, t->cmd, &tree, &t->err);
        if (r == 0)
            p->name = mr_smb_name(t->s, tree.path, t->h->unicode);
        return r;
    case MR_SMB1_NT_CREATE_ANDX:
    case MR_SMB1_OPEN_ANDX:
        r = mr_smb1_open_decode(t->h, t->cmd, &open, &t->err);
        if (r == 0)
            p->name = mr_smb_name(t->s, open.name, t->h->unicode);
        return r;
    default: return 0; /* only waited for */
    }
}

/* ---- answers ---- */

static int tell_negotiated(turn *t) {
    t->e.kind = MR_SMB_EVENT_NEGOTIATED;
    t->e.u.negotiated = (mr_smb_negotiated){.dialect = MR_SMB1, .status = t->e.status};
    int r = t->e.status ? 0 : mr_smb1_negotiated_decode(t->message, &t->e.u.negotiated, &t->err);
    if (r < 0)
        return r;
    if (!t->e.u.negotiated.status)
        t->s->dialect = MR_SMB1;
    mr_smb_push(t->s, &t->e);
    return 0;
}

static int tell_tree(turn *t) {
    mr_smb1_tree tree = {0};
    int r = t->e.status ? 0 : mr_smb1_tree_decode(t->h, t->cmd, &tree, &t->err);

    if (r < 0)
        return r;
    bool pipes = mr_slice_eq(tree.service, MR_SLICE_LIT("IPC"));
    bool print = mr_slice_eq(tree.service, MR_SLICE_LIT("LPT1:"));
    t->e.kind = MR_SMB_EVENT_TREE;
    t->e.u.tree = (mr_smb2_tree){0};
    if (!t->e.status) {
        t->e.u.tree.type = pipes ? MR_SMB_SHARE_PIPE : print ? MR_SMB_SHARE_PRINT
                                                             : MR_SMB_SHARE_DISK;
        mr_smb_tree_set(t->s, 0, t->h->tid, pipes);
    }
    mr_smb_push(t->s, &t->e);
    return 0;
}

static void failed(turn *t, const smb_pending *was) {
    const smb_pipe *pipe = mr_smb_pipe_find(t->s, was->pipe);

    t->e.kind = MR_SMB_EVENT_ERROR;
    t->e.pipe = pipe ? pipe->key : 0;
    t->e.code = was->code;
    if (pipe && pipe->name)
        t->e.name = mr_smb_pipe_name(pipe->name);
    mr_smb_push(t->s, &t->e);
}

static int tell_open(turn *t, smb_pending *was) {
    const smb_tree *tree = mr_smb_tree_find(t->s, 0, t->h->tid);
    mr_smb1_open open = {0};
    int r = t->e.status ? 0 : mr_smb1_open_decode(t->h, t->cmd, &open, &t->err);

    if (r < 0)
        return r;
    bool sure = (tree && tree->pipes) || open.type == 1 || open.type == 2;
    if (!sure) {
        if (t->e.status)
            failed(t, was);
        return 0;
    }
    t->e.kind = MR_SMB_EVENT_OPEN;
    t->e.name = mr_smb_pipe_name(was->name);
    if (!t->e.status) {
        smb_pipe *pipe = mr_smb_pipe_add(t->s, fid_of(open.fid), 0, SMB_PIPE, was->name);
        was->name = NULL;
        if (!pipe)
            return 0;
        t->e.pipe = pipe->key;
        t->e.fid = (mr_smb2_fid){.persistent = open.fid};
    }
    mr_smb_push(t->s, &t->e);
    return 0;
}

static int tell_data(turn *t, const smb_pending *was, bool *morep) {
    mr_smb1_trans trans;
    mr_smb1_io io;
    int r;

    if (t->cmd->command == MR_SMB1_READ_ANDX) {
        r = mr_smb1_io_decode(t->h, t->cmd, &io, &t->err);
        if (r == 0)
            data(t, was->pipe, &io);
        return r;
    }
    r = mr_smb1_trans_decode(t->h, t->cmd, t->message, &trans, &t->err);
    if (r < 0)
        return r;
    *morep = (size_t)trans.displacement + trans.data.len < trans.total || t->cmd->count == 0;
    t->e.kind = MR_SMB_EVENT_DATA;
    if (was->pipe && trans.data.len)
        mr_smb_push_data(t->s, &t->e, was->pipe, trans.data);
    return 0;
}

static void tell_close(turn *t, const smb_pending *was) {
    smb_pipe *pipe = mr_smb_pipe_find(t->s, was->pipe);

    if (!pipe)
        return;
    t->e.kind = MR_SMB_EVENT_CLOSED;
    t->e.pipe = pipe->key;
    t->e.fid = (mr_smb2_fid){.persistent = pipe->fid.persistent};
    t->e.name = mr_smb_pipe_name(pipe->name);
    if (pipe->sure == SMB_PIPE)
        mr_smb_push(t->s, &t->e);
    mr_smb_pipe_drop(t->s, pipe);
}

static int tell(turn *t, smb_pending *was, bool *morep) {
    uint8_t command = t->cmd->command;
    bool partly = t->e.status == STATUS_BUFFER_OVERFLOW || t->e.status == DOS_MORE_DATA;

    switch (command) {
    case MR_SMB1_NEGOTIATE: return tell_negotiated(t);
    case MR_SMB1_SESSION_SETUP_ANDX: return tell_session(t);
    case MR_SMB1_TREE_CONNECT_ANDX: return tell_tree(t);
    case MR_SMB1_NT_CREATE_ANDX:
    case MR_SMB1_OPEN_ANDX: return tell_open(t, was);
    default: break; /* the others fail alike */
    }
    if (t->e.status && !partly) {
        failed(t, was);
        return 0;
    }
    if (command == MR_SMB1_READ_ANDX || command == MR_SMB1_TRANSACTION)
        return tell_data(t, was, morep);
    if (command == MR_SMB1_CLOSE)
        tell_close(t, was);
    if (command == MR_SMB1_TREE_DISCONNECT)
        mr_smb_tree_drop(t->s, 0, t->h->tid);
    if (command == MR_SMB1_LOGOFF_ANDX) {
        t->e.kind = MR_SMB_EVENT_LOGOFF;
        mr_smb_push(t->s, &t->e);
    }
    return 0;
}

static int answer(turn *t) {
    smb_pending *p = mr_smb_pending_find(t->s, t->e.message, t->cmd->command);
    smb_pending was = {0};
    bool more = false;

    if (p) {
        was = *p;
        p->name = NULL;
        t->e.answers = true;
        t->e.latency = t->e.time > was.time ? t->e.time - was.time : 0;
        t->e.name = was.name ? was.name : "";
    }
    int r = tell(t, &was, &more);
    mr_smb_spend(t->s, was.name);
    /* the rest of a transaction's answer comes in further messages (2.2.4.33.2) */
    if (p && !more)
        mr_smb_pending_drop(t->s, p);
    return r;
}

void mr_smb1_handle(mr_smb_state *s, enum mr_dir dir, mr_slice head) {
    turn t = {.s = s, .message = head, .err = MR_ERROR_INIT};
    mr_smb_event e = mr_smb_add_event(s, MR_SMB_EVENT_ERROR, dir);
    mr_smb1_command cmd;
    mr_smb1_chain chain;
    mr_smb1_header h;
    int r = mr_smb1_header_decode(head, &h, &t.err);

    e.smb1 = true;
    if (r == 0 && h.response != (dir == MR_DIR_TO_CLIENT))
        return;
    mr_smb1_chain_init(&chain, head);
    for (unsigned i = 0; r == 0 && i < SMB_CHAIN_MAX; i++) {
        r = mr_smb1_read_command(&chain, &cmd, &t.err);
        if (r != 0)
            break;
        e.command = cmd.command;
        e.message = (uint64_t)h.pid << 16 | h.mid;
        e.tree = h.tid;
        e.session = h.uid;
        e.is_signed = h.flags2 & MR_SMB1_FLAGS2_SIGNED;
        e.dos_status = !h.nt_status && h.status;
        e.status = h.response && chain.next == MR_SMB1_NO_ANDX ? h.status : 0;
        t.h = &h;
        t.cmd = &cmd;
        t.e = e;
        r = h.response ? answer(&t) : ask(&t);
    }
    if (r < 0)
        mr_smb_damaged(s, &e, &t.err);
}
