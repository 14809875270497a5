/*
 * What SMB2 commands mean to the machine (MS-SMB2 2.2, 3.2.5, 3.3.5). An answer is tied to its
 * request by the message id, also when STATUS_PENDING came first (3.3.4.2). The octets of READ,
 * WRITE and FSCTL_PIPE_TRANSCEIVE are not looked at here: the lane hands them on.
 */
#include "smb_state.h"

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static bool carries_data(const mr_smb2_header *h) {
    if (h->command != MR_SMB2_READ && h->command != MR_SMB2_WRITE && h->command != MR_SMB2_IOCTL)
        return false;
    return !(h->flags & MR_SMB2_RESPONSE) || h->status == 0 || h->status == STATUS_BUFFER_OVERFLOW;
}

size_t mr_smb2_want(mr_slice head, size_t len) {
    mr_smb2_header h;

    if (mr_smb2_header_decode(head, &h, NULL) < 0)
        return MR_SMB2_HEADER;
    bool response = h.flags & MR_SMB2_RESPONSE;
    if (carries_data(&h))
        return least(len, mr_smb2_io_size(h.command, response));
    if (response && h.status && h.status != STATUS_MORE_PROCESSING)
        return MR_SMB2_HEADER;
    switch (h.command) {
    case MR_SMB2_NEGOTIATE:
    case MR_SMB2_SESSION_SETUP:
    case MR_SMB2_TREE_CONNECT:
    case MR_SMB2_CREATE:
    case MR_SMB2_CLOSE: return least(len, MR_SMB_HOLD_MAX);
    default: return MR_SMB2_HEADER; /* the header is enough of all others */
    }
}

static void stream(smb_lane *lane, const mr_smb_event *e, uint32_t key, const mr_smb2_io *io,
                   size_t seen) {
    lane->pipe = key;
    lane->lead = io->data_len && io->data_at >= seen ? io->data_at - seen : 0;
    lane->data = io->data_len;
    lane->data_event = *e;
    lane->data_event.kind = MR_SMB_EVENT_DATA;
    lane->data_event.pipe = key;
}

/* ---- requests ---- */

static int ask_negotiate(mr_smb_state *s, mr_smb_event *e, mr_slice head, mr_error *err) {
    mr_smb2_negotiate n;
    int r = mr_smb2_negotiate_decode(head, &n, err);

    if (r < 0)
        return r;
    e->kind = MR_SMB_EVENT_NEGOTIATE;
    e->u.offer = (mr_smb_offer){.count = n.dialect_count, .security = n.security, .guid = n.guid};
    memcpy(e->u.offer.dialects, n.dialects, sizeof n.dialects);
    mr_smb_push(s, e);
    return 0;
}

static int ask_session(mr_smb_state *s, mr_smb_event *e, mr_slice head, mr_error *err) {
    mr_smb2_session session;
    int r = mr_smb2_session_decode(head, &session, err);

    if (r < 0)
        return r;
    e->kind = MR_SMB_EVENT_SESSION;
    e->u.session = (mr_smb_session){.token = session.token, .previous = session.previous};
    mr_smb_push(s, e);
    return 0;
}

static int ask_create(mr_smb_state *s, smb_lane *lane, smb_pending *p, mr_slice head,
                      mr_error *err) {
    const smb_tree *tree = mr_smb_tree_find(s, p->session, p->tree);
    mr_smb2_create create;
    int r = mr_smb2_create_decode(head, &create, err);

    if (r < 0)
        return r;
    p->name = mr_smb_name(s, create.name, true);
    if (tree && tree->pipes)
        p->pipe = ++s->last_key;
    lane->related = p->pipe;
    return 0;
}

static uint32_t key_of(mr_smb_state *s, smb_lane *lane, const smb_pending *p, mr_smb2_fid fid) {
    if (!mr_smb2_fid_is_related(fid))
        lane->related = mr_smb_pipe_key(s, fid, p->session, p->tree);
    return lane->related;
}

static int ask_io(mr_smb_state *s, smb_lane *lane, mr_smb_event *e, smb_pending *p, mr_slice head,
                  mr_error *err) {
    mr_smb2_io io;
    int r = mr_smb2_io_decode(head, &io, err);

    if (r < 0)
        return r;
    p->code = io.code;
    if (p->command == MR_SMB2_IOCTL && io.code != MR_FSCTL_PIPE_TRANSCEIVE)
        return 0;
    p->pipe = key_of(s, lane, p, io.fid);
    if (p->pipe && io.data_len)
        stream(lane, e, p->pipe, &io, head.len);
    return 0;
}

