/*
 * msrpc call: any method of any compiled interface, JSON in and JSON out, from the descriptors
 * alone. Several calls share one connection, so that a handle one reply gave serves the next:
 * "$1.ServerHandle" stands for a member of the first reply, "$.ServerHandle" of the last.
 */
#include <msrpc/ifaces.h>

#include "call_authenticator.h"
#include "eerr.h"
#include "identity.h"
#include "input.h"
#include "report.h"
#include "session.h"
#include "tokens.h"
#include "verdict.h"

#define CALLS_MAX 32
#define JSON_CAP ((size_t)64 << 20)

struct call_options {
    uint32_t mapper_port;
    const char *object;
};

static const app_option options[] = {
    {"mapper-port", 0, APP_NUMBER, "N", offsetof(struct call_options, mapper_port), 1, 65535,
     "the endpoint mapper's port (135)"},
    {"object", 0, APP_TEXT, "UUID", offsetof(struct call_options, object), 0, 0,
     "object UUID of the calls"},
    {0},
};

struct one {
    const mr_proc *proc;
    const mr_token *json;   /* the object given */
    void *args;
    mr_call call;
    bool started;
    app_call_step step;     /* over Netlogon's secure channel */
    const mr_token *reply;  /* as tokens, for references */
    mr_slice reply_text;
};

struct calls {
    app_session *s;
    const mr_iface *iface;
    const app_target *target;
    struct one items[CALLS_MAX];
    size_t count;
};

/* ---- what is asked ---- */

/* IFACE.METHOD; the interface by name or UUID, the method by name or opnum. */
static int read_method(app *a, const char *text, const mr_iface **ifacep, const mr_proc **procp) {
    const char *dot = strrchr(text, '.');
    uint64_t opnum;

    if (!dot)
        return app_refuse(a, APP_USAGE, "%s: INTERFACE.METHOD is wanted", text);
    const char *name = mr_arena_add_str(&a->arena, mr_slice_of(text, (size_t)(dot - text)));
    mr_syntax syntax;
    int code = name ? app_iface_read(a, name, &syntax) : app_refuse(a, APP_BUG, "out of memory");
    if (code)
        return code;
    const mr_iface *iface = mr_ifaces_find(&syntax);
    if (!iface)
        return app_refuse(a, APP_USAGE, "%s: the interface is known but not compiled (msrpc "
                          "describe lists those that are)", name);
    const mr_proc *proc = mr_iface_find_proc(iface, dot + 1);
    if (!proc && mr_slice_get_number(mr_slice_str(dot + 1), UINT16_MAX, &opnum) == 0)
        proc = mr_iface_get_proc(iface, (uint32_t)opnum);
    if (!proc || !proc->args)
        return app_refuse(a, APP_USAGE, "%s: %s has no compiled method %s (msrpc describe %s lists "
                          "them)", text, iface->name, dot + 1, iface->name);
    *ifacep = iface;
    *procp = proc;
    return 0;
}

static int read_json(app *a, const char *text, const mr_token **tokenp) {
    mr_error err = MR_ERROR_INIT;
    mr_slice json = mr_slice_str(text);
    int code = strcmp(text, "-") == 0 ? app_input_read(a, text, JSON_CAP, &json) : 0;

    if (code)
        return code;
    if (app_tokens_decode(json, &a->arena, tokenp, &err) != 0)
        return app_refuse(a, APP_USAGE, "%s", err.text);
    if ((*tokenp)->kind != MR_TOKEN_OBJECT)
        return app_refuse(a, APP_USAGE, "the parameters are a JSON object, not %s",
                          mr_token_kind_name((*tokenp)->kind));
    return 0;
}

static bool has_reference(const mr_token *t) {
    if (t->kind == MR_TOKEN_STRING && t->string.len > 1 && t->string.data[0] == '$')
        return true;
    for (const mr_token *child = t->child; child; child = child->next)
        if (has_reference(child))
            return true;
    return false;
}

