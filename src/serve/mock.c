/*
 * An interface that is answered from values instead of code: each method's reply is what
 * mr_ndr_print would have printed of it, a fault status, or several of those in turn. Replies are
 * tried when the mock is made, so that a mistake is told before anybody calls. Every compiled
 * method has a row, which stays where it is while the replies behind it are replaced.
 */
#include <msrpc/serve.h>

#include <stdlib.h>

#define METHODS_MAX 65536u
#define ENCODED_MAX ((size_t)16 << 20) /* octets of a reply, as a server's default */

/* ---- reading what is given ---- */

/* "0x000006f7", 5, or a symbol. */
static int read_status(const mr_token *t, uint32_t *statusp) {
    uint64_t number;

    if (t->kind == MR_TOKEN_INT && t->integer > 0 && t->integer <= UINT32_MAX) {
        *statusp = (uint32_t)t->integer;
        return 0;
    }
    if (t->kind != MR_TOKEN_STRING)
        return MR_ERR_ARGUMENT;
    if (mr_slice_get_number(t->string, UINT32_MAX, &number) == 0 && number) {
        *statusp = (uint32_t)number;
        return 0;
    }
    char symbol[64];
    if (t->string.len >= sizeof symbol)
        return MR_ERR_ARGUMENT;
    memcpy(symbol, t->string.data, t->string.len);
    symbol[t->string.len] = '\0';
    for (const mr_code_info *c = mr_code_find_symbol(symbol, NULL); c;
         c = mr_code_find_symbol(symbol, c))
        if (c->space == MR_SPACE_NCA || c->space == MR_SPACE_WIN32) {
            *statusp = c->value;
            return 0;
        }
    return MR_ERR_ARGUMENT;
}

/* Names the place of a mistake: "replies.Method: ". */
static int misplaced(mr_error *err, int code, const char *method, const char *text) {
    return mr_fail(err, code, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET, "%s%s: %s",
                   method ? "replies." : "", method ? method : "default", text);
}

/* Tries an object on a call that nobody made: it must be read and be sent. */
static int try_values(const mr_proc *proc, const mr_token *values, mr_error *err) {
    mr_error detail = MR_ERROR_INIT;
    mr_arena arena;
    mr_buf out;

    mr_arena_init(&arena, ENCODED_MAX);
    mr_buf_init(&out, NULL, 0, ENCODED_MAX);
    void *args = mr_arena_get(&arena, 1, proc->args->csize);
    int r = args ? mr_ndr_read(proc, MR_NDR_RESPONSE, values, &arena, args, &detail)
                 : MR_ERR_MEMORY;
    if (r == 0)
        r = mr_ndr_encode(proc, MR_NDR_RESPONSE, (mr_ndr_format){MR_NDR20, false}, args, &out,
                          &detail);
    mr_buf_deinit(&out);
    mr_arena_deinit(&arena);
    return r ? misplaced(err, r, proc->name, detail.code ? detail.text : "no memory for it") : 0;
}

static int try_reply(const mr_proc *proc, const mr_token *reply, mr_error *err) {
    uint32_t status;

    if (reply->kind == MR_TOKEN_OBJECT)
        return try_values(proc, reply, err);
    if (read_status(reply, &status) == 0)
        return 0;
    return misplaced(err, MR_ERR_ARGUMENT, proc->name,
                     "a reply is an object of values or a fault status");
}

static const mr_proc *find_method(const mr_iface *iface, mr_slice key) {
    uint64_t opnum;

    if (mr_slice_get_number(key, UINT16_MAX, &opnum) == 0)
        return mr_iface_get_proc(iface, (uint32_t)opnum);
    for (uint32_t i = 0; i < iface->proc_count; i++)
        if (mr_slice_eq_nocase(mr_slice_str(iface->procs[i].name), key))
            return &iface->procs[i];
    return NULL;
}

static int add_reply(mr_mock *mock, const mr_token *reply, mr_error *err) {
    const mr_proc *proc = find_method(mock->iface, reply->key);
    int r = 0;

    if (!proc || !proc->args)
        return mr_fail(err, MR_ERR_NOT_FOUND, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET,
                       "replies.%.*s: %s has no compiled method of that name",
                       (int)(reply->key.len < 80 ? reply->key.len : 80),
                       (const char *)reply->key.data, mock->iface->name);
    if (mock->methods[proc->opnum].reply)
        return misplaced(err, MR_ERR_ARGUMENT, proc->name, "the method has a reply already");
    if (reply->kind == MR_TOKEN_ARRAY) {
        if (!reply->child)
            return misplaced(err, MR_ERR_ARGUMENT, proc->name, "an empty list of replies");
        for (const mr_token *t = reply->child; t && r == 0; t = t->next)
            r = try_reply(proc, t, err);
    } else {
        r = try_reply(proc, reply, err);
    }
    mock->methods[proc->opnum].reply = reply->kind == MR_TOKEN_ARRAY ? reply->child : reply;
    mock->methods[proc->opnum].in_turn = reply->kind == MR_TOKEN_ARRAY;
    return r;
}

