/*
 * msrpc trace --stubs: each request with its response, decoded to JSON by the descriptors of the
 * compiled interfaces, as "msrpc call" shows them. What is sealed, cut or of an interface without
 * descriptors is told with the reason. A request waits for its answer, for a response is decoded
 * with its request's values; the waiting ones are bounded, and the oldest goes without an answer.
 */
#include "trace.h"

#include <stdlib.h>

#include <msrpc/ifaces.h>

#include "report.h"

#define WAITING_MAX 4096
#define SLOTS 1024
#define DECODED_MAX ((size_t)64 << 20)
#define NOTE_MAX 1000   /* octets of parameters in a comment */
#define NOTES_MAX 65536 /* comments */
#define ROWS_MAX 500    /* of the page */

/* One half of a call as it was captured. */
struct half {
    bool there, cut, unasked;
    uint8_t seal;                 /* enum mr_seen_seal */
    mr_ndr_format format;
    uint64_t packet;
    mr_slice bytes;
};

struct waiting {
    struct waiting *next;         /* of its slot */
    struct waiting *older, *newer;
    uint64_t flow, packet;
    uint32_t id;
    mr_seen head;                 /* of the request; texts and octets are not kept */
    mr_slice bytes;               /* a copy, behind this struct */
};

struct trace_stubs {
    struct waiting *slots[SLOTS];
    struct waiting *oldest, *newest;
    size_t count;
    mr_arena arena;               /* of one call at a time */
};

int trace_stubs_new(struct trace *t) {
    t->stubs = calloc(1, sizeof *t->stubs);
    if (!t->stubs)
        return MR_ERR_MEMORY;
    mr_arena_init(&t->stubs->arena, DECODED_MAX);
    return 0;
}

/* ---- requests that wait ---- */

static struct waiting **slot_of(struct trace_stubs *s, uint64_t flow, uint32_t id) {
    return &s->slots[(flow * UINT64_C(0x9e3779b97f4a7c15) + id * UINT64_C(0xff51afd7ed558ccd)) >>
                     54];
}

static struct waiting *take(struct trace_stubs *s, uint64_t flow, uint32_t id) {
    for (struct waiting **at = slot_of(s, flow, id); *at; at = &(*at)->next) {
        struct waiting *w = *at;
        if (w->flow != flow || w->id != id)
            continue;
        *at = w->next;
        *(w->older ? &w->older->newer : &s->oldest) = w->newer;
        *(w->newer ? &w->newer->older : &s->newest) = w->older;
        s->count--;
        return w;
    }
    return NULL;
}

static int keep(struct trace_stubs *s, const mr_seen *seen) {
    const mr_slice bytes = seen->u.stub.bytes;
    struct waiting *w = malloc(sizeof *w + bytes.len);
    struct waiting **slot = slot_of(s, seen->flow, seen->u.stub.id);

    if (!w)
        return MR_ERR_MEMORY;
    *w = (struct waiting){.next = *slot, .older = s->newest, .flow = seen->flow,
                          .packet = seen->packet, .id = seen->u.stub.id, .head = *seen,
                          .bytes = {(uint8_t *)(w + 1), bytes.len}};
    if (bytes.len)
        memcpy(w + 1, bytes.data, bytes.len);
    w->head.pipe = NULL;
    w->head.u.stub.bytes = w->bytes;
    *slot = w;
    *(s->newest ? &s->newest->newer : &s->oldest) = w;
    s->newest = w;
    s->count++;
    return 0;
}

/* ---- one call told ---- */

static struct half half_of(const mr_seen *seen) {
    const mr_seen_stub *stub = &seen->u.stub;

    return (struct half){.there = true, .seal = stub->seal, .cut = stub->cut,
                         .unasked = stub->unasked,
                         .format = {stub->ndr64 ? MR_NDR64 : MR_NDR20, stub->big},
                         .packet = seen->packet, .bytes = stub->bytes};
}