/* JSON to parameters; a mistake names its place. */
static int read_args(app *a, const struct calls *calls, struct one *one, const mr_token *json) {
    mr_error err = MR_ERROR_INIT;
    int code = app_call_complete(a, calls->target, calls->iface, one->proc, &json, &one->step);

    if (code)
        return code;
    one->args = mr_arena_get(&a->arena, 1, one->proc->args->csize);
    if (!one->args)
        return app_refuse(a, APP_BUG, "out of memory");
    if (mr_ndr_read(one->proc, MR_NDR_REQUEST, json, &a->arena, one->args, &err) != 0)
        return app_refuse(a, APP_USAGE, "%s: %s", one->proc->name, err.text);
    return 0;
}

static int read_calls(app *a, struct calls *calls) {
    static const mr_token empty = {.kind = MR_TOKEN_OBJECT};

    for (size_t i = 1; i < a->arg_count; i++) {
        const mr_iface *iface = NULL;
        struct one *one = &calls->items[calls->count];
        if (calls->count == CALLS_MAX)
            return app_refuse(a, APP_USAGE, "more than %d calls", CALLS_MAX);
        int code = read_method(a, a->args[i], &iface, &one->proc);
        if (code)
            return code;
        if (calls->iface && calls->iface != iface)
            return app_refuse(a, APP_USAGE, "%s: the calls of one run share one interface (%s)",
                              a->args[i], calls->iface->name);
        calls->iface = iface;
        one->json = &empty;
        /* no method's name begins like a JSON value */
        bool json = i + 1 < a->arg_count && (strchr("{[\" \t\n", a->args[i + 1][0]) ||
                                             strcmp(a->args[i + 1], "-") == 0);
        if (json && (code = read_json(a, a->args[++i], &one->json)) != 0)
            return code;
        /* what needs no reply is checked before anything is sent */
        if (!has_reference(one->json) && (code = read_args(a, calls, one, one->json)) != 0)
            return code;
        calls->count++;
    }
    if (calls->count == 0)
        return app_refuse(a, APP_USAGE, "INTERFACE.METHOD is wanted after the target");
    return 0;
}

/* ---- references to earlier replies ---- */

/* The value "$1.a.b" names; NULL when there is none. */
static const mr_token *referred(const struct calls *calls, size_t current, mr_slice text) {
    const uint8_t *dot = memchr(text.data, '.', text.len);
    size_t len = dot ? (size_t)(dot - text.data) : text.len;
    uint64_t n = current;

    if (len > 1 && mr_slice_get_number(mr_slice_sub(text, 1, len - 1), CALLS_MAX, &n) != 0)
        return NULL;
    if (n == 0 || n > current)
        return NULL;
    const mr_token *t = calls->items[n - 1].reply;
    while (t && len < text.len) {
        mr_slice rest = mr_slice_sub(text, len + 1, text.len);
        dot = memchr(rest.data, '.', rest.len);
        mr_slice key = mr_slice_sub(rest, 0, dot ? (size_t)(dot - rest.data) : rest.len);
        uint64_t index;
        const mr_token *child = t->child;
        if (t->kind == MR_TOKEN_ARRAY && mr_slice_get_number(key, UINT32_MAX, &index) == 0)
            while (child && index--)
                child = child->next;
        else
            while (child && !mr_slice_eq(child->key, key))
                child = child->next;
        t = child;
        len += 1 + key.len;
    }
    return t;
}

