/* Any octets as a DNS message; each name found must survive being asked for again. */
#include <msrpc/wire/dns.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask_again(const char *name, mr_arena *arena) {
    uint8_t room[512];
    mr_buf buf;
    mr_dns_message back;

    mr_buf_init(&buf, room, sizeof room, sizeof room);
    if (mr_dns_encode_query(7, name, MR_DNS_A, true, &buf) != 0)
        abort();
    if (mr_dns_decode(mr_buf_slice(&buf), arena, &back, NULL) == 0 &&
        !mr_dns_same_name(back.question, name))
        abort();
    mr_buf_deinit(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_arena arena;
    mr_dns_message message;
    mr_error err = MR_ERROR_INIT;

    mr_arena_init(&arena, 1 << 20);
    if (mr_dns_decode(mr_slice_of(data, size), &arena, &message, &err) == 0) {
        if (message.question)
            ask_again(message.question, &arena);
        for (size_t i = 0; i < message.answer_count; i++)
            ask_again(message.answers[i].name, &arena);
    }
    mr_arena_deinit(&arena);
    return 0;
}