static const char *why_not(const struct half *half, const mr_proc *proc) {
    switch ((enum mr_seen_seal)half->seal) {
    case MR_SEAL_NONE:
    case MR_SEAL_OPENED:
        break;
    case MR_SEAL_CLOSED:
        return "it is encrypted";
    case MR_SEAL_UNSEEN:
        return "it is encrypted, and the capture does not have all of its logon";
    case MR_SEAL_LOST:
        return "it is encrypted, and the capture lacks fragments before it";
    case MR_SEAL_WRONG:
        return "its verifier is wrong";
    }
    return half->cut       ? "the capture does not have all of it"
           : half->unasked ? "its request is not in the capture"
           : !proc         ? "no description of this method is compiled in"
                           : NULL;
}

/* The member "request" or "response": the parameters, or null and the reason in a member of its
 * own. @args: those of the request, if @paired. True: it could be decoded. */
static bool write_half(struct trace *t, const struct half *half, enum mr_ndr_side side,
                       const mr_proc *proc, bool paired, void *args, mr_writer *w) {
    const mr_ndr_limits limits = {.no_request = side == MR_NDR_RESPONSE && !paired};
    const char *key = side == MR_NDR_REQUEST ? "request" : "response";
    const char *why = half->there ? why_not(half, proc) : NULL;
    char key_why[16];
    mr_error err = MR_ERROR_INIT;

    if (half->there && !why && !args)
        why = mr_result_text(MR_ERR_MEMORY);
    if (half->there && !why && mr_ndr_decode(proc, side, half->format, half->bytes, &limits,
                                             &t->stubs->arena, args, NULL, &err) != 0) {
        memset(args, 0, proc->args->csize);
        why = err.text;
    }
    if (half->there && !why) {
        mr_writer_open(w, key, MR_SHAPE_OBJECT);
        mr_ndr_print(proc, side, args, w);
        mr_writer_close(w);
        return true;
    }
    snprintf(key_why, sizeof key_why, "%s_why", key);
    mr_writer_null(w, key);
    if (why)
        mr_writer_str(w, key_why, why);
    return false;
}

static const mr_proc *proc_of(const mr_seen_stub *stub) {
    const mr_syntax syntax = {.uuid = stub->interface, .major = stub->version};
    const mr_iface *iface = stub->known ? mr_ifaces_find(&syntax) : NULL;
    const mr_proc *proc = iface && !stub->unasked ? mr_iface_get_proc(iface, stub->opnum) : NULL;

    return proc && proc->args ? proc : NULL;
}

static void write_packet(mr_writer *w, const char *key, const struct half *half) {
    if (half->there)
        mr_writer_uint(w, key, half->packet);
    else
        mr_writer_null(w, key);
}

/* The members of one call, into the object that is open. */
static void write_call(struct trace *t, const mr_seen *head, const struct half *request,
                       const struct half *response, const uint32_t *fault, mr_writer *w) {
    const mr_seen_stub *stub = &head->u.stub;
    const mr_syntax syntax = {.uuid = stub->interface, .major = stub->version};
    const mr_proc *proc = proc_of(stub);
    char client[MR_IP_TEXT], server[MR_IP_TEXT];
    void *args = NULL;

    mr_writer_uint(w, "file", head->file + 1u);
    write_packet(w, "request_packet", request);
    write_packet(w, "response_packet", response);
    mr_writer_str(w, "client", mr_ip_text(&head->client, client));
    mr_writer_uint(w, "client_port", head->client_port);
    mr_writer_str(w, "server", mr_ip_text(&head->server, server));
    mr_writer_uint(w, "server_port", head->server_port);
    if (stub->known)
        app_report_iface(w, "interface", &syntax);
    else
        mr_writer_null(w, "interface");
    if (stub->unasked)
        mr_writer_null(w, "opnum");
    else
        mr_writer_uint(w, "opnum", stub->opnum);
    mr_writer_str(w, "method", proc ? proc->name : NULL);
    mr_writer_uint(w, "call_id", stub->id);
    if (proc)
        args = mr_arena_get(&t->stubs->arena, 1, proc->args->csize);
    bool paired = write_half(t, request, MR_NDR_REQUEST, proc, false, args, w);
    write_half(t, response, MR_NDR_RESPONSE, proc, paired, args, w);
    if (fault)
        mr_writer_fmt(w, "fault", "0x%08x", *fault);
}