/* A copy of @t with its references replaced; NULL on a reference to nothing (printed). */
static mr_token *resolve(app *a, const struct calls *calls, size_t current, const mr_token *t) {
    mr_token *copy = MR_ARENA_NEW(&a->arena, mr_token);

    if (!copy)
        return NULL;
    *copy = *t;
    if (t->kind == MR_TOKEN_STRING && t->string.len > 1 && t->string.data[0] == '$') {
        const mr_token *target = referred(calls, current, t->string);
        if (!target) {
            app_refuse(a, APP_USAGE, "%.*s names no value of an earlier reply",
                       (int)t->string.len, (const char *)t->string.data);
            return NULL;
        }
        *copy = *target;
        copy->key = t->key;
        copy->next = NULL;
        return copy;
    }
    mr_token **end = &copy->child;
    for (const mr_token *child = t->child; child; child = child->next) {
        *end = resolve(a, calls, current, child);
        if (!*end)
            return NULL;
        end = &(*end)->next;
    }
    *end = NULL;
    return copy;
}

/* ---- calling ---- */

static int keep_reply(app *a, struct one *one) {
    mr_error err = MR_ERROR_INIT;
    mr_buf text;
    mr_writer w;

    mr_buf_init(&text, NULL, 0, JSON_CAP);
    mr_writer_init_json(&w, mr_sink_buf, &text, false);
    mr_writer_open(&w, NULL, MR_SHAPE_OBJECT);
    mr_ndr_print(one->proc, MR_NDR_RESPONSE, one->args, &w);
    mr_writer_close(&w);
    int r = mr_writer_flush(&w);
    mr_writer_deinit(&w);
    if (!r) {
        const char *copy = mr_arena_add_str(&a->arena, mr_buf_slice(&text));
        one->reply_text = mr_slice_of(copy, copy ? text.len : 0);
        r = copy ? app_tokens_decode(one->reply_text, &a->arena, &one->reply, &err)
                 : MR_ERR_MEMORY;
    }
    mr_buf_deinit(&text);
    return r ? app_refuse(a, APP_BUG, "the reply cannot be shown: %s", mr_result_text(r)) : 0;
}

static int fault_code(app *a, const struct one *one, const mr_error *err) {
    const mr_code_info *code = mr_code_find_fault(one->call.fault);
    const mr_code_info *win32 =
        mr_code_find(MR_SPACE_WIN32, mr_code_win32(MR_SPACE_NCA, one->call.fault));

    app_refuse(a, APP_COMMUNICATION, "%s: %s%s%s%s%s", one->proc->name, app_error(a, err),
               code ? " " : "", code ? mr_code_symbol(code) : "",
               win32 && win32 != code ? ", Windows shows " : "",
               win32 && win32 != code ? mr_code_symbol(win32) : "");
    app_eerr_show(a, one->call.eerr);
    return APP_COMMUNICATION;
}

/* The method's return value where it is a status that says no: its row in the table of codes. */
static const mr_code_info *failed_status(const struct one *one, uint32_t *valuep) {
    for (unsigned i = 0; i < one->proc->args->count; i++) {
        const mr_ndr_member *m = &one->proc->args->u.members[i];
        if (!(m->flags & MR_MEMBER_RETURN) ||
            (m->type->kind != MR_NDR_U32 && m->type->kind != MR_NDR_I32))
            continue;
        memcpy(valuep, (const uint8_t *)one->args + m->offset, sizeof *valuep);
        if (*valuep == 0)
            return NULL;
        const mr_code_info *code = mr_code_find(MR_SPACE_NTSTATUS, *valuep);
        if (!code)
            code = mr_code_find(MR_SPACE_HRESULT, *valuep);
        return code ? code : mr_code_find(MR_SPACE_WIN32, *valuep);
    }
    return NULL;
}

