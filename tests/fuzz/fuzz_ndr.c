/*
 * NDR over the hand-written types. The first octet picks a type or method, the second the transfer
 * syntax and byte order, the rest is the stub. Whatever decodes must come back equal from encode
 * and decode, and from print and read; nothing may be read past the end or cost more than the
 * arena's cap.
 */
#include "../unit/test_ndr_json.h"
#include "../unit/test_ndr_types.h"

#define ARENA_CAP (1u << 20)
#define TEXT_CAP (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef union value {
    uint64_t align;
    uint8_t octets[TEST_VALUE_MOST];
} value;

typedef struct subject {
    const mr_type *type; /* or */
    const mr_proc *proc;
    enum mr_ndr_side side;
    mr_ndr_format format;
} subject;

static void check(bool ok) {
    if (!ok)
        abort();
}

static int decode(const subject *s, mr_slice stub, mr_arena *arena, value *v) {
    mr_ndr_limits limits = {.no_request = true};
    mr_error err = MR_ERROR_INIT;
    int r = s->proc ? mr_ndr_decode(s->proc, s->side, s->format, stub, &limits, arena, v, NULL,
                                    &err)
                    : mr_ndr_decode_type(s->type, s->format, stub, &limits, arena, v, NULL, &err);
    check(r == err.code);
    check(r == 0 || err.floor == MR_FLOOR_NDR);
    return r;
}

static int encode(const subject *s, const value *v, mr_buf *out) {
    return s->proc ? mr_ndr_encode(s->proc, s->side, s->format, v, out, NULL)
                   : mr_ndr_encode_type(s->type, s->format, v, out, NULL);
}

static bool eq(const subject *s, const value *a, const value *b) {
    return s->proc ? mr_ndr_eq(s->proc, s->side, a, b) : mr_ndr_eq_type(s->type, a, b);
}

/* A response's [in] values, which its text does not carry. */
static void take_request(const subject *s, const value *from, value *to) {
    for (unsigned i = 0; s->proc && i < s->proc->args->count; i++) {
        const mr_ndr_member *m = &s->proc->args->u.members[i];
        if (s->side == MR_NDR_RESPONSE && MR_NDR_IS_SCALAR(m->type->kind))
            memcpy(to->octets + m->offset, from->octets + m->offset, m->type->csize);
    }
}

static void check_text(const subject *s, const value *v, mr_arena *arena) {
    mr_error err = MR_ERROR_INIT;
    mr_writer w;
    mr_buf text;
    value back = {0};
    int r;

    mr_buf_init(&text, NULL, 0, TEXT_CAP);
    mr_writer_init_json(&w, mr_sink_buf, &text, false);
    mr_writer_open(&w, NULL, MR_SHAPE_OBJECT);
    r = s->proc ? mr_ndr_print(s->proc, s->side, v, &w)
                : mr_ndr_print_type(s->type, "value", v, &w);
    mr_writer_close(&w);
    if (r == 0 && mr_writer_flush(&w) == 0) {
        mr_buf_write_u8(&text, 0);
        check(mr_buf_error(&text) == 0);
        mr_token *token = json_read(mr_slice_of(text.data, text.len - 1), arena);
        take_request(s, v, &back);
        if (token) { /* else the arena is full */
            r = s->proc ? mr_ndr_read(s->proc, s->side, token, arena, &back, &err)
                        : mr_ndr_read_type(s->type, mr_token_find(token, "value"), arena, &back,
                                           &err);
            check(r == 0 || r == MR_ERR_MEMORY || r == MR_ERR_LIMIT);
            check(r != 0 || eq(s, v, &back));
        }
    }
    mr_writer_deinit(&w);
    mr_buf_deinit(&text);
}

static void run(const subject *s, mr_slice stub) {
    value v = {0}, back = {0};
    mr_arena arena, text_arena;
    mr_buf out;

    mr_arena_init(&arena, ARENA_CAP);
    mr_arena_init(&text_arena, TEXT_CAP);
    mr_buf_init(&out, NULL, 0, TEXT_CAP);
    if (decode(s, stub, &arena, &v) == 0) {
        check(eq(s, &v, &v));
        check(encode(s, &v, &out) == 0);
        take_request(s, &v, &back);
        int r = decode(s, mr_buf_slice(&out), &arena, &back);
        check(r == 0 || r == MR_ERR_MEMORY);
        check(r != 0 || eq(s, &v, &back));
        check_text(s, &v, &text_arena);
    }
    check(arena.used <= ARENA_CAP);
    mr_buf_deinit(&out);
    mr_arena_deinit(&text_arena);
    mr_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const size_t types = MR_COUNT(test_types), procs = MR_COUNT(test_procs);
    if (size < 2)
        return 0;
    size_t pick = data[0] % (types + 2 * procs);
    subject s = {.format = {data[1] & 1 ? MR_NDR64 : MR_NDR20, (data[1] & 2) != 0}};
    if (pick < types) {
        s.type = test_types[pick];
    } else {
        s.proc = &test_procs[(pick - types) / 2];
        s.side = (pick - types) % 2 ? MR_NDR_RESPONSE : MR_NDR_REQUEST;
    }
    if (s.type || s.proc->args)
        run(&s, mr_slice_of(data + 2, size - 2));
    return 0;
}