/* For people: a line of who and what, then a line of JSON for each half. */
static void show_call(struct trace *t, const mr_seen *head, const struct half *request,
                      const struct half *response, const uint32_t *fault) {
    const mr_seen_stub *stub = &head->u.stub;
    char client[MR_IP_TEXT], server[MR_IP_TEXT];
    const struct half *halves[] = {request, response};
    const mr_proc *proc = proc_of(stub);
    mr_arena *arena = &t->stubs->arena;
    void *args = proc ? mr_arena_get(arena, 1, proc->args->csize) : NULL;
    bool paired = false;

    mr_ip_text(&head->client, client);
    mr_ip_text(&head->server, server);
    fprintf(t->a->out, "%s\n  %s > %s port %u, call %u\n",
            stub->unasked ? "a method not captured"
                          : trace_method(arena, &stub->interface, stub->version, stub->opnum),
            client, server, head->server_port, stub->id);
    for (int i = 0; i < 2; i++) {
        mr_writer w;
        if (!halves[i]->there)
            continue;
        fprintf(t->a->out, "   %llu ", (unsigned long long)halves[i]->packet);
        mr_writer_init_json(&w, app_sink_file, t->a->out, false);
        mr_writer_open(&w, NULL, MR_SHAPE_OBJECT);
        paired = write_half(t, halves[i], i == 0 ? MR_NDR_REQUEST : MR_NDR_RESPONSE, proc, paired,
                            args, &w);
        mr_writer_close(&w);
        mr_writer_flush(&w);
        mr_writer_deinit(&w);
    }
    if (fault)
        fprintf(t->a->out, "   fault 0x%08x\n", *fault);
    else if (!response->there)
        fputs("   no answer\n", t->a->out);
}

/* ---- what keys opened ---- */

struct note_text {
    uint8_t octets[NOTE_MAX];
    size_t len;
    bool cut;
};

static int append(void *user, mr_slice s) {
    struct note_text *text = user;
    size_t room = NOTE_MAX - text->len, len = s.len < room ? s.len : room;

    memcpy(text->octets + text->len, s.data, len);
    text->len += len;
    text->cut |= len < s.len;
    return 0;
}

/* TRACE_OPENED "samr.SamrConnect5: {"request":{...}}", cut to fit. */
static int note_half(struct trace *t, const mr_seen *head, const struct half *half,
                     enum mr_ndr_side side, const mr_proc *proc, bool *pairedp, void *args) {
    const mr_seen_stub *stub = &head->u.stub;
    struct note_text json = {.len = 0};
    mr_writer w;

    mr_writer_init_json(&w, append, &json, false);
    mr_writer_open(&w, NULL, MR_SHAPE_OBJECT);
    *pairedp = write_half(t, half, side, proc, *pairedp, args, &w);
    mr_writer_close(&w);
    mr_writer_flush(&w);
    mr_writer_deinit(&w);
    if (half->seal != MR_SEAL_OPENED)
        return 0;
    if (t->note_count == (t->o->annotate ? NOTES_MAX : ROWS_MAX)) {
        t->notes_left_out++;
        return 0;
    }
    size_t len = mr_utf8_ok_len(mr_slice_of(json.octets, json.len));
    const char *text = mr_arena_add_fmt(
        &t->a->arena, TRACE_OPENED "%s: %.*s%s",
        stub->unasked ? "a method not captured"
                      : trace_method(&t->stubs->arena, &stub->interface, stub->version,
                                     stub->opnum),
        (int)len, (const char *)json.octets, json.cut ? "..." : "");
    if (!text)
        return MR_ERR_MEMORY;
    if ((t->note_count & (t->note_count - 1)) == 0) { /* full at powers of two */
        size_t more = t->note_count ? 2 * t->note_count : 1;
        struct trace_note *grown = reallocarray(t->notes, more, sizeof *grown);
        if (!grown)
            return MR_ERR_MEMORY;
        t->notes = grown;
    }
    t->notes[t->note_count++] = (struct trace_note){half->packet, text, head->file};
    return 0;
}