static int run_one(struct calls *calls, size_t i, mr_client *client, const mr_uuid *object) {
    struct one *one = &calls->items[i];
    app *a = calls->s->a;
    mr_error err = MR_ERROR_INIT;

    if (!one->args) {
        const mr_token *json = resolve(a, calls, i, one->json);
        int code = json ? read_args(a, calls, one, json) : APP_USAGE;
        if (code)
            return code;
    }
    int code = app_call_authenticate(calls->s, &one->step, one->args);
    if (code)
        return code;
    if (mr_call_init(&one->call, calls->iface, one->proc->opnum, one->args, &err) != 0)
        return app_refuse(a, APP_BUG, "%s", err.text);
    one->started = true;
    one->call.object = object;
    int r = mr_call_run(&one->call, client, &err);
    if (r)
        calls->s->error = err;
    code = app_session_after(calls->s, client, NULL, r, 0);
    if (code >= APP_USAGE)
        return code;
    if (code)
        return app_refuse(a, code, "%s: %s", calls->s->target->host,
                          app_error(a, &calls->s->error));
    if (r == MR_ERR_FAULT)
        return fault_code(a, one, &err);
    if (r)
        return app_refuse(a, r == MR_ERR_ARGUMENT ? APP_USAGE : APP_COMMUNICATION, "%s: %s",
                          one->proc->name, app_error(a, &err));
    uint32_t status = 0;
    (void)failed_status(one, &status);
    if (app_call_check(calls->s, &one->step, client, one->args, status) != 0)
        return app_refuse(a, APP_COMMUNICATION, "%s: %s", one->proc->name,
                          app_error(a, &calls->s->error));
    return keep_reply(a, one);
}

/* What a number in "result" means, for people. */
static void tell_status(app *a, const struct one *one) {
    uint32_t value;
    const mr_code_info *code = failed_status(one, &value);

    if (code) {
        fflush(a->out);
        fprintf(app_err(a), "%s: result 0x%08x %s: %s\n", one->proc->name, value,
                mr_code_symbol(code), mr_code_text(code));
    }
}

static void json_call(app *a, const struct calls *calls, size_t i, bool done, mr_writer *w) {
    const struct one *one = &calls->items[i];
    const mr_code_info *code;
    uint32_t value;

    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "interface", calls->iface->name);
    mr_writer_str(w, "method", one->proc->name);
    if (one->call.answered)
        mr_writer_real(w, "ms", (double)(one->call.answered - one->call.sent) / MR_MSEC);
    if (one->started && one->call.fault) {
        mr_writer_fmt(w, "fault", "0x%08x", one->call.fault);
        app_eerr_json(a, one->call.eerr, w);
    }
    if (done) {
        mr_writer_open(w, "reply", MR_SHAPE_OBJECT);
        mr_ndr_print(one->proc, MR_NDR_RESPONSE, one->args, w);
        mr_writer_close(w);
        if ((code = failed_status(one, &value)) != NULL)
            mr_writer_str(w, "symbol", mr_code_symbol(code));
    }
    mr_writer_close(w);
}

static void show(struct calls *calls, const app_target *target, const mr_addr *remote, size_t done,
                 int code) {
    app *a = calls->s->a;
    mr_writer w;

    if (!a->set.json && !a->set.jsonl) {
        for (size_t i = 0; i < done; i++) {
            mr_writer_init_json(&w, app_sink_file, a->out, true);
            mr_writer_open(&w, NULL, MR_SHAPE_OBJECT);
            mr_ndr_print(calls->items[i].proc, MR_NDR_RESPONSE, calls->items[i].args, &w);
            mr_writer_close(&w);
            mr_writer_flush(&w);
            mr_writer_deinit(&w);
            tell_status(a, &calls->items[i]);
        }
        return;
    }
    app_report_open(a, &w);
    app_report_target(&w, target, remote);
    app_report_vantage(calls->s, &w, NULL);
    mr_writer_real(&w, "ms", app_session_ms(calls->s));
    mr_writer_bool(&w, "partial", code >= APP_INCOMPLETE);
    if (code && calls->s->error.text[0])
        mr_writer_str(&w, "error", app_error(a, &calls->s->error));
    mr_writer_open(&w, "calls", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < calls->count; i++)
        json_call(a, calls, i, i < done, &w);
    mr_writer_close(&w);
    app_report_findings(calls->s, &w);
    app_report_close(a, &w, code);
}