/* ---- answering ---- */

/* The reply to this call; of several the last one stays. */
static const mr_token *next_reply(struct mr_mock_method *method) {
    const mr_token *reply = method->reply;

    if (method->in_turn && reply->next)
        method->reply = reply->next;
    return reply;
}

static int answer(const void *bodies, mr_server_call *call, void *args) {
    mr_mock *mock = call->user;
    const mr_token *reply = next_reply(&mock->methods[call->proc->opnum]);
    size_t size = call->proc->args->csize;
    uint32_t status = mock->fault;
    mr_error err = MR_ERROR_INIT;
    int r = 0;

    (void)bodies;
    if (reply && reply->kind != MR_TOKEN_OBJECT) {
        read_status(reply, &status);
    } else if (reply) {
        /* beside the parameters that came, so that these can still be shown */
        void *values = mr_arena_get(call->arena, 1, size);
        if (!values)
            return MR_ERR_MEMORY;
        memcpy(values, args, size);
        r = mr_ndr_read(call->proc, MR_NDR_RESPONSE, reply, call->arena, values, &err);
        if (mock->seen)
            mock->seen(mock->user, call, r ? MR_FAULT_UNSPEC : 0, &err);
        if (r == 0)
            memcpy(args, values, size);
        return r;
    }
    if (mock->seen)
        mock->seen(mock->user, call, status ? status : MR_FAULT_OP_RNG_ERROR, &err);
    return status ? mr_server_fault(call, status) : MR_ERR_NOT_FOUND;
}

/* ---- the mock ---- */

static int init_methods(mr_mock *mock, const mr_token *replies, const mr_token *fallback,
                        mr_error *err) {
    uint32_t count = mock->iface->proc_count;
    int r = 0;

    mock->methods = mr_arena_get(&mock->arena, count, sizeof *mock->methods);
    mock->rows = calloc(count ? count : 1, sizeof *mock->rows);
    if (!mock->methods || !mock->rows)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET, "out of memory");
    if (fallback && read_status(fallback, &mock->fault) != 0)
        return misplaced(err, MR_ERR_ARGUMENT, NULL, "a fault status is wanted");
    for (const mr_token *t = replies->child; t && r == 0; t = t->next)
        r = add_reply(mock, t, err);
    for (uint32_t i = 0; i < count && r == 0; i++)
        if (mock->iface->procs[i].args)
            mock->rows[mock->row_count++] = (mr_server_row){(uint16_t)i, answer};
    return r;
}

int mr_mock_init(mr_mock *mock, const mr_iface *iface, const mr_token *replies,
                 const mr_token *fallback, mr_error *err) {
    *mock = (mr_mock){.iface = iface};
    mr_arena_init(&mock->arena, METHODS_MAX * sizeof *mock->methods);
    int r = replies->kind == MR_TOKEN_OBJECT
                ? init_methods(mock, replies, fallback, err)
                : mr_fail(err, MR_ERR_ARGUMENT, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET,
                          "replies: an object is wanted, not %s",
                          mr_token_kind_name(replies->kind));
    if (r)
        mr_mock_deinit(mock);
    return r;
}

void mr_mock_take(mr_mock *mock, mr_mock *with) {
    mr_arena_deinit(&mock->arena);
    mock->arena = with->arena;
    mock->methods = with->methods;
    mock->fault = with->fault;
    with->arena = (mr_arena){0};
    mr_mock_deinit(with);
}

void mr_mock_deinit(mr_mock *mock) {
    mr_arena_deinit(&mock->arena);
    free(mock->rows);
    *mock = (mr_mock){0};
}

int mr_serve_add_mock(mr_server_endpoint *endpoint, mr_mock *mock, mr_error *err) {
    const mr_server_iface served = {.iface = mock->iface, .rows = mock->rows,
                                    .row_count = mock->row_count, .user = mock};
    return mr_server_add_iface(endpoint, &served, err);
}
