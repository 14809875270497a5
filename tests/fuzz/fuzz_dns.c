/* Any octets as a DNS message, whose names must survive being asked for again, and as a name. */
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

/* The octets as a name: what is checked and what is sent agree, and the place lies in the name. */
static void check_name(const uint8_t *data, size_t size) {
    char name[1200];
    uint8_t room[512];
    mr_buf buf;
    mr_error err = MR_ERROR_INIT;

    size = size < sizeof name ? size : sizeof name - 1;
    memcpy(name, data, size);
    name[size] = '\0';
    mr_buf_init(&buf, room, sizeof room, sizeof room);
    int sent = mr_dns_encode_query(7, name, MR_DNS_A, true, &buf);
    int said = mr_dns_check_name(name, &err);
    if (sent != said || (said != 0 && err.offset > strlen(name)))
        abort();
    mr_buf_deinit(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_arena arena;
    mr_dns_message message;
    mr_error err = MR_ERROR_INIT;

    if (size)
        check_name(data, size);
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
