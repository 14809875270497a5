/* Fuzzes string bindings: text that decodes is written and decoded again to the same binding. */
#include <msrpc/wire.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const mr_binding *a, const mr_binding *b) {
    if (a->has_object != b->has_object || !mr_uuid_eq(&a->object, &b->object) ||
        a->protseq != b->protseq || !mr_slice_eq(a->host, b->host) ||
        !mr_slice_eq(a->endpoint, b->endpoint) || a->option_count != b->option_count)
        return false;
    if (a->protseq == MR_PROTSEQ_UNKNOWN && !mr_slice_eq(a->protseq_text, b->protseq_text))
        return false;
    for (size_t i = 0; i < a->option_count; i++) {
        if (!mr_slice_eq(a->options[i].name, b->options[i].name) ||
            !mr_slice_eq(a->options[i].value, b->options[i].value) ||
            !a->options[i].value.data != !b->options[i].value.data)
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_error err = MR_ERROR_INIT;
    mr_binding binding, again;
    mr_arena arena;
    mr_buf text;

    if (size > MR_BINDING_TEXT_MAX / 2)
        return 0;
    mr_arena_init(&arena, 1 << 20);
    mr_buf_init(&text, NULL, 0, 65536);
    int r = mr_binding_decode(mr_slice_of(data, size), &arena, &binding, &err);
    if (r < 0) {
        if (err.code != r || err.floor != MR_FLOOR_WIRE || err.offset > size)
            abort();
    } else {
        mr_binding_text(&binding, &text);
        if (mr_buf_error(&text) != 0 ||
            mr_binding_decode(mr_buf_slice(&text), &arena, &again, NULL) != 0 ||
            !same(&binding, &again))
            abort();
    }
    mr_buf_deinit(&text);
    mr_arena_deinit(&arena);
    return 0;
}