static int ask(mr_smb_state *s, mr_smb_event *e, const mr_smb2_header *h, mr_slice head,
               mr_error *err) {
    smb_lane *lane = &s->lane[e->dir];
    mr_slice path = MR_SLICE_NULL;
    mr_smb2_fid fid;
    int r = 0;

    if (h->command == MR_SMB2_CANCEL) /* has the message id of what it cancels, and no answer */
        return 0;
    smb_pending *p = mr_smb_pending_add(s, h->message_id, h->command);
    if (!p)
        return 0;
    p->time = e->time;
    p->session = h->session_id;
    p->tree = h->tree_id;
    switch (h->command) {
    case MR_SMB2_NEGOTIATE: return ask_negotiate(s, e, head, err);
    case MR_SMB2_SESSION_SETUP: return ask_session(s, e, head, err);
    case MR_SMB2_CREATE: return ask_create(s, lane, p, head, err);
    case MR_SMB2_READ:
    case MR_SMB2_WRITE:
    case MR_SMB2_IOCTL: return ask_io(s, lane, e, p, head, err);
    case MR_SMB2_TREE_CONNECT:
        r = mr_smb2_tree_decode(head, &path, err);
        if (r == 0)
            p->name = mr_smb_name(s, path, true);
        return r;
    case MR_SMB2_CLOSE:
        r = mr_smb2_close_decode(head, &fid, err);
        if (r == 0)
            p->pipe = key_of(s, lane, p, fid);
        return r;
    default: return 0; /* only waited for */
    }
}

/* ---- answers ---- */

static void failed(mr_smb_state *s, mr_smb_event *e, const smb_pending *was) {
    const smb_pipe *pipe = mr_smb_pipe_find(s, was->pipe);

    e->kind = MR_SMB_EVENT_ERROR;
    e->pipe = pipe ? was->pipe : 0;
    e->code = was->code;
    if (pipe && pipe->name)
        e->name = mr_smb_pipe_name(pipe->name);
    mr_smb_push(s, e);
}

static int tell_negotiated(mr_smb_state *s, mr_smb_event *e, mr_slice head, mr_error *err) {
    /* an SMB1 NEGOTIATE may be answered in SMB2 (3.3.5.3.1) */
    for (size_t i = 0; i < s->pending_count; i++)
        if (s->pending[i].command == MR_SMB1_NEGOTIATE) {
            e->answers = true;
            e->latency = e->time > s->pending[i].time ? e->time - s->pending[i].time : 0;
            mr_smb_pending_drop(s, &s->pending[i]);
            break;
        }
    e->kind = MR_SMB_EVENT_NEGOTIATED;
    e->u.negotiated = (mr_smb_negotiated){.status = e->status};
    int r = e->status ? 0 : mr_smb2_negotiated_decode(head, &e->u.negotiated, err);
    if (r < 0)
        return r;
    if (!e->status)
        s->dialect = e->u.negotiated.dialect;
    mr_smb_push(s, e);
    return 0;
}

static int tell_session(mr_smb_state *s, mr_smb_event *e, mr_slice head, mr_error *err) {
    mr_smb2_session session = {0};
    int r = 0;

    if (e->status == 0 || e->status == STATUS_MORE_PROCESSING)
        r = mr_smb2_session_reply_decode(head, &session, err);
    if (r < 0)
        return r;
    e->kind = MR_SMB_EVENT_SESSION;
    e->u.session = (mr_smb_session){.token = session.token, .flags = session.flags};
    mr_smb_push(s, e);
    return 0;
}

static int tell_tree(mr_smb_state *s, mr_smb_event *e, mr_slice head, mr_error *err) {
    mr_smb2_tree tree = {0};
    int r = e->status ? 0 : mr_smb2_tree_reply_decode(head, &tree, err);

    if (r < 0)
        return r;
    if (!e->status)
        mr_smb_tree_set(s, e->session, e->tree, tree.type == MR_SMB_SHARE_PIPE);
    e->kind = MR_SMB_EVENT_TREE;
    e->u.tree = tree;
    mr_smb_push(s, e);
    return 0;
}

