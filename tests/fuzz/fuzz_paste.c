/* Any octets as pasted text: whole and in pieces of a size the first octet tells, with the same
 * result; every finding has its rule, every line is a line of the text. */
#include <msrpc/diag/paste.h>

#include <stdlib.h>

#include <msrpc/diag/rule.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_text(mr_arena *arena, mr_slice text, size_t piece, mr_paste_result *result) {
    mr_paste *paste;

    if (mr_paste_new(arena, &paste) != 0)
        abort();
    for (size_t at = 0; at < text.len; at += piece)
        if (mr_paste_feed(paste, mr_slice_sub(text, at, piece)) != 0)
            abort();
    if (mr_paste_end(paste, result) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_paste_result whole, pieces;
    mr_arena arena;

    if (size < 1)
        return 0;
    mr_slice text = mr_slice_of(data + 1, size - 1);
    mr_arena_init(&arena, 64 << 20);
    read_text(&arena, text, SIZE_MAX / 2, &whole);
    read_text(&arena, text, (size_t)data[0] + 1, &pieces);
    if (whole.item_count != pieces.item_count || whole.finding_count != pieces.finding_count ||
        whole.exit != pieces.exit || whole.lines != pieces.lines)
        abort();
    for (size_t i = 0; i < whole.item_count; i++)
        if (whole.items[i].line < 1 || whole.items[i].line > whole.lines ||
            strcmp(whole.items[i].text, pieces.items[i].text) != 0)
            abort();
    for (size_t i = 0; i < whole.finding_count; i++)
        if (!whole.findings[i].rule || !whole.findings[i].item)
            abort();
    if ((whole.verdict != NULL) > (whole.next != NULL))
        abort();
    mr_arena_deinit(&arena);
    return 0;
}