static int note_call(struct trace *t, const mr_seen *head, const struct half *request,
                     const struct half *response) {
    const mr_proc *proc = proc_of(&head->u.stub);
    void *args = proc ? mr_arena_get(&t->stubs->arena, 1, proc->args->csize) : NULL;
    bool paired = false;
    int r = 0;

    if (request->there)
        r = note_half(t, head, request, MR_NDR_REQUEST, proc, &paired, args);
    if (!r && response->there)
        r = note_half(t, head, response, MR_NDR_RESPONSE, proc, &paired, args);
    mr_arena_reset(&t->stubs->arena);
    return r;
}

/* ---- calls and their answers ---- */

static int tell(struct trace *t, const mr_seen *head, const struct half *request,
                const struct half *response, const uint32_t *fault) {
    app *a = t->a;
    mr_writer line, *w = t->report;
    int r = t->keys && (t->o->annotate || t->o->html) ? note_call(t, head, request, response) : 0;

    if (r || !t->o->stubs)
        return r;
    t->stub_count++;
    if (!w && !a->set.jsonl) {
        show_call(t, head, request, response, fault);
    } else {
        if (w)
            mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        else {
            app_report_open(a, w = &line);
            mr_writer_open(w, "stub", MR_SHAPE_OBJECT);
        }
        write_call(t, head, request, response, fault, w);
        mr_writer_close(w);
        if (w == &line) {
            mr_writer_close(w);
            r = mr_writer_flush(w);
            mr_writer_deinit(w);
        }
    }
    mr_arena_reset(&t->stubs->arena);
    return r ? r : ferror(a->out) ? MR_ERR_OUTPUT : 0;
}

/* A request without response, with the fault that answered it or NULL. */
static int tell_waiting(struct trace *t, struct waiting *w, const uint32_t *fault) {
    const struct half request = half_of(&w->head), none = {0};
    int r = tell(t, &w->head, &request, &none, fault);

    free(w);
    return r;
}

static int take_response(struct trace *t, const mr_seen *seen) {
    struct waiting *w = take(t->stubs, seen->flow, seen->u.stub.id);
    const struct half response = half_of(seen);
    struct half request = {0};

    if (w)
        request = half_of(&w->head);
    int r = tell(t, seen, &request, &response, NULL);
    free(w);
    return r;
}

int trace_stubs_add(struct trace *t, const mr_seen *seen) {
    struct trace_stubs *s = t->stubs;
    struct waiting *w;
    int r = 0;

    if (seen->kind == MR_SEEN_FAULT || seen->kind == MR_SEEN_UNANSWERED) {
        w = take(s, seen->flow, seen->u.call.id);
        return w ? tell_waiting(t, w, seen->kind == MR_SEEN_FAULT ? &seen->u.call.status : NULL)
                 : 0;
    }
    if (seen->kind != MR_SEEN_STUB)
        return 0;
    if (seen->to_client)
        return take_response(t, seen);
    if ((w = take(s, seen->flow, seen->u.stub.id)) != NULL) /* its number is used again */
        r = tell_waiting(t, w, NULL);
    if (!r && s->count >= WAITING_MAX && (w = take(s, s->oldest->flow, s->oldest->id)) != NULL)
        r = tell_waiting(t, w, NULL);
    return r ? r : keep(s, seen);
}

int trace_stubs_end(struct trace *t) {
    struct trace_stubs *s = t->stubs;
    int r = 0;

    while (s->oldest) {
        struct waiting *w = take(s, s->oldest->flow, s->oldest->id);
        int told = tell_waiting(t, w, NULL);
        r = r ? r : told;
    }
    mr_arena_deinit(&s->arena);
    free(s);
    t->stubs = NULL;
    return r;
}