static int run_session(app *a, struct calls *calls, const app_target *target,
                       const mr_uuid *object) {
    const struct call_options *o = a->own;
    app_session s;
    mr_client *client = NULL;
    uint16_t port;
    size_t done = 0;

    int code = app_session_open(a, &s);
    if (code)
        return code;
    calls->s = &s;
    code = app_session_resolve(&s, target);
    if (!code)
        code = app_session_port(&s, target, (uint16_t)o->mapper_port, &calls->iface->syntax,
                                &port);
    if (!code)
        code = app_session_connect(&s, target, port, &calls->iface->syntax, APP_COMMUNICATION,
                                   &client);
    while (!code && done < calls->count) {
        code = run_one(calls, done, client, object);
        done += code == 0;
    }
    show(calls, target, client ? &mr_client_get_report(client)->attempt.remote : NULL, done, code);
    app_session_tell_findings(&s);
    for (size_t i = 0; i < calls->count; i++)
        if (calls->items[i].started)
            mr_call_deinit(&calls->items[i].call);
    mr_client_free(client);
    app_session_close(&s);
    return code;
}

static int run(app *a) {
    const struct call_options *o = a->own;
    struct calls *calls = MR_ARENA_NEW(&a->arena, struct calls);
    app_target target;
    mr_uuid object;

    if (a->arg_count < 2)
        return app_refuse(a, APP_USAGE, "TARGET INTERFACE.METHOD [JSON] is wanted");
    if (!calls)
        return app_refuse(a, APP_BUG, "out of memory");
    calls->target = &target;
    int code = app_target_read(a, (char *)a->args[0], &target);
    if (!code && target.binding && target.binding->protseq != MR_PROTSEQ_NCACN_IP_TCP)
        code = app_refuse(a, APP_USAGE, "%s: calls go over ncacn_ip_tcp", target.input);
    if (!code && o->object && mr_uuid_decode(mr_slice_str(o->object), &object) != 0)
        code = app_refuse(a, APP_USAGE, "--object %s: a UUID is wanted", o->object);
    if (!code)
        code = app_accounts_read(a, &target, 1);
    if (!code)
        code = app_account_check(a, &target);
    if (!code)
        code = read_calls(a, calls);
    const mr_uuid *objectp = o->object ? &object : NULL;
    if (!objectp && target.binding && target.binding->has_object)
        objectp = &target.binding->object;
    return code ? code : run_session(a, calls, &target, objectp);
}

const app_command app_call = {
    .name = "call",
    .line = "any call of any compiled interface, JSON in, JSON out",
    .synopsis = "TARGET INTERFACE.METHOD [JSON] [INTERFACE.METHOD [JSON]]...",
    .about =
        "Calls a method by name (or opnum) with parameters from a JSON object and prints the reply "
        "as JSON. The port is that of TARGET:PORT or of a string binding, else the endpoint mapper "
        "is asked. JSON - reads standard input; sizes and discriminants may be left out. Several "
        "calls share one connection: \"$1.ServerHandle\" is a member of the first reply, "
        "\"$.ServerHandle\" of the last. msrpc describe INTERFACE.METHOD shows the parameters and "
        "an example.",
    .examples = {"msrpc call dc01 mgmt.inq_if_ids", "which interfaces the mapper's process serves",
                 "msrpc call dc01 dssetup.DsRolerGetPrimaryDomainInformation '{\"InfoLevel\":1}'",
                 "the domain role as a stranger reads it"},
    .exits = {"0", "every call was answered, whatever status the reply carries",
              "10 20 30", "the failing phase before the call: names, TCP, discovery",
              "40", "the bind was rejected, or the answer is a fault or none"},
    .groups = APP_GROUP_TARGET | APP_GROUP_IDENTITY | APP_GROUP_LIMITS | APP_GROUP_OUTPUT,
    .options = options,
    .own_size = sizeof(struct call_options),
    .run = run,
};