static int tell_create(mr_smb_state *s, mr_smb_event *e, smb_pending *was, mr_slice head,
                       mr_error *err) {
    const smb_tree *tree = mr_smb_tree_find(s, e->session, e->tree);
    mr_smb2_created created = {0};
    int r = e->status ? 0 : mr_smb2_created_decode(head, &created, err);

    if (r < 0)
        return r;
    bool sure = was->pipe || (tree && tree->pipes);
    if (e->status && !sure) {
        failed(s, e, was);
        return 0;
    }
    if (!sure && tree)
        return 0;
    e->kind = MR_SMB_EVENT_OPEN;
    e->name = mr_smb_pipe_name(was->name);
    if (!e->status) {
        smb_pipe *pipe = mr_smb_pipe_add(s, created.fid, was->pipe, sure ? SMB_PIPE : SMB_UNSURE,
                                         was->name);
        was->name = NULL;
        if (!pipe || !sure)
            return 0;
        e->pipe = pipe->key;
        e->fid = created.fid;
    }
    mr_smb_push(s, e);
    return 0;
}

static int tell_io(mr_smb_state *s, mr_smb_event *e, const smb_pending *was, mr_slice head,
                   mr_error *err) {
    mr_smb2_io io;
    int r = mr_smb2_io_decode(head, &io, err);

    if (r == 0 && e->command != MR_SMB2_WRITE && was->pipe && io.data_len)
        stream(&s->lane[e->dir], e, was->pipe, &io, head.len);
    return r;
}

static void tell_close(mr_smb_state *s, mr_smb_event *e, const smb_pending *was) {
    smb_pipe *pipe = mr_smb_pipe_find(s, was->pipe);

    if (!pipe)
        return;
    e->kind = MR_SMB_EVENT_CLOSED;
    e->pipe = pipe->key;
    e->fid = pipe->fid;
    e->name = mr_smb_pipe_name(pipe->name);
    if (pipe->sure == SMB_PIPE)
        mr_smb_push(s, e);
    mr_smb_pipe_drop(s, pipe);
}

/* @was is the request, zeroed when it was not seen. */
static int tell(mr_smb_state *s, mr_smb_event *e, const mr_smb2_header *h, smb_pending *was,
                mr_slice head, mr_error *err) {
    switch (h->command) {
    case MR_SMB2_NEGOTIATE: return tell_negotiated(s, e, head, err);
    case MR_SMB2_SESSION_SETUP: return tell_session(s, e, head, err);
    case MR_SMB2_TREE_CONNECT: return tell_tree(s, e, head, err);
    case MR_SMB2_CREATE: return tell_create(s, e, was, head, err);
    default: break; /* the others fail alike */
    }
    if (carries_data(h))
        return tell_io(s, e, was, head, err);
    if (h->status) {
        failed(s, e, was);
        return 0;
    }
    if (h->command == MR_SMB2_CLOSE)
        tell_close(s, e, was);
    if (h->command == MR_SMB2_TREE_DISCONNECT)
        mr_smb_tree_drop(s, e->session, e->tree);
    if (h->command == MR_SMB2_LOGOFF) {
        e->kind = MR_SMB_EVENT_LOGOFF;
        mr_smb_push(s, e);
    }
    return 0;
}

static int answer(mr_smb_state *s, mr_smb_event *e, const mr_smb2_header *h, mr_slice head,
                  mr_error *err) {
    smb_pending *p = mr_smb_pending_find(s, h->message_id, h->command);
    smb_pending was = {0};

    if (h->status == STATUS_PENDING) /* the answer is still to come */
        return 0;
    if (p) {
        was = *p;
        p->name = NULL;
        mr_smb_pending_drop(s, p);
        e->answers = true;
        e->latency = e->time > was.time ? e->time - was.time : 0;
        e->name = was.name ? was.name : "";
        if (h->flags & MR_SMB2_ASYNC)
            e->tree = was.tree;
    }
    int r = tell(s, e, h, &was, head, err);
    mr_smb_spend(s, was.name);
    return r;
}

void mr_smb2_handle(mr_smb_state *s, enum mr_dir dir, mr_slice head) {
    mr_smb_event e = mr_smb_add_event(s, MR_SMB_EVENT_ERROR, dir);
    mr_error err = MR_ERROR_INIT;
    mr_smb2_header h;
    int r = mr_smb2_header_decode(head, &h, &err);

    if (r == 0) {
        bool response = h.flags & MR_SMB2_RESPONSE;
        if (response != (dir == MR_DIR_TO_CLIENT))
            return;
        if (!(h.flags & MR_SMB2_RELATED))
            s->lane[dir].related = 0;
        e.command = h.command;
        e.session = h.session_id;
        e.tree = h.tree_id;
        e.message = h.message_id;
        e.is_signed = h.flags & MR_SMB2_SIGNED;
        e.status = response ? h.status : 0;
        r = response ? answer(s, &e, &h, head, &err) : ask(s, &e, &h, head, &err);
    }
    if (r < 0)
        mr_smb_damaged(s, &e, &err);
}
