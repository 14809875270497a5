/* What two hosts say to each other on the port that the first octet chooses: portions of either
 * side, with octets missing now and then, or datagrams. The taps may say what they like of it, in
 * texts that end and in no more memory than what came allows. */
#include "../unit/tap_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TO_CLIENT = 0x80, HOLE = 0x40, LENGTH = 0x3f };

#define MEMORY_MOST ((size_t)4 << 20)

static void check(const tap_world *w) {
    if (w->batch.arena.used > MEMORY_MOST || w->ctx.failed != 0)
        abort();
    for (size_t i = 0; i < w->batch.count; i++) {
        const mr_seen *seen = &w->batch.seen[i];
        bool name = seen->kind == MR_SEEN_QUESTION || seen->kind == MR_SEEN_ANSWER;
        if (mr_seen_kind_name(seen->kind)[0] == '\0')
            abort();
        if (name && (seen->u.name.count > MR_SEEN_RECORDS ||
                     (seen->u.name.name && strlen(seen->u.name.name) >= MR_DNS_NAME_TEXT)))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint16_t ports[] = {53, 88, 137, 5353, 5355, 464, 80, 443, 593, 53, 88, 464};
    static tap_world w;

    if (size < 2 || size > 65536)
        return 0;
    size_t which = data[0] % MR_COUNT(ports);
    bool datagrams = which < 6;
    tap_world_init(&w);
    if (!datagrams)
        tap_world_open(&w, 4000, ports[which]);
    for (size_t at = 1; at < size;) {
        uint8_t control = data[at++];
        size_t len = control & LENGTH ? control & LENGTH : size - at;
        int from = control & TO_CLIENT ? 1 : 0;
        if (len > size - at)
            len = size - at;
        if (datagrams && len < 1400)
            tap_world_udp(&w, from, from ? ports[which] : 4000, from ? 4000 : ports[which],
                          data + at, len);
        else if (!datagrams)
            tap_world_say(&w, from, data + at, len, 1400);
        if (control & HOLE)
            w.seq[from] += len;
        at += len;
    }
    tap_world_end(&w);
    check(&w);
    tap_world_deinit(&w);
    return 0;
}
